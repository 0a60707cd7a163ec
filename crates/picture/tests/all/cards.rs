//! What is one card: one trouble of many agents, and the kinds of a flood.

use crate::scenes::{MONITOR_START, START, agent, alarm, demand, label, millis, picture, status};
use watchkeeper_model::*;
use watchkeeper_picture::{
    Hands, Intent, Picture, Press,
    examples::{self, Situation},
    view::{
        Mark,
        alerts::{AlertRow, Card, rows, summarised, summary},
    },
};
use watchkeeper_protocol::{ToOperator, operator::AccessUpdate};

fn operator(alerts: Vec<Alarm>) -> Picture {
    let trucks = ["truck-1", "truck-2", "truck-3"].map(|name| status(name, AgentKind::Vehicle));
    picture(OperatorRole::Operator, trucks.to_vec(), alerts)
}

/// Returns one of nine alerts of a depot that lost its link.
fn member(id: u64, name: &str) -> Alarm {
    Alarm {
        cause: CauseClass::Silence,
        subject: label("link"),
        common: Some(CommonCause {
            id: AlertId(1),
            first_out: agent("truck-1"),
            area: Some(label("depot north")),
            since: MONITOR_START,
            members: 6 + u32::try_from(id).unwrap(),
        }),
        ..alarm(id, name, Severity::Warning)
    }
}

fn members() -> Vec<Alarm> {
    vec![member(1, "truck-1"), member(2, "truck-2"), member(3, "truck-3")]
}

