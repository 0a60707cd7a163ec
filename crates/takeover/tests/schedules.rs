//! A lease book and a gate against a reference of under 100 lines: whatever two consoles, a monitor, a network and a
//! world do, both say the same of who is in control, what is accepted, which latches are held, which demand is open.
//!
//! `WATCHKEEPER_PROPTEST_CASES` plays more schedules than the 10,000; `WATCHKEEPER_SCHEDULE_SEED` says with which one
//! to begin.

#[path = "support/consoles.rs"]
mod consoles;
#[path = "support/pair.rs"]
mod pair;
#[path = "support/reference.rs"]
mod reference;
#[path = "support/rig.rs"]
#[allow(dead_code, reason = "only its worlds are used")]
mod rig;
#[path = "support/scene.rs"]
mod scene;
#[path = "support/trace.rs"]
#[allow(dead_code, reason = "shared with the checks of invariants")]
mod trace;

use consoles::{Act, Choice, Consoles, Fate, Fault};
use pair::{Pair, Tamper};
use proptest::{
    prelude::{Just, ProptestConfig, any, prop_oneof},
    sample::select,
    strategy::{BoxedStrategy, Strategy, ValueTree},
    test_runner::{RngSeed, TestError, TestRunner},
};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use rig::{DRIVING, STANDING};
use scene::Input;
use std::{
    collections::BTreeSet,
    env,
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    str::FromStr,
};
use watchkeeper_model::{AgentKind, CommandKind, LatchCause};
use watchkeeper_takeover::World;

const STEPS: usize = 100;
const SEED: &str = "WATCHKEEPER_SCHEDULE_SEED";
const CASES: &str = "WATCHKEEPER_PROPTEST_CASES";
/// The verbs that the reference speaks of.
const VERBS: [CommandKind; 9] = [
    CommandKind::Estop,
    CommandKind::Hold,
    CommandKind::Resume,
    CommandKind::Engage,
    CommandKind::Assume,
    CommandKind::Release,
    CommandKind::HandBack,
    CommandKind::Dismiss,
    CommandKind::ClearLatch,
];

/// What the reference is played with: everything outside of book and gate.
#[derive(Clone, Debug)]
struct Played {
    consoles: Consoles,
    tamper: Tamper,
}

/// The reference, as the state machine of proptest.
struct Rules;

impl ReferenceStateMachine for Rules {
    type State = Played;
    type Transition = Choice;

    fn init_state() -> BoxedStrategy<Played> {
        let kinds = prop_oneof![
            4 => Just(AgentKind::Vehicle),
            1 => Just(AgentKind::Transaction),
            1 => Just(AgentKind::Generic),
        ];
        kinds.prop_map(|kind| Played { consoles: Consoles::new(kind), tamper: Tamper::Nothing }).boxed()
    }

    fn transitions(_: &Played) -> BoxedStrategy<Choice> {
        thread_local! { static CHOICES: BoxedStrategy<Choice> = choices(); }
        CHOICES.with(Clone::clone)
    }

    fn apply(mut played: Played, choice: &Choice) -> Played {
        played.consoles.play(choice);
        played
    }
}

/// The real two.
struct Control;

impl StateMachineTest for Control {
    type SystemUnderTest = Pair;
    type Reference = Rules;

    fn init_test(played: &Played) -> Pair {
        Pair::new(&played.consoles, played.tamper)
    }

    fn apply(mut pair: Pair, played: &Played, _: Choice) -> Pair {
        // Without the hook of `panic!`, which would print every step of the shrinking.
        pair.follow(&played.consoles).unwrap_or_else(|why| resume_unwind(Box::new(why)));
        pair
    }
}

fn choices() -> BoxedStrategy<Choice> {
    let delays = prop_oneof![12 => 0..4_u32, 2 => 4..30_u32, 1 => select(vec![100, 200, 300])];
    let fates = prop_oneof![
        17 => Just(Fate::Arrives),
        1 => Just(Fate::ComesLate),
        1 => Just(Fate::ComesTwice),
        1 => Just(Fate::IsLost),
    ];
    (delays, acts(), fates).prop_map(|(delay_ticks, act, fate)| Choice { delay_ticks, act, fate }).boxed()
}

