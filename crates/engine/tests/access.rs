//! Every message of an operator against the table of roles, the scope of his token, and its end.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod rig;

use rig::{Rig, VEHICLE, calm, ms, shift};
use std::time::Duration;
use uuid::Uuid;
use watchkeeper_model::{
    Access, AgentId, AgentTime, AlertId, BootId, CauseClass, CommandArgs, CommandCode, CommandId,
    CommandKind, ControlState, DemandId, Epoch, Label, LeaseEnd, MonoTime, Note, OperatorRole, Permission,
    Reach, Role, Scope, StateVersion, Verdict,
};
use watchkeeper_protocol::{
    OperatorMessage, ToOperator,
    operator::{
        Acknowledge, AllowTakeover, AnswerHandover, Authorised, Claim, CommandRequest, HolderReport,
        LeaseEvent, Presented, Probe, RequestHandover, Reset, ReturnToService, Shelve, Stop,
        TakeOutOfService, Unshelve, Waive,
    },
    session::ErrorCode,
};

/// The console under test, beside that of the rig.
const EVE: u64 = 7;

fn access(role: OperatorRole, scope: &str, acts_until: Option<MonoTime>) -> Access {
    let scope = Scope::new([scope]).unwrap();
    Access { role, scope, token_id: Some(Label::cut("7d0c")), acts_until }
}

fn authorised(agent: &AgentId) -> Authorised {
    Authorised {
        command_id: CommandId(Uuid::from_u128(9)),
        agent: agent.clone(),
        boot_id: BootId(Uuid::from_u128(42)),
        epoch: Epoch(1),
        seq: 1,
        deadline: AgentTime::from_nanos(u64::MAX),
        evidence_version: StateVersion(1),
        latches: Vec::new(),
        issued_nanos: 1,
    }
}

fn command(agent: &AgentId, kind: CommandKind) -> OperatorMessage {
    OperatorMessage::Command(CommandRequest {
        args: CommandArgs { reason: Some(Note::cut("test")), ..CommandArgs::default() },
        ..authorised(agent).into_request(kind)
    })
}

/// Every message that does something to an agent, with what it needs. `alert` is one of that agent.
fn acts(agent: &AgentId, alert: AlertId) -> Vec<(Permission, OperatorMessage)> {
    let wish = |preempt| {
        let reason = Some(Note::cut("test"));
        OperatorMessage::RequestHandover(RequestHandover { agent: agent.clone(), preempt, reason })
    };
    let stop = Stop {
        command_id: CommandId(Uuid::from_u128(9)),
        agent: agent.clone(),
        reason: None,
        confirm_many: false,
        issued_nanos: 1,
    };
    let report = HolderReport {
        agent: agent.clone(),
        epoch: Epoch(1),
        seq: 1,
        ready: true,
        state_version: StateVersion(1),
        deadline: AgentTime::from_nanos(u64::MAX),
        setpoint: None,
    };
    let answer = AnswerHandover { agent: agent.clone(), request_id: 1, accept: true };
    let allow = AllowTakeover { agent: agent.clone(), epoch: Epoch(1), allowed: true };
    let waive = Waive { agent: agent.clone(), epoch: Epoch(1), reason: Note::cut("test") };
    let shelve = Shelve { alert_id: alert, for_nanos: 1, reason: Note::cut("test") };
    let take_out = TakeOutOfService {
        agent: agent.clone(),
        cause: CauseClass::Late,
        subject: Label::default(),
        reason: Note::cut("test"),
    };
    let probe = Probe { agent: agent.clone(), seq: 1, sent_nanos: 1, display_nanos: None };
    vec![
        (Permission::Acknowledge, OperatorMessage::Acknowledge(Acknowledge { alert_id: alert })),
        (Permission::Shelve, OperatorMessage::Shelve(shelve)),
        (Permission::Shelve, OperatorMessage::Unshelve(Unshelve { alert_id: alert })),
        (Permission::OutOfService, OperatorMessage::TakeOutOfService(take_out)),
        (Permission::OutOfService, OperatorMessage::ReturnToService(ReturnToService { alert_id: alert })),
        (Permission::Reset, OperatorMessage::Reset(Reset { alert_id: alert })),
        (Permission::Drive, OperatorMessage::Claim(Claim { agent: agent.clone() })),
        (Permission::Drive, OperatorMessage::Engage(authorised(agent))),
        (Permission::Drive, OperatorMessage::Release(authorised(agent))),
        (Permission::Drive, OperatorMessage::HandBack(authorised(agent))),
        (Permission::Drive, OperatorMessage::Heartbeat(report)),
        (Permission::Drive, OperatorMessage::Probe(probe)),
        (Permission::Drive, command(agent, CommandKind::Resume)),
        (Permission::Drive, command(agent, CommandKind::ClearLatch)),
        (Permission::Stop, command(agent, CommandKind::Hold)),
        (Permission::Stop, command(agent, CommandKind::MinimalRisk)),
        (Permission::Stop, command(agent, CommandKind::SpeedCap)),
        (Permission::Stop, command(agent, CommandKind::Estop)),
        (Permission::Stop, OperatorMessage::Stop(stop)),
        (Permission::OutOfService, command(agent, CommandKind::Suspend)),
        (Permission::OutOfService, command(agent, CommandKind::Reinstate)),
        (Permission::Handover, wish(false)),
        (Permission::PreEmpt, wish(true)),
        (Permission::Handover, OperatorMessage::AnswerHandover(answer)),
        (Permission::Handover, OperatorMessage::AllowTakeover(allow)),
        (Permission::Waive, OperatorMessage::Waive(waive)),
    ]
}

