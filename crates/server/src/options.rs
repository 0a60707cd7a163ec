//! How a server is run.

use crate::{allowed::AllowedSites, start_mode::InsecureConsent};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};
use watchkeeper_engine::Config;

/// How a server is run.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where to listen; [`admit_start`](crate::start_mode::admit_start) says what an address that others can reach
    /// asks for. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// TLS 1.3 on all connections but those for metrics; `None`: everything travels in the clear.
    pub tls: Option<TlsOptions>,
    /// Hosts and sites that a request may name, beside this machine's own.
    pub allowed: AllowedSites,
    /// Whether command line and environment say that a site may do without TLS; what the configuration says is taken
    /// from there.
    pub insecure: InsecureConsent,
    /// Where Prometheus scrapes the server, at `/metrics`; a loopback address, and port 0 takes any free one.
    /// `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    /// Where the record lies (in `ledger/`), and the token if there is no runtime directory.
    pub data_dir: PathBuf,
    /// The engine's configuration.
    pub config: Config,
    /// Written, with the URL in it, as soon as the server takes connections.
    pub ready_file: Option<PathBuf>,
    /// Holds the last 600 heads of the record, one a line, newest last; rewritten at most once a second and at
    /// the end.
    pub head_file: Option<PathBuf>,
    /// Where the files `token` and `url` go; `None`: see [`runtime_dir`](crate::runtime_dir).
    pub token_dir: Option<PathBuf>,
    /// Start on a record that is damaged: go on in a new segment that is marked as a gap.
    pub accept_corruption: bool,
    /// Size at which the record goes on in a new segment, in bytes.
    pub segment_bytes: u64,
    /// The directory of keys whose tokens let people and agents in; `None`: one secret for this run lets in whoever
    /// can read its file.
    pub keys: Option<PathBuf>,
    /// Bounds on what peers may take.
    pub limits: Limits,
}

impl ServerOptions {
    /// Returns the defaults for a data directory: `127.0.0.1:7410`, no metrics, the default configuration, no
    /// extra files.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7410)),
            tls: None,
            allowed: AllowedSites::default(),
            insecure: InsecureConsent::default(),
            metrics: None,
            data_dir: data_dir.into(),
            config: Config::default(),
            ready_file: None,
            head_file: None,
            token_dir: None,
            accept_corruption: false,
            segment_bytes: 64 << 20,
            keys: None,
            limits: Limits::default(),
        }
    }
}

/// What TLS is made of; all files are PEM, and are read when the server starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// The server's certificate, and those between it and the authority that clients know.
    pub certificate_chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority that signs the agents' certificates; with it an agent without one is refused. `None`: nobody is
    /// asked for a certificate.
    pub client_ca: Option<PathBuf>,
    /// Certificates of agents that count no longer: a file with one serial number a line, in hexadecimal, that is
    /// looked at again twice a second. It needs `client_ca`.
    pub denied_serials: Option<PathBuf>,
}

/// Bounds on what peers may take from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions of agents; with `console_sessions` 1,024. Agents cannot take the places of people.
    pub agent_sessions: usize,
    /// Sessions of operators.
    pub console_sessions: usize,
    /// Connections that have not said hello yet; one more closes the oldest of them.
    pub waiting: usize,
    /// From the connection to the end of the TLS handshake, where there is TLS.
    pub tls_deadline: Duration,
    /// From there to the end of the upgrade.
    pub upgrade_deadline: Duration,
    /// From the upgrade to the end of the hello.
    pub hello_deadline: Duration,
    /// For a write to a console to leave; a session that takes longer is closed.
    pub console_write_deadline: Duration,
    /// The same for an agent, whose link may be a mobile one.
    pub agent_write_deadline: Duration,
    /// Refused frames within 10 s that a session survives.
    pub refused_frames: usize,
}

impl Default for Limits {
    /// The product's limits: `security.md` T8 and T15, and the write deadline measured in `performance.md`.
    fn default() -> Self {
        Self {
            agent_sessions: 896,
            console_sessions: 128,
            waiting: 64,
            tls_deadline: Duration::from_secs(5),
            upgrade_deadline: Duration::from_secs(5),
            hello_deadline: Duration::from_secs(5),
            console_write_deadline: Duration::from_millis(250),
            agent_write_deadline: Duration::from_secs(1),
            refused_frames: 100,
        }
    }
}
