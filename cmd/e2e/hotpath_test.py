#!/usr/bin/env python3
"""The UDP path allocates nothing, takes no lock and has no atomic read-modify-write.

  hotpath_test.py --probe libhotpath_probe.so

The probe is preloaded. It counts malloc and its kin and pthread locks in the threads that call recvmmsg while they answer queries of every
kind. The test also reads the machine code of everything that `answer::respond` can call: it has no `lock` prefix and no exchange with
memory (which locks too), and calls only the system functions of a short list.
"""
import argparse
import os
import re
import struct
import subprocess
import tempfile

import harness

QUERIES = 40000
COUNTS = ("batches", "received", "allocations", "frees", "locks")
# The answering code may call these outside of itself: plain functions on octets (SipHash for cookies, SHA-1 for NSEC3),
# and the way out of a failed check.
OUTSIDE = re.compile(r"^(mem(cpy|cmp|move|set|chr)|__mem(cpy|set|move)_chk|strlen|bcmp|abort|fprintf|__fprintf_chk|fwrite|exit|stderr|__stack_chk_fail|_Unwind_Resume|"
                     r"__cxa_\w+|__gxx_\w+|_ZSt9terminatev|_ZSt21__glibcxx_assert_fail\w+|_ZSt20__throw_\w+|_ZSt\d+__throw_\w+|crypto_shorthash\w*|sodium_(memcmp|is_zero)|SHA1_(Init|Update|Final)|__cpu_indicator_init)$")
# Functions from which nothing returns to the query path: not followed.
ENDS = re.compile(r"check_failed|__glibcxx_assert_fail|__throw_|terminate|abort|_Unwind_Resume|__stack_chk_fail|__cxa_")
LOCKED = re.compile(r"\block\b|\bxchg\b.*\(|\bcmpxchg|\bxadd\b")


def kinds_of_queries():
    """Every kind of answer: positive, NODATA, NXDOMAIN, wildcard, CNAME, DNAME, referral, signed, refused, broken."""
    out = []
    for apex in ("nsec.example", "nsec3.example"):
        for name in ("host", "www", "missing", "x.wild", "b.ent", "x.insecure", "secure", "printer.old", "a.b.c.d", ""):
            for qtype in ("A", "MX", "DS", "ANY", "TXT"):
                for edns, do in ((None, False), (1232, False), (1232, True), (4096, True)):
                    out.append(harness.encode_query(f"{name}.{apex}".strip("."), qtype, 0, edns, do))
    out.append(harness.encode_query("www.elsewhere.test", "A", 0, 1232))
    out.append(harness.encode_query("host.nsec.example", "A", 0)[:-1])
    cookie = struct.pack(">HH", 10, 8) + b"12345678" + struct.pack(">HH", 3, 0)
    plain = harness.encode_query("host.nsec.example", "A", 0)
    out.append(plain[:10] + b"\0\1" + plain[12:] + b"\0" + struct.pack(">HHIH", 41, 1232, 0x8000, len(cookie)) + cookie)
    version = harness.encode_query("version.bind", "TXT", 0)
    out.append(version[:-1] + b"\3")
    return out


