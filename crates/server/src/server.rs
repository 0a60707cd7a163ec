//! A server from its start to its end.

use crate::{
    accept,
    clock::Clock,
    connection::Shared,
    counters::Counters,
    denied::{Denied, DenyFile},
    engine_loop::{ControlItem, EngineLoop, LANE, LoopReport, Sources},
    files,
    gatekeeper::{self, Gatekeeper},
    ledger_queue::{Gauge, LedgerQueue},
    ledger_thread::{LedgerThread, Writer},
    metrics::{Exposition, metrics},
    options::{ServerOptions, TlsOptions},
    pager::{Pager, PagerHandle, PagerOptions, Retry},
    rule_follower::RuleFollower,
    rule_store::RuleStore,
    scrape,
    spans::Spans,
    start_mode::{InsecureConsent, Mode, Protection, admit_start},
    startup::{self, Started},
    tls::TlsDoor,
    token::{Token, TokenFiles, runtime_dir},
};
use anyhow::{Context, bail};
use std::{net::SocketAddr, path::Path, path::PathBuf, sync::Arc};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{Semaphore, mpsc, watch},
    task::JoinHandle,
};
use watchkeeper_engine::{Config, Engine};
use watchkeeper_model::Incarnation;
use watchkeeper_protocol::{PATH, operator::StageLatency, session::Head};

/// Bounds what the kernel holds for a console that does not read, so that what it shows is not old; the kernel
/// doubles it (`performance.md`).
const SEND_BUFFER: u32 = 64 << 10;
/// Where calls wait for the receiver of the webhook, below the data directory.
const PAGES: &str = "pages";
/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 1_024;

/// The monitor as a server.
#[derive(Debug)]
pub struct Server;

/// A server that runs. Dropping it stops it without waiting; [`RunningServer::stop`] stops it in good order.
#[derive(Debug)]
pub struct RunningServer {
    address: SocketAddr,
    url: String,
    mode: Mode,
    token: Token,
    files: TokenFiles,
    incarnation: Incarnation,
    stop: watch::Sender<bool>,
    /// Its sender is dropped when the engine loop ends.
    alive: watch::Receiver<()>,
    accept: JoinHandle<()>,
    engine: JoinHandle<anyhow::Result<LoopReport>>,
    /// Where it is scraped, and the task that answers.
    metrics: Option<(SocketAddr, JoinHandle<()>)>,
    /// Look at the deny-list and for other rules.
    following: Vec<JoinHandle<()>>,
    /// Calls people; ends when the engine loop has.
    calling: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
    spans: Arc<Spans>,
}

/// What a server did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeReport {
    /// This run, among those on the data directory.
    pub incarnation: Incarnation,
    /// Sessions served.
    pub sessions: u64,
    /// Inputs fed to the engine.
    pub inputs: u64,
    /// Frames refused.
    pub refused_frames: u64,
    /// Connections that did not become a session.
    pub refused_connections: u64,
    /// SHA-256 over all outputs of the engine; the record's last digest says the same.
    pub output_digest: [u8; 32],
    /// The last head of the record.
    pub head: Head,
    /// Latency of each stage of all takeovers.
    pub stages: Vec<StageLatency>,
}

