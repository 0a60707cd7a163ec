//! Consoles that cost little: they read everything, and look at alerts only.

use crate::{fleet::name_of, observer};
use futures_util::StreamExt as _;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use watchkeeper_model::AgentId;
use watchkeeper_protocol::{ToOperator, Wire as _};

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
        let stream = TcpStream::connect(observer::address_of(url)).await.unwrap();
        let socket = observer::open(url, token, &format!("person-{number}"), stream).await;
        tokio::spawn(watch(socket, Arc::clone(&seen)));
    }
    seen
}

async fn watch(mut socket: WebSocketStream<TcpStream>, seen: Shared) {
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
