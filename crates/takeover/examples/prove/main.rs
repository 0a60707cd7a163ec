//! `cargo xtask prove`: searches every configuration of the model, and says what it found.
//!
//! An argument narrows the search to configurations whose name contains it. It fails when an invariant does not hold,
//! with the way there, when something that must be possible never happened, and when a gate with a hole is not found
//! out.
#![expect(clippy::print_stdout, reason = "it tells its user what it finds")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a checker names what it looks for")]

mod clock;
mod model;
#[cfg(test)]
mod tests;

use model::{
    Takeover,
    bounds::Bounds,
    configurations,
    flaws::{Flaw, HOLES},
    properties::{self, INVARIANTS},
    search::{Outcome, search},
    story,
};
use std::{collections::BTreeSet, fs, process::ExitCode, thread};

fn main() -> ExitCode {
    let only = std::env::args().nth(1).unwrap_or_default();
    let chosen: Vec<&Bounds> =
        configurations::ALL.iter().filter(|bounds| bounds.name.contains(&only)).collect();
    if chosen.is_empty() {
        println!("no configuration is called {only:?}; there are:");
        for bounds in configurations::ALL {
            println!("  {}", bounds.name);
        }
        return ExitCode::FAILURE;
    }
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let begun = clock::now();
    let (mut states, mut good) = (0, true);
    let mut never: BTreeSet<&str> = properties::goals().collect();
    for bounds in &chosen {
        let begun = clock::now();
        let outcome =
            search(Takeover { bounds: (*bounds).clone(), flaw: Flaw::None, reversed: false }, threads);
        println!("{}", bounds.name);
        println!(
            "  {} states, {} steps, depth {}, {:.1} s, {} threads",
            outcome.states,
            outcome.steps,
            outcome.depth,
            begun.elapsed().as_secs_f64(),
            threads
        );
        states += outcome.states;
        outcome.reached.iter().for_each(|goal| {
            never.remove(goal);
        });
        good &= print_verdict(bounds, outcome);
    }
    println!("total: {states} states in {:.1} s{}", begun.elapsed().as_secs_f64(), peak_memory());
    if only.is_empty() && !never.is_empty() {
        println!("in no configuration: {}", never.into_iter().collect::<Vec<_>>().join("; "));
        good = false;
    }
    good &= HOLES.into_iter().all(|(flaw, bounds)| is_found_out(flaw, bounds, threads));
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints what held and what happened; returns whether all is as it must be.
fn print_verdict(bounds: &Bounds, outcome: Outcome) -> bool {
    println!("  held: {} of {} invariants", INVARIANTS.len() - outcome.broken.len(), INVARIANTS.len());
    println!("  happened: {}", outcome.reached.join("; "));
    let missing: Vec<&str> = outcome.missing.iter().copied().filter(|goal| bounds.must_reach(goal)).collect();
    if !missing.is_empty() {
        println!("  NEVER HAPPENED: {}", missing.join("; "));
    }
    let good = outcome.broken.is_empty() && missing.is_empty();
    for (name, path) in outcome.broken {
        println!("  BROKEN: {name}\n{}", story::tell(path));
    }
    good
}

/// Prints what a search says to a gate with a hole: one that sees none is blind.
fn is_found_out(flaw: Flaw, bounds: &Bounds, threads: usize) -> bool {
    let outcome = search(Takeover { bounds: bounds.clone(), flaw, reversed: false }, threads);
    let broken = outcome.broken.iter().find_map(|(_, path)| path.last_state().broken);
    match broken {
        Some(broken) => println!(
            "a gate without the check of {flaw:?} is found out: invariant {}: {}",
            broken.invariant, broken.why
        ),
        None => println!("A GATE WITHOUT THE CHECK OF {flaw:?} IS NOT FOUND OUT"),
    }
    broken.is_some()
}

/// Says how much memory this program has had at most, where the system tells.
fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map(|peak| format!(", {} at most", peak.trim())).unwrap_or_default()
}
