//! Hostile frames and slow readers: a clear answer each, and nobody else notices.

use crate::support::{Client, PATIENCE, inputs, options, start};
use bytes::Bytes;
use futures_util::SinkExt;
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use watchkeeper_engine::EngineInput;
use watchkeeper_protocol::{MAX_FRAME, encode, session::ErrorCode};

#[tokio::test]
async fn every_hostile_frame_is_answered_and_both_sessions_go_on() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut hostile = Client::agent(&server, "hostile").await;
    let mut other = Client::agent(&server, "other").await;
    let nested = [vec![0x92, 0xa1, b'x'], vec![0x91; 5_000]].concat();
    let length = vec![0x92, 0xa1, b'x', 0xdd, 0xff, 0xff, 0xff, 0xff];
    let nan = encode("decision", &std::collections::BTreeMap::from([("seq", 1.0), ("confidence", f64::NAN)]));
    for (frame, code) in [
        (Bytes::from_static(&[0xc1, 0x07, 0x99, 0x00]), ErrorCode::Malformed),
        (Bytes::new(), ErrorCode::Malformed),
        (Bytes::from(nested), ErrorCode::Malformed),
        (Bytes::from(length), ErrorCode::Malformed),
        (Bytes::from(vec![0; MAX_FRAME + 1]), ErrorCode::TooLarge),
        (Bytes::from(vec![0; 200 << 10]), ErrorCode::TooLarge),
        (encode("no_such_message", &()), ErrorCode::UnknownMessage),
        (encode("decision", &std::collections::BTreeMap::<&str, u8>::new()), ErrorCode::BadField),
        (nan, ErrorCode::BadField),
    ] {
        hostile.send(frame.clone()).await;
        let report = hostile.error().await.expect("the session goes on");
        assert_eq!(report.code, code, "{:?}", frame.get(..16));
        assert!(!report.message.as_str().is_empty());
        other.is_served().await;
    }
    hostile.send_text("{}").await;
    assert_eq!(hostile.error().await.unwrap().code, ErrorCode::NotBinary);
    hostile.is_served().await;
    // 10 answered above, 1 + 9 by `is_served`.
    assert_eq!(server.stop().await.unwrap().refused_frames, 20);
    let counted: u64 = inputs(dir.path())
        .iter()
        .map(|input| if let EngineInput::RefusedFrames { count } = input { *count } else { 0 })
        .sum();
    assert_eq!(counted, 20, "the engine hears of every one");
}

#[tokio::test]
async fn a_missing_field_is_named() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut agent = Client::agent(&server, "a").await;
    agent.send(encode("request_intervention", &std::collections::BTreeMap::<&str, u8>::new())).await;
    let report = agent.error().await.unwrap();
    assert_eq!(report.code, ErrorCode::BadField);
    assert_eq!(report.field.unwrap().as_str(), "reason");
    assert_eq!(report.kind.unwrap().as_str(), "request_intervention");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_frame_too_large_to_read_ends_its_session_with_the_reason() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut hostile = Client::agent(&server, "hostile").await;
    let mut other = Client::agent(&server, "other").await;
    let huge = Message::Binary(Bytes::from(vec![0; 2 << 20]));
    // The server stops reading in the middle of it, so the write itself may fail.
    let sent = timeout(PATIENCE, hostile.socket.send(huge)).await;
    assert!(sent.is_ok(), "the server neither reads on nor ends the session");
    if let Some(report) = hostile.error().await {
        assert_eq!(report.code, ErrorCode::TooLarge);
    }
    hostile.ended().await;
    other.is_served().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn more_than_a_hundred_refused_frames_end_the_session() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut hostile = Client::agent(&server, "hostile").await;
    for _ in 0..101 {
        hostile.send(Bytes::from_static(&[0xc1])).await;
    }
    for _ in 0..100 {
        assert_eq!(hostile.error().await.unwrap().code, ErrorCode::Malformed);
    }
    let last = hostile.error().await.unwrap();
    assert!(last.message.as_str().contains("more than 100 refused frames"), "{}", last.message);
    hostile.ended().await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_read_is_closed_and_delays_nobody() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut options = options(dir.path());
    // Each refused frame is answered: what the slow one does not read piles up.
    options.limits.refused_frames = usize::MAX;
    let server = crate::support::serve(options).await;
    let mut other = Client::agent(&server, "other").await;
    other.is_served().await;
    let mut slow = Client::narrow(&server).await;
    slow.send(encode("hello", &crate::support::operator_hello("slow", server.token()))).await;
    let flood = tokio::spawn(async move {
        let frame = encode(&"x".repeat(60), &());
        let mut sent = 0_u64;
        // Ends when the server has closed the connection.
        while slow.socket.send(Message::Binary(frame.clone())).await.is_ok() {
            sent += 1;
        }
        sent
    });
    let mut flood = std::pin::pin!(flood);
    let mut patience = std::pin::pin!(tokio::time::sleep(PATIENCE));
    let mut served = 0;
    let sent = loop {
        tokio::select! {
            sent = &mut flood => break sent.unwrap(),
            () = &mut patience => panic!("the slow session was never closed"),
            () = other.is_served() => served += 1,
        }
    };
    assert!(sent > 0);
    // The write deadline of a console is 250 ms; whoever had to wait for it would be served a few times at most.
    assert!(served > 50, "the other session was served {served} times meanwhile");
    timeout(Duration::from_secs(1), other.is_served()).await.unwrap();
    server.stop().await.unwrap();
}
