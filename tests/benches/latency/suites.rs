//! Which paths are measured together, and what their ratios may be.
//!
//! Bars and aims are those of `performance.md`. The gates are ours: what was reached, with room for a noisy machine. A
//! millisecond anywhere is far above each of them.

use crate::{
    Measuring,
    crowd::Crowd,
    echo::Echo,
    figures::{AGAIN, ECHO, Limits, Path, Suite},
    site::Site,
};
use hdrhistogram::Histogram;
use std::time::Duration;
use watchkeeper_server::{Span, Spans};

/// Samples of a path in a row.
const SLICE: u32 = 20;

const ALERT: &str = "alert";
const COMMAND: &str = "command";
const ACK: &str = "command and ack";
const STOP: &str = "e-stop and ack";
const CLAIM: &str = "claim to grant";
const DISK: &str = "disk write";

const fn limits(bar: Option<f64>, aim: Option<f64>, gate: Option<f64>) -> Limits {
    Limits { bar, aim, gate }
}

/// How much longer a planted delay makes a span.
const DELAY: Duration = Duration::from_millis(1);

/// One console on one core; where a span is given, every pass through it takes a millisecond more.
pub(crate) async fn way(measuring: Measuring, planted: Option<Span>) -> Suite {
    let mut suite = Suite(vec![
        Path::new(ECHO, ECHO, Limits::default()),
        Path::new(AGAIN, ECHO, Limits::default()),
        Path::new(ALERT, ECHO, limits(Some(1.8), Some(1.4), Some(12.0))),
        Path::new(COMMAND, ECHO, limits(Some(1.3), Some(1.05), Some(10.0))),
        Path::new(ACK, ECHO, limits(Some(2.6), Some(2.1), Some(20.0))),
        Path::new(STOP, ECHO, limits(None, None, Some(60.0))),
        Path::new(Span::Queue.word(), ECHO, limits(None, None, Some(2.0))),
        Path::new(Span::Detect.word(), ECHO, limits(None, None, Some(3.0))),
        Path::new(Span::Outbox.word(), ECHO, limits(None, None, Some(4.0))),
        Path::new(DISK, DISK, Limits::default()),
        Path::new(CLAIM, DISK, limits(None, None, Some(4.0))),
        Path::new(Span::Ledger.word(), DISK, limits(None, None, Some(1.5))),
    ]);
    let mut echo = Echo::start().await;
    let mut site = Site::start(SLICE).await;
    site.server().spans().plant(planted.map(|span| (span, DELAY)));
    for round in 0..=measuring.rounds {
        let mut samples = Samples::default();
        // In short slices: whatever slows this machine down for a moment slows all paths down.
        for slice in 0..measuring.samples.div_ceil(SLICE) {
            let [one, other] = echoes(round + slice);
            for turn in 0..6 {
                match (turn + round + slice) % 6 {
                    0 => samples.add(one, echo.round(SLICE).await),
                    1 => samples.add(other, echo.round(SLICE).await),
                    2 => {
                        drop(site.server().spans().take());
                        samples.add(ALERT, site.alerts(SLICE).await);
                        samples.add_spans(site.server().spans());
                        site.clear().await;
                    }
                    3 => {
                        let (there, back) = site.commands(SLICE).await;
                        samples.add(COMMAND, there);
                        samples.add(ACK, back);
                    }
                    4 => samples.add(STOP, site.stops(SLICE / 5).await),
                    _ => {
                        drop(site.server().spans().take());
                        let (grants, writes) = site.claims(2).await;
                        samples.add(CLAIM, grants);
                        samples.add(DISK, writes);
                        samples.add_ledger(site.server().spans());
                    }
                }
            }
        }
        // The first round warms up.
        if round > 0 {
            suite.add(&samples.0);
        }
    }
    site.stop().await;
    suite
}

/// Many consoles on all cores.
pub(crate) async fn crowd(measuring: Measuring) -> Suite {
    let mut suite = Suite(vec![
        Path::new(ECHO, ECHO, Limits::default()),
        Path::new(AGAIN, ECHO, Limits::default()),
        Path::new("last of 10", ECHO, limits(Some(6.0), Some(3.0), Some(70.0))),
        Path::new("last of 100", ECHO, limits(Some(50.0), Some(20.0), Some(300.0))),
        Path::new("newcomer is current", ECHO, Limits::default()),
    ]);
    let mut echo = Echo::start().await;
    let mut ten = Crowd::start(10).await;
    let mut hundred = Crowd::start(100).await;
    for round in 0..=measuring.rounds {
        let mut samples = Samples::default();
        for slice in 0..measuring.samples.div_ceil(SLICE) {
            let [one, other] = echoes(round + slice);
            for turn in 0..5 {
                match (turn + round + slice) % 5 {
                    0 => samples.add(one, echo.round(SLICE).await),
                    1 => samples.add(other, echo.round(SLICE).await),
                    2 => samples.add("last of 10", ten.alerts(SLICE / 5).await),
                    3 => samples.add("last of 100", hundred.alerts(SLICE / 5).await),
                    _ => samples.add("newcomer is current", ten.newcomers(1).await),
                }
            }
        }
        if round > 0 {
            suite.add(&samples.0);
        }
    }
    ten.stop().await;
    hundred.stop().await;
    suite
}

/// The two echoes in the order in which they come: the second finds everything in the cache, so that each is first in turn.
const fn echoes(turn: u32) -> [&'static str; 2] {
    if turn.is_multiple_of(2) { [ECHO, AGAIN] } else { [AGAIN, ECHO] }
}

/// The samples of a round, by path.
#[derive(Debug, Default)]
struct Samples(Vec<(&'static str, Vec<u64>)>);

impl Samples {
    fn add(&mut self, name: &'static str, more: Vec<u64>) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, samples)) => samples.extend(more),
            None => self.0.push((name, more)),
        }
    }

    /// Adds what the server measured of the way of a decision.
    fn add_spans(&mut self, spans: &Spans) {
        for (span, histogram) in spans.take() {
            if span != Span::Ledger {
                self.add(span.word(), values(&histogram));
            }
        }
    }

    /// Adds what the server measured of its record.
    fn add_ledger(&mut self, spans: &Spans) {
        for (span, histogram) in spans.take() {
            if span == Span::Ledger {
                self.add(span.word(), values(&histogram));
            }
        }
    }
}

fn values(histogram: &Histogram<u64>) -> Vec<u64> {
    let all = histogram.iter_recorded();
    all.flat_map(|step| {
        std::iter::repeat_n(step.value_iterated_to(), usize::try_from(step.count_at_value()).unwrap())
    })
    .collect()
}
