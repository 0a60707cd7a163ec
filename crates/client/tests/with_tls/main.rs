//! The SDK and the real monitor over TLS: who gets in with which certificate, and what becomes of who does not finish.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

mod certificates;
mod half_open;
mod identity;
mod site;
mod trust;
