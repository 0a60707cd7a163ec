//! The window console: building it, finding what was built, and the tasks that run it.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};

use crate::invocation;

/// Returns whether there is a display to open a window on.
pub(crate) fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Builds the console, with the release profile where wished, and returns its program.
pub(crate) fn build(release: bool) -> Result<PathBuf> {
    let manifest = invocation::root_manifest()?;
    let words = ["build", "--locked", "--package", "watchkeeper-console", "--bin", "watchkeeper-console"];
    let mut words: Vec<OsString> = words.map(OsString::from).to_vec();
    words.extend(["--manifest-path".into(), manifest.clone().into()]);
    words.extend(release.then(|| "--release".into()));
    let code = invocation::run_cargo(&words)?;
    anyhow::ensure!(code == ExitCode::SUCCESS, "the console could not be built");
    let profile = if release { "release" } else { "debug" };
    let program = target_directory(&manifest)?.join(profile).join("watchkeeper-console");
    anyhow::ensure!(program.is_file(), "cargo built no {}", program.display());
    Ok(program)
}

fn target_directory(manifest: &Path) -> Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .context("asking cargo where it builds")?;
    Ok(metadata.target_directory.into())
}
