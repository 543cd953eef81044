"""Real servers on loopback for the end-to-end tests: started from Debian's packages with data and
configuration of their own, on free ports, and ended by process id.

A data set is a directory with zones.list (APEX<TAB>FILE) and {knot,nsd,named}.zones.conf, as bench/gen_zones
and gen_tricky.py write them, or `write_data_set` here.
"""
import os
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ADDRESS = "127.0.0.1"
READY_SECONDS = 180
STOP_SECONDS = 20


def zonectl_binary():
    """ZONECTL of the environment; ctest sets it to the binary just built."""
    return os.environ.get("ZONECTL", os.path.join(ROOT, "build", "dev", "cmd", "zonectl"))


def free_port():
    """A port that is free for UDP and TCP now. Nothing else on this machine should take it in between."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as t, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
            t.bind((ADDRESS, 0))
            try:
                u.bind(t.getsockname())
            except OSError:
                continue
            return t.getsockname()[1]


# ---------------------------------------------------------------- a small client
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "DNAME": 39, "DS": 43,
         "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3": 50, "NSEC3PARAM": 51, "AXFR": 252, "ANY": 255}


def encode_name(name):
    out = b""
    for label in re.findall(r"(?:\\\d{3}|\\.|[^.\\])+", name):
        raw = re.sub(rb"\\(\d{3}|.)", lambda m: bytes([int(m[1])]) if len(m[1]) == 3 else m[1], label.encode())
        out += bytes([len(raw)]) + raw
    return out + b"\0"


def encode_query(name, qtype="SOA", ident=0, edns=None, dnssec_ok=False, rd=False):
    number = TYPES[qtype] if isinstance(qtype, str) else qtype
    message = struct.pack(">HHHHHH", ident, 0x100 if rd else 0, 1, 0, 0, 1 if edns else 0) + encode_name(name) + struct.pack(">HH", number, 1)
    if edns:
        message += struct.pack(">BHHIH", 0, 41, edns, 0x8000 if dnssec_ok else 0, 0)
    return message


def ask_udp(port, message, timeout=1.0, address=ADDRESS):
    """One datagram and its answer, or None."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect((address, port))
        try:
            s.send(message)
            while True:
                answer = s.recv(65535)
                # Before a server has the port, the kernel may give it to a socket of ours, which then hears itself.
                if answer[:2] == message[:2] and answer[2] & 0x80:
                    return answer
        except OSError:
            return None


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            return None
        data += piece
    return data


def ask_tcp(port, message, timeout=3.0, address=ADDRESS):
    with socket.create_connection((address, port), timeout) as s:
        s.sendall(struct.pack(">H", len(message)) + message)
        size = read_exactly(s, 2)
        return read_exactly(s, struct.unpack(">H", size)[0]) if size else None


def rcode(answer):
    return answer[3] & 15


def is_authoritative(answer):
    return bool(answer[2] & 4)


# ---------------------------------------------------------------- data sets
def write_data_set(directory, zones):
    """`zones`: {apex: master file text}."""
    os.makedirs(os.path.join(directory, "zones"), exist_ok=True)
    with open(os.path.join(directory, "zones.list"), "w", encoding="ascii") as listing, \
         open(os.path.join(directory, "knot.zones.conf"), "w", encoding="ascii") as knot, \
         open(os.path.join(directory, "nsd.zones.conf"), "w", encoding="ascii") as nsd, \
         open(os.path.join(directory, "named.zones.conf"), "w", encoding="ascii") as named:
        knot.write("zone:\n")
        for apex, text in zones.items():
            path = "zones/" + (apex.rstrip(".") or "root") + ".zone"
            with open(os.path.join(directory, path), "w", encoding="latin-1") as f:
                f.write(text)
            listing.write(f"{apex}\t{path}\n")
            knot.write(f'  - domain: "{apex}"\n    file: "{path}"\n')
            nsd.write(f'zone:\n\tname: "{apex}"\n\tzonefile: "{path}"\n')
            named.write(f'zone "{apex}" {{ type master; file "{path}"; }};\n')


def apexes(data):
    with open(os.path.join(data, "zones.list"), encoding="ascii") as f:
        return [line.split("\t")[0] for line in f]


