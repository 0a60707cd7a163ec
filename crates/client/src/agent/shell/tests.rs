//! The agent's task with a disk that hangs: nothing that makes things safer may wait for it.

use super::*;
use crate::{
    agent::{AgentConfig, Recovered, saver::Keep},
    discover::TokenSource,
};
use futures_util::{SinkExt, StreamExt};
use std::sync::mpsc;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
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
use watchkeeper_model::{
    AgentId, AgentKind, BootId, CommandArgs, CommandId, CommandKind, ControlState, DecisionSeq, DemandId,
    DemandOrigin, Epoch, Incarnation, Label, Note, PersonId, SessionId, StateVersion,
};
use watchkeeper_protocol::{
    AgentMessage, SUBPROTOCOL,
    agent::{AgentWelcome, Command, Demand, Grant, HolderHeartbeat},
    session::Ping,
};
use watchkeeper_takeover::{GateRecord, Timers, World};

/// Nothing here takes longer; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(20);
const NEVER: Duration = Duration::from_hours(1);

/// A disk that ends a write only when the test lets it: `Ok(())` per write, everything once the test is over.
#[derive(Debug)]
struct Disk {
    let_go: Mutex<mpsc::Receiver<()>>,
    written: Mutex<Vec<GateRecord>>,
}

impl Keep for Disk {
    fn keep(&self, record: &GateRecord) -> Result<(), String> {
        let _over = self.let_go.lock().unwrap().recv();
        self.written.lock().unwrap().push(record.clone());
        Ok(())
    }
}

fn disk() -> (Arc<Disk>, mpsc::Sender<()>) {
    let (sender, receiver) = mpsc::channel();
    (Arc::new(Disk { let_go: Mutex::new(receiver), written: Mutex::default() }), sender)
}

const WORLD: World = World {
    standstill: true,
    stable: true,
    progressing: None,
    condition_reached: false,
    can_resume: true,
    local_override: false,
};

fn core() -> AgentCore {
    let link = Duration::from_millis(300);
    let config = AgentConfig {
        tasks: Vec::new(),
        agent: AgentId::new("pump-1").unwrap(),
        kind: AgentKind::Generic,
        signals: Vec::new(),
        software_version: Label::default(),
        timers: Timers { link, ..Timers::for_kind(AgentKind::Generic) },
        drive: None,
    };
    AgentCore::new(config, &Recovered::Nothing, WORLD, [7; 32], clock::agent_now())
}

fn start(
    core: AgentCore,
    url: String,
    saver: Saver,
) -> (Arc<Shared>, watch::Receiver<Directive>, JoinHandle<()>) {
    let (sender, directive) = watch::channel(core.directive());
    let shared = Arc::new(Shared::new(core));
    let endpoint = Endpoint::new(url, TokenSource::Absent);
    let running = tokio::spawn(run(Arc::clone(&shared), endpoint, saver, sender));
    (shared, directive, running)
}

async fn until(directive: &mut watch::Receiver<Directive>, wanted: impl Fn(Mode) -> bool) {
    timeout(PATIENCE, directive.wait_for(|held| wanted(held.mode))).await.expect("it is published").unwrap();
}

struct Peer(WebSocketStream<TcpStream>);

impl Peer {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(PATIENCE, listener.accept()).await.expect("the agent comes").unwrap();
        #[expect(clippy::result_large_err, reason = "the library's callback has this type")]
        let name_protocol = |_: &Request, mut response: Response| {
            response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
            Ok(response)
        };
        Self(accept_hdr_async(stream, name_protocol).await.unwrap())
    }

    async fn send(&mut self, message: ToAgent) {
        self.0.send(Message::Binary(message.encode())).await.unwrap();
    }

    async fn frame(&mut self) -> Bytes {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("the agent says something") {
                Some(Ok(Message::Binary(frame))) => return frame,
                Some(Ok(_)) => {}
                other => panic!("the agent left: {other:?}"),
            }
        }
    }

    async fn message(&mut self) -> AgentMessage {
        AgentMessage::decode(&self.frame().await).unwrap()
    }
}

fn welcome() -> ToAgent {
    ToAgent::Welcome(AgentWelcome {
        session_id: SessionId(1),
        incarnation: Incarnation(1),
        epoch: Epoch(0),
        latches: Vec::new(),
        lease_live: false,
        durable_seq: DecisionSeq(0),
        heartbeat_nanos: 1_000_000_000,
    })
}

fn command(kind: CommandKind, seq: u64, boot_id: BootId) -> ToAgent {
    ToAgent::Command(Command {
        command_id: CommandId(uuid::Uuid::from_u128(u128::from(seq))),
        boot_id,
        kind,
        args: CommandArgs::default(),
        epoch: Epoch(1),
        seq,
        deadline: clock::agent_now().after(PATIENCE),
        issued_by: PersonId::new("ada").unwrap(),
        evidence_version: None,
        expect_state: None,
    })
}

