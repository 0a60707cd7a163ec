//! The picture: a panel for each signal, the score below them, one time axis for all.

use super::{
    axis::{self, Axis, Counts},
    trace::{Curve, Place, Trace},
};
use crate::out::count;
use anyhow::{anyhow, ensure};
use plotters::{
    coord::{Shift, ranged1d::Ranged},
    prelude::*,
};
use std::io::Write;
use watchkeeper_eval::table::TimeKind;

const WIDTH: u32 = 1_100;
const TITLE: u32 = 64;
const PANEL: u32 = 130;
const SCORE: u32 = 190;
/// Room for the numbers beside a panel and the times below the last.
const LABELS: u32 = 84;
const TIMES: u32 = 52;
/// Most signals with a panel: those most named in alerts.
const PANELS: usize = 6;
/// Alerts at more places have triangles above and no lines, which would hide the curves.
const LINES: usize = 100;
/// Most characters of a name.
const NAME: usize = 60;

const INK: RGBColor = RGBColor(40, 44, 52);
const GREY: RGBColor = RGBColor(225, 228, 232);
const SIGNAL: RGBColor = RGBColor(31, 99, 165);
const ALERT: RGBColor = RGBColor(200, 30, 45);
const LABELLED: RGBColor = RGBColor(247, 224, 166);

/// What a picture says besides the trace.
pub(crate) struct Looks<'a> {
    pub(crate) title: String,
    pub(crate) kind: TimeKind,
    /// First and last time of what was labelled.
    pub(crate) windows: &'a [(f64, f64)],
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws a trace as SVG.
///
/// # Errors
/// Where windows are to be shown and times go back, or the picture cannot be written.
pub(crate) fn draw(trace: &Trace, looks: &Looks<'_>, output: &mut impl Write) -> anyhow::Result<()> {
    let has_windows = !looks.windows.is_empty();
    ensure!(trace.is_in_order || !has_windows, "windows cannot be drawn: times of the series go back");
    let mut text = String::new();
    let shown = shown(trace);
    let panels = u32::try_from(shown.len()).unwrap_or_default();
    let height = TITLE + panels * PANEL + SCORE + TIMES;
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        let drawn = || -> anyhow::Result<()> {
            root.fill(&WHITE).map_err(failed)?;
            let (title, rest) = root.split_vertically(TITLE);
            head(&title, trace, looks, shown.len())?;
            // Where times go back, rows are one after the other.
            let places = place(trace);
            let counts = match looks.kind {
                TimeKind::Calendar | TimeKind::Epoch(_) if trace.is_in_order => Counts::Times,
                TimeKind::Calendar | TimeKind::Epoch(_) | TimeKind::Elapsed | TimeKind::RowNumber => {
                    Counts::Numbers
                }
            };
            let across = Axis::over(places.iter().copied(), counts, 8);
            let sheet = Sheet { trace, places: &places, across, windows: looks.windows };
            let mut rest = rest;
            for curve in shown {
                let (panel, below) = rest.split_vertically(PANEL);
                let bins = curve.bins.iter();
                let up = Axis::over(bins.flat_map(|bin| [bin.low, bin.high]), Counts::Numbers, 4).with_room();
                sheet.panel(&panel, curve, up, None, SIGNAL)?;
                rest = below;
            }
            let up = Axis::over([0.0, 1.0].into_iter(), Counts::Numbers, 5).with_room();
            sheet.panel(
                &rest,
                &trace.score,
                up,
                Some(&below(&places, counts, looks.kind, trace.is_in_order)),
                INK,
            )?;
            root.present().map_err(failed)
        };
        drawn()?;
    }
    Ok(output.write_all(text.as_bytes())?)
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("drawing: {error}")
}

/// Returns the signals that get a panel, in the order of the file.
fn shown(trace: &Trace) -> Vec<&Curve> {
    let mut order: Vec<(usize, &Curve)> = trace.signals.iter().enumerate().collect();
    order.sort_by_key(|(_, curve)| std::cmp::Reverse(curve.blamed));
    order.truncate(PANELS);
    order.sort_by_key(|(index, _)| *index);
    order.into_iter().map(|(_, curve)| curve).collect()
}

/// Returns where each bin is across.
fn place(trace: &Trace) -> Vec<f64> {
    let at = |place: &Place| if trace.is_in_order { place.position } else { place.row as f64 };
    trace.places.iter().map(at).collect()
}

/// Returns what stands below the last axis.
fn below(places: &[f64], counts: Counts, kind: TimeKind, is_in_order: bool) -> String {
    let ends = places.first().zip(places.last());
    match (counts, ends) {
        (Counts::Times, Some((first, last))) => {
            let say = |at: f64| format!("{} {}", axis::time(at, 86_400.0), axis::time(at, 1.0));
            format!("time (UTC), {} to {}", say(*first), say(*last))
        }
        (Counts::Numbers, _) if is_in_order && kind == TimeKind::Elapsed => "seconds".to_owned(),
        (Counts::Times | Counts::Numbers, _) => "row".to_owned(),
    }
}

fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

fn short(name: &str) -> String {
    let more = if name.chars().count() > NAME { "..." } else { "" };
    name.chars().take(NAME).collect::<String>() + more
}

/// Draws title and legend.
fn head(area: &Area<'_>, trace: &Trace, looks: &Looks<'_>, shown: usize) -> anyhow::Result<()> {
    let rows = count(trace.rows, "row");
    let signals = match trace.signals.len() {
        0 => String::new(),
        all if all > shown => format!(", {shown} of {all} signals: those most named in alerts"),
        all => format!(", {}", count(all as u64, "signal")),
    };
    let title = format!("{}: {rows}{signals}", short(&looks.title));
    area.draw(&Text::new(title, (12, 10), font(18))).map_err(failed)?;
    let alerts = count(trace.alerts, "alert");
    let legend = |at: i32, width: i32, text: &str| {
        area.draw(&Text::new(text.to_owned(), (at + width + 8, 38), font(13)))
    };
    let line = |at: i32, colour: RGBColor| {
        area.draw(&PathElement::new(vec![(at, 45), (at + 22, 45)], colour.stroke_width(2)))
    };
    let mut at = 14;
    if shown > 0 {
        line(at, SIGNAL).map_err(failed)?;
        legend(at, 22, "signal").map_err(failed)?;
        at += 110;
    }
    line(at, INK).map_err(failed)?;
    legend(at, 22, "score").map_err(failed)?;
    at += 110;
    area.draw(&TriangleMarker::new((at + 6, 46), 6, ALERT.filled())).map_err(failed)?;
    legend(at, 12, &alerts).map_err(failed)?;
    if !looks.windows.is_empty() {
        at += 130;
        area.draw(&Rectangle::new([(at, 38), (at + 22, 52)], LABELLED.filled())).map_err(failed)?;
        legend(at, 22, &count(looks.windows.len() as u64, "labelled window")).map_err(failed)?;
    }
    Ok(())
}

/// What all panels share.
struct Sheet<'a> {
    trace: &'a Trace,
    places: &'a [f64],
    across: Axis,
    windows: &'a [(f64, f64)],
}

impl Sheet<'_> {
    /// Draws one curve; the last panel has the axis of all of them.
    fn panel(
        &self,
        area: &Area<'_>,
        curve: &Curve,
        up: Axis,
        below: Option<&str>,
        colour: RGBColor,
    ) -> anyhow::Result<()> {
        let (low, high) = (up.range().start, up.range().end);
        let mut chart = ChartBuilder::on(area)
            .margin_right(24)
            .margin_top(22)
            .margin_bottom(4)
            .set_label_area_size(LabelAreaPosition::Left, LABELS)
            .set_label_area_size(LabelAreaPosition::Bottom, if below.is_some() { TIMES } else { 0 })
            .build_cartesian_2d(self.across.clone(), up)
            .map_err(failed)?;
        for (first, last) in self.windows {
            let corners = [(*first, low), (*last, high)];
            chart.draw_series([Rectangle::new(corners, LABELLED.filled())]).map_err(failed)?;
        }
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GREY)
            .axis_style(INK)
            .label_style(font(12))
            .axis_desc_style(font(13))
            .x_desc(below.unwrap_or_default())
            .draw()
            .map_err(failed)?;
        let places = self.places.iter().zip(&self.trace.places);
        let alerts: Vec<f64> = places.filter(|(_, place)| place.has_alert).map(|(at, _)| *at).collect();
        for at in alerts.iter().filter(|_| alerts.len() <= LINES) {
            let line = vec![(*at, low), (*at, high)];
            chart.draw_series([PathElement::new(line, ALERT.mix(0.55))]).map_err(failed)?;
        }
        for line in lines(self.places, curve) {
            match line.as_slice() {
                [dot] => chart.draw_series([Circle::new(*dot, 2, colour.filled())]),
                _ => chart.draw_series([PathElement::new(line, colour.stroke_width(1))]),
            }
            .map_err(failed)?;
        }
        let triangles = alerts.iter().map(|at| TriangleMarker::new((*at, high), 5, ALERT.filled()));
        chart.draw_series(triangles).map_err(failed)?;
        area.draw(&Text::new(
            short(&curve.name),
            (i32::try_from(LABELS).unwrap_or_default() + 2, 4),
            font(14),
        ))
        .map_err(failed)
    }
}

/// Returns a curve in pieces, none across a gap: of each bin its lowest and highest value.
fn lines(places: &[f64], curve: &Curve) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = vec![Vec::new()];
    for (at, bin) in places.iter().zip(&curve.bins) {
        if bin.low.is_nan() {
            pieces.push(Vec::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push((*at, bin.low));
            if bin.high > bin.low {
                piece.push((*at, bin.high));
            }
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}
