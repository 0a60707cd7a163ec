//! Which orders the monitor has not answered yet: a refusal comes without the id that the script gave.

use serde_json::Value;
use std::collections::VecDeque;
use watchkeeper_model::{AgentId, CommandId, SessionId};
use watchkeeper_picture::Intent;
use watchkeeper_protocol::{ToOperator, operator::LeaseEvent};

/// Most orders that are kept; some are never answered.
const KEPT: usize = 256;

/// Orders that nothing has answered yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Asked {
    orders: VecDeque<Open>,
}

#[derive(Debug)]
struct Open {
    /// The kind of frame that it left in.
    kind: &'static str,
    id: Option<Value>,
    agent: Option<AgentId>,
    command_id: Option<CommandId>,
}

impl Asked {
    /// Takes note of an order that was sent.
    pub(super) fn sent(
        &mut self,
        kind: &'static str,
        id: Option<Value>,
        agent: Option<AgentId>,
        command_id: Option<CommandId>,
    ) {
        if self.orders.len() >= KEPT {
            self.orders.pop_front();
        }
        self.orders.push_back(Open { kind, id, agent, command_id });
    }

    /// Takes note that a frame of this kind was refused; returns the id of the newest order that it may have been.
    pub(super) fn refused(&mut self, kind: &str) -> Option<Value> {
        self.take(|open| open.kind == kind)?.id
    }

    /// Takes note of what a message answers; returns the id of the claim that it refuses. `me` is this session.
    pub(super) fn hear(&mut self, message: &ToOperator, me: Option<SessionId>) -> Option<Value> {
        match message {
            ToOperator::CommandStatus(update) => {
                self.take(|open| open.command_id == Some(update.command_id));
                None
            }
            ToOperator::Lease(update) if Some(update.session_id) == me => {
                let is_of =
                    |open: &Open, kind| open.kind == kind && open.agent.as_ref() == Some(&update.agent);
                match update.event {
                    LeaseEvent::Granted => {
                        self.take(|open| is_of(open, "claim") || is_of(open, "request_handover"));
                        None
                    }
                    LeaseEvent::Refused => {
                        self.take(|open| is_of(open, "claim") || is_of(open, "request_handover"))?.id
                    }
                    LeaseEvent::HandoverRefused => self.take(|open| is_of(open, "request_handover"))?.id,
                    // The answer is still to come.
                    LeaseEvent::HandoverRequested => None,
                    LeaseEvent::Ended => {
                        self.take(|open| is_of(open, "release"));
                        None
                    }
                }
            }
            ToOperator::Lease(_)
            | ToOperator::Welcome(_)
            | ToOperator::Snapshot(_)
            | ToOperator::Alert(_)
            | ToOperator::ControlStatus(_)
            | ToOperator::Telemetry(_)
            | ToOperator::Takeover(_)
            | ToOperator::Roster(_)
            | ToOperator::Dropped(_)
            | ToOperator::Health(_)
            | ToOperator::Ping(_)
            | ToOperator::Head(_)
            | ToOperator::Error(_)
            | ToOperator::Probed(_)
            | ToOperator::Access(_) => None,
        }
    }

    /// Forgets all: what was on its way when the connection was lost is not answered any more.
    pub(super) fn forget(&mut self) {
        self.orders.clear();
    }

    fn take(&mut self, is_wanted: impl Fn(&Open) -> bool) -> Option<Open> {
        let index = self.orders.iter().rposition(is_wanted)?;
        self.orders.remove(index)
    }
}

/// Returns the kind of frame that an intent leaves in, as a refusal names it.
pub(super) const fn frame_kind(intent: &Intent) -> &'static str {
    match intent {
        Intent::Claim { .. } => "claim",
        Intent::Engage { .. } => "engage",
        Intent::Release { .. } => "release",
        Intent::HandBack { .. } => "hand_back",
        Intent::Command { .. } => "command",
        Intent::Acknowledge { .. } => "acknowledge",
        Intent::Shelve { .. } => "shelve",
        Intent::Unshelve { .. } => "unshelve",
        Intent::TakeOutOfService { .. } => "take_out_of_service",
        Intent::ReturnToService { .. } => "return_to_service",
        Intent::Reset { .. } => "reset",
        Intent::RequestHandover { .. } => "request_handover",
        Intent::AnswerHandover { .. } => "answer_handover",
        Intent::AllowTakeover { .. } => "allow_takeover",
        Intent::Waive { .. } => "waive",
        Intent::Label { .. } => "label",
        Intent::Stop { .. } => "stop",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use watchkeeper_model::{Epoch, PersonId};
    use watchkeeper_protocol::operator::LeaseUpdate;

    fn asked(orders: &[(&'static str, Option<i32>)]) -> Asked {
        let mut asked = Asked::default();
        for (kind, id) in orders {
            asked.sent(kind, id.map(|id| json!(id)), AgentId::new("vehicle-4").ok(), None);
        }
        asked
    }

    #[test]
    fn a_refusal_answers_the_newest_order_of_its_kind_and_each_order_once() {
        let mut asked = asked(&[("command", Some(1)), ("claim", Some(2)), ("command", Some(3))]);
        assert_eq!(asked.refused("command"), Some(json!(3)));
        assert_eq!(asked.refused("command"), Some(json!(1)));
        assert_eq!(asked.refused("command"), None);
        assert_eq!(asked.refused("claim"), Some(json!(2)));
    }

    #[test]
    fn a_holder_who_says_no_answers_the_wish_for_control_and_not_the_claim() {
        let update = |event| {
            ToOperator::Lease(LeaseUpdate {
                cursor: 1,
                agent: AgentId::new("vehicle-4").unwrap(),
                holder: PersonId::new("anna").unwrap(),
                session_id: SessionId(7),
                epoch: Epoch(0),
                event,
                code: None,
                end: None,
                detail: None,
            })
        };
        let me = Some(SessionId(7));
        let mut asked = asked(&[("request_handover", Some(1)), ("claim", Some(2))]);
        assert_eq!(asked.hear(&update(LeaseEvent::HandoverRequested), me), None);
        assert_eq!(asked.hear(&update(LeaseEvent::HandoverRefused), Some(SessionId(8))), None);
        assert_eq!(asked.hear(&update(LeaseEvent::HandoverRefused), me), Some(json!(1)));
        assert_eq!(asked.hear(&update(LeaseEvent::Refused), me), Some(json!(2)));
    }

    #[test]
    fn an_order_without_an_id_takes_its_own_refusal() {
        let mut asked = asked(&[("claim", Some(1)), ("claim", None)]);
        assert_eq!(asked.refused("claim"), None);
        assert_eq!(asked.refused("claim"), Some(json!(1)));
    }

    #[test]
    fn what_is_never_answered_does_not_pile_up() {
        let asked = asked(&[("acknowledge", None); 300]);
        assert_eq!(asked.orders.len(), KEPT);
    }
}
