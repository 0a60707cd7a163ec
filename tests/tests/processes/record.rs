//! The record of the monitor, folded segment by segment, and what must be true of it.

use crate::told::Told;
use anyhow::{Context, Result, bail, ensure};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use watchkeeper_ledger::{ChainHash, DirReader, Entry, ReadStorage, Reader};
use watchkeeper_model::{
    AgentId, AgentTime, BootId, CommandId, CommandKind, CommandState, DecisionSeq, Epoch, PersonId,
    RiskClass, SessionId,
};
use watchkeeper_protocol::{
    AgentMessage, OperatorMessage,
    operator::CommandRequest,
    record::{AgentAuthority, EngineInput, record_type},
};
use watchkeeper_server::ledger_dir;

/// Why the monitor minted an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mint {
    /// For the lease of this person.
    Lease(PersonId),
    /// For a CLEAR_LATCH of its own.
    ClearLatch,
}

/// A command as it came to the monitor.
#[derive(Clone, Debug)]
pub(crate) struct Ordered {
    pub(crate) agent: AgentId,
    pub(crate) kind: CommandKind,
    pub(crate) epoch: Epoch,
    pub(crate) cap_mps: Option<f64>,
    person: PersonId,
    accepted: u32,
}

#[derive(Clone, Debug)]
enum Who {
    Agent(AgentId, BootId),
    Person(PersonId),
}

/// What the input before a derived record could have minted.
enum Cause {
    Mint(AgentId, Mint),
    Other,
}

/// The record, as far as it was read.
#[derive(Default)]
pub(crate) struct Book {
    next_segment: u64,
    last_sequence: u64,
    hashes: BTreeMap<u64, ChainHash>,
    heads_checked: BTreeSet<u64>,
    sessions: BTreeMap<SessionId, Who>,
    wishes: BTreeMap<AgentId, PersonId>,
    authority: BTreeMap<AgentId, Epoch>,
    pub(crate) mints: BTreeMap<(AgentId, Epoch), Mint>,
    minted_at: BTreeMap<(AgentId, Epoch), AgentTime>,
    pub(crate) commands: BTreeMap<CommandId, Ordered>,
    decisions: BTreeMap<(AgentId, BootId), BTreeSet<DecisionSeq>>,
}

impl Book {
    /// Reads what the last run of the monitor wrote; it must not be running.
    pub(crate) fn read(&mut self, data: &Path) -> Result<()> {
        let storage = DirReader::open(ledger_dir(data))?;
        let mut cause = Cause::Other;
        for entry in Reader::starting_at(&storage, self.next_segment)? {
            let record = match entry? {
                Entry::Segment(_) => continue,
                Entry::Record(record) => record,
            };
            ensure!(
                record.sequence == self.last_sequence + 1,
                "record {} follows record {}",
                record.sequence,
                self.last_sequence
            );
            self.last_sequence = record.sequence;
            self.hashes.insert(record.sequence, record.hash);
            match record.record_type {
                record_type::INPUT => cause = self.input(rmp_serde::from_slice(&record.payload)?)?,
                record_type::AUTHORITY => {
                    let at = AgentTime::from_nanos(record.mono_nanos);
                    self.derived(&cause, &rmp_serde::from_slice(&record.payload)?, at)?;
                }
                _ => {}
            }
        }
        self.next_segment = storage.segments()?.last().map_or(0, |last| last + 1);
        Ok(())
    }

    fn input(&mut self, input: EngineInput) -> Result<Cause> {
        match input {
            EngineInput::AgentConnected { session, hello } => {
                self.sessions.insert(session, Who::Agent(hello.agent, hello.boot_id));
            }
            EngineInput::OperatorConnected { session, hello, .. } => {
                self.sessions.insert(session, Who::Person(hello.person));
            }
            EngineInput::Agent { session, framed, .. } => {
                let Some(Who::Agent(agent, boot_id)) = self.sessions.get(&session).cloned() else {
                    bail!("a message of an agent whose hello is not in the record");
                };
                match framed.into_message() {
                    AgentMessage::Decision(decision) => {
                        self.decisions.entry((agent, boot_id)).or_default().insert(decision.seq);
                    }
                    AgentMessage::Ack(ack) if ack.state == CommandState::Accepted && ack.code.is_none() => {
                        let ordered = self.commands.get_mut(&ack.command_id);
                        ordered.context("an agent accepted a command that nobody sent")?.accepted += 1;
                    }
                    _ => {}
                }
            }
            EngineInput::Operator { session, framed, .. } => {
                let Some(Who::Person(person)) = self.sessions.get(&session).cloned() else {
                    bail!("a message of an operator whose hello is not in the record");
                };
                return self.operator(person, framed.into_message());
            }
            _ => {}
        }
        Ok(Cause::Other)
    }

    fn operator(&mut self, person: PersonId, message: OperatorMessage) -> Result<Cause> {
        let request = match message {
            OperatorMessage::Claim(claim) => return Ok(Cause::Mint(claim.agent, Mint::Lease(person))),
            OperatorMessage::RequestHandover(wish) => {
                self.wishes.insert(wish.agent.clone(), person.clone());
                return Ok(Cause::Mint(wish.agent, Mint::Lease(person)));
            }
            OperatorMessage::AnswerHandover(answer) => {
                let by = self.wishes.get(&answer.agent).cloned().context("an answer without a wish")?;
                return Ok(Cause::Mint(answer.agent, Mint::Lease(by)));
            }
            OperatorMessage::Engage(body) => body.into_request(CommandKind::Engage),
            OperatorMessage::Release(body) => body.into_request(CommandKind::Release),
            OperatorMessage::HandBack(body) => body.into_request(CommandKind::HandBack),
            OperatorMessage::Command(request) => request,
            OperatorMessage::Stop(stop) => {
                self.ordered(stop.command_id, stop.agent, CommandKind::Estop, Epoch(0), None, person)?;
                return Ok(Cause::Other);
            }
            _ => return Ok(Cause::Other),
        };
        let CommandRequest { command_id, agent, kind, args, epoch, .. } = request;
        self.ordered(command_id, agent.clone(), kind, epoch, args.speed_mps, person)?;
        Ok(if kind == CommandKind::ClearLatch { Cause::Mint(agent, Mint::ClearLatch) } else { Cause::Other })
    }

