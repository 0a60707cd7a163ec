//! The built command, as a person or a script meets it.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;
use uuid::Uuid;
use watchkeeper_engine::{
    Config, Derived, Engine, EngineInput, Opening, Output as EngineOutput, OutputDigest,
};
use watchkeeper_ledger::{DirStorage, Head, Ledger, Options};
use watchkeeper_model::{
    AgentId, AgentKind, AlertId, BootId, CommandId, CommandKind, CommandState, ControlState, DemandId,
    DemandOrigin, DemandOutcome, Epoch, Incarnation, MonoTime, Note, PersonId, Verdict,
};
use watchkeeper_protocol::record::{DigestRecord, Moment, TakeoverCommand, TakeoverRecord, record_type};

fn watchkeeper(arguments: &[&str], directory: &Path) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_watchkeeper")), arguments, directory)
}

/// Gives up, with exit code 124, before the 10 s are over that a command waits for a monitor.
fn watchkeeper_at_once(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new("timeout");
    command.args(["8", env!("CARGO_BIN_EXE_watchkeeper")]);
    run(command, arguments, directory)
}

fn run(mut command: Command, arguments: &[&str], directory: &Path) -> Output {
    for name in [
        "WATCHKEEPER_URL",
        "WATCHKEEPER_TOKEN_FILE",
        "WATCHKEEPER_CA_FILE",
        "WATCHKEEPER_CERT_FILE",
        "WATCHKEEPER_KEY_FILE",
        "WATCHKEEPER_INSECURE_I_KNOW",
        "XDG_RUNTIME_DIR",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(directory).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_configuration_that_cannot_be_used_is_told_with_file_line_and_reason() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    for (text, place, reason) in [
        ("[load]\nleases_per_person = 0\n", "line 2", "nobody could ever take over"),
        ("[load]\n\nleases_per_persn = 1\n", "line 3, column 1", "unknown field `leases_per_persn`"),
        ("[load\n", "line 1", ""),
    ] {
        fs::write(directory.path().join("limits.toml"), text).unwrap();
        let output = watchkeeper(&["serve", "--config", "limits.toml", "--data", "data"], directory.path());
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        for part in ["limits.toml", place, reason] {
            assert!(told.contains(part), "{part:?} is not in {told}");
        }
        assert!(!directory.path().join("data").exists(), "nothing was started");
    }
}

#[test]
fn without_a_monitor_every_place_that_was_looked_at_is_named() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let output = watchkeeper(&["stop", "vehicle-4"], directory.path());
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    for part in ["looking for the monitor", "watchkeeper serve", "WATCHKEEPER_TOKEN_FILE", "watchkeeper-data"]
    {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
}

#[test]
fn the_scenarios_are_listed_with_what_happens_in_them() {
    let output = watchkeeper(&["simulate", "--list"], &std::env::temp_dir());
    let listed = stdout(&output);
    assert!(
        listed.lines().any(|line| line.starts_with("ring-frozen-sensor ") && line.contains("freezes")),
        "{listed}"
    );
}

#[test]
fn a_file_that_is_no_series_is_refused_before_anything_connects() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    fs::write(directory.path().join("plain.csv"), "0,1\n1,2\n").unwrap();
    let output = watchkeeper(&["replay", "plain.csv", "--agent", "press-1"], directory.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("plain.csv is no series: line 1: numbers"), "{}", stderr(&output));
}

#[test]
fn the_printed_configuration_has_every_key_and_is_taken_back() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let output = watchkeeper(&["serve", "--print-config"], directory.path());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(Config::parse(&stdout(&output)).unwrap(), Config::complete());
    assert!(stdout(&output).contains("[timers.vehicle]"), "{}", stdout(&output));
    assert!(!directory.path().join("watchkeeper-data").exists(), "nothing was started");
}

#[test]
fn a_token_file_or_an_address_that_cannot_do_fails_at_once_with_what_to_do() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    fs::write(directory.path().join("empty"), "").unwrap();
    fs::write(directory.path().join("token"), "secret").unwrap();
    fs::write(directory.path().join("series.csv"), "time,value\n0,1\n1,2\n").unwrap();
    let commands: [&[&str]; 4] = [
        &["simulate", "ring-calm", "--seconds", "300"],
        &["replay", "series.csv", "--agent", "press-1"],
        &["stop", "vehicle-4"],
        &["operate"],
    ];
    let missing: &[&str] = &["--token-file", "missing"];
    let empty: &[&str] = &["--token-file", "empty"];
    let bad_url: &[&str] = &["--token-file", "token", "--url", "http://127.0.0.1:1/v1"];
    for command in commands {
        for (with, says) in [(missing, "missing"), (empty, "1 to 2048 bytes"), (bad_url, "begin with ws://")]
        {
            let output = watchkeeper_at_once(&[command, with].concat(), directory.path());
            let told = stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{command:?} {with:?}: {told}");
            assert!(told.contains(says) && told.contains("serve"), "{command:?} {with:?}: {told}");
        }
    }
}

