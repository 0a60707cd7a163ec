//! Tables that people bring, read and scored.
#![no_main]

#[path = "../targets/table.rs"]
mod table;

libfuzzer_sys::fuzz_target!(|input: &[u8]| table::run(input));
