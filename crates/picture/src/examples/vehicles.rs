//! The examples' vehicles: what they report, and how they stand.

use super::{
    agent, label,
    monitor::{Monitor, millis, monitor_clock},
    motion::{Motion, Road, noise},
};
use std::time::Duration;
use uuid::Uuid;
use watchkeeper_model::{
    AgentKind, AgentTime, BootId, Confidence, ControlState, DecisionSeq, SignalSpec, StateVersion, TaskVerb,
};
use watchkeeper_protocol::operator::{AgentStatus, ClockOffset, Telemetry};

/// The simulator's tasks.
const TASKS: [TaskVerb; 2] = [TaskVerb::Hazards, TaskVerb::Goto];
/// The simulator's signals, with the deviation of their noise.
const SIGNALS: [(&str, &str, f64); 7] = [
    ("speed", "m/s", 0.02),
    ("acceleration", "m/s2", 0.03),
    ("steering", "rad", 0.000_5),
    ("gap", "m", 0.05),
    ("closing_speed", "m/s", 0.05),
    ("front_range", "m", 0.15),
    ("odometer_speed", "m/s", 0.08),
];
/// Length of every vehicle, as in the simulator.
const LENGTH_METERS: f64 = 4.5;
/// Range sensors see so far.
const REACH_METERS: f64 = 200.0;

/// What stands in a speed sensor that froze.
pub(super) const FROZEN_MPS: f64 = 12.6;

/// One vehicle of an example.
#[derive(Clone, Debug)]
pub(super) struct Vehicle {
    pub(super) name: String,
    pub(super) seed: u64,
    pub(super) motion: Motion,
    /// Metres from its bumper to the next one's, about.
    pub(super) gap_meters: f64,
    /// Its speed signal has stood still for so long.
    pub(super) frozen_for: Option<Duration>,
    /// It is driven by hand since so long: it no longer keeps to the middle of its lane.
    pub(super) manual_for: Option<Duration>,
    /// How sure it is, about.
    pub(super) sure: f64,
    /// How odd it has looked, and since when.
    pub(super) odd: Option<(f64, Duration)>,
    /// Its last decision came so long before the example is looked at, at least.
    pub(super) silent_for: Duration,
}

impl Vehicle {
    /// Returns one that cruises on the simulator's ring, number `index` of `count` on it, both from 0.
    pub(super) fn cruising(name: &str, road: Road, index: u64, count: u64) -> Self {
        let spacing = road.length_meters() / count as f64;
        let uneven = noise(index, 1, spacing / 12.0);
        Self {
            name: name.to_owned(),
            seed: index + 1,
            motion: Motion {
                road,
                station_meters: index as f64 * spacing + uneven,
                cruise_mps: 12.9,
                phase: 0.7 * index as f64,
                braking: None,
            },
            gap_meters: spacing - LENGTH_METERS,
            frozen_for: None,
            manual_for: None,
            sure: 0.97,
            odd: None,
            silent_for: millis(40 + 7 * (index % 8)),
        }
    }

    /// Returns how it stands when nothing is wrong with it.
    pub(super) fn status(&self) -> AgentStatus {
        let signals =
            SIGNALS.iter().map(|(name, unit, _)| SignalSpec { name: label(name), unit: label(unit) });
        AgentStatus {
            signals: signals.collect(),
            tasks: TASKS.to_vec(),
            ..nominal(&self.name, AgentKind::Vehicle, self.seed)
        }
    }

