//! Whatever two people and a clock do to a lease book, nobody shares a lease and no epoch comes twice.

use proptest::{collection::vec, prelude::*};
use std::time::Duration;
use watchkeeper_model::{Epoch, MonoTime, PersonId, SessionId};
use watchkeeper_takeover::{LeaseBook, LeaseRefusal};

const TTL: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
enum Act {
    Grant(u64),
    Renew { session: u64, epoch: u64, seq: u64 },
    Authorize { session: u64, epoch: u64 },
    Observe(u64),
    Mint,
    End,
    Ask(u64),
    Answer { session: u64, request_id: u64 },
    GrantNext(u64),
    Switch,
    EndNext,
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (1..3_u64).prop_map(Act::Grant),
        3 => (1..3_u64, 0..40_u64, 0..9_u64).prop_map(|(session, epoch, seq)| Act::Renew { session, epoch, seq }),
        3 => (1..3_u64, 0..40_u64).prop_map(|(session, epoch)| Act::Authorize { session, epoch }),
        1 => (0..60_u64).prop_map(Act::Observe),
        1 => Just(Act::Mint),
        1 => Just(Act::End),
        2 => (1..3_u64).prop_map(Act::Ask),
        2 => (1..3_u64, 1..5_u64).prop_map(|(session, request_id)| Act::Answer { session, request_id }),
        3 => (1..3_u64).prop_map(Act::GrantNext),
        2 => Just(Act::Switch),
        1 => Just(Act::EndNext),
        2 => (0..4_000_u64).prop_map(Act::Wait),
    ]
}

/// What a lease is, in the fewest words: who, under which epoch, until when, up to which heartbeat.
type Model = Option<(u64, u64, MonoTime, u64)>;
/// The same of the next one, with when its holder must have engaged.
type NextModel = Option<(u64, u64, MonoTime, u64, MonoTime)>;
const ENGAGE: Duration = Duration::from_secs(5);

fn is_live(model: Model, session: u64, epoch: u64, now: MonoTime) -> bool {
    model.is_some_and(|(who, held, until, _)| (who, held) == (session, epoch) && now < until)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(
        std::env::var("WATCHKEEPER_PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)) })]

    #[test]
    fn a_lease_has_one_holder_and_an_epoch_comes_once(start in 0..20_u64, acts in vec(act(), 60)) {
        let mut book = LeaseBook::new(Epoch(start));
        let mut model: Model = None;
        let mut following: NextModel = None;
        let (mut now, mut highest) = (MonoTime::from_nanos(0), start);
        for act in acts {
            match act {
                Act::Grant(session) => {
                    let is_free = model.is_none_or(|(_, _, until, _)| now >= until);
                    let person = PersonId::new("somebody").unwrap();
                    let granted = book.grant(person, SessionId(session), TTL, now).map(|lease| lease.epoch.0);
                    prop_assert_eq!(granted.is_ok(), is_free);
                    if let Ok(epoch) = granted {
                        prop_assert!(epoch > highest);
                        highest = epoch;
                        model = Some((session, epoch, now.after(TTL), 0));
                        following = None;
                    }
                }
                Act::Renew { session, epoch, seq } => {
                    let renewed = book.renew(SessionId(session), Epoch(epoch), (seq, true), TTL, now);
                    let is_next = following.is_some_and(|(who, held, until, _, engage)| {
                        (who, held) == (session, epoch) && now < until.min(engage)
                    });
                    prop_assert_eq!(renewed.is_ok(), is_next || is_live(model, session, epoch, now));
                    prop_assert!(!(is_next && is_live(model, session, epoch, now)), "one lease, two holders");
                    if is_next {
                        if let Some((_, _, until, last, _)) = &mut following
                            && seq > *last
                        {
                            (*until, *last) = (now.after(TTL), seq);
                        }
                    } else if let (Ok(()), Some((_, _, until, last))) = (renewed, &mut model)
                        && seq > *last
                    {
                        (*until, *last) = (now.after(TTL), seq);
                    }
                }
                Act::Authorize { session, epoch } => {
                    let may = book.authorize(SessionId(session), Epoch(epoch), now).is_ok();
                    prop_assert_eq!(may, is_live(model, session, epoch, now));
                }
                Act::Observe(epoch) => {
                    book.observe(Epoch(epoch));
                    highest = highest.max(epoch);
                }
                Act::Mint => {
                    let minted = book.mint().unwrap().0;
                    prop_assert!(minted > highest);
                    highest = minted;
                }
                Act::End => {
                    prop_assert_eq!(book.end().is_some(), model.take().is_some());
                    following = None;
                }
                Act::Ask(session) => {
                    let open = book.wish().is_some();
                    let person = (PersonId::new("somebody").unwrap(), SessionId(session));
                    let asked = book.ask(person, None, ENGAGE, now).is_ok();
                    let held = model.is_some_and(|(who, _, until, _)| who != session && now < until);
                    prop_assert_eq!(asked, held && following.is_none() && !open);
                }
                Act::Answer { session, request_id } => {
                    let due = book.wish().is_some_and(|wish| wish.request_id == request_id && now < wish.expires_at);
                    let held = model.is_some_and(|(who, _, until, _)| who == session && now < until);
                    prop_assert_eq!(book.answer(SessionId(session), request_id, now).is_ok(), held && due);
                }
                Act::GrantNext(session) => {
                    let person = (PersonId::new("somebody").unwrap(), SessionId(session));
                    let granted = book.grant_next(person, false, (ENGAGE, TTL), now).map(|next| next.lease.epoch.0);
                    let held = model.is_some_and(|(who, _, until, _)| who != session && now < until);
                    prop_assert_eq!(granted.is_ok(), held && following.is_none());
                    if let Ok(epoch) = granted {
                        prop_assert!(epoch > highest);
                        highest = epoch;
                        following = Some((session, epoch, now.after(TTL), 0, now.after(ENGAGE)));
                    }
                }
                Act::Switch => {
                    let before = book.switch();
                    prop_assert_eq!(before.map(|(lease, _)| lease.epoch.0), following.and(model).map(|(_, held, _, _)| held));
                    if let Some((who, held, until, last, _)) = following.take() {
                        model = Some((who, held, until, last));
                    }
                }
                Act::EndNext => {
                    prop_assert_eq!(book.end_next().is_some(), following.take().is_some());
                }
                Act::Wait(millis) => now = now.after(Duration::from_millis(millis)),
            }
            prop_assert_eq!(book.highest(), Epoch(highest));
            prop_assert_eq!(book.expires_at(), model.map(|(_, _, until, _)| until));
        }
    }
}

#[test]
fn a_lapsed_lease_keeps_nobody_out_and_is_not_resumable() {
    let mut book = LeaseBook::default();
    let person = |name| PersonId::new(name).unwrap();
    let at = |secs: u64| MonoTime::from_nanos(secs * 1_000_000_000);
    let old = book.grant(person("ada"), SessionId(1), TTL, at(0)).unwrap().epoch;
    let new = book.grant(person("bob"), SessionId(2), TTL, at(3)).unwrap().epoch;
    assert!(new > old);
    let refused = book.renew(SessionId(1), old, (9, true), TTL, at(3)).unwrap_err();
    assert_eq!(refused, LeaseRefusal::Held { holder: person("bob"), epoch: new });
}
