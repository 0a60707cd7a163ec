//! The monitor's half of authority over one agent: epochs, the lease, and who may get it next (`takeover.md` 2).
//!
//! It knows epochs, sessions and times, and nothing of control states, roles or load: who asks has been let ask.

mod handover;

pub use handover::{NextLease, Wish};

use std::time::Duration;
use thiserror::Error;
use watchkeeper_model::{Epoch, MonoTime, PersonId, SessionId};

/// One person's exclusive right to drive one agent, until it lapses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The fencing number.
    pub epoch: Epoch,
    /// Who.
    pub holder: PersonId,
    /// From which session.
    pub session: SessionId,
    /// When it lapses unless renewed.
    pub expires_at: MonoTime,
    /// The last heartbeat said that the person can act.
    pub ready: bool,
    /// The highest heartbeat number seen.
    pub heartbeat_seq: u64,
    /// Others may take over without asking.
    pub takeover_allowed: bool,
}

impl Lease {
    fn new(epoch: Epoch, holder: PersonId, session: SessionId, expires_at: MonoTime) -> Self {
        Self { epoch, holder, session, expires_at, ready: false, heartbeat_seq: 0, takeover_allowed: false }
    }

    /// Takes a heartbeat; one that was seen before renews nothing.
    fn take_heartbeat(&mut self, (seq, ready): (u64, bool), ttl: Duration, now: MonoTime) {
        if seq > self.heartbeat_seq {
            self.heartbeat_seq = seq;
            self.ready = ready;
            self.expires_at = now.after(ttl);
        }
    }
}

/// Says why somebody may not do something under a lease.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LeaseRefusal {
    /// Somebody else holds it.
    #[error("{holder} holds the lease (epoch {epoch})")]
    Held {
        /// Who.
        holder: PersonId,
        /// Under which epoch.
        epoch: Epoch,
    },
    /// Nobody holds it.
    #[error("nobody holds the lease; claim it first")]
    NotHeld,
    /// The epoch named is not the live one.
    #[error("epoch {found} is not the live one ({live})")]
    StaleEpoch {
        /// The epoch named.
        found: Epoch,
        /// The live one.
        live: Epoch,
    },
    /// Somebody asks for control already, or is about to get it.
    #[error("{by} asks for control already, or is about to get it")]
    Asked {
        /// Who.
        by: PersonId,
    },
    /// Nobody asks under this number (any more).
    #[error("nobody asks for control under number {0}")]
    NoSuchWish(u64),
    /// There is no higher epoch to mint.
    #[error("no epoch is left to mint")]
    NoEpochLeft,
}

/// Mints epochs and keeps the one lease of an agent. Beside it stand who asks for it and who gets it next; neither
/// outlives it.
#[derive(Clone, Debug, Default)]
pub struct LeaseBook {
    highest: Epoch,
    lease: Option<Lease>,
    wish: Option<Wish>,
    next: Option<NextLease>,
    wishes: u64,
}

impl LeaseBook {
    /// Starts above `highest`, the highest epoch that anybody has on record.
    pub fn new(highest: Epoch) -> Self {
        Self { highest, ..Self::default() }
    }

    /// Returns the highest epoch minted or heard of.
    pub fn highest(&self) -> Epoch {
        self.highest
    }

    /// Returns the lease that was not ended yet; whether it has lapsed, [`Self::authorize`] says.
    pub fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// Takes note that the agent has seen `epoch`: the next one will be above it.
    pub fn observe(&mut self, epoch: Epoch) {
        self.highest = self.highest.max(epoch);
    }

    /// Mints the next epoch; epochs never wrap and are never used twice.
    pub fn mint(&mut self) -> Result<Epoch, LeaseRefusal> {
        if self.highest.0 == u64::MAX {
            return Err(LeaseRefusal::NoEpochLeft);
        }
        self.highest = self.highest.next();
        Ok(self.highest)
    }

    /// Grants the lease, unless somebody holds it; a lapsed one keeps nobody out.
    pub fn grant(
        &mut self,
        holder: PersonId,
        session: SessionId,
        ttl: Duration,
        now: MonoTime,
    ) -> Result<&Lease, LeaseRefusal> {
        if let Some(lease) = self.lease.as_ref().filter(|lease| now < lease.expires_at) {
            return Err(LeaseRefusal::Held { holder: lease.holder.clone(), epoch: lease.epoch });
        }
        let epoch = self.mint()?;
        (self.wish, self.next) = (None, None);
        Ok(self.lease.insert(Lease::new(epoch, holder, session, now.after(ttl))))
    }

