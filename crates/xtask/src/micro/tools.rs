//! What counting needs on this machine, and what the counts depend on.

use std::{
    env, fmt, fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// The compiler, for which machine it compiles, and the C library that allocates and copies: with others every count is
/// another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Toolchain {
    /// Version, commit and its date.
    pub(super) rustc: String,
    /// The target triple.
    pub(super) host: String,
    /// Name and version.
    pub(super) libc: String,
}

impl Toolchain {
    /// Asks the compiler that cargo would use, and the machine.
    pub(super) fn here() -> Result<Self> {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc).arg("-vV").output().context("asking rustc for its version")?;
        // Where nobody knows the question, it is not the library of the baseline either.
        let libc = said("getconf", "GNU_LIBC_VERSION").unwrap_or_else(|_| "an unknown libc".to_owned());
        Self::parse(&String::from_utf8_lossy(&output.stdout), libc.trim())
            .context("reading what rustc -vV says")
    }

    fn parse(rustc: &str, libc: &str) -> Option<Self> {
        let after = |start: &str| rustc.lines().find_map(|line| line.strip_prefix(start));
        Some(Self {
            rustc: after("rustc ")?.to_owned(),
            host: after("host: ")?.to_owned(),
            libc: libc.to_owned(),
        })
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rustc {} for {} with {}", self.rustc, self.host, self.libc)
    }
}

/// Fails where a tool is missing, and says how to install it.
pub(super) fn check(manifest: &Path) -> Result<()> {
    said("valgrind", "--version").context("counting needs valgrind: apt-get install valgrind")?;
    let lock = manifest.with_file_name("Cargo.lock");
    let text = fs::read_to_string(&lock).with_context(|| format!("reading {}", lock.display()))?;
    let wanted = locked_version(&text, "gungraun-runner").context("Cargo.lock has no gungraun-runner")?;
    let found = said("gungraun-runner", "--version");
    let is_right =
        matches!(&found, Ok(version) if version.split_whitespace().last() == Some(wanted.as_str()));
    anyhow::ensure!(
        is_right,
        "counting needs gungraun-runner {wanted} on the PATH, found {}: \
         cargo install gungraun-runner --locked --version {wanted}",
        found.as_ref().map_or("none", |version| version.trim())
    );
    Ok(())
}

fn said(program: &str, argument: &str) -> Result<String> {
    let output = Command::new(program)
        .arg(argument)
        .stderr(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns the version of a package in a lock file.
fn locked_version(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| **line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_says_who_it_is() {
        let said = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\n";
        let toolchain = Toolchain::parse(said, "glibc 2.36").expect("both are said");
        assert_eq!(
            toolchain.to_string(),
            "rustc 1.95.0 (59807616e 2026-04-14) for x86_64-unknown-linux-gnu with glibc 2.36"
        );
        assert_eq!(Toolchain::parse("command not found", "glibc 2.36"), None);
    }

    #[test]
    fn the_runner_wanted_is_the_one_in_the_lock_file() {
        let lock = "[[package]]\nname = \"gungraun\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"gungraun-runner\"\nversion = \"0.20.0\"\n";
        assert_eq!(locked_version(lock, "gungraun-runner").as_deref(), Some("0.20.0"));
        assert_eq!(locked_version(lock, "valgrind"), None);
    }
}
