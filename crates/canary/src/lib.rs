//! The folders, labelled data and secrets of tests: `cargo xtask test` looks for every secret in all that a whole run leaves behind.
//!
//! Under `cargo xtask test` the variable [`VARIABLE`] names a folder; what is registered here is written there, and the
//! folders of tests outlive them. Without it a test's folder goes with the test, and nothing is written.
//!
//! Deliberately not here: looking for leaks (that is the task's, after the last test), and any use by a product crate.

use std::{
    env,
    ffi::OsStr,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::PathBuf,
    process,
    sync::atomic::{AtomicU64, Ordering},
};
use tempfile::TempDir;

/// Names the folder of the run.
pub const VARIABLE: &str = "WATCHKEEPER_CANARIES";

/// Makes the folder of a test; it is kept where a run looks for leaks.
///
/// # Errors
/// When the system makes none.
pub fn tempdir() -> io::Result<TempDir> {
    let mut folder = tempfile::tempdir()?;
    folder.disable_cleanup(run_folder().is_some());
    Ok(folder)
}

/// Returns the folder of a benchmark below `WATCHKEEPER_DATA`; `None`, said aloud, where there is none.
///
/// # Panics
/// Where there is none and `WATCHKEEPER_REQUIRE_DATA` is 1.
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
pub fn labelled_data(benchmark: &str) -> Option<PathBuf> {
    let folder = env::var_os("WATCHKEEPER_DATA").map(|data| PathBuf::from(data).join(benchmark));
    let folder = folder.filter(|folder| folder.is_dir());
    if folder.is_none() {
        let is_required = env::var_os("WATCHKEEPER_REQUIRE_DATA").is_some_and(|value| value == "1");
        assert!(!is_required, "the data of {benchmark} is required");
        println!("skipped: no data");
    }
    folder
}

/// Registers a secret that a test made or was given.
///
/// # Panics
/// When it cannot be written down: a run must not go on without it.
pub fn register(secret: &str) {
    let Some(folder) = run_folder() else { return };
    let file = folder.join(format!("secrets-{}", process::id()));
    let written = OpenOptions::new().create(true).append(true).open(&file).and_then(|mut file| {
        // One write, so that threads do not write into each other's lines.
        file.write_all(format!("{}\n", secret.trim()).as_bytes())
    });
    written.unwrap_or_else(|error| panic!("registering a secret in {}: {error}", file.display()));
}

/// Keeps what a test has read from a program, a scrape of its metrics for example, to be searched too.
///
/// # Panics
/// When it cannot be written.
pub fn keep(what: &str, bytes: impl AsRef<[u8]>) {
    static KEPT: AtomicU64 = AtomicU64::new(0);
    let Some(folder) = run_folder() else { return };
    let name = format!("kept-{}-{}-{what}", process::id(), KEPT.fetch_add(1, Ordering::Relaxed));
    let file = folder.join(name);
    fs::write(&file, bytes).unwrap_or_else(|error| panic!("keeping {}: {error}", file.display()));
}

fn run_folder() -> Option<PathBuf> {
    env::var_os(VARIABLE).as_deref().filter(|folder| *folder != OsStr::new("")).map(PathBuf::from)
}
