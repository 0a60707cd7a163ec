//! How long each wait may take, per kind of agent (`takeover.md` 1.4).

use serde::{Deserialize, Serialize};
use std::time::Duration;
use thiserror::Error;
use watchkeeper_model::AgentKind;

/// Every timer of one agent. In TOML all are numbers of seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timers {
    /// T_demand: how long people have to take over before the agent falls back (agent; R157 for vehicles).
    #[serde(rename = "demand_secs", with = "secs")]
    pub demand: Duration,
    /// T_esc: when an unanswered demand gets louder, twice (monitor).
    #[serde(rename = "escalate_secs", with = "secs_pair")]
    pub escalate: [Duration; 2],
    /// T_claim: how long a claim may wait for its engage (monitor).
    #[serde(rename = "claim_secs", with = "secs")]
    pub claim: Duration,
    /// T_decide: how long a question may wait for its answer (agent; R157 for vehicles).
    #[serde(rename = "decide_secs", with = "secs")]
    pub decide: Duration,
    /// After a demand that came to nothing: how long until the monitor may make the next one, unless it is critical
    /// (agent).
    #[serde(rename = "cooldown_secs", with = "secs")]
    pub cooldown: Duration,
    /// Within which span the fallbacks are counted that lock an agent out (monitor; openpilot).
    #[serde(rename = "lock_out_secs", with = "secs")]
    pub lock_out: Duration,
    /// T_clear: how long a detector must be quiet before its alert is over (monitor).
    #[serde(rename = "clear_secs", with = "secs")]
    pub clear: Duration,
    /// T_transition: how long handing over or back may take (agent; Autoware).
    #[serde(rename = "transition_secs", with = "secs")]
    pub transition: Duration,
    /// T_stable: how long the agent must be steady before control changes (agent; Autoware).
    #[serde(rename = "stable_secs", with = "secs")]
    pub stable: Duration,
    /// T_fresh: how old the picture may be on which a person engages. Consoles go by the default of the kind; no
    /// message carries another value to them yet.
    #[serde(rename = "fresh_secs", with = "secs")]
    pub fresh: Duration,
    /// T_deadman: how long a setpoint of manual driving holds without a newer one (agent). Zero: nobody drives
    /// this kind of agent by hand.
    #[serde(rename = "deadman_secs", with = "secs")]
    pub deadman: Duration,
    /// How long a holder may take to answer somebody who asks for control; silence is a no (monitor).
    #[serde(rename = "handover_secs", with = "secs")]
    pub handover: Duration,
    /// T_ready: how long a holder may be not ready (agent).
    #[serde(rename = "ready_secs", with = "secs")]
    pub ready: Duration,
    /// T_link: how long the holder may be silent (agent).
    #[serde(rename = "link_secs", with = "secs")]
    pub link: Duration,
    /// Grace at standstill before a lost holder means level 1 (agent; PX4).
    #[serde(rename = "grace_secs", with = "secs")]
    pub grace: Duration,
    /// T_agent: how long an agent may be silent before it is OFFLINE (monitor; MAVLink).
    #[serde(rename = "agent_secs", with = "secs")]
    pub agent: Duration,
    /// T_verify: how long a commanded effect may take to show (agent).
    #[serde(rename = "verify_secs", with = "secs")]
    pub verify: Duration,
    /// How long an autonomous agent goes on without its monitor before level 1 (agent).
    #[serde(rename = "link_loss_secs", with = "secs")]
    pub link_loss: Duration,
    /// How often the agent sends a heartbeat.
    #[serde(rename = "heartbeat_secs", with = "secs")]
    pub heartbeat: Duration,
}

/// Says which timer cannot be so.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{field} is {found_secs} s: {rule}")]
pub struct TimersError {
    /// The field as in TOML.
    pub field: &'static str,
    /// What it is, in seconds.
    pub found_secs: f64,
    /// What it must be.
    pub rule: &'static str,
}

