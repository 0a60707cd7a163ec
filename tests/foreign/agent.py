"""A vehicle that loses its confidence, asks nobody, and obeys whoever takes over. From docs/protocol.md alone.

Prints JSON lines. Exit code 0 once a HOLD was completed and the vehicle was handed back; with --once as soon as
its first decisions are safe in the record. 1 otherwise.
"""

import argparse
import asyncio
import collections
import random
import sys
import uuid

from websockets.exceptions import ConnectionClosed

import gate_check
import wire
from gate import SECOND, Gate
from wire import tell

PERIOD = 0.1
CALM_DECISIONS = 40
CRUISE_MPS = 20.0
DECELERATION_MPS2 = 4.0


class Vehicle:
    """Speed, confidence and decisions; the gate says what it may do."""

    def __init__(self, gate):
        self.gate, self.speed, self.confidence, self.seq = gate, CRUISE_MPS, 0.95, 0
        self.cured = False
        self.ring = collections.deque(maxlen=4096)

    def step(self):
        """Drives for one period."""
        if self.gate.must_stop():
            self.speed = max(0.0, self.speed - DECELERATION_MPS2 * PERIOD)
        else:
            # A person keeps the speed that there is, within what limits it.
            target = self.speed if self.gate.state == "human" else CRUISE_MPS
            limit = self.gate.limit(CRUISE_MPS)
            target = target if limit is None else min(target, limit)
            self.speed += max(-DECELERATION_MPS2 * PERIOD, min(2.0 * PERIOD, target - self.speed))
        # The fault: confidence falls, and comes back when a person has taken over.
        self.cured = self.cured or self.gate.state == "human"
        goal = 0.05 if self.seq >= CALM_DECISIONS and not self.cured else 0.95
        self.confidence += max(-0.15, min(0.15, goal - self.confidence))
        standstill = self.speed < 0.1
        self.gate.on_sensors(wire.now(), standstill=standstill, stable=True, can_resume=self.confidence > 0.5)

    def decide(self):
        """Makes the next decision, or none while somebody else acts."""
        if self.gate.state in ("fallback", "safe_held", "estopped"):
            return None
        self.seq += 1
        body = {
            "seq": self.seq,
            "made_at": wire.now(),
            "action": "stop" if self.gate.must_stop() else "keep_lane",
            "confidence": round(self.confidence, 4),
            "alternatives": [{"action": "slow_down", "confidence": 0.03}],
            "signals": [round(self.speed, 3), 40.0],
        }
        self.ring.append(body)
        return body


