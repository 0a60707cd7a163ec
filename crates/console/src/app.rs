//! Puts the console together: one plugin a concern, and the order of a frame.
//!
//! A frame: the stamps of the last one are collected, keys are read and obeyed on the picture that the person
//! saw, leases are renewed, what came is folded, the panels and the world are drawn, what the panels ask for is
//! done, the frame is presented and stamped. Nothing is pipelined: an alert is on the screen in the frame after
//! it came.

use crate::{
    capture::{self, Capture},
    clock,
    desk::{self, Asked, Desk},
    drive, keys,
    link::{Arrivals, Link, NewsArrivals, Source},
    map::MapPlugin,
    panels,
    presence::Presence,
    presented::{self, Onto, Seal},
    surface::{self, Surface},
    window::{self, More, Sense},
};
use anyhow::Context;
use bevy::{
    app::{ScheduleRunnerPlugin, TerminalCtrlCHandlerPlugin},
    asset::AssetPlugin,
    camera::{ImageRenderTarget, RenderTarget},
    input::InputSystems,
    log::LogPlugin,
    prelude::*,
    render::{
        RenderPlugin, pipelined_rendering::PipelinedRenderingPlugin, render_resource::TextureFormat,
        settings::RenderCreation,
    },
    window::{ExitCondition, PresentMode, WindowResolution},
    winit::{EventLoopProxyWrapper, WinitPlugin},
};
use bevy_egui::{EguiGlobalSettings, EguiPlugin, PrimaryEguiContext};
use std::{num::NonZero, path::PathBuf};
use watchkeeper_model::AgentId;
use watchkeeper_panels::{Level, Settings};
use watchkeeper_picture::{Said, view::Tone};

/// What a console is made of.
#[derive(Debug)]
pub struct Setup {
    /// What it shows.
    pub source: Source,
    /// What it draws to.
    pub surface: Surface,
    /// What the person has set.
    pub settings: Settings,
    /// Where changed settings are kept; `None` forgets them.
    pub settings_file: Option<PathBuf>,
    /// What he must be told at once.
    pub said: Option<String>,
    /// The agent that is looked at first.
    pub select: Option<AgentId>,
    /// How close.
    pub level: Level,
    /// A GeoJSON file that is drawn under the agents.
    pub map: Option<PathBuf>,
    /// When to save a frame and end.
    pub capture: Option<Capture>,
    /// Stands for the keyboard's focus where the surface knows none.
    pub focused: bool,
}

impl Setup {
    /// Makes the setup of a console with default settings that looks at nothing in particular.
    pub fn new(source: Source, surface: Surface) -> Self {
        Self {
            source,
            surface,
            settings: Settings::default(),
            settings_file: None,
            said: None,
            select: None,
            level: Level::Overview,
            map: None,
            capture: None,
            focused: false,
        }
    }
}

/// Builds the console.
///
/// # Errors
/// When the source cannot be opened, or there is nothing to draw with; the text says what to do.
pub fn build(setup: Setup) -> anyhow::Result<App> {
    let map = MapPlugin::new(setup.map.as_deref()).context("reading the map")?;
    let renderer = surface::renderer(&setup.surface)?;
    let link = Link::open(setup.source)?;
    let waker = link.waker();
    let mut app = App::new();
    add_bevy(&mut app, &setup.surface, renderer);
    let onto = match setup.surface {
        Surface::Window { .. } => Onto::Window,
        Surface::Texture { .. } => Onto::Texture,
        Surface::None => Onto::Nowhere,
    };
    let proxy = app.world().get_resource::<EventLoopProxyWrapper>().map(|proxy| (**proxy).clone());
    if let Some((waker, proxy)) = waker.as_ref().zip(proxy) {
        waker.set_window(proxy);
    }

    let mut desk = Desk::new(setup.settings, setup.settings_file);
    desk.state.level = setup.level;
    desk.state.selected = setup.select;
    desk.arm(&link);
    if let Some(text) = setup.said {
        desk.tell(Said { tone: Tone::Warning, text }, link.now());
    }
    app.insert_resource(desk)
        .insert_resource(link)
        .insert_resource(Presence::new(setup.focused))
        .init_resource::<Arrivals>()
        .init_resource::<NewsArrivals>()
        .init_resource::<More>()
        .add_message::<Asked>();
    add_eye(&mut app, &setup.surface);
    add_frame(&mut app);
    presented::plugin(&mut app, onto, waker);
    panels::plugin(&mut app);
    app.add_plugins(map);
    if onto == Onto::Window {
        window::plugin(&mut app);
    }
    if let Some(capture) = setup.capture {
        capture::plugin(&mut app, capture);
    }
    #[cfg(feature = "sound")]
    crate::sound::plugin(&mut app);
    Ok(app)
}

