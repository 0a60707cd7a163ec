"""An operator who takes over, holds, and hands back. From docs/protocol.md alone.

(Not called operator.py: that would hide Python's own module of this name.)
Prints JSON lines. Exit code 0 only when the agent was handed back after a completed HOLD; 1 otherwise.
"""

import argparse
import asyncio
import sys
import uuid

import wire
from wire import tell

SECOND = 1_000_000_000
COMMAND_TTL = 2 * SECOND
HEARTBEAT_TTL = 1 * SECOND
ENDED = ("rejected", "failed", "cancelled", "expired", "superseded", "unknown")


class Picture:
    """What the monitor told: agents, alerts, commands, the lease; a fold of its messages."""

    def __init__(self):
        self.agents, self.alerts, self.commands, self.leases = {}, {}, {}, []
        self.cursor, self.complete, self.incarnation = 0, False, None

    def fold(self, kind, body, received):
        """Takes one message; returns whether it told anything new."""
        if kind == "snapshot":
            if body["part"] == 0:
                self.agents, self.alerts, self.complete = {}, {}, False
            for status in body.get("agents", []):
                self.agents[status["agent"]] = (status, received)
            for alarm in body.get("alerts", []):
                self.alerts[alarm["alert_id"]] = alarm
            self.cursor, self.complete = body["cursor"], body["last"]
            return True
        cursor = body.get("cursor")
        if kind == "control_status" and cursor is not None and cursor >= self.cursor:
            self.agents[body["status"]["agent"]] = (body["status"], received)
            self.cursor = cursor
            return True
        if cursor is None or cursor <= self.cursor:
            return False
        self.cursor = cursor
        if kind == "alert":
            self.alerts[body["alarm"]["alert_id"]] = body["alarm"]
        elif kind == "command_status":
            self.commands.setdefault(body["command_id"], []).append(body)
        elif kind == "lease":
            self.leases.append(body)
        return True

    def status(self, agent):
        return self.agents[agent][0] if agent in self.agents else None

    def deadline(self, agent, ttl, now):
        """A deadline on the agent's clock that expires early rather than late."""
        status, received = self.agents[agent]
        age = status["heartbeat_age_nanos"] + (now - received)
        return status["agent_clock"] + age * 999 // 1000 + ttl

    def takeovers(self, agent=None):
        """The active alerts that ask for a takeover."""
        return [
            alarm for alarm in self.alerts.values()
            if alarm["response"] == "takeover"
            and alarm["state"] in ("unack_active", "acked_active")
            and agent in (None, alarm["agent"])
        ]


