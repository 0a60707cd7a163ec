//! Streams of numbers of which nothing is known beforehand.

use watchkeeper_detect::{Channel, MAX_SIGNALS, Scored, Stack, StackError, StackSettings};

/// Noise that is the same everywhere (xorshift64*, Marsaglia 2003), -1 to 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        bits as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// Below `end`, each equally often.
    fn below(&mut self, end: usize) -> usize {
        self.next();
        usize::try_from(self.0 >> 33).expect("31 bits fit") % end
    }

    /// About normal: mean 0, deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() / 2.0
    }
}

fn stack(signals: usize) -> Stack {
    Stack::new(signals, StackSettings::default()).expect("good settings")
}

/// Three signals, the third the sum of the first two.
fn together(rows: usize) -> Vec<[f64; 3]> {
    let mut noise = Noise(7);
    let row = |_| {
        let (one, other) = (20.0 + noise.normal(), 5.0 + 0.1 * noise.normal());
        [one, other, one + other + 0.01 * noise.normal()]
    };
    (0..rows).map(row).collect()
}

fn run(stack: &mut Stack, rows: &[[f64; 3]]) -> Vec<Scored> {
    let second = |index: usize| index as f64;
    rows.iter().enumerate().map(|(index, row)| stack.score(Some(second(index)), row)).collect()
}

#[test]
fn a_jump_is_one_alert_that_says_what_was_expected_and_what_would_not_have_alerted() {
    let mut noise = Noise(1);
    let mut rows: Vec<f64> = (0..3_000).map(|_| 20.0 + noise.normal()).collect();
    rows[2_000..2_060].iter_mut().for_each(|value| *value += 40.0);
    let mut stack = stack(1);
    let scored: Vec<Scored> = rows.iter().map(|value| stack.score(None, &[*value])).collect();
    let alerts: Vec<usize> = (1_900..2_200).filter(|row| scored[*row].alert).collect();
    assert_eq!(alerts, [2_000]);
    let alert = scored[2_000];
    assert!(alert.score > 0.5 && alert.channel == Some(Channel::Novelty));
    assert_eq!(alert.top[0], Some((0, 1.0)));
    let why = alert.why.expect("an alert says why");
    assert!(why.expected.0 < 20.0 && 20.0 < why.expected.1 && why.expected.1 < 30.0, "{why:?}");
    let counterfactual = why.counterfactual.expect("20 would not have alerted");
    assert!((20.0..55.0).contains(&counterfactual), "{counterfactual}");
}

#[test]
fn what_would_not_have_alerted_does_not() {
    let mut noise = Noise(2);
    let mut before = stack(1);
    for _ in 0..2_000 {
        before.score(None, &[20.0 + noise.normal()]);
    }
    let score = |value: f64| before.clone().score(None, &[value]);
    let counterfactual = score(70.0).why.and_then(|why| why.counterfactual).expect("70 alerts");
    assert!(!score(counterfactual).alert);
    assert!(score(counterfactual + 1e-3).alert, "{counterfactual} is not the nearest");
}

#[test]
fn signals_that_no_longer_belong_together_are_found_though_each_alone_is_as_usual() {
    let mut rows = together(4_000);
    for row in &mut rows[3_000..] {
        row[2] -= 0.3;
    }
    let mut stack = stack(3);
    let scored = run(&mut stack, &rows);
    let first = (3_000..4_000).find(|row| scored[*row].alert).expect("it is found");
    assert!(first < 3_050, "{first}");
    assert_eq!(scored[first].channel, Some(Channel::Joint));
    let (lead, share) = scored[first].top[0].expect("somebody led");
    assert!(share > 0.0 && lead < 3);
}

#[test]
fn without_the_signal_that_led_the_score_is_lower() {
    let mut rows = together(3_000);
    for row in &mut rows[2_500..] {
        row[1] += 3.0;
        row[2] += 3.0;
    }
    let (mut all, mut without) = (stack(3), stack(3));
    let scored = run(&mut all, &rows);
    let alert = (2_500..3_000).find(|row| scored[*row].alert).expect("it is found");
    let (lead, _) = scored[alert].top[0].expect("somebody led");
    let usual = together(3_000);
    for (row, usual) in rows.iter_mut().zip(&usual) {
        row[lead] = usual[lead];
    }
    let removed = run(&mut without, &rows);
    assert!(removed[alert].score < scored[alert].score, "{:?} {:?}", removed[alert], scored[alert]);
}

