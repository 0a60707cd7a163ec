//! `cargo xtask demo`: builds the `watchkeeper` binary, and the window console where there is a display, and
//! becomes `watchkeeper demo`.

use std::{
    ffi::{OsStr, OsString},
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::Args;

use crate::{console, invocation};

/// What the demo takes; anything it does not know is handed on to `watchkeeper demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Plays a scripted operator and prints what happened (chosen by itself with neither display nor terminal)
    #[arg(long)]
    headless: bool,
    /// Opens the text console in this terminal, although there is a display
    #[arg(long, conflicts_with = "headless")]
    text: bool,
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

/// Where the operator sits.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seat {
    /// At the window console, which is this program; the roads are in this file.
    Window { program: PathBuf, map: PathBuf },
    /// At the text console in this terminal.
    Terminal,
    /// Nowhere: a script acts.
    Script,
}

/// Builds and becomes the demo; returns only when cargo cannot be started.
pub(crate) fn run(arguments: DemoArguments) -> Result<ExitCode> {
    let has_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let manifest = invocation::root_manifest()?;
    let seat = if arguments.wants_script() {
        Seat::Script
    } else if console::has_display() && !arguments.text {
        let map = manifest.with_file_name("assets").join("maps/ring.geojson");
        Seat::Window { program: console::build(arguments.release)?, map }
    } else if has_terminal {
        Seat::Terminal
    } else {
        Seat::Script
    };
    invocation::become_cargo(&cargo_arguments(arguments, &manifest, seat))
}

impl DemoArguments {
    /// Whether a script was asked for, also after an argument that only the demo knows.
    fn wants_script(&self) -> bool {
        self.headless || self.rest.iter().any(|argument| argument == OsStr::new("--headless"))
    }
}

fn cargo_arguments(demo: DemoArguments, manifest: &Path, seat: Seat) -> Vec<OsString> {
    let mut words: Vec<OsString> =
        vec!["run".into(), "--manifest-path".into(), manifest.into(), "--locked".into()];
    words.extend(["--package", "watchkeeper-cli", "--bin", "watchkeeper"].map(OsString::from));
    if demo.release {
        words.push("--release".into());
    }
    words.extend(["--", "demo"].map(OsString::from));
    match seat {
        Seat::Window { program, map } => {
            words.extend(["--window".into(), program.into(), "--map".into(), map.into()]);
        }
        Seat::Terminal => {}
        Seat::Script => words.push("--headless".into()),
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

    fn handed_on(line: &[&str], seat: Seat) -> String {
        let demo = Line::try_parse_from([&["demo"], line].concat()).expect("a valid line").demo;
        let seat = if demo.wants_script() { Seat::Script } else { seat };
        let words = cargo_arguments(demo, Path::new("Cargo.toml"), seat);
        invocation::shown(&words)
    }

    const BUILD: &str =
        "cargo run --manifest-path Cargo.toml --locked --package watchkeeper-cli --bin watchkeeper";

    #[test]
    fn a_terminal_gets_the_console() {
        assert_eq!(handed_on(&[], Seat::Terminal), format!("{BUILD} -- demo"));
    }

    #[test]
    fn a_display_gets_the_window() {
        let seat = Seat::Window { program: "console".into(), map: "ring.geojson".into() };
        assert_eq!(
            handed_on(&[], seat.clone()),
            format!("{BUILD} -- demo --window console --map ring.geojson")
        );
        assert_eq!(handed_on(&["--headless"], seat), format!("{BUILD} -- demo --headless"));
    }

    #[test]
    fn without_a_terminal_the_demo_is_headless() {
        assert_eq!(
            handed_on(&["--seconds", "60"], Seat::Script),
            format!("{BUILD} -- demo --headless --seconds 60")
        );
    }

    #[test]
    fn the_release_profile_is_used_only_when_asked_for() {
        assert_eq!(handed_on(&["--release"], Seat::Terminal), format!("{BUILD} --release -- demo"));
    }

    #[test]
    fn arguments_the_task_does_not_know_are_handed_on_and_headless_is_said_once() {
        let line = ["--vehicles", "4", "--headless", "--seconds", "5"];
        assert_eq!(
            handed_on(&line, Seat::Terminal),
            format!("{BUILD} -- demo --headless --vehicles 4 --seconds 5")
        );
    }
}
