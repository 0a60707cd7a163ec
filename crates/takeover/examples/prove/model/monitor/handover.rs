//! Handover and pre-emption: the glue of `crates/engine/src/engine/handover.rs`.

use super::{Next, person_id};
use crate::model::{
    bounds::timers,
    state::{GrantMail, Known, State, add},
};
use watchkeeper_model::{CommandKind, ControlState, Epoch, SessionId};

impl State {
    /// What a wish and a pre-emption need alike: `Engine::check_handover`.
    fn may_ask(&self, m: usize, who: usize) -> bool {
        let monitor = self.monitor(m);
        let session = self.person(who).session;
        monitor.is_connected && monitor.book.lease().is_some_and(|lease| lease.session != session)
    }

    /// `Engine::ask`: returns whether anything came of it.
    pub(crate) fn ask(&mut self, m: usize, who: usize) -> bool {
        if !self.may_ask(m, who) || self.monitor(m).state != ControlState::Human {
            return false;
        }
        let session = self.person(who).session;
        let monitor = self.monitor_mut(m);
        let now = monitor.now;
        let allows = monitor.book.lease().is_some_and(|lease| lease.takeover_allowed);
        if allows && monitor.book.next().is_none() {
            return self.grant_next(m, who, false);
        }
        monitor.book.ask((person_id(who), session), None, timers().handover, now).is_ok()
    }

    /// `Engine::handle_handover_answer` with a yes; a no is like silence.
    pub(crate) fn say_yes(&mut self, m: usize) -> bool {
        let monitor = self.monitor_mut(m);
        let now = monitor.now;
        let Some(wish) = monitor.book.wish().map(|wish| wish.request_id) else { return false };
        let Some(holder) = monitor.book.lease().map(|lease| lease.session) else { return false };
        let Ok(wish) = monitor.book.answer(holder, wish, now) else { return false };
        self.grant_wish(m, wish.session);
        true
    }

    /// `Engine::grant_wish`: what allowed the question must still allow the answer.
    fn grant_wish(&mut self, m: usize, session: SessionId) {
        let who = self.people.iter().position(|person| person.session == session);
        if let Some(who) = who
            && self.may_ask(m, who)
            && self.monitor(m).state == ControlState::Human
        {
            self.grant_next(m, who, false);
        }
    }

    /// `Engine::handle_allow_takeover`: who has asked already need not ask again.
    pub(crate) fn allow_takeover(&mut self, m: usize, who: usize) -> bool {
        let (session, epoch) = (self.person(who).session, self.person(who).epoch);
        let monitor = self.monitor_mut(m);
        let now = monitor.now;
        if monitor.book.allow_takeover(session, epoch, true, now).is_err() {
            return false;
        }
        if let Some(wish) = monitor.book.drop_wish() {
            self.grant_wish(m, wish.session);
        }
        true
    }

    /// `Engine::pre_empt`: from who drives as soon as the supervisor engages, from everybody else at once.
    pub(crate) fn pre_empt(&mut self, m: usize, who: usize) -> bool {
        if !self.person(who).is_supervisor || !self.may_ask(m, who) {
            return false;
        }
        if self.monitor(m).state.is_driven() {
            if self.is_engaging(m) {
                return false;
            }
            let _ended_wish = self.monitor_mut(m).book.drop_wish();
            self.end_next(m);
            return self.grant_next(m, who, true);
        }
        self.end_lease(m, true);
        self.grant_claim(m, who);
        true
    }

    /// Returns whether an ENGAGE of the next holder is on its way or at work.
    fn is_engaging(&self, m: usize) -> bool {
        let Some(epoch) = self.monitor(m).book.next().map(|next| next.lease.epoch) else { return false };
        self.sent.iter().any(|sent| {
            sent.from == m
                && sent.kind == CommandKind::Engage
                && sent.epoch == epoch
                && sent.known == Known::Open
        })
    }

    /// `Engine::grant_next` and `announce_next`.
    fn grant_next(&mut self, m: usize, who: usize, preempts: bool) -> bool {
        let session = self.person(who).session;
        let after = self.sent.len();
        let monitor = self.monitor_mut(m);
        let (now, boot_id, incarnation) = (monitor.now, monitor.boot_id, monitor.incarnation);
        let spans = (timers().engage_next(), timers().lease_ttl());
        let Ok(next) = monitor.book.grant_next((person_id(who), session), preempts, spans, now) else {
            return false;
        };
        let epoch = next.lease.epoch;
        monitor.book.announce_next(spans.0, spans.1, now);
        monitor.next = Some(Next { waits_for_engage: false, after });
        self.note_minted(m, epoch);
        self.person_mut(who).epoch = epoch;
        if let Some(boot_id) = boot_id {
            add(&mut self.mail.grants, GrantMail { from: m, incarnation, epoch, boot_id, to: who });
        }
        true
    }

    /// `Engine::follow_switch`.
    pub(super) fn follow_switch(&mut self, m: usize, reported: Epoch) {
        let monitor = self.monitor_mut(m);
        if monitor.book.next().is_none_or(|next| next.lease.epoch != reported) {
            return;
        }
        if monitor.book.switch().is_some() {
            monitor.next = None;
            monitor.lease_seen = true;
            monitor.claim_deadline = None;
        }
    }

    /// `Engine::end_next`: the present holder keeps control.
    pub(super) fn end_next(&mut self, m: usize) {
        let monitor = self.monitor_mut(m);
        let Some(next) = monitor.book.end_next() else { return };
        monitor.next = None;
        monitor.ended_next = Some(next.lease.epoch);
        add(&mut self.mail.voids, (m, next.lease.epoch));
    }

    /// `Engine::expire_handover`.
    pub(super) fn expire_handover(&mut self, m: usize) {
        let engages = self.is_engaging(m);
        let monitor = self.monitor_mut(m);
        let now = monitor.now;
        if monitor.book.wish().is_some_and(|wish| now >= wish.expires_at) {
            let _silence_is_a_no = monitor.book.drop_wish();
        }
        let Some(next) = monitor.book.next().filter(|next| now >= next.lapses_at()) else { return };
        let last = next.lapses_at().after(timers().agent);
        match &mut monitor.next {
            Some(next) if engages && now < last => next.waits_for_engage = true,
            Some(_) | None => self.end_next(m),
        }
    }
}
