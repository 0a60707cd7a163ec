//! What waits to be written to one session: control that is never dropped, telemetry where the latest wins.
//!
//! The engine never waits for a session. A control lane that is full means that the peer does not keep up: the
//! session is closed, and may come back and resume. Telemetry that is not written yet is replaced by newer
//! telemetry of the same agent, and the console is told how much it missed.

use bytes::Bytes;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, mpsc};
use watchkeeper_model::{AgentId, AlertId, MonoTime, Note};
use watchkeeper_protocol::{
    ToOperator, Wire,
    operator::Dropped,
    session::{ErrorCode, ErrorReport},
};

/// Control frames that may wait.
const CONTROL_FRAMES: usize = 1_024;
/// Agents whose telemetry may wait; a further one replaces the first.
const TELEMETRY_AGENTS: usize = 4_096;
/// What is written with one flush at most, in bytes, so that the write deadline means a rate of 1 MB/s.
const BATCH_BYTES: usize = 256 << 10;
/// How often at most a console is told what it missed.
const DROPPED_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Control {
    Frame { frame: Bytes, alert: Option<AlertId> },
    Close(ErrorReport),
}

#[derive(Debug, Default)]
struct Shared {
    telemetry: Mutex<Telemetry>,
    wake: Notify,
    /// Set when the control lane was full.
    overflow: OnceLock<ErrorReport>,
}

#[derive(Debug, Default)]
struct Telemetry {
    latest: BTreeMap<AgentId, Bytes>,
    dropped: u64,
}

/// The engine's end.
#[derive(Debug)]
pub(crate) struct OutboxSender {
    control: mpsc::Sender<Control>,
    shared: Arc<Shared>,
}

/// The session's end.
#[derive(Debug)]
pub(crate) struct Outbox {
    control: mpsc::Receiver<Control>,
    shared: Arc<Shared>,
    /// Telemetry taken out of the map and not written yet: everybody's turn comes before anybody's second.
    turn: BTreeMap<AgentId, Bytes>,
    dropped_told_at: MonoTime,
}

/// Frames for one flush.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// In order.
    pub(crate) frames: Vec<Bytes>,
    /// The alerts among them.
    pub(crate) alerts: Vec<AlertId>,
    /// Close the session after them, and say why.
    pub(crate) close: Option<ErrorReport>,
    bytes: usize,
}

/// Makes an outbox.
pub(crate) fn outbox() -> (OutboxSender, Outbox) {
    let (sender, receiver) = mpsc::channel(CONTROL_FRAMES);
    let shared = Arc::new(Shared::default());
    let outbox = Outbox {
        control: receiver,
        shared: Arc::clone(&shared),
        turn: BTreeMap::new(),
        dropped_told_at: MonoTime::default(),
    };
    (OutboxSender { control: sender, shared }, outbox)
}

impl OutboxSender {
    /// Queues a control frame; `alert` names the alert that it shows. Closes the session when there is no room.
    pub(crate) fn control(&self, frame: Bytes, alert: Option<AlertId>) {
        self.push(Control::Frame { frame, alert });
    }

    /// Closes the session after what is queued already.
    pub(crate) fn close(&self, report: ErrorReport) {
        self.push(Control::Close(report));
    }

    /// Leaves the latest telemetry of an agent.
    pub(crate) fn telemetry(&self, agent: &AgentId, frame: Bytes) {
        let mut telemetry = self.shared.telemetry();
        if telemetry.latest.insert(agent.clone(), frame).is_some() {
            telemetry.dropped += 1;
        } else if telemetry.latest.len() > TELEMETRY_AGENTS {
            telemetry.latest.pop_first();
            telemetry.dropped += 1;
        }
        drop(telemetry);
        self.shared.wake.notify_one();
    }

    fn push(&self, control: Control) {
        match self.control.try_send(control) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.shared.overflow.get_or_init(|| too_slow("it has more waiting than it may have"));
                self.shared.wake.notify_one();
            }
            // The session is gone; its disconnect is on the way.
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }
}

/// The report to a session that did not keep up.
pub(crate) fn too_slow(why: &str) -> ErrorReport {
    ErrorReport {
        code: ErrorCode::TooSlow,
        message: Note::cut(&format!(
            "this session did not keep up: {why}; connect again and resume from your cursor"
        )),
        kind: None,
        field: None,
    }
}

impl Shared {
    fn telemetry(&self) -> MutexGuard<'_, Telemetry> {
        self.telemetry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.close.is_none()
    }

    fn has_room(&self) -> bool {
        self.bytes < BATCH_BYTES && self.close.is_none()
    }

    fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push(frame);
    }

    fn take(&mut self, control: Control) {
        match control {
            Control::Frame { frame, alert } => {
                self.push(frame);
                self.alerts.extend(alert);
            }
            Control::Close(report) => self.close = Some(report),
        }
    }
}

