"""Frames, token and connection of Watchkeeper's protocol v1, written from docs/protocol.md alone."""

import json
import os
import pathlib
import re
import time

import msgpack
from websockets.asyncio.client import connect

DEFAULT_URL = "ws://127.0.0.1:7410/v1"
SUBPROTOCOL = "watchkeeper.v1"
MAX_FRAME = 65_536
DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "protocol.md"


def now():
    """Nanoseconds of a monotonic clock that counts suspend, where the system has one."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def tell(event, **fields):
    """Prints one JSON line about what happened."""
    print(json.dumps({"event": event, **fields}, default=lambda b: b.hex()), flush=True)


def pack(kind, body):
    """Encodes a frame; a field that is None is left out."""
    frame = msgpack.packb([kind, {key: value for key, value in body.items() if value is not None}])
    if len(frame) > MAX_FRAME:
        raise ValueError(f"{kind} has {len(frame)} bytes")
    return frame


def unpack(frame):
    """Decodes a frame into its kind and body."""
    if not isinstance(frame, bytes):
        raise ValueError("a text frame")
    value = msgpack.unpackb(frame, raw=False, strict_map_key=False)
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict)):
        raise ValueError("a frame is [kind, body]")
    return value[0], value[1]


def find_token(given=None, data="./watchkeeper-data"):
    """Reads the token of the run from the places that the protocol names, in their order."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    places = [
        given or os.environ.get("WATCHKEEPER_TOKEN_FILE"),
        runtime and os.path.join(runtime, "watchkeeper", "token"),
        os.path.join(data, "token"),
    ]
    for place in filter(None, places):
        try:
            return pathlib.Path(place).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            if place == places[0]:
                raise
    raise SystemExit(f"no token: is the monitor running? looked in {[p for p in places if p]}")


def open_session(url):
    """Opens the connection; the caller sends the hello."""
    return connect(url, subprotocols=[SUBPROTOCOL], compression=None, max_size=MAX_FRAME, proxy=None)


def pong(ping, received):
    """Answers a ping."""
    return pack("pong", {"sent_nanos": ping["sent_nanos"], "received_nanos": received, "answered_nanos": now()})


def add_arguments(parser):
    """Adds what both clients take."""
    parser.add_argument("--url", default=os.environ.get("WATCHKEEPER_URL", DEFAULT_URL))
    parser.add_argument("--token-file")
    parser.add_argument("--seconds", type=float, default=90.0, help="give up after so long")
    parser.add_argument("--self-test", action="store_true", help="check codec and rules without a monitor")


def check_document():
    """Decodes and encodes again every example of the document; returns how many there are."""
    text = DOCUMENT.read_text(encoding="utf-8")
    heading, count = None, 0
    for match in re.finditer(r"^#### `(\w+)`|^```hex\n([0-9a-f\n]+)```", text, re.MULTILINE):
        if match.group(1):
            heading = match.group(1)
            continue
        frame = bytes.fromhex(match.group(2))
        kind, body = unpack(frame)
        assert kind == heading, f"an example of {kind} under {heading}"
        assert pack(kind, body) == frame, f"{kind}: other bytes than in the document"
        count += 1
    assert count > 40, f"only {count} examples found"
    return count
