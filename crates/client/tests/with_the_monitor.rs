//! Both halves of the SDK on the real monitor: from a claim to a hand back, and a stop.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::time::timeout;
use watchkeeper_client::{
    Agent, AgentOptions, DecideError, DecisionDraft, Endpoint, Intent, Mode, Operator, OperatorEvent,
    OperatorOptions, Picture, TaskEvent, TokenSource, World,
};
use watchkeeper_model::{
    AgentId, AgentKind, CommandArgs, CommandId, CommandKind, CommandState, ControlState, Label, Note,
    PersonId, TaskVerb,
};
use watchkeeper_picture::AgentPicture;
use watchkeeper_server::{RunningServer, Server, ServerOptions};

/// Nothing here takes longer; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(20);

fn name() -> AgentId {
    AgentId::new("pump-1").unwrap()
}

async fn start(data: &tempfile::TempDir) -> (RunningServer, Endpoint) {
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

/// An agent's own loop: it decides while it leads, and says what its host sees.
async fn live(mut agent: Agent, world: World) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            changed = agent.directive_changed() => if changed.is_err() { return },
            _ = ticks.tick() => match agent.decide(DecisionDraft::new("keep", None, vec![1.0])) {
                Ok(_) | Err(DecideError::Stopped) => {}
                Err(DecideError::Closed) => return,
                Err(error) => panic!("{error}"),
            },
        }
        let stands = match agent.directive().mode {
            Mode::Autonomous
            | Mode::SafePolicy
            | Mode::Neutral
            | Mode::Manual { .. }
            | Mode::Human { hold: false } => false,
            Mode::Human { hold: true } | Mode::Fallback(_) | Mode::Held | Mode::Local | Mode::Estop => true,
        };
        agent.report(World { condition_reached: stands, ..world });
    }
}

/// A scripted console: renews leases at 20 Hz and assumes at once, until the picture is as wished.
async fn until(operator: &mut Operator, what: &str, wished: impl Fn(&Picture) -> bool) {
    let mut beats = tokio::time::interval(Duration::from_millis(50));
    let watching = async {
        while !wished(operator.picture()) {
            tokio::select! {
                event = operator.next() => {
                    assert!(!matches!(event, OperatorEvent::Refused(_)), "{event:?}");
                    operator.assume_due();
                }
                _ = beats.tick() => {
                    operator.heartbeat(true);
                }
            }
        }
    };
    let came = timeout(PATIENCE, watching).await.is_ok();
    let picture = operator.picture();
    let commands: Vec<_> = picture.all_commands().collect();
    let status = picture.agent(&name()).map(AgentPicture::status);
    assert!(came, "{what} never came; commands: {commands:#?}; status: {status:#?}");
}

async fn until_state(operator: &mut Operator, state: ControlState) {
    until(operator, state.word(), |picture| {
        picture.agent(&name()).is_some_and(|agent| agent.status().control_state == state)
    })
    .await;
}

async fn until_completed(operator: &mut Operator, command: CommandId) {
    until(operator, "completion", |picture| {
        let entry = picture.commands(&name()).find(|entry| entry.command_id == command).unwrap();
        assert_ne!(entry.state, Some(CommandState::Rejected), "{entry:?}");
        entry.state == Some(CommandState::Completed)
    })
    .await;
}

fn command(kind: CommandKind) -> Intent {
    Intent::Command { agent: name(), kind, args: CommandArgs::default() }
}

#[tokio::test]
async fn a_person_takes_over_holds_resumes_hands_back_and_stops() {
    let data = watchkeeper_canary::tempdir().unwrap();
    let (server, endpoint) = start(&data).await;
    let options =
        AgentOptions::new(endpoint.clone(), name(), AgentKind::Generic).with_signals(&[("load", "%")]);
    let world = options.world;
    let agent = Agent::connect(options).await.unwrap();
    let living = tokio::spawn(live(agent.clone(), world));
    let mut operator = Operator::connect(OperatorOptions::new(endpoint, PersonId::new("ada").unwrap()));

    until(&mut operator, "a settled agent", |picture| {
        picture.is_current() && picture.agent(&name()).is_some_and(|agent| agent.status().settled)
    })
    .await;
    operator.act(Intent::Claim { agent: name() }).unwrap();
    until_state(&mut operator, ControlState::Claimed).await;
    until(&mut operator, "a ready lease", |picture| {
        let lease = picture.agent(&name()).and_then(|agent| agent.status().lease.as_ref());
        lease.is_some_and(|lease| lease.ready)
    })
    .await;
    let engage = operator.act(Intent::Engage { agent: name(), latches: Vec::new() }).unwrap().unwrap();
    until_state(&mut operator, ControlState::Human).await;
    until_completed(&mut operator, engage).await;
    assert!(matches!(agent.directive().mode, Mode::Human { .. }));

    let hold = operator.act(command(CommandKind::Hold)).unwrap().unwrap();
    until_completed(&mut operator, hold).await;
    assert_eq!(agent.directive().mode, Mode::Human { hold: true });
    // The hold changed the state: only who has seen that may resume.
    let version = agent.status().state_version;
    until(&mut operator, "the new version", |picture| {
        picture.agent(&name()).is_some_and(|agent| agent.status().state_version >= version)
    })
    .await;
    let resume = operator.act(command(CommandKind::Resume)).unwrap().unwrap();
    until_completed(&mut operator, resume).await;
    let version = agent.status().state_version;
    until(&mut operator, "the new version", |picture| {
        picture.agent(&name()).is_some_and(|agent| agent.status().state_version >= version)
    })
    .await;
    operator.act(Intent::HandBack { agent: name() }).unwrap();
    until_state(&mut operator, ControlState::Autonomous).await;

    let stop = Intent::Stop { agent: name(), reason: None, confirm_many: false };
    let stop = operator.act(stop).unwrap().unwrap();
    until_completed(&mut operator, stop).await;
    assert_eq!(agent.decide(DecisionDraft::new("keep", None, vec![1.0])), Err(DecideError::Stopped));
    timeout(PATIENCE, agent.all_durable()).await.unwrap();
    let status = agent.status();
    assert_eq!((status.dropped, status.not_durable, status.connected), (0, 0, true));
    assert!(status.last_seq.0 > 0);

    agent.close().await;
    timeout(PATIENCE, living).await.unwrap().unwrap();
    operator.close().await;
    server.stop().await.unwrap();
}

