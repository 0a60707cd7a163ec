//! Who controls one agent, until when, and the gate that the agent itself runs.
//!
//! [`machine`] is the one table of transitions. The agent's [`Gate`] commits them and is the authority on the
//! control state; it owns the safety timers and has the last word on every command. The monitor mirrors what
//! the agent reports ([`Mirror`]), mints epochs and grants leases ([`LeaseBook`]), and asks the same table
//! before it proposes anything. Rows and sections in the docs are those of `docs/takeover.md`.
//!
//! Deliberately not here: sockets, clocks, storage, people and alerts. A timer is a time somebody passes in.

pub mod gate;
pub mod latency;
pub mod lease;
pub mod machine;
pub mod mirror;
pub mod timers;

pub use gate::{
    Answer, Directive, Gate, GateAck, GateCommand, GateOutput, GateRecord, HolderBeat, Identity, Mode,
    NewDemand, Question, QuestionRefusal, Task, Welcome, World,
};
pub use lease::{Lease, LeaseBook, LeaseRefusal, NextLease, Wish};
pub use machine::{Event, Step, next};
pub use mirror::Mirror;
pub use timers::{Timers, TimersError};
