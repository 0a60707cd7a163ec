//! A stand-in for a monitor and the way from it: gives messages their cursors and times.
//!
//! All times of an example are stated as "so long before it is looked at"; the monitor's clock and the
//! console's have different origins, as they do in life.

use super::{Situation, label, person};
use crate::Picture;
use std::time::Duration;
use watchkeeper_model::{AgentId, Alarm, Incarnation, MonoTime, OperatorRole, SessionId, Stage, nanos};
use watchkeeper_protocol::{
    ToOperator,
    operator::{
        AgentStatus, AlertUpdate, CommandUpdate, ConsoleKind, Health, LeaseUpdate, OperatorStatus,
        OperatorWelcome, Roster, SnapshotPart, StageLatency, StatusUpdate, TakeoverUpdate, Telemetry,
    },
    record::TakeoverRecord,
    session::{Head, Ping},
};

/// The console's clock when an example is looked at: it was switched on a good two hours before.
const CONSOLE_NOW: MonoTime = MonoTime::from_nanos(7_834_500_000_000);
/// The monitor's clock then: it has run for six days.
const MONITOR_NOW: MonoTime = MonoTime::from_nanos(528_402_750_000_000);
/// This console's session.
pub(super) const SESSION: SessionId = SessionId(31);
/// The session of the other operator.
pub(super) const BENS_SESSION: SessionId = SessionId(28);
/// The session of the supervisor.
pub(super) const DORAS_SESSION: SessionId = SessionId(24);
/// What one part of a snapshot may hold.
const PART: usize = 64;
const PART_TAKEOVERS: usize = 8;

pub(super) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Returns the monitor's clock `ago` before the example is looked at.
pub(super) fn monitor_clock(ago: Duration) -> MonoTime {
    MONITOR_NOW.before(ago)
}

/// A monitor that knows what the example needs, and the console that listens to it.
pub(super) struct Monitor {
    pub(super) picture: Picture,
    cursor: u64,
}

impl Monitor {
    /// Welcomes this console, `ago` before the example is looked at.
    pub(super) fn welcome(who: &str, role: OperatorRole, ago: Duration) -> Self {
        let mut monitor = Self { picture: Picture::new(), cursor: 4_200 };
        monitor.picture.handle_connected(CONSOLE_NOW.before(ago + millis(40)));
        let session_id = if role == OperatorRole::Supervisor { DORAS_SESSION } else { SESSION };
        monitor.tell(
            &ToOperator::Welcome(OperatorWelcome {
                session_id,
                incarnation: Incarnation(3),
                person: person(who),
                role,
                resumed: false,
                software_version: label("0.1.0"),
                now: monitor_clock(ago),
            }),
            ago,
        );
        let offset = i128::from(CONSOLE_NOW.as_nanos()) - i128::from(MONITOR_NOW.as_nanos());
        monitor.tell(
            &ToOperator::Ping(Ping {
                sent_nanos: monitor_clock(ago).as_nanos(),
                offset_nanos: i64::try_from(offset).ok(),
                error_nanos: Some(210_000),
            }),
            ago,
        );
        monitor
    }

    /// Sends the roster again: this person has had a flood for `span`.
    pub(super) fn flooded(&mut self, span: Duration, ago: Duration) {
        let Some(mut roster) = self.picture.roster().map(|roster| roster.value.clone()) else { return };
        for operator in roster.operators.iter_mut().filter(|operator| operator.session_id == SESSION) {
            (operator.flooded_nanos, operator.waiting) = (Some(nanos(span)), 37);
        }
        self.tell(&ToOperator::Roster(roster), ago);
    }

    /// Sends any message; it comes `ago` before the example is looked at.
    pub(super) fn tell(&mut self, message: &ToOperator, ago: Duration) {
        self.picture.handle(message, CONSOLE_NOW.before(ago));
    }

    /// Sends the whole picture in parts as small as the protocol asks for.
    pub(super) fn snapshot(
        &mut self,
        agents: &[AgentStatus],
        alerts: &[Alarm],
        takeovers: &[TakeoverRecord],
        ago: Duration,
    ) {
        let mut parts: Vec<SnapshotPart> = Vec::new();
        let empty = SnapshotPart {
            cursor: self.cursor,
            part: 0,
            last: false,
            agents: vec![],
            alerts: vec![],
            takeovers: vec![],
        };
        for agents in agents.chunks(PART) {
            parts.push(SnapshotPart { agents: agents.to_vec(), ..empty.clone() });
        }
        for alerts in alerts.chunks(PART) {
            parts.push(SnapshotPart { alerts: alerts.to_vec(), ..empty.clone() });
        }
        for takeovers in takeovers.chunks(PART_TAKEOVERS) {
            parts.push(SnapshotPart { takeovers: takeovers.to_vec(), ..empty.clone() });
        }
        let last = parts.len().saturating_sub(1);
        for (index, part) in parts.into_iter().enumerate() {
            let number = u32::try_from(index).expect("an example has few parts");
            self.tell(&ToOperator::Snapshot(SnapshotPart { part: number, last: index == last, ..part }), ago);
        }
    }

