#!/usr/bin/env python3
"""Unbounded things do not hold up a node: zone files that are no regular files, includes without end, a zone larger than memory, a log
that nobody reads, a disk that hangs. The other zones are answered, a reload comes back, SIGTERM ends the node within its drain time.
SIGUSR1 and SIGUSR2 do not end it."""
import argparse
import fcntl
import os
import resource
import signal
import subprocess
import tempfile
import time

import harness

GOOD = "$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.53\n"
DRAIN = 2
END_SECONDS = 10  # DRAIN, and time that a loaded machine needs


def is_served(server, apex):
    answer = harness.ask_udp(server.port, harness.encode_query(apex), 5)
    return answer is not None and harness.rcode(answer) == 0


def put(data, apex, text):
    path = os.path.join(data, "zones", apex + ".zone")
    with open(path + ".new", "w", encoding="ascii") as f:
        f.write(text)
    os.replace(path + ".new", path)


def add(data, apex, text):
    put(data, apex, text)
    with open(os.path.join(data, "zones.list"), "a", encoding="ascii") as f:
        f.write(f"{apex}\tzones/{apex}.zone\n")


def expect_log(server, text):
    """The log is written by a thread of its own."""
    harness.wait_until(lambda: text in server.log(), 20, f"the log says '{text}'")


def expect_end(process, what):
    process.send_signal(signal.SIGTERM)
    harness.expect(harness.sleep_until_ended(process, END_SECONDS), f"SIGTERM ends the node {what}")


def check_includes(data):
    zones = os.path.join(data, "zones")
    os.mkfifo(os.path.join(zones, "pipe"))
    for i in range(1, 16):
        with open(os.path.join(zones, f"i{i}"), "w", encoding="ascii") as f:
            f.write(f"$INCLUDE i{i + 1}\n" * 3)
    with open(os.path.join(zones, "i16"), "w", encoding="ascii") as f:
        f.write("; nothing\n")
    with harness.Zonectl(data, flags=["--drain", str(DRAIN)]) as server:
        server.start()
        for apex, name in (("pipe.test", "pipe"), ("zero.test", "/dev/zero"), ("folder.test", "."), ("many.test", "i1")):
            add(data, apex, GOOD + f"$INCLUDE {name}\n")
        done = server.run("reload", check=False)
        harness.expect(done.returncode == 1, f"the reload says that zones are bad: {done}")
        for wanted in ("zones/pipe: not a regular file", "/dev/zero: not a regular file", "zones/.: not a regular file", "more than 10000 for one zone"):
            expect_log(server, wanted)
        harness.expect(is_served(server, "good.test"), "the good zone is answered")
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            server.process.send_signal(number)
        harness.expect(is_served(server, "good.test"), "and still is after SIGUSR1 and SIGUSR2")
        expect_end(server.process, "after a reload of bad files")
        harness.expect(server.process.returncode == 0, f"exit code 0, was {server.process.returncode}")
    for apex in ("pipe.test", "zero.test", "folder.test", "many.test"):
        path = os.path.join(zones, apex + ".zone")
        done = subprocess.run([harness.zonectl_binary(), "zone", "check", path], stdout=subprocess.PIPE, text=True, check=False, timeout=60)
        harness.expect(done.returncode == 1, f"zone check has the same limits, was {done}")


def check_memory(data):
    with harness.Zonectl(data, flags=["--load-threads", "1", "--drain", str(DRAIN)]) as server:
        server.start()
        with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as f:
            used = int(f.read().split()[0]) * resource.getpagesize()
        limit = used + (60 << 20)
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, limit))
        # Within the limits of a zone, and more than there is.
        add(data, "large.test", GOOD + "$GENERATE 1-400000 a-name-that-is-not-so-short-$ TXT \"" + "x" * 150 + "\"\n")
        add(data, "later.test", GOOD)
        done = server.run("reload", check=False)
        harness.expect(done.returncode == 1, f"the reload says that a zone is bad: {done}")
        expect_log(server, "no memory for this zone")
        harness.expect(is_served(server, "good.test") and is_served(server, "later.test"), "the others are answered")
        expect_end(server.process, "after a zone that was too large")


def check_unread_log(data):
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with harness.Zonectl(data, flags=["--drain", str(DRAIN)]) as server:
        process = subprocess.Popen(server.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writing, cwd=server.work)
        try:
            harness.wait_until(lambda: is_served(server, "good.test"), 60, "the node serves")
            for _ in range(50):
                harness.expect(server.run("reload").returncode == 0, "a reload comes back, whoever reads the log")
            harness.expect(is_served(server, "good.test"), "answers go on")
            expect_end(process, "whose log is not read")
            harness.expect(process.returncode == 0, f"exit code 0, was {process.returncode}")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    os.close(reading)
    os.close(writing)


def check_hung_disk(data, preload):
    with harness.Zonectl(data, flags=["--drain", str(DRAIN)], preload=preload) as server:
        server.start()
        with open(os.path.join(data, "zones.list"), "a", encoding="ascii") as f:
            f.write("hung.test\tzones/hung.test.hangs\n")
        server.process.send_signal(signal.SIGHUP)
        expect_log(server, "a disk hangs")
        harness.expect(is_served(server, "good.test"), "answers go on while a disk hangs")
        begun = time.monotonic()
        expect_end(server.process, "whose disk hangs")
        expect_log(server, "ends_without_waiting")
        harness.expect(not os.path.exists(server.control), "the control socket is not left behind")
        print(f"a node whose disk hangs ended after {time.monotonic() - begun:.1f} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hung-disk", required=True)
    args = parser.parse_args()
    for check in (check_includes, check_memory, check_unread_log, lambda data: check_hung_disk(data, args.hung_disk)):
        with tempfile.TemporaryDirectory(prefix="zonectl-bounds-") as data:
            harness.write_data_set(data, {"good.test": GOOD})
            check(data)
    print("nothing without a bound holds up a node")


if __name__ == "__main__":
    main()
