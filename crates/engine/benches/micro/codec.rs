//! Messages to bytes and back.

use crate::messages::{acks, alerts, commands, decisions, heartbeats};
use bytes::Bytes;
use gungraun::{library_benchmark, library_benchmark_group};
use std::hint::black_box;
use watchkeeper_protocol::{DecodeError, Wire};

library_benchmark_group!(name = codec, benchmarks = [encode, decode]);

#[library_benchmark]
#[bench::decision(setup = decisions)]
#[bench::heartbeat(setup = heartbeats)]
#[bench::ack(setup = acks)]
#[bench::alert(setup = alerts)]
#[bench::command(setup = commands)]
fn encode<M: Wire>(messages: Vec<M>) -> Vec<M> {
    for message in &messages {
        black_box(message.encode());
    }
    messages
}

type Decode<M> = fn(&[u8]) -> Result<M, DecodeError>;

#[library_benchmark]
#[bench::decision(args = (decisions()), setup = encoded)]
#[bench::heartbeat(args = (heartbeats()), setup = encoded)]
#[bench::ack(args = (acks()), setup = encoded)]
#[bench::alert(args = (alerts()), setup = encoded)]
#[bench::command(args = (commands()), setup = encoded)]
fn decode<M: Wire>((frames, decode): (Vec<Bytes>, Decode<M>)) -> Vec<Bytes> {
    for frame in &frames {
        black_box(decode(frame).unwrap());
    }
    frames
}

fn encoded<M: Wire>(messages: Vec<M>) -> (Vec<Bytes>, Decode<M>) {
    (messages.into_iter().map(|message| message.encode()).collect(), M::decode)
}
