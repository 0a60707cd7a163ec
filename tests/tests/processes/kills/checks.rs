//! What the vehicles must have done after a kill of the monitor, each by what it was doing then.

use super::roles::{Actor, Role, cap_mps};
use crate::{
    fleet::Fleet,
    ghost::STEER,
    record::Book,
    rig::{CONFIRMED, MARGIN, Measured, Rig, T_LINK, is_fallen, measure},
};
use anyhow::{Context, Result, ensure};
use std::{collections::BTreeMap, time::Duration};
use watchkeeper_model::{AgentId, AgentTime, ControlState, Epoch};
use watchkeeper_tests::trace::{Does, Line};

/// How long after a kill something may still be on its way in the sockets.
pub(super) const ON_ITS_WAY: Duration = Duration::from_millis(100);
/// How long before a kill the last orders leave.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(12);
/// How much a deadline that is read at two moments may differ.
const SAME_DEADLINE: Duration = Duration::from_millis(50);

/// What a kill can fall into.
pub(super) const PHASES: [&str; 14] = [
    FREE,
    REQUESTED,
    TO_THE_DISK,
    ON_DISK,
    GRANTED,
    CLAIMED,
    IN_TRANSITION,
    HUMAN,
    BY_HAND,
    NEXT,
    SWITCHING,
    HANDING_BACK,
    RETURNING,
    FALLEN,
];
const FREE: &str = "autonomous, before the claim";
const REQUESTED: &str = "requested";
const TO_THE_DISK: &str = "claim: on its way to the disk";
const ON_DISK: &str = "claim: on disk, its grant did not leave any more";
const GRANTED: &str = "claim: the grant is on its way to the agent";
const CLAIMED: &str = "claimed";
const IN_TRANSITION: &str = "in transition";
const HUMAN: &str = "human";
const BY_HAND: &str = "human, driving by hand";
const NEXT: &str = "handover: somebody is next";
const SWITCHING: &str = "handover: the next one's engage is on its way";
const HANDING_BACK: &str = "hand back on its way";
const RETURNING: &str = "returning";
const FALLEN: &str = "fallback or safe held";

/// Names what a kill fell into.
pub(super) fn phase(actor: &Actor, rig: &Rig, killed_at: AgentTime) -> Result<&'static str> {
    let then = rig.fleet.at(actor.vehicle(), killed_at)?;
    let later = rig.fleet.at(actor.vehicle(), killed_at.after(ON_ITS_WAY))?;
    let word_is_open = actor.last_word.is_some_and(|(order, desk)| {
        rig.desks[desk].end(order).is_none() && !rig.desks[desk].was_accepted(order)
    });
    let minted = || rig.book.was_minted_after(actor.vehicle(), killed_at.before(LAST_WORDS));
    let is_free = matches!(then.state, ControlState::Autonomous | ControlState::Requested);
    Ok(match actor.role {
        Role::Claiming if is_free && later.epoch > Epoch(0) => GRANTED,
        Role::Claiming if is_free && minted() => ON_DISK,
        Role::Claiming if is_free => TO_THE_DISK,
        Role::Switching if word_is_open && then.state.is_driven() => SWITCHING,
        Role::HandingBack if word_is_open && then.state.is_driven() => HANDING_BACK,
        Role::Next | Role::Switching if actor.is_placed && then.state.is_driven() => NEXT,
        _ => match (then.state, then.does) {
            (ControlState::Autonomous, _) => FREE,
            (ControlState::Requested, _) => REQUESTED,
            (ControlState::Claimed, _) => CLAIMED,
            (ControlState::InTransition, _) => IN_TRANSITION,
            (ControlState::Human, Does::ByHand { .. }) => BY_HAND,
            (ControlState::Human, _) => HUMAN,
            (ControlState::Returning, _) => RETURNING,
            (state, _) if is_fallen(state) => FALLEN,
            _ => "other",
        },
    })
}

/// What one vehicle did after a kill.
pub(super) struct Outcome {
    /// From the kill to the fallback, where a person was in control.
    pub(super) fell: Option<Measured>,
    /// From the fallback to the standstill.
    pub(super) held: Option<Measured>,
}

