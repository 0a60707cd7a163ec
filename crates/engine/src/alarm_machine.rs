//! The alarm machine: what may happen to one alarm, and what it is afterwards (ISA-18.2-2016, IEC 62682, OPC UA
//! Part 9; `takeover.md` 1.6).
//!
//! Four states say whether the cause is there and whether a person took note; flags beside them say what else holds.
//! A function of condition and input, without time, ids or reasons: those are kept by whoever owns the alarms.
//! `docs/alarms.md` shows the table, made from this code.
//!
//! What holds after every step, in release too: nothing that demands a takeover is hidden in any way, a cause that
//! holds is shown as active, what is latched is over, and only an alarm that flaps is active without its cause.
//!
//! Deliberately not here: priorities, rules that suppress, when somebody comes back from the shelf. ISA-18.2 draws
//! shelved, suppressed and out of service as states; here they are flags, as in OPC UA, so that an alarm goes on living
//! behind them and its end is told.

use std::fmt;
use thiserror::Error;
use watchkeeper_model::AlarmState::{self, AckedActive, Normal, RtnUnack, UnackActive};

/// What stands beside the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// The cause is there. It differs from an active state only while the alarm flaps.
    CauseHolds,
    /// The cause went, and the alarm stays until a person resets it.
    Latched,
    /// The cause comes and goes so often that the alarm is held open.
    Flapping,
    /// A person put it aside for a while.
    Shelved,
    /// A rule says that it follows from something else.
    Suppressed,
    /// A supervisor took it out of service.
    OutOfService,
    /// It asks a person to take over now.
    Demanded,
}

impl Flag {
    /// Every flag.
    pub const ALL: [Self; 7] = [
        Self::CauseHolds,
        Self::Latched,
        Self::Flapping,
        Self::Shelved,
        Self::Suppressed,
        Self::OutOfService,
        Self::Demanded,
    ];
    /// The flags that take an alarm out of the queue.
    pub const HIDING: [Self; 3] = [Self::Shelved, Self::Suppressed, Self::OutOfService];

    const fn bit(self) -> u8 {
        match self {
            Self::CauseHolds => 1,
            Self::Latched => 1 << 1,
            Self::Flapping => 1 << 2,
            Self::Shelved => 1 << 3,
            Self::Suppressed => 1 << 4,
            Self::OutOfService => 1 << 5,
            Self::Demanded => 1 << 6,
        }
    }
}

/// A set of flags.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flags(u8);

impl Flags {
    /// Returns the set of these flags.
    pub fn of(flags: impl IntoIterator<Item = Flag>) -> Self {
        flags.into_iter().fold(Self::default(), Self::with)
    }

    /// Returns whether a flag is set.
    pub const fn has(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// Returns the set with a flag.
    #[must_use]
    pub const fn with(self, flag: Flag) -> Self {
        Self(self.0 | flag.bit())
    }

    /// Returns the set without a flag.
    #[must_use]
    pub const fn without(self, flag: Flag) -> Self {
        Self(self.0 & !flag.bit())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Flag::ALL.into_iter().filter(|flag| self.has(*flag))).finish()
    }
}

/// What can happen to an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// The cause came, or came again.
    Raise,
    /// Its severity or what it asks of people got worse.
    Worsen,
    /// The cause went.
    Clear {
        /// Alarms of this class latch.
        latching: bool,
    },
    /// The cause came too often within the hour.
    Flap,
    /// An alarm that flaps has been quiet for its time.
    Settle {
        /// Alarms of this class latch.
        latching: bool,
    },
    /// A person took note.
    Acknowledge,
    /// A person resets what is latched.
    Reset,
    /// A person puts it aside.
    Shelve,
    /// It comes back: its time is over, or a person wants it.
    Unshelve,
    /// A rule hides it.
    Suppress,
    /// The rule no longer holds.
    Unsuppress,
    /// A supervisor takes it out of service.
    TakeOut,
    /// A supervisor brings it back.
    PutBack,
    /// It leads or joins a demand.
    Demand,
    /// That demand is over.
    DemandOver,
}

