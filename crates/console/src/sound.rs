//! Says a takeover demand aloud, once each; what flashes says the same to the eye.

use crate::{desk::Desk, link::Link};
use bevy::{
    audio::{AudioPlayer, AudioSource, PlaybackSettings},
    prelude::*,
};
use std::collections::BTreeSet;
use watchkeeper_model::DemandId;
use watchkeeper_picture::view;

/// Two tones that rise, 0.4 s.
const DEMAND: &[u8] = include_bytes!("../../../assets/sounds/demand.wav");

#[derive(Resource)]
struct Tones(Handle<AudioSource>);

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, load).add_systems(Update, play.run_if(resource_exists::<Tones>));
}

fn load(mut commands: Commands, mut sources: ResMut<Assets<AudioSource>>) {
    commands.insert_resource(Tones(sources.add(AudioSource { bytes: DEMAND.into() })));
}

fn play(
    mut commands: Commands,
    link: Res<Link>,
    desk: Res<Desk>,
    tones: Res<Tones>,
    mut heard: Local<BTreeSet<DemandId>>,
) {
    // A recording calls nobody.
    if !link.is_live() {
        return;
    }
    let rows = view::demands::rows(link.picture(), None, link.now());
    let open: BTreeSet<_> =
        rows.iter().filter(|row| row.holder.is_none()).filter_map(|row| row.demand).collect();
    if open.iter().any(|demand| !heard.contains(demand)) && desk.settings.sound {
        commands.spawn((AudioPlayer(tones.0.clone()), PlaybackSettings::DESPAWN));
    }
    *heard = open;
}
