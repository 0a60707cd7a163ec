//! The task that owns an operator's connection: listens, answers pings at once, sends what the core gives.

use super::inbox::Inbox;
use crate::{
    clock,
    connection::LinkLoss,
    link::{Link, LinkEvent},
};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::mpsc;
use watchkeeper_protocol::{
    OperatorMessage, ToOperator, Wire,
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

struct Shell {
    link: Link,
    inbox: Arc<Inbox>,
    connection: u64,
    loss_told: bool,
}

/// Runs the connection until the console's side is gone.
pub(super) async fn run(link: Link, inbox: Arc<Inbox>, mut orders: mpsc::Receiver<Order>) {
    let mut shell = Shell { link, inbox, connection: 0, loss_told: false };
    loop {
        tokio::select! {
            // What people order comes first; it is little. What the monitor says waits in the socket.
            biased;
            order = orders.recv(), if shell.link.has_room() || !shell.link.is_open() => match order {
                Some(order) => shell.obey(order),
                None => break,
            },
            event = shell.link.next() => shell.take(event),
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
                if matches!(report.code, ErrorCode::Unauthorised | ErrorCode::Replaced) {
                    self.link.slow_down();
                }
            }
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
