//! What a person must be told without having asked: control lost, claims over, commands that went wrong.
//!
//! Deliberately not here: for how long a console shows it, and who asks for control of what this person holds.

use crate::{
    Hands, Picture, Said,
    view::{self, Tone},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use watchkeeper_model::{AgentId, AgentKind, CommandId, ControlState, Epoch, LeaseEnd, MonoTime};
use watchkeeper_protocol::operator::LeaseEvent;

/// How long the reason of a loss may come after the loss itself.
const REASON_WITHIN: Duration = Duration::from_millis(500);

/// What this session holds and what it was told, to notice what is lost or went wrong.
#[derive(Clone, Debug, Default)]
pub struct Unasked {
    held: BTreeMap<AgentId, Held>,
    told: BTreeSet<(CommandId, &'static str)>,
}

/// A lease of this session as it was when it last had it.
#[derive(Clone, Debug)]
struct Held {
    epoch: Epoch,
    /// Why the holder counted as absent.
    absence: Option<&'static str>,
    /// The person knows already that it is lost.
    told: bool,
    gone_at: Option<MonoTime>,
}

impl Unasked {
    /// Makes the memory of a session that holds nothing.
    pub const fn new() -> Self {
        Self { held: BTreeMap::new(), told: BTreeSet::new() }
    }

    /// Compares the picture with what was held and told before, and refreshes `hands`; returns what is to be told, the
    /// newest last.
    ///
    /// `absence` says why this person counts as absent for an agent of a kind, in words that follow "because";
    /// its second argument says whether his last heartbeat on the lease found him ready.
    pub fn update(
        &mut self,
        hands: &mut Hands,
        picture: &Picture,
        absence: impl Fn(AgentKind, bool) -> Option<&'static str>,
        now: MonoTime,
    ) -> Vec<Said> {
        let mut said = self.hold(picture, absence, now);
        said.extend(self.rejections(picture, now));
        let armed = hands.armed().cloned();
        said.extend(hands.refresh(picture, now));
        // Whoever was told that his claim lapsed is not told again when the lease ends.
        if let Some(agent) = armed.filter(|_| hands.armed().is_none())
            && picture.my_epoch(&agent).is_some()
            && let Some(held) = self.held.get_mut(&agent)
        {
            held.told = true;
        }
        said.extend(self.losses(picture, now));
        said
    }

    /// Takes note of what is held; without a connection, a lease that has run out is lost.
    fn hold(
        &mut self,
        picture: &Picture,
        absence: impl Fn(AgentKind, bool) -> Option<&'static str>,
        now: MonoTime,
    ) -> Vec<Said> {
        let mut said = Vec::new();
        for (agent, entry) in picture.agents() {
            let Some(epoch) = picture.my_epoch(agent) else { continue };
            let status = entry.status();
            let known = self.held.get(agent).filter(|held| held.epoch == epoch);
            let lapsed = entry.engage_left(now).is_some_and(|left| left.is_zero());
            let ran_out =
                !picture.link().is_connected() && entry.lease_left(now).is_none_or(|left| left.is_zero());
            let mut told = known.is_some_and(|held| held.told) && (lapsed || ran_out);
            if ran_out && !told {
                told = true;
                said.push(lost(agent, "your connection broke and the lease ran out"));
            }
            let ready = status.lease.as_ref().is_none_or(|lease| lease.ready);
            let held = Held { epoch, absence: absence(status.kind, ready), told, gone_at: None };
            self.held.insert(agent.clone(), held);
        }
        said
    }

    fn losses(&mut self, picture: &Picture, now: MonoTime) -> Vec<Said> {
        let mut said = Vec::new();
        self.held.retain(|agent, held| {
            if picture.my_epoch(agent).is_some() {
                return true;
            }
            let gone_at = *held.gone_at.get_or_insert(now);
            let end = ended(picture, agent, held.epoch);
            if end.is_none() && !held.told && now.since(gone_at) < REASON_WITHIN {
                return true;
            }
            if !held.told {
                said.push(loss(picture, agent, held, end));
            }
            false
        });
        said
    }

    fn rejections(&mut self, picture: &Picture, now: MonoTime) -> Vec<Said> {
        let rows = view::commands::rows(picture, None, now);
        self.told.retain(|(id, _)| rows.iter().any(|row| row.command_id == *id));
        // The rows are newest first; the newest news comes last.
        let wrong = rows.into_iter().rev().filter(|row| row.mine && row.went_wrong);
        wrong
            .filter(|row| self.told.insert((row.command_id, row.state)))
            .map(|row| {
                let why = if row.why.is_empty() { String::new() } else { format!(": {}", row.why) };
                let text = format!("{} {} {}{why}", row.verb, row.agent, row.state.to_uppercase());
                Said::new(Tone::Danger, text)
            })
            .collect()
    }
}

fn lost(agent: &AgentId, why: impl std::fmt::Display) -> Said {
    Said::new(Tone::Danger, format!("YOU LOST {agent}: {why}"))
}

/// Returns why the lease with this epoch ended, once the monitor has said so.
fn ended(picture: &Picture, agent: &AgentId, epoch: Epoch) -> Option<LeaseEnd> {
    let update = &picture.agent(agent)?.lease_event()?.value;
    if update.event == LeaseEvent::Ended && update.epoch == epoch { update.end } else { None }
}

fn loss(picture: &Picture, agent: &AgentId, held: &Held, end: Option<LeaseEnd>) -> Said {
    let absent = held.absence.map(|why| format!(" because {why}")).unwrap_or_default();
    let Some(end) = end else { return lost(agent, guess(picture, agent)) };
    match end {
        LeaseEnd::Released => Said::new(Tone::Own, format!("you released {agent}")),
        LeaseEnd::HandedBack => Said::new(Tone::Own, format!("you handed {agent} back")),
        LeaseEnd::HandedOver => Said::new(Tone::Own, format!("you handed {agent} over")),
        LeaseEnd::NotEngaged => {
            Said::new(Tone::Danger, format!("the claim of {agent} lapsed: not engaged in time"))
        }
        LeaseEnd::Expired => {
            lost(agent, format_args!("no heartbeat of this console came through in time{absent}"))
        }
        LeaseEnd::Fallback => lost(agent, format_args!("it fell back{absent}")),
        LeaseEnd::HolderLost => lost(agent, "your connection broke"),
        LeaseEnd::DemandEnded => lost(agent, "its demand ended"),
        LeaseEnd::Estopped => lost(agent, "it was stopped (ESTOP)"),
        LeaseEnd::MonitorRestarted => lost(agent, "the monitor restarted, every lease is void"),
        LeaseEnd::AgentRestarted => lost(agent, "the agent restarted, its lease is void"),
        LeaseEnd::PreEmpted => lost(agent, "a supervisor took control"),
        LeaseEnd::LocalOverride => lost(agent, "somebody at the agent took control"),
        LeaseEnd::OutOfService => lost(agent, "it was taken out of service"),
        LeaseEnd::AccessEnded => lost(agent, "your token has ended, or no longer names it"),
    }
}

/// Returns why a lease is probably gone, where the monitor did not say it to this session.
fn guess(picture: &Picture, agent: &AgentId) -> String {
    let Some(entry) = picture.agent(agent) else { return "the monitor no longer knows it".to_owned() };
    let status = entry.status();
    if status.offline_nanos.is_some() {
        return "the agent is offline".to_owned();
    }
    if let Some(lease) = &status.lease {
        return format!("{} has it now", lease.holder);
    }
    let guess = match status.control_state {
        ControlState::Estopped => "it was stopped (ESTOP)",
        ControlState::Local => "somebody at the agent took control",
        ControlState::OutOfService => "it was taken out of service",
        ControlState::Fallback | ControlState::FallbackFailed | ControlState::SafeHeld => "it fell back",
        ControlState::Autonomous
        | ControlState::AssistPending
        | ControlState::Requested
        | ControlState::Claimed
        | ControlState::InTransition
        | ControlState::Human
        | ControlState::Returning => "your lease ended with the connection that held it",
    };
    guess.to_owned()
}
