//! `watchkeeper kpi` over a record that the real engine and the real ledger made, with figures computed by hand.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set itself up should stop there"
)]

#[path = "kpi/recording.rs"]
mod recording;

use recording::Recording;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};
use watchkeeper_model::CauseClass;

fn kpi(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    command.args(["kpi", "--data", "data"]).args(arguments).env_remove("RUST_LOG").current_dir(directory);
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn figures(directory: &Path, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    serde_json::from_str(&stdout(&kpi(directory, &arguments))).unwrap()
}

/// Fails where the two differ by more than floating point does.
fn assert_same(found: &Value, expected: &Value, place: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            assert!(found.keys().eq(expected.keys()), "{place}: {found:?} instead of {expected:?}");
            expected
                .iter()
                .for_each(|(key, value)| assert_same(&found[key], value, &format!("{place}.{key}")));
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{place}: {found:?} instead of {expected:?}");
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert_same(found, expected, &format!("{place}[{index}]"));
            }
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            assert!((one - other).abs() < 1e-9, "{place}: {one} instead of {other}");
        }
        _ => assert_eq!(found, expected, "{place}"),
    }
}

const LIMITS: &str = r#"
[detect.generic]
clear_after_millis = 1000

[detect.generic.outlier]
ignore = ["heat", "pressure", "noise"]

[[detect.limits]]
signal = "heat"
max = 100.0
severity = "warning"

[[detect.limits]]
signal = "pressure"
max = 10.0
severity = "critical"
response = "takeover"

[[detect.limits]]
signal = "noise"
max = 5.0
severity = "advisory"
"#;

/// Two runs of a monitor, the first from 06:00:00 to 07:00:00, the second from 08:00:00 to 08:30:00. Seconds since 06:00:00:
///
/// | when | what | annunciated | acknowledged after, by |
/// |---|---|---|---|
/// | 60 | somebody at unit-00 takes control: `stopped` `local`, an advisory, low | 1 | 2 s, anna |
/// | 200, 215, 230 | the same at unit-01, each time for 2 s: chatters, fleets three times | 3 | 40 s after the first, ben |
/// | 300 | press: heat 150 above 100, a warning: high | 1 | 1 s, ben |
/// | 400, 410 | unit-02's `stopped` `local` goes out of service and comes: hidden | - | - |
/// | 500 | unit-03, as unit-00 | 1 | never: the run ends |
/// | 1800, 1810 to 1910 | unit-04 to unit-15, as unit-00: a flood | 12 | at 2000: 200, 190 to 90 s, anna |
/// | 2600 | press: pressure 20 above 10, critical: high; asks for a takeover, and is over at 2610 | 1 | 3 s, anna |
/// | 2700 | press: noise 9 above 5, an advisory: medium | 1 | 1.5 s, ben |
/// | 7260 | in the second run: unit-03 | 1 | 4 s, anna |
fn record_shift(directory: &Path) {
    let mut shift = Recording::new(directory, LIMITS, 16);
    shift.at(60.0).set_local("unit-00", true);
    shift.at(62.0).acknowledge_last("anna");
    shift.at(120.0).set_local("unit-00", false);
    for at in [200.0, 215.0, 230.0] {
        shift.at(at).set_local("unit-01", true);
        shift.at(at + 2.0).set_local("unit-01", false);
    }
    shift.at(240.0).acknowledge_last("ben");
    shift.at(300.0).decide([150.0, 5.0, 1.0]);
    shift.at(301.0).acknowledge_last("ben");
    shift.at(360.0).decide([50.0, 5.0, 1.0]);
    shift.at(400.0).take_out("ben", "unit-02", CauseClass::Stopped, "local");
    shift.at(410.0).set_local("unit-02", true);
    shift.at(500.0).set_local("unit-03", true);
    let mut flood = Vec::new();
    for number in 4..16_u32 {
        shift.at(f64::from(1_800 + 10 * (number - 4))).set_local(&format!("unit-{number:02}"), true);
        flood.push(shift.last());
    }
    shift.at(2_000.0);
    for alert_id in flood {
        shift.acknowledge("anna", alert_id);
    }
    shift.at(2_600.0).decide([50.0, 20.0, 1.0]);
    shift.present_last();
    shift.at(2_603.0).acknowledge_last("anna");
    shift.at(2_605.0).decide([50.0, 5.0, 1.0]);
    shift.at(2_700.0).decide([50.0, 5.0, 9.0]);
    shift.at(2_701.5).acknowledge_last("ben");
    shift.at(2_760.0).decide([50.0, 5.0, 1.0]);
    shift.at(3_600.0).end_run();
    shift.begin_run(7_200.0);
    shift.at(7_260.0).set_local("unit-03", true);
    shift.at(7_264.0).acknowledge_last("anna");
    shift.at(9_000.0).end_run();
}

