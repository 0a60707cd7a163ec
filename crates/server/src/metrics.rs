//! The figures of a running server, as Prometheus text (`docs/metrics.md`).
//!
//! The engine loop counts as it always does; four times a second it leaves a [`Snapshot`], and a stage that ended
//! goes into its histogram. Names, labels and text are made when somebody scrapes, in the task that answers him.
//! Several servers may run in one process, so nothing here is global.

use crate::{
    counters::Counters,
    ledger_queue::Pressure,
    ledger_thread::DurableMark,
    metric_names::{self as names, CATALOGUE, Shape},
    spans::Spans,
};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::watch;
use watchkeeper_engine::{Counts, Engine, StageSpan, Standing};
use watchkeeper_model::{
    AgentKind, CommandState, DemandOutcome, Incarnation, MonoTime, RiskClass, Severity, Stage,
};

/// Upper ends of the buckets of stages, in seconds: every budget of `takeover.md` 3.3, so that the share that kept it
/// is a bucket, and finer below, where the machine's stages lie.
const BUCKETS: [f64; 19] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 1.0, 2.0,
    5.0, 10.0, 60.0,
];

/// The same of the spans inside the server, which lie in microseconds.
const SPAN_BUCKETS: [f64; 16] = [
    0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.1, 0.25, 1.0, 10.0,
];

const METADATA: Metadata<'static> = Metadata::new("watchkeeper", Level::INFO, None);

/// What the engine loop leaves of itself four times a second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    counts: Counts,
    standing: Standing,
    inputs: u64,
    rounds: u64,
    busy: Duration,
    pressure: Pressure,
}

/// What is exported of one stage of one kind of agent.
struct StageMeter {
    span: Histogram,
    breaches: Counter,
    unknown: Counter,
}

/// The engine loop's end.
pub(crate) struct LoopMeter {
    stages: BTreeMap<(Stage, AgentKind), StageMeter>,
    now: Snapshot,
    left: watch::Sender<Snapshot>,
}

/// The end that is scraped.
pub(crate) struct Exposition {
    recorder: PrometheusRecorder,
    text: PrometheusHandle,
    left: watch::Receiver<Snapshot>,
    marks: watch::Receiver<Option<DurableMark>>,
    counters: Arc<Counters>,
    spans: Arc<Spans>,
}

/// Makes both ends for one server.
///
/// # Errors
/// None that this file's constants can cause: no buckets, or a name that is none.
pub(crate) fn metrics(
    incarnation: Incarnation,
    counters: Arc<Counters>,
    spans: Arc<Spans>,
    marks: watch::Receiver<Option<DurableMark>>,
) -> Result<(LoopMeter, Exposition), BuildError> {
    let full = |name: &str| Matcher::Full(name.to_owned());
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(full(names::STAGE), &BUCKETS)?
        .set_buckets_for_metric(full(names::SPAN), &SPAN_BUCKETS)?
        .build_recorder();
    let (sender, left) = watch::channel(Snapshot::default());
    let text = recorder.handle();
    let exposition = Exposition { recorder, text, left, marks, counters, spans };
    exposition.describe();
    let build = [Label::new("build", crate::BUILD), Label::new("incarnation", incarnation.to_string())];
    exposition.gauge(names::BUILD_INFO, build.to_vec()).set(1.0);
    let stages = exposition.stages();
    Ok((LoopMeter { stages, now: Snapshot::default(), left: sender }, exposition))
}

impl LoopMeter {
    /// Takes note of an input that the engine was given at `began` and that was dealt with at `ended`.
    pub(crate) fn fed(&mut self, engine: &mut Engine, began: MonoTime, ended: MonoTime) {
        while let Some(measured) = engine.poll_stage_span() {
            self.measured(measured);
        }
        self.now.busy += ended.since(began);
    }

    fn measured(&self, measured: StageSpan) {
        let Some(meter) = self.stages.get(&(measured.stage, measured.kind)) else { return };
        match measured.span {
            Some(span) => meter.span.record(span),
            None => meter.unknown.increment(1),
        }
        meter.breaches.increment(u64::from(measured.is_breach()));
    }

    /// Leaves how everything stands, for whoever scrapes next.
    pub(crate) fn leave(&mut self, engine: &Engine, inputs: u64, pressure: Pressure) {
        self.now.counts.clone_from(engine.counts());
        self.now.standing = engine.standing();
        (self.now.inputs, self.now.pressure) = (inputs, pressure);
        self.now.rounds += 1;
        self.left.send_replace(self.now.clone());
    }
}

impl Exposition {
    /// Returns everything as Prometheus text, format 0.0.4.
    pub(crate) fn render(&self) -> String {
        let Snapshot { counts, standing, inputs, rounds, busy, pressure } = self.left.borrow().clone();
        self.show_spans();
        self.show_counts(&counts);
        self.show_standing(standing);
        self.count(names::INPUTS, inputs);
        self.count(names::ROUNDS, rounds);
        self.count(names::BUSY, u64::try_from(busy.as_micros()).unwrap_or(u64::MAX));
        self.count(names::SESSIONS_BEGUN, self.counters.sessions());
        self.count(names::REFUSED_FRAMES, self.counters.refused_frames());
        self.count(names::REFUSED_CONNECTIONS, self.counters.refused_connections());
        self.count(names::TELEMETRY_DROPPED, self.counters.telemetry_dropped());
        let pages = self.counters.pages();
        self.count(names::PAGES_DELIVERED, pages.delivered());
        self.count(names::PAGE_TRIES_FAILED, pages.failed_tries());
        self.count(names::PAGES_GIVEN_UP, pages.given_up());
        self.level(names::PAGES_WAITING, pages.waiting() as f64);
        self.level(names::QUEUE, f64::from(pressure.percent) / 100.0);
        self.level(names::STALLED, f64::from(u8::from(pressure.stalled)));
        let mark = *self.marks.borrow();
        self.level(names::DURABLE_HEAD, mark.map_or(0.0, |mark| mark.head.sequence as f64));
        self.level(names::DURABLE_INPUTS, mark.map_or(0.0, |mark| mark.input as f64));
        self.text.render()
    }

