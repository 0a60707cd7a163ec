//! What a person can press: one key each, the same in every console, and why it may not work now.

use crate::{Picture, timers::fresh_within};
use std::{fmt, time::Duration};
use watchkeeper_model::{
    AgentId, AgentKind, ControlState, FallbackLevel, Latch, LatchCause, OperatorRole, Permission, PersonId,
    TaskClass, TaskVerb,
};
use watchkeeper_protocol::operator::AgentStatus;

/// Something a person can do to the selected agent or alert with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Claim the lease.
    Claim,
    /// Take control under the lease.
    Engage,
    /// Stop comfortably and stand.
    Hold,
    /// Drive at most so fast.
    SpeedCap,
    /// Go on after a hold.
    Resume,
    /// Go to the minimal-risk condition.
    MinimalRisk,
    /// Let the agent drive again.
    HandBack,
    /// Give the lease up.
    Release,
    /// Call the demand a false alarm.
    Dismiss,
    /// Release a latch.
    ClearLatch,
    /// Stop the agent at once (ESTOP).
    Stop,
    /// Drive a vehicle by hand.
    Manual,
    /// Ask the holder for control; a supervisor takes it without asking.
    RequestHandover,
    /// Let others take over without asking, or no longer.
    AllowTakeover,
    /// Answer a question of the agent.
    Decide,
    /// Say that somebody else, who holds it, may hand back though the cause is still there.
    Waive,
    /// Give the agent's own software a task.
    Task,
}

/// Why an action cannot be done now, as far as this console knows. The monitor and the agent decide last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// There is no connection: nothing can be sent.
    Disconnected,
    /// This session may only read.
    Observer,
    /// Its token has expired: it reads, and does nothing else.
    Expired,
    /// The agent is none of those that the token names.
    OutOfScope,
    /// The picture is not whole: a snapshot is still coming, or something was missed.
    NotCurrent,
    /// Nobody knows this agent.
    UnknownAgent,
    /// The agent is offline.
    Offline,
    /// The agent has only just connected.
    NotSettled,
    /// The record cannot be written.
    Degraded,
    /// Somebody else holds the lease.
    HeldBy(PersonId),
    /// Somebody else has been granted control and is about to take it.
    PromisedTo(PersonId),
    /// Somebody else has asked for control; one asks at a time.
    AskedBy(PersonId),
    /// This session has asked for control already.
    AlreadyAsked,
    /// Nobody holds it: it can be claimed.
    NobodyHolds,
    /// The lease is this session's, or will be once it engages.
    AlreadyYours,
    /// This session holds no lease.
    ClaimFirst,
    /// Control was not taken yet.
    EngageFirst,
    /// Control is taken, or on its way.
    AlreadyEngaged,
    /// The newest data is too old to take control on.
    TooOld(Duration),
    /// Taking over from an emergency fallback waits for standstill.
    StandstillFirst,
    /// The agent says it cannot drive by itself yet.
    CannotResume,
    /// The control state does not allow it.
    WrongState(ControlState),
    /// The agent is stopped already.
    AlreadyStopped,
    /// A supervisor must do it.
    SupervisorOnly,
    /// There is no latch.
    NoLatch,
    /// The agent's kind has no such command.
    NotForKind(AgentKind),
    /// The agent asks nothing.
    NothingAsked,
    /// The agent's own software takes no tasks.
    NoTasks,
    /// The holder must not be his own second person.
    SecondPersonOnly,
}

