#!/usr/bin/env python3
"""`diff show` and `diff explain` name the row if a difference comes from a row that the import refused."""
import json
import os
import subprocess
import tempfile

import harness
from harness import expect

ZONE = "@ 3600 SOA ns hostmaster 1 7200 900 86400 60\n@ 3600 NS ns\nns 3600 A 192.0.2.1\n"
ROW = "www.left.example A 192.0.2.256"
DUMP = f"""INSERT INTO domains (id, name, type) VALUES (1, 'left.example', 'NATIVE');
INSERT INTO records (domain_id, name, type, content, ttl) VALUES
 (1, 'left.example', 'SOA', 'ns.left.example hostmaster.left.example 1 7200 900 86400 60', 3600),
 (1, 'left.example', 'NS', 'ns.left.example', 3600),
 (1, 'ns.left.example', 'A', '192.0.2.1', 3600),
 (1, 'www.left.example', 'A', '192.0.2.256', 3600);
"""


def zonectl(*args, code=0):
    ended = subprocess.run([harness.zonectl_binary(), *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           timeout=120, check=False)
    expect(ended.returncode == code, f"{args}: exit code {code}, found {ended.returncode}: {ended.stdout}{ended.stderr}")
    return ended.stdout


def data_of(folder, text):
    os.makedirs(folder)
    harness.write_data_set(folder, {"left.example.": text})
    return folder


def main():
    with tempfile.TemporaryDirectory(prefix="zonectl-left-") as work:
        def write(name, text):
            with open(f"{work}/{name}", "w", encoding="ascii") as f:
                f.write(text)
            return f"{work}/{name}"

        store, results = f"{work}/zones.db", f"{work}/results.db"
        zonectl("import", write("dump.sql", DUMP), "--store", store, code=1)
        questions = write("questions", "www.left.example. A\nleft.example. NS\n")
        with harness.Zonectl(data_of(f"{work}/old", ZONE + "www 3600 A 192.0.2.7\n")) as old, harness.Zonectl(data_of(f"{work}/new", ZONE)) as new:
            old.start()
            new.start()
            zonectl("diff", questions, "--old", f"{harness.ADDRESS}:{old.port}", "--new", f"{harness.ADDRESS}:{new.port}", "--zone-data", store,
                    "--results", results, code=1)
        cases = json.loads(zonectl("diff", "list", "--results", results, "--json"))["cases"]
        expect(len(cases) == 1, f"one case: {cases}")
        number = str(cases[0]["case"])
        shown = zonectl("diff", "show", number, "--results", results)
        expect(ROW in shown, f"show names the row:\n{shown}")
        explained = zonectl("diff", "explain", number, "--results", results)
        expect(f"not in these zones: row refused at import: {ROW}" in explained, f"explain names the row:\n{explained}")
        named = json.loads(zonectl("diff", "explain", number, "--results", results, "--json"))["left_out"]
        expect(named and ROW in named, f"so does its JSON: {named}")
        # The same question once the row is mended: nothing is left out.
        zonectl("import", write("dump.sql", DUMP.replace("192.0.2.256", "192.0.2.7")), "--store", store)
        mended = zonectl("diff", "explain", number, "--results", results)
        expect("not in these zones" not in mended, mended)
        expect(json.loads(zonectl("diff", "explain", number, "--results", results, "--json"))["left_out"] is None, "null in JSON")
    print("a refused row is named")


if __name__ == "__main__":
    main()
