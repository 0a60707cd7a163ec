//! What looks wrong, and why the monitor thinks so.

use crate::{
    AgentId, AlertId, DecisionSeq, DemandId, Label, MonoTime, Note, PersonId, bounded_vec, control::words,
};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// Most signals that one explanation names.
pub const MAX_SIGNAL_EVIDENCE: usize = 3;
/// Most past samples that one explanation carries.
pub const MAX_SAMPLES: usize = 20;

words! {
    /// How bad it is, from least to worst.
    Severity {
        /// Worth knowing.
        Advisory = "advisory",
        /// Needs somebody soon.
        Warning = "warning",
        /// Needs somebody now.
        Critical = "critical",
    }
}

words! {
    /// What an alert asks of people.
    Response {
        /// Look when you can.
        Advise = "advise",
        /// Take over before the deadline.
        Takeover = "takeover",
    }
}

words! {
    /// What kind of thing is wrong; alerts are grouped by agent and cause.
    CauseClass {
        /// A limit that a person wrote was broken.
        Limit = "limit",
        /// A signal is far from where it lately was, or the agent does what it never did before.
        Outlier = "outlier",
        /// A signal is frozen, decisions are repeated, or the action flips to and fro.
        Stuck = "stuck",
        /// A vehicle reports what cannot be, or leaves too little room.
        Envelope = "envelope",
        /// The agent is not sure, or less and less sure.
        Confidence = "confidence",
        /// Decision numbers are missing, doubled or out of order.
        Sequence = "sequence",
        /// Decisions arrive late, the path of commands is too long, or a takeover broke the machine's budget.
        Late = "late",
        /// The agent is connected and does not decide, or its heartbeats stopped.
        Silence = "silence",
        /// The agent asked for a person.
        Asked = "asked",
        /// The agent fell back, or its fallback is not confirmed.
        Fallback = "fallback",
        /// A person stopped the agent.
        Stopped = "stopped",
    }
}

words! {
    /// The alarm machine's state (ISA-18.2; `takeover.md` 1.6). What hides an alert, and what holds it, stands beside it.
    AlarmState {
        /// Active, nobody has acknowledged it.
        UnackActive = "unack_active",
        /// Active, acknowledged.
        AckedActive = "acked_active",
        /// Over, but nobody has acknowledged it.
        RtnUnack = "rtn_unack",
        /// Over and acknowledged (or over by itself after an acknowledgement).
        Normal = "normal",
    }
}

words! {
    /// In which order alerts are looked at: what it costs if nobody acts, and how soon somebody must. Three of them, as
    /// EEMUA 191 recommends.
    Priority {
        /// After the others.
        Low = "low",
        /// Before those that are low.
        Medium = "medium",
        /// First.
        High = "high",
    }
}

words! {
    /// Why people away from their consoles are called about a demand.
    PageReason {
        /// Nobody who may take over is at a console.
        NobodyOnline = "nobody_online",
        /// No console of whoever may take over showed the alert.
        NotShown = "not_shown",
        /// Nobody took over though everybody was asked: the last escalation.
        Unanswered = "unanswered",
        /// Its time is over, and the agent fell back.
        FellBack = "fell_back",
    }
}

impl Default for Priority {
    /// What a monitor that does not say it yet means.
    fn default() -> Self {
        Self::Low
    }
}

impl AlarmState {
    /// Returns whether the cause is still there.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::UnackActive | Self::AckedActive)
    }

    /// Returns whether somebody should take note of it, the cause there or gone.
    pub const fn is_unacknowledged(self) -> bool {
        matches!(self, Self::UnackActive | Self::RtnUnack)
    }
}

/// What one signal contributed to a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalEvidence {
    /// Name of the signal, or `confidence`.
    pub signal: Label,
    /// Unit of the value and the range.
    pub unit: Label,
    /// What it was; NaN when it was missing.
    pub value: f64,
    /// Lower end of what was expected, in the signal's unit; `None` when there is no lower bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_low: Option<f64>,
    /// Upper end of what was expected, in the signal's unit; `None` when there is no upper bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_high: Option<f64>,
    /// Share of the finding that is due to this signal, 0 to 1.
    pub contribution: f64,
}

/// One past sample of the lead signal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The decision that carried it.
    pub seq: DecisionSeq,
    /// Its value, in the signal's unit.
    pub value: f64,
}

/// Why the monitor raised an alert, complete enough to be checked by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Which detector or rule, for example `ewma_z` or `limit:speed`.
    pub detector: Label,
    /// Its version.
    pub version: u32,
    /// The statistic that crossed the threshold, in the detector's own unit.
    pub statistic: f64,
    /// The threshold it crossed.
    pub threshold: f64,
    /// Score 0 (nothing) to 1 (certain).
    pub score: f64,
    /// Up to three signals, the one that leads first.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, MAX_SIGNAL_EVIDENCE>")]
    pub signals: Vec<SignalEvidence>,
    /// Up to twenty last samples of the lead signal, oldest first.
    #[serde(default, deserialize_with = "bounded_vec::<_, _, MAX_SAMPLES>")]
    pub samples: Vec<Sample>,
    /// The same in plain words.
    pub text: Note,
}

/// Longest that an alert may be shelved (ISA-18.2: an operating shift).
pub const MAX_SHELVED: Duration = Duration::from_hours(8);

