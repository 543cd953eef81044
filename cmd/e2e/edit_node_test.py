"""A running node is changed from the command line: what is answered is served, and outlives kill -9."""
import contextlib
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

import harness


def run(*args, code=0, stdin=None):
    ended = subprocess.run([harness.zonectl_binary(), *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                           env={"PATH": "/usr/bin:/bin", "ZONECTL_CONFIG": "/dev/null"})
    if ended.returncode != code:
        raise AssertionError(f"{args}: exit code {ended.returncode}, wanted {code}: {ended.stdout[-500:]}{ended.stderr[-2000:]}")
    return ended.stdout if code == 0 else ended.stderr


class Node:
    def __init__(self, work, store):
        self.port = harness.free_port()
        self.control = work + "/control"
        with open(work + "/log", "ab") as log:
            self.process = subprocess.Popen([harness.zonectl_binary(), "serve", "--store", store, "--listen", f"{harness.ADDRESS}:{self.port}",  # pylint: disable=consider-using-with
                                             "--control", self.control, "--workers", "1"], stdout=log, stderr=log)
        harness.wait_until(lambda: self.process.poll() is not None or self.rcode("no.test.", "SOA") is not None, 20, "a start")
        assert self.process.poll() is None, "the node does not start"

    def rcode(self, name, qtype):
        answer = harness.ask_udp(self.port, harness.encode_query(name, qtype), 0.5)
        return None if answer is None else harness.rcode(answer)

    def answers(self, name, qtype="A"):
        answer = harness.ask_udp(self.port, harness.encode_query(name, qtype), 2)
        return None if answer is None or harness.rcode(answer) != 0 else int.from_bytes(answer[6:8], "big")

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(20)


def main():
    work = tempfile.mkdtemp(prefix="zonectl-e2e-edit-node-")
    node = None
    try:
        store, other = work + "/s", work + "/other"
        run("store", "create", store)
        run("store", "create", other)
        node = Node(work, store)
        flags = ["--store", store, "--control", node.control]
        assert run("zone", "create", "a.example", "--ns", "ns.b.example", *flags) == "a.example. serial 1, version 2\n"
        assert node.answers("a.example.", "NS") == 1
        assert node.answers("www.a.example.") is None
        run("record", "add", "a.example", "www", "A", "192.0.2.1", "192.0.2.2", *flags)
        assert node.answers("www.a.example.") == 2
        assert "did you mean a.example.?" in run("record", "add", "www.a.example", "@", "A", "192.0.2.1", *flags, code=1)
        assert "has CNAME and A" in run("record", "add", "a.example", "www", "CNAME", "b.example.", "--control", node.control, code=1)
        assert run("record", "rm", "a.example", "www", "A", "--dry-run", *flags) == "a.example. would have serial 2 -> 3\n"
        assert node.answers("www.a.example.") == 2
        run("record", "rm", "a.example", "www", "A", *flags)
        assert node.answers("www.a.example.") is None
        items = [json.loads(line) for line in run("zone", "history", "a.example", "--store", store, "--json").splitlines()]
        assert [item["version"] for item in items] == [4, 3, 2] and items[0]["where"] == "control socket", items
        assert run("zone", "revert", "a.example", "3", *flags) == "a.example. serial 3 -> 4, version 5\n"
        assert node.answers("www.a.example.") == 2
        # Another store that somebody has open is not changed by this node, nor a copy of its own, which has the same id.
        copy = other + "-copy"
        with contextlib.closing(sqlite3.connect(store)) as database, contextlib.closing(sqlite3.connect(copy)) as into:
            database.backup(into)
        for path in (other, copy):
            with open(path + "-node", "wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                assert "another file" in run("zone", "create", "x.example", "--store", path, "--control", node.control, code=1)
        count = 3000
        lines = "".join(f"zone create z{i}.example\nrecord add z{i}.example www A 192.0.2.1\n" for i in range(count))
        started = time.monotonic()
        answers = [json.loads(line) for line in run("change", "-f", "-", "--each", "--json", *flags, stdin=lines).splitlines()]
        print(f"{2 * count} lines in {time.monotonic() - started:.2f} s")
        assert [a["line"] for a in answers] == list(range(1, 2 * count + 1)) and all(a["outcome"] == "applied" for a in answers)
        assert node.answers(f"www.z{count - 1}.example.") == 1
        node.end(signal.SIGKILL)
        node = Node(work, store)
        assert node.answers("www.a.example.") == 2 and all(node.answers(f"www.z{i}.example.") == 1 for i in range(0, count, 100))
        node.end(signal.SIGTERM)
        assert node.process.returncode == 0
        node = None
        assert run("zone", "delete", "z7.example", "--store", store) == "z7.example. removed\n"
        run("store", "check", "--store", store)
    finally:
        if node is not None:
            node.end(signal.SIGKILL)
        if os.environ.get("KEEP") is None:
            shutil.rmtree(work, ignore_errors=True)
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
