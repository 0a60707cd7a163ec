//! What a deployment says about its alarms: classes, rules that suppress, what counts as flapping.

use super::{ConfigError, line_of};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use watchkeeper_model::{AgentId, Alarm, CauseClass, Label, Note, Priority, Scope, Severity};

/// Most rules that suppress: a person has to know them all.
const MAX_RULES: usize = 64;
/// Most raises after which an alert flaps: so many moments are kept of each.
const MAX_RAISES: u32 = 100;

/// Most areas.
const MAX_AREAS: usize = 256;

/// `[alarms]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AlarmSettings {
    /// When an alert flaps; `[alarms.flap]`.
    pub flap: Flapping,
    /// When one person has more than he can look at; `[alarms.flood]`.
    pub flood: FloodSettings,
    /// How alerts find somebody; `[alarms.routing]`.
    pub routing: RoutingSettings,
    /// When alerts of many agents are one; `[alarms.common]`.
    pub common: CommonSettings,
    /// Classes that differ from the built-in ones; `[alarms.classes.limit]`.
    pub classes: BTreeMap<CauseClass, AlarmClass>,
    /// Suppression by design; `[[alarms.suppress]]`.
    pub suppress: Vec<SuppressRule>,
    /// Agents that depend on the same thing; `[[alarms.areas]]`.
    pub areas: Vec<Area>,
}

/// When the alerts that one person is brought are a flood (ISA-18.2: from more than ten in ten minutes until fewer than
/// five in ten minutes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FloodSettings {
    /// It begins with more than so many within the span, 1 to 1,000.
    pub begins_above: u32,
    /// It ends with fewer than so many within the span, 1 to `begins_above`.
    pub ends_below: u32,
    /// The span, in seconds.
    pub within_secs: u64,
}

impl Default for FloodSettings {
    fn default() -> Self {
        Self { begins_above: 10, ends_below: 5, within_secs: 600 }
    }
}

impl FloodSettings {
    /// Returns the span over which alerts are counted.
    pub const fn within(self) -> Duration {
        Duration::from_secs(self.within_secs)
    }
}

/// How alerts find somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoutingSettings {
    /// How many milliseconds whom an alert is brought to has to show it before it goes to the next, 50 to 60,000.
    pub present_within_ms: u64,
}

impl Default for RoutingSettings {
    /// The budget from alert to frame is 250 ms at p99 (`takeover.md` 3.2); what is not there after 400 ms is not coming.
    fn default() -> Self {
        Self { present_within_ms: 400 }
    }
}

impl RoutingSettings {
    /// Returns how long showing an alert may take.
    pub const fn present_within(self) -> Duration {
        Duration::from_millis(self.present_within_ms)
    }
}

/// When alerts of many agents are one trouble: the same is found at `agents` agents, each within `within_secs` of the one
/// before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommonSettings {
    /// From how many agents on, 2 to 1,000.
    pub agents: u32,
    /// How many seconds after the last one another still belongs to it.
    pub within_secs: u64,
    /// Which kinds of causes; none where empty.
    pub causes: Vec<CauseClass>,
}

impl Default for CommonSettings {
    /// Five agents within five seconds of each other: links that fail one by one do not come so close, and what takes a
    /// depot's link away takes its agents at once. Only what a link does: other causes come together by chance.
    fn default() -> Self {
        Self { agents: 5, within_secs: 5, causes: vec![CauseClass::Late, CauseClass::Silence] }
    }
}

impl CommonSettings {
    /// Returns how long after the last alert another still belongs to it.
    pub const fn within(&self) -> Duration {
        Duration::from_secs(self.within_secs)
    }
}

/// Agents that depend on the same thing: a depot, a gateway, a network. What they have in common is not mixed with what
/// others have at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// What people call it; no two areas share one.
    pub name: Label,
    /// Its agents: ids, or beginnings of ids with a `*` behind them. An agent of several areas belongs to the first.
    pub agents: Scope,
}

/// When an alert flaps: it is raised more than `raises` times within `within_secs`, and then held open until it has been
/// quiet for `quiet_secs` (flap detection as in Nagios, with a count and an off-delay in place of a share of changes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flapping {
    /// Raises that are still taken for what they are, 1 to 100.
    pub raises: u32,
    /// Within how many seconds.
    pub within_secs: u64,
    /// For how many seconds its cause must neither come nor go before it is no longer held open.
    pub quiet_secs: u64,
}

impl Default for Flapping {
    /// Ten an hour: ISA-18.2 calls an alarm chattering from three a minute, and a person's whole queue flooded from ten
    /// in ten minutes; one alert that alone makes ten an hour is a nuisance well before either. Ten quiet minutes: the
    /// span over which a flood is counted.
    fn default() -> Self {
        Self { raises: 10, within_secs: 3_600, quiet_secs: 600 }
    }
}

