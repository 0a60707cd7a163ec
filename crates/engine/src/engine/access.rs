//! May this person do this, to this agent, now? Every message of an operator passes here before anything is done, once what
//! he does not see is taken out of it (`reading.rs`).

use super::{Engine, authority::denied_unseen};
use watchkeeper_model::{
    Access, AgentId, AlertId, CommandCode, CommandKind, DemandId, Denial, LeaseEnd, MonoTime, Note,
    Permission, RiskClass, SessionId, nanos,
};
use watchkeeper_protocol::{
    OperatorMessage, ToOperator, Wire,
    operator::{AccessUpdate, Claim, Order, RequestHandover},
    session::ErrorCode,
};

impl Engine {
    /// Takes note of what a console may do from now on: it hears of it, and loses what it may hold no longer.
    pub(super) fn handle_access(&mut self, session: SessionId, access: Access, now: MonoTime) {
        let Some(console) = self.consoles.get_mut(&session) else { return };
        if let Some(until) = console.access.acts_until {
            self.access_ends.remove(&(until, session));
        }
        if let Some(until) = access.acts_until.filter(|until| *until > now) {
            self.access_ends.insert((until, session));
        }
        self.roster_changed |= console.access.role != access.role;
        console.access = access;
        let person = console.person.clone();
        // What it loses it hears of while it still sees it.
        self.take_leases_back(session, now);
        self.tell_access(session, now);
        self.change_view(session, now);
        self.take_from(&person, now);
        self.welcome(session, now);
    }

    /// Tells a console what it may do.
    pub(super) fn tell_access(&mut self, session: SessionId, now: MonoTime) {
        let Some(console) = self.consoles.get(&session) else { return };
        let Access { role, scope, token_id, acts_until } = &console.access;
        let update = AccessUpdate {
            role: *role,
            scope: scope.clone(),
            development: token_id.is_none(),
            in_the_clear: self.config.site.insecure_i_know,
            expired: console.access.is_over(now),
            left_nanos: acts_until.map(|until| nanos(now.until(until))),
        };
        self.send_operator(session, ToOperator::Access(update));
    }

    /// Ends what has run out: from now on these consoles only read.
    pub(super) fn end_access_due(&mut self, now: MonoTime) {
        while let Some((until, session)) =
            self.access_ends.first().copied().filter(|(until, _)| now >= *until)
        {
            self.access_ends.remove(&(until, session));
            self.tell_access(session, now);
            self.take_leases_back(session, now);
            if let Some(person) = self.consoles.get(&session).map(|console| console.person.clone()) {
                self.take_from(&person, now);
            }
        }
    }

    /// Who may no longer drive an agent holds it no longer, and is next for it no longer: the agent falls back.
    fn take_leases_back(&mut self, session: SessionId, now: MonoTime) {
        let Some(access) = self.consoles.get(&session).map(|console| console.access.clone()) else { return };
        let denied = |agent: &AgentId| access.check(Permission::Drive, Some(agent), now).err();
        let mine = |holder: Option<SessionId>| holder == Some(session);
        let held: Vec<(AgentId, bool, Denial)> = self
            .agents
            .values()
            .filter_map(|agent| {
                let holds = mine(agent.lease.lease().map(|lease| lease.session));
                let is_next = mine(agent.lease.next().map(|next| next.lease.session));
                let denial = (holds || is_next).then(|| denied(&agent.id)).flatten()?;
                Some((agent.id.clone(), holds, denial))
            })
            .collect();
        let wishes: Vec<AgentId> = self
            .agents
            .values()
            .filter(|agent| mine(agent.lease.wish().map(|wish| wish.session)) && denied(&agent.id).is_some())
            .map(|agent| agent.id.clone())
            .collect();
        for agent_id in wishes {
            self.drop_wish(&agent_id, "whoever asked may drive it no longer", now);
        }
        for (agent_id, holds, denial) in held {
            // Others read this, who need not see what his scope names.
            let why = format!("whoever held it may drive it no longer (rule: {})", denial.rule());
            let why = Some(Note::cut(&why));
            if holds {
                self.end_lease_because(&agent_id, LeaseEnd::AccessEnded, why, now);
            } else {
                self.end_next(&agent_id, LeaseEnd::AccessEnded, now);
            }
        }
    }

