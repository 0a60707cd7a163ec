//! What a person may tell an agent's own software to do: the sets of `takeover.md` 3.2 beyond the verbs that the gate
//! carries out itself.

use crate::{AgentKind, CommandArgs, PlanPoint, RiskClass, control::words};
use serde::{Deserialize, Serialize};
use std::fmt;

words! {
    /// A task for the agent's own software. The gate lets it pass or refuses it; the software does it, and says so.
    TaskVerb {
        /// Hazard lights on.
        Hazards = "hazards",
        /// Drive in the mode `target`.
        SetMode = "set_mode",
        /// Drive to the one point of `path` and stand there.
        Goto = "goto",
        /// Follow the route `target` from here on.
        Reroute = "reroute",
        /// The path `target` that the agent proposed may be driven.
        ApprovePath = "approve_path",
        /// Drive along `path`, if the agent finds it safe.
        ProposePath = "propose_path",
        /// The object `target` is none for the time `ttl_nanos`.
        IgnoreObject = "ignore_object",
        /// What the agent asks about `target` is so.
        Confirm = "confirm",
        /// Hold the payment `target` for the time `ttl_nanos`.
        HoldPayment = "hold_payment",
        /// Ask the customer of `target` to prove who he is.
        StepUp = "step_up",
        /// Freeze the card `target` for the time `ttl_nanos`.
        FreezeCard = "freeze_card",
        /// At most `amount` payments an hour from `target`, or fewer where fewer were allowed.
        VelocityCap = "velocity_cap",
        /// Payments: let `target` pass. Software agents: the call `target` may be made.
        Approve = "approve",
        /// Hold the payment `target` no longer.
        ReleaseHold = "release_hold",
        /// Decline the payment `target`.
        Decline = "decline",
        /// Pay `target` back.
        Refund = "refund",
        /// Undo the authorisation `target`.
        Reverse = "reverse",
        /// The card `target` may pay again.
        Unfreeze = "unfreeze",
        /// The rule and entity `target` raise nothing for the time `ttl_nanos`.
        SnoozeRule = "snooze_rule",
        /// `target` was `text`.
        Label = "label",
        /// Ask the customer of `target` for `text`.
        RequestInfo = "request_info",
        /// `target` is for `text` to look at.
        Assign = "assign",
        /// `target` goes to a higher level, because of `text`.
        Escalate = "escalate",
        /// At most `amount` calls a minute, or fewer where fewer were allowed.
        Throttle = "throttle",
        /// The tool `target` may not be used any more.
        RevokeTool = "revoke_tool",
        /// No effect leaves the agent's sandbox any more.
        Quarantine = "quarantine",
        /// The call `target` is not made, because of `text`.
        Reject = "reject",
        /// The call `target` is made with the arguments `text` instead.
        Edit = "edit",
        /// Go back to the checkpoint `target`.
        Rollback = "rollback",
        /// Act by itself up to level `amount`.
        SetAutonomy = "set_autonomy",
        /// The tool `target` may be used without asking for the time `ttl_nanos`.
        GrantSticky = "grant_sticky",
        /// Answer the agent with `text`.
        Respond = "respond",
        /// `text` is a note on what the agent did.
        Annotate = "annotate",
    }
}

/// How a task stands to whoever leads the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskClass {
    /// Makes things safer, and only that: open to operators without a lease.
    Safer,
    /// Of the person in control alone.
    Exclusive,
    /// Helps an agent that acts by itself; no control moves.
    Assist,
    /// Says something about what was; whoever leads goes on as before.
    Note,
}

/// An argument that a task needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskArg {
    /// `target`: what it is about.
    Target,
    /// `ttl_nanos`: for how long.
    Ttl,
    /// `amount`: how many, or how much.
    Amount,
    /// `path`, one point.
    Place,
    /// `path`, one point or more.
    Path,
    /// `text`.
    Text,
}

impl TaskArg {
    /// Returns the word for it in a line that a person types, and in a refusal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Target => "TARGET",
            Self::Ttl => "SPAN",
            Self::Amount => "NUMBER",
            Self::Place => "EAST,NORTH",
            Self::Path => "EAST,NORTH;...",
            Self::Text => "TEXT",
        }
    }
}

use AgentKind::{SoftwareAgent, Transaction, Vehicle};
use TaskArg::{Amount, Path, Place, Target, Text, Ttl};
use TaskClass::{Assist, Exclusive, Note, Safer};

impl TaskVerb {
    /// Returns the row of the table of `takeover.md` 3.2: for which kinds of agent it is, how it stands to whoever
    /// leads, and what it needs, in the order in which a person types it.
    const fn row(self) -> (&'static [AgentKind], TaskClass, &'static [TaskArg]) {
        match self {
            Self::Hazards => (&[Vehicle], Safer, &[]),
            Self::SetMode | Self::Reroute => (&[Vehicle], Exclusive, &[Target]),
            Self::Goto => (&[Vehicle], Exclusive, &[Place]),
            Self::ApprovePath | Self::Confirm => (&[Vehicle], Assist, &[Target]),
            Self::ProposePath => (&[Vehicle], Assist, &[Path]),
            Self::IgnoreObject => (&[Vehicle], Assist, &[Target, Ttl]),
            Self::HoldPayment | Self::FreezeCard => (&[Transaction], Safer, &[Target, Ttl]),
            Self::StepUp => (&[Transaction], Safer, &[Target]),
            Self::VelocityCap => (&[Transaction], Safer, &[Target, Amount]),
            Self::Approve => (&[Transaction, SoftwareAgent], Exclusive, &[Target]),
            Self::ReleaseHold | Self::Decline | Self::Refund | Self::Reverse | Self::Unfreeze => {
                (&[Transaction], Exclusive, &[Target])
            }
            Self::SnoozeRule => (&[Transaction], Exclusive, &[Target, Ttl]),
            Self::Label | Self::RequestInfo | Self::Assign | Self::Escalate => {
                (&[Transaction], Note, &[Target, Text])
            }
            Self::Throttle => (&[SoftwareAgent], Safer, &[Amount]),
            Self::RevokeTool => (&[SoftwareAgent], Safer, &[Target]),
            Self::Quarantine => (&[SoftwareAgent], Safer, &[]),
            Self::Reject | Self::Edit => (&[SoftwareAgent], Exclusive, &[Target, Text]),
            Self::Rollback => (&[SoftwareAgent], Exclusive, &[Target]),
            Self::SetAutonomy => (&[SoftwareAgent], Exclusive, &[Amount]),
            Self::GrantSticky => (&[SoftwareAgent], Exclusive, &[Target, Ttl]),
            Self::Respond => (&[SoftwareAgent], Assist, &[Text]),
            Self::Annotate => (&[SoftwareAgent], Note, &[Text]),
        }
    }

