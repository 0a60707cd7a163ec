//! From a data directory to a ledger that is ready for a new run.

use crate::{files, options::ServerOptions};
use anyhow::{Context, bail};
use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use watchkeeper_ledger::{
    DirReader, DirStorage, Entry, Ledger, Options, ReadStorage, Reader, Record, Recovery, RollError, Storage,
    deployment_of,
};
use watchkeeper_model::{AgentId, Epoch, Incarnation};
use watchkeeper_protocol::record::{AgentAuthority, Opening, record_type};

/// Epochs that are left out after damage that was accepted: more than a lost part of a segment can have minted.
const EPOCHS_LEFT_OUT: u64 = 1_000_000;

/// Returns where the record of a data directory lies.
pub fn ledger_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("ledger")
}

/// A ledger with a fresh segment, and what it opened with.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) ledger: Ledger<DirStorage>,
    pub(crate) opening: Opening,
}

/// What the record remembers of the runs before.
#[derive(Debug, Default)]
struct Memory {
    incarnation: u64,
    authority: BTreeMap<AgentId, AgentAuthority>,
}

/// Opens the data directory, recovers the ledger, and starts a segment for this run.
pub(crate) fn start(options: &ServerOptions) -> anyhow::Result<Started> {
    files::private_dir(&options.data_dir)?;
    warn_if_others_may_read(&options.data_dir);
    let directory = ledger_dir(&options.data_dir);
    let storage = DirStorage::open(&directory)
        .with_context(|| format!("opening the record in {}", directory.display()))?;
    let reader = storage.reader();
    let deployment = deployment_of(&reader)
        .with_context(|| format!("reading the record in {}", directory.display()))?
        .unwrap_or_else(rand::random);
    let mut ledger_options = Options::new(deployment);
    ledger_options.segment_bytes = options.segment_bytes;
    let (mut ledger, recovery) = Ledger::open(storage, ledger_options)
        .with_context(|| format!("recovering the record in {}", directory.display()))?;
    let memory = remember(&reader, &recovery, options, &directory)?;
    let opening = Opening {
        configuration: options.config.to_toml(),
        seed: rand::random(),
        incarnation: Incarnation(memory.incarnation + 1),
        build: crate::BUILD.to_owned(),
        inputs_before: 0,
        // Once, not twice: whatever fits into a later segment of a run then fits into the first of the next.
        authority: Vec::new(),
        starting_authority: memory.authority.into_values().collect(),
    };
    begin(&mut ledger, &opening, &directory)?;
    Ok(Started { ledger, opening })
}

/// Starts the first segment of a run.
fn begin<S: Storage>(ledger: &mut Ledger<S>, opening: &Opening, directory: &Path) -> anyhow::Result<()> {
    match ledger.roll(&encode(opening)) {
        Ok(_) => Ok(()),
        Err(error @ RollError::OpeningTooLarge { .. }) => bail!(
            "the record in {} cannot be continued: {error}. It knows {} agents, more than a segment can open \
             with. Nothing was changed. Start with another data directory (--data-dir) and keep this one: it can \
             still be verified and replayed. The new run does not know the latches and unconfirmed stops on \
             record here until the agents report them: look at every stopped agent before it drives",
            directory.display(),
            opening.starting_authority.len(),
        ),
        Err(error @ (RollError::Commit(_) | RollError::Full { .. } | RollError::Create { .. })) => {
            Err(anyhow::Error::from(error)
                .context(format!("starting a segment of the record for this run in {}", directory.display())))
        }
    }
}

/// Encodes what a segment opens with.
pub(crate) fn encode(opening: &Opening) -> Vec<u8> {
    rmp_serde::to_vec_named(opening).expect("an opening can be written as MessagePack")
}

fn remember(
    reader: &DirReader,
    recovery: &Recovery,
    options: &ServerOptions,
    directory: &Path,
) -> anyhow::Result<Memory> {
    if recovery.cut_bytes > 0 {
        let (bytes, after) = (recovery.cut_bytes, recovery.head.sequence);
        tracing::info!(bytes, after, "cut an unfinished record that a crash left");
    }
    let segments = reader.segments().context("listing the segments of the record")?;
    let mut memory = Memory::default();
    let Some(last) = segments.last().copied() else { return Ok(memory) };
    let found = match &recovery.damage {
        None => memory.read_segment(reader, last),
        Some(damage) => Err(anyhow::anyhow!("{damage}")),
    };
    let Err(error) = found else { return Ok(memory) };
    if !options.accept_corruption {
        bail!(
            "the record in {} cannot be continued: {error:#}. Nothing was changed. What it knows about who \
             may drive which agent may be incomplete. Look at it with `watchkeeper ledger verify`; to go on \
             in a new segment that is marked as a gap, start again with --accept-corruption",
            directory.display(),
        );
    }
    tracing::warn!(error = format!("{error:#}"), "going on with a damaged record, as told");
    Ok(remember_what_can_be_read(reader, &segments))
}

