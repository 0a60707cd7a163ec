//! The configurations that are searched: each with all that may go wrong in one respect, and little else, because every
//! further thing that may happen at any time multiplies what there is to search.

use super::{
    bounds::{BLIND, Bounds, DRIVING, Monitors, OVERRIDDEN, SHAKY, STANDING, STUCK, TICK},
    milestones::Milestone::{
        CopyRefused, Dismissed, DrivenByHand, HandedBack, HandedOver, LatchCleared, LateRefused, LeaseLapsed,
        OldGrantRefused, OldMonitorRefused, PreEmpted, StaleRefused, StoppedWithoutWelcome, TakenOver,
        TaskTaken,
    },
};
use std::time::Duration;
use watchkeeper_model::CommandKind::{
    Assume, ClearLatch, Decide, Dismiss, Engage, HandBack, Hold, MinimalRisk, Reinstate, Release, Resume,
    SpeedCap, Suspend, Task,
};
use watchkeeper_model::TaskVerb::{Confirm, Hazards, SetMode};

/// Two operators who may do nothing, an agent that drives, and a network that loses, doubles and reorders.
const QUIET: Bounds = Bounds {
    name: "",
    people: 2,
    supervisors: 0,
    seats: &[],
    monitors: Monitors::One,
    worlds: &[DRIVING],
    orders: 0,
    kinds: &[],
    stops: 0,
    grants: 0,
    asks: 0,
    preempts: 0,
    demands: 0,
    own: 0,
    questions: 0,
    drops: 0,
    crashes: 0,
    reboots: 0,
    forgets: 0,
    unready: false,
    hands: false,
    tardy: false,
    late: Duration::ZERO,
    overtaking: false,
    evidence: false,
    reaches: &[],
};

/// What every test run searches: one takeover, to the end.
pub(crate) const SMALL: Bounds = Bounds {
    name: "small: one takeover, and hand back",
    kinds: &[Engage, Assume, HandBack],
    orders: 3,
    grants: 1,
    late: TICK,
    reaches: &[TakenOver, HandedBack, LeaseLapsed, LateRefused, CopyRefused],
    ..QUIET
};

/// Two claims and one ENGAGE: where gates with a hole are found out.
pub(crate) const TWO_CLAIMS: Bounds =
    Bounds { name: "two claims", kinds: &[Engage], orders: 1, grants: 2, late: TICK, ..QUIET };

/// One holder who gives several orders.
pub(crate) const SEVERAL_ORDERS: Bounds = Bounds {
    name: "several orders",
    people: 1,
    kinds: &[Engage, Assume, SpeedCap, Resume],
    orders: 4,
    grants: 1,
    ..QUIET
};

/// A second monitor on an older copy of the record, and one loss of the connection.
pub(crate) const BACKUP_COMES: Bounds =
    Bounds { name: "a backup comes", monitors: Monitors::Backup, seats: &[0, 1], drops: 1, ..QUIET };