# ---------------------------------------------------------------- servers
class Server:
    """A process in the foreground with a scratch directory. Use as a context manager."""
    name = ""

    def __init__(self, data, workers=1, port=None):
        self.data = os.path.abspath(data)
        self.workers = workers
        self.port = port or free_port()
        self.process = None
        self._scratch = None

    @property
    def work(self):
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix=f"zonectl-e2e-{self.name}-")
            os.chmod(self._scratch.name, 0o755)
        return self._scratch.name

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(text)
        return self.path(name)

    def command(self):
        raise NotImplementedError

    def log(self):
        out = ""
        for name in ("stderr", "log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), encoding="utf-8", errors="replace") as f:
                    out += f.read()
        return out

    def launch(self):
        """Starts the process and returns at once."""
        argv = self.command()
        with open(self.path("stderr"), "ab") as err:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=err, stderr=err, cwd=self.work, env=self.environment())
        return self

    def environment(self):
        return dict(os.environ)

    def start(self, missing_allowed=()):
        """Starts and waits until every zone answers with authority; tells which do not."""
        self.launch()
        todo = [a for a in apexes(self.data) if a not in missing_allowed]
        deadline = time.monotonic() + READY_SECONDS
        while todo:
            answer = ask_udp(self.port, encode_query(todo[-1]), 0.2)
            if answer and rcode(answer) == 0 and is_authoritative(answer):
                todo.pop()
                continue
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {self.log()[-3000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name}: {len(todo)} zones do not answer, such as {todo[-3:]}: {self.log()[-3000:]}")
            if not answer:
                time.sleep(0.02)
        return self

    def stop(self):
        """SIGTERM, then SIGKILL; returns the exit status."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode if self.process else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        if self._scratch:
            self._scratch.cleanup()


class Zonectl(Server):
    name = "zonectl"

    def __init__(self, data, workers=1, port=None, flags=(), zones=None, preload=None):
        super().__init__(data, workers, port)
        self.flags = list(flags)
        self.zones = zones or os.path.join(self.data, "zones.list")
        self.preload = preload

    @property
    def control(self):
        return self.path("control")

    def command(self):
        return [zonectl_binary(), "serve", "--zones", self.zones, "--listen", f"{ADDRESS}:{self.port}", "--workers", str(self.workers),
                "--control", self.control, *self.flags]

    def environment(self):
        env = dict(os.environ)
        if self.preload:
            env["LD_PRELOAD"] = self.preload
        return env

    def run(self, *args, check=True):
        """A verb that talks over the control socket."""
        return subprocess.run([zonectl_binary(), *args, "--control", self.control], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=check, timeout=120)


class Knot(Server):
    name = "knot"

    def command(self):
        config = self.write("knot.conf", f"""
server:
    rundir: "{self.work}"
    listen: {ADDRESS}@{self.port}
    udp-workers: {self.workers}
    tcp-workers: 1
    background-workers: 2
    tcp-max-clients: 200
    udp-max-payload: 4096
log:
  - target: "{self.path('log')}"
    any: warning
database:
    storage: "{self.path('db')}"
control:
    listen: "{self.path('knot.sock')}"
template:
  - id: default
    storage: "{self.data}"
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
include: "{self.data}/knot.zones.conf"
""")
        return ["knotd", "-c", config]


class Nsd(Server):
    name = "nsd"

    def command(self):
        config = self.write("nsd.conf", f"""
server:
	ip-address: {ADDRESS}@{self.port}
	server-count: {self.workers}
	username: ""
	zonesdir: "{self.data}"
	database: ""
	pidfile: "{self.path('nsd.pid')}"
	xfrdfile: "{self.path('xfrd.state')}"
	xfrdir: "{self.work}"
	zonelistfile: "{self.path('zone.list')}"
	logfile: "{self.path('log')}"
	tcp-count: 200
	ipv4-edns-size: 4096
	ipv6-edns-size: 4096
	minimal-responses: yes
	zonefiles-check: no
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
remote-control:
	control-enable: no
include: "{self.data}/nsd.zones.conf"
""")
        return ["nsd", "-d", "-c", config]


class Bind(Server):
    name = "bind"

    def command(self):
        config = self.write("named.conf", f"""
options {{
	directory "{self.data}";
	pid-file "{self.path('named.pid')}";
	session-keyfile "{self.path('session.key')}";
	managed-keys-directory "{self.work}";
	lock-file none;
	listen-on port {self.port} {{ {ADDRESS}; }};
	listen-on-v6 {{ none; }};
	recursion no;
	notify no;
	minimal-responses yes;
	max-udp-size 4096;
	check-names primary ignore;
	check-integrity no;
	check-mx ignore;
	check-srv-cname ignore;
	check-mx-cname ignore;
	check-sibling no;
	dnssec-validation no;
	zone-statistics none;
	tcp-clients 200;
	zero-no-soa-ttl no;
	max-records-per-type 0;
	max-types-per-name 0;
}};
controls {{ }};
logging {{ channel f {{ file "{self.path('log')}"; severity warning; }}; category default {{ f; }}; }};
include "{self.data}/named.zones.conf";
""")
        return ["named", "-f", "-n", str(self.workers), "-c", config]


class PowerDns(Server):
    """With the generic PostgreSQL back end: `database` of the server whose socket is in `postgres`."""
    name = "powerdns"

    def __init__(self, data, postgres, database, workers=1, port=None, settings=()):
        super().__init__(data, workers, port)
        self.postgres = postgres
        self.database = database
        self.settings = list(settings)

    def command(self):
        os.makedirs(self.path("etc"), exist_ok=True)
        self.write("etc/pdns.conf", "\n".join([
            f"local-address={ADDRESS}", f"local-port={self.port}", f"socket-dir={self.work}", f"receiver-threads={self.workers}",
            "max-tcp-connections=1000", "max-tcp-connections-per-client=0", "loglevel=3", "primary=no", "secondary=no", "version-string=anonymous",
            "udp-truncation-threshold=4096", "launch=gpgsql", f"gpgsql-host={self.postgres}", f"gpgsql-dbname={self.database}", "gpgsql-user=postgres",
            "gpgsql-dnssec=yes", "dname-processing=yes", *self.settings, ""]))
        return ["pdns_server", "--config-dir=" + self.path("etc"), "--daemon=no", "--guardian=no", "--disable-syslog", "--write-pid=no"]


class PowerDnsFiles(Server):
    """With the bind back end: the zone files as they are. Signed zones are served as they are signed (PRESIGNED)."""
    name = "powerdns"

    def presigned(self):
        """(apex, NSEC3PARAM or None) of each zone with a DNSKEY."""
        with open(os.path.join(self.data, "zones.list"), encoding="ascii") as f:
            for line in f:
                apex, path = line.rstrip("\n").split("\t")
                with open(os.path.join(self.data, path), encoding="latin-1") as zone:
                    text = zone.read()
                if not re.search(r"\sRRSIG\s+SOA\s", text):
                    continue
                found = re.search(r"\sNSEC3PARAM\s+(\d+) \d+ (\d+) (\S+)", text)
                opt_out = re.search(r"\sNSEC3\s+\d+ 1 ", text) is not None
                yield apex, f"{found[1]} {int(opt_out)} {found[2]} {found[3]}" if found else None

    def command(self):
        database = self.path("metadata.db")
        if not os.path.exists(database):
            subprocess.run(["pdnsutil", "--config-dir=" + self.work, "create-bind-db", database], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with sqlite3.connect(database) as db:
                for apex, nsec3 in self.presigned():
                    name = apex.rstrip(".").lower()
                    db.execute("INSERT INTO domainmetadata (domain, kind, content) VALUES (?, 'PRESIGNED', '1')", (name,))
                    if nsec3:
                        db.execute("INSERT INTO domainmetadata (domain, kind, content) VALUES (?, 'NSEC3PARAM', ?)", (name, nsec3))
        with open(os.path.join(self.data, "named.zones.conf"), encoding="ascii") as f:
            self.write("zones.conf", f'options {{ directory "{self.data}"; }};\n' + f.read())
        os.makedirs(self.path("etc"), exist_ok=True)
        self.write("etc/pdns.conf", "\n".join([
            f"local-address={ADDRESS}", f"local-port={self.port}", f"socket-dir={self.work}", f"receiver-threads={self.workers}",
            "max-tcp-connections=1000", "max-tcp-connections-per-client=0", "loglevel=3", "primary=no", "secondary=no", "version-string=anonymous",
            "udp-truncation-threshold=4096", "launch=bind", f"bind-config={self.path('zones.conf')}", f"bind-dnssec-db={database}", "dname-processing=yes", ""]))
        return ["pdns_server", "--config-dir=" + self.path("etc"), "--daemon=no", "--guardian=no", "--disable-syslog", "--write-pid=no"]


SERVERS = {s.name: s for s in (Zonectl, Knot, Nsd, Bind)}


# ---------------------------------------------------------------- tests
def expect(condition, what):
    """Ends the test with exit code 1 and says what was expected."""
    if not condition:
        print(f"FAILED: {what}", file=sys.stderr)
        sys.exit(1)


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < deadline, f"{what} within {seconds} s")
        time.sleep(0.01)


def sleep_until_ended(process, seconds):
    """True when it ended by itself."""
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        return False


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
