"""A server lies about one question, in each of its ways. zonectl diff finds every lie, and gives it the right two labels and the right
verdict."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import harness

ZONE = """$ORIGIN lies.example.
$TTL 3600
@ SOA ns hostmaster 1 7200 900 86400 300
@ NS ns
@ NS ns2
@ MX 10 mail
ns A 192.0.2.1
ns2 A 192.0.2.2
mail A 192.0.2.3
www A 192.0.2.4
www A 192.0.2.5
alias CNAME www
*.wild A 192.0.2.6
*.wild TXT "wild"
deep.ent TXT "below an empty non-terminal"
cut NS ns1.cut
cut NS ns2.cut
ns1.cut A 192.0.2.10
ns2.cut A 192.0.2.11
old DNAME new
a.new A 192.0.2.20
*.new A 192.0.2.21
"""
SIGNED = ("nsec.example.zone", "nsec3.example.zone")
# Lies about how a message comes, not about its content. They are counted as this, and never compared.
# Flags that no RFC forbids an authoritative server: different, and nobody is wrong.
UNDECIDED = ("ra", "ad")
STRAYS = {"other-id": "other-id", "other-question": "other-question", "no-response-bit": "no-message"}


def run(*command, codes=(0,)):
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600, check=False)
    if ended.returncode not in codes:
        raise AssertionError(f"{command}: exit code {ended.returncode}: {ended.stdout[-1000:]}{ended.stderr[-2000:]}")
    return ended.stdout


def make_store(work, zones):
    """The zones that lies need, and `zones` ordinary ones around them."""
    folder = os.path.join(work, "zones")
    os.mkdir(folder)
    with open(os.path.join(folder, "lies.example.zone"), "w", encoding="ascii") as f:
        f.write(ZONE)
    for name in SIGNED:
        os.symlink(os.path.join(harness.ROOT, "testdata", "zones", name), os.path.join(folder, name))
    for i in range(zones):
        with open(os.path.join(folder, f"z{i}.test.zone"), "w", encoding="ascii") as f:
            f.write(f"@ 3600 SOA ns hostmaster {i} 7200 900 86400 300\n@ 3600 NS ns\nns 3600 A 192.0.2.1\n"
                    f"www 300 A 192.0.2.{i % 250}\nftp 60 CNAME www\n*.w 60 TXT \"{i}\"\na.b.c 60 AAAA 2001:db8::{i:x}\n"
                    f"sub 60 NS ns.sub\nns.sub 60 A 192.0.2.{i % 250}\n")
    store = os.path.join(work, "store.db")
    run(harness.zonectl_binary(), "import", folder, "--store", store)
    return store


def check(liar, store, work, name, what, where, seed):
    port = harness.free_port()
    with subprocess.Popen([liar, "--store", store, "--lie", name, "--port", str(port), "--seed", str(seed)], stdout=subprocess.PIPE, text=True) as server:
        try:
            about = server.stdout.readline().strip()
            if not about.startswith("lying about"):
                return f"{name}: the liar did not start"
            results = os.path.join(work, f"{name}.db")
            out = json.loads(run(harness.zonectl_binary(), "diff", "--from-zones", store, "--old", f"store:{store}", "--new", f"127.0.0.1:{port}",
                                 "--results", results, "--answer-timeout", "300", "--json", codes=(1,)))
            cases = json.loads(run(harness.zonectl_binary(), "diff", "list", "--results", results, "--json"))["cases"]
        finally:
            server.kill()
    counts = out["counts"]
    if counts["asked"] != counts["compared"] + counts["timed_out"] + counts["dropped"] + counts["malformed"]:
        return f"{name}: counts do not add up: {counts}"
    seen = {(case["what"], case["where"], case["verdict"]) for case in cases}
    verdict = "undecided" if name in UNDECIDED else "new wrong"
    if seen != {(what, where, verdict)}:
        return f"{name} ({about}): found as {sorted(seen)}, is ({what}, {where}, {verdict})"
    if name in STRAYS and counts["network"]["new"][STRAYS[name]] == 0:
        return f"{name}: not counted as {STRAYS[name]}: {counts['network']}"
    print(f"{name}: {about}: {counts['asked']} questions, {sum(case['count'] for case in cases)} found as {what}, {where}", flush=True)
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--liar", required=True)
    parser.add_argument("--zones", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    failures = []
    with tempfile.TemporaryDirectory() as work:
        store = make_store(work, options.zones)
        for line in run(options.liar, "--list").splitlines():
            name, what, where = line.split("\t")
            if options.only and name not in options.only.split(","):
                continue
            failure = check(options.liar, store, work, name, what, where, options.seed)
            if failure:
                failures.append(failure)
                print(f"MISSED {failure}", flush=True)
    print(f"{len(failures)} lies missed or mistaken")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
