//! The thread's work on a disk in memory.

use super::*;
use crate::ledger_queue::LedgerQueue;
use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};
use watchkeeper_ledger::{Entry, MAX_OPENING_BYTES, MemoryStorage, Options, ReadStorage, Reader, verify};
use watchkeeper_model::{Epoch, Incarnation};

/// A disk in memory that is full, and makes no new segment, while it is told to.
#[derive(Debug, Default)]
struct Disk {
    memory: MemoryStorage,
    full: Arc<AtomicBool>,
    slow: Arc<AtomicBool>,
    makes_segment: Arc<AtomicBool>,
}

impl ReadStorage for Disk {
    fn segments(&self) -> io::Result<Vec<u64>> {
        self.memory.segments()
    }
    fn read_at(&self, segment: u64, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.memory.read_at(segment, offset, buffer)
    }
    fn has_live_writer(&self) -> io::Result<bool> {
        self.memory.has_live_writer()
    }
    fn segment_len(&self, segment: u64) -> io::Result<u64> {
        self.memory.segment_len(segment)
    }
}

impl Storage for Disk {
    fn create(&mut self, segment: u64, bytes: &[u8]) -> io::Result<()> {
        self.makes_segment.store(true, Ordering::Relaxed);
        while self.slow.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        self.memory.create(segment, bytes)
    }
    fn write_at(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.memory.write_at(segment, offset, bytes)
    }
    fn sync_data(&mut self, segment: u64) -> io::Result<()> {
        self.memory.sync_data(segment)
    }
    fn truncate(&mut self, segment: u64, len: u64) -> io::Result<()> {
        self.memory.truncate(segment, len)
    }
    fn remove(&mut self, segment: u64) -> io::Result<()> {
        self.memory.remove(segment)
    }
}

struct Bench {
    writer: Writer<Disk>,
    queue: LedgerQueue,
    receiver: Receiver<LedgerItem>,
    marks: watch::Receiver<Option<DurableMark>>,
    full: Arc<AtomicBool>,
    slow: Arc<AtomicBool>,
    makes_segment: Arc<AtomicBool>,
}

fn bench(segment_bytes: u64) -> Bench {
    let disk = Disk::default();
    let (full, slow) = (Arc::clone(&disk.full), Arc::clone(&disk.slow));
    let makes_segment = Arc::clone(&disk.makes_segment);
    let mut options = Options::new([3; 16]);
    options.segment_bytes = segment_bytes;
    let (mut ledger, _) = Ledger::open(disk, options).unwrap();
    let opening = Opening {
        configuration: String::new(),
        seed: 1,
        incarnation: Incarnation(1),
        build: "test".to_owned(),
        inputs_before: 0,
        authority: Vec::new(),
        starting_authority: vec![authority(4)],
    };
    ledger.roll(&startup::encode(&opening)).unwrap();
    makes_segment.store(false, Ordering::Relaxed);
    let gauge = Arc::new(Gauge::default());
    let (marks_sender, marks) = watch::channel(None);
    let (queue, receiver) = LedgerQueue::new(Arc::clone(&gauge));
    let writer = Writer::new(ledger, opening, gauge, Arc::default(), marks_sender, None);
    Bench { writer, queue, receiver, marks, full, slow, makes_segment }
}

fn item(number: u64, awaited: bool, derived: Vec<Derived>) -> LedgerItem {
    let now = MonoTime::from_nanos(number);
    let payload = number.to_le_bytes().to_vec();
    let input = Some(InputRecord { number, payload, awaited });
    LedgerItem { now, wall: WallTime::default(), input, derived, digest: None }
}

fn push(queue: &mut LedgerQueue, item: LedgerItem) {
    queue.stage(item);
    queue.flush().unwrap();
}

fn authority(epoch: u64) -> AgentAuthority {
    let agent = AgentId::new("truck").unwrap();
    AgentAuthority { agent, epoch: Epoch(epoch), latches: Vec::new(), pending_stop: None, strikes: 0 }
}

#[test]
fn an_input_and_what_it_derived_lie_together_and_in_order() {
    let Bench { mut writer, mut queue, receiver, marks, .. } = bench(64 << 20);
    push(&mut queue, item(1, true, vec![Derived::Authority(authority(5))]));
    push(&mut queue, item(2, false, Vec::new()));
    drop(queue);
    let head = writer.run(&receiver).unwrap();
    let disk = writer.ledger.storage();
    let kinds: Vec<_> = Reader::new(disk)
        .unwrap()
        .filter_map(|entry| match entry.unwrap() {
            Entry::Segment(_) => None,
            Entry::Record(record) => Some((record.sequence, record.record_type, record.mono_nanos)),
        })
        .collect();
    assert_eq!(
        kinds,
        [(1, record_type::INPUT, 1), (2, record_type::AUTHORITY, 1), (3, record_type::INPUT, 2)]
    );
    assert_eq!(head.sequence, 3);
    assert_eq!(marks.borrow().unwrap(), DurableMark { input: 2, head });
    assert!(verify(disk, &[]).unwrap().problems.is_empty());
}

#[test]
fn the_loops_own_inputs_are_written_but_not_announced() {
    let Bench { mut writer, mut queue, receiver, marks, .. } = bench(64 << 20);
    push(&mut queue, item(1, false, Vec::new()));
    drop(queue);
    assert_eq!(writer.run(&receiver).unwrap().sequence, 1);
    assert_eq!(*marks.borrow(), None);
}

