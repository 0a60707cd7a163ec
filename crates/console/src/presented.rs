//! When a frame was on the screen, and what it showed.
//!
//! What the panels drew goes with the frame to the render world, is stamped there once the frame was presented,
//! and comes back before the next frame is made. Only then is anything called shown. The end point is that the
//! frame was handed to the display; what a display does after that is not known here.

use crate::{
    clock,
    desk::Desk,
    link::{Arrivals, Link, NewsArrivals, Waker},
    presence::Presence,
};
use bevy::{
    prelude::*,
    render::{
        Render, RenderApp, RenderSystems,
        extract_resource::{ExtractResource, ExtractResourcePlugin},
        view::ExtractedWindows,
    },
};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use hdrhistogram::Histogram;
use std::time::Duration;
use watchkeeper_model::{AgentId, AlertId, MonoTime};
use watchkeeper_panels::Percentiles;

/// Most stamps on their way; each frame takes them all.
const STAMPS: usize = 16;
/// Longest latency that is told apart from longer ones.
const LONGEST: Duration = Duration::from_mins(1);
/// Most news of one frame whose latency is measured.
const MEASURED_A_FRAME: usize = 256;

/// What a frame shows.
#[derive(Clone, Debug, Default, Resource, ExtractResource)]
pub(crate) struct Frame {
    /// When its update began.
    started: MonoTime,
    /// Alerts that can be seen in it.
    alerts: Vec<AlertId>,
    /// Agents of this person that it shows changing hands.
    changing_hands: Vec<AgentId>,
    /// When the news came that it shows for the first time.
    arrivals: Vec<MonoTime>,
    /// Somebody can see it.
    visible: bool,
    /// The agent waits for what follows from it: that happens at once, not with the next frame. That alerts were
    /// shown can wait a tenth of a second: the stamp says when, and a frame of its own would hold up what comes.
    urgent: bool,
}

/// A frame that was presented.
#[derive(Debug)]
pub(crate) struct Stamp {
    frame: Frame,
    at: MonoTime,
}

#[derive(Resource)]
pub(crate) struct Stamps(Receiver<Stamp>);

/// The way from the place where frames are presented to the loop that makes them.
#[derive(Clone, Resource)]
struct Stamper {
    stamps: Sender<Stamp>,
    waker: Option<Waker>,
    /// A window is drawn to; else a texture, which always takes the frame.
    to_window: bool,
}

impl Stamper {
    fn stamp(&self, frame: &Frame) {
        let stamp = Stamp { frame: frame.clone(), at: clock::now() };
        match self.stamps.try_send(stamp) {
            // Frames that nobody asks about any more: what they showed is told with a later one.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
        if frame.urgent
            && let Some(waker) = &self.waker
        {
            waker.wake();
        }
    }
}

/// From the arrival of news to the presentation of the frame that shows it, since the start.
#[derive(Debug, Resource)]
pub(crate) struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        let longest = u64::try_from(LONGEST.as_micros()).expect("a minute fits");
        Self(
            Histogram::new_with_bounds(1, longest, 3)
                .expect("three digits up to a minute are within its limits"),
        )
    }
}

impl Latency {
    fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    /// Returns three percentiles; `None` before the first news.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let millis = |quantile| self.0.value_at_quantile(quantile) as f64 / 1_000.0;
        (!self.0.is_empty()).then(|| Percentiles {
            p50_millis: millis(0.5),
            p95_millis: millis(0.95),
            p99_millis: millis(0.99),
        })
    }
}

/// Where frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Onto {
    /// A window.
    Window,
    /// A texture.
    Texture,
    /// Nowhere: a frame counts as presented when it is made.
    Nowhere,
}

/// Adds the way of the stamps. Must be added after the renderer.
pub(crate) fn plugin(app: &mut App, onto: Onto, waker: Option<Waker>) {
    let (sender, receiver) = bounded(STAMPS);
    let stamper = Stamper { stamps: sender, waker, to_window: onto == Onto::Window };
    app.insert_resource(Stamps(receiver)).init_resource::<Frame>().init_resource::<Latency>();
    app.add_systems(Last, seal.in_set(Seal));
    match onto {
        Onto::Nowhere => {
            app.insert_resource(stamper);
            app.add_systems(Last, stamp_at_once.after(Seal));
        }
        Onto::Window | Onto::Texture => {
            app.add_plugins(ExtractResourcePlugin::<Frame>::default());
            if let Some(render) = app.get_sub_app_mut(RenderApp) {
                render.insert_resource(stamper);
                render.add_systems(Render, stamp.after(RenderSystems::Render));
            }
        }
    }
}

/// Closes the frame: nothing more is drawn into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, SystemSet)]
pub(crate) struct Seal;

fn seal(
    mut frame: ResMut<Frame>,
    (mut arrivals, mut news): (ResMut<Arrivals>, ResMut<NewsArrivals>),
    mut desk: ResMut<Desk>,
    link: Res<Link>,
    presence: Res<Presence>,
) {
    let changing_hands = if desk.drawn { link.changing_hands() } else { Vec::new() };
    let alerts = if desk.drawn { desk.shown.clone() } else { Vec::new() };
    *frame = Frame {
        started: desk.started,
        urgent: !changing_hands.is_empty(),
        alerts,
        changing_hands,
        arrivals: std::mem::take(&mut news.0),
        visible: presence.visible && desk.drawn,
    };
    frame.arrivals.truncate(MEASURED_A_FRAME);
    arrivals.0 = false;
    desk.drawn = false;
}

fn stamp_at_once(frame: Res<Frame>, stamper: Res<Stamper>) {
    stamper.stamp(&frame);
}

fn stamp(frame: Option<Res<Frame>>, stamper: Res<Stamper>, windows: Option<Res<ExtractedWindows>>) {
    let Some(frame) = frame else { return };
    // A window that took the frame has its view still, and has given the texture away.
    let taken = windows.is_some_and(|windows| {
        windows
            .windows
            .values()
            .any(|window| window.swap_chain_texture_view.is_some() && window.swap_chain_texture.is_none())
    });
    if taken || !stamper.to_window {
        stamper.stamp(&frame);
    }
}

/// Tells the monitor what was presented since the last frame, and takes the time of it.
pub(crate) fn collect(
    stamps: Res<Stamps>,
    mut link: ResMut<Link>,
    mut presence: ResMut<Presence>,
    mut latency: ResMut<Latency>,
) {
    for Stamp { frame, at } in stamps.0.try_iter() {
        if !frame.visible {
            continue;
        }
        presence.frame(frame.started, at);
        link.presented(&frame.alerts, &frame.changing_hands, at);
        for arrived in frame.arrivals {
            latency.record(at.since(arrived));
        }
    }
}
