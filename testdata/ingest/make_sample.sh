#!/bin/sh
# Makes sample.* anew out of sample.sql: loads it into a private PostgreSQL with PowerDNS's own schema, and into SQLite,
# and dumps that in every form. Needs the packages postgresql, pdns-backend-pgsql, pdns-backend-sqlite3, sqlite3.
set -eu
here=$(dirname "$(readlink -f "$0")")
PGDIR=$(mktemp -d)
. "$here/../../bench/peers/pg.sh"
trap 'pg_stop; rm -rf "$PGDIR" "$PGDIR.initdb.log"' EXIT
trap 'exit 1' INT TERM
chmod 755 "$PGDIR"
PG_SHARED_BUFFERS=16MB
pg_init
pg_start
pg_psql -d postgres -c 'CREATE DATABASE pdns'
pg_psql -d pdns <"$(pg_schema_file)"
pg_psql -d pdns <"$here/sample.sql"
dump() { "$PGBIN/pg_dump" -h "$PGSOCK" -U postgres "$@" pdns; }
dump >"$here/sample.pg_dump.sql"
dump --inserts >"$here/sample.inserts.sql"
dump --column-inserts --rows-per-insert=7 >"$here/sample.column_inserts.sql"
dump --data-only >"$here/sample.data_only.sql"
dump -Fc >"$here/sample.custom"
rm -rf "$here/sample.directory"
as_pg "$PGBIN/pg_dump" -h "$PGSOCK" -U postgres -Fd -f "$PGDIR/directory" pdns
cp -r "$PGDIR/directory" "$here/sample.directory"
for program in gzip zstd xz; do
    $program -c "$here/sample.pg_dump.sql" >"$here/sample.pg_dump.sql.$program"
done
rm -f "$here/sample.sqlite3"
# SQLite's literals: no E'', no true and false before 3.23, octets above 127 as they are.
{
    cat /usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql
    echo 'PRAGMA foreign_keys = 0;'
    dump --data-only --column-inserts | sed -n '/^INSERT/,/);$/p' |
        sed -e 's/^INSERT INTO public\./INSERT INTO /'
} | sqlite3 "$here/sample.sqlite3"
sqlite3 "$here/sample.sqlite3" .dump >"$here/sample.sqlite3.sql"
