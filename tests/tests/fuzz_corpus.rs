//! What the fuzz targets have in their corpora, the golden frames and random changes to both, on stable.
//!
//! `tests/fuzz` is where libFuzzer looks for more; here everything runs that it has found, through the same functions.
//! A failure prints the target, the seed and the input: `WATCHKEEPER_FUZZ_SEED` plays the same changes again, and
//! `WATCHKEEPER_FUZZ_CHANGES` more or fewer of them than 2,000 a target. How to go on: `docs/fuzzing.md`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set itself up should stop there; places are drawn from within"
)]

#[path = "../fuzz/targets/command.rs"]
mod command;
#[path = "../fuzz/targets/frame.rs"]
mod frame;
#[path = "../fuzz/targets/hello.rs"]
mod hello;
#[path = "../../crates/takeover/tests/support/invariants.rs"]
mod invariants;
#[path = "../fuzz/targets/refusal.rs"]
mod refusal;
#[path = "../fuzz/targets/score.rs"]
mod score;
#[path = "../fuzz/targets/segment.rs"]
mod segment;
#[path = "../fuzz/targets/table.rs"]
mod table;
#[path = "../fuzz/targets/token.rs"]
mod token;
#[path = "../../crates/takeover/tests/support/trace.rs"]
#[allow(dead_code, reason = "the gate's own tests look at more of a trace")]
mod trace;

use peak_alloc::PeakAlloc;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    fs,
    hint::black_box,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};
use watchkeeper_eval::table::MAX_RECORD_BYTES;
use watchkeeper_ledger::{MAX_OPENING_BYTES, MAX_PAYLOAD_BYTES};
use watchkeeper_protocol::{AgentMessage, FirstFrame, OperatorMessage, ToAgent, ToOperator, Wire};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The peak is counted over the whole process, so one target runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the most bytes that were held at once while `work` ran, above what was held before.
fn peak_of<T>(work: impl FnOnce() -> T) -> usize {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    drop(black_box(work()));
    HEAP.peak_usage().saturating_sub(before)
}

/// Names the input when its run panics.
struct Shown<'a> {
    target: &'a str,
    seed: u64,
    input: &'a [u8],
}

impl Drop for Shown<'_> {
    #[expect(clippy::print_stderr, reason = "a test that fails says with what")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprint!("target {}, WATCHKEEPER_FUZZ_SEED={}, input ", self.target, self.seed);
            self.input.iter().for_each(|byte| eprint!("{byte:02x}"));
            eprintln!();
        }
    }
}

/// Every file of the target's corpus, in order.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 10, "the corpus of {target} is gone");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Every golden frame of the protocol.
fn golden() -> Vec<Vec<u8>> {
    let lines = include_str!("../../crates/protocol/tests/golden/v1.txt").lines();
    let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    lines.map(|line| line.split(' ').nth(3).unwrap().as_bytes().chunks(2).map(byte).collect()).collect()
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs every known input, then changed ones; the corpus and the changes are all of what is tried.
fn play(target: &str, known: &[Vec<u8>], run: impl Fn(&[u8])) {
    let seed = number_of("WATCHKEEPER_FUZZ_SEED").unwrap_or_else(rand::random);
    for input in known {
        let _shown = Shown { target, seed, input };
        run(input);
    }
    let mut chance = StdRng::seed_from_u64(seed);
    for _ in 0..number_of("WATCHKEEPER_FUZZ_CHANGES").unwrap_or(2_000) {
        let mut input = pick(&mut chance, known).clone();
        for _ in 0..chance.random_range(1..6) {
            change(&mut input, known, &mut chance);
        }
        let _shown = Shown { target, seed, input: &input };
        run(&input);
    }
}

fn pick<'a>(chance: &mut StdRng, known: &'a [Vec<u8>]) -> &'a Vec<u8> {
    &known[chance.random_range(0..known.len())]
}

