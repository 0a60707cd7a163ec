//! The alarm machine: every state and input, every legal condition, and random lives beside a plain reference.
//!
//! `WATCHKEEPER_PROPTEST_CASES` plays more lives than the 300 (10,000 are a million events); `WATCHKEEPER_SCHEDULE_SEED`
//! says with which one to begin. `WATCHKEEPER_UPDATE_DOCS=1` rewrites the table of `docs/alarms.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use proptest::{
    collection::vec,
    prelude::{ProptestConfig, any},
    sample::select,
    strategy::{Strategy, ValueTree},
    test_runner::{RngSeed, TestError, TestRunner},
};
use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::PathBuf};
use watchkeeper_engine::alarm_machine::{Condition, Flag, Flags, Input, Refusal, next};
use watchkeeper_model::AlarmState::{self, AckedActive, Normal, RtnUnack, UnackActive};

const STATES: [AlarmState; 4] = [Normal, UnackActive, AckedActive, RtnUnack];
/// Events of one random life.
const STEPS: usize = 100;
const SEED: &str = "WATCHKEEPER_SCHEDULE_SEED";
const CASES: &str = "WATCHKEEPER_PROPTEST_CASES";

/// What an input leads to from the four states when nothing but the cause of an active alarm stands beside them.
type Row = (Input, [Result<AlarmState, Refusal>; 4]);

fn not_set(flag: Flag) -> [Result<AlarmState, Refusal>; 4] {
    [Err(Refusal::NotSet(flag)); 4]
}

/// In the order of [`STATES`].
fn expected() -> Vec<Row> {
    let over = Err(Refusal::IsOver);
    let stay = STATES.map(Ok);
    let nothing = Err(Refusal::NothingToAcknowledge);
    let open = [over, Ok(UnackActive), Ok(AckedActive), Ok(RtnUnack)];
    let clear = [over, Ok(RtnUnack), Ok(Normal), over];
    let settle = [over, Err(Refusal::NotSet(Flag::Flapping)), Err(Refusal::NotSet(Flag::Flapping)), over];
    let active = [over, Ok(UnackActive), Ok(AckedActive), over];
    vec![
        (Input::Raise, [Ok(UnackActive), Ok(UnackActive), Ok(AckedActive), Ok(UnackActive)]),
        (Input::Worsen, active),
        (Input::Clear { latching: false }, clear),
        (Input::Clear { latching: true }, clear),
        (Input::Flap, active),
        (Input::Settle { latching: false }, settle),
        (Input::Settle { latching: true }, settle),
        (Input::Acknowledge, [nothing, Ok(AckedActive), nothing, Ok(Normal)]),
        (
            Input::Reset,
            [
                Err(Refusal::NotLatched),
                Err(Refusal::StillActive),
                Err(Refusal::StillActive),
                Err(Refusal::NotLatched),
            ],
        ),
        (Input::Shelve, open),
        (Input::Unshelve, not_set(Flag::Shelved)),
        (Input::Suppress, open),
        (Input::Unsuppress, not_set(Flag::Suppressed)),
        (Input::TakeOut, stay),
        (Input::PutBack, not_set(Flag::OutOfService)),
        (Input::Demand, stay),
        (Input::DemandOver, not_set(Flag::Demanded)),
    ]
}

/// An alarm in a state, with its cause where it is active, and more flags.
fn alarm(state: AlarmState, flags: &[Flag]) -> Condition {
    let cause = state.is_active().then_some(Flag::CauseHolds);
    Condition { state, flags: Flags::of(cause.into_iter().chain(flags.iter().copied())) }
}

/// Every condition that an alarm can be in.
fn legal() -> Vec<Condition> {
    let sets = (0..1_u32 << Flag::ALL.len()).map(|bits| {
        let chosen = Flag::ALL.into_iter().enumerate();
        Flags::of(chosen.filter(|(index, _)| bits & (1 << index) != 0).map(|(_, flag)| flag))
    });
    let all = sets.flat_map(|flags| STATES.map(|state| Condition { state, flags }));
    all.filter(|condition| condition.is_legal()).collect()
}

