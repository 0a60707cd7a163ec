//! Who is let in, as whom, and for how long.
//!
//! A development run has one secret, that of [`token`](crate::token): who knows it is who he says he is. A site has a
//! directory of keys: who shows a token that one of them signed is whom the token names, within its role and scope.

use crate::{clock::Clock, token::TokenDigest};
use anyhow::Context;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::sync::watch;
use watchkeeper_identity::{
    Claims, DirectoryError, KeyDirectory, Revoked, Subject, TokenRefusal, Verified, VerifyingKeys, verify,
};
use watchkeeper_model::{Access, Label, MonoTime, OperatorRole, PersonId};
use watchkeeper_protocol::Hello;

/// For how long somebody may still act when his token has expired (`security.md` 3): a refresh that is late must not
/// take an agent out of his hands.
pub(crate) const GRACE: Duration = Duration::from_secs(30);
/// How often the directory of keys is looked at: what is revoked must be so within a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What somebody has proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// He knows the secret of this run.
    Run,
    /// An agent that TLS knows by its certificate.
    Certificate,
    /// His token, and the key that signed it.
    Token(Box<Verified>),
}

/// Says why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stranger {
    /// The secret of a development run is absent or wrong.
    #[error("the token is wrong or absent; the file `token` in the runtime directory holds it")]
    NotOfThisRun,
    /// No token, where one is needed.
    #[error("no token came, and this monitor asks for one: `watchkeeper token issue` makes it (rule: token)")]
    NoToken,
    /// The token lets nobody in.
    #[error("{0} (rule: token)")]
    Token(#[from] TokenRefusal),
    /// The hello names somebody else than the token.
    #[error("the token is of {token}, and the hello names {hello} (rule: subject)")]
    Subject {
        /// Whose token it is.
        token: String,
        /// Whom the hello names.
        hello: String,
    },
    /// The hello names a role that the token does not give.
    #[error("the token is for role {granted}, and not for {wanted} (rule: role)")]
    Role {
        /// What the token gives.
        granted: OperatorRole,
        /// What the hello wants.
        wanted: OperatorRole,
    },
}

/// What is trusted just now.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    keys: VerifyingKeys,
    revoked: Revoked,
}

/// Who decides about tokens.
#[derive(Clone, Debug)]
pub(crate) enum Gatekeeper {
    /// One secret for everybody.
    Run(TokenDigest),
    /// A directory of keys.
    Keys {
        /// For whom tokens must be meant.
        audience: Label,
        /// As the directory stands.
        trust: watch::Receiver<Arc<Trust>>,
    },
}

impl Gatekeeper {
    /// Looks at a token.
    pub(crate) fn examine(&self, token: &str, clock: Clock) -> Result<Proof, Stranger> {
        match self {
            Self::Run(digest) if digest.accepts(token) => Ok(Proof::Run),
            Self::Run(_) => Err(Stranger::NotOfThisRun),
            Self::Keys { audience, trust } => {
                let Trust { keys, revoked } = &**trust.borrow();
                let verified = verify(keys, audience, revoked, token, clock.timestamp())?;
                Ok(Proof::Token(Box::new(verified)))
            }
        }
    }

    /// Returns why somebody who showed no token is not let in.
    pub(crate) const fn without_token(&self) -> Stranger {
        match self {
            Self::Run(_) => Stranger::NotOfThisRun,
            Self::Keys { .. } => Stranger::NoToken,
        }
    }

    /// Returns what changes when keys come and go, or something is revoked; `None` where nothing can.
    pub(crate) fn trust(&self) -> Option<watch::Receiver<Arc<Trust>>> {
        match self {
            Self::Run(_) => None,
            Self::Keys { trust, .. } => Some(trust.clone()),
        }
    }
}

impl Trust {
    /// Returns whether somebody's token was revoked since, or the key that signed it is trusted no longer.
    pub(crate) fn revokes(&self, token: &Verified) -> bool {
        self.revoked.contains(&token.claims) || !self.keys.trusts(&token.key_id)
    }
}

impl Proof {
    /// Checks that a hello is of whom the token names; returns what he may do, `None` in a development run and for agents.
    pub(crate) fn admit(&self, hello: &Hello, clock: Clock) -> Result<Option<Access>, Stranger> {
        let claims = match (self, hello) {
            (Self::Token(verified), Hello::Agent(_) | Hello::Operator(_)) => &verified.claims,
            (Self::Run, Hello::Agent(_) | Hello::Operator(_)) | (Self::Certificate, Hello::Agent(_)) => {
                return Ok(None);
            }
            // A certificate is an agent's.
            (Self::Certificate, Hello::Operator(_)) => return Err(Stranger::NoToken),
        };
        let differ = |hello: String| Stranger::Subject { token: claims.subject.to_string(), hello };
        match (&claims.subject, hello) {
            (Subject::Agent(pattern), Hello::Agent(hello)) if pattern.matches(&hello.agent) => Ok(None),
            (Subject::Person { person, .. }, Hello::Operator(hello)) if *person == hello.person => {
                self.access(person, hello.role, clock)
            }
            (Subject::Agent(_) | Subject::Person { .. }, Hello::Agent(hello)) => {
                Err(differ(format!("agent {}", hello.agent)))
            }
            (Subject::Agent(_) | Subject::Person { .. }, Hello::Operator(hello)) => {
                Err(differ(hello.person.to_string()))
            }
        }
    }

