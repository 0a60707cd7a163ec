//! Names the build for the record: version and commit, so that a replay by another build can say so.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
    println!("cargo::rerun-if-changed=build.rs");
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let described = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let commit = described.ok().filter(|output| output.status.success());
    let commit = commit.and_then(|output| String::from_utf8(output.stdout).ok());
    // A source archive has no history: then the version alone has to do.
    let build = commit.map_or(version.clone(), |commit| format!("{version}+{}", commit.trim()));
    println!("cargo::rustc-env=WATCHKEEPER_BUILD={build}");
}
