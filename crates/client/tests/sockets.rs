//! Both shells against a small monitor over real sockets: hello, reconnect, resend, resume, good-bye.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        http::HeaderValue,
    },
};
use watchkeeper_client::{
    Agent, AgentOptions, DecideError, DecisionDraft, DriveLimits, Endpoint, Mode, Operator, OperatorEvent,
    OperatorOptions, StartError, TokenSource,
};
use watchkeeper_model::{
    AgentId, AgentKind, DecisionSeq, Epoch, Incarnation, Label, MonoTime, OperatorRole, PersonId, SessionId,
};
use watchkeeper_protocol::{
    AgentMessage, FirstFrame, Hello, OperatorMessage, SUBPROTOCOL, ToAgent, ToOperator, Wire,
    agent::{AgentHello, AgentWelcome, DurableUpTo},
    operator::{OperatorHello, OperatorWelcome, Resume, SnapshotPart},
    session::Ping,
};

/// Nothing here takes longer; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(20);

struct Monitor {
    listener: TcpListener,
    endpoint: Endpoint,
}

struct Peer(WebSocketStream<TcpStream>);

impl Monitor {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/v1", listener.local_addr().unwrap());
        Self { listener, endpoint: Endpoint::new(url, TokenSource::Text("letmein".to_owned())) }
    }

    async fn accept(&self) -> Peer {
        Self::shake_hands(self.accept_stream().await).await
    }

    async fn accept_stream(&self) -> TcpStream {
        timeout(PATIENCE, self.listener.accept()).await.expect("a client comes").unwrap().0
    }

    async fn shake_hands(stream: TcpStream) -> Peer {
        #[expect(clippy::result_large_err, reason = "the library's callback has this type")]
        let name_protocol = |request: &Request, mut response: Response| {
            let asked = request.headers().get("Sec-WebSocket-Protocol").unwrap();
            assert_eq!(asked, SUBPROTOCOL);
            response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
            Ok(response)
        };
        Peer(accept_hdr_async(stream, name_protocol).await.unwrap())
    }

    async fn accept_agent(&self) -> (Peer, AgentHello) {
        let mut peer = self.accept().await;
        match FirstFrame::decode(&peer.frame().await).unwrap() {
            Hello::Agent(hello) => (peer, hello),
            Hello::Operator(_) => panic!("an agent was expected"),
        }
    }

    async fn accept_operator(&self) -> (Peer, OperatorHello) {
        let mut peer = self.accept().await;
        match FirstFrame::decode(&peer.frame().await).unwrap() {
            Hello::Operator(hello) => (peer, hello),
            Hello::Agent(_) => panic!("an operator was expected"),
        }
    }
}

impl Peer {
    async fn frame(&mut self) -> bytes::Bytes {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("the client says something") {
                Some(Ok(Message::Binary(frame))) => return frame,
                Some(Ok(_)) => {}
                other => panic!("the client left: {other:?}"),
            }
        }
    }

    async fn send(&mut self, message: &impl Wire) {
        self.0.send(Message::Binary(message.encode())).await.unwrap();
    }

    async fn until_decision(&mut self, seq: u64) -> Vec<u64> {
        let mut seen = Vec::new();
        while seen.last() != Some(&seq) {
            if let AgentMessage::Decision(decision) = AgentMessage::decode(&self.frame().await).unwrap() {
                seen.push(decision.seq.0);
            }
        }
        seen
    }

    async fn until_closed(mut self) {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("the client leaves") {
                None | Some(Err(_) | Ok(Message::Close(_))) => return,
                Some(Ok(_)) => {}
            }
        }
    }
}

fn agent_options(monitor: &Monitor) -> AgentOptions {
    AgentOptions::new(monitor.endpoint.clone(), AgentId::new("pump-1").unwrap(), AgentKind::Generic)
        .with_signals(&[("load", "%")])
}

fn draft() -> DecisionDraft {
    DecisionDraft::new("keep", None, vec![1.0])
}

fn agent_welcome(incarnation: u64, durable: u64) -> ToAgent {
    ToAgent::Welcome(AgentWelcome {
        session_id: SessionId(1),
        incarnation: Incarnation(incarnation),
        epoch: Epoch(0),
        latches: Vec::new(),
        lease_live: false,
        durable_seq: DecisionSeq(durable),
        heartbeat_nanos: 1_000_000_000,
    })
}

