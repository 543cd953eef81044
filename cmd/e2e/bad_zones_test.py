#!/usr/bin/env python3
"""A bad zone is kept out: with --strict nothing starts, and every bad file is named with its line; without it the
others are served and the names of the bad zone get SERVFAIL, never an answer out of a parent zone."""
import os
import re
import subprocess
import tempfile

import harness

GOOD = "$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1\n*.bad A 192.0.2.66\n"
# Apex, what is wrong, the line.
BAD = {
    "bad.good.test": (GOOD + "host A 192.0.2.300\n", 7),
    "nosoa.test": ("$TTL 300\n@ NS ns1\nns1 A 192.0.2.53\n", None),
    "cname.test": (GOOD + "www CNAME ns1\n", None),
    "twosoa.test": (GOOD + "@ SOA ns1 hostmaster 2 7200 900 1209600 300\n", None),
    "ttl.test": (GOOD + "long 2147483648 A 192.0.2.1\n", 7),
    "label.test": (GOOD + "l" * 64 + " A 192.0.2.1\n", 7),
    "paren.test": (GOOD + "open TXT ( \"never closed\"\n", 7),
    "include.test": (GOOD + "$INCLUDE include.test.zone\n", 7),
}
# A record that does not belong there: left out, and the zone is served; --strict refuses the zone.
OUTSIDE = (GOOD + "www.elsewhere.example. A 192.0.2.1\n", 7)
# Served, and the operator is told the cost of its proofs.
COSTLY = GOOD + "@ NSEC3PARAM 1 0 300 -\n" + "0" * 32 + " NSEC3 1 0 300 - " + "0" * 32 + " SOA\n"


def main():
    with tempfile.TemporaryDirectory(prefix="zonectl-bad-") as data:
        zones = {"good.test": GOOD, "other.test": GOOD}
        zones.update({apex: text for apex, (text, _) in BAD.items()})
        zones["outside.test"] = OUTSIDE[0]
        zones["costly.test"] = COSTLY
        zones["child.bad.good.test"] = GOOD
        harness.write_data_set(data, zones)
        with open(os.path.join(data, "zones.list"), "a", encoding="ascii") as f:
            f.write("missing.test\tzones/there.is.none.zone\n")
        with harness.Zonectl(data, flags=["--strict"]) as server:
            server.launch()
            harness.expect(harness.sleep_until_ended(server.process, 20), "--strict does not start with bad zones")
            harness.expect(server.process.returncode == 2, f"exit code 2, was {server.process.returncode}")
            log = server.log()
            for apex, (_, line) in [*BAD.items(), ("outside.test", OUTSIDE)]:
                wanted = f"{apex}.zone:{line}" if line else f"{apex}.zone"
                harness.expect(wanted in log, f"{wanted} is named:\n{log}")
            harness.expect("there.is.none.zone" in log, f"the missing file is named:\n{log}")
        with harness.Zonectl(data) as server:
            server.start(missing_allowed=list(BAD) + ["missing.test"])
            for apex in [*BAD, "missing.test"]:
                for name in (apex, "www." + apex, "a.b.c." + apex):
                    for ask in (harness.ask_udp, harness.ask_tcp):
                        answer = ask(server.port, harness.encode_query(name, "A"))
                        harness.expect(answer and harness.rcode(answer) == 2 and answer[6:12] == bytes(6), f"{name} gets SERVFAIL and nothing else: {answer!r}")
            for name, wanted in (("www.good.test", 0), ("www.other.test", 0), ("www.child.bad.good.test", 0), ("x.good.test", 3), ("www.nowhere.test", 5)):
                answer = harness.ask_udp(server.port, harness.encode_query(name, "A"))
                harness.expect(answer and harness.rcode(answer) == wanted, f"{name} gets RCODE {wanted}: {answer!r}")
            answer = harness.ask_udp(server.port, harness.encode_query("outside.test", "SOA"))
            harness.expect(answer and harness.rcode(answer) == 0, f"a zone is served without what does not belong into it: {answer!r}")
            harness.wait_until(lambda: "record_left_out" in server.log(), 20, "the log tells of it")
            costly = [line for line in server.log().splitlines() if "zone_costly" in line]
            harness.expect(len(costly) == 1 and "zone=costly.test." in costly[0] and "300 iterations" in costly[0], f"the log tells of many iterations:\n{server.log()}")
            left_out = [line for line in server.log().splitlines() if "record_left_out" in line]
            harness.expect(len(left_out) == 1 and f"outside.test.zone:{OUTSIDE[1]}" in left_out[0], f"and it is named:\n{server.log()}")
            answer = harness.ask_udp(server.port, harness.encode_query("bad.good.test", "A", edns=1232))
            # The option 15 (RFC 8914): 24, invalid data.
            harness.expect(b"\x00\x0f\x00\x02\x00\x18" in answer or re.search(rb"\x00\x0f\x00.\x00\x18", answer), f"an extended error says why: {answer!r}")
            harness.expect(server.run("health", check=False).returncode in (0, 1), "health can tell")
            status = server.run("status")
            harness.expect("bad.good.test" in status.stdout, f"status names what was refused:\n{status.stdout}")
        for apex in BAD:
            path = os.path.join(data, "zones", apex + ".zone")
            done = subprocess.run([harness.zonectl_binary(), "zone", "check", "--origin", apex, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=30)
            harness.expect(done.returncode == 1 and apex in done.stdout, f"zone check {apex} exits with 1, was {done.returncode}: {done.stdout}")
        for flags, code in (([], 0), (["--strict"], 1)):
            done = subprocess.run([harness.zonectl_binary(), "zone", "check", *flags, os.path.join(data, "zones", "outside.test.zone")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=30)
            harness.expect(done.returncode == code and f"outside.test.zone:{OUTSIDE[1]}" in done.stdout, f"zone check {flags} exits with {code}, was {done.returncode}: {done.stdout}")
    print(f"{len(BAD) + 1} bad zones kept out, with and without --strict")


if __name__ == "__main__":
    main()
