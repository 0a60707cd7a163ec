//! Which agent a certificate makes of a peer, and how long.

use crate::{
    certificates::{Authority, Wanted},
    site::{Outcome, PATIENCE, Site, agent, connected, console, no_connection, refused},
};
use rcgen::ExtendedKeyUsagePurpose;
use std::{fs, time::Duration};
use tokio::time::timeout;
use watchkeeper_client::{DecisionDraft, Endpoint, TlsFiles, TokenSource};
use watchkeeper_protocol::session::ErrorCode;
use watchkeeper_server::Mode;

#[tokio::test]
async fn an_agent_with_its_certificate_needs_no_token_decides_and_is_confirmed() {
    let site = Site::start().await;
    assert_eq!(site.server.mode(), Mode::Dev, "nothing says who people are");
    assert!(site.server.url().starts_with("wss://127.0.0.1:"), "{}", site.server.url());
    let files = site.authority.client("press-1", &Wanted::default());
    let agent = agent(site.endpoint(files), "press-1").await;
    connected(&agent).await;
    for _ in 0..20 {
        agent.decide(DecisionDraft::new("keep", None, vec![1.0])).unwrap();
    }
    timeout(PATIENCE, agent.all_durable()).await.expect("every decision is confirmed");
    assert_eq!(agent.status().durable_seq.0, 20);
    agent.close().await;
    assert_eq!(site.server.stop().await.unwrap().sessions, 1);
}

#[tokio::test]
async fn every_certificate_that_is_not_good_is_refused_for_its_own_reason_and_nobody_gets_a_session() {
    let site = Site::start().await;
    let other = Authority::new(site.dir.path(), "other");
    let server_auth = ExtendedKeyUsagePurpose::ServerAuth;
    for (name, wanted, says) in [
        ("expired", Wanted { years: (2020, 2021), ..Wanted::default() }, "has expired or is not valid yet"),
        ("early", Wanted { years: (2119, 2120), ..Wanted::default() }, "has expired or is not valid yet"),
        ("server", Wanted { purpose: server_auth, ..Wanted::default() }, "is not one for clients"),
    ] {
        let files = site.authority.client(name, &wanted);
        no_connection(site.endpoint(files), &format!("our certificate {says}")).await;
    }
    let mut stranger = other.client("stranger", &Wanted::default());
    stranger.ca_file = site.authority.ca_file();
    no_connection(site.endpoint(stranger), "not signed by the authority that it knows").await;
    let report = site.server.stop().await.unwrap();
    assert_eq!(report.sessions, 0);
    assert!(report.refused_connections >= 4, "{report:?}");
}

#[tokio::test]
async fn a_hello_must_go_with_the_certificate() {
    let site = Site::start().await;
    let press_1 = site.authority.client("press-1", &Wanted::default());
    let with_token = |files: TlsFiles| Endpoint { token: site.token(), ..site.endpoint(files) };
    let none = TlsFiles::new(site.authority.ca_file());
    let two = ["spiffe://plant.test/agent/press-1", "spiffe://plant.test/agent/press-2"];
    let several = site.authority.client("several", &Wanted { uris: &two, ..Wanted::default() });
    let odd = ["https://plant.test/press-1"];
    let odd = site.authority.client("odd", &Wanted { uris: &odd, ..Wanted::default() });
    let nameless = site.authority.client("nameless", &Wanted { uris: &[], ..Wanted::default() });
    for (files, says) in [
        (none.clone(), "an agent must present a client certificate"),
        (press_1.clone(), "which is press-1"),
        (several, "several URIs"),
        (odd, "malformed"),
        (nameless, "no URI"),
    ] {
        // The right token helps nobody to another name.
        let agent = agent(with_token(files), "press-2").await;
        let report = refused(&agent).await;
        assert_eq!(report.code, ErrorCode::Unauthorised);
        assert!(report.message.as_str().contains(says), "{says:?} is not in {}", report.message);
        agent.close().await;
    }
    let at_console = console(with_token(press_1)).await;
    assert!(
        matches!(&at_console, Outcome::Refused(why) if why.contains("opens no console")),
        "{at_console:?}"
    );
    assert_eq!(console(with_token(none.clone())).await, Outcome::In, "a console has a token instead");
    let no_token = console(site.endpoint(none)).await;
    assert!(matches!(&no_token, Outcome::Refused(why) if why.contains("token")), "{no_token:?}");
    assert_eq!(site.server.stop().await.unwrap().sessions, 1);
}

#[tokio::test]
async fn without_an_authority_for_clients_a_token_lets_agents_in() {
    let site = Site::start_with(|options| {
        options.tls.as_mut().unwrap().client_ca = None;
    })
    .await;
    assert_eq!(site.server.mode(), Mode::Dev);
    let none = TlsFiles::new(site.authority.ca_file());
    let agent = agent(Endpoint { token: site.token(), ..site.endpoint(none) }, "press-1").await;
    connected(&agent).await;
    agent.close().await;
    site.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_denied_certificate_ends_its_session_and_no_other_and_does_not_come_back() {
    let mut denied = None;
    let site = Site::start_with(|options| {
        let path = options.data_dir.with_file_name("denied");
        fs::write(&path, "# nobody yet\n").unwrap();
        options.tls.as_mut().unwrap().denied_serials = Some(path.clone());
        denied = Some(path);
    })
    .await;
    let uri = ["spiffe://plant.test/agent/press-2"];
    let press_2 = Wanted { uris: &uri, serial: 0xab01, ..Wanted::default() };
    let first = agent(site.endpoint(site.authority.client("press-1", &Wanted::default())), "press-1").await;
    let second = agent(site.endpoint(site.authority.client("press-2", &press_2)), "press-2").await;
    connected(&first).await;
    connected(&second).await;
    fs::write(denied.unwrap(), "AB:01\n").unwrap();
    let report = timeout(PATIENCE, async {
        loop {
            match second.status().error {
                Some(report) => return report,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    })
    .await
    .expect("the session is closed");
    assert_eq!(report.code, ErrorCode::Unauthorised);
    assert!(report.message.as_str().contains("deny-list"), "{}", report.message);
    assert!(first.status().connected && first.status().error.is_none());
    let again = agent(site.endpoint(site.authority.client("press-2", &press_2)), "press-2").await;
    assert!(refused(&again).await.message.as_str().contains("deny-list"));
    for agent in [first, second, again] {
        agent.close().await;
    }
    assert_eq!(site.server.stop().await.unwrap().sessions, 2);
}

#[tokio::test]
async fn a_token_without_tls_is_no_way_in() {
    let site = Site::start().await;
    let clear = site.server.url().replace("wss://", "ws://");
    let outcome = console(Endpoint::new(clear, site.token())).await;
    assert!(matches!(outcome, Outcome::NoConnection(_)), "{outcome:?}");
    let tls_without_files = Endpoint::new(site.server.url(), TokenSource::Absent);
    no_connection(tls_without_files, "no authority is named").await;
    assert_eq!(site.server.stop().await.unwrap().sessions, 0);
}
