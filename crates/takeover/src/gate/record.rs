//! What the gate writes to storage before it acts, and how it comes back after a reboot (1.3).

use super::{Gate, Identity, MAX_LATCHES, OpenDemand, World};
use crate::timers::Timers;
use serde::{Deserialize, Serialize};
use watchkeeper_model::{
    AgentKind, BootId, ControlState, Epoch, FallbackCause, FallbackLevel, Incarnation, Latch, LatchCause,
    LatchId,
};

/// Everything the gate must not forget over a reboot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRecord {
    /// The run that wrote it.
    pub boot_id: BootId,
    /// The run ended in good order.
    pub clean_shutdown: bool,
    /// Control state.
    pub control_state: ControlState,
    /// How hard the fallback acts.
    pub fallback_level: FallbackLevel,
    /// Why the fallback began.
    #[serde(default)]
    pub fallback_cause: Option<FallbackCause>,
    /// A demand was open.
    pub demand_open: bool,
    /// A question was open that needed an answer.
    #[serde(default)]
    pub question_open: bool,
    /// The highest epoch ever seen.
    pub highest_epoch: Epoch,
    /// The highest incarnation of a monitor ever seen.
    pub incarnation: Incarnation,
    /// The latches held.
    pub latches: Vec<Latch>,
    /// The id of the next latch.
    pub next_latch: LatchId,
}

impl Gate {
    /// Returns what must be written before anything else is done, when something changed since the last call.
    pub fn take_record(&mut self) -> Option<GateRecord> {
        std::mem::take(&mut self.record_due).then(|| self.record(false))
    }

    /// Returns what must be written at the end of a run in good order.
    pub fn shutdown_record(&self) -> GateRecord {
        self.record(true)
    }

    fn record(&self, clean_shutdown: bool) -> GateRecord {
        GateRecord {
            boot_id: self.identity.boot_id,
            clean_shutdown,
            control_state: self.state,
            fallback_level: self.level,
            fallback_cause: self.fallback_cause(),
            demand_open: self.demand.is_some(),
            question_open: self.questions.need_an_answer(),
            highest_epoch: self.highest_epoch,
            incarnation: self.incarnation,
            latches: self.latches.clone(),
            next_latch: self.next_latch,
        }
    }

    /// Makes the gate of a new boot from what an earlier boot wrote.
    ///
    /// In this order: somebody at the agent has control; OUT_OF_SERVICE stays, only a supervisor ends it; an ESTOP latch
    /// leads to ESTOPPED; any other latch, an open demand, an open question that needs an answer, or any state that is
    /// not nominal to FALLBACK at the old level, at least 1, and to SAFE_HELD once the sensors confirm; else a vehicle
    /// that did not shut down in good order is tested the same way, since it may be moving, and every other agent
    /// starts autonomous.
    pub fn restore(identity: Identity, timers: Timers, world: World, record: &GateRecord) -> Self {
        let mut gate = Self::restore_from_afar(identity, timers, world, record);
        gate.start_local();
        gate
    }

    fn restore_from_afar(identity: Identity, timers: Timers, world: World, record: &GateRecord) -> Self {
        let mut gate = Self::blank(identity, timers, world);
        gate.highest_epoch = record.highest_epoch;
        gate.incarnation = record.incarnation;
        gate.next_latch = record.next_latch.max(gate.next_latch);
        gate.latches.extend(record.latches.iter().copied().take(MAX_LATCHES));
        if record.control_state == ControlState::OutOfService {
            gate.state = ControlState::OutOfService;
            gate.level = record.fallback_level;
            gate.cause = record.fallback_cause;
            if gate.latches.is_empty() {
                gate.ensure_latch(LatchCause::Fallback);
            }
            return gate;
        }
        if gate.has_estop_latch() || record.control_state == ControlState::Estopped {
            gate.state = ControlState::Estopped;
            gate.level = record.fallback_level;
            gate.ensure_latch(LatchCause::Estop);
            return gate;
        }
        let ended_unsafe = !gate.latches.is_empty()
            || record.demand_open
            || record.question_open
            || !record.control_state.is_nominal();
        let may_be_moving = gate.identity.kind == AgentKind::Vehicle && !record.clean_shutdown;
        if ended_unsafe || may_be_moving {
            gate.state = ControlState::Fallback;
            gate.level = record.fallback_level.max(FallbackLevel::COMFORTABLE);
            gate.cause = record.fallback_cause.or(Some(FallbackCause::Reboot));
            if gate.latches.is_empty() {
                gate.ensure_latch(LatchCause::Fallback);
            }
        }
        gate
    }

    /// Returns whether a demand of the monitor is open.
    pub(super) fn open_demand(&self) -> Option<OpenDemand> {
        self.demand
    }
}
