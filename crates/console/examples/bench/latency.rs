//! From the arrival of a message to the presented frame, in a window that sleeps between messages.

use crate::quantile;
use bevy::prelude::*;
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use watchkeeper_client::{Agent, AgentOptions, DecisionDraft, Endpoint, OperatorOptions, TokenSource};
use watchkeeper_console::{
    app::{self, Setup},
    desk::Desk,
    link::Source,
    surface::Surface,
};
use watchkeeper_engine::Config;
use watchkeeper_model::{AgentId, AgentKind, Confidence, Context, PersonId, Pose};
use watchkeeper_panels::{Level, Percentiles};
use watchkeeper_protocol::operator::ConsoleKind;
use watchkeeper_server::{RunningServer, Server, ServerOptions};

const AGENTS: u32 = 300;
/// Decisions of the whole fleet a second, at times that nobody can foresee.
const RATE: f64 = 10.0;

/// What the window measured.
#[derive(Debug, Default)]
struct Measured {
    frames: Vec<f64>,
    presented: Option<Percentiles>,
}

/// Opens the console's window on a real monitor with 300 agents.
pub(crate) fn measure(seconds: u64) {
    let display = std::env::var_os("DISPLAY").is_some_and(|display| !display.is_empty());
    assert!(display, "no display: run it under Xvfb, or with --no-window");
    let data = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(start(data.path()));
    let endpoint = Endpoint::new(server.url(), TokenSource::File(server.token_file().to_owned()));
    let fleet = runtime.spawn(fleet(endpoint.clone()));

    let mut options = OperatorOptions::new(endpoint, PersonId::new("bench").unwrap());
    options.console = ConsoleKind::Window;
    let mut setup =
        Setup::new(Source::Live(options), Surface::Window { size: (1280, 720), scale: Some(1.0) });
    setup.level = Level::Overview;
    setup.focused = true;
    let mut app = app::build(setup).unwrap();
    let measured = Arc::new(Mutex::new(Measured::default()));
    let (writer, until) = (Arc::clone(&measured), Duration::from_secs(seconds));
    app.add_systems(Last, move |desk: Res<Desk>, time: Res<Time<Real>>, mut exit: MessageWriter<AppExit>| {
        let mut measured = writer.lock().unwrap();
        measured.frames.extend(desk.local.frame_millis);
        measured.presented.clone_from(&desk.local.presented);
        if time.elapsed() > until {
            exit.write(AppExit::Success);
        }
    });
    app.run();
    fleet.abort();
    runtime.block_on(server.stop()).unwrap();
    print(&mut measured.lock().unwrap());
}

fn print(measured: &mut Measured) {
    let count = measured.frames.len();
    let frame = quantile(&mut measured.frames, 0.5);
    let presented = measured.presented.as_ref().expect("messages came and were presented");
    println!("\nmessage to presented frame, {AGENTS} agents, 1280x720, reactive ({count} frames):");
    println!("  frame     p50 {frame:.1}  p95 {:.1} ms", quantile(&mut measured.frames, 0.95));
    println!(
        "  presented p50 {:.1}  p95 {:.1}  p99 {:.1} ms after the message came",
        presented.p50_millis, presented.p95_millis, presented.p99_millis
    );
    let bound = frame + 2.0;
    let verdict = if presented.p50_millis <= bound { "within" } else { "OVER" };
    println!("  p50 {verdict} the median frame + 2 ms ({bound:.1} ms)");
}

async fn start(data: &Path) -> RunningServer {
    let mut options = ServerOptions::new(data);
    options.listen.set_port(0);
    options.token_dir = Some(data.to_owned());
    let config = "[alarms.flap]\nraises = 100\nwithin_secs = 1\nquiet_secs = 1\n\n[detect.generic]\nclear_after_millis = 10\n\n[[detect.limits]]\nsignal = \"heat\"\nmax = 100.0\n\
                  severity = \"warning\"\nresponse = \"advise\"\n";
    options.config = Config::parse(config).unwrap();
    Server::start(options).await.unwrap()
}

/// Three hundred agents, of which one, every now and then, breaks a limit, keeps it, or keeps it for the second time,
/// which ends its alert. No decision follows another by design: that would measure how long a frame takes, twice.
async fn fleet(endpoint: Endpoint) {
    let mut agents = Vec::new();
    for index in 0..AGENTS {
        let name = AgentId::new(&format!("press-{index}")).unwrap();
        let options =
            AgentOptions::new(endpoint.clone(), name, AgentKind::Generic).with_signals(&[("heat", "C")]);
        agents.push(Agent::connect(options).await.unwrap());
    }
    // What each agent sends next: too hot, cool, and cool again, which clears the alert.
    let mut turn: Vec<usize> = (0..agents.len()).map(|index| index % 3).collect();
    // A seed of its own, so that each run has the same load.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 / (1_u64 << 53) as f64).max(1e-9)
    };
    loop {
        tokio::time::sleep(Duration::from_secs_f64(-random().ln() / RATE)).await;
        let chosen = random() * f64::from(AGENTS);
        let index = (0..AGENTS).take_while(|index| f64::from(*index) <= chosen).count() - 1;
        let heat = if turn[index] == 0 { 120.0 } else { 70.0 };
        turn[index] = (turn[index] + 1) % 3;
        let angle = random() * std::f64::consts::TAU;
        let pose =
            Pose { x_meters: 300.0 * angle.cos(), y_meters: 300.0 * angle.sin(), heading_radians: angle };
        let draft = DecisionDraft {
            context: Some(Context { pose: Some(pose), plan: Vec::new() }),
            ..DecisionDraft::new("press", Some(Confidence::new(0.9).unwrap()), vec![heat])
        };
        agents[index].decide(draft).unwrap();
    }
}