    /// Returns what a person may do in a role, with this token.
    pub(crate) fn access(
        &self,
        who: &PersonId,
        wanted: OperatorRole,
        clock: Clock,
    ) -> Result<Option<Access>, Stranger> {
        let Self::Token(verified) = self else { return Ok(None) };
        let claims = &verified.claims;
        let Subject::Person { person, role, scope } = &claims.subject else {
            return Err(Stranger::Subject { token: claims.subject.to_string(), hello: who.to_string() });
        };
        if person != who {
            return Err(Stranger::Subject { token: claims.subject.to_string(), hello: who.to_string() });
        }
        if !includes(*role, wanted) {
            return Err(Stranger::Role { granted: *role, wanted });
        }
        Ok(Some(Access {
            role: wanted,
            scope: scope.clone(),
            token_id: Some(claims.token_id.clone()),
            acts_until: Some(acts_until(claims, clock)),
        }))
    }
}

/// Returns whether somebody with one role may come in another: as less than he is, for a look.
const fn includes(granted: OperatorRole, wanted: OperatorRole) -> bool {
    match (granted, wanted) {
        (_, OperatorRole::Observer)
        | (OperatorRole::Auditor, OperatorRole::Auditor)
        | (OperatorRole::Operator | OperatorRole::Supervisor, OperatorRole::Operator)
        | (OperatorRole::Supervisor, OperatorRole::Supervisor) => true,
        (_, OperatorRole::Auditor | OperatorRole::Operator | OperatorRole::Supervisor) => false,
    }
}

/// From then on the wall clock may say what it wants (`security.md` T19): the end is a moment of the monotonic one.
fn acts_until(claims: &Claims, clock: Clock) -> MonoTime {
    let left = claims.expires_at.duration_since(clock.timestamp());
    clock.now().after(Duration::try_from(left).unwrap_or_default().saturating_add(GRACE))
}

/// Opens a directory of keys, and follows it in a task for as long as somebody asks.
///
/// # Errors
/// When it cannot be read as a whole.
pub(crate) fn open(path: &Path) -> anyhow::Result<Gatekeeper> {
    let directory = KeyDirectory::new(path);
    let what = || {
        format!(
            "reading the keys in {}; `watchkeeper token keys {} --create` makes them",
            path.display(),
            path.display()
        )
    };
    let audience = directory.deployment().with_context(what)?;
    let trust = Trust {
        keys: directory.verifying_keys().with_context(what)?,
        revoked: directory.revoked().with_context(what)?,
    };
    warn_if_others_may_write(&directory);
    let (sender, receiver) = watch::channel(Arc::new(trust));
    tokio::spawn(follow(directory, sender));
    Ok(Gatekeeper::Keys { audience, trust: receiver })
}

/// Who may write there may let in whom he likes.
fn warn_if_others_may_write(directory: &KeyDirectory) {
    for path in [directory.path().to_owned(), directory.path().join("trusted"), directory.revoked_path()] {
        if fs::metadata(&path).is_ok_and(|found| found.permissions().mode() & 0o022 != 0) {
            tracing::warn!(path = %path.display(), "others than its owner may change who is let in: chmod go-w it");
        }
    }
}

/// Reads what can be read: a key that is damaged must not hold up what is revoked, nor the other way round.
fn read(directory: &KeyDirectory, before: &Trust) -> (Trust, Vec<DirectoryError>) {
    let mut errors = Vec::new();
    let mut or_before = |error| errors.push(error);
    let keys = directory.verifying_keys().map_err(&mut or_before).unwrap_or_else(|()| before.keys.clone());
    let revoked = directory.revoked().map_err(&mut or_before).unwrap_or_else(|()| before.revoked.clone());
    (Trust { keys, revoked }, errors)
}

/// Reads the directory again when it has changed. What cannot be read changes nothing, and is said once.
async fn follow(directory: KeyDirectory, sender: watch::Sender<Arc<Trust>>) {
    let mut seen = None;
    let mut complained = false;
    loop {
        tokio::select! {
            biased;
            () = sender.closed() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let (looked, before) = (directory.clone(), Arc::clone(&sender.borrow()));
        let now = tokio::task::spawn_blocking(move || {
            let stamp = stamp(&looked);
            (Some(stamp) != seen).then(|| (stamp, read(&looked, &before)))
        });
        match now.await {
            Ok(None) => {}
            Ok(Some((stamp, (trust, errors)))) => {
                // The first look sees what was there at the start. What cannot be read is tried again.
                seen = errors.is_empty().then_some(stamp);
                for error in &errors {
                    if !complained {
                        tracing::error!(%error, "the keys cannot be read; what was read before still counts");
                    }
                }
                complained = !errors.is_empty();
                sender.send_replace(Arc::new(trust));
            }
            Err(error) => tracing::error!(%error, "looking at the keys failed"),
        }
    }
}

/// What changes when a file of the directory does: when it was written, and how long it is.
type Stamp = [Option<(SystemTime, u64)>; 2];

fn stamp(directory: &KeyDirectory) -> Stamp {
    let of = |path: PathBuf| {
        let found = fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    [of(directory.revoked_path()), of(directory.path().join("trusted"))]
}
