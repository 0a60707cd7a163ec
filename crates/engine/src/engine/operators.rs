//! What operators say: hello, acknowledgements, presented frames; and the snapshot they start from.

use super::{Console, Engine, publish::status_of, routing::Chore};
use crate::{
    agent::Agent,
    clocks::PeerClock,
    timeline::{exact, span},
    views::ViewId,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use watchkeeper_model::{Access, AlertId, MonoTime, Permission, PersonId, SessionId, Stage};
use watchkeeper_protocol::{
    OperatorMessage, ToOperator,
    operator::{ConsoleKind, OperatorHello, OperatorWelcome, Presented, SnapshotPart},
    session::ErrorCode,
};

/// Most bytes of one part's items; a frame has 64 KiB, this leaves room for the part itself.
const PART_BYTES: usize = 48 * 1024;
/// Most agents, and most alerts, of one part.
const PART_ITEMS: usize = 64;
/// Most takeovers of one part.
const PART_TAKEOVERS: usize = 8;

impl Engine {
    pub(super) fn connect_operator(
        &mut self,
        session: SessionId,
        hello: &OperatorHello,
        access: Option<Access>,
        now: MonoTime,
    ) {
        let access = access.unwrap_or_else(|| Access::unrestricted(hello.role));
        let view_id = self.view_of(&access.scope);
        let resume = hello.resume.filter(|resume| resume.incarnation == self.incarnation);
        let missed: Option<Vec<Arc<ToOperator>>> = resume
            .zip(self.views.get(view_id))
            .and_then(|(resume, view)| view.feed.since(resume.cursor))
            .map(|deltas| deltas.cloned().collect());
        let welcome = OperatorWelcome {
            session_id: session,
            incarnation: self.incarnation,
            person: hello.person.clone(),
            role: access.role,
            resumed: missed.is_some(),
            software_version: self.build.clone(),
            now,
        };
        self.send_operator(session, ToOperator::Welcome(welcome));
        let console = Console {
            person: hello.person.clone(),
            access,
            view: view_id,
            kind: hello.console,
            connected_at: now,
            clock: PeerClock::default(),
            display: None,
            probes: BTreeMap::new(),
        };
        if let Some(until) = console.access.acts_until {
            self.access_ends.insert((until, session));
        }
        self.consoles.insert(session, console);
        if let Some(deltas) = missed {
            for delta in deltas {
                self.send_operator(session, delta);
            }
        } else {
            self.send_snapshot(session, view_id, now);
            self.send_commands(session, &hello.person);
        }
        self.refresh_console_list();
        self.tell_access(session, now);
        self.welcome(session, now);
        self.send_operator(session, ToOperator::Health(self.health(view_id, now)));
        if let Some(head) = self.head {
            self.send_operator(session, ToOperator::Head(head));
        }
        self.ping_operator(session, now);
    }

    pub(super) fn send_snapshot(&mut self, session: SessionId, view_id: ViewId, now: MonoTime) {
        let Some(view) = self.views.get(view_id) else { return };
        let mut parts = vec![SnapshotPart {
            cursor: view.feed.cursor(),
            part: 0,
            last: false,
            agents: Vec::new(),
            alerts: Vec::new(),
            takeovers: Vec::new(),
        }];
        let mut used = 0;
        let seen = |agent: &&Agent| view_id == ViewId::ALL || agent.seen_in.contains(&view_id);
        for status in self.agents.values().filter(seen).map(|agent| status_of(agent, now)) {
            let size = encoded_size(&status);
            room(&mut parts, &mut used, size).agents.push(status);
        }
        for alarm in self.alarms.open().filter(|alarm| self.is_seen(view_id, &alarm.agent)) {
            let mut alarm = alarm.clone();
            if view_id != ViewId::ALL {
                view.cut(&mut alarm);
            }
            let size = encoded_size(&alarm);
            room(&mut parts, &mut used, size).alerts.push(alarm);
        }
        let takeovers = self.takeovers().into_iter();
        for takeover in takeovers.filter(|takeover| self.is_seen(view_id, &takeover.agent)) {
            let size = encoded_size(&takeover);
            room(&mut parts, &mut used, size).takeovers.push(takeover);
        }
        if let Some(last) = parts.last_mut() {
            last.last = true;
        }
        for part in parts {
            self.send_operator(session, ToOperator::Snapshot(part));
        }
    }

    pub(super) fn handle_operator_message(
        &mut self,
        session: SessionId,
        received_at: MonoTime,
        message: OperatorMessage,
        now: MonoTime,
    ) {
        let Some(console) = self.consoles.get(&session) else { return };
        let (person, view_id) = (console.person.clone(), console.view);
        let message = self.without_unseen(view_id, message);
        if !self.is_allowed(session, &message, now) {
            return;
        }
        if is_deliberate(&message) {
            self.note_presence(session, now);
        }
        let Some(console) = self.consoles.get_mut(&session) else { return };
        match message {
            OperatorMessage::Pong(pong) => console.clock.handle_pong(&pong, received_at),
            OperatorMessage::Presented(presented) => {
                self.handle_presented(session, &presented);
                self.note_shown(session, &presented.alerts, now);
            }
            // The session keeps tokens to itself: what comes of one is told as changed access.
            OperatorMessage::Refresh(_) => {}
            OperatorMessage::Shelve(body) => self.handle_shelve(session, &person, body, now),
            OperatorMessage::Unshelve(body) => self.handle_unshelve(session, body.alert_id, now),
            OperatorMessage::TakeOutOfService(body) => {
                self.handle_take_out(session, &person, body, now);
            }
            OperatorMessage::ReturnToService(body) => {
                self.handle_put_back(session, body.alert_id, now);
            }
            OperatorMessage::Reset(body) => self.handle_reset(session, body.alert_id, now),
            OperatorMessage::Waive(body) => self.handle_waive(session, &person, body, now),
            OperatorMessage::Label(body) => self.handle_label(session, &person, body),
            OperatorMessage::RequestHandover(body) => {
                self.handle_handover_request(session, &person, body, now);
            }
            OperatorMessage::AnswerHandover(body) => self.handle_handover_answer(session, body, now),
            OperatorMessage::AllowTakeover(body) => self.handle_allow_takeover(session, body, now),
            OperatorMessage::Claim(claim) => self.handle_claim(session, &person, &claim.agent, now),
            OperatorMessage::Engage(body) => self.handle_engage(session, body, received_at, now),
            OperatorMessage::Release(body) => self.handle_release(session, body, received_at, now),
            OperatorMessage::HandBack(body) => self.handle_hand_back(session, body, received_at, now),
            OperatorMessage::Command(request) => self.handle_command(session, request, received_at, now),
            OperatorMessage::Stop(stop) => self.handle_stop(session, &stop, received_at, now),
            OperatorMessage::Heartbeat(report) => self.handle_holder(session, &report, now),
            OperatorMessage::Probe(probe) => self.handle_probe(session, &probe, received_at),
            OperatorMessage::Acknowledge(body) => {
                self.handle_acknowledge(session, &person, body.alert_id, now);
            }
        }
    }

    /// A person took note of an alert, or of all that are one card with it.
    fn handle_acknowledge(
        &mut self,
        session: SessionId,
        person: &PersonId,
        alert_id: AlertId,
        now: MonoTime,
    ) {
        let others = self.others_of_card(session, Permission::Acknowledge, alert_id, now);
        let is_alone = others.is_empty();
        self.do_soon(others.into_iter().map(|other| Chore::Acknowledge(other, person.clone())));
        let is_taken = self.acknowledge(alert_id, person, now);
        self.route_due(now);
        if !is_taken && is_alone {
            let message = "no alert of this id waits for an acknowledgement";
            self.refuse(session, ErrorCode::BadField, "acknowledge", message);
        }
    }

    /// A console showed alerts (t5). Only the first console that did counts, and one that draws for nobody never.
    fn handle_presented(&mut self, session: SessionId, presented: &Presented) {
        let Some(console) = self.consoles.get(&session).filter(|console| has_eyes(console.kind)) else {
            return;
        };
        let Some(moment) = console.clock.moment(presented.presented_nanos) else { return };
        for alert_id in &presented.alerts {
            let kind = self
                .alarms
                .get(*alert_id)
                .and_then(|alarm| self.agents.get(&alarm.agent))
                .map(|agent| agent.kind);
            let Some(moments) = self.alert_book.get_mut(*alert_id) else { continue };
            if moments.t5.is_none() {
                moments.t5 = Some(moment);
                if let Some(kind) = kind {
                    self.stages.record(Stage::Notify, kind, span(moments.t3, moments.t5));
                }
                self.publish_takeover_of(*alert_id);
            }
        }
    }

    /// Alerts reached a console's socket (t4).
    pub(super) fn handle_delivered(&mut self, alerts: &[AlertId], at: MonoTime) {
        for alert_id in alerts {
            if let Some(moments) = self.alert_book.get_mut(*alert_id) {
                // Sessions say it in any order; the first that had it counts.
                let earliest = moments.t4.map_or(at, |t4| t4.at.min(at));
                moments.t4 = Some(exact(earliest));
                self.publish_takeover_of(*alert_id);
            }
        }
    }
}

/// Returns whether a person did this, rather than his console by itself.
const fn is_deliberate(message: &OperatorMessage) -> bool {
    !matches!(
        message,
        OperatorMessage::Pong(_)
            | OperatorMessage::Presented(_)
            | OperatorMessage::Refresh(_)
            | OperatorMessage::Heartbeat(_)
            | OperatorMessage::Probe(_)
    )
}

/// Returns whether anybody can look at the frames of such a console.
pub(super) const fn has_eyes(kind: ConsoleKind) -> bool {
    match kind {
        ConsoleKind::Window | ConsoleKind::Text | ConsoleKind::Scripted => true,
        ConsoleKind::Headless => false,
    }
}

fn encoded_size<T: serde::Serialize>(item: &T) -> usize {
    rmp_serde::to_vec_named(item).map_or(PART_BYTES, |bytes| bytes.len())
}

/// Returns the part that has room for `size` more bytes, starting a new one where the last is full.
fn room<'a>(parts: &'a mut Vec<SnapshotPart>, used: &mut usize, size: usize) -> &'a mut SnapshotPart {
    let last = parts.last().expect("a snapshot has at least one part");
    let full = *used + size > PART_BYTES
        || last.agents.len() + last.alerts.len() >= PART_ITEMS
        || last.takeovers.len() >= PART_TAKEOVERS;
    if full && *used > 0 {
        let next = SnapshotPart {
            cursor: last.cursor,
            part: last.part + 1,
            last: false,
            agents: Vec::new(),
            alerts: Vec::new(),
            takeovers: Vec::new(),
        };
        parts.push(next);
        *used = 0;
    }
    *used += size;
    parts.last_mut().expect("a snapshot has at least one part")
}
