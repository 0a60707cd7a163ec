//! What a person must be told without having asked: control lost, claims over, commands that went wrong.

use super::ui::MessageLine;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use watchkeeper_model::{AgentId, AgentKind, CommandId, ControlState, Epoch, LeaseEnd, MonoTime};
use watchkeeper_picture::{
    Picture,
    view::{self, Tone},
};
use watchkeeper_protocol::operator::LeaseEvent;

/// How long news stays: longer than the answer to a key, because nobody looked for it.
const NEWS_FOR: Duration = Duration::from_secs(20);
/// Most news at once; the oldest gives way.
const MOST: usize = 3;
/// How long the reason of a loss may come after the loss itself.
const REASON_WITHIN: Duration = Duration::from_millis(500);

/// What this session holds, what it was told, and what it still shows.
#[derive(Clone, Debug)]
pub(crate) struct News {
    held: BTreeMap<AgentId, Held>,
    told: BTreeSet<(CommandId, &'static str)>,
    /// The wishes and grants of control that were told and still stand.
    wishes: BTreeSet<Wish>,
    lines: Vec<MessageLine>,
}

/// A lease of this session as it was when it last had it.
#[derive(Clone, Debug)]
struct Held {
    epoch: Epoch,
    kind: AgentKind,
    ready: bool,
    /// No key was pressed in time.
    away: bool,
    /// The person knows already that it is lost.
    told: bool,
    gone_at: Option<MonoTime>,
}

impl News {
    pub(crate) const fn new() -> Self {
        Self { held: BTreeMap::new(), told: BTreeSet::new(), wishes: BTreeSet::new(), lines: Vec::new() }
    }

    /// Returns the news that still counts, oldest first.
    pub(crate) fn lines(&self, now: MonoTime) -> impl Iterator<Item = &MessageLine> {
        self.lines.iter().filter(move |line| now < line.until)
    }

    /// Takes the news off the screen.
    pub(crate) fn dismiss(&mut self) {
        self.lines.clear();
    }

    /// Adds a line.
    pub(crate) fn tell(&mut self, tone: Tone, text: String, now: MonoTime) {
        self.lines.retain(|line| now < line.until);
        self.lines.push(MessageLine { text, tone, until: now.after(NEWS_FOR) });
        if self.lines.len() > MOST {
            self.lines.remove(0);
        }
    }

    /// Takes note that the person knows already why he is about to lose an agent.
    pub(crate) fn knows(&mut self, agent: &AgentId) {
        if let Some(held) = self.held.get_mut(agent) {
            held.told = true;
        }
    }

    /// Compares the picture with what was held and told. `away`: no key was pressed in time.
    pub(crate) fn update(&mut self, picture: &Picture, away: bool, now: MonoTime) {
        self.lines.retain(|line| now < line.until);
        for (agent, entry) in picture.agents() {
            let Some(epoch) = picture.my_epoch(agent) else { continue };
            let status = entry.status();
            let known = self.held.get(agent).filter(|held| held.epoch == epoch);
            let ended = entry.engage_left(now).is_some_and(|left| left.is_zero());
            let ran_out =
                !picture.link().is_connected() && entry.lease_left(now).is_none_or(|left| left.is_zero());
            let mut told = known.is_some_and(|held| held.told) && (ended || ran_out);
            if ran_out && !told {
                told = true;
                let text = format!("YOU LOST {agent}: your connection broke and the lease ran out");
                self.tell(Tone::Danger, text, now);
            }
            let ready = status.lease.as_ref().is_none_or(|lease| lease.ready);
            let held = Held { epoch, kind: status.kind, ready, away, told, gone_at: None };
            self.held.insert(agent.clone(), held);
        }
        self.rejections(picture, now);
        self.wishes(picture, now);
        self.losses(picture, now);
    }

    /// Tells who wants, or is about to take, control of what this person holds.
    fn wishes(&mut self, picture: &Picture, now: MonoTime) {
        let me = picture.me().map(|me| me.session_id);
        let mut open = BTreeSet::new();
        for (agent, entry) in picture.agents() {
            let Some(lease) = entry.status().lease.as_ref().filter(|lease| Some(lease.session_id) == me)
            else {
                continue;
            };
            if let Some(wish) = &lease.handover
                && is_new(&mut open, &self.wishes, (agent, "wish", wish.request_id))
            {
                let why = wish.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                let text = format!("{} asks for {agent}{why}: y hands it over, u keeps it", wish.by);
                self.tell(Tone::Warning, text, now);
            }
            if let Some(next) = &lease.next
                && is_new(&mut open, &self.wishes, (agent, "next", next.epoch.0))
            {
                let who = if next.preempts { "supervisor " } else { "" };
                let text = format!("{who}{} takes over {agent}: you drive until then", next.holder);
                self.tell(if next.preempts { Tone::Danger } else { Tone::Own }, text, now);
            }
        }
        self.wishes = open;
    }

