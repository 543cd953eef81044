// The real binary: exit codes, what stands on stdout and stderr, a node from its start to its end.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/foreign_text.h"
#include "fold/test_tail.h"
#include "http/client.h"
#include "store/log_file.h"
#include "term/json.h"

namespace zc::cmd {
namespace {

constexpr int patience_milliseconds = 30'000;  // a test that waits longer has failed

class Folder {
public:
    Folder() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string path(const std::string& name) const { return path_ + '/' + name; }
    /// Writes a file. A new file each time, so that a change is seen whatever the clock's
    /// resolution is.
    std::string write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
        std::ofstream(path(name) + ".new", std::ios::binary) << text;
        std::filesystem::rename(path(name) + ".new", path(name));
        return path(name);
    }
    void remove(const std::string& name) const { std::filesystem::remove(path(name)); }

private:
    std::string path_ = "/tmp/zc-cmd-test-XXXXXX";
};

using Variables = std::map<std::string, std::string>;

/// The binary, started; nothing of this process's ZONECTL_ variables and no file of this machine
/// reaches it.
class Process {
public:
    explicit Process(std::vector<std::string> arguments, Variables variables = {}) {
        variables.emplace("ZONECTL_CONFIG", "/dev/null");
        variables.emplace("PATH", "/usr/bin:/bin");
        std::vector<std::string> environment;
        for (const auto& [name, value] : variables) environment.push_back(name + '=' + value);
        arguments.insert(arguments.begin(), ZC_BINARY);
        std::vector<char*> argv;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        std::vector<char*> envp;
        for (std::string& variable : environment) envp.push_back(variable.data());
        envp.push_back(nullptr);

        REQUIRE(::pipe2(out_.data(), O_CLOEXEC) == 0);
        REQUIRE(::pipe2(error_.data(), O_CLOEXEC) == 0);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, out_[1], 1);
        posix_spawn_file_actions_adddup2(&actions, error_[1], 2);
        REQUIRE(::posix_spawn(&pid_, ZC_BINARY, &actions, nullptr, argv.data(), envp.data()) == 0);
        posix_spawn_file_actions_destroy(&actions);
        for (int* end : {&out_[1], &error_[1]}) ::close(std::exchange(*end, -1));
    }
    ~Process() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(out_[0]);
        ::close(error_[0]);
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    void signal(int number) const { REQUIRE(::kill(pid_, number) == 0); }

    /// Reads stderr until it holds `text`; what has been read so far, or nothing in time.
    bool wait_for(const std::string& text) {
        while (error.find(text) == std::string::npos)
            if (!read_some(error_[0], error)) return false;
        return true;
    }
    /// Reads all output and waits for the end. The exit code, or 1000 and the signal.
    int end() {
        // Both at once would matter only for more output than a pipe holds.
        while (read_some(out_[0], out)) {
        }
        while (read_some(error_[0], error)) {
        }
        int status = 0;
        REQUIRE(::waitpid(std::exchange(pid_, -1), &status, 0) > 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }

    std::string out, error;

private:
    static bool read_some(int fd, std::string& into) {
        pollfd wait{fd, POLLIN, 0};
        if (::poll(&wait, 1, patience_milliseconds) <= 0) return false;
        std::array<char, 4096> buffer{};
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got <= 0) return false;
        into.append(buffer.data(), static_cast<std::size_t>(got));
        return true;
    }

    std::array<int, 2> out_{-1, -1}, error_{-1, -1};
    pid_t pid_ = -1;
};

