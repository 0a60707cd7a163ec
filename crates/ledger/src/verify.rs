//! Checking all of a ledger, alone and against heads that clients kept.
//!
//! Unlike a reader the verifier goes on behind a problem, to tell one changed record from many.

pub(crate) mod problem;

use std::collections::BTreeMap;
use std::io;

use crate::format::{Frame, Header, HeaderFault, MAX_SEQUENCE, RecordFault, Salt, to_u64};
use crate::head::{ChainHash, Head};
use crate::recovery::deployment_of;
use crate::scan::{Found, Window, max_sequence};
use crate::storage::ReadStorage;
use problem::{Place, Problem, Report, StartingPoint};

/// A ruined file could have a problem every 72 bytes; nobody reads more than these.
const MAX_PROBLEMS: usize = 100;

/// Why a ledger could not be checked to its end.
#[derive(Debug, thiserror::Error)]
#[error("reading the ledger (segment {segment})")]
pub struct VerifyError {
    /// The segment; 0 while listing them.
    pub segment: u64,
    /// What the medium says.
    pub source: io::Error,
}

/// Checks every byte of a ledger, and whether it still contains what each of `heads` names.
///
/// It needs memory for one record and the heads. Beside a live writer it stops at the last whole record.
///
/// # Errors
/// [`VerifyError`] when the medium fails; whatever is wrong with the bytes is in the [`Report`].
pub fn verify<S: ReadStorage + ?Sized>(storage: &S, heads: &[Head]) -> Result<Report, VerifyError> {
    let listing = |source| VerifyError { segment: 0, source };
    let segments = storage.segments().map_err(listing)?;
    let deployment = deployment_of(storage).map_err(listing)?;
    let live = storage.has_live_writer().map_err(listing)?;
    let mut verifier = Verifier::new(storage, heads, deployment);
    let mut before: Option<u64> = None;
    for (index, segment) in segments.iter().copied().enumerate() {
        if let Some(missing) = before.map(|before| before + 1).filter(|missing| *missing < segment) {
            verifier.problem(Problem::MissingSegments { from: missing, upto: segment - 1 });
            verifier.lose_track();
        }
        before = Some(segment);
        let role = if index + 1 < segments.len() {
            Role::Sealed
        } else if live {
            Role::LastLive
        } else {
            Role::Last
        };
        verifier.segment(segment, role).map_err(|source| VerifyError { segment, source })?;
    }
    verifier.report.segments = to_u64(segments.len());
    Ok(verifier.finish())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Sealed,
    Last,
    LastLive,
}

/// The sequence numbers that may come next; two after a record in the wrong place, none known after a hole.
#[derive(Clone, Copy)]
enum Expected {
    Start,
    Unknown,
    Next { best: u64, or: u64 },
}

struct Verifier<'s, S: ?Sized> {
    storage: &'s S,
    deployment: Option<[u8; 16]>,
    report: Report,
    heads: BTreeMap<u64, Vec<ChainHash>>,
    /// The chain values the next record or header may follow; empty when unknown. There are two after a wrong
    /// one, because either its stored or its computed value is what the next record was made from.
    links: Vec<ChainHash>,
    expected: Expected,
    /// The last record proved by a head or a starting point, and where the one after it begins.
    proved: u64,
    after_proved: Option<Place>,
    rewritten: Option<Problem>,
    last_place: Option<Place>,
}

impl<'s, S: ReadStorage + ?Sized> Verifier<'s, S> {
    fn new(storage: &'s S, heads: &[Head], deployment: Option<[u8; 16]>) -> Self {
        let mut by_sequence: BTreeMap<u64, Vec<ChainHash>> = BTreeMap::new();
        for head in heads.iter().filter(|head| head.sequence > 0) {
            by_sequence.entry(head.sequence).or_default().push(head.hash);
        }
        Self {
            storage,
            deployment,
            report: Report::default(),
            heads: by_sequence,
            links: Vec::new(),
            expected: Expected::Start,
            proved: 0,
            after_proved: None,
            rewritten: None,
            last_place: None,
        }
    }

    fn problem(&mut self, problem: Problem) {
        if self.report.problems.len() < MAX_PROBLEMS {
            self.report.problems.push(problem);
        } else {
            self.report.problems_left_out += 1;
        }
    }

    fn lose_track(&mut self) {
        self.links.clear();
        self.expected = Expected::Unknown;
    }

