//! A session between a real socket and lanes that a test holds.

use super::*;
use crate::{
    allowed::AllowedSites, clock::Clock, counters::Counters, gatekeeper::Gatekeeper, options::Limits,
    outbox::outbox, token::Token,
};
use futures_util::{SinkExt, StreamExt};
use std::net::Ipv4Addr;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};
use tokio_util::either::Either;
use uuid::Uuid;
use watchkeeper_model::{
    AgentId, AgentTime, AlertId, CommandId, Decision, DecisionSeq, DemandId, Epoch, Label, Note, Verdict,
};
use watchkeeper_protocol::{
    Wire,
    agent::RequestIntervention,
    operator::{AllowTakeover, AnswerHandover, LabelTakeover, RequestHandover, Shelve, Stop, Unshelve},
    session::Pong,
};

const PATIENCE: Duration = Duration::from_secs(10);

async fn sockets() -> (Socket, WebSocketStream<TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let server = WebSocketStream::from_raw_socket(Either::Left(server), Role::Server, None).await;
    let client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    (Socket::new(server, Duration::from_secs(1)), client)
}

fn decision(seq: u64) -> Message {
    let decision = Decision {
        seq: DecisionSeq(seq),
        made_at: AgentTime::from_nanos(seq),
        action: Label::cut("go"),
        confidence: None,
        alternatives: Vec::new(),
        signals: Vec::new(),
        subject: None,
        context: None,
        waiting: None,
    };
    Message::Binary(AgentMessage::Decision(decision).encode())
}

fn run() -> Credentials {
    Credentials { proof: Proof::Run, serial: None }
}

fn shared(control: mpsc::Sender<ControlItem>, telemetry: mpsc::Sender<TelemetryItem>) -> Arc<Shared> {
    Arc::new(Shared {
        clock: Clock,
        limits: Limits::default(),
        listen: Ipv4Addr::LOCALHOST.into(),
        allowed: AllowedSites::default(),
        tls: None,
        denied: None,
        gatekeeper: Gatekeeper::Run(Token::random().digest()),
        incarnation: 1,
        spans: Arc::default(),
        counters: Arc::new(Counters::default()),
        agent_places: Arc::new(Semaphore::new(1)),
        console_places: Arc::new(Semaphore::new(1)),
        control,
        telemetry,
    })
}

#[tokio::test]
async fn while_decisions_are_held_up_the_agent_is_still_heard_and_still_told() {
    let (socket, mut agent) = sockets().await;
    let (control, mut control_lane) = mpsc::channel(16);
    let (telemetry, mut telemetry_lane) = mpsc::channel(1);
    // The lane is full, as when the record is behind.
    telemetry.try_send(TelemetryItem::Barrier(oneshot::channel().0)).unwrap();
    let shared = shared(control, telemetry);
    let (outbox_sender, outbox) = outbox(Arc::default());
    let session = Session::new(shared, SessionId(5), (Side::Agent, run()), socket, outbox);
    let running = tokio::spawn(session.run());
    for seq in 1..=3 {
        agent.send(decision(seq)).await.unwrap();
    }
    let asks = AgentMessage::RequestIntervention(RequestIntervention { reason: Note::cut("fog") }).encode();
    agent.send(Message::Binary(asks)).await.unwrap();

    let heard = timeout(PATIENCE, control_lane.recv()).await.expect("the agent is heard").unwrap();
    let ControlItem::Input(EngineInput::Agent { framed, .. }) = heard else { panic!("{heard:?}") };
    assert!(matches!(framed.message(), AgentMessage::RequestIntervention(_)));
    outbox_sender.control(Bytes::from_static(b"stop"));
    let told = timeout(PATIENCE, agent.next()).await.expect("the agent is told").unwrap().unwrap();
    assert_eq!(told, Message::binary(b"stop".as_slice()));

    // The record goes on, and the agent leaves: nothing is lost, and its end comes last.
    agent.close(None).await.unwrap();
    let mut seqs = Vec::new();
    while seqs.len() < 3 {
        match timeout(PATIENCE, telemetry_lane.recv()).await.expect("the decisions come").unwrap() {
            TelemetryItem::Input(EngineInput::Agent { framed, .. }) => {
                let AgentMessage::Decision(decision) = framed.into_message() else { panic!("no decision") };
                seqs.push(decision.seq.0);
                assert!(control_lane.is_empty(), "the end came before the decisions");
            }
            TelemetryItem::Barrier(_) => {}
            other @ TelemetryItem::Input(_) => panic!("{other:?}"),
        }
    }
    assert_eq!(seqs, [1, 2, 3]);
    let barrier = timeout(PATIENCE, telemetry_lane.recv()).await.unwrap().unwrap();
    let TelemetryItem::Barrier(passed) = barrier else { panic!("{barrier:?}") };
    passed.send(()).unwrap();
    let end = timeout(PATIENCE, control_lane.recv()).await.expect("the end is told").unwrap();
    assert!(
        matches!(end, ControlItem::Input(EngineInput::Disconnected { session: SessionId(5) })),
        "{end:?}"
    );
    running.await.unwrap();
}

