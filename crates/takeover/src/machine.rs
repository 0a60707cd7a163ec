//! The one table of transitions (`takeover.md` 1.2): which event leads where from which state.
//!
//! Guards that need more than the state (epochs, readiness, timers, latches) are the gate's; here stands what is
//! possible at all. Both parties ask this table, so that a proposal the agent must refuse is never sent.

use watchkeeper_model::ControlState::{
    self, AssistPending, Autonomous, Claimed, Estopped, Fallback, FallbackFailed, Human, InTransition, Local,
    OutOfService, Requested, Returning, SafeHeld,
};

/// What can happen to an agent's control state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// The agent asks a question and goes on with other work (row 2).
    Question,
    /// The last open question is over (row 3).
    QuestionsOver,
    /// Nobody answered a question that needed an answer (row 4).
    QuestionExpired,
    /// A takeover is wanted (row 5).
    Demand,
    /// The cause went away before anybody claimed (row 6).
    DemandCleared,
    /// The operator who wanted it changed his mind, or never came (row 6b).
    DemandCancelled,
    /// The holder calls it a false alarm (row 6c).
    Dismissed,
    /// An operator holds the lease (row 7; a flag in FALLBACK and SAFE_HELD, rows 23 and 24), or is the next to
    /// hold it (row 16).
    Granted,
    /// The lease was given back or lost before engaging (row 8).
    GrantLost,
    /// Second deliberate input (rows 9, 23, 24).
    Engage,
    /// First valid command under the pending epoch, and stable (row 10).
    Assumed,
    /// The transition failed or was cancelled; the holder still claims (row 11).
    TransitionCancelled,
    /// The transition failed because its holder is gone or its time is up (row 11).
    TransitionLost,
    /// T_demand is over (row 12).
    DemandExpired,
    /// The holder lets the agent drive again (row 13).
    HandBack,
    /// The agent is stable and drives (row 14).
    ReturnConfirmed,
    /// Handing back took too long (row 15).
    ReturnFailed,
    /// The first valid command under the pending epoch of the next holder (row 16).
    HandedOver,
    /// The holder is gone, not ready, or released (row 18).
    HolderLost,
    /// Somebody wants the minimal-risk condition (row 19), or the fallback gets harder (row 20).
    MinimalRisk,
    /// Sensors confirm the minimal-risk condition (rows 21, 22b).
    ConditionConfirmed,
    /// Level 3 does not work (row 22).
    LastLevelFailed,
    /// The minimal-risk condition is lost (row 24b).
    ConditionLost,
    /// A named person released the last latch (row 25).
    LatchesCleared,
    /// Somebody stops the agent (row 26).
    Estop,
    /// A supervisor released the latch of an ESTOP (row 27).
    EstopCleared,
    /// A supervisor takes the agent out of service (row 28).
    Suspended,
    /// A supervisor brings it back, and no stop is latched (row 28).
    Reinstated,
    /// A supervisor brings it back to the stop that is latched (row 28).
    ReinstatedStopped,
    /// Somebody at the agent takes control (row 29).
    LocalTaken,
    /// He gives it up, and no stop is latched (row 29).
    LocalReleased,
    /// He gives it up, and a stop waits for that (row 29).
    LocalReleasedStopped,
}

/// Where a row leads.
#[derive(Clone, Copy, Debug)]
enum To {
    /// To this state.
    State(ControlState),
    /// Nowhere else: something beside the state changes.
    Stay,
    /// Back to where the transition came from.
    Origin,
}

/// One row of the table.
#[derive(Debug)]
struct Row {
    number: &'static str,
    event: Event,
    states: &'static [ControlState],
    /// Where IN_TRANSITION must have come from; empty where that does not matter.
    origins: &'static [ControlState],
    to: To,
}

const fn row(number: &'static str, event: Event, states: &'static [ControlState], to: To) -> Row {
    Row { number, event, states, origins: &[], to }
}

/// Rows 11: a transition that came from one of `origins` and did not complete.
const fn back(event: Event, origins: &'static [ControlState], to: To) -> Row {
    Row { number: "11", event, states: &[InTransition], origins, to }
}

/// Where the agent drives, or a person does.
const DRIVEN: &[ControlState] =
    &[Autonomous, AssistPending, Requested, Claimed, InTransition, Human, Returning];
const FALLS: &[ControlState] = &[Fallback, FallbackFailed];
const FALLEN: &[ControlState] = &[Fallback, FallbackFailed, SafeHeld];

