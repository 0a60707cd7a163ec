//! A running server, scraped over HTTP as Prometheus does it.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, looks at a few messages of many, and counts in whole numbers"
)]

use crate::support::{Client, PATIENCE, decision, options};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};
use watchkeeper_protocol::{OperatorMessage, Wire, operator::Presented};
use watchkeeper_server::{RunningServer, Server};

/// Samples by name and labels, as they stand on their lines.
type Samples = BTreeMap<String, f64>;

async fn start(dir: &Path) -> RunningServer {
    let mut options = options(dir);
    options.metrics = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    crate::support::serve(options).await
}

/// Sends a request with plain sockets and returns the whole answer.
async fn ask(server: &RunningServer, head: &str) -> String {
    let url = server.metrics_url().unwrap();
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap().to_owned();
    let request = head.replace("ADDRESS", &address);
    let get = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    tokio::task::spawn_blocking(get).await.unwrap()
}

async fn scrape(server: &RunningServer) -> Samples {
    let answer = ask(server, "GET /metrics HTTP/1.1\r\nHost: ADDRESS\r\n\r\n").await;
    watchkeeper_canary::keep("metrics", &answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
    parse(body)
}

/// Parses every line of the text format; one that is neither a comment nor a sample fails the test.
fn parse(text: &str) -> Samples {
    let mut samples = Samples::new();
    let mut typed = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (kind, name) = (words.next().unwrap(), words.next().unwrap());
            match kind {
                "HELP" => assert!(!words.next().unwrap().is_empty(), "{line}"),
                "TYPE" => assert!(typed.insert(name, words.next().unwrap()).is_none(), "typed twice: {line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        assert!(name.starts_with("watchkeeper_") && name.bytes().all(is_name), "{line}");
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        let of_histogram = family.is_some_and(|family| typed.get(family) == Some(&"histogram"));
        assert!(of_histogram || typed.contains_key(name), "no type: {line}");
        if let Some(labels) = series.strip_prefix(name).filter(|labels| !labels.is_empty()) {
            let labels = labels.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
            for label in labels.split(',') {
                let (_, quoted) = label.split_once('=').unwrap();
                assert!(quoted.len() > 2 && quoted.starts_with('"') && quoted.ends_with('"'), "{line}");
            }
        }
        let value: f64 = value.parse().unwrap();
        assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
    }
    samples
}

/// Scrapes until a sample is as wanted: the engine loop leaves its figures four times a second.
async fn until(server: &RunningServer, series: &str, wanted: impl Fn(f64) -> bool) -> Samples {
    let begun = tokio::time::Instant::now();
    loop {
        let samples = scrape(server).await;
        if samples.get(series).is_some_and(|value| wanted(*value)) {
            return samples;
        }
        assert!(begun.elapsed() < PATIENCE, "{series} is {:?}", samples.get(series));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_move_with_what_happens() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let calm = until(&server, "watchkeeper_engine_rounds_total", |rounds| rounds >= 1.0).await;
    assert_eq!(calm["watchkeeper_decisions_total"], 0.0);
    assert_eq!(calm["watchkeeper_sessions{kind=\"agent\"}"], 0.0);
    assert_eq!(calm["watchkeeper_ledger_stalled"], 0.0);

    let mut console = Client::operator(&server, "ada").await;
    let mut agent = Client::agent(&server, "agent-1").await;
    for seq in 1..=20 {
        agent.send(decision(seq)).await;
    }
    agent.is_served().await;
    let busy = until(&server, "watchkeeper_decisions_total", |decisions| decisions >= 20.0).await;
    assert_eq!(busy["watchkeeper_decisions_total"], 20.0);
    assert_eq!(busy["watchkeeper_sessions{kind=\"agent\"}"], 1.0);
    assert_eq!(busy["watchkeeper_sessions{kind=\"console\"}"], 1.0);
    assert_eq!(busy["watchkeeper_sessions_begun_total"], 2.0);
    assert!(busy["watchkeeper_engine_inputs_total"] > calm["watchkeeper_engine_inputs_total"] + 20.0);
    assert!(
        busy["watchkeeper_engine_busy_microseconds_total"]
            > calm["watchkeeper_engine_busy_microseconds_total"]
    );
    let later = until(&server, "watchkeeper_ledger_durable_inputs", |inputs| inputs > 20.0).await;
    assert!(later["watchkeeper_ledger_durable_sequence"] > later["watchkeeper_ledger_durable_inputs"]);
    for span in ["queue", "detect"] {
        assert_eq!(later[&format!("watchkeeper_server_span_seconds_count{{span=\"{span}\"}}")], 20.0);
    }
    assert!(later["watchkeeper_server_span_seconds_count{span=\"ledger\"}"] > 0.0);
    // `is_served` asks with a message that nobody knows.
    until(&server, "watchkeeper_refused_frames_total", |refused| refused == 1.0).await;

    // A number that is missing is an alert; it is shown a while after it was emitted.
    agent.send(decision(40)).await;
    let alert = console.told(|message| match message {
        watchkeeper_protocol::ToOperator::Alert(update) => Some(update.alarm),
        _ => None,
    });
    let alarm = alert.await;
    let raised = format!("watchkeeper_alerts_raised_total{{severity=\"{}\"}}", alarm.severity);
    let alerted = until(&server, &raised, |raised| raised == 1.0).await;
    assert_eq!(alerted["watchkeeper_alerts_open"], 1.0);
    let detect = "watchkeeper_stage_breaches_total{stage=\"detect\",kind=\"generic\"}";
    assert_eq!(alerted[detect], 1.0, "this agent answers no ping, so that nobody knows when it happened");

    agent.close().await;
    until(&server, "watchkeeper_sessions{kind=\"agent\"}", |agents| agents == 0.0).await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_too_late_is_a_breach_in_its_bucket() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut console = Client::operator(&server, "ada").await;
    let mut agent = Client::agent(&server, "agent-1").await;
    // The console's clock is the monitor's, as its answer to the ping says.
    let sent = console.told(|message| match message {
        watchkeeper_protocol::ToOperator::Ping(ping) => Some(ping.sent_nanos),
        _ => None,
    });
    let sent_nanos = sent.await;
    let pong = watchkeeper_protocol::session::Pong {
        sent_nanos,
        received_nanos: sent_nanos,
        answered_nanos: sent_nanos,
    };
    console.send(OperatorMessage::Pong(pong).encode()).await;
    agent.send(decision(1)).await;
    agent.send(decision(40)).await;
    let alert = console.told(|message| match message {
        watchkeeper_protocol::ToOperator::Alert(update) => Some(update.alarm),
        _ => None,
    });
    let alarm = alert.await;
    // As if the frame had come three seconds after the alert: over the 2 s of an agent of no special kind.
    let presented_nanos = alarm.raised_at.as_nanos() + 3_000_000_000;
    let presented = Presented { alerts: vec![alarm.alert_id], presented_nanos };
    console.send(OperatorMessage::Presented(presented).encode()).await;

    let labels = "stage=\"notify\",kind=\"generic\"";
    let breaches = format!("watchkeeper_stage_breaches_total{{{labels}}}");
    let late = until(&server, &breaches, |breaches| breaches == 1.0).await;
    assert_eq!(late[&format!("watchkeeper_stage_seconds_count{{{labels}}}")], 1.0);
    assert_eq!(late[&format!("watchkeeper_stage_seconds_bucket{{{labels},le=\"2\"}}")], 0.0);
    assert_eq!(late[&format!("watchkeeper_stage_seconds_bucket{{{labels},le=\"5\"}}")], 1.0);
    assert_eq!(late[&format!("watchkeeper_stage_budget_seconds{{{labels},limit=\"hard\"}}")], 2.0);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_of_one_process_keep_their_figures_apart() {
    let (one, two) = (watchkeeper_canary::tempdir().unwrap(), watchkeeper_canary::tempdir().unwrap());
    let (first, second) = (start(one.path()).await, start(two.path()).await);
    assert_ne!(first.metrics_url(), second.metrics_url());
    let mut agent = Client::agent(&first, "agent-1").await;
    agent.send(decision(1)).await;
    until(&first, "watchkeeper_decisions_total", |decisions| decisions == 1.0).await;
    let other = until(&second, "watchkeeper_engine_rounds_total", |rounds| rounds >= 2.0).await;
    assert_eq!(other["watchkeeper_decisions_total"], 0.0);
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_other_requests_are_refused() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: ADDRESS\r\n\r\n", "404 Not Found"),
        ("POST /metrics HTTP/1.1\r\nHost: ADDRESS\r\nContent-Length: 0\r\n\r\n", "405 Method Not Allowed"),
        ("GET /metrics HTTP/1.1\r\nHost: evil.test\r\n\r\n", "403 Forbidden"),
        ("GET /metrics HTTP/1.1\r\n\r\n", "403 Forbidden"),
        ("\u{1}\u{2}\r\n\r\n", "400 Bad Request"),
    ] {
        let answer = ask(&server, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request:?}: {answer}");
        assert!(!answer.contains("watchkeeper_"), "{request:?}: {answer}");
    }
    let head = ask(&server, "HEAD /metrics HTTP/1.1\r\nHost: ADDRESS\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_ask_nothing_hold_up_neither_a_scrape_nor_the_end() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let url = server.metrics_url().unwrap();
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap().to_owned();
    let idle: Vec<TcpStream> = (0..12).map(|_| TcpStream::connect(&address).unwrap()).collect();
    // All places are taken until their deadline is over; then it is answered.
    scrape(&server).await;
    drop(idle);
    let idle = TcpStream::connect(&address).unwrap();
    server.stop().await.unwrap();
    assert!(TcpStream::connect(&address).is_err(), "nobody listens any more");
    drop(idle);
}

#[tokio::test]
async fn metrics_are_off_unless_asked_for_and_on_loopback_only() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = crate::support::start(dir.path()).await;
    assert_eq!(server.metrics_url(), None);
    server.stop().await.unwrap();
    let mut open = options(dir.path());
    open.metrics = Some(SocketAddr::from(([0, 0, 0, 0], 0)));
    let error = Server::start(open).await.unwrap_err().to_string();
    assert!(error.contains("0.0.0.0:0 is not a loopback address"), "{error}");
    assert!(error.contains("metrics"), "{error}");
}
