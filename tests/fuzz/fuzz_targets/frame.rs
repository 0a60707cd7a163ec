//! Every other frame, as each of the four sets of messages.
#![no_main]

#[path = "../targets/frame.rs"]
mod frame;
#[path = "../targets/refusal.rs"]
mod refusal;

libfuzzer_sys::fuzz_target!(|input: &[u8]| frame::run(input));
