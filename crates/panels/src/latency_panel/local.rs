//! How this console itself does: frames, messages until they are on the screen, what was dropped, the clock.

use crate::{Inputs, theme::Size, widgets};
use egui::Ui;
use std::time::Duration;
use watchkeeper_picture::view::{self, Tone};

/// Shows it.
pub(super) fn show(ui: &mut Ui, inputs: &Inputs<'_>) {
    widgets::heading(ui, "This console");
    let local = inputs.local;
    let frame = local.frame_millis.map_or_else(|| "unknown".to_owned(), |millis| format!("{millis:.1} ms"));
    let frames = format!("Frames: {:.0} a second, the last took {frame}", local.frame_rate_hz);
    widgets::prose(ui, Size::Body, Tone::Normal, frames);
    let presented = local.presented.map_or_else(
        || "unknown: nothing was presented yet".to_owned(),
        |presented| {
            let (p50, p95, p99) = (presented.p50_millis, presented.p95_millis, presented.p99_millis);
            format!("p50 {p50:.1} ms, p95 {p95:.1} ms, p99 {p99:.1} ms")
        },
    );
    widgets::prose(ui, Size::Body, Tone::Normal, format!("Message to presented: {presented}"));
    let dropped = inputs.picture.dropped_telemetry();
    let (text, tone) = match dropped {
        0 => ("nothing dropped".to_owned(), Tone::Normal),
        many => (format!("{} left out for this console", view::counted(many, "decision")), Tone::Warning),
    };
    widgets::prose(ui, Size::Body, tone, format!("Telemetry: {text}"));
    widgets::prose(ui, Size::Body, Tone::Normal, clock(inputs));
}

/// Returns how far this console's clock is from the monitor's: as the monitor estimates it.
fn clock(inputs: &Inputs<'_>) -> String {
    let Some(monitor) = inputs.picture.monitor_now(inputs.now) else {
        return "Clock: unknown, the monitor has not said its own".to_owned();
    };
    let (ahead, behind) = (inputs.now.since(monitor), monitor.since(inputs.now));
    let (span, word) = if behind.is_zero() { (ahead, "ahead of") } else { (behind, "behind") };
    // Each counts from its own start, so that days are nothing unusual.
    let span = if span < Duration::from_secs(10) {
        format!("{:.1} ms", span.as_secs_f64() * 1e3)
    } else {
        view::age(span)
    };
    format!("Clock: {span} {word} the monitor's, as that says; error not told")
}