impl Input {
    /// Every input, those with a choice in both forms.
    pub const ALL: [Self; 17] = [
        Self::Raise,
        Self::Worsen,
        Self::Clear { latching: false },
        Self::Clear { latching: true },
        Self::Flap,
        Self::Settle { latching: false },
        Self::Settle { latching: true },
        Self::Acknowledge,
        Self::Reset,
        Self::Shelve,
        Self::Unshelve,
        Self::Suppress,
        Self::Unsuppress,
        Self::TakeOut,
        Self::PutBack,
        Self::Demand,
        Self::DemandOver,
    ];
}

/// Why an input changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum Refusal {
    /// There is no such alarm.
    #[error("no open alert has this id")]
    Unknown,
    /// Its cause is gone already.
    #[error("it is over")]
    IsOver,
    /// Somebody acknowledged it already, or there is nothing to acknowledge.
    #[error("it does not wait for an acknowledgement")]
    NothingToAcknowledge,
    /// Its cause is still there: what is latched is reset after that.
    #[error("its cause is still there (rule: reset what is over)")]
    StillActive,
    /// It is not latched.
    #[error("it is not latched")]
    NotLatched,
    /// It asks a person to take over.
    #[error("its demand is open: take over or dismiss (rule: nothing that asks for a person is hidden)")]
    Demanded,
    /// The flag that the input takes away is not set.
    #[error("no alert of this id is in that state")]
    NotSet(Flag),
}

/// Where one alarm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Condition {
    /// Whether it is active and whether a person took note.
    pub state: AlarmState,
    /// What else holds.
    pub flags: Flags,
}

impl Default for Condition {
    fn default() -> Self {
        Self { state: Normal, flags: Flags::default() }
    }
}

impl Condition {
    /// Returns whether a flag is set.
    pub const fn has(self, flag: Flag) -> bool {
        self.flags.has(flag)
    }

    /// Returns whether it is out of the queue: put aside, suppressed or out of service.
    pub fn is_hidden(self) -> bool {
        Flag::HIDING.into_iter().any(|flag| self.has(flag))
    }

    /// Returns whether nothing more is to be kept of it.
    pub const fn is_over(self) -> bool {
        matches!(self.state, Normal) && !self.has(Flag::Latched) && !self.has(Flag::OutOfService)
    }

    /// Returns whether an alarm can stand like this at all.
    pub fn is_legal(self) -> bool {
        let active = self.state.is_active();
        let holds = self.has(Flag::CauseHolds);
        let flapping = self.has(Flag::Flapping);
        let implies = |premise: bool, conclusion: bool| !premise || conclusion;
        active == (holds || flapping)
            && implies(self.has(Flag::Latched), !active)
            && implies(self.has(Flag::Demanded), !self.is_hidden())
    }

    const fn to(self, state: AlarmState) -> Self {
        Self { state, ..self }
    }

    const fn with(self, flag: Flag) -> Self {
        Self { flags: self.flags.with(flag), ..self }
    }

    const fn without(self, flag: Flag) -> Self {
        Self { flags: self.flags.without(flag), ..self }
    }

    /// The cause came: an earlier acknowledgement does not count for it, nor does an earlier latch.
    const fn begin(self) -> Self {
        self.to(UnackActive).with(Flag::CauseHolds).without(Flag::Latched)
    }

    /// The cause went. While the alarm flaps that is not told: it may be back in a moment.
    const fn end(self, to: AlarmState, latching: bool) -> Result<Self, Refusal> {
        if !self.has(Flag::CauseHolds) {
            return Err(Refusal::IsOver);
        }
        let gone = self.without(Flag::CauseHolds);
        Ok(if self.has(Flag::Flapping) { gone } else { gone.close(to, latching) })
    }

    const fn close(self, to: AlarmState, latching: bool) -> Self {
        let over = self.to(to);
        if latching { over.with(Flag::Latched) } else { over }
    }

