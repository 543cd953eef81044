#include "server/server.h"

#include <atomic>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/mapped_file.h"
#include "server/test_server.h"
#include "testkit/failing_memory.h"
#include "testkit/folder.h"

using namespace zc;
using namespace zc::server;
using namespace zc::server::test;

TEST_CASE("UDP queries are answered over IPv4 and IPv6, at each of several addresses") {
    const Fixture fixture({}, {at("127.0.0.1"), at("127.0.0.2"), at("::1")}, 2);
    std::uint16_t id = 100;
    for (std::size_t i = 0; i < 3; ++i) {
        const Udp client(fixture.endpoint(i));
        for (int round = 0; round < 5; ++round) {
            const Message response = client.ask(query(++id));
            REQUIRE(response.size() > 12);
            CHECK(id_of(response) == id);
            CHECK(answers_of(response) == 1);
        }
    }
    wait_until([&] { return fixture.server->totals().responses(dns::Transport::udp) == 15; });
    const auto totals = fixture.server->totals();
    CHECK(totals.channels[0][0].queries == 10);
    CHECK(totals.channels[0][1].queries == 5);
    CHECK(totals.responses(dns::Rcode::noerror) == 15);
    CHECK(totals.qtypes[qtype_slot(dns::RrType::a)] == 15);
    CHECK(totals.channels[0][1].response_octets > 5 * 12);
}

TEST_CASE("from a wildcard socket an answer leaves from the address that was asked") {
    const Fixture fixture({}, {at("0.0.0.0"), at("::")});
    for (const char* address : {"127.0.0.1", "127.0.0.77", "127.9.9.9"}) {
        CAPTURE(address);
        const Udp client(
            at(address, fixture.endpoint(0).port));  // connected: hears only from there
        CHECK(client.ask(query(7)).size() > 12);
    }
    const Udp client(at("::1", fixture.endpoint(1).port));
    CHECK(client.ask(query(8)).size() > 12);
}

TEST_CASE("IPv4 and IPv6 wildcards share a port number, and one of them alone is not the other") {
    const std::uint16_t port = Fixture({}, {at("0.0.0.0")}).endpoint().port;
    const Fixture both({}, {at("0.0.0.0", port), at("::", port)});
    CHECK(Udp(at("127.0.0.1", port)).ask(query(1)).size() > 12);
    CHECK(Udp(at("::1", port)).ask(query(1)).size() > 12);
}

TEST_CASE("more queries than a batch are all answered") {
    const Fixture fixture;
    const Udp client(fixture.endpoint());
    constexpr std::uint16_t count = 150;
    for (std::uint16_t id = 0; id < count; ++id) client.send(query(id));
    std::vector<bool> seen(count);
    for (std::uint16_t i = 0; i < count; ++i) {
        const Message response = client.receive();
        REQUIRE(response.size() > 12);
        seen.at(id_of(response)) = true;
    }
    for (const bool answered : seen) CHECK(answered);
}

TEST_CASE("a port that another socket uses is refused with its address, for each transport") {
    const Fixture fixture;
    Options options;
    options.draw_seed = base::numbers_of(base::Seed(5));
    options.listen = {fixture.endpoint()};
    const auto identity = std::make_shared<answer::Identity>();
    const std::string where = to_string(fixture.endpoint());
    CHECK_THROWS_WITH(
        Server(options, *fixture.catalogue, identity),
        ("listen on UDP " + where + ": the port is in use by another socket").c_str());

    const auto tcp_alone = listen_tcp(at("127.0.0.1"), net::Sharing::none);
    REQUIRE(tcp_alone.has_value());
    options.listen = {at("127.0.0.1", *bound_port(*tcp_alone))};
    CHECK_THROWS_WITH(
        Server(options, *fixture.catalogue, identity),
        ("listen on TCP " + to_string(options.listen[0]) + ": the port is in use by another socket")
            .c_str());

    options.listen = {at("192.0.2.1")};
    CHECK_THROWS_WITH(Server(options, *fixture.catalogue, identity),
                      "listen on UDP 192.0.2.1:0: not an address of this machine");
}

