//! Everything of the pager that needs no receiver: `tests/server/paging.rs` has one.

use super::{
    schedule::{AfterFailure, MOST, Schedule},
    secret::Secret,
    *,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
    version::TLS13,
};
use std::{
    fs,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use watchkeeper_model::{AgentId, AgentKind, AlertId, DemandId, Note, PageReason};

/// The secret of the published test vector.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECOND: Duration = Duration::from_secs(1);

fn page(demand: u64, reason: PageReason) -> Page {
    Page {
        reason,
        demand_id: DemandId(demand),
        agent: AgentId::new("truck-17").unwrap(),
        kind: AgentKind::Vehicle,
        alert_id: Some(AlertId(3)),
        at: MonoTime::from_nanos(5),
        left_nanos: 8_123_456_789,
        text: Note::cut("speed is 31 m/s, \"max\" 25"),
    }
}

fn call(demand: u64) -> Call {
    let made_at = WallTime::from_unix_nanos(1_700_000_000_000_000_000 + i64::try_from(demand).unwrap());
    Call::new(&page(demand, PageReason::NobodyOnline), Incarnation(2), made_at)
}

fn at(secs: u64) -> MonoTime {
    MonoTime::from_nanos(0).after(SECOND * u32::try_from(secs).unwrap())
}

fn write_secret(dir: &Path, text: &str, mode: u32) -> PathBuf {
    let path = dir.join("pager.secret");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// The vector that implementations of the specification share; also by Python:
/// `hmac.new(base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test":
/// 2432232314}', hashlib.sha256).digest()`, in base64.
#[test]
fn the_signature_is_that_of_the_published_vector() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let secret = Secret::open(&write_secret(dir.path(), &format!("{SECRET}\n"), 0o600)).unwrap();
    assert_eq!(
        secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}"),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

#[test]
fn a_secret_that_cannot_be_used_is_refused_with_what_to_do_and_nothing_of_it_is_shown() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    for (text, mode, why) in [
        ("", 0o600, "it is empty"),
        (" \n", 0o600, "it is empty"),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0o600, "does not begin with `whsec_`"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!", 0o600, "not base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLQ==", 0o600, "it has 22 bytes"),
        (SECRET, 0o640, "chmod 600"),
        (SECRET, 0o604, "chmod 600"),
        (&"x".repeat(5_000), 0o600, "more than 4096 bytes"),
    ] {
        let path = write_secret(dir.path(), text, mode);
        let error = format!("{:#}", Secret::open(&path).unwrap_err());
        for part in [why, path.to_str().unwrap(), "secret_file under [webhook]", "head -c 32 /dev/urandom"] {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
        assert!(!error.contains("MfKQ9r8G"), "{error}");
    }
    let missing = format!("{:#}", Secret::open(&dir.path().join("none")).unwrap_err());
    assert!(missing.contains("No such file") && missing.contains("To make a new one"), "{missing}");
    assert!(format!("{:#}", Secret::open(dir.path()).unwrap_err()).contains("it is no file"));
}

fn webhook(dir: &TempDir, url: &str) -> Webhook {
    let secret_file = write_secret(dir.path(), SECRET, 0o600).to_str().unwrap().to_owned();
    Webhook { url: url.to_owned(), secret_file, keep_secs: 60, timeout_secs: 5 }
}

#[test]
fn nothing_shows_the_secret_or_the_path_of_the_address_when_it_is_printed() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let webhook = webhook(&dir, "http://127.0.0.1:9/calls/of-a-team");
    let shown = format!("{:?} {webhook:?}", Pager::open(&webhook).unwrap());
    assert!(shown.contains("http://127.0.0.1:9\""), "{shown}");
    assert!(!shown.contains("MfKQ9r8G") && !shown.contains("[49, 242"), "{shown}");
    let pager = format!("{:?}", Pager::open(&webhook).unwrap());
    assert!(!pager.contains("of-a-team"), "{pager}");
}

#[test]
fn an_address_is_looked_at_again_as_it_will_be_called() {
    for bad in
        ["http://2130706433.example/", "http://[::2]/", "https://a:b@c/", "ftp://127.0.0.1/", "127.0.0.1"]
    {
        assert!(courier::parse(bad).is_err(), "{bad}");
    }
    assert!(courier::parse("http://[::1]:8080/x").is_ok());
}

#[test]
fn a_call_says_in_words_what_the_page_says_in_numbers() {
    let mut call = call(7);
    assert_eq!(call.id.as_str(), "page-7-nobody_online");
    assert_eq!(
        call.body,
        "{\"type\":\"takeover.page\",\"timestamp\":\"2023-11-14T22:13:20.000000007Z\",\"data\":{\
         \"reason\":\"nobody_online\",\"summary\":\"truck-17 (vehicle) needs a person: nobody who may take over is at a \
         console, 8.1 s left. speed is 31 m/s, \\\"max\\\" 25\",\"demand_id\":7,\"agent\":\"truck-17\",\
         \"kind\":\"vehicle\",\"alert_id\":3,\"left_secs\":8.123,\"text\":\"speed is 31 m/s, \\\"max\\\" 25\",\
         \"incarnation\":2}}"
    );
    assert_eq!(Call::from_kept(call.to_kept().as_bytes()), Ok(call.clone()));
    let kept = call.to_kept();
    call.body = call.body.replace("truck-17", "truck-71");
    assert_ne!(call.to_kept(), kept);
}

#[test]
fn every_reason_makes_a_call_of_its_own() {
    let ids: std::collections::BTreeSet<_> =
        PageReason::ALL.iter().map(|reason| CallId::of(DemandId(1), *reason)).collect();
    assert_eq!(ids.len(), PageReason::ALL.len());
}

#[test]
fn waits_double_from_one_second_to_sixty_with_a_quarter_of_chance() {
    let mut schedule = Schedule::new(Retry::default());
    let (call, mut now) = (Arc::new(call(1)), at(0));
    schedule.handle_call(Arc::clone(&call), at(100_000), now);
    let mut waits = Vec::new();
    for share in [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0] {
        assert_eq!(schedule.poll_call(now), Some(Arc::clone(&call)));
        assert_eq!(schedule.poll_call(now), None, "it is under way");
        let AfterFailure::Again(again) = schedule.handle_failure(&call.id, share, now) else {
            panic!("again")
        };
        assert_eq!(schedule.poll_call(again.before(Duration::from_nanos(1))), None);
        assert_eq!(schedule.poll_timeout(), Some(again));
        waits.push(now.until(again).as_secs());
        now = again;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 75]);
}

