//! The bytes of every message of v1, as they will stay.
//!
//! After a deliberate change: `UPDATE_GOLDEN=1 cargo test -p watchkeeper-protocol`, and read the diff.

#[path = "shared/examples.rs"]
mod examples;
#[path = "shared/schema.rs"]
mod schema;
#[path = "shared/value.rs"]
mod value;

use examples::{Example, Set};
use schema::Schema;
use std::{collections::BTreeSet, fmt::Write};
use value::{Value, hex};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v1.txt");
const SETS: [Set; 4] = [Set::FromAgent, Set::ToAgent, Set::FromOperator, Set::ToOperator];

fn lines() -> String {
    examples::all().iter().fold(String::new(), |mut text, Example { set, kind, name, frame }| {
        writeln!(text, "{} {kind} {name} {}", set.word(), hex(frame)).expect("a String takes every write");
        text
    })
}

#[test]
fn every_message_has_the_bytes_it_always_had() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(FILE, lines()).unwrap();
    }
    let golden = std::fs::read_to_string(FILE).unwrap();
    for (now, before) in lines().lines().zip(golden.lines()) {
        assert_eq!(now, before, "the bytes of a message changed");
    }
    assert_eq!(lines().lines().count(), golden.lines().count(), "an example came or went");
}

#[test]
fn every_message_survives_a_round_trip() {
    for example in examples::all() {
        let again = example.set.round_trip(&example.frame);
        assert_eq!(
            again.as_ref().map(|frame| hex(frame)),
            Ok(hex(&example.frame)),
            "{} {} {}",
            example.set.word(),
            example.kind,
            example.name
        );
    }
}

#[test]
fn every_kind_has_an_example() {
    let shown: BTreeSet<_> = examples::all().iter().map(|example| (example.set, example.kind)).collect();
    for set in SETS {
        for kind in set.kinds() {
            assert!(shown.contains(&(set, kind)), "no example of {} {kind}", set.word());
        }
    }
}

#[test]
fn every_field_is_in_an_example() {
    let schema = Schema::read();
    let mut seen = BTreeSet::new();
    let mut bodies = Vec::new();
    for example in examples::all() {
        let body = schema.body_of(example.set.word(), example.kind);
        schema.note_fields(&body, &Value::of_frame(&example.frame).1, &mut seen);
        bodies.push(body);
    }
    let mut fields = 0;
    for name in schema.reachable(&bodies) {
        for field in &schema.types[&name].fields {
            fields += 1;
            assert!(
                seen.contains(&(name.clone(), field.name.clone())),
                "no example has {name}.{}",
                field.name
            );
        }
    }
    assert!(fields > 150, "the sources were read: {fields} fields");
}

#[test]
fn an_example_is_named_once() {
    let all = examples::all();
    let names: BTreeSet<_> = all.iter().map(|example| (example.set, example.kind, example.name)).collect();
    assert_eq!(names.len(), all.len());
}

#[test]
fn a_word_from_a_later_version_reads_as_an_internal_error() {
    use watchkeeper_protocol::{ToAgent, Wire, session::ErrorCode};
    let all = examples::all();
    let error = all.iter().find(|example| example.set == Set::ToAgent && example.kind == "error").unwrap();
    let body = Value::of_frame(&error.frame).1.set("code", Value::text("from_the_future"));
    let ToAgent::Error(report) = ToAgent::decode(&body.into_frame("error")).unwrap() else { panic!() };
    assert_eq!(report.code, ErrorCode::Internal);
}