impl Unavailable {
    /// Says whether this session can send anything at all, and if not, why not.
    pub fn of_session(picture: &Picture) -> Result<(), Self> {
        if !picture.link().is_connected() {
            return Err(Self::Disconnected);
        }
        match picture.me() {
            Some(me) if me.role.may(Permission::Drive) => match picture.access() {
                Some(access) if access.value.expired => Err(Self::Expired),
                Some(_) | None => Ok(()),
            },
            Some(_) | None => Err(Self::Observer),
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("not connected: nothing can be sent"),
            Self::Observer => f.write_str("in this role you only read"),
            Self::Expired => f.write_str("your token has expired: you only read"),
            Self::OutOfScope => f.write_str("it is none of your agents"),
            Self::NotCurrent => f.write_str("the picture is still loading"),
            Self::UnknownAgent => f.write_str("nobody knows this agent"),
            Self::Offline => f.write_str("the agent is offline"),
            Self::NotSettled => f.write_str("the agent has only just connected"),
            Self::Degraded => f.write_str("the record cannot be written"),
            Self::HeldBy(person) => write!(f, "{person} holds it"),
            Self::PromisedTo(person) => write!(f, "{person} is about to take it"),
            Self::AskedBy(person) => write!(f, "{person} is asking for it"),
            Self::AlreadyAsked => f.write_str("you have asked already"),
            Self::NobodyHolds => f.write_str("nobody holds it: take it over"),
            Self::AlreadyYours => f.write_str("it is yours, or yours once you engage"),
            Self::ClaimFirst => f.write_str("claim it first"),
            Self::EngageFirst => f.write_str("engage first"),
            Self::AlreadyEngaged => f.write_str("already engaged"),
            Self::TooOld(age) => write!(f, "the data is {:.1} s old", age.as_secs_f64()),
            Self::StandstillFirst => f.write_str("emergency fallback: wait for standstill"),
            Self::CannotResume => f.write_str("the agent cannot go on by itself yet"),
            Self::WrongState(state) => write!(f, "not while {}", crate::view::state_word(*state)),
            Self::AlreadyStopped => f.write_str("it is stopped already"),
            Self::SupervisorOnly => f.write_str("a supervisor must do it"),
            Self::NoLatch => f.write_str("no latch is set"),
            Self::NothingAsked => f.write_str("it asks nothing"),
            Self::NoTasks => f.write_str("it takes no tasks"),
            Self::SecondPersonOnly => f.write_str("somebody else must do it"),
            Self::NotForKind(kind) => write!(f, "a {} has no such command", crate::view::kind_word(*kind)),
        }
    }
}

impl Action {
    /// All actions in the order in which consoles list them.
    pub const ALL: [Self; 17] = [
        Self::Claim,
        Self::Engage,
        Self::Hold,
        Self::SpeedCap,
        Self::Resume,
        Self::MinimalRisk,
        Self::HandBack,
        Self::Release,
        Self::Dismiss,
        Self::ClearLatch,
        Self::Stop,
        Self::Manual,
        Self::RequestHandover,
        Self::AllowTakeover,
        Self::Decide,
        Self::Waive,
        Self::Task,
    ];

    /// Returns the key, the same in every console. Engage also has Enter.
    pub const fn key(self) -> char {
        match self {
            Self::Claim => 't',
            Self::Engage => 'e',
            Self::Hold => 'h',
            Self::SpeedCap => 'c',
            Self::Resume => 'g',
            Self::MinimalRisk => 'm',
            Self::HandBack => 'b',
            Self::Release => 'r',
            Self::Dismiss => 'x',
            Self::ClearLatch => 'l',
            Self::Stop => 'S',
            Self::Manual => 'd',
            Self::RequestHandover => 'o',
            Self::AllowTakeover => 'w',
            Self::Decide => 'i',
            Self::Waive => 'v',
            Self::Task => '.',
        }
    }

