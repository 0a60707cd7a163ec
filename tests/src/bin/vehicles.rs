//! Vehicles that tell of every step of their gates; the agents of the authority tests.
//!
//! Each is the simulator's, alone on a road of its own, behind the public SDK like those of `watchkeeper simulate`.
//! The one argument is a [`Fleet`] as JSON; orders come in and lines go out, one JSON object each. It runs until its
//! input ends or it is killed.

use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeMap,
    io::{Write, stderr, stdout},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    sync::watch,
    time::MissedTickBehavior,
};
use watchkeeper_client::{Agent, AgentOptions, DecideError, DecisionDraft, Endpoint, TokenSource};
use watchkeeper_model::{AgentId, AgentKind, Confidence, DecisionSeq};
use watchkeeper_protocol::session::Head;
use watchkeeper_simulator::{
    Scenario, World,
    driver::{Pilot, reported},
};
use watchkeeper_tests::trace::{Fleet, Line, Order, Told};

/// A machine that stalls loses time rather than play it in a rush, as in the simulator's driver.
const MOST_STEPS_AT_ONCE: u32 = 5;
/// Less than this is no delay worth telling.
const IN_TIME: Duration = Duration::from_millis(20);

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_writer(stderr).with_ansi(false).init();
    let text = std::env::args().nth(1).context("the one argument is a fleet as JSON")?;
    let fleet: Fleet = serde_json::from_str(&text).context("reading the fleet")?;
    let mut orders = BTreeMap::new();
    for name in &fleet.vehicles {
        let (sender, receiver) = watch::channel(Wanted { steady: true, asked: 0 });
        let vehicle = Vehicle::start(&fleet, name.clone(), receiver).await?;
        tokio::spawn(vehicle.drive());
        orders.insert(name.clone(), sender);
    }
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let order: Order = serde_json::from_str(&line).with_context(|| format!("the order {line}"))?;
        let (name, change): (_, fn(&mut Wanted)) = match &order {
            Order::Ask { vehicle } => (vehicle, |wanted| wanted.asked += 1),
            Order::Steady { vehicle, steady: true } => (vehicle, |wanted| wanted.steady = true),
            Order::Steady { vehicle, steady: false } => (vehicle, |wanted| wanted.steady = false),
        };
        let Some(vehicle) = orders.get(name) else { bail!("there is no vehicle {name}") };
        vehicle.send_modify(change);
    }
    Ok(())
}

/// What the test wants of a vehicle.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    steady: bool,
    /// How many times it shall have asked for a person.
    asked: u32,
}

struct Vehicle {
    name: AgentId,
    agent: Agent,
    pilot: Pilot,
    world: World,
    lost: Duration,
    wanted: watch::Receiver<Wanted>,
    asked: u32,
    told: Option<Line>,
    head: Option<Head>,
    durable: DecisionSeq,
}

impl Vehicle {
    async fn start(fleet: &Fleet, name: AgentId, wanted: watch::Receiver<Wanted>) -> Result<Self> {
        let scenario = Scenario::parse(&format!(
            "name = \"alone\"\ntitle = \"One vehicle\"\nvehicles = 1\ncircumference_meters = 10000\n\
             desired_speed_mps = {:?}\ndesired_speed_spread = 0.0",
            fleet.speed_mps
        ))?;
        let world = World::new(&scenario, 1);
        let endpoint = Endpoint::new(fleet.url.clone(), TokenSource::File(fleet.token_file.clone().into()));
        let mut options = AgentOptions::new(endpoint, name.clone(), AgentKind::Vehicle);
        options.state_dir = fleet.state_dir.clone().map(Into::into);
        options.world = reported(world.status(0).context("the world has a vehicle")?);
        let agent = Agent::connect(options).await?;
        let mut vehicle = Self {
            name,
            agent,
            pilot: Pilot::default(),
            world,
            lost: Duration::ZERO,
            wanted,
            asked: 0,
            told: None,
            head: None,
            durable: DecisionSeq(0),
        };
        // How it begins, before any monitor has said a word.
        vehicle.tell()?;
        Ok(vehicle)
    }

