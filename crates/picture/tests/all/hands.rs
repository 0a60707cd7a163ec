//! What presses mean: two inputs for a takeover, one for a stop, and a reason where a record needs one.

use crate::scenes::{self, START, agent, millis, note, person};
use std::time::Duration;
use watchkeeper_model::*;
use watchkeeper_picture::{Action, Hands, Intent, Picture, Press, Pressed, READ_FIRST, Typed};
use watchkeeper_protocol::{
    ToOperator,
    operator::{
        AgentStatus, HandoverStatus, LeaseEvent, LeaseUpdate, NextHolder, StatusUpdate, TakeoverUpdate,
    },
    record::TakeoverRecord,
};

mod alerts;
mod asked;

const OTHER: SessionId = SessionId(8);

/// A person with a screen before him.
struct Desk {
    hands: Hands,
    picture: Picture,
    now: MonoTime,
    selected: Option<AgentId>,
}

impl Desk {
    fn new((picture, now): (Picture, MonoTime), selected: &str) -> Self {
        Self { hands: Hands::new(), picture, now, selected: Some(agent(selected)) }
    }

    fn press(&mut self, press: &Press) -> Pressed {
        self.hands.press(press, self.selected.as_ref(), &self.picture, self.now)
    }

    fn act(&mut self, action: Action) -> Pressed {
        self.press(&Press::Action(action))
    }

    fn typed(&mut self, text: &str) -> Pressed {
        self.press(&Press::Typed(Typed::Text(text.to_owned())))
    }

    fn told(&mut self) -> String {
        let told = self.hands.refresh(&self.picture, self.now);
        told.into_iter().map(|said| said.text).collect::<Vec<_>>().join("\n")
    }

    fn hear(&mut self, message: &ToOperator) {
        self.picture.handle(message, self.now);
    }

    /// Lets time pass in which fresh data comes.
    fn wait(&mut self, span: Duration) {
        self.now = self.now.after(span);
        let seq = 5_000 + self.now.as_nanos() / 1_000_000;
        self.hear(&ToOperator::Telemetry(scenes::telemetry("truck-17", seq, 0.02)));
    }

    fn hear_status(&mut self, cursor: u64, status: AgentStatus) {
        self.hear(&ToOperator::ControlStatus(StatusUpdate { cursor, status }));
    }
}

fn said(pressed: &Pressed) -> &str {
    pressed.said.as_ref().map_or("", |said| said.text.as_str())
}

fn lease_event(cursor: u64, event: LeaseEvent, detail: Option<&str>) -> LeaseUpdate {
    LeaseUpdate {
        cursor,
        agent: agent("truck-17"),
        holder: person("anna"),
        session_id: scenes::SESSION,
        epoch: Epoch(0),
        event,
        code: None,
        end: None,
        detail: detail.map(note),
    }
}

/// A truck that bob drives.
fn driven_by_bob() -> AgentStatus {
    let mut status = scenes::status("truck-17", AgentKind::Vehicle);
    status.control_state = ControlState::Human;
    status.lease = Some(scenes::lease("bob", OTHER));
    status
}

fn with_next(mut status: AgentStatus, who: &str, session_id: SessionId) -> AgentStatus {
    if let Some(lease) = &mut status.lease {
        lease.next = Some(NextHolder {
            holder: person(who),
            session_id,
            epoch: Epoch(42),
            left_nanos: 4_000_000_000,
            ready: true,
            preempts: false,
        });
    }
    status
}

fn with_wish(mut status: AgentStatus, by: &str, session_id: SessionId) -> AgentStatus {
    if let Some(lease) = &mut status.lease {
        lease.handover = Some(HandoverStatus {
            request_id: 5,
            by: person(by),
            session_id,
            left_nanos: 8_200_000_000,
            reason: None,
        });
    }
    status
}

fn desk_of(role: OperatorRole, statuses: Vec<AgentStatus>, alerts: Vec<Alarm>) -> Desk {
    Desk::new((scenes::picture(role, statuses, alerts), START.after(millis(60))), "truck-17")
}

