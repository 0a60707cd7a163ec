//! The fold of everything the monitor told this console.

mod agent;
mod alert;
mod command;
mod history;
mod link;
mod path;
mod snapshot;
mod world;

pub use agent::{AgentPicture, Freshness};
pub use alert::AlertPicture;
pub use command::CommandPicture;
pub use history::{DecisionSample, History};
pub use link::{Link, Me};
pub use path::PathPicture;

use command::Commands;
use snapshot::Assembly;
use std::time::Duration;
use watchkeeper_model::{AgentId, AlertId, CommandId, CommandKind, Epoch, MonoTime, PersonId};
use watchkeeper_protocol::{
    ToOperator,
    operator::{
        AccessUpdate, Health, LeaseEvent, OperatorWelcome, Resume, Roster, SnapshotPart, StatusUpdate,
        Telemetry,
    },
    record::TakeoverRecord,
    session::{ErrorReport, Head, Ping},
};
use world::World;

/// Something together with the time it came, on the console's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed<T> {
    /// What came.
    pub value: T,
    /// When, on the console's clock.
    pub received_at: MonoTime,
}

/// How much the picture holds, for a test of its bounds and for diagnosis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Agents, those of a snapshot that is still coming included.
    pub agents: usize,
    /// Alerts, those of a snapshot that is still coming included.
    pub alerts: usize,
    /// Takeovers, those of a snapshot that is still coming included.
    pub takeovers: usize,
    /// Commands of all agents.
    pub commands: usize,
    /// Decisions of all agents.
    pub samples: usize,
    /// Signal values of all these decisions.
    pub numbers: usize,
}

/// What an operator should see now.
///
/// Deltas carry a cursor that counts up by one. What was folded once changes nothing when it comes again;
/// a number that is left out sets [`needs_resync`](Self::needs_resync), and the newest is shown all the same.
/// While a snapshot comes in parts, the picture before it stays on the screen and is not
/// [`current`](Self::is_current).
#[derive(Clone, Debug)]
pub struct Picture {
    link: Link,
    me: Option<Me>,
    last_message_at: Option<MonoTime>,
    /// Where the shown world stands; `None` until a first snapshot is whole.
    shown_at: Option<Resume>,
    world: World,
    /// A snapshot was promised or has begun.
    awaits_snapshot: bool,
    assembly: Option<Assembly>,
    missed_something: bool,
    commands: Commands,
    health: Option<Timed<Health>>,
    roster: Option<Timed<Roster>>,
    /// Since when this person has more alerts than he can look at, on this console's clock.
    flooded_since: Option<MonoTime>,
    /// When that last ended.
    flood_over_at: Option<MonoTime>,
    access: Option<Timed<AccessUpdate>>,
    dropped_telemetry: u64,
    head: Option<Timed<Head>>,
    error: Option<Timed<ErrorReport>>,
    /// (console clock - monitor clock) as the monitor estimates it.
    clock_offset_nanos: Option<i64>,
}

impl Default for Picture {
    fn default() -> Self {
        Self::new()
    }
}

impl Picture {
    /// Makes the picture of a console that has not heard anything yet.
    pub const fn new() -> Self {
        Self {
            link: Link::Never,
            me: None,
            last_message_at: None,
            shown_at: None,
            world: World::new(),
            awaits_snapshot: true,
            assembly: None,
            missed_something: false,
            commands: Commands::new(),
            health: None,
            roster: None,
            flooded_since: None,
            flood_over_at: None,
            access: None,
            dropped_telemetry: 0,
            head: None,
            error: None,
            clock_offset_nanos: None,
        }
    }

    /// Takes note that the socket is open; the welcome is still to come.
    pub fn handle_connected(&mut self, now: MonoTime) {
        self.link = Link::Connecting { since: now };
    }

    /// Takes note that the connection is gone. What is shown stays, and grows old.
    pub fn handle_disconnected(&mut self, now: MonoTime) {
        if !matches!(self.link, Link::Lost { .. }) {
            self.link = Link::Lost { since: now };
        }
        self.assembly = None;
        self.awaits_snapshot = true;
        self.commands.lose_track();
    }

    /// Takes note that this console has sent a command, so that it is visible before anybody answers.
    pub fn handle_issued(
        &mut self,
        command_id: CommandId,
        agent: &AgentId,
        kind: CommandKind,
        now: MonoTime,
    ) {
        let by = self.me.as_ref().map(|me| me.person.clone());
        self.commands.issue(command_id, agent, kind, by, now);
    }