/// A monitor that runs as long as the test.
struct Monitor {
    directory: TempDir,
    serve: std::process::Child,
}

impl Monitor {
    fn start() -> Self {
        Self::start_in(watchkeeper_canary::tempdir().unwrap(), &[])
    }

    fn start_in(directory: TempDir, further: &[&str]) -> Self {
        let serve = Command::new(env!("CARGO_BIN_EXE_watchkeeper"))
            .args(["serve", "--listen", "localhost:0", "--data", "data", "--ready-file", "ready"])
            .args(further)
            .env_remove("XDG_RUNTIME_DIR")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .current_dir(directory.path())
            .spawn()
            .unwrap();
        Self { directory, serve }
    }

    fn url(&self) -> String {
        let ready = self.directory.path().join("ready");
        for _ in 0..200 {
            if let Ok(text) = fs::read_to_string(&ready) {
                let ready: serde_json::Value = serde_json::from_str(&text).unwrap();
                return ready.get("url").unwrap().as_str().unwrap().to_owned();
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the monitor was not ready within 10 s");
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.serve.kill().and_then(|()| self.serve.wait()).unwrap();
    }
}

#[test]
fn with_the_wrong_token_every_client_fails_at_once() {
    let monitor = Monitor::start();
    let url = monitor.url();
    let here = monitor.directory.path();
    fs::write(here.join("wrong"), "00000000000000000000000000000000").unwrap();
    fs::write(here.join("series.csv"), "time,value\n0,1\n1,2\n").unwrap();
    let commands: [&[&str]; 4] = [
        &["simulate", "ring-calm", "--seconds", "300"],
        &["replay", "series.csv", "--agent", "press-1"],
        &["stop", "vehicle-4"],
        &["operate"],
    ];
    for command in commands {
        let output =
            watchkeeper_at_once(&[command, &["--url", &url, "--token-file", "wrong"]].concat(), here);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {told}");
        assert!(told.contains("token") && told.contains("did not let us in"), "{command:?}: {told}");
    }
}

#[test]
fn vehicles_that_were_let_in_end_well() {
    let monitor = Monitor::start();
    let url = monitor.url();
    let here = monitor.directory.path();
    let with = ["--seconds", "3", "--url", &url, "--token-file", "data/token"];
    let output = watchkeeper(&[&["simulate", "ring-calm"], &with[..]].concat(), here);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn without_a_monitor_vehicles_that_nobody_let_in_are_a_failure() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    fs::write(directory.path().join("token"), "secret").unwrap();
    let with = ["simulate", "--seconds", "1", "--url", "ws://127.0.0.1:9/v1", "--token-file", "token"];
    let output = watchkeeper(&with, directory.path());
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stderr(&output).contains("no monitor let any of the vehicles in"), "{}", stderr(&output));
}

#[test]
fn certificates_are_made_once_readable_by_their_owner_and_let_an_agent_and_a_console_in() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let here = directory.path().to_owned();
    let make =
        ["dev-certs", "certs", "--agent", "press-1", "--agent", "press-2", "--host", "monitor.example"];
    let output = watchkeeper(&make, &here);
    let told = stdout(&output);
    assert!(output.status.success(), "{told}{}", stderr(&output));
    for part in [
        "DEV ONLY",
        "--tls-cert",
        "--allow-host monitor.example",
        "WATCHKEEPER_KEY_FILE=",
        "press-2: serial ",
    ] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    for (name, mode) in [("server.key", 0o600), ("agent-press-1.key", 0o600), ("ca.pem", 0o644)] {
        let found = fs::metadata(here.join("certs").join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found & !mode, 0, "{name}: {found:o}");
    }
    assert!(!here.join("certs/ca.key").exists(), "the authority's key is not kept");
    let again = watchkeeper(&make, &here);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("nothing is overwritten"), "{}", stderr(&again));

    let tls =
        ["--tls-cert", "certs/server.pem", "--tls-key", "certs/server.key", "--client-ca", "certs/ca.pem"];
    let monitor = Monitor::start_in(directory, &tls);
    let url = monitor.url();
    assert!(url.starts_with("wss://127.0.0.1:"), "{url}");
    fs::write(here.join("series.csv"), "time,value\n0,1\n1,2\n").unwrap();
    let ca = ["--url", &url, "--ca-file", "certs/ca.pem"];
    let own = ["--cert-file", "certs/agent-press-1.pem", "--key-file", "certs/agent-press-1.key"];
    let replay =
        |agent| [&["replay", "series.csv", "--speed", "1000", "--agent", agent][..], &ca, &own].concat();
    let output = watchkeeper_at_once(&replay("press-1"), &here);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let output = watchkeeper_at_once(&replay("press-2"), &here);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("which is press-1"), "{}", stderr(&output));
    let operate = [&["operate"][..], &ca, &["--token-file", "data/token"]].concat();
    let output = watchkeeper_at_once(&operate, &here);
    assert!(output.status.success(), "{}", stderr(&output));
    let output = watchkeeper_at_once(&[&operate[..], &own].concat(), &here);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("Leave --cert-file and --key-file out"), "{}", stderr(&output));
    let without_ca = ["operate", "--url", &url, "--token-file", "data/token"];
    let output = watchkeeper_at_once(&without_ca, &here);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--ca-file FILE or WATCHKEEPER_CA_FILE"), "{}", stderr(&output));
}

