//! What can happen to an agent, and where it leads from each state.

use crate::rig::{Rig, identity};
use watchkeeper_model::{
    AgentKind, CommandKind,
    ControlState::{
        self, AssistPending, Autonomous, Claimed, Estopped, Fallback, FallbackFailed, Human, InTransition,
        Local, OutOfService, Requested, Returning, SafeHeld,
    },
    FallbackLevel, LatchCause,
};
use watchkeeper_takeover::{Gate, Timers, World};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    LinkLoss,
    MonitorRestart,
    AgentReboot,
    ConsoleKilled,
    Estop,
    LocalOverride,
    DemandTimeOut,
    MinimalRisk,
    SecondClaim,
    Handover,
    ClearLatch,
    HandBack,
    Suspend,
}
use Happening as H;

impl Happening {
    /// Returns it in words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            H::LinkLoss => "link lost for 40 s",
            H::MonitorRestart => "monitor restarts",
            H::AgentReboot => "agent reboots",
            H::ConsoleKilled => "console silent for T_link",
            H::Estop => "ESTOP",
            H::LocalOverride => "local override",
            H::DemandTimeOut => "T_demand passes",
            H::MinimalRisk => "minimal-risk request",
            H::SecondClaim => "another claim",
            H::Handover => "grant to another, and his ENGAGE",
            H::ClearLatch => "CLEAR_LATCH",
            H::HandBack => "HAND_BACK",
            H::Suspend => "SUSPEND",
        }
    }
}

/// The columns.
pub(crate) const EVENTS: [Happening; 13] = [
    H::LinkLoss,
    H::MonitorRestart,
    H::AgentReboot,
    H::ConsoleKilled,
    H::Estop,
    H::LocalOverride,
    H::DemandTimeOut,
    H::MinimalRisk,
    H::SecondClaim,
    H::Handover,
    H::ClearLatch,
    H::HandBack,
    H::Suspend,
];

/// Where each event leads from each state: a vehicle that drives on (that stands, in SAFE_HELD and OUT_OF_SERVICE), with
/// a demand of the monitor and an optional question where the state has one.
pub(crate) const MATRIX: [(ControlState, [ControlState; 13]); 13] = [
    (
        Autonomous,
        [
            Fallback, Autonomous, Fallback, Autonomous, Estopped, Local, Autonomous, Fallback, Autonomous,
            Autonomous, Autonomous, Autonomous, Autonomous,
        ],
    ),
    (
        AssistPending,
        [
            Fallback,
            AssistPending,
            Fallback,
            AssistPending,
            Estopped,
            Local,
            AssistPending,
            Fallback,
            AssistPending,
            AssistPending,
            AssistPending,
            AssistPending,
            AssistPending,
        ],
    ),
    (
        Requested,
        [
            Fallback,
            Requested,
            Fallback,
            Requested,
            Estopped,
            Local,
            Fallback,
            Fallback,
            Claimed,
            InTransition,
            Requested,
            Requested,
            Requested,
        ],
    ),
    (
        Claimed,
        [
            Fallback, Requested, Fallback, Requested, Estopped, Local, Fallback, Fallback, Claimed, Claimed,
            Claimed, Claimed, Claimed,
        ],
    ),
    (
        InTransition,
        [
            Fallback,
            Requested,
            Fallback,
            Requested,
            Estopped,
            Local,
            Fallback,
            Fallback,
            InTransition,
            InTransition,
            InTransition,
            InTransition,
            InTransition,
        ],
    ),
    (
        Human,
        [
            Fallback, Fallback, Fallback, Fallback, Estopped, Local, Human, Fallback, Human, Human, Human,
            Autonomous, Human,
        ],
    ),
    (
        Returning,
        [
            Fallback, Fallback, Fallback, Fallback, Estopped, Local, Human, Fallback, Returning, Human,
            Returning, Returning, Returning,
        ],
    ),
    (
        Fallback,
        [
            Fallback,
            Fallback,
            Fallback,
            Fallback,
            Estopped,
            Local,
            Fallback,
            Fallback,
            Fallback,
            InTransition,
            Fallback,
            Fallback,
            Fallback,
        ],
    ),
    (
        SafeHeld,
        [
            SafeHeld,
            SafeHeld,
            SafeHeld,
            SafeHeld,
            Estopped,
            Local,
            SafeHeld,
            SafeHeld,
            SafeHeld,
            InTransition,
            Autonomous,
            SafeHeld,
            OutOfService,
        ],
    ),
    (
        FallbackFailed,
        [
            FallbackFailed,
            FallbackFailed,
            Fallback,
            FallbackFailed,
            Estopped,
            Local,
            FallbackFailed,
            FallbackFailed,
            FallbackFailed,
            FallbackFailed,
            FallbackFailed,
            FallbackFailed,
            FallbackFailed,
        ],
    ),
    (
        Estopped,
        [
            Estopped, Estopped, Estopped, Estopped, Estopped, Local, Estopped, Estopped, Estopped, Estopped,
            Estopped, Estopped, Estopped,
        ],
    ),
    (Local, [Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local]),
    (
        OutOfService,
        [
            OutOfService,
            OutOfService,
            OutOfService,
            OutOfService,
            Estopped,
            Local,
            OutOfService,
            OutOfService,
            OutOfService,
            OutOfService,
            OutOfService,
            OutOfService,
            OutOfService,
        ],
    ),
];

/// Lets it happen, and what follows within the timers.
pub(crate) fn happens(rig: &mut Rig, event: Happening) {
    match event {
        // The holder's heartbeats come over the same link.
        H::LinkLoss => {
            rig.gate.handle_link_lost(rig.now);
            rig.wait(40_000);
        }
        H::MonitorRestart => assert!(rig.welcome(2, &[], false)),
        H::AgentReboot => {
            let (record, world) = (rig.gate.shutdown_record(), rig.gate.world());
            let record = watchkeeper_takeover::GateRecord { clean_shutdown: false, ..record };
            let kind = AgentKind::Vehicle;
            *rig = Rig::around(Gate::restore(identity(kind), Timers::for_kind(kind), world, &record));
            rig.world(world);
            assert!(rig.welcome(1, &[], false));
        }
        H::ConsoleKilled => rig.wait(2_000),
        H::Estop => {
            rig.send(CommandKind::Estop);
        }
        H::LocalOverride => rig.world(World { local_override: true, ..rig.gate.world() }),
        // Whoever holds it goes on holding it.
        H::DemandTimeOut => {
            for _ in 0..100 {
                rig.wait(100);
                rig.beat(true);
            }
        }
        H::MinimalRisk => {
            let mut order = rig.stranger(CommandKind::MinimalRisk);
            order.args.level = Some(FallbackLevel::CONTAIN);
            rig.give(&order);
        }
        H::SecondClaim => grant(rig),
        H::Handover => {
            grant(rig);
            rig.engage();
        }
        H::ClearLatch => {
            let stopped = rig.gate.latches().iter().any(|latch| latch.cause == LatchCause::Estop);
            let cause = if stopped { LatchCause::Estop } else { LatchCause::Fallback };
            rig.clear(cause);
        }
        H::HandBack => {
            rig.send(CommandKind::HandBack);
        }
        H::Suspend => {
            rig.send_alone(CommandKind::Suspend);
        }
    }
}

/// Somebody else is granted the agent, and sends heartbeats.
fn grant(rig: &mut Rig) {
    rig.claim();
}
