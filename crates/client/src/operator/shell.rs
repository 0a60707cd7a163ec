//! The task that owns an operator's connection: listens, answers pings at once, sends what the core gives.

use super::inbox::Inbox;
use crate::{
    clock,
    connection::LinkLoss,
    discover::{TokenError, TokenSource},
    link::{Link, LinkEvent},
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle};
use watchkeeper_model::{BearerToken, MonoTime};
use watchkeeper_protocol::{
    OperatorMessage, ToOperator, Wire,
    operator::Refresh,
    session::{ErrorCode, Pong},
};

/// What the console's side wants of the connection. Each names the connection it is meant for: what was meant
/// for one that is gone is dropped, never sent on the next.
#[derive(Debug)]
pub(super) enum Order {
    /// Send this.
    Send { connection: u64, frame: Bytes },
    /// Start anew: something was missed.
    Resync { connection: u64 },
}

/// How often the token's file is looked at, where the token expires.
const LOOK_EVERY: Duration = Duration::from_secs(5);

struct Shell {
    link: Link,
    /// Where newer tokens come from.
    newer: Newer,
    inbox: Arc<Inbox>,
    connection: u64,
    loss_told: bool,
}

/// Runs the connection until the console's side is gone.
pub(super) async fn run(
    link: Link,
    source: TokenSource,
    inbox: Arc<Inbox>,
    mut orders: mpsc::Receiver<Order>,
) {
    let newer = Newer { source, shown: None, expires: false, reading: None, look_at: clock::console_now() };
    let mut shell = Shell { link, newer, inbox, connection: 0, loss_told: false };
    loop {
        tokio::select! {
            // What people order comes first; it is little. What the monitor says waits in the socket.
            biased;
            order = orders.recv(), if shell.link.has_room() || !shell.link.is_open() => match order {
                Some(order) => shell.obey(order),
                None => break,
            },
            event = shell.link.next() => shell.take(event),
            token = shell.newer.next() => shell.send(OperatorMessage::Refresh(Refresh { token }).encode()),
        }
    }
    shell.link.close().await;
    shell.inbox.push_end();
}

impl Shell {
    fn obey(&mut self, order: Order) {
        match order {
            Order::Send { connection, frame } if connection == self.connection => self.send(frame),
            Order::Resync { connection } if connection == self.connection && self.link.is_open() => {
                self.link.give_up();
                self.lose(&LinkLoss::Resync);
            }
            Order::Send { .. } | Order::Resync { .. } => {}
        }
    }

    fn send(&mut self, frame: Bytes) {
        if let Err(loss) = self.link.feed(frame) {
            self.link.give_up();
            self.lose(&loss);
        }
    }

    fn take(&mut self, event: LinkEvent) {
        let at = clock::console_now();
        match event {
            LinkEvent::Opened(token) => {
                self.connection += 1;
                self.newer.shown.clone_from(&token);
                self.newer.expires = false;
                self.inbox.push_opened(self.connection, token, at);
            }
            LinkEvent::Room => {}
            LinkEvent::Frame(frame) => match ToOperator::decode(&frame) {
                Ok(message) => self.take_message(Box::new(message)),
                Err(error) => tracing::debug!(%error, "a frame of the monitor was not understood"),
            },
            LinkEvent::Lost(loss) => self.lose(&loss),
        }
    }

    fn take_message(&mut self, message: Box<ToOperator>) {
        let at = clock::console_now();
        match &*message {
            ToOperator::Ping(ping) => {
                let pong = Pong {
                    sent_nanos: ping.sent_nanos,
                    received_nanos: at.as_nanos(),
                    answered_nanos: at.as_nanos(),
                };
                self.send(OperatorMessage::Pong(pong).encode());
            }
            ToOperator::Welcome(_) => {
                self.link.welcomed();
                self.loss_told = false;
                tracing::info!("the monitor has welcomed this session");
            }
            ToOperator::Error(report) => {
                if report.kind.as_ref().is_some_and(|kind| kind.as_str() == "refresh") {
                    // Its key or its time may come yet: it is shown again with the next look at the file.
                    self.newer.shown = None;
                } else if matches!(report.code, ErrorCode::Unauthorised | ErrorCode::Replaced) {
                    self.link.slow_down();
                }
            }
            ToOperator::Access(access) => self.newer.expires = access.left_nanos.is_some(),
            ToOperator::Snapshot(_)
            | ToOperator::Alert(_)
            | ToOperator::ControlStatus(_)
            | ToOperator::CommandStatus(_)
            | ToOperator::Lease(_)
            | ToOperator::Telemetry(_)
            | ToOperator::Takeover(_)
            | ToOperator::Roster(_)
            | ToOperator::Dropped(_)
            | ToOperator::Health(_)
            | ToOperator::Head(_)
            | ToOperator::Probed(_) => {}
        }
        if !self.inbox.push_message(message, at) {
            // Control is never dropped: start again from where the picture stands.
            self.link.give_up();
            self.inbox.forget();
            self.lose(&LinkLoss::NotTaken);
        }
    }

    fn lose(&mut self, loss: &LinkLoss) {
        if std::mem::replace(&mut self.loss_told, true) {
            tracing::debug!(%loss, "no connection to the monitor; trying again");
        } else {
            tracing::warn!(%loss, "no connection to the monitor; trying again until there is one");
        }
        self.inbox.push_lost(loss.to_string(), clock::console_now());
    }
}

/// The token's file, looked at now and then: whoever issues tokens leaves a newer one there in time.
struct Newer {
    source: TokenSource,
    /// The token that the monitor has.
    shown: Option<BearerToken>,
    /// That one expires.
    expires: bool,
    reading: Option<JoinHandle<Result<Option<BearerToken>, TokenError>>>,
    look_at: MonoTime,
}

impl Newer {
    /// Returns the next token that the monitor does not have yet; never where there is none to expect. Cancel-safe.
    async fn next(&mut self) -> BearerToken {
        if !self.expires || !matches!(self.source, TokenSource::File(_)) {
            return std::future::pending().await;
        }
        loop {
            let Some(reading) = &mut self.reading else {
                clock::sleep_until(self.look_at).await;
                self.look_at = clock::console_now().after(LOOK_EVERY);
                let source = self.source.clone();
                self.reading = Some(tokio::task::spawn_blocking(move || source.read()));
                continue;
            };
            let read = reading.await;
            self.reading = None;
            match read {
                Ok(Ok(Some(token))) if self.shown.as_ref() != Some(&token) => {
                    self.shown = Some(token.clone());
                    return token;
                }
                // The one that is held counts until it expires; then the monitor says so.
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::debug!(%error, "no newer token could be read"),
                Err(error) => tracing::debug!(%error, "reading a newer token failed"),
            }
        }
    }
}
