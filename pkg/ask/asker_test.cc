#include "ask/asker.h"

#include <array>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "ask/test_server.h"
#include "dns/message.h"

using namespace zc;
using namespace zc::ask;

namespace {

// Where no answer comes: to be waited for.
constexpr auto short_time = base::Duration::milliseconds(200);

Octets query_for(const std::string& name, std::uint16_t id = 0x1234) {
    return dns::encode_query(*dns::Name::parse(name), dns::RrType::a, {.id = id});
}

std::unique_ptr<Asker> asker_for(const Server& server, Asker::Options options = {}) {
    const std::array<std::optional<Server>, 1> servers = {server};
    auto asker = Asker::open(servers, options);
    REQUIRE(asker.has_value());
    return *std::move(asker);
}

ServerSet first() {
    ServerSet set;
    set.add(0);
    return set;
}

/// Asks in slot 0 and waits until the round is done.
Octets answer_of(Asker& asker, const Octets& query,
                 dns::Transport transport = dns::Transport::udp) {
    const bool is_udp = transport == dns::Transport::udp;
    asker.ask(0, query, is_udp ? first() : ServerSet{}, is_udp ? ServerSet{} : first());
    while (asker.turn(base::Duration::seconds(5)).empty()) {
    }
    Octets answer;
    asker.take_answer(0, 0, answer);
    return answer;
}

std::uint64_t count(const Asker::Counts& counts, Stray stray) {
    return counts.servers[0].strays[static_cast<std::size_t>(stray)];
}
std::uint64_t all_strays(const Asker::Counts& counts) {
    std::uint64_t sum = 0;
    for (const std::uint64_t one : counts.servers[0].strays) sum += one;
    return sum;
}

constexpr auto udp = dns::Transport::udp;
constexpr auto tcp = dns::Transport::tcp;

}  // namespace

TEST_CASE("an answer comes back with the ID of the question, over UDP and over TCP") {
    TestServer server([](const Octets& query, const auto& client) { client.answer(echo(query)); });
    const auto asker = asker_for(server.server());
    for (const auto transport : {udp, tcp, tcp, udp}) {
        const Octets query = query_for("www.example.");
        CHECK(answer_of(*asker, query, transport) == echo(query));
    }
    CHECK(server.connections() == 1);
    CHECK(all_strays(asker->take_counts()) == 0);
    CHECK(asker->held() == 0);
}

TEST_CASE("message IDs are not those of the question and do not repeat") {
    std::mutex mutex;
    std::set<std::uint16_t> seen;
    TestServer server([&](const Octets& query, const auto& client) {
        const std::lock_guard lock(mutex);
        seen.insert(base::load_u16(query.data()));
        client.answer(echo(query));
    });
    constexpr std::size_t questions = 500;
    const auto asker = asker_for(server.server(), {.seed = 77});
    for (std::size_t i = 0; i < questions; ++i) answer_of(*asker, query_for("www.example."));
    const std::lock_guard lock(mutex);
    CHECK(seen.size() == questions);
}

TEST_CASE("a datagram that is lost is sent again, and given up after so many sendings") {
    constexpr int answer_at = 3;
    std::atomic<int> received = 0;
    TestServer server([&](const Octets& query, const auto& client) {
        if (++received == answer_at) client.answer(echo(query));
    });
    const auto asker = asker_for(server.server(), {.timeout = short_time, .sends = 3});
    CHECK_FALSE(answer_of(*asker, query_for("www.example.")).empty());
    CHECK(asker->take_counts().servers[0].repeats == 2);
    CHECK(answer_of(*asker, query_for("www.example.")).empty());
    CHECK(asker->take_counts().servers[0].repeats == 2);
    CHECK(received == 6);
}

TEST_CASE("an answer after its question was given up is late, and not taken for a later one's") {
    std::optional<std::pair<Octets, TestServer::Client>> first;
    TestServer server([&](const Octets& query, const auto& client) {
        if (!first) {
            first = {query, client};
            return;
        }
        first->second.answer(echo(first->first));
        client.answer(echo(query));
    });
    const auto asker = asker_for(server.server(), {.timeout = short_time, .sends = 1});
    CHECK(answer_of(*asker, query_for("www.example.")).empty());
    const Octets query = query_for("www.example.");
    CHECK(answer_of(*asker, query) == echo(query));
    const auto counts = asker->take_counts();
    // The two questions may have left through different sockets, and so may come in either order.
    if (count(counts, Stray::late) == 0) {
        CHECK(all_strays(counts) == 0);
        answer_of(*asker, query);
        CHECK(count(asker->take_counts(), Stray::late) >= 1);
    } else {
        CHECK(all_strays(counts) == 1);
    }
}

