#!/usr/bin/env python3
"""Right servers against each other: Knot, NSD, BIND, PowerDNS and zonectl with the same zone files, ordinary and tricky, signed with NSEC and
NSEC3 and not signed. With the zone data at hand zonectl diff names every difference. Each that it calls wrong is in a class of
testdata/e2e/peer_verdicts.txt, with the reading of the RFC that confirms it. Anything else is a false alarm and fails.

  diff_peers_test.py [--pairs N] [--groups N] [--zones N] [--seed S] [--only A-B,…] [--rate R]

`--pairs` is how many pairs of responses to compare in all: 10000000 is the long form. Questions are drawn anew for each pair of servers: names
that are there and names near them, with other types, letter case, EDNS, DO, flags, TCP. Without zone data, zonectl diff may call wrong only
the known faults: that is tried with Knot and BIND.
"""
import argparse
import collections
import concurrent.futures
import fnmatch
import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import gen_tricky
import harness
from powerdns_test import StoreServer

VERDICTS = os.path.join(harness.ROOT, "testdata", "e2e", "peer_verdicts.txt")
OTHER_DATA = ", from other data than is here: "  # verdicts of diff on an old server
TIMED_OUT_MAX = 1e-5  # of the questions: a machine that is busy; each is asked three times in 6 s
SIGNED_OCTETS_MAX = 20_000  # of an ordinary zone that is signed
TYPES = ["A"] * 8 + ["AAAA"] * 5 + ["MX", "TXT", "NS", "SOA", "DS", "CNAME", "SRV", "PTR", "CAA"] * 2 + ["ANY", "DNSKEY", "DNAME", "NSEC", "NSEC3", "NSEC3PARAM", "RRSIG",
         "HTTPS", "TLSA", "NAPTR", "SPF", "TYPE1234", "TYPE65280", "CDS", "KEY"]
NEAR = ["a", "b", "zz", "www", "mail", "nothing", "*", "-", "0", "_tcp", "\\000", "\\255", "x.y", "a.b.c", "*.*", "l" * 63]


def zonectl(*args, code=(0,)):
    ended = subprocess.run([harness.zonectl_binary(), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=3600, check=False)
    harness.expect(ended.returncode in code, f"{args}: exit code {ended.returncode}: {ended.stdout[-1000:]}{ended.stderr[-2000:]}")
    return ended.stdout


# ---------------------------------------------------------------- known differences
class Class:
    """One way in which a server is known to be wrong, or two servers to differ."""

    def __init__(self, name):
        self.name, self.because, self.manual = name, "", ""
        self.servers, self.where, self.examples, self.says = ["*"], ["*"], [], []
        self.count = 0

    def has(self, servers, case, sentence):
        """`servers`: one of them is enough."""
        def matches(value, patterns):
            return any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns)
        return any(matches(server, self.servers) for server in servers) and matches(case["where"], self.where) and matches(sentence, self.says) and \
            (not self.examples or matches(case["example"], self.examples))


