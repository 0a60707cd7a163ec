//! scratch
#![allow(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]
#[path = "support/window.rs"]
mod window;
use std::collections::HashMap;
use egui::{Color32, ImageData, TextureId, epaint::Primitive, vec2, RawInput, Rect, Pos2};
use watchkeeper_panels::*;
use watchkeeper_picture::examples;
use window::Window;

struct Tex { w: usize, h: usize, px: Vec<Color32> }

fn shot(mut w: Window, size: egui::Vec2, ppp: f32, path: &str) {
    let ctx = egui::Context::default();
    let mut texs: HashMap<TextureId, Tex> = HashMap::new();
    let mut last = None;
    for i in 0..4 {
        let mut input = RawInput { screen_rect: Some(Rect::from_min_size(Pos2::ZERO, size)), time: Some(i as f64 * 0.1), ..Default::default() };
        input.viewports.get_mut(&egui::ViewportId::ROOT).unwrap().native_pixels_per_point = Some(ppp);
        let mut out = ctx.run_ui(input, |ui| {
            let inputs = Inputs { picture: &w.situation.picture, hands: &w.hands, now: w.situation.now, local: &w.local, settings: &w.settings, replay: w.replay.as_ref() };
            draw(ui.ctx(), &mut w.state, &inputs);
        });
        for (id, delta) in out.textures_delta.set.iter().flat_map(|(id, ds)| ds.iter().map(move |d| (id, d))) {
            let delta: &egui::epaint::ImageDelta = delta;
            let ImageData::Color(img) = &delta.image;
            let (iw, ih) = (img.size[0], img.size[1]);
            match delta.pos {
                None => { texs.insert(*id, Tex { w: iw, h: ih, px: img.pixels.clone() }); }
                Some([x0, y0]) => { let t = texs.get_mut(id).unwrap(); for y in 0..ih { for x in 0..iw { t.px[(y0+y)*t.w + x0+x] = img.pixels[y*iw+x]; } } }
            }
        }
        out.textures_delta.clear(); last = Some(out);
    }
    let out = last.unwrap();
    let (pw, ph) = ((size.x*ppp) as usize, (size.y*ppp) as usize);
    let mut buf = vec![[0.0f32;3]; pw*ph];
    for prim in ctx.tessellate(out.shapes, ppp) {
        let clip = prim.clip_rect;
        let (cx0, cy0, cx1, cy1) = ((clip.min.x*ppp).round().max(0.0), (clip.min.y*ppp).round().max(0.0), (clip.max.x*ppp).round().min(pw as f32), (clip.max.y*ppp).round().min(ph as f32));
        let Primitive::Mesh(m) = prim.primitive else { continue };
        let Some(t) = texs.get(&m.texture_id) else { continue };
        for tri in m.indices.chunks(3) {
            let v: Vec<_> = tri.iter().map(|i| m.vertices[*i as usize]).collect();
            let p: Vec<_> = v.iter().map(|v| (v.pos.x*ppp, v.pos.y*ppp)).collect();
            let area = (p[1].0-p[0].0)*(p[2].1-p[0].1)-(p[2].0-p[0].0)*(p[1].1-p[0].1);
            if area.abs() < 1e-9 { continue; }
            let x0 = p.iter().map(|p| p.0).fold(f32::INFINITY, f32::min).floor().max(cx0) as i64;
            let x1 = p.iter().map(|p| p.0).fold(f32::NEG_INFINITY, f32::max).ceil().min(cx1) as i64;
            let y0 = p.iter().map(|p| p.1).fold(f32::INFINITY, f32::min).floor().max(cy0) as i64;
            let y1 = p.iter().map(|p| p.1).fold(f32::NEG_INFINITY, f32::max).ceil().min(cy1) as i64;
            for y in y0..y1 { for x in x0..x1 {
                let (fx, fy) = (x as f32+0.5, y as f32+0.5);
                let w0 = ((p[1].0-fx)*(p[2].1-fy)-(p[2].0-fx)*(p[1].1-fy))/area;
                let w1 = ((p[2].0-fx)*(p[0].1-fy)-(p[0].0-fx)*(p[2].1-fy))/area;
                let w2 = 1.0-w0-w1;
                if w0 < 0.0 || w1 < 0.0 || w2 < 0.0 || (w0==0.0 && area<0.0) { continue; }
                let u = w0*v[0].uv.x+w1*v[1].uv.x+w2*v[2].uv.x; let vv = w0*v[0].uv.y+w1*v[1].uv.y+w2*v[2].uv.y;
                let tx = ((u*t.w as f32) as usize).min(t.w-1); let ty = ((vv*t.h as f32) as usize).min(t.h-1);
                let tc = t.px[ty*t.w+tx];
                let ch = |k: usize| -> f32 { (w0*v[0].color[k] as f32+w1*v[1].color[k] as f32+w2*v[2].color[k] as f32)*tc[k] as f32/255.0 };
                let a = ch(3)/255.0;
                let d = &mut buf[y as usize*pw+x as usize];
                for k in 0..3 { d[k] = ch(k) + d[k]*(1.0-a); }
            } }
        }
    }
    let mut bytes = format!("P6\n{pw} {ph}\n255\n").into_bytes();
    for d in buf { for k in 0..3 { bytes.push(d[k].clamp(0.0,255.0) as u8); } }
    std::fs::write(format!("/tmp/shots/{path}.ppm"), bytes).unwrap();
}

#[test]
fn shots() {
    let only = std::env::var("SHOT").unwrap_or_default();
    let big = vec2(1920.0, 1080.0); let small = vec2(1280.0, 720.0);
    for (name, make) in examples::all() {
        for (lname, level) in [("task", Level::Task), ("detail", Level::Detail), ("diag", Level::Diagnosis)] {
            for (sname, size, scale) in [("big", big, 1.0), ("small", small, 1.0), ("scale2", vec2(1920.0, 1080.0), 2.0), ("small2", small, 2.0)] {
                let path = format!("{name}-{lname}-{sname}");
                if !only.split(',').any(|o| path == o) { continue; }
                let mut w = Window::new(make(), level);
                if name == "ready" || name == "claimed" { w = w.armed(); }
                if name == "manual" { w.local.manual = true; w.local.deadman_held = true; w.local.setpoint = Some(watchkeeper_model::Setpoint { steer: 0.3, accelerate: -0.2 }); }
                if name == "calm" && level == Level::Task { w.state.selected = Some(window::agent("vehicle-4")); w.replay = Some(ReplayRow { playing: true, speed: 1.0, at: std::time::Duration::from_secs(65), length: std::time::Duration::from_secs(240), alerts: vec![std::time::Duration::from_secs(20), std::time::Duration::from_secs(100)], seeking: false, name: "night.ledger".into() }); }
                w.settings.text_scale = scale;
                w.local.frame_rate_hz = 60.0; w.local.frame_millis = Some(5.2); w.local.presented = Some(Percentiles { p50_millis: 14.0, p95_millis: 25.0, p99_millis: 31.0 });
                shot(w, size, 1.0, &path);
            }
        }
    }
}
