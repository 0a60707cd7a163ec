//! What the monitor keeps of one agent.

use crate::{clocks::PeerClock, latency::PathTrouble, strikes::Strikes, timeline::Takeover, views::ViewId};
use std::{collections::BTreeSet, time::Duration};
use watchkeeper_detect::Pipeline;
use watchkeeper_model::{
    AgentId, AgentKind, AlertId, BootId, ControlState, DecisionSeq, DemandId, DemandOrigin, DemandOutcome,
    Epoch, Label, Latch, MonoTime, Note, PageReason, PersonId, SceneId, SessionId, SignalSpec, StateVersion,
    TaskVerb,
};
use watchkeeper_protocol::{
    agent::{DriveLimits, Heartbeat, Question},
    record::{AgentAuthority, PendingStop},
};
use watchkeeper_rules::RuleWatch;
use watchkeeper_takeover::{Lease, LeaseBook, Mirror, NextLease, Timers};

/// How often an agent hears up to which decision the record is safe: a message for each decision would cost more than
/// the decision.
pub(crate) const CONFIRM_EVERY: Duration = Duration::from_millis(50);

/// One agent that has connected in this incarnation.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    pub(crate) kind: AgentKind,
    pub(crate) software_version: Label,
    pub(crate) timers: Timers,
    pub(crate) session: Option<SessionId>,
    pub(crate) connected_at: MonoTime,
    /// How a person drives it.
    pub(crate) drive: DriveLimits,
    /// The tasks that its own software does.
    pub(crate) tasks: Vec<TaskVerb>,
    /// It has answered a probe on this connection: from now on their answers can be missed.
    pub(crate) answers_probes: bool,
    /// What is wrong with the way between it and who drives it.
    pub(crate) path_trouble: PathTrouble,
    pub(crate) mirror: Mirror,
    /// The last heartbeat of this boot.
    pub(crate) last: Option<Heartbeat>,
    pub(crate) latches: Vec<Latch>,
    pub(crate) pipeline: Pipeline,
    /// Beside the detectors, and apart from them: nothing they learn can silence it.
    pub(crate) rules: RuleWatch,
    pub(crate) clock: PeerClock,
    pub(crate) lease: LeaseBook,
    /// Until when the claim waits for its engage.
    pub(crate) claim_deadline: Option<MonoTime>,
    /// The lease is on disk and was announced: before that nobody sees it or acts under it.
    pub(crate) lease_announced: bool,
    /// The agent has reported the lease's epoch.
    pub(crate) lease_seen: bool,
    /// Who gets control next, where somebody does.
    pub(crate) next: Option<Next>,
    /// The epoch of the last next holder that came to nothing: told again when the agent connects again, because
    /// nobody knows whether it heard.
    pub(crate) ended_next: Option<Epoch>,
    pub(crate) demand: Option<Demand>,
    /// Until when the monitor asks for no takeover that is not critical, as the agent's cooldown has it.
    pub(crate) cooldown_until: Option<MonoTime>,
    /// What the agent asks, as it last reported.
    pub(crate) questions: Vec<OpenQuestion>,
    /// When it fell back by itself lately, oldest first.
    pub(crate) strikes: Strikes,
    /// Who besides the holder said that he may hand back though the cause is still there, and under which lease.
    pub(crate) waiver: Option<(PersonId, Epoch)>,
    pub(crate) takeover: Option<Takeover>,
    pub(crate) pending_stop: Option<PendingStop>,
    pub(crate) stop_due: Option<MonoTime>,
    /// The views that see it, beside that of every agent.
    pub(crate) seen_in: Vec<ViewId>,
    /// Up to which decision the record is safe, up to which one the agent knows it, and since when.
    pub(crate) durable_seq: DecisionSeq,
    pub(crate) durable_told: DecisionSeq,
    pub(crate) durable_told_at: MonoTime,
    pub(crate) status_due: MonoTime,
    pub(crate) status_sent: Option<StatusKey>,
    /// Which alerts of the state stand, as [`crate::engine`] last showed them.
    pub(crate) causes_shown: [bool; STATE_CAUSES],
    /// When this agent is next woken, as the engine's index has it.
    pub(crate) wake_at: Option<MonoTime>,
}

