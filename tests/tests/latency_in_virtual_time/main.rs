//! Limits that follow the latency, in virtual time: the real engine, the SDK's cores of a vehicle and a console, and
//! what the console's rows say of it (`takeover.md` 2, rule 9).
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at few words of many"
)]

mod rig;

use rig::{Rig, ms};
use std::time::Duration;
use watchkeeper_model::{AlarmState, CauseClass, CommandKind, ControlState};
use watchkeeper_picture::view::{Tone, status_line::status_line, takeover};
use watchkeeper_protocol::operator::ConsoleKind;

fn uplink(rig: &Rig) -> String {
    status_line(rig.console.picture(), rig.console_now()).uplink
}

/// Text and tone of a row of the takeover panel's links.
fn link(rig: &Rig, name: &str) -> (String, Tone) {
    let panel = takeover::panel(rig.console.picture(), &Rig::vehicle(), rig.console_now()).unwrap();
    let row = panel.links.into_iter().find(|row| row.name == name).unwrap();
    (row.text, row.tone)
}

/// The alerts of the command path that stand.
fn path_alerts(rig: &Rig) -> Vec<CauseClass> {
    let alarms = rig.console.picture().alerts().map(|(_, alert)| alert.alarm());
    alarms
        .filter(|alarm| alarm.subject.as_str() == "command path" && alarm.state != AlarmState::Normal)
        .filter(|alarm| alarm.state.is_active())
        .map(|alarm| alarm.cause)
        .collect()
}

fn assert_cap(rig: &Rig, expected: Option<f64>) {
    let cap = rig.cap_kmh();
    let fits = match (cap, expected) {
        (Some(cap), Some(expected)) => (cap - expected).abs() < 1e-6,
        (cap, expected) => cap == expected,
    };
    assert!(fits, "the cap is {cap:?} km/h, not {expected:?}");
}

/// Every split of the same total: only the sum counts.
const SPLITS_OF_200: [[u64; 4]; 4] = [[50, 50, 50, 50], [200, 0, 0, 0], [0, 0, 150, 50], [13, 87, 31, 69]];

#[test]
fn a_total_of_250_ms_at_50_kmh_caps_at_40_however_it_is_made_up() {
    for split in SPLITS_OF_200 {
        let mut rig = Rig::apart(ms(50), split);
        rig.take_over();
        rig.run(ms(2_000));
        assert_eq!(rig.state(), ControlState::Human);
        assert_cap(&rig, Some(40.0));
        let (_, told) = rig.probed.last().unwrap();
        let latency = told.latency.unwrap();
        assert_eq!(latency.total_nanos, 250_000_000, "{split:?}");
        assert_eq!((latency.actuate_nanos, latency.display_nanos), (50_000_000, 0));
        assert!((told.latency_cap_mps.unwrap() - 40.0 / 3.6).abs() < 1e-9);
        let (text, tone) = link(&rig, "there and back");
        assert!(text.starts_with("250 ms, speed is capped: "), "{text}");
        assert_eq!(tone, Tone::Warning);
    }
}

#[test]
fn each_direction_is_measured_apart() {
    // The clocks were compared while nothing delayed anything; then only one direction grows.
    for (split, up, down) in
        [([120, 30, 0, 0], 150, 0), ([0, 0, 30, 120], 0, 150), ([10, 20, 30, 40], 30, 70)]
    {
        let mut rig = Rig::apart(ms(0), split);
        rig.take_over();
        rig.run(ms(1_500));
        let latency = rig.probed.last().unwrap().1.latency.unwrap();
        assert_eq!(
            (latency.uplink.nanos, latency.downlink.nanos, latency.uplink.error_nanos),
            (up * 1_000_000, down * 1_000_000, 0),
            "{split:?}"
        );
    }
}

#[test]
fn a_delay_that_was_there_from_the_start_is_told_with_its_error_and_counts_in_full() {
    let mut rig = Rig::apart(ms(50), [200, 0, 0, 0]);
    // Long enough that no exchange without the delay is remembered.
    rig.run(ms(20_000));
    rig.take_over();
    rig.run(ms(1_500));
    let latency = rig.probed.last().unwrap().1.latency.unwrap();
    let (up, down) = (latency.uplink, latency.downlink);
    assert_eq!(
        (up.nanos, down.nanos, up.error_nanos, down.error_nanos),
        (100_000_000, 100_000_000, 100_000_000, 100_000_000)
    );
    assert_eq!(latency.total_nanos, 250_000_000, "the error is in neither sum");
    assert_cap(&rig, Some(40.0));
}

