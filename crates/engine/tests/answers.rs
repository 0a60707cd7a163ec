//! What became of commands whose answer is lost, never given, or missed by who sent them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod rig;

use rig::{
    Rig, ms,
    shift::{ADA, BOB, driven},
};
use std::time::Duration;
use watchkeeper_model::{
    CommandArgs, CommandId, CommandKind, CommandState, ControlState, Epoch, LatchCause, OperatorRole,
};
use watchkeeper_protocol::ToOperator;

fn cap(rig: &mut Rig) -> CommandId {
    rig.command(ADA, CommandKind::SpeedCap, CommandArgs { speed_mps: Some(9.0), ..CommandArgs::default() })
}

#[test]
fn a_command_that_is_never_answered_is_unknown_t_agent_after_its_deadline() {
    let mut rig = driven();
    rig.deaf = true;
    let lost = cap(&mut rig);
    // Its deadline is in 2 s, T_agent is 2 s, and the vehicle was heard at most 0.1 s ago.
    rig.run(ms(3_800));
    assert_eq!(rig.command_state(lost), Some(CommandState::Forwarded));
    rig.run(ms(400));
    assert_eq!(rig.command_state(lost), Some(CommandState::Unknown));
    rig.deaf = false;
    rig.run(ms(5_000));
    assert_eq!(rig.command_state(lost), Some(CommandState::Unknown), "it is not sent again");
}

#[test]
fn a_command_that_was_accepted_and_whose_end_is_never_told_is_unknown() {
    let mut rig = driven();
    let cap = cap(&mut rig);
    assert_eq!(rig.command_state(cap), Some(CommandState::Accepted));
    rig.mute = true;
    rig.run(ms(50));
    rig.mute = false;
    // T_verify is 0.8 s, T_agent is 2 s.
    rig.run(ms(2_700));
    assert_eq!(rig.command_state(cap), Some(CommandState::Accepted));
    rig.run(ms(100));
    assert_eq!(rig.command_state(cap), Some(CommandState::Unknown));
}

#[test]
fn a_hold_is_waited_for_as_long_as_a_stop_in_comfort_may_take() {
    let mut rig = driven();
    let hold = rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(50_000));
    assert_eq!(rig.command_state(hold), Some(CommandState::Accepted));
    rig.standstill = true;
    rig.run(ms(100));
    assert_eq!(rig.command_state(hold), Some(CommandState::Completed));
}

#[test]
fn a_claim_that_is_engaged_and_never_assumed_ends_by_the_agents_word_not_by_the_monitors_patience() {
    let mut rig = driven();
    rig.command(ADA, CommandKind::Release, CommandArgs::default());
    rig.run(ms(500));
    assert_eq!(rig.state(), ControlState::Fallback);
    rig.claim(BOB);
    rig.run(ms(200));
    let latches = vec![rig.latch(LatchCause::Fallback)];
    let engage = rig.command(BOB, CommandKind::Engage, CommandArgs { latches, ..CommandArgs::default() });
    rig.run(ms(9_900));
    assert_eq!(rig.command_state(engage), Some(CommandState::Accepted));
    rig.run(ms(300));
    assert_eq!(rig.command_state(engage), Some(CommandState::Failed));
}

/// When a command was sent, counted from the first time.
fn times(rig: &Rig, command: CommandId) -> Vec<Duration> {
    let sent: Vec<_> = rig.sent.iter().filter(|(id, _)| *id == command).map(|(_, at)| *at).collect();
    sent.iter().map(|at| at.since(sent[0])).collect()
}

#[test]
fn what_makes_things_safer_is_sent_three_times_more_half_a_second_apart_and_no_oftener() {
    let mut rig = driven();
    rig.deaf = true;
    let hold = rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(3_000));
    assert_eq!(times(&rig, hold), [ms(0), ms(500), ms(1_000), ms(1_500)]);
    assert_eq!(rig.command_state(hold), Some(CommandState::Forwarded));
    assert_eq!(rig.replay(), rig.digest());
}

#[test]
fn nothing_is_sent_again_that_would_come_too_late() {
    let mut rig = driven();
    rig.deaf = true;
    rig.ttl = ms(900);
    let hold = rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(3_000));
    assert_eq!(times(&rig, hold), [ms(0), ms(500)]);
}

