//! Tasks for the agent's own software (`takeover.md` 3.2): who may give which one when, and how each ends.

#[path = "support/rig.rs"]
#[allow(dead_code, reason = "each file of scripts uses a part of it")]
mod rig;

use rig::{DRIVING, OTHER_BOOT, Order, Rig, STANDING, identity};
use watchkeeper_model::{
    AgentKind, CommandCode, CommandId, CommandKind, CommandState, ControlState, Epoch, FallbackLevel, Label,
    PlanPoint, StateVersion, TaskReport, TaskVerb,
};
use watchkeeper_takeover::{Gate, GateOutput, Mode, Timers, World};

const ACCEPTED: CommandState = CommandState::Accepted;
const IN_PROGRESS: CommandState = CommandState::InProgress;
const COMPLETED: CommandState = CommandState::Completed;
const SUPERSEDED: CommandState = CommandState::Superseded;

/// An order with what its verb needs, as a well-behaved sender of its class sends it.
fn task(rig: &mut Rig, verb: TaskVerb) -> Order {
    let kind = CommandKind::Task(verb);
    let mut order = if verb.has_own_epoch() { rig.alone(kind) } else { rig.order(kind) };
    order.args.target = Some(Label::cut("x"));
    order.args.ttl_nanos = Some(1);
    order.args.path = vec![PlanPoint { x_meters: 1.0, y_meters: 2.0 }];
    order
}

fn give(rig: &mut Rig, verb: TaskVerb) -> CommandId {
    let order = task(rig, verb);
    rig.give(&order)
}

fn report(rig: &mut Rig, id: CommandId, report: TaskReport) {
    rig.gate.handle_task_report(id, report, rig.now);
    rig.wait(0);
}

#[test]
fn a_task_of_the_person_in_control_goes_to_the_software_with_its_arguments_and_is_done_when_that_says_so() {
    let mut rig = Rig::in_state(ControlState::Human);
    let (version, mode) = (rig.gate.state_version(), rig.mode());
    let order = task(&mut rig, TaskVerb::Goto);
    let id = rig.give(&order);
    let [given] = rig.tasks.as_slice() else { panic!("one task: {:?}", rig.tasks) };
    assert_eq!((given.command_id, given.verb, &given.args), (id, TaskVerb::Goto, &order.args));
    assert_eq!((rig.mode(), rig.state()), (mode, ControlState::Human), "who leads stays");
    assert_eq!(rig.gate.state_version(), version, "nobody's evidence goes stale");
    report(&mut rig, id, TaskReport::Underway(Some(40)));
    report(&mut rig, id, TaskReport::Underway(Some(140)));
    let shares: Vec<_> = rig.acks.iter().filter(|ack| ack.command_id == id).map(|ack| ack.percent).collect();
    assert_eq!(shares, [None, Some(40), Some(100)]);
    rig.wait_holding(60_000);
    assert_eq!(rig.life(id), [ACCEPTED, IN_PROGRESS, IN_PROGRESS], "what is under way takes its time");
    report(&mut rig, id, TaskReport::Done);
    assert_eq!(rig.life(id), [ACCEPTED, IN_PROGRESS, IN_PROGRESS, COMPLETED]);
    assert_eq!(rig.tasks_over, []);
    report(&mut rig, id, TaskReport::Failed);
    report(&mut rig, id, TaskReport::Underway(None));
    assert_eq!(rig.life(id).len(), 4, "it has ended once");
}

#[test]
fn a_task_that_nobody_takes_up_within_t_verify_has_failed_and_the_software_is_told() {
    let mut rig = Rig::vehicle();
    let id = give(&mut rig, TaskVerb::Confirm);
    assert_eq!(rig.gate.poll_timeout(), Some(rig.at(800)));
    rig.wait(799);
    assert_eq!(rig.life(id), [ACCEPTED]);
    rig.wait(1);
    assert_eq!(rig.life(id), [ACCEPTED, CommandState::Failed]);
    assert_eq!(rig.tasks_over, [id]);
    report(&mut rig, id, TaskReport::Done);
    assert_eq!(rig.life(id).len(), 2);
}

