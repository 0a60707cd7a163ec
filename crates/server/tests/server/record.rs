//! What the record holds afterwards.

use crate::support::{Client, decision, inputs, options, records, start};
use std::path::Path;
use watchkeeper_engine::{Config, Engine, EngineInput, OutputDigest};
use watchkeeper_ledger::{DirReader, Entry, Reader, verify};
use watchkeeper_model::{Incarnation, MonoTime, Note};
use watchkeeper_protocol::{
    AgentMessage, ToOperator, Wire,
    agent::RequestIntervention,
    record::{DigestRecord, Opening, record_type},
};
use watchkeeper_server::ledger_dir;

fn head_of(report: &watchkeeper_server::ServeReport) -> watchkeeper_ledger::Head {
    watchkeeper_ledger::Head {
        sequence: report.head.sequence,
        hash: watchkeeper_ledger::ChainHash(report.head.hash),
    }
}

#[tokio::test]
async fn everything_an_agent_said_is_recorded_in_order_before_its_end() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let token = server.token().to_owned();
    let mut agent = Client::agent(&server, "truck").await;
    let asks = AgentMessage::RequestIntervention(RequestIntervention { reason: Note::cut("fog") }).encode();
    agent.send(asks).await;
    for seq in 1..=3_000 {
        agent.send(decision(seq)).await;
    }
    agent.close().await;
    let report = server.stop().await.unwrap();

    let inputs = inputs(dir.path());
    assert_eq!(inputs.len() as u64, report.inputs);
    assert!(matches!(inputs[0], EngineInput::Timeout), "tells the replay when the engine was made");
    let position = |found: &dyn Fn(&EngineInput) -> bool| inputs.iter().position(found).unwrap();
    let connected = position(&|input| matches!(input, EngineInput::AgentConnected { .. }));
    let EngineInput::AgentConnected { session, hello } = &inputs[connected] else { unreachable!() };
    assert_eq!(session.0, 100_000_001);
    assert_eq!((hello.agent.as_str(), &hello.token), ("truck", &None));
    let gone = position(&|input| matches!(input, EngineInput::Disconnected { .. }));
    let mut decisions = Vec::new();
    for input in &inputs[connected..gone] {
        if let EngineInput::Agent { framed, .. } = input
            && let AgentMessage::Decision(decision) = framed.message()
        {
            decisions.push(decision.seq.0);
        }
    }
    assert_eq!(decisions, (1..=3_000).collect::<Vec<_>>());
    let last_durable = inputs
        .iter()
        .rev()
        .find_map(|input| if let EngineInput::Durable { input, .. } = input { Some(*input) } else { None });
    assert!(last_durable.unwrap() > connected as u64, "somebody was told that it is on disk");

    let records = records(dir.path());
    let digest: DigestRecord = rmp_serde::from_slice(&records.last().unwrap().payload).unwrap();
    assert_eq!(digest, DigestRecord { inputs: report.inputs, sha256: report.output_digest });
    let digests = records.iter().filter(|record| record.record_type == record_type::DIGEST).count();
    assert_eq!(digests as u64, report.inputs / 1_000 + 1);
    assert!(records.is_sorted_by_key(|record| record.mono_nanos));
    let reader = DirReader::open(ledger_dir(&dir.path().join("data"))).unwrap();
    let checked = verify(&reader, &[head_of(&report)]).unwrap();
    assert!(checked.problems.is_empty(), "{checked:?}");
    assert_eq!(checked.heads_matched, 1);
    let everything = records.iter().map(|record| record.payload.clone()).collect::<Vec<_>>().concat();
    let leaked = everything.windows(token.len()).any(|window| window == token.as_bytes());
    assert!(!leaked, "the token is in the record");
}

#[tokio::test]
async fn segments_open_with_what_a_reader_needs() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut options = options(dir.path());
    options.segment_bytes = 20_000;
    let server = crate::support::serve(options).await;
    let mut agent = Client::agent(&server, "truck").await;
    for seq in 1..=200 {
        agent.send(decision(seq)).await;
    }
    agent.close().await;
    // The roll follows a commit, at most one a second on a full disk only.
    server.stop().await.unwrap();
    let reader = DirReader::open(ledger_dir(&dir.path().join("data"))).unwrap();
    let mut inputs = 0;
    let mut segments = 0;
    for entry in Reader::new(&reader).unwrap() {
        match entry.unwrap() {
            Entry::Segment(segment) => {
                let opening: Opening = rmp_serde::from_slice(&segment.opening).unwrap();
                assert_eq!(opening.incarnation, Incarnation(1));
                assert_eq!(opening.inputs_before, inputs);
                segments += 1;
            }
            Entry::Record(record) => inputs += u64::from(record.record_type == record_type::INPUT),
        }
    }
    assert!(segments > 1, "{inputs} inputs in one segment");
}

#[tokio::test]
async fn an_alert_that_left_for_a_console_is_recorded_as_delivered() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut person = Client::operator(&server, "kim").await;
    person.is_served().await;
    let mut agent = Client::agent(&server, "truck").await;
    let asks = AgentMessage::RequestIntervention(RequestIntervention { reason: Note::cut("fog") }).encode();
    agent.send(asks).await;
    let alert = person
        .told(
            |message| {
                if let ToOperator::Alert(update) = message { Some(update.alarm.alert_id) } else { None }
            },
        )
        .await;
    server.stop().await.unwrap();
    let delivered = inputs(dir.path()).into_iter().any(|input| {
        if let EngineInput::Delivered { session, alerts, .. } = input {
            session.0 == 100_000_001 && alerts.contains(&alert)
        } else {
            false
        }
    });
    assert!(delivered, "{alert} was not recorded as delivered");
}

#[tokio::test]
async fn the_record_gives_the_same_outputs_when_it_is_fed_to_a_fresh_engine() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut person = Client::operator(&server, "kim").await;
    person.is_served().await;
    let mut agent = Client::agent(&server, "truck").await;
    for seq in 1..=1_500 {
        agent.send(decision(seq)).await;
    }
    agent.is_served().await;
    person.is_served().await;
    let report = server.stop().await.unwrap();
    let (digest, outputs) = replay(dir.path());
    assert_eq!(digest, report.output_digest);
    assert!(outputs > 1_000, "a replay of {outputs} outputs proves little");
}

/// Feeds the record of a first run to a fresh engine and returns the digest and number of its outputs.
fn replay(dir: &Path) -> ([u8; 32], u64) {
    let reader = DirReader::open(ledger_dir(&dir.join("data"))).expect("there is a record");
    let mut entries =
        Reader::new(&reader).expect("it can be listed").map(|entry| entry.expect("it is whole"));
    let Some(Entry::Segment(segment)) = entries.next() else { panic!("a record begins with a segment") };
    let opening: Opening = rmp_serde::from_slice(&segment.opening).expect("it opens with an opening");
    let config = Config::parse(&opening.configuration).expect("it holds its configuration");
    let (mut engine, mut digest, mut outputs) = (None, OutputDigest::default(), 0);
    for entry in entries {
        let Entry::Record(record) = entry else { continue };
        if record.record_type != record_type::INPUT {
            continue;
        }
        let now = MonoTime::from_nanos(record.mono_nanos);
        let engine = engine.get_or_insert_with(|| Engine::new(config.clone(), &opening, now));
        engine.handle(rmp_serde::from_slice(&record.payload).expect("it is an input"), now);
        while let Some(output) = engine.poll_output() {
            digest.update(&output, output.encode().as_ref());
            outputs += 1;
        }
    }
    (digest.value(), outputs)
}
