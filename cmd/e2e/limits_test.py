#!/usr/bin/env python3
"""Strangers and customers cannot make a node do more than its limits: answers to one network for all zones together, hashes for NSEC3."""
import os
import re
import socket
import subprocess
import tempfile
import time

import harness

ZONES = 1000


def zonectl(*args, code=0):
    ended = subprocess.run([harness.zonectl_binary(), *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    harness.expect(ended.returncode == code, f"{args} ends with {code}, not {ended.returncode}:\n{ended.stdout}")
    return ended.stdout


def zone_text(apex, *more):
    return f"$ORIGIN {apex}\n$TTL 3600\n@ SOA ns1 host 1 7200 3600 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n" + "".join(line + "\n" for line in more)


def test_all_that_goes_to_a_network(work):
    """One address asks each of a thousand zones in turn: no zone is asked too often, and the network gets no more than its rate."""
    harness.write_data_set(work, {f"z{i}.example.": zone_text(f"z{i}.example.", '@ TXT "' + "x" * 250 + '"') for i in range(ZONES)})
    rate = 10
    # Every answer held back is sent truncated, so that each query has an answer to wait for.
    flags = ["--rrl", "on", "--rrl-rate", "1", "--rrl-all-rate", str(rate), "--rrl-slip", "1"]
    with harness.Zonectl(work, flags=flags) as server:
        server.start()
        whole = 0
        begun = time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((harness.ADDRESS, server.port))
            s.settimeout(10)
            for k in range(ZONES):
                s.send(harness.encode_query(f"z{k}.example.", "TXT", k))
                whole += not s.recv(4096)[2] & 2
        seconds = time.monotonic() - begun
        harness.expect(whole <= rate * (seconds + 2), f"{whole} whole answers in {seconds:.1f} s, at {rate} a second")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.9.9.9", 0))
            s.connect((harness.ADDRESS, server.port))
            s.settimeout(10)
            s.send(harness.encode_query("z0.example.", "TXT"))
            harness.expect(not s.recv(4096)[2] & 2, "another network has a limit of its own")

def test_iterations(work):
    """150 iterations of NSEC3 are served, so are 500, with a warning; 501 are refused with the reason."""
    zones = {f"n{n}.example.": zone_text(f"n{n}.example.", f"@ NSEC3PARAM 1 0 {n} ab") for n in (0, 150, 151, 500, 501, 65535)}
    harness.write_data_set(work, zones)
    for apex, text in zones.items():
        path = os.path.join(work, "zones", apex.rstrip(".") + ".zone")
        iterations = int(re.search(r"1 0 (\d+) ab", text)[1])
        out = zonectl("zone", "check", path, code=1 if iterations > 500 else 0)
        if iterations > 500:
            harness.expect(f"NSEC3 with {iterations} iterations, limit is 500" in out, out)
        else:
            harness.expect(("hashed only so often a second" in out) == (iterations > 150), out)
    harness.write_data_set(work, {apex: text for apex, text in zones.items() if "501" not in apex and "65535" not in apex})
    with harness.Zonectl(work) as server:
        server.start()  # until all zones answer


def main():
    for test in (test_all_that_goes_to_a_network, test_iterations):
        with tempfile.TemporaryDirectory(prefix="zonectl-limits-") as work:
            test(work)
    print("answers to a network and hashes for NSEC3 are limited")


if __name__ == "__main__":
    main()