TEST_CASE("each kind of stray is counted under its name, and the answer behind it is taken") {
    const int other = ::socket(AF_INET, SOCK_DGRAM, 0);
    REQUIRE(other >= 0);
    std::atomic<Stray> wanted{};
    TestServer server([&](const Octets& query, const auto& client) {
        Octets wrong = echo(query);
        switch (wanted.load()) {
            case Stray::twice:
                break;
            case Stray::other_source:
                client.send_from(other, wrong);
                break;
            case Stray::other_id:
                wrong[0] = static_cast<std::uint8_t>(wrong[0] ^ 0x55);
                client.answer(wrong);
                break;
            case Stray::other_question:
                wrong[13] = 'x';
                client.answer(wrong);
                break;
            case Stray::no_message:
                client.answer(query);             // QR clear
                client.answer(Octets(11, 0xff));  // shorter than a header
                break;
            case Stray::late:
            case Stray::reset:
                break;
        }
        client.answer(echo(query));
        if (wanted == Stray::twice) client.answer(echo(query));
    });
    const auto asker = asker_for(server.server(), {.seed = 3});
    for (const Stray stray :
         {Stray::other_source, Stray::other_id, Stray::other_question, Stray::no_message}) {
        CAPTURE(to_string(stray));
        wanted = stray;
        const Octets query = query_for("www.example.");
        CHECK(answer_of(*asker, query) == echo(query));
        // Datagrams before the answer in the same socket have been read with it; one from another
        // port may be behind it.
        if (stray == Stray::other_source) answer_of(*asker, query);
        const auto counts = asker->take_counts();
        CHECK(count(counts, stray) >= 1);
        CHECK(count(counts, stray) == all_strays(counts));
    }
    wanted = Stray::twice;
    for (int i = 0; i < 20; ++i) answer_of(*asker, query_for("www.example."));
    const auto counts = asker->take_counts();
    CHECK(count(counts, Stray::twice) >= 1);
    CHECK(count(counts, Stray::twice) == all_strays(counts));
    ::close(other);
}

TEST_CASE("letter case may differ in the question of an answer, its type may not") {
    TestServer server([](const Octets& query, const auto& client) {
        Octets wrong = echo(query);
        wrong[wrong.size() - 3] = 28;
        client.answer(wrong);
        Octets right = echo(query);
        for (std::size_t i = 13; i < 16; ++i) right[i] = static_cast<std::uint8_t>(right[i] ^ 0x20);
        client.answer(right);
    });
    const auto asker = asker_for(server.server());
    const Octets answer = answer_of(*asker, query_for("www.example."));
    REQUIRE(answer.size() > 16);
    CHECK(answer[13] == 'W');
    CHECK(count(asker->take_counts(), Stray::other_question) == 1);
}

TEST_CASE("an error without the question is an answer, a NOERROR without it is not") {
    TestServer server([](const Octets& query, const auto& client) {
        Octets bare(query.begin(), query.begin() + 12);
        bare[2] = 0x80;
        std::fill(bare.begin() + 4, bare.end(), std::uint8_t{0});
        client.answer(bare);
        bare[3] = 1;
        client.answer(bare);
    });
    const auto asker = asker_for(server.server());
    const Octets answer = answer_of(*asker, query_for("www.example."));
    REQUIRE(answer.size() == 12);
    CHECK(answer[3] == 1);
    CHECK(count(asker->take_counts(), Stray::other_question) == 1);
}

TEST_CASE("a UDP port that refuses is counted, and the question given up") {
    Server address;
    {
        TestServer gone([](const Octets&, const auto&) {});
        address = gone.server();
    }
    const auto asker = asker_for(address, {.timeout = short_time, .sends = 2});
    CHECK(answer_of(*asker, query_for("www.example.")).empty());
    CHECK(count(asker->take_counts(), Stray::reset) == 2);
}

TEST_CASE("a connection that is closed with a question open is made again") {
    TestServer server([](const Octets& query, const auto& client) {
        if (client.connection == 1)
            *client.close = true;
        else
            client.answer(echo(query));
    });
    const auto asker = asker_for(server.server(), {.timeout = short_time});
    const Octets query = query_for("www.example.");
    CHECK(answer_of(*asker, query, tcp) == echo(query));
    const auto counts = asker->take_counts();
    CHECK(count(counts, Stray::reset) == 1);
    CHECK(all_strays(counts) == 1);
    CHECK(server.connections() == 2);
}

TEST_CASE("a connection that is closed between questions is made again, and nothing is counted") {
    TestServer server([](const Octets& query, const auto& client) {
        client.answer(echo(query));
        *client.close = true;
    });
    const auto asker = asker_for(server.server(), {.timeout = short_time});
    const Octets query = query_for("www.example.");
    for (int i = 0; i < 3; ++i) {
        CHECK(answer_of(*asker, query, tcp) == echo(query));
        // The end of the connection is seen before the next question goes on it.
        static_cast<void>(asker->turn(short_time));
    }
    CHECK(server.connections() == 3);
    CHECK(all_strays(asker->take_counts()) == 0);
}

