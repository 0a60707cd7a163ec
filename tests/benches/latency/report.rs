//! The figures as a table, as JSON, as HdrHistogram logs and as a picture.

use crate::figures::{Limits, Path, Suite};
use hdrhistogram::serialization::{
    V2Serializer,
    interval_log::{IntervalLogWriterBuilder, Tag},
};
use serde_json::{Value, json};
use std::{fmt::Write as _, fs, path::Path as FilePath, time::Duration};

/// Prints a run's table.
pub(crate) fn print(suite: &Suite) {
    println!(
        "{:<20} {:>7} {:>16} {:>5} {:>5} {:>5}   {:>9} {:>9} {:>9} {:>9} {:>9} us",
        "path", "ratio", "quartiles", "gate", "bar", "aim", "p50", "p90", "p99", "p99.9", "max"
    );
    for path in &suite.0 {
        let Some([middle, low, high]) = path.ratio() else { continue };
        let Limits { bar, aim, gate } = path.limits;
        let [gate, bar, aim] =
            [gate, bar, aim].map(|limit| limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string()));
        let quartiles = format!("{low:.2} to {high:.2}");
        print!("{:<20} {middle:>7.2} {quartiles:>16} {gate:>5} {bar:>5} {aim:>5}  ", path.name);
        for nanos in path.quantiles() {
            print!(" {:>9.1}", nanos as f64 / 1e3);
        }
        println!();
    }
}

/// Returns a report of all runs so far as JSON: what `compare` reads.
pub(crate) fn json(suite: &str, machine: &str, runs: &[Value]) -> Value {
    json!({ "suite": suite, "machine": machine, "runs": runs })
}

/// Returns a run as JSON.
pub(crate) fn run_json(suite: &Suite, verdict: &str) -> Value {
    let paths: Vec<_> = suite.0.iter().filter_map(path_json).collect();
    json!({ "verdict": verdict, "paths": paths })
}

fn path_json(path: &Path) -> Option<Value> {
    let [ratio, low, high] = path.ratio()?;
    let [p50, p90, p99, p999, max] = path.quantiles();
    Some(json!({
        "path": path.name, "base": path.base, "ratio": ratio, "quartiles": [low, high], "ratios": path.ratios,
        "bar": path.limits.bar, "aim": path.limits.aim, "gate": path.limits.gate, "samples": path.all.len(),
        "nanos": { "p50": p50, "p90": p90, "p99": p99, "p99.9": p999, "max": max },
    }))
}

/// Writes the histograms of a run as an interval log, a tag for each path.
pub(crate) fn write_log(suite: &Suite, file: &FilePath) -> std::io::Result<()> {
    let mut log = Vec::new();
    let mut serializer = V2Serializer::new();
    let mut writer = IntervalLogWriterBuilder::new().begin_log_with(&mut log, &mut serializer)?;
    for path in &suite.0 {
        let name = path.name.replace(' ', "-");
        let tag = Tag::new(&name).expect("neither commas nor white space");
        writer.write_histogram(&path.all, Duration::ZERO, Duration::ZERO, Some(tag)).map_err(|error| {
            std::io::Error::other(format!("the histogram of {name} could not be written: {error:?}"))
        })?;
    }
    fs::write(file, log)
}

const WIDTH: f64 = 860.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 60.0;
const ROW: f64 = 26.0;
const TOP: f64 = 48.0;

/// Draws the ratios of a run: a dot for the median, a line between the quartiles, marks for the limits.
pub(crate) fn draw(suite: &Suite, title: &str) -> String {
    let shown: Vec<_> = suite.0.iter().filter_map(|path| Some((path, path.ratio()?))).collect();
    let limits = |path: &Path| [path.limits.bar, path.limits.aim, path.limits.gate];
    let all = shown.iter().flat_map(|(path, ratios)| {
        ratios.iter().copied().chain(limits(path).into_iter().flatten()).filter(|ratio| *ratio > 0.0)
    });
    let (low, high) = all.fold((1.0_f64, 1.0_f64), |(low, high), ratio| (low.min(ratio), high.max(ratio)));
    let (low, high) = (low.log10() - 0.05, high.log10() + 0.1);
    let x = |ratio: f64| LEFT + (ratio.max(1e-6).log10() - low) / (high - low) * (WIDTH - LEFT - RIGHT);
    let height = TOP + ROW * shown.len() as f64 + 34.0;
    let bottom = height - 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"20\" font-size=\"15\">{title}</text>\n"
    );
    let ticks = [0.1_f64, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];
    for tick in ticks.into_iter().filter(|tick| (low..=high).contains(&tick.log10())) {
        let at = x(tick);
        writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{tick}</text>",
            bottom + 16.0
        )
        .expect("a String takes every write");
    }
    for (row, (path, [middle, first, third])) in shown.iter().enumerate() {
        let y = TOP + ROW * (row as f64 + 0.5);
        let mut mark = |limit: Option<f64>, colour: &str| {
            if let Some(limit) = limit {
                let at = x(limit);
                writeln!(
                    svg,
                    "<line x1=\"{at:.1}\" y1=\"{:.1}\" x2=\"{at:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" \
                     stroke-width=\"2\"/>",
                    y - 9.0,
                    y + 9.0
                )
                .expect("a String takes every write");
            }
        };
        mark(path.limits.bar, "#c0392b");
        mark(path.limits.aim, "#27ae60");
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <line x1=\"{:.1}\" y1=\"{y}\" x2=\"{:.1}\" y2=\"{y}\" stroke=\"#2c3e50\" stroke-width=\"5\"/>\
             <circle cx=\"{:.1}\" cy=\"{y}\" r=\"5\" fill=\"#2c3e50\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#2c3e50\">{middle:.2}</text>",
            LEFT - 10.0,
            y + 4.0,
            path.name,
            x(*first),
            x(*third),
            x(*middle),
            WIDTH - RIGHT + 12.0,
            y + 4.0
        )
        .expect("a String takes every write");
    }
    svg.push_str(
        "<text x=\"420\" y=\"20\" fill=\"#555\">times the base; red: the bar, green: the aim</text>\n</svg>\n",
    );
    svg
}