#[test]
fn at_exactly_200_ms_nothing_is_capped_and_at_201_it_is() {
    for (actuation, expected) in [(0, None), (1, Some(50.0 * 200.0 / 201.0))] {
        let mut rig = Rig::apart(ms(actuation), SPLITS_OF_200[0]);
        rig.take_over();
        rig.run(ms(1_500));
        assert_cap(&rig, expected);
    }
}

#[test]
fn at_exactly_500_ms_somebody_may_still_begin_to_drive_and_at_501_nobody() {
    for (actuation, refused) in [(100, false), (101, true)] {
        let mut rig = Rig::apart(ms(actuation), [100, 100, 100, 100]);
        let refusal = rig.claim();
        assert_eq!(refusal.is_some(), refused, "{refusal:?}");
        if let Some(why) = refusal {
            let expected = "latency_limit: the latency is 501 ms (downlink 200 ± 0, display 0, uplink 200 ± 0, \
                            actuation 101); above 500 ms nobody begins to drive";
            assert_eq!(why, expected);
            continue;
        }
        assert_eq!(rig.engage(), None);
        rig.run(ms(1_000));
        assert_cap(&rig, Some(20.0));
    }
}

#[test]
fn at_600_ms_nobody_begins_to_drive_also_who_has_claimed_before() {
    let mut rig = Rig::apart(ms(150), [60, 60, 60, 60]);
    assert_eq!(rig.claim(), None, "390 ms");
    rig.up.delay = ms(270);
    rig.run(ms(1_500));
    let why = rig.engage().unwrap();
    assert!(why.starts_with("latency_limit: the latency is 600 ms "), "{why}");
    assert_ne!(rig.state(), ControlState::Human);
    // What makes things safer is not held up.
    rig.command(CommandKind::Hold);
    rig.run(ms(1_000));
    assert_eq!(rig.state(), ControlState::Fallback);
    let stop = watchkeeper_picture::Intent::Stop { agent: Rig::vehicle(), reason: None, confirm_many: false };
    rig.act(stop);
    rig.run(ms(1_000));
    assert_eq!(rig.state(), ControlState::Estopped);
}

#[test]
fn a_drive_that_degrades_beyond_500_ms_goes_on_slowly_under_an_alert() {
    let mut rig = Rig::apart(ms(95), [25, 25, 25, 25]);
    rig.take_over();
    rig.run(ms(1_500));
    assert_cap(&rig, None);
    assert_eq!(path_alerts(&rig), []);
    rig.to_vehicle.delay = ms(405);
    rig.run(ms(6_000));
    assert_eq!(rig.state(), ControlState::Human, "a person drives on");
    assert_cap(&rig, Some(50.0 * 200.0 / 575.0));
    assert_eq!(path_alerts(&rig), [CauseClass::Late]);
    let (text, tone) = link(&rig, "there and back");
    assert!(text.starts_with("575 ms, too long to begin to drive: "), "{text}");
    assert_eq!(tone, Tone::Danger);
    // Better again: the cap is lifted after its time, and so is the alert.
    rig.to_vehicle.delay = ms(25);
    rig.run(ms(2_500));
    assert_cap(&rig, Some(50.0 * 200.0 / 575.0));
    rig.run(ms(3_500));
    assert_cap(&rig, None);
    assert_eq!(path_alerts(&rig), []);
}

#[test]
fn only_heartbeats_that_do_not_come_in_time_end_a_drive() {
    for (delay, ended) in [(420, false), (430, true)] {
        let mut rig = Rig::apart(ms(50), [25, 25, 25, 25]);
        rig.take_over();
        rig.run(ms(1_500));
        // A heartbeat counts for half a second, there and back.
        rig.to_vehicle.delay = ms(delay);
        rig.run(ms(6_000));
        let expected = if ended { ControlState::Fallback } else { ControlState::Human };
        assert_eq!(rig.state(), expected, "{delay}");
    }
}

#[test]
fn dropping_only_the_uplink_raises_its_own_banner_within_one_and_a_half_seconds_while_telemetry_stays_green()
{
    for phase in 0..20 {
        let mut rig = Rig::apart(ms(50), [5, 5, 5, 5]);
        rig.take_over();
        rig.run(ms(1_000 + 50 * phase));
        assert_eq!(uplink(&rig), "");
        let cut_at = rig.now;
        rig.up.cut = true;
        rig.run_until(ms(1_500), "the banner", |rig| !uplink(rig).is_empty());
        let after = rig.now.since(cut_at);
        let text = uplink(&rig);
        let expected = "NO ANSWER from vehicle-1 for 1.5 s: commands may not arrive, its data comes in time";
        assert_eq!(text, expected, "{after:?}");
        let (data, tone) = link(&rig, "agent to you");
        assert_eq!(tone, Tone::Normal, "{data}");
        assert_eq!(link(&rig, "there and back").1, Tone::Danger);
        assert!(!rig.entry().freshness(rig.console_now()).stale);
        assert_eq!(rig.state(), ControlState::Human, "the lease still lives");
    }
}

