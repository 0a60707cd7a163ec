//! Segments of a ledger.
#![no_main]

#[path = "../targets/segment.rs"]
mod segment;

libfuzzer_sys::fuzz_target!(|input: &[u8]| segment::run(input));