#[test]
fn two_deliberate_inputs_take_control_and_one_does_not() {
    let mut desk = Desk::new(scenes::alert(), "truck-17");
    assert!(said(&desk.act(Action::Engage)).contains("press t first"));
    assert_eq!(desk.act(Action::Claim).intents, [Intent::Claim { agent: agent("truck-17") }]);
    assert_eq!(desk.hands.armed(), Some(&agent("truck-17")));
    assert!(said(&desk.act(Action::Engage)).contains("not granted yet"));
    (desk.picture, desk.now) = scenes::claimed();
    assert_eq!(desk.told(), "");
    let left = desk.hands.engage_left(&desk.picture, desk.now);
    assert_eq!(left, Some(millis(4_240)));
    desk.selected = Some(agent("truck-21"));
    assert!(said(&desk.act(Action::Engage)).contains("you began to take over truck-17"));
    desk.selected = Some(agent("truck-17"));
    let engage = Intent::Engage { agent: agent("truck-17"), latches: vec![] };
    assert!(said(&desk.act(Action::Engage)).contains("read first"), "a double click takes no control");
    desk.wait(millis(699));
    assert!(said(&desk.act(Action::Engage)).contains("read first"));
    desk.wait(millis(1));
    assert_eq!(desk.act(Action::Engage).intents, [engage]);
    assert_eq!(desk.act(Action::Engage).intents, [], "one engage for one claim");
}

#[test]
fn a_claim_that_lapses_is_refused_or_stays_unanswered_arms_nothing_and_says_so() {
    let mut desk = Desk::new(scenes::claimed(), "truck-17");
    assert_eq!(desk.act(Action::Claim).intents, [], "it is ours already: only armed again");
    desk.now = desk.now.after(millis(4_300));
    assert_eq!(desk.told(), "the claim of truck-17 lapsed: not engaged in time");
    assert_eq!(desk.hands.armed(), None);

    let mut desk = Desk::new(scenes::alert(), "truck-17");
    desk.act(Action::Claim);
    desk.hear(&ToOperator::Lease(lease_event(101, LeaseEvent::Refused, Some("bob holds it"))));
    assert_eq!(desk.told(), "NOT GRANTED: truck-17: bob holds it");
    assert_eq!(desk.hands.armed(), None);

    let mut desk = Desk::new(scenes::alert(), "truck-17");
    desk.act(Action::Claim);
    desk.now = desk.now.after(millis(9_999));
    assert_eq!(desk.told(), "");
    desk.now = desk.now.after(millis(1));
    assert_eq!(desk.told(), "the claim of truck-17 was not answered");
}

#[test]
fn escape_drops_the_takeover_that_was_begun() {
    let mut desk = Desk::new(scenes::claimed(), "truck-17");
    desk.act(Action::Claim);
    assert!(said(&desk.press(&Press::Escape)).contains("you do not take control of truck-17"));
    assert_eq!(desk.act(Action::Engage).intents, []);
    assert_eq!(desk.press(&Press::Escape), Pressed::default());
}

#[test]
fn one_press_stops_and_the_sixth_agent_within_ten_seconds_needs_it_twice() {
    let agents = (0..7).map(|i| scenes::status(&format!("truck-{i}"), AgentKind::Vehicle)).collect();
    let mut desk = desk_of(OperatorRole::Operator, agents, vec![]);
    let stop =
        |name: &str, confirm_many| vec![Intent::Stop { agent: agent(name), reason: None, confirm_many }];
    for i in 0..5 {
        desk.selected = Some(agent(&format!("truck-{i}")));
        assert_eq!(desk.act(Action::Stop).intents, stop(&format!("truck-{i}"), false));
    }
    assert_eq!(desk.act(Action::Stop).intents, stop("truck-4", false), "the same agent is not one more");
    desk.selected = Some(agent("truck-5"));
    assert_eq!(desk.act(Action::Stop).intents, []);
    assert_eq!(desk.hands.stop_awaits_confirmation(desk.now), Some(&agent("truck-5")));
    desk.selected = Some(agent("truck-6"));
    assert_eq!(desk.act(Action::Stop).intents, [], "what was confirmed is one agent's stop");
    assert_eq!(desk.act(Action::Stop).intents, stop("truck-6", true));
    desk.selected = Some(agent("truck-5"));
    desk.act(Action::Stop);
    desk.now = desk.now.after(millis(3_000));
    assert_eq!(desk.hands.stop_awaits_confirmation(desk.now), None);
    assert_eq!(desk.act(Action::Stop).intents, [], "too late: it must be confirmed anew");
    desk.now = desk.now.after(millis(7_000));
    assert_eq!(desk.act(Action::Stop).intents, stop("truck-5", false));
}

