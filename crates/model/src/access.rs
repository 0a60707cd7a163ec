//! Who may do what: one table of roles and permissions, and the agents that a person may do it to.
//!
//! Grants only add up, what is not granted is denied, and every denial names its rule (NIST SP 800-162: an access
//! decision has a rule that can be pointed at). `docs/roles.md` is made from [`Permission::ALL`], and so are the tests.

use crate::{AgentId, IdError, Label, MonoTime, OperatorRole, bounded_vec, control::words};
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// Most patterns of one scope.
pub const MAX_SCOPE: usize = 16;

words! {
    /// In which role somebody talks to the monitor.
    Role {
        /// Decides, and is supervised.
        Agent = "agent",
        /// Reads.
        Observer = "observer",
        /// Reads, and checks the record; never acts.
        Auditor = "auditor",
        /// Answers alerts, takes over, stops.
        Operator = "operator",
        /// Also what one person alone should not do to another's work.
        Supervisor = "supervisor",
    }
}

impl From<OperatorRole> for Role {
    fn from(role: OperatorRole) -> Self {
        match role {
            OperatorRole::Observer => Self::Observer,
            OperatorRole::Auditor => Self::Auditor,
            OperatorRole::Operator => Self::Operator,
            OperatorRole::Supervisor => Self::Supervisor,
        }
    }
}

impl OperatorRole {
    /// Returns whether people in this role have a permission, for some agents at least.
    pub fn may(self, permission: Permission) -> bool {
        permission.reach(self.into()) != Reach::Nothing
    }
}

words! {
    /// What somebody may be allowed to do.
    Permission {
        /// Publish decisions and heartbeats, ask for a person, answer commands.
        Publish = "publish",
        /// See agents, their alerts, commands, leases and takeovers, and who is there.
        Read = "read",
        /// Acknowledge an alert.
        Acknowledge = "acknowledge",
        /// Shelve an alert, and take it back.
        Shelve = "shelve",
        /// Reset an alert that is latched.
        Reset = "reset",
        /// Claim, engage, drive, hand back, release; send commands and tasks; ask how long the way to an agent is.
        Drive = "drive",
        /// Ask for control of an agent that somebody else drives, and answer such a wish.
        Handover = "handover",
        /// Stop an agent, lease or not.
        Stop = "stop",
        /// Let somebody else hand back although the cause is still there.
        Waive = "waive",
        /// Say what a takeover was worth.
        Label = "label",
        /// Take control from somebody without asking.
        PreEmpt = "pre_empt",
        /// Clear the latch of an ESTOP.
        ClearEstop = "clear_estop",
        /// Take an agent, or one of its alerts, out of service, and put it back.
        OutOfService = "out_of_service",
        /// Let an agent that fell back too often go on.
        EndLockOut = "end_lock_out",
        /// Let an agent's own software work on a task for longer than a shift.
        LongTask = "long_task",
        /// Make keys, issue and revoke tokens: with the files of the key directory, never over a connection.
        ManageKeys = "manage_keys",
    }
}

/// How far a permission of a role reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not at all.
    Nothing,
    /// Only the one who asks: an agent itself.
    Own,
    /// The agents of the scope that the token names.
    Scope,
}

impl Reach {
    /// Returns the word of the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "-",
            Self::Own => "own",
            Self::Scope => "scope",
        }
    }
}

impl Permission {
    /// Returns how far it reaches in a role: the table.
    pub const fn reach(self, role: Role) -> Reach {
        let (reach, is_holder) = match self {
            Self::Publish => (Reach::Own, matches!(role, Role::Agent)),
            Self::Read => (Reach::Scope, !matches!(role, Role::Agent)),
            Self::Acknowledge
            | Self::Shelve
            | Self::Reset
            | Self::Drive
            | Self::Handover
            | Self::Stop
            | Self::Waive
            | Self::Label => (Reach::Scope, matches!(role, Role::Operator | Role::Supervisor)),
            Self::PreEmpt | Self::ClearEstop | Self::OutOfService | Self::EndLockOut | Self::LongTask => {
                (Reach::Scope, matches!(role, Role::Supervisor))
            }
            Self::ManageKeys => (Reach::Nothing, false),
        };
        if is_holder { reach } else { Reach::Nothing }
    }

    /// Returns whether it only reads: what goes on when a token has expired.
    pub const fn only_reads(self) -> bool {
        matches!(self, Self::Read)
    }

    /// Returns who has it, in words, for a denial.
    fn holders(self) -> String {
        let holders: Vec<&str> = Role::ALL
            .iter()
            .filter(|role| self.reach(**role) != Reach::Nothing)
            .map(|role| role.word())
            .collect();
        if holders.is_empty() { "nobody over a connection".to_owned() } else { holders.join(", ") }
    }
}

/// A name of agents: one id, or the beginning of ids with a `*` behind it; `*` alone is every agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgentPattern(String);

