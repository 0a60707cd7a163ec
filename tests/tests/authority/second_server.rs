//! One data directory, one monitor.

use crate::piped::send_signal;
use anyhow::{Result, ensure};
use std::{fs, process::Command};
use watchkeeper_tests::process::{Monitor, watchkeeper};

#[test]
fn a_second_monitor_on_the_same_data_is_refused_also_while_the_first_one_is_stopped() -> Result<()> {
    let mut monitor = Monitor::start(&[])?;
    let token = fs::read(&monitor.token_file)?;
    for signal in ["CONT", "STOP"] {
        send_signal(signal, monitor.program.id())?;
        let mut second = Command::new(watchkeeper()?);
        second.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(monitor.data.path());
        let output = second.env_remove("XDG_RUNTIME_DIR").output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success(), "two monitors on one data directory, after SIG{signal}");
        let names = ["another process writes to the ledger in", "stop it, or use another directory"];
        ensure!(names.iter().all(|name| text.contains(name)), "unclear: {text}");
        ensure!(fs::read(&monitor.token_file)? == token, "the second one took the first one's token away");
    }
    // A monitor that was killed leaves nothing behind that would keep the next one out.
    monitor.start_again(&[])
}