/// Flips, writes over, inserts, leaves out, doubles, cuts, or goes on as another input does.
fn change(input: &mut Vec<u8>, known: &[Vec<u8>], chance: &mut StdRng) {
    const TELLING: [u8; 12] = [0, 1, 0x7f, 0x80, 0xc0, 0xc4, 0xca, 0xcb, 0xdc, 0xdd, 0xdf, 0xff];
    let place = chance.random_range(0..=input.len());
    let end = chance.random_range(place..=input.len().min(place + 64));
    match chance.random_range(0..7) {
        0 => input.insert(place, chance.random()),
        1 => drop(input.drain(place..end)),
        2 => {
            let part: Vec<u8> = input.drain(place..end).collect();
            input.splice(place..place, part.repeat(2));
        }
        3 => input.truncate(place),
        4 => {
            let other = pick(chance, known);
            input.truncate(place);
            input.extend_from_slice(&other[place.min(other.len())..]);
        }
        5 => input.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << chance.random_range(0..8)),
        _ => {
            let telling = TELLING[chance.random_range(0..TELLING.len())];
            let count = [1, 1, 4][chance.random_range(0..3)];
            input.iter_mut().skip(place).take(count).for_each(|byte| *byte = telling);
        }
    }
}

/// Decodes `frame` as everything it could be; none may hold more than 8 bytes a byte of it, plus 64 KiB.
fn check_held(frame: &[u8]) {
    let bound = 8 * frame.len() + 64 * 1024;
    let peaks = [
        peak_of(|| FirstFrame::decode(frame)),
        peak_of(|| AgentMessage::decode(frame)),
        peak_of(|| ToAgent::decode(frame)),
        peak_of(|| OperatorMessage::decode(frame)),
        peak_of(|| ToOperator::decode(frame)),
    ];
    assert!(peaks.iter().all(|peak| *peak <= bound), "{peaks:?} bytes held, at most {bound}");
}

#[test]
fn no_first_frame_breaks_the_monitor() {
    let _alone = alone();
    let known = [corpus("hello"), golden()].concat();
    play("hello", &known, |frame| {
        hello::run(frame);
        check_held(frame);
    });
}

#[test]
fn no_frame_breaks_either_side() {
    let _alone = alone();
    let known = [corpus("frame"), golden()].concat();
    play("frame", &known, |frame| {
        frame::run(frame);
        check_held(frame);
    });
}

#[test]
fn no_token_lets_anybody_in_but_those_that_were_issued() {
    let _alone = alone();
    play("token", &corpus("token"), token::run);
}

#[test]
fn no_row_of_commands_breaks_an_invariant_of_the_gate() {
    let _alone = alone();
    play("command", &corpus("command"), command::run);
}

#[test]
fn no_segment_breaks_the_ledger_or_takes_more_memory_than_an_opening_and_a_record() {
    let _alone = alone();
    // A window for an opening of the longest, a copy of it, and a record with its window.
    let most = 2 * (MAX_OPENING_BYTES + MAX_PAYLOAD_BYTES) + (4 << 20);
    play("segment", &corpus("segment"), |bytes| {
        let (peak, bound) = (peak_of(|| segment::run(bytes)), most + 16 * bytes.len());
        assert!(peak <= bound, "{peak} bytes held for a segment of {}, at most {bound}", bytes.len());
    });
}

#[test]
fn no_table_breaks_the_reader_or_takes_more_memory_than_a_record() {
    let _alone = alone();
    // The beginning that is looked at, a record, and columns, of which a byte may make one.
    let most = 2 * MAX_RECORD_BYTES;
    play("table", &corpus("table"), |bytes| {
        let (peak, bound) = (peak_of(|| table::run(bytes)), most + 1_024 * bytes.len());
        assert!(peak <= bound, "{peak} bytes held for a table of {}, at most {bound}", bytes.len());
    });
}

#[test]
fn no_row_breaks_the_detector_or_takes_more_memory_than_its_signals() {
    let _alone = alone();
    play("score", &corpus("score"), |steps| {
        let peak = peak_of(|| score::run(steps));
        assert!(peak <= 512 << 10, "{peak} bytes held for at most eight signals and a saved state of two");
    });
}
