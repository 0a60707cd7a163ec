//! An ESTOP outlives the link, the vehicle's boot, the monitor, and the monitor's memory; a supervisor ends it.

use crate::{
    fleet::Fleet,
    rig::{Rig, now},
    told::Told,
};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::{fs, path::Path, time::Duration};
use watchkeeper_model::{AgentId, AgentTime, CommandCode, ControlState, Epoch, Latch, LatchCause};
use watchkeeper_server::ledger_dir;
use watchkeeper_tests::trace::Does;

const SPEED_MPS: f64 = 6.0;
/// Where an operator and a supervisor sit.
pub(crate) const OPERATOR: usize = 0;
pub(crate) const SUPERVISOR: usize = 1;
/// How long nothing must happen.
const QUIET: Duration = Duration::from_millis(600);

fn start(vehicles: usize) -> Result<Rig> {
    Rig::start(vehicles, SPEED_MPS, &[("ada", "operator"), ("sue", "supervisor")])
}

/// Stops a vehicle, waits until it stands, and returns the latch.
pub(crate) fn stop(rig: &mut Rig, vehicle: &AgentId) -> Result<Latch> {
    rig.desks[OPERATOR].order("stop", vehicle, json!({"reason": "test"}))?;
    // The monitor has the latch, too: before that only the stop itself would be sent again to one that has forgotten.
    let estop = |latches: &[Latch]| latches.iter().find(|latch| latch.cause == LatchCause::Estop).copied();
    rig.until("it is stopped and stands, and everybody knows", |rig| {
        let latch = rig.fleet.now(vehicle).and_then(|line| estop(&line.latches));
        latch.is_some()
            && rig.desks[OPERATOR].status(vehicle).is_some_and(|status| {
                estop(&status.latches) == latch && status.condition_reached && !status.stop_pending
            })
    })?;
    rig.fleet.now(vehicle).and_then(|line| estop(&line.latches)).context("a stop latches")
}

/// Since that moment it obeyed nothing but the stop, and it holds that latch.
pub(crate) fn ensure_stopped(fleet: &Fleet, vehicle: &AgentId, latch: Latch, since: AgentTime) -> Result<()> {
    let lines = fleet.since(vehicle, since);
    let other = lines.iter().find(|line| line.state != ControlState::Estopped || line.does != Does::Estop);
    ensure!(other.is_none(), "a stop ended by itself: {other:?}");
    let now = fleet.now(vehicle).context("the vehicle is there")?;
    ensure!(
        now.state == ControlState::Estopped && now.latches.contains(&latch),
        "{latch:?} is gone: {now:?}"
    );
    Ok(())
}

/// An operator may not end it: not by clearing the latch, not by a claim.
pub(crate) fn ensure_operator_cannot_clear(rig: &mut Rig, vehicle: &AgentId, latch: Latch) -> Result<()> {
    let since = now();
    let clear = json!({"latch_id": latch.latch_id, "reason": "an operator tries"});
    let code = rig.ordered(OPERATOR, "clear_latch", vehicle, clear)?;
    ensure!(code == Some(CommandCode::Denied), "an operator cleared an ESTOP: {code:?}");
    rig.desks[OPERATOR].order("claim", vehicle, json!({}))?;
    rig.pass(QUIET)?;
    ensure!(!rig.desks[OPERATOR].holds(vehicle), "a stopped vehicle was claimed");
    ensure_stopped(&rig.fleet, vehicle, latch, since)
}

/// A supervisor ends it; the vehicle still stands, until somebody lets go of the fallback, too.
pub(crate) fn ensure_supervisor_clears(rig: &mut Rig, vehicle: &AgentId, latch: Latch) -> Result<()> {
    let clear = json!({"latch_id": latch.latch_id, "reason": "looked at it"});
    let code = rig.ordered(SUPERVISOR, "clear_latch", vehicle, clear)?;
    ensure!(code.is_none(), "a supervisor could not clear an ESTOP: {code:?}");
    rig.until("it is held", |rig| rig.fleet.state(vehicle) == Some(ControlState::SafeHeld))?;
    let line = rig.fleet.now(vehicle).context("the vehicle is there")?;
    ensure!(!line.latches.contains(&latch) && !line.latches.is_empty(), "{line:?}");
    Ok(())
}

