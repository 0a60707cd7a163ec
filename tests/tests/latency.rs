//! Limits that follow the latency, over sockets: a real monitor, simulated vehicles and a console of the SDK, with a
//! relay between them that holds every byte up for as long as a test wants (`takeover.md` 2, rule 9).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anyhow::{Context, Result, ensure};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};
use watchkeeper_client::{
    DriveLimits, Endpoint, Intent, Operator, OperatorEvent, OperatorOptions, TokenSource, console_now,
};
use watchkeeper_model::{AgentId, ControlState, PersonId, Setpoint};
use watchkeeper_picture::{
    AgentPicture,
    view::{Tone, status_line::status_line, takeover},
};
use watchkeeper_protocol::operator::LatencyParts;
use watchkeeper_simulator::{
    Scenario, World,
    driver::{DriverOptions, drive},
};
use watchkeeper_tests::process::Monitor;

/// Nothing here takes longer; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_mins(1);
/// 50 km/h.
const TOP_MPS: f64 = 50.0 / 3.6;
/// Nobody else on the road, and nothing goes wrong.
const ALONE: &str = "name = \"alone\"\ntitle = \"One vehicle\"\nvehicles = 1\ndesired_speed_mps = 15";

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// One direction of every connection through a relay.
#[derive(Debug, Default)]
struct Way {
    delay_micros: AtomicU64,
    cut: AtomicBool,
}

impl Way {
    fn delay(&self, delay: Duration) {
        self.delay_micros.store(delay.as_micros().try_into().unwrap(), Ordering::Relaxed);
    }

    fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }

    /// Passes bytes on, each piece so long after it came, and none while the way is cut.
    async fn carry(self: Arc<Self>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(1_024);
        let way = Arc::clone(&self);
        let reads = async move {
            loop {
                let mut piece = Vec::with_capacity(16 * 1024);
                let Ok(1..) = from.read_buf(&mut piece).await else { return };
                let due = Instant::now() + Duration::from_micros(way.delay_micros.load(Ordering::Relaxed));
                if sender.send((due, piece)).await.is_err() {
                    return;
                }
            }
        };
        let writes = async move {
            while let Some((due, piece)) = pieces.recv().await {
                sleep_until(due).await;
                while self.cut.load(Ordering::Relaxed) {
                    sleep(ms(5)).await;
                }
                if to.write_all(&piece).await.is_err() {
                    return;
                }
            }
        };
        tokio::join!(reads, writes);
    }
}

/// A place to connect to instead of the monitor.
#[derive(Debug)]
struct Relay {
    url: String,
    /// Towards the monitor.
    up: Arc<Way>,
    /// From the monitor.
    down: Arc<Way>,
    listening: JoinHandle<()>,
}

impl Relay {
    async fn start(monitor: &Monitor) -> Result<Self> {
        let address = monitor.url.strip_prefix("ws://").and_then(|rest| rest.split('/').next());
        let address = address.context("an address")?.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("ws://{}/v1", listener.local_addr()?);
        let (up, down) = (Arc::new(Way::default()), Arc::new(Way::default()));
        let ways = (Arc::clone(&up), Arc::clone(&down));
        let listening = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&address).await else { return };
                near.set_nodelay(true).unwrap();
                far.set_nodelay(true).unwrap();
                let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
                tokio::spawn(Arc::clone(&ways.0).carry(near_read, far_write));
                tokio::spawn(Arc::clone(&ways.1).carry(far_read, near_write));
            }
        });
        Ok(Self { url, up, down, listening })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// A monitor, a vehicle on the road, and a console behind a relay.
struct Stage {
    relay: Relay,
    operator: Operator,
    agent: AgentId,
    /// What the console's hands want.
    hands: Option<Setpoint>,
    driving: JoinHandle<()>,
    _monitor: Monitor,
}

