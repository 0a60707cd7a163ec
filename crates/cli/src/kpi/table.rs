//! The figures as people read them: a few tables of the same rows, with what is recommended on top.

mod grid;

use super::report::{Calls, Demands, Figures, Report, Scope};
use crate::{out::count, stages::span};
use grid::{Grid, plain};
use std::{fmt::Write, time::Duration};

/// Longest list of stale alarms that is printed; programs get more.
const STALE_SHOWN: usize = 10;
/// Widest names in lists.
const NAME: usize = 28;
/// Widest name of a person.
const PERSON: usize = 20;
const WRITES: &str = "a String takes every write";

/// Returns the tables; no line is wider than 100 columns.
pub(crate) fn text(report: &Report) -> String {
    let mut parts = vec![heading(report)];
    if report.from.is_some() {
        let rows = rows(report);
        let tables = [alarms, floods, priorities, nuisances, waits];
        parts.extend(tables.map(|table| table(&rows)));
        parts.extend([takeovers(report), calls(report)]);
        parts.extend(top_ten(&report.period.everybody));
        parts.extend(stale(&report.period.everybody));
    }
    parts.join("\n\n")
}

fn heading(report: &Report) -> String {
    let (Some(from), Some(to)) = (&report.from, &report.to) else {
        return "The record tells nothing of this period: no run of a monitor was in it.".to_owned();
    };
    let watched = Duration::from_secs_f64(report.watched_secs);
    let mut text = format!(
        "Alarm performance from {} to {}\n{} watched in {}",
        short(from),
        short(to),
        long(watched),
        count(report.runs, "run")
    );
    if watched <= Duration::from_hours(24) {
        text.push_str("; too short for an alarm to be stale (24 h)");
    }
    if let Some(shift) = report.shifts.first() {
        write!(text, "\nshifts begin by the clock of {}", clock(&shift.began_at)).expect(WRITES);
    }
    if report.shifts_left_out > 0 {
        write!(text, "\n{} left out: name a shorter period", count(report.shifts_left_out, "shift"))
            .expect(WRITES);
    }
    text
}

/// One row of each table: whose figures.
struct Row<'a> {
    name: String,
    figures: &'a Figures,
    /// Of everybody in the period or a shift: it is in every table. One person's is only where there is something.
    is_of_all: bool,
}

fn rows(report: &Report) -> Vec<Row<'_>> {
    let mut rows = rows_of("everybody".to_owned(), &report.period);
    for shift in &report.shifts {
        rows.extend(rows_of(shift_name(&shift.began_at), &shift.scope));
    }
    rows
}

fn rows_of(name: String, scope: &Scope) -> Vec<Row<'_>> {
    let of_one = |name: &str, figures| Row { name: format!("  {name}"), figures, is_of_all: false };
    let mut rows = vec![Row { name, figures: &scope.everybody, is_of_all: true }];
    rows.extend(scope.people.iter().map(|one| of_one(&plain(&one.person, PERSON), &one.figures)));
    rows.push(of_one("nobody", &scope.nobody));
    rows.extend(scope.other_people.as_ref().map(|figures| of_one("other people", figures)));
    rows
}

/// Returns the rows of a table: `count` says how much of what the table shows there is.
fn shown<'r, 'a>(
    rows: &'r [Row<'a>],
    count: fn(&Figures) -> u64,
) -> impl Iterator<Item = (&'r str, &'a Figures)> {
    let shown = rows.iter().filter(move |row| row.is_of_all || count(row.figures) > 0);
    shown.map(|row| (row.name.as_str(), row.figures))
}

