#!/usr/bin/env python3
"""Knot and BIND, both right servers, on zones that are hard to answer from: with the zone data at hand zonectl diff names every difference, and none
of them as both servers' fault; without it nothing is said to be wrong that is not known to be.

  diff_peers_test.py [--groups N] [--seed S]
"""
import argparse
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


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--groups", type=int, default=20)
    p.add_argument("--seed", type=int, default=3)
    options = p.parse_args()
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-peers-") as work:
        data, store = work + "/data", work + "/zones.db"
        subprocess.run([sys.executable, os.path.join(harness.HERE, "gen_tricky.py"), "--out", data, "--groups", str(options.groups), "--seed", str(options.seed)], check=True,
                       stdout=subprocess.DEVNULL)
        zonectl("import", data + "/zones", "--store", store, code=(0, 1))
        with harness.Knot(data) as old, harness.Bind(data) as new:
            old.start()
            new.start()
            sides = ["--old", f"{harness.ADDRESS}:{old.port}", "--new", f"{harness.ADDRESS}:{new.port}"]
            for zone_data in (store, "none"):
                results = f"{work}/{os.path.basename(zone_data)}.results"
                out = json.loads(zonectl("diff", data + "/queries.txt", *sides, "--zone-data", zone_data, "--results", results, "--json", code=(0, 1)))
                counts = out["counts"]
                print(f"zone data {os.path.basename(zone_data)}: {counts['asked']} asked, {counts['same']} the same, {counts['by_verdict']}", flush=True)
                harness.expect(counts["asked"] == counts["compared"] + counts["timed_out"] + counts["dropped"] + counts["malformed"], f"counts add up: {counts}")
                harness.expect(counts["timed_out"] == 0, "both answer")
                cases = json.loads(zonectl("diff", "list", "--results", results, "--json"))["cases"]
                for case in cases:
                    print(f"{case['count']:7} {case['verdict']}: {case['what']}, {case['where']}: {case['sentence']} ({case['clause']}), such as {case['example']}")
                    if zone_data == "none":
                        harness.expect("wrong" not in case["verdict"] or "no server may give" in case["sentence"], f"nobody to say who is right: {case}")
                    else:
                        harness.expect(case["sentence"], "every verdict has its sentence")
                        harness.expect("wrong" not in case["verdict"] or case["clause"], f"and its clause: {case}")
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
