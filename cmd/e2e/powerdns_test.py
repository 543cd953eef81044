#!/usr/bin/env python3
"""The same PowerDNS databases behind PowerDNS itself and, imported, behind zonectl: the same questions to both, whole answers compared.

  powerdns_test.py --tool PROGRAM [--zones N] [--queries M] [--databases N] [--seed S]

Compared are bench/gen_zones' data set of N zones, the sample database with one row of each imperfection, and databases of
random_database_test.py. The questions are the generator's queries, and every name of `records` with types that it has and has not, and
names below it. Every difference is named in testdata/e2e/powerdns_differences.txt with the clause that decides, or is at a name that
the report of the import names; anything else fails.
"""
import argparse
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import harness
import random_database_test
from random_database_test import TABLES, Postgres, RandomDatabase, run

RULES = os.path.join(harness.ROOT, "testdata", "e2e", "powerdns_differences.txt")
UNRECTIFIED_RULES = os.path.join(harness.ROOT, "testdata", "e2e", "powerdns_unrectified.txt")
CHARACTERS_RULES = os.path.join(harness.ROOT, "testdata", "e2e", "powerdns_characters.txt")
ASKED_TYPES = {"A", "AAAA", "NS", "SOA", "CNAME", "DNAME", "PTR", "MX", "SRV", "TXT", "SPF", "CAA", "HTTPS", "SVCB", "NAPTR", "DS", "TLSA", "SSHFP", "LOC", "DNSKEY", "NSEC",
               "NSEC3PARAM", "RRSIG", "CDS", "CDNSKEY", "HINFO", "RP", "URI", "CERT"}
OTHER_TYPES = ["A", "AAAA", "MX", "TXT", "NS", "SOA", "CNAME", "DS", "SRV", "PTR", "HTTPS", "ANY", "RRSIG", "DNSKEY", "NSEC", "TYPE65281"]


class StoreServer(harness.Zonectl):
    def command(self):
        return [harness.zonectl_binary(), "serve", "--store", self.zones, "--listen", f"{harness.ADDRESS}:{self.port}", "--workers", "1",
                "--control", self.control, *self.flags]


def presentation(name):
    """A name of the database as the queries have it: no octets that the tool could not read."""
    octets = (name or "").rstrip(".").encode()
    return "".join(chr(o) if 33 <= o < 127 else f"\\{o:03}" for o in octets) + "."


def wire_key(name):
    """Equal for names that are the same, however they are written."""
    return harness.encode_name(presentation(name)).lower()


class Report:
    """The report of the import: the names and zones in it."""

    def __init__(self, path, apexes):
        self.names, self.zones = set(), set()
        self.apexes = {wire_key(apex) for apex in apexes}
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            for finding in map(json.loads, f):
                zone = finding["zone"]
                if finding["table"] == "records" and finding["record"]:
                    self.names.add(wire_key(finding["record"].split(" ")[0].replace("NULL", "")))
                elif finding["table"] in ("domains", "cryptokeys"):
                    self.zones.add(wire_key(finding["record"] if finding["verdict"] == "refused" and finding["table"] == "domains" and finding["record"] else zone))

    def add_aliases(self, rows):
        """A name whose CNAME or DNAME leads to a name or zone of the report is answered with the data there."""
        links = []
        for name, kind, content in rows:
            if kind in ("CNAME", "DNAME") and content:
                try:
                    links.append((wire_key(name), wire_key(content)))
                except ValueError:
                    continue  # a mutated target, that is no name
        while True:
            more = {name for name, target in links if self.has(target)} - self.names
            if not more:
                return
            self.names |= more

    def has_question(self, key, kind):
        """Also questions for a DS, which belongs to the zone above."""
        return self.has(key) or (kind == "DS" and key in self.apexes and len(key) > 1 and self.has(key[1 + key[0]:]))

    def has(self, key):
        """The name, a delegation or DNAME above it, a wildcard there, or its zone."""
        while True:
            if key in self.zones or key in self.names or b"\1*" + key in self.names:
                return True
            if key in self.apexes or key in (b"\0", b""):
                return False
            key = key[1 + key[0]:]


def rows_of(postgres, database):
    """(name, type, content) of `records`."""
    text = postgres.psql_value(database, "SELECT json_agg(json_build_array(name, type, content)) FROM records")
    return json.loads(text) or []


