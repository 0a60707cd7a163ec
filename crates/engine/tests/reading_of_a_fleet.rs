//! Reading within a scope where many agents have one trouble: what of a card is told, and who is asked about it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/fleet.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod fleet;

use fleet::Fleet;
use std::{collections::BTreeMap, time::Duration};
use watchkeeper_model::{Access, Alarm, OperatorRole, Scope};
use watchkeeper_protocol::{ToOperator, Wire};

fn access(role: OperatorRole, scope: &str) -> Access {
    Access { scope: Scope::new([scope]).unwrap(), ..Access::unrestricted(role) }
}

/// Four agents in the north and four in the south; `ada` (1) operates and `sue` (2) supervises all of them.
fn north_and_south() -> Fleet {
    let mut fleet = Fleet::new(0, "");
    for number in 1..=4 {
        fleet.connect(&format!("north-{number}"));
        fleet.connect(&format!("south-{number}"));
    }
    fleet.run(Duration::from_secs(5));
    fleet
}

fn silence(fleet: &mut Fleet, agents: &[&str]) {
    for agent in agents {
        fleet.disconnect(agent);
        fleet.run(Duration::from_millis(1));
    }
}

/// The alerts as a console has them, by agent.
fn folded(fleet: &Fleet, session: u64) -> BTreeMap<String, Alarm> {
    let mut alarms = BTreeMap::new();
    let mut fold = |alarm: &Alarm| alarms.insert(alarm.agent.to_string(), alarm.clone());
    for message in &fleet.heard[&session] {
        match message {
            ToOperator::Snapshot(part) => part.alerts.iter().for_each(|alarm| drop(fold(alarm))),
            ToOperator::Alert(update) => drop(fold(&update.alarm)),
            _ => {}
        }
    }
    alarms
}

/// Of the alerts of a console: whose came first and how many have it, as its card says; `None` for what stands alone.
fn card(fleet: &Fleet, session: u64) -> Option<(String, u32)> {
    let alarms = folded(fleet, session);
    let commons: Vec<_> = alarms.values().map(|alarm| alarm.common.as_ref()).collect();
    let first = commons[0]?;
    assert!(commons.iter().all(|common| common.unwrap().id == first.id), "one card");
    let lead = alarms.values().find(|alarm| alarm.alert_id == first.id).unwrap();
    assert_eq!(
        (&first.first_out, first.since),
        (&lead.agent, lead.raised_at),
        "its first is one that it sees"
    );
    let members = commons.iter().map(|common| common.unwrap().members).max().unwrap();
    Some((first.first_out.to_string(), members))
}

#[test]
fn of_a_card_a_console_is_told_its_own_members_their_number_and_which_of_them_came_first() {
    let mut fleet = north_and_south();
    fleet.seat_with(3, "nora", access(OperatorRole::Observer, "north-*"));
    fleet.seat_with(4, "olga", access(OperatorRole::Auditor, "south-1"));
    fleet.seat_with(5, "tess", access(OperatorRole::Supervisor, "south-*"));
    silence(&mut fleet, &["south-1", "north-1", "south-2", "north-2", "north-3", "south-3", "north-4"]);
    fleet.run(Duration::from_secs(1));
    // Whoever comes now is told the same in a snapshot, also where nobody had that scope before.
    fleet.seat_with(6, "nils", access(OperatorRole::Operator, "north-*"));
    fleet.seat_with(7, "sam", access(OperatorRole::Operator, "south-*"));
    fleet.seat_with(8, "paul", access(OperatorRole::Operator, "north-1*"));
    assert_eq!(card(&fleet, 2), Some(("south-1".to_owned(), 7)));
    for (session, wanted) in [
        (3, Some(("north-1".to_owned(), 4))),
        (4, None),
        (5, Some(("south-1".to_owned(), 3))),
        (6, Some(("north-1".to_owned(), 4))),
        (7, Some(("south-1".to_owned(), 3))),
        (8, None),
    ] {
        assert_eq!(card(&fleet, session), wanted, "session {session}");
        let others = if [3, 6, 8].contains(&session) { "south" } else { "north" };
        for message in
            fleet.heard[&session].iter().filter(|message| !matches!(message, ToOperator::Access(_)))
        {
            let bytes = message.encode();
            assert!(!bytes.windows(5).any(|window| window == others.as_bytes()), "{message:?}");
        }
    }
    assert!(fleet.replays());
}

/// Whom the alerts of the south are brought to, each where it says so.
fn brought_of_the_south(fleet: &mut Fleet) -> Vec<Option<String>> {
    let open = fleet.open();
    let south = open.iter().filter(|alarm| alarm.agent.as_str().starts_with("south"));
    south.map(|alarm| alarm.routed.as_ref().map(|routed| routed.to.to_string())).collect()
}

const MIXED: [&str; 6] = ["north-1", "south-1", "north-2", "south-2", "north-3", "south-3"];

#[test]
fn a_card_that_is_passed_on_leaves_behind_what_the_next_person_does_not_see() {
    let mut fleet = north_and_south();
    fleet.leave(2);
    silence(&mut fleet, &MIXED);
    fleet.seat_with(3, "ben", access(OperatorRole::Operator, "north-*"));
    // Ada shows nothing: the card, which a northern agent leads, goes to Ben; what lies in the south is not for him.
    fleet.run(Duration::from_millis(400));
    for _ in 0..5 {
        fleet.run(Duration::from_millis(10));
    }
    let open = fleet.open();
    let lead = open.iter().find(|alarm| alarm.agent.as_str() == "north-1").unwrap();
    assert_eq!(lead.routed.as_ref().unwrap().to.as_str(), "ben");
    assert_eq!(
        brought_of_the_south(&mut fleet),
        vec![Some("ada".to_owned()); 3],
        "they stand for themselves"
    );
    assert!(fleet.replays());
}

