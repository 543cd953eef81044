#!/usr/bin/env python3
"""Loads the same zones into zonectl, Knot, NSD and BIND, asks them the same questions and compares whole
answers: every difference is named in testdata/e2e/known_differences.txt or fails the test. Responses are in the mean no larger than Knot's.

  differential_test.py --tool PROGRAM [--groups N] [--seed S] [--queries M] [--data DIR…] [--subject NAME]

Without --data the zones are made by gen_tricky.py. --subject knot (or nsd, bind) compares the peers alone.
The long form: --groups 700 --queries 1000000.
"""
import argparse
import contextlib
import os
import subprocess
import sys
import tempfile

import harness


def compare(options, data):
    names = [options.subject] + [n for n in options.peers.split(",") if n != options.subject]
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(harness.SERVERS[n](data)) for n in names]
        for server in servers:
            if isinstance(server, harness.Zonectl):
                server.flags += options.flag
            server.start()
        argv = [options.tool, "--subject", f"{names[0]}={servers[0].port}", "--zones", os.path.join(data, "zones.list"),
                "--queries", os.path.join(data, "queries.txt"), "--samples", str(options.samples)]
        for server in servers[1:]:
            argv += ["--peer", f"{server.name}={server.port}"]
        if "knot" in names[1:]:
            argv += ["--no-larger-than", "knot"]
        if options.known:
            argv += ["--known", options.known]
        if options.queries:
            argv += ["--limit", str(options.queries)]
        code = subprocess.run(argv, check=False).returncode
        for server in servers:
            harness.expect(server.process.poll() is None, f"{server.name} still runs: {server.log()[-2000:]}")
        return code


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--tool", required=True, help="the program built from cmd/e2e/differential")
    p.add_argument("--groups", type=int, default=40)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--queries", type=int, default=0, help="at most so many a data set (0: all)")
    p.add_argument("--data", action="append", default=[], help="a data set in place of generated zones")
    p.add_argument("--subject", default="zonectl")
    p.add_argument("--peers", default="knot,nsd,bind")
    p.add_argument("--samples", type=int, default=3)
    p.add_argument("--flag", action="append", default=["--udp-octets-max=4096"], help="more flags of zonectl serve")
    p.add_argument("--known", default=os.path.join(harness.ROOT, "testdata", "e2e", "known_differences.txt"))
    options = p.parse_args()
    if options.data:
        sys.exit(max([compare(options, data) for data in options.data]))
    with tempfile.TemporaryDirectory(prefix="zonectl-tricky-") as data:
        os.chmod(data, 0o755)
        subprocess.run([os.path.join(harness.HERE, "gen_tricky.py"), "--out", data, "--groups", str(options.groups), "--seed", str(options.seed)], check=True)
        sys.exit(compare(options, data))


if __name__ == "__main__":
    main()
