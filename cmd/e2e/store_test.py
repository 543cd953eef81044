"""A store from its import to its answers: kill -9, Ctrl-C and full disks while it is made and changed, reloads of changes while a node
serves, and import -> export -> import as the identity."""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import harness

ZONES = 400


def zone_rows(index, serial):
    name = f"zone{index}.example"
    content = f"ns.{name} hostmaster.{name} {serial} 7200 900 86400 60"
    return name, [("SOA", content, 60, 0), ("NS", f"ns.{name}", 60, 0), ("MX", f"mail.{name}", 60, 10), ("TXT", f'"{index} {serial}"', 60, 0)]


def write_dump(path, serials, complete=True):
    """A dump in COPY form of zones {index: serial}, with a disabled record, metadata, a comment and a TSIG key."""
    with open(path, "w", encoding="ascii") as f:
        f.write("--\n-- PostgreSQL database dump\n--\n\n")
        f.write("COPY public.domains (id, name, master, last_check, type, notified_serial, account, options, catalog) FROM stdin;\n")
        for index in serials:
            f.write(f"{index + 1}\tzone{index}.example\t\\N\t\\N\tNATIVE\t\\N\tacc{index % 7}\t\\N\t\\N\n")
        f.write("\\.\n\nCOPY public.records (id, domain_id, name, type, content, ttl, prio, disabled, ordername, auth) FROM stdin;\n")
        row = 0
        for index, serial in serials.items():
            name, records = zone_rows(index, serial)
            for kind, content, ttl, prio in records:
                row += 1
                f.write(f"{row}\t{index + 1}\t{name}\t{kind}\t{content}\t{ttl}\t{prio}\tf\t\\N\tt\n")
            row += 1
            f.write(f"{row}\t{index + 1}\toff.{name}\tA\t192.0.2.9\t60\t0\tt\t\\N\tt\n")
        f.write("\\.\n\nCOPY public.domainmetadata (id, domain_id, kind, content) FROM stdin;\n")
        f.write(f"1\t{min(serials) + 1}\tX-OWNER\tsomebody\n\\.\n\n")
        f.write("COPY public.comments (id, domain_id, name, type, modified_at, account, comment) FROM stdin;\n")
        f.write(f"1\t{min(serials) + 1}\tzone{min(serials)}.example\tSOA\t1600000000\tme\ttab\\there and a \\\\ too\n\\.\n\n")
        f.write("COPY public.tsigkeys (id, name, algorithm, secret) FROM stdin;\n1\tkey\thmac-sha256\tc2VjcmV0\n\\.\n\n")
        if complete:
            f.write("--\n-- PostgreSQL database dump complete\n--\n\n")


