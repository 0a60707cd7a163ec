//! Presses on alerts: acknowledge, shelve, take back.

use super::*;

fn advice() -> Alarm {
    scenes::alarm(502, "truck-17", Severity::Warning)
}

#[test]
fn an_alert_is_shelved_with_a_reason_for_an_hour_or_as_long_as_was_said() {
    let shelved = |text: &str| {
        let mut desk = desk_of(
            OperatorRole::Operator,
            vec![scenes::status("truck-17", AgentKind::Vehicle)],
            vec![advice()],
        );
        assert_eq!(desk.press(&Press::Shelve(AlertId(502))), Pressed::default());
        let question = desk.hands.question().unwrap();
        assert_eq!(question.prompt, "why shelve alert 502 of truck-17?");
        assert!(question.hint.contains("8 h"), "{question:?}");
        let pressed = desk.typed(text);
        match pressed.intents.as_slice() {
            [Intent::Shelve { alert, span, reason }] => {
                assert_eq!(*alert, AlertId(502));
                Ok((*span, reason.to_string()))
            }
            _ => Err(said(&pressed).to_owned()),
        }
    };
    let minutes = |minutes| Duration::from_mins(minutes);
    for (text, span, reason) in [
        ("sensor being replaced", minutes(60), "sensor being replaced"),
        ("30m sensor", minutes(30), "sensor"),
        ("2h sensor", minutes(120), "sensor"),
        (" 1h30m  sensor dirt ", minutes(90), "sensor dirt"),
        ("8h night shift", minutes(480), "night shift"),
        ("morning sun", minutes(60), "morning sun"),
        ("h is the reason", minutes(60), "h is the reason"),
    ] {
        assert_eq!(shelved(text), Ok((span, reason.to_owned())), "{text}");
    }
    for (text, why) in [
        ("", "needs a reason"),
        ("2h", "needs a reason"),
        ("2h  ", "needs a reason"),
        ("481m sun", "at most 8 h"),
        ("0m sun", "at most 8 h"),
        ("99999999999999999999h sun", "at most 8 h"),
        ("18446744073709551615h sun", "at most 8 h"),
    ] {
        let error = shelved(text).unwrap_err();
        assert!(error.starts_with("NOT SENT") && error.contains(why), "{text:?}: {error}");
    }
}

#[test]
fn what_cannot_be_shelved_or_taken_back_says_why() {
    let (picture, now) = scenes::alert();
    let mut desk = Desk::new((picture, now), "truck-17");
    // Alert 501 asks for the takeover that is demanded.
    for (press, why) in [
        (Press::Shelve(AlertId(501)), "takeover is demanded"),
        (Press::Shelve(AlertId(9)), "nobody knows this alert"),
        (Press::Unshelve(AlertId(502)), "it is not shelved"),
    ] {
        let pressed = desk.press(&press);
        assert!(said(&pressed).contains(why) && pressed.intents.is_empty(), "{press:?}: {pressed:?}");
        assert_eq!(desk.hands.question(), None);
    }
    let mut aside = advice();
    aside.shelved = Some(Shelved {
        by: person("bob"),
        until: scenes::MONITOR_START.after(Duration::from_mins(9)),
        reason: note("dirt"),
    });
    let mut desk =
        desk_of(OperatorRole::Operator, vec![scenes::status("truck-17", AgentKind::Vehicle)], vec![aside]);
    assert!(said(&desk.press(&Press::Shelve(AlertId(502)))).contains("shelved already"));
    assert_eq!(
        desk.press(&Press::Unshelve(AlertId(502))).intents,
        [Intent::Unshelve { alert: AlertId(502) }]
    );
}

#[test]
fn an_alert_is_acknowledged_once_by_those_who_may() {
    let mut desk = Desk::new(scenes::alert(), "truck-17");
    assert_eq!(
        desk.press(&Press::Acknowledge(AlertId(501))).intents,
        [Intent::Acknowledge { alert: AlertId(501) }]
    );
    assert!(said(&desk.press(&Press::Acknowledge(AlertId(502)))).contains("acknowledged already"));
    assert!(said(&desk.press(&Press::Acknowledge(AlertId(9)))).contains("nobody knows this alert"));
    let mut observer = desk_of(OperatorRole::Observer, vec![], vec![advice()]);
    assert!(said(&observer.press(&Press::Acknowledge(AlertId(502)))).contains("in this role you only read"));
}

#[test]
fn a_supervisor_takes_an_alert_out_of_service_with_a_reason_and_brings_it_back() {
    let trucks = || vec![scenes::status("truck-17", AgentKind::Vehicle)];
    let mut desk = desk_of(OperatorRole::Operator, trucks(), vec![advice()]);
    assert!(said(&desk.press(&Press::TakeOut(AlertId(502)))).contains("only a supervisor"));
    let mut desk = desk_of(OperatorRole::Supervisor, trucks(), vec![advice()]);
    assert!(said(&desk.press(&Press::PutBack(AlertId(502)))).contains("it is in service"));
    assert_eq!(desk.press(&Press::TakeOut(AlertId(502))), Pressed::default());
    let question = desk.hands.question().unwrap();
    assert_eq!(question.prompt, "why take alert 502 of truck-17 out of service?");
    assert!(desk.typed(" ").intents.is_empty(), "a reason is needed");
    let expected = Intent::TakeOutOfService {
        agent: agent("truck-17"),
        cause: advice().cause,
        subject: advice().subject,
        reason: note("a new one is ordered"),
    };
    assert_eq!(desk.typed("a new one is ordered").intents, [expected]);
    let mut out = advice();
    (out.state, out.out_of_service) = (
        AlarmState::Normal,
        Some(OutOfService { by: person("sue"), since: scenes::MONITOR_START, reason: note("broken") }),
    );
    let mut desk = desk_of(OperatorRole::Supervisor, trucks(), vec![out]);
    let back = Intent::ReturnToService { alert: AlertId(502) };
    assert_eq!(desk.press(&Press::PutBack(AlertId(502))).intents, [back]);
    assert!(said(&desk.press(&Press::Unshelve(AlertId(502)))).contains("it is not shelved"));
}

#[test]
fn what_is_latched_is_reset_when_its_cause_is_gone() {
    let mut latched = advice();
    let trucks = || vec![scenes::status("truck-17", AgentKind::Vehicle)];
    let mut desk = desk_of(OperatorRole::Operator, trucks(), vec![latched.clone()]);
    assert!(said(&desk.press(&Press::Reset(AlertId(502)))).contains("not latched"));
    (latched.state, latched.latched) = (AlarmState::RtnUnack, true);
    let mut desk = desk_of(OperatorRole::Operator, trucks(), vec![latched]);
    assert_eq!(desk.press(&Press::Reset(AlertId(502))).intents, [Intent::Reset { alert: AlertId(502) }]);
}
