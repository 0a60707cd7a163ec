//! Tokens: issued with a key, verified against those that are trusted.

use crate::{
    claims::{Claims, MAX_LIFE, Written},
    keys::{KeyId, SigningKey, VerifyingKeys},
    revocation::Revoked,
};
use jiff::{SignedDuration, Timestamp};
use pasetors::{
    Public,
    token::UntrustedToken,
    version4::{PublicToken, V4},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use watchkeeper_model::{BearerToken, Label};

/// How far ahead the clock of whoever issues may be: ours; security.md T19 raises an alarm above a second.
const SKEW: SignedDuration = SignedDuration::from_secs(5);

/// The footer: which key. It is signed too.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Footer {
    kid: String,
}

/// Says why a token lets nobody in. It never says what a right one would be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenRefusal {
    /// Not a PASETO `v4.public` with a key's name.
    #[error("the token is no v4.public token of `watchkeeper token issue`")]
    Malformed,
    /// The key that signed it is not trusted here.
    #[error("the token is signed with a key that is not trusted here")]
    UnknownKey,
    /// It was changed, or another key signed it.
    #[error("the signature of the token is wrong")]
    Signature,
    /// What it says does not fit together.
    #[error("the claims of the token do not fit together")]
    Claims,
    /// It is meant for another deployment.
    #[error("the token is for another deployment")]
    Audience,
    /// It lives longer than any token may.
    #[error("the token lives longer than {} min", MAX_LIFE.as_secs() / 60)]
    Life,
    /// It is not valid yet.
    #[error("the token is not valid yet: compare the clocks")]
    NotYet,
    /// It is over.
    #[error("the token has expired: get a new one")]
    Expired,
    /// Somebody took it back.
    #[error("the token was revoked")]
    Revoked,
}

/// A token that was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub claims: Claims,
    /// The key that signed it: once that is trusted no longer, neither is the token.
    pub key_id: KeyId,
}

/// Issues a token.
///
/// # Errors
/// [`TokenRefusal::Life`] where it would live too long, or not at all.
pub fn issue(key: &SigningKey, claims: &Claims) -> Result<BearerToken, TokenRefusal> {
    check_life(claims)?;
    let message = serde_json::to_vec(&Written::of(claims)).expect("claims can be written as JSON");
    let footer = Footer { kid: key.key_id().as_str().to_owned() };
    let footer = serde_json::to_vec(&footer).expect("a key's name can be written as JSON");
    let token = PublicToken::sign(&key.secret, &message, Some(&footer), None)
        .map_err(|_unspecific| TokenRefusal::Signature)?;
    BearerToken::new(&token).map_err(|_too_long| TokenRefusal::Claims)
}

/// Verifies a token, and returns what it says.
///
/// # Errors
/// See [`TokenRefusal`]. Nothing that the token says is believed before its signature is.
pub fn verify(
    keys: &VerifyingKeys,
    audience: &Label,
    revoked: &Revoked,
    token: &str,
    now: Timestamp,
) -> Result<Verified, TokenRefusal> {
    if token.len() > BearerToken::LIMIT {
        return Err(TokenRefusal::Malformed);
    }
    let untrusted =
        UntrustedToken::<Public, V4>::try_from(token).map_err(|_unspecific| TokenRefusal::Malformed)?;
    let footer: Footer = serde_json::from_slice(untrusted.untrusted_footer())
        .map_err(|_no_key_named| TokenRefusal::Malformed)?;
    let key_id = KeyId::named(footer.kid);
    let key = keys.get(&key_id).ok_or(TokenRefusal::UnknownKey)?;
    let trusted =
        PublicToken::verify(key, &untrusted, None, None).map_err(|_unspecific| TokenRefusal::Signature)?;
    let written: Written =
        serde_json::from_str(trusted.payload()).map_err(|_not_ours| TokenRefusal::Claims)?;
    let claims = written.into_claims().ok_or(TokenRefusal::Claims)?;
    check_life(&claims)?;
    if claims.audience != *audience {
        return Err(TokenRefusal::Audience);
    }
    if now >= claims.expires_at {
        return Err(TokenRefusal::Expired);
    }
    if claims.valid_from.duration_since(now) > SKEW {
        return Err(TokenRefusal::NotYet);
    }
    if revoked.contains(&claims) {
        return Err(TokenRefusal::Revoked);
    }
    Ok(Verified { claims, key_id })
}

fn check_life(claims: &Claims) -> Result<(), TokenRefusal> {
    let life = claims.expires_at.duration_since(claims.valid_from);
    let longest = SignedDuration::try_from(MAX_LIFE).expect("a quarter of an hour fits");
    if life > SignedDuration::ZERO && life <= longest { Ok(()) } else { Err(TokenRefusal::Life) }
}
