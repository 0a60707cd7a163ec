//! Random findings, people and time against what must be true of alerts: consoles that only hear what is told agree with
//! what is kept, every raise has its clear, nothing hidden is lost.
//!
//! `WATCHKEEPER_PROPTEST_CASES` plays more shifts than the 60 (10,000 are a million events); `WATCHKEEPER_SCHEDULE_SEED`
//! says with which one to begin.

use super::Alarms;
use crate::Config;
use proptest::{
    collection::vec,
    prelude::{Just, ProptestConfig, any, prop_oneof},
    strategy::{Strategy, ValueTree},
    test_runner::{RngSeed, TestCaseError, TestError, TestRunner},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    time::Duration,
};
use watchkeeper_detect::{Finding, Phase};
use watchkeeper_model::{
    AgentId, Alarm, AlertId, CauseClass, DemandId, Explanation, Label, MonoTime, Note, OutOfService,
    PersonId, Response, Severity, Shelved,
};

const STEPS: usize = 100;
const SEED: &str = "WATCHKEEPER_SCHEDULE_SEED";
const CASES: &str = "WATCHKEEPER_PROPTEST_CASES";
const CONFIG: &str = "
[alarms.flap]
raises = 3
within_secs = 600
quiet_secs = 60
[alarms.classes.limit]
consequence = \"major\"
operator_action = \"look\"
time_to_respond_secs = 60
latching = true
[[alarms.suppress]]
name = \"behind a limit\"
cause = \"outlier\"
while_active = \"limit\"
reason = \"it follows\"
";
/// Two limits stand alone, two signals share an alert.
const CONDITIONS: [(CauseClass, &str); 4] = [
    (CauseClass::Limit, "speed"),
    (CauseClass::Limit, "gap"),
    (CauseClass::Outlier, "speed"),
    (CauseClass::Outlier, "gap"),
];

#[derive(Clone, Copy, Debug)]
enum Act {
    Find { agent: usize, condition: usize, severity: Severity, takeover: bool },
    End { agent: usize, condition: usize },
    Acknowledge(usize),
    Reset(usize),
    Shelve(usize, u64),
    Unshelve(usize),
    TakeOut { agent: usize, condition: usize },
    PutBack(usize),
    Demand(usize),
    LeaveDemand(usize, bool),
    Wait(u64),
}

fn acts() -> impl Strategy<Value = Act> {
    let severity = prop_oneof![
        3 => Just(Severity::Advisory),
        3 => Just(Severity::Warning),
        1 => Just(Severity::Critical)
    ];
    let place = || (0..2_usize, 0..CONDITIONS.len());
    let one = || 0..8_usize;
    prop_oneof![
        8 => (place(), severity, 0..6_u8).prop_map(|((agent, condition), severity, dice)| Act::Find {
            agent, condition, severity, takeover: dice == 0
        }),
        7 => place().prop_map(|(agent, condition)| Act::End { agent, condition }),
        3 => one().prop_map(Act::Acknowledge),
        1 => one().prop_map(Act::Reset),
        2 => (one(), 1..400_u64).prop_map(|(index, secs)| Act::Shelve(index, secs)),
        1 => one().prop_map(Act::Unshelve),
        1 => place().prop_map(|(agent, condition)| Act::TakeOut { agent, condition }),
        1 => one().prop_map(Act::PutBack),
        1 => one().prop_map(Act::Demand),
        1 => (one(), any::<bool>()).prop_map(|(index, dismissed)| Act::LeaveDemand(index, dismissed)),
        4 => (1..120_u64).prop_map(Act::Wait),
    ]
}

fn agent(index: usize) -> AgentId {
    AgentId::new(&format!("agent-{index}")).unwrap()
}

fn person() -> PersonId {
    PersonId::new("ada").unwrap()
}

