//! The one table of transitions (`takeover.md` 1.2, first form): which event leads where from which state.
//!
//! Guards that need more than the state (epochs, readiness, timers, latches) are the gate's; here stands what is
//! possible at all. Both parties ask this table, so that a proposal the agent must refuse is never sent.

use watchkeeper_model::ControlState::{
    self, Autonomous, Claimed, Estopped, Fallback, Human, InTransition, Requested, Returning, SafeHeld,
};

/// What can happen to an agent's control state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
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
    /// Sensors confirm the minimal-risk condition (row 21).
    ConditionConfirmed,
    /// The minimal-risk condition is lost (row 24b).
    ConditionLost,
    /// A named person released the last latch (row 25).
    LatchesCleared,
    /// Somebody stops the agent (row 26).
    Estop,
    /// A supervisor released the latch of an ESTOP (row 27).
    EstopCleared,
}

impl Event {
    /// Every event, in the order of the rows.
    pub const ALL: [Self; 22] = [
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
        Self::ConditionLost,
        Self::LatchesCleared,
        Self::Estop,
        Self::EstopCleared,
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

#[expect(clippy::unnecessary_wraps, reason = "keeps each arm of the table one short line")]
const fn step(row: &'static str, to: ControlState) -> Option<Step> {
    Some(Step { row, to })
}

/// Returns the step that `event` makes from `state`, `None` where there is none.
///
/// `from` is where IN_TRANSITION came from; it is not read in other states.
pub const fn next(state: ControlState, from: ControlState, event: Event) -> Option<Step> {
    match event {
        Event::Demand => match state {
            Autonomous => step("5", Requested),
            Requested | Claimed | InTransition | Human | Returning | Fallback | SafeHeld | Estopped => None,
        },
        Event::DemandCleared => match state {
            Requested => step("6", Autonomous),
            Autonomous | Claimed | InTransition | Human | Returning | Fallback | SafeHeld | Estopped => None,
        },
        Event::DemandCancelled => match state {
            Requested | Claimed => step("6b", Autonomous),
            Autonomous | InTransition | Human | Returning | Fallback | SafeHeld | Estopped => None,
        },
        Event::Granted => match state {
            Requested => step("7", Claimed),
            Fallback => step("23", Fallback),
            SafeHeld => step("24", SafeHeld),
            Human => step("16", Human),
            Returning => step("16", Returning),
            Autonomous | Claimed | InTransition | Estopped => None,
        },
        Event::GrantLost => match state {
            Claimed => step("8", Requested),
            Fallback => step("23", Fallback),
            SafeHeld => step("24", SafeHeld),
            Human => step("16", Human),
            Returning => step("16", Returning),
            Autonomous | Requested | InTransition | Estopped => None,
        },
        Event::Engage => match state {
            Claimed => step("9", InTransition),
            Fallback => step("23", InTransition),
            SafeHeld => step("24", InTransition),
            Autonomous | Requested | InTransition | Human | Returning | Estopped => None,
        },
        Event::Assumed => match state {
            InTransition => step("10", Human),
            Autonomous | Requested | Claimed | Human | Returning | Fallback | SafeHeld | Estopped => None,
        },
        Event::TransitionCancelled => match (state, from) {
            (InTransition, Fallback | SafeHeld) => step("11", from),
            (InTransition, Claimed) => step("11", Claimed),
            (InTransition, Autonomous | Requested | InTransition | Human | Returning | Estopped)
            | (Autonomous | Requested | Claimed | Human | Returning | Fallback | SafeHeld | Estopped, _) => {
                None
            }
        },
        Event::TransitionLost => match (state, from) {
            (InTransition, Fallback | SafeHeld) => step("11", from),
            (InTransition, Claimed) => step("11", Requested),
            (InTransition, Autonomous | Requested | InTransition | Human | Returning | Estopped)
            | (Autonomous | Requested | Claimed | Human | Returning | Fallback | SafeHeld | Estopped, _) => {
                None
            }
        },
        Event::Dismissed
        | Event::DemandExpired
        | Event::HandBack
        | Event::ReturnConfirmed
        | Event::ReturnFailed
        | Event::HandedOver
        | Event::HolderLost
        | Event::MinimalRisk
        | Event::ConditionConfirmed
        | Event::ConditionLost
        | Event::LatchesCleared
        | Event::Estop
        | Event::EstopCleared => next_late(state, event),
    }
}

/// The second half of the table: rows 6c and 12 to 27, which do not depend on where a transition came from.
const fn next_late(state: ControlState, event: Event) -> Option<Step> {
    match event {
        Event::Dismissed => match state {
            Claimed => step("6c", Autonomous),
            Autonomous | Requested | InTransition | Human | Returning | Fallback | SafeHeld | Estopped => {
                None
            }
        },
        Event::DemandExpired => match state {
            Requested | Claimed | InTransition => step("12", Fallback),
            Autonomous | Human | Returning | Fallback | SafeHeld | Estopped => None,
        },
        Event::HandBack => match state {
            Human => step("13", Returning),
            Autonomous | Requested | Claimed | InTransition | Returning | Fallback | SafeHeld | Estopped => {
                None
            }
        },
        Event::ReturnConfirmed => match state {
            Returning => step("14", Autonomous),
            Autonomous | Requested | Claimed | InTransition | Human | Fallback | SafeHeld | Estopped => None,
        },
        Event::ReturnFailed => match state {
            Returning => step("15", Human),
            Autonomous | Requested | Claimed | InTransition | Human | Fallback | SafeHeld | Estopped => None,
        },
        Event::HandedOver => match state {
            Human | Returning => step("16", Human),
            Autonomous | Requested | Claimed | InTransition | Fallback | SafeHeld | Estopped => None,
        },
        Event::HolderLost => match state {
            Human | Returning => step("18", Fallback),
            Autonomous | Requested | Claimed | InTransition | Fallback | SafeHeld | Estopped => None,
        },
        Event::MinimalRisk => match state {
            Autonomous | Requested | Claimed | InTransition | Human | Returning => step("19", Fallback),
            Fallback => step("20", Fallback),
            SafeHeld | Estopped => None,
        },
        Event::ConditionConfirmed => match state {
            Fallback => step("21", SafeHeld),
            Autonomous | Requested | Claimed | InTransition | Human | Returning | SafeHeld | Estopped => None,
        },
        Event::ConditionLost => match state {
            SafeHeld => step("24b", Fallback),
            Autonomous | Requested | Claimed | InTransition | Human | Returning | Fallback | Estopped => None,
        },
        Event::LatchesCleared => match state {
            SafeHeld => step("25", Autonomous),
            Autonomous | Requested | Claimed | InTransition | Human | Returning | Fallback | Estopped => None,
        },
        Event::Estop => match state {
            Autonomous | Requested | Claimed | InTransition | Human | Returning | Fallback | SafeHeld => {
                step("26", Estopped)
            }
            Estopped => None,
        },
        Event::EstopCleared => match state {
            Estopped => step("27", SafeHeld),
            Autonomous | Requested | Claimed | InTransition | Human | Returning | Fallback | SafeHeld => None,
        },
        Event::Demand
        | Event::DemandCleared
        | Event::DemandCancelled
        | Event::Granted
        | Event::GrantLost
        | Event::Engage
        | Event::Assumed
        | Event::TransitionCancelled
        | Event::TransitionLost => None,
    }
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
    fn an_estop_works_from_every_state() {
        assert_eq!(lands(Event::Estop).len(), ControlState::ALL.len() - 1);
        assert!(lands(Event::Estop).iter().all(|(_, to)| *to == Estopped));
    }

    #[test]
    fn nothing_but_a_person_leaves_a_latched_state_towards_motion() {
        for event in Event::ALL {
            for state in [SafeHeld, Estopped] {
                let Some(step) = next(state, state, event) else { continue };
                let by_person = matches!(
                    event,
                    Event::Granted
                        | Event::GrantLost
                        | Event::Engage
                        | Event::LatchesCleared
                        | Event::EstopCleared
                );
                let safer = matches!(step.to, Fallback | Estopped);
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
        for from in [Fallback, SafeHeld] {
            assert_eq!(next(InTransition, from, Event::TransitionLost).unwrap().to, from);
        }
        assert_eq!(next(InTransition, Claimed, Event::TransitionLost).unwrap().to, Requested);
        assert_eq!(next(InTransition, Claimed, Event::TransitionCancelled).unwrap().to, Claimed);
    }
}
