//! Segments that somebody made up, or that a disk spoiled: read, verified, recovered and written on.
//!
//! Bytes alone would never get past a checksum. So the first byte says which checksums are computed anew before the
//! ledger sees them, as somebody would who knows the format, and what stands around the segment.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use watchkeeper_ledger::{
    Entry, Head, Ledger, MAX_OPENING_BYTES, MemoryStorage, OpenError, Options, Problem, ReadError, Reader,
    Record, Report, verify,
};

const DEPLOYMENT: [u8; 16] = *b"a deployment id!";
/// `docs/ledger-format.md`: the header, the shortest record, and its parts before and after the payload.
const HEADER_BYTES: usize = 160;
const MIN_RECORD_BYTES: usize = 72;
/// No honest ledger counts so far. From 2^62 on a recovery takes the number for damage, so one that was forged just
/// below is gone on from once, stays readable, and is damage the next time.
const FORGED: u64 = 1 << 61;
const RECORD_HEAD_BYTES: usize = 36;
const HASH_BYTES: usize = 32;

/// What is done to the bytes before the ledger sees them.
#[derive(Clone, Copy)]
struct How(u8);

impl How {
    const HEADER: u8 = 1;
    const RECORDS: u8 = 2;
    const CHAIN: u8 = 4;
    const AFTER_ANOTHER: u8 = 8;
    const CONTINUES: u8 = 16;
    const LIVE: u8 = 32;
    const BEFORE_ANOTHER: u8 = 64;

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// Makes a ledger of `input`, and does to it all that can be done to one.
pub(crate) fn run(input: &[u8]) {
    let Some((how, bytes)) = input.split_first() else { return };
    let how = How(*how);
    let mut storage = MemoryStorage::new();
    let mut continued = None;
    if how.has(How::AFTER_ANOTHER) {
        let honest = honest();
        continued = honest.head.filter(|_| how.has(How::CONTINUES));
        storage = honest.storage;
    }
    let number = if how.has(How::AFTER_ANOTHER) { 2 } else { 1 };
    let mut bytes = bytes.to_vec();
    seal(&mut bytes, number, how, continued);
    if how.has(How::BEFORE_ANOTHER) {
        storage.set_bytes(number + 1, bytes.clone());
    }
    storage.set_bytes(number, bytes);
    storage.set_live_writer(how.has(How::LIVE));
    let report = check_reading(&storage);
    storage.set_live_writer(false);
    check_recovery(storage, &report);
}

struct Honest {
    storage: MemoryStorage,
    head: Option<Head>,
}

/// One segment with two records, as a ledger writes it.
fn honest() -> Honest {
    let (mut ledger, _) = Ledger::open(MemoryStorage::new(), options()).expect("an empty disk is a ledger");
    ledger.roll(b"opening").expect("memory has room");
    for payload in [b"one".as_slice(), b"two and more"] {
        ledger.append(7, 0, 1, 2, payload).expect("a segment is open");
    }
    let head = ledger.commit().expect("memory has room");
    // A sealed segment ends with its last record.
    ledger.roll(b"").expect("memory has room");
    let mut storage = MemoryStorage::new();
    storage.set_bytes(1, ledger.storage().bytes(1).expect("it was made above").to_vec());
    Honest { storage, head: Some(head) }
}

fn options() -> Options {
    Options { preallocate_bytes: 256, ..Options::new(DEPLOYMENT) }
}

fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + field.len()) {
        place.copy_from_slice(field);
    }
}

fn number_at(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at + 4)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*field)).ok()
}

/// Computes what `how` names anew.
fn seal(bytes: &mut [u8], segment: u64, how: How, continued: Option<Head>) {
    let opening = number_at(bytes, 144).unwrap_or_default();
    if how.has(How::HEADER) {
        seal_header(bytes, segment, how, continued, opening);
    }
    if how.has(How::RECORDS) {
        seal_records(bytes, segment, how, HEADER_BYTES.saturating_add(opening.next_multiple_of(8)));
    }
}