fn finding(condition: usize, phase: Phase, severity: Severity, response: Response) -> Finding {
    let (cause, subject) = CONDITIONS[condition];
    Finding {
        cause,
        subject: Label::cut(subject),
        phase,
        severity,
        response,
        decision: None,
        explanation: Explanation {
            detector: Label::cut("test"),
            version: 1,
            statistic: 1.0,
            threshold: 1.0,
            score: 0.5,
            signals: Vec::new(),
            samples: Vec::new(),
            text: Note::cut("test"),
        },
    }
}

/// The alerts, what holds in the world, and a console that hears what is told.
struct Shift {
    alarms: Alarms,
    now: MonoTime,
    world: BTreeSet<(usize, usize)>,
    heard: BTreeMap<AlertId, Alarm>,
    /// Of each alert: raises told, and ends told.
    told: BTreeMap<AlertId, (u32, u32)>,
    out: BTreeSet<AlertId>,
    demands: u64,
}

impl Shift {
    fn new() -> Self {
        let settings = Config::parse(CONFIG).unwrap().alarms;
        Self {
            alarms: Alarms::new(settings, AlertId(1)),
            now: MonoTime::from_nanos(1),
            world: BTreeSet::new(),
            heard: BTreeMap::new(),
            told: BTreeMap::new(),
            out: BTreeSet::new(),
            demands: 0,
        }
    }

    fn hear(&mut self, alarm: Alarm) {
        let was = self.heard.get(&alarm.alert_id).is_some_and(|before| before.state.is_active());
        let (raises, ends) = self.told.entry(alarm.alert_id).or_default();
        *raises += u32::from(!was && alarm.state.is_active());
        *ends += u32::from(was && !alarm.state.is_active());
        if alarm.is_over() {
            self.heard.remove(&alarm.alert_id);
        } else {
            self.heard.insert(alarm.alert_id, alarm);
        }
    }

    /// What the engine does after everything that may change what a rule says.
    fn obey(&mut self) {
        for index in 0..2 {
            for alarm in self.alarms.obey_all_rules(&agent(index), self.now) {
                self.hear(alarm);
            }
        }
    }

    fn find(&mut self, place: usize, finding: Finding) {
        if let Some(found) = self.alarms.handle_finding(&agent(place), finding, self.now)
            && found.is_news
        {
            self.hear(found.alarm);
        }
    }

    fn nth(&self, index: usize) -> Option<AlertId> {
        self.heard.keys().copied().cycle().nth(index)
    }