fn only(picture: &Picture) -> AlertRow {
    let mut rows = rows(picture, None, START);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

fn press(picture: &Picture, press: &Press) -> Vec<Intent> {
    Hands::new().press(press, None, picture, START).intents
}

#[test]
fn one_trouble_of_many_agents_is_one_card_that_names_the_first_out_and_the_area() {
    let mut alerts = members();
    alerts[2].severity = Severity::Critical;
    let card = only(&operator(alerts));
    assert_eq!((card.alert, card.whose.as_str()), (AlertId(1), "9 agents of depot north"));
    assert_eq!(card.stands_for, [1, 2, 3].map(AlertId));
    assert!(card.text.ends_with("; first truck-1, 3 still so"), "{}", card.text);
    assert_eq!((card.mark, card.state.as_str(), card.card), (Mark::Square, "new", Card::Common));
    assert!(card.can_acknowledge && card.can_shelve.is_ok() && card.can_take_out.is_err());
}

#[test]
fn the_card_is_open_as_long_as_one_of_it_is_and_a_press_means_whoever_still_waits() {
    let mut alerts = members();
    for alert in &mut alerts[..2] {
        alert.state = AlarmState::AckedActive;
        alert.acknowledged_by = Some(crate::scenes::person("bob"));
    }
    alerts[0].state = AlarmState::Normal;
    let shown = operator(alerts.clone());
    let card = only(&shown);
    assert_eq!((card.alert, card.state.as_str()), (AlertId(2), "1 new"), "the first of those that are left");
    assert_eq!(press(&shown, &Press::Acknowledge(AlertId(2))), [Intent::Acknowledge { alert: AlertId(3) }]);
    alerts[2].state = AlarmState::AckedActive;
    let shown = operator(alerts);
    assert_eq!(only(&shown).state, "acknowledged by bob");
    assert!(press(&shown, &Press::Acknowledge(AlertId(2))).is_empty());
}

#[test]
fn what_demands_a_takeover_stands_for_itself() {
    let mut alerts = members();
    alerts[1].demand_id = Some(DemandId(9));
    alerts[1].response = Response::Takeover;
    let mut asked = status("truck-2", AgentKind::Vehicle);
    asked.demand = Some(demand(millis(9_000)));
    let shown = picture(OperatorRole::Operator, vec![asked], alerts);
    let whose: Vec<_> = rows(&shown, None, START).into_iter().map(|row| row.whose).collect();
    assert_eq!(whose, ["truck-2", "9 agents of depot north"]);
}

#[test]
fn in_a_flood_what_is_not_pressing_is_one_card_a_kind_until_it_is_asked_for_in_full() {
    let Situation { picture, now, .. } = examples::summarised();
    let cards = summarised(&picture, None, now);
    let whose: Vec<_> = cards.iter().map(|row| row.whose.as_str()).collect();
    assert_eq!(whose, ["vehicle-17", "20 agents of depot north", "40 agents", "40 agents", "19 agents"]);
    let stands_for: usize = cards.iter().map(|row| row.stands_for.len()).sum();
    assert_eq!(stands_for, 120, "nothing is left out");
    assert!(
        cards[2..]
            .iter()
            .all(|row| row.card == Card::Kind && !row.can_acknowledge && row.can_shelve.is_err())
    );
    assert_eq!(rows(&picture, None, now).len(), 101, "in full, the common cause is still one");
    let Situation { picture, now, .. } = examples::flood();
    assert_eq!(summarised(&picture, None, now).len(), 100, "the monitor counts none for this person");
}

#[test]
fn the_queue_says_how_long_a_flood_has_lasted_and_when_it_ended() {
    let Situation { mut picture, now, .. } = examples::summarised();
    assert!(summary(&picture, now).text.starts_with("FLOOD for 3:10: "));
    let mut roster = picture.roster().unwrap().value.clone();
    roster.operators.iter_mut().for_each(|operator| operator.flooded_nanos = None);
    picture.handle(&ToOperator::Roster(roster.clone()), now);
    let told = |picture: &Picture, at: MonoTime| summary(picture, at).text.contains("your flood ended");
    assert!(told(&picture, now.after(millis(1_000))));
    picture.handle(&ToOperator::Roster(roster), now.after(millis(5_000)));
    assert!(told(&picture, now.after(millis(119_000))), "a repeat changes nothing");
    assert!(!told(&picture, now.after(millis(120_000))));
}

#[test]
fn it_says_for_whom_an_alert_is() {
    let routed = |to: &str| Routed { to: crate::scenes::person(to), since: MONITOR_START, passed_over: 0 };
    let alerts = ["anna", "bob"].map(|to| Alarm {
        routed: Some(routed(to)),
        ..alarm(u64::from(to == "bob") + 1, "truck-1", Severity::Warning)
    });
    let brought: Vec<_> =
        rows(&operator(alerts.to_vec()), None, START).into_iter().map(|row| row.brought.unwrap()).collect();
    assert_eq!(brought, ["for you", "for bob"]);
}

#[test]
fn what_is_brought_to_this_person_comes_right_behind_what_demands_a_takeover() {
    let mut alerts = vec![
        alarm(1, "truck-1", Severity::Critical),
        alarm(2, "truck-2", Severity::Advisory),
        Alarm { demand_id: Some(DemandId(9)), ..alarm(3, "truck-3", Severity::Warning) },
    ];
    alerts[1].routed =
        Some(Routed { to: crate::scenes::person("anna"), since: MONITOR_START, passed_over: 0 });
    let mut asked = status("truck-3", AgentKind::Vehicle);
    asked.demand = Some(demand(millis(9_000)));
    let shown = picture(OperatorRole::Operator, vec![asked], alerts);
    let order: Vec<_> = rows(&shown, None, START).into_iter().map(|row| row.alert.0).collect();
    assert_eq!(order, [3, 2, 1]);
}

#[test]
fn of_a_card_that_reaches_beyond_his_agents_a_press_means_one_that_is_his() {
    let mut shown = operator(members());
    let access = AccessUpdate {
        role: OperatorRole::Operator,
        scope: Scope::new(["truck-3"]).unwrap(),
        development: false,
        in_the_clear: false,
        expired: false,
        left_nanos: None,
    };
    shown.handle(&ToOperator::Access(access), START);
    assert_eq!(press(&shown, &Press::Acknowledge(AlertId(1))), [Intent::Acknowledge { alert: AlertId(3) }]);
}
