//! `takeover`: takeovers as the record holds them.

mod waterfall;

use crate::{
    out::say,
    record::{DataArguments, HOW_UNKNOWN, decode, wall},
};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use std::process::ExitCode;
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
            let mut is_empty = true;
            for takeover in Takeovers::of(&data.open()?)? {
                let (takeover, written_at) = takeover?;
                say(line(&takeover, written_at))?;
                is_empty = false;
            }
            if is_empty {
                say("no takeover in this record")?;
            }
        }
        What::Show { id, data } => {
            for takeover in Takeovers::of(&data.open()?)? {
                let (takeover, written_at) = takeover?;
                if takeover.demand_id == DemandId(id) {
                    say(format_args!("written {}\n{}", wall(written_at), waterfall::text(&takeover)))?;
                    return Ok(ExitCode::SUCCESS);
                }
            }
            bail!("no takeover {id} in this record; `watchkeeper takeover list` names all there are");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The takeovers of a record in its order, up to the first damage, which is an error.
struct Takeovers<'a, S: ReadStorage + ?Sized> {
    reader: Reader<'a, S>,
}

impl<'a, S: ReadStorage + ?Sized> Takeovers<'a, S> {
    fn of(storage: &'a S) -> anyhow::Result<Self> {
        Ok(Self { reader: Reader::new(storage)? })
    }
}

impl<S: ReadStorage + ?Sized> Iterator for Takeovers<'_, S> {
    type Item = anyhow::Result<(TakeoverRecord, WallTime)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.reader.next()?.context("reading the record; `watchkeeper ledger verify` says more") {
                Ok(Entry::Record(record)) if record.record_type == record_type::TAKEOVER => {
                    let written_at = WallTime::from_unix_nanos(record.wall_nanos);
                    return Some(decode(&record).map(|takeover| (takeover, written_at)));
                }
                Ok(Entry::Segment(_) | Entry::Record(_)) => {}
                Err(damage) => return Some(Err(damage)),
            }
        }
    }
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
        watchkeeper_model::Note::cut(&takeover.reason),
    )
}
