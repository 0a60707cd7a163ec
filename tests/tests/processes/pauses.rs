//! SIGSTOP and SIGCONT of a console, of the monitor, and of the vehicles: for longer than somebody waits, and shorter.

use crate::{
    fleet::Fleet,
    ghost::Old,
    hands::Drive,
    latches,
    piped::send_signal,
    rig::{CONFIRMED, MARGIN, Rig, T_LINK, is_fallen, measure, now},
};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::{thread, time::Duration};
use watchkeeper_model::{AgentId, AgentTime, BootId, CommandCode, ControlState, Epoch, LatchCause};
use watchkeeper_tests::trace::{Does, Line};

const SPEED_MPS: f64 = 6.0;
/// Shorter than anything that a pause would be noticed by.
const SHORT: Duration = Duration::from_millis(600);
/// Longer than T_link, and than a lease lasts on the monitor (3 s).
const LONG: Duration = Duration::from_millis(3_400);
/// Longer than a vehicle may have lost time for without being a new boot (1 s), shorter than T_link.
const GAP: Duration = Duration::from_millis(1_400);
/// Longer than an agent waits for a word of its monitor before it gives the connection up (5 s).
const SILENT: Duration = Duration::from_millis(5_600);
/// What was held up has come through by then.
const CAUGHT_UP: Duration = Duration::from_millis(800);

/// What somebody had before a pause.
fn held(fleet: &Fleet, vehicle: &AgentId) -> Result<Old> {
    let Line { boot_id, epoch, at, .. } = fleet.now(vehicle).context("the vehicle is there")?.clone();
    ensure!(epoch > Epoch(0), "{vehicle} has no lease");
    Ok(Old { agent: vehicle.clone(), boot_id, epoch, at })
}

/// Nobody noticed: led all the while, under the same epoch, in the same boot.
fn ensure_unnoticed(fleet: &Fleet, old: &Old, since: AgentTime) -> Result<()> {
    let changed = fleet.since(&old.agent, since).iter().find(|line| {
        line.state != ControlState::Human || line.epoch != old.epoch || line.boot_id != old.boot_id
    });
    ensure!(changed.is_none(), "a short pause was noticed: {changed:?}");
    ensure!(fleet.state(&old.agent) == Some(ControlState::Human));
    Ok(())
}

/// It fell back T_link after `since`, and stood in time; returns how long after.
fn ensure_fell(rig: &mut Rig, old: &Old, since: AgentTime) -> Result<Duration> {
    rig.until("it stands", |rig| rig.fleet.state(&old.agent) == Some(ControlState::SafeHeld))?;
    let lines = rig.fleet.since(&old.agent, since);
    let fell = lines.iter().find(|line| line.has_fallen()).with_context(|| format!("{old:?}: {lines:?}"))?;
    let held = lines.iter().find(|line| line.state == ControlState::SafeHeld);
    let held = held.with_context(|| format!("{} does not stand: {lines:?}", old.agent))?;
    let may = Duration::from_secs_f64(fell.stopping_secs) + CONFIRMED;
    measure(&rig.fleet, &old.agent, (fell.at, held.at), may).context("to the standstill")?;
    let fell =
        measure(&rig.fleet, &old.agent, (since, fell.at), T_LINK + MARGIN).context("to the fallback")?;
    Ok(fell.took)
}

/// Nothing under old authority takes effect; the agent's own gate says so.
fn ensure_stale(rig: &mut Rig, olds: &[Old]) -> Result<()> {
    let since = now();
    for refusal in rig.haunt(olds)? {
        ensure!(refusal.code == CommandCode::StaleEpoch && refusal.by_the_agent, "{refusal}");
    }
    rig.pass(Duration::from_millis(200))?;
    for old in olds {
        let lines = rig.fleet.since(&old.agent, since);
        ensure!(!lines.iter().any(|line| line.state.is_driven() || line.epoch == old.epoch), "{lines:?}");
    }
    Ok(())
}