#[test]
fn without_the_signal_that_led_a_novelty_the_score_is_lower() {
    let mut noise = Noise(13);
    let usual: Vec<[f64; 3]> =
        (0..2_500).map(|_| [10.0, 20.0, 30.0].map(|level| level + noise.normal())).collect();
    let mut before = stack(3);
    run(&mut before, &usual);
    let score = |row: [f64; 3]| before.clone().score(None, &row);
    // Two signals do what they never did, one of them more so.
    let all = [10.0, 45.0, 90.0];
    let alert = score(all);
    assert!(alert.alert && alert.channel == Some(Channel::Novelty), "{alert:?}");
    let [Some((lead, most)), Some((second, less)), _] = alert.top else { panic!("{alert:?}") };
    assert_eq!((lead, second), (2, 1));
    assert!(most > less && alert.period > 0.0);
    let mut without = all;
    without[lead] = usual[2_499][lead];
    let removed = score(without);
    assert_eq!(removed.top[0].map(|(signal, _)| signal), Some(second));
    assert!(removed.score < alert.score && removed.period < alert.period, "{removed:?} {alert:?}");
    without[second] = usual[2_499][second];
    assert!(score(without).score < removed.score);
}

#[test]
fn saved_and_restored_at_a_hundred_places_it_goes_on_to_the_bit() {
    let mut rows = together(12_000);
    rows[9_000..9_020].iter_mut().for_each(|row| row[0] += 9.0);
    let mut whole = stack(3);
    let expected = run(&mut whole, &rows);
    let mut noise = Noise(11);
    let mut places: Vec<usize> = (0..100).map(|_| noise.below(rows.len())).collect();
    places.sort_unstable();
    let mut split = stack(3);
    for (index, row) in rows.iter().enumerate() {
        if places.contains(&index) {
            let saved = rmp_serde::to_vec(&split).expect("it can be saved");
            let read: Stack = rmp_serde::from_slice(&saved).expect("it can be read");
            split = read.check().expect("it is whole");
        }
        let scored = split.score(Some(index as f64), row);
        assert_eq!(scored, expected[index], "row {index}");
        assert_eq!(scored.score.to_bits(), expected[index].score.to_bits());
    }
    let state = |stack: &Stack| rmp_serde::to_vec(stack).expect("it can be saved");
    assert_eq!(state(&split), state(&whole));
}

#[test]
fn a_saved_state_that_is_not_whole_is_refused() {
    let mut saved = serde_json::to_value(stack(3)).expect("it can be saved");
    let read = |value: &serde_json::Value| {
        let read: Stack = serde_json::from_value(value.clone()).expect("the form is right");
        read.check().map(|_| ())
    };
    assert_eq!(read(&saved), Ok(()));
    saved["novelty"].as_array_mut().expect("a list").pop();
    assert_eq!(read(&saved), Err(StackError::Broken));
    saved["version"] = 9.into();
    assert_eq!(read(&saved), Err(StackError::Version(9)));
}

#[test]
fn what_cannot_be_is_refused_with_the_limit() {
    let refused =
        |signals, settings| Stack::new(signals, settings).map(|_| ()).map_err(|error| error.to_string());
    let usual = StackSettings::default();
    assert!(refused(MAX_SIGNALS, usual).is_ok());
    assert_eq!(
        refused(MAX_SIGNALS + 1, usual).unwrap_err(),
        "1025 signals: one stream has at most 1024; split it into several"
    );
    assert!(refused(0, usual).is_err());
    for rows_per_false_alert in [f64::NAN, 0.0, 99.0, f64::INFINITY] {
        assert!(refused(1, StackSettings { rows_per_false_alert, ..usual }).is_err());
    }
    for calibrate in [0, 59, 1_000_001] {
        assert!(refused(1, StackSettings { calibrate, ..usual }).is_err());
    }
}

#[test]
fn nothing_breaks_it_and_every_score_is_a_number_from_0_to_1() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308, -1e308, 5e-324, 0.0, 1.0];
    let mut stack = stack(20);
    let mut noise = Noise(5);
    let mut row = [0.0; 25];
    for index in 0..20_000_usize {
        for value in &mut row {
            *value = if index % 3 == 0 { noise.normal() } else { odd[noise.below(odd.len())] };
        }
        // Too few values, too many, and times that are no times.
        let values = &row[..index % row.len()];
        let at = [None, Some(f64::NAN), Some(-1e300), Some(index as f64)][index % 4];
        let scored = stack.score(at, values);
        assert!((0.0..=1.0).contains(&scored.score), "{scored:?}");
    }
}

#[test]
fn a_constant_stream_never_alerts_and_a_change_of_it_does() {
    let mut stack = stack(2);
    for _ in 0..5_000 {
        let scored = stack.score(None, &[5.0, 0.0]);
        assert!(!scored.alert, "{scored:?}");
    }
    let changed: Vec<Scored> = (0..50).map(|_| stack.score(None, &[6.0, 0.0])).collect();
    assert!(
        changed.iter().any(|scored| scored.alert && scored.top[0].is_some_and(|(signal, _)| signal == 0))
    );
}
