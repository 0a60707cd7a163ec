//! The window around everything: what its title says, how it calls, how often it draws, and when it closes.

use crate::{
    clock,
    desk::{self, Asked, Desk},
    link::{Link, NewsArrivals},
    presence::Presence,
    presented::Seal,
};
use bevy::{
    ecs::system::NonSendMarker,
    prelude::*,
    window::{PrimaryWindow, RequestRedraw, WindowCloseRequested, WindowOccluded},
    winit::{UpdateMode, WINIT_WINDOWS, WinitSettings},
};
use std::{collections::BTreeSet, time::Duration};
use watchkeeper_model::{AgentId, MonoTime};
use watchkeeper_panels::Request;
use watchkeeper_picture::{
    Picture, Said,
    view::{
        Tone,
        demands::{self, DemandRow},
    },
};

/// Between two frames at most, while this person holds an agent: heartbeats go with frames, at 20 Hz or more
/// (`takeover.md` 5).
pub(crate) const HOLDING: Duration = Duration::from_millis(40);
/// While time runs out for somebody.
const COUNTING: Duration = Duration::from_millis(50);
/// When nothing is asked: ages move in tenths of a second.
const CALM: Duration = Duration::from_millis(100);
/// How long closing waits to be asked again, while this person holds an agent.
const CONFIRM_WITHIN: Duration = Duration::from_secs(3);
/// How often the window's manager is asked whether the window is minimised, while it has no keyboard.
const ASK_MINIMISED: Duration = Duration::from_millis(500);

/// Adds what only a real window has.
pub(crate) fn plugin(app: &mut App) {
    let mode = Mode::default();
    app.insert_resource(winit_settings(CALM)).insert_resource(mode).init_resource::<Wanted>();
    app.add_systems(PreUpdate, sense.in_set(Sense));
    app.add_systems(Last, quiet.before(desk::obey));
    // Before winit takes over what changed: behind it, an event of the window could swallow a title for good.
    app.add_systems(PostUpdate, (count, name).chain());
    app.add_systems(Last, (pace.after(quiet).before(Seal), look_again.before(Seal), call, close));
}

/// Finds out where the person is, before anything relies on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, SystemSet)]
pub(crate) struct Sense;

/// Who needs somebody, in the picture of this frame.
#[derive(Debug, Default, Resource)]
struct Wanted(Vec<DemandRow>);

impl Wanted {
    fn of(picture: &Picture, now: MonoTime) -> Self {
        Self(demands::rows(picture, None, now))
    }

    fn open_demands(&self) -> usize {
        self.0.iter().filter(|row| row.demand.is_some()).count()
    }
}

fn count(link: Res<Link>, mut wanted: ResMut<Wanted>) {
    *wanted = Wanted::of(link.picture(), link.now());
}

/// What the window said of itself.
#[derive(Debug, Default, Resource)]
struct Mode {
    occluded: bool,
    minimised: bool,
    asked_at: Option<MonoTime>,
}

fn winit_settings(wait: Duration) -> WinitSettings {
    let mode = UpdateMode::Reactive {
        wait,
        react_to_device_events: false,
        react_to_user_events: true,
        react_to_window_events: true,
    };
    // The same without the keyboard: an alert must be on the screen before somebody turns to it.
    WinitSettings { focused_mode: mode, unfocused_mode: mode }
}

/// Drops the wishes for a frame at once that bevy_egui makes of every wish for a frame some time; those that mean
/// at once wake the window by themselves.
fn quiet(mut redraw: ResMut<Messages<RequestRedraw>>) {
    redraw.clear();
}

fn sense(
    window: Single<(Entity, &Window), With<PrimaryWindow>>,
    mut occluded: MessageReader<WindowOccluded>,
    mut mode: ResMut<Mode>,
    mut presence: ResMut<Presence>,
    _main_thread: NonSendMarker,
) {
    let (entity, window) = *window;
    if let Some(last) = occluded.read().last() {
        mode.occluded = last.occluded;
    }
    let now = clock::now();
    if window.focused {
        mode.minimised = false;
    } else if mode.asked_at.is_none_or(|at| now.since(at) >= ASK_MINIMISED) {
        mode.asked_at = Some(now);
        mode.minimised = is_minimised(entity);
    }
    presence.focused = window.focused;
    let has_size = window.physical_width() > 0 && window.physical_height() > 0;
    presence.visible = has_size && window.visible && !mode.occluded && !mode.minimised;
}

