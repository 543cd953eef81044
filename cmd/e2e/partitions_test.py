#!/usr/bin/env python3
"""A PowerDNS database whose tables are partitioned, inherited or views, in a real PostgreSQL: read live and from every form of its
dump. Each gives the zones that the plain tables give. Rows whose table cannot be told are refused with a count, never left out in silence.

  partitions_test.py
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import harness
from random_database_test import Postgres, contents_of

DOMAINS = "id integer NOT NULL, name varchar(255) NOT NULL, master varchar(128), last_check integer, type text NOT NULL, notified_serial bigint, account varchar(40)"
RECORDS = ("id bigint NOT NULL, domain_id integer, name varchar(255), type varchar(10), content varchar(65535), ttl integer, prio integer, "
           "disabled boolean DEFAULT false, ordername varchar(255), auth boolean DEFAULT true")
ZONES = 12

SCHEMAS = {
    "plain": f"CREATE TABLE domains ({DOMAINS}); CREATE TABLE records ({RECORDS});",
    # Declared in CREATE TABLE … PARTITION OF, attached with columns in another order, one with partitions of its own, and a default.
    "partitions": f"""
        CREATE TABLE domains ({DOMAINS}) PARTITION BY RANGE (id);
        CREATE TABLE domains_low PARTITION OF domains FOR VALUES FROM (MINVALUE) TO (6);
        CREATE TABLE domains_rest PARTITION OF domains DEFAULT;
        CREATE TABLE records ({RECORDS}) PARTITION BY LIST (type);
        CREATE TABLE records_soa PARTITION OF records FOR VALUES IN ('SOA');
        CREATE TABLE "records NS" (auth boolean DEFAULT true, type varchar(10), {RECORDS.replace("type varchar(10), ", "").replace(", auth boolean DEFAULT true", "")});
        ALTER TABLE records ATTACH PARTITION "records NS" FOR VALUES IN ('NS');
        CREATE TABLE records_rest PARTITION OF records DEFAULT PARTITION BY HASH (domain_id);
        CREATE TABLE records_rest_0 PARTITION OF records_rest FOR VALUES WITH (modulus 2, remainder 0);
        CREATE SCHEMA far;
        CREATE TABLE far.records_rest_1 PARTITION OF records_rest FOR VALUES WITH (modulus 2, remainder 1);""",
    # Rows in the parent, in a child and in a child's child that has a column more.
    "inherited": f"""
        CREATE TABLE domains ({DOMAINS});
        CREATE TABLE domains_more () INHERITS (domains);
        CREATE TABLE records ({RECORDS});
        CREATE TABLE records_a () INHERITS (records);
        CREATE TABLE records_b (note text) INHERITS (records_a);""",
}
VIEWS = f"""CREATE TABLE d ({DOMAINS}); CREATE TABLE r ({RECORDS});
    CREATE VIEW domains AS SELECT * FROM d; CREATE VIEW records AS SELECT * FROM r WHERE ttl > 0;"""


def rows():
    """(domains, records): tuples of SQL literals."""
    domains, records = [], []
    for n in range(1, ZONES + 1):
        apex = f"z{n}.example"
        domains.append((str(n), f"'{apex}'", "'NATIVE'"))
        for name, rtype, content in ((apex, "SOA", f"ns1.{apex} h.{apex} {n} 2 3 4 5"), (apex, "NS", f"ns1.{apex}"), (f"ns1.{apex}", "A", "192.0.2.1"),
                                     (f"t.{apex}", "TXT", '"a\tb"')):
            records.append((str(len(records) + 1), str(n), f"'{name}'", f"'{rtype}'", f"'{content}'", "60", "0"))
    return domains, records


def inserts(domains_of, records_of):
    """Each row into the table that the functions name."""
    domains, records = rows()
    out = [f"INSERT INTO {domains_of(int(row[0]))} (id, name, type) VALUES ({', '.join(row)});" for row in domains]
    out += [f"INSERT INTO {records_of(int(row[0]))} (id, domain_id, name, type, content, ttl, prio) VALUES ({', '.join(row)});" for row in records]
    return "\n".join(out)


def run(*args, code=0):
    ended = subprocess.run([harness.zonectl_binary(), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    if ended.returncode != code:
        raise AssertionError(f"{args}: exit code {ended.returncode}, wanted {code}: {ended.stdout[-1500:]}{ended.stderr[-1500:]}")
    return ended


def expect(work, source, store, wanted):
    report = json.loads(run("import", source, "--store", f"{work}/{store}", "--json").stdout)
    assert report["tables"]["records"]["read"] == report["tables"]["records"]["served_as_they_are"] == 4 * ZONES, (store, report["tables"])
    # The column that a child has for itself is said.
    assert all(f["reason"] == "column note is none of PowerDNS's schema" for f in report["findings"]), (store, report["findings"])
    assert contents_of(f"{work}/{store}") == wanted, store


def forms(postgres, database, work):
    for name, flags in {"copy": (), "inserts": ("--inserts",), "column-inserts": ("--column-inserts",), "rows-per-insert": ("--rows-per-insert=7",), "custom": ("-Fc",),
                        "tar": ("-Ft",), "directory": ("-Fd",), "root": ("--load-via-partition-root",)}.items():
        yield name, postgres.dump(database, f"{work}/{database}.{name}", *flags)


def main():
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-pg-") as folder, Postgres(folder) as postgres, tempfile.TemporaryDirectory(prefix="zonectl-e2e-partitions-") as work:
        wanted = None
        for database, schema in SCHEMAS.items():
            postgres.psql("postgres", f"CREATE DATABASE {database}")
            place = (lambda n: ("domains", "domains_more")[n % 2], lambda n: ("records", "records_a", "records_b")[n % 3]) if database == "inherited" \
                else (lambda n: "domains", lambda n: "records")
            postgres.psql(database, schema + inserts(*place))
            if wanted is None:
                run("import", postgres.uri(database), "--store", work + "/wanted")
                wanted = contents_of(work + "/wanted")
            else:
                expect(work, postgres.uri(database), database + "-live", wanted)
            for form, source in forms(postgres, database, work):
                expect(work, source, f"{database}-{form}", wanted)
            if database == "plain":
                continue
            # Without the schema nobody can tell whose rows these are: refused, one finding a table.
            source = postgres.dump(database, f"{work}/{database}.data", "--data-only")
            ended = run("import", source, "--store", f"{work}/{database}-data", "--json", code=2 if database == "partitions" else 1)
            if database == "partitions":
                assert "has the columns of one: if it is a partition, dump with the schema or with --load-via-partition-root" in ended.stderr, ended.stderr
                continue
            refused = {f["reason"]: f["verdict"] for f in json.loads(ended.stdout)["findings"] if f["table"] == "other"}
            assert len(refused) == 3 and set(refused.values()) == {"refused"}, refused
            assert all(re.search(r"table (domains_more|records_a|records_b) is none of PowerDNS's schema: \d+ rows, which have the columns of one", reason) for reason in refused), refused
        postgres.psql("postgres", "CREATE DATABASE views")
        postgres.psql("views", VIEWS + inserts(lambda n: "d", lambda n: "r"))
        expect(work, postgres.uri("views"), "views-live", wanted)
        # A dump has the view's definition and no rows of it.
        run("import", postgres.dump("views", work + "/views.sql"), "--store", work + "/views", code=2)
        assert not os.path.exists(work + "/views")
    print("partitions: ok")


if __name__ == "__main__":
    sys.exit(main())