class Verdicts:
    """testdata/e2e/peer_verdicts.txt; the form is told there."""

    def __init__(self, path=VERDICTS):
        self.wrong, self.undecided, self.legal, self.rules = [], [], [], {}
        current = None
        with open(path, encoding="ascii") as f:
            for number, line in enumerate(f, 1):
                word, _, rest = line.strip().partition(" ")
                if not word or word.startswith("#"):
                    continue
                if word in ("wrong", "undecided", "legal"):
                    current = Class(rest)
                    getattr(self, word).append(current)
                elif word == "rule":
                    current = self.rules[rest] = Class(rest)
                elif word in ("says", "example") and current:
                    getattr(current, {"says": "says", "example": "examples"}[word]).append(rest)
                elif word in ("servers", "where") and current:
                    setattr(current, word, rest.split("|"))
                elif word == "manual" and current:
                    current.manual = rest
                elif word == "because" and re.search(r"RFC \d+", rest) and current:
                    current.because = rest
                else:
                    raise SystemExit(f"{path}:{number}: wanted wrong, undecided, legal, rule, servers, where, example, says, manual, or because with an RFC; found {line.strip()}")
        for one in self.all():
            harness.expect(one.because, f"{path}: {one.name} has its reading of the RFC")

    def all(self):
        return [*self.wrong, *self.undecided, *self.legal, *self.rules.values()]

    def unknown(self, case, old, new):
        """The parts of the sentence of `case` that are not known."""
        verdict, sentence = case["verdict"], case["sentence"]
        if verdict == "both legal" and case["rule"]:
            found = self.rules.get(case["rule"])
        elif verdict == "both legal":
            found = next((one for one in self.legal if one.has((old, new), case, sentence)), None)
        elif verdict == "undecided" and OTHER_DATA in sentence:
            # Here all have the same data: a sentence about other data is a fault with consequences.
            return self.unknown_faults({**case, "sentence": sentence.split(OTHER_DATA)[0]}, old, new)
        elif verdict in ("undecided", "unstable"):
            found = next((one for one in self.undecided if one.has((old, new), case, sentence)), None)
        else:
            return self.unknown_faults(case, old, new)
        if found:
            found.count += case["count"]
        return [] if found else [f"{verdict}: {sentence}"]

    def unknown_faults(self, case, old, new):
        unknown = []
        for part in re.split(r"; (?=the (?:old|new) server )", case["sentence"]):
            side = re.match(r"the (old|new) server ", part)
            server, does = ({"old": old, "new": new}[side[1]], part[side.end():]) if side else ("?", part)
            found = next((one for one in self.wrong if one.has((server,), case, does)), None)
            if found:
                found.count += case["count"]
            else:
                unknown.append(f"{server} {does}")
        return unknown


# ---------------------------------------------------------------- data
def make_tricky(folder, options):
    subprocess.run([sys.executable, os.path.join(harness.HERE, "gen_tricky.py"), "--out", folder, "--groups", str(options.groups), "--seed", str(options.seed)], check=True,
                   stdout=subprocess.DEVNULL, env=dict(os.environ, PYTHONHASHSEED="0"))  # the same zones each time


class OrdinaryZone:
    """The members of a zone that gen_tricky.sign reads."""

    def __init__(self, apex, rng):
        self.apex = tuple(label.encode() for label in apex.rstrip(".").split("."))
        self.signer, self.rng = rng.choice(gen_tricky.SIGNERS), rng


def make_ordinary(folder, options):
    """bench/gen_zones; every fifth zone is signed."""
    subprocess.run([os.path.join(harness.ROOT, "bench", "gen_zones"), "--zones", str(options.zones), "--out", folder, "--seed", str(options.seed), "--what", "zones,queries",
                    "--queries", str(options.zones * 50), "--zipf", "0"], check=True, stderr=subprocess.DEVNULL)
    rng = random.Random(options.seed)
    os.mkdir(folder + "/keys")
    keys = gen_tricky.Keys(folder + "/keys")
    wanted = []
    with open(folder + "/zones.list", encoding="ascii") as f:
        for apex, path in (line.rstrip("\n").split("\t") for line in f):
            path = os.path.join(folder, path)
            if rng.random() < 0.2 and os.path.getsize(path) < SIGNED_OCTETS_MAX:
                wanted.append((OrdinaryZone(apex, rng), path))

    def sign(zone, path):
        with open(path, "a", encoding="ascii") as f:
            f.writelines(f"@ 3600 IN DNSKEY {key}\n" for key in keys.dnskeys())
        gen_tricky.sign(zone, path, keys)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: sign(*one), wanted))


def names_asked(folder):
    with open(folder + "/queries.txt", encoding="ascii") as f:
        return list(dict.fromkeys(line.split(" ", 1)[0] for line in f))


def is_taken_by_powerdns(name):
    """PowerDNS gives SERVFAIL for every name with other octets than these, before it looks anything up (RFC 2181 section 11 has them all)."""
    return not re.search(r"\\(?!032)\d{3}", name)