/// Returns whether a message says by an alert which agent it means.
const fn names_alert(message: &OperatorMessage) -> bool {
    matches!(
        message,
        OperatorMessage::Acknowledge(_)
            | OperatorMessage::Shelve(_)
            | OperatorMessage::Unshelve(_)
            | OperatorMessage::ReturnToService(_)
            | OperatorMessage::Reset(_)
    )
}

/// A vehicle that asks for somebody, with one alert; nobody has claimed it.
fn asking() -> (Rig, AlertId) {
    let rig = rig::with_demand();
    let alert = rig
        .told(1)
        .iter()
        .find_map(|message| match message {
            ToOperator::Alert(update) => Some(update.alarm.alert_id),
            _ => None,
        })
        .unwrap();
    (rig, alert)
}

/// What a console was told since about something that was denied: the rule.
fn denied(told: &[ToOperator]) -> Option<String> {
    let rule = |text: &str| Some(text.split_once("(rule: ")?.1.trim_end_matches(')').to_owned());
    told.iter().find_map(|message| match message {
        ToOperator::Error(error) if error.code == ErrorCode::Forbidden => rule(error.message.as_str()),
        ToOperator::CommandStatus(update) if update.code == Some(CommandCode::Denied) => {
            rule(update.detail.as_ref()?.as_str())
        }
        ToOperator::Lease(update) if update.code == Some(CommandCode::Denied) => {
            rule(update.detail.as_ref()?.as_str())
        }
        _ => None,
    })
}