#[tokio::test]
async fn a_flood_of_control_waits_in_its_own_socket_and_loses_nothing() {
    let (socket, agent) = sockets().await;
    let (control, mut control_lane) = mpsc::channel(16);
    let (telemetry, _telemetry_lane) = mpsc::channel(16);
    let (outbox_sender, outbox) = outbox(Arc::default());
    let session =
        Session::new(shared(control, telemetry), SessionId(5), (Side::Agent, run()), socket, outbox);
    tokio::spawn(session.run());
    let (mut flood, mut told) = agent.split();
    let started = Clock.now();
    tokio::spawn(async move {
        for number in 0..600 {
            let pong = Pong { sent_nanos: number, received_nanos: 0, answered_nanos: 0 };
            flood.send(Message::Binary(AgentMessage::Pong(pong).encode())).await.unwrap();
        }
        flood.close().await.unwrap();
    });
    for number in 0..600 {
        let heard = timeout(PATIENCE, control_lane.recv()).await.expect("it is heard").unwrap();
        let ControlItem::Input(EngineInput::Agent { framed, .. }) = heard else { panic!("{heard:?}") };
        let AgentMessage::Pong(pong) = framed.into_message() else { panic!("no pong") };
        assert_eq!(pong.sent_nanos, number);
        if number == 450 {
            outbox_sender.control(Bytes::from_static(b"stop"));
            let frame = timeout(PATIENCE, told.next()).await.expect("the agent is told").unwrap().unwrap();
            assert_eq!(frame, Message::binary(b"stop".as_slice()));
        }
    }
    // 400 at once and 200 a second.
    let took = Clock.now().since(started);
    assert!(took > Duration::from_millis(900), "600 took {took:?}");
    let end = timeout(PATIENCE, control_lane.recv()).await.expect("the end is told").unwrap();
    assert!(matches!(end, ControlItem::Input(EngineInput::Disconnected { .. })), "{end:?}");
}

/// A message of an operator, as its session reads it.
fn operator(message: &OperatorMessage) -> EngineInput {
    EngineInput::Operator {
        session: SessionId(5),
        received_at: Clock.now(),
        framed: Framed::decode(message.encode()).unwrap(),
    }
}

#[test]
fn what_people_agree_on_goes_at_the_sessions_pace() {
    let agent = AgentId::new("truck").unwrap();
    let messages = [
        OperatorMessage::Shelve(Shelve { alert_id: AlertId(1), for_nanos: 1, reason: Note::cut("why") }),
        OperatorMessage::Unshelve(Unshelve { alert_id: AlertId(1) }),
        OperatorMessage::RequestHandover(RequestHandover {
            agent: agent.clone(),
            preempt: false,
            reason: None,
        }),
        OperatorMessage::AnswerHandover(AnswerHandover { agent: agent.clone(), request_id: 1, accept: true }),
        OperatorMessage::AllowTakeover(AllowTakeover { agent, epoch: Epoch(1), allowed: true }),
        OperatorMessage::Label(LabelTakeover { demand_id: DemandId(1), verdict: Verdict::Real }),
    ];
    for message in messages {
        assert_eq!(lane(&operator(&message)), Lane::Control, "{message:?}");
    }
}

#[test]
fn a_stop_takes_no_token() {
    let stop = Stop {
        command_id: CommandId(Uuid::from_u128(1)),
        agent: AgentId::new("truck").unwrap(),
        reason: None,
        confirm_many: false,
        issued_nanos: 0,
    };
    assert_eq!(lane(&operator(&OperatorMessage::Stop(stop))), Lane::Stop);
    let pong = Pong { sent_nanos: 0, received_nanos: 0, answered_nanos: 0 };
    assert_eq!(lane(&operator(&OperatorMessage::Pong(pong))), Lane::Control);
}
