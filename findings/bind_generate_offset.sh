#!/usr/bin/env bash
# BIND folds the offset of $GENERATE to 32 bits: one that is too large by one is refused, the next names another owner.
#
# Package: bind9-utils 1:9.18.49-1~deb12u3 (Debian 12), named-compilezone.
# Seen:    `$GENERATE 1-1 a${2147483647} …` is an error, "out of range": 1 + 2147483647 is above what an int holds.
#          `$GENERATE 1-1 a${2147483648} …` is good, and makes the owner name a-2147483647.
# Why it matters: a zone with a typing error in an offset loads with names that nobody wrote. zonectl refuses the offset.
#
# Exit code 0: still so. 1: BIND does otherwise now. 2: could not tell.
set -euo pipefail
version=1:9.18.49-1~deb12u3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download "bind9-utils=$version" "bind9-libs=$version" libuv1 libjson-c5 liblmdb0 libmaxminddb0 libfstrm0 \
    libprotobuf-c1 libxml2 libnghttp2-14 libicu72 >/dev/null || exit 2
for package in *.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu
compile() { root/usr/bin/named-compilezone -o - -D example. "$1" 2>&1 || true; }

zone() { printf '$ORIGIN example.\n$TTL 60\n@ SOA ns hm 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n$GENERATE 1-1 a${%s} A 192.0.2.1\n' "$1"; }
zone 2147483647 >largest
zone 2147483648 >folded
compile largest | tee largest.out
compile folded | tee folded.out
[ -s folded.out ] || exit 2
grep -q 'out of range' largest.out || { echo "the largest offset is not refused any more"; exit 1; }
grep -q '^a-2147483647\.example\.' folded.out || { echo "the offset beyond it is not folded any more"; exit 1; }
echo "as described"
