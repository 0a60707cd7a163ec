//! Handshakes between real peers: what the server says of each, and which files it starts with.

use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
    date_time_ymd,
};
use std::{fs, net::Ipv4Addr};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::OrganizationName, format!("{:?}", params.serial_number));
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn signed(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// An agent's certificate, good from and until these years.
fn agent(authority: &Authority, years: (i32, i32), purpose: ExtendedKeyUsagePurpose) -> (String, String) {
    signed(authority, |params| {
        params.subject_alt_names = vec![SanType::URI("spiffe://test/agent/press-1".try_into().unwrap())];
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        params.extended_key_usages = vec![purpose];
    })
}

struct Site {
    dir: TempDir,
    authority: Authority,
}

impl Site {
    fn new() -> Self {
        let site = Self { dir: watchkeeper_canary::tempdir().unwrap(), authority: authority() };
        let (chain, key) = signed(&site.authority, |_| {});
        for (name, text) in [("server.pem", chain), ("server.key", key), ("ca.pem", site.authority.pem())] {
            fs::write(site.dir.path().join(name), text).unwrap();
        }
        site
    }

    fn options(&self) -> TlsOptions {
        let file = |name: &str| self.dir.path().join(name);
        TlsOptions {
            certificate_chain: file("server.pem"),
            key: file("server.key"),
            client_ca: Some(file("ca.pem")),
            denied_serials: None,
        }
    }

    /// Shakes hands with a client that shows this certificate, and returns what the server says of it.
    async fn shake(&self, shows: Option<(String, String)>) -> Result<Peer, String> {
        let door = TlsDoor::open(&self.options()).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let config = match shows {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![chain], key).unwrap()
            }
        };
        let address = listener.local_addr().unwrap();
        let client = tokio::spawn(async move {
            let stream = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
            // An alert, or the end.
            let heard = stream.read_to_end(&mut Vec::new()).await.map(drop);
            assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0, "nothing to resume from");
            heard
        });
        let (stream, _) = listener.accept().await.unwrap();
        let found = door.accept(stream).await.map(|(_, proof)| proof).map_err(|error| {
            assert!(is_about_certificate(&error), "{error}");
            error.to_string()
        });
        let heard = client.await.unwrap();
        if found.is_err() {
            let alert = heard.unwrap_err().to_string();
            assert!(alert.contains("received fatal alert"), "the peer is told why: {alert}");
        }
        found
    }
}

#[tokio::test]
async fn every_client_certificate_that_is_not_good_is_refused_for_its_own_reason() {
    let site = Site::new();
    let client = || ExtendedKeyUsagePurpose::ClientAuth;
    let good = site.shake(Some(agent(&site.authority, (2020, 2120), client()))).await.unwrap();
    assert!(matches!(good, Peer::Agent(found) if found.agent.as_str() == "press-1"));
    assert_eq!(site.shake(None).await, Ok(Peer::NoCertificate));
    for (shows, says) in [
        (agent(&site.authority, (2020, 2021), client()), "certificate expired"),
        (agent(&site.authority, (2119, 2120), client()), "certificate not valid yet"),
        (
            agent(&site.authority, (2020, 2120), ExtendedKeyUsagePurpose::ServerAuth),
            "does not allow extended key usage",
        ),
        (agent(&authority(), (2020, 2120), client()), "invalid peer certificate"),
    ] {
        let error = site.shake(Some(shows)).await.unwrap_err();
        assert!(error.contains(says), "{says:?} is not in {error}");
    }
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_they_are_for_and_keys_are_not_shown() {
    let site = Site::new();
    let at = |name: &str| site.dir.path().join(name);
    fs::write(at("nothing.pem"), "nothing").unwrap();
    fs::write(at("half.key"), "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n").unwrap();
    fs::write(at("other.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    for (options, parts) in [
        (TlsOptions { certificate_chain: at("gone"), ..site.options() }, ["--tls-cert", "gone"]),
        (
            TlsOptions { certificate_chain: at("nothing.pem"), ..site.options() },
            ["--tls-cert", "holds no certificate"],
        ),
        (TlsOptions { key: at("gone"), ..site.options() }, ["--tls-key", "No such file"]),
        (TlsOptions { key: at("half.key"), ..site.options() }, ["--tls-key", "half.key"]),
        (TlsOptions { key: at("other.key"), ..site.options() }, ["do not belong together", "other.key"]),
        (TlsOptions { client_ca: Some(at("nothing.pem")), ..site.options() }, ["--client-ca", "nothing.pem"]),
    ] {
        let error = format!("{:#}", TlsDoor::open(&options).unwrap_err());
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
        assert!(!error.contains("c2VjcmV0"), "{error}");
    }
}
