//! One takeover of one vehicle from calm to calm again: a frozen speed signal on the simulator's ring.

use super::{
    Situation, agent,
    findings::{self, DEMAND, FROZEN, evidence},
    label,
    monitor::{Monitor, SESSION, millis, monitor_clock},
    note, person, records, vehicles,
};
use std::time::Duration;
use uuid::Uuid;
use vehicles::Vehicle;
use watchkeeper_model::{
    Alarm, AlarmState, CauseClass, CommandCode, CommandId, CommandKind, CommandState, ControlState,
    DemandOrigin, Epoch, LeaseEnd, OperatorRole, Severity, Shelved, StateVersion,
};
use watchkeeper_protocol::operator::{AgentStatus, CommandUpdate, LeaseEvent, LeaseStatus, LeaseUpdate};

/// How long these examples look back, and how often a vehicle decides.
const LOOK_BACK: Duration = Duration::from_secs(61);
const PERIOD: Duration = Duration::from_millis(100);
const DECISIONS: u64 = 600;
/// T_demand of a vehicle.
const DEMAND_WITHIN: Duration = Duration::from_secs(10);
/// The lease of the examples.
pub(super) const EPOCH: Epoch = Epoch(17);

/// A fleet on the ring, its console, and what is told of vehicle-4 at the end.
pub(super) struct Ring {
    pub(super) monitor: Monitor,
    pub(super) fleet: Vec<Vehicle>,
}

impl Ring {
    /// Starts a minute ago with everything in order, apart from two alerts of long ago.
    pub(super) fn start(who: &str, role: OperatorRole, earlier_alerts: bool) -> Self {
        let mut fleet = vehicles::ring();
        if let Some(vehicle) = fleet.iter_mut().find(|vehicle| earlier_alerts && vehicle.name == "vehicle-7")
        {
            vehicle.gap_meters = 61.2;
        }
        let mut monitor = Monitor::welcome(who, role, LOOK_BACK);
        let statuses: Vec<_> = fleet.iter().map(Vehicle::status).collect();
        let alerts = if earlier_alerts { old_alerts() } else { vec![] };
        monitor.snapshot(&statuses, &alerts, &records::earlier(), LOOK_BACK);
        Self { monitor, fleet }
    }

    /// Gives access to one vehicle.
    pub(super) fn vehicle(&mut self, name: &str) -> Option<&mut Vehicle> {
        self.fleet.iter_mut().find(|vehicle| vehicle.name == name)
    }

    /// Lets all report for a minute, and tells everything else that comes every second.
    pub(super) fn report(&mut self, degraded: bool, bens: &[&str], mine: &[&str]) {
        for vehicle in &self.fleet {
            vehicle.report(&mut self.monitor, DECISIONS, PERIOD);
        }
        let ids = |names: &[&str]| names.iter().map(|name| agent(name)).collect();
        self.monitor.second(degraded, ids(bens), ids(mine), millis(420));
    }

    /// Repeats how each stands, all but those named.
    pub(super) fn repeat(&mut self, but: &[&str]) {
        for (vehicle, ago) in self.fleet.iter().zip((1..).map(|index| millis(110 * index))) {
            if !but.contains(&vehicle.name.as_str()) {
                self.monitor.repeat(vehicle.status(), ago);
            }
        }
    }
}

/// Nothing wrong anywhere.
pub fn calm() -> Situation {
    let mut ring = Ring::start("anna", OperatorRole::Operator, false);
    ring.report(false, &[], &[]);
    ring.repeat(&[]);
    ring.monitor.look(None)
}

/// A takeover of vehicle-4 is demanded; nobody has come yet.
pub fn alert() -> Situation {
    Stand::raised(millis(2_100)).look(AlarmState::UnackActive, ControlState::Requested, 5, |_| {})
}

/// This person has claimed vehicle-4 and builds awareness; his console is not ready yet.
pub fn claimed() -> Situation {
    Stand::raised(millis(3_300)).look(AlarmState::AckedActive, ControlState::Claimed, 6, |status| {
        let engage_left_nanos = Some(3_700_000_000);
        status.lease = Some(LeaseStatus { ready: false, engage_left_nanos, ..lease() });
    })
}

/// As [`claimed`], and everything is there to engage.
pub fn ready() -> Situation {
    Stand::raised(millis(4_600)).look(AlarmState::AckedActive, ControlState::Claimed, 6, |status| {
        status.lease = Some(LeaseStatus { engage_left_nanos: Some(2_400_000_000), ..lease() });
    })
}

/// This person has control by commands: a speed cap is done, a hold on its way, a hand back was refused.
pub fn in_control() -> Situation {
    let mut stand = Stand::raised(millis(14_000));
    stand.braking = Some((9.5, 1.8, 6.0));
    stand.commands = true;
    stand.look(AlarmState::AckedActive, ControlState::Human, 11, |status| {
        status.lease = Some(lease());
        status.can_resume = false;
    })
}