    async fn drive(mut self) -> Result<()> {
        let step = self.world.step_length();
        let mut ticker = tokio::time::interval(step);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let started = ticker.tick().await;
        let mut agent = self.agent.clone();
        let mut ticked_at = self.agent.now();
        loop {
            tokio::select! {
                // What the gate says is told with the moment at which it was said.
                biased;
                changed = agent.directive_changed() => drop(changed?),
                _at = ticker.tick() => {
                    let at = self.agent.now();
                    let late = at.since(std::mem::replace(&mut ticked_at, at)).saturating_sub(step);
                    if late > IN_TIME {
                        let by_nanos = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
                        say(&Told::Late { vehicle: self.name.clone(), at, by_nanos })?;
                    }
                    let owed = started.elapsed().saturating_sub(self.lost).saturating_sub(self.world.time());
                    let steps = u32::try_from(owed.as_nanos() / step.as_nanos().max(1)).unwrap_or(u32::MAX);
                    self.lost += step * steps.saturating_sub(MOST_STEPS_AT_ONCE);
                    for _ in 0..steps.min(MOST_STEPS_AT_ONCE) {
                        self.step()?;
                    }
                }
            }
            self.tell()?;
        }
    }

    fn step(&mut self) -> Result<()> {
        let wanted_mps =
            self.world.vehicles().first().map_or(0.0, watchkeeper_simulator::world::Vehicle::wanted_mps);
        let (before, drive) = self.pilot.obey(self.agent.directive(), wanted_mps);
        for drive in before.into_iter().chain([drive]) {
            self.world.set_drive(0, drive);
        }
        self.world.step();
        if !self.world.decides_now() {
            return Ok(());
        }
        let wanted = *self.wanted.borrow();
        let mut world = reported(self.world.status(0).context("the world has a vehicle")?);
        world.stable &= wanted.steady;
        self.agent.report(world);
        if self.asked < wanted.asked {
            self.asked = wanted.asked;
            self.agent.request_intervention("the test wants a person");
        }
        match self.agent.decide(DecisionDraft::new("drive", Confidence::new(0.95).ok(), Vec::new())) {
            Ok(_) | Err(DecideError::Stopped) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Tells what is other than it was.
    fn tell(&mut self) -> Result<()> {
        let status = self.agent.status();
        let at = self.agent.now();
        let directive = self.agent.directive();
        let motion = self.world.status(0).context("the world has a vehicle")?;
        let line = Line {
            at,
            vehicle: self.name.clone(),
            boot_id: status.boot_id,
            connected: status.connected,
            state: status.control_state,
            epoch: status.epoch,
            does: directive.into(),
            cap_mps: directive.ordered_cap_mps,
            latches: status.latches,
            demand: status.demand.map(|(demand, left)| (demand, at.after(left))),
            speed_mps: self
                .world
                .vehicles()
                .first()
                .map_or(0.0, watchkeeper_simulator::world::Vehicle::speed_mps),
            stopping_secs: motion.stopping_time_secs,
            standstill: motion.standstill,
        };
        if self.told.as_ref().is_none_or(|told| !line.is_like(told)) {
            if self.told.as_ref().is_none_or(|told| told.boot_id != line.boot_id) {
                self.durable = DecisionSeq(0);
            }
            say(&Told::Line(line.clone()))?;
            self.told = Some(line);
        }
        if let Some(head) = status.head.filter(|head| self.head != Some(*head)) {
            self.head = Some(head);
            say(&Told::Head { sequence: head.sequence, hash: head.hash })?;
        }
        if status.durable_seq > self.durable {
            self.durable = status.durable_seq;
            let (vehicle, boot_id, seq) = (self.name.clone(), status.boot_id, status.durable_seq);
            say(&Told::Durable { vehicle, boot_id, seq })?;
        }
        Ok(())
    }
}

fn say(told: &Told) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{}", serde_json::to_string(told)?)?;
    Ok(out.flush()?)
}
