//! Who sits at the consoles, and what they hold.

use super::{Console, Engine};
use crate::{agent::Agent, views::ViewId};
use std::{collections::BTreeMap, time::Duration};
use watchkeeper_model::{AgentId, MonoTime, SessionId, nanos};
use watchkeeper_protocol::{
    ToOperator,
    operator::{OperatorStatus, Roster},
};

/// How often the roster is repeated when nothing happens: it only grows older, and its bytes go to everybody.
const REPEAT: Duration = Duration::from_secs(5);
/// How long after one roster a change waits at least: when a hundred consoles come back at once, it is told once.
const GAP: Duration = Duration::from_millis(200);
/// Most consoles that a roster names.
const NAMED: usize = 64;
/// Most agents that it names of one person.
const HOLDS: usize = 8;

impl Engine {
    /// Returns when the roster is due.
    pub(super) fn roster_due(&self) -> MonoTime {
        self.roster_sent_at.after(if self.roster_changed { GAP } else { REPEAT })
    }

    /// Sends the roster to every console.
    pub(super) fn publish_roster(&mut self, now: MonoTime) {
        self.roster_changed = false;
        self.roster_sent_at = now;
        self.tell_each(|engine, view_id| ToOperator::Roster(engine.roster(view_id, now)));
    }

    /// Returns who is there; of what people hold, the agents that a view sees.
    fn roster(&self, view_id: ViewId, now: MonoTime) -> Roster {
        let mut holds: BTreeMap<SessionId, Vec<AgentId>> = BTreeMap::new();
        let sees = |agent: &&Agent| view_id == ViewId::ALL || agent.seen_in.contains(&view_id);
        for agent in self.agents.values().filter(sees) {
            let Some(lease) = agent.announced_lease() else { continue };
            for lease in [Some(lease), agent.announced_next().map(|next| &next.lease)].into_iter().flatten() {
                holds.entry(lease.session).or_default().push(agent.id.clone());
            }
        }
        let mut consoles: Vec<_> = self.consoles.iter().collect();
        // Where not all find room, who has a flood does: his console shows his queue another way.
        let order = |(session, console): &(&SessionId, &Console)| {
            (self.routing.standing(&console.person).1.is_none(), console.person.clone(), **session)
        };
        consoles.sort_by_cached_key(order);
        let more = consoles.len().saturating_sub(NAMED);
        let operators = consoles.into_iter().take(NAMED).map(|(session, console)| {
            let mut holds = holds.remove(session).unwrap_or_default();
            holds.truncate(HOLDS);
            let (waiting, flooded_since, away) = self.routing.standing(&console.person);
            OperatorStatus {
                person: console.person.clone(),
                session_id: *session,
                role: console.access.role,
                console: console.kind,
                holds,
                connected_nanos: nanos(now.since(console.connected_at)),
                waiting: waiting as u64,
                flooded_nanos: flooded_since.map(|since| nanos(now.since(since))),
                away,
            }
        });
        Roster { operators: operators.collect(), more: more as u64 }
    }
}