impl Stage {
    /// `actuation`: how slowly the vehicle obeys.
    async fn new(actuation: Duration) -> Result<Self> {
        let monitor = Monitor::start(&[])?;
        let token = TokenSource::File(monitor.token_file.clone());
        let relay = Relay::start(&monitor).await?;
        let limits =
            DriveLimits { top_speed_mps: TOP_MPS, actuation_nanos: actuation.as_nanos().try_into()? };
        let near = Endpoint::new(monitor.url.clone(), token.clone());
        let options = DriverOptions { drive: limits, ..DriverOptions::new(near) };
        let world = World::new(&Scenario::parse(ALONE)?, 1);
        let driving = tokio::spawn(async move {
            drive(world, &options, std::future::pending()).await.unwrap();
        });
        let endpoint = Endpoint::new(relay.url.clone(), token);
        let operator = Operator::connect(OperatorOptions::new(endpoint, PersonId::new("ada")?));
        let agent = AgentId::new("vehicle-1")?;
        let mut stage = Self { relay, operator, agent, hands: None, driving, _monitor: monitor };
        stage
            .until("the vehicle drives", |stage| {
                stage.entry().is_some_and(|entry| entry.status().settled) && stage.speed_kmh() > 30.0
            })
            .await?;
        Ok(stage)
    }

    fn entry(&self) -> Option<&AgentPicture> {
        self.operator.picture().agent(&self.agent)
    }

    fn state(&self) -> Option<ControlState> {
        self.entry().map(|entry| entry.status().control_state)
    }

    /// The vehicle's own measurement, of its newest decision.
    fn speed_kmh(&self) -> f64 {
        let newest = self.entry().and_then(|entry| entry.history().newest());
        newest.and_then(|sample| sample.signals.first()).map_or(0.0, |mps| mps * 3.6)
    }

    fn latency(&self) -> Option<LatencyParts> {
        self.entry()?.path().newest(console_now())?.latency
    }

    fn total_millis(&self) -> f64 {
        self.latency().map_or(0.0, |parts| parts.total_nanos as f64 / 1e6)
    }

    /// The cap that the vehicle says it keeps to.
    fn cap_kmh(&self) -> Option<f64> {
        Some(self.entry()?.path().newest(console_now())?.latency_cap_mps? * 3.6)
    }

    /// Works as a console at 20 Hz until something is so.
    async fn until(&mut self, what: &str, wished: impl Fn(&Self) -> bool) -> Result<()> {
        self.work(PATIENCE, Some(&wished)).await.with_context(|| {
            let status = self.entry().map(AgentPicture::status);
            format!("waiting for: {what}; {:?}; {status:#?}", self.latency())
        })
    }

    /// Works on for so long.
    async fn go_on(&mut self, span: Duration) {
        let never: Option<&fn(&Self) -> bool> = None;
        self.work(span, never).await.unwrap_err();
    }

    async fn work(&mut self, limit: Duration, wished: Option<&impl Fn(&Self) -> bool>) -> Result<()> {
        let mut beats = tokio::time::interval(ms(50));
        let work = async {
            loop {
                match self.hands {
                    Some(setpoint) => self.operator.heartbeat_driving(true, &self.agent, setpoint),
                    None => self.operator.heartbeat(true),
                };
                self.operator.assume_due();
                if wished.is_some_and(|wished| wished(self)) {
                    return;
                }
                tokio::select! {
                    _ = beats.tick() => {}
                    event = self.operator.next() => {
                        assert!(!matches!(event, OperatorEvent::Ended), "the session ended");
                    }
                }
            }
        };
        timeout(limit, work).await.context("time is over")
    }

    /// Returns why the claim was refused; nothing when it was granted.
    async fn claim(&mut self) -> Result<Option<String>> {
        let before = console_now();
        self.operator.act(Intent::Claim { agent: self.agent.clone() })?;
        let refusal = |stage: &Self| {
            let told = stage.entry()?.refusal().filter(|told| told.received_at > before)?;
            Some(format!("{}: {}", told.value.code?, told.value.detail.as_ref()?))
        };
        self.until("an answer to the claim", |stage| {
            refusal(stage).is_some() || stage.state() == Some(ControlState::Claimed)
        })
        .await?;
        Ok(refusal(self))
    }

