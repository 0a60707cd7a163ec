//! A monitor with TLS, its authority, and clients of it.

use crate::certificates::Authority;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::timeout;
use watchkeeper_client::{
    Agent, AgentOptions, Endpoint, Operator, OperatorEvent, OperatorOptions, TlsFiles, TokenSource,
};
use watchkeeper_model::{AgentId, AgentKind, PersonId};
use watchkeeper_protocol::session::ErrorReport;
use watchkeeper_server::{RunningServer, Server, ServerOptions, TlsOptions};

/// Nothing here takes longer; a test that would wait for ever fails instead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Site {
    pub(crate) server: RunningServer,
    pub(crate) authority: Authority,
    pub(crate) dir: TempDir,
}

impl Site {
    /// Starts a monitor that wants certificates of agents.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut ServerOptions)) -> Self {
        let dir = watchkeeper_canary::tempdir().unwrap();
        let authority = Authority::new(dir.path(), "plant");
        let (certificate_chain, key) = authority.server(&["localhost", "127.0.0.1"], (2020, 2120));
        let mut options = ServerOptions::new(dir.path().join("data"));
        options.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        options.token_dir = Some(dir.path().join("run"));
        let client_ca = Some(authority.ca_file());
        options.tls = Some(TlsOptions { certificate_chain, key, client_ca, denied_serials: None });
        change(&mut options);
        let server = Server::start(options).await.unwrap();
        watchkeeper_canary::register(server.token());
        Self { server, authority, dir }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Returns where agents connect, with these files and without a token.
    pub(crate) fn endpoint(&self, files: TlsFiles) -> Endpoint {
        Endpoint::new(self.server.url(), TokenSource::Absent).with_tls(files)
    }

    pub(crate) fn token(&self) -> TokenSource {
        TokenSource::File(self.server.token_file().to_owned())
    }
}

pub(crate) async fn agent(endpoint: Endpoint, name: &str) -> Agent {
    let options = AgentOptions::new(endpoint, AgentId::new(name).unwrap(), AgentKind::Generic)
        .with_signals(&[("load", "%")]);
    Agent::connect(options).await.unwrap()
}

pub(crate) async fn connected(agent: &Agent) {
    let wait = async {
        while !agent.status().connected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "not connected: {:?}", agent.status().error);
}

/// Waits until the monitor has refused the agent, and returns what it said.
pub(crate) async fn refused(agent: &Agent) -> ErrorReport {
    let wait = async {
        loop {
            if let Some(report) = agent.status().error {
                return report;
            }
            assert!(!agent.status().connected, "it was let in");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("the monitor says why")
}

/// What came of an attempt to connect a console.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    In,
    Refused(String),
    NoConnection(String),
}

pub(crate) async fn console(endpoint: Endpoint) -> Outcome {
    let mut operator = Operator::connect(OperatorOptions::new(endpoint, PersonId::new("kim").unwrap()));
    let wait = async {
        loop {
            match operator.next().await {
                OperatorEvent::Connected { .. } => return Outcome::In,
                OperatorEvent::Refused(report) => return Outcome::Refused(report.message.to_string()),
                OperatorEvent::Disconnected { reason } => return Outcome::NoConnection(reason),
                OperatorEvent::Message(_) | OperatorEvent::Ended => {}
            }
        }
    };
    timeout(PATIENCE, wait).await.expect("something comes of it")
}

/// Fails unless there was no connection, for this reason.
pub(crate) async fn no_connection(endpoint: Endpoint, says: &str) {
    let outcome = console(endpoint).await;
    let is_so = matches!(&outcome, Outcome::NoConnection(reason) if reason.contains(says));
    assert!(is_so, "{says:?} is not in {outcome:?}");
}
