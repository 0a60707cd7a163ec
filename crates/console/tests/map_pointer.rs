//! The pointer over the world, in the whole console but the renderer: what is clicked is what is looked at.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests panic when something is not as expected, and index what they made"
)]

use bevy::{
    input::{
        ButtonState,
        mouse::{MouseButtonInput, MouseScrollUnit, MouseWheel},
    },
    prelude::*,
    window::{PrimaryWindow, WindowEvent},
};
use watchkeeper_console::{
    app::{Setup, build},
    desk::Desk,
    link::Source,
    surface::Surface,
};
use watchkeeper_panels::Level;
use watchkeeper_picture::examples::{self, Situation};

struct Console {
    app: App,
    window: Entity,
}

impl Console {
    fn new(situation: Situation) -> Self {
        let mut setup = Setup::new(Source::Still(Box::new(situation)), Surface::None);
        setup.level = Level::Task;
        let mut app = build(setup).unwrap();
        app.finish();
        app.cleanup();
        let window =
            app.world_mut().query_filtered::<Entity, With<PrimaryWindow>>().single(app.world()).unwrap();
        let mut console = Self { app, window };
        console.frames(6);
        console
    }

    fn frames(&mut self, count: usize) {
        for _ in 0..count {
            self.app.update();
        }
    }

    fn world_rect(&self) -> Rect {
        let rect = self.app.world().resource::<Desk>().world_rect.expect("this level shows the world");
        Rect::new(rect.min.x, rect.min.y, rect.max.x, rect.max.y)
    }

    fn selected(&self) -> String {
        self.app.world().resource::<Desk>().state.selected.as_ref().unwrap().to_string()
    }

    fn point(&mut self, at: Vec2) {
        self.move_to(at);
        self.frames(1);
    }

    fn move_to(&mut self, position: Vec2) {
        let event = CursorMoved { window: self.window, position, delta: None };
        self.app.world_mut().write_message(WindowEvent::from(event));
    }

    fn button(&mut self, state: ButtonState) {
        let event = MouseButtonInput { button: MouseButton::Left, state, window: self.window };
        self.app.world_mut().write_message(WindowEvent::from(event));
    }

    fn click(&mut self, at: Vec2) {
        self.point(at);
        self.button(ButtonState::Pressed);
        self.frames(1);
        self.button(ButtonState::Released);
        self.frames(2);
    }

    fn turn_wheel(&mut self, y: f32) {
        let message = MouseWheel {
            unit: MouseScrollUnit::Line,
            x: 0.0,
            y,
            window: self.window,
            phase: bevy::input::touch::TouchPhase::Moved,
        };
        self.app.world_mut().write_message(WindowEvent::from(message));
        self.frames(2);
    }

    /// Where the name of an agent stands in the window.
    fn label(&mut self, name: &str) -> Option<Vec2> {
        let size = self.app.world().get::<Window>(self.window).unwrap().size();
        let mut texts = self.app.world_mut().query::<(&Text2d, &GlobalTransform, &Visibility)>();
        let found = texts
            .iter(self.app.world())
            .find(|(text, _, visibility)| text.0 == name && **visibility != Visibility::Hidden);
        let place = found?.1.translation().truncate();
        Some(Vec2::new(place.x + 0.5 * size.x, 0.5 * size.y - place.y))
    }
}

#[test]
fn a_click_on_an_agent_of_the_map_looks_at_it() {
    let mut console = Console::new(examples::calm());
    assert_eq!(console.selected(), "vehicle-1");
    let label = console.label("vehicle-5").expect("vehicle-5 is labelled");
    assert!(console.world_rect().contains(label), "{label} lies in {:?}", console.world_rect());
    console.click(label + Vec2::new(8.0, 6.0));
    assert_eq!(console.selected(), "vehicle-5");
}

#[test]
fn a_drag_that_begins_on_an_agent_moves_the_map_and_chooses_nobody() {
    let mut console = Console::new(examples::calm());
    let before = console.label("vehicle-5").unwrap();
    let by = Vec2::new(40.0, -25.0);
    console.point(before + Vec2::new(8.0, 6.0));
    // As slow as a frame may be: all of it comes at once.
    console.button(ButtonState::Pressed);
    console.move_to(before + Vec2::new(8.0, 6.0) + 0.5 * by);
    console.move_to(before + Vec2::new(8.0, 6.0) + by);
    console.button(ButtonState::Released);
    console.move_to(before + Vec2::new(300.0, 200.0));
    console.frames(2);
    assert_eq!(console.selected(), "vehicle-1");
    let after = console.label("vehicle-5").unwrap();
    assert!(after.distance(before + by) < 2.0, "{before} moved to {after}");
}

#[test]
fn the_wheel_looks_closer_at_what_is_under_the_pointer() {
    let mut console = Console::new(examples::calm());
    let centre = console.world_rect().center();
    console.point(centre);
    let span = |console: &mut Console| {
        console.label("vehicle-5").unwrap().distance(console.label("vehicle-1").unwrap())
    };
    let before = span(&mut console);
    console.turn_wheel(-1.0);
    assert!(span(&mut console) < 0.95 * before);
}

#[test]
fn a_click_on_a_tile_looks_at_its_agent() {
    let mut console = Console::new(examples::tiles());
    let before = console.selected();
    let label = console.label("billing-b").expect("the tile is in sight");
    console.click(label);
    assert_ne!(before, "billing-b");
    assert_eq!(console.selected(), "billing-b");
}

#[test]
fn texts_are_used_again_and_do_not_pile_up() {
    let mut console = Console::new(examples::thousand());
    let centre = console.world_rect().center();
    console.point(centre);
    let there_and_back = |console: &mut Console| {
        for notch in [3.0, 3.0, -3.0, -3.0] {
            console.turn_wheel(notch);
        }
        console.app.world_mut().query::<&Text2d>().iter(console.app.world()).count()
    };
    let once = there_and_back(&mut console);
    let often = (0..6).map(|_| there_and_back(&mut console)).max().unwrap();
    assert!(once > 20);
    assert_eq!(often, once);
}
