//! Connections that stop in the middle of an opening, at each stage, by the hundred (`security.md` T15).

use crate::{
    certificates::Wanted,
    site::{Site, agent, connected},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, ClientConnection, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
        version::TLS13,
    },
};
use watchkeeper_server::Limits;

/// How many connections, all stages together; `WATCHKEEPER_HALF_OPEN` says another number.
const CONNECTIONS: usize = 400;
/// The deadline of each stage here.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long the last of them may be there: three stages after each other, on a machine that is busy.
const GONE_WITHIN: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
enum Stage {
    Tcp,
    TlsHelloHalfSent,
    UpgradeHalfSent,
    NoFirstMessage,
}

const STAGES: [Stage; 4] =
    [Stage::Tcp, Stage::TlsHelloHalfSent, Stage::UpgradeHalfSent, Stage::NoFirstMessage];

const REQUEST: &str = "GET /v1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       Sec-WebSocket-Protocol: watchkeeper.v1\r\n\r\n";

/// A connection that stopped.
#[derive(Debug)]
enum HalfOpen {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

fn config(site: &Site) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(site.authority.ca_file()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// Opens a connection as far as the stage. The crowd may be shown out already: then there is nothing to open.
async fn open(site: &Site, config: &Arc<ClientConfig>, stage: Stage) -> std::io::Result<HalfOpen> {
    let mut stream = TcpStream::connect(site.server.address()).await?;
    match stage {
        Stage::Tcp => Ok(HalfOpen::Tcp(stream)),
        Stage::TlsHelloHalfSent => {
            let mut hello = Vec::new();
            ClientConnection::new(Arc::clone(config), name()).unwrap().write_tls(&mut hello).unwrap();
            stream.write_all(hello.split_at(hello.len() / 2).0).await?;
            Ok(HalfOpen::Tcp(stream))
        }
        Stage::UpgradeHalfSent => {
            let mut stream = TlsConnector::from(Arc::clone(config)).connect(name(), stream).await?;
            stream.write_all(REQUEST.split_at(REQUEST.len() / 2).0.as_bytes()).await?;
            stream.flush().await?;
            Ok(HalfOpen::Tls(Box::new(stream)))
        }
        Stage::NoFirstMessage => {
            let mut stream = TlsConnector::from(Arc::clone(config)).connect(name(), stream).await?;
            stream.write_all(REQUEST.as_bytes()).await?;
            stream.flush().await?;
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).await?;
            assert_eq!(&answer, b"HTTP/1.1 101");
            Ok(HalfOpen::Tls(Box::new(stream)))
        }
    }
}

/// Reads until the monitor has closed the connection, whatever it says before.
async fn gone(stream: &mut (impl AsyncRead + Unpin)) {
    let mut unread = [0; 1_024];
    while stream.read(&mut unread).await.unwrap_or(0) > 0 {}
}

async fn all_gone(crowd: Vec<HalfOpen>) {
    for half_open in crowd {
        match half_open {
            HalfOpen::Tcp(mut stream) => gone(&mut stream).await,
            HalfOpen::Tls(mut stream) => gone(&mut stream).await,
        }
    }
}

fn connections() -> usize {
    let said = std::env::var("WATCHKEEPER_HALF_OPEN").ok();
    said.map_or(CONNECTIONS, |said| said.parse().expect("WATCHKEEPER_HALF_OPEN is a number"))
}

fn short(limits: &mut Limits) {
    (limits.tls_deadline, limits.upgrade_deadline, limits.hello_deadline) = (DEADLINE, DEADLINE, DEADLINE);
}

#[tokio::test]
async fn a_crowd_that_stops_at_any_stage_keeps_no_agent_out() {
    let site = Site::start_with(|options| short(&mut options.limits)).await;
    let config = config(&site);
    let mut crowd = Vec::new();
    for number in 0..connections() {
        let stage = STAGES[number % STAGES.len()];
        // One that was shown out while it shook hands is one less; the others wait.
        crowd.extend(open(&site, &config, stage).await.ok());
    }
    assert!(crowd.len() > connections() / 2, "most got as far as they wanted: {}", crowd.len());
    let files = site.authority.client("press-1", &Wanted::default());
    let honest = agent(site.endpoint(files), "press-1").await;
    connected(&honest).await;
    timeout(GONE_WITHIN, all_gone(crowd)).await.expect("the monitor closes what stops");
    assert!(honest.status().connected, "the session does not end with them");
    honest.close().await;
    let report = site.server.stop().await.unwrap();
    assert!(report.refused_connections >= connections() as u64 / 2, "{report:?}");
}

#[tokio::test]
async fn each_stage_has_a_deadline_of_its_own() {
    for stage in STAGES {
        let site = Site::start_with(|options| short(&mut options.limits)).await;
        let half_open = open(&site, &config(&site), stage).await.unwrap();
        let mut end = tokio::spawn(all_gone(vec![half_open]));
        assert!(timeout(DEADLINE / 4, &mut end).await.is_err(), "not at once: {stage:?}");
        timeout(GONE_WITHIN, end).await.unwrap_or_else(|_| panic!("at its deadline: {stage:?}")).unwrap();
        assert_eq!(site.server.stop().await.unwrap().sessions, 0);
    }
}
