//! What the map, the tiles and the roster promise.

use crate::scenes::{START, agent, millis, picture, status, telemetry};
use watchkeeper_model::*;
use watchkeeper_picture::{
    Picture,
    examples::{self, Situation},
    view::{
        self,
        map::{MapMark, Trails, marks},
        tiles::tiles,
    },
};
use watchkeeper_protocol::{ToOperator, operator::*};

fn placed(name: &str, seq: u64, x_meters: f64) -> Telemetry {
    let pose = Pose { x_meters, y_meters: 2.0, heading_radians: 0.5 };
    let plan = vec![PlanPoint { x_meters: x_meters + 1.0, y_meters: 2.0 }];
    Telemetry { pose: Some(pose), plan, ..telemetry(name, seq, 0.02) }
}

fn operator(agents: Vec<AgentStatus>) -> Picture {
    picture(OperatorRole::Operator, agents, vec![])
}

fn only(picture: &Picture, now: MonoTime) -> MapMark {
    let mut marks = marks(picture, now, Trails::All);
    assert_eq!(marks.len(), 1);
    marks.remove(0)
}

#[test]
fn a_trail_goes_back_ten_seconds_and_has_at_most_a_hundred_points() {
    let mut picture = operator(vec![status("truck-17", AgentKind::Vehicle)]);
    for step in 0..30_u64 {
        let at = START.after(millis(1_000 * step));
        picture.handle(&ToOperator::Telemetry(placed("truck-17", 2_000 + step, step as f64)), at);
    }
    let now = START.after(millis(29_400));
    let trail = only(&picture, now).trail;
    // The eleventh is 10.4 s old.
    assert_eq!(trail.first().map(|point| point.0), Some(20.0));
    assert_eq!((trail.len(), trail.last().map(|point| point.0)), (10, Some(29.0)));
    for step in 0..300_u64 {
        let at = now.after(millis(20 * step));
        picture.handle(&ToOperator::Telemetry(placed("truck-17", 3_000 + step, 100.0)), at);
    }
    assert_eq!(only(&picture, now.after(millis(6_000))).trail.len(), 100);
}

#[test]
fn trails_and_plans_are_drawn_only_where_asked_for() {
    let Situation { picture, now, agent, .. } = examples::alert();
    for (trails_of, drawn) in [(Trails::All, 8), (Trails::Only(agent), 1), (Trails::Only(None), 0)] {
        let marks = marks(&picture, now, trails_of);
        assert_eq!(marks.iter().filter(|mark| !mark.trail.is_empty()).count(), drawn);
        assert_eq!(marks.iter().filter(|mark| !mark.plan.is_empty()).count(), drawn);
    }
}

#[test]
fn old_data_is_called_old_at_twice_the_period_and_its_plan_is_gone() {
    let mut picture = operator(vec![status("truck-17", AgentKind::Vehicle)]);
    for step in 0..3_u64 {
        let at = START.after(millis(100 * step));
        picture.handle(&ToOperator::Telemetry(placed("truck-17", 2_000 + step, 1.0)), at);
    }
    let newest = START.after(millis(200));
    let fresh = only(&picture, newest.after(millis(200)));
    assert_eq!((fresh.stale, fresh.data.as_str(), fresh.plan.len()), (false, "0.2 s", 1));
    let old = only(&picture, newest.after(millis(1_400)));
    assert_eq!((old.stale, old.data.as_str(), old.plan.len()), (true, "no data for 1.4 s", 0));
    assert_eq!(old.speed_mps, Some(12.6));
}

#[test]
fn a_place_that_is_older_than_the_news_says_so() {
    let mut stands = status("truck-17", AgentKind::Vehicle);
    stands.control_state = ControlState::Estopped;
    let mut picture = operator(vec![stands.clone()]);
    picture.handle(&ToOperator::Telemetry(placed("truck-17", 2_000, 1.0)), START);
    let now = START.after(millis(5_000));
    picture.handle(&ToOperator::ControlStatus(StatusUpdate { cursor: 101, status: stands }), now);
    let mark = only(&picture, now.after(millis(100)));
    assert_eq!((mark.stale, mark.data.as_str()), (false, "place 5.1 s old"));
}

