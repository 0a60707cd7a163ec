//! Saves a frame as a PNG.

use bevy::{
    camera::RenderTarget,
    prelude::*,
    render::view::screenshot::{Screenshot, ScreenshotCaptured, save_to_disk},
};
use bevy_egui::PrimaryEguiContext;
use std::path::PathBuf;

/// Frames that a capture may take to come back from the renderer.
const PATIENCE: u32 = 200;

/// When to stop, and what to save before.
#[derive(Clone, Debug, Resource)]
pub struct Capture {
    /// Where to; `None` only ends after the frames.
    pub file: Option<PathBuf>,
    /// After how many frames, at least 1.
    pub after_frames: u32,
}

pub(crate) fn plugin(app: &mut App, capture: Capture) {
    app.insert_resource(capture).add_systems(Last, take);
}

fn take(
    mut commands: Commands,
    capture: Res<Capture>,
    target: Single<&RenderTarget, With<PrimaryEguiContext>>,
    mut frames: Local<u32>,
    mut exit: MessageWriter<AppExit>,
) {
    *frames += 1;
    if *frames < capture.after_frames {
        return;
    }
    let Some(file) = capture.file.clone() else {
        exit.write(AppExit::Success);
        return;
    };
    if *frames == capture.after_frames {
        // As the camera names it: another scale would be another target.
        commands.spawn(Screenshot(target.clone())).observe(save_to_disk(file)).observe(done);
    } else if *frames > capture.after_frames + PATIENCE {
        // The caller looks for the file, and says that there is none.
        exit.write(AppExit::from_code(1));
    }
}

fn done(_captured: On<ScreenshotCaptured>, mut exit: MessageWriter<AppExit>) {
    exit.write(AppExit::Success);
}
