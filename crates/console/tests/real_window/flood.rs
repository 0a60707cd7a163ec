//! A hundred alerts a minute for one person, with demands among them: each demand is still presented.
//!
//! `WATCHKEEPER_FLOOD_SECS=60` makes a minute of it (12 s without it) and prints how soon the demands were presented.

use crate::{PRESENTED, RAISED, stage::Stage};
use std::{collections::BTreeMap, time::Duration};
use watchkeeper_client::{Agent, World, console_now};
use watchkeeper_model::DemandId;
use watchkeeper_simulator::Scenario;

/// A hundred alerts a minute.
const BETWEEN_ALERTS: Duration = Duration::from_millis(600);
/// A demand a second among them.
const BETWEEN_DEMANDS: Duration = Duration::from_secs(1);
/// Somebody at the agent deals with it so soon after it called.
const ANSWERED: Duration = Duration::from_secs(2);
/// From so many on it is a flood for whom they are brought to.
const FLOOD: u64 = 11;

fn span() -> Duration {
    let secs = std::env::var("WATCHKEEPER_FLOOD_SECS").ok().map(|text| text.parse().unwrap());
    Duration::from_secs(secs.unwrap_or(12))
}

fn calm() -> World {
    World {
        standstill: true,
        stable: true,
        progressing: Some(true),
        condition_reached: true,
        can_resume: true,
        local_override: false,
    }
}

/// How long each demand took from the alert to the frame that shows it, as far as it was shown.
type Shown = BTreeMap<DemandId, Option<Duration>>;

/// Takes note of the demands of the crew so far; the monitor keeps the last ones only.
fn note(stage: &Stage, shown: &mut Shown) {
    for takeover in stage.picture().takeovers().map(|entry| &entry.value) {
        if !takeover.agent.as_str().starts_with("caller-") {
            continue;
        }
        let [raised, presented] = [RAISED, PRESENTED].map(|place| takeover.moments[place]);
        let took = raised.zip(presented).map(|(raised, presented)| presented.at.since(raised.at));
        shown.insert(takeover.demand_id, took);
    }
}

fn is_flooded(stage: &Stage) -> bool {
    let roster = stage.picture().roster();
    let mut operators = roster.iter().flat_map(|roster| &roster.value.operators);
    operators.any(|operator| operator.person.as_str() == "anna" && operator.flooded_nanos.is_some())
}

#[test]
fn in_a_flood_every_demand_is_still_presented() {
    // No fault of the vehicles comes into it.
    let Some(mut stage) = Stage::set(&Scenario::named("ring-calm").unwrap()) else { return };
    let Some(_opened) = stage.open() else { return };
    let alerts = u64::try_from(span().as_millis() / BETWEEN_ALERTS.as_millis()).unwrap();
    let demands = span().as_secs();
    let switches: Vec<Agent> = (0..alerts).map(|index| stage.connect(&format!("switch-{index}"))).collect();
    let callers: Vec<Agent> = (0..demands).map(|index| stage.connect(&format!("caller-{index}"))).collect();
    for agent in switches.iter().chain(&callers) {
        agent.report(calm());
    }
    stage.until("everybody", |stage| {
        let expected = usize::try_from(alerts + demands).unwrap();
        (stage.picture().agents().filter(|(_, entry)| entry.status().settled).count() > expected)
            .then_some(())
    });
    let (mut shown, start) = (Shown::new(), console_now());
    let (mut switched, mut called, mut left) = (switches.iter(), callers.iter(), callers.iter());
    let (mut next_alert, mut next_demand, mut next_end) = (start, start, start.after(ANSWERED));
    stage.during("the flood", span() + ANSWERED, |stage| {
        let now = console_now();
        if now >= next_alert
            && let Some(agent) = switched.next()
        {
            agent.report(World { local_override: true, ..calm() });
            next_alert = next_alert.after(BETWEEN_ALERTS);
        }
        if now >= next_demand
            && let Some(agent) = called.next()
        {
            agent.request_intervention("the door does not close");
            next_demand = next_demand.after(BETWEEN_DEMANDS);
        }
        if now >= next_end
            && let Some(agent) = left.next()
        {
            agent.report(World { local_override: true, ..calm() });
            next_end = next_end.after(BETWEEN_DEMANDS);
        }
        note(stage, &mut shown);
    });
    assert!(alerts + demands >= FLOOD && is_flooded(&stage), "anna has a flood");
    let look = stage.look();
    assert!(look.distinct() > 50, "the window draws");
    let mut took: Vec<Duration> =
        shown.iter().map(|(demand, took)| took.unwrap_or_else(|| panic!("nobody saw {demand:?}"))).collect();
    assert_eq!(took.len(), callers.len(), "every demand was raised");
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    println!(
        "{alerts} alerts and {demands} demands in {:?}; from the alert to the presented frame p50 {:?}, p99 {:?}, \
         longest {:?}",
        span(),
        at(50),
        at(99),
        at(100)
    );
}
