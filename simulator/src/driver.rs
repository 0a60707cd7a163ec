//! Plays a world in real time, each vehicle an agent of the monitor over the public SDK.
//!
//! The world stays pure: this shell steps it by the clock, tells each vehicle the drive that its agent's
//! directive means, and reports and decides for it ten times a second. A seed gives the same world; how the
//! clock and the people interleave with it decides what becomes of it.

mod errands;
mod pilot;

pub use errands::{Errands, TASKS, Told};
pub use pilot::Pilot;

use crate::world::{DecisionDraft, MANUAL_TOP_MPS, Outcome, SIGNALS, VehicleStatus, World};
use std::{path::PathBuf, time::Duration};
use thiserror::Error;
use tokio::time::MissedTickBehavior;
use watchkeeper_client::{
    self as client, Agent, AgentOptions, DecideError, DriveLimits, Endpoint, Mode, StartError,
};
use watchkeeper_model::{
    AgentId, AgentKind, Alternative, Confidence, Context, IdError, Label, PlanPoint, Pose, TaskReport,
};

/// Most steps at once: a stalled machine loses time instead of playing it in a rush that nobody can watch.
const MOST_STEPS_AT_ONCE: u32 = 5;
/// How long the world waits for the monitor to lead every vehicle before it moves; vehicles start rolling.
const RECONCILE_WITHIN: Duration = Duration::from_secs(5);
/// How often the vehicles report while the world waits.
const WAITING_PERIOD: Duration = Duration::from_millis(100);

/// Where and as whom the vehicles connect.
#[derive(Clone, Debug)]
pub struct DriverOptions {
    /// The monitor.
    pub endpoint: Endpoint,
    /// What stands before the number, from 1, in the name of each vehicle.
    pub prefix: String,
    /// Where the gates keep what they must not forget; `None` keeps it in memory.
    pub state_dir: Option<PathBuf>,
    /// How fast a person may drive a vehicle from afar, and how slowly it obeys.
    pub drive: DriveLimits,
}

impl DriverOptions {
    /// Returns the options of vehicles called `vehicle-1`, `vehicle-2`, ... without a state directory.
    pub fn new(endpoint: Endpoint) -> Self {
        let drive = DriveLimits { top_speed_mps: MANUAL_TOP_MPS, ..DriveLimits::default() };
        Self { endpoint, prefix: "vehicle-".to_owned(), state_dir: None, drive }
    }
}

/// What a run in real time came to.
#[derive(Clone, Debug, PartialEq)]
pub struct DriverReport {
    /// What happened, as the world judges it.
    pub outcome: Outcome,
    /// How long the world was played, in its own time.
    pub played: Duration,
    /// Time that the machine was too slow to play.
    pub lost: Duration,
    /// Decisions that the vehicles made and sent.
    pub decisions: u64,
    /// Decisions that may be missing in the monitor's record.
    pub dropped: u64,
}

/// Says why the vehicles cannot drive.
#[derive(Debug, Error)]
pub enum DriverError {
    /// The prefix makes no agent's name.
    #[error("a vehicle cannot be called {name:?}")]
    Name {
        /// The name tried.
        name: String,
        /// Why not.
        source: IdError,
    },
    /// An agent cannot start.
    #[error("starting {name}")]
    Start {
        /// Which vehicle.
        name: String,
        /// Why not.
        source: StartError,
    },
}

