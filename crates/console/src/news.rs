//! What the person is told: the answer to what he pressed, and what he must know without having asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use watchkeeper_model::{AgentId, CommandId, ControlState, Epoch, LeaseEnd, MonoTime};
use watchkeeper_picture::{
    Picture, Said,
    view::{self, Tone},
};
use watchkeeper_protocol::operator::LeaseEvent;

/// How long the answer to a press stays.
const ANSWER_FOR: Duration = Duration::from_secs(8);
/// How long it outranks what was said before it.
const ANSWER_FIRST: Duration = Duration::from_secs(4);
/// How long news stays that nobody looked for.
const UNASKED_FOR: Duration = Duration::from_secs(20);
/// Most lines that wait behind the newest; the oldest gives way, what is dangerous last.
const MOST: usize = 8;
/// How long the reason of a loss may come after the loss itself.
const REASON_WITHIN: Duration = Duration::from_millis(500);

/// The lines that still count.
#[derive(Clone, Debug, Default)]
pub(crate) struct News(Vec<Line>);

#[derive(Clone, Debug)]
struct Line {
    said: Said,
    at: MonoTime,
    until: MonoTime,
    /// It is the answer to a press: the next answer takes its place.
    is_answer: bool,
}

impl News {
    /// Adds the answer to a press, in place of the last one.
    pub(crate) fn answer(&mut self, said: Said, now: MonoTime) {
        self.0.retain(|line| !line.is_answer);
        self.push(Line { said, at: now, until: now.after(ANSWER_FOR), is_answer: true });
    }

    /// Adds something that nobody asked about.
    pub(crate) fn tell(&mut self, said: Said, now: MonoTime) {
        self.push(Line { said, at: now, until: now.after(UNASKED_FOR), is_answer: false });
    }

    /// Returns the line to show: what a press did outranks, for a while, what was said before it; else what is
    /// dangerous outranks what came after it and is not.
    pub(crate) fn newest(&mut self, now: MonoTime) -> Option<&Said> {
        self.0.retain(|line| now < line.until);
        let is_first = |line: &&Line| {
            line.said.tone == Tone::Danger || (line.is_answer && now.since(line.at) < ANSWER_FIRST)
        };
        let first = self.0.iter().rev().find(is_first);
        first.or_else(|| self.0.last()).map(|line| &line.said)
    }

    fn push(&mut self, line: Line) {
        if self.0.len() >= MOST {
            let calm = self.0.iter().position(|line| line.said.tone != Tone::Danger);
            self.0.remove(calm.unwrap_or(0));
        }
        self.0.push(line);
    }
}

/// What this session holds and what it was told, to notice what is lost or went wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unasked {
    held: BTreeMap<AgentId, Held>,
    told: BTreeSet<(CommandId, &'static str)>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    epoch: Epoch,
    gone_at: Option<MonoTime>,
}

impl Unasked {
    /// Compares the picture with what was held and told before.
    pub(crate) fn update(&mut self, picture: &Picture, now: MonoTime) -> Vec<Said> {
        for (agent, _) in picture.agents() {
            if let Some(epoch) = picture.my_epoch(agent) {
                self.held.insert(agent.clone(), Held { epoch, gone_at: None });
            }
        }
        let mut said = self.losses(picture, now);
        said.extend(self.rejections(picture, now));
        said
    }

    fn losses(&mut self, picture: &Picture, now: MonoTime) -> Vec<Said> {
        let mut said = Vec::new();
        self.held.retain(|agent, held| {
            if picture.my_epoch(agent).is_some() {
                return true;
            }
            let gone_at = *held.gone_at.get_or_insert(now);
            let end = ended(picture, agent, held.epoch);
            if end.is_none() && now.since(gone_at) < REASON_WITHIN {
                return true;
            }
            said.push(loss(picture, agent, end));
            false
        });
        said
    }

    fn rejections(&mut self, picture: &Picture, now: MonoTime) -> Vec<Said> {
        let rows = view::commands::rows(picture, None, now);
        self.told.retain(|(id, _)| rows.iter().any(|row| row.command_id == *id));
        // The rows are newest first; the newest news comes last.
        let wrong = rows.into_iter().rev().filter(|row| row.mine && row.went_wrong);
        wrong
            .filter(|row| self.told.insert((row.command_id, row.state)))
            .map(|row| {
                let why = if row.why.is_empty() { String::new() } else { format!(": {}", row.why) };
                let text = format!("{} {} {}{why}", row.verb, row.agent, row.state.to_uppercase());
                Said { tone: Tone::Danger, text }
            })
            .collect()
    }
}

