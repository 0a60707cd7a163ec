//! Kill -9 of the monitor in the middle of HUMAN, with real processes: the agent falls back by itself.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, looks at few messages of many, and compares its clock with a log's"
)]

use anyhow::{Context, Result, bail, ensure};
use std::{process::Command, time::Duration};
use tokio::time::{sleep, timeout};
use watchkeeper_client::{
    discover::{Endpoint, TokenSource},
    operator::{Operator, OperatorEvent, OperatorOptions},
};
use watchkeeper_model::{
    AgentId, AgentTime, BootId, CommandArgs, CommandCode, CommandId, CommandKind, CommandState, ControlState,
    Epoch, PersonId,
};
use watchkeeper_picture::Intent;
use watchkeeper_protocol::{
    OperatorMessage, ToOperator, Wire,
    operator::{CommandRequest, ConsoleKind, OperatorHello},
    session::SessionKind,
};
use watchkeeper_tests::process::{Monitor, Program, watchkeeper};

/// T_link of a vehicle and what the issue allows on top.
const T_LINK: Duration = Duration::from_secs(2);
const MARGIN: Duration = Duration::from_millis(100);
/// Level 1 of the simulator, in m/s2; standstill counts after half a second; the gate hears of it at 10 Hz.
const COMFORTABLE_MPS2: f64 = 3.5;
const STANDSTILL_SECS: f64 = 0.5;
const REPORT_SECS: f64 = 0.3;

/// Runs the operator, beating at 20 Hz, until `done` says so.
async fn until<T>(
    operator: &mut Operator,
    what: &str,
    mut done: impl FnMut(&Operator, Option<&OperatorEvent>) -> Option<T>,
) -> Result<T> {
    let work = async {
        loop {
            operator.heartbeat(true);
            operator.assume_due();
            if let Some(found) = done(operator, None) {
                return found;
            }
            if let Ok(event) = timeout(Duration::from_millis(50), operator.next()).await
                && let Some(found) = done(operator, Some(&event))
            {
                return found;
            }
        }
    };
    timeout(Duration::from_secs(30), work).await.with_context(|| format!("waiting for: {what}"))
}

fn state(operator: &Operator, agent: &AgentId) -> Option<ControlState> {
    operator.picture().agent(agent).map(|entry| entry.status().control_state)
}

/// When, in seconds of the day, a line of the agent's log was written whose text holds every word.
fn logged_at(log: &str, words: &[&str]) -> Option<f64> {
    let line = log.lines().find(|line| words.iter().all(|word| line.contains(word)))?;
    let clock = line.split_once('T')?.1.split_once('Z')?.0;
    let parts: Vec<f64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = parts.as_slice() else { return None };
    Some((hours * 60.0 + minutes) * 60.0 + seconds)
}

fn seconds_of_day_now() -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    (now.as_secs() % 86_400) as f64 + f64::from(now.subsec_nanos()) / 1e9
}

/// What a person held when the monitor was killed.
struct Held {
    boot_id: BootId,
    epoch: Epoch,
    /// Still far away, so that only the epoch can be stale.
    deadline: AgentTime,
    speed_mps: f64,
}

