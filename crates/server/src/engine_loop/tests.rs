//! The order in which the loop takes what comes.

use super::*;
use crate::ledger_queue::Gauge;
use watchkeeper_engine::{Config, Opening};
use watchkeeper_model::Incarnation;

#[tokio::test]
async fn a_flood_of_control_leaves_telemetry_its_share() {
    let opening = Opening {
        configuration: String::new(),
        seed: 1,
        incarnation: Incarnation(1),
        build: "test".to_owned(),
        inputs_before: 0,
        authority: Vec::new(),
        starting_authority: Vec::new(),
    };
    let made_at = Clock.now();
    let engine = Engine::new(Config::default(), &opening, made_at);
    let (queue, _records) = LedgerQueue::new(Arc::new(Gauge::default()));
    let mut engine_loop = EngineLoop::new(engine, made_at, queue, Arc::default(), Arc::default());
    let (control, control_lane) = mpsc::channel(LANE);
    let (telemetry, telemetry_lane) = mpsc::channel(LANE);
    let (_marks, marks) = watch::channel(None);
    let (_shutdown, shutdown) = watch::channel(false);
    let mut sources = Sources { control: control_lane, telemetry: telemetry_lane, marks, shutdown };
    let mut round = tokio::time::interval(ROUND);
    let flood = || ControlItem::Input(EngineInput::RefusedFrames { count: 1 });

    let (passed, mut wait) = oneshot::channel();
    telemetry.try_send(TelemetryItem::Barrier(passed)).unwrap();
    let mut steps = 0;
    while wait.try_recv().is_err() {
        assert!(steps < 2 * CONTROL_RUN, "{steps} steps of the loop took control only");
        steps += 1;
        // Never empty, and never a whole run at once.
        while sources.control.len() < 3 {
            control.try_send(flood()).unwrap();
        }
        assert!(engine_loop.step(&mut sources, &mut round).await.unwrap());
    }
    assert!(steps > 1, "control still comes first");
}
