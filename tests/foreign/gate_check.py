"""Checks of the gate that need no monitor; `agent.py --self-test` runs them."""

from gate import SECOND, Gate

BOOT = bytes(range(16))


class Bench:
    """A gate with a clock in hand and commands that count by themselves."""

    def __init__(self):
        self.gate, self.now, self.beats, self.ids = Gate(BOOT), 100 * SECOND, 0, 0
        self.latency = None
        self.gate.welcome({"incarnation": 1, "epoch": 6, "latches": [], "lease_live": False}, self.now)
        self.sense(standstill=False)

    def sense(self, standstill, can_resume=True):
        self.gate.on_sensors(self.now, standstill=standstill, stable=True, can_resume=can_resume)

    def wait(self, seconds, beats=True):
        for _ in range(int(seconds * 10)):
            self.now += SECOND // 10
            if beats:
                self.beat()
            self.gate.tick(self.now)
            self.gate.settle(self.now)

    def beat(self, late=False, epoch=7, ready=True):
        self.beats += 1
        deadline = self.now + (0 if late else SECOND)
        body = {"epoch": epoch, "seq": self.beats, "ready": ready, "deadline": deadline}
        if self.latency is not None:
            body["latency_nanos"] = self.latency
        self.gate.on_holder(body, self.now)

    def send(self, kind, seq=0, epoch=7, command_id=None, **fields):
        self.ids += 1
        body = {
            "command_id": command_id or self.ids.to_bytes(16, "big"),
            "boot_id": BOOT,
            "kind": kind,
            "args": {},
            "epoch": epoch,
            "seq": seq,
            "deadline": self.now + SECOND,
            "issued_by": "ada",
        }
        before = len(self.gate.acks)
        self.gate.on_command({**body, **fields}, self.now)
        return [(ack["state"], ack["code"]) for ack in self.gate.acks[before:]]

    def demand(self):
        body = {"demand_id": 1, "origin": "monitor", "left_nanos": 10 * SECOND, "state_version": 1, "reason": ""}
        self.gate.on_demand(body, self.now)

    def grant(self, epoch=7):
        self.gate.on_grant({"epoch": epoch, "holder": "ada", "holder_session": 1, "boot_id": BOOT}, self.now)

    def to_human(self):
        self.demand()
        self.grant()
        self.beat()
        assert self.send("engage", 1) == [("accepted", None)], self.gate.acks
        assert self.gate.state == "in_transition"
        self.send("assume", 2)
        self.wait(0.2)
        assert self.gate.state == "human", self.gate.state
        return self


def whole_walk():
    bench = Bench().to_human()
    assert [ack["state"] for ack in bench.gate.acks] == ["accepted", "accepted", "completed", "completed"]
    assert bench.send("hold", 3) == [("accepted", None)]
    assert bench.gate.must_stop()
    bench.sense(standstill=True)
    assert bench.gate.acks[-1]["state"] == "completed" and bench.gate.state == "human"
    assert bench.send("hand_back", 4)[0] == ("accepted", None)
    assert bench.gate.state == "autonomous" and bench.gate.acks[-1]["state"] == "completed"
    assert bench.send("resume", 5) == [("rejected", "stale_epoch")]


def commands_are_fenced():
    bench = Bench().to_human()
    assert bench.send("resume", 3, epoch=6) == [("rejected", "stale_epoch")]
    assert bench.send("resume", 3, boot_id=bytes(16)) == [("rejected", "stale_epoch")]
    assert bench.send("resume", 3, epoch=0) == [("rejected", "not_in_control")]
    assert bench.send("resume", 2) == [("rejected", "duplicate")]
    assert bench.send("resume", 3, deadline=bench.now) == [("expired", "expired")]
    assert bench.send("resume", 3, expect_state="claimed") == [("rejected", "precondition")]
    assert bench.send("resume", 3, evidence_version=1) == [("rejected", "stale_evidence")]
    once = b"o" * 16
    assert bench.send("resume", 3, command_id=once) == [("accepted", None), ("completed", None)]
    assert bench.send("resume", 4, command_id=once) == [("completed", "duplicate")]
    bench.grant(epoch=7)
    assert bench.gate.pending is None


def timers_end_every_wait():
    bench = Bench()
    bench.demand()
    bench.wait(9.9)
    assert bench.gate.state == "requested"
    bench.wait(0.1)
    assert (bench.gate.state, bench.gate.level) == ("fallback", 1)
    bench.sense(standstill=True)
    assert bench.gate.state == "safe_held" and len(bench.gate.latches) == 1

    lost = Bench().to_human()
    lost.wait(1.9, beats=False)
    lost.beat(late=True)
    assert lost.gate.state == "human"
    lost.wait(0.2, beats=False)
    assert lost.gate.state == "fallback", "a late heartbeat renewed the lease"

    unready = Bench().to_human()
    unready.beat(ready=False)
    assert unready.gate.must_stop()
    for _ in range(10):
        unready.wait(0.1, beats=False)
        unready.beat(ready=False)
    assert unready.gate.state == "fallback"


def latches_need_a_person():
    bench = Bench()
    assert bench.send("estop", epoch=0, boot_id=bytes(16), deadline=0) == [("accepted", None)]
    assert bench.gate.state == "estopped"
    bench.sense(standstill=True)
    latch = bench.gate.latches[0]["latch_id"]
    assert bench.send("clear_latch", epoch=7, args={"latch_id": latch})[0] == ("accepted", None)
    assert bench.gate.state == "safe_held"
    bench.grant(epoch=8)
    bench.beat(epoch=8)
    assert bench.send("engage", 1, epoch=8) == [("rejected", "precondition")], "the latch was not named"
    latch = bench.gate.latches[0]["latch_id"]
    assert bench.send("engage", 1, epoch=8, args={"latches": [latch]}) == [("accepted", None)]
    assert bench.gate.latches, "engage alone releases nothing"
    assert not bench.gate.welcome({"incarnation": 0, "epoch": 0, "lease_live": True}, bench.now)


def speed_follows_the_latency():
    def limit(bench):
        return bench.gate.limit(50.0) and round(bench.gate.limit(50.0), 3)

    for millis, expected in [(200, None), (250, 40.0), (500, 20.0), (1000, 10.0)]:
        bench = Bench()
        bench.latency = millis * SECOND // 1000
        assert limit(bench.to_human()) == expected, millis
    assert limit(Bench().to_human()) == 20.0, "never measured"
    bench.latency = SECOND // 10
    bench.wait(2.9)
    assert limit(bench) == 10.0, "a cap rises after 3 s"
    bench.wait(0.2)
    assert limit(bench) is None
    bench.wait(1.4, beats=False)
    assert limit(bench) is None
    bench.wait(0.1, beats=False)
    assert limit(bench) == 20.0, "no figure for 1.5 s"
    bench.latency = SECOND // 10
    bench.beat(late=True)
    assert limit(bench) == 20.0, "a late heartbeat raises nothing"


def run():
    """Runs every check; returns how many there are."""
    checks = [
        whole_walk, commands_are_fenced, timers_end_every_wait, latches_need_a_person, speed_follows_the_latency,
    ]
    for check in checks:
        check()
    return len(checks)
