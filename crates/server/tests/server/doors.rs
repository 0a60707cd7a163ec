//! Who gets in, and how many.

use crate::support::{Client, agent_hello, operator_hello, options, request, start};
use std::time::Duration;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use tokio_tungstenite::tungstenite::{
    Error,
    handshake::client::Request,
    http::{HeaderValue, header},
};
use watchkeeper_protocol::{encode, session::ErrorCode};
use watchkeeper_server::RunningServer;

async fn status_of(server: &RunningServer, change: impl FnOnce(&mut Request)) -> u16 {
    let mut request = request(server);
    change(&mut request);
    match Client::upgrade(server, request).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("no answer in HTTP: {error}"),
    }
}

#[tokio::test]
async fn upgrades_from_elsewhere_or_to_elsewhere_are_refused_with_a_status() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let set = |name, value: &str| {
        let value = HeaderValue::from_str(value).unwrap();
        move |request: &mut Request| {
            request.headers_mut().insert(name, value);
        }
    };
    let uri = |path: &str| {
        let uri = format!("ws://{}{path}", server.address()).parse().unwrap();
        move |request: &mut Request| *request.uri_mut() = uri
    };
    assert_eq!(status_of(&server, |_| {}).await, 101);
    assert_eq!(status_of(&server, uri("/v2")).await, 404);
    assert_eq!(status_of(&server, uri(&format!("/v1?token={}", server.token()))).await, 400);
    assert_eq!(status_of(&server, set(header::SEC_WEBSOCKET_PROTOCOL, "watchkeeper.v9")).await, 400);
    assert_eq!(status_of(&server, set(header::HOST, "evil.test")).await, 403);
    assert_eq!(status_of(&server, set(header::ORIGIN, "https://evil.test")).await, 403);
    assert_eq!(status_of(&server, set(header::ORIGIN, "http://localhost:8080")).await, 101);
    assert_eq!(status_of(&server, set(header::AUTHORIZATION, "Bearer 00")).await, 401);
    let bearer = format!("Bearer {}", server.token());
    assert_eq!(status_of(&server, set(header::AUTHORIZATION, &bearer)).await, 101);
    let report = server.stop().await.unwrap();
    assert_eq!(report.sessions, 0, "nobody said hello");
}

#[tokio::test]
async fn a_wrong_or_absent_token_is_refused_and_a_bearer_stands_for_it() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let wrong = server.token().replace(|c| c != '0', "0");
    for token in [None, Some(""), Some(wrong.as_str())] {
        let mut client = Client::upgrade(&server, request(&server)).await.unwrap();
        client.send(encode("hello", &agent_hello("a", token))).await;
        assert_eq!(client.error().await.unwrap().code, ErrorCode::Unauthorised);
        client.ended().await;
    }
    let mut with_bearer = request(&server);
    let bearer = HeaderValue::from_str(&format!("Bearer {}", server.token())).unwrap();
    with_bearer.headers_mut().insert(header::AUTHORIZATION, bearer);
    let mut client = Client::upgrade(&server, with_bearer).await.unwrap();
    client.send(encode("hello", &agent_hello("a", None))).await;
    client.is_served().await;
    let report = server.stop().await.unwrap();
    assert_eq!((report.sessions, report.refused_connections), (1, 3));
}

#[tokio::test]
async fn the_first_frame_must_be_a_hello_and_must_come_in_time() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut options = options(dir.path());
    options.limits.hello_deadline = Duration::from_millis(200);
    let server = crate::support::serve(options).await;
    let mut early = Client::upgrade(&server, request(&server)).await.unwrap();
    early.send(encode("heartbeat", &())).await;
    assert_eq!(early.error().await.unwrap().code, ErrorCode::NoHello);
    early.ended().await;
    let mut text = Client::upgrade(&server, request(&server)).await.unwrap();
    text.send_text("hello").await;
    assert_eq!(text.error().await.unwrap().code, ErrorCode::NotBinary);
    let mut silent = Client::upgrade(&server, request(&server)).await.unwrap();
    assert_eq!(silent.error().await.unwrap().code, ErrorCode::NoHello);
    silent.ended().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn half_open_connections_end_at_their_deadline() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut options = options(dir.path());
    options.limits.upgrade_deadline = Duration::from_millis(300);
    let server = crate::support::serve(options).await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let mut byte = [0];
    assert!(timeout(Duration::from_millis(100), stream.read(&mut byte)).await.is_err(), "not at once");
    let read = timeout(Duration::from_secs(5), stream.read(&mut byte)).await.expect("at its deadline");
    assert_eq!(read.unwrap_or(0), 0);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_crowd_that_says_nothing_keeps_nobody_out() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut options = options(dir.path());
    options.limits.waiting = 8;
    let server = crate::support::serve(options).await;
    let mut crowd = Vec::new();
    for _ in 0..40 {
        crowd.push(TcpStream::connect(server.address()).await.unwrap());
    }
    let mut honest = Client::agent(&server, "honest").await;
    honest.is_served().await;
    // All but the newest have been shown out, long before the deadline of 5 s.
    for stream in crowd.iter_mut().take(32) {
        let mut byte = [0];
        let read = timeout(Duration::from_secs(2), stream.read(&mut byte)).await.expect("shown out");
        assert_eq!(read.unwrap_or(0), 0);
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn places_are_limited_and_agents_cannot_take_those_of_people() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut options = options(dir.path());
    options.limits.agent_sessions = 2;
    options.limits.console_sessions = 1;
    let server = crate::support::serve(options).await;
    let mut first = Client::agent(&server, "a").await;
    first.is_served().await;
    let mut second = Client::agent(&server, "b").await;
    second.is_served().await;
    let mut third = Client::agent(&server, "c").await;
    assert_eq!(third.error().await.unwrap().code, ErrorCode::TooManySessions);
    let mut person = Client::upgrade(&server, request(&server)).await.unwrap();
    person.send(encode("hello", &operator_hello("kim", server.token()))).await;
    person.is_served().await;
    first.close().await;
    // The place is free once the server has seen the end.
    let mut fourth = loop {
        let mut client = Client::agent(&server, "d").await;
        client.send(encode("are_you_there", &())).await;
        let code = client.error().await.unwrap().code;
        if code == ErrorCode::UnknownMessage {
            break client;
        }
        assert_eq!(code, ErrorCode::TooManySessions);
    };
    fourth.is_served().await;
    server.stop().await.unwrap();
}
