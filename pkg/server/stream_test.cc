// The connections of a server over a stream that is as hard to use as TLS.
#include "net/stream.h"

#include <array>
#include <optional>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "net/framing.h"
#include "net/scrambled_stream.h"
#include "runtime/clock.h"
#include "runtime/published.h"
#include "server/tcp.h"
#include "server/test_server.h"

using namespace zc;
using namespace zc::server;
using namespace zc::server::test;
using net::Step;

namespace {

/// A TCP loop alone, whose listener makes scrambled streams.
struct ScrambledServer {
    explicit ScrambledServer(Settings given = {}) : settings(std::move(given)) {
        auto socket = net::listen_tcp(at("127.0.0.1"), net::Sharing::none);
        REQUIRE(socket.has_value());
        endpoint = at("127.0.0.1", *net::bound_port(*socket));
        std::vector<TcpLoop::Listener> listeners;
        listeners.push_back({*std::move(socket), Family::ipv4, &streams, dns::Transport::dot});
        loop = std::make_unique<TcpLoop>(std::move(listeners), ViewReader(published, 0), counters,
                                         limits, TcpLoop::Options{});
        thread = std::thread([this] { loop->run(); });
    }
    ~ScrambledServer() {
        loop->stop(runtime::monotonic() + base::Duration::seconds(10));
        thread.join();
    }

    net::ScrambledStreams streams;
    std::unique_ptr<catalogue::Catalogue> catalogue = example_catalogue();
    answer::Identity identity;
    Settings settings;
    View view{catalogue.get(), &identity, &settings};
    runtime::Published<View> published{view, 1};
    WorkerCounters counters;
    ConnectionLimits limits{5};
    net::Endpoint endpoint;
    std::unique_ptr<TcpLoop> loop;
    std::thread thread;
};

/// A client that waits for what each step wants.
class ScrambledClient {
public:
    explicit ScrambledClient(const net::Endpoint& to) : ScrambledClient(Tcp(to), {}) {}
    /// Sends `first` as it is, before anything is scrambled.
    ScrambledClient(Tcp&& client, const Message& first) {
        client.send(first);
        client_.emplace(net::Descriptor(dup(client.fd())));
    }
    bool agree() { return client_->agree(); }
    void send(const Message& octets) { client_->send(octets); }
    /// The next message; empty when the stream is over, and `end` says how.
    Message receive() {
        for (;;) {
            net::FrameReader reader(input_);
            if (const auto message = reader.next()) {
                Message out(message->begin(), message->end());
                input_.erase(input_.begin(),
                             input_.begin() + static_cast<std::ptrdiff_t>(reader.taken()));
                return out;
            }
            std::array<std::uint8_t, 4096> some{};
            const Step step = client_->read(some);
            end = step.is;
            if (step.is != Step::Is::done) return {};
            input_.insert(input_.end(), some.begin(),
                          some.begin() + static_cast<std::ptrdiff_t>(step.octets));
        }
    }
    const net::ScrambledStream& stream() const { return client_->stream(); }

    Step::Is end = Step::Is::done;

private:
    std::optional<net::ScrambledClient> client_;
    Message input_;
};

}  // namespace

TEST_CASE("a server's connections need not know what their stream does") {
    ScrambledServer server;
    ScrambledClient client(server.endpoint);
    REQUIRE(client.agree());
    Message all;
    constexpr std::uint16_t count = 300;
    for (std::uint16_t id = 0; id < count; ++id) all = std::move(all) + framed(query(id));
    client.send(all);
    for (std::uint16_t id = 0; id < count; ++id) {
        const Message response = client.receive();
        REQUIRE(response.size() > 12);
        CHECK(id_of(response) == id);
        CHECK(answers_of(response) == 1);
    }
    // New keys were asked for by both sides in the middle of it.
    CHECK(client.stream().wants().write_in_read > 0);
}

