//! Rows of numbers, scored and judged.
#![no_main]

#[path = "../targets/score.rs"]
mod score;

libfuzzer_sys::fuzz_target!(|input: &[u8]| score::run(input));
