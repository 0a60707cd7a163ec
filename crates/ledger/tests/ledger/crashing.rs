use crate::support::{append, change, edited, extent, image, ledger, open, payload, records};
use proptest::prelude::*;
use watchkeeper_ledger::{Entry, Head, Ledger, MemoryStorage, Problem, ReadStorage, Reader, verify};

#[test]
fn a_torn_tail_of_any_length_is_cut_and_reported() {
    let (storage, heads) = ledger(1, 4);
    let last = extent(records(&storage).last().unwrap());
    for (length, zeroed) in (0..last.len()).flat_map(|length| [(length, false), (length, true)]) {
        let mut torn = storage.clone();
        change(&mut torn, 1, |bytes| {
            bytes.truncate(last.start + length);
            if zeroed {
                bytes.resize(last.end + 100, 0);
            }
        });
        let kept = torn.bytes(1).unwrap()[last.start..].iter().rposition(|byte| *byte != 0);
        let (mut ledger, recovery) = open(torn);
        assert_eq!(recovery.damage, None, "{length}");
        assert_eq!(recovery.cut_bytes, kept.map_or(0, |at| at as u64 + 1), "{length}");
        assert_eq!((recovery.head, recovery.next_sequence), (heads[2], 4));
        let once = image(ledger.storage());
        let (again, recovery) = open(ledger.storage().clone());
        assert_eq!((image(again.storage()), recovery.cut_bytes), (once, 0), "{length}: recovering again");
        append(&mut ledger, b"after the crash");
        ledger.commit().unwrap();
        assert_eq!(verify(ledger.storage(), &[heads[2], ledger.head()]).unwrap().problems, []);
    }
}

#[test]
fn a_whole_record_that_was_never_synced_may_stay_but_counts_from_then_on() {
    let (mut ledger, _) = open(ledger(1, 2).0);
    append(&mut ledger, b"whole");
    ledger.storage_mut().fail_sync_after(0);
    assert!(ledger.commit().is_err());
    let mut storage = ledger.into_storage();
    storage.fail_sync_after(1);
    let (ledger, recovery) = open(storage);
    assert_eq!((recovery.head.sequence, recovery.next_sequence), (3, 4));
    let mut storage = ledger.into_storage();
    storage.crash_keeping(0);
    assert_eq!(open(storage).1.head, recovery.head, "opening made it durable");
}

/// Opens a damaged ledger, checks that nothing is touched, goes on in a GAP segment, and checks that the damage
/// is still named.
fn damaged_and_carried_on(storage: MemoryStorage, next_sequence: u64) -> Vec<Problem> {
    let before = image(&storage);
    let last = *storage.segments().unwrap().last().unwrap();
    let (mut ledger, recovery) = open(storage);
    let damage = recovery.damage.clone().expect("this is damage, not a crash");
    assert_eq!((damage.segment, recovery.cut_bytes, recovery.next_sequence), (last, 0, next_sequence));
    assert!(damage.to_string().contains("damaged"), "{damage}");
    assert_eq!(image(ledger.storage()), before, "a damaged file is kept as it is");
    assert_eq!(open(ledger.storage().clone()).1, recovery, "recovering again");
    assert!(ledger.needs_opening());
    ledger.roll(b"after damage").unwrap();
    assert_eq!(
        ledger.storage().bytes(last).unwrap().len() as u64,
        ledger.storage().segment_len(last).unwrap()
    );
    assert_eq!(append(&mut ledger, b"on"), next_sequence);
    let head = ledger.commit().unwrap();
    assert_eq!(image(ledger.storage())[..before.len()], before, "still as it was");
    let info = Reader::starting_at(ledger.storage(), last + 1).unwrap().next().unwrap().unwrap();
    assert!(matches!(info, Entry::Segment(info) if info.gap && info.first_sequence == next_sequence));
    let (ledger, recovery) = open(ledger.into_storage());
    assert_eq!((recovery.damage, recovery.head), (None, head), "the gap is over");
    let report = verify(ledger.storage(), &[head]).unwrap();
    assert_eq!((report.gaps, report.heads_matched), (vec![last + 1], 1));
    report.problems
}

