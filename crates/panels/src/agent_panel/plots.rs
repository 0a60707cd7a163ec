//! The last minute as lines: x is seconds before now, and nothing can be dragged out of its place.

use super::signal_words;
use crate::{
    theme::{GRID, Look, Size, look},
    widgets,
};
use egui::{Align2, Color32, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use egui_plot::{Axis, Line, LineStyle, Plot, PlotPoints, PlotUi, Points, Span, VLine};
use std::ops::RangeInclusive;
use watchkeeper_picture::view::{
    Mark, Tone,
    agent::{AgentDetail, SignalRow},
    number,
};

/// How far back the lines go, seconds.
const SPAN_SECS: f64 = 60.0;
/// A pause longer than this many usual ones is a gap.
const GAP: f64 = 2.5;

/// Shows how sure and how odd the agent was.
pub(super) fn minute(ui: &mut Ui, detail: &AgentDetail) {
    let look = look(ui.ctx());
    let confidence = detail.confidence.map_or_else(|| "not said".to_owned(), |value| format!("{value:.2}"));
    let words = format!("Confidence (solid) {confidence}, oddness (dashed) {:.2}", detail.score);
    widgets::heading(ui, "Last 60 s");
    widgets::line(ui, Size::Small, Tone::Normal, &words);
    let tone = if detail.stale { Tone::Stale } else { Tone::Normal };
    let solid = lines("confidence", &detail.confidences, &look, tone, LineStyle::Solid);
    let dashed = lines("oddness", &detail.scores, &look, Tone::Quiet, LineStyle::dashed_loose());
    let name = format!("{} last 60 s: {words}", detail.agent);
    let lines = solid.into_iter().chain(dashed).collect();
    let chart = Chart { name, range: 0.0..=1.0, band: None, lines, newest: None };
    chart.show(ui, &look, "minute");
    time_axis(ui, &look);
}

/// Shows one signal against the band that was expected.
pub(super) fn signal(ui: &mut Ui, detail: &AgentDetail, row: &SignalRow) {
    let look = look(ui.ctx());
    let words = signal_words(&row.name, row);
    ui.horizontal(|ui| {
        if row.tone == Tone::Warning {
            widgets::mark(ui, Mark::TriangleUp, row.tone, look.points(Size::Small));
        }
        widgets::line(ui, Size::Small, row.tone, &words).on_hover_text(&words);
    });
    let calm = if detail.stale { Tone::Stale } else { Tone::Normal };
    // Saturated is only what is out of the band, and where it stands now.
    let mut drawn = lines(&row.name, &row.points, &look, calm, LineStyle::Solid);
    drawn.extend(lines("outside", &outside(row), &look, Tone::Warning, LineStyle::Solid));
    let chart = Chart {
        name: format!("{} {words}, last 60 s", detail.agent),
        range: extent(row),
        band: band(row),
        lines: drawn,
        newest: row.points.last().map(|(at, value)| ([*at, *value], look.tone(row.tone))),
    };
    chart.show(ui, &look, &row.name);
}

struct Chart<'a> {
    name: String,
    range: RangeInclusive<f64>,
    band: Option<RangeInclusive<f64>>,
    lines: Vec<Line<'a>>,
    /// The newest point, in the colour of how it is meant.
    newest: Option<([f64; 2], Color32)>,
}