#[test]
fn a_console_that_was_stopped_renews_nothing_afterwards() -> Result<()> {
    let mut rig = Rig::start(2, SPEED_MPS, &[("ada", "operator"), ("bea", "operator")])?;
    let [v1, v2] = [0, 1].map(|index| rig.fleet.vehicles()[index].clone());
    rig.take_control(0, &v1)?;
    rig.take_control(1, &v2)?;
    rig.pass(Duration::from_secs(1))?;
    let (mine, hers) = (held(&rig.fleet, &v1)?, held(&rig.fleet, &v2)?);

    let short_at = now();
    rig.desks[0].process.signal("STOP")?;
    rig.pass(SHORT)?;
    rig.desks[0].process.signal("CONT")?;
    rig.pass(CAUGHT_UP)?;
    ensure_unnoticed(&rig.fleet, &mine, short_at)?;

    let stopped_at = now();
    rig.desks[0].process.signal("STOP")?;
    rig.pass(LONG)?;
    // Written while it is stopped: it is the first thing that the console does afterwards.
    let late = rig.desks[0].order("resume", &v1, json!({}))?;
    let refused = rig.desks[0].refused.len();
    rig.desks[0].process.signal("CONT")?;
    rig.until("the late order is refused", |rig| {
        rig.desks[0].end(late).is_some() || rig.desks[0].refused.len() > refused
    })?;
    ensure!(!rig.desks[0].was_accepted(late), "an order of before the pause was accepted");
    rig.pass(CAUGHT_UP)?;
    let after = ensure_fell(&mut rig, &mine, stopped_at)?;
    println!("a console stopped for {LONG:?}: FALLBACK after {after:?}");
    let renewed =
        rig.fleet.since(&v1, stopped_at.after(T_LINK + MARGIN)).iter().find(|line| line.epoch > Epoch(0));
    ensure!(renewed.is_none(), "renewed: {renewed:?}");
    ensure_unnoticed(&rig.fleet, &hers, short_at)?;
    ensure_stale(&mut rig, &[mine])
}

#[test]
fn a_monitor_that_was_stopped_neither_keeps_nor_gives_authority_afterwards() -> Result<()> {
    let mut rig =
        Rig::start(12, SPEED_MPS, &[("ada", "operator"), ("sue", "supervisor"), ("bea", "operator")])?;
    rig.seat_hands()?;
    let vehicles = rig.fleet.vehicles().to_vec();
    let [led, by_hand, claimed, free, stopped] = [0, 1, 2, 3, 4].map(|index| vehicles[index].clone());
    let late = &vehicles[5..];
    rig.take_control(0, &led)?;
    let drive = Drive { agent: by_hand.clone(), steer: 0.001 };
    rig.hands.as_ref().context("hands")?.drive(Some(drive));
    rig.until("somebody drives by hand", |rig| {
        rig.fleet.now(&by_hand).is_some_and(|line| matches!(line.does, Does::ByHand { .. }))
    })?;
    let latch = latches::stop(&mut rig, &stopped)?;
    let olds = [held(&rig.fleet, &led)?, held(&rig.fleet, &by_hand)?];

    let short_at = now();
    send_signal("STOP", rig.monitor.program.id())?;
    rig.pass(SHORT)?;
    send_signal("CONT", rig.monitor.program.id())?;
    rig.pass(CAUGHT_UP)?;
    for old in &olds {
        ensure_unnoticed(&rig.fleet, old, short_at)?;
    }

    rig.desks[0].order("claim", &claimed, json!({}))?;
    rig.until("claimed", |rig| rig.fleet.state(&claimed) == Some(ControlState::Claimed))?;
    let waiting = held(&rig.fleet, &claimed)?;
    // Some of these claims are with the disk when the monitor stops, some are granted, some still in the socket.
    for vehicle in late {
        rig.desks[2].order("claim", vehicle, json!({}))?;
        thread::sleep(Duration::from_micros(700));
    }
    let stopped_at = now();
    send_signal("STOP", rig.monitor.program.id())?;
    rig.pass(LONG)?;
    ensure!(rig.fleet.state(&free) == Some(ControlState::Autonomous), "it drove by itself");
    let claims = rig.fleet.since(&claimed, stopped_at.after(T_LINK + MARGIN));
    ensure!(claims.iter().all(|line| line.epoch == Epoch(0)), "a claim outlived T_link: {claims:?}");
    ensure!(rig.fleet.state(&claimed) == Some(ControlState::Requested));
    rig.hands.as_ref().context("hands")?.drive(None);
    let continued_at = now();
    send_signal("CONT", rig.monitor.program.id())?;
    for old in &olds {
        let after = ensure_fell(&mut rig, old, stopped_at)?;
        println!("the monitor stopped for {LONG:?}: {} in FALLBACK after {after:?}", old.agent);
    }
    rig.pass(CAUGHT_UP)?;
    ensure_stale(&mut rig, &[olds.as_slice(), &[waiting]].concat())?;

    let silent_at = now();
    send_signal("STOP", rig.monitor.program.id())?;
    rig.pass(SILENT)?;
    ensure!(rig.fleet.since(&stopped, silent_at).iter().any(|line| !line.connected), "no link was lost");
    send_signal("CONT", rig.monitor.program.id())?;
    rig.until("everybody is back", Rig::is_settled)?;
    rig.pass(CAUGHT_UP)?;
    latches::ensure_stopped(&rig.fleet, &stopped, latch, silent_at)?;
    latches::ensure_operator_cannot_clear(&mut rig, &stopped, latch)?;
    latches::ensure_supervisor_clears(&mut rig, &stopped, latch)?;
    ensure_no_old_grant(&mut rig, stopped_at, continued_at)
}

