//! Where the monitor is, and the token that lets a client in.

use std::{
    env, fmt, io,
    path::{Path, PathBuf},
};
use thiserror::Error;
use watchkeeper_model::BearerToken;
use watchkeeper_protocol::DEFAULT_URL;

/// The environment variable with the monitor's address.
pub const URL_VARIABLE: &str = "WATCHKEEPER_URL";
/// The environment variable with the path of the token's file.
pub const TOKEN_FILE_VARIABLE: &str = "WATCHKEEPER_TOKEN_FILE";
/// The data directory of a monitor that was not told another one.
pub const DEFAULT_DATA_DIR: &str = "./watchkeeper-data";

/// Where the token comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// The monitor asks for none.
    Absent,
    /// This text.
    Text(String),
    /// This file; it is read again before every attempt, because a monitor makes a new token at
    /// each start, and while connected: a person's newer token is shown to the monitor before the old one expires.
    File(PathBuf),
}

impl fmt::Debug for TokenSource {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Text(_) => f.write_str("Text(..)"),
            Self::File(path) => write!(f, "File({})", path.display()),
        }
    }
}

/// Says why there is no token.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read the token in {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It has no text, or more than 2,048 bytes.
    #[error("a token has 1 to 2048 bytes, this one has {0}")]
    Length(usize),
}

impl TokenSource {
    /// Reads the token; white space around it does not belong to it.
    pub fn read(&self) -> Result<Option<BearerToken>, TokenError> {
        let text = match self {
            Self::Absent => return Ok(None),
            Self::Text(text) => text.clone(),
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|source| TokenError::Unreadable { path: path.clone(), source })?,
        };
        let token = text.trim();
        if token.is_empty() {
            return Err(TokenError::Length(0));
        }
        BearerToken::new(token).map(Some).map_err(|_too_long| TokenError::Length(token.len()))
    }
}

/// A monitor, and how to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address, for example `ws://127.0.0.1:7410/v1`.
    pub url: String,
    /// Its token.
    pub token: TokenSource,
}

/// Everything that a search for the monitor depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// What the person said: the address.
    pub url: Option<String>,
    /// What the person said: the token's file.
    pub token_file: Option<PathBuf>,
    /// `WATCHKEEPER_URL`.
    pub env_url: Option<String>,
    /// `WATCHKEEPER_TOKEN_FILE`.
    pub env_token_file: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// The monitor's data directory.
    pub data_dir: PathBuf,
}

/// The token was found nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct DiscoverError {
    /// Every place that was looked at, in order, with what was there.
    pub looked_at: Vec<String>,
}

impl fmt::Display for DiscoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "no monitor found: there is no token in any of these places:")?;
        for place in &self.looked_at {
            writeln!(f, "  - {place}")?;
        }
        write!(
            f,
            "Start a monitor with `watchkeeper serve`, or name its token with {TOKEN_FILE_VARIABLE}=FILE \
             and its address with {URL_VARIABLE}=ws://HOST:PORT/v1."
        )
    }
}

impl Places {
    /// Reads the environment of this process.
    pub fn of_process() -> Self {
        let text = |name| env::var(name).ok().filter(|text| !text.is_empty());
        Self {
            url: None,
            token_file: None,
            env_url: text(URL_VARIABLE),
            env_token_file: text(TOKEN_FILE_VARIABLE).map(PathBuf::from),
            runtime_dir: text("XDG_RUNTIME_DIR").map(PathBuf::from),
            data_dir: PathBuf::from(DEFAULT_DATA_DIR),
        }
    }

    /// Finds the monitor: what was said, then the environment, then the runtime directory, then the data directory.
    ///
    /// A file that a person or the environment names counts even where it cannot be read: nothing else is
    /// tried in its stead. An address that is nowhere is the default one.
    ///
    /// # Errors
    /// When there is no token in any place; the text names all of them and says what to do.
    pub fn find(&self) -> Result<Endpoint, DiscoverError> {
        let directories = || {
            let runtime = self.runtime_dir.as_ref().map(|dir| dir.join("watchkeeper"));
            runtime.into_iter().chain([self.data_dir.clone()])
        };
        let url = self
            .url
            .clone()
            .or_else(|| self.env_url.clone())
            .or_else(|| directories().find_map(|dir| read_line(&dir.join("url"))))
            .unwrap_or_else(|| DEFAULT_URL.to_owned());
        let token = self.token_file.clone().or_else(|| self.env_token_file.clone());
        let token = token.or_else(|| directories().map(|dir| dir.join("token")).find(|file| file.is_file()));
        match token {
            Some(file) => Ok(Endpoint { url, token: TokenSource::File(file) }),
            None => Err(DiscoverError { looked_at: self.token_places(directories()) }),
        }
    }

    fn token_places(&self, directories: impl Iterator<Item = PathBuf>) -> Vec<String> {
        let mut places = vec![
            "a token file named on the command line: none given".to_owned(),
            format!("the environment variable {TOKEN_FILE_VARIABLE}: not set"),
        ];
        if self.runtime_dir.is_none() {
            places.push("the runtime directory: XDG_RUNTIME_DIR is not set".to_owned());
        }
        places.extend(directories.map(|dir| format!("{}: no such file", dir.join("token").display())));
        places
    }
}

/// Finds the monitor for this process; `url` and `token_file` are what the person said, and come first.
pub fn discover(url: Option<&str>, token_file: Option<&Path>) -> Result<Endpoint, DiscoverError> {
    Places { url: url.map(str::to_owned), token_file: token_file.map(Path::to_owned), ..Places::of_process() }
        .find()
}

fn read_line(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    Some(text.trim().to_owned()).filter(|line| !line.is_empty())
}