    /// Says whether the console that sent a message may do what it asks for, by role, scope and the age of its token;
    /// where not, it is told in the way that fits what it asked for.
    pub(super) fn is_allowed(
        &mut self,
        session: SessionId,
        message: &OperatorMessage,
        now: MonoTime,
    ) -> bool {
        let Some((permission, agent)) = self.asked(message) else { return true };
        let Some(console) = self.consoles.get(&session) else { return true };
        let Err(denial) = console.access.check(permission, agent.as_ref(), now) else { return true };
        let (person, role) = (console.person.clone(), console.access.role);
        let text = denial.to_string();
        // Who never acts has no row that waits for an end.
        if !role.may(Permission::Drive) {
            self.refuse(session, ErrorCode::Forbidden, message.kind(), &text);
        } else if let OperatorMessage::Claim(Claim { agent })
        | OperatorMessage::RequestHandover(RequestHandover { agent, .. }) = message
        {
            self.refuse_claim(session, &person, agent, CommandCode::Denied, &text);
        } else if let Some(Order { command_id, agent, kind, .. }) = message.order()
            && !self.sees(session, agent)
        {
            // Whether it is there is no matter of his: nobody else hears of it, and the record has what he sent.
            let detail = Some(Note::cut(&text));
            let cursor = self.cursor_of(session);
            let update = denied_unseen(cursor, (agent, command_id, kind), &person, detail);
            self.send_operator(session, ToOperator::CommandStatus(update));
        } else if let Some(Order { command_id, agent, kind, epoch }) = message.order() {
            // Whoever sent it waits for its end: it goes on record, and is rejected.
            if self.admit(session, (&person, role), (agent, command_id, kind, Vec::new(), epoch)) {
                self.reject(command_id, CommandCode::Denied, &text);
            }
        } else if !matches!(message, OperatorMessage::Heartbeat(_)) {
            // A heartbeat comes twenty times a second, and its sender has been told that the lease is over.
            self.refuse(session, ErrorCode::Forbidden, message.kind(), &text);
        }
        false
    }

    /// Returns what a message needs, and to which agent it is done; `None` where it only reads.
    fn asked(&self, message: &OperatorMessage) -> Option<(Permission, Option<AgentId>)> {
        let asked = match message {
            OperatorMessage::Pong(_) | OperatorMessage::Presented(_) | OperatorMessage::Refresh(_) => {
                return None;
            }
            OperatorMessage::Acknowledge(body) => {
                (Permission::Acknowledge, self.agent_of_alert(body.alert_id))
            }
            OperatorMessage::Shelve(body) => (Permission::Shelve, self.agent_of_alert(body.alert_id)),
            OperatorMessage::Unshelve(body) => (Permission::Shelve, self.agent_of_alert(body.alert_id)),
            OperatorMessage::TakeOutOfService(body) => (Permission::OutOfService, Some(body.agent.clone())),
            OperatorMessage::ReturnToService(body) => {
                (Permission::OutOfService, self.agent_of_alert(body.alert_id))
            }
            OperatorMessage::Reset(body) => (Permission::Reset, self.agent_of_alert(body.alert_id)),
            OperatorMessage::Label(body) => (Permission::Label, self.agent_of_takeover(body.demand_id)),
            OperatorMessage::Claim(body) => (Permission::Drive, Some(body.agent.clone())),
            OperatorMessage::Engage(body)
            | OperatorMessage::Release(body)
            | OperatorMessage::HandBack(body) => (Permission::Drive, Some(body.agent.clone())),
            OperatorMessage::Heartbeat(body) => (Permission::Drive, Some(body.agent.clone())),
            OperatorMessage::Probe(body) => (Permission::Drive, Some(body.agent.clone())),
            OperatorMessage::Command(body) => (command_permission(body.kind), Some(body.agent.clone())),
            OperatorMessage::Stop(body) => (Permission::Stop, Some(body.agent.clone())),
            OperatorMessage::RequestHandover(body) if body.preempt => {
                (Permission::PreEmpt, Some(body.agent.clone()))
            }
            OperatorMessage::RequestHandover(body) => (Permission::Handover, Some(body.agent.clone())),
            OperatorMessage::AnswerHandover(body) => (Permission::Handover, Some(body.agent.clone())),
            OperatorMessage::AllowTakeover(body) => (Permission::Handover, Some(body.agent.clone())),
            OperatorMessage::Waive(body) => (Permission::Waive, Some(body.agent.clone())),
        };
        Some(asked)
    }

    pub(super) fn agent_of_alert(&self, alert_id: AlertId) -> Option<AgentId> {
        self.alarms.get(alert_id).map(|alarm| alarm.agent.clone())
    }

    pub(super) fn agent_of_takeover(&self, demand_id: DemandId) -> Option<AgentId> {
        let finished = self.finished.iter().map(|takeover| (takeover.demand_id, &takeover.agent));
        let open =
            self.agents.values().filter_map(|agent| Some((agent.takeover.as_ref()?.demand_id, &agent.id)));
        finished.chain(open).find(|(known, _)| *known == demand_id).map(|(_, agent)| agent.clone())
    }
}

/// Returns what a command needs. What only makes things safer is a stop; whose latch it clears, its own rule looks at.
fn command_permission(kind: CommandKind) -> Permission {
    if matches!(kind, CommandKind::Suspend | CommandKind::Reinstate) {
        Permission::OutOfService
    } else if kind.risk() == RiskClass::Exclusive || kind == CommandKind::Release {
        Permission::Drive
    } else {
        Permission::Stop
    }
}
