//! What every panel says in every situation, as people read it.

use std::fmt::Write;
use watchkeeper_picture::{
    Picture,
    examples::{self, Situation},
    view::{self, Tone},
};

/// Most rows of a list that a snapshot holds; how many there are stands above them.
const ROWS: usize = 8;

/// A list with its heading and length, one line a row.
fn list<T>(page: &mut String, heading: &str, rows: &[T], line: impl Fn(&T) -> String) {
    writeln!(page, "\n{heading} ({})", rows.len()).unwrap();
    for row in rows.iter().take(ROWS) {
        writeln!(page, "  {}", line(row).trim_end()).unwrap();
    }
}

fn left(left: Option<std::time::Duration>) -> String {
    left.map(|left| format!("{} left", view::countdown(left))).unwrap_or_default()
}

fn tone(tone: Tone) -> String {
    format!("{tone:?}").to_lowercase()
}

fn top(page: &mut String, Situation { picture, now, .. }: &Situation) {
    let line = view::control_line::control_line(picture, *now);
    let driving = if line.driving { ", with a frame" } else { "" };
    writeln!(page, "control: {} [{}{driving}]", line.text, tone(line.tone)).unwrap();
    let line = view::status_line::status_line(picture, *now);
    writeln!(page, "status: {} | {} | {}", line.person, line.connection, line.monitor).unwrap();
    for word in [line.degraded, line.missing, line.error] {
        if !word.is_empty() {
            writeln!(page, "        {word}").unwrap();
        }
    }
    let summary = view::fleet::summary(picture, *now);
    writeln!(page, "fleet: {} [{}]", summary.text, tone(summary.tone)).unwrap();
    let summary = view::alerts::summary(picture, *now);
    writeln!(page, "alerts: {} [{}]", summary.text, tone(summary.tone)).unwrap();
}

fn alert_line(row: &view::alerts::AlertRow) -> String {
    let flags: Vec<_> = [
        (row.first_out, "first"),
        (row.stale, "stale"),
        (row.takeover, "takeover"),
        (row.can_acknowledge, "a"),
        (row.can_shelve.is_ok(), "z"),
    ]
    .into_iter()
    .filter_map(|(is, word)| is.then_some(word))
    .collect();
    format!(
        "{}{} {} {}: {} x{} {} {} {} {} {} [{}; {}]",
        row.mark.glyph(),
        row.priority,
        row.whose,
        row.cause,
        row.text,
        row.count,
        row.raised.clone().unwrap_or_default(),
        left(row.left),
        row.state,
        row.brought.clone().unwrap_or_default(),
        row.hidden.as_ref().map(|how| how.text.clone()).unwrap_or_default(),
        tone(row.tone),
        flags.join(" "),
    )
}

fn lists(page: &mut String, Situation { picture, now, .. }: &Situation) {
    let demands = view::demands::rows(picture, None, *now);
    list(page, "takeover lane", &demands, |row| {
        let share = row.fraction.map(|share| format!("{:.0} %", share * 100.0)).unwrap_or_default();
        format!(
            "{}{} {} {} {} {share} | {} | {} | then {} | {} [{}]",
            row.mark.glyph(),
            row.priority,
            row.agent,
            row.state,
            left(row.left),
            row.cause,
            row.text,
            row.then,
            row.holder.as_deref().unwrap_or("nobody"),
            tone(row.tone),
        )
    });
    list(page, "alerts", &view::alerts::summarised(picture, None, *now), alert_line);
    list(page, "hidden", &view::alerts::hidden(picture, *now), alert_line);
    list(page, "fleet", &view::fleet::rows(picture, *now), |row| {
        let FleetRow { agent, state, controller, data, note, .. } = row;
        let mark = row.mark.glyph();
        let left = left(row.demand_left);
        format!(
            "{mark} {agent} {} {state}, {controller} acts; {data} {left} {note} [{}]",
            row.kind,
            tone(row.tone)
        )
    });
    let marks = view::map::marks(picture, *now, view::map::Trails::All);
    list(page, "map", &marks, |row| {
        format!(
            "{} {} at {:.0}, {:.0} m, {:.1} rad, {:.1} m/s, {}, {} trail, {} plan [{}]",
            row.mark.glyph(),
            row.agent,
            row.x_meters,
            row.y_meters,
            row.heading_radians,
            row.speed_mps.unwrap_or(f64::NAN),
            row.data,
            row.trail.len(),
            row.plan.len(),
            tone(row.tone),
        )
    });
    list(page, "tiles", &view::tiles::tiles(picture, *now), |row| {
        let sure = row.confidence.map_or_else(|| "-".to_owned(), |sure| format!("{sure:.2}"));
        format!(
            "{} {} {} {}, {:.1}/s, sure {sure}, odd {:.2}, {} {} {} [{}]",
            row.mark.glyph(),
            row.agent,
            row.kind,
            row.state,
            row.rate_per_sec.unwrap_or(f64::NAN),
            row.score,
            row.data,
            left(row.left),
            row.note,
            tone(row.tone),
        )
    });
    list(page, "people", &view::roster::rows(picture, *now), |row| {
        let me = if row.me { " (you)" } else { "" };
        let OperatorRow { person, role, console, holds, connected, waits, .. } = row;
        format!(
            "{person}{me} {role}, {console}, has {holds}, waiting: {waits}, here for {connected} [{}]",
            tone(row.tone)
        )
    });
    latencies(page, picture, *now);
}

