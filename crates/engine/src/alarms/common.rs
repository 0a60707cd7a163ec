//! What many agents have at once is one trouble: the first-out names it, the others join it.

use crate::config::{AlarmSettings, Area, CommonSettings};
use std::collections::{BTreeMap, BTreeSet};
use watchkeeper_model::{AgentId, AlertId, CauseClass, CommonCause, Label, MonoTime};

/// Most troubles that are watched at once.
const MAX_WATCHED: usize = 1_000;

/// What the alerts of one trouble have in common: the area, where there is one, and what was found.
type Key = (Option<usize>, CauseClass, Label);

/// Alerts of different agents, each soon after the one before.
#[derive(Debug)]
struct Chain {
    /// Whose, the first one first, until they are enough.
    first: Vec<(AlertId, AgentId)>,
    agents: BTreeSet<AgentId>,
    since: MonoTime,
    last: MonoTime,
}

/// What is found at many agents lately.
#[derive(Debug)]
pub(super) struct Commons {
    settings: CommonSettings,
    areas: Vec<Area>,
    chains: BTreeMap<Key, Chain>,
}

/// One more alert of a trouble: what it is, and which earlier alerts are found to belong to it too.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) common: CommonCause,
    pub(super) earlier: Vec<AlertId>,
}

impl Commons {
    pub(super) fn new(settings: &AlarmSettings) -> Self {
        Self { settings: settings.common.clone(), areas: settings.areas.clone(), chains: BTreeMap::new() }
    }

    /// Takes note of an alert that begins; returns the trouble that it belongs to, where others have it.
    pub(super) fn handle_raise(
        &mut self,
        alert_id: AlertId,
        (agent, cause, subject): (&AgentId, CauseClass, &Label),
        now: MonoTime,
    ) -> Option<Joined> {
        if !self.settings.causes.contains(&cause) {
            return None;
        }
        let within = self.settings.within();
        let is_over = |chain: &Chain| now.since(chain.last) >= within;
        if self.chains.len() >= MAX_WATCHED {
            self.chains.retain(|_, chain| !is_over(chain));
        }
        let area = self.areas.iter().position(|area| area.agents.contains(agent));
        let key = (area, cause, subject.clone());
        if self.chains.get(&key).is_some_and(is_over) {
            self.chains.remove(&key);
        }
        if self.chains.len() >= MAX_WATCHED && !self.chains.contains_key(&key) {
            return None;
        }
        let chain = self.chains.entry(key).or_insert_with(|| Chain {
            first: Vec::new(),
            agents: BTreeSet::new(),
            since: now,
            last: now,
        });
        let enough = self.settings.agents as usize;
        let was_common = chain.agents.len() >= enough;
        if chain.agents.insert(agent.clone()) {
            chain.last = now;
            if !was_common {
                chain.first.push((alert_id, agent.clone()));
            }
        } else if let Some((known, _)) = chain.first.iter_mut().find(|(_, member)| member == agent)
            && !was_common
        {
            // Its alert was over meanwhile, and this is another one.
            *known = alert_id;
        }
        if chain.agents.len() < enough {
            return None;
        }
        let (id, first_out) = chain.first.first().cloned()?;
        let area = area.and_then(|area| self.areas.get(area)).map(|area| area.name.clone());
        let members = u32::try_from(chain.agents.len()).unwrap_or(u32::MAX);
        let common = CommonCause { id, first_out, area, since: chain.since, members };
        let earlier = if was_common { &[] } else { chain.first.as_slice() };
        let earlier = earlier.iter().map(|(earlier, _)| *earlier).filter(|earlier| *earlier != alert_id);
        Some(Joined { common, earlier: earlier.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeeper_model::Scope;

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_nanos(millis * 1_000_000)
    }

    fn agent(name: &str) -> AgentId {
        AgentId::new(name).unwrap()
    }

    fn commons(areas: &[(&str, &str)]) -> Commons {
        let area = |(name, pattern): &(&str, &str)| Area {
            name: Label::cut(name),
            agents: Scope::new([*pattern]).unwrap(),
        };
        Commons::new(&AlarmSettings { areas: areas.iter().map(area).collect(), ..AlarmSettings::default() })
    }

    fn silent(commons: &mut Commons, id: u64, name: &str, now: MonoTime) -> Option<Joined> {
        commons.handle_raise(AlertId(id), (&agent(name), CauseClass::Silence, &Label::cut("link")), now)
    }

    #[test]
    fn the_fifth_agent_makes_it_one_trouble_and_the_first_names_it() {
        let mut commons = commons(&[]);
        for id in 1..5 {
            assert!(silent(&mut commons, id, &format!("truck-{id}"), at(id * 4_000)).is_none());
        }
        let joined = silent(&mut commons, 5, "truck-5", at(20_000)).unwrap();
        assert_eq!((joined.common.id, joined.common.members), (AlertId(1), 5));
        assert_eq!((joined.common.first_out, joined.common.since), (agent("truck-1"), at(4_000)));
        assert_eq!(joined.earlier, [1, 2, 3, 4].map(AlertId));
        let joined = silent(&mut commons, 6, "truck-6", at(24_999)).unwrap();
        assert_eq!((joined.common.id, joined.common.members), (AlertId(1), 6));
        assert!(joined.earlier.is_empty());
        assert!(silent(&mut commons, 7, "truck-7", at(29_999)).is_none(), "five seconds later: its own");
    }

    #[test]
    fn one_agent_that_comes_and_goes_is_no_trouble_of_many() {
        let mut commons = commons(&[]);
        assert!((1..100).all(|id| silent(&mut commons, id, "truck", at(id * 10)).is_none()));
    }

    #[test]
    fn areas_are_kept_apart_and_named() {
        let mut commons = commons(&[("depot north", "north-*"), ("depot south", "south-*")]);
        for id in 1..5 {
            assert!(silent(&mut commons, id, &format!("north-{id}"), at(id)).is_none());
            assert!(silent(&mut commons, 10 + id, &format!("south-{id}"), at(id)).is_none());
        }
        let joined = silent(&mut commons, 5, "north-5", at(6)).unwrap();
        assert_eq!(joined.common.area, Some(Label::cut("depot north")));
        assert_eq!(joined.common.members, 5);
    }

    #[test]
    fn a_cause_that_is_not_named_is_left_alone() {
        let mut commons = commons(&[]);
        let all_alone = (1..50).all(|id| {
            let name = agent(&format!("truck-{id}"));
            let found = (&name, CauseClass::Limit, &Label::cut("speed"));
            commons.handle_raise(AlertId(id), found, at(id)).is_none()
        });
        assert!(all_alone);
    }
}
