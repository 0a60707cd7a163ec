//! `rules`, as a person meets it: a recorded hour, and every decision that other rules would have changed.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]
#![expect(clippy::indexing_slicing, reason = "a line that lacks a key is a failed test")]

use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};
use uuid::Uuid;
use watchkeeper_engine::{Config, EngineInput, Framed, Opening};
use watchkeeper_ledger::{DirStorage, Ledger, Options};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BootId, Decision, DecisionSeq, Incarnation, Label, MonoTime, Note,
    PersonId, SessionId, SignalSpec,
};
use watchkeeper_protocol::{AgentMessage, agent::AgentHello, record::record_type};
use watchkeeper_server::clock::Clock;

/// 2026-03-01T06:00:00Z.
const SIX_NANOS: i64 = 1_772_344_800_000_000_000;
const HOUR: u64 = 3_600;
const PRESS: SessionId = SessionId(9);

fn watchkeeper(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    command.env_remove("RUST_LOG").env("USER", "anna");
    command.args(arguments).current_dir(directory).output().unwrap()
}

fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn hot(max: f64, hysteresis: f64) -> String {
    format!(
        "[[rule]]\nid = \"hot\"\nlimit = {{ signal = \"heat\", max = {max:?}, hysteresis = {hysteresis:?} }}\n"
    )
}

/// The heat of the press in the second of a decision: it swings, and drifts up.
fn heat(second: u64) -> f64 {
    let t = second as f64;
    60.0 + 8.0 * (t / 30.0).sin() + 3.0 * (t / 2.0).sin() + t / 400.0
}

/// Writes the record of one press.
struct Recorder(Ledger<DirStorage>);

impl Recorder {
    /// Notes an input so many seconds after six.
    fn note(&mut self, second: u64, input: &EngineInput) {
        self.note_at(second, SIX_NANOS + 1_000_000_000 * i64::try_from(second).unwrap(), input);
    }

    fn note_at(&mut self, second: u64, wall: i64, input: &EngineInput) {
        let payload = rmp_serde::to_vec_named(input).unwrap();
        self.0.append(record_type::INPUT, 0, mono(second).as_nanos(), wall, &payload).unwrap();
    }
}

fn mono(second: u64) -> MonoTime {
    MonoTime::from_nanos(1_000_000_000 * (second + 1))
}

fn decided(second: u64) -> EngineInput {
    let framed = Framed::new(AgentMessage::Decision(decision(second)));
    EngineInput::Agent { session: PRESS, received_at: mono(second), framed }
}

/// Begins a record under `rules`, and the press connects.
fn begin(directory: &Path, rules: &str) -> Recorder {
    let storage = DirStorage::open(directory.join("data").join("ledger")).unwrap();
    let (mut ledger, _) = Ledger::open(storage, Options::new([7; 16])).unwrap();
    let config = Config::parse(&format!("[rules]\ntext = '''{rules}'''\n")).unwrap();
    let opening = Opening {
        configuration: config.to_toml(),
        seed: 7,
        incarnation: Incarnation(1),
        build: "test".to_owned(),
        inputs_before: 0,
        authority: Vec::new(),
        starting_authority: Vec::new(),
    };
    ledger.roll(&rmp_serde::to_vec_named(&opening).unwrap()).unwrap();
    let mut recorder = Recorder(ledger);
    recorder.note(0, &EngineInput::Timeout);
    let heat_spec = SignalSpec { name: Label::cut("heat"), unit: Label::cut("degC") };
    let hello = AgentHello::first(
        AgentId::new("press").unwrap(),
        AgentKind::Generic,
        BootId(Uuid::from_u128(7)),
        Label::cut("test"),
    );
    let hello = AgentHello { signals: vec![heat_spec], ..hello };
    recorder.note(0, &EngineInput::AgentConnected { session: PRESS, hello });
    recorder
}

/// A record of an hour in which the press decides once a second, under `rules`; others from a second on, where given.
fn record(directory: &Path, rules: &str, later: Option<(u64, &str)>) {
    let mut recorder = begin(directory, rules);
    for second in 1..=HOUR {
        if let Some((_, text)) = later.filter(|(from, _)| *from == second) {
            let (by, reason) = (PersonId::new("ben").unwrap(), Note::cut("too many"));
            recorder.note(second, &EngineInput::RulesChanged { text: text.to_owned(), by, reason });
        }
        recorder.note(second, &decided(second));
    }
    recorder.0.commit().unwrap();
}

