//! What the people at the consoles of the rig do.

use super::{Rig, STEP, VEHICLE};
use std::time::Duration;
use uuid::Uuid;
use watchkeeper_engine::{EngineInput, Framed};
use watchkeeper_model::{
    Access, AgentId, AlertId, CommandArgs, CommandId, CommandKind, ControlState, DemandId, Epoch,
    Incarnation, Note, OperatorRole, PersonId, SessionId, Verdict,
};
use watchkeeper_protocol::{
    OperatorMessage,
    operator::{
        Acknowledge, AllowTakeover, AnswerHandover, Claim, CommandRequest, LabelTakeover, OperatorHello,
        Presented, RequestHandover, Resume, Shelve, Stop, Unshelve,
    },
    session::{Pong, SessionKind},
};

impl Rig {
    pub(crate) fn connect_operator(&mut self, session: u64, person: &str, role: OperatorRole) {
        self.hello_operator(session, person, role, None);
        self.answer_pings(session);
    }

    pub(crate) fn resume_operator(&mut self, session: u64, person: &str, cursor: u64) {
        let resume = Some(Resume { incarnation: Incarnation(1), cursor });
        self.hello_operator(session, person, OperatorRole::Operator, resume);
    }

    /// Connects somebody whose token allows this.
    pub(crate) fn connect_with(&mut self, session: u64, person: &str, access: Access) {
        self.come_back_with(session, person, access, None);
    }

    /// The same, where he was there before and knows everything up to a cursor.
    pub(crate) fn come_back_with(
        &mut self,
        session: u64,
        person: &str,
        access: Access,
        resume: Option<Resume>,
    ) {
        let hello = self.operator_hello(person, access.role, resume);
        let access = Some(access);
        self.feed(EngineInput::OperatorConnected { session: SessionId(session), hello, access });
        self.answer_pings(session);
    }

    /// He shows a newer token.
    pub(crate) fn change_access(&mut self, session: u64, access: Access) {
        self.feed(EngineInput::AccessChanged { session: SessionId(session), access });
    }

    fn operator_hello(&self, person: &str, role: OperatorRole, resume: Option<Resume>) -> OperatorHello {
        OperatorHello {
            session: SessionKind::Operator,
            token: None,
            person: PersonId::new(person).unwrap(),
            role,
            console: self.console_kind,
            resume,
        }
    }

    pub(super) fn hello_operator(
        &mut self,
        session: u64,
        person: &str,
        role: OperatorRole,
        resume: Option<Resume>,
    ) {
        let hello = self.operator_hello(person, role, resume);
        self.feed(EngineInput::OperatorConnected { session: SessionId(session), hello, access: None });
    }

    pub(super) fn answer_pings(&mut self, session: u64) {
        let pong = Pong {
            sent_nanos: self.now.as_nanos(),
            received_nanos: self.now.as_nanos(),
            answered_nanos: self.now.as_nanos(),
        };
        self.send_operator(session, OperatorMessage::Pong(pong));
    }

    /// Other rules come into force.
    pub(crate) fn change_rules(&mut self, text: &str) {
        let by = PersonId::new("anna").unwrap();
        let reason = Note::cut("the yard is wet");
        self.feed(EngineInput::RulesChanged { text: text.to_owned(), by, reason });
    }

    pub(crate) fn disconnect_operator(&mut self, session: u64) {
        self.feed(EngineInput::Disconnected { session: SessionId(session) });
    }

    pub(crate) fn send_operator(&mut self, session: u64, message: OperatorMessage) {
        let framed = Framed::new(message);
        self.feed(EngineInput::Operator { session: SessionId(session), received_at: self.now, framed });
    }

    pub(crate) fn claim(&mut self, session: u64) {
        self.send_operator(session, OperatorMessage::Claim(Claim { agent: AgentId::new(VEHICLE).unwrap() }));
    }

    pub(crate) fn acknowledge(&mut self, session: u64, alert_id: AlertId) {
        self.send_operator(session, OperatorMessage::Acknowledge(Acknowledge { alert_id }));
    }

