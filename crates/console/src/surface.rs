//! What the console draws to, and whether this computer can: said before anything opens, with what to do.

use anyhow::{Context, bail};
use bevy::{
    render::{
        renderer::initialize_renderer,
        settings::{Backends, RenderCreation, WgpuSettings},
    },
    tasks::block_on,
};
use std::{
    env,
    ffi::OsStr,
    net::TcpStream,
    os::unix::net::UnixStream,
    panic::{self, AssertUnwindSafe},
};

/// What a window needs at run time on Debian and its kin.
const X11_PACKAGES: &str = "libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0";
/// What drawing needs; the first one draws without a graphics card too.
const VULKAN_PACKAGES: &str = "mesa-vulkan-drivers libvulkan1";

/// What is drawn to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Surface {
    /// A window on the display of this computer.
    Window {
        /// Width and height in points.
        size: (u32, u32),
        /// Pixels a point, in place of what the display says.
        scale: Option<f32>,
    },
    /// A texture that nobody sees, for tests and benchmarks.
    Texture {
        /// Width and height in pixels.
        size: (u32, u32),
        /// Pixels a point.
        scale: f32,
    },
    /// Nothing: everything runs but the renderer.
    None,
}

impl Surface {
    /// Says whether there is a display to open a window on.
    ///
    /// # Errors
    /// With what to do, where there is none or nobody answers.
    pub fn check_display(&self) -> anyhow::Result<()> {
        let Self::Window { .. } = self else { return Ok(()) };
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        if cfg!(feature = "wayland") && set("WAYLAND_DISPLAY").is_some() {
            return Ok(());
        }
        let Some(display) = set("DISPLAY") else {
            bail!(
                "no display: set DISPLAY, or use --headless, or `watchkeeper watch` in a terminal{}",
                if set("WAYLAND_DISPLAY").is_some() {
                    " (this build draws on X11 only: start Xwayland, or build with --features wayland)"
                } else {
                    ""
                }
            );
        };
        if answers(&display) {
            return Ok(());
        }
        bail!(
            "no X server answers at DISPLAY={}: name one that runs, or use --headless, or `watchkeeper watch` in a \
             terminal",
            display.display()
        );
    }
}

/// Returns whether somebody listens at an X display; true where that cannot be told from its name.
fn answers(display: &OsStr) -> bool {
    let Some((host, number)) = display.to_str().and_then(|name| name.rsplit_once(':')) else { return true };
    let Ok(number) = number.split('.').next().unwrap_or_default().parse::<u16>() else { return true };
    let local = host.is_empty() || host == "unix";
    if local && UnixStream::connect(format!("/tmp/.X11-unix/X{number}")).is_ok() {
        return true;
    }
    let host = if local { "localhost" } else { host };
    let Some(port) = number.checked_add(6_000) else { return true };
    TcpStream::connect((host, port)).is_ok()
}

/// Opens the renderer.
///
/// # Errors
/// When there is no driver to draw with.
pub(crate) fn renderer(surface: &Surface) -> anyhow::Result<RenderCreation> {
    match surface {
        Surface::None => {
            Ok(RenderCreation::Automatic(Box::new(WgpuSettings { backends: None, ..Default::default() })))
        }
        Surface::Window { .. } | Surface::Texture { .. } => {
            let backends = Backends::from_env().unwrap_or(Backends::VULKAN);
            let settings = WgpuSettings { backends: Some(backends), ..Default::default() };
            let open = || block_on(initialize_renderer(backends, None, &settings));
            let resources = guarded(open)
                .with_context(|| format!("no Vulkan driver: apt-get install {VULKAN_PACKAGES}"))?;
            Ok(RenderCreation::Manual(resources))
        }
    }
}

/// Runs `open`; where it panics, says so as an error instead: libraries below give up that way on a computer that
/// lacks something.
pub(crate) fn guarded<T>(open: impl FnOnce() -> T) -> anyhow::Result<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_panic| {}));
    let outcome = panic::catch_unwind(AssertUnwindSafe(open));
    panic::set_hook(hook);
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("for a reason unknown");
        anyhow::anyhow!("{text}")
    })
}

/// Says what a window needs, for when it could not be opened.
pub(crate) fn window_advice() -> String {
    format!(
        "the window cannot be opened: it needs the libraries of apt-get install {X11_PACKAGES}; or use --headless, or \
         `watchkeeper watch` in a terminal"
    )
}

#[cfg(test)]
mod tests {
    use super::{answers, guarded};
    use std::ffi::OsStr;

    #[test]
    fn a_display_that_nobody_serves_is_known_before_a_window_is_opened() {
        assert!(!answers(OsStr::new(":4999")));
        assert!(answers(OsStr::new("no number")), "what cannot be told is left to the window");
    }

    #[test]
    fn a_library_that_panics_becomes_an_error_with_its_words() {
        assert_eq!(guarded(|| 3).unwrap(), 3);
        let error = guarded(|| panic!("no {}", "driver")).unwrap_err();
        assert_eq!(error.to_string(), "no driver");
    }
}
