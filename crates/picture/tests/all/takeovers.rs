//! What the takeover panel says of other people, of the links and of what is over, and the waterfalls' sums.

use crate::scenes::{START, agent, lease, millis, note, person, picture, status};
use std::time::Duration;
use uuid::Uuid;
use watchkeeper_model::*;
use watchkeeper_picture::{
    Action, Picture,
    examples::{self, Situation},
    view::{
        self, Tone,
        takeover::TakeoverPanel,
        waterfall::{SpanRow, Waterfall, waterfalls},
    },
};
use watchkeeper_protocol::{
    ToOperator,
    operator::*,
    record::{Moment, TakeoverCommand, TakeoverRecord},
};

const BEN: SessionId = SessionId(8);

fn panel_of(picture: &Picture, now: MonoTime) -> TakeoverPanel {
    view::takeover::panel(picture, &agent("truck-17"), now).unwrap()
}

/// A truck in a person's hands.
fn driven(holder: &str, session_id: SessionId) -> AgentStatus {
    let mut driven = status("truck-17", AgentKind::Vehicle);
    driven.control_state = ControlState::Human;
    driven.lease = Some(lease(holder, session_id));
    driven
}

fn told(status: AgentStatus) -> Picture {
    picture(OperatorRole::Operator, vec![status], vec![])
}

fn wish(by: &str, session_id: SessionId) -> HandoverStatus {
    HandoverStatus { request_id: 7, by: person(by), session_id, left_nanos: 9_200_000_000, reason: None }
}

#[test]
fn a_wish_for_control_counts_down_and_says_that_silence_is_a_no() {
    let mut mine = driven("anna", crate::scenes::SESSION);
    mine.lease.as_mut().unwrap().handover = Some(wish("ben", BEN));
    let row = panel_of(&told(mine), START.after(millis(1_000))).handover.unwrap();
    assert_eq!(row.text, "ben asks for control: 8.2 s to answer (silence is a no)");
    assert_eq!((row.request_id, row.left), (Some(7), Some(millis(8_200))));
    assert!((row.fraction.unwrap() - 0.82).abs() < 1e-9);
    assert!(row.yours_to_answer && !row.yours_to_engage);
}

#[test]
fn who_asked_waits_and_who_is_not_asked_only_sees_it() {
    let mut bens = driven("ben", BEN);
    bens.lease.as_mut().unwrap().handover = Some(wish("anna", crate::scenes::SESSION));
    let row = panel_of(&told(bens.clone()), START).handover.unwrap();
    assert_eq!(row.text, "you asked ben for control: 9.2 s to answer");
    assert!(!row.yours_to_answer);
    bens.lease.as_mut().unwrap().handover = Some(wish("carl", SessionId(9)));
    let row = panel_of(&told(bens), START).handover.unwrap();
    assert_eq!(row.text, "carl asks ben for control: 9.2 s to answer");
    assert!(!row.yours_to_answer);
}

#[test]
fn who_was_let_must_engage_and_who_let_him_keeps_control_until_then() {
    let next = |holder: &str, session_id, preempts| NextHolder {
        holder: person(holder),
        session_id,
        epoch: Epoch(42),
        left_nanos: 4_000_000_000,
        ready: true,
        preempts,
    };
    let mut bens = driven("ben", BEN);
    bens.lease.as_mut().unwrap().next = Some(next("anna", crate::scenes::SESSION, false));
    let told_anna = told(bens);
    let row = panel_of(&told_anna, START.after(millis(500))).handover.unwrap();
    assert_eq!(row.text, "engage within 3.5 s to take it from ben");
    assert!(row.yours_to_engage && !row.yours_to_answer && row.request_id.is_none());
    assert!((row.fraction.unwrap() - 0.35).abs() < 1e-9);
    let line = view::control_line::control_line(&told_anna, START);
    assert_eq!(line.text, "truck-17 is yours once you engage; ben has control");
    assert!(!line.driving);

    let mut mine = driven("anna", crate::scenes::SESSION);
    mine.lease.as_mut().unwrap().next = Some(next("dora", SessionId(5), true));
    let told_anna = told(mine);
    let row = panel_of(&told_anna, START).handover.unwrap();
    assert_eq!(row.text, "the supervisor dora takes control: yours until dora engages, at most 4.0 s");
    assert!(!row.yours_to_engage);
    assert!(view::control_line::control_line(&told_anna, START).driving);
}

