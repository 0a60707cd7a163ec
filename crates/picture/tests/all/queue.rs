//! What the alert queue, the takeover lane and the control line promise.

use crate::scenes::{
    self, MONITOR_START, SESSION, START, agent, alarm, demand, label, lease, millis, note, person, picture,
    status,
};
use watchkeeper_model::*;
use watchkeeper_picture::{
    Picture,
    examples::{self, Situation},
    view::{
        self, Mark, Tone,
        alerts::{AlertRow, HiddenBy, cause_text},
        control_line::control_line,
    },
};
use watchkeeper_protocol::{ToOperator, operator::*};

fn trucks(names: &[&str]) -> Vec<AgentStatus> {
    names.iter().map(|name| status(name, AgentKind::Vehicle)).collect()
}

fn operator(agents: Vec<AgentStatus>, alerts: Vec<Alarm>) -> Picture {
    picture(OperatorRole::Operator, agents, alerts)
}

fn row(picture: &Picture, id: u64) -> AlertRow {
    let rows = view::alerts::rows(picture, None, START);
    rows.into_iter().find(|row| row.alert == AlertId(id)).unwrap()
}

fn aside(mut alarm: Alarm, by: &str, secs: u64) -> Alarm {
    alarm.shelved = Some(Shelved {
        by: person(by),
        until: MONITOR_START.after(millis(1_000 * secs)),
        reason: note("sensor being replaced"),
    });
    alarm
}

#[test]
fn the_first_of_several_alerts_of_an_agent_is_marked_and_a_single_one_is_not() {
    let mut first = alarm(2, "truck-17", Severity::Advisory);
    first.raised_at = MONITOR_START.before(millis(9_000));
    let mut over = alarm(3, "truck-17", Severity::Critical);
    over.raised_at = MONITOR_START.before(millis(60_000));
    over.state = AlarmState::RtnUnack;
    let alerts =
        vec![alarm(1, "truck-17", Severity::Critical), first, over, alarm(4, "truck-21", Severity::Warning)];
    let shown = operator(trucks(&["truck-17", "truck-21"]), alerts);
    let first_out: Vec<_> = (1..=4).map(|id| row(&shown, id).first_out).collect();
    assert_eq!(first_out, [false, true, false, false]);
}

#[test]
fn what_is_put_aside_stands_apart_with_who_until_when_and_why() {
    let alerts = vec![
        alarm(1, "truck-17", Severity::Warning),
        aside(alarm(2, "truck-21", Severity::Warning), "anna", 245),
    ];
    let shown = operator(trucks(&["truck-17", "truck-21"]), alerts);
    let ids: Vec<_> = view::alerts::rows(&shown, None, START).iter().map(|row| row.alert.0).collect();
    assert_eq!(ids, [1]);
    let apart = view::alerts::hidden(&shown, START);
    assert_eq!(apart.len(), 1);
    assert_eq!(
        apart[0].hidden.as_ref().map(|how| how.text.as_str()),
        Some("shelved 4:05 by anna: sensor being replaced")
    );
    assert_eq!(apart[0].can_shelve, Err("it is shelved already".to_owned()));
    let summary = view::alerts::summary(&shown, START);
    assert_eq!((summary.open, summary.hidden), (1, 1));
    assert_eq!(summary.text, "1 alert of 1 agent, 1 not acknowledged, 1 shelved");
    // It is back when its time is over, whether the monitor has said so or not.
    let back = START.after(millis(245_000));
    assert_eq!(view::alerts::rows(&shown, None, back).len(), 2);
    assert!(view::alerts::hidden(&shown, back).is_empty());
}

#[test]
fn an_open_demand_cannot_be_put_aside_and_is_shown_even_if_it_was() {
    let mut agents = trucks(&["truck-17"]);
    agents[0].control_state = ControlState::Requested;
    agents[0].demand = Some(demand(millis(7_300)));
    let mut wanted = aside(alarm(1, "truck-17", Severity::Critical), "anna", 245);
    wanted.demand_id = Some(DemandId(9));
    let shown = operator(agents, vec![wanted]);
    assert_eq!(row(&shown, 1).can_shelve, Err("its takeover is demanded".to_owned()));
    assert!(view::alerts::hidden(&shown, START).is_empty());
    assert_eq!(view::alerts::summary(&shown, START).tone, Tone::Danger);
}

