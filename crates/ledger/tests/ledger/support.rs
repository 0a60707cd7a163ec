//! Small ledgers in memory.

use watchkeeper_ledger::{
    Entry, Head, Ledger, MemoryStorage, Options, ReadStorage, Reader, Record, Recovery,
};

pub(crate) const DEPLOYMENT: [u8; 16] = *b"a deployment id!";

pub(crate) fn options() -> Options {
    Options { preallocate_bytes: 256, ..Options::new(DEPLOYMENT) }
}

pub(crate) fn open(storage: MemoryStorage) -> (Ledger<MemoryStorage>, Recovery) {
    Ledger::open(storage, options()).unwrap()
}

/// The payload of a record in these tests: its length differs from record to record.
pub(crate) fn payload(sequence: u64) -> Vec<u8> {
    format!("payload of {sequence}{}", "!".repeat((sequence % 11) as usize)).into_bytes()
}

pub(crate) fn append(ledger: &mut Ledger<MemoryStorage>, payload: &[u8]) -> u64 {
    let next = ledger.head().sequence * 1_000;
    ledger.append(7, 3, next, 1_700_000_000_000_000_000 + i64::try_from(next).unwrap(), payload).unwrap()
}

/// A ledger of `segments` with `records` records each, each committed alone, and all its heads.
pub(crate) fn ledger(segments: u64, records: u64) -> (MemoryStorage, Vec<Head>) {
    edited(segments, records, 0)
}

/// The same, but with another payload in record `edited`: what somebody leaves who edits a record and computes
/// every checksum and chain value after it anew.
pub(crate) fn edited(segments: u64, records: u64, edited: u64) -> (MemoryStorage, Vec<Head>) {
    let (mut ledger, _) = open(MemoryStorage::new());
    let mut heads = Vec::new();
    for segment in 1..=segments {
        ledger.roll(format!("opening of segment {segment}").as_bytes()).unwrap();
        for _ in 0..records {
            let mut payload = payload(ledger.head().sequence + 1);
            if ledger.head().sequence + 1 == edited {
                payload[0] = b'P';
            }
            append(&mut ledger, &payload);
            heads.push(ledger.commit().unwrap());
        }
    }
    (ledger.into_storage(), heads)
}

pub(crate) fn records<S: ReadStorage>(storage: &S) -> Vec<Record> {
    let entries = Reader::new(storage).unwrap().map(|entry| entry.unwrap());
    entries
        .filter_map(|entry| match entry {
            Entry::Record(record) => Some(record),
            Entry::Segment(_) => None,
        })
        .collect()
}

/// Where a record begins and ends in its segment.
pub(crate) fn extent(record: &Record) -> std::ops::Range<usize> {
    let start = usize::try_from(record.offset).unwrap();
    start..start + (36 + record.payload.len()).next_multiple_of(8) + 32
}

/// Every byte of every segment.
pub(crate) fn image(storage: &MemoryStorage) -> Vec<(u64, Vec<u8>)> {
    let numbers = storage.segments().unwrap();
    numbers.into_iter().map(|segment| (segment, storage.bytes(segment).unwrap().to_vec())).collect()
}

/// Changes the bytes of a segment as somebody with access to the disk would.
pub(crate) fn change(storage: &mut MemoryStorage, segment: u64, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = storage.bytes(segment).unwrap().to_vec();
    change(&mut bytes);
    storage.set_bytes(segment, bytes);
}