TEST_CASE("options out of their range are refused") {
    const auto catalogue = example_catalogue();
    const auto identity = std::make_shared<answer::Identity>();
    Options options;
    options.draw_seed = base::numbers_of(base::Seed(5));
    CHECK_THROWS_WITH(Server(options, *catalogue, identity),
                      "listen: found 0, wanted 1..256");
    options.listen = {at("127.0.0.1")};
    options.settings.rate_limit.burst_seconds = 41;
    CHECK_THROWS_WITH(Server(options, *catalogue, identity),
                      "rrl-burst: found 41, wanted 1..40");

    const Fixture fixture;
    Settings settings;
    settings.tcp.output_octets_max = 1000;
    const auto status = fixture.server->publish(settings);
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().message == "tcp-output: found 1000, wanted 65537..1048576");
}

TEST_CASE("malformed datagrams get an answer or none, and never harm the next query") {
    const Fixture fixture;
    const Udp client(fixture.endpoint());
    std::uint32_t random = 3;
    CHECK(::send(client.fd(), nullptr, 0, 0) == 0);
    for (std::size_t size = 1; size < 300; ++size) {
        Message message(size);
        for (std::uint8_t& octet : message)
            octet = static_cast<std::uint8_t>((random = random * 1'664'525 + 1'013'904'223) >> 24);
        if (size > 2)
            message[2] |= 0x80;  // a response: never answered (RFC 1035 section 4.1.1, and loops)
        client.send(message);
    }
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{11}, std::size_t{5000}, std::size_t{65507}})
        client.send(Message(size, 0xff));
    CHECK(id_of(client.ask(query(0x1234))) == 0x1234);
    wait_until([&] { return dropped(fixture.server->totals(), Drop::malformed) == 304; });
    CHECK(fixture.server->totals().queries(dns::Transport::udp) == 305);
}

TEST_CASE("pipelined TCP queries are all answered, in order") {
    const Fixture fixture;
    const Tcp client(fixture.endpoint());
    Message all;
    constexpr std::uint16_t count = 500;
    for (std::uint16_t id = 0; id < count; ++id) all = std::move(all) + framed(query(id));
    client.send(all);
    for (std::uint16_t id = 0; id < count; ++id) {
        const Message response = client.receive();
        REQUIRE(response.size() > 12);
        CHECK(id_of(response) == id);
    }
    CHECK(answers_of(client.ask(query(9, "big.example.", type_txt))) == 1);
    wait_until(
        [&] { return fixture.server->totals().responses(dns::Transport::tcp) == count + 1; });
}