class Operator:
    """One session, from hello to hand back."""

    def __init__(self, options):
        self.options, self.picture = options, Picture()
        self.socket, self.session_id, self.news = None, None, asyncio.Condition()
        self.agent, self.epoch, self.seq, self.beats, self.states = options.agent, 0, 0, 0, {}

    async def read(self):
        async for frame in self.socket:
            received = wire.now()
            kind, body = wire.unpack(frame)
            if kind == "ping":
                await self.socket.send(wire.pong(body, received))
            elif kind == "error":
                tell("error", **body)
            elif self.picture.fold(kind, body, received):
                self.narrate(kind, body)
                async with self.news:
                    self.news.notify_all()

    def narrate(self, kind, body):
        if kind == "alert":
            alarm = body["alarm"]
            tell("alert", alert_id=alarm["alert_id"], agent=alarm["agent"], cause=alarm["cause"],
                 response=alarm["response"], state=alarm["state"], text=alarm["explanation"]["text"])
        elif kind == "control_status":
            status = body["status"]
            if self.states.get(status["agent"]) != status["control_state"]:
                self.states[status["agent"]] = status["control_state"]
                tell("state", agent=status["agent"], state=status["control_state"])
        elif kind == "command_status":
            tell("command_status", kind=body["kind"], state=body["state"], code=body.get("code"),
                 detail=body.get("detail"))
        elif kind == "lease":
            tell("lease", lease=body["event"], epoch=body["epoch"], code=body.get("code"), end=body.get("end"),
                 detail=body.get("detail"))

    async def until(self, what, predicate, seconds):
        """Waits until the picture shows it; returns what the predicate returned."""
        async def wait():
            async with self.news:
                while not (found := predicate()):
                    await self.news.wait()
                return found
        try:
            return await asyncio.wait_for(wait(), seconds)
        except TimeoutError:
            raise SystemExit(f"waited {seconds} s for {what}: {self.picture.status(self.agent)}") from None

    async def beat(self):
        """The holder's heartbeats, at 20 Hz as long as the lease is held."""
        while True:
            if self.epoch:
                self.beats += 1
                status = self.picture.status(self.agent)
                await self.socket.send(wire.pack("heartbeat", {
                    "agent": self.agent,
                    "epoch": self.epoch,
                    "seq": self.beats,
                    "ready": True,
                    "state_version": status["state_version"],
                    "deadline": self.picture.deadline(self.agent, HEARTBEAT_TTL, wire.now()),
                }))
            await asyncio.sleep(0.05)

    async def command(self, kind, **fields):
        """Sends a command under the lease; returns its id."""
        self.seq += 1
        status, issued = self.picture.status(self.agent), wire.now()
        body = {
            "command_id": uuid.uuid4().bytes,
            "agent": self.agent,
            "boot_id": status["boot_id"],
            "epoch": self.epoch,
            "seq": self.seq,
            "deadline": self.picture.deadline(self.agent, COMMAND_TTL, issued),
            "issued_nanos": issued,
        }
        if kind in ("engage", "hand_back"):
            body |= {"evidence_version": status["state_version"], **fields}
            await self.socket.send(wire.pack(kind, body))
        else:
            body |= {"kind": kind, "args": {}, **fields}
            await self.socket.send(wire.pack("command", body))
        return body["command_id"]

    async def insist(self, kind, reached, attempts, **fields):
        """Sends a command until `reached`; a refusal is looked at again with a new id, as a person would."""
        for _ in range(attempts):
            command_id = await self.command(kind, **{key: value() for key, value in fields.items()})
            def outcome(command_id=command_id):
                updates = self.picture.commands.get(command_id, [])
                return reached(updates) or (any(one["state"] in ENDED for one in updates) and "refused")
            if await self.until(f"{kind} to be obeyed", outcome, 15) != "refused":
                tell("obeyed", kind=kind)
                return
            await asyncio.sleep(0.5)
        raise SystemExit(f"{kind} was refused {attempts} times")

    def in_state(self, *states):
        status = self.picture.status(self.agent)
        return bool(status) and status["control_state"] in states

    async def claim(self):
        """The first deliberate input."""
        await self.until("a settled agent", lambda: (self.picture.status(self.agent) or {}).get("settled"), 20)
        for _ in range(5):
            known = len(self.picture.leases)
            def answer(known=known):
                mine = [one for one in self.picture.leases[known:]
                        if one["agent"] == self.agent and one["session_id"] == self.session_id]
                return mine and mine[0]
            await self.socket.send(wire.pack("claim", {"agent": self.agent}))
            lease = await self.until("an answer to the claim", answer, 10)
            if lease["event"] == "granted":
                self.epoch = lease["epoch"]
                return
            await asyncio.sleep(0.5)
        raise SystemExit("the claim was refused five times")

    async def walk(self):
        """The whole takeover."""
        picture = self.picture
        await self.until("the snapshot", lambda: picture.complete, 10)
        tell("snapshot", agents=sorted(picture.agents), alerts=len(picture.alerts))
        alarm = (await self.until("a takeover alert", lambda: picture.takeovers(self.agent), self.options.seconds))[0]
        self.agent = alarm["agent"]
        await self.socket.send(wire.pack("presented", {"alerts": [alarm["alert_id"]], "presented_nanos": wire.now()}))
        await self.socket.send(wire.pack("acknowledge", {"alert_id": alarm["alert_id"]}))
        await self.claim()
        start = self.beats
        await self.until("the lease to reach the agent",
                         lambda: self.beats >= start + 4 and self.in_state("claimed", "fallback", "safe_held"), 10)
        await self.insist(
            "engage", lambda _: self.in_state("in_transition", "human"), 6,
            latches=lambda: [one["latch_id"] for one in picture.status(self.agent)["latches"] if one["cause"] != "estop"],
        )
        await self.insist("assume", lambda _: self.in_state("human"), 3, expect_state=lambda: "in_transition")
        await self.insist("hold", lambda updates: any(one["state"] == "completed" for one in updates), 3)
        await self.until("the cause to end",
                         lambda: picture.status(self.agent)["can_resume"] and not picture.takeovers(self.agent), 40)
        await self.insist("hand_back", lambda _: self.in_state("returning", "autonomous"), 10)
        await self.until("the agent to drive again", lambda: self.in_state("autonomous"), 15)
        ended = ("ended", self.epoch)
        await self.until("the lease to end",
                         lambda: any((one["event"], one["epoch"]) == ended for one in picture.leases), 15)
        self.epoch = 0
        tell("done", agent=self.agent)

    async def run(self):
        async with wire.open_session(self.options.url) as self.socket:
            await self.socket.send(wire.pack("hello", {
                "session": "operator",
                "token": wire.find_token(self.options.token_file),
                "person": self.options.person,
                "role": "operator",
                "console": "scripted",
            }))
            kind, body = wire.unpack(await asyncio.wait_for(self.socket.recv(), 10))
            if kind != "welcome":
                raise SystemExit(f"not welcome: {kind} {body}")
            self.session_id = body["session_id"]
            tell("welcome", session_id=self.session_id, incarnation=body["incarnation"])
            walk = asyncio.create_task(self.walk())
            helpers = [asyncio.create_task(self.read()), asyncio.create_task(self.beat())]
            done, _ = await asyncio.wait([walk, *helpers], return_when=asyncio.FIRST_COMPLETED)
            for task in [walk, *helpers]:
                task.cancel()
            if walk not in done:
                for task in done:
                    task.result()
                raise SystemExit("the monitor closed the session")
            walk.result()


