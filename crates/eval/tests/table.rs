//! Tables as other programs write them, and as nobody should.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;
use std::io::{self, Read};
use watchkeeper_eval::table::{Role, Table, TableError, Tally, TimeKind, Wishes};

/// A row: its line, its time as written and in seconds, its values.
type Line = (u64, String, Option<f64>, Vec<Option<f64>>);

/// What a table says, in a form that can be compared.
#[derive(Debug, PartialEq)]
struct Said {
    columns: Vec<(String, Role)>,
    rows: Vec<Line>,
    tally: Tally,
}

fn read_from(input: impl Read) -> Result<Said, TableError> {
    said(&mut Table::open(input, &Wishes::default())?)
}

fn said(table: &mut Table<impl Read>) -> Result<Said, TableError> {
    let mut rows = Vec::new();
    while let Some(row) = table.next_row()? {
        let values = row.values.iter().map(|value| Some(*value).filter(|value| !value.is_nan())).collect();
        rows.push((row.line, row.time.to_owned(), row.at_secs, values));
    }
    let columns = table.columns().iter().map(|column| (column.name.clone(), column.role)).collect();
    Ok(Said { columns, rows, tally: table.tally() })
}

fn read(text: &str) -> Said {
    read_from(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn refused(bytes: impl AsRef<[u8]>) -> String {
    match read_from(bytes.as_ref()) {
        Ok(said) => panic!("taken: {said:?}"),
        Err(error) => error.to_string(),
    }
}

fn values(text: &str) -> Vec<Vec<Option<f64>>> {
    read(text).rows.into_iter().map(|(.., values)| values).collect()
}

#[test]
fn every_separator_and_line_end_gives_the_same_table() {
    let plain = read("time,a,b\n2024-01-01 00:00:00,1.5,2\n2024-01-01 00:01:00,3,4\n");
    assert_eq!(plain.rows.len(), 2);
    assert_eq!(plain.rows[0].3, [Some(1.5), Some(2.0)]);
    assert_eq!(plain.rows[1].2, Some(1_704_067_260.0));
    for separator in [";", "\t", "|"] {
        for end in ["\n", "\r\n"] {
            let text = "time,a,b\n2024-01-01 00:00:00,1.5,2\n2024-01-01 00:01:00,3,4";
            let text = text.replace(',', separator).replace('\n', end);
            assert_eq!(read(&text), plain, "{text:?}");
            assert_eq!(read(&format!("\u{feff}{text}{end}")), plain, "{text:?} behind a mark");
        }
    }
}

#[test]
fn separators_in_quotes_and_decimal_commas_separate_nothing() {
    let said = read("t,\"a, in; bar\",b\n0,\"1\",2\n1,3,4\n");
    assert_eq!(said.columns[1], ("a, in; bar".to_owned(), Role::Signal));
    assert_eq!(values("t;a;b\n2024-01-01;1,5;2,25\n"), [[Some(1.5), Some(2.25)]]);
}

#[test]
fn a_header_may_be_missing_and_names_are_made_unique() {
    let names = |text| read(text).columns.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("0,1,2\n1,2,3\n"), ["column 1", "column 2", "column 3"]);
    assert_eq!(values("0,1,\n1,2,3\n"), [[Some(1.0), None], [Some(2.0), Some(3.0)]]);
    assert_eq!(names("t,a,a,\n0,1,2,3\n"), ["t", "a", "a (column 3)", "column 4"]);
    assert_eq!(names(",0,1\n5,2,3\n"), ["column 1", "0", "1"], "names may be numbers");
    assert_eq!(names("t,a\u{1b}[31m\u{202e}b\n0,1\n"), ["t", "a[31mb"], "no name steers a terminal");
}

#[test]
fn labels_and_words_are_left_out_and_a_wish_counts_more() {
    let text = "t,a,place,Is Anomaly,target,empty\n0,1,north,0,5,\n1,2,south,1,6,\n";
    let roles = |wishes: &Wishes| -> Vec<Role> {
        Table::open(text.as_bytes(), wishes).unwrap().columns().iter().map(|column| column.role).collect()
    };
    let (time, signal, words, label) = (Role::Time, Role::Signal, Role::Words, Role::Label);
    assert_eq!(roles(&Wishes::default()), [time, signal, words, label, label, signal]);
    let wishes = Wishes { ignore: vec!["a".to_owned()], keep: vec!["target".to_owned()] };
    assert_eq!(roles(&wishes), [time, Role::Ignored, words, label, signal, signal]);
    let wishes = Wishes { ignore: vec!["b".to_owned()], ..Wishes::default() };
    let error = Table::open(text.as_bytes(), &wishes).err().unwrap().to_string();
    assert!(error.contains("no column is called \"b\"; there are a, place"), "{error}");
}

#[test]
fn what_is_missing_or_infinite_is_counted_and_stops_nothing() {
    let said = read("t,a,b\n0,,NaN\n1,inf,-Infinity\n2,null,1e999\n3,NA,7\n");
    assert!(said.rows[..3].iter().all(|row| row.3 == [None, None]), "{said:?}");
    assert_eq!(said.rows[3].3, [None, Some(7.0)]);
    assert_eq!((said.tally.rows, said.tally.missing, said.tally.infinite), (4, 4, 3));
}

#[test]
fn times_that_go_back_or_repeat_are_counted_and_rows_stay_in_order() {
    let said = read("t,a\n10.5,1\n20,2\n\n15,3\n15,4\n30,5\n12,6\n");
    let a: Vec<_> = said.rows.iter().map(|row| row.3[0].unwrap()).collect();
    assert_eq!(a, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!((said.tally.backwards, said.tally.first_backwards, said.tally.repeated), (2, Some(5), 1));
}

#[test]
fn rows_that_are_numbered_have_no_time_and_others_say_how_fast_they_come() {
    let open = |text: &'static str| Table::open(text.as_bytes(), &Wishes::default()).unwrap();
    let table = open("n,a\n1,5\n2,6\n3,7\n");
    assert_eq!((table.time_kind(), table.interval_secs()), (TimeKind::RowNumber, None));
    assert_eq!(read("n,a\n1,5\n2,6\n").rows[0].2, None);
    let table =
        open("t,a\n2024-01-01 00:00:00,1\n2024-01-01 00:05:00,1\n2024-01-01 00:10:00,1\n2024-01-02,1\n");
    assert_eq!((table.time_kind(), table.interval_secs()), (TimeKind::Calendar, Some(300.0)));
}

#[test]
fn what_is_no_table_says_what_is_wrong_where() {
    for (text, parts) in [
        ("", &["the file is empty"] as &[_]),
        ("\n\r\n\n", &["the file is empty"]),
        ("just words\nand more\n", &["only one column", "row numbers"]),
        ("1\n2\n3\n", &["only one column"]),
        ("t,a\n", &["a header and no row"]),
        ("t,place,label\n0,north,1\n", &["no column of numbers", "label left out", "place left out"]),
        ("t,a,b\n0,1,2\n1,2\n", &["line 3: 2 cells, the first line has 3"]),
        ("t,a,b\n0,1,2\n\n\"1\n\",1,2\n4,1,2,3\n", &["line 6: 4 cells"]),
        ("t,a\n0,1\n1,2\n2,broken\n", &["line 4, column \"a\": \"broken\" is no number"]),
        ("t,a\n0,1\n,2\n", &["line 3: no time"]),
        ("t,a\n0,1\nnoon,2\n", &["line 3: \"noon\"", "expected a number of seconds"]),
        ("t,a\n01/02/2024,1\n02/02/2024,2\n", &["line 2: \"01/02/2024\"", "YYYY-MM-DD"]),
        ("t,a\n1700000000000,1\n2024-01-01,2\n", &["line 3", "milliseconds since 1970"]),
        ("t,a\n0,1\n1,\u{1b}[2J\u{202e}\n", &["line 3", "\"\\u{1b}[2J\\u{202e}\" is no number"]),
    ] {
        let told = refused(text);
        for part in parts {
            assert!(told.contains(part), "{text:?}: {part:?} is not in {told:?}");
        }
    }
    assert!(refused(b"\xff\xfet\0,\0a\0\n\0").contains("UTF-16"));
    assert!(refused(b"t,a\n0,1\n1,\xff\xfe\n").contains("line 3, column \"a\""));
}

#[test]
fn more_signals_than_can_be_scored_are_refused_with_the_limit() {
    let table = |signals: usize| {
        let cells = |of: &dyn Fn(usize) -> String| (0..signals).map(of).collect::<Vec<_>>().join(",");
        format!("t,{}\n0,{}\n", cells(&|index| format!("s{index}")), cells(&|index| index.to_string()))
    };
    assert_eq!(read(&table(1_024)).rows[0].3.len(), 1_024);
    assert!(refused(table(1_025)).contains("1025 signals, at most 1024"));
    let told = refused(table(20_000));
    assert!(
        told.contains("line 1: more than 4096 columns") && told.contains("at most 1024 signals"),
        "{told}"
    );
}

/// Gives a few bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.0.len()).min(self.1);
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

proptest! {
    #[test]
    fn it_does_not_matter_in_which_pieces_a_file_comes(text in "([0-9;,.|\"\n\r\tat:-]{0,6}[,;\n]){0,60}", piece in 1..9_usize) {
        let whole = read_from(text.as_bytes()).map_err(|error| error.to_string());
        let pieces = read_from(Trickle(text.as_bytes(), piece)).map_err(|error| error.to_string());
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn what_is_written_plainly_is_read_as_it_is(rows in prop::collection::vec(prop::collection::vec(-1e9..1e9_f64, 3), 1..50)) {
        let line = |(index, row): (usize, &Vec<f64>)| format!("{index},{},{},{}\n", row[0], row[1], row[2]);
        let text = "n,a,b,c\n".to_owned() + &rows.iter().enumerate().map(line).collect::<String>();
        let read: Vec<Vec<f64>> = values(&text).into_iter().map(|row| row.into_iter().flatten().collect()).collect();
        prop_assert_eq!(read, rows);
    }
}
