//! The moments t0 to t11 of a takeover (`takeover.md` 3.3) and the record of it.

use crate::stages::Stages;
use std::{collections::BTreeMap, time::Duration};
use watchkeeper_model::{
    AgentId, AgentKind, AlertId, BootId, CommandId, CommandKind, CommandState, ControlState, DecisionSeq,
    DemandId, DemandOrigin, DemandOutcome, Epoch, MonoTime, Note, PersonId, Stage,
};
use watchkeeper_protocol::record::{Moment, TakeoverCommand, TakeoverRecord};

/// Most commands that the record of one takeover names.
const MAX_COMMANDS: usize = 64;
/// Most alerts whose moments are kept.
const MAX_ALERTS: usize = 4_096;

/// The machine's half of an alert: t0 to t6.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct AlertMoments {
    pub(crate) t0: Option<Moment>,
    pub(crate) t1: Option<Moment>,
    pub(crate) t3: Option<Moment>,
    pub(crate) t4: Option<Moment>,
    pub(crate) t5: Option<Moment>,
    pub(crate) t6: Option<Moment>,
}

/// A moment on the monitor's own clock.
pub(crate) const fn exact(at: MonoTime) -> Moment {
    Moment { at, error_nanos: 0 }
}

/// Returns the span between two moments; a span smaller than its error is as long as its error at most.
pub(crate) fn span(from: Option<Moment>, to: Option<Moment>) -> Option<Duration> {
    let (from, to) = (from?, to?);
    Some(to.at.since(from.at))
}

/// The moments of the alerts that may lead to a takeover.
#[derive(Debug, Default)]
pub(crate) struct AlertBook(BTreeMap<AlertId, AlertMoments>);

impl AlertBook {
    /// Starts the moments of an alert, forgetting the oldest one where there are too many.
    pub(crate) fn start(&mut self, alert_id: AlertId, moments: AlertMoments) {
        if self.0.len() >= MAX_ALERTS {
            self.0.pop_first();
        }
        self.0.insert(alert_id, moments);
    }

    pub(crate) fn get(&self, alert_id: AlertId) -> AlertMoments {
        self.0.get(&alert_id).copied().unwrap_or_default()
    }

    pub(crate) fn get_mut(&mut self, alert_id: AlertId) -> Option<&mut AlertMoments> {
        self.0.get_mut(&alert_id)
    }
}

/// One takeover while it lasts.
#[derive(Clone, Debug)]
pub(crate) struct Takeover {
    pub(crate) demand_id: DemandId,
    pub(crate) origin: DemandOrigin,
    pub(crate) reason: String,
    pub(crate) alert_id: Option<AlertId>,
    pub(crate) decision: Option<DecisionSeq>,
    pub(crate) holder: Option<PersonId>,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) outcome: Option<DemandOutcome>,
    pub(crate) demand_ended_at: Option<MonoTime>,
    pub(crate) granted_at: Option<MonoTime>,
    pub(crate) human_at: Option<MonoTime>,
    pub(crate) handed_back_at: Option<MonoTime>,
    /// The ENGAGE that counts for t7 to t11.
    pub(crate) engage: Option<CommandId>,
    /// t7, t8, t9, t10, t11.
    pub(crate) command_moments: [Option<Moment>; 5],
    pub(crate) commands: Vec<TakeoverCommand>,
    /// What consoles were told last.
    pub(crate) told: Option<TakeoverKey>,
}

/// What of a takeover makes a change that consoles hear of. Commands alone do not: they are told as such.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TakeoverKey {
    pub(crate) epoch: Option<Epoch>,
    outcome: Option<DemandOutcome>,
    ends: [Option<MonoTime>; 4],
    alert: AlertMoments,
    command_moments: [Option<Moment>; 5],
}

impl Takeover {
    pub(crate) fn new(demand_id: DemandId, origin: DemandOrigin, reason: String) -> Self {
        Self {
            demand_id,
            origin,
            reason,
            alert_id: None,
            decision: None,
            holder: None,
            epoch: None,
            outcome: None,
            demand_ended_at: None,
            granted_at: None,
            human_at: None,
            handed_back_at: None,
            engage: None,
            command_moments: [None; 5],
            commands: Vec::new(),
            told: None,
        }
    }

    /// Returns the key of the takeover as it stands.
    pub(crate) fn key(&self, alert: AlertMoments) -> TakeoverKey {
        TakeoverKey {
            epoch: self.epoch,
            outcome: self.outcome,
            ends: [self.demand_ended_at, self.granted_at, self.human_at, self.handed_back_at],
            alert,
            command_moments: self.command_moments,
        }
    }