#[test]
fn damage_before_a_valid_record_is_kept_and_a_gap_is_opened() {
    let (storage, _) = ledger(2, 5);
    for record in &records(&storage)[5..9] {
        for offset in extent(record) {
            let mut damaged = storage.clone();
            change(&mut damaged, 2, |bytes| bytes[offset] ^= 0x20);
            let problems = damaged_and_carried_on(damaged, 11);
            assert_eq!(problems.len(), 1, "byte {offset}: {problems:?}");
            assert_eq!(problems[0].sequence(), Some(record.sequence), "byte {offset}");
        }
    }
}

#[test]
fn a_damaged_header_or_opening_is_kept_and_a_gap_is_opened() {
    let (storage, _) = ledger(2, 5);
    for offset in 0..184 {
        let mut damaged = storage.clone();
        change(&mut damaged, 2, |bytes| bytes[offset] ^= 0x04);
        let problems = damaged_and_carried_on(damaged, 11);
        assert!(matches!(problems[0], Problem::Header { segment: 2, .. }), "byte {offset}: {problems:?}");
    }
}

#[test]
fn a_header_lost_with_all_its_records_goes_on_from_the_segment_before() {
    let (mut storage, _) = ledger(2, 5);
    change(&mut storage, 2, |bytes| bytes.fill(0xAA));
    let problems = damaged_and_carried_on(storage, 6);
    assert!(matches!(problems.as_slice(), [Problem::Header { segment: 2, .. }]), "{problems:?}");
}

#[test]
fn swapped_records_at_the_end_are_damage_not_a_crash() {
    let (mut storage, _) = ledger(1, 5);
    let all = records(&storage);
    let (left, right) = (extent(&all[3]), extent(&all[4]));
    change(&mut storage, 1, |bytes| bytes[left.start..right.end].rotate_left(left.len()));
    let problems = damaged_and_carried_on(storage, 6);
    assert_eq!(problems[0].sequence(), Some(4));
}

#[test]
fn a_last_record_with_a_wrong_chain_value_is_damage_not_a_crash() {
    let (mut storage, _) = ledger(1, 5);
    let last = extent(&records(&storage)[4]);
    change(&mut storage, 1, |bytes| bytes[last.end - 1] ^= 1);
    let problems = damaged_and_carried_on(storage, 6);
    assert_eq!(problems[0].sequence(), Some(5));
}

#[test]
fn a_record_hidden_in_a_payload_does_not_turn_a_crash_into_damage() {
    let somebody = watchkeeper_ledger::Options::new([0; 16]);
    let (mut forger, _) = Ledger::open(MemoryStorage::new(), somebody).unwrap();
    forger.roll(b"").unwrap();
    for _ in 0..9 {
        append(&mut forger, b"forged");
    }
    forger.commit().unwrap();
    let foreign = forger.storage().bytes(1).unwrap()[160..].to_vec();
    let (mut ledger, _) = open(ledger(1, 2).0);
    let mut payload = vec![0; 4];
    payload.extend_from_slice(&foreign[..600]);
    append(&mut ledger, &payload);
    ledger.storage_mut().fail_sync_after(0);
    assert!(ledger.commit().is_err());
    let mut storage = ledger.into_storage();
    storage.crash_keeping(610);
    let (_, recovery) = open(storage);
    assert_eq!((recovery.damage, recovery.head.sequence), (None, 2));
    assert!(recovery.cut_bytes > 500);
}

#[test]
fn opening_reads_the_last_segment_only() {
    let (mut storage, heads) = ledger(3, 4);
    change(&mut storage, 1, |bytes| bytes.fill(0));
    change(&mut storage, 2, |bytes| bytes.fill(0));
    let (_, recovery) = open(storage);
    assert_eq!((recovery.damage, recovery.head), (None, heads[11]));
}

