//! Who controls an agent, and the words around it (`takeover.md` 1.1 and 1.2).

use crate::LatchId;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// An enum of words: each value is one word on the wire and on the screen. With `or`, the words of another such enum
/// are values too.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All values, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the word that stands for it on the wire and on the screen.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        $crate::control::words! { @text $name, Self::ALL.iter().copied() }
    };
    (
        $(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }
        or $(#[$odoc:meta])* $other:ident($words:ident)
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)+
            $(#[$odoc])* $other($words),
        }

        impl $name {
            /// All values but the words of the other enum, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the word that stands for it on the wire and on the screen.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::$other(word) => word.word(),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_unit_variant(stringify!($name), 0, self.word())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Word($name);
                impl<'de> Deserialize<'de> for Word {
                    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                        deserializer.deserialize_identifier(Visitor).map(Self)
                    }
                }
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a word")
                    }
                    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<$name, E> {
                        word.parse().map_err(E::custom)
                    }
                    fn visit_enum<A: serde::de::EnumAccess<'de>>(self, data: A) -> Result<$name, A::Error> {
                        let (Word(value), unit) = data.variant()?;
                        serde::de::VariantAccess::unit_variant(unit).map(|()| value)
                    }
                }
                deserializer.deserialize_enum(stringify!($name), &[], Visitor)
            }
        }

        $crate::control::words! {
            @text $name, Self::ALL.iter().copied().chain($words::ALL.iter().copied().map(Self::$other))
        }
    };
    (@text $name:ident, $all:expr) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                $all.find(|v| v.word() == text).ok_or_else(|| {
                    let all: Vec<_> = $all.map(Self::word).collect();
                    format!("{text:?} is none of {}", all.join(", "))
                })
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What an agent is; it chooses the timers and the commands.
    AgentKind {
        /// Moves in the world.
        Vehicle = "vehicle",
        /// Decides on payments.
        Transaction = "transaction",
        /// Uses tools on somebody's behalf.
        SoftwareAgent = "software_agent",
        /// Anything else that decides.
        Generic = "generic",
    }
}

words! {
    /// Who controls the agent now (`takeover.md` 1.1). The agent itself is the authority on it.
    ControlState {
        /// The agent, nominally.
        Autonomous = "autonomous",
        /// The agent; questions of it wait for answers, and no control moves.
        AssistPending = "assist_pending",
        /// The agent; takeover demanded, the deadline is running.
        Requested = "requested",
        /// The agent; an operator holds the lease and builds awareness, the deadline keeps running.
        Claimed = "claimed",
        /// Whoever controlled it before, until the operator's first valid command.
        InTransition = "in_transition",
        /// The holder of the lease.
        Human = "human",
        /// The operator, until the agent confirms that it is stable.
        Returning = "returning",
        /// The fallback controller: minimal-risk behaviour.
        Fallback = "fallback",
        /// Nobody: minimal-risk condition reached, latched.
        SafeHeld = "safe_held",
        /// The fallback controller: level 3 did not work and is kept applied; the highest alarm.
        FallbackFailed = "fallback_failed",
        /// Nobody: stopped by a person, latched.
        Estopped = "estopped",
        /// A person at the agent.
        Local = "local",
        /// Nobody: maintenance.
        OutOfService = "out_of_service",
    }
}

impl ControlState {
    /// Returns whether a person drives or is about to (CLAIMED to RETURNING): consoles show it at 10 Hz then.
    pub const fn has_holder(self) -> bool {
        matches!(self, Self::Claimed | Self::InTransition | Self::Human | Self::Returning)
    }

    /// Returns whether the agent acts by itself in this state.
    pub const fn agent_acts(self) -> bool {
        matches!(self, Self::Autonomous | Self::AssistPending | Self::Requested | Self::Claimed)
    }

    /// Returns whether a person is in control (HUMAN, RETURNING).
    pub const fn is_driven(self) -> bool {
        matches!(self, Self::Human | Self::Returning)
    }

    /// Returns whether nothing is asked and nobody but the agent has anything to do with it: AUTONOMOUS, with or
    /// without questions.
    pub const fn is_nominal(self) -> bool {
        matches!(self, Self::Autonomous | Self::AssistPending)
    }

