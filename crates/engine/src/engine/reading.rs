//! Who is told what: a console hears of the agents that its scope names, and of no others.
//!
//! Which views see an agent is settled when the agent or the first console of a scope comes; a message looks it up.

use super::Engine;
use crate::{Output, views::ViewId};
use std::{borrow::Cow, sync::Arc};
use watchkeeper_model::{AgentId, AlertId, DemandId, MonoTime, Scope, SessionId};
use watchkeeper_protocol::{
    OperatorMessage, ToOperator,
    operator::{AlertUpdate, LeaseEvent},
};

/// Ids that nothing ever has: those of a run begin far above.
const NO_ALERT: AlertId = AlertId(0);
const NO_DEMAND: DemandId = DemandId(0);

impl Engine {
    /// Returns the view of a scope; the first console of a scope finds the agents and alerts as they are.
    pub(super) fn view_of(&mut self, scope: &Scope) -> ViewId {
        if let Some(view_id) = self.views.of(scope) {
            return view_id;
        }
        let view_id = self.views.add(scope.clone());
        for agent in self.agents.values_mut().filter(|agent| scope.contains(&agent.id)) {
            agent.seen_in.push(view_id);
        }
        if let Some(view) = self.views.get_mut(view_id) {
            for alarm in self.alarms.open().filter(|alarm| scope.contains(&alarm.agent)) {
                view.join(alarm);
            }
        }
        view_id
    }

    /// Takes note of who sits where.
    pub(super) fn refresh_console_list(&mut self) {
        let gone = self.views.seat(self.consoles.iter().map(|(session, console)| (*session, console.view)));
        if let Some(gone) = gone {
            for agent in self.agents.values_mut() {
                agent.seen_in.retain(|view_id| *view_id != gone);
            }
        }
        self.roster_changed = true;
    }