#[test]
fn a_new_segment_opens_with_the_inputs_before_it_and_the_authority_as_it_stands() {
    let Bench { mut writer, mut queue, receiver, .. } = bench(1);
    push(&mut queue, item(1, true, vec![Derived::Authority(authority(5))]));
    push(&mut queue, item(2, true, vec![Derived::Authority(authority(6))]));
    drop(queue);
    writer.run(&receiver).unwrap();
    let last = Reader::starting_at(writer.ledger.storage(), 2).unwrap().next().unwrap().unwrap();
    let Entry::Segment(segment) = last else { panic!("a segment begins with its header") };
    let opening: Opening = rmp_serde::from_slice(&segment.opening).unwrap();
    assert_eq!(opening.inputs_before, 2);
    assert_eq!(opening.authority, [authority(6)]);
    assert_eq!(opening.starting_authority, [], "the first segment of the run holds it");
}

#[test]
fn a_full_disk_is_a_stalled_record_that_loses_nothing() {
    let Bench { mut writer, mut queue, receiver, marks, full, .. } = bench(64 << 20);
    full.store(true, Ordering::Relaxed);
    let thread = thread::spawn(move || {
        let head = writer.run(&receiver).unwrap();
        (head, writer)
    });
    push(&mut queue, item(1, true, Vec::new()));
    let late = MonoTime::from_nanos(3_000_000_000);
    while !queue.pressure(late).stalled {
        thread::yield_now();
    }
    for number in 2..=10_000 {
        push(&mut queue, item(number, true, Vec::new()));
    }
    assert_eq!(queue.pressure(late).percent, 100);
    assert!(queue.has_backlog(), "8,192 items fit into the queue");
    assert_eq!(*marks.borrow(), None, "nothing is durable yet");
    full.store(false, Ordering::Relaxed);
    while queue.has_backlog() {
        queue.drain();
        thread::yield_now();
    }
    drop(queue);
    let (head, writer) = thread.join().unwrap();
    assert_eq!(head.sequence, 10_000);
    assert_eq!(marks.borrow().unwrap().input, 10_000);
    assert!(verify(writer.ledger.storage(), &[]).unwrap().problems.is_empty());
}

#[test]
fn a_failed_sync_is_never_tried_again() {
    let Bench { mut writer, mut queue, receiver, marks, .. } = bench(64 << 20);
    writer.ledger.storage_mut().memory.fail_sync_after(0);
    push(&mut queue, item(1, true, Vec::new()));
    drop(queue);
    let failure = writer.run(&receiver).unwrap_err();
    assert!(matches!(failure, LedgerFailure::Commit(CommitError::Sync { .. })), "{failure}");
    assert_eq!(*marks.borrow(), None);
}

#[test]
fn the_authority_that_a_run_started_with_goes_on_into_its_later_segments() {
    let Bench { mut writer, mut queue, receiver, .. } = bench(1);
    push(&mut queue, item(1, true, Vec::new()));
    drop(queue);
    writer.run(&receiver).unwrap();
    let last = Reader::starting_at(writer.ledger.storage(), 2).unwrap().next().unwrap().unwrap();
    let Entry::Segment(segment) = last else { panic!("a segment begins with its header") };
    let opening: Opening = rmp_serde::from_slice(&segment.opening).unwrap();
    assert_eq!(opening.authority, [authority(4)]);
}

#[test]
fn a_new_segment_that_takes_long_is_a_stalled_record() {
    let Bench { mut writer, mut queue, receiver, slow, makes_segment, .. } = bench(1);
    slow.store(true, Ordering::Relaxed);
    let thread = thread::spawn(move || writer.run(&receiver).unwrap());
    push(&mut queue, item(1, true, Vec::new()));
    while !makes_segment.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    push(&mut queue, item(2, true, Vec::new()));
    assert!(queue.pressure(MonoTime::from_nanos(3_000_000_000)).stalled, "2 waits for the disk");
    slow.store(false, Ordering::Relaxed);
    drop(queue);
    assert_eq!(thread.join().unwrap().sequence, 2);
}

#[test]
fn a_record_that_no_segment_can_open_with_goes_on_in_the_old_segment() {
    let Bench { mut writer, mut queue, receiver, marks, .. } = bench(1);
    writer.opening.configuration = "x".repeat(MAX_OPENING_BYTES);
    push(&mut queue, item(1, true, Vec::new()));
    push(&mut queue, item(2, true, Vec::new()));
    drop(queue);
    assert_eq!(writer.run(&receiver).unwrap().sequence, 2);
    assert_eq!(marks.borrow().unwrap().input, 2);
    assert_eq!(writer.ledger.segment(), Some(1));
    assert!(verify(writer.ledger.storage(), &[]).unwrap().problems.is_empty());
}

#[test]
fn what_is_staged_is_on_record_also_where_the_engine_panicked() {
    let Bench { mut writer, mut queue, receiver, .. } = bench(64 << 20);
    queue.stage(item(1, true, Vec::new()));
    queue.stage(item(2, false, Vec::new()));
    assert_eq!(queue.staged(), Some((MonoTime::from_nanos(1), 2)));
    assert!(receiver.is_empty(), "nothing is handed over yet");
    drop(queue);
    assert_eq!(writer.run(&receiver).unwrap().sequence, 2);
}

#[test]
fn what_is_staged_does_not_pass_what_waits_beside_the_queue() {
    let Bench { mut queue, receiver, .. } = bench(64 << 20);
    let mut number = 0;
    while !queue.has_backlog() {
        number += 1;
        push(&mut queue, item(number, true, Vec::new()));
    }
    let numbers = |items: Vec<LedgerItem>| -> Vec<u64> {
        items.into_iter().filter_map(|item| Some(item.input?.number)).collect()
    };
    let first = numbers(receiver.try_iter().collect());
    queue.stage(item(number + 1, true, Vec::new()));
    drop(queue);
    let all = [first, numbers(receiver.try_iter().collect())].concat();
    assert_eq!(all, (1..=number + 1).collect::<Vec<_>>());
}
