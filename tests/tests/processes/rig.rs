//! The parties of a test: the monitor, the vehicles, the consoles.

use crate::{desk::Desk, fleet::Fleet, ghost, hands::Hands, lead::Lead, record::Book, told::Told};
use anyhow::{Context, Result, ensure};
use std::{path::PathBuf, process::Command, thread, time::Duration};
use tempfile::TempDir;
use watchkeeper_client::console_now;
use watchkeeper_model::{AgentId, AgentTime, ControlState};
use watchkeeper_tests::{
    process::{Monitor, watchkeeper},
    trace,
};

/// T_link of a vehicle, and what is allowed on top.
pub(crate) const T_LINK: Duration = Duration::from_secs(2);
pub(crate) const MARGIN: Duration = Duration::from_millis(100);
/// Standstill counts after half a second; the gate hears of it at 10 Hz, and the vehicle moves in steps.
pub(crate) const CONFIRMED: Duration = Duration::from_millis(500 + 300);
/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a wait looks again.
const LOOK: Duration = Duration::from_millis(3);

/// How a span compares with what was allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) took: Duration,
    /// What of it was over the limit, and is the machine's: it kept the vehicle waiting for as long.
    pub(crate) excused: Duration,
}

/// Measures a span of a vehicle against its limit. What the machine did not let it do in time is not its fault.
pub(crate) fn measure(
    fleet: &Fleet,
    vehicle: &AgentId,
    (from, to): (AgentTime, AgentTime),
    limit: Duration,
) -> Result<Measured> {
    let took = to.since(from);
    let excused = took.saturating_sub(limit);
    let waited = fleet.kept_waiting(vehicle, from, to);
    ensure!(excused <= waited, "{vehicle} took {took:?} of {limit:?}, and waited {waited:?} for the machine");
    Ok(Measured { took, excused })
}

/// Returns the moment: monitor, vehicles and tests share the clock of the machine.
pub(crate) fn now() -> AgentTime {
    AgentTime::from_nanos(console_now().as_nanos())
}

/// Says whether the agent has fallen back.
pub(crate) fn is_fallen(state: ControlState) -> bool {
    matches!(state, ControlState::Fallback | ControlState::SafeHeld)
}

pub(crate) struct Rig {
    pub(crate) monitor: Monitor,
    pub(crate) fleet: Fleet,
    pub(crate) desks: Vec<Desk>,
    pub(crate) hands: Option<Hands>,
    pub(crate) told: Told,
    pub(crate) book: Book,
    config: String,
    runtime: tokio::runtime::Runtime,
    directory: TempDir,
}

impl Rig {
    /// Starts a monitor, vehicles called v1, v2, ... that like to drive at `speed_mps`, and a console for each of
    /// `people` (name and role).
    pub(crate) fn start(vehicles: usize, speed_mps: f64, people: &[(&str, &str)]) -> Result<Self> {
        Self::start_with(vehicles, speed_mps, people, "")
    }

    /// The same, with `more` in the monitor's configuration.
    pub(crate) fn start_with(
        vehicles: usize,
        speed_mps: f64,
        people: &[(&str, &str)],
        more: &str,
    ) -> Result<Self> {
        let directory = watchkeeper_canary::tempdir()?;
        let config = directory.path().join("config.toml");
        // One desk holds many: what is tested here is not the load of a person.
        std::fs::write(&config, format!("[load]\nleases_per_person = 32\n{more}"))?;
        let config = config.to_str().context("a path of words")?.to_owned();
        let monitor = Monitor::start(&["--config", &config])?;
        let fleet = trace::Fleet {
            url: monitor.url.clone(),
            token_file: monitor.token_file.display().to_string(),
            state_dir: Some(directory.path().join("gates").display().to_string()),
            vehicles: (1..=vehicles).map(|n| AgentId::new(&format!("v{n}"))).collect::<Result<_, _>>()?,
            speed_mps,
        };
        let fleet = Fleet::start(fleet)?;
        let desk =
            |(person, role): &(&str, &str)| Desk::open(person, role, &monitor.url, &monitor.token_file);
        let desks = people.iter().map(desk).collect::<Result<_>>()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (told, book) = (Told::default(), Book::default());
        let mut rig = Self { monitor, fleet, desks, hands: None, told, book, config, runtime, directory };
        rig.until("everybody is there", Self::is_settled)?;
        Ok(rig)
    }

    /// Lets somebody with hands sit down.
    pub(crate) fn seat_hands(&mut self) -> Result<()> {
        self.hands = Some(Hands::start("hana", &self.monitor.url, &self.monitor.token_file)?);
        Ok(())
    }

    /// Starts the monitor again, on the same data and port.
    pub(crate) fn restart_monitor(&mut self) -> Result<()> {
        let config = self.config.clone();
        self.monitor.start_again(&["--config", &config])
    }

    /// Takes what everybody said since the last time.
    pub(crate) fn pump(&mut self) -> Result<()> {
        self.fleet.pump(&mut self.told)?;
        for desk in &mut self.desks {
            desk.pump(&mut self.told)?;
        }
        if let Some(hands) = &self.hands {
            hands.pump(&mut self.told);
        }
        Ok(())
    }

