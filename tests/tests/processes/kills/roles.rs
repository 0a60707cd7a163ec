//! What each vehicle is brought to before the monitor is killed.

use crate::{
    hands::Drive,
    lead::Lead,
    rig::{Rig, now},
};
use anyhow::Result;
use serde_json::json;
use std::time::Duration;
use watchkeeper_model::{AgentId, AgentTime, ControlState};
use watchkeeper_tests::trace::Does;

/// How often who leads says how fast to drive at most.
const BETWEEN_CAPS: Duration = Duration::from_millis(80);
/// Where the caps of the test begin, each with a number of its own in thousandths; none holds a vehicle back.
const FIRST_CAP_MPS: f64 = 100.0;

/// Returns the speed cap that is given after `given` others.
pub(super) fn cap_mps(given: usize) -> f64 {
    FIRST_CAP_MPS + f64::from(u32::try_from(given).unwrap_or(u32::MAX)) / 1_000.0
}

/// What a vehicle is brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Drives by itself.
    Free,
    /// Has asked for a person.
    Asked,
    /// Is claimed at the moment of the kill.
    Claiming,
    /// Is claimed.
    Claimed,
    /// Is engaged, and not steady enough to change hands.
    Engaged,
    /// Is led, with an order every tenth of a second.
    Led,
    /// Is driven by hand.
    ByHand,
    /// Is handed back, and not steady enough for it.
    Returning,
    /// Is led, and somebody else may engage.
    Next,
    /// The same, and he engages at the moment of the kill.
    Switching,
    /// Is handed back at the moment of the kill.
    HandingBack,
}

impl Role {
    pub(super) const ALL: [Self; 11] = [
        Self::Free,
        Self::Asked,
        Self::Claiming,
        Self::Claimed,
        Self::Engaged,
        Self::Led,
        Self::ByHand,
        Self::Returning,
        Self::Next,
        Self::Switching,
        Self::HandingBack,
    ];

    /// Says whether a vehicle that has fallen back may be brought to it from there.
    pub(super) fn begins_in_a_fallback(self) -> bool {
        matches!(self, Self::Engaged | Self::Led | Self::ByHand | Self::Next)
    }
}

/// A vehicle with its role.
pub(super) struct Actor {
    pub(super) role: Role,
    lead: Lead,
    /// The desk that takes it over from the one that leads.
    other: usize,
    steer: f64,
    capped_at: AgentTime,
    /// It is where it was to be brought.
    pub(super) is_placed: bool,
    /// What was ordered at the moment of the kill.
    pub(super) last_word: Option<(u64, usize)>,
}

impl Actor {
    pub(super) fn new(vehicle: AgentId, role: Role, (holder, other): (usize, usize), steer: f64) -> Self {
        let lead = Lead::new(vehicle, holder);
        Self { role, lead, other, steer, capped_at: AgentTime::default(), is_placed: false, last_word: None }
    }

    pub(super) fn vehicle(&self) -> &AgentId {
        &self.lead.vehicle
    }

    /// Takes the next step towards the role, if one is due.
    pub(super) fn advance(&mut self, rig: &mut Rig, caps: &mut Vec<AgentId>) -> Result<()> {
        let Some(line) = rig.fleet.now(self.vehicle()) else { return Ok(()) };
        let (state, does) = (line.state, line.does);
        self.is_placed = self.is_there(rig, state, does);
        match self.role {
            Role::Free | Role::Claiming => Ok(()),
            Role::Asked if state == ControlState::Autonomous => self.ask(rig),
            Role::Asked => Ok(()),
            Role::ByHand => {
                if let Some(hands) = &rig.hands {
                    hands.drive(Some(Drive { agent: self.vehicle().clone(), steer: self.steer }));
                }
                Ok(())
            }
            Role::Engaged if self.is_steady(rig) => self.unsettle(rig),
            Role::Claimed if state == ControlState::Claimed => Ok(()),
            Role::Claimed => self.lead.claim(rig, state),
            Role::Engaged
            | Role::Led
            | Role::Returning
            | Role::Next
            | Role::Switching
            | Role::HandingBack => {
                if self.lead.take(rig)? {
                    self.go_on(rig, caps)?;
                }
                Ok(())
            }
        }
    }

    /// Gives the order that falls together with the kill.
    pub(super) fn speak_last(&mut self, rig: &mut Rig) -> Result<()> {
        let (desk, word) = match self.role {
            Role::Claiming => (self.lead.desk, "claim"),
            Role::Switching => (self.other, "engage"),
            Role::HandingBack => (self.lead.desk, "hand_back"),
            _ => return Ok(()),
        };
        self.last_word = Some((rig.desks[desk].order(word, self.vehicle(), json!({}))?, desk));
        Ok(())
    }

    fn is_there(&self, rig: &Rig, state: ControlState, does: Does) -> bool {
        let lease = self.lead.status(rig).and_then(|status| status.lease.as_ref());
        match self.role {
            Role::Free => state == ControlState::Autonomous,
            Role::Asked => state == ControlState::Requested,
            Role::Claiming => matches!(state, ControlState::Autonomous | ControlState::Requested),
            Role::Claimed => state == ControlState::Claimed,
            Role::Engaged => state == ControlState::InTransition,
            Role::Led | Role::HandingBack => does == (Does::Led { hold: false }),
            Role::ByHand => matches!(does, Does::ByHand { .. }),
            Role::Returning => state == ControlState::Returning,
            Role::Next | Role::Switching => {
                state == ControlState::Human && lease.is_some_and(|lease| lease.next.is_some())
            }
        }
    }

    fn is_steady(&self, rig: &Rig) -> bool {
        self.lead.status(rig).is_none_or(|status| status.stable)
    }

    fn ask(&mut self, rig: &mut Rig) -> Result<()> {
        if self.lead.may("ask") { rig.fleet.ask(self.vehicle()) } else { Ok(()) }
    }

    fn unsettle(&mut self, rig: &mut Rig) -> Result<()> {
        if self.lead.may("unsettle") { rig.fleet.steady(self.vehicle(), false) } else { Ok(()) }
    }

    /// Does what the role does in control.
    fn go_on(&mut self, rig: &mut Rig, caps: &mut Vec<AgentId>) -> Result<()> {
        match self.role {
            Role::Led if now().since(self.capped_at) > BETWEEN_CAPS => {
                let mps = cap_mps(caps.len());
                caps.push(self.vehicle().clone());
                self.capped_at = now();
                rig.desks[self.lead.desk].order("speed_cap", self.vehicle(), json!({"mps": mps})).map(drop)
            }
            Role::Returning if self.is_steady(rig) => self.unsettle(rig),
            Role::Returning => self.lead.order(rig, self.lead.desk, "hand_back", json!({})),
            Role::Next | Role::Switching => self.hand_over(rig),
            _ => Ok(()),
        }
    }

    fn hand_over(&mut self, rig: &mut Rig) -> Result<()> {
        let Some(lease) = self.lead.status(rig).and_then(|status| status.lease.as_ref()) else {
            return Ok(());
        };
        match (lease.next.is_some(), lease.handover.is_some()) {
            (true, _) => Ok(()),
            (false, false) => self.lead.order(rig, self.other, "request_handover", json!({})),
            (false, true) => self.lead.order(rig, self.lead.desk, "answer_handover", json!({"accept": true})),
        }
    }
}
