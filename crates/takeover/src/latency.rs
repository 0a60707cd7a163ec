//! Limits that follow the latency (`takeover.md` 2, rule 9): how fast a person may drive, and whether at all.
//!
//! The total is downlink + display + uplink + actuation: from something that the vehicle sees to the beginning of what
//! the person does about it. The arithmetic is that of the German remote driving rules (StVFernLV), where the way that
//! a vehicle covers within the total is held to what it covers in 200 ms at its top speed.
//!
//! Deliberately not here: how the total is measured (the monitor does), and clocks.

use std::time::Duration;

/// Above this total the speed is capped.
pub const CAPPED_ABOVE: Duration = Duration::from_millis(200);
/// Above this total nobody begins to drive.
pub const NOT_GRANTED_ABOVE: Duration = Duration::from_millis(500);
/// How old the newest figure may be; then the latency is not known. Figures come once a second, and half a second more
/// is what the network may make of that. Ours.
pub const UNKNOWN_AFTER: Duration = Duration::from_millis(1_500);
/// How long a better figure must have held before a cap rises: three figures in a row. Ours.
pub const HOLD_OFF: Duration = Duration::from_secs(3);

/// Returns how fast a vehicle with this top speed may be driven at this total; `None` where the latency sets no limit.
/// A top speed is finite and above 0; the cap is never above it.
pub fn speed_cap_mps(total: Duration, top_speed_mps: f64) -> Option<f64> {
    (total > CAPPED_ABOVE).then(|| top_speed_mps * CAPPED_ABOVE.as_secs_f64() / total.as_secs_f64())
}

/// Returns whether somebody may begin to drive at this total.
pub fn is_grantable(total: Duration) -> bool {
    total <= NOT_GRANTED_ABOVE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 50 km/h.
    const TOWN_MPS: f64 = 50.0 / 3.6;

    fn cap_kmh(millis: u64) -> Option<f64> {
        speed_cap_mps(Duration::from_millis(millis), TOWN_MPS).map(|mps| mps * 3.6)
    }

    #[test]
    fn the_cap_begins_exactly_above_200_ms_and_falls_with_the_latency() {
        assert_eq!(cap_kmh(0), None);
        assert_eq!(cap_kmh(200), None);
        assert!(speed_cap_mps(Duration::from_nanos(200_000_001), TOWN_MPS).is_some());
        for (millis, kmh) in [
            (201, 50.0 * 200.0 / 201.0),
            (250, 40.0),
            (400, 25.0),
            (500, 20.0),
            (501, 50.0 * 200.0 / 501.0),
            (1_000, 10.0),
        ] {
            let cap = cap_kmh(millis).unwrap();
            assert!((cap - kmh).abs() < 1e-9, "{millis} ms: {cap} km/h");
        }
    }

    #[test]
    fn the_longest_latency_still_has_a_cap() {
        let cap = speed_cap_mps(Duration::from_nanos(u64::MAX), TOWN_MPS).unwrap();
        assert!((0.0..1e-6).contains(&cap), "{cap}");
    }

    #[test]
    fn driving_is_granted_up_to_exactly_500_ms() {
        for (millis, grantable) in [(0, true), (200, true), (201, true), (500, true), (501, false)] {
            assert_eq!(is_grantable(Duration::from_millis(millis)), grantable, "{millis}");
        }
        assert!(!is_grantable(Duration::from_nanos(500_000_001)));
    }
}
