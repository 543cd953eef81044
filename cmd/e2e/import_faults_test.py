#!/usr/bin/env python3
"""An import that cannot be done says so and leaves the store as it was: full disks, files and folders that may not be read or written, a
PostgreSQL that refuses or goes away, dumps that are cut off in every format, Ctrl-C.

  import_faults_test.py [--interrupts N] [--seed S]
"""
import argparse
import ctypes
import gzip
import lzma
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import harness
import random_database_test
import store_test
from store_test import write_dump, zonectl

SAMPLES = os.path.join(harness.ROOT, "testdata", "ingest")
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24


def obey_permissions():
    """In a child before it runs: root without the capabilities that pass over permissions."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            assert libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0, ctypes.get_errno()


def refused(*args, said):
    """An import that ends with exit code 2 and says so. Gives all of its words."""
    ended = subprocess.run([harness.zonectl_binary(), "import", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
                           preexec_fn=obey_permissions)
    assert ended.returncode == 2, (args, ended.returncode, ended.stdout, ended.stderr)
    assert said in ended.stderr, (args, f"wanted to see: {said}", ended.stderr)
    assert not ended.stdout, (args, ended.stdout)
    # One line, or libpq's own second one.
    assert all(line.startswith("\t") for line in ended.stderr.splitlines()[1:]), (args, ended.stderr)
    return ended.stderr


class Store:
    """A store with one zone, and the octets that it must still have at the end."""

    def __init__(self, work):
        self.path = work + "/store"
        write_dump(work + "/first.sql", {1: 1})
        zonectl("import", work + "/first.sql", "--store", self.path)
        self.before = random_database_test.contents_of(self.path)
        self.folder = work
        self.files = set(os.listdir(work))

    def check(self, what):
        assert random_database_test.contents_of(self.path) == self.before, f"{what}: the store is not as it was"
        zonectl("store", "check", "--store", self.path)
        for suffix in ("-new", "-images.new", "-journal"):
            assert not os.path.exists(self.path + suffix), f"{what}: left {suffix} behind"


# ---------------------------------------------------------------- disks
def in_small_disk(work, octets, script):
    """Runs a shell script with a tmpfs of that size at $disk; gives what it wrote."""
    disk = work + "/disk"
    os.makedirs(disk, exist_ok=True)
    text = f"set -e\nmount -t tmpfs -o size={octets} tmpfs '{disk}'\ndisk='{disk}'\nzonectl='{harness.zonectl_binary()}'\ncd '{work}'\n{script}"
    ended = subprocess.run(["unshare", "-m", "sh", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_full_disk_of_rows(work):
    """No room for the rows that wait to be grouped."""
    store = Store(work)
    # Few zones and many rows: buckets of rows are put away when they are full.
    write_dump(work + "/large.sql", {1: 2, 2: 2})
    with open(work + "/large.sql", encoding="ascii") as f:
        text = f.read()
    at = text.index("\\.\n", text.index("COPY public.records"))
    rows = "".join(f"{n + 100}\t{2 + n % 2}\th{n}.zone{1 + n % 2}.example\tTXT\t\"some text of record {n}\"\t60\t0\tf\t\\N\tt\n" for n in range(40000))
    with open(work + "/large.sql", "w", encoding="ascii") as f:
        f.write(text[:at] + rows + text[at:])
    said = in_small_disk(work, "1m", """
code=0
"$zonectl" import large.sql --store store --memory-octets-max 0 --temporary-directory "$disk" || code=$?
echo "code $code"
# The space of a temporary file without a name is free again.
[ "$(df --output=used "$disk" | tail -1)" -eq 0 ]
""")
    assert "code 2" in said, said
    assert f"temporary file in {work}/disk: No space left on device" in said, said
    store.check("full disk of rows")
    # The same rows, and a disk that has room: grouped there.
    in_small_disk(work, "100m", '"$zonectl" import large.sql --store other --memory-octets-max 0 --temporary-directory "$disk" >/dev/null')
    zonectl("import", work + "/large.sql", "--store", work + "/same")
    assert random_database_test.contents_of(work + "/other") == random_database_test.contents_of(work + "/same")


def test_full_disk_of_images(work):
    """Room for changes of the store, none for its image file: the store is whole, and there is a warning."""
    write_dump(work + "/dump.sql", {index: 1 for index in range(4000)})
    zonectl("import", work + "/dump.sql", "--store", work + "/there")
    write_dump(work + "/change.sql", {7: 2})
    size, images = os.path.getsize(work + "/there"), os.path.getsize(work + "/there-images")
    said = in_small_disk(work, size + images // 2 & ~4095, f"""
