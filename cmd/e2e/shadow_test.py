#!/usr/bin/env python3
"""zonectl shadow before NSD, with a zonectl node beside it: clients get NSD's answers whatever becomes of the node and of the results."""
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import harness

ZONES = 20


def write_zones(folder, address):
    """A data set for every server; `address` is what www has."""
    zones = {f"z{i}.test.": f"$TTL 300\n@ SOA ns hostmaster 1 7200 900 86400 300\n@ NS ns\nns A 192.0.2.1\nwww A {address}\nlong TXT " + " ".join([f'"{"x" * 200}"'] * 12) + "\n" for i in range(ZONES)}
    harness.write_data_set(folder, zones)
    return folder


class Front:
    """A front on a port that the system chose: no other test of this machine can have it."""

    def __init__(self, work, old, new, *flags):
        self.results = os.path.join(work, "results.db")
        self.process = subprocess.Popen([harness.zonectl_binary(), "shadow", "--listen", f"{harness.ADDRESS}:0", "--old", f"{harness.ADDRESS}:{old}", "--new",
                                         f"{harness.ADDRESS}:{new}", "--results", self.results, "--answer-timeout", "500", "--json", *flags], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        said = ""
        for line in self.process.stderr:
            said += line
            if listening := re.search(r"listening at [^ ,]*:(\d+)", line):
                self.port = int(listening[1])
                break
        else:
            raise AssertionError(f"the front does not listen, exit code {self.process.wait(20)}: {said}")
        harness.wait_until(lambda: harness.ask_udp(self.port, harness.encode_query("z0.test."), 0.3), 20, "the front answers")

    def end(self, code):
        self.process.send_signal(signal.SIGTERM)
        out, error = self.process.communicate(timeout=60)
        harness.expect(self.process.returncode == code, f"exit code {self.process.returncode}, wanted {code}: {out[-500:]}{error[-1000:]}")
        return json.loads(out.splitlines()[-1]) if out.strip() else error


def ask_many(port, count, at_hundreds=None):
    """Asks one after the other; gives how many got their answer, with the right ID. `at_hundreds` is told how many were asked."""
    answered = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((harness.ADDRESS, port))
        s.settimeout(2)
        for i in range(count):
            query = harness.encode_query(f"www.z{i % ZONES}.test.", "A", ident=i % 65536)
            s.send(query)
            answer = s.recv(4096)
            answered += answer[:2] == query[:2] and harness.rcode(answer) == 0
            if at_hundreds and (i + 1) % 100 == 0:
                at_hundreds(i + 1)
    return answered


def check_counts(counts):
    harness.expect(counts["asked"] == counts["compared"] + counts["timed_out"] + counts["dropped"] + counts["malformed"], f"counts add up: {counts}")


def test_passes_on(work, old, new):
    """Answers through the front are NSD's, over UDP and TCP; nothing differs."""
    front = Front(work, old.port, new.port)
    for tcp in ([], ["+tcp"]):
        for name, kind in (("www.z1.test.", "A"), ("missing.z1.test.", "A"), ("long.z2.test.", "TXT")):
            asked = [subprocess.run(["kdig", f"@{harness.ADDRESS}", "-p", str(port), "+norec", "+nocomments", "+nostats", "+noheader", *tcp, name, kind], stdout=subprocess.PIPE, text=True, check=True,
                                    timeout=20).stdout for port in (old.port, front.port)]
            harness.expect(asked[0] == asked[1], f"{name} {kind} {tcp}: the old server's answer: {asked}")
    harness.expect(ask_many(front.port, 500) == 500, "every query is answered")
    time.sleep(1.5)
    report = front.end(0)
    check_counts(report["counts"])
    harness.expect(report["counts"]["same"] >= 500 and report["counts"]["unexplained"] == 0, f"{report['counts']}")
    harness.expect(report["front"]["queries"] == report["front"]["answers"], f"{report['front']}")


def test_new_server_dies(work, old, data):
    """Stopped, then killed in the middle of it: no client notices."""
    new = harness.Zonectl(data)
    new.start()
    front = Front(work, old.port, new.port)

    def stop_halfway(asked):
        # Comparing gives way to clients: on a busy machine the new server is asked much later than the old one.
        if asked <= 1000:
            harness.wait_until(lambda: json.loads(new.run("status", "--json").stdout)["queries"]["udp"] >= asked, 60, f"the new server has got {asked} questions")
        if asked == 1000:
            new.process.send_signal(signal.SIGSTOP)

    harness.expect(ask_many(front.port, 2000, stop_halfway) == 2000, "answered while the new server stands still")
    new.process.kill()
    new.process.wait()
    harness.expect(ask_many(front.port, 1000) == 1000, "answered when it is gone")
    time.sleep(1.5)
    report = front.end(1)
    counts = report["counts"]
    check_counts(counts)
    # Comparisons for which a busy machine has no time are dropped, and counted.
    harness.expect(counts["same"] >= 900 and counts["timed_out"] >= 100 and counts["timed_out"] + counts["dropped"] >= 1900,
                   f"what the new server did not answer is told: {counts}")
    with sqlite3.connect(f"file:{front.results}?mode=ro", uri=True) as db:
        harness.expect(db.execute("PRAGMA integrity_check").fetchone()[0] == "ok", "the results are whole")


def test_difference(work, old, folder):
    """Other data on the new server: found, and clients still get the old."""
    with harness.Zonectl(write_zones(folder, "192.0.2.99")) as new:
        new.start()
        front = Front(work, old.port, new.port)
        harness.expect(ask_many(front.port, 200) == 200, "every query is answered")
        time.sleep(2.5)
        report = front.end(1)
    check_counts(report["counts"])
    harness.expect(report["counts"]["unexplained"] == 200, f"{report['counts']}")
    harness.expect(report["cases"] == 1, f"one cause, one case: {report['top_cases']}")


def test_full_disk(work, old, new):
    """Results that cannot be written end the comparing, not the answering."""
    if os.geteuid() != 0:
        return "skipped: only root may mount a small disk"
    disk = os.path.join(work, "disk")
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", disk], check=True)
    try:
        front = Front(disk, old.port, new.port)
        with open(os.path.join(disk, "filler"), "wb") as f:
            try:
                f.write(b"x" * 400_000)
                f.flush()
            except OSError:
                pass
        deadline = time.monotonic() + 20
        told = threading.Event()
        threading.Thread(target=lambda: [told.set() for line in front.process.stderr if "clients are still answered" in line], daemon=True).start()
        while not told.is_set() and time.monotonic() < deadline:
            harness.expect(ask_many(front.port, 50) == 50, "answered on a full disk")
        harness.expect(told.is_set(), "it is told that the results are full")
        harness.expect(ask_many(front.port, 200) == 200, "answered without results")
        front.process.send_signal(signal.SIGTERM)
        harness.expect(front.process.wait(30) == 2, "could not compare: exit code 2")
    finally:
        subprocess.run(["umount", disk], check=True)
    return None


def test_wrong_use(work, old):
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.bind((harness.ADDRESS, 0))
    taken.listen()
    port = taken.getsockname()[1]
    for flags, words in ((["--listen", f"{harness.ADDRESS}:{port}", "--old", f"{harness.ADDRESS}:{old.port}", "--new", "127.0.0.1:1"], "in use"),
                         (["--listen", f"{harness.ADDRESS}:0", "--old", f"{harness.ADDRESS}:{old.port}"], "--new"),
                         (["--listen", f"{harness.ADDRESS}:0", "--old", "store:zones.db", "--new", "127.0.0.1:1"], "ADDRESS")):
        ended = subprocess.run([harness.zonectl_binary(), "shadow", *flags, "--results", f"{work}/unused.db"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
        harness.expect(ended.returncode == 2 and words in ended.stderr, f"{flags}: {ended.returncode}: {ended.stderr}")
    taken.close()


def main():
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-shadow-") as work:
        data = write_zones(f"{work}/data", "192.0.2.80")
        with harness.Nsd(data) as old:
            old.start()
            with harness.Zonectl(data) as new:
                new.start()
                for test in (test_passes_on, test_full_disk):
                    os.mkdir(f"{work}/{test.__name__}")
                    skipped = test(f"{work}/{test.__name__}", old, new)
                    print(test.__name__ + (f": {skipped}" if skipped else ""), flush=True)
            os.mkdir(f"{work}/dies")
            test_new_server_dies(f"{work}/dies", old, data)
            print("test_new_server_dies", flush=True)
            os.mkdir(f"{work}/difference")
            test_difference(f"{work}/difference", old, f"{work}/other")
            print("test_difference", flush=True)
            test_wrong_use(work, old)
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