#[test]
fn every_state_and_input_leads_where_the_table_says() {
    let table = expected();
    assert_eq!(table.iter().map(|(input, _)| *input).collect::<Vec<_>>(), Input::ALL);
    for (input, row) in table {
        for (state, wanted) in STATES.into_iter().zip(row) {
            let found = next(alarm(state, &[]), input).map(|condition| condition.state);
            assert_eq!(found, wanted, "{state} --{input:?}-->");
        }
    }
}

#[test]
fn flags_change_what_an_input_does() {
    use Flag::{CauseHolds, Demanded, Flapping, Latched, OutOfService, Shelved, Suppressed};
    let held = |state| Condition { state, flags: Flags::of([Flapping]) };
    let (clear, latch) = (Input::Clear { latching: false }, Input::Clear { latching: true });
    let settle = Input::Settle { latching: false };
    for (from, input, to) in [
        (alarm(UnackActive, &[]), latch, alarm(RtnUnack, &[Latched])),
        (alarm(AckedActive, &[]), latch, alarm(Normal, &[Latched])),
        (alarm(RtnUnack, &[Latched]), Input::Acknowledge, alarm(Normal, &[Latched])),
        (alarm(RtnUnack, &[Latched]), Input::Reset, alarm(RtnUnack, &[])),
        (alarm(Normal, &[Latched]), Input::Reset, alarm(Normal, &[])),
        (alarm(Normal, &[Latched]), Input::Raise, alarm(UnackActive, &[])),
        (alarm(AckedActive, &[Shelved]), Input::Worsen, alarm(AckedActive, &[])),
        (alarm(AckedActive, &[Suppressed, OutOfService]), Input::Worsen, {
            alarm(AckedActive, &[Suppressed, OutOfService])
        }),
        (alarm(UnackActive, &[Shelved]), clear, alarm(RtnUnack, &[Shelved])),
        (alarm(Normal, &[OutOfService]), Input::Raise, alarm(UnackActive, &[OutOfService])),
        (alarm(UnackActive, &[OutOfService]), Input::PutBack, alarm(UnackActive, &[])),
        (alarm(RtnUnack, &[Suppressed]), Input::Unsuppress, alarm(RtnUnack, &[])),
        (alarm(UnackActive, &[Shelved, Suppressed, OutOfService]), Input::Demand, {
            alarm(UnackActive, &[Demanded])
        }),
        (alarm(RtnUnack, &[Demanded]), Input::DemandOver, alarm(RtnUnack, &[])),
        (alarm(AckedActive, &[Flapping]), clear, held(AckedActive)),
        (held(AckedActive), Input::Raise, alarm(AckedActive, &[Flapping])),
        (held(UnackActive), settle, alarm(RtnUnack, &[])),
        (held(AckedActive), settle, alarm(Normal, &[])),
        (held(AckedActive), Input::Settle { latching: true }, alarm(Normal, &[Latched])),
        (alarm(AckedActive, &[Flapping]), settle, alarm(AckedActive, &[])),
    ] {
        assert_eq!(next(from, input), Ok(to), "{from:?} --{input:?}-->");
        assert!(from.is_legal() && to.has(CauseHolds) <= to.state.is_active());
    }
    assert_eq!(next(held(UnackActive), clear), Err(Refusal::IsOver), "it went already");
}

#[test]
fn nothing_that_demands_a_takeover_can_be_hidden() {
    let demanded: Vec<_> = legal().into_iter().filter(|alarm| alarm.has(Flag::Demanded)).collect();
    assert_eq!(demanded.len(), 10);
    for alarm in demanded {
        for input in Input::ALL {
            let hides = matches!(input, Input::Shelve | Input::Suppress | Input::TakeOut);
            match next(alarm, input) {
                Ok(to) => assert!(!hides && !to.is_hidden(), "{alarm:?} --{input:?}--> {to:?}"),
                Err(refusal) if hides && alarm.state != Normal => assert_eq!(refusal, Refusal::Demanded),
                Err(_) => {}
            }
        }
    }
}

