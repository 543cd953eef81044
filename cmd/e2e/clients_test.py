#!/usr/bin/env python3
"""kdig, dig, delv and dnsperf get right answers: plain, signed with NSEC and NSEC3, over UDP and TCP, IPv4 and IPv6.

delv validates every answer of the signed zones from a trust anchor, as a resolver would.
"""
import os
import re
import subprocess
import tempfile

import harness

ZONES = os.path.join(harness.ROOT, "testdata", "zones")
KEYS = os.path.join(harness.ROOT, "testdata", "keys")


def tool(*argv):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
    return done.stdout


# Questions, and text that must be in kdig's answer.
LOOKUPS = [
    (["www.nsec.example", "A"], ["status: NOERROR", r"www.nsec.example.\s+3600\s+IN\s+CNAME\s+host.nsec.example.", r"host.nsec.example.\s+3600\s+IN\s+A\s+192.0.2.80", "aa"]),
    (["missing.nsec.example", "A"], ["status: NXDOMAIN", r"nsec.example.\s+300\s+IN\s+SOA"]),
    (["host.nsec.example", "MX"], ["status: NOERROR", r"ANSWER: 0", r"nsec.example.\s+300\s+IN\s+SOA"]),
    (["b.ent.nsec.example", "A"], ["status: NOERROR", "ANSWER: 0"]),
    (["any.thing.wild.nsec.example", "A"], ["status: NOERROR", r"any.thing.wild.nsec.example.\s+3600\s+IN\s+A\s+192.0.2.42"]),
    (["x.insecure.nsec.example", "A"], ["status: NOERROR", "ANSWER: 0", r"insecure.nsec.example.\s+3600\s+IN\s+NS", r"ns.insecure.nsec.example.\s+3600\s+IN\s+A\s+192.0.2.101"]),
    (["printer.old.nsec.example", "A"], [r"IN\s+DNAME\s+new.nsec.example.", r"printer.old.nsec.example.\s+3600\s+IN\s+CNAME\s+printer.new.nsec.example.", "192.0.2.90"]),
    (["www.example.org", "A"], ["status: REFUSED"]),
    (["version.bind", "TXT", "CH"], ["status: NOERROR", "version.bind."]),
    (["nsec.example", "SOA", "+nsid", "+cookie"], ["status: NOERROR", "SOA"]),
]

# Names under the apex, and the words that delv must print.
SECURE = "; fully validated"
NEGATIVE = "; negative response, fully validated"
UNSIGNED = "; unsigned answer"
VALIDATED = [
    ("host A", SECURE), (" SOA", SECURE), (" DNSKEY", SECURE), ("www A", SECURE), ("x.wild A", SECURE), ("a.b.ent A", SECURE), ("printer.old A", SECURE),
    (" TXT", SECURE), ("secure DS", SECURE), ("missing A", NEGATIVE), ("host MX", NEGATIVE), ("b.ent A", NEGATIVE), ("x.wild TXT", NEGATIVE),
    ("*.wild TXT", NEGATIVE), ("insecure DS", NEGATIVE), ("a.b.c.missing AAAA", NEGATIVE), (" CAA", NEGATIVE), ("zzz TXT", NEGATIVE), ("0 A", NEGATIVE),
]


def check_kdig_and_dig(port, address):
    for question, wanted in LOOKUPS:
        for over in ("+notcp", "+tcp"):
            out = tool("kdig", "+norec", over, f"@{address}", "-p", port, *question)
            for pattern in wanted:
                harness.expect(re.search(pattern, out), f"kdig {' '.join(question)} {over} at {address} shows {pattern}:\n{out}")
            if not {"+nsid", "+cookie"} & set(question):
                out = tool("dig", "+norec", over, f"@{address}", "-p", port, *question)
                for pattern in wanted:
                    harness.expect(re.search(pattern, out), f"dig {' '.join(question)} {over} at {address} shows {pattern}:\n{out}")


def trust_anchor(apex, directory):
    """delv's file for the key-signing key of a zone."""
    for name in os.listdir(KEYS):
        if name.startswith(f"K{apex}.") and name.endswith(".key"):
            with open(os.path.join(KEYS, name), encoding="ascii") as f:
                fields = f.read().split(";")[0].split()
            if fields[3] == "257":
                path = os.path.join(directory, apex)
                with open(path, "w", encoding="ascii") as f:
                    f.write(f'trust-anchors {{ {apex}. static-key 257 {fields[4]} {fields[5]} "{"".join(fields[6:])}"; }};\n')
                return path
    raise RuntimeError(f"no key-signing key of {apex}")