class MissingNonTerminals:
    """Empty non-terminals for which rectify has made no row: PowerDNS does not know of them."""

    def __init__(self, postgres, database, rows, apexes):
        names = json.loads(postgres.psql_value(database, "SELECT json_agg(DISTINCT name) FROM records WHERE NOT disabled AND name IS NOT NULL")) or []
        known = {wire_key(apex) for apex in apexes}
        tops = set(known)
        for name in names:
            with contextlib.suppress(ValueError):  # what is no name is refused
                known.add(wire_key(name))
        self.names = {parent for name in known for parent in self.parents(name, tops)} - known
        self.aliases = set()
        for name, kind, content in rows:
            with contextlib.suppress(ValueError):
                if name is not None and content and kind in ("CNAME", "DNAME") and self.has(wire_key(content)):
                    self.aliases.add(wire_key(name))

    @staticmethod
    def parents(key, tops):
        """Names above it in the same zone, the nearest first; none when no zone is above."""
        found = []
        while key not in tops and len(key) > 1:
            key = key[1 + key[0]:]
            found.append(key)
        return found if key in tops else []

    def has(self, key):
        """The name, one that it is below, or a wildcard there; or there is an alias that leads to one."""
        while len(key) > 1:
            parent = key[1 + key[0]:]
            if {key, b"\1*" + parent} & (self.names | self.aliases):
                return True
            key = parent
        return False


def has_odd_characters(key):
    """A name for which PowerDNS looks up nothing, whatever the database has."""
    while len(key) > 1:
        if re.search(rb"[^a-z0-9_*./@ \\:-]", key[1:1 + key[0]]):
            return True
        key = key[1 + key[0]:]
    return False


def questions_of(rows, rng, limit):
    """Every name of the database, with types that it has and has not, and names that do not exist."""
    asked = {}
    for name, kind, _ in rows:
        if name is not None:
            asked.setdefault(name, set()).add(kind)
    lines = []
    for name, kinds in asked.items():
        shown = presentation(name)
        labels = re.findall(r"(?:\\\d{3}|[^.\\])+", shown.replace("\\.", "\\046").replace("\\\\", "\\092"))
        if any(len(harness.encode_name(label)) > 65 for label in labels) or len(harness.encode_name(shown)) > 255 or re.search(r"^\.+.|[^\\]\.\.", shown):
            continue  # no name that could be asked for
        for kind in sorted(k for k in kinds if k in ASKED_TYPES or re.fullmatch(r"TYPE[0-9]{1,5}", k or "")):
            lines.append(f"{shown} {kind}")
        for kind in rng.sample(OTHER_TYPES, 3):
            lines.append(f"{shown} {kind}" + rng.choice(["", "", " noedns", " do", " tcp"]))
        below = f"nothing{rng.randint(0, 9)}." + (shown if shown != "." else "")
        if len(below) < 200:
            lines.append(f"{below} {rng.choice(OTHER_TYPES)}")
    rng.shuffle(lines)
    return lines[:limit] if limit else lines


def compare(options, postgres, database, data, queries, work):
    """Imports `database`, asks both servers; 0 when every difference is explained."""
    store, report_path = f"{work}/{database}.store", f"{work}/{database}.jsonl"
    run(harness.zonectl_binary(), "import", postgres.uri(database), "--store", store, "--report", report_path, code=(0, 1))
    domains = json.loads(postgres.psql_value(database, "SELECT json_agg(name) FROM domains"))
    report = Report(report_path, domains)
    rows = rows_of(postgres, database)
    report.add_aliases(rows)
    missing = MissingNonTerminals(postgres, database, rows, domains)
    settled, unrectified, odd, reported = [], [], [], []
    for line in queries(rows):
        name, kind = line.split(" ")[:2]
        key = wire_key(name)
        (reported if report.has_question(key, kind) else odd if has_odd_characters(key) else unrectified if missing.has(key) else settled).append(line)
    apexes = [presentation(name) for name in domains]
    os.makedirs(data, exist_ok=True)
    with open(f"{data}/zones.list", "w", encoding="ascii") as f:
        f.writelines(f"{apex}\t-\n" for apex in apexes)
    bad = [apex for apex in apexes if report.has(wire_key(apex))]
    with contextlib.ExitStack() as stack:
        subject = stack.enter_context(StoreServer(data, zones=store, flags=["--udp-octets-max=4096"]))
        peer = stack.enter_context(harness.PowerDns(data, os.path.join(postgres.folder, "sock"), database, settings=options.setting))
        subject.start(missing_allowed=bad)
        peer.start(missing_allowed=bad)

        for server in (subject, peer):  # also one that has no zone to wait for
            harness.wait_until(lambda server=server: harness.ask_udp(server.port, harness.encode_query("."), 0.2), 20, f"an answer of {server.name}")

        def ask(lines, *more, other=peer):
            with open(f"{data}/asked.txt", "w", encoding="ascii") as f:
                f.writelines(line + "\n" for line in lines)
            ended = subprocess.run([options.tool, "--subject", f"zonectl={subject.port}", "--peer", f"{other.name}={other.port}", "--zones", f"{data}/zones.list",
                                    "--queries", f"{data}/asked.txt", "--samples", str(options.samples), *more], stdout=subprocess.PIPE, text=True, check=False)
            harness.expect(ended.returncode in (0, 1), f"{options.tool}: {ended.returncode}")
            for server in (subject, peer):
                harness.expect(server.process.poll() is None, f"{server.name} still runs: {server.log()[-2000:]}")
            return ended

        print(f"{database}: {len(domains)} zones, {len(rows)} rows; {len(settled)} queries of names that the import took as they are", flush=True)
        ended = ask(settled, "--known", options.known)
        print(ended.stdout, flush=True)
        code = ended.returncode
        for lines, more_rules, what in ((unrectified, UNRECTIFIED_RULES, "of and below empty non-terminals that the database has no rows for"),
                                        (odd, CHARACTERS_RULES, "of names with characters that PowerDNS does not look up")):
            if not lines:
                continue
            rules = f"{data}/rules.txt"
            with open(rules, "w", encoding="utf-8") as f:
                for path in (options.known, more_rules):
                    with open(path, encoding="utf-8") as more:
                        f.write(more.read() + "\n")
            print(f"{database}: {len(lines)} queries {what}", flush=True)
            ended = ask(lines, "--known", rules)
            print(ended.stdout, flush=True)
            code = max(code, ended.returncode)
        if reported:
            # The report says how zonectl answers those rows, whatever PowerDNS answers. The test only checks that zonectl answers.
            ended = ask(reported, "--known", options.known)
            summary = re.search(r"equal everywhere (\d+), unexplained (\d+), faulty (\d+), without answer (\d+)", ended.stdout)
            print(f"{database}: {len(reported)} queries of names that the report of the import names: {summary[0]}", flush=True)
            if options.verbose:
                print(ended.stdout)
            code = max(code, int("FAULT of zonectl" in ended.stdout))
            if summary[4] != "0":  # PowerDNS closes a TCP connection over some rows that it cannot read
                ended = ask(reported, "--known", options.known, other=subject)
                code = max(code, int("unexplained 0, faulty 0, without answer 0" not in ended.stdout))
        return code


