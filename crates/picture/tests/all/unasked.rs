//! What a person is told without having asked: each loss once, with its reason.

use crate::scenes::{self, agent, millis, person};
use watchkeeper_model::*;
use watchkeeper_picture::{Action, Hands, Picture, Press, Unasked, view::Tone};
use watchkeeper_protocol::{
    ToOperator,
    operator::{LeaseEvent, LeaseUpdate, StatusUpdate},
};

/// A person who is told something.
struct Told {
    unasked: Unasked,
    hands: Hands,
    picture: Picture,
    now: MonoTime,
}

impl Told {
    /// A person who has read what the scene has to tell.
    fn new((picture, now): (Picture, MonoTime)) -> Self {
        let mut told = Self { unasked: Unasked::new(), hands: Hands::new(), picture, now };
        told.update(None);
        told
    }

    fn update(&mut self, absence: Option<&'static str>) -> Vec<(Tone, String)> {
        let said = self.unasked.update(&mut self.hands, &self.picture, |_, _| absence, self.now);
        said.into_iter().map(|said| (said.tone, said.text)).collect()
    }

    fn texts(&mut self) -> Vec<String> {
        self.update(None).into_iter().map(|(_, text)| text).collect()
    }

    fn ends(&mut self, end: LeaseEnd) {
        self.picture.handle(
            &ToOperator::Lease(LeaseUpdate {
                cursor: 104,
                agent: agent("truck-17"),
                holder: person("anna"),
                session_id: scenes::SESSION,
                epoch: Epoch(41),
                event: LeaseEvent::Ended,
                code: None,
                end: Some(end),
                detail: None,
            }),
            self.now,
        );
    }

    fn wait(&mut self, span_millis: u64) {
        self.now = self.now.after(millis(span_millis));
    }
}

#[test]
fn every_end_of_a_lease_is_told_once_in_its_own_words() {
    for (end, tone, words) in [
        (LeaseEnd::Released, Tone::Own, "you released truck-17"),
        (LeaseEnd::HandedBack, Tone::Own, "you handed truck-17 back"),
        (LeaseEnd::HandedOver, Tone::Own, "you handed truck-17 over"),
        (LeaseEnd::NotEngaged, Tone::Danger, "the claim of truck-17 lapsed: not engaged in time"),
        (
            LeaseEnd::Expired,
            Tone::Danger,
            "YOU LOST truck-17: no heartbeat of this console came through in time",
        ),
        (LeaseEnd::Fallback, Tone::Danger, "YOU LOST truck-17: it fell back"),
        (LeaseEnd::HolderLost, Tone::Danger, "YOU LOST truck-17: your connection broke"),
        (LeaseEnd::DemandEnded, Tone::Danger, "YOU LOST truck-17: its demand ended"),
        (LeaseEnd::Estopped, Tone::Danger, "YOU LOST truck-17: it was stopped (ESTOP)"),
        (
            LeaseEnd::MonitorRestarted,
            Tone::Danger,
            "YOU LOST truck-17: the monitor restarted, every lease is void",
        ),
        (LeaseEnd::AgentRestarted, Tone::Danger, "YOU LOST truck-17: the agent restarted, its lease is void"),
        (LeaseEnd::PreEmpted, Tone::Danger, "YOU LOST truck-17: a supervisor took control"),
    ] {
        let mut told = Told::new(scenes::takeover());
        told.ends(end);
        assert_eq!(told.update(None), [(tone, words.to_owned())]);
        assert_eq!(told.update(None), [], "{end:?}");
    }
}

#[test]
fn who_counted_as_absent_is_told_why_where_it_cost_him_the_lease() {
    for (end, is_why) in [(LeaseEnd::Expired, true), (LeaseEnd::Fallback, true), (LeaseEnd::Estopped, false)]
    {
        let mut told = Told::new(scenes::takeover());
        assert_eq!(told.update(Some("nobody was there")), []);
        told.ends(end);
        let said = told.texts();
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].ends_with(" because nobody was there"), is_why, "{said:?}");
    }
}