/// A person has put an alert aside for a while. It stays what it is; consoles show it apart, and it comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelved {
    /// Who.
    pub by: PersonId,
    /// Until when, on the monitor's clock.
    pub until: MonoTime,
    /// Why.
    pub reason: Note,
}

/// A rule of the configuration hides an alert while another alert of its agent is active: it follows from that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    /// The rule's name.
    pub rule: Label,
    /// Why, as the rule says.
    pub reason: Note,
}

/// A supervisor has taken an alert out of service until it is brought back. It goes on living: what is raised
/// meanwhile is seen when it returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutOfService {
    /// Who.
    pub by: PersonId,
    /// Since when, on the monitor's clock.
    pub since: MonoTime,
    /// Why.
    pub reason: Note,
}

/// Whom the monitor counts on to look at an alert. Everybody sees it who sees its agent; this is who is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// Who.
    pub to: PersonId,
    /// Since when, on the monitor's clock.
    pub since: MonoTime,
    /// How many were asked before him and did not look or did not answer.
    pub passed_over: u32,
}

/// One trouble that many agents have at once: their alerts are one card. A console is told of it as far as it sees those
/// agents, and as of nothing where it sees one of them only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommonCause {
    /// Names it: the id of the alert that came first.
    pub id: AlertId,
    /// Whose alert came first (first-out).
    pub first_out: AgentId,
    /// The area of the configuration that all of them belong to; absent where they have none in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Label>,
    /// When the first one came, on the monitor's clock.
    pub since: MonoTime,
    /// How many agents had it when this alert joined, itself included; of all of them the greatest number counts.
    pub members: u32,
}

/// One alert as it stands now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Names it.
    pub alert_id: AlertId,
    /// Whose.
    pub agent: AgentId,
    /// What kind of thing is wrong.
    pub cause: CauseClass,
    /// Which of that kind, for example the signal; with agent and cause it is the group.
    pub subject: Label,
    /// How bad.
    pub severity: Severity,
    /// What it asks of people.
    pub response: Response,
    /// Where it is in the alarm machine.
    pub state: AlarmState,
    /// When it was first raised, on the monitor's clock.
    pub raised_at: MonoTime,
    /// When it last changed, on the monitor's clock.
    pub changed_at: MonoTime,
    /// How often the cause was found again since it was raised, the first included.
    pub count: u64,
    /// The decision that raised it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionSeq>,
    /// The demand it belongs to, where it asks for a takeover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand_id: Option<DemandId>,
    /// 0, then 1 and 2 as time runs out (T_esc).
    pub escalation: u8,
    /// Who acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<PersonId>,
    /// Set while it is shelved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shelved: Option<Shelved>,
    /// What it is worth to look at it first.
    #[serde(default)]
    pub priority: Priority,
    /// Its cause is gone and it stays until a person resets it; it may be `normal` then.
    #[serde(default, skip_serializing_if = "is_not_set")]
    pub latched: bool,
    /// Its cause comes and goes: it is held open, and only the count grows, until it has been quiet for a while.
    #[serde(default, skip_serializing_if = "is_not_set")]
    pub flapping: bool,
    /// Set while a rule hides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Suppressed>,
    /// Set while it is out of service; it stays then even when it is `normal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_service: Option<OutOfService>,
    /// Whom it is brought to, while it waits for somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed: Option<Routed>,
    /// Set while it is one of many with the same cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common: Option<CommonCause>,
    /// Why it was raised; renewed while it is active and gets worse.
    pub explanation: Explanation,
}

impl Alarm {
    /// Makes an alarm of which nothing was found yet: it stands for what is out of service, or is about to begin.
    pub fn never_raised(
        alert_id: AlertId,
        (agent, cause, subject): (AgentId, CauseClass, Label),
        now: MonoTime,
    ) -> Self {
        Self {
            alert_id,
            agent,
            cause,
            subject,
            severity: Severity::Advisory,
            response: Response::Advise,
            state: AlarmState::Normal,
            raised_at: now,
            changed_at: now,
            count: 0,
            decision: None,
            demand_id: None,
            escalation: 0,
            acknowledged_by: None,
            shelved: None,
            priority: Priority::Low,
            latched: false,
            flapping: false,
            suppressed: None,
            out_of_service: None,
            routed: None,
            common: None,
            explanation: Explanation {
                detector: Label::cut("none"),
                version: 1,
                statistic: 0.0,
                threshold: 0.0,
                score: 0.0,
                signals: Vec::new(),
                samples: Vec::new(),
                text: Note::cut("was not raised since it was taken out of service"),
            },
        }
    }

    /// Returns whether it is over for good: acknowledged, not latched, not out of service. Nothing more is to be shown.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, AlarmState::Normal) && !self.latched && self.out_of_service.is_none()
    }

    /// Returns whether something takes it out of the queue: the shelf, a rule, being out of service.
    pub const fn is_hidden(&self) -> bool {
        self.shelved.is_some() || self.suppressed.is_some() || self.out_of_service.is_some()
    }

    /// Returns whether it waits for a person: nobody has taken note, or somebody is to take over.
    pub const fn waits_for_person(&self) -> bool {
        !self.is_hidden() && (self.state.is_unacknowledged() || self.demand_id.is_some())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_not_set(flag: &bool) -> bool {
    !*flag
}
