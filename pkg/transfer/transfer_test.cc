// Transfers: the reader by testdata/transfer/, the client against a server of this test on
// loopback.
//
//     axfr ZONE [KEY]    begins a transfer with query id 7; KEY as parse_tsig_key takes it
//     message [OPTION…]  body: its answer section as a master file. The reader's view of it
//
// Options: id=N, rcode=N, query (QR not set), tc, question=NAME,TYPE, no-question, class=N,
// unsigned, other-key, late=SECONDS, altered, trailing.
#include "transfer/transfer.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/message.h"
#include "dns/presentation.h"
#include "runtime/clock.h"
#include "testkit/script.h"
#include "testkit/value.h"

namespace zc::transfer {
namespace {

using testkit::value;
using Octets = std::vector<std::uint8_t>;

std::vector<dns::Record> records_of(const std::string& text) {
    std::vector<dns::Record> records;
    const auto report =
        dns::read_master(text, {}, [&](const dns::RecordView& record, std::uint64_t) -> Status {
            records.push_back({.owner = dns::Name(record.owner),
                               .type = record.type,
                               .rr_class = dns::RrClass::in,
                               .ttl = record.ttl,
                               .rdata = {record.rdata.begin(), record.rdata.end()}});
            return {};
        });
    if (!report.errors.empty()) throw std::runtime_error(report.errors[0].text());
    return records;
}

dns::Message response(std::uint16_t id, dns::NameView zone, const std::string& records) {
    dns::Message message;
    message.id = id;
    message.qr = message.aa = true;
    message.questions.push_back({.name = dns::Name(zone), .type = dns::RrType::axfr});
    message.answer = records_of(records);
    return message;
}

std::string shown(const dns::RecordView& record) {
    return dns::to_string(record.owner) + ' ' + std::to_string(record.ttl) + ' ' +
           dns::to_string(record.type) + ' ' + dns::rdata_text(record.type, record.rdata) + '\n';
}

class Script {
public:
    std::string run(const testkit::Step& step) {
        const auto words = step.words();
        if (step.directive == "axfr") {
            zone_ = value(dns::Name::parse(words.at(0)));
            AxfrReader::Options options{
                .zone = zone_, .id = 7, .key = {}, .request_mac = {}, .octets_max = 4096};
            server_.reset();
            if (words.size() > 1) {
                options.key = value(parse_tsig_key(words[1]));
                options.request_mac = {1, 2, 3};
                server_.emplace(*options.key, options.request_mac);
                wrong_.emplace(*options.key, Octets{9});
            }
            reader_ = std::make_unique<AxfrReader>(std::move(options));
            return "ok";
        }
        if (step.directive != "message") throw std::runtime_error("unknown directive");
        dns::Message message = response(7, zone_, step.body);
        base::Duration late;
        bool is_signed = server_.has_value(), other_key = false, altered = false, trailing = false;
        for (const std::string& word : words) {
            const std::size_t equals = word.find('=');
            const std::string key = word.substr(0, equals);
            const std::string of = equals == std::string::npos ? "" : word.substr(equals + 1);
            if (key == "id") {
                message.id = static_cast<std::uint16_t>(std::stoul(of));
            } else if (key == "rcode") {
                message.rcode = static_cast<dns::Rcode>(std::stoul(of));
            } else if (key == "query") {
                message.qr = false;
            } else if (key == "tc") {
                message.tc = true;
            } else if (key == "no-question") {
                message.questions.clear();
            } else if (key == "question") {
                const std::size_t comma = of.find(',');
                message.questions[0].name = value(dns::Name::parse(of.substr(0, comma)));
                message.questions[0].type = value(dns::parse_type(of.substr(comma + 1)));
            } else if (key == "class") {
                for (dns::Record& record : message.answer)
                    record.rr_class = static_cast<dns::RrClass>(std::stoul(of));
            } else if (key == "unsigned") {
                is_signed = false;
            } else if (key == "other-key") {
                other_key = true;
            } else if (key == "late") {
                late = base::Duration::seconds(std::stol(of));
            } else if (key == "altered") {
                altered = true;
            } else if (key == "trailing") {
                trailing = true;
            } else {
                throw std::runtime_error("unknown option " + word);
            }
        }
        Octets octets = value(dns::encode_message(message));
        const base::Instant now{1'700'000'000'000'000'000};
        if (is_signed) {
            const Status status = (other_key ? *wrong_ : *server_).sign(octets, now);
            if (!status) throw std::runtime_error(status.error().text());
        } else if (server_) {
            server_->pass_unsigned(octets);
        }
        if (altered) octets[3] ^= 0x20U;  // AD
        if (trailing) octets.push_back(0);
        std::string out;
        const auto progress = reader_->read(octets, now + late, [&](const dns::RecordView& record) {
            out += shown(record);
            return Status();
        });
        if (!progress)
            return out + progress.error().text() + (reader_->refused() ? " (refused)" : "");
        return out + (*progress == AxfrReader::Progress::complete ? "complete" : "more");
    }

private:
    dns::Name zone_;
    std::unique_ptr<AxfrReader> reader_;
    std::optional<TsigSigner> server_, wrong_;
};

TEST_CASE("what a server sends is read as the scripts say") {
    testkit::run_scripts("transfer", [] {
        return [script = std::make_shared<Script>()](const testkit::Step& step) {
            return script->run(step);
        };
    });
}

/// Listens on loopback; serves one connection at a time with a function, in a thread.
class Loopback {
public:
    class Peer {
    public:
        explicit Peer(int fd) : fd_(fd) {}
        /// The next query, or nothing when the client has gone.
        Octets receive() const {
            std::uint8_t size[2];
            if (!read(size)) return {};
            Octets octets(base::load_u16(size));
            return read(octets) ? octets : Octets{};
        }
        void send(const Octets& octets) const {
            Octets framed(2);
            base::store_u16(framed.data(), static_cast<std::uint16_t>(octets.size()));
            framed.insert(framed.end(), octets.begin(), octets.end());
            send_raw(framed);
        }
        void send_raw(const Octets& octets) const {
            // In pieces: the client has to put them together.
            for (std::size_t at = 0; at < octets.size(); at += 700) {
                const std::size_t count = std::min<std::size_t>(700, octets.size() - at);
                if (::send(fd_, octets.data() + at, count, MSG_NOSIGNAL) < 0) return;
            }
        }