impl<'a> Chart<'a> {
    fn show(self, ui: &mut Ui, look: &Look, salt: &str) {
        let Self { name, range, band, lines, newest } = self;
        let (low, high) = (*range.start(), *range.end());
        let grid = look.colors.faint.color();
        let shade = look.colors.line.color().gamma_multiply(0.35);
        let plot = Plot::new(("plot", salt))
            .width(ui.available_width() - gutter(look))
            .height(GRID * 9.0)
            .show_axes(false)
            .show_grid(false)
            .show_crosshair(false)
            .sense(Sense::hover())
            .allow_drag(false)
            .allow_zoom(false)
            .allow_scroll(false)
            .allow_boxed_zoom(false)
            .allow_double_click_reset(false)
            .allow_axis_zoom_drag(false);
        let draw = move |plot: &mut PlotUi<'a>| {
            plot.set_plot_bounds_x(-SPAN_SECS..=0.0);
            plot.set_plot_bounds_y(range);
            if let Some(band) = band {
                let within = band.start().max(low)..=band.end().min(high);
                plot.span(Span::new("", within).axis(Axis::Y).fill(shade));
            }
            for secs in [-45.0, -30.0, -15.0] {
                plot.vline(VLine::new("", secs).color(grid).width(1.0).allow_hover(false));
            }
            for line in lines {
                plot.line(line);
            }
            if let Some((at, color)) = newest {
                plot.points(Points::new("", vec![at]).radius(3.0).color(color).allow_hover(false));
            }
        };
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            let (axis, _) = ui.allocate_exact_size(vec2(gutter(look), GRID * 9.0), Sense::hover());
            let right = axis.right() - GRID / 2.0;
            for (y, align, value) in
                [(axis.top(), Align2::RIGHT_TOP, high), (axis.bottom(), Align2::RIGHT_BOTTOM, low)]
            {
                let ink = look.colors.quiet.color();
                ui.painter().text(pos2(right, y), align, number(value), look.font(Size::Small), ink);
            }
            let shown = plot.show(ui, draw);
            shown.response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, &name));
        });
    }
}

/// Returns the width that the numbers of an axis have, left of every plot.
fn gutter(look: &Look) -> f32 {
    look.points(Size::Small) * 3.5
}

/// Says below a plot what its vertical lines are.
fn time_axis(ui: &mut Ui, look: &Look) {
    let size = vec2(ui.available_width(), look.line_height(Size::Small));
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let left = rect.left() + gutter(look);
    for (share, align, text) in [
        (0.0, Align2::LEFT_TOP, "60 s ago"),
        (0.25, Align2::CENTER_TOP, "45"),
        (0.5, Align2::CENTER_TOP, "30"),
        (0.75, Align2::CENTER_TOP, "15"),
        (1.0, Align2::RIGHT_TOP, "now"),
    ] {
        let at = pos2(left + (rect.right() - left) * share, rect.top());
        ui.painter().text(at, align, text, look.font(Size::Small), look.colors.quiet.color());
    }
}

/// Returns the points of a signal, those within its band as NaN.
fn outside(row: &SignalRow) -> Vec<(f64, f64)> {
    let Some(band) = band(row) else { return Vec::new() };
    let points = row.points.iter();
    points.map(|(at, value)| (*at, if band.contains(value) { f64::NAN } else { *value })).collect()
}

/// Returns lines through points, oldest first; a new one begins behind each gap.
fn lines<'a>(name: &str, points: &[(f64, f64)], look: &Look, tone: Tone, style: LineStyle) -> Vec<Line<'a>> {
    let color = look.tone(tone);
    let runs = runs(points);
    let line = |(index, run): (usize, Vec<[f64; 2]>)| {
        Line::new(format!("{name} {index}"), PlotPoints::new(run))
            .color(color)
            .width(1.5)
            .style(style)
            .allow_hover(false)
    };
    runs.into_iter().enumerate().map(line).collect()
}

/// Cuts points where one is missing: at NaN, and where the pause is much longer than usual.
fn runs(points: &[(f64, f64)]) -> Vec<Vec<[f64; 2]>> {
    let longest = usual_pause(points) * GAP;
    let mut runs: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut before: Option<f64> = None;
    for (at, value) in points {
        if !value.is_finite() {
            before = None;
            continue;
        }
        let goes_on = before.is_some_and(|before| at - before <= longest);
        match runs.last_mut().filter(|_| goes_on) {
            Some(run) => run.push([*at, *value]),
            None => runs.push(vec![[*at, *value]]),
        }
        before = Some(*at);
    }
    runs
}

