#!/usr/bin/env bash
# The sqlite3 shell's .dump ends a text at its first NUL, and says nothing: what is read back is shorter than what was there.
#
# Package: sqlite3 3.40.1-2+deb12u2 (Debian 12).
# Seen:    a TEXT value of five octets, 61 00 62 63 64, of which a dump has one: 'a'. hex() of the value in the restored database is 61.
#          quick_check finds nothing wrong with either database.
# Why it matters: PowerDNS's SQLite schema has no type for octets; content with a NUL is legal there (RFC 1035 section 3.3 lets a
#          character-string hold any octet) and comes over a live read, while the dump of the same database gives another zone.
#
# Exit code 0: still so. 1: sqlite3 does otherwise now. 2: could not tell.
set -euo pipefail
version=3.40.1-2+deb12u2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download "sqlite3=$version" libsqlite3-0 libreadline8 libtinfo6 >/dev/null || exit 2
for package in *.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu
sqlite3=$work/root/usr/bin/sqlite3

"$sqlite3" before.db "CREATE TABLE t (content TEXT); INSERT INTO t VALUES (CAST(x'6100626364' AS TEXT));" || exit 2
"$sqlite3" before.db .dump >dump.sql || exit 2
"$sqlite3" after.db <dump.sql || exit 2
before=$("$sqlite3" before.db 'SELECT hex(content) FROM t; PRAGMA quick_check')
after=$("$sqlite3" after.db 'SELECT hex(content) FROM t; PRAGMA quick_check')
echo "before:" $before
echo "after: " $after
[ "$before" = "6100626364
ok" ] || exit 2
[ "$after" = "61
ok" ] || exit 1
echo "as described"
