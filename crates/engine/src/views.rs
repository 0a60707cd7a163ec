//! What consoles are told: one stream of deltas for all consoles that see the same agents.
//!
//! Whoever sees every agent follows the first stream. The consoles of each narrower scope share one of their own: its cursors
//! count what happens to its agents and nothing else, so that a hole in them still means that something was missed, and what
//! is told of many agents at once is told of those that it sees.
//!
//! Deliberately not here: which view sees which agent (each agent knows that, `Agent::seen_in`), and who is denied what.

use crate::feed::Feed;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use watchkeeper_model::{AgentId, Alarm, AlertId, MonoTime, Scope, SessionId};
use watchkeeper_protocol::ToOperator;

/// Most views without a console that are kept, for one that comes back and resumes; then the one made first goes.
const IDLE: usize = 16;
/// How far apart the first cursors of two views are, so that nobody resumes in a view from the cursor of another: more than
/// one run of a monitor counts.
const APART: u64 = 1 << 32;
/// Most members that the troubles of one view have in all: as many as there may be alerts.
const MAX_MEMBERS: usize = 20_000;

/// Names a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ViewId(u64);

impl ViewId {
    /// The view of every agent.
    pub(crate) const ALL: Self = Self(0);
}

/// What the consoles of one scope are told.
#[derive(Debug)]
pub(crate) struct View {
    scope: Scope,
    /// The consoles.
    pub(crate) sessions: Arc<[SessionId]>,
    pub(crate) feed: Feed,
    troubles: BTreeMap<AlertId, Trouble>,
    /// How many members they have in all.
    members: usize,
}

/// One trouble of many agents, as far as a view sees them.
#[derive(Debug)]
struct Trouble {
    /// What came first.
    first: (AlertId, AgentId, MonoTime),
    agents: BTreeSet<AgentId>,
}

impl View {
    fn new(scope: Scope, cursor: u64) -> Self {
        let (sessions, feed) = (Arc::from([]), Feed::starting_at(cursor));
        Self { scope, sessions, feed, troubles: BTreeMap::new(), members: 0 }
    }

    /// Takes note of an alert that may be one of many; returns the one before it where that was alone so far and is not now.
    pub(crate) fn join(&mut self, alarm: &Alarm) -> Option<AlertId> {
        let trouble_id = alarm.common.as_ref()?.id;
        let is_known =
            self.troubles.get(&trouble_id).is_some_and(|trouble| trouble.agents.contains(&alarm.agent));
        if is_known || !self.make_room(trouble_id) {
            return None;
        }
        let trouble = self.troubles.entry(trouble_id).or_insert_with(|| Trouble {
            first: (alarm.alert_id, alarm.agent.clone(), alarm.raised_at),
            agents: BTreeSet::new(),
        });
        trouble.agents.insert(alarm.agent.clone());
        self.members += 1;
        (trouble.agents.len() == 2).then_some(trouble.first.0)
    }

    /// Makes room for one more member of a trouble: the oldest troubles go, as far as they are older than this one. Returns
    /// whether there is room.
    fn make_room(&mut self, trouble_id: AlertId) -> bool {
        while self.members >= MAX_MEMBERS {
            let oldest = self.troubles.first_entry().filter(|oldest| *oldest.key() < trouble_id);
            let Some(oldest) = oldest else { return false };
            self.members -= oldest.remove().agents.len();
        }
        true
    }

    /// Leaves of an alert what this view may see: of a trouble of many agents, its own agents.
    pub(crate) fn cut(&self, alarm: &mut Alarm) {
        let Some(common) = &mut alarm.common else { return };
        if let Some(trouble) = self.troubles.get(&common.id).filter(|trouble| trouble.agents.len() > 1) {
            (common.id, common.first_out, common.since) = trouble.first.clone();
            common.members = u32::try_from(trouble.agents.len()).unwrap_or(u32::MAX);
        } else {
            alarm.common = None;
        }
    }

    /// Numbers a delta that the view of every agent has as this view does, and keeps it.
    pub(crate) fn follow(&mut self, mut delta: ToOperator) -> Arc<ToOperator> {
        if let ToOperator::Alert(update) = &mut delta {
            self.cut(&mut update.alarm);
        }
        self.feed.push(|cursor| renumbered(delta, cursor))
    }
}

/// Every view: that of all agents, and one of each narrower scope that a console has, or had lately.
#[derive(Debug)]
pub(crate) struct Views {
    all: View,
    narrow: BTreeMap<ViewId, View>,
    first_cursor: u64,
    made: u64,
}

