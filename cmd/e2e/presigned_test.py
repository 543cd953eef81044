"""Zones signed elsewhere that PowerDNS has as a secondary. It stores no NSEC, NSEC3 and NSEC3PARAM records of them. Imported from its
database they are the signed zone again, record for record, and verify."""
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

import harness
from axfr_test import PowerDns, zonectl

PLAIN = """$ORIGIN {apex}
$TTL 3600
@ SOA ns hostmaster 7 7200 900 86400 300
@ NS ns
@ NS ns.elsewhere.test.
@ MX 10 mail
@ TXT "text at the apex"
@ CAA 0 issue "ca.test"
ns A 192.0.2.1
ns AAAA 2001:db8::1
mail 600 A 192.0.2.2
www CNAME mail
*.wild TXT "wild"
*.cname CNAME www
deep.in.the.woods A 192.0.2.3
other.in.the.woods TYPE65280 \\# 2 abcd
a.b.insecure.ent NS ns.elsewhere.test.
insecure NS ns.insecure
insecure NS ns.elsewhere.test.
ns.insecure A 192.0.2.4
below.insecure TXT "occluded"
secure NS ns.elsewhere.test.
secure DS 12345 13 2 0101010101010101010101010101010101010101010101010101010101010101
dname DNAME elsewhere.test.
_443._tcp.www2 TLSA 3 1 1 0101010101010101010101010101010101010101010101010101010101010101
www2 HTTPS 1 . alpn=h2
_sip._tcp SRV 1 2 5060 mail
mixed\\.dot TXT "an escaped dot"
"""
QUESTIONS = [("", "PTR"), ("nothing", "A"), ("www", "MX"), ("mail", "TXT"), ("x.wild", "TXT"), ("x.wild", "A"), ("in.the.woods", "A"), ("woods", "A"),
             ("x.woods", "A"), ("x.the.woods", "A"), ("ent", "A"), ("x.ent", "A"), ("secure", "A"), ("secure", "DS"), ("insecure", "A"), ("insecure", "DS"),
             ("x.insecure", "A"), ("a.b.insecure.ent", "A"), ("dname", "A"), ("_tcp.www2", "A"), ("zzz", "A"), ("0", "A"), ("x.mail", "A"), ("q.cname", "A"),
             ("mail", "AAAA"), ("_tcp", "SRV"), ("x.y.z", "MX"), ("", "NSEC3PARAM"), ("", "DNSKEY")]


def run(*args, cwd=None, code=0):
    ended = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False, cwd=cwd)
    if code is not None and ended.returncode != code:
        raise AssertionError(f"{args}: exit code {ended.returncode}: {ended.stdout[-2000:]}")
    return ended.stdout


def sign_ldns(work, apex, flags):
    key = run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", apex, cwd=work).split()[-1]
    run("ldns-signzone", *flags, "-f", f"{apex}signed", f"{apex}plain", key, cwd=work)
    return key + ".key"


def sign_bind(work, apex, flags):
    keys = [run("dnssec-keygen", "-q", "-a", algorithm, *more, apex, cwd=work).split()[-1]
            for algorithm, more in (("ECDSAP256SHA256", ["-f", "KSK"]), ("ECDSAP256SHA256", []))]
    with open(f"{work}/{apex}plain", "a", encoding="ascii") as f:
        for key in keys:
            f.write(f"$INCLUDE {work}/{key}.key\n")
    run("dnssec-signzone", "-q", *flags, "-o", apex, "-f", f"{apex}signed", "-O", "full", f"{apex}plain", *keys, cwd=work)
    return keys[0] + ".key"


SIGNERS = {
    "nsec-ldns.test.": (sign_ldns, []),
    "nsec3-ldns.test.": (sign_ldns, ["-n", "-t", "5", "-s", "abcd"]),
    "optout-ldns.test.": (sign_ldns, ["-n", "-p", "-t", "1", "-s", "0102030405"]),
    "nsec-bind.test.": (sign_bind, []),
    "nsec3-bind.test.": (sign_bind, ["-3", "-"]),
    "optout-bind.test.": (sign_bind, ["-3", "aabb", "-A", "-H", "3"]),
}


