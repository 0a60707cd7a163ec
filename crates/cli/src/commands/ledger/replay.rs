//! `ledger replay`: the same inputs must give the same outputs.
//!
//! Each run of a monitor (incarnation) gets a fresh engine, made from what its first segment opened with. Every
//! input is fed with the time it had. What the engine derives must be what the record holds behind the
//! input, byte for byte, and the digest over all outputs must be the one on record.

use crate::{
    out::count,
    record::{decode, hex},
};
use anyhow::Context;
use std::{collections::VecDeque, fmt};
use watchkeeper_engine::{Config, Derived, Engine, Opening, Output, OutputDigest};
use watchkeeper_ledger::{Entry, ReadStorage, Reader, Record, SegmentInfo};
use watchkeeper_model::{Incarnation, MonoTime};
use watchkeeper_protocol::record::{DigestRecord, EngineInput, record_type};

/// One run of a monitor, replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Which.
    pub(crate) incarnation: Incarnation,
    /// Version of the monitor that wrote it.
    pub(crate) build: String,
    /// Inputs fed.
    pub(crate) inputs: u64,
    /// Outputs they gave.
    pub(crate) outputs: u64,
    /// Derived records that are the same.
    pub(crate) derived: u64,
    /// Digests that are the same.
    pub(crate) digests: u64,
    /// SHA-256 over all outputs.
    pub(crate) sha256: [u8; 32],
    /// Its record ends with its last digest: it ended in good order.
    pub(crate) is_closed: bool,
}

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplayReport {
    /// Every run that could be replayed, in order.
    pub(crate) runs: Vec<Run>,
    /// Segments that were left out because the beginning of their run is not there any more.
    pub(crate) left_out: Vec<u64>,
    /// The first difference.
    pub(crate) difference: Option<String>,
}

impl ReplayReport {
    /// Returns whether every output was the same.
    pub(crate) const fn is_identical(&self) -> bool {
        self.difference.is_none()
    }
}

impl fmt::Display for ReplayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for run in &self.runs {
            let end = if run.is_closed { "" } else { " (no last digest: it runs still, or was cut off)" };
            writeln!(
                f,
                "run {}: {}, {}, {} and {} the same{end}\n  outputs {}",
                run.incarnation,
                count(run.inputs, "input"),
                count(run.outputs, "output"),
                count(run.derived, "derived record"),
                count(run.digests, "digest"),
                hex(&run.sha256)
            )?;
        }
        for segment in &self.left_out {
            writeln!(f, "segment {segment} left out: the beginning of its run is not there any more")?;
        }
        match &self.difference {
            None => f.write_str("identical"),
            Some(difference) => write!(
                f,
                "DIFFERENT: {difference}\nOnly the build that wrote a record gives its outputs again: this is {}, and \
                 that run was of {}. If they are the same, the record was changed or the engine has a fault.",
                watchkeeper_server::BUILD,
                self.runs.last().map_or("another", |run| run.build.as_str())
            ),
        }
    }
}

/// Replays a whole record, finished or live.
///
/// # Errors
/// When the record cannot be read; a difference is in the report.
pub(crate) fn replay<S: ReadStorage + ?Sized>(storage: &S) -> anyhow::Result<ReplayReport> {
    let mut report = ReplayReport::default();
    let mut player: Option<Player> = None;
    for entry in Reader::new(storage).context("reading the record")? {
        match entry.context("reading the record; `watchkeeper ledger verify` says more")? {
            Entry::Segment(segment) => {
                player = turn_over(player, &segment, &mut report)?;
            }
            Entry::Record(record) => {
                let Some(player) = &mut player else { continue };
                if let Err(difference) = player.take(&record)? {
                    report.difference = Some(difference);
                    break;
                }
            }
        }
    }
    report.runs.extend(player.map(Player::finish));
    Ok(report)
}

/// Starts the run of a segment, or goes on with the one before.
fn turn_over(
    before: Option<Player>,
    segment: &SegmentInfo,
    report: &mut ReplayReport,
) -> anyhow::Result<Option<Player>> {
    let opening: Opening = rmp_serde::from_slice(&segment.opening)
        .with_context(|| format!("segment {} opens with something that no monitor wrote", segment.number))?;
    if opening.inputs_before > 0 && !segment.gap {
        if let Some(player) = before.filter(|player| player.continues_with(&opening)) {
            return Ok(Some(player));
        }
        report.left_out.push(segment.number);
        return Ok(None);
    }
    report.runs.extend(before.map(Player::finish));
    if opening.inputs_before > 0 {
        report.left_out.push(segment.number);
        return Ok(None);
    }
    Ok(Some(Player::new(opening)?))
}