fn seal_header(bytes: &mut [u8], segment: u64, how: How, continued: Option<Head>, opening: usize) {
    put(bytes, 0, b"WKLEDGER\x01\0\0\0");
    put(bytes, 13, &[0; 3]);
    put(bytes, 16, &DEPLOYMENT);
    put(bytes, 32, &segment.to_le_bytes());
    if let Some(head) = continued {
        put(bytes, 40, &(head.sequence + 1).to_le_bytes());
        put(bytes, 48, &head.hash.0);
        put(bytes, 80, &head.hash.0);
    } else if how.has(How::CONTINUES) {
        put(bytes, 40, &1_u64.to_le_bytes());
        put(bytes, 48, &[0; 64]);
    }
    let digest = bytes.get(HEADER_BYTES..HEADER_BYTES.saturating_add(opening)).map(Sha256::digest);
    if let Some(digest) = digest {
        put(bytes, 112, &digest);
    }
    put(bytes, 148, &[0; 8]);
    let checksum = crc32c::crc32c(bytes.get(..156).unwrap_or_default());
    put(bytes, 156, &checksum.to_le_bytes());
}

fn seal_records(bytes: &mut [u8], segment: u64, how: How, start: usize) {
    let salt = crc32c::crc32c_append(crc32c::crc32c(&DEPLOYMENT), &segment.to_le_bytes());
    let (header, mut at) = (bytes.get(..HEADER_BYTES).unwrap_or_default(), start);
    let mut hash: [u8; 32] = Sha256::new().chain_update([1]).chain_update(header).finalize().into();
    let mut sequence =
        bytes.get(40..48).and_then(<[u8]>::first_chunk).map_or(0, |field| u64::from_le_bytes(*field));
    while let Some(len) = number_at(bytes, at) {
        let body_bytes = (RECORD_HEAD_BYTES + len).next_multiple_of(8);
        let Some(record) = bytes.get_mut(at..at.saturating_add(body_bytes + HASH_BYTES)) else { return };
        let (body, stored) = record.split_at_mut(body_bytes);
        if how.has(How::CHAIN) {
            put(body, 8, &sequence.to_le_bytes());
        }
        let (head, rest) = (body.get(..4).unwrap_or_default(), body.get(8..).unwrap_or_default());
        let checksum = crc32c::crc32c_append(crc32c::crc32c_append(salt, head), rest);
        put(body, 4, &checksum.to_le_bytes());
        if how.has(How::CHAIN) {
            hash = Sha256::new().chain_update([0]).chain_update(hash).chain_update(&*body).finalize().into();
            stored.copy_from_slice(&hash);
        }
        sequence = sequence.wrapping_add(1);
        at += body_bytes + HASH_BYTES;
    }
}

/// Reads and verifies; what the verifier finds sound, the reader reads to its end, and both see the same.
fn check_reading(storage: &MemoryStorage) -> Report {
    let (records, error, unfinished) = read(storage, 0);
    let size: usize = (1..=3).filter_map(|segment| storage.bytes(segment)).map(<[u8]>::len).sum();
    assert!(records.len() * MIN_RECORD_BYTES <= size, "more records than there is room for");
    let heads: Vec<Head> = records.iter().map(Record::head).collect();
    let report = verify(storage, &heads).expect("memory does not fail");
    assert!(report.records * 72 <= u64::try_from(size).expect("an input is small"));
    assert!(report.problems.len() <= 102, "the report has no bound");
    for problem in &report.problems {
        assert!(!problem.to_string().is_empty());
    }
    if report.is_sound() {
        assert!(error.is_none(), "sound, and not to be read: {error:?}");
        assert_eq!(u64::try_from(records.len()).ok(), Some(report.records));
        assert_eq!(records.last().map(Record::head), report.head);
        assert_eq!(report.heads_matched, report.records);
        assert_eq!(unfinished > 0, report.unfinished.is_some());
    }
    report
}