#[test]
fn a_task_that_cannot_be_done_has_failed() {
    let mut rig = Rig::vehicle();
    let id = give(&mut rig, TaskVerb::ApprovePath);
    report(&mut rig, id, TaskReport::Failed);
    assert_eq!(rig.life(id), [ACCEPTED, CommandState::Failed]);
}

#[test]
fn a_report_is_about_one_task_and_about_nothing_that_is_none() {
    let mut rig = Rig::in_state(ControlState::Human);
    let (first, second) = (give(&mut rig, TaskVerb::Goto), give(&mut rig, TaskVerb::Hazards));
    let hold = rig.send(CommandKind::Hold);
    report(&mut rig, hold, TaskReport::Done);
    report(&mut rig, hold, TaskReport::Underway(None));
    assert_eq!(rig.life(hold), [ACCEPTED], "the sensors say when it stands");
    report(&mut rig, first, TaskReport::Underway(None));
    report(&mut rig, first, TaskReport::Done);
    assert_eq!((rig.life(first), rig.life(second)), (vec![ACCEPTED, IN_PROGRESS, COMPLETED], vec![ACCEPTED]));
    report(&mut rig, second, TaskReport::Done);
    assert_eq!(rig.life(second), [ACCEPTED, COMPLETED]);
}

#[test]
fn only_the_person_in_control_gives_exclusive_tasks() {
    for state in ControlState::ALL.iter().copied() {
        let mut rig = Rig::in_state(state);
        let id = give(&mut rig, TaskVerb::SetMode);
        if state == ControlState::Human {
            assert_eq!(rig.life(id), [ACCEPTED]);
        } else {
            assert_eq!(rig.life(id), [CommandState::Rejected], "{state}");
            assert_eq!(rig.tasks, [], "{state}");
        }
    }
    // The lease alone is not enough, and the code says what is missing.
    for state in [ControlState::Claimed, ControlState::InTransition, ControlState::Returning] {
        let mut rig = Rig::in_state(state);
        let id = give(&mut rig, TaskVerb::SetMode);
        assert_eq!(rig.code(id), Some(CommandCode::Precondition), "{state}");
    }
}

#[test]
fn only_an_agent_that_acts_by_itself_is_helped() {
    for state in ControlState::ALL.iter().copied() {
        let mut rig = Rig::in_state(state);
        let id = give(&mut rig, TaskVerb::IgnoreObject);
        let expected = if state.agent_acts() {
            (ACCEPTED, None)
        } else {
            (CommandState::Rejected, Some(CommandCode::Precondition))
        };
        assert_eq!((rig.life(id)[0], rig.code(id)), expected, "{state}");
    }
}

#[test]
fn what_makes_things_safer_is_open_to_all_but_under_local_control() {
    for state in ControlState::ALL.iter().copied() {
        let mut rig = Rig::in_state(state);
        let order = Order { epoch: Epoch(0), seq: 0, ..task(&mut rig, TaskVerb::Hazards) };
        let id = rig.give(&order);
        let expected = if state == ControlState::Local { CommandState::Rejected } else { ACCEPTED };
        assert_eq!(rig.life(id), [expected], "{state}");
    }
    let mut rig = Rig::in_state(ControlState::Human);
    let id = give(&mut rig, TaskVerb::Hazards);
    assert_eq!(rig.life(id), [ACCEPTED], "the holder's own");
    let again =
        Order { id: CommandId(uuid::Uuid::from_u128(99)), seq: 1, ..task(&mut rig, TaskVerb::Hazards) };
    let id = rig.give(&again);
    assert_eq!(rig.code(id), Some(CommandCode::Duplicate), "his sequence counts");
    let stale = Order { epoch: Epoch(1_000), ..task(&mut rig, TaskVerb::Hazards) };
    let id = rig.give(&stale);
    assert_eq!(rig.code(id), Some(CommandCode::StaleEpoch));
}

