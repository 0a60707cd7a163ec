//! What waits to be written to one session: control that is never dropped, and telemetry and repeats where the
//! latest wins.
//!
//! The engine never waits for a session. A control lane that is full means that the peer does not keep up: the
//! session is closed, and may come back and resume. Telemetry that is not written yet is replaced by newer
//! telemetry of the same agent, and the console is told how much it missed. So is a repeat of an agent's status:
//! a clump of them, one for each agent, would fill the control lane of every console at once. Of rosters only the
//! newest says anything: one that is replaced is no loss. All of them wait a moment for company, so that a console costs
//! a write every few milliseconds and not one for each decision of the fleet.

use crate::counters::Counters;
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
/// Telemetry and repeats that may wait; with a further one, the last in their order goes.
const LATEST: usize = 8_192;
/// What is written with one flush at most, in bytes, so that the write deadline means a rate of 1 MB/s.
const BATCH_BYTES: usize = 256 << 10;
/// How long telemetry may wait for more of it where few agents send: less than a frame at 60 Hz, and far fewer writes.
/// Control never waits.
const LINGER: Duration = Duration::from_millis(15);
/// The same where a thousand agents send: ten pictures of each a second are what a console can show.
const LONGEST_LINGER: Duration = Duration::from_millis(100);
/// So much longer for every agent.
const LINGER_EACH: Duration = Duration::from_micros(100);
/// How much later than that it may leave, timers and other tasks being what they are, before the console counts as slow.
const SLACK: Duration = Duration::from_millis(5);
/// How often at most a console is told what it missed.
const DROPPED_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Control {
    Frame { frame: Bytes, alert: Option<(AlertId, MonoTime)>, overtakes: Overtakes },
    Close(ErrorReport),
}

/// What must not leave after a control frame, though it was taken out before the frame was queued.
#[derive(Debug)]
enum Overtakes {
    Nothing,
    /// Repeats of this agent's status.
    StatusOf(AgentId),
    /// Everything before this snapshot, by its number: the console begins anew, and may see other agents than before.
    Everything(u64),
}

#[derive(Debug, Default)]
struct Shared {
    telemetry: Mutex<Telemetry>,
    wake: Notify,
    /// Set when the control lane was full.
    overflow: OnceLock<ErrorReport>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Telemetry {
    latest: BTreeMap<Topic, Bytes>,
    /// When the oldest of these was queued.
    since: Option<MonoTime>,
    /// Something of an agent that a person leads is among them: how old it is counts.
    hurries: bool,
    dropped: u64,
    /// Snapshots queued so far.
    snapshots: u64,
}

impl Telemetry {
    /// Returns when what waits is to leave; `None` where nothing waits.
    fn due(&self) -> Option<MonoTime> {
        if self.hurries {
            return self.since;
        }
        let agents = u32::try_from(self.latest.len()).unwrap_or(u32::MAX);
        let linger = LINGER_EACH.saturating_mul(agents).clamp(LINGER, LONGEST_LINGER);
        Some(self.since?.after(linger))
    }

    /// Drops what a snapshot makes old; returns which snapshot of this session it is.
    fn begin_anew(&mut self) -> u64 {
        self.latest.clear();
        (self.since, self.hurries) = (None, false);
        self.snapshots += 1;
        self.snapshots
    }

    /// Takes out what must not come after a newer status of an agent; returns its telemetry, which may come before.
    fn overtaken_by_status(&mut self, agent: &AgentId) -> Option<Bytes> {
        self.latest.remove(&Topic::Status(agent.clone()));
        let telemetry = self.latest.remove(&Topic::Telemetry(agent.clone()));
        if self.latest.is_empty() {
            (self.since, self.hurries) = (None, false);
        }
        telemetry
    }
}

/// What a frame that may be replaced is about; in the order in which such frames leave.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Roster,
    Status(AgentId),
    Telemetry(AgentId),
}

/// The engine's end.
#[derive(Debug)]
pub(crate) struct OutboxSender {
    control: mpsc::Sender<Control>,
    shared: Arc<Shared>,
    /// The highest cursor queued; a status that has none above it is a repeat.
    cursor: u64,
}

/// The session's end.
#[derive(Debug)]
pub(crate) struct Outbox {
    control: mpsc::Receiver<Control>,
    shared: Arc<Shared>,
    /// Telemetry taken out of the map and not written yet: everybody's turn comes before anybody's second.
    turn: BTreeMap<Topic, Bytes>,
    /// How many snapshots were queued before these.
    turn_after: u64,
    dropped_told_at: MonoTime,
}

/// Frames for one flush.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// In order.
    pub(crate) frames: Vec<Bytes>,
    /// The alerts among them.
    pub(crate) alerts: Vec<AlertId>,
    /// When the oldest of these alerts was queued.
    pub(crate) oldest_alert: Option<MonoTime>,
    /// Close the session after them, and say why.
    pub(crate) close: Option<ErrorReport>,
    bytes: usize,
}

/// Makes an outbox.
pub(crate) fn outbox(counters: Arc<Counters>) -> (OutboxSender, Outbox) {
    let (sender, receiver) = mpsc::channel(CONTROL_FRAMES);
    let shared = Arc::new(Shared { counters, ..Shared::default() });
    let outbox = Outbox {
        control: receiver,
        shared: Arc::clone(&shared),
        turn: BTreeMap::new(),
        turn_after: 0,
        dropped_told_at: MonoTime::default(),
    };
    (OutboxSender { control: sender, shared, cursor: 0 }, outbox)
}

