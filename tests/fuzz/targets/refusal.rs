//! What every refusal of a frame must be like, whatever the frame was.

use watchkeeper_protocol::{DecodeError, ToAgent, Wire};

/// Asserts that the report of `error` reaches the peer unchanged, and that its words steer nobody's terminal.
pub(crate) fn check(error: &DecodeError) {
    let report = ToAgent::Error(error.report());
    assert_eq!(ToAgent::decode(&report.encode()).as_ref(), Ok(&report), "the peer hears something else");
    let words = error.to_string();
    let steers = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!words.chars().any(steers), "a peer steers a terminal: {words:?}");
}
