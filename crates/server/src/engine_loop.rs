//! The one task that owns the engine: stamps, feeds, records, hands out.

use crate::{
    clock::Clock,
    counters::Counters,
    ledger_queue::{LedgerQueue, Pressure},
    ledger_thread::{DurableMark, InputRecord, LedgerItem, LedgerThread},
    metrics::LoopMeter,
    outbox::{OutboxSender, shutting_down},
    pager::PagerHandle,
    spans::{Span, Spans},
};
use anyhow::Context;
use bytes::Bytes;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Interval, MissedTickBehavior},
};
use watchkeeper_engine::{Derived, Engine, EngineInput, Output, OutputDigest};
use watchkeeper_model::{MonoTime, SessionId};
use watchkeeper_protocol::{AgentMessage, operator::StageLatency, record::DigestRecord, session::Head};

/// Items of each lane from the sessions; a session waits when its lane is full.
pub(crate) const LANE: usize = 4_096;
/// Control items taken in a row before timers and durable marks are looked at again.
const CONTROL_RUN: usize = 64;
/// The same for telemetry: short, because control waits meanwhile.
const TELEMETRY_RUN: usize = 16;
/// What telemetry gets after so many control items in a row: a flood of control must not end detection.
const TELEMETRY_SHARE: usize = 8;
/// After how many inputs a digest of all outputs is recorded.
const DIGEST_EVERY: u64 = 1_000;
/// How often the loop looks at the record's queue, the refused frames, and the clock after a suspend.
const ROUND: Duration = Duration::from_millis(250);
/// How long what nobody waits for may wait to be recorded: a sync for each decision would take most of a busy server's time.
const LINGER: Duration = Duration::from_millis(20);
/// How many inputs are recorded at once, whoever waits for them.
const RECORD_RUN: usize = 256;
/// How soon a full queue to the ledger thread is tried again.
const BACKLOG_RETRY: Duration = Duration::from_millis(5);

/// What must not wait behind decisions.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all items are inputs; a box would cost each of them")]
pub(crate) enum ControlItem {
    /// A session begins: where to write to it, and its hello.
    Connected { session: SessionId, outbox: OutboxSender, hello: Box<EngineInput> },
    /// Anything else.
    Input(EngineInput),
}

/// Decisions, and a mark between them.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all items are inputs; a box would cost each of them")]
pub(crate) enum TelemetryItem {
    /// A decision.
    Input(EngineInput),
    /// Answered when everything before it is with the engine.
    Barrier(oneshot::Sender<()>),
}

/// The receiving ends of everything the loop listens to.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) control: mpsc::Receiver<ControlItem>,
    pub(crate) telemetry: mpsc::Receiver<TelemetryItem>,
    pub(crate) marks: watch::Receiver<Option<DurableMark>>,
    pub(crate) shutdown: watch::Receiver<bool>,
}

/// What the loop leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoopReport {
    pub(crate) inputs: u64,
    pub(crate) digest: [u8; 32],
    pub(crate) head: Head,
    pub(crate) stages: Vec<StageLatency>,
}

/// The loop's state.
pub(crate) struct EngineLoop {
    engine: Engine,
    clock: Clock,
    queue: LedgerQueue,
    outboxes: BTreeMap<SessionId, OutboxSender>,
    digest: OutputDigest,
    inputs: u64,
    counters: Arc<Counters>,
    spans: Arc<Spans>,
    refused_told: u64,
    pressure_told: Pressure,
    /// Where somebody wants figures of the running server.
    meter: Option<LoopMeter>,
    /// Where people away from their consoles are to be called.
    pager: Option<PagerHandle>,
    /// Control items taken since telemetry had its turn.
    control_run: usize,
    draining: bool,
}

