//! The secret that signs calls, from a file that only the monitor's user may read.

use anyhow::{Context, anyhow, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{fmt, fs::File, io::Read, os::unix::fs::PermissionsExt, path::Path};

/// What a secret begins with (Standard Webhooks, "Signature scheme").
const PREFIX: &str = "whsec_";
/// How many bytes it may have, by the same specification.
const FEWEST_BYTES: usize = 24;
const MOST_BYTES: usize = 64;
/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 4_096;

/// The secret; neither `Debug` nor an error shows it.
#[derive(Clone)]
pub(crate) struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// Reads the file.
    ///
    /// # Errors
    /// The text names the file and how to make one, and shows nothing of what is in it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        read(path).and_then(|text| parse(&text)).map_err(|error| {
            let path = path.display();
            anyhow!(
                "the secret of the webhook (secret_file under [webhook]) in {path} cannot be used: {error:#}. To make a \
                 new one: (umask 077; printf 'whsec_%s\\n' \"$(head -c 32 /dev/urandom | base64)\" > {path})"
            )
        })
    }

    /// Signs one try: what stands in `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, unix_secs: i64, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        mac.update(format!("{id}.{unix_secs}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let file = File::open(path)?;
    // Of the file that is open, so that it cannot be another one by the time it is read.
    let found = file.metadata()?;
    ensure!(found.is_file(), "it is no file");
    if found.permissions().mode() & 0o077 != 0 {
        bail!("others than its owner may read it: chmod 600 {}", path.display());
    }
    let mut text = String::new();
    file.take(MAX_FILE + 1).read_to_string(&mut text).context("it is no text")?;
    ensure!(text.len() as u64 <= MAX_FILE, "it has more than {MAX_FILE} bytes");
    Ok(text)
}

fn parse(text: &str) -> anyhow::Result<Secret> {
    let text = text.trim();
    ensure!(!text.is_empty(), "it is empty");
    let Some(encoded) = text.strip_prefix(PREFIX) else {
        bail!("it does not begin with `{PREFIX}`");
    };
    // What is wrong with it would show a part of it.
    let Ok(bytes) = STANDARD.decode(encoded) else { bail!("what follows `{PREFIX}` is not base64") };
    ensure!(
        (FEWEST_BYTES..=MOST_BYTES).contains(&bytes.len()),
        "it has {} bytes behind its base64, and must have {FEWEST_BYTES} to {MOST_BYTES}",
        bytes.len()
    );
    Ok(Secret(bytes))
}
