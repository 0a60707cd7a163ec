//! Segments in memory, with the faults of real disks: for tests of this crate and of its callers.

use std::collections::BTreeMap;
use std::io;

use super::{ReadStorage, Storage};
use crate::format::to_u64;

const SECTOR_BYTES: u64 = 512;

/// A disk in memory that can tear writes, fail syncs, run full, and lose what was not synced.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    segments: BTreeMap<u64, Image>,
    capacity: Option<u64>,
    syncs_until_failure: Option<u32>,
    tear_next_write_at: Option<usize>,
    live_writer: bool,
}

#[derive(Clone, Debug, Default)]
struct Image {
    /// What reads see.
    current: Vec<u8>,
    /// What a power cut leaves for certain.
    durable: Vec<u8>,
    /// Writes since the last sync, in order.
    unsynced: Vec<(u64, Vec<u8>)>,
}

impl MemoryStorage {
    /// An empty disk without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits the bytes of all segments together; `None` lifts the limit.
    pub fn set_capacity(&mut self, bytes: Option<u64>) {
        self.capacity = bytes;
    }

    /// Lets `successes` more syncs succeed and the one after them fail.
    pub fn fail_sync_after(&mut self, successes: u32) {
        self.syncs_until_failure = Some(successes);
    }

    /// Lets the next write store only its first `bytes` bytes and fail.
    pub fn tear_next_write(&mut self, bytes: usize) {
        self.tear_next_write_at = Some(bytes);
    }

    /// Pretends (or not) that another owner writes at the moment.
    pub fn set_live_writer(&mut self, live: bool) {
        self.live_writer = live;
    }

    /// The bytes of a segment as reads see them; `None` when there is no such segment.
    pub fn bytes(&self, segment: u64) -> Option<&[u8]> {
        self.segments.get(&segment).map(|image| image.current.as_slice())
    }

    /// Replaces the bytes of a segment, as somebody with access to the disk would.
    pub fn set_bytes(&mut self, segment: u64, bytes: Vec<u8>) {
        let image = Image { current: bytes.clone(), durable: bytes, unsynced: Vec::new() };
        self.segments.insert(segment, image);
    }

    /// Cuts the power: of the unsynced writes of each segment the first `bytes` bytes survive, in order.
    pub fn crash_keeping(&mut self, bytes: usize) {
        for image in self.segments.values_mut() {
            let mut left = bytes;
            for (offset, data) in std::mem::take(&mut image.unsynced) {
                let kept = data.get(..left.min(data.len())).unwrap_or_default();
                left -= kept.len();
                overwrite(&mut image.durable, offset, kept);
            }
            image.current.clone_from(&image.durable);
        }
        self.clear_faults();
    }

    /// Cuts the power: each unsynced 512-byte sector survives or not, as `survives(segment, sector)` says.
    pub fn crash_sectors(&mut self, mut survives: impl FnMut(u64, u64) -> bool) {
        for (segment, image) in &mut self.segments {
            for (offset, data) in std::mem::take(&mut image.unsynced) {
                let mut at = offset;
                let mut rest = data.as_slice();
                while !rest.is_empty() {
                    let room = SECTOR_BYTES - at % SECTOR_BYTES;
                    let len = usize::try_from(room).unwrap_or(usize::MAX).min(rest.len());
                    let (sector, after) = rest.split_at(len);
                    if survives(*segment, at / SECTOR_BYTES) {
                        overwrite(&mut image.durable, at, sector);
                    }
                    at += to_u64(len);
                    rest = after;
                }
            }
            image.current.clone_from(&image.durable);
        }
        self.clear_faults();
    }

    fn clear_faults(&mut self) {
        self.capacity = None;
        self.syncs_until_failure = None;
        self.tear_next_write_at = None;
    }

    fn image(&self, segment: u64) -> io::Result<&Image> {
        self.segments.get(&segment).ok_or_else(|| missing(segment))
    }

    fn image_mut(&mut self, segment: u64) -> io::Result<&mut Image> {
        self.segments.get_mut(&segment).ok_or_else(|| missing(segment))
    }

    /// How many bytes the segments may still grow.
    fn room(&self) -> u64 {
        let used = self.segments.values().map(|image| to_u64(image.current.len())).sum();
        self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(used))
    }
}

fn missing(segment: u64) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no segment {segment}"))
}

fn full() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "the disk is full")
}

fn overwrite(target: &mut Vec<u8>, offset: u64, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let start = usize::try_from(offset).expect("a segment in memory is smaller than the address space");
    let end = start + data.len();
    if target.len() < end {
        target.resize(end, 0);
    }
    target.get_mut(start..end).expect("resized above").copy_from_slice(data);
}

impl ReadStorage for MemoryStorage {
    fn segments(&self) -> io::Result<Vec<u64>> {
        Ok(self.segments.keys().copied().collect())
    }

    fn read_at(&self, segment: u64, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let image = self.image(segment)?;
        let rest =
            usize::try_from(offset).ok().and_then(|start| image.current.get(start..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(len)
    }

    fn has_live_writer(&self) -> io::Result<bool> {
        Ok(self.live_writer)
    }

    fn segment_len(&self, segment: u64) -> io::Result<u64> {
        Ok(to_u64(self.image(segment)?.current.len()))
    }
}

impl Storage for MemoryStorage {
    fn create(&mut self, segment: u64, bytes: &[u8]) -> io::Result<()> {
        if self.segments.contains_key(&segment) {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("segment {segment} exists already"),
            ));
        }
        if to_u64(bytes.len()) > self.room() {
            return Err(full());
        }
        self.set_bytes(segment, bytes.to_vec());
        Ok(())
    }

    fn write_at(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let tear = self.tear_next_write_at.take();
        let old = to_u64(self.image(segment)?.current.len());
        let limit =
            usize::try_from((old - offset.min(old)).saturating_add(self.room())).unwrap_or(usize::MAX);
        let fits = bytes.len().min(limit);
        let stored = bytes.get(..tear.unwrap_or(usize::MAX).min(fits)).unwrap_or_default();
        let image = self.image_mut(segment)?;
        overwrite(&mut image.current, offset, stored);
        image.unsynced.push((offset, stored.to_vec()));
        if tear.is_some() {
            Err(io::Error::other("the write was torn"))
        } else if fits < bytes.len() {
            Err(full())
        } else {
            Ok(())
        }
    }

    fn sync_data(&mut self, segment: u64) -> io::Result<()> {
        match self.syncs_until_failure.as_mut() {
            Some(0) => return Err(io::Error::other("the disk reports an error on sync")),
            Some(left) => *left -= 1,
            None => {}
        }
        let image = self.image_mut(segment)?;
        for (offset, data) in std::mem::take(&mut image.unsynced) {
            overwrite(&mut image.durable, offset, &data);
        }
        Ok(())
    }

    fn truncate(&mut self, segment: u64, len: u64) -> io::Result<()> {
        let image = self.image_mut(segment)?;
        image.current.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        image.durable.clone_from(&image.current);
        image.unsynced.clear();
        Ok(())
    }

    fn remove(&mut self, segment: u64) -> io::Result<()> {
        self.segments.remove(&segment).map(|_image| ()).ok_or_else(|| missing(segment))
    }
}
