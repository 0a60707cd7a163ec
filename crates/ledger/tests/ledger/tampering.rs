use crate::support::{DEPLOYMENT, change, edited, extent, image, ledger, records};
use watchkeeper_ledger::{Head, HeaderFault, MemoryStorage, Problem, RecordFault, Storage, verify};

fn problems(storage: &MemoryStorage, heads: &[Head]) -> Vec<Problem> {
    verify(storage, heads).unwrap().problems
}

#[test]
fn an_untouched_ledger_has_no_problem_and_matches_every_head() {
    let (storage, heads) = ledger(3, 5);
    let report = verify(&storage, &heads).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!((report.segments, report.records, report.first), (3, 15, Some(1)));
    assert_eq!((report.heads_matched, report.head), (15, heads.last().copied()));
    let (earliest, latest) = report.wall_nanos.unwrap();
    assert_eq!(latest - earliest, 14_000);
    assert_eq!(report.starting_point, None);
}

#[test]
fn every_flipped_bit_is_found_and_named() {
    let (storage, _) = ledger(2, 7);
    let all = records(&storage);
    for (segment, bytes) in image(&storage) {
        for (offset, bit) in (0..bytes.len()).flat_map(|offset| [0_u8, 6].map(|bit| (offset, bit))) {
            let mut tampered = storage.clone();
            change(&mut tampered, segment, |bytes| bytes[offset] ^= 1 << bit);
            let found = problems(&tampered, &[]);
            let hit = all.iter().find(|record| record.segment == segment && extent(record).contains(&offset));
            let in_tail = all.last().is_some_and(|last| segment == 2 && offset >= extent(last).end);
            let context = format!("segment {segment}, byte {offset}, bit {bit}: {found:?}");
            assert_eq!(found.len(), 1, "{context}");
            match hit {
                Some(record) => assert_eq!(found[0].sequence(), Some(record.sequence), "{context}"),
                None if in_tail => assert_eq!(found[0].sequence(), Some(15), "{context}"),
                None => assert!(
                    matches!(found[0], Problem::Header { segment: at, .. } if at == segment),
                    "{context}"
                ),
            }
        }
    }
}

#[test]
fn the_place_of_a_damaged_record_is_named() {
    let (mut storage, _) = ledger(2, 5);
    let record = records(&storage)[7].clone();
    change(&mut storage, 2, |bytes| bytes[extent(&record).start + 40] ^= 1);
    let found = problems(&storage, &[]);
    let [Problem::Record { sequence: 8, place, fault: RecordFault::Checksum }] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!((place.segment, place.offset), (2, record.offset));
    assert_eq!(
        found[0].to_string(),
        format!(
            "record 8 (segment 2, byte {}) is damaged or changed: its checksum does not fit its bytes. Keep the \
             files as they are and compare this record with a copy.",
            record.offset
        )
    );
}

#[test]
fn two_swapped_records_are_both_named() {
    let (mut storage, _) = ledger(1, 24);
    let all = records(&storage);
    let (left, right) = (extent(&all[4]), extent(&all[15]));
    assert_eq!(left.len(), right.len(), "records of one length are swapped");
    change(&mut storage, 1, |bytes| {
        let kept = bytes[left.clone()].to_vec();
        bytes.copy_within(right.clone(), left.start);
        bytes[right].copy_from_slice(&kept);
    });
    let found = problems(&storage, &[]);
    assert!(matches!(found[0], Problem::OutOfOrder { expected: 5, found: 16, .. }), "{found:?}");
    assert!(
        found.iter().any(|problem| matches!(problem, Problem::OutOfOrder { expected: 16, found: 5, .. })),
        "{found:?}"
    );
}

#[test]
fn swapped_neighbours_of_different_length_are_both_named() {
    let (mut storage, _) = ledger(1, 6);
    let all = records(&storage);
    let (left, right) = (extent(&all[2]), extent(&all[3]));
    change(&mut storage, 1, |bytes| bytes[left.start..right.end].rotate_left(left.len()));
    let found = problems(&storage, &[]);
    assert!(matches!(found[0], Problem::OutOfOrder { expected: 3, found: 4, .. }), "{found:?}");
    assert!(matches!(found[1], Problem::OutOfOrder { expected: 4, found: 3, .. }), "{found:?}");
}

