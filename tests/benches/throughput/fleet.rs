//! Agents that cost little: one thread writes what all of them say, each thing at its time, whatever became of the last.
//!
//! They speak the protocol over sockets of their own and obey nobody. What the SDK costs is measured by `bench latency`.

use crate::observer;
use hdrhistogram::Histogram;
use std::{
    collections::BTreeMap,
    net::TcpStream,
    ops::Range,
    thread,
    time::{Duration, Instant},
};
use tokio_tungstenite::tungstenite::{
    Bytes, Error, Message, WebSocket,
    client::{IntoClientRequest as _, client},
    http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
};
use uuid::Uuid;
use watchkeeper_model::{
    AgentId, AgentKind, AgentTime, BearerToken, BootId, Decision, DecisionSeq, Label, SignalSpec,
};
use watchkeeper_protocol::{
    AgentMessage, SUBPROTOCOL, ToAgent, Wire as _,
    agent::{AgentHello, Heartbeat},
    session::Pong,
};

/// Signals of a decision; with the rest about 200 bytes.
const SIGNALS: usize = 8;
/// How often an agent says that it is there.
const BEAT: Duration = Duration::from_millis(500);
/// So many of the agents, the first ones, break a limit now and then.
pub(crate) const ALARMED: usize = 20;
/// For how many decisions a limit is broken, and then kept.
const EPISODE: u64 = 10;

/// One agent.
struct Raw {
    /// Its number among all agents.
    index: usize,
    socket: WebSocket<TcpStream>,
    boot_id: BootId,
    seq: u64,
    /// Up to which decision the record is safe, as the monitor says.
    durable: u64,
    next_beat: Instant,
}

/// All of them.
pub(crate) struct Fleet {
    agents: Vec<Raw>,
    began: Instant,
}

/// What became of a stretch of load.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Decisions handed to the sockets.
    pub(crate) decisions: u64,
    /// How late the generator itself was, in nanoseconds.
    pub(crate) lag: Histogram<u64>,
    /// When each alarm's decision was due, by agent and decision.
    pub(crate) alarms: BTreeMap<(usize, u64), Instant>,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Sent {
    /// Returns how late the generator was 99 times in a hundred, in milliseconds.
    pub(crate) fn lag_millis(&self) -> f64 {
        self.lag.value_at_quantile(0.99) as f64 / 1e6
    }

    /// Returns the decisions a second.
    pub(crate) fn rate(&self) -> f64 {
        self.decisions as f64 / self.took.as_secs_f64()
    }
}

/// Returns the name of an agent.
pub(crate) fn name_of(index: usize) -> AgentId {
    AgentId::new(&format!("agent-{index}")).unwrap()
}

impl Fleet {
    /// Connects the agents with these numbers.
    pub(crate) fn connect(url: &str, token: &str, numbers: Range<usize>) -> Self {
        let address = observer::address_of(url);
        let began = Instant::now();
        let agents = numbers.map(|index| connect(url, address, token, index)).collect();
        Self { agents, began }
    }

    /// Says `rate` decisions a second in all, for `span`, `together` of an agent with one write.
    pub(crate) fn run(&mut self, rate: f64, span: Duration, together: usize) -> Sent {
        let step = Duration::from_secs_f64(together as f64 / rate);
        let steps = (span.as_secs_f64() / step.as_secs_f64()) as u64;
        let start = Instant::now();
        let mut sent = Sent {
            decisions: 0,
            lag: Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap(),
            alarms: BTreeMap::new(),
            took: Duration::ZERO,
        };
        for number in 0..steps {
            let due = start + step.mul_f64(number as f64);
            let mut now = Instant::now();
            if let Some(early) = due.checked_duration_since(now) {
                // A sleep of a thread is at most a tenth of a millisecond too long.
                thread::sleep(early);
                now = Instant::now();
            }
            sent.lag.saturating_record(nanos(now - due).max(1));
            let turn = usize::try_from(number).unwrap() % self.agents.len();
            self.say(turn, together, due, &mut sent);
        }
        sent.took = start.elapsed();
        sent
    }

    fn say(&mut self, turn: usize, together: usize, due: Instant, sent: &mut Sent) {
        let began = self.began;
        let agent = &mut self.agents[turn];
        let index = agent.index;
        for _ in 0..together {
            agent.seq += 1;
            // Not all of them at once.
            let phase = (agent.seq + index as u64 * 2) % (2 * EPISODE);
            let is_hot = index < ALARMED && phase < EPISODE;
            if is_hot && phase == 0 {
                sent.alarms.insert((index, agent.seq), due);
            }
            let frame = decision(agent.seq, began.elapsed(), if is_hot { 120.0 } else { 70.0 });
            agent.feed(frame);
            sent.decisions += 1;
        }
        if Instant::now() >= agent.next_beat {
            agent.next_beat += BEAT;
            agent.feed(heartbeat(agent.boot_id, began.elapsed()));
            agent.listen(began);
        }
        agent.flush();
    }

