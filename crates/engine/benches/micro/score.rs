//! What detection makes of a vehicle's decisions, and of rows of a stream.

use crate::{TIMES, vehicle};
use gungraun::{library_benchmark, library_benchmark_group};
use std::hint::black_box;
use watchkeeper_detect::{DetectSettings, Finding, LimitRule, Pipeline, Stack, StackSettings};
use watchkeeper_model::{AgentKind, Decision, Label, MonoTime, Response, Severity};

/// Past the warm-up of every detector.
const LEARNED: u64 = 200;

library_benchmark_group!(name = score, benchmarks = [decision, row]);

#[library_benchmark]
#[bench::calm(args = (calm()), setup = watched, teardown = found_nothing)]
#[bench::odd(args = (odd()), setup = watched, teardown = found_much)]
fn decision((mut pipeline, decisions): (Pipeline, Vec<Decision>)) -> (Pipeline, Vec<Decision>, usize) {
    let mut found = Vec::new();
    let mut count = 0;
    for decision in &decisions {
        hear(&mut pipeline, decision, &mut found);
        black_box(pipeline.score());
        count += found.len();
        found.clear();
    }
    (pipeline, decisions, count)
}

/// Rows that a stack has learned: past its calibration, and more than half of a generation of its cells.
const ROWS: u64 = 5_000;

#[library_benchmark]
#[bench::one_signal(args = (1), setup = stream)]
#[bench::eight_signals(args = (8), setup = stream)]
fn row((mut stack, rows): (Stack, Vec<Vec<f64>>)) -> (Stack, Vec<Vec<f64>>) {
    for row in &rows {
        black_box(stack.score(None, row));
    }
    (stack, rows)
}

fn stream(signals: usize) -> (Stack, Vec<Vec<f64>>) {
    let row = |seq: u64| vehicle::decision(0, seq).signals[..signals].to_vec();
    let mut stack = Stack::new(signals, StackSettings::default()).unwrap();
    for seq in 1..=ROWS {
        stack.score(None, &row(seq));
    }
    (stack, (ROWS..ROWS + TIMES as u64).map(|seq| row(seq + 1)).collect())
}

fn calm() -> Vec<Decision> {
    (LEARNED..LEARNED + TIMES as u64).map(|seq| vehicle::decision(0, seq + 1)).collect()
}

/// Every ten decisions the gap jumps, which is an outlier, and the speed breaks its limit.
fn odd() -> Vec<Decision> {
    let mut decisions = calm();
    for (index, decision) in decisions.iter_mut().enumerate() {
        match index % 20 {
            3..=6 => decision.signals[vehicle::GAP] = 4.0,
            13..=16 => decision.signals[vehicle::SPEED] = 41.0,
            _ => {}
        }
    }
    decisions
}

fn watched(decisions: Vec<Decision>) -> (Pipeline, Vec<Decision>) {
    let settings = DetectSettings {
        limits: vec![limit("speed", None, Some(30.0)), limit("gap", Some(2.0), None)],
        ..DetectSettings::default()
    };
    let mut pipeline =
        Pipeline::new(&vehicle::agent_id(0), AgentKind::Vehicle, vehicle::signals(), &settings);
    let mut found: Vec<Finding> = Vec::new();
    pipeline.handle_connected(&mut found, MonoTime::from_nanos(0));
    for seq in 1..=LEARNED {
        hear(&mut pipeline, &vehicle::decision(0, seq), &mut found);
    }
    assert!(found.is_empty(), "an ordinary vehicle is odd: {found:?}");
    (pipeline, decisions)
}

fn limit(signal: &str, min: Option<f64>, max: Option<f64>) -> LimitRule {
    LimitRule {
        name: None,
        agent: "*".to_owned(),
        kind: None,
        signal: Label::cut(signal),
        min,
        max,
        on_delay_millis: 0,
        hysteresis: 0.5,
        severity: Severity::Warning,
        response: Response::Advise,
    }
}

/// A heartbeat and a decision, over a steady network: everything arrives 20 ms after it was made.
fn hear(pipeline: &mut Pipeline, decision: &Decision, found: &mut Vec<Finding>) {
    let now = MonoTime::from_nanos(decision.made_at.as_nanos() + 20_000_000);
    pipeline.handle_heartbeat(found, now);
    pipeline.handle_decision(decision, found, now);
}

fn found_nothing((_, _, count): (Pipeline, Vec<Decision>, usize)) {
    assert_eq!(count, 0, "an ordinary vehicle is odd");
}

fn found_much((_, _, count): (Pipeline, Vec<Decision>, usize)) {
    assert!(count >= 10, "only {count} findings");
}