#[test]
fn a_monitor_that_wakes_too_late_sends_nothing_again() {
    let mut rig = driven();
    rig.deaf = true;
    let hold = rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.stand_still(ms(2_500));
    rig.run(ms(100));
    assert_eq!(times(&rig, hold), [ms(0)]);
}

#[test]
fn copies_of_a_stop_leave_the_words_why_it_waits() {
    let mut rig = driven();
    rig.local = true;
    rig.run(ms(200));
    let stop = rig.stop(BOB, rig::VEHICLE, false);
    rig.run(ms(2_000));
    assert!(times(&rig, stop).len() > 5, "it is sent on");
    assert_eq!(rig.command_state(stop), Some(CommandState::Accepted));
    assert!(rig.command_detail(stop).is_some_and(|detail| detail.contains("stops when he lets go")));
}

#[test]
fn what_is_under_way_outlives_thousands_of_other_commands() {
    let mut rig = driven();
    let hold = rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(50));
    for _ in 0..4_200 {
        rig.command_under(BOB, CommandKind::Resume, CommandArgs::default(), Epoch(0));
    }
    rig.standstill = true;
    rig.run(ms(200));
    assert_eq!(rig.command_state(hold), Some(CommandState::Completed));
}

#[test]
fn a_lost_hold_acts_half_a_second_later_and_once_and_what_is_answered_is_not_sent_again() {
    let mut rig = driven();
    rig.deaf = true;
    let hold = rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(400));
    rig.deaf = false;
    rig.run(ms(200));
    assert_eq!(rig.command_state(hold), Some(CommandState::Accepted));
    rig.standstill = true;
    rig.run(ms(3_000));
    assert_eq!((rig.command_state(hold), rig.command_code(hold)), (Some(CommandState::Completed), None));
    assert_eq!(times(&rig, hold).len(), 2);
}

#[test]
fn a_lost_answer_brings_a_copy_and_the_copys_answer_counts_as_the_first() {
    let mut rig = driven();
    rig.mute = true;
    let hold = rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(100));
    rig.mute = false;
    assert_eq!(rig.command_state(hold), Some(CommandState::Forwarded), "nobody heard that it was taken");
    rig.run(ms(500));
    assert_eq!((rig.command_state(hold), rig.command_code(hold)), (Some(CommandState::Accepted), None));
}

#[test]
fn what_may_make_things_riskier_is_never_sent_twice() {
    let mut rig = driven();
    rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(100));
    rig.deaf = true;
    let resume = rig.command(ADA, CommandKind::Resume, CommandArgs::default());
    rig.run(ms(5_000));
    assert_eq!(times(&rig, resume).len(), 1);
    assert_eq!(rig.command_state(resume), Some(CommandState::Unknown));
}

#[test]
fn nothing_is_sent_again_over_a_lost_connection() {
    let mut rig = driven();
    rig.deaf = true;
    let hold = rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(100));
    rig.disconnect_vehicle();
    rig.connect_vehicle();
    rig.deaf = false;
    rig.run(ms(3_000));
    assert_eq!((times(&rig, hold).len(), rig.command_state(hold)), (1, Some(CommandState::Unknown)));
}

fn retold(rig: &Rig, session: u64) -> Vec<(CommandId, CommandState)> {
    let told = rig.told(session).iter();
    told.filter_map(|message| match message {
        ToOperator::CommandStatus(update) => Some((update.command_id, update.state)),
        _ => None,
    })
    .collect()
}

#[test]
fn who_starts_from_a_snapshot_is_told_of_his_own_commands_and_of_all_that_go_on() {
    let mut rig = driven();
    let over = cap(&mut rig);
    let hold = rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(100));
    let before = rig.cursor(ADA);
    rig.connect_operator(11, "ada", OperatorRole::Operator);
    let all = retold(&rig, 11);
    assert!(all.contains(&(over, CommandState::Completed)) && all.contains(&(hold, CommandState::Accepted)));
    assert_eq!(rig.cursor(11), before, "no new place in the stream");
    rig.connect_operator(12, "eve", OperatorRole::Observer);
    assert_eq!(retold(&rig, 12), [(hold, CommandState::Accepted)], "what is over is no news to others");
}
