//! `ledger show`: the records, one a line.

use crate::{
    out::{count, count_of, say},
    record::{DataArguments, HOW_UNKNOWN, TYPES, decode, hex, type_word, wall},
};
use clap::{Args, builder::PossibleValuesParser};
use serde_json::{Value, json};
use std::process::ExitCode;
use watchkeeper_ledger::{Entry, Reader, Record, SegmentInfo};
use watchkeeper_model::WallTime;
use watchkeeper_protocol::{
    Wire,
    record::{AgentAuthority, DigestRecord, EngineInput, Opening, Page, TakeoverRecord, record_type},
};
use watchkeeper_rules::RuleSetVersion;

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    #[command(flatten)]
    data: DataArguments,
    /// Only records of this type; may be repeated
    #[arg(long = "type", value_name = "TYPE", value_parser = PossibleValuesParser::new(TYPES.map(|(_, word)| word)))]
    types: Vec<String>,
    /// Starts with this record
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    from: u64,
    /// One JSON object a line, with everything in it
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &ShowArguments) -> anyhow::Result<ExitCode> {
    let storage = arguments.data.open()?;
    for entry in Reader::new(&storage)? {
        match entry? {
            Entry::Segment(segment)
                if arguments.types.is_empty() && segment.first_sequence >= arguments.from =>
            {
                say(describe_segment(&segment, arguments.json))?;
            }
            Entry::Segment(_) => {}
            Entry::Record(record) => {
                let is_wanted = arguments.types.is_empty()
                    || arguments.types.iter().any(|word| word == type_word(record.record_type));
                if is_wanted && record.sequence >= arguments.from {
                    say(if arguments.json { json_of(&record)?.to_string() } else { line_of(&record)? })?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn describe_segment(segment: &SegmentInfo, as_json: bool) -> String {
    let opening: Option<Opening> = rmp_serde::from_slice(&segment.opening).ok();
    if as_json {
        let (number, first_sequence, gap) = (segment.number, segment.first_sequence, segment.gap);
        return json!({"segment": number, "first_sequence": first_sequence, "gap": gap, "opening": opening})
            .to_string();
    }
    let opening = opening.map_or_else(
        || "opens with something this program does not understand".to_owned(),
        |opening| {
            format!(
                "run {}, build {}, {} before",
                opening.incarnation,
                opening.build,
                count(opening.inputs_before, "input")
            )
        },
    );
    let gap = if segment.gap { ", after accepted damage" } else { "" };
    format!("-- segment {}: {opening}{gap}", segment.number)
}

fn line_of(record: &Record) -> anyhow::Result<String> {
    let what = match record.record_type {
        record_type::INPUT => describe_input(&decode(record)?),
        record_type::AUTHORITY => {
            let authority: AgentAuthority = decode(record)?;
            let stop = if authority.pending_stop.is_some() { ", a stop is not confirmed" } else { "" };
            format!(
                "{}: highest epoch {}, {}{stop}",
                authority.agent,
                authority.epoch,
                count_of(authority.latches.len(), "latch")
            )
        }
        record_type::TAKEOVER => {
            let takeover: TakeoverRecord = decode(record)?;
            let outcome = takeover.outcome.map_or(HOW_UNKNOWN, watchkeeper_model::DemandOutcome::word);
            format!("{} of {}: {outcome}", takeover.demand_id.0, takeover.agent)
        }
        record_type::DIGEST => {
            let digest: DigestRecord = decode(record)?;
            format!("after {}: {}", count(digest.inputs, "input"), hex(&digest.sha256))
        }
        record_type::PAGE => {
            let page: Page = decode(record)?;
            format!("about demand {} of {}: {}", page.demand_id.0, page.agent, page.reason)
        }
        other => format!("type {other}, {}", count_of(record.payload.len(), "byte")),
    };
    let at = wall(WallTime::from_unix_nanos(record.wall_nanos));
    Ok(format!("{:>8} {at} {:<9} {what}", record.sequence, type_word(record.record_type)))
}

fn describe_input(input: &EngineInput) -> String {
    match input {
        EngineInput::AgentConnected { session, hello } => format!("session {session}: agent {}", hello.agent),
        EngineInput::OperatorConnected { session, hello, access: None } => {
            format!("session {session}: {} {}", hello.role, hello.person)
        }
        EngineInput::OperatorConnected { session, hello, access: Some(access) } => {
            format!("session {session}: {} {} of {}", access.role, hello.person, access.scope)
        }
        EngineInput::AccessChanged { session, access } => {
            format!("session {session}: now {} of {}", access.role, access.scope)
        }
        EngineInput::Disconnected { session } => format!("session {session}: gone"),
        EngineInput::Agent { session, framed, .. } => {
            format!("session {session}: {}", framed.message().kind())
        }
        EngineInput::Operator { session, framed, .. } => {
            format!("session {session}: {}", framed.message().kind())
        }
        EngineInput::Delivered { session, alerts, .. } => {
            format!("session {session}: has {}", count_of(alerts.len(), "alert"))
        }
        EngineInput::Durable { input, head } => {
            format!("input {input} and record {} are on disk", head.sequence)
        }
        EngineInput::LedgerPressure { queue_percent, stalled } => {
            format!("queue {queue_percent} %{}", if *stalled { ", stalled" } else { "" })
        }
        EngineInput::RefusedFrames { count } => format!("{} refused", crate::out::count(*count, "frame")),
        EngineInput::RulesChanged { text, by, reason } => {
            format!("{by} put rules {} in force: {reason}", RuleSetVersion::of(text).short())
        }
        EngineInput::Timeout => "time".to_owned(),
    }
}

fn json_of(record: &Record) -> anyhow::Result<Value> {
    let what = match record.record_type {
        record_type::INPUT => input_json(&decode(record)?),
        record_type::AUTHORITY => serde_json::to_value(decode::<AgentAuthority>(record)?)?,
        record_type::TAKEOVER => serde_json::to_value(decode::<TakeoverRecord>(record)?)?,
        record_type::DIGEST => {
            let digest: DigestRecord = decode(record)?;
            json!({"inputs": digest.inputs, "sha256": hex(&digest.sha256)})
        }
        record_type::PAGE => serde_json::to_value(decode::<Page>(record)?)?,
        _ => json!({"bytes": record.payload.len()}),
    };
    Ok(json!({
        "sequence": record.sequence,
        "wall": wall(WallTime::from_unix_nanos(record.wall_nanos)),
        "mono_nanos": record.mono_nanos,
        "type": type_word(record.record_type),
        "hash": hex(&record.hash.0),
        "record": what,
    }))
}

/// Returns an input with its message instead of the bytes it came in.
fn input_json(input: &EngineInput) -> Value {
    let with_message = |session, received_at, kind, message: String| json!({"session": session, "received_at": received_at, "kind": kind, "message": message});
    match input {
        EngineInput::Agent { session, received_at, framed } => {
            with_message(session, received_at, framed.message().kind(), format!("{:?}", framed.message()))
        }
        EngineInput::Operator { session, received_at, framed } => {
            with_message(session, received_at, framed.message().kind(), format!("{:?}", framed.message()))
        }
        EngineInput::AgentConnected { .. }
        | EngineInput::OperatorConnected { .. }
        | EngineInput::AccessChanged { .. }
        | EngineInput::Disconnected { .. }
        | EngineInput::Delivered { .. }
        | EngineInput::Durable { .. }
        | EngineInput::LedgerPressure { .. }
        | EngineInput::RefusedFrames { .. }
        | EngineInput::RulesChanged { .. }
        | EngineInput::Timeout => {
            serde_json::to_value(input).unwrap_or_else(|_| Value::String(describe_input(input)))
        }
    }
}
