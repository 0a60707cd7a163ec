//! A server on a free port with its own directories, and clients that speak frames.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        handshake::client::Request,
        http::{HeaderValue, header},
    },
};
use uuid::Uuid;
use watchkeeper_engine::EngineInput;
use watchkeeper_ledger::{DirReader, Entry, Reader, Record};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BearerToken, BootId, Decision, DecisionSeq, Label, OperatorRole, PersonId,
};
use watchkeeper_protocol::{
    AgentMessage, SUBPROTOCOL, SessionKind, ToAgent, ToOperator, Wire,
    agent::AgentHello,
    encode,
    operator::{ConsoleKind, OperatorHello},
    record::record_type,
    session::ErrorReport,
};
use watchkeeper_server::{RunningServer, Server, ServerOptions, ledger_dir};

/// Longer than anything that works takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn options(dir: &Path) -> ServerOptions {
    let mut options = ServerOptions::new(dir.join("data"));
    options.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    options.token_dir = Some(dir.join("run"));
    options
}

pub(crate) async fn start(dir: &Path) -> RunningServer {
    serve(options(dir)).await
}

/// Starts a server; its secret is one of those that a run of all tests looks for.
pub(crate) async fn serve(options: ServerOptions) -> RunningServer {
    let server = Server::start(options).await.unwrap();
    watchkeeper_canary::register(server.token());
    server
}

pub(crate) fn request(server: &RunningServer) -> Request {
    let mut request = server.url().into_client_request().unwrap();
    let protocol = HeaderValue::from_static(SUBPROTOCOL);
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    request
}

pub(crate) fn agent_hello(name: &str, token: Option<&str>) -> AgentHello {
    AgentHello {
        token: token.map(|token| BearerToken::new(token).unwrap()),
        ..AgentHello::first(
            AgentId::new(name).unwrap(),
            AgentKind::Generic,
            BootId(Uuid::from_u128(7)),
            Label::cut("test"),
        )
    }
}

pub(crate) fn operator_hello(name: &str, token: &str) -> OperatorHello {
    OperatorHello {
        session: SessionKind::Operator,
        token: Some(BearerToken::new(token).unwrap()),
        person: PersonId::new(name).unwrap(),
        role: OperatorRole::Operator,
        console: ConsoleKind::Scripted,
        resume: None,
    }
}

pub(crate) fn decision(seq: u64) -> Bytes {
    AgentMessage::Decision(Decision {
        seq: DecisionSeq(seq),
        made_at: AgentTime::from_nanos(seq),
        action: Label::cut("go"),
        confidence: None,
        alternatives: Vec::new(),
        signals: Vec::new(),
        subject: None,
        context: None,
        waiting: None,
    })
    .encode()
}

/// A client of the server.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl Client {
    /// Upgrades a connection.
    pub(crate) async fn upgrade(
        server: &RunningServer,
        request: Request,
    ) -> Result<Self, tungstenite::Error> {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        timeout(PATIENCE, client_async(request, stream)).await.unwrap().map(|(socket, _)| Self { socket })
    }

    /// Upgrades a connection whose receive buffer is small.
    pub(crate) async fn narrow(server: &RunningServer) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = socket.connect(server.address()).await.unwrap();
        let (socket, _) = client_async(request(server), stream).await.unwrap();
        Self { socket }
    }

    /// Connects and says hello as an agent.
    pub(crate) async fn agent(server: &RunningServer, name: &str) -> Self {
        let mut client = Self::upgrade(server, request(server)).await.unwrap();
        client.send(encode("hello", &agent_hello(name, Some(server.token())))).await;
        client
    }

    /// Connects and says hello as an operator.
    pub(crate) async fn operator(server: &RunningServer, name: &str) -> Self {
        let mut client = Self::upgrade(server, request(server)).await.unwrap();
        client.send(encode("hello", &operator_hello(name, server.token()))).await;
        client
    }

    pub(crate) async fn send(&mut self, frame: Bytes) {
        self.socket.send(Message::Binary(frame)).await.unwrap();
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text.to_owned())).await.unwrap();
    }

    /// Waits for the next error; other frames are passed over. `None` when the connection ends first.
    pub(crate) async fn error(&mut self) -> Option<ErrorReport> {
        let next = async {
            while let Some(Ok(message)) = self.socket.next().await {
                if let Message::Binary(frame) = message
                    && let Ok(ToAgent::Error(report)) = ToAgent::decode(&frame)
                {
                    return Some(report);
                }
            }
            None
        };
        timeout(PATIENCE, next).await.expect("neither an error nor the end came")
    }

    /// Waits for the first message to an operator that `wanted` takes.
    pub(crate) async fn told<T>(&mut self, wanted: impl Fn(ToOperator) -> Option<T>) -> T {
        let next = async {
            loop {
                let message = self.socket.next().await.expect("the session is open").unwrap();
                if let Message::Binary(frame) = message
                    && let Some(found) = wanted(ToOperator::decode(&frame).unwrap())
                {
                    return found;
                }
            }
        };
        timeout(PATIENCE, next).await.expect("the message did not come")
    }

    /// Waits for the welcome; false when the connection ends first.
    pub(crate) async fn is_welcome(&mut self) -> bool {
        let next = async {
            while let Some(Ok(message)) = self.socket.next().await {
                if let Message::Binary(frame) = message
                    && matches!(ToOperator::decode(&frame), Ok(ToOperator::Welcome(_)))
                {
                    return true;
                }
            }
            false
        };
        timeout(PATIENCE, next).await.expect("neither a welcome nor the end came")
    }

    /// Waits until the server has ended the connection.
    pub(crate) async fn ended(&mut self) {
        let end = async { while let Some(Ok(_)) = self.socket.next().await {} };
        timeout(PATIENCE, end).await.expect("the server did not end the connection");
    }

    /// Shows that the server still serves this session.
    pub(crate) async fn is_served(&mut self) {
        self.send(encode("are_you_there", &())).await;
        let report = self.error().await.expect("the session is open");
        assert_eq!(report.kind.unwrap().as_str(), "are_you_there");
    }

    pub(crate) async fn close(mut self) {
        self.socket.close(None).await.unwrap();
        self.ended().await;
    }
}

/// Reads the whole record.
pub(crate) fn records(dir: &Path) -> Vec<Record> {
    let reader = DirReader::open(ledger_dir(&dir.join("data"))).unwrap();
    Reader::new(&reader)
        .unwrap()
        .filter_map(|entry| match entry.unwrap() {
            Entry::Segment(_) => None,
            Entry::Record(record) => Some(record),
        })
        .collect()
}

/// Reads the inputs of the record.
pub(crate) fn inputs(dir: &Path) -> Vec<EngineInput> {
    records(dir)
        .into_iter()
        .filter(|record| record.record_type == record_type::INPUT)
        .map(|record| rmp_serde::from_slice(&record.payload).unwrap())
        .collect()
}