TEST_CASE("queries are counted under the transport that their listener names") {
    ScrambledServer server;
    {
        ScrambledClient client(server.endpoint);
        REQUIRE(client.agree());
        client.send(framed(query(1)));
        CHECK(id_of(client.receive()) == 1);
    }
    const auto queries = [&](dns::Transport transport) {
        Totals totals;
        totals.add(server.counters);
        return totals.queries(transport);
    };
    wait_until([&] { return queries(dns::Transport::dot) == 1; });
    CHECK(queries(dns::Transport::tcp) == 0);
}

TEST_CASE("large answers over such a stream reach a slow reader whole, beside quick ones") {
    ScrambledServer server;
    ScrambledClient slow(server.endpoint);
    REQUIRE(slow.agree());
    constexpr std::uint16_t count = 100;
    Message all;
    for (std::uint16_t id = 0; id < count; ++id)
        all = std::move(all) + framed(query(id, "big.example.", type_txt));
    slow.send(Message(all.begin(), all.begin() + 500));  // before new keys are due
    ScrambledClient quick(server.endpoint);
    REQUIRE(quick.agree());
    for (std::uint16_t id = 0; id < 50; ++id) {
        quick.send(framed(query(id)));
        CHECK(id_of(quick.receive()) == id);
    }
    slow.send(Message(all.begin() + 500, all.begin() + 900));
    const std::size_t whole = 900 / framed(query(0, "big.example.", type_txt)).size();
    for (std::uint16_t id = 0; id < whole; ++id) {
        const Message response = slow.receive();
        REQUIRE(response.size() > big_octets);
        CHECK(id_of(response) == id);
    }
}

TEST_CASE("the end of a connection is said, and a stream that speaks something else is cut") {
    Settings settings;
    settings.tcp.queries_max = 2;
    ScrambledServer server(settings);
    ScrambledClient client(server.endpoint);
    REQUIRE(client.agree());
    client.send(framed(query(1)) + framed(query(2)) + framed(query(3)));
    CHECK(id_of(client.receive()) == 1);
    CHECK(id_of(client.receive()) == 2);
    CHECK(client.receive().empty());
    CHECK(client.end == Step::Is::ended);  // with a farewell

    const Tcp gone(server.endpoint);
    shutdown(gone.fd(), SHUT_WR);  // in the middle of the handshake
    CHECK(gone.ended());
}

TEST_CASE("a server listens for streams of another kind beside UDP and TCP") {
    const net::ScrambledStreams streams;
    const auto catalogue = example_catalogue();
    Options options;
    options.draw_seed = base::numbers_of(base::Seed(5));
    options.listen = {at("127.0.0.1")};
    options.listen_streams = {{at("127.0.0.1"), &streams, dns::Transport::dot}};
    options.workers = 2;
    Server server(std::move(options), *catalogue, std::make_shared<answer::Identity>());
    server.start();
    REQUIRE(server.stream_endpoints().size() == 1);
    const net::Endpoint endpoint = server.stream_endpoints()[0];
    CHECK(endpoint.port != 0);
    CHECK(id_of(Tcp(server.endpoints()[0]).ask(query(1))) == 1);
    ScrambledClient client(endpoint);
    client.send(framed(query(2)));
    CHECK(id_of(client.receive()) == 2);
    wait_until([&] { return server.totals().responses(dns::Transport::dot) == 1; });
    CHECK(server.totals().responses(dns::Transport::tcp) == 1);
}

TEST_CASE("a PROXY header comes before the handshake and takes nothing of it") {
    Settings settings;
    settings.proxy_senders = {*dns::parse_prefix("127.0.0.0/8")};
    ScrambledServer server(settings);
    ScrambledClient client(Tcp(server.endpoint), proxied("192.0.2.1", {}));
    REQUIRE(client.agree());
    client.send(framed(query(7)));
    CHECK(id_of(client.receive()) == 7);
}
