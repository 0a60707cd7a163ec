//! One search of one configuration.

use super::{Takeover, properties::INVARIANTS, state::State, steps::Step};
use stateright::{Checker, HasDiscoveries, Model, Path};

/// What a search found.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// States that differ in what can follow.
    pub(crate) states: usize,
    /// Steps between them that were taken.
    pub(crate) steps: usize,
    /// How far the farthest state is from the first.
    pub(crate) depth: usize,
    /// What was seen to be possible, of what was looked for.
    pub(crate) reached: Vec<&'static str>,
    /// What was looked for and not seen.
    pub(crate) missing: Vec<&'static str>,
    /// The invariants that do not hold, each with a way there.
    pub(crate) broken: Vec<(&'static str, Path<State, Step>)>,
}

/// Searches everything that the bounds allow, breadth first, and stops early only where an invariant is broken.
pub(crate) fn search(model: Takeover, threads: usize) -> Outcome {
    let checker =
        model.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let mut found = checker.discoveries();
    let is_invariant = |name: &str| INVARIANTS.iter().any(|(invariant, _)| *invariant == name);
    let names: Vec<&'static str> =
        checker.model().properties().iter().map(|property| property.name).collect();
    let (invariants, goals): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_invariant(name));
    let (reached, missing) = goals.into_iter().partition(|name| found.contains_key(name));
    Outcome {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        reached,
        missing,
        broken: invariants.into_iter().filter_map(|name| Some((name, found.remove(name)?))).collect(),
    }
}
