//! What a vehicle says: eight signals, where it is and where it means to go; the same on every machine.

use uuid::Uuid;
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, Alternative, BootId, Confidence, Context, Decision, DecisionSeq, Label,
    PlanPoint, Pose, SignalSpec,
};
use watchkeeper_protocol::agent::{AgentHello, Heartbeat};

/// Each signal's name, unit, usual value, and by how much it wavers.
const SIGNALS: [(&str, &str, f64, f64); 8] = [
    ("speed", "m/s", 12.0, 1.0),
    ("gap", "m", 35.0, 2.0),
    ("lane_offset", "m", 0.05, 0.1),
    ("steering", "rad", 0.02, 0.04),
    ("acceleration", "m/s2", 0.1, 0.5),
    ("yaw_rate", "rad/s", 0.01, 0.03),
    ("battery", "%", 71.0, 0.2),
    ("sensor_age", "ms", 40.0, 8.0),
];
/// Where the speed and the gap stand among the signals.
pub(crate) const SPEED: usize = 0;
pub(crate) const GAP: usize = 1;
/// Ten decisions and heartbeats a second.
pub(crate) const PERIOD_NANOS: u64 = 100_000_000;
const PLAN_POINTS: u32 = 16;

pub(crate) fn agent_id(vehicle: usize) -> AgentId {
    AgentId::new(&format!("vehicle-{vehicle:03}")).unwrap()
}

pub(crate) fn boot_id(vehicle: usize) -> BootId {
    BootId(Uuid::from_u128(0x0190_0000_0000_0000 + vehicle as u128))
}

pub(crate) fn signals() -> Vec<SignalSpec> {
    let specs = SIGNALS.iter();
    specs.map(|(name, unit, ..)| SignalSpec { name: Label::cut(name), unit: Label::cut(unit) }).collect()
}

pub(crate) fn agent_now(seq: u64) -> AgentTime {
    AgentTime::from_nanos(seq * PERIOD_NANOS)
}

/// A number between -0.5 and 0.5 that looks like noise.
fn waver(seed: u64) -> f64 {
    let mixed = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as f64 / f64::from(1_u32 << 24) - 0.5
}

/// An ordinary decision.
pub(crate) fn decision(vehicle: usize, seq: u64) -> Decision {
    let seed = seq * 1_000 + vehicle as u64;
    let signals = SIGNALS.iter().zip(0_u64..);
    let along = 12.0 * seq as f64 / 10.0;
    let point = |step: u32| PlanPoint {
        x_meters: along + f64::from(step) * 2.5,
        y_meters: 3.5 + waver(seed + u64::from(step)),
    };
    Decision {
        seq: DecisionSeq(seq),
        made_at: agent_now(seq),
        action: Label::cut("keep_lane"),
        confidence: Some(Confidence::new(0.93 + 0.04 * waver(seed)).unwrap()),
        alternatives: ["change_left", "slow_down"]
            .map(|action| Alternative {
                action: Label::cut(action),
                confidence: Confidence::new(0.03 + 0.01 * waver(seed)).unwrap(),
            })
            .to_vec(),
        signals: signals
            .map(|((_, _, usual, width), signal)| usual + width * waver(seed * 8 + signal))
            .collect(),
        subject: None,
        context: Some(Context {
            pose: Some(Pose { x_meters: along, y_meters: 3.5, heading_radians: 0.01 * waver(seed) }),
            plan: (1..=PLAN_POINTS).map(point).collect(),
        }),
        waiting: None,
    }
}

pub(crate) fn heartbeat(vehicle: usize, seq: u64) -> Heartbeat {
    Heartbeat::autonomous(boot_id(vehicle), agent_now(seq))
}

pub(crate) fn hello(vehicle: usize) -> AgentHello {
    AgentHello {
        signals: signals(),
        ..AgentHello::first(
            agent_id(vehicle),
            AgentKind::Vehicle,
            boot_id(vehicle),
            Label::cut("pilot 2.4.1"),
        )
    }
}