/// What is kept of the next holder beside his lease in the book.
#[derive(Debug)]
pub(crate) struct Next {
    /// The grant is on disk and was announced: before that nobody sees it or acts under it.
    pub(crate) announced: bool,
    /// His time to engage is over, and an ENGAGE that left in time has not been answered.
    pub(crate) waits_for_engage: bool,
    /// Number of the engine input that brought it.
    pub(crate) input: u64,
    /// His takeover, which begins with his ENGAGE.
    pub(crate) takeover: Takeover,
}

/// A demand as the monitor keeps it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "`demand_id` is its name everywhere")]
pub(crate) struct Demand {
    pub(crate) demand_id: DemandId,
    pub(crate) origin: DemandOrigin,
    pub(crate) alert_id: Option<AlertId>,
    pub(crate) reason: Note,
    pub(crate) raised_at: MonoTime,
    pub(crate) deadline: MonoTime,
    pub(crate) escalations: u8,
    /// The agent has reported it.
    pub(crate) seen: bool,
    /// Why people who are away were called about it.
    pub(crate) paged: BTreeSet<PageReason>,
    /// How the monitor ended it, waiting for the agent to confirm.
    pub(crate) ending: Option<DemandOutcome>,
}

/// How many kinds of alerts follow from the state alone.
pub(crate) const STATE_CAUSES: usize = 6;

/// A question as the monitor keeps it.
#[derive(Clone, Debug)]
pub(crate) struct OpenQuestion {
    pub(crate) question: Question,
    /// When T_decide is over, as far as the monitor knows.
    pub(crate) deadline: MonoTime,
}

/// What of a status makes a change that every console that sees the agent must hear of at once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StatusKey {
    pub(crate) boot_id: BootId,
    pub(crate) state: ControlState,
    pub(crate) version: StateVersion,
    pub(crate) from: Option<ControlState>,
    pub(crate) offline: bool,
    pub(crate) settled: bool,
    pub(crate) latches: Vec<Latch>,
    pub(crate) demand: Option<DemandId>,
    pub(crate) lease: Option<LeaseKey>,
    pub(crate) questions: Vec<SceneId>,
    pub(crate) flags: [bool; 9],
}

/// The same of a lease.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LeaseKey {
    /// Epoch, and whether its holder is ready; of the lease and of the next one.
    holders: [Option<(Epoch, bool)>; 2],
    takeover_allowed: bool,
    wish: Option<u64>,
    waived: bool,
}

impl Agent {
    /// Returns what must never be forgotten about the agent.
    pub(crate) fn authority(&self) -> AgentAuthority {
        AgentAuthority {
            agent: self.id.clone(),
            epoch: self.lease.highest(),
            latches: self.latches.clone(),
            pending_stop: self.pending_stop.clone(),
            strikes: self.strikes.count(),
        }
    }

    /// Adds latches that are not on record yet.
    pub(crate) fn add_latches(&mut self, latches: &[Latch]) {
        for latch in latches {
            let known = self.latches.iter().any(|held| held.latch_id == latch.latch_id);
            if !known && self.latches.len() < watchkeeper_takeover::gate::MAX_LATCHES {
                self.latches.push(*latch);
            }
        }
    }

    /// Returns the last known control state.
    pub(crate) fn state(&self) -> ControlState {
        self.mirror.state()
    }

    /// Returns whether commands can reach the agent.
    pub(crate) fn is_reachable(&self) -> bool {
        self.session.is_some() && self.mirror.offline_since().is_none()
    }

    /// Returns the agent's signals.
    pub(crate) fn signals(&self) -> &[SignalSpec] {
        self.pipeline.signals()
    }

    /// Returns the lease that people may know of.
    pub(crate) fn announced_lease(&self) -> Option<&Lease> {
        self.lease.lease().filter(|_| self.lease_announced)
    }

