//! A token and a key are seen by nobody: not in what the programs log at their loudest, not in metrics, not in the record.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anyhow::{Context, Result, bail, ensure};
use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    time::Duration,
};
use watchkeeper_tests::process::{Program, wait_until, watchkeeper};

const PATIENCE: Duration = Duration::from_secs(30);
/// So much of a secret in one piece is a leak. Claims are in it too, in base64; whole words of them are shorter.
const PIECE: usize = 20;

/// Runs a command of ours to its end, as talkative as it gets; returns all that it wrote.
fn run(name: &str, arguments: &[&str]) -> Result<(bool, String)> {
    let mut command = command(arguments)?;
    let mut program = Program::start(name, &mut command)?;
    let status = program.wait(PATIENCE)?;
    Ok((status.success(), program.written()))
}

fn command(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(watchkeeper()?);
    command.args(arguments).env("RUST_LOG", "trace").env_remove("XDG_RUNTIME_DIR");
    Ok(command)
}

/// Sends a request as it is, and returns what comes within a second.
fn request(address: &str, text: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(text.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4_096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn upgrade(address: &str, path: &str, token: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Sec-WebSocket-Protocol: watchkeeper.v1\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
}

/// Every piece of the secret part of a token or a key: what follows its public beginning, up to its footer.
fn pieces(secret: &str) -> BTreeSet<Vec<u8>> {
    let body = secret.trim().split('.').nth(2).unwrap_or(secret).as_bytes();
    body.windows(PIECE).map(<[u8]>::to_vec).collect()
}

fn check(what: &str, bytes: &[u8], secrets: &BTreeSet<Vec<u8>>) -> Result<()> {
    match bytes.windows(PIECE).position(|window| secrets.contains(window)) {
        None => Ok(()),
        Some(at) => {
            let from = at.saturating_sub(120);
            let near = bytes.get(from..(at + PIECE).min(bytes.len())).unwrap_or_default();
            bail!("{what} holds a secret: ...{}", String::from_utf8_lossy(near))
        }
    }
}

fn files_under(directory: &Path, found: &mut Vec<std::path::PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { files_under(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

/// Waits until the monitor listens; returns where, and where it is scraped.
fn addresses(monitor: &mut Program, ready_file: &str) -> Result<(String, String)> {
    let ready = wait_until(PATIENCE, || {
        ensure!(monitor.ended()?.is_none(), "the monitor ended: {}", monitor.written());
        Ok(serde_json::from_str::<serde_json::Value>(&fs::read_to_string(ready_file).unwrap_or_default())
            .ok())
    })?
    .context("the monitor did not get ready")?;
    ensure!(ready.get("token_file").is_some_and(serde_json::Value::is_null), "{ready}");
    let field = |name: &str| {
        let found = ready.get(name).and_then(serde_json::Value::as_str);
        found.map(str::to_owned).context("the ready file is whole")
    };
    Ok((field("url")?, field("metrics_url")?))
}

fn scrape(metrics: &str) -> Result<String> {
    let scrape = metrics.trim_start_matches("http://");
    let (host, path) = scrape.split_once('/').context("the metrics have a path")?;
    let scraped =
        request(host, &format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))?;
    ensure!(scraped.contains("watchkeeper_"), "{scraped}");
    watchkeeper_canary::keep("metrics", &scraped);
    Ok(scraped)
}

/// Writes the secret of a webhook, and a configuration that names it; nobody listens there.
fn webhook(dir: &Path) -> Result<(String, String)> {
    let (secret, config) = (dir.join("pager.secret"), dir.join("watchkeeper.toml"));
    fs::write(&secret, "whsec_c2l4dHkgYnl0ZXMgb3Igc28gdGhhdCBub2JvZHkgc2hvdWxkIHNlZQ==\n")?;
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
    fs::write(&config, "[webhook]\nurl = \"http://127.0.0.1:9/\"\nsecret_file = \"pager.secret\"\n")?;
    let text = |path: &Path| path.to_str().map(str::to_owned).context("the path is text");
    Ok((text(&secret)?, text(&config)?))
}

#[test]
fn no_token_and_no_key_is_logged_measured_or_recorded() -> Result<()> {
    let dir = watchkeeper_canary::tempdir()?;
    let at = |name: &str| dir.path().join(name).to_str().map(str::to_owned).context("the path is text");
    let (keys, data, anna, fleet) = (at("keys")?, at("data")?, at("anna.token")?, at("fleet.token")?);
    let mut written = Vec::new();
    let mut ours = |name: &str, arguments: &[&str]| -> Result<bool> {
        let (success, text) = run(name, arguments)?;
        written.push((name.to_owned(), text));
        Ok(success)
    };
    ensure!(ours("keys", &["token", "keys", &keys, "--create"])?);
    ensure!(ours(
        "issue",
        &["token", "issue", &keys, "--person", "anna", "--scope", "vehicle-*", "-o", &anna]
    )?);
    ensure!(ours("issue", &["token", "issue", &keys, "--agent", "vehicle-*", "-o", &fleet])?);

    let ready = at("ready.json")?;
    let (pager, config) = webhook(dir.path())?;
    let serve =
        ["serve", "--keys", &keys, "--data", &data, "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
    let mut monitor = command(&serve)?;
    let mut monitor = Program::start("monitor", monitor.args(["--config", &config, "--ready-file", &ready]))?;
    let (url, metrics) = addresses(&mut monitor, &ready)?;
    let url = url.as_str();

    // Good tokens in hellos and in a header, bad ones, somebody else's, and one in a URL.
    let token = fs::read_to_string(&anna)?.trim().to_owned();
    let address = url.trim_start_matches("ws://").trim_end_matches("/v1");
    ensure!(request(address, &upgrade(address, "/v1", &token))?.starts_with("HTTP/1.1 101"));
    let bad = token.replacen("v4.public.", "v4.public.A", 1);
    ensure!(request(address, &upgrade(address, "/v1", &bad))?.starts_with("HTTP/1.1 401"));
    ensure!(
        request(address, &upgrade(address, &format!("/v1?token={token}"), &token))?
            .starts_with("HTTP/1.1 400")
    );
    let vehicles = ["simulate", "ring-calm", "--seconds", "3", "--url", url, "--token-file", &fleet];
    ensure!(ours("vehicles", &vehicles)?, "{written:?}");
    let stop = ["stop", "vehicle-1", "--as", "bob", "--url", url, "--token-file", &anna];
    ensure!(!ours("stranger", &stop)?, "the token is anna's");
    let mut fleet_again =
        command(&["simulate", "ring-calm", "--seconds", "20", "--url", url, "--token-file", &fleet])?;
    let mut fleet_again = Program::start("vehicles", &mut fleet_again)?;
    let stop = ["stop", "vehicle-1", "--as", "anna", "--url", url, "--token-file", &anna];
    wait_until(PATIENCE, || Ok(ours("stop", &stop)?.then_some(())))?.context("anna stops the vehicle")?;
    ensure!(ours("revoke", &["token", "revoke", &keys, "--person", "anna"])?);
    let scraped = scrape(&metrics)?;
    fleet_again.kill();
    monitor.kill();

    let mut secrets = BTreeSet::new();
    for file in [&anna, &fleet, &pager, &format!("{keys}/signing.key")] {
        let text = fs::read_to_string(file)?;
        let found = pieces(&text);
        ensure!(found.len() > 20, "{file} holds a secret");
        ensure!(check(file, text.as_bytes(), &found).is_err(), "what is there is found");
        secrets.extend(found);
    }
    written.push(("monitor".to_owned(), monitor.written()));
    written.push(("vehicles".to_owned(), fleet_again.written()));
    written.push(("metrics".to_owned(), scraped));
    for (name, text) in &written {
        check(name, text.as_bytes(), &secrets)?;
    }
    ensure!(monitor.written().contains("TRACE"), "it was as talkative as it gets");
    let mut files = Vec::new();
    files_under(Path::new(&data), &mut files)?;
    ensure!(files.len() > 1, "there is a record");
    for file in files {
        check(&file.display().to_string(), &fs::read(&file)?, &secrets)?;
    }
    Ok(())
}
