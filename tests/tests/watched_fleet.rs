//! What the detectors find of a simulated fleet: one pipeline for each vehicle, in virtual time.

use std::time::Duration;
use watchkeeper_detect::{DetectSettings, Finding, Phase, Pipeline};
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, CauseClass, Confidence, Context, Decision, DecisionSeq, Label, MonoTime,
    Pose, SignalSpec,
};
use watchkeeper_simulator::{DecisionDraft, SIGNALS, Scenario, World};

/// What began at one vehicle, and when.
struct Raised {
    vehicle: usize,
    at: Duration,
    finding: Finding,
}

fn specs() -> Vec<SignalSpec> {
    SIGNALS.iter().map(|(name, unit)| SignalSpec { name: Label::cut(name), unit: Label::cut(unit) }).collect()
}

fn decision(draft: &DecisionDraft, seq: u64, now: MonoTime) -> Decision {
    let pose = Pose {
        x_meters: draft.pose.x_meters,
        y_meters: draft.pose.y_meters,
        heading_radians: draft.pose.heading_rad,
    };
    Decision {
        seq: DecisionSeq(seq),
        made_at: AgentTime::from_nanos(now.as_nanos()),
        action: Label::cut(draft.action.name()),
        confidence: Confidence::new(draft.confidence).ok(),
        alternatives: Vec::new(),
        signals: draft.signals.to_vec(),
        subject: None,
        context: Some(Context { pose: Some(pose), plan: Vec::new() }),
        waiting: None,
    }
}

/// Plays a scenario for so long and returns what was raised; every vehicle's heartbeats go on.
fn play(scenario: &str, seed: u64, span: Duration) -> Vec<Raised> {
    play_with(&DetectSettings::default(), scenario, seed, span)
}

fn play_with(settings: &DetectSettings, scenario: &str, seed: u64, span: Duration) -> Vec<Raised> {
    let mut world = World::new(&Scenario::named(scenario).expect("it is built in"), seed);
    let mut pipelines: Vec<Pipeline> = (1..=world.vehicles().len())
        .map(|number| {
            let agent = AgentId::new(&format!("vehicle-{number}")).expect("a good id");
            Pipeline::new(&agent, AgentKind::Vehicle, specs(), settings)
        })
        .collect();
    let (mut raised, mut found, mut seq) = (Vec::new(), Vec::new(), 0);
    for pipeline in &mut pipelines {
        pipeline.handle_connected(&mut found, MonoTime::from_nanos(1));
    }
    while world.time() < span {
        world.step();
        if !world.decides_now() {
            continue;
        }
        seq += 1;
        let at = world.time();
        let now = MonoTime::from_nanos(1).after(at);
        for (vehicle, pipeline) in pipelines.iter_mut().enumerate() {
            pipeline.handle_heartbeat(&mut found, now);
            if let Some(draft) = world.decide(vehicle) {
                pipeline.handle_decision(&decision(&draft, seq, now), &mut found, now);
            }
            let begun = found.drain(..).filter(|finding| finding.phase == Phase::Raised);
            raised.extend(begun.map(|finding| Raised { vehicle, at, finding }));
        }
    }
    raised
}

#[expect(clippy::print_stdout, reason = "a test says what it measured")]
fn print(raised: &[Raised]) {
    for Raised { vehicle, at, finding } in raised {
        println!(
            "{:.1} s, vehicle-{}: {} {} {}",
            at.as_secs_f64(),
            vehicle + 1,
            finding.cause,
            finding.subject,
            finding.explanation.text
        );
    }
}

#[test]
fn a_frozen_policy_is_found_within_five_seconds_and_nobody_else_is_blamed() {
    for seed in 1..=5 {
        let raised = play("ring-frozen-policy", seed, Duration::from_secs(39));
        print(&raised);
        let [only] = &raised[..] else { panic!("seed {seed}: {} findings", raised.len()) };
        assert_eq!((only.vehicle, only.finding.cause), (1, CauseClass::Stuck));
        assert!((20.0..25.0).contains(&only.at.as_secs_f64()), "{:?}", only.at);
    }
}

#[test]
fn a_frozen_sensor_is_found_within_five_seconds() {
    for seed in 1..=5 {
        let raised = play("ring-frozen-sensor", seed, Duration::from_secs(13));
        print(&raised);
        let first = raised.first().expect("it is found");
        assert_eq!((first.vehicle, first.finding.cause), (3, CauseClass::Stuck));
        assert_eq!(first.finding.subject.as_str(), "front_range");
        assert!((8.0..13.0).contains(&first.at.as_secs_f64()), "{:?}", first.at);
    }
}

/// Eight vehicles for an hour each. The z-score's scale of a closing speed decays while there is nothing ahead, and one that then
/// is hardly more than nothing is far from it: two findings within a minute, at one vehicle.
#[test]
fn a_calm_fleet_raises_next_to_nothing_in_an_hour() {
    let raised = play("ring-calm", 1, Duration::from_hours(1));
    print(&raised);
    assert_eq!(raised.len(), 2);
    for Raised { vehicle, finding, .. } in &raised {
        assert_eq!((*vehicle, finding.explanation.detector.as_str()), (0, "ewma_z"));
        assert_eq!(finding.subject.as_str(), "closing_speed");
    }
}

/// With a budget of an hour: in the first one nothing is known well enough, in the second at most eight are allowed to eight
/// vehicles.
#[test]
fn what_a_vehicle_never_did_before_keeps_to_its_budget() {
    let mut settings = DetectSettings::default();
    settings.vehicle.outlier.hours_per_false_alert = 1.0;
    let raised = play_with(&settings, "ring-calm", 1, Duration::from_hours(2));
    print(&raised);
    let by_stack = raised.iter().filter(|raised| raised.finding.explanation.detector.as_str() == "stack");
    let (early, late): (Vec<&Raised>, Vec<&Raised>) =
        by_stack.partition(|raised| raised.at < Duration::from_hours(1));
    assert!(early.is_empty(), "{}", early.len());
    assert!((1..=8).contains(&late.len()), "{}", late.len());
}