/// The table, in the order of the rows.
const TABLE: &[Row] = &[
    row("2", Event::Question, &[Autonomous], To::State(AssistPending)),
    row("3", Event::QuestionsOver, &[AssistPending], To::State(Autonomous)),
    row("4", Event::QuestionExpired, &[AssistPending, Requested, Claimed, InTransition], To::State(Fallback)),
    row("5", Event::Demand, &[Autonomous, AssistPending], To::State(Requested)),
    row("6", Event::DemandCleared, &[Requested], To::State(Autonomous)),
    row("6b", Event::DemandCancelled, &[Requested, Claimed], To::State(Autonomous)),
    row("6c", Event::Dismissed, &[Claimed], To::State(Autonomous)),
    row("7", Event::Granted, &[Requested], To::State(Claimed)),
    row("16", Event::Granted, &[Human, Returning], To::Stay),
    row("23", Event::Granted, FALLS, To::Stay),
    row("24", Event::Granted, &[SafeHeld], To::Stay),
    row("8", Event::GrantLost, &[Claimed], To::State(Requested)),
    row("16", Event::GrantLost, &[Human, Returning], To::Stay),
    row("23", Event::GrantLost, FALLS, To::Stay),
    row("24", Event::GrantLost, &[SafeHeld], To::Stay),
    row("9", Event::Engage, &[Claimed], To::State(InTransition)),
    row("23", Event::Engage, FALLS, To::State(InTransition)),
    row("24", Event::Engage, &[SafeHeld], To::State(InTransition)),
    row("10", Event::Assumed, &[InTransition], To::State(Human)),
    back(Event::TransitionCancelled, &[Claimed], To::State(Claimed)),
    back(Event::TransitionCancelled, FALLEN, To::Origin),
    back(Event::TransitionLost, &[Claimed], To::State(Requested)),
    back(Event::TransitionLost, FALLEN, To::Origin),
    row("12", Event::DemandExpired, &[Requested, Claimed, InTransition], To::State(Fallback)),
    row("13", Event::HandBack, &[Human], To::State(Returning)),
    row("14", Event::ReturnConfirmed, &[Returning], To::State(Autonomous)),
    row("15", Event::ReturnFailed, &[Returning], To::State(Human)),
    row("16", Event::HandedOver, &[Human, Returning], To::State(Human)),
    row("18", Event::HolderLost, &[Human, Returning], To::State(Fallback)),
    row("19", Event::MinimalRisk, DRIVEN, To::State(Fallback)),
    row("20", Event::MinimalRisk, &[Fallback], To::Stay),
    row("21", Event::ConditionConfirmed, &[Fallback], To::State(SafeHeld)),
    row("22", Event::LastLevelFailed, &[Fallback], To::State(FallbackFailed)),
    row("22b", Event::ConditionConfirmed, &[FallbackFailed], To::State(SafeHeld)),
    row("24b", Event::ConditionLost, &[SafeHeld], To::State(Fallback)),
    row("25", Event::LatchesCleared, &[SafeHeld], To::State(Autonomous)),
    row("26", Event::Estop, DRIVEN, To::State(Estopped)),
    row("26", Event::Estop, FALLEN, To::State(Estopped)),
    row("26", Event::Estop, &[OutOfService], To::State(Estopped)),
    row("27", Event::EstopCleared, &[Estopped], To::State(SafeHeld)),
    row("28", Event::Suspended, &[SafeHeld, Estopped], To::State(OutOfService)),
    row("28", Event::Reinstated, &[OutOfService], To::State(SafeHeld)),
    row("28", Event::ReinstatedStopped, &[OutOfService], To::State(Estopped)),
    row("29", Event::LocalTaken, DRIVEN, To::State(Local)),
    row("29", Event::LocalTaken, FALLEN, To::State(Local)),
    row("29", Event::LocalTaken, &[Estopped, OutOfService], To::State(Local)),
    row("29", Event::LocalReleased, &[Local], To::State(Fallback)),
    row("29", Event::LocalReleasedStopped, &[Local], To::State(Estopped)),
];

impl Event {
    /// Every event, in the order of the rows.
    pub const ALL: [Self; 32] = [
        Self::Question,
        Self::QuestionsOver,
        Self::QuestionExpired,
        Self::Demand,
        Self::DemandCleared,
        Self::DemandCancelled,
        Self::Dismissed,
        Self::Granted,
        Self::GrantLost,
        Self::Engage,
        Self::Assumed,
        Self::TransitionCancelled,
        Self::TransitionLost,
        Self::DemandExpired,
        Self::HandBack,
        Self::ReturnConfirmed,
        Self::ReturnFailed,
        Self::HandedOver,
        Self::HolderLost,
        Self::MinimalRisk,
        Self::ConditionConfirmed,
        Self::LastLevelFailed,
        Self::ConditionLost,
        Self::LatchesCleared,
        Self::Estop,
        Self::EstopCleared,
        Self::Suspended,
        Self::Reinstated,
        Self::ReinstatedStopped,
        Self::LocalTaken,
        Self::LocalReleased,
        Self::LocalReleasedStopped,
    ];
}