impl EngineLoop {
    /// Makes the loop and feeds the first input, a timeout with the time the engine was made at: a replay
    /// learns from it which `now` to make its own engine with.
    pub(crate) fn new(
        engine: Engine,
        made_at: MonoTime,
        queue: LedgerQueue,
        counters: Arc<Counters>,
        spans: Arc<Spans>,
    ) -> Self {
        let mut this = Self {
            engine,
            clock: Clock,
            queue,
            outboxes: BTreeMap::new(),
            digest: OutputDigest::default(),
            inputs: 0,
            counters,
            spans,
            refused_told: 0,
            pressure_told: Pressure::default(),
            meter: None,
            pager: None,
            control_run: 0,
            draining: false,
        };
        this.feed(EngineInput::Timeout, made_at);
        this
    }

    /// Leaves figures from now on.
    pub(crate) fn set_meter(&mut self, meter: LoopMeter) {
        self.meter = Some(meter);
    }

    /// Has people called from now on, where there is a pager.
    pub(crate) fn set_pager(&mut self, pager: Option<PagerHandle>) {
        self.pager = pager;
    }

    /// Runs until every sender of the control lane is gone, then finishes the record.
    pub(crate) async fn run(
        mut self,
        mut sources: Sources,
        ledger: LedgerThread,
    ) -> anyhow::Result<LoopReport> {
        let mut round = tokio::time::interval(ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.step(&mut sources, &mut round).await? {}
        self.finish(sources, ledger).await
    }

    /// Takes what comes next; false when there is nobody left to listen to.
    async fn step(&mut self, sources: &mut Sources, round: &mut Interval) -> anyhow::Result<bool> {
        // Before everything else, so that no flood of messages can hold a deadline up.
        let now = self.clock.now();
        if self.engine.poll_timeout().is_some_and(|due| due <= now) {
            self.feed(EngineInput::Timeout, now);
        }
        self.record(sources).await?;
        let backlog = self.queue.has_backlog();
        let due = [self.engine.poll_timeout(), self.record_due()].into_iter().flatten().min();
        tokio::select! {
            biased;
            // Once; and then everybody is on the way out.
            _ = sources.shutdown.changed(), if !self.draining => self.drain(),
            // Four times a second, so that no flood hides a disk that does not write.
            _ = round.tick() => self.look_around(),
            // What waits for the disk is what a person waits for.
            Ok(()) = sources.marks.changed() => self.take_mark(&mut sources.marks),
            item = sources.control.recv() => {
                let Some(item) = item else { return Ok(false) };
                self.take_control_run(item, sources);
            }
            () = tokio::time::sleep_until(self.clock.wake_at(due)) => {}
            () = tokio::time::sleep(BACKLOG_RETRY), if backlog => self.queue.drain(),
            // Last, and not at all while the record is behind: the sessions hold decisions back. What a flood of
            // control leaves them is in `take_control_run`.
            Some(item) = sources.telemetry.recv(), if !backlog => {
                self.control_run = 0;
                self.take_telemetry(item);
                for _ in 1..TELEMETRY_RUN {
                    if self.queue.has_backlog() || !sources.control.is_empty() {
                        break;
                    }
                    let Ok(item) = sources.telemetry.try_recv() else { break };
                    self.take_telemetry(item);
                }
            }
        }
        Ok(true)
    }

    /// Returns when what was fed must be with the ledger thread.
    fn record_due(&self) -> Option<MonoTime> {
        let (oldest, count) = self.queue.staged()?;
        let hurries = self.engine.awaits_disk() || count >= RECORD_RUN || self.draining;
        Some(if hurries { oldest } else { oldest.after(LINGER) })
    }

    /// Gives the ledger thread what was fed, where that is due. The sessions that have something to write go first where
    /// nobody waits for the disk and nothing for the engine: waking a thread takes as long as a write.
    async fn record(&mut self, sources: &Sources) -> anyhow::Result<()> {
        if self.record_due().is_none_or(|due| due > self.clock.now()) {
            return Ok(());
        }
        if !self.engine.awaits_disk() && sources.control.is_empty() && sources.telemetry.is_empty() {
            tokio::task::yield_now().await;
        }
        self.queue.flush()?;
        // Where records pile up between two rounds, the engine hears of it in time.
        if self.queue.has_backlog() && self.pressure_told.percent < 90 {
            self.tell_pressure();
        }
        Ok(())
    }

    fn drain(&mut self) {
        self.draining = true;
        for outbox in self.outboxes.values() {
            outbox.close(shutting_down());
        }
    }

    fn take_mark(&mut self, marks: &mut watch::Receiver<Option<DurableMark>>) {
        let mark = *marks.borrow_and_update();
        if let Some(DurableMark { input, head }) = mark {
            self.feed(EngineInput::Durable { input, head }, self.clock.now());
        }
    }

    /// Takes control items until there are none or telemetry is due; then that has its share.
    fn take_control_run(&mut self, first: ControlItem, sources: &mut Sources) {
        self.take_control(first);
        self.control_run += 1;
        // What a person waits for is handed to the disk before anything else is taken.
        while self.control_run < CONTROL_RUN && !self.engine.awaits_disk() {
            let Ok(item) = sources.control.try_recv() else { return };
            self.take_control(item);
            self.control_run += 1;
        }
        if self.control_run < CONTROL_RUN {
            return;
        }
        self.control_run = 0;
        for _ in 0..TELEMETRY_SHARE {
            if self.queue.has_backlog() {
                break;
            }
            let Ok(item) = sources.telemetry.try_recv() else { break };
            self.take_telemetry(item);
        }
    }

    fn take_control(&mut self, item: ControlItem) {
        match item {
            ControlItem::Connected { session, outbox, hello } => {
                if self.draining {
                    outbox.close(shutting_down());
                }
                self.outboxes.insert(session, outbox);
                self.feed(*hello, self.clock.now());
            }
            ControlItem::Input(input) => {
                if let EngineInput::Disconnected { session } = &input {
                    self.outboxes.remove(session);
                }
                self.feed(input, self.clock.now());
            }
        }
    }

    fn take_telemetry(&mut self, item: TelemetryItem) {
        match item {
            TelemetryItem::Input(input) => self.feed(input, self.clock.now()),
            TelemetryItem::Barrier(passed) => {
                // A session that has stopped waiting needs no answer.
                passed.send(()).unwrap_or_default();
            }
        }
    }

    fn look_around(&mut self) {
        let refused = self.counters.refused_frames();
        if refused > self.refused_told {
            let count = refused - self.refused_told;
            self.refused_told = refused;
            self.feed(EngineInput::RefusedFrames { count }, self.clock.now());
        }
        self.tell_pressure();
        if let Some(meter) = &mut self.meter {
            meter.leave(&self.engine, self.inputs, self.queue.pressure(self.clock.now()));
        }
    }

    fn tell_pressure(&mut self) {
        let now = self.clock.now();
        let pressure = self.queue.pressure(now);
        if !pressure.is_news(self.pressure_told) {
            return;
        }
        if pressure.stalled != self.pressure_told.stalled {
            if pressure.stalled {
                tracing::warn!("the record has not been written for 2 s: riskier actions are refused");
            } else {
                tracing::info!("the record is written in time again");
            }
        }
        self.pressure_told = pressure;
        let Pressure { percent, stalled } = pressure;
        self.feed(EngineInput::LedgerPressure { queue_percent: percent, stalled }, now);
    }

    /// Feeds one input: engine, sessions, and what the record is to hold.
    fn feed(&mut self, input: EngineInput, now: MonoTime) {
        let payload = rmp_serde::to_vec_named(&input).expect("every input can be written as MessagePack");
        let awaited = is_awaited(&input);
        let decided_at = decision_arrival(&input);
        self.inputs += 1;
        self.engine.handle(input, now);
        if decided_at.is_some() {
            self.spans.pause(Span::Detect);
        }
        let done = self.clock.now();
        if let Some(arrived_at) = decided_at {
            self.spans.record(Span::Queue, now.since(arrived_at));
            self.spans.record(Span::Detect, done.since(now));
        }
        let mut derived = Vec::new();
        while let Some(output) = self.engine.poll_output() {
            let frame = output.encode();
            self.digest.update(&output, frame.as_ref());
            match output {
                Output::Derived(one) => {
                    self.have_called(&one);
                    derived.push(one);
                }
                Output::ToAgent { .. } | Output::ToOperators { .. } | Output::Close { .. } => {
                    self.send(output, frame, done);
                }
            }
        }
        let digest = self.inputs.is_multiple_of(DIGEST_EVERY).then(|| self.digest_record());
        self.queue.stage(LedgerItem {
            now,
            wall: self.clock.wall(),
            input: Some(InputRecord { number: self.inputs, payload, awaited }),
            derived,
            digest,
        });
        if let Some(meter) = &mut self.meter {
            meter.fed(&mut self.engine, now, self.clock.now());
        }
    }

    fn have_called(&self, derived: &Derived) {
        if let (Some(pager), Derived::Page(page)) = (&self.pager, derived) {
            pager.page((**page).clone(), self.clock.wall());
        }
    }

    fn send(&mut self, output: Output, frame: Option<Bytes>, now: MonoTime) {
        match output {
            Output::ToAgent { session, .. } => {
                if let (Some(outbox), Some(frame)) = (self.outboxes.get(&session), frame) {
                    outbox.control(frame);
                }
            }
            Output::ToOperators { to, message } => {
                let Some(frame) = frame else { return };
                for session in to.iter() {
                    if let Some(outbox) = self.outboxes.get_mut(session) {
                        outbox.message(&message, frame.clone(), now);
                    }
                }
            }
            Output::Close { session, report } => {
                if let Some(outbox) = self.outboxes.get(&session) {
                    outbox.close(report);
                }
            }
            Output::Derived(_) => {}
        }
    }

    fn digest_record(&self) -> DigestRecord {
        DigestRecord { inputs: self.inputs, sha256: self.digest.value() }
    }

    /// Feeds what still waits, records the last digest, and waits for the disk.
    async fn finish(mut self, mut sources: Sources, ledger: LedgerThread) -> anyhow::Result<LoopReport> {
        while let Ok(item) = sources.telemetry.try_recv() {
            self.take_telemetry(item);
        }
        self.look_around();
        let digest = self.digest_record();
        self.queue.stage(LedgerItem {
            now: self.clock.now(),
            wall: self.clock.wall(),
            input: None,
            derived: Vec::new(),
            digest: Some(digest),
        });
        self.queue.flush()?;
        self.queue.say_ending();
        while self.queue.has_backlog() {
            tokio::time::sleep(BACKLOG_RETRY).await;
            self.queue.drain();
        }
        let (inputs, stages) = (self.inputs, self.engine.stage_latencies());
        // Without a sender, the thread writes what is left and ends.
        drop(self.queue);
        let head = ledger.finish().await.context("finishing the record")?;
        Ok(LoopReport { inputs, digest: digest.sha256, head, stages })
    }
}

/// Returns when a decision came in; `None` for every other input.
fn decision_arrival(input: &EngineInput) -> Option<MonoTime> {
    let EngineInput::Agent { received_at, framed, .. } = input else { return None };
    matches!(framed.message(), AgentMessage::Decision(_)).then_some(*received_at)
}

/// Says whether somebody outside may wait until this input is on disk. The loop's own inputs are not waited
/// for: a mark for each would be an input again, for ever.
fn is_awaited(input: &EngineInput) -> bool {
    match input {
        EngineInput::AgentConnected { .. }
        | EngineInput::OperatorConnected { .. }
        | EngineInput::AccessChanged { .. }
        | EngineInput::Agent { .. }
        | EngineInput::Operator { .. } => true,
        EngineInput::Disconnected { .. }
        | EngineInput::Delivered { .. }
        | EngineInput::Durable { .. }
        | EngineInput::LedgerPressure { .. }
        | EngineInput::RefusedFrames { .. }
        | EngineInput::RulesChanged { .. }
        | EngineInput::Timeout => false,
    }
}

#[cfg(test)]
mod tests;
