//! Whose figures they are.

use super::*;

#[test]
fn an_alarm_counts_for_whom_it_is_brought_to_and_an_acknowledgement_for_whom_it_is_by() {
    let mut stream = Stream::new();
    stream.tell(10, &routed(&alarm(1), "anna"));
    stream.tell(12, &acknowledged(&routed(&alarm(1), "anna"), "ben"));
    stream.tell(20, &alarm(2));
    let report = stream.report(60);
    let [anna, ben] = ["anna", "ben"].map(|name| of(&report.period, name));
    assert_eq!((anna.alarms.annunciated, anna.acknowledgements.acknowledged), (1, 0));
    assert_eq!((ben.alarms.annunciated, ben.acknowledgements.acknowledged), (0, 1));
    assert_eq!(report.period.nobody.alarms.annunciated, 1);
    assert_eq!(report.period.nobody.acknowledgements.never_acknowledged, 1);
    assert_eq!(report.period.everybody.alarms.annunciated, 2);
}

#[test]
fn whoever_it_goes_on_to_hears_it_too_and_everybody_only_once() {
    let mut stream = Stream::new();
    stream.tell(10, &routed(&alarm(1), "anna"));
    stream.tell(11, &routed(&alarm(1), "ben"));
    stream.tell(12, &routed(&alarm(1), "ben"));
    stream.tell(13, &in_state(&routed(&alarm(1), "anna"), AlarmState::RtnUnack));
    let report = stream.report(60);
    assert_eq!(of(&report.period, "anna").alarms.annunciated, 2);
    assert_eq!(of(&report.period, "ben").alarms.annunciated, 1);
    assert_eq!(report.period.everybody.alarms.annunciated, 1);
    assert_eq!(of(&report.period, "anna").acknowledgements.never_acknowledged, 1, "it waits with her");
    assert_eq!(of(&report.period, "ben").acknowledgements.never_acknowledged, 0);
}

#[test]
fn what_came_when_nobody_was_there_was_nobodys_and_counts_for_whoever_comes() {
    let mut stream = Stream::new();
    stream.tell(10, &routed(&alarm(1), "anna"));
    stream.tell(20, &alarm(2));
    stream.tell(21, &routed(&alarm(2), "anna"));
    let report = stream.report(60);
    assert_eq!(of(&report.period, "anna").alarms.annunciated, 2);
    assert_eq!(report.period.nobody.alarms.annunciated, 1, "the second one waited for a second");
    assert_eq!(report.period.everybody.alarms.annunciated, 2);
}

#[test]
fn what_nobody_has_to_look_at_any_more_is_brought_to_nobody_else() {
    let mut stream = Stream::new();
    stream.tell(10, &routed(&alarm(1), "anna"));
    stream.tell(11, &acknowledged(&routed(&alarm(1), "anna"), "anna"));
    stream.tell(12, &acknowledged(&routed(&alarm(1), "ben"), "anna"));
    stream.tell(20, &routed(&shelved(&alarm(2)), "ben"));
    let report = stream.report(60);
    assert!(of(&report.period, "ben").alarms.annunciated == 0, "one is acknowledged, one is shelved");
    assert_eq!(of(&report.period, "ben").alarms.hidden, 1);
}

#[test]
fn members_of_a_common_cause_are_one_card_for_whom_they_are_brought_to() {
    let mut stream = Stream::new();
    for number in 1..=6 {
        stream.tell(10, &routed(&in_common(&alarm(number), 1), "anna"));
    }
    let report = stream.report(60);
    let anna = of(&report.period, "anna");
    assert_eq!((anna.alarms.annunciated, anna.alarms.common_members), (1, 5));
}

#[test]
fn a_flood_of_all_need_not_be_one_of_anybody() {
    let mut stream = Stream::new();
    for number in 0..12 {
        stream.tell(number, &routed(&alarm(number), if number % 2 == 0 { "anna" } else { "ben" }));
    }
    let report = stream.report(3_600);
    assert_eq!(report.period.everybody.floods.floods, 1);
    assert_eq!(of(&report.period, "anna").floods.floods, 0);
    assert_eq!(of(&report.period, "anna").alarms.per_10_min_peak, 6);
}

#[test]
fn people_above_the_bound_are_counted_together() {
    let mut stream = Stream::new();
    for number in 0..300 {
        stream.tell(10, &routed(&alarm(number), &format!("person-{number:03}")));
    }
    let report = stream.report(60);
    assert_eq!(report.period.people.len(), crowd::MAX_PEOPLE);
    let others = report.period.other_people.unwrap();
    assert_eq!((others.alarms.annunciated, others.acknowledgements.never_acknowledged), (44, 44));
}
