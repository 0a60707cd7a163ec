//! A console that is stopped before it shows a demand: it goes to the next operator.

use crate::rig::{Rig, measure};
use anyhow::{Context, Result, ensure};
use std::time::Duration;
use watchkeeper_model::{AgentTime, Alarm, Response};

const SPEED_MPS: f64 = 6.0;
/// How long it may take until somebody else has it.
const NEXT: Duration = Duration::from_millis(500);
/// How long whom it was brought to first has to show it.
const SHOW: Duration = Duration::from_millis(400);

/// Returns every change of demands that the second desk heard of.
fn demanded(rig: &Rig) -> impl Iterator<Item = &Alarm> {
    rig.desks[1].alerts.iter().filter(|alarm| alarm.response == Response::Takeover)
}

fn is_for(alarm: &Alarm, person: &str) -> bool {
    alarm.routed.as_ref().is_some_and(|routed| routed.to.as_str() == person)
}

#[test]
fn a_demand_whose_console_is_stopped_before_it_shows_it_goes_to_the_next_operator() -> Result<()> {
    let mut rig = Rig::start(2, SPEED_MPS, &[("ada", "operator"), ("bea", "operator")])?;
    let vehicle = rig.fleet.vehicles()[0].clone();
    rig.pass(Duration::from_secs(1))?;
    rig.desks[0].process.signal("STOP")?;
    rig.fleet.ask(&vehicle)?;
    rig.until("it is brought to the next", |rig| demanded(rig).any(|alarm| is_for(alarm, "bea")))?;
    let first = demanded(&rig).next().context("a demand")?;
    ensure!(is_for(first, "ada"), "it was brought to ada first: {first:?}");
    let passed_on = demanded(&rig).find(|alarm| is_for(alarm, "bea")).context("it was just there")?;
    let since = passed_on.routed.as_ref().context("it was just there")?.since;
    let [raised, since] = [passed_on.raised_at, since].map(|at| AgentTime::from_nanos(at.as_nanos()));
    ensure!(since.since(raised) >= SHOW, "too soon: a frame takes its time");
    let took = measure(&rig.fleet, &vehicle, (raised, since), NEXT)?.took;
    println!("brought to the next operator after {took:?}");
    let told = demanded(&rig).count();

    // It stays with her, who shows it, and she takes over; the first one is late when he wakes.
    rig.take_control(1, &vehicle)?;
    rig.desks[0].process.signal("CONT")?;
    rig.pass(Duration::from_secs(1))?;
    ensure!(!demanded(&rig).skip(told).any(|alarm| is_for(alarm, "ada")), "it went back to him");
    Ok(())
}
