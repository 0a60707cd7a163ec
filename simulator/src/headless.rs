//! Whole runs without a monitor, for tests and for comparing runs with and without a person.

use crate::scenario::Scenario;
use crate::world::{DECISION_PERIOD, Drive, Outcome, World};
use std::fmt;
use std::time::Duration;

/// A fingerprint of everything a run did: FNV-1a, 64 bits, over the exact bits of every number.
///
/// Equal runs have equal digests on every machine. It tells runs apart by accident, not by malice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl Digest {
    fn start() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, number: f64) {
        for byte in number.to_bits().to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn add_world(&mut self, world: &World) {
        for (index, vehicle) in world.vehicles().iter().enumerate() {
            let pose = vehicle.pose();
            for number in [pose.x_meters, pose.y_meters, pose.heading_rad, vehicle.speed_mps()] {
                self.add(number);
            }
            self.add(vehicle.acceleration_mps2());
            self.add(vehicle.steering_rad());
            if let Some(decision) = world.decide(index).filter(|_| world.decides_now()) {
                self.add(decision.confidence);
                decision.signals.into_iter().for_each(|signal| self.add(signal));
            }
        }
    }
}

/// A person who watches: takes over a vehicle whose confidence is low, stops it, and hands it back.
///
/// The simplest reader of the takeover procedure, without monitor or console; real runs go through those.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Person {
    /// Confidence below which the person is called, 0 to 1.
    pub called_below: f64,
    /// Time from the call to the first command.
    pub reacts_after: Duration,
    /// Time that the vehicle must have been able to resume before it is handed back.
    pub hands_back_after: Duration,
}

impl Default for Person {
    /// Reacts after 5.5 s, which 95 % of people manage (lognormal, median 2.4 s, sigma 0.5, about the
    /// spread of Zhang et al. 2019).
    fn default() -> Self {
        Self {
            called_below: 0.4,
            reacts_after: Duration::from_millis(5_500),
            hands_back_after: Duration::from_secs(1),
        }
    }
}

/// Plays a scenario with nobody watching.
pub fn run(scenario: &Scenario, seed: u64, duration: Duration) -> (Outcome, Digest) {
    play(scenario, seed, duration, None)
}

/// Plays the same scenario with a person who can stop a vehicle and hand it back.
pub fn run_attended(scenario: &Scenario, seed: u64, duration: Duration, person: Person) -> (Outcome, Digest) {
    play(scenario, seed, duration, Some(person))
}

fn play(scenario: &Scenario, seed: u64, duration: Duration, person: Option<Person>) -> (Outcome, Digest) {
    let mut world = World::new(scenario, seed);
    let mut digest = Digest::start();
    let mut attention = vec![Attention::Watching; scenario.vehicles()];
    while world.time() < duration {
        world.step();
        digest.add_world(&world);
        if let Some(person) = person.filter(|_| world.decides_now()) {
            for (index, attention) in attention.iter_mut().enumerate() {
                *attention = attention.attend(person, &mut world, index);
            }
        }
    }
    (world.outcome().clone(), digest)
}

/// What the person does about one vehicle.
#[derive(Debug, Clone, Copy)]
enum Attention {
    Watching,
    Called { remaining: Duration },
    Holding { resumable_for: Duration },
}

impl Attention {
    /// Looks at the vehicle once per decision.
    fn attend(self, person: Person, world: &mut World, index: usize) -> Self {
        match self {
            Attention::Watching => {
                let called =
                    world.decide(index).is_some_and(|decision| decision.confidence < person.called_below);
                if called { Attention::Called { remaining: person.reacts_after } } else { self }
            }
            Attention::Called { remaining } if remaining.is_zero() => {
                world.set_drive(index, Drive::Hold);
                Attention::Holding { resumable_for: Duration::ZERO }
            }
            Attention::Called { remaining } => {
                Attention::Called { remaining: remaining.saturating_sub(DECISION_PERIOD) }
            }
            Attention::Holding { resumable_for } if resumable_for >= person.hands_back_after => {
                world.set_drive(index, Drive::Autonomous);
                Attention::Watching
            }
            Attention::Holding { resumable_for } => {
                let ready = world.status(index).is_some_and(|status| status.can_resume && status.standstill);
                let resumable_for = if ready { resumable_for + DECISION_PERIOD } else { Duration::ZERO };
                Attention::Holding { resumable_for }
            }
        }
    }
}
