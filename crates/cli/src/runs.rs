//! Goes through a record and feeds its inputs to fresh engines, one for each run of the monitor.
//!
//! Each run (incarnation) gets an engine that is made from what its first segment opened with, and every input is fed
//! with the time it had. What is made of that is the [`Follower`]'s: `ledger replay` compares, `kpi` counts.

use crate::record::decode;
use anyhow::Context;
use std::ops::ControlFlow;
use watchkeeper_engine::{Config, Engine, Opening};
use watchkeeper_ledger::{Entry, ReadStorage, Reader, Record, SegmentInfo};
use watchkeeper_model::MonoTime;
use watchkeeper_protocol::record::record_type;

/// Looks on while a record goes through its engines.
pub(crate) trait Follower {
    /// A run begins; the one before it is over.
    fn handle_run(&mut self, opening: &Opening, config: &Config);

    /// The engine of the run is made, and has taken nothing yet.
    fn handle_engine(&mut self, _engine: &mut Engine) {}

    /// A record of the run is next; an input among them is fed afterwards.
    fn handle_record(&mut self, record: &Record) -> anyhow::Result<ControlFlow<()>>;

    /// The engine took the input of this record: its outputs are to be drained now.
    fn handle_taken(&mut self, record: &Record, engine: &mut Engine) -> anyhow::Result<ControlFlow<()>>;

    /// A segment is left out, and the run before it is over: the beginning of its own run is not there any more.
    fn handle_left_out(&mut self, segment: u64);
}

/// Leads a follower through a whole record, finished or live, or until it has enough.
///
/// # Errors
/// When the record cannot be read, and what the follower cannot read itself.
pub(crate) fn follow<S: ReadStorage + ?Sized>(
    storage: &S,
    follower: &mut impl Follower,
) -> anyhow::Result<()> {
    Course::default().go_on(storage, follower)
}

/// How far a record was followed: one that is being written can be followed on from there.
#[derive(Default)]
pub(crate) struct Course {
    player: Option<Player>,
    segment: u64,
    sequence: u64,
}

impl Course {
    /// Leads the follower on, to the end that the record has now.
    ///
    /// # Errors
    /// When the record cannot be read, and what the follower cannot read itself.
    pub(crate) fn go_on<S: ReadStorage + ?Sized>(
        &mut self,
        storage: &S,
        follower: &mut impl Follower,
    ) -> anyhow::Result<()> {
        for entry in Reader::starting_at(storage, self.segment).context("reading the record")? {
            match entry.context("reading the record; `watchkeeper ledger verify` says more")? {
                Entry::Segment(segment) if segment.number == self.segment => {}
                Entry::Segment(segment) => {
                    self.segment = segment.number;
                    self.player = turn_over(self.player.take(), &segment, follower)?;
                }
                Entry::Record(record) if record.sequence <= self.sequence => {}
                Entry::Record(record) => {
                    self.sequence = record.sequence;
                    let Some(player) = &mut self.player else { continue };
                    if player.take(&record, follower)?.is_break() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Starts the run of a segment, or goes on with the one before.
fn turn_over(
    before: Option<Player>,
    segment: &SegmentInfo,
    follower: &mut impl Follower,
) -> anyhow::Result<Option<Player>> {
    let opening: Opening = rmp_serde::from_slice(&segment.opening)
        .with_context(|| format!("segment {} opens with something that no monitor wrote", segment.number))?;
    if opening.inputs_before > 0 {
        let same_run = before.filter(|player| !segment.gap && player.continues_with(&opening));
        if same_run.is_none() {
            follower.handle_left_out(segment.number);
        }
        return Ok(same_run);
    }
    let player = Player::new(opening)?;
    follower.handle_run(&player.opening, &player.config);
    Ok(Some(player))
}

/// An engine that is fed from the record.
struct Player {
    opening: Opening,
    config: Config,
    engine: Option<Engine>,
    inputs: u64,
}

impl Player {
    fn new(opening: Opening) -> anyhow::Result<Self> {
        let config = Config::parse(&opening.configuration)
            .with_context(|| format!("reading the configuration of run {} back", opening.incarnation))?;
        Ok(Self { opening, config, engine: None, inputs: 0 })
    }

    fn continues_with(&self, opening: &Opening) -> bool {
        opening.incarnation == self.opening.incarnation && opening.inputs_before == self.inputs
    }

    fn take(&mut self, record: &Record, follower: &mut impl Follower) -> anyhow::Result<ControlFlow<()>> {
        if follower.handle_record(record)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if record.record_type != record_type::INPUT {
            return Ok(ControlFlow::Continue(()));
        }
        let input = decode(record)?;
        let now = MonoTime::from_nanos(record.mono_nanos);
        // The first input is a timeout with the time the engine was made at.
        let engine = self.engine.get_or_insert_with(|| {
            let mut engine = Engine::new(self.config.clone(), &self.opening, now);
            follower.handle_engine(&mut engine);
            engine
        });
        engine.handle(input, now);
        self.inputs += 1;
        follower.handle_taken(record, engine)
    }
}
