//! What a deny-list may hold, and what a change of it does.

use super::*;
use crate::outbox::{Outbox, outbox};
use futures_util::FutureExt;
use std::fs;
use watchkeeper_model::MonoTime;
use watchkeeper_protocol::session::ErrorCode;

fn serial(text: &str) -> Serial {
    Serial::parse(text).unwrap()
}

fn closed_with(outbox: &mut Outbox) -> Option<ErrorCode> {
    outbox.next_batch(MonoTime::default).now_or_never()?.close.map(|report| report.code)
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
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("denied");
    let error = format!("{:#}", DenyFile::open(&path).unwrap_err());
    assert!(error.contains("--deny-serials") && error.contains("denied: No such file"), "{error}");
    fs::write(&path, "0a1b\n").unwrap();
    let (mut file, denied) = DenyFile::open(&path).unwrap();
    for text in ["0a1b\nno serial\n".to_owned(), "00".repeat(1 << 20)] {
        fs::write(&path, text).unwrap();
        file.look();
        file.look();
        assert!(denied.holds(&serial("0a1b")));
    }
    fs::remove_file(&path).unwrap();
    file.look();
    assert!(denied.holds(&serial("0a1b")));
}

#[tokio::test]
async fn a_session_is_closed_when_its_certificate_is_denied_and_no_other_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("denied");
    fs::write(&path, "").unwrap();
    let (mut file, denied) = DenyFile::open(&path).unwrap();
    let (sender, mut good) = outbox(Arc::default());
    let _good = denied.watch(SessionId(1), serial("01"), sender.closer());
    let (other_sender, mut bad) = outbox(Arc::default());
    let _bad = denied.watch(SessionId(2), serial("02"), other_sender.closer());
    fs::write(&path, "02\n").unwrap();
    file.look();
    assert_eq!(closed_with(&mut bad), Some(ErrorCode::Unauthorised));
    assert_eq!(closed_with(&mut good), None);
    // One that said hello in between is closed at once.
    let (late_sender, mut late) = outbox(Arc::default());
    let _late = denied.watch(SessionId(3), serial("02"), late_sender.closer());
    assert_eq!(closed_with(&mut late), Some(ErrorCode::Unauthorised));
    // The sender must live: without it a session is closed for another reason.
    drop((sender, other_sender, late_sender));
}

#[test]
fn a_list_that_is_empty_for_a_moment_lets_nobody_back_in() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("denied");
    fs::write(&path, "0a\n").unwrap();
    let (mut file, denied) = DenyFile::open(&path).unwrap();
    fs::write(&path, "").unwrap();
    file.look();
    assert!(denied.holds(&serial("0a")), "it may be half written");
    fs::write(&path, "0a\n0b\n").unwrap();
    file.look();
    file.look();
    assert!(denied.holds(&serial("0a")) && denied.holds(&serial("0b")));
    fs::write(&path, "0b\n").unwrap();
    file.look();
    file.look();
    assert!(!denied.holds(&serial("0a")) && denied.holds(&serial("0b")));
}

#[test]
fn a_session_that_ended_is_forgotten() {
    let denied = Arc::new(Denied::default());
    let (sender, _outbox) = outbox(Arc::default());
    drop(denied.watch(SessionId(1), serial("01"), sender.closer()));
    assert!(denied.state().live.is_empty());
}
