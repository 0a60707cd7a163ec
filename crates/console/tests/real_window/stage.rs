//! A monitor with vehicles, a display, the console as a process in front of it, and somebody who only looks on.
//!
//! What the console does is known from outside only: from what the monitor tells another operator, from the
//! pixels and the title of the window, and from the process itself.

use crate::{
    display::{Display, skip},
    shot::Shot,
    x11::{Key, Screen, WindowId},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use watchkeeper_client::{
    Agent, AgentOptions, Endpoint, Operator, OperatorEvent, OperatorOptions, Picture, TokenSource,
    console_now,
};
use watchkeeper_model::{AgentId, AgentKind, Confidence, ControlState, MonoTime, OperatorRole, PersonId};
use watchkeeper_picture::READ_FIRST;
use watchkeeper_protocol::{
    ToOperator,
    operator::{AgentStatus, ConsoleKind, LeaseEvent, LeaseUpdate},
    record::TakeoverRecord,
};
use watchkeeper_server::{RunningServer, Server, ServerOptions};
use watchkeeper_simulator::{
    Scenario, World,
    driver::{DriverOptions, drive},
};

/// Nothing here takes longer; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often somebody looks.
const LOOK: Duration = Duration::from_millis(5);
/// Size of the window.
const SIZE: (usize, usize) = (1280, 720);
/// Fewer colours than this are an empty window.
const COLOURS: usize = 50;
/// Fewer pixels than this that change in the middle of the map are no vehicle that moves.
const MOVED: usize = 500;
/// Where the ring road is drawn.
const MAP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/maps/ring.geojson");

/// What was measured of a window that opened, from the start of its process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened {
    /// The monitor counts it among the operators.
    pub(crate) welcomed: Duration,
    /// The window can be seen.
    pub(crate) mapped: Duration,
    /// It shows the map, and something moves on it.
    pub(crate) live: Duration,
}

/// The console as a process.
#[derive(Debug)]
struct Console {
    process: Child,
    started: MonoTime,
    errors: PathBuf,
    window: Option<WindowId>,
}

impl Console {
    fn errors(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    fn is_stopped(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        status.lines().any(|line| line.starts_with("State:\tT"))
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.process.kill().unwrap_or_default();
        self.process.wait().unwrap();
    }
}

/// Everything that a test needs; one at a time, because they measure.
pub(crate) struct Stage {
    console: Option<Console>,
    screen: Screen,
    display: Display,
    onlooker: Operator,
    /// Every grant of a lease that the onlooker heard of.
    pub(crate) grants: Vec<LeaseUpdate>,
    site: Site,
    directory: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    /// Starts a monitor and the vehicles of a scenario; `None`, said aloud, where there is no display to be had.
    pub(crate) fn set(scenario: &Scenario) -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let display = Display::start()?;
        let site = Site::start(scenario);
        let onlooker = site.onlooker();
        let mut stage = Self {
            console: None,
            screen: Screen::connect(display.number()),
            display,
            onlooker,
            grants: Vec::new(),
            site,
            directory: watchkeeper_canary::tempdir().unwrap(),
            _turn: turn,
        };
        stage.until("vehicles on the road", |stage| {
            let on_the_road = |state| state == ControlState::Autonomous;
            let count = stage
                .picture()
                .agents()
                .filter(|(_, agent)| {
                    on_the_road(agent.status().control_state) && agent.history().newest().is_some()
                })
                .count();
            (count == scenario.vehicles()).then_some(())
        });
        Some(stage)
    }

    /// Starts the console.
    fn start(&mut self, arguments: &[&str]) {
        let errors = self.directory.path().join("errors");
        let settings = self.directory.path().join("console.toml");
        let (width, height) = SIZE;
        let process = Command::new(env!("CARGO_BIN_EXE_watchkeeper-console"))
            .args([
                "--connect",
                &self.site.endpoint.url,
                "--map",
                MAP,
                "--size",
                &format!("{width}x{height}"),
            ])
            .args(["--person", "anna", "--role", "supervisor"])
            .arg("--token-file")
            .arg(&self.site.token_file)
            .arg("--settings")
            .arg(settings)
            .args(arguments)
            .env("DISPLAY", format!(":{}", self.display.number()))
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        let started = console_now();
        self.console = Some(Console { process, started, errors, window: None });
    }

