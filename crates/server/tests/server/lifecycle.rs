//! Starts, restarts, ends, and the files of a run.

use crate::support::{Client, PATIENCE, options, start};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::Path,
};
use tokio::{sync::oneshot, time::timeout};
use watchkeeper_ledger::{DirReader, ReadStorage};
use watchkeeper_protocol::session::ErrorCode;
use watchkeeper_server::{Server, ledger_dir, runtime_dir, serve};

#[tokio::test]
async fn a_second_server_on_the_same_data_directory_is_refused() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let error = Server::start(options(dir.path())).await.unwrap_err();
    assert!(format!("{error:#}").contains("another process writes to the ledger"), "{error:#}");
    let mut agent = Client::agent(&server, "a").await;
    agent.is_served().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn every_start_has_a_higher_incarnation_and_other_session_ids() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    for run in 1..=3 {
        let server = start(dir.path()).await;
        assert_eq!(server.incarnation().0, run);
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn addresses_that_others_can_reach_are_refused() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut options = options(dir.path());
    options.listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let error = Server::start(options).await.unwrap_err();
    assert!(error.to_string().contains("not a loopback address"), "{error}");
}

#[tokio::test]
async fn the_files_of_a_run_are_private_and_go_with_it() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut options = options(dir.path());
    options.ready_file = Some(dir.path().join("ready"));
    options.head_file = Some(dir.path().join("head"));
    let server = crate::support::serve(options).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let token_file = server.token_file().to_owned();
    assert_eq!(fs::read_to_string(&token_file).unwrap(), server.token());
    assert_eq!(server.token().len(), 64);
    assert_eq!(mode(&token_file), 0o600);
    assert_eq!(mode(&dir.path().join("data")), 0o700);
    let url_file = token_file.with_file_name("url");
    assert_eq!(fs::read_to_string(&url_file).unwrap(), format!("{}\n", server.url()));
    assert_eq!(fs::read_to_string(dir.path().join("ready")).unwrap(), format!("{}\n", server.url()));
    assert!(!format!("{server:?}").contains(server.token()), "Debug shows the token");
    let report = server.stop().await.unwrap();
    assert!(!token_file.exists() && !url_file.exists());
    let head: watchkeeper_ledger::Head =
        fs::read_to_string(dir.path().join("head")).unwrap().lines().last().unwrap().parse().unwrap();
    assert_eq!((head.sequence, head.hash.0), (report.head.sequence, report.head.hash));
}

#[test]
fn the_token_lies_in_the_runtime_directory_where_there_is_one() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let data = dir.path().join("data");
    assert_eq!(runtime_dir(None, &data), data);
    assert_eq!(runtime_dir(Some(dir.path().join("gone")), &data), data);
    assert_eq!(runtime_dir(Some(dir.path().to_owned()), &data), dir.path().join("watchkeeper"));
}

#[tokio::test]
async fn a_stop_says_goodbye_and_ends_in_good_order() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut agent = Client::agent(&server, "a").await;
    agent.is_served().await;
    let mut person = Client::operator(&server, "kim").await;
    person.is_served().await;
    let stop = tokio::spawn(server.stop());
    for client in [&mut agent, &mut person] {
        assert_eq!(client.error().await.unwrap().code, ErrorCode::ShuttingDown);
        client.ended().await;
    }
    let report = timeout(PATIENCE, stop).await.unwrap().unwrap().unwrap();
    assert_eq!(report.sessions, 2);
    let ended = crate::support::inputs(dir.path())
        .iter()
        .filter(|input| matches!(input, watchkeeper_engine::EngineInput::Disconnected { .. }))
        .count();
    assert_eq!(ended, 2);
}

#[tokio::test]
async fn serve_runs_until_it_is_told_to_stop() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut options = options(dir.path());
    let ready = dir.path().join("ready");
    options.ready_file = Some(ready.clone());
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(serve(options, async { stopped.await.unwrap() }));
    while !ready.exists() {
        assert!(!running.is_finished());
        tokio::task::yield_now().await;
    }
    stop.send(()).unwrap();
    let report = timeout(PATIENCE, running).await.unwrap().unwrap().unwrap();
    assert_eq!(report.incarnation.0, 1);
}

#[tokio::test]
async fn damage_is_named_and_refused_until_it_is_accepted() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut agent = Client::agent(&server, "a").await;
    agent.is_served().await;
    server.stop().await.unwrap();
    let ledger = ledger_dir(&dir.path().join("data"));
    let segments = DirReader::open(&ledger).unwrap().segments().unwrap();
    let path = ledger.join(format!("segment-{:010}.wkl", segments.last().unwrap()));
    let mut bytes = fs::read(&path).unwrap();
    // A byte in the payload of the second record or so; good records follow.
    let records = crate::support::records(dir.path());
    let victim = &records[1];
    bytes[usize::try_from(victim.offset).unwrap() + 40] ^= 1;
    fs::write(&path, &bytes).unwrap();

    let error = Server::start(options(dir.path())).await.unwrap_err();
    let message = format!("{error:#}");
    assert!(message.contains(&format!("record {}", victim.sequence)), "{message}");
    assert!(message.contains("--accept-corruption"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), bytes, "nothing was changed");

    let mut accepting = options(dir.path());
    accepting.accept_corruption = true;
    let server = crate::support::serve(accepting).await;
    assert!(server.incarnation().0 > 1);
    server.stop().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes, "the damaged segment is kept as it is");
    let again = start(dir.path()).await;
    again.stop().await.unwrap();
}