    /// Takes note of a command that came in.
    pub(crate) fn handle_command(
        &mut self,
        command_id: CommandId,
        kind: CommandKind,
        issued: Option<Moment>,
        received_at: MonoTime,
    ) {
        if kind == CommandKind::Engage && self.human_at.is_none() {
            self.engage = Some(command_id);
            self.command_moments = [issued, Some(exact(received_at)), None, None, None];
        }
        if self.commands.len() < MAX_COMMANDS {
            self.commands.push(TakeoverCommand {
                command_id,
                kind,
                state: CommandState::Received,
                received_at,
                accepted_at: None,
                completed_at: None,
            });
        }
    }

    /// Takes note of what became of a command; `at` is known where the agent said when.
    pub(crate) fn handle_progress(&mut self, command_id: CommandId, state: CommandState, at: Option<Moment>) {
        let is_engage = self.engage == Some(command_id);
        let [_, _, t9, t10, t11] = &mut self.command_moments;
        let Some(command) = self.commands.iter_mut().find(|command| command.command_id == command_id) else {
            return;
        };
        command.state = state;
        match state {
            CommandState::Received => {}
            CommandState::Accepted => {
                command.accepted_at = at.map(|moment| moment.at).or(command.accepted_at);
                if is_engage {
                    // The gate decides at once: reaching the agent and being accepted are one moment.
                    *t9 = at.or(*t9);
                    *t10 = at.or(*t10);
                }
            }
            CommandState::Completed => {
                command.completed_at = at.map(|moment| moment.at).or(command.completed_at);
                if is_engage {
                    *t11 = at.or(*t11);
                }
            }
            CommandState::Rejected
            | CommandState::Forwarded
            | CommandState::InProgress
            | CommandState::Failed
            | CommandState::Cancelled
            | CommandState::Expired
            | CommandState::Superseded
            | CommandState::Unknown => {}
        }
    }

    /// Returns the stages that the takeover has, and how long each took; `None` is unknown. Without an alert there is
    /// none to notify of, without a decision none to detect, without an ENGAGE nothing commanded.
    pub(crate) fn spans(&self, alert: AlertMoments) -> impl Iterator<Item = (Stage, Option<Duration>)> {
        let [t7, _, _, t10, t11] = self.command_moments;
        let (has_alert, is_engaged) = (self.alert_id.is_some(), self.engage.is_some());
        [
            (Stage::Detect, has_alert && self.decision.is_some(), span(alert.t0, alert.t3)),
            (Stage::Notify, has_alert, span(alert.t3, alert.t5)),
            (Stage::Decide, has_alert && is_engaged, span(alert.t5, t7)),
            (Stage::Command, is_engaged, span(t7, t10)),
            (Stage::Actuate, is_engaged, span(t10, t11)),
        ]
        .into_iter()
        .filter_map(|(stage, applies, span)| applies.then_some((stage, span)))
    }

    /// Ends the takeover: adds its command stages to the histograms and makes its record.
    pub(crate) fn finish(
        self,
        who: (AgentId, AgentKind, BootId),
        final_state: ControlState,
        alert: AlertMoments,
        stages: &mut Stages,
    ) -> TakeoverRecord {
        for (stage, span) in self.spans(alert) {
            match stage {
                // Counted when they ended, for every alert.
                Stage::Detect | Stage::Notify => {}
                Stage::Decide | Stage::Command | Stage::Actuate => stages.record(stage, who.1, span),
            }
        }
        TakeoverRecord { over: true, ..self.record(who, final_state, alert) }
    }

    /// Returns the takeover as it stands.
    pub(crate) fn record(
        &self,
        (agent, kind, boot_id): (AgentId, AgentKind, BootId),
        final_state: ControlState,
        alert: AlertMoments,
    ) -> TakeoverRecord {
        let [t7, t8, t9, t10, t11] = self.command_moments;
        let AlertMoments { t0, t1, t3, t4, t5, t6 } = alert;
        TakeoverRecord {
            demand_id: self.demand_id,
            agent,
            kind,
            boot_id,
            origin: self.origin,
            reason: Note::cut(&self.reason),
            alert_id: self.alert_id,
            holder: self.holder.clone(),
            epoch: self.epoch,
            // A takeover out of a fallback has no demand; that a person took control is its outcome all the same.
            outcome: self.outcome.or(self.human_at.map(|_| DemandOutcome::Human)),
            demand_ended_at: self.demand_ended_at,
            granted_at: self.granted_at,
            human_at: self.human_at,
            handed_back_at: self.handed_back_at,
            final_state,
            decision: self.decision,
            // t2: detection is inline, its end is the emission.
            moments: [t0, t1, t3, t3, t4, t5, t6, t7, t8, t9, t10, t11],
            commands: self.commands.clone(),
            verdict: None,
            labelled_by: None,
            over: false,
        }
    }
}
