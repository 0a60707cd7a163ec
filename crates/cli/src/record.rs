//! Reading the record of a data directory.

use anyhow::Context;
use clap::Args;
use serde::de::DeserializeOwned;
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};
use watchkeeper_ledger::{DirReader, Record};
use watchkeeper_model::WallTime;
use watchkeeper_protocol::record::record_type;
use watchkeeper_server::ledger_dir;

/// Which record.
#[derive(Clone, Debug, Args)]
pub(crate) struct DataArguments {
    /// The monitor's data directory; reading it beside a running monitor is safe
    #[arg(long, value_name = "DIR", default_value = "./watchkeeper-data")]
    pub(crate) data: PathBuf,
}

impl DataArguments {
    /// Opens the record for reading.
    pub(crate) fn open(&self) -> anyhow::Result<DirReader> {
        open(&self.data)
    }
}

/// How a takeover ended of which the record does not say it; one that stands in the record is always over.
pub(crate) const HOW_UNKNOWN: &str = "how it ended is unknown";

/// Opens the record of a data directory for reading.
pub(crate) fn open(data: &Path) -> anyhow::Result<DirReader> {
    let directory = ledger_dir(data);
    DirReader::open(&directory).with_context(|| {
        format!(
            "there is no record in {}: name the data directory of `serve` with --data DIR",
            directory.display()
        )
    })
}

/// Decodes the payload of a record.
pub(crate) fn decode<T: DeserializeOwned>(record: &Record) -> anyhow::Result<T> {
    rmp_serde::from_slice(&record.payload).with_context(|| {
        format!(
            "record {} is no {} that this version of the program understands",
            record.sequence,
            type_word(record.record_type)
        )
    })
}

/// The types of records and their names.
pub(crate) const TYPES: [(u16, &str); 5] = [
    (record_type::INPUT, "input"),
    (record_type::AUTHORITY, "authority"),
    (record_type::TAKEOVER, "takeover"),
    (record_type::DIGEST, "digest"),
    (record_type::PAGE, "page"),
];

/// Returns the name of a type of record.
pub(crate) fn type_word(record_type: u16) -> &'static str {
    TYPES.iter().find(|(number, _)| *number == record_type).map_or("unknown", |(_, word)| word)
}

/// Returns a wall-clock time for people, in UTC.
pub(crate) fn wall(at: WallTime) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at.as_unix_nanos()))
        .map_or_else(|_| "an impossible time".to_owned(), |at| format!("{at:.3}"))
}

/// Returns bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes every write");
        text
    })
}