/// An engine that is fed from the record.
struct Player {
    opening: Opening,
    config: Config,
    engine: Option<Engine>,
    digest: OutputDigest,
    run: Run,
    /// What the engine derived from the last input and the record must hold next.
    expected: VecDeque<Derived>,
    /// The record that held the last input.
    last_input: u64,
}

impl Player {
    fn new(opening: Opening) -> anyhow::Result<Self> {
        let incarnation = opening.incarnation;
        let config = Config::parse(&opening.configuration)
            .with_context(|| format!("reading the configuration of run {incarnation} back"))?;
        let run = Run {
            incarnation,
            build: opening.build.clone(),
            inputs: 0,
            outputs: 0,
            derived: 0,
            digests: 0,
            sha256: OutputDigest::default().value(),
            is_closed: false,
        };
        let (digest, expected) = (OutputDigest::default(), VecDeque::new());
        Ok(Self { opening, config, engine: None, digest, run, expected, last_input: 0 })
    }

    fn continues_with(&self, opening: &Opening) -> bool {
        opening.incarnation == self.run.incarnation && opening.inputs_before == self.run.inputs
    }

    /// Takes one record; the inner error is the first difference.
    fn take(&mut self, record: &Record) -> anyhow::Result<Result<(), String>> {
        self.run.is_closed = false;
        match record.record_type {
            record_type::INPUT => {
                if let Err(missing) = self.nothing_is_missing(record) {
                    return Ok(Err(missing));
                }
                self.feed(decode(record)?, record);
                Ok(Ok(()))
            }
            record_type::AUTHORITY | record_type::TAKEOVER | record_type::PAGE => {
                Ok(self.compare_derived(record))
            }
            record_type::DIGEST => {
                if let Err(missing) = self.nothing_is_missing(record) {
                    return Ok(Err(missing));
                }
                Ok(self.compare_digest(&decode(record)?, record))
            }
            // A later version may record more; what it derives is compared by that version.
            _ => Ok(Ok(())),
        }
    }

    fn feed(&mut self, input: EngineInput, record: &Record) {
        let now = MonoTime::from_nanos(record.mono_nanos);
        // The first input is a timeout with the time the engine was made at.
        let engine = self.engine.get_or_insert_with(|| Engine::new(self.config.clone(), &self.opening, now));
        engine.handle(input, now);
        self.run.inputs += 1;
        self.last_input = record.sequence;
        while let Some(output) = engine.poll_output() {
            let frame = output.encode();
            self.digest.update(&output, frame.as_ref());
            self.run.outputs += 1;
            match output {
                Output::Derived(derived) => self.expected.push_back(derived),
                Output::ToAgent { .. } | Output::ToOperators { .. } | Output::Close { .. } => {}
            }
        }
    }

    fn nothing_is_missing(&self, record: &Record) -> Result<(), String> {
        match self.expected.front() {
            None => Ok(()),
            Some(derived) => Err(format!(
                "record {}: the input in record {} now gives {}, which the record does not hold",
                record.sequence,
                self.last_input,
                name(derived)
            )),
        }
    }

    fn compare_derived(&mut self, record: &Record) -> Result<(), String> {
        let Some(derived) = self.expected.pop_front() else {
            return Err(format!(
                "record {}: the record holds something that the input in record {} does not give now",
                record.sequence, self.last_input
            ));
        };
        if derived.record_type() != record.record_type || derived.encode() != record.payload {
            return Err(format!(
                "record {}: the input in record {} now gives another {}",
                record.sequence,
                self.last_input,
                name(&derived)
            ));
        }
        self.run.derived += 1;
        Ok(())
    }

    fn compare_digest(&mut self, found: &DigestRecord, record: &Record) -> Result<(), String> {
        let replayed = DigestRecord { inputs: self.run.inputs, sha256: self.digest.value() };
        if *found != replayed {
            return Err(format!(
                "record {}: the outputs differ: on record {} after {}, replayed {} after {}",
                record.sequence,
                hex(&found.sha256),
                count(found.inputs, "input"),
                hex(&replayed.sha256),
                replayed.inputs
            ));
        }
        self.run.digests += 1;
        self.run.is_closed = true;
        Ok(())
    }

    fn finish(mut self) -> Run {
        self.run.sha256 = self.digest.value();
        self.run
    }
}

fn name(derived: &Derived) -> String {
    match derived {
        Derived::Authority(authority) => format!("authority over {}", authority.agent),
        Derived::Takeover(takeover) => format!("record of takeover {}", takeover.demand_id.0),
        Derived::Page(page) => format!("call about demand {} ({})", page.demand_id.0, page.reason),
    }
}