/// Serves until `shutdown` completes, then stops in good order.
///
/// # Errors
/// Whatever keeps the server from starting, going on, or finishing its record.
pub async fn serve(
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<ServeReport> {
    let mut server = Server::start(options).await?;
    tokio::select! {
        () = shutdown => tracing::info!("stopping"),
        () = server.ended() => {}
    }
    server.stop().await
}

impl Server {
    /// Opens the data directory, listens, and runs in tasks of the current runtime.
    ///
    /// # Errors
    /// An address that asks for more protection or is taken, TLS files that cannot be used, a data directory that is in
    /// use or damaged, rules that cannot be used, a secret of the webhook that is none, files that cannot be written;
    /// the message says what to do.
    pub async fn start(mut options: ServerOptions) -> anyhow::Result<RunningServer> {
        let mode = admit(&options)?;
        // Consoles say it and the record has it, where it is so and nowhere else.
        options.config.site.insecure_i_know = mode == Mode::InsecureSite;
        let rules = find_rules(&mut options)?;
        let (deny_file, denied) = deny_file(&options)?.unzip();
        let pager = options.config.webhook.as_ref().map(Pager::open).transpose()?;
        let doors = Doors {
            mode,
            tls: options.tls.as_ref().map(TlsDoor::open).transpose()?,
            deny_file,
            denied,
            listener: listen(options.listen)?,
            metrics: options.metrics.map(listen_for_metrics).transpose()?,
            rules,
        };
        let (options, started) = tokio::task::spawn_blocking(move || {
            let started = startup::start(&options);
            (options, started)
        })
        .await
        .context("opening the data directory")?;
        let started = started?;
        let counters = Arc::new(Counters::default());
        let pager = match pager {
            Some(pager) => Some(start_pager(pager, &options, started.opening.incarnation, &counters).await?),
            None => None,
        };
        run(options, started, doors, counters, pager)
    }
}

/// What a server takes connections with.
struct Doors {
    mode: Mode,
    tls: Option<TlsDoor>,
    deny_file: Option<DenyFile>,
    denied: Option<Denied>,
    listener: TcpListener,
    metrics: Option<TcpListener>,
    rules: Option<RuleFollower>,
}

/// Takes the rules that are in force into the configuration, where it names a file of them.
fn find_rules(options: &mut ServerOptions) -> anyhow::Result<Option<RuleFollower>> {
    let rules = &mut options.config.rules;
    let Some(file) = &rules.file else { return Ok(None) };
    let store = RuleStore::of(Path::new(file));
    let (_, in_force) =
        store.in_force().context("finding the rules in force (`[rules]` of the configuration)")?;
    rules.in_force = Arc::new(in_force);
    Ok(Some(RuleFollower::new(store, rules.in_force.version())))
}

/// Takes up the calls that an earlier run left; without a webhook they stay where they are.
async fn start_pager(
    pager: Pager,
    options: &ServerOptions,
    incarnation: Incarnation,
    counters: &Counters,
) -> anyhow::Result<(PagerHandle, JoinHandle<()>)> {
    let directory = options.data_dir.join(PAGES);
    let options = PagerOptions { directory, incarnation, retry: Retry::default() };
    pager.start(options, Arc::clone(counters.pages())).await
}

/// Says how the server may run.
fn admit(options: &ServerOptions) -> anyhow::Result<Mode> {
    let protection = match &options.tls {
        None => Protection::Clear,
        Some(TlsOptions { client_ca: None, .. }) => Protection::Tls,
        Some(TlsOptions { client_ca: Some(_), .. }) => Protection::MutualTls,
    };
    let consent = InsecureConsent { configuration: options.config.site.insecure_i_know, ..options.insecure };
    let mode = admit_start(options.listen, protection, options.keys.is_some(), consent)?;
    if mode == Mode::InsecureSite {
        let listen = options.listen;
        tracing::warn!(%listen, "NOT PROTECTED: others can reach this monitor without TLS, as was said three times");
    }
    Ok(mode)
}

fn deny_file(options: &ServerOptions) -> anyhow::Result<Option<(DenyFile, Denied)>> {
    let Some(tls) = &options.tls else { return Ok(None) };
    let Some(path) = &tls.denied_serials else { return Ok(None) };
    if tls.client_ca.is_none() {
        bail!(
            "serials to deny (--deny-serials) are those of agents' certificates: give --client-ca FILE too"
        );
    }
    DenyFile::open(path).map(Some)
}

/// Listens where the figures are scraped, in the clear and without a token: on this machine only.
fn listen_for_metrics(address: SocketAddr) -> anyhow::Result<TcpListener> {
    if !address.ip().is_loopback() {
        bail!(
            "{address} is not a loopback address: the metrics would travel in the clear. Listen on 127.0.0.1 and let \
             a tunnel (ssh -L) carry them"
        );
    }
    listen(address)
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bind = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        // Accepted sockets inherit it.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bind().with_context(|| format!("listening on {address}"))
}

fn run(
    options: ServerOptions,
    Started { ledger, opening }: Started,
    Doors { mode, tls, deny_file, denied, listener, metrics: metrics_listener, rules }: Doors,
    counters: Arc<Counters>,
    pager: Option<(PagerHandle, JoinHandle<()>)>,
) -> anyhow::Result<RunningServer> {
    let address = listener.local_addr().context("asking for the address we listen on")?;
    let url = url_of(address, &options);
    let token = Token::random();
    let gatekeeper = gatekeeper(&options, &token)?;
    let files = TokenFiles::write(&token_directory(&options), &token, &url, options.keys.is_none())?;
    let incarnation = opening.incarnation;
    let (control_sender, control) = mpsc::channel(LANE);
    let (telemetry_sender, telemetry) = mpsc::channel(LANE);
    let (stop, shutdown) = watch::channel(false);
    let (marks_sender, marks) = watch::channel(None);
    let (alive_sender, alive) = watch::channel(());

    // From the text that the record holds, so that a replay makes the same engine.
    let config = Config::parse(&opening.configuration).context("reading the configuration back")?;
    let gauge = Arc::new(Gauge::default());
    let (queue, receiver) = LedgerQueue::new(Arc::clone(&gauge));
    let made_at = Clock.now();
    let engine = Engine::new(config, &opening, made_at);
    let spans = Arc::new(Spans::default());
    let mut engine_loop = EngineLoop::new(engine, made_at, queue, Arc::clone(&counters), Arc::clone(&spans));
    let (pager, calling) = pager.unzip();
    engine_loop.set_pager(pager);
    let metrics = if let Some(listener) = metrics_listener {
        let (meter, exposition) =
            metrics(incarnation, Arc::clone(&counters), Arc::clone(&spans), marks.clone())?;
        engine_loop.set_meter(meter);
        Some(answer_scrapes(listener, exposition, shutdown.clone())?)
    } else {
        None
    };
    let writer =
        Writer::new(ledger, opening, gauge, Arc::clone(&spans), marks_sender, options.head_file.clone());
    let ledger = LedgerThread::spawn(writer, receiver)?;
    let sources = Sources { control, telemetry, marks, shutdown: shutdown.clone() };
    let engine = tokio::spawn(run_engine(engine_loop, sources, ledger, alive_sender));
    let following = follow_files(deny_file, rules, &control_sender, &shutdown);
    let shared = Arc::new(Shared {
        clock: Clock,
        listen: address.ip(),
        allowed: options.allowed.clone(),
        tls,
        denied,
        gatekeeper,
        incarnation: incarnation.0,
        counters: Arc::clone(&counters),
        spans: Arc::clone(&spans),
        agent_places: Arc::new(Semaphore::new(options.limits.agent_sessions)),
        console_places: Arc::new(Semaphore::new(options.limits.console_sessions)),
        control: control_sender,
        telemetry: telemetry_sender,
        limits: options.limits,
    });
    let accept = tokio::spawn(accept::run(listener, shared, shutdown));
    announce(options.ready_file.as_deref(), &url, mode, incarnation)?;
    Ok(RunningServer {
        address,
        url,
        mode,
        token,
        files,
        incarnation,
        stop,
        alive,
        accept,
        engine,
        metrics,
        following,
        calling,
        counters,
        spans,
    })
}

/// Looks at the files that may change while the server runs, each in a task of its own.
fn follow_files(
    deny_file: Option<DenyFile>,
    rules: Option<RuleFollower>,
    control: &mpsc::Sender<ControlItem>,
    shutdown: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let list = deny_file.map(|file| tokio::spawn(file.follow(shutdown.clone())));
    let rules = rules.map(|rules| tokio::spawn(rules.follow(control.clone(), shutdown.clone())));
    list.into_iter().chain(rules).collect()
}

/// Says that connections are taken, and where.
fn announce(
    ready_file: Option<&Path>,
    url: &str,
    mode: Mode,
    incarnation: Incarnation,
) -> anyhow::Result<()> {
    if let Some(path) = ready_file {
        files::replace(path, &format!("{url}\n"))?;
    }
    tracing::info!(url, ?mode, incarnation = incarnation.0, "the monitor takes connections");
    Ok(())
}

/// Runs the engine; `alive` is dropped when it ends.
async fn run_engine(
    engine_loop: EngineLoop,
    sources: Sources,
    ledger: LedgerThread,
    alive: watch::Sender<()>,
) -> anyhow::Result<LoopReport> {
    let report = Box::pin(engine_loop.run(sources, ledger)).await;
    drop(alive);
    report
}

fn answer_scrapes(
    listener: TcpListener,
    exposition: Exposition,
    shutdown: watch::Receiver<bool>,
) -> anyhow::Result<(SocketAddr, JoinHandle<()>)> {
    let address = listener.local_addr().context("asking for the address of the metrics")?;
    Ok((address, tokio::spawn(scrape::run(listener, exposition, shutdown))))
}

fn gatekeeper(options: &ServerOptions, token: &Token) -> anyhow::Result<Gatekeeper> {
    options.keys.as_ref().map_or_else(|| Ok(Gatekeeper::Run(token.digest())), |keys| gatekeeper::open(keys))
}

/// Returns where clients connect. An address that stands for all of this machine is none to connect to: the first
/// allowed host is, or else loopback.
fn url_of(address: SocketAddr, options: &ServerOptions) -> String {
    let scheme = if options.tls.is_some() { "wss" } else { "ws" };
    if !address.ip().is_unspecified() {
        return format!("{scheme}://{address}{PATH}");
    }
    let loopback = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
    let host = options.allowed.first_host().unwrap_or_else(|| loopback.to_owned());
    format!("{scheme}://{host}:{}{PATH}", address.port())
}

fn token_directory(options: &ServerOptions) -> PathBuf {
    options.token_dir.clone().unwrap_or_else(|| {
        runtime_dir(std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from), &options.data_dir)
    })
}

