//! Writes the gate's record without holding anything else up: one write at a time, the newest record next.

use super::GateStore;
use std::{fmt::Debug, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use watchkeeper_model::AgentTime;
use watchkeeper_takeover::GateRecord;

/// How soon a record that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long a write may take before it counts as failed (ours): far longer than a healthy disk ever needs.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a record is kept; it may block for as long as a disk does.
pub(super) trait Keep: Debug + Send + Sync + 'static {
    /// Writes `record` so that it survives a loss of power.
    fn keep(&self, record: &GateRecord) -> Result<(), String>;
}

impl Keep for GateStore {
    fn keep(&self, record: &GateRecord) -> Result<(), String> {
        self.save(record).map_err(|error| error.to_string())
    }
}

/// What became of a write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Saved {
    /// The newest record is on disk.
    All,
    /// This one is, and a newer one waits.
    Outdated,
    /// It could not be written; it, or a newer one, will be tried again.
    Failed(String),
}

#[derive(Debug)]
struct Writing {
    record: GateRecord,
    job: JoinHandle<Result<(), String>>,
    late_at: AgentTime,
    told_late: bool,
}

/// The writes of one agent's records.
#[derive(Debug)]
pub(super) struct Saver {
    store: Option<Arc<dyn Keep>>,
    patience: Duration,
    writing: Option<Writing>,
    /// The newest record that is not being written yet, and when to try it.
    next: Option<(GateRecord, AgentTime)>,
}

impl Saver {
    /// Makes a saver; without a store every record is forgotten at once.
    pub(super) fn new(store: Option<Arc<dyn Keep>>) -> Self {
        Self { store, patience: PATIENCE, writing: None, next: None }
    }

    /// Counts a write as late only after `patience`.
    #[cfg(test)]
    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Takes a record to be written as soon as the write before it has ended. The latest wins.
    pub(super) fn keep(&mut self, record: GateRecord, now: AgentTime) {
        if self.store.is_some() {
            self.next = Some((record, now));
            self.start(now);
        }
    }

    /// Starts the write that is due, if none is under way. Must be called inside a tokio runtime.
    pub(super) fn start(&mut self, now: AgentTime) {
        if self.writing.is_some() {
            return;
        }
        let Some(store) = self.store.clone() else { return };
        let Some((record, _)) = self.next.take_if(|(_, at)| now >= *at) else { return };
        let copy = record.clone();
        let job = tokio::task::spawn_blocking(move || store.keep(&copy));
        self.writing = Some(Writing { record, job, late_at: now.after(self.patience), told_late: false });
    }

    /// Returns whether a write is under way: what rests on it must not be said or dared.
    pub(super) const fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Returns whether everything is on disk.
    pub(super) const fn is_idle(&self) -> bool {
        self.writing.is_none() && self.next.is_none()
    }

    /// Returns true once for every write that takes too long. It goes on: nobody can end it.
    pub(super) fn poll_late(&mut self, now: AgentTime) -> bool {
        self.writing
            .as_mut()
            .is_some_and(|writing| now >= writing.late_at && !std::mem::replace(&mut writing.told_late, true))
    }

    /// Returns when [`Self::poll_late`] or [`Self::start`] is due.
    pub(super) fn poll_timeout(&self) -> Option<AgentTime> {
        match &self.writing {
            Some(writing) => (!writing.told_late).then_some(writing.late_at),
            None => self.next.as_ref().map(|(_, at)| *at),
        }
    }

    /// Waits for the end of the write under way, if there is one. Cancel-safe.
    pub(super) async fn finished_if_writing(&mut self) -> Option<Saved> {
        if self.is_writing() { Some(self.finished().await) } else { None }
    }

    /// Waits for the end of the write under way, for ever where there is none. Cancel-safe.
    pub(super) async fn finished(&mut self) -> Saved {
        let Some(writing) = &mut self.writing else { return std::future::pending().await };
        let result = (&mut writing.job).await.unwrap_or_else(|error| Err(error.to_string()));
        let record = self.writing.take().map(|writing| writing.record);
        match (result, &self.next) {
            (Ok(()), None) => Saved::All,
            (Ok(()), Some(_)) => Saved::Outdated,
            (Err(problem), _) => {
                if let (None, Some(record)) = (&self.next, record) {
                    self.next = Some((record, crate::clock::agent_now().after(RETRY)));
                }
                Saved::Failed(problem)
            }
        }
    }
}
