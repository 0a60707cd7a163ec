//! The Skoltech Anomaly Benchmark (Katser and Kozitsin 2020): 34 runs of a testbed of valves, pump and tank, 8 sensors once a
//! second, each row labelled. The first [`CALIBRATION`] rows of a run calibrate and are not scored.
//!
//! More than half of the scored rows are anomalous: "always alarm" has F1 0.698. So F1 is given with the false-alarm rate.

use crate::ranking::{Ranking, Step};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Rows at the beginning of each run that are not scored.
pub const CALIBRATION: usize = 400;
/// Sensors of a row.
pub const SENSORS: usize = 8;

/// One run of the testbed.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Folder and file, for example `valve1/0.csv`.
    pub name: String,
    /// Its rows, once a second.
    pub rows: Vec<[f64; SENSORS]>,
    /// Whether each row is labelled anomalous.
    pub labels: Vec<bool>,
}

/// Says why the data cannot be used.
#[derive(Debug, Error)]
pub enum SkabError {
    /// A file or folder cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A row is not what it should be.
    #[error("{}, line {line}: {reason}", path.display())]
    Row {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1, the head line included.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// Reads the runs of the folders `valve1`, `valve2` and `other`, by name.
///
/// # Errors
/// The first file that cannot be used, and where.
pub fn read(folder: &Path) -> Result<Vec<Run>, SkabError> {
    let mut runs = Vec::new();
    for part in ["other", "valve1", "valve2"] {
        let path = folder.join(part);
        let failed = |source| SkabError::Read { path: path.clone(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            files.push(entry.map_err(failed)?.path());
        }
        files.retain(|file| file.extension().is_some_and(|extension| extension == "csv"));
        files.sort();
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let (rows, labels) = rows(&file)?;
            runs.push(Run { name: format!("{part}/{name}"), rows, labels });
        }
    }
    Ok(runs)
}

type Rows = (Vec<[f64; SENSORS]>, Vec<bool>);

fn rows(path: &Path) -> Result<Rows, SkabError> {
    let file = fs::File::open(path).map_err(|source| SkabError::Read { path: path.to_owned(), source })?;
    let reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(file);
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for (index, record) in reader.into_records().enumerate() {
        let wrong = |reason: String| SkabError::Row { path: path.to_owned(), line: index + 2, reason };
        let record = record.map_err(|error| wrong(error.to_string()))?;
        let mut numbers = record.iter().skip(1).map(|text| {
            text.trim().parse::<f64>().map_err(|_not_a_number| wrong(format!("{text:?} is no number")))
        });
        let mut next = || numbers.next().unwrap_or_else(|| Err(wrong("has too few columns".to_owned())));
        let mut row = [0.0; SENSORS];
        for value in &mut row {
            *value = next()?;
        }
        rows.push(row);
        labels.push(next()? > 0.5);
    }
    Ok((rows, labels))
}

/// How alarms at one threshold are, over all scored rows of all runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtThreshold {
    /// Rows alarm from this score on.
    pub threshold: f64,
    /// Harmonic mean of precision and recall, 0 to 1.
    pub f1: f64,
    /// Share of the rows that are not anomalous and alarm, 0 to 1.
    pub false_alarm_rate: f64,
}

/// Scored rows of all runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Pooled(Ranking);

impl Pooled {
    /// Takes the scores of every row of every run, in the runs' order.
    pub fn new<'a>(runs: &'a [Run], scores: &'a [Vec<f64>]) -> Self {
        let scored = |(run, scores): (&'a Run, &'a Vec<f64>)| {
            scores.iter().copied().zip(run.labels.iter().copied()).skip(CALIBRATION)
        };
        Self(Ranking::new(runs.iter().zip(scores).flat_map(scored).collect()))
    }

    /// Returns how many rows there are.
    pub const fn rows(&self) -> usize {
        self.0.len()
    }

    /// Returns every threshold with what it gives, the highest first.
    fn thresholds(&self) -> impl Iterator<Item = AtThreshold> {
        let anomalous = self.0.wanted();
        let usual = self.0.len() - anomalous;
        self.0.steps().map(move |Step { threshold, hits, false_alarms }| AtThreshold {
            threshold,
            f1: 2.0 * hits as f64 / (hits + false_alarms + anomalous) as f64,
            false_alarm_rate: false_alarms as f64 / usual.max(1) as f64,
        })
    }

    /// Returns the area under the receiver operating characteristic: how often an anomalous row scores above one that is
    /// not, 0 to 1, a tie counting half.
    pub fn auc(&self) -> f64 {
        self.0.auc()
    }

    /// Returns what rows from a threshold on give.
    pub fn at(&self, threshold: f64) -> AtThreshold {
        let none = AtThreshold { threshold, f1: 0.0, false_alarm_rate: 0.0 };
        let last = self.thresholds().take_while(|at| at.threshold >= threshold).last();
        last.map_or(none, |at| AtThreshold { threshold, ..at })
    }

    /// Returns the threshold with the highest F1 among those with so few false alarms: tuned on the labels.
    pub fn best(&self, false_alarm_rate: f64) -> AtThreshold {
        let none = AtThreshold { threshold: f64::INFINITY, f1: 0.0, false_alarm_rate: 0.0 };
        self.thresholds()
            .filter(|at| at.false_alarm_rate <= false_alarm_rate)
            .fold(none, |best, at| if at.f1 > best.f1 { at } else { best })
    }
}
