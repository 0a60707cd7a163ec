//! Who asks the holder for control, and who gets it next (`takeover.md` 2, rules 5 to 7).

use super::{Lease, LeaseBook, LeaseRefusal};
use std::time::Duration;
use watchkeeper_model::{Epoch, MonoTime, Note, PersonId, SessionId};

/// Somebody asks the holder for control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Names it, once per book.
    pub request_id: u64,
    /// Who.
    pub by: PersonId,
    /// From which session.
    pub session: SessionId,
    /// Why, where he says.
    pub reason: Option<Note>,
    /// When silence becomes a no.
    pub expires_at: MonoTime,
}

/// The pending lease of an agent that somebody else still drives. It becomes the lease when the agent reports that
/// its epoch is the active one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextLease {
    /// The lease it will be.
    pub lease: Lease,
    /// Until when its holder may engage.
    pub engage_by: MonoTime,
    /// A supervisor takes it without having been let.
    pub preempts: bool,
}

impl NextLease {
    /// Returns when it lapses: not engaged in time, or its holder silent.
    pub fn lapses_at(&self) -> MonoTime {
        self.engage_by.min(self.lease.expires_at)
    }
}

impl LeaseBook {
    /// Returns who asks for control.
    pub fn wish(&self) -> Option<&Wish> {
        self.wish.as_ref()
    }

    /// Returns who gets control next.
    pub fn next(&self) -> Option<&NextLease> {
        self.next.as_ref()
    }

    /// Somebody asks for the lease: one at a time, and not who holds it.
    pub fn ask(
        &mut self,
        (by, session): (PersonId, SessionId),
        reason: Option<Note>,
        within: Duration,
        now: MonoTime,
    ) -> Result<&Wish, LeaseRefusal> {
        self.check_free(session, now)?;
        if let Some(wish) = &self.wish {
            return Err(LeaseRefusal::Asked { by: wish.by.clone() });
        }
        self.wishes += 1;
        let expires_at = now.after(within);
        Ok(self.wish.insert(Wish { request_id: self.wishes, by, session, reason, expires_at }))
    }

    /// The holder answers a wish, in time: returns it, and it waits no longer.
    pub fn answer(
        &mut self,
        session: SessionId,
        request_id: u64,
        now: MonoTime,
    ) -> Result<Wish, LeaseRefusal> {
        let Some(lease) = self.lease.as_ref().filter(|lease| now < lease.expires_at) else {
            return Err(LeaseRefusal::NotHeld);
        };
        if lease.session != session {
            return Err(LeaseRefusal::Held { holder: lease.holder.clone(), epoch: lease.epoch });
        }
        let answered = |wish: &mut Wish| wish.request_id == request_id && now < wish.expires_at;
        self.wish.take_if(answered).ok_or(LeaseRefusal::NoSuchWish(request_id))
    }

    /// Ends a wish without a yes: silence, a no of the monitor, or he who asked is gone.
    pub fn drop_wish(&mut self) -> Option<Wish> {
        self.wish.take()
    }

    /// The holder says whether others may take over without asking.
    pub fn allow_takeover(
        &mut self,
        session: SessionId,
        epoch: Epoch,
        allowed: bool,
        now: MonoTime,
    ) -> Result<(), LeaseRefusal> {
        self.authorize(session, epoch, now)?;
        if let Some(lease) = &mut self.lease {
            lease.takeover_allowed = allowed;
        }
        Ok(())
    }

    /// Grants the lease that follows the present one, under an epoch of its own. Its holder has `engage_within`
    /// to engage, and must renew it like every lease.
    pub fn grant_next(
        &mut self,
        (holder, session): (PersonId, SessionId),
        preempts: bool,
        (engage_within, ttl): (Duration, Duration),
        now: MonoTime,
    ) -> Result<&NextLease, LeaseRefusal> {
        self.check_free(session, now)?;
        let epoch = self.mint()?;
        let lease = Lease::new(epoch, holder, session, now.after(ttl));
        Ok(self.next.insert(NextLease { lease, engage_by: now.after(engage_within), preempts }))
    }

    /// Starts the time to engage, and the lease, from now on: the grant has only just left.
    pub fn announce_next(&mut self, engage_within: Duration, ttl: Duration, now: MonoTime) {
        if let Some(next) = &mut self.next {
            next.engage_by = now.after(engage_within);
            next.lease.expires_at = now.after(ttl);
        }
    }

    /// Returns whether `session` is next under `epoch`, and still in time.
    pub fn authorize_next(&self, session: SessionId, epoch: Epoch, now: MonoTime) -> bool {
        self.next.as_ref().is_some_and(|next| {
            next.lease.session == session && next.lease.epoch == epoch && now < next.lapses_at()
        })
    }

    /// Ends the pending lease; the present one goes on.
    pub fn end_next(&mut self) -> Option<NextLease> {
        self.next.take()
    }

    /// The agent switched: the pending lease is the lease from now on. Returns the one before, and whether it was
    /// pre-empted.
    pub fn switch(&mut self) -> Option<(Lease, bool)> {
        let next = self.next.take()?;
        self.wish = None;
        let before = self.lease.replace(next.lease)?;
        Some((before, next.preempts))
    }

