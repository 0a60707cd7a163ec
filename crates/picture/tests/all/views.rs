//! What the older views promise: freshness, keys, phases, words of time.

use crate::scenes::{self, START, agent, millis, picture, status};
use watchkeeper_model::*;
use watchkeeper_picture::{
    Action, Picture, Unavailable,
    examples::{self, Situation},
    view,
};
use watchkeeper_protocol::{ToOperator, operator::*};

#[test]
fn a_lost_connection_allows_nothing() {
    let Situation { picture, now, agent } = examples::disconnected();
    for action in Action::ALL {
        assert_eq!(action.check(&picture, agent.as_ref().unwrap(), now), Err(Unavailable::Disconnected));
    }
}

#[test]
fn a_frozen_order_keeps_its_places_and_puts_what_is_new_behind() {
    let Situation { picture, now, .. } = examples::flood();
    let most_urgent = view::alerts::rows(&picture, None, now).first().unwrap().alert;
    let frozen = [AlertId(3_001_050), AlertId(3_001_001), AlertId(9_999)];
    let rows = view::alerts::rows(&picture, Some(&frozen), now);
    let ids: Vec<_> = rows.iter().take(3).map(|row| row.alert).collect();
    assert_eq!(ids, [frozen[0], frozen[1], most_urgent]);
    assert_eq!(rows.len(), 100);
}

#[test]
fn a_vehicle_is_stale_after_twice_its_period_and_never_before() {
    let agents = vec![status("truck-17", AgentKind::Vehicle), status("cards-eu", AgentKind::Transaction)];
    let picture = picture(OperatorRole::Operator, agents, vec![]);
    let truck = picture.agent(&agent("truck-17")).unwrap();
    assert!(!truck.freshness(START.after(millis(200))).stale);
    assert!(truck.freshness(START.after(millis(201))).stale);
    let cards = picture.agent(&agent("cards-eu")).unwrap();
    assert!(!cards.freshness(START.after(millis(2_000))).stale);
    assert!(cards.freshness(START.after(millis(2_001))).stale);
}

#[test]
fn an_agent_whose_heartbeats_come_late_to_the_monitor_is_stale_however_often_it_is_told() {
    let mut late = status("truck-17", AgentKind::Vehicle);
    late.control_state = ControlState::Estopped;
    let on_time = picture(OperatorRole::Operator, vec![late.clone()], vec![]);
    // No decision is due while it stands, so a status a second is on time.
    assert!(!on_time.agent(&late.agent).unwrap().freshness(START.after(millis(900))).stale);
    late.heartbeat_age_nanos = 250_000_000;
    let mut told = picture(OperatorRole::Operator, vec![late.clone()], vec![]);
    let at = START.after(millis(5_000));
    told.handle(&scenes::snapshot(100, vec![late.clone()], vec![]), at);
    assert!(told.agent(&late.agent).unwrap().freshness(at).stale);
}

#[test]
fn an_observer_may_press_nothing_and_an_operator_may_always_stop() {
    let agents = || vec![status("truck-17", AgentKind::Vehicle)];
    let observer = picture(OperatorRole::Observer, agents(), vec![]);
    let late = START.after(millis(60_000));
    for action in Action::ALL {
        assert_eq!(action.check(&observer, &agent("truck-17"), late), Err(Unavailable::Observer));
    }
    let operator = picture(OperatorRole::Operator, agents(), vec![]);
    assert_eq!(Action::Stop.check(&operator, &agent("truck-17"), late), Ok(()));
    assert_eq!(Action::Hold.check(&operator, &agent("truck-17"), late), Ok(()));
}

#[test]
fn only_a_supervisor_clears_the_latch_of_a_stop() {
    let mut stopped = status("truck-17", AgentKind::Vehicle);
    stopped.control_state = ControlState::Estopped;
    stopped.latches = vec![Latch { latch_id: LatchId(5), cause: LatchCause::Estop }];
    let check =
        |role| Action::ClearLatch.check(&picture(role, vec![stopped.clone()], vec![]), &stopped.agent, START);
    assert_eq!(check(OperatorRole::Operator), Err(Unavailable::SupervisorOnly));
    assert_eq!(check(OperatorRole::Supervisor), Ok(()));
}

#[test]
fn taking_control_names_every_latch_but_that_of_a_stop() {
    let mut held = status("truck-17", AgentKind::Vehicle);
    held.latches = vec![
        Latch { latch_id: LatchId(5), cause: LatchCause::Estop },
        Latch { latch_id: LatchId(6), cause: LatchCause::Fallback },
    ];
    let picture = picture(OperatorRole::Operator, vec![held.clone()], vec![]);
    let panel = view::takeover::panel(&picture, &held.agent, START).unwrap();
    assert_eq!(panel.releases, [LatchId(6)]);
}

