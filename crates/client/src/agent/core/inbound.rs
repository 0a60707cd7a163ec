//! What the connection and the monitor tell an agent.

use super::{AgentCore, CloseReason, MAX_PROBES, QUICK_COUNT, Session};
use std::time::Duration;
use watchkeeper_model::{AgentTime, BearerToken, CommandKind};
use watchkeeper_protocol::{
    ToAgent,
    agent::{AgentWelcome, Command, PathAnswer, PathProbe},
    session::{Ping, Pong},
};
use watchkeeper_takeover::{GateCommand, HolderBeat, NewDemand, Welcome};

impl AgentCore {
    /// Takes note that the socket is open; `token` goes into the hello.
    pub fn handle_connected(&mut self, token: Option<BearerToken>, now: AgentTime) {
        self.wake(now);
        self.session = Session::Greeting;
        self.close = None;
        self.pong = None;
        self.probes.clear();
        self.hello = Some(self.encode_hello(token));
        self.settle(now);
    }

    /// Takes note that the connection is gone; authority never grows by it.
    pub fn handle_disconnected(&mut self, now: AgentTime) {
        self.wake(now);
        if self.session == Session::Welcomed {
            self.gate.handle_link_lost(now);
            // A question that no demand answered may have been lost with the link.
            self.fall_back_unanswered(now);
        }
        self.session = Session::Offline;
        self.close = None;
        self.hello = None;
        self.pong = None;
        self.probes.clear();
        self.settle(now);
    }

    /// Takes one message of the monitor.
    ///
    /// Before its welcome only clocks, heads, errors and an ESTOP are taken.
    pub fn handle_message(&mut self, message: &ToAgent, now: AgentTime) {
        self.wake(now);
        match (self.session, message) {
            (Session::Offline | Session::Closing, _) => {}
            (_, ToAgent::Welcome(welcome)) => self.take_welcome(welcome, now),
            (_, ToAgent::Ping(ping)) => self.answer(ping, now),
            (_, ToAgent::Head(head)) => self.head = Some(*head),
            (_, ToAgent::Error(report)) => self.error = Some(report.clone()),
            (_, ToAgent::Command(command)) if command.kind == CommandKind::Estop => {
                self.take_command(command, now);
            }
            (Session::Greeting, _) => {}
            (Session::Welcomed, ToAgent::Demand(demand)) => {
                let new = NewDemand {
                    demand_id: demand.demand_id,
                    origin: demand.origin,
                    critical: demand.critical,
                    left: Duration::from_nanos(demand.left_nanos),
                };
                self.gate.handle_demand(new, now);
            }
            (Session::Welcomed, ToAgent::DemandEnd(end)) => {
                self.gate.handle_demand_end(end.demand_id, end.outcome, now);
            }
            (Session::Welcomed, ToAgent::Grant(grant)) => {
                self.gate.handle_grant(grant.epoch, grant.boot_id, now);
            }
            (Session::Welcomed, ToAgent::Void(void)) => self.gate.handle_void(void.epoch, now),
            (Session::Welcomed, ToAgent::Holder(beat)) => {
                let beat = HolderBeat {
                    epoch: beat.epoch,
                    seq: beat.seq,
                    ready: beat.ready,
                    deadline: beat.deadline,
                    setpoint: beat.setpoint,
                    latency: beat.latency_nanos.map(Duration::from_nanos),
                };
                self.gate.handle_holder(beat, now);
            }
            (Session::Welcomed, ToAgent::Command(command)) => self.take_command(command, now),
            (Session::Welcomed, ToAgent::Probe(probe)) => self.take_probe(probe, now),
            (Session::Welcomed, ToAgent::Durable(durable)) => self.ring.confirm(durable.seq),
        }
        self.settle(now);
    }

    fn take_welcome(&mut self, welcome: &AgentWelcome, now: AgentTime) {
        let seen = self.gate.highest_incarnation();
        let for_gate = Welcome {
            incarnation: welcome.incarnation,
            epoch: welcome.epoch,
            latches: &welcome.latches,
            lease_live: welcome.lease_live,
        };
        if !self.gate.handle_welcome(&for_gate, now) {
            self.leave(CloseReason::LowerIncarnation { found: welcome.incarnation, seen });
            return;
        }
        self.session = Session::Welcomed;
        self.error = None;
        self.ring.confirm(welcome.durable_seq);
        self.ring.rewind();
        // The monitor may want heartbeats more often than this agent's own timers say, never less often.
        let wanted = Duration::from_nanos(welcome.heartbeat_nanos).max(super::QUICK / 5);
        self.heartbeat_interval = wanted.min(self.config.timers.heartbeat);
        self.next_heartbeat_at = now;
        self.quick_left = QUICK_COUNT;
        self.ask_again(now);
    }

    fn answer(&mut self, ping: &Ping, now: AgentTime) {
        self.pong = Some(Pong {
            sent_nanos: ping.sent_nanos,
            received_nanos: now.as_nanos(),
            answered_nanos: now.as_nanos(),
        });
    }

    /// A probe came the way that commands come; its answer says when.
    fn take_probe(&mut self, probe: &PathProbe, now: AgentTime) {
        if self.probes.len() >= MAX_PROBES {
            self.probes.pop_front();
        }
        let PathProbe { session_id, seq } = *probe;
        let answer = PathAnswer { session_id, seq, received: now, answered: now, latency_cap_mps: None };
        self.probes.push_back(answer);
    }

    fn take_command(&mut self, command: &Command, now: AgentTime) {
        let command = GateCommand {
            command_id: command.command_id,
            boot_id: command.boot_id,
            kind: command.kind,
            args: &command.args,
            epoch: command.epoch,
            seq: command.seq,
            deadline: command.deadline,
            evidence_version: command.evidence_version,
            expect_state: command.expect_state,
        };
        self.gate.handle_command(&command, now);
    }
}
