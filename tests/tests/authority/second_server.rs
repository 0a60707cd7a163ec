//! One data directory, one monitor.

use crate::piped::send_signal;
use anyhow::{Context, Result, ensure};
use std::{fs, process::Command, time::Duration};
use watchkeeper_tests::process::{Monitor, Program, watchkeeper};

#[test]
fn a_second_monitor_on_the_same_data_is_refused_also_while_the_first_one_is_stopped() -> Result<()> {
    let mut monitor = Monitor::start(&[])?;
    let token = fs::read(&monitor.token_file)?;
    for signal in ["CONT", "STOP"] {
        send_signal(signal, monitor.program.id())?;
        let mut second = Command::new(watchkeeper()?);
        second.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(monitor.data.path());
        let mut second = Program::start("a second monitor", second.env_remove("XDG_RUNTIME_DIR"))?;
        let ended = second.wait(Duration::from_secs(10)).context("two monitors on one data directory")?;
        let text = second.written();
        ensure!(!ended.success(), "it ended as if all were well, after SIG{signal}: {text}");
        let names = ["another process writes to the ledger in", "stop it, or use another directory"];
        ensure!(names.iter().all(|name| text.contains(name)), "unclear: {text}");
        ensure!(fs::read(&monitor.token_file)? == token, "the second one took the first one's token away");
    }
    // A monitor that was killed leaves nothing behind that would keep the next one out.
    monitor.start_again(&[])
}
