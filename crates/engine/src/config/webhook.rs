//! Where people who are not at their consoles are called.

use super::{ConfigError, line_of};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, ops::RangeInclusive, time::Duration};

/// Longest address, in bytes.
const MAX_URL: usize = 2_048;
/// How long delivery may be tried, in seconds: from a minute to a week.
const KEEP: RangeInclusive<u64> = 60..=604_800;
/// How long one try may take, in seconds.
const TIMEOUT: RangeInclusive<u64> = 1..=120;

/// Where the server calls people who are not at their consoles; `[webhook]`. The engine makes no use of it: it stands here
/// so that the record holds it. The secret that signs the calls is in a file, and only the file's name is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where calls are posted: https, or http to an address of this machine. The record holds it, so that no secret
    /// belongs into it.
    pub url: String,
    /// The file with the secret. A relative path is taken from the directory of the configuration file where `serve` reads
    /// one, else from the working directory.
    pub secret_file: String,
    /// For how many seconds the delivery of one call is tried, 60 to 604,800.
    #[serde(default = "keep_secs")]
    pub keep_secs: u64,
    /// How many seconds one try may take, 1 to 120.
    #[serde(default = "timeout_secs")]
    pub timeout_secs: u64,
}

/// What an address without a scheme that we speak is told.
const NO_SCHEME: &str = "must begin with https://";

const fn keep_secs() -> u64 {
    86_400
}

const fn timeout_secs() -> u64 {
    10
}

/// Why an address cannot be called.
fn fault_of(url: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = url.split_once("://") else { return Some(NO_SCHEME) };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_graphic() && c != '\\' && c != '#';
    if url.len() > MAX_URL {
        return Some("has more than 2,048 bytes");
    }
    if !url.chars().all(is_plain) {
        return Some("may hold no spaces, no `#`, no backslash, and nothing beyond ASCII");
    }
    if authority.contains('@') {
        return Some("may hold no user and no password: the record would hold them");
    }
    let host = host_of(authority);
    if host.is_empty() {
        return Some("names no host");
    }
    match scheme {
        "https" => None,
        "http" if host.parse().is_ok_and(|address: IpAddr| address.is_loopback()) => None,
        "http" => Some(
            "would travel in the clear: use https, or http to an address of this machine, such as http://127.0.0.1:9000/",
        ),
        _ => Some(NO_SCHEME),
    }
}

/// Returns the host without its port and without the brackets of IPv6.
fn host_of(authority: &str) -> &str {
    if let Some(bracketed) = authority.strip_prefix('[') {
        return bracketed.split_once(']').map_or("", |(host, _)| host);
    }
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

impl Webhook {
    /// The table as a comment: what `serve --print-config` shows of it, since it has no default.
    pub const EXAMPLE: &str =
        "# Calls people who are not at their consoles; off unless it is written (docs/paging.md).
# [webhook]
# url = \"https://pager.example/calls\"
# secret_file = \"pager.secret\"
# keep_secs = 86400
# timeout_secs = 10";

    /// Returns how long the delivery of one call is tried.
    pub const fn keep(&self) -> Duration {
        Duration::from_secs(self.keep_secs)
    }

    /// Returns how long one try may take.
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs)
    }

    /// Checks what was written; `text` is the whole file, for the lines.
    pub(super) fn check(&self, text: &str) -> Result<(), ConfigError> {
        let fault = |field: &str, reason: String| ConfigError::Value {
            line: line_of(text, field, "[webhook]"),
            field: format!("webhook.{field}"),
            reason,
        };
        if let Some(reason) = fault_of(&self.url) {
            return Err(fault("url", reason.to_owned()));
        }
        if self.secret_file.trim().is_empty() {
            return Err(fault("secret_file", "names no file".to_owned()));
        }
        for (field, found, range) in
            [("keep_secs", self.keep_secs, KEEP), ("timeout_secs", self.timeout_secs, TIMEOUT)]
        {
            if !range.contains(&found) {
                let reason = format!("is {found}: must be {} to {}", range.start(), range.end());
                return Err(fault(field, reason));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn fault(text: &str) -> (usize, String, String) {
        match Config::parse(text).unwrap_err() {
            ConfigError::Value { line, field, reason } => (line, field, reason),
            ConfigError::Syntax { line, reason, .. } => (line, String::new(), reason),
        }
    }

    fn with_url(url: &str) -> String {
        format!("[webhook]\nsecret_file = \"s\"\nurl = \"{url}\"\n")
    }

    #[test]
    fn what_is_left_out_has_its_default_and_the_record_holds_the_table() {
        let config = Config::parse(&with_url("https://pager.example/calls")).unwrap();
        let webhook = config.webhook.clone().unwrap();
        assert_eq!((webhook.keep_secs, webhook.timeout_secs), (86_400, 10));
        assert_eq!(Config::parse(&config.to_toml()).unwrap(), config);
        assert_eq!(Config::parse("").unwrap().webhook, None);
    }

    #[test]
    fn only_https_or_this_machine_can_be_called() {
        for good in [
            "https://pager.example",
            "https://10.0.0.5:8443/a?b=c",
            "http://127.0.0.1:9000/",
            "http://127.8.0.1/x",
            "http://[::1]:9000/",
        ] {
            assert!(Config::parse(&with_url(good)).is_ok(), "{good}");
        }
        for bad in [
            "http://pager.example/",
            "http://10.0.0.5/",
            "http://localhost/",
            "http://127.0.0.1.example/",
            "http://127.0.0.1@pager.example/",
            "https://user:word@pager.example/",
            "http://0.0.0.0/",
            "http://[::]/",
            "https:///calls",
            "https://:443/",
            "ftp://pager.example/",
            "HTTPS://pager.example/",
            "pager.example",
            "",
            "https://pager.example/ x",
            "https://pager.example/#x",
            "http://127.0.0.1:80\\\\@pager.example/",
        ] {
            let (line, field, reason) = fault(&with_url(bad));
            assert_eq!((line, field.as_str()), (3, "webhook.url"), "{bad}: {reason}");
        }
        assert!(fault(&with_url("http://pager.example/")).2.contains("use https"));
    }

    #[test]
    fn a_value_that_cannot_work_is_named_with_its_line() {
        let text = with_url("https://pager.example/");
        for (more, field) in [
            ("keep_secs = 59", "webhook.keep_secs"),
            ("keep_secs = 604801", "webhook.keep_secs"),
            ("timeout_secs = 0", "webhook.timeout_secs"),
            ("timeout_secs = 121", "webhook.timeout_secs"),
        ] {
            let (line, found, reason) = fault(&format!("{text}{more}\n"));
            assert_eq!((line, found.as_str()), (4, field), "{reason}");
        }
        let (line, _, reason) = fault(&format!("{text}secret = \"whsec_\"\n"));
        assert!(line == 4 && reason.contains("secret"), "the secret does not belong here: {line} {reason}");
        assert_eq!(fault(&text.replace("\"s\"", "\"\"")).1, "webhook.secret_file");
        assert!(fault("[webhook]\nurl = \"https://pager.example/\"\n").2.contains("secret_file"));
    }

    #[test]
    fn the_example_can_be_used_once_its_marks_are_taken_away() {
        let bare: String = Webhook::EXAMPLE
            .lines()
            .skip(1)
            .fold(String::new(), |text, line| text + line.strip_prefix("# ").unwrap() + "\n");
        let webhook = Config::parse(&bare).unwrap().webhook.unwrap();
        assert_eq!((webhook.keep_secs, webhook.timeout_secs), (keep_secs(), timeout_secs()));
    }
}