/// Folds every segment as far as it can be read, and keeps clear of what the unreadable parts may have used.
fn remember_what_can_be_read(reader: &DirReader, segments: &[u64]) -> Memory {
    let mut memory = Memory::default();
    let mut unread = 0;
    for segment in segments {
        let before = memory.incarnation;
        if let Err(error) = memory.read_segment(reader, *segment) {
            tracing::warn!(segment, error = format!("{error:#}"), "a segment was read in part or not at all");
            unread += u64::from(memory.incarnation == before);
        }
    }
    memory.incarnation += unread;
    for authority in memory.authority.values_mut() {
        authority.epoch = Epoch(authority.epoch.0.saturating_add(EPOCHS_LEFT_OUT));
    }
    memory
}

impl Memory {
    /// Folds the opening of a segment and the authority records in it.
    fn read_segment(&mut self, reader: &DirReader, number: u64) -> anyhow::Result<()> {
        let mut opened = false;
        for entry in Reader::starting_at(reader, number)? {
            match entry? {
                // The next segment.
                Entry::Segment(_) if opened => break,
                Entry::Segment(segment) => {
                    let opening: Opening = rmp_serde::from_slice(&segment.opening).with_context(|| {
                        format!("segment {number} opens with something that this program did not write")
                    })?;
                    opened = true;
                    self.incarnation = self.incarnation.max(opening.incarnation.0);
                    // The first segment of a run holds it once, as what the run started from.
                    let authority = match opening.inputs_before {
                        0 => opening.starting_authority,
                        _ => opening.authority,
                    };
                    self.authority = authority.into_iter().map(|one| (one.agent.clone(), one)).collect();
                }
                Entry::Record(record) => self.fold(&record)?,
            }
        }
        Ok(())
    }

    fn fold(&mut self, record: &Record) -> anyhow::Result<()> {
        if record.record_type == record_type::AUTHORITY {
            let authority: AgentAuthority = rmp_serde::from_slice(&record.payload).with_context(|| {
                format!("record {} does not hold the authority over an agent", record.sequence)
            })?;
            self.authority.insert(authority.agent.clone(), authority);
        }
        Ok(())
    }
}

fn warn_if_others_may_read(data_dir: &Path) {
    let others = std::fs::metadata(data_dir).is_ok_and(|found| found.permissions().mode() & 0o077 != 0);
    if others {
        tracing::warn!(
            path = %data_dir.display(),
            "other users may enter the data directory; what the server makes in it only its owner can read"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeeper_ledger::{MAX_OPENING_BYTES, MemoryStorage};

    #[test]
    fn what_is_known_of_an_agent_survives_every_start() {
        let dir = watchkeeper_canary::tempdir().unwrap();
        let options = ServerOptions::new(dir.path());
        let truck = AgentAuthority {
            agent: AgentId::new("truck").unwrap(),
            epoch: Epoch(7),
            latches: Vec::new(),
            pending_stop: None,
            strikes: 0,
        };
        let mut first = start(&options).unwrap();
        let payload = rmp_serde::to_vec_named(&truck).unwrap();
        first.ledger.append(record_type::AUTHORITY, 0, 1, 1, &payload).unwrap();
        first.ledger.commit().unwrap();
        drop(first);
        for incarnation in 2..=3 {
            let Started { opening, .. } = start(&options).unwrap();
            assert_eq!(opening.incarnation, Incarnation(incarnation));
            assert_eq!(opening.starting_authority, std::slice::from_ref(&truck));
        }
    }

    #[test]
    fn a_record_that_no_segment_can_open_with_says_what_to_do() {
        let (mut ledger, _) = Ledger::open(MemoryStorage::default(), Options::new([3; 16])).unwrap();
        let opening = Opening {
            configuration: "x".repeat(MAX_OPENING_BYTES),
            seed: 1,
            incarnation: Incarnation(1),
            build: "test".to_owned(),
            inputs_before: 0,
            authority: Vec::new(),
            starting_authority: Vec::new(),
        };
        let message = begin(&mut ledger, &opening, Path::new("data/ledger")).unwrap_err().to_string();
        assert!(message.contains("Start with another data directory"), "{message}");
    }
}
