//! How the panels' triangles are coloured: a shader that a processor can afford where there is no graphics card.

use bevy::{prelude::*, shader::Shader};
use bevy_egui::render::EGUI_SHADER_HANDLE;

const SOURCE: &str = include_str!("shading.wgsl");

/// Puts our shader in the place of bevy_egui's. Must be added after its plugin.
pub(super) fn plugin(app: &mut App) {
    // Where nothing is drawn there are no shaders.
    let Some(mut shaders) = app.world_mut().get_resource_mut::<Assets<Shader>>() else { return };
    shaders
        .insert(EGUI_SHADER_HANDLE.id(), Shader::from_wgsl(SOURCE, "shading.wgsl"))
        .expect("a handle with a fixed id takes another shader at any time");
}

#[cfg(test)]
mod tests {
    use super::SOURCE;

    /// Returns the numbers of a constant of the shader.
    fn numbers(name: &str) -> Vec<f64> {
        let start = format!("const {name} = ");
        let line = SOURCE.lines().find(|line| line.starts_with(&start)).unwrap();
        let inside = line.split_once('(').unwrap().1.split_once(')').unwrap().0;
        inside.split(',').map(|number| number.trim().parse().unwrap()).collect()
    }

    fn encode_exactly(linear: f64) -> f64 {
        if linear < 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
    }

    #[test]
    fn the_fitted_curve_is_that_of_srgb_within_an_eighth_of_a_step() {
        let decode = numbers("DECODE");
        for step in 0..=2_550 {
            let srgb = f64::from(step) / 2_550.0;
            if srgb >= 0.040_45 {
                let y = (srgb + 0.055) / 1.055;
                let fitted = y * y * (decode[0] * y + decode[1] * y.sqrt() + decode[2]);
                let seen = encode_exactly(fitted);
                assert!((seen - srgb).abs() < 1.0 / 255.0 / 8.0, "{srgb}: {fitted}");
            }
        }
    }
}
