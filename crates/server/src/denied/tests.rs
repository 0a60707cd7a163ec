//! What a deny-list may hold, and what a change of it does.

use super::*;
use std::fs;

fn serial(text: &str) -> Serial {
    Serial::parse(text).unwrap()
}

fn holds(denied: &Denied, text: &str) -> bool {
    denied.borrow().contains(&serial(text))
}

#[test]
fn a_serial_is_the_same_in_every_spelling() {
    for text in ["0a1b", "A1B", "0A:1B", "000a1b", "00:0a:1b"] {
        assert_eq!(serial(text), Serial::from_bytes(&[0, 0x0a, 0x1b]), "{text}");
    }
    assert_eq!(serial("0a1b").to_string(), "0a1b");
    for text in ["", ":", "0x0a", "xyz", "0a 1b", &"f".repeat(44)] {
        assert_eq!(Serial::parse(text), None, "{text:?}");
    }
}

#[test]
fn a_list_has_comments_and_empty_lines_and_a_bad_line_is_named() {
    let serials = parse("# lost in May\n\n0a1b\n  FF:01  # press-2\n").unwrap();
    assert_eq!(serials, [serial("0a1b"), serial("ff01")].into());
    let error = parse("0a1b\npress-2\n").unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
}

#[test]
fn a_list_that_cannot_be_read_lets_nothing_start_and_changes_nothing_later() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let path = dir.path().join("denied");
    let error = format!("{:#}", DenyFile::open(&path).unwrap_err());
    assert!(error.contains("--deny-serials") && error.contains("denied: No such file"), "{error}");
    fs::write(&path, "0a1b\n").unwrap();
    let (mut file, denied) = DenyFile::open(&path).unwrap();
    for text in ["0a1b\nno serial\n".to_owned(), "00".repeat(1 << 20)] {
        fs::write(&path, text).unwrap();
        file.look();
        file.look();
        assert!(holds(&denied, "0a1b"));
    }
    fs::remove_file(&path).unwrap();
    file.look();
    assert!(holds(&denied, "0a1b"));
}

#[test]
fn whoever_follows_the_list_hears_of_a_change_and_of_nothing_else() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let path = dir.path().join("denied");
    fs::write(&path, "").unwrap();
    let (mut file, mut denied) = DenyFile::open(&path).unwrap();
    file.look();
    assert!(!denied.has_changed().unwrap());
    // A session that said hello before the change sees it, too.
    let late = denied.clone();
    fs::write(&path, "02\n").unwrap();
    file.look();
    assert!(denied.has_changed().unwrap() && late.has_changed().unwrap());
    assert!(denied.borrow_and_update().contains(&serial("02")) && !denied.borrow().contains(&serial("01")));
}

#[test]
fn a_list_that_is_empty_for_a_moment_lets_nobody_back_in() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let path = dir.path().join("denied");
    fs::write(&path, "0a\n").unwrap();
    let (mut file, denied) = DenyFile::open(&path).unwrap();
    fs::write(&path, "").unwrap();
    file.look();
    assert!(holds(&denied, "0a"), "it may be half written");
    fs::write(&path, "0a\n0b\n").unwrap();
    file.look();
    file.look();
    assert!(holds(&denied, "0a") && holds(&denied, "0b"));
    fs::write(&path, "0b\n").unwrap();
    file.look();
    file.look();
    assert!(!holds(&denied, "0a") && holds(&denied, "0b"));
}
