//! Profiles of as many entities as there is room for; the one not used for longest gives way.

use std::collections::BTreeMap;

/// Profiles by the number of an entity.
#[derive(Clone, Debug)]
pub(super) struct Profiles<P> {
    limit: usize,
    /// With the moment of the last use.
    kept: BTreeMap<u64, (u64, P)>,
    /// Entities by the moment of their last use.
    used: BTreeMap<u64, u64>,
    moment: u64,
}

impl<P: Default> Profiles<P> {
    /// Makes room for so many, at least one.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), kept: BTreeMap::new(), used: BTreeMap::new(), moment: 0 }
    }

    /// Returns the profile of an entity: a new one where there is none, in the place of the one not used for longest.
    pub(super) fn get_or_new(&mut self, entity: u64) -> &mut P {
        self.moment += 1;
        if let Some((used, _)) = self.kept.get(&entity) {
            self.used.remove(used);
        } else if self.kept.len() >= self.limit
            && let Some((_, oldest)) = self.used.pop_first()
        {
            self.kept.remove(&oldest);
        }
        self.used.insert(self.moment, entity);
        let (used, profile) = self.kept.entry(entity).or_default();
        *used = self.moment;
        profile
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}