    fn segment(&mut self, segment: u64, role: Role) -> io::Result<()> {
        let mut window = Window::new(self.storage, segment);
        let header = window.header()?;
        let (salt, start) = match header {
            Ok(header) => {
                if let Err(fault) = window.opening(&header)? {
                    self.problem(Problem::Header { segment, fault });
                }
                self.header(&header);
                (header.salt(), header.records_start())
            }
            Err(fault) => {
                self.problem(Problem::Header { segment, fault });
                self.links.clear();
                let salt = self.deployment.map(|deployment| Salt::new(deployment, segment));
                // Without the header, the records are looked for in the whole file.
                let first = match salt {
                    Some(salt) => window.find_record(0, salt, MAX_SEQUENCE)?,
                    None => None,
                };
                let (Some(salt), Some(first)) = (salt, first) else {
                    self.lose_track();
                    return Ok(());
                };
                (salt, first)
            }
        };
        self.records(&mut window, segment, role, salt, start)
    }

    /// Checks a readable header against what came before it, and goes on from it.
    fn header(&mut self, header: &Header) {
        let segment = header.number;
        if header.gap {
            self.report.gaps.push(segment);
        }
        if self.deployment.is_some_and(|deployment| deployment != header.deployment) {
            self.problem(Problem::Header { segment, fault: HeaderFault::Deployment });
        }
        // After damage a recovery went on as well as it could; the damage itself is reported.
        let recovered = header.gap && !self.report.problems.is_empty();
        match self.expected {
            Expected::Start => self.start(header),
            Expected::Unknown => {}
            Expected::Next { .. } if recovered => {}
            Expected::Next { best, or } => {
                let found = header.first_sequence;
                if found != best && found != or {
                    let fault = HeaderFault::FirstSequence { expected: best, found };
                    self.problem(Problem::Header { segment, fault });
                }
            }
        }
        let follows = recovered
            || self.links.is_empty()
            || (self.links.contains(&header.previous_hash)
                && self.report.head.is_none_or(|head| {
                    head.hash == header.head_hash || self.links.contains(&header.head_hash)
                }));
        if !follows {
            self.problem(Problem::Header { segment, fault: HeaderFault::PreviousHash });
        }
        self.links = vec![header.hash()];
        self.expected = Expected::Next { best: header.first_sequence, or: header.first_sequence };
    }

    /// Takes the first header as the beginning; the first segment of all must follow nothing.
    fn start(&mut self, header: &Header) {
        let segment = header.number;
        if segment > 1 {
            let head = header.head();
            self.report.starting_point = Some(StartingPoint { segment, head });
            let heads = std::mem::take(&mut self.heads);
            for (sequence, hashes) in heads {
                if sequence < head.sequence {
                    self.report.heads_too_old += to_u64(hashes.len());
                } else {
                    self.heads.insert(sequence, hashes);
                }
            }
            self.proved = head.sequence.saturating_sub(1);
            self.compare(head);
            self.proved = head.sequence;
        } else if header.first_sequence != 1 {
            let fault = HeaderFault::FirstSequence { expected: 1, found: header.first_sequence };
            self.problem(Problem::Header { segment, fault });
        } else if header.head() != Head::default() || header.previous_hash != ChainHash::default() {
            self.problem(Problem::Header { segment, fault: HeaderFault::PreviousHash });
        }
    }

    fn records(
        &mut self,
        window: &mut Window<'s, S>,
        segment: u64,
        role: Role,
        salt: Salt,
        start: u64,
    ) -> io::Result<()> {
        let mut at = start;
        loop {
            let place = Place { segment, offset: at };
            self.last_place = Some(place);
            let fault = match window.examine(at, salt)? {
                Found::Record(frame) => {
                    at += frame.total_bytes();
                    self.record(&frame, place);
                    continue;
                }
                Found::End => return Ok(()),
                Found::Bad(fault, _) => fault,
            };
            let suggested = self.after_frame(window, at, salt)?;
            let next = if let Some((next, _)) = suggested {
                Some(next)
            } else {
                let limit = max_sequence(self.storage, segment, self.next_sequence())?;
                window.find_record(at + 8, salt, limit)?
            };
            if role == Role::LastLive {
                // The writer may have finished the record between two reads.
                window.refresh();
                if matches!(window.examine(at, salt)?, Found::Record(_)) {
                    continue;
                }
            }
            let sequence = self.next_sequence();
            let Some(next) = next else {
                let written = window.written_end(at)?.map(|end| end - at);
                return self.tail(role, sequence, place, written, fault);
            };
            self.problem(Problem::Record { sequence, place, fault });
            match suggested {
                // The length field still leads to the next record: exactly one record is damaged.
                Some((_, links)) => {
                    self.links = links;
                    self.expected =
                        Expected::Next { best: sequence.saturating_add(1), or: sequence.saturating_add(1) };
                }
                None => self.lose_track(),
            }
            at = next;
        }
    }

