//! What the orders of a script mean.

use super::{Console, Order};
use std::time::Duration;
use watchkeeper_model::{AgentId, CommandArgs, CommandKind, LatchId, SceneId};
use watchkeeper_picture::{Action, Intent, read_task, view::takeover::releases};
use watchkeeper_server::clock::Clock;

impl Console {
    /// Turns an order into an intent.
    pub(super) fn intent(&mut self, order: Order) -> Result<Intent, String> {
        match order {
            Order::Claim { agent } => {
                let agent = self.agent(agent)?;
                self.selected = Some(agent.clone());
                Ok(Intent::Claim { agent })
            }
            Order::Engage { agent, latches } => {
                let agent = self.agent(agent)?;
                let held = || self.operator.picture().agent(&agent).map(releases).unwrap_or_default();
                let latches = latches.unwrap_or_else(held);
                // The gate must have heard that the holder is there before he engages.
                self.operator.heartbeat(true);
                Ok(Intent::Engage { agent, latches })
            }
            Order::HandBack { agent } => Ok(Intent::HandBack { agent: self.agent(agent)? }),
            Order::Release { agent } => Ok(Intent::Release { agent: self.agent(agent)? }),
            Order::Waive { agent, reason } => Ok(Intent::Waive { agent: self.agent(agent)?, reason }),
            Order::Acknowledge { alert_id } => Ok(Intent::Acknowledge { alert: alert_id }),
            Order::Shelve { alert_id, reason, for_secs } => {
                Ok(Intent::Shelve { alert: alert_id, span: Duration::from_secs_f64(for_secs), reason })
            }
            Order::Unshelve { alert_id } => Ok(Intent::Unshelve { alert: alert_id }),
            Order::RequestHandover { agent, preempt, reason } => {
                let agent = self.agent(agent)?;
                self.selected = Some(agent.clone());
                Ok(Intent::RequestHandover { agent, preempt, reason })
            }
            Order::AnswerHandover { agent, request_id, accept } => {
                let agent = self.agent(agent)?;
                let request_id = match request_id {
                    Some(request_id) => request_id,
                    None => self.wish(&agent)?,
                };
                Ok(Intent::AnswerHandover { agent, request_id, accept })
            }
            Order::AllowTakeover { agent, allowed } => {
                Ok(Intent::AllowTakeover { agent: self.agent(agent)?, allowed })
            }
            Order::Label { demand_id, verdict } => Ok(Intent::Label { demand: demand_id, verdict }),
            Order::Stop { agent, reason, confirm_many } => {
                Ok(Intent::Stop { agent: self.agent(agent)?, reason, confirm_many })
            }
            order @ (Order::Hold { .. }
            | Order::SpeedCap { .. }
            | Order::Resume { .. }
            | Order::Dismiss { .. }
            | Order::ClearLatch { .. }
            | Order::Decide { .. }
            | Order::Suspend { .. }
            | Order::Reinstate { .. }
            | Order::MinimalRisk { .. }
            | Order::Task { .. }) => self.command(order),
            Order::Status { .. } | Order::Wait { .. } | Order::Quit => Err("nothing to send".to_owned()),
        }
    }

    /// Turns an order that the agent's gate takes into its command.
    fn command(&self, order: Order) -> Result<Intent, String> {
        let none = CommandArgs::default;
        let because = |reason| CommandArgs { reason: Some(reason), ..none() };
        let (agent, kind, args) = match order {
            Order::Hold { agent } => (self.agent(agent)?, CommandKind::Hold, none()),
            Order::SpeedCap { agent, mps } => {
                (self.agent(agent)?, CommandKind::SpeedCap, CommandArgs { speed_mps: Some(mps), ..none() })
            }
            Order::Resume { agent } => (self.agent(agent)?, CommandKind::Resume, none()),
            Order::Dismiss { agent, reason } => (self.agent(agent)?, CommandKind::Dismiss, because(reason)),
            Order::ClearLatch { agent, latch_id, reason } => {
                let agent = self.agent(agent)?;
                let latch_id = match latch_id {
                    Some(latch_id) => latch_id,
                    None => self.clearable_latch(&agent)?,
                };
                let args = CommandArgs { latch_id: Some(latch_id), ..because(reason) };
                (agent, CommandKind::ClearLatch, args)
            }
            Order::Decide { agent, scene_id, option } => {
                let agent = self.agent(agent)?;
                let scene_id = match scene_id {
                    Some(scene_id) => scene_id,
                    None => self.question(&agent)?,
                };
                let args = CommandArgs { scene_id: Some(scene_id), option: Some(option), ..none() };
                (agent, CommandKind::Decide, args)
            }
            Order::Suspend { agent, reason } => (self.agent(agent)?, CommandKind::Suspend, because(reason)),
            Order::Reinstate { agent, reason } => {
                (self.agent(agent)?, CommandKind::Reinstate, because(reason))
            }
            Order::MinimalRisk { agent, level } => {
                (self.agent(agent)?, CommandKind::MinimalRisk, CommandArgs { level: Some(level), ..none() })
            }
            Order::Task { agent, task } => {
                let agent = self.agent(agent)?;
                let entry = self.operator.picture().agent(&agent).ok_or("nobody knows this agent")?;
                let read = read_task(&task, &entry.status().tasks);
                let (verb, args) = read.map_err(|needs| format!("a task needs {needs}"))?;
                (agent, CommandKind::Task(verb), args)
            }
            Order::Claim { .. }
            | Order::Engage { .. }
            | Order::HandBack { .. }
            | Order::Release { .. }
            | Order::Waive { .. }
            | Order::Acknowledge { .. }
            | Order::Shelve { .. }
            | Order::Unshelve { .. }
            | Order::RequestHandover { .. }
            | Order::AnswerHandover { .. }
            | Order::AllowTakeover { .. }
            | Order::Label { .. }
            | Order::Stop { .. }
            | Order::Status { .. }
            | Order::Wait { .. }
            | Order::Quit => return Err("no command of an agent".to_owned()),
        };
        Ok(Intent::Command { agent, kind, args })
    }

    /// Returns the one question that is open.
    fn question(&self, agent: &AgentId) -> Result<SceneId, String> {
        let entry = self.operator.picture().agent(agent).ok_or("nobody knows this agent")?;
        match entry.status().questions.as_slice() {
            [] => Err("no question is open".to_owned()),
            [question] => Ok(question.scene_id),
            many => Err(format!("{} questions are open: say scene_id", many.len())),
        }
    }

    /// Returns the first latch that this role may release, or why there is none.
    fn clearable_latch(&self, agent: &AgentId) -> Result<LatchId, String> {
        let picture = self.operator.picture();
        Action::ClearLatch.check(picture, agent, Clock.now()).map_err(|reason| reason.to_string())?;
        let latch = picture
            .agent(agent)
            .zip(picture.me())
            .and_then(|(entry, me)| Action::clearable_latch(entry.status(), me.role));
        latch.map(|latch| latch.latch_id).ok_or_else(|| "no latch is set".to_owned())
    }

    /// Returns who asks for control of the agent now.
    fn wish(&self, agent: &AgentId) -> Result<u64, String> {
        let entry = self.operator.picture().agent(agent);
        let wish = entry.and_then(|entry| entry.status().lease.as_ref()?.handover.as_ref());
        wish.map(|wish| wish.request_id).ok_or_else(|| format!("nobody asks for control of {agent}"))
    }

    fn agent(&self, named: Option<AgentId>) -> Result<AgentId, String> {
        named
            .or_else(|| self.selected.clone())
            .ok_or_else(|| "which agent? Name one, or claim or wait for one first".to_owned())
    }
}
