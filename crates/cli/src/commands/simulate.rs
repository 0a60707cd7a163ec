//! `simulate`: simulated vehicles as agents of the monitor.

use crate::{
    connection::{ConnectionArguments, PersonArguments, operator, unauthorised},
    out::{count, say},
    shutdown::Shutdown,
};
use anyhow::{Context, bail, ensure};
use clap::Args;
use std::{fmt::Write, path::PathBuf, process::ExitCode, time::Duration};
use watchkeeper_client::{Endpoint, OperatorEvent};
use watchkeeper_model::{OperatorRole, PersonId};
use watchkeeper_protocol::{operator::ConsoleKind, session::ErrorCode};
use watchkeeper_simulator::{
    Outcome, Scenario, World,
    driver::{DriverOptions, DriverReport, drive},
    world::{Event, EventKind},
};

/// Most events of an outcome that are printed.
const EVENTS_PRINTED: usize = 20;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper simulate                          the main scenario, seed 1
  watchkeeper simulate ring-silent --seed 7
  watchkeeper simulate my-ring.toml --seconds 300

Exit code 0: the vehicles were let in and the time was played. 1: no monitor let any of them in.
The same seed gives the same world; real time and people decide what becomes of it.")]
pub(crate) struct SimulateArguments {
    /// Name of a scenario, or a file ending in .toml
    #[arg(default_value = Scenario::DEFAULT_NAME)]
    scenario: String,
    /// Chooses start positions and sensor noise
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How long to play [default: what the scenario suggests]
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Lists the scenarios and exits
    #[arg(long)]
    list: bool,
    /// Where the gates in the vehicles keep what must survive a restart
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

pub(crate) async fn run(arguments: SimulateArguments) -> anyhow::Result<ExitCode> {
    if arguments.list {
        for name in Scenario::names() {
            let scenario = Scenario::named(name)?;
            say(format_args!("{name:<22} {}", scenario.title()))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let scenario = scenario(&arguments.scenario)?;
    let played = arguments.seconds.map_or(scenario.duration(), Duration::from_secs);
    let mut options = DriverOptions::new(arguments.connection.endpoint()?);
    options.state_dir = arguments.state_dir;
    let mut shutdown = Shutdown::listen()?;
    say(format_args!(
        "{}: {} ({} s, seed {})",
        scenario.name(),
        scenario.title(),
        played.as_secs(),
        arguments.seed
    ))?;
    let world = World::new(&scenario, arguments.seed);
    let mut let_in = Ok(false);
    let report = drive(world, &options, async {
        tokio::select! {
            () = shutdown.wanted() => {}
            () = tokio::time::sleep(played) => {}
            refused = watch_for(&options, &mut let_in) => let_in = Err(refused),
        }
    })
    .await?;
    let let_in = let_in?;
    say(describe(&report, &options.prefix))?;
    ensure!(
        let_in,
        "no monitor let any of the vehicles in: nothing of this is on record. Is `watchkeeper serve` running at {}?",
        options.endpoint.url
    );
    Ok(ExitCode::SUCCESS)
}

/// Looks at the monitor until it shows a vehicle, and sets `let_in` then; returns only where that cannot happen.
///
/// The vehicles themselves go on without a monitor, so somebody else has to look: an observer, who leaves as
/// soon as he has seen one.
async fn watch_for(options: &DriverOptions, let_in: &mut anyhow::Result<bool>) -> anyhow::Error {
    match a_vehicle_is_seen(options.endpoint.clone(), &options.prefix).await {
        Ok(()) => {
            *let_in = Ok(true);
            std::future::pending().await
        }
        Err(refused) => refused,
    }
}

async fn a_vehicle_is_seen(endpoint: Endpoint, prefix: &str) -> anyhow::Result<()> {
    let person = PersonId::new("simulate").context("a name for the observer")?;
    let who = PersonArguments { person, role: OperatorRole::Observer };
    let mut operator = operator(endpoint, &who, ConsoleKind::Scripted);
    loop {
        match operator.next().await {
            // The token is good, and an agent's: nobody can look with it, and each vehicle hears for itself whether it is
            // let in.
            OperatorEvent::Refused(report) if report.message.as_str().ends_with("(rule: subject)") => break,
            OperatorEvent::Refused(report) if report.code == ErrorCode::Unauthorised => {
                return Err(unauthorised(&report));
            }
            OperatorEvent::Ended => bail!("the observer's session has ended"),
            OperatorEvent::Connected { .. }
            | OperatorEvent::Disconnected { .. }
            | OperatorEvent::Refused(_)
            | OperatorEvent::Message(_) => {}
        }
        let mut agents = operator.picture().agents();
        let is_seen = agents.any(|(agent, entry)| {
            agent.as_str().starts_with(prefix) && entry.status().offline_nanos.is_none()
        });
        if is_seen {
            break;
        }
    }
    operator.close().await;
    Ok(())
}

/// Finds a scenario by its name, or reads it from a file.
pub(crate) fn scenario(name: &str) -> anyhow::Result<Scenario> {
    if PathBuf::from(name).extension().is_none_or(|extension| extension != "toml") {
        return Ok(Scenario::named(name)?);
    }
    let text = std::fs::read_to_string(name).with_context(|| format!("reading the scenario {name}"))?;
    Scenario::parse(&text).with_context(|| format!("the scenario {name} cannot be played"))
}

/// Returns what a run came to, in words.
pub(crate) fn describe(report: &DriverReport, prefix: &str) -> String {
    let DriverReport { outcome, played, lost, decisions, dropped } = report;
    let mut text = format!(
        "played {:.1} s: {}, {}, {}, {}",
        played.as_secs_f64(),
        count(*decisions, "decision"),
        count(outcome.collisions, "collision"),
        count(outcome.near_misses, "near miss"),
        count(outcome.hard_brakings, "hard braking"),
    );
    let mut add = |line: String| writeln!(text, "\n{line}").map(|()| text.truncate(text.trim_end().len()));
    let least =
        |value: Option<f64>, unit| value.map_or("none".to_owned(), |value| format!("{value:.1} {unit}"));
    let lines = std::iter::once(format!(
        "smallest gap {}, smallest time to collision {}",
        least(outcome.smallest_gap_meters, "m"),
        least(outcome.smallest_ttc_secs, "s")
    ))
    .chain(
        (!lost.is_zero()).then(|| format!("this machine was too slow to play {:.1} s", lost.as_secs_f64())),
    )
    .chain((*dropped > 0).then(|| format!("{} may be missing in the record", count(*dropped, "decision"))))
    .chain(events(outcome, prefix));
    for line in lines {
        add(line).expect("a String takes every write");
    }
    text
}

fn events<'a>(outcome: &'a Outcome, prefix: &'a str) -> impl Iterator<Item = String> + 'a {
    let left_out = outcome.events.len().saturating_sub(EVENTS_PRINTED);
    let shown = outcome.events.iter().take(EVENTS_PRINTED).map(move |event| describe_event(event, prefix));
    shown.chain((left_out > 0).then(|| format!("  ... and {left_out} more")))
}

fn describe_event(event: &Event, prefix: &str) -> String {
    let what = match event.kind {
        EventKind::Collision => "collides with",
        EventKind::NearMiss => "nearly touches",
        EventKind::HardBraking => "brakes hard",
    };
    let other = event.other.map(|other| format!(" {prefix}{}", other + 1)).unwrap_or_default();
    let by = if event.supervised { " (under a drive from outside)" } else { "" };
    format!("  {:>6.1} s  {prefix}{} {what}{other}{by}", event.at.as_secs_f64(), event.vehicle + 1)
}
