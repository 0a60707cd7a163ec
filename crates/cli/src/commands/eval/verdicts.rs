//! `eval verdicts`: what people say of alerts, and how many false alarms are left when as much is found.
//!
//! Verdicts are on the alerts of some seeds, one after the other, each with the weights that the ones before left; everything
//! that is compared is of other seeds.

use super::{BUDGET, nth, progress};
use crate::out::say;
use anyhow::{Context, bail, ensure};
use std::collections::BTreeMap;
use watchkeeper_detect::{Learner, PARTS, Part, Stack, StackSettings, Weights};
use watchkeeper_eval::{
    cifar10h::share_of,
    verdicts::{Interval, Kind, Operator, ROW_SECS, Stream, at, at_found, interval, made},
};
use watchkeeper_model::{AlertId, Verdict};

/// Seeds that are compared.
const SEEDS: u64 = 24;
/// They are numbered from here, those that are learned from below.
const OTHER: u64 = 1 << 19;
/// Verdicts that are wrong in the second run.
const WRONG: f64 = 0.1;

/// The streams of a seed and the scores of their rows.
struct Scored {
    streams: Vec<Stream>,
    scores: Vec<Vec<f64>>,
}

/// What was learned.
struct Learned {
    learner: Learner,
    /// The weights before the last verdict.
    before_last: Weights,
    /// Alerts that were judged: how many of what. `None`: nothing had happened.
    alerts: BTreeMap<Option<Kind>, usize>,
}

pub(super) fn run(seed: u64, verdicts: u32) -> anyhow::Result<()> {
    let mut right = learn(seed, verdicts, 0.0)?;
    let doubtful = learn(seed, verdicts, WRONG)?.learner.weights();
    let learned = right.learner.weights();
    let bar = progress(5, "weightings");
    let scored = |weights: Weights| {
        bar.inc(1);
        (0..SEEDS).map(|number| score(nth(seed, OTHER + number), weights)).collect::<anyhow::Result<Vec<_>>>()
    };
    let before = scored(Weights::default())?;
    let after = scored(learned)?;
    let after_doubt = scored(doubtful)?;
    let before_last = scored(right.before_last)?;
    right.learner.roll_back().context("there is no verdict to take back")?;
    let rolled_back = scored(right.learner.weights())?;
    bar.finish_and_clear();

    say(format_args!("{verdicts} verdicts on the alerts of made streams, seed {seed}:"))?;
    for (kind, alerts) in &right.alerts {
        let is_real = kind.is_some_and(Kind::is_real);
        let verdict = if is_real { Verdict::Real } else { Verdict::FalseAlarm };
        let what = kind.map_or_else(|| "nothing".to_owned(), |kind| format!("{kind:?}"));
        say(format_args!("{what:<24} {alerts:>5}  {}", verdict.word()))?;
    }
    say("")?;
    say(format_args!("{:<24} {:>5}  {:>14}", "weights", "right", "1 in 10 wrong"))?;
    let both = <[f64; PARTS]>::from(learned).into_iter().zip(<[f64; PARTS]>::from(doubtful));
    for (part, (right, doubtful)) in Part::ALL.into_iter().zip(both) {
        say(format_args!("{:<24} {right:>5.2}  {doubtful:>14.2}", format!("{part:?}")))?;
    }
    say("")?;
    say(format_args!(
        "{:<46} {:>6} {:>7} {:>6}  {}",
        format!("false alarms on {SEEDS} other seeds, equal recall"),
        "found",
        "before",
        "after",
        "a seed, 95 %"
    ))?;
    for (learned, after) in [("", &after), (", 1 verdict in 10 wrong", &after_doubt)] {
        for (what, recall) in
            [("as at the budget", None), ("half", Some(0.5)), ("three quarters", Some(0.75))]
        {
            say(compared(&format!("{what}{learned}"), &before, after, recall, seed))?;
        }
    }
    say("")?;
    say(format_args!("{:<46} {:>6} {:>7}", "at the budget, no label used", "found", "false"))?;
    for (what, seeds) in
        [("before", &before), ("after", &after), ("after, 1 verdict in 10 wrong", &after_doubt)]
    {
        let (found, false_alarms) = seeds
            .iter()
            .map(|seed| at(&seed.streams, &seed.scores, BUDGET))
            .fold((0, 0), |(found, alarms), at| (found + at.found, alarms + at.false_alarms));
        say(format_args!("{what:<46} {found:>6} {false_alarms:>7}"))?;
    }
    say("")?;
    let [rolled_back, before_last, after] = [&rolled_back, &before_last, &after].map(|seeds| bits(seeds));
    ensure!(rolled_back == before_last, "one verdict rolled back: scores are not what they were before it");
    let changed = after.iter().zip(&before_last).filter(|(one, other)| one != other).count();
    say(format_args!(
        "the last verdict changed {changed} of {} scores; rolled back, all are as before it, to the bit",
        before_last.len()
    ))?;
    Ok(())
}

