//! An append-only record that shows tampering, and its verifier.
//!
//! A ledger is a row of segment files. Each segment opens with a header and an *opening* (bytes of the
//! caller: configuration, seed, build, ...), followed by records. Every record carries a CRC32C, so that a
//! write torn by a crash is recognised, and the value of a SHA-256 chain over everything before it, so that
//! nobody can change, swap, insert or drop a record without changing every chain value after it. A client
//! that keeps a [`Head`] (sequence and chain value) can therefore prove later that the records up to it are
//! still the ones it saw. `docs/ledger-format.md` holds the format on one page; `verify.py` beside this crate
//! checks a ledger with the Python standard library alone.
//!
//! The story of a record: [`Ledger::append`] gives it a sequence number and keeps it in memory,
//! [`Ledger::commit`] writes all pending records and syncs them once, and returns the [`Head`] that is now
//! safe. After a crash [`Ledger::open`] reads the last segment only, cuts a torn tail, and tells damage from
//! a crash ([`Recovery`]). [`Reader`] streams everything back in order; [`verify`] checks all of it and names
//! what is wrong, and where ([`Problem`]).
//!
//! ```
//! use watchkeeper_ledger::{Ledger, MemoryStorage, Options, verify};
//!
//! let (mut ledger, _recovery) = Ledger::open(MemoryStorage::new(), Options::new([7; 16]))?;
//! ledger.roll(b"configuration")?;
//! ledger.append(1, 0, 1_000, 0, b"a decision")?;
//! let head = ledger.commit()?;
//! let report = verify(ledger.storage(), &[head])?;
//! assert!(report.problems.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What this crate deliberately does not do: it does not know what a payload or an opening means; it has no
//! thread, clock or queue (the caller owns the group-commit window and passes every time stamp); it never
//! retries after a failed sync; it signs nothing, and it cannot see a rewrite of records that no client kept
//! a head for. Only [`DirStorage`] and [`DirReader`] touch a disk.

mod format;
mod head;
mod reader;
mod recovery;
mod scan;
mod storage;
mod verify;
mod writer;

pub use format::{FORMAT_VERSION, HeaderFault, MAX_OPENING_BYTES, MAX_PAYLOAD_BYTES, RecordFault};
pub use head::{ChainHash, Head, ParseHeadError};
pub use reader::{Entry, ReadError, Reader, Record, SegmentInfo};
pub use recovery::{Damage, DamageFault, OpenError, Recovery, deployment_of};
pub use storage::dir::{DirReader, DirStorage};
pub use storage::memory::MemoryStorage;
pub use storage::{ReadStorage, Storage};
pub use verify::problem::{Place, Problem, Report, StartingPoint};
pub use verify::{VerifyError, verify};
pub use writer::{AppendError, CommitError, Ledger, Options, RetainError, RollError};
