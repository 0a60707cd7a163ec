//! The monitor that every benchmark measures.

use std::path::Path;
use watchkeeper_engine::Config;
use watchkeeper_server::ServerOptions;

/// Returns the options of a server on any free port, where `heat` above 100 is an alert that ends so long after it is over.
pub(crate) fn options(data: &Path, clear_after_millis: u32) -> ServerOptions {
    let config = format!(
        "[alarms.flap]\nraises = 100\nwithin_secs = 1\nquiet_secs = 1\n\n[detect.generic]\nclear_after_millis = {clear_after_millis}\n\n[[detect.limits]]\nsignal = \"heat\"\n\
         max = 100.0\nseverity = \"warning\"\nresponse = \"advise\"\n"
    );
    let mut options = ServerOptions::new(data);
    options.listen.set_port(0);
    options.token_dir = Some(data.to_owned());
    options.config = Config::parse(&config).unwrap();
    options
}