    /// Returns the verb as it stands on a button, in front of the agent's name.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Claim => "take over",
            Self::Engage => "engage",
            Self::Hold => "hold",
            Self::SpeedCap => "cap speed of",
            Self::Resume => "let go on",
            Self::MinimalRisk => "minimal risk for",
            Self::HandBack => "hand back",
            Self::Release => "release",
            Self::Dismiss => "dismiss demand of",
            Self::ClearLatch => "clear latch of",
            Self::Stop => "STOP",
            Self::Manual => "drive",
            Self::RequestHandover => "ask for control of",
            Self::AllowTakeover => "let others take over",
            Self::Decide => "answer",
            Self::Waive => "waive the cause at",
            Self::Task => "give a task to",
        }
    }

    /// Says whether this session can do it to `agent` now, and if not, why not.
    ///
    /// A stop is refused only without a connection or without the role; old data never holds back what
    /// makes things safer.
    pub fn check(
        self,
        picture: &Picture,
        agent: &AgentId,
        now: watchkeeper_model::MonoTime,
    ) -> Result<(), Unavailable> {
        Unavailable::of_session(picture)?;
        if picture.access().is_some_and(|access| !access.value.scope.contains(agent)) {
            return Err(Unavailable::OutOfScope);
        }
        if self == Self::Stop {
            return Ok(());
        }
        let Some(entry) = picture.agent(agent) else {
            return Err(if picture.is_current() {
                Unavailable::UnknownAgent
            } else {
                Unavailable::NotCurrent
            });
        };
        let status = entry.status();
        if status.offline_nanos.is_some() {
            return Err(Unavailable::Offline);
        }
        if self.is_riskier() {
            check_record(picture)?;
        }
        let stake = Stake::of(picture, status);
        let mine = stake == Stake::Holder;
        match self {
            Self::Claim => check_claim(status, stake),
            Self::Engage => check_engage(status, stake, entry.freshness(now).age),
            Self::Hold => check_moving(status),
            Self::SpeedCap if status.kind != AgentKind::Vehicle => Err(Unavailable::NotForKind(status.kind)),
            Self::SpeedCap => check_moving(status),
            Self::MinimalRisk => check_moving(status),
            Self::Resume => check_in_control(status, stake),
            Self::HandBack => {
                check_in_control(status, stake)?;
                if status.can_resume { Ok(()) } else { Err(Unavailable::CannotResume) }
            }
            Self::Release if stake == Stake::None => Err(Unavailable::ClaimFirst),
            Self::Release => Ok(()),
            Self::Dismiss => check_dismiss(status, mine),
            Self::ClearLatch => self.check_clear(picture, status),
            Self::Manual if status.kind != AgentKind::Vehicle => Err(Unavailable::NotForKind(status.kind)),
            Self::Manual => {
                check_in_control(status, stake)?;
                check_fresh(status, entry.freshness(now).age)
            }
            Self::RequestHandover => check_request(picture, status, stake),
            Self::AllowTakeover if mine => Ok(()),
            Self::AllowTakeover => Err(Unavailable::ClaimFirst),
            Self::Decide if status.questions.is_empty() => Err(Unavailable::NothingAsked),
            Self::Decide => Ok(()),
            Self::Waive => check_waive(picture, status),
            Self::Task if status.tasks.is_empty() => Err(Unavailable::NoTasks),
            Self::Task if status.control_state == ControlState::Local => {
                Err(Unavailable::WrongState(ControlState::Local))
            }
            Self::Task | Self::Stop => Ok(()),
        }
    }

    /// Returns the latch that CLEAR_LATCH would release now in this role: while the agent is stopped the ESTOP's,
    /// which is a supervisor's; what a fallback left is cleared after it.
    pub fn clearable_latch(status: &AgentStatus, role: OperatorRole) -> Option<Latch> {
        let is_stopped = status.control_state == ControlState::Estopped;
        status.latches.iter().copied().find(|latch| match latch.cause {
            LatchCause::Fallback | LatchCause::Local => !is_stopped,
            LatchCause::Estop => is_stopped && role.may(Permission::ClearEstop),
        })
    }

    const fn is_riskier(self) -> bool {
        match self {
            Self::Claim
            | Self::Engage
            | Self::Resume
            | Self::HandBack
            | Self::Dismiss
            | Self::ClearLatch
            | Self::Manual
            | Self::RequestHandover
            | Self::AllowTakeover
            | Self::Decide
            | Self::Waive => true,
            // Which task it will be says more: `check_task`.
            Self::Hold | Self::SpeedCap | Self::MinimalRisk | Self::Release | Self::Stop | Self::Task => {
                false
            }
        }
    }

    /// Says whether this session can give `agent` this task now, and if not, why not.
    pub fn check_task(
        verb: TaskVerb,
        picture: &Picture,
        agent: &AgentId,
        now: watchkeeper_model::MonoTime,
    ) -> Result<(), Unavailable> {
        Self::Task.check(picture, agent, now)?;
        let Some(entry) = picture.agent(agent) else { return Err(Unavailable::UnknownAgent) };
        let status = entry.status();
        if verb.class() != TaskClass::Safer {
            check_record(picture)?;
        }
        match verb.class() {
            TaskClass::Safer | TaskClass::Note => Ok(()),
            TaskClass::Exclusive => check_in_control(status, Stake::of(picture, status)),
            TaskClass::Assist if status.control_state.agent_acts() => Ok(()),
            TaskClass::Assist => Err(Unavailable::WrongState(status.control_state)),
        }
    }

    fn check_clear(self, picture: &Picture, status: &AgentStatus) -> Result<(), Unavailable> {
        debug_assert_eq!(self, Self::ClearLatch);
        if status.latches.is_empty() {
            return Err(Unavailable::NoLatch);
        }
        match status.control_state {
            ControlState::SafeHeld | ControlState::Estopped => {}
            ControlState::Autonomous
            | ControlState::AssistPending
            | ControlState::Requested
            | ControlState::Claimed
            | ControlState::InTransition
            | ControlState::Human
            | ControlState::Returning
            | ControlState::Fallback
            | ControlState::FallbackFailed
            | ControlState::Local
            | ControlState::OutOfService => return Err(Unavailable::WrongState(status.control_state)),
        }
        let role = picture.me().map_or(OperatorRole::Observer, |me| me.role);
        Self::clearable_latch(status, role).map(|_latch| ()).ok_or(Unavailable::SupervisorOnly)
    }
}

