//! Hosts and origins that a request may name, beside those of this machine.
//!
//! A page in somebody's browser can be made to connect to any address that the browser reaches, and says so in
//! `Origin`; with DNS rebinding it says its own name in `Host` (`security.md` T17, T18). Both lists are compared as a
//! whole, never by their ends.

use crate::handshake::host_of;
use std::net::IpAddr;
use thiserror::Error;

/// Hosts and origins that a request may name, beside those of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSites {
    hosts: Vec<Host>,
    origins: Vec<String>,
}

/// A name in lower case, or an address; an address has many spellings.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Name(String),
    Address(IpAddr),
}

/// Why a text cannot be on a list.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AllowedError {
    /// It is no name and no address.
    #[error("{0:?} is no host: give a name or an address without a port, such as monitor.example")]
    Host(String),
    /// It is no origin.
    #[error(
        "{0:?} is no origin: give it as a browser does, such as https://console.example:8443, without a path"
    )]
    Origin(String),
}

impl Host {
    fn new(text: &str) -> Option<Self> {
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Some(Self::Address(address));
        }
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let is_name = (1..=253).contains(&text.len()) && text.bytes().all(is_good);
        is_name.then(|| Self::Name(text.to_ascii_lowercase()))
    }
}

impl AllowedSites {
    /// Checks hosts (names or addresses, without ports) and origins (`https://host[:port]`).
    ///
    /// # Errors
    /// The first text that is none.
    pub fn new(hosts: &[impl AsRef<str>], origins: &[impl AsRef<str>]) -> Result<Self, AllowedError> {
        let hosts = hosts.iter().map(|host| {
            let host = host.as_ref();
            Host::new(host).ok_or_else(|| AllowedError::Host(host.to_owned()))
        });
        let origins = origins.iter().map(|origin| {
            let origin = origin.as_ref();
            let site = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            let is_origin = site.and_then(host_of).is_some_and(|host| Host::new(host).is_some());
            is_origin
                .then(|| origin.to_ascii_lowercase())
                .ok_or_else(|| AllowedError::Origin(origin.to_owned()))
        });
        Ok(Self { hosts: hosts.collect::<Result<_, _>>()?, origins: origins.collect::<Result<_, _>>()? })
    }

    /// Returns the first host, as a URL writes it.
    pub(crate) fn first_host(&self) -> Option<String> {
        self.hosts.first().map(|host| match host {
            Host::Name(name) => name.clone(),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        })
    }

    /// Says whether `host[:port]` is on the list.
    pub(crate) fn has_host(&self, authority: &str) -> bool {
        host_of(authority).and_then(Host::new).is_some_and(|host| self.hosts.contains(&host))
    }

    /// Says whether an origin is on the list.
    pub(crate) fn has_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known.eq_ignore_ascii_case(origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_host_or_origin_is_refused_with_an_example() {
        for host in ["", "*", "*.example", "monitor.example:7410", "https://monitor.example", "a b"] {
            let error = AllowedSites::new(&[host], &[""; 0]).unwrap_err();
            assert!(error.to_string().contains("monitor.example"), "{host}: {error}");
        }
        for origin in ["", "*", "console.example", "https://", "https://console.example/", "null", "file://x"]
        {
            let error = AllowedSites::new(&[""; 0], &[origin]).unwrap_err();
            assert!(error.to_string().contains("https://console.example:8443"), "{origin}: {error}");
        }
    }
}
