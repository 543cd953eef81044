#!/usr/bin/env python3
"""A move loses data: the store lacks zones, names and records of the PowerDNS database, or has others. `zonectl diff` finds each loss and
leaves it unexplained, whatever the zone data says. With a whole store the same questions end clean.

  diff_lost_test.py
"""
import json
import os
import subprocess
import sys
import tempfile

import harness
from powerdns_test import StoreServer
from random_database_test import TABLES, Postgres, run

SOA = "ns1.{0} hostmaster.{0} 7 7200 900 86400 300"


def rows_of(zones):
    """`zones`: {apex: {(name, type, content): ttl}}, as rows of the database."""
    rows = {table: [] for table in TABLES}
    for number, (apex, records) in enumerate(zones.items(), 1):
        rows["domains"].append((number, apex, None, None, "NATIVE", None, None, None, None))
        names = {name for name, _, _ in records}
        cuts = {name for name, kind, _ in records if kind == "NS" and name != apex}
        for (name, kind, content), ttl in records.items():
            priority, content = content.split(" ", 1) if kind == "MX" else (0, content)
            occluded = any(name != cut and name.endswith("." + cut) for cut in cuts) or (name in cuts and kind == "NS")
            rows["records"].append((len(rows["records"]) + 1, number, name, kind, content, ttl, priority, False, None, not occluded))
        for name in sorted(names):  # rows of empty non-terminals, as rectify makes them
            parent = name.partition(".")[2]
            while parent.endswith("." + apex):
                if parent not in names:
                    names = names | {parent}
                    rows["records"].append((len(rows["records"]) + 1, number, parent, None, None, None, None, False, None, True))
                parent = parent.partition(".")[2]
    return rows


def whole():
    """The zones of the old server."""
    def zone(apex, *records):
        all_records = {(apex, "SOA", SOA.format(apex)): 3600, (apex, "NS", f"ns1.{apex}"): 3600, (f"ns1.{apex}", "A", "192.0.2.53"): 3600}
        for text in records:
            name, kind, content = text.split(" ", 2)
            all_records[(apex if name == "@" else f"{name}.{apex}", kind, content)] = 3600
        return all_records

    digest = "4711 13 2 " + "ab" * 32
    return {
        "lost.example": zone(
            "lost.example", "two A 192.0.2.1", "two A 192.0.2.2", "only A 192.0.2.3", "some A 192.0.2.4", 'some TXT "kept"', "alias CNAME two.lost.example",
            "chain CNAME target.lost.example", "target A 192.0.2.5", "target AAAA 2001:db8::5", "@ MX 10 two.lost.example", "slow A 192.0.2.6", "sub NS ns.sub.lost.example",
            "ns.sub A 192.0.2.7", "part NS ns1.lost.example", "part NS two.lost.example", "safe NS ns1.lost.example", f"safe DS {digest}", '*.wild TXT "any"', "at.wild A 192.0.2.8",
            'private TYPE65300 \\# 2 0102', "way DNAME lost.example", "more A 192.0.2.9", "same A 192.0.2.10", "glue NS ns.glue.lost.example",
            "ns.glue A 192.0.2.20", "*.share A 192.0.2.21", "a.share A 192.0.2.21", 'a.share TXT "kept"'),
        "soa.example": zone("soa.example"),
        "gone.example": zone("gone.example", "www A 192.0.2.11"),
        "parent.example": zone("parent.example", "www A 192.0.2.12", "cut NS ns1.cut.parent.example", "ns1.cut A 192.0.2.53"),
        "child.parent.example": zone("child.parent.example", "www A 192.0.2.13"),
        "cut.parent.example": zone("cut.parent.example", "www A 192.0.2.14"),
    }