    /// Returns the kinds of agent that it is for; a generic agent may have any.
    pub const fn kinds(self) -> &'static [AgentKind] {
        self.row().0
    }

    /// Returns whether an agent of this kind may have it.
    pub fn is_for(self, kind: AgentKind) -> bool {
        kind == AgentKind::Generic || self.kinds().contains(&kind)
    }

    /// Returns how it stands to whoever leads the agent.
    pub const fn class(self) -> TaskClass {
        self.row().1
    }

    /// Returns what it needs, in the order in which a person types it.
    pub const fn needs(self) -> &'static [TaskArg] {
        self.row().2
    }

    /// Returns its risk class: all but the safer ones are never sent twice, and durable before they leave.
    pub const fn risk(self) -> RiskClass {
        match self.class() {
            Safer => RiskClass::Safer,
            Exclusive | Assist | Note => RiskClass::Exclusive,
        }
    }

    /// Returns whether the monitor mints an epoch for each such command, because none rests on the drive lease.
    pub const fn has_own_epoch(self) -> bool {
        matches!(self.class(), Assist | Note)
    }

    /// Checks that the arguments are there and in range.
    ///
    /// # Errors
    /// The first argument that is missing, or wrong.
    pub fn check(self, args: &CommandArgs) -> Result<(), TaskArg> {
        for need in self.needs() {
            let fits = match need {
                Target => args.target.as_ref().is_some_and(|target| !target.as_str().trim().is_empty()),
                Ttl => args.ttl_nanos.is_some_and(|nanos| nanos > 0),
                Amount => args.amount.is_some_and(|amount| amount.is_finite() && amount >= 0.0),
                Place => args.path.len() == 1 && is_finite(&args.path),
                Path => !args.path.is_empty() && is_finite(&args.path),
                Text => args.text.as_ref().is_some_and(|text| !text.as_str().trim().is_empty()),
            };
            if !fits {
                return Err(*need);
            }
        }
        Ok(())
    }

    /// Returns how a person writes it: the verb and what it needs.
    pub fn usage(self) -> String {
        let needs = self.needs().iter().map(|need| format!(" {}", need.word()));
        std::iter::once(self.word().to_owned()).chain(needs).collect()
    }
}

fn is_finite(path: &[PlanPoint]) -> bool {
    path.iter().all(|point| point.x_meters.is_finite() && point.y_meters.is_finite())
}

/// What the agent's own software says of a task that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskReport {
    /// It is at it; so many per cent are done, 0 to 100, where it can say.
    Underway(Option<u8>),
    /// It is done.
    Done,
    /// It cannot be done.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Label, Note as Words};

    fn all_args() -> CommandArgs {
        CommandArgs {
            target: Some(Label::cut("card-1")),
            ttl_nanos: Some(1),
            amount: Some(0.0),
            path: vec![PlanPoint { x_meters: 0.0, y_meters: 0.0 }],
            text: Some(Words::cut("why")),
            ..CommandArgs::default()
        }
    }

    #[test]
    fn every_verb_takes_what_it_needs_and_misses_each_part_of_it() {
        for verb in TaskVerb::ALL.iter().copied() {
            assert_eq!(verb.check(&all_args()), Ok(()), "{verb}");
            assert!(!verb.kinds().is_empty() && verb.is_for(AgentKind::Generic));
            for need in verb.needs().iter().copied() {
                let mut args = all_args();
                match need {
                    Target => args.target = Some(Label::cut(" ")),
                    Ttl => args.ttl_nanos = Some(0),
                    Amount => args.amount = Some(f64::NAN),
                    Place | Path => args.path.clear(),
                    Text => args.text = None,
                }
                assert_eq!(verb.check(&args), Err(need), "{verb}");
            }
        }
        let point = all_args().path[0];
        let two = CommandArgs { path: vec![point; 2], ..all_args() };
        assert_eq!(TaskVerb::Goto.check(&two), Err(Place));
        assert_eq!(TaskVerb::ProposePath.check(&two), Ok(()));
        let nowhere = CommandArgs { path: vec![PlanPoint { x_meters: f64::NAN, ..point }], ..all_args() };
        assert_eq!(TaskVerb::Goto.check(&nowhere), Err(Place));
    }

    #[test]
    fn only_what_makes_things_safer_needs_no_epoch() {
        for verb in TaskVerb::ALL.iter().copied() {
            assert_eq!(verb.risk() == RiskClass::Safer, verb.class() == Safer, "{verb}");
            assert!(!(verb.has_own_epoch() && verb.risk() == RiskClass::Safer), "{verb}");
        }
        assert_eq!(TaskVerb::IgnoreObject.usage(), "ignore_object TARGET SPAN");
    }
}
