#!/usr/bin/env python3
"""zonectl diff between NSD and Knot on small tricky zones. It finds and judges the differences by name, and nothing else. A run that is
stopped or killed goes on to exactly the totals of one that was not. Exit codes, pipes and wrong flags."""
import argparse
import gzip
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import harness
from diff_peers_test import OTHER_DATA
from harness import expect

# A zone that the two servers have in two versions: each line is a difference that has to be found.
PLANTED = """$TTL 3600
@ SOA ns hostmaster 1 7200 900 86400 60
@ NS ns
ns A 192.0.2.1
same A 192.0.2.2
www A {www}
ttl {ttl} TXT "a"
deep.below.ent A 192.0.2.3
{wildcard}
{alias} CNAME same
"""
OLD = {"www": "192.0.2.10", "ttl": "300", "wildcard": "*.w TXT \"here\"", "alias": "a1"}
NEW = {"www": "192.0.2.11", "ttl": "301", "wildcard": "v TXT \"not here\"", "alias": "a2"}
APEX = "planted.example."
# question: (what, where) by the zone data of the old side, so that always the new one is wrong
WANTED = {f"www.{APEX} A": ("answer", "exact"), f"ttl.{APEX} TXT": ("TTL", "exact"), f"x.w.{APEX} TXT": ("rcode", "wildcard"),
          f"a1.{APEX} A": ("rcode", "cname-chain")}
ALIKE = [f"same.{APEX} A", f"below.ent.{APEX} A", f"ns.{APEX} A", f"nothing.{APEX} A do", f"{APEX} SOA tcp"]
TOTALS = ("asked", "compared", "timed_out", "dropped", "malformed", "same", "explained", "unexplained", "by_verdict", "by_what", "by_where")