def is_name(name):
    labels = [len(re.sub(r"\\(\d{3}|.)", "o", label)) for label in re.findall(r"(?:\\\d{3}|\\.|[^.\\])+", name)]
    return sum(labels) + len(labels) + 1 <= 255 and max(labels, default=0) <= 63


def write_questions(path, names, near, count, rng):
    """`count` questions about `names` and names `near` them."""
    chance, choice = rng.random, rng.choice
    with open(path, "w", encoding="ascii") as f:
        left = count
        while left:
            name = choice(names)
            kind = chance()
            if kind < 0.4:
                labels = re.match(r"((?:\\\d{3}|\\.|[^.\\])+)\.?", name)
                if kind < 0.22 or not labels:
                    name = f"{choice(near)}.{name}" if name != "." else choice(near) + "."
                elif kind < 0.28:
                    name = f"{choice(near)}.{name[labels.end():]}"
                elif kind < 0.34:
                    name = name[labels.end():] or "."
                else:
                    name = f"{labels[1]}{choice('0-az')}.{name[labels.end():]}"
                if len(name) > 60 and not is_name(name):
                    continue
            if chance() < 0.15 and "\\" not in name:
                name = "".join(choice((c.lower(), c.upper())) for c in name)
            flags = ""
            how = chance()
            if how < 0.45:
                flags = " do"
            if how < 0.9:
                flags += " size=" + choice(("4096", "1232", "1232", "512"))
            else:
                flags = " noedns"
            how = chance()
            if how < 0.03:
                flags += " tcp"
            elif how < 0.06:
                flags += choice((" rd", " cd"))
            f.write(f"{name} {choice(TYPES)}{flags}\n")
            left -= 1


# ---------------------------------------------------------------- the servers
def servers_of(folder, store):
    return {"knot": harness.Knot(folder), "nsd": harness.Nsd(folder), "bind": harness.Bind(folder), "powerdns": harness.PowerDnsFiles(folder),
            "zonectl": StoreServer(folder, zones=store, flags=["--udp-octets-max=4096"])}


class Comparison:
    """Runs zonectl diff between two servers; gives counts and cases."""

    def __init__(self, folder, servers, options):
        self.folder, self.servers, self.options = folder, servers, options

    def run(self, old, new, questions, zone_data):
        results = f"{self.folder}/{old}-{new}-{os.path.basename(zone_data)}.results"
        sides = [f"{harness.ADDRESS}:{self.servers[name].port}" for name in (old, new)]
        out = json.loads(zonectl("diff", questions, "--old", sides[0], "--new", sides[1], "--zone-data", zone_data, "--results", results, "--answer-timeout", "2000",
                                 "--rate", str(self.options.rate), "--json", code=(0, 1)))
        counts = out["counts"]
        harness.expect(counts["asked"] == counts["compared"] + counts["timed_out"] + counts["dropped"] + counts["malformed"], f"counts add up: {counts}")
        harness.expect(counts["dropped"] == 0 and counts["timed_out"] <= counts["asked"] * TIMED_OUT_MAX, f"both answer: {counts}")
        cases = json.loads(zonectl("diff", "list", "--results", results, "--json"))["cases"]
        return out, cases, results

    def explain(self, case, results):
        return zonectl("diff", "explain", str(case["case"]), "--results", results, code=(0, 1))


def check_without_zone_data(comparison, questions):
    _, cases, _ = comparison.run("knot", "bind", questions, "none")
    for case in cases:
        harness.expect("wrong" not in case["verdict"] or "no server may give" in case["sentence"], f"nobody to say who is right: {case}")


