//! Runs, shifts and the period.

use super::*;

const HOUR: u64 = 3_600;

fn shifts(starts: &[i8]) -> Shifts {
    Shifts::new(starts.iter().map(|hour| jiff::civil::time(*hour, 0, 0, 0)), 0)
}

fn period(from: Option<u64>, to: Option<u64>) -> Period {
    Period { from: from.map(wall), to: to.map(wall), shifts: Shifts::default() }
}

#[test]
fn a_flood_takes_its_share_of_the_time() {
    let mut stream = Stream::new();
    // The eleventh comes in second 100; the fifth newest of all, number 7 of 11, leaves in second 660.
    (0..11).for_each(|number| stream.tell(10 * number, &alarm(number)));
    let floods = stream.everybody(5_600).floods;
    assert_eq!((floods.floods, floods.largest_alarms), (1, 11));
    assert_eq!((floods.longest_secs, floods.total_secs), (560.0, 560.0));
    assert_eq!(floods.share_percent, Some(10.0));
}

#[test]
fn ten_in_ten_minutes_are_no_flood_and_the_eleventh_after_exactly_ten_minutes_begins_none() {
    let mut stream = Stream::new();
    (0..10).for_each(|number| stream.tell(0, &alarm(number)));
    stream.tell(600, &alarm(10));
    assert_eq!(stream.everybody(900).floods.floods, 0);
}

#[test]
fn a_flood_that_goes_on_counts_as_far_as_it_went() {
    let mut stream = Stream::new();
    (0..12).for_each(|number| stream.tell(0, &alarm(number)));
    let floods = stream.everybody(100).floods;
    assert_eq!((floods.floods, floods.total_secs, floods.largest_alarms), (1, 100.0, 12));
}

#[test]
fn a_second_run_knows_nothing_of_the_first_and_the_time_between_is_not_watched() {
    let mut stream = Stream::new();
    (0..12).for_each(|number| stream.tell(0, &alarm(number)));
    stream.time(60);
    stream.run(1_060);
    // The engine of the second run numbers its alerts anew: it is the same alarm, and rings again.
    stream.tell(1_070, &Alarm { alert_id: AlertId(100), ..alarm(1) });
    stream.tell(1_075, &acknowledged(&Alarm { alert_id: AlertId(100), ..alarm(1) }, "anna"));
    let report = stream.report(1_100);
    assert_eq!((report.runs, report.watched_secs), (2, 100.0));
    assert_eq!(report.from.as_deref(), Some("2026-03-01T06:00:00Z"));
    assert_eq!(report.to.as_deref(), Some("2026-03-01T06:18:20Z"));
    let everybody = &report.period.everybody;
    assert_eq!(everybody.alarms.annunciated, 13);
    // Nobody can acknowledge what the first run left.
    let waits = &everybody.acknowledgements;
    assert_eq!((waits.never_acknowledged, waits.acknowledged, waits.max_millis), (12, 1, Some(5_000)));
    assert_eq!((everybody.floods.floods, everybody.floods.total_secs), (1, 60.0), "it ended with its run");
    assert_eq!(everybody.most_frequent.top_ten[0].annunciated, 2);
}

#[test]
fn an_alarm_is_stale_within_one_run_only() {
    let mut stream = Stream::new();
    stream.tell(0, &alarm(1));
    stream.time(20 * HOUR);
    stream.run(21 * HOUR);
    stream.tell(21 * HOUR, &Alarm { alert_id: AlertId(100), ..alarm(1) });
    assert_eq!(stream.everybody(30 * HOUR).nuisances.stale, 0);
}

#[test]
fn an_alarm_at_the_border_of_two_shifts_belongs_to_the_second() {
    let mut stream = Stream::of(Period { shifts: shifts(&[6, 14, 22]), ..Period::default() });
    stream.tell(8 * HOUR - 1, &alarm(1));
    stream.tell(8 * HOUR, &alarm(2));
    stream.tell(8 * HOUR + 2, &acknowledged(&alarm(1), "anna"));
    let report = stream.report(10 * HOUR);
    let [early, late] = &report.shifts[..] else { panic!("{:?}", report.shifts) };
    assert_eq!(early.began_at, "2026-03-01T06:00:00Z");
    assert_eq!(late.began_at, "2026-03-01T14:00:00Z");
    assert_eq!((early.watched_secs, late.watched_secs), (28_800.0, 7_200.0));
    let raised = [early, late].map(|shift| shift.scope.everybody.alarms.annunciated);
    assert_eq!((raised, report.period.everybody.alarms.annunciated), ([1, 1], 2));
    let never = [early, late].map(|shift| shift.scope.everybody.acknowledgements.never_acknowledged);
    assert_eq!(never, [1, 1], "the first one waits at the end of the early shift, the second at the end");
    let acknowledged = [early, late].map(|shift| shift.scope.everybody.acknowledgements.acknowledged);
    assert_eq!(acknowledged, [0, 1]);
}

