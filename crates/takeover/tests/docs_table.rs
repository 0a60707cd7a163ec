//! The tables of `docs/takeover.md` are what the code says. `WATCHKEEPER_UPDATE_DOCS=1` rewrites them.

#[path = "support/drawing.rs"]
mod drawing;
#[path = "support/matrix.rs"]
#[allow(dead_code, reason = "what happens is played elsewhere")]
mod matrix;
#[path = "support/rig.rs"]
#[allow(dead_code, reason = "what happens is played elsewhere")]
mod rig;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf, time::Duration};
use watchkeeper_model::{AgentKind, ControlState, TaskClass, TaskVerb};
use watchkeeper_takeover::{Event, Timers, next};

/// Every step of the table that the code makes, one line for each row, event and target.
fn steps() -> String {
    let mut lines: BTreeMap<(usize, String), Vec<&str>> = BTreeMap::new();
    for (order, event) in Event::ALL.into_iter().enumerate() {
        for state in ControlState::ALL {
            let origins: &[ControlState] = if *state == ControlState::InTransition {
                &[
                    ControlState::Claimed,
                    ControlState::Fallback,
                    ControlState::FallbackFailed,
                    ControlState::SafeHeld,
                ]
            } else {
                &[*state]
            };
            for origin in origins {
                let Some(step) = next(*state, *origin, event) else { continue };
                let rolls_back = matches!(event, Event::TransitionCancelled | Event::TransitionLost);
                let note = if rolls_back { format!(" (from {origin})") } else { String::new() };
                let line = format!("| {} | {event:?}{note} | {{}} | {} |", step.row, step.to);
                let states = lines.entry((order, line)).or_default();
                if !states.contains(&state.word()) {
                    states.push(state.word());
                }
            }
        }
    }
    let mut table = "| row | event | from | to |\n|---|---|---|---|\n".to_owned();
    for ((_, line), states) in lines {
        table += &line.replace("{}", &states.join(", "));
        table.push('\n');
    }
    table
}

/// Name, owner, value.
type TimerRow = (&'static str, &'static str, fn(&Timers) -> Duration);

fn timers() -> String {
    let kinds = AgentKind::ALL.iter().map(|kind| (kind, Timers::for_kind(*kind))).collect::<Vec<_>>();
    let rows: [TimerRow; 21] = [
        ("T_demand", "agent", |timers| timers.demand),
        ("T_decide", "agent", |timers| timers.decide),
        ("cooldown after a demand that came to nothing", "agent, monitor", |timers| timers.cooldown),
        ("T_transition", "agent", |timers| timers.transition),
        ("T_stable", "agent", |timers| timers.stable),
        ("T_deadman (manual driving)", "agent", |timers| timers.deadman),
        ("T_ready", "agent", |timers| timers.ready),
        ("T_link", "agent", |timers| timers.link),
        ("grace at standstill", "agent", |timers| timers.grace),
        ("T_verify", "agent", |timers| timers.verify),
        ("link-loss maximum", "agent", |timers| timers.link_loss),
        ("heartbeat", "agent", |timers| timers.heartbeat),
        ("T_esc, first", "monitor", |timers| timers.escalate[0]),
        ("T_esc, second", "monitor", |timers| timers.escalate[1]),
        ("T_claim", "monitor", |timers| timers.claim),
        ("handover: time to engage", "agent, monitor", Timers::engage_next),
        ("handover: time to answer", "monitor", |timers| timers.handover),
        ("lock-out: within", "monitor", |timers| timers.lock_out),
        ("T_clear", "monitor", |timers| timers.clear),
        ("T_agent", "monitor", |timers| timers.agent),
        ("lease", "monitor", Timers::lease_ttl),
    ];
    let mut table = "| timer | owner |".to_owned();
    for (kind, _) in &kinds {
        write!(table, " {kind} |").expect("a string takes all");
    }
    table += "\n|---|---|---|---|---|---|\n";
    for (name, owner, value) in rows {
        write!(table, "| {name} | {owner} |").expect("a string takes all");
        for (_, timers) in &kinds {
            write!(table, " {} s |", value(timers).as_secs_f64()).expect("a string takes all");
        }
        table.push('\n');
    }
    table
}

/// What everything that can happen leads to, one row an event.
fn happenings() -> String {
    let mut table = "| |".to_owned();
    for (state, _) in matrix::MATRIX {
        write!(table, " {state} |").expect("a string takes all");
    }
    table += "\n|---|";
    table += &"---|".repeat(matrix::MATRIX.len());
    table.push('\n');
    for (index, event) in matrix::EVENTS.into_iter().enumerate() {
        write!(table, "| {} |", event.words()).expect("a string takes all");
        for (state, row) in matrix::MATRIX {
            let to = row.get(index).copied().unwrap_or(state);
            let word = if to == state { "-" } else { to.word() };
            write!(table, " {word} |").expect("a string takes all");
        }
        table.push('\n');
    }
    table
}

/// Every task: for which kinds of agent, how it stands to whoever leads, what it needs, what it means.
fn tasks() -> String {
    let mut table = "| task | for | class | needs |\n|---|---|---|---|\n".to_owned();
    for verb in TaskVerb::ALL {
        let kinds: Vec<_> = verb.kinds().iter().map(|kind| kind.word()).collect();
        let needs: Vec<_> = verb.needs().iter().map(|need| need.word()).collect();
        let class = match verb.class() {
            TaskClass::Safer => "safer",
            TaskClass::Exclusive => "exclusive",
            TaskClass::Assist => "assist",
            TaskClass::Note => "note",
        };
        let (kinds, needs) = (kinds.join(", "), needs.join(" "));
        writeln!(table, "| `{verb}` | {kinds} | {class} | {needs} |").expect("a string takes all");
    }
    table
}

/// Compares what stands between the markers of `name` with `generated`.
fn compare(name: &str, generated: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/takeover.md");
    let text = fs::read_to_string(&path).expect("docs/takeover.md can be read");
    let (start, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = text.split_once(&start).expect("the start marker is there");
    let (found, after) = rest.split_once(&end).expect("the end marker is there");
    if std::env::var_os("WATCHKEEPER_UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{start}{generated}{end}{after}"))
            .expect("docs/takeover.md can be written");
    } else {
        assert_eq!(found, generated, "docs/takeover.md is out of date; set WATCHKEEPER_UPDATE_DOCS=1");
    }
}

#[test]
fn the_picture_is_drawn_from_the_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/takeover.svg");
    let drawn = drawing::draw();
    if std::env::var_os("WATCHKEEPER_UPDATE_DOCS").is_some() {
        fs::write(&path, drawn).expect("docs/takeover.svg can be written");
    } else {
        let found = fs::read_to_string(&path).expect("docs/takeover.svg can be read");
        assert!(found == drawn, "docs/takeover.svg is out of date; set WATCHKEEPER_UPDATE_DOCS=1");
    }
}

#[test]
fn the_documented_tables_are_those_of_the_code() {
    compare("steps", &steps());
    compare("matrix", &happenings());
    compare("timers", &timers());
    compare("tasks", &tasks());
}
