//! Where a server may listen, and how protected it then has to be (`security.md` 3, modes).
//!
//! The safe case asks for nothing: loopback, and a token that is new at each run. Everything that others could reach
//! needs TLS and proof of who connects. Travelling in the clear has to be said three times, in places that are not
//! copied together: on the command line, in the environment, and in the configuration, which the record keeps where it is so.

use std::{fmt, net::SocketAddr};
use thiserror::Error;

/// The environment variable that has to be `1` for a site without TLS.
pub const INSECURE_VARIABLE: &str = "WATCHKEEPER_INSECURE_I_KNOW";

/// What TLS a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// None: everything travels in the clear.
    Clear,
    /// TLS 1.3; nobody is asked for a certificate.
    Tls,
    /// TLS 1.3, and agents prove who they are by a certificate.
    MutualTls,
}

/// Who said that a site may do without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InsecureConsent {
    /// The command line: `--insecure-i-know`.
    pub flag: bool,
    /// The environment: [`INSECURE_VARIABLE`] is `1`.
    pub environment: bool,
    /// The configuration: `insecure_i_know = true` under `[site]`.
    pub configuration: bool,
}

impl InsecureConsent {
    const fn is_complete(self) -> bool {
        self.flag && self.environment && self.configuration
    }
}

impl fmt::Display for InsecureConsent {
    /// Names what is missing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = [
            (self.flag, "the flag --insecure-i-know".to_owned()),
            (self.environment, format!("the environment variable {INSECURE_VARIABLE}=1")),
            (self.configuration, "`insecure_i_know = true` under `[site]` in the configuration".to_owned()),
        ];
        let missing: Vec<String> =
            missing.into_iter().filter(|(is_there, _)| !is_there).map(|(_, what)| what).collect();
        f.write_str(&missing.join(", "))
    }
}

/// How a server that was admitted runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// On this machine only.
    Dev,
    /// Within reach of others, protected.
    Site,
    /// Within reach of others and in the clear, as was said three times.
    InsecureSite,
}

/// Why a server may not start like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StartRefusal {
    /// Others could reach it, and there is no TLS.
    #[error(
        "{bind} is not a loopback address, and without TLS tokens and commands would travel in the clear. Give \
         --tls-cert FILE --tls-key FILE --client-ca FILE (`watchkeeper dev-certs DIR` makes some to try) and --keys DIR, or \
         listen on 127.0.0.1 and let a tunnel (ssh -L) carry it"
    )]
    NoTls {
        /// Where it was to listen.
        bind: SocketAddr,
    },
    /// Others could reach it, and nothing says who they are but one token that all of them share.
    #[error(
        "{bind} is not a loopback address, and nothing tells one person from another there. Give --keys DIR, the keys \
         that sign their tokens (`watchkeeper token keys DIR --create` makes some)"
    )]
    NoAuthentication {
        /// Where it was to listen.
        bind: SocketAddr,
    },
    /// Not everybody agrees to a site without TLS.
    #[error(
        "to listen on {bind} without TLS has to be said in three places; missing: {consent}. Better give --tls-cert \
         FILE --tls-key FILE --client-ca FILE"
    )]
    ConsentIncomplete {
        /// Where it was to listen.
        bind: SocketAddr,
        /// What was said.
        consent: InsecureConsent,
    },
    /// Everybody agrees to a site without TLS, and nobody would have to prove anything.
    #[error(
        "without TLS {bind} needs at least tokens that say who somebody is. Give --keys DIR, and better --tls-cert FILE \
         --tls-key FILE --client-ca FILE too"
    )]
    InsecureWithoutAuthentication {
        /// Where it was to listen.
        bind: SocketAddr,
    },
    /// Consent to go without TLS, where there is TLS or no need of it.
    #[error(
        "--insecure-i-know says that others may reach this monitor without TLS, but {0}. Leave the flag out"
    )]
    ConsentWithoutNeed(&'static str),
}