/// Returns whether the window is minimised; true also where nobody answers: what may not be seen is not called
/// shown. Windows are known on the main thread only.
fn is_minimised(entity: Entity) -> bool {
    WINIT_WINDOWS.with_borrow(|windows| {
        windows.get_window(entity).and_then(|window| window.is_minimized()).unwrap_or(true)
    })
}

/// Asks once more before a frame that has something to say to somebody: it came after this frame's first look.
fn look_again(
    window: Single<(Entity, &Window), With<PrimaryWindow>>,
    wanted: Res<Wanted>,
    news: Res<NewsArrivals>,
    mut mode: ResMut<Mode>,
    mut presence: ResMut<Presence>,
    _main_thread: NonSendMarker,
) {
    let (entity, window) = *window;
    if window.focused || !presence.visible || (news.0.is_empty() && wanted.open_demands() == 0) {
        return;
    }
    mode.minimised = is_minimised(entity);
    presence.visible = !mode.minimised;
}

fn pace(
    link: Res<Link>,
    wanted: Res<Wanted>,
    mut settings: ResMut<WinitSettings>,
    mut redraw: MessageWriter<RequestRedraw>,
    more: Res<More>,
) {
    let wait = if link.holds_one() {
        HOLDING
    } else if wanted.open_demands() == 0 {
        CALM
    } else {
        COUNTING
    };
    let wished = winit_settings(wait);
    if settings.focused_mode != wished.focused_mode {
        *settings = wished;
    }
    if more.0 {
        redraw.write(RequestRedraw);
    }
}

/// More waits than one frame took, or a jump in a recording is under way.
#[derive(Debug, Default, Resource)]
pub(crate) struct More(pub(crate) bool);

/// Returns what the title says: that nothing is known, else who is wanted most, how long is left, and how many
/// wait. What is not live calls nobody.
fn title(picture: &Picture, wanted: &Wanted, is_live: bool, focused: bool) -> String {
    const NAME: &str = "Watchkeeper";
    if !is_live {
        return format!("REPLAY \u{2014} {NAME}");
    }
    if !picture.link().is_connected() {
        return format!("NO CONNECTION \u{2014} {NAME}");
    }
    let Wanted(rows) = wanted;
    let waiting = rows.iter().filter(|row| row.holder.is_none()).count();
    // A person at the window sees it all anyway; the title is for the one who looks elsewhere.
    let count = if focused || waiting == 0 { String::new() } else { format!("({waiting}) ") };
    match rows.iter().find(|row| row.holder.is_none()) {
        Some(row) => {
            let left = row.left.map(|left| format!(" {} s", left.as_secs())).unwrap_or_default();
            let what = if row.demand.is_some() { "TAKE OVER" } else { "LOOK AT" };
            format!("{count}{what} {}{left} \u{2014} {NAME}", row.agent)
        }
        None => NAME.to_owned(),
    }
}

fn name(link: Res<Link>, wanted: Res<Wanted>, window: Single<&mut Window, With<PrimaryWindow>>) {
    let mut window = window.into_inner();
    let title = title(link.picture(), &wanted, link.is_live(), window.focused);
    if window.title != title {
        window.title = title;
    }
}

/// What a person who looks elsewhere is called for.
#[derive(Debug, Default)]
struct Calls {
    demands: usize,
    disconnected: bool,
    held: BTreeSet<AgentId>,
}

impl Calls {
    fn of(picture: &Picture, wanted: &Wanted) -> Self {
        let mine = picture.agents().filter(|(agent, _)| picture.my_epoch(agent).is_some());
        Self {
            demands: wanted.open_demands(),
            disconnected: !picture.link().is_connected(),
            held: mine.map(|(agent, _)| agent.clone()).collect(),
        }
    }

