//! The vehicles, and everything that their gates did.

use crate::{piped::Piped, told::Told};
use anyhow::{Context, Result};
use std::{collections::BTreeMap, path::Path, process::Command, time::Duration};
use watchkeeper_ledger::{ChainHash, Head};
use watchkeeper_model::{AgentId, AgentTime, ControlState};
use watchkeeper_tests::trace::{self, Line, Order};

/// The process with the vehicles, and what it told.
pub(crate) struct Fleet {
    config: trace::Fleet,
    pub(crate) process: Piped,
    lines: BTreeMap<AgentId, Vec<Line>>,
    late: BTreeMap<AgentId, Vec<(AgentTime, Duration)>>,
}

impl Fleet {
    pub(crate) fn start(config: trace::Fleet) -> Result<Self> {
        Ok(Self { process: run(&config)?, config, lines: BTreeMap::new(), late: BTreeMap::new() })
    }

    /// Starts the program again on the same state; its vehicles stand at the start of their roads and roll.
    pub(crate) fn start_again(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process = run(&self.config)?;
        Ok(())
    }

    /// The vehicles forget what they had on disk: only the monitor remembers.
    pub(crate) fn forget(&mut self) {
        self.config.state_dir = None;
    }

    pub(crate) fn vehicles(&self) -> &[AgentId] {
        &self.config.vehicles
    }

    /// Takes what was told since the last time.
    pub(crate) fn pump(&mut self, told: &mut Told) -> Result<()> {
        while let Some(heard) = self.process.hear()? {
            match heard {
                trace::Told::Line(line) => {
                    told.epochs.insert((line.vehicle.clone(), line.epoch));
                    self.lines.entry(line.vehicle.clone()).or_default().push(line);
                }
                trace::Told::Late { vehicle, at, by_nanos } => {
                    self.late.entry(vehicle).or_default().push((at, Duration::from_nanos(by_nanos)));
                }
                trace::Told::Head { sequence, hash } => told.head(Head { sequence, hash: ChainHash(hash) }),
                trace::Told::Durable { vehicle, boot_id, seq } => told.durable(vehicle, boot_id, seq),
            }
        }
        Ok(())
    }

    pub(crate) fn ask(&mut self, vehicle: &AgentId) -> Result<()> {
        self.process.say(&Order::Ask { vehicle: vehicle.clone() })
    }

    pub(crate) fn steady(&mut self, vehicle: &AgentId, steady: bool) -> Result<()> {
        self.process.say(&Order::Steady { vehicle: vehicle.clone(), steady })
    }

    /// Returns how a vehicle is now.
    pub(crate) fn now(&self, vehicle: &AgentId) -> Option<&Line> {
        self.lines.get(vehicle)?.last()
    }

    pub(crate) fn state(&self, vehicle: &AgentId) -> Option<ControlState> {
        self.now(vehicle).map(|line| line.state)
    }

    /// Returns how a vehicle was at a moment.
    pub(crate) fn at(&self, vehicle: &AgentId, at: AgentTime) -> Result<&Line> {
        let lines = self.lines.get(vehicle).map(Vec::as_slice).unwrap_or_default();
        let before = lines.partition_point(|line| line.at <= at);
        before
            .checked_sub(1)
            .and_then(|index| lines.get(index))
            .with_context(|| format!("{vehicle} was not there yet"))
    }

    /// Returns the steps of a vehicle after a moment.
    pub(crate) fn since(&self, vehicle: &AgentId, at: AgentTime) -> &[Line] {
        let lines = self.lines.get(vehicle).map(Vec::as_slice).unwrap_or_default();
        lines.get(lines.partition_point(|line| line.at <= at)..).unwrap_or_default()
    }

    /// Returns for how long the machine kept a vehicle waiting in a span: it cannot do anything meanwhile.
    pub(crate) fn kept_waiting(&self, vehicle: &AgentId, from: AgentTime, to: AgentTime) -> Duration {
        // What ends just after the span began in it.
        let to = to.after(Duration::from_millis(25));
        let late = self.late.get(vehicle).map(Vec::as_slice).unwrap_or_default();
        late.iter().filter(|(at, _)| (from..=to).contains(at)).map(|(_, by)| *by).sum()
    }

    /// Returns every step of every vehicle.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[Line]> {
        self.lines.values().map(Vec::as_slice)
    }
}

fn run(config: &trace::Fleet) -> Result<Piped> {
    let program = Path::new(env!("CARGO_BIN_EXE_vehicles"));
    Piped::start("vehicles", Command::new(program).arg(serde_json::to_string(config)?))
}