    /// Returns the pending lease that people may know of.
    pub(crate) fn announced_next(&self) -> Option<&NextLease> {
        self.lease.next().filter(|_| self.next.as_ref().is_some_and(|next| next.announced))
    }

    /// Returns who waived the cause for the holder under `epoch`.
    pub(crate) fn waiver_under(&self, epoch: Epoch) -> Option<&PersonId> {
        self.waiver.as_ref().filter(|(_, under)| *under == epoch).map(|(by, _)| by)
    }

    /// Returns the takeover that a command under `epoch` belongs to.
    pub(crate) fn takeover_under(&mut self, epoch: Epoch) -> Option<&mut Takeover> {
        let is_next = self.lease.next().is_some_and(|next| next.lease.epoch == epoch);
        if is_next { self.next.as_mut().map(|next| &mut next.takeover) } else { self.takeover.as_mut() }
    }

    /// Returns the takeovers that a command may belong to.
    pub(crate) fn takeovers_mut(&mut self) -> impl Iterator<Item = &mut Takeover> {
        self.takeover.iter_mut().chain(self.next.as_mut().map(|next| &mut next.takeover))
    }

    /// Returns the key of the status as it stands.
    pub(crate) fn status_key(&self) -> StatusKey {
        let last = self.last.as_ref();
        let flag = |read: fn(&Heartbeat) -> bool| last.is_some_and(read);
        StatusKey {
            boot_id: self.mirror.boot_id(),
            state: self.state(),
            version: last.map_or(StateVersion(0), |beat| beat.state_version),
            from: last.and_then(|beat| beat.transition_from),
            offline: self.mirror.offline_since().is_some(),
            settled: self.mirror.is_settled(),
            latches: self.latches.clone(),
            demand: self.demand.as_ref().map(|demand| demand.demand_id),
            questions: self.questions.iter().map(|open| open.question.scene_id).collect(),
            lease: self.announced_lease().map(|lease| LeaseKey {
                holders: [Some(lease), self.announced_next().map(|next| &next.lease)]
                    .map(|lease| lease.map(|lease| (lease.epoch, lease.ready))),
                takeover_allowed: lease.takeover_allowed,
                wish: self.lease.wish().map(|wish| wish.request_id),
                waived: self.waiver_under(lease.epoch).is_some(),
            }),
            flags: [
                flag(|beat| beat.stable),
                flag(|beat| beat.condition_reached),
                flag(|beat| beat.can_resume),
                flag(|beat| beat.local_override),
                flag(|beat| beat.unverified),
                self.pending_stop.is_some(),
                flag(|beat| beat.manual),
                flag(|beat| beat.neutral),
                self.strikes.are_out(),
            ],
        }
    }

    /// Returns whether it is to hear that more of its decisions are safe; one that is gone hears it in its welcome.
    pub(crate) fn is_confirmation_due(&self) -> bool {
        self.session.is_some() && self.durable_seq > self.durable_told
    }

    /// Returns when the monitor's timers of this agent are next due.
    pub(crate) fn poll_timeout(&self) -> Option<MonoTime> {
        let asks = self.demand.as_ref().filter(|demand| demand.ending.is_none());
        let escalation = asks.and_then(|demand| {
            let spans = self.timers.escalate;
            spans.get(usize::from(demand.escalations)).map(|span| demand.raised_at.after(*span))
        });
        let engage = self.lease.next().map(|next| match &self.next {
            Some(Next { waits_for_engage: true, .. }) => next.lapses_at().after(self.timers.agent),
            Some(_) | None => next.lapses_at(),
        });
        [
            self.lease.wish().map(|wish| wish.expires_at),
            engage,
            self.mirror.poll_timeout(self.timers.agent),
            self.lease.expires_at(),
            self.claim_deadline,
            escalation,
            self.cooldown_until,
            self.strikes.over_at(),
            self.stop_due,
            self.pipeline.poll_timeout(),
            self.rules.poll_timeout(),
            Some(self.status_due),
            self.is_confirmation_due().then(|| self.durable_told_at.after(CONFIRM_EVERY)),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
