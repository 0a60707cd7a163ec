//! Tables that people bring, read and scored.
#![no_main]

#[path = "../../../crates/cli/src/commands/score/scorer.rs"]
#[allow(dead_code, reason = "the command shows more of what is found")]
mod scorer;
#[path = "../targets/table.rs"]
mod table;

libfuzzer_sys::fuzz_target!(|input: &[u8]| table::run(input));