/// This person drives vehicle-4 by hand.
pub fn manual() -> Situation {
    let mut stand = Stand::raised(millis(19_000));
    stand.braking = Some((10.5, 1.8, 6.0));
    stand.manual_for = Some(millis(8_000));
    stand.look(AlarmState::AckedActive, ControlState::Human, 11, |status| {
        status.lease = Some(lease());
        status.can_resume = false;
        status.manual = true;
    })
}

/// The cause is gone and the agent is taking over again.
pub fn handing_back() -> Situation {
    let mut stand = Stand::raised(millis(24_000));
    stand.braking = Some((14.0, 1.8, 8.0));
    stand.frozen = false;
    stand.look(AlarmState::Normal, ControlState::Returning, 11, |status| {
        status.lease = Some(lease());
        status.stable = false;
    })
}

/// Handed back six seconds ago; to be labelled.
pub fn afterwards() -> Situation {
    let mut stand = Stand::raised(millis(29_000));
    stand.braking = Some((17.0, 1.8, 9.0));
    stand.frozen = false;
    stand.over = true;
    stand.look(AlarmState::Normal, ControlState::Autonomous, 11, |_| {})
}

/// Where the takeover stands when it is looked at.
struct Stand {
    raised_ago: Duration,
    braking: Option<(f64, f64, f64)>,
    manual_for: Option<Duration>,
    frozen: bool,
    commands: bool,
    over: bool,
}

impl Stand {
    const fn raised(raised_ago: Duration) -> Self {
        Self { raised_ago, braking: None, manual_for: None, frozen: true, commands: false, over: false }
    }

    /// Tells the takeover up to its moment `t<known>`, and how vehicle-4 then stands.
    fn look(
        self,
        alarm_state: AlarmState,
        state: ControlState,
        known: usize,
        change: impl FnOnce(&mut AgentStatus),
    ) -> Situation {
        let mut ring = Ring::start("anna", OperatorRole::Operator, true);
        let frozen_for = self.raised_ago + millis(2_100);
        if let Some(vehicle) = ring.vehicle("vehicle-4") {
            vehicle.motion.braking = self.braking.or(Some((frozen_for.as_secs_f64() - 0.4, 0.7, 9.0)));
            vehicle.freeze(frozen_for);
            if !self.frozen {
                vehicle.frozen_for = None;
            }
            vehicle.manual_for = self.manual_for;
            vehicle.odd = self.frozen.then_some((0.94, self.raised_ago + millis(600)));
        }
        let mine: &[&str] = if state.is_nominal() || known < 6 { &[] } else { &["vehicle-4"] };
        ring.report(false, &[], mine);
        ring.repeat(&["vehicle-4"]);

        let began_ago = self.raised_ago + millis(5);
        let mut alarm = findings::frozen_speed("vehicle-4", self.raised_ago);
        ring.monitor.alert(alarm.clone(), self.raised_ago.saturating_sub(millis(3)));
        let mut status = vehicle_4(&ring);
        status.control_state = ControlState::Requested;
        status.state_version = StateVersion(2);
        status.demand = Some(findings::demand(DEMAND, DemandOrigin::Monitor, FROZEN, DEMAND_WITHIN));
        ring.monitor.status(status.clone(), self.raised_ago.saturating_sub(millis(4)));
        if alarm_state != AlarmState::UnackActive {
            alarm.state = alarm_state;
            alarm.acknowledged_by = Some(person("anna"));
            ring.monitor.alert(alarm, self.raised_ago.saturating_sub(millis(1_480)));
        }
        let ago = millis(60);
        if self.over {
            end_lease(&mut ring.monitor, millis(6_000));
        }
        if known > 6 {
            commands(&mut ring.monitor, self.raised_ago, self.commands);
        }
        ring.monitor.takeover(takeover(began_ago, known, self.over), ago);
        status.control_state = state;
        status.state_version = StateVersion(u64::try_from(known).unwrap_or_default());
        status.score = if self.frozen { 0.94 } else { 0.03 };
        if known > 6 {
            status.demand = None;
        } else if let Some(demand) = &mut status.demand {
            let left = DEMAND_WITHIN.saturating_sub(self.raised_ago).saturating_add(ago);
            demand.left_nanos = u64::try_from(left.as_nanos()).unwrap_or_default();
        }
        change(&mut status);
        ring.monitor.status(status, ago);
        ring.monitor.look(Some("vehicle-4"))
    }
}

