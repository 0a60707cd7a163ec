//! `eval cards` gives the figures that `docs/detection.md` quotes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;
use watchkeeper_canary::labelled_data;

#[test]
fn the_figures_of_the_documentation_are_those_of_the_command() {
    let Some(folder) = labelled_data("cards") else { return };
    let output = Command::new(env!("CARGO_BIN_EXE_watchkeeper"))
        .args(["eval", "cards", "--data"])
        .arg(folder.parent().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        "cards: 872795 payments, 6845 of them fraud",
        "test: days 84 to 90, 58348 payments",
        "z-score and the 220 rule      0.660  0.297    0.110",
        "watchkeeper, no labels        0.654  0.280    0.107",
        "watchkeeper with verdicts     0.860  0.631    0.329",
        "z-score and the 220 rule      0.660  0.281    0.097",
        "watchkeeper, no labels        0.656  0.264    0.096",
        "watchkeeper with verdicts     0.873  0.633    0.318",
        "z-score and the 220 rule        32.0     0.830   50/50 (1.00)  0/389 (0.00)  136/189 (0.72)",
        "watchkeeper, no labels          29.6     0.845   50/50 (1.00)  0/389 (0.00)  125/189 (0.66)",
        "watchkeeper with verdicts       27.0     0.921   29/50 (0.58)  40/389 (0.10)  105/189 (0.56)",
    ] {
        assert!(said.contains(line), "{line:?} is not in\n{said}");
    }
    let documented = include_str!("../../../docs/detection.md");
    for row in [
        "**watchkeeper, no labels** | **.654** | **.280** | **.107**",
        "**watchkeeper with verdicts** | **.860** | **.631** | **.329**",
        "watchkeeper with verdicts | 27.0 | .921 | .58 | .10 | .56",
    ] {
        assert!(documented.contains(row), "{row:?} is not in the documentation");
    }
}
