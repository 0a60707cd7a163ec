//! The README tells the truth where a test can see it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

#[test]
fn the_agent_of_the_readme_is_the_example_that_compiles_and_has_twenty_lines() {
    let example = read("crates/client/examples/agent.rs");
    let code = example.split_once("\n\n").unwrap().1.trim();
    let readme = read("README.md");
    let shown = readme.split_once("```rust\n").unwrap().1.split_once("\n```").unwrap().0;
    assert_eq!(shown, code);
    let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 20, "{lines} lines");
}

#[test]
fn every_capability_has_a_row_with_a_status() {
    let readme = read("README.md");
    for number in 1..=58 {
        let id = format!("| G{number:02} |");
        let row = readme.lines().find(|line| line.starts_with(&id)).unwrap_or_else(|| panic!("no row {id}"));
        let status = row.split('|').nth(3).unwrap().trim();
        assert!(["works", "in part", "not yet"].contains(&status), "{row}");
    }
}

#[test]
fn every_link_of_the_readme_leads_somewhere() {
    let readme = read("README.md");
    for link in readme.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        if !link.starts_with("http") && !link.starts_with('#') {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(link).exists(), "{link}");
        }
    }
}
