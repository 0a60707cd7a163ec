use super::*;

fn at(millis: u64) -> MonoTime {
    MonoTime::from_nanos(millis * 1_000_000)
}

fn person(name: &str) -> PersonId {
    PersonId::new(name).unwrap()
}

fn free(name: &str) -> Candidate {
    Candidate { person: person(name), supervises: false, holds: 0 }
}

fn busy(name: &str) -> Candidate {
    Candidate { holds: 1, ..free(name) }
}

fn supervisor(name: &str) -> Candidate {
    Candidate { supervises: true, ..free(name) }
}

/// Brings an alert to somebody of these and returns who it is.
fn begin(routing: &mut Routing, id: u64, asks: Asks, candidates: &[Candidate]) -> Option<String> {
    let routed = routing.begin(AlertId(id), None, (asks, candidates), at(1_000));
    routed.map(|routed| routed.to.to_string())
}

fn flooded(name: &str) -> Routing {
    let mut routing = Routing::new(AlarmSettings::default());
    for id in 1_000..1_011 {
        begin(&mut routing, id, Asks::Look, &[free(name)]).unwrap();
        routing.handle_shown(AlertId(id), &person(name));
        routing.finish(AlertId(id));
    }
    assert!(routing.standing(&person(name)).1.is_some());
    routing
}

#[test]
fn who_drives_is_asked_to_look_after_who_is_free_and_who_has_a_flood_after_both() {
    let mut routing = flooded("ada");
    let all = [free("ada"), busy("ben"), free("cleo"), supervisor("sue")];
    let mut order = Vec::new();
    order.extend(begin(&mut routing, 1, Asks::Look, &all));
    while let Some(routed) = routing.pass_on(AlertId(1), Asks::Look, &all, at(1_000)) {
        order.push(routed.to.to_string());
    }
    assert_eq!(order, ["cleo", "ben", "ada", "sue"]);
}

#[test]
fn to_take_over_hands_that_are_free_come_before_a_head_that_is() {
    let mut routing = flooded("ada");
    let all = [free("ada"), busy("ben"), supervisor("sue")];
    assert_eq!(begin(&mut routing, 1, Asks::Takeover, &all).as_deref(), Some("ada"));
    let at_last = routing.pass_on(AlertId(1), Asks::TakeoverAtLast, &all, at(1_000)).unwrap();
    assert_eq!((at_last.to, at_last.passed_over), (person("sue"), 1));
}

#[test]
fn who_showed_an_alert_before_it_was_brought_to_him_has_seen_it() {
    let mut routing = Routing::new(AlarmSettings::default());
    let all = [free("ada"), free("ben")];
    begin(&mut routing, 1, Asks::Look, &all);
    routing.handle_shown(AlertId(1), &person("ben"));
    assert_eq!(routing.poll_timeout(), Some(at(1_400)), "ada has not");
    assert_eq!(routing.poll_unseen(at(1_399)), None);
    assert_eq!(routing.poll_unseen(at(1_400)), Some(AlertId(1)));
    assert_eq!(routing.pass_on(AlertId(1), Asks::Look, &all, at(1_400)).unwrap().to, person("ben"));
    assert_eq!(routing.poll_timeout(), None);
    assert!(routing.standing(&person("ada")).2 && !routing.standing(&person("ben")).2);
}

#[test]
fn what_asks_for_more_must_be_shown_again() {
    let mut routing = Routing::new(AlarmSettings::default());
    begin(&mut routing, 1, Asks::Look, &[free("ada")]);
    routing.handle_shown(AlertId(1), &person("ada"));
    routing.ask_again(AlertId(1), at(5_000));
    assert_eq!(routing.poll_timeout(), Some(at(5_400)));
    assert!(!routing.is_shown(AlertId(1)));
}

#[test]
fn the_books_are_empty_when_nothing_waits() {
    let mut routing = Routing::new(AlarmSettings::default());
    for id in 0..100 {
        begin(&mut routing, id, Asks::Look, &[free("ada"), free("ben")]);
        routing.pass_on(AlertId(id), Asks::Look, &[free("ada"), free("ben")], at(1_000));
        if id % 3 == 0 {
            routing.take_away(AlertId(id));
        }
    }
    (0..100).for_each(|id| routing.finish(AlertId(id)));
    assert!(routing.routes.is_empty() && routing.due.is_empty());
    assert!(routing.desks.values().all(|desk| desk.waiting == 0));
}

#[test]
fn a_thousand_people_and_more_are_no_more_memory() {
    let mut routing = Routing::new(AlarmSettings::default());
    for id in 0..3_000 {
        let name = format!("p{id}");
        begin(&mut routing, id, Asks::Look, &[free(&name)]);
        routing.finish(AlertId(id));
    }
    assert!(routing.desks.len() <= MAX_DESKS);
}
