//! What a deployment may set, validated: an error says the line and the reason.

mod alarms;
mod rules;
mod webhook;

pub use alarms::{
    AlarmClass, AlarmSettings, Area, CommonSettings, Consequence, Flapping, FloodSettings, RoutingSettings,
    SuppressRule,
};
pub use rules::RulesSettings;
pub use webhook::Webhook;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;
use watchkeeper_detect::DetectSettings;
use watchkeeper_model::AgentKind;
use watchkeeper_takeover::Timers;

/// The monitor's configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Config {
    /// Timers of kinds that differ from the defaults; `[timers.vehicle]`.
    pub timers: BTreeMap<AgentKind, Timers>,
    /// Load limits of one person; `[load]`.
    pub load: Load,
    /// Detection; `[detect]`.
    pub detect: DetectSettings,
    /// The site; `[site]`. The engine makes no use of it: it stands here so that the record holds it.
    pub site: Site,
    /// Where people who are not at their consoles are called; `[webhook]`. `None`: nobody is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// Classes of alarms, suppression, flapping; `[alarms]`.
    pub alarms: AlarmSettings,
    /// Rules that people write over decisions; `[rules]`.
    pub rules: RulesSettings,
}

/// A configuration as it is written, where a kind's timers may be given in part.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    timers: BTreeMap<AgentKind, toml::Table>,
    #[serde(default)]
    load: Load,
    #[serde(default)]
    detect: DetectSettings,
    #[serde(default)]
    site: Site,
    webhook: Option<Webhook>,
    #[serde(default)]
    alarms: alarms::Written,
    #[serde(default)]
    rules: RulesSettings,
}

/// Applies one changed timer after the other to the defaults of a kind, so that an error names the one.
fn merged(kind: AgentKind, changes: &toml::Table, text: &str) -> Result<Timers, ConfigError> {
    let mut timers = Timers::for_kind(kind);
    for (field, value) in changes {
        let mut table = toml::Table::try_from(&timers).expect("timers can be written as TOML");
        table.insert(field.clone(), value.clone());
        timers = table.try_into().map_err(|error: toml::de::Error| ConfigError::Value {
            line: line_of(text, field, &format!("[timers.{kind}]")),
            field: format!("timers.{kind}.{field}"),
            reason: error.message().to_owned(),
        })?;
    }
    Ok(timers)
}

/// What a deployment says about where it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// One of three consents to be reached by others without TLS (`security.md` 3, modes); the command line and the
    /// environment are the others. The monitor takes it back where others cannot reach it like that: what the record has is
    /// what is so, and every console says it.
    pub insecure_i_know: bool,
}

/// How much one person may have at once (`takeover.md` 2, rule 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// Drive leases of one person.
    pub leases_per_person: u32,
    /// Distinct agents that one person may stop within 10 s without `confirm_many`.
    pub stops_without_confirmation: u32,
    /// Fallbacks of one agent within `lock_out_secs` after which only a supervisor lets it go on.
    pub fallbacks_until_lock_out: u32,
}

impl Default for Load {
    fn default() -> Self {
        Self { leases_per_person: 1, stops_without_confirmation: 5, fallbacks_until_lock_out: 3 }
    }
}

/// Says what is wrong with a configuration and where.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ConfigError {
    /// Not TOML, or an unknown or mistyped field.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// A value that cannot work.
    #[error("line {line}: {field}: {reason}")]
    Value {
        /// Line of the table or field, from 1.
        line: usize,
        /// Path of the field.
        field: String,
        /// What is wrong, and what it must be.
        reason: String,
    },
}

impl Config {
    /// Returns the defaults with every key written out: what `serve --print-config` shows, beside
    /// [`Webhook::EXAMPLE`], since that table has no default.
    pub fn complete() -> Self {
        let timers = AgentKind::ALL.iter().map(|kind| (*kind, Timers::for_kind(*kind))).collect();
        Self { timers, alarms: AlarmSettings::complete(), ..Self::default() }
    }

    /// Parses and checks a configuration. What is left out keeps its default, also single timers of a kind.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let before = text.get(..offset).unwrap_or_default();
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            ConfigError::Syntax {
                line: before.matches('\n').count() + 1,
                column: before.len() - line_start + 1,
                reason: error.message().to_owned(),
            }
        })?;
        let alarms = AlarmSettings::check(written.alarms, text)?;
        if let Some(webhook) = &written.webhook {
            webhook.check(text)?;
        }
        let mut config = Self {
            timers: BTreeMap::new(),
            load: written.load,
            detect: written.detect,
            site: written.site,
            webhook: written.webhook,
            alarms,
            rules: written.rules,
        };
        for (kind, changes) in &written.timers {
            config.timers.insert(*kind, merged(*kind, changes, text)?);
        }
        for (kind, timers) in &config.timers {
            timers.check().map_err(|error| ConfigError::Value {
                line: line_of(text, error.field, &format!("[timers.{kind}]")),
                field: format!("timers.{kind}.{}", error.field),
                reason: error.to_string(),
            })?;
        }
        if let Some(error) = config.detect.check().into_iter().next() {
            return Err(ConfigError::Value {
                line: line_of(text, error.path.rsplit('.').next().unwrap_or_default(), "[detect"),
                field: format!("detect.{}", error.path),
                reason: error.problem.to_string(),
            });
        }
        let Load { leases_per_person, fallbacks_until_lock_out, .. } = config.load;
        for (field, found, why) in [
            ("leases_per_person", leases_per_person, "then nobody could ever take over"),
            ("fallbacks_until_lock_out", fallbacks_until_lock_out, "then every agent would be locked out"),
        ] {
            if found == 0 {
                return Err(ConfigError::Value {
                    line: line_of(text, field, "[load]"),
                    field: format!("load.{field}"),
                    reason: format!("is 0: {why}"),
                });
            }
        }
        Ok(config)
    }

    /// Returns the configuration as TOML: what the record keeps.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("the configuration came from TOML or from defaults")
    }

    /// Returns the timers of a kind of agent.
    pub fn timers(&self, kind: AgentKind) -> Timers {
        self.timers.get(&kind).cloned().unwrap_or_else(|| Timers::for_kind(kind))
    }
}

/// Finds the line of `field` behind the table `header`; the header's own line, or 1, where it is not written.
fn line_of(text: &str, field: &str, header: &str) -> usize {
    let mut inside = false;
    let mut best = 1;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.starts_with('[') {
            inside = line.trim_start_matches('[').starts_with(header.trim_start_matches('['));
            if inside {
                best = index + 1;
            }
        } else if inside && line.starts_with(field) {
            return index + 1;
        }
    }
    best
}
