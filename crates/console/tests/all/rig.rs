//! A console without a renderer, driven frame by frame, and a monitor with vehicles for it.

use bevy::{
    input::{
        ButtonState,
        keyboard::{Key, KeyCode, KeyboardInput},
        mouse::{MouseButton, MouseButtonInput},
    },
    prelude::*,
    window::{CursorMoved, PrimaryWindow, WindowEvent},
};
use bevy_egui::{EguiContext, EguiOutput};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::runtime::Runtime;
use watchkeeper_client::{Endpoint, OperatorOptions, TokenSource, console_now};
use watchkeeper_console::{
    app::{Setup, build},
    desk::Desk,
    link::{Link, Source},
    presence::Presence,
    surface::Surface,
};
use watchkeeper_model::{AgentId, ControlState, OperatorRole, PersonId};
use watchkeeper_picture::{Picture, READ_FIRST};
use watchkeeper_protocol::operator::ConsoleKind;
use watchkeeper_server::{RunningServer, Server, ServerOptions};
use watchkeeper_simulator::{
    Scenario, World as Road,
    driver::{DriverOptions, drive},
};

/// Nothing here takes longer; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_mins(1);
/// From frame to frame, as a console that holds an agent draws.
const FRAME: Duration = Duration::from_millis(20);

/// The vehicle whose sensor freezes in the main scenario.
pub(crate) fn faulty() -> AgentId {
    AgentId::new("vehicle-4").unwrap()
}

/// A console, and a person at it.
pub(crate) struct Rig {
    pub(crate) app: App,
    pub(crate) window: Entity,
}

