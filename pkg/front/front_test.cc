#include "front/front.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <ctime>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "ask/test_messages.h"
#include "ask/test_server.h"
#include "dns/message.h"
#include "dns/presentation.h"
#include "judge/test_zones.h"
#include "net/proxy.h"
#include "net/socket.h"
#include "runs/test_targets.h"
#include "runtime/clock.h"

using namespace zc;
using namespace zc::runs;
using namespace zc::judge;
using namespace zc::ask;
using namespace zc::front;

namespace {

constexpr auto soon = base::Duration::milliseconds(200);
constexpr auto patience = base::Duration::seconds(20);

std::string name_of(const Octets& query) {
    const auto message = dns::parse_message(query);
    return message && !message->questions.empty() ? dns::to_string(message->questions[0].name) : "";
}

/// Remembers what it was asked, answers with an address.
class Answers {
public:
    explicit Answers(std::uint8_t last_octet = 1, std::set<std::string> silent_for = {})
        : server_([this, last_octet, silent_for](const Octets& query, const auto& client) {
              {
                  const std::scoped_lock lock(mutex_);
                  seen_.push_back(query);
              }
              const auto message = dns::parse_message(query);
              if (!message || message->opcode != dns::Opcode::query) {
                  if (query.size() >= 12) client.answer(echo(query));
                  return;
              }
              if (!silent_for.contains(name_of(query))) client.answer(answer_to(query, last_octet));
          }) {}
    Server server() const { return server_.server(); }
    std::vector<Octets> seen() {
        const std::scoped_lock lock(mutex_);
        return seen_;
    }

private:
    std::mutex mutex_;
    std::vector<Octets> seen_;
    TestServer server_;  // last: it uses what stands before it
};

front::Options options_for(const Target& older, const Target& newer) {
    front::Options out;
    out.listeners = {{*dns::parse_address("127.0.0.1"), 0}};
    out.older = older;
    out.newer = newer;
    out.workers = 1;
    out.timeout = soon;
    return out;
}

class Client {
public:
    Client(const Front& front, int type) : socket_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
        net::SocketAddress to{};
        const socklen_t size = net::put_address(to, front.endpoints().at(0));
        REQUIRE(::connect(socket_.get(), &to.any, size) == 0);
        const timeval limit{.tv_sec = 2, .tv_usec = 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    void send(const Octets& octets) const {
        REQUIRE(::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(octets.size()));
    }
    void send_framed(const Octets& message) const {
        Octets framed = {static_cast<std::uint8_t>(message.size() >> 8),
                         static_cast<std::uint8_t>(message.size())};
        framed.insert(framed.end(), message.begin(), message.end());
        send(framed);
    }
    /// Empty: none within two seconds, or the end.
    Octets receive(std::size_t octets_max = 65535) const {
        Octets out(octets_max);
        const ssize_t got = ::recv(socket_.get(), out.data(), out.size(), 0);
        out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return out;
    }
    Octets receive_framed() const {
        const Octets length = receive(2);
        if (length.size() != 2) return {};
        Octets out;
        while (out.size() < base::load_u16(length.data())) {
            const Octets more = receive(base::load_u16(length.data()) - out.size());
            if (more.empty()) return {};
            out.insert(out.end(), more.begin(), more.end());
        }
        return out;
    }
    void end() const { ::shutdown(socket_.get(), SHUT_WR); }
    /// Goes away without a word.
    void reset() {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        socket_.reset();
    }
    std::uint16_t port() const {
        net::SocketAddress own{};
        socklen_t size = sizeof own;
        ::getsockname(socket_.get(), &own.any, &size);
        return net::endpoint_of(own).port;
    }

private:
    net::Descriptor socket_;
};

/// All that was compared, once `asked` questions have been.
Sums tally_of(Front& front, std::uint64_t asked, std::vector<Sample>* samples = nullptr) {
    Sums sum;
    const base::Duration until = runtime::monotonic() + patience;
    while (sum.asked < asked && runtime::monotonic() < until) {
        Stretch stretch = front.take();
        CHECK(stretch.sums.balanced());
        sum.add(stretch.sums);
        if (samples != nullptr)
            for (Sample& one : stretch.samples) samples->push_back(std::move(one));
        ::poll(nullptr, 0, 1);
    }
    CHECK(sum.asked == asked);
    return sum;
}

}  // namespace

TEST_CASE(
    "a client gets the old server's answer, octet for octet, and the new one is asked the same") {
    Answers older, newer;
    Front front(options_for(target_of(older.server()), target_of(newer.server())));
    const Client client(front, SOCK_DGRAM);
    for (std::uint16_t id = 1; id <= 40; ++id) {
        const Octets query = question(id, "n" + std::to_string(id) + ".example.");
        client.send(query);
        CHECK(client.receive() == answer_to(query, 1));
    }
    const Sums sums = tally_of(front, 40);
    CHECK(sums.compared == 40);
    CHECK(sums.same == 40);
    CHECK(sums.differences() == 0);
    CHECK(newer.seen().size() == 40);
    CHECK(front.passed().queries == 40);
    CHECK(front.passed().answers == 40);
}

TEST_CASE(
    "a difference is counted and kept with both answers, and the client never sees the new one's") {
    Answers older(1), newer(2);
    Front front(options_for(target_of(older.server()), target_of(newer.server())));
    const Client client(front, SOCK_DGRAM);
    const Octets query = question(7, "www.example.");
    client.send(query);
    CHECK(client.receive() == answer_to(query, 1));
    std::vector<Sample> samples;
    const Sums sums = tally_of(front, 1, &samples);
    CHECK(sums.compared == 1);
    CHECK(sums.unexplained == 1);
    REQUIRE(samples.size() == 1);
    CHECK(samples[0].judgement.what == compare::What::answer);
    CHECK(samples[0].older != samples[0].newer);
}

TEST_CASE("a new server that is dead or silent delays nobody, and is told as timed out") {
    Answers older, silent(1, {"www.example."});
    Target dead = target_of(older.server());
    {
        const TestServer gone([](const Octets&, const auto&) {});
        dead = target_of(gone.server());
    }
    for (const Target& newer : {target_of(silent.server()), dead}) {
        Front front(options_for(target_of(older.server()), newer));
        const Client client(front, SOCK_DGRAM);
        const base::Duration start = runtime::monotonic();
        client.send(question(1, "www.example."));
        CHECK(!client.receive().empty());
        CHECK(runtime::monotonic() - start < soon);
        const Sums sums = tally_of(front, 1);
        CHECK(sums.timed_out == 1);
        CHECK(sums.timeouts[static_cast<std::size_t>(Side::newer)] == 1);
        CHECK(sums.by_what[static_cast<std::size_t>(compare::What::timeout)] == 1);
    }
}

TEST_CASE("an old server that is silent for one question still answers the others") {
    Answers older(1, {"mute.example."}), newer;
    front::Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.in_flight_max = 2;  // the silent ones give way
    Front front(options);
    const Client client(front, SOCK_DGRAM);
    for (std::uint16_t id = 1; id <= 10; ++id) client.send(question(id, "mute.example."));
    const Octets query = question(99, "www.example.");
    client.send(query);
    Octets answer = client.receive();
    while (answer.size() >= 12 && base::load_u16(answer.data()) != 99) answer = client.receive();
    CHECK(answer == answer_to(query, 1));
    const Sums sums = tally_of(front, 11);
    CHECK(sums.same == 1);
    CHECK(sums.dropped >= 8);
    CHECK(sums.dropped + sums.timed_out == 10);
    CHECK(front.passed().given_up >= 8);
}

TEST_CASE("a server that answers twice is compared once, and its client answered once") {
    const TestServer older([](const Octets& query, const auto& client) {
        client.answer(answer_to(query, 1));
        client.answer(answer_to(query, 2));
    });
    const TestServer newer([](const Octets& query, const auto& client) {
        client.answer(answer_to(query, 1));
        client.answer(answer_to(query, 3));
    });
    Front front(options_for(target_of(older.server()), target_of(newer.server())));
    const Client client(front, SOCK_DGRAM);
    constexpr std::uint16_t questions = 20;
    Sums sum;
    for (std::uint16_t id = 1; id <= questions; ++id) {
        const Octets query = question(id, "www.example.");
        client.send(query);
        CHECK(client.receive() == answer_to(query, 1));
        // One at a time: who is quicker than the copies that come behind finds no trace of them.
        sum.add(tally_of(front, 1));
    }
    front.stop();
    const auto twice = [](const Sums& sums, Side side) {
        return sums.stray[static_cast<std::size_t>(side)][static_cast<std::size_t>(Stray::twice)];
    };
    sum.add(front.take().sums);
    CHECK(sum.same == questions);
    // A second answer that its server sends much later counts as late.
    CHECK(twice(sum, Side::older) > questions / 2);
    CHECK(twice(sum, Side::newer) > questions / 2);
    CHECK(front.passed().answers == questions);
}

TEST_CASE("what is no query that both may be asked goes to the old server alone") {
    Answers older, newer;
    Front front(options_for(target_of(older.server()), target_of(newer.server())));
    const Client client(front, SOCK_DGRAM);
    Octets update = question(5, "example.", dns::RrType::soa);
    update[2] = 5 << 3;
    client.send(update);
    CHECK(client.receive() == echo(update));
    client.send({1, 2, 3});  // no header: nobody answers
    const Octets query = question(6, "www.example.");
    client.send(query);
    CHECK(client.receive() == answer_to(query, 1));
    const Sums sums = tally_of(front, 1);
    CHECK(sums.same == 1);
    CHECK(older.seen().size() == 3);
    CHECK(newer.seen().size() == 1);
}

TEST_CASE("one query in n is compared, all are answered") {
    Answers older, newer;
    front::Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.one_in = 10;
    Front front(options);
    const Client client(front, SOCK_DGRAM);
    for (std::uint16_t id = 0; id < 100; ++id) {
        client.send(question(id, "www.example."));
        CHECK(!client.receive().empty());
    }
    CHECK(tally_of(front, 10).same == 10);
    CHECK(newer.seen().size() == 10);
}

TEST_CASE("the client's address goes on in a PROXY header to the side that wants it") {
    Answers older, newer;
    front::Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.proxy_to_newer = true;
    options.timeout = base::Duration::seconds(2);
    Front front(options);
    const Client client(front, SOCK_DGRAM);
    client.send(question(1, "www.example."));
    CHECK(!client.receive().empty());
    const Sums sums = tally_of(front, 1);  // the test's server does not know the header
    CHECK(sums.asked == 1);
    REQUIRE(!newer.seen().empty());
    const Octets got = newer.seen()[0];
    const net::ProxyHeader header = net::parse_proxy(got);
    REQUIRE(header.state == net::ProxyHeader::State::complete);
    CHECK(dns::to_string(header.client) == "127.0.0.1");
    CHECK(base::load_u16(&got[24]) == client.port());
    CHECK(got.size() - header.octets == question(1, "www.example.").size());
    CHECK(older.seen()[0].size() == question(1, "www.example.").size());
}

TEST_CASE("a connection is passed on as it is, and what is asked in it is compared") {
    Answers older, newer;
    Front front(options_for(target_of(older.server()), target_of(newer.server())));
    const Client client(front, SOCK_STREAM);
    for (std::uint16_t id = 1; id <= 20; ++id)
        client.send_framed(question(id, "n" + std::to_string(id) + ".example."));
    for (std::uint16_t id = 1; id <= 20; ++id)
        CHECK(client.receive_framed() ==
              answer_to(question(id, "n" + std::to_string(id) + ".example."), 1));
    const Sums sums = tally_of(front, 20);
    CHECK(sums.same == 20);
    CHECK(front.passed().connections == 1);
    client.end();
    CHECK(client.receive().empty());
}

TEST_CASE("a transfer passes through and is not compared") {
    Answers older, newer;
    Front front(options_for(target_of(older.server()), target_of(newer.server())));
    const Client client(front, SOCK_STREAM);
    client.send_framed(question(1, "example.", dns::RrType::axfr));
    CHECK(!client.receive_framed().empty());
    client.send_framed(question(2, "www.example."));
    CHECK(!client.receive_framed().empty());
    CHECK(tally_of(front, 1).same == 1);
    CHECK(newer.seen().size() == 1);
}

TEST_CASE("a new server that closes connections, or refuses them, is no concern of the client's") {
    Answers older;
    const TestServer closes([](const Octets&, const auto& client) { *client.close = true; });
    Target dead;
    {
        const TestServer gone([](const Octets&, const auto&) {});
        dead = target_of(gone.server());
    }
    for (const Target& newer : {target_of(closes.server()), dead}) {
        Front front(options_for(target_of(older.server()), newer));
        const Client client(front, SOCK_STREAM);
        for (std::uint16_t id = 1; id <= 5; ++id) {
            client.send_framed(question(id, "www.example."));
            CHECK(client.receive_framed() == answer_to(question(id, "www.example."), 1));
        }
        const Sums sums = tally_of(front, 5);
        CHECK(sums.same == 0);
        CHECK(sums.timed_out + sums.dropped == 5);
    }
}

TEST_CASE("an old server that refuses connections is what the client finds too") {
    Answers newer;
    Target dead;
    {
        const TestServer gone([](const Octets&, const auto&) {});
        dead = target_of(gone.server());
    }
    Front front(options_for(dead, target_of(newer.server())));
    const Client client(front, SOCK_STREAM);
    CHECK(client.receive().empty());
}

TEST_CASE("whatever is lost, every question is accounted for") {
    std::atomic<unsigned> n{0};
    const auto lossy = [&n](const Octets& query, const auto& client) {
        if (n++ % 3 != 0) client.answer(answer_to(query, 1));
    };
    const TestServer older(lossy), newer(lossy);
    Front front(options_for(target_of(older.server()), target_of(newer.server())));
    const Client client(front, SOCK_DGRAM);
    constexpr std::uint16_t questions = 500;
    for (std::uint16_t id = 0; id < questions; ++id)
        client.send(question(id, "n" + std::to_string(id) + ".example."));
    const Sums sums = tally_of(front, questions);
    CHECK(sums.timed_out > 0);
    CHECK(sums.same > 0);
}

TEST_CASE("what is under way when it stops is still answered, and counted") {
    const TestServer slow([](const Octets& query, const auto& client) {
        ::poll(nullptr, 0, 50);
        client.answer(answer_to(query, 1));
    });
    Answers newer;
    Front front(options_for(target_of(slow.server()), target_of(newer.server())));
    const Client client(front, SOCK_DGRAM);
    client.send(question(1, "www.example."));
    const base::Duration until = runtime::monotonic() + patience;
    while (front.passed().queries == 0 && runtime::monotonic() < until) ::poll(nullptr, 0, 1);
    front.stop();
    CHECK(!client.receive().empty());
    const Stretch rest = front.take();
    CHECK(rest.sums.asked == 1);
    CHECK(rest.sums.same == 1);
}

TEST_CASE(
    "more queries at once than there is room for are sent as they were asked, or not at all") {
    Answers older, newer;
    front::Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.in_flight_max = 4;
    Front front(options);
    const Client client(front, SOCK_DGRAM);
    constexpr std::uint16_t questions = 300;
    for (std::uint16_t id = 0; id < questions; ++id)
        client.send(question(id, "n" + std::to_string(id) + ".example."));
    tally_of(front, questions);
    for (const Octets& query : older.seen()) {
        const auto message = dns::parse_message(query);
        REQUIRE(message.has_value());
        CHECK(message->questions.size() == 1);
        CHECK(message->trailing_octets == 0);
    }
}

TEST_CASE("queries that come at once do not take each other's slots before they are sent") {
    Answers older, newer;
    front::Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.in_flight_max = 2;
    Front front(options);
    const Client client(front, SOCK_DGRAM);
    constexpr std::uint16_t questions = 200;
    for (std::uint16_t id = 0; id < questions; ++id)
        client.send(question(id, std::string(1 + id % 60, 'x') + ".n" + std::to_string(id) + "."));
    tally_of(front, questions);
    const std::vector<Octets> seen = older.seen();
    std::set<std::string> names;
    for (const Octets& query : seen) names.insert(name_of(query));
    CHECK(seen.size() == questions);
    CHECK(names.size() == questions);
}

TEST_CASE("who was never asked has not timed out") {
    Answers older(1, {"mute.example."}), newer;
    front::Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.timeout = base::Duration::milliseconds(90);
    Front front(options);
    const Client client(front, SOCK_DGRAM);
    constexpr std::uint16_t questions = 20;
    for (std::uint16_t id = 0; id < questions; ++id) client.send(question(id, "mute.example."));
    const Sums sums = tally_of(front, questions);
    // Nearly none: half of that time may be little on a busy machine.
    CHECK(sums.timeouts[static_cast<std::size_t>(Side::newer)] < questions / 2);
    CHECK(sums.timed_out + sums.dropped == questions);
}

TEST_CASE("an answer goes to the client even where its question is not understood here") {
    const TestServer older([](const Octets& query, const auto& client) {
        Octets answer(query.begin(), query.begin() + 12);
        answer[2] = 0x80;
        answer[3] = 1;  // FORMERR, without a question
        answer[5] = 0;
        client.answer(answer);
    });
    Answers newer;
    Front front(options_for(target_of(older.server()), target_of(newer.server())));
    const Client client(front, SOCK_DGRAM);
    Octets query = question(3, "www.example.");
    query[5] = 2;  // two questions, so it says
    client.send(query);
    CHECK(!client.receive().empty());
}

TEST_CASE("the ID alone makes no answer, nor another question, nor another port of ours") {
    std::mutex mutex;
    std::map<std::uint16_t, sockaddr_in> ports;
    const TestServer older([&](const Octets& query, const auto& client) {
        sockaddr_in other{};
        {
            const std::scoped_lock lock(mutex);
            ports[client.from.sin_port] = client.from;
            for (const auto& [port, from] : ports)
                if (port != client.from.sin_port) other = from;
        }
        Octets without(query.begin(), query.begin() + 12);
        without[2] = 0x80;
        without[5] = 0;
        client.answer(without);
        client.answer(answer_to(question(base::load_u16(query.data()), "forged.example."), 2));
        client.answer(answer_to(question(base::load_u16(query.data()), "www.example."), 3));
        if (other.sin_port != 0) {
            auto elsewhere = client;
            elsewhere.from = other;
            elsewhere.answer(answer_to(query, 4));
        }
        client.answer(answer_to(query, 1));
    });
    Answers newer;
    Front front(options_for(target_of(older.server()), target_of(newer.server())));
    const Client client(front, SOCK_DGRAM);
    constexpr std::uint16_t questions = 100;
    for (std::uint16_t id = 1; id <= questions; ++id) {
        const Octets query = question(id, "wWw.eXample.");
        client.send(query);
        CHECK(client.receive() == answer_to(query, 1));
    }
    front.stop();
    const Sums sums = front.take().sums;
    const auto strays = [&](Stray what) {
        return sums.stray[static_cast<std::size_t>(Side::older)][static_cast<std::size_t>(what)];
    };
    CHECK(sums.same == questions);
    CHECK(strays(Stray::other_question) == 3 * questions);
    CHECK(strays(Stray::other_source) + strays(Stray::late) >= questions / 2);
    CHECK(strays(Stray::other_source) > 0);
    const std::scoped_lock lock(mutex);
    CHECK(ports.size() >= 32);  // drawn from 128
}

TEST_CASE("a front is never its own target, by whatever name") {
    Answers other;
    struct Row {
        const char *listener, *target;
    };
    for (const Row& row : {Row{"127.0.0.1", "127.0.0.1"}, Row{"127.0.0.1", "0.0.0.0"},
                           Row{"127.0.0.1", "::ffff:127.0.0.1"}, Row{"0.0.0.0", "127.0.0.1"},
                           Row{"0.0.0.0", "127.1.2.3"}, Row{"0.0.0.0", "::ffff:127.0.0.1"}}) {
        const net::Endpoint listener{*dns::parse_address(row.listener), 0};
        std::uint16_t port = 0;
        {
            const auto socket = net::bind_udp(listener, net::Sharing::none);
            REQUIRE(socket.has_value());
            port = *net::bound_port(*socket);
        }
        const net::Endpoint target{*dns::parse_address(row.target), port};
        const Target itself = *parse_target(net::to_string(target));
        for (const bool as_older : {true, false}) {
            front::Options options = options_for(as_older ? itself : target_of(other.server()),
                                                 as_older ? target_of(other.server()) : itself);
            options.listeners = {{listener.address, port}};
            INFO(row.listener, " ", row.target);
            std::string error;
            try {
                const Front front(options);
            } catch (const std::runtime_error& refused) {
                error = refused.what();
            }
            CHECK(error.find("is the front itself") != std::string::npos);
        }
    }
}

TEST_CASE("who finds no room is told so by SERVFAIL") {
    std::vector<std::pair<Octets, TestServer::Client>> held;  // of the server's thread
    const TestServer older([&held](const Octets& query, const auto& client) {
        if (name_of(query) == "mute.example.") {
            held.emplace_back(query, client);
            return;
        }
        client.answer(answer_to(query, 1));
        for (const auto& [question, asker] : held) asker.answer(answer_to(question, 1));
    });
    Answers newer;
    front::Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.in_flight_max = 2;
    options.timeout = patience;
    Front front(options);
    const Client client(front, SOCK_DGRAM);
    constexpr std::uint16_t questions = 70;  // more than a batch
    for (std::uint16_t id = 1; id <= questions; ++id) {
        client.send(question(id, "mute.example."));
        if (id <= 2) continue;
        const auto answer = dns::parse_message(client.receive());
        REQUIRE(answer.has_value());
        CHECK(answer->id == id - 2);
        CHECK(answer->qr);
        CHECK(answer->rcode == dns::Rcode::servfail);
        REQUIRE(answer->questions.size() == 1);
        CHECK(dns::to_string(answer->questions[0].name) == "mute.example.");
    }
    CHECK(front.passed().given_up == questions - 2);
    // Octets that are no query get no answer: one that answers them would go on for ever.
    Octets response = question(500, "mute.example.");
    response[2] |= 0x80;
    for (int i = 0; i < 4; ++i) client.send(response);
    const Octets query = question(501, "www.example.");
    client.send(query);
    std::size_t told = 0;
    for (Octets answer = client.receive(); answer != answer_to(query, 1);
         answer = client.receive()) {
        REQUIRE(answer.size() >= 12);
        CHECK(base::load_u16(answer.data()) != 500);
        ++told;
    }
    CHECK(told == 2);
}

TEST_CASE("a client that goes away does not make the old server one that does not answer") {
    const TestServer slow([](const Octets&, const auto&) {});
    Answers newer;
    front::Options options = options_for(target_of(slow.server()), target_of(newer.server()));
    options.timeout = base::Duration::seconds(10);
    Front front(options);
    Client client(front, SOCK_STREAM);
    client.send_framed(question(1, "www.example."));
    const base::Duration until = runtime::monotonic() + patience;
    while (newer.seen().empty() && runtime::monotonic() < until) ::poll(nullptr, 0, 1);
    client.reset();
    const Sums sums = tally_of(front, 1);
    CHECK(sums.dropped == 1);
    CHECK(sums.timed_out == 0);
}

TEST_CASE("a client that takes nothing is not kept for ever") {
    const TestServer older([](const Octets& query, const auto& client) {
        const Octets block(16 << 20);
        client.raw(block);
        static_cast<void>(query);
    });
    Answers newer;
    front::Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.tcp_idle = base::Duration::milliseconds(300);
    Front front(options);
    const Client client(front, SOCK_STREAM);
    client.send_framed(question(1, "example.", dns::RrType::axfr));
    const base::Duration until = runtime::monotonic() + patience;
    while (front.passed().connections == 0 && runtime::monotonic() < until) ::poll(nullptr, 0, 1);
    while (front.passed().connections != 0 && runtime::monotonic() < until) ::poll(nullptr, 0, 1);
    CHECK(front.passed().connections == 0);
}

TEST_CASE("a silent new server keeps no TCP client away") {
    Answers older, silent(1, {"www.example."});
    front::Options options = options_for(target_of(older.server()), target_of(silent.server()));
    options.timeout = base::Duration::seconds(2);
    options.tcp_clients_max = 2;
    constexpr std::uint16_t clients = 10;
    Front front(options);
    for (std::uint16_t id = 1; id <= clients; ++id) {
        const Client client(front, SOCK_STREAM);
        client.send_framed(question(id, "www.example."));
        CHECK(client.receive_framed() == answer_to(question(id, "www.example."), 1));
        client.end();
        CHECK(client.receive().empty());
    }
    CHECK(front.passed().given_up == 0);
    // The new server owes answers to more clients than there may be: nobody waits for them.
    CHECK(tally_of(front, clients - options.tcp_clients_max).dropped ==
          clients - options.tcp_clients_max);
}

TEST_CASE("the front has descriptors for all its clients, and waits quietly where it has not") {
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit low = before;
    low.rlim_cur = std::min<rlim_t>(before.rlim_max, 256);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    Answers older, newer;
    const front::Options options =
        options_for(target_of(older.server()), target_of(newer.server()));
    Front front(options);
    rlimit raised{};
    ::getrlimit(RLIMIT_NOFILE, &raised);
    CHECK(raised.rlim_cur >= std::min<rlim_t>(before.rlim_max, 3 * options.tcp_clients_max));

    const Client client(front, SOCK_STREAM);
    client.send_framed(question(1, "www.example."));
    CHECK(!client.receive_framed().empty());
    CHECK(tally_of(front, 1).same == 1);
    const base::Duration until = runtime::monotonic() + patience;
    const net::Descriptor second(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    low.rlim_cur = 3;  // less than are open
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    net::SocketAddress to{};
    const socklen_t size = net::put_address(to, front.endpoints().at(0));
    REQUIRE(::connect(second.get(), &to.any, size) == 0);
    const std::clock_t start = std::clock();
    ::poll(nullptr, 0, 500);
    CHECK(std::clock() - start < CLOCKS_PER_SEC / 4);
    CHECK(front.passed().connections == 1);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    while (front.passed().connections == 1 && runtime::monotonic() < until) ::poll(nullptr, 0, 1);
    CHECK(front.passed().connections == 2);
}

TEST_CASE("datagrams that get lost on the way to the new server are no silence of it") {
    std::mutex mutex;
    std::map<std::string, int> seen;
    const TestServer forgetful([&](const Octets& query, const auto& client) {
        const std::scoped_lock lock(mutex);
        if (++seen[name_of(query)] > 2) client.answer(answer_to(query, 1));
    });
    Answers older;
    // Without a way to ask again later: a server that wants PROXY headers.
    front::Options options = options_for(target_of(older.server()), target_of(forgetful.server()));
    options.proxy_to_older = true;
    const TestServer strips([&](const Octets& query, const auto& client) {
        const net::ProxyHeader header = net::parse_proxy(query);
        const Octets rest(query.begin() + static_cast<std::ptrdiff_t>(header.octets), query.end());
        client.answer(answer_to(rest, 1));
    });
    options.older = target_of(strips.server());
    options.timeout = base::Duration::milliseconds(600);
    Front front(options);
    const Client client(front, SOCK_DGRAM);
    constexpr std::uint16_t questions = 10;
    for (std::uint16_t id = 1; id <= questions; ++id) {
        client.send(question(id, "n" + std::to_string(id) + ".example."));
        CHECK(!client.receive().empty());
    }
    const Sums sums = tally_of(front, questions);
    CHECK(sums.same == questions);
    CHECK(sums.timed_out == 0);
    CHECK(sums.repeats[static_cast<std::size_t>(Side::newer)] == 2 * questions);
}

TEST_CASE("a question that only one side has answered is asked again before it counts") {
    for (const Side lossy : {Side::older, Side::newer}) {
        std::atomic<int> lost{0};
        const TestServer loses([&](const Octets& query, const auto& client) {
            // By TCP the new one takes the question and closes.
            if (client.tcp && lost++ == 0)
                *client.close = true;
            else if (client.tcp || lost++ > 0)
                client.answer(answer_to(query, 1));
        });
        Answers fine;
        const bool is_older = lossy == Side::older;
        Front front(is_older ? options_for(target_of(loses.server()), target_of(fine.server()))
                             : options_for(target_of(fine.server()), target_of(loses.server())));
        const Client client(front, is_older ? SOCK_DGRAM : SOCK_STREAM);
        if (is_older)
            client.send(question(1, "www.example."));
        else
            client.send_framed(question(1, "www.example."));
        const Sums sums = tally_of(front, 1);
        CHECK(sums.same == 1);
        CHECK(sums.differences() == 0);
        CHECK(sums.repeats[static_cast<std::size_t>(lossy)] == 1);
    }
}

TEST_CASE("a difference stays what it was when nobody answers who is asked again") {
    std::atomic<int> asked{0};
    const TestServer once([&](const Octets& query, const auto& client) {
        if (asked++ == 0) client.answer(answer_to(query, 2));
    });
    Answers older;
    Front front(options_for(target_of(older.server()), target_of(once.server())));
    const Client client(front, SOCK_DGRAM);
    client.send(question(1, "www.example."));
    CHECK(!client.receive().empty());
    std::vector<Sample> samples;
    const Sums sums = tally_of(front, 1, &samples);
    CHECK(sums.timed_out == 0);
    CHECK(sums.compared == 1);
    CHECK(sums.unexplained == 1);
    CHECK(sums.unconfirmed == 1);
    CHECK(sums.by_what[static_cast<std::size_t>(compare::What::answer)] == 1);
    REQUIRE(samples.size() == 1);
    CHECK(!samples[0].newer.empty());
}

TEST_CASE("signatures of the very answer that stood beside the client's have to verify") {
    catalogue::Catalogue zones(5);
    insert_signed_zone(zones);
    const ZoneServer older(zones);
    std::atomic<unsigned> answers{0};
    // As one bad server of two behind one address.
    const ZoneServer newer(zones, [&](const std::string& name, bool, Octets& response) {
        if (!name.ends_with("DNSKEY")) sign_otherwise(response, answers++ % 2 == 0);
    });
    Front front(options_for(target_of(older.server()), target_of(newer.server())));
    const Client client(front, SOCK_DGRAM);
    client.send(signed_query("nsec.example."));
    CHECK(!client.receive().empty());
    const Sums sums = tally_of(front, 1);
    CHECK(sums.same == 0);
    CHECK(sums.unexplained == 1);
    CHECK(sums.by_what[static_cast<std::size_t>(compare::What::proofs)] == 1);
}

TEST_CASE("signatures that were asked for by name, without DO, are no better than others") {
    catalogue::Catalogue zones(5);
    insert_signed_zone(zones);
    const ZoneServer older(zones);
    bool bad = false;
    SUBCASE("good") {}
    SUBCASE("bad") {
        bad = true;
    }
    const ZoneServer newer(zones, [bad](const std::string& name, bool, Octets& response) {
        if (name.ends_with(" RRSIG")) sign_otherwise(response, bad);
    });
    Front front(options_for(target_of(older.server()), target_of(newer.server())));
    const Client client(front, SOCK_STREAM);
    client.send_framed(question(1, "nsec.example.", dns::RrType::rrsig));
    CHECK(!client.receive_framed().empty());
    const Sums sums = tally_of(front, 1);
    CHECK(sums.same == (bad ? 0 : 1));
    CHECK(sums.unexplained == (bad ? 1 : 0));
}

TEST_CASE("what is not asked again any more has its signatures verified all the same") {
    catalogue::Catalogue zones(5);
    insert_signed_zone(zones);
    // The old server is wrong each time, so nearly all is explained.
    const ZoneServer older(zones, [](const std::string&, bool, Octets& response) {
        response[2] &= 0xfbU;  // AA
    });
    std::atomic<bool> bad{false};
    const ZoneServer newer(zones, [&](const std::string& name, bool, Octets& response) {
        if (!name.ends_with("DNSKEY")) sign_otherwise(response, bad);
    });
    catalogue::Catalogue without_keys(6);
    insert_signed_zone(without_keys, false);
    front::Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.zones_or_null = &zones;
    SUBCASE("by the keys of zone data") {}
    SUBCASE("by those that the servers give") {
        options.zones_or_null = &without_keys;
    }
    Front front(options);
    const Client client(front, SOCK_DGRAM);
    constexpr unsigned many = 80;  // more than are asked again of one cause
    const auto ask = [&](unsigned count) {
        Sums sum;
        for (unsigned i = 0; i < count; ++i) {
            client.send(signed_query("nsec.example."));
            CHECK(!client.receive().empty());
            sum.add(tally_of(front, 1));
        }
        return sum;
    };
    CHECK(ask(many).explained == many);
    bad = true;
    CHECK(ask(5).unexplained == 5);
}

namespace {

/// Authoritative, of one record.
Octets answer_with(const Octets& query, dns::RrType type, const std::string& rdata) {
    auto message = *dns::parse_message(answer_to(query, 1));
    dns::Record& record = message.answer.at(0);
    record.type = type;
    record.rdata.clear();
    REQUIRE(dns::parse_rdata(rdata, type, {}, record.rdata).has_value());
    return *dns::encode_message(message);
}

/// As of a zone whose version is `serial`; counts how often it was asked for that.
TestServer::Handler version_of(const std::atomic<std::uint8_t>& serial,
                               std::atomic<int>* asked_or_null = nullptr) {
    return [&serial, asked_or_null](const Octets& query, const auto& client) {
        const std::uint8_t version = serial;
        if (asked_or_null != nullptr &&
            dns::parse_message(query)->questions[0].type == dns::RrType::soa)
            ++*asked_or_null;
        client.answer(dns::parse_message(query)->questions[0].type == dns::RrType::soa
                          ? answer_with(query, dns::RrType::soa,
                                        "ns. host. " + std::to_string(version) + " 1 2 3 4")
                          : answer_to(query, version));
    };
}

}  // namespace

TEST_CASE("a zone that changes on one side first is in flight for all that ask meanwhile") {
    std::atomic<std::uint8_t> older_serial{2}, newer_serial{1};
    std::atomic<int> asked{0};
    const TestServer older(version_of(older_serial)), newer(version_of(newer_serial, &asked));
    front::Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.lag = base::Duration::seconds(60);
    Front front(options);
    const Client client(front, SOCK_DGRAM);
    // Many of one question, and more others of the same cause than are asked again once they stay.
    constexpr std::uint16_t alike = 300, others = 150;
    for (std::uint16_t id = 1; id <= alike + others; ++id) {
        client.send(
            question(id, id <= alike ? "www.example." : "n" + std::to_string(id) + ".example."));
        CHECK(!client.receive().empty());
    }
    Sums sums = tally_of(front, 0);
    // Until all have been found to be of two versions.
    const base::Duration until = runtime::monotonic() + patience;
    while (asked <= others && runtime::monotonic() < until) ::poll(nullptr, 0, 1);
    ::poll(nullptr, 0, 100);
    newer_serial = 2;
    sums.add(tally_of(front, alike + others - sums.asked));
    CHECK(sums.by_verdict[static_cast<std::size_t>(compare::Verdict::in_flight)] == alike + others);
    CHECK(sums.explained == alike + others);
    CHECK(sums.unexplained == 0);
}

TEST_CASE("versions that never meet do not hold up the end, nor what is asked again beside them") {
    std::atomic<std::uint8_t> older_serial{2}, newer_serial{1};
    std::atomic<int> lost{0};
    const TestServer older(version_of(older_serial));
    const auto answer = version_of(newer_serial);
    const TestServer newer([&](const Octets& query, const auto& client) {
        if (name_of(query) != "lost.example.")
            answer(query, client);
        else if (lost++ >= 3)  // the copies that the front sends
            client.answer(answer_to(query, 2));
    });
    front::Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.lag = base::Duration::seconds(3600);
    Front front(options);
    const Client client(front, SOCK_DGRAM);
    client.send(question(1, "www.example."));
    CHECK(!client.receive().empty());
    ::poll(nullptr, 0, 100);  // its zone is found to differ, and it waits
    client.send(question(2, "lost.example."));
    CHECK(!client.receive().empty());
    const Sums beside = tally_of(front, 1);
    CHECK(beside.same == 1);
    CHECK(beside.repeats[static_cast<std::size_t>(Side::newer)] > 0);
    const base::Duration start = runtime::monotonic();
    front.stop();
    CHECK(runtime::monotonic() - start < base::Duration::seconds(5));
    const Sums rest = front.take().sums;
    CHECK(rest.asked == 1);
    CHECK(rest.unexplained == 1);
}

TEST_CASE("a truncation explains nothing while a whole answer is missing") {
    const auto handler = [](bool cuts) {
        return [cuts](const Octets& query, const auto& client) {
            if (client.tcp && cuts) {
                *client.close = true;
                return;
            }
            std::string texts;
            for (char letter = 'a'; letter < 'h'; ++letter)
                texts += '"' + std::string(200, letter) + "\" ";
            Octets answer = answer_with(query, dns::RrType::txt, texts);
            if (cuts) {
                auto message = *dns::parse_message(answer);
                message.answer.clear();
                message.tc = true;
                if (message.edns) message.edns->udp_octets = 1232;
                answer = *dns::encode_message(message);
            }
            client.answer(answer);
        };
    };
    const TestServer whole(handler(false)), cut(handler(true));
    bool is_newer_cut = false;
    SUBCASE("of the new server") {
        is_newer_cut = true;
    }
    SUBCASE("of the old server") {}
    Front front(is_newer_cut ? options_for(target_of(whole.server()), target_of(cut.server()))
                             : options_for(target_of(cut.server()), target_of(whole.server())));
    const Client client(front, SOCK_DGRAM);
    dns::QueryOptions query_options;
    query_options.edns = dns::Edns{.udp_octets = 4096};
    client.send(
        dns::encode_query(*dns::Name::parse("www.example."), dns::RrType::txt, query_options));
    CHECK(!client.receive().empty());
    std::vector<Sample> samples;
    const Sums sums = tally_of(front, 1, &samples);
    CHECK(sums.compared == 1);
    CHECK(sums.unexplained == 1);
    REQUIRE(samples.size() == 1);
    CAPTURE(samples[0].judgement.sentence);
    const auto verdict = is_newer_cut ? compare::Verdict::newer_wrong : compare::Verdict::undecided;
    CHECK(sums.by_verdict[static_cast<std::size_t>(verdict)] == 1);
    CHECK(samples[0].judgement.sentence.find("over TCP") != std::string::npos);
}

TEST_CASE("a silent new server does not hold up the end, whatever waits for it") {
    Answers older, silent(1, {"www.example."});
    front::Options options = options_for(target_of(older.server()), target_of(silent.server()));
    options.in_flight_max = 1;
    Front front(options);
    const Client client(front, SOCK_DGRAM);
    constexpr std::uint16_t questions = 200;
    for (std::uint16_t id = 1; id <= questions; ++id) {
        client.send(question(id, "www.example."));
        CHECK(!client.receive().empty());
    }
    const base::Duration start = runtime::monotonic();
    front.stop();
    // Two timeouts, and room for a busy machine.
    CHECK(runtime::monotonic() - start < base::Duration::seconds(3));
    const Sums rest = front.take().sums;
    CHECK(rest.balanced());
    CHECK(rest.timed_out + rest.dropped == questions);
}

TEST_CASE("all sockets to the new server are used, however few questions there are") {
    std::mutex mutex;
    std::map<std::uint16_t, int> ports;
    const TestServer newer([&](const Octets& query, const auto& client) {
        {
            const std::scoped_lock lock(mutex);
            ++ports[client.from.sin_port];
        }
        client.answer(answer_to(query, 1));
    });
    Answers older;
    Front front(options_for(target_of(older.server()), target_of(newer.server())));
    const Client client(front, SOCK_DGRAM);
    constexpr std::uint16_t questions = 40;
    for (std::uint16_t id = 1; id <= questions; ++id) {
        client.send(question(id, "www.example."));
        CHECK(!client.receive().empty());
        tally_of(front, 1);
    }
    const std::scoped_lock lock(mutex);
    CHECK(ports.size() == 4);
    for (const auto& [port, count] : ports) CHECK(count >= questions / 8);
}

TEST_CASE("what TCP clients wait for when it stops is passed on, compared or not, transfers too") {
    constexpr int messages = 8;
    const TestServer slow([&](const Octets& query, const auto& client) {
        const auto parsed = dns::parse_message(query);
        const bool transfer = parsed && parsed->questions.at(0).type == dns::RrType::axfr;
        // A transfer takes longer than the timeout of an answer.
        for (int i = 0; i < (transfer ? messages : 1); ++i) {
            ::poll(nullptr, 0, 60);
            client.answer(answer_to(query, 1));
        }
    });
    Answers newer;
    front::Options options = options_for(target_of(slow.server()), target_of(newer.server()));
    options.one_in = 1000;
    Front front(options);
    const Client other(front, SOCK_STREAM);
    other.send_framed(question(1, "first.example."));  // the one that is compared
    CHECK(!other.receive_framed().empty());
    const Client client(front, SOCK_STREAM), secondary(front, SOCK_STREAM);
    const base::Duration until = runtime::monotonic() + patience;
    const auto wait_for = [&](std::uint64_t queries) {
        while (front.passed().queries < queries && runtime::monotonic() < until)
            ::poll(nullptr, 0, 1);
    };
    client.send_framed(question(2, "www.example."));
    wait_for(2);
    secondary.send_framed(question(3, "example.", dns::RrType::axfr));
    wait_for(3);
    const base::Duration start = runtime::monotonic();
    std::thread stopping([&] { front.stop(); });
    CHECK(!client.receive_framed().empty());
    for (int i = 0; i < messages; ++i) CHECK(!secondary.receive_framed().empty());
    stopping.join();
    CHECK(runtime::monotonic() - start < base::Duration::seconds(5));
    CHECK(other.receive().empty());
}
