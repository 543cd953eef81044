#!/usr/bin/env python3
"""While dnsperf asks: reloads show the new data when they return and lose no query; SIGHUP does the same; a zone that becomes
bad is reported and keeps being served; zones come and go with the list; SIGTERM answers what has arrived; kill -9 and a
start again serve at once."""
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time

import harness

RELOADS = 20
ZONES = 50


def zone_text(apex, serial, address):
    return (f"$ORIGIN {apex}.\n$TTL 300\n@ SOA ns1 hostmaster {serial} 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.53\n"
            f"www A {address}\n*.wild TXT \"serial {serial}\"\n")


def write_zone(data, apex, serial, address):
    """As an editor does: a new file under the old name."""
    path = os.path.join(data, "zones", apex + ".zone")
    with open(path + ".new", "w", encoding="ascii") as f:
        f.write(zone_text(apex, serial, address))
    os.replace(path + ".new", path)


def serial(port, apex):
    answer = harness.ask_udp(port, harness.encode_query(apex, "SOA"))
    harness.expect(answer and harness.rcode(answer) == 0, f"{apex} SOA is answered")
    return struct.unpack(">I", answer[-20:-16])[0]


def check_reloads(server, data):
    queries = os.path.join(data, "queries")
    with open(queries, "w", encoding="ascii") as f:
        for i in range(ZONES):
            f.write(f"www.z{i}.test A\nx.wild.z{i}.test TXT\nmissing.z{i}.test A\nz{i}.test SOA\n")
    load = subprocess.Popen(["dnsperf", "-s", harness.ADDRESS, "-p", str(server.port), "-d", queries, "-l", "300", "-c", "4", "-q", "40", "-Q", "8000", "-e"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for i in range(2, RELOADS + 2):
            for z in range(0, ZONES, 3):
                write_zone(data, f"z{z}.test", i, f"192.0.2.{i}")
            server.run("reload")
            for z in range(0, ZONES, 3):
                harness.expect(serial(server.port, f"z{z}.test") == i, f"z{z}.test has serial {i} once reload has returned")
        write_zone(data, "z1.test", 99, "192.0.2.99")
        server.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: serial(server.port, "z1.test") == 99, 10, "SIGHUP brings serial 99")

        # A bad file: reported, and the zone as it was goes on being served.
        with open(os.path.join(data, "zones", "z2.test.zone"), "a", encoding="ascii") as f:
            f.write("broken A 192.0.2.256\n")
        done = server.run("reload", check=False)
        harness.expect(done.returncode == 1, f"a reload with a bad zone exits with 1, was {done.returncode}: {done.stdout}{done.stderr}")
        harness.expect(re.search(r"z2\.test\.zone:8\b", done.stdout + done.stderr), f"the report names file and line: {done.stdout}{done.stderr}")
        harness.expect(serial(server.port, "z2.test") == 1, "the zone is served as it was")
        write_zone(data, "z2.test", 3, "192.0.2.3")
        server.run("reload")
        harness.expect(serial(server.port, "z2.test") == 3, "once its file is good again it is served anew")

        # The outcome of a reload is told even when its report cannot be.
        for flags in ([], ["--json"]):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([harness.zonectl_binary(), "reload", *flags, "--control", server.control], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
            harness.expect(done.returncode == 1 and "the node has reloaded" in done.stderr, f"a reload that cannot be told of exits with 1 and says so: {done.returncode} {done.stderr}")

        # Zones come and go.
        with open(os.path.join(data, "zones.list"), encoding="ascii") as f:
            lines = f.readlines()
        write_zone(data, "new.test", 7, "192.0.2.7")
        with open(os.path.join(data, "zones.list"), "w", encoding="ascii") as f:
            f.writelines(line for line in lines if not line.startswith("z3.test"))
            f.write("new.test\tzones/new.test.zone\n")
        server.run("reload")
        harness.expect(serial(server.port, "new.test") == 7, "a zone new in the list is served")
        answer = harness.ask_udp(server.port, harness.encode_query("www.z3.test", "A"))
        harness.expect(answer and harness.rcode(answer) == 5, "a zone gone from the list is REFUSED")
        with open(os.path.join(data, "zones.list"), "w", encoding="ascii") as f:
            f.writelines(lines)
        server.run("reload")
    finally:
        load.send_signal(signal.SIGINT)
        out = load.communicate()[0]
    lost = int(re.search(r"Queries lost:\s+(\d+)", out)[1])
    completed = int(re.search(r"Queries completed:\s+(\d+)", out)[1])
    harness.expect(lost == 0 and completed > 1000, f"no query is lost in {RELOADS} reloads:\n{out}")
    harness.expect("SERVFAIL" not in out, f"no SERVFAIL in between:\n{out}")
    return completed


def check_drain(server):
    """Queries that have arrived before SIGTERM are answered, over UDP and TCP."""
    count = 200
    query = harness.encode_query("www.z5.test", "A")
    with socket.create_connection((harness.ADDRESS, server.port), 5) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        udp.connect((harness.ADDRESS, server.port))
        udp.settimeout(3)
        tcp.settimeout(5)
        for i in range(count):
            message = struct.pack(">H", i) + query[2:]
            tcp.sendall(struct.pack(">H", len(message)) + message)
            udp.send(message)
        server.process.terminate()
        got = set()
        for _ in range(count):
            size = harness.read_exactly(tcp, 2)
            harness.expect(size, f"TCP is answered to the end, had {len(got)} of {count}")
            got.add(harness.read_exactly(tcp, struct.unpack(">H", size)[0])[:2])
        harness.expect(len(got) == count, f"{len(got)} of {count} over TCP")
        got = {udp.recv(4096)[:2] for _ in range(count)}
        harness.expect(len(got) == count, f"{len(got)} of {count} over UDP")
    harness.expect(harness.sleep_until_ended(server.process, 15) and server.process.returncode == 0, f"then it ends with 0, was {server.process.returncode}: {server.log()}")


def main():
    with tempfile.TemporaryDirectory(prefix="zonectl-reload-") as data:
        harness.write_data_set(data, {f"z{i}.test": zone_text(f"z{i}.test", 1, "192.0.2.1") for i in range(ZONES)})
        port = harness.free_port()
        with harness.Zonectl(data, workers=2, port=port) as server:
            server.start()
            harness.expect(server.run("health").returncode == 0, "it is healthy")
            completed = check_reloads(server, data)
            check_drain(server)
        with harness.Zonectl(data, workers=2, port=port) as server:
            server.start()
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            before = time.monotonic()
            server.start()  # same port, same control socket path: nothing of the old one is in the way
            harness.expect(time.monotonic() - before < 5, "it serves at once after kill -9")
            harness.expect(server.run("health").returncode == 0, "and is healthy")
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([harness.zonectl_binary(), "stop", "--control", server.control], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
            harness.expect(done.returncode == 1 and "the node is stopping" in done.stderr, f"a stop that cannot be told of exits with 1 and says so: {done.returncode} {done.stderr}")
            harness.expect(harness.sleep_until_ended(server.process, 15) and server.process.returncode == 0, f"and the node ends with 0: {server.log()}")
            server.start()
            done = server.run("stop", check=False)
            harness.expect(done.returncode == 0 and harness.sleep_until_ended(server.process, 15) and server.process.returncode == 0, f"stop ends it with 0: {done.stderr}{server.log()}")
    print(f"{RELOADS} reloads under load, {completed} queries, none lost; drained; killed and started again")


if __name__ == "__main__":
    main()
