//! Which alerts the monitor was told to be on the person's screen.

use super::{MAX_WAITING, OperatorCore, Session};
use watchkeeper_model::{Alarm, AlarmState, AlertId, DemandId, MonoTime};
use watchkeeper_protocol::{OperatorMessage, ToOperator, operator::Presented};

/// Most alerts of one `presented`.
const MAX_PRESENTED: usize = 64;

/// What was told of an alert.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// The last demand that it was shown with.
    demand: Option<DemandId>,
    /// Its cause was gone since.
    was_over: bool,
}

impl OperatorCore {
    /// Takes note that the frame that shows these alerts was presented at `now`.
    ///
    /// Each alert is told once, and again when its cause came back or a demand came of it: the person looks anew.
    pub fn presented(&mut self, alerts: &[AlertId], now: MonoTime) {
        if self.session != Session::Welcomed {
            return;
        }
        self.probing.note_presented(now);
        let picture = &self.picture;
        self.told_presented.retain(|alert, _| picture.alert(*alert).is_some());
        let news: Vec<_> = alerts.iter().copied().filter(|alert| self.tell(*alert)).collect();
        for part in news.chunks(MAX_PRESENTED) {
            if self.waiting.len() < MAX_WAITING {
                let presented = Presented { alerts: part.to_vec(), presented_nanos: now.as_nanos() };
                self.waiting.push_back(OperatorMessage::Presented(presented));
            } else {
                // Told with the next frame, then later than it was: the safe side of a latency.
                self.forget_told(part);
            }
        }
    }

    /// Forgets that these alerts were told; the next frame tells them again.
    pub(super) fn forget_told(&mut self, alerts: &[AlertId]) {
        for alert in alerts {
            self.told_presented.remove(alert);
        }
    }

    /// Notices causes that go and come back, also between two frames.
    pub(super) fn note_alerts(&mut self, message: &ToOperator) {
        match message {
            ToOperator::Alert(update) => self.note_alert(&update.alarm),
            ToOperator::Snapshot(part) => part.alerts.iter().for_each(|alarm| self.note_alert(alarm)),
            ToOperator::Welcome(_)
            | ToOperator::ControlStatus(_)
            | ToOperator::CommandStatus(_)
            | ToOperator::Lease(_)
            | ToOperator::Telemetry(_)
            | ToOperator::Takeover(_)
            | ToOperator::Roster(_)
            | ToOperator::Dropped(_)
            | ToOperator::Health(_)
            | ToOperator::Head(_)
            | ToOperator::Ping(_)
            | ToOperator::Error(_)
            | ToOperator::Probed(_)
            | ToOperator::Access(_) => {}
        }
    }

    fn note_alert(&mut self, alarm: &Alarm) {
        let Some(told) = self.told_presented.get_mut(&alarm.alert_id) else { return };
        match alarm.state {
            AlarmState::RtnUnack | AlarmState::Normal => told.was_over = true,
            AlarmState::UnackActive if told.was_over => {
                self.told_presented.remove(&alarm.alert_id);
            }
            AlarmState::UnackActive | AlarmState::AckedActive => {}
        }
    }

    /// Returns whether this alert is to be told now, and takes it to be.
    fn tell(&mut self, alert: AlertId) -> bool {
        let demand = self.picture.alert(alert).and_then(|entry| entry.alarm().demand_id);
        if let Some(told) = self.told_presented.get_mut(&alert) {
            let is_news = demand.is_some() && demand != told.demand;
            told.demand = demand.or(told.demand);
            return is_news;
        }
        self.told_presented.insert(alert, Told { demand, was_over: false });
        true
    }
}
