#!/usr/bin/env python3
"""Malformed and hostile packets: after thousands of them, random, mutated and crafted, over UDP and TCP, the
server still runs, and every valid query in between was answered.

  malformed_test.py [--packets N] [--seed S]
"""
import argparse
import os
import random
import socket
import struct
import tempfile

import harness

ZONE = ("$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1\n*.wild CNAME www\nloop CNAME loop\n"
        "big TXT " + " ".join('"' + "x" * 200 + '"' for _ in range(20)) + "\nd DNAME test.\ncut NS ns.cut\nns.cut A 192.0.2.2\n")
CANARY_EVERY = 25
PIPELINED_TCP = 20


def crafted():
    """Each is wrong, or odd, in one way."""
    header = lambda flags=0, qd=1, an=0, ns=0, ar=0: struct.pack(">HHHHHH", 7, flags, qd, an, ns, ar)
    question = harness.encode_name("www.zone.test") + b"\0\1\0\1"
    opt = lambda options=b"", size=1232, ttl=0, owner=b"\0": owner + struct.pack(">HHIH", 41, size, ttl, len(options)) + options
    yield b""
    for length in range(1, 12):
        yield (header() + question)[:length]
    for length in range(12, 12 + len(question)):
        yield (header() + question)[:length]
    yield header(qd=0)
    yield header(qd=2) + question + question
    yield header(qd=65535) + question
    yield header(an=1) + question
    yield header(an=65535, ns=65535, ar=65535) + question
    yield header(flags=0x8000) + question                       # a response
    for opcode in range(16):
        yield header(flags=opcode << 11) + question
    for flags in range(0, 0x8000, 0x0111):
        yield header(flags=flags) + question
    yield header() + b"\xc0\x0c\0\1\0\1"                        # a name that points at itself
    yield header() + b"\3www\xc0\x0c\0\1\0\1"
    yield header() + b"\xc0\xff\0\1\0\1"
    yield header() + b"\x40abc\0\0\1\0\1"                       # label types that do not exist
    yield header() + b"\x80abc\0\0\1\0\1"
    yield header() + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1"  # 257 octets
    yield header() + (b"\1a") * 127 + b"\0\0\1\0\1"             # 255: legal
    yield header() + (b"\1a") * 128 + b"\0\0\1\0\1"
    for qtype in (0, 41, 128, 249, 250, 251, 252, 253, 254, 255, 65535):
        for qclass in (0, 1, 3, 4, 254, 255, 65535):
            yield header() + harness.encode_name("zone.test") + struct.pack(">HH", qtype, qclass)
    yield header(ar=1) + question + opt()[:-1]
    yield header(ar=2) + question + opt() + opt()               # FORMERR, RFC 6891 section 6.1.1
    yield header(ar=1) + question + opt(owner=b"\1a\0")
    yield header(ar=1) + question + opt(ttl=0x00ff0000)         # BADVERS
    yield header(ar=1) + question + opt(ttl=0xffffffff)
    yield header(ar=1) + question + opt(size=0)
    yield header(ar=1) + question + opt(size=65535)
    yield header(ar=1) + question + opt(b"\0")
    yield header(ar=1) + question + opt(b"\0\x0a\xff\xff")
    for length in (0, 1, 7, 8, 9, 15, 16, 17, 40, 41, 400):
        yield header(ar=1) + question + opt(struct.pack(">HH", 10, length) + b"c" * length)      # cookies
    yield header(ar=1) + question + opt(b"".join(struct.pack(">HH", code, 0) for code in range(300)))
    yield header(ar=1) + question + opt(struct.pack(">HH", 3, 5) + b"abcde")
    yield header(ar=1) + question + opt(struct.pack(">HHHBB", 8, 4, 9, 255, 255))
    yield header(ns=1) + question + opt()                        # OPT in another section
    yield header(ar=1) + question + b"\0" + struct.pack(">HHIH", 250, 255, 0, 0)                 # an empty TSIG
    yield header(ar=2) + question + opt() + b"\0" + struct.pack(">HHIH", 250, 255, 0, 3) + b"\0\0\0"
    yield header() + question + b"\0" * 400
    yield header() + question + b"\xff" * 1200
    yield b"\0" * 12
    yield b"\xff" * 12
    yield b"\xff" * 512
    yield os.urandom(65000)