/// Returns the median time between two points, seconds; infinite where there are not two.
fn usual_pause(points: &[(f64, f64)]) -> f64 {
    let mut pauses: Vec<f64> = points.iter().zip(points.iter().skip(1)).map(|(a, b)| b.0 - a.0).collect();
    pauses.sort_by(f64::total_cmp);
    pauses.get(pauses.len() / 2).copied().unwrap_or(f64::INFINITY)
}

/// Returns the expected band; an open end goes as far as the plot does.
fn band(row: &SignalRow) -> Option<RangeInclusive<f64>> {
    match (row.expected_low, row.expected_high) {
        (None, None) => None,
        (low, high) => Some(low.unwrap_or(f64::MIN)..=high.unwrap_or(f64::MAX)),
    }
}

/// Returns what bottom and top of a plot stand for: values and band, outwards to round numbers, so that the
/// scale does not move with every value.
fn extent(row: &SignalRow) -> RangeInclusive<f64> {
    let ends = [row.expected_low, row.expected_high].into_iter().flatten();
    let values = row.points.iter().map(|(_, value)| *value).chain(ends).filter(|value| value.is_finite());
    let (low, high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.0..=1.0;
    }
    let step = round_step((high - low).max(low.abs().max(high.abs()) * 0.02).max(1e-9) / 4.0);
    let low = (low / step).floor() * step;
    let high = (high / step).ceil() * step;
    if high > low { low..=high } else { low - step..=high + step }
}

/// Returns 1, 2 or 5 times a power of ten, not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|times| times * power).find(|step| *step >= least).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(points: Vec<(f64, f64)>, low: Option<f64>, high: Option<f64>) -> SignalRow {
        SignalRow {
            name: "speed".to_owned(),
            unit: "m/s".to_owned(),
            value: None,
            text: String::new(),
            expected_low: low,
            expected_high: high,
            expected: String::new(),
            contribution: None,
            tone: Tone::Normal,
            trend: Vec::new(),
            points,
        }
    }

    #[test]
    fn a_missing_value_is_a_gap_and_not_a_zero() {
        let points = [(-0.5, 1.0), (-0.4, 1.0), (-0.3, f64::NAN), (-0.2, 1.0), (-0.1, 1.0)];
        assert_eq!(runs(&points), [vec![[-0.5, 1.0], [-0.4, 1.0]], vec![[-0.2, 1.0], [-0.1, 1.0]]]);
    }

    #[test]
    fn a_pause_longer_than_usual_is_a_gap() {
        let points = [(-2.0, 1.0), (-1.9, 1.0), (-1.8, 1.0), (-0.2, 1.0), (-0.1, 1.0)];
        assert_eq!(runs(&points).len(), 2);
        assert_eq!(runs(&points[..3]).len(), 1);
        assert!(runs(&[]).is_empty());
    }

    #[test]
    fn a_plot_holds_its_values_and_its_band_between_round_numbers() {
        let range = extent(&row(vec![(-1.0, 12.6), (0.0, 12.6)], Some(11.8), Some(13.9)));
        assert!(*range.start() <= 11.8 && *range.end() >= 13.9, "{range:?}");
        assert_eq!(range, 11.0..=14.0);
        let flat = extent(&row(vec![(0.0, 0.0)], None, None));
        assert!(flat.start() < flat.end());
        assert_eq!(extent(&row(vec![(0.0, f64::NAN)], None, None)), 0.0..=1.0);
    }

    #[test]
    fn only_what_is_out_of_the_band_stands_out() {
        let points = vec![(-0.4, 1.0), (-0.3, 3.0), (-0.2, 3.1), (-0.1, 1.0)];
        assert_eq!(
            runs(&outside(&row(points.clone(), Some(0.0), Some(2.0)))),
            [vec![[-0.3, 3.0], [-0.2, 3.1]]]
        );
        assert!(outside(&row(points, None, None)).is_empty());
    }

    #[test]
    fn a_band_with_one_end_reaches_the_edge_of_the_plot() {
        assert_eq!(band(&row(Vec::new(), Some(2.0), None)), Some(2.0..=f64::MAX));
        assert_eq!(band(&row(Vec::new(), None, None)), None);
    }
}
