#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "server/taker.h"
#include "server/test_server.h"

using namespace zc;
using namespace zc::server;
using namespace zc::server::test;

namespace {

using answer::HandOver;

/// A message that the taker has, and the answer that a test gives to it.
struct Taken {
    HandOver kind{};
    Message message;
    dns::Transport transport{};
    dns::Address client;
    Waker waker;
    std::mutex mutex;
    std::deque<Message> messages;      // to be given
    bool ends = false;                 // with the last of them
    std::atomic<bool> is_gone{false};  // nobody waits for it

    void give(const Message& octets, bool is_last) {
        {
            const std::lock_guard lock(mutex);
            messages.push_back(octets);
            ends = is_last;
        }
        waker.wake();
    }
    void give_up() {
        {
            const std::lock_guard lock(mutex);
            ends = true;
        }
        waker.wake();
    }
    /// A response of that size to the message.
    Message response(std::size_t octets = 12) const {
        Message out(octets, 'x');
        std::copy_n(message.begin(), 4, out.begin());
        out[2] |= 0x80;
        return out;
    }
};

/// Answers when a test says so, from the test's thread.
class Later final : public Answering {
public:
    explicit Later(std::shared_ptr<Taken> taken) : taken_(std::move(taken)) {}
    ~Later() override { taken_->is_gone.store(true); }
    Next next(base::MutableOctets room) noexcept override {
        const std::lock_guard lock(taken_->mutex);
        if (taken_->messages.empty()) return {taken_->ends ? Next::Is::none : Next::Is::later, 0};
        const Message message = std::move(taken_->messages.front());
        taken_->messages.pop_front();
        std::copy_n(message.begin(), std::min(message.size(), room.size()), room.begin());
        const bool is_last = taken_->ends && taken_->messages.empty();
        return {is_last ? Next::Is::last : Next::Is::message,
                std::min(message.size(), room.size())};
    }

private:
    std::shared_ptr<Taken> taken_;  // shared with the test
};

class TestTaker : public Taker {
public:
    answer::HandOvers takes() const noexcept override {
        return {HandOver::update, HandOver::notify, HandOver::axfr, HandOver::ixfr};
    }
    std::unique_ptr<Answering> take(const HandedOver& message, Waker waker) noexcept override {
        if (refuses.load()) return nullptr;
        auto taken = std::make_shared<Taken>();
        taken->kind = message.kind;
        taken->message.assign(message.message.begin(), message.message.end());
        taken->transport = message.transport;
        taken->client = message.client;
        taken->waker = std::move(waker);
        auto answering = std::make_unique<Later>(taken);
        const std::lock_guard lock(mutex_);
        all_.push_back(std::move(taken));
        return answering;
    }

    std::atomic<bool> refuses{false};

    /// Waits until the taker has had so many, and gives that one, from 0.
    std::shared_ptr<Taken> await(std::size_t number) {
        wait_until([&] { return count() > number; });
        const std::lock_guard lock(mutex_);
        return all_[number];
    }
    std::size_t count() {
        const std::lock_guard lock(mutex_);
        return all_.size();
    }

private:
    std::mutex mutex_;
    std::vector<std::shared_ptr<Taken>> all_;  // shared with the answers
};

constexpr std::uint16_t type_soa = 6, type_ixfr = 251, type_axfr = 252;

Message of_opcode(std::uint8_t opcode, std::uint16_t id) {
    Message message = query(id, "example.", type_soa);
    message[2] = static_cast<std::uint8_t>(opcode << 3);
    return message;
}
Message update(std::uint16_t id) {
    return of_opcode(5, id);
}
Message notify(std::uint16_t id) {
    return of_opcode(4, id);
}
unsigned rcode(const Message& message) {
    return message.at(3) & 15U;
}

struct WithTaker {
    explicit WithTaker(Settings settings = {},
                       std::vector<net::Endpoint> listen = {at("127.0.0.1")})
        : fixture(std::move(settings), std::move(listen), 1, answer::HashBudget::rounds_per_second,
                  &taker) {}
    net::Endpoint endpoint() const { return fixture.endpoint(); }