#[test]
fn a_flood_over_a_border_is_in_both_shifts_with_its_part_and_once_in_the_period() {
    let mut stream = Stream::of(Period { shifts: shifts(&[6, 7]), ..Period::default() });
    (0..11).for_each(|number| stream.tell(HOUR - 60, &alarm(number)));
    let report = stream.report(2 * HOUR);
    let parts: Vec<_> = report.shifts.iter().map(|shift| shift.scope.everybody.floods.total_secs).collect();
    assert_eq!(parts, [60.0, 540.0]);
    assert_eq!(report.shifts[1].scope.everybody.floods.largest_alarms, 0, "none came in it any more");
    let floods = &report.period.everybody.floods;
    assert_eq!((floods.floods, floods.total_secs), (1, 600.0));
}

#[test]
fn a_shift_in_which_no_monitor_ran_is_not_told() {
    let mut stream = Stream::of(Period { shifts: shifts(&[6, 14, 22]), ..Period::default() });
    stream.time(HOUR);
    stream.run(17 * HOUR);
    let report = stream.report(18 * HOUR);
    let began: Vec<_> = report.shifts.iter().map(|shift| shift.began_at.as_str()).collect();
    assert_eq!(began, ["2026-03-01T06:00:00Z", "2026-03-01T22:00:00Z"]);
    assert_eq!((report.runs, report.watched_secs), (2, 7_200.0));
}

#[test]
fn what_is_stale_when_the_monitor_stops_is_stale_at_the_end_of_that_shift() {
    let mut stream = Stream::of(Period { shifts: shifts(&[6]), ..Period::default() });
    stream.tell(0, &alarm(1));
    stream.tell(10 * HOUR, &alarm(2));
    stream.time(25 * HOUR);
    stream.run(60 * HOUR);
    let report = stream.report(61 * HOUR);
    let stale: Vec<_> = report.shifts.iter().map(|shift| shift.scope.everybody.nuisances.stale).collect();
    // Second 0 to hour 24: exactly a day. At the stop it is 25 h; 2 is 15 h old, though the shift ended later.
    assert_eq!(stale, [0, 1, 0]);
}

#[test]
fn only_what_is_within_the_period_counts() {
    let mut stream = Stream::of(period(Some(100), Some(200)));
    for (number, at) in [(1, 99), (2, 100), (3, 199), (4, 200)] {
        stream.tell(at, &alarm(number));
    }
    stream.tell(150, &acknowledged(&alarm(1), "anna"));
    let report = stream.report(300);
    assert_eq!(report.period.everybody.alarms.annunciated, 2, "the end does not belong to it");
    assert_eq!((report.runs, report.watched_secs), (1, 100.0));
    assert_eq!(report.to.as_deref(), Some("2026-03-01T06:03:20Z"));
}

#[test]
fn what_came_before_the_period_is_still_acknowledged_and_still_waits_in_it() {
    let mut stream = Stream::of(period(Some(100), None));
    stream.tell(10, &alarm(1));
    stream.tell(20, &alarm(2));
    stream.tell(110, &acknowledged(&alarm(1), "anna"));
    let waits = stream.everybody(200).acknowledgements;
    assert_eq!((waits.acknowledged, waits.max_millis, waits.never_acknowledged), (1, Some(100_000), 1));
}

#[test]
fn a_period_that_the_record_does_not_reach_is_empty() {
    for outside in [period(Some(1_000), None), period(None, Some(0))] {
        let mut stream = Stream::of(outside);
        stream.tell(10, &alarm(1));
        let report = stream.report(60);
        assert_eq!((report.from, report.watched_secs, report.runs), (None, 0.0, 0));
        assert_eq!(report.period.everybody.alarms.annunciated, 0);
        assert_eq!(report.period.everybody.acknowledgements.never_acknowledged, 0);
        assert_eq!(report.period.everybody.alarms.per_hour, None);
    }
}

#[test]
fn a_record_of_nothing_is_empty() {
    let report = Kpi::new(Period { shifts: shifts(&[6]), ..Period::default() }).finish();
    assert_eq!((report.from, report.shifts.len(), report.runs), (None, 0, 0));
}
