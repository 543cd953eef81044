#!/usr/bin/env python3
"""Splits a data set's queries by the kind of answer they get, so that each kind can be sent alone.

  split_queries.py --data DIR [--queries FILE] [--server nsd] [--limit N]

Starts the server (peers/NAME.sh), asks every query once and writes DIR/queries.CLASS.txt for the classes
positive, nxdomain, nodata, wildcard, cname, dname, referral; then prints how many each has. An
unsigned answer does not show that it was synthesised from a wildcard: it counts as such if the name has no
record in its zone file and the zone has a wildcard.
"""
import argparse
import os
import socket
import struct
import sys
import types

import bench_serve as bs

CLASSES = ("positive", "nxdomain", "nodata", "wildcard", "cname", "dname", "referral")
IN_FLIGHT = 256
CNAME, DNAME, SOA, NS = 5, 39, 6, 2
NUMBERS = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "LOC": 29, "SRV": 33, "NAPTR": 35, "DNAME": 39, "DS": 43,
           "SSHFP": 44, "TLSA": 52, "HTTPS": 65, "SVCB": 64, "SPF": 99, "ANY": 255, "CAA": 257, "DNSKEY": 48, "RRSIG": 46, "NSEC": 47}


def skip_name(message, at):
    while True:
        length = message[at]
        if length >= 0xc0:
            return at + 2
        at += 1 + length
        if length == 0:
            return at


def record_types(message):
    """Types of the first answer and of all authority records."""
    counts = struct.unpack(">HHHH", message[4:12])
    at = 12
    for _ in range(counts[0]):
        at = skip_name(message, at) + 4
    seen = []
    for _ in range(counts[1] + counts[2]):
        at = skip_name(message, at)
        kind, _, _, length = struct.unpack(">HHIH", message[at:at + 10])
        seen.append(kind)
        at += 10 + length
    return seen[:counts[1]], seen[counts[1]:]


def class_of(message):
    """The class by the answer alone, or None."""
    rcode, authoritative = message[3] & 15, message[2] & 4
    answer, authority = record_types(message)
    if answer and answer[0] == CNAME:
        return "cname"
    if answer and answer[0] == DNAME:
        return "dname"
    if rcode == 3:
        return "nxdomain"
    if rcode or message[2] & 2:
        return None
    if answer:
        return "positive"
    if SOA in authority:
        return "nodata"
    return "referral" if NS in authority and not authoritative else None


class Wildcards:
    """Zones that have a wildcard, and the owner names in them."""

    def __init__(self, data):
        self.owners = {}
        with open(os.path.join(data, "zones.list"), encoding="ascii") as f:
            for line in f:
                apex, path = line.rstrip("\n").split("\t")
                with open(os.path.join(data, path), "rb") as zone:
                    text = zone.read()
                if b"\n*\t" in text or b"\n*." in text:
                    self.owners[apex] = self.read(apex, text.decode("latin-1"))

    @staticmethod
    def read(apex, text):
        out = set()
        for line in text.split("\n"):
            owner = line.split("\t", 1)[0]
            if owner and not owner.startswith("$"):
                out.add(apex if owner == "@" else owner.rstrip(".") if owner.endswith(".") else f"{owner}.{apex}")
        return out

    def synthesised(self, name):
        """The deepest zone with a wildcard above `name` has no such owner, nor anything below it."""
        zone = name
        while zone and zone not in self.owners:
            zone = zone.partition(".")[2]
        if not zone or name in self.owners[zone]:
            return False
        return not any(owner.endswith("." + name) for owner in self.owners[zone])


def classify(port, lines):
    """(line, class) of every query; what gets no answer or has no class is left out."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.connect(("127.0.0.1", port))
    sock.settimeout(0.5)
    for start in range(0, len(lines), IN_FLIGHT):
        todo = {}
        for i, line in enumerate(lines[start:start + IN_FLIGHT]):
            name, kind = line.split()
            number = NUMBERS.get(kind) or int(kind[4:])
            todo[i] = (line, struct.pack(">HHHHHH", i, 0, 1, 0, 0, 1) + bs.encode_name(name) + struct.pack(">HHBHHIH", number, 1, 0, 41, 1232, 0, 0))
        for _, message in todo.values():
            sock.send(message)
        try:
            while todo:
                answer = sock.recv(4096)
                asked = todo.pop(struct.unpack(">H", answer[:2])[0], None)
                if asked:
                    yield asked[0], class_of(answer)
        except TimeoutError:
            pass


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--queries", help="default DATA/queries.txt")
    p.add_argument("--server", default="nsd")
    p.add_argument("--limit", type=int, default=1000000, help="read at most so many queries")
    p.add_argument("--port", type=int, default=5390)
    o = p.parse_args()
    with open(o.queries or os.path.join(o.data, "queries.txt"), encoding="latin-1") as f:
        lines = [line.rstrip("\n") for line in f if not line.startswith((";", "#"))][:o.limit]
    wildcards = Wildcards(o.data)
    options = types.SimpleNamespace(data=o.data, work=None, threads=1, pin=False, load_timeout=900, ready="aa")
    server = bs.Server(options, o.server, None, o.port)
    server.prepare()
    files = {c: open(os.path.join(o.data, f"queries.{c}.txt"), "w", encoding="latin-1") for c in CLASSES}
    counts = dict.fromkeys(CLASSES, 0)
    try:
        with open(os.path.join(o.data, "zones.list"), encoding="ascii") as f:
            first = f.readline().split("\t")[0]
        server.start([first])
        for line, kind in classify(o.port, lines):
            if kind in ("positive", "nodata") and wildcards.synthesised(line.split()[0].lower().rstrip(".")):
                kind = "wildcard"
            if kind:
                files[kind].write(line + "\n")
                counts[kind] += 1
    finally:
        server.stop()
        for f in files.values():
            f.close()
    for kind, count in counts.items():
        print(f"{kind:10}{count:>9}")
    return 0 if all(counts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
