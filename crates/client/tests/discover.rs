//! Where clients look for the monitor, in which order, and what they say when there is none.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::{fs, path::Path};
use watchkeeper_client::{
    Endpoint, LinkLoss, Places, TlsError, TlsFiles, TokenSource,
    discover::{DiscoverError, TlsPlaces},
};

fn write(dir: &Path, name: &str, text: &str) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join(name), text).unwrap();
}

/// Every place filled; the tests take them away from the front.
fn all_places(root: &Path) -> Places {
    let (runtime, data) = (root.join("run"), root.join("data"));
    for (dir, name) in [(runtime.join("watchkeeper"), "runtime"), (data.clone(), "data")] {
        write(&dir, "url", &format!("ws://{name}/v1\n"));
        write(&dir, "token", &format!("{name}-token\n"));
    }
    for name in ["said", "env"] {
        write(root, name, &format!("  {name}-token \n"));
    }
    Places {
        url: Some("ws://said/v1".to_owned()),
        token_file: Some(root.join("said")),
        tls_files: TlsPlaces::default(),
        env_url: Some("ws://env/v1".to_owned()),
        env_token_file: Some(root.join("env")),
        env_tls_files: TlsPlaces::default(),
        runtime_dir: Some(runtime),
        data_dir: data,
    }
}

fn found(places: &Places) -> (String, String) {
    let endpoint = places.find().unwrap();
    let token = endpoint.token.read().unwrap().unwrap();
    (endpoint.url, token.as_str().to_owned())
}

#[test]
fn what_was_said_comes_first_then_the_environment_then_the_runtime_then_the_data_directory() {
    let root = watchkeeper_canary::tempdir().unwrap();
    let mut places = all_places(root.path());
    assert_eq!(found(&places), ("ws://said/v1".into(), "said-token".into()));
    (places.url, places.token_file) = (None, None);
    assert_eq!(found(&places), ("ws://env/v1".into(), "env-token".into()));
    (places.env_url, places.env_token_file) = (None, None);
    assert_eq!(found(&places), ("ws://runtime/v1".into(), "runtime-token".into()));
    places.runtime_dir = None;
    assert_eq!(found(&places), ("ws://data/v1".into(), "data-token".into()));
}

#[test]
fn the_address_is_the_default_one_where_nobody_says_another() {
    let root = watchkeeper_canary::tempdir().unwrap();
    let mut places = all_places(root.path());
    (places.url, places.env_url, places.runtime_dir) = (None, None, None);
    fs::remove_file(places.data_dir.join("url")).unwrap();
    assert_eq!(places.find().unwrap().url, watchkeeper_protocol::DEFAULT_URL);
}