def check_counts(probe):
    zones = os.path.join(harness.ROOT, "testdata", "zones")
    with tempfile.TemporaryDirectory(prefix="zonectl-hotpath-") as data:
        with open(os.path.join(data, "zones.list"), "w", encoding="ascii") as f:
            for apex in ("nsec.example", "nsec3.example"):
                f.write(f"{apex}\t{zones}/{apex}.zone\n")
        path = os.path.join(data, "counts")
        with open(path, "wb"):
            pass
        os.environ["ZONECTL_HOTPATH"] = path

        def read():
            with open(path, "rb") as f:
                return dict(zip(COUNTS, struct.unpack("<5Q", f.read(40))))

        wire = kinds_of_queries()
        with harness.Zonectl(data, workers=1, preload=probe) as server:
            server.start()

            def ask(count):
                with harness.socket.socket(harness.socket.AF_INET, harness.socket.SOCK_DGRAM) as s:
                    s.connect((harness.ADDRESS, server.port))
                    s.settimeout(5)
                    for start in range(0, count, 16):
                        for i in range(16):
                            s.send(struct.pack(">H", i) + wire[(start + i) % len(wire)][2:])
                        for _ in range(16):
                            s.recv(65535)
            ask(len(wire) // 16 * 16)  # once each, for things that are made on first use
            before = read()
            ask(QUERIES)
            after = read()
            delta = {k: after[k] - before[k] for k in COUNTS}
            harness.expect(delta["received"] >= QUERIES and delta["batches"] > 0, f"the probe sees the queries: {delta}")
            harness.expect(before["allocations"] > 0 or before["frees"] >= 0, "the probe is in place")
            for what in ("allocations", "frees", "locks"):
                harness.expect(delta[what] == 0, f"{what} of the worker during {QUERIES} queries: {delta}")
        return delta


def functions(binary):
    """{name: instructions} of the whole program."""
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", binary], stdout=subprocess.PIPE, text=True, check=True).stdout
    out = {}
    name = None
    for line in listing.split("\n"):
        start = re.match(r"^[0-9a-f]+ <(.+)>:$", line)
        if start:
            name = start[1]
            out.setdefault(name, [])
        elif name and "\t" in line:
            out[name].append(line.split("\t", 1)[1])
    return out


def check_code(binary):
    code = functions(binary)
    roots = [n for n in code if re.match(r"_ZN2zc6answer7respond", n)]
    harness.expect(roots, "answer::respond is in the program")
    todo, seen, indirect, outside = list(roots), set(), [], set()
    while todo:
        name = todo.pop()
        if name in seen or ENDS.search(name):
            continue
        seen.add(name)
        for line in code[name]:
            harness.expect(not LOCKED.search(line), f"no locked instruction in {name}: {line}")
            called = re.search(r"<([^>+]+)(?:\+0x[0-9a-f]+)?>", line)
            operation = line.split()[0]
            if called and re.match(r"(call|jmp)", operation):
                target = called[1]
                if target.endswith("@plt"):
                    outside.add(target[:-4])
                elif target in code:
                    todo.append(target)
            elif re.match(r"call", operation):
                indirect.append(f"{name}: {line}")
            elif called and re.match(r"lea", operation) and called[1] in code and called[1].startswith("_ZN2zc"):
                todo.append(called[1])  # its address is taken: it may be called
    bad = sorted(n for n in outside if not OUTSIDE.match(n.split("@")[0]))
    harness.expect(not bad, f"the answering code calls nothing outside but what is listed: {bad}")
    return len(seen), indirect


def check_the_checker():
    """The test sees a locked instruction when there is one."""
    with tempfile.TemporaryDirectory(prefix="zonectl-lock-") as directory:
        source = os.path.join(directory, "locked.cc")
        with open(source, "w", encoding="ascii") as f:
            f.write("#include <atomic>\nstd::atomic<int> count;\nnamespace zc::answer { __attribute__((noinline)) int inner() { return count.fetch_add(1) + 1; }\n"
                    "int respond() { return inner(); } }\nint main() { return zc::answer::respond(); }\n")
        binary = os.path.join(directory, "locked")
        subprocess.run(["g++", "-O1", "-o", binary, source], check=True)
        code = functions(binary)
        inner = next(lines for n, lines in code.items() if "inner" in n)
        harness.expect(any(LOCKED.search(line) for line in inner), "a fetch_add is seen as locked")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--probe", required=True)
    o = p.parse_args()
    delta = check_counts(os.path.abspath(o.probe))
    print(f"{delta['received']} queries in {delta['batches']} batches: no allocation, no lock")
    if os.uname().machine == "x86_64":
        check_the_checker()
        count, indirect = check_code(harness.zonectl_binary())
        print(f"{count} functions below answer::respond: no locked instruction; {len(indirect)} indirect calls")
        for line in indirect:
            print("  " + line)


if __name__ == "__main__":
    main()