impl Views {
    /// Makes the view of every agent; its deltas are numbered after `cursor`.
    pub(crate) fn starting_at(cursor: u64) -> Self {
        let all = View::new(Scope::everything(), cursor);
        Self { all, narrow: BTreeMap::new(), first_cursor: cursor, made: 0 }
    }

    /// Returns whether every console sees every agent.
    pub(crate) fn is_one(&self) -> bool {
        self.narrow.is_empty()
    }

    pub(crate) fn get(&self, view_id: ViewId) -> Option<&View> {
        if view_id == ViewId::ALL { Some(&self.all) } else { self.narrow.get(&view_id) }
    }

    pub(crate) fn get_mut(&mut self, view_id: ViewId) -> Option<&mut View> {
        if view_id == ViewId::ALL { Some(&mut self.all) } else { self.narrow.get_mut(&view_id) }
    }

    /// Returns every view.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ViewId, &View)> {
        let narrow = self.narrow.iter().map(|(view_id, view)| (*view_id, view));
        std::iter::once((ViewId::ALL, &self.all)).chain(narrow)
    }

    /// Returns the view of a scope, where there is one.
    pub(crate) fn of(&self, scope: &Scope) -> Option<ViewId> {
        if scope.is_everything() {
            return Some(ViewId::ALL);
        }
        self.narrow.iter().find(|(_, view)| view.scope == *scope).map(|(view_id, _)| *view_id)
    }

    /// Makes the view of a scope that has none.
    pub(crate) fn add(&mut self, scope: Scope) -> ViewId {
        self.made += 1;
        let view_id = ViewId(self.made);
        let cursor = self.first_cursor.saturating_add(self.made.saturating_mul(APART));
        self.narrow.insert(view_id, View::new(scope, cursor));
        view_id
    }

    /// Returns the narrower views whose scope names an agent.
    pub(crate) fn naming(&self, agent_id: &AgentId) -> Vec<ViewId> {
        let naming = self.narrow.iter().filter(|(_, view)| view.scope.contains(agent_id));
        naming.map(|(view_id, _)| *view_id).collect()
    }

    /// Says which consoles follow which view; returns the view that gives way, where too many have none.
    pub(crate) fn seat(&mut self, consoles: impl Iterator<Item = (SessionId, ViewId)>) -> Option<ViewId> {
        let mut seats: BTreeMap<ViewId, Vec<SessionId>> = BTreeMap::new();
        for (session, view_id) in consoles {
            seats.entry(view_id).or_default().push(session);
        }
        let mut seated = |view_id: ViewId| Arc::from(seats.remove(&view_id).unwrap_or_default());
        self.all.sessions = seated(ViewId::ALL);
        for (view_id, view) in &mut self.narrow {
            view.sessions = seated(*view_id);
        }
        let mut idle = self.narrow.iter().filter(|(_, view)| view.sessions.is_empty());
        let first = idle.next().map(|(view_id, _)| *view_id).filter(|_| idle.count() >= IDLE)?;
        self.narrow.remove(&first);
        Some(first)
    }

    /// Returns the consoles of the view of every agent and of these.
    pub(crate) fn sessions(&self, narrow: &[ViewId]) -> Arc<[SessionId]> {
        if narrow.is_empty() {
            return Arc::clone(&self.all.sessions);
        }
        let narrow = narrow.iter().filter_map(|view_id| self.narrow.get(view_id));
        std::iter::once(&self.all).chain(narrow).flat_map(|view| view.sessions.iter().copied()).collect()
    }
}

/// Gives a delta another place in its stream.
fn renumbered(mut delta: ToOperator, place: u64) -> ToOperator {
    let cursor = match &mut delta {
        ToOperator::Alert(update) => &mut update.cursor,
        ToOperator::ControlStatus(update) => &mut update.cursor,
        ToOperator::CommandStatus(update) => &mut update.cursor,
        ToOperator::Lease(update) => &mut update.cursor,
        ToOperator::Takeover(update) => &mut update.cursor,
        ToOperator::Welcome(_)
        | ToOperator::Snapshot(_)
        | ToOperator::Telemetry(_)
        | ToOperator::Roster(_)
        | ToOperator::Dropped(_)
        | ToOperator::Health(_)
        | ToOperator::Ping(_)
        | ToOperator::Head(_)
        | ToOperator::Error(_)
        | ToOperator::Probed(_)
        | ToOperator::Access(_) => return delta,
    };
    *cursor = place;
    delta
}

#[cfg(test)]
mod tests;
