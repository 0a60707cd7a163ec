//! Labelled windows: pairs of times in a file.

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::{fs::File, io::Read, path::Path};
use watchkeeper_eval::table::TimeKind;

/// Most bytes of a file of windows.
const MAX_BYTES: u64 = 16 << 20;

/// Reads the windows of `series`, in seconds or numbers of rows, as the kind of time has it.
pub(super) fn read(path: &Path, series: &str, kind: TimeKind) -> anyhow::Result<Vec<(f64, f64)>> {
    let name = || path.display().to_string();
    let mut text = String::new();
    let file = File::open(path).with_context(name)?;
    let size = file.take(MAX_BYTES + 1).read_to_string(&mut text).with_context(name)?;
    ensure!(size as u64 <= MAX_BYTES, "{}: more than {MAX_BYTES} bytes", path.display());
    parse(&text, series, kind).with_context(name)
}

fn parse(text: &str, series: &str, kind: TimeKind) -> anyhow::Result<Vec<(f64, f64)>> {
    let pairs =
        if text.trim_start().starts_with(['[', '{']) { json(text, series)? } else { table(text, kind)? };
    let read = |text: &str| {
        kind.read(text.as_bytes(), b',')
            .with_context(|| format!("{text:?} is no time; expected {}", kind.words()))
    };
    let window = |(first, last): &(String, String)| {
        let (from, to) = (read(first)?, read(last)?);
        ensure!(from <= to, "a window ends before it begins: {first} to {last}");
        Ok((from, to))
    };
    pairs.iter().map(window).collect()
}

fn json(text: &str, series: &str) -> anyhow::Result<Vec<(String, String)>> {
    let all: Value = serde_json::from_str(text)?;
    let list = match all.as_object() {
        Some(named) => {
            let is_it = |key: &str| key == series || key.rsplit('/').next() == Some(series);
            let list = named
                .iter()
                .find(|(key, _)| is_it(key))
                .or_else(|| named.iter().next().filter(|_| named.len() == 1));
            list.map(|(_, list)| list).with_context(|| format!("no windows under the name of {series}"))?
        }
        None => &all,
    };
    let time = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([first, last]) => {
            time(first).zip(time(last)).with_context(|| format!("{value} is no pair of times"))
        }
        _ => bail!("{value} is no pair of times"),
    };
    list.as_array().context("no list of pairs of times")?.iter().map(pair).collect()
}

/// Reads two columns; a first line that is no time is a header.
fn table(text: &str, kind: TimeKind) -> anyhow::Result<Vec<(String, String)>> {
    let separator = if text.lines().next().is_some_and(|line| line.contains(';')) { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(separator)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut pairs = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record?;
        let cells: Vec<&str> = record.iter().collect();
        let [first, last] = cells.as_slice() else {
            bail!("line {}: {} columns; a window has two, its first and last time", index + 1, cells.len())
        };
        if index > 0 || kind.read(first.as_bytes(), b',').is_some() {
            pairs.push(((*first).to_owned(), (*last).to_owned()));
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_as_json_alone_or_by_name_and_as_csv() {
        for text in [
            r#"[["1970-01-01 00:00:10", "1970-01-01T00:00:20Z"]]"#,
            r#"{"x/a.csv": [["1970-01-01 00:00:10.000", "1970-01-01 00:00:20"]], "x/b.csv": []}"#,
            "start,end\n1970-01-01 00:00:10,1970-01-01 00:00:20\n",
            "1970-01-01 00:00:10;1970-01-01 00:00:20",
        ] {
            assert_eq!(parse(text, "a.csv", TimeKind::Calendar).unwrap(), [(10.0, 20.0)], "{text}");
        }
        assert_eq!(parse("[[3, 9]]", "a.csv", TimeKind::RowNumber).unwrap(), [(3.0, 9.0)]);
    }

    #[test]
    fn what_is_no_window_is_said() {
        for (text, part) in [
            ("[[1]]", "[1] is no pair"),
            ("{\"b.csv\": [], \"c.csv\": []}", "no windows under the name of a.csv"),
            ("[[1, 2]]", "is no time; expected RFC 3339"),
            ("[[\"2024-01-02\", \"2024-01-01\"]]", "ends before it begins"),
            ("2024-01-01\n", "line 1: 1 columns"),
            ("[", "EOF"),
        ] {
            let error = format!("{:#}", parse(text, "a.csv", TimeKind::Calendar).unwrap_err());
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
