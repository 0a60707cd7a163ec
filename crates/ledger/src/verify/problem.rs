//! What a verification found: a report for a person, each problem with its place and what to do.

use std::fmt;

use crate::format::{HeaderFault, RecordFault};
use crate::head::Head;

/// Where in the files something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The segment.
    pub segment: u64,
    /// Where in it, in bytes.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {}, byte {}", self.segment, self.offset)
    }
}

/// Something that must not be in an intact ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A header or an opening is damaged, or does not continue the segment before.
    Header {
        /// The segment.
        segment: u64,
        /// What is wrong.
        fault: HeaderFault,
    },
    /// A record is damaged or was changed.
    Record {
        /// The record expected here.
        sequence: u64,
        /// Where it begins.
        place: Place,
        /// What is wrong.
        fault: RecordFault,
    },
    /// A whole record stands where another one belongs.
    OutOfOrder {
        /// The record that belongs here.
        expected: u64,
        /// The record that stands here.
        found: u64,
        /// Where it begins.
        place: Place,
    },
    /// Bytes follow the last record of a segment that has a successor.
    Trailing {
        /// The last record before them.
        after: u64,
        /// Where they begin.
        place: Place,
        /// How many there are.
        bytes: u64,
    },
    /// The last record is unfinished, and nobody is writing.
    UnfinishedTail {
        /// The record it would have been.
        sequence: u64,
        /// Where it begins.
        place: Place,
        /// How many bytes of it there are.
        bytes: u64,
    },
    /// Segments in the middle are missing.
    MissingSegments {
        /// The first one missing.
        from: u64,
        /// The last one missing.
        upto: u64,
    },
    /// The ledger ends before a record that a kept head names.
    MissingRecords {
        /// The last record there is; 0 for none.
        after: u64,
        /// The highest record that a kept head names.
        upto: u64,
        /// Where the missing records should begin; `None` when there is no segment.
        place: Option<Place>,
    },
    /// The records are whole, but not those that a kept head names: somebody rewrote them and what follows.
    Rewritten {
        /// The last record that is proved unchanged (by a kept head, or by where the ledger starts).
        after: u64,
        /// The record whose kept head does not match.
        upto: u64,
        /// Where the first suspect record begins, if it is there.
        place: Option<Place>,
    },
}

impl Problem {
    /// The first record this is about, as far as one can be named.
    pub fn sequence(&self) -> Option<u64> {
        match self {
            Self::Header { .. } | Self::MissingSegments { .. } => None,
            Self::Record { sequence, .. } | Self::UnfinishedTail { sequence, .. } => Some(*sequence),
            Self::OutOfOrder { expected, .. } => Some(*expected),
            Self::Trailing { after, .. }
            | Self::MissingRecords { after, .. }
            | Self::Rewritten { after, .. } => Some(after.saturating_add(1)),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { segment, fault } => write!(
                f,
                "segment {segment}: the header is damaged: {fault}. Restore the file from a copy, or treat its \
                 records as unproved."
            ),
            Self::Record { sequence, place, fault } => write!(
                f,
                "record {sequence} ({place}) is damaged or changed: {fault}. Keep the files as they are and \
                 compare this record with a copy."
            ),
            Self::OutOfOrder { expected, found, place } => write!(
                f,
                "record {expected} ({place}) is not in its place: record {found} stands there. Records were \
                 moved, removed or inserted; keep the files as they are and compare with a copy."
            ),
            Self::Trailing { after, place, bytes } => write!(
                f,
                "{bytes} bytes after record {after} ({place}): a sealed segment ends with its last record. Record \
                 {next} was damaged, or bytes were added; compare the file with a copy.",
                next = after.saturating_add(1)
            ),
            Self::UnfinishedTail { sequence, place, bytes } => write!(
                f,
                "record {sequence} ({place}) is unfinished: {bytes} bytes of it are there. A crash leaves this, and \
                 the next start of the server cuts it; if there was no crash, the record was damaged. A kept head \
                 tells which."
            ),
            Self::MissingSegments { from, upto } if from == upto => {
                write!(f, "segment {from} is missing. Restore it from a copy.")
            }
            Self::MissingSegments { from, upto } => {
                write!(f, "segments {from} to {upto} are missing. Restore them from a copy.")
            }
            Self::MissingRecords { after, upto, place } => {
                write!(f, "records {} to {upto} are missing: the ledger ends ", after.saturating_add(1))?;
                match place {
                    Some(place) => write!(f, "with record {after} ({place})")?,
                    None => f.write_str("before its first segment")?,
                }
                f.write_str(", but a client saw more of it. Restore the end from a copy.")
            }
            Self::Rewritten { after, upto, place } => {
                let first = after.saturating_add(1);
                write!(
                    f,
                    "records after {after} up to {upto} do not match the head that a client kept: record {first}"
                )?;
                if let Some(place) = place {
                    write!(f, " ({place})")?;
                }
                f.write_str(
                    " or a later one was rewritten, with everything after it. Heads kept in between narrow it; compare \
                     with a copy.",
                )
            }
        }
    }
}

/// Where a ledger begins whose oldest segments were deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartingPoint {
    /// The first segment there is.
    pub segment: u64,
    /// The last record before it, and its chain value, as the first segment's header states them.
    pub head: Head,
}

impl fmt::Display for StartingPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the ledger starts with segment {}, after record {}: what stood before was deleted and cannot be checked",
            self.segment, self.head
        )
    }
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many segments there are.
    pub segments: u64,
    /// How many whole records were found.
    pub records: u64,
    /// The first whole record.
    pub first: Option<u64>,
    /// The last whole record: what a client may keep from now on, when there are no problems.
    pub head: Option<Head>,
    /// Earliest and latest wall-clock time of a record, in nanoseconds since 1970.
    pub wall_nanos: Option<(i64, i64)>,
    /// Set when the oldest segments are gone.
    pub starting_point: Option<StartingPoint>,
    /// Segments that a recovery began because it found damage before them.
    pub gaps: Vec<u64>,
    /// How many kept heads match.
    pub heads_matched: u64,
    /// How many kept heads are older than the starting point, and prove nothing any more.
    pub heads_too_old: u64,
    /// The unfinished record a live writer is at: where it begins and how many bytes of it there are.
    pub unfinished: Option<(Place, u64)>,
    /// What is wrong, in the order of the files, then what the kept heads show.
    pub problems: Vec<Problem>,
    /// How many problems are not listed because there are too many.
    pub problems_left_out: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}
