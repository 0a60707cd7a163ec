//! What the first rows say about all of them.

use super::{
    Column, MAX_SIGNALS, Role, TableError, TimeKind, Wishes, cell, is_label,
    records::{Record, Records},
    time,
};
use std::collections::BTreeSet;

/// Separators; where two serve as well, the earlier one counts.
const SEPARATORS: [u8; 4] = *b",;\t|";
/// So many rows are looked at; fewer where they do not fit into what is looked at.
const ROWS: usize = 100;
/// Most characters of a name.
const NAME: usize = 120;

/// What the first rows say.
pub(super) struct Sniffed {
    pub(super) separator: u8,
    pub(super) has_header: bool,
    pub(super) columns: Vec<Column>,
    pub(super) time: TimeKind,
    pub(super) interval_secs: Option<f64>,
}

/// What a cell looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Number,
    Missing,
    Words,
}

fn look(cell: &[u8], separator: u8) -> Look {
    if cell::number(cell, separator).is_some() {
        Look::Number
    } else if cell::is_missing(cell) {
        Look::Missing
    } else {
        Look::Words
    }
}

/// Looks at the beginning of a file; the last record of one that goes on is left out.
pub(super) fn sniff(sample: &[u8], is_whole: bool, wishes: &Wishes) -> Result<Sniffed, TableError> {
    if sample.starts_with(b"\xff\xfe") || sample.starts_with(b"\xfe\xff") {
        return Err(TableError::Utf16);
    }
    let separator = separator(sample, is_whole)?;
    let mut first = None;
    let mut body = Body::new(separator);
    each(sample, is_whole, separator, |record| {
        if first.is_none() {
            first = Some(record.cells().map(<[u8]>::to_vec).collect::<Vec<_>>());
        } else {
            body.times.push(record.get(0).to_vec());
            body.see(record.cells());
        }
    })?;
    let first = first.ok_or(TableError::Empty)?;
    if first.len() < 2 {
        return Err(TableError::OneColumn);
    }
    let has_header = is_header(&first, separator);
    if has_header && body.times.is_empty() {
        return Err(TableError::NoRows);
    }
    let names = names(has_header.then_some(first.as_slice()), first.len());
    if !has_header {
        body.times.insert(0, first.first().cloned().unwrap_or_default());
        body.see(first.iter().map(Vec::as_slice));
    }
    let columns = columns(names, &body, wishes)?;
    let times: Vec<&[u8]> = body.times.iter().map(Vec::as_slice).collect();
    let time = TimeKind::of(&times, separator);
    let interval_secs = interval(time, &times, separator);
    Ok(Sniffed { separator, has_header, columns, time, interval_secs })
}