    TestTaker taker;
    Fixture fixture;
};

}  // namespace

TEST_CASE("over TCP an answer may come later, and the queries of its connection go on") {
    WithTaker with;
    const Tcp client(with.endpoint());
    client.send(framed(update(1)) + framed(query(2)));
    CHECK(id_of(client.receive()) == 2);
    const auto taken = with.taker.await(0);
    CHECK(taken->kind == HandOver::update);
    CHECK(taken->transport == dns::Transport::tcp);
    CHECK(taken->client == *dns::parse_address("127.0.0.1"));
    CHECK(taken->message == update(1));
    CHECK(id_of(client.ask(query(3))) == 3);
    const Message response = taken->response(40'000);
    taken->give(response, true);
    CHECK(client.receive() == response);
    wait_until([&] { return taken->is_gone.load(); });
    CHECK(id_of(client.ask(query(4))) == 4);
    wait_until([&] { return with.fixture.server->totals().responses(dns::Transport::tcp) == 4; });
    CHECK(with.fixture.server->totals().queries(dns::Transport::tcp) == 4);
}

TEST_CASE("an answer of many messages keeps its order while others go between them") {
    WithTaker with;
    const Tcp client(with.endpoint());
    client.send(framed(query(1, "example.", type_axfr)));
    const auto taken = with.taker.await(0);
    CHECK(taken->kind == HandOver::axfr);
    constexpr std::uint8_t count = 100;
    for (std::uint8_t i = 0; i < count; ++i) {
        Message response = taken->response(12U + i);
        response.back() = i;
        taken->give(response, i + 1 == count);
        if (i % 10 == 0) client.send(framed(query(2)));
    }
    std::uint8_t next = 0, others = 0;
    while (next < count || others < count / 10) {
        const Message response = client.receive();
        REQUIRE(response.size() >= 12);
        if (id_of(response) == 2) {
            ++others;
            continue;
        }
        CHECK(response.back() == next);
        CHECK(response.size() == 12U + next++);
    }
    // One answer, of many messages.
    wait_until([&] {
        return with.fixture.server->totals().responses(dns::Transport::tcp) == 1U + count / 10;
    });
}

TEST_CASE(
    "several messages are with the taker at once, and their answers may overtake each other") {
    WithTaker with;
    const Tcp client(with.endpoint());
    client.send(framed(update(1)) + framed(notify(2)) + framed(query(3, "example.", type_ixfr)));
    CHECK(with.taker.await(1)->kind == HandOver::notify);
    CHECK(with.taker.await(2)->kind == HandOver::ixfr);
    for (const std::size_t i : {1U, 2U, 0U}) {
        const auto taken = with.taker.await(i);
        taken->give(taken->response(), true);
        CHECK(id_of(client.receive()) == i + 1);
    }
}

TEST_CASE("a connection that gives the taker too much is not read until an answer has come") {
    WithTaker with;
    const Tcp client(with.endpoint());
    constexpr std::uint16_t count = 2 * taken_of_connection_max + 5;
    Message all;
    for (std::uint16_t id = 0; id < count; ++id) all = std::move(all) + framed(update(id));
    client.send(all + framed(query(999)));
    for (std::uint16_t id = 0; id < count; ++id) {
        const auto taken = with.taker.await(id);
        // All before it are answered.
        CHECK(with.taker.count() <= id + taken_of_connection_max);
        taken->give(taken->response(), true);
        Message response = client.receive();
        if (id_of(response) == 999) response = client.receive();
        CHECK(id_of(response) == id);
    }
    const Tcp other(with.endpoint());
    CHECK(id_of(other.ask(query(5))) == 5);
}

TEST_CASE("a message that the taker does not take is answered as without a taker") {
    WithTaker with;
    with.taker.refuses.store(true);
    const Fixture without;
    const Tcp tcp(with.endpoint()), tcp_without(without.endpoint());
    const Udp udp(with.endpoint()), udp_without(without.endpoint());
    for (const Message& message :
         {update(1), notify(2), query(3, "example.", type_axfr), query(4, "example.", type_ixfr)}) {
        const Message expected = tcp_without.ask(message);
        CHECK(rcode(expected) == 5);
        CHECK(tcp.ask(message) == expected);
        CHECK(udp.ask(message) == udp_without.ask(message));
    }
    // AXFR over UDP, names that are no apex here and malformed messages never come to a taker.
    with.taker.refuses.store(false);
    CHECK(udp.ask(query(5, "example.", type_axfr)) ==
          udp_without.ask(query(5, "example.", type_axfr)));
    CHECK(rcode(tcp.ask(query(6, "www.example.", type_axfr))) == 9);
    Message malformed = update(7);
    malformed[5] = 0;
    CHECK(rcode(tcp.ask(malformed)) == 1);
    CHECK(with.taker.count() == 0);
}

TEST_CASE("an answer for which there is no message leaves its connection as it was") {
    WithTaker with;
    const Tcp client(with.endpoint());
    client.send(framed(update(1)));
    with.taker.await(0)->give_up();
    wait_until([&] { return with.taker.await(0)->is_gone.load(); });
    CHECK(id_of(client.ask(query(2))) == 2);
}

TEST_CASE("a client that has gone frees what the taker made for it") {
    WithTaker with;
    auto client = std::make_unique<Tcp>(with.endpoint());
    client->send(framed(update(1)) + framed(query(1, "example.", type_axfr)));
    const auto first = with.taker.await(0), second = with.taker.await(1);
    const linger at_once{.l_onoff = 1, .l_linger = 0};  // a reset
    setsockopt(client->fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    client.reset();
    wait_until([&] { return first->is_gone.load() && second->is_gone.load(); });
    first->give(first->response(), true);  // nobody hears it
    CHECK(id_of(Tcp(with.endpoint()).ask(query(2))) == 2);
    wait_until([&] { return with.fixture.server->totals().connections_open() == 0; });
}

TEST_CASE("a client that closes its side after a message still gets the answer") {
    WithTaker with;
    const Tcp client(with.endpoint());
    client.send(framed(update(1)));
    shutdown(client.fd(), SHUT_WR);
    const auto taken = with.taker.await(0);
    taken->give(taken->response(), true);
    CHECK(id_of(client.receive()) == 1);
    CHECK(client.ended());
}

namespace {

/// Gives messages without end, as fast as they are asked for.
class Endless final : public Answering {
public:
    Endless(Message message, std::atomic<std::uint64_t>& given)
        : message_(std::move(message)), given_(&given) {}
    Next next(base::MutableOctets room) noexcept override {
        std::copy(message_.begin(), message_.end(), room.begin());
        given_->fetch_add(message_.size());
        return {Next::Is::message, message_.size()};
    }

private:
    Message message_;
    std::atomic<std::uint64_t>* given_;
};

class EndlessTaker final : public TestTaker {
public:
    std::unique_ptr<Answering> take(const HandedOver& message, Waker) noexcept override {
        Message response(message.message.begin(), message.message.end());
        response.resize(60'000);
        return std::make_unique<Endless>(std::move(response), given);
    }
    std::atomic<std::uint64_t> given{0};
};

}  // namespace

TEST_CASE("a slow reader of a long answer is not given more than waits for any slow reader") {
    EndlessTaker taker;
    const Fixture fixture({}, {at("127.0.0.1")}, 1, answer::HashBudget::rounds_per_second, &taker);
    const Tcp slow(fixture.endpoint());
    slow.send(framed(query(1, "example.", type_axfr)));
    wait_until([&] { return taker.given.load() > 0; });
    // Others are answered beside an answer that never ends, while it is read and while it is not.
    const Tcp quick(fixture.endpoint());
    for (std::uint16_t id = 1; id < 100; ++id) {
        CHECK(id_of(quick.ask(query(id))) == id);
        if (id < 50) CHECK(slow.receive().size() == 60'000);
    }
    // The system's buffers hold some megabytes, the connection 256 KiB and a message.
    CHECK(taker.given.load() < 50U * 60'000 + (64U << 20U));
    CHECK(slow.receive().size() == 60'000);
}

TEST_CASE("draining waits for late answers until its deadline, and counts who was cut") {
    for (const bool answers : {true, false}) {
        WithTaker with;
        const Tcp client(with.endpoint());
        client.send(framed(update(1)));
        const auto taken = with.taker.await(0);
        std::size_t cut = 99;
        std::thread drains([&] {
            cut = with.fixture.server->drain(base::Duration::milliseconds(answers ? 10'000 : 10));
        });
        if (answers) {
            taken->give(taken->response(), true);
            CHECK(id_of(client.receive()) == 1);
        }
        drains.join();
        CHECK(client.ended());
        CHECK(cut == (answers ? 0 : 1));
        CHECK(taken->is_gone.load());
        taken->give(taken->response(), true);  // into the void
    }
}

TEST_CASE("over UDP an answer may come later, from the address that was asked") {
    WithTaker with({}, {at("0.0.0.0"), at("::1")});
    const Udp client(at("127.0.0.7", with.endpoint().port));
    client.send(notify(1));
    const auto taken = with.taker.await(0);
    CHECK(taken->kind == HandOver::notify);
    CHECK(taken->transport == dns::Transport::udp);
    for (std::uint16_t id = 2; id < 50; ++id) CHECK(id_of(client.ask(query(id))) == id);
    const Message response = taken->response(400);
    taken->give(response, true);
    CHECK(client.receive() == response);
    wait_until([&] { return taken->is_gone.load(); });

    const Udp sixth(with.fixture.endpoint(1));
    sixth.send(update(3));
    const auto other = with.taker.await(1);
    other->give(other->response(600), true);  // more than a client without EDNS takes
    CHECK(sixth.receive().size() == 512);
    wait_until([&] { return with.fixture.server->totals().responses(dns::Transport::udp) == 50; });
}

TEST_CASE("of one worker the taker has a limited number of datagrams") {
    WithTaker with;
    const Udp client(with.endpoint());
    for (std::size_t i = 0; i < taken_datagrams_max; ++i) {
        client.send(notify(1));
        with.taker.await(i);
    }
    CHECK(rcode(client.ask(notify(2))) == 5);
    const auto first = with.taker.await(0);
    first->give(first->response(), true);
    CHECK(id_of(client.receive()) == 1);
    client.send(notify(3));
    CHECK(with.taker.await(taken_datagrams_max)->message == notify(3));
}

TEST_CASE("the rate limit holds back datagrams before they come to the taker") {
    Settings settings;
    settings.rate_limit = {.mode = RateLimit::Mode::on, .responses_per_second = 1, .slip = 0};
    WithTaker with(settings);
    const Udp client(with.endpoint());
    client.send(notify(1));
    with.taker.await(0);
    client.send(notify(2));
    wait_until([&] { return dropped(with.fixture.server->totals(), Drop::rate_limited) == 1; });
    CHECK(with.taker.count() == 1);
}

TEST_CASE("a datagram that the taker refuses costs one token of the rate limit") {
    Settings settings;
    settings.rate_limit = {.mode = RateLimit::Mode::on, .responses_per_second = 4, .slip = 0};
    WithTaker with(settings);
    with.taker.refuses.store(true);
    const Fixture without(settings);
    const auto answered = [](const Fixture& fixture) {
        const Udp client(fixture.endpoint());
        for (std::uint16_t id = 0; id < 8; ++id) client.send(notify(id));
        wait_until([&] { return fixture.server->totals().queries(dns::Transport::udp) == 8; });
        return fixture.server->totals().responses(dns::Transport::udp);
    };
    CHECK(answered(with.fixture) == answered(without));
}

TEST_CASE("a datagram that is over the rate limit slips as an answer without a taker does") {
    Settings settings;
    settings.rate_limit = {.mode = RateLimit::Mode::on, .responses_per_second = 1, .slip = 1};
    WithTaker with(settings);
    const Udp client(with.endpoint());
    client.send(notify(1));
    with.taker.await(0);
    const Message slipped = client.ask(notify(2));
    CHECK(id_of(slipped) == 2);
    CHECK(is_truncated(slipped));
    CHECK(with.taker.count() == 1);
    CHECK(dropped(with.fixture.server->totals(), Drop::slipped) == 1);
}

TEST_CASE("queries between messages that are handed over are answered once") {
    WithTaker with;
    const Tcp client(with.endpoint());
    Message all;
    for (std::uint16_t i = 0; i < taken_of_connection_max; ++i)
        all = std::move(all) + framed(update(i)) + framed(query(1000));
    client.send(all);
    for (std::uint16_t i = 0; i < taken_of_connection_max; ++i)
        CHECK(id_of(client.receive()) == 1000);
    for (std::uint16_t i = 0; i < taken_of_connection_max; ++i) {
        const auto taken = with.taker.await(i);
        CHECK(taken->message == update(i));
        taken->give(taken->response(), true);
        CHECK(id_of(client.receive()) == i);
    }
    wait_until([&] {
        return with.fixture.server->totals().queries(dns::Transport::tcp) ==
               2 * taken_of_connection_max;
    });
    // A batch has 32 messages. Batches are made of what arrives, so there may be a few more.
    CHECK(with.fixture.server->totals().batch_count <= taken_of_connection_max);
}

TEST_CASE("a connection that waits for the taker makes room for another when all is taken") {
    Settings settings;
    settings.tcp.connections_max = 2;
    settings.tcp.evict_idle = {};
    WithTaker with(settings);
    const Tcp first(with.endpoint());
    first.send(framed(update(1)));
    with.taker.await(0);
    const Tcp second(with.endpoint());
    second.send(framed(update(2)));
    with.taker.await(1);
    const Tcp third(with.endpoint());
    CHECK(id_of(third.ask(query(3))) == 3);
    CHECK(first.ended());
    wait_until([&] { return with.taker.await(0)->is_gone.load(); });
    with.taker.await(1)->give(with.taker.await(1)->response(), true);
    CHECK(id_of(second.receive()) == 2);
}

TEST_CASE("a connection past its lifetime is closed though the taker has more for it") {
    Settings settings;
    settings.tcp.lifetime = base::Duration::seconds(1);
    WithTaker with(settings);
    const Tcp client(with.endpoint());
    client.send(framed(query(1, "example.", type_axfr)));
    const auto taken = with.taker.await(0);
    std::thread gives([&] {
        while (!taken->is_gone.load()) {
            taken->give(taken->response(), false);
            std::this_thread::yield();
        }
    });
    std::size_t messages = 0;
    while (!client.receive().empty()) ++messages;
    gives.join();
    CHECK(messages > 0);
    CHECK(with.fixture.server->totals().connections_timed_out == 1);
}

TEST_CASE("datagrams that arrived before the server stops are answered, late ones too") {
    WithTaker with;
    const Udp client(with.endpoint());
    constexpr std::size_t count = 100;
    std::thread answers([&] {
        for (std::size_t i = 0; i < count; ++i) {
            const auto taken = with.taker.await(i);
            taken->give(taken->response(), true);
        }
    });
    for (std::uint16_t id = 0; id < count; ++id) client.send(notify(id));
    with.fixture.server->drain(base::Duration::seconds(10));
    answers.join();
    for (std::size_t i = 0; i < count; ++i) CHECK(client.receive().size() == 12);
}

TEST_CASE("a server that is destroyed while the taker has messages frees them") {
    TestTaker taker;
    std::shared_ptr<Taken> over_tcp, over_udp;
    {
        const Fixture fixture({}, {at("127.0.0.1")}, 1, answer::HashBudget::rounds_per_second,
                              &taker);
        const Tcp tcp(fixture.endpoint());
        tcp.send(framed(update(1)));
        over_tcp = taker.await(0);
        const Udp udp(fixture.endpoint());
        udp.send(update(2));
        over_udp = taker.await(1);
    }
    CHECK(over_tcp->is_gone.load());
    CHECK(over_udp->is_gone.load());
    over_tcp->give(over_tcp->response(), true);
    over_udp->give(over_udp->response(), true);
}
