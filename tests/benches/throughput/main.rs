//! How much the monitor takes: `cargo xtask bench throughput`.
//!
//! The load comes from here; the server is another process of the same program, so that its processor time and memory
//! can be told from the load's. Both share this machine. Load is open loop: each decision has its time, and an alert's
//! latency counts from the time its decision was due.
//!
//! `ingest` floods a server and, with the same sockets, a program that only counts frames. `load` holds one rate.
//! `ramp` raises the rate until the alerts' p99 passes 10 ms: the knee. `returners` cuts a hundred consoles off and lets
//! them come back together. `neighbour` has one agent decide a hundred times as often beside others that raise alerts.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::wildcard_enum_match_arm,
    clippy::unchecked_time_subtraction,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and fails loudly"
)]

mod child;
mod consoles;
mod counter;
mod fleet;
mod load;
#[path = "../shared/monitor.rs"]
mod monitor;
mod neighbour;
#[path = "../shared/observer.rs"]
mod observer;
mod relay;
mod returners;

use clap::{Args, Parser, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench throughput")]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
    /// Given by cargo
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Everything, one after the other (the default)
    All,
    /// Most decisions a second: 1, 100 and 1,000 agents, 1 and 32 frames a write, beside a program that only counts
    Ingest,
    /// One rate, held for a while
    Load(Load),
    /// Rising rates until the alerts' p99 passes 10 ms
    Ramp {
        /// Agents
        #[arg(long, default_value_t = 1_000)]
        agents: usize,
        /// Seconds at each rate
        #[arg(long, default_value_t = 8)]
        seconds: u64,
    },
    /// Consoles that are cut off and come back together: how soon each is current again
    Returners {
        /// Consoles
        #[arg(long, default_value_t = RETURNERS.0)]
        consoles: usize,
        /// How often they drop and return, for each time that the network is away
        #[arg(long, default_value_t = RETURNERS.1, value_parser = clap::value_parser!(u32).range(1..))]
        repetitions: u32,
    },
    /// One agent at a hundred times its rate: how much later are the alerts of others
    Neighbour {
        /// Rounds
        #[arg(long, default_value_t = ROUNDS, value_parser = clap::value_parser!(u32).range(3..))]
        rounds: u32,
    },
    #[command(hide = true)]
    Serve,
    #[command(hide = true)]
    Count,
}

/// What is to be held one day.
const GOAL: Load = Load { agents: 1_000, consoles: 10, rate: 50_000.0, seconds: 60 };

/// Consoles that drop and return, and how often.
const RETURNERS: (usize, u32) = (100, 5);
/// Rounds beside a loud neighbour: two minutes and a half.
const ROUNDS: u32 = 20;

/// A rate that is held.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Load {
    /// Agents
    #[arg(long, default_value_t = GOAL.agents)]
    pub(crate) agents: usize,
    /// Consoles
    #[arg(long, default_value_t = GOAL.consoles)]
    pub(crate) consoles: usize,
    /// Decisions a second, of all agents together
    #[arg(long, default_value_t = GOAL.rate)]
    pub(crate) rate: f64,
    /// For how long
    #[arg(long, default_value_t = GOAL.seconds)]
    pub(crate) seconds: u64,
}

fn main() -> ExitCode {
    // `cargo test --all-targets` runs benchmarks too, with this flag missing: then there is nothing to prove.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("skipped: run it with `cargo xtask bench throughput`");
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _guard = runtime.enter();
    match arguments.task.unwrap_or(Task::All) {
        Task::Serve => runtime.block_on(child::serve()),
        Task::Count => runtime.block_on(child::count()),
        Task::Ingest => load::ingest(),
        Task::Ramp { agents, seconds } => load::ramp(&runtime, agents, seconds),
        Task::Load(load) => return load::hold(&runtime, load),
        Task::Returners { consoles, repetitions } => {
            return returners::returners(&runtime, consoles, repetitions);
        }
        Task::Neighbour { rounds } => return neighbour::neighbour(&runtime, rounds),
        Task::All => {
            load::ingest();
            load::ramp(&runtime, 1_000, 8);
            let (consoles, repetitions) = RETURNERS;
            let codes = [
                returners::returners(&runtime, consoles, repetitions),
                neighbour::neighbour(&runtime, ROUNDS),
                load::hold(&runtime, GOAL),
            ];
            return codes.into_iter().find(|code| *code != ExitCode::SUCCESS).unwrap_or(ExitCode::SUCCESS);
        }
    }
    ExitCode::SUCCESS
}