impl RunningServer {
    /// Returns where clients connect, such as `ws://127.0.0.1:7410/v1`, with TLS `wss://monitor.example:7410/v1`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Returns how protected it runs.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns where Prometheus scrapes it, such as `http://127.0.0.1:9464/metrics`; `None` without metrics.
    pub fn metrics_url(&self) -> Option<String> {
        self.metrics.as_ref().map(|(address, _)| format!("http://{address}{}", scrape::PATH))
    }

    /// Returns the token of this run; it is a secret, and lets nobody in where keys say who is.
    pub fn token(&self) -> &str {
        self.token.reveal()
    }

    /// Returns the file that holds the token; there is none where keys say who is let in.
    pub fn token_file(&self) -> &Path {
        self.files.token_path()
    }

    /// Returns which run on the data directory this is.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Returns how long decisions, alerts and records take inside the server.
    pub fn spans(&self) -> &Spans {
        &self.spans
    }

    /// Waits until the server has ended by itself, which only a failure makes it do; [`Self::stop`] tells why.
    pub async fn ended(&mut self) {
        // Nothing is ever sent; the sender is dropped.
        while self.alive.changed().await.is_ok() {}
    }

    /// Stops: takes no more connections, says goodbye to every session, finishes the record, and removes the
    /// files of this run.
    ///
    /// # Errors
    /// What made the engine loop or the record fail.
    pub async fn stop(self) -> anyhow::Result<ServeReport> {
        self.stop.send_replace(true);
        self.accept.await.context("waiting for the connections to end")?;
        if let Some((_, task)) = self.metrics {
            task.await.context("waiting for the metrics to end")?;
        }
        for task in self.following {
            task.await.context("waiting for the look at the deny-list and the rules to end")?;
        }
        let report = self.engine.await.context("waiting for the engine to end")?;
        if let Some(task) = self.calling {
            task.await.context("waiting for the pager to end")?;
        }
        let LoopReport { inputs, digest, head, stages } = report?;
        Ok(ServeReport {
            incarnation: self.incarnation,
            sessions: self.counters.sessions(),
            inputs,
            refused_frames: self.counters.refused_frames(),
            refused_connections: self.counters.refused_connections(),
            output_digest: digest,
            head,
            stages,
        })
    }
}
