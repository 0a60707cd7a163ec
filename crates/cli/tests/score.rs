//! `score` and `chart` with files that people bring: good ones, and every bad one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    fmt::Write,
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;

fn watchkeeper(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    command.args(arguments).env_remove("RUST_LOG").current_dir(directory).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

fn names(directory: &Path) -> Vec<String> {
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(directory).unwrap().map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

/// Scores a file of this content.
fn score(content: impl AsRef<[u8]>, further: &[&str]) -> (TempDir, Output) {
    let directory = watchkeeper_canary::tempdir().unwrap();
    fs::write(directory.path().join("series.csv"), content).unwrap();
    let arguments = [&["score", "series.csv", "-o", "scores.csv"], further].concat();
    let output = watchkeeper(&arguments, directory.path());
    (directory, output)
}

/// Returns the rows below the header of the scores.
fn rows(directory: &TempDir) -> Vec<Vec<String>> {
    let text = fs::read_to_string(directory.path().join("scores.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(
        reader.headers().unwrap().iter().take(4).collect::<Vec<_>>(),
        ["timestamp", "score", "alert", "channel"]
    );
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn alerts(rows: &[Vec<String>]) -> Vec<usize> {
    (0..rows.len()).filter(|row| rows[*row][2] == "1").collect()
}

/// Returns 6,000 minutes of a machine; its heat jumps in row 4,000 and its pressure stands still from row 5,200.
fn machine() -> String {
    let mut text = "time,heat,pressure,label\n".to_owned();
    let mut noise = 7_u64;
    let mut chance = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(noise >> 40).unwrap()) / f64::from(1 << 24)
    };
    for row in 0..6_000_u32 {
        let (is_hot, is_stuck) = ((4_000..4_040).contains(&row), (5_200..5_260).contains(&row));
        let heat = 70.0 + 3.0 * (f64::from(row) / 40.0).sin() + chance() + if is_hot { 12.0 } else { 0.0 };
        let moving = 5.0 + 0.5 * (f64::from(row) / 90.0).sin() + 0.1 * chance();
        let pressure = if is_stuck { 5.0 } else { moving };
        let at = 1_704_067_200 + 60 * row;
        writeln!(text, "{at},{heat:.4},{pressure:.4},{}", u8::from(is_hot || is_stuck)).unwrap();
    }
    text
}

#[test]
fn what_is_odd_is_alerted_with_the_signal_it_is_odd_in() {
    let (directory, output) = score(machine(), &["--calibrate", "1000", "--budget", "1/day"]);
    assert!(output.status.success(), "{}", told(&output));
    let said = told(&output);
    for part in [
        "2 signals (heat, pressure)",
        "a row in 60 s",
        "left out: 1 column (label)",
        "6000 rows scored",
        "1440 rows",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let rows = rows(&directory);
    assert_eq!(rows.len(), 6_000);
    assert_eq!(rows[4_000][0], "1704307200", "times are as they were written");
    let alerts = alerts(&rows);
    assert!(alerts.contains(&4_000) && alerts.len() <= 4, "{alerts:?}");
    assert_eq!(rows[4_000][4], "heat");
    assert!(
        alerts.iter().any(|row| (5_200..5_260).contains(row) && rows[*row][4] == "pressure"),
        "{alerts:?}"
    );
    for row in &rows {
        let score: f64 = row[1].parse().unwrap();
        assert!((0.0..=1.0).contains(&score), "{row:?}");
    }
    assert!(rows[..1_000].iter().all(|row| row[2] == "0"), "only learnt from");
    assert_eq!(names(directory.path()), ["scores.csv", "series.csv"], "nothing else is left");
}

#[test]
fn the_same_file_gives_the_same_bytes() {
    let files = ["scores.csv", "chart.svg"];
    let run = || {
        let (directory, output) = score(machine(), &["--chart", "chart.svg"]);
        assert!(output.status.success(), "{}", told(&output));
        files.map(|file| fs::read(directory.path().join(file)).unwrap())
    };
    assert!(run() == run());
}

#[test]
fn a_false_alert_is_as_rare_as_the_budget_says() {
    let mut text = "row,value\n".to_owned();
    let mut noise = 3_u64;
    for row in 0..40_000 {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        writeln!(text, "{row},{}", noise >> 44).unwrap();
    }
    let found = |budget: &str| {
        let (directory, output) = score(&text, &["--calibrate", "2000", "--budget", budget]);
        assert!(output.status.success(), "{}", told(&output));
        alerts(&rows(&directory)).len()
    };
    let (many, few) = (found("1/1000rows"), found("1/20000rows"));
    assert!((10..=76).contains(&many) && few <= 6, "{many} where 38 are allowed, {few} where 2 are");
}

#[test]
fn what_is_no_table_is_refused_with_file_line_and_column() {
    let wide = |signals: usize| {
        let cells =
            |prefix: &str| (0..signals).map(|index| format!("{prefix}{index}")).collect::<Vec<_>>().join(",");
        format!("t,{}\n0,{}\n", cells("s"), cells(""))
    };
    for (content, further, parts) in [
        (String::new(), &[] as &[&str], &["series.csv: the file is empty"] as &[&str]),
        ("t,a\n".to_owned(), &[], &["a header and no row"]),
        ("words\nand more\n".to_owned(), &[], &["only one column"]),
        ("t,a\n0,1\n1,2\n2,broken\n".to_owned(), &[], &["line 4, column \"a\"", "\"broken\" is no number"]),
        ("t,a,b\n0,1,2\n1,2\n".to_owned(), &[], &["line 3: 2 cells, the first line has 3"]),
        ("t,a\n0,1\n,2\n".to_owned(), &[], &["line 3: no time"]),
        ("t,a\n0,1\nlater,2\n".to_owned(), &[], &["line 3: \"later\""]),
        (wide(1_025), &[], &["1025 signals, at most 1024"]),
        (wide(9_000), &[], &["more than 4096 columns", "at most 1024 signals"]),
        (
            "t,a,label\n0,x,1\n".to_owned(),
            &[],
            &["no column of numbers", "label left out", "a left out: words"],
        ),
        ("9,".repeat(2_000_000), &[], &["line 1", "4096 columns"]),
        ("9".repeat(3_000_000), &[], &["line 1: a record of more than 1048576 bytes"]),
        ("t,a\n0,1\n1,2\n".to_owned(), &["--budget", "1/day"], &["no time that passes", "1/1000rows"]),
        ("t,a\n0,1\n1,2\n".to_owned(), &["--ignore", "b"], &["no column is called \"b\"; there are a"]),
    ] {
        let (directory, output) = score(&content, further);
        let said = told(&output);
        assert!(!output.status.success(), "{}: {said}", content.chars().take(80).collect::<String>());
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
        assert_eq!(names(directory.path()), ["series.csv"], "nothing is left of it");
        assert_eq!(fs::read_to_string(directory.path().join("series.csv")).unwrap(), content);
    }
}

#[test]
fn a_run_that_fails_leaves_what_was_there() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("series.csv"), machine() + "1704500000,broken,1,0\n").unwrap();
    fs::write(at("scores.csv"), "kept").unwrap();
    fs::write(at("chart.svg"), "kept").unwrap();
    let output =
        watchkeeper(&["score", "series.csv", "-o", "scores.csv", "--chart", "chart.svg"], directory.path());
    assert!(told(&output).contains("line 6002, column \"heat\""), "{}", told(&output));
    assert_eq!(fs::read_to_string(at("scores.csv")).unwrap(), "kept");
    assert_eq!(fs::read_to_string(at("chart.svg")).unwrap(), "kept");
    assert_eq!(names(directory.path()), ["chart.svg", "scores.csv", "series.csv"]);
    fs::create_dir(at("folder")).unwrap();
    for (arguments, part) in [
        (["score", "series.csv", "-o", "series.csv"], "series.csv is an input"),
        (["score", "series.csv", "-o", "folder"], "folder is there and no file"),
        (["score", "folder", "-o", "new.csv"], "folder is a folder"),
        (["score", "nowhere.csv", "-o", "new.csv"], "nowhere.csv: No such file"),
        (["score", "series.csv", "-o", "nowhere/new.csv"], "writing nowhere/new.csv"),
    ] {
        let output = watchkeeper(&arguments, directory.path());
        assert!(!output.status.success() && told(&output).contains(part), "{part:?}: {}", told(&output));
    }
}

#[test]
fn no_output_takes_the_place_of_an_input_or_of_another_output_however_it_is_named() {
    let (directory, output) = score("t,a\n0,1\n1,2\n", &[]);
    assert!(output.status.success(), "{}", told(&output));
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    symlink("folder", at("link")).unwrap();
    symlink("series.csv", at("alias.csv")).unwrap();
    let scored = fs::read(at("scores.csv")).unwrap();
    fs::write(at("windows.json"), "[]").unwrap();
    let absolute = at("new.csv").display().to_string();
    let run = |arguments: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        watchkeeper(&arguments, directory.path())
    };
    let score = |outputs: &str| run(&format!("score series.csv -o {outputs}"));
    let chart = |output: &str| {
        run(&format!("chart scores.csv --series series.csv --windows windows.json -o {output}"))
    };
    for (output, part) in [
        (score("series.csv"), "series.csv is an input"),
        (score("folder/../series.csv"), "folder/../series.csv is an input"),
        (score("alias.csv"), "alias.csv is an input"),
        (score("new.csv --chart series.csv"), "series.csv is an input"),
        (score("scores.csv --chart scores.csv"), "scores.csv is named twice"),
        // Nothing is there yet.
        (score("new.csv --chart new.csv"), "new.csv is named twice"),
        (score("new.csv --chart folder/../new.csv"), "folder/../new.csv is named twice"),
        (score(&format!("new.csv --chart {absolute}")), "new.csv is named twice"),
        (score("folder/new.csv --chart link/new.csv"), "link/new.csv is named twice"),
        (chart("./scores.csv"), "./scores.csv is an input"),
        (chart("folder/../series.csv"), "folder/../series.csv is an input"),
        (chart("windows.json"), "windows.json is an input"),
    ] {
        let said = told(&output);
        assert!(!output.status.success() && said.contains(part), "{part:?} is not in {said}");
    }
    let left = ["alias.csv", "folder", "link", "scores.csv", "series.csv", "windows.json"];
    assert_eq!(names(directory.path()), left);
    assert_eq!(names(&at("folder")), [] as [&str; 0]);
    assert_eq!(fs::read(at("scores.csv")).unwrap(), scored);
    assert_eq!(fs::read_to_string(at("series.csv")).unwrap(), "t,a\n0,1\n1,2\n");
    // Two files of the same name in two folders are two places.
    let output = score("new.csv --chart link/new.csv");
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn a_run_that_is_interrupted_leaves_nothing_behind() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let rows = (0..400_000)
        .fold("t,a,b\n".to_owned(), |text, row| text + &format!("{row},{},{}\n", row % 7, row % 5));
    fs::write(directory.path().join("series.csv"), rows).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_watchkeeper"))
        .args(["score", "series.csv", "-o", "scores.csv"])
        .current_dir(directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let waited = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        names(directory.path()).len() == 2
    });
    assert!(waited, "a draft is written beside");
    assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
    let output = run.wait_with_output().unwrap();
    assert!(
        !output.status.success() && told(&output).contains("interrupted; nothing was written"),
        "{}",
        told(&output)
    );
    assert_eq!(names(directory.path()), ["series.csv"]);
}

