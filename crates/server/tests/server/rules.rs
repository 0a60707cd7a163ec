//! Rules come into force while the server runs, without a gap, and what is broken does not.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at a few messages of many")]

use crate::support::{Client, agent_hello, inputs, options, request};
use bytes::Bytes;
use std::{fs, path::Path, time::Duration};
use watchkeeper_engine::EngineInput;
use watchkeeper_model::{
    AgentTime, Alarm, CauseClass, Decision, DecisionSeq, Label, Note, PersonId, SignalSpec,
};
use watchkeeper_protocol::{AgentMessage, ToOperator, Wire, encode};
use watchkeeper_rules::RuleSetVersion;
use watchkeeper_server::{RuleStore, RunningServer, Server, Signature, clock::Clock};

fn text(max: u32) -> String {
    format!("[[rule]]\nid = \"fast\"\nlimit = {{ signal = \"speed\", max = {max}.0 }}\n")
}

fn signed(reason: &str) -> Signature {
    Signature { by: PersonId::new("anna").unwrap(), reason: Note::cut(reason), at: Clock.timestamp() }
}

fn store(dir: &Path) -> RuleStore {
    RuleStore::of(&dir.join("rules.toml"))
}

async fn start(dir: &Path) -> anyhow::Result<RunningServer> {
    let mut options = options(dir);
    options.config.rules.file = Some(dir.join("rules.toml").into_os_string().into_string().unwrap());
    let server = Server::start(options).await?;
    watchkeeper_canary::register(server.token());
    Ok(server)
}

fn decision(seq: u64, speed: f64) -> Bytes {
    AgentMessage::Decision(Decision {
        seq: DecisionSeq(seq),
        made_at: AgentTime::from_nanos(seq),
        action: Label::cut("go"),
        confidence: None,
        alternatives: Vec::new(),
        signals: vec![speed],
        subject: None,
        context: None,
        waiting: None,
    })
    .encode()
}

async fn truck(server: &RunningServer) -> Client {
    let mut hello = agent_hello("truck", Some(server.token()));
    hello.signals = vec![SignalSpec { name: Label::cut("speed"), unit: Label::cut("m/s") }];
    let mut client = Client::upgrade(server, request(server)).await.unwrap();
    client.send(encode("hello", &hello)).await;
    client
}

async fn rule_alarm(console: &mut Client) -> Alarm {
    let of_a_rule = |message| match message {
        ToOperator::Alert(update) if update.alarm.cause == CauseClass::Limit => Some(update.alarm),
        _ => None,
    };
    console.told(of_a_rule).await
}

/// Returns the versions that the record holds, in order.
fn changes(dir: &Path) -> Vec<RuleSetVersion> {
    let texts = inputs(dir).into_iter().filter_map(|input| match input {
        EngineInput::RulesChanged { text, by, .. } => {
            assert_eq!(by.as_str(), "anna");
            Some(RuleSetVersion::of(&text))
        }
        _ => None,
    });
    texts.collect()
}

#[tokio::test]
async fn a_server_does_not_start_without_the_rules_it_is_told_to_have() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let error = format!("{:#}", start(dir.path()).await.unwrap_err());
    assert!(error.contains("put it in force with `watchkeeper rules activate"), "{error}");
}

#[tokio::test]
async fn rules_come_into_force_while_it_runs_and_broken_ones_do_not() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let store = store(dir.path());
    store.activate(&text(100), &signed("first")).unwrap();
    let server = start(dir.path()).await.unwrap();
    let mut console = Client::operator(&server, "ada").await;
    let mut truck = truck(&server).await;
    truck.send(decision(1, 50.0)).await;

    // A version that somebody broke behind our back: those in force go on, and it is not on record.
    let broken = store.activate(&text(20), &signed("broken in a moment")).unwrap();
    fs::write(store.directory().join(format!("{}.toml", broken.version)), "[[rule]]\nid = 3\n").unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    truck.send(decision(2, 50.0)).await;

    // Decisions go on while other rules come into force: the alert names the first that they judged.
    let kept = store.activate(&text(40), &signed("tighter")).unwrap();
    let feeding = async {
        for seq in 3..400 {
            truck.send(decision(seq, 50.0)).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let alarm = tokio::select! {
        alarm = rule_alarm(&mut console) => alarm,
        () = feeding => panic!("some 400 decisions and no alert"),
    };
    assert_eq!(alarm.subject.as_str(), "rule:fast");
    store.rollback(None, &signed("no good")).unwrap_err();
    store.rollback(Some(RuleSetVersion::of(&text(100))), &signed("too tight")).unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    truck.send(decision(1_000, 50.0)).await;
    let cleared = rule_alarm(&mut console).await;
    assert_eq!((cleared.alert_id, cleared.state.is_active()), (alarm.alert_id, false));
    server.stop().await.unwrap();

    let on_record = changes(dir.path());
    assert!(!on_record.contains(&broken.version), "a broken version never came into force");
    assert_eq!(on_record, [kept.version, RuleSetVersion::of(&text(100))]);
    // Every decision before the change was judged by the rules before, every one after by those after.
    let mut in_force_at = None;
    for input in inputs(dir.path()) {
        match input {
            EngineInput::RulesChanged { text: found, .. } if found == text(40) => in_force_at = Some(None),
            EngineInput::Agent { framed, .. } => {
                if let (Some(None), AgentMessage::Decision(decision)) = (&in_force_at, framed.message()) {
                    in_force_at = Some(Some(decision.seq));
                }
            }
            _ => {}
        }
    }
    assert_eq!(alarm.decision, in_force_at.flatten());
}