impl AgentPattern {
    /// Checks and makes the pattern.
    ///
    /// # Errors
    /// When what stands before the `*` could not begin an agent's id.
    pub fn new(text: &str) -> Result<Self, IdError> {
        let start = text.strip_suffix('*').unwrap_or(text);
        if start.is_empty() && text == "*" {
            return Ok(Self(text.to_owned()));
        }
        AgentId::new(start).map(|_is_one| Self(text.to_owned()))
    }

    /// Returns the text of the pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether an agent is meant.
    pub fn matches(&self, agent: &AgentId) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => agent.as_str().starts_with(start),
            None => agent.as_str() == self.0,
        }
    }
}

crate::text::serialize_as_text!(AgentPattern);

/// The agents that somebody is responsible for: those that any of its patterns names. Without patterns it is nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(#[serde(deserialize_with = "bounded_vec::<_, _, MAX_SCOPE>")] Vec<AgentPattern>);

/// Says why a list of patterns is no scope.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScopeError {
    /// More patterns than [`MAX_SCOPE`].
    #[error("a scope has at most {MAX_SCOPE} patterns, this one has {0}")]
    TooMany(usize),
    /// A pattern names no agent.
    #[error("{pattern:?} names no agents: give an id, or the beginning of ids and a *: {problem}")]
    Pattern {
        /// The pattern as it came.
        pattern: String,
        /// What is wrong with it.
        problem: IdError,
    },
}

impl Scope {
    /// Returns the scope of every agent.
    pub fn everything() -> Self {
        Self(vec![AgentPattern("*".to_owned())])
    }

    /// Makes a scope of patterns.
    ///
    /// # Errors
    /// See [`ScopeError`].
    pub fn new<'t>(patterns: impl IntoIterator<Item = &'t str>) -> Result<Self, ScopeError> {
        let patterns: Vec<AgentPattern> = patterns
            .into_iter()
            .map(|pattern| {
                AgentPattern::new(pattern)
                    .map_err(|problem| ScopeError::Pattern { pattern: pattern.to_owned(), problem })
            })
            .collect::<Result<_, _>>()?;
        if patterns.len() > MAX_SCOPE {
            return Err(ScopeError::TooMany(patterns.len()));
        }
        Ok(Self(patterns))
    }

    /// Returns whether every agent is in it.
    pub fn is_everything(&self) -> bool {
        self.0.iter().any(|pattern| pattern.0 == "*")
    }

    /// Returns its patterns.
    pub fn patterns(&self) -> &[AgentPattern] {
        &self.0
    }

    /// Returns whether an agent is in it.
    pub fn contains(&self, agent: &AgentId) -> bool {
        self.0.iter().any(|pattern| pattern.matches(agent))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no agent");
        }
        for (index, pattern) in self.0.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, pattern.as_str())?;
        }
        Ok(())
    }
}

/// What a person may do in a session, as his token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// In which role.
    pub role: OperatorRole,
    /// To which agents.
    pub scope: Scope,
    /// The token that says so; `None` for the token of a development run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<Label>,
    /// From when on its bearer only reads, on the monitor's clock; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts_until: Option<MonoTime>,
}

/// Says why somebody may not do something, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Denial {
    /// His role does not have the permission.
    #[error("role {role} may not {permission}: {holders} may (rule: {permission})", holders = permission.holders())]
    Role {
        /// His role.
        role: Role,
        /// What he wanted.
        permission: Permission,
    },
    /// He has it, for other agents.
    #[error("{agent} is none of your agents, which are {scope} (rule: scope)")]
    Scope {
        /// Which agent.
        agent: AgentId,
        /// Whose he may touch.
        scope: Scope,
    },
    /// He had it.
    #[error(
        "your token has expired: you may read, and not {permission}, until you show a new one (rule: expiry)"
    )]
    Expired {
        /// What he wanted.
        permission: Permission,
    },
}

impl Denial {
    /// Returns the word of the rule, for others than whom it denies: it says nothing of his scope.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Role { permission, .. } => permission.word(),
            Self::Scope { .. } => "scope",
            Self::Expired { .. } => "expiry",
        }
    }
}

impl Access {
    /// Returns the access of a development run: every agent, in the role that somebody says is his.
    pub fn unrestricted(role: OperatorRole) -> Self {
        Self { role, scope: Scope::everything(), token_id: None, acts_until: None }
    }