    /// Goes on for a while.
    pub(crate) fn pass(&mut self, span: Duration) -> Result<()> {
        let end = now().after(span);
        while now() < end {
            self.pump()?;
            thread::sleep(LOOK.min(now().until(end)));
        }
        self.pump()
    }

    /// Goes on until something is so.
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) -> Result<()> {
        self.until_after(what, |rig| Ok(is_so(rig)))
    }

    /// Does something again and again until it says that it is done.
    pub(crate) fn until_after(
        &mut self,
        what: &str,
        mut step: impl FnMut(&mut Self) -> Result<bool>,
    ) -> Result<()> {
        let end = now().after(PATIENCE);
        while now() < end {
            self.pump()?;
            if step(self).with_context(|| format!("until {what}"))? {
                return Ok(());
            }
            thread::sleep(LOOK);
        }
        let vehicles: Vec<String> =
            self.fleet.vehicles().iter().map(|vehicle| format!("{:?}", self.fleet.now(vehicle))).collect();
        let refused = |desk: &Desk| format!("{}: {:?}", desk.person, desk.refused.last());
        let refused: Vec<String> = self.desks.iter().map(refused).collect();
        let errors = self.fleet.process.errors();
        let errors: Vec<&str> = errors.lines().rev().take(5).collect();
        anyhow::bail!(
            "waited too long until {what}:\n{}\nlast refused:\n{}\n{}",
            vehicles.join("\n"),
            refused.join("\n"),
            errors.join("\n")
        )
    }

    /// Says whether every console is in, and every vehicle is led by the monitor and may be claimed.
    pub(crate) fn is_settled(&self) -> bool {
        let settled = |vehicle: &AgentId| {
            self.fleet.now(vehicle).is_some_and(|line| line.connected)
                && self.desks.iter().all(|desk| {
                    desk.status(vehicle)
                        .is_some_and(|status| status.settled && status.offline_nanos.is_none())
                })
        };
        self.desks.iter().all(|desk| desk.connected) && self.fleet.vehicles().iter().all(settled)
    }

    /// Orders something and returns what became of it, the code of a refusal or nothing.
    pub(crate) fn ordered(
        &mut self,
        desk: usize,
        word: &str,
        vehicle: &AgentId,
        arguments: serde_json::Value,
    ) -> Result<Option<watchkeeper_model::CommandCode>> {
        let order = self.desks[desk].order(word, vehicle, arguments)?;
        self.until(&format!("{word} of {vehicle} has an end"), |rig| {
            rig.desks[desk].end(order).is_some() || rig.desks[desk].was_accepted(order)
        })?;
        Ok(self.desks[desk].end(order).and_then(|update| update.code))
    }

    /// Brings a vehicle into the hands of the person at a desk, driving.
    pub(crate) fn take_control(&mut self, desk: usize, vehicle: &AgentId) -> Result<()> {
        let mut lead = Lead::new(vehicle.clone(), desk);
        self.until_after(&format!("{vehicle} is led"), |rig| lead.take(rig))
    }

    /// Lets go of every fallback, in the name of the person at a desk, until every vehicle drives by itself.
    pub(crate) fn release_all(&mut self, desk: usize) -> Result<()> {
        let mut tried_at = AgentTime::default();
        self.until_after("every vehicle drives by itself", |rig| {
            let vehicles = rig.fleet.vehicles().to_vec();
            let held = |vehicle: &&AgentId| rig.fleet.state(vehicle) == Some(ControlState::SafeHeld);
            let held: Vec<AgentId> = vehicles.iter().filter(held).cloned().collect();
            if now().since(tried_at) > Duration::from_millis(300) {
                tried_at = now();
                for vehicle in held {
                    let reason = serde_json::json!({"reason": "the test goes on"});
                    rig.desks[desk].order("clear_latch", &vehicle, reason)?;
                }
            }
            Ok(vehicles.iter().all(|vehicle| rig.fleet.state(vehicle) == Some(ControlState::Autonomous)))
        })
    }

    /// Sends orders under old authority, and returns how they were refused.
    pub(crate) fn haunt(&self, olds: &[ghost::Old]) -> Result<Vec<ghost::Refusal>> {
        let person = &self.desks.first().context("somebody sits at a desk")?.person;
        let work = ghost::haunt(&self.monitor.url, &self.monitor.token_file, person, olds);
        self.runtime.block_on(work)
    }

    /// Runs `watchkeeper ledger replay`: every run of the monitor, also one that was killed, can be played again.
    pub(crate) fn replay_record(&self) -> Result<String> {
        let mut command = Command::new(watchkeeper()?);
        command.args(["ledger", "replay", "--data"]).arg(self.monitor.data.path());
        let output = command.output()?;
        let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
        ensure!(output.status.success(), "the record does not replay: {text}");
        Ok(text)
    }

    /// Runs `watchkeeper ledger verify` with every head that anybody was told.
    pub(crate) fn verify_record(&self) -> Result<String> {
        let heads: Vec<String> = self.told.heads().iter().map(ToString::to_string).collect();
        let file = self.directory().join("heads");
        std::fs::write(&file, heads.join("\n"))?;
        let mut command = Command::new(watchkeeper()?);
        command.args(["ledger", "verify", "--data"]).arg(self.monitor.data.path()).arg("--head").arg(&file);
        let output = command.output()?;
        let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
        ensure!(output.status.success(), "the record does not verify: {text}");
        Ok(text)
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }
}