class Agent:
    """One run of the agent, over any number of connections."""

    def __init__(self, options):
        self.options, self.gate = options, Gate(uuid.uuid4().bytes)
        self.vehicle, self.told, self.tags = Vehicle(self.gate), None, {}
        self.durable, self.period, self.held, self.handed_back = 0, PERIOD, False, False

    def hello(self):
        gate = self.gate
        return wire.pack("hello", {
            "session": "agent",
            "token": wire.find_token(self.options.token_file),
            "agent": self.options.name,
            "kind": "vehicle",
            "signals": [{"name": "speed", "unit": "m/s"}, {"name": "gap", "unit": "m"}],
            "boot_id": gate.boot_id,
            "clean_shutdown": True,
            "highest_epoch": gate.highest_epoch,
            "highest_incarnation": gate.incarnation,
            "latches": gate.latches,
            "control_state": gate.state,
            "software_version": "py-agent 1",
            "drive": {"top_speed_mps": CRUISE_MPS, "actuation_nanos": int(PERIOD * SECOND)},
        })

    def done(self):
        if self.options.once:
            return self.durable >= 3
        return self.held and self.handed_back and self.gate.state == "autonomous"

    async def session(self):
        """One connection, until it is lost or everything is done."""
        async with wire.open_session(self.options.url) as socket:
            await socket.send(self.hello())
            kind, body = wire.unpack(await asyncio.wait_for(socket.recv(), 10))
            if kind != "welcome":
                raise SystemExit(f"not welcome: {kind} {body}")
            tell("welcome", session_id=body["session_id"], epoch=body["epoch"], durable_seq=body["durable_seq"])
            if not self.gate.welcome(body, wire.now()):
                raise SystemExit("this monitor must not lead: its incarnation is lower than one seen before")
            self.period = min(PERIOD, body["heartbeat_nanos"] / SECOND)
            for _ in range(3):
                await self.report(socket, always=True)
            for decision in [one for one in self.vehicle.ring if one["seq"] > body["durable_seq"]]:
                await socket.send(wire.pack("decision", decision))
            reader = asyncio.create_task(self.read(socket))
            try:
                await self.drive(socket, reader)
            finally:
                reader.cancel()

    async def drive(self, socket, reader):
        """The agent's own loop."""
        while not self.done():
            if reader.done():
                reader.result()
                return
            self.vehicle.step()
            decision = self.vehicle.decide()
            if decision:
                await socket.send(wire.pack("decision", decision))
            await self.report(socket, always=True)
            await asyncio.sleep(self.period)

    async def read(self, socket):
        """Gives the gate what the monitor says."""
        gate = self.gate
        inputs = {
            "demand": gate.on_demand,
            "demand_end": gate.on_demand_end,
            "grant": gate.on_grant,
            "void": gate.on_void,
            "holder": gate.on_holder,
            "command": gate.on_command,
        }
        async for frame in socket:
            received = wire.now()
            kind, body = wire.unpack(frame)
            if kind == "ping":
                await socket.send(wire.pong(body, received))
            elif kind == "probe":
                answer = {"session_id": body["session_id"], "seq": body["seq"], "received": received}
                await socket.send(wire.pack("probed", {**answer, "answered": wire.now()}))
            elif kind == "durable":
                self.durable = max(self.durable, body["seq"])
                while self.vehicle.ring and self.vehicle.ring[0]["seq"] <= self.durable:
                    self.vehicle.ring.popleft()
            elif kind == "error":
                tell("error", **body)
            elif kind in inputs:
                if kind == "command":
                    self.tags[body["command_id"]] = body["kind"]
                    tell("command", kind=body["kind"], command_id=body["command_id"])
                elif kind != "holder":
                    tell(kind, **body)
                inputs[kind](body, wire.now())
                await self.report(socket)

    async def report(self, socket, always=False):
        """Sends a heartbeat if the state changed, and every acknowledgement that waits."""
        gate = self.gate
        if always or self.told != gate.version:
            if self.told != gate.version:
                tell("state", state=gate.state, version=gate.version)
            self.told = gate.version
            await socket.send(wire.pack("heartbeat", gate.heartbeat(wire.now())))
        acks, gate.acks = gate.acks, []
        for ack in acks:
            verb = self.tags.get(ack["command_id"])
            tell("ack", kind=verb, state=ack["state"], code=ack["code"])
            self.held = self.held or (verb, ack["state"]) == ("hold", "completed")
            self.handed_back = self.handed_back or (verb, ack["state"]) == ("hand_back", "completed")
            await socket.send(wire.pack("ack", ack))

    async def run(self):
        """Connects again with a growing pause until everything is done."""
        pause = 0.1
        while not self.done():
            try:
                await self.session()
            except (ConnectionClosed, OSError) as error:
                tell("lost", error=str(error))
            if not self.done():
                # The gate's timers run on without a monitor.
                self.vehicle.step()
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 2, 5.0)
        tell("done", decisions=self.vehicle.seq, durable=self.durable)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    wire.add_arguments(parser)
    parser.add_argument("--name", default="py-agent")
    parser.add_argument("--once", action="store_true", help="end when the first decisions are safe in the record")
    options = parser.parse_args()
    if options.self_test:
        tell("self_test", examples=wire.check_document(), checks=gate_check.run())
        return 0
    try:
        asyncio.run(asyncio.wait_for(Agent(options).run(), options.seconds))
    except TimeoutError:
        tell("timeout", seconds=options.seconds)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
