#!/usr/bin/env python3
"""zonectl diff reads the dnstap of Knot, NSD and BIND: live over a Unix socket, and from a file if the server writes one. Every query is
compared with the answer that the server gave, and the one answer that differs on the new server is found.

Debian 12 builds all three with dnstap: Knot's is a module of its own package (knot-module-dnstap); NSD writes to sockets only.
"""
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

import harness

ZONES = 10
QUERIES = 200  # with their answers fewer than 512 frames: a server's writer loses what its queue does not hold, on a machine that is busy


def data_of(folder, address):
    zones = {f"z{i}.test.": f"$TTL 300\n@ SOA ns hostmaster 1 7200 900 86400 300\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.80\nalias CNAME www\n*.w TXT \"wild\"\na.ent A 192.0.2.2\n"
                            f"sub NS ns.sub\nns.sub A 192.0.2.3\nlong TXT " + " ".join([f'"{"x" * 200}"'] * 4) + "\n" for i in range(ZONES)}
    zones["z0.test."] += f"moved A {address}\n"
    harness.write_data_set(folder, zones)
    return folder


class Knot(harness.Knot):
    sink = ""
    queries = "on"

    def command(self):
        argv = super().command()
        with open(self.path("knot.conf"), encoding="ascii") as f:
            text = f.read()
        self.write("knot.conf", text.replace("template:\n  - id: default\n", f"mod-dnstap:\n  - id: tap\n    sink: \"{self.sink}\"\n    log-queries: {self.queries}\n    log-responses: on\n"
                                                                             "template:\n  - id: default\n    global-module: mod-dnstap/tap\n"))
        return argv

    def tap(self, path, live):
        self.sink = ("unix:" if live else "") + path


class KnotAnswers(Knot):
    """Writes nothing but its answers."""
    name = "knot, answers alone"
    queries = "off"


class Nsd(harness.Nsd):
    socket = ""

    def command(self):
        argv = super().command()
        with open(self.path("nsd.conf"), "a", encoding="ascii") as f:
            f.write(f"dnstap:\n\tdnstap-enable: yes\n\tdnstap-socket-path: \"{self.socket}\"\n\tdnstap-log-auth-query-messages: yes\n\tdnstap-log-auth-response-messages: yes\n")
        return argv

    def tap(self, path, live):
        assert live
        self.socket = path


class Bind(harness.Bind):
    """Where RD is set it calls a query AUTH_QUERY and the answer to it CLIENT_RESPONSE."""
    output = ""

    def command(self):
        argv = super().command()
        with open(self.path("named.conf"), encoding="ascii") as f:
            text = f.read()
        self.write("named.conf", text.replace("options {\n", f"options {{\n\tdnstap {{ auth; client; }};\n\tdnstap-output {self.output};\n"))
        return argv

    def tap(self, path, live):
        self.output = f'{"unix" if live else "file"} "{path}"'


def ask_all(port):
    """QUERIES questions over UDP and TCP, `moved` among them once; every one is answered."""
    names = ["www", "alias", "q.w", "ent", "nothing", "host.sub", "long"]
    for i in range(QUERIES - 1):
        message = harness.encode_query(f"{names[i % len(names)]}.z{i % ZONES}.test.", ["A", "TXT", "AAAA"][i % 3], ident=i, edns=1232 if i % 2 else None, rd=i % 3 == 0)
        answer = harness.ask_tcp(port, message) if i % 11 == 0 else harness.ask_udp(port, message, 3)
        harness.expect(answer is not None, f"question {i} is answered")
    harness.expect(harness.ask_udp(port, harness.encode_query("moved.z0.test.", "A", ident=7), 3) is not None, "the last question is answered")


