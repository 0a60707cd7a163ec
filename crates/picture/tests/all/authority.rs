//! Whose the lease is, as a console may believe it: grants, wishes, next holders, ends.

use crate::{
    fold::fresh,
    scenes::{self, START, agent, lease, snapshot, status},
};
use watchkeeper_model::*;
use watchkeeper_picture::Picture;
use watchkeeper_protocol::{ToOperator, operator::*};

fn lease_update(cursor: u64, session: SessionId, epoch: u64, event: LeaseEvent) -> ToOperator {
    ToOperator::Lease(LeaseUpdate {
        cursor,
        agent: agent("a"),
        holder: scenes::person("anyone"),
        session_id: session,
        epoch: Epoch(epoch),
        event,
        code: None,
        end: (event == LeaseEvent::Ended).then_some(LeaseEnd::HandedOver),
        detail: None,
    })
}

fn next_holder(session_id: SessionId, epoch: u64) -> NextHolder {
    NextHolder {
        holder: scenes::person("next"),
        session_id,
        epoch: Epoch(epoch),
        left_nanos: 5_000_000_000,
        ready: true,
        preempts: false,
    }
}

const OTHER: SessionId = SessionId(8);

/// A picture in which `holder` holds the lease of an agent with epoch 41, at cursor 5.
fn held_by(holder: SessionId) -> (Picture, AgentStatus) {
    let mut status = status("a", AgentKind::Vehicle);
    status.lease = Some(lease("anyone", holder));
    (fresh(&snapshot(5, vec![status.clone()], vec![])), status)
}

fn my_epoch(picture: &Picture) -> Option<u64> {
    picture.my_epoch(&agent("a")).map(|epoch| epoch.0)
}

#[test]
fn a_wish_for_control_neither_ends_a_lease_nor_hides_what_happened_to_it_last() {
    let (mut picture, _) = held_by(scenes::SESSION);
    picture.handle(&lease_update(6, scenes::SESSION, 41, LeaseEvent::Granted), START);
    for (cursor, event) in [(7, LeaseEvent::HandoverRequested), (8, LeaseEvent::HandoverRefused)] {
        for (cursor, session) in [(cursor, OTHER), (cursor, scenes::SESSION)] {
            picture.handle(&lease_update(cursor, session, 41, event), START);
            assert_eq!(my_epoch(&picture), Some(41));
        }
        let entry = picture.agent(&agent("a")).unwrap();
        assert_eq!(entry.lease_event().unwrap().value.event, LeaseEvent::Granted);
        assert_eq!(entry.handover_event().unwrap().value.event, event);
        assert_eq!(entry.refusal(), None, "a wish is no claim");
    }
    assert_eq!(picture.resume().unwrap().cursor, 8, "they count in the stream of deltas");
}

#[test]
fn the_next_holder_has_an_epoch_from_his_grant_on_and_the_holder_keeps_his_until_it_ends() {
    let (mut holds, status) = held_by(scenes::SESSION);
    let (mut takes, _) = held_by(OTHER);
    // To each console itself is SESSION, and the other one OTHER.
    let both = |holds: &mut Picture, takes: &mut Picture, cursor, of_holder, epoch, event| {
        let [to_holder, to_next] =
            if of_holder { [scenes::SESSION, OTHER] } else { [OTHER, scenes::SESSION] };
        holds.handle(&lease_update(cursor, to_holder, epoch, event), START);
        takes.handle(&lease_update(cursor, to_next, epoch, event), START);
    };
    both(&mut holds, &mut takes, 6, false, 42, LeaseEvent::Granted);
    assert_eq!((my_epoch(&holds), my_epoch(&takes)), (Some(41), Some(42)));
    let with_next = |holder, next| {
        let mut status = status.clone();
        let lease = LeaseStatus { next: Some(next_holder(next, 42)), ..lease("anyone", holder) };
        status.lease = Some(lease);
        ToOperator::ControlStatus(StatusUpdate { cursor: 7, status })
    };
    holds.handle(&with_next(scenes::SESSION, OTHER), START);
    takes.handle(&with_next(OTHER, scenes::SESSION), START);
    assert_eq!((my_epoch(&holds), my_epoch(&takes)), (Some(41), Some(42)));

    // He engages: the switch ends the holder's lease, and his own is told by the status that follows.
    let (mut held, mut taken) = (holds.clone(), takes.clone());
    both(&mut held, &mut taken, 8, true, 41, LeaseEvent::Ended);
    assert_eq!((my_epoch(&held), my_epoch(&taken)), (None, Some(42)));

    // Or both end at once, before any status.
    both(&mut holds, &mut takes, 8, true, 41, LeaseEvent::Ended);
    both(&mut holds, &mut takes, 9, false, 42, LeaseEvent::Ended);
    assert_eq!((my_epoch(&holds), my_epoch(&takes)), (None, None));
}

#[test]
fn the_end_of_the_next_holders_lease_is_not_the_end_of_the_holders() {
    let (mut picture, mut status) = held_by(scenes::SESSION);
    picture.handle(&lease_update(6, OTHER, 42, LeaseEvent::Granted), START);
    picture.handle(&lease_update(7, OTHER, 42, LeaseEvent::Ended), START);
    assert_eq!(my_epoch(&picture), Some(41));
    picture.handle(&lease_update(8, scenes::SESSION, 41, LeaseEvent::Ended), START);
    // A repeat from before the end does not bring it back.
    let repeat = ToOperator::ControlStatus(StatusUpdate { cursor: 7, status: status.clone() });
    picture.handle(&repeat, START);
    assert_eq!(my_epoch(&picture), None);
    status.lease = None;
    picture.handle(&ToOperator::ControlStatus(StatusUpdate { cursor: 9, status }), START);
    assert_eq!(my_epoch(&picture), None);
}