#[test]
fn who_is_next_gives_what_makes_things_safer_as_anybody_does() {
    let mut rig = Rig::in_state(ControlState::Human);
    rig.claim();
    assert!(rig.gate.next_epoch().is_some());
    let id = give(&mut rig, TaskVerb::Hazards);
    assert_eq!(rig.life(id), [ACCEPTED]);
    let id = give(&mut rig, TaskVerb::SetMode);
    assert_eq!(rig.code(id), Some(CommandCode::NotInControl));
}

#[test]
fn each_class_is_fenced() {
    for (state, verb) in [
        (ControlState::Human, TaskVerb::Hazards),
        (ControlState::Human, TaskVerb::SetMode),
        (ControlState::Autonomous, TaskVerb::Confirm),
    ] {
        let mut rig = Rig::in_state(state);
        let late = Order { deadline: rig.now, ..task(&mut rig, verb) };
        let id = rig.give(&late);
        assert_eq!(rig.code(id), Some(CommandCode::Expired), "{verb}");
        let foreign = Order { boot_id: OTHER_BOOT, ..task(&mut rig, verb) };
        let id = rig.give(&foreign);
        let expected = if verb == TaskVerb::Hazards { CommandCode::Expired } else { CommandCode::StaleEpoch };
        assert_eq!(rig.code(id), Some(expected), "{verb}");
        let first = task(&mut rig, verb);
        let id = rig.give(&first);
        rig.give(&first);
        assert_eq!(rig.code(id), Some(CommandCode::Duplicate), "{verb}");
        assert_eq!(rig.tasks.len(), 1, "{verb}: one effect");
        // A copy under another id: an epoch of its own is used up, and so is a sequence.
        let copy = Order { id: CommandId(uuid::Uuid::from_u128(99)), ..first };
        let id = rig.give(&copy);
        let expected =
            if verb == TaskVerb::Confirm { CommandCode::StaleEpoch } else { CommandCode::Duplicate };
        assert_eq!((rig.code(id), rig.tasks.len()), (Some(expected), 1), "{verb}");
    }
    let mut rig = Rig::vehicle();
    let seen = Some(StateVersion(1_000));
    let stale = Order { evidence_version: seen, ..task(&mut rig, TaskVerb::Confirm) };
    let id = rig.give(&stale);
    assert_eq!(rig.code(id), Some(CommandCode::StaleEvidence));
}

#[test]
fn an_epoch_of_its_own_is_kept_over_a_reboot() {
    for (kind, verb) in [(AgentKind::Vehicle, TaskVerb::Confirm), (AgentKind::Transaction, TaskVerb::Label)] {
        let timers = Timers::for_kind(kind);
        let mut rig = Rig::around(Gate::new(identity(kind), timers.clone(), DRIVING));
        assert!(rig.welcome(1, &[], true));
        let mut order = task(&mut rig, verb);
        order.args.text = Some(watchkeeper_model::Note::cut("fraud"));
        let id = rig.give(&order);
        assert_eq!(rig.life(id), [ACCEPTED], "{verb}");
        let record = rig.gate.take_record().expect("the epoch is to be kept");
        assert_eq!(record.highest_epoch, order.epoch);
        let mut rig = Rig::around(Gate::restore(identity(kind), timers, STANDING, &record));
        assert!(rig.welcome(1, &[], true));
        let id = rig.give(&order);
        assert_eq!(rig.code(id), Some(CommandCode::StaleEpoch), "{verb}");
    }
}

#[test]
fn an_unknown_task_and_one_without_its_arguments_are_refused() {
    let mut rig = Rig::in_state(ControlState::Human);
    for verb in [TaskVerb::FreezeCard, TaskVerb::Approve] {
        let id = give(&mut rig, verb);
        assert_eq!(rig.code(id), Some(CommandCode::Unsupported), "{verb} is for no vehicle");
    }
    let mut order = task(&mut rig, TaskVerb::SetMode);
    order.args.target = None;
    let id = rig.give(&order);
    assert_eq!(rig.code(id), Some(CommandCode::Denied));
    assert_eq!(rig.tasks, []);
}