impl Flapping {
    /// Returns the span over which raises are counted.
    pub const fn within(self) -> Duration {
        Duration::from_secs(self.within_secs)
    }

    /// Returns how long it must be quiet.
    pub const fn quiet(self) -> Duration {
        Duration::from_secs(self.quiet_secs)
    }
}

/// What happens at worst if nobody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// Work is lost or late.
    Minor,
    /// Damage, or a fallback that needs people.
    Major,
    /// People may be hurt, or the agent is not safe.
    Severe,
}

/// One class of alarms, rationalised (ISA-18.2): an alarm for which nobody can say what follows, what to do and how soon
/// is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmClass {
    /// What happens at worst if nobody acts.
    pub consequence: Consequence,
    /// What a person does about it; not empty.
    pub operator_action: Note,
    /// Within how many seconds he must have begun; more than 0.
    pub time_to_respond_secs: u64,
    /// It stays after its cause is gone until a person resets it.
    #[serde(default)]
    pub latching: bool,
}

/// The keys without which a class does not load.
const NEEDED: [&str; 3] = ["consequence", "operator_action", "time_to_respond_secs"];

impl AlarmClass {
    /// Returns the built-in class of a kind of cause.
    pub fn of(cause: CauseClass) -> Self {
        use Consequence::{Major, Minor, Severe};
        let (consequence, time_to_respond_secs, action) = match cause {
            CauseClass::Limit => {
                (Major, 60, "look at the signal and its limit; hold the agent or take over while it goes on")
            }
            CauseClass::Outlier => (
                Minor,
                300,
                "compare the signal with the others and with the scene; shelve a known sensor fault",
            ),
            CauseClass::Stuck => (
                Major,
                300,
                "look at what still moves; restart the sensor or the software, or hold the agent until it does",
            ),
            CauseClass::Envelope => {
                (Severe, 60, "look at the scene; slow the vehicle down or stop it while it goes on")
            }
            CauseClass::Confidence => {
                (Major, 300, "look at what the agent is unsure of; help it, hold it or take over")
            }
            CauseClass::Sequence => (Minor, 900, "look at the agent's connection and its software"),
            CauseClass::Late => {
                (Major, 300, "do not drive over this way; look at the network and at the agent's load")
            }
            CauseClass::Silence => (
                Major,
                60,
                "find out whether the agent stands safely; send somebody when it does not come back",
            ),
            CauseClass::Asked => (Major, 60, "answer the agent, or take over"),
            CauseClass::Fallback => (
                Severe,
                60,
                "make sure that the agent is safe where it is, then release it or have it fetched",
            ),
            CauseClass::Stopped => (Minor, 900, "find out who stopped it and why before anybody releases it"),
        };
        Self { consequence, operator_action: Note::cut(action), time_to_respond_secs, latching: false }
    }

    /// Returns the priority of an alarm of this class: consequence against the time there is to respond.
    ///
    /// The grid is that of Hollifield and Habibi, *The Alarm Management Handbook*, with its limits of 3 and 10 minutes, as
    /// it is used with ISA-18.2. We deviate twice: what has more than half an hour is low where they have no alarm at
    /// all, and one finding cannot claim more than its severity supports, so that an advisory counts as minor and a
    /// warning as major at most.
    pub fn priority(&self, severity: Severity) -> Priority {
        let supported = match severity {
            Severity::Advisory => Consequence::Minor,
            Severity::Warning => Consequence::Major,
            Severity::Critical => Consequence::Severe,
        };
        let soon = self.time_to_respond_secs < 180;
        let later = self.time_to_respond_secs < 600;
        match (self.consequence.min(supported), soon, later) {
            (Consequence::Minor, true, _) => Priority::Medium,
            (Consequence::Minor, false, _) => Priority::Low,
            (Consequence::Major | Consequence::Severe, true, _) => Priority::High,
            (Consequence::Major, false, true) | (Consequence::Severe, false, _) => Priority::Medium,
            (Consequence::Major, false, false) => Priority::Low,
        }
    }
}

/// Suppression by design: alarms of `cause` are hidden while another alarm of the same agent is active, because they
/// follow from it. What asks for a takeover is never hidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuppressRule {
    /// What people call it; no two rules share one.
    pub name: Label,
    /// What it hides.
    pub cause: CauseClass,
    /// Only this subject of it; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Label>,
    /// Only of these agents; of all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<AgentId>,
    /// While an alarm of this kind is active.
    pub while_active: CauseClass,
    /// Only this subject of that; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub while_subject: Option<Label>,
    /// Why the one follows from the other; not empty.
    pub reason: Note,
}