#[test]
fn a_restart_right_after_a_roll_still_knows_its_head() {
    let (mut ledger, _) = open(edited(1, 4, 0).0);
    let head = ledger.roll(b"").unwrap();
    ledger.roll(b"").unwrap();
    let (mut ledger, recovery) = open(ledger.into_storage());
    assert_eq!((recovery.head, ledger.head(), recovery.next_sequence), (head, head, 5));
    append(&mut ledger, b"x");
    ledger.commit().unwrap();
    assert_eq!(verify(ledger.storage(), &[head, ledger.head()]).unwrap().problems, []);
}

#[derive(Clone, Debug)]
enum Step {
    Append(u16),
    Commit,
    Roll,
    /// Kill the process: everything written stays.
    Kill,
    /// Cut the power in the middle of a commit: so many bytes of it survive.
    PowerCut(usize),
    /// The same, but sectors survive in any order (the bits say which).
    SectorCut(u64),
    Full(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0_u16..900).prop_map(Step::Append),
        4 => Just(Step::Commit),
        1 => Just(Step::Roll),
        1 => Just(Step::Kill),
        1 => (0_usize..4_000).prop_map(Step::PowerCut),
        1 => any::<u64>().prop_map(Step::SectorCut),
        1 => (0_u64..2_000).prop_map(Step::Full),
    ];
    prop::collection::vec(step, 1..80)
}

/// A ledger, and what its user knows about it.
struct Model {
    ledger: Ledger<MemoryStorage>,
    /// The payload of every record appended under its number; a crash may take back what was not committed.
    appended: Vec<Vec<u8>>,
    committed: Vec<Head>,
}

impl Model {
    fn commit(&mut self) {
        // Without pending records a commit promises nothing new.
        let pending = self.ledger.pending_bytes() > 0;
        match self.ledger.commit() {
            Ok(head) => self.committed.extend(pending.then_some(head)),
            Err(error) => assert!(error.to_string().contains("full"), "{error}"),
        }
    }

    fn crash(&mut self, crash: impl FnOnce(&mut MemoryStorage)) {
        let mut storage = self.ledger.storage().clone();
        crash(&mut storage);
        let (ledger, recovery) = open(storage);
        let (again, second) = open(ledger.storage().clone());
        assert_eq!(image(again.storage()), image(ledger.storage()), "recovery is idempotent");
        assert_eq!(second.head, recovery.head);
        self.ledger = ledger;
        if self.ledger.needs_opening() {
            self.ledger.roll(b"after damage").unwrap();
        }
        // After unordered loss, numbers of records that did not survive may be skipped, never used twice.
        let next = usize::try_from(recovery.next_sequence).unwrap();
        self.appended.resize(next - 1, Vec::new());
        self.check();
    }

    /// Everything committed is there, in order; nothing is there that was not appended.
    fn check(&self) {
        let storage = self.ledger.storage();
        let mut found: std::collections::BTreeMap<u64, (Vec<u8>, Head)> = std::collections::BTreeMap::new();
        let mut last = 0;
        for segment in storage.segments().unwrap() {
            let reader = Reader::starting_at(storage, segment).unwrap();
            for entry in reader.map_while(Result::ok) {
                let Entry::Record(record) = entry else { continue };
                if record.segment == segment {
                    assert!(record.sequence > last, "in order");
                    last = record.sequence;
                    found.insert(record.sequence, (record.payload.clone(), record.head()));
                }
            }
        }
        for head in self.committed.iter().filter(|head| head.sequence > 0) {
            let (_, kept) = found.get(&head.sequence).expect("a committed record is there");
            assert_eq!(kept, head);
        }
        let safe = self.committed.iter().map(|head| head.sequence).max().unwrap_or(0);
        for sequence in 1..=safe {
            if let Some((payload, _)) = found.get(&sequence) {
                assert_eq!(payload, &self.appended[usize::try_from(sequence).unwrap() - 1]);
            }
        }
        for (sequence, (payload, _)) in &found {
            assert_eq!(
                payload,
                &self.appended[usize::try_from(*sequence).unwrap() - 1],
                "nothing is invented"
            );
        }
    }
}

