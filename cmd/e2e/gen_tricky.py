#!/usr/bin/env python3
"""Writes random zones that are hard to answer from, and the queries that find out.

  gen_tricky.py --out DIR [--groups N] [--seed S] [--queries M]

A group is a handful of zones that refer to each other: a main zone, child zones served beside it (some of
them delegated, some not), and a zone elsewhere. Names are chosen so that CNAME chains, wildcards, empty
non-terminals, DNAMEs, cuts, glue and occluded data meet in every combination. About six groups in ten
are signed: by ldns-signzone or dnssec-signzone, NSEC, NSEC3, or NSEC3 with opt-out.
The same seed gives the same zones and queries (signatures differ: ECDSA is randomised).

Writes  DIR/zones/NAME.zone   DIR/zones.list   DIR/{knot,nsd,named}.zones.conf   DIR/trust.keys
        DIR/queries.txt: NAME TYPE FLAG…, flags: noedns, do, size=N, tcp, rd, cd, ad
"""
import argparse
import base64
import concurrent.futures
import hashlib
import os
import random
import shutil
import struct
import subprocess
import sys

NAME_OCTETS_MAX = 255
SIGNATURE_FROM, SIGNATURE_UNTIL = "20200101000000", "20370101000000"
SIGNERS = ["ldns-nsec", "ldns-nsec3", "ldns-nsec3-optout", "bind-nsec", "bind-nsec3", "bind-nsec3-optout"]
LABELS = [b"a", b"b", b"c", b"d", b"e", b"www", b"mail", b"x", b"y", b"_tcp", b"_25", b"0", b"MiXed",
          b"a.b", b"sp ace", b"\x00", b"\xff\xc3", b"back\\slash", b"l" * 63, b"-", b"xn--p1ai"]


# ---------------------------------------------------------------- names: tuples of labels
def text(name):
    """Presentation format with the final dot."""
    out = ""
    for label in name:
        for octet in label:
            c = chr(octet)
            if c in '.\\"();@$':
                out += "\\" + c
            elif 33 <= octet <= 126:
                out += c
            else:
                out += "\\%03d" % octet
        out += "."
    return out or "."


def octets(name):
    return sum(len(label) + 1 for label in name) + 1


def wire(name):
    return b"".join(bytes([len(label)]) + label.lower() for label in name) + b"\0"


def fold(name):
    return tuple(label.lower() for label in name)


def is_below(name, ancestor):
    return len(name) > len(ancestor) and fold(name[len(name) - len(ancestor):]) == fold(ancestor)


def is_within(name, ancestor):
    return fold(name) == fold(ancestor) or is_below(name, ancestor)