#[test]
fn who_may_not_act_is_told_why() {
    let alerts = || vec![alarm(1, "truck-17", Severity::Warning)];
    let observer = picture(OperatorRole::Observer, trucks(&["truck-17"]), alerts());
    assert!(!row(&observer, 1).can_acknowledge);
    assert_eq!(row(&observer, 1).can_shelve, Err("in this role you only read".to_owned()));
    let mut lost = operator(trucks(&["truck-17"]), alerts());
    assert!(row(&lost, 1).can_acknowledge && row(&lost, 1).can_shelve.is_ok());
    lost.handle_disconnected(START);
    assert!(!row(&lost, 1).can_acknowledge);
    assert_eq!(row(&lost, 1).can_shelve, Err("not connected: nothing can be sent".to_owned()));
}

#[test]
fn who_acknowledged_is_named_and_oneself_is_called_you() {
    let acknowledged = |id, by: &str| {
        let mut alarm = alarm(id, "truck-17", Severity::Warning);
        alarm.state = AlarmState::AckedActive;
        alarm.acknowledged_by = Some(person(by));
        alarm
    };
    let shown = operator(trucks(&["truck-17"]), vec![acknowledged(1, "anna"), acknowledged(2, "bob")]);
    assert_eq!(row(&shown, 1).acknowledged_by.as_deref(), Some("you"));
    assert_eq!(row(&shown, 2).acknowledged_by.as_deref(), Some("bob"));
    assert!(!row(&shown, 2).can_acknowledge);
}

#[test]
fn a_quiet_queue_says_so() {
    let Situation { picture, now, .. } = examples::calm();
    let summary = view::alerts::summary(&picture, now);
    assert_eq!((summary.text.as_str(), summary.tone), ("no alerts", Tone::Quiet));
}

#[test]
fn an_alert_says_what_was_expected_and_what_came_where_the_monitor_does_not() {
    let mut frozen = alarm(1, "truck-17", Severity::Critical);
    frozen.explanation.text = note("speed signal frozen for 2.1 s while others moved");
    frozen.explanation.signals[0].expected_low = Some(11.8);
    frozen.explanation.samples =
        (0..20).map(|index| Sample { seq: DecisionSeq(index), value: 12.6 }).collect();
    assert_eq!(
        cause_text(&frozen),
        "speed signal frozen for 2.1 s while others moved; expected 11.8 to 13.9 m/s, got 12.6 exactly 42 times"
    );
    // Fewer samples than there is room for are all there were.
    frozen.explanation.samples.truncate(5);
    assert!(cause_text(&frozen).ends_with("got 12.6 exactly 5 times"));
    frozen.explanation.samples[4].value = 12.7;
    assert!(cause_text(&frozen).ends_with("expected 11.8 to 13.9 m/s, got 12.6"));
    // What it says itself is not said again.
    frozen.explanation.text = note("speed is 12.6 m/s, expected 12.8 to 13.9 m/s");
    assert_eq!(cause_text(&frozen), "speed is 12.6 m/s, expected 12.8 to 13.9 m/s");
    frozen.explanation.signals.clear();
    frozen.explanation.text = note("heartbeats are late");
    assert_eq!(cause_text(&frozen), "heartbeats are late");
}

#[test]
fn a_band_with_one_end_and_no_unit_is_said_as_such() {
    let mut risky = alarm(1, "cards-eu", Severity::Warning);
    risky.explanation.text = note("risk is high");
    risky.explanation.signals = vec![SignalEvidence {
        signal: label("risk"),
        unit: label(""),
        value: 0.91,
        expected_low: None,
        expected_high: Some(0.3),
        contribution: 1.0,
    }];
    risky.explanation.samples.clear();
    assert_eq!(cause_text(&risky), "risk is high; expected at most 0.3, got 0.91");
}

fn lane(picture: &Picture, frozen: Option<&[AgentId]>, now: MonoTime) -> Vec<String> {
    view::demands::rows(picture, frozen, now).into_iter().map(|row| row.agent.to_string()).collect()
}