    fn pass(&mut self, secs: u64) {
        let end = self.now.after(Duration::from_secs(secs));
        while let Some(at) = self.alarms.poll_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            while let Some(alarm) = self.alarms.unshelve_due(self.now) {
                self.hear(alarm);
            }
            while let Some(alarm) = self.alarms.settle_due(self.now) {
                self.hear(alarm);
            }
            self.obey();
        }
        self.now = end;
    }

    fn act(&mut self, act: Act) {
        let now = self.now;
        let mut done = None;
        match act {
            Act::Find { agent, condition, severity, takeover } => {
                let phase = if self.world.insert((agent, condition)) { Phase::Raised } else { Phase::Worse };
                let response = if takeover { Response::Takeover } else { Response::Advise };
                self.find(agent, finding(condition, phase, severity, response));
            }
            Act::End { agent, condition } => {
                if self.world.remove(&(agent, condition)) {
                    let cleared = finding(condition, Phase::Cleared, Severity::Advisory, Response::Advise);
                    self.find(agent, cleared);
                }
            }
            Act::Acknowledge(index) => {
                done = self.nth(index).map(|id| self.alarms.acknowledge(id, &person(), now));
            }
            Act::Reset(index) => done = self.nth(index).map(|id| self.alarms.reset(id, now)),
            Act::Shelve(index, secs) => {
                let until = now.after(Duration::from_secs(secs));
                let shelved = Shelved { by: person(), until, reason: Note::cut("known") };
                done = self.nth(index).map(|id| self.alarms.shelve(id, shelved, now));
            }
            Act::Unshelve(index) => done = self.nth(index).map(|id| self.alarms.unshelve(id, now)),
            Act::TakeOut { agent: place, condition } => {
                let (cause, subject) = CONDITIONS[condition];
                let out = OutOfService { by: person(), since: now, reason: Note::cut("broken") };
                let taken = self.alarms.take_out((&agent(place), cause, &Label::cut(subject)), out, now);
                self.out.extend(taken.as_ref().ok().map(|alarm| alarm.alert_id));
                done = Some(taken);
            }
            Act::PutBack(index) => {
                let id = self.nth(index);
                self.out.retain(|out| Some(*out) != id);
                done = id.map(|id| self.alarms.put_back(id, now));
            }
            Act::Demand(index) => {
                self.demands += 1;
                let id = self.nth(index);
                let joined = id.and_then(|id| self.alarms.join_demand(id, DemandId(self.demands), now));
                self.out.retain(|out| Some(*out) != id);
                done = joined.map(Ok);
            }
            Act::LeaveDemand(index, dismissed) => {
                done = self.nth(index).and_then(|id| self.alarms.leave_demand(id, dismissed)).map(Ok);
            }
            Act::Wait(secs) => self.pass(secs),
        }
        if let Some(Ok(alarm)) = done {
            self.hear(alarm);
        }
        self.obey();
    }

    fn check(&self) -> Result<(), String> {
        let kept: BTreeMap<AlertId, &Alarm> =
            self.alarms.open().map(|alarm| (alarm.alert_id, alarm)).collect();
        if kept.keys().ne(self.heard.keys()) {
            return Err(format!("kept {:?}, heard of {:?}", kept.keys(), self.heard.keys()));
        }
        for (alert_id, alarm) in &kept {
            let heard = &self.heard[alert_id];
            // How often it was found, and when it changed, may be known later.
            let known = Alarm { count: alarm.count, changed_at: alarm.changed_at, ..heard.clone() };
            if known != **alarm {
                return Err(format!("kept {alarm:?}, heard {heard:?}"));
            }
            let holds = self.world.iter().any(|(place, condition)| {
                let (cause, subject) = CONDITIONS[*condition];
                agent(*place) == alarm.agent
                    && cause == alarm.cause
                    && (cause == CauseClass::Outlier || subject == alarm.subject.as_str())
            });
            for (holds, what) in [
                (!holds || alarm.state.is_active(), "its cause holds"),
                (holds || !alarm.state.is_active() || alarm.flapping, "its cause is gone"),
                (alarm.demand_id.is_none() || !alarm.is_hidden(), "it demands a takeover and is hidden"),
                (alarm.response == Response::Advise || alarm.suppressed.is_none(), "a rule hides a takeover"),
                (alarm.shelved.as_ref().is_none_or(|shelved| shelved.until > self.now), "its time is over"),
                (alarm.out_of_service.is_some() == self.out.contains(alert_id), "its service"),
            ] {
                if !holds {
                    return Err(format!("{what}: {alarm:?}"));
                }
            }
        }
        for (place, condition) in &self.world {
            let (cause, subject) = CONDITIONS[*condition];
            if !self.alarms.holds(&agent(*place), cause, &Label::cut(subject)) {
                return Err(format!("{cause} {subject} of {place} holds, and nobody knows"));
            }
        }
        Ok(())
    }

    /// Ends everything: nothing may be left.
    fn end(&mut self) -> Result<(), String> {
        for (agent, condition) in self.world.clone() {
            self.act(Act::End { agent, condition });
        }
        self.pass(10_000);
        for alert_id in self.heard.keys().copied().collect::<Vec<_>>() {
            for ended in [
                self.alarms.put_back(alert_id, self.now),
                self.alarms.reset(alert_id, self.now),
                self.alarms.acknowledge(alert_id, &person(), self.now),
            ]
            .into_iter()
            .flatten()
            {
                self.hear(ended);
            }
        }
        if let Some(left) = self.heard.values().next() {
            return Err(format!("it never ends: {left:?}"));
        }
        let uneven = self.told.iter().find(|(_, (raises, ends))| raises != ends);
        uneven.map_or(Ok(()), |(alert, told)| Err(format!("{alert}: (raises, ends) = {told:?}")))
    }
}

