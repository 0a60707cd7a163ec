//! A display that nobody sees, for as long as a test runs.

use std::{
    env,
    io::{BufRead, BufReader, ErrorKind},
    process::{Child, Command, Stdio},
};

/// A running Xvfb.
#[derive(Debug)]
pub(crate) struct Display {
    server: Child,
    number: u32,
}

impl Display {
    /// Starts one with a number that is free; `None`, said aloud, where there is no Xvfb on this machine.
    pub(crate) fn start() -> Option<Self> {
        let started = Command::new("Xvfb")
            // It ends with its last client: nothing is left behind where a test is killed.
            .args(["-displayfd", "1", "-terminate", "-screen", "0", "1920x1080x24", "-nolisten", "tcp"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut server = match started {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                skip("Xvfb");
                return None;
            }
            started => started.unwrap(),
        };
        // It names its number when it takes connections, and closes its end when it cannot start.
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let number = line.trim().parse().unwrap_or_else(|_| {
            let ended = server.wait();
            panic!("Xvfb did not start: {ended:?}")
        });
        Some(Self { server, number })
    }

    pub(crate) const fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.server.kill().unwrap_or_default();
        self.server.wait().unwrap();
    }
}

/// Says that a test cannot run here for want of something; fails where it must run.
#[expect(clippy::print_stdout, reason = "a test says what it measured or skipped")]
pub(crate) fn skip(missing: &str) {
    let required = env::var_os("WATCHKEEPER_REQUIRE_DISPLAY").is_some_and(|value| value == "1");
    assert!(!required, "a display is required, and there is no {missing}");
    println!("skipped: no {missing}");
}