/// Trucks a to f: two demands (one claimed by bob), a fallback, a safe one, a stopped one, and one that is well.
fn waiting() -> Picture {
    let mut agents = trucks(&["a", "b", "c", "d", "e", "f"]);
    agents[0].control_state = ControlState::Estopped;
    agents[1].control_state = ControlState::SafeHeld;
    agents[2].control_state = ControlState::Claimed;
    agents[2].demand = Some(demand(millis(3_000)));
    agents[2].lease = Some(lease("bob", SessionId(8)));
    agents[3].control_state = ControlState::Requested;
    agents[3].demand = Some(DemandStatus { demand_id: DemandId(10), ..demand(millis(6_000)) });
    agents[4].control_state = ControlState::Fallback;
    agents[4].fallback_level = Some(FallbackLevel::CONTAIN);
    operator(agents, vec![])
}

#[test]
fn the_lane_puts_what_runs_out_before_what_is_safe_and_what_is_claimed_behind_what_is_not() {
    let picture = waiting();
    assert_eq!(lane(&picture, None, START), ["d", "e", "c", "b", "a"]);
    let rows = view::demands::rows(&picture, None, START);
    let priorities: Vec<_> = rows.iter().map(|row| row.priority).collect();
    assert_eq!(priorities, [1, 1, 1, 2, 3]);
    assert_eq!(
        (rows[0].mark, rows[0].tone, rows[0].left),
        (Mark::TriangleUp, Tone::Danger, Some(millis(6_000)))
    );
    assert_eq!(rows[0].fraction, Some(0.6));
    assert_eq!(rows[0].then, "it pulls over (fallback 2)");
    assert_eq!(rows[1].cause, "fell back, nobody has it");
    assert_eq!(rows[2].holder.as_deref(), Some("bob"));
    assert!(rows.iter().all(|row| !row.mine));
}

#[test]
fn a_lane_that_somebody_looks_at_keeps_its_order() {
    let mut picture = waiting();
    let frozen = [agent("a"), agent("c"), agent("gone"), agent("e")];
    assert_eq!(lane(&picture, Some(&frozen), START), ["a", "c", "e", "d", "b"]);
    // A new demand goes behind, however little time it has.
    let mut urgent = status("f", AgentKind::Vehicle);
    urgent.control_state = ControlState::Requested;
    urgent.demand = Some(DemandStatus { demand_id: DemandId(11), ..demand(millis(900)) });
    picture.handle(&ToOperator::ControlStatus(StatusUpdate { cursor: 101, status: urgent }), START);
    let known: Vec<_> = ["d", "e", "c", "b", "a"].map(agent).to_vec();
    assert_eq!(lane(&picture, Some(&known), START), ["d", "e", "c", "b", "a", "f"]);
    assert_eq!(lane(&picture, None, START)[0], "f");
}

#[test]
fn a_fallback_that_somebody_has_in_hand_is_no_longer_on_the_lane() {
    let mut held = status("truck-17", AgentKind::Vehicle);
    held.control_state = ControlState::Fallback;
    assert_eq!(lane(&operator(vec![held.clone()], vec![]), None, START), ["truck-17"]);
    held.lease = Some(lease("bob", SessionId(8)));
    assert!(lane(&operator(vec![held.clone()], vec![]), None, START).is_empty());
    held.unverified = true;
    let rows = view::demands::rows(&operator(vec![held], vec![]), None, START);
    assert_eq!((rows[0].cause.as_str(), rows[0].priority), ("fallback not confirmed", 1));
}

#[test]
fn a_demand_names_the_alert_that_led_to_it_and_not_a_worse_one() {
    let mut agents = trucks(&["truck-17"]);
    agents[0].control_state = ControlState::Requested;
    agents[0].demand = Some(demand(millis(7_000)));
    let mut led = alarm(1, "truck-17", Severity::Warning);
    led.demand_id = Some(DemandId(9));
    let mut worse = alarm(2, "truck-17", Severity::Critical);
    worse.subject = label("gap");
    let picture = operator(agents, vec![led, worse]);
    let row = view::demands::rows(&picture, None, START).remove(0);
    assert_eq!((row.alert, row.cause.as_str()), (Some(AlertId(1)), "unusual: speed"));
    assert_eq!(row.raised.as_deref(), Some("2.8 s"));
    let panel = view::takeover::panel(&picture, &agent("truck-17"), START).unwrap();
    assert_eq!(panel.alert, Some(AlertId(1)));
}