fn decision(second: u64) -> Decision {
    Decision {
        seq: DecisionSeq(second),
        made_at: AgentTime::from_nanos(1_000_000_000 * second),
        action: Label::cut("stamp"),
        confidence: None,
        alternatives: Vec::new(),
        signals: vec![heat(second)],
        subject: None,
        context: None,
        waiting: None,
    }
}

/// What a limit with hysteresis says of each second, computed without the program.
fn stands(max: f64, hysteresis: f64) -> Vec<bool> {
    let mut active = false;
    let judge = |second| {
        let value = heat(second);
        active = value > max || (active && value > max - hysteresis);
        active
    };
    (1..=HOUR).map(judge).collect()
}

fn expected(before: &[bool], after: &[bool]) -> Vec<(u64, Value, Value)> {
    let word = |stands: bool| if stands { json!("warning") } else { json!("-") };
    (1..)
        .zip(before.iter().zip(after))
        .filter(|(_, (b, a))| b != a)
        .map(|(s, (b, a))| (s, word(*b), word(*a)))
        .collect()
}

/// Returns the flips and the counts that `backtest --json` prints.
fn backtest(arguments: &[&str], directory: &Path) -> (Vec<(u64, Value, Value)>, Value) {
    let output = told(&watchkeeper(
        &[&["rules", "backtest"], arguments, &["--data", "data", "--json"]].concat(),
        directory,
    ));
    let mut lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let totals = lines.pop().unwrap();
    let flip = |line: Value| {
        assert_eq!((&line["agent"], &line["rule"]), (&json!("press"), &json!("hot")));
        let second = line["decision"].as_u64().unwrap();
        let time =
            jiff::Timestamp::from_nanosecond(i128::from(SIX_NANOS) + 1_000_000_000 * i128::from(second))
                .unwrap();
        assert_eq!(line["time"], json!(format!("{time:.3}")));
        (second, line["before"].clone(), line["after"].clone())
    };
    (lines.into_iter().map(flip).collect(), totals)
}

#[test]
fn a_backtest_on_a_recorded_hour_lists_exactly_the_decisions_that_change() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let here = directory.path();
    record(here, &hot(70.0, 2.0), None);
    fs::write(here.join("candidate.toml"), hot(66.0, 4.0)).unwrap();
    let (flips, totals) = backtest(&["candidate.toml"], here);
    let (before, after) = (stands(70.0, 2.0), stands(66.0, 4.0));
    let wanted = expected(&before, &after);
    assert!(wanted.len() > 500 && wanted.len() < 3_000, "{} flips are a test", wanted.len());
    assert_eq!(flips, wanted);
    let count = |stands: &[bool]| stands.iter().filter(|stands| **stands).count();
    let tally = json!({ "before": count(&before), "after": count(&after), "flips": wanted.len() });
    assert_eq!((&totals["decisions"], &totals["rules"]["hot"]), (&json!(HOUR), &tally));
    println!("{} of {HOUR} decisions change: {tally}", wanted.len());

    // The same rules change nothing.
    fs::write(here.join("same.toml"), hot(70.0, 2.0)).unwrap();
    assert_eq!(backtest(&["same.toml"], here).0, []);
    // With others to compare with, what was in force does not matter; and a part of the hour is a part of the flips.
    fs::write(here.join("other.toml"), hot(68.0, 1.0)).unwrap();
    let (flips, _) = backtest(&["candidate.toml", "--against", "other.toml"], here);
    assert_eq!(flips, expected(&stands(68.0, 1.0), &after));
    let (flips, _) =
        backtest(&["candidate.toml", "--from", "2026-03-01T06:30:00Z", "--to", "2026-03-01T06:40:00Z"], here);
    let part: Vec<_> = wanted.into_iter().filter(|(second, ..)| (1_800..2_400).contains(second)).collect();
    assert_eq!(flips, part);
}

#[test]
fn a_backtest_compares_with_the_rules_that_were_in_force_at_the_time() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let here = directory.path();
    record(here, &hot(66.0, 0.0), Some((1_000, &hot(70.0, 0.0))));
    fs::write(here.join("candidate.toml"), hot(66.0, 0.0)).unwrap();
    let (flips, _) = backtest(&["candidate.toml"], here);
    let wanted: Vec<_> = expected(&stands(70.0, 0.0), &stands(66.0, 0.0))
        .into_iter()
        .filter(|(second, ..)| *second >= 1_000)
        .collect();
    assert!(!wanted.is_empty());
    assert_eq!(flips, wanted);
    // And the record shows who changed them.
    let shown = told(&watchkeeper(&["ledger", "show", "--data", "data", "--type", "input"], here));
    assert!(shown.contains("ben put rules"), "the change is on record");
}