    /// Takes note that this console has asked how long the way to an agent is.
    pub fn handle_probe(&mut self, agent: &AgentId, seq: u64, now: MonoTime) {
        self.world.handle_probe(agent, seq, now);
    }

    /// Folds one message that came at `received_at` on the console's clock.
    pub fn handle(&mut self, message: &ToOperator, received_at: MonoTime) {
        self.last_message_at = Some(received_at);
        match message {
            ToOperator::Welcome(welcome) => self.handle_welcome(welcome, received_at),
            ToOperator::Snapshot(part) => self.handle_part(part, received_at),
            ToOperator::Alert(update) => {
                if self.admit(update.cursor) {
                    self.folded_world().fold_alert(&update.alarm, update.cursor, received_at);
                }
            }
            ToOperator::ControlStatus(update) => self.handle_status(update, received_at),
            ToOperator::CommandStatus(update) => {
                let is_news = self.shown_at.is_none_or(|shown| update.cursor > shown.cursor);
                if self.admit(update.cursor) {
                    self.commands.fold(update, is_news, received_at);
                }
            }
            ToOperator::Lease(update) => {
                if self.admit(update.cursor) {
                    self.folded_world().fold_lease(update, received_at);
                }
            }
            ToOperator::Takeover(update) => {
                if self.admit(update.cursor) {
                    self.folded_world().fold_takeover(&update.takeover, update.cursor, received_at);
                }
            }
            ToOperator::Roster(roster) => self.fold_roster(roster, received_at),
            ToOperator::Telemetry(telemetry) => self.handle_telemetry(telemetry, received_at),
            ToOperator::Dropped(dropped) => {
                self.dropped_telemetry = self.dropped_telemetry.saturating_add(dropped.telemetry);
            }
            ToOperator::Health(health) => {
                self.health = Some(Timed { value: health.clone(), received_at });
                self.give_up_commands(received_at);
            }
            ToOperator::Ping(Ping { offset_nanos, .. }) => {
                self.clock_offset_nanos = offset_nanos.or(self.clock_offset_nanos);
            }
            ToOperator::Head(head) => self.head = Some(Timed { value: *head, received_at }),
            ToOperator::Error(error) => self.error = Some(Timed { value: error.clone(), received_at }),
            ToOperator::Probed(answer) => self.world.fold_path(answer, received_at),
            ToOperator::Access(access) => self.access = Some(Timed { value: access.clone(), received_at }),
        }
    }

    /// Returns how the connection is.
    pub const fn link(&self) -> Link {
        self.link
    }

    /// Returns who this session is to the monitor; `None` before the first welcome.
    pub const fn me(&self) -> Option<&Me> {
        self.me.as_ref()
    }

    /// Returns whether the picture is whole and live: connected, snapshot complete, nothing missed.
    pub const fn is_current(&self) -> bool {
        self.link.is_connected() && self.shown_at.is_some() && !self.awaits_snapshot && !self.missed_something
    }

    /// Returns whether something was missed, so that only a new connection with a snapshot helps.
    pub const fn needs_resync(&self) -> bool {
        self.missed_something
    }

    /// Returns where a new connection should resume; `None` asks for a snapshot.
    pub fn resume(&self) -> Option<Resume> {
        if self.missed_something { None } else { self.shown_at }
    }

    /// Returns the agents in the order of their names.
    pub fn agents(&self) -> impl Iterator<Item = (&AgentId, &AgentPicture)> {
        self.world.agents()
    }

    /// Returns one agent.
    pub fn agent(&self, agent: &AgentId) -> Option<&AgentPicture> {
        self.world.agent(agent)
    }

    /// Returns the alerts in the order of their ids, those that were over lately included.
    pub fn alerts(&self) -> impl Iterator<Item = (&AlertId, &AlertPicture)> {
        self.world.alerts()
    }

    /// Returns one alert.
    pub fn alert(&self, alert: AlertId) -> Option<&AlertPicture> {
        self.world.alert(alert)
    }

    /// Returns the last commands of one agent, oldest first.
    pub fn commands(&self, agent: &AgentId) -> impl Iterator<Item = &CommandPicture> {
        self.commands.of(agent)
    }

    /// Returns the last commands of all agents, agent by agent.
    pub fn all_commands(&self) -> impl Iterator<Item = &CommandPicture> {
        self.commands.all()
    }

