//! Assistance without transfer of control (rows 2 to 4): the agent asks, goes on with other work, and does what the
//! answer says, or the default when its time is up. The death of the monitor hangs no question.

use super::{Gate, GateCommand, GateOutput, fence::Refusal, running::Goal};
use crate::machine::Event;
use std::hash::{Hash, Hasher};
use thiserror::Error;
use watchkeeper_model::{
    AgentKind, AgentTime, CommandCode, ControlState, FallbackCause, FallbackLevel, MAX_QUESTIONS,
    QuestionOutcome, QuestionPolicy, SceneId,
};

/// What of a question concerns the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// Names it, once per boot.
    pub scene_id: SceneId,
    /// How many options there are, 1 or more.
    pub options: u8,
    /// The one that counts when nobody answers: never the one that proceeds or approves.
    pub default: u8,
    /// What happens then.
    pub policy: QuestionPolicy,
}

/// How a question ended, for the agent's own software.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// Which.
    pub scene_id: SceneId,
    /// The option that counts.
    pub option: u8,
    /// Who decided it.
    pub outcome: QuestionOutcome,
}

/// Says why a question is not asked; the agent then acts on its default at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QuestionRefusal {
    /// The default is none of the options.
    #[error("the default {default} is none of the {options} options")]
    NoDefault {
        /// The default.
        default: u8,
        /// How many options there are.
        options: u8,
    },
    /// A question of this number is open.
    #[error("question {0} is open already")]
    Open(SceneId),
    /// As many are open as may be.
    #[error("{MAX_QUESTIONS} questions are open already")]
    TooMany,
    /// The agent does not act by itself now.
    #[error("an agent that is {0} asks nothing: it does not act by itself")]
    NotActing(ControlState),
    /// Nobody has been reconciled with since the start.
    #[error("no monitor has welcomed this agent yet")]
    NotReconciled,
}

/// The open questions, oldest first, each with the end of its T_decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Questions(Vec<(Question, AgentTime)>);

impl Questions {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn due_at(&self) -> Option<AgentTime> {
        self.0.iter().map(|(_, deadline)| *deadline).min()
    }

    /// Returns whether one of them may not be forgotten over a reboot.
    pub(super) fn need_an_answer(&self) -> bool {
        self.0.iter().any(|(question, _)| question.policy == QuestionPolicy::Required)
    }

    /// See [`Gate::hash_from_now`].
    pub(super) fn hash_from_now(&self, now: AgentTime, hasher: &mut impl Hasher) {
        for (question, deadline) in &self.0 {
            (question, now.until(*deadline)).hash(hasher);
        }
    }

    fn take(&mut self, fits: impl Fn(&Question, AgentTime) -> bool) -> Option<Question> {
        let index = self.0.iter().position(|(question, deadline)| fits(question, *deadline))?;
        Some(self.0.remove(index).0)
    }
}

impl Gate {
    /// Asks a question (row 2).
    ///
    /// # Errors
    /// See [`QuestionRefusal`].
    pub fn handle_question(&mut self, question: Question, now: AgentTime) -> Result<(), QuestionRefusal> {
        self.handle_timeout(now);
        let Question { scene_id, options, default, .. } = question;
        if default >= options {
            return Err(QuestionRefusal::NoDefault { default, options });
        }
        if !self.reconciled {
            return Err(QuestionRefusal::NotReconciled);
        }
        if !self.state.agent_acts() {
            return Err(QuestionRefusal::NotActing(self.state));
        }
        if self.questions.0.iter().any(|(open, _)| open.scene_id == scene_id) {
            return Err(QuestionRefusal::Open(scene_id));
        }
        if self.questions.0.len() >= MAX_QUESTIONS {
            return Err(QuestionRefusal::TooMany);
        }
        self.questions.0.push((question, now.after(self.timers.decide)));
        self.record_due = true;
        self.report();
        self.settle(now);
        Ok(())
    }

    /// Takes an open question back: the agent needs no answer any more.
    pub fn handle_question_withdrawn(&mut self, scene_id: SceneId, now: AgentTime) {
        self.handle_timeout(now);
        if self.questions.take(|question, _| question.scene_id == scene_id).is_some() {
            self.record_due = true;
            self.report();
            self.settle(now);
        }
    }

    /// Returns the open questions, each with what is left of T_decide.
    pub fn questions(&self, now: AgentTime) -> impl Iterator<Item = (Question, std::time::Duration)> + '_ {
        self.questions.0.iter().map(move |(question, deadline)| (*question, now.until(*deadline)))
    }

    /// Row 3: the first valid answer counts.
    pub(super) fn decide(&mut self, command: &GateCommand<'_>) -> Result<Goal, Refusal> {
        let (Some(scene_id), Some(option)) = (command.args.scene_id, command.args.option) else {
            return Err((CommandCode::Denied, "decide needs scene_id and option"));
        };
        let is_meant = |question: &Question, _| question.scene_id == scene_id && option < question.options;
        if self.questions.take(is_meant).is_none() {
            return Err((CommandCode::Precondition, "no such question is open, or it has no such option"));
        }
        self.use_epoch(command.epoch);
        self.answer(Answer { scene_id, option, outcome: QuestionOutcome::Answered });
        self.report();
        Ok(Goal::InForce)
    }

    /// T_decide: the default counts. A vehicle that needed an answer falls back (row 4).
    pub(super) fn expire_questions(&mut self, now: AgentTime) {
        while let Some(question) = self.questions.take(|_, deadline| now >= deadline) {
            let Question { scene_id, default, policy, .. } = question;
            self.record_due = true;
            self.answer(Answer { scene_id, option: default, outcome: QuestionOutcome::Defaulted });
            self.report();
            if policy == QuestionPolicy::Required && self.identity.kind == AgentKind::Vehicle {
                let level = FallbackLevel::COMFORTABLE;
                self.fall_back(Event::QuestionExpired, level, FallbackCause::Question, now);
            }
        }
    }

    /// Ends every open question with its default.
    pub(super) fn close_questions(&mut self, outcome: QuestionOutcome) {
        for (question, _) in std::mem::take(&mut self.questions.0) {
            let Question { scene_id, default, .. } = question;
            self.answer(Answer { scene_id, option: default, outcome });
        }
    }

    fn answer(&mut self, answer: Answer) {
        self.push(GateOutput::Answer(answer));
    }
}