    /// Sends a change of an agent.
    pub(super) fn status(&mut self, status: AgentStatus, ago: Duration) {
        let cursor = self.next();
        self.tell(&ToOperator::ControlStatus(StatusUpdate { cursor, status }), ago);
    }

    /// Sends an agent again as it stands.
    pub(super) fn repeat(&mut self, status: AgentStatus, ago: Duration) {
        let cursor = self.cursor;
        self.tell(&ToOperator::ControlStatus(StatusUpdate { cursor, status }), ago);
    }

    /// Sends an alert, or a change of one.
    pub(super) fn alert(&mut self, alarm: Alarm, ago: Duration) {
        let cursor = self.next();
        self.tell(&ToOperator::Alert(AlertUpdate { cursor, alarm }), ago);
    }

    /// Sends a takeover as it stands.
    pub(super) fn takeover(&mut self, takeover: TakeoverRecord, ago: Duration) {
        let cursor = self.next();
        self.tell(&ToOperator::Takeover(TakeoverUpdate { cursor, takeover }), ago);
    }

    /// Sends what became of a command; the cursor in it is replaced.
    pub(super) fn command(&mut self, update: CommandUpdate, ago: Duration) {
        let cursor = self.next();
        self.tell(&ToOperator::CommandStatus(CommandUpdate { cursor, ..update }), ago);
    }

    /// Sends what happened to a lease; the cursor in it is replaced.
    pub(super) fn lease(&mut self, update: LeaseUpdate, ago: Duration) {
        let cursor = self.next();
        self.tell(&ToOperator::Lease(LeaseUpdate { cursor, ..update }), ago);
    }

    /// Sends a decision.
    pub(super) fn telemetry(&mut self, telemetry: Telemetry, ago: Duration) {
        self.tell(&ToOperator::Telemetry(telemetry), ago);
    }

    /// Sends what the monitor repeats: every second how it is and the record's head, every five who is there.
    pub(super) fn second(&mut self, degraded: bool, bens: Vec<AgentId>, mine: Vec<AgentId>, ago: Duration) {
        let agents = self.picture.agents().count() as u64;
        self.tell(&ToOperator::Health(health(degraded, agents, ago)), ago);
        self.tell(&ToOperator::Roster(roster(&self.picture, bens, mine)), ago);
        let hash = std::array::from_fn(|index| u8::try_from(index * 7 % 251).unwrap_or_default());
        self.tell(&ToOperator::Head(Head { sequence: 1_284_402, hash }), ago);
    }

    /// Ends the example.
    pub(super) fn look(self, selected: Option<&str>) -> Situation {
        Situation { picture: self.picture, now: CONSOLE_NOW, agent: selected.map(super::agent) }
    }

    const fn next(&mut self) -> u64 {
        self.cursor += 1;
        self.cursor
    }
}

/// The console's clock when an example is looked at.
pub(super) const fn console_now() -> MonoTime {
    CONSOLE_NOW
}

fn health(degraded: bool, agents: u64, ago: Duration) -> Health {
    let stage = |stage, count, micros: [u64; 4], breaches| {
        let [p50, p95, p99, max] = micros.map(|micros| micros * 1_000);
        StageLatency {
            stage,
            count,
            p50_nanos: p50,
            p95_nanos: p95,
            p99_nanos: p99,
            max_nanos: max,
            breaches,
        }
    };
    Health {
        now: monitor_clock(ago),
        degraded,
        ledger_queue: if degraded { 0.97 } else { 0.02 },
        agents,
        consoles: 4,
        refused_frames: 0,
        stages: vec![
            stage(Stage::Detect, 14, [6_400, 11_800, 13_900, 14_100], 0),
            stage(Stage::Notify, 14, [18_200, 31_500, 44_000, 47_300], 0),
            stage(Stage::Decide, 13, [2_310_000, 4_900_000, 6_200_000, 6_240_000], 0),
            stage(Stage::Command, 12, [3_100, 9_800, 12_600, 12_900], 0),
            stage(Stage::Actuate, 12, [112_000, 188_000, 214_000, 231_000], 0),
        ],
    }
}

fn roster(picture: &Picture, bens: Vec<AgentId>, mine: Vec<AgentId>) -> Roster {
    let is_supervisor = picture.me().is_some_and(|me| me.role == OperatorRole::Supervisor);
    let row = |name: &str, session_id, role, console, holds, minutes: u64| OperatorStatus {
        person: person(name),
        session_id,
        role,
        console,
        holds,
        connected_nanos: minutes * 60_000_000_000 + 11_000_000_000,
        waiting: 0,
        flooded_nanos: None,
        away: false,
    };
    let (anna, dora) = if is_supervisor { (vec![], mine) } else { (mine, vec![]) };
    Roster {
        operators: vec![
            row("anna", SESSION, OperatorRole::Operator, ConsoleKind::Window, anna, 96),
            row("ben", BENS_SESSION, OperatorRole::Operator, ConsoleKind::Window, bens, 141),
            row("carl", SessionId(19), OperatorRole::Observer, ConsoleKind::Text, vec![], 12),
            row("dora", DORAS_SESSION, OperatorRole::Supervisor, ConsoleKind::Window, dora, 204),
        ],
        more: 0,
    }
}