/// What was minted before a pause leads nobody afterwards. A grant that was on its way in the monitor's own sockets may
/// still come, and is over at once: it is void there, and only orders that carry a deadline could use it.
fn ensure_no_old_grant(rig: &mut Rig, stopped_at: AgentTime, continued_at: AgentTime) -> Result<()> {
    rig.monitor.program.kill();
    rig.pass(CAUGHT_UP)?;
    rig.book.read(rig.monitor.data.path())?;
    rig.book.check(&rig.told)?;
    let mut on_their_way = 0;
    for vehicle in rig.fleet.vehicles() {
        let lines = rig.fleet.since(vehicle, continued_at);
        let is_old = |line: &&Line| {
            line.epoch > Epoch(0) && rig.book.minted_at(vehicle, line.epoch) < Some(continued_at)
        };
        for line in lines.iter().filter(is_old) {
            let may =
                matches!(line.state, ControlState::Claimed | ControlState::SafeHeld | ControlState::Fallback);
            ensure!(may && line.at <= continued_at.after(CAUGHT_UP), "an old grant does something: {line:?}");
            on_their_way += 1;
        }
    }
    let mints = || rig.book.mints.keys().map(|mint| (mint, rig.book.minted_at(&mint.0, mint.1)));
    let before = mints().filter(|(_, at)| *at < Some(stopped_at)).map(|(mint, _)| mint);
    let (told, untold): (Vec<_>, Vec<_>) = before.partition(|mint| rig.told.epochs.contains(*mint));
    println!(
        "before the pause {} epochs were minted and reached their vehicle, {} did not; {on_their_way} came after it and \
         were void, {} were minted after it",
        told.len(),
        untold.len(),
        mints().filter(|(_, at)| *at > Some(continued_at)).count(),
    );
    Ok(())
}

#[test]
fn vehicles_that_lost_time_are_a_new_boot_that_refuses_what_the_old_one_was_told() -> Result<()> {
    let mut rig = Rig::start(3, SPEED_MPS, &[("ada", "operator"), ("sue", "supervisor")])?;
    let [led, claimed, free] = [0, 1, 2].map(|index| rig.fleet.vehicles()[index].clone());
    rig.take_control(0, &led)?;
    let old = held(&rig.fleet, &led)?;
    let short_at = now();
    rig.fleet.process.signal("STOP")?;
    rig.pass(SHORT)?;
    rig.fleet.process.signal("CONT")?;
    rig.pass(CAUGHT_UP)?;
    ensure_unnoticed(&rig.fleet, &old, short_at)?;

    for pause in [GAP, LONG] {
        if rig.fleet.state(&led) != Some(ControlState::Human) {
            rig.release_all(1)?;
            rig.take_control(0, &led)?;
        }
        rig.desks[0].order("claim", &claimed, json!({}))?;
        rig.until("claimed", |rig| rig.fleet.state(&claimed) == Some(ControlState::Claimed))?;
        let olds = [held(&rig.fleet, &led)?, held(&rig.fleet, &claimed)?];
        let boots = [&led, &claimed, &free].map(|vehicle| rig.fleet.now(vehicle).map(|line| line.boot_id));
        rig.fleet.process.signal("STOP")?;
        rig.pass(pause)?;
        let continued_at = now();
        rig.fleet.process.signal("CONT")?;
        rig.pass(CAUGHT_UP)?;
        for (vehicle, old_boot) in [&led, &claimed, &free].into_iter().zip(boots) {
            ensure_new_boot(&rig.fleet, vehicle, old_boot, continued_at)?;
        }
        rig.until("everybody is back", Rig::is_settled)?;
        let boot_id = |old: &Old| rig.fleet.now(&old.agent).map(|line| line.boot_id);
        let readdressed: Vec<Old> =
            olds.iter().filter_map(|old| Some(Old { boot_id: boot_id(old)?, ..old.clone() })).collect();
        ensure_stale(&mut rig, &olds)?;
        ensure_stale(&mut rig, &readdressed)?;
        println!("vehicles stopped for {pause:?}: new boots, {} old orders refused", 4 * olds.len());
    }
    Ok(())
}

fn ensure_new_boot(
    fleet: &Fleet,
    vehicle: &AgentId,
    old_boot: Option<BootId>,
    continued_at: AgentTime,
) -> Result<()> {
    let line = fleet.now(vehicle).context("the vehicle is there")?;
    ensure!(Some(line.boot_id) != old_boot, "{vehicle} lost time and is the same boot: {line:?}");
    // Before it has fallen back there may be the one step in which it notices.
    let steps = fleet.since(vehicle, continued_at);
    let fell = steps.iter().find(|line| Some(line.boot_id) != old_boot).context("a line of the new boot")?;
    ensure!(is_fallen(fell.state), "{vehicle} may have moved, and began as {fell:?}");
    ensure!(fell.at.since(continued_at) <= MARGIN * 2, "it noticed after {:?}", fell.at.since(continued_at));
    ensure!(line.epoch == Epoch(0) && line.latches.iter().any(|latch| latch.cause == LatchCause::Fallback));
    Ok(())
}
