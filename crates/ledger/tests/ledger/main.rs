//! The ledger as its users and its enemies see it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a panic fails the test, which is what it is for; the numbers are small"
)]

mod crashing;
mod directory;
mod foreign;
mod heads;
mod reading;
mod support;
mod tampering;
mod writing;