#[test]
fn every_legal_condition_leads_to_legal_ones_only() {
    let conditions = legal();
    let steps = conditions.iter().flat_map(|from| Input::ALL.map(|input| (*from, input)));
    for (from, input) in steps {
        if let Ok(to) = next(from, input) {
            assert!(to.is_legal(), "{from:?} --{input:?}--> {to:?}");
            let told_of_cause = matches!(input, Input::Raise | Input::Clear { .. });
            assert!(
                told_of_cause || from.has(Flag::CauseHolds) == to.has(Flag::CauseHolds),
                "only the cause itself comes and goes: {from:?} --{input:?}--> {to:?}"
            );
        }
    }
}

/// The reference: what is true of an alarm, each thing for itself.
#[derive(Clone, Debug)]
struct Facts {
    cause: bool,
    /// Somebody took note since it was last told.
    seen: bool,
    flaps: bool,
    waits_for_reset: bool,
    asks: bool,
    hidden_by: BTreeSet<&'static str>,
    raises: u32,
    clears: u32,
}

impl Facts {
    const fn new() -> Self {
        Self {
            cause: false,
            seen: true,
            flaps: false,
            waits_for_reset: false,
            asks: false,
            hidden_by: BTreeSet::new(),
            raises: 0,
            clears: 0,
        }
    }

    const fn shows_active(&self) -> bool {
        self.cause || self.flaps
    }

    const fn state(&self) -> AlarmState {
        match (self.shows_active(), self.seen) {
            (true, false) => UnackActive,
            (true, true) => AckedActive,
            (false, false) => RtnUnack,
            (false, true) => Normal,
        }
    }

    fn hide(&mut self, by: &'static str, even_when_over: bool) {
        if !self.asks && (even_when_over || self.state() != Normal) {
            self.hidden_by.insert(by);
        }
    }

    fn hear(&mut self, input: Input) {
        let before = self.shows_active();
        match input {
            Input::Raise => {
                self.seen &= before;
                self.waits_for_reset = false;
                self.cause = true;
            }
            Input::Clear { .. } => self.cause = false,
            Input::Flap => self.flaps |= before,
            Input::Settle { .. } => self.flaps = false,
            Input::Worsen if before => {
                self.hidden_by.remove("shelf");
            }
            Input::Worsen => {}
            Input::Acknowledge => self.seen = true,
            Input::Reset => self.waits_for_reset = false,
            Input::Shelve => self.hide("shelf", false),
            Input::Suppress => self.hide("rule", false),
            Input::TakeOut => self.hide("supervisor", true),
            Input::Unshelve => drop(self.hidden_by.remove("shelf")),
            Input::Unsuppress => drop(self.hidden_by.remove("rule")),
            Input::PutBack => drop(self.hidden_by.remove("supervisor")),
            Input::Demand => {
                self.asks = true;
                self.hidden_by.clear();
            }
            Input::DemandOver => self.asks = false,
        }
        let after = self.shows_active();
        self.raises += u32::from(!before && after);
        self.clears += u32::from(before && !after);
        if let (true, false, Input::Clear { latching } | Input::Settle { latching }) = (before, after, input)
        {
            self.waits_for_reset = latching;
        }
    }
}

/// Plays one life; returns how often it was raised and cleared as the machine told it.
fn live(inputs: &[Input]) -> Result<(u32, u32), String> {
    let (mut alarm, mut facts) = (Condition::default(), Facts::new());
    let (mut raises, mut clears) = (0, 0);
    for (step, input) in inputs.iter().enumerate() {
        facts.hear(*input);
        let before = alarm;
        if let Ok(to) = next(alarm, *input) {
            alarm = to;
        }
        raises += u32::from(!before.state.is_active() && alarm.state.is_active());
        clears += u32::from(before.state.is_active() && !alarm.state.is_active());
        let hides =
            [(Flag::Shelved, "shelf"), (Flag::Suppressed, "rule"), (Flag::OutOfService, "supervisor")];
        let hidden_by: BTreeSet<_> =
            hides.iter().filter(|(flag, _)| alarm.has(*flag)).map(|(_, by)| *by).collect();
        let found = (alarm.state, alarm.has(Flag::CauseHolds), alarm.has(Flag::Latched), hidden_by);
        let wanted = (facts.state(), facts.cause, facts.waits_for_reset, facts.hidden_by.clone());
        if found != wanted || (raises, clears) != (facts.raises, facts.clears) {
            return Err(format!("step {step}, {input:?}: {found:?} {raises} {clears}, not {wanted:?}"));
        }
    }
    Ok((raises, clears))
}