    /// Returns how the monitor said it is.
    pub const fn health(&self) -> Option<&Timed<Health>> {
        self.health.as_ref()
    }

    /// Returns the takeovers that go on, and the last ones that are over, oldest first.
    pub fn takeovers(&self) -> impl DoubleEndedIterator<Item = &Timed<TakeoverRecord>> {
        self.world.takeovers()
    }

    /// Returns what this session may do, as the monitor said last; `None` before it did.
    pub const fn access(&self) -> Option<&Timed<AccessUpdate>> {
        self.access.as_ref()
    }

    /// Returns how long this session may act yet; `None` where that does not end, zero when it has.
    pub fn access_left(&self, now: MonoTime) -> Option<Duration> {
        let access = self.access.as_ref()?;
        if access.value.expired {
            return Some(Duration::ZERO);
        }
        let until = access.received_at.after(Duration::from_nanos(access.value.left_nanos?));
        Some(now.until(until))
    }

    /// Returns who else is connected, as the monitor said last.
    pub const fn roster(&self) -> Option<&Timed<Roster>> {
        self.roster.as_ref()
    }

    /// Returns since when this person has had a flood of alerts, as the monitor counts, on this console's clock.
    pub const fn flooded_since(&self) -> Option<MonoTime> {
        self.flooded_since
    }

    /// Returns when this person's last flood ended, on this console's clock; `None` while there was none.
    pub const fn flood_over_at(&self) -> Option<MonoTime> {
        self.flood_over_at
    }

    fn fold_roster(&mut self, roster: &Roster, received_at: MonoTime) {
        let session = self.me().map(|me| me.session_id);
        let mine = roster.operators.iter().find(|operator| Some(operator.session_id) == session);
        let flooded = mine.and_then(|mine| mine.flooded_nanos).map(Duration::from_nanos);
        let since = flooded.map(|span| received_at.before(span));
        if since.is_some() || self.flooded_since.is_some() {
            self.flood_over_at = since.is_none().then_some(received_at);
        }
        self.flooded_since = since;
        self.roster = Some(Timed { value: roster.clone(), received_at });
    }

    /// Returns whether the monitor said that its record cannot be written.
    pub fn is_degraded(&self) -> bool {
        self.health.as_ref().is_some_and(|health| health.value.degraded)
    }

    /// Returns how many telemetry messages this console missed since it started.
    pub const fn dropped_telemetry(&self) -> u64 {
        self.dropped_telemetry
    }

    /// Returns how many agents and alerts did not fit into the picture.
    pub const fn not_shown(&self) -> u64 {
        self.world.not_shown()
    }

    /// Returns the newest head of the record. Keep it: it shows later tampering.
    pub const fn head(&self) -> Option<&Timed<Head>> {
        self.head.as_ref()
    }

    /// Returns the newest complaint of the monitor about what this console sent.
    pub const fn error(&self) -> Option<&Timed<ErrorReport>> {
        self.error.as_ref()
    }

    /// Returns when anything came last, on the console's clock.
    pub const fn last_message_at(&self) -> Option<MonoTime> {
        self.last_message_at
    }

