//! Consoles of the SDK on the real monitor, each with a token of its own scope: what reaches their sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};
use watchkeeper_client::{
    Agent, AgentOptions, DecideError, DecisionDraft, Endpoint, Intent, Operator, OperatorEvent,
    OperatorOptions, Picture, TokenSource, World,
};
use watchkeeper_identity::{KeyDirectory, Subject, issue};
use watchkeeper_model::{
    AgentId, AgentKind, AgentPattern, ControlState, Label, OperatorRole, PersonId, Scope,
};
use watchkeeper_server::{Server, ServerOptions, clock::Clock};

/// Nothing here takes longer; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(20);

type Bytes = Arc<Mutex<Vec<u8>>>;

/// A wire between a console and the monitor that keeps every byte of the monitor's.
async fn tap(monitor: String) -> (String, Bytes) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("ws://{}/v1", listener.local_addr().unwrap());
    let kept = Bytes::default();
    let keep = Arc::clone(&kept);
    tokio::spawn(async move {
        while let Ok((console, _)) = listener.accept().await {
            let monitor = TcpStream::connect(&monitor).await.unwrap();
            let (from_console, to_console) = console.into_split();
            let (from_monitor, to_monitor) = monitor.into_split();
            tokio::spawn(forward(from_console, to_monitor));
            tokio::spawn(keep_all(from_monitor, to_console, Arc::clone(&keep)));
        }
    });
    (url, kept)
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    // An end is an end, however it comes.
    copy(&mut from, &mut to).await.unwrap_or_default();
}

async fn keep_all(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, keep: Bytes) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let part = buffer.get(..count).unwrap();
        keep.lock().unwrap().extend_from_slice(part);
        if to.write_all(part).await.is_err() {
            return;
        }
    }
}

fn holds(bytes: &Bytes, name: &str) -> bool {
    bytes.lock().unwrap().windows(name.len()).any(|window| window == name.as_bytes())
}

/// An agent's own loop: it decides until it is stopped, and then stands.
async fn live(agent: Agent, world: World) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    loop {
        ticks.tick().await;
        let stopped = match agent.decide(DecisionDraft::new("keep", None, vec![1.0])) {
            Ok(_) => false,
            Err(DecideError::Stopped) => true,
            Err(DecideError::Closed) => return,
            Err(error) => panic!("{error}"),
        };
        agent.report(World { condition_reached: stopped, ..world });
    }
}

async fn until(operator: &mut Operator, what: &str, wished: impl Fn(&Picture) -> bool) {
    let watching = async {
        while !wished(operator.picture()) {
            let event = operator.next().await;
            assert!(!matches!(event, OperatorEvent::Refused(_)), "{event:?}");
        }
    };
    let came = timeout(PATIENCE, watching).await.is_ok();
    assert!(came, "{what} never came: {:?}", operator.picture().agents().collect::<Vec<_>>());
}

fn is_in(picture: &Picture, agent: &AgentId, state: ControlState) -> bool {
    picture.agent(agent).is_some_and(|entry| entry.status().settled && entry.status().control_state == state)
}

/// Writes a token into a file, where whoever uses it reads it again.
fn write_token(keys: &KeyDirectory, file: &Path, subject: Subject) -> TokenSource {
    let claims = keys.claims(subject, Duration::from_mins(10), Clock.timestamp()).unwrap();
    std::fs::write(file, issue(&keys.signing_key().unwrap(), &claims).unwrap().as_str()).unwrap();
    TokenSource::File(file.to_owned())
}

fn person(name: &str, scope: &str) -> Subject {
    let (person, scope) = (PersonId::new(name).unwrap(), Scope::new([scope]).unwrap());
    Subject::Person { person, role: OperatorRole::Operator, scope }
}

#[tokio::test]
async fn not_a_byte_about_an_agent_outside_of_its_scope_reaches_a_console() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let keys = KeyDirectory::new(dir.path().join("keys"));
    keys.create(Some(&Label::cut("yard"))).unwrap();
    let options = ServerOptions {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        keys: Some(keys.path().to_owned()),
        ..ServerOptions::new(dir.path().join("data"))
    };
    let server = Server::start(options).await.unwrap();
    let token = |file: &str, subject: Subject| write_token(&keys, &dir.path().join(file), subject);
    let fleet = token("fleet.token", Subject::Agent(AgentPattern::new("*").unwrap()));
    let noras = token("nora.token", person("nora", "north-*"));
    let sues = token("sue.token", person("sue", "*"));
    let names = ["north-1", "south-1"].map(|name| AgentId::new(name).unwrap());
    let [north, south] = &names;
    let mut agents = Vec::new();
    for name in &names {
        let endpoint = Endpoint::new(server.url(), fleet.clone());
        let options =
            AgentOptions::new(endpoint, name.clone(), AgentKind::Generic).with_signals(&[("load", "%")]);
        let world = options.world;
        let agent = Agent::connect(options).await.unwrap();
        agents.push((agent.clone(), tokio::spawn(live(agent, world))));
    }
    let address = server.url().trim_start_matches("ws://").trim_end_matches("/v1").to_owned();
    let console = |name: &str, url: &str, token: TokenSource| {
        Operator::connect(OperatorOptions::new(Endpoint::new(url, token), PersonId::new(name).unwrap()))
    };
    let (url, to_nora) = tap(address.clone()).await;
    let mut nora = console("nora", &url, noras);
    let (url, to_sue) = tap(address).await;
    let mut sue = console("sue", &url, sues);

    let both = |picture: &Picture| names.iter().all(|name| is_in(picture, name, ControlState::Autonomous));
    until(&mut sue, "both agents", both).await;
    let one = |picture: &Picture| picture.is_current() && is_in(picture, north, ControlState::Autonomous);
    until(&mut nora, "her agent", one).await;
    // Something happens at each of them: alerts, commands, states.
    for agent in [south, north] {
        sue.act(Intent::Stop { agent: agent.clone(), reason: None, confirm_many: false }).unwrap();
        until(&mut sue, "a stop", |picture| is_in(picture, agent, ControlState::Estopped)).await;
        until(&mut sue, "an alert", |picture| {
            picture.alerts().any(|(_, entry)| entry.alarm().agent == *agent)
        })
        .await;
    }
    until(&mut nora, "the stop of hers", |picture| is_in(picture, north, ControlState::Estopped)).await;
    assert!(nora.picture().agents().map(|(agent, _)| agent).eq([north]));
    assert!(nora.picture().is_current(), "nothing is missing in her stream");
    assert!(holds(&to_nora, "north-1") && !holds(&to_nora, "south-1"));
    assert!(holds(&to_sue, "south-1"), "what is there is found");

    // A token of another scope, shown over the open connection: from then on she sees what that names, and only that.
    token("nora.token", person("nora", "south-*"));
    until(&mut nora, "the other agent", |picture| picture.is_current() && picture.agent(south).is_some())
        .await;
    assert!(nora.picture().agents().map(|(agent, _)| agent).eq([south]));
    assert!(nora.picture().alerts().all(|(_, entry)| entry.alarm().agent == *south));

    for (agent, living) in agents {
        agent.close().await;
        timeout(PATIENCE, living).await.unwrap().unwrap();
    }
    nora.close().await;
    sue.close().await;
    server.stop().await.unwrap();
}
