//! TLS 1.3 to the monitor: its certificate is checked against an authority that is named, never those of the system.
//!
//! A site's authority is its own, so that nobody else's mistake can make a monitor. Files are read again before each
//! attempt to connect: a certificate that lives for days is renewed under a running agent.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, AlertDescription, CertificateError, ClientConfig, RootCertStore,
        client::Resumption,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem, pem::PemObject},
        version::TLS13,
    },
};

/// The files that TLS needs; all of them PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authority that signed the monitor's certificate.
    pub ca_file: PathBuf,
    /// The certificate of this agent; consoles have a token instead.
    pub certificate: Option<CertificateFiles>,
}

/// A certificate of one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and those between it and the authority that the monitor knows.
    pub certificate_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

/// Says why there is no TLS.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The address asks for TLS, and nobody said which authority to trust.
    #[error(
        "{url} asks for TLS, and no authority is named: give the file with the certificate that signed the monitor's, \
         with --ca-file FILE or {}",
        crate::discover::CA_FILE_VARIABLE
    )]
    NoAuthority {
        /// The address.
        url: String,
    },
    /// An authority is named, and the address does not ask for TLS.
    #[error("the files of TLS are given, but {url} is in the clear: write wss://, or leave --ca-file out")]
    NotAsked {
        /// The address.
        url: String,
    },
    /// A file cannot be read.
    #[error("cannot read {what} in {path}: {source}")]
    Unreadable {
        /// What was to be in it.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file can be read and holds something else.
    #[error("{path} holds no {what} in PEM")]
    NotThere {
        /// What was to be in it.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
    /// Files that TLS cannot use.
    #[error("{path} cannot be used: {source}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
    /// The host is neither a name nor an address.
    #[error("{0:?} is no name that a certificate can have")]
    BadHost(String),
    /// The monitor's certificate is not to be trusted, or there is no TLS 1.3.
    #[error("{host} is not trusted as the monitor: {why}")]
    Untrusted {
        /// To whom the connection was.
        host: String,
        /// Why not, and what to do.
        why: String,
    },
    /// The monitor does not take our certificate, or our TLS.
    #[error("the monitor refused the TLS connection: {0}")]
    Refused(RefusedBecause),
}

/// What the monitor's alert says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedBecause(AlertDescription);

impl fmt::Display for RefusedBecause {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other alerts say nothing that a person could mend"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            AlertDescription::CertificateExpired => "our certificate has expired or is not valid yet",
            AlertDescription::UnknownCA => "our certificate is not signed by the authority that it knows",
            AlertDescription::UnsupportedCertificate => "our certificate is not one for clients",
            AlertDescription::DecryptError => "our certificate's signature is wrong",
            AlertDescription::CertificateRevoked => "our certificate is revoked",
            AlertDescription::ProtocolVersion => "it speaks TLS 1.3 only",
            other => return write!(f, "alert {other:?}"),
        })
    }
}

impl TlsFiles {
    /// Names the authority; this side has no certificate.
    pub fn new(ca_file: impl Into<PathBuf>) -> Self {
        Self { ca_file: ca_file.into(), certificate: None }
    }

    /// Adds the certificate of an agent and its key.
    #[must_use]
    pub fn with_certificate(
        mut self,
        certificate_file: impl Into<PathBuf>,
        key_file: impl Into<PathBuf>,
    ) -> Self {
        self.certificate =
            Some(CertificateFiles { certificate_file: certificate_file.into(), key_file: key_file.into() });
        self
    }

    /// Says whether the files can be used, without connecting.
    pub fn check(&self) -> Result<(), TlsError> {
        self.load().map(drop)
    }

    /// Reads the files.
    pub(crate) fn load(&self) -> Result<TlsConnector, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca_file, "certificate of an authority")? {
            roots.add(certificate).map_err(|source| unusable(&self.ca_file, source))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(|source| unusable(&self.ca_file, source))?
            .with_root_certificates(roots);
        let mut config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some(CertificateFiles { certificate_file, key_file }) => {
                let chain = certificates(certificate_file, "certificate")?;
                let key = PrivateKeyDer::from_pem_file(key_file)
                    .map_err(|error| unreadable(key_file, "private key", error))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|source| unusable(certificate_file, source))?
            }
        };
        // The monitor wants to see the certificate at every connection.
        config.resumption = Resumption::disabled();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, pem::Error>>();
    let found = read().map_err(|error| unreadable(path, what, error))?;
    if found.is_empty() {
        return Err(TlsError::NotThere { what, path: path.to_owned() });
    }
    Ok(found)
}

/// Tells a file that is not there from one that holds something else; what it holds is never shown.
fn unreadable(path: &Path, what: &'static str, error: pem::Error) -> TlsError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => TlsError::Unreadable { what, path, source },
        pem::Error::NoItemsFound
        | pem::Error::MissingSectionEnd { .. }
        | pem::Error::IllegalSectionStart { .. }
        | pem::Error::Base64Decode(_)
        | pem::Error::SectionTooLarge
        | _ => TlsError::NotThere { what, path },
    }
}

fn unusable(path: &Path, source: rustls::Error) -> TlsError {
    TlsError::Unusable { path: path.to_owned(), source }
}

/// Shakes hands with the monitor at `host`, and checks that it is the one.
pub(crate) async fn shake_hands(
    files: TlsFiles,
    host: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, crate::LinkLoss> {
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_no_name| TlsError::BadHost(host.to_owned()))?;
    let ca_file = files.ca_file.clone();
    let connector = tokio::task::spawn_blocking(move || files.load()).await.map_err(io::Error::other)??;
    connector.connect(name, stream).await.map_err(|error| match tls_error(&error) {
        Some(found) => explain(found, host, &ca_file).into(),
        None => error.into(),
    })
}

/// Returns what TLS says where it broke a connection that was there already.
pub(crate) fn refusal(error: &io::Error) -> Option<TlsError> {
    let rustls::Error::AlertReceived(alert) = tls_error(error)? else { return None };
    Some(TlsError::Refused(RefusedBecause(*alert)))
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is left says what it is by itself")]
fn explain(error: &rustls::Error, host: &str, ca_file: &Path) -> TlsError {
    let ca_file = ca_file.display();
    let why = match error {
        rustls::Error::AlertReceived(alert) => return TlsError::Refused(RefusedBecause(*alert)),
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            format!("its certificate is not signed by an authority in {ca_file}")
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => format!("{error}; connect by a name that the certificate has"),
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "its certificate has expired: renew it, or look at this computer's clock".to_owned(),
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "its certificate is not valid yet: look at this computer's clock".to_owned(),
        rustls::Error::InvalidMessage(_) => {
            format!("it answered with something that is no TLS ({error}); is it a monitor, and with TLS?")
        }
        other => format!("{other}, with the authority in {ca_file}"),
    };
    TlsError::Untrusted { host: host.to_owned(), why }
}