fn acts() -> impl Strategy<Value = Act> {
    let faulty = |faults: &[Fault]| prop_oneof![3 => Just(Fault::Nothing), 1 => select(faults.to_vec())];
    let late = [Fault::OldEpoch, Fault::NewEpoch, Fault::NoEpoch, Fault::PastDeadline, Fault::OldSequence];
    let wrong = [&late[..], &[Fault::OtherBoot, Fault::UsedId], &[Fault::WrongLatches; 3]].concat();
    let often = [CommandKind::Engage, CommandKind::Assume, CommandKind::ClearLatch];
    let verbs = select([&VERBS[..], &often].concat());
    let latch = prop_oneof![
        4 => Just(None),
        1 => Just(Some(LatchCause::Fallback)),
        1 => Just(Some(LatchCause::Estop)),
    ];
    let order =
        (0..2_usize, verbs, faulty(&wrong)).prop_map(|(who, kind, fault)| Act::Order { who, kind, fault });
    let beat = (0..2_usize, any::<bool>(), faulty(&late));
    let world =
        (select(vec![DRIVING, STANDING]), any::<bool>(), any::<bool>(), select(vec![Some(true), None]))
            .prop_map(|(world, stable, can_resume, progressing)| World {
                stable,
                can_resume,
                progressing,
                ..world
            });
    prop_oneof![
        3 => Just(Act::Wait),
        10 => (1..12_u8).prop_map(|beats| Act::Keep { beats }),
        6 => beat.prop_map(|(who, is_ready, fault)| Act::Beat { who, is_ready, fault }),
        4 => (0..2_usize, faulty(&[Fault::OtherBoot])).prop_map(|(who, fault)| Act::Claim { who, fault }),
        1 => Just(Act::EndLease),
        2 => Just(Act::Switch),
        24 => order,
        3 => (0..8_usize).prop_map(|index| Act::Late { index }),
        4 => (any::<bool>(), 0..120_u32, any::<bool>())
            .prop_map(|(is_wish, left_ticks, is_copy)| Act::Demand { is_wish, left_ticks, is_copy }),
        1 => any::<bool>().prop_map(|is_cancelled| Act::EndDemand { is_cancelled }),
        6 => world.prop_map(Act::World),
        1 => Just(Act::LoseLink),
        2 => (0..4_u8, 0..4_u8, latch)
            .prop_map(|(restarts, keeps_lease, latch)| {
                Act::Welcome { restarts: restarts == 3, keeps_lease: keeps_lease != 3, latch }
            }),
        1 => Just(Act::Own),
        1 => any::<bool>().prop_map(|is_clean| Act::Reboot { is_clean }),
        32 => any::<u8>().prop_map(|dice| Act::GoOn { dice }),
    ]
}

fn number<T: FromStr<Err: Debug>>(name: &str) -> Option<T> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|why| panic!("{name}={text}: {why:?}")))
}

fn runner(seed: u64, shrinks: u32) -> TestRunner {
    TestRunner::new(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters: shrinks,
        ..ProptestConfig::default()
    })
}

/// The schedule of a seed, always the same.
fn schedule(seed: u64) -> Vec<Choice> {
    let strategy = Rules::sequential_strategy(STEPS);
    strategy.new_tree(&mut runner(seed, 0)).expect("every choice is allowed").current().1
}

/// A schedule that leaves the reference.
#[derive(Debug)]
struct Failure {
    why: String,
    choices: Vec<Choice>,
}

