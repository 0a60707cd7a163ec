//! A file that appears at its place only once it is complete.

use anyhow::{Context, ensure};
use std::{
    fs::{self, Permissions},
    io::{self, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// A file under a name of its own beside the one that it becomes. Dropped before that, it is gone.
pub(crate) struct Draft {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl Draft {
    /// Begins a file that becomes `path`, which is none of `inputs`.
    pub(crate) fn new(path: &Path, inputs: &[&Path]) -> anyhow::Result<Self> {
        if let Ok(there) = fs::metadata(path) {
            ensure!(there.is_file(), "{} is there and no file: name another output", path.display());
        }
        for input in inputs {
            ensure!(!is_same_place(input, path), "{} is an input: name another output", path.display());
        }
        let file = tempfile::Builder::new()
            .prefix(".watchkeeper-")
            // As any new file: less what the umask takes.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder(path))
            .with_context(|| format!("writing {}", path.display()))?;
        Ok(Self { file: BufWriter::new(file), path: path.to_owned() })
    }

    /// Puts the file in its place, instead of what was there.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let writing = || format!("writing {}", self.path.display());
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error).with_context(writing)?;
        file.as_file().sync_all().with_context(writing)?;
        file.persist(&self.path).with_context(writing)?;
        Ok(())
    }
}

/// Returns whether two names lead to the same place, also where nothing is there yet.
pub(crate) fn is_same_place(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        fs::canonicalize(path).or_else(|_nothing_there| {
            fs::canonicalize(folder(path)).map(|folder| folder.join(path.file_name().unwrap_or_default()))
        })
    };
    matches!((place(one), place(other)), (Ok(one), Ok(other)) if one == other)
}

/// Returns the folder that a file is in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