    /// Opens the console's window and gives it the keyboard; `None`, said aloud, where it cannot draw.
    pub(crate) fn open(&mut self) -> Option<Opened> {
        self.start(&[]);
        let started = self.console().started;
        let process = self.console().process.id();
        let window = self.until("a window, or a reason for none", |stage| {
            if stage.ended().is_some() {
                return Some(None);
            }
            stage.screen.window_of(process).map(Some)
        });
        let Some(window) = window else {
            self.cannot_draw();
            return None;
        };
        let mapped = console_now().since(started);
        self.console.as_mut().unwrap().window = Some(window);
        self.until("the keyboard", |stage| stage.screen.focus(window).then_some(()));
        let mut welcomed = None;
        let mut first: Option<Shot> = None;
        let live = self.until("vehicles that move", |stage| {
            if welcomed.is_none() && stage.is_in_the_roster() {
                welcomed = Some(console_now().since(started));
            }
            let shot = stage.look();
            let Some(first) = &first else {
                first = (shot.distinct() > COLOURS).then_some(shot);
                return None;
            };
            // The middle of the map, where nothing but vehicles changes.
            let moved = shot.changes(first, 250..600, 300..600) > MOVED;
            (moved && welcomed.is_some()).then(|| console_now().since(started))
        });
        Some(Opened { welcomed: welcomed.unwrap(), mapped, live })
    }

    /// Lets the console save what its window shows after some frames, and end; `None`, said aloud, where it
    /// cannot draw.
    pub(crate) fn capture(&mut self, frames: u32) -> Option<Shot> {
        let file = self.directory.path().join("console.png");
        self.start(&["--capture", file.to_str().unwrap(), "--frames", &frames.to_string()]);
        let status = self.until("the end of the console", Self::ended);
        if !status.success() {
            self.cannot_draw();
            return None;
        }
        Some(Shot::of_png(&file))
    }

    /// The console has ended: for want of a driver or a library that is a skipped test, else a failed one.
    fn cannot_draw(&self) {
        let errors = self.console().errors();
        if errors.contains("no Vulkan driver") {
            skip("Vulkan driver");
        } else if errors.contains("the window cannot be opened") {
            skip("X11 client libraries");
        } else {
            panic!("the console ended: {errors}");
        }
    }

    fn console(&self) -> &Console {
        self.console.as_ref().unwrap()
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.console.as_mut()?.process.try_wait().unwrap()
    }

    fn is_in_the_roster(&self) -> bool {
        let Some(roster) = self.picture().roster() else { return false };
        roster
            .value
            .operators
            .iter()
            .any(|operator| operator.person.as_str() == "anna" && operator.console == ConsoleKind::Window)
    }

    /// Returns what the onlooker knows.
    pub(crate) const fn picture(&self) -> &Picture {
        self.onlooker.picture()
    }

    /// Returns the status of the vehicle that these tests are about.
    pub(crate) fn status(&self) -> &AgentStatus {
        self.picture().agent(&faulty()).unwrap().status()
    }

    /// Returns how sure that vehicle was last, 0 to 1.
    pub(crate) fn confidence(&self) -> Option<f64> {
        let newest = self.picture().agent(&faulty())?.history().newest()?;
        newest.confidence.map(Confidence::get)
    }

    /// Returns the last takeover of that vehicle.
    pub(crate) fn takeover(&self) -> Option<&TakeoverRecord> {
        self.picture()
            .takeovers()
            .map(|takeover| &takeover.value)
            .rfind(|takeover| takeover.agent == faulty())
    }

    /// Returns what the window shows.
    pub(crate) fn look(&mut self) -> Shot {
        let window = self.console().window.unwrap();
        self.screen.look(window).unwrap_or_else(|| panic!("no window: {}", self.console().errors()))
    }

    /// Returns what the window's title says.
    pub(crate) fn title(&mut self) -> String {
        let window = self.console().window.unwrap();
        self.screen.title(window)
    }