def check_delv(port, apex, opt_out):
    with tempfile.TemporaryDirectory(prefix="zonectl-delv-") as directory:
        anchor = trust_anchor(apex, directory)
        for question, wanted in VALIDATED:
            owner, qtype = question.split(" ")
            name = f"{owner}.{apex}" if owner else apex
            if opt_out and question == "x.wild A":
                wanted = UNSIGNED  # an opt-out span proves nothing about the names in it (RFC 5155 section 9.2)
            out = tool("delv", "-a", anchor, f"+root={apex}", f"@{harness.ADDRESS}", "-p", port, name, qtype)
            harness.expect(wanted in out, f"delv {name} {qtype} says \"{wanted}\":\n{out}")
        # Without the right anchor nothing validates: delv does look.
        with open(anchor, encoding="ascii") as f:
            key = f.read()
        with open(anchor, "w", encoding="ascii") as f:
            f.write(re.sub(r'"(.)', lambda m: '"' + ("A" if m[1] != "A" else "B"), key))
        out = tool("delv", "-a", anchor, f"+root={apex}", f"@{harness.ADDRESS}", "-p", port, f"host.{apex}", "A")
        harness.expect(SECURE not in out, f"delv does not validate with another key:\n{out}")


def check_dnsperf(port, directory):
    queries = os.path.join(directory, "queries")
    with open(queries, "w", encoding="ascii") as f:
        for _ in range(500):
            f.write("www.nsec.example A\nmissing.nsec3.example AAAA\nexample.com SOA\nx.wild.nsec.example A\n")
    for mode in ("udp", "tcp"):
        out = tool("dnsperf", "-s", harness.ADDRESS, "-p", port, "-d", queries, "-m", mode, "-n", "5", "-c", "4", "-q", "50", "-e", "-D")
        sent, done, lost = (int(re.search(rf"Queries {w}:\s+(\d+)", out)[1]) for w in ("sent", "completed", "lost"))
        harness.expect(sent == done == 10000 and lost == 0, f"dnsperf over {mode} loses nothing of 10000:\n{out}")
        harness.expect("SERVFAIL" not in out and "REFUSED" not in out, f"dnsperf over {mode} sees only NOERROR and NXDOMAIN:\n{out}")


def check_nsec3_without_opt_out(directory):
    """The same zone signed by ldns-signzone, every name covered."""
    apex = "nsec3.example"
    path = os.path.join(directory, "signed")
    keys = sorted(os.path.join(KEYS, f[:-4]) for f in os.listdir(KEYS) if f.startswith(f"K{apex}.") and f.endswith(".key"))
    subprocess.run(["ldns-signzone", "-n", "-s", "aabbccdd", "-t", "1", "-o", apex, "-f", path, os.path.join(KEYS, f"{apex}.unsigned"), *keys], check=True)
    with open(path, encoding="ascii") as f:
        harness.write_data_set(directory, {apex: f.read()})
    with harness.Zonectl(directory) as server:
        server.start()
        check_delv(server.port, apex, opt_out=False)


def main():
    with tempfile.TemporaryDirectory(prefix="zonectl-clients-") as data:
        zones = {f[:-5]: os.path.join(ZONES, f) for f in sorted(os.listdir(ZONES)) if f.endswith(".zone")}
        with open(os.path.join(data, "zones.list"), "w", encoding="ascii") as f:
            f.writelines(f"{apex}\t{path}\n" for apex, path in zones.items())
        port = harness.free_port()
        with harness.Zonectl(data, workers=2, port=port, flags=["--listen", f"[::1]:{port}", "--nsid", "node-7"]) as server:
            server.start()
            check_kdig_and_dig(port, harness.ADDRESS)
            check_kdig_and_dig(port, "::1")
            out = tool("dig", "+norec", "+tcp", "+keepalive", f"@{harness.ADDRESS}", "-p", port, "nsec.example", "SOA")
            harness.expect(re.search(r"TCP.KEEPALIVE: 10\.0 secs", out), f"dig +keepalive shows 10 seconds, which is --tcp-idle:\n{out}")
            out = tool("kdig", "+norec", "+nsid", f"@{harness.ADDRESS}", "-p", port, "nsec.example", "SOA")
            harness.expect("node-7" in out, f"kdig +nsid shows node-7:\n{out}")
            check_delv(port, "nsec.example", opt_out=False)
            check_delv(port, "nsec3.example", opt_out=True)
            check_dnsperf(port, data)
            harness.expect(server.stop() == 0, f"SIGTERM ends it with 0: {server.log()}")
        check_nsec3_without_opt_out(data)
    print(f"{len(LOOKUPS) * 4} lookups with kdig, as many with dig; {3 * len(VALIDATED)} validated by delv; dnsperf lost nothing")


if __name__ == "__main__":
    main()