fn add_bevy(app: &mut App, surface: &Surface, renderer: RenderCreation) {
    let (window, exit) = match surface {
        Surface::Window { size, scale } => {
            let (width, height) = *size;
            let mut resolution = WindowResolution::new(width, height);
            resolution.set_scale_factor_override(*scale);
            let window = Window {
                title: "Watchkeeper".to_owned(),
                name: Some("watchkeeper".to_owned()),
                resolution,
                present_mode: PresentMode::AutoNoVsync,
                desired_maximum_frame_latency: NonZero::new(1),
                ..default()
            };
            (Some(window), ExitCondition::OnAllClosed)
        }
        Surface::Texture { .. } => (None, ExitCondition::DontExit),
        // Keys and pointer need a window to belong to, also where nothing is drawn.
        Surface::None => {
            (Some(Window { resolution: (1280, 720).into(), ..default() }), ExitCondition::DontExit)
        }
    };
    let mut plugins = DefaultPlugins
        .build()
        .disable::<LogPlugin>()
        .disable::<PipelinedRenderingPlugin>()
        .set(AssetPlugin { watch_for_changes_override: Some(false), ..default() })
        .set(WindowPlugin {
            primary_window: window,
            exit_condition: exit,
            close_when_requested: false,
            ..default()
        })
        .set(RenderPlugin {
            render_creation: renderer,
            // A texture must be whole with its first frame; a window must open at once.
            synchronous_pipeline_compilation: matches!(surface, Surface::Texture { .. }),
            ..default()
        });
    match surface {
        Surface::Window { .. } => {}
        Surface::Texture { .. } => plugins = plugins.disable::<WinitPlugin>(),
        Surface::None => {
            plugins = plugins.disable::<WinitPlugin>().disable::<TerminalCtrlCHandlerPlugin>();
        }
    }
    app.add_plugins(plugins);
    if matches!(surface, Surface::Texture { .. }) {
        app.add_plugins(ScheduleRunnerPlugin::run_loop(window::HOLDING));
    }
    // There is one texture, that of the letters, and `shading.wgsl` reads no array of them.
    app.add_plugins(EguiPlugin { bindless_mode_array_size: None });
    app.world_mut().resource_mut::<EguiGlobalSettings>().auto_create_primary_context = false;
}

/// The one camera: the world first, the panels above it.
fn add_eye(app: &mut App, surface: &Surface) {
    let eye = (Camera2d, Msaa::Off, PrimaryEguiContext);
    match surface {
        Surface::Window { .. } => {
            app.world_mut().spawn(eye);
        }
        Surface::Texture { size, scale } => {
            let (width, height) = *size;
            let format = TextureFormat::Rgba8UnormSrgb;
            let image = Image::new_target_texture(width, height, format, None);
            let handle = app.world_mut().resource_mut::<Assets<Image>>().add(image);
            let target = ImageRenderTarget { handle, scale_factor: *scale };
            app.world_mut().spawn((eye, RenderTarget::Image(target)));
        }
        Surface::None => {
            app.world_mut().spawn(eye);
        }
    }
}

fn add_frame(app: &mut App) {
    app.add_systems(First, begin);
    app.add_systems(
        PreUpdate,
        (presented::collect, keys::read, desk::obey, drive::drive, beat, drain)
            .chain()
            .after(InputSystems)
            .after(Sense),
    );
    app.add_systems(Update, desk::refresh);
    app.add_systems(Last, desk::obey.before(Seal));
}

fn begin(mut desk: ResMut<Desk>, mut link: ResMut<Link>) {
    desk.started = clock::now();
    link.tick();
}

/// Renews the leases of this person, as ready as he is.
///
/// It comes before what is new is folded: what the heartbeat vouches for is what the last frame showed.
fn beat(mut desk: ResMut<Desk>, mut link: ResMut<Link>, presence: Res<Presence>) {
    let by_hand = desk.steered.clone();
    let ready = presence.is_ready() && (by_hand.is_none() || desk.local.deadman_held);
    desk.local.ready = ready;
    link.beat(ready, by_hand.as_ref().zip(desk.local.setpoint));
}

fn drain(
    mut link: ResMut<Link>,
    mut desk: ResMut<Desk>,
    (mut arrivals, mut news): (ResMut<Arrivals>, ResMut<NewsArrivals>),
    mut more: ResMut<More>,
) {
    let drained = link.drain();
    arrivals.0 |= drained.came;
    news.0.extend(drained.news);
    more.0 = drained.more;
    if link.is_live() {
        link.tick();
    }
    let now = link.now();
    for said in drained.said {
        desk.tell(said, now);
    }
}
