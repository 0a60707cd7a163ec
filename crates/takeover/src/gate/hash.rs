//! What tells two gates apart for a model checker: everything that decides what they will do from now on.

use super::{Gate, HeldLease, OpenDemand};
use crate::timers::Timers;
use std::{
    hash::{Hash, Hasher},
    time::Duration,
};
use watchkeeper_model::{AgentTime, CommandId};

impl Gate {
    /// Hashes what decides everything that this gate will do from `now` on, with times as spans from now, so that
    /// two moments from which the same can follow count as one (`cargo xtask prove`).
    ///
    /// Left out: the timers, which are the same for all gates that are compared; what only a monitor and its people
    /// read, the state version and how the last demand ended; and heartbeat numbers. Of versions and numbers only their
    /// order against what is on its way counts, which is the caller's to hash. Of the commands that were seen only
    /// those count that `may_come` again.
    pub fn hash_from_now(
        &self,
        now: AgentTime,
        may_come: impl Fn(CommandId) -> bool,
        hasher: &mut impl Hasher,
    ) {
        let Self {
            identity,
            timers,
            state,
            transition_from: _,
            version: _,
            level,
            cause,
            demand,
            last_outcome,
            cooldown_until,
            questions,
            active,
            pending,
            next_until,
            highest_epoch,
            incarnation,
            latches,
            next_latch,
            world,
            reconciled,
            link_lost_at,
            transition_deadline,
            assumed,
            stable_since,
            engage_latches,
            verify_at,
            grace_until,
            unverified,
            hold,
            hands,
            speed_cap_mps,
            top_speed_mps,
            seen,
            running,
            outputs,
            record_due,
        } = self;
        let last_demand = last_outcome.map(|(demand_id, _)| demand_id);
        (identity.boot_id, *state, self.transition_from(), *level, *cause, last_demand).hash(hasher);
        (*highest_epoch, *incarnation, *next_latch, *world, *reconciled).hash(hasher);
        (latches, engage_latches).hash(hasher);
        running.hash_from_now(now, hasher);
        seen.iter().filter(|(id, _)| may_come(*id)).for_each(|command| command.hash(hasher));
        (*assumed, *unverified, *hold, *record_due, outputs.len()).hash(hasher);
        (speed_cap_mps.map(f64::to_bits), top_speed_mps.map(f64::to_bits)).hash(hasher);
        questions.hash_from_now(now, hasher);
        demand
            .map(|OpenDemand { demand_id, origin, deadline }| (demand_id, origin, now.until(deadline)))
            .hash(hasher);
        for due in [*next_until, *transition_deadline, *verify_at, *grace_until, *cooldown_until] {
            due.map(|at| now.until(at)).hash(hasher);
        }
        // An age counts until its timer has fired.
        let age = |since: AgentTime, timer: Duration| now.since(since).min(timer);
        stable_since.map(|since| age(since, timers.stable)).hash(hasher);
        link_lost_at.map(|since| age(since, timers.link_loss)).hash(hasher);
        for held in [active, pending] {
            held.map(|lease| lease.alike_from(now, timers)).hash(hasher);
        }
        hands.hash_from_now(now, hasher);
    }
}

impl HeldLease {
    /// Returns what tells two leases apart from `now` on.
    fn alike_from(self, now: AgentTime, timers: &Timers) -> impl Hash + use<> {
        let Self {
            epoch,
            command_seq,
            heartbeat_seq: _,
            last_heartbeat_at,
            ready,
            not_ready_since,
            // No model tells of a latency.
            latency: _,
        } = self;
        let not_ready = not_ready_since.map(|since| now.since(since).min(timers.ready));
        (epoch, command_seq, now.since(last_heartbeat_at).min(timers.link), ready, not_ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{Identity, World};
    use std::hash::DefaultHasher;
    use uuid::Uuid;
    use watchkeeper_model::{AgentId, AgentKind, BootId, DemandId, DemandOrigin, FallbackLevel};

    const TEN: Duration = Duration::from_secs(10);

    fn at(secs: u64) -> AgentTime {
        AgentTime::from_nanos(secs * 1_000_000_000)
    }

    /// A gate that was told of a demand at `start`, seen `wait` seconds later.
    fn hash_of(start: u64, wait: u64, fall: bool) -> u64 {
        let agent = AgentId::new("a").unwrap();
        let identity =
            Identity { agent, kind: AgentKind::Generic, boot_id: BootId(Uuid::nil()), tasks: vec![] };
        let world = World {
            standstill: false,
            stable: true,
            progressing: Some(true),
            condition_reached: false,
            can_resume: true,
            local_override: false,
        };
        let mut gate = Gate::new(identity, Timers::for_kind(AgentKind::Generic), world);
        let welcome = crate::Welcome {
            incarnation: watchkeeper_model::Incarnation(1),
            epoch: watchkeeper_model::Epoch(0),
            latches: &[],
            lease_live: false,
        };
        assert!(gate.handle_welcome(&welcome, at(start)));
        let new = crate::NewDemand {
            demand_id: DemandId(1),
            origin: DemandOrigin::Monitor,
            critical: false,
            left: TEN,
        };
        gate.handle_demand(new, at(start));
        if fall {
            gate.handle_minimal_risk_request(FallbackLevel::COMFORTABLE, at(start));
        }
        let mut hasher = DefaultHasher::new();
        gate.hash_from_now(at(start + wait), |_| true, &mut hasher);
        hasher.finish()
    }

    #[test]
    fn gates_are_alike_when_the_same_can_follow_and_only_then() {
        assert_eq!(hash_of(1, 2, false), hash_of(500, 2, false), "the same moment, later");
        assert_ne!(hash_of(1, 2, false), hash_of(1, 3, false), "less of T_demand is left");
        assert_ne!(hash_of(1, 2, false), hash_of(1, 2, true), "another state");
    }
}
