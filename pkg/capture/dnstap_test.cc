#include "capture/dnstap.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/packet_builder.h"
#include "capture/reading.h"
#include "capture/sources.h"
#include "net/socket.h"
#include "runtime/clock.h"
#include "testkit/folder.h"

namespace zc::capture {
namespace {

using namespace building;

constexpr SourceOptions answered{.answers = SourceOptions::Answers::wanted};

// An encoder of the schema, for tests only.
void put_varint(Octets& to, std::uint64_t value) {
    for (; value >= 0x80U; value >>= 7U) to.push_back(static_cast<std::uint8_t>(value | 0x80U));
    to.push_back(static_cast<std::uint8_t>(value));
}
void put_number(Octets& to, std::uint64_t field, std::uint64_t value) {
    put_varint(to, field << 3U);
    put_varint(to, value);
}
void put_octets(Octets& to, std::uint64_t field, base::Octets octets) {
    put_varint(to, field << 3U | 2U);
    put_varint(to, octets.size());
    put(to, octets);
}
void put_fixed32(Octets& to, std::uint64_t field, std::uint32_t value) {
    put_varint(to, field << 3U | 5U);
    for (unsigned i = 0; i < 4; ++i) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

struct Event {
    std::uint64_t type = 1;  // AUTH_QUERY
    Octets query{}, response{};
    std::uint64_t protocol = 1;  // UDP
    std::uint64_t seconds = 1'700'000'000;
    std::uint32_t nanoseconds = 5;
    Ends between = ends();
};

Octets tap(const Event& event) {
    Octets message;
    put_number(message, 1, event.type);
    put_number(message, 2, 1);
    put_number(message, 3, event.protocol);
    put_octets(message, 4, event.between.source.view());
    put_octets(message, 5, event.between.target.view());
    put_number(message, 6, event.between.source_port);
    put_number(message, 7, event.between.target_port);
    put_number(message, 8, event.seconds);
    put_fixed32(message, 9, event.nanoseconds);
    if (!event.query.empty()) put_octets(message, 10, event.query);
    if (!event.response.empty()) put_octets(message, 14, event.response);
    Octets out;
    put_octets(out, 1, base::Octets(Octets{'n', 's', '1'}));
    put_octets(out, 14, message);
    put_number(out, 15, 1);
    return out;
}
Octets frame(const Octets& data) {
    Octets out;
    put32(out, data.size());
    put(out, data);
    return out;
}
Octets file(std::initializer_list<Octets> frames) {
    Octets out = control_frame(Control::start);
    for (const Octets& each : frames) put(out, frame(each));
    put(out, control_frame(Control::stop));
    return out;
}
Reading read(const Octets& octets, const SourceOptions& options = {}, std::uint64_t behind = 0) {
    auto source = open_input(Input::memory(octets), options);
    REQUIRE_MESSAGE(source.has_value(), (source ? "" : source.error().text()));
    REQUIRE((*source)->resume_behind(behind).has_value());
    return read_all(**source);
}
std::string text(const Octets& octets, const SourceOptions& options = {}) {
    return text_of(read(octets, options));
}

const Octets a = query("a.example.", 1);
const Octets b = query("b.example.", 2);

int connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return fd;
}
void send_all(int fd, const Octets& octets) {
    REQUIRE(::send(fd, octets.data(), octets.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(octets.size()));
}
Octets receive(int fd, std::size_t count) {
    Octets octets(count);
    REQUIRE(::recv(fd, octets.data(), count, MSG_WAITALL) == static_cast<ssize_t>(count));
    return octets;
}
/// Reads until `wanted` queries have come, for ten seconds at most.
std::vector<std::string> read_live(Source& source, std::size_t wanted) {
    std::vector<std::string> questions;
    Batch batch;
    const base::Duration until = runtime::monotonic() + base::Duration::seconds(10);
    while (questions.size() < wanted && runtime::monotonic() < until) {
        REQUIRE(source.read(batch).has_value());
        for (const Query& query : batch.queries()) {
            std::string line = question_of(query.message);
            if (!query.recorded.empty()) line += " -> " + question_of(query.recorded);
            questions.push_back(std::string(dns::to_string(query.transport)) + " " + line);
        }
    }
    return questions;
}
void settle(Source& source) {
    Batch batch;
    REQUIRE(source.read(batch).has_value());
    CHECK(batch.size() == 0);
}

/// A program that ends with the test.
class Program {
public:
    explicit Program(std::vector<std::string> words) {
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        REQUIRE(::posix_spawnp(&process_, arguments[0], nullptr, nullptr, arguments.data(),
                               environ) == 0);
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() {
        ::kill(process_, SIGTERM);
        ::waitpid(process_, nullptr, 0);
    }

private:
    pid_t process_ = 0;
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}
/// A UDP socket on a port that the system chose.
net::Descriptor bound_socket(std::uint16_t& port) {
    net::Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
    return socket;
}
void send_to(const net::Descriptor& socket, std::uint16_t port, const Octets& octets) {
    const sockaddr_in address = loopback(port);
    REQUIRE(::sendto(socket.get(), octets.data(), octets.size(), 0,
                     reinterpret_cast<const sockaddr*>(&address),
                     sizeof address) == static_cast<ssize_t>(octets.size()));
}
bool answered_within(const net::Descriptor& socket, int milliseconds) {
    pollfd ready{socket.get(), POLLIN, 0};
    if (::poll(&ready, 1, milliseconds) != 1) return false;
    std::uint8_t octets[512];
    return ::recv(socket.get(), octets, sizeof octets, 0) > 0;
}

}  // namespace

TEST_CASE("a dnstap file gives what a server was asked, and its answers") {
    const Octets octets = file({tap({.query = a}), tap({.query = b, .protocol = 2}),
                                tap({.type = 2, .response = answer_to(b), .protocol = 2}),
                                tap({.type = 2, .response = answer_to(a)})});
    CHECK(text(octets) == "1 udp 192.0.2.1 4000 a.example. A\n2 tcp 192.0.2.1 4000 b.example. A\n");
    CHECK(text(octets, answered) ==
          "1 udp 192.0.2.1 4000 a.example. A -> NOERROR 0\n"
          "2 tcp 192.0.2.1 4000 b.example. A -> NOERROR 0\n");
    CHECK(read(octets).queries[0].at == base::Instant{1'700'000'000'000'000'005});
}

TEST_CASE("an answer that brings its query is one query, seen before or not") {
    const Octets both = tap({.type = 2, .query = a, .response = answer_to(a)});
    const std::string wanted = "1 udp 192.0.2.1 4000 a.example. A -> NOERROR 0\n";
    CHECK(text(file({both}), answered) == wanted);
    CHECK(text(file({tap({.query = a}), both}), answered) == wanted);
    // An answer that is not one to it.
    CHECK(text(file({tap({.type = 2, .query = a, .response = answer_to(b)})}), answered) ==
          "malformed 1\nunanswered 1\n");
    CHECK(text(file({tap({.type = 2, .query = a, .response = a})}), answered) ==
          "malformed 1\nunanswered 1\n");
}

TEST_CASE("frames are paired by what is in them, whatever they are called and in any order") {
    const std::string wanted = "1 udp 192.0.2.1 4000 a.example. A -> NOERROR 0\n";
    const Octets answer = answer_to(a);
    // Queries and answers called AUTH or CLIENT, each with each; and a name that is the other's.
    for (const std::uint64_t query_type : {1U, 2U, 5U, 6U}) {
        for (const std::uint64_t answer_type : {1U, 2U, 5U, 6U}) {
            const Octets asked = tap({.type = query_type, .query = a});
            const Octets said = tap({.type = answer_type, .response = answer});
            const Octets both = tap({.type = answer_type, .query = a, .response = answer});
            CHECK(text(file({asked, said}), answered) == wanted);
            CHECK(text(file({said, asked}), answered) == wanted);
            CHECK(text(file({both, asked}), answered) == wanted);
            CHECK(text(file({asked, both}), answered) == wanted);
        }
    }
    // Times go back by what one thread was slower than another.
    CHECK(text(file({tap({.type = 2, .response = answer, .seconds = 1'700'000'003}),
                     tap({.query = b, .seconds = 1'700'000'004}), tap({.query = a}),
                     tap({.type = 6, .response = answer_to(b)})}),
               answered) ==
          "1 udp 192.0.2.1 4000 b.example. A -> NOERROR 0\n"
          "2 udp 192.0.2.1 4000 a.example. A -> NOERROR 0\n");
    // The query does not tell at which of its addresses the server was asked.
    Ends half = ends();
    half.target = {};
    CHECK(text(file({tap({.query = a, .between = half}), tap({.type = 2, .response = answer})}),
               answered) == wanted);
    // Another client, port, ID or question is another query.
    for (const auto& [between, said] :
         {std::pair{ends(4001), answer}, std::pair{ends(4000, "192.0.2.2"), answer},
          std::pair{ends(), answer_to(query("a.example.", 9))},
          std::pair{ends(), answer_to(query("c.example.", 1))}})
        CHECK(
            text(file({tap({.query = a}), tap({.type = 2, .response = said, .between = between})}),
                 answered) == "unanswered 1\norphan 1\n");
}

TEST_CASE("a server that writes nothing but answers is compared by the questions in them") {
    const Reading reading = read(file({tap({.type = 2, .response = answer_to(a)}),
                                       tap({.type = 6, .response = answer_to(b)})}),
                                 answered);
    CHECK(text_of(reading) ==
          "1 udp 192.0.2.1 4000 a.example. A -> NOERROR 0\n"
          "2 udp 192.0.2.1 4000 b.example. A -> NOERROR 0\n");
    CHECK(reading.counts.from_answers == 2);
}

TEST_CASE("clients of a resolver count, what it asks others does not") {
    CHECK(text(file({tap({.type = 5, .query = a}), tap({.type = 3, .query = a}),
                     tap({.type = 4, .response = answer_to(a)}), tap({.type = 13, .query = a}),
                     tap({.type = 6, .response = answer_to(a)})}),
               answered) == "1 udp 192.0.2.1 4000 a.example. A -> NOERROR 0\nother-operation 3\n");
    CHECK(text(file({tap({.query = a, .protocol = 3}), tap({.query = a, .protocol = 4})})) ==
          "1 dot 192.0.2.1 4000 a.example. A\n2 doh 192.0.2.1 4000 a.example. A\n");
}

TEST_CASE("garbage frames are counted and passed over") {
    Octets cut = tap({.query = a});
    cut.resize(cut.size() - 9);
    CHECK(text(file({Octets(20, 0xff), cut, tap({.query = a}), tap({.type = 99, .query = a}),
                     tap({.type = 1}), Octets(300'000, 1), tap({.query = b})})) ==
          "1 udp 192.0.2.1 4000 a.example. A\n2 udp 192.0.2.1 4000 b.example. A\n"
          "garbage-frame 5\n");
    CHECK(text(file({tap({.query = Octets(5)})})) == "malformed 1\n");
}

TEST_CASE("a dnstap file that is cut off gives what is whole") {
    const Octets whole = file({tap({.query = a}), tap({.query = b})});
    const std::size_t stop = control_frame(Control::stop).size();
    const std::size_t first =
        control_frame(Control::start).size() + frame(tap({.query = a})).size();
    for (std::size_t size = first; size < whole.size() - stop; ++size) {
        Octets cut = whole;
        cut.resize(size);
        CHECK(text(cut) == std::string("1 udp 192.0.2.1 4000 a.example. A\n") +
                               (size == first ? "" : "cut-short 1\n"));
    }
}

TEST_CASE("frames of something else, and a START that is cut off, are errors") {
    Octets other = control_frame(Control::start);
    other.back() = 'x';
    auto source = open_input(Input::memory(other), {});
    REQUIRE(!source.has_value());
    CHECK(source.error().text() == "memory: unsupported: a frame stream, but not of dnstap");
    Octets cut = control_frame(Control::start);
    cut.resize(20);
    source = open_input(Input::memory(cut), {});
    REQUIRE(!source.has_value());
    CHECK(source.error().code == Errc::malformed);

    Octets broken = file({tap({.query = a})});
    put32(broken, 0);
    put32(broken, 100'000);
    CHECK(text(broken) ==
          "1 udp 192.0.2.1 4000 a.example. A\n"
          "error memory: malformed: a control frame that is none\n");
}

TEST_CASE("a dnstap file goes on behind any of its queries") {
    Octets octets = control_frame(Control::start);
    for (std::uint16_t i = 0; i < 300; ++i) {
        const Octets message = query("n" + std::to_string(i) + ".example.", i);
        put(octets, frame(tap({.query = message})));
        if (i % 3 != 0)
            put(octets, frame(tap({.type = 2, .query = message, .response = answer_to(message)})));
    }
    const Reading all = read(octets, answered);
    REQUIRE(all.queries.size() == 200);
    for (std::size_t i = 0; i < all.queries.size(); i += 13) {
        const Reading rest = read(octets, answered, all.queries[i].position);
        REQUIRE(rest.queries.size() == all.queries.size() - i - 1);
        if (!rest.queries.empty()) CHECK(rest.queries[0].message == all.queries[i + 1].message);
    }
}

TEST_CASE("writers are received at a socket, with and without handshake, several at a time") {
    const testkit::Folder folder;
    const std::string path = folder / "dnstap.sock";
    {
        auto listening = listen_dnstap(path, answered);
        REQUIRE(listening.has_value());
        Source& source = **listening;
        CHECK(source.live());
        struct stat status {};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK((status.st_mode & 0777U) == 0660);
        CHECK(listen_dnstap(path, {}).error().code == Errc::busy);

        const base::Duration before = runtime::monotonic();
        settle(source);
        CHECK((runtime::monotonic() - before).nanoseconds < 1'000'000'000);

        const net::Descriptor polite(connect_to(path)), brief(connect_to(path)),
            stranger(connect_to(path));
        send_all(polite.get(), control_frame(Control::ready));
        settle(source);
        CHECK(receive(polite.get(), control_frame(Control::accept).size()) ==
              control_frame(Control::accept));
        send_all(polite.get(), control_frame(Control::start));
        send_all(brief.get(), control_frame(Control::start));
        // In pieces, one inside of the other's.
        const Octets asked = frame(tap({.query = a}));
        send_all(polite.get(), {asked.begin(), asked.begin() + 30});
        send_all(brief.get(), frame(tap({.type = 2, .query = b, .response = answer_to(b)})));
        CHECK(read_live(source, 1) == std::vector<std::string>{"udp b.example. A -> b.example. A"});
        send_all(polite.get(), {asked.begin() + 30, asked.end()});
        send_all(polite.get(), frame(tap({.type = 2, .response = answer_to(a)})));
        CHECK(read_live(source, 1) == std::vector<std::string>{"udp a.example. A -> a.example. A"});
        send_all(polite.get(), control_frame(Control::stop));
        send_all(stranger.get(), frame(Octets(50, 7)));
        settle(source);
        CHECK(receive(polite.get(), control_frame(Control::finish).size()) ==
              control_frame(Control::finish));
        std::uint8_t octet = 0;
        CHECK(::recv(polite.get(), &octet, 1, 0) == 0);
        CHECK(text_of(source.counts()) == "garbage-frame 1\n");
        CHECK(!source.ended());
    }
    CHECK(folder.files() == 0);
}

TEST_CASE("a socket that a killed process left is taken over, another file is not") {
    const testkit::Folder folder;
    const std::string path = folder / "dnstap.sock";
    testkit::write_file(path, "precious");
    CHECK(listen_dnstap(path, {}).error().code == Errc::exists);
    CHECK(testkit::read_file(path) == "precious");
    ::unlink(path.c_str());
    {
        const net::Descriptor left(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(left.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    CHECK(listen_dnstap(path, {}).has_value());
    CHECK(listen_dnstap(folder / std::string(200, 'x'), {}).error().code == Errc::limit);
}

TEST_CASE("BIND writes its queries and answers to the socket") {
    const testkit::Folder folder;
    // named gives its rights away only when told to: it runs as who runs the test.
    testkit::write_file(folder / "example.zone",
                        "@ 60 SOA ns hm 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n");
    std::uint16_t port = 0;
    { const net::Descriptor free_port = bound_socket(port); }
    testkit::write_file(folder / "named.conf",
                        "options { directory \"" + (folder / "") + "\"; listen-on port " +
                            std::to_string(port) +
                            " { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; notify no;\n"
                            "  pid-file none; session-keyfile none; dnssec-validation no;\n"
                            "  dnstap { auth; }; dnstap-output unix \"" +
                            (folder / "dnstap.sock") +
                            "\"; };\n"
                            "controls {};\n"
                            "zone \"example\" { type primary; file \"example.zone\"; };\n");
    auto listening = listen_dnstap(folder / "dnstap.sock", answered);
    REQUIRE(listening.has_value());
    const Program named({"named", "-f", "-4", "-n", "1", "-U", "1", "-c", folder / "named.conf",
                         "-L", folder / "named.log"});
    // Goes before the server does, which ends only when its writer has been let go.
    const std::unique_ptr<Source> owned = *std::move(listening);
    Source& source = *owned;
    std::uint16_t own_port = 0;
    const net::Descriptor socket = bound_socket(own_port);
    // It answers before it has reached the socket, and again when it has.
    std::vector<std::string> seen;
    bool answers = false;
    Batch batch;
    for (int i = 0; i < 100 && seen.empty(); ++i) {
        send_to(socket, port, query("ns.example.", 7));
        answers = answered_within(socket, 100) || answers;
        REQUIRE(source.read(batch).has_value());
        for (const Query& each : batch.queries()) {
            CHECK(each.client_port == own_port);
            const auto answer = dns::parse_message(each.recorded);
            REQUIRE(answer.has_value());
            CHECK(answer->aa);
            REQUIRE(answer->answer.size() == 1);
            seen.push_back(question_of(each.message) + " " + dns::record_text(answer->answer[0]));
        }
    }
    CHECK_MESSAGE(answers, testkit::read_file(folder / "named.log"));
    REQUIRE(!seen.empty());
    CHECK(seen[0] == "ns.example. A ns.example. 60 A 192.0.2.1");
    CHECK(source.counts().skipped[static_cast<std::size_t>(Skipped::garbage_frame)] == 0);
}

TEST_CASE("an interface gives what passes, answers and all; without the right to, an error") {
    CHECK(listen_interface("no-such-one", {}).error().code ==
          (::geteuid() == 0 ? Errc::not_found : listen_interface("lo", {}).error().code));
    std::uint16_t client_port = 0, server_port = 0;
    const net::Descriptor client = bound_socket(client_port), server = bound_socket(server_port);
    SourceOptions options = answered;
    options.port = server_port;
    auto listening = listen_interface("lo", options);
    if (!listening) {
        CHECK(listening.error().code == Errc::io);
        CHECK(::geteuid() != 0);
        return;
    }
    Source& source = **listening;
    CHECK(source.live());
    const base::Duration before = runtime::monotonic();
    settle(source);
    CHECK((runtime::monotonic() - before).nanoseconds < 1'000'000'000);

    send_to(client, server_port, a);
    send_to(client, server_port, b);
    send_to(server, client_port, answer_to(b));
    send_to(server, client_port, answer_to(a));
    CHECK(read_live(source, 2) == std::vector<std::string>{"udp a.example. A -> a.example. A",
                                                           "udp b.example. A -> b.example. A"});
    // A datagram in fragments: larger than lo's MTU.
    Octets large = answer_to(a);
    large.resize(65'000);
    int buffer = 1 << 20;
    REQUIRE(::setsockopt(server.get(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer) == 0);
    send_to(client, server_port, a);
    send_to(server, client_port, large);
    CHECK(read_live(source, 1).size() == 1);
    CHECK(source.counts().skipped[static_cast<std::size_t>(Skipped::overrun)] == 0);
}

}  // namespace zc::capture