    /// The cause stopped coming and going: the alarm is what its cause is.
    const fn settle(self, to: AlarmState, latching: bool) -> Result<Self, Refusal> {
        if !self.has(Flag::Flapping) {
            return Err(Refusal::NotSet(Flag::Flapping));
        }
        let settled = self.without(Flag::Flapping);
        Ok(if self.has(Flag::CauseHolds) { settled } else { settled.close(to, latching) })
    }

    const fn hide(self, flag: Flag) -> Result<Self, Refusal> {
        if self.has(Flag::Demanded) { Err(Refusal::Demanded) } else { Ok(self.with(flag)) }
    }

    const fn lift(self, flag: Flag) -> Result<Self, Refusal> {
        if self.has(flag) { Ok(self.without(flag)) } else { Err(Refusal::NotSet(flag)) }
    }

    const fn reset(self) -> Result<Self, Refusal> {
        if self.has(Flag::Latched) { Ok(self.without(Flag::Latched)) } else { Err(Refusal::NotLatched) }
    }

    /// It asks for a person now: whatever hid it no longer does.
    fn demand(self) -> Self {
        Flag::HIDING.into_iter().fold(self.with(Flag::Demanded), Self::without)
    }
}

/// Returns what the alarm is after an input, or why the input changes nothing.
///
/// # Errors
///
/// The input is not possible in this condition.
///
/// # Panics
///
/// When the condition afterwards is one that cannot be: a fault of this table, or of a condition that was made by hand.
pub fn next(from: Condition, input: Input) -> Result<Condition, Refusal> {
    let to = match (from.state, input) {
        (Normal | RtnUnack, Input::Raise) => Ok(from.begin()),
        (UnackActive | AckedActive, Input::Raise) => Ok(from.with(Flag::CauseHolds)),
        (UnackActive | AckedActive, Input::Worsen) => Ok(from.without(Flag::Shelved)),
        (UnackActive, Input::Clear { latching }) => from.end(RtnUnack, latching),
        (AckedActive, Input::Clear { latching }) => from.end(Normal, latching),
        (UnackActive | AckedActive, Input::Flap) => Ok(from.with(Flag::Flapping)),
        (UnackActive, Input::Settle { latching }) => from.settle(RtnUnack, latching),
        (AckedActive, Input::Settle { latching }) => from.settle(Normal, latching),
        (Normal | RtnUnack, Input::Worsen | Input::Clear { .. } | Input::Flap | Input::Settle { .. }) => {
            Err(Refusal::IsOver)
        }
        (UnackActive, Input::Acknowledge) => Ok(from.to(AckedActive)),
        (RtnUnack, Input::Acknowledge) => Ok(from.to(Normal)),
        (AckedActive | Normal, Input::Acknowledge) => Err(Refusal::NothingToAcknowledge),
        (UnackActive | AckedActive, Input::Reset) => Err(Refusal::StillActive),
        (RtnUnack | Normal, Input::Reset) => from.reset(),
        (UnackActive | AckedActive | RtnUnack, Input::Shelve) => from.hide(Flag::Shelved),
        (Normal, Input::Shelve) => Err(Refusal::IsOver),
        (UnackActive | AckedActive | RtnUnack, Input::Suppress) => from.hide(Flag::Suppressed),
        (Normal, Input::Suppress) => Err(Refusal::IsOver),
        (UnackActive | AckedActive | RtnUnack | Normal, Input::TakeOut) => from.hide(Flag::OutOfService),
        (UnackActive | AckedActive | RtnUnack | Normal, Input::Unshelve) => from.lift(Flag::Shelved),
        (UnackActive | AckedActive | RtnUnack | Normal, Input::Unsuppress) => from.lift(Flag::Suppressed),
        (UnackActive | AckedActive | RtnUnack | Normal, Input::PutBack) => from.lift(Flag::OutOfService),
        (UnackActive | AckedActive | RtnUnack | Normal, Input::Demand) => Ok(from.demand()),
        (UnackActive | AckedActive | RtnUnack | Normal, Input::DemandOver) => from.lift(Flag::Demanded),
    }?;
    assert!(to.is_legal(), "{from:?} --{input:?}--> {to:?} cannot be");
    Ok(to)
}