#[test]
fn nothing_risky_before_the_first_reconcile_and_what_is_safer_always() {
    let kind = AgentKind::Vehicle;
    let mut rig = Rig::around(Gate::new(identity(kind), Timers::for_kind(kind), DRIVING));
    let id = give(&mut rig, TaskVerb::Confirm);
    assert_eq!(rig.code(id), Some(CommandCode::TemporarilyRejected));
    let order = Order { epoch: Epoch(0), ..task(&mut rig, TaskVerb::Hazards) };
    let id = rig.give(&order);
    assert_eq!(rig.life(id), [ACCEPTED]);
}

#[test]
fn what_was_for_who_led_ends_with_him_and_what_makes_things_safer_goes_on() {
    let ends: [fn(&mut Rig); 3] = [
        |rig| rig.gate.handle_minimal_risk_request(FallbackLevel::COMFORTABLE, rig.now),
        |rig| {
            rig.send(CommandKind::Estop);
        },
        |rig| rig.world(World { local_override: true, ..DRIVING }),
    ];
    for end in ends {
        let mut rig = Rig::in_state(ControlState::Human);
        let (going, lights) = (give(&mut rig, TaskVerb::Goto), give(&mut rig, TaskVerb::Hazards));
        report(&mut rig, going, TaskReport::Underway(None));
        report(&mut rig, lights, TaskReport::Underway(None));
        end(&mut rig);
        rig.wait(0);
        assert_eq!(rig.life(going), [ACCEPTED, IN_PROGRESS, SUPERSEDED]);
        assert_eq!((rig.life(lights), rig.tasks_over.clone()), (vec![ACCEPTED, IN_PROGRESS], vec![going]));
        report(&mut rig, lights, TaskReport::Done);
        assert_eq!(rig.life(lights), [ACCEPTED, IN_PROGRESS, COMPLETED]);
    }
}

#[test]
fn a_task_of_the_person_in_control_ends_when_the_agent_drives_again() {
    let mut rig = Rig::in_state(ControlState::Human);
    let id = give(&mut rig, TaskVerb::Goto);
    report(&mut rig, id, TaskReport::Underway(None));
    rig.send(CommandKind::HandBack);
    rig.world(DRIVING);
    rig.wait(200);
    assert_eq!((rig.state(), rig.mode()), (ControlState::Autonomous, Mode::Autonomous));
    assert_eq!((rig.life(id).last(), rig.tasks_over.clone()), (Some(&SUPERSEDED), vec![id]));
}

#[test]
fn what_helped_the_agent_ends_when_a_person_takes_control() {
    let mut rig = Rig::in_state(ControlState::Claimed);
    let id = give(&mut rig, TaskVerb::ApprovePath);
    report(&mut rig, id, TaskReport::Underway(None));
    // A claim after it has the higher epoch.
    rig.engage();
    assert_eq!(rig.life(id), [ACCEPTED, IN_PROGRESS], "the agent still acts");
    rig.send(CommandKind::Assume);
    assert_eq!(rig.state(), ControlState::Human);
    assert_eq!((rig.life(id).last(), rig.tasks_over.clone()), (Some(&SUPERSEDED), vec![id]));
}

#[test]
fn the_next_holder_keeps_what_is_under_way() {
    let mut rig = Rig::in_state(ControlState::Human);
    let id = give(&mut rig, TaskVerb::Goto);
    report(&mut rig, id, TaskReport::Underway(None));
    rig.claim();
    rig.send(CommandKind::Engage);
    assert_eq!((rig.state(), rig.life(id)), (ControlState::Human, vec![ACCEPTED, IN_PROGRESS]));
}

