//! The pointer over the world, in the whole console but the renderer: what is clicked is what is looked at.

use crate::rig::Rig;
use bevy::{
    input::{
        ButtonState,
        mouse::{MouseScrollUnit, MouseWheel},
        touch::TouchPhase,
    },
    prelude::*,
    window::WindowEvent,
};
use watchkeeper_console::{app::Setup, link::Source, surface::Surface};
use watchkeeper_panels::Level;
use watchkeeper_picture::examples::{self, Situation};

fn console(situation: Situation) -> Rig {
    let source = Source::Still(Box::new(situation));
    let mut rig = Rig::new(Setup { level: Level::Task, ..Setup::new(source, Surface::None) });
    rig.frames(5);
    rig
}

impl Rig {
    fn frames(&mut self, count: usize) {
        for _ in 0..count {
            self.frame();
        }
    }

    fn world_rect(&self) -> Rect {
        let rect = self.desk().world_rect.expect("this level shows the world");
        Rect::new(rect.min.x, rect.min.y, rect.max.x, rect.max.y)
    }

    fn selected(&self) -> String {
        self.desk().state.selected.as_ref().unwrap().to_string()
    }

    fn point(&mut self, at: Vec2) {
        self.move_to(at);
        self.frame();
    }

    fn click_at(&mut self, at: Vec2) {
        self.point(at);
        self.button(ButtonState::Pressed);
        self.frame();
        self.button(ButtonState::Released);
        self.frames(2);
    }

    fn turn_wheel(&mut self, y: f32) {
        let (unit, phase) = (MouseScrollUnit::Line, TouchPhase::Moved);
        let turn = MouseWheel { unit, x: 0.0, y, window: self.window, phase };
        self.app.world_mut().write_message(WindowEvent::from(turn));
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
    let mut console = console(examples::calm());
    assert_eq!(console.selected(), "vehicle-1");
    let label = console.label("vehicle-5").expect("vehicle-5 is labelled");
    assert!(console.world_rect().contains(label), "{label} lies in {:?}", console.world_rect());
    console.click_at(label + Vec2::new(8.0, 6.0));
    assert_eq!(console.selected(), "vehicle-5");
}

#[test]
fn a_drag_that_begins_on_an_agent_moves_the_map_and_chooses_nobody() {
    let mut console = console(examples::calm());
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
    let mut console = console(examples::calm());
    let centre = console.world_rect().center();
    console.point(centre);
    let span =
        |console: &mut Rig| console.label("vehicle-5").unwrap().distance(console.label("vehicle-1").unwrap());
    let before = span(&mut console);
    console.turn_wheel(-1.0);
    assert!(span(&mut console) < 0.95 * before);
}

#[test]
fn a_click_on_a_tile_looks_at_its_agent() {
    let mut console = console(examples::tiles());
    let before = console.selected();
    let label = console.label("billing-b").expect("the tile is in sight");
    console.click_at(label);
    assert_ne!(before, "billing-b");
    assert_eq!(console.selected(), "billing-b");
}

#[test]
fn texts_are_used_again_and_do_not_pile_up() {
    let mut console = console(examples::thousand());
    let centre = console.world_rect().center();
    console.point(centre);
    let there_and_back = |console: &mut Rig| {
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
