//! The directory of keys: `signing.key`, `trusted/*.pub`, `deployment`, `revoked`.

use crate::{
    claims::{Claims, MAX_LIFE},
    keys::{KeyError, KeyId, MAX_KEYS, SigningKey, VerifyingKeys},
    revocation::{Revoked, RevokedError},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use thiserror::Error;
use uuid::Uuid;
use watchkeeper_model::{Label, TextError};

/// Most bytes of a file of the directory: the longest is the list of what is revoked.
const MAX_BYTES: u64 = 2 << 20;

/// Says what is wrong with a directory of keys.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is longer than any that this program writes.
    #[error("{0}: more than 2 MiB, which nothing of ours has")]
    TooLong(PathBuf),
    /// A file holds no key.
    #[error("{path}: {source}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The list of what is revoked cannot be read.
    #[error("{path}: {source}")]
    Revoked {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: RevokedError,
    },
    /// The name of the deployment cannot be one.
    #[error("{path}: the name of the deployment: {source}")]
    Deployment {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: TextError,
    },
    /// The list of what is revoked is as long as it may be.
    #[error(
        "{0}: there are 10,000 revocations of the last half hour, and no room for one more: change the key instead"
    )]
    Full(PathBuf),
    /// There are keys already.
    #[error("{0} holds keys already: use them, or name another directory")]
    Exists(PathBuf),
    /// Somebody else could sign.
    #[error(
        "{path} can be read by others than its owner (mode {mode:o}): chmod 600 it, and make a new key if they may have"
    )]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// A directory of keys.
#[derive(Clone, Debug)]
pub struct KeyDirectory(PathBuf);

