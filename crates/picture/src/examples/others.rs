//! Trouble with the data and the connection, and control passing between people.

use super::{
    Situation,
    findings::{self, evidence},
    monitor::{BENS_SESSION, SESSION, millis},
    note, person,
    takeover::{EPOCH, Ring, alert, lease, told, vehicle_4},
};
use watchkeeper_model::{
    AlarmState, CauseClass, CommandKind, CommandState, ControlState, Epoch, FallbackLevel, Latch, LatchCause,
    LatchId, OperatorRole, Severity, StateVersion,
};
use watchkeeper_protocol::operator::{HandoverStatus, LeaseStatus, NextHolder};

/// Connected, but one vehicle is silent, one offline, and the record cannot be written.
pub fn stale() -> Situation {
    let mut ring = Ring::start("anna", OperatorRole::Operator, false);
    for (name, silent_for) in [("vehicle-4", millis(1_400)), ("vehicle-6", millis(5_200))] {
        if let Some(vehicle) = ring.vehicle(name) {
            vehicle.silent_for = silent_for;
        }
    }
    ring.report(true, &[], &[]);
    ring.repeat(&["vehicle-4", "vehicle-6"]);
    let silence = findings::said(
        3_000_018,
        "vehicle-6",
        (CauseClass::Silence, "heartbeats"),
        Severity::Critical,
        "no heartbeat for 2 s, expected within 0.2 s",
        millis(3_200),
    );
    ring.monitor.alert(silence, millis(3_190));
    let of = |name: &str| {
        ring.fleet.iter().find(|vehicle| vehicle.name == name).map(super::vehicles::Vehicle::status)
    };
    let (silent, gone) = (of("vehicle-4"), of("vehicle-6"));
    if let Some(mut status) = silent {
        status.heartbeat_age_nanos = 1_000_000_000;
        ring.monitor.repeat(status, millis(400));
    }
    if let Some(mut status) = gone {
        status.heartbeat_age_nanos = 5_000_000_000;
        status.offline_nanos = Some(3_000_000_000);
        ring.monitor.status(status, millis(200));
    }
    ring.monitor.look(Some("vehicle-4"))
}

/// The connection broke in the middle of a demand.
pub fn disconnected() -> Situation {
    let mut situation = alert();
    situation.picture.handle_disconnected(situation.now);
    situation.now = situation.now.after(millis(4_000));
    situation
}

/// This person has vehicle-4, and ben asks for it.
pub fn handover() -> Situation {
    let mut ring = Ring::start("anna", OperatorRole::Operator, false);
    if let Some(vehicle) = ring.vehicle("vehicle-4") {
        vehicle.motion.braking = Some((16.0, 1.8, 8.0));
    }
    ring.report(false, &[], &["vehicle-4"]);
    ring.repeat(&["vehicle-4"]);
    told(
        &mut ring.monitor,
        1,
        CommandKind::Engage,
        (CommandState::Completed, None),
        (millis(41_000), millis(150)),
    );
    told(
        &mut ring.monitor,
        2,
        CommandKind::SpeedCap,
        (CommandState::Completed, None),
        (millis(15_900), millis(90)),
    );
    let mut status = vehicle_4(&ring);
    status.control_state = ControlState::Human;
    status.state_version = StateVersion(4);
    status.lease = Some(LeaseStatus {
        handover: Some(HandoverStatus {
            request_id: 7,
            by: person("ben"),
            session_id: BENS_SESSION,
            left_nanos: 8_260_000_000,
            reason: Some(note("I know this crossing")),
        }),
        ..lease()
    });
    ring.monitor.status(status, millis(60));
    ring.monitor.look(Some("vehicle-4"))
}

/// ben drives vehicle-4 and gives it to this person, who has not engaged yet: control is still ben's.
pub fn next() -> Situation {
    let mut ring = Ring::start("anna", OperatorRole::Operator, false);
    if let Some(vehicle) = ring.vehicle("vehicle-4") {
        vehicle.motion.braking = Some((16.0, 1.8, 8.0));
    }
    ring.report(false, &["vehicle-4"], &[]);
    ring.repeat(&["vehicle-4"]);
    let mut status = vehicle_4(&ring);
    status.control_state = ControlState::Human;
    status.state_version = StateVersion(5);
    status.lease = Some(LeaseStatus {
        holder: person("ben"),
        session_id: BENS_SESSION,
        next: Some(NextHolder {
            holder: person("anna"),
            session_id: SESSION,
            epoch: Epoch(EPOCH.0 + 1),
            left_nanos: 4_160_000_000,
            ready: true,
            preempts: false,
        }),
        ..lease()
    });
    ring.monitor.status(status, millis(60));
    ring.monitor.look(Some("vehicle-4"))
}

/// A supervisor's console: ben drives vehicle-4, and vehicle-6 stands stopped with a latch that only a
/// supervisor clears; vehicle-3 is held safe and nobody has it.
pub fn supervisor() -> Situation {
    let mut ring = Ring::start("dora", OperatorRole::Supervisor, true);
    for (name, braking) in
        [("vehicle-4", (22.0, 1.8, 7.0)), ("vehicle-6", (53.0, 8.0, 0.0)), ("vehicle-3", (58.0, 3.5, 0.0))]
    {
        if let Some(vehicle) = ring.vehicle(name) {
            vehicle.motion.braking = Some(braking);
        }
    }
    ring.report(false, &["vehicle-4"], &[]);
    ring.repeat(&["vehicle-4", "vehicle-6", "vehicle-3"]);
    let closing = evidence("closing_speed", "m/s", 3.4, (-0.6, 0.6), 0.7);
    let mut unusual = findings::unusual(3_000_019, "vehicle-4", closing, Severity::Warning, millis(33_000));
    unusual.state = AlarmState::AckedActive;
    unusual.acknowledged_by = Some(person("ben"));
    ring.monitor.alert(unusual, millis(30_000));
    let stopped = findings::said(
        3_000_020,
        "vehicle-6",
        (CauseClass::Stopped, "ben"),
        Severity::Critical,
        "stopped by ben",
        millis(52_000),
    );
    ring.monitor.alert(stopped, millis(51_990));

    let mut driven = vehicle_4(&ring);
    driven.control_state = ControlState::Human;
    driven.state_version = StateVersion(5);
    driven.can_resume = false;
    driven.lease = Some(LeaseStatus { holder: person("ben"), session_id: BENS_SESSION, ..lease() });
    ring.monitor.status(driven, millis(60));
    let states = [
        ("vehicle-6", ControlState::Estopped, LatchCause::Estop, LatchId(0x0199_0001)),
        ("vehicle-3", ControlState::SafeHeld, LatchCause::Fallback, LatchId(0x0199_0002)),
    ];
    for (name, state, cause, latch_id) in states {
        let vehicle = ring.fleet.iter().find(|vehicle| vehicle.name == name);
        let Some(mut status) = vehicle.map(super::vehicles::Vehicle::status) else { continue };
        status.control_state = state;
        status.state_version = StateVersion(3);
        status.latches = vec![Latch { latch_id, cause }];
        status.condition_reached = true;
        status.fallback_level = (cause == LatchCause::Fallback).then_some(FallbackLevel::COMFORTABLE);
        ring.monitor.status(status, millis(140));
    }
    ring.monitor.look(Some("vehicle-4"))
}
