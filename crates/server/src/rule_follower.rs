//! Brings versions of the rules into force while the server runs.
//!
//! The history of the file is looked at twice a second. What is new in it is read, checked, and fed to the engine as one
//! input: every decision is judged by the rules before or by those after, and the record holds which. What cannot be
//! used leaves the rules as they are, and is said with line and reason.

use crate::{
    engine_loop::ControlItem,
    rule_store::{RuleChangeNote, RuleStore},
};
use std::time::Duration;
use tokio::{
    sync::{mpsc, watch},
    time::MissedTickBehavior,
};
use watchkeeper_engine::EngineInput;
use watchkeeper_rules::{RuleSet, RuleSetVersion};

/// How often the history is looked at.
const EVERY: Duration = Duration::from_millis(500);

/// Follows the versions of one file.
#[derive(Debug)]
pub(crate) struct RuleFollower {
    store: RuleStore,
    in_force: RuleSetVersion,
    /// What is wrong with the newest version, as it was said.
    said: Option<String>,
}

impl RuleFollower {
    /// Goes on from the version that the engine was made with.
    pub(crate) const fn new(store: RuleStore, in_force: RuleSetVersion) -> Self {
        Self { store, in_force, said: None }
    }

    /// Looks until `shutdown`.
    pub(crate) async fn follow(
        mut self,
        control: mpsc::Sender<ControlItem>,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = shutdown.changed() => return,
                _ = every.tick() => {}
            }
            let looked = tokio::task::spawn_blocking(move || {
                let found = self.look();
                (self, found)
            });
            let found = match looked.await {
                Ok((follower, found)) => {
                    self = follower;
                    found
                }
                Err(error) => {
                    tracing::error!(%error, "the rules are followed no longer");
                    return;
                }
            };
            // The engine loop is gone when it takes no more.
            if let Some(input) = found
                && control.send(ControlItem::Input(input)).await.is_err()
            {
                return;
            }
        }
    }

    /// Reads other rules, where some are named; what is in force already is not read again.
    fn changed(&self) -> anyhow::Result<Option<(RuleChangeNote, RuleSet)>> {
        let newest = self.store.newest()?;
        if newest.version == self.in_force {
            return Ok(None);
        }
        let rules = self.store.read(newest.version)?;
        Ok(Some((newest, rules)))
    }

    /// Returns other rules, where some came into force since the last look.
    fn look(&mut self) -> Option<EngineInput> {
        match self.changed() {
            Ok(None) => {
                self.said = None;
                None
            }
            Ok(Some((change, rules))) => {
                self.said = None;
                self.in_force = change.version;
                let (version, rules_count) = (change.version.short(), rules.rules().len());
                tracing::info!(version, rules = rules_count, by = %change.by, "other rules are in force");
                let text = rules.text().to_owned();
                Some(EngineInput::RulesChanged { text, by: change.by, reason: change.reason })
            }
            Err(error) => {
                let error = format!("{error:#}");
                if self.said.as_ref() != Some(&error) {
                    let in_force = self.in_force.short();
                    tracing::warn!(in_force, error, "the rules stay as they were");
                    self.said = Some(error);
                }
                None
            }
        }
    }
}