/// One step of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The row of `takeover.md` 1.2.
    pub row: &'static str,
    /// Where it leads. For IN_TRANSITION the state it came from is the one it left.
    pub to: ControlState,
}

/// Returns the step that `event` makes from `state`, `None` where there is none.
///
/// `from` is where IN_TRANSITION came from; it is not read in other states.
pub fn next(state: ControlState, from: ControlState, event: Event) -> Option<Step> {
    let fits = |row: &&Row| {
        row.event == event
            && row.states.contains(&state)
            && (row.origins.is_empty() || row.origins.contains(&from))
    };
    let row = TABLE.iter().find(fits)?;
    let to = match row.to {
        To::State(to) => to,
        To::Stay => state,
        To::Origin => from,
    };
    Some(Step { row: row.number, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lands(event: Event) -> Vec<(ControlState, ControlState)> {
        ControlState::ALL
            .iter()
            .filter_map(|state| next(*state, Claimed, event).map(|step| (*state, step.to)))
            .collect()
    }

    #[test]
    fn every_event_has_a_row_and_no_state_has_two_rows_for_one() {
        for event in Event::ALL {
            let rows: Vec<&Row> = TABLE.iter().filter(|row| row.event == event).collect();
            assert!(!rows.is_empty(), "{event:?}");
            for state in ControlState::ALL {
                for from in ControlState::ALL {
                    let fits = rows.iter().filter(|row| {
                        row.states.contains(state) && (row.origins.is_empty() || row.origins.contains(from))
                    });
                    assert!(fits.count() <= 1, "{state} --{event:?}-->");
                }
            }
        }
    }

    #[test]
    fn an_estop_works_from_every_state_but_under_local_control() {
        let lands = lands(Event::Estop);
        assert_eq!(lands.len(), ControlState::ALL.len() - 2);
        assert!(lands.iter().all(|(from, to)| *to == Estopped && *from != Local));
    }

    #[test]
    fn somebody_at_the_agent_takes_control_from_every_state() {
        assert_eq!(lands(Event::LocalTaken).len(), ControlState::ALL.len() - 1);
        for event in Event::ALL {
            let Some(step) = next(Local, Local, event) else { continue };
            assert!(matches!(step.to, Fallback | Estopped), "LOCAL --{event:?}--> {}", step.to);
        }
    }

    #[test]
    fn nothing_but_a_person_leaves_a_latched_state_towards_motion() {
        for event in Event::ALL {
            for state in [SafeHeld, Estopped, OutOfService, FallbackFailed] {
                let Some(step) = next(state, state, event) else { continue };
                let by_person = matches!(
                    event,
                    Event::Granted
                        | Event::GrantLost
                        | Event::Engage
                        | Event::LatchesCleared
                        | Event::EstopCleared
                        | Event::Suspended
                        | Event::Reinstated
                        | Event::ReinstatedStopped
                        | Event::LocalTaken
                );
                let safer = matches!(step.to, Fallback | SafeHeld | Estopped);
                assert!(by_person || safer, "{state} --{event:?}--> {}", step.to);
            }
        }
    }

    #[test]
    fn only_the_first_valid_command_makes_a_person_drive() {
        for event in Event::ALL {
            for state in ControlState::ALL {
                if let Some(step) = next(*state, Claimed, event)
                    && step.to == Human
                {
                    let by_command =
                        matches!(event, Event::Assumed | Event::ReturnFailed | Event::HandedOver);
                    assert!(by_command || *state == Human, "{state} --{event:?}--> {}", step.to);
                }
            }
        }
    }

    #[test]
    fn a_failed_transition_rolls_back_to_where_it_came_from() {
        for from in [Fallback, FallbackFailed, SafeHeld] {
            assert_eq!(next(InTransition, from, Event::TransitionLost).unwrap().to, from);
        }
        assert_eq!(next(InTransition, Claimed, Event::TransitionLost).unwrap().to, Requested);
        assert_eq!(next(InTransition, Claimed, Event::TransitionCancelled).unwrap().to, Claimed);
        assert_eq!(next(InTransition, Human, Event::TransitionLost), None);
    }
}
