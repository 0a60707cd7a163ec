//! Where the monitor is, and the token or certificate that lets a client in.

use crate::{
    connection::{self, LinkLoss},
    tls::{CertificateFiles, TlsError, TlsFiles},
};
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
/// The environment variable with the path of the authority that signed the monitor's certificate.
pub const CA_FILE_VARIABLE: &str = "WATCHKEEPER_CA_FILE";
/// The environment variable with the path of an agent's certificate.
pub const CERT_FILE_VARIABLE: &str = "WATCHKEEPER_CERT_FILE";
/// The environment variable with the path of that certificate's key.
pub const KEY_FILE_VARIABLE: &str = "WATCHKEEPER_KEY_FILE";
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
    /// Its address, for example `ws://127.0.0.1:7410/v1` or `wss://monitor.example:7410/v1`.
    pub url: String,
    /// Its token.
    pub token: TokenSource,
    /// Whom to trust, and who one is, where the address begins with `wss://`; `None` where it does not.
    pub tls: Option<TlsFiles>,
}

impl Endpoint {
    /// Makes an endpoint without TLS.
    pub fn new(url: impl Into<String>, token: TokenSource) -> Self {
        Self { url: url.into(), token, tls: None }
    }

    /// Adds the files of TLS.
    #[must_use]
    pub fn with_tls(mut self, files: TlsFiles) -> Self {
        self.tls = Some(files);
        self
    }

    /// Says at once, without connecting, what no further attempt would mend: the address, the files of TLS, the token.
    ///
    /// # Errors
    /// The first of these that cannot be used; the text says what to do.
    pub fn check(&self) -> Result<(), LinkLoss> {
        let address = connection::parse(&self.url)?;
        if let Some(files) = self.tls_for(address.is_tls)? {
            files.check()?;
        }
        self.token.read()?;
        Ok(())
    }

    /// Returns the files of TLS where the address asks for it. Who named an authority is never taken into the clear.
    pub(crate) fn tls_for(&self, is_asked: bool) -> Result<Option<&TlsFiles>, TlsError> {
        match (is_asked, &self.tls) {
            (true, Some(files)) => Ok(Some(files)),
            (false, None) => Ok(None),
            (true, None) => Err(TlsError::NoAuthority { url: self.url.clone() }),
            (false, Some(_)) => Err(TlsError::NotAsked { url: self.url.clone() }),
        }
    }
}

/// Everything that a search for the monitor depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// What the person said: the address.
    pub url: Option<String>,
    /// What the person said: the token's file.
    pub token_file: Option<PathBuf>,
    /// What the person said: the files of TLS.
    pub tls_files: TlsPlaces,
    /// `WATCHKEEPER_URL`.
    pub env_url: Option<String>,
    /// `WATCHKEEPER_TOKEN_FILE`.
    pub env_token_file: Option<PathBuf>,
    /// `WATCHKEEPER_CA_FILE`, `WATCHKEEPER_CERT_FILE` and `WATCHKEEPER_KEY_FILE`; each stands where nothing was said.
    pub env_tls_files: TlsPlaces,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// The monitor's data directory.
    pub data_dir: PathBuf,
}

/// The files of TLS, as far as somebody named them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsPlaces {
    /// The authority that signed the monitor's certificate.
    pub ca_file: Option<PathBuf>,
    /// The certificate of an agent.
    pub cert_file: Option<PathBuf>,
    /// Its key.
    pub key_file: Option<PathBuf>,
}

/// Says why there is nothing to connect with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DiscoverError {
    /// The token was found nowhere.
    NoToken {
        /// Every place that was looked at, in order, with what was there.
        looked_at: Vec<String>,
    },
    /// Of the files of TLS one is named, and not another that it needs.
    HalfOfTls {
        /// What is named.
        named: &'static str,
        /// What is not: its flag and its variable.
        missing: (&'static str, &'static str),
    },
}

impl fmt::Display for DiscoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let looked_at = match self {
            Self::NoToken { looked_at } => looked_at,
            Self::HalfOfTls { named, missing: (flag, variable) } => {
                return write!(f, "{named} is of no use alone: give {flag} FILE or {variable} too");
            }
        };
        writeln!(f, "no monitor found: there is no token in any of these places:")?;
        for place in looked_at {
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
        let path = |name| text(name).map(PathBuf::from);
        Self {
            url: None,
            token_file: None,
            tls_files: TlsPlaces::default(),
            env_url: text(URL_VARIABLE),
            env_token_file: path(TOKEN_FILE_VARIABLE),
            env_tls_files: TlsPlaces {
                ca_file: path(CA_FILE_VARIABLE),
                cert_file: path(CERT_FILE_VARIABLE),
                key_file: path(KEY_FILE_VARIABLE),
            },
            runtime_dir: path("XDG_RUNTIME_DIR"),
            data_dir: PathBuf::from(DEFAULT_DATA_DIR),
        }
    }

    /// Finds the monitor: what was said, then the environment, then the runtime directory, then the data directory.
    ///
    /// A file that a person or the environment names counts even where it cannot be read: nothing else is
    /// tried in its stead. An address that is nowhere is the default one. Who has a certificate needs no token.
    ///
    /// # Errors
    /// When there is no token in any place, or only a part of the files of TLS is named; the text says what to do.
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
        let tls = self.tls()?;
        let token = match token {
            Some(file) => TokenSource::File(file),
            None if tls.as_ref().is_some_and(|tls| tls.certificate.is_some()) => TokenSource::Absent,
            None => return Err(DiscoverError::NoToken { looked_at: self.token_places(directories()) }),
        };
        Ok(Endpoint { url, token, tls })
    }

    fn tls(&self) -> Result<Option<TlsFiles>, DiscoverError> {
        let (said, env) = (&self.tls_files, &self.env_tls_files);
        let ca_file = said.ca_file.clone().or_else(|| env.ca_file.clone());
        // A certificate and its key go together: half of one pair with half of another would fit by chance only.
        let own = if said.cert_file.is_some() || said.key_file.is_some() { said } else { env };
        let half = |named, missing| DiscoverError::HalfOfTls { named, missing };
        let certificate = match (own.cert_file.clone(), own.key_file.clone()) {
            (None, None) => None,
            (Some(certificate_file), Some(key_file)) => Some(CertificateFiles { certificate_file, key_file }),
            (Some(_), None) => return Err(half("a certificate", ("--key-file", KEY_FILE_VARIABLE))),
            (None, Some(_)) => return Err(half("a key", ("--cert-file", CERT_FILE_VARIABLE))),
        };
        match (ca_file, certificate) {
            (Some(ca_file), certificate) => Ok(Some(TlsFiles { ca_file, certificate })),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(half("a certificate", ("--ca-file", CA_FILE_VARIABLE))),
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
