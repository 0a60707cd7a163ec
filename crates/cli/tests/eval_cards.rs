//! `eval cards` gives the figures that `docs/detection.md` quotes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::PathBuf, process::Command};

#[test]
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
fn the_figures_of_the_documentation_are_those_of_the_command() {
    let data = std::env::var_os("WATCHKEEPER_DATA").map(PathBuf::from);
    let Some(data) = data.filter(|data| data.join("cards").is_dir()) else {
        assert!(std::env::var_os("WATCHKEEPER_REQUIRE_DATA").is_none_or(|v| v != "1"), "data is required");
        println!("skipped: no data");
        return;
    };
    let output = Command::new(env!("CARGO_BIN_EXE_watchkeeper"))
        .args(["eval", "cards", "--data"])
        .arg(data)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        "cards: 872795 payments, 6845 of them fraud",
        "test: days 84 to 90, 58348 payments",
        "z-score and the 220 rule      0.660  0.297    0.110",
        "watchkeeper, no labels        0.654  0.280    0.107",
        "watchkeeper with verdicts     0.863  0.606    0.329",
        "z-score and the 220 rule      0.660  0.281    0.097",
        "watchkeeper, no labels        0.656  0.264    0.096",
        "watchkeeper with verdicts     0.875  0.609    0.319",
        "z-score and the 220 rule        31.4     0.568   34/34 (1.00)  1/294 (0.00)  90/114 (0.79)",
        "watchkeeper, no labels          27.3     0.618   34/34 (1.00)  0/294 (0.00)  84/114 (0.74)",
        "watchkeeper with verdicts       27.4     0.849   19/34 (0.56)  78/294 (0.27)  66/114 (0.58)",
    ] {
        assert!(said.contains(line), "{line:?} is not in\n{said}");
    }
    let documented = include_str!("../../../docs/detection.md");
    for row in [
        "**watchkeeper, no labels** | **.654** | **.280** | **.107**",
        "**watchkeeper with verdicts** | **.863** | **.606** | **.329**",
        "watchkeeper with verdicts | 27.4 | .849 | .56 | .27 | .58",
    ] {
        assert!(documented.contains(row), "{row:?} is not in the documentation");
    }
}
