//! The token of a run: who can read the file may connect.

use crate::files;
use anyhow::Context;
use sha2::{Digest, Sha256};
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Where clients look for the files `token` and `url`.
///
/// `$XDG_RUNTIME_DIR/watchkeeper` where that variable names an existing directory, else the data directory.
/// `xdg_runtime_dir` is the variable's value.
pub fn runtime_dir(xdg_runtime_dir: Option<PathBuf>, data_dir: &Path) -> PathBuf {
    xdg_runtime_dir
        .filter(|dir| dir.is_dir())
        .map_or_else(|| data_dir.to_owned(), |dir| dir.join("watchkeeper"))
}

/// A secret of 256 random bits, in hexadecimal. Neither `Debug` nor anything else shows it by accident.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Makes a new one.
    pub(crate) fn random() -> Self {
        let mut bytes = [0_u8; 32];
        rand::fill(&mut bytes);
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        Self(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect())
    }

    /// Returns the secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns what the sessions compare with.
    pub(crate) fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The SHA-256 of a token: enough to check one, useless to make one.
#[derive(Clone, Copy)]
pub(crate) struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Says whether `candidate` is the token, in a time that does not depend on how much of it is right.
    pub(crate) fn accepts(&self, candidate: &str) -> bool {
        let found: [u8; 32] = Sha256::digest(candidate.as_bytes()).into();
        let difference = self.0.iter().zip(found).fold(0, |sum, (ours, theirs)| sum | (ours ^ theirs));
        std::hint::black_box(difference) == 0
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

/// The files `token` and `url`, mode 0600; removed when dropped. Where keys say who is let in there is no `token`.
#[derive(Debug)]
pub(crate) struct TokenFiles {
    token_path: PathBuf,
    url_path: PathBuf,
    token: Token,
    url_text: String,
}

impl TokenFiles {
    /// Writes both files into `directory`; only `url` where the secret of the run lets nobody in.
    pub(crate) fn write(directory: &Path, token: &Token, url: &str, lets_in: bool) -> anyhow::Result<Self> {
        files::private_dir(directory)?;
        let written = Self {
            token_path: directory.join("token"),
            url_path: directory.join("url"),
            token: token.clone(),
            url_text: format!("{url}\n"),
        };
        if lets_in {
            files::replace(&written.token_path, token.reveal()).context("writing the token of this run")?;
        }
        files::replace(&written.url_path, &written.url_text).context("writing the URL of this run")?;
        Ok(written)
    }

    /// Returns where the token lies.
    pub(crate) fn token_path(&self) -> &Path {
        &self.token_path
    }
}

impl Drop for TokenFiles {
    fn drop(&mut self) {
        files::remove_if_ours(&self.token_path, self.token.reveal());
        files::remove_if_ours(&self.url_path, &self.url_text);
    }
}