    fn ordered(
        &mut self,
        command_id: CommandId,
        agent: AgentId,
        kind: CommandKind,
        epoch: Epoch,
        cap_mps: Option<f64>,
        person: PersonId,
    ) -> Result<()> {
        let ordered = Ordered { agent, kind, epoch, cap_mps, person, accepted: 0 };
        ensure!(self.commands.insert(command_id, ordered).is_none(), "command {command_id} came twice");
        Ok(())
    }

    /// An epoch is minted once, by somebody's order, and is one above all before: no agent ever knows of one that the
    /// record does not know.
    fn derived(&mut self, cause: &Cause, authority: &AgentAuthority, at: AgentTime) -> Result<()> {
        let (agent, epoch) = (&authority.agent, authority.epoch);
        let before = self.authority.insert(agent.clone(), epoch).unwrap_or_default();
        ensure!(epoch >= before, "the epoch of {agent} went back from {before} to {epoch}");
        if epoch == before {
            return Ok(());
        }
        let Cause::Mint(whose, mint) = cause else {
            bail!("{agent} knew epoch {epoch}, and the record only {before}");
        };
        ensure!(
            whose == agent && epoch == before.next(),
            "{mint:?} led from epoch {before} to {epoch} of {agent}"
        );
        self.minted_at.insert((agent.clone(), epoch), at);
        let twice = self.mints.insert((agent.clone(), epoch), mint.clone());
        ensure!(twice.is_none(), "epoch {epoch} of {agent} was minted twice");
        Ok(())
    }

    /// Checks that everything the monitor promised is here, and that nothing was done that nobody could order.
    pub(crate) fn check(&mut self, told: &Told) -> Result<()> {
        ensure!(told.contradictions.is_empty(), "{:?}", told.contradictions);
        for (sequence, hash) in &told.heads {
            if self.heads_checked.insert(*sequence) {
                let kept = self.hashes.get(sequence);
                ensure!(kept == Some(hash), "head {sequence} was told as {hash}, the record has {kept:?}");
            }
        }
        // Only heads are compared with them, and those told later are of records that come later.
        self.hashes.retain(|sequence, _| *sequence + 2_000 > self.last_sequence);
        for ((agent, epoch), person) in &told.grants {
            let mint = self.mints.get(&(agent.clone(), *epoch));
            ensure!(
                mint == Some(&Mint::Lease(person.clone())),
                "{person} was granted epoch {epoch} of {agent}: {mint:?}"
            );
        }
        for (agent, epoch) in told.epochs.iter().filter(|(_, epoch)| *epoch > Epoch(0)) {
            let mint = self.mints.get(&(agent.clone(), *epoch));
            ensure!(matches!(mint, Some(Mint::Lease(_))), "{agent} had epoch {epoch}: {mint:?}");
        }
        for command_id in &told.logged {
            ensure!(self.commands.contains_key(command_id), "{command_id} was logged and is lost");
        }
        for ((agent, boot_id), seq) in &told.durable {
            let kept = self.decisions.get(&(agent.clone(), *boot_id));
            let kept = kept.map_or(0, |kept| kept.range(..=*seq).count() as u64);
            ensure!(kept == seq.0, "{agent} was told that {seq} decisions are safe, {kept} are");
        }
        self.commands.iter().try_for_each(|(command_id, ordered)| self.check_ordered(*command_id, ordered))
    }

    fn check_ordered(&self, command_id: CommandId, ordered: &Ordered) -> Result<()> {
        let Ordered { agent, kind, epoch, person, accepted, .. } = ordered;
        ensure!(*accepted <= 1, "{agent} accepted {kind} {command_id} {accepted} times");
        let is_exclusive = kind.risk() == RiskClass::Exclusive && *kind != CommandKind::ClearLatch;
        let fenced = is_exclusive || *epoch > Epoch(0);
        if *accepted > 0 && fenced {
            let mint = self.mints.get(&(agent.clone(), *epoch));
            ensure!(
                mint == Some(&Mint::Lease(person.clone())),
                "{agent} accepted {kind} of {person} under epoch {epoch}: {mint:?}"
            );
        }
        Ok(())
    }

    /// Returns when an epoch was minted, on the clock of the machine.
    pub(crate) fn minted_at(&self, agent: &AgentId, epoch: Epoch) -> Option<AgentTime> {
        self.minted_at.get(&(agent.clone(), epoch)).copied()
    }

    /// Says whether the monitor minted an epoch for somebody's lease after a moment.
    pub(crate) fn was_minted_after(&self, agent: &AgentId, at: AgentTime) -> bool {
        let mut mints =
            self.mints.iter().filter(|((whose, _), mint)| whose == agent && **mint != Mint::ClearLatch);
        mints.any(|((_, epoch), _)| self.minted_at(agent, *epoch) > Some(at))
    }

    /// Returns how many commands agents accepted, as far as the record knows.
    pub(crate) fn accepted(&self) -> usize {
        self.commands.values().filter(|ordered| ordered.accepted > 0).count()
    }
}
