//! A proxy between the monitor and its peers that reads WebSocket frames: it loses, delays, doubles, holds and
//! stalls them by their kind and by where they go.
//!
//! TCP itself loses nothing and keeps its order, so a loss is a whole message that is left out, and a delay is one
//! that lets others overtake it. Which frames meet which [`Fate`] is a list of [`Rule`]s; chance comes from the
//! proxy's seed, one stream for each way. A hello and a welcome are left alone unless a rule names them: without
//! them there is no session to lose anything of.
//!
//! Deliberately not here: broken frames, other addresses than loopback, and anything that knows of a test.

mod frame;
mod pump;

pub use frame::{Leg, Seen};

use anyhow::{Context as _, Result};
use frame::Peer;
use futures_util::StreamExt as _;
use pump::Pump;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_tungstenite::{
    accept_hdr_async, client_async,
    tungstenite::{
        ClientRequestBuilder,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, Uri},
    },
};
use watchkeeper_model::CommandKind;
use watchkeeper_protocol::{PATH, SUBPROTOCOL};

/// What the kernel holds of a peer that is not read: half a minute of a console's heartbeats, several times over.
const RECEIVE_BUFFER: u32 = 4 << 20;
/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 64;

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// It goes on at once.
    Pass,
    /// It is lost.
    Drop,
    /// It goes on twice.
    Double,
    /// It goes on later, somewhere between these two; what comes behind it does not wait.
    Delay(Duration, Duration),
    /// It goes on when [`Proxy::release`] is called; what comes behind it does not wait.
    Hold,
}

/// Which frames meet a fate.
#[derive(Clone, Debug)]
pub struct Rule {
    leg: Leg,
    kinds: Vec<&'static str>,
    verbs: Vec<CommandKind>,
    deltas: Option<bool>,
    share: f64,
    left: u64,
    fate: Fate,
}

impl Rule {
    /// Makes a rule for every frame that goes this way.
    pub const fn new(leg: Leg, fate: Fate) -> Self {
        Self { leg, kinds: Vec::new(), verbs: Vec::new(), deltas: None, share: 1.0, left: u64::MAX, fate }
    }

