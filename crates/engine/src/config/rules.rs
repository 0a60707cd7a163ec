//! The rules that are in force at the start.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::sync::Arc;
use watchkeeper_rules::RuleSet;

/// Rules that people write over decisions; `[rules]`. What is in force at the start stands here, so that the record holds
/// it; later changes are inputs of their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesSettings {
    /// The file whose versions the server follows (`watchkeeper rules activate`). A relative path is taken from the
    /// directory of the configuration file where `serve` reads one, else from the working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The rules themselves, as the text of such a file. Where a file is named, the server writes here what it found.
    #[serde(
        rename = "text",
        skip_serializing_if = "has_none",
        serialize_with = "as_text",
        deserialize_with = "from_text"
    )]
    pub in_force: Arc<RuleSet>,
}

impl RulesSettings {
    /// The table as a comment: what `serve --print-config` shows of it, since it has no default.
    pub const EXAMPLE: &str =
        "# Rules that people write over decisions; none unless it is written (docs/rules.md).
# [rules]
# file = \"rules.toml\"";
}

fn has_none(rules: &Arc<RuleSet>) -> bool {
    **rules == RuleSet::empty()
}

fn as_text<S: Serializer>(rules: &Arc<RuleSet>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(rules.text())
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<RuleSet>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let rules =
        RuleSet::parse(&text).map_err(|error| D::Error::custom(format_args!("the rules: {error}")))?;
    Ok(Arc::new(rules))
}
