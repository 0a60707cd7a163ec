use std::fs;
use std::io::ErrorKind;

use crate::support::{DEPLOYMENT, payload, records};
use watchkeeper_ledger::{DirReader, DirStorage, Head, Ledger, Options, ReadStorage, Storage, verify};

fn options() -> Options {
    Options { segment_bytes: 4_096, preallocate_bytes: 1_024, ..Options::new(DEPLOYMENT) }
}

/// Writes a ledger of several segments on a real disk and returns all heads.
pub(crate) fn write(storage: DirStorage) -> (Ledger<DirStorage>, Vec<Head>) {
    let (mut ledger, _) = Ledger::open(storage, options()).unwrap();
    ledger.roll(b"opening 1").unwrap();
    let mut heads = Vec::new();
    for sequence in 1..=100 {
        ledger.append(1, 0, sequence, 0, &payload(sequence)).unwrap();
        heads.push(ledger.commit().unwrap());
        if ledger.should_roll() {
            ledger.roll(b"another opening").unwrap();
        }
    }
    (ledger, heads)
}

#[test]
fn a_ledger_on_disk_survives_its_writer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new").join("ledger");
    let (ledger, heads) = write(DirStorage::open(&path).unwrap());
    assert!(ledger.storage().segments().unwrap().len() > 2);
    drop(ledger);
    let (ledger, recovery) = Ledger::open(DirStorage::open(&path).unwrap(), options()).unwrap();
    assert_eq!((recovery.head, recovery.cut_bytes), (heads[99], 0));
    drop(ledger);
    let reader = DirReader::open(&path).unwrap();
    assert_eq!(records(&reader).len(), 100);
    let report = verify(&reader, &heads).unwrap();
    assert_eq!((report.problems, report.heads_matched), (vec![], 100));
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let first = DirStorage::open(directory.path()).unwrap();
    let error = DirStorage::open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert!(error.to_string().contains("another process writes to the ledger"), "{error}");
    drop(first);
    DirStorage::open(directory.path()).unwrap();
}

#[test]
fn a_reader_beside_the_writer_knows_that_it_is_live() {
    let directory = tempfile::tempdir().unwrap();
    let reader = DirReader::open(directory.path()).unwrap();
    assert!(!reader.has_live_writer().unwrap());
    let (ledger, heads) = write(DirStorage::open(directory.path()).unwrap());
    assert!(reader.has_live_writer().unwrap());
    assert!(verify(&reader, &heads).unwrap().is_sound());
    assert_eq!(records(&ledger.storage().reader()).len(), 100);
    drop(ledger);
    assert!(!reader.has_live_writer().unwrap());
}

#[test]
fn a_segment_whose_creation_a_crash_interrupted_does_not_count() {
    let directory = tempfile::tempdir().unwrap();
    drop(write(DirStorage::open(directory.path()).unwrap()));
    let unfinished = directory.path().join("segment-0000000009.wkl.new");
    fs::write(&unfinished, b"half a header").unwrap();
    fs::write(directory.path().join("notes.txt"), b"not ours").unwrap();
    assert!(verify(&DirReader::open(directory.path()).unwrap(), &[]).unwrap().is_sound());
    drop(DirStorage::open(directory.path()).unwrap());
    assert!(!unfinished.exists());
    assert!(directory.path().join("notes.txt").exists());
}

#[test]
fn a_segment_is_never_created_twice() {
    let directory = tempfile::tempdir().unwrap();
    let mut storage = DirStorage::open(directory.path()).unwrap();
    storage.create(1, b"first").unwrap();
    assert_eq!(storage.create(1, b"second").unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read(directory.path().join("segment-0000000001.wkl")).unwrap(), b"first");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger");
    drop(write(DirStorage::open(&path).unwrap()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(&path).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_path_that_is_no_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"").unwrap();
    assert_eq!(DirReader::open(&file).unwrap_err().kind(), ErrorKind::NotADirectory);
    assert_eq!(DirReader::open(directory.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
}
