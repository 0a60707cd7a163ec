//! TLS 1.3 in front of everything else a connection says.
//!
//! TLS 1.3 is the only version that a configuration here names. There is no early data, which could be replayed, and no resumption, which would
//! let a certificate outlive its end (`security.md` 3, transport). A handshake runs in the task of its connection
//! and under its deadline, never in the accept loop (T15).

use crate::{
    identity::{Peer, agent_certificate},
    options::TlsOptions,
};
use anyhow::{Context, ensure};
use std::{fmt, io, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
        server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
        version::TLS13,
    },
    server::TlsStream,
};
use tokio_util::either::Either;

/// What a connection is read from and written to: TCP, or TLS over it. The state of TLS is large, hence the box.
pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// How long a peer whose certificate is refused may take to read why; as for a refused hello.
const LINGER: Duration = Duration::from_millis(500);
/// What is read from such a peer at most: its certificate and the request that it sent along.
const UNREAD: u64 = 64 << 10;

/// Turns TCP connections into TLS ones.
#[derive(Clone)]
pub(crate) struct TlsDoor {
    acceptor: TlsAcceptor,
    asks_for_certificates: bool,
}

impl fmt::Debug for TlsDoor {
    /// Leaves the key out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asks = self.asks_for_certificates;
        f.debug_struct("TlsDoor").field("asks_for_certificates", &asks).finish_non_exhaustive()
    }
}

impl TlsDoor {
    /// Reads certificate, key and authority.
    ///
    /// # Errors
    /// The text names the file, and what is to be in it.
    pub(crate) fn open(options: &TlsOptions) -> anyhow::Result<Self> {
        let chain = certificates(&options.certificate_chain)
            .context("reading the monitor's certificate (--tls-cert)")?;
        let key = private_key(&options.key).with_context(|| {
            format!("reading the monitor's private key {} (--tls-key)", options.key.display())
        })?;
        warn_if_others_may_read(&options.key);
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .context("setting TLS 1.3 up")?;
        let builder = match &options.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => builder.with_client_cert_verifier(
                verifier(path, provider)
                    .context("reading the authority of the agents' certificates (--client-ca)")?,
            ),
        };
        let mut config = builder.with_single_cert(chain, key).with_context(|| {
            format!(
                "the certificate {} and the key {} do not belong together, or TLS cannot use them",
                options.certificate_chain.display(),
                options.key.display()
            )
        })?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            asks_for_certificates: options.client_ca.is_some(),
        })
    }

    /// Shakes hands, and says what the peer proved.
    ///
    /// # Errors
    /// Why there is no TLS; the peer has been told, where it listens.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<(Stream, Peer), io::Error> {
        let stream = match self.acceptor.accept(stream).into_fallible().await {
            Ok(stream) => stream,
            Err((error, stream)) => {
                show_out(stream).await;
                return Err(error);
            }
        };
        let (_, tls) = stream.get_ref();
        let leaf = tls.peer_certificates().and_then(<[_]>::first);
        let proof = match leaf {
            Some(leaf) => agent_certificate(leaf).map_or_else(Peer::Nameless, Peer::Agent),
            None if self.asks_for_certificates => Peer::NoCertificate,
            None => Peer::NotAsked,
        };
        Ok((Either::Right(Box::new(stream)), proof))
    }
}

/// Says whether a handshake failed for the peer's certificate: then somebody waits for an agent that does not get in.
pub(crate) fn is_about_certificate(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

/// Reads what the peer still sends, so that closing does not reset the connection before it has read our alert.
async fn show_out(mut stream: TcpStream) {
    let end = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(UNREAD), &mut tokio::io::sink()).await
    };
    match timeout(LINGER, end).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::trace!(%error, "the peer was gone first"),
        Err(_) => tracing::trace!("the peer did not close its side in time"),
    }
}

/// Consoles have tokens in place of certificates, so that a connection without one goes on to its hello.
fn verifier(
    path: &Path,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> anyhow::Result<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .with_context(|| format!("{} holds a certificate that cannot be an authority", path.display()))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .with_context(|| format!("using the certificates of {}", path.display()))
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, pem::Error>>();
    let found =
        read().with_context(|| format!("{} cannot be read as certificates in PEM", path.display()))?;
    ensure!(
        !found.is_empty(),
        "{} holds no certificate; it must be PEM with `-----BEGIN CERTIFICATE-----`",
        path.display()
    );
    Ok(found)
}

fn warn_if_others_may_read(key: &Path) {
    if std::fs::metadata(key).is_ok_and(|found| found.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %key.display(), "other users may read the monitor's private key: chmod 600");
    }
}

/// Reads a private key; the error never shows what the file holds.
fn private_key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
        pem::Error::Io(error) => error.into(),
        pem::Error::NoItemsFound
        | pem::Error::MissingSectionEnd { .. }
        | pem::Error::IllegalSectionStart { .. }
        | pem::Error::Base64Decode(_)
        | pem::Error::SectionTooLarge
        | _ => {
            anyhow::anyhow!("it holds no private key in PEM (PKCS#8, PKCS#1 or SEC1, without a passphrase)")
        }
    })
}

#[cfg(test)]
mod tests;
