//! Takeovers with their moments, those going on and those long over.

use super::{
    agent,
    findings::{ALERT, DEMAND, FROZEN},
    monitor::{millis, monitor_clock},
    note, person,
};
use std::time::Duration;
use uuid::Uuid;
use watchkeeper_model::{
    AgentKind, AlertId, BootId, CommandId, CommandKind, CommandState, ControlState, DecisionSeq, DemandId,
    DemandOrigin, DemandOutcome, Epoch, Verdict,
};
use watchkeeper_protocol::record::{Moment, TakeoverCommand, TakeoverRecord};

/// Milliseconds from the event at the source to each moment t0 to t11 of a takeover that goes well.
pub(super) const WELL: [f64; 12] =
    [0.0, 3.1, 4.4, 5.2, 5.9, 31.6, 1_480.0, 2_210.0, 2_211.2, 2_213.9, 2_214.6, 2_361.0];

/// Returns the record of a takeover whose event was `began_ago`, with its moments up to `t<known>`.
pub(super) fn record(demand: u64, name: &str, began_ago: Duration, known: usize) -> TakeoverRecord {
    let moments = std::array::from_fn(|index| {
        let after = WELL.get(index).filter(|_| index <= known)?;
        let ago = began_ago.saturating_sub(Duration::from_secs_f64(after / 1e3));
        // The monitor's own moments have no error; the agent's and the console's have half a round trip.
        let error_nanos = match index {
            0 | 9 | 10 | 11 => 180_000,
            5 | 7 => 210_000,
            _ => 0,
        };
        Some(Moment { at: monitor_clock(ago), error_nanos })
    });
    TakeoverRecord {
        demand_id: DemandId(demand),
        agent: agent(name),
        kind: AgentKind::Vehicle,
        boot_id: BootId(Uuid::from_u128(0x0199_aaaa)),
        origin: DemandOrigin::Monitor,
        reason: note(FROZEN),
        alert_id: Some(AlertId(demand + 900)),
        holder: None,
        epoch: None,
        outcome: None,
        demand_ended_at: None,
        granted_at: None,
        human_at: None,
        handed_back_at: None,
        final_state: ControlState::Requested,
        decision: Some(DecisionSeq(47_960)),
        moments,
        commands: vec![],
        verdict: None,
        labelled_by: None,
        over: false,
    }
}

/// Returns the takeover of the examples, as far as it has come.
pub(super) fn present(began_ago: Duration, known: usize) -> TakeoverRecord {
    TakeoverRecord { alert_id: Some(ALERT), ..record(DEMAND.0, "vehicle-4", began_ago, known) }
}

/// Adds the person who took it, and that he came into control.
pub(super) fn engaged(
    mut takeover: TakeoverRecord,
    who: &str,
    epoch: u64,
    began_ago: Duration,
) -> TakeoverRecord {
    let at = |after: f64| monitor_clock(began_ago.saturating_sub(Duration::from_secs_f64(after / 1e3)));
    takeover.holder = Some(person(who));
    takeover.epoch = Some(Epoch(epoch));
    takeover.granted_at = Some(at(1_500.0));
    takeover.human_at = Some(at(2_361.0));
    takeover.demand_ended_at = Some(at(2_361.0));
    takeover.outcome = Some(DemandOutcome::Human);
    takeover.final_state = ControlState::Human;
    takeover.commands = vec![TakeoverCommand {
        command_id: CommandId(Uuid::from_u128(u128::from(takeover.demand_id.0))),
        kind: CommandKind::Engage,
        state: CommandState::Completed,
        received_at: at(2_211.2),
        accepted_at: Some(at(2_214.6)),
        completed_at: Some(at(2_361.0)),
    }];
    takeover
}

/// Ends a takeover with a hand back.
pub(super) fn handed_back(mut takeover: TakeoverRecord, ago: Duration) -> TakeoverRecord {
    takeover.handed_back_at = Some(monitor_clock(ago));
    takeover.final_state = ControlState::Autonomous;
    takeover.over = true;
    takeover
}

/// Returns what happened earlier today: one that went well, one false alarm, one that nobody came to.
pub(super) fn earlier() -> Vec<TakeoverRecord> {
    let minutes = |minutes: u64| millis(minutes * 60_000);
    let began = minutes(184);
    let mut well = engaged(record(3_000_001, "vehicle-4", began, 11), "anna", 11, began);
    well = handed_back(well, began.saturating_sub(millis(23_400)));
    well.verdict = Some(Verdict::Real);
    well.labelled_by = Some(person("anna"));

    let began = minutes(131);
    let mut false_alarm = engaged(record(3_000_002, "vehicle-2", began, 11), "ben", 4, began);
    false_alarm = handed_back(false_alarm, began.saturating_sub(millis(14_900)));
    false_alarm.verdict = Some(Verdict::FalseAlarm);
    false_alarm.labelled_by = Some(person("ben"));

    let began = minutes(47);
    let mut missed = record(3_000_003, "vehicle-6", began, 4);
    missed.origin = DemandOrigin::Agent;
    missed.reason = note("the agent asks for a person: road works ahead, no way planned");
    missed.outcome = Some(DemandOutcome::Fallback);
    missed.demand_ended_at = Some(monitor_clock(began.saturating_sub(millis(10_005))));
    missed.final_state = ControlState::SafeHeld;
    missed.over = true;
    vec![well, false_alarm, missed]
}
