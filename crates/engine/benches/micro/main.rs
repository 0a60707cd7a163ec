//! How many instructions the hot paths need: `cargo xtask bench micro`.
//!
//! Callgrind counts them, so that the figure is the same on a busy machine and a change of one per cent shows. Each
//! benchmark is a process of its own that does one thing to a hundred inputs; what makes the inputs, and what looks
//! whether the thing was really done, is not counted. What is counted is written down in `baseline.toml`, and
//! `docs/benchmarks.md` says how to change it.
//!
//! Not here: time, caches and branches (see `cargo xtask bench latency`), and what a socket or a disk costs.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints, and fails loudly"
)]

mod codec;
mod fleet;
mod fold;
mod gate;
mod messages;
mod route;
mod score;
mod vehicle;

use std::process::ExitCode;

/// How often each benchmark does its thing.
const TIMES: usize = 100;

fn main() -> ExitCode {
    // `cargo test --all-targets` runs benchmarks too, with both flags missing: then there is nothing to prove. The second
    // one is how a benchmark is started below callgrind.
    if !std::env::args().any(|argument| argument == "--bench" || argument == "--gungraun-run") {
        println!("skipped: run it with `cargo xtask bench micro`");
        return ExitCode::SUCCESS;
    }
    counted::run();
    ExitCode::SUCCESS
}

/// The list of everything that is counted.
mod counted {
    use crate::{codec::codec, fold::fold, gate::gate, route::route, score::score};
    use gungraun::{Callgrind, LibraryBenchmarkConfig, main};

    main!(
        // Only instructions are looked at; to simulate caches takes twice as long.
        config = LibraryBenchmarkConfig::default()
            .tool(Callgrind::with_args(["--cache-sim=no"]))
            .env("GLIBC_TUNABLES", PLAINEST_CPU),
        library_benchmark_groups = [codec, score, route, gate, fold]
    );

    /// Lets the C library copy and compare as on the plainest x86-64: by itself it chooses by what the processor can,
    /// which is up to 2 % of a count. Elsewhere nobody reads this.
    const PLAINEST_CPU: &str = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,\
                                -AVX_Fast_Unaligned_Load,-BMI2,-ERMS,-FSRM,-RTM,-SSSE3,-SSE4_1,-SSE4_2";

    pub(super) fn run() {
        main();
    }
}