def mutated(rng, seeds):
    message = bytearray(rng.choice(seeds))
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        kind = rng.randrange(6)
        at = rng.randrange(len(message)) if message else 0
        if kind == 0 and message:
            message[at] = rng.randrange(256)
        elif kind == 1 and message:
            message[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            message[at:at] = rng.randbytes(rng.randrange(1, 20))
        elif kind == 3:
            del message[at:at + rng.randrange(1, 20)]
        elif kind == 4 and len(message) > 12:
            struct.pack_into(">H", message, 4 + 2 * rng.randrange(4), rng.choice([0, 1, 2, 255, 65535]))
        elif message:
            message[at:at] = struct.pack(">H", 0xc000 | rng.randrange(64))
    return bytes(message)


def seeds():
    names = ["www.zone.test", "x.wild.zone.test", "loop.zone.test", "big.zone.test", "a.b.d.zone.test", "x.cut.zone.test", "missing.zone.test", "."]
    out = [harness.encode_query(n, t, 5, edns=e, dnssec_ok=bool(e)) for n in names for t in ("A", "TXT", "ANY", "DS") for e in (None, 512, 4096)]
    cookie = struct.pack(">HH", 10, 8) + b"12345678"
    out.append(out[0][:10] + b"\0\1" + out[0][12:] + b"\0" + struct.pack(">HHIH", 41, 1232, 0, len(cookie)) + cookie)
    return out


def alive(port, i):
    answer = harness.ask_udp(port, harness.encode_query("www.zone.test", "A", i & 0xffff))
    harness.expect(answer and harness.rcode(answer) == 0 and answer[-4:] == b"\xc0\0\2\1", f"a valid query after {i} malformed ones is answered: {answer!r}")


def check_answers(port):
    """The exact answers to certain packets."""
    ask = lambda message: harness.ask_udp(port, message, 0.3)
    question = harness.encode_name("www.zone.test") + b"\0\1\0\1"
    header = lambda flags, *counts: struct.pack(">HHHHHH", 7, flags, *counts)
    harness.expect(ask(header(0x8000, 1, 0, 0, 0) + question) is None, "a response is not answered")
    harness.expect(ask(b"\0\7\0\0\0") is None, "less than a header is not answered")
    harness.expect(harness.rcode(ask(header(0, 2, 0, 0, 0) + question * 2)) == 1, "two questions are FORMERR")
    harness.expect(harness.rcode(ask(header(0, 1, 0, 0, 0) + question[:-1])) == 1, "a cut question is FORMERR")
    opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)
    harness.expect(harness.rcode(ask(header(0, 1, 0, 0, 2) + question + opt * 2)) == 1, "two OPT are FORMERR (RFC 6891 section 6.1.1)")
    answer = ask(header(0, 1, 0, 0, 1) + question + b"\0" + struct.pack(">HHIH", 41, 1232, 0x00010000, 0))
    harness.expect(harness.rcode(answer) == 0 and answer[-11:-9] == b"\0\0" and answer[-6] == 1, f"EDNS version 1 is BADVERS: {answer!r}")
    harness.expect(harness.rcode(ask(header(2 << 11, 1, 0, 0, 0) + question)) == 4, "STATUS is NOTIMP")
    harness.expect(harness.rcode(ask(header(0, 1, 0, 0, 0) + harness.encode_name("zone.test") + struct.pack(">HH", 252, 1))) in (1, 4, 5), "AXFR over UDP is refused")


def fuzz_tcp(port, rng, messages):
    """Whole messages, cut ones, wrong lengths, and closing in the middle."""
    with socket.create_connection((harness.ADDRESS, port), 2) as s:
        s.settimeout(0.2)
        data = b""
        for message in messages:
            length = len(message) if rng.random() < 0.8 else rng.choice([0, 1, 11, 65535, len(message) + 1])
            data += struct.pack(">H", length & 0xffff) + message[:65535]
        cut = rng.randrange(len(data) + 1) if rng.random() < 0.3 else len(data)
        try:
            for at in range(0, cut, 1000):
                s.sendall(data[at:min(cut, at + 1000)])
            if rng.random() < 0.5:
                s.shutdown(socket.SHUT_WR)
            while rng.random() < 0.9 and s.recv(65536):
                pass
        except OSError:
            pass


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--packets", type=int, default=6000)
    p.add_argument("--seed", type=int, default=1)
    o = p.parse_args()
    rng = random.Random(o.seed)
    with tempfile.TemporaryDirectory(prefix="zonectl-malformed-") as data:
        harness.write_data_set(data, {"zone.test": ZONE})
        with harness.Zonectl(data, workers=2) as server:
            server.start()
            check_answers(server.port)
            base = seeds()
            odd = list(crafted())
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.connect((harness.ADDRESS, server.port))
                for i in range(o.packets):
                    if i < len(odd):
                        packet = odd[i]
                    else:
                        packet = rng.randbytes(rng.choice([3, 12, 17, 40, 512])) if rng.random() < 0.15 else mutated(rng, base + odd[:-1])
                    s.send(packet)
                    if i % CANARY_EVERY == 0:
                        alive(server.port, i)
            for i in range(o.packets // 100):
                fuzz_tcp(server.port, rng, [mutated(rng, base) if rng.random() < 0.7 else rng.choice(base + odd[:-1]) for _ in range(PIPELINED_TCP)])
                alive(server.port, i)
                answer = harness.ask_tcp(server.port, harness.encode_query("www.zone.test", "A", 9))
                harness.expect(answer and harness.rcode(answer) == 0, "TCP still answers")
            harness.expect(server.process.poll() is None, f"it still runs: {server.log()[-3000:]}")
            harness.expect(server.stop() == 0, f"it ends with 0: {server.log()[-3000:]}")
    print(f"{o.packets} malformed packets over UDP, {o.packets // 100} TCP connections of {PIPELINED_TCP}, all survived")


if __name__ == "__main__":
    main()