#[test]
fn a_backtest_for_people_is_a_table() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let here = directory.path();
    record(here, &hot(70.0, 2.0), None);
    fs::write(here.join("candidate.toml"), hot(66.0, 4.0)).unwrap();
    let arguments = ["rules", "backtest", "candidate.toml", "--data", "data", "--to", "2026-03-01T06:00:20Z"];
    insta::assert_snapshot!("backtest", told(&watchkeeper(&arguments, here)));
}

#[test]
fn a_shadow_says_what_would_be_raised_while_it_happens_and_raises_nothing() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let here = directory.path();
    let mut recorder = begin(here, &hot(70.0, 2.0));
    for second in 1..=14 {
        recorder.note(second, &decided(second));
    }
    recorder.0.commit().unwrap();
    fs::write(here.join("candidate.toml"), hot(66.0, 4.0)).unwrap();
    let arguments = ["rules", "shadow", "candidate.toml", "--data", "data", "--seconds", "6", "--json"];
    let shadow = Command::new(env!("CARGO_BIN_EXE_watchkeeper"))
        .args(arguments)
        .current_dir(here)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The monitor goes on while it looks.
    std::thread::sleep(Duration::from_secs(2));
    for second in 15..=20 {
        recorder.note_at(second, Clock.wall().as_unix_nanos(), &decided(second));
    }
    recorder.0.commit().unwrap();
    let output = told(&shadow.wait_with_output().unwrap());
    let mut lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let totals = lines.pop().unwrap();
    let flips: Vec<_> = lines
        .iter()
        .map(|line| (line["decision"].as_u64().unwrap(), line["before"].clone(), line["after"].clone()))
        .collect();
    let mut wanted = expected(&stands(70.0, 2.0), &stands(66.0, 4.0));
    wanted.retain(|(second, ..)| (15..=20).contains(second));
    assert!(!wanted.is_empty());
    assert_eq!((flips, &totals["decisions"]), (wanted, &json!(6)));
}

#[test]
fn versions_are_put_in_force_taken_back_and_listed() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let here = directory.path();
    let run = |arguments: &[&str]| watchkeeper(&[&["rules"], arguments].concat(), here);
    assert!(told(&run(&["list", "rules.toml"])).contains("was ever in force"));
    for (max, reason) in [(70.0, "first"), (66.0, "wet")] {
        fs::write(here.join("rules.toml"), hot(max, 1.0)).unwrap();
        let output = told(&run(&["activate", "rules.toml", "--reason", reason]));
        assert!(output.starts_with("1 rule in force, version "), "{output}");
    }
    fs::write(here.join("broken.toml"), "[[rule]]\nid = \"hot\"\nwhen = \"heat > 3.0\"\n").unwrap();
    let why = refused(&run(&["activate", "broken.toml", "--for", "rules.toml", "--reason", "oh"]));
    assert!(
        why.contains("broken.toml cannot be used: line 3, column 9: rule hot: there is no \"heat\""),
        "{why}"
    );
    told(&run(&["rollback", "rules.toml", "--reason", "dry again", "--as", "ben"]));
    let listed = told(&run(&["list", "rules.toml"]));
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 4, "{listed}");
    for (line, parts) in lines.iter().skip(1).zip([
        ["in force", "ben", "went back", "dry again"],
        ["", "anna", "activated", "wet"],
        ["", "anna", "activated", "first"],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
    let why = refused(&run(&["rollback", "rules.toml", "--reason", "more"]));
    assert!(why.contains("there is nothing to go back to"), "{why}");
}

#[test]
fn a_check_says_what_each_rule_does_or_where_it_is_wrong() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let here = directory.path();
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules.md")).unwrap();
    let example = page.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0;
    fs::write(here.join("rules.toml"), example).unwrap();
    insta::assert_snapshot!("check", told(&watchkeeper(&["rules", "check", "rules.toml"], here)));
    fs::write(here.join("rules.toml"), example.replace("signals.amount", "signal.amount")).unwrap();
    let why = refused(&watchkeeper(&["rules", "check", "rules.toml"], here));
    assert!(
        why.contains("there is no \"signal\"; an expression speaks of agent, decision, signals"),
        "{why}"
    );
}
