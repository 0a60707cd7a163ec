//! Whether what a script waits for is so.

use super::order::{AlertWanted, CommandWanted, Condition, LeaseWanted};
use watchkeeper_model::{AgentId, CommandId, CommandState, Response};
use watchkeeper_picture::{AgentPicture, Picture};

/// How a wait stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is so, for this agent.
    Met(AgentId),
    /// Not yet.
    NotYet,
    /// It will not come any more.
    Hopeless(String),
}

/// Looks at the picture; `last_command` is the last one this session sent to an agent.
pub(super) fn look(
    condition: &Condition,
    picture: &Picture,
    last_command: impl Fn(&AgentId) -> Option<CommandId>,
) -> Standing {
    let mut hopeless = None;
    for (agent, entry) in picture.agents() {
        if condition.agent.as_ref().is_some_and(|wanted| wanted != agent) {
            continue;
        }
        let command = command_stands(condition, picture, agent, last_command(agent));
        match command {
            Standing::Met(_) if holds(condition, picture, agent, entry) => {
                return Standing::Met(agent.clone());
            }
            Standing::Hopeless(reason) => hopeless = Some(reason),
            Standing::Met(_) | Standing::NotYet => {}
        }
    }
    hopeless.map_or(Standing::NotYet, Standing::Hopeless)
}

fn holds(condition: &Condition, picture: &Picture, agent: &AgentId, entry: &AgentPicture) -> bool {
    let status = entry.status();
    let alerts = || {
        picture
            .alerts()
            .map(|(_, alert)| alert.alarm())
            .filter(|alarm| alarm.agent == *agent && alarm.state.is_active())
    };
    let asks = || alerts().any(|alarm| alarm.response == Response::Takeover);
    let me = picture.me().map(|me| me.session_id);
    let next = status.lease.as_ref().and_then(|lease| lease.next.as_ref());
    let is_next = next.is_some_and(|next| Some(next.session_id) == me);
    let asked = status.lease.as_ref().is_some_and(|lease| lease.handover.is_some());
    let lease = condition.lease.is_none_or(|wanted| match wanted {
        LeaseWanted::Mine => picture.my_epoch(agent).is_some() && !is_next,
        LeaseWanted::Next => is_next,
        LeaseWanted::None => status.lease.is_none(),
    });
    let alert = condition.alert.is_none_or(|wanted| match wanted {
        AlertWanted::Takeover => asks(),
        AlertWanted::Any => alerts().next().is_some(),
        AlertWanted::None => !asks(),
    });
    lease
        && alert
        && condition.state.is_none_or(|wanted| wanted == status.control_state)
        && condition.can_resume.is_none_or(|wanted| wanted == status.can_resume)
        && condition.condition_reached.is_none_or(|wanted| wanted == status.condition_reached)
        && condition.handover.is_none_or(|wanted| wanted == asked)
        && condition.offline.is_none_or(|wanted| wanted == status.offline_nanos.is_some())
}

fn command_stands(
    condition: &Condition,
    picture: &Picture,
    agent: &AgentId,
    last_command: Option<CommandId>,
) -> Standing {
    let Some(wanted) = condition.command else { return Standing::Met(agent.clone()) };
    let Some(command_id) = last_command else { return Standing::NotYet };
    let Some(command) = picture.commands(agent).find(|command| command.command_id == command_id) else {
        return Standing::NotYet;
    };
    match wanted {
        CommandWanted::Terminal if command.is_terminal() => Standing::Met(agent.clone()),
        CommandWanted::Completed if command.state == Some(CommandState::Completed) => {
            Standing::Met(agent.clone())
        }
        CommandWanted::Completed if command.is_terminal() => {
            let state = command.state.map_or("unknown", CommandState::word);
            Standing::Hopeless(format!("the {} ended as {state}", command.kind))
        }
        CommandWanted::Terminal | CommandWanted::Completed => Standing::NotYet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::scenes;
    use watchkeeper_model::{AgentKind, ControlState, Epoch, OperatorRole, SessionId};
    use watchkeeper_protocol::operator::{HandoverStatus, NextHolder};

    #[test]
    fn a_lease_that_comes_with_the_engage_is_next_and_not_mine() {
        let is = |next: Option<SessionId>, asked: bool, wanted: Condition| {
            let mut status = scenes::status("truck-17", AgentKind::Vehicle);
            status.control_state = ControlState::Human;
            let mut lease = scenes::lease("bob", SessionId(8));
            lease.next = next.map(|session_id| NextHolder {
                holder: scenes::person("anna"),
                session_id,
                epoch: Epoch(42),
                left_nanos: 5_000_000_000,
                ready: true,
                preempts: false,
            });
            lease.handover = asked.then(|| HandoverStatus {
                request_id: 1,
                by: scenes::person("anna"),
                session_id: scenes::SESSION,
                left_nanos: 5_000_000_000,
                reason: None,
            });
            status.lease = Some(lease);
            let picture = scenes::picture(OperatorRole::Operator, vec![status], vec![]);
            look(&wanted, &picture, |_| None) != Standing::NotYet
        };
        let lease = |lease| Condition { lease: Some(lease), ..Condition::default() };
        assert!(is(Some(scenes::SESSION), false, lease(LeaseWanted::Next)));
        assert!(!is(Some(scenes::SESSION), false, lease(LeaseWanted::Mine)));
        assert!(!is(Some(SessionId(9)), false, lease(LeaseWanted::Next)));
        assert!(!is(None, false, lease(LeaseWanted::Next)));
        let asked = |wanted| Condition { handover: Some(wanted), ..Condition::default() };
        assert!(is(None, true, asked(true)) && is(None, false, asked(false)));
        assert!(!is(None, true, asked(false)) && !is(None, false, asked(true)));
    }
}