#[test]
fn a_question_keeps_its_agent_and_stays_until_its_answer_is_of_use() {
    let mut desk = Desk::new(scenes::calm(), "truck-17");
    assert_eq!(desk.act(Action::SpeedCap), Pressed::default());
    let question = desk.hands.question().unwrap();
    assert_eq!(question.prompt, "how fast may truck-17 drive at most, in m/s?");
    for useless in ["", "fast", "-1", "inf", "nan"] {
        let pressed = desk.typed(useless);
        assert!(said(&pressed).starts_with("NOT SENT") && pressed.intents.is_empty(), "{useless}");
        assert!(desk.hands.question().is_some(), "{useless}");
    }
    desk.selected = Some(agent("truck-21"));
    let args = CommandArgs { speed_mps: Some(4.5), ..CommandArgs::default() };
    let expected = Intent::Command { agent: agent("truck-17"), kind: CommandKind::SpeedCap, args };
    assert_eq!(desk.typed(" 4,5 ").intents, [expected]);
    assert_eq!(desk.hands.question(), None);
}

#[test]
fn what_changed_while_the_person_was_typing_counts() {
    let mut desk = Desk::new(scenes::claimed(), "truck-17");
    desk.act(Action::Dismiss);
    assert!(said(&desk.typed("  ")).contains("needs a reason"));
    (desk.picture, desk.now) = scenes::takeover();
    let pressed = desk.typed("sensor dirt");
    assert_eq!((pressed.intents.len(), desk.hands.question()), (0, None));
    assert_eq!(said(&pressed), "NOT SENT: dismiss demand of truck-17: not while human");
}

#[test]
fn a_latch_is_cleared_by_the_id_that_was_asked_for_and_with_a_reason() {
    let mut held = scenes::status("truck-17", AgentKind::Vehicle);
    held.control_state = ControlState::SafeHeld;
    held.latches = vec![
        Latch { latch_id: LatchId(3), cause: LatchCause::Estop },
        Latch { latch_id: LatchId(4), cause: LatchCause::Fallback },
    ];
    let mut desk = desk_of(OperatorRole::Operator, vec![held], vec![]);
    desk.act(Action::ClearLatch);
    assert_eq!(desk.hands.question().unwrap().prompt, "why may latch 4 of truck-17 go?");
    let args = CommandArgs {
        latch_id: Some(LatchId(4)),
        reason: Some(note("looked at it")),
        ..CommandArgs::default()
    };
    let expected = Intent::Command { agent: agent("truck-17"), kind: CommandKind::ClearLatch, args };
    assert_eq!(desk.typed("looked at it").intents, [expected]);
}

#[test]
fn an_open_question_blocks_no_stop_claim_or_engage() {
    let mut desk = Desk::new(scenes::claimed(), "truck-17");
    desk.act(Action::Dismiss);
    let asked = desk.hands.question().cloned();
    assert_eq!(desk.act(Action::Claim).intents, []);
    desk.wait(READ_FIRST);
    assert_eq!(desk.act(Action::Engage).intents.len(), 1);
    assert_eq!(desk.act(Action::Stop).intents.len(), 1);
    assert_eq!(desk.hands.question().cloned(), asked, "and it stays open");
    assert_eq!(said(&desk.press(&Press::Escape)), "nothing sent");
    assert_eq!(desk.hands.question(), None);
    assert_eq!(desk.typed("late"), Pressed::default(), "an answer to no question");
}

#[test]
fn a_question_about_what_is_gone_closes_itself() {
    let mut desk = Desk::new(scenes::calm(), "truck-17");
    desk.act(Action::SpeedCap);
    desk.picture = scenes::picture(OperatorRole::Operator, vec![], vec![]);
    assert_eq!(desk.told(), "nothing sent: truck-17 is gone");
    assert_eq!(desk.hands.question(), None);
}

#[test]
fn a_vehicle_is_driven_by_hand_only_by_its_holder_in_control() {
    let mut desk = Desk::new(scenes::claimed(), "truck-17");
    assert_eq!(said(&desk.act(Action::Manual)), "NOT SENT: drive truck-17: engage first");
    desk.selected = Some(agent("cards-eu"));
    assert!(said(&desk.act(Action::Manual)).contains("has no such command"));
    assert_eq!(desk.hands.manual(), None);

    let mut desk = Desk::new(scenes::takeover(), "truck-17");
    assert_eq!(desk.act(Action::Manual).intents, []);
    assert_eq!(desk.hands.manual(), Some(&agent("truck-17")));
    assert_eq!(desk.told(), "");
    assert_eq!(said(&desk.act(Action::SpeedCap)), "let go of the wheel first (Esc)");
    assert_eq!(desk.hands.question(), None, "a question would take the dead-man's key");
    assert!(desk.hands.manual().is_some());
    assert!(said(&desk.press(&Press::Escape)).contains("you let go of truck-17"));
    assert_eq!(desk.hands.manual(), None);
    desk.act(Action::SpeedCap);
    assert!(said(&desk.act(Action::Manual)).contains("answer the question first"));
    assert_eq!(desk.hands.manual(), None);
    desk.press(&Press::Escape);
    // Data of 0.5 s ago is nothing to drive on.
    desk.now = desk.now.after(millis(500));
    assert!(said(&desk.act(Action::Manual)).contains("the data is"));
}

