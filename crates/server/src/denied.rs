//! Certificates that count no longer: a file with one serial number a line, in hexadecimal.
//!
//! Certificates live for days, and this list ends them at once (`security.md` 3, agents). It is read anew twice a
//! second, so that a session whose certificate was put on it ends within a second. What cannot be read leaves the
//! list as it was, and is said: a slip of the pen must not let everybody back in.

use anyhow::{Context, bail, ensure};
use std::{
    collections::BTreeSet,
    fmt,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::watch, time::MissedTickBehavior};

/// How often the file is looked at.
const EVERY: Duration = Duration::from_millis(500);
/// Longest file, in bytes: some 25,000 serials.
const MAX_BYTES: u64 = 1 << 20;
/// The longest serial number, in bytes (RFC 5280, 4.1.2.2).
const SERIAL_BYTES: usize = 20;

/// The number of a certificate at its authority, without leading zeros.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Serial(Vec<u8>);

impl Serial {
    /// Takes it as a certificate has it.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.iter().copied().skip_while(|byte| *byte == 0).collect())
    }

    /// Reads hexadecimal digits, as `openssl x509 -serial` and `-text` write them: in pairs, with or without colons.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.replace(':', "");
        let digits = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits };
        let nibbles: Option<Vec<u8>> =
            digits.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
        let bytes: Vec<u8> =
            nibbles?.chunks(2).map(|pair| pair.iter().fold(0, |byte, nibble| byte << 4 | nibble)).collect();
        (1..=SERIAL_BYTES + 1).contains(&bytes.len()).then(|| Self::from_bytes(&bytes))
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

/// The certificates that are denied, as the file stands.
pub(crate) type Denied = watch::Receiver<Arc<BTreeSet<Serial>>>;

/// Says whether a certificate is denied, where there is one.
pub(crate) fn is_denied(serial: Option<&Serial>, denied: Option<&Denied>) -> bool {
    serial.zip(denied).is_some_and(|(serial, denied)| denied.borrow().contains(serial))
}

/// The file, and what it held last.
#[derive(Debug)]
pub(crate) struct DenyFile {
    path: PathBuf,
    text: String,
    denied: watch::Sender<Arc<BTreeSet<Serial>>>,
    /// The text is new: until it was seen twice it only adds, since a file that is being written is short for a moment.
    fresh: bool,
    /// What is wrong with it was said.
    said: bool,
}

impl DenyFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// Where it is not there, or has a line that is no serial number: nobody is let in by a list that was not read.
    pub(crate) fn open(path: &Path) -> anyhow::Result<(Self, Denied)> {
        let text = read(path).and_then(|text| parse(&text).map(|serials| (text, serials)));
        let (text, serials) = text.with_context(|| {
            format!("reading the serials that are denied (--deny-serials) in {}", path.display())
        })?;
        let (sender, denied) = watch::channel(Arc::new(serials));
        Ok((Self { path: path.to_owned(), text, denied: sender, fresh: false, said: false }, denied))
    }

    /// Looks at the file until `shutdown`.
    pub(crate) async fn follow(mut self, mut shutdown: watch::Receiver<bool>) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = shutdown.changed() => return,
                _ = every.tick() => {}
            }
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            match looked.await {
                Ok(file) => self = file,
                Err(error) => {
                    tracing::error!(%error, "the deny-list is followed no longer");
                    return;
                }
            }
        }
    }

    fn look(&mut self) {
        let found = read(&self.path).and_then(|text| parse(&text).map(|serials| (text, serials)));
        match found {
            Ok((text, serials)) if text != self.text => {
                tracing::info!(serials = serials.len(), "read the deny-list anew");
                let before = Arc::clone(&self.denied.borrow());
                self.denied.send_replace(Arc::new(before.union(&serials).cloned().collect()));
                (self.text, self.fresh, self.said) = (text, true, false);
            }
            Ok((_, serials)) => {
                if self.fresh {
                    self.denied.send_replace(Arc::new(serials));
                }
                (self.fresh, self.said) = (false, false);
            }
            Err(error) if !self.said => {
                let path = self.path.display();
                tracing::warn!(%path, error = format!("{error:#}"), "the deny-list stays as it was");
                self.said = true;
            }
            Err(_) => {}
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let bytes = File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    ensure!(bytes as u64 <= MAX_BYTES, "it has more than {MAX_BYTES} bytes");
    Ok(text)
}

/// Reads the lines; empty ones, and what follows a `#`, say nothing.
fn parse(text: &str) -> anyhow::Result<BTreeSet<Serial>> {
    let mut serials = BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        let found = line.split('#').next().unwrap_or_default().trim();
        if found.is_empty() {
            continue;
        }
        match Serial::parse(found) {
            Some(serial) => serials.insert(serial),
            None => bail!("line {number} is no serial number: it must be 1 to 40 hexadecimal digits"),
        };
    }
    Ok(serials)
}

#[cfg(test)]
mod tests;
