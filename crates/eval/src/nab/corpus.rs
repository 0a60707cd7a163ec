//! The series and their labelled windows.

use crate::table::TimeKind;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// One row of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// When, as it is written: the order of the text is that of time.
    pub time: String,
    /// The value; NaN where it is missing.
    pub value: f64,
}

impl Row {
    /// Returns its time in seconds since 1970; `None` where it is no time.
    pub fn at_secs(&self) -> Option<f64> {
        TimeKind::Calendar.read(self.time.as_bytes(), b',')
    }
}

/// One series with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Folder and file, for example `realKnownCause/nyc_taxi.csv`.
    pub name: String,
    /// Its rows, in order.
    pub rows: Vec<Row>,
    /// Labelled windows: first and last row, both inside, in order.
    pub windows: Vec<(usize, usize)>,
}

/// All series, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    /// The series.
    pub series: Vec<Series>,
}

/// Says why the data cannot be used.
#[derive(Debug, Error)]
pub enum CorpusError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The labels are not what they should be.
    #[error("{}: {reason}", path.display())]
    Labels {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A row is not what it should be.
    #[error("{}, row {row}: {reason}", path.display())]
    Row {
        /// Which file.
        path: PathBuf,
        /// Which row, from 1, the head line included.
        row: usize,
        /// What is wrong.
        reason: String,
    },
}

impl Corpus {
    /// Reads the benchmark's folder, which holds `labels/combined_windows.json` and the series it names.
    ///
    /// # Errors
    /// The first file that cannot be used, and where.
    pub fn open(folder: &Path) -> Result<Self, CorpusError> {
        let series = labels(folder)?.into_iter().map(|(name, windows)| Series::read(folder, name, windows));
        Ok(Self { series: series.collect::<Result<_, _>>()? })
    }

    /// Returns how many rows there are in all.
    pub fn rows(&self) -> usize {
        self.series.iter().map(|series| series.rows.len()).sum()
    }

    /// Returns how many windows there are in all.
    pub fn windows(&self) -> usize {
        self.series.iter().map(|series| series.windows.len()).sum()
    }
}

impl Series {
    /// Reads one series of the benchmark's folder by its name.
    ///
    /// # Errors
    /// No series of this name, or what cannot be used of it, and where.
    pub fn open(folder: &Path, name: &str) -> Result<Self, CorpusError> {
        let mut labels = labels(folder)?;
        let Some(windows) = labels.remove(name) else {
            let known =
                labels.keys().next().map(|known| format!("; one is called {known}")).unwrap_or_default();
            return Err(wrong(folder, format!("there is no series {name:?}{known}")));
        };
        Self::read(folder, name.to_owned(), windows)
    }

    fn read(folder: &Path, name: String, windows: Value) -> Result<Self, CorpusError> {
        let times: Vec<(String, String)> =
            serde_json::from_value(windows).map_err(|error| wrong(folder, format!("{name}: {error}")))?;
        let rows = rows(&folder.join(&name))?;
        let windows = times
            .iter()
            .map(|(first, last)| {
                window(&rows, first, last)
                    .ok_or_else(|| wrong(folder, format!("{name}: no row is within {first} to {last}")))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { name, rows, windows })
    }
}

/// Where the labelled windows are.
fn labels_path(folder: &Path) -> PathBuf {
    folder.join("labels/combined_windows.json")
}

fn wrong(folder: &Path, reason: String) -> CorpusError {
    CorpusError::Labels { path: labels_path(folder), reason }
}

/// Reads the labelled windows of every series by its name.
fn labels(folder: &Path) -> Result<BTreeMap<String, Value>, CorpusError> {
    let path = labels_path(folder);
    let text = fs::read_to_string(&path).map_err(|source| CorpusError::Read { path, source })?;
    serde_json::from_str(&text).map_err(|error| wrong(folder, error.to_string()))
}

fn rows(path: &Path) -> Result<Vec<Row>, CorpusError> {
    let file = fs::File::open(path).map_err(|source| CorpusError::Read { path: path.to_owned(), source })?;
    let mut found = Vec::new();
    for (index, record) in csv::Reader::from_reader(file).into_records().enumerate() {
        let wrong = |reason: String| CorpusError::Row { path: path.to_owned(), row: index + 2, reason };
        let record = record.map_err(|error| wrong(error.to_string()))?;
        let (Some(time), Some(value)) = (record.get(0), record.get(1)) else {
            return Err(wrong("has fewer than two columns".to_owned()));
        };
        let value = match value.trim() {
            "" => f64::NAN,
            text => text.parse().map_err(|_not_a_number| wrong(format!("{text:?} is no number")))?,
        };
        found.push(Row { time: time.to_owned(), value });
    }
    Ok(found)
}

/// Returns the first and last row within two times; labels carry fractions of seconds that rows do not.
fn window(rows: &[Row], first: &str, last: &str) -> Option<(usize, usize)> {
    let whole = |time: &str| time.split('.').next().unwrap_or_default().to_owned();
    let (first, last) = (whole(first), whole(last));
    let from = rows.iter().position(|row| row.time >= first)?;
    let to = rows.iter().rposition(|row| row.time <= last)?;
    (from <= to).then_some((from, to))
}