TEST_CASE("a TCP query that comes octet by octet is answered when it is whole") {
    const Fixture fixture;
    const Tcp client(fixture.endpoint());
    const int on = 1;
    setsockopt(client.fd(), IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    const Message octets = framed(query(1)) + framed(query(2));
    for (const std::uint8_t octet : octets) client.send({octet});
    CHECK(id_of(client.receive()) == 1);
    CHECK(id_of(client.receive()) == 2);
}

TEST_CASE("a client that sends its query and closes its side still gets the answer") {
    const Fixture fixture;
    const Tcp client(fixture.endpoint());
    client.send(framed(query(5)));
    shutdown(client.fd(), SHUT_WR);
    CHECK(id_of(client.receive()) == 5);
    CHECK(client.ended());
}

TEST_CASE("a TCP message too short for a header ends the connection, after the answers before it") {
    const Fixture fixture;
    const Tcp client(fixture.endpoint());
    client.send(framed(query(1)) + Message{0, 3, 1, 2, 3} + framed(query(2)));
    CHECK(id_of(client.receive()) == 1);
    CHECK(client.receive().empty());
    const Tcp zero(fixture.endpoint());
    zero.send({0, 0});
    CHECK(zero.ended());
    wait_until([&] { return fixture.server->totals().connections_open() == 0; });
    CHECK(dropped(fixture.server->totals(), Drop::malformed) == 2);
}

TEST_CASE("an idle TCP connection is closed, also one that never sends its query whole") {
    Settings settings;
    settings.tcp.idle = base::Duration::milliseconds(20);
    const Fixture fixture(settings);
    const Tcp silent(fixture.endpoint());
    const Tcp slow(fixture.endpoint());
    slow.send({0});
    CHECK(silent.ended());
    CHECK(slow.ended());
    CHECK(fixture.server->totals().connections_timed_out == 2);
}

TEST_CASE("a TCP connection ends with its lifetime and with its last allowed query") {
    Settings settings;
    settings.tcp.lifetime = base::Duration{1};
    settings.tcp.queries_max = 100;
    const Fixture fixture(settings);
    const Tcp old(fixture.endpoint());
    CHECK(id_of(old.ask(query(1))) == 1);
    CHECK(old.ended());

    settings.tcp.lifetime = base::Duration::seconds(100);
    settings.tcp.queries_max = 40;  // more than a batch
    REQUIRE(fixture.server->publish(settings).has_value());
    const Tcp busy(fixture.endpoint());
    Message all;
    for (std::uint16_t id = 1; id <= 42; ++id) all = std::move(all) + framed(query(id));
    busy.send(all);
    for (std::uint16_t id = 1; id <= 40; ++id) CHECK(id_of(busy.receive()) == id);
    CHECK(busy.ended());
}

TEST_CASE("connections over the limit are refused, and a freed place can be taken") {
    Settings settings;
    settings.tcp.connections_max = 2;
    const Fixture fixture(settings);
    auto first = std::make_unique<Tcp>(fixture.endpoint());
    const Tcp second(fixture.endpoint());
    CHECK(first->ask(query(1)).size() > 12);
    CHECK(second.ask(query(2)).size() > 12);
    const Tcp third(fixture.endpoint());
    CHECK(third.ended());
    first.reset();
    wait_until([&] { return fixture.server->totals().connections_open() == 1; });
    const Tcp fourth(fixture.endpoint());
    CHECK(fourth.ask(query(4)).size() > 12);
    CHECK(fixture.server->totals().connections_refused == 1);
}

TEST_CASE("at the limit the connection that was idle longest makes room") {
    Settings settings;
    settings.tcp.connections_max = 2;
    settings.tcp.evict_idle = base::Duration{0};
    const Fixture fixture(settings);
    const Tcp first(fixture.endpoint());
    CHECK(first.ask(query(1)).size() > 12);
    const Tcp second(fixture.endpoint());
    CHECK(second.ask(query(2)).size() > 12);
    CHECK(first.ask(query(3)).size() > 12);  // now the second is the idle one
    const Tcp third(fixture.endpoint());
    CHECK(third.ask(query(4)).size() > 12);
    CHECK(second.ended());
    CHECK(first.ask(query(5)).size() > 12);
}

TEST_CASE("one network cannot take all connections") {
    Settings settings;
    settings.tcp.connections_per_prefix_max = 1;
    const Fixture fixture(settings, {at("0.0.0.0")}, 2);
    const Tcp first(at("127.0.0.1", fixture.endpoint().port));
    CHECK(first.ask(query(1)).size() > 12);
    const Tcp second(at("127.0.0.1", fixture.endpoint().port));
    CHECK(second.ended());
}

TEST_CASE("a reader that takes nothing delays nobody, and gets everything when it reads") {
    const Fixture fixture;
    const Tcp slow(fixture.endpoint());
    // 300 answers of 51 kB: more than the system's buffers and ours hold together.
    constexpr std::uint16_t count = 300;
    std::thread writer([&] {
        for (std::uint16_t id = 0; id < count; ++id)
            slow.send(framed(query(id, "big.example.", type_txt)));
    });
    const Tcp quick(fixture.endpoint());
    // The system takes few of them: what waits unsent is limited.
    wait_until([&] { return fixture.server->totals().responses(dns::Transport::tcp) > 2; });
    for (std::uint16_t id = 1; id < 50; ++id) CHECK(id_of(quick.ask(query(id))) == id);
    for (std::uint16_t id = 0; id < count; ++id) {
        const Message response = slow.receive();
        REQUIRE(response.size() > big_octets);
        CHECK(id_of(response) == id);
    }
    writer.join();
    CHECK(id_of(slow.ask(query(7))) == 7);
}

TEST_CASE("a reader that takes nothing for too long is closed") {
    Settings settings;
    settings.tcp.write_stall = base::Duration::milliseconds(20);
    const Fixture fixture(settings);
    const Tcp slow(fixture.endpoint());
    Message all;
    for (std::uint16_t id = 0; id < 300; ++id)
        all = std::move(all) + framed(query(id, "big.example.", type_txt));
    slow.send(all);
    // Two counters: the worker may stand between them.
    wait_until([&] {
        const Totals totals = fixture.server->totals();
        return totals.connections_timed_out == 1 && totals.connections_open() == 0;
    });
}

TEST_CASE("networks that fill the memory for TCP make room for a newcomer") {
    Settings settings;
    settings.tcp.kept_octets_max = TcpLimits::kept_octets_limit.min;  // 4 MiB, 512 KiB for one network
    settings.tcp.idle = base::Duration::seconds(1000);
    const Fixture fixture(settings, {at("0.0.0.0")});
    const net::Endpoint server = at("127.0.0.1", fixture.endpoint().port);
    // Most of a message that never ends, from nine networks, nine of them each: more than there is.
    const Message part = Message{0xff, 0xff} + Message(60'000, 'x');
    std::vector<std::unique_ptr<Tcp>> crowd;
    for (int network = 1; network <= 9; ++network)
        for (int i = 0; i < 9; ++i) {
            crowd.push_back(
                std::make_unique<Tcp>(server, ("127.0." + std::to_string(network) + ".1").c_str()));
            crowd.back()->send(part);
        }
    // Each network was held to its share: of 81 some 72 are open at most, and as many as fit.
    const auto open = [&] { return fixture.server->totals().connections_open(); };
    wait_until([&] { return fixture.server->totals().connections_accepted == 81 && open() <= 72; });
    // A newcomer's question comes in two parts; others let go of memory, not he.
    const Tcp newcomer(server, "127.0.99.1");
    const Message question = framed(query(7));
    newcomer.send(Message(question.begin(), question.begin() + 9));
    wait_until([&] { return fixture.server->totals().connections_accepted == 82; });
    newcomer.send(Message(question.begin() + 9, question.end()));
    CHECK(id_of(newcomer.receive()) == 7);
    // And one who keeps much evicts the crowd, not himself.
    const Tcp large(server, "127.0.98.1");
    large.send(part);
    large.send(Message(65'535 - 60'000, 'x') + framed(query(8)));
    Message answer = large.receive();  // the first may have one
    while (!answer.empty() && id_of(answer) != 8) answer = large.receive();
    CHECK(!answer.empty());
    CHECK(fixture.server->totals().connections_timed_out >= 9);
}

TEST_CASE("a TCP connection for which there is no memory is closed, the others go on") {
    const Fixture fixture;
    const auto connected = [&] {
        auto client = std::make_unique<Tcp>(fixture.endpoint());
        REQUIRE(client->ask(query(1)).size() > 12);
        return client;
    };
    const auto whole = connected();
    const auto part = connected();
    const auto slow = connected();
    {
        const testkit::SparedThread spared;
        const testkit::FailingMemory none(testkit::FailingMemory::all);
        const Tcp newcomer(fixture.endpoint());
        CHECK(newcomer.ended());
        // Part of a message has to be kept, and so have answers that nobody reads.
        part->send(Message{0, 100, 1, 2, 3});
        CHECK(part->ended());
        Message all;
        for (std::uint16_t id = 0; id < 300; ++id)
            all = std::move(all) + framed(query(id, "big.example.", type_txt));
        slow->send(all);
        wait_until([&] { return fixture.server->totals().connections_open() == 1; });
        CHECK(id_of(whole->ask(query(5))) == 5);
    }
    CHECK(fixture.server->totals().connections_refused == 1);
    CHECK(id_of(connected()->ask(query(6))) == 6);
    CHECK(id_of(whole->ask(query(7))) == 7);
}

namespace {

struct CountingTaker final : Taker {
    answer::HandOvers takes() const noexcept override { return {answer::HandOver::update}; }
    std::unique_ptr<Answering> take(const HandedOver&, Waker) noexcept override {
        ++count;
        return nullptr;
    }
    std::atomic<int> count{0};
};

}  // namespace

TEST_CASE("a message for a taker for which there is no memory is answered as without one") {
    CountingTaker taker;
    const Fixture fixture({}, {at("127.0.0.1")}, 1, answer::HashBudget::rounds_per_second, &taker);
    const Tcp tcp(fixture.endpoint());
    const Udp udp(fixture.endpoint());
    Message update = query(2, "example.", 6);
    update[2] = 5 << 3;
    CHECK(id_of(tcp.ask(query(1))) == 1);
    {
        const testkit::SparedThread spared;
        const testkit::FailingMemory none(testkit::FailingMemory::all);
        for (const Message& answer : {tcp.ask(update), udp.ask(update)})
            CHECK((answer.at(3) & 15U) == 5);
    }
    CHECK(taker.count.load() == 0);
    CHECK((tcp.ask(update).at(3) & 15U) == 5);
    CHECK(taker.count.load() == 1);
}

TEST_CASE("one network that fills its share of the memory for TCP loses its own connections") {
    Settings settings;
    settings.tcp.kept_octets_max = TcpLimits::kept_octets_limit.min;
    settings.tcp.idle = base::Duration::seconds(1000);
    const Fixture fixture(settings, {at("0.0.0.0")});
    const net::Endpoint server = at("127.0.0.1", fixture.endpoint().port);
    const Tcp other(server, "127.0.2.1");
    const Message question = framed(query(9));
    other.send(Message(question.begin(), question.begin() + 9));
    const Message part = Message{0xff, 0xff} + Message(60'000, 'x');
    std::vector<std::unique_ptr<Tcp>> crowd;
    for (int i = 0; i < 20; ++i) {
        crowd.push_back(std::make_unique<Tcp>(server, "127.0.1.1"));
        crowd.back()->send(part);
    }
    // 512 KiB are eight of 60,000 octets.
    wait_until([&] { return fixture.server->totals().connections_timed_out == 12; });
    CHECK(fixture.server->totals().connections_open() == 9);
    other.send(Message(question.begin() + 9, question.end()));
    CHECK(id_of(other.receive()) == 9);
}

TEST_CASE("hashing for NSEC3 is counted by each worker, over UDP and TCP") {
    Message question = query(1, "x.w0.costly.");
    question[11] = 1;  // and an OPT record with DO
    question = std::move(question) + Message{0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0};
    const auto rcode = [](const Message& message) { return message.at(3) & 15U; };
    // An answer takes two hashes of 501 rounds, of which 851 count. The number of rounds decides
    // about the first answer, so that no speed does.
    for (const bool is_enough : {true, false}) {
        const Fixture fixture({}, {at("127.0.0.1")}, 1, is_enough ? 10'000 : 1'000);
        Message answer = Udp(fixture.endpoint()).ask(question);
        CHECK(is_truncated(answer) == !is_enough);
        CHECK(rcode(answer) == 0);
        CHECK((answers_of(answer) > 0) == is_enough);
        const Tcp tcp(fixture.endpoint());
        tcp.send(framed(question));
        answer = tcp.receive();
        CHECK_FALSE(is_truncated(answer));
        CHECK(rcode(answer) == (is_enough ? 0U : 2U));
        CHECK((answers_of(answer) > 0) == is_enough);
        // Without DO no proof is needed.
        CHECK(answers_of(Udp(fixture.endpoint()).ask(query(2, "x.w0.costly."))) > 0);
    }
}

TEST_CASE("a listed load balancer's header tells the client, over UDP and TCP") {
    Settings settings;
    settings.proxy_senders = {*dns::parse_prefix("127.0.0.0/8")};
    settings.tcp.connections_per_prefix_max = 1;
    settings.rate_limit = {.mode = RateLimit::Mode::on, .responses_per_second = 1, .slip = 1};
    const Fixture fixture(settings);

    const Udp udp(fixture.endpoint());
    const Message first = udp.ask(proxied("192.0.2.1", query(1)));
    CHECK(id_of(first) == 1);
    CHECK_FALSE(is_truncated(first));
    CHECK_FALSE(is_truncated(
        udp.ask(proxied("198.51.100.1", query(2)))));  // another client, another bucket
    CHECK(is_truncated(udp.ask(proxied("192.0.2.9", query(3)))));

    const Tcp tcp(fixture.endpoint());
    const Message octets = proxied("192.0.2.1", framed(query(4)));
    tcp.send(Message(octets.begin(), octets.begin() + 20));
    tcp.send(Message(octets.begin() + 20, octets.end()));
    CHECK(id_of(tcp.receive()) == 4);
    CHECK(id_of(tcp.ask(query(5))) == 5);  // the header comes once
    const Tcp other(fixture.endpoint());
    other.send(proxied("198.51.100.1", framed(query(6))));
    CHECK(id_of(other.receive()) == 6);
    const Tcp over(fixture.endpoint());
    over.send(proxied("192.0.2.77", framed(query(7))));  // the second of its network
    CHECK(over.ended());
}

TEST_CASE("a listed load balancer without a header gets nothing") {
    Settings settings;
    settings.proxy_senders = {*dns::parse_prefix("127.0.0.1")};
    const Fixture fixture(settings);
    const Udp udp(fixture.endpoint());
    udp.send(query(1));
    CHECK(id_of(udp.ask(proxied("192.0.2.1", query(2)))) == 2);  // the first thing that comes
    const Tcp tcp(fixture.endpoint());
    tcp.send(framed(query(3)));
    CHECK(tcp.ended());
    CHECK(dropped(fixture.server->totals(), Drop::malformed) == 2);
}

TEST_CASE("a PROXY header from anybody else is malformed") {
    Settings settings;
    settings.proxy_senders = {*dns::parse_prefix("192.0.2.0/24")};
    const Fixture fixture(settings);
    const Udp udp(fixture.endpoint());
    udp.send(proxied("192.0.2.1", query(1)));
    CHECK(id_of(udp.ask(query(2))) == 2);
    const Tcp tcp(fixture.endpoint());
    tcp.send(proxied("192.0.2.1", framed(query(3))));
    CHECK(tcp.ended());
    CHECK(dropped(fixture.server->totals(), Drop::malformed) == 2);
}

TEST_CASE(
    "rate limiting drops and slips over UDP, only counts in log-only mode, and leaves TCP alone") {
    Settings settings;
    settings.rate_limit = {.mode = RateLimit::Mode::on, .responses_per_second = 1, .slip = 2};
    const Fixture fixture(settings);
    const Udp udp(fixture.endpoint());
    CHECK(answers_of(udp.ask(query(1))) == 1);
    udp.send(query(2));                         // dropped
    const Message slipped = udp.ask(query(3));  // slips
    CHECK(id_of(slipped) == 3);
    CHECK(is_truncated(slipped));
    CHECK(answers_of(slipped) == 0);
    const Tcp tcp(fixture.endpoint());
    for (std::uint16_t id = 10; id < 20; ++id) CHECK(answers_of(tcp.ask(query(id))) == 1);

    settings.rate_limit.mode = RateLimit::Mode::log_only;
    REQUIRE(fixture.server->publish(settings).has_value());
    for (std::uint16_t id = 20; id < 30; ++id) CHECK(answers_of(udp.ask(query(id))) == 1);
    wait_until([&] { return dropped(fixture.server->totals(), Drop::would_limit) >= 9; });
    CHECK(dropped(fixture.server->totals(), Drop::rate_limited) == 1);
    CHECK(dropped(fixture.server->totals(), Drop::slipped) == 1);
}

TEST_CASE("a client with a valid cookie is not limited") {
    Settings settings;
    settings.rate_limit = {.mode = RateLimit::Mode::on, .responses_per_second = 1, .slip = 1};
    const Fixture fixture(settings);
    const Udp udp(fixture.endpoint());
    const auto with_cookie = [](std::uint16_t id, const Message& cookie) {
        Message message = query(id);
        message[11] = 1;
        const auto size = static_cast<std::uint8_t>(cookie.size());
        return message +
               Message{0, 0,  41, 4,   0xd0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(size + 4),
                       0, 10, 0,  size} +
               cookie;
    };
    const Message client_cookie = {1, 2, 3, 4, 5, 6, 7, 8};
    const Message first = udp.ask(with_cookie(1, client_cookie));
    REQUIRE(first.size() > 24);
    const Message cookie(first.end() - 24,
                         first.end());  // the option ends the message: client and server cookie
    REQUIRE(std::equal(client_cookie.begin(), client_cookie.end(), cookie.begin()));
    for (std::uint16_t id = 2; id < 10; ++id)
        CHECK(answers_of(udp.ask(with_cookie(id, cookie))) == 1);
    CHECK(is_truncated(udp.ask(query(10))));
    CHECK(fixture.server->totals().channels[0][0].cookie_valid == 8);
}

TEST_CASE(
    "what is published is answered from the next batch on, while queries come, and garbage goes") {
    Fixture fixture({}, {at("127.0.0.1")}, 2);
    std::atomic<bool> ending{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 2; ++i) {
        clients.emplace_back([&] {
            const Udp udp(fixture.endpoint());
            const Tcp tcp(fixture.endpoint());
            while (!ending.load()) {
                if (udp.ask(query(1)).size() < 12) wrong.fetch_add(1);
                if (tcp.ask(query(2)).size() < 12) wrong.fetch_add(1);
            }
        });
    }
    const Udp client(fixture.endpoint());
    for (std::uint8_t last = 2; last < 60; ++last) {
        std::vector<catalogue::ApexChange> changes;
        changes.push_back({.apex = name("example."), .image = example_zone(last)});
        auto next = catalogue::Catalogue::with(std::move(fixture.catalogue), std::move(changes));
        fixture.catalogue = std::move(next.catalogue);
        fixture.server->publish(*fixture.catalogue, std::move(next.garbage));
        const Message response = client.ask(query(last));
        REQUIRE(response.size() > 12);
        CHECK(response.back() == last);  // the address ends the message
    }
    auto identity = std::make_shared<answer::Identity>();
    fixture.server->publish(identity);
    ending.store(true);
    for (std::thread& thread : clients) thread.join();
    CHECK(wrong.load() == 0);
    wait_until([&] { return fixture.server->collect() == 0; });
    CHECK(identity.use_count() == 2);
}

TEST_CASE("a publication for which there is no memory changes nothing, and is made later") {
    const Fixture fixture;
    const Udp client(fixture.endpoint());
    const auto old = example_catalogue();
    auto next = std::make_unique<catalogue::Catalogue>(3);
    next->insert({.apex = name("example."), .image = example_zone(77)});
    const auto told = std::make_shared<answer::Identity>();
    Settings settings;
    settings.rate_limit.slip = 7;
    // One allocation more goes well each time: all three do in the end.
    int done = 0;
    for (std::uint64_t number = 1; done < 3; ++number) {
        catalogue::Garbage garbage;
        {
            const testkit::FailingMemory memory(number);
            try {
                if (done == 0) fixture.server->publish(*next, std::move(garbage));
                if (done == 1) fixture.server->publish(told);
                if (done == 2) static_cast<void>(fixture.server->publish(settings));
                ++done;
                number = 0;
            } catch (const std::bad_alloc&) {
            }
        }
        REQUIRE(number < 20);
        const Message response = client.ask(query(1));
        REQUIRE(response.size() > 12);
        CHECK(response.back() == (done == 0 ? 1 : 77));
    }
    // Room made before makes it sure.
    fixture.server->make_room();
    {
        const testkit::FailingMemory memory(testkit::FailingMemory::all);
        fixture.server->publish(*old, catalogue::Garbage());
    }
    CHECK(client.ask(query(2)).back() == 1);
    fixture.server->publish(*fixture.catalogue, catalogue::Garbage());
    wait_until([&] { return fixture.server->collect() == 0; });
}

TEST_CASE("draining answers what has arrived and then takes no more") {
    Fixture fixture({}, {at("127.0.0.1"), at("127.0.0.2")});
    const net::Endpoint endpoint = fixture.endpoint();
    const Tcp open(endpoint);
    CHECK(open.ask(query(1)).size() > 12);
    const Udp udp(endpoint);
    constexpr std::uint16_t count = 100;
    for (std::uint16_t id = 0; id < count; ++id) udp.send(query(id));
    const Tcp waiting(endpoint);
    waiting.send(framed(query(2)));
    open.send(framed(query(3)));
    CHECK(fixture.server->drain(base::Duration::seconds(10)) == 0);
    for (std::uint16_t id = 0; id < count; ++id) CHECK(udp.receive().size() > 12);
    CHECK(id_of(waiting.receive()) == 2);
    CHECK(id_of(open.receive()) == 3);
    CHECK(open.ended());
    CHECK(fixture.server->totals().connections_open() == 0);
}

TEST_CASE("draining lets answers be read until its deadline, and counts who was cut") {
    Message all;
    constexpr std::uint16_t count = 300;
    for (std::uint16_t id = 0; id < count; ++id)
        all = std::move(all) + framed(query(id, "big.example.", type_txt));
    for (const bool reads : {true, false}) {
        Fixture fixture;
        const Tcp slow(fixture.endpoint());
        slow.send(all);
        // The system takes few of them: what waits unsent is limited.
        wait_until([&] { return fixture.server->totals().responses(dns::Transport::tcp) > 2; });
        std::size_t received = 0;
        std::thread reader([&] {
            while (reads && slow.receive().size() > big_octets) ++received;
        });
        const std::size_t cut =
            fixture.server->drain(base::Duration::milliseconds(reads ? 10'000 : 10));
        reader.join();
        CAPTURE(reads);
        CHECK(cut == (reads ? 0 : 1));
        if (reads) CHECK(received == count);
    }
}

TEST_CASE("each table that strangers fill is keyed by a draw of its own") {
    const auto catalogue = example_catalogue();
    std::uint64_t draws = 0;
    Options options;
    options.listen = {at("127.0.0.1")};
    options.workers = 2;
    options.draw_seed = [&draws] { return ++draws; };
    const Server server(options, *catalogue, std::make_shared<answer::Identity>());
    // Connections by network; and of each worker, rates by network and memory kept by network.
    CHECK(draws == 1 + 2 * 2);
}

TEST_CASE("a server that was never started, or is still busy, can be destroyed") {
    const auto catalogue = example_catalogue();
    Options options;
    options.draw_seed = base::numbers_of(base::Seed(5));
    options.listen = {at("127.0.0.1")};
    { const Server idle(options, *catalogue, std::make_shared<answer::Identity>()); }
    const auto fixture =
        std::make_unique<Fixture>(Settings{}, std::vector{at("127.0.0.1"), at("::1")}, 2);
    const Tcp tcp(fixture->endpoint());
    tcp.send({0});
}

TEST_CASE("a zone whose image cannot be read any more gets SERVFAIL, the others are answered") {
    constexpr std::size_t page = 4096;
    const testkit::Folder folder;
    // example. in the first page, and gone. in the second.
    std::string octets;
    for (const zone::Image& image :
         {example_zone(1), zone::placeholder(name("gone."), zone::State::pending)}) {
        octets.append(image.octets().begin(), image.octets().end());
        octets.resize((octets.size() + page - 1) / page * page);
    }
    testkit::write_file(folder / "images", octets);
    const auto file = runtime::MappedFile::open(folder / "images");
    REQUIRE(file);
    const std::size_t second = octets.size() - page;
    catalogue::Catalogue catalogue(5);
    catalogue.insert(
        {.apex = name("example."), .image = catalogue::BorrowedImage{file->octets().data()}});
    catalogue.insert(
        {.apex = name("gone."), .image = catalogue::BorrowedImage{file->octets().data() + second}});
    const Fixture fixture;
    fixture.server->publish(catalogue, catalogue::Garbage());
    REQUIRE(::truncate((folder / "images").c_str(), static_cast<off_t>(second)) == 0);
    const auto rcode = [](const Message& message) { return message.at(3) & 15; };
    const Udp udp(fixture.endpoint());
    const Tcp tcp(fixture.endpoint());
    for (std::uint16_t round = 0; round < 50; ++round) {
        CHECK(answers_of(udp.ask(query(round))) == 1);
        const Message failed = udp.ask(query(round, "www.gone."));
        CHECK(id_of(failed) == round);
        CHECK(rcode(failed) == 2);
        CHECK(rcode(udp.ask(query(round, "www.elsewhere."))) == 5);
    }
    // Also among others of one batch.
    tcp.send(framed(query(1)) + framed(query(2, "a.gone.")) + framed(query(3)));
    CHECK(answers_of(tcp.receive()) == 1);
    CHECK(rcode(tcp.receive()) == 2);
    CHECK(answers_of(tcp.receive()) == 1);
}
