//! Whom the SDK takes for the monitor, what TLS it speaks, and where a monitor may listen.

use crate::{
    certificates::Authority,
    site::{Outcome, Site, console, no_connection},
};
use std::{net::Ipv4Addr, process::Command, time::Duration};
use watchkeeper_client::{Endpoint, TlsFiles, TokenSource};
use watchkeeper_identity::{KeyDirectory, Subject, issue};
use watchkeeper_model::{OperatorRole, PersonId, Scope};
use watchkeeper_server::{AllowedSites, Mode, Server, ServerOptions, TlsOptions, clock::Clock};

#[tokio::test]
async fn a_monitor_of_another_authority_or_name_or_time_is_not_taken_for_ours() {
    let site = Site::start().await;
    let endpoint = |files: &TlsFiles| Endpoint { token: site.token(), ..site.endpoint(files.clone()) };
    let ours = TlsFiles::new(site.authority.ca_file());
    assert_eq!(console(endpoint(&ours)).await, Outcome::In);
    let other = TlsFiles::new(Authority::new(site.dir.path(), "other").ca_file());
    no_connection(endpoint(&other), "not signed by an authority in").await;
    no_connection(endpoint(&other), "other.pem").await;
    let mut by_address = endpoint(&ours);
    by_address.url = by_address.url.replace("127.0.0.1", "127.0.0.2");
    // Nobody listens there but on Linux, where all of 127/8 is this machine; the monitor is bound to one of them.
    assert!(matches!(console(by_address).await, Outcome::NoConnection(_)));
    let gone = TlsFiles::new(site.file("gone.pem"));
    no_connection(endpoint(&gone), "gone.pem").await;
    site.server.stop().await.unwrap();
    for (hosts, years, says) in [
        (["monitor.test"], (2020, 2120), "connect by a name that the certificate has"),
        (["127.0.0.1"], (2020, 2021), "has expired"),
        (["127.0.0.1"], (2119, 2120), "not valid yet"),
    ] {
        let site = Site::start_with(|options| {
            let dir = options.data_dir.parent().unwrap();
            let authority = Authority::new(dir, "another");
            let (certificate_chain, key) = authority.server(&hosts, years);
            let client_ca = Some(authority.ca_file());
            options.tls = Some(TlsOptions { certificate_chain, key, client_ca, denied_serials: None });
        })
        .await;
        no_connection(site.endpoint(TlsFiles::new(site.file("another.pem"))), says).await;
        site.server.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_speaks_tls_1_2_only_is_refused() {
    let site = Site::start().await;
    let script = "
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
if sys.argv[3] == '1.2':
    context.maximum_version = ssl.TLSVersion.TLSv1_2
try:
    with socket.create_connection(('127.0.0.1', int(sys.argv[1]))) as plain:
        with context.wrap_socket(plain, server_hostname='localhost') as tls:
            print(tls.version())
except ssl.SSLError as error:
    print(error.reason)
";
    let shake = |version: &'static str| {
        let (port, ca) = (site.server.address().port().to_string(), site.authority.ca_file());
        let mut python = Command::new("python3");
        python.args(["-c", script, &port]).arg(ca).arg(version);
        tokio::task::spawn_blocking(move || String::from_utf8(python.output().unwrap().stdout).unwrap())
    };
    assert_eq!(shake("1.3").await.unwrap().trim(), "TLSv1.3");
    assert_eq!(shake("1.2").await.unwrap().trim(), "TLSV1_ALERT_PROTOCOL_VERSION");
    site.server.stop().await.unwrap();
}

#[tokio::test]
async fn others_reach_a_monitor_only_where_it_is_protected() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut options = ServerOptions::new(dir.path().join("data"));
    options.listen = (Ipv4Addr::UNSPECIFIED, 0).into();
    let error = Server::start(options).await.unwrap_err().to_string();
    assert!(error.contains("--tls-cert") && error.contains("without TLS"), "{error}");
    assert!(!dir.path().join("data").exists(), "nothing was started");

    let keys = KeyDirectory::new(dir.path().join("keys"));
    keys.create(None).unwrap();
    let kim = Subject::Person {
        person: PersonId::new("kim").unwrap(),
        role: OperatorRole::Operator,
        scope: Scope::everything(),
    };
    let claims = keys.claims(kim, Duration::from_mins(5), Clock.timestamp()).unwrap();
    let token = issue(&keys.signing_key().unwrap(), &claims).unwrap();
    let site = Site::start_with(|options| {
        options.listen = (Ipv4Addr::UNSPECIFIED, 0).into();
        options.keys = Some(keys.path().to_owned());
        options.allowed = AllowedSites::new(&["localhost"], &[""; 0]).unwrap();
    })
    .await;
    assert_eq!(site.server.mode(), Mode::Site);
    assert!(site.server.url().starts_with("wss://localhost:"), "{}", site.server.url());
    let files = TlsFiles::new(site.authority.ca_file());
    let token = TokenSource::Text(token.as_str().to_owned());
    let endpoint = Endpoint { token, ..site.endpoint(files) };
    assert_eq!(console(endpoint).await, Outcome::In);
    site.server.stop().await.unwrap();
}