#[test]
fn absence_counts_by_the_kind_and_by_the_last_heartbeat_on_the_lease() {
    let mut told = Told::new(scenes::takeover());
    let mut asked = Vec::new();
    let mut ask = |picture: &Picture, unasked: &mut Unasked, hands: &mut Hands, now| {
        let heard = std::cell::RefCell::new(Vec::new());
        let absence = |kind, ready| {
            heard.borrow_mut().push((kind, ready));
            None
        };
        unasked.update(hands, picture, absence, now);
        asked.extend(heard.into_inner());
    };
    ask(&told.picture, &mut told.unasked, &mut told.hands, told.now);
    let mut status = told.picture.agent(&agent("truck-17")).unwrap().status().clone();
    status.lease.as_mut().unwrap().ready = false;
    told.picture.handle(&ToOperator::ControlStatus(StatusUpdate { cursor: 104, status }), told.now);
    ask(&told.picture, &mut told.unasked, &mut told.hands, told.now);
    assert_eq!(asked, [(AgentKind::Vehicle, true), (AgentKind::Vehicle, false)]);
}

#[test]
fn a_connection_that_stays_away_loses_control_out_loud_and_once() {
    let mut told = Told::new(scenes::takeover());
    told.picture.handle_disconnected(told.now);
    told.wait(1_000);
    assert_eq!(told.texts(), [""; 0]);
    told.wait(1_000);
    assert_eq!(told.texts(), ["YOU LOST truck-17: your connection broke and the lease ran out"]);
    told.wait(1_000);
    assert_eq!(told.texts(), [""; 0]);
    told.picture.handle(&scenes::welcome(OperatorRole::Operator, false), told.now);
    told.picture.handle(&scenes::snapshot(200, vec![], vec![]), told.now);
    told.wait(1_000);
    assert_eq!(told.texts(), [""; 0], "he knows already");
}

#[test]
fn who_lost_a_lease_to_somebody_else_is_told_to_whom_once_no_reason_came() {
    let mut told = Told::new(scenes::takeover());
    let mut status = told.picture.agent(&agent("truck-17")).unwrap().status().clone();
    status.lease = Some(scenes::lease("eve", SessionId(8)));
    told.picture.handle(&ToOperator::ControlStatus(StatusUpdate { cursor: 104, status }), told.now);
    assert_eq!(told.texts(), [""; 0], "the reason may still come");
    told.wait(499);
    assert_eq!(told.texts(), [""; 0]);
    told.wait(1);
    assert_eq!(told.texts(), ["YOU LOST truck-17: eve has it now"]);
}

#[test]
fn a_claim_that_lapsed_is_told_by_the_countdown_or_by_its_end_and_never_by_both() {
    let lapsed = "the claim of truck-17 lapsed: not engaged in time";
    for is_armed in [true, false] {
        let mut told = Told::new(scenes::claimed());
        if is_armed {
            let claim = Press::Action(Action::Claim);
            told.hands.press(&claim, Some(&agent("truck-17")), &told.picture, told.now);
        }
        told.wait(4_300);
        let by_countdown = told.texts();
        assert_eq!(by_countdown.len(), usize::from(is_armed), "{by_countdown:?}");
        told.ends(LeaseEnd::NotEngaged);
        let both: Vec<_> = by_countdown.into_iter().chain(told.texts()).collect();
        assert_eq!(both, [lapsed]);
    }
}

#[test]
fn a_rejected_command_of_this_session_says_why_once() {
    let (picture, now) = scenes::takeover();
    let mut told = Told { unasked: Unasked::new(), hands: Hands::new(), picture, now };
    let words = "hand back truck-17 REJECTED: precondition: the cause is still there: speed".to_owned();
    assert_eq!(told.update(None), [(Tone::Danger, words)]);
    assert_eq!(told.update(None), []);
}
