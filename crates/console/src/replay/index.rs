//! What the replay bar shows of a recording: how long it is, and where alerts were raised.

use super::{
    feed::{Feed, Item},
    player::{Player, Told},
};
use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::{collections::BTreeSet, time::Duration};
use watchkeeper_ledger::DirReader;
use watchkeeper_model::{AlertId, PersonId};
use watchkeeper_protocol::ToOperator;

/// Most alerts that are marked.
const MAX_ALERTS: usize = 2_000;
/// How often a growing index is handed over, in inputs.
const PROGRESS: usize = 50_000;

/// What is known of a recording so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Its length, once it was read to the end.
    pub(super) length: Option<Duration>,
    /// How far it was read.
    pub(super) known: Duration,
    /// When alerts were raised, in order.
    pub(super) alerts: Vec<Duration>,
    /// The first operator or supervisor in it.
    pub(super) viewer: Option<PersonId>,
}

/// An index that is being made.
#[derive(Debug)]
pub(super) struct Indexing {
    index: Index,
    news: Receiver<Index>,
}

impl Indexing {
    /// Starts to read the record from its beginning to its end, on a thread of its own.
    pub(super) fn start(storage: DirReader) -> anyhow::Result<Self> {
        let feed = Feed::start(storage)?;
        let (sender, news) = bounded(1);
        std::thread::Builder::new()
            .name("replay-index".to_owned())
            .spawn(move || read(&feed, &sender))
            .context("starting the thread that looks for alerts")?;
        Ok(Self { index: Index::default(), news })
    }

    /// Takes over what was found since.
    pub(super) fn poll(&mut self) {
        if let Ok(index) = self.news.try_recv() {
            self.index = index;
        }
    }

    pub(super) const fn index(&self) -> &Index {
        &self.index
    }
}

fn read(feed: &Feed, news: &Sender<Index>) {
    let mut index = Index::default();
    let mut raised: BTreeSet<AlertId> = BTreeSet::new();
    let mut player = Player::new(None);
    for count in 1_usize.. {
        match feed.next() {
            None | Some(Item::End | Item::Failed(_)) => break,
            Some(item @ (Item::Run(_) | Item::Input { .. })) => {
                let folded = player.take(item, |at, told| match told {
                    Told::Operator(person) => {
                        index.viewer.get_or_insert_with(|| person.clone());
                    }
                    Told::Message(ToOperator::Alert(update))
                        if update.alarm.state.is_active()
                            && index.alerts.len() < MAX_ALERTS
                            && raised.insert(update.alarm.alert_id) =>
                    {
                        index.alerts.push(at);
                    }
                    Told::Message(_) => {}
                });
                if folded.is_err() {
                    break;
                }
            }
        }
        index.known = player.at();
        if count.is_multiple_of(PROGRESS) && news.send(index.clone()).is_err() {
            return;
        }
    }
    index.length = Some(player.at());
    // A console that was closed needs no index.
    news.send(index).unwrap_or_default();
}
