//! What the vehicle's own software asks, and what it says of its tasks.

use super::{Rig, STEP};
use watchkeeper_model::{CommandId, Label, Note, QuestionPolicy, SceneId, TaskReport};
use watchkeeper_protocol::{
    AgentMessage,
    agent::{Question as QuestionMessage, RequestIntervention},
};
use watchkeeper_takeover::Question;

impl Rig {
    /// Asks a question with two options, of which the second is the default; returns its number.
    pub(crate) fn ask_question(&mut self, policy: QuestionPolicy) -> SceneId {
        self.command_seq += 1;
        let (scene_id, now) = (SceneId(self.command_seq), self.agent_now());
        let question = Question { scene_id, options: 2, default: 1, policy };
        self.gate.handle_question(question, now).unwrap();
        self.send_agent(AgentMessage::Question(QuestionMessage {
            scene_id,
            prompt: Note::cut("pass on the left?"),
            options: vec![Label::cut("pass"), Label::cut("wait")],
            default: 1,
            policy,
            left_nanos: 15_000_000_000,
        }));
        self.drain_gate();
        scene_id
    }

    /// The agent's own software says how a task goes.
    pub(crate) fn report_task(&mut self, command_id: CommandId, report: TaskReport) {
        if !matches!(report, TaskReport::Underway(_)) {
            self.tasks.retain(|task| task.command_id != command_id);
        }
        let now = self.agent_now();
        self.gate.handle_task_report(command_id, report, now);
        self.drain_gate();
        self.run(STEP * 4);
    }

    pub(crate) fn ask(&mut self, reason: &str) {
        self.send_agent(AgentMessage::RequestIntervention(RequestIntervention { reason: Note::cut(reason) }));
    }
}