impl Outbox {
    /// Waits until something can be written and returns it: control first, then telemetry.
    ///
    /// Cancelling it loses nothing.
    pub(crate) async fn next_batch(&mut self, now: impl Fn() -> MonoTime) -> Batch {
        loop {
            let mut batch = Batch::default();
            if let Some(report) = self.shared.overflow.get() {
                batch.close = Some(report.clone());
                return batch;
            }
            self.fill(&mut batch, &now);
            if !batch.is_empty() {
                return batch;
            }
            tokio::select! {
                biased;
                control = self.control.recv() => {
                    match control {
                        Some(control) => batch.take(control),
                        None => batch.close = Some(gone()),
                    }
                    self.fill(&mut batch, &now);
                    return batch;
                }
                () = self.shared.wake.notified() => {}
            }
        }
    }

    fn fill(&mut self, batch: &mut Batch, now: &impl Fn() -> MonoTime) {
        while batch.has_room() {
            match self.control.try_recv() {
                Ok(control) => batch.take(control),
                Err(mpsc::error::TryRecvError::Empty | mpsc::error::TryRecvError::Disconnected) => break,
            }
        }
        let mut dropped = 0;
        if self.turn.is_empty() && batch.has_room() {
            let mut telemetry = self.shared.telemetry();
            self.turn = std::mem::take(&mut telemetry.latest);
            dropped = telemetry.dropped;
        }
        while batch.has_room()
            && let Some((_, frame)) = self.turn.pop_first()
        {
            batch.push(frame);
        }
        if dropped > 0 {
            self.tell_dropped(batch, dropped, now());
        }
    }

    fn tell_dropped(&mut self, batch: &mut Batch, dropped: u64, now: MonoTime) {
        if now.since(self.dropped_told_at) < DROPPED_EVERY {
            return;
        }
        self.dropped_told_at = now;
        self.shared.telemetry().dropped -= dropped;
        batch.push(ToOperator::Dropped(Dropped { telemetry: dropped }).encode());
    }
}

fn gone() -> ErrorReport {
    ErrorReport {
        code: ErrorCode::ShuttingDown,
        message: Note::cut("the monitor is shutting down; it will be back"),
        kind: None,
        field: None,
    }
}

/// The report to everybody when the server stops.
pub(crate) fn shutting_down() -> ErrorReport {
    gone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(name: &str) -> AgentId {
        AgentId::new(name).unwrap()
    }

    const LATE: fn() -> MonoTime = || MonoTime::from_nanos(10_000_000_000);

    #[tokio::test]
    async fn control_leaves_before_telemetry_and_in_order() {
        let (sender, mut outbox) = outbox();
        sender.telemetry(&agent("a"), Bytes::from_static(b"t"));
        sender.control(Bytes::from_static(b"1"), None);
        sender.control(Bytes::from_static(b"2"), Some(AlertId(7)));
        let batch = outbox.next_batch(LATE).await;
        assert_eq!(batch.frames, [b"1".as_slice(), b"2", b"t"]);
        assert_eq!(batch.alerts, [AlertId(7)]);
    }

    #[tokio::test]
    async fn the_latest_telemetry_wins_and_the_console_is_told_how_much_it_missed() {
        let (sender, mut outbox) = outbox();
        for text in [b"1", b"2", b"3"] {
            sender.telemetry(&agent("a"), Bytes::from_static(text));
        }
        let batch = outbox.next_batch(LATE).await;
        assert_eq!(batch.frames[0], b"3".as_slice());
        assert_eq!(
            ToOperator::decode(&batch.frames[1]).unwrap(),
            ToOperator::Dropped(Dropped { telemetry: 2 })
        );
    }

    #[tokio::test]
    async fn a_full_control_lane_closes_the_session_as_too_slow() {
        let (sender, mut outbox) = outbox();
        for _ in 0..=CONTROL_FRAMES {
            sender.control(Bytes::from_static(b"x"), None);
        }
        let batch = outbox.next_batch(LATE).await;
        assert_eq!(batch.close.unwrap().code, ErrorCode::TooSlow);
        assert!(batch.frames.is_empty());
    }

    #[tokio::test]
    async fn nobodys_second_telemetry_comes_before_anybodys_first() {
        let (sender, mut outbox) = outbox();
        let big = Bytes::from(vec![0; BATCH_BYTES]);
        sender.telemetry(&agent("a"), big.clone());
        sender.telemetry(&agent("b"), Bytes::from_static(b"b"));
        assert_eq!(outbox.next_batch(LATE).await.frames, std::slice::from_ref(&big));
        sender.telemetry(&agent("a"), Bytes::from_static(b"again"));
        assert_eq!(outbox.next_batch(LATE).await.frames[0], b"b".as_slice());
    }

    #[tokio::test]
    async fn what_was_queued_before_a_close_still_leaves() {
        let (sender, mut outbox) = outbox();
        sender.control(Bytes::from_static(b"last words"), None);
        sender.close(shutting_down());
        let batch = outbox.next_batch(LATE).await;
        assert_eq!(batch.frames.len(), 1);
        assert_eq!(batch.close.unwrap().code, ErrorCode::ShuttingDown);
    }
}