/// Everything that `cargo xtask prove` searches.
pub(crate) const ALL: &[Bounds] = &[
    SMALL,
    Bounds {
        name: "takeover: two operators claim after each other, late commands and copies",
        kinds: &[Engage, Assume, HandBack],
        orders: 3,
        grants: 2,
        late: TICK,
        reaches: &[TakenOver, HandedBack, LeaseLapsed, LateRefused, CopyRefused, StaleRefused],
        ..QUIET
    },
    Bounds {
        name: "everything at once: a loss of the connection, a crash, a reboot, inputs before due timers",
        kinds: &[Engage, Assume],
        orders: 2,
        grants: 1,
        drops: 1,
        crashes: 1,
        reboots: 1,
        tardy: true,
        reaches: &[TakenOver, LeaseLapsed],
        ..QUIET
    },
    Bounds {
        name: "overtaking: an older heartbeat or report arrives after the next one",
        kinds: &[Engage, Assume],
        orders: 2,
        grants: 2,
        overtaking: true,
        reaches: &[TakenOver, LeaseLapsed],
        ..QUIET
    },
    Bounds {
        name: "crash: the monitor starts again with a higher incarnation",
        kinds: &[Engage, Assume],
        orders: 2,
        grants: 2,
        crashes: 1,
        reaches: &[TakenOver, LeaseLapsed, OldGrantRefused, StaleRefused],
        ..QUIET
    },
    Bounds {
        name: "link: the connection is lost and comes back",
        kinds: &[Engage, Assume],
        orders: 2,
        grants: 2,
        drops: 1,
        reaches: &[TakenOver, LeaseLapsed, StaleRefused],
        ..QUIET
    },
    Bounds {
        name: "reboot: the agent starts again from its record",
        kinds: &[Engage, Assume],
        worlds: &[DRIVING, STANDING],
        orders: 2,
        grants: 1,
        reboots: 1,
        reaches: &[TakenOver, StaleRefused],
        ..QUIET
    },
    Bounds {
        name: "reboot without storage: only the monitor remembers",
        kinds: &[Engage, ClearLatch],
        worlds: &[DRIVING, STANDING],
        supervisors: 2,
        orders: 2,
        grants: 1,
        own: 1,
        forgets: 1,
        reaches: &[LatchCleared],
        ..QUIET
    },
    Bounds {
        name: "demands: raised, cleared, dismissed, expired; a hand back that takes its time",
        kinds: &[Engage, Assume, Dismiss, HandBack],
        worlds: &[DRIVING, SHAKY],
        orders: 3,
        grants: 1,
        demands: 1,
        reaches: &[TakenOver, HandedBack, LeaseLapsed, Dismissed],
        ..QUIET
    },
    Bounds {
        name: "tasks: of the person in control, of anybody to an agent that acts, and what makes things safer",
        people: 1,
        kinds: &[Engage, Assume, Task(Hazards), Task(SetMode), Task(Confirm)],
        orders: 3,
        grants: 1,
        late: TICK,
        reaches: &[TakenOver, TaskTaken, LateRefused, StaleRefused],
        ..QUIET
    },
    Bounds {
        name: "latches: a fallback or stop of its own, taken over or cleared, with every kind of telemetry",
        people: 1,
        kinds: &[Engage, Assume, ClearLatch],
        worlds: &[DRIVING, STANDING, STUCK, BLIND],
        supervisors: 1,
        orders: 2,
        grants: 1,
        own: 1,
        reaches: &[TakenOver, LatchCleared],
        ..QUIET
    },
    Bounds {
        name: "stops: an ESTOP of a person, before and after the welcome, and how one goes on",
        kinds: &[Engage, ClearLatch],
        worlds: &[DRIVING, STANDING],
        supervisors: 1,
        orders: 2,
        grants: 1,
        stops: 1,
        reaches: &[LatchCleared, StoppedWithoutWelcome],
        ..QUIET
    },
    Bounds {
        name: "stop and link: an ESTOP of a person, and a loss of the connection",
        kinds: &[ClearLatch],
        worlds: &[DRIVING, STANDING],
        supervisors: 1,
        orders: 2,
        stops: 1,
        drops: 1,
        reaches: &[LatchCleared, StoppedWithoutWelcome],
        ..QUIET
    },
    Bounds {
        name: "handover: three operators; asked, allowed, answered or not",
        people: 3,
        kinds: &[Engage, Assume],
        orders: 3,
        grants: 2,
        asks: 1,
        reaches: &[TakenOver, HandedOver],
        ..QUIET
    },
    Bounds {
        name: "pre-emption: two operators, one of them a supervisor",
        supervisors: 1,
        kinds: &[Engage, Assume],
        orders: 3,
        grants: 2,
        preempts: 1,
        reaches: &[TakenOver, PreEmpted],
        ..QUIET
    },
    Bounds {
        name: "backup: a second monitor on an older copy of the record",
        monitors: Monitors::Backup,
        seats: &[0, 1],
        kinds: &[Engage],
        orders: 1,
        grants: 2,
        drops: 1,
        reaches: &[OldMonitorRefused],
        ..QUIET
    },
    Bounds {
        name: "newer: a second monitor with a higher incarnation that knows nothing",
        monitors: Monitors::Newer,
        seats: &[0, 1],
        kinds: &[Engage],
        orders: 1,
        grants: 2,
        drops: 1,
        reaches: &[OldMonitorRefused],
        ..QUIET
    },
    Bounds {
        name: "twins: two monitors that go on from copies of one record",
        monitors: Monitors::Twins,
        seats: &[0, 1],
        kinds: &[Engage],
        orders: 1,
        grants: 2,
        drops: 1,
        ..QUIET
    },
    Bounds {
        name: "orders: all that a holder may order, on old evidence too",
        people: 1,
        kinds: &[Engage, Assume, Resume, Hold, SpeedCap, Release, MinimalRisk],
        orders: 3,
        grants: 1,
        evidence: true,
        reaches: &[TakenOver, StaleRefused],
        ..QUIET
    },
    Bounds {
        name: "hands: driving by hand, hands that leave, holders who are not ready",
        people: 1,
        kinds: &[Engage, Assume, Hold, HandBack],
        worlds: &[DRIVING, SHAKY],
        orders: 3,
        grants: 1,
        unready: true,
        hands: true,
        late: TICK,
        reaches: &[TakenOver, DrivenByHand, HandedBack],
        ..QUIET
    },
    Bounds {
        name: "questions: the agent asks; answered, expired, overtaken by a demand",
        kinds: &[Engage, Assume, Decide],
        orders: 2,
        grants: 1,
        questions: 1,
        demands: 1,
        reaches: &[TakenOver],
        ..QUIET
    },
    Bounds {
        name: "local: somebody at the agent takes control, at any time",
        kinds: &[Engage, Assume],
        worlds: &[DRIVING, OVERRIDDEN],
        orders: 2,
        grants: 1,
        reaches: &[TakenOver],
        ..QUIET
    },
    Bounds {
        name: "local stop: a stop that comes while somebody at the agent has control, and how both end",
        kinds: &[ClearLatch],
        worlds: &[DRIVING, OVERRIDDEN, STANDING],
        supervisors: 2,
        orders: 2,
        stops: 1,
        reaches: &[LatchCleared],
        ..QUIET
    },
    Bounds {
        name: "maintenance: out of service and back, with a reboot",
        people: 1,
        kinds: &[Suspend, Reinstate, ClearLatch],
        worlds: &[DRIVING, STANDING],
        supervisors: 1,
        orders: 3,
        own: 1,
        reboots: 1,
        reaches: &[LatchCleared],
        ..QUIET
    },
];
