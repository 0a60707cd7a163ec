//! `cargo xtask prove`: model-checks the takeover, in the release profile.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;
use clap::Args;

use crate::invocation;

/// What is checked.
#[derive(Debug, Args)]
pub(crate) struct ProveArguments {
    /// Only configurations whose name contains this
    #[arg(value_name = "NAME")]
    only: Option<OsString>,
}

/// Runs the checker of the takeover crate.
pub(crate) fn run(arguments: ProveArguments) -> Result<ExitCode> {
    let words = ["run", "--release", "--locked", "--package", "watchkeeper-takeover", "--example", "prove"];
    let mut words: Vec<OsString> = words.map(OsString::from).to_vec();
    words.extend(["--manifest-path".into(), invocation::root_manifest()?.into(), "--".into()]);
    words.extend(arguments.only);
    invocation::run_cargo(&words)
}