struct Ended {
    int code;
    std::string out, error;
};
Ended run(std::vector<std::string> arguments, Variables variables = {}) {
    Process process(std::move(arguments), std::move(variables));
    const int code = process.end();
    return {code, process.out, process.error};
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string zone_of(unsigned serial, const std::string& more = {}) {
    return "$TTL 60\n@ SOA ns hostmaster " + std::to_string(serial) +
           " 7200 900 86400 60\n@ NS ns\nns A 192.0.2.1\n" + more;
}

/// A node on a port of its own over the zones in `folder`.
class Node {
public:
    explicit Node(const Folder& folder, std::vector<std::string> more = {},
                  Variables variables = {})
        : control_(folder.path("control")) {
        std::vector<std::string> arguments = {"serve",    "--zones",     folder.path("zones"),
                                              "--listen", "127.0.0.1:0", "--workers",
                                              "1",        "--control",   control_};
        arguments.insert(arguments.end(), more.begin(), more.end());
        process.emplace(std::move(arguments), std::move(variables));
    }

    /// True once it serves; then its port is known.
    bool serves() {
        if (!process->wait_for(" serving ")) return false;
        const std::string mark = "address=127.0.0.1:";
        const std::size_t at = process->error.find(mark);
        if (at == std::string::npos) return false;
        port = static_cast<std::uint16_t>(std::atoi(process->error.c_str() + at + mark.size()));
        return port != 0;
    }
    Ended ask(const std::string& verb, std::vector<std::string> more = {}) const {
        std::vector<std::string> arguments = {verb, "--control", control_};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(std::move(arguments));
    }
    term::Json ask_json(const std::string& verb) const {
        const Ended ended = ask(verb, {"--json"});
        auto json = term::parse_json(ended.out);
        CAPTURE(ended.error);
        REQUIRE(json.has_value());
        return *json;
    }
    /// The rcode of the answer to `labels` SOA, or -1.
    int rcode_of(const std::vector<std::string>& labels) const {
        std::string query("\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
        for (const std::string& label : labels) query += static_cast<char>(label.size()) + label;
        query += std::string("\x00\x00\x06\x00\x01", 5);
        const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
        REQUIRE(::send(fd, query.data(), query.size(), 0) == static_cast<ssize_t>(query.size()));
        pollfd wait{fd, POLLIN, 0};
        std::array<unsigned char, 1500> answer{};
        ssize_t got = -1;
        if (::poll(&wait, 1, patience_milliseconds) == 1)
            got = ::recv(fd, answer.data(), answer.size(), 0);
        ::close(fd);
        return got >= 12 ? answer[3] & 15 : -1;
    }

    std::optional<Process> process;
    std::uint16_t port = 0;

private:
    std::string control_;
};

}  // namespace

TEST_CASE("exit codes: 0 done, 1 the answer is no, 2 could not") {
    const Folder folder;
    const std::string good = folder.write("good.example.zone", zone_of(1));
    const std::string bad = folder.write("bad.example.zone", "@ SOA only two\n");
    const std::string missing = folder.path("missing.example.zone");
    const std::string socket = folder.path("nobody");
    const std::pair<std::vector<std::string>, int> rows[] = {
        {{}, 2},
        {{"--version"}, 0},
        {{"--help"}, 0},
        {{"help"}, 0},
        {{"help", "zone", "check"}, 0},
        {{"help", "nonsense"}, 2},
        {{"serve", "--help"}, 0},
        {{"srve"}, 2},
        {{"serve", "--nonsense"}, 2},
        {{"zone"}, 2},
        {{"zone", "check", good}, 0},
        {{"zone", "check", good, bad}, 1},
        {{"zone", "check", bad, missing, good}, 2},
        {{"zone", "check", "--origin", "other.example", good}, 0},
        {{"zone", "print", good}, 0},
        {{"zone", "print", bad}, 1},
        {{"zone", "print", missing}, 2},
        {{"zone", "compile", bad, "-o", folder.path("image")}, 1},
        {{"zone", "compile", good, "-o", folder.path("no/such/folder")}, 2},
        {{"health", "--control", socket}, 2},
        {{"health", "--control", socket, "--max-not-served", "many"}, 2},
        {{"status", "--control", socket}, 2},
        {{"reload", "--control", socket}, 2},
        {{"stop", "--control", socket}, 2},
        {{"config", "check"}, 0},
        {{"config", "show"}, 0},
        {{"config", "show", "nonsense"}, 2},
        {{"generate", "man", folder.path("man")}, 0},
        {{"generate", "completions", "/dev/null/x"}, 2},
    };
    for (const auto& [arguments, code] : rows) {
        std::string line;
        for (const std::string& argument : arguments) line += argument + ' ';
        CAPTURE(line);
        const Ended ended = run(arguments);
        CAPTURE(ended.error);
        CHECK(ended.code == code);
        CHECK((!ended.out.empty() || !ended.error.empty() || code == 0));  // a "no" without a word
    }
    CHECK(run({"--version"}).out == "zonectl " ZC_VERSION "\n");
    CHECK_FALSE(std::filesystem::exists(folder.path("image")));
}

TEST_CASE("zone print gives the same for the same content, and can be read again") {
    const Folder folder;
    const std::string one =
        folder.write("a/x.example.zone", zone_of(7, "b A 192.0.2.2\na A 192.0.2.3\n"));
    const std::string two = folder.write(
        "b/x.example.zone",
        "$ORIGIN example.\nx 60 IN SOA ns.x hostmaster.x ( 7 2h 15m 1d 1m )\na.x 60 A 192.0.2.3\n"
        "b.x 60 A 192.0.2.2\nNS.x 60 A 192.0.2.1\nx 60 NS ns.x\n");
    const Ended printed = run({"zone", "print", one});
    CHECK(printed.code == 0);
    CHECK(contains(printed.out, "x.example.\t60\tIN\tSOA\tns.x.example. hostmaster.x.example. 7 "));
    const std::string again = folder.write("c/x.example.zone", printed.out);
    CHECK(run({"zone", "print", again}).out == printed.out);
    // The case of NS.x differs, its meaning does not.
    CHECK(run({"zone", "print", two}).out.size() == printed.out.size());
}

TEST_CASE("zone compile writes the image whole, the same for the same content") {
    const Folder folder;
    const std::string one =
        folder.write("a/x.example.zone", zone_of(7, "b A 192.0.2.2\na A 192.0.2.3\n"));
    const std::string two =
        folder.write("b/x.example.zone", zone_of(7, "a A 192.0.2.3\nb A 192.0.2.2\n"));
    CHECK(run({"zone", "compile", one, "-o", folder.path("1")}).code == 0);
    CHECK(run({"zone", "compile", two, "-o", folder.path("2")}).code == 0);
    const auto content = [&](const std::string& name) {
        std::ifstream in(folder.path(name), std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    CHECK(content("1").size() > 50);
    CHECK(content("1") == content("2"));
    CHECK_FALSE(std::filesystem::exists(folder.path("1.part")));
}

TEST_CASE("zone check names file and line, and --json says the same to programs") {
    const Folder folder;
    const std::string bad = folder.write("bad.example.zone", zone_of(1, "x A 192.0.2.999\n"));
    const Ended text = run({"zone", "check", bad});
    CHECK(contains(text.out, bad + ":5: "));
    CHECK(contains(text.out, "refused, 1 error"));
    const auto json = term::parse_json(run({"zone", "check", "--json", bad}).out);
    REQUIRE(json.has_value());
    CHECK_FALSE((*json)["ok"].truth());
    CHECK((*json)["zone"].text() == "bad.example.");
    CHECK((*json)["errors"].elements().at(0)["line"].integer() == 5);
}

TEST_CASE("a zone is read from stdin too") {
    const Folder folder;
    const std::string good = folder.write("x", zone_of(1));
    const std::string command = std::string(ZC_BINARY) +
                                " --config /dev/null zone check --origin x.example - <" + good +
                                " >/dev/null";
    CHECK(WEXITSTATUS(std::system(command.c_str())) ==
          0);  // NOLINT(cert-env33-c): for the redirection
    const std::string piped = "cat " + good + " | " + ZC_BINARY +
                              " --config /dev/null zone print --origin x.example - >" +
                              folder.path("out");
    CHECK(WEXITSTATUS(std::system(piped.c_str())) == 0);  // NOLINT(cert-env33-c): for the pipe
    CHECK(std::filesystem::file_size(folder.path("out")) > 50);
}

TEST_CASE("a store of an older format gives the same export before it is raised and after") {
    const Folder folder;
    const std::string store = folder.path("s");
    std::filesystem::copy_file(ZC_TESTDATA_DIR "/store/format2.db", store);
    std::ostringstream made_by_its_zonectl;
    made_by_its_zonectl << std::ifstream(ZC_TESTDATA_DIR "/store/format2.sql").rdbuf();
    const auto format = [&] {
        const auto snapshot = store::Snapshot::open(store);
        REQUIRE(snapshot);
        return snapshot->format();
    };
    CHECK(run({"export", "--store", store}).out == made_by_its_zonectl.str());
    CHECK(format() == 2);
    REQUIRE(store::LogFile::open(store));
    CHECK(format() == store::format_version);
    CHECK(run({"export", "--store", store}).out == made_by_its_zonectl.str());
    CHECK(run({"store", "check", "--store", store}).code == 0);
}

TEST_CASE("output that cannot be written is a failure") {
    Process process({"help"});
    CHECK(process.end() == 0);
    const std::string command =
        std::string(ZC_BINARY) + " --config /dev/null help >/dev/full 2>/dev/null";
    const int status =
        std::system(command.c_str());  // NOLINT(cert-env33-c): needs a shell's redirection
    CHECK(WEXITSTATUS(status) == 2);
}

TEST_CASE("config check tells every mistake by line, config show where each value is from") {
    const Folder folder;
    const std::string bad =
        folder.write("bad.toml", "workers = 5000\nlissen = [\"127.0.0.1\"]\n[serve]\nstrict = 1\n");
    const Ended check = run({"config", "check", "--config", bad});
    CHECK(check.code == 1);
    CHECK(contains(check.out, bad + ":1: malformed: workers: found '5000'"));
    CHECK(contains(
        check.out,
        bad + ":2: invalid: no flag of any verb is called 'lissen'; did you mean 'listen'?"));
    CHECK(contains(check.out,
                   bad + ":4: malformed: strict: found a whole number, wanted true or false"));
    CHECK(run({"config", "check", "--config", folder.path("none.toml")}).code == 2);
    CHECK(contains(run({"config", "check"}, {{"ZONECTL_WORKER", "1"}}).error,
                   "ZONECTL_WORKER: no flag has this variable; did you mean ZONECTL_WORKERS?"));

    const std::string good = folder.write("good.toml", "workers = 3\n[serve]\nnsid = \"n1\"\n");
    const Ended show = run({"config", "show", "--json", "--config", good}, {{"ZONECTL_RRL", "on"}});
    CHECK(show.code == 0);
    const auto json = term::parse_json(show.out);
    REQUIRE(json.has_value());
    std::map<std::string, std::string> where;
    for (const term::Json& setting : (*json)["settings"].elements())
        where[std::string(setting["key"].text())] = std::string(setting["where"].text());
    CHECK(where["workers"] == good + ":1");
    CHECK(where["nsid"] == good + ":3");
    CHECK(where["rrl"] == "ZONECTL_RRL");
    CHECK(where["tcp-idle"].empty());
}

TEST_CASE("serve does not start on a bad configuration, and health does not care for it") {
    const Folder folder;
    folder.write("zones/a.example.zone", zone_of(1));
    const std::string bad = folder.write("bad.toml", "nonsense = 1\n");
    const Ended serve = run({"serve", "--zones", folder.path("zones"), "--config", bad});
    CHECK(serve.code == 2);
    CHECK(contains(serve.error, bad + ":1: "));
    CHECK(run({"health", "--control", folder.path("nobody"), "--config", bad}).code == 2);
}

TEST_CASE("serve says what keeps it from starting") {
    const Folder folder;
    folder.write("zones/a.example.zone", zone_of(1));
    const std::string zones = folder.path("zones");
    const std::string control = folder.path("control");
    const int taken = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(::bind(taken, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(taken, 1) == 0);
    REQUIRE(::getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const std::string taken_address = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    const std::pair<std::vector<std::string>, std::string> rows[] = {
        {{"--listen", "127.0.0.1:0"}, "wanted --zones PATH, ZONECTL_ZONES or the key zones"},
        {{"--zones", folder.path("nowhere"), "--listen", "127.0.0.1:0"}, "nowhere"},
        {{"--zones", zones, "--listen", taken_address}, "in use"},
        {{"--zones", zones, "--listen", "127.0.0.1:0", "--metrics", taken_address}, "in use"},
        {{"--zones", zones, "--listen", "192.0.2.1:0"}, "192.0.2.1"},
        {{"--zones", zones, "--listen", "127.0.0.1:0", "--strict", "--progressive"},
         "cannot refuse to start"},
        {{"--zones", zones, "--listen", "127.0.0.1:0", "--cookie-secret-file",
          zones + "/a.example.zone"},
         "a.example.zone:1: malformed: wanted 32 hexadecimal digits"},
        {{"--zones", zones, "--listen", "127.0.0.1:0", "--user", "no-such-user"}, "no-such-user"},
        {{"--zones", zones, "--listen", "127.0.0.1:0", "--control", folder.path("zones")},
         "no socket"},
        {{"--zones", zones, "--listen", "127.0.0.1:0", "--control", "/nonexistent/control"},
         "/nonexistent/control"},
    };
    for (const auto& [more, message] : rows) {
        std::vector<std::string> arguments = {"serve", "--workers", "1"};
        if (std::find(more.begin(), more.end(), "--control") == more.end())
            arguments.insert(arguments.end(), {"--control", control});
        arguments.insert(arguments.end(), more.begin(), more.end());
        CAPTURE(message);
        const Ended ended = run(arguments);
        CHECK(ended.code == 2);
        CAPTURE(ended.error);
        CHECK(contains(ended.error, message));
    }
    ::close(taken);
}

TEST_CASE("a bad zone gets SERVFAIL and the others are served; with --strict nothing is") {
    const Folder folder;
    folder.write("zones/a.example.zone", zone_of(1));
    folder.write("zones/b.example.zone", "@ SOA only two\n");
    folder.write("zones/example.zone", zone_of(1));
    {
        Node node(folder);
        REQUIRE(node.serves());
        CHECK(node.rcode_of({"a", "example"}) == 0);
        CHECK(node.rcode_of({"b", "example"}) == 2);
        CHECK(node.rcode_of({"x", "b", "example"}) == 2);  // and not NXDOMAIN out of the parent
        CHECK(node.rcode_of({"com"}) == 5);
        CHECK(contains(node.process->error, "b.example.zone:1: "));
        CHECK(node.ask_json("status")["zones"].integer() == 3);
        const term::Json status = node.ask_json("status");
        CHECK(status["not_served"]["total"].integer() == 1);
        CHECK(status["not_served"]["refused"].integer() == 1);
        CHECK(status["not_served"]["withheld"].integer() == 0);
        CHECK(status["not_served_zones"].elements().at(0)["zone"].text() == "b.example.");
        CHECK(contains(node.ask("status").out, "zones            3, 1 not served (1 refused)\n"));
        CHECK(contains(node.ask("status").out, "not served       b.example.: refused: "));
        CHECK(contains(node.process->error, "not_served=1"));
        CHECK(node.ask("health").out == "serving, 3 zones, 1 not served (1 refused)\n");
        const std::pair<const char*, int> limits[] = {{"0", 1}, {"1", 0}, {"33%", 1}, {"34%", 0}};
        for (const auto& [limit, code] : limits) {
            CAPTURE(limit);
            CHECK(node.ask("health", {"--max-not-served", limit}).code == code);
        }
        CHECK(node.ask("health").code == 0);  // no limit
        folder.write("zones/b.example.zone", zone_of(1));
        CHECK(node.ask("reload").code == 0);
        CHECK_FALSE(contains(node.ask("status").out, "refused"));
        CHECK(node.ask_json("status")["not_served"]["total"].integer() == 0);
        CHECK(node.ask("health", {"--max-not-served", "0"}).code == 0);
        folder.write("zones/b.example.zone", "@ SOA only two\n");
    }
    Node strict(folder, {"--strict"});
    CHECK(strict.process->end() == 2);
    CHECK(contains(strict.process->error, "b.example.zone:1: "));
}

/// Text that would set the title of a terminal, ring its bell, turn the direction of reading, and
/// end a line.
const std::string hostile =
    "\x1b]0;x\a\x9b"
    "31m\xc2\x9b\xe2\x80\xae";

/// Octets that a terminal may act upon, or that are not UTF-8; newlines and tabs are not meant.
bool is_harmless(const std::string& text) {
    return base::foreign(text, base::Form::lines) == text;
}

TEST_CASE("a refused row is told without the control characters in it, and JSON has its octets") {
    const Folder folder;
    const std::string dump =
        folder.write("dump.sql",
                     "COPY domains (id, name, type) FROM stdin;\n1\texample\tNATIVE\n\\.\n"
                     "COPY records (domain_id, name, type, content, ttl) FROM stdin;\n"
                     "1\texample\tSOA\tns.example root.example 1 2 3 4 5\t60\n"
                     "1\texample\tNS\tns.example\t60\n"
                     "1\tbad.example\tA\t" +
                         hostile + "\t60\n1\tworse.example\tA" + hostile + "\t192.0.2.1\t60\n" +
                         "1\t" + hostile + "b\\nad.example\tMX\tmail.example\t60\n\\.\n");
    for (const char* colour : {"auto", "always"}) {
        CAPTURE(colour);
        Ended ended = run({"import", dump, "--store", folder.path(std::string(colour) + ".db"),
                           "--report", folder.path("report.txt"), "--color", colour});
        CHECK(ended.code == 1);
        CHECK(is_harmless(ended.error));
        CHECK(contains(ended.out, "bad.example"));
        CHECK(contains(ended.out,
                       "\\x1b]0;x\\x07\\x9b"
                       "31m\\xc2\\x9b\\xe2\\x80\\xae"));
        const bool styled = std::string_view(colour) == "always";
        CHECK(is_harmless(ended.out) != styled);
        for (const std::string mine : {"\x1b[31m", "\x1b[33m", "\x1b[0m"})
            for (std::size_t at = 0; (at = ended.out.find(mine)) != std::string::npos;)
                ended.out.erase(at, mine.size());
        CHECK(is_harmless(ended.out));
        std::ifstream report(folder.path("report.txt"), std::ios::binary);
        const std::string lines(std::istreambuf_iterator<char>(report), {});
        CHECK(is_harmless(lines));
        CHECK(contains(lines, "\\x1b]0;x\\x07"));
        // A row is a line, whatever stands in it.
        CHECK(std::count(lines.begin(), lines.end(), '\n') == 4);
    }
    const Ended json = run({"import", dump, "--store", folder.path("json.db"), "--json"});
    CHECK(is_harmless(json.out));
    const auto document = term::parse_json(json.out);
    REQUIRE(document.has_value());
    std::string all;
    for (const term::Json& finding : (*document)["findings"].elements())
        all += std::string(finding["record"].text()) + std::string(finding["reason"].text());
    CHECK(contains(all, "\x1b]0;x\a"));  // lossless, but for the octet that is not UTF-8
}

TEST_CASE("a file name reaches neither the terminal nor the log with control characters") {
    const Folder folder;
    const std::string bad =
        folder.write("zones/" + hostile + "/a.example.zone", "@ SOA only two\n");
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"zone", "check", bad},
          {"zone", "check", "--json", bad},
          {"zone", "check", bad + hostile},
          {"zone", "print", bad},
          {"zone", hostile},
          {"import", bad, "--store", folder.path("s" + hostile)},
          {"import", bad + "x", "--store", folder.path("s")},
          {"status", "--control", bad},
          {"config", "check", "--config", bad},
          {"store", "check", "--store", bad}}) {
        CAPTURE(arguments.front());
        const Ended ended = run(arguments);
        CHECK(ended.code != 0);
        CHECK_FALSE((ended.out.empty() && ended.error.empty()));
        CHECK(is_harmless(ended.out));
        CHECK(is_harmless(ended.error));
    }
    for (const char* format : {"text", "json"}) {
        Node node(folder, {"--log-format", format});
        REQUIRE(node.process->wait_for("a.example.zone:1"));
        REQUIRE(node.process->wait_for(std::string_view(format) == "text" ? " serving "
                                                                          : "\"serving\""));
        const Ended status = node.ask("status");
        CHECK(contains(status.out, "a.example.zone:1"));
        CHECK(is_harmless(status.out));
        CHECK(node.ask("stop").code == 0);
        CHECK(node.process->end() == 0);
        CHECK(is_harmless(node.process->error));
    }
}

TEST_CASE("a node serves, is healthy, and ends cleanly when told") {
    const Folder folder;
    folder.write("zones/a.example.zone", zone_of(1));
    for (const char* how : {"stop", "TERM", "INT"}) {
        CAPTURE(how);
        Node node(folder);
        REQUIRE(node.serves());
        CHECK(node.ask("health").code == 0);
        CHECK(node.ask("health").out == "serving, 1 zone, 0 not served\n");
        CHECK(contains(node.ask("status").out, "zones            1, 0 not served\n"));
        CHECK(node.ask_json("status")["listen"].elements().at(0).text() ==
              "127.0.0.1:" + std::to_string(node.port));
        CHECK(node.rcode_of({"a", "example"}) == 0);
        if (std::string_view(how) == "stop") {
            CHECK(node.ask("stop").code == 0);
        } else {
            node.process->signal(std::string_view(how) == "TERM" ? SIGTERM : SIGINT);
        }
        CHECK(node.process->end() == 0);
        CHECK(node.ask("health").code == 2);
        CHECK_FALSE(std::filesystem::exists(folder.path("control")));
    }
}

TEST_CASE("a signal at any moment of the start ends it cleanly") {
    const Folder folder;
    for (int i = 0; i < 2000; ++i)
        folder.write("zones/z" + std::to_string(i) + ".example.zone", zone_of(1));
    for (const char* moment : {"runs_as_root", "no_control_socket", "listens", "serving"}) {
        CAPTURE(moment);
        Process process({"serve", "--zones", folder.path("zones"), "--listen", "127.0.0.1:0",
                         "--control",
                         std::string_view(moment) == "no_control_socket" ? "/run/none/x" : "none",
                         "--log-level", "info", "--progressive"});
        if (!process.wait_for(moment)) continue;  // not root, or the event does not apply
        process.signal(SIGTERM);
        CHECK(process.end() == 0);
    }
}

TEST_CASE("a second node on the same control socket is refused, a dead one's is taken over") {
    const Folder folder;
    folder.write("zones/a.example.zone", zone_of(1));
    Node first(folder);
    REQUIRE(first.serves());
    Node second(folder);
    CHECK(second.process->end() == 2);
    CHECK(contains(second.process->error, "busy: "));
    CHECK(first.ask("health").code == 0);
    first.process->signal(SIGKILL);
    CHECK(first.process->end() == 1000 + SIGKILL);
    CHECK(std::filesystem::exists(folder.path("control")));
    CHECK(first.ask("health").code == 2);
    Node third(folder);
    REQUIRE(third.serves());
    CHECK(third.ask("health").code == 0);
}

TEST_CASE("a reload takes over what changed, reports it, and keeps what it cannot replace") {
    const Folder folder;
    folder.write("zones/changed.example.zone", zone_of(1));
    folder.write("zones/gone.example.zone", zone_of(1));
    folder.write("zones/broken.example.zone", zone_of(1));
    folder.write("zones/same.example.zone", zone_of(1));
    Node node(folder);
    REQUIRE(node.serves());
    const Ended nothing = node.ask("reload");
    CHECK(nothing.code == 0);
    CHECK(contains(nothing.out, "0 added, 0 changed, 0 removed, 0 failed, 4 unchanged; 4 in all"));

    folder.write("zones/changed.example.zone", zone_of(2));
    folder.write("zones/broken.example.zone", zone_of(2, "x A not-an-address\n"));
    folder.write("zones/new.example.zone", zone_of(1));
    folder.remove("zones/gone.example.zone");
    const Ended ended = node.ask("reload");
    CHECK(ended.code == 1);
    CHECK(contains(ended.out,
                   "1 added, 1 changed, 1 removed, 1 failed, 1 unchanged; 4 in all, "
                   "0 not served\n"));
    CHECK(node.ask_json("status")["outdated"].integer() == 1);
    CHECK(contains(node.ask("status").out, "outdated         broken.example.: "));
    CHECK(contains(ended.out, "changed.example. changed, serial 2\n"));
    CHECK(contains(ended.out, "broken.example. failed, last good content is kept, serial 1\n"));
    CHECK(contains(ended.out, "broken.example.zone:5: "));
    CHECK(node.rcode_of({"broken", "example"}) == 0);
    CHECK(node.rcode_of({"new", "example"}) == 0);
    CHECK(node.rcode_of({"gone", "example"}) == 5);

    folder.write("zones/broken.example.zone", zone_of(3));
    const term::Json report = node.ask_json("reload");
    CHECK(report["ok"].truth());
    CHECK(report["zones"]["changed"].integer() == 1);
    CHECK(report["zones"]["total"].integer() == 4);
    CHECK(report["zones"]["unchanged"].integer() == 3);
    CHECK(node.ask_json("status")["outdated"].integer() == 0);
    CHECK(node.ask_json("status")["records"].integer() == 12);

    // The same by a signal, which reports to the log.
    folder.write("zones/same.example.zone", zone_of(2));
    node.process->signal(SIGHUP);
    CHECK(node.process->wait_for(
        "reloaded added=0 changed=1 removed=0 failed=0 unchanged=3 total=4 not_served=0 "
        "ok=true"));
}

/// A dump that holds `domains` and `records`.
std::string dump_of(const std::string& domains, const std::string& records) {
    return "COPY domains (id, name, type) FROM stdin;\n" + domains +
           "\\.\nCOPY records (domain_id, name, type, content, ttl) FROM stdin;\n" + records +
           "\\.\n";
}

TEST_CASE(
    "of a store, withheld and broken zones are named, and its position, time and being behind") {
    const Folder folder;
    const std::string soa = "\tSOA\tns.example root.example 1 2 3 4 5\t60\n";
    const std::string store = folder.path("s.db");
    const std::string domains =
        "1\tgood.example\tNATIVE\n2\tsigned.example\tNATIVE\n3\tbroken.example\tNATIVE\n";
    const std::string records = "1\tgood.example" + soa + "2\tsigned.example" + soa +
                                "3\twww.broken.example\tA\t192.0.2.1\t60\n";
    const std::string keys =
        "COPY cryptokeys (id, domain_id, flags, active, content) FROM stdin;\n"
        "1\t2\t257\tt\tPrivate-key-format: v1.2\n\\.\n";
    run({"import", folder.write("one.sql", dump_of(domains, records) + keys), "--store", store});
    Process node({"serve", "--store", store, "--listen", "127.0.0.1:0", "--workers", "1",
                  "--control", folder.path("control"), "--metrics", "127.0.0.1:0"});
    REQUIRE(node.wait_for(" serving "));
    const auto ask = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"--control", folder.path("control")});
        return run(std::move(arguments));
    };
    const auto ask_json = [&](const std::string& verb) {
        const auto json = term::parse_json(ask({verb, "--json"}).out);
        REQUIRE(json.has_value());
        return *json;
    };
    CHECK(contains(node.error, "zone_not_served zone=signed.example. reason=withheld"));
    CHECK(contains(node.error, "zone_not_served zone=broken.example. reason=broken"));
    CHECK(contains(node.error, "store_read position=1-"));
    term::Json status = ask_json("status");
    CHECK(status["zones"].integer() == 3);
    CHECK(status["not_served"]["total"].integer() == 2);
    CHECK(status["not_served"]["withheld"].integer() == 1);
    CHECK(status["not_served"]["broken"].integer() == 1);
    CHECK(status["not_served_zones"].elements().size() == 2);
    CHECK(status["store"]["position"].text().starts_with("1-"));
    CHECK(status["store"]["committed"].text().ends_with("Z"));
    CHECK_FALSE(status["store"]["behind"].truth());
    CHECK(ask({"health"}).code == 0);
    CHECK(ask({"health", "--max-not-served", "1"}).code == 1);
    CHECK(ask({"health", "--max-not-served", "67%"}).code == 0);
    // The same over HTTP, with every reason there is.
    const auto get = [&](const std::string& target) {
        const auto response = http::request(folder.path("control"), "GET", target, "",
                                            base::Duration::milliseconds(patience_milliseconds));
        REQUIRE(response.has_value());
        return *response;
    };
    const std::string metrics = get("/metrics").body;
    for (const char* line : {"zonectl_zones 3", "zonectl_zones_not_served{reason=\"withheld\"} 1",
                             "zonectl_zones_not_served{reason=\"broken\"} 1",
                             "zonectl_zones_not_served{reason=\"refused\"} 0",
                             "zonectl_zones_not_served{reason=\"damaged\"} 0",
                             "zonectl_zones_not_served{reason=\"not_loaded\"} 0",
                             "zonectl_zones_outdated 0", "zonectl_store_position_served 1",
                             "zonectl_store_position 1", "zonectl_store_behind 0"}) {
        CAPTURE(line);
        CHECK(contains(metrics, std::string("\n") + line + '\n'));
    }
    CHECK(get("/health").status == 200);
    CHECK(get("/health?max-not-served=2").status == 200);
    CHECK(get("/health?max-not-served=1").status == 503);
    CHECK(get("/health?max-not-served=66%25").status == 503);
    CHECK(get("/health?max-not-served=many").status == 400);

    // The images that are mapped are memory of zones: all there is, for a store without changes.
    CHECK(status["zone_octets"].integer() >
          static_cast<std::int64_t>(std::filesystem::file_size(store + "-images")));

    // The store moves on; the node says so by itself, and the reload ends it.
    const std::string mended =
        records + "3\tbroken.example" + soa + "1\tx.good.example\tA\t192.0.2.1\t60\n";
    CHECK(
        run({"import", folder.write("two.sql", dump_of(domains, mended)), "--store", store}).code ==
        0);
    REQUIRE(node.wait_for("store_is_newer position=2-"));
    status = ask_json("status");
    CHECK(status["store"]["behind"].truth());
    CHECK(status["store"]["newest_position"].text().starts_with("2-"));
    CHECK(contains(ask({"status"}).out, "behind: the store is at 2-"));
    const term::Json report = ask_json("reload");
    CHECK(report["zones"]["total"].integer() == 3);
    CHECK(report["zones"]["changed"].integer() == 3);
    CHECK(report["zones"]["unchanged"].integer() == 0);
    CHECK(report["zones"]["not_served"]["total"].integer() == 0);
    CHECK(report["store"]["position"].text().starts_with("2-"));
    CHECK_FALSE(report["store"]["behind"].truth());
    CHECK(node.wait_for("store_read position=2-"));
    const term::Json again = ask_json("reload");
    CHECK(again["zones"]["unchanged"].integer() == 3);
    CHECK(ask({"stop"}).code == 0);
    CHECK(node.end() == 0);
}

