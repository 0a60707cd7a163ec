//! Reads a record's inputs on a thread of its own, a few thousand ahead of the player.

use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::time::Duration;
use watchkeeper_engine::{EngineInput, Opening};
use watchkeeper_ledger::{DirReader, Entry, Reader, Record};
use watchkeeper_model::MonoTime;
use watchkeeper_protocol::record::record_type;

/// How many inputs wait for the player.
const AHEAD: usize = 4_096;

/// One step of a recording.
#[derive(Debug)]
pub(super) enum Item {
    /// A run of the monitor begins.
    Run(Box<Opening>),
    /// The monitor took an input.
    Input {
        /// When, since the start of the recording.
        at: Duration,
        /// When, on the monitor's clock.
        now: MonoTime,
        /// What.
        input: Box<EngineInput>,
    },
    /// The recording is over.
    End,
    /// It cannot be read further.
    Failed(String),
}

/// The inputs of a record, in order. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct Feed {
    items: Receiver<Item>,
}

impl Feed {
    /// Starts reading from the beginning.
    pub(super) fn start(storage: DirReader) -> anyhow::Result<Self> {
        let (sender, items) = bounded(AHEAD);
        std::thread::Builder::new()
            .name("replay".to_owned())
            .spawn(move || {
                let last = match read(&storage, &sender) {
                    Ok(()) => Item::End,
                    Err(error) => Item::Failed(format!("{error:#}")),
                };
                // Nobody listens any more: then nobody needs the end.
                sender.send(last).unwrap_or_default();
            })
            .context("starting the thread that reads the record")?;
        Ok(Self { items })
    }

    /// Returns the next item where it is there already.
    pub(super) fn try_next(&self) -> Option<Item> {
        self.items.try_recv().ok()
    }

    /// Waits for the next item; `None` after the last.
    pub(super) fn next(&self) -> Option<Item> {
        self.items.recv().ok()
    }
}

fn read(storage: &DirReader, items: &Sender<Item>) -> anyhow::Result<()> {
    let mut timeline = Timeline::default();
    let mut known = false;
    for entry in Reader::new(storage).context("reading the record")? {
        match entry.context("reading the record; `watchkeeper ledger verify` says more")? {
            Entry::Segment(segment) => {
                let opening: Opening = rmp_serde::from_slice(&segment.opening).with_context(|| {
                    format!("segment {} opens with something that no monitor wrote", segment.number)
                })?;
                if opening.inputs_before == 0 {
                    known = true;
                    timeline.turn();
                    if items.send(Item::Run(Box::new(opening))).is_err() {
                        return Ok(());
                    }
                } else if segment.gap {
                    known = false;
                }
            }
            // Without the beginning of its run an input means nothing.
            Entry::Record(record) if known && record.record_type == record_type::INPUT => {
                let input = rmp_serde::from_slice(&record.payload).with_context(|| {
                    format!("record {} is no input that this version of the program knows", record.sequence)
                })?;
                let now = MonoTime::from_nanos(record.mono_nanos);
                let item = Item::Input { at: timeline.position(&record), now, input: Box::new(input) };
                if items.send(item).is_err() {
                    return Ok(());
                }
            }
            Entry::Record(_) => {}
        }
    }
    Ok(())
}

/// Lays the runs of a monitor one behind the other: within a run the monotonic clock counts, between two runs the
/// wall clock, where it went forward.
#[derive(Debug, Default)]
struct Timeline {
    at: Duration,
    last: Option<(u64, i64)>,
    turned: bool,
}

impl Timeline {
    fn turn(&mut self) {
        self.turned = true;
    }

    fn position(&mut self, record: &Record) -> Duration {
        if let Some((mono, wall)) = self.last {
            let nanos = if std::mem::take(&mut self.turned) {
                u64::try_from(record.wall_nanos.saturating_sub(wall)).unwrap_or(0)
            } else {
                record.mono_nanos.saturating_sub(mono)
            };
            self.at = self.at.saturating_add(Duration::from_nanos(nanos));
        }
        self.turned = false;
        self.last = Some((record.mono_nanos, record.wall_nanos));
        self.at
    }
}