use view::{fleet::FleetRow, roster::OperatorRow};

fn latencies(page: &mut String, picture: &Picture, now: watchkeeper_model::MonoTime) {
    let stages = view::latency::rows(picture, view::latency::strictest_kind(picture));
    list(page, "latency", &stages, |row| {
        format!(
            "{} {} p50 {} p95 {} p99 {} max {}, budget {}, breaches {}: {}",
            row.stage, row.owner, row.p50, row.p95, row.p99, row.max, row.budget, row.breaches, row.verdict
        )
    });
    for waterfall in view::waterfall::waterfalls(picture, now) {
        let label = waterfall.label.map(|label| format!(", {label}")).unwrap_or_default();
        let (title, verdict) = (&waterfall.title, waterfall.verdict);
        let heading =
            format!("waterfall {title}: {}, {}, {verdict}{label}", waterfall.machine, waterfall.human);
        list(page, &heading, &waterfall.spans, |row| {
            let start = row.start_millis.map_or_else(|| "?".to_owned(), |start| format!("{start:.0}"));
            format!(
                "{} {} from {start} ms: {} of {}, {}",
                row.stage, row.owner, row.text, row.budget, row.verdict
            )
        });
    }
}

fn selected(page: &mut String, Situation { picture, now, agent }: &Situation) {
    let Some(agent) = agent else { return };
    let detail = view::agent::detail(picture, agent, 3, *now).unwrap();
    writeln!(page, "\nselected: {agent}, {}, {}, {}", detail.what, detail.state, detail.data).unwrap();
    writeln!(page, "  controlled by: {}", detail.controller).unwrap();
    writeln!(page, "  if nobody acts: {}", detail.if_nobody_acts).unwrap();
    writeln!(page, "  why: {}", detail.reason).unwrap();
    writeln!(page, "  {}", detail.diagnosis).unwrap();
    list(page, "decisions", &detail.decisions, |row| {
        format!(
            "{} {} sure {:.2} odd {:.2}, {} ago",
            row.seq,
            row.action,
            row.confidence.unwrap(),
            row.score,
            row.age
        )
    });
    list(page, "signals", &detail.signals, |row| {
        let points = (row.trend.len(), row.points.len());
        format!("{} {} {} {} [{}] {points:?}", row.name, row.text, row.unit, row.expected, tone(row.tone))
    });
    list(page, "contributions", &detail.contributions, |row| {
        format!("{:.0} % {}: {}", row.share * 100.0, row.signal, row.text)
    });
    list(page, "before", &detail.past, |row| {
        let verdict = row.verdict.map(|verdict| format!(" ({verdict})")).unwrap_or_default();
        format!("{}, {}: {} | {}{verdict}", row.ago, row.cause, row.text, row.outcome)
    });
    takeover(page, picture, agent, *now);
    list(page, "commands", &view::commands::rows(picture, Some(agent), *now), |row| {
        format!(
            "{} {} by {}: {}, {} ago; {} [{}]",
            row.mark.glyph(),
            row.verb,
            row.by,
            row.state,
            row.age,
            row.why,
            row.record
        )
    });
}

fn takeover(
    page: &mut String,
    picture: &Picture,
    agent: &watchkeeper_model::AgentId,
    now: watchkeeper_model::MonoTime,
) {
    let panel = view::takeover::panel(picture, agent, now).unwrap();
    writeln!(page, "\ntakeover: {} {}", panel.phase.word(), left(panel.left)).unwrap();
    let lines = [
        ("evidence", panel.evidence),
        ("reason", panel.reason),
        ("lease", panel.lease.map(|lease| lease.text).unwrap_or_default()),
        ("handover", panel.handover.map(|handover| handover.text).unwrap_or_default()),
        ("drive", panel.drive.map(|drive| drive.text).unwrap_or_default()),
        ("label", panel.label.map(|label| label.text).unwrap_or_default()),
        ("suggested", panel.suggested.map(|action| action.verb().to_owned()).unwrap_or_default()),
    ];
    for (name, text) in lines {
        if !text.is_empty() {
            writeln!(page, "  {name}: {text}").unwrap();
        }
    }
    list(page, "links", &panel.links, |row| {
        format!("{}: {} {:.0} % [{}]", row.name, row.text, row.fraction * 100.0, tone(row.tone))
    });
    list(page, "checks", &panel.checks, |check| {
        format!("{} {}", if check.done { "yes" } else { "no" }, check.text)
    });
    writeln!(page, "\nkeys").unwrap();
    for row in panel.actions {
        let why = row.unavailable.map(|why| format!(": NO, {why}")).unwrap_or_default();
        writeln!(page, "  {} {}{why}", row.key, row.label).unwrap();
    }
}

fn page(situation: &Situation) -> String {
    let mut page = String::new();
    top(&mut page, situation);
    lists(&mut page, situation);
    selected(&mut page, situation);
    page
}

#[test]
fn every_panel_says_what_it_said_before() {
    for (name, situation) in examples::all() {
        insta::assert_snapshot!(name, page(&situation()));
    }
}