#[tokio::test]
async fn an_estop_is_obeyed_at_once_and_answered_only_after_the_stuck_write() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/v1", listener.local_addr().unwrap());
    let (disk, let_go) = disk();
    let keep: Arc<dyn Keep> = disk.clone();
    let (shared, mut directive, running) = start(core(), url, Saver::new(Some(keep)).with_patience(NEVER));
    let_go.send(()).unwrap();
    let mut peer = Peer::accept(&listener).await;
    peer.frame().await;
    // The welcome's record is stuck from here on.
    peer.send(welcome()).await;
    peer.send(command(CommandKind::Estop, 9, BootId(uuid::Uuid::nil()))).await;
    until(&mut directive, |mode| mode == Mode::Estop).await;
    peer.send(ToAgent::Ping(Ping { sent_nanos: 77, offset_nanos: None, error_nanos: None })).await;
    assert!(matches!(peer.message().await, AgentMessage::Pong(_)), "neither a heartbeat nor the answer");
    assert_eq!(disk.written.lock().unwrap().len(), 1);
    // The welcome's record, and the stop's, which was queued behind it.
    let_go.send(()).unwrap();
    let_go.send(()).unwrap();
    assert!(matches!(peer.message().await, AgentMessage::Ack(_)));
    let states: Vec<_> = disk.written.lock().unwrap().iter().map(|record| record.control_state).collect();
    assert_eq!(states, [ControlState::Autonomous, ControlState::Autonomous, ControlState::Estopped]);
    drop(let_go);
    shared.end(Ending::Clean);
    timeout(PATIENCE, running).await.expect("it ends").unwrap();
    assert!(disk.written.lock().unwrap().last().unwrap().clean_shutdown);
}

/// A core in HUMAN, its lease renewed just now, as its agent saw it happen.
fn led() -> AgentCore {
    let mut core = core();
    let now = clock::agent_now();
    let boot_id = core.status(now).boot_id;
    let (holder, holder_session) = (PersonId::new("ada").unwrap(), SessionId(2));
    core.handle_connected(None, now);
    for message in [
        welcome(),
        ToAgent::Demand(Demand {
            demand_id: DemandId(5),
            origin: DemandOrigin::Monitor,
            critical: false,
            left_nanos: 10_000_000_000,
            state_version: StateVersion(1),
            reason: Note::cut("odd"),
        }),
        ToAgent::Grant(Grant { epoch: Epoch(1), holder, holder_session, boot_id }),
        ToAgent::Holder(HolderHeartbeat {
            epoch: Epoch(1),
            seq: 1,
            ready: true,
            deadline: now.after(PATIENCE),
            setpoint: None,
            latency_nanos: None,
        }),
        command(CommandKind::Engage, 1, boot_id),
        command(CommandKind::Assume, 2, boot_id),
    ] {
        core.handle_message(&message, now);
    }
    core.handle_timeout(now);
    assert_eq!(core.directive().mode, Mode::Human { hold: true });
    core
}

#[test]
fn hands_steer_on_during_a_write_and_leave_at_once_whatever_follows() {
    let directive = |mode| Directive { mode, speed_cap_mps: None, ordered_cap_mps: None };
    let gas = Mode::Manual { steer: 0.0, accelerate: 1.0 };
    let brake = Mode::Manual { steer: 0.0, accelerate: -1.0 };
    let person = Mode::Human { hold: false };
    for (held, wanted, obeyed) in [
        (gas, brake, brake),
        (gas, person, Mode::Neutral),
        (gas, Mode::Neutral, Mode::Neutral),
        (gas, Mode::Human { hold: true }, Mode::Human { hold: true }),
        (gas, Mode::Autonomous, Mode::Neutral),
        (person, gas, person),
        (Mode::Neutral, gas, Mode::Neutral),
    ] {
        assert_eq!(safer_of(directive(held), directive(wanted)).mode, obeyed, "{held:?}, {wanted:?}");
    }
    let capped = Directive { mode: gas, speed_cap_mps: Some(3.0), ordered_cap_mps: None };
    assert_eq!(safer_of(capped, directive(brake)).speed_cap_mps, Some(3.0));
}

#[tokio::test]
async fn the_holders_silence_counts_during_a_stuck_write() {
    let (disk, let_go) = disk();
    let started = clock::agent_now();
    let saver = Saver::new(Some(disk)).with_patience(NEVER);
    let (_shared, mut directive, running) = start(led(), "ws://127.0.0.1:9/v1".to_owned(), saver);
    until(&mut directive, |mode| matches!(mode, Mode::Fallback(_))).await;
    assert!(clock::agent_now().since(started) >= Duration::from_millis(250), "T_link, and nothing before it");
    running.abort();
    drop(let_go);
}

#[tokio::test]
async fn nothing_riskier_is_dared_during_a_write_and_one_that_takes_too_long_leads_to_fallback() {
    let (disk, let_go) = disk();
    let mut core = core();
    core.handle_connected(None, clock::agent_now());
    let (sender, mut directive) = watch::channel(core.directive());
    core.handle_message(&welcome(), clock::agent_now());
    assert_eq!(core.directive().mode, Mode::Autonomous);
    let shared = Arc::new(Shared::new(core));
    let endpoint = Endpoint::new("ws://127.0.0.1:9/v1", TokenSource::Absent);
    let saver = Saver::new(Some(disk)).with_patience(Duration::from_millis(200));
    let running = tokio::spawn(run(Arc::clone(&shared), endpoint, saver, sender));
    timeout(PATIENCE, directive.changed()).await.expect("it falls back").unwrap();
    assert_eq!(directive.borrow_and_update().mode, Mode::Fallback(FallbackLevel::COMFORTABLE));
    assert!(!shared.core().status(clock::agent_now()).record_safe);
    running.abort();
    drop(let_go);
}
