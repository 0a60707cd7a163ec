//! Draws the table of transitions as a picture (SVG 1.1): boxes where they were put by hand, arrows from the code.

use std::{collections::BTreeMap, fmt::Write as _};
use watchkeeper_model::ControlState::{
    self, AssistPending, Autonomous, Claimed, Estopped, Fallback, FallbackFailed, Human, InTransition, Local,
    OutOfService, Requested, Returning, SafeHeld,
};
use watchkeeper_takeover::{Event, next};

/// Half of a box.
const HALF: (f64, f64) = (74.0, 24.0);
/// Rows that lead there from wherever the agent is; each is one arrow without an origin.
const FROM_ANYWHERE: [(Event, &str, ControlState); 3] =
    [(Event::MinimalRisk, "19", Fallback), (Event::Estop, "26", Estopped), (Event::LocalTaken, "29", Local)];

const fn place(state: ControlState) -> (f64, f64) {
    match state {
        AssistPending => (120.0, 60.0),
        Autonomous => (420.0, 60.0),
        Requested => (120.0, 210.0),
        Claimed => (370.0, 210.0),
        InTransition => (620.0, 210.0),
        Human => (870.0, 210.0),
        Returning => (1120.0, 210.0),
        FallbackFailed => (120.0, 390.0),
        Fallback => (420.0, 390.0),
        SafeHeld => (760.0, 390.0),
        Estopped => (420.0, 540.0),
        OutOfService => (760.0, 540.0),
        Local => (120.0, 540.0),
    }
}

/// How far the middle of an arrow is moved to its left, so that it passes no box.
const fn bend(from: ControlState, to: ControlState) -> f64 {
    match (from, to) {
        (SafeHeld, Autonomous) => -60.0,
        (Human | Returning, Fallback) => -20.0,
        (InTransition, FallbackFailed) | (FallbackFailed, InTransition) => 24.0,
        (InTransition, Requested) => 50.0,
        (FallbackFailed, SafeHeld) => 74.0,
        (AssistPending, Fallback) => 20.0,
        _ => 10.0,
    }
}

/// Every arrow with the rows it stands for.
fn arrows() -> BTreeMap<(ControlState, ControlState), Vec<&'static str>> {
    let mut arrows: BTreeMap<_, Vec<&'static str>> = BTreeMap::new();
    for event in Event::ALL {
        for from in ControlState::ALL {
            for origin in [Claimed, Fallback, FallbackFailed, SafeHeld] {
                let Some(step) = next(*from, origin, event) else { continue };
                let everywhere = FROM_ANYWHERE.iter().any(|(of, row, _)| *of == event && *row == step.row);
                if step.to == *from || everywhere {
                    continue;
                }
                let rows = arrows.entry((*from, step.to)).or_default();
                if !rows.contains(&step.row) {
                    rows.push(step.row);
                }
            }
        }
    }
    arrows
}

/// Returns where a line from the middle of a box towards `to` leaves it.
fn edge(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let scale = (HALF.0 / dx.abs().max(1e-9)).min(HALF.1 / dy.abs().max(1e-9));
    (from.0 + dx * scale, from.1 + dy * scale)
}

fn arrow(svg: &mut String, from: ControlState, to: ControlState, rows: &[&str]) {
    let (a, b) = (place(from), place(to));
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx.hypot(dy);
    let (left, bend) = ((-dy / length, dx / length), bend(from, to));
    let via = (f64::midpoint(a.0, b.0) + left.0 * bend * 2.0, f64::midpoint(a.1, b.1) + left.1 * bend * 2.0);
    let shifted = |p: (f64, f64)| (p.0 + left.0 * bend.signum() * 7.0, p.1 + left.1 * bend.signum() * 7.0);
    let (start, end) = (edge(shifted(a), via), edge(shifted(b), via));
    // The middle of a quadratic curve.
    let middle = ((start.0 + 2.0 * via.0 + end.0) / 4.0, (start.1 + 2.0 * via.1 + end.1) / 4.0 + 4.0);
    writeln!(
        svg,
        r#"<path d="M{:.0} {:.0} Q{:.0} {:.0} {:.0} {:.0}" marker-end="url(#head)"/>"#,
        start.0, start.1, via.0, via.1, end.0, end.1
    )
    .expect("a string takes all");
    writeln!(svg, r#"<text x="{:.0}" y="{:.0}">{}</text>"#, middle.0, middle.1, rows.join(" "))
        .expect("a string takes all");
}

/// Returns the picture.
pub(crate) fn draw() -> String {
    let mut svg = String::from(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1240 620" font-family="sans-serif" font-size="14">
<title>Control states of an agent; the numbers are the rows of the table</title>
<style>
svg { background: #fff } rect { fill: #eef1f4; stroke: #44525f; rx: 6px } .latched rect { fill: #f6e7d4; stroke: #8a5a17 }
.person rect { fill: #dcebf7; stroke: #1f5f91 } text { text-anchor: middle; fill: #1b242c }
path { fill: none; stroke: #5b6975; stroke-width: 1.3 } text.any { text-anchor: end }
g.labels text, path + text { paint-order: stroke; stroke: #fff; stroke-width: 5px; font-size: 12px }
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 L8 4 L0 8 z" style="fill:#5b6975;stroke:none"/></marker></defs>
"#,
    );
    for ((from, to), rows) in arrows() {
        arrow(&mut svg, from, to, &rows);
    }
    for (_, row, to) in FROM_ANYWHERE {
        let (x, y) = place(to);
        writeln!(
            svg,
            r#"<path d="M{0:.0} {1:.0} L{0:.0} {2:.0}" marker-end="url(#head)" stroke-dasharray="4 3"/>
<text x="{0:.0}" y="{3:.0}">{row} from anywhere</text>"#,
            x + 36.0,
            y + 54.0,
            y + 25.0,
            y + 58.0
        )
        .expect("a string takes all");
    }
    for state in ControlState::ALL {
        let (x, y) = place(*state);
        let class = match state {
            Fallback | FallbackFailed | SafeHeld | Estopped | Local | OutOfService => "latched",
            Claimed | InTransition | Human | Returning => "person",
            Autonomous | AssistPending | Requested => "agent",
        };
        writeln!(
            svg,
            r#"<g class="{class}"><rect x="{:.0}" y="{:.0}" width="{:.0}" height="{:.0}"/><text x="{x:.0}" y="{:.0}">{state}</text></g>"#,
            x - HALF.0,
            y - HALF.1,
            2.0 * HALF.0,
            2.0 * HALF.1,
            y + 5.0
        )
        .expect("a string takes all");
    }
    svg += "</svg>\n";
    svg
}