fn lives() -> impl Strategy<Value = Vec<Input>> {
    let inputs = [&Input::ALL[..], &[Input::Raise, Input::Raise, Input::Clear { latching: false }]].concat();
    vec(select(inputs), STEPS)
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|why| panic!("{name}={text}: {why}")))
}

#[test]
fn no_life_of_an_alarm_leaves_the_reference_and_every_raise_has_its_clear() {
    let chance = any::<u64>().new_tree(&mut TestRunner::default()).unwrap().current();
    let (first, cases) = (number(SEED).unwrap_or(chance), number(CASES).unwrap_or(300));
    let mut told = 0;
    for seed in (0..cases).map(|index| first.wrapping_add(index)) {
        let config = ProptestConfig {
            cases: 1,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(seed),
            ..ProptestConfig::default()
        };
        let verdict = TestRunner::new(config).run(&lives(), |mut inputs| {
            // At the end the cause is gone and the flapping over: what was raised must have been cleared by then.
            inputs.extend([Input::Clear { latching: false }, Input::Settle { latching: false }]);
            let (raises, clears) = live(&inputs).map_err(proptest::test_runner::TestCaseError::fail)?;
            proptest::prop_assert_eq!(raises, clears);
            Ok(())
        });
        if let Err(TestError::Fail(why, inputs)) = verdict {
            let again = format!(
                "{SEED}={seed} {CASES}=1 cargo test -p watchkeeper-engine --test alarm_machine no_life"
            );
            panic!("{why}\nmade shorter: {inputs:?}\nto see it again: {again}");
        }
        told += STEPS;
    }
    println!("{told} events from {SEED}={first} on");
}

/// The table as the documentation shows it.
fn drawn() -> String {
    let mut table = "| input |".to_owned();
    for state in STATES {
        write!(table, " {state} |").unwrap();
    }
    table += "\n|---|---|---|---|---|\n";
    for input in Input::ALL {
        write!(
            table,
            "| {} |",
            format!("{input:?}")
                .replace(" { latching: false }", "")
                .replace(" { latching: true }", ", latching class")
        )
        .unwrap();
        for state in STATES {
            let from = alarm(state, &[]);
            let cell = match next(from, input) {
                Ok(to) if to == from => "-".to_owned(),
                Ok(to) => {
                    let mut words = vec![to.state.word().to_owned()];
                    let flags = Flag::ALL.into_iter().filter(|flag| *flag != Flag::CauseHolds);
                    words.extend(flags.filter(|flag| to.has(*flag)).map(|flag| format!("+{flag:?}")));
                    words.join(" ")
                }
                Err(_) => "refused".to_owned(),
            };
            write!(table, " {cell} |").unwrap();
        }
        table.push('\n');
    }
    table
}

#[test]
fn the_documented_table_is_that_of_the_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/alarms.md");
    let text = fs::read_to_string(&path).expect("docs/alarms.md can be read");
    let (start, end) = ("<!-- machine: generated -->\n", "<!-- machine: end -->");
    let (before, rest) = text.split_once(start).expect("the start marker is there");
    let (found, after) = rest.split_once(end).expect("the end marker is there");
    let fresh = drawn();
    if env::var_os("WATCHKEEPER_UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{start}{fresh}{end}{after}"))
            .expect("docs/alarms.md can be written");
    } else {
        assert_eq!(found, fresh, "docs/alarms.md is out of date; set WATCHKEEPER_UPDATE_DOCS=1");
    }
}
