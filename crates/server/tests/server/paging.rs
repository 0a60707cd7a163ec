//! Calls to people away from their consoles, brought to a receiver on a real socket.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::support::{PATIENCE, options};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    collections::BTreeMap,
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};
use watchkeeper_engine::config::Webhook;
use watchkeeper_model::{AgentId, AgentKind, DemandId, Incarnation, MonoTime, Note, PageReason, WallTime};
use watchkeeper_protocol::record::Page;
use watchkeeper_server::{
    PageCounts, Pager, PagerHandle, PagerOptions, Server, ServerOptions, clock::Clock, pager::Retry,
};

const SECRET: &str = "whsec_c2l4dHkgYnl0ZXMgb3Igc28gdGhhdCBub2JvZHkgc2hvdWxkIHNlZQ==";
/// Waits that do not make a test slow.
const SOON: Retry = Retry { first: Duration::from_millis(2), longest: Duration::from_millis(20) };

/// One request as it came.
#[derive(Clone, Debug)]
struct Received {
    head: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Received {
    fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// Checks it as `docs/paging.md` tells receivers to.
    fn assert_signed(&self) {
        let timestamp = &self.headers["webhook-timestamp"];
        let age = Clock.timestamp().as_second() - timestamp.parse::<i64>().unwrap();
        assert!((0..=10).contains(&age), "the timestamp is that of the try: {age} s old");
        let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{timestamp}.{}", self.id(), self.body).as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(self.headers["webhook-signature"], expected);
        assert_eq!(self.headers["content-type"], "application/json");
    }
}

/// A receiver. Its answers are taken from a list, and are 200 when that is empty; 0 is no answer at all.
struct Receiver {
    address: SocketAddr,
    requests: mpsc::Receiver<Received>,
    task: JoinHandle<()>,
}

impl Receiver {
    async fn answering(answers: &[u16]) -> Self {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), answers).await
    }

    async fn at(address: SocketAddr, answers: &[u16]) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::channel(64);
        let answers = Arc::new(Mutex::new(answers.iter().rev().copied().collect::<Vec<_>>()));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = answers.lock().unwrap().pop().unwrap_or(200);
                tokio::spawn(serve(stream, answer, sender.clone()));
            }
        });
        Self { address, requests, task }
    }

    fn url(&self) -> String {
        format!("http://{}/calls", self.address)
    }

    async fn next(&mut self) -> Received {
        timeout(PATIENCE, self.requests.recv()).await.expect("no request came").unwrap()
    }

    /// Says that nothing else came.
    fn assert_quiet(&mut self) {
        assert!(self.requests.try_recv().is_err(), "one more request came");
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, answer: u16, requests: mpsc::Sender<Received>) -> io::Result<()> {
    let mut bytes = Vec::new();
    let received = loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        if let Some(received) = parse(&String::from_utf8_lossy(&bytes)) {
            break received;
        }
    };
    requests.send(received).await.unwrap();
    if answer == 0 {
        std::future::pending::<()>().await;
    }
    let text = format!("HTTP/1.1 {answer} Whatever\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(text.as_bytes()).await
}

/// Returns a request once it is whole.
fn parse(text: &str) -> Option<Received> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (first, lines) = head.split_once("\r\n")?;
    let headers: BTreeMap<String, String> = lines
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    let whole = body.len() == length;
    whole.then(|| Received { head: first.to_owned(), headers, body: body.to_owned() })
}

fn page(demand: u64) -> Page {
    Page {
        reason: PageReason::NobodyOnline,
        demand_id: DemandId(demand),
        agent: AgentId::new("truck-17").unwrap(),
        kind: AgentKind::Vehicle,
        alert_id: None,
        at: MonoTime::from_nanos(1),
        left_nanos: 9_000_000_000,
        text: Note::cut("it asks for a person"),
    }
}

