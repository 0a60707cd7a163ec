//! Every alert that the monitor raises of an agent, through the engine, a real gate and the picture of a console.

use crate::{
    lint::{Card, findings},
    rig::{
        Rig, VEHICLE, ms,
        shift::{ADA, connected_to, fall_back_alone},
    },
};
use std::collections::BTreeSet;
use watchkeeper_engine::Config;
use watchkeeper_model::{
    AgentId, AgentKind, Alarm, CauseClass, CommandArgs, CommandKind, ControlState, OperatorRole, Pose,
    QuestionPolicy,
};
use watchkeeper_picture::{
    Picture,
    view::{self, alerts::AlertRow},
};

/// A console that connects late, and sees what is there.
const LATE: u64 = 77;

/// A vehicle that has driven at about 13 m/s for half a minute.
fn driving(config: &str) -> Rig {
    let mut rig = Rig::of(AgentKind::Vehicle, Config::parse(config).unwrap());
    start(&mut rig);
    go_on(&mut rig, 300);
    rig
}

/// The same with a vehicle 40 m ahead.
fn following() -> Rig {
    following_for(300, "")
}

fn following_for(decisions: u32, config: &str) -> Rig {
    let mut rig = Rig::of(AgentKind::Vehicle, Config::parse(config).unwrap());
    rig.doing.signals =
        vec![("gap", "m", 40.0), ("closing_speed", "m/s", 0.0), ("acceleration", "m/s2", 0.0)];
    start(&mut rig);
    go_on(&mut rig, decisions);
    rig
}

fn start(rig: &mut Rig) {
    rig.connect_vehicle();
    rig.connect_operator(ADA, "ada", OperatorRole::Operator);
}

fn go_on(rig: &mut Rig, decisions: u32) {
    for at in 0..decisions {
        rig.speed = 13.0 + 0.2 * f64::from(at % 5);
        rig.confidence = 0.94 + 0.01 * f64::from(at % 3);
        // Never twice the same.
        let noise = f64::from(at * 37 % 101) * 1e-3;
        for ((.., value), usual) in rig.doing.signals.iter_mut().zip([40.0, 0.0, 0.0]) {
            *value = usual + noise;
        }
        rig.doing.pose = Some(Pose { x_meters: 1.34 * f64::from(at), y_meters: 0.0, heading_radians: 0.0 });
        rig.run(ms(100));
    }
}

fn frozen() -> Rig {
    let mut rig = following();
    for at in 0..40_u32 {
        rig.speed = 13.0 + 0.013 * f64::from(at * at % 37);
        rig.run(ms(100));
    }
    rig
}

fn frozen_policy() -> Rig {
    let mut rig = following();
    rig.run(ms(2_000));
    rig
}

fn repeated() -> Rig {
    let mut rig = following();
    for at in 0..60_u32 {
        for (.., value) in &mut rig.doing.signals {
            *value += f64::from(at % 4) - 1.5;
        }
        rig.speed = 13.0 + 0.1 * f64::from(at % 4);
        rig.run(ms(100));
        for (.., value) in &mut rig.doing.signals {
            *value -= f64::from(at % 4) - 1.5;
        }
    }
    rig
}

fn flipping() -> Rig {
    let mut rig = driving("");
    for at in 0..80_u32 {
        rig.doing.action = if at % 2 == 0 { "brake" } else { "keep" };
        rig.speed = 13.0 + 0.013 * f64::from(at * at % 37);
        rig.run(ms(100));
    }
    rig
}

fn jumping() -> Rig {
    let mut rig = following();
    rig.doing.pose = Some(Pose { x_meters: 470.0, y_meters: 12.0, heading_radians: 0.0 });
    rig.run(ms(200));
    rig
}

fn jerking() -> Rig {
    let mut rig = following();
    rig.doing.signals[2].2 = -9.0;
    rig.run(ms(300));
    rig
}

fn colliding() -> Rig {
    let mut rig = following();
    rig.doing.signals[1].2 = 18.0;
    rig.run(ms(300));
    rig
}

fn too_near() -> Rig {
    let mut rig = following();
    rig.doing.signals[0].2 = 9.25;
    rig.run(ms(300));
    rig
}

fn unusual() -> Rig {
    let mut rig = following_for(
        1_000,
        "[detect.vehicle.outlier]\nhours_per_false_alert = 0.02\ncalibrate_decisions = 100\nwarning = 1000\ncritical = \
         1000\n",
    );
    rig.speed = 19.5;
    rig.run(ms(300));
    rig
}

fn outlier() -> Rig {
    let mut rig = driving("");
    rig.speed = 3.04;
    rig.run(ms(300));
    rig
}

fn limit() -> Rig {
    let mut rig = driving("[[detect.limits]]\nname = \"town\"\nsignal = \"speed\"\nmax = 13.9\n");
    rig.speed = 13.904;
    rig.run(ms(300));
    rig
}