    /// Waits until the monitor has said of every decision that its record is safe; returns how many are not, in the end.
    pub(crate) fn settle(&mut self, patience: Duration) -> u64 {
        let until = Instant::now() + patience;
        loop {
            let began = self.began;
            for agent in &mut self.agents {
                agent.listen(began);
                agent.flush();
            }
            let missing = self.agents.iter().map(|agent| agent.seq - agent.durable).sum();
            if missing == 0 || Instant::now() > until {
                return missing;
            }
            for agent in &mut self.agents {
                if Instant::now() >= agent.next_beat {
                    agent.next_beat += BEAT;
                    agent.feed(heartbeat(agent.boot_id, began.elapsed()));
                }
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Raw {
    fn feed(&mut self, frame: Bytes) {
        let written = self.socket.write(Message::Binary(frame));
        may_wait(written);
    }

    fn flush(&mut self) {
        let flushed = self.socket.flush();
        may_wait(flushed);
    }

    /// Takes what the monitor said meanwhile, and answers its pings.
    fn listen(&mut self, began: Instant) {
        loop {
            match self.socket.read() {
                Ok(Message::Binary(frame)) => match ToAgent::decode(&frame).unwrap() {
                    ToAgent::Durable(upto) => self.durable = self.durable.max(upto.seq.0),
                    ToAgent::Ping(ping) => {
                        let now = nanos(began.elapsed());
                        let pong =
                            Pong { sent_nanos: ping.sent_nanos, received_nanos: now, answered_nanos: now };
                        self.feed(AgentMessage::Pong(pong).encode());
                    }
                    ToAgent::Error(report) => panic!("the monitor complains: {report:?}"),
                    _ => {}
                },
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) => panic!("the monitor let an agent go: {error}"),
            }
        }
    }
}

/// What the network has no room for waits in the socket.
fn may_wait(result: Result<(), Error>) {
    match result {
        Ok(()) => {}
        Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
        Err(error) => panic!("the monitor let an agent go: {error}"),
    }
}

fn connect(url: &str, address: &str, token: &str, index: usize) -> Raw {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let (mut socket, _) = client(request, stream).unwrap();
    let boot_id = BootId(Uuid::from_u128(index as u128 + 1));
    let signals = (0..SIGNALS).map(|number| SignalSpec {
        name: Label::cut(&if number == 0 { "heat".to_owned() } else { format!("signal-{number}") }),
        unit: Label::cut("C"),
    });
    let hello = AgentHello {
        token: Some(BearerToken::new(token).unwrap()),
        signals: signals.collect(),
        ..AgentHello::first(name_of(index), AgentKind::Generic, boot_id, Label::cut("bench"))
    };
    socket.send(Message::Binary(watchkeeper_protocol::encode("hello", &hello))).unwrap();
    socket.read().unwrap();
    socket.get_ref().set_nonblocking(true).unwrap();
    // Their heartbeats are spread.
    let next_beat = Instant::now() + BEAT.mul_f64(index as f64 / 1_000.0 % 1.0);
    Raw { index, socket, boot_id, seq: 0, durable: 0, next_beat }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap()
}

fn decision(seq: u64, now: Duration, heat: f64) -> Bytes {
    let wave = |number: usize| f64::from((seq as u32).wrapping_mul(7 + number as u32) % 13) * 0.1 + 5.0;
    let signals = (0..SIGNALS).map(|number| if number == 0 { heat + wave(0) } else { wave(number) });
    AgentMessage::Decision(Decision {
        seq: DecisionSeq(seq),
        made_at: AgentTime::from_nanos(nanos(now)),
        action: Label::cut("press"),
        confidence: None,
        alternatives: Vec::new(),
        signals: signals.collect(),
        subject: None,
        context: None,
        waiting: None,
    })
    .encode()
}

fn heartbeat(boot_id: BootId, now: Duration) -> Bytes {
    AgentMessage::Heartbeat(Heartbeat {
        condition_reached: true,
        ..Heartbeat::autonomous(boot_id, AgentTime::from_nanos(nanos(now)))
    })
    .encode()
}
