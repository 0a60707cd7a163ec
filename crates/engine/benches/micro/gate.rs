//! What the gate in the agent does with what comes from the person who drives it.

use crate::{TIMES, messages::command_id, vehicle};
use gungraun::{library_benchmark, library_benchmark_group};
use std::{hint::black_box, time::Duration};
use watchkeeper_model::{
    AgentKind, AgentTime, CommandArgs, CommandCode, CommandKind, CommandState, ControlState, DemandId,
    DemandOrigin, Epoch, Incarnation,
};
use watchkeeper_takeover::{
    Gate, GateCommand, GateOutput, HolderBeat, Identity, NewDemand, Timers, Welcome, World,
};

/// The lease under which a person drives.
const HELD: Epoch = Epoch(7);
/// One that is over.
const STALE: Epoch = Epoch(6);
/// Heartbeats that the holder has sent when counting begins, and commands.
const BEATS: u64 = 2;
const COMMANDS: u64 = 2;
/// How long a demand waits for a person.
const DEMAND: Duration = Duration::from_secs(10);

library_benchmark_group!(name = gate, benchmarks = [heartbeat, command]);

#[library_benchmark]
#[bench::of_holder(setup = driven, teardown = still_driven)]
fn heartbeat((mut gate, start): (Gate, AgentTime)) -> (Gate, AgentTime) {
    let mut now = start;
    for seq in BEATS + 1..=BEATS + TIMES as u64 {
        now = now.after(Duration::from_millis(50));
        gate.handle_holder(beat(seq, now), now);
        drain(&mut gate);
    }
    (gate, now)
}

/// The gate, and how many commands it accepted and refused.
type Ended = (Gate, [usize; 2]);

#[library_benchmark]
#[bench::accepted(args = (HELD), setup = commanded, teardown = all_accepted)]
#[bench::refused(args = (STALE), setup = commanded, teardown = all_refused)]
fn command((mut gate, commands, now): (Gate, Vec<Order>, AgentTime)) -> Ended {
    let mut ended = [0, 0];
    for order in &commands {
        gate.handle_command(&order.as_command(), now);
        let [accepted, refused] = drain(&mut gate);
        ended = [ended[0] + accepted, ended[1] + refused];
    }
    (gate, ended)
}

/// A cap on the speed, as the holder of a lease sends it.
struct Order {
    index: usize,
    args: CommandArgs,
    epoch: Epoch,
    seq: u64,
    deadline: AgentTime,
}

impl Order {
    fn as_command(&self) -> GateCommand<'_> {
        GateCommand {
            command_id: command_id(self.index),
            boot_id: vehicle::boot_id(0),
            kind: CommandKind::SpeedCap,
            args: &self.args,
            epoch: self.epoch,
            seq: self.seq,
            deadline: self.deadline,
            evidence_version: None,
            expect_state: Some(ControlState::Human),
        }
    }
}

/// Does what an agent does after each input; returns how many commands were accepted and refused.
fn drain(gate: &mut Gate) -> [usize; 2] {
    let mut ended = [0, 0];
    black_box(gate.take_record());
    while let Some(output) = gate.poll_output() {
        if let GateOutput::Ack(ack) = &output {
            ended[0] += usize::from(ack.state == CommandState::Accepted);
            ended[1] += usize::from(ack.code == Some(CommandCode::StaleEpoch));
        }
        black_box(output);
    }
    black_box(gate.directive());
    ended
}

/// A vehicle whose driver has taken over.
fn driven() -> (Gate, AgentTime) {
    let identity = Identity {
        agent: vehicle::agent_id(0),
        kind: AgentKind::Vehicle,
        boot_id: vehicle::boot_id(0),
        tasks: Vec::new(),
    };
    let world = World {
        standstill: false,
        stable: true,
        progressing: Some(true),
        condition_reached: false,
        can_resume: true,
        local_override: false,
    };
    let now = AgentTime::from_nanos(10_000_000_000);
    let mut gate = Gate::new(identity, Timers::for_kind(AgentKind::Vehicle), world);
    gate.handle_world(world, now);
    let welcome = Welcome { incarnation: Incarnation(1), epoch: STALE, latches: &[], lease_live: false };
    assert!(gate.handle_welcome(&welcome, now));
    // Past T_stable.
    let now = now.after(Duration::from_millis(500));
    let wish =
        NewDemand { demand_id: DemandId(1), origin: DemandOrigin::Operator, critical: false, left: DEMAND };
    gate.handle_demand(wish, now);
    gate.handle_grant(HELD, vehicle::boot_id(0), now);
    gate.handle_holder(beat(1, now), now);
    for (index, seq, kind) in [(TIMES, 1, CommandKind::Engage), (TIMES + 1, COMMANDS, CommandKind::Assume)] {
        let order = order(index, HELD, seq, now);
        gate.handle_command(&GateCommand { kind, expect_state: None, ..order.as_command() }, now);
    }
    gate.handle_holder(beat(BEATS, now), now);
    drain(&mut gate);
    assert_eq!(gate.state(), ControlState::Human);
    (gate, now)
}

fn beat(seq: u64, now: AgentTime) -> HolderBeat {
    HolderBeat {
        epoch: HELD,
        seq,
        ready: true,
        deadline: now.after(Duration::from_millis(500)),
        setpoint: None,
        latency: Some(Duration::from_millis(120)),
    }
}

fn order(index: usize, epoch: Epoch, seq: u64, now: AgentTime) -> Order {
    Order {
        index,
        args: CommandArgs { speed_mps: Some(5.0 + index as f64 / 8.0), ..CommandArgs::default() },
        epoch,
        seq,
        deadline: now.after(Duration::from_millis(400)),
    }
}

fn commanded(epoch: Epoch) -> (Gate, Vec<Order>, AgentTime) {
    let (gate, now) = driven();
    let seqs = COMMANDS + 1..;
    let orders = (0..TIMES).zip(seqs).map(|(index, seq)| order(index, epoch, seq, now)).collect();
    (gate, orders, now)
}

fn still_driven((gate, _): (Gate, AgentTime)) {
    assert_eq!(gate.state(), ControlState::Human);
}

fn all_accepted((_, ended): Ended) {
    assert_eq!(ended, [TIMES, 0]);
}

fn all_refused((_, ended): Ended) {
    assert_eq!(ended, [0, TIMES]);
}