    /// Looks until there is an answer, and follows the monitor meanwhile.
    pub(crate) fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let start = console_now();
        loop {
            self.follow();
            if let Some(found) = look(self) {
                return found;
            }
            if console_now().since(start) >= PATIENCE {
                self.give_up(what);
            }
            std::thread::park_timeout(LOOK);
        }
    }

    /// Says what was there instead of what was waited for.
    fn give_up(&mut self, what: &str) -> ! {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real_window.ppm");
        let title = self.console.as_ref().and_then(|console| console.window).map(|window| {
            if let Some(shot) = self.screen.look(window) {
                shot.save(&file);
            }
            self.screen.title(window)
        });
        panic!(
            "{what} never came; the title says {title:?}, the window is in {}, the console said {:?}; {:#?}",
            file.display(),
            self.console.as_ref().map(Console::errors),
            self.status()
        );
    }

    /// Waits for a control state; returns when the onlooker was told of it.
    pub(crate) fn until_state(&mut self, state: ControlState) -> MonoTime {
        self.until(state.word(), |stage| {
            let agent = stage.picture().agent(&faulty())?;
            (agent.status().control_state == state).then(|| agent.received_at())
        })
    }

    fn follow(&mut self) {
        while let Some(event) = self.onlooker.try_next() {
            if let OperatorEvent::Message(message) = event
                && let ToOperator::Lease(update) = *message
                && update.event == LeaseEvent::Granted
            {
                self.grants.push(update);
            }
        }
    }

    /// Connects one more agent, of which the test says how it is.
    pub(crate) fn connect(&self, name: &str) -> Agent {
        let agent = AgentId::new(name).unwrap();
        let options = AgentOptions::new(self.site.endpoint.clone(), agent, AgentKind::Generic);
        self.site.runtime.block_on(Agent::connect(options)).unwrap()
    }

    /// Goes on for a while, and does something again and again meanwhile.
    pub(crate) fn during(&mut self, what: &str, span: Duration, mut act: impl FnMut(&Self)) {
        let end = console_now().after(span);
        // No wait may be longer than a test has patience for.
        while console_now() < end {
            let part = console_now().after(LOOK * 20).min(end);
            self.until(what, |stage| {
                act(stage);
                (console_now() >= part).then_some(())
            });
        }
    }

    /// Waits until a frame was begun and shown after this call: until then nobody knows what there is to press.
    pub(crate) fn see(&mut self) {
        // The first change may be of a frame that was under way.
        for _ in 0..2 {
            let before = self.look();
            self.until("another frame", |stage| (stage.look() != before).then_some(()));
        }
    }

    /// Presses the key of a letter, once the person has seen what there is.
    pub(crate) fn tap(&mut self, letter: char) {
        self.see();
        self.screen.tap(Key::letter(letter));
    }

    /// Presses a key and keeps it down.
    pub(crate) fn hold(&mut self, key: Key) {
        self.screen.press(key);
    }

    /// Lets go of a key.
    pub(crate) fn let_go(&mut self, key: Key) {
        self.screen.release(key);
    }

    /// Waits until the console calls for the vehicle in its title, then looks at it, as a person does.
    pub(crate) fn answer_the_call(&mut self) {
        self.until("the call in the title", |stage| stage.title().contains("vehicle-4").then_some(()));
        self.tap('n');
    }

    /// Takes over with the two inputs that it takes.
    pub(crate) fn take_over(&mut self) {
        self.tap('t');
        self.until("a ready holder", |stage| {
            let lease = stage.status().lease.as_ref()?;
            (lease.holder.as_str() == "anna" && lease.ready).then_some(())
        });
        // Long enough for the console, too, to have seen the grant for as long as one must read it.
        let granted = console_now();
        self.until("time to read", |_| (console_now().since(granted) >= READ_FIRST * 2).then_some(()));
        self.tap('e');
        self.until_state(ControlState::Human);
    }

    /// Stops the console's process, and returns when it stands still.
    pub(crate) fn freeze(&mut self) {
        self.console().signal(Signal::STOP);
        self.until("a stopped process", |stage| stage.console().is_stopped().then_some(()));
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.console().signal(Signal::CONT);
    }

    /// Kills the console's process; returns when.
    pub(crate) fn kill(&mut self) -> MonoTime {
        let at = console_now();
        drop(self.console.take());
        at
    }
}

/// The vehicle whose sensor freezes in the main scenario.
pub(crate) fn faulty() -> AgentId {
    AgentId::new("vehicle-4").unwrap()
}

/// A monitor with vehicles.
struct Site {
    runtime: Runtime,
    server: Option<RunningServer>,
    endpoint: Endpoint,
    token_file: PathBuf,
    _data: TempDir,
}

impl Site {
    fn start(scenario: &Scenario) -> Self {
        let runtime = Runtime::new().unwrap();
        let data = watchkeeper_canary::tempdir().unwrap();
        let options = ServerOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token_dir: Some(data.path().to_owned()),
            ..ServerOptions::new(data.path())
        };
        let server = runtime.block_on(Server::start(options)).unwrap();
        watchkeeper_canary::register(server.token());
        let token_file = Path::to_owned(server.token_file());
        let endpoint = Endpoint::new(server.url(), TokenSource::File(token_file.clone()));
        let drivers = DriverOptions::new(endpoint.clone());
        let road = World::new(scenario, 1);
        runtime.spawn(async move { drive(road, &drivers, std::future::pending()).await });
        Self { runtime, server: Some(server), endpoint, token_file, _data: data }
    }

    fn onlooker(&self) -> Operator {
        let mut options = OperatorOptions::new(self.endpoint.clone(), PersonId::new("ben").unwrap());
        options.role = OperatorRole::Observer;
        let _inside = self.runtime.enter();
        Operator::connect(options)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop()).unwrap();
        }
    }
}
