//! Stops that the monitor has not answered: a stop is sent until it is known to have come through (`takeover.md` 3.1).
//! From then on the monitor repeats it to the agent, over outages too.

use std::{collections::BTreeMap, time::Duration};
use watchkeeper_model::{AgentId, CommandKind, MonoTime};
use watchkeeper_protocol::{ToOperator, operator::Stop};

/// 5 Hz.
const RETRY: Duration = Duration::from_millis(200);

/// The newest unanswered stop of each agent, and when it is sent again.
#[derive(Clone, Debug)]
pub(super) struct UnheardStops(BTreeMap<AgentId, (Stop, MonoTime)>);

impl UnheardStops {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Takes note of a stop that was just sent.
    pub(super) fn add(&mut self, stop: Stop, now: MonoTime) {
        self.0.insert(stop.agent.clone(), (stop, now.after(RETRY)));
    }

    /// Takes what the monitor says: of a stop that it tells of it takes care, and one that it refuses is over.
    pub(super) fn handle(&mut self, message: &ToOperator) {
        match message {
            ToOperator::CommandStatus(update) => {
                self.0.retain(|_, (stop, _)| stop.command_id != update.command_id);
            }
            // Which one it is about, it does not say; every one before it was answered.
            ToOperator::Error(report)
                if report.kind.as_ref().is_some_and(|kind| {
                    kind.as_str() == "stop" || kind.as_str() == CommandKind::Estop.word()
                }) =>
            {
                self.0.clear();
            }
            ToOperator::Error(_)
            | ToOperator::Welcome(_)
            | ToOperator::Snapshot(_)
            | ToOperator::Alert(_)
            | ToOperator::ControlStatus(_)
            | ToOperator::Lease(_)
            | ToOperator::Telemetry(_)
            | ToOperator::Takeover(_)
            | ToOperator::Roster(_)
            | ToOperator::Probed(_)
            | ToOperator::Access(_)
            | ToOperator::Dropped(_)
            | ToOperator::Health(_)
            | ToOperator::Ping(_)
            | ToOperator::Head(_) => {}
        }
    }

    /// Returns the stops that are due, each once more.
    pub(super) fn take_due(&mut self, now: MonoTime) -> Vec<Stop> {
        let due = self.0.values_mut().filter(|(_, at)| now >= *at);
        due.map(|(stop, at)| {
            *at = now.after(RETRY);
            stop.clone()
        })
        .collect()
    }

    pub(super) fn poll_timeout(&self) -> Option<MonoTime> {
        self.0.values().map(|(_, at)| *at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeeper_model::{CommandId, CommandState, Label, Note, PersonId};
    use watchkeeper_protocol::{
        operator::CommandUpdate,
        session::{ErrorCode, ErrorReport},
    };

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_nanos(millis * 1_000_000)
    }

    /// One stop of `truck-1` that was just sent.
    fn sent() -> UnheardStops {
        let mut stops = UnheardStops::new();
        let stop = Stop {
            command_id: CommandId(uuid::Uuid::from_u128(7)),
            agent: AgentId::new("truck-1").unwrap(),
            reason: None,
            confirm_many: false,
            issued_nanos: 0,
        };
        stops.add(stop, at(0));
        stops
    }

    fn told(command: u128) -> ToOperator {
        ToOperator::CommandStatus(CommandUpdate {
            cursor: 1,
            command_id: CommandId(uuid::Uuid::from_u128(command)),
            agent: AgentId::new("truck-1").unwrap(),
            kind: CommandKind::Estop,
            issued_by: PersonId::new("ada").unwrap(),
            state: CommandState::Received,
            code: None,
            detail: None,
            logged: false,
        })
    }

    fn refused(kind: &str) -> ToOperator {
        ToOperator::Error(ErrorReport {
            code: ErrorCode::UnknownAgent,
            message: Note::cut("nobody knows it"),
            kind: Some(Label::cut(kind)),
            field: None,
        })
    }

    #[test]
    fn a_stop_is_due_every_200_ms_until_the_monitor_tells_of_it() {
        let mut stops = sent();
        assert_eq!((stops.take_due(at(199)).len(), stops.take_due(at(200)).len()), (0, 1));
        assert_eq!(stops.poll_timeout(), Some(at(400)));
        stops.handle(&told(8));
        assert_eq!(stops.take_due(at(400)).len(), 1, "that was another one");
        stops.handle(&told(7));
        assert_eq!((stops.poll_timeout(), stops.take_due(at(9_000)).len()), (None, 0));
    }

    #[test]
    fn a_stop_that_is_refused_is_over_and_what_else_is_refused_changes_nothing() {
        for (kind, left) in [("estop", 0), ("stop", 0), ("hold", 1)] {
            let mut stops = sent();
            stops.handle(&refused(kind));
            assert_eq!(stops.take_due(at(200)).len(), left, "{kind}");
        }
    }
}