def check_pair(comparison, names, verdicts, questions, store):
    """One line of the table, and the cases that are not known."""
    out, cases, results = comparison.run(*names, questions, store)
    counts, row, unknown = out["counts"], collections.Counter(), []
    for case in cases:
        harness.expect(case["sentence"] and (case["clause"] or "wrong" not in case["verdict"]), f"every verdict has its sentence, and its clause: {case}")
        row[case["verdict"]] += case["count"]
        parts = verdicts.unknown(case, *names)
        if parts:
            row["unexplained"] += case["count"]
            unknown.append(case)
            print(f"UNKNOWN {'-'.join(names)}: {case['count']} {case['verdict']}: {case['what']}, {case['where']}: {' AND '.join(parts)} ({case['clause']}), such as {case['example']}")
            if comparison.options.explain:
                print(comparison.explain(case, results))
    print(f"{'-'.join(names):18} {counts['asked']:9} {counts['compared']:9} {counts['same']:9} {row['both legal']:8} {row['old wrong']:9} {row['new wrong']:9} {row['both wrong']:10} "
          f"{row['undecided']:9} {row['unexplained']:11} {counts['timed_out']:9} {counts['compared'] / out['seconds']:9.0f}", flush=True)
    row.update({key: counts[key] for key in ("asked", "compared", "same", "timed_out")})
    return row, unknown


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--pairs", type=int, default=100_000)
    p.add_argument("--groups", type=int, default=20, help="of tricky zones")
    p.add_argument("--zones", type=int, default=200, help="ordinary ones")
    p.add_argument("--seed", type=int, default=3)
    p.add_argument("--rate", type=int, default=0, help="questions a second; 0: as fast as they are answered")
    p.add_argument("--only", default="", help="pairs such as knot-bind")
    p.add_argument("--data", default="", help="ordinary or tricky alone")
    p.add_argument("--explain", action="store_true", help="explain what is not known, step by step")
    options = p.parse_args()
    verdicts, unknown, totals = Verdicts(), [], collections.Counter()
    pairs = [pair for pair in itertools.combinations(("knot", "nsd", "bind", "powerdns", "zonectl"), 2) if not options.only or "-".join(pair) in options.only.split(",")]
    makers = {name: make for name, make in (("ordinary", make_ordinary), ("tricky", make_tricky)) if options.data in ("", name)}
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-peers-") as work:
        os.chmod(work, 0o755)
        for data, make in makers.items():
            folder, store, questions = f"{work}/{data}", f"{work}/{data}.db", f"{work}/questions.txt"
            make(folder, options)
            zonectl("import", folder + "/zones", "--store", store, code=(0, 1))
            names = names_asked(folder)
            servers = servers_of(folder, store)
            comparison = Comparison(work, servers, options)
            try:
                for server in servers.values():
                    server.start()
                print(f"{data}: {len(harness.apexes(folder))} zones\n{'old-new':18} {'asked':>9} {'compared':>9} {'same':>9} {'by rule':>8} {'old wrong':>9} {'new wrong':>9} "
                      f"{'both wrong':>10} {'undecided':>9} {'unexplained':>11} {'timed out':>9} {'a second':>9}", flush=True)
                for pair in pairs:
                    powerdns = "powerdns" in pair
                    write_questions(questions, *([list(filter(is_taken_by_powerdns, of)) if powerdns else of for of in (names, NEAR)]), options.pairs // len(pairs) // len(makers), random.Random(f"{options.seed} {data} {pair}"))
                    row, cases = check_pair(comparison, pair, verdicts, questions, store)
                    totals.update(row)
                    unknown += cases
                    os.unlink(f"{work}/{'-'.join(pair)}-{data}.db.results")
                if data == "tricky" and not options.only:
                    check_without_zone_data(comparison, folder + "/queries.txt")
            finally:
                for server in servers.values():
                    server.__exit__()
    print(f"{totals['asked']:,} pairs: {totals['compared']:,} compared, {totals['same']:,} the same, {totals['both legal']:,} by a rule, {totals['old wrong']:,} old wrong, "
          f"{totals['new wrong']:,} new wrong, {totals['both wrong']:,} both wrong, {totals['undecided']:,} undecided, {totals['timed_out']:,} timed out; "
          f"{totals['unexplained']:,} unexplained")
    for one in verdicts.all():
        print(f"{one.count:9} {one.name}: {one.because}")
    harness.expect(totals["compared"] > 0, "something is compared")
    harness.expect(not unknown, f"only known differences: {len(unknown)} cases are not in {os.path.relpath(VERDICTS, harness.ROOT)}")
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
