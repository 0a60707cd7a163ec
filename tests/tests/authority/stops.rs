//! What is sent again and what is not: a lost RESUME never, a lost ESTOP at 5 Hz until its effect is confirmed.

use crate::rig::{Console, PATIENCE, Site, Truck, is_long, ms, take_control, until, work};
use std::time::Duration;
use watchkeeper_client::Mode;
use watchkeeper_model::{CommandKind, CommandState, ControlState, MonoTime, OperatorRole};
use watchkeeper_protocol::AgentMessage;
use watchkeeper_tests::proxy::{Fate, Leg, Rule, Seen};

/// 5 Hz.
const PERIOD: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_resume_is_never_sent_again_not_even_over_new_connections() {
    let site = Site::open("").await;
    let truck = Truck::start(&site, "truck-1", ms(200), 1).await;
    let mut ada = [Console::open(&site, "ada", OperatorRole::Operator, truck.name(), 2)];
    assert!(take_control(&mut ada, 0, PATIENCE).await);
    let hold = ada[0].order(CommandKind::Hold);
    until(&mut ada, "a standstill", |ada| ada[0].fate(hold).0 == Some(CommandState::Completed)).await;
    work(&mut ada, ms(150)).await;
    truck.changes();

    // Lost between the monitor and the agent, then between the console and the monitor.
    truck.proxy.set_rules([Rule::new(Leg::MonitorToAgent, Fate::Drop).verbs(&[CommandKind::Resume])]);
    let to_agent = ada[0].order(CommandKind::Resume);
    until(&mut ada, "an end", |ada| ada[0].is_over(to_agent)).await;
    assert_eq!(ada[0].ends(to_agent), [CommandState::Unknown], "nobody knows what became of it");
    ada[0].proxy.set_rules([Rule::new(Leg::OperatorToMonitor, Fate::Drop).verbs(&[CommandKind::Resume])]);
    let to_monitor = ada[0].order(CommandKind::Resume);
    until(&mut ada, "an end", |ada| ada[0].is_over(to_monitor)).await;
    assert_eq!(ada[0].fate(to_monitor).0, Some(CommandState::Unknown));
    ada[0].proxy.set_rules([]);
    truck.proxy.set_rules([]);
    assert!(truck.changes().is_empty(), "nothing moves");
    assert_eq!(truck.mode(), Mode::Human { hold: true });

    // A new connection of either side brings nothing back.
    truck.proxy.cut();
    work(&mut ada, ms(1_500)).await;
    ada[0].proxy.cut();
    until(&mut ada, "a new session", |ada| ada[0].welcomes == 2).await;
    work(&mut ada, Duration::from_secs(3)).await;
    let frames = [
        ada[0].proxy.commands(Leg::OperatorToMonitor, CommandKind::Resume),
        truck.proxy.commands(Leg::MonitorToAgent, CommandKind::Resume),
    ];
    let ids = frames.map(|frames| frames.iter().map(|seen| seen.command_id).collect::<Vec<_>>());
    println!("frames of two lost RESUMEs: {} to the monitor, {} to the agent", ids[0].len(), ids[1].len());
    assert_eq!(ids, [vec![Some(to_agent), Some(to_monitor)], vec![Some(to_agent)]]);
    assert_ne!(truck.mode(), Mode::Human { hold: false });
    truck.close().await;
    site.close().await;
}