def canonical(work, path, apex):
    """Every record of a zone file as one line, in a form of one program: sorted."""
    text = run("ldns-read-zone", "-c", path, cwd=work)
    return sorted(" ".join(line.split()).lower() for line in text.splitlines() if line and not line.startswith(";"))


def fill(database, port):
    for number, apex in enumerate(SIGNERS, 1):
        database.execute("insert into domains (id, name, master, type) values (?, ?, ?, 'SLAVE')", (number, apex.rstrip("."), f"{harness.ADDRESS}:{port}"))


class Secondary(PowerDns):
    def command(self):
        return super().command() + ["--secondary=yes", "--xfr-cycle-interval=1"]

    def wait_for(self, zones):
        deadline = time.monotonic() + 60
        todo = list(zones)
        while todo:
            answer = harness.ask_udp(self.port, harness.encode_query(todo[-1]), 0.5)
            if answer and harness.rcode(answer) == 0 and answer[7] == 1:
                todo.pop()
                continue
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("powerdns: " + self.log()[-2000:])
            time.sleep(0.05)


def denial(port, name, qtype):
    """Rcode and the authority section with DO, sorted; names in lower case."""
    out = run("kdig", f"@{harness.ADDRESS}", "-p", str(port), "+dnssec", "+norec", "+noall", "+header", "+authority", "+tcp", name, qtype)
    status = re.search(r"status: (\w+)", out)[1]
    return status, sorted(" ".join(line.split()).lower() for line in out.splitlines() if line and not line.startswith(";"))


def has_unsigned_denial(authority):
    """PowerDNS makes an NSEC3 for an empty non-terminal above nothing but delegations that opt-out left out; the signer did not."""
    owners = {kind: {line.split()[0] for line in authority if f" in {word} " in line} for kind, word in (("nsec3", "nsec3"), ("signed", "rrsig nsec3"))}
    return not owners["nsec3"] <= owners["signed"]


