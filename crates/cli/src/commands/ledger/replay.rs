//! `ledger replay`: the same inputs must give the same outputs.
//!
//! The inputs go through fresh engines ([`crate::runs`]). What an engine derives must be what the record holds behind
//! the input, byte for byte, and the digest over all outputs must be the one on record.

use crate::{
    out::count,
    record::{decode, hex},
    runs::{Follower, follow},
};
use std::{collections::VecDeque, fmt, ops::ControlFlow};
use watchkeeper_engine::{Config, Derived, Engine, Opening, Output, OutputDigest};
use watchkeeper_ledger::{ReadStorage, Record};
use watchkeeper_model::Incarnation;
use watchkeeper_protocol::record::{DigestRecord, record_type};

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
    let mut replay = Replay::default();
    follow(storage, &mut replay)?;
    replay.end_run();
    Ok(replay.report)
}

#[derive(Default)]
struct Replay {
    report: ReplayReport,
    current: Option<Comparison>,
}

impl Replay {
    fn end_run(&mut self) {
        self.report.runs.extend(self.current.take().map(Comparison::finish));
    }
}

impl Follower for Replay {
    fn handle_run(&mut self, opening: &Opening, _config: &Config) {
        self.end_run();
        self.current = Some(Comparison::new(opening));
    }

    fn handle_record(&mut self, record: &Record) -> anyhow::Result<ControlFlow<()>> {
        if let Some(comparison) = &mut self.current
            && let Err(difference) = comparison.handle_record(record)?
        {
            self.report.difference = Some(difference);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn handle_taken(&mut self, record: &Record, engine: &mut Engine) -> anyhow::Result<ControlFlow<()>> {
        if let Some(comparison) = &mut self.current {
            comparison.handle_input(record);
            while let Some(output) = engine.poll_output() {
                comparison.handle_output(output);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn handle_left_out(&mut self, segment: u64) {
        self.end_run();
        self.report.left_out.push(segment);
    }
}

/// Compares what one run gives now with what its record holds.
pub(crate) struct Comparison {
    digest: OutputDigest,
    run: Run,
    /// What the engine derived from the last input and the record must hold next.
    expected: VecDeque<Derived>,
    /// The record that held the last input.
    last_input: u64,
}

impl Comparison {
    pub(crate) fn new(opening: &Opening) -> Self {
        let run = Run {
            incarnation: opening.incarnation,
            build: opening.build.clone(),
            inputs: 0,
            outputs: 0,
            derived: 0,
            digests: 0,
            sha256: OutputDigest::default().value(),
            is_closed: false,
        };
        Self { digest: OutputDigest::default(), run, expected: VecDeque::new(), last_input: 0 }
    }

    /// Takes the next record, an input before it is fed; the inner error is the first difference.
    pub(crate) fn handle_record(&mut self, record: &Record) -> anyhow::Result<Result<(), String>> {
        self.run.is_closed = false;
        match record.record_type {
            record_type::INPUT => Ok(self.nothing_is_missing(record)),
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

    /// The engine took the input of this record.
    pub(crate) fn handle_input(&mut self, record: &Record) {
        self.run.inputs += 1;
        self.last_input = record.sequence;
    }

    /// The engine gave this for it.
    pub(crate) fn handle_output(&mut self, output: Output) {
        let frame = output.encode();
        self.digest.update(&output, frame.as_ref());
        self.run.outputs += 1;
        match output {
            Output::Derived(derived) => self.expected.push_back(derived),
            Output::ToAgent { .. } | Output::ToOperators { .. } | Output::Close { .. } => {}
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