    /// Returns the views beside that of every agent that see this one.
    pub(super) fn seen_in(&self, agent_id: &AgentId) -> Cow<'_, [ViewId]> {
        if self.views.is_one() {
            return Cow::Borrowed(&[]);
        }
        match self.agents.get(agent_id) {
            Some(agent) => Cow::Borrowed(&agent.seen_in),
            // Its alerts, and its place on the record, may outlast an agent.
            None => Cow::Owned(self.views.naming(agent_id)),
        }
    }

    /// Returns whether a view sees an agent.
    pub(super) fn is_seen(&self, view_id: ViewId, agent_id: &AgentId) -> bool {
        view_id == ViewId::ALL || self.seen_in(agent_id).contains(&view_id)
    }

    /// Returns whether the console of a session sees an agent, be it there or not.
    pub(super) fn sees(&self, session: SessionId, agent_id: &AgentId) -> bool {
        self.consoles.get(&session).is_some_and(|console| self.is_seen(console.view, agent_id))
    }

    /// Returns the cursor of what a session was told last.
    pub(super) fn cursor_of(&self, session: SessionId) -> u64 {
        let console = self.consoles.get(&session);
        let view = console.and_then(|console| self.views.get(console.view));
        view.map_or(0, |view| view.feed.cursor())
    }

    /// Sends to consoles; nothing where there is none.
    pub(super) fn send_to(&mut self, to: Arc<[SessionId]>, message: impl Into<Arc<ToOperator>>) {
        if !to.is_empty() {
            self.outputs.push_back(Output::ToOperators { to, message: message.into() });
        }
    }

    /// Sends to every console, whatever it sees.
    pub(super) fn broadcast(&mut self, message: impl Into<Arc<ToOperator>>) {
        let to = self.consoles.keys().copied().collect();
        self.send_to(to, message);
    }

    /// Makes a message for each view that has consoles, and sends it to those.
    pub(super) fn tell_each(&mut self, make: impl Fn(&Self, ViewId) -> ToOperator) {
        let heard = self.views.iter().filter(|(_, view)| !view.sessions.is_empty());
        let made: Vec<_> =
            heard.map(|(view_id, view)| (Arc::clone(&view.sessions), make(self, view_id))).collect();
        for (to, message) in made {
            self.send_to(to, message);
        }
    }

    /// Numbers a delta about an agent, keeps it for consoles that come back, and sends it to every console that sees the
    /// agent.
    pub(super) fn publish(&mut self, agent_id: &AgentId, make: impl FnOnce(u64) -> ToOperator) {
        let seen_in = self.seen_in(agent_id).into_owned();
        let Some(all) = self.views.get_mut(ViewId::ALL) else { return };
        let delta = all.feed.push(make);
        let to = Arc::clone(&all.sessions);
        // Whoever gets or loses a lease stands differently in the roster.
        self.roster_changed |= matches!(
            &*delta,
            ToOperator::Lease(update) if matches!(update.event, LeaseEvent::Granted | LeaseEvent::Ended)
        );
        for view_id in seen_in {
            self.publish_in(view_id, &delta);
        }
        self.send_to(to, delta);
    }

    fn publish_in(&mut self, view_id: ViewId, delta: &ToOperator) {
        let Some(view) = self.views.get_mut(view_id) else { return };
        let mut first = None;
        // What stood alone here turns out to be one of many.
        if let ToOperator::Alert(AlertUpdate { alarm, .. }) = delta
            && let Some(alone) = view.join(alarm)
            && let Some(alone) = self.alarms.get(alone).cloned()
        {
            first = Some(view.follow(ToOperator::Alert(AlertUpdate { cursor: 0, alarm: alone })));
        }
        let delta = view.follow(delta.clone());
        let to = Arc::clone(&view.sessions);
        for delta in first.into_iter().chain([delta]) {
            self.send_to(Arc::clone(&to), delta);
        }
    }

    /// Brings a console whose scope has changed into its new view: it starts from a snapshot.
    pub(super) fn change_view(&mut self, session: SessionId, now: MonoTime) {
        let Some(console) = self.consoles.get(&session) else { return };
        let (before, scope, person) = (console.view, console.access.scope.clone(), console.person.clone());
        let view_id = self.view_of(&scope);
        if view_id == before {
            return;
        }
        if let Some(console) = self.consoles.get_mut(&session) {
            console.view = view_id;
            console.probes.retain(|agent_id, _| scope.contains(agent_id));
        }
        self.refresh_console_list();
        self.send_snapshot(session, view_id, now);
        self.send_commands(session, &person);
    }

    /// Returns the message of a console with this view as if nothing existed that it does not see: what it says of that is
    /// refused as what is said of something unknown.
    pub(super) fn without_unseen(&self, view_id: ViewId, mut message: OperatorMessage) -> OperatorMessage {
        if view_id == ViewId::ALL {
            return message;
        }
        let is_hidden = |agent: Option<AgentId>| agent.is_some_and(|agent| !self.is_seen(view_id, &agent));
        let hide = |alert_id: &mut AlertId| {
            if is_hidden(self.agent_of_alert(*alert_id)) {
                *alert_id = NO_ALERT;
            }
        };
        match &mut message {
            OperatorMessage::Acknowledge(body) => hide(&mut body.alert_id),
            OperatorMessage::Shelve(body) => hide(&mut body.alert_id),
            OperatorMessage::Unshelve(body) => hide(&mut body.alert_id),
            OperatorMessage::ReturnToService(body) => hide(&mut body.alert_id),
            OperatorMessage::Reset(body) => hide(&mut body.alert_id),
            OperatorMessage::Presented(body) => body.alerts.iter_mut().for_each(hide),
            OperatorMessage::Label(body) => {
                if is_hidden(self.agent_of_takeover(body.demand_id)) {
                    body.demand_id = NO_DEMAND;
                }
            }
            // These name an agent, and are denied before anybody asks whether it is there.
            OperatorMessage::Claim(_)
            | OperatorMessage::Engage(_)
            | OperatorMessage::Release(_)
            | OperatorMessage::HandBack(_)
            | OperatorMessage::Command(_)
            | OperatorMessage::Stop(_)
            | OperatorMessage::Heartbeat(_)
            | OperatorMessage::TakeOutOfService(_)
            | OperatorMessage::RequestHandover(_)
            | OperatorMessage::AnswerHandover(_)
            | OperatorMessage::AllowTakeover(_)
            | OperatorMessage::Waive(_)
            | OperatorMessage::Pong(_)
            | OperatorMessage::Probe(_)
            | OperatorMessage::Refresh(_) => {}
        }
        message
    }
}
