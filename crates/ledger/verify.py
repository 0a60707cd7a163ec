#!/usr/bin/env python3
"""Checks a Watchkeeper ledger. Written from docs/ledger-format.md, standard library only.

Usage: verify.py DIRECTORY ["SEQUENCE HEXHASH" ...]
Prints the head (sequence and chain value of the last record) and exits 0, or prints the first bad record
or segment and exits 1. Heads kept by clients may follow; each must still be in the ledger.
"""

import hashlib
import re
import struct
import sys
from pathlib import Path

CRC_TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    CRC_TABLE.append(byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def check(condition, message):
    if not condition:
        print("BAD: " + message)
        sys.exit(1)


def read_header(data, number):
    """Returns (deployment, first sequence, previous hash, head hash, chain value, end)."""
    where = f"segment {number}: header"
    check(len(data) >= 160, where + " cut short")
    (magic, version, flags, deployment, in_header, first, previous, head_hash, opening_hash, opening_len,
     reserved, crc) = struct.unpack("<8sII16sQQ32s32s32sIQI", data[:160])
    check(magic == b"WKLEDGER", where + " does not begin with WKLEDGER")
    check(crc == crc32c(data[:156]), where + " checksum wrong")
    check(version == 1, f"{where} has format version {version}; this script knows 1")
    check(flags in (0, 1) and reserved == 0 and first >= 1, where + " has a value outside its range")
    check(in_header == number, f"{where} says that it is segment {in_header}")
    check(opening_len <= 16 << 20, where + " has an opening that is too long")
    end = 160 + (opening_len + 7) // 8 * 8
    opening = data[160:160 + opening_len]
    check(len(data) >= end and sha256(opening) == opening_hash and not any(data[160 + opening_len:end]),
          f"segment {number}: opening changed")
    if flags & 1:
        print(f"note: a recovery found damage before segment {number} (GAP)")
    return deployment, first, previous, head_hash, sha256(b"\1", data[:160]), end


def main(directory, kept):
    heads = {}
    for text in kept:
        sequence, digest = text.split()
        heads.setdefault(int(sequence), []).append(bytes.fromhex(digest))
    files = {int(m[1]): path for path in Path(directory).iterdir()
             if (m := re.fullmatch(r"segment-(\d{10,})\.wkl", path.name))}
    sequence, head, chain, deployment = 0, bytes(32), bytes(32), None  # up to the last record checked

    def compare():
        for digest in heads.pop(sequence, []):
            check(digest == head, f"record {sequence}, or one before it, is not the one a kept head names")

    for number in sorted(files):
        data = files[number].read_bytes()
        belongs_to, first, previous, head_hash, after_header, offset = read_header(data, number)
        if deployment is None and number > 1:  # the oldest segments were deleted
            print(f"note: the ledger starts with segment {number}, after record {first - 1} {head_hash.hex()}")
            sequence, head, chain, deployment = first - 1, head_hash, previous, belongs_to
            heads = {at: digests for at, digests in heads.items() if at >= sequence}
            compare()
        check(deployment in (None, belongs_to), f"segment {number}: header of another deployment")
        check(first == sequence + 1, f"segment {number}: header says record {first}, expected {sequence + 1}")
        check(previous == chain and head_hash == head, f"segment {number}: header does not continue the chain")
        check(number == 1 or number - 1 in files or number == min(files), f"segment {number - 1} is missing")
        deployment, chain = belongs_to, after_header
        salt = deployment + struct.pack("<Q", number)
        while any(data[offset:]) or (number != max(files) and offset < len(data)):
            where = f"record {sequence + 1} (segment {number}, byte {offset})"
            check(len(data) >= offset + 72, where + " cut short")
            length, crc, found = struct.unpack_from("<IIQ", data, offset)
            end = offset + (36 + length + 7) // 8 * 8  # of the record before its chain value
            check(length <= 1 << 20 and end + 32 <= len(data), where + " has a wrong length")
            body, stored = data[offset:end], data[end:end + 32]
            check(crc == crc32c(salt + body[:4] + body[8:]), where + " checksum wrong")
            check(found == sequence + 1, f"{where} is not in its place: record {found} stands there")
            chain = sha256(b"\0", chain, body)
            check(stored == chain, where + " does not continue the chain")
            sequence, head, offset = found, stored, end + 32
            compare()
    check(not any(at > sequence for at in heads),
          f"record {sequence + 1} and later are missing: a kept head names record {max(heads, default=0)}")
    print(f"{sequence} {head.hex()}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
