//! From the command line to the end of the window.

use crate::{app, options::Options, surface};
use anyhow::{Context, bail};
use bevy::app::AppExit;
use std::{fs, io, path::PathBuf};

/// Runs the console until the person ends it.
///
/// # Errors
/// When it cannot start, or ends badly; the text says what to do.
pub fn run(options: Options) -> anyhow::Result<()> {
    let surface = options.surface();
    surface.check_display()?;
    let file = options.capture_file().cloned();
    if let Some(file) = &file {
        remove(file)?;
    }
    let setup = options.setup()?;
    let built = surface::guarded(|| app::build(setup)).with_context(surface::window_advice)?;
    let exit = built?.run();
    match (exit, file.filter(|file| !file.exists())) {
        (AppExit::Success, None) => Ok(()),
        (_, Some(file)) => bail!("no frame was saved in {}: the renderer gave none", file.display()),
        (AppExit::Error(code), None) => bail!("the console ended with code {code}"),
    }
}

/// Removes what an earlier capture left: what is there afterwards is new.
fn remove(file: &PathBuf) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("making room for {}", file.display())),
    }
}
