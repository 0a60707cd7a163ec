//! `eval verdicts`, as a person meets it.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::{fs, path::Path, process::Command};

fn verdicts(options: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_watchkeeper"))
        .args(["eval", "verdicts"])
        .args(options)
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.success(), text.concat())
}

/// Returns the false alarms before and after and the upper end of the interval of a row of the table.
fn row(printed: &str, what: &str) -> (u64, u64, f64) {
    let line = printed.lines().find(|line| line.starts_with(what)).unwrap();
    let mut words = line.rsplit(' ').filter(|word| !word.is_empty());
    let high = words.next().unwrap().trim_end_matches(']').parse().unwrap();
    let mut counts = words.skip(2).map(|word| word.parse().unwrap());
    let after = counts.next().unwrap();
    (counts.next().unwrap(), after, high)
}

#[test]
fn verdicts_leave_fewer_false_alarms_at_equal_recall_also_where_one_in_ten_is_wrong() {
    let (is_done, printed) = verdicts(&[]);
    assert!(is_done, "{printed}");
    for what in ["as at the budget  ", "as at the budget, 1 verdict in 10 wrong"] {
        let (before, after, high) = row(&printed, what);
        assert!(after < before && high < 0.0, "{what}: {before} {after} {high}\n{printed}");
    }
    assert!(printed.contains("rolled back, all are as before it, to the bit"), "{printed}");
    assert!(!printed.contains("changed 0 of"), "{printed}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/detection.md");
    let page = fs::read_to_string(page).unwrap();
    for line in printed.lines().filter(|line| !line.is_empty()) {
        assert!(page.lines().any(|quoted| quoted == line), "docs/detection.md does not quote\n{line}");
    }
}

#[test]
fn no_verdicts_and_too_many_are_refused() {
    for verdicts_asked in ["0", "10001"] {
        let (is_done, printed) = verdicts(&["--verdicts", verdicts_asked]);
        assert!(!is_done && printed.contains("is not in 1..=10000"), "{printed}");
    }
}
