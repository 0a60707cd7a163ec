//! `cargo xtask demo`: builds the `watchkeeper` binary and becomes `watchkeeper demo`.

use std::{
    ffi::{OsStr, OsString},
    io::{self, IsTerminal as _},
    path::Path,
    process::ExitCode,
};

use anyhow::Result;
use clap::Args;

use crate::invocation;

/// What the demo takes; anything it does not know is handed on to `watchkeeper demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Plays a scripted operator and prints what happened (chosen by itself without a terminal)
    #[arg(long)]
    headless: bool,
    /// How long the demo runs
    #[arg(long, value_name = "N")]
    seconds: Option<u32>,
    /// Builds with the release profile: a faster program, a much longer build
    #[arg(long)]
    release: bool,
    /// Handed on to `watchkeeper demo` as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    rest: Vec<OsString>,
}

/// Builds and becomes the demo; returns only when cargo cannot be started.
pub(crate) fn run(arguments: DemoArguments) -> Result<ExitCode> {
    let has_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let manifest = invocation::root_manifest()?;
    invocation::become_cargo(&cargo_arguments(arguments, &manifest, has_terminal))
}

fn cargo_arguments(demo: DemoArguments, manifest: &Path, has_terminal: bool) -> Vec<OsString> {
    // The demo's own flags, also where they come after an argument that only the demo knows.
    let is_headless = demo.headless
        || !has_terminal
        || demo.rest.iter().any(|argument| argument == OsStr::new("--headless"));
    let mut words: Vec<OsString> =
        vec!["run".into(), "--manifest-path".into(), manifest.into(), "--locked".into()];
    words.extend(["--package", "watchkeeper-cli", "--bin", "watchkeeper"].map(OsString::from));
    if demo.release {
        words.push("--release".into());
    }
    words.extend(["--", "demo"].map(OsString::from));
    if is_headless {
        words.push("--headless".into());
    }
    if let Some(seconds) = demo.seconds {
        words.extend(["--seconds".into(), seconds.to_string().into()]);
    }
    words.extend(demo.rest.into_iter().filter(|argument| argument != OsStr::new("--headless")));
    words
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        demo: DemoArguments,
    }

    fn handed_on(line: &[&str], has_terminal: bool) -> String {
        let demo = Line::try_parse_from([&["demo"], line].concat()).expect("a valid line").demo;
        let words = cargo_arguments(demo, Path::new("Cargo.toml"), has_terminal);
        invocation::shown(&words)
    }

    const BUILD: &str =
        "cargo run --manifest-path Cargo.toml --locked --package watchkeeper-cli --bin watchkeeper";

    #[test]
    fn a_terminal_gets_the_console() {
        assert_eq!(handed_on(&[], true), format!("{BUILD} -- demo"));
    }

    #[test]
    fn without_a_terminal_the_demo_is_headless() {
        assert_eq!(
            handed_on(&["--seconds", "60"], false),
            format!("{BUILD} -- demo --headless --seconds 60")
        );
    }

    #[test]
    fn the_release_profile_is_used_only_when_asked_for() {
        assert_eq!(handed_on(&["--release"], true), format!("{BUILD} --release -- demo"));
    }

    #[test]
    fn arguments_the_task_does_not_know_are_handed_on_and_headless_is_said_once() {
        let line = ["--vehicles", "4", "--headless", "--seconds", "5"];
        assert_eq!(handed_on(&line, false), format!("{BUILD} -- demo --headless --vehicles 4 --seconds 5"));
    }
}
