//! `deferral`: how sure an agent has to be to decide alone, learnt from decisions that somebody has judged.

use crate::out::{count_of, say};
use anyhow::{Context, bail, ensure};
use clap::Args;
use csv::{ReaderBuilder, StringRecord, Trim};
use std::{collections::BTreeMap, fs, path::PathBuf, process::ExitCode};
use watchkeeper_detect::{Deferral, DeferralError, LabelledDecision, Promise};
use watchkeeper_model::Label;

/// More classes are not listed one by one.
const MOST_CLASSES: usize = 100;

/// So many columns are named.
const NAMED: usize = 20;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper deferral judged.csv
  watchkeeper deferral judged.csv --risk 0.02 --delta 0.1
  watchkeeper deferral judged.csv --horizon 5000

FILE.csv has a head line and one judged decision a line: `confidence` (any number, the greater the surer), `correct` (true or false,
yes or no, 1 or 0) and, if you like, `class`. Other columns are passed over. It exits with 1 where no threshold can be given.
docs/detection.md says what the guarantee means and what it does not.")]
pub(crate) struct DeferralArguments {
    /// The judged decisions
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// The greatest share of decisions left to the agent that may be wrong
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    risk: f64,
    /// The greatest probability that the guarantee fails
    #[arg(long, value_name = "PROBABILITY", default_value_t = 0.05)]
    delta: f64,
    /// Guarantees the count of errors among so many decisions left to the agent, which asks for more
    #[arg(long, value_name = "DECISIONS")]
    horizon: Option<u64>,
}

/// A line of the file.
struct Judged {
    decision: LabelledDecision,
    class: Option<String>,
}

pub(crate) fn run(arguments: &DeferralArguments) -> anyhow::Result<ExitCode> {
    let DeferralArguments { file, risk, delta, horizon } = arguments;
    let path = file.display();
    let judged = fs::read(file).map_err(anyhow::Error::from).and_then(|text| read(&text));
    let judged = judged.with_context(|| format!("reading {path}"))?;
    let decisions: Vec<LabelledDecision> = judged.iter().map(|judged| judged.decision).collect();
    let wrong = decisions.iter().filter(|decision| !decision.is_correct).count();
    say(format_args!("{}, {wrong} of them wrong", count_of(decisions.len(), "labelled decision")))?;
    let promise = Promise { risk: *risk, delta: *delta, horizon: *horizon };
    let learnt = match Deferral::learn(&decisions, promise) {
        Ok(learnt) => learnt,
        Err(
            refused @ (DeferralError::TooFew { .. }
            | DeferralError::MayBeLuck { .. }
            | DeferralError::TooManyErrors { .. }),
        ) => {
            say(format_args!("refused: {refused}"))?;
            return Ok(ExitCode::FAILURE);
        }
        Err(
            wrong @ (DeferralError::Risk(_)
            | DeferralError::Delta(_)
            | DeferralError::Horizon(_)
            | DeferralError::TooMany(_)
            | DeferralError::OutOfReach
            | DeferralError::Confidence { .. }),
        ) => bail!(wrong),
    };
    tell(&learnt)?;
    by_class(&judged, &learnt)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(learnt: &Deferral) -> anyhow::Result<()> {
    let Deferral { promise: Promise { risk, delta, horizon }, above, rows, handled, errors } = learnt;
    let threshold = above.map_or("none; every decision can be left to the agent".to_owned(), |above| {
        format!("leave to the agent what is more confident than {above}")
    });
    let promised = horizon.map_or_else(
        || format!("a decision left to it is wrong with a probability of at most {risk}"),
        |horizon| format!("of the next {horizon} decisions left to it at most a share of {risk} is wrong"),
    );
    say(format_args!("threshold: {threshold}"))?;
    say(format_args!("guarantee: {promised}, with confidence {}", 1.0 - delta))?;
    say(
        "           as long as decisions come as the labelled ones did; for all of them together, not for each class",
    )?;
    say(format_args!(
        "coverage:  {:.4} ({handled} of {rows} labelled decisions, {errors} of them wrong)",
        learnt.coverage()
    ))?;
    Ok(())
}

/// Says how the guarantee spreads over classes, where there are some.
fn by_class(judged: &[Judged], learnt: &Deferral) -> anyhow::Result<()> {
    // Rows, handled, and wrong of the handled.
    let mut classes: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for Judged { decision, class } in judged {
        let Some(class) = class else { return Ok(()) };
        let is_handled = learnt.handles(decision.confidence);
        let [rows, handled, wrong] = classes.entry(class).or_default();
        *rows += 1;
        *handled += usize::from(is_handled);
        *wrong += usize::from(is_handled && !decision.is_correct);
    }
    if classes.len() > MOST_CLASSES {
        say(format_args!("           {} classes, too many to list", classes.len()))?;
        return Ok(());
    }
    for (class, [rows, handled, wrong]) in classes {
        let class = Label::cut(class);
        say(format_args!("  class {class}: {handled} of {rows} handled, {wrong} of them wrong"))?;
    }
    Ok(())
}

fn read(file: &[u8]) -> anyhow::Result<Vec<Judged>> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(file);
    let head = reader.headers().context("line 1")?.clone();
    let column = |name: &str| head.iter().position(|column| column.eq_ignore_ascii_case(name));
    let needed = |name: &str| {
        column(name).with_context(|| {
            let found: Vec<String> =
                head.iter().take(NAMED).map(|column| Label::cut(column).to_string()).collect();
            let more = if head.len() > NAMED { ", ..." } else { "" };
            format!("line 1: no column is called `{name}`; there are `{}`{more}", found.join("`, `"))
        })
    };
    let (confidence, correct, class) = (needed("confidence")?, needed("correct")?, column("class"));
    let mut judged = Vec::new();
    let mut record = StringRecord::new();
    loop {
        let place = reader.position().byte();
        let at = || format!("line {}", line(file, place));
        if !reader.read_record(&mut record).with_context(at)? {
            return Ok(judged);
        }
        let decision = decision(&record, confidence, correct).with_context(at)?;
        let class = class.map(|class| record.get(class).unwrap_or_default().to_owned());
        judged.push(Judged { decision, class });
    }
}

/// Returns the line, from 1, of what is read next at a place, in bytes; the reader passes over empty lines.
fn line(file: &[u8], place: u64) -> usize {
    let (before, rest) =
        file.split_at(usize::try_from(place).map_or(file.len(), |place| place.min(file.len())));
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    1 + before.iter().chain(empty).filter(|byte| **byte == b'\n').count()
}

fn decision(record: &StringRecord, confidence: usize, correct: usize) -> anyhow::Result<LabelledDecision> {
    let text = record.get(confidence).unwrap_or_default();
    let number: Option<f64> = text.parse().ok();
    let confidence = number.with_context(|| format!("the confidence {} is no number", quoted(text)))?;
    ensure!(confidence.is_finite(), "the confidence {} is not finite", quoted(text));
    let text = record.get(correct).unwrap_or_default();
    let is_correct = match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => true,
        "false" | "no" | "0" => false,
        _ => bail!("{} does not say whether it was correct; write true or false", quoted(text)),
    };
    Ok(LabelledDecision { confidence, is_correct })
}

/// Returns what is written in a cell in quotes, short, and without anything that steers a terminal.
fn quoted(text: &str) -> String {
    format!("{:?}", Label::cut(text).as_str())
}
