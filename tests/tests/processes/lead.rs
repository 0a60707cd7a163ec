//! The way of one vehicle into the hands of the person at a desk, order by order.

use crate::rig::{Rig, now};
use anyhow::Result;
use serde_json::{Value, json};
use std::time::Duration;
use watchkeeper_model::{AgentId, AgentTime, ControlState};
use watchkeeper_protocol::operator::AgentStatus;
use watchkeeper_tests::trace::Does;

/// How soon an order is tried again.
const AGAIN: Duration = Duration::from_millis(300);

/// Who leads whom, and what he ordered last.
pub(crate) struct Lead {
    pub(crate) vehicle: AgentId,
    pub(crate) desk: usize,
    ordered: (&'static str, AgentTime),
}

impl Lead {
    pub(crate) fn new(vehicle: AgentId, desk: usize) -> Self {
        Self { vehicle, desk, ordered: ("nothing", AgentTime::default()) }
    }

    /// Returns how the vehicle is, as the desk was told.
    pub(crate) fn status<'a>(&self, rig: &'a Rig) -> Option<&'a AgentStatus> {
        rig.desks[self.desk].status(&self.vehicle)
    }

    /// Says whether something may be ordered now, and takes it to be: another order at once, the same one not so soon.
    pub(crate) fn may(&mut self, word: &'static str) -> bool {
        let (last, at) = self.ordered;
        let may = last != word || now().since(at) > AGAIN;
        if may {
            self.ordered = (word, now());
        }
        may
    }

    /// Orders something from a desk, unless it was only just ordered.
    pub(crate) fn order(
        &mut self,
        rig: &mut Rig,
        desk: usize,
        word: &'static str,
        arguments: Value,
    ) -> Result<()> {
        if self.may(word) {
            rig.desks[desk].order(word, &self.vehicle, arguments)?;
        }
        Ok(())
    }

    /// Claims the vehicle. What the monitor does not know yet of it, it would not grant as it is meant.
    pub(crate) fn claim(&mut self, rig: &mut Rig, state: ControlState) -> Result<()> {
        let may = |status: &AgentStatus| status.lease.is_none() && status.control_state == state;
        if self.status(rig).is_some_and(may) {
            self.order(rig, self.desk, "claim", json!({}))?;
        }
        Ok(())
    }

    /// Takes the next step towards control; returns whether the person leads, and the vehicle is not held.
    pub(crate) fn take(&mut self, rig: &mut Rig) -> Result<bool> {
        let Some(line) = rig.fleet.now(&self.vehicle) else { return Ok(false) };
        let (state, does) = (line.state, line.does);
        let holds = rig.desks[self.desk].holds(&self.vehicle);
        let is_known = self.status(rig).is_some_and(|status| status.control_state == state);
        match state {
            ControlState::Returning | ControlState::InTransition => {}
            ControlState::Human if holds && is_known && does == (Does::Led { hold: true }) => {
                self.order(rig, self.desk, "resume", json!({}))?;
            }
            ControlState::Human => return Ok(holds && is_known),
            _ if holds && is_known => self.order(rig, self.desk, "engage", json!({}))?,
            _ if holds => {}
            _ => self.claim(rig, state)?,
        }
        Ok(false)
    }
}