    /// Sorts what was measured since the last time into its buckets: what nobody scrapes would pile up otherwise.
    pub(crate) fn keep_up(&self) {
        self.show_spans();
        self.text.run_upkeep();
    }

    fn show_spans(&self) {
        for (span, took) in self.spans.take() {
            let key = key(names::SPAN, label("span", span.word()));
            let histogram = self.recorder.register_histogram(&key, &METADATA);
            for value in took.iter_recorded() {
                let count = usize::try_from(value.count_since_last_iteration()).unwrap_or(usize::MAX);
                histogram.record_many(Duration::from_nanos(value.value_iterated_to()), count);
            }
        }
    }

    fn show_counts(&self, counts: &Counts) {
        self.count(names::DECISIONS, counts.decisions);
        self.count(names::RULES_UNJUDGED, counts.rules_unjudged);
        self.count(names::DEMANDS_RAISED, counts.demands_raised);
        self.count(names::OVER_BUDGET, counts.takeovers_over_budget);
        self.count(names::COMMANDS_RECEIVED, counts.commands_received);
        for severity in Severity::ALL {
            let raised = counts.alerts_raised.get(severity).copied().unwrap_or_default();
            self.counter(names::ALERTS_RAISED, label("severity", severity.word())).absolute(raised);
        }
        for outcome in DemandOutcome::ALL.iter().copied().map(Some).chain([None]) {
            let ended = counts.takeovers_ended.get(&outcome).copied().unwrap_or_default();
            let word = outcome.map_or("unknown", DemandOutcome::word);
            self.counter(names::TAKEOVERS_ENDED, label("outcome", word)).absolute(ended);
        }
        // UNKNOWN ends every command but a stop.
        for state in CommandState::ALL.iter().filter(|state| state.is_terminal(RiskClass::Safer)) {
            let ended = counts.commands_ended.get(state).copied().unwrap_or_default();
            self.counter(names::COMMANDS_ENDED, label("state", state.word())).absolute(ended);
        }
    }

    fn show_standing(&self, standing: Standing) {
        let Standing { agents, consoles, alerts_open, demands_open, leases } = standing;
        self.gauge(names::SESSIONS, label("kind", "agent")).set(agents as f64);
        self.gauge(names::SESSIONS, label("kind", "console")).set(consoles as f64);
        self.level(names::ALERTS_OPEN, alerts_open as f64);
        self.level(names::DEMANDS_OPEN, demands_open as f64);
        self.level(names::LEASES, leases as f64);
    }

    /// Registers what is exported of every stage, and its budgets.
    fn stages(&self) -> BTreeMap<(Stage, AgentKind), StageMeter> {
        let all = Stage::ALL.iter().flat_map(|stage| AgentKind::ALL.iter().map(|kind| (*stage, *kind)));
        all.map(|(stage, kind)| {
            let labels = || [label("stage", stage.word()), label("kind", kind.word())].concat();
            if let Some((p99, hard)) = stage.budget(kind) {
                for (limit, span) in [("p99", p99), ("hard", hard)] {
                    let labels = [labels(), label("limit", limit)].concat();
                    self.gauge(names::STAGE_BUDGET, labels).set(span.as_secs_f64());
                }
            }
            let meter = StageMeter {
                span: self.recorder.register_histogram(&key(names::STAGE, labels()), &METADATA),
                breaches: self.counter(names::STAGE_BREACHES, labels()),
                unknown: self.counter(names::STAGE_UNKNOWN, labels()),
            };
            // A series that appears with its first breach would not show it as an increase.
            meter.breaches.absolute(0);
            meter.unknown.absolute(0);
            ((stage, kind), meter)
        })
        .collect()
    }

    fn describe(&self) {
        for (name, shape, help) in CATALOGUE {
            let (name, help) = (KeyName::from_const_str(name), (*help).into());
            match shape {
                Shape::Counter => self.recorder.describe_counter(name, None, help),
                Shape::Gauge => self.recorder.describe_gauge(name, None, help),
                Shape::Histogram => self.recorder.describe_histogram(name, None, help),
            }
        }
    }

    fn count(&self, name: &'static str, value: u64) {
        self.counter(name, Vec::new()).absolute(value);
    }

    fn level(&self, name: &'static str, value: f64) {
        self.gauge(name, Vec::new()).set(value);
    }

    fn counter(&self, name: &'static str, labels: Vec<Label>) -> Counter {
        self.recorder.register_counter(&key(name, labels), &METADATA)
    }

    fn gauge(&self, name: &'static str, labels: Vec<Label>) -> Gauge {
        self.recorder.register_gauge(&key(name, labels), &METADATA)
    }
}

fn key(name: &'static str, labels: Vec<Label>) -> Key {
    Key::from_parts(name, labels)
}

fn label(key: &'static str, value: &'static str) -> Vec<Label> {
    vec![Label::from_static_parts(key, value)]
}

#[cfg(test)]
mod tests;