    /// Where the record after a damaged one begins, and the chain values it may follow, if the damaged
    /// record's length field leads to one.
    fn after_frame(
        &self,
        window: &mut Window<'s, S>,
        at: u64,
        salt: Salt,
    ) -> io::Result<Option<(u64, Vec<ChainHash>)>> {
        let Found::Bad(_, Some(frame)) = window.examine(at, salt)? else { return Ok(None) };
        // Only the stored chain value can still be the one the next record was made from.
        let links = vec![frame.hash];
        let next = at + frame.total_bytes();
        let leads = match window.examine(next, salt)? {
            Found::Record(_) => true,
            // Damaged too, but it says that it is the record after.
            Found::Bad(_, Some(frame)) => frame.sequence() == self.next_sequence().saturating_add(1),
            Found::Bad(_, None) | Found::End => false,
        };
        Ok(leads.then_some((next, links)))
    }

    /// Judges what follows the last whole record of a segment: `written` bytes, or only zeros.
    fn tail(
        &mut self,
        role: Role,
        sequence: u64,
        place: Place,
        written: Option<u64>,
        fault: RecordFault,
    ) -> io::Result<()> {
        match (role, written) {
            (Role::Last | Role::LastLive, None) => {}
            (Role::Last, Some(bytes)) => self.problem(Problem::UnfinishedTail { sequence, place, bytes }),
            (Role::LastLive, Some(bytes)) => self.report.unfinished = Some((place, bytes)),
            // Damage left this segment as it was, with the space zeroed ahead.
            (Role::Sealed, None) if self.is_before_gap(place.segment)? => {}
            (Role::Sealed, None) => {
                let bytes = self.storage.segment_len(place.segment)?.saturating_sub(place.offset);
                self.problem(Problem::Trailing { after: sequence - 1, place, bytes });
            }
            (Role::Sealed, Some(_)) => {
                self.problem(Problem::Record { sequence, place, fault });
                self.lose_track();
            }
        }
        Ok(())
    }

    fn is_before_gap(&self, segment: u64) -> io::Result<bool> {
        if self.report.problems.is_empty() || !self.storage.segments()?.contains(&(segment + 1)) {
            return Ok(false);
        }
        Ok(Window::new(self.storage, segment + 1).header()?.is_ok_and(|header| header.gap))
    }

    fn next_sequence(&self) -> u64 {
        match self.expected {
            Expected::Next { best, .. } => best,
            Expected::Start | Expected::Unknown => {
                self.report.head.map_or(1, |head| head.sequence.saturating_add(1))
            }
        }
    }

    /// Checks a record whose checksum is right: its number, its chain value, and the heads that name it.
    fn record(&mut self, frame: &Frame<'_>, place: Place) {
        let stamp = frame.stamp();
        let found = stamp.sequence;
        let in_order = match self.expected {
            Expected::Start | Expected::Unknown => true,
            Expected::Next { best, or } => found == best || found == or,
        };
        let expected = if in_order { found } else { self.next_sequence() };
        self.expected = Expected::Next { best: expected.saturating_add(1), or: found.saturating_add(1) };
        let computed: Vec<ChainHash> = self.links.iter().map(|link| frame.chain(*link)).collect();
        let chained = computed.is_empty() || computed.contains(&frame.hash);
        if !in_order {
            self.problem(Problem::OutOfOrder { expected, found, place });
        } else if !chained {
            self.problem(Problem::Record { sequence: found, place, fault: RecordFault::Chain });
        }
        self.links = vec![frame.hash];
        if !chained {
            self.links.extend(computed);
        }
        if self.after_proved.is_none() && found > self.proved {
            self.after_proved = Some(place);
        }
        let head = Head { sequence: found, hash: frame.hash };
        let report = &mut self.report;
        report.records += 1;
        report.first.get_or_insert(found);
        report.head = Some(head);
        let wall = stamp.wall_nanos;
        let (earliest, latest) = report.wall_nanos.unwrap_or((wall, wall));
        report.wall_nanos = Some((earliest.min(wall), latest.max(wall)));
        self.compare(head);
    }

    /// Compares the heads kept for this record; the first one that fails tells what was rewritten.
    fn compare(&mut self, head: Head) {
        let Some(kept) = self.heads.remove(&head.sequence) else { return };
        let matching = kept.iter().filter(|hash| **hash == head.hash).count();
        self.report.heads_matched += to_u64(matching);
        if matching < kept.len() {
            if self.rewritten.is_none() {
                self.rewritten = Some(Problem::Rewritten {
                    after: self.proved,
                    upto: head.sequence,
                    place: self.after_proved,
                });
            }
        } else if self.rewritten.is_none() {
            self.proved = head.sequence;
            self.after_proved = None;
        }
    }

    fn finish(mut self) -> Report {
        self.report.problems.extend(self.rewritten.take());
        let last = self.next_sequence() - 1;
        if let Some(upto) = self.heads.keys().next_back().copied().filter(|upto| *upto > last) {
            let place = self.last_place;
            self.report.problems.push(Problem::MissingRecords { after: last, upto, place });
        }
        self.report
    }
}
