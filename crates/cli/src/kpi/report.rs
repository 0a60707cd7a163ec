//! The figures as programs read them; `docs/kpi.md` says what each one is. A field keeps its name and its meaning.

use serde::Serialize;

/// Alarm performance of a period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    /// First moment of the period of which the record tells something, RFC 3339 in UTC; `null` where it tells nothing.
    pub(crate) from: Option<String>,
    /// Last such moment.
    pub(crate) to: Option<String>,
    /// Time of the period in which the monitor ran.
    pub(crate) watched_secs: f64,
    /// Runs of the monitor in it.
    pub(crate) runs: u64,
    /// All of it.
    pub(crate) period: Scope,
    /// Its shifts, where there are any, in order.
    pub(crate) shifts: Vec<ShiftReport>,
    /// Shifts that were too many to keep, the last ones.
    pub(crate) shifts_left_out: u64,
}

/// One shift.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ShiftReport {
    /// When it began, RFC 3339 on the clock of the place.
    pub(crate) began_at: String,
    /// Time of it in which the monitor ran.
    pub(crate) watched_secs: f64,
    #[serde(flatten)]
    pub(crate) scope: Scope,
}

/// Everybody's figures and those of each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Scope {
    /// As if all alarms were brought to one person.
    pub(crate) everybody: Figures,
    /// Takeovers asked for, and calls.
    pub(crate) demands: Demands,
    /// Each person, by name.
    pub(crate) people: Vec<PersonFigures>,
    /// What was brought to nobody.
    pub(crate) nobody: Figures,
    /// What was brought to people above the bound of people that are told apart.
    pub(crate) other_people: Option<Figures>,
}

/// One person's figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PersonFigures {
    pub(crate) person: String,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// The figures of everybody, of one person, or of nobody.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub(crate) alarms: Raised,
    pub(crate) floods: Flooding,
    pub(crate) priorities: Priorities,
    pub(crate) nuisances: Nuisances,
    pub(crate) most_frequent: MostFrequent,
    pub(crate) acknowledgements: Acknowledgements,
}

/// How many alarms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Raised {
    pub(crate) annunciated: u64,
    pub(crate) per_hour: Option<f64>,
    pub(crate) per_10_min_mean: Option<f64>,
    pub(crate) per_10_min_peak: u64,
    /// Shelved, suppressed or out of service when they were raised.
    pub(crate) hidden: u64,
    /// Behind the card of a common cause when they were raised.
    pub(crate) common_members: u64,
}

/// Floods.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Flooding {
    pub(crate) floods: u64,
    pub(crate) share_percent: Option<f64>,
    pub(crate) total_secs: f64,
    pub(crate) longest_secs: f64,
    pub(crate) largest_alarms: u64,
}

/// The mix of priorities.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Priorities {
    pub(crate) high: PriorityShare,
    pub(crate) medium: PriorityShare,
    pub(crate) low: PriorityShare,
}

/// One priority.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PriorityShare {
    pub(crate) annunciated: u64,
    pub(crate) percent: Option<f64>,
    pub(crate) recommended_percent: u64,
}

/// Alarms that are not worth what they cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Nuisances {
    /// Active for more than 24 h at the end.
    pub(crate) stale: u64,
    /// The longest ones.
    pub(crate) stale_longest: Vec<Stale>,
    /// Distinct alarms.
    pub(crate) chattering: u64,
    /// Annunciations.
    pub(crate) fleeting: u64,
}

/// A stale alarm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Stale {
    pub(crate) alert_id: u64,
    pub(crate) agent: String,
    pub(crate) cause: &'static str,
    pub(crate) subject: String,
    pub(crate) active_secs: f64,
}

/// The alarms that come most often.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct MostFrequent {
    /// Share of the ten in all annunciations.
    pub(crate) top_ten_percent: Option<f64>,
    pub(crate) top_ten: Vec<Frequent>,
    /// Annunciations of alarms above the bound of alarms that are told apart.
    pub(crate) not_told_apart: u64,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Frequent {
    pub(crate) agent: String,
    pub(crate) cause: &'static str,
    pub(crate) subject: String,
    pub(crate) annunciated: u64,
    pub(crate) percent: f64,
}

/// How long alarms waited for somebody to take note.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Acknowledgements {
    pub(crate) acknowledged: u64,
    pub(crate) median_millis: Option<u64>,
    pub(crate) p90_millis: Option<u64>,
    pub(crate) p95_millis: Option<u64>,
    pub(crate) max_millis: Option<u64>,
    pub(crate) never_acknowledged: u64,
}

/// Takeovers asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Demands {
    pub(crate) raised: u64,
    /// A person took control.
    pub(crate) answered: u64,
    /// The agent fell back.
    pub(crate) fell_back: u64,
    /// It ended in another way.
    pub(crate) ended_otherwise: u64,
    pub(crate) calls: Calls,
}

/// Calls to people away from their consoles.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Calls {
    pub(crate) nobody_online: u64,
    pub(crate) not_shown: u64,
    pub(crate) unanswered: u64,
    pub(crate) fell_back: u64,
}
