//! The judge: what really happened, whatever anybody reported.

use super::Drive;
use super::motion::{LENGTH_METERS, WIDTH_METERS};
use super::road::Road;
use super::vehicle::Vehicle;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A near miss is a time to collision below this, seconds (the AEB reference of UN R157's models).
pub const NEAR_MISS_TTC_SECS: f64 = 1.5;
/// ... or a distance below this, metres.
pub const NEAR_MISS_GAP_METERS: f64 = 1.0;
/// A braking harder than this is a hard one, m/s2: what R157 allows a minimal-risk manoeuvre.
pub const HARD_BRAKING_MPS2: f64 = 4.0;
/// An episode ends only when clearly over, so that one event is not counted twice.
const TTC_OVER_SECS: f64 = 2.5;
const GAP_OVER_METERS: f64 = 1.3;
const BRAKING_OVER_MPS2: f64 = 3.0;
/// Closing slower than this has no meaningful time to collision, m/s.
const CLOSING_MIN_MPS: f64 = 0.1;
/// Events kept in full; beyond it only the counts grow.
const EVENTS_KEPT: usize = 256;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// Two bodies touched.
    Collision,
    /// Two bodies nearly touched: time to collision below 1.5 s, or distance below 1 m.
    NearMiss,
    /// A vehicle braked harder than 4 m/s2.
    HardBraking,
}

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// When it began, from the start of the run.
    pub at: Duration,
    /// What.
    pub kind: EventKind,
    /// The vehicle that braked, or the one behind.
    pub vehicle: usize,
    /// The one ahead; `None` for a braking.
    pub other: Option<usize>,
    /// Whether `vehicle` was then under a drive from outside.
    pub supervised: bool,
}

/// What happened in a run so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Pairs of vehicles that collided.
    pub collisions: u32,
    /// Near misses, counted per episode.
    pub near_misses: u32,
    /// Brakings harder than 4 m/s2, counted per episode.
    pub hard_brakings: u32,
    /// Smallest distance between two bodies in each other's way, metres; `None` when there never were two.
    pub smallest_gap_meters: Option<f64>,
    /// Smallest time to collision, seconds; `None` when nobody ever closed in.
    pub smallest_ttc_secs: Option<f64>,
    /// The first 256 events, in order.
    pub events: Vec<Event>,
}

/// Watches the vehicles and keeps the outcome.
#[derive(Debug, Clone, Default)]
pub(super) struct Judge {
    pub(super) outcome: Outcome,
    near: BTreeSet<(usize, usize)>,
    collided: BTreeMap<(usize, usize), Duration>,
    braking: BTreeSet<usize>,
}

/// Two vehicles in each other's way at one instant.
struct Encounter {
    behind: usize,
    ahead: usize,
    gap_meters: f64,
    ttc_secs: Option<f64>,
}

impl Judge {
    /// Looks at the vehicles and returns the pairs (behind, ahead) that collided just now.
    pub(super) fn observe(
        &mut self,
        vehicles: &[Vehicle],
        road: &Road,
        now: Duration,
    ) -> Vec<(usize, usize)> {
        let mut crashes = Vec::new();
        for (one, first) in vehicles.iter().enumerate() {
            self.judge_braking(one, first, now);
            for (other, second) in vehicles.iter().enumerate().skip(one + 1) {
                if let Some(encounter) = meet((one, first), (other, second), road) {
                    let supervised = vehicles
                        .get(encounter.behind)
                        .is_some_and(|vehicle| vehicle.drive != Drive::Autonomous);
                    if self.judge_encounter(&encounter, supervised, now) {
                        crashes.push((encounter.behind, encounter.ahead));
                    }
                } else {
                    self.near.remove(&(one, other));
                }
            }
        }
        crashes
    }

    fn judge_braking(&mut self, index: usize, vehicle: &Vehicle, now: Duration) {
        let braking = -vehicle.motion.acceleration_mps2;
        if braking > HARD_BRAKING_MPS2 && self.braking.insert(index) {
            self.outcome.hard_brakings += 1;
            let supervised = vehicle.drive != Drive::Autonomous;
            self.note(Event {
                at: now,
                kind: EventKind::HardBraking,
                vehicle: index,
                other: None,
                supervised,
            });
        } else if braking < BRAKING_OVER_MPS2 {
            self.braking.remove(&index);
        }
    }

    /// Returns whether the encounter is a new collision.
    fn judge_encounter(&mut self, encounter: &Encounter, supervised: bool, now: Duration) -> bool {
        let pair = (encounter.behind.min(encounter.ahead), encounter.behind.max(encounter.ahead));
        let (gap, ttc) = (encounter.gap_meters, encounter.ttc_secs);
        let outcome = &mut self.outcome;
        outcome.smallest_gap_meters = Some(outcome.smallest_gap_meters.map_or(gap, |least| least.min(gap)));
        if let Some(ttc) = ttc {
            outcome.smallest_ttc_secs = Some(outcome.smallest_ttc_secs.map_or(ttc, |least| least.min(ttc)));
        }
        let event = |kind| Event {
            at: now,
            kind,
            vehicle: encounter.behind,
            other: Some(encounter.ahead),
            supervised,
        };
        if self.collided.contains_key(&pair) {
            return false;
        }
        if gap < 0.0 {
            self.collided.insert(pair, now);
            self.outcome.collisions += 1;
            self.note(event(EventKind::Collision));
            return true;
        }
        let near = gap < NEAR_MISS_GAP_METERS || ttc.is_some_and(|ttc| ttc < NEAR_MISS_TTC_SECS);
        let over = gap > GAP_OVER_METERS && ttc.is_none_or(|ttc| ttc > TTC_OVER_SECS);
        if near && self.near.insert(pair) {
            self.outcome.near_misses += 1;
            self.note(event(EventKind::NearMiss));
        } else if over {
            self.near.remove(&pair);
        }
        false
    }

    fn note(&mut self, event: Event) {
        if self.outcome.events.len() < EVENTS_KEPT {
            self.outcome.events.push(event);
        }
    }
}

/// Returns how two vehicles stand to each other, if their bodies overlap across the road.
fn meet(one: (usize, &Vehicle), other: (usize, &Vehicle), road: &Road) -> Option<Encounter> {
    let (first, second) = (&one.1.motion, &other.1.motion);
    if (first.offset_meters - second.offset_meters).abs() >= WIDTH_METERS {
        return None;
    }
    let forward = road.ahead(first.station_meters, second.station_meters, first.offset_meters);
    let backward = road.ahead(second.station_meters, first.station_meters, second.offset_meters);
    let (behind, ahead, distance, closing_mps) = if forward <= backward {
        (one.0, other.0, forward, first.speed_mps - second.speed_mps)
    } else {
        (other.0, one.0, backward, second.speed_mps - first.speed_mps)
    };
    let gap_meters = distance - LENGTH_METERS;
    let ttc_secs = (closing_mps > CLOSING_MIN_MPS).then(|| gap_meters.max(0.0) / closing_mps);
    Some(Encounter { behind, ahead, gap_meters, ttc_secs })
}