/// Hands the first records over, all of which are complete.
fn each(
    sample: &[u8],
    is_whole: bool,
    separator: u8,
    mut take: impl FnMut(Record<'_>),
) -> Result<(), TableError> {
    let mut records = Records::new(sample, separator);
    for row in 0..=ROWS {
        match records.advance() {
            Ok(true) if is_whole || !records.is_at_end() => take(records.record()),
            Ok(true) if row == 0 => return Err(TableError::LongRecord { line: records.record().line }),
            Err(error) if row == 0 => return Err(error),
            // What is wrong behind the first rows is told when it is read.
            Ok(_) | Err(_) => break,
        }
    }
    Ok(())
}

/// Returns the separator with which most cells can be read.
fn separator(sample: &[u8], is_whole: bool) -> Result<u8, TableError> {
    let mut best = None;
    let mut problem = None;
    for separator in SEPARATORS.into_iter().filter(|separator| sample.contains(separator)) {
        let (mut columns, mut readable) = (0, 0_usize);
        let tried = each(sample, is_whole, separator, |record| {
            if columns == 0 {
                columns = record.len();
            }
            if record.len() == columns {
                let numbers = record.cells().skip(1).filter(|cell| look(cell, separator) == Look::Number);
                readable += numbers.count() + usize::from(time::seconds(record.get(0), separator).is_some());
            }
        });
        match tried {
            Ok(())
                if columns > 1 && best.is_none_or(|(_, most, wide)| (readable, columns) > (most, wide)) =>
            {
                best = Some((separator, readable, columns));
            }
            Ok(()) => {}
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    match (best, problem) {
        (Some((separator, ..)), _) => Ok(separator),
        (None, Some(error)) => Err(error),
        // The first record says whether there is any.
        (None, None) => Ok(SEPARATORS[0]),
    }
}

/// A first line is a header where its first cell is no time, or where the others have words and no number.
fn is_header(first: &[Vec<u8>], separator: u8) -> bool {
    let mut others = first.iter().skip(1).map(|cell| look(cell, separator));
    let starts_with_time = first.first().is_some_and(|cell| time::seconds(cell, separator).is_some());
    !starts_with_time
        || (others.clone().any(|look| look == Look::Words) && others.all(|look| look != Look::Number))
}

/// What was seen in the first rows.
struct Body {
    separator: u8,
    times: Vec<Vec<u8>>,
    /// Of each column: whether it had a number, and whether it had words.
    seen: Vec<(bool, bool)>,
}

impl Body {
    fn new(separator: u8) -> Self {
        Self { separator, times: Vec::new(), seen: Vec::new() }
    }

    fn see<'a>(&mut self, cells: impl Iterator<Item = &'a [u8]>) {
        for (index, cell) in cells.enumerate() {
            if self.seen.len() <= index {
                self.seen.push((false, false));
            }
            let look = look(cell, self.separator);
            if let Some((number, words)) = self.seen.get_mut(index) {
                *number |= look == Look::Number;
                *words |= look == Look::Words;
            }
        }
    }
}

/// Returns the names of so many columns, no two the same, none that steers a terminal.
fn names(header: Option<&[Vec<u8>]>, count: usize) -> Vec<String> {
    let mut taken = BTreeSet::new();
    (0..count)
        .map(|index| {
            let written = header.and_then(|header| header.get(index)).map(Vec::as_slice).unwrap_or_default();
            let written = written.strip_prefix(b"\xef\xbb\xbf").unwrap_or(written);
            let is_shown =
                |c: &char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            let text = String::from_utf8_lossy(written);
            let name: String = text.trim().chars().filter(is_shown).take(NAME).collect();
            let name = if name.is_empty() { format!("column {}", index + 1) } else { name };
            // Numbers of columns differ, so this ends.
            let name = if taken.contains(&name) { format!("{name} (column {})", index + 1) } else { name };
            taken.insert(name.clone());
            name
        })
        .collect()
}

fn columns(names: Vec<String>, body: &Body, wishes: &Wishes) -> Result<Vec<Column>, TableError> {
    if let Some(name) =
        wishes.ignore.iter().chain(&wishes.keep).find(|name| !names.iter().skip(1).any(|n| n == *name))
    {
        let there: Vec<&str> = names.iter().skip(1).take(20).map(String::as_str).collect();
        let more = if names.len() > 21 { ", ..." } else { "" };
        return Err(TableError::UnknownColumn { name: name.clone(), there: there.join(", ") + more });
    }
    let role = |index: usize, name: &String| {
        if index == 0 {
            Role::Time
        } else if wishes.ignore.contains(name) {
            Role::Ignored
        } else if wishes.keep.contains(name) {
            Role::Signal
        } else if is_label(name) {
            Role::Label
        } else if body.seen.get(index) == Some(&(false, true)) {
            Role::Words
        } else {
            Role::Signal
        }
    };
    let columns: Vec<Column> = names
        .into_iter()
        .enumerate()
        .map(|(index, name)| Column { role: role(index, &name), name })
        .collect();
    let called = |role: Role| -> Vec<String> {
        columns.iter().filter(|column| column.role == role).map(|column| column.name.clone()).collect()
    };
    match columns.iter().filter(|column| column.role == Role::Signal).count() {
        0 => Err(TableError::NoSignals { labels: called(Role::Label), words: called(Role::Words) }),
        found if found > MAX_SIGNALS => Err(TableError::TooManySignals { found }),
        _ => Ok(columns),
    }
}

/// Returns the median of the times that pass between two of the first rows.
fn interval(time: TimeKind, cells: &[&[u8]], separator: u8) -> Option<f64> {
    if time == TimeKind::RowNumber {
        return None;
    }
    let times: Vec<f64> = cells.iter().filter_map(|cell| time.read(cell, separator)).collect();
    let step = |pair: &[f64]| match pair {
        [a, b] => Some(b - a).filter(|step| *step > 0.0 && step.is_finite()),
        _ => None,
    };
    let mut steps: Vec<f64> = times.windows(2).filter_map(step).collect();
    steps.sort_by(f64::total_cmp);
    steps.get(steps.len() / 2).copied()
}
