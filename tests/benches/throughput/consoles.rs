//! Consoles that cost little: they read everything, and look at alerts only.

use crate::fleet::name_of;
use futures_util::{SinkExt as _, StreamExt as _};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{
        Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
    },
};
use watchkeeper_model::{AgentId, Note, OperatorRole, PersonId};
use watchkeeper_protocol::{
    SUBPROTOCOL, SessionKind, ToOperator, Wire as _,
    operator::{ConsoleKind, OperatorHello},
};

const ALERT: &[u8] = b"\x92\xa5alert";
const DROPPED: &[u8] = b"\x92\xa7dropped";

/// What all consoles saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// When a console had an alert: by agent and decision, one entry a console.
    pub(crate) alerts: BTreeMap<(AgentId, u64), Vec<Instant>>,
    /// Messages of any kind.
    pub(crate) messages: u64,
    /// Telemetry that consoles were told they missed.
    pub(crate) told_dropped: u64,
    /// How many were closed by the server.
    pub(crate) closed: u64,
}

/// Shared by the tasks of all consoles.
pub(crate) type Shared = Arc<Mutex<Seen>>;

/// Connects so many consoles, in tasks of the current runtime; returns when each was welcomed.
pub(crate) async fn connect(url: &str, token: &str, size: usize) -> Shared {
    let seen = Shared::default();
    for number in 0..size {
        let socket = open(url, token, number).await;
        tokio::spawn(watch(socket, Arc::clone(&seen)));
    }
    seen
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(url: &str, token: &str, number: usize) -> Socket {
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let hello = OperatorHello {
        session: SessionKind::Operator,
        token: Some(Note::cut(token)),
        person: PersonId::new(&format!("person-{number}")).unwrap(),
        role: OperatorRole::Observer,
        console: ConsoleKind::Scripted,
        resume: None,
    };
    socket.send(Message::Binary(watchkeeper_protocol::encode("hello", &hello))).await.unwrap();
    socket.next().await.unwrap().unwrap();
    socket
}

async fn watch(mut socket: Socket, seen: Shared) {
    let mut messages = 0;
    while let Some(Ok(message)) = socket.next().await {
        let at = Instant::now();
        messages += 1;
        let Message::Binary(frame) = message else { continue };
        if !frame.starts_with(ALERT) && !frame.starts_with(DROPPED) {
            continue;
        }
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match ToOperator::decode(&frame).unwrap() {
            ToOperator::Alert(update) if update.alarm.state.is_active() => {
                if let Some(decision) = update.alarm.decision {
                    seen.alerts.entry((update.alarm.agent, decision.0)).or_default().push(at);
                }
            }
            ToOperator::Dropped(dropped) => seen.told_dropped += dropped.telemetry,
            _ => {}
        }
        seen.messages += std::mem::take(&mut messages);
    }
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.messages += messages;
    seen.closed += 1;
}

impl Seen {
    /// Returns how late each console had each of these alarms, in nanoseconds, and how many never came.
    pub(crate) fn latencies(
        &self,
        alarms: &BTreeMap<(usize, u64), Instant>,
        consoles: usize,
    ) -> (Vec<u64>, usize) {
        let (mut late, mut missing) = (Vec::new(), 0);
        for ((index, decision), due) in alarms {
            let arrivals = self.alerts.get(&(name_of(*index), *decision));
            let arrived = arrivals.map_or(0, Vec::len);
            missing += consoles.saturating_sub(arrived);
            late.extend(
                arrivals.into_iter().flatten().map(|at| {
                    u64::try_from(at.saturating_duration_since(*due).as_nanos()).unwrap_or(u64::MAX)
                }),
            );
        }
        (late, missing)
    }
}