#[test]
fn a_search_in_vain_names_every_place_and_what_to_do() {
    let root = watchkeeper_canary::tempdir().unwrap();
    let places = Places {
        runtime_dir: Some(root.path().join("run")),
        data_dir: root.path().join("data"),
        ..Places::default()
    };
    let text = places.find().unwrap_err().to_string();
    for part in [
        "command line",
        "WATCHKEEPER_TOKEN_FILE",
        "run/watchkeeper/token",
        "data/token",
        "watchkeeper serve",
        "WATCHKEEPER_URL",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    let without_runtime = Places { runtime_dir: None, ..places };
    assert!(without_runtime.find().unwrap_err().to_string().contains("XDG_RUNTIME_DIR is not set"));
}

#[test]
fn a_token_file_that_was_named_and_is_not_there_is_an_error_and_nothing_else_is_tried() {
    let root = watchkeeper_canary::tempdir().unwrap();
    let mut places = all_places(root.path());
    places.token_file = Some(root.path().join("gone"));
    let error = places.find().unwrap().token.read().unwrap_err().to_string();
    assert!(error.contains("gone"), "{error}");
}

#[test]
fn a_token_never_shows_in_a_debug_text_and_a_file_is_read_anew_each_time() {
    let root = watchkeeper_canary::tempdir().unwrap();
    write(root.path(), "token", "first");
    let source = TokenSource::File(root.path().join("token"));
    assert_eq!(source.read().unwrap().unwrap().as_str(), "first");
    write(root.path(), "token", "second");
    assert_eq!(source.read().unwrap().unwrap().as_str(), "second");
    write(root.path(), "token", " \n");
    assert!(source.read().is_err());
    assert!(!format!("{:?}", TokenSource::Text("secret".into())).contains("secret"));
}

fn tls(ca: &str, cert: &str, key: &str) -> TlsPlaces {
    let file = |name: &str| (!name.is_empty()).then(|| name.into());
    TlsPlaces { ca_file: file(ca), cert_file: file(cert), key_file: file(key) }
}

#[test]
fn what_was_said_of_tls_comes_before_the_environment_and_a_pair_stays_together() {
    let root = watchkeeper_canary::tempdir().unwrap();
    let mut places = all_places(root.path());
    assert_eq!(places.find().unwrap().tls, None);
    places.env_tls_files = tls("env-ca", "env-cert", "env-key");
    assert_eq!(
        places.find().unwrap().tls,
        Some(TlsFiles::new("env-ca").with_certificate("env-cert", "env-key"))
    );
    places.tls_files = tls("ca", "", "");
    assert_eq!(places.find().unwrap().tls, Some(TlsFiles::new("ca").with_certificate("env-cert", "env-key")));
    places.tls_files = tls("", "cert", "key");
    assert_eq!(places.find().unwrap().tls, Some(TlsFiles::new("env-ca").with_certificate("cert", "key")));
    places.tls_files = tls("", "cert", "");
    let error = places.find().unwrap_err();
    assert!(matches!(
        error,
        DiscoverError::HalfOfTls { missing: ("--key-file", "WATCHKEEPER_KEY_FILE"), .. }
    ));
}

#[test]
fn half_of_what_tls_needs_is_an_error_that_names_the_other_half() {
    for (places, says) in [
        (tls("ca", "cert", ""), "--key-file FILE or WATCHKEEPER_KEY_FILE"),
        (tls("ca", "", "key"), "--cert-file FILE or WATCHKEEPER_CERT_FILE"),
        (tls("", "cert", "key"), "--ca-file FILE or WATCHKEEPER_CA_FILE"),
    ] {
        let root = watchkeeper_canary::tempdir().unwrap();
        let places = Places { tls_files: places, ..all_places(root.path()) };
        let error = places.find().unwrap_err().to_string();
        assert!(error.contains(says), "{says:?} is not in {error}");
    }
}

#[test]
fn who_has_a_certificate_needs_no_token() {
    let root = watchkeeper_canary::tempdir().unwrap();
    let nowhere = Places { data_dir: root.path().join("data"), ..Places::default() };
    assert!(nowhere.find().is_err());
    let places = Places { tls_files: tls("ca", "cert", "key"), ..nowhere.clone() };
    assert_eq!(places.find().unwrap().token, TokenSource::Absent);
    let places = Places { tls_files: tls("ca", "", ""), ..nowhere };
    assert!(places.find().is_err(), "an authority lets nobody in");
}

#[test]
fn address_and_files_of_tls_must_go_together_and_an_error_names_the_file() {
    let root = watchkeeper_canary::tempdir().unwrap();
    let (ca, nothing) = (root.path().join("ca.pem"), root.path().join("nothing.pem"));
    fs::write(&ca, "no certificate").unwrap();
    let clear = Endpoint::new("ws://127.0.0.1:7410/v1", TokenSource::Absent);
    let tls = Endpoint::new("wss://127.0.0.1:7410/v1", TokenSource::Absent);
    assert!(clear.check().is_ok());
    let error = tls.check().unwrap_err().to_string();
    assert!(error.contains("--ca-file FILE or WATCHKEEPER_CA_FILE"), "{error}");
    let error = clear.with_tls(TlsFiles::new(&ca)).check().unwrap_err();
    assert!(
        matches!(error, LinkLoss::Tls(TlsError::NotAsked { .. })),
        "who names an authority is not taken into the clear: {error}"
    );
    let error = tls.clone().with_tls(TlsFiles::new(&ca)).check().unwrap_err().to_string();
    assert!(error.contains("ca.pem holds no certificate of an authority"), "{error}");
    let error = tls.with_tls(TlsFiles::new(&nothing)).check().unwrap_err().to_string();
    assert!(error.contains("nothing.pem") && error.contains("No such file"), "{error}");
}

#[test]
fn what_is_no_address_or_no_token_is_said_with_where_to_find_one() {
    for url in ["7410", "http://127.0.0.1:7410/v1", "ws:///v1", "ws://:7410/v1", "ws://a b/v1", "wss://"] {
        let error = Endpoint::new(url, TokenSource::Absent).check().unwrap_err();
        assert!(matches!(error, LinkLoss::BadUrl { .. }), "{url}: {error}");
        assert!(error.to_string().contains("WATCHKEEPER_URL"), "{error}");
    }
    assert!(Endpoint::new("ws://[::1]:7410/v1", TokenSource::Absent).check().is_ok());
    let missing = TokenSource::File("no/such/token".into());
    let error = Endpoint::new("ws://127.0.0.1:7410/v1", missing).check().unwrap_err().to_string();
    assert!(error.contains("no/such/token") && error.contains("--token-file FILE"), "{error}");
}
