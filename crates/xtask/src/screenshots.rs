//! `cargo xtask screenshots`: the console in every situation, as pictures to be looked at.
#![expect(clippy::print_stderr, reason = "a task tells its user what it does")]

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{console, invocation};

/// Where pictures go.
#[derive(Debug, Args)]
pub(crate) struct ScreenshotArguments {
    /// Directory for the pictures
    #[arg(value_name = "DIR", default_value = "target/screenshots")]
    directory: PathBuf,
    /// Only pictures whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// A monitor's data directory: adds a picture of its recording
    #[arg(long, value_name = "DATA")]
    replay: Option<PathBuf>,
}

/// One picture.
#[derive(Clone, Copy, Debug)]
struct Shot {
    name: &'static str,
    example: &'static str,
    level: u8,
    /// Width and height in pixels.
    size: (u32, u32),
    /// Pixels a point.
    scale: f32,
    /// What the person has set, in TOML.
    settings: &'static str,
}

const USUAL: Shot = Shot { name: "", example: "", level: 2, size: (1600, 900), scale: 1.0, settings: "" };

/// Every picture: the four levels, every phase of a takeover, and what must be readable in any theme and size.
const SHOTS: &[Shot] = &[
    Shot { name: "level-1-overview", example: "mixed", level: 1, ..USUAL },
    Shot { name: "level-2-task", example: "alert", ..USUAL },
    Shot { name: "level-3-detail", example: "claimed", level: 3, ..USUAL },
    Shot { name: "level-4-diagnosis", example: "afterwards", level: 4, ..USUAL },
    Shot { name: "calm", example: "calm", level: 1, ..USUAL },
    Shot { name: "phase-1-noticed", example: "alert", ..USUAL },
    Shot { name: "phase-2-understood", example: "claimed", ..USUAL },
    Shot { name: "phase-3-ready", example: "ready", ..USUAL },
    Shot { name: "phase-4-in-control", example: "in_control", ..USUAL },
    Shot { name: "phase-4-by-hand", example: "manual", ..USUAL },
    Shot { name: "phase-5-handing-back", example: "handing_back", ..USUAL },
    Shot { name: "phase-6-afterwards", example: "afterwards", ..USUAL },
    Shot { name: "takeover-detail", example: "in_control", level: 3, ..USUAL },
    Shot { name: "handover", example: "handover", ..USUAL },
    Shot { name: "supervisor", example: "supervisor", level: 1, ..USUAL },
    Shot { name: "flood-summarised", example: "summarised", ..USUAL },
    Shot { name: "flood", example: "flood", ..USUAL },
    Shot { name: "thousand", example: "thousand", level: 1, ..USUAL },
    Shot { name: "tiles", example: "tiles", level: 1, ..USUAL },
    Shot { name: "stale", example: "stale", ..USUAL },
    Shot { name: "disconnected", example: "disconnected", ..USUAL },
    Shot { name: "light", example: "alert", settings: "theme = \"light\"\n", ..USUAL },
    Shot { name: "high-contrast", example: "alert", settings: "theme = \"high_contrast\"\n", ..USUAL },
    Shot { name: "palette-red-green", example: "alert", settings: "palette = \"red_green\"\n", ..USUAL },
    Shot { name: "text-2x", example: "alert", size: (1920, 1080), settings: "text_scale = 2.0\n", ..USUAL },
    Shot { name: "1280x720", example: "alert", size: (1280, 720), ..USUAL },
    Shot { name: "1280x720-detail", example: "in_control", level: 3, size: (1280, 720), ..USUAL },
    Shot { name: "1280x720-overview", example: "mixed", level: 1, size: (1280, 720), ..USUAL },
    Shot { name: "1920x1080", example: "alert", size: (1920, 1080), ..USUAL },
    Shot { name: "scale-2x", example: "alert", size: (2560, 1440), scale: 2.0, ..USUAL },
];

/// Draws the pictures, without a display.
pub(crate) fn run(arguments: &ScreenshotArguments) -> Result<ExitCode> {
    let program = console::build(false)?;
    let map = invocation::root_manifest()?.with_file_name("assets").join("maps/ring.geojson");
    let directory = &arguments.directory;
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    let wanted = |name: &str| arguments.only.as_ref().is_none_or(|text| name.contains(text.as_str()));
    let mut drawn = 0;
    for shot in SHOTS.iter().filter(|shot| wanted(shot.name)) {
        let settings = directory.join("settings.toml");
        fs::write(&settings, shot.settings).with_context(|| format!("writing {}", settings.display()))?;
        let words = shot.words(directory, &settings, &map);
        let code = invocation::run_program(&program, &words)?;
        fs::remove_file(&settings).with_context(|| format!("removing {}", settings.display()))?;
        anyhow::ensure!(code == ExitCode::SUCCESS, "{} could not be drawn", shot.name);
        drawn += 1;
    }
    if let Some(data) = arguments.replay.as_ref().filter(|_| wanted("replay")) {
        let code = invocation::run_program(&program, &replay_words(directory, data, &map))?;
        anyhow::ensure!(code == ExitCode::SUCCESS, "the recording could not be drawn");
        drawn += 1;
    }
    eprintln!("xtask: {drawn} pictures in {}", directory.display());
    Ok(ExitCode::SUCCESS)
}

impl Shot {
    fn words(&self, directory: &Path, settings: &Path, map: &Path) -> Vec<OsString> {
        let (width, height) = self.size;
        let mut words: Vec<OsString> =
            ["--headless", "--frames", "20", "--example", self.example].map(OsString::from).to_vec();
        words.extend(["--level".into(), self.level.to_string().into()]);
        words.extend(["--size".into(), format!("{width}x{height}").into()]);
        words.extend(["--scale".into(), self.scale.to_string().into()]);
        words.extend(["--settings".into(), settings.into()]);
        // The thousand drive elsewhere.
        if self.example != "thousand" {
            words.extend(["--map".into(), map.into()]);
        }
        words.extend(["--capture".into(), directory.join(self.name).with_extension("png").into()]);
        words
    }
}

fn replay_words(directory: &Path, data: &Path, map: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> =
        ["--headless", "--frames", "400", "--level", "2", "--size", "1600x900"].map(OsString::from).to_vec();
    words.extend(["--replay".into(), data.into(), "--map".into(), map.into()]);
    words.extend(["--capture".into(), directory.join("replay.png").into()]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_picture_has_a_name_of_its_own() {
        let names: BTreeSet<_> = SHOTS.iter().map(|shot| shot.name).collect();
        assert_eq!(names.len(), SHOTS.len());
    }
}