/// The directory with that record, made once: every test only reads it.
static SHIFT: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kpi-of-a-shift");
    if directory.exists() {
        fs::remove_dir_all(&directory).unwrap();
    }
    fs::create_dir_all(&directory).unwrap();
    record_shift(&directory);
    directory
});

/// | figure | by hand |
/// |---|---|
/// | watched | 3600 + 1800 = 5400 s = 1.5 h = 9 times ten minutes |
/// | annunciated | 1 + 3 + 1 + 1 + 12 + 1 + 1 + 1 = 21; hidden 1 |
/// | per hour, per ten minutes | 21 / 1.5 = 14; 21 / 9 = 2.333 |
/// | peak | the 12 of 1800 to 1910; around 500 it is 6 (60 to 500) |
/// | flood | from the 11th, at 1900, until the fifth newest of 1810 to 1910, which is of 1870, is ten minutes old, at 2470: 570 s; 570 / 5400 |
/// | priorities | high: heat, pressure; medium: noise; low: 21 - 3 = 18 |
/// | top ten | unit-01 3, unit-03 2, then those of 1 by name: press heat, noise, pressure, unit-00, unit-04 to unit-07: 3 + 2 + 8 = 13 of 21 |
/// | acknowledged | 1, 1.5, 2, 3, 4, 40, 90, 100, 110 to 200 s: 6 + 12 = 18 |
/// | median | the 9th: 110,000 ms, in a bucket of 64: 1718 x 64 = 109,952 to 110,015 |
/// | p90 | 16.2, so the 17th: 190,000 ms, in a bucket of 128: 1484 x 128 = 189,952 to 190,079 |
/// | p95 | 17.1, so the 18th: 200,000 ms, in a bucket to 200,063, but the longest is 200,000 |
/// | never | unit-03 in the first run |
fn by_hand() -> Value {
    let frequent = |agent: &str, cause: &str, subject: &str, annunciated: u32| {
        let percent = 100.0 * f64::from(annunciated) / 21.0;
        json!({ "agent": agent, "cause": cause, "subject": subject, "annunciated": annunciated, "percent": percent })
    };
    json!({
        "alarms": {
            "annunciated": 21, "per_hour": 14.0, "per_10_min_mean": 21.0 / 9.0, "per_10_min_peak": 12,
            "hidden": 1, "common_members": 0,
        },
        "floods": {
            "floods": 1, "share_percent": 100.0 * 570.0 / 5_400.0, "total_secs": 570.0, "longest_secs": 570.0,
            "largest_alarms": 12,
        },
        "priorities": {
            "high": { "annunciated": 2, "percent": 100.0 * 2.0 / 21.0, "recommended_percent": 5 },
            "medium": { "annunciated": 1, "percent": 100.0 / 21.0, "recommended_percent": 15 },
            "low": { "annunciated": 18, "percent": 100.0 * 18.0 / 21.0, "recommended_percent": 80 },
        },
        "nuisances": { "stale": 0, "stale_longest": [], "chattering": 1, "fleeting": 3 },
        "most_frequent": {
            "top_ten_percent": 100.0 * 13.0 / 21.0,
            "top_ten": [
                frequent("unit-01", "stopped", "local", 3),
                frequent("unit-03", "stopped", "local", 2),
                frequent("press", "limit", "heat", 1),
                frequent("press", "limit", "noise", 1),
                frequent("press", "limit", "pressure", 1),
                frequent("unit-00", "stopped", "local", 1),
                frequent("unit-04", "stopped", "local", 1),
                frequent("unit-05", "stopped", "local", 1),
                frequent("unit-06", "stopped", "local", 1),
                frequent("unit-07", "stopped", "local", 1),
            ],
            "not_told_apart": 0,
        },
        "acknowledgements": {
            "acknowledged": 18, "median_millis": 110_015, "p90_millis": 190_079, "p95_millis": 200_000,
            "max_millis": 200_000, "never_acknowledged": 1,
        },
    })
}

