//! Saves a frame as a PNG.

use bevy::{
    camera::{ImageRenderTarget, RenderTarget},
    prelude::*,
    render::view::screenshot::{Screenshot, ScreenshotCaptured, save_to_disk},
};
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

/// What is drawn to, as a screenshot names it.
#[derive(Clone, Debug, Resource)]
pub(crate) enum Canvas {
    /// The window.
    Window,
    /// A texture, as the camera names it: another scale would be another target.
    Texture(ImageRenderTarget),
}

pub(crate) fn plugin(app: &mut App, capture: Capture) {
    app.insert_resource(capture).add_systems(Last, take);
}

fn take(
    mut commands: Commands,
    capture: Res<Capture>,
    canvas: Option<Res<Canvas>>,
    mut frames: Local<u32>,
    mut exit: MessageWriter<AppExit>,
) {
    *frames += 1;
    if *frames < capture.after_frames {
        return;
    }
    let Some((file, canvas)) = capture.file.clone().zip(canvas) else {
        exit.write(AppExit::Success);
        return;
    };
    if *frames == capture.after_frames {
        let screenshot = match &*canvas {
            Canvas::Window => Screenshot::primary_window(),
            Canvas::Texture(target) => Screenshot(RenderTarget::Image(target.clone())),
        };
        commands.spawn(screenshot).observe(save_to_disk(file)).observe(done);
    } else if *frames > capture.after_frames + PATIENCE {
        // The caller looks for the file, and says that there is none.
        exit.write(AppExit::from_code(1));
    }
}

fn done(_captured: On<ScreenshotCaptured>, mut exit: MessageWriter<AppExit>) {
    exit.write(AppExit::Success);
}
