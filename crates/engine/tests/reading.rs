//! Reading within a scope: what consoles are told, by role and scope, whatever happens.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod rig;

use rig::{Rig, VEHICLE, calm, ms};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use watchkeeper_model::{
    Access, AgentId, AlertId, CommandArgs, CommandCode, CommandKind, ControlState, DemandId, Label, Note,
    OperatorRole, Permission, Reach, Role, Scope, Verdict,
};
use watchkeeper_picture::Picture;
use watchkeeper_protocol::{
    OperatorMessage, ToOperator, Wire,
    operator::{Claim, LeaseEvent, Shelve, TakeOutOfService},
};

fn access(role: OperatorRole, scope: &[&str]) -> Access {
    let scope = Scope::new(scope.iter().copied()).unwrap();
    Access { role, scope, token_id: Some(Label::cut("7d0c")), acts_until: None }
}

/// Returns whether a message, as it is sent, holds a name.
fn names(message: &ToOperator, name: &str) -> bool {
    message.encode().windows(name.len()).any(|window| window == name.as_bytes())
}

/// The kinds of messages that told a console of an agent.
fn kinds_naming(told: &[ToOperator], name: &str) -> BTreeSet<&'static str> {
    // What its own scope is called, a console is told.
    let others = told.iter().filter(|message| !matches!(message, ToOperator::Access(_)));
    others.filter(|message| names(message, name)).map(ToOperator::kind).collect()
}

/// Every kind of message that says something of an agent to whoever sees it.
fn every_kind() -> BTreeSet<&'static str> {
    let deltas = ["alert", "command_status", "control_status", "lease", "takeover"];
    deltas.into_iter().chain(["roster", "snapshot", "telemetry"]).collect()
}

/// Everything that can be told of one agent: it is asked for, taken over, driven, handed over, handed back, stopped.
fn live(rig: &mut Rig) {
    rig.confidence = 0.05;
    rig.run_until(ms(10_000), |rig| rig.state() == ControlState::Requested);
    rig.claim(1);
    rig.run(ms(300));
    rig.take_over(1);
    rig.confidence = 0.95;
    rig.run(ms(4_000));
    rig.command(1, CommandKind::HandBack, CommandArgs::default());
    rig.run_until(Duration::from_secs(5), |rig| rig.state() == ControlState::Autonomous);
    rig.run(ms(6_000));
}

#[test]
fn every_role_is_told_of_the_agents_of_its_scope_and_of_no_other_before_and_after_the_end_of_its_token() {
    const SCOPES: [(&[&str], bool); 6] = [
        (&["vehicle-*"], true),
        (&["lab", VEHICLE], true),
        (&["*"], true),
        (&["truck-*"], false),
        (&["vehicle", "vehicle-10"], false),
        (&[], false),
    ];
    let mut rig = calm();
    let mut seats = Vec::new();
    for role in OperatorRole::ALL {
        assert_eq!(Permission::Read.reach(Role::from(*role)), Reach::Scope);
        for (scope, sees) in SCOPES {
            for ends in [None, Some(rig.now())] {
                let session = 100 + seats.len() as u64;
                let access = Access { acts_until: ends, ..access(*role, scope) };
                rig.connect_with(session, &format!("eve-{session}"), access);
                seats.push((session, *role, scope, sees));
            }
        }
    }
    live(&mut rig);
    assert_eq!(seats.len(), 4 * 6 * 2);
    for (session, role, scope, sees) in &seats {
        let found = kinds_naming(rig.told(*session), VEHICLE);
        let wanted = if *sees { every_kind() } else { BTreeSet::new() };
        assert_eq!(found, wanted, "{role} of {scope:?}");
    }
    // Whoever comes later is told in a snapshot, and of no more.
    for (index, (_, role, scope, sees)) in seats.iter().enumerate() {
        let session = 500 + index as u64;
        rig.connect_with(session, "late", access(*role, scope));
        let told = rig.told(session);
        assert_eq!(kinds_naming(told, VEHICLE).contains("snapshot"), *sees, "{role} of {scope:?}");
        let takeovers = told
            .iter()
            .any(|message| matches!(message, ToOperator::Snapshot(part) if !part.takeovers.is_empty()));
        assert_eq!(takeovers, *sees, "{role} of {scope:?}");
        let connected = told.iter().find_map(|message| match message {
            ToOperator::Health(health) => Some(health.agents),
            _ => None,
        });
        assert_eq!(connected, Some(u64::from(*sees)), "{role} of {scope:?}: how many agents there are");
    }
    assert_eq!(rig.replay(), rig.digest());
}

