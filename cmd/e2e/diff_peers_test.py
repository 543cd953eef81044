#!/usr/bin/env python3
"""Knot and BIND, both right servers, on zones that are hard to answer from: with the zone data at hand zonectl diff names every difference, and none
of them as both servers' fault; without it nothing is said to be wrong that is not known to be.

  diff_peers_test.py [--groups N] [--seed S]

What each is wrong in, and the rules by which both are right, stand in testdata/e2e/peer_verdicts.txt; anything else fails.
"""
import argparse
import fnmatch
import json
import os
import subprocess
import sys
import tempfile

import harness


def zonectl(*args, code=(0,)):
    ended = subprocess.run([harness.zonectl_binary(), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600, check=False)
    harness.expect(ended.returncode in code, f"{args}: exit code {ended.returncode}: {ended.stdout[-1000:]}{ended.stderr[-2000:]}")
    return ended.stdout


def read_known():
    """Lines `wrong GLOB` (of a sentence, without who gives it) and `rule NAME`."""
    known = {"wrong": [], "rule": []}
    with open(os.path.join(harness.ROOT, "testdata", "e2e", "peer_verdicts.txt"), encoding="ascii") as f:
        for line in f:
            kind, _, rest = line.strip().partition(" ")
            if kind in known:
                known[kind].append(rest)
    return known


def is_known(case, known):
    if case["verdict"] == "both legal":
        return case["rule"] in known["rule"]
    if case["verdict"] == "undecided":
        return case["example"].startswith("*. ")  # a name in no zone: nobody says what is right
    parts = [part.strip() for part in case["sentence"].split("; ")]
    return "wrong" in case["verdict"] and all(any(fnmatch.fnmatchcase(part, pattern) for pattern in known["wrong"]) for part in parts)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--groups", type=int, default=20)
    p.add_argument("--seed", type=int, default=3)
    options = p.parse_args()
    known, unknown = read_known(), []
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-peers-") as work:
        data, store = work + "/data", work + "/zones.db"
        subprocess.run([sys.executable, os.path.join(harness.HERE, "gen_tricky.py"), "--out", data, "--groups", str(options.groups), "--seed", str(options.seed)], check=True,
                       stdout=subprocess.DEVNULL, env=dict(os.environ, PYTHONHASHSEED="0"))  # the same zones each time
        zonectl("import", data + "/zones", "--store", store, code=(0, 1))
        with harness.Knot(data) as old, harness.Bind(data) as new:
            old.start()
            new.start()
            sides = ["--old", f"{harness.ADDRESS}:{old.port}", "--new", f"{harness.ADDRESS}:{new.port}"]
            for zone_data in (store, "none"):
                results = f"{work}/{os.path.basename(zone_data)}.results"
                out = json.loads(zonectl("diff", data + "/queries.txt", *sides, "--zone-data", zone_data, "--results", results, "--answer-timeout", "5000", "--json", code=(0, 1)))
                counts = out["counts"]
                print(f"zone data {os.path.basename(zone_data)}: {counts['asked']} asked, {counts['same']} the same, {counts['by_verdict']}", flush=True)
                harness.expect(counts["asked"] == counts["compared"] + counts["timed_out"] + counts["dropped"] + counts["malformed"], f"counts add up: {counts}")
                harness.expect(counts["timed_out"] == counts["dropped"] == 0, f"both answer: {counts}")
                cases = json.loads(zonectl("diff", "list", "--results", results, "--json"))["cases"]
                for case in cases:
                    print(f"{case['count']:7} {case['verdict']}: {case['what']}, {case['where']}: {case['sentence']} ({case['clause']}), such as {case['example']}")
                    if zone_data == "none":
                        harness.expect("wrong" not in case["verdict"] or "no server may give" in case["sentence"], f"nobody to say who is right: {case}")
                    else:
                        harness.expect(case["sentence"], "every verdict has its sentence")
                        harness.expect("wrong" not in case["verdict"] or case["clause"], f"and its clause: {case}")
                        if not is_known(case, known):
                            unknown.append(case)
                            print(zonectl("diff", "explain", str(case["case"]), "--results", results, code=(0, 1)))
    harness.expect(not unknown, f"only known differences: {len(unknown)} are not in testdata/e2e/peer_verdicts.txt")
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
