"""Zones of running servers: lists and catalog zones from Knot, NSD, BIND and PowerDNS, with and without TSIG. The import reports a server
that refuses, has another key, or dies."""
import base64
import json
import os
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

import harness

ALGORITHMS = ("hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
SECRET = base64.b64encode(b"a secret of the tests, 32 octets").decode()
OTHER = base64.b64encode(b"another one").decode()
CATALOG = "catalog.test."


def zone_text(apex, records=3):
    lines = [f"{apex} 3600 SOA ns.{apex} hostmaster.{apex} 7 7200 900 86400 300", f"{apex} 3600 NS ns.{apex}", f"ns.{apex} 3600 A 192.0.2.1",
             f"*.w.{apex} 60 TXT \"wild\"", f"sub.{apex} 3600 NS ns.sub.{apex}", f"ns.sub.{apex} 3600 A 192.0.2.2"]
    lines += [f"opaque.{apex} 300 TYPE65401 \\# 3 010203", f"opaque.{apex} 300 TYPE65402 \\# 1 ff"]
    lines += [f"n{i}.{apex} 300 A 192.0.{i >> 8 & 255}.{i & 255}" for i in range(records)]
    return "\n".join(lines) + "\n"


def data_set():
    zones = {f"zone{i}.test.": zone_text(f"zone{i}.test.") for i in range(12)}
    zones["big.test."] = zone_text("big.test.", 20000)  # many messages
    return zones


def catalog_text(members):
    lines = [f"{CATALOG} 3600 SOA invalid. invalid. 1 7200 900 86400 300", f"{CATALOG} 3600 NS invalid.", f"version.{CATALOG} 0 TXT \"2\""]
    for i, member in enumerate(members):
        lines += [f"m{i}.zones.{CATALOG} 0 PTR {member}", f"group.m{i}.zones.{CATALOG} 0 TXT \"some-group\"",
                  f"coo.m{i}.zones.{CATALOG} 0 PTR new.catalog.test."]
    return "\n".join(lines) + "\n"


def zonectl(*args, code=0, timeout=60):
    ended = subprocess.run([harness.zonectl_binary(), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout, check=False)
    if ended.returncode != code:
        raise AssertionError(f"{args}: exit code {ended.returncode}, wanted {code}: {ended.stdout[-1500:]}{ended.stderr[-1500:]}")
    return ended.stderr if code == 2 else ended.stdout


def import_from(server, store, *args, code=0):
    out = zonectl("import", f"axfr://{harness.ADDRESS}:{server.port}", "--store", store, "--json", *args, code=code)
    return json.loads(out) if code != 2 else out


def stored(store):
    return {line.split("\t")[0] for line in zonectl("zone", "list", "--store", store).splitlines()}


def exported(store, zone):
    return sorted(line.split() for line in zonectl("zone", "export", zone, "--store", store).splitlines())


def written(text):
    """The same form out of a master file without $TTL and relative names."""
    return sorted([line.split()[0], line.split()[1], "IN", *line.split()[2:]] for line in text.splitlines())


def zone_list(work, zones):
    path = work + "/zones"
    with open(path, "w", encoding="ascii") as f:
        f.write("# zones to move\n\n" + "\n".join(zones) + "\n")
    return path


# ---------------------------------------------------------------- peers that allow transfers
class Knot(harness.Knot):
    def command(self):
        argv = super().command()
        with open(self.path("knot.conf"), encoding="ascii") as f:
            config = f.read()
        keys = "".join(f'  - id: "{a}.key"\n    algorithm: {a}\n    secret: "{SECRET}"\n' for a in ALGORITHMS)
        names = ", ".join(f'"{a}.key"' for a in ALGORITHMS)
        acl = (f'key:\n{keys}acl:\n  - id: open\n    address: {harness.ADDRESS}\n    action: transfer\n'
               f'  - id: keyed\n    key: [{names}]\n    action: transfer\n')
        config = config.replace("template:\n", acl + "template:\n").replace("    semantic-checks: off\n", "    semantic-checks: off\n    acl: [open, keyed]\n")
        self.write("knot.conf", config)
        return argv


def write_knot(data, zones, keyed=()):
    """The same as write_data_set, but only a key may transfer the zones."""
    harness.write_data_set(data, zones)
    with open(data + "/knot.zones.conf", "w", encoding="ascii") as f:
        f.write("zone:\n")
        for apex in zones:
            f.write(f'  - domain: "{apex}"\n    file: "zones/{apex.rstrip(".")}.zone"\n')
            if apex in keyed:
                f.write("    acl: [keyed]\n")


def test_knot(work):
    """A list of zones and the members of a catalog zone come over as the files have them; another import changes nothing."""
    zones = data_set()
    write_knot(work + "/data", zones | {CATALOG: catalog_text([z for z in zones if z != "zone3.test."])})
    with Knot(work + "/data").start() as server:
        report = import_from(server, work + "/a", "--zone-list", zone_list(work, zones))
        assert report["zones"]["added"] == len(zones) and report["zones"]["not_transferred"] == 0, report
        for apex, text in zones.items():
            assert exported(work + "/a", apex) == written(text), apex
        again = import_from(server, work + "/a", "--zone-list", zone_list(work, zones), "--connections", "1")
        assert again["zones"]["unchanged"] == len(zones), again["zones"]

        report = import_from(server, work + "/b", "--catalog", CATALOG.upper())
        assert stored(work + "/b") == set(zones) - {"zone3.test."}, stored(work + "/b")
        shown = json.loads(zonectl("zone", "show", "zone2.test", "--store", work + "/b", "--json"))
        properties = {"coo": "new.catalog.test.", "group": ["some-group"], "unique": "m2."}
        assert shown["catalog"] == "catalog.test" and json.loads(shown["options"]) == {"producer": properties}, shown
        dump = zonectl("export", "--store", work + "/b", "-o", "-")
        assert f"\t{shown['options']}\tcatalog.test\n" in dump, dump[:2000]
        # A transfer by name has no catalog.
        import_from(server, work + "/b", "--zone", "zone2.test")
        assert json.loads(zonectl("zone", "show", "zone2.test", "--store", work + "/b", "--json"))["options"] == shown["options"]
        import_from(server, work + "/b", "--zone", "ZONE3.test", "--as-secondary")
        shown = json.loads(zonectl("zone", "show", "zone3.test", "--store", work + "/b", "--json"))
        assert shown["kind"] == "Slave" and shown["masters"] == [f"{harness.ADDRESS}:{server.port}"], shown
        assert "is it a catalog zone?" in import_from(server, work + "/c", "--catalog", "zone1.test", code=2)
        assert not os.path.exists(work + "/c")


def test_keys(work):
    """All six algorithms. With another secret, another name or no key the zones that need the key are reported, and the others come."""
    zones = {f"zone{i}.test.": zone_text(f"zone{i}.test.") for i in range(4)}
    zones["big.test."] = zone_text("big.test.", 20000)
    write_knot(work + "/data", zones, keyed=("zone1.test.", "big.test."))
    with Knot(work + "/data").start() as server:
        names = zone_list(work, zones)
        for algorithm in ALGORITHMS:
            report = import_from(server, f"{work}/{algorithm}", "--zone-list", names, "--tsig-key", f"{algorithm}:{algorithm}.key:{SECRET}")
            assert report["zones"]["added"] == len(zones), (algorithm, report)
        with open(work + "/key", "w", encoding="ascii") as f:
            f.write(f'key "HMAC-SHA256.key" {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n')
        report = import_from(server, work + "/file", "--zone-list", names, "--tsig-key-file", work + "/key")
        assert report["zones"]["added"] == len(zones), report

        report = import_from(server, work + "/none", "--zone-list", names, code=1)
        assert stored(work + "/none") == set(zones) - {"zone1.test.", "big.test."}
        assert report["zones"]["not_transferred"] == 2, report
        reasons = {f["zone"]: f["reason"] for f in report["findings"]}
        assert "NOTAUTH" in reasons["zone1.test."] or "REFUSED" in reasons["zone1.test."], reasons

        for key, word in ((f"hmac-sha256:hmac-sha256.key:{OTHER}", "BADSIG"), (f"hmac-sha256:unknown.key:{SECRET}", "BADKEY")):
            report = import_from(server, work + "/bad", "--zone-list", names, "--tsig-key", key, code=1)
            assert report["zones"]["not_transferred"] == len(zones), report
            assert all(word in f["reason"] for f in report["findings"]), (word, report["findings"])
        # A zone of the store stays when its transfer fails, also with --prune.
        import_from(server, work + "/file", "--zone", "zone0.test", "--zone", "gone.test", "--prune", code=1)
        assert stored(work + "/file") == set(zones)
        import_from(server, work + "/file", "--zone", "zone0.test", "--prune", "--max-removed", "100")
        assert stored(work + "/file") == {"zone0.test."}


class Counting(Knot):
    """Behind a relay that counts AXFR queries."""

    def start(self):
        super().start()
        self.behind, self.asked = self.port, 0
        self.listening = socket.create_server((harness.ADDRESS, 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def accept(self):
        while True:
            try:
                peer, _ = self.listening.accept()
            except OSError:
                return
            ahead = socket.create_connection((harness.ADDRESS, self.behind))
            threading.Thread(target=self.queries, args=(peer, ahead), daemon=True).start()
            threading.Thread(target=self.answers, args=(ahead, peer), daemon=True).start()

    def queries(self, peer, ahead):
        while size := harness.read_exactly(peer, 2):
            query = harness.read_exactly(peer, struct.unpack(">H", size)[0])
            end = query.index(b"\0", 12)
            self.asked += query[end + 1:end + 3] == b"\0\xfc"
            ahead.sendall(size + query)
        ahead.shutdown(socket.SHUT_WR)

    @staticmethod
    def answers(ahead, peer):
        while piece := ahead.recv(65536):
            peer.sendall(piece)
        peer.close()

    def transfers(self):
        return self.asked

    def replace(self, apex, text):
        with open(f"{self.data}/zones/{apex.rstrip('.')}.zone", "w", encoding="ascii") as f:
            f.write(text)
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 20
        while True:
            answer = harness.ask_udp(self.behind, harness.encode_query(apex))
            if answer and struct.pack(">I", 8) in answer:
                return
            assert time.monotonic() < deadline


def test_unchanged(work):
    """A zone with an unchanged SOA is not transferred again, unless it is signed, or --retransfer is given."""
    zones = {f"zone{i}.test.": zone_text(f"zone{i}.test.") for i in range(6)}
    with open(os.path.join(harness.ROOT, "testdata", "zones", "nsec.example.zone"), encoding="ascii") as f:
        zones["nsec.example."] = f.read()
    write_knot(work + "/data", zones, keyed=("zone1.test.",))
    key = ("--tsig-key", f"hmac-sha256:hmac-sha256.key:{SECRET}")
    with Counting(work + "/data").start() as server:
        names = zone_list(work, zones)
        ask = lambda *args, code=0: import_from(server, work + "/a", "--zone-list", names, *args, code=code)["zones"]
        counts = []
        for args in (key, key, (*key, "--connections", "1", "--prune"), (*key, "--retransfer"), (*key, "--dry-run")):
            before = server.transfers()
            report = ask(*args)
            counts.append((server.transfers() - before, report["added"], report["unchanged"], report["removed"], report["not_transferred"]))
        assert counts == [(7, 7, 0, 0, 0), (1, 0, 7, 0, 0), (1, 0, 7, 0, 0), (7, 0, 7, 0, 0), (1, 0, 7, 0, 0)], counts
        # An SOA is for everyone; the zone is not.
        assert ask()["unchanged"] == 7
        report = ask("--retransfer", code=1)
        assert report["not_transferred"] == 1 and report["unchanged"] == 6, report
        server.replace("zone2.test.", zones["zone2.test."].replace(" 7 7200", " 8 7200"))
        before = server.transfers()
        report = ask(*key)
        assert (server.transfers() - before, report["changed"], report["unchanged"]) == (2, 1, 6), report


class Nsd(harness.Nsd):
    pass


def test_nsd(work):
    zones = data_set()
    harness.write_data_set(work + "/data", zones)
    with open(work + "/data/nsd.zones.conf", "w", encoding="ascii") as f:
        f.write(f'key:\n\tname: "k"\n\talgorithm: hmac-sha512\n\tsecret: "{SECRET}"\n')
        for apex in zones:
            f.write(f'zone:\n\tname: "{apex}"\n\tzonefile: "zones/{apex.rstrip(".")}.zone"\n\tprovide-xfr: {harness.ADDRESS} k\n')
    with Nsd(work + "/data").start() as server:
        report = import_from(server, work + "/a", "--zone-list", zone_list(work, zones), "--tsig-key", f"hmac-sha512:k:{SECRET}", "--connections", "3")
        assert report["zones"]["added"] == len(zones), report
        assert exported(work + "/a", "big.test.") == written(zones["big.test."])
        report = import_from(server, work + "/b", "--zone", "zone1.test", code=1)
        assert report["zones"]["not_transferred"] == 1, report


def test_costly(work):
    """NSEC3 of more than 150 iterations is served, and the zone is reported as doubtful."""
    hashed = "0" * 32
    zones = {f"i{n}.test.": zone_text(f"i{n}.test.") + f"i{n}.test. 0 NSEC3PARAM 1 0 {n} -\n{hashed}.i{n}.test. 300 NSEC3 1 0 {n} - {hashed} SOA\n"
             for n in (150, 151)}
    harness.write_data_set(work + "/data", zones)
    with open(work + "/data/nsd.zones.conf", "w", encoding="ascii") as f:
        for apex in zones:
            f.write(f'zone:\n\tname: "{apex}"\n\tzonefile: "zones/{apex.rstrip(".")}.zone"\n\tprovide-xfr: {harness.ADDRESS} NOKEY\n')
    with Nsd(work + "/data").start() as server:
        report = import_from(server, work + "/a", "--zone-list", zone_list(work, zones))
    assert report["zones"]["added"] == 2, report
    told = [(finding["zone"], finding["verdict"], finding["table"]) for finding in report["findings"] if "iterations" in finding["reason"]]
    assert told == [("i151.test.", "doubtful", "domains")], report["findings"]
    assert report["tables"]["domains"]["doubtful"] == 1 and report["tables"]["domains"]["served_as_they_are"] == 2, report["tables"]


def test_bind(work):
    zones = data_set()
    harness.write_data_set(work + "/data", zones | {CATALOG: catalog_text(zones)})
    path = work + "/data/named.zones.conf"
    with open(path, encoding="ascii") as f:
        config = f.read()
    with open(path, "w", encoding="ascii") as f:
        f.write(f'key "k" {{ algorithm hmac-sha384; secret "{SECRET}"; }};\n' + config.replace("type master;", "type master; allow-transfer { key k; };"))
    with harness.Bind(work + "/data").start() as server:
        report = import_from(server, work + "/a", "--catalog", CATALOG, "--tsig-key", f"hmac-sha384:K:{SECRET}")
        assert report["zones"]["added"] == len(zones), report
        for apex, text in zones.items():
            assert exported(work + "/a", apex) == written(text), apex
        assert "REFUSED" in import_from(server, work + "/b", "--catalog", CATALOG, code=2)


# ---------------------------------------------------------------- PowerDNS
class PowerDns(harness.Server):
    """With an SQLite database that `fill` is given."""
    name = "powerdns"

    def __init__(self, data, fill):
        os.makedirs(data, exist_ok=True)
        super().__init__(data)
        self.database = self.path("pdns.sqlite3")
        with open("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql", encoding="ascii") as f:
            schema = f.read()
        database = sqlite3.connect(self.database)
        database.executescript(schema)
        fill(database)
        database.commit()
        database.close()

    def command(self):
        self.write_config()
        return ["pdns_server", f"--config-dir={self.work}", f"--local-address={harness.ADDRESS}", f"--local-port={self.port}", "--daemon=no", "--guardian=no", "--disable-syslog=yes",
                f"--socket-dir={self.work}", "--primary=yes", f"--allow-axfr-ips={harness.ADDRESS}", "--receiver-threads=1", "--distributor-threads=1",
                "--cache-ttl=0", "--query-cache-ttl=0", "--negquery-cache-ttl=0", "--zone-cache-refresh-interval=0"]

    def write_config(self):
        self.write("pdns.conf", f"launch=gsqlite3\ngsqlite3-database={self.database}\ngsqlite3-dnssec=yes\n")

    def pdnsutil(self, *args):
        self.write_config()
        subprocess.run(["pdnsutil", f"--config-dir={self.work}", *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)

    def start_for(self, zone):
        self.launch()
        deadline = time.monotonic() + 60
        while True:
            answer = harness.ask_udp(self.port, harness.encode_query(zone), 0.2)
            if answer and harness.rcode(answer) == 0:
                return self
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("powerdns: " + self.log()[-2000:])


def test_powerdns(work):
    """Zones and a producer catalog. ALIAS and LUA records come as they are and are kept. A zone that PowerDNS signs comes signed; the transfer
    replaces the zone that its database gave."""
    def fill(database):
        number = 0
        for name, kind, catalog in [("catalog.test", "PRODUCER", None)] + [(f"zone{i}.test", "MASTER", "catalog.test") for i in range(5)]:
            number += 1
            options = json.dumps({"producer": {"group": ["g"]}}) if catalog else None
            database.execute("insert into domains (id, name, type, catalog, options) values (?, ?, ?, ?, ?)", (number, name, kind, catalog, options))
            rows = [(name, "SOA", f"ns.{name} hostmaster.{name} 5 7200 900 86400 300"), (name, "NS", f"ns.{name}")]
            if catalog:
                rows += [(f"ns.{name}", "A", "192.0.2.1"), (f"alias.{name}", "ALIAS", f"ns.{name}"), (f"lua.{name}", "LUA", 'A "ifportup(443, {\'192.0.2.1\'})"')]
            for owner, rtype, content in rows:
                database.execute("insert into records (domain_id, name, type, content, ttl, prio, auth) values (?, ?, ?, ?, 300, 0, 1)",
                                 (number, owner, rtype, content))
    with PowerDns(work + "/data", fill) as server:
        server.pdnsutil("secure-zone", "zone0.test")
        server.pdnsutil("set-nsec3", "zone0.test", "1 0 2 ab")
        server.start_for("zone1.test")
        report = import_from(server, work + "/a", "--from-powerdns", "--catalog", "catalog.test")
        assert stored(work + "/a") == {f"zone{i}.test." for i in range(5)}, (stored(work + "/a"), report)
        shown = json.loads(zonectl("zone", "show", "zone1.test", "--store", work + "/a", "--json"))
        kept = sorted((k["type"], k["content"]) for k in shown["kept"])
        assert kept == [("ALIAS", "ns.zone1.test"), ("LUA", 'A "ifportup(443, {\'192.0.2.1\'})"')], kept
        assert report["tables"]["records"]["doubtful"] == 10, report["tables"]
        # Without --from-powerdns they are data like any other.
        report = import_from(server, work + "/c", "--zone", "zone1.test")
        assert report["tables"]["records"]["doubtful"] == 0, report["tables"]
        kinds = {line[3] for line in exported(work + "/c", "zone1.test")}
        assert {"TYPE65401", "TYPE65402"} < kinds and not {"ALIAS", "LUA"} & kinds, kinds
        dump = zonectl("export", "--store", work + "/a", "-o", "-")
        assert "\talias.zone1.test\tALIAS\tns.zone1.test\t300" in dump, dump

        zonectl("import", server.database, "--store", work + "/b", code=1)  # zone0.test is signed by PowerDNS
        state = lambda: [line.split("\t")[1:3] for line in zonectl("zone", "list", "--store", work + "/b").splitlines() if line.startswith("zone0.test.")]
        assert "withheld" in state()[0], state()
        before = json.loads(zonectl("zone", "show", "zone0.test", "--store", work + "/b", "--json"))
        import_from(server, work + "/b", "--from-powerdns", "--zone", "zone0.test")
        assert "serving" in state()[0], state()
        shown = json.loads(zonectl("zone", "show", "zone0.test", "--store", work + "/b", "--json"))
        metadata = {m["kind"]: m["content"] for m in shown["metadata"]}
        assert metadata["PRESIGNED"] == "1" and metadata["NSEC3PARAM"] == "1 0 2 ab", metadata
        assert shown["keys"] == before["keys"] and shown["kind"] == before["kind"], shown
        with open(work + "/zone0", "w", encoding="ascii") as f:
            f.write(zonectl("zone", "export", "zone0.test", "--store", work + "/b", code=1))
        verified = subprocess.run(["ldns-verify-zone", work + "/zone0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert "RRSIG" in open(work + "/zone0", encoding="ascii").read() and verified.returncode == 0, verified.stdout


# ---------------------------------------------------------------- a server that goes wrong
class Dying:
    """Gives whole zones of many messages. It gives the first message of a zone that begins with "half", then closes. At "last" it goes for good."""

    def __init__(self):
        self.listening = socket.create_server((harness.ADDRESS, 0))
        self.port = self.listening.getsockname()[1]
        self.asked = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                peer, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with peer:
            while True:
                size = harness.read_exactly(peer, 2)
                if not size:
                    return
                query = harness.read_exactly(peer, struct.unpack(">H", size)[0])
                end = query.index(b"\0", 12) + 5
                name = query[13:13 + query[12]].decode()
                self.asked.append(name)
                soa = b"\xc0\x0c" + struct.pack(">HHIH", 6, 1, 60, 22) + b"\0\0" + struct.pack(">IIIII", 1, 2, 3, 4, 5)
                rows = [b"\1" + b"abcdefghij"[i:i + 1] + b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, i]) for i in range(10)]

                def send(records):
                    message = query[:2] + struct.pack(">HHHHH", 0x8400, 1, len(records), 0, 0) + query[12:end] + b"".join(records)
                    peer.sendall(struct.pack(">H", len(message)) + message)
                send([soa] + rows)
                if name.startswith("last"):
                    self.listening.shutdown(socket.SHUT_RDWR)
                    self.listening.close()
                if name.startswith(("half", "last")):
                    return
                send(rows + [soa])


def test_dying(work):
    """A transfer that is cut off is reported, and the next zones come. When the server is gone, the rest is reported at once."""
    server = Dying()
    report = import_from(server, work + "/a", "--zone", "one.test", "--zone", "half.test", "--zone", "two.test", code=1)
    assert stored(work + "/a") == {"one.test.", "two.test."}, report
    assert report["zones"]["not_transferred"] == 1 and {
        key: count for key, count in report["tables"]["domains"].items() if count} == {"read": 3, "served_as_they_are": 2, "refused": 1}, report
    assert "closed the connection" in report["findings"][0]["reason"] and report["findings"][0]["zone"] == "half.test.", report["findings"]

    many = ["one.test", "last.test"] + [f"z{i}.test" for i in range(50)]
    begun = time.monotonic()
    report = import_from(server, work + "/b", "--zone-list", zone_list(work, many), "--connections", "1", code=1)
    assert stored(work + "/b") == {"one.test."}, report
    assert report["zones"]["not_transferred"] == 51 and time.monotonic() - begun < 20, report
    # Nobody listens any more: that is no list of refused zones.
    error = import_from(server, work + "/c", "--zone-list", zone_list(work, many), code=2)
    assert f"{harness.ADDRESS}:{server.port}" in error and not os.path.exists(work + "/c"), error
    assert "no zones" in import_from(server, work + "/c", code=2)


def main():
    for test in (test_dying, test_knot, test_unchanged, test_keys, test_nsd, test_costly, test_bind, test_powerdns):
        with tempfile.TemporaryDirectory(prefix="zonectl-e2e-axfr-") as work:
            os.chmod(work, 0o755)
            begun = time.monotonic()
            test(work)
            print(f"{test.__name__}: ok ({time.monotonic() - begun:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
