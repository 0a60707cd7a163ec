//! What a person may tell an agent to do, and what became of it (`takeover.md` 3).

use crate::{
    FallbackLevel, Label, LatchId, MAX_PLAN, Note, PlanPoint, SceneId, TaskVerb, bounded_vec, control::words,
};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::fmt;

words! {
    /// The verb of a command: one of these, or a task of [`TaskVerb`]. In every interface `stop` means ESTOP.
    CommandKind {
        /// Emergency stop; latches; needs no lease and no epoch.
        Estop = "estop",
        /// Stop comfortably and stand. Without a lease: a minimal-risk request of level 1.
        Hold = "hold",
        /// Go to the minimal-risk condition with `level` 1 to 3; needs no lease.
        MinimalRisk = "minimal_risk",
        /// Drive at most `speed_mps`; needs no lease.
        SpeedCap = "speed_cap",
        /// Go on after HOLD, without a speed cap. Exclusive.
        Resume = "resume",
        /// Take control, naming the latches that it releases. Exclusive, second deliberate input.
        Engage = "engage",
        /// The first command under a pending epoch: no effect but to take over. Exclusive.
        Assume = "assume",
        /// Give the lease up. In HUMAN the agent falls back at once.
        Release = "release",
        /// Let the agent drive again. Exclusive.
        HandBack = "hand_back",
        /// The demand was a false alarm. Exclusive.
        Dismiss = "dismiss",
        /// Release one latch in a person's name.
        ClearLatch = "clear_latch",
        /// Answer the question `scene_id` with `option`; no control moves. Needs no lease.
        Decide = "decide",
        /// Take a held or stopped agent out of service, with a reason. Supervisors.
        Suspend = "suspend",
        /// Bring an agent back into service; it stays held. Supervisors.
        Reinstate = "reinstate",
    }
    or
    /// A task for the agent's own software.
    Task(TaskVerb)
}

/// What a command risks: it decides on retry, on durability and on who may send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RiskClass {
    /// An emergency stop: retried at 5 Hz until its effect is confirmed, never held up, by anybody in scope.
    Stop,
    /// Makes things safer: open to operators without a lease, never held up.
    Safer,
    /// May make things riskier: needs the lease, is never sent twice, is durable before it leaves.
    Exclusive,
}

impl CommandKind {
    /// Returns the risk class of the verb.
    pub const fn risk(self) -> RiskClass {
        match self {
            Self::Estop => RiskClass::Stop,
            Self::Hold | Self::MinimalRisk | Self::SpeedCap | Self::Release => RiskClass::Safer,
            Self::Resume
            | Self::Engage
            | Self::Assume
            | Self::HandBack
            | Self::Dismiss
            | Self::ClearLatch
            | Self::Decide
            | Self::Suspend
            | Self::Reinstate => RiskClass::Exclusive,
            Self::Task(verb) => verb.risk(),
        }
    }

    /// Returns whether the monitor mints an epoch for each such command, because none rests on the drive lease.
    pub const fn has_own_epoch(self) -> bool {
        match self {
            Self::ClearLatch | Self::Decide | Self::Suspend | Self::Reinstate => true,
            Self::Task(verb) => verb.has_own_epoch(),
            Self::Estop
            | Self::Hold
            | Self::MinimalRisk
            | Self::SpeedCap
            | Self::Resume
            | Self::Engage
            | Self::Assume
            | Self::Release
            | Self::HandBack
            | Self::Dismiss => false,
        }
    }
}

/// The arguments of a command; each verb says which it needs, others are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CommandArgs {
    /// SPEED_CAP: metres per second, 0 or more.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "speed_cap")]
    pub speed_mps: Option<f64>,
    /// MINIMAL_RISK: 1 to 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<FallbackLevel>,
    /// ENGAGE: the latches that taking control releases, at most 16; never an ESTOP's.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "bounded_vec::<_, _, 16>")]
    pub latches: Vec<LatchId>,
    /// CLEAR_LATCH: which latch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latch_id: Option<LatchId>,
    /// DECIDE: which question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene_id: Option<SceneId>,
    /// DECIDE: which of its options, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<u8>,
    /// Why; CLEAR_LATCH, DISMISS, SUSPEND and REINSTATE need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
    /// Tasks: what it is about, by the name that the agent gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Label>,
    /// Tasks: for how long, in nanoseconds, more than 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_nanos: Option<u64>,
    /// Tasks: how many, or how much; finite, 0 or more.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "amount")]
    pub amount: Option<f64>,
    /// Tasks: a place, or the way to it, at most 64 points.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded_vec::<_, _, MAX_PLAN>"
    )]
    pub path: Vec<PlanPoint>,
    /// Tasks: what to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Note>,
}

