//! A demand while nobody sits at a console: those who are away are called, and the vehicle falls back at its time.

use crate::rig::Rig;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    sync::mpsc,
    thread,
    time::Duration,
};
use watchkeeper_model::ControlState;

const SPEED_MPS: f64 = 6.0;
/// T_demand of a vehicle, and what a machine may take on top.
const FALLEN_WITHIN: Duration = Duration::from_secs(15);

/// Takes one call and answers it.
fn take(stream: TcpStream) -> Result<Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    Ok(serde_json::from_slice(&body)?)
}

/// Listens for calls for as long as the test runs.
fn receiver() -> Result<(String, mpsc::Receiver<Value>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/calls", listener.local_addr()?);
    let (sender, calls) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Ok(call) = take(stream)
                && sender.send(call).is_err()
            {
                return;
            }
        }
    });
    Ok((url, calls))
}

#[test]
fn with_nobody_online_the_webhook_is_called_and_the_vehicle_falls_back() -> Result<()> {
    let (url, calls) = receiver()?;
    let directory = watchkeeper_canary::tempdir()?;
    let secret = directory.path().join("pager.secret");
    fs::write(&secret, "whsec_c2l4dHkgYnl0ZXMgb3Igc28gdGhhdCBub2JvZHkgc2hvdWxkIHNlZQ==\n")?;
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
    let webhook = format!("[webhook]\nurl = {url:?}\nsecret_file = {:?}\n", secret.display().to_string());
    let mut rig = Rig::start_with(2, SPEED_MPS, &[], &webhook)?;
    let vehicle = rig.fleet.vehicles()[0].clone();
    rig.pass(Duration::from_secs(1))?;
    rig.fleet.ask(&vehicle)?;
    let call = calls.recv_timeout(Duration::from_secs(5)).context("nobody was called")?;
    ensure!(call["type"] == "takeover.page" && call["data"]["reason"] == "nobody_online", "{call}");
    ensure!(call["data"]["agent"] == vehicle.as_str(), "{call}");
    rig.until("it stands", |rig| rig.fleet.state(&vehicle) == Some(ControlState::SafeHeld))?;
    let last = calls.recv_timeout(FALLEN_WITHIN).context("nobody heard how it ended")?;
    ensure!(last["data"]["reason"] == "fell_back", "{last}");
    ensure!(last["data"]["demand_id"] == call["data"]["demand_id"], "{call} {last}");
    ensure!(calls.try_recv().is_err(), "each call is made once where it is answered");
    Ok(())
}
