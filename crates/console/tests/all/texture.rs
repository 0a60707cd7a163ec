//! Frames on a texture, with the real renderer.

use bevy::{app::AppExit, prelude::*};
use std::fs;
use watchkeeper_console::{
    app::{Setup, build},
    capture::Capture,
    desk::Desk,
    link::Source,
    surface::Surface,
};
use watchkeeper_picture::examples;

#[test]
fn a_captured_frame_shows_panels_and_world_and_was_presented() {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let file = directory.path().join("frame.png");
    let surface = Surface::Texture { size: (1280, 720), scale: 1.0 };
    let mut setup = Setup::new(Source::Still(Box::new(examples::alert())), surface);
    setup.capture = Some(Capture { file: Some(file.clone()), after_frames: 6 });
    let mut app = build(setup).unwrap();
    app.finish();
    app.cleanup();
    let exit = (0..300).find_map(|_| {
        app.update();
        app.should_exit()
    });
    assert_eq!(exit, Some(AppExit::Success));
    assert!(app.world().resource::<Desk>().local.frame_millis.is_some(), "frames come back with their time");

    let image = Image::from_buffer(
        &fs::read(&file).unwrap(),
        bevy::image::ImageType::Extension("png"),
        bevy::image::CompressedImageFormats::NONE,
        true,
        bevy::image::ImageSampler::Default,
        bevy::asset::RenderAssetUsages::all(),
    )
    .unwrap();
    assert_eq!(image.size(), UVec2::new(1280, 720));
    let pixel = |x, y| image.get_color_at(x, y).unwrap().to_srgba();
    let reds = (0..1280 * 720)
        .filter(|place| {
            let colour = pixel(place % 1280, place / 1280);
            colour.red > 0.8 && colour.blue < 0.6
        })
        .count();
    assert!(reds > 300, "the demand stands out: {reds} pixels of its colour");
    assert!(reds < 1280 * 720 / 20, "and nothing else does: {reds}");
}
