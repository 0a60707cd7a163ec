//! Questions that the agent asks people, and the answers it waits for.

use super::AgentCore;
use std::{collections::BTreeMap, time::Duration};
use thiserror::Error;
use watchkeeper_model::{AgentTime, Label, Note, QuestionOutcome, QuestionPolicy, SceneId, nanos};
use watchkeeper_protocol::{
    AgentMessage,
    agent::{MAX_OPTIONS, Question as QuestionMessage},
};
use watchkeeper_takeover::{Answer, Question, QuestionRefusal};

/// Most answers that nobody has fetched; the oldest makes room.
const MAX_ANSWERS: usize = 64;

/// What an agent wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionDraft {
    /// In words.
    pub prompt: Note,
    /// What may be answered, 1 to 8.
    pub options: Vec<Label>,
    /// Which option counts when nobody answers in time, from 0: never the one that proceeds or approves.
    pub default: u8,
    /// What happens then.
    pub policy: QuestionPolicy,
}

/// Says why a question is not asked; the agent then acts on its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AskError {
    /// The gate does not take it.
    #[error(transparent)]
    Gate(#[from] QuestionRefusal),
    /// Too many options.
    #[error("a question has 1 to {MAX_OPTIONS} options, this one has {0}")]
    Options(usize),
}

/// The questions of one boot.
#[derive(Debug, Default)]
pub(super) struct Asking {
    last: SceneId,
    open: BTreeMap<SceneId, QuestionDraft>,
    answers: BTreeMap<SceneId, Answer>,
}

impl Asking {
    /// Keeps an answer until it is fetched.
    pub(super) fn handle_answer(&mut self, answer: Answer) {
        self.open.remove(&answer.scene_id);
        self.answers.insert(answer.scene_id, answer);
        while self.answers.len() > MAX_ANSWERS {
            self.answers.pop_first();
        }
    }

    /// A new boot waits for nobody: what was open takes its default.
    pub(super) fn handle_new_boot(&mut self) {
        for (scene_id, draft) in std::mem::take(&mut self.open) {
            self.handle_answer(Answer {
                scene_id,
                option: draft.default,
                outcome: QuestionOutcome::Overtaken,
            });
        }
    }
}

impl AgentCore {
    /// Asks people a question, and goes on: the answer comes in [`Self::take_answer`], at the latest after T_decide.
    ///
    /// # Errors
    /// See [`AskError`]; then nobody is asked, and the agent acts on its default at once.
    pub fn handle_question(&mut self, draft: QuestionDraft, now: AgentTime) -> Result<SceneId, AskError> {
        self.wake(now);
        let options = u8::try_from(draft.options.len()).unwrap_or(u8::MAX);
        if options == 0 || usize::from(options) > MAX_OPTIONS {
            return Err(AskError::Options(draft.options.len()));
        }
        let scene_id = self.asking.last.next();
        let question = Question { scene_id, options, default: draft.default, policy: draft.policy };
        self.gate.handle_question(question, now)?;
        self.asking.last = scene_id;
        self.asking.open.insert(scene_id, draft);
        self.send_question(scene_id, now);
        self.settle(now);
        Ok(scene_id)
    }

    /// Takes a question back.
    pub fn handle_question_withdrawn(&mut self, scene_id: SceneId, now: AgentTime) {
        self.wake(now);
        self.asking.open.remove(&scene_id);
        self.gate.handle_question_withdrawn(scene_id, now);
        self.settle(now);
    }

    /// Returns the answer to a question, once.
    pub fn take_answer(&mut self, scene_id: SceneId) -> Option<Answer> {
        self.asking.answers.remove(&scene_id)
    }

    /// Returns whether an answer waits to be taken.
    pub fn has_answers(&self) -> bool {
        !self.asking.answers.is_empty()
    }

    /// Says every open question again: a monitor that has just welcomed this agent may not know them.
    pub(super) fn ask_again(&mut self, now: AgentTime) {
        let open: Vec<SceneId> = self.asking.open.keys().copied().collect();
        for scene_id in open {
            self.send_question(scene_id, now);
        }
    }

    fn send_question(&mut self, scene_id: SceneId, now: AgentTime) {
        let Some(draft) = self.asking.open.get(&scene_id).cloned() else { return };
        let asked = self.gate.questions(now).find(|(question, _)| question.scene_id == scene_id);
        let left = asked.map_or(Duration::ZERO, |(_, left)| left);
        if self.is_welcomed() {
            self.enqueue(AgentMessage::Question(QuestionMessage {
                scene_id,
                prompt: draft.prompt,
                options: draft.options,
                default: draft.default,
                policy: draft.policy,
                left_nanos: nanos(left),
            }));
        }
    }
}