#[test]
fn a_monitor_that_others_could_reach_unprotected_does_not_start_and_says_what_to_do() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let here = directory.path();
    assert!(watchkeeper(&["dev-certs", "certs"], here).status.success());
    fs::write(here.join("site.toml"), "[site]\ninsecure_i_know = true\n").unwrap();
    let tls = ["--tls-cert", "certs/server.pem", "--tls-key", "certs/server.key"];
    for (listen, with, variable, says) in [
        ("0.0.0.0:0", &[][..], false, "--tls-cert FILE --tls-key FILE --client-ca FILE"),
        ("0.0.0.0:0", &tls[..], false, "Give --keys DIR"),
        ("0.0.0.0:0", &["--insecure-i-know"], true, "missing: `insecure_i_know = true` under `[site]`"),
        (
            "0.0.0.0:0",
            &["--insecure-i-know", "--config", "site.toml"],
            false,
            "missing: the environment variable",
        ),
        ("0.0.0.0:0", &["--config", "site.toml"], true, "without TLS tokens and commands"),
        (
            "0.0.0.0:0",
            &["--insecure-i-know", "--config", "site.toml"],
            true,
            "tokens that say who somebody is",
        ),
        ("127.0.0.1:0", &["--insecure-i-know"], false, "Leave the flag out"),
        (
            "127.0.0.1:0",
            &["--tls-cert", "certs/ca.pem", "--tls-key", "certs/server.key"],
            false,
            "belong together",
        ),
        ("127.0.0.1:0", &["--metrics", "0.0.0.0:0"], false, "metrics would travel in the clear"),
        ("127.0.0.1:0", &["--allow-origin", "console.example"], false, "--allow-origin"),
    ] {
        let mut command = Command::new("timeout");
        command.args(["8", env!("CARGO_BIN_EXE_watchkeeper"), "serve", "--data", "data", "--listen", listen]);
        let mut arguments: Vec<&str> = Vec::new();
        if variable {
            command = Command::new("env");
            command.args([
                "WATCHKEEPER_INSECURE_I_KNOW=1",
                "timeout",
                "8",
                env!("CARGO_BIN_EXE_watchkeeper"),
            ]);
            command.args(["serve", "--data", "data", "--listen", listen]);
        }
        arguments.extend(with);
        let output = run(command, &arguments, here);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{listen} {with:?}: {told}");
        assert!(told.contains(says), "{says:?} is not in {told}");
        assert!(!here.join("data").exists(), "nothing was started");
    }
}

/// A record of one run: a timeout, a stranger's disconnection, and a takeover that no input explains.
struct MadeRecord {
    directory: TempDir,
    head: Head,
}

fn opening() -> Opening {
    Opening {
        configuration: Config::default().to_toml(),
        seed: 7,
        incarnation: Incarnation(1),
        build: "test".to_owned(),
        inputs_before: 0,
        authority: Vec::new(),
        starting_authority: Vec::new(),
    }
}