#[test]
fn an_agent_of_the_scope_that_comes_later_appears() {
    let mut rig = calm();
    rig.connect_with(2, "nora", access(OperatorRole::Operator, &["north-*"]));
    rig.connect_bystander("south-a");
    rig.connect_bystander("north-a");
    assert!(!kinds_naming(rig.told(2), "north-a").is_empty());
    assert!(kinds_naming(rig.told(2), "south-a").is_empty());
    assert!(kinds_naming(rig.told(2), VEHICLE).is_empty());
}

#[test]
fn a_console_that_comes_back_resumes_in_its_scope_and_starts_anew_in_another() {
    let mut rig = calm();
    let wide = access(OperatorRole::Operator, &["vehicle-*", "north-*"]);
    let north = access(OperatorRole::Operator, &["north-*"]);
    rig.connect_bystander("north-a");
    rig.connect_with(2, "nora", north.clone());
    rig.disconnect_operator(2);
    live(&mut rig);
    let resume = Some(rig.resume_point(2));
    rig.come_back_with(3, "nora", north.clone(), resume);
    assert!(rig.resumed(3), "her view was kept, and the vehicle's life did not crowd it out");
    assert!(kinds_naming(rig.told(3), VEHICLE).is_empty());
    assert!(!kinds_naming(rig.told(3), "north-a").is_empty(), "it went silent meanwhile");
    for (session, access) in [(4, wide), (5, access(OperatorRole::Operator, &["*"]))] {
        rig.come_back_with(session, "nora", access, resume);
        assert!(!rig.resumed(session), "the cursors of one view say nothing in another");
    }
    let resume = Some(rig.resume_point(5));
    rig.come_back_with(6, "nora", north, resume);
    assert!(!rig.resumed(6));
    assert!(kinds_naming(rig.told(6), VEHICLE).is_empty());
}

#[test]
fn a_view_without_consoles_gives_way_when_seventeen_have_none() {
    let mut rig = calm();
    for session in 2..20 {
        rig.connect_with(session, "eve", access(OperatorRole::Observer, &[&format!("vehicle-{session}*")]));
        rig.disconnect_operator(session);
    }
    for (session, is_kept) in [(19, true), (4, true), (3, false), (2, false)] {
        let resume = Some(rig.resume_point(session));
        let scope = [format!("vehicle-{session}*")];
        let access = access(OperatorRole::Observer, &[&scope[0]]);
        rig.come_back_with(100 + session, "eve", access, resume);
        rig.disconnect_operator(100 + session);
        assert_eq!(rig.resumed(100 + session), is_kept, "{session}");
    }
}

/// The people of the random scenario, their roles and scopes.
const PEOPLE: [(&str, OperatorRole, &[&str]); 8] = [
    ("ada", OperatorRole::Operator, &["*"]),
    ("bob", OperatorRole::Operator, &["vehicle-1"]),
    ("sue", OperatorRole::Supervisor, &["vehicle-*", "north-*"]),
    ("nora", OperatorRole::Operator, &["north-*"]),
    ("olga", OperatorRole::Observer, &["south-*"]),
    ("otto", OperatorRole::Auditor, &["south-a", "north-b"]),
    ("ned", OperatorRole::Operator, &["nowhere"]),
    ("zoe", OperatorRole::Supervisor, &["*"]),
];
const AGENTS: [&str; 7] = [VEHICLE, "north-a", "north-b", "north-c", "south-a", "south-b", "south-c"];

/// Somebody at a console: what he was told is folded as it comes, and what he asked for by name is remembered.
struct Seat {
    person: &'static str,
    access: Access,
    session: Option<u64>,
    looked_at: usize,
    scope: Scope,
    picture: Picture,
    asked: BTreeSet<&'static str>,
}