    /// Checks whether something is allowed, to `agent` where it is done to one.
    ///
    /// # Errors
    /// See [`Denial`].
    pub fn check(
        &self,
        permission: Permission,
        agent: Option<&AgentId>,
        now: MonoTime,
    ) -> Result<(), Denial> {
        let role = Role::from(self.role);
        let in_scope = match permission.reach(role) {
            // No person is an agent.
            Reach::Nothing | Reach::Own => return Err(Denial::Role { role, permission }),
            Reach::Scope => agent.is_none_or(|agent| self.scope.contains(agent)),
        };
        if self.is_over(now) && !permission.only_reads() {
            return Err(Denial::Expired { permission });
        }
        match agent {
            Some(agent) if !in_scope => {
                Err(Denial::Scope { agent: agent.clone(), scope: self.scope.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns whether its bearer only reads.
    pub fn is_over(&self, now: MonoTime) -> bool {
        self.acts_until.is_some_and(|until| now >= until)
    }

    /// Returns whether something is allowed, to `agent` where it is done to one.
    pub fn allows(&self, permission: Permission, agent: Option<&AgentId>, now: MonoTime) -> bool {
        self.check(permission, agent, now).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// The table as people read it.
    fn page() -> String {
        let mut page = String::from(
            "# Roles\n\nWho may do what. The table is made from `crates/model/src/access.rs`, where the monitor looks it \
             up; what is not\ngranted is denied, and every denial names its rule. `scope`: to the agents that the token \
             names, for reading and\nacting alike; `own`: to itself.\n\n| permission |",
        );
        for role in Role::ALL {
            write!(page, " {role} |").unwrap();
        }
        page.push_str("\n|---|");
        page.push_str(&"---|".repeat(Role::ALL.len()));
        page.push('\n');
        for permission in Permission::ALL {
            write!(page, "| `{permission}` |").unwrap();
            for role in Role::ALL {
                write!(page, " {} |", permission.reach(*role).word()).unwrap();
            }
            page.push('\n');
        }
        page.push_str(
            "\nWhat is outside of its scope does not exist for a console: no message names such an agent, and asking for one\n\
             is refused alike whether it is there or not ([security.md](security.md#what-a-console-sees)). A token that is\n\
             issued without `--scope` has the scope `*`, every agent; one of no pattern sees nobody.\n\n\
             A token that has expired still reads; it does nothing else. Keys and tokens are made, issued and revoked with \
             the\nfiles of the key directory (`watchkeeper token`), never over a connection.\n",
        );
        page
    }

    #[test]
    fn the_page_of_roles_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/roles.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), page(), "UPDATE_DOCS=1 writes it anew");
    }

    #[test]
    fn whoever_acts_may_read_and_an_auditor_never_acts() {
        for permission in Permission::ALL {
            assert_eq!(permission.reach(Role::Auditor) != Reach::Nothing, permission.only_reads());
            if permission.reach(Role::Operator) == Reach::Scope {
                assert_eq!(permission.reach(Role::Supervisor), Reach::Scope, "{permission}");
            }
        }
        for role in OperatorRole::ALL {
            assert_eq!(Permission::Read.reach(Role::from(*role)), Reach::Scope);
        }
    }

    #[test]
    fn every_cell_holds_within_the_scope_and_until_the_token_expires() {
        let (mine, other) = (AgentId::new("truck-7").unwrap(), AgentId::new("card-1").unwrap());
        for role in OperatorRole::ALL {
            let scope = Scope::new(["truck-*", "lab"]).unwrap();
            let access = Access { scope, ..Access::unrestricted(*role) };
            let end = MonoTime::from_nanos(1_000);
            let (before, access) = (MonoTime::from_nanos(999), Access { acts_until: Some(end), ..access });
            for permission in Permission::ALL {
                let reach = permission.reach(Role::from(*role));
                let granted = reach == Reach::Scope;
                assert_eq!(access.allows(*permission, Some(&mine), before), granted, "{role} {permission}");
                assert_eq!(access.allows(*permission, None, before), granted, "{role} {permission}");
                assert_eq!(
                    access.allows(*permission, Some(&mine), end),
                    granted && permission.only_reads(),
                    "{role} {permission}"
                );
                let rule = match reach {
                    Reach::Scope => "(rule: scope)".to_owned(),
                    Reach::Nothing | Reach::Own => format!("(rule: {permission})"),
                };
                let denial = access.check(*permission, Some(&other), before).unwrap_err().to_string();
                assert!(denial.ends_with(&rule), "{role} {permission}");
            }
        }
    }

    #[test]
    fn patterns_name_one_agent_or_those_that_begin_alike() {
        let truck = AgentId::new("truck-7").unwrap();
        for (pattern, meant) in [
            ("truck-7", true),
            ("truck-*", true),
            ("*", true),
            ("truck", false),
            ("truck-70", false),
            ("card-*", false),
        ] {
            assert_eq!(AgentPattern::new(pattern).unwrap().matches(&truck), meant, "{pattern}");
        }
        for wrong in ["", "a*b", "**", "tr uck"] {
            assert!(AgentPattern::new(wrong).is_err(), "{wrong:?}");
        }
        assert!(!Scope::default().contains(&truck), "no pattern is nobody");
        assert!(Scope::new(["lab", "*"]).unwrap().is_everything());
        assert!(!Scope::new(["lab", "truck-*"]).unwrap().is_everything());
        assert_eq!(Scope::new(["a"; 17]), Err(ScopeError::TooMany(17)));
    }
}
