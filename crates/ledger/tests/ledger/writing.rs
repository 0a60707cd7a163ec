use crate::support::{append, ledger, open, options, payload, records};
use watchkeeper_ledger::{
    AppendError, CommitError, Ledger, MAX_OPENING_BYTES, MAX_PAYLOAD_BYTES, MemoryStorage, OpenError,
    Options, ReadStorage, RollError, verify,
};

#[test]
fn the_first_record_needs_an_opening() {
    let (mut ledger, recovery) = open(MemoryStorage::new());
    assert_eq!((recovery.segments, recovery.next_sequence), (0, 1));
    assert!(ledger.needs_opening());
    assert!(matches!(ledger.append(1, 0, 0, 0, b""), Err(AppendError::NoSegment)));
    ledger.roll(b"opening").unwrap();
    assert_eq!(append(&mut ledger, b"first"), 1);
}

#[test]
fn a_commit_makes_pending_records_durable_in_one_go() {
    let (mut ledger, _) = open(MemoryStorage::new());
    ledger.roll(b"").unwrap();
    for _ in 0..10 {
        append(&mut ledger, b"x");
    }
    assert_eq!((ledger.head().sequence, records(ledger.storage()).len()), (0, 0));
    assert_eq!(ledger.commit().unwrap().sequence, 10);
    assert_eq!((ledger.pending_bytes(), records(ledger.storage()).len()), (0, 10));
    let head = ledger.head();
    assert_eq!(ledger.commit().unwrap(), head, "nothing new, nothing changes");
}

#[test]
fn limits_refuse_and_take_nothing() {
    let tight = Options { max_pending_bytes: 100, ..options() };
    let (mut ledger, _) = Ledger::open(MemoryStorage::new(), tight).unwrap();
    let long = vec![0; MAX_OPENING_BYTES + 1];
    assert!(matches!(ledger.roll(&long), Err(RollError::OpeningTooLarge { len }) if len == long.len()));
    ledger.roll(&long[1..]).unwrap();
    let long = vec![7; MAX_PAYLOAD_BYTES + 1];
    assert!(matches!(ledger.append(0, 0, 0, 0, &long), Err(AppendError::PayloadTooLarge { .. })));
    assert_eq!(ledger.append(0, 0, 0, 0, &long[1..]).unwrap(), 1);
    assert!(matches!(ledger.append(0, 0, 0, 0, b""), Err(AppendError::PendingFull { .. })));
    ledger.commit().unwrap();
    assert_eq!(ledger.append(0, 0, 0, 0, b"").unwrap(), 2);
    ledger.commit().unwrap();
    let all = records(ledger.storage());
    assert_eq!((all.len(), all[0].payload.as_slice()), (2, &long[1..]));
    assert!(verify(ledger.storage(), &[ledger.head()]).unwrap().is_sound());
}

#[test]
fn a_sync_error_stops_the_ledger_for_good() {
    let (mut ledger, _) = open(MemoryStorage::new());
    ledger.roll(b"").unwrap();
    append(&mut ledger, b"safe");
    let safe = ledger.commit().unwrap();
    ledger.storage_mut().fail_sync_after(0);
    append(&mut ledger, b"lost");
    assert!(matches!(ledger.commit(), Err(CommitError::Sync { segment: 1, .. })));
    ledger.storage_mut().fail_sync_after(1_000);
    assert!(matches!(ledger.commit(), Err(CommitError::Poisoned { .. })));
    assert!(matches!(ledger.append(0, 0, 0, 0, b""), Err(AppendError::Poisoned { .. })));
    assert!(matches!(ledger.roll(b""), Err(RollError::Commit(CommitError::Poisoned { .. }))));
    assert_eq!(ledger.head(), safe);
}

#[test]
fn a_write_error_stops_the_ledger_for_good() {
    let (mut ledger, _) = open(MemoryStorage::new());
    ledger.roll(b"").unwrap();
    ledger.storage_mut().tear_next_write(10);
    append(&mut ledger, b"torn");
    assert!(matches!(ledger.commit(), Err(CommitError::Write { segment: 1, .. })));
    assert!(matches!(ledger.commit(), Err(CommitError::Poisoned { .. })));
    let (_, recovery) = open(ledger.into_storage());
    assert_eq!((recovery.cut_bytes > 0, recovery.next_sequence), (true, 1));
}