#[test]
fn a_stop_outlives_reboots_of_the_vehicle_and_restarts_of_the_monitor() -> Result<()> {
    let mut rig = start(2)?;
    let [v1, v2] = [0, 1].map(|index| rig.fleet.vehicles()[index].clone());
    let latch = stop(&mut rig, &v1)?;

    let killed_at = now();
    rig.fleet.start_again()?;
    rig.until("the vehicles have booted", |rig| {
        [&v1, &v2].iter().all(|vehicle| !rig.fleet.since(vehicle, killed_at).is_empty())
    })?;
    // From its first step on, before any monitor has said anything.
    let first = rig.fleet.since(&v1, killed_at).first().context("a step")?;
    ensure!(!first.connected, "the monitor was faster than the test: {first:?}");
    rig.until("everybody is back, and it stands again", |rig| {
        let boot_id = rig.fleet.now(&v1).map(|line| line.boot_id);
        let status = rig.desks[OPERATOR].status(&v1);
        rig.is_settled()
            && status.is_some_and(|status| Some(status.boot_id) == boot_id && status.condition_reached)
    })?;
    ensure_stopped(&rig.fleet, &v1, latch, killed_at)?;
    ensure_operator_cannot_clear(&mut rig, &v1, latch)?;

    let killed_at = now();
    rig.restart_monitor()?;
    rig.until("everybody is back", |rig| {
        rig.is_settled() && rig.fleet.since(&v1, killed_at).iter().any(|line| !line.connected)
    })?;
    rig.pass(QUIET)?;
    ensure_stopped(&rig.fleet, &v1, latch, killed_at)?;
    ensure_operator_cannot_clear(&mut rig, &v1, latch)?;
    ensure_supervisor_clears(&mut rig, &v1, latch)?;
    rig.release_all(OPERATOR)?;

    // A vehicle that has forgotten everything is told by the monitor, before it leads.
    let latch = stop(&mut rig, &v2)?;
    let killed_at = now();
    rig.fleet.forget();
    rig.fleet.start_again()?;
    rig.until("the vehicle is back", |rig| {
        rig.fleet.since(&v2, killed_at).iter().any(|line| line.connected) && rig.is_settled()
    })?;
    let led_at = rig.fleet.since(&v2, killed_at).iter().find(|line| line.connected).context("connected")?.at;
    let before: Vec<_> = rig.fleet.since(&v2, killed_at).iter().take_while(|line| line.at < led_at).collect();
    ensure!(
        before.iter().all(|line| line.does == Does::SafePolicy),
        "it drove before it was led: {before:?}"
    );
    ensure_stopped(&rig.fleet, &v2, latch, led_at.before(Duration::from_nanos(1)))?;
    ensure_operator_cannot_clear(&mut rig, &v2, latch)
}

#[test]
fn a_monitor_with_a_days_old_memory_ends_no_stop_and_grants_no_old_epoch() -> Result<()> {
    let mut rig = start(2)?;
    let [v1, v2] = [0, 1].map(|index| rig.fleet.vehicles()[index].clone());
    rig.take_control(OPERATOR, &v2)?;
    rig.monitor.program.kill();
    let backup = rig.directory().join("backup");
    copy(&ledger_dir(rig.monitor.data.path()), &backup)?;
    rig.restart_monitor()?;
    rig.until("everybody is back", Rig::is_settled)?;
    let latch = stop(&mut rig, &v1)?;
    // More authority than the backup knows of.
    for _ in 0..3 {
        rig.until("it stands", |rig| rig.fleet.state(&v2) == Some(ControlState::SafeHeld))?;
        rig.take_control(OPERATOR, &v2)?;
        let _given_back = rig.desks[OPERATOR].order("release", &v2, json!({}))?;
    }
    let highest = rig.fleet.since(&v2, AgentTime::default()).iter().map(|line| line.epoch).max();
    let highest = highest.context("v2 was led")?;

    // The backup's monitor counts one start less than the vehicles have seen: it is not let lead.
    rig.restart_monitor()?;
    rig.until("everybody is back", Rig::is_settled)?;
    let restored_at = now();
    rig.monitor.program.kill();
    restore(&backup, &ledger_dir(rig.monitor.data.path()))?;
    rig.restart_monitor()?;
    rig.pass(Duration::from_secs(2))?;
    ensure_stopped(&rig.fleet, &v1, latch, restored_at)?;
    for vehicle in [&v1, &v2] {
        let mut away = rig.fleet.since(vehicle, restored_at).iter().skip_while(|line| line.connected);
        ensure!(away.next().is_some(), "{vehicle} did not notice that its monitor was gone");
        let led = away.find(|line| line.connected);
        ensure!(led.is_none(), "an old monitor leads: {led:?}");
    }
    ensure!(rig.fleet.process.errors().contains("it must not lead"), "{}", rig.fleet.process.errors());

    // At its next start it counts as many as they have seen, and knows less.
    rig.restart_monitor()?;
    rig.until("everybody is back", Rig::is_settled)?;
    rig.pass(QUIET)?;
    ensure_stopped(&rig.fleet, &v1, latch, restored_at)?;
    ensure_operator_cannot_clear(&mut rig, &v1, latch)?;
    rig.told = Told::default();
    rig.take_control(OPERATOR, &v2)?;
    let granted: Vec<Epoch> = rig.told.grants.keys().map(|(_, epoch)| *epoch).collect();
    println!("highest epoch before the old memory: {highest}; granted with it: {granted:?}");
    ensure!(
        granted.iter().all(|epoch| *epoch > highest),
        "the old monitor grants what v2 has seen: {granted:?}"
    );
    ensure_stopped(&rig.fleet, &v1, latch, restored_at)?;
    ensure_supervisor_clears(&mut rig, &v1, latch)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

fn restore(backup: &Path, to: &Path) -> Result<()> {
    fs::remove_dir_all(to)?;
    copy(backup, to)
}
