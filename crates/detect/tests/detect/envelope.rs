use crate::feed::{Feed, decision, names, noise};
use watchkeeper_detect::{DetectSettings, Finding, Phase};
use watchkeeper_model::{AgentKind, CauseClass, Context, Pose, Severity};

const SIGNALS: [(&str, &str); 4] =
    [("speed", "m/s"), ("acceleration", "m/s2"), ("gap", "m"), ("closing_speed", "m/s")];

/// A vehicle that drives east.
struct Vehicle {
    feed: Feed,
    x: f64,
}

impl Vehicle {
    fn of(kind: AgentKind, signals: &[(&str, &str)]) -> Self {
        Self { feed: Feed::new(kind, signals, &DetectSettings::default()), x: 0.0 }
    }

    fn new() -> Self {
        Self::of(AgentKind::Vehicle, &SIGNALS)
    }

    /// Decides once, a tenth of a second later, and returns what was found of its motion.
    fn drive(&mut self, [speed, acceleration, gap, closing]: [f64; 4]) -> Vec<Finding> {
        let feed = &mut self.feed;
        feed.now = feed.now.after(feed.period);
        self.x += speed.max(0.0) * 0.1;
        let wobble = 0.01 * noise(feed.next);
        let signals = [speed + wobble, acceleration + wobble, gap + wobble, closing + wobble];
        let mut decision = decision(feed.next, feed.now, &signals, Some(0.95 + wobble));
        let pose = Pose { x_meters: self.x, y_meters: 0.0, heading_radians: 0.0 };
        decision.context = Some(Context { pose: Some(pose), plan: Vec::new() });
        feed.next += 1;
        let mut found = Vec::new();
        feed.pipeline.handle_decision(&decision, &mut found, feed.now);
        found.retain(|finding| finding.cause == CauseClass::Envelope);
        found
    }

    fn drive_for(&mut self, count: usize, motion: [f64; 4]) -> Vec<Finding> {
        (0..count).flat_map(|_| self.drive(motion)).collect()
    }
}

#[test]
fn driving_at_a_distance_says_nothing() {
    let mut vehicle = Vehicle::new();
    assert_eq!(vehicle.drive_for(300, [14.0, 0.1, 25.0, 0.2]), []);
    assert_eq!(vehicle.drive_for(100, [0.0, 0.0, 2.0, 0.0]), []);
}

#[test]
fn a_place_that_jumps_is_found_at_once_and_over_a_second_later() {
    let mut vehicle = Vehicle::new();
    vehicle.drive_for(20, [14.0, 0.1, 60.0, 0.0]);
    vehicle.x += 40.0;
    let found = vehicle.drive([14.0, 0.1, 60.0, 0.0]);
    assert_eq!(names(&found), [(Phase::Raised, "position")]);
    let text = found[0].explanation.text.as_str();
    assert!(text.starts_with("the step of the position is 41.4 m, expected at most 4.9"), "{text}");
    assert_eq!(names(&vehicle.drive_for(12, [14.0, 0.1, 60.0, 0.0])), [(Phase::Cleared, "position")]);
}

#[test]
fn time_to_collision_is_gap_over_closing_speed() {
    let mut vehicle = Vehicle::new();
    vehicle.drive_for(20, [10.0, 0.1, 60.0, 0.0]);
    let found = vehicle.drive_for(3, [10.0, 0.1, 20.0, 10.0]);
    assert_eq!(names(&found), [(Phase::Raised, "time_to_collision")]);
    assert_eq!(found[0].severity, Severity::Warning);
    assert!((found[0].explanation.statistic - 2.0).abs() < 0.01, "{found:?}");
    let worse = vehicle.drive([10.0, 0.1, 11.0, 10.0]);
    assert!(names(&worse).contains(&(Phase::Worse, "time_to_collision")), "{worse:?}");
    assert_eq!(worse[0].severity, Severity::Critical);
    let why = &worse[0].explanation;
    assert_eq!(why.samples.last().map(|sample| sample.value), Some(why.statistic), "what led, not the gap");
    // Nothing closes any more: the last that was seen is told, and how bad it was.
    let over = vehicle.drive_for(12, [10.0, 0.1, 60.0, 0.0]);
    let over = over.iter().find(|finding| finding.subject.as_str() == "time_to_collision").unwrap();
    assert_eq!((over.phase, over.severity), (Phase::Cleared, Severity::Critical));
    assert!((over.explanation.statistic - why.statistic).abs() < 1e-9, "{over:?}");
}

/// By hand: 20 m/s behind a vehicle as fast. 20 x 0.5 + 2 x 0.25 / 2 + 21^2 / 12 - 20^2 / 16 = 22 m.
#[test]
fn the_safe_distance_is_that_of_the_formula() {
    let mut vehicle = Vehicle::new();
    assert_eq!(vehicle.drive_for(50, [20.0, 0.0, 22.3, 0.0]), []);
    let found = vehicle.drive_for(50, [20.0, 0.0, 21.7, 0.0]);
    assert_eq!(names(&found), [(Phase::Raised, "safe_distance")]);
    let why = &found[0].explanation;
    assert!((why.threshold - 22.0).abs() < 0.05, "{why:?}");
    assert!(
        why.text
            .as_str()
            .starts_with("the distance to the vehicle ahead is 21.69 m, expected at least 21.97 m"),
        "{why:?}"
    );
}

#[test]
fn jerk_is_the_mean_of_half_a_second() {
    let mut vehicle = Vehicle::new();
    vehicle.drive_for(20, [14.0, 0.0, 90.0, 0.0]);
    // One decision that is far off is 7 m/s2 in half a second at most: 14 m/s3.
    assert_eq!(vehicle.drive([14.0, -7.0, 90.0, 0.0]), []);
    assert_eq!(vehicle.drive_for(20, [14.0, 0.0, 90.0, 0.0]), []);
    let found = vehicle.drive_for(4, [14.0, -9.0, 90.0, 0.0]);
    assert_eq!(names(&found), [(Phase::Raised, "jerk")]);
    assert!((found[0].explanation.statistic - 18.0).abs() < 0.1, "{found:?}");
}

#[test]
fn what_is_no_vehicle_or_reports_in_other_units_is_not_watched() {
    for (kind, signals) in [
        (AgentKind::Generic, SIGNALS),
        (
            AgentKind::Vehicle,
            [("speed", "km/h"), ("acceleration", "g"), ("gap", "ft"), ("closing_speed", "km/h")],
        ),
    ] {
        let mut vehicle = Vehicle::of(kind, &signals);
        vehicle.drive_for(20, [10.0, 0.1, 60.0, 0.0]);
        assert_eq!(vehicle.drive_for(10, [10.0, 0.1, 2.0, 10.0]), []);
    }
}

#[test]
fn what_is_done_in_a_fallback_is_not_judged() {
    let mut vehicle = Vehicle::new();
    vehicle.drive_for(20, [14.0, 0.0, 90.0, 0.0]);
    let now = vehicle.feed.now;
    vehicle.feed.pipeline.handle_paused(true, &mut Vec::new(), now);
    assert_eq!(vehicle.drive_for(10, [14.0, -9.0, 3.0, 10.0]), []);
}