    private:
        bool read(base::MutableOctets out) const {
            while (!out.empty()) {
                const ssize_t got = ::recv(fd_, out.data(), out.size(), 0);
                if (got <= 0) return false;
                out = out.subspan(static_cast<std::size_t>(got));
            }
            return true;
        }
        int fd_;
    };
    using Serve = std::function<void(Peer& peer)>;

    explicit Loopback(Serve serve) : serve_(std::move(serve)) {
        listening_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listening_, 8) == 0);
        socklen_t size = sizeof address;
        REQUIRE(::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~Loopback() {
        ::shutdown(listening_, SHUT_RDWR);  // ends accept()
        thread_.join();
        ::close(listening_);
    }
    net::Endpoint server() const { return {*dns::parse_address("127.0.0.1"), port_}; }

private:
    void run() {
        for (;;) {
            const int fd = ::accept(listening_, nullptr, nullptr);
            if (fd < 0) return;
            Peer peer(fd);
            serve_(peer);
            ::close(fd);
        }
    }
    Serve serve_;
    int listening_ = -1;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

const std::string soa = "example. 3600 SOA ns.example. hm.example. 1 2 3 4 5\n";

/// Two messages with many records, of any zone that is asked for.
void send_zone(const Loopback::Peer& peer, const Octets& query, const std::optional<TsigKey>& key) {
    const auto asked = value(dns::parse_message(query));
    const dns::Name zone = asked.questions[0].name;
    const std::string apex = dns::to_string(zone);
    const std::string own_soa = apex + " 3600 SOA ns.example. hm.example. 1 2 3 4 5\n";
    std::string first = own_soa, second;
    for (int i = 0; i < 1000; ++i) {
        (i < 500 ? first : second) += "n" + std::to_string(i) + '.' + apex + " 60 A 192.0.2.1\n";
    }
    second += own_soa;
    std::optional<TsigSigner> signer;
    if (key) {
        TsigVerifier verifier(*key);
        if (!verifier.verify(query, runtime::now())) throw std::runtime_error("bad TSIG");
        signer.emplace(*key, verifier.mac());
    }
    for (const std::string& records : {first, second}) {
        Octets octets = value(dns::encode_message(response(asked.id, zone, records)));
        if (signer && !signer->sign(octets, runtime::now())) throw std::runtime_error("no room");
        peer.send(octets);
    }
}

TEST_CASE("zones come over one connection, one after the other, with and without TSIG") {
    for (const bool with_key : {false, true}) {
        CAPTURE(with_key);
        std::optional<TsigKey> key;
        if (with_key) key = value(parse_tsig_key("hmac-sha512:k:c2VjcmV0"));
        std::atomic<int> connections = 0;
        const Loopback loopback([&](Loopback::Peer& peer) {
            ++connections;
            for (Octets query = peer.receive(); !query.empty(); query = peer.receive())
                send_zone(peer, query, key);
        });
        auto connection = value(AxfrConnection::open(loopback.server(), {.key = key}));
        for (const char* zone : {"example.", "other.test."}) {
            std::uint64_t records = 0;
            const auto totals =
                connection.transfer(value(dns::Name::parse(zone)), [&](const dns::RecordView&) {
                    ++records;
                    return Status();
                });
            REQUIRE(totals.has_value());
            CHECK(totals->records == 1001);
            CHECK(records == 1001);
            CHECK(connection.usable());
        }
        CHECK(connections == 1);
    }
}

TEST_CASE("a refusal ends the transfer, and the connection goes on") {
    const Loopback loopback([](Loopback::Peer& peer) {
        bool first = true;
        for (Octets query = peer.receive(); !query.empty(); query = peer.receive()) {
            if (!std::exchange(first, false)) {
                send_zone(peer, query, {});
                continue;
            }
            dns::Message no = response(base::load_u16(query.data()), dns::NameView(), "");
            no.questions.clear();
            no.rcode = dns::Rcode::refused;
            peer.send(value(dns::encode_message(no)));
        }
    });
    auto connection = value(AxfrConnection::open(loopback.server(), {}));
    const auto ignore = [](const dns::RecordView&) { return Status(); };
    const auto refused = connection.transfer(value(dns::Name::parse("example.")), ignore);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message == "the server answers REFUSED");
    REQUIRE(connection.usable());
    CHECK(connection.transfer(value(dns::Name::parse("example.")), ignore));
}

/// Sends messages of one zone that never ends: the SOA, then `count` records in each.
void send_without_end(const Loopback::Peer& peer, const dns::Name& zone, int count,
                      const std::atomic<bool>& enough) {
    const Octets query = peer.receive();
    const std::uint16_t id = base::load_u16(query.data());
    std::string records;
    for (int i = 0; i < count; ++i) records += "n.example. 60 A 192.0.2.1\n";
    peer.send(value(dns::encode_message(response(id, zone, soa + records))));
    const Octets more = value(dns::encode_message(response(id, zone, records)));
    while (!enough) peer.send(more);
}

TEST_CASE("a transfer that never ends is heard to stop though its data never pauses") {
    const dns::Name zone = value(dns::Name::parse("example."));
    std::atomic<bool> stop = false, enough = false;
    const Loopback loopback([&](Loopback::Peer& peer) {
        if (!enough) send_without_end(peer, zone, 100, enough);
    });
    auto connection = value(
        AxfrConnection::open(loopback.server(), {.key = std::nullopt, .stop_or_null = &stop}));
    int records = 0;
    const auto totals = connection.transfer(zone, [&](const dns::RecordView&) {
        if (++records == 1000) stop = true;
        return Status();
    });
    enough = true;
    REQUIRE_FALSE(totals);
    CHECK(totals.error().code == Errc::interrupted);
    CHECK(records < 1200);
}

TEST_CASE("a transfer has a time for all of it, and a rate below which it is given up") {
    const dns::Name zone = value(dns::Name::parse("example."));
    const auto ignore = [](const dns::RecordView&) { return Status(); };
    const auto run = [&](AxfrOptions options) {
        std::atomic<bool> enough = false;
        const Loopback loopback([&](Loopback::Peer& peer) {
            if (!enough) send_without_end(peer, zone, 1, enough);
        });
        auto connection = value(AxfrConnection::open(loopback.server(), std::move(options)));
        const auto totals = connection.transfer(zone, ignore);
        enough = true;
        CHECK_FALSE(connection.usable());
        return totals ? std::string("complete") : totals.error().text();
    };
    CHECK(run({.key = std::nullopt, .transfer_timeout = base::Duration::milliseconds(50)}) ==
          "timeout: the zone is not complete after 0 s");
    CHECK(run({.key = std::nullopt,
               .rate_interval = base::Duration::milliseconds(20),
               .rate_octets_min = std::uint64_t{1} << 40}) ==
          "timeout: fewer than 1099511627776 octets in 0 s: given up");
}

/// Takes what it is given, and cannot read.
class FailingStream final : public net::Stream {
public:
    explicit FailingStream(net::Step read) : Stream(net::Descriptor()), read_(read) {}
    net::Step handshake() noexcept override { return {}; }
    net::Step read(base::MutableOctets) noexcept override { return read_; }
    net::Step write(base::Octets from) noexcept override { return {.octets = from.size()}; }
    net::Step shut_down() noexcept override { return {}; }

private:
    net::Step read_;
};

TEST_CASE("a failure of the stream is told with its reason, if the system has one or not") {
    const dns::Name zone = value(dns::Name::parse("example."));
    const auto told = [&](const net::Step& step) {
        AxfrConnection connection(std::make_unique<FailingStream>(step), {});
        const auto totals =
            connection.transfer(zone, [](const dns::RecordView&) { return Status(); });
        CHECK_FALSE(connection.usable());
        return totals ? std::string("complete") : totals.error().message;
    };
    using Is = net::Step::Is;
    CHECK(told({.is = Is::reset, .reason = net::Reason::of_system(ECONNRESET)}) ==
          "receive: Connection reset by peer");
    CHECK(told({.is = Is::failed, .reason = net::Reason("a record with a wrong tag")}) ==
          "receive: a record with a wrong tag");
    CHECK(told({.is = Is::failed}) == "receive: no reason was given");
    CHECK(told({.is = Is::ended}) == "the server closed the connection before the end of the zone");
}

TEST_CASE("a server that dies, hangs or is not there is an error, at once or by its deadline") {
    const dns::Name zone = value(dns::Name::parse("example."));
    const auto ignore = [](const dns::RecordView&) { return Status(); };
    SUBCASE("closes in the middle of a message") {
        const Loopback loopback([&](Loopback::Peer& peer) {
            const Octets query = peer.receive();
            Octets part =
                value(dns::encode_message(response(base::load_u16(query.data()), zone, soa)));
            part.insert(part.begin(), {0, 200});
            peer.send_raw(part);
        });
        auto connection = value(AxfrConnection::open(loopback.server(), {}));
        const auto totals = connection.transfer(zone, ignore);
        REQUIRE_FALSE(totals.has_value());
        CHECK(totals.error().code == Errc::io);
        CHECK_FALSE(connection.usable());
    }
    SUBCASE("hangs before the end of the zone") {
        const Loopback loopback([&](Loopback::Peer& peer) {
            const Octets query = peer.receive();
            peer.send(
                value(dns::encode_message(response(base::load_u16(query.data()), zone, soa))));
            peer.receive();  // until the client has gone
        });
        auto connection = value(AxfrConnection::open(
            loopback.server(), {.key = {}, .message_timeout = base::Duration::milliseconds(50)}));
        const auto totals = connection.transfer(zone, ignore);
        REQUIRE_FALSE(totals.has_value());
        CHECK(totals.error().code == Errc::timeout);
        CHECK_FALSE(connection.usable());
    }
    SUBCASE("is told to stop while it waits") {
        std::atomic<bool> stop = false;
        const Loopback loopback([&](Loopback::Peer& peer) {
            peer.receive();
            stop = true;
            peer.receive();
        });
        auto connection =
            value(AxfrConnection::open(loopback.server(), {.key = {}, .stop_or_null = &stop}));
        const auto totals = connection.transfer(zone, ignore);
        REQUIRE_FALSE(totals.has_value());
        CHECK(totals.error().code == Errc::interrupted);
    }
    SUBCASE("is not there") {
        net::Endpoint gone;
        {
            const Loopback loopback([](Loopback::Peer&) {});
            gone = loopback.server();
        }
        const auto connection = AxfrConnection::open(gone, {});
        REQUIRE_FALSE(connection.has_value());
        CHECK(connection.error().code == Errc::io);
        CHECK(connection.error().where.source == net::to_string(gone));
    }
    SUBCASE("sends more than the limit") {
        const Loopback loopback([&](Loopback::Peer& peer) {
            const Octets query = peer.receive();
            send_zone(peer, query, {});
            peer.receive();
        });
        auto connection =
            value(AxfrConnection::open(loopback.server(), {.key = {}, .octets_max = 9000}));
        const auto totals = connection.transfer(zone, ignore);
        REQUIRE_FALSE(totals.has_value());
        CHECK(totals.error().code == Errc::limit);
    }
    SUBCASE("what takes the records says no") {
        const Loopback loopback([&](Loopback::Peer& peer) {
            const Octets query = peer.receive();
            send_zone(peer, query, {});
            peer.receive();
        });
        auto connection = value(AxfrConnection::open(loopback.server(), {}));
        const auto totals = connection.transfer(zone, [](const dns::RecordView& record) -> Status {
            if (record.type == dns::RrType::soa) return {};
            return fail(Errc::full, "no room");
        });
        REQUIRE_FALSE(totals.has_value());
        CHECK(totals.error().code == Errc::full);
        CHECK_FALSE(connection.usable());
    }
}

}  // namespace
}  // namespace zc::transfer