/// Deserialises an amount.
fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    match Option::<f64>::deserialize(deserializer)? {
        Some(amount) if !(amount.is_finite() && amount >= 0.0) => {
            Err(D::Error::custom(format_args!("an amount is finite and 0 or more, got {amount}")))
        }
        amount => Ok(amount),
    }
}

/// Deserialises a speed cap; a NaN would compare as no cap at all.
fn speed_cap<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    match Option::<f64>::deserialize(deserializer)? {
        Some(speed) if !(speed.is_finite() && speed >= 0.0) => {
            Err(D::Error::custom(format_args!("a speed cap is finite and 0 m/s or more, got {speed}")))
        }
        speed => Ok(speed),
    }
}

/// What the hands of a driver want at one instant; sent with the holder's heartbeat and valid as long as that.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setpoint {
    /// Steering, -1 (fully right) to 1 (fully left): ISO 8855 counts to the left.
    #[serde(deserialize_with = "share")]
    pub steer: f64,
    /// -1 (full service braking) to 1 (full acceleration).
    #[serde(deserialize_with = "share")]
    pub accelerate: f64,
}

/// Deserialises a share of what is possible, -1 to 1.
fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let share = f64::deserialize(deserializer)?;
    if (-1.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(D::Error::custom(format_args!("a setpoint lies between -1 and 1, got {share}")))
    }
}

words! {
    /// Where a command is in its life (`takeover.md` 3.1). "Accepted" is never shown as done.
    CommandState {
        /// The server has it.
        Received = "received",
        /// The server or the agent said no; the code says why. Terminal.
        Rejected = "rejected",
        /// On its way to the agent.
        Forwarded = "forwarded",
        /// The agent took it.
        Accepted = "accepted",
        /// The agent is at it.
        InProgress = "in_progress",
        /// Its effect is confirmed. Terminal.
        Completed = "completed",
        /// The agent could not do it. Terminal.
        Failed = "failed",
        /// Withdrawn. Terminal.
        Cancelled = "cancelled",
        /// It was too late. Terminal.
        Expired = "expired",
        /// Another command took its place. Terminal.
        Superseded = "superseded",
        /// Nobody says what became of it: the link was lost after it was forwarded, or no answer came in time.
        /// Terminal, except for stops.
        Unknown = "unknown",
    }
}

impl CommandState {
    /// Returns whether nothing more can become of a command in this state. UNKNOWN of a stop is not terminal.
    pub const fn is_terminal(self, risk: RiskClass) -> bool {
        match self {
            Self::Rejected
            | Self::Completed
            | Self::Failed
            | Self::Cancelled
            | Self::Expired
            | Self::Superseded => true,
            Self::Unknown => !matches!(risk, RiskClass::Stop),
            Self::Received | Self::Forwarded | Self::Accepted | Self::InProgress => false,
        }
    }
}

words! {
    /// Why a command was refused: names of MAVLink's MAV_RESULT where they fit, and ours (`takeover.md` 3.1).
    CommandCode {
        /// Not now: try again.
        TemporarilyRejected = "temporarily_rejected",
        /// Never: not allowed, or not with these arguments.
        Denied = "denied",
        /// The agent does not know this command.
        Unsupported = "unsupported",
        /// It was tried and did not work.
        Failed = "failed",
        /// Somebody else holds the lease, or nobody does.
        NotInControl = "not_in_control",
        /// The epoch is not the active one (any more), or meant for another boot.
        StaleEpoch = "stale_epoch",
        /// The deadline has passed.
        Expired = "expired",
        /// This id was seen before; the first result stands.
        Duplicate = "duplicate",
        /// The state does not allow it, or is not the expected one.
        Precondition = "precondition",
        /// The agent is offline.
        Unreachable = "unreachable",
        /// What the person saw has changed since.
        StaleEvidence = "stale_evidence",
        /// The holder already has as many as one person may have.
        LoadLimit = "load_limit",
        /// The record cannot be written: nothing riskier is allowed.
        Degraded = "degraded",
        /// The agent fell back too often: only a supervisor goes on.
        LockedOut = "locked_out",
        /// Somebody who is not the holder must say so first.
        NeedsSecondApproval = "needs_second_approval",
        /// The way between the person and the agent is too slow to drive on, or its latency is not known.
        LatencyLimit = "latency_limit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_stop_is_not_finished() {
        assert!(!CommandState::Unknown.is_terminal(RiskClass::Stop));
        assert!(CommandState::Unknown.is_terminal(RiskClass::Exclusive));
    }

    #[test]
    fn absent_arguments_take_no_bytes() {
        assert_eq!(rmp_serde::to_vec_named(&CommandArgs::default()).unwrap(), [0x80]);
    }
}
