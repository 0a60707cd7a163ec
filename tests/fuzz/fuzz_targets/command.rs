//! Commands, and all that comes between them, into a gate.
#![no_main]

#[path = "../targets/command.rs"]
mod command;
#[path = "../../../crates/takeover/tests/support/invariants.rs"]
#[allow(dead_code, reason = "shared with the gate's own tests")]
mod invariants;
#[path = "../../../crates/takeover/tests/support/trace.rs"]
#[allow(dead_code, reason = "shared with the gate's own tests")]
mod trace;

libfuzzer_sys::fuzz_target!(|input: &[u8]| command::run(input));
