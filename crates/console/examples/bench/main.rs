//! What the console costs: `cargo xtask bench console`.
//!
//! Three figures, each measured on the real console: what a frame costs this program's own threads with a thousand
//! agents that move (the software rasteriser's threads apart, since a graphics card takes their place); how long a
//! message takes from the socket to the presented frame, in a window that sleeps between messages; and what it
//! costs to decode and fold ten thousand messages a second.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and fails loudly"
)]

mod clock;
mod cost;
mod fold;
mod latency;
mod threads;

use clap::Parser;

/// What to measure, and how long.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench console")]
struct Arguments {
    /// Frames of the cost of a frame
    #[arg(long, default_value_t = 400)]
    frames: u32,
    /// Seconds of the latency
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Leaves the latency out: it needs a display, or Xvfb
    #[arg(long)]
    no_window: bool,
}

fn main() {
    let arguments = Arguments::parse();
    fold::measure();
    cost::measure(arguments.frames);
    if arguments.no_window {
        println!("\nmessage to presented frame: left out (--no-window)");
    } else {
        latency::measure(arguments.seconds);
    }
}

/// Returns the value below which `share` of the values lie.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let below = values.iter().enumerate().filter(|(index, _)| *index as f64 <= values.len() as f64 * share);
    below.map(|(_, value)| *value).next_back().unwrap()
}
