//! `dev-certs`: an authority, the monitor's certificate and one for each agent, to try TLS with.
//!
//! The authority's key is never written: what it did not sign in this run, nobody can make it sign later. Whoever needs
//! another agent makes a new set.

use crate::out::say;
use anyhow::{Context, ensure};
use clap::Args;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs::{DirBuilder, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use watchkeeper_client::discover::{
    CA_FILE_VARIABLE, CERT_FILE_VARIABLE, KEY_FILE_VARIABLE, TOKEN_FILE_VARIABLE, URL_VARIABLE,
};
use watchkeeper_model::AgentId;

/// How long they last.
const LIFE: Duration = Duration::from_hours(7 * 24);
/// So much earlier they begin: the clocks of a workplace differ.
const SKEW: Duration = Duration::from_mins(5);
/// Those that every monitor on this machine is reached by.
const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// The trust domain of the identities.
const TRUST_DOMAIN: &str = "watchkeeper.dev";

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper dev-certs certs --agent press-1
  watchkeeper dev-certs certs --agent press-1 --agent press-2 --host monitor.example

It writes ca.pem, server.pem, server.key, and agent-ID.pem and agent-ID.key for every agent, keys readable by you alone.
They last for 7 days and are marked DEV ONLY. The authority's key is not kept: for another agent make a new set.")]
pub(crate) struct DevCertsArguments {
    /// Where they go; nothing that is there is overwritten
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// An agent to make a certificate for; give it once for each
    #[arg(long, value_name = "ID")]
    agent: Vec<AgentId>,
    /// A further name or address of the monitor, beside localhost, 127.0.0.1 and ::1; give it once for each
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
}

/// A file that is to be written.
struct Made {
    name: String,
    text: String,
    is_secret: bool,
}

pub(crate) fn run(arguments: &DevCertsArguments) -> anyhow::Result<ExitCode> {
    let agents: BTreeSet<&AgentId> = arguments.agent.iter().collect();
    let mut made = Vec::new();
    let mut serials = String::new();
    let authority = authority().context("making the authority")?;
    made.push(Made { name: "ca.pem".to_owned(), text: authority.pem(), is_secret: false });
    let hosts = HOSTS.iter().map(|host| (*host).to_owned()).chain(arguments.host.iter().cloned());
    let server = CertificateParams::new(hosts.collect::<Vec<_>>())
        .context("a --host is a name or an address without a port, such as monitor.example")?;
    sign(&authority, server, "monitor", ExtendedKeyUsagePurpose::ServerAuth, "server", &mut made)?;
    for agent in agents {
        let mut client = CertificateParams::default();
        let identity = format!("spiffe://{TRUST_DOMAIN}/agent/{agent}");
        client.subject_alt_names = vec![SanType::URI(identity.try_into()?)];
        let (purpose, name) = (ExtendedKeyUsagePurpose::ClientAuth, format!("agent-{agent}"));
        let serial = sign(&authority, client, &format!("agent {agent}"), purpose, &name, &mut made)?;
        writeln!(serials, "  {agent}: serial {serial}")?;
    }
    write_all(&arguments.directory, &made)?;
    say(next_steps(arguments, &made, &serials)?)?;
    Ok(ExitCode::SUCCESS)
}

fn authority() -> anyhow::Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = marked(CertificateParams::default(), "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

/// Makes a certificate and its key, and returns its serial number in hexadecimal.
fn sign(
    authority: &CertifiedIssuer<'static, KeyPair>,
    params: CertificateParams,
    what: &str,
    purpose: ExtendedKeyUsagePurpose,
    name: &str,
    made: &mut Vec<Made>,
) -> anyhow::Result<String> {
    let key = KeyPair::generate().with_context(|| format!("making the key of the {what}"))?;
    let mut params = marked(params, what);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    // The point behind its first byte is as random as a serial number has to be; below 0x80 it is a positive number.
    let serial: Vec<u8> =
        key.public_key_raw().iter().skip(1).take(16).enumerate().map(first_below_0x80).collect();
    let digits = serial.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
    params.serial_number = Some(SerialNumber::from(serial));
    let certificate = params
        .signed_by(&key, authority)
        .with_context(|| format!("signing the certificate of the {what}"))?;
    made.push(Made { name: format!("{name}.pem"), text: certificate.pem(), is_secret: false });
    made.push(Made { name: format!("{name}.key"), text: key.serialize_pem(), is_secret: true });
    Ok(digits)
}

fn first_below_0x80((place, byte): (usize, &u8)) -> u8 {
    if place == 0 { byte & 0x7f | 0x40 } else { *byte }
}

/// Marks what this makes, for people, and bounds its life.
fn marked(mut params: CertificateParams, what: &str) -> CertificateParams {
    let now = jiff::Timestamp::now().as_second();
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(now.unsigned_abs());
    (params.not_before, params.not_after) = (now - SKEW, now + LIFE);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("DEV ONLY watchkeeper {what}"));
    params
}

/// Writes all of them or, where one is there already, none.
fn write_all(directory: &Path, made: &[Made]) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("creating the directory {}", directory.display()))?;
    for Made { name, .. } in made {
        let path = directory.join(name);
        ensure!(
            !path.try_exists().with_context(|| format!("looking for {}", path.display()))?,
            "{} is there already, and nothing is overwritten: name another directory, or remove it first",
            path.display()
        );
    }
    for Made { name, text, is_secret } in made {
        let path = directory.join(name);
        let mode = if *is_secret { 0o600 } else { 0o644 };
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
            file.write_all(text.as_bytes())
        };
        write().with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Returns what to do with them.
fn next_steps(arguments: &DevCertsArguments, made: &[Made], serials: &str) -> anyhow::Result<String> {
    let directory = std::path::absolute(&arguments.directory)?;
    let file = |name: &str| directory.join(name).display().to_string();
    let host = arguments.host.first().map_or("localhost", String::as_str);
    let listen = if arguments.host.is_empty() { "127.0.0.1" } else { "0.0.0.0" };
    let allow = arguments.host.iter().fold(String::new(), |allow, host| allow + " --allow-host " + host);
    let url = format!(
        "{URL_VARIABLE}=wss://{}:7410/v1",
        if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
    );
    let ca = format!("{CA_FILE_VARIABLE}={}", file("ca.pem"));
    let mut text = format!(
        "wrote {} files into {}: DEV ONLY, good for 7 days\n{serials}\nthe monitor:\n  watchkeeper serve --listen \
         {listen}:7410{allow} --tls-cert {} --tls-key {} --client-ca {}\n\na console (the token is what `serve` \
         prints as `token in FILE`):\n  {url} {ca} {TOKEN_FILE_VARIABLE}=FILE watchkeeper watch",
        made.len(),
        directory.display(),
        file("server.pem"),
        file("server.key"),
        file("ca.pem"),
    );
    match arguments.agent.first() {
        Some(agent) => write!(
            text,
            "\n\nthe agent {agent}, with the SDK:\n  {url} {ca} {CERT_FILE_VARIABLE}={} {KEY_FILE_VARIABLE}={}",
            file(&format!("agent-{agent}.pem")),
            file(&format!("agent-{agent}.key")),
        )?,
        None => text
            .push_str("\n\nno agent has a certificate: give --agent ID for each, or leave --client-ca out"),
    }
    Ok(text)
}
