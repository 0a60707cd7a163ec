//! Random schedules of everything that can happen, checked against the invariants of `takeover.md` 1.7; and proof
//! that the checks see what they look for. `WATCHKEEPER_PROPTEST_CASES` plays more schedules than the 2,000.

#[path = "support/invariants.rs"]
mod invariants;
#[path = "support/schedule.rs"]
mod schedule;
#[path = "support/trace.rs"]
mod trace;

use invariants::check;
use proptest::{
    collection::vec,
    prelude::{ProptestConfig, any},
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use schedule::{play, states};
use std::collections::BTreeSet;
use trace::{Entry, Input};
use watchkeeper_model::{
    AgentTime, BootId, CommandCode, CommandKind, CommandState, ControlState, Epoch, FallbackLevel, RiskClass,
};
use watchkeeper_takeover::Mode;

const STEPS: usize = 200;

fn cases() -> u32 {
    std::env::var("WATCHKEEPER_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
}

#[test]
fn no_schedule_breaks_an_invariant() {
    let config = ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&vec(any::<u64>(), STEPS), |numbers| {
        check(&play(&numbers)).map_err(proptest::test_runner::TestCaseError::fail)
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

/// Traces that are the same in every run.
fn known_traces(count: usize) -> Vec<Vec<Entry>> {
    let mut runner = TestRunner::deterministic();
    let strategy = vec(any::<u64>(), STEPS);
    (0..count)
        .map(|_| play(&strategy.new_tree(&mut runner).expect("numbers can be made").current()))
        .collect()
}

#[test]
fn the_schedules_reach_every_state_and_accept_every_command() {
    let traces = known_traces(300);
    let reached: BTreeSet<_> = traces.iter().flat_map(|trace| states(trace)).collect();
    assert_eq!(reached, ControlState::ALL.iter().copied().collect());
    let accepted: BTreeSet<_> = traces.iter().flatten().filter_map(accepted_kind).collect();
    let tasks = trace::TASKS.into_iter().map(CommandKind::Task);
    assert_eq!(accepted, CommandKind::ALL.iter().copied().chain(tasks).collect());
    let steps: BTreeSet<_> =
        traces.iter().flatten().map(|entry| (entry.before.state, entry.after.state)).collect();
    for (from, to) in [
        (ControlState::InTransition, ControlState::Human),
        (ControlState::Human, ControlState::Returning),
        (ControlState::Returning, ControlState::Autonomous),
        (ControlState::SafeHeld, ControlState::Fallback),
        (ControlState::SafeHeld, ControlState::InTransition),
        (ControlState::InTransition, ControlState::SafeHeld),
        (ControlState::Estopped, ControlState::SafeHeld),
        (ControlState::SafeHeld, ControlState::Autonomous),
        (ControlState::Returning, ControlState::Human),
    ] {
        assert!(steps.contains(&(from, to)), "{from} -> {to} was never tried");
    }
}

#[test]
fn the_schedules_drive_by_hand_go_neutral_and_hand_over() {
    let traces = known_traces(300);
    let entries = || traces.iter().flatten();
    let moves = |entry: &Entry| matches!(entry.directive_after(), Mode::Manual { .. });
    let stays =
        |entry: &Entry| entry.before.state == ControlState::Human && entry.after.state == ControlState::Human;
    assert!(entries().filter(|entry| moves(entry)).count() > 100);
    assert!(entries().any(|entry| {
        matches!(entry.input, Input::Time) && entry.after.manual && entry.directive_after() == Mode::Neutral
    }));
    let switched = entries().filter(|entry| stays(entry) && entry.before.epoch != entry.after.epoch).count();
    assert!(switched > 20, "{switched}");
    assert!(entries().any(|entry| stays(entry) && entry.before.next.is_some() && entry.after.next.is_none()));
}

#[test]
fn hands_that_drive_on_would_be_caught() {
    let drives = |entry: &Entry| matches!(entry.directive_after(), Mode::Manual { .. });
    let starts = |entry: &Entry| drives(entry) && !moved(entry) && matches!(entry.input, Input::Beat(_));
    let verdict = verdict_on(starts, |trace, index| {
        if let Input::Beat(beat) = &mut trace[index].input {
            beat.epoch = Epoch(99_999);
        }
    });
    assert!(verdict.contains("17: "), "{verdict}");
    let verdict = verdict_on(starts, |trace, index| {
        let now = trace[index].now;
        if let Input::Beat(beat) = &mut trace[index].input {
            beat.deadline = now;
        }
    });
    assert!(verdict.contains("17: "), "{verdict}");
    let verdict = verdict_on(
        |entry| matches!(entry.input, Input::Time) && entry.after.manual && !drives(entry) && moved(entry),
        |trace, index| trace[index].after.directive = trace[index].before.directive,
    );
    assert!(verdict.contains("17: a setpoint older than T_deadman"), "{verdict}");
    let verdict = verdict_on(
        |entry| drives(entry) && moved(entry),
        |trace, index| {
            trace[index].after.directive.mode = Mode::Manual { steer: 0.123, accelerate: 0.0 };
        },
    );
    assert!(verdict.contains("17: not what the hands want"), "{verdict}");
}

/// Whether the vehicle moved by hand before.
fn moved(entry: &Entry) -> bool {
    matches!(entry.before.directive.mode, Mode::Manual { .. })
}

#[test]
fn control_that_passes_by_itself_would_be_caught() {
    let waits = |entry: &Entry| {
        matches!(entry.input, Input::World(_)) && entry.before.next.is_some() && entry.after.next.is_some()
    };
    let verdict = verdict_on(waits, |trace, index| {
        let next = trace[index].after.next.take();
        trace[index].after.epoch = next.expect("the entry has one");
    });
    assert!(verdict.contains("16: control passed"), "{verdict}");
}

fn accepted_kind(entry: &Entry) -> Option<CommandKind> {
    let Input::Command(command) = &entry.input else { return None };
    is_accepted(entry).then_some(command.kind)
}

fn is_accepted(entry: &Entry) -> bool {
    entry.acks.iter().any(|ack| ack.state == CommandState::Accepted && ack.code.is_none())
}

/// Looks for an entry that fits, changes its trace there, and returns what the checker says about it.
fn verdict_on(fits: impl Fn(&Entry) -> bool, change: impl Fn(&mut Vec<Entry>, usize)) -> String {
    for mut trace in known_traces(300) {
        if let Some(index) = trace.iter().position(&fits) {
            check(&trace).expect("a known trace keeps every invariant");
            change(&mut trace, index);
            return check(&trace).expect_err("the checker is blind");
        }
    }
    panic!("no known trace has such an entry")
}

/// Whether a fenced command was refused with this code in a state in which a lease is live.
fn was_refused(entry: &Entry, code: CommandCode) -> bool {
    let Input::Command(command) = &entry.input else { return false };
    let fenced = command.kind.risk() == RiskClass::Exclusive && command.kind != CommandKind::ClearLatch;
    fenced && entry.before.epoch > Epoch(0) && entry.acks.iter().any(|ack| ack.code == Some(code))
}

/// Makes a refused command look accepted and done, as a gate without that check would have it.
fn accept(trace: &mut [Entry], index: usize) {
    let entry = trace.get_mut(index).expect("the entry was found");
    let mut ack = entry.acks.first().expect("a refusal is told").clone();
    (ack.state, ack.code) = (CommandState::Accepted, None);
    let mut done = ack.clone();
    done.state = CommandState::Completed;
    entry.acks = vec![ack, done];
}

fn is_fenced_and_accepted(entry: &Entry) -> bool {
    let Input::Command(command) = &entry.input else { return false };
    command.kind.risk() == RiskClass::Exclusive
        && command.kind != CommandKind::ClearLatch
        && is_accepted(entry)
}

fn edit_command(trace: &mut [Entry], index: usize, edit: impl Fn(&mut trace::Cmd)) {
    if let Some(Input::Command(command)) = trace.get_mut(index).map(|entry| &mut entry.input) {
        edit(command);
    }
}

#[test]
fn a_gate_without_the_fence_would_be_caught() {
    let stale =
        |entry: &Entry| was_refused(entry, CommandCode::StaleEpoch) && entry.boot_id == boot_of(entry);
    let verdict = verdict_on(stale, |trace, index| accept(trace, index));
    assert!(verdict.contains("epoch"), "{verdict}");
}

fn boot_of(entry: &Entry) -> BootId {
    if let Input::Command(command) = &entry.input { command.boot_id } else { entry.boot_id }
}

#[test]
fn a_gate_without_the_deadline_check_would_be_caught() {
    let verdict =
        verdict_on(|entry| was_refused(entry, CommandCode::Expired), |trace, index| accept(trace, index));
    assert!(verdict.contains("after its deadline"), "{verdict}");
}

#[test]
fn a_gate_without_the_sequence_check_would_be_caught() {
    let fits = |entry: &Entry| {
        was_refused(entry, CommandCode::Duplicate)
            && entry.acks[0].detail == Some("the sequence is not above the last of this epoch")
    };
    // A sequence may also have been used up by a command that was refused; only a used one is a repetition.
    let mut seen = 0;
    for mut trace in known_traces(300) {
        let Some(index) = trace.iter().position(fits) else { continue };
        accept(&mut trace, index);
        seen += usize::from(check(&trace).is_err_and(|why| why.contains("sequence took effect again")));
    }
    assert!(seen > 0);
}

#[test]
fn a_gate_without_the_duplicate_check_would_be_caught() {
    let verdict = verdict_on(is_fenced_and_accepted, |trace, index| {
        let again = trace[index].clone();
        trace.insert(index + 1, again);
    });
    assert!(verdict.contains("took effect twice"), "{verdict}");
}

#[test]
fn a_gate_without_the_boot_check_would_be_caught() {
    let verdict = verdict_on(is_fenced_and_accepted, |trace, index| {
        edit_command(trace, index, |command| command.boot_id = BootId(uuid::Uuid::nil()));
    });
    assert!(verdict.contains("another boot"), "{verdict}");
}

#[test]
fn a_refused_command_that_changes_something_would_be_caught() {
    let verdict = verdict_on(
        |entry| matches!(&entry.input, Input::Command(_)) && !is_accepted(entry),
        |trace, index| trace[index].after.directive.speed_cap_mps = Some(99.0),
    );
    assert!(verdict.contains("refused command changed"), "{verdict}");
}

#[test]
fn a_latch_that_ends_by_itself_would_be_caught() {
    let verdict = verdict_on(
        |entry| {
            matches!(entry.input, Input::World(_))
                && entry.before.state == ControlState::SafeHeld
                && entry.after.state == ControlState::SafeHeld
        },
        |trace, index| trace[index].after.latches.clear(),
    );
    assert!(verdict.contains("ended by itself"), "{verdict}");
}

#[test]
fn a_level_that_falls_within_an_episode_would_be_caught() {
    let verdict = verdict_on(
        |entry| entry.before.level == Some(FallbackLevel::CONTAIN) && entry.after.level == entry.before.level,
        |trace, index| trace[index].after.level = Some(FallbackLevel::COMFORTABLE),
    );
    assert!(verdict.contains("the level fell"), "{verdict}");
}

#[test]
fn a_second_end_of_a_command_and_a_missing_one_would_be_caught() {
    let ends = |entry: &Entry| {
        entry.acks.iter().any(|ack| ack.state == CommandState::Completed && ack.code.is_none())
    };
    let verdict = verdict_on(ends, |trace, index| {
        let again = trace[index].acks.clone();
        trace[index].acks.extend(again.into_iter().filter(|ack| ack.state == CommandState::Completed));
    });
    assert!(verdict.contains("ended twice"), "{verdict}");
    let verdict = verdict_on(ends, |trace, _| {
        // The last entry confirms the stop that ends every schedule.
        trace.last_mut().unwrap().acks.clear();
    });
    assert!(verdict.contains("never ended"), "{verdict}");
}

#[test]
fn a_deadline_that_moves_and_a_timer_that_stays_due_would_be_caught() {
    let waits = |entry: &Entry| entry.before.demand.is_some() && entry.before.demand == entry.after.demand;
    let verdict = verdict_on(waits, |trace, index| {
        trace[index].after.demand_end = Some(AgentTime::from_nanos(u64::MAX));
    });
    assert!(verdict.contains("extended"), "{verdict}");
    let verdict = verdict_on(
        |entry| matches!(entry.input, Input::Time),
        |trace, index| trace[index].next_timeout = Some(trace[index].now),
    );
    assert!(verdict.contains("due again at once"), "{verdict}");
}

#[test]
fn a_reboot_that_forgets_and_a_reconnect_that_grants_would_be_caught() {
    let verdict = verdict_on(
        |entry| matches!(&entry.input, Input::Reboot(record) if record.control_state == ControlState::Fallback),
        |trace, index| {
            let mut before = trace[index].before.clone();
            before.state = ControlState::Autonomous;
            before.latches.clear();
            before.level = None;
            trace[index].before = before.clone();
            trace[index].after = before;
        },
    );
    assert!(verdict.contains("less safe"), "{verdict}");
    let verdict = verdict_on(
        |entry| matches!(entry.input, Input::Link) && entry.after.state == ControlState::SafeHeld,
        |trace, index| trace[index].after.epoch = Epoch(1_000),
    );
    assert!(verdict.contains("a connection gave an epoch"), "{verdict}");
}