#[test]
fn an_agent_is_on_the_map_or_on_the_wall_and_never_on_both() {
    let agents = vec![
        status("cards-eu", AgentKind::Transaction),
        status("placed", AgentKind::Vehicle),
        status("placeless", AgentKind::Vehicle),
    ];
    let mut shown = operator(agents);
    shown.handle(&ToOperator::Telemetry(placed("placed", 2_000, 1.0)), START);
    let on_map: Vec<_> =
        marks(&shown, START, Trails::All).iter().map(|mark| mark.agent.to_string()).collect();
    let on_wall: Vec<_> = tiles(&shown, START).iter().map(|tile| tile.agent.to_string()).collect();
    assert_eq!(
        (on_map, on_wall),
        (vec!["placed".to_owned()], vec!["cards-eu".to_owned(), "placeless".to_owned()])
    );
}

#[test]
fn a_vehicle_that_has_not_decided_yet_is_on_the_wall_only_when_its_news_is_late() {
    let mut fresh = Picture::new();
    fresh.handle_connected(START);
    fresh.handle(&crate::scenes::welcome(OperatorRole::Operator, false), START);
    fresh.handle(&crate::scenes::snapshot(100, vec![status("truck-17", AgentKind::Vehicle)], vec![]), START);
    assert!(tiles(&fresh, START.after(millis(1_900))).is_empty());
    let late = tiles(&fresh, START.after(millis(2_500)));
    assert_eq!((late.len(), late[0].stale, late[0].rate_per_sec), (1, true, None));
}

#[test]
fn a_rate_counts_what_was_decided_and_not_what_was_shown_and_falls_in_silence() {
    let mut picture = Picture::new();
    picture.handle_connected(START);
    picture.handle(&crate::scenes::welcome(OperatorRole::Operator, false), START);
    let cards = status("cards-eu", AgentKind::Transaction);
    picture.handle(&crate::scenes::snapshot(100, vec![cards], vec![]), START);
    // Every fifth decision is shown, twice a second.
    for step in 0..40_u64 {
        let at = START.after(millis(500 * step));
        picture.handle(&ToOperator::Telemetry(telemetry("cards-eu", 1_000 + 5 * step, 0.1)), at);
    }
    let newest = START.after(millis(19_500));
    let tile = tiles(&picture, newest).remove(0);
    assert!((tile.rate_per_sec.unwrap() - 10.0).abs() < 1e-9);
    assert_eq!((tile.scores.len(), tile.confidences.len()), (30, 30));
    let later = tiles(&picture, newest.after(millis(14_500))).remove(0);
    assert!((later.rate_per_sec.unwrap() - 5.0).abs() < 1e-9);
}

#[test]
fn points_and_scores_say_how_long_ago_they_came() {
    let Situation { picture, now, agent, .. } = examples::alert();
    let detail = view::agent::detail(&picture, &agent.unwrap(), 4, now).unwrap();
    for list in [&detail.scores, &detail.confidences, &detail.signals[0].points] {
        assert_eq!(list.len(), 600);
        assert!(list.iter().all(|(time, _)| (-60.1..=0.0).contains(time)));
        assert!(list.is_sorted_by(|a, b| a.0 < b.0));
    }
    let shares: f64 = detail.contributions.iter().map(|row| row.share).sum();
    assert!((shares - 1.0).abs() < 1e-9 && detail.contributions.is_sorted_by(|a, b| a.share >= b.share));
}

