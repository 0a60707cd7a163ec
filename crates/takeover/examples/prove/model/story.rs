//! A way through the model, told so that a person can follow it.

use super::{
    state::{Link, Sent, State},
    steps::Step,
};
use stateright::Path;
use std::fmt::Write as _;
use watchkeeper_model::{AgentTime, Epoch};

/// Tells a path step by step: what happened, and how the agent and its monitors were afterwards.
pub(crate) fn tell(path: Path<State, Step>) -> String {
    let mut story = String::new();
    let mut pending: Option<(State, Step)> = None;
    for (number, (state, step)) in path.into_vec().into_iter().enumerate() {
        if let Some((before, step)) = pending.take() {
            line(&mut story, number, &what(&before, step), &state);
        }
        if let Some(broken) = state.broken {
            writing(writeln!(story, "     broken, invariant {}: {}", broken.invariant, broken.why));
        }
        pending = step.map(|step| (state, step));
    }
    story
}

fn line(story: &mut String, number: usize, what: &str, after: &State) {
    writing(writeln!(story, "{number:>4} {what:<70} {}", agent(after)));
    for (m, monitor) in after.monitors.iter().enumerate() {
        let lease = monitor.book.lease().map_or(Epoch(0), |lease| lease.epoch);
        let next = monitor.book.next().map_or(Epoch(0), |next| next.lease.epoch);
        let connected = if monitor.is_connected { "" } else { ", not connected" };
        writing(writeln!(
            story,
            "{:>75} monitor {m}: sees {}, lease {lease}, next {next}{connected}",
            "", monitor.state
        ));
    }
}

/// A string takes whatever is written to it.
fn writing(result: std::fmt::Result) {
    result.expect("a string has room");
}

fn agent(state: &State) -> String {
    let gate = &state.gate;
    let level = gate.fallback_level().map(|level| format!(" {level}")).unwrap_or_default();
    let from = gate.transition_from().map(|from| format!(" from {from}")).unwrap_or_default();
    let link = match state.link {
        Link::Down => "no link".to_owned(),
        Link::Greeting(m, _) | Link::Welcoming(m, _) => format!("greets monitor {m}"),
        Link::Welcomed(m) => format!("hears monitor {m}"),
    };
    let next = gate.next_epoch().map(|next| format!(", next {next}")).unwrap_or_default();
    let latches = gate.latches().len();
    format!("{}{level}{from}, epoch {}{next}, {latches} latches, {link}", gate.state(), gate.epoch())
}

/// Says a step in words, with what it carries.
fn what(before: &State, step: Step) -> String {
    match step {
        Step::CommandArrives(index) => before
            .sent
            .get(index)
            .map(|sent| format!("command {index} arrives: {}", command(sent, before.now))),
        Step::GrantArrives(index) => before.mail.grants.get(index).map(|grant| {
            format!(
                "grant of epoch {} to person {} arrives (incarnation {})",
                grant.epoch, grant.to, grant.incarnation
            )
        }),
        Step::VoidArrives(index) => {
            before.mail.voids.get(index).map(|(_, epoch)| format!("void of epoch {epoch} arrives"))
        }
        Step::DemandArrives(index) => before
            .mail
            .demands
            .get(index)
            .map(|demand| format!("demand {} of {} arrives", demand.demand_id, demand.origin)),
        Step::DemandEndArrives(index) => before
            .mail
            .ends
            .get(index)
            .map(|end| format!("end of demand {} arrives: {}", end.demand_id, end.outcome)),
        Step::ReportArrives(place) => before
            .reports
            .get(place)
            .and_then(Option::as_ref)
            .map(|report| format!("report arrives: {}, epoch {}", report.control_state, report.epoch)),
        Step::HeartbeatArrives { who, place } => {
            before.person(who).beats.get(place).copied().flatten().map(|beat| {
                let ready = if beat.ready { "ready" } else { "not ready" };
                format!("heartbeat {} of person {who} arrives: {ready}, epoch {}", beat.seq, beat.epoch)
            })
        }
        Step::Order(order) => Some(format!("person {} orders {}", order.who, order.kind)),
        other => Some(format!("{other:?}")),
    }
    .unwrap_or_else(|| format!("{step:?}"))
}

fn command(sent: &Sent, now: AgentTime) -> String {
    let late = if now >= sent.deadline { ", late" } else { "" };
    format!("{} of person {}, epoch {}, sequence {}{late}", sent.kind, sent.by, sent.epoch, sent.seq)
}
