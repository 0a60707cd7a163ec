//! A program that one talks to in lines of JSON.

use anyhow::{Context, Result, ensure};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    thread,
};
use tempfile::TempDir;

/// Lines that wait to be read; the program waits with more.
const LINES: usize = 65_536;

/// Such a program; killed when dropped.
pub(crate) struct Piped {
    name: String,
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    errors: TempDir,
}

impl Piped {
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        let errors = watchkeeper_canary::tempdir()?;
        let mut child = command
            .env_remove("XDG_RUNTIME_DIR")
            .env("RUST_LOG", "watchkeeper=info")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(errors.path().join("err"))?)
            .spawn()
            .with_context(|| format!("starting {name}: {command:?}"))?;
        let input = child.stdin.take().context("the input is piped")?;
        let output = BufReader::new(child.stdout.take().context("the output is piped")?);
        let (sender, lines) = sync_channel(LINES);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { name: name.to_owned(), child, input, lines, errors })
    }

    pub(crate) fn say(&mut self, order: &impl Serialize) -> Result<()> {
        let line = serde_json::to_string(order)?;
        writeln!(self.input, "{line}")
            .with_context(|| format!("telling {} {line}: {}", self.name, self.errors()))
    }

    /// Returns the next line, if there is one.
    pub(crate) fn hear<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let Ok(line) = self.lines.try_recv() else {
            let ended = self.child.try_wait()?;
            ensure!(ended.is_none(), "{} ended: {}", self.name, self.errors());
            return Ok(None);
        };
        serde_json::from_str(&line).with_context(|| format!("{} wrote {line:?}", self.name)).map(Some)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) -> Result<()> {
        send_signal(signal, self.child.id())
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Returns what it wrote on its standard error.
    pub(crate) fn errors(&self) -> String {
        fs::read_to_string(self.errors.path().join("err")).unwrap_or_default()
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        self.kill().unwrap_or_default();
    }
}

/// Sends a signal to one process.
pub(crate) fn send_signal(signal: &str, process: u32) -> Result<()> {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {process}")]).status()?;
    ensure!(status.success(), "kill -{signal} {process} ended with {status}");
    Ok(())
}