fn run(steps: Vec<Step>, unordered: bool) {
    let (ledger, _) = open(MemoryStorage::new());
    let mut model = Model { ledger, appended: Vec::new(), committed: Vec::new() };
    model.ledger.roll(b"opening").unwrap();
    for step in steps {
        match step {
            Step::Append(length) => {
                let payload = vec![length.to_le_bytes()[0]; usize::from(length)];
                let sequence = append(&mut model.ledger, &payload);
                assert_eq!(sequence, model.appended.len() as u64 + 1);
                model.appended.push(payload);
            }
            Step::Commit => model.commit(),
            Step::Roll => match model.ledger.roll(b"rolled") {
                Ok(_head) => {}
                Err(error) => assert!(format!("{error:?}").contains("Full"), "{error:?}"),
            },
            Step::Kill => model.crash(|_storage| {}),
            Step::PowerCut(bytes) => {
                model.ledger.storage_mut().fail_sync_after(0);
                let _torn = model.ledger.commit();
                model.crash(|storage| storage.crash_keeping(bytes));
            }
            Step::SectorCut(bits) if unordered => {
                model.ledger.storage_mut().fail_sync_after(0);
                let _torn = model.ledger.commit();
                model.crash(|storage| {
                    storage.crash_sectors(|_segment, sector| bits >> (sector % 64) & 1 == 1);
                });
            }
            Step::SectorCut(_) => model.ledger.storage_mut().set_capacity(None),
            Step::Full(room) => {
                let storage = model.ledger.storage_mut();
                let used: u64 =
                    storage.segments().unwrap().iter().map(|at| storage.segment_len(*at).unwrap()).sum();
                storage.set_capacity(Some(used + room));
            }
        }
    }
    model.check();
    if !unordered {
        let storage = model.ledger.storage();
        // A commit that found the disk full may have written whole records that were never acknowledged.
        assert!(records(storage).len() >= usize::try_from(model.ledger.head().sequence).unwrap());
        let mut problems = verify(storage, &model.committed).unwrap().problems;
        problems.retain(|problem| !matches!(problem, Problem::UnfinishedTail { .. }));
        assert_eq!(problems, [], "a crash alone never looks like tampering");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_was_committed_survives_any_crash_in_order(steps in steps()) {
        run(steps, false);
    }

    #[test]
    fn whatever_was_committed_survives_even_when_sectors_are_lost_in_any_order(steps in steps()) {
        run(steps, true);
    }
}

#[test]
fn the_payload_of_these_tests_differs_from_record_to_record() {
    assert_ne!(payload(1), payload(2));
}

/// Somebody who knows the format can write any number into a header. Going on from the last one that a reader takes
/// would make a segment that no reader takes.
#[test]
fn a_ledger_goes_on_readably_whatever_number_a_header_claims() {
    for claimed in [u64::MAX / 4, u64::MAX / 4 + 1, u64::MAX / 2] {
        let (mut storage, _) = ledger(1, 0);
        change(&mut storage, 1, |bytes| {
            bytes[40..48].copy_from_slice(&claimed.to_le_bytes());
            let checksum = crc32c::crc32c(&bytes[..156]);
            bytes[156..160].copy_from_slice(&checksum.to_le_bytes());
        });
        let (mut ledger, recovery) = open(storage);
        assert_eq!(recovery.damage.is_some(), claimed > u64::MAX / 4, "{claimed}");
        ledger.roll(b"on").unwrap();
        ledger.append(7, 3, 0, 0, b"after the claim").unwrap();
        let head = ledger.commit().unwrap();
        let entries: Result<Vec<_>, _> = Reader::starting_at(ledger.storage(), 2).unwrap().collect();
        assert_eq!(
            entries.map(|entries| entries.len()).map_err(|error| error.to_string()),
            Ok(2),
            "{claimed}"
        );
        assert_eq!(verify(ledger.storage(), &[head]).unwrap().heads_matched, 1);
    }
}