    /// Returns the monitor's clock at `now`: by its own estimate of the offset, else from what it said last.
    pub fn monitor_now(&self, now: MonoTime) -> Option<MonoTime> {
        if let Some(offset) = self.clock_offset_nanos {
            let nanos = i128::from(now.as_nanos()) - i128::from(offset);
            return Some(MonoTime::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)));
        }
        let health = self.health.as_ref()?;
        Some(health.value.now.after(now.since(health.received_at)))
    }

    /// Returns the epoch of the lease that this session holds on `agent`, or will hold with its ENGAGE while
    /// somebody else still drives.
    pub fn my_epoch(&self, agent: &AgentId) -> Option<Epoch> {
        let session_id = self.me.as_ref()?.session_id;
        let entry = self.agent(agent)?;
        // What the status does not know of yet. Neither a wish nor somebody else's grant moves this session's lease.
        let granted = entry
            .lease_update()
            .filter(|(update, cursor)| *cursor > entry.cursor() && update.event == LeaseEvent::Granted)
            .map(|(update, _)| (update.session_id, update.epoch));
        let lease = entry.status().lease.as_ref();
        let held = lease.map(|lease| (lease.session_id, lease.epoch));
        let next = lease.and_then(|lease| lease.next.as_ref()).map(|next| (next.session_id, next.epoch));
        [granted, held, next]
            .into_iter()
            .flatten()
            .find(|(session, epoch)| *session == session_id && !entry.has_ended(*epoch))
            .map(|(_, epoch)| epoch)
    }

    /// Returns who holds the lease of `agent`.
    pub fn holder(&self, agent: &AgentId) -> Option<&PersonId> {
        self.agent(agent)?.status().lease.as_ref().map(|lease| &lease.holder)
    }

    /// Returns how much the picture holds.
    pub fn footprint(&self) -> Footprint {
        let mut footprint = self.world.footprint();
        if let Some(assembly) = &self.assembly {
            let coming = assembly.world.footprint();
            footprint.agents += coming.agents;
            footprint.alerts += coming.alerts;
            footprint.takeovers += coming.takeovers;
        }
        footprint.commands = self.commands.all().count();
        footprint
    }

    fn handle_welcome(&mut self, welcome: &OperatorWelcome, at: MonoTime) {
        self.link = Link::Connected { since: at };
        self.me = Some(Me {
            session_id: welcome.session_id,
            person: welcome.person.clone(),
            role: welcome.role,
            software_version: welcome.software_version.clone(),
        });
        self.assembly = None;
        self.clock_offset_nanos = None;
        self.error = None;
        self.access = None;
        let same_run = self.shown_at.is_some_and(|shown| shown.incarnation == welcome.incarnation);
        self.awaits_snapshot = !welcome.resumed;
        // Deltas after a cursor that this console does not have cannot be folded into anything.
        self.missed_something = welcome.resumed && !same_run;
        self.world.expect_incarnation(welcome.incarnation);
        if welcome.resumed && same_run {
            self.commands.regain_track();
        }
    }

    /// The monitor says how it is once a second, and after everything that a new connection is told first.
    fn give_up_commands(&mut self, now: MonoTime) {
        if self.is_current() {
            let kind_of = |agent: &AgentId| self.world.agent(agent).map(|entry| entry.status().kind);
            self.commands.give_up(kind_of, now);
        }
    }

    fn handle_part(&mut self, part: &SnapshotPart, at: MonoTime) {
        if part.part == 0 {
            self.assembly = Some(Assembly::new(part.cursor));
            self.awaits_snapshot = true;
        }
        let Some(mut assembly) = self.assembly.take() else {
            self.missed_something = true;
            return;
        };
        if !assembly.fold(part, at) {
            self.missed_something = true;
            return;
        }
        if !part.last {
            self.assembly = Some(assembly);
            return;
        }
        let incarnation = self.world.expected_incarnation();
        self.shown_at = Some(Resume { incarnation, cursor: assembly.cursor() });
        self.missed_something = assembly.missed_something();
        let mut world = assembly.world;
        world.inherit(&mut self.world);
        self.world = world;
        self.awaits_snapshot = false;
        self.commands.keep_only(|agent| self.world.agent(agent).is_some());
    }

    fn handle_status(&mut self, update: &StatusUpdate, at: MonoTime) {
        // A repeat may have waited behind other deltas: what it says of its own agent is still the newest, so
        // the agent's entry decides.
        self.admit(update.cursor);
        if self.shown_at.is_some() || self.assembly.is_some() {
            self.folded_world().fold_status(&update.status, update.cursor, at);
        }
    }

    fn handle_telemetry(&mut self, telemetry: &Telemetry, at: MonoTime) {
        self.world.fold_telemetry(telemetry, at);
    }

    /// Returns whether a delta is to be folded, and moves the cursor on.
    fn admit(&mut self, cursor: u64) -> bool {
        if let Some(assembly) = &mut self.assembly {
            return assembly.admit(cursor);
        }
        let Some(shown) = &mut self.shown_at else {
            // Deltas before any snapshot: it will hold what they said.
            return false;
        };
        let (admitted, missed) = advance(&mut shown.cursor, cursor);
        self.missed_something |= missed;
        admitted
    }

    fn folded_world(&mut self) -> &mut World {
        self.assembly.as_mut().map_or(&mut self.world, |assembly| &mut assembly.world)
    }
}

/// Moves `held` on to `cursor` where it is the next; returns (fold it, something is missing before it).
///
/// With a hole before it the cursor stays, so that nobody resumes behind the hole.
const fn advance(held: &mut u64, cursor: u64) -> (bool, bool) {
    if cursor == held.saturating_add(1) {
        *held = cursor;
        (true, false)
    } else if cursor > *held {
        (true, true)
    } else {
        (cursor == *held, false)
    }
}
