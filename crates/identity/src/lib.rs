//! Keys and tokens: who somebody is, what he may do, and until when.
//!
//! A token is a PASETO `v4.public` (Ed25519 over its claims; there is no algorithm field that could be confused), valid
//! for fifteen minutes at most. One directory holds the keys, the name of the deployment, and what was revoked; who can
//! read its signing key can issue tokens, so it stays on the machine of the person who does. The monitor needs the rest.
//!
//! Deliberately not here: sessions, sockets, clocks (`now` is an argument), and what a role may do, which is
//! [`watchkeeper_model::Permission`]'s table.

mod claims;
mod directory;
mod keys;
mod revocation;
mod token;

pub use claims::{Claims, MAX_LIFE, Subject};
pub use directory::{DirectoryError, KeyDirectory};
pub use keys::{KeyError, KeyId, SigningKey, VerifyingKeys};
pub use revocation::{Revoked, RevokedError};
pub use token::{TokenRefusal, Verified, issue, verify};
