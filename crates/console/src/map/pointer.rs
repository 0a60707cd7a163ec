//! The mouse over the world: dragging, the wheel, choosing; and the key that shows all.

use super::{Stage, hand::Hand, world};
use crate::desk::{Asked, Desk};
use bevy::{
    input::mouse::{MouseScrollUnit, MouseWheel},
    prelude::*,
    window::{PrimaryWindow, RequestRedraw},
};
use bevy_egui::EguiContexts;

/// Pixels of a smooth wheel that are one notch.
const PIXELS_A_NOTCH: f32 = 40.0;

#[expect(clippy::too_many_arguments, reason = "a system of Bevy names all that it uses")]
pub(super) fn listen(
    mut stage: ResMut<Stage>,
    mut hand: Local<Hand>,
    desk: Res<Desk>,
    window: Option<Single<&Window, With<PrimaryWindow>>>,
    (buttons, keys, time): (Res<ButtonInput<MouseButton>>, Res<ButtonInput<KeyCode>>, Res<Time<Real>>),
    mut wheel: MessageReader<MouseWheel>,
    mut contexts: EguiContexts,
    (mut asked, mut redraw): (MessageWriter<Asked>, MessageWriter<RequestRedraw>),
) {
    let notches: f32 = wheel
        .read()
        .map(|turn| match turn.unit {
            MouseScrollUnit::Line => turn.y,
            MouseScrollUnit::Pixel => turn.y / PIXELS_A_NOTCH,
        })
        .sum();
    let (Some(window), Some(rect)) = (window, world::rect(&desk)) else {
        hand.forget();
        return;
    };
    let cursor = window.cursor_position();
    let free = cursor.filter(|at| rect.contains(*at) && is_free(&mut contexts, *at)).map(|at| at - rect.min);
    let mut touched = false;
    if let Some(at) = free {
        if buttons.just_pressed(MouseButton::Left) {
            hand.press(at, stage.scene.pick(at));
        }
        if notches != 0.0 {
            stage.scene.wheel(at, notches);
            touched = true;
        }
    }
    let moved = cursor.and_then(|at| hand.move_to(at - rect.min));
    let released = if buttons.pressed(MouseButton::Left) { None } else { hand.release(time.elapsed()) };
    for gesture in moved.into_iter().chain(released) {
        if desk.state.follow && matches!(gesture, super::hand::Gesture::Drag { .. }) {
            asked.write(world::stay());
        }
        touched = true;
        if let Some(agent) = stage.scene.obey(gesture) {
            asked.write(world::select(agent));
        }
    }
    if keys.just_pressed(KeyCode::Home) && !world::keyboard_is_taken(&desk) {
        stage.scene.fit();
        touched = true;
    }
    let over = if hand.is_down() { None } else { free };
    touched |= !hand.is_down() && stage.scene.hover(over);
    if touched {
        stage.touched = true;
        redraw.write(RequestRedraw);
    }
}

/// Returns whether no window of the panels lies over a point of the world.
fn is_free(contexts: &mut EguiContexts, at: Vec2) -> bool {
    let Ok(context) = contexts.ctx_mut() else { return true };
    let layer = context.layer_id_at(egui::pos2(at.x, at.y));
    layer.is_none_or(|layer| layer.order == egui::Order::Background)
}