#[test]
fn a_record_taken_out_of_the_middle_is_named_once() {
    let (mut storage, heads) = ledger(1, 8);
    let taken = extent(&records(&storage)[3]);
    change(&mut storage, 1, |bytes| drop(bytes.drain(taken)));
    let found = problems(&storage, &heads);
    assert!(matches!(found.as_slice(), [Problem::OutOfOrder { expected: 4, found: 5, .. }]), "{found:?}");
}

#[test]
fn a_clean_cut_is_found_by_any_later_head_and_only_by_one() {
    let (mut storage, heads) = ledger(2, 5);
    let cut = extent(&records(&storage)[7]).start;
    change(&mut storage, 2, |bytes| bytes.truncate(cut));
    assert_eq!(problems(&storage, &heads[..7]), []);
    for head in &heads[7..] {
        let found = problems(&storage, &[heads[2], *head]);
        let [Problem::MissingRecords { after: 7, upto, place: Some(place) }] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!((*upto, place.segment, place.offset), (head.sequence, 2, cut as u64));
    }
}

#[test]
fn a_last_segment_that_is_gone_is_found_by_a_head() {
    let (mut storage, heads) = ledger(3, 2);
    storage.remove(3).unwrap();
    let found = problems(&storage, &heads);
    assert!(
        matches!(found.as_slice(), [Problem::MissingRecords { after: 4, upto: 6, place: Some(_) }]),
        "{found:?}"
    );
}

#[test]
fn everything_gone_is_found_by_a_head() {
    let (_, heads) = ledger(1, 2);
    let found = problems(&MemoryStorage::new(), &heads);
    assert_eq!(found, [Problem::MissingRecords { after: 0, upto: 2, place: None }]);
}

#[test]
fn a_segment_taken_out_of_the_middle_is_named() {
    let (mut storage, heads) = ledger(4, 2);
    storage.remove(2).unwrap();
    storage.remove(3).unwrap();
    assert_eq!(problems(&storage, &heads), [Problem::MissingSegments { from: 2, upto: 3 }]);
}

#[test]
fn a_rechained_edit_is_found_between_two_heads() {
    let (original, heads) = ledger(2, 6);
    let (rewritten, _) = edited(2, 6, 5);
    assert_eq!(problems(&rewritten, &[]), [], "without a head, a careful rewrite cannot be seen");
    let place = records(&original)[3].offset;
    let found = problems(&rewritten, &[heads[2], heads[8], heads[11]]);
    let [Problem::Rewritten { after: 3, upto: 9, place: Some(at) }] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!((at.segment, at.offset), (1, place));
    let found = problems(&rewritten, &heads);
    assert!(matches!(found.as_slice(), [Problem::Rewritten { after: 4, upto: 5, .. }]), "{found:?}");
    assert!(found[0].to_string().starts_with("records after 4 up to 5 do not match"), "{}", found[0]);
}

#[test]
fn an_edit_with_a_new_checksum_but_the_old_chain_is_named_exactly() {
    let (mut storage, heads) = ledger(1, 6);
    let edited = records(&storage)[2].clone();
    let extent = extent(&edited);
    change(&mut storage, 1, |bytes| {
        let record = &mut bytes[extent];
        record[36] = b'X';
        let mut covered = DEPLOYMENT.to_vec();
        covered.extend_from_slice(&1_u64.to_le_bytes());
        covered.extend_from_slice(&record[..4]);
        covered.extend_from_slice(&record[8..record.len() - 32]);
        record[4..8].copy_from_slice(&crc32c::crc32c(&covered).to_le_bytes());
    });
    let found = problems(&storage, &heads);
    assert!(
        matches!(found.as_slice(), [Problem::Record { sequence: 3, fault: RecordFault::Chain, .. }]),
        "{found:?}"
    );
}

