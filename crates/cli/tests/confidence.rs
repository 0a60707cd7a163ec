//! `deferral` and `eval cifar10h`, as a person meets them.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};
use watchkeeper_canary::labelled_data;

fn watchkeeper(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    command.args(arguments).current_dir(directory).env_remove("RUST_LOG").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs `deferral` on a file with this text; returns whether it gave a threshold, and what it said.
fn deferral(csv: &str, options: &[&str]) -> (bool, String) {
    let directory = watchkeeper_canary::tempdir().unwrap();
    fs::write(directory.path().join("judged.csv"), csv).unwrap();
    let output = watchkeeper(&[&["deferral", "judged.csv"], options].concat(), directory.path());
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

/// So many judged decisions, the surest first; of those behind the first `right` every fifth is wrong.
fn judged(count: usize, right: usize) -> String {
    let rows = (0..count).map(|place| {
        let confidence = 1.0 - place as f64 / 10_000.0;
        let class = if place % 2 == 0 { "cat" } else { "dog" };
        format!("{confidence},{},{class}\n", if place >= right && place % 5 == 0 { "no" } else { "yes" })
    });
    std::iter::once("Confidence, correct, class\n".to_owned()).chain(rows).collect()
}

#[test]
fn a_threshold_comes_with_its_guarantee_coverage_and_classes() {
    // Two errors are allowed of 710, and a third of 773 only.
    let (is_given, said) = deferral(&judged(1_000, 700), &[]);
    assert!(is_given, "{said}");
    for expected in [
        "1000 labelled decisions, 60 of them wrong",
        "threshold: leave to the agent what is more confident than 0.929",
        "guarantee: a decision left to it is wrong with a probability of at most 0.01, with confidence 0.95",
        "coverage:  0.7100 (710 of 1000 labelled decisions, 2 of them wrong)",
        "class cat: 355 of 500 handled, 1 of them wrong",
    ] {
        assert!(said.contains(expected), "{expected:?} is not in\n{said}");
    }
    let (_, said) = deferral(&judged(1_000, 700), &["--risk", "0.05", "--delta", "0.1", "--horizon", "200"]);
    assert!(
        said.contains(
            "of the next 200 decisions left to it at most a share of 0.05 is wrong, with confidence 0.9"
        ),
        "{said}"
    );
}

#[test]
fn too_few_labels_are_refused_with_the_number_that_is_missing() {
    let (is_given, said) = deferral(&judged(100, 100), &[]);
    assert!(!is_given && said.contains("refused: needs 199 more labelled decisions"), "{said}");
    let (is_given, said) = deferral(&judged(2_000, 0), &[]);
    assert!(!is_given && said.contains("refused: no number of labelled decisions helps"), "{said}");
}

#[test]
fn nothing_in_a_file_steers_a_terminal_or_floods_it() {
    let steering = "\u{1b}[2J\u{202e}";
    let (is_given, said) = deferral(&judged(1_000, 700).replace("cat", steering), &[]);
    assert!(is_given && said.contains("class \\u{1b}[2J\\u{202e}: 355 of 500 handled"), "{said}");
    assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
    let (is_given, said) = deferral(&judged(1_000, 700).replace("cat", &"x".repeat(1_000)), &[]);
    assert!(is_given && said.contains(&format!("class {}: 355 of 500", "x".repeat(64))), "{said}");
    let names = format!("{steering},{}\n", "x,".repeat(1_000));
    for (csv, reason) in [
        (names, "no column is called `confidence`; there are `\\u{1b}[2J\\u{202e}`, `x`, "),
        (
            format!("confidence,correct\n{steering},yes\n"),
            "the confidence \"\\u{1b}[2J\\u{202e}\" is no number",
        ),
        (format!("confidence,correct\n1,{steering}\n"), "\"\\u{1b}[2J\\u{202e}\" does not say whether"),
        (format!("confidence,correct\n{},yes\n", "x".repeat(1_000)), "the confidence \"xxx"),
    ] {
        let (is_given, said) = deferral(&csv, &[]);
        assert!(!is_given && said.contains(reason) && said.len() < 400, "{reason:?} is not in\n{said:?}");
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
    }
}

#[test]
fn a_file_that_cannot_be_used_is_told_with_line_and_reason() {
    for (csv, reason) in [
        ("confidence,right\n", "line 1: no column is called `correct`; there are `confidence`, `right`"),
        ("confidence,correct\n0.9,yes\n\nhigh,yes\n", "line 4: the confidence \"high\" is no number"),
        ("confidence,correct\n0.9,yes\nNaN,yes\n", "line 3: the confidence \"NaN\" is not finite"),
        ("correct,confidence\nmaybe,0.9\n", "line 2: \"maybe\" does not say whether it was correct"),
        ("confidence,correct\n0.9\n", "line 2: \"\" does not say whether it was correct"),
    ] {
        let (is_given, said) = deferral(csv, &[]);
        assert!(!is_given && said.contains(reason), "{reason:?} is not in\n{said}");
    }
    let (_, said) = deferral("confidence,correct\n", &["--risk", "2"]);
    assert!(said.contains("the risk is 2; it must be more than 0 and less than 1"), "{said}");
    let output = watchkeeper(&["deferral", "nowhere.csv"], Path::new("."));
    assert!(text(&output.stderr).contains("reading nowhere.csv"));
}

#[test]
fn the_page_quotes_what_eval_cifar10h_prints() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let Some(folder) = labelled_data("cifar10h") else { return };
    let data = folder.parent().unwrap().to_str().unwrap();
    let output = watchkeeper(&["eval", "cifar10h", "--data", data], &workspace);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let page = fs::read_to_string(workspace.join("docs/detection.md")).unwrap();
    for line in printed.lines().filter(|line| !line.is_empty()) {
        assert!(page.lines().any(|quoted| quoted == line), "docs/detection.md does not quote\n{line}");
    }
}
