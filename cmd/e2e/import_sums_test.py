#!/usr/bin/env python3
"""The sums of an import: every row is counted once, in the same words by `import` and `store stats`. The exit code is 0 only when all of it
is served, and 2, with nothing changed, for a source that is none.

  import_sums_test.py
"""
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile

import harness
from random_database_test import FATES, contents_of

KEY = "Private-key-format: v1.2\\nAlgorithm: 13 (ECDSAP256SHA256)\\nPrivateKey: inwNTuSeDQ4VzdktDiWsTqkMVGQt+49ALRzqn9Ht050=\\n"


def run(*args, code=0):
    ended = subprocess.run([harness.zonectl_binary(), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    if ended.returncode != code:
        raise AssertionError(f"{args}: exit code {ended.returncode}, wanted {code}: {ended.stdout[-1500:]}{ended.stderr[-1500:]}")
    return ended


def soa(apex):
    return (apex, "SOA", f"ns1.{apex} hostmaster.{apex} 1 7200 3600 1209600 300")


def write_dump(path, zones, keys=(), metadata=()):
    """`zones`: {apex: [(name, type, content)] or [(name, type, content, {column: value})]}."""
    with open(path, "w", encoding="ascii") as f:
        f.write("COPY domains (id, name, type) FROM stdin;\n" + "".join(f"{n}\t{apex}\tNATIVE\n" for n, apex in enumerate(zones, 1)) + "\\.\n")
        f.write("COPY records (domain_id, name, type, content, ttl, prio, disabled, auth) FROM stdin;\n")
        for number, rows in enumerate(zones.values(), 1):
            for name, rtype, content, *more in rows:
                columns = {"ttl": 60, "prio": 0, "disabled": "f", "auth": "t", **(more[0] if more else {})}
                f.write(f"{number}\t{name}\t{rtype}\t{content}\t" + "\t".join(str(columns[c]) for c in ("ttl", "prio", "disabled", "auth")) + "\n")
        f.write("\\.\nCOPY cryptokeys (domain_id, flags, active, published, content) FROM stdin;\n")
        f.write("".join(f"{list(zones).index(apex) + 1}\t257\tt\tt\t{KEY}\n" for apex in keys) + "\\.\n")
        f.write("COPY domainmetadata (domain_id, kind, content) FROM stdin;\n")
        f.write("".join(f"{list(zones).index(apex) + 1}\t{kind}\t{content}\n" for apex, kind, content in metadata) + "\\.\n")
    return path


def check_sums(report):
    for table, sums in report["tables"].items():
        assert set(sums) == {"read", "doubtful", *FATES}, sums
        assert sums["read"] == sum(sums[fate] for fate in FATES), (table, sums)
    return report["tables"]["records"]


def check_stats(store, report):
    """After an import into an empty store: the store's sums, in the words of the report."""
    stats = json.loads(run("store", "stats", "--store", store, "--json").stdout)["rows"]
    rows = report["tables"]["records"]
    assert stats == {"served_as_they_are": rows["served_as_they_are"] + rows["repaired"] + rows["made_anew"] + report["made"], "disabled": rows["disabled"],
                     "powerdns_only": rows["powerdns_only"], "of_zones_not_served": rows["of_zones_not_served"]}, (stats, rows, report["made"])


def import_json(source, store, *flags, code=0):
    report = json.loads(run("import", source, "--store", store, "--json", *flags, code=code).stdout)
    check_sums(report)
    return report


# ---------------------------------------------------------------- each row once
def test_sums(work):
    zones = {
        "good.test": [soa("good.test"), ("good.test", "NS", "ns1.good.test"), ("off.good.test", "A", "192.0.2.9", {"disabled": "t"}),
                      ("a.b.good.test", "A", "192.0.2.1"), ("a.b.good.test", "A", "192.0.2.1"), ("b.good.test", "\\N", "\\N"),
                      ("x.good.test", "ALIAS", "ns1.good.test"), ("x.good.test", "ALIAS", "ns1.good.test"), ("y.good.test", "LUA", "A \"x\""),
                      ("bad.good.test", "A", "192.0.2.256"), ("elsewhere.test", "A", "192.0.2.1")],
        "broken.test": [("www.broken.test", "A", "192.0.2.1"), ("www.broken.test", "A", "192.0.2.1"), ("l.broken.test", "ALIAS", "www.broken.test"),
                        ("o.broken.test", "A", "192.0.2.1", {"disabled": "t"}), ("w.broken.test", "A", "x")],
        "signed.test": [soa("signed.test"), ("www.signed.test", "A", "192.0.2.1"), ("www.signed.test", "A", "192.0.2.1"), ("l.signed.test", "ALIAS", "www.signed.test")],
        "hidden.test": [soa("hidden.test") + ({"disabled": "t"},), ("www.hidden.test", "A", "192.0.2.1")],
    }
    dump = write_dump(work + "/dump.sql", zones, keys=["signed.test"], metadata=[("signed.test", "X-A", "1"), ("good.test", "X-A", "1")])
    report = import_json(dump, work + "/s", code=1)
    rows = report["tables"]["records"]
    assert {fate: rows[fate] for fate in FATES if rows[fate]} == {
        "served_as_they_are": 3, "disabled": 3, "powerdns_only": 2, "without_type": 1, "same_twice": 3, "of_zones_not_served": 3 + 3 + 1, "refused": 3}, rows
    domains = report["tables"]["domains"]
    assert domains["served_as_they_are"] == 1 and domains["refused"] == 2 and domains["of_zones_not_served"] == 1, domains
    assert report["tables"]["cryptokeys"]["of_zones_not_served"] == 1, report["tables"]
    assert report["tables"]["domainmetadata"]["served_as_they_are"] == report["tables"]["domainmetadata"]["of_zones_not_served"] == 1, report["tables"]
    assert report["records"] == 5 + 3, report
    check_stats(work + "/s", report)
    words = run("import", dump, "--store", work + "/t", code=1).stdout
    for word in ("served as they are", "disabled", "PowerDNS only", "without type", "same twice", "of zones not served", "refused"):
        assert f"\n  {word} " in words, words
    # All but the refused ones, those without type and those that came twice, of 22 records.
    assert "\n4 zones, 15 records in " in words, words
    stats = run("store", "stats", "--store", work + "/t").stdout
    for word in ("served as they are", "disabled", "PowerDNS only", "of zones not served"):
        assert f"\n  {word} " in stats, stats
    # The rest, when nothing is wrong any more; and again: unchanged.
    good = {"good.test": [soa("good.test"), ("www.good.test", "A", "192.0.2.1")]}
    write_dump(dump, good)
    import_json(dump, work + "/u")
    again = import_json(dump, work + "/u")["tables"]
    assert again["records"]["of_unchanged_zones"] == 2 and again["domains"]["of_unchanged_zones"] == 1, again


# ---------------------------------------------------------------- zones that are not served are exit code 1
def test_not_served(work):
    apex = "example.org"
    good = {apex: [soa(apex), (apex, "NS", "ns1.example.org")]}
    store = work + "/s"
    run("import", write_dump(work + "/good.sql", good), "--store", store)
    # Only building finds this one: an RRset that no image can hold.
    large = {apex: good[apex] + [("x.example.org", "TXT", f'"{n}"') for n in range(65536)]}
    report = import_json(write_dump(work + "/large.sql", large), store, code=1)
    assert report["zones"]["broken"] == 1 and report["tables"]["domains"]["refused"] == 1, report["tables"]
    assert report["tables"]["records"]["of_zones_not_served"] == 65538, report["tables"]
    assert report["tables"]["records"]["served_as_they_are"] == 0, report["tables"]
    (finding,) = report["findings"]
    assert finding["verdict"] == "refused" and "65535" in finding["reason"].replace(",", ""), finding
    # No SOA, two SOAs, and one that PowerDNS signs.
    for name, rows, keys in (("no", [(apex, "NS", "ns1.example.org")], ()), ("two", [soa(apex), soa(apex)[:2] + ("a b 2 3 4 5 6",)], ()), ("signed", good[apex], [apex])):
        report = import_json(write_dump(f"{work}/{name}.sql", {apex: rows}, keys), f"{work}/{name}", code=1)
        assert report["tables"]["domains"]["refused"] == 1 and report["tables"]["records"]["of_zones_not_served"] == len(rows), report["tables"]
        check_stats(f"{work}/{name}", report)
    import_json(work + "/signed.sql", work + "/override", "--serve-unsigned")
    # And one whose keys the store has, while its zone file is not signed.
    with open(work + "/example.org.zone", "w", encoding="ascii") as f:
        f.write("@ 60 SOA ns1 hostmaster 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n")
    report = import_json(work + "/example.org.zone", work + "/signed", code=1)
    assert report["zones"]["withheld"] == 1 and report["tables"]["domains"]["refused"] == 1, report
    assert report["tables"]["records"]["of_zones_not_served"] == 3, report
    assert "has keys" in report["findings"][0]["reason"], report["findings"]
    # The SOA is disabled: as PowerDNS does, no zone; nothing is wrong.
    import_json(write_dump(work + "/hidden.sql", {apex: [soa(apex) + ({"disabled": "t"},)]}), work + "/hidden")


# ---------------------------------------------------------------- sources that are none
def test_no_zone(work):
    store = work + "/s"
    names = [f"z{n}.test" for n in range(20)]
    run("import", write_dump(work + "/first.sql", {name: [soa(name)] for name in names}), "--store", store)
    before = contents_of(store)

    def refused(*args, said):
        ended = run("import", *args, "--store", store, code=2)
        assert said in ended.stderr and not ended.stdout, (args, ended.stderr, ended.stdout)
        assert contents_of(store) == before, f"{args}: the store is not as it was"
        return ended.stderr

    empty = write_dump(work + "/empty.sql", {})
    refused(empty, said="no zone in it")
    refused(empty, "--prune", "--max-removed", "100", said="no zone in it")
    refused(work + "/first.sql", empty, said="no zone in it")
    os.mkdir(work + "/folder")
    refused(work + "/folder", said="no zone in it")
    run("import", empty, "--store", work + "/new", code=2)
    assert not [name for name in os.listdir(work) if name.startswith("new")], os.listdir(work)
    # Half a source looks like one whose other zones are gone.
    half = write_dump(work + "/half.sql", {name: [soa(name)] for name in names[:17]})
    for flags in ((), ("--dry-run",), ("--max-removed", "14"), ("--json",)):
        said = refused(half, "--prune", *flags, said="would remove 3 of 20 zones, 15 %, limit is 1")
        assert "--max-removed 15" in said, said
    run("import", half, "--store", store)
    run("import", half, "--store", store, "--prune", "--max-removed", "15")
    run("import", write_dump(work + "/less.sql", {name: [soa(name)] for name in names[:16]}), "--store", store, "--prune")


ZONE = "$TTL 300\n@ IN SOA ns1 hostmaster 1 3600 900 604800 300\n@ NS ns1\nns1 A 192.0.2.1\n"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="latin-1") as f:
        f.write(text)
    return path


def test_file_names(work):
    """Zone files of other names are named, with 1, and with 2 when there is no other zone."""
    store = work + "/s"
    others = {"db.example.org": "$ORIGIN example.org.\n" + ZONE, "example.net.db": ZONE, "sub/example.info": "@ 60 IN SOA a b (\n 1 2 3 4 5 )\n",
              "example.com.zone.bak": ZONE, "named.lower": "example.test. in soa a. b. 1 2 3 4 5\n", "reverse.hosts": "; a zone\n\n$include nothing\n"}
    for name, text in others.items():
        write(f"{work}/zones/{name}", text)
    # None of these is a zone: notes, an included file, an editor's leftover, a key, a hidden file.
    write(work + "/zones/README", "The SOA of each zone is in soa.inc: the SOA serial counts up.\nSOA\n")
    write(work + "/zones/Kexample.+013+1.key", "example. IN DNSKEY 257 3 13 AAAA\n")
    write(work + "/zones/example.com.zone~", ZONE)
    write(work + "/zones/.example.zone.swp", ZONE)
    write(work + "/zones/journal.jnl", "\0SOA\0" + ZONE)
    said = run("import", work + "/zones", "--store", store, code=2).stderr
    for name in others:
        assert f"{work}/zones/{name}: refused: a zone file whose name is not ORIGIN.zone" in said, (name, said)
    assert said.count("refused") == len(others) and said.splitlines()[-1].endswith("no zone in it; the store is as it was"), said
    assert not os.path.exists(store)
    write(work + "/zones/example.com.zone", "$INCLUDE soa.inc\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n")
    write(work + "/zones/soa.inc", "@ 60 SOA ns1 hostmaster 1 3600 900 604800 300\n")
    report = import_json(work + "/zones", store, code=1)
    assert sorted(f["file"][len(work) + 7:] for f in report["findings"]) == sorted(others), report["findings"]
    assert report["zones"]["added"] == 1, report["zones"]
    for name in others:
        os.unlink(f"{work}/zones/{name}")
    assert not import_json(work + "/zones", store)["findings"]
    # One file: the message says what its name has to be.
    for name in ("db.example.org", "example.org", "example.org.db"):
        assert "name it ORIGIN.zone" in run("import", write(f"{work}/one/{name}", ZONE), "--store", store, code=2).stderr


def test_lists(work):
    store = work + "/s"
    write(work + "/one", ZONE)
    write(work + "/two", ZONE)
    run("import", write(work + "/list", "# zones\none.test\tone\n\ntwo.test\ttwo\r\n"), "--store", store)
    before = contents_of(store)
    for text, said in (("one.test\t192.0.2.1\n", "names a file that cannot be read"), ("one.test\tone\ntwo.test\tmissing\n", "names a file that cannot be read"),
                       ("one.test\tone\ntwo.test\n", "bad:2: "), ("one.test\tone\ntwo..test\ttwo\n", "bad:2: "), ("one.test\tone\nthree.test\t.\n", "names a file that cannot be read")):
        assert said in run("import", write(work + "/bad", text), "--store", store, code=2).stderr, text
        assert contents_of(store) == before, text
    # Twice the same zone: the first counts, the other is named.
    assert len(import_json(write(work + "/twice", "one.test\tone\none.test\ttwo\n"), store, code=1)["findings"]) == 1


def test_two_sources(work):
    """Two sources of one command have the same zone: nobody knows which is right. In a new store, an old one and a dry run."""
    store = work + "/s"
    one = write_dump(work + "/one.sql", {"one.test": [soa("one.test")], "both.test": [soa("both.test")]})
    two = write_dump(work + "/two.sql", {"BOTH.test": [soa("both.test"), ("a.both.test", "A", "192.0.2.1")]})
    three = write_dump(work + "/three.sql", {"three.test": [soa("three.test")]})
    said = "zone both.test. is in two of the sources"
    assert said in run("import", one, two, "--store", store, code=2).stderr
    assert not os.path.exists(store)
    run("import", one, three, "--store", store)
    before = contents_of(store)
    # Its zones in the store are as the source has them, or not.
    for sources in ((one, two), (one, one), (two, three, one)):
        assert said in run("import", *sources, "--store", store, "--dry-run", code=2).stderr, sources
        assert said in run("import", *sources, "--store", store, code=2).stderr, sources
        assert contents_of(store) == before, sources


def test_out_of_zone(work):
    """A record outside of its zone is left out, and is a reason not to end with 0, whatever the source."""
    store = work + "/s"
    os.mkdir(work + "/zones")
    write(work + "/zones/one.test.zone", ZONE + "www.other.test. A 192.0.2.1\n")
    dump = write_dump(work + "/dump.sql", {"one.test": [soa("one.test"), ("www.other.test", "A", "192.0.2.1")]})
    for source in (work + "/zones", work + "/zones/one.test.zone", write(work + "/list", "one.test\tzones/one.test.zone\n"), dump):
        rows = check_sums(import_json(source, store, code=1))
        assert rows["refused"] == 1 and rows["served_as_they_are"] == rows["read"] - 1, (source, rows)
        assert "www.other.test" not in run("zone", "export", "one.test", "--store", store).stdout, source
        os.remove(store)
    run("import", dump, "--store", store, code=1)


def test_not_a_file(work):
    """A pipe and a link to nowhere, named as zones are, are zones that are broken."""
    os.mkdir(work + "/zones")
    write(work + "/zones/one.test.zone", ZONE)
    os.mkfifo(work + "/zones/two.test.zone")
    os.symlink("/nowhere", work + "/zones/three.test.zone")
    os.symlink("/dev/zero", work + "/zones/four.test.zone")
    assert import_json(work + "/zones", work + "/s", code=1)["zones"]["broken"] == 3


# ---------------------------------------------------------------- SQLite files
def test_sqlite(work):
    """Verified before a row is taken, whatever its tables are like."""
    def write_sqlite(path, schema):
        connection = sqlite3.connect(path)
        connection.executescript(schema)
        connection.execute("INSERT INTO domains (id, name, type) VALUES (1, 'example.org', 'NATIVE')")
        rows = [soa("example.org")] + [(f"h{n}.example.org", "TXT", f'"{n * 7919 % 65521:0100}"') for n in range(2000)]
        connection.executemany("INSERT INTO records (domain_id, name, type, content, ttl) VALUES (1, ?, ?, ?, 60)", rows)
        connection.commit()
        connection.close()
        return path

    domains = "CREATE TABLE domains (id INTEGER PRIMARY KEY, name TEXT, type TEXT){};"
    records = "CREATE TABLE records (id INTEGER PRIMARY KEY, domain_id INTEGER, name TEXT, type TEXT, content TEXT, ttl INTEGER, prio INTEGER, disabled BOOLEAN DEFAULT 0, auth BOOL DEFAULT 1){};"
    plain = write_sqlite(work + "/plain", domains.format("") + records.format(""))
    run("import", plain, "--store", work + "/s")
    before = contents_of(work + "/s")
    for name, schema in {
        "without_rowid": "CREATE TABLE domains (id INTEGER, name TEXT PRIMARY KEY, type TEXT) WITHOUT ROWID;"
                         "CREATE TABLE Records (Domain_Id INTEGER, name TEXT, type TEXT, content TEXT, ttl INTEGER, prio, disabled DEFAULT 0, auth DEFAULT 1, PRIMARY KEY (domain_id, name, type, content)) WITHOUT ROWID;",
        "generated": domains.format("").replace("type TEXT", "upper TEXT GENERATED ALWAYS AS (upper(name)), type TEXT") + records.format(""),
        "view": domains.format("") + records.format("").replace("records", "r") + "CREATE VIEW records AS SELECT * FROM r;"
                "CREATE TRIGGER t INSTEAD OF INSERT ON records BEGIN INSERT INTO r (domain_id, name, type, content, ttl) VALUES (new.domain_id, new.name, new.type, new.content, new.ttl); END;"}.items():
        run("import", write_sqlite(f"{work}/{name}", schema), "--store", f"{work}/{name}.store")
        assert contents_of(f"{work}/{name}.store") == before, name
    # PowerDNS asks for disabled = 0, which no text is.
    connection = sqlite3.connect(plain)
    connection.execute("INSERT INTO records (domain_id, name, type, content, ttl, disabled) VALUES (1, 'off.example.org', 'A', '192.0.2.1', 60, 'f'), (1, 'on.example.org', 'A', '192.0.2.1', 60, '0')")
    connection.commit()
    connection.close()
    report = import_json(plain, work + "/s")
    assert report["tables"]["records"]["disabled"] == 1 and "disabled is \"'f'\"" in report["findings"][0]["reason"].replace("''f''", "\"'f'\""), report["findings"]
    before = contents_of(work + "/s")
    with open(plain, "r+b") as f:
        f.seek(5 * 4096)
        f.write(b"\xff" * 60)
    ended = run("import", plain, "--store", work + "/s", code=2)
    assert "damaged: " in ended.stderr and contents_of(work + "/s") == before, ended.stderr
    # An endless query hears a stop.
    endless = sqlite3.connect(work + "/endless")
    endless.executescript(domains.format("") + "CREATE VIEW records AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                          "SELECT 1 AS domain_id, 'a' AS name, 'A' AS type, 'x' AS content, max(i) AS ttl FROM n;")
    endless.close()
    with subprocess.Popen([harness.zonectl_binary(), "import", work + "/endless", "--store", work + "/e"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        harness.wait_until(lambda: os.path.exists(f"/proc/{process.pid}/stat") and int(open(f"/proc/{process.pid}/stat", encoding="ascii").read().split()[13]) > 5, 60, "an import that works")
        process.send_signal(signal.SIGINT)
        assert "interrupted; the store is as it was" in process.communicate(timeout=60)[1]
        assert process.returncode == 2, process.returncode
    assert not os.path.exists(work + "/e")


# ---------------------------------------------------------------- and out
def test_export(work):
    """An export is as careful as an import: data that a zone file cannot have is named, and no zone goes out without its signatures unasked."""
    zones = {"good.test": [soa("good.test")], "off.test": [soa("off.test"), ("a.off.test", "A", "192.0.2.1", {"disabled": "t"})],
             "alias.test": [soa("alias.test"), ("a.alias.test", "ALIAS", "a.good.test")], "signed.test": [soa("signed.test")], "broken.test": [("a.broken.test", "A", "192.0.2.1")]}
    store = work + "/s"
    run("import", write_dump(work + "/dump.sql", zones, keys=["signed.test"]), "--store", store, code=1)

    def export(folder, *flags):
        return run("export", "--store", store, "--to", "zone-files", "-o", f"{work}/{folder}", *flags, code=1).stderr, set(os.listdir(f"{work}/{folder}"))

    said, files = export("files")
    assert files == {"good.test.zone", "off.test.zone", "alias.test.zone"}, files
    for words in ("zone signed.test. is signed by PowerDNS", "zone broken.test. is broken", "zone off.test.: a.off.test. A 192.0.2.1 is disabled: in a comment",
                  "zone alias.test.: a.alias.test. ALIAS a.good.test is of a type that only PowerDNS has: in a comment"):
        assert words in said, (words, said)
    assert len(said.splitlines()) == 4, said
    assert export("unsigned", "--serve-unsigned")[1] == files | {"signed.test.zone"}
    for zone, code in {"good.test": 0, "off.test": 0, "alias.test": 1, "signed.test": 1, "broken.test": 1}.items():
        ended = run("zone", "export", zone, "--store", store, code=code)
        assert bool(ended.stdout) == (zone in ("good.test", "off.test", "alias.test")), (zone, ended.stdout)
        assert bool(ended.stderr) == (zone != "good.test"), (zone, ended.stderr)
    assert "SOA" in run("zone", "export", "signed.test", "--store", store, "--serve-unsigned").stdout
    # A pipe or device is written into and stays; a link keeps leading to the same place.
    os.mkfifo(work + "/pipe")
    with subprocess.Popen(["cat", work + "/pipe"], stdout=subprocess.PIPE) as reader:
        run("export", "--store", store, "-o", work + "/pipe")
        through_pipe = reader.communicate(timeout=60)[0]
    assert stat.S_ISFIFO(os.stat(work + "/pipe").st_mode)
    os.symlink("out.sql", work + "/link")
    write(work + "/out.sql", "")
    # A dump has all, the keys too.
    run("export", "--store", store, "-o", work + "/link")
    assert os.path.islink(work + "/link")
    with open(work + "/out.sql", "rb") as f:
        assert f.read() == through_pipe and through_pipe.startswith(b"--")
    run("import", work + "/out.sql", "--store", work + "/again", code=1)
    assert contents_of(work + "/again") == contents_of(store)


def main():
    for test in (test_sums, test_not_served, test_no_zone, test_file_names, test_lists, test_two_sources, test_out_of_zone, test_not_a_file, test_sqlite, test_export):
        with tempfile.TemporaryDirectory(prefix="zonectl-e2e-sums-") as work:
            test(work)
            print(f"{test.__name__}: ok", flush=True)


if __name__ == "__main__":
    sys.exit(main())
