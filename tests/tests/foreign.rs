//! Clients of another language, written from `docs/protocol.md` alone, against the real monitor.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};
use watchkeeper_tests::process::{Monitor, Program};

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign");
const LIMIT: Duration = Duration::from_mins(2);

/// Returns the interpreter of the clients' own virtual environment, or `None` where Python is no part of the
/// machine and nobody insists on it.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn python() -> Option<PathBuf> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match MADE.get_or_init(|| environment().map_err(|error| format!("{error:#}"))) {
        Ok(python) => Some(python.clone()),
        Err(reason) => {
            let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
            let required = is("WATCHKEEPER_REQUIRE_PYTHON", "1") || is("CI", "true");
            assert!(!required, "{reason}");
            eprintln!("skipped: {reason}");
            None
        }
    }
}

/// Makes the environment, or takes the one that is there if it has what is required.
fn environment() -> Result<PathBuf> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign-python");
    let (python, stamp) = (directory.join("bin").join("python"), directory.join("requirements.installed"));
    let requirements = Path::new(CLIENTS).join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).context("reading requirements.txt")?;
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    if directory.exists() {
        fs::remove_dir_all(&directory).context("removing an old Python environment")?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&directory)).context(
        "python3 cannot make a virtual environment; on Debian: apt-get install python3 python3-venv",
    )?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(&requirements))
    .context("pip cannot install the Python clients' packages")?;
    fs::write(&stamp, wanted).context("noting what was installed")?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("{command:?} ended with {}: {out}{err}", output.status);
    }
    Ok(())
}

fn client(python: &Path, script: &str, arguments: &[&str]) -> Result<Program> {
    let mut command = Command::new(python);
    command.arg("-B").arg(Path::new(CLIENTS).join(script)).args(arguments);
    Program::start(script, command.env_remove("WATCHKEEPER_URL").env_remove("WATCHKEEPER_TOKEN_FILE"))
}

/// Runs a client against a monitor.
fn join(python: &Path, script: &str, monitor: &Monitor, arguments: &[&str]) -> Result<Program> {
    let token_file = monitor.token_file.to_str().context("the path of the token is UTF-8")?;
    let common = ["--url", &monitor.url, "--token-file", token_file, "--seconds", "100"];
    client(python, script, &[&common, arguments].concat())
}

/// Returns the events of this name.
fn events<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line.get("event").and_then(Value::as_str) == Some(name)).collect()
}

fn words<'a>(lines: &[&'a Value], field: &str) -> Vec<&'a str> {
    lines.iter().filter_map(|line| line.get(field).and_then(Value::as_str)).collect()
}

/// Says whether `wanted` occur in this order, others between them allowed.
fn in_order(found: &[&str], wanted: &[&str]) -> bool {
    let mut found = found.iter();
    wanted.iter().all(|word| found.any(|other| other == word))
}

#[test]
fn the_python_clients_agree_with_the_document_and_keep_its_rules() {
    let Some(python) = python() else { return };
    for script in ["agent.py", "console.py"] {
        let mut client = client(&python, script, &["--self-test"]).unwrap();
        assert!(client.wait(LIMIT).unwrap().success(), "{}", client.written());
        let lines = client.json_lines().unwrap();
        let examples = events(&lines, "self_test")[0]["examples"].as_u64().unwrap();
        let golden = include_str!("../../crates/protocol/tests/golden/v1.txt").lines().count();
        assert_eq!(usize::try_from(examples).unwrap(), golden, "{script} read every example");
    }
}

#[test]
fn decisions_of_a_python_agent_are_safe_in_the_record() {
    let Some(python) = python() else { return };
    let monitor = Monitor::start(&[]).unwrap();
    let mut agent = join(&python, "agent.py", &monitor, &["--once", "--name", "py-once"]).unwrap();
    assert!(agent.wait(LIMIT).unwrap().success(), "{}{}", agent.written(), monitor.program.written());
    let lines = agent.json_lines().unwrap();
    assert!(events(&lines, "done")[0]["durable"].as_u64().unwrap() >= 3);
    assert!(events(&lines, "error").is_empty(), "{}", agent.written());
}

#[test]
fn a_python_agent_is_taken_over_held_and_handed_back_by_a_python_operator() {
    let Some(python) = python() else { return };
    let monitor = Monitor::start(&[]).unwrap();
    let mut operator =
        join(&python, "console.py", &monitor, &["--agent", "py-agent", "--person", "py-operator"]).unwrap();
    let mut agent = join(&python, "agent.py", &monitor, &["--name", "py-agent"]).unwrap();
    let ended = (operator.wait(LIMIT), agent.wait(LIMIT));
    let story = format!("{}{}{}", operator.written(), agent.written(), monitor.program.written());
    assert!(ended.0.is_ok_and(|status| status.success()), "the operator: {story}");
    assert!(ended.1.is_ok_and(|status| status.success()), "the agent: {story}");

    let seen = operator.json_lines().unwrap();
    let takeover = |alert: &&Value| alert["agent"] == "py-agent" && alert["response"] == "takeover";
    assert!(events(&seen, "alert").iter().any(takeover), "an alert asked for the takeover: {story}");
    let hold: Vec<&Value> =
        events(&seen, "command_status").into_iter().filter(|update| update["kind"] == "hold").collect();
    assert!(in_order(&words(&hold, "state"), &["accepted", "completed"]), "{story}");
    assert!(in_order(&words(&events(&seen, "lease"), "lease"), &["granted", "ended"]), "{story}");

    let lived = agent.json_lines().unwrap();
    let states = words(&events(&lived, "state"), "state");
    let walk = ["autonomous", "requested", "claimed", "in_transition", "human", "autonomous"];
    assert!(in_order(&states, &walk), "{states:?}: {story}");
    let commands = words(&events(&lived, "command"), "kind");
    assert!(in_order(&commands, &["engage", "assume", "hold", "hand_back"]), "{commands:?}: {story}");
    let held: Vec<&Value> = events(&lived, "ack").into_iter().filter(|ack| ack["kind"] == "hold").collect();
    assert!(in_order(&words(&held, "state"), &["accepted", "completed"]), "{story}");
    assert!(events(&lived, "error").is_empty() && events(&seen, "error").is_empty(), "{story}");
}
