//! Every version of a file of rules that was ever in force, and who put it there.
//!
//! Beside `rules.toml` lies `rules.toml.versions/`: each version under the SHA-256 of what it says, and `history.jsonl`,
//! one line for each time that a version was put in force. The last line names the one that is. The history is replaced
//! as a whole, behind a lock, once the version is on disk: whoever reads sees the state before or the state after. A file
//! that cannot be used gets no line.

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
};
use watchkeeper_model::{Note, PersonId};
use watchkeeper_rules::{MAX_BYTES, RuleSet, RuleSetVersion};

const HISTORY: &str = "history.jsonl";
const LOCK: &str = "lock";
/// Longest history, in bytes: some ten thousand changes.
const MAX_HISTORY: u64 = 4 << 20;

/// How a version came into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// Somebody wrote it and put it in force.
    Activate,
    /// Somebody went back to it.
    Rollback,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleChangeNote {
    /// What is in force from here on.
    pub version: RuleSetVersion,
    /// When, in UTC, as RFC 3339 writes it.
    pub at: String,
    /// How.
    pub action: RuleAction,
    /// Who.
    pub by: PersonId,
    /// Why.
    pub reason: Note,
}

/// Who changes the rules, when and why.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Who.
    pub by: PersonId,
    /// Why.
    pub reason: Note,
    /// When.
    pub at: jiff::Timestamp,
}

/// The versions of one file of rules.
#[derive(Clone, Debug)]
pub struct RuleStore {
    file: PathBuf,
    directory: PathBuf,
}

impl RuleStore {
    /// Names the versions of a file; nothing is read or written.
    pub fn of(file: &Path) -> Self {
        let mut directory = file.as_os_str().to_owned();
        directory.push(".versions");
        Self { file: file.to_owned(), directory: directory.into() }
    }

