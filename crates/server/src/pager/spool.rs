//! The directory that keeps calls until they were taken: one file each.
//!
//! A file is written under another name, synced, renamed, and the directory synced: after a power cut a call is there as
//! a whole or not at all. All of it blocks, and runs where blocking is allowed.

use super::call::{Call, KeptError};
use crate::files;
use anyhow::Context;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How the name of a call's file ends.
const WHOLE: &str = ".json";
/// How it ends while it is written.
const UNFINISHED: &str = ".json.new";
/// What a file's name is given that cannot be read as a call.
const BAD: &str = ".bad";
/// Longest file that is read, in bytes; ours have about a thousand.
const MAX_FILE: u64 = 64 << 10;

/// The directory. A copy is the same directory.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    directory: Arc<Path>,
}

impl Spool {
    /// Opens the directory, or makes it; returns what an earlier run left there, oldest first. What cannot be read is set
    /// aside, and said.
    ///
    /// # Errors
    /// A directory that cannot be made or listed.
    pub(crate) fn open(directory: &Path) -> anyhow::Result<(Self, Vec<Call>)> {
        files::private_dir(directory)?;
        // Or a power cut takes the directory away with what it holds.
        if let Some(above) = directory.parent() {
            sync(above).with_context(|| format!("syncing the directory {}", above.display()))?;
        }
        let spool = Self { directory: directory.into() };
        let calls = spool
            .read_all()
            .with_context(|| format!("listing the calls that wait in {}", directory.display()))?;
        Ok((spool, calls))
    }

    /// Keeps calls; returns those that could not be kept, and why.
    pub(crate) fn keep(&self, calls: &[Arc<Call>]) -> Vec<(Arc<Call>, io::Error)> {
        let mut lost = Vec::new();
        let mut written = Vec::new();
        for call in calls {
            match self.write(call) {
                Ok(()) => written.push(call),
                Err(error) => lost.push((Arc::clone(call), error)),
            }
        }
        // Once for all of them. Before it none of the new names is sure to survive.
        if let Err(error) = sync(&self.directory) {
            let again =
                |call: &Arc<Call>| (Arc::clone(call), io::Error::new(error.kind(), error.to_string()));
            lost.extend(written.into_iter().map(again));
        }
        lost
    }

    fn write(&self, call: &Call) -> io::Result<()> {
        let unfinished = self.path(call, UNFINISHED);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(call.to_kept().as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, self.path(call, WHOLE))
    }

    /// Forgets a call. One that comes back after a power cut is sent twice, under the same id.
    pub(crate) fn remove(&self, call: &Call) {
        let path = self.path(call, WHOLE);
        match fs::remove_file(&path) {
            Ok(()) => {}
            // It could not be kept in the first place, which was said.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a call that is over could not be removed, and will be sent again");
            }
        }
    }

    fn path(&self, call: &Call, ending: &str) -> PathBuf {
        self.directory.join(format!("{}{ending}", call.id))
    }

    fn read_all(&self) -> io::Result<Vec<Call>> {
        let mut calls: Vec<Call> = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let is_ours = name.ends_with(WHOLE) || name.ends_with(UNFINISHED);
            if is_ours && entry.file_type()?.is_file() {
                calls.extend(self.read_one(name));
            }
        }
        calls.sort_by(|one, other| (one.made_at, &one.id).cmp(&(other.made_at, &other.id)));
        // A crash can leave a call under both names.
        calls.dedup_by(|one, other| one.id == other.id);
        Ok(calls)
    }

    /// Reads one file. What a crash left unfinished may be whole, and then it counts.
    fn read_one(&self, name: &str) -> Option<Call> {
        let path = self.directory.join(name);
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a call that waits cannot be read: nobody hears of it");
                return None;
            }
        };
        let stem = name.strip_suffix(UNFINISHED).or_else(|| name.strip_suffix(WHOLE));
        let call = Call::from_kept(&text)
            .and_then(|call| if stem == Some(call.id.as_str()) { Ok(call) } else { Err(KeptError::Id) });
        let set = match &call {
            Ok(call) if name.ends_with(UNFINISHED) => fs::rename(&path, self.path(call, WHOLE)),
            Ok(_) => Ok(()),
            Err(reason) => {
                tracing::warn!(path = %path.display(), %reason, "a call that waits is damaged, and set aside as .bad: nobody hears of it");
                fs::rename(&path, self.directory.join(format!("{name}{BAD}")))
            }
        };
        if let Err(error) = set {
            tracing::warn!(path = %path.display(), %error, "could not rename a file of a call");
        }
        call.ok()
    }
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Reads a file, and of one that is too long so much that it cannot be taken for a whole one.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut text)?;
    text.truncate(usize::try_from(MAX_FILE).unwrap_or(usize::MAX));
    Ok(text)
}