TEST_CASE("a reload takes over settings that can change, and says which need a restart") {
    const Folder folder;
    folder.write("zones/a.example.zone", zone_of(1));
    const std::string config = folder.write("z.toml", "nsid = \"one\"\nreceive-buffer = 65536\n");
    Node node(folder, {"--config", config});
    REQUIRE(node.serves());
    folder.write("z.toml", "nsid = \"two\"\nrrl = \"log\"\nreceive-buffer = 131072\n");
    const Ended changed = node.ask("reload");
    CHECK(changed.code == 0);
    CHECK(contains(changed.out, "setting nsid: applied\n"));
    CHECK(contains(changed.out, "setting rrl: applied\n"));
    CHECK(contains(changed.out, "setting receive-buffer: needs a restart\n"));
    const Ended again = node.ask("reload");
    CHECK_FALSE(contains(again.out, "nsid"));
    CHECK(contains(again.out, "setting receive-buffer: needs a restart\n"));

    folder.write("z.toml", "nsid = 3\n");
    const Ended bad = node.ask("reload");
    CHECK(bad.code == 1);
    CHECK(contains(bad.out, config + ":1: malformed: nsid: found a whole number, wanted a string"));
    CHECK(node.ask("health").code == 0);
}

TEST_CASE("names in zones still to be loaded are never answered wrongly with --progressive") {
    const Folder folder;
    for (int i = 0; i < 300; ++i)
        folder.write("zones/z" + std::to_string(i) + ".example.zone", zone_of(1));
    folder.write("zones/example.zone", zone_of(1));
    Node node(folder, {"--progressive"});
    REQUIRE(node.serves());
    CHECK(node.rcode_of({"z7", "example"}) == 0);
    CHECK(node.rcode_of({"z299", "example"}) == 0);
    CHECK(node.ask_json("status")["zones"].integer() == 301);
    CHECK(node.ask_json("status")["records"].integer() == 301 * 3);
    CHECK(node.ask_json("status")["not_served"]["total"].integer() == 0);
}