    /// Returns whether a fallback acts or has reached its end.
    pub const fn falls_back(self) -> bool {
        matches!(self, Self::Fallback | Self::FallbackFailed | Self::SafeHeld)
    }
}

words! {
    /// Who wanted the takeover.
    DemandOrigin {
        /// A takeover alert of the monitor.
        Monitor = "monitor",
        /// The agent asked for a person.
        Agent = "agent",
        /// An operator wants it: a stray wish costs no fallback.
        Operator = "operator",
        /// A supervisor ordered it.
        Supervisor = "supervisor",
    }
}

words! {
    /// How a demand ended; every demand ends in exactly one way (`takeover.md` 1.7, invariant 8).
    DemandOutcome {
        /// The cause went away before anybody claimed.
        SelfCleared = "self_cleared",
        /// The operator who wanted it changed his mind, or never came.
        Cancelled = "cancelled",
        /// A holder called it a false alarm.
        Dismissed = "dismissed",
        /// A person took control.
        Human = "human",
        /// Nobody came in time, or it was too urgent.
        Fallback = "fallback",
        /// Somebody stopped the agent.
        Estopped = "estopped",
        /// Somebody at the agent took control.
        Local = "local",
        /// It was taken out of service.
        OutOfService = "out_of_service",
    }
}

impl DemandOutcome {
    /// Returns whether the demand came to nothing, and the cooldown begins (`takeover.md` 1.2, row 5).
    pub const fn came_to_nothing(self) -> bool {
        matches!(self, Self::SelfCleared | Self::Cancelled | Self::Dismissed)
    }
}

words! {
    /// Why an agent is in its fallback.
    FallbackCause {
        /// Nobody took over in time.
        Demand = "demand",
        /// A question that needed an answer got none in time.
        Question = "question",
        /// The holder was silent for T_link, or his lease was voided.
        HolderLost = "holder_lost",
        /// The holder was not ready for T_ready.
        NotReady = "not_ready",
        /// The holder gave the lease up while he was in control.
        Released = "released",
        /// A person wanted it: HOLD or MINIMAL_RISK.
        Person = "person",
        /// The agent wanted it.
        Agent = "agent",
        /// An autonomous agent was without its monitor for too long.
        MonitorLost = "monitor_lost",
        /// The monitor has a latch on record that the agent had forgotten.
        Latch = "latch",
        /// It came back from a reboot that did not end in good order.
        Reboot = "reboot",
        /// Somebody at the agent had control, and gave it up.
        Local = "local",
        /// The minimal-risk condition was lost.
        ConditionLost = "condition_lost",
    }
}

impl FallbackCause {
    /// Returns whether it counts towards the lock-out: what people did on purpose does not (`takeover.md` 1.4).
    pub const fn is_strike(self) -> bool {
        match self {
            Self::Demand
            | Self::Question
            | Self::HolderLost
            | Self::Agent
            | Self::MonitorLost
            | Self::Reboot
            | Self::ConditionLost => true,
            Self::NotReady | Self::Released | Self::Person | Self::Latch | Self::Local => false,
        }
    }
}

/// Most questions of one agent that are open at once.
pub const MAX_QUESTIONS: usize = 8;

words! {
    /// What happens to a question that nobody answers in time (`takeover.md` 1.2, rows 3 and 4).
    QuestionPolicy {
        /// It takes its default and nothing else happens.
        Optional = "optional",
        /// A vehicle falls back; every other agent takes the default.
        Required = "required",
    }
}

words! {
    /// How a question ended.
    QuestionOutcome {
        /// A person answered.
        Answered = "answered",
        /// Nobody did in time: its default counts.
        Defaulted = "defaulted",
        /// A person took control, or the agent fell back or was stopped: its default counts.
        Overtaken = "overtaken",
    }
}

words! {
    /// What set a latch.
    LatchCause {
        /// The agent entered FALLBACK.
        Fallback = "fallback",
        /// Somebody stopped the agent; only a supervisor clears it.
        Estop = "estop",
        /// Somebody at the agent had control.
        Local = "local",
    }
}