impl Rig {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut app = build(setup).unwrap();
        app.finish();
        app.cleanup();
        let window =
            app.world_mut().query_filtered::<Entity, With<PrimaryWindow>>().single(app.world()).unwrap();
        let mut contexts = app.world_mut().query::<&mut EguiContext>();
        for mut context in contexts.iter_mut(app.world_mut()) {
            context.get_mut().enable_accesskit();
        }
        let mut rig = Self { app, window };
        rig.frame();
        rig
    }

    /// A console with somebody in front of it, on a source.
    pub(crate) fn attended(source: Source) -> Self {
        Self::new(Setup { focused: true, ..Setup::new(source, Surface::None) })
    }

    /// Covers the window.
    pub(crate) fn hide(&mut self) {
        self.app.world_mut().resource_mut::<Presence>().visible = false;
    }

    pub(crate) fn frame(&mut self) {
        self.app.update();
    }

    pub(crate) fn picture(&self) -> &Picture {
        self.app.world().resource::<Link>().picture()
    }

    pub(crate) fn desk(&self) -> &Desk {
        self.app.world().resource::<Desk>()
    }

    /// What the person was told last.
    pub(crate) fn news(&self) -> &str {
        self.desk().local.news.as_ref().map_or("", |said| said.text.as_str())
    }

    pub(crate) fn state(&self, agent: &AgentId) -> Option<ControlState> {
        self.picture().agent(agent).map(|entry| entry.status().control_state)
    }

    /// Draws frames until the console is as wished.
    pub(crate) fn until(&mut self, what: &str, wished: impl Fn(&Self) -> bool) {
        let start = console_now();
        while !wished(self) {
            let waited = console_now().since(start);
            assert!(
                waited < PATIENCE,
                "{what} never came; the person was told {:?}; commands: {:#?}",
                self.news(),
                self.picture().all_commands().collect::<Vec<_>>()
            );
            self.frame();
            std::thread::park_timeout(FRAME);
        }
    }

    /// Draws frames for a while.
    pub(crate) fn watch(&mut self, span: Duration) {
        let end = console_now().after(span);
        self.until("the end of a while", |_| console_now() >= end);
    }

    pub(crate) fn until_state(&mut self, agent: &AgentId, state: ControlState) {
        self.until(state.word(), |rig| rig.state(agent) == Some(state));
    }

    /// Takes the time that a person needs to read that control was granted.
    pub(crate) fn read_first(&mut self) {
        self.watch(READ_FIRST);
    }

    /// Presses and lets go of a key.
    pub(crate) fn tap(&mut self, key_code: KeyCode, logical_key: Key) {
        self.key(key_code, logical_key.clone(), ButtonState::Pressed, false);
        self.key(key_code, logical_key, ButtonState::Released, false);
    }

    /// Types one character.
    pub(crate) fn letter(&mut self, letter: char) {
        let code = match letter.to_ascii_lowercase() {
            '1' => KeyCode::Digit1,
            '3' => KeyCode::Digit3,
            '4' => KeyCode::Digit4,
            'a' => KeyCode::KeyA,
            'b' => KeyCode::KeyB,
            'c' => KeyCode::KeyC,
            'd' => KeyCode::KeyD,
            'e' => KeyCode::KeyE,
            'h' => KeyCode::KeyH,
            'j' => KeyCode::KeyJ,
            'n' => KeyCode::KeyN,
            's' => KeyCode::KeyS,
            't' => KeyCode::KeyT,
            ',' => KeyCode::Comma,
            '?' => KeyCode::Slash,
            other => panic!("no key for {other}"),
        };
        self.tap(code, Key::Character(letter.to_string().into()));
    }

    pub(crate) fn key(&mut self, key_code: KeyCode, logical_key: Key, state: ButtonState, repeat: bool) {
        let text = if let Key::Character(text) = &logical_key { Some(text.clone()) } else { None };
        let text = text.filter(|_| state.is_pressed());
        let input = KeyboardInput { key_code, logical_key, state, text, repeat, window: self.window };
        self.app.world_mut().write_message(input.clone());
        self.app.world_mut().write_message(WindowEvent::from(input));
        self.frame();
    }

    /// Where the control with this accessible name is, as a screen reader finds it.
    pub(crate) fn find(&mut self, name: &str) -> Option<Vec2> {
        let mut outputs = self.app.world_mut().query::<&EguiOutput>();
        let output = outputs.iter(self.app.world()).next()?;
        let update = output.platform_output.accesskit_update.as_ref()?;
        let (_, node) = update.nodes.iter().find(|(_, node)| node.label() == Some(name))?;
        let bounds = node.bounds()?;
        #[expect(clippy::cast_possible_truncation, reason = "a place on the screen")]
        let middle = Vec2::new(bounds.x0.midpoint(bounds.x1) as f32, bounds.y0.midpoint(bounds.y1) as f32);
        Some(middle)
    }

    /// Moves the pointer to the control with this name and clicks it.
    pub(crate) fn click(&mut self, name: &str) {
        let position = self.find(name).unwrap_or_else(|| panic!("there is no control {name:?}"));
        self.move_to(position);
        self.frame();
        for state in [ButtonState::Pressed, ButtonState::Released] {
            self.button(state);
            self.frame();
        }
        self.frame();
    }

    /// Moves the pointer, with the next frame.
    pub(crate) fn move_to(&mut self, position: Vec2) {
        let world = self.app.world_mut();
        world.get_mut::<Window>(self.window).unwrap().set_cursor_position(Some(position));
        let moved = CursorMoved { window: self.window, position, delta: None };
        world.write_message(moved.clone());
        world.write_message(WindowEvent::from(moved));
    }

    /// Presses or lets go of the left button, with the next frame.
    pub(crate) fn button(&mut self, state: ButtonState) {
        let input = MouseButtonInput { button: MouseButton::Left, state, window: self.window };
        let world = self.app.world_mut();
        world.write_message(input);
        world.write_message(WindowEvent::from(input));
    }
}

/// A monitor with the vehicles of the main scenario.
pub(crate) struct Site {
    runtime: Runtime,
    server: Option<RunningServer>,
    data: Option<tempfile::TempDir>,
    endpoint: Endpoint,
}

impl Site {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let data = watchkeeper_canary::tempdir().unwrap();
        let options = ServerOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token_dir: Some(data.path().to_owned()),
            ..ServerOptions::new(data.path())
        };
        let server = runtime.block_on(Server::start(options)).unwrap();
        watchkeeper_canary::register(server.token());
        let token = TokenSource::File(server.token_file().to_owned());
        let endpoint = Endpoint::new(server.url(), token);
        let drivers = DriverOptions::new(endpoint.clone());
        let road = Road::new(&Scenario::named("ring-frozen-sensor").unwrap(), 1);
        runtime.spawn(async move { drive(road, &drivers, std::future::pending()).await });
        Self { runtime, server: Some(server), data: Some(data), endpoint }
    }

    /// Ends the monitor in good order; returns where its record lies.
    pub(crate) fn stop(&mut self) -> tempfile::TempDir {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop()).unwrap();
        }
        self.data.take().unwrap()
    }

    /// The session of somebody at a window.
    pub(crate) fn session(&self, person: &str, role: OperatorRole) -> Source {
        let mut options = OperatorOptions::new(self.endpoint.clone(), PersonId::new(person).unwrap());
        options.role = role;
        options.console = ConsoleKind::Window;
        Source::Live(options)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop()).unwrap();
        }
    }
}
