//! What the engine does with an input, and with everything that it wants sent because of it.

use crate::{
    TIMES,
    fleet::Fleet,
    messages::{ack, command_id},
    vehicle,
};
use gungraun::{library_benchmark, library_benchmark_group};
use watchkeeper_engine::EngineInput;
use watchkeeper_model::{CommandArgs, CommandKind, CommandState, Epoch};
use watchkeeper_protocol::{AgentMessage, OperatorMessage, operator::CommandRequest};

library_benchmark_group!(name = route, benchmarks = [decision, command]);

/// A fleet, and what was sent because of the inputs.
type Counted = (Fleet, usize);

#[library_benchmark]
#[bench::calm(setup = calm, teardown = telemetry_only)]
#[bench::alert(setup = alerts, teardown = alerts_too)]
fn decision((mut fleet, inputs): (Fleet, Vec<EngineInput>)) -> Counted {
    let sent = fleet.handle(inputs);
    (fleet, sent)
}

/// Each vehicle decides once.
fn calm() -> (Fleet, Vec<EngineInput>) {
    let mut fleet = Fleet::settled();
    fleet.begin();
    let inputs = fleet.decisions(|_| {});
    (fleet, inputs)
}

/// Each vehicle decides once, and all of them break the speed limit.
fn alerts() -> (Fleet, Vec<EngineInput>) {
    let mut fleet = Fleet::settled();
    fleet.begin();
    let inputs = fleet.decisions(|decision| decision.signals[vehicle::SPEED] = 41.0);
    (fleet, inputs)
}

fn telemetry_only((_, sent): Counted) {
    assert_eq!(sent, TIMES, "a decision that raises nothing is one message");
}

fn alerts_too((_, sent): Counted) {
    assert!(sent >= 2 * TIMES, "only {sent} messages were sent of {TIMES} alerts");
}

#[library_benchmark]
#[bench::acknowledged(setup = commands, teardown = forwarded_and_told)]
fn command((mut fleet, inputs): (Fleet, Vec<EngineInput>)) -> Counted {
    let sent = fleet.handle(inputs);
    (fleet, sent)
}

/// A person caps the speed of each vehicle, and each vehicle says that it obeys.
fn commands() -> (Fleet, Vec<EngineInput>) {
    let mut fleet = Fleet::settled();
    fleet.begin();
    let pairs = (0..TIMES).flat_map(|index| {
        let request = CommandRequest {
            command_id: command_id(index),
            agent: vehicle::agent_id(index),
            boot_id: vehicle::boot_id(index),
            kind: CommandKind::SpeedCap,
            args: CommandArgs { speed_mps: Some(8.0), ..CommandArgs::default() },
            epoch: Epoch(0),
            seq: 0,
            deadline: vehicle::agent_now(fleet.seq + 4),
            evidence_version: None,
            expect_state: None,
            issued_nanos: fleet.now().as_nanos(),
        };
        let ack = ack(index, CommandState::Accepted, fleet.seq);
        [fleet.asked(OperatorMessage::Command(request)), fleet.heard(index, AgentMessage::Ack(ack))]
    });
    let inputs = pairs.collect();
    (fleet, inputs)
}

fn forwarded_and_told((_, sent): Counted) {
    assert!(
        sent >= 3 * TIMES,
        "only {sent} messages: the command to the vehicle, both states to the consoles"
    );
}