def main():
    with tempfile.TemporaryDirectory(prefix="zonectl-e2e-presigned-") as work:
        os.chmod(work, 0o755)
        anchors, signed = {}, {}
        for apex, (sign, flags) in SIGNERS.items():
            with open(f"{work}/{apex}plain", "w", encoding="ascii") as f:
                f.write(PLAIN.format(apex=apex))
            with open(f"{work}/{sign(work, apex, flags)}", encoding="ascii") as f:
                anchors[apex] = f.read()
            with open(f"{work}/{apex}signed", encoding="ascii") as f:
                signed[apex] = f.read()
        harness.write_data_set(work + "/data", signed)
        with open(work + "/data/nsd.zones.conf", "w", encoding="ascii") as f:
            for apex in signed:
                f.write(f'zone:\n\tname: "{apex}"\n\tzonefile: "zones/{apex.rstrip(".")}.zone"\n\tprovide-xfr: {harness.ADDRESS} NOKEY\n')
        with harness.Nsd(work + "/data").start() as primary, Secondary(work + "/powerdns", lambda d: fill(d, primary.port)) as secondary:
            secondary.launch()
            secondary.wait_for(signed)
            database = sqlite3.connect(secondary.database)
            kinds = {row[0] for row in database.execute("select distinct type from records")}
            assert "RRSIG" in kinds and not kinds & {"NSEC", "NSEC3", "NSEC3PARAM"}, kinds
            ents = database.execute("select count(*) from records where type is null").fetchone()[0]
            with open(work + "/dump.sql", "w", encoding="utf-8") as f:
                f.write("\n".join(database.iterdump()) + "\n")
            database.close()

            store = work + "/store"
            imported = json.loads(zonectl("import", work + "/dump.sql", "--store", store, "--json"))
            assert imported["findings_total"] == 0, imported
            for apex in signed:
                path = f"{work}/{apex}exported"
                with open(path, "w", encoding="ascii") as f:
                    f.write(zonectl("zone", "export", apex, "--store", store))
                was, now = (canonical(work, p, apex) for p in (f"{work}/{apex}signed", path))
                assert was == now, (apex, sorted(set(was) - set(now))[:5], sorted(set(now) - set(was))[:5])
                print(apex, len(now), "records;", run("ldns-verify-zone", path, cwd=work).strip().splitlines()[-1])

            # An export to PowerDNS has no rows for records that PowerDNS makes itself, and gives the same zones.
            zonectl("export", "--store", store, "-o", work + "/again.sql")
            report = json.loads(zonectl("import", work + "/again.sql", "--store", store, "--json"))
            assert report["zones"]["unchanged"] == len(signed) and report["zones"]["changed"] == 0, report["zones"]
            assert report["tables"]["records"]["read"] + ents == imported["tables"]["records"]["read"], (report["tables"], imported["tables"])

            # The same zones by AXFR, with the metadata that PowerDNS has of them.
            argv = [part for apex in signed for part in ("--zone", apex)]
            zonectl("import", f"axfr://{harness.ADDRESS}:{primary.port}", "--store", work + "/axfr", *argv)
            for apex in signed:
                exported = [zonectl("zone", "export", apex, "--store", s) for s in (store, work + "/axfr")]
                assert exported[0] == exported[1], apex
                shown = [json.loads(zonectl("zone", "show", apex, "--store", s, "--json")) for s in (store, work + "/axfr")]
                kinds = [sorted((m["kind"], m["content"]) for m in one["metadata"] if m["kind"] in ("PRESIGNED", "NSEC3PARAM")) for one in shown]
                assert kinds[0] == kinds[1], (apex, kinds)

            with open(work + "/data/zones.list", "w", encoding="ascii"):
                pass
            with ServedStore(work + "/data", store) as server:
                server.launch()
                harness.wait_until(lambda: harness.ask_udp(server.port, harness.encode_query("nsec-ldns.test."), 0.2), 60, "an answer")
                asked = 0
                for apex, anchor in anchors.items():
                    key = re.search(r"DNSKEY\s+(\d+)\s+(\d+)\s+(\d+)\s+([^;\n]+)", anchor)
                    with open(work + "/anchor", "w", encoding="ascii") as f:
                        f.write(f'trust-anchors {{ "{apex}" static-key {key[1]} {key[2]} {key[3]} "{key[4].strip()}"; }};\n')
                    for label, qtype in QUESTIONS:
                        name = f"{label}.{apex}" if label else apex
                        ours, theirs = denial(server.port, name, qtype), denial(secondary.port, name, qtype)
                        assert not has_unsigned_denial(ours[1]), ours
                        if has_unsigned_denial(theirs[1]):
                            assert label.endswith("ent") and apex == "optout-bind.test.", (name, qtype, theirs)
                        else:
                            assert ours == theirs, (name, qtype, ours, theirs)
                        if not label.startswith(("q.cname", "insecure", "x.insecure", "secure", "a.b.")):
                            out = run("delv", f"@{harness.ADDRESS}", "-p", str(server.port), "-a", work + "/anchor", f"+root={apex}", name, qtype, code=None)
                            # Names in an opt-out span may be there unsigned (RFC 5155 section 6): no proof, and no error.
                            assert "fully validated" in out or (apex.startswith("optout") and "unsigned answer" in out), (name, qtype, out)
                        asked += 1
                print(f"{asked} questions answered as by PowerDNS, and validated")
    return 0


class ServedStore(harness.Zonectl):
    def __init__(self, data, store):
        super().__init__(data)
        self.store = store

    def command(self):
        return [harness.zonectl_binary(), "serve", "--store", self.store, "--listen", f"{harness.ADDRESS}:{self.port}", "--control", self.control]


if __name__ == "__main__":
    sys.exit(main())