#[test]
fn what_is_odd_about_a_file_has_one_meaning_each_and_is_said() {
    let mut text = "t,a,still\n".to_owned();
    for row in 0..3_000 {
        let a = match row {
            100 => String::new(),
            200 => "NaN".to_owned(),
            300 => "inf".to_owned(),
            400 => "1e308".to_owned(),
            401 => "-1e308".to_owned(),
            _ => (row % 17).to_string(),
        };
        let at = if row == 500 { 100.5 } else { f64::from(row - i32::from(row == 600)) + 0.25 };
        writeln!(text, "{at},{a},5").unwrap();
    }
    let (directory, output) = score(&text, &[]);
    let said = told(&output);
    assert!(output.status.success(), "{said}");
    for part in [
        "2 missing values",
        "1 infinite value: taken as missing",
        "1 row at the time of the row above",
        "1 row before the row above, first in line 502",
        "3000 rows scored",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let rows = rows(&directory);
    assert_eq!(rows.len(), 3_000);
    assert_eq!(rows[500][0], "100.5", "in the order of the file");
}

#[test]
fn one_row_and_a_constant_have_nothing_odd() {
    for (text, count) in [("t,a\n0,5\n".to_owned(), 1), ("0,5\n".repeat(2_000), 2_000)] {
        let (directory, output) = score(&text, &["--chart", "chart.svg"]);
        assert!(output.status.success(), "{}", told(&output));
        let rows = rows(&directory);
        assert_eq!(rows.len(), count);
        assert!(rows.iter().all(|row| row[1].parse::<f64>().unwrap() < 0.5 && row[2] == "0"));
        assert!(fs::read_to_string(directory.path().join("chart.svg")).unwrap().ends_with("</svg>\n"));
    }
}

#[test]
fn a_chart_is_made_of_scores_series_and_windows() {
    let (directory, output) = score(machine().replace("heat", "heat <&>"), &[]);
    assert!(output.status.success(), "{}", told(&output));
    let at = |name: &str| directory.path().join(name);
    fs::write(at("windows.csv"), "start,end\n1704307200,1704309600\n").unwrap();
    fs::write(at("other.csv"), "t,a\n0,1\n1,2\n").unwrap();
    fs::write(at("odd.csv"), "start,end\nnoon,later\n").unwrap();
    let chart = |further: &[&str]| {
        let arguments = [&["chart", "scores.csv", "-o", "chart.svg"], further].concat();
        watchkeeper(&arguments, directory.path())
    };
    let output = chart(&["--series", "series.csv", "--windows", "windows.csv"]);
    assert!(output.status.success(), "{}", told(&output));
    let svg = fs::read_to_string(at("chart.svg")).unwrap();
    for part in [
        "heat &lt;&amp;&gt;",
        "pressure",
        "score",
        "1 labelled window",
        "series.csv: 6000 rows",
        "time (UTC)",
        "2024-01-02",
    ] {
        assert!(svg.contains(part), "{part:?} is not in the picture");
    }
    for (further, part) in [
        (&["--series", "other.csv"] as &[&str], "line 2: the series has no row of 1704067200 there"),
        (&["--windows", "odd.csv"], "odd.csv: \"noon\" is no time; expected seconds since 1970"),
        (&["--windows", "nowhere"], "nowhere: No such file"),
    ] {
        let output = chart(further);
        assert!(!output.status.success() && told(&output).contains(part), "{part:?}: {}", told(&output));
    }
    // Rows numbered from 1001 on: windows are in the same numbers.
    let rows = (1_001..=1_101).fold("n,a\n".to_owned(), |text, row| text + &format!("{row},{}\n", row % 7));
    fs::write(at("numbered.csv"), rows).unwrap();
    fs::write(at("numbers.json"), "[[1051, 1101]]").unwrap();
    let output = watchkeeper(&["score", "numbered.csv", "-o", "numbered-scores.csv"], directory.path());
    assert!(output.status.success(), "{}", told(&output));
    let arguments = ["chart", "numbered-scores.csv", "--windows", "numbers.json", "-o", "numbered.svg"];
    let output = watchkeeper(&arguments, directory.path());
    assert!(output.status.success(), "{}", told(&output));
    let svg = fs::read_to_string(at("numbered.svg")).unwrap();
    let begins = format!("<rect x=\"{}\"", (84 + 1_100 - 24) / 2);
    let is_window = |line: &&str| line.contains("#F7E0A6") && line.starts_with(&begins);
    assert_eq!(svg.lines().filter(is_window).count(), 1, "the window begins in the middle: {svg}");
    assert!(svg.contains("1020") && svg.contains("row"), "{svg}");
    let output = watchkeeper(&["chart", "series.csv", "-o", "new.svg"], directory.path());
    assert!(
        told(&output).contains("series.csv is not as `watchkeeper score` writes it"),
        "{}",
        told(&output)
    );
}

#[test]
fn what_a_budget_costs_in_delay_is_told_on_a_file_of_ones_own() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    fs::write(directory.path().join("machine.csv"), machine()).unwrap();
    let output = watchkeeper(
        &["delay", "machine.csv", "--budget", "2/1000rows", "--budget", "1/day"],
        directory.path(),
    );
    let told = told(&output);
    assert!(output.status.success(), "{told}");
    assert!(
        told.contains("2 signals (heat, pressure)") && told.contains("6000 rows, the first 400 to calibrate"),
        "{told}"
    );
    // Budget, alerts and allowed ones; then found, half and nine tenths of the delays, for each of three faults.
    let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = told.lines().map(cells).filter(|cells| cells.len() == 12).collect();
    assert_eq!(lines.iter().map(|cells| cells[0].as_str()).collect::<Vec<_>>(), ["500", "1440"], "{told}");
    assert_eq!((lines[0][2].as_str(), lines[1][2].as_str()), ("11.2", "3.9"), "{told}");
    for line in &lines {
        let (found, planted) = line[3].split_once('/').unwrap();
        let (found, planted): (u32, u32) = (found.parse().unwrap(), planted.parse().unwrap());
        assert!(planted > 30 && found + 1 >= planted, "jumps of three deviations: {told}");
        assert_eq!(line[4], "0", "at once: {told}");
    }
    assert_eq!(names(directory.path()), ["machine.csv"]);
}

#[test]
fn a_file_in_which_no_fault_can_be_planted_says_why() {
    for (content, further, says) in [
        (machine().lines().take(500).collect::<Vec<_>>().join("\n"), &[][..], "at least 600 are needed"),
        ("2026-01-01,5\n".repeat(900), &[][..], "no signal changes"),
        (machine(), &["--budget", "1/week"][..], "0.5/1000rows"),
        (machine(), &["--calibrate", "5"][..], "60 to 1,000,000"),
        ("time,heat\n1,hot\n".to_owned(), &[][..], "words"),
    ] {
        let directory = watchkeeper_canary::tempdir().unwrap();
        fs::write(directory.path().join("series.csv"), content).unwrap();
        let output = watchkeeper(&[&["delay", "series.csv"], further].concat(), directory.path());
        assert!(!output.status.success() && told(&output).contains(says), "{says}: {}", told(&output));
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    command.args(["delay", "/dev/stdin"]).env_remove("RUST_LOG").stdin(Stdio::piped());
    let output = command.output().unwrap();
    assert!(!output.status.success() && told(&output).contains("read twice: a pipe"), "{}", told(&output));
}