#[test]
fn the_wheel_is_let_go_by_what_ends_it_and_by_losing_control() {
    for action in [Action::Hold, Action::Resume, Action::Stop, Action::MinimalRisk, Action::Release] {
        let mut desk = Desk::new(scenes::takeover(), "truck-17");
        desk.act(Action::Manual);
        desk.selected = Some(agent("truck-21"));
        desk.act(Action::Hold);
        assert!(desk.hands.manual().is_some(), "another agent's hold ends nothing here");
        desk.selected = Some(agent("truck-17"));
        assert_eq!(desk.act(action).intents.len(), 1, "{action:?}");
        assert_eq!(desk.hands.manual(), None, "{action:?}");
    }
    let driving = || {
        let mut desk = Desk::new(scenes::takeover(), "truck-17");
        desk.act(Action::Manual);
        desk
    };
    let mut desk = driving();
    assert_eq!(desk.hands.look_at(&agent("truck-17")), None);
    let told = desk.hands.look_at(&agent("truck-21")).unwrap();
    assert!(told.text.contains("you let go of truck-17"), "{told:?}");
    assert_eq!(desk.hands.manual(), None, "nobody drives what he does not look at");
    let mut desk = driving();
    desk.selected = Some(agent("truck-21"));
    let stop = Intent::Stop { agent: agent("truck-17"), reason: None, confirm_many: false };
    assert_eq!(desk.act(Action::Stop).intents, [stop], "a stop is for what is driven");
    let mut desk = driving();
    let ended = lease_event(104, LeaseEvent::Ended, None);
    desk.hear(&ToOperator::Lease(LeaseUpdate { epoch: Epoch(41), end: Some(LeaseEnd::PreEmpted), ..ended }));
    assert_eq!(desk.told(), "you no longer drive truck-17 by hand");
    let mut desk = driving();
    desk.picture.handle_disconnected(desk.now);
    assert_eq!(desk.told(), "you no longer drive truck-17 by hand");
    assert_eq!(desk.hands.manual(), None);
    // Somebody's wish for control takes nothing away.
    let mut desk = driving();
    let wish = lease_event(104, LeaseEvent::HandoverRequested, None);
    desk.hear(&ToOperator::Lease(LeaseUpdate { session_id: OTHER, holder: person("bob"), ..wish }));
    assert_eq!(desk.told(), "");
    assert!(desk.hands.manual().is_some());
}

#[test]
fn control_is_asked_for_and_taken_with_two_inputs_too() {
    let mut desk = desk_of(OperatorRole::Operator, vec![driven_by_bob()], vec![]);
    let refused = desk.act(Action::Claim);
    assert_eq!(said(&refused), "NOT SENT: take over truck-17: bob holds it; o asks for it");
    let wish = Intent::RequestHandover { agent: agent("truck-17"), preempt: false, reason: None };
    assert_eq!(desk.act(Action::RequestHandover).intents, [wish]);
    assert!(said(&desk.act(Action::Engage)).contains("not granted yet"));
    // While bob is being asked, nothing runs out here.
    desk.hear_status(101, with_wish(driven_by_bob(), "anna", scenes::SESSION));
    desk.now = desk.now.after(millis(30_000));
    desk.hear_status(101, with_wish(driven_by_bob(), "anna", scenes::SESSION));
    assert_eq!(desk.told(), "");
    assert!(said(&desk.act(Action::RequestHandover)).contains("you have asked already"));
    // A latch that is held meanwhile: a handover releases none.
    let mut status = with_next(driven_by_bob(), "anna", scenes::SESSION);
    status.latches = vec![Latch { latch_id: LatchId(3), cause: LatchCause::Fallback }];
    desk.hear_status(102, status);
    assert_eq!(desk.told(), "");
    assert_eq!(desk.hands.engage_left(&desk.picture, desk.now), Some(millis(4_000)));
    for action in [Action::Resume, Action::HandBack, Action::Manual] {
        assert!(said(&desk.act(action)).ends_with("engage first"), "{action:?}: bob still drives");
    }
    let engage = Intent::Engage { agent: agent("truck-17"), latches: vec![] };
    assert!(said(&desk.act(Action::Engage)).contains("read first"), "the next holder reads too");
    desk.wait(READ_FIRST);
    assert_eq!(desk.act(Action::Engage).intents, [engage]);
}