def read_so_far(results):
    if not os.path.exists(results):
        return 0
    with sqlite3.connect(f"file:{results}?mode=ro", uri=True) as db:
        try:
            row = db.execute("SELECT position FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        except sqlite3.OperationalError:
            return 0
    return row[0] if row else 0


def check(name, how, report, cases, probes):
    counts = report["counts"]
    # The harness asks each zone's SOA until it has an answer, before the server has reached the socket perhaps.
    harness.expect(QUERIES <= counts["asked"] <= QUERIES + 5 * ZONES + probes, f"{name}, {how}: every query and nothing else is read: {counts}")
    harness.expect(counts["asked"] == counts["compared"] and counts["timed_out"] == counts["malformed"] == counts["dropped"] == 0, f"{name}, {how}: every one compared: {counts}")
    harness.expect(counts["same"] == counts["compared"] - 1 and counts["unexplained"] == 1, f"{name}, {how}: one differs: {counts}")
    alone = counts["asked"] if "alone" in name else 0
    harness.expect(report["from_answers"] == alone and report["skipped"].get("orphan", 0) == 0, f"{name}, {how}: {alone} questions out of answers: {report['from_answers']}, {report['skipped']}")
    found = [(case["what"], case["where"], case["verdict"], case["example"]) for case in cases]
    harness.expect(found == [("answer", "exact", "new wrong", "moved.z0.test. A")], f"{name}, {how}: it is found and judged: {found}")
    print(f"{name}, {how}: {counts['asked']} queries and answers read, {counts['compared']} compared, the one that differs found", flush=True)


def compare(old, new, live, work, store):
    tap, results = f"{work}/tap", f"{work}/results.db"
    source = ["--dnstap", tap] if live else [tap]
    probes = []
    command = [harness.zonectl_binary(), "diff", *source, "--old", "recorded", "--new", f"{harness.ADDRESS}:{new.port}", "--zone-data", store, "--results", results, "--json",
               "--answer-timeout", "5000"]
    old.tap(tap, live)
    if live:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                harness.wait_until(lambda: os.path.exists(tap), 20, "it listens")
                with old:
                    old.start()
                    harness.wait_until(lambda: old_reached(old, results, probes), 60, f"{old.name} writes to the socket")
                    seen = read_so_far(results)
                    ask_all(old.port)
                    harness.wait_until(lambda: read_so_far(results) >= QUERIES + seen, 60, f"what {old.name} writes is read")
                process.send_signal(signal.SIGINT)
                out, error = process.communicate(timeout=60)
            finally:
                process.kill()
        code = process.returncode
    else:
        with old:
            old.start()
            ask_all(old.port)
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
        out, error, code = ended.stdout, ended.stderr, ended.returncode
    harness.expect(code == 1, f"{old.name}: a difference is exit code 1, found {code}: {out[-500:]}{error[-1000:]}")
    listed = subprocess.run([harness.zonectl_binary(), "diff", "list", "--results", results, "--json"], stdout=subprocess.PIPE, text=True, check=True)
    check(old.name, "over its Unix socket" if live else "from its file", json.loads(out), json.loads(listed.stdout)["cases"], len(probes))


def old_reached(old, results, probes):
    """Asks until something arrives: the server's writer goes to the socket in its own time."""
    time.sleep(0.1)
    probes.append(harness.ask_udp(old.port, harness.encode_query("z1.test."), 1))
    return read_so_far(results) > 0


def main():
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-dnstap-") as work:
        os.chmod(work, 0o755)
        data = data_of(f"{work}/old", "192.0.2.10")
        subprocess.run([harness.zonectl_binary(), "import", f"{data}/zones", "--store", f"{work}/zones.db"], check=True, stdout=subprocess.DEVNULL)
        with harness.Zonectl(data_of(f"{work}/new", "192.0.2.11")) as new:
            new.start()
            for make, live in ((Knot, True), (Knot, False), (KnotAnswers, False), (Nsd, True), (Bind, True), (Bind, False)):
                with tempfile.TemporaryDirectory(dir=work) as folder:
                    os.chmod(folder, 0o755)
                    compare(make(data), new, live, folder, f"{work}/zones.db")
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