def zonectl(*args, code=0):
    """Runs a verb, checks its exit code, gives its stdout."""
    ended = subprocess.run([harness.zonectl_binary(), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    if ended.returncode != code:
        raise AssertionError(f"{args}: exit code {ended.returncode}, wanted {code}: {ended.stdout[-500:]}{ended.stderr[-2000:]}")
    return ended.stdout if code != 2 else ended.stderr


def serials_of(store):
    """{zone: serial} as `zone list` tells it."""
    return {line.split("\t")[0]: int(line.split("\t")[3]) for line in zonectl("zone", "list", "--store", store).splitlines()}


def wanted(serials):
    return {f"zone{index}.example.": serial for index, serial in serials.items()}


def remove_store(store):
    for suffix in ("", "-wal", "-shm", "-images", "-new", "-images.new"):
        if os.path.exists(store + suffix):
            os.unlink(store + suffix)


def test_identity(work):
    """import -> export -> import changes nothing, and again into an empty store gives the same export, line for line."""
    dump, store, again = work + "/a.sql", work + "/a", work + "/b"
    write_dump(dump, {index: index + 1 for index in range(50)})
    zonectl("import", dump, "--store", store)
    zonectl("export", "--store", store, "-o", work + "/export.sql")
    report = json.loads(zonectl("import", work + "/export.sql", "--store", store, "--prune", "--json"))
    assert report["zones"]["unchanged"] == 50, report["zones"]
    assert report["zones"]["changed"] == report["zones"]["added"] == report["zones"]["removed"] == 0, report["zones"]
    assert report["position"] == 1, report
    zonectl("import", work + "/export.sql", "--store", again)
    for index in range(50):
        one, other = (json.loads(zonectl("zone", "show", f"zone{index}.example", "--store", s, "--json")) for s in (store, again))
        assert one == other, (one, other)
        assert zonectl("zone", "export", f"zone{index}.example", "--store", store) == zonectl("zone", "export", f"zone{index}.example", "--store", again)
    shown = json.loads(zonectl("zone", "show", "zone0.example", "--store", again, "--json"))
    assert shown["metadata"] == [{"kind": "X-OWNER", "content": "somebody"}], shown
    assert shown["comments"][0]["comment"] == "tab\there and a \\ too", shown
    assert shown["kept"][0]["disabled"], shown
    # Zone files hold the answered records, and give the same zones.
    zonectl("export", "--store", store, "--to", "zone-files", "-o", work + "/files")
    zonectl("import", work + "/files", "--store", work + "/c")
    assert serials_of(work + "/c") == serials_of(store)
    report = json.loads(zonectl("import", work + "/files", "--store", store, "--json"))
    assert report["zones"]["unchanged"] == 50, report["zones"]


def test_refusals(work):
    """A dump without its end, no source, no permission: exit code 2 and the store as it was."""
    dump, store = work + "/a.sql", work + "/a"
    write_dump(dump, {1: 1})
    zonectl("import", dump, "--store", store)
    before = serials_of(store)
    write_dump(dump, {1: 2, 2: 2}, complete=False)
    with open(dump, "r+", encoding="ascii") as f:
        f.truncate(os.path.getsize(dump) // 2)
    zonectl("import", dump, "--store", store, code=2)
    zonectl("import", work + "/missing.sql", "--store", store, code=2)
    zonectl("import", dump, "--store", work + "/new", code=2)
    assert not [name for name in os.listdir(work) if name.startswith("new")], os.listdir(work)
    assert serials_of(store) == before
    zonectl("zone", "show", "nowhere.example", "--store", store, code=1)
    zonectl("zone", "list", "--store", work + "/missing", code=2)
    with open(store, "r+b") as f:  # newer format: user_version in SQLite's header
        f.seek(60)
        f.write((99).to_bytes(4, "big"))
    assert "newer zonectl" in zonectl("zone", "list", "--store", store, code=2)
    assert "newer zonectl" in zonectl("serve", "--store", store, "--listen", f"{harness.ADDRESS}:{harness.free_port()}", code=2)


def test_kills(work, rounds, rng):
    """kill -9 and SIGINT at random moments of an import: the store has the old zones or the new ones, whole."""
    dump, store = work + "/a.sql", work + "/a"
    started = time.monotonic()
    write_dump(dump, {index: 1 for index in range(ZONES)})
    zonectl("import", dump, "--store", store)
    took = time.monotonic() - started
    outcomes = {"old": 0, "new": 0}
    state = {index: 1 for index in range(ZONES)}
    for number in range(2, rounds + 2):
        if rng.random() < 0.25:
            remove_store(store)
            state = {}
        target = {index: number for index in range(ZONES) if rng.random() < 0.9}
        write_dump(dump, target)
        with subprocess.Popen([harness.zonectl_binary(), "import", dump, "--store", store, "--prune", "--max-removed", "100"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            time.sleep(rng.random() * took * 1.3)
            process.send_signal(rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT]))
        if os.path.exists(store):
            found = serials_of(store)
            assert found in (wanted(state), wanted(target)), f"round {number}: {len(found)} zones, neither old nor new"
            zonectl("store", "check", "--store", store)
        else:
            assert not state, f"round {number}: the store is gone"
            found = {}
        new = found == wanted(target)
        outcomes["new" if new else "old"] += 1
        state = target if new else state
    print(f"{rounds} interruptions: {outcomes}")
    # And it goes on: leftovers are in nobody's way.
    zonectl("import", dump, "--store", store)
    zonectl("store", "check", "--store", store)


def test_reload_kills(work, rounds, rng):
    """kill -9 of a node while it takes over changes of an import, or another store as a whole: the next one serves the new zones, and the store is
    whole."""
    store, control = work + "/a", work + "/control"
    state = {index: 1 for index in range(ZONES)}
    write_dump(work + "/a.sql", state)
    zonectl("import", work + "/a.sql", "--store", store)
    killed = 0
    for number in range(2, rounds + 2):
        port = harness.free_port()
        command = [harness.zonectl_binary(), "serve", "--store", store, "--listen", f"{harness.ADDRESS}:{port}", "--control", control, "--workers", "1"]

        def serial(index, port=port):
            answer = harness.ask_udp(port, harness.encode_query(f"zone{index}.example.", "SOA"), 0.5)
            return int.from_bytes(answer[-20:-16], "big") if answer and harness.rcode(answer) == 0 else None

        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                some = rng.sample(sorted(state), 5)
                harness.wait_until(lambda: process.poll() is not None or serial(some[0]) is not None, 20, "a start")
                assert process.poll() is None, "a node does not start"
                for index in some:
                    assert serial(index) == state[index], f"round {number}: zone {index} has serial {serial(index)}, wanted {state[index]}"
                if rng.random() < 0.3:  # another store
                    remove_store(store)
                    state = {}
                for index in range(ZONES):
                    if index not in state or rng.random() < 0.5:
                        state[index] = number
                write_dump(work + "/a.sql", state)
                zonectl("import", work + "/a.sql", "--store", store)
                if rng.random() < 0.5:  # so that the reload has to make it
                    os.unlink(store + "-images")
                process.send_signal(signal.SIGHUP)
                time.sleep(rng.random() * 0.03)
            finally:
                process.kill()
                killed += process.wait() == -signal.SIGKILL
        zonectl("store", "check", "--store", store)
        assert serials_of(store) == wanted(state), f"round {number}: the store is not what was imported"
    assert killed == rounds, f"{rounds - killed} nodes ended by themselves"
    print(f"{rounds} reloads killed")


def test_reload(work):
    """A node takes over the changes of an import, and another store, without losing a query."""
    dump, store = work + "/a.sql", work + "/a"
    write_dump(dump, {index: 1 for index in range(ZONES)})
    zonectl("import", dump, "--store", store)
    port, control = harness.free_port(), work + "/control"
    command = [harness.zonectl_binary(), "serve", "--store", store, "--listen", f"{harness.ADDRESS}:{port}", "--control", control, "--workers", "1"]
    with open(work + "/log", "wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            def serial(index):
                answer = harness.ask_udp(port, harness.encode_query(f"zone{index}.example.", "SOA"), 5.0)
                assert answer, f"a query was lost: {open(work + '/log', encoding='utf-8').read()[-2000:]}"
                return int.from_bytes(answer[-20:-16], "big") if harness.rcode(answer) == 0 else None

            harness.wait_until(lambda: process.poll() is not None or harness.ask_udp(port, harness.encode_query("zone0.example.", "SOA"), 0.2), 20, "a start")
            assert process.poll() is None, "does not start"
            assert serial(7) == 1 and serial(8) == 1
            write_dump(dump, {7: 2, ZONES: 1})
            zonectl("import", dump, "--store", store)
            zonectl("reload", "--control", control)
            assert serial(7) == 2 and serial(8) == 1 and serial(ZONES) == 1
            zonectl("import", dump, "--store", store, "--prune", "--max-removed", "100")
            zonectl("reload", "--control", control)
            assert serial(7) == 2 and serial(8) is None
            remove_store(store)
            write_dump(dump, {index: 3 for index in range(10)})
            zonectl("import", dump, "--store", store)
            zonectl("reload", "--control", control)
            assert serial(7) == 3 and serial(8) == 3 and serial(ZONES) is None
            # A store that is gone is reported, and its zones go on being served.
            remove_store(store)
            zonectl("reload", "--control", control, code=1)
            assert serial(7) == 3
        finally:
            process.terminate()
            process.wait(20)


class Node:
    """`zonectl serve --store` with one worker."""

    def __init__(self, work, store, *flags, prefix=(), binary=None):
        self.port, self.control, self.log_path = harness.free_port(), work + "/control", work + "/log"
        self.command = [*prefix, binary or harness.zonectl_binary(), "serve", "--store", store, "--listen", f"{harness.ADDRESS}:{self.port}",
                        "--workers", "1", *(flags or ["--control", self.control])]
        self.process = None

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        harness.wait_until(lambda: self.process.poll() is not None or "serving" in self.log().split(), 20, "a start")
        assert self.process.poll() is None, f"does not start: {self.log()}"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def answer(self, index):
        answer = harness.ask_udp(self.port, harness.encode_query(f"zone{index}.example.", "SOA"), 5.0)
        assert answer, f"no answer: {self.process.poll()} {self.log()[-2000:]}"
        return answer

    def serial(self, index):
        """The serial of the zone; None when the zone is not answered."""
        answer = self.answer(index)
        return int.from_bytes(answer[-20:-16], "big") if harness.rcode(answer) == 0 else None


def test_restored(work):
    """A store put back from a backup, imported into again: a running node and the next one serve it, not the undone import."""
    dump, store = work + "/a.sql", work + "/a"
    write_dump(dump, {1: 1, 2: 1})
    zonectl("import", dump, "--store", store)
    for in_place in (True, False):
        shutil.copy(store, work + "/backup")
        with Node(work, store) as node:
            write_dump(dump, {1: 2, 3: 1})
            zonectl("import", dump, "--store", store)
            zonectl("reload", "--control", node.control)
            assert node.serial(1) == 2 and node.serial(3) == 1
            if not in_place:
                os.unlink(store)
            with open(work + "/backup", "rb") as backup, open(store, "r+b" if in_place else "wb") as f:
                f.write(backup.read())
                f.truncate()
            for suffix in ("-wal", "-shm"):
                if os.path.exists(store + suffix):
                    os.unlink(store + suffix)
            write_dump(dump, {1: 3, 4: 1})
            zonectl("import", dump, "--store", store)
            zonectl("reload", "--control", node.control)
            assert (node.serial(1), node.serial(3), node.serial(4)) == (3, None, 1), node.log()
        with Node(work, store) as node:
            assert (node.serial(1), node.serial(3), node.serial(4)) == (3, None, 1), node.log()
        zonectl("store", "check", "--store", store)


def test_format1(work):
    """A store that zonectl 0.1 made is served as it is, and raised by its first commit."""
    store = work + "/a"
    shutil.copy(os.path.join(harness.ROOT, "testdata", "store", "format1.db"), store)
    before = zonectl("zone", "list", "--store", store)
    assert before.startswith("a.example.\tNative\tserving\t3\t4\n"), before

    def form():
        return json.loads(zonectl("store", "stats", "--store", store, "--json"))["format"]

    with Node(work, store) as node:
        assert form() == 1
        write_dump(work + "/a.sql", {1: 1})
        zonectl("import", work + "/a.sql", "--store", store)
        zonectl("reload", "--control", node.control)
        assert node.serial(1) == 1
    assert form() == 3
    assert zonectl("zone", "list", "--store", store).startswith(before)
    zonectl("store", "check", "--store", store)


def test_image_file(work):
    """A foreign hand shortens or overwrites the mapped image file: the node goes on, says so, and has all zones right again at once,
    from a new image file."""
    dump, store = work + "/a.sql", work + "/a"
    write_dump(dump, {index: 7 for index in range(ZONES)})
    zonectl("import", dump, "--store", store)
    images = store + "-images"

    def overwrite(change):
        with open(images, "rb") as f:
            octets = f.read()
        with open(images, "r+b") as f:  # root may, in spite of the mode
            f.write(change(octets))
            f.truncate()

    serial = (7).to_bytes(4, "big")
    hands = {
        "shorter": lambda octets: octets[:8192],
        "empty": lambda octets: b"",
        "zeros": lambda octets: bytes(len(octets)),
        "random": lambda octets: random.Random(1).randbytes(len(octets)),
        "other serials": lambda octets: octets.replace(serial, (8).to_bytes(4, "big")),
        "longer": lambda octets: octets + octets,
        "the same": lambda octets: octets,
    }
    with Node(work, store) as node:
        for what, change in hands.items():
            assert os.stat(images).st_mode & 0o777 == 0o440, oct(os.stat(images).st_mode)
            said = node.log().count("image_file_changed")
            hit = os.stat(images).st_ino
            overwrite(change)
            for index in range(0, ZONES, 7):
                node.answer(index)
            harness.wait_until(lambda: node.log().count("image_file_changed") > said, 5, f"{what}: words of it")
            harness.wait_until(lambda: all(node.serial(index) == 7 for index in range(0, ZONES, 3)), 10, f"{what}: all zones")
            if what == "the same":
                assert os.stat(images).st_ino == hit
            else:
                harness.wait_until(lambda: os.stat(images).st_ino != hit, 10, f"{what}: a new image file")
            zonectl("store", "check", "--store", store)
            status = json.loads(zonectl("status", "--json", "--control", node.control))
            assert status["zones"] == ZONES and not status["not_served_zones"], status
        zonectl("reload", "--control", node.control)
        zonectl("health", "--control", node.control)


def test_reading(work):
    """A node that may only read a store serves it: in another user's folder, on a full disk, on a read-only one."""
    if os.geteuid() != 0:
        return
    dump, disk = work + "/a.sql", work + "/disk"
    write_dump(dump, {1: 1, 2: 1})
    os.chmod(work, 0o755)
    os.mkdir(disk)
    zonectl("import", dump, "--store", disk + "/s")
    os.chmod(disk + "/s", 0o644)
    as_other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    binary = work + "/zonectl"
    shutil.copy(harness.zonectl_binary(), binary)  # where the other may read it
    with Node(work, disk + "/s") as node:
        node.serial(1)
    for round_number, with_images in enumerate((True, False), start=1):
        for suffix in ("-wal", "-shm", *([] if with_images else ["-images"])):
            if os.path.exists(disk + "/s" + suffix):
                os.unlink(disk + "/s" + suffix)
        with Node(work, disk + "/s", "--control", "none", prefix=as_other, binary=binary) as node:
            assert node.serial(1) == round_number and node.serial(2) == 1, node.log()
            # Changes of the owner meanwhile are taken over.
            write_dump(dump, {1: round_number + 1})
            zonectl("import", dump, "--store", disk + "/s")
            node.process.send_signal(signal.SIGHUP)
            harness.wait_until(lambda: node.serial(1) == round_number + 1, 10, "the change")
        listed = subprocess.run([*as_other, binary, "zone", "list", "--store", disk + "/s"], stdout=subprocess.PIPE, text=True, check=True)
        assert listed.stdout.startswith("zone1.example.\t"), listed
    for how in ("mount -o remount,ro disk", "dd if=/dev/zero of=disk/fill bs=4096 2>/dev/null || true"):
        script = f"""set -e
cd '{work}'
mount -t tmpfs -o size=2m tmpfs disk
'{harness.zonectl_binary()}' import a.sql --store disk/s >/dev/null
rm -f disk/s-wal disk/s-shm
{how}
'{harness.zonectl_binary()}' zone list --store disk/s
'{harness.zonectl_binary()}' store check --store disk/s
'{harness.zonectl_binary()}' diff --new store:disk/s --old store:disk/s --from-zones disk/s --results r{len(how)} >/dev/null
"""
        ended = subprocess.run(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        assert ended.returncode == 0 and ended.stdout.startswith("zone1.example.\t"), (how, ended.stdout)


def test_leftovers(work):
    """The next start of an import or node removes the leftovers of one that was killed."""
    dump, store = work + "/a.sql", work + "/a"
    write_dump(dump, {1: 1})
    zonectl("import", dump, "--store", store)
    for start in ("import", "serve"):
        for suffix in ("-new", "-new-wal", "-images.new"):
            with open(store + suffix, "wb") as f:
                f.write(bytes(1000))
            os.chmod(store + suffix, 0o440)
        if start == "import":
            zonectl("import", dump, "--store", store)
        else:
            with Node(work, store):
                pass
        assert not [name for name in os.listdir(work) if "new" in name], os.listdir(work)


def test_output_lost(work):
    """An import whose report or output cannot be written: 2 and the store as it was, or 1, the store changed, and told so."""
    dump, store = work + "/a.sql", work + "/a"
    write_dump(dump, {1: 1})
    zonectl("import", dump, "--store", store)
    for number, (how, code) in enumerate([(["--report", "/dev/full"], 2), (["--report", "/dev/full", "--json"], 2), ([], 1), (["--json"], 1), ([], "pipe")],
                                         start=2):
        write_dump(dump, {1: number})
        before = serials_of(store)
        command = [harness.zonectl_binary(), "import", dump, "--store", store, *how]
        if code == 2:
            out = subprocess.DEVNULL
        elif code == 1:
            out = open("/dev/full", "wb")  # pylint: disable=consider-using-with
        else:
            reader, out = os.pipe()
            os.close(reader)
        ended = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        if code == 1:
            out.close()
        elif code == "pipe":
            os.close(out)
        if code == 2:
            assert ended.returncode == 2 and serials_of(store) == before, (how, ended)
        else:
            assert ended.returncode == 1 and serials_of(store) == wanted({1: number}), (how, ended)
            assert "the store has all of this import" in ended.stderr, (how, ended)


def test_full_disk(work):
    """A small tmpfs in a mount namespace of its own: exit code 2, "no space", and the store as it was."""
    dump, disk = work + "/a.sql", work + "/disk"
    os.mkdir(disk)
    write_dump(dump, {1: 1})
    large = work + "/large.sql"
    write_dump(large, {index: 5 for index in range(20000)})
    script = f"""set -e
mount -t tmpfs -o size=3m tmpfs '{disk}'
'{harness.zonectl_binary()}' import '{dump}' --store '{disk}/s' >/dev/null
code=0; '{harness.zonectl_binary()}' import '{large}' --store '{disk}/s' >/dev/null 2>'{work}/said' || code=$?
[ $code = 2 ] || {{ echo "exit code $code"; exit 1; }}
'{harness.zonectl_binary()}' zone list --store '{disk}/s'
'{harness.zonectl_binary()}' store check --store '{disk}/s' >/dev/null
code=0; '{harness.zonectl_binary()}' import '{large}' --store '{disk}/new' >/dev/null 2>>'{work}/said' || code=$?
[ $code = 2 ] || {{ echo "exit code $code"; exit 1; }}
ls '{disk}' | grep new && exit 1
exit 0
"""
    ended = subprocess.run(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.startswith("zone1.example.\t"), ended.stdout
    with open(work + "/said", encoding="utf-8") as f:
        said = f.read()
    assert said.count("o space left on") == 2, said


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    for test in (test_identity, test_refusals, lambda work: test_kills(work, args.kills, rng),
                 lambda work: test_reload_kills(work, max(5, args.kills // 5), rng), test_reload, test_restored, test_format1,
                 test_image_file, test_reading, test_leftovers, test_output_lost, test_full_disk):
        work = tempfile.mkdtemp(prefix="zonectl-e2e-store-")
        try:
            test(work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
