//! `serve`: runs the monitor.

use crate::{out::say, record, shutdown::Shutdown, stages};
use anyhow::Context;
use clap::Args;
use std::{
    fs,
    io::Write,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};
use watchkeeper_engine::Config;
use watchkeeper_model::AgentKind;
use watchkeeper_server::{RunningServer, ServeReport, Server, ServerOptions};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper serve
  watchkeeper serve --data /var/lib/watchkeeper --config limits.toml
  watchkeeper serve --listen 127.0.0.1:0 --ready-file ready.json

There is no TLS yet, so it listens on loopback addresses only. SIGTERM or Ctrl-C drains: sessions are told,
the record is finished, and latency per stage is printed.")]
pub(crate) struct ServeArguments {
    /// Where the record lies, and the token if there is no runtime directory
    #[arg(long, value_name = "DIR", default_value = "./watchkeeper-data")]
    data: PathBuf,
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7410")]
    listen: SocketAddr,
    /// Limits, timers and detectors, in TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keeps the newest heads of the record here, one a line: they show later tampering
    #[arg(long, value_name = "FILE")]
    head_file: Option<PathBuf>,
    /// Written as soon as connections are taken: JSON with `url` and `token_file`
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Goes on with a damaged record, in a new segment that is marked as a gap
    #[arg(long)]
    accept_corruption: bool,
}

pub(crate) async fn run(arguments: ServeArguments) -> anyhow::Result<ExitCode> {
    let mut options = ServerOptions::new(&arguments.data);
    options.config = config(arguments.config.as_deref())?;
    options.listen = arguments.listen;
    options.head_file = arguments.head_file;
    options.accept_corruption = arguments.accept_corruption;
    let mut shutdown = Shutdown::listen()?;
    let mut server = Server::start(options).await.context("starting the monitor")?;
    if let Some(path) = &arguments.ready_file {
        write_ready_file(path, &server)?;
    }
    say(format_args!("listening on {}", server.url()))?;
    say(format_args!("token in {}", server.token_file().display()))?;
    say(format_args!("record in {}", watchkeeper_server::ledger_dir(&arguments.data).display()))?;
    tokio::select! {
        () = shutdown.wanted() => say("stopping: sessions are told, the record is finished")?,
        () = server.ended() => {}
    }
    let report = server.stop().await.context("running the monitor")?;
    say(describe(&report))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads a configuration file; without one the defaults hold.
///
/// # Errors
/// The text names file, line and reason.
pub(crate) fn config(path: Option<&Path>) -> anyhow::Result<Config> {
    let Some(path) = path else { return Ok(Config::default()) };
    let text =
        fs::read_to_string(path).with_context(|| format!("reading the configuration {}", path.display()))?;
    Config::parse(&text).with_context(|| format!("the configuration {} cannot be used", path.display()))
}

/// Writes the file as a whole, so that who waits for it never reads half of it.
fn write_ready_file(path: &Path, server: &RunningServer) -> anyhow::Result<()> {
    let token_file = server.token_file();
    let token_file = fs::canonicalize(token_file).unwrap_or_else(|_gone| token_file.to_owned());
    let ready = serde_json::json!({ "url": server.url(), "token_file": token_file });
    let unfinished = path.with_extension(format!("{}.new", std::process::id()));
    let write = || {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        writeln!(file, "{ready}")?;
        fs::rename(&unfinished, path)
    };
    write().with_context(|| format!("writing the ready file {}", path.display()))
}

/// Returns what a run of the server came to, in words.
pub(crate) fn describe(report: &ServeReport) -> String {
    let ServeReport { incarnation, sessions, inputs, refused_frames, refused_connections, .. } = report;
    format!(
        "run {incarnation}: {sessions} sessions, {inputs} inputs, {refused_frames} frames and \
         {refused_connections} connections refused\nhead of the record: {} {}\noutputs (SHA-256): {}\n{}",
        report.head.sequence,
        record::hex(&report.head.hash),
        record::hex(&report.output_digest),
        stages::table(&report.stages, AgentKind::Vehicle),
    )
}
