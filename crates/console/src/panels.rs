//! Mounts the panels in the window: gives them the rows' picture, and passes on what they ask for.

use crate::{
    desk::{Asked, Desk},
    link::Link,
};
use bevy::prelude::*;
use bevy_egui::{EguiContexts, EguiInput, EguiPreUpdateSet, EguiPrimaryContextPass};
use watchkeeper_panels::{Inputs, draw};

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(EguiPrimaryContextPass, show);
    let input = EguiPreUpdateSet::ProcessInput;
    let sifted = (spare_space, drop_repeats).after(input).before(EguiPreUpdateSet::BeginPass);
    app.add_systems(PreUpdate, sifted);
}

/// Keeps the dead-man's key from the controls while an agent is this person's: Space presses none of them. What
/// is typed is text, and comes through.
fn spare_space(link: Res<Link>, mut inputs: Query<&mut EguiInput>) {
    if !link.holds_one() {
        return;
    }
    for mut input in &mut inputs {
        let is_space = |event: &egui::Event| {
            matches!(event, egui::Event::Key { key: egui::Key::Space, pressed: true, .. })
        };
        input.events.retain(|event| !is_space(event));
    }
}

/// Drops the modifiers that bevy_egui tells again with every frame: egui takes each event for a reason to draw the
/// next frame at once, and a calm window would never sleep.
fn drop_repeats(mut inputs: Query<&mut EguiInput>, mut last: Local<Option<egui::Modifiers>>) {
    for mut input in &mut inputs {
        input.events.retain(|event| {
            let egui::Event::ModifiersChanged(modifiers) = event else { return true };
            last.replace(*modifiers) != Some(*modifiers)
        });
    }
}

fn show(
    mut contexts: EguiContexts,
    mut desk: ResMut<Desk>,
    link: Res<Link>,
    mut asked: MessageWriter<Asked>,
    mut clear: ResMut<ClearColor>,
) -> Result {
    let context = contexts.ctx_mut()?;
    let desk = &mut *desk;
    let replay = link.replay_row();
    let inputs = Inputs {
        picture: link.picture(),
        hands: &desk.hands,
        now: link.now(),
        local: &desk.local,
        settings: &desk.settings,
        replay: replay.as_ref(),
    };
    let output = draw(context, &mut desk.state, &inputs);
    desk.world_rect = output.world;
    // The field of a new question gets the keyboard with the next frame; what is typed until then is for it.
    let asks = desk.hands.question().is_some();
    desk.types = output.wants_keyboard || (asks && !desk.asked_before);
    desk.asked_before = asks;
    desk.control_focused = output.control_focused;
    desk.on_screen.clone_from(&output.shown);
    desk.shown = output.shown;
    desk.drawn = true;
    asked.write_batch(output.requests.into_iter().map(Asked));
    let ground = desk.settings.theme().colors().ground;
    clear.0 = Color::srgb_u8(ground.0, ground.1, ground.2);
    Ok(())
}