# ---------------------------------------------------------------- keys
class Keys:
    """One key-signing and one zone-signing key, used under every zone's name: the key tag and the key
    itself do not depend on the owner, so that one call of dnssec-keygen is enough."""

    def __init__(self, directory):
        self.directory = directory
        self.pair = []
        for flags in (["-f", "KSK"], []):
            base = subprocess.run(["dnssec-keygen", "-q", "-K", directory, "-a", "ECDSAP256SHA256", *flags, "tricky."],
                                  check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
            path = os.path.join(directory, base)
            with open(path + ".key", encoding="ascii") as f:
                rdata = next(line.split("DNSKEY", 1)[1].split() for line in f if not line.startswith(";"))
            self.pair.append((base.split("+", 1)[1], rdata, path + ".private"))

    def dnskeys(self):
        return [" ".join(rdata) for _, rdata, _ in self.pair]

    def ds(self, apex):
        """The DS of the key-signing key, digest SHA-256 (RFC 4509)."""
        suffix, rdata, _ = self.pair[0]
        flags, protocol, algorithm = (int(x) for x in rdata[:3])
        octets_of_key = struct.pack(">HBB", flags, protocol, algorithm) + base64.b64decode("".join(rdata[3:]))
        digest = hashlib.sha256(wire(apex) + octets_of_key).hexdigest()
        return f"{int(suffix.split('+')[1])} {algorithm} 2 {digest}"

    def files(self, apex, directory):
        """Key files under the apex's name; their base names."""
        out = []
        for suffix, rdata, private in self.pair:
            base = os.path.join(directory, f"Kzone.+{suffix}")
            shutil.copy(private, base + ".private")
            with open(base + ".key", "w", encoding="ascii") as f:
                f.write(f"{text(apex)} 3600 IN DNSKEY {' '.join(rdata)}\n")
            out.append(base)
        return out


# ---------------------------------------------------------------- one zone
class Zone:
    def __init__(self, apex, rng, signer):
        self.apex, self.rng, self.signer = apex, rng, signer
        self.names = []          # owners in the order they were made
        self.role = {}           # folded owner -> cname, dname, cut, data, glue, occluded
        self.records = []        # (owner, ttl, type, rdata)
        self.types = {}          # folded owner -> set of types
        self.children = []       # apexes served here too, below this zone: the nearest
        self.served_below = []   # all of them
        self.alone = False       # no zone above or below it is served

    def add(self, owner, type_, rdatas, ttl=None):
        ttl = ttl if ttl is not None else self.rng.choice([0, 60, 300, 3600, 86400])
        for rdata in dict.fromkeys(rdatas):
            self.records.append((owner, ttl, type_, rdata))
        self.types.setdefault(fold(owner), set()).add(type_)

    def above(self, name, role):
        """The nearest strict ancestor (apex included) that has `role`, or None."""
        for i in range(1, len(name) - len(self.apex) + 1):
            if self.role.get(fold(name[i:])) == role:
                return name[i:]
        return None

    def make_names(self, count):
        rng = self.rng
        self.names = [self.apex]
        seen = {fold(self.apex)}
        while len(self.names) < count:
            parent = rng.choice(self.names if rng.random() < 0.6 else [self.apex])
            name = parent
            for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
                name = (b"*" if rng.random() < 0.14 else rng.choice(LABELS if rng.random() < 0.4 else LABELS[:9]),) + name
            if octets(name) < 200 and fold(name) not in seen:
                seen.add(fold(name))
                self.names.append(name)

    def make_roles(self):
        rng = self.rng
        for name in sorted(self.names, key=len):
            key = fold(name)
            if name == self.apex:
                self.role[key] = "apex-dname" if self.alone and rng.random() < 0.12 else "apex"
            elif any(is_within(name, child) for child in self.children):
                self.role[key] = "glue" if rng.random() < 0.3 and self.above(name, "cut") else "none"
            elif self.above(name, "cut"):
                self.role[key] = rng.choice(["glue", "glue", "occluded", "none"])
            elif self.above(name, "dname") or self.above(name, "apex-dname"):
                self.role[key] = "none"  # the peers refuse to load data below a DNAME
            elif name[0] == b"*":
                self.role[key] = rng.choice(["data", "data", "cname", "cname", "none"])
            else:
                self.role[key] = rng.choices(["data", "cname", "cut", "dname", "none", "big"], [42, 26, 13, 8, 8, 3])[0]
                if self.role[key] == "dname" and any(is_below(child, name) for child in self.served_below):
                    self.role[key] = "data"  # NSD refuses data below a DNAME even when it is another zone's

    def target(self, group, purpose):
        """A name to point at: existing, missing, below a cut, a wildcard, a DNAME, in another zone, elsewhere."""
        rng = self.rng
        zone = self if rng.random() < 0.7 else rng.choice(group)
        name = rng.choice(zone.names)
        kind = rng.random()
        if kind < 0.62:
            pass
        elif kind < 0.80:
            name = (rng.choice(LABELS[:9] + [b"missing"]),) + name
        elif kind < 0.85:
            name = zone.apex
        elif kind < 0.90:
            name = (rng.choice(LABELS[:9]), rng.choice(LABELS[:9])) + name
        elif kind < 0.95:
            name = (b"l" * 63,) * rng.choice([1, 2]) + name if purpose == "dname" else (b"missing",) + zone.apex
        else:
            name = (b"www", b"nowhere", b"invalid")
        while octets(name) > NAME_OCTETS_MAX:
            name = name[1:]
        if rng.random() < 0.1:
            name = tuple(label.upper() for label in name)
        return name

    def rdata_of(self, type_, group):
        rng, n = self.rng, self.rng.randrange
        host = lambda: text(self.target(group, "host"))
        make = {
            "A": lambda: f"192.0.2.{n(256)}", "AAAA": lambda: f"2001:db8::{n(65536):x}",
            "MX": lambda: f"{n(3) * 10} {host()}", "TXT": lambda: f'"text {n(10**6)}" "semi;colon \\" {n(9)}"',
            "SRV": lambda: f"{n(3)} {n(9)} {n(65536)} {host()}", "PTR": host, "CAA": lambda: f'0 issue "ca{n(9)}.example"',
            "TLSA": lambda: f"3 1 1 {n(2**64):064x}", "LOC": lambda: f"{n(80)} {n(59)} {n(59)}.000 N {n(170)} 5 0.000 E 10.00m 1m 10000m 10m",
            "HINFO": lambda: f'"cpu{n(9)}" "os"', "SSHFP": lambda: f"4 2 {n(2**64):064x}",
            "NAPTR": lambda: f'{n(9)} {n(9)} "u" "E2U+sip" "!^.*$!sip:{n(9)}@example.!" .',
            "URI": lambda: f'{n(9)} 1 "https://www.example/{n(99)}"', "TYPE65280": lambda: f"\\# 4 {n(2**32):08x}",
            "TYPE65": lambda: f"\\# 3 {n(1, 4):04x}00", "SPF": lambda: f'"v=spf1 ip4:192.0.2.{n(256)} -all"', "RP": lambda: f"{host()} {host()}",
            "AFSDB": lambda: f"1 {host()}", "KX": lambda: f"{n(9)} {host()}", "CERT": lambda: "PKIX 1 RSASHA256 MDEyMw==",
            "DHCID": lambda: "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=", "OPENPGPKEY": lambda: "AAAA", "EUI48": lambda: f"00-00-5e-00-53-{n(256):02x}",
            "CDS": lambda: f"{n(65536)} 13 2 {n(2**64):064x}", "APL": lambda: "1:192.0.2.0/24 !1:192.0.2.64/28",
        }
        return make[type_]()

    def fill(self, group, keys):
        rng = self.rng
        serial = rng.randrange(1, 2**31)
        self.add(self.apex, "SOA", [f"ns1.{text(self.apex)} host\\.master.{text(self.apex)} {serial} 7200 900 1209600 {rng.choice([60, 900, 86400])}"
                                    if self.apex else f"ns1. hostmaster. {serial} 7200 900 1209600 900"], rng.choice([300, 3600]))
        server = (b"ns1",) + self.apex
        if self.role[fold(self.apex)] == "apex-dname":  # nothing else may be below it
            self.add(self.apex, "NS", ["ns.nowhere.invalid."], 3600)
        else:
            self.add(self.apex, "NS", [text(server), "ns.nowhere.invalid."], 3600)
            self.add(server, "A", ["192.0.2.53"], 3600)
            if rng.random() < 0.5:
                self.add(server, "AAAA", ["2001:db8::53"], 3600)
        if self.signer:
            self.add(self.apex, "DNSKEY", keys.dnskeys(), 3600)
        ordinary = ["A", "A", "A", "AAAA", "AAAA", "MX", "TXT", "TXT", "SRV", "PTR", "CAA"]
        odd = ["TLSA", "LOC", "HINFO", "SSHFP", "NAPTR", "URI", "TYPE65280", "TYPE65", "SPF", "RP", "AFSDB", "KX", "CERT", "DHCID", "OPENPGPKEY", "EUI48", "CDS", "APL"]
        for name in self.names:
            role = self.role[fold(name)]
            if self.types.get(fold(name), set()) - {"SOA", "NS", "DNSKEY"}:
                continue  # ns1
            if role in ("apex", "apex-dname"):
                if role == "apex-dname":
                    self.add(name, "DNAME", [text(self.target(group, "dname"))])
                for type_ in set(rng.sample(ordinary, 3)):
                    self.add(name, type_, [self.rdata_of(type_, group) for _ in range(rng.choice([1, 2]))])
            elif role == "data" or role == "occluded":
                for type_ in set(rng.choices(ordinary, k=2)) | ({rng.choice(odd)} if rng.random() < 0.3 else set()):
                    self.add(name, type_, [self.rdata_of(type_, group) for _ in range(rng.choice([1, 1, 2, 4]))])
                if role == "occluded" and rng.random() < 0.3 and name[0] != b"*":
                    self.add(name, "NS", [text(self.target(group, "ns"))])
            elif role == "big":
                if rng.random() < 0.5:
                    self.add(name, "A", [f"198.51.100.{i}" for i in range(rng.choice([25, 60, 120, 250]))])
                else:
                    self.add(name, "TXT", ['"' + chr(97 + i) * 200 + '"' for i in range(rng.choice([2, 5, 10, 24]))])
            elif role == "glue":
                self.add(name, "A", [f"192.0.2.{rng.randrange(256)}"], 300)
                if rng.random() < 0.3:
                    self.add(name, "AAAA", [f"2001:db8:1::{rng.randrange(65536):x}"], 300)
            elif role == "cname":
                self.add(name, "CNAME", [text(self.target(group, "cname"))])
            elif role == "dname":
                target = self.target(group, "dname")
                self.add(name, "DNAME", [text(target)])
                if rng.random() < 0.5:
                    self.add(name, "TXT", ['"beside a DNAME"'])
            elif role == "cut":
                self.add_cut(name, group, rng.random() < 0.4)
        for child in self.children:
            if not (self.above(child, "cut") or self.above(child, "dname") or self.above(child, "apex-dname")):
                if self.rng.random() < 0.8:
                    self.add_cut(child, group, False)
                    zone = next(z for z in group if z.apex == child)
                    if zone.signer and self.rng.random() < 0.8:
                        self.add(child, "DS", [keys.ds(child)], 3600)

    def add_cut(self, name, group, with_ds):
        """A delegation: name servers below it with glue, beside it, below another cut, anywhere."""
        rng = self.rng
        servers = []
        for _ in range(rng.choice([1, 2, 2, 3, 13 if rng.random() < 0.1 else 1])):
            kind = rng.random()
            if kind < 0.5:
                server = (rng.choice([b"ns1", b"ns2", b"ns3", b"a", b"deep"]),) + name
                if octets(server) > NAME_OCTETS_MAX:
                    continue
                if rng.random() < 0.9:
                    self.add(server, "A", [f"192.0.2.{rng.randrange(256)}"], 300)
                if rng.random() < 0.4:
                    self.add(server, "AAAA", [f"2001:db8:2::{rng.randrange(65536):x}"], 300)
            elif kind < 0.85:
                server = rng.choice(self.names)
            elif kind < 0.9:
                server = name
                self.add(server, "A", [f"192.0.2.{rng.randrange(256)}"], 300)
            else:
                server = (b"ns", b"nowhere", b"invalid")
            servers.append(text(server))
        self.add(name, "NS", servers or ["ns.nowhere.invalid."], 3600)
        if with_ds:
            self.add(name, "DS", [f"{rng.randrange(65536)} 13 2 {rng.randrange(2**64):064x}"], 3600)

    def lines(self):
        """Master file text. One TTL an RRset, and no record twice: added in pieces above."""
        ttl_of, seen, out = {}, set(), []
        cnames = {fold(o) for o, _, t, _ in self.records if t == "CNAME"}
        for owner, ttl, type_, rdata in self.records:
            key = (fold(owner), type_)
            if key[0] in cnames and type_ != "CNAME":
                continue
            ttl = ttl_of.setdefault(key, ttl)
            if (key, rdata) not in seen:
                seen.add((key, rdata))
                out.append(f"{text(owner)}\t{ttl}\tIN\t{type_}\t{rdata}\n")
        return out


def file_name(apex):
    """The apex as a file name, with hexadecimal for octets that a file name or a configuration cannot have."""
    shown = ".".join("".join(chr(o) if chr(o).isalnum() and o < 128 or o in b"_-" else f"={o:02x}" for o in label.lower()) for label in apex)
    return (shown or "root") + ".zone"


def sign(zone, path, keys):
    """Signs the file in place."""
    method, _, denial = zone.signer.partition("-")
    work = path + ".work"
    os.makedirs(work)
    files = keys.files(zone.apex, work)
    salt = zone.rng.choice(["-", "ab12cd34"])
    iterations = zone.rng.choice([0, 0, 1, 5])
    if method == "ldns":
        command = ["ldns-signzone", "-o", text(zone.apex), "-f", path + ".signed", "-i", SIGNATURE_FROM[:8], "-e", SIGNATURE_UNTIL[:8]]
        if denial.startswith("nsec3"):
            command += ["-n", "-t", str(iterations)] + (["-s", salt] if salt != "-" else []) + (["-p"] if denial.endswith("optout") else [])
        command += [path, *files]
    else:
        command = ["dnssec-signzone", "-q", "-P", "-o", text(zone.apex), "-f", path + ".signed", "-d", work, "-s", SIGNATURE_FROM, "-e", SIGNATURE_UNTIL, "-O", "full"]
        if denial.startswith("nsec3"):
            command += ["-3", salt, "-H", str(iterations)] + (["-A"] if denial.endswith("optout") else [])
        command += [path, *[f + ".key" for f in files]]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode or not os.path.exists(path + ".signed"):
        raise SystemExit(f"{' '.join(command)}: {done.stdout}")
    os.replace(path + ".signed", path)
    shutil.rmtree(work)


# ---------------------------------------------------------------- zones
def make_group(number, seed):
    rng = random.Random(f"{seed} {number}")
    signed = rng.random() < 0.6
    signer = rng.choice(SIGNERS)
    pick = lambda: (signer if rng.random() < 0.7 else rng.choice(SIGNERS)) if signed and rng.random() < 0.9 else ""
    suffix = b"%d" % number
    main = Zone((b"m" + suffix, b"test"), rng, pick())
    main.make_names(rng.randrange(15, 60))
    other = Zone((b"o" + suffix, b"example"), rng, pick())
    other.make_names(rng.randrange(8, 25))
    other.alone = True  # a DNAME at the apex: glue in a zone above would be below it, which NSD does not load
    group = [main, other]
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        parent = rng.choice([z for z in group if z is not other])
        apex = (rng.choice([b"kid", b"sub", b"a", b"b", b"x"]),) + (rng.choice(parent.names) if rng.random() < 0.4 else parent.apex)
        plain = all(label.isalnum() or label == b"_tcp" for label in apex)  # configuration files differ in their escapes
        if octets(apex) > 150 or not plain or any(fold(z.apex) == fold(apex) for z in group):
            continue
        child = Zone(apex, rng, pick())
        child.make_names(rng.randrange(5, 20))
        group.append(child)
        for zone in group:
            if is_below(apex, zone.apex) and apex not in zone.children:
                zone.children.append(apex)
                zone.served_below.append(apex)
    for zone in group:
        # Only the nearest zone above delegates; farther ones see the name as occluded data at most.
        nearest = [c for c in zone.children if not any(is_below(c, d) and d != c for d in zone.children)]
        zone.children = nearest
        zone.make_roles()
    return group


# ---------------------------------------------------------------- queries
QTYPES = ["A", "A", "A", "AAAA", "MX", "TXT", "NS", "NS", "SOA", "DS", "DS", "CNAME", "DNAME", "ANY", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM",
          "DNSKEY", "TYPE65280", "TYPE65", "SRV", "PTR", "TYPE1234", "CDS", "KEY"]


def flags_for(rng, signed):
    out = []
    kind = rng.random()
    if kind < 0.15:
        out.append("noedns")
    else:
        if kind < (0.85 if signed else 0.4):
            out.append("do")
        size = rng.choice([4096, 4096, 4096, 1232, 1232, 512])
        out.append(f"size={size}")
    if rng.random() < 0.12:
        out.append("tcp")
    for bit in ("rd", "cd", "ad"):
        if rng.random() < 0.06:
            out.append(bit)
    return " ".join(out)


def mixed_case(rng, name):
    return tuple(bytes(o ^ 0x20 if 65 <= (o & ~0x20) <= 90 and rng.random() < 0.5 else o for o in label) for label in name)


def queries_of(zone, rng):
    """Every owner name with its types and others; names above, beside and below; names that the wildcards cover."""
    names = {}
    for owner, _, _, _ in zone.records:
        for i in range(len(owner) - len(zone.apex) + 1):
            names.setdefault(fold(owner[i:]), owner[i:])
    existing = list(names.values())
    out = []

    def ask(name, type_):
        if octets(name) <= NAME_OCTETS_MAX and all(len(label) for label in name):
            shown = mixed_case(rng, name) if rng.random() < 0.15 else name
            out.append(f"{text(shown)} {type_} {flags_for(rng, bool(zone.signer))}\n")

    for name in existing:
        types = set(zone.types.get(fold(name), ())) | {"A", "ANY", "DS", "NS"} | set(rng.sample(QTYPES, 4))
        for type_ in types:
            ask(name, type_)
            if rng.random() < 0.5:
                ask(name, type_)
    for name in existing:
        for _ in range(3):
            ask((rng.choice(LABELS[:9] + [b"zz", b"missing", b"*", b"-"]),) + name, rng.choice(QTYPES))
        ask((rng.choice(LABELS), rng.choice(LABELS)) + name, rng.choice(QTYPES[:8]))
        if len(name) > len(zone.apex):
            ask((rng.choice([b"zz", b"0-", name[0] + b"0", b"\x01", b"*"])[:63],) + name[1:], rng.choice(QTYPES))
        if name[0] == b"*" if name else False:
            for _ in range(4):
                ask((rng.choice(LABELS[:9] + [b"wild"]),) + name[1:], rng.choice(QTYPES))
                ask((b"deep", rng.choice(LABELS[:9] + [b"wild"])) + name[1:], rng.choice(QTYPES[:10]))
            ask((b"below",) + name, rng.choice(QTYPES[:10]))
        if "DNAME" in zone.types.get(fold(name), ()):
            for _ in range(4):
                below = tuple(rng.choice(LABELS[:12]) for _ in range(rng.choice([1, 1, 2])))
                ask(below + name, rng.choice(QTYPES[:15]))
            room = NAME_OCTETS_MAX - octets(name)
            if room > 64:
                ask((b"l" * 63,) * (room // 64) + name, "A")
                ask((b"m" * 63,) * max(1, room // 64 - 1) + name, rng.choice(["A", "CNAME", "DNAME"]))
    rng.shuffle(out)
    return out


def outside(rng, count):
    """Names of no zone here."""
    out = []
    for _ in range(count):
        name = rng.choice([(), (b"com",), (b"example",), (b"www", b"nowhere", b"invalid"), (b"0", b"example"), (b"*",), (b"test", b"invalid")])
        out.append(f"{text(name)} {rng.choice(QTYPES)} {flags_for(rng, False)}\n")
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", required=True)
    p.add_argument("--groups", type=int, default=40)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--queries", type=int, default=0, help="at most this many (0: all)")
    p.add_argument("--jobs", type=int, default=2, help="signers at once")
    o = p.parse_args()
    zones_dir = os.path.join(o.out, "zones")
    keys_dir = os.path.join(o.out, "keys")
    shutil.rmtree(zones_dir, ignore_errors=True)
    shutil.rmtree(keys_dir, ignore_errors=True)
    os.makedirs(zones_dir)
    os.makedirs(keys_dir)
    keys = Keys(keys_dir)
    groups = [make_group(i, o.seed) for i in range(o.groups)]
    zones = []
    for group in groups:
        for zone in group:
            zone.fill(group, keys)
            zones.append(zone)
    top = Zone((b"test",), random.Random(f"{o.seed} top"), "bind-nsec3-optout")
    top.make_names(12)
    top.children = [g[0].apex for g in groups if top.rng.random() < 0.75]
    top.make_roles()
    top.role[fold(top.apex)] = "apex"
    top.fill([top] + [g[0] for g in groups], keys)
    zones.append(top)

    def write(zone):
        path = os.path.join(zones_dir, file_name(zone.apex))
        with open(path, "w", encoding="ascii") as f:
            f.writelines(zone.lines())
        if zone.signer:
            sign(zone, path, keys)
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        list(pool.map(write, zones))

    with open(os.path.join(o.out, "zones.list"), "w", encoding="ascii") as listing, \
         open(os.path.join(o.out, "knot.zones.conf"), "w", encoding="ascii") as knot, \
         open(os.path.join(o.out, "nsd.zones.conf"), "w", encoding="ascii") as nsd, \
         open(os.path.join(o.out, "named.zones.conf"), "w", encoding="ascii") as named:
        knot.write("zone:\n")
        for zone in zones:
            apex, path = text(zone.apex), "zones/" + file_name(zone.apex)
            quoted = apex.replace("\\", "\\\\").replace('"', '\\"')
            listing.write(f"{apex}\t{path}\n")
            knot.write(f'  - domain: "{quoted}"\n    file: "{path}"\n')
            nsd.write(f'zone:\n\tname: "{apex}"\n\tzonefile: "{path}"\n')
            named.write(f'zone "{quoted}" {{ type master; file "{path}"; }};\n')
    with open(os.path.join(o.out, "trust.keys"), "w", encoding="ascii") as f:
        for zone in zones:
            if zone.signer:
                f.write(f"{text(zone.apex)} {zone.signer} {keys.dnskeys()[0]}\n")
    rng = random.Random(f"{o.seed} queries")
    queries = outside(rng, 50)
    for zone in zones:
        queries += queries_of(zone, rng)
    rng.shuffle(queries)
    if o.queries:
        queries = queries[:o.queries]
    with open(os.path.join(o.out, "queries.txt"), "w", encoding="ascii") as f:
        f.writelines(queries)
    signed = sum(1 for z in zones if z.signer)
    print(f"{len(zones)} zones ({signed} signed), {sum(len(z.records) for z in zones)} records before signing, {len(queries)} queries", file=sys.stderr)


if __name__ == "__main__":
    main()
