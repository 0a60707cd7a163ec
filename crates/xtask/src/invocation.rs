//! Running cargo on this workspace, and saying so.
#![expect(clippy::print_stderr, reason = "a task tells its user what it runs")]

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus, Stdio},
};

use anyhow::{Context, Result};

/// The cargo that runs this task, else the one on the PATH.
fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The root manifest, found from this package, so that the caller's directory does not matter.
pub(crate) fn root_manifest() -> Result<PathBuf> {
    // Cargo sets the variable when it runs a task. The compiled-in value serves a binary started by hand.
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = package.ancestors().nth(2).context("xtask is two directories below the workspace root")?;
    let manifest = root.join("Cargo.toml");
    anyhow::ensure!(manifest.is_file(), "no workspace manifest at {}", manifest.display());
    Ok(manifest)
}

/// Runs cargo with these arguments and waits for it.
pub(crate) fn run_cargo(arguments: &[OsString]) -> Result<ExitCode> {
    let status = cargo(arguments).status().context("cannot start cargo")?;
    Ok(exit_code(status))
}

/// Announces cargo with these arguments, and returns what starts it.
pub(crate) fn cargo(arguments: &[OsString]) -> Command {
    announce(arguments);
    let mut command = Command::new(cargo_program());
    command.args(arguments);
    command
}

/// Runs cargo with these arguments and returns what it wrote to its standard output; a failure is an error.
pub(crate) fn cargo_output(arguments: &[OsString]) -> Result<String> {
    announce(arguments);
    let output = Command::new(cargo_program())
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        eprint!("{said}");
        anyhow::bail!("{} ended with {}", shown(arguments), output.status);
    }
    Ok(said)
}

/// Runs a program with these arguments and waits for it.
pub(crate) fn run_program(program: &Path, arguments: &[OsString]) -> Result<ExitCode> {
    eprintln!("xtask: {}", line(&program.to_string_lossy(), arguments));
    let status = Command::new(program)
        .args(arguments)
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    Ok(exit_code(status))
}

/// Becomes cargo with these arguments; returns only when that fails.
///
/// The process is replaced, so that a key press or signal reaches the program itself and its exit code
/// is the task's exit code.
#[cfg(unix)]
pub(crate) fn become_cargo(arguments: &[OsString]) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    announce(arguments);
    Err(Command::new(cargo_program()).args(arguments).exec()).context("cannot start cargo")
}

/// Runs cargo with these arguments where a process cannot be replaced.
#[cfg(not(unix))]
pub(crate) fn become_cargo(arguments: &[OsString]) -> Result<ExitCode> {
    run_cargo(arguments)
}

fn announce(arguments: &[OsString]) {
    eprintln!("xtask: {}", shown(arguments));
}

/// The command line as a person would type it.
pub(crate) fn shown(arguments: &[OsString]) -> String {
    line("cargo", arguments)
}

fn line(program: &str, arguments: &[OsString]) -> String {
    arguments.iter().fold(program.to_owned(), |mut line, argument| {
        let word = argument.to_string_lossy();
        let plain = !word.is_empty()
            && !word.contains(|c: char| c.is_whitespace() || "'\"\\$`&|;<>*?(){}#!".contains(c));
        line.push(' ');
        if plain {
            line.push_str(&word);
        } else {
            line.push('\'');
            line.push_str(&word.replace('\'', r"'\''"));
            line.push('\'');
        }
        line
    })
}

/// The exit code a shell would report: 128 plus the number for a process that a signal ended.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let code = {
        use std::os::unix::process::ExitStatusExt as _;
        status.code().or_else(|| status.signal().map(|signal| 128 + signal))
    };
    #[cfg(not(unix))]
    let code = status.code();
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_shown_as_one_would_type_it() {
        let words: Vec<OsString> = ["test", "it's", "", "a b", "--locked"].map(OsString::from).to_vec();
        assert_eq!(shown(&words), r"cargo test 'it'\''s' '' 'a b' --locked");
    }

    #[test]
    fn the_root_manifest_is_the_workspaces() {
        let manifest = root_manifest().expect("this package lies in its workspace");
        let text = std::fs::read_to_string(manifest).expect("the manifest is readable");
        assert!(text.contains("[workspace]"));
    }

    #[cfg(unix)]
    #[test]
    fn exit_codes_and_signals_pass_through() {
        use std::os::unix::process::ExitStatusExt as _;
        for (raw, code) in [(0, 0), (101 << 8, 101), (9, 137)] {
            let passed = exit_code(ExitStatus::from_raw(raw));
            assert_eq!(format!("{passed:?}"), format!("{:?}", ExitCode::from(code)));
        }
    }
}