fn alarms(rows: &[Row<'_>]) -> String {
    let columns = ["raised", "per hour", "per 10 min", "most in 10 min", "hidden", "common"];
    let mut grid = Grid::new("Alarms", &columns);
    grid.row("recommended", ["", "<= 6", "<= 1", "<= 10", "", ""].map(str::to_owned));
    for (name, Figures { alarms, .. }) in
        shown(rows, |of| of.alarms.annunciated + of.alarms.hidden + of.alarms.common_members)
    {
        let figures = [
            alarms.annunciated.to_string(),
            rate(alarms.per_hour),
            rate(alarms.per_10_min_mean),
            alarms.per_10_min_peak.to_string(),
            alarms.hidden.to_string(),
            alarms.common_members.to_string(),
        ];
        grid.row(name, figures);
    }
    grid.text()
}

fn floods(rows: &[Row<'_>]) -> String {
    let mut grid = Grid::new("Floods", &["of the time", "floods", "longest", "most alarms"]);
    grid.row("recommended", ["< 1 %", "", "", ""].map(str::to_owned));
    for (name, Figures { floods, .. }) in shown(rows, |of| of.floods.floods) {
        let figures = [
            percent(floods.share_percent),
            floods.floods.to_string(),
            if floods.floods == 0 {
                String::new()
            } else {
                long(Duration::from_secs_f64(floods.longest_secs))
            },
            if floods.floods == 0 { String::new() } else { floods.largest_alarms.to_string() },
        ];
        grid.row(name, figures);
    }
    grid.text()
}

fn priorities(rows: &[Row<'_>]) -> String {
    let mut grid = Grid::new("Priorities", &["high", "", "medium", "", "low", ""]);
    grid.row("recommended", ["", "5 %", "", "15 %", "", "80 %"].map(str::to_owned));
    for (name, Figures { priorities, .. }) in shown(rows, |of| of.alarms.annunciated) {
        let [high, medium, low] = [&priorities.high, &priorities.medium, &priorities.low]
            .map(|share| (share.annunciated.to_string(), percent(share.percent)));
        grid.row(name, [high.0, high.1, medium.0, medium.1, low.0, low.1]);
    }
    grid.text()
}

fn nuisances(rows: &[Row<'_>]) -> String {
    let mut grid = Grid::new("Nuisances", &["stale", "chattering", "fleeting", "top ten of all"]);
    grid.row("recommended", ["< 5", "0", "0", "< 5 %"].map(str::to_owned));
    for (name, Figures { nuisances, most_frequent, .. }) in
        shown(rows, |of| of.alarms.annunciated + of.nuisances.stale + of.nuisances.fleeting)
    {
        let figures = [
            nuisances.stale.to_string(),
            nuisances.chattering.to_string(),
            nuisances.fleeting.to_string(),
            percent(most_frequent.top_ten_percent),
        ];
        grid.row(name, figures);
    }
    grid.text()
}

fn waits(rows: &[Row<'_>]) -> String {
    let columns = ["acknowledged", "median", "p90", "p95", "max", "never"];
    let mut grid = Grid::new("Until acknowledged", &columns);
    for (name, Figures { acknowledgements, .. }) in
        shown(rows, |of| of.acknowledgements.acknowledged + of.acknowledgements.never_acknowledged)
    {
        let waited = |millis: Option<u64>| {
            millis.map_or_else(String::new, |millis| long(Duration::from_millis(millis)))
        };
        let figures = [
            acknowledgements.acknowledged.to_string(),
            waited(acknowledgements.median_millis),
            waited(acknowledgements.p90_millis),
            waited(acknowledgements.p95_millis),
            waited(acknowledgements.max_millis),
            acknowledgements.never_acknowledged.to_string(),
        ];
        grid.row(name, figures);
    }
    grid.text()
}

fn takeovers(report: &Report) -> String {
    let mut grid = Grid::new("Takeovers", &["asked for", "answered", "fell back", "other end"]);
    for (name, demands) in demands(report) {
        let Demands { raised, answered, fell_back, ended_otherwise, calls: _ } = demands;
        grid.row(&name, [raised, answered, fell_back, ended_otherwise].map(u64::to_string));
    }
    grid.text()
}

fn calls(report: &Report) -> String {
    let mut grid = Grid::new("Calls", &["nobody online", "not shown", "unanswered", "fell back"]);
    for (name, demands) in demands(report) {
        let Calls { nobody_online, not_shown, unanswered, fell_back } = &demands.calls;
        grid.row(&name, [nobody_online, not_shown, unanswered, fell_back].map(u64::to_string));
    }
    grid.text()
}

fn demands(report: &Report) -> Vec<(String, &Demands)> {
    let shifts = report.shifts.iter().map(|shift| (shift_name(&shift.began_at), &shift.scope.demands));
    [("everybody".to_owned(), &report.period.demands)].into_iter().chain(shifts).collect()
}

fn top_ten(everybody: &Figures) -> Option<String> {
    let most = &everybody.most_frequent;
    if most.top_ten.is_empty() {
        return None;
    }
    let mut grid = Grid::list("Most frequent", &["cause", "subject", "raised", "of all"], 2);
    for alarm in &most.top_ten {
        let figures = [
            alarm.cause.to_owned(),
            plain(&alarm.subject, NAME),
            alarm.annunciated.to_string(),
            percent(Some(alarm.percent)),
        ];
        grid.row(&plain(&alarm.agent, NAME), figures);
    }
    let mut text = grid.text();
    if most.not_told_apart > 0 {
        write!(text, "\n{} of too many alarms to tell apart", most.not_told_apart).expect(WRITES);
    }
    Some(text)
}

fn stale(everybody: &Figures) -> Option<String> {
    let stale = &everybody.nuisances;
    if stale.stale == 0 {
        return None;
    }
    let mut grid = Grid::list("Stale", &["cause", "subject", "alert", "active for"], 2);
    for alarm in stale.stale_longest.iter().take(STALE_SHOWN) {
        let figures = [
            alarm.cause.to_owned(),
            plain(&alarm.subject, NAME),
            alarm.alert_id.to_string(),
            long(Duration::from_secs_f64(alarm.active_secs)),
        ];
        grid.row(&plain(&alarm.agent, NAME), figures);
    }
    let mut text = grid.text();
    let shown = stale.stale_longest.len().min(STALE_SHOWN);
    if stale.stale > shown as u64 {
        write!(text, "\n{} more; --json names up to 100", stale.stale - shown as u64).expect(WRITES);
    }
    Some(text)
}

/// Returns the moment of an RFC 3339 text to the second.
fn short(moment: &str) -> String {
    moment.parse::<jiff::Timestamp>().map_or_else(|_| moment.to_owned(), |at| format!("{at:.0}"))
}

/// Returns the beginning of a shift to the minute, as people of the place write it.
fn shift_name(began_at: &str) -> String {
    let (day, time) = began_at.split_once('T').unwrap_or((began_at, ""));
    let minute: String = time.chars().take(5).collect();
    format!("{day} {minute}")
}

/// Returns by which clock a moment is written.
fn clock(began_at: &str) -> String {
    let offset = began_at.rfind(['+', '-']).filter(|_| !began_at.ends_with('Z'));
    format!("UTC{}", offset.and_then(|place| began_at.get(place..)).unwrap_or_default())
}

/// Returns a span to two figures that mean something to people.
fn long(time: Duration) -> String {
    let secs = time.as_secs();
    match (secs / 3_600, secs / 60 % 60, secs % 60) {
        (0, 0, _) => span(time),
        (0, minutes, secs) => format!("{minutes} min {secs:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

fn rate(rate: Option<f64>) -> String {
    rate.map_or_else(|| "unknown".to_owned(), |rate| format!("{rate:.1}"))
}

fn percent(percent: Option<f64>) -> String {
    percent.map_or_else(String::new, |percent| format!("{percent:.1} %"))
}
