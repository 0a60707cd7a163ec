//! Where clients look for the monitor, in which order, and what they say when there is none.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::{fs, path::Path};
use watchkeeper_client::{Places, TokenSource};

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
        env_url: Some("ws://env/v1".to_owned()),
        env_token_file: Some(root.join("env")),
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
    let root = tempfile::tempdir().unwrap();
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
    let root = tempfile::tempdir().unwrap();
    let mut places = all_places(root.path());
    (places.url, places.env_url, places.runtime_dir) = (None, None, None);
    fs::remove_file(places.data_dir.join("url")).unwrap();
    assert_eq!(places.find().unwrap().url, watchkeeper_protocol::DEFAULT_URL);
}

#[test]
fn a_search_in_vain_names_every_place_and_what_to_do() {
    let root = tempfile::tempdir().unwrap();
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
    let root = tempfile::tempdir().unwrap();
    let mut places = all_places(root.path());
    places.token_file = Some(root.path().join("gone"));
    let error = places.find().unwrap().token.read().unwrap_err().to_string();
    assert!(error.contains("gone"), "{error}");
}

#[test]
fn a_token_never_shows_in_a_debug_text_and_a_file_is_read_anew_each_time() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "token", "first");
    let source = TokenSource::File(root.path().join("token"));
    assert_eq!(source.read().unwrap().unwrap().as_str(), "first");
    write(root.path(), "token", "second");
    assert_eq!(source.read().unwrap().unwrap().as_str(), "second");
    write(root.path(), "token", " \n");
    assert!(source.read().is_err());
    assert!(!format!("{:?}", TokenSource::Text("secret".into())).contains("secret"));
}
