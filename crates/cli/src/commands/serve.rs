//! `serve`: runs the monitor.

use crate::{
    out::{count, say},
    record,
    shutdown::Shutdown,
    stages,
};
use anyhow::{Context, anyhow, ensure};
use clap::Args;
use std::{
    fs,
    io::Write,
    net::{SocketAddr, ToSocketAddrs},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};
use watchkeeper_engine::{
    Config,
    config::{RulesSettings, Webhook},
};
use watchkeeper_model::AgentKind;
use watchkeeper_server::{
    AllowedSites, InsecureConsent, Mode, RunningServer, ServeReport, Server, ServerOptions, TlsOptions,
    start_mode::INSECURE_VARIABLE,
};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper serve
  watchkeeper serve --data /var/lib/watchkeeper --config limits.toml
  watchkeeper serve --print-config > limits.toml
  watchkeeper serve --listen 127.0.0.1:0 --ready-file ready.json
  watchkeeper serve --metrics 127.0.0.1:9464
  watchkeeper serve --keys ./keys
  watchkeeper serve --listen 0.0.0.0:7410 --allow-host monitor.example --keys ./keys \\
    --tls-cert server.pem --tls-key server.key --client-ca ca.pem

Without TLS it listens on loopback addresses only; `watchkeeper dev-certs` makes certificates to try TLS with. SIGTERM
or Ctrl-C drains: sessions are told, the record is finished, and latency per stage is printed.")]
pub(crate) struct ServeArguments {
    /// Where the record lies, and the token if there is no runtime directory
    #[arg(long, value_name = "DIR", default_value = "./watchkeeper-data")]
    data: PathBuf,
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7410", value_parser = listen)]
    listen: SocketAddr,
    #[command(flatten)]
    protection: ProtectionArguments,
    /// Where Prometheus scrapes figures of the running monitor, at /metrics; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", value_parser = listen)]
    metrics: Option<SocketAddr>,
    /// Lets people and agents in by tokens that these keys sign (`watchkeeper token`); without it, whoever can read the
    /// token of this run
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Limits, timers and detectors, in TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Prints the default configuration, every key of it, as --config takes it, and exits
    #[arg(long, conflicts_with = "config")]
    print_config: bool,
    /// Keeps the newest heads of the record here, one a line: they show later tampering
    #[arg(long, value_name = "FILE")]
    head_file: Option<PathBuf>,
    /// Written as soon as connections are taken: JSON with `url`, `token_file` (null with --keys) and
    /// `metrics_url` (null without metrics)
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Goes on with a damaged record, in a new segment that is marked as a gap
    #[arg(long)]
    accept_corruption: bool,
}

/// Who may reach the monitor, and what they have to prove.
#[derive(Debug, Args)]
#[command(next_help_heading = "Protection")]
struct ProtectionArguments {
    /// The monitor's certificate, with those between it and its authority, in PEM: turns TLS 1.3 on
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The authority that signs the agents' certificates, in PEM; an agent without one is refused then
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    client_ca: Option<PathBuf>,
    /// Serial numbers of agents' certificates that count no longer, in hexadecimal, one a line; looked at again twice
    /// a second
    #[arg(long, value_name = "FILE", requires = "client_ca")]
    deny_serials: Option<PathBuf>,
    /// A name or address by which clients reach the monitor, beside localhost and the one it listens on
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// A site whose pages may connect, such as `https://console.example`
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Lets others reach the monitor without TLS; only together with WATCHKEEPER_INSECURE_I_KNOW=1 and with
    /// `insecure_i_know = true` under `[site]` in the configuration
    #[arg(long)]
    insecure_i_know: bool,
}

impl ProtectionArguments {
    fn apply(self, options: &mut ServerOptions) -> anyhow::Result<()> {
        options.tls = self.tls_cert.zip(self.tls_key).map(|(certificate_chain, key)| TlsOptions {
            certificate_chain,
            key,
            client_ca: self.client_ca,
            denied_serials: self.deny_serials,
        });
        options.allowed = AllowedSites::new(&self.allow_host, &self.allow_origin)
            .context("reading --allow-host and --allow-origin")?;
        options.insecure = InsecureConsent {
            flag: self.insecure_i_know,
            environment: std::env::var_os(INSECURE_VARIABLE).is_some_and(|value| value == "1"),
            configuration: options.config.site.insecure_i_know,
        };
        Ok(())
    }
}

