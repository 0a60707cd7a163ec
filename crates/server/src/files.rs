//! Small files that other programs read while we write them.

use anyhow::Context;
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

/// Creates a directory, and those above it, that only its owner may enter; one that exists stays as it is.
pub(crate) fn private_dir(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("creating the directory {}", path.display()))
}

/// Replaces a file as a whole: a reader sees the old text or the new one. Only its owner may read it.
pub(crate) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}.new", std::process::id()));
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&unfinished, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Removes a file if it still says what we wrote there; another server may have taken the place.
pub(crate) fn remove_if_ours(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|found| found == text)
        && let Err(error) = fs::remove_file(path)
    {
        tracing::warn!(path = %path.display(), %error, "could not remove a file of this run");
    }
}