    /// There is a lease, somebody else's, and nobody is next.
    fn check_free(&self, session: SessionId, now: MonoTime) -> Result<(), LeaseRefusal> {
        let Some(lease) = self.lease.as_ref().filter(|lease| now < lease.expires_at) else {
            return Err(LeaseRefusal::NotHeld);
        };
        if lease.session == session {
            return Err(LeaseRefusal::Held { holder: lease.holder.clone(), epoch: lease.epoch });
        }
        match &self.next {
            Some(next) => Err(LeaseRefusal::Asked { by: next.lease.holder.clone() }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(3);
    const TEN: Duration = Duration::from_secs(10);
    const ADA: SessionId = SessionId(1);
    const BOB: SessionId = SessionId(2);

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_nanos(millis * 1_000_000)
    }

    fn person(name: &str) -> PersonId {
        PersonId::new(name).unwrap()
    }

    fn book() -> LeaseBook {
        let mut book = LeaseBook::default();
        book.grant(person("ada"), ADA, Duration::from_mins(1), at(0)).unwrap();
        book
    }

    #[test]
    fn only_the_holder_answers_only_once_and_only_in_time() {
        let mut book = book();
        let wish = book.ask((person("bob"), BOB), None, TEN, at(0)).unwrap().request_id;
        assert!(matches!(book.answer(BOB, wish, at(1)), Err(LeaseRefusal::Held { .. })));
        assert_eq!(book.answer(ADA, wish + 1, at(1)), Err(LeaseRefusal::NoSuchWish(wish + 1)));
        assert_eq!(book.answer(ADA, wish, at(10_000)), Err(LeaseRefusal::NoSuchWish(wish)), "too late");
        assert_eq!(book.answer(ADA, wish, at(9_999)).unwrap().by, person("bob"));
        assert_eq!(book.answer(ADA, wish, at(9_999)), Err(LeaseRefusal::NoSuchWish(wish)));
    }

    #[test]
    fn one_asks_at_a_time_and_nobody_asks_himself_or_nobody() {
        let mut book = book();
        let refused = book.ask((person("ada"), ADA), None, TEN, at(0)).unwrap_err();
        assert!(matches!(refused, LeaseRefusal::Held { .. }));
        let first = book.ask((person("bob"), BOB), None, TEN, at(0)).unwrap().request_id;
        let refused = book.ask((person("cyd"), SessionId(3)), None, TEN, at(1)).unwrap_err();
        assert_eq!(refused, LeaseRefusal::Asked { by: person("bob") });
        book.drop_wish().unwrap();
        assert!(book.ask((person("cyd"), SessionId(3)), None, TEN, at(1)).unwrap().request_id > first);
        let nobody = LeaseBook::default().ask((person("bob"), BOB), None, TEN, at(0)).unwrap_err();
        assert_eq!(nobody, LeaseRefusal::NotHeld);
    }

    #[test]
    fn the_next_lease_has_an_epoch_above_and_takes_the_place_of_the_present_one() {
        let mut book = book();
        let first = book.lease().unwrap().epoch;
        let next = book.grant_next((person("bob"), BOB), true, (TEN, TTL), at(0)).unwrap().lease.epoch;
        assert!(next > first && book.highest() == next);
        assert_eq!(book.next().map(|next| (next.lease.epoch, next.preempts)), Some((next, true)));
        assert!(book.authorize(ADA, first, at(1)).is_ok(), "the holder holds");
        assert!(book.authorize(BOB, next, at(1)).is_err(), "and who is next does not yet");
        let (before, pre_empted) = book.switch().unwrap();
        assert_eq!((before.epoch, pre_empted), (first, true));
        assert!(book.authorize(BOB, next, at(1)).is_ok());
        assert!(book.authorize(ADA, first, at(1)).is_err());
        assert_eq!(book.switch(), None);
    }

    #[test]
    fn each_renews_only_his_own_and_the_time_to_engage_is_never_renewed() {
        let mut book = book();
        let next = book.grant_next((person("bob"), BOB), false, (TEN, TTL), at(0)).unwrap().lease.epoch;
        for (seq, millis) in (1..).zip((0..9_000).step_by(1_000)) {
            book.renew(BOB, next, (seq, true), TTL, at(millis)).unwrap();
        }
        assert_eq!(book.expires_at(), Some(at(60_000)), "the holder's lease has its own renewal");
        assert!(book.authorize_next(BOB, next, at(9_999)));
        assert!(!book.authorize_next(BOB, next, at(10_000)), "T_transition is over");
    }

    #[test]
    fn who_is_next_and_silent_lapses_and_neither_outlives_the_lease() {
        let mut book = book();
        let next = book.grant_next((person("bob"), BOB), false, (TEN, TTL), at(0)).unwrap().lease.epoch;
        assert!(book.authorize_next(BOB, next, at(2_999)));
        assert!(!book.authorize_next(BOB, next, at(3_000)));
        book.end();
        assert_eq!((book.next(), book.wish()), (None, None));
    }
}