/// Nothing riskier on half a picture, or without a record.
fn check_record(picture: &Picture) -> Result<(), Unavailable> {
    if !picture.is_current() {
        return Err(Unavailable::NotCurrent);
    }
    if picture.is_degraded() { Err(Unavailable::Degraded) } else { Ok(()) }
}

/// What this session has in an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stake {
    /// Nothing.
    None,
    /// It may take control; until it does somebody else holds the lease.
    Next,
    /// The lease.
    Holder,
}

impl Stake {
    pub(crate) fn of(picture: &Picture, status: &AgentStatus) -> Self {
        if picture.my_epoch(&status.agent).is_none() {
            return Self::None;
        }
        let me = picture.me().map(|me| me.session_id);
        match &status.lease {
            Some(lease) if Some(lease.session_id) != me => Self::Next,
            Some(_) | None => Self::Holder,
        }
    }
}

fn check_claim(status: &AgentStatus, stake: Stake) -> Result<(), Unavailable> {
    if stake != Stake::None {
        return Err(Unavailable::AlreadyYours);
    }
    if let Some(lease) = &status.lease {
        return Err(Unavailable::HeldBy(lease.holder.clone()));
    }
    if !status.settled {
        return Err(Unavailable::NotSettled);
    }
    match status.control_state {
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Requested
        | ControlState::Fallback
        | ControlState::FallbackFailed
        | ControlState::SafeHeld => Ok(()),
        ControlState::Estopped => Err(Unavailable::AlreadyStopped),
        ControlState::Claimed
        | ControlState::InTransition
        | ControlState::Human
        | ControlState::Returning
        | ControlState::Local
        | ControlState::OutOfService => Err(Unavailable::WrongState(status.control_state)),
    }
}

