// Every allocation on the threads that load zone files, transfer zones and compile rows is made to
// fail once. Then one zone is refused, or the work ends with an error: the process never ends, and
// no zone is half of itself.
#include <map>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/message.h"
#include "dns/presentation.h"
#include "ingest/powerdns.h"
#include "ingest/zone_files.h"
#include "testkit/failing_memory.h"
#include "testkit/folder.h"

namespace zc::ingest {
namespace {

using testkit::Folder;
using testkit::write_file;

using Zones = std::map<std::string, std::string>;  // what is served, by apex

std::string text_of(const zone::Image& image) {
    std::string text;
    zone::for_each_record(zone::Zone(image.octets().data()), [&](const dns::RecordView& record) {
        dns::append_record_text(text, record);
    });
    return text;
}

struct Outcome {
    Zones zones;
    std::uint64_t refused = 0;  // zones, each with a reason that says why
    Status status;
};

/// Runs `work` once as it is, then with its first allocation failing, its second, … until none of
/// them fails any more. Returns how often one zone was refused, and how often all failed.
template <class Work>
std::pair<int, int> fail_each(std::size_t zones, const Work& work) {
    const testkit::SparedThread spared;
    const Outcome good = work();
    REQUIRE(good.status);
    REQUIRE(good.zones.size() == zones);
    int zone_refused = 0, all_failed = 0;
    for (std::uint64_t number = 1;; ++number) {
        const testkit::FailingMemory memory(number);
        const Outcome outcome = work();
        testkit::FailingMemory::stop();
        const bool failed = testkit::FailingMemory::asked() >= number;
        CAPTURE(number);
        for (const auto& [apex, text] : outcome.zones) CHECK(text == good.zones.at(apex));
        if (!outcome.status) {
            CHECK(outcome.status.error().text() == "limit: no memory");
            ++all_failed;
        } else {
            CHECK(outcome.zones.size() + outcome.refused == zones);
            CHECK(outcome.refused <= 1);
            zone_refused += static_cast<int>(outcome.refused);
        }
        if (!failed) {
            CHECK(outcome.status);
            CHECK(outcome.refused == 0);
            return {zone_refused, all_failed};
        }
    }
}

class Sink final : public ImportSink {
public:
    explicit Sink(Outcome& outcome) : outcome_(outcome) {}
    Status zone(ImportedZone&& zone) override {
        const testkit::SparedThread spared;
        outcome_.zones[dns::to_string(zone.apex)] = text_of(zone.image);
        return {};
    }
    Status tsig_key(TsigKey&& /*key*/) override { return {}; }
    Status supermaster(Supermaster&& /*supermaster*/) override { return {}; }
    Status finding(Finding&& finding) override {
        const testkit::SparedThread spared;
        CHECK(finding.reason.find("no memory for this zone") != std::string::npos);
        ++outcome_.refused;
        return {};
    }

private:
    Outcome& outcome_;
};

const std::string zone_text =
    "@ 3600 SOA ns hostmaster 1 7200 900 86400 3600\n@ NS ns\nns A 192.0.2.1\n"
    "$GENERATE 1-40 a-name-that-is-not-short-$ TXT \"and a text, which is longer than what a "
    "string holds by itself\"\n";

TEST_CASE("a zone file for which there is no memory is refused, and the others are loaded") {
    const Folder folder;
    write_file(folder / "a.example.zone", zone_text);
    write_file(folder / "b.example.zone", zone_text + "$INCLUDE more\n");
    write_file(folder / "c.example.zone", zone_text + "$INCLUDE more\nx.other. A 192.0.2.1\n");
    write_file(folder / "more", "included A 192.0.2.2\n");
    const auto none = [](const std::function<void(dns::NameView)>&) {};
    const auto [zone_refused, all_failed] = fail_each(3, [&] {
        Outcome outcome;
        const auto sink = [&outcome](std::span<LoadedZone> zones) {
            const testkit::SparedThread spared;
            for (const LoadedZone& zone : zones) {
                if (zone.errors.empty()) {
                    outcome.zones[dns::to_string(zone.apex)] = text_of(zone.image);
                    continue;
                }
                CHECK(zone.errors[0].message == "no memory for this zone");
                CHECK(zone.state == zone::State::broken);
                ++outcome.refused;
            }
        };
        auto files = ZoneFiles::open(std::string(folder / ""));
        const ZoneFileOptions options{.threads = 1};
        const auto totals = files->load(options, sink);
        if (!totals) outcome.status = tl::unexpected<Error>(totals.error());
        if (!totals || outcome.refused == 0) return outcome;
        // It is read again at the next look, whatever its file says.
        testkit::FailingMemory::stop();
        std::size_t zones = 0;
        const auto count = [&](std::span<LoadedZone> again) {
            for (const LoadedZone& zone : again) zones += zone.errors.empty() ? 1U : 0U;
        };
        CHECK(files->rescan(options, count, none, [](dns::NameView) {}));
        CHECK(zones > 0);
        return outcome;
    });
    CHECK(zone_refused > 100);
    CHECK(all_failed < zone_refused);
}

TEST_CASE("rows for which there is no memory refuse their zone, or end the import") {
    const Folder folder;
    std::string dump =
        "COPY public.domains (id, name, master, last_check, type, notified_serial, account) FROM "
        "stdin;\n1\ta.example\t\\N\t\\N\tNATIVE\t\\N\t\\N\n2\tb.example\t\\N\t\\N\tNATIVE\t\\N\t"
        "\\N\n\\.\n"
        "COPY public.records (id, domain_id, name, type, content, ttl, prio, disabled, ordername, "
        "auth) FROM stdin;\n";
    int id = 0;
    for (const std::string zone : {"1\ta.example", "2\tb.example"}) {
        const std::string apex = zone.substr(2);
        const std::string tail = "\t3600\t0\tf\t\\N\tt\n";
        dump += std::to_string(++id) + '\t' + zone + "\tSOA\tns." + apex + " hm." + apex +
                " 1 2 3 4 5" + tail;
        for (int i = 0; i < 20; ++i)
            dump += std::to_string(++id) + '\t' + zone.substr(0, 2) + "a-name-that-is-not-short-" +
                    std::to_string(i) + '.' + apex +
                    "\tTXT\t\"a text, which is longer than what a string holds\"" + tail;
    }
    write_file(folder / "dump.sql", dump + "\\.\n");
    const auto [zone_refused, all_failed] = fail_each(2, [&] {
        Outcome outcome;
        Sink sink(outcome);
        ImportOptions options;
        options.threads = 1;
        const auto totals = import_zones(folder / "dump.sql", options, sink);
        if (!totals) outcome.status = tl::unexpected<Error>(totals.error());
        return outcome;
    });
    CHECK(zone_refused > 20);
    CHECK(all_failed > 0);
}

/// Answers every question for AXFR on loopback with one zone, and every other with REFUSED.
class Server {
public:
    Server() {
        listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listening_, 8) == 0);
        socklen_t size = sizeof address;
        REQUIRE(::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] {
            const testkit::SparedThread spared;
            for (int fd = 0; (fd = ::accept(listening_, nullptr, nullptr)) >= 0; ::close(fd))
                serve(fd);
        });
    }
    ~Server() {
        ::shutdown(listening_, SHUT_RDWR);  // ends accept()
        thread_.join();
        ::close(listening_);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    std::string uri() const { return "axfr://127.0.0.1:" + std::to_string(port_); }

private:
    static void serve(int fd) {
        std::uint8_t size[2];
        while (::recv(fd, size, sizeof size, MSG_WAITALL) == ssize_t{sizeof size}) {
            std::vector<std::uint8_t> query(base::load_u16(size));
            if (::recv(fd, query.data(), query.size(), MSG_WAITALL) !=
                static_cast<ssize_t>(query.size()))
                return;
            dns::Message message = *dns::parse_message(query);
            message.qr = message.aa = true;
            const dns::Name apex = message.questions.at(0).name;
            const auto soa_rdata = [] {
                std::vector<std::uint8_t> out;
                REQUIRE(dns::parse_rdata("ns. hm. 1 2 3 4 5", dns::RrType::soa, {}, out));
                return out;
            }();
            const dns::Record soa{
                .owner = apex, .type = dns::RrType::soa, .ttl = 60, .rdata = soa_rdata};
            message.answer.push_back(soa);
            for (int i = 0; i < 40; ++i)
                message.answer.push_back({.owner = *dns::Name::parse("n" + std::to_string(i), apex),
                                          .type = dns::RrType::a,
                                          .ttl = 60,
                                          .rdata = {192, 0, 2, 1}});
            message.answer.push_back(soa);
            const auto octets = *dns::encode_message(message);
            base::store_u16(size, static_cast<std::uint16_t>(octets.size()));
            if (::send(fd, size, sizeof size, MSG_NOSIGNAL | MSG_MORE) < 0 ||
                ::send(fd, octets.data(), octets.size(), MSG_NOSIGNAL) < 0)
                return;
        }
    }

    int listening_ = -1;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

TEST_CASE("a transfer for which there is no memory refuses its zone, and the others come") {
    const Server server;
    const auto [zone_refused, all_failed] = fail_each(2, [&] {
        Outcome outcome;
        Sink sink(outcome);
        ImportOptions options;
        options.axfr.zones = {*dns::Name::parse("a.example."), *dns::Name::parse("b.example.")};
        options.axfr.connections = 1;
        const auto totals = import_zones(server.uri(), options, sink);
        if (!totals) outcome.status = tl::unexpected<Error>(totals.error());
        return outcome;
    });
    CHECK(zone_refused > 100);
    CHECK(all_failed < zone_refused);
}

}  // namespace
}  // namespace zc::ingest
