//! Row scores of published detectors, and what NAB publishes of all.

use super::{Corpus, Scores};
use flate2::read::GzDecoder;
use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Published scores: detector, then profile.
pub type Published = BTreeMap<String, BTreeMap<String, f64>>;

/// Says why stored results cannot be used.
#[derive(Debug, Error)]
pub enum StoredError {
    /// A file cannot be read, or is not what its name says.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds no scores for a series, or not as many as the series has rows.
    #[error("{}: {series}: {found} scores for {rows} rows", path.display())]
    Rows {
        /// Which archive.
        path: PathBuf,
        /// Which series.
        series: String,
        /// How many scores it has.
        found: usize,
        /// How many rows the series has.
        rows: usize,
    },
}

/// Returns the row scores of a detector whose results are stored beside the corpus, for example `numenta`.
///
/// # Errors
/// See [`StoredError`].
pub fn stored(folder: &Path, detector: &str, corpus: &Corpus) -> Result<Scores, StoredError> {
    let path = folder.join("results").join(format!("{detector}.tar.gz"));
    let read = |source| StoredError::Read { path: path.clone(), source };
    let file = File::open(&path).map_err(read)?;
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    let mut found: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for entry in archive.entries().map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.path().map_err(read)?.to_string_lossy().into_owned();
        // `numenta/realKnownCause/numenta_nyc_taxi.csv` is of `realKnownCause/nyc_taxi.csv`.
        let Some((folder, file)) =
            name.strip_prefix(&format!("{detector}/")).and_then(|rest| rest.split_once('/'))
        else {
            continue;
        };
        let Some(file) = file.strip_prefix(&format!("{detector}_")) else { continue };
        found.insert(format!("{folder}/{file}"), scores(entry).map_err(read)?);
    }
    let of = |series: &super::Series| {
        let scores = found.remove(&series.name).unwrap_or_default();
        if scores.len() == series.rows.len() {
            return Ok(scores);
        }
        let (found, rows) = (scores.len(), series.rows.len());
        Err(StoredError::Rows { path: path.clone(), series: series.name.clone(), found, rows })
    };
    corpus.series.iter().map(of).collect()
}

fn scores(csv: impl io::Read) -> io::Result<Vec<f64>> {
    let mut reader = csv::Reader::from_reader(csv);
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let column = reader.headers()?.iter().position(|name| name == "anomaly_score");
    let column = column.ok_or_else(|| wrong("no column is called anomaly_score"))?;
    let score = |record: csv::StringRecord| {
        let text = record.get(column).unwrap_or_default();
        text.parse().map_err(|_not_a_number| wrong(&format!("{text:?} is no score")))
    };
    reader.into_records().map(|record| record.map_err(io::Error::from).and_then(score)).collect()
}

/// Returns what NAB publishes: every detector's score under every profile.
///
/// # Errors
/// When the file cannot be read.
pub fn published(folder: &Path) -> Result<Published, StoredError> {
    let path = folder.join("results/final_results.json");
    let read = |source| StoredError::Read { path: path.clone(), source };
    let text = std::fs::read_to_string(&path).map_err(read)?;
    serde_json::from_str(&text).map_err(|error| read(error.into()))
}
