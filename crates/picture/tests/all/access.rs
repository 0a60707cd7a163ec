//! What a console says of how long it may act, and to which agents.

use crate::scenes::{START, agent, picture, status};
use std::time::Duration;
use watchkeeper_model::*;
use watchkeeper_picture::{Action, Picture, Unavailable, view::Tone, view::status_line::status_line};
use watchkeeper_protocol::{ToOperator, operator::AccessUpdate};

const MINUTE: u64 = 60_000_000_000;

fn told(scope: &str, expired: bool, left_nanos: Option<u64>) -> Picture {
    let agents = vec![status("truck-1", AgentKind::Vehicle), status("card-1", AgentKind::Vehicle)];
    let mut picture = picture(OperatorRole::Operator, agents, Vec::new());
    let access = AccessUpdate {
        role: OperatorRole::Operator,
        scope: Scope::new([scope]).unwrap(),
        development: left_nanos.is_none(),
        in_the_clear: false,
        expired,
        left_nanos,
    };
    picture.handle(&ToOperator::Access(access), START);
    picture
}

#[test]
fn the_banner_says_that_nothing_protects_that_a_token_ends_and_that_it_has_ended() {
    let banner = |picture: &Picture, after: Duration| {
        let line = status_line(picture, START.after(after));
        (line.banner, line.banner_tone)
    };
    let now = Duration::ZERO;
    assert_eq!(banner(&told("*", false, None), now), ("DEV - NOT PROTECTED".to_owned(), Tone::Quiet));
    let held = told("truck-*", false, Some(10 * MINUTE));
    assert_eq!(banner(&held, now), (String::new(), Tone::Quiet));
    let soon = banner(&held, Duration::from_secs(8 * 60 + 30));
    assert_eq!(soon, ("your token ends in 1:30".to_owned(), Tone::Warning));
    let over = told("truck-*", true, Some(0));
    assert_eq!(banner(&over, now), ("TOKEN EXPIRED: YOU ONLY READ".to_owned(), Tone::Danger));
}

#[test]
fn a_site_without_tls_is_told_all_the_time_beside_the_end_of_a_token() {
    let banner = |expired, left_nanos| {
        let mut picture = told("*", expired, left_nanos);
        let access = picture.access().unwrap().value.clone();
        picture.handle(&ToOperator::Access(AccessUpdate { in_the_clear: true, ..access }), START);
        let line = status_line(&picture, START);
        (line.banner, line.banner_tone)
    };
    let in_the_clear = "NO TLS: OTHERS MAY READ AND CHANGE THIS";
    assert_eq!(banner(false, Some(10 * MINUTE)), (in_the_clear.to_owned(), Tone::Warning));
    assert_eq!(banner(true, Some(0)), ("TOKEN EXPIRED: YOU ONLY READ - NO TLS".to_owned(), Tone::Danger));
}

#[test]
fn who_does_not_see_every_agent_reads_which_he_sees() {
    let person = |scope| status_line(&told(scope, false, None), START).person;
    assert!(person("depot-7-*").ends_with("): you see agents in scope depot-7-*"), "{}", person("depot-7-*"));
    assert!(person("*").ends_with(')'), "{}", person("*"));
}

#[test]
fn nothing_is_offered_for_an_agent_out_of_the_scope_and_nothing_at_all_after_the_end() {
    let mine = told("truck-*", false, Some(10 * MINUTE));
    for action in [Action::Claim, Action::Stop] {
        assert_ne!(action.check(&mine, &agent("truck-1"), START), Err(Unavailable::OutOfScope));
        assert_eq!(action.check(&mine, &agent("card-1"), START), Err(Unavailable::OutOfScope));
    }
    let over = told("truck-*", true, Some(0));
    assert_eq!(Action::Stop.check(&over, &agent("truck-1"), START), Err(Unavailable::Expired));
    assert_eq!(over.access_left(START), Some(Duration::ZERO));
}