impl SuppressRule {
    /// Returns whether the rule speaks of this alarm.
    pub fn hides(&self, alarm: &Alarm) -> bool {
        alarm.cause == self.cause
            && (self.agents.is_empty() || self.agents.contains(&alarm.agent))
            && self.subject.as_ref().is_none_or(|subject| *subject == alarm.subject)
    }

    /// Returns whether this alarm, while it is active, is what the rule waits for.
    pub fn is_met_by(&self, alarm: &Alarm) -> bool {
        alarm.cause == self.while_active
            && self.while_subject.as_ref().is_none_or(|subject| *subject == alarm.subject)
    }
}

/// `[alarms]` as it is written: a class may lack what it must have.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    flap: Flapping,
    flood: FloodSettings,
    routing: RoutingSettings,
    common: CommonSettings,
    areas: Vec<Area>,
    classes: BTreeMap<CauseClass, toml::Table>,
    suppress: Vec<SuppressRule>,
}

impl AlarmSettings {
    /// Returns the settings with every built-in class written out.
    pub(super) fn complete() -> Self {
        let classes = CauseClass::ALL.iter().map(|cause| (*cause, AlarmClass::of(*cause))).collect();
        Self { classes, ..Self::default() }
    }

    /// Returns the class of a kind of cause.
    pub fn class(&self, cause: CauseClass) -> AlarmClass {
        self.classes.get(&cause).cloned().unwrap_or_else(|| AlarmClass::of(cause))
    }

    /// Checks what was written; `text` is the whole file, for the lines.
    pub(super) fn check(written: Written, text: &str) -> Result<Self, ConfigError> {
        check_flap(written.flap, text)?;
        check_flood(written.flood, text)?;
        check_routing(written.routing, text)?;
        check_common(&written.common, text)?;
        check_areas(&written.areas, text)?;
        let mut classes = BTreeMap::new();
        for (cause, table) in &written.classes {
            classes.insert(*cause, check_class(*cause, table, text)?);
        }
        check_rules(&written.suppress, text)?;
        let Written { flap, flood, routing, common, areas, suppress, .. } = written;
        Ok(Self { flap, flood, routing, common, classes, suppress, areas })
    }
}

fn wrong(text: &str, header: &str, path: &str, field: &str, reason: String) -> ConfigError {
    ConfigError::Value { line: line_of(text, field, header), field: format!("{path}.{field}"), reason }
}

fn check_flap(flap: Flapping, text: &str) -> Result<(), ConfigError> {
    let wrong = |field, reason: &str| wrong(text, "[alarms.flap]", "alarms.flap", field, reason.to_owned());
    if !(1..=MAX_RAISES).contains(&flap.raises) {
        return Err(wrong("raises", "is not 1 to 100: so many moments are kept of each alert"));
    }
    for (field, secs) in [("within_secs", flap.within_secs), ("quiet_secs", flap.quiet_secs)] {
        if !(1..=86_400).contains(&secs) {
            return Err(wrong(field, "is not 1 to 86400: a wait has an end, within a day"));
        }
    }
    Ok(())
}

fn check_flood(flood: FloodSettings, text: &str) -> Result<(), ConfigError> {
    let wrong = |field, reason: &str| wrong(text, "[alarms.flood]", "alarms.flood", field, reason.to_owned());
    if !(1..=1_000).contains(&flood.begins_above) {
        return Err(wrong("begins_above", "is not 1 to 1000: so many moments are kept of each person"));
    }
    if !(1..=flood.begins_above).contains(&flood.ends_below) {
        let FloodSettings { begins_above, ends_below, .. } = flood;
        let why = format!(
            "is {ends_below}, and must be 1 to begins_above, which is {begins_above}: a flood would end before it \
             begins. Write both"
        );
        return Err(wrong("ends_below", &why));
    }
    if !(1..=86_400).contains(&flood.within_secs) {
        return Err(wrong("within_secs", "is not 1 to 86400: a wait has an end, within a day"));
    }
    Ok(())
}

fn check_routing(routing: RoutingSettings, text: &str) -> Result<(), ConfigError> {
    if (50..=60_000).contains(&routing.present_within_ms) {
        return Ok(());
    }
    let why = "is not 50 to 60000: a frame takes longer than the one, and nobody waits for the other";
    Err(wrong(text, "[alarms.routing]", "alarms.routing", "present_within_ms", why.to_owned()))
}