    /// Returns why ENGAGE was refused; nothing when this person drives.
    async fn engage(&mut self) -> Result<Option<String>> {
        self.until("a ready lease", |stage| {
            stage.entry().is_some_and(|entry| entry.status().lease.as_ref().is_some_and(|lease| lease.ready))
        })
        .await?;
        let engage = Intent::Engage { agent: self.agent.clone(), latches: Vec::new() };
        let id = self.operator.act(engage)?.context("an id")?;
        let refusal = |stage: &Self| {
            let mut told = stage.operator.picture().commands(&stage.agent);
            let told = told.find(|entry| entry.command_id == id)?;
            Some(format!("{}: {}", told.code?, told.detail.clone().unwrap_or_default()))
        };
        self.until("an answer to ENGAGE", |stage| {
            refusal(stage).is_some() || stage.state() == Some(ControlState::Human)
        })
        .await?;
        Ok(refusal(self))
    }

    async fn take_over(&mut self) -> Result<()> {
        ensure!(self.claim().await?.is_none(), "the claim was refused");
        let refused = self.engage().await?;
        ensure!(refused.is_none(), "{refused:?}");
        Ok(())
    }

    async fn close(self) {
        self.operator.close().await;
        self.driving.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_of_250_ms_at_50_kmh_caps_the_vehicle_at_40() -> Result<()> {
    let mut stage = Stage::new(ms(50)).await?;
    stage.take_over().await?;
    // Hands off first, then full acceleration: nothing but a cap holds it below 80 km/h.
    stage.go_on(ms(300)).await;
    stage.hands = Some(Setpoint { steer: 0.0, accelerate: 1.0 });
    stage.until("faster than any cap", |stage| stage.speed_kmh() > 62.0).await?;
    let (own, cap) = (stage.total_millis(), stage.cap_kmh());
    ensure!(own < 150.0 && cap.is_none(), "{own} ms, {cap:?}: nothing delays it yet");

    // 50 ms of actuation, and 200 ms there and back, less what this machine itself takes.
    let each = Duration::from_secs_f64((250.0 - own).max(0.0) / 2_000.0);
    stage.relay.up.delay(each);
    stage.relay.down.delay(each);
    stage.until("the cap", |stage| stage.cap_kmh().is_some_and(|cap| cap < 45.0)).await?;
    // Long enough to brake, and for the cap to settle on what this machine adds by itself.
    let fits = |stage: &Stage| {
        (244.0..=256.0).contains(&stage.total_millis())
            && stage.cap_kmh().is_some_and(|cap| (39.0..=41.0).contains(&cap))
            && (39.0..=41.0).contains(&stage.speed_kmh())
    };
    stage.until("250 ms, and 40 km/h", fits).await?;
    // Now with the pedal down all the time.
    let (mut fastest, mut slowest): (f64, f64) = (0.0, f64::INFINITY);
    let mut caps = Vec::new();
    for _ in 0..50 {
        stage.go_on(ms(100)).await;
        let speed = stage.speed_kmh();
        (fastest, slowest) = (fastest.max(speed), slowest.min(speed));
        caps.extend(stage.cap_kmh());
    }
    let parts = stage.latency().context("measured")?;
    println!(
        "total {:.1} ms (down {:.1}, up {:.1}, error {:.1}); caps {:.2} to {:.2} km/h; speed {slowest:.2} to {fastest:.2} km/h",
        stage.total_millis(),
        parts.downlink.nanos as f64 / 1e6,
        parts.uplink.nanos as f64 / 1e6,
        parts.uplink.error_nanos as f64 / 1e6,
        caps.iter().copied().fold(f64::INFINITY, f64::min),
        caps.iter().copied().fold(0.0, f64::max),
    );
    ensure!(fastest <= 41.0, "it drove {fastest} km/h");
    ensure!(stage.state() == Some(ControlState::Human), "he still drives");
    // Both directions apart: the clocks were compared before anything delayed them.
    let (up, down) = (parts.uplink.nanos as f64 / 1e6, parts.downlink.nanos as f64 / 1e6);
    ensure!((up - 100.0).abs() < 25.0 && (down - 100.0).abs() < 25.0, "up {up}, down {down}");

    // And back: after its time the cap is gone.
    stage.relay.up.delay(Duration::ZERO);
    stage.relay.down.delay(Duration::ZERO);
    stage.until("no cap", |stage| stage.latency().is_some() && stage.cap_kmh().is_none()).await?;
    stage.until("faster again", |stage| stage.speed_kmh() > 50.0).await?;
    stage.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn at_600_ms_nobody_begins_to_drive() -> Result<()> {
    let mut stage = Stage::new(ms(300)).await?;
    // Claimed in time, and then it gets worse: ENGAGE is refused.
    ensure!(stage.claim().await?.is_none(), "300 ms are not too much to claim");
    stage.relay.up.delay(ms(150));
    stage.relay.down.delay(ms(150));
    stage.until("600 ms", |stage| stage.total_millis() > 590.0).await?;
    let why = stage.engage().await?.context("ENGAGE went through")?;
    println!("{why}");
    ensure!(why.starts_with("latency_limit: the latency is 6"), "{why}");
    ensure!(stage.state() != Some(ControlState::Human), "nobody drives");
    stage.operator.act(Intent::Release { agent: stage.agent.clone() })?;
    stage.until("autonomy", |stage| stage.state() == Some(ControlState::Autonomous)).await?;
    // And so is a claim.
    let why = stage.claim().await?.context("the claim was granted")?;
    println!("{why}");
    ensure!(why.starts_with("latency_limit: the latency is 6"), "{why}");
    // With less of it he may.
    stage.relay.up.delay(ms(50));
    stage.relay.down.delay(ms(50));
    stage.go_on(ms(2_500)).await;
    stage.take_over().await?;
    stage.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_only_the_uplink_raises_its_own_banner_while_telemetry_stays_green() -> Result<()> {
    let mut stage = Stage::new(ms(50)).await?;
    stage.take_over().await?;
    stage.until("an answered probe", |stage| stage.latency().is_some()).await?;
    let banner = |stage: &Stage| status_line(stage.operator.picture(), console_now()).uplink;
    ensure!(banner(&stage).is_empty(), "{}", banner(&stage));
    stage.relay.up.cut(true);
    let cut_at = Instant::now();
    stage.until("the banner", |stage| !banner(stage).is_empty()).await?;
    let took = cut_at.elapsed();
    let (text, tones) = (banner(&stage), {
        let panel =
            takeover::panel(stage.operator.picture(), &stage.agent, console_now()).context("a panel")?;
        panel.links.into_iter().map(|row| (row.name, row.tone)).collect::<Vec<_>>()
    });
    println!("after {took:?}: {text}; {tones:?}");
    // The test in virtual time holds it to 1.5 s; here the console looks 20 times a second, and this machine is busy.
    ensure!(took <= ms(1_600), "{took:?}");
    ensure!(
        text.starts_with("NO ANSWER from vehicle-1 ") && text.ends_with("its data comes in time"),
        "{text}"
    );
    ensure!(tones.contains(&("agent to you", Tone::Normal)), "{tones:?}");
    ensure!(tones.contains(&("there and back", Tone::Danger)), "{tones:?}");
    // Nothing of his comes: T_link, and the vehicle is safe by itself.
    stage
        .until("the fallback", |stage| {
            matches!(stage.state(), Some(ControlState::Fallback | ControlState::SafeHeld))
        })
        .await?;
    stage.close().await;
    Ok(())
}