#[test]
fn a_missing_value_leaves_a_hole_and_no_point() {
    let mut shown = operator(vec![status("truck-17", AgentKind::Vehicle)]);
    let mut gap = telemetry("truck-17", 5_000, 0.02);
    gap.signals[0] = f64::NAN;
    shown.handle(&ToOperator::Telemetry(gap), START);
    let detail = view::agent::detail(&shown, &agent("truck-17"), 1, START).unwrap();
    let speed = &detail.signals[0];
    assert_eq!((speed.trend.len(), speed.points.len(), speed.text.as_str()), (11, 10, "missing"));
    assert_eq!(marks(&shown, START, Trails::All).len(), 0);
}

#[test]
fn oneself_stands_first_among_the_people_and_the_rest_is_counted() {
    let mut shown = operator(vec![status("truck-17", AgentKind::Vehicle)]);
    let person_on = |name: &str, session: u64, holds: Vec<AgentId>| OperatorStatus {
        person: crate::scenes::person(name),
        session_id: SessionId(session),
        role: OperatorRole::Operator,
        console: ConsoleKind::Window,
        holds,
        connected_nanos: 61_000_000_000,
        waiting: 2,
        flooded_nanos: None,
        away: false,
    };
    let operators = vec![
        person_on("aaron", 3, vec![agent("truck-17"), agent("truck-18")]),
        // The same person on another console is not this session.
        person_on("anna", 2, vec![]),
        person_on("anna", 7, vec![]),
    ];
    shown.handle(&ToOperator::Roster(Roster { operators, more: 5 }), START);
    let rows = view::roster::rows(&shown, START.after(millis(2_000)));
    let told: Vec<_> = rows.iter().map(|row| (row.person.as_str(), row.me, row.load)).collect();
    assert_eq!(told, [("anna", true, 0), ("aaron", false, 2), ("anna", false, 0), ("5 more", false, 0)]);
    assert_eq!((rows[1].holds.as_str(), rows[1].connected.as_str()), ("truck-17, truck-18", "1:03"));
}

#[test]
fn every_example_is_whole_and_looks_the_same_every_time() {
    for (name, situation) in examples::all() {
        let Situation { picture, now, agent } = situation();
        let lost = name == "disconnected";
        assert_eq!(picture.is_current(), !lost, "{name}");
        assert_eq!(picture.not_shown(), 0, "{name}");
        assert!(agent.is_none_or(|agent| picture.agent(&agent).is_some()), "{name}");
        let again = situation();
        assert_eq!(view::fleet::rows(&picture, now), view::fleet::rows(&again.picture, again.now), "{name}");
        // Only what is meant to be old is old.
        let stale = view::fleet::summary(&picture, now).stale;
        let meant = match name {
            "stale" | "thousand" => 1,
            "disconnected" => 8,
            _ => 0,
        };
        assert_eq!(stale, meant, "{name}");
    }
}

#[test]
fn the_crowds_are_as_many_as_they_say() {
    let thousand = examples::thousand();
    let marks = marks(&thousand.picture, thousand.now, Trails::Only(None));
    assert_eq!(marks.len(), 1_000);
    assert!(marks.iter().all(|mark| mark.x_meters.abs() < 1_600.0 && mark.y_meters.abs() < 1_600.0));
    assert_eq!(tiles(&examples::tiles().picture, examples::tiles().now).len(), 60);
    let mixed = examples::mixed();
    assert_eq!((marks_of(&mixed), tiles(&mixed.picture, mixed.now).len()), (8, 12));
    let flood = examples::flood();
    let rows = view::alerts::rows(&flood.picture, None, flood.now);
    let agents: std::collections::BTreeSet<_> = rows.iter().map(|row| &row.agent).collect();
    assert_eq!((rows.len(), agents.len()), (100, 40));
    assert_eq!(rows.iter().filter(|row| row.left.is_some()).count(), 1);
}

fn marks_of(situation: &Situation) -> usize {
    marks(&situation.picture, situation.now, Trails::Only(None)).len()
}
