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

fn alone(id: u64) -> CardId {
    CardId::Alone(AlertId(id))
}

/// Holds an alert that waits, alone, and brings it to somebody of these; returns who it is.
fn begin(routing: &mut Routing, id: u64, asks: Asks, candidates: &[Candidate]) -> Option<PersonId> {
    assert_eq!(routing.hold(AlertId(id), alone(id), true), Held::WithNobody);
    routing.bring(alone(id), asks, candidates, at(1_000))
}

fn flooded(name: &str) -> Routing {
    let mut routing = Routing::new(&AlarmSettings::default());
    for id in 1_000..1_011 {
        begin(&mut routing, id, Asks::Look, &[free(name)]).unwrap();
        routing.handle_shown(AlertId(id), &person(name), at(1_000));
        routing.forget(AlertId(id));
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
    order.extend(std::iter::from_fn(|| routing.bring(alone(1), Asks::Look, &all, at(1_000))));
    assert_eq!(order, ["cleo", "ben", "ada", "sue"].map(person));
}

#[test]
fn to_take_over_hands_that_are_free_come_before_a_head_that_is() {
    let mut routing = flooded("ada");
    let all = [free("ada"), busy("ben"), supervisor("sue")];
    assert_eq!(begin(&mut routing, 1, Asks::Takeover, &all), Some(person("ada")));
    assert_eq!(routing.bring(alone(1), Asks::TakeoverAtLast, &all, at(1_000)), Some(person("sue")));
    let routed = routing.routed(AlertId(1)).unwrap();
    assert_eq!((routed.to, routed.passed_over), (person("sue"), 1));
}

#[test]
fn who_showed_an_alert_before_it_was_brought_to_him_has_seen_it() {
    let mut routing = Routing::new(&AlarmSettings::default());
    let all = [free("ada"), free("ben")];
    begin(&mut routing, 1, Asks::Look, &all);
    routing.handle_shown(AlertId(1), &person("ben"), at(1_100));
    assert_eq!(routing.poll_timeout(), Some(at(1_400)), "ada has not");
    assert_eq!(routing.poll_unseen(at(1_399)), None);
    assert_eq!(routing.poll_unseen(at(1_400)), Some(alone(1)));
    assert_eq!(routing.bring(alone(1), Asks::Look, &all, at(1_400)), Some(person("ben")));
    assert_eq!(routing.poll_timeout(), None);
    assert!(routing.standing(&person("ada")).2 && !routing.standing(&person("ben")).2);
}

#[test]
fn what_comes_back_from_the_shelf_was_shown_already_and_what_begins_anew_was_not() {
    let mut routing = Routing::new(&AlarmSettings::default());
    let all = [free("ada")];
    begin(&mut routing, 1, Asks::Look, &all);
    routing.handle_shown(AlertId(1), &person("ada"), at(1_100));
    let held = routing.hold(AlertId(1), alone(1), false);
    assert_eq!(held, Held::AsBefore, "put aside, it waits for nobody");
    assert_eq!((routing.routed(AlertId(1)), routing.standing(&person("ada")).0), (None, 0));
    begin(&mut routing, 1, Asks::Look, &all);
    assert_eq!(routing.poll_timeout(), None, "her console will not say it again");
    routing.begin_anew(AlertId(1));
    assert_eq!(routing.bring(alone(1), Asks::Look, &all, at(5_000)), Some(person("ada")));
    assert_eq!(routing.poll_timeout(), Some(at(5_400)));
}

#[test]
fn what_asks_for_more_must_be_shown_again_and_rings_once() {
    let mut routing = Routing::new(&AlarmSettings::default());
    let all = [free("ada")];
    for id in 1..=10 {
        begin(&mut routing, id, Asks::Look, &all);
        routing.handle_shown(AlertId(id), &person("ada"), at(1_100));
        routing.ask_for_more(AlertId(id));
        assert!(!routing.is_shown(alone(id)));
        routing.bring(alone(id), Asks::Takeover, &all, at(1_200));
        assert_eq!(routing.poll_timeout(), Some(at(1_600)));
        routing.handle_shown(AlertId(id), &person("ada"), at(1_300));
    }
    assert_eq!(routing.standing(&person("ada")).1, None, "ten alarms, not twenty");
}

#[test]
fn whoever_does_something_meanwhile_is_there_and_has_too_much_to_look_at() {
    let mut routing = Routing::new(&AlarmSettings::default());
    begin(&mut routing, 1, Asks::Look, &[free("ada")]);
    routing.handle_presence(&person("ada"), at(1_200));
    assert_eq!(routing.poll_unseen(at(1_400)), Some(alone(1)));
    assert!(!routing.standing(&person("ada")).2);
}

#[test]
fn a_card_is_brought_once_and_whoever_joins_it_goes_where_it_is() {
    let mut routing = Routing::new(&AlarmSettings::default());
    let all = [free("ada"), free("ben")];
    let card = CardId::Common(AlertId(1));
    let first: Vec<_> = (1..=4).map(|id| begin(&mut routing, id, Asks::Look, &all).unwrap()).collect();
    assert_eq!(first, ["ada", "ben", "ada", "ben"].map(person));
    routing.handle_shown(AlertId(1), &person("ada"), at(1_100));
    let held: Vec<_> = (1..=5).map(|id| routing.hold(AlertId(id), card, true)).collect();
    assert_eq!(held[0], Held::WithSomebodyNew, "whoever had the first has the card");
    assert_eq!(held[1..], [Held::AsBefore; 4]);
    assert_eq!((routing.person(card), routing.speaker(card)), (Some(&person("ada")), Some(AlertId(1))));
    assert_eq!([routing.standing(&person("ada")).0, routing.standing(&person("ben")).0], [1, 0]);
    assert_eq!(routing.poll_timeout(), None, "it was shown");
    // Another one says for the card whom it is brought to when the first does not wait any more.
    assert_eq!(routing.hold(AlertId(1), card, false), Held::AsBefore);
    assert_eq!((routing.routed(AlertId(1)), routing.speaker(card)), (None, Some(AlertId(2))));
    assert_eq!(routing.routed(AlertId(2)).unwrap().to, person("ada"));
    (1..=5).for_each(|id| routing.forget(AlertId(id)));
    assert!(routing.cards.is_empty() && routing.desks.is_idle());
}

#[test]
fn what_lies_with_somebody_who_is_away_is_brought_to_whoever_comes() {
    let mut routing = Routing::new(&AlarmSettings::default());
    begin(&mut routing, 1, Asks::Look, &[free("ada")]);
    assert_eq!(routing.poll_unseen(at(1_400)), Some(alone(1)));
    assert_eq!(routing.bring(alone(1), Asks::Look, &[free("ada")], at(1_400)), None, "nobody else is there");
    routing.handle_newcomer();
    assert_eq!(routing.poll_place(), Some(alone(1)));
    let all = [free("ada"), free("ben")];
    assert_eq!(routing.bring(alone(1), Asks::Look, &all, at(9_000)), Some(person("ben")));
}

#[test]
fn the_books_are_empty_when_nothing_is_kept() {
    let mut routing = Routing::new(&AlarmSettings::default());
    let all = [free("ada"), free("ben")];
    for id in 0..100 {
        begin(&mut routing, id, Asks::Look, &all);
        routing.bring(alone(id), Asks::Look, &all, at(1_000));
        match id % 4 {
            0 => routing.give_up(alone(id)),
            1 => drop(routing.hold(AlertId(id), CardId::Common(AlertId(1)), true)),
            2 => drop(routing.hold(AlertId(id), alone(id), false)),
            _ => {}
        }
    }
    (0..100).for_each(|id| routing.forget(AlertId(id)));
    assert!(routing.cards.is_empty() && routing.due.is_empty() && routing.card_of.is_empty());
    assert!(routing.desks.is_idle() && !routing.has_to_place());
}

#[test]
fn a_thousand_people_and_more_are_no_more_memory() {
    let mut routing = Routing::new(&AlarmSettings::default());
    for id in 0..3_000 {
        let name = format!("p{id}");
        begin(&mut routing, id, Asks::Look, &[free(&name)]);
        routing.forget(AlertId(id));
    }
    assert!(routing.desks.is_idle());
}