    /// Returns whether somebody more is wanted, the connection is gone, or an agent is no longer this person's.
    fn is_more_than(&self, before: &Self) -> bool {
        self.demands > before.demands
            || (self.disconnected && !before.disconnected)
            || !before.held.is_subset(&self.held)
    }
}

/// Calls a person who looks elsewhere. Nothing but a monitor calls.
fn call(
    link: Res<Link>,
    wanted: Res<Wanted>,
    window: Single<(Entity, &Window), With<PrimaryWindow>>,
    mut before: Local<Calls>,
    _main_thread: NonSendMarker,
) {
    let (entity, window) = *window;
    if !link.is_live() {
        return;
    }
    let calls = Calls::of(link.picture(), &wanted);
    if calls.is_more_than(&before) && !window.focused {
        WINIT_WINDOWS.with_borrow(|windows| {
            if let Some(window) = windows.get_window(entity) {
                #[expect(
                    clippy::default_trait_access,
                    reason = "Bevy does not pass the name of this type on"
                )]
                window.request_user_attention(Some(Default::default()));
            }
        });
    }
    *before = calls;
}

/// Closes at once, unless this person holds an agent: then it must be asked for twice.
fn close(
    mut requests: MessageReader<WindowCloseRequested>,
    link: Res<Link>,
    mut desk: ResMut<Desk>,
    mut asked: MessageWriter<Asked>,
    mut armed: Local<Option<MonoTime>>,
) {
    if requests.read().count() == 0 {
        return;
    }
    let now = clock::now();
    let confirmed = armed.is_some_and(|at| now.since(at) < CONFIRM_WITHIN);
    if confirmed || !link.holds_one() {
        asked.write(Asked(Request::Quit));
    } else {
        *armed = Some(now);
        let text =
            "you hold an agent: hand it back (b) or release it (r); close again to leave it".to_owned();
        desk.tell(Said { tone: Tone::Danger, text }, link.now());
    }
}

#[cfg(test)]
mod tests {
    use super::{Calls, Wanted};
    use watchkeeper_picture::examples::{self, Situation};

    fn title(situation: &Situation, is_live: bool, focused: bool) -> String {
        let Situation { picture, now, .. } = situation;
        super::title(picture, &Wanted::of(picture, *now), is_live, focused)
    }

    #[test]
    fn the_title_says_who_is_wanted_and_counts_only_for_those_who_look_elsewhere() {
        let situation = examples::alert();
        let away = title(&situation, true, false);
        assert!(away.starts_with("(1) TAKE OVER vehicle-4 "), "{away}");
        assert!(away.ends_with(" s \u{2014} Watchkeeper"), "{away}");
        assert!(title(&situation, true, true).starts_with("TAKE OVER vehicle-4 "));
        let calm = examples::calm();
        assert_eq!(title(&calm, true, false), "Watchkeeper");
        let replayed = title(&situation, false, false);
        assert_eq!(replayed, "REPLAY \u{2014} Watchkeeper", "what is over calls nobody");
        let mut lost = situation;
        lost.picture.handle_disconnected(lost.now);
        assert_eq!(title(&lost, true, false), "NO CONNECTION \u{2014} Watchkeeper");
    }

    #[test]
    fn a_demand_a_lost_connection_and_a_lost_lease_call_once() {
        let of = |Situation { picture, now, .. }: &Situation| Calls::of(picture, &Wanted::of(picture, *now));
        let (calm, alert, held) = (examples::calm(), examples::alert(), examples::in_control());
        assert!(of(&alert).is_more_than(&of(&calm)) && !of(&alert).is_more_than(&of(&alert)));
        assert!(of(&calm).is_more_than(&of(&held)), "an agent was lost");
        assert!(!of(&held).is_more_than(&of(&held)));
        let mut lost = examples::calm();
        lost.picture.handle_disconnected(lost.now);
        assert!(of(&lost).is_more_than(&of(&calm)) && !of(&lost).is_more_than(&of(&lost)));
    }
}