def generate(postgres, work, *flags):
    """bench/gen_zones' rows as the database `generated`; gives the folder of the data set."""
    data = f"{work}/generated"
    run(os.path.join(harness.ROOT, "bench", "gen_zones"), "--out", data, *flags)
    postgres.psql("postgres", "CREATE DATABASE generated TEMPLATE empty")
    text = "SET session_replication_role = replica;\n"
    for table, columns in TABLES.items():
        path = f"{data}/pg/{table}.copy"
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                text += f"COPY {table} ({', '.join(columns)}) FROM stdin;\n{f.read()}\\.\n"
    postgres.psql("generated", text + "ANALYZE;\n")
    return data


def generated(options, postgres, work):
    data = generate(postgres, work, "--zones", str(options.zones), "--what", "pg,queries", "--queries", str(options.queries or 1))

    def queries(rows):
        rng = random.Random(options.seed)
        with open(f"{data}/queries.txt", encoding="ascii") as f:
            given = [line.strip() + rng.choice(["", "", "", " noedns", " tcp"]) for line in f]
        names = questions_of(rows, rng, 0)
        return given + (names if options.every_name else names[:options.queries])

    return compare(options, postgres, "generated", f"{data}/asked", queries, work)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--tool", required=True, help="the program built from cmd/e2e/differential")
    p.add_argument("--zones", type=int, default=500)
    p.add_argument("--queries", type=int, default=5000, help="of the generator, and so many at most of each name")
    p.add_argument("--every-name", action="store_true", help="no limit to the latter")
    p.add_argument("--databases", type=int, default=2, help="random ones")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--samples", type=int, default=3)
    p.add_argument("--known", default=RULES)
    p.add_argument("--setting", action="append", default=[], help="of PowerDNS, NAME=VALUE")
    p.add_argument("--verbose", action="store_true", help="also the differences at names of the report")
    p.add_argument("--only", default="", help="generated, sample or random")
    options = p.parse_args()
    code = 0
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-powerdns-") as work, tempfile.TemporaryDirectory(prefix="zonectl-e2e-database-") as folder, \
         Postgres(folder) as postgres:
        rng = random.Random(options.seed)
        if options.only in ("", "sample"):
            code = max(code, compare(options, postgres, "pdns", f"{work}/sample", lambda rows: questions_of(rows * 4, rng, 0), work))
        if options.only in ("", "random"):
            for seed in range(options.seed, options.seed + options.databases):
                postgres.fill(f"r{seed}", RandomDatabase(seed).rows)
                code = max(code, compare(options, postgres, f"r{seed}", f"{work}/r{seed}", lambda rows: questions_of(rows, rng, 0), work))
        if options.only in ("", "generated"):
            code = max(code, generated(options, postgres, work))
    print("ok" if code == 0 else "FAILED: differences that nothing explains")
    sys.exit(code)


if __name__ == "__main__":
    main()