#[test]
fn every_figure_of_a_shift_is_the_one_computed_by_hand() {
    let found = figures(&SHIFT, &[]);
    assert_eq!(found["not_as_recorded"], json!([]));
    assert_eq!(found["segments_left_out"], json!([]));
    assert_eq!((&found["runs"], &found["watched_secs"]), (&json!(2), &json!(5_400.0)));
    assert_eq!(found["from"], "2026-03-01T06:00:00Z");
    assert_eq!(found["to"], "2026-03-01T08:30:00Z");
    assert_eq!(found["shifts"], json!([]));
    let period = &found["period"];
    assert_same(&period["everybody"], &by_hand(), "everybody");
    // Pressure asked for a takeover; its alert was shown, acknowledged and over. The press never says that it has heard of the
    // demand, so nobody can end it before its time of 60 s, and after 48 s, the last T_esc, somebody is called.
    let demands = json!({
        "raised": 1, "answered": 0, "fell_back": 0, "ended_otherwise": 1,
        "calls": { "nobody_online": 0, "not_shown": 0, "unanswered": 1, "fell_back": 0 },
    });
    assert_eq!(period["demands"], demands);
}

/// Of whom an acknowledgement is does not depend on whom the alarm was brought to.
///
/// anna: 2, 3, 4 s and the twelve of the flood, 15 in all, the median the 8th: 130 s in a bucket of 64, 2031 x 64 = 129,984 to
/// 130,047. ben: 1, 1.5, 40 s.
#[test]
fn acknowledgements_count_for_whom_they_are_by() {
    let found = figures(&SHIFT, &[]);
    let people = found["period"]["people"].as_array().unwrap();
    let of = |name: &str| {
        let person = people.iter().find(|person| person["person"] == name).unwrap();
        person["acknowledgements"].clone()
    };
    assert_eq!((&of("anna")["acknowledged"], &of("anna")["median_millis"]), (&json!(15), &json!(130_047)));
    assert_eq!((&of("ben")["acknowledged"], &of("ben")["max_millis"]), (&json!(3), &json!(40_000)));
    assert_eq!(of("ben")["median_millis"], 1_500);
}

