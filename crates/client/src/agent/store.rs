//! What the gate must not forget, in one small file per agent.
//!
//! A line with the format and a checksum, then the record as JSON. A file is written beside the old one,
//! synced, and renamed over it, so that a crash leaves the old or the new one, never half of either.

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};
use thiserror::Error;
use watchkeeper_model::AgentId;
use watchkeeper_takeover::GateRecord;

/// The first word of the file.
const FORMAT: &str = "watchkeeper-gate-1";
/// Most bytes that a record's file may have: sixteen latches need less than two kilobytes.
const MAX_FILE: u64 = 64 * 1024;

/// What a start finds of the run before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// No record: a clean first start.
    Nothing,
    /// This record.
    Record(GateRecord),
    /// There is one and it cannot be trusted. Treated as an end in the middle of a fallback, never as none.
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
}

/// Says why the record's directory cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process runs this agent with this directory.
    #[error("another process already runs this agent: {path} is locked")]
    Locked {
        /// The lock's file.
        path: PathBuf,
    },
    /// The directory or a file in it cannot be read or written.
    #[error("cannot {attempt} {path}: {source}")]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// The file of one agent's gate; one process at a time.
#[derive(Debug)]
pub struct GateStore {
    directory: PathBuf,
    path: PathBuf,
    temporary: PathBuf,
    /// Held for as long as this store lives.
    _lock: File,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    record: GateRecord,
}

impl GateStore {
    /// Opens `<directory>/<agent>.gate`, making the directory where there is none, and locks it.
    pub fn open(directory: &Path, agent: &AgentId) -> Result<Self, StoreError> {
        let failed = |attempt, path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { attempt, path, source }
        };
        fs::create_dir_all(directory).map_err(failed("make the directory", directory))?;
        let file = |ending: &str| directory.join(format!("{agent}.{ending}"));
        let lock_path = file("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(failed("open", &lock_path))?;
        if let Err(errno) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            if errno == rustix::io::Errno::WOULDBLOCK {
                return Err(StoreError::Locked { path: lock_path });
            }
            return Err(failed("lock", &lock_path)(errno.into()));
        }
        Ok(Self {
            directory: directory.to_owned(),
            path: file("gate"),
            temporary: file("gate.new"),
            _lock: lock,
        })
    }

    /// Reads what the run before this left.
    ///
    /// # Errors
    /// When the file is there and the system refuses to read it. What is in it never makes an error: content
    /// that cannot be trusted is [`Recovered::Unreadable`].
    pub fn load(&self) -> Result<Recovered, StoreError> {
        let failed = |source| StoreError::Io { attempt: "read", path: self.path.clone(), source };
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Recovered::Nothing),
            Err(error) => return Err(failed(error)),
            Ok(found) if found.len() > MAX_FILE => {
                return Ok(Recovered::Unreadable { reason: format!("it has {} bytes", found.len()) });
            }
            Ok(_) => {}
        }
        let bytes = fs::read(&self.path).map_err(failed)?;
        Ok(match parse(&bytes) {
            Ok(record) => Recovered::Record(record),
            Err(reason) => Recovered::Unreadable { reason },
        })
    }

    /// Writes `record` so that it survives a loss of power.
    pub fn save(&self, record: &GateRecord) -> Result<(), StoreError> {
        let failed = |source| StoreError::Io { attempt: "write", path: self.path.clone(), source };
        let json = serde_json::to_string_pretty(&Stored { record: record.clone() })
            .map_err(|error| failed(error.into()))?;
        let mut file = File::create(&self.temporary).map_err(failed)?;
        writeln!(file, "{FORMAT} crc32c={:08x}", crc32c::crc32c(json.as_bytes())).map_err(failed)?;
        file.write_all(json.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        drop(file);
        fs::rename(&self.temporary, &self.path).map_err(failed)?;
        File::open(&self.directory).and_then(|directory| directory.sync_all()).map_err(failed)
    }
}

fn parse(bytes: &[u8]) -> Result<GateRecord, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let (head, json) = text.split_once('\n').ok_or("the first line is not whole")?;
    let checksum = head
        .strip_prefix(FORMAT)
        .and_then(|rest| rest.strip_prefix(" crc32c="))
        .and_then(|hex| u32::from_str_radix(hex, 16).ok())
        .ok_or_else(|| format!("the first line is not {FORMAT:?} with a checksum"))?;
    if crc32c::crc32c(json.as_bytes()) != checksum {
        return Err("the checksum does not fit".to_owned());
    }
    serde_json::from_str::<Stored>(json).map(|stored| stored.record).map_err(|error| error.to_string())
}
