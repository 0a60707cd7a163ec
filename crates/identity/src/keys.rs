//! Keys: one that signs, and those that are trusted.

use pasetors::{
    keys::{AsymmetricKeyPair, AsymmetricPublicKey, AsymmetricSecretKey, Generate},
    paserk::{FormatAsPaserk, Id},
    version4::V4,
};
use std::{collections::BTreeMap, fmt};
use thiserror::Error;

/// Most keys that are trusted at once: rotation needs two.
pub(crate) const MAX_KEYS: usize = 32;

/// Says why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not PASERK `k4.secret`.
    #[error("is no signing key: one line that begins with k4.secret.")]
    NotSecret,
    /// Not PASERK `k4.public`.
    #[error("is no public key: one line that begins with k4.public.")]
    NotPublic,
    /// More than 32 keys.
    #[error("more than {MAX_KEYS} keys are trusted: remove those that are no longer used")]
    TooMany,
    /// The system has no randomness to give.
    #[error("no key could be made: the system gave no random numbers")]
    NoRandomness,
}

/// The name of a key: PASERK `k4.pid`, a digest of the public key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    fn of(key: &AsymmetricPublicKey<V4>) -> Self {
        let mut text = String::new();
        Id::from(key).fmt(&mut text).expect("a String takes every write");
        Self(text)
    }

    /// Takes a text for what names a key: whether there is such a key is asked of [`VerifyingKeys`].
    pub(crate) const fn named(text: String) -> Self {
        Self(text)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key that signs tokens. `Debug` shows its name only.
pub struct SigningKey {
    pub(crate) secret: AsymmetricSecretKey<V4>,
    public: AsymmetricPublicKey<V4>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.key_id())
    }
}

impl SigningKey {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<Self, KeyError> {
        let pair = AsymmetricKeyPair::<V4>::generate().map_err(|_unspecific| KeyError::NoRandomness)?;
        Ok(Self { secret: pair.secret, public: pair.public })
    }

    /// Reads one as [`Self::to_text`] wrote it.
    ///
    /// # Errors
    /// [`KeyError::NotSecret`].
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let secret =
            AsymmetricSecretKey::<V4>::try_from(text.trim()).map_err(|_unspecific| KeyError::NotSecret)?;
        let public =
            AsymmetricPublicKey::<V4>::try_from(&secret).map_err(|_unspecific| KeyError::NotSecret)?;
        Ok(Self { secret, public })
    }

    /// Returns the secret as text: PASERK `k4.secret`.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.secret.fmt(&mut text).expect("a String takes every write");
        text
    }

    /// Returns the public key as text: PASERK `k4.public`.
    pub fn public_text(&self) -> String {
        let mut text = String::new();
        self.public.fmt(&mut text).expect("a String takes every write");
        text
    }

    /// Returns its name.
    pub fn key_id(&self) -> KeyId {
        KeyId::of(&self.public)
    }
}

/// The public keys that are trusted, by name.
#[derive(Clone, Debug, Default)]
pub struct VerifyingKeys(BTreeMap<KeyId, AsymmetricPublicKey<V4>>);

impl VerifyingKeys {
    /// Trusts one more key.
    ///
    /// # Errors
    /// When the text is no public key, or there are too many.
    pub fn trust(&mut self, text: &str) -> Result<KeyId, KeyError> {
        let key =
            AsymmetricPublicKey::<V4>::try_from(text.trim()).map_err(|_unspecific| KeyError::NotPublic)?;
        if self.0.len() >= MAX_KEYS {
            return Err(KeyError::TooMany);
        }
        let key_id = KeyId::of(&key);
        self.0.insert(key_id.clone(), key);
        Ok(key_id)
    }

    /// Returns the names of the keys.
    pub fn key_ids(&self) -> impl Iterator<Item = &KeyId> {
        self.0.keys()
    }

    /// Returns whether a key is trusted.
    pub fn trusts(&self, key_id: &KeyId) -> bool {
        self.0.contains_key(key_id)
    }

    pub(crate) fn get(&self, key_id: &KeyId) -> Option<&AsymmetricPublicKey<V4>> {
        self.0.get(key_id)
    }
}