    fn losses(&mut self, picture: &Picture, now: MonoTime) {
        let gone: Vec<_> =
            self.held.keys().filter(|agent| picture.my_epoch(agent).is_none()).cloned().collect();
        for agent in &gone {
            let Some(held) = self.held.get_mut(agent) else { continue };
            let gone_at = *held.gone_at.get_or_insert(now);
            let end = ended(picture, agent, held.epoch);
            if end.is_none() && !held.told && now.since(gone_at) < REASON_WITHIN {
                continue;
            }
            let line = (!held.told).then(|| loss(picture, agent, held, end));
            self.held.remove(agent);
            if let Some((tone, text)) = line {
                self.tell(tone, text, now);
            }
        }
    }

    fn rejections(&mut self, picture: &Picture, now: MonoTime) {
        let rows = view::commands::rows(picture, None, now);
        self.told.retain(|(id, _)| rows.iter().any(|row| row.command_id == *id));
        // The rows are newest first; the newest news comes last.
        for row in rows.into_iter().rev().filter(|row| row.mine && row.went_wrong) {
            if self.told.insert((row.command_id, row.state)) {
                let why = if row.why.is_empty() { String::new() } else { format!(": {}", row.why) };
                let text = format!("{} {} {}{why}", row.verb, row.agent, row.state.to_uppercase());
                self.tell(Tone::Danger, text, now);
            }
        }
    }
}

/// An agent, whether its control is wished for or promised, and which wish or lease it is.
type Wish = (AgentId, &'static str, u64);

/// Puts a wish among those that stand; returns whether it was not told yet.
fn is_new(open: &mut BTreeSet<Wish>, told: &BTreeSet<Wish>, wish: (&AgentId, &'static str, u64)) -> bool {
    let wish = (wish.0.clone(), wish.1, wish.2);
    let is_new = !told.contains(&wish);
    open.insert(wish);
    is_new
}

fn lapsed(agent: &AgentId) -> String {
    format!("the claim of {agent} lapsed: not engaged in time")
}

/// Returns why the lease with this epoch ended, once the monitor has said so.
fn ended(picture: &Picture, agent: &AgentId, epoch: Epoch) -> Option<LeaseEnd> {
    let update = &picture.agent(agent)?.lease_event()?.value;
    if update.event == LeaseEvent::Ended && update.epoch == epoch { update.end } else { None }
}

fn loss(picture: &Picture, agent: &AgentId, held: &Held, end: Option<LeaseEnd>) -> (Tone, String) {
    let Some(end) = end else {
        return (Tone::Danger, format!("YOU LOST {agent}: {}", guess(picture, agent)));
    };
    match end {
        LeaseEnd::Released => (Tone::Own, format!("you released {agent}")),
        LeaseEnd::HandedBack => (Tone::Own, format!("you handed {agent} back")),
        LeaseEnd::HandedOver => (Tone::Own, format!("you handed {agent} over")),
        LeaseEnd::NotEngaged => (Tone::Danger, lapsed(agent)),
        LeaseEnd::Expired
        | LeaseEnd::HolderLost
        | LeaseEnd::DemandEnded
        | LeaseEnd::Estopped
        | LeaseEnd::Fallback
        | LeaseEnd::MonitorRestarted
        | LeaseEnd::PreEmpted
        | LeaseEnd::AgentRestarted => {
            let absent =
                if matches!(end, LeaseEnd::Expired | LeaseEnd::Fallback) { absence(held) } else { "" };
            (Tone::Danger, format!("YOU LOST {agent}: {}{absent}", view::loss_words(end)))
        }
    }
}

/// Returns why the holder counted as absent; empty when he did not.
const fn absence(held: &Held) -> &'static str {
    match (held.kind, held.away, held.ready) {
        (AgentKind::Vehicle, true, _) => {
            " because no key was pressed for 3 s: press space while you hold one"
        }
        (_, _, false) => " because you were not ready: its state was not on your screen",
        (
            AgentKind::Vehicle | AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic,
            _,
            true,
        ) => "",
    }
}

/// Returns why a lease is probably gone, where the monitor did not say it to this session.
fn guess(picture: &Picture, agent: &AgentId) -> String {
    let Some(entry) = picture.agent(agent) else { return "the monitor no longer knows it".to_owned() };
    let status = entry.status();
    if status.offline_nanos.is_some() {
        return "the agent is offline".to_owned();
    }
    if let Some(lease) = &status.lease {
        return format!("{} has it now", lease.holder);
    }
    let guess = match status.control_state {
        ControlState::Estopped => "it was stopped (ESTOP)",
        ControlState::Fallback | ControlState::SafeHeld => "it fell back",
        ControlState::Autonomous
        | ControlState::Requested
        | ControlState::Claimed
        | ControlState::InTransition
        | ControlState::Human
        | ControlState::Returning => "your lease ended with the connection that held it",
    };
    guess.to_owned()
}
