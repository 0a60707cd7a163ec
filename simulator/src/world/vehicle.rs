//! One vehicle: where it is, what it senses, and what it is told to do.

use super::decision::DecisionDraft;
use super::drive::{Drive, Manoeuvre};
use super::faults::Effects;
use super::motion::{LateralPath, Motion};
use super::random::{Purpose, Random};
use super::road::{LANE_WIDTH_METERS, Lane, Pose, Road};
use super::sensors::Reading;
use super::status::STANDSTILL_MPS;
use super::traffic::{Body, Neighbour};
use std::time::Duration;

/// Offset at which a vehicle has pulled over, metres: its right side 0.1 m inside the road's edge.
pub(super) const EDGE_METERS: f64 = -LANE_WIDTH_METERS + super::motion::WIDTH_METERS / 2.0 + 0.1;
/// Room that hazard lights ask others to leave, metres: enough to steer around the vehicle from rest.
const HAZARD_ROOM_METERS: f64 = 10.0;
/// How fast others make that room, metres per second of hazard lights: asked for at once, it would be
/// hard braking.
const HAZARD_ROOM_MPS: f64 = 2.0;
/// Shortest way for changing lanes, metres, which steering from rest can follow.
const CHANGE_MIN_METERS: f64 = 12.0;
/// Time for changing lanes: at 15 m/s it means 1.3 m/s2 sideways.
const CHANGE_SECS: f64 = 4.0;

/// One vehicle of the world, as it truly is.
#[derive(Debug, Clone)]
pub struct Vehicle {
    pub(super) motion: Motion,
    pub(super) pose: Pose,
    pub(super) wanted_mps: f64,
    pub(super) lane: Lane,
    pub(super) path: LateralPath,
    pub(super) changed_lane_at: Option<Duration>,
    pub(super) drive: Drive,
    pub(super) effective: Drive,
    pub(super) effective_since: Duration,
    directive: Option<Drive>,
    /// No faster than this, whatever a person or a cap asks for.
    pub(super) limit_mps: Option<f64>,
    immobilised: bool,
    /// Since when its hazard lights are on because somebody wants them.
    pub(super) lit_since: Option<Duration>,
    pub(super) crashed: bool,
    pub(super) still_for: Duration,
    pub(super) calm_for: Duration,
    pub(super) leader: Option<Neighbour>,
    pub(super) reading: Reading,
    pub(super) effects: Effects,
    pub(super) decision: DecisionDraft,
    pub(super) sensor_noise: Random,
    pub(super) confidence_noise: Random,
}

impl Vehicle {
    /// Places a vehicle on its lane's centre, driving steadily.
    pub(super) fn place(
        seed: u64,
        index: usize,
        station_meters: f64,
        lane: Lane,
        wanted_mps: f64,
        road: &Road,
    ) -> Self {
        let motion = Motion {
            station_meters,
            offset_meters: lane.centre_meters(),
            heading_error_rad: 0.0,
            speed_mps: wanted_mps * 0.9,
            acceleration_mps2: 0.0,
            steering_rad: 0.0,
            travelled_meters: 0.0,
        };
        let pose = road.pose(station_meters, motion.offset_meters, 0.0);
        let mut sensor_noise = Random::stream(seed, index, Purpose::Sensors);
        let reading = Reading::take(&motion, None, &mut sensor_noise);
        Self {
            motion,
            pose,
            wanted_mps,
            lane,
            path: LateralPath::at(lane.centre_meters()),
            changed_lane_at: None,
            drive: Drive::Autonomous,
            effective: Drive::Autonomous,
            effective_since: Duration::ZERO,
            directive: None,
            limit_mps: None,
            immobilised: false,
            lit_since: None,
            crashed: false,
            still_for: Duration::ZERO,
            calm_for: Duration::ZERO,
            leader: None,
            reading,
            effects: Effects::default(),
            decision: DecisionDraft::first(pose, reading.values),
            sensor_noise,
            confidence_noise: Random::stream(seed, index, Purpose::Confidence),
        }
    }

    /// Returns where the middle of the rear axle is and where it faces.
    pub fn pose(&self) -> Pose {
        self.pose
    }

    /// Returns the place along the ring, metres from its start, along the line between the lanes.
    pub fn station_meters(&self) -> f64 {
        self.motion.station_meters
    }

    /// Returns the place across the road, metres left of the line between the lanes.
    pub fn offset_meters(&self) -> f64 {
        self.motion.offset_meters
    }

    /// Returns the true speed, m/s.
    pub fn speed_mps(&self) -> f64 {
        self.motion.speed_mps
    }

    /// Returns the true acceleration along the road, m/s2.
    pub fn acceleration_mps2(&self) -> f64 {
        self.motion.acceleration_mps2
    }

    /// Returns the true acceleration across the road, m/s2, left positive.
    pub fn lateral_acceleration_mps2(&self) -> f64 {
        self.motion.lateral_mps2()
    }

    /// Returns the true steering angle, radians, left positive.
    pub fn steering_rad(&self) -> f64 {
        self.motion.steering_rad
    }

    /// Returns the metres driven since the start of the run.
    pub fn travelled_meters(&self) -> f64 {
        self.motion.travelled_meters
    }

    /// Returns the speed the vehicle likes to drive at, m/s.
    pub fn wanted_mps(&self) -> f64 {
        self.wanted_mps
    }

    /// Returns the lane that holds the vehicle.
    pub fn lane(&self) -> Lane {
        Lane::at(self.motion.offset_meters)
    }

    /// Returns the true distance to the vehicle ahead, metres; `None` when none is within 200 m.
    pub fn gap_meters(&self) -> Option<f64> {
        self.leader.map(|leader| leader.gap_meters)
    }