fn webhook(dir: &Path, url: &str) -> Webhook {
    let path = dir.join("pager.secret");
    fs::write(&path, format!("{SECRET}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    Webhook {
        url: url.to_owned(),
        secret_file: path.to_str().unwrap().to_owned(),
        keep_secs: 60,
        timeout_secs: 5,
    }
}

/// A pager that runs.
struct Running {
    handle: PagerHandle,
    task: JoinHandle<()>,
    counts: Arc<PageCounts>,
}

impl Running {
    async fn start(dir: &Path, webhook: &Webhook) -> Self {
        let counts = Arc::new(PageCounts::default());
        let options = PagerOptions { directory: dir.join("pages"), incarnation: Incarnation(4), retry: SOON };
        let (handle, task) = Pager::open(webhook).unwrap().start(options, Arc::clone(&counts)).await.unwrap();
        Self { handle, task, counts }
    }

    fn page(&self, demand: u64) {
        self.handle.page(page(demand), WallTime::from_unix_nanos(Clock.wall().as_unix_nanos()));
    }

    async fn until(&self, what: &str, wanted: impl Fn(&PageCounts) -> bool) {
        let all = async {
            while !wanted(&self.counts) {
                sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = timeout(PATIENCE, all).await;
        assert!(waited.is_ok(), "{what}: {:?}", self.counts);
    }

    async fn stop(self) {
        drop(self.handle);
        timeout(PATIENCE, self.task).await.expect("the pager does not stop").unwrap();
    }
}

/// The names in the directory of calls.
fn waiting(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_call_that_is_refused_twice_comes_again_under_the_same_id_and_is_taken_once() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut receiver = Receiver::answering(&[500, 500, 200]).await;
    let pager = Running::start(dir.path(), &webhook(dir.path(), &receiver.url())).await;
    pager.page(7);
    let tries = [receiver.next().await, receiver.next().await, receiver.next().await];
    for one in &tries {
        assert_eq!((one.head.as_str(), one.id()), ("POST /calls HTTP/1.1", "page-7-nobody_online"));
        assert_eq!(one.body, tries[0].body, "the same call");
        one.assert_signed();
    }
    let body: serde_json::Value = serde_json::from_str(&tries[0].body).unwrap();
    assert_eq!((&body["type"], &body["data"]["demand_id"]), (&"takeover.page".into(), &7.into()));
    assert_eq!((&body["data"]["agent"], &body["data"]["incarnation"]), (&"truck-17".into(), &4.into()));
    pager.until("delivered", |counts| counts.delivered() == 1 && counts.waiting() == 0).await;
    assert_eq!((pager.counts.failed_tries(), pager.counts.given_up()), (2, 0));
    assert_eq!(waiting(&dir.path().join("pages")), [""; 0]);
    pager.stop().await;
    receiver.assert_quiet();
}

#[tokio::test]
async fn a_receiver_that_comes_later_gets_what_waited() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let address = Receiver::answering(&[]).await.address;
    let pager = Running::start(dir.path(), &webhook(dir.path(), &format!("http://{address}/"))).await;
    pager.page(1);
    pager.page(2);
    pager.until("failed", |counts| counts.failed_tries() >= 4 && counts.waiting() == 2).await;
    let mut receiver = Receiver::at(address, &[]).await;
    let mut ids = [receiver.next().await.id().to_owned(), receiver.next().await.id().to_owned()];
    ids.sort();
    assert_eq!(ids, ["page-1-nobody_online", "page-2-nobody_online"]);
    pager.until("delivered", |counts| counts.delivered() == 2).await;
    pager.stop().await;
}

#[tokio::test]
async fn what_a_pager_leaves_when_it_stops_the_next_one_sends_under_the_same_id() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let address = Receiver::answering(&[]).await.address;
    let webhook = webhook(dir.path(), &format!("http://{address}/"));
    let pager = Running::start(dir.path(), &webhook).await;
    pager.page(5);
    pager.stop().await;
    let pages = dir.path().join("pages");
    assert_eq!(waiting(&pages), ["page-5-nobody_online.json"], "also what came just before the end");
    let kept = fs::read_to_string(pages.join("page-5-nobody_online.json")).unwrap();
    assert!(!kept.contains("c2l4dHkg") && !kept.contains("webhook-signature"), "{kept}");

    fs::write(pages.join("page-6-nobody_online.json"), "{}").unwrap();
    let mut receiver = Receiver::at(address, &[]).await;
    let pager = Running::start(dir.path(), &webhook).await;
    let call = receiver.next().await;
    assert_eq!(call.id(), "page-5-nobody_online");
    call.assert_signed();
    pager.until("delivered", |counts| counts.delivered() == 1 && counts.waiting() == 0).await;
    pager.stop().await;
    assert_eq!(waiting(&pages), ["page-6-nobody_online.json.bad"], "what is damaged holds nothing up");
    receiver.assert_quiet();
}

#[tokio::test]
async fn a_call_that_hangs_does_not_hold_up_the_others() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut receiver = Receiver::answering(&[0]).await;
    let pager = Running::start(dir.path(), &webhook(dir.path(), &receiver.url())).await;
    pager.page(1);
    assert_eq!(receiver.next().await.id(), "page-1-nobody_online");
    for demand in 2..=9 {
        pager.page(demand);
    }
    pager.until("delivered", |counts| counts.delivered() == 8 && counts.waiting() == 1).await;
    pager.stop().await;
    assert_eq!(waiting(&dir.path().join("pages")), ["page-1-nobody_online.json"]);
}

