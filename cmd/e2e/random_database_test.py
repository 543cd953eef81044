#!/usr/bin/env python3
"""A random PowerDNS database, in every form in which it can come, gives equal stores; and import -> export -> import is the
identity.

  random_database_test.py [--seed S] [--databases N]

Each database is put into a real PostgreSQL with PowerDNS's schema, imported from there, from every form of pg_dump, and from
the same rows as a gsqlite3 file and as a MySQL dump. Some zones are right, most have rows that are not. A database is a function of its
seed: a failure names it.
"""
import argparse
import gzip
import json
import lzma
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile

import harness

TABLES = {
    "domains": ["id", "name", "master", "last_check", "type", "notified_serial", "account", "options", "catalog"],
    "records": ["id", "domain_id", "name", "type", "content", "ttl", "prio", "disabled", "ordername", "auth"],
    "domainmetadata": ["id", "domain_id", "kind", "content"],
    "comments": ["id", "domain_id", "name", "type", "modified_at", "account", "comment"],
    "cryptokeys": ["id", "domain_id", "flags", "active", "published", "content"],
    "tsigkeys": ["id", "name", "algorithm", "secret"],
    "supermasters": ["ip", "nameserver", "account"],
}
# Each row that was read is in one of these.
FATES = ("served_as_they_are", "repaired", "disabled", "powerdns_only", "made_anew", "without_type", "same_twice", "of_zones_not_served",
         "of_unchanged_zones", "refused")
PRIVATE_KEY = "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: inwNTuSeDQ4VzdktDiWsTqkMVGQt+49ALRzqn9Ht050=\n"


