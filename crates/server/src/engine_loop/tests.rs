//! The order in which the loop takes what comes, and whom it hands what comes out.

use super::*;
use crate::{
    ledger_queue::Gauge,
    pager::{Pager, PagerOptions, Retry},
};
use watchkeeper_engine::{Config, Opening, config::Webhook};
use watchkeeper_model::{AgentId, AgentKind, DemandId, Incarnation, Note, PageReason};
use watchkeeper_protocol::record::Page;

fn opening() -> Opening {
    Opening {
        configuration: String::new(),
        seed: 1,
        incarnation: Incarnation(1),
        build: "test".to_owned(),
        inputs_before: 0,
        authority: Vec::new(),
        starting_authority: Vec::new(),
    }
}

#[tokio::test]
async fn a_flood_of_control_leaves_telemetry_its_share() {
    let made_at = Clock.now();
    let engine = Engine::new(Config::default(), &opening(), made_at);
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

#[tokio::test]
async fn a_page_is_handed_to_the_pager() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let secret_file = dir.path().join("secret");
    std::fs::write(&secret_file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    std::fs::set_permissions(&secret_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    // Nobody listens at port 9, so that it waits.
    let webhook = Webhook {
        url: "http://127.0.0.1:9/".to_owned(),
        secret_file: secret_file.to_str().unwrap().to_owned(),
        keep_secs: 60,
        timeout_secs: 1,
    };
    let options = PagerOptions {
        directory: dir.path().join("pages"),
        incarnation: Incarnation(1),
        retry: Retry::default(),
    };
    let (handle, task) = Pager::open(&webhook).unwrap().start(options, Arc::default()).await.unwrap();
    let made_at = Clock.now();
    let engine = Engine::new(Config::default(), &opening(), made_at);
    let (queue, _records) = LedgerQueue::new(Arc::new(Gauge::default()));
    let mut engine_loop = EngineLoop::new(engine, made_at, queue, Arc::default(), Arc::default());
    engine_loop.set_pager(Some(handle));
    engine_loop.have_called(&Derived::Page(Box::new(Page {
        reason: PageReason::FellBack,
        demand_id: DemandId(7),
        agent: AgentId::new("a").unwrap(),
        kind: AgentKind::Generic,
        alert_id: None,
        at: made_at,
        left_nanos: 0,
        text: Note::cut("it fell back"),
    })));
    drop(engine_loop);
    task.await.unwrap();
    assert!(dir.path().join("pages/page-7-fell_back.json").exists());
}
