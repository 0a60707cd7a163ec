//! What a person must be told without having asked, and who asks him for control, while it still counts.

use super::ui::MessageLine;
use std::{collections::BTreeSet, time::Duration};
use watchkeeper_model::{AgentId, AgentKind, MonoTime};
use watchkeeper_picture::{Hands, Picture, Unasked, view::Tone};

/// How long news stays: longer than the answer to a key, because nobody looked for it.
const NEWS_FOR: Duration = Duration::from_secs(20);
/// Most news at once; the oldest gives way.
const MOST: usize = 3;
/// What this session holds, what it was told, and what it still shows.
#[derive(Clone, Debug)]
pub(crate) struct News {
    unasked: Unasked,
    /// The wishes and grants of control that were told and still stand.
    wishes: BTreeSet<Wish>,
    lines: Vec<MessageLine>,
}

impl News {
    pub(crate) const fn new() -> Self {
        Self { unasked: Unasked::new(), wishes: BTreeSet::new(), lines: Vec::new() }
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

    /// Compares the picture with what was held and told, and refreshes `hands`. `away`: no key was pressed in time.
    pub(crate) fn update(&mut self, hands: &mut Hands, picture: &Picture, away: bool, now: MonoTime) {
        self.lines.retain(|line| now < line.until);
        self.wishes(picture, now);
        let absence = |kind, ready| absence(kind, away, ready);
        for said in self.unasked.update(hands, picture, absence, now) {
            self.tell(said.tone, said.text, now);
        }
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

/// Returns why the holder of an agent counts as absent here, in words that follow "because"; `None` when he does not.
const fn absence(kind: AgentKind, away: bool, ready: bool) -> Option<&'static str> {
    match (kind, away, ready) {
        (AgentKind::Vehicle, true, _) => Some("no key was pressed for 3 s: press space while you hold one"),
        (_, _, false) => Some("you were not ready: its state was not on your screen"),
        (
            AgentKind::Vehicle | AgentKind::Transaction | AgentKind::SoftwareAgent | AgentKind::Generic,
            _,
            true,
        ) => None,
    }
}