/// A person takes control of a moving vehicle and drives it for a second.
async fn take_control(operator: &mut Operator, agent: &AgentId) -> Result<Held> {
    until(operator, "the vehicle is there", |operator, _| {
        operator.picture().agent(agent).filter(|entry| entry.status().settled).map(drop)
    })
    .await?;
    sleep(Duration::from_secs(2)).await;
    operator.act(Intent::Claim { agent: agent.clone() })?;
    until(operator, "claimed", |operator, _| {
        (state(operator, agent) == Some(ControlState::Claimed)
            && operator.picture().my_epoch(agent).is_some())
        .then_some(())
    })
    .await?;
    operator.heartbeat(true);
    sleep(Duration::from_millis(100)).await;
    operator.act(Intent::Engage { agent: agent.clone(), latches: Vec::new() })?;
    until(operator, "in control", |operator, _| {
        (state(operator, agent) == Some(ControlState::Human)).then_some(())
    })
    .await?;
    for _ in 0..20 {
        operator.heartbeat(true);
        sleep(Duration::from_millis(50)).await;
        while operator.try_next().is_some() {}
    }
    let entry = operator.picture().agent(agent).context("the vehicle is in the picture")?;
    let newest = entry.history().newest().context("the vehicle decides")?;
    let held = Held {
        boot_id: entry.status().boot_id,
        epoch: operator.picture().my_epoch(agent).context("ada holds the lease")?,
        deadline: entry.status().agent_clock.after(Duration::from_mins(10)),
        speed_mps: newest.signals.first().copied().context("speed is the first signal")?,
    };
    ensure!(held.speed_mps > 5.0, "the vehicle should be moving, not {} m/s", held.speed_mps);
    Ok(held)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_monitor_is_killed_falls_back_and_refuses_old_commands() -> Result<()> {
    let mut monitor = Monitor::start(&[])?;
    let token = TokenSource::File(monitor.token_file.clone());
    let endpoint = Endpoint::new(monitor.url.clone(), token);
    let mut simulate = Command::new(watchkeeper()?);
    simulate
        .args(["simulate", "ring-calm", "--seed", "5", "--url", &monitor.url, "--token-file"])
        .arg(&monitor.token_file)
        .env("RUST_LOG", "watchkeeper=info")
        .env_remove("XDG_RUNTIME_DIR");
    let vehicles = Program::start("vehicles", &mut simulate)?;
    let agent = AgentId::new("vehicle-1")?;

    let mut operator = Operator::connect(OperatorOptions::new(endpoint.clone(), PersonId::new("ada")?));
    let old = take_control(&mut operator, &agent).await?;

    // Kill -9. What follows is the agent's alone.
    let killed_at = seconds_of_day_now();
    monitor.program.kill();
    let stopping = Duration::from_secs_f64(old.speed_mps / COMFORTABLE_MPS2 + STANDSTILL_SECS + REPORT_SECS);
    sleep(T_LINK + MARGIN + stopping + Duration::from_secs(1)).await;
    let log = vehicles.written();
    let fell =
        logged_at(&log, &["vehicle-1", "mode=Fallback("]).with_context(|| format!("no fallback: {log}"))?;
    let held = logged_at(&log, &["vehicle-1", "mode=Held"]).with_context(|| format!("not held: {log}"))?;
    println!(
        "fallback {:.3} s after the kill (T_link {:.1} s), held {:.3} s later (speed {:.1} m/s, modelled {:.3} s)",
        fell - killed_at,
        T_LINK.as_secs_f64(),
        held - fell,
        old.speed_mps,
        stopping.as_secs_f64(),
    );
    ensure!(
        fell - killed_at <= (T_LINK + MARGIN).as_secs_f64(),
        "fell back {:.3} s after the kill",
        fell - killed_at
    );
    ensure!(held - fell <= stopping.as_secs_f64(), "held {:.3} s after falling back", held - fell);

    // The monitor comes back on the same data; what the old operator sends under the old epoch is stale.
    monitor.start_again(&[])?;
    let refusal = send_old_command(&endpoint, &agent, &old).await?;
    ensure!(refusal == CommandCode::StaleEpoch, "refused with {refusal}");
    until(&mut operator, "reconnected, and the agent still held", |operator, _| {
        (state(operator, &agent) == Some(ControlState::SafeHeld)).then_some(())
    })
    .await?;
    ensure!(operator.picture().my_epoch(&agent).is_none(), "a reconnect never grants authority");
    operator.close().await;
    Ok(())
}

/// Sends RESUME under the old epoch over a raw socket; returns why the agent refused it.
async fn send_old_command(endpoint: &Endpoint, agent: &AgentId, old: &Held) -> Result<CommandCode> {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
    let TokenSource::File(file) = &endpoint.token else { bail!("the token is in a file") };
    let token = std::fs::read_to_string(file)?;
    let mut request = endpoint.url.as_str().into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", "watchkeeper.v1".parse()?);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
    let hello = OperatorHello {
        session: SessionKind::Operator,
        token: Some(watchkeeper_model::BearerToken::new(token.trim())?),
        person: PersonId::new("ada")?,
        role: watchkeeper_model::OperatorRole::Operator,
        console: ConsoleKind::Scripted,
        resume: None,
    };
    socket.send(Message::Binary(watchkeeper_protocol::encode("hello", &hello))).await?;
    let command_id = CommandId(uuid::Uuid::from_u128(0x0185));
    let command = OperatorMessage::Command(CommandRequest {
        command_id,
        agent: agent.clone(),
        boot_id: old.boot_id,
        kind: CommandKind::Resume,
        args: CommandArgs::default(),
        epoch: old.epoch,
        seq: 1_000,
        deadline: old.deadline,
        evidence_version: None,
        expect_state: None,
        issued_nanos: 0,
    });
    let mut sent = false;
    let work = async {
        let mut forwarded = false;
        while let Some(message) = socket.next().await {
            let Message::Binary(frame) = message? else { continue };
            match ToOperator::decode(&frame)? {
                ToOperator::ControlStatus(update)
                    if !sent && update.status.agent == *agent && update.status.settled =>
                {
                    sent = true;
                    socket.send(Message::Binary(command.encode())).await?;
                }
                ToOperator::CommandStatus(update) if update.command_id == command_id => {
                    forwarded |= update.state == CommandState::Forwarded;
                    if update.state == CommandState::Rejected {
                        ensure!(forwarded, "the agent itself must say no, not only the monitor");
                        return update.code.context("a refusal has a code");
                    }
                }
                _ => {}
            }
        }
        bail!("the monitor closed the connection")
    };
    timeout(Duration::from_secs(30), work).await.context("waiting for the refusal")?
}