#[tokio::test]
async fn a_redirection_is_not_followed_and_counts_as_a_refusal() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut receiver = Receiver::answering(&[302, 307]).await;
    let pager = Running::start(dir.path(), &webhook(dir.path(), &receiver.url())).await;
    pager.page(1);
    for _ in 0..3 {
        assert_eq!(receiver.next().await.head, "POST /calls HTTP/1.1");
    }
    pager.until("delivered", |counts| counts.delivered() == 1).await;
    assert_eq!(pager.counts.failed_tries(), 2);
    pager.stop().await;
}

/// What was logged, at its loudest.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_call_is_logged_by_its_id_and_neither_secret_nor_signature_nor_path_is() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut receiver = Receiver::answering(&[503]).await;
    let pager = Running::start(dir.path(), &webhook(dir.path(), &receiver.url())).await;
    pager.page(3);
    let signatures = [receiver.next().await, receiver.next().await]
        .map(|one| one.headers["webhook-signature"].replacen("v1,", "", 1));
    pager.until("delivered", |counts| counts.delivered() == 1).await;
    pager.stop().await;
    drop(guard);
    let text = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    for part in ["page-3-nobody_online", "the receiver answered 503", "a call was delivered"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    for secret in ["c2l4dHkg", "sixty bytes", "/calls", &signatures[0], &signatures[1]] {
        assert!(!text.contains(secret), "{secret:?} is in\n{text}");
    }
}

fn with_webhook(dir: &Path, url: &str) -> ServerOptions {
    let mut options = options(dir);
    options.config.webhook = Some(webhook(dir, url));
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_sends_what_an_earlier_run_left_and_without_a_webhook_keeps_nothing() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = crate::support::serve(options(dir.path())).await;
    server.stop().await.unwrap();
    assert!(!data.join("pages").exists());

    let address = Receiver::answering(&[]).await.address;
    let options = with_webhook(dir.path(), &format!("http://{address}/calls"));
    let pager = Running::start(&data, options.config.webhook.as_ref().unwrap()).await;
    pager.page(11);
    pager.stop().await;
    let mut receiver = Receiver::at(address, &[]).await;
    let server = crate::support::serve(options).await;
    assert_eq!(receiver.next().await.id(), "page-11-nobody_online");
    server.stop().await.unwrap();
    assert_eq!(waiting(&data.join("pages")), [""; 0]);
}

#[tokio::test]
async fn a_server_whose_secret_others_may_read_does_not_start_and_makes_nothing() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let options = with_webhook(dir.path(), "http://127.0.0.1:9/");
    fs::set_permissions(dir.path().join("pager.secret"), fs::Permissions::from_mode(0o644)).unwrap();
    let error = format!("{:#}", Server::start(options).await.unwrap_err());
    assert!(error.contains("pager.secret") && error.contains("chmod 600"), "{error}");
    assert!(!dir.path().join("data").exists());
}
