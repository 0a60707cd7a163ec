//! What a frame costs with a thousand agents that move.

use crate::{clock, fold::telemetry, quantile, threads::Used};
use crossbeam_channel::bounded;
use std::path::Path;
use watchkeeper_console::{
    app::{self, Setup},
    link::Source,
    surface::Surface,
};
use watchkeeper_panels::Level;
use watchkeeper_picture::examples;

/// Frames before the first that counts: pipelines are made, fonts are drawn.
const WARM_UP: u32 = 40;

/// Room for the messages of two frames.
const WAITING: usize = 4_096;

/// Draws frames to a texture, each after every agent has moved on.
pub(crate) fn measure(frames: u32) {
    for (name, level) in [("overview", Level::Overview), ("task", Level::Task)] {
        let situation = examples::thousand();
        let (sender, receiver) = bounded(WAITING);
        let picture = Box::new(situation.picture.clone());
        let source = Source::Fed { picture, now: situation.now, messages: receiver };
        let mut setup = Setup::new(source, Surface::Texture { size: (1600, 900), scale: 1.0 });
        setup.level = level;
        setup.select.clone_from(&situation.agent);
        setup.map = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/maps/ring.geojson"));
        let mut app = app::build(setup).unwrap();
        app.finish();
        app.cleanup();
        let (mut own, mut walls) = (Vec::new(), Vec::new());
        let (mut main, mut tasks, mut rasteriser) = (0.0, 0.0, 0.0);
        for frame in 1..=frames + WARM_UP {
            // Ten times a second at twenty frames a second: every other frame.
            if frame % 2 == 0 {
                for message in telemetry(&situation, u64::from(frame / 2)) {
                    sender.send(message).unwrap();
                }
            }
            let (before, began) = (Used::until_now(), clock::now());
            app.update();
            let (used, wall) = (Used::until_now().since(before), clock::now().saturating_sub(began));
            if frame > WARM_UP {
                own.push((used.main + used.tasks).as_secs_f64() * 1e3);
                main += used.main.as_secs_f64() * 1e3;
                walls.push(wall.as_secs_f64() * 1e3);
                tasks += used.tasks.as_secs_f64() * 1e3;
                rasteriser += used.rasteriser.as_secs_f64() * 1e3;
            }
        }
        let count = f64::from(frames);
        println!("\na frame with 1,000 moving agents, {name}, 1600x900 ({frames} frames):");
        println!(
            "  own processor time: update, panels, rendering  p50 {:.1}  p95 {:.1} ms",
            quantile(&mut own, 0.5),
            quantile(&mut own, 0.95),
        );
        println!("    of it the main thread (nothing is pipelined)  mean {:.1} ms", main / count);
        println!("    of it the task pools, which run systems       mean {:.1} ms", tasks / count);
        println!("  software rasteriser and driver, not counted     mean {:.1} ms", rasteriser / count);
        println!(
            "  wall                                            p50 {:.1}  p95 {:.1} ms",
            quantile(&mut walls, 0.5),
            quantile(&mut walls, 0.95)
        );
    }
}
