#!/usr/bin/env bash
# In PowerDNS a second row of `domains`, whose name has a final dot and which has no records, takes the zone off the net that
# the first row has: but only while the zone cache is on, as it is by default.
#
# Packages: pdns-server and pdns-backend-sqlite3 4.7.3-2 (Debian 12), with the schema that comes with them.
# Seen:     domains (1, 'example.com') with a whole zone, (2, 'example.com.') without records. www.example.com A is NOERROR with
#           zone-cache-refresh-interval=0, and REFUSED with 300, the default. Names of the cache have no final dot, so the two are
#           one there, and the row that was read last stands for it.
# Why it matters: the schema's unique index lets both rows in. After a move of such a database to another server a zone is answered
#           that the old server refuses, or the other way round, by a setting that is not in the database.
#
# Exit code 0: still so. 1: PowerDNS does otherwise now. 2: could not tell.
set -euo pipefail
version=4.7.3-2
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
apt-get download "pdns-server=$version" "pdns-backend-sqlite3=$version" sqlite3 libsqlite3-0 libboost-program-options1.74.0 libluajit-5.1-2 \
    libluajit2-5.1-2 libcurl4 libsodium23 libp11-kit0 >/dev/null || exit 2
for package in *.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu

schema=$(find root -name schema.sqlite3.sql -path '*pdns-backend-sqlite3*' | head -1)
{
    cat "$schema"
    cat <<'SQL'
INSERT INTO domains (id, name, type) VALUES (1, 'example.com', 'NATIVE');
INSERT INTO records (domain_id, name, type, content, ttl, prio, auth) VALUES
  (1, 'example.com', 'SOA', 'ns.example.com hostmaster.example.com 1 3600 900 604800 300', 300, 0, 1),
  (1, 'example.com', 'NS', 'ns.example.com', 300, 0, 1),
  (1, 'ns.example.com', 'A', '192.0.2.1', 300, 0, 1),
  (1, 'www.example.com', 'A', '192.0.2.2', 300, 0, 1);
INSERT INTO domains (id, name, type) VALUES (2, 'example.com.', 'NATIVE');
SQL
} | root/usr/bin/sqlite3 pdns.db
mkdir etc

# rcode INTERVAL: what www.example.com A is answered with.
rcode() {
    local port
    port=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    root/usr/sbin/pdns_server --config-dir="$work/etc" --module-dir="$work/root/usr/lib/x86_64-linux-gnu/pdns" --socket-dir="$work" --daemon=no \
        --guardian=no --disable-syslog --write-pid=no --local-address=127.0.0.1 --local-port="$port" --launch=gsqlite3 \
        --gsqlite3-database="$work/pdns.db" --zone-cache-refresh-interval="$1" >"pdns.$1.log" 2>&1 &
    server=$!
    python3 - "$port" <<'PY'
import socket, struct, sys, time
query = struct.pack(">6H", 7, 0, 1, 0, 0, 0) + b"\3www\7example\3com\0" + struct.pack(">2H", 1, 1)
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(0.5)
for attempt in range(40):
    try:
        client.sendto(query, ("127.0.0.1", int(sys.argv[1])))
        print({0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}.get(client.recv(512)[3] & 15, "other"))
        break
    except OSError:
        time.sleep(0.1)
PY
    kill "$server"
    wait "$server" 2>/dev/null || true
    server=
}

without=$(rcode 0)
with=$(rcode 300)
echo "zone cache off: ${without:-no answer}; on: ${with:-no answer}"
if [ -z "$without" ] || [ -z "$with" ]; then
    tail -n 5 pdns.*.log
    exit 2
fi
[ "$without" = NOERROR ] && [ "$with" = REFUSED ] || exit 1
echo "as described"