TEST_CASE("a TCP port that refuses, and one that never answers, end with no answer") {
    SUBCASE("refuses") {
        Server address;
        {
            TestServer gone([](const Octets&, const auto&) {});
            address = gone.server(Server::By::tcp);
        }
        const auto asker = asker_for(address, {.timeout = short_time, .sends = 2});
        CHECK(answer_of(*asker, query_for("www.example."), tcp).empty());
        CHECK(count(asker->take_counts(), Stray::reset) == 2);
    }
    SUBCASE("closes each time") {
        TestServer server([](const Octets&, const auto& client) { *client.close = true; });
        const auto asker = asker_for(server.server(), {.timeout = short_time, .sends = 3});
        CHECK(answer_of(*asker, query_for("www.example."), tcp).empty());
        CHECK(server.connections() == 3);
    }
    SUBCASE("accepts and says nothing") {
        TestServer server([](const Octets&, const auto&) {});
        const auto asker = asker_for(server.server(), {.timeout = short_time, .sends = 3});
        CHECK(answer_of(*asker, query_for("www.example."), tcp).empty());
        CHECK(count(asker->take_counts(), Stray::reset) == 0);
    }
}

TEST_CASE("one question that is never answered does not cost the others on the connection theirs") {
    TestServer server([](const Octets& query, const auto& client) {
        if (query[13] != 'x') client.answer(echo(query));
    });
    const auto asker = asker_for(server.server(), {.timeout = short_time, .sends = 2, .slots = 50});
    std::size_t answered = 0;
    std::size_t done = 0;
    for (std::uint32_t slot = 0; slot < 50; ++slot)
        asker->ask(slot, query_for(slot == 7 ? "x.example." : "www.example."), {}, first());
    while (done < 50)
        for (const std::uint32_t slot : asker->turn(base::Duration::seconds(5))) {
            ++done;
            Octets answer;
            asker->take_answer(slot, 0, answer);
            if (!answer.empty()) ++answered;
            CHECK(answer.empty() == (slot == 7));
        }
    CHECK(answered == 49);
}

TEST_CASE("answers over TCP may come in any pieces and any order") {
    std::vector<Octets> held;
    TestServer server([&](const Octets& query, const auto& client) {
        held.push_back(echo(query));
        if (held.size() < 3) return;
        Octets stream;
        for (std::size_t i = held.size(); i-- > 0;) {
            stream.push_back(static_cast<std::uint8_t>(held[i].size() >> 8));
            stream.push_back(static_cast<std::uint8_t>(held[i].size()));
            stream.insert(stream.end(), held[i].begin(), held[i].end());
        }
        for (const std::uint8_t octet : stream) client.raw({octet});
    });
    const auto asker = asker_for(server.server());
    const std::vector<Octets> queries = {query_for("a.example."), query_for("b.example."),
                                         query_for("c.example.")};
    for (std::uint32_t slot = 0; slot < 3; ++slot) asker->ask(slot, queries[slot], {}, first());
    std::size_t done = 0;
    while (done < 3)
        for (const std::uint32_t slot : asker->turn(base::Duration::seconds(5))) {
            ++done;
            Octets answer;
            asker->take_answer(slot, 0, answer);
            CHECK(answer == echo(queries[slot]));
        }
    CHECK(server.connections() == 1);
}

TEST_CASE("large questions and answers go through one connection whole") {
    constexpr std::uint32_t slots = 200;
    TestServer server([](const Octets& query, const auto& client) { client.answer(echo(query)); });
    const auto asker = asker_for(server.server(), {.slots = slots});
    Octets query = query_for("www.example.");
    query.resize(60'000, 7);
    for (std::uint32_t slot = 0; slot < slots; ++slot) asker->ask(slot, query, {}, first());
    std::size_t done = 0;
    while (done < slots)
        for (const std::uint32_t slot : asker->turn(base::Duration::seconds(5))) {
            ++done;
            Octets answer;
            asker->take_answer(slot, 0, answer);
            CHECK(answer == echo(query));
        }
    CHECK(server.connections() == 1);
    CHECK(asker->held() == 0);
}

TEST_CASE("one round asks some of the servers, and each answers for itself") {
    TestServer first_server(
        [](const Octets& query, const auto& client) { client.answer(echo(query)); });
    TestServer last_server([](const Octets& query, const auto& client) {
        Octets answer = echo(query);
        answer[3] = 5;  // REFUSED
        client.answer(answer);
    });
    const std::array<std::optional<Server>, 3> servers = {first_server.server(), std::nullopt,
                                                          last_server.server(Server::By::tcp)};
    const auto opened = Asker::open(servers, {});
    REQUIRE(opened.has_value());
    Asker& asker = **opened;
    const Octets query = query_for("www.example.");
    ServerSet by_udp, by_tcp;
    by_udp.add(0);
    by_tcp.add(2);
    asker.ask(0, query, by_udp, by_tcp);
    while (asker.turn(base::Duration::seconds(5)).empty()) {
    }
    std::array<Octets, 3> answers;
    for (std::size_t server = 0; server < servers.size(); ++server)
        asker.take_answer(0, server, answers[server]);
    CHECK(answers[0] == echo(query));
    CHECK(answers[1].empty());
    REQUIRE(answers[2].size() == query.size());
    CHECK(answers[2][3] == 5);
    CHECK(asker.held() == 0);
    CHECK(first_server.connections() == 0);
    CHECK(last_server.connections() == 1);
}