#[test]
fn a_refused_wish_is_told_for_ten_seconds_to_who_asked() {
    let mut picture = told(driven("ben", BEN));
    let refused = LeaseUpdate {
        cursor: 101,
        agent: agent("truck-17"),
        holder: person("anna"),
        session_id: crate::scenes::SESSION,
        epoch: Epoch(41),
        event: LeaseEvent::HandoverRefused,
        code: None,
        end: None,
        detail: Some(note("no answer in time")),
    };
    picture.handle(&ToOperator::Lease(refused), START);
    let row = panel_of(&picture, START.after(millis(9_999))).handover.unwrap();
    assert_eq!((row.text.as_str(), row.left), ("ben keeps control: no answer in time", None));
    assert_eq!(panel_of(&picture, START.after(millis(10_000))).handover, None);
}

#[test]
fn the_links_say_how_much_of_what_each_may_be_late_is_used_up() {
    let picture = told(driven("anna", crate::scenes::SESSION));
    let links = panel_of(&picture, START.after(millis(200))).links;
    assert_eq!(links[0].text, "data 0.2 s old, at most 0.5 s");
    assert!((links[0].fraction - 0.4).abs() < 1e-9, "{}", links[0].fraction);
    // The lease had 1.9 of 2.0 s left when it was told.
    assert_eq!(links[1].text, "renewed 0.3 s ago, at most 2.0 s");
    assert!((links[1].fraction - 0.15).abs() < 1e-9, "{}", links[1].fraction);
    assert_eq!(links[1].tone, Tone::Normal);
    let late = panel_of(&picture, START.after(millis(1_500))).links;
    assert_eq!((late[0].tone, late[0].fraction), (Tone::Danger, 1.0));
    assert_eq!(late[1].tone, Tone::Danger);
}

#[test]
fn a_broken_connection_fills_both_bars() {
    let mut picture = told(driven("anna", crate::scenes::SESSION));
    picture.handle_disconnected(START.after(millis(100)));
    let links = panel_of(&picture, START.after(millis(400))).links;
    assert!(links.iter().all(|link| link.tone == Tone::Danger && link.fraction >= 1.0), "{links:?}");
    assert_eq!(links[1].text, "BROKEN: it falls back in 1.5 s at most");
    let line = view::control_line::control_line(&picture, START.after(millis(400)));
    assert_eq!(line.text, "NOT CONNECTED: truck-17: you had control, without you it falls back");
    assert!(!line.driving && line.tone == Tone::Danger);
}

#[test]
fn what_is_usually_done_next_is_offered_only_when_it_can_be_done() {
    let suggested = |Situation { picture, now, agent }: Situation| {
        view::takeover::panel(&picture, &agent.unwrap(), now).unwrap().suggested
    };
    assert_eq!(suggested(examples::alert()), Some(Action::Claim));
    assert_eq!(suggested(examples::claimed()), None);
    assert_eq!(suggested(examples::ready()), Some(Action::Engage));
    assert_eq!(suggested(examples::in_control()), None);
    assert_eq!(suggested(examples::disconnected()), None);
    let mut supervisor = examples::supervisor();
    supervisor.agent = Some(agent("vehicle-6"));
    assert_eq!(suggested(supervisor), Some(Action::ClearLatch));
}

#[test]
fn a_takeover_is_labelled_within_a_minute_of_its_end() {
    let Situation { picture, now, agent } = examples::afterwards();
    let agent = agent.unwrap();
    let label = |now| view::takeover::panel(&picture, &agent, now).unwrap().label;
    let row = label(now).unwrap();
    assert_eq!(row.text, "over for 0:06: was it real, a false alarm, late, or unclear?");
    assert_eq!(row.verdict, None);
    assert!(label(now.after(millis(53_900))).is_some());
    assert_eq!(label(now.after(millis(54_000))), None);
    // What a snapshot brings may have been over for hours.
    let calm = examples::calm();
    assert_eq!(view::takeover::panel(&calm.picture, &agent, calm.now).unwrap().label, None);
}

#[test]
fn what_was_said_of_a_takeover_stands_in_its_label() {
    let mut picture = told(status("truck-17", AgentKind::Vehicle));
    let mut record = record();
    record.over = true;
    record.verdict = Some(Verdict::FalseAlarm);
    record.labelled_by = Some(person("ben"));
    picture.handle(&ToOperator::Takeover(TakeoverUpdate { cursor: 101, takeover: record }), START);
    assert_eq!(panel_of(&picture, START).label.unwrap().text, "ben said: false alarm");
}

