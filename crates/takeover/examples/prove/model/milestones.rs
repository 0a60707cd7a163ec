//! What must be possible: a search that never gets there proves nothing.

use super::{
    agent::{Event, Seen},
    state::{Fate, Link, State},
};
use watchkeeper_model::{CommandCode, CommandKind, ControlState};
use watchkeeper_takeover::{GateAck, Mode};

/// What the last step was worth noting: a set of bits, so that a state right after a milestone counts as one of its
/// own, and the path to it ends with the milestone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Milestones(u16);

/// One thing that must be possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Milestone {
    TakenOver,
    HandedBack,
    HandedOver,
    PreEmpted,
    StoppedWithoutWelcome,
    CopyRefused,
    LeaseLapsed,
    LatchCleared,
    StaleRefused,
    LateRefused,
    OldGrantRefused,
    OldMonitorRefused,
    Dismissed,
    DrivenByHand,
    TaskTaken,
}

impl Milestones {
    pub(crate) const fn has(self, milestone: Milestone) -> bool {
        self.0 & (1 << milestone as u8) != 0
    }

    const fn add(&mut self, milestone: Milestone, reached: bool) {
        self.0 |= (reached as u16) << milestone as u8;
    }

    pub(crate) const fn clear(&mut self) {
        self.0 = 0;
    }
}

impl State {
    pub(super) fn note_milestones(
        &mut self,
        (before, after): (&Seen, &Seen),
        event: Event,
        accepted: bool,
        acks: &[GateAck],
    ) {
        let sent = match event {
            Event::Command(index) => self.sent.get(index),
            _ => None,
        };
        let by = |kind| accepted && sent.is_some_and(|sent| sent.kind == kind);
        let is_human = |seen: &Seen| seen.state == ControlState::Human;
        let drives = |seen: &Seen| seen.state.is_driven();
        let switched = drives(before) && is_human(after) && before.epoch != after.epoch;
        let preempts = sent.is_some_and(|sent| {
            self.monitor(sent.from)
                .book
                .next()
                .is_some_and(|next| next.lease.epoch == sent.epoch && next.preempts)
        });
        let given_back = before.state == ControlState::Returning || by(CommandKind::HandBack);
        let took_control = before.state == ControlState::InTransition && is_human(after);
        let falls = matches!(after.state, ControlState::Fallback | ControlState::SafeHeld);
        let copy =
            sent.is_some_and(|sent| sent.kind == CommandKind::Assume && matches!(sent.fate, Fate::Ended(_)));
        let old_grant = match (event, self.link.monitor()) {
            (Event::Grant(grant), Some(m)) => grant.incarnation < self.monitor(m).incarnation,
            _ => false,
        };
        let refused = old_grant && before.state == ControlState::Requested && before == after;
        let refused_now = |code| acks.iter().any(|ack| ack.code == Some(code));
        let was_welcomed = matches!(self.link, Link::Welcomed(_));
        let stopped = before.state != ControlState::Estopped && after.state == ControlState::Estopped;
        let by_hand = |seen: &Seen| matches!(seen.directive.mode, Mode::Manual { .. });
        let noted = &mut self.milestones;
        noted.add(Milestone::TakenOver, took_control);
        noted.add(Milestone::HandedBack, given_back && after.state == ControlState::Autonomous);
        noted.add(Milestone::HandedOver, switched && !preempts);
        noted.add(Milestone::PreEmpted, switched && preempts);
        noted.add(Milestone::StoppedWithoutWelcome, stopped && !was_welcomed);
        noted.add(Milestone::CopyRefused, copy && !accepted && is_human(before) && before == after);
        noted.add(Milestone::LeaseLapsed, matches!(event, Event::Time) && is_human(before) && falls);
        noted.add(Milestone::LatchCleared, by(CommandKind::ClearLatch));
        noted.add(Milestone::StaleRefused, refused_now(CommandCode::StaleEpoch));
        noted.add(Milestone::LateRefused, refused_now(CommandCode::Expired));
        noted.add(Milestone::OldGrantRefused, refused);
        noted.add(Milestone::Dismissed, by(CommandKind::Dismiss));
        let task = sent.is_some_and(|sent| matches!(sent.kind, CommandKind::Task(_)));
        noted.add(Milestone::TaskTaken, accepted && task && is_human(after));
        noted.add(Milestone::DrivenByHand, by_hand(after) && !by_hand(before));
    }

    pub(super) fn note_refused_monitor(&mut self) {
        self.milestones.add(Milestone::OldMonitorRefused, true);
    }
}