/// Returns why the lease with this epoch ended, once the monitor has said so.
fn ended(picture: &Picture, agent: &AgentId, epoch: Epoch) -> Option<LeaseEnd> {
    let update = &picture.agent(agent)?.lease_event()?.value;
    if update.event == LeaseEvent::Ended && update.epoch == epoch { update.end } else { None }
}

fn loss(picture: &Picture, agent: &AgentId, end: Option<LeaseEnd>) -> Said {
    let (tone, text) = match end {
        None => (Tone::Danger, format!("YOU LOST {agent}: {}", guess(picture, agent))),
        Some(LeaseEnd::Released) => (Tone::Own, format!("you released {agent}")),
        Some(LeaseEnd::HandedBack) => (Tone::Own, format!("you handed {agent} back")),
        Some(LeaseEnd::HandedOver) => (Tone::Own, format!("you handed {agent} over")),
        Some(LeaseEnd::NotEngaged) => {
            (Tone::Danger, format!("the claim of {agent} lapsed: not engaged in time"))
        }
        Some(
            end @ (LeaseEnd::Expired
            | LeaseEnd::HolderLost
            | LeaseEnd::DemandEnded
            | LeaseEnd::Estopped
            | LeaseEnd::Fallback
            | LeaseEnd::MonitorRestarted
            | LeaseEnd::AgentRestarted
            | LeaseEnd::PreEmpted),
        ) => (Tone::Danger, format!("YOU LOST {agent}: {}", view::loss_words(end))),
    };
    Said { tone, text }
}

/// Returns why a lease is probably gone, where the monitor did not say it to this session.
fn guess(picture: &Picture, agent: &AgentId) -> &'static str {
    let Some(entry) = picture.agent(agent) else { return "the monitor no longer knows it" };
    let status = entry.status();
    if status.offline_nanos.is_some() {
        return "the agent is offline";
    }
    match status.control_state {
        ControlState::Estopped => "it was stopped (ESTOP)",
        ControlState::Fallback | ControlState::SafeHeld => "it fell back",
        ControlState::Autonomous
        | ControlState::Requested
        | ControlState::Claimed
        | ControlState::InTransition
        | ControlState::Human
        | ControlState::Returning => "your lease ended with the connection that held it",
    }
}

#[cfg(test)]
mod tests {
    use super::News;
    use std::time::Duration;
    use watchkeeper_model::MonoTime;
    use watchkeeper_picture::{Said, view::Tone};

    fn said(tone: Tone, text: &str) -> Said {
        Said { tone, text: text.to_owned() }
    }

    #[test]
    fn an_answer_is_read_before_a_loss_that_stands_comes_back_and_ends_in_time() {
        let start = MonoTime::from_nanos(1_000_000_000);
        let mut news = News::default();
        news.tell(said(Tone::Danger, "lost"), start);
        news.answer(said(Tone::Own, "sent"), start);
        assert_eq!(news.newest(start).unwrap().text, "sent");
        assert_eq!(news.newest(start.after(Duration::from_secs(4))).unwrap().text, "lost");
        news.answer(said(Tone::Own, "sent"), start.after(Duration::from_secs(5)));
        news.tell(said(Tone::Danger, "rejected"), start.after(Duration::from_secs(5)));
        assert_eq!(news.newest(start.after(Duration::from_secs(5))).unwrap().text, "rejected");
        let mut news = News::default();
        news.tell(said(Tone::Danger, "lost"), start);
        for _ in 0..9 {
            news.tell(said(Tone::Quiet, "quiet"), start);
        }
        assert_eq!(news.newest(start).unwrap().text, "lost", "what is dangerous gives way last");
        assert!(news.newest(start.after(Duration::from_secs(20))).is_none());
    }

    #[test]
    fn an_answer_takes_the_place_of_the_answer_before() {
        let start = MonoTime::from_nanos(1_000_000_000);
        let mut news = News::default();
        news.answer(said(Tone::Warning, "not sent"), start);
        news.answer(said(Tone::Own, "sent"), start);
        assert_eq!(news.newest(start).unwrap().text, "sent");
        assert_eq!(news.0.len(), 1);
    }
}