#[test]
fn earlier_takeovers_are_its_own_and_then_those_for_the_same_reason() {
    let Situation { picture, now, .. } = examples::alert();
    let past = |name: &str| view::agent::detail(&picture, &agent(name), 1, now).unwrap().past;
    let lines: Vec<_> =
        past("vehicle-4").iter().map(|row| format!("{}: {}", row.cause, row.outcome)).collect();
    assert_eq!(
        lines,
        [
            "alert: you took over: handed back after 0:21",
            "vehicle-2: alert: ben took over: handed back after 0:12"
        ]
    );
    assert_eq!(past("vehicle-4")[1].verdict, Some(Verdict::FalseAlarm));
    // vehicle-6 asked by itself, and nobody else ever did so.
    let lines: Vec<_> = past("vehicle-6").iter().map(|row| row.outcome.clone()).collect();
    assert_eq!(lines, ["nobody came in time: it fell back"]);
    assert!(past("vehicle-8").is_empty());
}

fn at(millis: u64) -> MonoTime {
    MonoTime::from_nanos((400_000 + millis) * 1_000_000)
}

fn exact(millis: u64) -> Moment {
    Moment { at: at(millis), error_nanos: 0 }
}

fn peer(millis: u64) -> Moment {
    Moment { at: at(millis), error_nanos: 300_000 }
}

fn record() -> TakeoverRecord {
    TakeoverRecord {
        demand_id: DemandId(9),
        agent: agent("truck-17"),
        kind: AgentKind::Vehicle,
        boot_id: BootId(Uuid::from_u128(7)),
        origin: DemandOrigin::Monitor,
        reason: note("confidence 0.45 is below 0.5"),
        alert_id: Some(AlertId(501)),
        holder: Some(person("anna")),
        epoch: Some(Epoch(3)),
        outcome: Some(DemandOutcome::Human),
        demand_ended_at: Some(at(2_420)),
        granted_at: Some(at(1_700)),
        human_at: Some(at(2_420)),
        handed_back_at: None,
        final_state: ControlState::Human,
        decision: None,
        moments: [
            peer(0),
            exact(1),
            exact(1),
            exact(2),
            exact(3),
            peer(160),
            exact(1_500),
            peer(2_200),
            exact(2_201),
            peer(2_210),
            peer(2_210),
            peer(2_420),
        ]
        .map(Some),
        commands: vec![TakeoverCommand {
            command_id: CommandId(Uuid::from_u128(1)),
            kind: CommandKind::Engage,
            state: CommandState::Completed,
            received_at: at(2_201),
            accepted_at: Some(at(2_210)),
            completed_at: Some(at(2_420)),
        }],
        verdict: None,
        labelled_by: None,
        over: false,
    }
}

/// The waterfall of a record, as a console that is told it shows it.
fn shown(record: TakeoverRecord) -> Waterfall {
    let mut picture = told(status("truck-17", AgentKind::Vehicle));
    picture.handle(&ToOperator::Takeover(TakeoverUpdate { cursor: 101, takeover: record }), START);
    waterfalls(&picture, START).remove(0)
}

fn stage(waterfall: &Waterfall, stage: Stage) -> &SpanRow {
    waterfall.spans.iter().find(|row| row.stage == stage).unwrap()
}

#[test]
fn machine_and_human_time_are_summed_apart_and_judged_by_their_budgets() {
    let waterfall = shown(record());
    assert_eq!(waterfall.machine, "machine 380 ms ± 1.8 ms of 500 ms");
    assert_eq!(waterfall.human, "human 2040 ms ± 0.60 ms");
    let verdicts: Vec<_> = waterfall.spans.iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, ["within", "over", "no budget", "within", "over"]);
    assert_eq!(stage(&waterfall, Stage::Actuate).budget, "200 ms / 500 ms");
    // The whole is within its budget, and two of its stages are not.
    assert_eq!((waterfall.verdict, waterfall.tone), ("over", Tone::Warning));
    assert!((waterfall.total_millis - 2_420.0).abs() < 1e-9);
    let decide = stage(&waterfall, Stage::Decide);
    assert_eq!((decide.owner, decide.start_millis), ("human", Some(160.0)));
}

#[test]
fn a_stage_over_its_hard_budget_breaches() {
    let mut slow = record();
    slow.moments[11] = Some(peer(2_711));
    let waterfall = shown(slow);
    assert_eq!(stage(&waterfall, Stage::Actuate).verdict, "breached");
    assert_eq!((waterfall.verdict, waterfall.tone), ("breached", Tone::Danger));
    // The same 501 ms are within what a payment agent may take for all of it.
    let mut payment = record();
    payment.kind = AgentKind::Transaction;
    payment.moments[11] = Some(peer(2_711));
    assert_eq!(shown(payment).verdict, "over");
}

