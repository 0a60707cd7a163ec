//! What the rows say of the way to an agent, as this console's probes find it.

use crate::scenes::{SESSION, START, agent, lease, millis, picture, status};
use std::time::Duration;
use watchkeeper_model::*;
use watchkeeper_picture::{
    Picture,
    view::{
        Tone,
        status_line::status_line,
        takeover::{self, LinkRow},
    },
};
use watchkeeper_protocol::{ToOperator, operator::*};

const TRUCK: &str = "truck-17";

/// A truck in this person's hands, to which nothing was asked yet.
fn driven(kind: AgentKind) -> Picture {
    let mut driven = status(TRUCK, kind);
    driven.control_state = ControlState::Human;
    driven.lease = Some(lease("anna", SESSION));
    picture(OperatorRole::Operator, vec![driven], vec![])
}

fn at(span: u64) -> MonoTime {
    START.after(millis(span))
}

fn ask(picture: &mut Picture, seq: u64, asked: u64) {
    picture.handle_probe(&agent(TRUCK), seq, at(asked));
}

/// An answer with this total, of which 20 ms are display and 50 ms actuation, the rest half uplink, half downlink.
fn answer(picture: &mut Picture, seq: u64, total_millis: u64, came: u64) {
    let way = OneWay { nanos: total_millis.saturating_sub(70) * 500_000, error_nanos: 1_500_000 };
    let latency = LatencyParts {
        downlink: way,
        display_nanos: 20_000_000,
        uplink: way,
        actuate_nanos: 50_000_000,
        total_nanos: total_millis * 1_000_000,
    };
    let cap = (total_millis > 200).then_some(11.0);
    let probed = PathLatency { agent: agent(TRUCK), seq, latency: Some(latency), latency_cap_mps: cap };
    picture.handle(&ToOperator::Probed(probed), at(came));
}

fn row(picture: &Picture, now: MonoTime) -> Option<LinkRow> {
    let links = takeover::panel(picture, &agent(TRUCK), now).unwrap().links;
    assert_eq!(links[0].name, "agent to you");
    assert_eq!(links[1].name, "you to agent");
    links.into_iter().nth(2)
}

fn banner(picture: &Picture, now: MonoTime) -> String {
    status_line(picture, now).uplink
}

#[test]
fn who_asks_nothing_is_told_nothing() {
    let picture = driven(AgentKind::Vehicle);
    assert_eq!((row(&picture, at(9_000)), banner(&picture, at(9_000))), (None, String::new()));
}

#[test]
fn the_row_names_the_total_its_parts_and_what_follows_from_it() {
    for (total, kind, text, tone) in [
        (
            72,
            AgentKind::Vehicle,
            "72 ms: down <=3 ms, display 20 ms, up <=3 ms, actuation 50 ms",
            Tone::Normal,
        ),
        (
            200,
            AgentKind::Vehicle,
            "200 ms: down 65 ms, display 20 ms, up 65 ms, actuation 50 ms",
            Tone::Normal,
        ),
        (
            201,
            AgentKind::Vehicle,
            "201 ms, speed is capped: down 66 ms, display 20 ms, up 66 ms, actuation 50 ms",
            Tone::Warning,
        ),
        (
            500,
            AgentKind::Vehicle,
            "500 ms, speed is capped: down 215 ms, display 20 ms, up 215 ms, actuation 50 ms",
            Tone::Warning,
        ),
        (
            501,
            AgentKind::Vehicle,
            "501 ms, too long to begin to drive: down 216 ms, display 20 ms, up 216 ms, actuation 50 ms",
            Tone::Danger,
        ),
        // Nobody drives a service.
        (
            501,
            AgentKind::Generic,
            "501 ms: down 216 ms, display 20 ms, up 216 ms, actuation 50 ms",
            Tone::Normal,
        ),
    ] {
        let mut picture = driven(kind);
        ask(&mut picture, 1, 0);
        answer(&mut picture, 1, total, 100);
        let row = row(&picture, at(150)).unwrap();
        assert_eq!((row.name, row.text.as_str(), row.tone), ("there and back", text, tone));
        let share = (f64::from(u32::try_from(total).unwrap()) / 500.0).min(1.0);
        assert!((row.fraction - share).abs() < 1e-9, "{}", row.fraction);
    }
}

