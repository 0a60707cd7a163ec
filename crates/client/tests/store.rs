//! What the gate must not forget survives, and what cannot be trusted is never taken for a clean start.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::{fs, path::Path};
use watchkeeper_client::{
    Mode,
    agent::{AgentConfig, AgentCore, GateStore, Recovered, StoreError},
};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BootId, ControlState, Epoch, FallbackLevel, Incarnation, Label, Latch,
    LatchCause, LatchId,
};
use watchkeeper_takeover::{GateRecord, Timers, World};

fn agent() -> AgentId {
    AgentId::new("truck-1").unwrap()
}

fn record() -> GateRecord {
    GateRecord {
        boot_id: BootId(uuid::Uuid::from_u128(7)),
        clean_shutdown: true,
        control_state: ControlState::Autonomous,
        fallback_level: FallbackLevel::HOLD,
        fallback_cause: None,
        demand_open: false,
        question_open: false,
        highest_epoch: Epoch(41),
        incarnation: Incarnation(3),
        latches: vec![Latch { latch_id: LatchId(99), cause: LatchCause::Fallback }],
        next_latch: LatchId(100),
    }
}

fn loaded(dir: &Path) -> Recovered {
    GateStore::open(dir, &agent()).unwrap().load().unwrap()
}

#[test]
fn a_record_comes_back_as_it_was_written() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    assert_eq!(loaded(dir.path()), Recovered::Nothing);
    GateStore::open(dir.path(), &agent()).unwrap().save(&record()).unwrap();
    assert_eq!(loaded(dir.path()), Recovered::Record(record()));
    assert!(!dir.path().join("truck-1.gate.new").exists(), "the temporary file was renamed");
}

#[test]
fn a_file_cut_at_any_byte_or_with_any_bit_flipped_is_unreadable_never_a_record_and_never_nothing() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    GateStore::open(dir.path(), &agent()).unwrap().save(&record()).unwrap();
    let file = dir.path().join("truck-1.gate");
    let whole = fs::read(&file).unwrap();
    for end in 0..whole.len() {
        fs::write(&file, &whole[..end]).unwrap();
        assert!(matches!(loaded(dir.path()), Recovered::Unreadable { .. }), "cut at {end}");
    }
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x04;
        fs::write(&file, &flipped).unwrap();
        assert!(matches!(loaded(dir.path()), Recovered::Unreadable { .. }), "flipped at {at}");
    }
}

#[test]
fn a_half_written_new_file_beside_the_old_one_changes_nothing() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    GateStore::open(dir.path(), &agent()).unwrap().save(&record()).unwrap();
    fs::write(dir.path().join("truck-1.gate.new"), b"watchkeeper-gate-1 crc").unwrap();
    assert_eq!(loaded(dir.path()), Recovered::Record(record()));
}

#[test]
fn a_second_process_cannot_run_the_same_agent_on_the_same_directory() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let first = GateStore::open(dir.path(), &agent()).unwrap();
    assert!(matches!(GateStore::open(dir.path(), &agent()), Err(StoreError::Locked { .. })));
    assert!(GateStore::open(dir.path(), &AgentId::new("truck-2").unwrap()).is_ok());
    drop(first);
    assert!(GateStore::open(dir.path(), &agent()).is_ok());
}

#[test]
fn an_agent_whose_record_cannot_be_read_starts_in_fallback_level_1_with_a_latch() {
    let world = World {
        standstill: true,
        stable: true,
        progressing: None,
        condition_reached: false,
        can_resume: true,
        local_override: false,
    };
    let config = AgentConfig {
        tasks: Vec::new(),
        agent: agent(),
        kind: AgentKind::Generic,
        signals: Vec::new(),
        software_version: Label::default(),
        timers: Timers::for_kind(AgentKind::Generic),
        drive: None,
    };
    let now = AgentTime::from_nanos(1);
    let start =
        |recovered: &Recovered| AgentCore::new(config.clone(), recovered, world, [1; 32], now).status(now);
    let status = start(&Recovered::Unreadable { reason: "torn".to_owned() });
    assert_eq!(status.control_state, ControlState::Fallback);
    assert_eq!(status.fallback_level, Some(FallbackLevel::COMFORTABLE));
    assert_eq!(status.latches.len(), 1);
    assert_eq!(start(&Recovered::Nothing).control_state, ControlState::Autonomous);
    let held = AgentCore::new(config.clone(), &Recovered::Nothing, world, [1; 32], now);
    assert_eq!(held.directive().mode, Mode::SafePolicy, "nothing moves before a monitor is there");
}
