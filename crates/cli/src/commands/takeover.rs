//! `takeover`: takeovers as the record holds them.

mod waterfall;

use crate::{
    out::say,
    record::{DataArguments, HOW_UNKNOWN, decode, wall},
};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use std::{collections::BTreeMap, process::ExitCode};
use watchkeeper_ledger::{Entry, ReadStorage, Reader};
use watchkeeper_model::{DemandId, WallTime};
use watchkeeper_protocol::record::{TakeoverRecord, record_type};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper takeover list
  watchkeeper takeover show 100000001 --data watchkeeper-data

A takeover stands in the record once it is over: its demand and its lease have ended.")]
pub(crate) struct TakeoverArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists all takeovers
    List {
        #[command(flatten)]
        data: DataArguments,
    },
    /// Prints one takeover as a waterfall, machine and human time apart
    Show {
        /// Its demand id, as `list` prints it
        id: u64,
        #[command(flatten)]
        data: DataArguments,
    },
}

pub(crate) fn run(arguments: TakeoverArguments) -> anyhow::Result<ExitCode> {
    match arguments.what {
        What::List { data } => {
            let (takeovers, read) = takeovers(&data.open()?);
            for (takeover, written_at) in &takeovers {
                say(line(takeover, *written_at))?;
            }
            read?;
            if takeovers.is_empty() {
                say("no takeover in this record")?;
            }
        }
        What::Show { id, data } => {
            let (takeovers, read) = takeovers(&data.open()?);
            let found = takeovers.iter().find(|(takeover, _)| takeover.demand_id == DemandId(id));
            let Some((takeover, written_at)) = found else {
                read?;
                bail!("no takeover {id} in this record; `watchkeeper takeover list` names all there are");
            };
            say(format_args!("written {}\n{}", wall(*written_at), waterfall::text(takeover)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the takeovers of a record in its order, up to the first damage, which is an error.
///
/// The record holds a takeover once more each time that somebody labels it: the last word counts.
fn takeovers(storage: &(impl ReadStorage + ?Sized)) -> (Vec<(TakeoverRecord, WallTime)>, anyhow::Result<()>) {
    let mut takeovers = vec![];
    let mut places = BTreeMap::new();
    let read = each(storage, |takeover, written_at| {
        let place = *places.entry(takeover.demand_id).or_insert(takeovers.len());
        match takeovers.get_mut(place) {
            Some(before) => *before = (takeover, written_at),
            None => takeovers.push((takeover, written_at)),
        }
    });
    (takeovers, read)
}

fn each(
    storage: &(impl ReadStorage + ?Sized),
    mut take: impl FnMut(TakeoverRecord, WallTime),
) -> anyhow::Result<()> {
    for entry in Reader::new(storage)? {
        match entry.context("reading the record; `watchkeeper ledger verify` says more")? {
            Entry::Record(record) if record.record_type == record_type::TAKEOVER => {
                // It stands there once it is over; records older than the field do not say so.
                let takeover = TakeoverRecord { over: true, ..decode(&record)? };
                take(takeover, WallTime::from_unix_nanos(record.wall_nanos));
            }
            Entry::Segment(_) | Entry::Record(_) => {}
        }
    }
    Ok(())
}

fn line(takeover: &TakeoverRecord, written_at: WallTime) -> String {
    format!(
        "{:<12} {}  {:<16} {:<12} by {:<12} now {:<10} {}",
        takeover.demand_id.0,
        wall(written_at),
        takeover.agent,
        takeover.outcome.map_or(HOW_UNKNOWN, watchkeeper_model::DemandOutcome::word),
        takeover.holder.as_ref().map_or("nobody", |person| person.as_str()),
        takeover.final_state.word(),
        takeover.reason,
    )
}