/// Checks that frames come at 5 Hz: on a machine that is busy, but not at 1 Hz.
fn assert_five_hertz(frames: &[Seen]) {
    let mut gaps: Vec<Duration> = frames.windows(2).map(|pair| pair[1].at.since(pair[0].at)).collect();
    gaps.sort();
    let (least, middle, most) = (gaps[0], gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
    println!("{} ESTOP frames, {least:?} to {most:?} apart, {middle:?} at the median", frames.len());
    assert!((PERIOD * 3 / 4..PERIOD * 3 / 2).contains(&middle), "5 Hz means {PERIOD:?} apart");
    assert!(most < PERIOD * 4, "one of them came {most:?} after the one before");
}

/// Returns when the agent first said that it is stopped and stands.
fn confirmed_at(truck: &Truck) -> Option<MonoTime> {
    let stands = |seen: &&Seen| {
        matches!(seen.message(), Ok(AgentMessage::Heartbeat(beat))
            if beat.control_state == ControlState::Estopped && beat.condition_reached)
    };
    let beats = truck.proxy.seen_where(|seen| seen.kind == "heartbeat" && seen.arrived());
    beats.iter().find(stands).map(|seen| seen.at)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_estop_is_sent_at_five_hertz_until_its_effect_is_confirmed_and_then_no_more() {
    let lost_for = if is_long() { Duration::from_secs(30) } else { Duration::from_secs(3) };
    let site = Site::open("").await;
    // It takes a second to stand: being obeyed is not yet the effect.
    let truck = Truck::start(&site, "truck-1", Duration::from_secs(1), 1).await;
    let mut ada = [Console::open(&site, "ada", OperatorRole::Operator, truck.name(), 2)];
    until(&mut ada, "a settled agent", |ada| ada[0].status().is_some_and(|status| status.settled)).await;
    truck.changes();
    // Every answer is lost too: what ends the repetition is what the sensors say.
    let lost_acks = Rule::new(Leg::AgentToMonitor, Fate::Drop).kinds(&["ack"]);
    let lost_stops = Rule::new(Leg::MonitorToAgent, Fate::Drop).verbs(&[CommandKind::Estop]);
    truck.proxy.set_rules([lost_stops, lost_acks.clone()]);
    let stop = ada[0].order(CommandKind::Estop);
    work(&mut ada, lost_for).await;
    let lost = truck.proxy.commands(Leg::MonitorToAgent, CommandKind::Estop);
    let expected = lost_for.as_millis() / PERIOD.as_millis();
    assert!((expected * 3 / 4..=expected + 2).contains(&(lost.len() as u128)), "{} frames", lost.len());
    assert!(truck.changes().is_empty(), "none of them came through");
    truck.proxy.set_rules([lost_acks]);
    until(&mut ada, "the end of the stop", |ada| ada[0].is_over(stop)).await;
    assert_eq!(ada[0].ends(stop), [CommandState::Completed]);
    work(&mut ada, Duration::from_secs(2)).await;

    let all = truck.proxy.commands(Leg::MonitorToAgent, CommandKind::Estop);
    assert!(all.iter().all(|seen| seen.command_id == Some(stop)), "one stop");
    assert_five_hertz(&all);
    let confirmed = confirmed_at(&truck).expect("the agent said that it stands");
    let obeyed = all.iter().find(|seen| seen.arrived()).expect("one came through").at;
    let between = all.iter().filter(|seen| seen.at > obeyed && seen.at < confirmed).count();
    let after = all.iter().filter(|seen| seen.at >= confirmed).count();
    println!(
        "lost for {lost_for:?}: {} frames; then {between} between being obeyed and standing ({:?}), {after} after it",
        lost.len(),
        confirmed.since(obeyed)
    );
    assert!(between >= 3, "being obeyed is not the effect");
    assert!(after <= 1, "one may have crossed with the confirmation");
    let stops = truck.changes().iter().filter(|change| change.directive.mode == Mode::Estop).count();
    assert_eq!(stops, 1, "it stops once");
    truck.close().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estop_lost_on_its_way_to_the_monitor_is_sent_at_five_hertz_too_also_over_a_new_connection() {
    let site = Site::open("").await;
    let truck = Truck::start(&site, "truck-1", ms(100), 1).await;
    let mut ada = [Console::open(&site, "ada", OperatorRole::Operator, truck.name(), 2)];
    until(&mut ada, "a settled agent", |ada| ada[0].status().is_some_and(|status| status.settled)).await;
    ada[0].proxy.set_rules([Rule::new(Leg::OperatorToMonitor, Fate::Drop).verbs(&[CommandKind::Estop])]);
    let stop = ada[0].order(CommandKind::Estop);
    work(&mut ada, ms(2_500)).await;
    let frames = |ada: &Console| ada.proxy.commands(Leg::OperatorToMonitor, CommandKind::Estop);
    let lost = frames(&ada[0]);
    assert_five_hertz(&lost);
    ada[0].proxy.cut();
    until(&mut ada, "a new session", |ada| ada[0].welcomes == 2).await;
    work(&mut ada, ms(500)).await;
    let more = frames(&ada[0]).len() - lost.len();
    assert!(more >= 2, "it goes on over the new connection");
    assert!(truck.proxy.commands(Leg::MonitorToAgent, CommandKind::Estop).is_empty());

    ada[0].proxy.set_rules([]);
    until(&mut ada, "the end of the stop", |ada| ada[0].is_over(stop)).await;
    work(&mut ada, Duration::from_secs(1)).await;
    let all = frames(&ada[0]);
    println!(
        "{} ESTOP frames to the monitor were lost, {more} of them over a new connection",
        lost.len() + more
    );
    assert_eq!(
        all.iter().filter(|seen| seen.arrived()).count(),
        1,
        "the monitor has it, and repeats it itself"
    );
    assert!(all.iter().all(|seen| seen.command_id == Some(stop)), "one stop");
    assert_eq!((ada[0].ends(stop), truck.mode()), (vec![CommandState::Completed], Mode::Estop));
    truck.close().await;
    site.close().await;
}