    /// Checks that `session` holds the lease under `epoch` now.
    pub fn authorize(&self, session: SessionId, epoch: Epoch, now: MonoTime) -> Result<&Lease, LeaseRefusal> {
        match &self.lease {
            Some(lease) if now >= lease.expires_at => Err(LeaseRefusal::NotHeld),
            Some(lease) if lease.session != session => {
                Err(LeaseRefusal::Held { holder: lease.holder.clone(), epoch: lease.epoch })
            }
            Some(lease) if lease.epoch != epoch => {
                Err(LeaseRefusal::StaleEpoch { found: epoch, live: lease.epoch })
            }
            Some(lease) => Ok(lease),
            None if epoch > Epoch(0) => Err(LeaseRefusal::StaleEpoch { found: epoch, live: Epoch(0) }),
            None => Err(LeaseRefusal::NotHeld),
        }
    }

    /// Renews the lease, or the next one, by a heartbeat of who holds it; an old or foreign heartbeat renews
    /// nothing.
    pub fn renew(
        &mut self,
        session: SessionId,
        epoch: Epoch,
        heartbeat: (u64, bool),
        ttl: Duration,
        now: MonoTime,
    ) -> Result<(), LeaseRefusal> {
        if self.authorize_next(session, epoch, now) {
            if let Some(next) = &mut self.next {
                next.lease.take_heartbeat(heartbeat, ttl, now);
            }
            return Ok(());
        }
        self.authorize(session, epoch, now)?;
        if let Some(lease) = &mut self.lease {
            lease.take_heartbeat(heartbeat, ttl, now);
        }
        Ok(())
    }

    /// Returns when the lease lapses.
    pub fn expires_at(&self) -> Option<MonoTime> {
        self.lease.as_ref().map(|lease| lease.expires_at)
    }

    /// Ends the lease, if there is one, and with it who asks for it and who gets it next; what ended is not
    /// resumable.
    pub fn end(&mut self) -> Option<Lease> {
        (self.wish, self.next) = (None, None);
        self.lease.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_nanos(millis * 1_000_000)
    }

    fn person(name: &str) -> PersonId {
        PersonId::new(name).unwrap()
    }

    const TTL: Duration = Duration::from_secs(3);

    #[test]
    fn only_one_person_holds_the_lease_and_epochs_only_rise() {
        let mut book = LeaseBook::new(Epoch(41));
        let first = book.grant(person("ada"), SessionId(1), TTL, at(0)).unwrap().epoch;
        assert_eq!(first, Epoch(42));
        let refused = book.grant(person("bob"), SessionId(2), TTL, at(1)).unwrap_err();
        assert_eq!(refused, LeaseRefusal::Held { holder: person("ada"), epoch: first });
        book.end();
        assert!(book.grant(person("bob"), SessionId(2), TTL, at(2)).unwrap().epoch > first);
    }

    #[test]
    fn a_lease_lapses_exactly_at_its_end() {
        let mut book = LeaseBook::default();
        let epoch = book.grant(person("ada"), SessionId(1), TTL, at(0)).unwrap().epoch;
        assert!(book.authorize(SessionId(1), epoch, at(2_999)).is_ok());
        assert_eq!(book.authorize(SessionId(1), epoch, at(3_000)), Err(LeaseRefusal::NotHeld));
        assert_eq!(book.renew(SessionId(1), epoch, (1, true), TTL, at(3_000)), Err(LeaseRefusal::NotHeld));
    }

    #[test]
    fn a_heartbeat_that_was_seen_before_renews_nothing() {
        let mut book = LeaseBook::default();
        let epoch = book.grant(person("ada"), SessionId(1), TTL, at(0)).unwrap().epoch;
        book.renew(SessionId(1), epoch, (7, true), TTL, at(1_000)).unwrap();
        book.renew(SessionId(1), epoch, (7, true), TTL, at(2_000)).unwrap();
        assert_eq!(book.expires_at(), Some(at(4_000)));
    }

    #[test]
    fn epochs_never_wrap() {
        let mut book = LeaseBook::new(Epoch(u64::MAX));
        assert_eq!(book.mint(), Err(LeaseRefusal::NoEpochLeft));
    }
}
