//! What a token says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};
use watchkeeper_model::{AgentPattern, Label, OperatorRole, PersonId, Role, Scope};

/// Longest life of a token (`security.md` 3): a stolen one is soon worth nothing.
pub const MAX_LIFE: Duration = Duration::from_mins(15);

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An agent, or all of a gateway whose ids begin alike: each publishes as itself, and nothing else.
    Agent(AgentPattern),
    /// A person.
    Person {
        /// Who.
        person: PersonId,
        /// In which role.
        role: OperatorRole,
        /// For which agents.
        scope: Scope,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(agent) => write!(f, "agent {}", agent.as_str()),
            Self::Person { person, role, scope } => write!(f, "{person}, {role} of {scope}"),
        }
    }
}

/// The claims of a token. Times are whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Names the token, so that it can be revoked.
    pub token_id: Label,
    /// Whose.
    pub subject: Subject,
    /// For which deployment.
    pub audience: Label,
    /// Not before.
    pub valid_from: Timestamp,
    /// Not from then on.
    pub expires_at: Timestamp,
}

/// The claims as they are written: the registered names of the PASETO specification, and two of ours.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    jti: Label,
    sub: String,
    aud: Label,
    nbf: Timestamp,
    exp: Timestamp,
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
}

impl Written {
    pub(crate) fn of(claims: &Claims) -> Self {
        let (sub, role, scope) = match &claims.subject {
            Subject::Agent(agent) => (agent.as_str().to_owned(), Role::Agent, None),
            Subject::Person { person, role, scope } => {
                (person.as_str().to_owned(), Role::from(*role), Some(scope.clone()))
            }
        };
        Self {
            jti: claims.token_id.clone(),
            sub,
            aud: claims.audience.clone(),
            nbf: claims.valid_from,
            exp: claims.expires_at,
            role,
            scope,
        }
    }

    /// Returns the claims; `None` where they do not fit together.
    pub(crate) fn into_claims(self) -> Option<Claims> {
        let person = |role| {
            let person = PersonId::new(&self.sub).ok()?;
            Some(Subject::Person { person, role, scope: self.scope.clone()? })
        };
        let subject = match self.role {
            Role::Agent if self.scope.is_some() => None,
            Role::Agent => AgentPattern::new(&self.sub).ok().map(Subject::Agent),
            Role::Observer => person(OperatorRole::Observer),
            Role::Auditor => person(OperatorRole::Auditor),
            Role::Operator => person(OperatorRole::Operator),
            Role::Supervisor => person(OperatorRole::Supervisor),
        }?;
        Some(Claims {
            token_id: self.jti,
            subject,
            audience: self.aud,
            valid_from: self.nbf,
            expires_at: self.exp,
        })
    }
}