cp "{work}/there" "$disk/s"
"$zonectl" import change.sql --store "$disk/s"
ls "$disk"
"$zonectl" store check --store "$disk/s"
"$zonectl" zone show zone7.example --store "$disk/s" | head -3
""")
    assert "the store is whole, its image file is not: " in said and "No space left on device" in said, said
    assert "s-images" not in said.split() and "s-images.new" not in said.split(), said
    assert "1 changed" in said, said


def test_full_disk_while_serving(work):
    """Nor has a server room for the image file that it wants to make: it answers from memory."""
    write_dump(work + "/dump.sql", {index: 1 for index in range(4000)})
    zonectl("import", work + "/dump.sql", "--store", work + "/there")
    images = os.path.getsize(work + "/there-images")
    os.unlink(work + "/there-images")
    port = harness.free_port()
    server = f"""
cp "{work}/there" "$disk/s"
"$zonectl" serve --store "$disk/s" --listen {harness.ADDRESS}:{port} --control "{work}/control" --workers 1 2>log &
i=0
until "$zonectl" health --control "{work}/control" >/dev/null 2>&1; do i=$((i+1)); [ $i -lt 200 ]; sleep 0.1; done
kdig @{harness.ADDRESS} -p {port} zone3999.example SOA +short
kill $!; wait $! || true
cat log
"""
    said = in_small_disk(work, os.path.getsize(work + "/there") + images // 2 & ~4095, server)
    assert "ns.zone3999.example." in said, said
    assert "image_file_unwritable" in said and "No space left on device" in said, said


# ---------------------------------------------------------------- permissions
def test_permissions(work):
    store = Store(work)
    write_dump(work + "/second.sql", {1: 2, 2: 2})
    second = work + "/second.sql"
    for name in ("unreadable.sql", "unreadable.custom", "unreadable.sqlite3"):
        shutil.copy(SAMPLES + "/sample.custom" if name.endswith("custom") else SAMPLES + "/sample.sqlite3" if name.endswith("3") else second, f"{work}/{name}")
        os.chmod(f"{work}/{name}", 0)
        refused(f"{work}/{name}", "--store", store.path, said=f"open {work}/{name}: Permission denied")
    os.mkdir(work + "/closed")
    write_dump(work + "/closed/dump.sql", {1: 2})
    os.chmod(work + "/closed", 0)
    refused(work + "/closed/dump.sql", "--store", store.path, said="Permission denied")
    refused(second, "--store", work + "/closed/store", said="ermission denied")
    refused(work + "/missing.sql", "--store", store.path, said=f"open {work}/missing.sql: No such file or directory")
    refused(second, "--store", work + "/no/such/folder/store", said="No such file or directory")
    refused(second, "--store", second, said="file is not a database")

    # A store that may not be written.
    os.chmod(store.path, 0o444)
    refused(second, "--store", store.path, said="read-only: no permission to change it, or its folder")
    os.chmod(store.path, 0o644)
    store.check("read-only file")
    # A folder that may not be: no log beside the store, no new store.
    os.chmod(work, 0o555)
    refused(second, "--store", work + "/new", said="Permission denied")
    os.chmod(work, 0o755)
    store.check("read-only folder")
    assert not os.path.exists(work + "/new")
    # A read-only file system.
    said = in_small_disk(work, "10m", f"""
cp "{store.path}" "$disk/s"
mount -o remount,ro "$disk"
for store in "$disk/s" "$disk/new"; do
    code=0; "$zonectl" import second.sql --store "$store" || code=$?
    echo "code $code"
