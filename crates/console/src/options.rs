//! The command line.

use crate::{app::Setup, capture::Capture, link::Source, replay::Replay, settings, surface::Surface};
use anyhow::Context;
use clap::Parser;
use std::path::PathBuf;
use watchkeeper_client::{
    OperatorOptions,
    discover::{CA_FILE_VARIABLE, Places, TOKEN_FILE_VARIABLE, TlsPlaces, URL_VARIABLE},
};
use watchkeeper_model::{AgentId, OperatorRole, PersonId};
use watchkeeper_panels::Level;
use watchkeeper_picture::examples;
use watchkeeper_protocol::operator::ConsoleKind;

/// Frames of a headless run that names no number: enough for the first messages and the fonts.
const FRAMES: u32 = 50;

/// The operator console.
#[derive(Debug, Parser)]
#[command(
    name = "watchkeeper-console",
    version,
    about = "Watch agents, take over, hand back: the operator console in a window",
    after_help = "Examples:
  watchkeeper-console
  watchkeeper-console --person anna --role supervisor --level 2
  watchkeeper-console --replay ./watchkeeper-data
  watchkeeper-console --headless --frames 100 --capture console.png

Press ? for the keys. A takeover is two inputs: t claims, e engages. Shift+S, Pause or F12 stops the selected agent
at once. Without a display there is `watchkeeper watch` in a terminal."
)]
pub struct Options {
    /// Address of the monitor, for example ws://127.0.0.1:7410/v1 or wss://monitor.example:7410/v1
    #[arg(long, value_name = "URL", env = URL_VARIABLE)]
    connect: Option<String>,
    /// File with the token that lets us in; `watchkeeper serve` says where it is
    #[arg(long, value_name = "FILE", env = TOKEN_FILE_VARIABLE)]
    token_file: Option<PathBuf>,
    /// The authority that signed the monitor's certificate, in PEM, for a wss:// address
    #[arg(long, value_name = "FILE", env = CA_FILE_VARIABLE)]
    ca_file: Option<PathBuf>,
    /// Your name, as the record will hold it
    #[arg(long, value_name = "NAME", default_value_t = login_name())]
    person: PersonId,
    /// What you may do: observer, auditor, operator or supervisor
    #[arg(long, value_name = "ROLE", default_value = "operator")]
    role: OperatorRole,
    /// A GeoJSON file that is drawn under the agents
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Where your settings are kept [default: watchkeeper/console.toml in the directory of configurations]
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Size of the window in points, of a texture in pixels
    #[arg(long, value_name = "WxH", default_value = "1600x900", value_parser = size)]
    size: (u32, u32),
    /// Pixels a point, in place of what the display says, 0.5 to 4
    #[arg(long, value_name = "N", value_parser = scale)]
    scale: Option<f32>,
    /// Draws to a texture that nobody sees; ends after --frames
    #[arg(long)]
    headless: bool,
    /// Ends after so many frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    frames: Option<u32>,
    /// Saves the last frame as a PNG and ends
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
    /// Shows a recording instead of a monitor: a monitor's data directory
    #[arg(long, value_name = "LEDGER", conflicts_with = "example")]
    replay: Option<PathBuf>,
    /// Shows a ready-made situation instead of a monitor; `help` lists them
    #[arg(long, value_name = "NAME", hide = true)]
    example: Option<String>,
    /// How close to look at first: 1 overview, 2 task, 3 detail, 4 diagnosis
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    level: u8,
    /// The agent to look at first
    #[arg(long, value_name = "AGENT")]
    select: Option<AgentId>,
}

impl Options {
    /// Returns what is drawn to.
    pub fn surface(&self) -> Surface {
        if self.headless {
            Surface::Texture { size: self.size, scale: self.scale.unwrap_or(1.0) }
        } else {
            Surface::Window { size: self.size, scale: self.scale }
        }
    }

    /// Returns the file that a frame is saved in.
    pub fn capture_file(&self) -> Option<&PathBuf> {
        self.capture.as_ref()
    }

