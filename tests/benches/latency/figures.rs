//! What the samples say: ratios, quantiles, and the verdict against the bar of `performance.md`.

use hdrhistogram::{
    Histogram,
    serialization::{V2Serializer, interval_log::IntervalLogWriterBuilder},
};
use serde_json::json;
use std::{fmt, fs, path::Path as FilePath, time::Duration};

/// One thing that is measured.
#[derive(Debug)]
pub(crate) struct Path {
    name: &'static str,
    /// The ratio above which it fails, and the one that is aimed at.
    bar: Option<(f64, f64)>,
    /// All samples, in nanoseconds.
    all: Histogram<u64>,
    /// The p50 of each round over the echo's of that round.
    ratios: Vec<f64>,
}

impl Path {
    pub(crate) const ECHO: usize = 0;
    pub(crate) const AGAIN: usize = 1;
    pub(crate) const ALERT: usize = 2;
    pub(crate) const COMMAND: usize = 3;
    pub(crate) const ACK: usize = 4;
    pub(crate) const COUNT: usize = 5;

    pub(crate) fn all() -> [Self; Self::COUNT] {
        let path = |name, bar| Self {
            name,
            bar,
            all: Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap(),
            ratios: Vec::new(),
        };
        [
            path("echo", None),
            path("echo again", None),
            path("decision to alert", Some((1.8, 1.4))),
            path("command to agent", Some((1.3, 1.05))),
            path("command and back", Some((2.6, 2.1))),
        ]
    }

    /// The median of the ratios, and their quartiles.
    fn ratio(&self) -> [f64; 3] {
        let mut ratios = self.ratios.clone();
        ratios.sort_by(f64::total_cmp);
        [ratios.len() / 2, ratios.len() / 4, ratios.len() * 3 / 4].map(|at| ratios.get(at).copied().unwrap())
    }
}

/// What a run comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Within,
    Over,
    /// The echo was not even like itself.
    Void,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Within => "within the bar",
            Self::Over => "OVER the bar",
            Self::Void => "void: the echo differs from itself by more than 3 %",
        })
    }
}

/// Adds a round: the samples of each path.
pub(crate) fn add(paths: &mut [Path; Path::COUNT], figures: &[Vec<u64>; Path::COUNT]) {
    let base = median(&figures[Path::ECHO]);
    for (path, samples) in paths.iter_mut().zip(figures) {
        for sample in samples {
            path.all.saturating_record((*sample).max(1));
        }
        path.ratios.push(median(samples) / base);
    }
}

fn median(samples: &[u64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap() as f64
}

pub(crate) fn judge(paths: &[Path; Path::COUNT]) -> Verdict {
    let [like_itself, ..] = paths[Path::AGAIN].ratio();
    if !(0.97..=1.03).contains(&like_itself) {
        return Verdict::Void;
    }
    let is_over = |path: &Path| path.bar.is_some_and(|(fail, _)| path.ratio()[0] > fail);
    if paths.iter().any(is_over) { Verdict::Over } else { Verdict::Within }
}

pub(crate) fn print(paths: &[Path; Path::COUNT]) {
    println!(
        "{:<18} {:>6} {:>13} {:>6} {:>6}   {:>8} {:>8} {:>8} {:>8} {:>8} us",
        "path", "ratio", "quartiles", "fail", "aim", "p50", "p90", "p99", "p99.9", "max"
    );
    for path in paths {
        let [middle, low, high] = path.ratio();
        let (fail, aim) = path
            .bar
            .map_or(("-".to_owned(), "-".to_owned()), |(fail, aim)| (fail.to_string(), aim.to_string()));
        print!(
            "{:<18} {middle:>6.2} {:>13} {fail:>6} {aim:>6}  ",
            path.name,
            format!("{low:.2} to {high:.2}")
        );
        for nanos in quantiles(&path.all) {
            print!(" {:>8.1}", nanos as f64 / 1e3);
        }
        println!();
    }
}

fn quantiles(all: &Histogram<u64>) -> [u64; 5] {
    [0.5, 0.9, 0.99, 0.999, 1.0].map(|quantile| all.value_at_quantile(quantile))
}

/// Writes the histograms as an interval log and the figures as JSON.
pub(crate) fn write(paths: &[Path; Path::COUNT], out: &FilePath, repeat: u32) -> std::io::Result<()> {
    fs::create_dir_all(out)?;
    let mut log = Vec::new();
    let mut serializer = V2Serializer::new();
    let mut writer = IntervalLogWriterBuilder::new().begin_log_with(&mut log, &mut serializer).unwrap();
    for path in paths {
        let name = path.name.replace(' ', "-");
        let tag = hdrhistogram::serialization::interval_log::Tag::new(&name).unwrap();
        writer.write_histogram(&path.all, Duration::ZERO, Duration::ZERO, Some(tag)).unwrap();
    }
    fs::write(out.join(format!("run-{repeat}.hlog")), log)?;
    let figures: Vec<_> = paths
        .iter()
        .map(|path| {
            let [ratio, low, high] = path.ratio();
            let [p50, p90, p99, p999, max] = quantiles(&path.all);
            json!({
                "path": path.name, "ratio": ratio, "quartiles": [low, high], "ratios": path.ratios,
                "fail_above": path.bar.map(|bar| bar.0), "aim": path.bar.map(|bar| bar.1), "samples": path.all.len(),
                "nanos": { "p50": p50, "p90": p90, "p99": p99, "p99.9": p999, "max": max },
            })
        })
        .collect();
    let report = json!({ "verdict": judge(paths).to_string(), "paths": figures });
    fs::write(out.join(format!("run-{repeat}.json")), format!("{report:#}\n"))
}
