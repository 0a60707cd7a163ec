//! Where segments live: the two small traits the ledger is generic over.

pub(crate) mod dir;
pub(crate) mod memory;

use std::io;

/// Read access to the segments of a ledger.
pub trait ReadStorage {
    /// Lists the numbers of all segments, ascending.
    ///
    /// # Errors
    /// Whatever the medium says.
    fn segments(&self) -> io::Result<Vec<u64>>;

    /// Reads bytes of a segment from `offset` on into `buffer` and returns how many; 0 only at the end.
    ///
    /// # Errors
    /// `NotFound` when there is no such segment; whatever else the medium says.
    fn read_at(&self, segment: u64, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Says whether another owner is writing now, so that an unfinished last record is no surprise.
    ///
    /// # Errors
    /// Whatever the medium says.
    fn has_live_writer(&self) -> io::Result<bool>;

    /// The length of a segment in bytes.
    ///
    /// # Errors
    /// `NotFound` when there is no such segment; whatever else the medium says.
    fn segment_len(&self, segment: u64) -> io::Result<u64>;
}

/// Write access; whoever holds it is the only writer.
///
/// An error of kind [`io::ErrorKind::StorageFull`] promises that nothing durable was harmed and that the call
/// may be repeated; after any other error the ledger stops for good.
pub trait Storage: ReadStorage {
    /// Creates a segment that holds exactly `bytes`, durably (file and directory synced) and atomically: after
    /// a crash it exists with all of them or not at all.
    ///
    /// # Errors
    /// `AlreadyExists`; `StorageFull` when it was not created; whatever else the medium says.
    fn create(&mut self, segment: u64, bytes: &[u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`, which is at most the length of the segment; not yet durable.
    ///
    /// # Errors
    /// `StorageFull`, after which any part of the bytes may have been written; whatever else the medium says.
    fn write_at(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything written to the segment durable.
    ///
    /// # Errors
    /// Any error means that written data may be lost, and that asking again proves nothing.
    fn sync_data(&mut self, segment: u64) -> io::Result<()>;

    /// Cuts the segment to `len` bytes, durably.
    ///
    /// # Errors
    /// Whatever the medium says.
    fn truncate(&mut self, segment: u64, len: u64) -> io::Result<()>;

    /// Deletes a segment, durably; only retention does this.
    ///
    /// # Errors
    /// Whatever the medium says.
    fn remove(&mut self, segment: u64) -> io::Result<()>;
}