/// Says how a server may run that listens on `bind`, or why it may not.
///
/// `site_authentication`: people, and agents without a certificate, prove who they are by tokens of their own, not by
/// the one of the run.
///
/// | bind | TLS | authentication | consent | |
/// |---|---|---|---|---|
/// | loopback | any | any | no flag | [`Mode::Dev`]; with TLS and authentication [`Mode::Site`] |
/// | any | any | any | flag, with TLS or on loopback | refused |
/// | other | any but none | site | no flag | [`Mode::Site`] |
/// | other | any but none | none | no flag | refused |
/// | other | none | any | none | refused |
/// | other | none | any | the flag without the rest | refused |
/// | other | none | site | all three | [`Mode::InsecureSite`] |
/// | other | none | none | all three | refused |
///
/// # Errors
/// The row of the table that refuses; the text says what to do.
pub fn admit_start(
    bind: SocketAddr,
    protection: Protection,
    site_authentication: bool,
    consent: InsecureConsent,
) -> Result<Mode, StartRefusal> {
    let is_loopback = bind.ip().to_canonical().is_loopback();
    match (is_loopback, protection, site_authentication) {
        (_, Protection::Tls | Protection::MutualTls, _) if consent.flag => {
            Err(StartRefusal::ConsentWithoutNeed("it has TLS"))
        }
        (true, Protection::Clear, _) if consent.flag => {
            Err(StartRefusal::ConsentWithoutNeed("it listens on this machine only"))
        }
        (true, Protection::Clear, _) | (true, Protection::Tls | Protection::MutualTls, false) => {
            Ok(Mode::Dev)
        }
        (_, Protection::Tls | Protection::MutualTls, true) => Ok(Mode::Site),
        (false, Protection::Tls | Protection::MutualTls, false) => {
            Err(StartRefusal::NoAuthentication { bind })
        }
        (false, Protection::Clear, _) if !consent.flag => Err(StartRefusal::NoTls { bind }),
        (false, Protection::Clear, _) if !consent.is_complete() => {
            Err(StartRefusal::ConsentIncomplete { bind, consent })
        }
        (false, Protection::Clear, true) => Ok(Mode::InsecureSite),
        (false, Protection::Clear, false) => Err(StartRefusal::InsecureWithoutAuthentication { bind }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: [&str; 3] = ["127.0.0.1:7410", "[::1]:7410", "[::ffff:127.0.0.1]:7410"];
    const OTHERS: [&str; 4] = ["0.0.0.0:7410", "[::]:7410", "10.0.0.5:7410", "[::ffff:10.0.0.5]:7410"];

    /// Every combination of the options, each with its own row, so that a change of one shows.
    #[test]
    fn every_combination_of_the_table_has_the_outcome_that_is_written_down() {
        let kinds = [Protection::Clear, Protection::Tls, Protection::MutualTls];
        let mut looked_at = 0;
        for bits in 0..16_u8 {
            let bit = |n: u8| bits & 1 << n != 0;
            let consent = InsecureConsent { flag: bit(0), environment: bit(1), configuration: bit(2) };
            let site = bit(3);
            for protection in kinds {
                for bind in LOOPBACK.iter().chain(&OTHERS) {
                    let address: SocketAddr = bind.parse().unwrap();
                    let found = admit_start(address, protection, site, consent);
                    let says = outcome(&found);
                    let is_loopback = LOOPBACK.contains(bind);
                    let row = format!("{bind} {protection:?} site authentication {site} {consent:?}");
                    assert_eq!(says, expected(is_loopback, protection, site, bits & 7), "{row}");
                    looked_at += 1;
                }
            }
        }
        assert_eq!(looked_at, 16 * 3 * 7);
    }

    fn outcome(found: &Result<Mode, StartRefusal>) -> &'static str {
        match found {
            Ok(Mode::Dev) => "dev",
            Ok(Mode::Site) => "site",
            Ok(Mode::InsecureSite) => "insecure",
            Err(StartRefusal::NoTls { .. }) => "no TLS",
            Err(StartRefusal::NoAuthentication { .. }) => "no authentication",
            Err(StartRefusal::ConsentIncomplete { .. }) => "consent incomplete",
            Err(StartRefusal::InsecureWithoutAuthentication { .. }) => "insecure, nobody proves anything",
            Err(StartRefusal::ConsentWithoutNeed(_)) => "needless consent",
        }
    }

    /// The table written out; the three bits of consent are flag, environment and configuration from the lowest.
    fn expected(is_loopback: bool, protection: Protection, site: bool, consent: u8) -> &'static str {
        let has_flag = consent & 1 != 0;
        match (is_loopback, protection, site) {
            (true, _, _) | (_, Protection::Tls | Protection::MutualTls, _) if has_flag => "needless consent",
            (true, Protection::Clear, _) | (true, Protection::Tls | Protection::MutualTls, false) => "dev",
            (_, Protection::Tls | Protection::MutualTls, true) => "site",
            (false, Protection::Tls | Protection::MutualTls, false) => "no authentication",
            (false, Protection::Clear, site) => match (consent, site) {
                (0 | 2 | 4 | 6, _) => "no TLS",
                (7, true) => "insecure",
                (7, false) => "insecure, nobody proves anything",
                (_, _) => "consent incomplete",
            },
        }
    }

    #[test]
    fn a_refusal_says_what_to_do_and_what_is_missing() {
        let bind: SocketAddr = "0.0.0.0:7410".parse().unwrap();
        let flag = InsecureConsent { flag: true, ..InsecureConsent::default() };
        for (consent, parts) in [
            (InsecureConsent::default(), ["0.0.0.0:7410", "--tls-cert", "--client-ca", "127.0.0.1"]),
            (flag, ["WATCHKEEPER_INSECURE_I_KNOW=1", "insecure_i_know = true", "[site]", "--tls-cert"]),
        ] {
            let text = admit_start(bind, Protection::Clear, true, consent).unwrap_err().to_string();
            for part in parts {
                assert!(text.contains(part), "{part:?} is not in {text}");
            }
            assert!(
                !consent.flag || !text.contains("--insecure-i-know"),
                "what was said is not missing: {text}"
            );
        }
    }
}
