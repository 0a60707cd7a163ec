//! Brings one call to its receiver: one signed request, and what became of it.
//!
//! Calls are signed after the Standard Webhooks specification, v1 with a shared secret
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use super::{call::Call, secret::Secret};
use anyhow::{Context, ensure};
use reqwest::{
    Client, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderValue, InvalidHeaderValue},
    redirect, retry,
};
use rustls::{ClientConfig, crypto::ring, version::TLS13};
use rustls_platform_verifier::Verifier;
use std::{error::Error as _, fmt, net::IpAddr, path::Path, sync::Arc};
use thiserror::Error;
use watchkeeper_engine::config::Webhook;

/// Why a try failed. The address is left out: it may hold what only the receiver should know.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum TryFailure {
    /// It answered, and did not take the call. A redirection is such an answer: what is signed for one receiver is not
    /// for another.
    #[error("the receiver answered {0}")]
    Refused(StatusCode),
    #[error("the receiver did not answer in time")]
    Late,
    #[error("the receiver could not be reached: {0}")]
    Unreachable(String),
    #[error("the request failed: {0}")]
    Broken(String),
}

/// Posts calls to the one receiver.
pub(crate) struct Courier {
    client: Client,
    url: Url,
    secret: Secret,
}

impl fmt::Debug for Courier {
    /// Leaves the secret out, and the path, which may hold one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").field("receiver", &self.receiver()).finish_non_exhaustive()
    }
}

impl Courier {
    /// Reads the secret, and for https the authorities that this system trusts.
    ///
    /// # Errors
    /// The text says which file or address cannot be used and what to do.
    pub(crate) fn open(webhook: &Webhook) -> anyhow::Result<Self> {
        let url = parse(&webhook.url)?;
        let tls = if url.scheme() == "https" { Some(tls().context(NO_AUTHORITIES)?) } else { None };
        Self::with_tls(webhook, url, tls.unwrap_or_else(without_authorities))
    }

    /// The same with a TLS of its own, which tests have no system for.
    pub(crate) fn with_tls(webhook: &Webhook, url: Url, tls: ClientConfig) -> anyhow::Result<Self> {
        let secret = Secret::open(Path::new(&webhook.secret_file))?;
        let client = Client::builder()
            // It would panic where no crypto provider is the process's, which a library should not choose.
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(redirect::Policy::none())
            // Tries are counted and spaced by the schedule, all of them.
            .retry(retry::never())
            .http1_only()
            // Calls are rare, and a connection that was kept may be dead by the next one.
            .pool_max_idle_per_host(0)
            .timeout(webhook.timeout())
            .user_agent("watchkeeper")
            .build()
            .context("setting up the client of the webhook")?;
        Ok(Self { client, url, secret })
    }

    /// Returns whom it calls, without the path.
    pub(crate) fn receiver(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Tries once; `unix_secs` is when, for the receiver to tell an old request that somebody sends again.
    ///
    /// # Errors
    /// Why the receiver has not taken it.
    pub(crate) async fn deliver(&self, call: &Call, unix_secs: i64) -> Result<(), TryFailure> {
        let signature = self.secret.sign(call.id.as_str(), unix_secs, &call.body);
        let broken = |error: InvalidHeaderValue| TryFailure::Broken(error.to_string());
        let mut signature = HeaderValue::try_from(signature).map_err(broken)?;
        signature.set_sensitive(true);
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", call.id.as_str())
            .header("webhook-timestamp", unix_secs)
            .header("webhook-signature", signature)
            .body(call.body.clone());
        // What it says beside its status is not read.
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(TryFailure::Refused(answer.status())),
            Err(error) => Err(failure(error)),
        }
    }
}

const NO_AUTHORITIES: &str = "reading the authorities that this system trusts, for the https of the webhook. Install them (on \
     Debian the package ca-certificates), or name a file of them in SSL_CERT_FILE";

/// Reads the address, and looks again at what the configuration looked at: here is what will really be called.
pub(super) fn parse(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).context("reading the address of the webhook")?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    ensure!(
        url.scheme() == "https" || (url.scheme() == "http" && is_here),
        "the webhook must be called by https, or by http at an address of this machine"
    );
    ensure!(
        url.username().is_empty() && url.password().is_none(),
        "the address of the webhook may hold no password"
    );
    Ok(url)
}

/// TLS 1.3, by the authorities of this system.
fn tls() -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(Arc::clone(&provider))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        // Dangerous is only a verifier that takes too much; this one takes what the system trusts.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// For a receiver that is called in the clear: whatever would need TLS fails.
fn without_authorities() -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .expect("ring speaks TLS 1.3")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

fn failure(error: reqwest::Error) -> TryFailure {
    let error = error.without_url();
    if error.is_timeout() {
        return TryFailure::Late;
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    if error.is_connect() { TryFailure::Unreachable(text) } else { TryFailure::Broken(text) }
}