done
"$zonectl" zone list --store "$disk/s"
""")
    assert said.count("code 2") == 2 and "zone1.example.\t" in said, said
    assert "Read-only file system" in said, said
    # And it is good again.
    zonectl("import", second, "--store", store.path)


# ---------------------------------------------------------------- PostgreSQL
def test_postgres(work):
    folder = tempfile.mkdtemp(prefix="zonectl-e2e-pg-")
    try:
        with random_database_test.Postgres(folder) as postgres:
            check_postgres(work, postgres)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_postgres(work, postgres):
    store = Store(work)
    socket = os.path.join(postgres.folder, "sock")
    denied = refused(f"postgresql://pdns:wrong-password@/pdns?host={socket}", "--store", store.path, said='password authentication failed for user "pdns"')
    assert "wrong-password" not in denied, denied
    refused(f"postgresql://pdns@/pdns?host={socket}", "--store", store.path, said="no password supplied")
    # The right one, of a role that may read nothing.
    refused(f"postgresql://pdns:right@/pdns?host={socket}", "--store", store.path, said="permission denied for table domains")
    refused(postgres.uri("missing"), "--store", store.path, said='database "missing" does not exist')
    refused(f"postgresql://postgres@/pdns?host={work}", "--store", store.path, said="No such file or directory")
    store.check("refusals of PostgreSQL")

    # Gone in the middle of a COPY: rows that were already read must not become a store.
    postgres.psql("postgres", "CREATE DATABASE large TEMPLATE empty")
    postgres.psql("large", "INSERT INTO domains (id, name, type) SELECT n, 'zone' || n || '.example', 'NATIVE' FROM generate_series(1, 1000) n; "
                  "INSERT INTO records (domain_id, name, type, content, ttl, prio) SELECT 1 + n % 1000, 'h' || n || '.zone' || (1 + n % 1000) || '.example', 'A', '192.0.2.1', 60, 0 "
                  "FROM generate_series(1, 400000) n")
    with subprocess.Popen([harness.zonectl_binary(), "import", postgres.uri("large"), "--store", store.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # The reader is stopped while rows of `records` come, so that the COPY cannot be at its end.
        copying = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'large' AND state = 'active' AND query LIKE 'COPY%records%'"
        harness.wait_until(lambda: process.poll() is not None or postgres.psql_value("postgres", copying) == "1", 60, "a COPY of records")
        process.send_signal(signal.SIGSTOP)
        assert postgres.psql_value("postgres", copying) == "1", "the COPY was over too soon"
        postgres.psql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'large'")
        harness.wait_until(lambda: postgres.psql_value("postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = 'large'") == "0", 60, "the end of the backend")
        process.send_signal(signal.SIGCONT)
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 2, (process.returncode, said)
    assert "connection" in said and "postgresql://postgres@/large" in said, said
    store.check("a connection that was dropped")


# ---------------------------------------------------------------- dumps that end too early
def cut(source, target, share):
    """A copy of a file, or of a folder's largest file, without its end."""
    if os.path.isdir(source):
        shutil.copytree(source, target)
        largest = max((os.path.join(target, name) for name in os.listdir(target)), key=os.path.getsize)
        os.truncate(largest, int(os.path.getsize(largest) * share))
        return
    shutil.copy(source, target)
    os.truncate(target, int(os.path.getsize(source) * share))