fn read(storage: &MemoryStorage, from: u64) -> (Vec<Record>, Option<ReadError>, u64) {
    let mut reader = Reader::starting_at(storage, from).expect("memory does not fail");
    let (mut records, mut error): (Vec<Record>, _) = (Vec::new(), None);
    for entry in &mut reader {
        match entry {
            Ok(Entry::Segment(info)) => assert!(info.opening.len() <= MAX_OPENING_BYTES),
            Ok(Entry::Record(record)) => {
                let before = records.last().map(|before| before.sequence);
                assert!(before.is_none_or(|before| record.sequence == before + 1), "a number is missing");
                records.push(record);
            }
            Err(found) => error = Some(found),
        }
    }
    assert!(reader.next().is_none(), "a reader that has ended begins again");
    (records, error, reader.unfinished_bytes())
}

/// Opens the ledger and writes on: what is written then is whole, and nothing before it got worse.
fn check_recovery(storage: MemoryStorage, before: &Report) {
    let kept: BTreeMap<u64, Vec<u8>> = copies(&storage);
    let (mut ledger, recovery) = match Ledger::open(storage, options()) {
        Ok(opened) => opened,
        Err(OpenError::OtherDeployment { found, .. }) => return assert_ne!(found, DEPLOYMENT),
        Err(OpenError::UnsupportedVersion { version, .. }) => return assert_ne!(version, 1),
        Err(OpenError::Storage(error)) => panic!("memory does not fail: {error}"),
    };
    if recovery.damage.is_some() {
        assert_eq!(copies(ledger.storage()), kept, "damage is kept as it is");
        assert_eq!(recovery.cut_bytes, 0);
    }
    let is_new = ledger.needs_opening();
    assert_eq!(is_new, recovery.damage.is_some());
    let only_unfinished = |problem: &Problem| matches!(problem, Problem::UnfinishedTail { .. });
    let is_whole = !is_new && before.problems.iter().all(only_unfinished);
    if is_whole {
        let cut = verify(ledger.storage(), &[]).expect("memory does not fail");
        assert!(cut.is_sound(), "{:?} became {:?} by a recovery", before.problems, cut.problems);
    }
    let mut first_segment = ledger.segment();
    if is_new {
        ledger.roll(b"again").expect("memory has room");
        first_segment = ledger.segment();
    }
    let mut heads = Vec::new();
    for count in 0..3 {
        let sequence = ledger.append(9, 0, count, 0, b"after recovery").expect("a segment is open");
        assert_eq!(sequence, recovery.next_sequence + count);
        heads.push(ledger.commit().expect("memory has room"));
        if count == 1 {
            ledger.roll(b"and on").expect("memory has room");
        }
    }
    let storage = ledger.into_storage();
    let first_segment = first_segment.expect("a segment is open");
    let (records, error, unfinished) = read(&storage, first_segment);
    assert!(error.is_none(), "what was written cannot be read: {error:?}");
    assert_eq!(unfinished, 0);
    let written: Vec<Head> = records.iter().map(Record::head).collect();
    assert!(written.ends_with(&heads), "not what was written");
    // Only the last segment is read when a ledger is opened: what stood wrong before it stays wrong.
    if is_whole {
        let after = verify(&storage, &heads).expect("memory does not fail");
        assert!(after.is_sound(), "{:?} became {:?}", before.problems, after.problems);
        assert_eq!(after.heads_matched, 3);
    }
    if recovery.next_sequence >= FORGED {
        return;
    }
    let (again, recovery) = Ledger::open(storage, options()).expect("it was opened before");
    assert_eq!((recovery.damage, recovery.cut_bytes), (None, 0));
    assert_eq!(Some(&again.head()), heads.last());
}

fn copies(storage: &MemoryStorage) -> BTreeMap<u64, Vec<u8>> {
    (1..=3).filter_map(|segment| Some((segment, storage.bytes(segment)?.to_vec()))).collect()
}
