//! `eval nab` and `eval skab` give the figures that `docs/detection.md` quotes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

use std::process::Command;
use watchkeeper_canary::labelled_data;

const PAGE: &str = include_str!("../../../docs/detection.md");

/// Returns what is said of a benchmark; `None` where its data is missing.
fn eval(benchmark: &str) -> Option<String> {
    let folder = labelled_data(benchmark)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    let output = command.args(["eval", benchmark, "--data"]).arg(folder.parent().unwrap()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Returns the words behind `name` in the first line that begins with it and holds `part`.
fn figures<'a>(said: &'a str, name: &str, part: &str) -> Vec<&'a str> {
    let line = said.lines().find(|line| line.starts_with(name) && line.contains(part));
    let line = line.unwrap_or_else(|| panic!("no line of {name:?} with {part:?} is in\n{said}"));
    line[name.len()..].split_whitespace().collect()
}

/// Fails where no row of the page has this name and these figures in its first cells.
fn quoted(name: &str, figures: &[&str]) {
    let plain = PAGE.replace("**", "");
    let cells: String =
        figures.iter().map(|figure| format!(" {figure}").trim_end().to_owned() + " |").collect();
    let row = format!("| {name} |{cells}");
    assert!(plain.lines().any(|line| line.starts_with(&row)), "docs/detection.md does not quote {row:?}");
}

#[test]
fn the_page_quotes_what_eval_nab_prints() {
    let Some(said) = eval("nab") else { return };
    for (printed, name, cells) in [
        ("watchkeeper  ", "watchkeeper", 4),
        ("numenta", "numenta (HTM), stored row scores", 4),
        ("randomCutForest", "random cut forest, stored row scores", 4),
        ("watchkeeper, scores", "watchkeeper, scores from 0.5 on", 3),
        ("watchkeeper, alerts", "watchkeeper, alerts", 3),
    ] {
        quoted(name, &figures(&said, printed, "")[..cells]);
    }
    let outside = said.lines().find(|line| line.contains("rows outside of windows")).unwrap();
    let words: Vec<&str> = outside.split(' ').collect();
    let [alerts, ratio] = [words[0], words[words.len() - 1]];
    let page = PAGE.replace('\n', " ");
    for sentence in [
        format!(" {alerts} alerts fall outside of windows, "),
        format!(": {ratio} times the budget."),
        format!("Outside of the windows of NAB: {ratio} of a budget of 2,000 rows"),
    ] {
        assert!(page.contains(&sentence), "docs/detection.md does not say {sentence:?}, but\n{outside}");
    }
}

#[test]
fn the_page_quotes_what_eval_skab_prints() {
    let Some(said) = eval("skab") else { return };
    let short = |figure: &str| figure.trim_start_matches('0').to_owned();
    let [auc, ..] = figures(&said, "watchkeeper", "")[..] else { panic!("{said}") };
    let row = |part: &str| {
        let [f1, far, "%", ..] = figures(&said, "watchkeeper", part)[..] else { panic!("{said}") };
        [short(f1), format!("{far} %")]
    };
    let [f1, far] = row("FAR at most 13.5 %");
    quoted("watchkeeper", &[&short(auc), &f1, &far]);
    let [f1, far] = row("a budget of one false alert in 2000 rows");
    quoted("watchkeeper, budget of one in 2,000 rows", &["", &f1, &far]);
}
