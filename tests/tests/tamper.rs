//! Tampering with the record of a real run: `ledger verify` names the record each time.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and shows what it saw"
)]

use anyhow::{Context, Result, ensure};
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};
use tempfile::TempDir;
use watchkeeper_client::{
    agent::{Agent, AgentOptions, DecisionDraft},
    discover::{Endpoint, TokenSource},
};
use watchkeeper_ledger::{DirReader, DirStorage, Entry, Ledger, Options, Reader, Record, deployment_of};
use watchkeeper_model::{AgentId, AgentKind};
use watchkeeper_server::{Server, ServerOptions, ledger_dir};
use watchkeeper_tests::process::watchkeeper;

/// A short run with a head kept by its client.
async fn record() -> Result<(TempDir, PathBuf)> {
    let data = watchkeeper_canary::tempdir()?;
    let head_file = data.path().join("kept-head");
    let mut options = ServerOptions::new(data.path().to_owned());
    options.listen = "127.0.0.1:0".parse()?;
    options.token_dir = Some(data.path().to_owned());
    options.head_file = Some(head_file.clone());
    let server = Server::start(options).await?;
    watchkeeper_canary::register(server.token());
    let endpoint = Endpoint::new(server.url(), TokenSource::File(server.token_file().to_owned()));
    let agent = Agent::connect(
        AgentOptions::new(endpoint, AgentId::new("press-1")?, AgentKind::Generic)
            .with_signals(&[("heat", "K")]),
    )
    .await?;
    for n in 0..50 {
        agent.decide(DecisionDraft::new("observe", None, vec![f64::from(n)]))?;
    }
    tokio::time::timeout(Duration::from_secs(20), agent.all_durable()).await.context("durable")?;
    agent.close().await;
    server.stop().await?;
    ensure!(head_file.exists(), "the server wrote no head file");
    Ok((data, head_file))
}

fn entries(ledger: &Path) -> Result<(Vec<u8>, Vec<Record>)> {
    let storage = DirReader::open(ledger)?;
    let mut opening = Vec::new();
    let mut records = Vec::new();
    for entry in Reader::new(&storage)? {
        match entry? {
            Entry::Segment(segment) => opening = segment.opening,
            Entry::Record(record) => records.push(record),
        }
    }
    Ok((opening, records))
}

fn copy(data: &Path) -> Result<TempDir> {
    let copy = watchkeeper_canary::tempdir()?;
    let ledger = ledger_dir(copy.path());
    fs::create_dir_all(&ledger)?;
    for file in fs::read_dir(ledger_dir(data))? {
        let file = file?;
        fs::copy(file.path(), ledger.join(file.file_name()))?;
    }
    Ok(copy)
}

fn segment_file(data: &Path) -> Result<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(ledger_dir(data))?.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    files.retain(|file| fs::metadata(file).is_ok_and(|found| found.len() > 1_000));
    ensure!(files.len() == 1, "one segment, found {files:?}");
    Ok(files.remove(0))
}

fn verify(data: &Path, head: Option<&Path>) -> Result<(Output, String)> {
    let mut command = Command::new(watchkeeper()?);
    command.args(["ledger", "verify", "--data"]).arg(data);
    if let Some(head) = head {
        command.arg("--head").arg(head);
    }
    let output = command.output()?;
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    Ok((output, String::from_utf8_lossy(&text).into_owned()))
}

/// Checks that verification fails and names the record.
fn ensure_named(what: &str, data: &Path, head: Option<&Path>, record: &str) -> Result<()> {
    let (output, text) = verify(data, head)?;
    println!("{what}: {}", text.trim());
    ensure!(!output.status.success(), "{what} was not found: {text}");
    ensure!(text.contains(record), "{what}: {record:?} is not named: {text}");
    Ok(())
}

fn overwrite(file: &Path, at: u64, bytes: &[u8]) -> Result<()> {
    OpenOptions::new().write(true).open(file)?.write_all_at(bytes, at)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tampering_is_found_and_the_record_named() -> Result<()> {
    let (data, head) = record().await?;
    let (output, text) = verify(data.path(), Some(&head))?;
    ensure!(output.status.success(), "an untouched ledger verifies: {text}");
    let (opening, records) = entries(&ledger_dir(data.path()))?;
    ensure!(records.len() > 40, "{} records", records.len());
    let (victim, next, after) = (&records[20], &records[21], &records[22]);

    let flipped = copy(data.path())?;
    let file = segment_file(flipped.path())?;
    let mut bytes = fs::read(&file)?;
    bytes[usize::try_from(victim.offset)? + 50] ^= 0x10;
    fs::write(&file, &bytes)?;
    ensure_named("one byte flipped", flipped.path(), None, &format!("record {}", victim.sequence))?;

    let swapped = copy(data.path())?;
    let file = segment_file(swapped.path())?;
    let bytes = fs::read(&file)?;
    let range = |from: &Record, to: &Record| -> Result<Vec<u8>> {
        Ok(bytes[usize::try_from(from.offset)?..usize::try_from(to.offset)?].to_vec())
    };
    let exchanged = [range(next, after)?, range(victim, next)?].concat();
    overwrite(&file, victim.offset, &exchanged)?;
    ensure_named("two records swapped", swapped.path(), None, &format!("record {}", victim.sequence))?;

    let cut = copy(data.path())?;
    let file = segment_file(cut.path())?;
    let from = &records[records.len() - 5];
    let length = fs::metadata(&file)?.len() - from.offset;
    overwrite(&file, from.offset, &vec![0; usize::try_from(length)?])?;
    let (output, _) = verify(cut.path(), None)?;
    ensure!(output.status.success(), "without a head a clean cut cannot be seen");
    ensure_named(
        "the last records cut cleanly",
        cut.path(),
        Some(&head),
        &format!("records {} to", from.sequence),
    )?;

    let rewritten = watchkeeper_canary::tempdir()?;
    let ledger = ledger_dir(rewritten.path());
    fs::create_dir_all(&ledger)?;
    let deployment = deployment_of(&DirReader::open(ledger_dir(data.path()))?)?.context("a deployment")?;
    let (mut forged, _) = Ledger::open(DirStorage::open(&ledger)?, Options::new(deployment))?;
    forged.roll(&opening)?;
    for record in &records {
        let mut payload = record.payload.clone();
        if record.sequence == victim.sequence {
            *payload.last_mut().context("a payload")? ^= 1;
        }
        forged.append(record.record_type, record.flags, record.mono_nanos, record.wall_nanos, &payload)?;
    }
    forged.commit()?;
    drop(forged);
    let (output, text) = verify(rewritten.path(), None)?;
    ensure!(output.status.success(), "a re-chained ledger is sound in itself: {text}");
    let kept = watchkeeper_canary::tempdir()?;
    let heads: Vec<PathBuf> = [&records[15], victim]
        .map(|record| {
            let file = kept.path().join(record.sequence.to_string());
            fs::write(&file, record.head().to_string()).map(|()| file)
        })
        .into_iter()
        .collect::<std::io::Result<_>>()?;
    ensure_named("an edited record re-chained", rewritten.path(), Some(&head), "record")?;
    let mut command = Command::new(watchkeeper()?);
    command.args(["ledger", "verify", "--data"]).arg(rewritten.path());
    command.arg("--head").arg(&heads[0]).arg("--head").arg(&heads[1]);
    let output = command.output()?;
    let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    println!("re-chained, with two heads kept: {}", text.trim());
    ensure!(!output.status.success() && text.contains(&victim.sequence.to_string()), "{text}");
    Ok(())
}
