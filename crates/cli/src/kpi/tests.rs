//! Each figure from streams that are made by hand.

mod persons;
mod stretches;
mod tables;

use super::report::{Figures, Scope};
use super::*;
use watchkeeper_model::{
    AgentId, AlarmState, CauseClass, CommonCause, Label, Note, PersonId, Priority, Routed, Severity, Shelved,
};

/// 2026-03-01T06:00:00Z.
const SIX: i64 = 1_772_344_800;

/// A stream of changes; its monitor's clock began 1,000 s before the first.
struct Stream {
    kpi: Kpi,
    run_began: u64,
}

fn secs(secs: u64) -> MonoTime {
    MonoTime::from_nanos((1_000 + secs) * 1_000_000_000)
}

fn wall(secs: u64) -> WallTime {
    WallTime::from_unix_nanos((SIX + i64::try_from(secs).unwrap()) * 1_000_000_000)
}

impl Stream {
    fn of(period: Period) -> Self {
        let mut stream = Self { kpi: Kpi::new(period), run_began: 0 };
        stream.run(0);
        stream
    }

    fn new() -> Self {
        Self::of(Period::default())
    }

    /// A run of the monitor begins so many seconds after six.
    fn run(&mut self, at: u64) {
        self.kpi.handle_run(FloodSettings::default());
        self.run_began = at;
        self.time(at);
    }

    fn time(&mut self, at: u64) {
        self.kpi.handle_time(secs(at - self.run_began), wall(at));
    }

    fn tell(&mut self, at: u64, alarm: &Alarm) {
        self.kpi.handle_alarm(alarm, secs(at - self.run_began), wall(at));
    }

    /// The alarm comes, and goes a second later.
    fn blink(&mut self, at: u64, alarm: &Alarm) {
        self.tell(at, alarm);
        self.tell(at + 1, &in_state(alarm, AlarmState::RtnUnack));
    }

    fn report(mut self, end: u64) -> Report {
        self.time(end);
        self.kpi.finish()
    }

    fn everybody(self, end: u64) -> Figures {
        self.report(end).period.everybody
    }
}

/// An alarm that begins; agent and subject go by its number.
fn alarm(number: u64) -> Alarm {
    let agent = AgentId::new(&format!("agent-{number}")).unwrap();
    Alarm {
        state: AlarmState::UnackActive,
        count: 1,
        ..Alarm::never_raised(
            AlertId(number),
            (agent, CauseClass::Limit, Label::cut("heat")),
            MonoTime::default(),
        )
    }
}

fn person(name: &str) -> PersonId {
    PersonId::new(name).unwrap()
}

fn in_state(alarm: &Alarm, state: AlarmState) -> Alarm {
    Alarm { state, ..alarm.clone() }
}

fn acknowledged(alarm: &Alarm, by: &str) -> Alarm {
    Alarm { state: AlarmState::AckedActive, acknowledged_by: Some(person(by)), ..alarm.clone() }
}

fn shelved(alarm: &Alarm) -> Alarm {
    let shelved = Shelved { by: person("ben"), until: secs(9_999), reason: Note::cut("known") };
    Alarm { shelved: Some(shelved), ..alarm.clone() }
}

fn routed(alarm: &Alarm, to: &str) -> Alarm {
    Alarm { routed: Some(Routed { to: person(to), since: secs(0), passed_over: 0 }), ..alarm.clone() }
}

fn in_common(alarm: &Alarm, first: u64) -> Alarm {
    let first_out = AgentId::new(&format!("agent-{first}")).unwrap();
    let common = CommonCause { id: AlertId(first), first_out, area: None, since: secs(0), members: 5 };
    Alarm { common: Some(common), ..alarm.clone() }
}

fn of<'a>(scope: &'a Scope, name: &str) -> &'a Figures {
    &scope.people.iter().find(|person| person.person == name).unwrap().figures
}