TEST_CASE(
    "a store whose node was killed is listed, shown, exported and checked as its log has it") {
    const Folder folder;
    const std::string store = folder.path("s.db");
    folder.write("zones/a.example.zone", zone_of(1));
    folder.write("zones/b.example.zone", zone_of(1));
    const auto verb = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"--store", store});
        return run(std::move(arguments));
    };
    REQUIRE(verb({"import", folder.path("zones")}).code == 0);
    {
        fold::test::TestLog log(store);
        log.append("a.example.", 1, fold::test::set_address("a.example.", "192.0.2.77"));
        log.append("b.example.", 1, fold::test::removal("b.example."));
        log.append("c.example.", 0, fold::test::put("c.example.", "192.0.2.78"));
    }
    CHECK(verb({"zone", "list"}).out ==
          "a.example.\tNative\tserving\t2\t4\nc.example.\tNative\tserving\t1\t3\n");
    CHECK(contains(verb({"zone", "show", "a.example."}).out, "changed at position  2"));
    CHECK(verb({"zone", "show", "b.example."}).code == 1);
    CHECK(contains(verb({"zone", "export", "a.example."}).out, "192.0.2.77"));
    CHECK(contains(verb({"zone", "export", "c.example."}).out, "192.0.2.78"));
    const Ended all = verb({"export"});
    CHECK(all.code == 0);
    CHECK(contains(all.out, "192.0.2.77"));
    CHECK(contains(all.out, "192.0.2.78"));
    CHECK_FALSE(contains(all.out, "b.example"));
    CHECK(verb({"store", "check"}).code == 0);
    const auto stats = term::parse_json(verb({"store", "stats", "--json"}).out);
    REQUIRE(stats.has_value());
    CHECK((*stats)["zones"].integer() == 2);
    CHECK((*stats)["position"].integer() == 4);
}