/// Every alarm is brought to anna, who operates, before ben, who supervises. Their consoles show nothing but pressure, and
/// the monitor looks again after a second or more: each of the others is passed on to ben before anybody acknowledges it, so
/// 21 and 20. The twelve of the flood come to ben five seconds after they came to anna, in her ten minutes as in his.
#[test]
fn annunciations_count_for_whom_they_are_brought_to() {
    let found = figures(&SHIFT, &[]);
    let people = found["period"]["people"].as_array().unwrap();
    let told: Vec<_> = people
        .iter()
        .map(|person| {
            (
                person["person"].as_str().unwrap(),
                person["alarms"]["annunciated"].as_u64().unwrap(),
                person["floods"]["floods"].as_u64().unwrap(),
                person["floods"]["total_secs"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("anna", 21, 1, 570.0), ("ben", 20, 1, 570.0)]);
    assert_eq!(found["period"]["nobody"]["alarms"]["annunciated"], 0);
}

#[test]
fn shifts_and_periods_cut_the_record_where_they_begin_and_end() {
    let found = figures(&SHIFT, &["--shift", "07:00,09:00", "--utc-offset", "+01:00"]);
    let shifts = found["shifts"].as_array().unwrap();
    let began: Vec<_> = shifts.iter().map(|shift| shift["began_at"].as_str().unwrap()).collect();
    assert_eq!(began, ["2026-03-01T07:00:00+01:00", "2026-03-01T09:00:00+01:00"]);
    let raised: Vec<_> = shifts.iter().map(|shift| &shift["everybody"]["alarms"]["annunciated"]).collect();
    assert_eq!(raised, [20, 1]);
    // 570 of 3600 s.
    assert_same(&shifts[0]["everybody"]["floods"]["share_percent"], &json!(100.0 * 570.0 / 3_600.0), "share");
    // From second 200 to second 2000: 3 + 1 + 1 + 12, and none of the flood is acknowledged yet.
    let found = figures(&SHIFT, &["--from", "2026-03-01T06:03:20Z", "--to", "2026-03-01T07:33:20+01:00"]);
    let everybody = &found["period"]["everybody"];
    assert_eq!((&found["watched_secs"], &everybody["alarms"]["annunciated"]), (&json!(1_800.0), &json!(17)));
    assert_eq!(everybody["acknowledgements"]["never_acknowledged"], 13);
    // From second 1900 to second 2000.
    assert_eq!(everybody["floods"]["total_secs"], 100.0);
}

#[test]
fn people_read_the_same_figures_in_lines_of_a_hundred_columns() {
    let printed = stdout(&kpi(&SHIFT, &["--shift", "06:00,14:00,22:00"]));
    for line in printed.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    for part in ["1 h 30 min watched in 2 runs", "9 min 30 s", "unit-01", "61.9 %", "3 min 20 s"] {
        assert!(printed.contains(part), "{part:?} is not in {printed}");
    }
}

#[test]
fn a_damaged_record_is_named_and_gives_no_figures() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    Recording::new(directory.path(), LIMITS, 1).at(60.0).end_run();
    let segment = directory.path().join("data/ledger/segment-0000000001.wkl");
    let mut damaged = fs::read(&segment).unwrap();
    let middle = damaged.iter().rposition(|byte| *byte != 0).unwrap() / 2;
    damaged[middle] ^= 1;
    fs::write(&segment, damaged).unwrap();
    let output = kpi(directory.path(), &["--json"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{told}");
    assert!(told.contains("segment 1") && told.contains("ledger verify"), "{told}");
}

#[test]
fn a_record_that_is_still_written_or_was_cut_off_counts_as_far_as_it_goes() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let mut recording = Recording::new(directory.path(), LIMITS, 1);
    recording.at(60.0).set_local("unit-00", true);
    recording.at(600.0).commit();
    let found = figures(directory.path(), &[]);
    assert_eq!(found["watched_secs"], 600.0);
    assert_eq!(found["period"]["everybody"]["alarms"]["annunciated"], 1);
    assert_eq!(found["period"]["everybody"]["acknowledgements"]["never_acknowledged"], 1);
}

#[test]
fn where_this_build_makes_something_else_of_the_inputs_it_is_said() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let mut recording = Recording::new(directory.path(), LIMITS, 1);
    recording.at(60.0).set_local("unit-00", true);
    recording.at(600.0).end_run_with_another_digest();
    let found = figures(directory.path(), &[]);
    let differs = &found["not_as_recorded"][0];
    assert_eq!((&differs["incarnation"], &differs["build"]), (&json!(1), &json!("test")));
    assert!(differs["first_difference"].as_str().unwrap().contains("the outputs differ"), "{differs}");
    assert_eq!(found["period"]["everybody"]["alarms"]["annunciated"], 1);
    let printed = stdout(&kpi(directory.path(), &[]));
    assert!(printed.starts_with("NOT AS RECORDED: run 1 of build test"), "{printed}");
}

#[test]
fn no_record_an_empty_one_and_a_period_outside_are_said() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let output = kpi(directory.path(), &[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("there is no record in"), "{told}");
    fs::create_dir_all(directory.path().join("data/ledger")).unwrap();
    let says = "The record tells nothing of this period: no run of a monitor was in it.\n";
    assert_eq!(stdout(&kpi(directory.path(), &[])), says);
    assert_eq!(stdout(&kpi(&SHIFT, &["--from", "2027-01-01T00:00:00Z"])), says);
}

#[test]
fn what_cannot_be_a_shift_or_a_period_is_refused_with_how_to_write_it() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    for (arguments, says) in [
        (["--shift", "6"], "for example 06:00"),
        (["--shift", "25:00"], "for example 06:00"),
        (["--utc-offset", "Berlin"], "+01:00"),
        (["--from", "yesterday"], "2026-03-01T06:00:00Z"),
    ] {
        let output = kpi(directory.path(), &arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?}: {told}");
    }
    let turned = ["--from", "2026-03-01T06:00:00Z", "--to", "2026-03-01T06:00:00Z"];
    let output = kpi(&SHIFT, &turned);
    assert!(String::from_utf8_lossy(&output.stderr).contains("--from is not before --to"));
}
