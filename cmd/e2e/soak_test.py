#!/usr/bin/env python3
"""Mixed valid and malformed traffic over UDP and TCP, with reloads, changed and broken zones all the while. No query is lost, no answer
is wrong, nothing is reported by the sanitizers, memory does not grow, and it ends with 0.

  soak_test.py [--seconds N] [--seed S]        run it on the asan and tsan builds: ZONECTL=build/asan/cmd/zonectl
"""
import argparse
import os
import random
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import harness
import malformed_test
from reload_test import write_zone, zone_text

ZONES = 40
RESENDS = 3


class Traffic(threading.Thread):
    """Asks one query at a time and checks every answer. The kernel may drop a datagram under load: it is sent again. A query that is never
    answered is lost."""

    def __init__(self, port, seed, over_tcp):
        super().__init__(daemon=True)
        self.port, self.rng, self.over_tcp = port, random.Random(seed), over_tcp
        self.stopping = threading.Event()
        self.asked = self.resent = 0
        self.wrong = []

    def check(self, name, qtype, answer):
        code = harness.rcode(answer)
        wanted = 5 if name.endswith(".nowhere") else 3 if name.startswith("missing") else 0
        if code != wanted:
            self.wrong.append(f"{name} {qtype}: RCODE {code}, want {wanted}")

    def question(self):
        zone = f"z{self.rng.randrange(ZONES)}.test"
        return self.rng.choice([("www." + zone, "A"), ("x.y.wild." + zone, "TXT"), ("missing." + zone, "A"), (zone, "SOA"), (zone, "NS"),
                                ("wild." + zone, "A"), ("www.test.nowhere", "A")])

    def run(self):
        try:
            if self.over_tcp:
                self.run_tcp()
            else:
                self.run_udp()
        except Exception as error:  # pylint: disable=broad-except  # told by the main thread
            self.wrong.append(repr(error))

    def run_udp(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((harness.ADDRESS, self.port))
            s.settimeout(2)
            while not self.stopping.is_set():
                name, qtype = self.question()
                ident = self.rng.randrange(65536)
                message = harness.encode_query(name, qtype, ident, self.rng.choice([None, 1232, 4096]), self.rng.random() < 0.3)
                for attempt in range(RESENDS + 1):
                    s.send(message)
                    try:
                        answer = s.recv(65535)
                        while answer[:2] != message[:2]:
                            answer = s.recv(65535)
                        self.check(name, qtype, answer)
                        break
                    except TimeoutError:
                        self.resent += 1
                        if attempt == RESENDS:
                            self.wrong.append(f"{name} {qtype} is lost")
                self.asked += 1

    def run_tcp(self):
        while not self.stopping.is_set():
            with socket.create_connection((harness.ADDRESS, self.port), 10) as s:
                questions = [self.question() for _ in range(self.rng.choice([1, 10, 50]))]
                s.sendall(b"".join(struct.pack(">H", len(m)) + m for m in (harness.encode_query(n, t, i) for i, (n, t) in enumerate(questions))))
                for _ in questions:
                    size = harness.read_exactly(s, 2)
                    answer = harness.read_exactly(s, struct.unpack(">H", size)[0]) if size else None
                    if not answer:
                        self.wrong.append("a TCP connection ended before its answers")
                        break
                    self.check(*questions[struct.unpack(">H", answer[:2])[0]], answer)
                    self.asked += 1


class Noise(threading.Thread):
    """Malformed packets and connections."""

    def __init__(self, port, seed):
        super().__init__(daemon=True)
        self.port, self.rng = port, random.Random(seed)
        self.stopping = threading.Event()
        self.sent = 0

    def run(self):
        seeds = malformed_test.seeds() + list(malformed_test.crafted())[:-1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((harness.ADDRESS, self.port))
            while not self.stopping.is_set():
                for _ in range(50):
                    s.send(malformed_test.mutated(self.rng, seeds))
                malformed_test.fuzz_tcp(self.port, self.rng, [malformed_test.mutated(self.rng, seeds) for _ in range(10)])
                self.sent += 60


def resident(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) * 1024


def sanitized():
    """A sanitizer keeps freed memory back on purpose; it looks for leaks itself."""
    libraries = subprocess.run(["ldd", harness.zonectl_binary()], stdout=subprocess.PIPE, text=True, check=True).stdout
    return "libasan" in libraries or "libtsan" in libraries


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=float, default=20)
    p.add_argument("--seed", type=int, default=1)
    o = p.parse_args()
    rng = random.Random(o.seed)
    with tempfile.TemporaryDirectory(prefix="zonectl-soak-") as data:
        harness.write_data_set(data, {f"z{i}.test": zone_text(f"z{i}.test", 1, "192.0.2.1") for i in range(ZONES)})
        with harness.Zonectl(data, workers=2) as server:
            server.start()
            traffic = [Traffic(server.port, o.seed + i, over_tcp=i % 2 == 1) for i in range(4)]
            noise = Noise(server.port, o.seed)
            for thread in (*traffic, noise):
                thread.start()
            end = time.monotonic() + o.seconds
            settle = time.monotonic() + o.seconds / 3
            reloads, serial, settled = 0, 1, None
            while time.monotonic() < end:
                serial += 1
                for zone in rng.sample(range(ZONES), 10):
                    write_zone(data, f"z{zone}.test", serial, f"192.0.2.{serial % 256}")
                if rng.random() < 0.2:
                    with open(os.path.join(data, "zones", f"z{rng.randrange(ZONES)}.test.zone"), "a", encoding="ascii") as f:
                        f.write("broken A nowhere\n")
                if rng.random() < 0.3:
                    server.process.send_signal(signal.SIGHUP)
                else:
                    done = server.run("reload", check=False)
                    harness.expect(done.returncode in (0, 1), f"reload works: {done.stderr}")
                reloads += 1
                if settled is None and time.monotonic() > settle:
                    settled = resident(server.process)
                harness.expect(server.process.poll() is None, f"it still runs: {server.log()[-4000:]}")
            grown = resident(server.process)
            for thread in (*traffic, noise):
                thread.stopping.set()
            for thread in (*traffic, noise):
                thread.join(60)
            wrong = [w for t in traffic for w in t.wrong]
            harness.expect(not wrong, f"no answer is wrong or lost: {len(wrong)}, {wrong[:5]}")
            code = server.stop()
            log = server.log()
            harness.expect(code == 0, f"it ends with 0, was {code}: {log[-4000:]}")
            harness.expect("Sanitizer" not in log and "runtime error" not in log, f"the sanitizers say nothing: {log[-4000:]}")
            if settled is not None and not sanitized():
                harness.expect(grown < settled * 1.3 + (16 << 20), f"memory does not grow: {settled >> 20} MiB after a third, {grown >> 20} MiB at the end")
    print(f"{sum(t.asked for t in traffic)} queries checked ({sum(t.resent for t in traffic)} sent again), {noise.sent} malformed, {reloads} reloads, "
          f"RSS {0 if settled is None else settled >> 20} to {grown >> 20} MiB")


if __name__ == "__main__":
    main()