TEST_CASE("an import says which zones were changed in the store, and --prefer decides") {
    const Folder folder;
    const std::string store = folder.path("s.db");
    folder.write("zones/a.example.zone", zone_of(1));
    folder.write("zones/b.example.zone", zone_of(1));
    const auto import = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"import", folder.path("zones"), "--store", store});
        return run(std::move(more));
    };
    REQUIRE(import({}).code == 0);
    fold::test::TestLog(store).append("a.example.", 1,
                                      fold::test::set_address("a.example.", "192.0.2.77"));
    const auto exported = [&] {
        return run({"zone", "export", "a.example.", "--store", store}).out;
    };
    const std::string kept =
        "1 zone was made or changed in the store, and the source has something else: the store "
        "keeps it";
    const Ended undecided = import({});
    CHECK(undecided.code == 1);
    CHECK(contains(undecided.out, kept + " (--prefer decides)\n"));
    CHECK(contains(undecided.out,
                   "a.example.: it was made or changed in the store, and the source has it "
                   "otherwise; it stays as the store has it; --prefer decides"));
    CHECK(contains(exported(), "192.0.2.77"));
    const Ended json = import({"--dry-run", "--json"});
    CHECK(json.code == 1);
    const auto report = term::parse_json(json.out);
    REQUIRE(report.has_value());
    CHECK((*report)["zones"]["stayed"].integer() == 1);
    const Ended ours = import({"--prefer", "store"});
    CHECK(ours.code == 0);
    CHECK(contains(ours.out, kept + "\n"));
    CHECK(contains(exported(), "192.0.2.77"));
    CHECK(import({"--prefer", "both"}).code == 2);
    const Ended theirs = import({"--prefer", "source"});
    CHECK(theirs.code == 0);
    CHECK_FALSE(contains(theirs.out, "changed in the store"));
    CHECK_FALSE(contains(exported(), "192.0.2.77"));
    CHECK(contains(import({}).out, " 2 unchanged\n"));
}

