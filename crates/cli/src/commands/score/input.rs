//! A table in a file, with what there is to say about it and how far it was read.

use crate::{
    out::{count, note},
    shutdown::Stop,
};
use anyhow::{Context, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    fs::File,
    path::{Path, PathBuf},
};
use watchkeeper_detect::StackSettings;
use watchkeeper_eval::table::{Role, Row, Table, TimeKind, Wishes};

/// The bar moves, and somebody's wish to end is looked for, once in so many rows.
const ROWS_BETWEEN: u64 = 1_024;
/// So many columns are named before the rest is counted.
const NAMED: usize = 12;

/// A table that is scored, and how it is read.
#[derive(Debug, Args)]
pub(crate) struct TableArguments {
    /// A CSV of numbers over time
    #[arg(value_name = "FILE.csv")]
    pub(crate) file: PathBuf,
    /// Learns from so many first rows, which get no alert; 60 at least
    #[arg(long, value_name = "ROWS", default_value_t = StackSettings::default().calibrate)]
    pub(crate) calibrate: u64,
    /// Leaves a column out; may be given again
    #[arg(long, value_name = "COLUMN")]
    ignore: Vec<String>,
    /// Takes a column as a signal though it is called like a label; may be given again
    #[arg(long, value_name = "COLUMN")]
    keep: Vec<String>,
}

impl TableArguments {
    pub(crate) fn open(&self) -> anyhow::Result<Input> {
        let wishes = Wishes { ignore: self.ignore.clone(), keep: self.keep.clone() };
        Input::open(&self.file, &wishes)
    }
}

/// A table that is read from a file. The bar shows on a terminal only.
pub(crate) struct Input {
    pub(crate) table: Table<File>,
    path: PathBuf,
    bar: ProgressBar,
}

impl Input {
    pub(crate) fn open(path: &Path, wishes: &Wishes) -> anyhow::Result<Self> {
        let reading = || path.display().to_string();
        let file = File::open(path).with_context(reading)?;
        let about = file.metadata().with_context(reading)?;
        ensure!(!about.is_dir(), "{} is a folder", path.display());
        let table = Table::open(file, wishes).with_context(reading)?;
        let bar = ProgressBar::new(about.len());
        let style = "{bar:40} {bytes} of {total_bytes}, {eta} left";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Ok(Self { table, path: path.to_owned(), bar })
    }

    /// Returns the next row; `None` at the end.
    pub(crate) fn next_row(&mut self, stop: &Stop) -> anyhow::Result<Option<Row<'_>>> {
        if self.table.tally().rows.is_multiple_of(ROWS_BETWEEN) {
            stop.check()?;
            self.bar.set_position(self.table.bytes_read());
        }
        let row = self.table.next_row().with_context(|| self.path.display().to_string())?;
        if row.is_none() {
            self.bar.finish_and_clear();
        }
        Ok(row)
    }

    /// Says which columns are signals, and which are left out and why.
    pub(crate) fn note_columns(&self) {
        let table = &self.table;
        let separator = match table.separator() {
            b'\t' => "tabs",
            b';' => "semicolons",
            b'|' => "bars",
            _ => "commas",
        };
        let time = match (table.time_kind(), table.interval_secs()) {
            (TimeKind::RowNumber, _) => "rows are numbered".to_owned(),
            (_, Some(secs)) => format!("a row in {} s", (secs * 1e6).round() / 1e6),
            (_, None) => "no time between rows".to_owned(),
        };
        note(format_args!("{}, between {separator}, {time}", self.called(Role::Signal, "signal")));
        for (role, why) in [
            (Role::Label, "called like labels (--keep COLUMN takes one as a signal)"),
            (Role::Words, "words, no number in the first rows"),
            (Role::Ignored, "by --ignore"),
        ] {
            if table.columns().iter().any(|column| column.role == role) {
                note(format_args!("left out: {}: {why}", self.called(role, "column")));
            }
        }
    }

    fn called(&self, role: Role, what: &str) -> String {
        let names: Vec<&str> = self
            .table
            .columns()
            .iter()
            .filter(|column| column.role == role)
            .map(|column| column.name.as_str())
            .collect();
        let more = if names.len() > NAMED { ", ..." } else { "" };
        let first = names.get(..NAMED).unwrap_or(&names).join(", ");
        format!("{} ({first}{more})", count(names.len() as u64, what))
    }

    /// Says what was met in the rows that changed nothing about them.
    pub(crate) fn note_oddities(&self) {
        let tally = self.table.tally();
        for (number, what, then) in [
            (tally.missing, "missing value", ""),
            (tally.infinite, "infinite value", ": taken as missing"),
            (tally.repeated, "row", " at the time of the row above: scored as any other"),
        ] {
            if number > 0 {
                note(format_args!("{}{then}", count(number, what)));
            }
        }
        if let Some(line) = tally.first_backwards {
            let rows = count(tally.backwards, "row");
            note(format_args!(
                "{rows} before the row above, first in line {line}: scored in the order of the file"
            ));
        }
    }
}
