//! The images: what is right, what people said, what the model holds likely.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// How many classes there are.
pub const CLASSES: usize = 10;
/// The truth, the votes and the probabilities.
const COLUMNS: usize = 1 + 2 * CLASSES;

/// One image.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// The class that is right, from 0.
    pub truth: usize,
    /// How many people said each class.
    pub votes: [u32; CLASSES],
    /// The model's probability of each class.
    pub probabilities: [f64; CLASSES],
}

/// All images, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    /// The images.
    pub images: Vec<Image>,
}

/// Says why the data cannot be used.
#[derive(Debug, Error)]
pub enum CorpusError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A row is not what it should be.
    #[error("{}, row {row}: {reason}", path.display())]
    Row {
        /// Which file.
        path: PathBuf,
        /// Which row, from 1.
        row: usize,
        /// What is wrong.
        reason: String,
    },
}

impl Image {
    /// Returns the class that the model announces, the first of equals.
    pub fn announced(&self) -> usize {
        let mut best = (0, f64::NEG_INFINITY);
        for (class, probability) in self.probabilities.iter().enumerate() {
            if *probability > best.1 {
                best = (class, *probability);
            }
        }
        best.0
    }

    /// Returns the model's probability of what it announces.
    pub fn confidence(&self) -> f64 {
        self.probabilities.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// Returns whether the model announces what is right.
    pub fn is_model_right(&self) -> bool {
        self.announced() == self.truth
    }

    /// Returns how many people said something.
    pub fn people(&self) -> u32 {
        self.votes.iter().sum()
    }

    /// Returns the share of people whose answer `is_right` accepts.
    pub fn persons_right(&self, is_right: impl Fn(usize) -> bool) -> f64 {
        let right: u32 = self
            .votes
            .iter()
            .enumerate()
            .filter(|(answer, _)| is_right(*answer))
            .map(|(_, votes)| votes)
            .sum();
        f64::from(right) / f64::from(self.people())
    }
}

impl Corpus {
    /// Reads `resnet-110.csv` of the folder: column 0 is what is right, 1 to 10 are votes, 11 to 20 probabilities; no head line.
    ///
    /// # Errors
    /// The first row that cannot be used.
    pub fn open(folder: &Path) -> Result<Self, CorpusError> {
        let path = folder.join("resnet-110.csv");
        let file = File::open(&path).map_err(|source| CorpusError::Read { path: path.clone(), source })?;
        let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file);
        let mut images = Vec::new();
        for (index, record) in reader.into_records().enumerate() {
            let wrong = |reason: String| CorpusError::Row { path: path.clone(), row: index + 1, reason };
            let record = record.map_err(|error| wrong(error.to_string()))?;
            images.push(image(&record).map_err(wrong)?);
        }
        if images.is_empty() {
            return Err(CorpusError::Row { path, row: 1, reason: "there is none".to_owned() });
        }
        Ok(Self { images })
    }
}

fn image(record: &csv::StringRecord) -> Result<Image, String> {
    if record.len() != COLUMNS {
        return Err(format!("has {} columns, expected {COLUMNS}", record.len()));
    }
    let number = |column: usize| {
        let text = record.get(column).unwrap_or_default().trim();
        text.parse::<f64>().map_err(|_not_a_number| format!("{text:?} is no number"))
    };
    let truth = whole(number(0)?, CLASSES as f64 - 1.0).ok_or("the class is none of 0 to 9")? as usize;
    let (mut votes, mut probabilities) = ([0; CLASSES], [0.0; CLASSES]);
    for (class, (count, probability)) in votes.iter_mut().zip(&mut probabilities).enumerate() {
        *count = whole(number(1 + class)?, 1e6).ok_or("a count of votes is no whole number")?;
        *probability = number(1 + CLASSES + class)?;
        if !(0.0..=1.0).contains(probability) {
            return Err(format!("{probability} is no probability"));
        }
    }
    if votes.iter().all(|count| *count == 0) {
        return Err("nobody has answered".to_owned());
    }
    Ok(Image { truth, votes, probabilities })
}

/// Returns a whole number that is not negative and at most `most`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within bounds")]
fn whole(value: f64, most: f64) -> Option<u32> {
    (value.fract() == 0.0 && (0.0..=most).contains(&value)).then_some(value as u32)
}
