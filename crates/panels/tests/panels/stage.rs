//! A window without a window system: one of the ready-made situations on a screen of some size.

use egui::{
    Rect, Vec2,
    accesskit::{Action, Role},
    vec2,
};
use egui_kittest::{Harness, Node, kittest::NodeT as _};
use std::time::Duration;
use watchkeeper_panels::{Inputs, Level, Local, Output, ReplayRow, Request, Settings, State, draw};
use watchkeeper_picture::{
    Hands,
    examples::{self, Situation},
};

pub(crate) const SMALL_SCREEN: Vec2 = vec2(1280.0, 720.0);
pub(crate) const LARGE_SCREEN: Vec2 = vec2(1920.0, 1080.0);

/// What the console holds for the panels.
pub(crate) struct Stage {
    pub(crate) situation: Situation,
    pub(crate) state: State,
    pub(crate) hands: Hands,
    pub(crate) local: Local,
    pub(crate) settings: Settings,
    pub(crate) replay: Option<ReplayRow>,
    /// Every request so far.
    pub(crate) requests: Vec<Request>,
    /// The last frame.
    pub(crate) output: Output,
}

impl Stage {
    pub(crate) fn new(situation: Situation, level: Level) -> Self {
        let mut state = State::new();
        state.level = level;
        state.selected.clone_from(&situation.agent);
        Self {
            situation,
            state,
            hands: Hands::new(),
            local: Local::default(),
            settings: Settings::default(),
            replay: None,
            requests: vec![],
            output: Output::default(),
        }
    }

    /// Draws one frame; a test applies the requests itself.
    pub(crate) fn draw(&mut self, ctx: &egui::Context) {
        let inputs = Inputs {
            picture: &self.situation.picture,
            hands: &self.hands,
            now: self.situation.now,
            local: &self.local,
            settings: &self.settings,
            replay: self.replay.as_ref(),
        };
        self.output = draw(ctx, &mut self.state, &inputs);
        self.requests.extend(self.output.requests.iter().cloned());
    }

    pub(crate) fn on(self, screen: Vec2) -> Harness<'static, Self> {
        let mut harness = Harness::builder()
            .with_size(screen)
            .with_max_steps(4)
            .build_ui_state(|ui, stage: &mut Self| stage.draw(ui.ctx()), self);
        harness.run_steps(3);
        harness
    }
}

pub(crate) fn situation(name: &str) -> Situation {
    let (_, make) = examples::all().into_iter().find(|(known, _)| *known == name).unwrap();
    make()
}

pub(crate) fn stage(name: &str, level: Level) -> Stage {
    Stage::new(situation(name), level)
}

pub(crate) fn replay() -> ReplayRow {
    ReplayRow {
        playing: true,
        speed: 2.0,
        at: Duration::from_secs(75),
        length: Duration::from_mins(10),
        alerts: vec![Duration::from_mins(1), Duration::from_secs(200)],
        seeking: false,
        indexing: false,
        failure: None,
        name: "monday".to_owned(),
    }
}

/// Everything that has an entry in the accessibility tree.
pub(crate) fn nodes<'a>(harness: &'a Harness<'_, Stage>) -> Vec<Node<'a>> {
    harness.root().children_recursive().collect()
}

/// Returns what a screen reader says of a node.
pub(crate) fn spoken(node: &Node<'_>) -> String {
    let node = node.accesskit_node();
    if node.role() == Role::Label { node.value() } else { node.label() }.unwrap_or_default()
}

/// Returns whether a person can do something with it, now or at another time. (A check mark that only says something
/// is none.)
pub(crate) fn is_control(node: &Node<'_>) -> bool {
    let node = node.accesskit_node();
    matches!(node.role(), Role::Button | Role::TextInput | Role::MultilineTextInput)
        || node.data().supports_action(Action::Focus)
}

/// Returns the place of a node, where it has one.
pub(crate) fn place(node: &Node<'_>) -> Option<Rect> {
    node.accesskit_node().bounding_box().is_some().then(|| node.rect()).filter(Rect::is_finite)
}