/// The newest that a console was told of whom the alert of an agent is brought to.
fn brought(fleet: &Fleet, session: u64, agent: &str) -> Option<String> {
    folded(fleet, session)[agent].routed.as_ref().map(|routed| routed.to.to_string())
}

/// An alert of the north of which anybody was ever told that it is brought to Quinn, who sees the south only.
fn with_quinn_of_the_north(fleet: &Fleet) -> Option<&Alarm> {
    let is_with_quinn = |alarm: &&Alarm| {
        let to = alarm.routed.as_ref().map(|routed| routed.to.as_str());
        to == Some("quinn") && alarm.agent.as_str().starts_with("north")
    };
    fleet.told.iter().find(is_with_quinn)
}

#[test]
fn what_joins_a_card_of_nobody_and_brings_somebody_who_does_not_see_all_of_it_leaves_the_rest_to_others() {
    let mut fleet = north_and_south();
    fleet.leave(1);
    fleet.leave(2);
    fleet.seat_with(3, "quinn", access(OperatorRole::Operator, "south-*"));
    fleet.seat_with(4, "otto", access(OperatorRole::Observer, "*"));
    silence(&mut fleet, &["north-1", "south-1", "south-2", "south-3", "south-4"]);
    fleet.run(Duration::from_millis(20));
    assert_eq!(card(&fleet, 3), Some(("south-1".to_owned(), 4)));
    assert_eq!(brought(&fleet, 3, "south-1").as_deref(), Some("quinn"), "she is told what is hers");
    assert_eq!(brought(&fleet, 4, "north-1"), None, "of the north nobody is there to be asked");
    fleet.show_mine(3, "quinn");
    fleet.seat_with(5, "pia", access(OperatorRole::Operator, "*"));
    fleet.run(Duration::from_millis(20));
    assert_eq!(brought(&fleet, 4, "north-1").as_deref(), Some("pia"));
    assert_eq!(brought(&fleet, 4, "south-1").as_deref(), Some("quinn"));
    assert_eq!(with_quinn_of_the_north(&fleet), None);
    assert!(fleet.replays());
}

#[test]
fn an_alert_that_nobody_may_be_asked_about_does_not_hold_back_the_others_of_its_card() {
    let mut fleet = north_and_south();
    fleet.leave(1);
    fleet.leave(2);
    fleet.seat_with(4, "otto", access(OperatorRole::Observer, "*"));
    silence(&mut fleet, &["north-1", "north-2", "south-1", "south-2", "north-3", "south-3"]);
    // Of the card, which a northern agent leads, the south is for Quinn.
    fleet.seat_with(3, "quinn", access(OperatorRole::Operator, "south-*"));
    fleet.run(Duration::from_millis(20));
    assert_eq!(brought(&fleet, 3, "south-1").as_deref(), Some("quinn"));
    assert_eq!(card(&fleet, 3), Some(("south-1".to_owned(), 3)));
    fleet.show_mine(3, "quinn");
    fleet.seat_with(5, "nora", access(OperatorRole::Operator, "north-*"));
    fleet.run(Duration::from_millis(20));
    for number in 1..=3 {
        assert_eq!(brought(&fleet, 4, &format!("north-{number}")).as_deref(), Some("nora"));
    }
    assert_eq!(brought(&fleet, 4, "south-1").as_deref(), Some("quinn"));
    assert_eq!(with_quinn_of_the_north(&fleet), None);
    assert!(fleet.replays());
}

#[test]
fn what_everybody_was_asked_about_goes_on_to_who_sees_a_part_of_it() {
    let mut fleet = north_and_south();
    fleet.leave(2);
    silence(&mut fleet, &MIXED);
    fleet.seat_with(3, "quinn", access(OperatorRole::Operator, "south-*"));
    // Ada shows nothing, and nobody else sees the northern agent that leads the card.
    fleet.run(Duration::from_millis(400));
    for _ in 0..5 {
        fleet.run(Duration::from_millis(10));
    }
    assert_eq!(brought(&fleet, 3, "south-1").as_deref(), Some("quinn"));
    for number in 1..=3 {
        assert_eq!(brought(&fleet, 1, &format!("north-{number}")).as_deref(), Some("ada"));
    }
    assert_eq!(with_quinn_of_the_north(&fleet), None);
    assert!(fleet.replays());
}

#[test]
fn what_somebody_sees_no_longer_leaves_the_card_that_he_has() {
    let mut fleet = north_and_south();
    fleet.leave(1);
    fleet.seat_with(3, "ben", access(OperatorRole::Operator, "*"));
    silence(&mut fleet, &MIXED);
    fleet.show_mine(3, "ben");
    assert_eq!(brought_of_the_south(&mut fleet), vec![None; 3], "one alert says it for the card");
    fleet.change_access(3, access(OperatorRole::Operator, "north-*"));
    assert_eq!(brought_of_the_south(&mut fleet), vec![Some("sue".to_owned()); 3]);
    assert!(fleet.replays());
}