# ---------------------------------------------------------------- a random database
class RandomDatabase:
    """`rows`: {table: [tuple]}, None is NULL."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.rows = {table: [] for table in TABLES}
        self.apexes = []
        for _ in range(self.rng.randint(1, 25)):
            self.domain()
        for _ in range(self.rng.randint(0, 4)):  # of no domain
            self.record(self.rng.choice([None, 7777]), "nowhere.example")
        for number in range(self.rng.randint(0, 3)):
            self.add("tsigkeys", f"key{number}", self.rng.choice(["hmac-md5", "hmac-md5.sig-alg.reg.int", "hmac-sha256", "hmac-none"]),
                     self.rng.choice(["c2VjcmV0", "no base64!", ""]))
        for number in range(self.rng.randint(0, 3)):
            self.rows["supermasters"].append((self.rng.choice([f"192.0.2.{number}", f"2001:db8::{number + 1}"]), f"ns{number}.example", self.text()))
        for table in ("records", "domainmetadata", "comments"):
            self.rng.shuffle(self.rows[table])
        # Ids tell the order of rows no more than of zones.
        self.rows["domains"].sort(key=lambda _: self.rng.random())

    def add(self, table, *values):
        self.rows[table].append((len(self.rows[table]) + 1, *values))

    def chance(self, probability):
        return self.rng.random() < probability

    def text(self):
        """Text as people write it: any characters but NUL."""
        return "".join(self.rng.choice(["a", "Z", "7", " ", "'", '"', "\\", "\t", "\n", "\r", "\\.", "\\N", ";", "--", "ü", "\u2603", "\x7f", "\x01", "$$", "%", "\b", "\x1a"])
                       for _ in range(self.rng.randint(0, 12)))

    def label(self):
        return self.rng.choice(["a", "b", "www", "mail", "_tcp", "*", "x-1", "first\\.last", "my\\032printer", "\\200\\255", "0", "ns1", "l" * 63])

    def name(self, apex):
        labels = [self.label() for _ in range(self.rng.choice([0, 0, 1, 1, 1, 2, 3]))]
        return ".".join(labels + ([apex] if apex else []))[-250:]

    def target(self, apex):
        name = self.rng.choice([self.name(apex), self.name(apex), "ns.other.example", self.rng.choice(self.apexes)]) or "."
        return name + ("." if self.chance(0.2) and name != "." else "")

    def domain(self):
        parent = self.rng.choice(self.apexes) if self.apexes and self.chance(0.3) else self.rng.choice(["example", "test.example", "in-addr.arpa"])
        apex = "" if self.chance(0.02) else f"{self.label()}{self.rng.randint(0, 99)}"[-60:] + ("." + parent if parent else "")
        if len(apex) > 180 or apex in self.apexes:
            return
        self.apexes.append(apex)
        number = len(self.rows["domains"]) * 3 + 2
        signed = self.chance(0.1)
        self.rows["domains"].append((
            number, apex, self.rng.choice([None, "", "192.0.2.1", "192.0.2.1:5300, [2001:db8::1]:53;2001:db8::2"]), self.rng.choice([None, 0, 1700000000]),
            self.rng.choice(["NATIVE", "Native", "MASTER", "SLAVE", "PRODUCER", "consumer", "ODD"]), self.rng.choice([None, 2024010101, 4294967295]),
            self.rng.choice([None, "", "account", self.text()[:30]]), self.rng.choice([None, "", '{"producer":{"group":["one"],"unique":"abc"}}', self.text()]),
            self.rng.choice([None, "", "catalog.example"])))
        for _ in range(self.rng.choice([1] * 20 + [0, 2])):
            soa = f"ns1.{apex or 'example'} hostmaster.{apex or 'example'} {self.rng.choice([0, 1, 2024010101, 4294967295])} 7200 900 86400 300"
            if self.chance(0.1):
                soa = self.rng.choice([soa.rsplit(" ", 3)[0], soa.replace("hostmaster.", "host@", 1), self.mutated(soa)])
            self.add("records", number, apex, "SOA", soa, self.ttl(), 0, self.chance(0.04), None, True)
        for _ in range(self.rng.choice([3, 10, 40])):
            self.record(number, apex)
        for _ in range(self.rng.choice([0, 0, 0, 1, 4])):
            self.add("domainmetadata", number, self.rng.choice(["ALLOW-AXFR-FROM", "X-THING", "SOA-EDIT-API", "PRESIGNED", "NSEC3PARAM", "ODD", None]), self.rng.choice([None, "1", "192.0.2.0/24", self.text()]))
        for _ in range(self.rng.choice([0, 0, 1, 3])):
            self.add("comments", number, self.name(apex), self.rng.choice(["A", "SOA", "TXT"]), self.rng.choice([0, 1700000000]), self.rng.choice([None, "", self.text()[:30]]), self.text())
        for _ in range(self.rng.randint(1, 2) if signed else 0):
            self.add("cryptokeys", number, self.rng.choice([257, 256, 0]), self.rng.choice([True, False, None]), self.rng.choice([True, False, None]),
                     self.rng.choice([PRIVATE_KEY, PRIVATE_KEY, "", None]))

    def ttl(self):
        return self.rng.choice([300, 3600, 3600, 3600, 0, None, 2147483647, -1]) if self.chance(0.2) else 3600

    def mutated(self, text):
        at = self.rng.randint(0, len(text))
        return text[:at] + self.rng.choice(["", "x", " ", '"', "\\", "999999", ".", "\u00e9", "("]) + text[at + self.rng.randint(0, 2):]

    def record(self, domain, apex):
        rng = self.rng
        kind = rng.choice(list(CONTENTS) + ["A", "A", "AAAA", "TXT", "MX", "NS", "CNAME"])
        content = CONTENTS[kind](self, apex)
        if content is not None and self.chance(0.08):
            content = self.mutated(content)
        name = self.rng.choice(["outside.test", None, ""]) if self.chance(0.03) else self.name(apex)
        prio = rng.choice([0, 10, 65535]) if kind in ("MX", "SRV") and not self.chance(0.1) else rng.choice([0, 0, None, 70000, -1])
        values = [domain, name, kind or None, content, self.ttl() if kind else None, prio if kind else None, rng.choice([True, True, None]) if self.chance(0.08) else False, rng.choice([None, "", "www a"]),
                  not self.chance(0.1)]
        self.add("records", *values)
        if self.chance(0.06):
            self.add("records", *values)  # a row twice
        if self.chance(0.06):
            self.add("records", *values[:4], 77, *values[5:])


def strings(database, _apex):
    rng = database.rng
    return " ".join(rng.choice(['"v=spf1 mx -all"', '""', '"a \\"quote\\" and \\\\"', '"semi;colon"', '"\\195\\188"', '"ü"', f'"{"t" * 255}"', f'"{"u" * 300}"', "unquoted"])
                    for _ in range(rng.randint(1, 3)))


CONTENTS = {
    "A": lambda d, apex: f"192.0.2.{d.rng.randint(0, 260)}",
    "AAAA": lambda d, apex: f"2001:db8::{d.rng.randint(0, 65535):x}",
    "NS": lambda d, apex: d.target(apex),
    "CNAME": lambda d, apex: d.target(apex),
    "DNAME": lambda d, apex: d.target(apex),
    "PTR": lambda d, apex: d.target(apex),
    "MX": lambda d, apex: ("20 " if d.chance(0.1) else "") + d.target(apex),
    "SRV": lambda d, apex: ("5 " if d.chance(0.1) else "") + "5 5060 " + d.target(apex),
    "TXT": strings,
    "SPF": strings,
    "CAA": lambda d, apex: '0 issue "ca.example.net"',
    "HTTPS": lambda d, apex: d.rng.choice(["1 . alpn=h2,h3 ipv4hint=192.0.2.10", "0 " + d.target(apex), "1 svc.example port=8443 key7=x"]),
    "NAPTR": lambda d, apex: '100 10 "s" "SIP+D2U" "" ' + d.target(apex),
    "DS": lambda d, apex: "12345 13 2 " + "0123456789ABCDEF" * 4,
    "TLSA": lambda d, apex: "3 1 1 " + "ab" * 32,
    "SSHFP": lambda d, apex: "4 2 " + "cd" * 32,
    "LOC": lambda d, apex: "50 5 12.000 N 14 25 30.000 E 200m 10m 100m 10m",
    "TYPE65280": lambda d, apex: "\\# 4 00010203",
    "ALIAS": lambda d, apex: d.target(apex),
    "LUA": lambda d, apex: "A \"ifportup(443, {'192.0.2.1', '192.0.2.2'})\"",
    "URL": lambda d, apex: "https://www.example.net/",
    "RRSIG": lambda d, apex: f"A 13 2 3600 20460101000000 20260101000000 5956 {apex or '.'} c2lnbmF0dXJl",
    "NOTYPE": lambda d, apex: "something",
    "": lambda d, apex: None,  # an empty non-terminal
}


# ---------------------------------------------------------------- its forms
def copy_value(value):
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    escapes = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    return "".join(escapes.get(c, c) for c in str(value))


def mysql_value(value):
    if value is None:
        return "NULL"
    if isinstance(value, (bool, int)):
        return str(int(value))
    escapes = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"}
    return "'" + "".join(escapes.get(c, c) for c in value) + "'"


def write_mysql_dump(path, rows, rng):
    """As mysqldump writes it: a table's columns in CREATE TABLE, rows without names of columns."""
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write("-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)\n\n/*!40101 SET NAMES utf8mb4 */;\n")
        for table in rng.sample(list(TABLES), len(TABLES)):
            f.write(f"\nDROP TABLE IF EXISTS `{table}`;\nCREATE TABLE `{table}` (\n" + ",\n".join(f"  `{column}` text DEFAULT NULL" for column in TABLES[table]) + "\n) ENGINE=InnoDB;\n")
            values = ["(" + ",".join(map(mysql_value, row)) + ")" for row in rows[table]]
            while values:
                count = rng.randint(1, 50)
                f.write(f"INSERT INTO `{table}` VALUES " + ",".join(values[:count]) + ";\n")
                values = values[count:]
        f.write("\n-- Dump completed on 2026-01-01  0:00:00\n")