#[test]
fn an_alarm_is_annunciated_once_as_long_as_it_is_active_and_again_when_it_returns() {
    let mut stream = Stream::new();
    let heat = alarm(1);
    stream.tell(10, &heat);
    stream.tell(20, &Alarm { count: 2, severity: Severity::Critical, ..heat.clone() });
    stream.tell(30, &in_state(&heat, AlarmState::RtnUnack));
    stream.tell(40, &heat);
    stream.tell(50, &acknowledged(&heat, "anna"));
    let figures = stream.everybody(3_600);
    // Two within an hour: 2 per hour, a third per ten minutes.
    assert_eq!((figures.alarms.annunciated, figures.alarms.per_hour), (2, Some(2.0)));
    assert!((figures.alarms.per_10_min_mean.unwrap() - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(figures.alarms.per_10_min_peak, 2);
}

#[test]
fn the_peak_counts_ten_minutes_and_not_a_moment_more() {
    let mut stream = Stream::new();
    for (number, at) in [(1, 0), (2, 300), (3, 600), (4, 899)] {
        stream.tell(at, &alarm(number));
    }
    // 0, 300 | 300, 600, 899: the first is exactly ten minutes before the third.
    assert_eq!(stream.everybody(3_600).alarms.per_10_min_peak, 3);
}

#[test]
fn what_is_hidden_when_it_comes_is_counted_apart_and_heard_when_it_comes_back() {
    let mut stream = Stream::new();
    stream.tell(10, &shelved(&alarm(1)));
    stream.tell(20, &shelved(&alarm(1)));
    stream.tell(30, &shelved(&alarm(2)));
    stream.tell(40, &alarm(2));
    let figures = stream.everybody(60);
    assert_eq!((figures.alarms.hidden, figures.alarms.annunciated), (2, 1));
}

#[test]
fn what_is_put_aside_after_it_was_heard_is_not_heard_again() {
    let mut stream = Stream::new();
    stream.tell(10, &alarm(1));
    stream.tell(20, &shelved(&alarm(1)));
    stream.tell(30, &alarm(1));
    let figures = stream.everybody(60);
    assert_eq!((figures.alarms.hidden, figures.alarms.annunciated), (0, 1));
}

#[test]
fn members_of_a_common_cause_are_one_card() {
    let mut stream = Stream::new();
    stream.tell(10, &alarm(1));
    stream.tell(11, &in_common(&alarm(1), 1));
    (2..=6).for_each(|number| stream.tell(12, &in_common(&alarm(number), 1)));
    // One of them is a trouble of its own in the end.
    stream.tell(20, &alarm(6));
    let figures = stream.everybody(60);
    assert_eq!((figures.alarms.annunciated, figures.alarms.common_members), (2, 5));
}

#[test]
fn the_mix_of_priorities_is_that_of_the_annunciations() {
    let mut stream = Stream::new();
    for (number, priority) in [Priority::High, Priority::Low, Priority::Low, Priority::Medium, Priority::Low]
        .into_iter()
        .enumerate()
    {
        stream.tell(10, &Alarm { priority, ..alarm(number as u64) });
    }
    let mix = stream.everybody(60).priorities;
    assert_eq!([mix.high.percent, mix.medium.percent, mix.low.percent], [Some(20.0), Some(20.0), Some(60.0)]);
    let recommended = [&mix.high, &mix.medium, &mix.low].map(|share| share.recommended_percent);
    assert_eq!(recommended, [5, 15, 80]);
}

#[test]
fn an_alarm_is_stale_after_more_than_a_day_and_not_after_exactly_one() {
    const DAY: u64 = 86_400;
    let mut stream = Stream::new();
    stream.tell(99, &acknowledged(&alarm(1), "anna"));
    stream.tell(100, &alarm(2));
    stream.tell(101, &alarm(3));
    stream.tell(98, &alarm(4));
    stream.tell(DAY, &in_state(&alarm(4), AlarmState::RtnUnack));
    stream.tell(DAY + 1, &alarm(4));
    // 1 and 2 and 3 have been active for a day and a second, a day, and a second less.
    let stale = stream.everybody(DAY + 100).nuisances;
    assert_eq!(stale.stale, 1);
    assert_eq!((stale.stale_longest[0].alert_id, stale.stale_longest[0].active_secs), (1, 86_401.0));
}

#[test]
fn three_within_a_minute_chatter_and_exactly_a_minute_is_not_within_it() {
    let mut stream = Stream::new();
    for at in [0, 30, 60] {
        stream.blink(at, &alarm(1));
    }
    for at in [100, 130, 159, 180] {
        stream.blink(at, &alarm(2));
    }
    assert_eq!(stream.everybody(300).nuisances.chattering, 1, "the second one, however often");
}

#[test]
fn fleeting_is_what_is_over_in_less_than_ten_seconds_before_anybody_took_note() {
    let mut stream = Stream::new();
    let over = |number| in_state(&alarm(number), AlarmState::RtnUnack);
    stream.tell(0, &alarm(1));
    stream.tell(9, &over(1));
    stream.tell(100, &alarm(2));
    stream.tell(110, &over(2));
    stream.tell(200, &alarm(3));
    stream.tell(202, &acknowledged(&alarm(3), "anna"));
    stream.tell(204, &Alarm { state: AlarmState::Normal, ..acknowledged(&alarm(3), "anna") });
    stream.tell(300, &shelved(&alarm(4)));
    stream.tell(301, &in_state(&shelved(&alarm(4)), AlarmState::RtnUnack));
    assert_eq!(stream.everybody(400).nuisances.fleeting, 1, "not after 10 s, acknowledged, or unheard");
}

#[test]
fn the_most_frequent_are_named_with_their_share() {
    let mut stream = Stream::new();
    for number in 1..=12 {
        stream.blink(100 * number, &alarm(number));
    }
    stream.blink(2_000, &alarm(7));
    stream.blink(2_100, &alarm(7));
    // Alert 99 is the same alarm once more.
    stream.blink(2_200, &Alarm { alert_id: AlertId(99), ..alarm(7) });
    let most = stream.everybody(3_600).most_frequent;
    // 15 in all, 4 of agent-7; nine others by name: 1, 10, 11, 12, 2 to 6.
    assert_eq!((most.top_ten[0].agent.as_str(), most.top_ten[0].annunciated), ("agent-7", 4));
    assert_eq!(most.top_ten[9].agent, "agent-6");
    assert_eq!(most.top_ten_percent, Some(100.0 * 13.0 / 15.0));
    assert_eq!((most.top_ten.len(), most.not_told_apart), (10, 0));
}

#[test]
fn the_time_to_acknowledge_counts_from_the_first_annunciation_that_nobody_took_note_of() {
    let mut stream = Stream::new();
    stream.tell(0, &alarm(1));
    stream.tell(5, &in_state(&alarm(1), AlarmState::RtnUnack));
    stream.tell(30, &alarm(1));
    stream.tell(40, &acknowledged(&alarm(1), "anna"));
    // After it was over.
    stream.tell(100, &alarm(2));
    stream.tell(101, &in_state(&alarm(2), AlarmState::RtnUnack));
    stream.tell(110, &Alarm { state: AlarmState::Normal, ..acknowledged(&alarm(2), "anna") });
    stream.tell(200, &alarm(3));
    // Gave way to newer ones.
    stream.tell(210, &alarm(4));
    stream.tell(220, &in_state(&alarm(4), AlarmState::Normal));
    let waits = stream.everybody(300).acknowledgements;
    assert_eq!((waits.acknowledged, waits.never_acknowledged), (2, 2));
    // 10 s is in a bucket of 8 ms: 10,000 to 10,007.
    assert_eq!((waits.median_millis, waits.max_millis), (Some(10_007), Some(40_000)));
}

#[test]
fn demands_and_calls_are_counted_by_how_they_ended_and_why() {
    let mut stream = Stream::new();
    stream.kpi.handle_demands(3);
    stream.kpi.handle_demands_over(Some(DemandOutcome::Human), 1);
    stream.kpi.handle_demands_over(Some(DemandOutcome::Fallback), 1);
    stream.kpi.handle_demands_over(None, 1);
    stream.kpi.handle_call(PageReason::NotShown);
    stream.kpi.handle_call(PageReason::FellBack);
    let demands = stream.report(60).period.demands;
    assert_eq!((demands.raised, demands.answered, demands.fell_back, demands.ended_otherwise), (3, 1, 1, 1));
    assert_eq!((demands.calls.not_shown, demands.calls.fell_back, demands.calls.unanswered), (1, 1, 0));
}