#[test]
fn a_call_is_tried_once_more_at_its_end_and_then_given_up() {
    let mut schedule = Schedule::new(Retry::default());
    let call = Arc::new(call(1));
    schedule.handle_call(Arc::clone(&call), at(2), at(0));
    for (now, again) in [(at(0), at(1)), (at(1), at(2))] {
        schedule.poll_call(now).unwrap();
        assert_eq!(schedule.handle_failure(&call.id, 0.0, now), AfterFailure::Again(again));
    }
    schedule.poll_call(at(2)).unwrap();
    assert_eq!(schedule.handle_failure(&call.id, 0.0, at(2)), AfterFailure::GivenUp(Arc::clone(&call)));
    assert_eq!((schedule.len(), schedule.poll_timeout()), (0, None));
    // Also one that was too old when the server started.
    schedule.handle_left_over(Arc::clone(&call), at(1), at(9));
    assert_eq!(schedule.poll_call(at(9)), Some(call));
}

#[test]
fn what_failed_before_leaves_a_place_for_what_is_new() {
    let mut schedule = Schedule::new(Retry::default());
    for demand in 1..=6 {
        schedule.handle_left_over(Arc::new(call(demand)), at(1_000), at(0));
    }
    let under_way: Vec<_> = std::iter::from_fn(|| schedule.poll_call(at(0))).collect();
    assert_eq!(under_way.len(), 3, "repeats take three places of four");
    assert_eq!(schedule.poll_timeout(), None, "and the others wait for one of them");
    schedule.handle_call(Arc::new(call(9)), at(1_000), at(1));
    assert_eq!(schedule.poll_timeout(), Some(at(1)));
    assert_eq!(schedule.poll_call(at(1)).unwrap().id, call(9).id);
    schedule.handle_taken(&under_way[0].id);
    assert_eq!(schedule.poll_call(at(1)).unwrap().id, call(4).id);
}

#[test]
fn the_oldest_that_is_not_under_way_gives_way_to_one_too_many() {
    let mut schedule = Schedule::new(Retry::default());
    for demand in 1..=u64::try_from(MOST).unwrap() {
        assert_eq!(schedule.handle_call(Arc::new(call(demand)), at(9), at(0)), None);
    }
    assert_eq!(schedule.poll_call(at(0)).unwrap().id, call(1).id);
    assert_eq!(schedule.handle_call(Arc::new(call(2)), at(9), at(0)), None, "the same call is no other one");
    assert_eq!(schedule.handle_call(Arc::new(call(5_000)), at(9), at(0)), Some(Arc::new(call(2))));
    assert_eq!(schedule.len(), MOST);
}

#[test]
fn what_is_kept_is_private_and_is_read_back_oldest_first() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let pages = dir.path().join("pages");
    let (spool, left) = Spool::open(&pages).unwrap();
    assert_eq!(left, []);
    let calls: Vec<_> = [30, 4, 200].map(|demand| Arc::new(call(demand))).to_vec();
    assert!(spool.keep(&calls).is_empty());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&pages), mode(&pages.join("page-4-nobody_online.json"))), (0o700, 0o600));
    assert_eq!(fs::read_dir(&pages).unwrap().count(), 3, "nothing unfinished is left");
    let (spool, left) = Spool::open(&pages).unwrap();
    assert_eq!(left, [call(4), call(30), call(200)]);
    spool.remove(&call(4));
    spool.remove(&call(4));
    assert_eq!(Spool::open(&pages).unwrap().1, [call(30), call(200)]);
}

