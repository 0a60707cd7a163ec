//! What an expression may be, what it gives, and where it is wrong.

use crate::{Bench, alternative, decision, rules};
use watchkeeper_model::{Context, Decision, Label, Pose};
use watchkeeper_rules::{Expression, Judgement};

fn judge(expression: &str, decision: &Decision) -> Judgement {
    let bench = Bench::new("truck-7", &[("speed", "m/s"), ("wheel speed", "m/s")]);
    let set = rules(&format!("[[rule]]\nid = \"it\"\nwhen = '''{expression}'''\n"));
    set.rules()[0].judge(&bench.facts(decision))
}

fn example() -> Decision {
    Decision {
        alternatives: vec![alternative("hold", 0.3), alternative("turn", 0.1)],
        subject: Some(Label::cut("card 17")),
        context: Some(Context {
            pose: Some(Pose { x_meters: 3.0, y_meters: -4.0, heading_radians: 0.5 }),
            plan: Vec::new(),
        }),
        ..decision(5, "drive", Some(0.6), &[12.0, 11.5])
    }
}

#[test]
fn every_word_of_the_vocabulary_can_be_compared() {
    for expression in [
        "signals.speed > 11.9",
        "signals[\"wheel speed\"] < 11.6",
        "signals.speed - signals['wheel speed'] >= 0.5",
        "signals.speed > 11",
        "decision.confidence <= 0.6 && decision.confidence * 100.0 > 59.9",
        "decision.action == 'drive' || decision.action == 'hold'",
        "decision.action in ['drive', 'park']",
        "decision.action.startsWith('dr') && !decision.action.endsWith('x')",
        "decision.action.matches('^d[a-z]+e$')",
        "decision.subject.contains('17')",
        "size(decision.alternatives) == 2",
        "decision.alternatives.exists(a, a.action == 'hold' && a.confidence > 0.2)",
        "decision.alternatives.all(a, a.confidence < 0.5)",
        "decision.alternatives.exists_one(a, a.action == 'turn')",
        "decision.confidence - decision.alternatives[0].confidence < 0.31",
        "decision.pose.x_meters > 2.5 && decision.pose.y_meters < -3.5",
        "decision.seq % 5 == 0",
        "!decision.waiting",
        "agent.id.startsWith('truck-') && agent.kind == 'generic'",
        "has(decision.confidence) && has(signals.speed) && !has(signals.weight)",
        "'speed' in signals",
        "agent.kind == 'vehicle' ? signals.speed > 20.0 : signals.speed > 10.0",
        "double(decision.seq) / 2.0 == 2.5 && int(2.9) == 2",
    ] {
        assert_eq!(judge(expression, &example()), Judgement::Holds, "{expression}");
        assert_eq!(judge(&format!("!({expression})"), &example()), Judgement::Over, "{expression}");
    }
}

#[test]
fn what_is_missing_is_said_and_neither_true_nor_false() {
    let bare = decision(1, "drive", None, &[f64::NAN]);
    for (expression, missing) in [
        ("signals.speed > 1.0", "speed is missing"),
        ("signals['wheel speed'] > 1.0", "wheel speed is missing"),
        ("decision.confidence < 0.5", "confidence is missing"),
        ("decision.pose.x_meters > 1.0", "pose is missing"),
        ("decision.alternatives[0].confidence > 0.1", "the list has no such place"),
        ("10 / (decision.seq - 1) > 1", "division by zero"),
        ("9223372036854775807 + decision.seq > 1", "a number is too large"),
    ] {
        assert_eq!(judge(expression, &bare), Judgement::Unknown(missing.to_owned()), "{expression}");
    }
    // What does not hang on it can be said all the same.
    assert_eq!(judge("has(decision.confidence) && decision.confidence < 0.5", &bare), Judgement::Over);
    assert_eq!(judge("decision.action == 'drive' || decision.confidence < 0.5", &bare), Judgement::Holds);
}

#[test]
fn a_bad_expression_is_refused_where_it_is_bad() {
    for (expression, offset, reason) in [
        ("signals.speed >", 15, "Syntax error"),
        ("speed > 3.0", 0, "there is no \"speed\"; an expression speaks of agent, decision, signals"),
        ("decision.seq > 1 && decision.sure > 0.5", 28, "decision has no field \"sure\"; it has seq, action"),
        ("signals.speed", 7, "gives a number and not true or false"),
        (
            "signals.speed * 2 > 5.0",
            14,
            "* has no meaning between a number and a whole number; write 2.0 for 2",
        ),
        ("decision.action > 3", 16, "> has no meaning between a text and a whole number"),
        ("decision.action && true", 16, "&& has no meaning"),
        ("'ä' == decision.action && speed", 27, "there is no \"speed\""),
        ("'ä' == == 'b'", 8, "Syntax error"),
        ("lower(decision.action) == 'x'", 5, "there is no lower of a text"),
        ("decision.action.matches('[a')", 23, "the pattern cannot be used"),
        ("decision.action.matches('(a{200}){200}')", 23, "the pattern cannot be used"),
        ("decision.action.matches(decision.action)", 23, "must be written out in quotes"),
        ("decision.alternatives.exists(a, a.action.matches('^b'))", 48, "a pattern inside of a loop"),
        ("decision.alternatives.filter(a, true) == []", 28, "use exists, all or exists_one"),
        ("signals.exists(s, true)", 14, "one cannot loop over the signals"),
        ("[1, 2].exists(a, [1, 2].exists(b, a == b))", 30, "a loop inside of a loop"),
        ("signals[decision.action] > 1.0", 7, "a signal is named in quotes"),
        ("decision.subject == null", 20, "nothing is ever null"),
        ("true ? 1 : 2.0", 5, "a and b of one kind"),
        ("", 0, "the expression is empty"),
    ] {
        let error = Expression::parse(expression).unwrap_err();
        assert!(error.reason.contains(reason), "{expression}: {error}");
        assert_eq!(error.offset, offset, "{expression}: {error}");
    }
}

#[test]
fn an_expression_that_would_cost_too_much_is_refused() {
    let deep = format!("{}true{}", "(".repeat(200), ")".repeat(200));
    let broad = vec!["signals.speed > 1.0"; 100].join(" || ");
    let long = format!("decision.action == '{}'", "x".repeat(5_000));
    let patterns = ["decision.action.matches('^b')"; 8].join(" || ");
    for (expression, reason) in [
        (deep, "ecursion"),
        (broad, "more than 256 parts"),
        (patterns, "more than 256 parts"),
        (long, "at most 4096"),
    ] {
        let error = Expression::parse(&expression).unwrap_err();
        assert!(error.reason.contains(reason), "{error}");
    }
}
