//! Agents that have a place, as a map draws them: where, which way, how fast, in whose hands, how old.

use super::{Mark, Tone, age, is_mine, lateness, row_tone, state_look, state_words};
use crate::{AgentPicture, Freshness, Picture};
use std::time::Duration;
use watchkeeper_model::{AgentId, MonoTime, Pose};

/// How far back a trail goes.
const TRAIL_SPAN: Duration = Duration::from_secs(10);
/// Most points of a trail: 10 s at 10 Hz.
const TRAIL_POINTS: usize = 100;
/// A place this much older than the newest sign of life is called old by itself.
const PLACE_LATE: Duration = Duration::from_secs(2);

/// One agent on the map.
#[derive(Clone, Debug, PartialEq)]
pub struct MapMark {
    /// Which agent.
    pub agent: AgentId,
    /// Metres east.
    pub x_meters: f64,
    /// Metres north.
    pub y_meters: f64,
    /// Heading in radians, 0 = east, counter-clockwise.
    pub heading_radians: f64,
    /// The signal called `speed`, metres per second; `None` where there is none or it is missing.
    pub speed_mps: Option<f64>,
    /// Shape of its state.
    pub mark: Mark,
    /// How it is meant.
    pub tone: Tone,
    /// Its state in words.
    pub state: String,
    /// This session has it or is about to.
    pub mine: bool,
    /// The data is too old to be relied on.
    pub stale: bool,
    /// The agent is offline: its place is the last known.
    pub offline: bool,
    /// Age of the newest sign of life in words: `0.2 s`, `no data for 1.4 s`, `offline for 3.0 s`, `place 2.3 s old`.
    pub data: String,
    /// Time left of an open demand; zero when it has run out.
    pub left: Option<Duration>,
    /// Where it was, oldest first: the last 10 s, at most 100 points; empty where not asked for.
    pub trail: Vec<(f64, f64)>,
    /// Where it means to go, at most 16 points; empty where not asked for, and while its data is old.
    pub plan: Vec<(f64, f64)>,
}

/// For which agents trails and plans are wanted: a thousand are no use to anybody, and cost time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trails {
    /// All.
    All,
    /// Only this one's.
    Only(Option<AgentId>),
}

/// Returns the agents that have a place, in the order of their names.
pub fn marks(picture: &Picture, now: MonoTime, trails_of: Trails) -> Vec<MapMark> {
    let is_drawn = move |agent: &AgentId| match &trails_of {
        Trails::All => true,
        Trails::Only(only) => only.as_ref() == Some(agent),
    };
    picture.agents().filter_map(|(agent, entry)| mark(picture, entry, is_drawn(agent), now)).collect()
}

/// Returns where the agent last said that it is, and when that came.
pub(crate) fn place(entry: &AgentPicture) -> Option<(Pose, MonoTime)> {
    // An agent either says its place with each decision or never: looking back far finds nothing more.
    let newest = entry.history().samples().rev().take(8).find(|sample| sample.pose.is_some())?;
    Some((newest.pose?, newest.received_at))
}

fn mark(picture: &Picture, entry: &AgentPicture, drawn: bool, now: MonoTime) -> Option<MapMark> {
    let (pose, placed_at) = place(entry)?;
    let status = entry.status();
    let mine = is_mine(picture, entry);
    let freshness = entry.freshness(now);
    let offline = status.offline_nanos.is_some();
    let (mark, tone) = state_look(status, mine);
    Some(MapMark {
        agent: status.agent.clone(),
        x_meters: pose.x_meters,
        y_meters: pose.y_meters,
        heading_radians: pose.heading_radians,
        speed_mps: speed_mps(entry),
        mark,
        tone: row_tone(tone, freshness),
        state: state_words(status),
        mine,
        stale: freshness.stale,
        offline,
        data: data_words(entry, freshness, placed_at, now),
        left: entry.demand_left(now),
        trail: if drawn { trail(entry, now) } else { Vec::new() },
        plan: if drawn && !freshness.stale && !offline { plan(entry) } else { Vec::new() },
    })
}

/// Returns the newest value of the signal called `speed`; `None` where there is none or it is missing.
pub(crate) fn speed_mps(entry: &AgentPicture) -> Option<f64> {
    let index = entry.status().signals.iter().position(|signal| signal.name.as_str() == "speed")?;
    entry.history().newest()?.signals.get(index).copied().filter(|speed| speed.is_finite())
}

fn data_words(entry: &AgentPicture, freshness: Freshness, placed_at: MonoTime, now: MonoTime) -> String {
    let place_age = now.since(placed_at);
    match lateness(entry, freshness, now) {
        Some((what, span)) => format!("{what} for {}", age(span)),
        None if place_age > freshness.age.saturating_add(PLACE_LATE) => {
            format!("place {} old", age(place_age))
        }
        None => age(freshness.age),
    }
}

fn trail(entry: &AgentPicture, now: MonoTime) -> Vec<(f64, f64)> {
    let lately =
        entry.history().samples().rev().take_while(|sample| now.since(sample.received_at) <= TRAIL_SPAN);
    let mut trail: Vec<_> = lately
        .filter_map(|sample| sample.pose)
        .take(TRAIL_POINTS)
        .map(|pose| (pose.x_meters, pose.y_meters))
        .collect();
    trail.reverse();
    trail
}

fn plan(entry: &AgentPicture) -> Vec<(f64, f64)> {
    entry.plan().iter().map(|point| (point.x_meters, point.y_meters)).collect()
}
