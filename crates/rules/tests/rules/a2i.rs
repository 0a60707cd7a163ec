//! The examples of Amazon Augmented AI's documentation, and what it says that each of them sends to people.
//!
//! Amazon SageMaker AI Developer Guide, "Use Human Loop Activation Conditions JSON Schema with Amazon Textract" (T1 to T7)
//! and "... with Amazon Rekognition" (R1 to R6). Names, thresholds and structure are theirs. Where what they print is no
//! JSON (a comma is missing in T2 and T6, a brace too many in T7), the slip is made good here, and a test shows that
//! it is refused where it stands.

use crate::{Bench, alternative, decision};
use std::collections::BTreeSet;
use watchkeeper_model::{Decision, DecisionSeq};
use watchkeeper_rules::{
    ActivationConditions, ConditionsError, EventId, Inference, Judgement, KeyValue, RuleId, RuleSet,
    Selection, is_sampled,
};

fn check(key: &str, aliases: &[&str], comparisons: &str) -> String {
    let aliases = serde_json::to_string(aliases).unwrap();
    format!(
        r#"{{"ConditionType": "ImportantFormKeyConfidenceCheck", "ConditionParameters":
            {{"ImportantFormKey": "{key}", "ImportantFormKeyAliases": {aliases}, {comparisons}}}}}"#
    )
}

