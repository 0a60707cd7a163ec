//! All rules of one file.

use crate::{Rule, RuleError, RuleId, file};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// Most rules of a file.
pub(crate) const MAX_RULES: usize = 256;
/// Longest file, in bytes: it goes into the record whole.
pub const MAX_BYTES: usize = 128 << 10;

/// Names a version of the rules by what it says: SHA-256 of the file's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleSetVersion([u8; 32]);

impl RuleSetVersion {
    /// Returns the version of a text.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Returns the first twelve digits: what people say and tables show.
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for RuleSetVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RuleSetVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RuleSetVersion({self})")
    }
}

impl From<RuleSetVersion> for String {
    fn from(version: RuleSetVersion) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for RuleSetVersion {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for RuleSetVersion {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no version: it must be 64 hexadecimal digits");
        let digits: Option<Vec<u8>> =
            text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or_else(wrong)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = pair.iter().fold(0, |byte, nibble| byte << 4 | nibble);
        }
        Ok(Self(bytes))
    }
}

/// The rules of one file, each of them checked. Two sets are equal where they say the same, byte for byte.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    version: RuleSetVersion,
    text: String,
}

impl PartialEq for RuleSet {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

impl Default for RuleSet {
    /// The set that has no rule.
    fn default() -> Self {
        Self::empty()
    }
}

impl RuleSet {
    /// Reads a file of rules, whole or not at all. A text that begins with `{` is taken as activation conditions: one
    /// rule called `activation-conditions` that sends decisions to review.
    ///
    /// # Errors
    /// The first thing that is wrong, with line, column, reason and what to do.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let rules = file::read(text)?;
        Ok(Self { rules, version: RuleSetVersion::of(text), text: text.to_owned() })
    }

    /// Returns the set that has no rule.
    pub fn empty() -> Self {
        Self { rules: Vec::new(), version: RuleSetVersion::of(""), text: String::new() }
    }

    /// Returns the rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the rule of this id.
    pub fn rule(&self, id: &RuleId) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == *id)
    }

    /// Returns what names this version.
    pub const fn version(&self) -> RuleSetVersion {
        self.version
    }

    /// Returns the file that it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }
}
