//! What lies on the operator's desk: what he looks at, what his presses mean, and what he was told.
//!
//! Keys, panels and the map all ask for something with [`Asked`]; what was asked for is done here, in its order.

use crate::{link::Link, news::News, presence::Presence, presented::Latency, settings};
use bevy::{ecs::system::Local as Remembered, prelude::*, window::RequestRedraw};
use std::path::PathBuf;
use watchkeeper_model::{AgentId, AlertId, MonoTime};
use watchkeeper_panels::{Level, Local, Request, Settings, State};
use watchkeeper_picture::{
    Action, Hands, Picture, Press, Said, Unasked,
    view::{self, Tone},
};

/// Something that a person asked for, with whatever he asked.
#[derive(Clone, Debug, PartialEq, Message)]
pub struct Asked(pub Request);

/// What lies on the desk.
#[derive(Debug, Resource)]
pub struct Desk {
    /// What the person looks at, and how close.
    pub state: State,
    /// What lies between two presses.
    pub hands: Hands,
    /// What he has set.
    pub settings: Settings,
    /// How this console is.
    pub local: Local,
    /// Where the world is shown, in points; `None` where this level shows none.
    pub world_rect: Option<egui::Rect>,
    /// A text field has the keyboard.
    pub(crate) types: bool,
    /// What is driven by hand: its dead-man was held since the person took the wheel.
    pub(crate) steered: Option<AgentId>,
    /// A control of the panels has the keyboard: Enter and Space press it.
    pub(crate) control_focused: bool,
    /// The alerts that the last drawn panels show: what a key may act on.
    pub(crate) shown: Vec<AlertId>,
    /// Panels were drawn in this frame.
    pub(crate) drawn: bool,
    /// When this frame's update began.
    pub(crate) started: MonoTime,
    news: News,
    unasked: Unasked,
    settings_file: Option<PathBuf>,
}

impl Desk {
    /// Makes the desk of somebody who has just come.
    pub fn new(settings: Settings, settings_file: Option<PathBuf>) -> Self {
        Self {
            state: State::new(),
            hands: Hands::new(),
            settings,
            local: Local::default(),
            world_rect: None,
            types: false,
            steered: None,
            control_focused: false,
            shown: Vec::new(),
            drawn: false,
            started: MonoTime::default(),
            news: News::default(),
            unasked: Unasked::new(),
            settings_file,
        }
    }

    /// Tells the person something about what he did.
    pub(crate) fn say(&mut self, said: Said, now: MonoTime) {
        self.news.answer(said, now);
    }

    /// Tells the person something that he did not ask about; it stays longer.
    pub(crate) fn tell(&mut self, said: Said, now: MonoTime) {
        self.news.tell(said, now);
    }

    /// Looks at this agent.
    pub(crate) fn select(&mut self, agent: AgentId, now: MonoTime) {
        if let Some(said) = self.hands.look_at(&agent) {
            self.say(said, now);
        }
        if self.state.selected.as_ref() != Some(&agent) {
            self.state.alert = None;
        }
        self.state.selected = Some(agent);
    }

    /// Stands where the first press of a takeover has led, in a picture that begins behind it.
    pub(crate) fn arm(&mut self, link: &Link) {
        let Some(agent) = self.state.selected.clone() else { return };
        if !link.is_live() && link.picture().my_epoch(&agent).is_some() {
            let claim = Press::Action(Action::Claim);
            self.hands.press(&claim, Some(&agent), link.picture(), link.now());
        }
    }

    fn press(&mut self, press: &Press, link: &mut Link) {
        let now = link.now();
        let selected = self.state.selected.clone();
        let question_before = self.hands.question().is_some();
        let pressed = self.hands.press(press, selected.as_ref(), link.picture(), now);
        if self.hands.question().is_some() != question_before {
            self.state.typed.clear();
        }
        let mut refused = None;
        for intent in pressed.intents {
            if let Err(why) = link.act(intent) {
                refused = Some(Said { tone: Tone::Danger, text: format!("NOT SENT: {why}") });
            }
        }
        if let Some(said) = refused.or(pressed.said) {
            self.say(said, now);
        }
    }

    fn use_settings(&mut self, settings: Settings, now: MonoTime) {
        self.settings = settings;
        if let Some(file) = &self.settings_file
            && let Err(error) = settings::save(file, &self.settings)
        {
            self.tell(Said { tone: Tone::Warning, text: format!("{error:#}") }, now);
        }
    }

