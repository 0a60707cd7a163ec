//! Made streams, and what is counted on them, against cases computed by hand.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use watchkeeper_eval::verdicts::{At, Event, Kind, Operator, STREAMS, Stream, at, at_found, interval, made};

/// 1,000 rows, an anomaly in rows 100 to 110 and one in rows 300 to 310, a nuisance in rows 500 to 510.
fn stream() -> Stream {
    let event = |kind, start| Event { kind, rows: start..start + 10 };
    let events = vec![event(Kind::Jump, 100), event(Kind::Drift, 300), event(Kind::Quantised, 500)];
    Stream { rows: vec![vec![0.0]; 1_000], events }
}

fn scores(rows: &[(usize, f64)]) -> Vec<Vec<f64>> {
    let of = |row| rows.iter().find(|(at, _)| *at == row).map_or(0.0, |(_, score)| *score);
    vec![(0..1_000).map(of).collect()]
}

#[test]
fn alarms_are_counted_once_an_episode_and_what_is_found_with_its_way_back() {
    let streams = [stream()];
    // 159 is still the first anomaly's, 160 no longer.
    let scores =
        scores(&[(159, 0.9), (160, 0.8), (305, 0.6), (500, 0.7), (590, 0.7), (702, 0.65), (99, 0.2)]);
    let counted = |found, false_alarms| At { found, real: 2, false_alarms };
    assert_eq!(at(&streams, &scores, 0.85), counted(1, 0));
    assert_eq!(at(&streams, &scores, 0.7), counted(1, 2));
    assert_eq!(at(&streams, &scores, 0.65), counted(1, 3));
    assert_eq!(at_found(&streams, &scores, 1), counted(1, 0));
    assert_eq!(at_found(&streams, &scores, 2), counted(2, 3));
    assert_eq!(at_found(&streams, &scores, 0), counted(0, 0));
}

#[test]
fn an_interval_holds_the_mean_and_excludes_zero_where_all_differences_are_below() {
    let differences: Vec<f64> = (0..40).map(|at| -5.0 + f64::from(at % 5)).collect();
    let below = interval(&differences, 1);
    assert!((below.mean + 3.0).abs() < 1e-12 && below.low < -3.0 && -3.0 < below.high && below.high < 0.0);
    // The standard error is sqrt(2 / 40), and 1.96 of it on each side.
    assert!((below.high - below.low - 2.0 * 1.96 * (2.0_f64 / 40.0).sqrt()).abs() < 0.08, "{below:?}");
    let around: Vec<f64> = (0..40).map(|at| f64::from(at % 5) - 2.0).collect();
    let around = interval(&around, 1);
    assert!(around.low < 0.0 && 0.0 < around.high);
    assert_eq!(interval(&differences, 1), below);
}

#[test]
fn a_seed_makes_the_same_streams_again_and_another_seed_others() {
    let streams = made(3);
    assert_eq!(streams, made(3));
    assert_ne!(streams, made(4));
    assert_eq!(streams.len(), STREAMS);
    let mut kinds: Vec<Kind> = Vec::new();
    for stream in (0..4).flat_map(made) {
        assert!(stream.rows.iter().flatten().all(|value| value.is_finite()));
        for pair in stream.events.windows(2) {
            assert!(pair[0].span().end < pair[1].rows.start, "{pair:?} overlap");
        }
        for event in &stream.events {
            assert!(event.span().end <= stream.rows.len(), "{event:?} is cut off");
            assert_eq!(stream.is_real(event.rows.start), event.kind.is_real());
            if event.kind == Kind::Frozen {
                let start = event.rows.start;
                let stands = |signal: usize| {
                    event.rows.clone().all(|row| {
                        stream.rows[row][signal].to_bits() == stream.rows[start - 1][signal].to_bits()
                    })
                };
                assert!((0..stream.rows[start].len()).any(stands), "{event:?}");
            }
            kinds.push(event.kind);
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), 7, "{kinds:?}");
}

#[test]
fn an_operator_is_wrong_as_often_as_he_is_made() {
    let stream = stream();
    for (wrong, range) in [(0.0, 0..=0), (0.1, 80..=120), (1.0, 1_000..=1_000)] {
        let mut operator = Operator::new(1, wrong);
        let mistakes =
            (0..1_000).filter(|row| operator.says_real(&stream, *row) != stream.is_real(*row)).count();
        assert!(range.contains(&mistakes), "{wrong}: {mistakes}");
    }
}
