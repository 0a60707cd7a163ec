//! The mouse over the world: dragging, the wheel, choosing; and the key that shows all.
//!
//! Events are taken one by one in their order: a press means what was under the pointer when it came, also
//! when a slow frame brings it together with what followed.

use super::{
    Stage,
    hand::{Gesture, Hand},
    world,
};
use crate::desk::{Asked, Desk};
use bevy::{
    input::{
        ButtonState,
        mouse::{MouseScrollUnit, MouseWheel},
    },
    prelude::*,
    window::WindowEvent,
};
use bevy_egui::EguiContexts;
use std::time::Duration;

/// Pixels of a smooth wheel that are one notch.
const PIXELS_A_NOTCH: f32 = 40.0;

/// Where the pointer is, and what it does.
#[derive(Debug, Default)]
pub(super) struct Pointer {
    hand: Hand,
    /// Points of the window; `None` outside of it.
    at: Option<Vec2>,
}

pub(super) fn listen(
    mut pointer: Local<Pointer>,
    mut stage: ResMut<Stage>,
    desk: Res<Desk>,
    (keys, time): (Res<ButtonInput<KeyCode>>, Res<Time<Real>>),
    mut events: MessageReader<WindowEvent>,
    mut contexts: EguiContexts,
    mut asked: MessageWriter<Asked>,
) {
    let Some(rect) = world::rect(&desk) else {
        events.clear();
        pointer.hand.forget();
        return;
    };
    let mut free = |at: Option<Vec2>| {
        at.filter(|at| rect.contains(*at) && is_free(&mut contexts, *at)).map(|at| at - rect.min)
    };
    let mut gestures = Vec::new();
    for event in events.read() {
        gestures.extend(pointer.hear(event, &mut stage, rect, &mut free, time.elapsed()));
    }
    for gesture in gestures {
        if desk.state.follow && matches!(gesture, Gesture::Drag { .. }) {
            asked.write(world::stay());
        }
        stage.touched = true;
        if let Some(agent) = stage.scene.obey(gesture) {
            asked.write(world::select(agent));
        }
    }
    if keys.just_pressed(KeyCode::Home) && !world::keyboard_is_taken(&desk) {
        stage.scene.fit();
        stage.touched = true;
    }
    if !pointer.hand.is_down() {
        let over = free(pointer.at);
        let changed = stage.scene.hover(over);
        stage.touched |= changed;
    }
}

impl Pointer {
    fn hear(
        &mut self,
        event: &WindowEvent,
        stage: &mut Stage,
        rect: Rect,
        free: &mut impl FnMut(Option<Vec2>) -> Option<Vec2>,
        now: Duration,
    ) -> Option<Gesture> {
        if let WindowEvent::CursorMoved(moved) = event {
            self.at = Some(moved.position);
            return self.hand.move_to(moved.position - rect.min);
        }
        if let WindowEvent::CursorLeft(_) = event {
            self.at = None;
        } else if let WindowEvent::MouseWheel(turn) = event
            && let Some(at) = free(self.at)
        {
            stage.scene.wheel(at, notches(turn));
            stage.touched = true;
        } else if let WindowEvent::MouseButtonInput(input) = event
            && input.button == MouseButton::Left
        {
            if input.state == ButtonState::Released {
                return self.hand.release(now);
            }
            if let Some(at) = free(self.at) {
                self.hand.press(at, stage.scene.pick(at));
            }
        }
        None
    }
}

fn notches(turn: &MouseWheel) -> f32 {
    match turn.unit {
        MouseScrollUnit::Line => turn.y,
        MouseScrollUnit::Pixel => turn.y / PIXELS_A_NOTCH,
    }
}

/// Returns whether no window of the panels lies over a point of the world.
fn is_free(contexts: &mut EguiContexts, at: Vec2) -> bool {
    let Ok(context) = contexts.ctx_mut() else { return true };
    let layer = context.layer_id_at(egui::pos2(at.x, at.y));
    layer.is_none_or(|layer| layer.order == egui::Order::Background)
}