def self_test():
    """Folds the document's own examples and computes a deadline."""
    examples = wire.check_document()
    picture = Picture()
    status = {"agent": "a", "agent_clock": 1000 * SECOND, "heartbeat_age_nanos": 40, "control_state": "claimed"}
    alarm = {"alert_id": 1, "agent": "a", "response": "takeover", "state": "unack_active"}
    assert picture.fold("snapshot", {"cursor": 5, "part": 0, "last": False, "agents": [status]}, 100)
    assert not picture.complete
    assert picture.fold("snapshot", {"cursor": 5, "part": 1, "last": True, "alerts": [alarm]}, 100)
    assert picture.complete and picture.status("a") and picture.takeovers("a") and not picture.takeovers("b")
    assert not picture.fold("alert", {"cursor": 5, "alarm": {**alarm, "state": "normal"}}, 101), "seen before"
    assert picture.takeovers()
    assert picture.fold("alert", {"cursor": 6, "alarm": {**alarm, "state": "normal"}}, 101)
    assert not picture.takeovers()
    assert picture.fold("control_status", {"cursor": 6, "status": {**status, "agent_clock": 7}}, 200), "a repeat renews"
    assert picture.deadline("a", 1_000, 1_160) == 7 + 999 + 1_000
    tell("self_test", examples=examples)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    wire.add_arguments(parser)
    parser.add_argument("--agent", help="whom to take over; without it the first who needs it")
    parser.add_argument("--person", default="py-operator")
    options = parser.parse_args()
    if options.self_test:
        self_test()
        return 0
    try:
        asyncio.run(asyncio.wait_for(Operator(options).run(), options.seconds))
    except TimeoutError:
        tell("timeout", seconds=options.seconds)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
