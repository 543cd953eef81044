#!/usr/bin/env bash
# NSD leaves out glue of a large referral over TCP, and says nothing of it: no TC.
#
# Package: nsd 4.6.1-1 (Debian 12).
# Seen:    a delegation to 1,500 name servers that are all below the cut, each with A and AAAA. Over TCP the referral has all NS
#          records and 65,5xx octets, but only some 1,800 of the 3,000 addresses, and TC is not set.
# Why it matters: RFC 9471 section 3.1 (of 2023) wants all glue for in-domain name servers, or TC. Knot 3.2 sets TC, so does zonectl;
#          who compares the three finds a difference that is no fault of the new server.
#
# Exit code 0: still so. 1: NSD does otherwise now. 2: could not tell.
set -euo pipefail
version=4.6.1-1
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
apt-get download "nsd=$version" libevent-2.1-7 libfstrm0 libprotobuf-c1 >/dev/null || exit 2
for package in *.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu

{
    printf '$ORIGIN example.\n$TTL 60\n@ SOA ns hm 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n'
    for i in $(seq 1500); do
        printf 'sub NS n%d.sub\nn%d.sub A 192.0.2.1\nn%d.sub AAAA 2001:db8::1\n' "$i" "$i" "$i"
    done
} >example.zone
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >nsd.conf <<CONF
server:
  ip-address: 127.0.0.1@$port
  username: ""
  chroot: ""
  zonesdir: "$work"
  database: ""
  pidfile: ""
  zonelistfile: "$work/zone.list"
  xfrdfile: ""
  xfrdir: "$work"
remote-control:
  control-enable: no
zone:
  name: example
  zonefile: example.zone
CONF
root/usr/sbin/nsd -d -c nsd.conf >nsd.log 2>&1 &
server=$!

set +e
python3 - "$port" <<'PY'
import socket, struct, sys, time
query = struct.pack(">6H", 7, 0, 1, 0, 0, 0) + b"\3www\3sub\7example\0" + struct.pack(">2H", 1, 1)
for attempt in range(100):
    try:
        client = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
        break
    except OSError:
        time.sleep(0.1)
else:
    sys.exit(2)
client.sendall(struct.pack(">H", len(query)) + query)
stream = client.makefile("rb")
answer = stream.read(struct.unpack(">H", stream.read(2))[0])
_, flags, _, _, authority, additional = struct.unpack(">6H", answer[:12])
tc = bool(flags & 0x0200)
print(f"{len(answer)} octets, {authority} NS, {additional} of 3000 addresses, TC {'set' if tc else 'not set'}")
if authority != 1500:
    sys.exit(2)
sys.exit(0 if additional < 3000 and not tc else 1)
PY
code=$?
[ $code -ne 2 ] || cat nsd.log
[ $code -ne 0 ] || echo "as described"
exit $code
