//! Sockets, clock and disk around the engine.
//!
//! A connection shakes hands in TLS where there is TLS ([`tls`]), is upgraded ([`handshake`]), says hello, and becomes a session: one task that reads, checks,
//! decodes and forwards, and that writes what the engine has for it. One task owns the engine
//! ([`engine_loop`]): it stamps every input with the clock, feeds it, and hands what comes out to the record
//! and to the sessions. One thread owns the record ([`ledger_thread`]): it commits in groups and says up to
//! which input everything is on disk.
//!
//! Every queue here has a bound, and [`options::Limits`] and the constants beside each queue say what happens
//! when it is full. Whoever floods waits by itself, a slow console is closed, a slow disk holds up decisions before it holds up control, and
//! a disk that fails stops the process: agents then fall back by themselves.
//!
//! Who wants to watch the server itself scrapes it ([`options::ServerOptions::metrics`]): the loop leaves its figures
//! four times a second ([`metrics`]), and another task makes Prometheus text of them when it is asked ([`scrape`]).
//!
//! People who are not at their consoles are called by a webhook, where one is configured: the loop hands a page over and
//! goes on, and a task keeps it on disk and sends it until it was taken ([`pager`]).
//!
//! The rules that people write are kept in versions beside their file ([`rule_store`]); a version that is put in force while
//! the server runs reaches the engine as one more input ([`rule_follower`]).
//!
//! Where it may listen, and how protected it then has to be, is one table: [`start_mode::admit_start`].
//!
//! Deliberately not here: decisions. Whatever depends on what a message means is the engine's to say.

mod accept;
pub mod allowed;
pub mod clock;
mod connection;
mod counters;
mod denied;
mod doorway;
mod engine_loop;
mod files;
mod gatekeeper;
pub mod handshake;
mod held;
mod identity;
mod ledger_queue;
mod ledger_thread;
mod metric_names;
mod metrics;
pub mod options;
mod outbox;
mod pace;
pub mod pager;
mod refusals;
mod rule_follower;
mod rule_store;
mod scrape;
mod server;
mod session;
mod socket;
mod spans;
pub mod start_mode;
mod startup;
mod tls;
pub mod token;

pub use allowed::AllowedSites;
pub use options::{Limits, ServerOptions, TlsOptions};
pub use pager::{PageCounts, Pager, PagerHandle, PagerOptions};
pub use rule_store::{RuleAction, RuleChangeNote, RuleStore, Signature};
pub use server::{RunningServer, ServeReport, Server, serve};
pub use spans::{Span, Spans};
pub use start_mode::{InsecureConsent, Mode};
pub use startup::ledger_dir;
pub use token::{Token, runtime_dir};

/// Version and commit of this build, as the record names it.
pub const BUILD: &str = env!("WATCHKEEPER_BUILD");