#[test]
fn a_demand_without_an_alert_says_who_wants_it() {
    let mut asking = status("truck-17", AgentKind::Vehicle);
    asking.control_state = ControlState::Requested;
    asking.demand = Some(DemandStatus { origin: DemandOrigin::Agent, ..demand(millis(7_000)) });
    let row = view::demands::rows(&operator(vec![asking], vec![]), None, START).remove(0);
    assert_eq!((row.cause.as_str(), row.alert, row.raised), ("asks for a person", None, None));
    assert_eq!(row.text, "speed signal frozen for 2.1 s while others moved");
}

fn control(state: ControlState, holder: Option<(&str, SessionId)>) -> (String, bool) {
    let mut truck = status("truck-17", AgentKind::Vehicle);
    truck.control_state = state;
    truck.lease = holder.map(|(name, session)| lease(name, session));
    let line = control_line(&operator(vec![truck], vec![]), START);
    (line.text, line.driving)
}

#[test]
fn who_controls_is_said_in_words_in_every_state() {
    let me = Some(("anna", SESSION));
    for (state, holder, text, driving) in [
        (ControlState::Autonomous, None, "Nobody drives; 1 agent acts by itself", false),
        (ControlState::Fallback, None, "Nobody drives; 1 in fallback", false),
        (ControlState::SafeHeld, None, "Nobody drives; 1 held safe", false),
        (ControlState::Estopped, None, "Nobody drives; 1 STOPPED", false),
        (ControlState::Human, Some(("bob", SessionId(8))), "bob drives truck-17", false),
        (ControlState::Claimed, me, "You hold truck-17 (claimed): the agent still acts", false),
        (
            ControlState::InTransition,
            me,
            "You are taking over truck-17: the agent acts until it is yours",
            true,
        ),
        (ControlState::Human, me, "You drive truck-17", true),
        (ControlState::Returning, me, "You are handing back truck-17: yours until it is steady", true),
        (ControlState::Fallback, me, "You hold truck-17: the fallback acts", false),
        (ControlState::SafeHeld, me, "You hold truck-17: it is held safe", false),
    ] {
        assert_eq!(control(state, holder), (text.to_owned(), driving));
    }
}

#[test]
fn driving_by_hand_says_so_and_shouts_without_a_hand() {
    let mut truck = status("truck-17", AgentKind::Vehicle);
    truck.control_state = ControlState::Human;
    truck.lease = Some(lease("anna", SESSION));
    truck.manual = true;
    let line = |truck: &AgentStatus| control_line(&operator(vec![truck.clone()], vec![]), START);
    assert_eq!((line(&truck).text.as_str(), line(&truck).tone), ("You drive truck-17 by hand", Tone::Own));
    truck.neutral = true;
    assert_eq!(line(&truck).text, "You drive truck-17 by hand: NO INPUT, it slows down");
    assert_eq!(line(&truck).tone, Tone::Warning);
    truck.offline_nanos = Some(1);
    assert_eq!(line(&truck).text, "truck-17 is OFFLINE: who controls it is not known; you held it");
    assert!(!line(&truck).driving);
}

#[test]
fn what_is_driven_comes_before_what_is_only_held() {
    let mut agents = trucks(&["a", "b"]);
    agents[0].control_state = ControlState::Claimed;
    agents[0].lease = Some(lease("anna", SESSION));
    agents[1].control_state = ControlState::Human;
    agents[1].lease = Some(lease("anna", SESSION));
    let line = control_line(&operator(agents, vec![]), START);
    assert_eq!((line.text.as_str(), line.agent), ("You drive b, and hold 1 more", Some(agent("b"))));
}

#[test]
fn without_a_whole_picture_nobody_claims_to_know_who_controls() {
    let never = Picture::new();
    assert_eq!(control_line(&never, START).text, "NOT CONNECTED: who controls what is not known");
    let mut loading = Picture::new();
    loading.handle_connected(START);
    loading.handle(&scenes::welcome(OperatorRole::Operator, false), START);
    let line = control_line(&loading, START);
    assert_eq!(line.tone, Tone::Stale);
    assert_eq!(line.text, "The picture is loading: who controls what is not known yet");
}

