//! The demo, as a newcomer starts it: it judges itself by its own record.

use std::{process::Command, time::Duration};
use watchkeeper_tests::process::{Program, watchkeeper};

#[test]
fn the_headless_demo_proves_a_takeover_from_its_verified_record() {
    let data = watchkeeper_canary::tempdir().unwrap();
    let mut command = Command::new(watchkeeper().unwrap());
    command.args(["demo", "--headless", "--seconds", "45", "--data"]).arg(data.path());
    for name in ["WATCHKEEPER_URL", "WATCHKEEPER_TOKEN_FILE", "XDG_RUNTIME_DIR", "RUST_LOG"] {
        command.env_remove(name);
    }
    let mut demo = Program::start("demo", &mut command).unwrap();
    let status = demo.wait(Duration::from_mins(3)).unwrap();
    assert!(status.success(), "{}", demo.written());
    let told = demo.output();
    for part in ["sound; head", "identical", "replayed again: the same", "PASSED"] {
        assert!(told.contains(part), "{part:?} is not in {}", demo.written());
    }
    assert!(!told.contains("MISSING"), "{told}");

    // A second reader comes to the same result, with the head that the monitor kept beside the record.
    let reads = |arguments: &[&str]| {
        let output = Command::new(watchkeeper().unwrap())
            .args(arguments)
            .arg("--data")
            .arg(data.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}{}", String::from_utf8_lossy(&output.stderr));
        told
    };
    let head = data.path().join("head");
    reads(&["ledger", "verify", "--head", head.to_str().unwrap()]);
    reads(&["ledger", "replay"]);
    let listed = reads(&["takeover", "list"]);
    let id =
        listed.lines().find(|line| line.contains(" human ")).and_then(|line| line.split_whitespace().next());
    let shown =
        reads(&["takeover", "show", id.unwrap_or_else(|| panic!("no takeover by a person: {listed}"))]);
    for stage in ["detect", "notify", "decide", "command", "actuate"] {
        let row = shown.lines().find(|line| line.starts_with(stage)).unwrap_or_else(|| panic!("{shown}"));
        assert!(!row.contains("unknown"), "{row}");
    }
}
