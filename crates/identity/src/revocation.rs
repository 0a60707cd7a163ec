//! What was taken back before its time.

use crate::claims::{Claims, Subject};
use jiff::Timestamp;
use std::{collections::BTreeMap, fmt::Write};
use thiserror::Error;
use watchkeeper_model::{AgentPattern, PersonId};

/// Most lines: each is forgotten once no token can live any more that it names.
const MOST: usize = 10_000;

/// Says which line of the list cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct RevokedError {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// What is revoked: single tokens, and all of a person or an agent that were valid from before some moment.
///
/// A list has a line each: the moment, `token`, `person` or `agent`, and the id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revoked {
    /// When, by kind and id.
    lines: BTreeMap<(Kind, String), Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Token,
    Person,
    Agent,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Token, Self::Person, Self::Agent];

    const fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Person => "person",
            Self::Agent => "agent",
        }
    }
}

impl Revoked {
    /// Reads a list.
    ///
    /// # Errors
    /// The first line that cannot be read; a list that cannot be read as a whole revokes nothing less: keep the last.
    pub fn parse(text: &str) -> Result<Self, RevokedError> {
        let mut revoked = Self::default();
        for (index, line) in text.lines().enumerate() {
            let wrong = |problem| RevokedError { line: index + 1, problem };
            let mut words = line.split_whitespace();
            let Some(at) = words.next() else { continue };
            let at: Timestamp =
                at.parse().map_err(|_error| wrong("it begins with no time such as 2026-11-30T10:00:00Z"))?;
            let (Some(kind), Some(id), None) = (words.next(), words.next(), words.next()) else {
                return Err(wrong("it has a time, one of token, person, agent, and an id"));
            };
            let kind = Kind::ALL
                .into_iter()
                .find(|known| known.word() == kind)
                .ok_or_else(|| wrong("its second word is none of token, person, agent"))?;
            revoked.lines.insert((kind, id.to_owned()), at);
        }
        if revoked.lines.len() > MOST {
            return Err(RevokedError { line: MOST, problem: "the list is longer than 10,000 lines" });
        }
        Ok(revoked)
    }

    /// Returns whether there is room for one more line.
    pub(crate) fn has_room(&self) -> bool {
        self.lines.len() < MOST
    }

    /// Returns the list as text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for ((kind, id), at) in &self.lines {
            writeln!(text, "{at} {} {id}", kind.word()).expect("a String takes every write");
        }
        text
    }

    /// Revokes one token.
    pub fn token(&mut self, token_id: &str, at: Timestamp) {
        self.lines.insert((Kind::Token, token_id.to_owned()), at);
    }

    /// Revokes every token that a person has now.
    pub fn person(&mut self, person: &PersonId, at: Timestamp) {
        self.lines.insert((Kind::Person, person.as_str().to_owned()), at);
    }

    /// Revokes every token that an agent has now, or a gateway under this pattern.
    pub fn agent(&mut self, agent: &AgentPattern, at: Timestamp) {
        self.lines.insert((Kind::Agent, agent.as_str().to_owned()), at);
    }

    /// Forgets what no token that still lives can be named by.
    pub fn forget_before(&mut self, moment: Timestamp) {
        self.lines.retain(|_, at| *at >= moment);
    }

    /// Returns whether a token is revoked.
    pub fn contains(&self, claims: &Claims) -> bool {
        let token = self.lines.contains_key(&(Kind::Token, claims.token_id.as_str().to_owned()));
        let is_earlier = |at: &Timestamp| claims.valid_from <= *at;
        token
            || match &claims.subject {
                Subject::Person { person, .. } => {
                    self.lines.get(&(Kind::Person, person.as_str().to_owned())).is_some_and(is_earlier)
                }
                // Whoever could come as a revoked agent cannot come at all, nor one whose gateway is revoked.
                Subject::Agent(pattern) => self
                    .lines
                    .iter()
                    .filter(|((kind, _), at)| *kind == Kind::Agent && is_earlier(at))
                    .any(|((_, id), _)| overlap(id, pattern.as_str())),
            }
    }
}

/// Returns whether two patterns have an agent in common.
fn overlap(one: &str, other: &str) -> bool {
    match (one.strip_suffix('*'), other.strip_suffix('*')) {
        (Some(one), Some(other)) => one.starts_with(other) || other.starts_with(one),
        (Some(start), None) => other.starts_with(start),
        (None, Some(start)) => one.starts_with(start),
        (None, None) => one == other,
    }
}