#[test]
fn each_class_has_room_for_eight_and_nothing_ends_because_another_is_given() {
    let mut rig = Rig::in_state(ControlState::Human);
    let going = give(&mut rig, TaskVerb::Goto);
    report(&mut rig, going, TaskReport::Underway(None));
    let mut ids = Vec::new();
    for _ in 0..8 {
        let order = Order { epoch: Epoch(0), ..task(&mut rig, TaskVerb::Hazards) };
        ids.push(rig.give(&order));
        report(&mut rig, *ids.last().expect("one was given"), TaskReport::Underway(None));
    }
    let ninth = Order { epoch: Epoch(0), ..task(&mut rig, TaskVerb::Hazards) };
    let ninth = rig.give(&ninth);
    assert_eq!(rig.code(ninth), Some(CommandCode::TemporarilyRejected));
    // Orders of the gate's own push out only each other, and a task of another class has its room.
    for _ in 0..12 {
        rig.send(CommandKind::Hold);
    }
    let mode = give(&mut rig, TaskVerb::SetMode);
    assert_eq!(rig.life(mode), [ACCEPTED]);
    for id in ids.iter().chain([&going]) {
        assert_eq!(rig.life(*id), [ACCEPTED, IN_PROGRESS]);
    }
    assert_eq!(rig.tasks_over, []);
    report(&mut rig, ids[3], TaskReport::Done);
    let next = Order { epoch: Epoch(0), ..task(&mut rig, TaskVerb::Hazards) };
    let next = rig.give(&next);
    assert_eq!(rig.life(next), [ACCEPTED], "there is room again");
    // However much is ordered meanwhile: a copy of what still runs is found out.
    for _ in 0..200 {
        let order = Order { deadline: rig.now, ..task(&mut rig, TaskVerb::Hazards) };
        rig.give(&order);
    }
    let (copy, given) = (ids[1], rig.tasks.len());
    let copy = Order { id: copy, epoch: Epoch(0), ..task(&mut rig, TaskVerb::Hazards) };
    rig.give(&copy);
    assert_eq!((rig.code(copy.id), rig.tasks.len()), (Some(CommandCode::Duplicate), given));
}

#[test]
fn notes_of_strangers_leave_what_is_under_way_alone() {
    let kind = AgentKind::SoftwareAgent;
    let mut rig = Rig::around(Gate::new(identity(kind), Timers::for_kind(kind), DRIVING));
    assert!(rig.welcome(1, &[], true));
    let order = Order { epoch: Epoch(0), ..task(&mut rig, TaskVerb::Quarantine) };
    let quarantine = rig.give(&order);
    report(&mut rig, quarantine, TaskReport::Underway(None));
    for place in 0..9 {
        let mut note = task(&mut rig, TaskVerb::Annotate);
        note.args.text = Some(watchkeeper_model::Note::cut("odd"));
        let id = rig.give(&note);
        let refused = (place == 8).then_some(CommandCode::TemporarilyRejected);
        assert_eq!(rig.code(id), refused, "{place}");
    }
    let mut helps = task(&mut rig, TaskVerb::Respond);
    helps.args.text = Some(watchkeeper_model::Note::cut("go on"));
    let helps = rig.give(&helps);
    assert_eq!((rig.life(helps), rig.life(quarantine)), (vec![ACCEPTED], vec![ACCEPTED, IN_PROGRESS]));
}

#[test]
fn a_task_for_which_there_is_no_room_has_failed() {
    let mut rig = Rig::vehicle();
    // A shell that fetches nothing.
    let orders: Vec<_> =
        (0..64).map(|_| Order { deadline: rig.now, ..task(&mut rig, TaskVerb::Hazards) }).collect();
    for order in orders.iter().take(63) {
        rig.give_untold(order);
    }
    let order = Order { epoch: Epoch(0), ..task(&mut rig, TaskVerb::Hazards) };
    rig.give_untold(&order);
    let mut outputs = Vec::new();
    while let Some(output) = rig.gate.poll_output() {
        outputs.push(output);
    }
    assert!(outputs.iter().all(|output| !matches!(output, GateOutput::Task(_))));
    assert_eq!(outputs.len(), 64, "and no more than fits is kept to be told");
    rig.give(&order);
    let told = rig.acks.iter().rfind(|ack| ack.command_id == order.id).expect("the copy is answered");
    assert_eq!((told.state, told.code), (CommandState::Failed, Some(CommandCode::Duplicate)));
}
