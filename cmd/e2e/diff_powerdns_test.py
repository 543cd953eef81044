#!/usr/bin/env python3
"""The move as an operator makes it: a PowerDNS database is imported, served, and both servers are asked what the zones suggest to ask.
`zonectl diff` ends clean: every difference is one that both may have, or the old server's fault by the zone data.

  diff_powerdns_test.py [--zones N] [--seed S] [--keep-report FILE]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import harness
from powerdns_test import StoreServer, generate, presentation
from random_database_test import Postgres, run


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--zones", type=int, default=200)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--report", default="", help="also write the page")
    options = p.parse_args()
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-move-") as work, tempfile.TemporaryDirectory(prefix="zonectl-e2e-database-") as folder, \
         Postgres(folder) as postgres:
        data = generate(postgres, work, "--zones", str(options.zones), "--what", "pg", "--seed", str(options.seed))
        store = f"{work}/zones.db"
        run(harness.zonectl_binary(), "import", postgres.uri("generated"), "--store", store, code=(0, 1))
        domains = json.loads(postgres.psql_value("generated", "SELECT json_agg(name) FROM domains"))
        with open(f"{data}/zones.list", "w", encoding="ascii") as f:
            f.writelines(f"{presentation(name)}\t-\n" for name in domains)
        with StoreServer(data, zones=store) as new, harness.PowerDns(data, os.path.join(postgres.folder, "sock"), "generated", workers=2) as old:
            new.start()
            old.start()
            command = [harness.zonectl_binary(), "diff", "--from-zones", store, "--old", f"{harness.ADDRESS}:{old.port}", "--new", f"{harness.ADDRESS}:{new.port}",
                       "--results", f"{work}/diff.db", *(["--report", options.report] if options.report else [])]
            ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
            print(ended.stdout, ended.stderr, flush=True)
            listed = json.loads(run(harness.zonectl_binary(), "diff", "list", "--results", f"{work}/diff.db", "--json"))["cases"]
            for case in listed:
                print(f"{case['count']:7} {case['verdict']}: {case['sentence']} ({case['clause']}), such as {case['example']}")
                if not case["explained"]:
                    print(run(harness.zonectl_binary(), "diff", "explain", str(case["case"]), "--results", f"{work}/diff.db", code=(0, 1)))
            harness.expect(ended.returncode == 0, f"clean: exit code {ended.returncode}")
            harness.expect(not [case for case in listed if case["verdict"] == "new wrong"], "no case in which zonectl is wrong")
            harness.expect(any(case["verdict"] == "old wrong" for case in listed), "PowerDNS's known faults are found and named")
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