/// Returns how vehicle-4 stands when nothing is wrong with it.
pub(super) fn vehicle_4(ring: &Ring) -> AgentStatus {
    let vehicle = ring.fleet.iter().find(|vehicle| vehicle.name == "vehicle-4");
    vehicle.map(Vehicle::status).expect("the ring has a vehicle-4")
}

/// Returns this person's lease as the monitor tells it 60 ms after its last renewal.
pub(super) fn lease() -> LeaseStatus {
    LeaseStatus {
        holder: person("anna"),
        session_id: SESSION,
        epoch: EPOCH,
        left_nanos: 1_940_000_000,
        ready: true,
        engage_left_nanos: None,
        takeover_allowed: false,
        waived_by: None,
        handover: None,
        next: None,
    }
}

fn takeover(began_ago: Duration, known: usize, over: bool) -> watchkeeper_protocol::record::TakeoverRecord {
    let mut takeover = records::present(began_ago, known);
    match known {
        0..=5 => {}
        6 => {
            takeover.holder = Some(person("anna"));
            takeover.epoch = Some(EPOCH);
            takeover.granted_at = Some(monitor_clock(began_ago.saturating_sub(millis(1_500))));
            takeover.final_state = ControlState::Claimed;
        }
        _ => takeover = records::engaged(takeover, "anna", EPOCH.0, began_ago),
    }
    if over { records::handed_back(takeover, millis(6_000)) } else { takeover }
}

/// Tells the commands of the takeover: the engage, and where asked what was commanded since.
fn commands(monitor: &mut Monitor, raised_ago: Duration, more: bool) {
    let engaged_ago = raised_ago.saturating_sub(millis(2_210));
    told(monitor, 1, CommandKind::Engage, (CommandState::Completed, None), (engaged_ago, millis(150)));
    if !more {
        return;
    }
    told(monitor, 2, CommandKind::SpeedCap, (CommandState::Completed, None), (millis(9_600), millis(80)));
    told(
        monitor,
        3,
        CommandKind::HandBack,
        (CommandState::Rejected, Some((CommandCode::Precondition, "the cause is still there: speed"))),
        (millis(3_200), millis(4)),
    );
    told(monitor, 4, CommandKind::Hold, (CommandState::Accepted, None), (millis(700), millis(9)));
}

/// Tells one command of this session: issued so long ago, and so long after that it had become what it is.
pub(super) fn told(
    monitor: &mut Monitor,
    number: u128,
    kind: CommandKind,
    (state, why): (CommandState, Option<(CommandCode, &str)>),
    (issued_ago, took): (Duration, Duration),
) {
    let vehicle = agent("vehicle-4");
    let command_id = CommandId(Uuid::from_u128(0x0199_bbbb_7000_8000_0000_0000_0000_0000 + number));
    monitor.picture.handle_issued(
        command_id,
        &vehicle,
        kind,
        super::monitor::console_now().before(issued_ago),
    );
    let update = CommandUpdate {
        cursor: 0,
        command_id,
        agent: vehicle,
        kind,
        issued_by: person("anna"),
        state,
        code: why.map(|(code, _)| code),
        detail: why.map(|(_, detail)| note(detail)),
        logged: true,
    };
    monitor.command(update, issued_ago.saturating_sub(took));
}

fn end_lease(monitor: &mut Monitor, ago: Duration) {
    let update = LeaseUpdate {
        cursor: 0,
        agent: agent("vehicle-4"),
        holder: person("anna"),
        session_id: SESSION,
        epoch: EPOCH,
        event: LeaseEvent::Ended,
        code: None,
        end: Some(LeaseEnd::HandedBack),
        detail: None,
    };
    monitor.lease(update, ago);
}

/// Returns two alerts of before: one that ben has acknowledged, one that he put aside.
fn old_alerts() -> Vec<Alarm> {
    let gap = evidence("gap", "m", 61.2, (104.0, 122.0), 0.9);
    let mut seen = findings::unusual(3_000_015, "vehicle-7", gap, Severity::Advisory, millis(96_000));
    seen.state = AlarmState::AckedActive;
    seen.acknowledged_by = Some(person("ben"));
    seen.count = 118;
    let mut aside = findings::said(
        3_000_012,
        "vehicle-2",
        (CauseClass::Late, "decisions"),
        Severity::Advisory,
        "decisions come 180 ms late, expected within 100 ms",
        millis(1_260_000),
    );
    aside.state = AlarmState::AckedActive;
    aside.acknowledged_by = Some(person("ben"));
    aside.explanation.detector = label("lateness");
    aside.shelved = Some(Shelved {
        by: person("ben"),
        // Twenty minutes more.
        until: monitor_clock(Duration::ZERO).after(millis(1_200_000)),
        reason: note("modem is being replaced"),
    });
    vec![seen, aside]
}