fn check_engage(status: &AgentStatus, stake: Stake, age: Duration) -> Result<(), Unavailable> {
    if stake == Stake::None {
        return Err(Unavailable::ClaimFirst);
    }
    match status.control_state {
        ControlState::Claimed
        | ControlState::Fallback
        | ControlState::FallbackFailed
        | ControlState::SafeHeld => {}
        // Somebody else is in control: the next holder takes it from him.
        ControlState::Human | ControlState::Returning if stake == Stake::Next => {}
        ControlState::InTransition | ControlState::Human => return Err(Unavailable::AlreadyEngaged),
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Requested
        | ControlState::Returning
        | ControlState::Estopped
        | ControlState::Local
        | ControlState::OutOfService => return Err(Unavailable::WrongState(status.control_state)),
    }
    check_fresh(status, age)?;
    let emergency = matches!(status.control_state, ControlState::Fallback | ControlState::FallbackFailed)
        && status.fallback_level == Some(FallbackLevel::EMERGENCY);
    if emergency && !status.condition_reached {
        return Err(Unavailable::StandstillFirst);
    }
    Ok(())
}

/// Nobody takes control, or drives, on data older than T_fresh.
fn check_fresh(status: &AgentStatus, age: Duration) -> Result<(), Unavailable> {
    if age < fresh_within(status.kind) { Ok(()) } else { Err(Unavailable::TooOld(age)) }
}

/// `takeover.md` 1.2, row 16: an operator asks whoever drives, one at a time; a supervisor takes it from every
/// holder.
fn check_request(picture: &Picture, status: &AgentStatus, stake: Stake) -> Result<(), Unavailable> {
    if stake != Stake::None {
        return Err(Unavailable::AlreadyYours);
    }
    let Some(lease) = &status.lease else { return Err(Unavailable::NobodyHolds) };
    if picture.me().is_some_and(|me| me.role.may(Permission::PreEmpt)) {
        return Ok(());
    }
    match status.control_state {
        ControlState::Human => {}
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Requested
        | ControlState::Claimed
        | ControlState::InTransition
        | ControlState::Returning
        | ControlState::Fallback
        | ControlState::FallbackFailed
        | ControlState::SafeHeld
        | ControlState::Estopped
        | ControlState::Local
        | ControlState::OutOfService => return Err(Unavailable::WrongState(status.control_state)),
    }
    if let Some(next) = &lease.next {
        return Err(Unavailable::PromisedTo(next.holder.clone()));
    }
    let me = picture.me().map(|me| me.session_id);
    match &lease.handover {
        Some(handover) if Some(handover.session_id) == me => Err(Unavailable::AlreadyAsked),
        Some(handover) => Err(Unavailable::AskedBy(handover.by.clone())),
        None => Ok(()),
    }
}

/// The second person of rule 7 is anybody but the holder, while he is in control.
fn check_waive(picture: &Picture, status: &AgentStatus) -> Result<(), Unavailable> {
    let Some(lease) = &status.lease else { return Err(Unavailable::NobodyHolds) };
    if picture.me().is_some_and(|me| me.person == lease.holder) {
        return Err(Unavailable::SecondPersonOnly);
    }
    if status.control_state == ControlState::Human {
        Ok(())
    } else {
        Err(Unavailable::WrongState(status.control_state))
    }
}

fn check_moving(status: &AgentStatus) -> Result<(), Unavailable> {
    if status.control_state == ControlState::Estopped { Err(Unavailable::AlreadyStopped) } else { Ok(()) }
}

fn check_in_control(status: &AgentStatus, stake: Stake) -> Result<(), Unavailable> {
    match stake {
        Stake::None => return Err(Unavailable::ClaimFirst),
        Stake::Next => return Err(Unavailable::EngageFirst),
        Stake::Holder => {}
    }
    match status.control_state {
        ControlState::Human => Ok(()),
        ControlState::Claimed
        | ControlState::Fallback
        | ControlState::FallbackFailed
        | ControlState::SafeHeld => Err(Unavailable::EngageFirst),
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Requested
        | ControlState::InTransition
        | ControlState::Returning
        | ControlState::Estopped
        | ControlState::Local
        | ControlState::OutOfService => Err(Unavailable::WrongState(status.control_state)),
    }
}

fn check_dismiss(status: &AgentStatus, mine: bool) -> Result<(), Unavailable> {
    if !mine {
        return Err(Unavailable::ClaimFirst);
    }
    if status.control_state == ControlState::Claimed {
        Ok(())
    } else {
        Err(Unavailable::WrongState(status.control_state))
    }
}