TEST_CASE("the systemd unit leaves to the configuration what is served, zone files or a store") {
    std::ifstream unit(std::string(ZC_SOURCE_DIR) + "/contrib/systemd/zonectl.service");
    std::vector<std::string> words;
    for (std::string line; std::getline(unit, line);) {
        std::istringstream in(line.starts_with("ExecStart=") ? line : "");
        for (std::string word; in >> word;) words.push_back(word);
    }
    REQUIRE(words.size() >= 2);
    CHECK(words.front() == "ExecStart=/usr/bin/zonectl");
    words.erase(words.begin());
    const Folder folder;
    folder.write("zones/a.example.zone", zone_of(1));
    run({"import", folder.path("zones"), "--store", folder.path("s.db")});
    const std::string rest =
        "listen = [\"127.0.0.1:0\"]\ncontrol = \"" + folder.path("control") + "\"\n";
    for (const std::string& served : {"zones = \"" + folder.path("zones") + "\"\n",
                                      "store = \"" + folder.path("s.db") + "\"\n"}) {
        CAPTURE(served);
        const std::string config = folder.write("zonectl.toml", served + rest);
        Process node(words, {{"ZONECTL_CONFIG", config}});
        CHECK(node.wait_for(" serving zones=1 "));
        CHECK(run({"reload"}, {{"ZONECTL_CONFIG", config}}).code == 0);
        node.signal(SIGTERM);
        CHECK(node.end() == 0);
    }
}

TEST_CASE("the service manager is told of readiness, reload, life and end") {
    const Folder folder;
    folder.write("zones/a.example.zone", zone_of(1));
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    folder.path("notify").copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    const timeval limit{patience_milliseconds / 1000, 0};
    REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
    const auto told = [&](const std::string& wanted) {
        for (;;) {
            std::array<char, 512> buffer{};
            const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
            if (got <= 0) return false;
            if (contains(std::string(buffer.data(), static_cast<std::size_t>(got)), wanted))
                return true;
        }
    };
    Node node(folder, {}, {{"NOTIFY_SOCKET", folder.path("notify")}, {"WATCHDOG_USEC", "100000"}});
    CHECK(told("READY=1"));
    CHECK(told("WATCHDOG=1"));
    CHECK(told("WATCHDOG=1"));
    node.process->signal(SIGHUP);
    CHECK(told("RELOADING=1"));
    CHECK(told("READY=1"));
    node.process->signal(SIGTERM);
    CHECK(told("STOPPING=1"));
    CHECK(node.process->end() == 0);
    ::close(fd);
}

}  // namespace zc::cmd
