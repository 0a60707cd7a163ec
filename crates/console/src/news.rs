//! What the person is told: the answer to what he pressed, and what he must know without having asked.

use std::time::Duration;
use watchkeeper_model::MonoTime;
use watchkeeper_picture::{Said, view::Tone};

/// How long the answer to a press stays.
const ANSWER_FOR: Duration = Duration::from_secs(8);
/// How long it outranks what was said before it.
const ANSWER_FIRST: Duration = Duration::from_secs(4);
/// How long news stays that nobody looked for.
const UNASKED_FOR: Duration = Duration::from_secs(20);
/// Most lines that wait behind the newest; the oldest gives way, what is dangerous last.
const MOST: usize = 8;
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