/// Plays the schedule of a seed; what fails is made as short as `shrinks` tries allow.
fn play(seed: u64, tamper: Tamper, shrinks: u32) -> Result<(), Failure> {
    let strategy = Rules::sequential_strategy(STEPS);
    let mut runner = runner(seed, shrinks);
    let config = runner.config().clone();
    let tree = strategy.new_tree(&mut runner).expect("every choice is allowed");
    let verdict = runner.run_one(tree, |(played, choices, seen)| {
        Control::test_sequential(config.clone(), Played { tamper, ..played }, choices, seen);
        Ok(())
    });
    match verdict {
        Ok(_) => Ok(()),
        Err(TestError::Fail(why, (_, choices, _))) => Err(Failure { why: why.to_string(), choices }),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

/// Whether the schedule of a seed leaves the reference.
fn is_seen(seed: u64, tamper: Tamper) -> bool {
    let strategy = Rules::sequential_strategy(STEPS);
    let mut runner = runner(seed, 0);
    let config = runner.config().clone();
    let (played, choices, _) = strategy.new_tree(&mut runner).expect("every choice is allowed").current();
    let played = Played { tamper, ..played };
    catch_unwind(AssertUnwindSafe(|| Control::test_sequential(config, played, choices, None))).is_err()
}

/// How to see a failure again.
fn rerun(seed: u64) -> String {
    format!(
        "{SEED}={seed} {CASES}=1 cargo test -p watchkeeper-takeover --test schedules \
         no_schedule_leaves_the_reference"
    )
}

/// Plays `cases` schedules from `first` on, and says how the first failure is seen again.
fn play_all(first: u64, cases: u64, tamper: Tamper) -> Result<(), String> {
    for seed in (0..cases).map(|index| first.wrapping_add(index)) {
        play(seed, tamper, 20_000).map_err(|Failure { why, choices }| {
            let list = choices.iter().map(|choice| format!("    {choice:?}")).collect::<Vec<_>>().join("\n");
            format!("{why}\nschedule {seed}, made shorter:\n{list}\nto see it again: {}", rerun(seed))
        })?;
    }
    Ok(())
}

#[test]
fn no_schedule_leaves_the_reference() {
    let chance = any::<u64>().new_tree(&mut TestRunner::default()).expect("numbers can be made").current();
    let first = number(SEED).unwrap_or(chance);
    play_all(first, number(CASES).unwrap_or(10_000), Tamper::Nothing).unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn the_same_seed_plays_the_same_schedule_and_another_one_another() {
    let text = |seed| format!("{:?}", schedule(seed));
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
    assert_eq!(schedule(7).len(), STEPS);
}

#[test]
fn a_failure_says_how_to_see_it_again_and_doing_so_fails_in_the_same_way() {
    let why = play_all(1, 2_000, Tamper::CommandDeadline).expect_err("somebody's order comes late");
    let (_, command) = why.split_once("to see it again: ").expect("it says how");
    let mut words = command.split_whitespace();
    let seed = words.next().and_then(|word| word.strip_prefix("WATCHKEEPER_SCHEDULE_SEED="));
    let seed = seed.and_then(|seed| seed.parse().ok()).expect("it names the seed");
    assert_eq!(words.next(), Some("WATCHKEEPER_PROPTEST_CASES=1"));
    assert_eq!(play_all(seed, 1, Tamper::CommandDeadline), Err(why));
    assert_eq!(play_all(seed, 1, Tamper::Nothing), Ok(()), "the fault is the tampered gate's");
}

#[test]
fn every_fault_of_a_book_or_a_gate_is_seen() {
    for tamper in Tamper::ALL {
        let found = (1..=3_000).find(|seed| is_seen(*seed, tamper));
        let seed = found.unwrap_or_else(|| panic!("nobody sees {tamper:?}"));
        assert!(!is_seen(seed, Tamper::Nothing), "the fault is not {tamper:?}");
        println!("{tamper:?}: seen by schedule {seed}");
    }
}

#[test]
fn what_is_seen_of_a_fault_is_the_fault() {
    for tamper in
        [Tamper::CommandDeadline, Tamper::CommandSequence, Tamper::CommandEpoch, Tamper::CommandBoot]
    {
        let failure = (1..).find_map(|seed| play(seed, tamper, 5_000).err()).expect("it is seen");
        assert!(failure.why.contains("was accepted"), "{tamper:?}: {}", failure.why);
        let last = failure.choices.last().expect("something was played");
        assert!(
            matches!(last.act, Act::Order { .. } | Act::Late { .. } | Act::GoOn { .. }),
            "{tamper:?}: {failure:#?}"
        );
        assert!(failure.choices.len() < 15, "{tamper:?} takes {} choices", failure.choices.len());
    }
}

#[test]
fn the_schedules_get_everywhere() {
    let (mut accepted, mut refused, mut seen) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for seed in 1..=300 {
        let mut consoles = Consoles::new(AgentKind::Vehicle);
        for choice in schedule(seed) {
            let before = consoles.control.clone();
            consoles.play(&choice);
            for step in &consoles.steps {
                if let Input::Command(command) = &step.input {
                    let verdicts = if step.is_accepted { &mut accepted } else { &mut refused };
                    verdicts.insert(command.kind);
                }
            }
            seen.extend(passages(&before, &consoles.control));
        }
    }
    let verbs = BTreeSet::from(VERBS);
    assert_eq!(accepted, verbs);
    assert_eq!(refused, verbs, "an ESTOP is refused as a copy only");
    assert_eq!(seen.len(), 14, "{seen:?}");
}

/// What happened from one moment to the next.
fn passages(before: &scene::Control, after: &scene::Control) -> Vec<&'static str> {
    let epoch = |seat: Option<scene::Seat>| seat.map(|seat| seat.epoch);
    let (was, is) = (epoch(before.active), epoch(after.active));
    let has = |name, holds: bool| holds.then_some(name);
    [
        has("a demand opens", before.demand.is_none() && after.demand.is_some()),
        has(
            "somebody claims it",
            after.demand.is_some() && before.pending.is_none() && after.pending.is_some(),
        ),
        has("somebody takes over", was.is_none() && is.is_some() && before.fallen.is_none()),
        has("somebody takes a fallback over", was.is_none() && is.is_some() && before.fallen.is_some()),
        has("control is handed over", was.is_some() && is.is_some() && was != is),
        has("somebody is next", before.pending.is_none() && after.pending.is_some() && is.is_some()),
        has(
            "who is next lapses",
            before.pending.is_some() && after.pending.is_none() && is.is_some() && was == is,
        ),
        has("somebody hands back", was.is_some() && before.change.is_none() && after.change.is_some()),
        has("the agent drives again", was.is_some() && after.acts() && after.demand.is_none()),
        has(
            "a hand back fails",
            was.is_some() && was == is && before.change.is_some() && after.change.is_none(),
        ),
        has("whoever drives is lost", was.is_some() && after.fallen.is_some()),
        has("a stop is cleared", before.is_stopped() && !after.is_stopped()),
        has("a fallback is cleared", before.fallen.is_some() && after.acts()),
        has("the book follows", before.following.is_some() && epoch(after.lease) == epoch(before.following)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn the_reference_is_short_enough_to_be_read_in_one_go() {
    let says_something = |line: &&str| {
        let line = line.trim();
        let is_code = !line.starts_with("//") && !line.starts_with("use ") && !line.starts_with('#');
        is_code && line.chars().any(char::is_alphanumeric)
    };
    let count = include_str!("support/reference.rs").lines().filter(says_something).count();
    assert!(count < 100, "{count} lines");
}