    /// Returns the true speed at which that distance shrinks, m/s; `None` when none is within 200 m.
    pub fn closing_mps(&self) -> Option<f64> {
        self.leader.map(|leader| leader.closing_mps)
    }

    /// Returns the index of the vehicle ahead; `None` when none is within 200 m.
    pub fn leader(&self) -> Option<usize> {
        self.leader.map(|leader| leader.index)
    }

    /// Returns the signals last sampled, in the order of [`super::SIGNALS`], faults included.
    pub fn signals(&self) -> [f64; 7] {
        self.reading.values
    }

    /// Returns the drive last set.
    pub fn drive(&self) -> Drive {
        self.drive
    }

    /// Returns whether the vehicle has been in a collision; it then stays where it stops.
    pub fn has_crashed(&self) -> bool {
        self.crashed
    }

    /// Returns whether others see its hazard lights.
    pub fn shows_hazard_lights(&self) -> bool {
        self.effective.shows_hazard_lights() || self.crashed || self.lit_since.is_some()
    }

    pub(super) fn body(&self, now: Duration) -> Body {
        let by_drive = self.effective.shows_hazard_lights() || self.crashed;
        let since = by_drive.then_some(self.effective_since).into_iter().chain(self.lit_since).min();
        let lit_secs = since.map_or(0.0, |since| now.saturating_sub(since).as_secs_f64());
        Body {
            station_meters: self.motion.station_meters,
            offset_meters: self.motion.offset_meters,
            speed_mps: self.motion.speed_mps,
            wanted_mps: self.wanted_mps,
            lane: self.lane,
            clearance_meters: (lit_secs * HAZARD_ROOM_MPS).min(HAZARD_ROOM_METERS),
        }
    }

    pub(super) fn is_changing_lane(&self) -> bool {
        !self.path.is_driven(self.motion.travelled_meters)
    }

    /// Takes a drive; the same one again changes nothing.
    pub(super) fn set_drive(&mut self, drive: Drive, now: Duration) {
        let drive = drive.checked();
        if drive == self.drive {
            return;
        }
        self.drive = drive;
        match drive {
            Drive::Autonomous => {
                self.directive = None;
                self.immobilised = false;
            }
            Drive::Hold | Drive::SpeedCap(_) => self.directive = Some(drive),
            Drive::Fallback(_) | Drive::Manual { .. } => self.directive = None,
            Drive::Estop => {
                self.directive = None;
                self.immobilised = true;
            }
            Drive::Neutral => {}
            Drive::Human => {
                let present = Drive::SpeedCap(self.motion.speed_mps).checked();
                self.directive = self.directive.or(Some(present));
            }
        }
        let effective = if self.immobilised || self.crashed {
            Drive::Estop
        } else if drive == Drive::Human {
            self.directive.unwrap_or(Drive::Hold)
        } else {
            drive
        };
        if effective != self.effective {
            if matches!(self.effective, Drive::Manual { .. }) {
                // Whoever drives next starts from where the hands left it.
                self.lane = self.lane();
                self.path = LateralPath::at(self.motion.offset_meters);
            }
            self.effective = effective;
            self.effective_since = now;
            self.plan_across();
        }
    }

    /// Stops the vehicle for good after a collision at the speed both bodies share.
    pub(super) fn crash(&mut self, shared_mps: f64, now: Duration) {
        self.motion.speed_mps = shared_mps;
        self.crashed = true;
        self.effective = Drive::Estop;
        self.effective_since = now;
    }

    /// Plans the way across the road that a new drive needs: a stop in the middle of a lane change goes to
    /// the nearer lane while there is still road to do it, and who stands at the edge comes back.
    fn plan_across(&mut self) {
        match self.effective {
            Drive::Fallback(Manoeuvre::PullOver) | Drive::Manual { .. } => return,
            Drive::Autonomous
            | Drive::Hold
            | Drive::SpeedCap(_)
            | Drive::Fallback(Manoeuvre::StandStill | Manoeuvre::Comfortable | Manoeuvre::Emergency)
            | Drive::Estop
            | Drive::Neutral
            | Drive::Human => {}
        }
        let stop = self.effective.is_stop();
        if stop && self.is_changing_lane() {
            self.lane = self.lane();
        }
        let centre = self.lane.centre_meters();
        if self.path.leads_to(centre) && !stop {
            return;
        }
        if (self.motion.offset_meters - centre).abs() < 0.2 && !self.is_changing_lane() {
            self.path = LateralPath::at(centre);
            return;
        }
        let braking = self.effective.deceleration_mps2().unwrap_or(super::drive::HOLD_MPS2);
        let room = self.motion.speed_mps * self.motion.speed_mps / (2.0 * braking);
        let length = (0.7 * room).clamp(CHANGE_MIN_METERS, self.change_meters());
        self.path = LateralPath::from_here(&self.motion, centre, length);
    }

    /// Starts to move to an offset in a lane.
    pub(super) fn go_across(&mut self, lane: Lane, offset_meters: f64) {
        self.lane = lane;
        self.path = LateralPath::from_here(&self.motion, offset_meters, self.change_meters());
    }

    fn change_meters(&self) -> f64 {
        (CHANGE_SECS * self.motion.speed_mps).max(CHANGE_MIN_METERS)
    }

    /// Keeps the clocks of standing and of calm driving.
    pub(super) fn keep_clocks(&mut self, step: Duration) {
        let still = self.motion.speed_mps < STANDSTILL_MPS;
        self.still_for = if still { self.still_for + step } else { Duration::ZERO };
        self.calm_for = if super::status::is_calm(self) { self.calm_for + step } else { Duration::ZERO };
    }
}