#[test]
fn several_damaged_records_are_all_named() {
    let (mut storage, _) = ledger(1, 9);
    let all = records(&storage);
    for index in [1, 2, 6] {
        change(&mut storage, 1, |bytes| bytes[extent(&all[index]).start + 36] ^= 0x10);
    }
    let named: Vec<_> = problems(&storage, &[]).iter().map(Problem::sequence).collect();
    assert_eq!(named, [Some(2), Some(3), Some(7)]);
}

#[test]
fn a_segment_of_another_ledger_is_named() {
    let (mut storage, _) = ledger(2, 3);
    let (mut other, _) =
        watchkeeper_ledger::Ledger::open(MemoryStorage::new(), watchkeeper_ledger::Options::new([9; 16]))
            .unwrap();
    other.roll(b"").unwrap();
    storage.set_bytes(1, other.storage().bytes(1).unwrap().to_vec());
    let found = problems(&storage, &[]);
    assert!(found.contains(&Problem::Header { segment: 1, fault: HeaderFault::Deployment }), "{found:?}");
}

#[test]
fn bytes_after_a_sealed_segment_are_named_even_when_they_are_zero() {
    let (mut storage, _) = ledger(2, 3);
    change(&mut storage, 1, |bytes| bytes.extend_from_slice(&[0; 24]));
    let found = problems(&storage, &[]);
    assert!(matches!(found.as_slice(), [Problem::Trailing { after: 3, bytes: 24, .. }]), "{found:?}");
}

#[test]
fn a_damaged_record_is_no_excuse_for_a_rewrite() {
    let (_, heads) = ledger(2, 6);
    let (mut rewritten, _) = edited(2, 6, 3);
    let record = extent(&records(&rewritten)[0]);
    change(&mut rewritten, 1, |bytes| bytes[record.start + 36] ^= 1);
    let found = problems(&rewritten, &heads);
    assert_eq!(found[0].sequence(), Some(1));
    assert!(found.iter().any(|problem| matches!(problem, Problem::Rewritten { upto: 3, .. })), "{found:?}");
}

#[test]
fn a_long_list_of_problems_is_cut_and_counted() {
    let (mut storage, _) = ledger(1, 300);
    let all = records(&storage);
    for record in all.iter().step_by(2) {
        change(&mut storage, 1, |bytes| bytes[extent(record).start + 36] ^= 1);
    }
    let report = verify(&storage, &[]).unwrap();
    assert_eq!((report.problems.len(), report.problems_left_out), (100, 50));
}

#[test]
fn a_forged_header_of_a_segment_without_records_is_named() {
    let (storage, _) = ledger(1, 3);
    let (mut ledger, _) = crate::support::open(storage);
    ledger.roll(b"opening").unwrap();
    for field in [40, 48, 80] {
        let mut forged = ledger.storage().clone();
        change(&mut forged, 2, |bytes| {
            bytes[field] ^= 1;
            let checksum = crc32c::crc32c(&bytes[..156]);
            bytes[156..160].copy_from_slice(&checksum.to_le_bytes());
        });
        let found = problems(&forged, &[]);
        assert!(matches!(found.as_slice(), [Problem::Header { segment: 2, .. }]), "byte {field}: {found:?}");
    }
}

#[test]
fn a_forged_sequence_number_at_the_very_end_of_the_range_is_named() {
    let (mut storage, heads) = ledger(2, 3);
    for index in [2, 5] {
        let record = records(&ledger(2, 3).0)[index].clone();
        let extent = extent(&record);
        change(&mut storage, record.segment, |bytes| {
            let bytes = &mut bytes[extent];
            bytes[8..16].fill(0xFF);
            let mut covered = DEPLOYMENT.to_vec();
            covered.extend_from_slice(&record.segment.to_le_bytes());
            covered.extend_from_slice(&bytes[..4]);
            covered.extend_from_slice(&bytes[8..bytes.len() - 32]);
            bytes[4..8].copy_from_slice(&crc32c::crc32c(&covered).to_le_bytes());
        });
    }
    let found = problems(&storage, &heads);
    assert!(matches!(found[0], Problem::OutOfOrder { expected: 3, found: u64::MAX, .. }), "{found:?}");
    for problem in found {
        assert!(!problem.to_string().is_empty());
    }
}