def test_truncated(work, rng):
    store = Store(work)
    large = work + "/large.sql"
    write_dump(large, {index: 2 for index in range(3000)})
    with open(large, "rb") as f:
        octets = f.read()
    with gzip.open(large + ".gz", "wb") as f:
        f.write(octets)
    with lzma.open(large + ".xz", "wb") as f:
        f.write(octets)
    subprocess.run(["zstd", "-q", large, "-o", large + ".zst"], check=True)
    said_of = {
        large: "", large + ".gz": "the gzip data is cut off", large + ".xz": "the xz data is cut off", large + ".zst": "the zstd data is cut off",
        SAMPLES + "/sample.pg_dump.sql": "", SAMPLES + "/sample.inserts.sql": "", SAMPLES + "/sample.column_inserts.sql": "", SAMPLES + "/sample.data_only.sql": "",
        SAMPLES + "/sample.mysql.sql": "", SAMPLES + "/sample.custom": "pg_restore gave up", SAMPLES + "/sample.directory": "pg_restore gave up",
        SAMPLES + "/sample.sqlite3": "", SAMPLES + "/sample.pg_dump.sql.gzip": "", SAMPLES + "/sample.pg_dump.sql.xz": "", SAMPLES + "/sample.pg_dump.sql.zstd": "",
    }
    for source, said in said_of.items():
        for number in range(6):
            target = f"{work}/cut{number}"
            cut(source, target, rng.uniform(0.1, 0.97))
            words = refused(target, "--store", store.path, said=said)
            assert target in words, words
            refused(target, "--store", work + "/new", said=said)
            assert not os.path.exists(work + "/new"), source
            if os.path.isdir(target):
                shutil.rmtree(target)
            else:
                os.unlink(target)
        store.check(source)
    # Only the end is missing: every row is there, and it is still not a whole dump.
    for name in ("sample.pg_dump.sql", "sample.inserts.sql"):
        with open(f"{SAMPLES}/{name}", encoding="utf-8") as f:
            text = f.read()
        at = text.index("-- PostgreSQL database dump complete")
        with open(work + "/no_end", "w", encoding="utf-8") as f:
            f.write(text[:at])
        refused(work + "/no_end", "--store", store.path, said="")
        os.unlink(work + "/no_end")
    # From stdin too.
    ended = subprocess.run([harness.zonectl_binary(), "import", "-", "--store", store.path], input=octets[:len(octets) // 2], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=60, check=False)
    assert ended.returncode == 2 and b"stdin" in ended.stderr, ended
    store.check("stdin")


# ---------------------------------------------------------------- Ctrl-C
def test_interrupts(work, rng, rounds):
    """SIGINT at random moments: exit code 2, the store as it was; or it was too late, and all is there."""
    store = Store(work)
    write_dump(work + "/large.sql", {index: 2 for index in range(5000)})
    started = time.monotonic()
    zonectl("import", work + "/large.sql", "--store", work + "/other")
    took = time.monotonic() - started
    interrupted = 0
    for number in range(rounds):
        target = store.path if number % 2 else work + "/new"
        with subprocess.Popen([harness.zonectl_binary(), "import", work + "/large.sql", "--store", target, "--dry-run" if number % 5 == 4 else "--threads=0"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            time.sleep(0.01 + rng.random() * took)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[1]
        if process.returncode == 2:
            interrupted += 1
            assert said.splitlines()[-1].endswith("interrupted; the store is as it was"), said
            if target == store.path:
                store.check("Ctrl-C")
            assert not [name for name in os.listdir(work) if name.startswith("new")], os.listdir(work)
        elif process.returncode == 0:
            if number % 5 != 4:
                assert random_database_test.contents_of(target)[0] if target != store.path else store_test.serials_of(target)["zone4999.example."] == 2
            store_test.remove_store(work + "/new")
            store_test.remove_store(store.path)
            store = Store(work)
        else:
            # Before there is a handler the system ends the process.
            assert process.returncode == -signal.SIGINT, (process.returncode, said)
            if target == store.path:
                store.check("Ctrl-C at once")
    assert interrupted > 0, "no import was interrupted"
    print(f"{rounds} times Ctrl-C, {interrupted} imports interrupted")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interrupts", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    tests = {
        "full_disk_of_rows": test_full_disk_of_rows,
        "full_disk_of_images": test_full_disk_of_images,
        "full_disk_while_serving": test_full_disk_while_serving,
        "permissions": test_permissions,
        "postgres": test_postgres,
        "truncated": lambda work: test_truncated(work, rng),
        "interrupts": lambda work: test_interrupts(work, rng, options.interrupts),
    }
    for name, test in tests.items():
        if options.only and options.only != name:
            continue
        work = tempfile.mkdtemp(prefix="zonectl-e2e-faults-")
        try:
            test(work)
        finally:
            subprocess.run(["chmod", "-R", "u+rwX", work], check=False)
            shutil.rmtree(work, ignore_errors=True)
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