#[test]
fn the_phases_of_a_takeover_follow_the_agent() {
    use view::takeover::Phase;
    let phase = |Situation { picture, now, .. }: Situation| {
        view::takeover::panel(&picture, &agent("vehicle-4"), now).unwrap().phase
    };
    let phases: [(fn() -> Situation, Phase); 8] = [
        (examples::calm, Phase::Calm),
        (examples::alert, Phase::Noticed),
        (examples::claimed, Phase::Understood),
        (examples::ready, Phase::Ready),
        (examples::in_control, Phase::InControl),
        (examples::manual, Phase::InControl),
        (examples::handing_back, Phase::HandingBack),
        (examples::afterwards, Phase::Afterwards),
    ];
    for (situation, expected) in phases {
        assert_eq!(phase(situation()), expected);
    }
    // Two seconds without data, and nobody is ready to engage any more.
    let ready = examples::ready();
    assert_eq!(phase(Situation { now: ready.now.after(millis(2_000)), ..ready }), Phase::Understood);
}

#[test]
fn ages_round_up_and_countdowns_round_down() {
    assert_eq!(view::age(millis(1_301)), "1.4 s");
    assert_eq!(view::countdown(millis(1_399)), "1.3 s");
    assert_eq!(view::age(millis(59_999)), "1:00");
    assert_eq!(view::countdown(millis(3_720_000)), "1h02m");
    assert_eq!(view::countdown(millis(299_999)), "4:59");
    assert_eq!(view::countdown(millis(0)), "0.0 s");
}

#[test]
fn a_claim_counts_down_from_what_the_monitor_said_and_not_once_engaged() {
    let mut claimed = status("truck-17", AgentKind::Vehicle);
    claimed.control_state = ControlState::Claimed;
    claimed.lease = Some(LeaseStatus {
        engage_left_nanos: Some(5_000_000_000),
        ..scenes::lease("anna", scenes::SESSION)
    });
    let shown = picture(OperatorRole::Operator, vec![claimed.clone()], vec![]);
    let left = |after| shown.agent(&claimed.agent).unwrap().engage_left(START.after(millis(after)));
    assert_eq!((left(1_500), left(6_000)), (Some(millis(3_500)), Some(millis(0))));
    claimed.lease = Some(scenes::lease("anna", scenes::SESSION));
    let engaged = picture(OperatorRole::Operator, vec![claimed.clone()], vec![]);
    assert_eq!(engaged.agent(&claimed.agent).unwrap().engage_left(START), None);
}

#[test]
fn the_refused_claim_of_another_takes_no_lease_away() {
    let mut held = status("truck-17", AgentKind::Vehicle);
    held.control_state = ControlState::Human;
    held.lease = Some(scenes::lease("anna", scenes::SESSION));
    let mut shown = picture(OperatorRole::Operator, vec![held.clone()], vec![]);
    shown.handle(
        &ToOperator::Lease(LeaseUpdate {
            cursor: 101,
            agent: held.agent.clone(),
            holder: scenes::person("bob"),
            session_id: SessionId(8),
            epoch: Epoch(0),
            event: LeaseEvent::Refused,
            code: Some(CommandCode::Precondition),
            end: None,
            detail: None,
        }),
        START,
    );
    assert_eq!(shown.my_epoch(&held.agent), Some(Epoch(41)));
}

#[test]
fn a_console_that_never_heard_anything_claims_no_age_of_data() {
    let mut never = Picture::new();
    never.handle_disconnected(START);
    let line = view::status_line::status_line(&never, START.after(millis(44_000)));
    assert_eq!(line.connection, "NOT CONNECTED for 44.0 s, no data yet");
}

#[test]
fn nobody_knows_who_controls_an_agent_that_is_offline() {
    let Situation { picture, now, .. } = examples::stale();
    let panel = view::takeover::panel(&picture, &agent("vehicle-6"), now).unwrap();
    assert_eq!(panel.controller, "unknown: offline");
}

#[test]
fn who_only_comes_next_is_nowhere_told_that_he_has_control() {
    let Situation { picture, now, .. } = examples::next();
    let whom = watchkeeper_model::AgentId::new("vehicle-4").unwrap();
    assert_eq!(picture.my_epoch(&whom), Some(Epoch(18)), "his ENGAGE takes it");
    let panel = view::takeover::panel(&picture, &whom, now).unwrap();
    assert_eq!((panel.controller.as_str(), panel.tone), ("ben", view::Tone::Normal));
    let lease = panel.lease.unwrap();
    assert_eq!((lease.holder.as_str(), lease.mine), ("ben", false));
    assert!(panel.handover.unwrap().yours_to_engage);
    let engage = panel.actions.iter().find(|row| row.action == Action::Engage).unwrap();
    assert_eq!(engage.unavailable, None);
    let row = view::fleet::rows(&picture, now).into_iter().find(|row| row.agent == whom).unwrap();
    assert_eq!((row.controller.as_str(), row.holder.as_deref()), ("ben", Some("ben")));
    assert_eq!(view::fleet::summary(&picture, now).yours, 0);
    let marks = view::map::marks(&picture, now, view::map::Trails::Only(None));
    let mark = marks.into_iter().find(|mark| mark.agent == whom).unwrap();
    assert_eq!((mark.mine, mark.tone), (false, view::Tone::Normal));
    let line = view::control_line::control_line(&picture, now);
    assert_eq!(
        (line.driving, line.text.as_str()),
        (false, "vehicle-4 is yours once you engage; ben has control")
    );
}
