//! One call to people who are not at their consoles, as it is sent and as it is kept until it was taken.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use thiserror::Error;
use watchkeeper_model::{AgentId, AgentKind, AlertId, DemandId, Incarnation, Note, PageReason, WallTime};
use watchkeeper_protocol::record::Page;

/// Version of what is kept.
const FORMAT: u32 = 1;
/// Longest id, in bytes; ours are shorter.
const MAX_ID: usize = 64;

/// Names a call: the same at every try and after every restart, so that a receiver can tell a second delivery.
///
/// It is a file's name too, and the signature joins it to other fields by dots: hence small letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallId(String);

impl CallId {
    /// Returns the id of the one call that is made about a demand for one reason. Numbers of demands are not used again.
    pub(crate) fn of(demand_id: DemandId, reason: PageReason) -> Self {
        Self(format!("page-{demand_id}-{reason}"))
    }

    fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let fits = (1..=MAX_ID).contains(&text.len()) && text.bytes().all(is_plain);
        fits.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One call. Its body is made once: what is signed again must be the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) id: CallId,
    pub(crate) made_at: WallTime,
    pub(crate) body: String,
}

/// The body, in the form of the Standard Webhooks specification.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    reason: PageReason,
    summary: String,
    demand_id: DemandId,
    agent: &'a AgentId,
    kind: AgentKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert_id: Option<AlertId>,
    left_secs: f64,
    text: &'a Note,
    incarnation: Incarnation,
}

impl Call {
    /// Makes the call of a page that the engine emitted at `made_at`.
    pub(crate) fn new(page: &Page, incarnation: Incarnation, made_at: WallTime) -> Self {
        let left_secs = (page.left_nanos / 1_000_000) as f64 / 1_000.0;
        let body = Body {
            kind: "takeover.page",
            timestamp: rfc3339(made_at),
            data: Data {
                reason: page.reason,
                summary: summary(page, left_secs),
                demand_id: page.demand_id,
                agent: &page.agent,
                kind: page.kind,
                alert_id: page.alert_id,
                left_secs,
                text: &page.text,
                incarnation,
            },
        };
        let body = serde_json::to_string(&body).expect("a call is text, numbers and names");
        Self { id: CallId::of(page.demand_id, page.reason), made_at, body }
    }

    /// Writes it as it is kept.
    pub(crate) fn to_kept(&self) -> String {
        let kept = Kept {
            format: FORMAT,
            id: self.id.0.clone(),
            made_at_unix_nanos: self.made_at.as_unix_nanos(),
            body: self.body.clone(),
            sha256: digest(&self.id.0, self.made_at, &self.body),
        };
        serde_json::to_string(&kept).expect("what is kept is text and numbers") + "\n"
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn from_kept(text: &[u8]) -> Result<Self, KeptError> {
        let kept: Kept = serde_json::from_slice(text).map_err(|error| KeptError::Form(error.to_string()))?;
        if kept.format != FORMAT {
            return Err(KeptError::Format(kept.format));
        }
        let made_at = WallTime::from_unix_nanos(kept.made_at_unix_nanos);
        if kept.sha256 != digest(&kept.id, made_at, &kept.body) {
            return Err(KeptError::Digest);
        }
        let id = CallId::parse(&kept.id).ok_or(KeptError::Id)?;
        Ok(Self { id, made_at, body: kept.body })
    }
}

/// Why what was kept is no call.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum KeptError {
    #[error("it is not the JSON of a call: {0}")]
    Form(String),
    #[error("it is of format {0}, and this program reads {FORMAT}")]
    Format(u32),
    #[error("it was changed since it was written")]
    Digest,
    #[error("its id is none of ours, or is not the one in its name")]
    Id,
}

/// A call as a file holds it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    format: u32,
    id: String,
    made_at_unix_nanos: i64,
    body: String,
    /// Over everything else: a disk that lies must not call people about something else.
    sha256: String,
}

fn digest(id: &str, made_at: WallTime, body: &str) -> String {
    let mut sha = Sha256::new();
    // The length keeps one field from running into the next.
    sha.update(format!("{}.{id}.{}.", id.len(), made_at.as_unix_nanos()).as_bytes());
    sha.update(body.as_bytes());
    STANDARD.encode(sha.finalize())
}

/// Says in one line what a pager shows.
fn summary(page: &Page, left_secs: f64) -> String {
    let (agent, kind, text) = (&page.agent, page.kind, page.text.as_str());
    let why = match page.reason {
        PageReason::NobodyOnline => "nobody who may take over is at a console",
        PageReason::NotShown => "no console of anybody who may take over has shown the alert",
        PageReason::Unanswered => "everybody was asked and nobody has taken over",
        PageReason::FellBack => "its time is over, and it fell back by itself",
    };
    let left = if page.left_nanos == 0 { String::new() } else { format!(", {left_secs:.1} s left") };
    format!("{agent} ({kind}) needs a person: {why}{left}. {text}")
}

fn rfc3339(time: WallTime) -> String {
    let nanos = i128::from(time.as_unix_nanos());
    jiff::Timestamp::from_nanosecond(nanos).expect("64 bits of nanoseconds end in the year 2262").to_string()
}
