// Draws egui's triangles. It stands in for the shader of bevy_egui, which raises every pixel of every panel to six
// powers and interpolates a texture there: where the processor draws, each was about a fifth of a frame.
//
// egui multiplies a vertex' colour and its texture as sRGB values (IEC 61966-2-1), pixel by pixel. sRGB is nearly a
// power, and powers of a product are products of powers: so corners are made linear here, reading the texture makes it
// so, and a pixel is their product. Where either is black, white or whole, as all but the edges of letters and shapes
// are, nothing differs. The curve is fitted by a square root, within an eighth of one step of 255: see `shading.rs`.

struct Transform {
    scale: vec2<f32>,
    translation: vec2<f32>,
}

struct Corner {
    @location(0) position: vec2<f32>,
    @location(1) uv: vec2<f32>,
    @location(2) color: vec4<f32>,
}

struct Pixel {
    @builtin(position) position: vec4<f32>,
    @location(0) color: vec4<f32>,
    @location(1) uv: vec2<f32>,
}

@group(0) @binding(0) var<uniform> transform: Transform;
@group(1) @binding(0) var letters: texture_2d<f32>;

// y^0.4, where y = (x + 0.055) / 1.055 and x is sRGB above the straight part: y, y^(1/2), 1.
const DECODE = vec3<f32>(-0.1348031, 1.054775, 0.079527);

fn decode(srgb: vec3<f32>) -> vec3<f32> {
    let y = (srgb + 0.055) / 1.055;
    let curve = y * y * (DECODE.x * y + DECODE.y * sqrt(y) + DECODE.z);
    return select(curve, srgb / 12.92, srgb < vec3<f32>(0.04045));
}

@vertex
fn vs_main(corner: Corner) -> Pixel {
    let place = corner.position * transform.scale + transform.translation;
    return Pixel(vec4<f32>(place, 0.0, 1.0), vec4<f32>(decode(corner.color.rgb), corner.color.a), corner.uv);
}

@fragment
fn fs_main(pixel: Pixel) -> @location(0) vec4<f32> {
    // Letters lie on whole pixels, and all else is white: there is nothing to interpolate.
    let size = vec2<f32>(textureDimensions(letters));
    let texel = textureLoad(letters, vec2<i32>(pixel.uv * size), 0);
    return texel * pixel.color;
}