#[test]
fn a_damaged_file_is_set_aside_and_the_others_are_read() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    let name = |demand: u64| format!("page-{demand}-nobody_online.json");
    let (spool, _) = Spool::open(dir.path()).unwrap();
    assert!(spool.keep(&[Arc::new(call(1))]).is_empty());
    let kept = call(2).to_kept();
    write(&name(2), &kept.replace("\\\"left_secs\\\":8", "\\\"left_secs\\\":9"));
    write(&name(3), kept.split_at(kept.len() / 2).0);
    write(&name(4), "");
    write(&name(5), &call(6).to_kept());
    write(&name(7), &call(7).to_kept().replace("\"format\":1", "\"format\":2"));
    write(&name(8), &" ".repeat(1 << 20));
    // A crash came after the sync and before the new name; and before the sync.
    write("page-9-nobody_online.json.new", &call(9).to_kept());
    write("page-10-nobody_online.json.new", "{");
    write("notes.txt", "somebody else's");
    assert_eq!(Spool::open(dir.path()).unwrap().1, [call(1), call(9)]);
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let bad = |demand: u64| format!("{}.bad", name(demand));
    let mut expected =
        vec![name(1), name(9), "page-10-nobody_online.json.new.bad".to_owned(), "notes.txt".to_owned()];
    expected.extend([2, 3, 4, 5, 7, 8].map(bad));
    expected.sort();
    assert_eq!(names, expected);
    assert_eq!(Spool::open(dir.path()).unwrap().1, [call(1), call(9)], "what was set aside is left alone");
}

#[test]
fn what_cannot_be_kept_is_named() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let pages = dir.path().join("pages");
    let (spool, _) = Spool::open(&pages).unwrap();
    fs::remove_dir(&pages).unwrap();
    let lost = spool.keep(&[Arc::new(call(1)), Arc::new(call(2))]);
    assert_eq!(
        lost.iter().map(|(call, _)| call.id.as_str()).collect::<Vec<_>>(),
        ["page-1-nobody_online", "page-2-nobody_online"]
    );
}

#[test]
fn a_page_that_finds_no_room_is_counted_and_the_loop_does_not_wait() {
    let counts = Arc::new(PageCounts::default());
    let (pages, mut taken) = mpsc::channel(1);
    let handle = PagerHandle { pages, counts: Arc::clone(&counts) };
    for demand in 1..=3 {
        handle.page(page(demand, PageReason::NotShown), WallTime::from_unix_nanos(0));
    }
    assert_eq!(counts.given_up(), 2);
    assert_eq!(taken.try_recv().unwrap().0.demand_id, DemandId(1));
    drop(taken);
    handle.page(page(4, PageReason::NotShown), WallTime::from_unix_nanos(0));
    assert_eq!(counts.given_up(), 3);
}

#[test]
fn a_call_left_over_has_what_is_left_of_its_time_whatever_the_wall_clock_did() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let clerk = Clerk {
        courier: Arc::new(Courier::open(&webhook(&dir, "http://127.0.0.1:9/")).unwrap()),
        keep: Duration::from_mins(1),
        incarnation: Incarnation(1),
        spool: Spool::open(&dir.path().join("pages")).unwrap().0,
        schedule: Schedule::new(Retry::default()),
        counts: Arc::default(),
        clock: Clock,
        is_failing: false,
    };
    let call = call(0);
    let wall = |secs: i64| WallTime::from_unix_nanos(call.made_at.as_unix_nanos() + secs * 1_000_000_000);
    for (age, left) in [(0, 60), (25, 35), (3_600, 0), (-3_600, 60)] {
        assert_eq!(clerk.end_of(&call, at(100), wall(age)), at(100 + left), "{age} s old");
    }
}

/// A receiver on https that takes one call, and a client that trusts `trusted`.
async fn call_over_tls(
    trusted: &CertifiedIssuer<'static, KeyPair>,
    actual: &CertifiedIssuer<'static, KeyPair>,
) -> Result<(), TryFailure> {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, actual).unwrap();
    let provider = || Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(leaf.der().to_vec())],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let receiver = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = TlsAcceptor::from(Arc::new(server)).accept(stream).await else { return };
        let mut request = [0; 4_096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    });
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let dir = watchkeeper_canary::tempdir().unwrap();
    let url = format!("https://localhost:{port}/calls");
    let courier = Courier::with_tls(&webhook(&dir, &url), courier::parse(&url).unwrap(), client).unwrap();
    let outcome = courier.deliver(&call(1), 1).await;
    receiver.await.unwrap();
    outcome
}

#[tokio::test]
async fn over_https_only_a_receiver_whose_authority_is_trusted_gets_a_call() {
    let authority = || {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::OrganizationName, format!("{:?}", params.serial_number));
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (ours, other) = (authority(), authority());
    assert_eq!(call_over_tls(&ours, &ours).await, Ok(()));
    let Err(TryFailure::Unreachable(why)) = call_over_tls(&ours, &other).await else {
        panic!("it was trusted")
    };
    assert!(why.contains("certificate") && !why.contains("/calls"), "{why}");
}