    /// Narrows it to frames of these kinds, as they are called on the wire.
    #[must_use]
    pub fn kinds(mut self, kinds: &[&'static str]) -> Self {
        self.kinds = kinds.to_vec();
        self
    }

    /// Narrows it to commands with these verbs, whatever kind of frame carries them.
    #[must_use]
    pub fn verbs(mut self, verbs: &[CommandKind]) -> Self {
        self.verbs = verbs.to_vec();
        self
    }

    /// Narrows it to deltas: frames whose cursor is above every one before on their connection. A console notices
    /// that one is missing, and asks for a snapshot.
    #[must_use]
    pub const fn deltas(mut self) -> Self {
        self.deltas = Some(true);
        self
    }

    /// Narrows it to everything but deltas, such as the repeats of a status.
    #[must_use]
    pub const fn repeats(mut self) -> Self {
        self.deltas = Some(false);
        self
    }

    /// Narrows it to this share of them, 0 to 1, by chance.
    #[must_use]
    pub const fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// Narrows it to the first so many.
    #[must_use]
    pub const fn times(mut self, times: u64) -> Self {
        self.left = times;
        self
    }

    fn names(&self, seen: &Seen) -> bool {
        let opens = matches!(seen.kind, "hello" | "welcome");
        let is_kind = if self.kinds.is_empty() { !opens } else { self.kinds.contains(&seen.kind) };
        let is_verb = self.verbs.is_empty() || seen.verb.is_some_and(|verb| self.verbs.contains(&verb));
        let is_delta = self.deltas.is_none_or(|deltas| deltas == seen.is_delta);
        self.leg == seen.leg && self.left > 0 && is_kind && is_verb && is_delta
    }
}

/// A proxy that runs; dropping it ends it and every connection through it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// Starts a proxy to the monitor at `url`, with the chance that `seed` gives. Everything passes at first.
    ///
    /// # Errors
    /// When `url` is no address of a monitor on this machine, or no port is free.
    pub fn start(url: &str, seed: u64) -> Result<Self> {
        let authority = url.strip_prefix("ws://").and_then(|rest| rest.strip_suffix(PATH));
        let upstream = authority.with_context(|| format!("{url} is no address of a monitor"))?;
        let upstream: SocketAddr = upstream.parse().with_context(|| format!("{url} names no socket"))?;
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).context("finding a port for a proxy")?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let chance = |stream: u64| StdRng::seed_from_u64(seed.wrapping_mul(8).wrapping_add(stream));
        let shared = Arc::new(Shared {
            upstream,
            state: Mutex::new(State {
                rules: Vec::new(),
                chance: [chance(0), chance(1), chance(2), chance(3)],
                seen: Vec::new(),
                left_out: Vec::new(),
            }),
            stalled: watch::Sender::new([false; 4]),
            releases: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    /// Returns where peers connect.
    pub fn url(&self) -> String {
        format!("ws://{}{PATH}", self.address)
    }

    /// Sets the rules from now on: the first one that names a frame, and whose chance says yes, decides.
    pub fn set_rules(&self, rules: impl Into<Vec<Rule>>) {
        self.shared.state().rules = rules.into();
    }

    /// Stops reading what goes this way: it waits in the socket.
    pub fn stall(&self, leg: Leg) {
        self.shared.stalled.send_modify(|stalled| *leg.of(stalled) = true);
    }

    /// Reads again what was stalled.
    pub fn go_on(&self, leg: Leg) {
        self.shared.stalled.send_modify(|stalled| *leg.of(stalled) = false);
    }

    /// Lets every frame go on that was held.
    pub fn release(&self) {
        self.shared.releases.send_modify(|releases| *releases += 1);
    }

    /// Breaks every connection that is open now.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Keeps no account of frames of these kinds, so that a long run does not fill the memory.
    pub fn leave_out(&self, kinds: &[&'static str]) {
        self.shared.state().left_out = kinds.to_vec();
    }

    /// Returns every frame that came by so far, in order of their coming, with what became of it.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// Returns the frames that came by and of which `wanted` says yes.
    pub fn seen_where(&self, wanted: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        self.shared.state().seen.iter().filter(|seen| wanted(seen)).cloned().collect()
    }

    /// Returns the commands with this verb that came by on their way to `leg`'s end.
    pub fn commands(&self, leg: Leg, verb: CommandKind) -> Vec<Seen> {
        self.seen_where(|seen| seen.leg == leg && seen.verb == Some(verb) && seen.is_command())
    }
}

/// What the handle and the connections share.
#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    state: Mutex<State>,
    stalled: watch::Sender<[bool; 4]>,
    releases: watch::Sender<u64>,
    cuts: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    rules: Vec<Rule>,
    chance: [StdRng; 4],
    seen: Vec<Seen>,
    left_out: Vec<&'static str>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Says what becomes of a frame.
    fn judge(&mut self, seen: &Seen) -> Fate {
        let chance = seen.leg.of(&mut self.chance);
        for rule in &mut self.rules {
            if rule.names(seen) && (rule.share >= 1.0 || chance.random::<f64>() < rule.share) {
                rule.left -= 1;
                return match rule.fate {
                    Fate::Delay(least, most) => {
                        let delay = least + most.saturating_sub(least).mul_f64(chance.random::<f64>());
                        Fate::Delay(delay, delay)
                    }
                    fate @ (Fate::Pass | Fate::Drop | Fate::Double | Fate::Hold) => fate,
                };
            }
        }
        Fate::Pass
    }
}

/// Takes connections for as long as the proxy lives; they end with this task.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // A connection that ends, ends for both sides; why is theirs to say.
        connections.spawn(carry(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

/// Carries one connection to its end.
async fn carry(peer: TcpStream, shared: Arc<Shared>) -> Result<()> {
    let mut cuts = shared.cuts.subscribe();
    peer.set_nodelay(true)?;
    let to_peer = accept_hdr_async(peer, name_protocol).await?;
    let monitor = TcpStream::connect(shared.upstream).await?;
    monitor.set_nodelay(true)?;
    let uri: Uri = format!("ws://{}{PATH}", shared.upstream).parse()?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
    let (to_monitor, _) = client_async(request, monitor).await?;
    let (peers_sink, peers_stream) = to_peer.split();
    let (monitors_sink, monitors_stream) = to_monitor.split();
    let who: Arc<OnceLock<Peer>> = Arc::default();
    let up = Pump::new(Arc::clone(&shared), Arc::clone(&who), true);
    let down = Pump::new(shared, who, false);
    tokio::select! {
        ended = up.run(peers_stream, monitors_sink) => ended,
        ended = down.run(monitors_stream, peers_sink) => ended,
        _ = cuts.changed() => Ok(()),
    }
}

#[expect(
    clippy::result_large_err,
    clippy::unnecessary_wraps,
    reason = "the library's callback has this type"
)]
fn name_protocol(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
    Ok(response)
}
