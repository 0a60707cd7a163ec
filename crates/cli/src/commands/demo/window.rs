//! The window of the demo: a console program of its own, started here and ended here.

use anyhow::{Context, ensure};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::process::{Child, Command};
use watchkeeper_client::{
    Endpoint, TokenSource,
    discover::{CA_FILE_VARIABLE, CERT_FILE_VARIABLE, KEY_FILE_VARIABLE},
};
use watchkeeper_model::OperatorRole;

/// How long a window may take to end once it is asked to, before it is ended.
const END_WITHIN: Duration = Duration::from_secs(5);

/// A console program and what it is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Window {
    /// Makes the command line that connects `program` to the monitor.
    ///
    /// # Errors
    /// Where the token is not in a file: it must not stand on a command line, which others can read.
    pub(super) fn new(
        program: &Path,
        endpoint: &Endpoint,
        person: &str,
        role: OperatorRole,
        map: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let token_file = match &endpoint.token {
            TokenSource::File(file) => std::path::absolute(file)?,
            TokenSource::Absent | TokenSource::Text(_) => {
                anyhow::bail!("a window takes its token from a file")
            }
        };
        let mut arguments: Vec<OsString> = vec![
            "--connect".into(),
            endpoint.url.clone().into(),
            "--token-file".into(),
            token_file.into(),
            "--person".into(),
            person.into(),
            "--role".into(),
            role.word().into(),
        ];
        if let Some(map) = map {
            arguments.extend(["--map".into(), std::path::absolute(map)?.into()]);
        }
        Ok(Self { program: program.to_owned(), arguments })
    }

    /// Opens the window and waits until it is closed, or until `until` comes: then it is asked to end.
    ///
    /// # Errors
    /// Where it cannot be started, and where it ended by itself with a failure.
    pub(super) async fn show(&self, until: impl Future<Output = ()>) -> anyhow::Result<()> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            // What the environment says of TLS is about another monitor: this one is on loopback.
            .env_remove(CA_FILE_VARIABLE)
            .env_remove(CERT_FILE_VARIABLE)
            .env_remove(KEY_FILE_VARIABLE)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| {
                format!("starting the window {}: --window names the console program", self.program.display())
            })?;
        let closed = tokio::select! {
            biased;
            status = child.wait() => Some(status.context("waiting for the window")?),
            () = until => None,
        };
        match closed {
            None => end(&mut child).await,
            Some(status) => check(status),
        }
    }
}

fn check(status: ExitStatus) -> anyhow::Result<()> {
    ensure!(status.success(), "the window ended with {status}; what it said stands above");
    Ok(())
}

/// Ends the window: asks it first, so that it can say goodbye to the monitor.
async fn end(child: &mut Child) -> anyhow::Result<()> {
    // Until it was waited for, nobody else can have its id.
    if let Some(id) = child.id() {
        // The standard library can only kill; every shell can ask.
        let mut ask = Command::new("sh");
        ask.args(["-c", "kill -TERM \"$1\"", "sh", &id.to_string()]);
        ask.stdin(Stdio::null()).stderr(Stdio::null()).status().await.context("asking the window to end")?;
    }
    if tokio::time::timeout(END_WITHIN, child.wait()).await.is_err() {
        child.kill().await.context("ending the window")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn endpoint(token_file: &Path) -> Endpoint {
        Endpoint::new("ws://127.0.0.1:7410/v1", TokenSource::File(token_file.to_owned()))
    }

    /// A program of a few lines that stands in for the console.
    fn stand_in(directory: &Path, script: &str) -> PathBuf {
        let path = directory.join("console");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    fn window(program: &Path, map: Option<&Path>) -> Window {
        Window::new(program, &endpoint(Path::new("/run/token")), "you", OperatorRole::Supervisor, map)
            .unwrap()
    }

    #[tokio::test]
    async fn the_window_is_told_where_the_monitor_is_and_who_sits_there() {
        let directory = watchkeeper_canary::tempdir().unwrap();
        let told = directory.path().join("told");
        let program = stand_in(directory.path(), &format!("printf '%s\\n' \"$@\" > '{}'", told.display()));
        window(&program, Some(Path::new("/maps/a b.toml"))).show(std::future::pending()).await.unwrap();
        let expected = [
            "--connect",
            "ws://127.0.0.1:7410/v1",
            "--token-file",
            "/run/token",
            "--person",
            "you",
            "--role",
            "supervisor",
            "--map",
            "/maps/a b.toml",
        ];
        assert_eq!(fs::read_to_string(told).unwrap().lines().collect::<Vec<_>>(), expected);
    }

    #[tokio::test]
    async fn a_window_whose_time_is_up_is_asked_to_end() {
        let directory = watchkeeper_canary::tempdir().unwrap();
        let (ready, asked) = (directory.path().join("ready"), directory.path().join("asked"));
        let script = format!(
            "trap ': > {}; exit 0' TERM\n: > {}\nwhile :; do sleep 0.01; done",
            asked.display(),
            ready.display()
        );
        let program = stand_in(directory.path(), &script);
        let until = async {
            while !ready.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        window(&program, None).show(until).await.unwrap();
        assert!(asked.exists(), "it was ended without having been asked");
    }

    #[tokio::test]
    async fn a_window_that_fails_or_does_not_exist_is_an_error_that_says_so() {
        let directory = watchkeeper_canary::tempdir().unwrap();
        let program = stand_in(directory.path(), "exit 3");
        let failed = window(&program, None).show(std::future::pending()).await.unwrap_err();
        assert!(failed.to_string().contains("exit status: 3"), "{failed}");
        let missing = window(&directory.path().join("nothing"), None);
        let failed = missing.show(std::future::pending()).await.unwrap_err();
        assert!(failed.to_string().contains("nothing: --window names the console program"), "{failed}");
    }
}
