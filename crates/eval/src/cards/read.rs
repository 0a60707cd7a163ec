//! The transactions, in the order of time.

use flate2::read::GzDecoder;
use std::{fs::File, io, path::Path};
use thiserror::Error;

/// A payment with its labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transaction {
    /// Seconds since the first day began.
    pub at_secs: u64,
    /// Days since then.
    pub day: u32,
    /// Whose card.
    pub customer: u64,
    /// Where.
    pub terminal: u64,
    /// How much.
    pub amount: f64,
    /// Which scenario of fraud; 0 is none.
    pub scenario: u8,
}

impl Transaction {
    /// Returns whether it is fraud.
    pub fn is_fraud(&self) -> bool {
        self.scenario > 0
    }
}

/// Says why the transactions cannot be used.
#[derive(Debug, Error)]
pub enum CardsError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Open {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A row is not what it should be.
    #[error("row {row}: {reason}")]
    Row {
        /// Which, from 1, the head line included.
        row: usize,
        /// What is wrong.
        reason: String,
    },
}

/// Reads `transactions-2018-04-to-06.csv.gz` of a folder.
///
/// # Errors
/// The first row that cannot be used.
pub fn read(folder: &Path) -> Result<Vec<Transaction>, CardsError> {
    let path = folder.join("transactions-2018-04-to-06.csv.gz");
    let open = |source| CardsError::Open { path: path.display().to_string(), source };
    let file = GzDecoder::new(File::open(&path).map_err(open)?);
    let mut found = Vec::new();
    for (index, record) in csv::Reader::from_reader(file).into_records().enumerate() {
        let wrong = |reason: String| CardsError::Row { row: index + 2, reason };
        let record = record.map_err(|error| wrong(error.to_string()))?;
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let whole = |column: usize| {
            cell(column).parse::<u64>().map_err(|error| wrong(format!("column {}: {error}", column + 1)))
        };
        let amount = cell(4).parse().map_err(|error| wrong(format!("column 5: {error}")))?;
        let small = |column: usize, most: u64| {
            whole(column).and_then(|number| {
                if number <= most {
                    Ok(number)
                } else {
                    Err(wrong(format!("column {}: {number}", column + 1)))
                }
            })
        };
        found.push(Transaction {
            at_secs: whole(5)?,
            day: u32::try_from(small(6, 100_000)?).unwrap_or_default(),
            customer: whole(2)?,
            terminal: whole(3)?,
            amount,
            scenario: u8::try_from(small(8, 3)?).unwrap_or_default(),
        });
    }
    Ok(found)
}