/// A payment system's own software: it freezes cards, one at a time, and knows only some.
async fn freeze_cards(agent: Agent) -> Vec<CommandArgs> {
    let mut frozen = Vec::new();
    while let Ok(event) = agent.next_task().await {
        let TaskEvent::New(task) = event else { continue };
        assert_eq!(task.verb, TaskVerb::FreezeCard);
        agent.task_underway(task.command_id, Some(50));
        if task.args.target.as_ref().is_some_and(|card| card.as_str() == "card-7") {
            agent.task_done(task.command_id);
            frozen.push(task.args);
        } else {
            agent.task_failed(task.command_id, "no such card");
        }
    }
    frozen
}

#[tokio::test]
async fn a_card_is_frozen_by_the_agents_own_software_and_a_card_that_is_none_says_so() {
    let data = watchkeeper_canary::tempdir().unwrap();
    let (server, endpoint) = start(&data).await;
    let options = AgentOptions::new(endpoint.clone(), name(), AgentKind::Transaction)
        .with_signals(&[("load", "%")])
        .with_tasks(&[TaskVerb::FreezeCard]);
    let options = AgentOptions { state_dir: Some(data.path().join("gate")), ..options };
    let world = options.world;
    let agent = Agent::connect(options).await.unwrap();
    let living = tokio::spawn(live(agent.clone(), world));
    let freezing = tokio::spawn(freeze_cards(agent.clone()));
    let mut operator = Operator::connect(OperatorOptions::new(endpoint, PersonId::new("ada").unwrap()));
    until(&mut operator, "a settled agent that freezes cards", |picture| {
        picture.is_current()
            && picture
                .agent(&name())
                .is_some_and(|agent| agent.status().settled && agent.status().tasks == [TaskVerb::FreezeCard])
    })
    .await;
    let args = |card| CommandArgs {
        target: Some(Label::cut(card)),
        ttl_nanos: Some(3_600_000_000_000),
        ..CommandArgs::default()
    };
    let freeze =
        |args| Intent::Command { agent: name(), kind: CommandKind::Task(TaskVerb::FreezeCard), args };
    let command = operator.act(freeze(args("card-7"))).unwrap().unwrap();
    until_completed(&mut operator, command).await;
    let unknown = operator.act(freeze(args("card-8"))).unwrap().unwrap();
    until(&mut operator, "a failure", |picture| {
        let entry = picture.commands(&name()).find(|entry| entry.command_id == unknown).unwrap();
        let said = entry.detail.as_ref().map(Note::as_str);
        entry.state == Some(CommandState::Failed) && said == Some("no such card")
    })
    .await;
    // Nothing leaves the console that lacks what the task needs.
    let refused = operator.act(freeze(CommandArgs::default())).unwrap_err();
    assert_eq!(refused.to_string(), "freeze_card needs TARGET");
    agent.close().await;
    timeout(PATIENCE, living).await.unwrap().unwrap();
    assert_eq!(timeout(PATIENCE, freezing).await.unwrap().unwrap(), [args("card-7")]);
    operator.close().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_agent_of_another_kind_does_not_start_with_a_task_that_is_none_of_its() {
    let data = watchkeeper_canary::tempdir().unwrap();
    let (server, endpoint) = start(&data).await;
    let options = AgentOptions::new(endpoint, name(), AgentKind::Vehicle).with_tasks(&[TaskVerb::FreezeCard]);
    let error = Agent::connect(options).await.unwrap_err();
    assert_eq!(error.to_string(), "freeze_card is no task for an agent of kind vehicle");
    server.stop().await.unwrap();
}
