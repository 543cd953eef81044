#!/usr/bin/env python3
"""zonectl diff minimise on zones of 100,000 records, unsigned and signed with NSEC and NSEC3: a handful of records is left, in seconds, and the script that
comes out runs as one of the text tests of pkg/answer.

  diff_minimise_test.py --answer-test PROGRAM [--records N]
"""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time

import gen_tricky
import harness

SECONDS_MAX = 20  # of one case: a few tenths on a quiet machine
RECORDS_LEFT_MAX = 20
APEX = "big.example."
COMMON = """$ORIGIN big.example.
$TTL 3600
@ SOA ns hostmaster 1 7200 900 86400 300
@ NS ns
@ NS ns2
ns A 192.0.2.1
ns2 A 192.0.2.2
alias CNAME www
sub NS ns.sub
ns.sub A 192.0.2.9
old DNAME target
x.target A 192.0.2.7
"""
OLD = COMMON + 'www A 192.0.2.3\na.ent A 192.0.2.8\n*.w TXT "w"\n'
NEW = COMMON + "www A 192.0.2.4\n"
# question: records that have to stay
QUESTIONS = {"alias.big.example. A": "answer", "ent.big.example. A": "rcode", "q.w.big.example. TXT": "rcode", "www.big.example. A": "answer", "a.ent.big.example. A": "rcode",
             "deep.q.w.big.example. A": "rcode", "www.big.example. A tcp": "answer"}


class SignedZone:
    """The members of a zone that gen_tricky.sign reads."""

    def __init__(self, signer):
        self.apex, self.signer, self.rng = (b"big", b"example"), signer, random.Random(1)


def run(*command, code=(0,), environment=None):
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, check=False, env=environment)
    harness.expect(ended.returncode in code, f"{command}: exit code {ended.returncode}: {ended.stdout[-1500:]}{ended.stderr[-1500:]}")
    return ended.stdout


def write_zone(folder, text, names, signer, keys):
    os.makedirs(folder)
    path = os.path.join(folder, "big.example.zone")
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
        f.writelines(f"h{i} A 10.0.{i >> 8 & 255}.{i & 255}\n" for i in range(names))
        if signer:
            f.writelines(f"@ DNSKEY {key}\n" for key in keys.dnskeys())
    if signer:
        gen_tricky.sign(SignedZone(signer), path, keys)


def is_answered_as_it_says(options, path):
    """Runs answer/ of the folder `path` in place of testdata/answer/."""
    return subprocess.run([options.answer_test, "--test-case=what is asked is answered as the scripts say"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=dict(os.environ, ZC_TESTDATA=path), check=False)


def check_script(options, script, path):
    """The script holds. Without any one line of its answer, or with another RCODE, it does not hold: so it shows something."""
    def holds(text):
        with open(path + "/answer/case.txt", "w", encoding="utf-8") as f:
            f.write(text)
        return is_answered_as_it_says(options, path)

    ended = holds(script)
    harness.expect(ended.returncode == 0 and "1 passed" in ended.stdout, f"the script runs: {ended.stdout[-2000:]}\n{script}")
    before, answer = re.fullmatch(r"(.*\nquery [^\n]*\n----\n)(.*)", script, re.S).groups()
    lines = answer.splitlines(keepends=True)
    for i in range(len(lines)):
        harness.expect(holds(before + "".join(lines[:i] + lines[i + 1:])).returncode != 0, f"without {lines[i]} it would not hold")
    other = re.sub(r"^\w+", lambda m: "NXDOMAIN" if m[0] == "NOERROR" else "NOERROR", answer)
    harness.expect(holds(before + other).returncode != 0, "nor with another RCODE")


def check(options, signer, work):
    folder = f"{work}/{signer or 'unsigned'}"
    os.makedirs(folder + "/keys")
    os.makedirs(folder + "/testdata/answer")
    keys = gen_tricky.Keys(folder + "/keys") if signer else None
    names = options.records // (4 if signer else 1)  # with its RRSIG, NSEC, and the RRSIG over that
    for side, text in (("old", OLD), ("new", NEW)):
        write_zone(f"{folder}/{side}", text, names, signer, keys)
        run(harness.zonectl_binary(), "import", f"{folder}/{side}", "--store", f"{folder}/{side}.db")
    with open(folder + "/questions.txt", "w", encoding="ascii") as f:
        f.writelines(f"{question}{' do' if signer else ''}\n" for question in QUESTIONS)
    results = ["--results", folder + "/results.db"]
    run(harness.zonectl_binary(), "diff", folder + "/questions.txt", "--old", f"store:{folder}/old.db", "--new", f"store:{folder}/new.db", "--zone-data", folder + "/old.db", *results,
        code=(1,))
    cases = json.loads(run(harness.zonectl_binary(), "diff", "list", *results, "--json"))["cases"]
    harness.expect({case["example"] for case in cases} == {re.sub(" tcp$", "", question) for question in QUESTIONS}, f"a case for each question: {cases}")
    for case in cases:
        harness.expect(case["verdict"] == "new wrong" and case["what"] == QUESTIONS[case["example"]], f"{case}")
        started = time.monotonic()
        small = json.loads(run(harness.zonectl_binary(), "diff", "minimise", str(case["case"]), *results, "--json"))
        seconds = time.monotonic() - started
        print(f"{signer or 'unsigned'}: {case['example']}: {small['records_before']:,} records became {small['records_after']} in {small['trials']} trials, {seconds:.2f} s", flush=True)
        harness.expect(small["records_before"] >= options.records, f"of the whole zone: {small['records_before']}")
        harness.expect(small["records_after"] <= RECORDS_LEFT_MAX, f"a handful is left: {small['records_after']}")
        harness.expect(seconds <= SECONDS_MAX, f"in seconds: {seconds}")
        # The same fault: the sentence at the head, with shorter names.
        words = case["sentence"].split(" gives ")[1].split(" ")[0]
        harness.expect(re.match(rf"# The new server gives {words} ", small["script"]), f"it says what is wrong as the case does, {case['sentence']}: {small['script']}")
        check_script(options, small["script"], f"{folder}/testdata")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--answer-test", required=True, help="the test program of pkg/answer")
    p.add_argument("--records", type=int, default=100_000)
    options = p.parse_args()
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-minimise-") as work:
        for signer in ("", "bind-nsec", "bind-nsec3"):
            check(options, signer, work)
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
