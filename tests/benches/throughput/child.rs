//! The other side of the load, as a process of its own, so that what it takes can be told from what the load takes.

use crate::{counter, monitor};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};
use watchkeeper_server::Server;

/// What runs in the other process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The real server.
    Server,
    /// A WebSocket that counts frames and does nothing else: the base of the throughput.
    Counter,
}

/// The other process.
pub(crate) struct Other {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    pub(crate) url: String,
    pub(crate) token: String,
}

impl Other {
    /// Starts it; returns when it takes connections.
    pub(crate) fn start(kind: Kind) -> Self {
        let word = match kind {
            Kind::Server => "serve",
            Kind::Counter => "count",
        };
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([word, "--bench"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = process.stdin.take();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let (url, token) = line.trim().split_once(' ').expect("it says where it is");
        Self { stdin, url: url.to_owned(), token: token.to_owned(), stdout, process }
    }

    /// Returns the processor time it took so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        // Fields 14 and 15, in ticks of a hundredth of a second; the name before them may hold spaces.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = [11, 12].iter().map(|at| fields[*at].parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Returns its resident memory, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1_024
    }

    /// Ends it and returns what it says of itself.
    pub(crate) fn stop(mut self) -> String {
        drop(self.stdin.take());
        let mut report = String::new();
        self.stdout.read_to_string(&mut report).unwrap();
        assert!(self.process.wait().unwrap().success(), "the other process ends in good order");
        report
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            drop((self.process.kill(), self.process.wait()));
        }
    }
}

/// Is the server until its standard input ends.
pub(crate) async fn serve() {
    let data = watchkeeper_canary::tempdir().unwrap();
    let mut options = monitor::options(data.path(), 10);
    options.limits.agent_sessions = 2_000;
    let server = Server::start(options).await.unwrap();
    println!("{} {}", server.url(), server.token());
    wait_for_the_end().await;
    for (span, histogram) in server.spans().take() {
        let micros = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        println!(
            "  {:<7} p50 {:>9.1}  p99 {:>9.1}  max {:>9.1} us",
            span.word(),
            micros(0.5),
            micros(0.99),
            micros(1.0)
        );
    }
    let report = server.stop().await.unwrap();
    println!("  {} inputs, {} records", report.inputs, report.head.sequence);
}

/// Is the counter until its standard input ends.
pub(crate) async fn count() {
    let url = counter::start().await;
    println!("{url} none");
    wait_for_the_end().await;
}

async fn wait_for_the_end() {
    tokio::task::spawn_blocking(|| {
        let mut nothing = Vec::new();
        std::io::stdin().read_to_end(&mut nothing).unwrap();
    })
    .await
    .unwrap();
}
