//! The invariants of `takeover.md` 1.7 that one agent and its monitors can break, checked at every input against the
//! history. The numbers are those of 1.7; 0 is for what the model adds.

use super::{
    agent::{Event, Seen},
    bounds::timers,
    history::{History, helps},
    state::{Broken, Fate, Sent, State},
};
use watchkeeper_model::{
    AgentTime, CommandKind, ControlState, DemandOrigin, DemandOutcome, Epoch, LatchCause, RiskClass,
    Setpoint, TaskClass,
};
use watchkeeper_takeover::Mode;

type Verdict = Result<(), Broken>;

macro_rules! must {
    ($holds:expr, $invariant:literal, $why:literal) => {
        if !$holds {
            return Err(Broken { invariant: $invariant, why: $why });
        }
    };
}

/// Checks a command against what was known before it: invariants 1 and 2.
pub(super) fn check_command(
    state: &State,
    earlier: &History,
    (before, after): (&Seen, &Seen),
    event: Event,
    accepted: bool,
) -> Verdict {
    let Event::Command(index) = event else { return Ok(()) };
    if !accepted {
        must!(before == after, 2, "a command that was refused changed something");
        return Ok(());
    }
    let Some(sent) = state.sent.get(index) else { return Ok(()) };
    must!(sent.fate == Fate::Unseen, 2, "a copy of a command took effect");
    match sent.kind {
        CommandKind::Estop => {
            let waits = before.state == ControlState::Local && after.state == ControlState::Local;
            must!(waits || after.state == ControlState::Estopped, 2, "an ESTOP did not stop");
            return Ok(());
        }
        CommandKind::Hold | CommandKind::MinimalRisk => return Ok(()),
        CommandKind::SpeedCap
        | CommandKind::Resume
        | CommandKind::Engage
        | CommandKind::Assume
        | CommandKind::Release
        | CommandKind::HandBack
        | CommandKind::Dismiss
        | CommandKind::ClearLatch
        | CommandKind::Decide
        | CommandKind::Suspend
        | CommandKind::Reinstate
        | CommandKind::Task(_) => {}
    }
    must!(!sent.took_effect, 2, "a command took effect again after a reboot");
    must!(sent.boot_id == before.boot_id, 2, "a command for another boot took effect");
    must!(state.now < sent.deadline, 2, "a command took effect after its deadline");
    must!(!before.local_override, 2, "a command took effect under local override");
    let seats = [earlier.driver, earlier.pending];
    let last = seats.into_iter().flatten().find(|seat| seat.epoch == sent.epoch).map(|seat| seat.seq);
    must!(last.is_none_or(|last| sent.seq > last), 2, "a command took effect after a later one of its epoch");
    check_epoch(state, earlier, sent)
}

/// The epoch is the active one, or the pending one where that may act, and whose it is.
fn check_epoch(state: &State, earlier: &History, sent: &Sent) -> Verdict {
    let epoch = sent.epoch;
    let (drives, is_pending) = (earlier.drives(epoch), earlier.is_pending(epoch));
    let good = match sent.kind {
        CommandKind::Engage | CommandKind::Assume | CommandKind::Dismiss => is_pending,
        CommandKind::Resume | CommandKind::HandBack => drives,
        CommandKind::Release => drives || is_pending,
        CommandKind::ClearLatch | CommandKind::Decide | CommandKind::Suspend | CommandKind::Reinstate => {
            epoch > earlier.told
        }
        // A cap that is no higher than the last one is open to all.
        CommandKind::SpeedCap => epoch == Epoch(0) || drives || is_pending,
        CommandKind::Task(verb) => match verb.class() {
            TaskClass::Safer => epoch == Epoch(0) || drives || is_pending,
            TaskClass::Exclusive => drives,
            TaskClass::Assist | TaskClass::Note => epoch > earlier.told,
        },
        CommandKind::Estop | CommandKind::Hold | CommandKind::MinimalRisk => true,
    };
    must!(good, 2, "a command took effect under an epoch that is not the active one");
    if sent.kind.risk() == RiskClass::Exclusive && !helps(sent.kind) {
        must!(epoch >= earlier.top, 1, "a command took effect under an older epoch than one before");
        let holder = state.mail.grants.iter().find(|grant| grant.from == sent.from && grant.epoch == epoch);
        let his = holder.is_some_and(|grant| grant.to == sent.by);
        must!(
            sent.kind.has_own_epoch() || his,
            1,
            "somebody acted under an epoch that was granted to another"
        );
    }
    Ok(())
}

