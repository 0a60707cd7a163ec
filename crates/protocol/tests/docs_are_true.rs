//! `docs/protocol.md` says what the code does: bytes, kinds, fields, words, limits.

#[path = "shared/document.rs"]
mod document;
#[path = "shared/examples.rs"]
mod examples;
#[path = "shared/schema.rs"]
mod schema;
#[path = "shared/value.rs"]
mod value;

use examples::Set;
use schema::Schema;
use value::{hex, unhex};
use watchkeeper_model::{
    AgentKind, AlarmState, CauseClass, CommandCode, CommandKind, CommandState, ControlState, DemandOrigin,
    DemandOutcome, FallbackCause, LatchCause, LeaseEnd, OperatorRole, Priority, QuestionPolicy, Response,
    Severity, Stage, TaskClass, TaskVerb, Verdict,
};
use watchkeeper_protocol::{DEFAULT_URL, MAX_DEPTH, MAX_FRAME, PATH, SUBPROTOCOL, scan::MAX_ITEMS};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol.md");
const GOLDEN: &str = include_str!("golden/v1.txt");
const SETS: [Set; 4] = [Set::FromAgent, Set::ToAgent, Set::FromOperator, Set::ToOperator];

fn text() -> String {
    std::fs::read_to_string(FILE).expect("the document is there")
}

/// Returns the part written by people, and the generated one.
fn parts(text: &str) -> (&str, &str) {
    let (by_hand, rest) = text.split_once(document::BEGIN).expect("the generated part begins somewhere");
    let (generated, after) = rest.split_once(document::END).expect("the generated part ends somewhere");
    assert_eq!(after.trim(), "", "nothing follows the generated part");
    (by_hand, generated)
}

#[test]
fn the_generated_part_is_up_to_date() {
    let present = text();
    let (by_hand, generated) = parts(&present);
    let fresh = document::generate();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let begin = document::BEGIN;
        std::fs::write(FILE, format!("{by_hand}{begin}{fresh}{}\n", document::END)).unwrap();
        return;
    }
    for (line, (found, expected)) in generated.lines().zip(fresh.lines()).enumerate() {
        assert_eq!(found, expected, "line {line} of the generated part; renew it with UPDATE_DOCS=1");
    }
    assert!(generated == fresh, "the generated part has another length; renew it with UPDATE_DOCS=1");
}

#[test]
fn the_bytes_in_the_document_are_the_golden_ones() {
    let text = text();
    let shown: Vec<String> = text
        .split("```hex\n")
        .skip(1)
        .map(|block| hex(&unhex(block.split("```").next().expect("a block ends"))))
        .collect();
    let golden: Vec<&str> =
        GOLDEN.lines().map(|line| line.rsplit(' ').next().expect("a line has bytes")).collect();
    assert_eq!(shown, golden);
}

#[test]
fn every_kind_has_its_place_in_the_document() {
    let text = text();
    for set in SETS {
        for kind in set.kinds() {
            let heading = format!("#### `{kind}` ({})\n", document::who(set));
            assert_eq!(text.matches(&heading).count(), 1, "{heading}");
        }
    }
}

#[test]
fn every_word_is_in_the_document() {
    let text = text();
    let mut words: Vec<String> = Vec::new();
    macro_rules! add {
        ($($name:ident)*) => {$( words.extend($name::ALL.iter().map(|word| word.word().to_owned())); )*};
    }
    add! {
        AgentKind AlarmState CauseClass CommandCode CommandKind CommandState ControlState DemandOrigin
        DemandOutcome FallbackCause LatchCause LeaseEnd OperatorRole Priority QuestionPolicy Response Severity Stage TaskVerb
        Verdict
    }
    let schema = Schema::read();
    for name in ["SessionKind", "ConsoleKind", "LeaseEvent", "ErrorCode"] {
        words.extend(schema.types[name].words.iter().map(|(word, _, _)| word.clone()));
    }
    assert!(words.len() > 110, "{}", words.len());
    for word in words {
        assert!(text.contains(&format!("| `{word}` |")), "{word} has no row");
    }
}

#[test]
fn every_task_stands_in_the_row_of_its_class_and_in_no_other() {
    let text = text();
    for (class, word) in [
        (TaskClass::Safer, "safer"),
        (TaskClass::Exclusive, "exclusive"),
        (TaskClass::Assist, "assist"),
        (TaskClass::Note, "note"),
    ] {
        let row =
            text.lines().find_map(|line| line.strip_prefix(&format!("| {word} | "))).expect("it has a row");
        let (verbs, _) = row.split_once(" | ").expect("a row has cells");
        let told: Vec<_> = verbs.split('`').skip(1).step_by(2).collect();
        let of_class = TaskVerb::ALL.iter().filter(|verb| verb.class() == class);
        assert_eq!(told, of_class.map(|verb| verb.word()).collect::<Vec<_>>(), "{word}");
    }
}

#[test]
fn every_field_is_in_the_document_with_its_meaning() {
    let (text, schema) = (text(), Schema::read());
    let bodies: Vec<String> = SETS
        .iter()
        .flat_map(|set| set.kinds().into_iter().map(|kind| schema.body_of(set.word(), kind)))
        .collect();
    for name in schema.reachable(&bodies) {
        for field in &schema.types[&name].fields {
            assert!(text.contains(&format!("\n| `{}` |", field.name)), "{name}.{} has no row", field.name);
            assert!(!field.doc.is_empty(), "{name}.{} has no meaning", field.name);
        }
    }
}

#[test]
fn what_people_wrote_names_the_limits_and_only_words_that_exist() {
    let text = text();
    let (by_hand, generated) = parts(&text);
    assert!(DEFAULT_URL.ends_with(PATH));
    for fact in [
        DEFAULT_URL,
        &format!("Sec-WebSocket-Protocol: {SUBPROTOCOL}"),
        "65,536 bytes",
        &format!("| {MAX_DEPTH}, the frame's own array included |"),
        "| 1,024; most lists",
    ] {
        assert!(by_hand.contains(fact), "{fact} is not told");
    }
    assert_eq!((MAX_FRAME, MAX_DEPTH, MAX_ITEMS), (65_536, 16, 1_024));
    // Every `word` in the text is a kind, a field or a word of v1, or is known not to be one.
    let others =
        ["watchkeeper.v1", "watchkeeper.v2", "str", "bin", "true", "false", "url", "DIR", "x", "granted"];
    // Those of PASETO's claims that are not.
    let claims = ["sub", "aud", "jti", "nbf", "exp"];
    let is_word = |word: &&str| {
        !word.is_empty()
            && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            && !others.contains(word)
            && !claims.contains(word)
    };
    for word in by_hand.split('`').skip(1).step_by(2).filter(is_word) {
        let known = generated.contains(&format!("`{word}`"));
        assert!(known, "`{word}` is told of, and is neither a kind, a field nor a word");
    }
}