/// Plays `world` in real time until `shutdown`, one agent a vehicle; then ends every agent in good order.
///
/// It goes on without a monitor: the gates in the vehicles then decide what is safe.
pub async fn drive(
    world: World,
    options: &DriverOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<DriverReport, DriverError> {
    let vehicles = connect(&world, options).await?;
    let mut driver = Driver { world, vehicles, lost: Duration::ZERO, decisions: 0 };
    tokio::select! {
        biased;
        () = shutdown => {}
        () = driver.play() => {}
    }
    Ok(driver.finish().await)
}

/// One vehicle: its agent, and what the agent's directive means to it.
struct Vehicle {
    agent: Agent,
    pilot: Pilot,
    errands: Errands,
}

impl Vehicle {
    fn tell(&self, told: Option<Told>) {
        match told {
            Some((command_id, TaskReport::Underway(percent), _)) => {
                self.agent.task_underway(command_id, percent);
            }
            Some((command_id, TaskReport::Done, _)) => self.agent.task_done(command_id),
            Some((command_id, TaskReport::Failed, why)) => {
                self.agent.task_failed(command_id, why.unwrap_or_default());
            }
            None => {}
        }
    }
}

struct Driver {
    world: World,
    vehicles: Vec<Vehicle>,
    lost: Duration,
    decisions: u64,
}

async fn connect(world: &World, options: &DriverOptions) -> Result<Vec<Vehicle>, DriverError> {
    let mut vehicles = Vec::with_capacity(world.vehicles().len());
    for index in 0..world.vehicles().len() {
        let name = format!("{}{}", options.prefix, index + 1);
        let agent = AgentId::new(&name).map_err(|source| DriverError::Name { name: name.clone(), source })?;
        let mut agent_options = AgentOptions::new(options.endpoint.clone(), agent, AgentKind::Vehicle)
            .with_signals(&SIGNALS)
            .with_tasks(&TASKS);
        agent_options.software_version =
            Label::cut(concat!("watchkeeper-simulator ", env!("CARGO_PKG_VERSION")));
        agent_options.state_dir.clone_from(&options.state_dir);
        // A directive is obeyed with the next step.
        let step_nanos = u64::try_from(world.step_length().as_nanos()).unwrap_or(u64::MAX);
        let actuation_nanos = options.drive.actuation_nanos.max(step_nanos);
        agent_options.drive = Some(DriveLimits { actuation_nanos, ..options.drive });
        if let Some(status) = world.status(index) {
            agent_options.world = reported(status);
        }
        let agent = Agent::connect(agent_options)
            .await
            .map_err(|source| DriverError::Start { name: name.clone(), source })?;
        vehicles.push(Vehicle { agent, pilot: Pilot::default(), errands: Errands::default() });
    }
    Ok(vehicles)
}

impl Driver {
    async fn play(&mut self) {
        self.wait_for_the_monitor().await;
        let step = self.world.step_length();
        let mut ticker = tokio::time::interval(step);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let started = ticker.tick().await;
        loop {
            ticker.tick().await;
            let owed = started.elapsed().saturating_sub(self.lost).saturating_sub(self.world.time());
            let steps = u32::try_from(owed.as_nanos() / step.as_nanos().max(1)).unwrap_or(u32::MAX);
            self.lost += step * steps.saturating_sub(MOST_STEPS_AT_ONCE);
            for _ in 0..steps.min(MOST_STEPS_AT_ONCE) {
                self.step();
            }
        }
    }

    /// Holds the world still until every vehicle has a leader, so that no start is a stop in traffic.
    async fn wait_for_the_monitor(&self) {
        let mut ticker = tokio::time::interval(WAITING_PERIOD);
        let reconciled = async {
            loop {
                ticker.tick().await;
                self.report();
                if self.vehicles.iter().all(|vehicle| vehicle.agent.directive().mode != Mode::SafePolicy) {
                    return;
                }
            }
        };
        if tokio::time::timeout(RECONCILE_WITHIN, reconciled).await.is_err() {
            tracing::warn!("no monitor leads every vehicle yet: they stop and wait for it");
        }
    }

    fn step(&mut self) {
        for (index, vehicle) in self.vehicles.iter_mut().enumerate() {
            let wanted_mps = self.world.vehicles().get(index).map_or(0.0, super::world::Vehicle::wanted_mps);
            let directive = vehicle.agent.directive();
            while let Some(event) = vehicle.agent.try_next_task() {
                let told = vehicle.errands.handle(event, &mut self.world, index);
                vehicle.tell(told);
            }
            let (before, drive) = vehicle.pilot.obey(directive, wanted_mps);
            if let Some(before) = before {
                self.world.set_drive(index, before);
            }
            let (drive, told) = vehicle.errands.drive(directive, drive, &mut self.world, index);
            self.world.set_drive(index, drive);
            vehicle.tell(told);
            self.world.limit_speed(index, directive.speed_cap_mps);
        }
        self.world.step();
        if self.world.decides_now() {
            self.report();
            self.decide();
        }
    }

    fn report(&self) {
        for (index, vehicle) in self.vehicles.iter().enumerate() {
            if let Some(status) = self.world.status(index) {
                vehicle.agent.report(reported(status));
            }
        }
    }

    fn decide(&mut self) {
        for (index, vehicle) in self.vehicles.iter().enumerate() {
            let Some(draft) = self.world.decide(index) else { continue };
            match vehicle.agent.decide(decided(&draft)) {
                Ok(_seq) => self.decisions += 1,
                // ESTOPPED: it decides nothing until a supervisor says so.
                Err(DecideError::Stopped) => {}
                Err(error) => tracing::error!(vehicle = index + 1, %error, "a decision was not taken"),
            }
        }
    }

    async fn finish(self) -> DriverReport {
        let mut dropped = 0;
        for vehicle in self.vehicles {
            dropped += vehicle.agent.status().dropped;
            vehicle.agent.close().await;
        }
        DriverReport {
            outcome: self.world.outcome().clone(),
            played: self.world.time(),
            lost: self.lost,
            decisions: self.decisions,
            dropped,
        }
    }
}

/// Returns what the gate asks for, from what a vehicle's sensors of motion say.
pub fn reported(status: VehicleStatus) -> client::World {
    client::World {
        standstill: status.standstill,
        stable: status.stable,
        progressing: Some(status.progressing),
        condition_reached: status.condition_reached,
        can_resume: status.can_resume,
        local_override: false,
    }
}

/// Turns a decision of the world into one that the SDK numbers and sends.
fn decided(draft: &DecisionDraft) -> client::DecisionDraft {
    let alternatives = draft.alternatives.iter().filter_map(|other| {
        let confidence = Confidence::new(other.probability).ok()?;
        Some(Alternative { action: Label::cut(other.action.name()), confidence })
    });
    let pose = Pose {
        x_meters: draft.pose.x_meters,
        y_meters: draft.pose.y_meters,
        heading_radians: draft.pose.heading_rad,
    };
    let plan = draft
        .plan
        .iter()
        .map(|point| PlanPoint { x_meters: point.x_meters, y_meters: point.y_meters })
        .collect();
    client::DecisionDraft {
        alternatives: alternatives.collect(),
        context: Some(Context { pose: Some(pose), plan }),
        ..client::DecisionDraft::new(
            draft.action.name(),
            Confidence::new(draft.confidence).ok(),
            draft.signals.to_vec(),
        )
    }
}
