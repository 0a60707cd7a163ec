//! A file is taken whole, or refused with line, column and reason.

use crate::rules;
use watchkeeper_model::{Response, Severity};
use watchkeeper_rules::{Does, MAX_BYTES, RuleSet};

const GOOD: &str = r#"
[[rule]]
id = "over-speed"
why = "the yard allows 50 km/h"
agent = "truck-*"
limit = { signal = "speed", max = 13.9, hysteresis = 0.9 }
on_delay_millis = 500
off_delay_millis = 2000
severity = "critical"
response = "takeover"

[[rule]]
id = "unsure-payment"
kind = "transaction"
when = "decision.confidence < 0.6 && signals.amount > 1000.0"
clear = "decision.confidence > 0.7"

[[rule]]
id = "audit"
activation_conditions = '''
{ "Conditions": [ { "ConditionType": "Sampling", "ConditionParameters": { "RandomSamplingPercentage": 1 } } ] }
'''
"#;

#[test]
fn a_good_file_says_what_each_rule_does() {
    let set = rules(GOOD);
    let unsure = "decision.confidence < 0.6 && signals.amount > 1000.0";
    let expected = [
        ("over-speed", "speed above 13.9", Does::Alert, Severity::Critical, Response::Takeover),
        ("unsure-payment", unsure, Does::Alert, Severity::Warning, Response::Advise),
        ("audit", "a sample of 1 %", Does::Review, Severity::Advisory, Response::Advise),
    ];
    assert_eq!(set.rules().len(), expected.len());
    for (rule, (id, condition, does, severity, response)) in set.rules().iter().zip(expected) {
        assert_eq!((rule.id().as_str(), &*rule.condition()), (id, condition));
        assert_eq!((rule.does(), rule.severity(), rule.response()), (does, severity, response), "{id}");
    }
}

#[test]
fn a_version_is_named_by_what_it_says() {
    let (one, same, other) = (rules(GOOD), rules(GOOD), rules(&GOOD.replace("13.9", "14.0")));
    assert_eq!(one.version(), same.version());
    assert_ne!(one.version(), other.version());
    assert_eq!(one.version().to_string().parse(), Ok(one.version()));
    assert_eq!(RuleSet::empty().version(), rules("").version());
}

#[test]
fn a_bad_file_is_refused_with_line_column_and_reason() {
    for (good, bad, place, reason) in [
        ("id = \"over-speed\"", "id = \"Over Speed\"", "line 3, column 6", "is no id: write 1 to 48 of a-z"),
        (
            "id = \"audit\"",
            "id = \"over-speed\"",
            "line 19, column 6",
            "rule over-speed: a rule above has the same id",
        ),
        ("on_delay_millis", "delay", "line 7, column 1", "unknown field `delay`"),
        ("max = 13.9", "most = 13.9", "line 6, column 29", "unknown field `most`"),
        ("max = 13.9, ", "", "line 6, column 9", "a limit needs `min` or `max`"),
        (
            "max = 13.9",
            "max = 13.9, min = 13.0",
            "line 6, column 9",
            "leave no room inside the hysteresis 0.9",
        ),
        ("hysteresis = 0.9", "hysteresis = -1.0", "line 6, column 9", "must be a number of at least 0"),
        ("truck-*", "*-truck*", "line 5, column 9", "neither an agent's id nor a beginning followed by *"),
        ("truck-*", "truck 7", "line 5, column 9", "neither an agent's id nor a beginning followed by *"),
        (
            "\"critical\"",
            "\"grave\"",
            "line 9, column 12",
            "unknown variant `grave`, expected one of `advisory`",
        ),
        ("500", "86400001", "line 7, column 19", "at most 86400000 ms (one day)"),
        ("&& signals", "&& signal", "line 15, column 38", "rule unsure-payment: there is no \"signal\""),
        (
            "clear = \"decision.confidence > 0.7\"",
            "clear = \"decision.confidence\"",
            "line 16, column 18",
            "not true or false",
        ),
        (
            "when = \"dec",
            "limit = { signal = \"amount\", max = 3.0 }\nwhen = \"dec",
            "line 12, column 1",
            "has 2 conditions",
        ),
        (
            "clear =",
            "does = \"review\"\nclear =",
            "line 17, column 9",
            "`clear` only goes with does = \"alert\"",
        ),
        (
            "\"RandomSamplingPercentage\": 1 }",
            "\"RandomSamplingPercentage\": 101 }",
            "line 21, column 1",
            "must be a number from 0.01 to 100",
        ),
        (
            "\"ConditionType\": \"Sampling\",",
            "\"ConditionType\": \"Sampling\"",
            "line 21, column 49",
            "expected `,` or `}`",
        ),
        ("[[rule]]\nid = \"over", "[[rules]]\nid = \"over", "line 2, column 3", "unknown field `rules`"),
        ("id = \"over-speed\"\n", "", "line 2, column 1", "missing field `id`"),
    ] {
        assert!(GOOD.contains(good), "{good}");
        let error = RuleSet::parse(&GOOD.replacen(good, bad, 1)).expect_err(bad).to_string();
        assert!(error.starts_with(&format!("{place}: ")) && error.contains(reason), "{bad}: {error}");
    }
}

#[test]
fn a_file_that_is_too_long_for_the_record_is_refused() {
    let error = RuleSet::parse(&"#".repeat(MAX_BYTES + 1)).unwrap_err().to_string();
    assert!(error.contains("at most 131072 are allowed"), "{error}");
}

#[test]
fn a_review_has_no_hysteresis() {
    let limit = "limit = { signal = \"speed\", max = 13.9, hysteresis = 0.9 }";
    let review = format!("[[rule]]\nid = \"look\"\ndoes = \"review\"\n{limit}\n");
    let error = RuleSet::parse(&review).unwrap_err().to_string();
    assert!(error.starts_with("line 4, column 9: "), "{error}");
    assert!(error.contains("`hysteresis` only goes with does = \"alert\""), "{error}");
    assert!(RuleSet::parse(&review.replace(", hysteresis = 0.9", "")).is_ok());
}