def lessened(zones):
    """Takes data out of `zones` as if it had not arrived. Gives questions that show this, each a difference."""
    lost = zones["lost.example"]
    questions = []

    def without(name, kind, *asked, content=None):
        found = [key for key in lost if key[:2] == (f"{name}.lost.example" if name else "lost.example", kind) and content in (None, key[2])]
        harness.expect(len(found) == 1, f"one record {name} {kind}: {found}")
        questions.extend(asked)
        return found[0], lost.pop(found[0])

    without("two", "A", "two.lost.example A", content="192.0.2.2")
    without("only", "A", "only.lost.example A", "only.lost.example AAAA")
    without("some", "A", "some.lost.example A")
    without("alias", "CNAME", "alias.lost.example A", "alias.lost.example TXT")
    without("target", "A", "target.lost.example A", "chain.lost.example A")
    (apex, _, _), ttl = without("", "MX", "lost.example MX")
    lost[(apex, "MX", "20 two.lost.example")] = ttl
    key, _ = without("slow", "A", "slow.lost.example A")
    lost[key] = 60
    without("sub", "NS", "www.sub.lost.example A", "sub.lost.example NS")
    without("part", "NS", "www.part.lost.example A", content="two.lost.example")
    without("safe", "DS", "safe.lost.example DS")
    without("*.wild", "TXT", "x.wild.lost.example TXT")
    without("at.wild", "A", "at.wild.lost.example A")
    without("private", "TYPE65300", "private.lost.example TYPE65300")
    without("way", "DNAME", "two.way.lost.example A", "way.lost.example DNAME")
    without("ns.glue", "A", "www.glue.lost.example A")
    without("a.share", "A", "a.share.lost.example A")
    lost[("more.lost.example", "TXT", '"made up"')] = 3600
    lost[("invented.lost.example", "A", "192.0.2.99")] = 3600
    questions += ["more.lost.example TXT", "invented.lost.example A", "invented.lost.example TXT"]
    soa = zones["soa.example"]
    del soa[("soa.example", "SOA", SOA.format("soa.example"))]
    soa[("soa.example", "SOA", SOA.format("soa.example").replace("86400 300", "86400 60"))] = 3600
    questions += ["missing.soa.example A", "soa.example SOA"]
    for apex in ("gone.example", "child.parent.example", "cut.parent.example"):
        del zones[apex]
        questions += [f"www.{apex} A", f"missing.{apex} A"]
    return questions


def asked_of(old, postgres, database, work, questions):
    """Imports `database`, serves it, asks both servers `questions`; (exit code, counts, cases)."""
    store, results = f"{work}/{database}.store", f"{work}/{database}.results"
    run(harness.zonectl_binary(), "import", postgres.uri(database), "--store", store, code=(0, 1))
    data = f"{work}/{database}"
    os.makedirs(data, exist_ok=True)
    with open(f"{data}/zones.list", "w", encoding="ascii") as f:
        f.write("lost.example.\t-\n")
    with open(f"{data}/questions.txt", "w", encoding="ascii") as f:
        f.writelines(question + "\n" for question in questions)
    with StoreServer(data, zones=store) as new:
        new.start()
        ended = subprocess.run([harness.zonectl_binary(), "diff", f"{data}/questions.txt", "--zone-data", store, "--old", f"{harness.ADDRESS}:{old.port}",
                                "--new", f"{harness.ADDRESS}:{new.port}", "--results", results, "--answer-timeout", "3000", "--json"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    harness.expect(ended.returncode in (0, 1), ended.stderr[-2000:])
    counts = json.loads(ended.stdout)["counts"]
    harness.expect(counts["asked"] == counts["compared"] == len(questions), f"all compared: {counts}")
    cases = json.loads(run(harness.zonectl_binary(), "diff", "list", "--results", results, "--json"))["cases"]
    return ended.returncode, counts, cases


def main():
    zones = whole()
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-lost-") as work, tempfile.TemporaryDirectory(prefix="zonectl-e2e-database-") as folder, \
         Postgres(folder) as postgres:
        postgres.fill("whole", rows_of(zones))
        losses = lessened(zones)
        postgres.fill("lessened", rows_of(zones))
        questions = losses + ["same.lost.example A", "same.lost.example AAAA", "missing.lost.example A", "www.parent.example A"]
        data = f"{work}/old"
        os.makedirs(data)
        with open(f"{data}/zones.list", "w", encoding="ascii") as f:
            f.write("lost.example.\t-\n")
        with harness.PowerDns(data, os.path.join(postgres.folder, "sock"), "whole", workers=1) as old:
            old.start()
            code, counts, cases = asked_of(old, postgres, "whole", work, questions)
            harness.expect(code == 0 and counts["unexplained"] == 0, f"a whole store is clean: {code}, {counts}, {cases}")
            code, counts, cases = asked_of(old, postgres, "lessened", work, questions)
        for case in cases:
            print(f"{case['count']} {case['verdict']}: {case['what']}, {case['where']}, such as {case['example']}: {case['sentence']}")
        harness.expect(code == 1, f"a lossy one is not: exit code {code}")
        harness.expect(counts["unexplained"] == len(losses), f"{len(losses)} questions about what was lost, each unexplained: {counts}")
        harness.expect(counts["explained"] == 0 and counts["same"] == len(questions) - len(losses), f"the others are answered alike: {counts}")
    print(f"{len(losses)} questions about what was lost, each unexplained")
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
