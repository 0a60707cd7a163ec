//! Mounts the panels in the window: gives them the rows' picture, and passes on what they ask for.

mod shading;

use crate::{
    desk::{Asked, Desk},
    link::Link,
};
use bevy::prelude::*;
use bevy_egui::{EguiContexts, EguiInput, EguiPreUpdateSet, EguiPrimaryContextPass, PrimaryEguiContext};
use watchkeeper_panels::{Inputs, draw};

pub(crate) fn plugin(app: &mut App) {
    shading::plugin(app);
    app.add_systems(EguiPrimaryContextPass, show);
    let input = EguiPreUpdateSet::ProcessInput;
    let sifted = (spare_space, drop_repeats).after(input).before(EguiPreUpdateSet::BeginPass);
    app.add_systems(PreUpdate, sifted);
}

/// Keeps the dead-man's key from the controls while an agent is this person's: Space presses none of them. What
/// is typed is text, and comes through.
fn spare_space(link: Res<Link>, mut input: Single<&mut EguiInput, With<PrimaryEguiContext>>) {
    if !link.holds_one() {
        return;
    }
    let is_space =
        |event: &egui::Event| matches!(event, egui::Event::Key { key: egui::Key::Space, pressed: true, .. });
    input.events.retain(|event| !is_space(event));
}

/// Drops the modifiers that bevy_egui tells again with every frame: egui takes each event for a reason to draw the
/// next frame at once, and a calm window would never sleep.
fn drop_repeats(
    mut input: Single<&mut EguiInput, With<PrimaryEguiContext>>,
    mut last: Local<Option<egui::Modifiers>>,
) {
    input.events.retain(|event| {
        let egui::Event::ModifiersChanged(modifiers) = event else { return true };
        last.replace(*modifiers) != Some(*modifiers)
    });
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
    desk.types = output.wants_keyboard;
    desk.control_focused = output.control_focused;
    desk.shown = output.shown;
    desk.drawn = true;
    asked.write_batch(output.requests.into_iter().map(Asked));
    let ground = desk.settings.theme().colors().ground;
    clear.0 = Color::srgb_u8(ground.0, ground.1, ground.2);
    Ok(())
}