def zonectl(*args, code=0, stdin=None):
    """Runs a verb, checks its exit code, gives stdout (stderr for code 2)."""
    ended = subprocess.run([harness.zonectl_binary(), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
                           input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL)
    expect(ended.returncode == code, f"{args}: exit code {code}, found {ended.returncode}: {ended.stdout[-1500:]}{ended.stderr[-2000:]}")
    return ended.stderr if code == 2 else ended.stdout


def add_zone(directory, apex, text):
    path = f"zones/{apex}zone"
    with open(os.path.join(directory, path), "w", encoding="ascii") as f:
        f.write(text)
    for name, line in (("zones.list", f"{apex}\t{path}\n"), ("knot.zones.conf", f'  - domain: "{apex}"\n    file: "{path}"\n'),
                       ("nsd.zones.conf", f'zone:\n\tname: "{apex}"\n\tzonefile: "{path}"\n')):
        with open(os.path.join(directory, name), "a", encoding="ascii") as f:
            f.write(line)


def make_data(work, seed):
    """Both data sets, the store of the old one, and the questions. Gives their number."""
    subprocess.run([sys.executable, os.path.join(harness.HERE, "gen_tricky.py"), "--out", work + "/old", "--groups", "4", "--seed", str(seed),
                    "--queries", "1500"], check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(work + "/old", work + "/new")
    add_zone(work + "/old", APEX, PLANTED.format(**OLD))
    add_zone(work + "/new", APEX, PLANTED.format(**NEW))
    zonectl("import", work + "/old/zones.list", "--store", work + "/zones.db")
    with open(work + "/old/queries.txt", encoding="ascii") as f:
        lines = [re.sub(r" ad\b", "", line.rstrip("\n")) for line in f]
    lines += list(WANTED) * 3 + ALIKE * 5
    random.Random(seed).shuffle(lines)
    with open(work + "/queries.txt", "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")
    return len(lines)


class Run:
    """The arguments of a comparison."""

    def __init__(self, work, old, new):
        self.work = work
        self.sides = ["--old", f"127.0.0.1:{old.port}", "--new", f"127.0.0.1:{new.port}", "--zone-data", work + "/zones.db"]

    def args(self, results, *more, source=None):
        # A busy machine may let a server wait: that is not tested here.
        return ["diff", source or self.work + "/queries.txt", *self.sides, "--results", f"{self.work}/{results}", "--answer-timeout", "8000",
                "--window", "32", *more]

    def counts(self, results):
        with sqlite3.connect(f"file:{self.work}/{results}?mode=ro", uri=True) as db:
            return db.execute("SELECT position, tally FROM runs ORDER BY id DESC LIMIT 1").fetchone() or (0, "")


def totals(report):
    return {key: report["counts"][key] for key in TOTALS}


def test_differences_by_name(run, questions):
    report = json.loads(zonectl(*run.args("a.db", "--json"), code=1))
    counts = report["counts"]
    expect(counts["asked"] == questions, f"{questions} asked, found {counts['asked']}")
    expect(counts["asked"] == counts["compared"] + counts["timed_out"] + counts["dropped"] + counts["malformed"], f"sums: {counts}")
    expect(counts["timed_out"] == counts["dropped"] == counts["malformed"] == 0, f"every question compared: {counts}")
    cases = json.loads(zonectl("diff", "list", "--results", run.work + "/a.db", "--json"))["cases"]
    expect(sum(case["count"] for case in cases) == counts["explained"] + counts["unexplained"], "cases hold every difference")
    planted = {}
    for case in cases:
        for sample in json.loads(zonectl("diff", "show", str(case["case"]), "--samples", "20", "--results", run.work + "/a.db", "--json"))["shown"]:
            name = sample["question"].split(",")[0]
            if APEX in name:
                planted[name] = (case["what"], case["where"], case["verdict"])
    for name, (what, where) in WANTED.items():
        expect(planted.get(name) == (what, where, "new wrong"), f"{name}: {what}, {where}, new wrong; found {planted.get(name)}")
    expect(set(planted) == set(WANTED), f"only what was planted differs in {APEX}: {set(planted) - set(WANTED)}")
    # Except where NSD denies a name as a server with other data would.
    expect(all(case["verdict"] != "undecided" or OTHER_DATA in case["sentence"] for case in cases), f"zone data decides every difference: {cases}")
    # All other differences of NSD and Knot there are judged too: by the zone data, with a reason.
    expect(all(case["sentence"] for case in cases), f"every verdict has its reason: {cases}")
    expect(any(case["verdict"] == "both legal" and case["rule"] == "any-subset" for case in cases), "ANY is answered as each likes")
    return report, cases


def test_verbs(run, cases):
    results = ["--results", run.work + "/a.db"]
    wrong = next(case for case in cases if case["example"] == f"x.w.{APEX} TXT")
    number = str(wrong["case"])
    shown = zonectl("diff", "show", number, *results)
    expect(re.search(r"^  - .*NOERROR", shown, re.M) and re.search(r"^  \+ .*NXDOMAIN", shown, re.M), f"both sides are marked: {shown}")
    lines = re.findall(r"kdig @127\.0\.0\.1 -p \d+ .*", shown)
    expect(len(lines) == 2, f"a kdig line for each side: {shown}")
    answer = subprocess.run(lines[1], shell=True, stdout=subprocess.PIPE, text=True, check=True).stdout
    expect("NXDOMAIN" in answer, f"the kdig line shows it: {answer}")
    explained = zonectl("diff", "explain", number, *results)
    expect(f"*.w.{APEX}" in explained and "parts at step" in explained and "right" in explained, explained)
    expect("still different" in zonectl("diff", "replay", number, *results, code=1), "replay says that it still differs")
    zonectl("diff", "replay", number, *results, "--new", run.sides[1], code=0)
    script = zonectl("diff", "minimise", number, *results)
    expect(script.count("\nquery ") == 1 and "*" in script and " A 192.0.2" not in script, f"the smallest that differs: {script}")
    zonectl("diff", "report", run.work + "/report.html", *results)
    with open(run.work + "/report.html", encoding="utf-8") as f:
        page = f.read()
    expect(f"x.w.{APEX} TXT" in page and page.endswith("</html>\n") and len(page) < 1_000_000, "a page with every case")
    expect("no case 999" in subprocess.run([harness.zonectl_binary(), "diff", "show", "999", *results], stderr=subprocess.PIPE, text=True,
                                           check=False).stderr, "a case that is not there")
    before = json.loads(zonectl("diff", "accept", number, "--because", "planted", *results, "--json"))
    expect(before["accepted"] == "planted" and before["explained"], f"accepted: {before}")
    after = json.loads(zonectl("diff", "accept", number, "--undo", *results, "--json"))
    expect(after["unexplained"] == before["unexplained"] + wrong["count"], f"undone: {before} {after}")


def test_gates(run, report):
    unexplained = report["counts"]["unexplained"]
    zonectl(*run.args("gate.db", "--max-unexplained", str(unexplained)), code=0)
    zonectl(*run.args("gate.db", "--max-unexplained", str(unexplained - 1)), code=1)
    zonectl(*run.args("gate.db", "--max-unexplained", str(unexplained), "--require-clean", "72h"), code=1)
    # Every case accepted: clean.
    for case in json.loads(zonectl("diff", "list", "--unexplained", "--results", run.work + "/gate.db", "--json"))["cases"]:
        zonectl("diff", "accept", str(case["case"]), "--because", "known", "--results", run.work + "/gate.db")
    zonectl(*run.args("gate.db"), code=0)
    zonectl(*run.args("gate.db", "--strict", "--limit", "50"), code=1)
    # Another pair wants another file.
    error = zonectl("diff", run.work + "/queries.txt", "--old", run.sides[3], "--new", run.sides[1], "--results", run.work + "/gate.db", code=2)
    expect("--results" in error, error)


def start_slow(run, results, questions, seconds, source=None):
    return subprocess.Popen([harness.zonectl_binary(), *run.args(results, "--rate", str(int(questions / seconds)), source=source)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_stop_and_resume(run, questions, wanted):
    process = start_slow(run, "stop.db", questions, 6)
    time.sleep(1.2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    expect(process.returncode == 2 and "interrupted" in error, f"stopped by Ctrl-C: {process.returncode} {error}")
    position, _ = run.counts("stop.db")
    expect(0 < position < questions, f"stopped in the middle: {position} of {questions}")
    report = json.loads(zonectl(*run.args("stop.db", "--json"), code=1))
    expect(report["resumed"] and report["run"] == 1, f"the same run goes on: {report}")
    expect(totals(report) == wanted, f"as if it had not been stopped: {totals(report)}, wanted {wanted}")
    report = json.loads(zonectl(*run.args("stop.db", "--json"), code=1))
    expect(not report["resumed"] and report["run"] == 2, "what has come to its end is not gone on with")


def test_kill_and_resume(run, seed):
    chance = random.Random(seed)
    source = run.work + "/many.txt"
    with open(run.work + "/queries.txt", encoding="ascii") as f, open(source, "w", encoding="ascii") as out:
        out.write(f.read() * 3)
    wanted = json.loads(zonectl(*run.args("whole.db", "--json", source=source), code=1))
    questions = wanted["counts"]["asked"]
    positions = [0]
    for _ in range(2):
        # Results are kept once a second, of some hundred questions at a time.
        process = start_slow(run, "kill.db", questions, 8, source)
        time.sleep(2.5 + chance.random())
        expect(process.poll() is None, "it still runs")
        process.kill()
        process.communicate(timeout=60)
        with sqlite3.connect(f"file:{run.work}/kill.db?mode=ro", uri=True) as db:
            expect(db.execute("PRAGMA integrity_check").fetchone()[0] == "ok", "the file is whole after kill -9")
        positions.append(run.counts("kill.db")[0])
    expect(positions == sorted(set(positions)) and positions[-1] < questions, f"killed in the middle, and gone on with: {positions} of {questions}")
    report = json.loads(zonectl(*run.args("kill.db", "--json", source=source), code=1))
    expect(report["run"] == 1 and report["resumed"], f"one run: {report}")
    expect(totals(report) == totals(wanted), f"as if it had not been killed: {totals(report)}, wanted {totals(wanted)}")


def test_terminal(run, questions):
    """On a terminal a screen is drawn in place, no larger than it, and wiped at the end."""
    master, slave = pty.openpty()
    subprocess.run(["stty", "rows", "24", "cols", "80"], stdin=slave, check=True)
    environment = dict(os.environ, TERM="xterm")
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen([harness.zonectl_binary(), *run.args("screen.db", "--rate", str(int(questions / 2)), "--fresh")], stdin=slave,
                               stdout=subprocess.PIPE, stderr=slave, env=environment)
    os.close(slave)
    drawn = b""
    out = b""
    while process.poll() is None or select.select([master], [], [], 0)[0]:
        ready = select.select([master], [], [], 0.1)[0]
        if ready:
            try:
                drawn += os.read(master, 65536)
            except OSError:
                break
    out = process.stdout.read()
    os.close(master)
    expect(process.wait() == 1, "exit code of differences")
    expect("compared" in drawn.decode() and b"\x1b[K" in drawn, f"a screen: {drawn!r}")
    expect(drawn.rstrip().endswith(b"\x1b[J"), f"wiped at the end: {drawn[-200:]!r}")
    for frame in drawn.split(b"\x1b[J"):
        expect(frame.count(b"\n") < 24, f"no higher than the terminal: {frame!r}")
    expect(b"comparisons a second" in out, "and the summary on stdout")


def test_pipes(run):
    with open(run.work + "/queries.txt", encoding="ascii") as f:
        text = f.read()
    report = json.loads(zonectl(*run.args("pipe.db", "--json", source="-"), code=1, stdin=text))
    expect(report["source"] == "stdin", f"questions from a pipe: {report}")
    packed = subprocess.run([harness.zonectl_binary(), *run.args("packed.db", "--json", source="-")], input=gzip.compress(text.encode()), stdout=subprocess.PIPE, check=False)
    expect(packed.returncode == 1 and totals(json.loads(packed.stdout)) == totals(report), f"the same questions, compressed: {packed}")
    with open(os.path.join(harness.ROOT, "testdata", "capture", "queries.pcap.gz"), "rb") as f:
        capture = f.read()
    for octets in (capture, gzip.decompress(capture)):
        ended = subprocess.run([harness.zonectl_binary(), "diff", "-", "--json", "--old", "recorded", *run.sides[2:4], "--results", run.work + "/capture.db"], input=octets,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        expect(json.loads(ended.stdout)["counts"]["compared"] == 1, f"a capture through a pipe: {ended}")
    lines = subprocess.run(f"'{harness.zonectl_binary()}' diff list --results '{run.work}/a.db' | head -1; exit ${{PIPESTATUS[0]}}", shell=True,
                           executable="/bin/bash", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    expect(lines.stdout.count("\n") == 1 and lines.stderr == "", f"a closed pipe is nothing to complain of: {lines}")
    ended = subprocess.run([harness.zonectl_binary(), "diff", "list", "--results", run.work + "/a.db"], stdout=open("/dev/full", "w"), stderr=subprocess.PIPE,
                           text=True, check=False)
    expect(ended.returncode == 2 and "could not be written" in ended.stderr, f"a full disk behind stdout: {ended}")


def test_garbage_and_stop(run):
    """A new server that gives nothing but garbage is a difference; the run does not say that nothing was compared. A pipe that nobody writes
    questions into does not keep a run from ending."""
    garbage = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    garbage.bind(("127.0.0.1", 0))

    def answer():
        while True:
            query, client = garbage.recvfrom(65535)
            garbage.sendto(query[:2] + bytes([query[2] | 0x84]) + query[3:6] + b"\xff\xff" + query[8:], client)

    threading.Thread(target=answer, daemon=True).start()
    sides = [*run.sides[:2], "--new", f"127.0.0.1:{garbage.getsockname()[1]}", "--results", run.work + "/garbage.db"]
    report = json.loads(zonectl("diff", "--json", *sides, "-", code=1, stdin=f"www.{APEX} A\n"))
    expect(report["counts"]["malformed"] == report["counts"]["unexplained"] == 1, f"garbage is a difference: {report['counts']}")
    process = subprocess.Popen([harness.zonectl_binary(), "diff", *run.sides[:4], "--results", run.work + "/piped.db", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdin.write(f"www.{APEX} A\n")
    process.stdin.flush()
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    code = process.wait(timeout=20)
    expect(code == 2 and "interrupted" in process.stderr.read(), f"a pipe that gives nothing: exit code {code}")


def test_wrong_use(run):
    queries = run.work + "/queries.txt"
    sides = run.sides[:4]
    for args, wanted in (
            (["diff"], "no questions"), (["diff", queries], "--old"), (["diff", queries, "--old", "192.0.2.1"], "--new"),
            (["diff", queries, "--old", "a.host.name", "--new", "192.0.2.1"], "wanted ADDRESS"),
            (["diff", queries, "--from-zones", run.work + "/zones.db", *sides], "several sources"),
            (["diff", queries, *sides, "--without", "no-such-rule"], "no-such-rule"), (["diff", queries, *sides, "--require-clean", "soon"], "72h"),
            (["diff", run.work + "/none.txt", *sides, "--results", run.work + "/w.db"], "none.txt"),
            (["diff", queries, *sides, "--results", queries], "queries.txt"), (["diff", "list", "--old", "192.0.2.1"], "unknown flag --old"),
            (["diff", "list", "--results", run.work + "/none.db"], "none.db"), (["diff", "lst", "--results", "x"], ""),
            (["diff", "show", "one"], "number of a case"), (["diff", "accept", "1", "--results", run.work + "/a.db"], "--because"),
            (["diff", queries, *sides, "--zone-data", run.work + "/none.db", "--results", run.work + "/w.db"], "none.db")):
        error = zonectl(*args, code=2)
        expect(wanted in error, f"{args}: an error about {wanted}, found: {error}")
    expect(not os.path.exists(run.work + "/none.db"), "looking does not make a file")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-diff-") as work:
        os.chmod(work, 0o755)
        questions = make_data(work, options.seed)
        with harness.Nsd(work + "/old") as old, harness.Knot(work + "/new") as new:
            old.start()
            new.start()
            run = Run(work, old, new)
            report, cases = test_differences_by_name(run, questions)
            test_verbs(run, cases)
            test_gates(run, report)
            test_pipes(run)
            test_garbage_and_stop(run)
            test_wrong_use(run)
            test_terminal(run, questions)
            test_stop_and_resume(run, questions, totals(report))
            test_kill_and_resume(run, options.seed)
    print("diff: passed")


main()
