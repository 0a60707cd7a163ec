//! Who a peer is by its certificate, and whether its hello may say so (`security.md` T1).
//!
//! TLS has checked chain, dates and purpose before anything here looks at a certificate. The name comes from one
//! place only, the URI among the subject's alternative names; common names are for people.

use crate::{denied::Serial, socket::report};
use std::fmt;
use thiserror::Error;
use tokio_rustls::rustls::pki_types::CertificateDer;
use watchkeeper_model::AgentId;
use watchkeeper_protocol::{
    Hello,
    session::{ErrorCode, ErrorReport},
};
use x509_parser::{extensions::GeneralName, parse_x509_certificate};

/// The scheme of an identity.
const SCHEME: &str = "spiffe://";
/// What stands between trust domain and id.
const AGENT: &str = "/agent/";
/// The longest trust domain, in bytes; that of SPIFFE.
const TRUST_DOMAIN: usize = 255;

/// What TLS proved about a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Nothing: there is no TLS, or no authority to ask for certificates of.
    NotAsked,
    /// It was asked for a certificate and has none.
    NoCertificate,
    /// It is this agent.
    Agent(AgentCertificate),
    /// Its certificate is good, but names no agent.
    Nameless(NameFault),
}

/// The part of an agent's certificate that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AgentCertificate {
    /// Whose it is.
    pub(crate) agent: AgentId,
    /// Its number at the authority.
    pub(crate) serial: Serial,
}

/// Why a certificate names no agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum NameFault {
    /// There is no URI among its alternative names.
    #[error("it has no URI among its subject alternative names")]
    Absent,
    /// There are several.
    #[error("it has several URIs among its subject alternative names")]
    Several,
    /// What is there cannot be read, or is no such URI.
    #[error("the URI among its subject alternative names is malformed")]
    Malformed,
}

/// Why a hello does not go with what TLS proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdentityRefusal {
    /// An agent without a certificate, where agents must have one.
    CertificateMissing,
    /// The certificate is that of another agent.
    OtherAgent(AgentId),
    /// A console with the certificate of an agent.
    AgentAtConsole,
    /// The certificate names no agent.
    Nameless(NameFault),
    /// The certificate is on the list of those that are denied.
    Denied,
}

impl fmt::Display for IdentityRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const RULE: &str = "spiffe://<trust domain>/agent/<id>";
        match self {
            Self::CertificateMissing => {
                write!(f, "an agent must present a client certificate with the SAN URI {RULE}")
            }
            Self::OtherAgent(agent) => {
                write!(f, "the hello's agent must be that of the certificate's SAN URI, which is {agent}")
            }
            Self::AgentAtConsole => {
                f.write_str("an agent's certificate opens no console: connect without one, with a token")
            }
            Self::Nameless(fault) => {
                write!(f, "a client certificate must have one SAN URI, {RULE}: {fault}")
            }
            Self::Denied => f.write_str("the serial number of this certificate is on the deny-list"),
        }
    }
}

impl IdentityRefusal {
    /// Returns what the peer is told.
    pub(crate) fn report(&self) -> ErrorReport {
        report(ErrorCode::Unauthorised, &self.to_string())
    }
}

/// Reads from a certificate that TLS has verified which agent it is of.
pub(crate) fn agent_certificate(leaf: &CertificateDer<'_>) -> Result<AgentCertificate, NameFault> {
    let (rest, certificate) = parse_x509_certificate(leaf).map_err(|_unreadable| NameFault::Malformed)?;
    if !rest.is_empty() {
        return Err(NameFault::Malformed);
    }
    let names = certificate.subject_alternative_name().map_err(|_unreadable| NameFault::Malformed)?;
    let mut found = None;
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        match name {
            GeneralName::URI(_) if found.is_some() => return Err(NameFault::Several),
            GeneralName::URI(uri) => found = Some(*uri),
            GeneralName::Invalid(..) => return Err(NameFault::Malformed),
            GeneralName::OtherName(..)
            | GeneralName::RFC822Name(_)
            | GeneralName::DNSName(_)
            | GeneralName::X400Address(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EDIPartyName(_)
            | GeneralName::IPAddress(_)
            | GeneralName::RegisteredID(_) => {}
        }
    }
    let agent = agent_of(found.ok_or(NameFault::Absent)?).ok_or(NameFault::Malformed)?;
    Ok(AgentCertificate { agent, serial: Serial::from_bytes(certificate.raw_serial()) })
}

/// Returns the agent that an identity names; `None` where it is none, to the letter.
fn agent_of(uri: &str) -> Option<AgentId> {
    let (domain, id) = uri.strip_prefix(SCHEME)?.split_once(AGENT)?;
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let is_domain = (1..=TRUST_DOMAIN).contains(&domain.len()) && domain.bytes().all(is_good);
    is_domain.then(|| AgentId::new(id).ok()).flatten()
}

/// Says whether this peer may say this hello. Whether its certificate is denied is asked beside it.
pub(crate) fn check_identity(hello: &Hello, proof: &Peer) -> Result<(), IdentityRefusal> {
    match (proof, hello) {
        (Peer::NotAsked, Hello::Agent(_) | Hello::Operator(_)) => Ok(()),
        (Peer::NoCertificate, Hello::Operator(_)) => Ok(()),
        (Peer::NoCertificate, Hello::Agent(_)) => Err(IdentityRefusal::CertificateMissing),
        (Peer::Agent(certificate), Hello::Agent(hello)) if certificate.agent == hello.agent => Ok(()),
        (Peer::Agent(certificate), Hello::Agent(_)) => {
            Err(IdentityRefusal::OtherAgent(certificate.agent.clone()))
        }
        (Peer::Agent(_), Hello::Operator(_)) => Err(IdentityRefusal::AgentAtConsole),
        (Peer::Nameless(fault), Hello::Agent(_) | Hello::Operator(_)) => {
            Err(IdentityRefusal::Nameless(*fault))
        }
    }
}

#[cfg(test)]
mod tests;