/// Checks what one input did against what was known before it and is known now.
pub(super) fn check(
    state: &State,
    earlier: &History,
    (before, after): (&Seen, &Seen),
    event: Event,
    accepted: bool,
) -> Verdict {
    let sent = match event {
        Event::Command(index) if accepted => state.sent.get(index),
        _ => None,
    };
    check_leases(state, earlier, (before, after), event)?;
    check_cause(earlier, (before, after), event, sent)?;
    check_mode(state, after)?;
    check_effect(state, earlier, after)?;
    check_demand(state, earlier, (before, after), event, sent)?;
    check_latches(state, earlier, (before, after), event, sent)?;
    check_level(state, after)?;
    must!(
        !(after.state.agent_acts() && state.history.is_left_alone(state.now)),
        3,
        "the agent goes on without its monitor for too long"
    );
    check_link((before, after), event)
}

/// 1: what the agent reports of its leases is what its history gives, and nobody drives who is gone.
fn check_leases(state: &State, earlier: &History, (before, after): (&Seen, &Seen), event: Event) -> Verdict {
    let history = &state.history;
    must!(after.highest_epoch == history.told, 1, "the highest epoch is not the highest that it was told");
    must!(
        after.highest_epoch >= before.highest_epoch || matches!(event, Event::Reboot { forgets: true }),
        1,
        "the highest epoch fell"
    );
    must!(after.epoch == history.epoch(), 1, "the epoch it reports is not the one that holds");
    let next = history.pending.filter(|_| history.driver.is_some()).map(|seat| seat.epoch);
    must!(after.next == next, 1, "the next epoch it reports is not the one that holds");
    let drives = ControlState::is_driven;
    must!(drives(after.state) == history.driver.is_some(), 1, "somebody is in control without a lease");
    if let Some(seat) = history.driver {
        must!(!seat.is_silent(state.now), 1, "somebody drives who has been silent for T_link");
        must!(!seat.is_unready(state.now), 1, "somebody drives who has not been ready for T_ready");
    }
    if drives(before.state) && drives(after.state) {
        let same = earlier.driver.map(|seat| seat.epoch) == history.driver.map(|seat| seat.epoch);
        let switched = matches!(event, Event::Command(_)) && earlier.pending.is_some();
        must!(same || switched, 1, "control passed from one to another without an ENGAGE");
    }
    Ok(())
}

/// 2: every step towards motion or out of a latched state has a command of a person behind it.
fn check_cause(
    earlier: &History,
    (before, after): (&Seen, &Seen),
    event: Event,
    sent: Option<&Sent>,
) -> Verdict {
    use ControlState::{
        AssistPending, Autonomous, Claimed, Estopped, Human, InTransition, Local, OutOfService, Requested,
        Returning, SafeHeld,
    };
    // What a reboot may do stands with 9.
    if before.state == after.state || matches!(event, Event::Reboot { .. }) {
        return Ok(());
    }
    let by = |kind| sent.is_some_and(|sent| sent.kind == kind);
    let good = match (before.state, after.state) {
        // Who is at the agent says so there.
        (Local, _) | (_, Local) => matches!(event, Event::World),
        (_, OutOfService) => by(CommandKind::Suspend),
        (OutOfService, _) => after.state == Estopped || by(CommandKind::Reinstate),
        (Autonomous, AssistPending) => matches!(event, Event::Question),
        (AssistPending, Autonomous) => matches!(event, Event::Time) || by(CommandKind::Decide),
        (_, Requested) if before.state.is_nominal() => matches!(event, Event::Demand(_)),
        (_, Claimed) => matches!(event, Event::Grant(_)),
        (_, InTransition) => by(CommandKind::Engage),
        (InTransition, Human) => earlier.assumed || by(CommandKind::Assume),
        (Returning, Human) => true,
        (_, Human) => false,
        (Human, Returning) => by(CommandKind::HandBack),
        (_, Returning) => false,
        (Returning, Autonomous) => true,
        // These two end a demand: see there. A hand back may be over in one step.
        (Requested | Claimed | InTransition, Autonomous | AssistPending) => true,
        (Human, Autonomous) => by(CommandKind::HandBack),
        (SafeHeld, Autonomous) => by(CommandKind::ClearLatch),
        (_, Autonomous | AssistPending) => false,
        (Estopped, SafeHeld) => by(CommandKind::ClearLatch),
        (Estopped, _) => by(CommandKind::ClearLatch),
        _ => true,
    };
    must!(good, 2, "the control state changed and nobody had commanded it");
    Ok(())
}

