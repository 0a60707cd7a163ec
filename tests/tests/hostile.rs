//! A flood of hostile frames against a real monitor: each is answered, others are served, memory stays bounded.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use std::{collections::BTreeMap, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use watchkeeper_protocol::{ToAgent, Wire, encode, session::ErrorCode};
use watchkeeper_tests::process::Monitor;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Sessions that a hostile peer opens one after the other, and frames it sends in each.
const SESSIONS: usize = 40;
const FRAMES: usize = 90;
/// What the monitor may grow by meanwhile. A believed 4-GiB length or one 64 KiB frame kept per refusal would
/// be far above.
const MAY_GROW_KIB: u64 = 48 * 1024;

async fn connect(monitor: &Monitor, agent: &str) -> Result<Socket> {
    let mut request = monitor.url.as_str().into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", "watchkeeper.v1".parse()?);
    let (mut socket, _) = connect_async(request).await?;
    let hello = serde_json::json!({
        "session": "agent",
        "token": std::fs::read_to_string(&monitor.token_file)?.trim(),
        "agent": agent,
        "kind": "generic",
        "signals": [{"name": "x", "unit": "m"}],
        "clean_shutdown": true,
        "highest_epoch": 0,
        "control_state": "autonomous",
        "software_version": "hostile",
    });
    let mut body = rmp_serde::to_vec(&hello)?;
    // The boot id is 16 bytes of bin, which JSON cannot say: add it as a tenth entry of the map.
    let entries = body.first_mut().context("a map")?;
    ensure!(*entries == 0x89, "nine entries");
    *entries += 1;
    body.extend(rmp_serde::to_vec("boot_id")?);
    body.extend([0xc4, 16]);
    body.extend(uuid::Uuid::from_u128(7).as_bytes());
    let frame = [&[0x92, 0xa5][..], b"hello", &body].concat();
    socket.send(Message::Binary(frame.into())).await?;
    Ok(socket)
}

/// Returns the next error that the monitor reports.
async fn error(socket: &mut Socket) -> Result<ErrorCode> {
    let work = async {
        while let Some(message) = socket.next().await {
            if let Message::Binary(frame) = message?
                && let ToAgent::Error(report) = ToAgent::decode(&frame)?
            {
                return Ok(report.code);
            }
        }
        anyhow::bail!("closed")
    };
    timeout(Duration::from_secs(30), work).await.context("no answer")?
}

fn hostile_frames() -> Vec<(Bytes, ErrorCode)> {
    let length = |marker: u8| Bytes::from(vec![0x92, 0xa1, b'x', marker, 0xff, 0xff, 0xff, 0xff]);
    vec![
        (Bytes::from(vec![0x91; 5_000]), ErrorCode::Malformed),
        (length(0xdd), ErrorCode::Malformed),
        (length(0xdf), ErrorCode::Malformed),
        (length(0xdb), ErrorCode::Malformed),
        (length(0xc6), ErrorCode::Malformed),
        (Bytes::from(vec![0xc0; 65 * 1024]), ErrorCode::TooLarge),
        (encode("no_such_message", &BTreeMap::<&str, u8>::new()), ErrorCode::UnknownMessage),
        (encode("decision", &BTreeMap::<&str, u8>::new()), ErrorCode::BadField),
    ]
}

/// Returns the most memory the process ever had resident, in KiB.
fn peak_kib(monitor: &Monitor) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", monitor.program.id()))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("VmHWM")?;
    line.split_whitespace().nth(1).context("a number")?.parse().context("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_hostile_frames_costs_bounded_memory_and_nobody_else() -> Result<()> {
    let monitor = Monitor::start(&[])?;
    let mut honest = connect(&monitor, "honest").await?;
    let frames = hostile_frames();
    // Once round, so that buffers which every session needs are there.
    let mut warm = connect(&monitor, "hostile-warm").await?;
    for (frame, code) in &frames {
        warm.send(Message::Binary(frame.clone())).await?;
        ensure!(error(&mut warm).await? == *code, "another code than {code:?}");
    }
    drop(warm);
    let before = peak_kib(&monitor)?;
    for session in 0..SESSIONS {
        let mut hostile = connect(&monitor, &format!("hostile-{session}")).await?;
        for (frame, code) in frames.iter().cycle().take(FRAMES) {
            hostile.send(Message::Binary(frame.clone())).await?;
            let found = error(&mut hostile).await?;
            ensure!(found == *code, "{found:?} instead of {code:?} for {:?}", frame.get(..8));
        }
        if session % 10 == 0 {
            // Somebody else is served all the while: a message without its field is answered at once.
            honest
                .send(Message::Binary(encode("request_intervention", &BTreeMap::<&str, u8>::new())))
                .await?;
            ensure!(error(&mut honest).await? == ErrorCode::BadField, "the honest session is not served");
        }
    }
    let grown = peak_kib(&monitor)?.saturating_sub(before);
    println!(
        "{} hostile frames: the monitor's peak grew by {grown} KiB (from {before} KiB)",
        SESSIONS * FRAMES
    );
    ensure!(grown <= MAY_GROW_KIB, "the monitor grew by {grown} KiB");
    Ok(())
}
