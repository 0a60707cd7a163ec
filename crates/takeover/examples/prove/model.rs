//! A model of one agent, one or two monitors, their operators and the network between them, for `stateright`.
//!
//! Production code in it: the gate ([`agent`]) and the lease book ([`monitor`]). Glue: the rest of a monitor
//! ([`monitor`]), the SDK around the gate ([`agent`]), and people who order what their console offers them
//! ([`monitor::orders`]). What must hold is checked at every input, against a history that is kept outside of the gate
//! ([`history`], [`invariants`]).
//!
//! The network between monitor and agent loses, doubles and reorders whatever it carries: a command, grant, void or
//! demand that was sent once may arrive at any later time, any number of times, or never; also over reconnects, over a
//! reboot of the agent and over a crash of the monitor. Of heartbeats and reports the last two of each sender may, so
//! that an older one overtakes. Only hello and welcome belong to one connection, and a monitor's mail to that monitor.
//! The clocks of agent and monitors run at any speed against each other.

pub(crate) mod agent;
pub(crate) mod bounds;
pub(crate) mod configurations;
pub(crate) mod flaws;
pub(crate) mod history;
pub(crate) mod invariants;
pub(crate) mod milestones;
pub(crate) mod monitor;
pub(crate) mod properties;
pub(crate) mod search;
pub(crate) mod state;
pub(crate) mod steps;
pub(crate) mod story;

use agent::{ORIGIN, new_gate};
use bounds::Bounds;
use flaws::Flaw;
use history::History;
use milestones::Milestones;
use monitor::Monitor;
use state::{Left, Link, Mail, Person, State};
use stateright::{Model, Property};
use steps::Step;
use watchkeeper_model::{Epoch, Incarnation, SessionId};
use watchkeeper_takeover::World;

/// The model with its bounds, and what its gate does not check.
#[derive(Clone, Debug)]
pub(crate) struct Takeover {
    pub(crate) bounds: Bounds,
    pub(crate) flaw: Flaw,
    /// What can happen is tried in the opposite order.
    pub(crate) reversed: bool,
}

impl Bounds {
    /// Returns what the sensors say in the `index`-th situation.
    pub(crate) fn world(&self, index: u8) -> World {
        *self.worlds.get(usize::from(index)).expect("there is such a situation")
    }
}

impl Model for Takeover {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let bounds = &self.bounds;
        let incarnations = bounds.monitors.incarnations();
        let monitors = incarnations
            .iter()
            .map(|number| Monitor::start(Incarnation(*number), Epoch(0), Vec::new(), None))
            .collect();
        let people = (0..bounds.people)
            .map(|who| Person {
                monitor: bounds.seats.get(who).copied().unwrap_or(0),
                session: SessionId(who as u64 + 1),
                is_supervisor: who + bounds.supervisors >= bounds.people,
                epoch: Epoch(0),
                seq: 0,
                beat_seq: 0,
                beats: [None, None],
            })
            .collect();
        vec![State {
            gate: new_gate(bounds.world(0)),
            now: ORIGIN,
            world: 0,
            boots: 0,
            link: Link::Down,
            reports: [None, None],
            monitors,
            people,
            sent: Vec::new(),
            mail: Mail::default(),
            left: Left::new(bounds),
            late: bounds.late,
            overtaking: bounds.overtaking,
            evidence: bounds.evidence,
            history: History::default(),
            milestones: Milestones::default(),
            broken: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        if state.broken.is_none() {
            steps::offer(&self.bounds, state, actions);
            if self.reversed {
                actions.reverse();
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        state.milestones.clear();
        state.take(&self.bounds, self.flaw, step).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
