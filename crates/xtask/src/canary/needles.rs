//! What to look for: pieces of secrets, as they are and as they might have been written.

use aho_corasick::AhoCorasick;
use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose as base64_of};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

/// So much of a secret in one piece is a leak, wherever twice as much of it stands.
const PIECE: usize = 20;
/// A piece of fewer different bytes is found by chance.
const DISTINCT: usize = 6;

const PLAIN: &str = "as it is";
const HEX: &str = "in hexadecimal";
const BASE64: &str = "in base64";
const PERCENT: &str = "percent-encoded";

/// The secrets of a run.
#[derive(Default)]
pub(super) struct Needles(BTreeSet<String>);

impl Needles {
    /// Adds a secret; what is too short or too plain to be one is left out.
    pub(super) fn add(&mut self, secret: &str) {
        if pieces(secret.trim()).next().is_some() {
            self.0.insert(secret.trim().to_owned());
        }
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Makes what finds them; each of them is found by it, or it is an error.
    pub(super) fn finder(&self) -> Result<Finder> {
        let mut forms = BTreeMap::new();
        for secret in &self.0 {
            for piece in pieces(secret) {
                for (form, written) in forms_of(piece) {
                    forms.entry(written).or_insert(form);
                }
            }
        }
        let automaton = AhoCorasick::new(forms.keys()).context("making what looks for secrets")?;
        let finder = Finder { automaton, forms: forms.into_values().collect() };
        for secret in &self.0 {
            ensure!(
                finder.find(secret.as_bytes()).is_some(),
                "a secret of this run could not be found anywhere"
            );
        }
        Ok(finder)
    }
}

/// Finds secrets in bytes.
pub(super) struct Finder {
    automaton: AhoCorasick,
    forms: Vec<&'static str>,
}

impl Finder {
    /// Returns where the first piece of a secret begins, and how it is written.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<(usize, &'static str)> {
        let found = self.automaton.find(bytes)?;
        Some((found.start(), self.forms.get(found.pattern().as_usize())?))
    }
}

/// Returns the pieces of what is secret in a text: of a token or key of PASETO and PASERK, what follows its kind, without
/// the footer that names the key.
fn pieces(secret: &str) -> impl Iterator<Item = &[u8]> {
    let is_typed = secret.starts_with("v4.") || secret.starts_with("k4.");
    let body = if is_typed { secret.split('.').nth(2).unwrap_or(secret) } else { secret };
    let is_telling = |piece: &&[u8]| piece.iter().collect::<BTreeSet<_>>().len() >= DISTINCT;
    body.as_bytes().chunks_exact(PIECE).filter(is_telling)
}

/// Returns a piece in every form.
fn forms_of(piece: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![(PLAIN, piece.to_vec())];
    let hex = |upper: bool| {
        piece.iter().fold(String::new(), |mut text, byte| {
            let written = if upper { write!(text, "{byte:02X}") } else { write!(text, "{byte:02x}") };
            written.expect("a String takes every write");
            text
        })
    };
    forms.extend([hex(false), hex(true)].map(|text| (HEX, text.into_bytes())));
    // Where it begins within three bytes decides how it is written; its ends hang on what stands beside it.
    for before in 0..3 {
        let padded = [vec![0; before], piece.to_vec()].concat();
        let whole = padded.len() / 3 * 3;
        let inner = padded.get(..whole).unwrap_or_default();
        for engine in [&base64_of::STANDARD, &base64_of::URL_SAFE] {
            let text = engine.encode(inner);
            let skip = if before == 0 { 0 } else { 4 };
            forms.push((BASE64, text.as_bytes().get(skip..).unwrap_or_default().to_vec()));
        }
    }
    let percent = |upper: bool| {
        piece.iter().fold(String::new(), |mut text, byte| {
            let written = match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    write!(text, "{}", char::from(*byte))
                }
                other if upper => write!(text, "%{other:02X}"),
                other => write!(text, "%{other:02x}"),
            };
            written.expect("a String takes every write");
            text
        })
    };
    forms.extend([percent(false), percent(true)].map(|text| (PERCENT, text.into_bytes())));
    forms
}

/// Returns a secret written in each form, as a leak of it would be, for tests.
#[cfg(test)]
pub(super) fn written(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let digit = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
    let hex: Vec<u8> = secret.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    let upper = hex.to_ascii_uppercase();
    let mut written = vec![(PLAIN, secret.as_bytes().to_vec()), (HEX, hex), (HEX, upper)];
    for before in ["", "x", "xy"] {
        for engine in [&base64_of::STANDARD, &base64_of::URL_SAFE] {
            written.push((BASE64, engine.encode(format!("{before}{secret} and more")).into_bytes()));
        }
    }
    // What a URL carries as it is, is the first of these.
    if secret.contains(['+', '/']) {
        for (plus, slash) in [("%2B", "%2F"), ("%2b", "%2f")] {
            written.push((PERCENT, secret.replace('+', plus).replace('/', slash).into_bytes()));
        }
    }
    written
}