/// 2 and 3: the agent is told to do what its control state says, and hands that drive are those of the holder.
fn check_mode(state: &State, after: &Seen) -> Verdict {
    let mode = after.directive.mode;
    let acting = after.from.unwrap_or(after.state);
    match acting {
        ControlState::Fallback | ControlState::FallbackFailed => {
            must!(after.level.map(Mode::Fallback) == Some(mode), 3, "a fallback without its command");
        }
        ControlState::SafeHeld | ControlState::OutOfService => {
            must!(mode == Mode::Held, 3, "held, and not told to stay");
        }
        ControlState::Local => must!(mode == Mode::Local, 3, "in other hands, and not told so"),
        ControlState::Estopped => must!(mode == Mode::Estop, 3, "stopped, and not told to stop"),
        _ => must!(
            !matches!(mode, Mode::Fallback(_) | Mode::Held | Mode::Estop | Mode::Local),
            3,
            "a fallback is commanded that no state says"
        ),
    }
    let Mode::Manual { steer, accelerate } = mode else { return Ok(()) };
    must!(after.state == ControlState::Human, 2, "hands drive and nobody is in control");
    must!(
        Setpoint { steer, accelerate } == Setpoint { steer: 0.5, accelerate: 0.25 },
        2,
        "not what hands want"
    );
    must!(!after.local_override, 2, "hands from afar drive under local override");
    let Some((epoch, at)) = state.history.hands else {
        must!(false, 2, "hands drive that nobody has on the controls");
        return Ok(());
    };
    must!(state.history.drives(epoch), 2, "hands of another epoch drive");
    must!(state.now < at.after(timers().deadman), 2, "hands drive longer than T_deadman");
    Ok(())
}

/// 3: within T_verify what was commanded shows, gets harder, or is flagged as not verified.
fn check_effect(state: &State, earlier: &History, after: &Seen) -> Verdict {
    let over = |owed: AgentTime| state.now >= owed.after(timers().verify);
    let (Some(owed), Some(still)) = (earlier.owed, state.history.owed) else { return Ok(()) };
    if owed != still || !over(owed) {
        return Ok(());
    }
    must!(
        after.shows_effect || after.is_unverified,
        3,
        "T_verify is over: no effect, no harder fallback, no flag"
    );
    Ok(())
}

/// 4 and 8: a demand keeps its deadline, ends exactly once, and how it ended is told.
fn check_demand(
    state: &State,
    earlier: &History,
    (before, after): (&Seen, &Seen),
    event: Event,
    sent: Option<&Sent>,
) -> Verdict {
    let waits = matches!(after.state, ControlState::Requested | ControlState::Claimed)
        || after.from == Some(ControlState::Claimed);
    must!(waits == after.demand.is_some(), 8, "a demand and the control state disagree");
    if matches!(event, Event::Reboot { .. }) {
        must!(!waits, 8, "a demand outlived a reboot");
        return Ok(());
    }
    let Some(open) = state.history.demand else {
        must!(!waits, 8, "a demand opened by itself");
        must!(before.outcome == after.outcome, 8, "a demand ended again");
        return Ok(());
    };
    if waits {
        must!(after.demand.is_some_and(|(id, _)| id == open.demand_id), 8, "another demand took its place");
        must!(after.demand.is_some_and(|(_, end)| end <= open.end), 4, "T_demand was extended");
        must!(state.now < open.end, 4, "T_demand is over, and the agent waits on");
        return Ok(());
    }
    must!(after.outcome.is_some_and(|(id, _)| id == open.demand_id), 8, "a demand ended without an outcome");
    let in_time = state.now < open.end;
    let by_wish = open.origin == DemandOrigin::Operator;
    let good = match after.outcome.map(|(_, outcome)| outcome) {
        Some(DemandOutcome::Human) => in_time && after.state == ControlState::Human,
        Some(DemandOutcome::Fallback) => {
            matches!(after.state, ControlState::Fallback | ControlState::SafeHeld)
                && (in_time || !by_wish || earlier.is_left_alone(state.now))
        }
        Some(DemandOutcome::Estopped) => after.state == ControlState::Estopped,
        Some(DemandOutcome::Local) => after.state == ControlState::Local,
        Some(DemandOutcome::OutOfService) => after.state == ControlState::OutOfService,
        Some(DemandOutcome::Dismissed) => {
            sent.is_some_and(|sent| sent.kind == CommandKind::Dismiss) && earlier.pending.is_some() && in_time
        }
        Some(DemandOutcome::Cancelled) => {
            by_wish && after.state.is_nominal() && (matches!(event, Event::DemandEnd) || !in_time)
        }
        Some(DemandOutcome::SelfCleared) => {
            after.state.is_nominal() && matches!(event, Event::DemandEnd) && in_time
        }
        None => false,
    };
    must!(good, 8, "a demand ended in a way that does not fit what happened");
    Ok(())
}

