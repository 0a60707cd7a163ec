//! Probes of consoles: who may send them, how many, and what they and the latency mean for a handover.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, clippy::indexing_slicing, reason = "each test uses a part of it")]
mod rig;

use rig::{
    Rig, ms,
    shift::{ADA, BOB, SUE, asked, driven, last},
};
use watchkeeper_model::{AgentId, CommandCode, OperatorRole};
use watchkeeper_protocol::{
    OperatorMessage, ToOperator,
    operator::{LeaseEvent, PathLatency, Probe},
    session::ErrorCode,
};

fn probe(rig: &mut Rig, session: u64, agent: &str, seq: u64, display_nanos: Option<u64>) {
    let sent_nanos = rig.nanos();
    let agent = AgentId::new(agent).unwrap();
    rig.send_operator(session, OperatorMessage::Probe(Probe { agent, seq, sent_nanos, display_nanos }));
}

fn probed(rig: &Rig, session: u64) -> Vec<PathLatency> {
    let of = |message: &ToOperator| match message {
        ToOperator::Probed(answer) => Some(answer.clone()),
        _ => None,
    };
    rig.told(session).iter().filter_map(of).collect()
}

#[test]
fn a_probe_is_answered_to_who_sent_it_and_to_nobody_else() {
    let mut rig = driven();
    probe(&mut rig, ADA, rig::VEHICLE, 1, Some(30_000_000));
    rig.run(ms(10));
    let answers = probed(&rig, ADA);
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    let latency = answer.latency.unwrap();
    assert_eq!((answer.seq, latency.display_nanos, latency.actuate_nanos), (1, 30_000_000, 50_000_000));
    assert_eq!(latency.total_nanos, 80_000_000);
    assert_eq!(probed(&rig, BOB), []);
    // A copy is none.
    probe(&mut rig, ADA, rig::VEHICLE, 1, None);
    rig.run(ms(10));
    assert_eq!(probed(&rig, ADA).len(), 1);
}

#[test]
fn an_observer_may_not_probe_and_nobody_probes_the_unknown() {
    let mut rig = driven();
    rig.connect_operator(9, "eve", OperatorRole::Observer);
    probe(&mut rig, 9, rig::VEHICLE, 1, None);
    assert_eq!(rig.errors.last().unwrap().code, ErrorCode::Forbidden);
    probe(&mut rig, ADA, "nobody", 1, None);
    assert_eq!(rig.errors.last().unwrap().code, ErrorCode::UnknownAgent);
}

#[test]
fn one_console_probes_eight_agents_at_once_and_others_once_it_asks_no_more() {
    let mut rig = driven();
    for number in 0..9 {
        rig.connect_bystander(&format!("other-{number}"));
        probe(&mut rig, ADA, &format!("other-{number}"), number + 1, None);
        assert_eq!(rig.errors.len(), usize::from(number == 8), "{number}");
    }
    let error = rig.errors.last().unwrap();
    assert_eq!((error.code, error.field.as_ref().unwrap().as_str()), (ErrorCode::BadField, "agent"));
    rig.run(ms(3_000));
    probe(&mut rig, ADA, "other-8", 10, None);
    assert_eq!(rig.errors.len(), 1);
}

#[test]
fn nobody_is_handed_control_over_a_way_that_is_too_long() {
    let mut rig = driven();
    // With 50 ms of actuation and no way at all.
    probe(&mut rig, BOB, rig::VEHICLE, 1, Some(450_000_001));
    rig.run(ms(10));
    rig.request_handover(BOB);
    assert_eq!(last(&rig, LeaseEvent::Refused).code, Some(CommandCode::LatencyLimit));
    // A supervisor is held to it as well.
    probe(&mut rig, SUE, rig::VEHICLE, 1, Some(460_000_000));
    rig.pre_empt(SUE, Some("he is unwell"));
    let refused = last(&rig, LeaseEvent::Refused);
    assert_eq!((refused.code, refused.session_id.0), (Some(CommandCode::LatencyLimit), SUE));
    // With a shorter one he may, unless it has grown by the time of the answer.
    probe(&mut rig, BOB, rig::VEHICLE, 2, Some(450_000_000));
    let wish = asked(&mut rig);
    probe(&mut rig, BOB, rig::VEHICLE, 3, Some(600_000_000));
    rig.answer_handover(ADA, wish, true);
    let declined = last(&rig, LeaseEvent::HandoverRefused);
    assert!(declined.detail.unwrap().as_str().starts_with("the latency is 650 ms"));
    assert_eq!(rig.next_epoch(), None);
}