    /// Returns what it reported `ago` before the example is looked at, as its decision number `seq`.
    pub(super) fn telemetry(&self, seq: u64, ago: Duration) -> Telemetry {
        let time = 0.0 - ago.as_secs_f64();
        let (station, speed, acceleration) = self.motion.at(time);
        let aside = self.aside(time);
        let shown_speed = match self.frozen_for {
            Some(span) if ago < span => FROZEN_MPS,
            Some(_) | None => speed + self.noise(seq, 0),
        };
        let gap = (self.gap_meters + 3.0 * (0.1 * time + self.motion.phase).sin()).min(REACH_METERS);
        let signals = vec![
            shown_speed.max(0.0),
            acceleration + self.noise(seq, 1),
            self.motion.road.steering_radians() + self.noise(seq, 2) + 0.02 * aside,
            gap + self.noise(seq, 3),
            -0.3 * (0.1 * time + self.motion.phase).cos() + self.noise(seq, 4),
            gap + self.noise(seq, 5),
            (speed + self.noise(seq, 6)).max(0.0),
        ];
        let action = match (speed, acceleration) {
            (speed, _) if speed < 0.1 => "hold",
            (_, acceleration) if acceleration < -0.4 => "brake",
            (_, acceleration) if acceleration > 0.4 => "accelerate",
            (_, _) => "keep",
        };
        let odd = self.odd.filter(|(_, since)| ago <= *since).map_or(0.02, |(odd, since)| {
            // It grows within a second.
            odd * (since.saturating_sub(ago).as_secs_f64() + 0.1).min(1.0)
        });
        let doubt = if odd > 0.1 { 0.35 * odd } else { 0.0 };
        Telemetry {
            agent: agent(&self.name),
            seq: DecisionSeq(seq),
            received_at: monitor_clock(ago + millis(2)),
            action: label(action),
            confidence: Confidence::new((self.sure - doubt + noise(self.seed, seq, 0.008)).clamp(0.0, 1.0))
                .ok(),
            signals,
            score: (odd + noise(self.seed + 900, seq, 0.006).abs()).min(1.0),
            pose: Some(self.motion.road.pose(station, aside)),
            plan: self.motion.plan(time, aside),
        }
    }

    /// Reports `count` decisions, one every `period`, the newest `silent_for` ago.
    pub(super) fn report(&self, monitor: &mut Monitor, count: u64, period: Duration) {
        for back in (0..count).rev() {
            let ago = self.silent_for + period.saturating_mul(u32::try_from(back).unwrap_or(u32::MAX));
            monitor.telemetry(self.telemetry(48_000 + 3 * self.seed - back, ago), ago);
        }
    }

    /// Freezes its speed signal so long before the example is looked at; its true speed passes what stands in
    /// the sensor just then, so that nothing jumps.
    pub(super) fn freeze(&mut self, span: Duration) {
        self.frozen_for = Some(span);
        self.motion.pass(FROZEN_MPS, 0.0 - span.as_secs_f64());
    }

    fn aside(&self, time: f64) -> f64 {
        let by_hand = self.manual_for.map_or(0.0, |span| (time + span.as_secs_f64()).max(0.0));
        if by_hand > 0.0 { 0.5 * (1.1 * by_hand).sin() } else { noise(self.seed, 77, 0.1) }
    }

    fn noise(&self, seq: u64, signal: u64) -> f64 {
        let deviation = usize::try_from(signal).ok().and_then(|index| SIGNALS.get(index));
        noise(self.seed * 8 + signal, seq, deviation.map_or(0.0, |(_, _, deviation)| *deviation))
    }
}

/// Returns the simulator's fleet: `vehicle-1` to `vehicle-8` on its ring.
pub(super) fn ring() -> Vec<Vehicle> {
    (0..8)
        .map(|index| Vehicle::cruising(&format!("vehicle-{}", index + 1), Road::SIMULATOR, index, 8))
        .collect()
}

/// Returns an agent with which nothing is wrong, without signals.
pub(super) fn nominal(name: &str, kind: AgentKind, seed: u64) -> AgentStatus {
    AgentStatus {
        agent: agent(name),
        kind,
        signals: vec![],
        tasks: vec![],
        boot_id: BootId(Uuid::from_u128(0x0199_aaaa_7000_8000_0000_0000_0000_0000 + u128::from(seed))),
        software_version: label(match kind {
            AgentKind::Vehicle => "simulator 0.1.0",
            AgentKind::Transaction => "cards 7.3.1",
            AgentKind::SoftwareAgent => "assistant 2026.8",
            AgentKind::Generic => "agent 1.0",
        }),
        control_state: ControlState::Autonomous,
        state_version: StateVersion(1),
        transition_from: None,
        fallback_level: None,
        fallback_cause: None,
        locked_out: false,
        questions: Vec::new(),
        offline_nanos: None,
        agent_clock: AgentTime::from_nanos(monitor_clock(millis(60)).as_nanos() + seed * 310_000),
        heartbeat_age_nanos: 30_000_000,
        settled: true,
        latches: vec![],
        demand: None,
        lease: None,
        stable: true,
        condition_reached: false,
        can_resume: true,
        local_override: false,
        unverified: false,
        stop_pending: false,
        manual: false,
        neutral: false,
        score: 0.02,
        decisions: 48_000 + 3 * seed,
        gaps: 0,
        clock_offset: Some(ClockOffset {
            offset_nanos: i64::try_from(seed * 310_000).unwrap_or_default(),
            error_nanos: 180_000 + seed % 7 * 20_000,
        }),
    }
}
