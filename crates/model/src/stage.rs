//! The moments of a takeover, and the spans between them that have a budget (`takeover.md` 3.3).

use crate::{AgentKind, control::words};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

words! {
    /// A span of a takeover with an owner and a budget.
    Stage {
        /// t0 event at the source to t3 alert emitted.
        Detect = "detect",
        /// t3 alert emitted to t5 its frame presented.
        Notify = "notify",
        /// t5 frame presented to t7 decision issued: human time.
        Decide = "decide",
        /// t7 decision issued to t10 accepted by the agent.
        Command = "command",
        /// t10 accepted to t11 effect confirmed.
        Actuate = "actuate",
    }
}

/// Whose time a stage takes; the two are reported apart and never averaged together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageOwner {
    /// The system's.
    Machine,
    /// The person's.
    Human,
}

impl Stage {
    /// Returns whose time it is.
    pub const fn owner(self) -> StageOwner {
        match self {
            Self::Decide => StageOwner::Human,
            Self::Detect | Self::Notify | Self::Command | Self::Actuate => StageOwner::Machine,
        }
    }

    /// Returns the budget of the stage: (p99, hard). `None` for human time, which T_demand bounds.
    ///
    /// The figures are ours (`takeover.md` 3.3), to be measured; generic agents have a software agent's.
    pub const fn budget(self, kind: AgentKind) -> Option<(Duration, Duration)> {
        let (p99_millis, hard_millis) = match (self, kind) {
            (Self::Decide, _) => return None,
            (Self::Detect, AgentKind::Vehicle) | (Self::Notify, AgentKind::Vehicle) => (100, 250),
            (Self::Command, AgentKind::Vehicle) => (100, 200),
            (Self::Actuate, AgentKind::Vehicle) => (200, 500),
            (Self::Detect, AgentKind::Transaction) => (100, 500),
            (Self::Detect, AgentKind::SoftwareAgent | AgentKind::Generic) => (200, 1_000),
            (Self::Notify, AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic) => {
                (500, 2_000)
            }
            (Self::Command, AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic) => {
                (300, 1_000)
            }
            (Self::Actuate, AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic) => {
                (500, 2_000)
            }
        };
        Some((Duration::from_millis(p99_millis), Duration::from_millis(hard_millis)))
    }

    /// Returns whether a span breaks the hard budget of the stage; one that is unknown (`None`) does.
    pub fn is_broken_by(self, span: Option<Duration>, kind: AgentKind) -> bool {
        match (span, self.budget(kind)) {
            (Some(span), Some((_, hard))) => span > hard,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }
}

/// Returns the budget of all machine stages together, (p99, hard); ours, `takeover.md` 3.3, to be measured;
/// generic agents have a software agent's.
pub const fn machine_budget(kind: AgentKind) -> (Duration, Duration) {
    let (p99_millis, hard_millis) = match kind {
        AgentKind::Vehicle => (500, 1_200),
        AgentKind::Transaction => (1_500, 5_000),
        AgentKind::SoftwareAgent | AgentKind::Generic => (2_000, 5_000),
    };
    (Duration::from_millis(p99_millis), Duration::from_millis(hard_millis))
}