    pub(crate) fn shelve(&mut self, session: u64, alert_id: AlertId, span: Duration, reason: &str) {
        let for_nanos = span.as_nanos().try_into().unwrap();
        let shelve = Shelve { alert_id, for_nanos, reason: Note::cut(reason) };
        self.send_operator(session, OperatorMessage::Shelve(shelve));
    }

    pub(crate) fn unshelve(&mut self, session: u64, alert_id: AlertId) {
        self.send_operator(session, OperatorMessage::Unshelve(Unshelve { alert_id }));
    }

    pub(crate) fn label(&mut self, session: u64, demand_id: DemandId, verdict: Verdict) {
        self.send_operator(session, OperatorMessage::Label(LabelTakeover { demand_id, verdict }));
    }

    pub(crate) fn present(&mut self, session: u64, alert_id: AlertId) {
        self.feed(EngineInput::Delivered { session: SessionId(session), alerts: vec![alert_id], at: None });
        let presented = Presented { alerts: vec![alert_id], presented_nanos: self.now.as_nanos() };
        self.send_operator(session, OperatorMessage::Presented(presented));
    }

    pub(crate) fn request_handover(&mut self, session: u64) {
        let body = RequestHandover { agent: AgentId::new(VEHICLE).unwrap(), preempt: false, reason: None };
        self.send_operator(session, OperatorMessage::RequestHandover(body));
    }

    pub(crate) fn pre_empt(&mut self, session: u64, reason: Option<&str>) {
        let agent = AgentId::new(VEHICLE).unwrap();
        let body = RequestHandover { agent, preempt: true, reason: reason.map(Note::cut) };
        self.send_operator(session, OperatorMessage::RequestHandover(body));
    }

    pub(crate) fn answer_handover(&mut self, session: u64, request_id: u64, accept: bool) {
        let body = AnswerHandover { agent: AgentId::new(VEHICLE).unwrap(), request_id, accept };
        self.send_operator(session, OperatorMessage::AnswerHandover(body));
    }

    pub(crate) fn allow_takeover(&mut self, session: u64, epoch: Epoch, allowed: bool) {
        let body = AllowTakeover { agent: AgentId::new(VEHICLE).unwrap(), epoch, allowed };
        self.send_operator(session, OperatorMessage::AllowTakeover(body));
    }

    /// Engages and assumes, as a console does.
    pub(crate) fn take_over(&mut self, session: u64) {
        self.command(session, CommandKind::Engage, CommandArgs::default());
        self.run_until(Duration::from_secs(1), |rig| rig.state() == ControlState::InTransition);
        self.command(session, CommandKind::Assume, CommandArgs::default());
        self.run_until(Duration::from_secs(1), |rig| rig.state() == ControlState::Human);
        self.run(STEP);
    }

    pub(crate) fn command(&mut self, session: u64, kind: CommandKind, args: CommandArgs) -> CommandId {
        let next = self.next.filter(|(next, _)| *next == session);
        let epoch = next.or(self.holder).map_or(Epoch(0), |(_, epoch)| epoch);
        self.command_under(session, kind, args, epoch)
    }

    pub(crate) fn command_under(
        &mut self,
        session: u64,
        kind: CommandKind,
        args: CommandArgs,
        epoch: Epoch,
    ) -> CommandId {
        self.command_seq += 1;
        let command_id = self.mint();
        let request = CommandRequest {
            command_id,
            agent: AgentId::new(VEHICLE).unwrap(),
            boot_id: self.boot,
            kind,
            args,
            epoch,
            seq: self.command_seq,
            deadline: self.agent_now().after(self.ttl),
            evidence_version: None,
            expect_state: None,
            issued_nanos: self.now.as_nanos(),
        };
        self.send_operator(session, OperatorMessage::Command(request));
        command_id
    }

    pub(crate) fn stop(&mut self, session: u64, agent: &str, confirm_many: bool) -> CommandId {
        let command_id = self.mint();
        let stop = Stop {
            command_id,
            agent: AgentId::new(agent).unwrap(),
            reason: None,
            confirm_many,
            issued_nanos: self.now.as_nanos(),
        };
        self.send_operator(session, OperatorMessage::Stop(stop));
        command_id
    }

    fn mint(&mut self) -> CommandId {
        self.next_command += 1;
        CommandId(Uuid::from_u128(self.next_command))
    }
}