fn operator_welcome(resumed: bool) -> ToOperator {
    ToOperator::Welcome(OperatorWelcome {
        session_id: SessionId(2),
        incarnation: Incarnation(1),
        person: PersonId::new("ada").unwrap(),
        role: OperatorRole::Operator,
        resumed,
        software_version: Label::default(),
        now: MonoTime::from_nanos(1),
    })
}

#[tokio::test]
async fn an_agent_comes_back_by_itself_and_sends_what_is_not_safe() {
    let monitor = Monitor::start().await;
    let mut agent = Agent::connect(agent_options(&monitor)).await.unwrap();
    let (mut peer, hello) = monitor.accept_agent().await;
    assert_eq!(hello.token.unwrap().as_str(), "letmein");
    assert_eq!(agent.directive().mode, Mode::SafePolicy);
    peer.send(&agent_welcome(1, 0)).await;
    assert_eq!(timeout(PATIENCE, agent.directive_changed()).await.unwrap().unwrap().mode, Mode::Autonomous);
    for _ in 0..3 {
        agent.decide(draft()).unwrap();
    }
    assert_eq!(peer.until_decision(3).await, [1, 2, 3]);
    drop(peer);
    let (mut peer, again) = monitor.accept_agent().await;
    assert_eq!(again.boot_id, hello.boot_id, "a blip is no new boot");
    peer.send(&agent_welcome(1, 1)).await;
    assert_eq!(peer.until_decision(3).await, [2, 3]);
    peer.send(&ToAgent::Durable(DurableUpTo { seq: DecisionSeq(3) })).await;
    timeout(PATIENCE, agent.all_durable()).await.unwrap();
    assert_eq!(agent.status().not_durable, 0);
}

#[tokio::test]
async fn a_clean_end_is_remembered_and_an_older_monitor_is_left_alone() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let monitor = Monitor::start().await;
    let options = || AgentOptions { state_dir: Some(dir.path().to_owned()), ..agent_options(&monitor) };
    let agent = Agent::connect(options()).await.unwrap();
    let (mut peer, first) = monitor.accept_agent().await;
    assert!(first.clean_shutdown, "there was no run before");
    peer.send(&agent_welcome(5, 0)).await;
    assert!(matches!(AgentMessage::decode(&peer.frame().await).unwrap(), AgentMessage::Heartbeat(_)));
    let clone = agent.clone();
    let ((), ()) = tokio::join!(agent.close(), peer.until_closed());
    assert_eq!(clone.decide(draft()), Err(DecideError::Closed));
    assert_eq!(clone.directive().mode, Mode::SafePolicy);
    drop(clone);

    let agent = Agent::connect(options()).await.unwrap();
    let (mut peer, second) = monitor.accept_agent().await;
    assert_ne!(second.boot_id, first.boot_id);
    assert!(second.clean_shutdown);
    assert_eq!(second.highest_incarnation, Incarnation(5));
    peer.send(&agent_welcome(4, 0)).await;
    peer.until_closed().await;
    let (_peer, _) = monitor.accept_agent().await;
    assert!(!agent.status().connected, "it tries again, and is not led by the old one");
    drop(agent);
}

#[tokio::test]
async fn an_agent_that_was_not_closed_did_not_end_in_good_order() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let monitor = Monitor::start().await;
    let options = || AgentOptions { state_dir: Some(dir.path().to_owned()), ..agent_options(&monitor) };
    let agent = Agent::connect(options()).await.unwrap();
    let (peer, _) = monitor.accept_agent().await;
    agent.stop();
    drop(agent);
    peer.until_closed().await;
    // The lock goes when the task is gone, which is a moment after the socket.
    let agent = loop {
        match Agent::connect(options()).await {
            Ok(agent) => break agent,
            Err(_still_locked) => tokio::task::yield_now().await,
        }
    };
    let (_peer, hello) = monitor.accept_agent().await;
    assert!(!hello.clean_shutdown);
    assert_eq!(hello.control_state, watchkeeper_model::ControlState::Estopped, "a reboot releases no latch");
    assert_eq!(agent.decide(draft()), Err(DecideError::Stopped));
}

