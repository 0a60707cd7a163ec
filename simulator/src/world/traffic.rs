//! Who is in whose way: a snapshot of all vehicles at one instant, and lane changes decided on it.

use super::following::{self, Ahead};
use super::motion::{LENGTH_METERS, WIDTH_METERS};
use super::road::{Lane, Road};

/// How far sensors see, metres; also what is reported when nothing is ahead.
pub const SENSOR_REACH_METERS: f64 = 200.0;
/// Sideways room between bodies below which one is in the other's way, metres.
const SIDE_ROOM_METERS: f64 = 0.2;
/// MOBIL (Kesting, Treiber and Helbing, TRR 1999 (2007) 86): weight of the others' gain.
const POLITENESS: f64 = 0.2;
/// Gain below which changing is not worth it, m/s2; above highway-env's 0.2, so that only a leader who is
/// clearly slower is overtaken and calm traffic keeps its lanes.
const GAIN_MPS2: f64 = 0.5;
/// Hardest braking a change may impose on anybody, m/s2 (highway-env).
const IMPOSED_BRAKING_MPS2: f64 = 2.0;

/// One vehicle in the snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    pub(super) station_meters: f64,
    pub(super) offset_meters: f64,
    pub(super) speed_mps: f64,
    pub(super) wanted_mps: f64,
    /// The lane it drives in or is changing to.
    pub(super) lane: Lane,
    /// Room that its hazard lights ask others to leave behind it, metres.
    pub(super) clearance_meters: f64,
}

/// The nearest vehicle ahead or behind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neighbour {
    pub(super) index: usize,
    pub(super) gap_meters: f64,
    pub(super) closing_mps: f64,
    pub(super) clearance_meters: f64,
}

impl Neighbour {
    fn ahead(self) -> Ahead {
        Ahead { gap_meters: self.gap_meters - self.clearance_meters, closing_mps: self.closing_mps }
    }
}

/// Finds what a vehicle would run into: the nearest body ahead that overlaps its own body, its lane, or
/// is about to. `None` beyond the sensors' reach.
pub(super) fn leader(bodies: &[Body], index: usize, road: &Road) -> Option<Neighbour> {
    let own = bodies.get(index)?;
    nearest_ahead(bodies, index, own, road, |other| {
        overlaps(own.offset_meters, other.offset_meters)
            || overlaps(own.lane.centre_meters(), other.offset_meters)
            || own.lane == other.lane
    })
}

/// Returns whether two offsets put bodies in each other's way.
fn overlaps(one_meters: f64, other_meters: f64) -> bool {
    (one_meters - other_meters).abs() < WIDTH_METERS + SIDE_ROOM_METERS
}

fn nearest_ahead(
    bodies: &[Body],
    index: usize,
    own: &Body,
    road: &Road,
    in_the_way: impl Fn(&Body) -> bool,
) -> Option<Neighbour> {
    bodies
        .iter()
        .enumerate()
        .filter(|(other, body)| *other != index && in_the_way(body))
        .map(|(other, body)| Neighbour {
            index: other,
            gap_meters: road.ahead(own.station_meters, body.station_meters, own.offset_meters)
                - LENGTH_METERS,
            closing_mps: own.speed_mps - body.speed_mps,
            clearance_meters: body.clearance_meters,
        })
        .min_by(|one, other| one.gap_meters.total_cmp(&other.gap_meters))
        .filter(|neighbour| neighbour.gap_meters < SENSOR_REACH_METERS)
}

fn leader_in(bodies: &[Body], index: usize, lane: Lane, road: &Road) -> Option<Neighbour> {
    let own = bodies.get(index)?;
    nearest_ahead(bodies, index, own, road, |other| is_in(other, lane))
}

fn is_in(body: &Body, lane: Lane) -> bool {
    body.lane == lane || overlaps(lane.centre_meters(), body.offset_meters)
}

/// Finds the nearest vehicle behind in a lane, with its gap to `index` and closing speed towards it.
fn follower_in(bodies: &[Body], index: usize, lane: Lane, road: &Road) -> Option<Neighbour> {
    let own = bodies.get(index)?;
    bodies
        .iter()
        .enumerate()
        .filter(|(other, body)| *other != index && is_in(body, lane))
        .map(|(other, body)| Neighbour {
            index: other,
            gap_meters: road.ahead(body.station_meters, own.station_meters, body.offset_meters)
                - LENGTH_METERS,
            closing_mps: body.speed_mps - own.speed_mps,
            clearance_meters: own.clearance_meters,
        })
        .min_by(|one, other| one.gap_meters.total_cmp(&other.gap_meters))
        .filter(|neighbour| neighbour.gap_meters < SENSOR_REACH_METERS)
}

