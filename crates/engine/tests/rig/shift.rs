//! Two operators and a supervisor at one agent: who drives, who asks, who takes it.

use super::{Rig, ms};
use watchkeeper_engine::Config;
use watchkeeper_model::{AgentKind, CommandArgs, CommandId, CommandKind, ControlState, OperatorRole};
use watchkeeper_protocol::operator::{LeaseEvent, LeaseUpdate};

/// The consoles: two operators, a supervisor.
pub(crate) const ADA: u64 = 1;
pub(crate) const BOB: u64 = 2;
pub(crate) const SUE: u64 = 3;

pub(crate) fn connected_to(kind: AgentKind) -> Rig {
    let mut rig = Rig::of(kind, Config::default());
    rig.connect_vehicle();
    rig.connect_operator(ADA, "ada", OperatorRole::Operator);
    rig.connect_operator(BOB, "bob", OperatorRole::Operator);
    rig.connect_operator(SUE, "sue", OperatorRole::Supervisor);
    rig.run(ms(500));
    rig
}

/// Ada drives; Bob and Sue watch.
pub(crate) fn driven() -> Rig {
    let mut rig = connected_to(AgentKind::Vehicle);
    rig.claim(ADA);
    rig.run(ms(100));
    rig.take_over(ADA);
    assert_eq!(rig.state(), ControlState::Human);
    // Her hands are off the controls.
    rig.run(ms(60));
    rig
}

/// Bob has asked; returns the number of his wish.
pub(crate) fn asked(rig: &mut Rig) -> u64 {
    rig.request_handover(BOB);
    rig.status(ADA).lease.unwrap().handover.unwrap().request_id
}

pub(crate) fn engage(rig: &mut Rig, session: u64) -> CommandId {
    rig.run(ms(200));
    let id = rig.command(session, CommandKind::Engage, CommandArgs::default());
    rig.run(ms(200));
    id
}

pub(crate) fn last(rig: &Rig, event: LeaseEvent) -> LeaseUpdate {
    rig.leases.iter().rev().find(|lease| lease.event == event).unwrap().clone()
}

pub(crate) fn holder(rig: &Rig) -> String {
    rig.status(ADA).lease.map(|lease| lease.holder.to_string()).unwrap_or_default()
}

/// Nobody comes: the vehicle falls back and stands, by itself.
pub(crate) fn fall_back_alone(rig: &mut Rig) {
    rig.confidence = 0.05;
    rig.run_until(ms(20_000), |rig| rig.state() == ControlState::Fallback);
    rig.standstill = true;
    rig.run_until(ms(1_000), |rig| rig.state() == ControlState::SafeHeld);
    rig.confidence = 0.95;
    rig.run(ms(3_000));
}
