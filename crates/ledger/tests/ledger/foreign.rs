//! The verifier in Python, which shares no code with this crate.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::directory::write;
use crate::support::{extent, records};
use watchkeeper_ledger::{DirReader, DirStorage};

/// Runs verify.py; `None` where there is no python3.
fn python(directory: &Path, head: &str) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verify.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(directory);
    if !head.is_empty() {
        command.arg(head);
    }
    match command.output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("python3: {error}"),
    }
}

#[test]
fn a_verifier_written_from_the_format_page_agrees() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, heads) = write(DirStorage::open(directory.path()).unwrap());
    drop(ledger);
    let Some(output) = python(directory.path(), &heads[40].to_string()) else {
        println!("skipped: no python3");
        return;
    };
    let text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output).contains(&heads[99].to_string()), "{output:?}");

    let wrong = heads[40].to_string().replace("41 ", "42 ");
    let output = python(directory.path(), &wrong).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("record 42"), "{output:?}");

    let reader = DirReader::open(directory.path()).unwrap();
    let all = records(&reader);
    for index in [0, 33, 99] {
        let record = &all[index];
        let path = directory.path().join(format!("segment-{:010}.wkl", record.segment));
        let whole = fs::read(&path).unwrap();
        for at in [extent(record).start, extent(record).start + 37, extent(record).end - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            let output = python(directory.path(), "").unwrap();
            assert_eq!(output.status.code(), Some(1), "byte {at}: {output:?}");
            assert!(text(&output).contains(&format!("record {}", record.sequence)), "byte {at}: {output:?}");
        }
        fs::write(&path, &whole).unwrap();
    }

    let last = all.last().unwrap();
    let path = directory.path().join(format!("segment-{:010}.wkl", last.segment));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..extent(last).start]).unwrap();
    assert_eq!(python(directory.path(), "").unwrap().status.code(), Some(0));
    let output = python(directory.path(), &heads[99].to_string()).unwrap();
    assert_eq!(output.status.code(), Some(1), "a clean cut is found by the head");
    assert!(text(&output).contains("record 100"), "{output:?}");
}