words! {
    /// Why a lease ended.
    LeaseEnd {
        /// Its holder gave it back.
        Released = "released",
        /// The agent drives again after a hand back.
        HandedBack = "handed_back",
        /// No heartbeat of the holder renewed it in time.
        Expired = "expired",
        /// Claimed and not engaged within T_claim.
        NotEngaged = "not_engaged",
        /// The holder's connection was lost and did not come back in time.
        HolderLost = "holder_lost",
        /// The demand it answered ended.
        DemandEnded = "demand_ended",
        /// Somebody stopped the agent.
        Estopped = "estopped",
        /// The agent fell back by itself.
        Fallback = "fallback",
        /// The monitor restarted: that voids every lease.
        MonitorRestarted = "monitor_restarted",
        /// The agent restarted: that voids its lease.
        AgentRestarted = "agent_restarted",
        /// Somebody else took control, after the holder had let him.
        HandedOver = "handed_over",
        /// A supervisor took control.
        PreEmpted = "pre_empted",
        /// Somebody at the agent took control.
        LocalOverride = "local_override",
        /// The agent was taken out of service.
        OutOfService = "out_of_service",
        /// Its holder may act no longer: his token has expired or was revoked.
        AccessEnded = "access_ended",
    }
}

words! {
    /// What a person says afterwards of a takeover.
    Verdict {
        /// It was needed, and in time.
        Real = "real",
        /// It was not needed.
        FalseAlarm = "false_alarm",
        /// It was needed, and came too late.
        Late = "late",
        /// Nobody can say.
        Unclear = "unclear",
    }
}

words! {
    /// In which role a person is there; [`Permission`](crate::Permission) says what each may do.
    OperatorRole {
        /// Reads.
        Observer = "observer",
        /// Reads, and checks the record; never acts.
        Auditor = "auditor",
        /// Acknowledges, shelves, claims, asks for control, commands, stops, labels.
        Operator = "operator",
        /// Clears the latch of an ESTOP, takes control without asking, takes agents out of service, ends a lock-out.
        Supervisor = "supervisor",
    }
}

/// How hard a fallback acts: 0 hold (only at standstill), 1 comfortable, 2 pull over or contain, 3 emergency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct FallbackLevel(u8);

/// The number is not a fallback level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a fallback level is 0, 1, 2 or 3, got {0}")]
pub struct FallbackLevelError(pub u8);

impl FallbackLevel {
    /// Hold the standstill.
    pub const HOLD: Self = Self(0);
    /// A comfortable stop.
    pub const COMFORTABLE: Self = Self(1);
    /// Pull over, contain.
    pub const CONTAIN: Self = Self(2);
    /// Emergency stop.
    pub const EMERGENCY: Self = Self(3);

    /// Checks that `level` is 0 to 3.
    pub const fn new(level: u8) -> Result<Self, FallbackLevelError> {
        if level <= 3 { Ok(Self(level)) } else { Err(FallbackLevelError(level)) }
    }

    /// Returns the number, 0 to 3.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Returns the next harder level, or this one where none is harder.
    #[must_use]
    pub const fn harder(self) -> Self {
        if self.0 < 3 { Self(self.0 + 1) } else { self }
    }
}

impl TryFrom<u8> for FallbackLevel {
    type Error = FallbackLevelError;
    fn try_from(level: u8) -> Result<Self, FallbackLevelError> {
        Self::new(level)
    }
}

impl From<FallbackLevel> for u8 {
    fn from(level: FallbackLevel) -> u8 {
        level.0
    }
}

impl fmt::Display for FallbackLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A reason to stay safe that only a named person releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Latch {
    /// Names it in CLEAR_LATCH and ENGAGE.
    pub latch_id: LatchId,
    /// What set it.
    pub cause: LatchCause,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_both_ways() {
        for state in ControlState::ALL {
            assert_eq!(state.word().parse::<ControlState>().unwrap(), *state);
            let bytes = rmp_serde::to_vec(state).unwrap();
            assert_eq!(rmp_serde::from_slice::<ControlState>(&bytes).unwrap(), *state);
        }
        assert!("flying".parse::<ControlState>().unwrap_err().contains("autonomous"));
    }

    #[test]
    fn a_level_above_three_does_not_exist() {
        assert_eq!(FallbackLevel::new(4), Err(FallbackLevelError(4)));
        assert_eq!(FallbackLevel::EMERGENCY.harder(), FallbackLevel::EMERGENCY);
    }
}