#[test]
fn a_missing_moment_is_unknown_and_a_breach_also_in_the_total() {
    let mut missing = record();
    missing.moments[5] = None;
    let waterfall = shown(missing);
    for row in [stage(&waterfall, Stage::Notify), stage(&waterfall, Stage::Decide)] {
        assert_eq!((row.text.as_str(), row.verdict, row.millis), ("unknown", "unknown", None));
    }
    assert_eq!(stage(&waterfall, Stage::Command).verdict, "within");
    assert_eq!(waterfall.machine, "machine unknown of 500 ms");
    assert_eq!((waterfall.human.as_str(), waterfall.verdict), ("human unknown", "breached"));
}

#[test]
fn what_may_still_come_is_not_yet_a_breach_and_is_one_once_it_is_over() {
    let mut open = record();
    open.moments[6..].fill(None);
    open.commands.clear();
    (open.human_at, open.outcome, open.demand_ended_at) = (None, None, None);
    let waterfall = shown(open.clone());
    for row in &waterfall.spans[2..] {
        assert_eq!((row.text.as_str(), row.verdict), ("not yet", "open"), "{:?}", row.stage);
    }
    assert!(waterfall.open && waterfall.title.ends_with("open"), "{}", waterfall.title);
    open.over = true;
    open.outcome = Some(DemandOutcome::Fallback);
    let waterfall = shown(open);
    assert_eq!(stage(&waterfall, Stage::Decide).verdict, "unknown");
    assert_eq!(stage(&waterfall, Stage::Command).text, "does not apply");
    assert_eq!((waterfall.open, waterfall.verdict), (false, "breached"));
}

#[test]
fn a_moment_that_a_later_one_has_passed_will_not_come() {
    let mut open = record();
    open.moments[5] = None;
    open.moments[8..].fill(None);
    assert_eq!(stage(&shown(open.clone()), Stage::Notify).verdict, "unknown");
    // An acknowledgement is no step of the way: it may come from elsewhere, before the frame.
    open.moments[7] = None;
    assert!(open.moments[6].is_some());
    assert_eq!(stage(&shown(open), Stage::Notify).verdict, "open");
}

#[test]
fn a_span_below_its_error_is_only_said_to_be_no_longer_than_it() {
    let mut short = record();
    short.moments[11] = short.moments[10];
    let waterfall = shown(short);
    let row = stage(&waterfall, Stage::Actuate);
    assert_eq!((row.text.as_str(), row.millis), ("<= 0.60 ms", Some(0.0)));
    assert!((row.error_millis - 0.6).abs() < 1e-9);
    assert_eq!(row.verdict, "within");
    let mut short = record();
    let after = |nanos| at(2_210).after(Duration::from_nanos(nanos));
    short.moments[11] = Some(Moment { at: after(599_999), ..peer(0) });
    assert_eq!(stage(&shown(short.clone()), Stage::Actuate).text, "<= 0.60 ms");
    short.moments[11] = Some(Moment { at: after(600_000), ..peer(0) });
    assert_eq!(stage(&shown(short), Stage::Actuate).text, "0.60 ms ± 0.60 ms");
}

#[test]
fn a_wish_without_an_alert_has_no_stages_before_the_command_and_no_breach_for_them() {
    let mut own = record();
    own.alert_id = None;
    own.moments[..7].fill(None);
    let waterfall = shown(own);
    for row in &waterfall.spans[..3] {
        assert_eq!((row.text.as_str(), row.verdict, row.start_millis), ("does not apply", "-", None));
    }
    assert_eq!(waterfall.machine, "machine 220 ms ± 1.2 ms");
    assert_eq!(stage(&waterfall, Stage::Command).start_millis, Some(0.0));
}

#[test]
fn the_newest_takeover_stands_first_and_no_more_than_thirty_two_do() {
    let mut picture = told(status("truck-17", AgentKind::Vehicle));
    for id in 1..=40 {
        let takeover = TakeoverRecord { demand_id: DemandId(id), over: true, ..record() };
        picture.handle(&ToOperator::Takeover(TakeoverUpdate { cursor: 100 + id, takeover }), START);
    }
    let shown = waterfalls(&picture, START);
    assert_eq!((shown.len(), shown[0].demand, shown[31].demand), (32, DemandId(40), DemandId(9)));
}

#[test]
fn a_hand_back_ends_a_waterfall_with_how_long_ago_that_was() {
    let mut done = record();
    done.over = true;
    done.handed_back_at = Some(crate::scenes::MONITOR_START.before(Duration::from_secs(90)));
    assert_eq!(shown(done).title, "truck-17: handed back, 1:30 ago");
}
