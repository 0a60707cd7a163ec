//! Two real consoles and a real agent at a real monitor: driving by hand, and handing over, over sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::timeout;
use watchkeeper_client::{
    Agent, AgentOptions, Closed, Endpoint, Intent, Mode, Operator, OperatorOptions, Picture, TokenSource,
    World,
};
use watchkeeper_model::{AgentId, AgentKind, ControlState, LeaseEnd, PersonId, Setpoint};
use watchkeeper_picture::AgentPicture;
use watchkeeper_protocol::operator::{AgentStatus, LeaseEvent, LeaseStatus};
use watchkeeper_server::{RunningServer, Server, ServerOptions};

const PATIENCE: Duration = Duration::from_secs(20);
const LEFT: Setpoint = Setpoint { steer: 0.5, accelerate: 0.25 };

fn name() -> AgentId {
    AgentId::new("truck-1").unwrap()
}

async fn start(data: &TempDir) -> (RunningServer, Endpoint) {
    let options = ServerOptions {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        token_dir: Some(data.path().to_owned()),
        ..ServerOptions::new(data.path())
    };
    let server = Server::start(options).await.unwrap();
    watchkeeper_canary::register(server.token());
    let token = TokenSource::File(server.token_file().to_owned());
    let endpoint = Endpoint::new(server.url(), token);
    (server, endpoint)
}

/// A vehicle that drives steadily and reports it.
async fn live(agent: Agent, world: World) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let mut follows = agent.clone();
    loop {
        tokio::select! {
            changed = follows.directive_changed() => if let Err(Closed) = changed { return },
            _ = ticks.tick() => agent.report(world),
        }
    }
}

/// A console at work: renews its leases at 20 Hz, with its hands on the controls or not, and assumes at once.
struct Console {
    operator: Operator,
    hands: Option<Setpoint>,
}

impl Console {
    fn new(endpoint: &Endpoint, person: &str) -> Self {
        let options = OperatorOptions::new(endpoint.clone(), PersonId::new(person).unwrap());
        Self { operator: Operator::connect(options), hands: None }
    }

    fn turn(&mut self) {
        while self.operator.try_next().is_some() {}
        self.operator.assume_due();
        match self.hands {
            Some(setpoint) => self.operator.heartbeat_driving(true, &name(), setpoint),
            None => self.operator.heartbeat(true),
        };
    }

    fn status(&self) -> Option<&AgentStatus> {
        self.operator.picture().agent(&name()).map(AgentPicture::status)
    }

    fn lease(&self) -> Option<&LeaseStatus> {
        self.status().and_then(|status| status.lease.as_ref())
    }
}

/// Lets both consoles work until something is so.
async fn until(consoles: &mut [Console; 2], what: &str, wished: impl Fn(&[Console; 2]) -> bool) {
    let mut beats = tokio::time::interval(Duration::from_millis(50));
    let watching = async {
        while !wished(consoles) {
            beats.tick().await;
            for console in consoles.iter_mut() {
                console.turn();
            }
        }
    };
    let came = timeout(PATIENCE, watching).await.is_ok();
    let picture: &Picture = consoles[0].operator.picture();
    assert!(came, "{what} never came: {:#?}", picture.agent(&name()).map(AgentPicture::status));
}

fn is_state(consoles: &[Console; 2], state: ControlState) -> bool {
    consoles.iter().all(|console| console.status().is_some_and(|status| status.control_state == state))
}

fn engage(console: &mut Console) {
    console.operator.act(Intent::Engage { agent: name(), latches: Vec::new() }).unwrap();
}

#[tokio::test]
async fn a_person_drives_by_hand_and_hands_over_to_another() {
    let data = watchkeeper_canary::tempdir().unwrap();
    let (server, endpoint) = start(&data).await;
    let mut options = AgentOptions::new(endpoint.clone(), name(), AgentKind::Vehicle);
    options.world.standstill = false;
    let world = World { standstill: false, stable: true, can_resume: true, ..options.world };
    let agent = Agent::connect(options).await.unwrap();
    let living = tokio::spawn(live(agent.clone(), world));
    let mut both = [Console::new(&endpoint, "ada"), Console::new(&endpoint, "bob")];
    let settled = |consoles: &[Console; 2]| {
        consoles.iter().all(|console| console.status().is_some_and(|status| status.settled))
    };
    until(&mut both, "a settled agent", settled).await;

    both[0].operator.act(Intent::Claim { agent: name() }).unwrap();
    until(&mut both, "a ready lease", |both| both[0].lease().is_some_and(|lease| lease.ready)).await;
    engage(&mut both[0]);
    until(&mut both, "control", |both| is_state(both, ControlState::Human)).await;

    both[0].hands = Some(LEFT);
    until(&mut both, "manual", |both| {
        both[1].status().is_some_and(|status| status.manual && !status.neutral)
    })
    .await;
    assert_eq!(agent.directive().mode, Mode::Manual { steer: 0.5, accelerate: 0.25 });
    both[0].hands = None;
    until(&mut both, "neutral", |both| both[1].status().is_some_and(|status| status.neutral)).await;
    assert_eq!(agent.directive().mode, Mode::Neutral);
    both[0].hands = Some(LEFT);

    let ask = Intent::RequestHandover { agent: name(), preempt: false, reason: None };
    both[1].operator.act(ask).unwrap();
    until(&mut both, "the question", |both| both[0].lease().is_some_and(|lease| lease.handover.is_some()))
        .await;
    let request_id = both[0].lease().unwrap().handover.as_ref().unwrap().request_id;
    both[0].operator.act(Intent::AnswerHandover { agent: name(), request_id, accept: true }).unwrap();
    let ready = |both: &[Console; 2]| {
        both[1].lease().is_some_and(|lease| lease.next.as_ref().is_some_and(|next| next.ready))
    };
    until(&mut both, "the next holder", ready).await;
    assert!(matches!(agent.directive().mode, Mode::Manual { .. }), "ada drives on until bob engages");
    let before = agent.status().epoch;
    engage(&mut both[1]);
    until(&mut both, "the switch", |both| {
        both.iter().all(|console| console.lease().is_some_and(|lease| lease.holder.as_str() == "bob"))
    })
    .await;
    assert!(agent.status().epoch > before);
    let ended = both[0].operator.picture().agent(&name()).unwrap().lease_event().unwrap().value.clone();
    assert_eq!((ended.event, ended.end), (LeaseEvent::Ended, Some(LeaseEnd::HandedOver)));
    assert!(!matches!(agent.directive().mode, Mode::Manual { .. }), "ada's hands are off");
    assert_eq!(both[0].operator.picture().my_epoch(&name()), None);
    both[1].operator.act(Intent::HandBack { agent: name() }).unwrap();
    until(&mut both, "autonomy", |both| is_state(both, ControlState::Autonomous)).await;

    agent.close().await;
    timeout(PATIENCE, living).await.unwrap().unwrap();
    for console in both {
        console.operator.close().await;
    }
    server.stop().await.unwrap();
}