impl KeyDirectory {
    /// Names a directory; nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Makes the directory, a first key, and the name of the deployment: `deployment`, or one that nobody else has.
    ///
    /// # Errors
    /// When there are keys already, or it cannot be written.
    pub fn create(&self, deployment: Option<&Label>) -> Result<KeyId, DirectoryError> {
        if self.signing_path().exists() || self.deployment_path().exists() {
            return Err(DirectoryError::Exists(self.0.clone()));
        }
        let trusted = self.0.join("trusted");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&trusted).map_err(at(&trusted))?;
        let name = deployment
            .map_or_else(|| format!("watchkeeper-{}", Uuid::new_v4()), |name| name.as_str().to_owned());
        let key_id = self.add_key()?;
        self.replace(&self.deployment_path(), &format!("{name}\n"))?;
        Ok(key_id)
    }

    /// Makes a new key that signs from now on. The one before stays trusted, until its file in `trusted` is removed.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn add_key(&self) -> Result<KeyId, DirectoryError> {
        let path = self.signing_path();
        // A key that is one too many would be trusted by nobody, with all the others.
        if self.verifying_keys()?.key_ids().count() >= MAX_KEYS {
            return Err(DirectoryError::Key { path: self.0.join("trusted"), source: KeyError::TooMany });
        }
        let key =
            SigningKey::generate().map_err(|source| DirectoryError::Key { path: path.clone(), source })?;
        let key_id = key.key_id();
        let public = self.0.join("trusted").join(format!("{key_id}.pub"));
        // Trusted before it signs.
        self.replace(&public, &format!("{}\n", key.public_text()))?;
        self.replace(&path, &format!("{}\n", key.to_text()))?;
        Ok(key_id)
    }

    /// Reads the key that signs.
    ///
    /// # Errors
    /// When there is none, or others can read it.
    pub fn signing_key(&self) -> Result<SigningKey, DirectoryError> {
        let path = self.signing_path();
        let mode = fs::metadata(&path).map_err(at(&path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(DirectoryError::Exposed { path, mode: mode & 0o777 });
        }
        SigningKey::from_text(&read(&path)?).map_err(|source| DirectoryError::Key { path, source })
    }

    /// Reads the keys that are trusted.
    ///
    /// # Errors
    /// When one of them cannot be read, or is none.
    pub fn verifying_keys(&self) -> Result<VerifyingKeys, DirectoryError> {
        let directory = self.0.join("trusted");
        let mut keys = VerifyingKeys::default();
        for entry in fs::read_dir(&directory).map_err(at(&directory))? {
            let path = entry.map_err(at(&directory))?.path();
            if path.extension().is_some_and(|extension| extension == "pub") {
                keys.trust(&read(&path)?).map_err(|source| DirectoryError::Key { path, source })?;
            }
        }
        Ok(keys)
    }

    /// Reads the name of the deployment: for whom tokens are meant.
    ///
    /// # Errors
    /// When there is none.
    pub fn deployment(&self) -> Result<Label, DirectoryError> {
        let path = self.deployment_path();
        Label::new(read(&path)?.trim()).map_err(|source| DirectoryError::Deployment { path, source })
    }

    /// Reads what is revoked; nothing is, where there is no list.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn revoked(&self) -> Result<Revoked, DirectoryError> {
        let path = self.revoked_path();
        let text = match read(&path) {
            Ok(text) => text,
            Err(DirectoryError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                String::new()
            }
            Err(error) => return Err(error),
        };
        Revoked::parse(&text).map_err(|source| DirectoryError::Revoked { path, source })
    }

    /// Revokes, and forgets what no living token can be named by any more.
    ///
    /// # Errors
    /// When the list cannot be read or written.
    pub fn revoke(&self, revoke: impl FnOnce(&mut Revoked), now: Timestamp) -> Result<(), DirectoryError> {
        // Two at once would each leave the other's out.
        let lock = self.0.join(".lock");
        let open = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock);
        let held = open.map_err(at(&lock))?;
        held.lock().map_err(at(&lock))?;
        let mut revoked = self.revoked()?;
        let longest = SignedDuration::try_from(2 * MAX_LIFE).expect("half an hour fits");
        revoked.forget_before(now.checked_sub(longest).unwrap_or(Timestamp::MIN));
        if !revoked.has_room() {
            return Err(DirectoryError::Full(self.revoked_path()));
        }
        revoke(&mut revoked);
        self.replace(&self.revoked_path(), &revoked.to_text())
    }

    /// Returns where the list of what is revoked lies.
    pub fn revoked_path(&self) -> PathBuf {
        self.0.join("revoked")
    }

    /// Returns the directory's path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the claims of a new token for a subject, valid from now on.
    ///
    /// # Errors
    /// When the name of the deployment cannot be read.
    pub fn claims(
        &self,
        subject: crate::Subject,
        life: std::time::Duration,
        now: Timestamp,
    ) -> Result<Claims, DirectoryError> {
        let now =
            Timestamp::from_second(now.as_second()).expect("it was a time before its fraction was cut off");
        let life = SignedDuration::try_from(life).unwrap_or(SignedDuration::MAX);
        Ok(Claims {
            token_id: Label::cut(&Uuid::new_v4().to_string()),
            subject,
            audience: self.deployment()?,
            valid_from: now,
            expires_at: now.checked_add(life).unwrap_or(Timestamp::MAX),
        })
    }

    fn signing_path(&self) -> PathBuf {
        self.0.join("signing.key")
    }

    fn deployment_path(&self) -> PathBuf {
        self.0.join("deployment")
    }

    /// Writes a file as a whole, for its owner only: who reads it meanwhile reads the one before.
    fn replace(&self, path: &Path, text: &str) -> Result<(), DirectoryError> {
        let unfinished = self.0.join(format!(".new-{}", Uuid::new_v4()));
        let write = || {
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, path)
        };
        write().map_err(at(path))
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> DirectoryError {
    let path = path.to_owned();
    move |source| DirectoryError::Io { path, source }
}

fn read(path: &Path) -> Result<String, DirectoryError> {
    if fs::metadata(path).map_err(at(path))?.len() > MAX_BYTES {
        return Err(DirectoryError::TooLong(path.to_owned()));
    }
    fs::read_to_string(path).map_err(at(path))
}
