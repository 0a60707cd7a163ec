//! The examples' agents without a place: payments and software agents.

use super::{
    agent, label,
    monitor::{Monitor, millis, monitor_clock},
    motion::noise,
    vehicles::nominal,
};
use std::time::Duration;
use watchkeeper_model::{AgentKind, Confidence, DecisionSeq, SignalSpec, TaskVerb};
use watchkeeper_protocol::operator::{AgentStatus, Telemetry};

/// One agent without a place.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) kind: AgentKind,
    pub(super) seed: u64,
    /// Its decisions a second, about.
    pub(super) rate_per_sec: f64,
    /// How sure it is, about; `None` for one that does not say.
    pub(super) sure: Option<f64>,
    /// How odd it has looked, and since when.
    pub(super) odd: Option<(f64, Duration)>,
    /// Its last decision came so long before the example is looked at.
    pub(super) silent_for: Duration,
}

/// Payments by rail and country, as a bank would run them.
const PAYMENTS: [&str; 10] = [
    "cards",
    "transfers",
    "refunds",
    "wallets",
    "direct-debit",
    "fx",
    "payouts",
    "disputes",
    "limits",
    "kyc",
];
const COUNTRIES: [&str; 4] = ["de", "fr", "nl", "es"];
/// Software agents by what they do.
const ASSISTANTS: [&str; 10] = [
    "triage",
    "refactor",
    "deploy",
    "support",
    "research",
    "billing",
    "translate",
    "on-call",
    "purchase",
    "schedule",
];

impl Service {
    /// Returns the payments, at most 40.
    pub(super) fn payments(count: usize) -> Vec<Self> {
        let names =
            PAYMENTS.iter().flat_map(|rail| COUNTRIES.iter().map(move |country| format!("{rail}-{country}")));
        Self::of(AgentKind::Transaction, names.take(count), 100)
    }

    /// Returns the software agents, at most 20.
    pub(super) fn assistants(count: usize) -> Vec<Self> {
        let names =
            ["a", "b"].iter().flat_map(|twin| ASSISTANTS.iter().map(move |what| format!("{what}-{twin}")));
        Self::of(AgentKind::SoftwareAgent, names.take(count), 200)
    }

    fn of(kind: AgentKind, names: impl Iterator<Item = String>, first_seed: u64) -> Vec<Self> {
        (first_seed..)
            .zip(names)
            .map(|(seed, name)| Self {
                name,
                kind,
                seed,
                rate_per_sec: match kind {
                    AgentKind::Transaction => 2.0 + 0.5 * (seed % 7) as f64,
                    AgentKind::Vehicle | AgentKind::SoftwareAgent | AgentKind::Generic => {
                        0.5 + 0.1 * (seed % 5) as f64
                    }
                },
                // Every ninth does not say how sure it is.
                sure: (seed % 9 != 0).then_some(0.90 + 0.01 * (seed % 8) as f64),
                odd: None,
                silent_for: millis(90 + 37 * (seed % 11)),
            })
            .collect()
    }

    /// Returns how it stands when nothing is wrong with it.
    pub(super) fn status(&self) -> AgentStatus {
        let signals = match self.kind {
            AgentKind::Transaction => [("amount", "EUR"), ("per_minute", "1/min"), ("risk", "")],
            AgentKind::Vehicle | AgentKind::SoftwareAgent | AgentKind::Generic => {
                [("tokens", "1/s"), ("tool_calls", "1/min"), ("errors", "1/min")]
            }
        };
        let signals = signals.iter().map(|(name, unit)| SignalSpec { name: label(name), unit: label(unit) });
        AgentStatus {
            signals: signals.collect(),
            tasks: TaskVerb::ALL.iter().copied().filter(|verb| verb.is_for(self.kind)).collect(),
            heartbeat_age_nanos: 380_000_000,
            score: self.odd.map_or(0.03, |(odd, _)| odd),
            ..nominal(&self.name, self.kind, self.seed)
        }
    }

    /// Reports a minute of decisions.
    pub(super) fn report(&self, monitor: &mut Monitor) {
        let period = Duration::from_secs_f64(1.0 / self.rate_per_sec);
        let count = Duration::from_secs(59).as_nanos() / period.as_nanos();
        for back in (0..u32::try_from(count).unwrap_or(u32::MAX)).rev() {
            let jitter = Duration::from_secs_f64(
                noise(self.seed, u64::from(back) + 500, 0.1).abs() * period.as_secs_f64(),
            );
            let ago = self.silent_for + period.saturating_mul(back) + jitter;
            monitor.telemetry(self.telemetry(48_000 - u64::from(back), ago), ago);
        }
    }

    fn telemetry(&self, seq: u64, ago: Duration) -> Telemetry {
        let odd = self.odd.filter(|(_, since)| ago <= *since).map_or(0.0, |(odd, _)| odd);
        let wobble = |signal, deviation| noise(self.seed * 4 + signal, seq, deviation);
        let (signals, action) = match self.kind {
            AgentKind::Transaction => (
                vec![
                    (42.0 + wobble(0, 30.0) + 260.0 * odd).max(1.0),
                    (60.0 * self.rate_per_sec + wobble(1, 6.0)) * (1.0 + odd),
                    (0.08 + wobble(2, 0.02) + 0.7 * odd).clamp(0.0, 1.0),
                ],
                if seq.is_multiple_of(17) || odd > 0.5 { "hold" } else { "approve" },
            ),
            AgentKind::Vehicle | AgentKind::SoftwareAgent | AgentKind::Generic => (
                vec![
                    (38.0 + wobble(0, 5.0)).max(0.0),
                    (4.0 + wobble(1, 1.0) + 22.0 * odd).max(0.0),
                    (0.2 + wobble(2, 0.1) + 5.0 * odd).max(0.0),
                ],
                if seq.is_multiple_of(5) { "call_tool" } else { "reply" },
            ),
        };
        let confidence = self.sure.map(|sure| (sure - 0.4 * odd + wobble(3, 0.015)).clamp(0.0, 1.0));
        Telemetry {
            agent: agent(&self.name),
            seq: DecisionSeq(seq),
            received_at: monitor_clock(ago + millis(1)),
            action: label(action),
            confidence: confidence.and_then(|confidence| Confidence::new(confidence).ok()),
            signals,
            score: (0.03 + odd + wobble(7, 0.012).abs()).min(1.0),
            pose: None,
            plan: vec![],
        }
    }
}