fn check_common(common: &CommonSettings, text: &str) -> Result<(), ConfigError> {
    let wrong =
        |field, reason: &str| wrong(text, "[alarms.common]", "alarms.common", field, reason.to_owned());
    if !(2..=1_000).contains(&common.agents) {
        return Err(wrong("agents", "is not 2 to 1000: one agent has nothing in common with itself"));
    }
    if !(1..=3_600).contains(&common.within_secs) {
        return Err(wrong("within_secs", "is not 1 to 3600: what comes later has its own cause"));
    }
    Ok(())
}

/// Returns the line of each table of an array of tables.
fn lines_of(text: &str, header: &str) -> Vec<usize> {
    let headers = text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with(header));
    headers.map(|(index, _)| index + 1).collect()
}

fn check_areas(areas: &[Area], text: &str) -> Result<(), ConfigError> {
    let lines = lines_of(text, "[[alarms.areas]]");
    let mut names = BTreeSet::new();
    for (index, area) in areas.iter().enumerate() {
        let wrong = |field: &str, reason: String| ConfigError::Value {
            line: lines.get(index).copied().unwrap_or(1),
            field: format!("alarms.areas[{index}].{field}"),
            reason,
        };
        if index >= MAX_AREAS {
            return Err(wrong("name", format!("is one too many: at most {MAX_AREAS} areas")));
        }
        if area.name.as_str().trim().is_empty() || !names.insert(&area.name) {
            return Err(wrong("name", "is empty or used twice: people see it on the card".to_owned()));
        }
        if area.agents.patterns().is_empty() {
            return Err(wrong(
                "agents",
                "is empty: name the agents, or beginnings of ids with a *".to_owned(),
            ));
        }
    }
    Ok(())
}

fn check_class(cause: CauseClass, table: &toml::Table, text: &str) -> Result<AlarmClass, ConfigError> {
    let path = format!("alarms.classes.{cause}");
    let header = format!("[{path}]");
    let wrong = |field: &str, reason: String| wrong(text, &header, &path, field, reason);
    if let Some(field) = NEEDED.into_iter().find(|field| !table.contains_key(*field)) {
        let why = "is missing: say what follows, what to do and how soon (rule: ISA-18.2 rationalisation)";
        return Err(wrong(field, why.to_owned()));
    }
    let mut class = AlarmClass::of(cause);
    for (field, value) in table {
        let mut merged = toml::Table::try_from(&class).expect("a class can be written as TOML");
        merged.insert(field.clone(), value.clone());
        class =
            merged.try_into().map_err(|error: toml::de::Error| wrong(field, error.message().to_owned()))?;
    }
    if class.operator_action.as_str().trim().is_empty() {
        return Err(wrong("operator_action", "is empty: what nobody can act on is no alarm".to_owned()));
    }
    if class.time_to_respond_secs == 0 {
        return Err(wrong("time_to_respond_secs", "is 0: then nobody could ever respond in time".to_owned()));
    }
    Ok(class)
}

fn check_rules(rules: &[SuppressRule], text: &str) -> Result<(), ConfigError> {
    let lines = lines_of(text, "[[alarms.suppress]]");
    let mut names = BTreeSet::new();
    for (index, rule) in rules.iter().enumerate() {
        let wrong = |field: &str, reason: String| ConfigError::Value {
            line: lines.get(index).copied().unwrap_or(1),
            field: format!("alarms.suppress[{index}].{field}"),
            reason,
        };
        if index >= MAX_RULES {
            return Err(wrong("name", format!("is one too many: at most {MAX_RULES} rules suppress")));
        }
        if rule.name.as_str().trim().is_empty() || !names.insert(&rule.name) {
            return Err(wrong(
                "name",
                "is empty or used twice: people see it where the alert was".to_owned(),
            ));
        }
        if rule.reason.as_str().trim().is_empty() {
            return Err(wrong("reason", "is empty: say why the one follows from the other".to_owned()));
        }
        if leads_back(rules, rule) {
            let why = "leads back to what the rule hides: both could be hidden at once, and nobody would see either";
            return Err(wrong("while_active", why.to_owned()));
        }
    }
    Ok(())
}

/// Returns whether what a rule waits for may itself be hidden, by however many rules, because of what the rule hides.
fn leads_back(rules: &[SuppressRule], rule: &SuppressRule) -> bool {
    let (mut reached, mut open) = (BTreeSet::new(), vec![rule.while_active]);
    while let Some(cause) = open.pop() {
        if cause == rule.cause {
            return true;
        }
        if reached.insert(cause) {
            open.extend(rules.iter().filter(|other| other.cause == cause).map(|other| other.while_active));
        }
    }
    false
}
