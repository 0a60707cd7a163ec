//! One way of one connection: reads, judges, sends on.

use super::{
    Fate, Shared,
    frame::{Leg, Peer, Seen},
};
use anyhow::Result;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio_tungstenite::tungstenite::{Error, Message};
use watchkeeper_client::console_now;
use watchkeeper_model::MonoTime;

/// How long a good-bye may take to leave before the sockets are closed.
const FAREWELL: Duration = Duration::from_millis(50);

pub(super) struct Pump {
    shared: Arc<Shared>,
    who: Arc<OnceLock<Peer>>,
    up: bool,
    /// What goes on later, by its time and in the order in which it came.
    delayed: BTreeMap<(MonoTime, u64), Message>,
    held: Vec<Message>,
    taken: u64,
    /// The highest cursor that came by.
    cursor: u64,
}

impl Pump {
    pub(super) fn new(shared: Arc<Shared>, who: Arc<OnceLock<Peer>>, up: bool) -> Self {
        Self { shared, who, up, delayed: BTreeMap::new(), held: Vec::new(), taken: 0, cursor: 0 }
    }

    /// Runs until either side is gone. What waits here then is lost.
    pub(super) async fn run(
        mut self,
        mut from: impl Stream<Item = Result<Message, Error>> + Unpin,
        mut to: impl Sink<Message, Error = Error> + Unpin,
    ) -> Result<()> {
        let mut stalled = self.shared.stalled.subscribe();
        let mut releases = self.shared.releases.subscribe();
        loop {
            let due = self.delayed.first_key_value().map(|((at, _), _)| *at);
            let reads = !self.is_stalled();
            tokio::select! {
                // Orders of the test first, then what is due, then what comes.
                biased;
                changed = stalled.changed() => changed?,
                changed = releases.changed() => {
                    changed?;
                    for message in std::mem::take(&mut self.held) {
                        to.send(message).await?;
                    }
                }
                () = sleep_until(due), if due.is_some() => {
                    if let Some((_, message)) = self.delayed.pop_first() {
                        to.send(message).await?;
                    }
                }
                message = from.next(), if reads => match message {
                    Some(Ok(Message::Close(frame))) => {
                        to.send(Message::Close(frame)).await?;
                        tokio::time::sleep(FAREWELL).await;
                        return Ok(());
                    }
                    Some(message) => self.take(message?, &mut to).await?,
                    None => return Ok(()),
                },
            }
        }
    }

    async fn take(
        &mut self,
        message: Message,
        to: &mut (impl Sink<Message, Error = Error> + Unpin),
    ) -> Result<()> {
        let Message::Binary(frame) = &message else {
            // Pings and pongs are answered by each side's own library.
            return Ok(());
        };
        if self.up {
            self.who.get_or_init(|| Peer::of_first(frame));
        }
        let Some(leg) = self.leg() else { return Ok(to.send(message).await?) };
        let now = console_now();
        let mut seen = Seen::read(leg, frame.clone(), &mut self.cursor, now);
        let fate = {
            let mut state = self.shared.state();
            seen.fate = state.judge(&seen);
            let fate = seen.fate;
            if !state.left_out.contains(&seen.kind) {
                state.seen.push(seen);
            }
            fate
        };
        self.taken += 1;
        match fate {
            Fate::Pass => to.send(message).await?,
            Fate::Double => {
                to.send(message.clone()).await?;
                to.send(message).await?;
            }
            Fate::Delay(delay, _) => {
                self.delayed.insert((now.after(delay), self.taken), message);
            }
            Fate::Hold => self.held.push(message),
            Fate::Drop => {}
        }
        Ok(())
    }

    fn leg(&self) -> Option<Leg> {
        self.who.get().map(|peer| peer.leg(self.up))
    }

    fn is_stalled(&self) -> bool {
        let mut stalled = *self.shared.stalled.borrow();
        self.leg().is_some_and(|leg| *leg.of(&mut stalled))
    }
}

async fn sleep_until(due: Option<MonoTime>) {
    if let Some(due) = due {
        tokio::time::sleep(console_now().until(due)).await;
    }
}
