//! A window with one of the ready-made situations in it, and what a person asks of it.

#![allow(dead_code, reason = "each test uses its part of this")]

use egui::{Vec2, accesskit::Role, vec2};
use egui_kittest::{
    Harness, Node,
    kittest::{NodeT, Queryable},
};
use watchkeeper_model::AgentId;
use watchkeeper_panels::{Inputs, Level, Local, ReplayRow, Request, Settings, State, draw};
use watchkeeper_picture::{Action, Hands, Press, examples::Situation};

/// Everything that one window shows, and what was asked of it.
pub(crate) struct Window {
    pub(crate) situation: Situation,
    pub(crate) hands: Hands,
    pub(crate) local: Local,
    pub(crate) settings: Settings,
    pub(crate) replay: Option<ReplayRow>,
    pub(crate) state: State,
    pub(crate) requests: Vec<Request>,
}

impl Window {
    /// Shows a situation at a level, with the agent that an operator would have selected.
    pub(crate) fn new(situation: Situation, level: Level) -> Self {
        let mut state = State::new();
        state.level = level;
        state.selected.clone_from(&situation.agent);
        let local = Local { ready: true, focused: true, ..Local::default() };
        Self {
            situation,
            hands: Hands::new(),
            local,
            settings: Settings::default(),
            replay: None,
            state,
            requests: Vec::new(),
        }
    }

    /// Presses the first of the two inputs of a takeover.
    pub(crate) fn armed(mut self) -> Self {
        let (picture, now) = (&self.situation.picture, self.situation.now);
        self.hands.press(&Press::Action(Action::Claim), self.situation.agent.as_ref(), picture, now);
        self
    }

    /// Opens it as large as a laptop's screen.
    pub(crate) fn open(self) -> Harness<'static, Self> {
        self.open_at(vec2(1280.0, 720.0))
    }

    /// Opens it in a size.
    pub(crate) fn open_at(self, size: Vec2) -> Harness<'static, Self> {
        // Shorter than the blinking of a text cursor, or a window with a question would never come to rest.
        Harness::builder().with_size(size).with_step_dt(0.01).with_max_steps(12).build_ui_state(
            |ui, window: &mut Self| {
                let inputs = Inputs {
                    picture: &window.situation.picture,
                    hands: &window.hands,
                    now: window.situation.now,
                    local: &window.local,
                    settings: &window.settings,
                    replay: window.replay.as_ref(),
                };
                let output = draw(ui.ctx(), &mut window.state, &inputs);
                window.requests.extend(output.requests);
            },
            self,
        )
    }
}

/// Returns a region of the window by its name.
pub(crate) fn region<'h>(harness: &'h Harness<'_, Window>, name: &'h str) -> Node<'h> {
    harness.get_by_role_and_label(Role::Pane, name)
}

/// Clicks a button of a region, and returns what was asked then.
pub(crate) fn click(harness: &mut Harness<'_, Window>, in_region: &str, label: &str) -> Vec<Request> {
    region(harness, in_region).get_by_role_and_label(Role::Button, label).click();
    harness.run();
    std::mem::take(&mut harness.state_mut().requests)
}

/// Says whether a region says `words` anywhere.
pub(crate) fn says(harness: &Harness<'_, Window>, in_region: &str, words: &str) -> bool {
    region(harness, in_region).query_all_by_label_contains(words).next().is_some()
}

/// Returns everything that a region says, for messages of tests.
pub(crate) fn everything(harness: &Harness<'_, Window>, in_region: &str) -> String {
    let mut said = Vec::new();
    collect(region(harness, in_region), &mut said);
    said.join("\n")
}

fn collect(node: Node<'_>, said: &mut Vec<String>) {
    let access = node.accesskit_node();
    said.extend(access.label().or_else(|| access.value()));
    for child in node.children() {
        collect(child, said);
    }
}

/// Returns whether a button of a region can be pressed.
pub(crate) fn is_enabled(harness: &Harness<'_, Window>, in_region: &str, label_begins: &str) -> bool {
    let region = region(harness, in_region);
    let button = region
        .query_all_by_role(Role::Button)
        .find(|button| button.accesskit_node().label().is_some_and(|label| label.starts_with(label_begins)));
    !button.expect("there is such a button").accesskit_node().is_disabled()
}

/// Returns the request of an action.
pub(crate) fn action(action: Action) -> Request {
    Request::Press(Press::Action(action))
}

/// Returns an agent by its name.
pub(crate) fn agent(name: &str) -> AgentId {
    AgentId::new(name).expect("a name of an agent")
}