def write_sqlite(path, rows):
    connection = sqlite3.connect(path)
    for table, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows[table])
    connection.commit()
    connection.close()


# ---------------------------------------------------------------- comparing
def run(*argv, text=None, code=(0,)):
    ended = subprocess.run(argv, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    if ended.returncode not in code:
        raise AssertionError(f"{' '.join(argv)}: exit code {ended.returncode}: {ended.stdout[-1000:]}{ended.stderr[-2000:]}")
    return ended.stdout


def without_left_out(settings):
    """A zone's settings (pkg/settings/settings.cc) without the rows that its source had and that were refused; and those. They stand last."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            octet = settings[at]
            at, value, shift = at + 1, value | (octet & 0x7f) << shift, shift + 7
            if octet < 0x80:
                return value

    def text():
        nonlocal at
        size = number()
        at += size

    fields = {1: [number], 2: [text], 3: [text], 4: [text], 5: [text], 6: [number], 7: [number], 8: [text, text], 9: [text] * 4 + [number],
              10: [number, number, text], 11: [number, number, text, text, text, number, number]}
    while at < len(settings) and settings[at] != 14:
        tag, at = settings[at], at + 1
        for read in fields[tag]:
            read()
    return settings[:at], settings[at:]


def contents_of(store):
    """All that a store holds and that does not depend on where it came from."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    zones = connection.execute("SELECT key, state, serial, records, settings, image FROM zones LEFT JOIN images USING (id) ORDER BY key").fetchall()
    named = connection.execute("SELECT name, octets FROM named ORDER BY name").fetchall()
    connection.close()
    return [(*zone[:4], without_left_out(zone[4])[0], zone[5]) for zone in zones], named


def left_out_of(store):
    """The refused rows of each zone's source, by zone."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    found = {key: without_left_out(settings)[1] for key, settings in connection.execute("SELECT key, settings FROM zones")}
    connection.close()
    return found


class Imported:
    """A source, imported into a store of its own."""

    def __init__(self, source, store, *flags, code=(0, 1)):
        self.store = store
        report = json.loads(run(harness.zonectl_binary(), "import", source, "--store", store, "--json", *flags, code=code))
        assert len(report["findings"]) == report["findings_total"], report["findings_total"]
        for table in report["tables"].values():
            assert table["read"] == sum(table[fate] for fate in FATES), report["tables"]
        self.tables = report["tables"]
        assert sum(t["refused"] for t in report["tables"].values()) == sum(f["verdict"] == "refused" for f in report["findings"])
        self.made = report["made"]
        self.zones = report["zones"]
        # In each form a row stands in another line; so which of two equal rows is the doubtful one differs.
        tables = {table: (counts["read"], *(counts[fate] for fate in FATES)) for table, counts in report["tables"].items()}
        self.judgement = (tables, report["zones"], report["records"], report["kept"],
                          sorted((f["table"], f["zone"], f["record"], f["verdict"], re.sub(r"line \d+", "line", f["reason"]), f["effect"]) for f in report["findings"]))
        self.contents = contents_of(store)

    def check_stats(self, seed):
        """A store that was new holds the sums that the import says."""
        stats = json.loads(run(harness.zonectl_binary(), "store", "stats", "--store", self.store, "--json"))["rows"]
        rows = self.tables["records"]
        expect_equal("store stats", {"served_as_they_are": rows["served_as_they_are"] + rows["repaired"] + rows["made_anew"] + self.made, "disabled": rows["disabled"],
                                     "powerdns_only": rows["powerdns_only"], "of_zones_not_served": rows["of_zones_not_served"]}, stats, seed)

    def export(self):
        path = self.store + ".export.sql"
        run(harness.zonectl_binary(), "export", "--store", self.store, "-o", path)
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as f:
            return path, f.read()


def without_ids(dump):
    """The rows, in no order: ids are counted anew by each export."""
    return sorted(re.sub(r"^\d+\t(\d+\t)?", "", line) for line in dump.split("\n"))


def first_difference(one, other):
    for a, b in zip(one, other):
        if a != b:
            return a, b
    return (one[len(other):len(other) + 1], other[len(one):len(one) + 1])


def expect_equal(what, one, other, seed):
    if one == other:
        return
    difference = first_difference(one, other) if isinstance(one, (list, tuple, str)) else (one, other)
    while isinstance(difference[0], (list, tuple)) and isinstance(difference[1], (list, tuple)) and difference[0] and difference[1] and len(str(difference)) > 2000:
        difference = first_difference(*difference)
    raise AssertionError(f"seed {seed}: {what}: {str(difference)[:3000]}")


# ---------------------------------------------------------------- the test
class Postgres:
    def __init__(self, folder):
        self.folder = folder
        self.script = os.path.join(harness.ROOT, "testdata", "ingest", "private_postgres.sh")

    def __enter__(self):
        run("sh", self.script, "start", self.folder)
        self.psql("postgres", "CREATE DATABASE empty TEMPLATE pdns")
        self.psql("empty", "TRUNCATE " + ", ".join(TABLES) + " CASCADE")
        return self

    def __exit__(self, *_):
        run("sh", self.script, "stop", self.folder)

    @property
    def connection(self):
        return ["-h", os.path.join(self.folder, "sock"), "-U", "postgres"]

    def psql(self, database, text):
        return run("psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", *self.connection, "-d", database, text=text)

    def psql_value(self, database, query):
        return run("psql", "-q", "-X", "-A", "-t", *self.connection, "-d", database, "-c", query).strip()

    def uri(self, database):
        return f"postgresql://postgres@/{database}?host={os.path.join(self.folder, 'sock')}"

    def fill(self, database, rows):
        self.psql("postgres", f"CREATE DATABASE {database} TEMPLATE empty")
        text = "SET client_encoding = 'UTF8'; SET session_replication_role = replica;\n"
        for table, columns in TABLES.items():
            text += f"COPY {table} ({', '.join(columns)}) FROM stdin;\n"
            text += "".join("\t".join(map(copy_value, row)) + "\n" for row in rows[table]) + "\\.\n"
        self.psql(database, text)

    def dump(self, database, path, *flags):
        run("pg_dump", *self.connection, *flags, "-f", path, database)
        return path


def compressed(path, kind):
    with open(path, "rb") as f:
        data = f.read()
    out = f"{path}.{kind}"
    if kind == "zst":
        run("zstd", "-q", path, "-o", out)
        return out
    with (gzip.open if kind == "gz" else lzma.open)(out, "wb") as f:
        f.write(data)
    return out


def check_database(postgres, seed, work):
    rng = random.Random(seed)
    database = f"r{seed}"
    rows = RandomDatabase(seed).rows
    postgres.fill(database, rows)
    plain = postgres.dump(database, f"{work}/copy.sql")
    write_sqlite(f"{work}/pdns.sqlite3", rows)
    write_mysql_dump(f"{work}/mysql.sql", rows, rng)
    forms = {
        "inserts": postgres.dump(database, f"{work}/inserts.sql", "--inserts"),
        "column_inserts": postgres.dump(database, f"{work}/column_inserts.sql", "--column-inserts", f"--rows-per-insert={rng.randint(1, 40)}"),
        "data_only": postgres.dump(database, f"{work}/data_only.sql", "--data-only"),
        "custom": postgres.dump(database, f"{work}/custom", "-Fc"),
        "directory": postgres.dump(database, f"{work}/directory", "-Fd"),
        "gzip": compressed(plain, "gz"),
        "zstd": compressed(plain, "zst"),
        "xz": compressed(plain, "xz"),
        "live": postgres.uri(database),
        "sqlite": f"{work}/pdns.sqlite3",
        "mysql": f"{work}/mysql.sql",
    }
    flags = ["--repair"] if rng.random() < 0.3 else []
    flags += ["--serve-unsigned"] if rng.random() < 0.3 else []
    first = Imported(plain, f"{work}/store", *flags)
    first.check_stats(seed)
    read = {table: len(table_rows) for table, table_rows in rows.items()}
    expect_equal("rows read", {t: n for t, n in read.items() if t != "other"}, {t: first.judgement[0][t][0] for t in read}, seed)
    for form, source in forms.items():
        other = Imported(source, f"{work}/store-{form}", *flags)
        expect_equal(f"{form}: the report", first.judgement, other.judgement, seed)
        expect_equal(f"{form}: the store", first.contents, other.contents, seed)

    # Import -> export -> import is the identity: nothing is refused or doubtful any more, and nothing differs.
    path, text = first.export()
    again = Imported(path, f"{work}/again", *flags)
    expect_equal("export and import: the store", first.contents, again.contents, seed)
    expect_equal("export and import and export", without_ids(text), without_ids(again.export()[1]), seed)
    # Except the list of refused rows, which the export does not have.
    left_out, left_out_again = left_out_of(first.store), left_out_of(again.store)
    forgotten = sum(left_out[key] != left_out_again[key] for key in left_out)
    merged = Imported(path, first.store, *flags, "--prune")
    for what, wanted in (("added", 0), ("changed", forgotten), ("removed", 0)):
        assert merged.zones[what] == wanted, f"seed {seed}: the export imported over its store, of which {forgotten} zones had refused rows: {merged.zones}"
    # And PostgreSQL takes it, with all of its constraints.
    postgres.psql("postgres", f"CREATE DATABASE {database}_again TEMPLATE empty")
    postgres.psql(f"{database}_again", text)
    restored = Imported(postgres.uri(f"{database}_again"), f"{work}/restored", *flags)
    expect_equal("export, restored by PostgreSQL, and imported from there", first.contents, restored.contents, seed)
    # The same database again: the refused rows are known again, and from then on nothing changes.
    for wanted_changed in (forgotten, 0):
        merged = Imported(plain, first.store, *flags, "--prune")
        for what, wanted in (("added", 0), ("changed", wanted_changed), ("removed", 0)):
            assert merged.zones[what] == wanted, f"seed {seed}: imported again: {merged.zones}, wanted {wanted} {what}"
    expect_equal("imported again: the store", (first.contents, left_out), (contents_of(first.store), left_out_of(first.store)), seed)
    for name in (database, f"{database}_again"):
        postgres.psql("postgres", f"DROP DATABASE {name}")
    return sum(read.values()), len(first.judgement[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--databases", type=int, default=4)
    options = parser.parse_args()
    rows = findings = 0
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-database-") as folder, Postgres(folder) as postgres:
        for seed in range(options.seed, options.seed + options.databases):
            with tempfile.TemporaryDirectory(prefix="zonectl-e2e-database-") as work:
                counts = check_database(postgres, seed, work)
            rows, findings = rows + counts[0], findings + counts[1]
    print(f"{options.databases} databases, {rows} rows, {findings} findings: ok")


if __name__ == "__main__":
    sys.exit(main())