#[test]
fn a_driver_reads_how_fast_he_may_go_for_the_latency() {
    let mut picture = driven(AgentKind::Vehicle);
    let text =
        |picture: &Picture| takeover::panel(picture, &agent(TRUCK), at(150)).unwrap().drive.unwrap().text;
    assert_eq!(text(&picture), "12.6 m/s, by commands");
    ask(&mut picture, 1, 0);
    answer(&mut picture, 1, 250, 100);
    assert_eq!(text(&picture), "12.6 m/s, by commands, at most 11.0 m/s for the latency");
    let limited = |now| status_line(&picture, now).limited;
    assert_eq!(limited(at(150)), "truck-17 drives at most 11.0 m/s because of a latency of 250 ms");
    assert_eq!(limited(at(5_000)), "", "he asks no more");
}

#[test]
fn nothing_is_lost_before_one_and_a_half_seconds_and_then_the_banner_names_the_agent() {
    let mut picture = driven(AgentKind::Vehicle);
    ask(&mut picture, 1, 0);
    let first = row(&picture, at(100)).unwrap();
    assert_eq!((first.text.as_str(), first.tone), ("not measured yet, at most 1.5 s", Tone::Quiet));
    answer(&mut picture, 1, 90, 40);
    ask(&mut picture, 2, 1_000);
    assert_eq!(banner(&picture, at(1_499)), "");
    // The first probe came through, the second did not.
    let text = banner(&picture, at(1_500));
    let expected = "NO ANSWER from truck-17 for 1.5 s: commands may not arrive, its data is 1.5 s old";
    assert_eq!(text, expected);
    let lost = row(&picture, at(1_500)).unwrap();
    assert_eq!(lost.text, "NO ANSWER for 1.5 s: commands may not arrive");
    assert_eq!((lost.tone, lost.fraction), (Tone::Danger, 1.0));
    // News of the agent change nothing about it, and an answer does.
    let telemetry = crate::scenes::telemetry(TRUCK, 1_300, 0.02);
    picture.handle(&ToOperator::Telemetry(telemetry), at(1_590));
    assert!(banner(&picture, at(1_600)).ends_with("its data comes in time"));
    answer(&mut picture, 2, 700, 1_700);
    assert_eq!(banner(&picture, at(1_700)), "");
}

#[test]
fn a_way_that_is_long_and_answers_every_time_is_not_lost() {
    let mut picture = driven(AgentKind::Vehicle);
    // Each answer takes 800 ms, so between two of them the newest that came through is up to 1.8 s old.
    for second in 0..6 {
        ask(&mut picture, second + 1, second * 1_000);
        if let Some(before) = second.checked_sub(1) {
            for look in [0, 400, 799] {
                assert_eq!(banner(&picture, at(second * 1_000 + look)), "", "after answer {before}");
            }
        }
        answer(&mut picture, second + 1, 900, second * 1_000 + 800);
    }
    assert_eq!(banner(&picture, at(6_799)), "");
    assert!(!banner(&picture, at(6_800)).is_empty());
}

#[test]
fn who_asks_no_more_misses_nothing_and_a_new_question_begins_anew() {
    let mut picture = driven(AgentKind::Vehicle);
    ask(&mut picture, 1, 0);
    assert!(!banner(&picture, at(2_999)).is_empty());
    assert_eq!((banner(&picture, at(3_000)), row(&picture, at(3_000))), (String::new(), None));
    ask(&mut picture, 2, 60_000);
    assert_eq!(banner(&picture, at(61_499)), "");
    assert!(!banner(&picture, at(61_500)).is_empty());
}

#[test]
fn without_a_monitor_the_connection_is_what_is_missing() {
    let mut picture = driven(AgentKind::Vehicle);
    ask(&mut picture, 1, 0);
    picture.handle_disconnected(at(100));
    assert_eq!((banner(&picture, at(2_000)), row(&picture, at(2_000))), (String::new(), None));
}

#[test]
fn a_recording_shows_the_answers_that_came_without_the_questions() {
    let mut picture = driven(AgentKind::Vehicle);
    answer(&mut picture, 7, 250, 0);
    answer(&mut picture, 8, 260, 1_000);
    assert!(row(&picture, at(1_100)).unwrap().text.starts_with("260 ms, speed is capped"));
    assert!(!banner(&picture, at(2_500)).is_empty());
}

#[test]
fn an_answer_about_somebody_unknown_and_one_that_nobody_waits_for_do_no_harm() {
    let mut picture = driven(AgentKind::Vehicle);
    let stranger = PathLatency { agent: agent("nobody"), seq: 1, latency: None, latency_cap_mps: None };
    picture.handle(&ToOperator::Probed(stranger), START);
    for seq in 1..=20 {
        ask(&mut picture, seq, seq);
    }
    answer(&mut picture, 1, 90, 30);
    assert_eq!(
        picture.agent(&agent(TRUCK)).unwrap().path().through_for(at(40)),
        Some(Duration::from_millis(10))
    );
}