impl OutboxSender {
    /// Queues a control frame. Closes the session when there is no room.
    pub(crate) fn control(&self, frame: Bytes) {
        self.push(Control::Frame { frame, alert: None, overtakes: Overtakes::Nothing });
    }

    /// Queues a message to an operator, which is encoded in `frame`, on the lane that it belongs to.
    pub(crate) fn message(&mut self, message: &ToOperator, frame: Bytes, now: MonoTime) {
        let (mut alert, mut overtakes) = (None, Overtakes::Nothing);
        match message {
            ToOperator::Telemetry(telemetry) => {
                return self.latest(Topic::Telemetry(telemetry.agent.clone()), frame, now, false);
            }
            ToOperator::ControlStatus(update) => {
                let agent = update.status.agent.clone();
                if update.cursor <= self.cursor {
                    // What a person acts by says how old it is, and must not get older on the way.
                    let hurries = update.status.control_state.has_holder() || update.status.demand.is_some();
                    return self.latest(Topic::Status(agent), frame, now, hurries);
                }
                self.cursor = update.cursor;
                // A repeat that has not left would come after what is newer; telemetry of before it comes before it.
                let before = self.shared.telemetry().overtaken_by_status(&agent);
                if let Some(before) = before {
                    self.control(before);
                }
                overtakes = Overtakes::StatusOf(agent);
            }
            ToOperator::Alert(update) => {
                self.saw(update.cursor);
                alert = Some((update.alarm.alert_id, now));
            }
            ToOperator::Snapshot(part) => {
                self.cursor = part.cursor;
                if part.part == 0 {
                    overtakes = Overtakes::Everything(self.shared.telemetry().begin_anew());
                }
            }
            ToOperator::CommandStatus(update) => self.saw(update.cursor),
            ToOperator::Lease(update) => self.saw(update.cursor),
            ToOperator::Takeover(update) => self.saw(update.cursor),
            ToOperator::Roster(_) => return self.latest(Topic::Roster, frame, now, false),
            ToOperator::Welcome(_)
            | ToOperator::Dropped(_)
            | ToOperator::Health(_)
            | ToOperator::Ping(_)
            | ToOperator::Head(_)
            | ToOperator::Error(_)
            | ToOperator::Probed(_)
            | ToOperator::Access(_) => {}
        }
        self.push(Control::Frame { frame, alert, overtakes });
    }

    fn saw(&mut self, cursor: u64) {
        self.cursor = self.cursor.max(cursor);
    }

    /// Closes the session after what is queued already.
    pub(crate) fn close(&self, report: ErrorReport) {
        self.push(Control::Close(report));
    }

    /// Leaves the latest frame on a topic.
    fn latest(&self, topic: Topic, frame: Bytes, now: MonoTime, hurries: bool) {
        let mut telemetry = self.shared.telemetry();
        let is_news = telemetry.since.is_none() || (hurries && !telemetry.hurries);
        telemetry.since.get_or_insert(now);
        // What is replaced before it was to leave is no loss.
        let is_late = telemetry.due().is_some_and(|due| now > due.after(SLACK));
        let counts = topic != Topic::Roster && is_late;
        telemetry.hurries |= hurries;
        if telemetry.latest.insert(topic, frame).is_some() {
            if counts {
                telemetry.dropped += 1;
                self.shared.counters.drop_telemetry();
            }
        } else if telemetry.latest.len() > LATEST {
            telemetry.latest.pop_last();
            telemetry.dropped += 1;
            self.shared.counters.drop_telemetry();
        }
        drop(telemetry);
        if is_news {
            self.shared.wake.notify_one();
        }
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
            let due = self.shared.telemetry().due();
            let wait = due.map(|due| due.until(now()));
            tokio::select! {
                biased;
                control = self.control.recv() => {
                    match control {
                        Some(control) => self.take(&mut batch, control),
                        None => batch.close = Some(gone()),
                    }
                    self.fill(&mut batch, &now);
                    return batch;
                }
                () = self.shared.wake.notified() => {}
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
            }
        }
    }

    fn take(&mut self, batch: &mut Batch, control: Control) {
        match control {
            Control::Frame { frame, alert, overtakes } => {
                batch.push(frame);
                if let Some((alert, queued_at)) = alert {
                    batch.alerts.push(alert);
                    batch.oldest_alert.get_or_insert(queued_at);
                }
                // What was taken out before this was queued is older.
                match overtakes {
                    Overtakes::Nothing => {}
                    Overtakes::StatusOf(agent) => drop(self.turn.remove(&Topic::Status(agent))),
                    Overtakes::Everything(snapshot) if self.turn_after < snapshot => self.turn.clear(),
                    Overtakes::Everything(_) => {}
                }
            }
            Control::Close(report) => batch.close = Some(report),
        }
    }

    fn fill(&mut self, batch: &mut Batch, now: &impl Fn() -> MonoTime) {
        let mut dropped = 0;
        // Before the control lane is emptied: a repeat must not leave before the delta whose cursor it has.
        if self.turn.is_empty() {
            let mut telemetry = self.shared.telemetry();
            if telemetry.due().is_some_and(|due| now() >= due) {
                self.turn = std::mem::take(&mut telemetry.latest);
                self.turn_after = telemetry.snapshots;
                (telemetry.since, telemetry.hurries) = (None, false);
                dropped = telemetry.dropped;
            }
        }
        while batch.has_room() {
            match self.control.try_recv() {
                Ok(control) => self.take(batch, control),
                Err(mpsc::error::TryRecvError::Empty | mpsc::error::TryRecvError::Disconnected) => break,
            }
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
mod tests;
