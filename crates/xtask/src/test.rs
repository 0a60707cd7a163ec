//! `cargo xtask test`: every test target of the workspace, then every documentation example.
//!
//! Plain `cargo test`, because a newcomer's machine has nothing else. Afterwards what the tests left is searched for the
//! secrets that they made.
#![expect(clippy::print_stderr, reason = "a task tells its user what came of it")]

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    process::ExitCode,
};

use anyhow::Result;

use crate::{canary, invocation};

/// Runs both steps, the second one also when the first failed; the first failure's exit code is returned.
pub(crate) fn run(extra: &[OsString]) -> Result<ExitCode> {
    let manifest = invocation::root_manifest()?;
    let canaries = canary::Run::begin(&manifest)?;
    let mut outcome = ExitCode::SUCCESS;
    for step in steps(extra, &manifest) {
        let code = canaries.cargo(&step)?;
        if outcome == ExitCode::SUCCESS {
            outcome = code;
        }
    }
    let is_whole = extra.is_empty() && outcome == ExitCode::SUCCESS;
    eprintln!("xtask: {}", canaries.end(is_whole)?);
    Ok(outcome)
}

/// The cargo commands that make up "every test", narrowed by what the caller asks for.
fn steps(extra: &[OsString], manifest: &Path) -> Vec<Vec<OsString>> {
    let for_cargo: Vec<&OsStr> =
        extra.iter().map(OsString::as_os_str).take_while(|word| *word != "--").collect();
    let named = |flags: &[&str]| {
        for_cargo.iter().any(|word| {
            let word = word.to_string_lossy();
            flags.contains(&word.split('=').next().unwrap_or_default())
        })
    };
    let names_packages = named(&["-p", "--package", "--workspace", "--all"]);
    let names_targets = named(&[
        "--lib",
        "--bin",
        "--bins",
        "--test",
        "--tests",
        "--example",
        "--examples",
        "--bench",
        "--benches",
        "--all-targets",
        "--doc",
    ]);
    let step = |target: Option<&str>| {
        let mut words: Vec<OsString> = vec!["test".into(), "--manifest-path".into(), manifest.into()];
        if !names_packages {
            words.push("--workspace".into());
        }
        words.extend(target.map(OsString::from));
        words.push("--locked".into());
        words.extend(extra.iter().cloned());
        words
    };
    if names_targets { vec![step(None)] } else { vec![step(Some("--all-targets")), step(Some("--doc"))] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(extra: &[&str]) -> Vec<String> {
        let extra: Vec<OsString> = extra.iter().map(OsString::from).collect();
        steps(&extra, Path::new("Cargo.toml")).iter().map(|step| invocation::shown(step)).collect()
    }

    #[test]
    fn every_target_and_every_documentation_example_is_run() {
        assert_eq!(
            shown(&[]),
            [
                "cargo test --manifest-path Cargo.toml --workspace --all-targets --locked",
                "cargo test --manifest-path Cargo.toml --workspace --doc --locked",
            ]
        );
    }

    #[test]
    fn a_filter_and_arguments_of_the_tests_are_handed_on() {
        assert_eq!(
            shown(&["lease", "--", "--nocapture", "--test"]),
            [
                "cargo test --manifest-path Cargo.toml --workspace --all-targets --locked lease -- --nocapture --test",
                "cargo test --manifest-path Cargo.toml --workspace --doc --locked lease -- --nocapture --test",
            ]
        );
    }

    #[test]
    fn naming_a_package_or_a_target_narrows_the_run() {
        assert_eq!(
            shown(&["-p", "watchkeeper-tests", "--test=workspace_tidy"]),
            ["cargo test --manifest-path Cargo.toml --locked -p watchkeeper-tests --test=workspace_tidy"]
        );
    }
}
