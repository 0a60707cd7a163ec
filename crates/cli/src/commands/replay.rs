//! `replay`: a recorded time series as an agent that decides nothing but obeys everything.

mod pace;
mod series;

use crate::{
    connection::{ConnectionArguments, unauthorised},
    out::{count, count_of, say},
    shutdown::Shutdown,
};
use anyhow::{Context, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use pace::Pace;
use series::{Row, Series};
use std::{fs::File, io::BufReader, path::PathBuf, process::ExitCode, time::Duration};
use tokio::time::{Interval, MissedTickBehavior};
use watchkeeper_client::{Agent, AgentOptions, DecideError, DecisionDraft, Mode, World};
use watchkeeper_model::{AgentId, AgentKind, Label, SignalSpec};
use watchkeeper_protocol::session::ErrorCode;
use watchkeeper_server::clock::Clock;

/// What a series "decides": nothing; it shows what was.
const ACTION: &str = "observe";
/// How often the state of the replay is reported when nothing changes: the gate confirms effects by it.
const REPORT_PERIOD: Duration = Duration::from_millis(200);
/// Bad rows that are printed; the others are only counted.
const BAD_ROWS_PRINTED: u64 = 10;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper replay machine_temperature.csv --agent press-1
  watchkeeper replay machine_temperature.csv --agent press-1 --speed 100000

The first line names the columns; the separator (, ; or tab) is found by itself. The first column is a time:
RFC 3339, YYYY-MM-DD HH:MM:SS (UTC), or a number of seconds. Empty cells are missing values; rows that cannot be
read are reported, skipped and counted. The agent obeys: held or fallen back it pauses and goes on where it was;
stopped (ESTOP) it sends no more decisions and keeps its heartbeats until Ctrl-C.")]
pub(crate) struct ReplayArguments {
    /// The series
    file: PathBuf,
    /// Name of the agent
    #[arg(long, value_name = "NAME")]
    agent: AgentId,
    /// How many times faster than recorded
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    speed: f64,
    /// What kind of agent: it chooses timers and detectors (generic, transaction, software_agent, vehicle)
    #[arg(long, value_name = "KIND", default_value = "generic")]
    kind: AgentKind,
    /// Where the gate keeps what must survive a restart
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

type FileSeries = Series<series::Rejoined<BufReader<File>>>;

pub(crate) async fn run(arguments: ReplayArguments) -> anyhow::Result<ExitCode> {
    ensure!(
        arguments.speed.is_finite() && arguments.speed > 0.0,
        "--speed {}: a speed is a number above 0",
        arguments.speed
    );
    let file = File::open(&arguments.file)
        .with_context(|| format!("opening the series {}", arguments.file.display()))?;
    let length = file.metadata().map_or(0, |found| found.len());
    let series = Series::new(BufReader::new(file))
        .with_context(|| format!("{} is no series", arguments.file.display()))?;
    let mut options =
        AgentOptions::new(arguments.connection.endpoint()?, arguments.agent.clone(), arguments.kind);
    options.signals = series
        .signals()
        .iter()
        .map(|name| SignalSpec { name: Label::cut(name), unit: Label::default() })
        .collect();
    options.software_version = Label::cut(concat!("watchkeeper-replay ", env!("CARGO_PKG_VERSION")));
    options.state_dir = arguments.state_dir;
    options.world = world(false);
    let mut shutdown = Shutdown::listen()?;
    say(format_args!(
        "{}: {} of {}",
        arguments.agent,
        count_of(options.signals.len(), "signal"),
        arguments.file.display()
    ))?;
    let agent = Agent::connect(options).await?;
    let mut replay = Replay::new(agent, series, arguments.speed, length);
    let done = tokio::select! {
        biased;
        () = shutdown.wanted() => Ok(()),
        done = refused(replay.agent.clone()) => Err(done),
        done = replay.play() => done,
    };
    replay.bar.finish_and_clear();
    replay.agent.close().await;
    say(format_args!("{} sent, {} skipped", count(replay.sent, "decision"), count(replay.bad_rows, "row")))?;
    done.map(|()| ExitCode::SUCCESS)
}

/// Waits until the monitor says that the token is wrong; then nothing more comes of waiting.
///
/// Once the series has been let in it waits for the monitor, also for one with another token.
async fn refused(agent: Agent) -> anyhow::Error {
    loop {
        let status = agent.status();
        if status.connected {
            return std::future::pending().await;
        }
        if let Some(report) = status.error
            && report.code == ErrorCode::Unauthorised
        {
            return unauthorised(&report);
        }
        tokio::time::sleep(REPORT_PERIOD).await;
    }
}

/// What the host of the series confirms: it stands whenever the replay is paused.
const fn world(paused: bool) -> World {
    World {
        standstill: true,
        stable: true,
        progressing: Some(true),
        condition_reached: paused,
        can_resume: true,
        local_override: false,
    }
}

/// Says whether the series goes on under a directive.
const fn goes_on(mode: Mode) -> bool {
    match mode {
        Mode::Autonomous | Mode::Human { hold: false } | Mode::Manual { .. } => true,
        Mode::SafePolicy
        | Mode::Human { hold: true }
        | Mode::Neutral
        | Mode::Fallback(_)
        | Mode::Held
        | Mode::Local
        | Mode::Estop => false,
    }
}

struct Replay {
    agent: Agent,
    series: FileSeries,
    pace: Pace,
    /// Reports at least so often.
    ticker: Interval,
    bar: ProgressBar,
    mode: Mode,
    sent: u64,
    bad_rows: u64,
}

impl Replay {
    fn new(agent: Agent, series: FileSeries, speed: f64, length: u64) -> Self {
        let bar = ProgressBar::new(length);
        let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {eta} left  {msg}")
            .expect("the template is a valid one");
        bar.set_style(style);
        let mut ticker = tokio::time::interval(REPORT_PERIOD);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mode = agent.directive().mode;
        Self { agent, series, pace: Pace::new(speed), ticker, bar, mode, sent: 0, bad_rows: 0 }
    }

    /// Plays the series to its end, and waits until the record holds all of it.
    async fn play(&mut self) -> anyhow::Result<()> {
        while let Some(row) = self.series.next_row().context("reading the series")? {
            match row {
                Ok(row) => self.show(row).await?,
                Err(bad) => {
                    self.bad_rows += 1;
                    if self.bad_rows <= BAD_ROWS_PRINTED {
                        self.tell(&format!("line {} skipped: {}", bad.line, bad.reason));
                    }
                }
            }
        }
        self.bar.set_position(self.series.read_to());
        self.wait_until_durable().await;
        Ok(())
    }

    /// Sends one row when its time has come and the directive allows it.
    async fn show(&mut self, row: Row) -> anyhow::Result<()> {
        self.bar.set_position(row.offset);
        loop {
            self.wait_for_the_turn(row.at_secs).await;
            self.wait_for_room().await;
            self.follow();
            if !goes_on(self.mode) {
                continue;
            }
            match self.agent.decide(DecisionDraft::new(ACTION, None, row.values.clone())) {
                Ok(_seq) => {
                    self.sent += 1;
                    return Ok(());
                }
                // Stopped in this very moment: the row waits for its release.
                Err(DecideError::Stopped) => self.follow(),
                Err(error) => return Err(error).context("sending a row of the series"),
            }
        }
    }

    /// Waits for the row's time, counted without the pauses.
    async fn wait_for_the_turn(&mut self, at_secs: f64) {
        loop {
            self.follow();
            let left = match self.pace.left(at_secs, Clock.now()) {
                Some(left) if goes_on(self.mode) => left,
                Some(_) | None => Duration::MAX,
            };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                biased;
                changed = self.agent.directive_changed() => if changed.is_err() { return },
                _at = self.ticker.tick() => self.agent.report(world(!goes_on(self.mode))),
                () = tokio::time::sleep(left.min(REPORT_PERIOD)) => {}
            }
        }
    }

    /// Waits while too much of what was sent is not safe in the record yet.
    async fn wait_for_room(&mut self) {
        let agent = self.agent.clone();
        let mut room = std::pin::pin!(agent.room());
        loop {
            tokio::select! {
                biased;
                () = &mut room => return,
                _at = self.ticker.tick() => {
                    self.follow();
                    self.agent.report(world(!goes_on(self.mode)));
                }
            }
        }
    }

    /// Takes the directive as it is now: pauses or goes on, and says so.
    fn follow(&mut self) {
        let mode = self.agent.directive().mode;
        let now = Clock.now();
        if goes_on(mode) {
            self.pace.go_on(now);
        } else {
            self.pace.pause(now);
        }
        if mode == self.mode {
            return;
        }
        self.agent.report(world(!goes_on(mode)));
        self.tell(describe(mode));
        self.mode = mode;
    }

    /// Waits until the record holds everything; stopped or held meanwhile, until that is over.
    async fn wait_until_durable(&mut self) {
        loop {
            self.follow();
            let agent = self.agent.clone();
            tokio::select! {
                biased;
                _at = self.ticker.tick() => self.agent.report(world(!goes_on(self.mode))),
                () = agent.all_durable(), if goes_on(self.mode) => return,
            }
        }
    }

    fn tell(&self, text: &str) {
        if self.bar.is_hidden() {
            tracing::info!("{text}");
        } else {
            self.bar.println(text);
        }
    }
}

const fn describe(mode: Mode) -> &'static str {
    match mode {
        Mode::SafePolicy => "waiting for the monitor",
        Mode::Autonomous => "playing",
        Mode::Human { hold: false } => "a person leads: playing",
        Mode::Human { hold: true } => "a person holds it: paused",
        Mode::Manual { .. } => "a person drives by hand: playing",
        Mode::Neutral => "the person in control is not there: paused",
        Mode::Fallback(_) => "fell back: paused",
        Mode::Held => "held until a person releases it: paused",
        Mode::Local => "somebody at the agent has it: paused",
        Mode::Estop => "STOPPED: no more decisions, heartbeats go on (Ctrl-C ends it)",
    }
}
