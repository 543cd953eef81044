"""A store made, changed, looked at and taken back from the command line, without a node."""
import fcntl
import http.server
import json
import os
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading

import harness


def run(*args, code=0, stdin=None):
    """Runs a verb, checks its exit code, gives stdout and stderr."""
    environment = {"PATH": "/usr/bin:/bin", "ZONECTL_CONFIG": "/dev/null"}
    ended = subprocess.run([harness.zonectl_binary(), *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                           env=environment)
    if ended.returncode != code:
        raise AssertionError(f"{args}: exit code {ended.returncode}, wanted {code}: {ended.stdout[-500:]}{ended.stderr[-2000:]}")
    return ended.stdout, ended.stderr


class Store:
    def __init__(self, work):
        self.path = work + "/s"
        out, _ = run("store", "create", self.path)
        assert out.startswith(self.path + ": empty store, position 1-"), out
        assert "is a store already" in run("store", "create", self.path, code=1)[1]

    def __call__(self, *args, **more):
        """A verb's stdout; of one that is refused its stderr."""
        flags_end = args.index("--") if "--" in args else len(args)
        out, error = run(*args[:flags_end], "--store", self.path, *args[flags_end:], **more)
        return error if more.get("code") else out

    def records(self, zone):
        return [line.replace("\t", " ") for line in self("zone", "export", zone).splitlines()]

    def json(self, *args, **more):
        out, _ = run(*args, "--store", self.path, "--json", **more)
        return [json.loads(line) for line in out.splitlines()]


def test_zone(store):
    assert store("zone", "create", "Example.org", "--ns", "ns1.example.net", "--ns", "ns2.example.net.") == "example.org. serial 1, version 2\n"
    assert "is there already" in store("zone", "create", "example.org", code=1)
    assert store("record", "add", "example.org", "www", "A", "60", "192.0.2.1", "192.0.2.2") == "example.org. serial 1 -> 2, version 3\n"
    assert store("record", "add", "example.org", "www", "A", "192.0.2.1") == "example.org. unchanged\n"
    assert store("record", "rm", "example.org", "www.example.org.", "A", "192.0.2.1") == "example.org. serial 2 -> 3, version 4\n"
    assert store("record", "set", "example.org", "@", "MX", "10 mail.example.org.", "20 @") == "example.org. serial 3 -> 4, version 5\n"
    assert store.records("example.org") == [
        "example.org. 3600 IN SOA ns1.example.net. hostmaster.example.org. 4 10800 3600 604800 3600",
        "example.org. 3600 IN NS ns1.example.net.",
        "example.org. 3600 IN NS ns2.example.net.",
        "example.org. 3600 IN MX 10 mail.example.org.",
        "example.org. 3600 IN MX 20 example.org.",
        "www.example.org. 60 IN A 192.0.2.2",
    ], store.records("example.org")
    assert store("zone", "list") == "example.org.\tNative\tserving\t4\t6\n"
    printed, _ = run("zone", "print", "-", "--origin", "example.org", stdin=store("zone", "export", "example.org"))
    assert printed == store("zone", "export", "example.org")


def test_words(store):
    """Each argument is one word, whatever is in it; and so is what a line quotes."""
    texts = ['"v=spf1 -all"', "[a,b]", "[x]", "[]", "{}", "%%", "a,b", "it's", r'"a\"b\010"', "set", '"two" "strings"']
    store("record", "set", "example.org", "t", "TXT", *texts)
    store("record", "add", "example.org", "t", "TXT", "--", "-all")
    found = store.records("example.org")
    for text in ('"v=spf1 -all"', '"[a,b]"', '"[x]"', '"[]"', '"{}"', '"%%"', '"a,b"', '"it\'s"', r'"a\"b\010"', '"set"', '"two" "strings"', '"-all"'):
        assert "t.example.org. 3600 IN TXT " + text in found, (text, found)
    # The owner name may be the word of a verb.
    store("record", "add", "example.org", "rm", "A", "192.0.2.9")
    line = r"""record set example.org l TXT '"a b"' "\"c d\"" "it's" '"it'\''s too"'  # a comment"""
    store("change", "-f", "-", stdin=line + "\n")
    found = store.records("example.org")
    for text in ('"a b"', '"c d"', '"it\'s"'):
        assert "l.example.org. 3600 IN TXT " + text in found, (text, found)


def test_refused(store):
    before = store.records("example.org")
    for args, words in [
        (["record", "add", "example.org", "www", "A", "192.0.2"], "A '192.0.2': "),
        (["record", "add", "example.org", "www", "CNAME", "example.net."], "www.example.org. has CNAME and A"),
        (["record", "add", "example.org", "x", "CNAME", "example.net"], "wanted example.net. or example.net.example.org."),
        (["record", "rm", "example.org", "@", "SOA"], "example.org. has no SOA record"),
        (["record", "add", "example.org", "www.example.net.", "A", "192.0.2.1"], "is not within zone example.org."),
        (["record", "add", "sub.example.org", "www", "A", "192.0.2.1"], "there is no zone sub.example.org.; did you mean example.org.?"),
        (["record", "set", "example.org", "www", "ALIAS", "example.net."], "ALIAS records"),
        (["zone", "delete", "example.net"], "there is no zone example.net."),
        (["zone", "set", "example.org", "kind", "odd"], "found 'odd', wanted native"),
        (["zone", "revert", "example.org", "77"], "has no version 77"),
    ]:
        said = store(*args, code=1)
        assert words in said, (args, said)
        assert ": 1:" not in said, said  # a line alone has no number
    answer, = store.json("record", "add", "example.org", "www", "A", "x", code=1)
    assert answer["outcome"] == "refused" and answer["errors"][0]["kind"] == "malformed", answer
    assert store.records("example.org") == before


def test_usage(store, work):
    for args in (["record", "add", "example.org"], ["zone", "create", "a.example", "b.example"], ["zone", "revert", "a.example"], ["change"],
                 ["change", "-f", work + "/none"], ["change", "-f", "-", "--each", "--dry-run"]):
        run(*args, "--store", store.path, code=2, stdin="")
    run("zone", "create", "a.example", "--store", work + "/none", code=2)
    run("zone", "history", "a.example", "--store", work + "/none", code=2)
    assert "no node listens" in run("zone", "create", "a.example", "--control", work + "/none", "--timeout", "2", code=2)[1]


def test_settings(store):
    for args in (["zone", "set", "example.org", "kind", "secondary"], ["zone", "set", "example.org", "primaries", "192.0.2.1", "[2001:db8::1]:53"],
                 ["zone", "set", "example.org", "account", "me"], ["meta", "set", "example.org", "X-A", "b", "a"], ["meta", "add", "example.org", "X-A", "c"],
                 ["meta", "rm", "example.org", "X-A", "a"], ["meta", "set", "example.org", "X-B", "b"], ["meta", "rm", "example.org", "X-B"],
                 ["comment", "set", "example.org", "www", "A", "a text"], ["comment", "set", "example.org", "@", "MX", "gone"],
                 ["comment", "rm", "example.org", "@", "MX"]):
        assert "serial" in store(*args) and "->" not in store.json(*args)[0], args
    shown, = store.json("zone", "show", "example.org")
    assert shown["kind"] == "Slave" and shown["masters"] == ["192.0.2.1", "[2001:db8::1]:53"] and shown["account"] == "me", shown
    assert shown["metadata"] == [{"kind": "X-A", "content": "b"}, {"kind": "X-A", "content": "c"}], shown
    comment, = shown["comments"]
    assert comment["name"] == "www.example.org" and comment["comment"] == "a text" and comment["account"] and comment["modified_at"], comment
    assert store.json("zone", "set", "example.org", "account", "me")[0]["outcome"] == "unchanged"


def test_files(store, work):
    """All lines are one change, or each its own."""
    lines = "zone create many.example --ns ns.example.net\nrecord add many.example a A 192.0.2.1\n\n# none\nrecord add many.example b A 192.0.2.1\n"
    with open(work + "/lines", "w", encoding="ascii") as f:
        f.write(lines)
    tried = store("change", "-f", work + "/lines", "--dry-run")
    assert tried == "many.example. would have serial 1\n", tried
    store("zone", "show", "many.example", code=1)
    assert store("change", "-f", work + "/lines").startswith("many.example. serial 1, version ")
    said = store("change", "-f", "-", stdin="record add many.example c A 192.0.2.1\nrecord add many.example d A x\n", code=1)
    assert "stdin:2: malformed: A 'x'" in said, said
    assert not any(line.startswith("c.") for line in store.records("many.example"))
    answers = store.json("change", "-f", "-", "--each", code=1,
                         stdin="record add many.example c A 192.0.2.1\nfrob\nrecord add many.example c A 192.0.2.1\nrecord rm many.example a A")
    assert [(a["line"], a["outcome"]) for a in answers] == [(1, "applied"), (2, "refused"), (3, "unchanged"), (4, "applied")], answers
    assert answers[1]["errors"][0]["source"] == "stdin"
    count = 5000  # several pieces
    many = "".join(f"record add many.example n{i} A 192.0.2.1\n" for i in range(count))
    answers = store.json("change", "-f", "-", "--each", stdin=many)
    assert [a["line"] for a in answers] == list(range(1, count + 1))
    assert all(a["outcome"] == "applied" for a in answers)
    assert len(store.records("many.example")) == count + 4


def test_history(store):
    before = store.records("example.org")
    shown, = store.json("zone", "show", "example.org")
    store("record", "rm", "example.org", "www", "A")
    store("zone", "set", "example.org", "account", "other")
    items = store.json("zone", "history", "example.org", "--limit", "1000")
    assert items[0]["settings"] == ["account"] and items[0]["who"] and items[0]["where"] == "command line", items[0]
    assert items[1]["removed"] == ["www.example.org. 60 IN A 192.0.2.2"] and not items[1]["added"], items[1]
    assert items[-1]["kind"] == "made" and items[-1]["version"] == 2, items[-1]
    assert len(store.json("zone", "history", "example.org", "--limit", "2")) == 2
    text = store("zone", "history", "example.org", "--limit", "2")
    assert "  ~ account\n" in text and "--limit shows more" in text, text
    assert "nothing is known" in store("zone", "history", "example.net", code=1)
    # Back, with a serial that rises.
    answer, = store.json("zone", "revert", "example.org", str(shown["version"]))
    assert answer["zones"][0]["serial"] == answer["zones"][0]["serial_before"] + 1 == shown["serial"] + 2, answer
    after = store.records("example.org")
    assert after[1:] == before[1:]
    assert store.json("zone", "show", "example.org")[0]["account"] == "me"
    # A zone that was removed comes back too.
    assert store("zone", "delete", "example.org") == "example.org. removed\n"
    store("zone", "show", "example.org", code=1)
    assert store.json("zone", "history", "example.org", "--limit", "1")[0]["kind"] == "removed"
    store("zone", "revert", "example.org", str(shown["version"]))
    assert store.records("example.org")[1:] == before[1:]
    run("store", "check", "--store", store.path)


def test_old_format(store, work):
    """A dry run does not raise the format of a store, and says so."""
    old = work + "/old"
    shutil.copy(store.path, old)
    with open(old, "r+b") as f:  # user_version in SQLite's header
        f.seek(60)
        f.write((2).to_bytes(4, "big"))
    octets = open(old, "rb").read()
    assert "dry run must not" in run("zone", "create", "a.example", "--store", old, "--dry-run", code=2)[1]
    assert open(old, "rb").read() == octets


class FakeNode(socketserver.UnixStreamServer):
    """Answers POST /changes with what it is told, and keeps what it was asked."""

    def __init__(self, path, status, body):
        self.asked = []
        node = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                node.asked.append((self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format, *args):  # pylint: disable=redefined-builtin
                pass

        super().__init__(path, Handler)
        self.thread = threading.Thread(target=self.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()
        os.unlink(self.server_address)


def test_node(store, work):
    """A store that a node has open is changed by its node."""
    control = work + "/control"
    zone = {"zone": "example.org.", "changed": True, "removed": False, "serial_before": 7, "serial": 8, "version": 42}
    applied = json.dumps({"outcome": "applied", "position": 42, "zones": [zone]}, separators=(",", ":")) + "\n"
    refused = json.dumps({"outcome": "refused", "errors": [{"kind": "not found", "message": "there is no zone x."}]}, separators=(",", ":")) + "\n"
    full = json.dumps({"outcome": "failed", "errors": [{"kind": "full", "message": "no space"}]}, separators=(",", ":")) + "\n"
    with open(store.path + "-node", "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = store("record", "rm", "example.org", "www", "A", "--control", control, code=2)
        assert "no node listens" in said and "another node has the store open" in said, said
        with FakeNode(control, 200, applied) as node:
            assert store("record", "add", "example.org", "t", "TXT", '"a b"', "it's", "--control", control) == "example.org. serial 7 -> 8, version 42\n"
            (target, body), = node.asked
            assert target == f"/changes?first-line=0&file={os.stat(store.path).st_dev}-{os.stat(store.path).st_ino}", target
            assert body == """record add example.org t TXT '"a b"' 'it'\\''s'""", body
            assert store("change", "-f", "-", "--each", "--control", control, stdin="frob\n") == "example.org. serial 7 -> 8, version 42\n"
            assert node.asked[1][0].startswith("/changes?first-line=1&each=1&source=stdin&file="), node.asked[1]
            assert node.asked[1][1] == "frob\n"
        with FakeNode(control, 404, refused):
            assert "there is no zone x." in store("zone", "delete", "x", "--control", control, code=1)
        with FakeNode(control, 507, full):
            assert "no space" in store("zone", "delete", "x", "--control", control, code=2)
        with FakeNode(control, 404, "no such path\n"):  # an older node
            assert "status 404: no such path" in store("zone", "delete", "x", "--control", control, code=2)
        # History needs no node.
        assert store("zone", "history", "example.org", "--limit", "1").startswith("version ")
    # Without a store the node is asked, and none is named.
    with FakeNode(control, 200, applied) as node:
        run("zone", "create", "a.example", "--dry-run", "--control", control)
        assert node.asked == [("/changes?first-line=0&dry-run=1", "zone create a.example")], node.asked


def main():
    work = tempfile.mkdtemp(prefix="zonectl-e2e-edit-")
    try:
        store = Store(work)
        test_zone(store)
        test_words(store)
        test_refused(store)
        test_usage(store, work)
        test_settings(store)
        test_files(store, work)
        test_history(store)
        test_old_format(store, work)
        test_node(store, work)
        assert not [name for name in os.listdir(work) if name.startswith("s-new")]
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