#[test]
fn a_wish_that_is_refused_or_lapses_says_so() {
    let asked = || {
        let mut desk = desk_of(OperatorRole::Operator, vec![driven_by_bob()], vec![]);
        desk.act(Action::RequestHandover);
        desk
    };
    let mut desk = asked();
    desk.hear(&ToOperator::Lease(lease_event(101, LeaseEvent::HandoverRefused, None)));
    assert_eq!(desk.told(), "NOT GRANTED: truck-17: its holder keeps it");
    let mut desk = asked();
    desk.hear(&ToOperator::Lease(lease_event(101, LeaseEvent::HandoverRefused, Some("the holder says no"))));
    assert_eq!(desk.told(), "NOT GRANTED: truck-17: the holder says no");
    assert_eq!(desk.hands.armed(), None);
    let mut desk = asked();
    desk.now = desk.now.after(millis(10_000));
    assert_eq!(desk.told(), "the wish for truck-17 was not answered");
    let mut desk = asked();
    desk.hear_status(101, with_next(driven_by_bob(), "anna", scenes::SESSION));
    desk.now = desk.now.after(millis(4_000));
    assert_eq!(desk.told(), "the claim of truck-17 lapsed: not engaged in time");
}

#[test]
fn only_who_drives_is_asked_and_one_asks_at_a_time() {
    let check = |role, status: AgentStatus| {
        let desk = desk_of(role, vec![status], vec![]);
        Action::RequestHandover
            .check(&desk.picture, &agent("truck-17"), desk.now)
            .map_err(|why| why.to_string())
    };
    let claimed = AgentStatus { control_state: ControlState::Claimed, ..driven_by_bob() };
    let free = AgentStatus { lease: None, control_state: ControlState::Autonomous, ..driven_by_bob() };
    let operator = OperatorRole::Operator;
    assert_eq!(check(operator, driven_by_bob()), Ok(()));
    assert_eq!(check(operator, claimed.clone()), Err("not while claimed".to_owned()));
    assert_eq!(check(OperatorRole::Supervisor, claimed), Ok(()));
    assert_eq!(check(operator, free), Err("nobody holds it: take it over".to_owned()));
    let eve = with_wish(driven_by_bob(), "eve", SessionId(9));
    assert_eq!(check(operator, eve.clone()), Err("eve is asking for it".to_owned()));
    assert_eq!(check(OperatorRole::Supervisor, eve), Ok(()));
    let eve = with_next(driven_by_bob(), "eve", SessionId(9));
    assert_eq!(check(operator, eve.clone()), Err("eve is about to take it".to_owned()));
    assert_eq!(check(OperatorRole::Supervisor, eve), Ok(()));
}

#[test]
fn a_supervisor_takes_control_with_a_reason_and_engages() {
    let mut desk = desk_of(OperatorRole::Supervisor, vec![driven_by_bob()], vec![]);
    assert_eq!(desk.act(Action::RequestHandover), Pressed::default());
    let question = desk.hands.question().unwrap();
    assert_eq!(question.prompt, "why take truck-17 from bob?");
    assert_eq!(desk.hands.armed(), None, "nothing was asked yet");
    assert!(said(&desk.typed("")).contains("needs a reason"));
    let reason = Some(note("bob does not answer"));
    let wish = Intent::RequestHandover { agent: agent("truck-17"), preempt: true, reason };
    assert_eq!(desk.typed("bob does not answer").intents, [wish]);
    desk.hear_status(101, with_next(driven_by_bob(), "anna", scenes::SESSION));
    assert_eq!(desk.told(), "");
    desk.wait(READ_FIRST);
    assert_eq!(desk.act(Action::Engage).intents.len(), 1);
}

