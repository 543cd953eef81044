// A server that lies about one question: it answers out of a store as zonectl does, but for one
// question, chosen by a seed among those that its lie fits, about which it lies in a stated way.
// For testing that comparing finds each lie, and gives it the right labels.
//
//   liar --list                                     NAME WHAT WHERE of each lie
//   liar --store FILE --lie NAME --port N [--seed S] [--queries-max N]
//
// Prints "lying about NAME TYPE" once it is ready. Its own zonectl code is that of the store and of
// respond(): what is right is not in question here, what is found is.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer/answer.h"
#include "base/seed.h"
#include "capture/source.h"
#include "catalogue/catalogue.h"
#include "dns/message.h"
#include "load/load.h"
#include "zone/lookup.h"

namespace zc::e2e {
namespace {

using dns::Message;
using dns::Rcode;
using dns::Record;
using dns::RrType;

/// A right answer and what is known about it.
struct Truth {
    Message query, message;
    std::vector<std::uint8_t> octets;
    bool wildcard = false;
    bool empty_non_terminal = false;
    bool over_udp = true;

    const dns::Question& question() const { return query.questions[0]; }
    bool asks_for_signatures() const { return query.edns && query.edns->dnssec_ok; }
};

std::size_t count(const std::vector<Record>& section, RrType type) {
    return static_cast<std::size_t>(std::count_if(
        section.begin(), section.end(), [&](const Record& one) { return one.type == type; }));
}
bool has(const std::vector<Record>& section, RrType type) {
    return count(section, type) > 0;
}
void remove(std::vector<Record>& section, RrType type) {
    std::erase_if(section, [&](const Record& one) { return one.type == type; });
}
Record& first(std::vector<Record>& section, RrType type) {
    return *std::find_if(section.begin(), section.end(),
                         [&](const Record& one) { return one.type == type; });
}
dns::Name name(const char* text) {
    return dns::Name::parse(text).value();
}
dns::Rdata wire(const dns::Name& of) {
    return {of.wire().begin(), of.wire().end()};
}

// ---- Which questions a lie fits

bool no_error(const Truth& t) {
    return t.message.rcode == Rcode::noerror && t.message.opcode == dns::Opcode::query &&
           !t.message.tc && t.question().type != RrType::any && t.question().type != RrType::rrsig;
}
bool positive(const Truth& t) {
    return no_error(t) && t.message.aa && !t.wildcard && !t.message.answer.empty() &&
           t.message.answer[0].type == t.question().type &&
           dns::equal(t.message.answer[0].owner, t.question().name);
}
bool addresses(const Truth& t) {
    return positive(t) && t.question().type == RrType::a;
}
bool several(const Truth& t) {
    return positive(t) && count(t.message.answer, t.question().type) >= 2;
}
bool negative(const Truth& t) {
    return t.message.rcode == Rcode::nxdomain && t.message.answer.empty() && !t.message.tc &&
           has(t.message.authority, RrType::soa);
}
bool no_data(const Truth& t) {
    return no_error(t) && t.message.aa && t.message.answer.empty() && !t.wildcard &&
           !t.empty_non_terminal && has(t.message.authority, RrType::soa) &&
           t.question().type != RrType::ds;
}
bool at_empty_non_terminal(const Truth& t) {
    return no_error(t) && t.message.answer.empty() && t.empty_non_terminal &&
           has(t.message.authority, RrType::soa);
}
bool synthesised(const Truth& t) {
    return no_error(t) && t.message.aa && t.wildcard && !t.message.answer.empty() &&
           t.message.answer[0].type == t.question().type && t.question().type != RrType::cname;
}
bool chain(const Truth& t) {
    return no_error(t) && t.message.aa && !t.wildcard && t.message.answer.size() >= 2 &&
           t.message.answer[0].type == RrType::cname && t.question().type != RrType::cname &&
           !has(t.message.answer, RrType::dname) && t.message.authority.empty() &&
           count(t.message.answer, RrType::cname) == 1 && has(t.message.answer, t.question().type);
}
bool redirected(const Truth& t) {
    return no_error(t) && t.message.aa && t.message.answer.size() >= 2 &&
           t.message.answer[0].type == RrType::dname && t.question().type != RrType::dname;
}
bool referral(const Truth& t) {
    return no_error(t) && !t.message.aa && t.message.answer.empty() &&
           has(t.message.authority, RrType::ns);
}
bool has_glue(const Truth& t) {
    if (!referral(t)) return false;
    const auto& cut = t.message.authority[0].owner;
    return std::any_of(t.message.additional.begin(), t.message.additional.end(),
                       [&](const Record& one) { return one.owner.view().is_within(cut); });
}
bool is_signed(const Truth& t) {
    return t.asks_for_signatures() &&
           (has(t.message.answer, RrType::rrsig) || has(t.message.authority, RrType::rrsig));
}

// ---- Lies

/// Empty: it keeps silent.
using Octets = std::vector<std::uint8_t>;

Octets encode(const Message& message) {
    return dns::encode_message(message).value();
}

void to_negative(Message& m, Rcode rcode, const Record& soa) {
    m.rcode = rcode;
    m.answer.clear();
    m.authority = {soa};
    m.additional.clear();
}
Record soa_of(const dns::Name& apex) {
    Record out{apex, RrType::soa, dns::RrClass::in, 60, {}};
    for (const char* part : {"ns.invalid.", "hostmaster.invalid."}) {
        const dns::Name one = name(part);
        out.rdata.insert(out.rdata.end(), one.wire().begin(), one.wire().end());
    }
    out.rdata.resize(out.rdata.size() + 20, 1);
    return out;
}

struct Lie {
    const char* name;
    const char* what;
    const char* where;
    bool (*fits)(const Truth&);
    std::function<Octets(const Truth&)> tell;
};

/// A lie that changes the message as a whole.
template <class Change>
std::function<Octets(const Truth&)> changed(Change change) {
    return [change](const Truth& t) {
        Message m = t.message;
        change(m, t);
        return encode(m);
    };
}
std::function<Octets(const Truth&)> with_rcode(Rcode rcode) {
    return changed([rcode](Message& m, const Truth& t) {
        to_negative(m, rcode, soa_of(dns::Name(t.question().name.view().parent())));
        if (rcode == Rcode::servfail || rcode == Rcode::refused) m.authority.clear();
    });
}

const std::vector<Lie>& lies() {
    static const std::vector<Lie> all = {
        {"silent", "timeout", "exact", positive, [](const Truth&) { return Octets(); }},
        {"silent-negative", "timeout", "negative", negative, [](const Truth&) { return Octets(); }},
        {"garbage", "malformed", "exact", positive,
         [](const Truth& t) {
             Octets out = t.octets;
             const std::size_t question = 12 + t.question().name.size() + 4;
             for (std::size_t i = question; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(0xc7 + i * 7);
             return out;
         }},
        {"cut", "malformed", "exact", positive,
         [](const Truth& t) {
             Octets out = t.octets;
             out.resize(12 + t.question().name.size() + 4 + 7);
             return out;
         }},
        {"count", "malformed", "negative", negative,
         [](const Truth& t) {
             Octets out = t.octets;
             ++out[9];
             return out;
         }},
        {"servfail", "rcode", "exact", positive, with_rcode(Rcode::servfail)},
        {"refused", "rcode", "exact", no_data, with_rcode(Rcode::refused)},
        {"nxdomain-for-empty-non-terminal", "rcode", "empty-non-terminal", at_empty_non_terminal,
         changed([](Message& m, const Truth&) { m.rcode = Rcode::nxdomain; })},
        {"nxdomain-for-nodata", "rcode", "exact", no_data,
         changed([](Message& m, const Truth&) { m.rcode = Rcode::nxdomain; })},
        {"nodata-for-nxdomain", "rcode", "negative", negative,
         changed([](Message& m, const Truth&) { m.rcode = Rcode::noerror; })},
        {"nxdomain-for-wildcard", "rcode", "wildcard", synthesised, with_rcode(Rcode::nxdomain)},
        {"nxdomain-for-referral", "rcode", "delegation", referral, with_rcode(Rcode::nxdomain)},
        {"servfail-for-chain", "rcode", "cname-chain", chain, with_rcode(Rcode::servfail)},
        {"yxdomain-for-dname", "rcode", "dname", redirected,
         changed([](Message& m, const Truth&) { m.rcode = Rcode::yxdomain; })},
        {"aa-clear", "flags", "exact", positive, changed([](Message& m, const Truth&) { m.aa = false; })},
        {"aa-clear-nxdomain", "flags", "negative", negative,
         changed([](Message& m, const Truth&) { m.aa = false; })},
        {"aa-on-referral", "flags", "delegation", referral,
         changed([](Message& m, const Truth&) { m.aa = true; })},
        {"tc-though-it-fits", "flags", "exact", positive,
         changed([](Message& m, const Truth& t) { m.tc = t.over_udp; })},
        {"ra", "flags", "exact", positive, changed([](Message& m, const Truth&) { m.ra = true; })},
        {"ad", "flags", "exact", positive, changed([](Message& m, const Truth&) { m.ad = true; })},
        {"record-missing", "answer", "exact", several,
         changed([](Message& m, const Truth& t) { m.answer.erase(std::find_if(m.answer.begin(), m.answer.end(), [&](const Record& one) { return one.type == t.question().type; })); })},
        {"record-extra", "answer", "exact", addresses,
         changed([](Message& m, const Truth&) {
             Record more = m.answer[0];
             more.rdata = {203, 0, 113, 77};
             m.answer.insert(m.answer.begin(), more);
         })},
        {"address", "answer", "exact", addresses,
         changed([](Message& m, const Truth&) { m.answer[0].rdata[3] ^= 1; })},
        {"empty-answer", "answer", "exact", positive,
         changed([](Message& m, const Truth& t) {
             to_negative(m, Rcode::noerror, soa_of(dns::Name(t.question().name.view().parent())));
         })},
        {"chain-cut", "answer", "cname-chain", chain,
         changed([](Message& m, const Truth&) { m.answer.resize(1); })},
        {"chain-end", "answer", "cname-chain",
         [](const Truth& t) { return chain(t) && t.question().type == RrType::a; },
         changed([](Message& m, const Truth&) { first(m.answer, RrType::a).rdata[0] ^= 1; })},
        {"chain-link", "answer", "cname-chain", chain,
         changed([](Message& m, const Truth&) {
             m.answer[0].rdata = wire(name("elsewhere.invalid."));
             m.answer.resize(1);
         })},
        {"chain-order", "answer", "cname-chain", chain,
         changed([](Message& m, const Truth&) { std::reverse(m.answer.begin(), m.answer.end()); })},
        {"wildcard-data", "answer", "wildcard", synthesised,
         changed([](Message& m, const Truth&) { m.answer[0].rdata.back() ^= 1; })},
        {"wildcard-owner", "answer", "wildcard", synthesised,
         changed([](Message& m, const Truth& t) {
             const std::array<std::uint8_t, 1> asterisk = {'*'};
             const auto owner = dns::Name::join(asterisk, t.question().name.view().parent());
             for (Record& one : m.answer) one.owner = owner.value();
         })},
        {"dname-alone", "answer", "dname", redirected,
         changed([](Message& m, const Truth&) {
             m.answer.resize(1);
             m.authority.clear();
         })},
        {"dname-target", "answer", "dname", redirected,
         changed([](Message& m, const Truth&) {
             remove(m.answer, RrType::rrsig);
             m.answer.resize(2);
             m.answer[1].rdata = wire(name("elsewhere.invalid."));
             m.authority.clear();
         })},
        {"ttl", "TTL", "exact", positive,
         changed([](Message& m, const Truth&) { for (Record& one : m.answer) one.ttl = one.ttl / 2 + 1; })},
        {"ttl-in-chain", "TTL", "cname-chain", chain,
         changed([](Message& m, const Truth&) { m.answer[0].ttl += 17; })},
        {"ttl-wildcard", "TTL", "wildcard", synthesised,
         changed([](Message& m, const Truth&) { for (Record& one : m.answer) one.ttl += 1; })},
        {"ttl-negative", "TTL", "negative", negative,
         changed([](Message& m, const Truth&) { first(m.authority, RrType::soa).ttl += 86400; })},
        {"ttl-referral", "TTL", "delegation", referral,
         changed([](Message& m, const Truth&) { for (Record& one : m.authority) one.ttl += 1; })},
        {"soa-missing-nodata", "authority", "exact", no_data,
         changed([](Message& m, const Truth&) { m.authority.clear(); })},
        {"soa-missing-nxdomain", "authority", "negative", negative,
         changed([](Message& m, const Truth&) { m.authority.clear(); })},
        {"soa-missing-empty-non-terminal", "authority", "empty-non-terminal", at_empty_non_terminal,
         changed([](Message& m, const Truth&) { m.authority.clear(); })},
        {"soa-of-parent", "authority", "negative",
         [](const Truth& t) { return negative(t) && !t.message.authority[0].owner.view().is_root(); },
         changed([](Message& m, const Truth&) {
             Record& soa = first(m.authority, RrType::soa);
             soa.owner = dns::Name(soa.owner.view().parent());
         })},
        {"soa-serial", "authority", "negative", negative,
         changed([](Message& m, const Truth&) {
             dns::Rdata& rdata = first(m.authority, RrType::soa).rdata;
             ++rdata[rdata.size() - 17];
         })},
        {"ns-missing", "authority", "delegation",
         [](const Truth& t) { return referral(t) && count(t.message.authority, RrType::ns) >= 2; },
         changed([](Message& m, const Truth&) {
             const auto ns = std::find_if(m.authority.begin(), m.authority.end(), [](const Record& one) { return one.type == RrType::ns; });
             m.authority.erase(ns);
         })},
        {"ns-other", "authority", "delegation", referral,
         changed([](Message& m, const Truth&) { first(m.authority, RrType::ns).rdata = wire(name("ns.elsewhere.invalid.")); })},
        {"glue-missing", "glue", "delegation", has_glue,
         changed([](Message& m, const Truth&) { m.additional.clear(); })},
        {"glue-address", "glue", "delegation", has_glue,
         changed([](Message& m, const Truth&) { for (Record& one : m.additional) one.rdata.back() ^= 1; })},
        {"rrsig-missing", "proofs", "exact", [](const Truth& t) { return positive(t) && is_signed(t); },
         changed([](Message& m, const Truth&) { remove(m.answer, RrType::rrsig); })},
        {"rrsig-broken", "proofs", "exact", [](const Truth& t) { return positive(t) && is_signed(t); },
         changed([](Message& m, const Truth&) { first(m.answer, RrType::rrsig).rdata.back() ^= 1; })},
        {"denial-missing", "proofs", "negative", [](const Truth& t) { return negative(t) && is_signed(t); },
         changed([](Message& m, const Truth&) {
             std::erase_if(m.authority, [](const Record& one) { return one.type == RrType::nsec || one.type == RrType::nsec3; });
         })},
        {"denial-of-type-missing", "proofs", "exact", [](const Truth& t) { return no_data(t) && is_signed(t); },
         changed([](Message& m, const Truth&) {
             std::erase_if(m.authority, [](const Record& one) { return one.type == RrType::nsec || one.type == RrType::nsec3; });
         })},
        {"wildcard-proof-missing", "proofs", "wildcard", [](const Truth& t) { return synthesised(t) && is_signed(t); },
         changed([](Message& m, const Truth&) { m.authority.clear(); })},
        {"ds-missing", "proofs", "delegation", [](const Truth& t) { return referral(t) && has(t.message.authority, RrType::ds); },
         changed([](Message& m, const Truth&) { remove(m.authority, RrType::ds); })},
        // Not lies about the answer but in how it comes: found by what they are counted as.
        {"other-id", "timeout", "exact", positive,
         [](const Truth& t) {
             Octets out = t.octets;
             out[0] ^= 0x55;
             return out;
         }},
        {"other-question", "timeout", "exact", positive,
         [](const Truth& t) {
             Octets out = t.octets;
             out[13] ^= 1;
             return out;
         }},
        {"no-response-bit", "timeout", "exact", positive,
         [](const Truth& t) {
             Octets out = t.octets;
             out[2] = static_cast<std::uint8_t>(out[2] & 0x7f);
             return out;
         }},
    };
    return all;
}

// ---- The server

class Liar {
public:
    Liar(const catalogue::Catalogue& zones, const Lie& lie, std::uint64_t seed,
         std::uint64_t queries_max)
        : zones_(zones), lie_(lie) {
        choose(seed, queries_max);
    }

    const dns::Question& about() const { return about_; }

    /// The response; empty: none.
    Octets answer(base::Octets query, dns::Transport transport) const {
        Octets response(65535);
        const answer::Outcome outcome = respond(query, transport, response);
        response.resize(outcome.response_octets);
        const auto truth = truth_of(query, response, outcome, transport);
        if (truth && is_chosen(*truth)) return lie_.tell(*truth);
        return response;
    }

private:
    answer::Outcome respond(base::Octets query, dns::Transport transport, Octets& response) const {
        answer::Arrival arrival;
        arrival.transport = transport;
        arrival.client = dns::parse_address("127.0.0.1").value();
        arrival.node = &node_;
        return answer::respond(query, arrival, zones_, response);
    }

    std::optional<Truth> truth_of(base::Octets query, const Octets& response,
                                  const answer::Outcome& outcome, dns::Transport transport) const {
        Truth out;
        auto asked = dns::parse_message(query);
        auto answered = dns::parse_message(response);
        if (!asked || !answered || asked->questions.size() != 1) return std::nullopt;
        out.query = std::move(*asked);
        out.message = std::move(*answered);
        out.octets = response;
        out.wildcard = outcome.wildcard;
        out.over_udp = transport == dns::Transport::udp;
        if (const auto zone = zones_.find(out.question().name);
            zone && zone->state() == zone::State::serving) {
            const zone::ImageView image(zone->image());
            zone::LookupName name;
            name.assign(out.question().name);
            const zone::Match match =
                image.find(name, static_cast<std::uint8_t>(zone->apex().labels()));
            out.empty_non_terminal = match.kind == zone::Kind::exact && match.node.empty();
        }
        return out;
    }

    /// The chosen question, however it is asked.
    bool is_chosen(const Truth& truth) const {
        return truth.question().type == about_.type &&
               dns::equal(truth.question().name, about_.name) &&
               truth.asks_for_signatures() == about_signatures_ && (lie_.fits)(truth);
    }

    void choose(std::uint64_t seed, std::uint64_t queries_max) {
        const auto source = capture::from_zones(zones_, {.queries_max = queries_max});
        base::Seed random(seed);
        capture::Batch batch;
        std::uint64_t fitting = 0;
        while (!source->ended() && source->read(batch).has_value()) {
            for (const capture::Query& query : batch.queries()) {
                Octets response(65535);
                const answer::Outcome outcome = respond(query.message, query.transport, response);
                response.resize(outcome.response_octets);
                const auto truth = truth_of(query.message, response, outcome, query.transport);
                if (!truth || !(lie_.fits)(*truth) || truth->message.tc) continue;
                // Each with the same chance, in one pass.
                if (random.below(++fitting) != 0) continue;
                about_ = truth->question();
                about_signatures_ = truth->asks_for_signatures();
            }
            if (batch.size() == 0 && source->ended()) break;
        }
        if (fitting == 0)
            throw std::runtime_error(std::string("no question that fits the lie ") + lie_.name);
    }

    const catalogue::Catalogue& zones_;
    const Lie& lie_;
    answer::Identity node_;
    dns::Question about_;
    bool about_signatures_ = false;
};

bool read_all(int fd, std::uint8_t* to, std::size_t octets) {
    while (octets > 0) {
        const ssize_t got = recv(fd, to, octets, 0);
        if (got <= 0) return false;
        to += got;
        octets -= static_cast<std::size_t>(got);
    }
    return true;
}

void serve_stream(const Liar& liar, int fd) {
    std::array<std::uint8_t, 2> length{};
    std::vector<std::uint8_t> query;
    while (read_all(fd, length.data(), 2)) {
        query.resize(base::load_u16(length.data()));
        if (!read_all(fd, query.data(), query.size())) break;
        const Octets response = liar.answer(query, dns::Transport::tcp);
        if (response.empty()) continue;
        Octets framed(2);
        base::store_u16(framed.data(), static_cast<std::uint16_t>(response.size()));
        framed.insert(framed.end(), response.begin(), response.end());
        if (send(fd, framed.data(), framed.size(), MSG_NOSIGNAL) < 0) break;
    }
    close(fd);
}

[[noreturn]] void serve(const Liar& liar, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int udp = socket(AF_INET, SOCK_DGRAM, 0);
    const int tcp = socket(AF_INET, SOCK_STREAM, 0);
    const int yes = 1;
    const int buffer = 8 << 20;
    setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    if (bind(udp, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        bind(tcp, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(tcp, 100) != 0)
        throw std::runtime_error("port " + std::to_string(port) + " is in use");
    std::printf("lying about %s %s\n", dns::to_string(liar.about().name).c_str(),
                dns::to_string(liar.about().type).c_str());
    std::fflush(stdout);
    std::thread([&liar, tcp] {
        for (;;) {
            const int fd = accept(tcp, nullptr, nullptr);
            if (fd >= 0) std::thread(serve_stream, std::cref(liar), fd).detach();
        }
    }).detach();
    std::vector<std::uint8_t> query(65535);
    for (;;) {
        sockaddr_in from{};
        socklen_t size = sizeof from;
        const ssize_t got =
            recvfrom(udp, query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (got <= 0) continue;
        const Octets response = liar.answer(
            base::Octets(query).first(static_cast<std::size_t>(got)), dns::Transport::udp);
        if (!response.empty())
            sendto(udp, response.data(), response.size(), 0, reinterpret_cast<sockaddr*>(&from),
                   size);
    }
}

int run(const std::vector<std::string>& arguments) {
    std::map<std::string, std::string> flags;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i] == "--list") {
            for (const Lie& one : lies())
                std::printf("%s\t%s\t%s\n", one.name, one.what, one.where);
            return 0;
        }
        if (i + 1 == arguments.size()) throw std::runtime_error(arguments[i] + " without value");
        flags[arguments[i]] = arguments[i + 1];
        ++i;
    }
    const auto lie = std::find_if(lies().begin(), lies().end(),
                                  [&](const Lie& one) { return flags["--lie"] == one.name; });
    if (lie == lies().end())
        throw std::runtime_error("no lie '" + flags["--lie"] + "'; --list has them");
    auto loaded = load::LoadedStore::open(flags["--store"]);
    if (!loaded) throw std::runtime_error(loaded.error().text());
    catalogue::Catalogue zones(1, loaded->zones_expected());
    if (const auto report = loaded->load(zones); !report)
        throw std::runtime_error(report.error().text());
    const auto number = [&](const char* flag, std::uint64_t otherwise) {
        return flags.contains(flag) ? std::stoull(flags[flag]) : otherwise;
    };
    const Liar liar(zones, *lie, number("--seed", 1), number("--queries-max", UINT64_MAX));
    serve(liar, static_cast<std::uint16_t>(number("--port", 0)));
}

}  // namespace
}  // namespace zc::e2e

int main(int argc, char** argv) {
    try {
        return zc::e2e::run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "liar: %s\n", error.what());
        return 2;
    }
}