impl Seat {
    /// Reads what came since: nothing of it names an agent outside of the scope that he was told last, but for the answer
    /// to what he himself asked.
    fn look(&mut self, rig: &Rig, seed: u64) -> usize {
        let Some(session) = self.session else { return 0 };
        let told = &rig.told(session)[self.looked_at..];
        for message in told {
            if let ToOperator::Access(update) = message {
                self.scope = update.scope.clone();
            }
            for name in AGENTS {
                let is_echo = self.asked.contains(name) && answers(message, self.person);
                if !self.scope.contains(&AgentId::new(name).unwrap()) && !is_echo {
                    assert!(
                        !names(message, name),
                        "seed {seed}: {} hears of {name}: {message:?}",
                        self.person
                    );
                }
            }
            self.picture.handle(message, rig.now());
        }
        self.looked_at += told.len();
        told.len()
    }

    /// What he sees is whole, and what his scope says.
    fn check_picture(&self, seen: &BTreeSet<AgentId>, seed: u64) {
        if self.session.is_none() {
            return;
        }
        assert!(self.picture.is_current(), "seed {seed}: {} missed something", self.person);
        let wanted: BTreeSet<&AgentId> = seen.iter().filter(|agent| self.scope.contains(agent)).collect();
        let shown: BTreeSet<&AgentId> = self.picture.agents().map(|(agent, _)| agent).collect();
        assert_eq!(shown, wanted, "seed {seed}: {}", self.person);
    }
}

/// Returns whether a message tells somebody that what he asked for is refused.
fn answers(message: &ToOperator, person: &str) -> bool {
    match message {
        ToOperator::Error(_) => true,
        ToOperator::Lease(update) => update.event == LeaseEvent::Refused && update.holder.as_str() == person,
        ToOperator::CommandStatus(update) => {
            update.code == Some(CommandCode::Denied) && update.issued_by.as_str() == person
        }
        _ => false,
    }
}

struct Scenario {
    rig: Rig,
    seats: Vec<Seat>,
    sessions: u64,
    random: u64,
    looked_at: BTreeMap<&'static str, usize>,
}

impl Scenario {
    fn new(seed: u64) -> Self {
        let mut rig = Rig::new();
        rig.connect_vehicle();
        let seats = PEOPLE.iter().map(|(person, role, scope)| Seat {
            person,
            access: access(*role, scope),
            session: None,
            looked_at: 0,
            scope: Scope::default(),
            picture: Picture::new(),
            asked: BTreeSet::new(),
        });
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let seats = seats.collect();
        let mut scenario = Self { rig, seats, sessions: 0, random, looked_at: BTreeMap::new() };
        for seat in 0..PEOPLE.len() {
            scenario.come(seat);
        }
        scenario
    }

