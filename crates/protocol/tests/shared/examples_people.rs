//! Examples of what people at consoles agree on, and of what they see of each other and of takeovers.

use super::{Example, Set, agent, boot, command_id, note, person};
use watchkeeper_model::{
    AgentKind, AlertId, CauseClass, CommandKind, CommandState, ControlState, DecisionSeq, DemandId,
    DemandOrigin, DemandOutcome, Epoch, Label, MonoTime, OperatorRole, PersonId, Scope, SessionId, Verdict,
};
use watchkeeper_protocol::{
    OperatorMessage, ToOperator,
    operator::{
        AccessUpdate, AllowTakeover, AnswerHandover, ConsoleKind, LabelTakeover, OperatorStatus,
        RequestHandover, Reset, ReturnToService, Roster, Shelve, TakeOutOfService, Unshelve, Waive,
    },
    record::{Moment, TakeoverCommand, TakeoverRecord},
};

const fn mono(millis: u64) -> MonoTime {
    MonoTime::from_nanos(millis * 1_000_000)
}

/// What people agree on beside commands: shelving, handover, labels.
pub(super) fn agreements() -> [(&'static str, OperatorMessage); 13] {
    let ask = RequestHandover { agent: agent(), preempt: false, reason: None };
    let preempt = RequestHandover { preempt: true, reason: Some(note("bob is unwell")), ..ask.clone() };
    let answer = |accept| AnswerHandover { agent: agent(), request_id: 3, accept };
    [
        (
            "full",
            OperatorMessage::Shelve(Shelve {
                alert_id: AlertId(89),
                for_nanos: 1_800_000_000_000,
                reason: note("the sensor is being replaced"),
            }),
        ),
        ("full", OperatorMessage::Unshelve(Unshelve { alert_id: AlertId(89) })),
        (
            "full",
            OperatorMessage::TakeOutOfService(TakeOutOfService {
                agent: agent(),
                cause: CauseClass::Limit,
                subject: Label::cut("gap"),
                reason: note("the sensor is broken, a new one is ordered"),
            }),
        ),
        ("full", OperatorMessage::ReturnToService(ReturnToService { alert_id: AlertId(90) })),
        ("full", OperatorMessage::Reset(Reset { alert_id: AlertId(90) })),
        ("ask", OperatorMessage::RequestHandover(ask)),
        ("preempt", OperatorMessage::RequestHandover(preempt)),
        ("accept", OperatorMessage::AnswerHandover(answer(true))),
        ("refuse", OperatorMessage::AnswerHandover(answer(false))),
        (
            "allow",
            OperatorMessage::AllowTakeover(AllowTakeover { agent: agent(), epoch: Epoch(7), allowed: true }),
        ),
        (
            "disallow",
            OperatorMessage::AllowTakeover(AllowTakeover { agent: agent(), epoch: Epoch(7), allowed: false }),
        ),
        (
            "full",
            OperatorMessage::Waive(Waive {
                agent: agent(),
                epoch: Epoch(7),
                reason: note("the sensor is known to be broken"),
            }),
        ),
        (
            "full",
            OperatorMessage::Label(LabelTakeover { demand_id: DemandId(41), verdict: Verdict::FalseAlarm }),
        ),
    ]
}

/// A takeover that has just begun.
pub(super) fn begun() -> TakeoverRecord {
    let exact = |millis| Some(Moment { at: mono(millis), error_nanos: 0 });
    let t0 = Some(Moment { at: mono(89_600), error_nanos: 120_000 });
    TakeoverRecord {
        demand_id: DemandId(41),
        agent: agent(),
        kind: AgentKind::Vehicle,
        boot_id: boot(),
        origin: DemandOrigin::Monitor,
        reason: note("confidence fell from 0.95 to 0.05"),
        alert_id: Some(AlertId(88)),
        holder: None,
        epoch: None,
        outcome: None,
        demand_ended_at: None,
        granted_at: None,
        human_at: None,
        handed_back_at: None,
        final_state: ControlState::Autonomous,
        decision: Some(DecisionSeq(118)),
        moments: [
            t0,
            exact(89_601),
            exact(89_602),
            exact(89_602),
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
        ],
        commands: Vec::new(),
        verdict: None,
        labelled_by: None,
        over: false,
    }
}

/// The same when it is over, and somebody has said what it was.
pub(super) fn takeover() -> TakeoverRecord {
    let mut moments = begun().moments;
    let later = [89_603, 89_620, 91_000, 92_400, 92_401, 92_404, 92_404, 92_900];
    for (moment, millis) in moments.iter_mut().skip(4).zip(later) {
        *moment = Some(Moment { at: mono(millis), error_nanos: 90_000 });
    }
    TakeoverRecord {
        holder: Some(person()),
        epoch: Some(Epoch(7)),
        outcome: Some(DemandOutcome::Human),
        demand_ended_at: Some(mono(92_900)),
        granted_at: Some(mono(91_500)),
        human_at: Some(mono(92_900)),
        handed_back_at: Some(mono(121_000)),
        moments,
        commands: vec![TakeoverCommand {
            command_id: command_id(1),
            kind: CommandKind::Engage,
            state: CommandState::Completed,
            received_at: mono(92_401),
            accepted_at: Some(mono(92_404)),
            completed_at: Some(mono(92_900)),
        }],
        verdict: Some(Verdict::Real),
        labelled_by: Some(person()),
        over: true,
        ..begun()
    }
}

pub(super) fn roster() -> Roster {
    let ada = OperatorStatus {
        person: person(),
        session_id: SessionId(9),
        role: OperatorRole::Operator,
        console: ConsoleKind::Window,
        holds: vec![agent()],
        connected_nanos: 95_000_000_000,
        waiting: 37,
        flooded_nanos: Some(190_000_000_000),
        away: false,
    };
    let grace = OperatorStatus {
        person: other_person(),
        session_id: SessionId(11),
        role: OperatorRole::Supervisor,
        console: ConsoleKind::Headless,
        holds: Vec::new(),
        connected_nanos: 4_000_000_000,
        waiting: 0,
        flooded_nanos: None,
        away: true,
    };
    Roster { operators: vec![ada, grace], more: 1 }
}

pub(super) fn other_person() -> PersonId {
    PersonId::new("grace").expect("a valid id")
}

/// What a console may do: with a token, with one that has expired, in a development run, and at a site without TLS.
pub(super) fn access() -> Vec<Example> {
    let granted = AccessUpdate {
        role: OperatorRole::Operator,
        scope: Scope::new(["truck-*", "lab-1"]).expect("patterns"),
        development: false,
        in_the_clear: false,
        expired: false,
        left_nanos: Some(840_000_000_000),
    };
    let expired = AccessUpdate { expired: true, left_nanos: Some(0), ..granted.clone() };
    let in_the_clear = AccessUpdate { in_the_clear: true, ..granted.clone() };
    let development = AccessUpdate {
        scope: Scope::everything(),
        development: true,
        left_nanos: None,
        expired: false,
        role: OperatorRole::Operator,
        in_the_clear: false,
    };
    [("granted", granted), ("expired", expired), ("development", development), ("in_the_clear", in_the_clear)]
        .map(|(name, update)| Example::of(Set::ToOperator, name, &ToOperator::Access(update)))
        .to_vec()
}