impl MadeRecord {
    fn make(derived: &[TakeoverRecord]) -> Self {
        let directory = watchkeeper_canary::tempdir().unwrap();
        let storage = DirStorage::open(directory.path().join("data").join("ledger")).unwrap();
        let (mut ledger, _) = Ledger::open(storage, Options::new([7; 16])).unwrap();
        ledger.roll(&rmp_serde::to_vec_named(&opening()).unwrap()).unwrap();
        let mut digest = OutputDigest::default();
        let start = MonoTime::from_nanos(1_000_000_000);
        let mut engine = Engine::new(Config::default(), &opening(), start);
        for number in 0..5_u64 {
            let now = MonoTime::from_nanos(start.as_nanos() + number * 1_000_000_000);
            let input = EngineInput::Timeout;
            let payload = rmp_serde::to_vec_named(&input).unwrap();
            ledger.append(record_type::INPUT, 0, now.as_nanos(), 0, &payload).unwrap();
            engine.handle(input, now);
            while let Some(output) = engine.poll_output() {
                digest.update(&output, output.encode().as_ref());
                assert!(!matches!(output, EngineOutput::Derived(_)));
            }
        }
        for takeover in derived {
            let payload = Derived::Takeover(Box::new(takeover.clone())).encode();
            ledger.append(record_type::TAKEOVER, 0, 6_000_000_000, 0, &payload).unwrap();
        }
        let last = DigestRecord { inputs: 5, sha256: digest.value() };
        ledger
            .append(record_type::DIGEST, 0, 6_000_000_000, 0, &rmp_serde::to_vec_named(&last).unwrap())
            .unwrap();
        let head = ledger.commit().unwrap();
        Self { directory, head }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        watchkeeper(&[arguments, &["--data", "data"]].concat(), self.directory.path())
    }

    fn segment(&self) -> PathBuf {
        self.directory.path().join("data/ledger/segment-0000000001.wkl")
    }
}

fn takeover() -> TakeoverRecord {
    let at = |millis: u64| MonoTime::from_nanos(1_000_000_000 + millis * 1_000_000);
    let exact = |millis| Some(Moment { at: at(millis), error_nanos: 0 });
    TakeoverRecord {
        demand_id: DemandId(100_000_001),
        agent: AgentId::new("vehicle-4").unwrap(),
        kind: AgentKind::Vehicle,
        boot_id: BootId(Uuid::from_u128(7)),
        origin: DemandOrigin::Monitor,
        reason: Note::cut("confidence 0.45 is below 0.5"),
        alert_id: Some(AlertId(100_000_001)),
        holder: Some(PersonId::new("anna").unwrap()),
        epoch: Some(Epoch(3)),
        outcome: Some(DemandOutcome::Human),
        demand_ended_at: Some(at(2_400)),
        granted_at: Some(at(1_700)),
        human_at: Some(at(2_400)),
        handed_back_at: None,
        final_state: ControlState::SafeHeld,
        decision: None,
        moments: [
            None,
            exact(1),
            exact(1),
            exact(1),
            exact(2),
            exact(300),
            None,
            exact(2_200),
            exact(2_201),
            exact(2_210),
            exact(2_210),
            exact(2_400),
        ],
        commands: vec![TakeoverCommand {
            command_id: CommandId(Uuid::from_u128(9)),
            kind: CommandKind::Engage,
            state: CommandState::Completed,
            received_at: at(2_201),
            accepted_at: Some(at(2_210)),
            completed_at: Some(at(2_400)),
        }],
        verdict: None,
        labelled_by: None,
        over: true,
    }
}

#[test]
fn a_sound_record_is_verified_against_a_kept_head_and_replays_identically() {
    let made = MadeRecord::make(&[]);
    fs::write(made.directory.path().join("kept.head"), format!("{}\n", made.head)).unwrap();
    let verified = made.run(&["ledger", "verify", "--head", "kept.head"]);
    assert!(verified.status.success(), "{}", stderr(&verified));
    assert!(stdout(&verified).contains("1 kept head matches"), "{}", stdout(&verified));
    let replayed = made.run(&["ledger", "replay"]);
    assert!(replayed.status.success(), "{}{}", stdout(&replayed), stderr(&replayed));
    assert!(stdout(&replayed).ends_with("identical\n"), "{}", stdout(&replayed));
    assert!(stdout(&replayed).contains("run 1: 5 inputs"), "{}", stdout(&replayed));
}

