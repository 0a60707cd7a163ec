use crate::support::{DEPLOYMENT, append, change, extent, ledger, open, payload, records};
use watchkeeper_ledger::{Entry, ReadError, Reader, deployment_of, verify};

#[test]
fn a_reader_yields_openings_and_records_in_order() {
    let (storage, heads) = ledger(2, 3);
    let entries: Vec<Entry> = Reader::new(&storage).unwrap().map(Result::unwrap).collect();
    assert_eq!(entries.len(), 8);
    let Entry::Segment(first) = &entries[0] else { panic!("{entries:?}") };
    assert_eq!((first.number, first.opening.as_slice()), (1, b"opening of segment 1".as_slice()));
    assert_eq!((first.deployment, first.first_sequence, first.gap), (DEPLOYMENT, 1, false));
    let Entry::Segment(second) = &entries[4] else { panic!("{entries:?}") };
    assert_eq!((second.number, second.first_sequence), (2, 4));
    let Entry::Record(last) = &entries[7] else { panic!("{entries:?}") };
    assert_eq!((last.sequence, last.record_type, last.flags), (6, 7, 3));
    assert_eq!((last.mono_nanos, last.wall_nanos), (5_000, 1_700_000_000_000_005_000));
    assert_eq!((last.payload.clone(), last.head()), (payload(6), heads[5]));
}

#[test]
fn a_reader_can_start_at_a_segment() {
    let (storage, _) = ledger(3, 2);
    let first = Reader::starting_at(&storage, 3).unwrap().next().unwrap().unwrap();
    assert!(matches!(first, Entry::Segment(info) if info.number == 3));
    assert!(Reader::starting_at(&storage, 4).unwrap().next().is_none());
    assert_eq!(deployment_of(&storage).unwrap(), Some(DEPLOYMENT));
}

#[test]
fn readers_stop_cleanly_at_the_last_whole_record_of_a_live_ledger() {
    let (storage, heads) = ledger(1, 3);
    let (mut ledger, _) = open(storage);
    for cut in 1..150 {
        let mut writing = ledger.storage().clone();
        let whole = {
            let (mut ahead, _) = open(writing.clone());
            append(&mut ahead, &[7; 100]);
            ahead.commit().unwrap();
            ahead.into_storage()
        };
        let start = extent(records(&whole).last().unwrap()).start;
        change(&mut writing, 1, |bytes| {
            bytes.resize(start, 0);
            bytes.extend_from_slice(&whole.bytes(1).unwrap()[start..start + cut]);
        });
        writing.set_live_writer(true);
        let report = verify(&writing, &heads).unwrap();
        assert!(report.is_sound(), "{cut}: {:?}", report.problems);
        assert_eq!((report.records, report.unfinished.map(|(_, bytes)| bytes > 0)), (3, Some(true)));
        let mut reader = Reader::new(&writing).unwrap();
        assert_eq!(reader.by_ref().flatten().count(), 4);
        assert!(reader.unfinished_bytes() > 0);
        writing.set_live_writer(false);
        assert!(!verify(&writing, &heads).unwrap().is_sound(), "nobody writes, so it is unfinished for good");
    }
    append(&mut ledger, b"x");
    ledger.commit().unwrap();
}

#[test]
fn a_reader_stops_at_damage_with_its_name() {
    let (mut storage, _) = ledger(2, 4);
    let damaged = records(&storage)[2].clone();
    change(&mut storage, 1, |bytes| bytes[extent(&damaged).end - 1] ^= 1);
    let mut reader = Reader::new(&storage).unwrap();
    let error = reader.by_ref().find_map(Result::err).unwrap();
    assert!(
        matches!(error, ReadError::Record { segment: 1, sequence: 3, offset, .. } if offset == damaged.offset),
        "{error:?}"
    );
    assert!(reader.next().is_none(), "a reader does not go on by itself");
    assert_eq!(Reader::starting_at(&storage, 2).unwrap().flatten().count(), 5);
}

#[test]
fn a_reader_says_when_a_segment_is_missing_or_its_opening_is_damaged() {
    let (mut storage, _) = ledger(3, 1);
    let mut holed = storage.clone();
    watchkeeper_ledger::Storage::remove(&mut holed, 2).unwrap();
    let error = Reader::new(&holed).unwrap().find_map(Result::err).unwrap();
    assert!(matches!(error, ReadError::MissingSegment { segment: 2 }), "{error:?}");
    change(&mut storage, 2, |bytes| bytes[161] ^= 1);
    let error = Reader::new(&storage).unwrap().find_map(Result::err).unwrap();
    assert!(matches!(error, ReadError::Header { segment: 2, .. }), "{error:?}");
}