pub(crate) async fn run(arguments: ServeArguments) -> anyhow::Result<ExitCode> {
    if arguments.print_config {
        say(Config::complete().to_toml().trim_end())?;
        say(format_args!("\n{}\n\n{}", Webhook::EXAMPLE, RulesSettings::EXAMPLE))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut options = ServerOptions::new(&arguments.data);
    options.config = config(arguments.config.as_deref())?;
    options.listen = arguments.listen;
    arguments.protection.apply(&mut options)?;
    options.keys.clone_from(&arguments.keys);
    options.metrics = arguments.metrics;
    options.head_file = arguments.head_file;
    options.accept_corruption = arguments.accept_corruption;
    let mut shutdown = Shutdown::listen()?;
    let mut server = Server::start(options).await.context("starting the monitor")?;
    if let Some(path) = &arguments.ready_file {
        write_ready_file(path, &server)?;
    }
    say(format_args!("listening on {}", server.url()))?;
    if server.mode() == Mode::InsecureSite {
        say("NOT PROTECTED: others can reach this monitor without TLS")?;
    }
    if let Some(url) = server.metrics_url() {
        say(format_args!("metrics on {url}"))?;
    }
    match &arguments.keys {
        Some(keys) => say(format_args!("tokens by the keys in {}", keys.display()))?,
        None => say(format_args!("token in {}", server.token_file().display()))?,
    }
    say(format_args!("record in {}", watchkeeper_server::ledger_dir(&arguments.data).display()))?;
    tokio::select! {
        () = shutdown.wanted() => say("stopping: sessions are told, the record is finished")?,
        () = server.ended() => {}
    }
    let report = server.stop().await.context("running the monitor")?;
    say(describe(&report))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads where to listen: an address, or a name of this machine.
fn listen(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let example = "give an address and a port, such as 127.0.0.1:7505";
    let mut found: Vec<SocketAddr> =
        text.to_socket_addrs().map_err(|error| format!("{error}; {example}"))?.collect();
    // What only this machine can reach is what a name of both means; of both kinds the older is what others write into
    // their URLs.
    found.sort_by_key(|address| (!address.ip().is_loopback(), address.is_ipv6()));
    found.first().copied().ok_or_else(|| format!("this is no name of an address; {example}"))
}

/// Reads a configuration file; without one the defaults hold.
///
/// # Errors
/// The text names file, line and reason.
pub(crate) fn config(path: Option<&Path>) -> anyhow::Result<Config> {
    let Some(path) = path else { return Ok(Config::default()) };
    let text =
        fs::read_to_string(path).with_context(|| format!("reading the configuration {}", path.display()))?;
    let mut config = Config::parse(&text)
        .with_context(|| format!("the configuration {} cannot be used", path.display()))?;
    if let Some(webhook) = &mut config.webhook {
        webhook.secret_file = beside(path, &webhook.secret_file)?;
    }
    if let Some(file) = &mut config.rules.file {
        ensure!(
            config.rules.in_force.rules().is_empty(),
            "the configuration {} has both `file` and `text` in [rules]: write one of them",
            path.display()
        );
        *file = beside(path, file)?;
    }
    Ok(config)
}

/// Returns what a configuration names, from its own directory: it then means the same wherever the monitor is started
/// from. The record is text, and holds it.
fn beside(configuration: &Path, named: &str) -> anyhow::Result<String> {
    let path = configuration.parent().unwrap_or(Path::new("")).join(named);
    path.into_os_string().into_string().map_err(|path| anyhow!("the path {} must be UTF-8", path.display()))
}

/// Writes the file as a whole, so that who waits for it never reads half of it.
fn write_ready_file(path: &Path, server: &RunningServer) -> anyhow::Result<()> {
    // Where keys say who is let in there is none.
    let token_file = fs::canonicalize(server.token_file()).ok();
    let metrics_url = server.metrics_url();
    let ready =
        serde_json::json!({ "url": server.url(), "token_file": token_file, "metrics_url": metrics_url });
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
        "run {incarnation}: {}, {}, {} and {} refused\nhead of the record: {} {}\noutputs (SHA-256): {}\n{}",
        count(*sessions, "session"),
        count(*inputs, "input"),
        count(*refused_frames, "frame"),
        count(*refused_connections, "connection"),
        report.head.sequence,
        record::hex(&report.head.hash),
        record::hex(&report.output_digest),
        stages::table(&report.stages, AgentKind::Vehicle),
    )
}

#[cfg(test)]
mod tests {
    use super::{config, listen};

    #[test]
    fn a_name_of_this_machine_is_as_good_as_its_address() {
        let found = listen("localhost:7505").unwrap();
        assert!(found.ip().is_loopback() && found.port() == 7505, "{found}");
        assert_eq!(listen("[::1]:0").unwrap().to_string(), "[::1]:0");
    }

    #[test]
    fn the_secret_of_a_webhook_lies_beside_the_configuration_that_names_it() {
        let directory = watchkeeper_canary::tempdir().unwrap();
        let path = directory.path().join("watchkeeper.toml");
        for (named, expected) in [
            ("pager.secret", directory.path().join("pager.secret")),
            ("/run/secrets/pager", "/run/secrets/pager".into()),
        ] {
            let text = format!("[webhook]\nurl = \"https://pager.example/\"\nsecret_file = \"{named}\"\n");
            std::fs::write(&path, text).unwrap();
            let found = config(Some(&path)).unwrap().webhook.unwrap().secret_file;
            assert_eq!(std::path::Path::new(&found), expected);
        }
    }

    #[test]
    fn what_is_no_address_is_told_what_one_looks_like() {
        for text in ["7505", "localhost", "localhost:seven"] {
            let error = listen(text).unwrap_err();
            assert!(error.contains("such as 127.0.0.1:7505"), "{text}: {error}");
        }
    }
}