#[test]
fn every_role_may_do_what_the_table_says_within_its_scope_and_until_its_end() {
    let (mut checked, (_, alert)) = (0, asking());
    for (permission, message) in acts(&AgentId::new(VEHICLE).unwrap(), alert) {
        for role in OperatorRole::ALL {
            for (scope, expired, rule) in
                [("vehicle-*", false, None), ("truck-*", false, Some("scope")), ("*", true, Some("expiry"))]
            {
                let (mut rig, _) = asking();
                let now = rig.now();
                rig.connect_with(EVE, "eve", access(*role, scope, expired.then_some(now)));
                let before = rig.told(EVE).len();
                rig.send_operator(EVE, message.clone());
                let found = denied(rig.told(EVE).get(before..).unwrap());
                let has_it = permission.reach(Role::from(*role)) == Reach::Scope;
                let what = format!("{role}, {scope}, expired {expired}: {message:?}");
                let is_heartbeat = matches!(message, OperatorMessage::Heartbeat(_));
                let wanted =
                    if has_it { rule.map(str::to_owned) } else { Some(permission.word().to_owned()) };
                // Who may act in principle is not told twenty times a second that this lease is over.
                let wanted = wanted.filter(|_| !(is_heartbeat && has_it));
                // An alert of somebody else's agent is none, and refused as that.
                let is_unseen = has_it && rule == Some("scope") && names_alert(&message);
                let wanted = wanted.filter(|_| !is_unseen);
                // Beside the table there are rules of the agent's state; they have other names.
                let found = found
                    .filter(|rule| ["scope", "expiry"].contains(&rule.as_str()) || rule == permission.word());
                assert_eq!(found, wanted, "{what}");
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 26 * 4 * 3);
}

#[test]
fn whoever_only_reads_is_heard_where_he_only_reads() {
    for role in OperatorRole::ALL {
        let (mut rig, alert) = asking();
        let now = rig.now();
        rig.connect_with(EVE, "eve", access(*role, "truck-*", Some(now)));
        let before = rig.told(EVE).len();
        let presented = Presented { alerts: vec![alert], presented_nanos: 1 };
        rig.send_operator(EVE, OperatorMessage::Presented(presented));
        assert_eq!(denied(rig.told(EVE).get(before..).unwrap()), None);
    }
}

#[test]
fn a_takeover_of_somebody_elses_agent_is_not_labelled() {
    let mut rig = calm();
    rig.claim(1);
    rig.run(ms(100));
    rig.take_over(1);
    rig.command(1, CommandKind::HandBack, CommandArgs::default());
    rig.run_until(Duration::from_secs(5), |rig| rig.state() == ControlState::Autonomous);
    rig.run(ms(200));
    let demand_id = rig.takeovers.last().unwrap().demand_id;
    rig.connect_with(EVE, "eve", access(OperatorRole::Operator, "truck-*", None));
    let answers = [demand_id, DemandId(1)].map(|demand_id| {
        let before = rig.told(EVE).len();
        rig.label(EVE, demand_id, Verdict::Real);
        rig.told(EVE).get(before..).unwrap().to_vec()
    });
    assert_eq!(answers[0], answers[1], "it is refused as what nobody knows");
    assert!(matches!(&answers[0][..], [ToOperator::Error(_)]), "{answers:?}");
    rig.connect_with(EVE, "eve", access(OperatorRole::Operator, "vehicle-1", None));
    rig.label(EVE, demand_id, Verdict::Real);
    assert_eq!(rig.takeovers.last().unwrap().verdict, Some(Verdict::Real));
}

#[test]
fn who_asks_for_what_he_does_not_see_hears_the_same_whether_it_is_there_or_not() {
    let unseen = AgentId::new("north-a").unwrap();
    let mut checked = 0;
    for role in OperatorRole::ALL {
        for expired in [false, true] {
            let answers = [true, false].map(|is_there| {
                let mut rig = calm();
                if is_there {
                    rig.connect_bystander(unseen.as_str());
                }
                rig.run(ms(15_000));
                let alarms = rig.alarms().into_iter();
                let alert = alarms.filter(|alarm| alarm.agent == unseen).map(|alarm| alarm.alert_id).next();
                assert_eq!(alert.is_some(), is_there, "it has an alert where it is there");
                let now = rig.now();
                rig.connect_with(EVE, "eve", access(*role, "vehicle-*", expired.then_some(now)));
                let messages = acts(&unseen, alert.unwrap_or(AlertId(7)));
                let answers = messages.into_iter().map(|(_, message)| {
                    let before = rig.told(EVE).len();
                    let others = rig.told(1).len();
                    rig.send_operator(EVE, message);
                    assert_eq!(rig.told(1).len(), others, "nobody else hears of it");
                    rig.told(EVE).get(before..).unwrap().to_vec()
                });
                answers.collect::<Vec<_>>()
            });
            checked += answers[0].iter().flatten().count();
            assert_eq!(answers[0], answers[1], "{role}, expired {expired}");
        }
    }
    // All but the heartbeat of who may drive in principle.
    assert_eq!(checked, 2 * (26 * 4 - 2));
}

#[test]
fn when_the_token_ends_the_holder_is_told_and_the_agent_falls_back_by_itself() {
    let mut rig = shift::connected_to(watchkeeper_model::AgentKind::Vehicle);
    let ends = rig.now().after(Duration::from_secs(5));
    rig.connect_with(EVE, "eve", access(OperatorRole::Operator, "vehicle-*", Some(ends)));
    rig.run(ms(100));
    rig.claim(EVE);
    rig.run(ms(100));
    rig.take_over(EVE);
    rig.run_until(Duration::from_secs(10), |rig| rig.now() >= ends || rig.state() != ControlState::Human);
    assert!(rig.now() >= ends, "until then it is hers");
    rig.run(ms(200));
    assert!(matches!(rig.state(), ControlState::Fallback | ControlState::SafeHeld), "{}", rig.state());
    let ended = shift::last(&rig, LeaseEvent::Ended);
    assert_eq!(ended.end, Some(LeaseEnd::AccessEnded));
    assert!(ended.detail.unwrap().as_str().contains("rule: expiry"));
    let told = rig.told(EVE).iter().rev().find_map(|message| match message {
        ToOperator::Access(update) => Some(update.clone()),
        _ => None,
    });
    assert!(told.unwrap().expired);
    // She reads on, and a newer token lets her act again.
    let later = rig.now().after(Duration::from_mins(10));
    rig.change_access(EVE, access(OperatorRole::Operator, "vehicle-*", Some(later)));
    let before = rig.told(EVE).len();
    rig.claim(EVE);
    rig.run(ms(100));
    assert_eq!(denied(rig.told(EVE).get(before..).unwrap()), None);
}

#[test]
fn a_newer_token_before_the_end_keeps_the_lease_and_a_smaller_scope_ends_it() {
    let mut rig = shift::connected_to(watchkeeper_model::AgentKind::Vehicle);
    let ends = rig.now().after(Duration::from_secs(3));
    rig.connect_with(EVE, "eve", access(OperatorRole::Operator, "vehicle-*", Some(ends)));
    rig.run(ms(100));
    rig.claim(EVE);
    rig.run(ms(100));
    rig.take_over(EVE);
    let later = rig.now().after(Duration::from_mins(10));
    rig.change_access(EVE, access(OperatorRole::Operator, "vehicle-*", Some(later)));
    rig.run(Duration::from_secs(5));
    assert_eq!(rig.state(), ControlState::Human, "the old end has passed");
    rig.change_access(EVE, access(OperatorRole::Operator, "truck-*", Some(later)));
    rig.run(ms(200));
    let ended = shift::last(&rig, LeaseEvent::Ended);
    assert_eq!(ended.end, Some(LeaseEnd::AccessEnded));
    assert!(ended.detail.unwrap().as_str().contains("rule: scope"));
    assert_ne!(rig.state(), ControlState::Human);
}

#[test]
fn whoever_may_act_no_more_no_longer_asks_for_control() {
    let mut rig = shift::driven();
    let later = rig.now().after(Duration::from_mins(10));
    rig.connect_with(EVE, "eve", access(OperatorRole::Operator, "vehicle-*", Some(later)));
    rig.request_handover(EVE);
    assert!(rig.status(shift::ADA).lease.unwrap().handover.is_some(), "she asks");
    let now = rig.now();
    rig.change_access(EVE, access(OperatorRole::Operator, "vehicle-*", Some(now)));
    assert!(rig.status(shift::ADA).lease.unwrap().handover.is_none());
    let refused = shift::last(&rig, LeaseEvent::HandoverRefused);
    assert_eq!(refused.holder.as_str(), "eve");
    assert_eq!(rig.state(), ControlState::Human, "it is still Ada's");
}