/// Checks one vehicle, as far as it is known up to `until`: after that the test had a hand in it again.
pub(super) fn check(fleet: &Fleet, actor: &Actor, killed_at: AgentTime, until: AgentTime) -> Result<Outcome> {
    let vehicle = actor.vehicle();
    let then = fleet.at(vehicle, killed_at)?;
    let later = fleet.at(vehicle, killed_at.after(ON_ITS_WAY))?;
    let after: Vec<&Line> =
        fleet.since(vehicle, killed_at).iter().take_while(|line| line.at <= until).collect();
    let story = || {
        let states: Vec<_> = after
            .iter()
            .map(|line| (line.at.since(killed_at), line.state, line.epoch, line.connected))
            .collect();
        format!("{vehicle} ({:?}) was {} and then {states:?}", actor.role, then.state)
    };
    let old = [then.epoch, later.epoch].into_iter().max().unwrap_or_default();
    let reconnected = after.iter().skip_while(|line| line.connected).skip_while(|line| !line.connected);
    for line in reconnected {
        ensure!(line.epoch == Epoch(0) || line.epoch > old, "an old epoch came back: {}", story());
        ensure!(!line.state.is_driven() || line.epoch > old, "led without a new epoch: {}", story());
    }
    let led = later.state.is_driven() || (then.state.is_driven() && is_fallen(later.state));
    let fell = after.iter().find(|line| line.has_fallen());
    let mut outcome = Outcome { fell: None, held: None };
    if led {
        let fell = fell.with_context(|| format!("it never fell back: {}", story()))?;
        let measured = measure(fleet, vehicle, (killed_at, fell.at), T_LINK + MARGIN);
        outcome.fell = Some(measured.with_context(|| format!("it fell back late: {}", story()))?);
    }
    if matches!(later.state, ControlState::Claimed | ControlState::InTransition) {
        let left = after.iter().find(|line| line.at > killed_at.after(ON_ITS_WAY) && line.epoch == Epoch(0));
        let left = left.with_context(|| format!("the claim outlived its monitor: {}", story()))?;
        measure(fleet, vehicle, (killed_at, left.at), T_LINK + MARGIN)
            .with_context(|| format!("the claim outlived T_link: {}", story()))?;
        ensure!(
            left.state == ControlState::Requested
                || left.state == ControlState::Autonomous
                || is_fallen(left.state),
            "a lost claim led elsewhere: {}",
            story()
        );
    }
    if later.state == ControlState::Autonomous && !then.state.is_driven() {
        let mut afterwards = after.iter().filter(|line| line.at > killed_at.after(ON_ITS_WAY));
        let left = afterwards.find(|line| line.state != ControlState::Autonomous);
        ensure!(left.is_none(), "it drove by itself and did not go on: {}", story());
    }
    if let Some(fell) = fell
        && !is_fallen(then.state)
    {
        let may = Duration::from_secs_f64(fell.stopping_secs) + CONFIRMED;
        let held = after.iter().find(|line| line.state == ControlState::SafeHeld);
        let held = held.with_context(|| format!("it was never held: {}", story()))?;
        let measured = measure(fleet, vehicle, (fell.at, held.at), may);
        outcome.held = Some(measured.with_context(|| format!("it was held late: {}", story()))?);
    }
    Ok(outcome)
}

/// Checks over everything that happened: T_demand was never extended, and each order took effect at most once, under
/// the epoch it was given under, at its own vehicle. `given` says to whom the caps were given. Returns how many took
/// effect, and how many of those are not on record: what makes things safer leaves at once, and the record of it may die
/// with the monitor. One that a console was told to be on record is looked for elsewhere.
pub(super) fn check_all(fleet: &Fleet, book: &Book, given: &[AgentId]) -> Result<(usize, usize)> {
    let caps: BTreeMap<u64, _> =
        book.commands.values().filter_map(|one| Some((one.cap_mps?.to_bits(), one))).collect();
    let given: BTreeMap<u64, &AgentId> =
        given.iter().enumerate().map(|(before, vehicle)| (cap_mps(before).to_bits(), vehicle)).collect();
    let mut unrecorded = 0;
    let mut effects: BTreeMap<u64, Epoch> = BTreeMap::new();
    let mut hands: BTreeMap<u64, Epoch> = BTreeMap::new();
    for lines in fleet.lines() {
        let mut deadlines: BTreeMap<_, AgentTime> = BTreeMap::new();
        for pair in lines.windows(2) {
            let [before, line] = pair else { continue };
            if let Some((demand, at)) = line.demand {
                let first = *deadlines.entry(demand).or_insert(at);
                ensure!(at <= first.after(SAME_DEADLINE), "T_demand was extended: {line:?}");
                let late = fleet.kept_waiting(&line.vehicle, first, line.at);
                ensure!(line.at <= first.after(MARGIN + late), "T_demand was over: {line:?}");
            }
            if let Some(cap) = line.cap_mps.filter(|cap| before.cap_mps != Some(*cap)) {
                let vehicle =
                    given.get(&cap.to_bits()).with_context(|| format!("nobody ordered {line:?}"))?;
                ensure!(**vehicle == line.vehicle, "what {vehicle} was ordered led to {line:?}");
                match caps.get(&cap.to_bits()) {
                    Some(ordered) => ensure!(
                        ordered.agent == line.vehicle && ordered.epoch == line.epoch,
                        "{ordered:?} led to {line:?}"
                    ),
                    None => unrecorded += 1,
                }
                let twice = effects.insert(cap.to_bits(), line.epoch);
                ensure!(twice.is_none(), "a cap took effect twice, the second time in {line:?}");
            }
            if let Does::ByHand { steer, .. } = line.does {
                ensure!(steer.to_bits() != STEER.to_bits(), "a ghost drives: {line:?}");
                let epoch = *hands.entry(steer.to_bits()).or_insert(line.epoch);
                ensure!(epoch == line.epoch, "hands of epoch {epoch} drive in {line:?}");
            }
        }
    }
    Ok((effects.len(), unrecorded))
}
