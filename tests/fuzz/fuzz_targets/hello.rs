//! The first frame of a session.
#![no_main]

#[path = "../targets/hello.rs"]
mod hello;
#[path = "../targets/refusal.rs"]
mod refusal;

libfuzzer_sys::fuzz_target!(|input: &[u8]| hello::run(input));
