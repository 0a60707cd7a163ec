//! Temporary: pictures without a GPU.
#![allow(clippy::all, clippy::pedantic, clippy::restriction, missing_docs, reason = "temporary")]
use egui::{Color32, ImageData, TextureId, epaint::Primitive};
use std::collections::BTreeMap;
use watchkeeper_panels::*;
use watchkeeper_picture::{Hands, Press, examples};
struct Tex { w: usize, h: usize, px: Vec<Color32> }
fn shot(name: &str, level: Level, theme: &str, size: (usize, usize), scale: f32, extra: &str) -> Vec<u8> {
    let (_, make) = examples::all().into_iter().find(|(n, _)| *n == name).unwrap();
    let sit = make();
    let mut state = State::new();
    state.level = level;
    state.selected = sit.agent.clone();
    state.settings_open = extra == "settings";
    state.help = extra == "help";
    let mut hands = Hands::new();
    if extra == "question" {
        let rows = watchkeeper_picture::view::alerts::rows(&sit.picture, None, sit.now);
        let a = rows.iter().find(|r| r.can_shelve.is_ok()).unwrap().alert;
        state.alert = Some(a);
        hands.press(&Press::Shelve(a), None, &sit.picture, sit.now);
    }
    let mut settings = Settings::default();
    settings.text_scale = scale;
    settings.theme = match theme { "light" => theme::ThemeName::Light, "high" => theme::ThemeName::HighContrast, _ => theme::ThemeName::Dark };
    let replay = ReplayRow { playing: true, speed: 2.0, at: std::time::Duration::from_secs(75), length: std::time::Duration::from_secs(600), alerts: vec![std::time::Duration::from_secs(60)], seeking: false, name: "monday".into() };
    let ctx = egui::Context::default();
    let mut tex: BTreeMap<u64, Tex> = BTreeMap::new();
    let mut last = None;
    let mut world = None;
    for i in 0..4 {
        let raw = egui::RawInput { screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(size.0 as f32, size.1 as f32))), time: Some(0.1 * i as f64), ..Default::default() };
        let mut out = ctx.run_ui(raw, |ui| {
            let inputs = Inputs { picture: &sit.picture, hands: &hands, now: sit.now, local: &Local::default(), settings: &settings, replay: (extra == "replay").then_some(&replay) };
            world = draw(ui.ctx(), &mut state, &inputs).world;
        });
        for (id, ds) in &out.textures_delta.set { for d in ds.iter() {
            let TextureId::Managed(id) = id else { continue };
            let ImageData::Color(img) = &d.image;
            if let Some(p) = d.pos {
                let t = tex.get_mut(id).unwrap();
                for y in 0..img.size[1] { for x in 0..img.size[0] { t.px[(p[1] + y) * t.w + p[0] + x] = img.pixels[y * img.size[0] + x]; } }
            } else { tex.insert(*id, Tex { w: img.size[0], h: img.size[1], px: img.pixels.clone() }); } }
        }
        out.textures_delta.clear();
        last = Some(out);
    }
    let out = last.unwrap();
    let g = settings.theme().colors().ground;
    let mut fb = vec![[g.0 as f32, g.1 as f32, g.2 as f32]; size.0 * size.1];
    let _ = world;
    for prim in ctx.tessellate(out.shapes, 1.0) {
        let Primitive::Mesh(m) = prim.primitive else { continue };
        let TextureId::Managed(id) = m.texture_id else { continue };
        let t = &tex[&id];
        let c = prim.clip_rect;
        for tri in m.indices.chunks(3) {
            let v: Vec<_> = tri.iter().map(|i| m.vertices[*i as usize]).collect();
            let area = (v[1].pos.x - v[0].pos.x) * (v[2].pos.y - v[0].pos.y) - (v[2].pos.x - v[0].pos.x) * (v[1].pos.y - v[0].pos.y);
            if area.abs() < 1e-6 { continue; }
            let x0 = v.iter().map(|p| p.pos.x).fold(f32::MAX, f32::min).max(c.min.x).max(0.0) as usize;
            let x1 = (v.iter().map(|p| p.pos.x).fold(f32::MIN, f32::max).min(c.max.x).ceil() as usize).min(size.0);
            let y0 = v.iter().map(|p| p.pos.y).fold(f32::MAX, f32::min).max(c.min.y).max(0.0) as usize;
            let y1 = (v.iter().map(|p| p.pos.y).fold(f32::MIN, f32::max).min(c.max.y).ceil() as usize).min(size.1);
            for y in y0..y1 { for x in x0..x1 {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                if !c.contains(egui::pos2(px, py)) { continue; }
                let w0 = ((v[1].pos.x - px) * (v[2].pos.y - py) - (v[2].pos.x - px) * (v[1].pos.y - py)) / area;
                let w1 = ((v[2].pos.x - px) * (v[0].pos.y - py) - (v[0].pos.x - px) * (v[2].pos.y - py)) / area;
                let w2 = 1.0 - w0 - w1;
                if w0 < 0.0 || w1 < 0.0 || w2 < 0.0 { continue; }
                let u = w0 * v[0].uv.x + w1 * v[1].uv.x + w2 * v[2].uv.x;
                let vv = w0 * v[0].uv.y + w1 * v[1].uv.y + w2 * v[2].uv.y;
                let tx = ((u * t.w as f32) as usize).min(t.w - 1);
                let ty = ((vv * t.h as f32) as usize).min(t.h - 1);
                let tc = t.px[ty * t.w + tx].to_array();
                let mut s = [0f32; 4];
                for k in 0..4 { s[k] = (w0 * v[0].color.to_array()[k] as f32 + w1 * v[1].color.to_array()[k] as f32 + w2 * v[2].color.to_array()[k] as f32) * tc[k] as f32 / 255.0; }
                let d = &mut fb[y * size.0 + x];
                for k in 0..3 { d[k] = s[k] + d[k] * (1.0 - s[3] / 255.0); }
            } }
        }
    }
    let mut ppm = format!("P6 {} {} 255\n", size.0, size.1).into_bytes();
    for p in fb { for k in p { ppm.push(k.clamp(0.0, 255.0) as u8); } }
    ppm
}
#[test]
fn shots() {
    let Ok(list) = std::env::var("SHOTS") else { return };
    for item in list.split(';') {
        let f: Vec<_> = item.split(',').collect();
        let level = Level::ALL[f[1].parse::<usize>().unwrap() - 1];
        let size = if f[3] == "big" { (1920, 1080) } else { (1280, 720) };
        let ppm = shot(f[0], level, f[2], size, f[4].parse().unwrap(), f.get(5).unwrap_or(&""));
        std::fs::write(format!("/tmp/shots_a/{}.ppm", item.replace(',', "_")), ppm).unwrap();
    }
}

#[test]
fn timing() {
    for (name, level) in [("thousand", Level::Overview), ("thousand", Level::Task), ("flood", Level::Task), ("alert", Level::Detail), ("thousand", Level::Diagnosis)] {
        let (_, make) = examples::all().into_iter().find(|(n, _)| *n == name).unwrap();
        let sit = make();
        let mut state = State::new();
        state.level = level;
        state.selected = sit.agent.clone();
        let hands = Hands::new();
        let settings = Settings::default();
        let ctx = egui::Context::default();
        let mut sum = std::time::Duration::ZERO;
        for i in 0..40 {
            let raw = egui::RawInput { screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(1920.0, 1080.0))), time: Some(0.1 * i as f64), ..Default::default() };
            let t = std::time::Instant::now();
            let mut out = ctx.run_ui(raw, |ui| {
                let inputs = Inputs { picture: &sit.picture, hands: &hands, now: sit.now, local: &Local::default(), settings: &settings, replay: None };
                draw(ui.ctx(), &mut state, &inputs);
            });
            if i >= 10 { sum += t.elapsed(); }
            out.textures_delta.clear();
        }
        println!("TIMING {name} {level:?} {:?}", sum / 30);
    }
}