#[test]
fn the_holder_answers_the_wish_that_he_saw() {
    let (mut picture, now) = scenes::takeover();
    let mut status = scenes::status("truck-17", AgentKind::Vehicle);
    status.control_state = ControlState::Human;
    status.lease = Some(scenes::lease("anna", scenes::SESSION));
    let status = with_wish(status, "bob", OTHER);
    picture.handle(&ToOperator::ControlStatus(StatusUpdate { cursor: 104, status }), now);
    let mut desk = Desk::new((picture, now), "truck-21");
    let answer = |request_id, accept| Press::Answer { agent: agent("truck-17"), request_id, accept };
    for accept in [true, false] {
        let intent = Intent::AnswerHandover { agent: agent("truck-17"), request_id: 5, accept };
        assert_eq!(desk.press(&answer(5, accept)).intents, [intent], "whatever is selected");
    }
    assert!(said(&desk.press(&answer(4, true))).contains("nobody asks for it any more"));
    let mut bobs =
        desk_of(OperatorRole::Operator, vec![with_wish(driven_by_bob(), "eve", SessionId(9))], vec![]);
    assert!(said(&bobs.press(&answer(5, true))).contains("you do not hold it"));
}

#[test]
fn the_holder_lets_others_take_over_and_takes_it_back() {
    let mut desk = Desk::new(scenes::takeover(), "truck-17");
    let allow = |allowed| vec![Intent::AllowTakeover { agent: agent("truck-17"), allowed }];
    assert_eq!(desk.act(Action::AllowTakeover).intents, allow(true));
    let mut status = desk.picture.agent(&agent("truck-17")).unwrap().status().clone();
    status.lease.as_mut().unwrap().takeover_allowed = true;
    desk.hear_status(104, status);
    assert_eq!(desk.act(Action::AllowTakeover).intents, allow(false));
    desk.selected = Some(agent("truck-21"));
    assert!(said(&desk.act(Action::AllowTakeover)).contains("claim it first"));
}

fn takeover_record(over: bool) -> TakeoverRecord {
    TakeoverRecord {
        demand_id: DemandId(9),
        agent: agent("truck-17"),
        kind: AgentKind::Vehicle,
        boot_id: BootId(uuid::Uuid::from_u128(11)),
        origin: DemandOrigin::Monitor,
        reason: note("speed frozen"),
        alert_id: None,
        holder: Some(person("anna")),
        epoch: Some(Epoch(41)),
        outcome: Some(DemandOutcome::Human),
        demand_ended_at: None,
        granted_at: None,
        human_at: None,
        handed_back_at: None,
        final_state: ControlState::Autonomous,
        decision: None,
        moments: [None; 12],
        commands: vec![],
        verdict: None,
        labelled_by: None,
        over,
    }
}

#[test]
fn a_takeover_is_labelled_once_it_is_over() {
    let mut desk = Desk::new(scenes::calm(), "truck-17");
    let label = Press::Label { demand: DemandId(9), verdict: Verdict::FalseAlarm };
    assert!(said(&desk.press(&label)).contains("nobody knows this takeover"));
    for (cursor, over) in [(101, false), (102, true)] {
        let takeover = takeover_record(over);
        desk.hear(&ToOperator::Takeover(TakeoverUpdate { cursor, takeover }));
        let pressed = desk.press(&label);
        if over {
            let intent = Intent::Label { demand: DemandId(9), verdict: Verdict::FalseAlarm };
            assert_eq!(pressed.intents, [intent]);
        } else {
            assert!(said(&pressed).contains("not over yet"), "{pressed:?}");
        }
    }
}

#[test]
fn without_an_agent_nothing_is_done_and_without_a_connection_every_action_says_why() {
    let mut desk = Desk::new(scenes::calm(), "truck-17");
    desk.selected = None;
    for action in Action::ALL {
        let pressed = desk.act(action);
        assert_eq!((pressed.intents.len(), said(&pressed)), (0, "select an agent first"), "{action:?}");
    }
    let mut desk = Desk::new(scenes::disconnected(), "truck-17");
    for action in Action::ALL.into_iter().filter(|action| *action != Action::Engage) {
        let pressed = desk.act(action);
        assert!(pressed.intents.is_empty(), "{action:?}");
        assert!(said(&pressed).contains("not connected"), "{action:?}: {pressed:?}");
    }
}

#[test]
fn no_two_actions_share_a_key_with_each_other_or_with_what_consoles_use_themselves() {
    let mut keys: Vec<char> = Action::ALL.into_iter().map(Action::key).collect();
    // Acknowledge, shelve, most urgent, answer a wish, move, follow, settings, help, quit, levels.
    keys.extend("aznyujkf,?q1234".chars());
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count);
}
