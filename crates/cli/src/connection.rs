//! Which monitor a command talks to, and as whom.

use anyhow::Context;
use clap::Args;
use std::{path::PathBuf, time::Duration};
use watchkeeper_client::{
    Endpoint, Operator, OperatorEvent, OperatorOptions,
    discover::{
        CA_FILE_VARIABLE, CERT_FILE_VARIABLE, KEY_FILE_VARIABLE, Places, TOKEN_FILE_VARIABLE, TlsPlaces,
        URL_VARIABLE,
    },
};
use watchkeeper_model::{OperatorRole, PersonId};
use watchkeeper_protocol::{
    operator::ConsoleKind,
    session::{ErrorCode, ErrorReport},
};

/// How long a command waits for the monitor before it gives up.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Where the monitor is. Without these it is found by itself.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which monitor")]
pub(crate) struct ConnectionArguments {
    /// Address of the monitor, for example ws://127.0.0.1:7410/v1 or wss://monitor.example:7410/v1
    #[arg(long, value_name = "URL", env = URL_VARIABLE)]
    pub(crate) url: Option<String>,
    /// File with the token that lets us in; `serve` says where it is
    #[arg(long, value_name = "FILE", env = TOKEN_FILE_VARIABLE)]
    pub(crate) token_file: Option<PathBuf>,
    /// The authority that signed the monitor's certificate, in PEM, for a wss:// address
    #[arg(long, value_name = "FILE", env = CA_FILE_VARIABLE)]
    pub(crate) ca_file: Option<PathBuf>,
    /// The certificate of the agent that connects, in PEM; consoles have a token instead
    #[arg(long, value_name = "FILE", env = CERT_FILE_VARIABLE)]
    pub(crate) cert_file: Option<PathBuf>,
    /// The private key of that certificate, in PEM
    #[arg(long, value_name = "FILE", env = KEY_FILE_VARIABLE)]
    pub(crate) key_file: Option<PathBuf>,
}

/// Who sits at a console.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Who")]
pub(crate) struct PersonArguments {
    /// Your name, as the record will hold it
    #[arg(long = "as", value_name = "NAME", default_value_t = login_name())]
    pub(crate) person: PersonId,
    /// What you may do: observer, auditor, operator or supervisor
    #[arg(long, value_name = "ROLE", default_value = "operator")]
    pub(crate) role: OperatorRole,
}

impl ConnectionArguments {
    /// Finds the monitor.
    ///
    /// # Errors
    /// Also where what was named cannot be used, rather than trying it again and again.
    pub(crate) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        let places = Places {
            url: self.url.clone(),
            token_file: self.token_file.clone(),
            tls_files: TlsPlaces {
                ca_file: self.ca_file.clone(),
                cert_file: self.cert_file.clone(),
                key_file: self.key_file.clone(),
            },
            ..Places::of_process()
        };
        let endpoint = places.find().context("looking for the monitor")?;
        endpoint.check()?;
        Ok(endpoint)
    }
}

/// Returns what to do when the monitor does not take the token or the certificate.
pub(crate) fn unauthorised(report: &ErrorReport) -> anyhow::Error {
    let told = report.message.to_string();
    let advice = if told.contains("opens no console") {
        format!(
            "Leave --cert-file and --key-file out, and unset {CERT_FILE_VARIABLE} and {KEY_FILE_VARIABLE}"
        )
    } else if told.contains("certificate") {
        format!(
            "Give the agent's own with --cert-file FILE --key-file FILE or {CERT_FILE_VARIABLE} and {KEY_FILE_VARIABLE}"
        )
    } else {
        format!(
            "Give the file with your token, or the one that `serve` printed as `token in FILE` (each start makes a new \
             one), with --token-file FILE or {TOKEN_FILE_VARIABLE}"
        )
    };
    anyhow::anyhow!("the monitor did not let us in: {}. {advice}", told.trim_end_matches('.'))
}

/// The name this computer knows the person by, where it can stand in the record.
pub(crate) fn login_name() -> PersonId {
    ["USER", "LOGNAME"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find_map(|name| PersonId::new(&name).ok())
        .unwrap_or_else(|| PersonId::new("operator").expect("the name is a valid id"))
}

/// Starts an operator's session.
pub(crate) fn operator(endpoint: Endpoint, who: &PersonArguments, console: ConsoleKind) -> Operator {
    let mut options = OperatorOptions::new(endpoint, who.person.clone());
    options.role = who.role;
    options.console = console;
    Operator::connect(options)
}

/// Waits until the monitor has welcomed the session.
///
/// # Errors
/// At once when the token is wrong, else when it does not within [`CONNECT_WITHIN`]; the text says why the last attempt failed.
pub(crate) async fn welcomed(operator: &mut Operator) -> anyhow::Result<()> {
    let mut last_reason = "nothing answered".to_owned();
    let welcome = async {
        loop {
            match operator.next().await {
                OperatorEvent::Connected { .. } => return Ok(true),
                OperatorEvent::Disconnected { reason } => last_reason = reason,
                OperatorEvent::Refused(report) if report.code == ErrorCode::Unauthorised => {
                    return Err(unauthorised(&report));
                }
                OperatorEvent::Refused(report) => last_reason = report.message.to_string(),
                OperatorEvent::Message(_) => {}
                OperatorEvent::Ended => return Ok(false),
            }
        }
    };
    let is_in = tokio::time::timeout(CONNECT_WITHIN, welcome).await.unwrap_or(Ok(false))?;
    anyhow::ensure!(
        is_in,
        "the monitor did not let us in within {} s: {last_reason}. Is `watchkeeper serve` running, and are \
         {URL_VARIABLE} and {TOKEN_FILE_VARIABLE} those of that run?",
        CONNECT_WITHIN.as_secs()
    );
    Ok(())
}
