//! What scoring a row costs, beside a random cut forest (krcf 0.4.0, 100 trees of 256) on the same rows in the same run.
//!
//! Rounds are interleaved, a round is some rows of each; a round's time over its rows is one measurement. The machine may be
//! shared: medians and tails are printed, and what counts is the ratio of the medians. `state`: what a thousand streams
//! take of memory, over a thousand.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use hdrhistogram::Histogram;
use krcf::{RandomCutForest, RandomCutForestOptions};
use std::{fs, hint::black_box, time::Instant};
use watchkeeper_detect::{Stack, StackSettings};

const ROUNDS: usize = 200;
/// Rows of a round: a forest is so much slower that fewer give as good a figure.
const OUR_ROWS: usize = 2_000;
const FOREST_ROWS: usize = 50;
/// Rows before the first round: both have learned.
const WARM_ROWS: usize = 2_000;
/// The memory of so many streams is measured.
const STREAMS: usize = 1_000;

/// Noise that is the same everywhere (xorshift64*, Marsaglia 2003), -1 to 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// A daily cycle and noise in each signal.
fn row(noise: &mut Noise, second: usize, row: &mut [f64]) {
    let cycle = (second as f64 / 86_400.0 * std::f64::consts::TAU).sin();
    for value in row {
        *value = 20.0 + 3.0 * cycle + noise.next() + noise.next();
    }
}

/// Returns this process' memory, bytes.
fn memory() -> usize {
    const PAGE_BYTES: usize = 4_096;
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * PAGE_BYTES
}

fn stack(signals: usize) -> Stack {
    Stack::new(signals, StackSettings::default()).unwrap()
}

/// Returns what one stream takes once it has learned, bytes.
fn state(signals: usize) -> usize {
    let mut values = vec![0.0; signals];
    let mut noise = Noise(3);
    let before = memory();
    let streams: Vec<Stack> = (0..STREAMS)
        .map(|_| {
            let mut stack = stack(signals);
            for second in 0..500 {
                row(&mut noise, second, &mut values);
                stack.score(Some(second as f64), &values);
            }
            stack
        })
        .collect();
    let taken = memory() - before;
    black_box(streams);
    taken / STREAMS
}

struct Pair {
    ours: Histogram<u64>,
    forest: Histogram<u64>,
}

fn measure(signals: usize) -> Pair {
    let options = RandomCutForestOptions {
        dimensions: signals,
        shingle_size: 1,
        num_trees: Some(100),
        sample_size: Some(256),
        random_seed: Some(1),
        ..Default::default()
    };
    let mut forest = RandomCutForest::new(options).unwrap();
    let mut stack = stack(signals);
    let (mut noise, mut values, mut second) = (Noise(1), vec![0.0; signals], 0);
    let mut narrow = vec![0.0_f32; signals];
    let histogram = || Histogram::new_with_bounds(1, 1_000_000_000, 3).unwrap();
    let mut pair = Pair { ours: histogram(), forest: histogram() };
    for round in 0..=ROUNDS {
        let is_warm = round > 0;
        let (our_rows, forest_rows) = if is_warm { (OUR_ROWS, FOREST_ROWS) } else { (WARM_ROWS, WARM_ROWS) };
        let began = Instant::now();
        for _ in 0..our_rows {
            row(&mut noise, second, &mut values);
            black_box(stack.score(Some(second as f64), &values));
            second += 1;
        }
        let ours = began.elapsed();
        let began = Instant::now();
        for _ in 0..forest_rows {
            row(&mut noise, second, &mut values);
            #[expect(clippy::cast_possible_truncation, reason = "a forest takes narrow numbers")]
            narrow.iter_mut().zip(&values).for_each(|(narrow, value)| *narrow = *value as f32);
            black_box(forest.score(&narrow).unwrap());
            forest.update(&narrow).unwrap();
        }
        let theirs = began.elapsed();
        if is_warm {
            pair.ours.record(u64::try_from(ours.as_nanos()).unwrap() / OUR_ROWS as u64).unwrap();
            pair.forest.record(u64::try_from(theirs.as_nanos()).unwrap() / FOREST_ROWS as u64).unwrap();
        }
    }
    pair
}

#[expect(clippy::print_stdout, reason = "a benchmark says what it measured")]
fn main() {
    println!("nanoseconds a row; {ROUNDS} interleaved rounds");
    println!(
        "{:<8} {:<28} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "signals", "", "p25", "p50", "p75", "p99", "state"
    );
    for signals in [1, 8] {
        let kib = format!("{:.0} KiB", state(signals) as f64 / 1_024.0);
        let pair = measure(signals);
        let line = |name: &str, histogram: &Histogram<u64>, state: &str| {
            let [a, b, c, d] = [25.0, 50.0, 75.0, 99.0].map(|p| histogram.value_at_percentile(p));
            println!("{signals:<8} {name:<28} {a:>9} {b:>9} {c:>9} {d:>9} {state:>8}");
        };
        line("watchkeeper", &pair.ours, &kib);
        line("krcf 0.4.0, 100 x 256", &pair.forest, "");
        let [ours, forest] =
            [&pair.ours, &pair.forest].map(|histogram| histogram.value_at_percentile(50.0) as f64);
        println!("{signals:<8} {:<28} {:>9} {:>9.0}", "times cheaper", "", forest / ours);
    }
}