    fn next(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    fn pick(&mut self, below: usize) -> usize {
        usize::try_from(self.next(below as u64)).unwrap()
    }

    fn come(&mut self, seat: usize) {
        self.sessions += 1;
        let now = self.rig.now();
        let seat = &mut self.seats[seat];
        (seat.session, seat.looked_at) = (Some(self.sessions), 0);
        seat.scope = seat.access.scope.clone();
        seat.picture.handle_connected(now);
        let resume = seat.picture.resume();
        self.rig.come_back_with(self.sessions, seat.person, seat.access.clone(), resume);
    }

    fn leave(&mut self, seat: usize, seed: u64) {
        let now = self.rig.now();
        let Some(session) = self.seats[seat].session else { return };
        self.rig.disconnect_operator(session);
        self.seats[seat].look(&self.rig, seed);
        self.seats[seat].session = None;
        self.seats[seat].picture.handle_disconnected(now);
    }

    /// An alert or a takeover that somebody who sees everything knows of.
    fn known(&mut self) -> (AlertId, DemandId) {
        let alerts: Vec<AlertId> = self.seats[0].picture.alerts().map(|(alert, _)| *alert).collect();
        let takeovers: Vec<DemandId> =
            self.seats[0].picture.takeovers().map(|takeover| takeover.value.demand_id).collect();
        let (one, other) = (self.pick(1 << 20), self.pick(1 << 20));
        let alert = alerts.get(one % alerts.len().max(1)).copied().unwrap_or(AlertId(1));
        (alert, takeovers.get(other % takeovers.len().max(1)).copied().unwrap_or(DemandId(1)))
    }

    /// One thing that happens.
    fn act(&mut self, seed: u64) {
        let (choice, seat) = (self.next(24), self.pick(PEOPLE.len()));
        let name = AGENTS[self.pick(AGENTS.len())];
        let agent = AgentId::new(name).unwrap();
        let (alert_id, demand_id) = self.known();
        let Some(session) = self.seats[seat].session else { return self.come(seat) };
        let reason = Note::cut("random");
        match choice {
            0 if name != VEHICLE => self.rig.connect_bystander(name),
            1 => self.leave(seat, seed),
            2 => {
                let scope = PEOPLE[self.pick(PEOPLE.len())].2;
                self.seats[seat].access = access(self.seats[seat].access.role, scope);
                self.rig.change_access(session, self.seats[seat].access.clone());
            }
            3 => self.rig.confidence = if self.rig.confidence < 0.5 { 0.95 } else { 0.05 },
            4 | 5 => self.rig.claim(session),
            6 | 7 => {
                self.rig.command(session, CommandKind::Engage, CommandArgs::default());
            }
            8 => {
                self.rig.command(session, CommandKind::Assume, CommandArgs::default());
            }
            9 => {
                self.rig.command(session, CommandKind::HandBack, CommandArgs::default());
            }
            10 => {
                self.rig.command(session, CommandKind::Hold, CommandArgs::default());
            }
            11 => self.rig.request_handover(session),
            12 => self.rig.pre_empt(session, Some("random")),
            13 => self.rig.acknowledge(session, alert_id),
            14 => self.rig.shelve(session, alert_id, ms(5_000), "random"),
            15 => self.rig.present(session, alert_id),
            16 => self.rig.label(session, demand_id, Verdict::Real),
            17 => {
                self.rig.stop(session, name, false);
            }
            18 => self.rig.send_operator(session, OperatorMessage::Claim(Claim { agent })),
            19 => {
                let (cause, subject) = (watchkeeper_model::CauseClass::Silence, Label::cut("link"));
                let out = TakeOutOfService { agent, cause, subject, reason };
                self.rig.send_operator(session, OperatorMessage::TakeOutOfService(out));
            }
            20 => {
                let shelve = Shelve { alert_id, for_nanos: 1_000_000_000, reason };
                self.rig.send_operator(session, OperatorMessage::Shelve(shelve));
            }
            21 => self.rig.standstill = !self.rig.standstill,
            22 => self.rig.disk_works = !self.rig.disk_works,
            _ => self.rig.unshelve(session, alert_id),
        }
        self.seats[seat].asked.extend([VEHICLE, name]);
    }

    fn look(&mut self, seed: u64) {
        for seat in &mut self.seats {
            *self.looked_at.entry(seat.person).or_default() += seat.look(&self.rig, seed);
        }
    }
}

#[test]
fn whatever_happens_no_console_is_told_of_an_agent_outside_of_its_scope() {
    let (mut fleets, mut kinds, mut read) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    for seed in 1..=20_u64 {
        let mut scenario = Scenario::new(seed);
        for _ in 0..80 {
            scenario.act(seed);
            let pause = scenario.next(400);
            scenario.rig.run(ms(pause));
            scenario.look(seed);
        }
        scenario.rig.disk_works = true;
        scenario.rig.run(ms(1_500));
        scenario.look(seed);
        let Scenario { rig, seats, looked_at, sessions, .. } = scenario;
        let told: BTreeSet<_> =
            (1..=sessions).flat_map(|session| kinds_naming(rig.told(session), VEHICLE)).collect();
        let seen: BTreeSet<AgentId> = {
            let mut picture = Picture::new();
            let mut rig = rig;
            rig.connect_with(9_999, "new", access(OperatorRole::Observer, &["*"]));
            for message in rig.told(9_999) {
                picture.handle(message, rig.now());
            }
            assert_eq!(rig.replay(), rig.digest(), "seed {seed}: the same inputs give the same outputs");
            picture.agents().map(|(agent, _)| agent.clone()).collect()
        };
        for seat in &seats {
            seat.check_picture(&seen, seed);
        }
        for (person, messages) in looked_at {
            *read.entry(person).or_insert(0) += messages;
        }
        fleets.insert(seen.len());
        kinds.extend(told);
    }
    assert!(fleets.len() > 2, "the fleets differ: {fleets:?}");
    assert!(kinds.is_superset(&every_kind()), "of everything that there is, something was told: {kinds:?}");
    assert!(read.values().all(|messages| *messages > 1_500), "everybody was told a lot: {read:?}");
}
