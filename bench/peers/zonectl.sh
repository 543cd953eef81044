#!/bin/sh
# zonectl: zone files, updates by zone file edit + `zonectl reload`.
# ZONECTL names the binary (default: the release build of this tree, else the one in PATH);
# ZONECTL_EXTRA adds flags.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${ZONECTL:-}" ]; then
  ZONECTL=$here/build/release/cmd/zonectl
  [ -x "$ZONECTL" ] || ZONECTL=zonectl
fi
do_version() { "$ZONECTL" --version; }
do_start() {
  # shellcheck disable=SC2086 # several flags in one variable
  start_bg "$ZONECTL" serve --zones "$DATA/zones.list" --listen "$ADDR:$PORT" --workers "$THREADS" \
    --control "$WORK/control" ${ZONECTL_EXTRA:-}
}
do_update() {
  edit_zone_file "$@"
  "$ZONECTL" reload --control "$WORK/control" >/dev/null
}
run_verb "$@"