    /// Returns what the console is made of.
    ///
    /// # Errors
    /// When there is nothing to show: no monitor found, no record, no such example.
    pub fn setup(self) -> anyhow::Result<Setup> {
        let surface = self.surface();
        let mut select = self.select.clone();
        let source = if let Some(path) = &self.replay {
            let replay = Replay::open(path.clone())
                .with_context(|| format!("opening the record in {}", path.display()))?;
            Source::Replay(Box::new(replay))
        } else if let Some(name) = &self.example {
            let situation = example(name)?;
            select = select.or_else(|| situation.agent.clone());
            Source::Still(Box::new(situation))
        } else {
            Source::Live(self.operator()?)
        };
        let mut setup = Setup::new(source, surface);
        setup.select = select;
        // A ready-made situation is drawn as for somebody in front of it.
        setup.focused = self.example.is_some();
        let file = self.settings.or_else(settings::default_file);
        if let Some(file) = &file {
            (setup.settings, setup.said) = settings::load(file);
        }
        setup.settings_file = file;
        setup.level = *Level::ALL.get(usize::from(self.level).saturating_sub(1)).unwrap_or(&Level::Overview);
        setup.map = self.map;
        let ends = self.headless || self.frames.is_some() || self.capture.is_some();
        setup.capture =
            ends.then(|| Capture { file: self.capture, after_frames: self.frames.unwrap_or(FRAMES) });
        Ok(setup)
    }

    fn operator(&self) -> anyhow::Result<OperatorOptions> {
        let places = Places {
            url: self.connect.clone(),
            token_file: self.token_file.clone(),
            tls_files: TlsPlaces { ca_file: self.ca_file.clone(), ..TlsPlaces::default() },
            ..Places::of_process()
        };
        // A certificate is an agent's; a console shows none, also where the environment names one.
        let env_tls_files =
            TlsPlaces { ca_file: places.env_tls_files.ca_file.clone(), ..TlsPlaces::default() };
        let endpoint = Places { env_tls_files, ..places }.find().context("looking for the monitor")?;
        endpoint.check()?;
        let mut options = OperatorOptions::new(endpoint, self.person.clone());
        options.role = self.role;
        options.console = if self.headless { ConsoleKind::Headless } else { ConsoleKind::Window };
        Ok(options)
    }
}

fn example(name: &str) -> anyhow::Result<examples::Situation> {
    let all = examples::all();
    let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    let found = all.iter().find(|(known, _)| *known == name);
    let (_, make) = found.with_context(|| format!("there is no example {name:?}: {}", names.join(", ")))?;
    Ok(make())
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let sides =
        text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match sides {
        Some((width @ 320..=16_384, height @ 240..=16_384)) => Ok((width, height)),
        Some(_) => Err("a size lies between 320x240 and 16384x16384".to_owned()),
        None => Err("a size is two numbers, for example 1600x900".to_owned()),
    }
}

fn scale(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(scale @ 0.5..=4.0) => Ok(scale),
        Ok(_) | Err(_) => Err("a scale is a number from 0.5 to 4".to_owned()),
    }
}

/// The name this computer knows the person by, where it can stand in the record.
fn login_name() -> PersonId {
    ["USER", "LOGNAME"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find_map(|name| PersonId::new(&name).ok())
        .unwrap_or_else(|| PersonId::new("operator").expect("the name is a valid id"))
}

#[cfg(test)]
mod tests {
    use super::{Options, example, scale, size};
    use crate::surface::Surface;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_holds_together() {
        Options::command().debug_assert();
    }

    #[test]
    fn sizes_and_scales_are_checked_and_say_what_they_want() {
        assert_eq!(size("1280x720"), Ok((1280, 720)));
        assert!(size("1280").unwrap_err().contains("1600x900"));
        assert!(size("10x10").unwrap_err().contains("320x240"));
        assert_eq!(scale("1.5"), Ok(1.5));
        assert!(scale("0").is_err() && scale("NaN").is_err());
    }

    #[test]
    fn headless_draws_to_a_texture_of_the_size_asked_for() {
        let options = Options::parse_from(["console", "--headless", "--size", "800x600", "--scale", "2"]);
        assert_eq!(options.surface(), Surface::Texture { size: (800, 600), scale: 2.0 });
    }

    #[test]
    fn an_unknown_example_names_those_there_are() {
        assert!(example("nothing").unwrap_err().to_string().contains("calm"));
    }
}