/// 5: no latch ends but by a named person. That none is forgotten which the monitor remembers, its welcome checks.
fn check_latches(
    state: &State,
    earlier: &History,
    (before, after): (&Seen, &Seen),
    event: Event,
    sent: Option<&Sent>,
) -> Verdict {
    let takes_over = before.state == ControlState::InTransition && after.state == ControlState::Human;
    for latch in &before.latches {
        if after.latches.contains(latch) || matches!(event, Event::Reboot { forgets: true }) {
            continue;
        }
        let cleared = sent.is_some_and(|sent| {
            let by_right = latch.cause != LatchCause::Estop
                || state.people.get(sent.by).is_some_and(|person| person.is_supervisor);
            sent.kind == CommandKind::ClearLatch && sent.args.latch_id == Some(latch.latch_id) && by_right
        });
        let named = takes_over && latch.cause != LatchCause::Estop && earlier.named.contains(&latch.latch_id);
        must!(cleared || named, 5, "a latch ended, and no person had released it");
    }
    let holds = |cause| after.latches.iter().any(|latch| latch.cause == cause);
    let stopped = after.state == ControlState::Estopped;
    let put_off = matches!(after.state, ControlState::Local | ControlState::OutOfService);
    must!(holds(LatchCause::Estop) == stopped || put_off, 5, "ESTOPPED and its latch disagree");
    must!(
        after.latches.is_empty() || !after.state.agent_acts(),
        5,
        "the agent drives by itself with a latch held"
    );
    let latched =
        matches!(after.state, ControlState::Fallback | ControlState::FallbackFailed | ControlState::SafeHeld);
    let latched = latched || put_off;
    must!(!latched || !after.latches.is_empty(), 5, "a fallback without a latch");
    Ok(())
}

/// 6: within an episode the level only rises.
fn check_level(state: &State, after: &Seen) -> Verdict {
    must!(after.level.is_none() || after.level >= state.history.floor, 6, "the level fell within an episode");
    Ok(())
}

/// 9: a connection, and its loss, give no authority.
fn check_link((before, after): (&Seen, &Seen), event: Event) -> Verdict {
    if !matches!(event, Event::LinkLost | Event::Welcome { .. } | Event::Reboot { .. }) {
        return Ok(());
    }
    must!(after.epoch == before.epoch || after.epoch == Epoch(0), 9, "a connection gave an epoch");
    must!(after.next == before.next || after.next.is_none(), 9, "a connection made somebody the next");
    let less = match after.state {
        ControlState::Requested => before.state.has_holder(),
        ControlState::Fallback | ControlState::SafeHeld | ControlState::Estopped => true,
        ControlState::Local => before.local_override,
        ControlState::Autonomous => matches!(event, Event::Reboot { forgets: true }),
        _ => false,
    };
    must!(before.state == after.state || less, 9, "a connection gave authority");
    if matches!(event, Event::Reboot { forgets: false }) {
        let stopped = before.state == ControlState::Estopped;
        must!(!stopped || after.state == ControlState::Estopped, 9, "a reboot ended a stop");
        must!(after.epoch == Epoch(0), 9, "a reboot kept a lease");
        must!(
            before.state == ControlState::Autonomous || !after.state.agent_acts(),
            9,
            "a reboot forgot why the agent did not drive"
        );
    }
    Ok(())
}
