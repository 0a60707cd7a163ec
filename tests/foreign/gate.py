"""A minimal gate: the rules of "The gate" in docs/protocol.md. No clock and no sockets: time is an argument."""

SECOND = 1_000_000_000
# Vehicles: T_demand, T_transition, T_stable, T_link, T_ready, grace.
TIMERS = {
    "demand": 10 * SECOND,
    "transition": 10 * SECOND,
    "stable": SECOND // 10,
    "link": 2 * SECOND,
    "ready": 1 * SECOND,
    "grace": 5 * SECOND,
}
ACTS = ("autonomous", "requested", "claimed")
# Limits that follow the latency: capped above, nobody begins above, not known after, held for.
CAPPED, GRANTED, UNKNOWN, HELD = SECOND // 5, SECOND // 2, 3 * SECOND // 2, 3 * SECOND


class Refused(Exception):
    """A command that is not obeyed: its code and why."""

    def __init__(self, code, detail):
        super().__init__(detail)
        self.code, self.detail = code, detail


class Lease:
    """One epoch, as the agent keeps it."""

    def __init__(self, epoch, now):
        self.epoch, self.seq, self.beat, self.last, self.ready, self.unready = epoch, 0, 0, now, False, None
        self.total, self.told, self.held_until, self.lower = None, None, 0, 0

    def take_latency(self, total, now):
        """Takes a total: a higher one counts at once, a lower one when none was higher for 3 s."""
        self.told = now if total is not None else None
        if total is None and self.total is None:
            return
        if total is None:
            total = max(self.total, GRANTED)
        if self.total is not None and total < self.total:
            self.lower = max(self.lower, total)
            if now < self.held_until:
                return
            total = self.lower
        self.total, self.held_until, self.lower = total, now + HELD, 0