    /// Returns where the versions lie.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns every change, oldest first; none where nothing was ever put in force.
    ///
    /// # Errors
    /// A history that cannot be read, with the line.
    pub fn history(&self) -> anyhow::Result<Vec<RuleChangeNote>> {
        let path = self.directory.join(HISTORY);
        let what = || format!("reading the history of the rules in {}", path.display());
        let text = match read_bounded(&path, MAX_HISTORY) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(what),
        };
        let lines = (1..).zip(text.lines());
        let change = |(number, line): (usize, &str)| {
            serde_json::from_str(line).with_context(|| format!("line {number} is no change of the rules"))
        };
        lines.map(change).collect::<anyhow::Result<_>>().with_context(what)
    }

    /// Returns what is in force, and the change that put it there.
    ///
    /// # Errors
    /// Where nothing was ever put in force, or it cannot be read any more.
    pub fn in_force(&self) -> anyhow::Result<(RuleChangeNote, RuleSet)> {
        let newest = self.newest()?;
        let rules = self.read(newest.version)?;
        Ok((newest, rules))
    }

    /// Returns the change that put in force what is in force.
    ///
    /// # Errors
    /// Where nothing was ever put in force, or the history cannot be read any more.
    pub fn newest(&self) -> anyhow::Result<RuleChangeNote> {
        self.history()?.pop().with_context(|| {
            let file = self.file.display();
            format!(
                "no version of {file} is in force yet: put it in force with `watchkeeper rules activate {file} \
                 --reason TEXT`"
            )
        })
    }

    /// Reads a version.
    ///
    /// # Errors
    /// Where it is not there, was changed since it was kept, or this program cannot use it.
    pub fn read(&self, version: RuleSetVersion) -> anyhow::Result<RuleSet> {
        let path = self.directory.join(format!("{version}.toml"));
        let text = read_bounded(&path, MAX_BYTES as u64).with_context(|| {
            format!("reading version {} of the rules in {}", version.short(), path.display())
        })?;
        ensure!(
            RuleSetVersion::of(&text) == version,
            "{} does not say what it said when it was kept: somebody changed it",
            path.display()
        );
        RuleSet::parse(&text).with_context(|| format!("the rules in {} cannot be used", path.display()))
    }

    /// Returns the kept version whose name begins with these digits.
    ///
    /// # Errors
    /// Where none or several do.
    pub fn find(&self, digits: &str) -> anyhow::Result<RuleSetVersion> {
        let mut found: Vec<_> = self.history()?.into_iter().map(|change| change.version).collect();
        found.retain(|version| version.to_string().starts_with(digits));
        found.sort();
        found.dedup();
        match found.as_slice() {
            [version] => Ok(*version),
            [] => bail!("no version begins with {digits:?}; `watchkeeper rules list` shows them"),
            several => bail!("{} versions begin with {digits:?}: write more of its digits", several.len()),
        }
    }

    /// Puts a text in force, where it can be used.
    ///
    /// # Errors
    /// Rules that cannot be used, with line and reason; those that are in force already; a disk that does not write.
    /// What was in force then still is.
    pub fn activate(&self, text: &str, signature: &Signature) -> anyhow::Result<RuleChangeNote> {
        let rules = RuleSet::parse(text)?;
        let version = rules.version();
        fs::create_dir_all(&self.directory)
            .with_context(|| format!("creating the directory {}", self.directory.display()))?;
        let _lock = self.lock()?;
        let mut history = self.history()?;
        if history.last().is_some_and(|newest| newest.version == version) {
            bail!("version {} is in force already: nothing was changed", version.short());
        }
        self.keep(&format!("{version}.toml"), text)?;
        self.write(&mut history, version, RuleAction::Activate, signature)
    }

    /// Goes back to `to`, or to what was in force before the version that is.
    ///
    /// # Errors
    /// Where there is none before, or it cannot be used any more. What was in force then still is.
    pub fn rollback(
        &self,
        to: Option<RuleSetVersion>,
        signature: &Signature,
    ) -> anyhow::Result<RuleChangeNote> {
        let mut history = self.history()?;
        ensure!(!history.is_empty(), "nothing was ever put in force: there is nothing to go back to");
        let _lock = self.lock()?;
        history = self.history()?;
        let Some(version) = to.or_else(|| before(&history)) else {
            bail!("there is no version before the one that is in force: there is nothing to go back to");
        };
        if history.last().is_some_and(|newest| newest.version == version) {
            bail!("version {} is in force already: nothing was changed", version.short());
        }
        self.read(version)?;
        self.write(&mut history, version, RuleAction::Rollback, signature)
    }

    fn write(
        &self,
        history: &mut Vec<RuleChangeNote>,
        version: RuleSetVersion,
        action: RuleAction,
        signature: &Signature,
    ) -> anyhow::Result<RuleChangeNote> {
        let Signature { by, reason, at } = signature.clone();
        let change = RuleChangeNote { version, at: format!("{at:.0}"), action, by, reason };
        history.push(change.clone());
        let line = |change| serde_json::to_string(change).map(|line| line + "\n");
        let text: String = history.iter().map(line).collect::<Result<_, _>>()?;
        ensure!(
            text.len() as u64 <= MAX_HISTORY,
            "the history of the rules is full: go on with a file of another name"
        );
        self.keep(HISTORY, &text)?;
        Ok(change)
    }

    /// Keeps others from changing the rules until it is dropped.
    fn lock(&self) -> anyhow::Result<File> {
        let path = self.directory.join(LOCK);
        let take = || -> anyhow::Result<File> {
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            file.try_lock()?;
            Ok(file)
        };
        take().with_context(|| {
            format!("locking {}: is somebody else changing the rules? Try again", path.display())
        })
    }

    /// Replaces a file as a whole, and has it on disk before it returns.
    fn keep(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.directory.join(name);
        let unfinished = self.directory.join(format!("{name}.new"));
        let write = || {
            let mut file = File::create(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            File::open(&self.directory)?.sync_all()
        };
        write().with_context(|| format!("writing {}", path.display()))
    }
}

/// Returns what was in force before the newest version: going back twice goes back two.
fn before(history: &[RuleChangeNote]) -> Option<RuleSetVersion> {
    let mut stack: Vec<RuleSetVersion> = Vec::new();
    for change in history {
        match (change.action, stack.iter().rposition(|version| *version == change.version)) {
            (RuleAction::Rollback, Some(place)) => stack.truncate(place + 1),
            (RuleAction::Rollback, None) | (RuleAction::Activate, _) => stack.push(change.version),
        }
    }
    stack.pop();
    stack.pop()
}

fn read_bounded(path: &Path, most: u64) -> std::io::Result<String> {
    let mut text = String::new();
    let bytes = File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    if bytes as u64 > most {
        let message = format!("it has more than {most} bytes");
        return Err(std::io::Error::new(ErrorKind::InvalidData, message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