fn rule(rule: &str, speed: f64) -> Rig {
    let mut rig = driving(&format!("[rules]\ntext = '''[[rule]]\n{rule}\n'''\n"));
    rig.speed = speed;
    rig.run(ms(1_500));
    rig
}

fn rule_limit() -> Rig {
    rule("id = \"yard\"\nwhy = \"people walk here\"\nlimit = { signal = \"speed\", max = 14.0 }", 14.5)
}

fn rule_condition() -> Rig {
    rule("id = \"moving\"\nwhen = \"signals.speed > 14.0 && agent.kind == 'vehicle'\"", 14.5)
}

fn rule_unjudged() -> Rig {
    rule("id = \"heavy\"\nwhen = \"signals.weight > 5.0\"", 13.0)
}

fn unsure() -> Rig {
    let mut rig = driving("");
    rig.confidence = 0.41;
    rig.run_until(ms(5_000), |rig| rig.state() == ControlState::Requested);
    rig
}

fn less_sure() -> Rig {
    let mut rig = driving("");
    rig.confidence = 0.71;
    rig.run(ms(1_500));
    rig
}

fn gap() -> Rig {
    let mut rig = driving("");
    rig.seq += 1;
    rig.run(ms(150));
    rig
}

fn disorder() -> Rig {
    let mut rig = driving("");
    rig.seq -= 3;
    rig.run(ms(300));
    rig
}

fn late() -> Rig {
    let mut rig = driving("");
    rig.late_nanos = 600_000_000;
    rig.run(ms(1_000));
    rig
}

fn silent() -> Rig {
    let mut rig = driving("");
    rig.decides = false;
    rig.run(ms(1_500));
    rig
}

fn offline() -> Rig {
    let mut rig = driving("");
    rig.disconnect_vehicle();
    rig.run(ms(3_000));
    rig
}

fn asked() -> Rig {
    let mut rig = driving("");
    rig.ask("the road is blocked");
    rig.run(ms(200));
    rig
}

fn question() -> Rig {
    let mut rig = driving("");
    rig.ask_question(QuestionPolicy::Required);
    rig.run(ms(100));
    rig
}

fn fallen_back() -> Rig {
    let mut rig = connected_to(AgentKind::Vehicle);
    rig.confidence = 0.05;
    rig.run_until(ms(20_000), |rig| rig.state() == ControlState::Fallback);
    rig.run(ms(100));
    rig
}

fn fallback_failed() -> Rig {
    let mut rig = connected_to(AgentKind::Vehicle);
    rig.stuck = true;
    rig.confidence = 0.05;
    rig.run_until(ms(20_000), |rig| rig.state() == ControlState::FallbackFailed);
    rig.run(ms(100));
    rig
}

fn stopped() -> Rig {
    let mut rig = driving("");
    rig.stop(ADA, VEHICLE, false);
    rig.run_until(ms(2_000), |rig| rig.state() == ControlState::Estopped);
    rig.run(ms(100));
    rig
}

fn stop_unconfirmed() -> Rig {
    let mut rig = driving("");
    rig.stuck = true;
    rig.stop(ADA, VEHICLE, false);
    rig.run(ms(15_000));
    rig
}

fn at_the_agent() -> Rig {
    let mut rig = driving("");
    rig.local = true;
    rig.run(ms(300));
    rig
}

fn over_budget() -> Rig {
    let mut rig = connected_to(AgentKind::Vehicle);
    fall_back_alone(&mut rig);
    rig
}

fn by_hand() -> Rig {
    let mut rig = unsure();
    rig.claim(ADA);
    rig.run(ms(100));
    rig.take_over(ADA);
    rig.command(ADA, CommandKind::Hold, CommandArgs::default());
    rig.run(ms(200));
    rig
}