fn play(acts: &[Act]) -> Result<(), String> {
    let mut shift = Shift::new();
    for (step, act) in acts.iter().enumerate() {
        shift.act(*act);
        shift.check().map_err(|why| format!("step {step}, {act:?}: {why}"))?;
    }
    shift.end()
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|why| panic!("{name}={text}: {why}")))
}

#[test]
fn no_shift_loses_an_alert_and_every_raise_has_its_clear() {
    let chance = any::<u64>().new_tree(&mut TestRunner::default()).unwrap().current();
    let (first, cases) = (number(SEED).unwrap_or(chance), number(CASES).unwrap_or(60));
    for seed in (0..cases).map(|index| first.wrapping_add(index)) {
        let config = ProptestConfig {
            cases: 1,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(seed),
            ..ProptestConfig::default()
        };
        let verdict =
            TestRunner::new(config).run(&vec(acts(), STEPS), |acts| play(&acts).map_err(TestCaseError::fail));
        if let Err(TestError::Fail(why, acts)) = verdict {
            let again = format!("{SEED}={seed} {CASES}=1 cargo test -p watchkeeper-engine --lib no_shift");
            panic!("{why}\nmade shorter: {acts:#?}\nto see it again: {again}");
        }
    }
    println!("{cases} shifts of {STEPS} events from {SEED}={first} on");
}

#[test]
fn a_shelved_alert_comes_back_when_it_gets_worse_and_not_when_it_is_found_again() {
    for (severity, response, comes_back) in [
        (Severity::Advisory, Response::Advise, false),
        (Severity::Warning, Response::Advise, true),
        (Severity::Advisory, Response::Takeover, true),
    ] {
        let mut shift = Shift::new();
        shift.find(0, finding(2, Phase::Raised, Severity::Advisory, Response::Advise));
        shift.act(Act::Shelve(0, 300));
        assert!(shift.heard[&AlertId(1)].shelved.is_some());
        shift.find(0, finding(3, Phase::Raised, severity, response));
        assert_eq!(shift.heard[&AlertId(1)].shelved.is_none(), comes_back, "{severity} {response}");
        assert_eq!(shift.alarms.poll_timeout().is_none(), comes_back, "nothing waits for what came back");
    }
}

#[test]
fn what_gives_way_to_a_newer_alert_is_told_as_over_and_what_is_out_of_service_never_does() {
    let mut shift = Shift::new();
    shift.act(Act::TakeOut { agent: 0, condition: 0 });
    let bound = super::MAX_OPEN;
    for index in 1..bound {
        shift.find(index, finding(1, Phase::Raised, Severity::Advisory, Response::Advise));
        shift.find(index, finding(1, Phase::Cleared, Severity::Advisory, Response::Advise));
        assert_eq!(shift.alarms.poll_evicted(), None);
    }
    shift.find(bound, finding(1, Phase::Raised, Severity::Advisory, Response::Advise));
    let evicted = shift.alarms.poll_evicted().unwrap();
    assert!(evicted.alert_id == AlertId(2) && evicted.is_over(), "{evicted:?}");
    assert_eq!(shift.alarms.open().count(), bound);
    assert!(shift.alarms.get(AlertId(1)).is_some_and(|alarm| alarm.out_of_service.is_some()));
}

#[test]
fn beyond_the_bound_new_groups_are_not_watched_and_the_old_ones_still_are() {
    let mut shift = Shift::new();
    for _ in 0..4 {
        for index in 0..=super::MAX_OPEN {
            shift.find(index, finding(1, Phase::Raised, Severity::Advisory, Response::Advise));
            shift.find(index, finding(1, Phase::Cleared, Severity::Advisory, Response::Advise));
        }
    }
    let flapping =
        |index| shift.alarms.named(&agent(index), CauseClass::Limit, &Label::cut("gap")).map(|a| a.flapping);
    assert_eq!(flapping(super::MAX_OPEN - 1), Some(true));
    assert_eq!(flapping(super::MAX_OPEN), Some(false));
}