#[tokio::test]
async fn an_operator_resumes_from_its_cursor_and_answers_pings_at_once() {
    let monitor = Monitor::start().await;
    let person = PersonId::new("ada").unwrap();
    let mut operator = Operator::connect(OperatorOptions::new(monitor.endpoint.clone(), person));
    // The console's loop runs beside: it only takes events.
    let console = tokio::spawn(async move {
        let mut seen = Vec::new();
        loop {
            match operator.next().await {
                OperatorEvent::Connected { resumed } => {
                    seen.push(resumed);
                    if seen.len() == 2 {
                        operator.close().await;
                        return seen;
                    }
                }
                OperatorEvent::Ended => return seen,
                OperatorEvent::Disconnected { .. }
                | OperatorEvent::Refused(_)
                | OperatorEvent::Message(_) => {}
            }
        }
    });
    let (mut peer, hello) = monitor.accept_operator().await;
    assert_eq!((hello.resume, hello.token.unwrap().as_str()), (None, "letmein"));
    peer.send(&operator_welcome(false)).await;
    let part = SnapshotPart {
        cursor: 42,
        part: 0,
        last: true,
        agents: Vec::new(),
        alerts: Vec::new(),
        takeovers: Vec::new(),
    };
    peer.send(&ToOperator::Snapshot(part)).await;
    peer.send(&ToOperator::Ping(Ping { sent_nanos: 7, offset_nanos: None, error_nanos: None })).await;
    let OperatorMessage::Pong(pong) = OperatorMessage::decode(&peer.frame().await).unwrap() else {
        panic!("a pong was expected")
    };
    assert_eq!(pong.sent_nanos, 7);
    drop(peer);
    let (mut peer, hello) = monitor.accept_operator().await;
    assert_eq!(hello.resume, Some(Resume { incarnation: Incarnation(1), cursor: 42 }));
    peer.send(&operator_welcome(true)).await;
    assert_eq!(timeout(PATIENCE, console).await.unwrap().unwrap(), [false, true]);
    peer.until_closed().await;
}

#[tokio::test]
async fn nobody_listening_is_told_and_tried_again() {
    let monitor = Monitor::start().await;
    let endpoint = monitor.endpoint.clone();
    let address = monitor.listener.local_addr().unwrap();
    drop(monitor);
    let mut operator =
        Operator::connect(OperatorOptions::new(endpoint.clone(), PersonId::new("ada").unwrap()));
    let event = timeout(PATIENCE, operator.next()).await.unwrap();
    assert!(matches!(event, OperatorEvent::Disconnected { .. }), "{event:?}");
    let monitor = Monitor { listener: TcpListener::bind(address).await.unwrap(), endpoint };
    let comes = async {
        let (mut peer, _) = monitor.accept_operator().await;
        peer.send(&operator_welcome(false)).await;
        peer
    };
    let connected = async {
        loop {
            if operator.next().await == (OperatorEvent::Connected { resumed: false }) {
                return;
            }
        }
    };
    let (_peer, ()) = timeout(PATIENCE, async { tokio::join!(comes, connected) }).await.unwrap();
}

#[tokio::test]
async fn an_agent_whose_limits_are_none_does_not_start() {
    let monitor = Monitor::start().await;
    for (top_speed_mps, actuation_nanos) in [(f64::NAN, 0), (0.0, 0), (13.0, 60_000_000_001)] {
        let drive = Some(DriveLimits { top_speed_mps, actuation_nanos });
        let started = Agent::connect(AgentOptions { drive, ..agent_options(&monitor) }).await;
        assert!(matches!(started, Err(StartError::Drive(_))), "{started:?}");
    }
}

#[tokio::test]
async fn the_token_of_a_monitor_that_is_still_starting_is_the_one_that_it_writes() {
    let mut monitor = Monitor::start().await;
    let directory = watchkeeper_canary::tempdir().unwrap();
    let token_file = directory.path().join("token");
    std::fs::write(&token_file, "of the run before").unwrap();
    monitor.endpoint.token = TokenSource::File(token_file.clone());
    let agent = AgentId::new("press-1").unwrap();
    let _agent =
        Agent::connect(AgentOptions::new(monitor.endpoint.clone(), agent, AgentKind::Generic)).await.unwrap();
    // It listens, and the client is there, before it has made its token.
    let stream = monitor.accept_stream().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    std::fs::write(&token_file, "of this run").unwrap();
    let mut peer = Monitor::shake_hands(stream).await;
    let Hello::Agent(hello) = FirstFrame::decode(&peer.frame().await).unwrap() else { panic!("an agent") };
    assert_eq!(hello.token.unwrap().as_str(), "of this run");
}
