//! What this person has set, kept in a file.

use anyhow::Context;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};
use watchkeeper_panels::Settings;

/// Returns where the settings are, unless the command line says otherwise; `None` where there is no home.
pub fn default_file() -> Option<PathBuf> {
    let directory = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = directory("XDG_CONFIG_HOME").or_else(|| Some(directory("HOME")?.join(".config")))?;
    Some(config.join("watchkeeper").join("console.toml"))
}

/// Reads the settings. A file that cannot be understood is kept aside, and the defaults are used; the text says so.
pub fn load(file: &Path) -> (Settings, Option<String>) {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return (Settings::default(), None),
        Err(error) => {
            let said = format!("{} cannot be read ({error}): the defaults are used", file.display());
            return (Settings::default(), Some(said));
        }
    };
    match toml::from_str(&text) {
        Ok(settings) => (settings, None),
        Err(error) => {
            let aside = file.with_extension("toml.broken");
            let kept = match fs::rename(file, &aside) {
                Ok(()) => format!("kept as {}", aside.display()),
                Err(error) => format!("left where it is ({error})"),
            };
            let why = error.message().replace('\n', " ");
            let said =
                format!("{} was not understood ({why}): {kept}, the defaults are used", file.display());
            (Settings::default(), Some(said))
        }
    }
}

/// Writes the settings: the whole file or nothing.
///
/// # Errors
/// When the file cannot be written; it then holds what it held.
pub fn save(file: &Path, settings: &Settings) -> anyhow::Result<()> {
    let write = || {
        let text = toml::to_string(settings).map_err(io::Error::other)?;
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        let fresh = file.with_extension("toml.new");
        fs::write(&fresh, text)?;
        fs::rename(&fresh, file)
    };
    write().with_context(|| format!("keeping the settings in {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::{load, save};
    use std::fs;
    use watchkeeper_panels::Settings;

    #[test]
    fn what_was_set_is_read_back_and_nothing_is_left_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("deep/console.toml");
        assert_eq!(load(&file), (Settings::default(), None), "no file is no trouble");
        let settings = Settings { text_scale: 1.5, sound: false, ..Settings::default() };
        save(&file, &settings).unwrap();
        assert_eq!(load(&file), (settings, None));
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_broken_file_is_said_and_kept_aside() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("console.toml");
        fs::write(&file, "text_scale = \"large\"").unwrap();
        let (settings, said) = load(&file);
        assert_eq!(settings, Settings::default());
        assert!(said.unwrap().contains("console.toml.broken"));
        assert_eq!(
            fs::read_to_string(home.path().join("console.toml.broken")).unwrap(),
            "text_scale = \"large\""
        );
        assert_eq!(load(&file).1, None, "said once");
    }
}
