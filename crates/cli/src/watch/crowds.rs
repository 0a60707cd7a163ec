//! Situations for the tests of this console alone, made of those that it shares with the picture.

use super::scenes::{self, MONITOR_START, START, millis};
use watchkeeper_model::*;
use watchkeeper_picture::Picture;
use watchkeeper_protocol::{
    ToOperator,
    operator::{AlertUpdate, Dropped},
};

/// A hundred alerts at once, one of them a demand.
pub(super) fn flood() -> (Picture, MonoTime) {
    let (mut picture, now) = scenes::alert();
    for id in 0..98 {
        let severity = if id % 3 == 0 { Severity::Warning } else { Severity::Advisory };
        let name = if id % 2 == 0 { "truck-03" } else { "truck-21" };
        let mut alarm = scenes::alarm(600 + id, name, severity);
        alarm.raised_at = MONITOR_START.before(millis(1_000 + 10 * id));
        alarm.count = id + 1;
        picture.handle(&ToOperator::Alert(AlertUpdate { cursor: 101 + id, alarm }), START);
    }
    picture.handle(&ToOperator::Dropped(Dropped { telemetry: 1_234 }), START);
    (picture, now)
}

/// Connected, but a vehicle is silent, another offline, and the record cannot be written.
pub(super) fn stale() -> (Picture, MonoTime) {
    let vehicle = |name| scenes::status(name, AgentKind::Vehicle);
    let mut agents = vec![vehicle("truck-03"), vehicle("truck-17"), vehicle("truck-21")];
    agents[1].offline_nanos = Some(3_000_000_000);
    agents.push(scenes::status("cards-eu", AgentKind::Transaction));
    let mut picture = scenes::picture(OperatorRole::Operator, agents, vec![]);
    let now = START.after(millis(1_400));
    let telemetry = scenes::telemetry("truck-21", 1_201, 0.02);
    picture.handle(&ToOperator::Telemetry(telemetry), now.before(millis(30)));
    picture.handle(&scenes::health(true), now.before(millis(20)));
    (picture, now)
}
