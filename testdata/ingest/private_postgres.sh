#!/bin/sh
# private_postgres.sh start|stop DIR: a PostgreSQL with the sample database, on a Unix socket in DIR/sock only. Anybody may connect but
# user pdns, who needs a password.
set -eu
here=$(dirname "$(readlink -f "$0")")
PGDIR=${2%/}
. "$here/../../bench/peers/pg.sh"
case $1 in
start)
    chmod 755 "$PGDIR"
    PG_SHARED_BUFFERS=16MB
    pg_init
    rm -f "$PGDIR.initdb.log"
    as_pg sh -c 'printf "local all pdns scram-sha-256\nlocal all all trust\n" >"$0"' "$PGDIR/db/pg_hba.conf"
    pg_start
    pg_psql -d postgres -c 'CREATE DATABASE pdns' -c "CREATE ROLE pdns LOGIN PASSWORD 'right'"
    pg_psql -d pdns <"$(pg_schema_file)"
    pg_psql -d pdns <"$here/sample.sql"
    ;;
stop) pg_stop ;;
*) exit 2 ;;
esac
