#!/usr/bin/env python3
"""No atomic read-modify-write on the way of a query, and no way out of it.

usage: query_path_test.py OBJECT…     the objects of the packages; exit 0: clean, 1: not, 2: could not tell

Takes those objects that answer queries. Each symbol that they need has to be defined in one of them or stand in the
list of what is known to be free of locks and allocation; none of their instructions may lock the bus.
"""
import os
import re
import subprocess
import sys

QUERY_PATH = ("answer/answer.cc", "answer/query.cc", "answer/reply.cc", "catalogue/lookup.cc", "zone/lookup.cc", "zone/nsec3.cc")
# memcpy, strlen and the like; SHA-1 and SipHash on the caller's memory; what ends the process. Catalogue::table() returns a reference.
OUTSIDE = re.compile(
    r"mem(cpy|cmp|set|move)|SHA1_(Init|Update|Final)|crypto_shorthash|sodium_(memcmp|is_zero)|_ZNK2zc9catalogue9Catalogue5tableEv|"
    r"strlen|abort|_ZSt21__glibcxx_assert_fail.*|_ZSt9terminatev|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__gxx_personality_v0")
# x86: a lock prefix, or xchg with memory, which locks without one. arm64: exclusive loads and stores, and the atomics of ARMv8.1.
LOCKED = re.compile(r"\block\b|\bxchg\s.*[\[(]|\b(ld|st)a?l?xrb?h?\b|\b(cas|swp|ldadd|ldset|ldclr|ldeor)[a-z]*\b")
SANITIZER = re.compile(r"__(asan|ubsan|tsan|sanitizer)_")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def self_test():
    locked = ["f0 48 0f b1 \tlock cmpxchg %rcx,(%rdx)", "87 07 \txchg   %eax,(%rdi)", "c8 \tldaxr   w0, [x1]", "\tldaddal w0, w1, [x2]"]
    free = ["66 90 \txchg   %ax,%ax", "48 8b 07 \tmov    (%rdi),%rax", "\tldr x0, [x1]", "e8 \tcall <_ZN2zc5blockEv>"]
    assert all(LOCKED.search(line) for line in locked), "the pattern misses a locked instruction"
    assert not any(LOCKED.search(line) for line in free), "the pattern finds what is not locked"


def main():
    self_test()
    wanted = ["zc_{}.dir/{}.o".format(*name.split("/")) for name in QUERY_PATH]
    objects = [path for path in map(os.path.normpath, sys.argv[1:]) if path.endswith(tuple(wanted))]
    if len(objects) != len(QUERY_PATH):
        print(f"{len(objects)} of {len(QUERY_PATH)} objects of the query path found: was a file renamed?", file=sys.stderr)
        return 2
    symbols = [line for path in objects for line in run("nm", "-P", path).splitlines()]
    if any(SANITIZER.search(line) for line in symbols):
        print("a build with sanitizers: they call what they like; the other builds are tested")
        return 0
    defined = {line.split()[0] for line in symbols if line.split()[1] not in "Uwv"}
    needed = {line.split()[0] for line in symbols if line.split()[1] in "Uwv"}
    bad = [f"{name}: called on the query path, and not known to be free of locks and allocation"
           for name in sorted(needed - defined) if not OUTSIDE.fullmatch(name)]
    instructions = 0
    for path in objects:
        function = "?"
        for line in run("objdump", "-d", "--no-show-raw-insn", path).splitlines():
            if line.endswith(">:"):
                function = line.split("<", 1)[1][:-2]
            elif "\t" in line:
                instructions += 1
                if LOCKED.search(line.split("\t", 1)[1]):
                    bad.append(f"{path}: {function}: {line.strip()}")
    if instructions < 1000:
        print(f"only {instructions} instructions found: was the code not disassembled?", file=sys.stderr)
        return 2
    print("\n".join(bad) if bad else f"{instructions} instructions of {len(objects)} objects: none is locked")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
