//! The properties that `stateright` checks: each invariant always, each milestone sometimes.

use super::{Takeover, bounds::Bounds, milestones::Milestone, state::State};
use stateright::Property;
use watchkeeper_model::ControlState;

type Holds = fn(&Takeover, &State) -> bool;

/// Returns whether invariant `N` holds.
fn holds<const N: u8>(_: &Takeover, state: &State) -> bool {
    state.broken.is_none_or(|broken| broken.invariant != N)
}

/// Returns whether the agent is in the `N`-th control state.
fn is_in<const N: usize>(_: &Takeover, state: &State) -> bool {
    ControlState::ALL.get(N) == Some(&state.gate.state())
}

/// The invariants, with their numbers in `takeover.md` 1.7.
pub(crate) const INVARIANTS: [(&str, Holds); 10] = [
    ("0 what is due comes first, what changed is written first, no timer spins", holds::<0>),
    ("1 one lease, and epochs only rise", holds::<1>),
    ("2 nothing takes effect but in its epoch, deadline, sequence and boot, and once", holds::<2>),
    ("3 a fallback is commanded, and verified, harder or flagged within T_verify", holds::<3>),
    ("4 T_demand never extends", holds::<4>),
    ("5 no latch ends but by a person", holds::<5>),
    ("6 the level never falls within an episode", holds::<6>),
    ("7 a command has one end at most", holds::<7>),
    ("8 a demand has one outcome", holds::<8>),
    ("9 a connection gives no authority", holds::<9>),
];

/// The control states, in the order of [`ControlState::ALL`].
const STATES: [(&str, Holds); 13] = [
    ("the agent is autonomous", is_in::<0>),
    ("the agent is assist_pending", is_in::<1>),
    ("the agent is requested", is_in::<2>),
    ("the agent is claimed", is_in::<3>),
    ("the agent is in_transition", is_in::<4>),
    ("the agent is human", is_in::<5>),
    ("the agent is returning", is_in::<6>),
    ("the agent is fallback", is_in::<7>),
    ("the agent is safe_held", is_in::<8>),
    ("the agent is fallback_failed", is_in::<9>),
    ("the agent is estopped", is_in::<10>),
    ("the agent is local", is_in::<11>),
    ("the agent is out_of_service", is_in::<12>),
];

/// Returns every property.
pub(crate) fn all() -> Vec<Property<Takeover>> {
    let always = INVARIANTS.iter().map(|(name, holds)| Property::always(name, *holds));
    let states = STATES.iter().map(|(name, is)| Property::sometimes(name, *is));
    let milestones = MILESTONES.iter().map(|(_, name, is)| Property::sometimes(name, *is));
    always.chain(states).chain(milestones).collect()
}

/// Returns the names of all that must be possible in one configuration at least.
pub(crate) fn goals() -> impl Iterator<Item = &'static str> {
    STATES.iter().map(|(name, _)| *name).chain(MILESTONES.iter().map(|(_, name, _)| *name))
}

impl Bounds {
    /// Returns whether something must be possible within these bounds.
    pub(crate) fn must_reach(&self, goal: &str) -> bool {
        MILESTONES.iter().any(|(milestone, name, _)| *name == goal && self.reaches.contains(milestone))
    }
}

macro_rules! milestones {
    ($($milestone:ident $name:literal)+) => {
        /// The milestones with their names.
        pub(crate) const MILESTONES: &[(Milestone, &str, Holds)] = &[
            $((Milestone::$milestone, $name, |_, state| state.milestones.has(Milestone::$milestone)),)+
        ];
    };
}

milestones! {
    TakenOver "a takeover is completed"
    HandedBack "a hand back is completed"
    HandedOver "a handover is completed"
    PreEmpted "a pre-emption is completed"
    StoppedWithoutWelcome "an ESTOP stops an agent that has lost its monitor"
    CopyRefused "a copy of a command is refused"
    LeaseLapsed "a lease lapses, and the agent falls back"
    LatchCleared "a person clears a latch"
    StaleRefused "a command of a closed epoch is refused"
    LateRefused "a late command is refused"
    OldGrantRefused "a grant of before the restart is refused"
    OldMonitorRefused "a monitor with a lower incarnation is refused"
    Dismissed "a demand is dismissed"
    DrivenByHand "a person drives by hand"
    TaskTaken "a person in control gives the agent a task"
}