/// Returns what a vehicle would accelerate by in the other lane, or `None` where changing is not safe:
/// somebody is beside it, or it or its new follower would have to brake harder than is fair.
pub(super) fn safe_change(bodies: &[Body], index: usize, road: &Road) -> Option<f64> {
    let own = bodies.get(index)?;
    let lane = own.lane.other();
    let ahead = leader_in(bodies, index, lane, road);
    if let Some(ahead) = ahead
        && ahead.gap_meters < LENGTH_METERS
    {
        return None;
    }
    let after = following::acceleration(own.speed_mps, own.wanted_mps, ahead.map(Neighbour::ahead));
    if let Some(behind) = follower_in(bodies, index, lane, road) {
        let follower = bodies.get(behind.index)?;
        let imposed = following::acceleration(follower.speed_mps, follower.wanted_mps, Some(behind.ahead()));
        if behind.gap_meters < LENGTH_METERS || imposed < -IMPOSED_BRAKING_MPS2 {
            return None;
        }
    }
    (after > -IMPOSED_BRAKING_MPS2).then_some(after)
}

/// Decides by MOBIL whether the other lane is worth changing to, given what the vehicle believes it can
/// accelerate by where it is.
pub(super) fn worth_changing(bodies: &[Body], index: usize, believed_mps2: f64, road: &Road) -> bool {
    let Some(own) = bodies.get(index) else { return false };
    let Some(after) = safe_change(bodies, index, road) else { return false };
    let lane = own.lane.other();
    let imposed = follower_in(bodies, index, lane, road).map_or(0.0, |behind| {
        let Some(follower) = bodies.get(behind.index) else { return 0.0 };
        let without = leader_in(bodies, behind.index, lane, road).map(Neighbour::ahead);
        following::acceleration(follower.speed_mps, follower.wanted_mps, Some(behind.ahead()))
            - following::acceleration(follower.speed_mps, follower.wanted_mps, without)
    });
    after - believed_mps2 + POLITENESS * imposed > GAIN_MPS2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(station_meters: f64, lane: Lane, speed_mps: f64) -> Body {
        Body {
            station_meters,
            offset_meters: lane.centre_meters(),
            speed_mps,
            wanted_mps: 15.0,
            lane,
            clearance_meters: 0.0,
        }
    }

    #[test]
    fn changing_is_safe_unless_somebody_there_would_have_to_brake_hard() {
        let road = Road::ring(1_000.0);
        let own = body(500.0, Lane::Right, 8.0);
        assert!(safe_change(&[own, body(300.0, Lane::Left, 15.0)], 0, &road).is_some());
        assert!(safe_change(&[own, body(470.0, Lane::Left, 15.0)], 0, &road).is_none(), "fast from behind");
        assert!(safe_change(&[own, body(498.0, Lane::Left, 8.0)], 0, &road).is_none(), "beside");
        assert!(safe_change(&[own, body(515.0, Lane::Left, 0.0)], 0, &road).is_none(), "a wall ahead");
    }

    #[test]
    fn only_a_clearly_slower_leader_makes_changing_worth_it() {
        let road = Road::ring(1_000.0);
        let bodies = [body(500.0, Lane::Right, 14.0)];
        assert!(worth_changing(&bodies, 0, -0.6, &road));
        assert!(!worth_changing(&bodies, 0, 0.2, &road));
    }

    #[test]
    fn a_vehicle_that_begins_to_cut_in_is_a_leader_already() {
        let road = Road::ring(1_000.0);
        let own = body(500.0, Lane::Right, 15.0);
        let mut other = body(530.0, Lane::Left, 15.0);
        assert!(leader(&[own, other], 0, &road).is_none());
        other.lane = Lane::Right;
        let seen = leader(&[own, other], 0, &road).expect("it is about to be in the way");
        assert!((25.0..26.0).contains(&seen.gap_meters), "{}", seen.gap_meters);
    }

    #[test]
    fn a_vehicle_beyond_the_start_of_the_ring_is_still_ahead() {
        let road = Road::ring(1_000.0);
        let bodies = [body(990.0, Lane::Right, 15.0), body(20.0, Lane::Right, 15.0)];
        assert_eq!(leader(&bodies, 0, &road).map(|seen| seen.index), Some(1));
        assert!(leader(&bodies, 1, &road).is_none(), "970 m away");
    }
}
