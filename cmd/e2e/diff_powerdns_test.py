#!/usr/bin/env python3
"""The move as an operator makes it: a PowerDNS database is imported and served, and both servers are asked the questions of its zones.
`zonectl diff` ends clean: every difference is one that both may have, or the old server's fault by the zone data. Each fault is an entry of
zonectl-migrate(7), DIFFERENCES FROM POWERDNS, by testdata/e2e/powerdns_verdicts.txt. Names that the report of the import names may have others.

  diff_powerdns_test.py [--zones N] [--databases N] [--seed S] [--report FILE]

Compared are bench/gen_zones' data set of N zones, the sample database with one row of each imperfection, and databases of
random_database_test.py.
"""
import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile

import harness
from diff_peers_test import Verdicts, is_taken_by_powerdns
from powerdns_test import Report, StoreServer, generate, presentation, rows_of, wire_key
from random_database_test import Postgres, RandomDatabase, run

VERDICTS = os.path.join(harness.ROOT, "testdata", "e2e", "powerdns_verdicts.txt")
SAMPLES = 20  # that diff keeps of a case


def differences_of_manual():
    """The headings of the differences from PowerDNS in the manual page."""
    with open(os.path.join(harness.ROOT, "man", "zonectl-migrate.7"), encoding="utf-8") as f:
        section = f.read().split(".SH DIFFERENCES FROM POWERDNS\n", 1)[1].split("\n.S", 1)[0]
    headings = [entry.split("\n", 1)[0] for entry in section.split(".TP\n.B ")[1:]]
    return [heading.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\") for heading in headings]


def settled_questions(case, report, results):
    """The kept questions of a case, without names that are in the report of the import: empty when all are."""
    shown = json.loads(run(harness.zonectl_binary(), "diff", "show", str(case["case"]), "--samples", str(SAMPLES), "--results", results, "--json"))["shown"]
    questions = [sample["question"].split(",")[0] for sample in shown]
    return [question for question in questions if not report.has(wire_key(question.split(" ")[0]))]


def compare(options, postgres, database, work, verdicts):
    """Imports `database` and asks both servers the questions that its zones suggest. Gives the cases that are no known difference."""
    store, report_path, results, data = f"{work}/{database}.store", f"{work}/{database}.jsonl", f"{work}/{database}.results", f"{work}/{database}"
    run(harness.zonectl_binary(), "import", postgres.uri(database), "--store", store, "--report", report_path, code=(0, 1))
    domains = json.loads(postgres.psql_value(database, "SELECT json_agg(name) FROM domains"))
    report = Report(report_path, domains)
    report.add_aliases(rows_of(postgres, database))
    apexes = [presentation(name) for name in domains]
    bad = [apex for apex in apexes if report.has(wire_key(apex))]
    os.makedirs(data, exist_ok=True)
    with open(f"{data}/zones.list", "w", encoding="ascii") as f:
        f.writelines(f"{apex}\t-\n" for apex in apexes)
    with StoreServer(data, zones=store) as new, harness.PowerDns(data, os.path.join(postgres.folder, "sock"), database, workers=2) as old:
        new.start(missing_allowed=bad)
        old.start(missing_allowed=bad + [apex for apex in apexes if not is_taken_by_powerdns(apex)])
        for server in (new, old):  # also a server that has no zone to wait for
            harness.wait_until(lambda server=server: harness.ask_udp(server.port, harness.encode_query("."), 0.2), 20, f"an answer of {server.name}")
        page = ["--report", options.report] if options.report and database == "generated" else []
        ended = subprocess.run([harness.zonectl_binary(), "diff", "--from-zones", store, "--old", f"{harness.ADDRESS}:{old.port}", "--new", f"{harness.ADDRESS}:{new.port}",
                                "--results", results, "--answer-timeout", "3000", "--json", *page], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    harness.expect(ended.returncode in (0, 1), f"{database}: {ended.stderr[-2000:]}")
    counts = json.loads(ended.stdout)["counts"]
    harness.expect(counts["asked"] == counts["compared"] > 0 and counts["timed_out"] == counts["dropped"] == counts["malformed"] == 0, f"{database}: all compared: {counts}")
    listed = json.loads(run(harness.zonectl_binary(), "diff", "list", "--results", results, "--json"))["cases"]
    totals, unknown = collections.Counter(), []
    for case in listed:
        harness.expect(case["verdict"] not in ("new wrong", "both wrong"), f"{database}: no case in which zonectl is wrong: {case}")
        settled = settled_questions(case, report, results)
        totals[case["verdict"] if settled else "at names of the report"] += case["count"]
        harness.expect(case["explained"] or not settled, f"{database}: clean but for what the report names: {case}")
        for question in settled:
            if verdicts.unknown({**case, "example": question, "count": 1}, "powerdns", "zonectl"):
                unknown.append(case)
                print(f"UNKNOWN {database}: {case['verdict']}: {case['what']}, {case['where']}: {case['sentence']} ({case['clause']}): {question}")
    print(f"{database}: {len(domains)} zones, {counts['asked']} asked, {counts['compared']} compared, {counts['same']} the same, {dict(totals)}", flush=True)
    if database == "generated":
        harness.expect(ended.returncode == 0, f"clean: exit code {ended.returncode}")
        harness.expect(totals["old wrong"] > 0, "PowerDNS's known faults are found and named")
    return unknown


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--zones", type=int, default=200)
    p.add_argument("--databases", type=int, default=6, help="random ones")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--report", default="", help="also write the page of the generated ones")
    options = p.parse_args()
    verdicts, rows = Verdicts(VERDICTS), differences_of_manual()
    for one in verdicts.wrong:
        harness.expect(one.manual in rows, f"{VERDICTS}: {one.name} is the entry '{one.manual}' of zonectl-migrate(7): {rows}")
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-move-") as work, tempfile.TemporaryDirectory(prefix="zonectl-e2e-database-") as folder, \
         Postgres(folder) as postgres:
        unknown = compare(options, postgres, "pdns", work, verdicts)
        for seed in range(options.seed, options.seed + options.databases):
            postgres.fill(f"r{seed}", RandomDatabase(seed).rows)
            unknown += compare(options, postgres, f"r{seed}", work, verdicts)
        generate(postgres, work, "--zones", str(options.zones), "--what", "pg", "--seed", str(options.seed))
        unknown += compare(options, postgres, "generated", work, verdicts)
    for one in verdicts.all():
        print(f"{one.count:7} {one.name}: {one.because}")
    harness.expect(not unknown, f"{len(unknown)} cases are in no entry of zonectl-migrate(7), DIFFERENCES FROM POWERDNS")
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