class Gate:
    """The authority on one agent's control state."""

    def __init__(self, boot_id, timers=None):
        self.boot_id, self.timers = boot_id, timers or TIMERS
        self.state, self.version, self.level, self.origin_state = "autonomous", 1, 0, None
        self.demand, self.active, self.pending = None, None, None
        self.highest_epoch, self.incarnation = 0, 0
        self.latches, self.next_latch = [], (int.from_bytes(boot_id[:5], "big") << 23) + 1
        self.hold, self.cap, self.assumed, self.named = False, None, False, []
        self.transition_end, self.grace_end, self.stable_since = None, None, None
        self.standstill, self.can_resume = True, True
        self.seen, self.running, self.acks = {}, [], []

    # What the agent asks and reports.

    def heartbeat(self, now):
        """The body of a heartbeat."""
        lease = self.active or self.pending
        return {
            "boot_id": self.boot_id,
            "now": now,
            "control_state": self.state,
            "state_version": self.version,
            "transition_from": self.origin_state if self.state == "in_transition" else None,
            "fallback_level": self.level if self.state in ("fallback", "safe_held") else None,
            "demand_id": self.demand and self.demand["demand_id"],
            "demand_left_nanos": self.demand and max(0, self.demand["end"] - now),
            "epoch": lease.epoch if lease else 0,
            "latches": list(self.latches),
            "stable": self.stable_since is not None,
            "condition_reached": self.standstill,
            "can_resume": self.can_resume,
            "local_override": False,
        }

    def must_stop(self):
        """Whether the agent has to decelerate to a standstill now."""
        acting = self.origin_state if self.state == "in_transition" else self.state
        if acting in ("human", "returning"):
            return self.hold or not (self.active and self.active.ready)
        return acting in ("fallback", "safe_held", "estopped")

    def limit(self, top):
        """How fast it may be driven now, or None where nothing limits it."""
        caps = [] if self.cap is None else [self.cap]
        if self.state in ("human", "returning") and self.active:
            total = GRANTED if self.active.total is None else self.active.total
            if total > CAPPED:
                caps.append(top * CAPPED / total)
        return min(caps, default=None)

    # What the monitor says.

    def welcome(self, body, now):
        """Reconciles; returns False if this monitor must not lead."""
        if body["incarnation"] < self.incarnation:
            return False
        restarted, self.incarnation = body["incarnation"] > self.incarnation, body["incarnation"]
        self.highest_epoch = max(self.highest_epoch, body["epoch"])
        if restarted or not body["lease_live"]:
            self.lose_lease(now)
        known = {latch["latch_id"] for latch in self.latches}
        for latch in body.get("latches", []):
            if latch["latch_id"] not in known:
                self.latches.append(latch)
                self.next_latch = max(self.next_latch, latch["latch_id"] + 1)
                self.version += 1
        if any(latch["cause"] == "estop" for latch in self.latches):
            self.estop()
        elif self.latches and self.state in ACTS:
            self.fall_back(1)
        return True

    def on_demand(self, body, now):
        """Takes a demand; an open one keeps its end."""
        self.tick(now)
        if self.state == "autonomous":
            end = now + min(body["left_nanos"], self.timers["demand"])
            self.demand = {"demand_id": body["demand_id"], "origin": body["origin"], "end": end}
            self.go("requested")

    def on_demand_end(self, body, now):
        """Takes note of a demand that the monitor saw end."""
        self.tick(now)
        if not self.demand or self.demand["demand_id"] != body["demand_id"]:
            return
        allowed = {"self_cleared": ("requested",), "cancelled": ("requested", "claimed")}
        if self.state in allowed.get(body["outcome"], ()):
            self.end_lease()
            self.demand = None
            self.go("autonomous")

    def on_grant(self, body, now):
        """Takes a grant: its epoch is pending."""
        self.tick(now)
        if body["boot_id"] != self.boot_id or body["epoch"] <= self.highest_epoch:
            return
        self.highest_epoch = body["epoch"]
        if self.pending or self.active or self.state not in ("requested", "fallback", "safe_held"):
            return
        self.pending = Lease(body["epoch"], now)
        if self.state == "requested":
            self.go("claimed")

    def on_void(self, body, now):
        """Takes note of a lease that is over."""
        self.tick(now)
        if any(lease and lease.epoch == body["epoch"] for lease in (self.active, self.pending)):
            self.lose_lease(now)

    def on_holder(self, body, now):
        """Takes a heartbeat of the holder; late, old and foreign ones renew nothing."""
        self.tick(now)
        for lease in filter(None, (self.active, self.pending)):
            if lease.epoch == body["epoch"] and body["seq"] > lease.beat and now < body["deadline"]:
                lease.beat, lease.last, lease.ready = body["seq"], now, body["ready"]
                lease.unready = None if body["ready"] else (lease.unready or now)
                lease.take_latency(body.get("latency_nanos"), now)
        self.settle(now)

    def on_sensors(self, now, *, standstill, stable, can_resume):
        """Takes what the sensors say; completes what waits for it."""
        self.standstill, self.can_resume = standstill, can_resume
        self.stable_since = (self.stable_since or now) if stable else None
        self.tick(now)
        self.settle(now)

    # Commands.

    def on_command(self, body, now):
        """Obeys or refuses a command, and acknowledges it."""
        self.tick(now)
        command_id = body["command_id"]
        if command_id in self.seen:
            self.ack(command_id, self.seen[command_id], now, code="duplicate", remember=False)
            return
        try:
            goal = self.obey(body, now)
        except Refused as refused:
            state = "expired" if refused.code == "expired" else "rejected"
            self.ack(command_id, state, now, code=refused.code, detail=refused.detail)
            return
        self.ack(command_id, "accepted", now)
        self.running.append((command_id, goal))
        self.settle(now)

    def obey(self, body, now):
        """Checks a command in the order of the document and makes it take effect; returns its goal."""
        kind, args, epoch = body["kind"], body.get("args", {}), body.get("epoch", 0)
        if kind == "estop":
            self.estop()
            return "standing"
        late = body["boot_id"] != self.boot_id or now >= body["deadline"]
        if kind == "minimal_risk" or (kind == "hold" and (late or epoch == 0)):
            level = args.get("level", 1) if kind == "minimal_risk" and not late else 1
            if level not in (1, 2, 3):
                raise Refused("denied", "minimal_risk takes level 1 to 3")
            self.fall_back(level)
            return "standing"
        lease = self.check(body, kind, epoch, now)
        if lease and body.get("seq", 0) <= lease.seq:
            raise Refused("duplicate", "the sequence is not above the last of this epoch")
        goal = self.take_effect(kind, args, epoch, now)
        if lease:
            lease.seq = body["seq"]
        return goal

    def check(self, body, kind, epoch, now):
        """Boot, epoch, deadline, state, evidence; returns the lease that the command is sent under."""
        lease = next((one for one in (self.active, self.pending) if one and one.epoch == epoch), None)
        if body["boot_id"] != self.boot_id:
            raise Refused("stale_epoch", "meant for another boot")
        if kind == "clear_latch":
            if epoch <= self.highest_epoch:
                raise Refused("stale_epoch", "clear_latch needs an epoch of its own")
        elif epoch and not lease:
            raise Refused("stale_epoch", "the epoch is not the active one")
        elif not lease and kind != "speed_cap":
            raise Refused("not_in_control", "this command needs a lease")
        if now >= body["deadline"]:
            raise Refused("expired", "the deadline has passed")
        if body.get("expect_state") not in (None, self.state):
            raise Refused("precondition", f"the state is {self.state}")
        if body.get("evidence_version") not in (None, self.version):
            raise Refused("stale_evidence", f"the state version is {self.version}")
        return lease

    def take_effect(self, kind, args, epoch, now):
        """The verbs that need more than a stop; returns the goal that completes them."""

        def require(condition, detail):
            if not condition:
                raise Refused("precondition", detail)

        if kind == "hold":
            if self.state == "human":
                self.hold = True
            else:
                self.fall_back(1)
            return "standing"
        if kind == "speed_cap":
            cap = args.get("speed_mps")
            if cap is None or not 0 <= cap < float("inf"):
                raise Refused("denied", "speed_cap needs speed_mps, 0 or more")
            self.cap = cap if epoch or self.cap is None else min(self.cap, cap)
        elif kind == "engage":
            named = args.get("latches", [])
            require(self.state in ("claimed", "fallback", "safe_held"), "the state does not allow engage")
            require(self.pending and self.pending.ready, "the holder is not ready")
            require(all(latch["latch_id"] in named for latch in self.latches), "name every latch")
            self.named, self.assumed, self.origin_state = named, False, self.state
            self.transition_end = now + self.timers["transition"]
            self.go("in_transition")
            return "human"
        elif kind == "assume":
            require(self.state == "in_transition", "assume follows engage")
            self.assumed = True
            return "human"
        elif kind == "resume":
            require(self.state == "human", "resume needs a person in control")
            self.hold, self.cap = False, None
        elif kind == "hand_back":
            require(self.state == "human", "hand_back needs a person in control")
            require(self.can_resume and not self.latches, "the agent cannot drive by itself yet")
            self.transition_end = now + self.timers["transition"]
            self.go("returning")
            return "returned"
        elif kind == "release":
            self.lose_lease(now)
        elif kind == "dismiss":
            require(self.state == "claimed", "only a claimed demand can be dismissed")
            self.end_lease()
            self.demand = None
            self.go("autonomous")
        elif kind == "clear_latch":
            self.clear_latch(args.get("latch_id"), epoch, require)
        else:
            raise Refused("unsupported", f"{kind} is unknown here")
        return "in_force"

    def clear_latch(self, latch_id, epoch, require):
        """Releases one latch in a person's name."""
        latch = next((one for one in self.latches if one["latch_id"] == latch_id), None)
        require(latch, "no such latch")
        if self.state == "estopped" and latch["cause"] == "estop":
            require(self.standstill, "the stop is not confirmed")
            self.latches.remove(latch)
            self.latch("fallback")
            self.go("safe_held")
        else:
            require(self.state == "safe_held" and latch["cause"] == "fallback", "not in this state")
            require(self.can_resume and len(self.latches) == 1, "cannot drive, or another latch is held")
            self.latches.remove(latch)
            self.go("autonomous")
        self.highest_epoch = epoch

    # Time.

    def tick(self, now):
        """Evaluates every timer that is due; call it before each input and at 10 Hz."""
        for lease in filter(None, (self.active, self.pending)):
            if lease.told is not None and now >= lease.told + UNKNOWN:
                lease.take_latency(None, now)
        lease = self.active or self.pending
        if lease:
            silent = now >= lease.last + self.timers["link"]
            unready = self.active and lease.unready and now >= lease.unready + self.timers["ready"]
            if silent or unready:
                self.lose_lease(now)
        if self.demand and now >= self.demand["end"]:
            if self.demand["origin"] == "operator":
                self.end_lease()
                self.demand = None
                self.go("autonomous")
            else:
                self.fall_back(1)
        if self.transition_end and now >= self.transition_end:
            self.transition_end = None
            if self.state == "returning":
                self.finish("returned", now, "failed")
                self.go("human")
            else:
                self.roll_back(now)
        if self.grace_end and now >= self.grace_end:
            self.grace_end = None
            if self.state == "fallback":
                self.fall_back(1)

    def settle(self, now):
        """Completes what only waits for the world."""
        steady = self.stable_since is not None and now - self.stable_since >= self.timers["stable"]
        if self.state == "in_transition" and self.assumed and steady and self.pending and self.pending.ready:
            self.active, self.pending, self.demand = self.pending, None, None
            self.latches = [one for one in self.latches if one["cause"] == "estop" or one["latch_id"] not in self.named]
            self.transition_end, self.assumed, self.hold = None, False, self.standstill
            self.go("human")
            self.finish("human", now)
        elif self.state == "returning" and steady and self.can_resume:
            self.end_lease()
            self.go("autonomous")
            self.finish("returned", now)
        elif self.state == "fallback" and self.standstill:
            self.go("safe_held")
        elif self.state == "safe_held" and not self.standstill:
            self.level = min(self.level + 1, 3)
            self.go("fallback")
        self.finish("in_force", now)
        if self.standstill:
            self.finish("standing", now)

    # The steps themselves.

    def go(self, state):
        self.state = state
        self.version += 1

    def latch(self, cause):
        if not any(one["cause"] == cause for one in self.latches):
            self.latches.append({"latch_id": self.next_latch, "cause": cause})
            self.next_latch += 1
            self.version += 1

    def end_lease(self):
        self.active, self.pending, self.transition_end = None, None, None
        self.assumed, self.named, self.hold = False, [], False

    def fall_back(self, level):
        if self.state in ("safe_held", "estopped") or (self.state == "fallback" and level <= self.level):
            return
        self.level = max(level, self.level) if self.state in ("fallback", "in_transition") else level
        self.end_lease()
        self.demand = None
        self.latch("fallback")
        self.go("fallback")

    def estop(self):
        self.end_lease()
        self.demand = None
        self.latch("estop")
        if self.state != "estopped":
            self.go("estopped")

    def roll_back(self, now):
        if self.state == "in_transition":
            self.pending, self.transition_end, self.assumed = None, None, False
            self.finish("human", now, "failed")
            self.go("requested" if self.origin_state == "claimed" else self.origin_state)

    def lose_lease(self, now):
        if self.state in ("human", "returning"):
            level = 0 if self.standstill else 1
            self.fall_back(level)
            self.grace_end = now + self.timers["grace"] if level == 0 else None
        elif self.state == "in_transition":
            self.roll_back(now)
        else:
            was_claimed = self.state == "claimed"
            self.end_lease()
            if was_claimed:
                self.go("requested")

    def finish(self, goal, now, state="completed"):
        done = [command_id for command_id, wanted in self.running if wanted == goal]
        self.running = [entry for entry in self.running if entry[1] != goal]
        for command_id in done:
            self.ack(command_id, state, now)

    def ack(self, command_id, state, now, code=None, detail=None, remember=True):
        if remember:
            self.seen[command_id] = state
            while len(self.seen) > 128:
                del self.seen[next(iter(self.seen))]
        self.acks.append({"command_id": command_id, "state": state, "code": code, "at": now, "detail": detail})