#[test]
fn the_way_from_the_monitor_to_the_vehicle_is_missed_as_soon() {
    let mut rig = Rig::apart(ms(50), [5, 5, 5, 5]);
    rig.take_over();
    rig.run(ms(1_200));
    rig.to_vehicle.cut = true;
    rig.run_until(ms(1_500), "the banner", |rig| !uplink(rig).is_empty());
    assert_eq!(link(&rig, "agent to you").1, Tone::Normal);
    // The vehicle has no figure any more, and knows it by itself.
    rig.run_until(ms(1_510), "the vehicle's own cap", |rig| rig.cap_kmh().is_some());
    assert_eq!(rig.state(), ControlState::Human);
    assert_cap(&rig, Some(20.0));
}

#[test]
fn without_a_downlink_the_heartbeats_come_on_and_the_speed_is_capped_all_the_same() {
    let mut rig = Rig::apart(ms(50), [5, 5, 5, 5]);
    rig.take_over();
    rig.run(ms(1_200));
    assert_cap(&rig, None);
    rig.down.cut = true;
    rig.run(ms(2_700));
    assert_eq!(rig.state(), ControlState::Human, "his heartbeats still come");
    assert_cap(&rig, Some(20.0));
    let text = uplink(&rig);
    assert!(text.contains("its data is "), "{text}");
    assert_eq!(link(&rig, "agent to you").1, Tone::Danger);
    rig.down.cut = false;
    rig.run(ms(100));
    let alarms = rig.console.picture().alerts().map(|(_, alert)| alert.alarm());
    let told: Vec<_> = alarms.filter(|alarm| alarm.subject.as_str() == "command path").collect();
    assert!(told.iter().any(|alarm| alarm.cause == CauseClass::Silence), "everybody heard of it: {told:?}");
    rig.run(ms(7_000));
    assert_cap(&rig, None);
    assert_eq!((path_alerts(&rig), uplink(&rig)), (vec![], String::new()));
}

#[test]
fn on_a_way_that_is_not_known_nobody_begins_to_drive() {
    let mut rig = Rig::apart(ms(50), [5, 5, 5, 5]);
    assert_eq!(rig.claim(), None);
    // Claims and commands arrive, and nothing comes back.
    rig.down.cut = true;
    rig.run(ms(1_600));
    let why = {
        rig.act(watchkeeper_picture::Intent::Engage { agent: Rig::vehicle(), latches: Vec::new() });
        rig.run(ms(200));
        rig.down.cut = false;
        rig.run(ms(200));
        let told = rig.console.picture().commands(&Rig::vehicle()).last().unwrap().clone();
        format!("{}: {}", told.code.unwrap(), told.detail.unwrap())
    };
    assert!(why.starts_with("latency_limit: nothing was measured "), "{why}");
}

#[test]
fn a_vehicle_that_knows_no_probes_is_measured_by_its_pongs() {
    let mut rig = Rig::new(ms(50), ConsoleKind::Scripted);
    rig.knows_no_probes = true;
    for way in [&mut rig.up, &mut rig.down, &mut rig.to_vehicle, &mut rig.from_vehicle] {
        way.delay = ms(50);
    }
    rig.run(ms(3_000));
    rig.take_over();
    rig.run(ms(3_000));
    assert_eq!(rig.probed, [], "it answers none");
    assert_cap(&rig, Some(40.0));
    rig.down.cut = true;
    rig.run(ms(1_700));
    assert_cap(&rig, Some(20.0));
}

#[test]
fn what_a_console_needs_to_show_what_comes_counts_too() {
    let mut rig = Rig::new(ms(50), ConsoleKind::Window);
    rig.take_over();
    for (period, at_least) in [(50, 30), (300, 200)] {
        rig.shows_every = ms(period);
        rig.run(ms(3_000));
        let latency = rig.probed.last().unwrap().1.latency.unwrap();
        let display = Duration::from_nanos(latency.display_nanos);
        assert!((ms(at_least)..=ms(period)).contains(&display), "{display:?}");
        assert_eq!(latency.total_nanos, latency.display_nanos + 50_000_000);
    }
    assert!(rig.cap_kmh().is_some_and(|cap| cap < 50.0));
}

#[test]
fn before_the_first_probe_a_display_is_assumed_and_what_came_before_it_is_none() {
    let mut rig = Rig::new(ms(50), ConsoleKind::Text);
    // Nothing was presented for long; that says nothing of how long it takes.
    rig.run(ms(10_000));
    rig.take_over();
    let first = rig.probed.first().unwrap().1.latency.unwrap();
    assert_eq!(first.display_nanos, 50_000_000);
}