#[test]
fn a_full_disk_refuses_loses_nothing_and_goes_on_when_there_is_room() {
    for room in (0..300).step_by(7) {
        let (mut ledger, _) = open(ledger(1, 3).0);
        let used = ledger.storage().segment_len(1).unwrap();
        ledger.storage_mut().set_capacity(Some(used + room));
        let safe = ledger.head();
        for _ in 0..20 {
            append(&mut ledger, b"a record for which there is no room");
        }
        assert!(matches!(ledger.commit(), Err(CommitError::Full { pending_bytes: 2_080, .. })));
        assert!(matches!(ledger.roll(b""), Err(RollError::Commit(CommitError::Full { .. }))));
        assert_eq!(ledger.head(), safe);
        let (recovered, recovery) = open(ledger.storage().clone());
        assert!(recovery.damage.is_none() && recovered.head() >= safe, "{recovery:?}");
        assert!(verify(recovered.storage(), &[safe]).unwrap().is_sound());
        ledger.storage_mut().set_capacity(None);
        assert_eq!(ledger.commit().unwrap().sequence, 23);
        let report = verify(ledger.storage(), &[safe, ledger.head()]).unwrap();
        assert_eq!((report.problems, report.records), (vec![], 23));
    }
}

#[test]
fn a_full_disk_that_refuses_a_new_segment_leaves_the_old_one_open() {
    let (mut ledger, _) = open(ledger(1, 3).0);
    ledger.storage_mut().set_capacity(Some(0));
    assert!(matches!(ledger.roll(b"opening"), Err(RollError::Full { segment: 2, .. })));
    ledger.storage_mut().set_capacity(None);
    append(&mut ledger, b"on");
    ledger.commit().unwrap();
    ledger.roll(b"opening").unwrap();
    assert_eq!(ledger.segment(), Some(2));
    assert_eq!(verify(ledger.storage(), &[ledger.head()]).unwrap().problems, []);
}

#[test]
fn space_ahead_is_zeroed_and_cut_off_when_the_segment_is_sealed() {
    let (mut ledger, _) = open(MemoryStorage::new());
    ledger.roll(b"").unwrap();
    append(&mut ledger, b"x");
    ledger.commit().unwrap();
    assert_eq!(ledger.storage().segment_len(1).unwrap(), 256);
    assert_eq!(ledger.storage().bytes(1).unwrap()[160 + 40 + 32..], [0; 24]);
    ledger.roll(b"").unwrap();
    assert_eq!(ledger.storage().segment_len(1).unwrap(), 160 + 40 + 32);
}

#[test]
fn a_ledger_that_rolls_at_its_size_verifies_across_segments() {
    let small = Options { segment_bytes: 1_000, ..options() };
    let (mut ledger, _) = Ledger::open(MemoryStorage::new(), small).unwrap();
    let mut heads = vec![ledger.roll(b"opening 1").unwrap()];
    assert!(!ledger.should_roll());
    for sequence in 1..=60 {
        append(&mut ledger, &payload(sequence));
        heads.push(ledger.commit().unwrap());
        if ledger.should_roll() {
            heads.push(ledger.roll(b"next opening").unwrap());
        }
    }
    let report = verify(ledger.storage(), &heads).unwrap();
    assert_eq!((report.problems, report.records), (vec![], 60));
    assert!(report.segments > 5);
}

#[test]
fn an_opening_larger_than_a_segment_still_takes_a_record() {
    let small = Options { segment_bytes: 100, ..options() };
    let (mut ledger, _) = Ledger::open(MemoryStorage::new(), small).unwrap();
    ledger.roll(&[1; 500]).unwrap();
    assert!(!ledger.should_roll());
    append(&mut ledger, b"x");
    assert!(ledger.should_roll());
}

#[test]
fn what_retention_leaves_verifies_from_a_stated_starting_point() {
    let (storage, heads) = ledger(4, 3);
    let (mut ledger, _) = open(storage);
    assert_eq!(ledger.retain_from(3).unwrap(), 2);
    let report = verify(ledger.storage(), &heads).unwrap();
    assert_eq!(report.problems, []);
    let start = report.starting_point.unwrap();
    assert_eq!((start.segment, start.head), (3, heads[5]));
    assert_eq!((report.first, report.records), (Some(7), 6));
    assert_eq!((report.heads_too_old, report.heads_matched), (5, 7));
    assert_eq!(ledger.retain_from(100).unwrap(), 1, "the open segment stays");
    assert_eq!(ledger.storage().segments().unwrap(), [4]);
    append(&mut ledger, b"on");
    ledger.commit().unwrap();
    assert!(verify(ledger.storage(), &[heads[9], ledger.head()]).unwrap().is_sound());
}

#[test]
fn a_false_starting_point_is_found_by_a_head() {
    let (rewritten, _) = crate::support::edited(3, 3, 2);
    let (_, heads) = ledger(3, 3);
    let (mut ledger, _) = open(rewritten);
    ledger.retain_from(2).unwrap();
    let problems = verify(ledger.storage(), &heads[2..3]).unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].sequence(), Some(3));
}

#[test]
fn the_ledger_of_somebody_else_is_not_opened() {
    let (storage, _) = ledger(1, 1);
    assert!(matches!(
        Ledger::open(storage, Options::new([1; 16])),
        Err(OpenError::OtherDeployment { expected, found }) if expected == [1; 16] && found == crate::support::DEPLOYMENT
    ));
}