/// One template: its name, how it comes about, its cause and subject, and how it is named.
type Template = (&'static str, fn() -> Rig, CauseClass, &'static str, &'static str);

const TEMPLATES: [Template; 30] = [
    ("limit", limit, CauseClass::Limit, "town", "speed"),
    ("rule_limit", rule_limit, CauseClass::Limit, "rule:yard", "speed"),
    ("rule_condition", rule_condition, CauseClass::Limit, "rule:moving", "rule moving"),
    ("rule_unjudged", rule_unjudged, CauseClass::Limit, "unjudged:heavy", "rule heavy"),
    ("outlier", outlier, CauseClass::Outlier, "speed", "speed"),
    ("outlier_unusual", unusual, CauseClass::Outlier, "speed", "speed"),
    ("stuck_frozen", frozen, CauseClass::Stuck, "gap", "gap"),
    ("stuck_policy", frozen_policy, CauseClass::Stuck, "decisions", "the decisions"),
    ("stuck_repeated", repeated, CauseClass::Stuck, "decisions", "the decisions"),
    ("stuck_flips", flipping, CauseClass::Stuck, "action", "the action"),
    ("envelope_position", jumping, CauseClass::Envelope, "position", "position"),
    ("envelope_jerk", jerking, CauseClass::Envelope, "jerk", "jerk"),
    ("envelope_collision", colliding, CauseClass::Envelope, "time_to_collision", "time to collision"),
    ("envelope_distance", too_near, CauseClass::Envelope, "safe_distance", "distance"),
    ("confidence", unsure, CauseClass::Confidence, "confidence", "confidence"),
    ("confidence_taken_over", by_hand, CauseClass::Confidence, "confidence", "confidence"),
    ("confidence_falling", less_sure, CauseClass::Confidence, "confidence falling", "confidence"),
    ("sequence_gap", gap, CauseClass::Sequence, "gap", "decision"),
    ("sequence_disorder", disorder, CauseClass::Sequence, "disorder", "decision"),
    ("late", late, CauseClass::Late, "decisions", "decisions"),
    ("late_takeover", over_budget, CauseClass::Late, "takeover budget", "the takeover of"),
    ("silence", silent, CauseClass::Silence, "decisions", "decisions"),
    ("silence_offline", offline, CauseClass::Silence, "link", "the agent"),
    ("asked", asked, CauseClass::Asked, "intervention", "the agent"),
    ("asked_question", question, CauseClass::Asked, "question 1", "the agent"),
    ("fallback", fallen_back, CauseClass::Fallback, "fallback", "the agent"),
    ("fallback_failed", fallback_failed, CauseClass::Fallback, "failed", "fallback"),
    ("fallback_unconfirmed", stop_unconfirmed, CauseClass::Fallback, "unverified", "fallback or stop"),
    ("stopped", stopped, CauseClass::Stopped, "estop", "the agent"),
    ("stopped_at_the_agent", at_the_agent, CauseClass::Stopped, "local", "the agent"),
];

/// Shows what a console that connects now sees.
fn shown(rig: &mut Rig) -> Picture {
    rig.connect_operator(LATE, "eve", OperatorRole::Observer);
    let mut picture = Picture::new();
    rig.told(LATE).iter().for_each(|message| picture.handle(message, rig.now()));
    picture
}

fn find(picture: &Picture, cause: CauseClass, subject: &str) -> Alarm {
    let alarms: Vec<&Alarm> = picture.alerts().map(|(_, alert)| alert.alarm()).collect();
    let found = alarms.iter().find(|alarm| alarm.cause == cause && alarm.subject.as_str() == subject);
    let names =
        || alarms.iter().map(|alarm| format!("{}/{}", alarm.cause, alarm.subject)).collect::<Vec<_>>();
    (*found.unwrap_or_else(|| panic!("no {cause}/{subject} among {:?}", names()))).clone()
}

/// Returns the card of an alert, and all of it as a person reads it.
fn card(rig: &Rig, picture: &Picture, alarm: &Alarm, name: &str) -> (Card, String) {
    let rows = view::alerts::rows(picture, None, rig.now());
    let row: &AlertRow = rows.iter().find(|row| row.alert == alarm.alert_id).unwrap();
    let detail = view::agent::detail(picture, &AgentId::new(VEHICLE).unwrap(), 0, rig.now()).unwrap();
    let raised = row.raised.clone();
    let (whose, text, ago) = (&row.whose, &row.text, raised.as_deref().unwrap_or("?"));
    let page = format!(
        "{whose}: {text}\nraised {ago} ago, {}\nif nobody acts: {}",
        row.state, detail.if_nobody_acts
    );
    let is_bounded = |signal: &watchkeeper_model::SignalEvidence| {
        signal.expected_low.is_some() || signal.expected_high.is_some()
    };
    let card = Card {
        text: text.clone(),
        subjects: vec![name.to_owned()],
        is_bounded: alarm.explanation.signals.first().is_some_and(is_bounded),
        raised,
        next: detail.if_nobody_acts,
    };
    (card, page)
}

#[test]
fn every_alert_of_an_agent_reads_like_a_sentence() {
    let mut wrong = Vec::new();
    for (file, play, cause, subject, name) in TEMPLATES {
        let mut rig = play();
        let picture = shown(&mut rig);
        let alarm = find(&picture, cause, subject);
        let (card, page) = card(&rig, &picture, &alarm, name);
        wrong.extend(findings(&card).into_iter().map(|finding| format!("{file} {finding}:\n{page}")));
        insta::assert_snapshot!(file, page);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_cause_is_left_out() {
    let causes: BTreeSet<CauseClass> = TEMPLATES.iter().map(|(_, _, cause, ..)| *cause).collect();
    let all: BTreeSet<CauseClass> = CauseClass::ALL.iter().copied().collect();
    assert_eq!(causes, all);
}