/// Learns from so many verdicts, of which a share is wrong.
fn learn(seed: u64, verdicts: u32, wrong: f64) -> anyhow::Result<Learned> {
    let mut operator = Operator::new(seed, wrong);
    let mut learned =
        Learned { learner: Learner::default(), before_last: Weights::default(), alerts: BTreeMap::new() };
    let mut number = 0;
    for stream in (0..OTHER).flat_map(|number| made(nth(seed, number))) {
        let mut stack = stack(&stream, learned.learner.weights())?;
        for (row, values) in stream.rows.iter().enumerate() {
            let scored = stack.score(Some(row as f64 * ROW_SECS), values);
            let Some(shares) = scored.shares else { continue };
            number += 1;
            let says_real = operator.says_real(&stream, row);
            let verdict = if says_real { Verdict::Real } else { Verdict::FalseAlarm };
            learned.learner.remember(AlertId(number), shares, scored.score)?;
            let update = learned.learner.judge(AlertId(number), verdict)?;
            let event = stream.events.iter().find(|event| event.span().contains(&row));
            *learned.alerts.entry(event.map(|event| event.kind)).or_default() += 1;
            if number == u64::from(verdicts) {
                learned.before_last = update.before;
                return Ok(learned);
            }
            stack.set_weights(update.after);
        }
    }
    bail!("these streams have {number} alerts only")
}

fn stack(stream: &Stream, weights: Weights) -> anyhow::Result<Stack> {
    let mut stack = Stack::new(stream.rows.first().map_or(0, Vec::len), StackSettings::default())?;
    stack.set_weights(weights);
    Ok(stack)
}

/// Scores the streams of a seed: 0 where a row is not odder than those before it, or is only learned from.
fn score(seed: u64, weights: Weights) -> anyhow::Result<Scored> {
    let streams = made(seed);
    let of = |stream: &Stream| {
        let mut stack = stack(stream, weights)?;
        let rows = (0_u64..).zip(&stream.rows).map(|(row, values)| {
            let scored = stack.score(Some(row as f64 * ROW_SECS), values);
            let counts = scored.is_record && row >= StackSettings::default().calibrate;
            if counts { scored.score } else { 0.0 }
        });
        Ok(rows.collect())
    };
    let scores = streams.iter().map(of).collect::<anyhow::Result<_>>()?;
    Ok(Scored { streams, scores })
}

/// Returns a row of the table: in each seed as many anomalies are found with both weightings, `recall` of them, or as
/// many as the budget found before.
fn compared(what: &str, before: &[Scored], after: &[Scored], recall: Option<f64>, seed: u64) -> String {
    let (mut found, mut alarms, mut differences) = (0, [0, 0], Vec::new());
    for (before, after) in before.iter().zip(after) {
        let at_budget = at(&before.streams, &before.scores, BUDGET);
        let wanted = recall.map_or(at_budget.found, |recall| share_of(at_budget.real, recall));
        let [one, other] = [before, after].map(|of| at_found(&of.streams, &of.scores, wanted).false_alarms);
        found += wanted;
        alarms = [alarms[0] + one, alarms[1] + other];
        differences.push(other as f64 - one as f64);
    }
    let Interval { mean, low, high } = interval(&differences, seed);
    let [one, other] = alarms;
    format!("{what:<46} {found:>6} {one:>7} {other:>6}  {mean:+.2} [{low:+.2}, {high:+.2}]")
}

/// Returns the bits of all scores.
fn bits(seeds: &[Scored]) -> Vec<u64> {
    seeds.iter().flat_map(|seed| seed.scores.iter().flatten()).map(|score| score.to_bits()).collect()
}