    /// Brings the desk up to date with the picture before it is drawn.
    fn refresh(&mut self, picture: &Picture, is_live: bool, now: MonoTime) {
        if self.state.alert.is_some_and(|alert| picture.alert(alert).is_none()) {
            self.state.alert = None;
        }
        let told = if is_live {
            let absence = |_, ready: bool| (!ready).then_some("you were not ready");
            self.unasked.update(&mut self.hands, picture, absence, now)
        } else {
            self.hands.refresh(picture, now)
        };
        for said in told {
            self.tell(said, now);
        }
        self.local.news = self.news.newest(now).cloned();
    }
}

/// Does what was asked for since the last time.
///
/// Runs twice a frame: what keys and the map asked for is done before the frame is drawn, what the panels asked
/// for as soon as they are drawn.
pub(crate) fn obey(
    mut asked: ResMut<Messages<Asked>>,
    mut desk: ResMut<Desk>,
    mut link: ResMut<Link>,
    mut redraw: MessageWriter<RequestRedraw>,
    mut exit: MessageWriter<AppExit>,
) {
    for Asked(request) in asked.drain() {
        redraw.write(RequestRedraw);
        match request {
            Request::Press(press) => desk.press(&press, &mut link),
            Request::Select(agent) => desk.select(agent, link.now()),
            Request::SelectAlert(alert) => {
                if let Some(entry) = link.picture().alert(alert) {
                    desk.select(entry.alarm().agent.clone(), link.now());
                    desk.state.alert = Some(alert);
                }
            }
            Request::Level(level) => desk.state.level = level,
            Request::Follow(follow) => desk.state.follow = follow,
            Request::Settings(settings) => desk.use_settings(settings, link.now()),
            Request::SettingsSheet(open) => {
                desk.state.settings_open = open;
                desk.state.help &= !open;
            }
            Request::Replay(request) => link.replay(&request),
            Request::Help(open) => {
                desk.state.help = open;
                desk.state.settings_open &= !open;
            }
            Request::Quit => {
                exit.write(AppExit::Success);
            }
        }
    }
}

/// Looks at the most urgent demand or alert, and at the level that shows it.
pub(crate) fn most_urgent(picture: &Picture, now: MonoTime) -> Option<Request> {
    let demand = view::demands::rows(picture, None, now).into_iter().next();
    let of_demand = demand.map(|row| row.alert.map_or(Request::Select(row.agent), Request::SelectAlert));
    of_demand
        .or_else(|| view::alerts::rows(picture, None, now).first().map(|row| Request::SelectAlert(row.alert)))
}

/// Brings the desk up to date before the panels are drawn.
pub(crate) fn refresh(
    mut desk: ResMut<Desk>,
    link: Res<Link>,
    presence: Res<Presence>,
    latency: Res<Latency>,
    mut chosen: Remembered<bool>,
) {
    let now = link.now();
    // An agent is selected by itself only once, when the first ones appear: a key must never meet another agent
    // than the one that the person looked at.
    if !*chosen && desk.state.selected.is_none() {
        let first_agent = most_urgent(link.picture(), now)
            .and_then(|request| match request {
                Request::Select(agent) => Some(agent),
                Request::SelectAlert(alert) => Some(link.picture().alert(alert)?.alarm().agent.clone()),
                Request::Press(_)
                | Request::Level(_)
                | Request::Follow(_)
                | Request::Settings(_)
                | Request::SettingsSheet(_)
                | Request::Replay(_)
                | Request::Help(_)
                | Request::Quit => None,
            })
            .or_else(|| Some(link.picture().agents().next()?.0.clone()));
        desk.state.selected = first_agent;
    }
    *chosen |= desk.state.selected.is_some();
    desk.refresh(link.picture(), link.is_live(), now);
    let desk = &mut *desk;
    desk.local.focused = presence.focused;
    desk.local.manual = desk.hands.manual().is_some();
    desk.local.frame_rate_hz = presence.frame_rate_hz();
    desk.local.frame_millis = presence.frame_took().map(|took| took.as_secs_f64() * 1_000.0);
    desk.local.presented = latency.percentiles();
}

/// Returns the request that a level's key means.
pub(crate) fn level_of(key: char) -> Option<Request> {
    Level::ALL.into_iter().find(|level| level.key() == key).map(Request::Level)
}
