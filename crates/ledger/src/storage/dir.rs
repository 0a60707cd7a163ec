//! Segments as files of one directory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ReadStorage, Storage};

const LOCK_FILE: &str = "lock";
/// A reader that probes the lock holds it for microseconds; a writer that starts just then tries again.
const LOCK_ATTEMPTS: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Read access to a ledger directory, beside a live writer or without one.
#[derive(Debug, Clone)]
pub struct DirReader {
    directory: PathBuf,
}

impl DirReader {
    /// Reads the ledger in `directory`.
    ///
    /// # Errors
    /// `NotADirectory` or `NotFound` when there is no such directory.
    pub fn open(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        if fs::metadata(&directory)?.is_dir() {
            Ok(Self { directory })
        } else {
            Err(io::Error::new(
                io::ErrorKind::NotADirectory,
                format!("{} is not a directory", directory.display()),
            ))
        }
    }

    fn path(&self, segment: u64) -> PathBuf {
        self.directory.join(file_name(segment))
    }
}

/// The file that holds a segment: `segment-0000000001.wkl`.
fn file_name(segment: u64) -> String {
    format!("segment-{segment:010}.wkl")
}

/// The number of the segment a file holds; `None` for any other file.
fn segment_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("segment-")?.strip_suffix(".wkl")?.parse().ok()?;
    // The writer must be able to count on from the highest number.
    (file_name(number) == name && number != u64::MAX).then_some(number)
}

impl ReadStorage for DirReader {
    fn segments(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            numbers.extend(entry?.file_name().to_str().and_then(segment_number));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read_at(&self, segment: u64, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = File::open(self.path(segment))?;
        file.seek(SeekFrom::Start(offset))?;
        file.read(buffer)
    }

    fn has_live_writer(&self) -> io::Result<bool> {
        let lock = match File::open(self.directory.join(LOCK_FILE)) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn segment_len(&self, segment: u64) -> io::Result<u64> {
        Ok(fs::metadata(self.path(segment))?.len())
    }
}

/// Write access to a ledger directory; holds its lock until dropped.
#[derive(Debug)]
pub struct DirStorage {
    reader: DirReader,
    /// The segment written last, kept open so that a commit opens no file.
    current: Option<(u64, File)>,
    _lock: File,
}

impl DirStorage {
    /// Creates the directory if need be (only its owner may enter) and takes its lock.
    ///
    /// # Errors
    /// `ResourceBusy` when another process (or another owner in this one) writes to this ledger; whatever else
    /// the file system says.
    pub fn open(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        if !directory.is_dir() {
            create_private_dir(&directory)?;
            if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                sync_dir(parent)?;
            }
        }
        let lock = private_file().truncate(false).create(true).write(true).open(directory.join(LOCK_FILE))?;
        take_lock(&lock, &directory)?;
        let storage = Self { reader: DirReader { directory }, current: None, _lock: lock };
        storage.remove_unfinished()?;
        Ok(storage)
    }

    /// A second view of the same directory, for reading beside the writer.
    pub fn reader(&self) -> DirReader {
        self.reader.clone()
    }

    /// Deletes segments that a crash left under their temporary name: their creation was never reported.
    fn remove_unfinished(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.reader.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_str().and_then(|name| name.strip_suffix(".new")).and_then(segment_number).is_some() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn file(&mut self, segment: u64) -> io::Result<&mut File> {
        if self.current.as_ref().is_none_or(|(number, _)| *number != segment) {
            let file = OpenOptions::new().read(true).write(true).open(self.reader.path(segment))?;
            self.current = Some((segment, file));
        }
        let (_, file) = self.current.as_mut().expect("the segment was opened above");
        Ok(file)
    }
}

impl ReadStorage for DirStorage {
    fn segments(&self) -> io::Result<Vec<u64>> {
        self.reader.segments()
    }

    fn read_at(&self, segment: u64, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read_at(segment, offset, buffer)
    }

    /// Always false: this is the writer.
    fn has_live_writer(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn segment_len(&self, segment: u64) -> io::Result<u64> {
        self.reader.segment_len(segment)
    }
}

impl Storage for DirStorage {
    fn create(&mut self, segment: u64, bytes: &[u8]) -> io::Result<()> {
        let path = self.reader.path(segment);
        if path.exists() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("{} exists already", path.display()),
            ));
        }
        let unfinished = path.with_extension("wkl.new");
        let written = write_synced(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, &path));
        if let Err(error) = written {
            return Err(match fs::remove_file(&unfinished) {
                Ok(()) => error,
                Err(also) => io::Error::other(format!("{error}; and {} stays: {also}", unfinished.display())),
            });
        }
        // From here on the segment may exist, so that no error may claim that the call can be repeated.
        sync_dir(&self.reader.directory)
            .map_err(|error| io::Error::other(format!("syncing the directory: {error}")))?;
        self.current = None;
        Ok(())
    }

    fn write_at(&mut self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        write_all_at(self.file(segment)?, offset, bytes)
    }

    fn sync_data(&mut self, segment: u64) -> io::Result<()> {
        self.file(segment)?.sync_data()
    }

    fn truncate(&mut self, segment: u64, len: u64) -> io::Result<()> {
        let file = self.file(segment)?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn remove(&mut self, segment: u64) -> io::Result<()> {
        if self.current.as_ref().is_some_and(|(number, _)| *number == segment) {
            self.current = None;
        }
        fs::remove_file(self.reader.path(segment))?;
        sync_dir(&self.reader.directory)
    }
}

fn take_lock(lock: &File, directory: &Path) -> io::Result<()> {
    for attempt in 1..=LOCK_ATTEMPTS {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => break,
        }
    }
    Err(io::Error::new(
        io::ErrorKind::ResourceBusy,
        format!(
            "another process writes to the ledger in {}: stop it, or use another directory",
            directory.display()
        ),
    ))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private_file().write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn write_all_at(file: &mut File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn write_all_at(file: &mut File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}

/// Records name people and what they did: only the owner may read them.
#[cfg(unix)]
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    OpenOptions::new()
}

#[cfg(unix)]
fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
    builder.create(path)
}

#[cfg(not(unix))]
fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Other systems offer no sync of a directory through the standard library.
#[cfg(not(unix))]
fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}