/// Shorter than this nobody reads a question and answers it (`takeover.md` 2, rule 5).
const SHORTEST_HANDOVER: Duration = ms(3_000);
/// A next holder has at least so long to engage.
const SHORTEST_ENGAGE: Duration = ms(5_000);
/// And of a longer T_claim so long: meanwhile nobody else can be next.
const LONGEST_ENGAGE: Duration = ms(30_000);
/// Longer than this nobody remembers that he asked.
const LONGEST_HANDOVER: Duration = ms(60_000);

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Timers {
    /// Returns the defaults of `takeover.md` 1.4 for a kind of agent.
    pub const fn for_kind(kind: AgentKind) -> Self {
        match kind {
            AgentKind::Vehicle => Self {
                demand: ms(10_000),
                escalate: [ms(4_000), ms(7_000)],
                claim: ms(5_000),
                decide: ms(15_000),
                cooldown: ms(3_000),
                lock_out: ms(900_000),
                clear: ms(1_000),
                transition: ms(10_000),
                stable: ms(100),
                fresh: ms(500),
                deadman: ms(500),
                handover: ms(10_000),
                ready: ms(1_000),
                link: ms(2_000),
                grace: ms(5_000),
                agent: ms(2_000),
                verify: ms(800),
                link_loss: ms(30_000),
                heartbeat: ms(100),
            },
            AgentKind::Transaction => Self {
                demand: ms(60_000),
                escalate: [ms(30_000), ms(48_000)],
                decide: ms(60_000),
                transition: ms(1_000),
                ..Self::for_kind(AgentKind::Generic)
            },
            AgentKind::SoftwareAgent | AgentKind::Generic => Self {
                demand: ms(300_000),
                escalate: [ms(150_000), ms(240_000)],
                claim: ms(120_000),
                decide: ms(300_000),
                cooldown: ms(30_000),
                lock_out: ms(900_000),
                clear: ms(10_000),
                transition: ms(2_000),
                stable: ms(0),
                fresh: ms(10_000),
                deadman: ms(0),
                handover: ms(10_000),
                ready: ms(30_000),
                link: ms(30_000),
                grace: ms(0),
                agent: ms(10_000),
                verify: ms(2_500),
                link_loss: ms(600_000),
                heartbeat: ms(1_000),
            },
        }
    }

    /// Returns how long a lease lives without renewal on the monitor: longer than the agent believes in it.
    pub fn lease_ttl(&self) -> Duration {
        self.link + self.link / 2
    }

    /// Returns how long the next holder may take to engage: T_transition, and at least as long as a person who
    /// claims has for it (T_claim, 5 to 30 s of it), because he has to see that he is next and decide.
    pub fn engage_next(&self) -> Duration {
        self.transition.max(self.claim.clamp(SHORTEST_ENGAGE, LONGEST_ENGAGE))
    }

    /// Checks that every wait ends and that the timers fit each other.
    pub fn check(&self) -> Result<(), TimersError> {
        let positive = "must be more than 0, or something would wait for ever or not at all";
        let fail =
            |field, found: Duration, rule| Err(TimersError { field, found_secs: found.as_secs_f64(), rule });
        for (field, value) in [
            ("demand_secs", self.demand),
            ("claim_secs", self.claim),
            ("decide_secs", self.decide),
            ("lock_out_secs", self.lock_out),
            ("transition_secs", self.transition),
            ("fresh_secs", self.fresh),
            ("ready_secs", self.ready),
            ("link_secs", self.link),
            ("agent_secs", self.agent),
            ("verify_secs", self.verify),
            ("link_loss_secs", self.link_loss),
            ("heartbeat_secs", self.heartbeat),
        ] {
            if value.is_zero() {
                return fail(field, value, positive);
            }
        }
        let [first, second] = self.escalate;
        if !(first < second && second < self.demand) {
            return fail("escalate_secs", second, "must rise, and end before demand_secs");
        }
        if self.stable >= self.transition {
            return fail("stable_secs", self.stable, "must be less than transition_secs");
        }
        if self.heartbeat * 2 > self.agent {
            return fail("heartbeat_secs", self.heartbeat, "must be at most half of agent_secs");
        }
        if self.deadman >= self.link {
            return fail(
                "deadman_secs",
                self.deadman,
                "must be less than link_secs; 0 for no manual driving",
            );
        }
        if !(SHORTEST_HANDOVER..=LONGEST_HANDOVER).contains(&self.handover) {
            return fail(
                "handover_secs",
                self.handover,
                "must be 3 to 60: time to read and answer, and an end",
            );
        }
        Ok(())
    }
}

mod secs {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(span.as_secs_f64())
    }

    pub(super) fn from_secs<E: Error>(secs: f64) -> Result<Duration, E> {
        const DAY: f64 = 86_400.0;
        if (0.0..=DAY).contains(&secs) {
            Ok(Duration::from_secs_f64(secs))
        } else {
            Err(E::custom(format_args!("a timer is 0 to 86400 seconds, got {secs}")))
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        from_secs(f64::deserialize(deserializer)?)
    }
}

mod secs_pair {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(spans: &[Duration; 2], serializer: S) -> Result<S::Ok, S::Error> {
        spans.map(|span| span.as_secs_f64()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[Duration; 2], D::Error> {
        let [first, second] = <[f64; 2]>::deserialize(deserializer)?;
        Ok([super::secs::from_secs(first)?, super::secs::from_secs(second)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_every_kind_are_valid() {
        for kind in AgentKind::ALL {
            Timers::for_kind(*kind).check().unwrap();
        }
    }

    #[test]
    fn a_wait_without_an_end_is_refused() {
        let timers = Timers { demand: Duration::ZERO, ..Timers::for_kind(AgentKind::Vehicle) };
        assert_eq!(timers.check().unwrap_err().field, "demand_secs");
        let timers = Timers { escalate: [ms(4_000), ms(10_000)], ..Timers::for_kind(AgentKind::Vehicle) };
        assert_eq!(timers.check().unwrap_err().field, "escalate_secs");
    }

    #[test]
    fn a_next_holder_of_any_kind_of_agent_has_time_to_engage() {
        for (kind, secs) in [
            (AgentKind::Vehicle, 10),
            (AgentKind::Transaction, 30),
            (AgentKind::SoftwareAgent, 30),
            (AgentKind::Generic, 30),
        ] {
            assert_eq!(Timers::for_kind(kind).engage_next(), Duration::from_secs(secs), "{kind}");
        }
        let hasty = Timers { claim: ms(1), transition: ms(1), ..Timers::for_kind(AgentKind::Vehicle) };
        assert_eq!(hasty.engage_next(), SHORTEST_ENGAGE);
    }

    #[test]
    fn a_dead_man_that_outlasts_the_link_is_refused_and_none_is_allowed() {
        let vehicle = Timers::for_kind(AgentKind::Vehicle);
        let timers = Timers { deadman: vehicle.link, ..vehicle };
        assert_eq!(timers.check().unwrap_err().field, "deadman_secs");
        Timers { deadman: Duration::ZERO, ..timers }.check().unwrap();
    }

    #[test]
    fn a_holder_has_three_to_sixty_seconds_to_answer() {
        for (millis, valid) in [(2_999, false), (3_000, true), (60_000, true), (60_001, false)] {
            let timers = Timers { handover: ms(millis), ..Timers::for_kind(AgentKind::Generic) };
            assert_eq!(timers.check().is_ok(), valid, "{millis}");
        }
    }
}