#[test]
fn a_payment_agent_is_controlled_and_not_driven() {
    let Situation { picture, now, .. } = examples::tiles();
    let line = control_line(&picture, now);
    assert_eq!(line.text, "ben controls refactor-a; 58 agents act by themselves, 1 offline");
}

fn out_of_service(mut alarm: Alarm, by: &str) -> Alarm {
    alarm.out_of_service =
        Some(OutOfService { by: person(by), since: MONITOR_START, reason: note("a new one is ordered") });
    alarm
}

#[test]
fn everything_hidden_is_listed_with_who_or_which_rule_why_and_until_when() {
    let mut over = out_of_service(alarm(1, "truck-17", Severity::Warning), "sue");
    over.state = AlarmState::Normal;
    let mut ruled = alarm(2, "truck-17", Severity::Critical);
    ruled.suppressed =
        Some(Suppressed { rule: label("behind the link"), reason: note("nothing arrives to be measured") });
    let put_aside =
        [(3, 600), (4, 245)].map(|(id, secs)| aside(alarm(id, "truck-21", Severity::Warning), "anna", secs));
    let [later, sooner] = put_aside;
    let shown = operator(trucks(&["truck-17", "truck-21"]), vec![over, ruled, later, sooner]);
    assert!(view::alerts::rows(&shown, None, START).is_empty());
    let hidden: Vec<_> = view::alerts::hidden(&shown, START)
        .into_iter()
        .map(|row| (row.alert.0, row.hidden.unwrap()))
        .collect();
    let text: Vec<_> = hidden.iter().map(|(id, how)| (*id, how.by, how.text.as_str())).collect();
    assert_eq!(
        text,
        [
            (4, HiddenBy::Shelf, "shelved 4:05 by anna: sensor being replaced"),
            (3, HiddenBy::Shelf, "shelved 10:00 by anna: sensor being replaced"),
            (2, HiddenBy::Rule, "suppressed by rule behind the link: nothing arrives to be measured"),
            (1, HiddenBy::Service, "out of service by sue: a new one is ordered"),
        ]
    );
    let summary = view::alerts::summary(&shown, START);
    assert_eq!((summary.open, summary.hidden), (0, 4));
    assert_eq!(summary.text, "no alerts, 2 shelved, 1 suppressed, 1 out of service");
}

#[test]
fn what_is_latched_or_comes_and_goes_says_so_and_stays_in_the_queue() {
    let mut latched = alarm(1, "truck-17", Severity::Warning);
    (latched.state, latched.latched) = (AlarmState::Normal, true);
    let mut flapping = alarm(2, "truck-17", Severity::Warning);
    flapping.flapping = true;
    let shown = operator(trucks(&["truck-17"]), vec![latched, flapping]);
    assert_eq!(row(&shown, 1).state, "over, latched");
    assert!(row(&shown, 1).can_reset && !row(&shown, 1).can_acknowledge && !row(&shown, 2).can_reset);
    assert_eq!(row(&shown, 2).state, "new, comes and goes");
}

#[test]
fn priority_comes_after_the_deadline_and_before_severity() {
    let with = |id, priority, severity| Alarm { priority, ..alarm(id, "truck-17", severity) };
    let mut over = with(1, Priority::High, Severity::Critical);
    over.state = AlarmState::RtnUnack;
    let mut agents = trucks(&["truck-17", "truck-21"]);
    agents[1].control_state = ControlState::Requested;
    agents[1].demand = Some(demand(millis(7_300)));
    let mut wanted = alarm(2, "truck-21", Severity::Warning);
    wanted.demand_id = Some(DemandId(9));
    let alerts = vec![
        over,
        wanted,
        with(3, Priority::Low, Severity::Critical),
        with(4, Priority::High, Severity::Warning),
        with(5, Priority::High, Severity::Critical),
        with(6, Priority::Medium, Severity::Advisory),
    ];
    let shown = operator(agents, alerts);
    let order: Vec<_> = view::alerts::rows(&shown, None, START).iter().map(|row| row.alert.0).collect();
    assert_eq!(order, [2, 5, 4, 6, 3, 1]);
}
