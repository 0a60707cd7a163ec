// Draws egui's triangles. It stands in for the shader of bevy_egui, which raises every pixel of every panel to six
// powers: where the processor draws, that was a fifth of a frame.
//
// egui multiplies a vertex' colour and its texture as sRGB values (IEC 61966-2-1); the target blends linear ones. Both
// curves are fitted by square roots, within an eighth of one step of 255: see `shading.rs`, which checks them.

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
#ifdef BINDLESS
@group(1) @binding(0) var textures: binding_array<texture_2d<f32>>;
@group(1) @binding(1) var samplers: binding_array<sampler>;
struct Chosen {
    index: u32,
};
var<immediate> chosen: Chosen;
#else
@group(1) @binding(0) var only_texture: texture_2d<f32>;
@group(1) @binding(1) var only_sampler: sampler;
#endif

// Linear to sRGB above the straight part: x, x^(1/2), x^(1/4), 1.
const ENCODE = vec4<f32>(-0.0553213, 0.8337622, 0.2981018, -0.0769025);
// y^0.4, where y = (x + 0.055) / 1.055 and x is sRGB above the straight part: y, y^(1/2), 1.
const DECODE = vec3<f32>(-0.1348031, 1.054775, 0.079527);

fn encode(linear: vec3<f32>) -> vec3<f32> {
    let root = sqrt(linear);
    let curve = ENCODE.x * linear + ENCODE.y * root + ENCODE.z * sqrt(root) + ENCODE.w;
    return select(curve, linear * 12.92, linear < vec3<f32>(0.0031308));
}

fn decode(srgb: vec3<f32>) -> vec3<f32> {
    let y = (srgb + 0.055) / 1.055;
    let curve = y * y * (DECODE.x * y + DECODE.y * sqrt(y) + DECODE.z);
    return select(curve, srgb / 12.92, srgb < vec3<f32>(0.04045));
}

@vertex
fn vs_main(corner: Corner) -> Pixel {
    let place = corner.position * transform.scale + transform.translation;
    return Pixel(vec4<f32>(place, 0.0, 1.0), corner.color, corner.uv);
}

@fragment
fn fs_main(pixel: Pixel) -> @location(0) vec4<f32> {
#ifdef BINDLESS
    let texel = textureSample(textures[chosen.index], samplers[chosen.index], pixel.uv);
#else
    let texel = textureSample(only_texture, only_sampler, pixel.uv);
#endif
    return vec4<f32>(decode(encode(texel.rgb) * pixel.color.rgb), texel.a * pixel.color.a);
}
