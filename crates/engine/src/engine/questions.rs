//! Questions of agents (rows 2 to 4): told to people, answered once, over when the agent says so.
//!
//! No control moves by an answer, and the agent keeps the time: here is only what people see of a question.

use super::{Engine, causes::state_finding};
use crate::agent::{Agent, OpenQuestion};
use std::time::Duration;
use watchkeeper_detect::Phase;
use watchkeeper_model::{AgentId, CauseClass, CommandCode, MAX_QUESTIONS, MonoTime, SceneId, Severity};
use watchkeeper_protocol::{agent::Question, operator::CommandRequest};

type Refusal = (CommandCode, String);

impl Engine {
    /// The agent asks, or asks again after a reconnect.
    pub(super) fn handle_question(&mut self, agent_id: &AgentId, question: Question, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let left = Duration::from_nanos(question.left_nanos).min(agent.timers.decide);
        let open = OpenQuestion { deadline: now.after(left), question };
        let scene_id = open.question.scene_id;
        agent.questions.retain(|known| known.question.scene_id != scene_id);
        if agent.questions.len() >= MAX_QUESTIONS {
            return;
        }
        agent.questions.push(open);
        self.tell_question(agent_id, scene_id, Phase::Raised, now);
        self.publish_status_change(agent_id, now);
    }

    /// Follows the agent: a question that it no longer names is over.
    pub(super) fn check_questions(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get_mut(agent_id) else { return };
        let Some(last) = &agent.last else { return };
        let is_over = |open: &OpenQuestion| !last.scenes.contains(&open.question.scene_id);
        let over: Vec<SceneId> =
            agent.questions.iter().filter(|open| is_over(open)).map(|open| open.question.scene_id).collect();
        for scene_id in over {
            self.tell_question(agent_id, scene_id, Phase::Cleared, now);
            if let Some(agent) = self.agents.get_mut(agent_id) {
                agent.questions.retain(|open| open.question.scene_id != scene_id);
            }
        }
    }

    /// A new boot of the agent asks anew, if it still wants to know.
    pub(super) fn drop_questions(&mut self, agent_id: &AgentId, now: MonoTime) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        let scenes: Vec<SceneId> = agent.questions.iter().map(|open| open.question.scene_id).collect();
        for scene_id in scenes {
            self.tell_question(agent_id, scene_id, Phase::Cleared, now);
        }
        if let Some(agent) = self.agents.get_mut(agent_id) {
            agent.questions.clear();
        }
    }

    /// An alert that advises: it waits in the queue like any other until somebody answers, or the time is up.
    fn tell_question(&mut self, agent_id: &AgentId, scene_id: SceneId, phase: Phase, now: MonoTime) {
        let Some(agent) = self.agents.get(agent_id) else { return };
        let Some(open) = find(agent, scene_id) else { return };
        let Question { prompt, options, default, .. } = &open.question;
        let words: Vec<&str> = options.iter().map(watchkeeper_model::Label::as_str).collect();
        let fallback = words.get(usize::from(*default)).copied().unwrap_or("its default");
        let left = now.until(open.deadline).as_secs();
        let text = format!(
            "the agent asks: {prompt} ({}); without an answer in {left} s: {fallback}",
            words.join(" / ")
        );
        let subject = format!("question {scene_id}");
        let finding = state_finding(CauseClass::Asked, &subject, Severity::Warning, &text, phase);
        self.set_state_cause(agent_id, finding, now);
    }
}

fn find(agent: &Agent, scene_id: SceneId) -> Option<&OpenQuestion> {
    agent.questions.iter().find(|open| open.question.scene_id == scene_id)
}

/// Rows 3 and 4: the question must be open, and the answer one of its options. The first answer that the agent takes
/// counts.
pub(super) fn check_decide(agent: &Agent, request: &CommandRequest, now: MonoTime) -> Result<(), Refusal> {
    let (Some(scene_id), Some(option)) = (request.args.scene_id, request.args.option) else {
        return Err((CommandCode::Denied, "decide needs scene_id and option".to_owned()));
    };
    let Some(open) = find(agent, scene_id) else {
        return Err((CommandCode::Precondition, format!("no question {scene_id} is open")));
    };
    if now >= open.deadline {
        return Err((CommandCode::Expired, "the time to answer is over: its default counts".to_owned()));
    }
    if usize::from(option) >= open.question.options.len() {
        let detail = format!("question {scene_id} has options 0 to {}", open.question.options.len() - 1);
        return Err((CommandCode::Denied, detail));
    }
    Ok(())
}