#[test]
fn a_flipped_byte_and_a_missing_end_are_named() {
    let made = MadeRecord::make(&[]);
    let mut flipped = fs::read(made.segment()).unwrap();
    // The file is longer than its records: what lies behind them is zero.
    let end = flipped.iter().rposition(|byte| *byte != 0).unwrap();
    flipped[end - 60] ^= 1;
    fs::write(made.segment(), flipped).unwrap();
    let verified = made.run(&["ledger", "verify"]);
    assert_eq!(verified.status.code(), Some(1));
    assert!(stdout(&verified).contains("record 6"), "{}", stdout(&verified));
    let other = MadeRecord::make(&[]);
    let head = format!("{} {}", other.head.sequence + 4, other.head.hash);
    let cut = other.run(&["ledger", "verify", "--head", &head]);
    assert_eq!(cut.status.code(), Some(1));
    assert!(stdout(&cut).contains("records 7 to 10 are missing"), "{}", stdout(&cut));
    assert!(stdout(&cut).contains("Or the kept head is wrong"), "{}", stdout(&cut));
    let nonsense = other.run(&["ledger", "verify", "--head", "nonsense"]);
    assert_eq!(nonsense.status.code(), Some(1));
    assert!(stderr(&nonsense).contains("neither a file nor `SEQUENCE HASH`"), "{}", stderr(&nonsense));
}

#[test]
fn a_derived_record_that_no_input_gives_is_a_difference_with_its_place() {
    let made = MadeRecord::make(&[takeover()]);
    assert!(made.run(&["ledger", "verify"]).status.success(), "the bytes themselves are sound");
    let replayed = made.run(&["ledger", "replay"]);
    assert_eq!(replayed.status.code(), Some(1));
    let told = stdout(&replayed);
    assert!(told.contains("DIFFERENT: record 6") && told.contains("input in record 5"), "{told}");
}

#[test]
fn takeovers_are_listed_and_shown_with_what_is_unknown() {
    let made = MadeRecord::make(&[takeover()]);
    let listed = made.run(&["takeover", "list"]);
    assert!(
        stdout(&listed).contains("100000001") && stdout(&listed).contains("by anna"),
        "{}",
        stdout(&listed)
    );
    let shown = stdout(&made.run(&["takeover", "show", "100000001"]));
    let row = |name: &str| shown.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(row("detect").contains("unknown") && row("detect").contains("BREACH"), "{shown}");
    assert!(row("command").contains("10.0 ms") && row("command").contains("within"), "{shown}");
    assert!(row("human").contains("1.90 s"), "{shown}");
    let unknown = made.run(&["takeover", "show", "5"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("no takeover 5"), "{}", stderr(&unknown));
}

#[test]
fn of_a_takeover_that_somebody_labelled_the_last_word_counts() {
    let verdict = |verdict| TakeoverRecord {
        verdict: Some(verdict),
        labelled_by: PersonId::new("ben").ok(),
        ..takeover()
    };
    let other = TakeoverRecord { demand_id: DemandId(100_000_002), ..takeover() };
    let made = MadeRecord::make(&[takeover(), other, verdict(Verdict::Real), verdict(Verdict::Late)]);
    let listed = stdout(&made.run(&["takeover", "list"]));
    let ids: Vec<_> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(ids, ["100000001", "100000002"], "{listed}");
    let shown = stdout(&made.run(&["takeover", "show", "100000001"]));
    assert!(shown.contains("verdict  late (by ben)"), "{shown}");
}

#[test]
fn takeovers_before_damage_are_listed_before_the_error() {
    let later = TakeoverRecord { demand_id: DemandId(100_000_002), ..takeover() };
    let made = MadeRecord::make(&[takeover(), later]);
    let mut damaged = fs::read(made.segment()).unwrap();
    // The last mention is in the second takeover; the digest behind it tells damage from an unfinished end.
    let name = b"vehicle-4";
    let place = damaged.windows(name.len()).rposition(|window| window == name).unwrap();
    damaged[place] ^= 1;
    fs::write(made.segment(), damaged).unwrap();
    let listed = made.run(&["takeover", "list"]);
    assert_eq!(listed.status.code(), Some(1), "{}", stderr(&listed));
    let lines = stdout(&listed);
    assert!(lines.contains("100000001") && !lines.contains("100000002"), "{lines}");
    assert!(stderr(&listed).contains("ledger verify"), "{}", stderr(&listed));
}

#[test]
fn records_are_shown_by_type_also_as_json() {
    let made = MadeRecord::make(&[takeover()]);
    let shown = stdout(&made.run(&["ledger", "show", "--type", "takeover", "--type", "digest", "--json"]));
    let lines: Vec<serde_json::Value> =
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{shown}");
    assert_eq!(lines[0]["type"], "takeover");
    assert_eq!(lines[0]["record"]["holder"], "anna");
    assert_eq!(lines[1]["record"]["inputs"], 5);
    let all = stdout(&made.run(&["ledger", "show", "--from", "5"]));
    assert_eq!(all.lines().count(), 3, "{all}");
}