fn blocks(key_value: &str, word: &str) -> String {
    format!(r#""KeyValueBlockConfidence{key_value}, "WordBlockConfidence{word}"#)
}

fn label(name: &str, comparison: &str) -> String {
    format!(
        r#"{{"ConditionType": "ModerationLabelConfidenceCheck", "ConditionParameters":
            {{"ModerationLabelName": "{name}", "Confidence{comparison}}}}}"#
    )
}

const FIVE_PERCENT: &str =
    r#"{"ConditionType": "Sampling", "ConditionParameters": {"RandomSamplingPercentage": 5}}"#;

fn all(word: &str, parts: &[&str]) -> String {
    format!(r#"{{"{word}": [{}]}}"#, parts.join(", "))
}

fn conditions(parts: &[&str]) -> String {
    all("Conditions", parts)
}

fn pay_date(key_value: &str, word: &str) -> String {
    check("Pay Date", &["PayDate", "DateOfPay", "pay-date"], &blocks(key_value, word))
}

/// An agent that reads pay slips; its keys are signals of the unit %.
const KEYS: [(&str, &str); 6] = [
    ("EmployeeName", "%"),
    ("EmployeeName/word", "%"),
    ("EmployeeName/word2", "%"),
    ("PayDate", "%"),
    ("PayDate/word", "%"),
    ("pages", ""),
];

/// Routes decision number `seq` through a file that holds the conditions and nothing else.
fn route(json: &str, seq: u64, mut decision: Decision) -> bool {
    let set = RuleSet::parse(json).unwrap_or_else(|error| panic!("{error}\n{json}"));
    decision.seq = DecisionSeq(seq);
    let bench = Bench::new("reader-1", &KEYS);
    match set.rules()[0].judge(&bench.facts(&decision)) {
        Judgement::Holds => true,
        Judgement::Over => false,
        other @ (Judgement::Between | Judgement::Unknown(_)) => panic!("{other:?}"),
    }
}

/// A decision of the 5 % that are sampled, and one that is not.
fn sampled_and_not(json: &str) -> (u64, u64) {
    let set = RuleSet::parse(json).unwrap();
    let bench = Bench::new("reader-1", &KEYS);
    let is = |seq: &u64| {
        let event = EventId { agent: &bench.agent, boot_id: bench.boot_id, seq: DecisionSeq(*seq) };
        is_sampled(set.rules()[0].id(), event, 5.0)
    };
    let found = (1..1_000).find(is).zip((1..1_000).find(|seq| !is(seq)));
    found.expect("of a thousand some are sampled and some are not")
}

/// A form: confidences of the name's block and its two words, and of the date's block and its word.
fn form(name: [f64; 3], date: [f64; 2]) -> Decision {
    decision(1, "read", None, &[name[0], name[1], name[2], date[0], date[1], 2.0])
}

const SURE: [f64; 2] = [99.0, 99.0];
const NOT_FOUND: [f64; 2] = [f64::NAN, f64::NAN];

#[test]
fn textract_1_any_of_three_keys_below_its_thresholds() {
    let gross = check("Gross Pay", &["GrossPay", "GrossAmount"], &blocks("LessThan\": 60", "LessThan\": 85"));
    let name = check("Employee Name", &["Name", "EmployeeName"], &blocks("LessThan\": 60", "LessThan\": 85"));
    let json = conditions(&[&name, &pay_date("LessThan\": 65", "LessThan\": 85"), &gross]);
    let (_, seq) = sampled_and_not(&json);
    for (name, date, goes) in [
        ([59.9, 80.0, 84.9], SURE, true),
        ([60.0, 80.0, 84.9], SURE, false),
        // Each of the words must be below.
        ([59.9, 80.0, 85.0], SURE, false),
        ([99.0; 3], [64.9, 84.0], true),
        ([99.0; 3], [65.0, 84.0], false),
        ([99.0; 3], SURE, false),
        ([f64::NAN; 3], NOT_FOUND, false),
    ] {
        assert_eq!(route(&json, seq, form(name, date)), goes, "{name:?} {date:?}");
    }
}

#[test]
fn textract_2_any_key_below_the_thresholds() {
    let json = conditions(&[&check("*", &[], &blocks("LessThan\": 60", "LessThan\": 90"))]);
    assert!(route(&json, 1, form([99.0; 3], [59.0, 89.0])));
    assert!(route(&json, 1, form([59.0, 89.0, 10.0], SURE)));
    assert!(!route(&json, 1, form([60.0, 89.0, 89.0], [59.0, 90.0])));
}

#[test]
fn textract_3_and_rekognition_3_a_sample_of_everything() {
    let json = conditions(&[FIVE_PERCENT]);
    let (sampled, other) = sampled_and_not(&json);
    assert!(route(&json, sampled, form([99.0; 3], SURE)));
    assert!(!route(&json, other, form([1.0; 3], [1.0, 1.0])));
    let share = (1..=20_000).filter(|seq| route(&json, *seq, form([99.0; 3], SURE))).count();
    // 1,000 +- 3 standard deviations.
    assert!((908..=1_092).contains(&share), "{share} of 20000");
}

#[test]
fn textract_4_a_key_that_is_missing_as_it_is_printed_without_a_list() {
    let json = r#"{"ConditionType": "MissingImportantFormKey", "ConditionParameters":
        {"ImportantFormKey": "Pay Date", "ImportantFormKeyAliases": ["PayDate"]}}"#;
    assert!(route(json, 1, form([99.0; 3], NOT_FOUND)));
    assert!(!route(json, 1, form([99.0; 3], [1.0, 1.0])), "it is there, if badly read");
    assert!(route(&json.replace("\"PayDate\"", "\"payDate\""), 1, form([99.0; 3], SURE)), "names are exact");
}

#[test]
fn textract_5_and_rekognition_4_a_sample_of_what_a_check_finds() {
    let json = conditions(&[&all("And", &[FIVE_PERCENT, &pay_date("LessThan\": 65", "LessThan\": 85")])]);
    let (sampled, other) = sampled_and_not(&json);
    assert!(route(&json, sampled, form([99.0; 3], [64.0, 84.0])));
    assert!(!route(&json, other, form([99.0; 3], [64.0, 84.0])));
    assert!(!route(&json, sampled, form([99.0; 3], SURE)));
    let json =
        conditions(&[&all("And", &[FIVE_PERCENT, &label("Graphic Male Nudity", "GreaterThan\": 50")])]);
    for (seq, share, goes) in [(sampled, 0.51, true), (sampled, 0.5, false), (other, 0.51, false)] {
        assert_eq!(route(&json, seq, decision(1, "Graphic Male Nudity", Some(share), &[])), goes, "{share}");
    }
}

#[test]
fn textract_6_all_that_are_bad_and_a_sample_of_the_good() {
    let sample = all("And", &[FIVE_PERCENT, &pay_date("LessThan\": 90", "GreaterThan\": 90")]);
    let json = conditions(&[&all("Or", &[&pay_date("LessThan\": 60", "LessThan\": 60"), &sample])]);
    let (sampled, other) = sampled_and_not(&json);
    for (seq, date, goes) in [
        (other, [59.0, 59.0], true),
        (other, [89.0, 91.0], false),
        (sampled, [89.0, 91.0], true),
        // Printed is LessThan 90 for the block, though the words around it say greater.
        (sampled, [91.0, 91.0], false),
    ] {
        assert_eq!(route(&json, seq, form([99.0; 3], date)), goes, "{seq} {date:?}");
    }
}

#[test]
fn textract_7_and_rekognition_6_what_a_check_finds_and_a_sample_of_the_rest() {
    let json = conditions(&[&all("Or", &[FIVE_PERCENT, &pay_date("LessThan\": 65", "LessThan\": 85")])]);
    let (sampled, other) = sampled_and_not(&json);
    for (seq, date, goes) in [
        (sampled, SURE, true),
        (other, [64.0, 84.0], true),
        (other, SURE, false),
        (sampled, [64.0, 84.0], true),
    ] {
        assert_eq!(route(&json, seq, form([99.0; 3], date)), goes, "{seq} {date:?}");
    }
    let json = conditions(&[&all("Or", &[FIVE_PERCENT, &label("Graphic Male Nudity", "GreaterThan\": 50")])]);
    for (seq, share, goes) in [(other, 0.51, true), (other, 0.5, false), (sampled, 0.1, true)] {
        assert_eq!(route(&json, seq, decision(1, "Graphic Male Nudity", Some(share), &[])), goes, "{share}");
    }
}

#[test]
fn rekognition_1_one_of_two_labels_between_its_thresholds() {
    let between = |name: &str, least: u32| {
        let most = label(name, "LessThanEquals\": 99");
        all("And", &[&most, &label(name, &format!("GreaterThanEquals\": {least}"))])
    };
    let male = between("Graphic Male Nudity", 90);
    let json = conditions(&[&all("Or", &[&male, &between("Graphic Female Nudity", 80)])]);
    for (name, share, goes) in [
        ("Graphic Male Nudity", 0.9, true),
        ("Graphic Male Nudity", 0.99, true),
        ("Graphic Male Nudity", 0.899, false),
        ("Graphic Male Nudity", 0.991, false),
        ("Graphic Female Nudity", 0.8, true),
        ("Graphic Female Nudity", 0.799, false),
        ("graphic female nudity", 0.8, false),
    ] {
        assert_eq!(route(&json, 1, decision(1, name, Some(share), &[])), goes, "{name} {share}");
    }
    let second = Decision {
        alternatives: vec![alternative("Graphic Female Nudity", 0.81)],
        ..decision(1, "Suggestive", Some(0.95), &[])
    };
    assert!(route(&json, 1, second), "an alternative is a label too");
}

#[test]
fn rekognition_2_any_label_that_is_sure_enough() {
    let json = conditions(&[&label("*", "GreaterThanEquals\": 75")]);
    assert!(route(&json, 1, decision(1, "Weapons", Some(0.75), &[])));
    assert!(!route(&json, 1, decision(1, "Weapons", Some(0.749), &[])));
    assert!(!route(&json, 1, decision(1, "Weapons", None, &[])));
}

#[test]
fn rekognition_5_all_that_are_unsure_and_a_sample_of_the_sure() {
    let name = "Graphic Male Nudity";
    let sample = all("And", &[FIVE_PERCENT, &label(name, "GreaterThan\": 90")]);
    let json = conditions(&[&all("Or", &[&label(name, "LessThan\": 60"), &sample])]);
    let (sampled, other) = sampled_and_not(&json);
    for (seq, share, goes) in [
        (other, 0.59, true),
        (other, 0.6, false),
        (other, 0.91, false),
        (sampled, 0.91, true),
        (sampled, 0.9, false),
    ] {
        assert_eq!(route(&json, seq, decision(1, name, Some(share), &[])), goes, "{seq} {share}");
    }
}

#[test]
fn every_comparison_is_exact_at_its_threshold() {
    for (relation, holds) in [
        ("Equals", [false, true, false]),
        ("LessThan", [true, false, false]),
        ("LessThanEquals", [true, true, false]),
        ("GreaterThan", [false, false, true]),
        ("GreaterThanEquals", [false, true, true]),
    ] {
        // 100 x 0.29 is a hair below 29 in binary: it must count as 29.
        let json = conditions(&[&label("x", &format!("{relation}\": 29"))]);
        for (share, expected) in [0.28, 0.29, 0.3].into_iter().zip(holds) {
            assert_eq!(route(&json, 1, decision(1, "x", Some(share), &[])), expected, "{relation} {share}");
        }
    }
}

#[test]
fn a_decision_is_read_as_keys_words_and_labels() {
    let bench = Bench::new("reader-1", &KEYS);
    let read = Decision {
        alternatives: vec![alternative("hold", 0.3)],
        ..decision(1, "pay", Some(0.6), &[59.0, 80.0, f64::NAN, f64::NAN, 84.0, 2.0])
    };
    let expected = Inference {
        labels: vec![("pay".to_owned(), 60.0), ("hold".to_owned(), 30.0)],
        keys: vec![KeyValue { name: "EmployeeName".to_owned(), confidence: 59.0, words: vec![80.0] }],
    };
    assert_eq!(Inference::of(&bench.facts(&read)), expected);
}

#[test]
fn people_are_asked_to_look_at_what_the_conditions_found() {
    let named = |names: &[&str]| {
        Selection::Named(names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>())
    };
    let key = |name: &str, confidence| KeyValue { name: name.to_owned(), confidence, words: Vec::new() };
    let inference = Inference { keys: vec![key("Name", 50.0), key("Phone", 20.0)], ..Inference::default() };
    let low = check("*", &[], "\"KeyValueBlockConfidenceLessThan\": 60");
    let missing = r#"{"ConditionType": "MissingImportantFormKey", "ConditionParameters": {"ImportantFormKey": "Address"}}"#;
    let everything = FIVE_PERCENT.replace('5', "100");
    let bench = Bench::new("reader-1", &[]);
    let event = EventId { agent: &bench.agent, boot_id: bench.boot_id, seq: DecisionSeq(1) };
    let rule = RuleId::new("audit").unwrap();
    let select =
        |json: String| ActivationConditions::parse(&json).unwrap().select_for(&rule, event, &inference);
    assert_eq!(select(conditions(&[&low])), Some(named(&["Name", "Phone"])));
    assert_eq!(select(conditions(&[missing])), Some(named(&["Address"])));
    assert_eq!(select(conditions(&[&low, missing])), Some(named(&["Address", "Name", "Phone"])));
    assert_eq!(select(conditions(&[&everything])), Some(Selection::All));
    assert_eq!(select(conditions(&[&all("And", &[&everything, missing])])), Some(named(&["Address"])));
}

#[test]
fn what_is_not_documented_is_refused_with_its_place() {
    let sampling = |percent: &str| FIVE_PERCENT.replace('5', percent);
    let nested =
        all("And", &[FIVE_PERCENT, &all("Or", &[FIVE_PERCENT, &all("And", &[FIVE_PERCENT, FIVE_PERCENT])])]);
    for (json, place, reason) in [
        (conditions(&[]), "Conditions", "is empty"),
        (conditions(&[&sampling("0")]), "Conditions[0].ConditionParameters", "from 0.01 to 100"),
        (conditions(&[&sampling("100.1")]), "Conditions[0].ConditionParameters", "from 0.01 to 100"),
        (conditions(&[&sampling("\"5\"")]), "Conditions[0].ConditionParameters", "must be a number"),
        (
            conditions(&[FIVE_PERCENT, &FIVE_PERCENT.replace("Sampling\"", "Sample\"")]),
            "Conditions[1]",
            "is no ConditionType",
        ),
        (conditions(&[&all("And", &[FIVE_PERCENT])]), "Conditions[0].And", "at least 2 conditions"),
        (conditions(&[&nested]), "Conditions[0].And[1].Or[1].And", "nested 2 levels deep"),
        (
            conditions(&[&check("Name", &[], "\"Note\": 1, \"KeyValueBlockConfidenceEquals\": 1")]),
            "Conditions[0].ConditionParameters",
            "\"Note\" is no parameter",
        ),
        (
            conditions(&[&check("Name", &[], "\"WordBlockConfidenceLess\": 1")]),
            "Conditions[0].ConditionParameters",
            "compares nothing",
        ),
        (
            conditions(&[&label("", "LessThan\": 1")]),
            "Conditions[0].ConditionParameters",
            "needs ModerationLabelName",
        ),
        (conditions(&[&label("x", "LessThan\": 101")]), "Conditions[0].ConditionParameters", "from 0 to 100"),
        (
            conditions(&[
                r#"{"ConditionType": "MissingImportantFormKey", "ConditionParameters": {"ImportantFormKey": "*"}}"#,
            ]),
            "Conditions[0].ConditionParameters",
            "name the key",
        ),
        (conditions(&["{}"]), "Conditions[0]", "exactly one of ConditionType, And and Or"),
    ] {
        let error = ActivationConditions::parse(&json).expect_err(&json);
        let ConditionsError::Condition { path, reason: found } = &error else { panic!("{json}: {error}") };
        assert_eq!(path, place, "{error}");
        assert!(found.contains(reason), "{error}");
    }
}

#[test]
fn what_is_printed_and_no_json_is_refused_where_the_slip_is() {
    let second = "{\n  \"Conditions\": [{\n    \"ConditionType\": \"ImportantFormKeyConfidenceCheck\",\n    \
        \"ConditionParameters\": {\n      \"ImportantFormKey\": \"*\"\n      \"KeyValueBlockConfidenceLessThan\": 60\n    }\n  }]\n}";
    let error = RuleSet::parse(second).unwrap_err().to_string();
    assert!(error.starts_with("line 6, column 7") && error.contains("expected `,` or `}`"), "{error}");
    let seventh = "{ \"Conditions\": [ { \"Or\": [ { \"ConditionType\": \"Sampling\" } } ] } ] }";
    let error = RuleSet::parse(seventh).unwrap_err().to_string();
    assert!(error.contains("expected `,` or `]`"), "{error}");
}
