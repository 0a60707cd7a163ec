//! How this console itself does: frames, messages until they are on the screen, what was dropped, the clock.

use crate::{Inputs, theme::Size, widgets};
use egui::Ui;
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
    match inputs.picture.monitor_now(inputs.now) {
        None => "Clock: unknown, the monitor has not said its own".to_owned(),
        Some(monitor) => {
            let ahead = inputs.now.since(monitor).as_secs_f64() - monitor.since(inputs.now).as_secs_f64();
            format!("Clock: {:+.1} ms from the monitor's, as that says; error not told", ahead * 1e3)
        }
    }
}
