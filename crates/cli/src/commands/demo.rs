//! `demo`: the whole loop in one command, over real sockets, judged by its own record.

mod evidence;
mod script;
mod window;

use super::{ledger, serve, simulate, watch};
use crate::{
    connection::{PersonArguments, operator},
    out::say,
    record,
    shutdown::Shutdown,
};
use anyhow::Context;
use clap::Args;
use script::Script;
use std::{
    fs::Permissions,
    io::{IsTerminal, stdin, stdout},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tokio::{sync::watch as signal, task::JoinHandle};
use watchkeeper_client::{Endpoint, TokenSource};
use watchkeeper_ledger::{ChainHash, Head, verify};
use watchkeeper_model::{OperatorRole, PersonId};
use watchkeeper_protocol::{operator::ConsoleKind, session};
use watchkeeper_server::{RunningServer, ServeReport, Server, ServerOptions};
use watchkeeper_simulator::{
    Scenario, World,
    driver::{DriverError, DriverOptions, DriverReport, drive},
};
use window::Window;

/// How long a scripted demo lasts unless told otherwise: the fault begins at 8 s, a takeover takes about 20 s.
const HEADLESS_SECONDS: u64 = 60;
/// Who sits at the console of the demo, as the record names him.
const PERSON: &str = "demo";

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper demo                            monitor, eight vehicles, and the console in this terminal
  watchkeeper demo --window PROGRAM           the same with the console in a window
  watchkeeper demo --headless --seconds 60    a scripted operator instead; judged by the record it leaves

Headless, the exit code is 0 only if a takeover was raised, claimed, commanded (HOLD), obeyed and handed back, as
read back from the verified record, and if a replay of that record gives identical outputs.")]
pub(crate) struct DemoArguments {
    /// Plays a scripted operator (chosen by itself without a terminal)
    #[arg(long)]
    headless: bool,
    /// Opens this console program instead of the console in this terminal; closing it ends the demo
    #[arg(long, value_name = "PROGRAM", conflicts_with = "headless")]
    window: Option<PathBuf>,
    /// The map that the window shows
    #[arg(long, value_name = "FILE", requires = "window")]
    map: Option<PathBuf>,
    /// How long it lasts [default: 60 headless, else until you quit]
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Where the record goes [default: a fresh temporary directory, which is kept]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Name of a scenario (`simulate --list`), or a file ending in .toml
    #[arg(long, value_name = "NAME", default_value = Scenario::DEFAULT_NAME)]
    scenario: String,
    /// Chooses start positions and sensor noise
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Limits, timers and detectors, in TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl DemoArguments {
    /// Returns whether the console takes the whole terminal.
    pub(crate) fn draws(&self) -> bool {
        self.seat() == Seat::Terminal
    }

    fn seat(&self) -> Seat {
        match &self.window {
            Some(program) => Seat::Window(program.clone()),
            None if self.headless || !(stdin().is_terminal() && stdout().is_terminal()) => Seat::Script,
            None => Seat::Terminal,
        }
    }
}

/// Who sits at the console.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seat {
    /// Nobody: a script does what a person would.
    Script,
    /// Whoever started the demo, in this terminal.
    Terminal,
    /// Whoever started the demo, in a window of this program.
    Window(PathBuf),
}

/// Monitor and simulator, running.
struct Stage {
    server: RunningServer,
    endpoint: Endpoint,
    stop_driver: signal::Sender<bool>,
    driver: JoinHandle<Result<DriverReport, DriverError>>,
}

/// What monitor and simulator came to.
struct Played {
    server: ServeReport,
    driver: DriverReport,
}

pub(crate) async fn run(arguments: DemoArguments) -> anyhow::Result<ExitCode> {
    let mut shutdown = Shutdown::listen()?;
    let data = data_directory(&arguments)?;
    let scenario = simulate::scenario(&arguments.scenario)?;
    let seat = arguments.seat();
    if seat != Seat::Terminal {
        say(format_args!("{}: {} (seed {})", scenario.name(), scenario.title(), arguments.seed))?;
        say(format_args!("record in {}", data.display()))?;
    }
    let stage = Stage::set(&data, &arguments, &scenario).await?;
    let length = arguments.seconds.map(Duration::from_secs);
    match seat {
        Seat::Script => {
            let length = length.unwrap_or(Duration::from_secs(HEADLESS_SECONDS));
            play_script(stage, &data, length, &mut shutdown).await
        }
        Seat::Terminal => play_console(stage, &data, length.unwrap_or(Duration::MAX), &mut shutdown).await,
        Seat::Window(program) => {
            let map = arguments.map.as_deref();
            let opened = Window::new(&program, &stage.endpoint, PERSON, OperatorRole::Supervisor, map);
            let until = async {
                tokio::select! {
                    biased;
                    () = shutdown.wanted() => {}
                    () = tokio::time::sleep(length.unwrap_or(Duration::MAX)) => {}
                }
            };
            let shown = match opened {
                Ok(window) => window.show(until).await,
                Err(error) => Err(error),
            };
            end_console(stage, shown, &data).await
        }
    }
}

fn data_directory(arguments: &DemoArguments) -> anyhow::Result<PathBuf> {
    if let Some(data) = &arguments.data {
        return Ok(data.clone());
    }
    let owner_only = Permissions::from_mode(0o700);
    let directory = tempfile::Builder::new().prefix("watchkeeper-demo-").permissions(owner_only).tempdir();
    Ok(directory.context("making a temporary directory for the record")?.keep())
}

impl Stage {
    async fn set(data: &Path, arguments: &DemoArguments, scenario: &Scenario) -> anyhow::Result<Self> {
        let mut options = ServerOptions::new(data);
        options.listen.set_port(0);
        options.config = serve::config(arguments.config.as_deref())?;
        options.token_dir = Some(data.to_owned());
        options.head_file = Some(data.join("head"));
        let server = Server::start(options).await.context("starting the monitor")?;
        let endpoint = Endpoint::new(server.url(), TokenSource::File(server.token_file().to_owned()));
        let (stop_driver, mut stopped) = signal::channel(false);
        let driver_options = DriverOptions::new(endpoint.clone());
        let world = World::new(scenario, arguments.seed);
        let driver = tokio::spawn(async move {
            drive(world, &driver_options, async {
                // An error means that the stage is gone: then the vehicles go too.
                stopped.wait_for(|stop| *stop).await.map(drop).unwrap_or_default();
            })
            .await
        });
        Ok(Self { server, endpoint, stop_driver, driver })
    }

    /// Ends the vehicles, then the monitor, both in good order.
    async fn strike(self) -> anyhow::Result<Played> {
        self.stop_driver.send_replace(true);
        let driver =
            self.driver.await.context("waiting for the vehicles")?.context("driving the vehicles")?;
        let server = self.server.stop().await.context("running the monitor")?;
        Ok(Played { server, driver })
    }
}

async fn play_console(
    stage: Stage,
    data: &Path,
    length: Duration,
    shutdown: &mut Shutdown,
) -> anyhow::Result<ExitCode> {
    let who = PersonArguments { person: person(PERSON)?, role: OperatorRole::Supervisor };
    let operator = operator(stage.endpoint.clone(), &who, ConsoleKind::Text);
    let shown = tokio::select! {
        biased;
        () = shutdown.wanted() => Ok(()),
        () = tokio::time::sleep(length) => Ok(()),
        shown = watch::show(operator) => shown,
    };
    end_console(stage, shown, data).await
}

/// Ends the stage after a person's console, and says what it came to.
async fn end_console(stage: Stage, shown: anyhow::Result<()>, data: &Path) -> anyhow::Result<ExitCode> {
    let played = stage.strike().await?;
    shown?;
    say(simulate::describe(&played.driver, "vehicle-"))?;
    say(serve::describe(&played.server))?;
    say(follow_up(data))?;
    Ok(ExitCode::SUCCESS)
}

async fn play_script(
    stage: Stage,
    data: &Path,
    length: Duration,
    shutdown: &mut Shutdown,
) -> anyhow::Result<ExitCode> {
    let who = PersonArguments { person: person("script")?, role: OperatorRole::Operator };
    let operator = operator(stage.endpoint.clone(), &who, ConsoleKind::Scripted);
    let mut script = Script::new(operator);
    let told = tokio::select! {
        biased;
        () = shutdown.wanted() => Ok(()),
        () = tokio::time::sleep(length) => Ok(()),
        told = script.play() => told,
    };
    let story = script.leave().await;
    let played = stage.strike().await?;
    told?;
    say(format_args!("\nwhat happened\n{}", story.describe()))?;
    say(simulate::describe(&played.driver, "vehicle-"))?;
    say(format_args!("\nmonitor, {}", serve::describe(&played.server)))?;
    let heads: Vec<Head> = story.head.into_iter().chain([played.server.head]).map(kept).collect();
    say(format_args!("\nas the record has it ({})", data.display()))?;
    let is_proved = judge(data, &heads)?;
    say(format_args!("\n{}", follow_up(data)))?;
    say(if is_proved { "\nPASSED" } else { "\nFAILED" })?;
    Ok(if is_proved { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Verifies the record against the heads, reads the takeover back from it, and replays it twice.
fn judge(data: &Path, heads: &[Head]) -> anyhow::Result<bool> {
    let storage = record::open(data)?;
    let report = verify(&storage, heads)?;
    say(ledger::describe(&report))?;
    let is_sound = report.is_sound() && report.heads_matched >= heads.len() as u64;
    let evidence = evidence::read(&storage)?;
    say(&evidence)?;
    let [first, second] = [ledger::replay::replay(&storage)?, ledger::replay::replay(&storage)?];
    say(format_args!("replay: {first}"))?;
    let is_repeatable = first == second;
    say(if is_repeatable { "replayed again: the same" } else { "replayed again: DIFFERENT" })?;
    Ok(is_sound && evidence.is_complete() && first.is_identical() && is_repeatable)
}

/// Returns what to do with the record now, as commands for the shell.
fn follow_up(data: &Path) -> String {
    // The program may lie where no shell looks for it: in the folder that a build writes into.
    let program = std::env::current_exe().unwrap_or_else(|_unknown| PathBuf::from("watchkeeper"));
    let data = std::path::absolute(data).unwrap_or_else(|_unknown| data.to_owned());
    // The window console is built beside this program, if at all.
    let window = Some(program.with_file_name("watchkeeper-console")).filter(|window| window.is_file());
    let (program, head, data) = (quoted(&program), quoted(&data.join("head")), quoted(&data));
    let mut text = format!(
        "the record is kept; look at it with\n  {program} takeover list --data {data}\n  \
         {program} ledger verify --data {data} --head {head}"
    );
    if let Some(window) = window {
        text = format!("{text}\n  {} --replay {data}", quoted(&window));
    }
    text
}

/// Returns a path as one word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A head as the ledger's verifier takes it.
const fn kept(head: session::Head) -> Head {
    Head { sequence: head.sequence, hash: ChainHash(head.hash) }
}

fn person(name: &str) -> anyhow::Result<PersonId> {
    PersonId::new(name).with_context(|| format!("{name:?} as a person's name"))
}

#[cfg(test)]
mod tests {
    use super::quoted;
    use std::path::Path;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        assert_eq!(quoted(Path::new("/tmp/watchkeeper-demo-a1")), "/tmp/watchkeeper-demo-a1");
        assert_eq!(quoted(Path::new("/my data/it's")), r"'/my data/it'\''s'");
    }
}
