// The answers of the server, as text: runs testdata/answer/.
//
//     zone [ORIGIN]              body: a master file; ORIGIN is its $ORIGIN (default: the root).
//                                "ok", or the problem
//     placeholder ORIGIN STATE   a zone that cannot answer: pending, broken, unsigned
//     remove ORIGIN              the zone goes away
//     node KEY=VALUE…            nsid= version= hostname= udp= cookies=CURRENT[,PREVIOUS]|off
//                                keepalive= now= client=
//     query NAME TYPE [OPTION…]  the response in the form of dns::message_text
//     packet [OPTION…]           body: the query in hex; "no response" when it is dropped
//
// Options of a query: do, edns[=OCTETS], version=N, option=CODE:HEX, cookie=HEX, nsid, tcp, class=,
// opcode=, flags=HEX, rd, octets (adds the size of the response), buffer=N (octets that the caller
// gives). NAME is sent in its case.
#include "answer/answer.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ldns/ldns.h>

#include "answer/query.h"
#include "dns/message.h"
#include "dns/presentation.h"
#include "testkit/script.h"
#include "testkit/value.h"
#include "zone/random_zone.h"

namespace zc::answer {
namespace {

using testkit::value;
using Octets = std::vector<std::uint8_t>;

unsigned long number(const std::string& text, int base = 10) {
    std::size_t used = 0;
    const unsigned long result = std::stoul(text, &used, base);
    if (used != text.size()) throw std::runtime_error("not a number: " + text);
    return result;
}

Octets from_hex(std::string_view text) {
    Octets out;
    std::string digits;
    for (const char c : text)
        if (c != ' ' && c != '\n' && c != '\t') digits += c;
    if (digits.size() % 2 != 0) throw std::runtime_error("odd number of hex digits");
    for (std::size_t at = 0; at < digits.size(); at += 2)
        out.push_back(static_cast<std::uint8_t>(number(digits.substr(at, 2), 16)));
    return out;
}

/// Hex, with # and what follows as comments.
Octets packet_octets(const std::string& body) {
    std::string hex;
    bool comment = false;
    for (const char c : body) {
        if (c == '#') comment = true;
        if (c == '\n') comment = false;
        if (!comment) hex += c;
    }
    return from_hex(hex);
}

void append_u16(Octets& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

/// The meaning of the words of a `query` line. Its octets are laid here and not by dns::encode_query: a
/// second pair of eyes.
struct Sent {
    Octets octets;
    dns::Transport transport = dns::Transport::udp;
    bool show_octets = false;
    std::size_t buffer = 4096;
};

Sent make_query(const std::vector<std::string>& words) {
    if (words.size() < 2) throw std::runtime_error("query NAME TYPE [OPTION…]");
    const dns::Name name = value(dns::Name::parse(words[0]));
    const auto type = value(dns::parse_type(words[1]));
    Sent sent;
    unsigned long flags = 0, opcode = 0, version = 0, udp_octets = 1232, edns_flags = 0;
    std::size_t qclass = 1;
    bool edns = false;
    Octets options;
    for (std::size_t i = 2; i < words.size(); ++i) {
        const std::string key = words[i].substr(0, words[i].find('='));
        const std::string rest =
            key.size() == words[i].size() ? "" : words[i].substr(key.size() + 1);
        const auto option = [&](std::size_t code, const Octets& data) {
            edns = true;
            append_u16(options, code);
            append_u16(options, data.size());
            options.insert(options.end(), data.begin(), data.end());
        };
        if (key == "do") {
            edns = true;
            edns_flags = 0x8000;
        } else if (key == "edns") {
            edns = true;
            if (!rest.empty()) udp_octets = number(rest);
        } else if (key == "version") {
            edns = true;
            version = number(rest);
        } else if (key == "cookie") {
            option(10, from_hex(rest));
        } else if (key == "nsid") {
            option(3, {});
        } else if (key == "option") {
            const std::size_t colon = rest.find(':');
            option(number(rest.substr(0, colon)), from_hex(rest.substr(colon + 1)));
        } else if (key == "tcp") {
            sent.transport = dns::Transport::tcp;
            sent.buffer = 65535;
        } else if (key == "class") {
            qclass = static_cast<std::size_t>(value(dns::parse_class(rest)));
        } else if (key == "opcode") {
            opcode = number(rest);
        } else if (key == "rd") {
            flags |= 0x0100;
        } else if (key == "flags") {
            flags |= number(rest, 16);
        } else if (key == "octets") {
            sent.show_octets = true;
        } else if (key == "buffer") {
            sent.buffer = number(rest);
        } else {
            throw std::runtime_error("unknown option " + words[i]);
        }
    }
    Octets& out = sent.octets;
    append_u16(out, 0x1234);
    append_u16(out, flags | (opcode << 11));
    append_u16(out, 1);
    append_u16(out, 0);
    append_u16(out, 0);
    append_u16(out, edns ? 1 : 0);
    out.insert(out.end(), name.wire().begin(), name.wire().end());
    append_u16(out, static_cast<std::size_t>(type));
    append_u16(out, qclass);
    if (edns) {
        out.push_back(0);
        append_u16(out, 41);
        append_u16(out, udp_octets);
        append_u16(out, version);  // behind the upper bits of the rcode, which are 0
        append_u16(out, edns_flags);
        append_u16(out, options.size());
        out.insert(out.end(), options.begin(), options.end());
    }
    return sent;
}

class Server {
public:
    std::string run(const testkit::Step& step) {
        if (step.directive == "zone") return zone(step);
        if (step.directive == "placeholder") return placeholder(step.words());
        if (step.directive == "remove") {
            zones_.insert({value(dns::Name::parse(step.args)), catalogue::Removed()});
            return "ok";
        }
        if (step.directive == "node") return node(step.words());
        if (step.directive == "query") return respond_to(make_query(step.words()));
        if (step.directive == "packet") {
            Sent sent;
            for (const std::string& word : step.words()) {
                if (word == "tcp")
                    sent.transport = dns::Transport::tcp;
                else if (word == "octets")
                    sent.show_octets = true;
                else
                    throw std::runtime_error("unknown option " + word);
            }
            sent.octets = packet_octets(step.body);
            return respond_to(sent);
        }
        throw std::runtime_error("unknown directive " + step.directive);
    }

private:
    std::string zone(const testkit::Step& step) {
        dns::MasterOptions options;
        options.origin = step.args.empty() ? dns::Name() : value(dns::Name::parse(step.args));
        struct Line {
            dns::Name owner;
            dns::RrType type;
            std::uint32_t ttl;
            Octets rdata;
        };
        std::vector<Line> lines;
        const dns::MasterReport report = dns::read_master(
            step.body, options, [&](const dns::RecordView& record, std::uint64_t) -> Status {
                lines.push_back({dns::Name(record.owner), record.type, record.ttl,
                                 Octets(record.rdata.begin(), record.rdata.end())});
                return {};
            });
        std::string out;
        for (const Error& error : report.errors) out += error.text() + '\n';
        const auto soa = std::ranges::find(lines, dns::RrType::soa, &Line::type);
        const dns::Name apex = soa == lines.end() ? options.origin : soa->owner;
        zone::Builder builder;
        builder.begin(apex);
        for (const Line& line : lines)
            if (const auto added = builder.add({line.owner, line.type, line.ttl, line.rdata});
                !added)
                out += added.error().text() + '\n';
        std::vector<Error> errors;
        auto image = builder.build(nullptr, &errors);
        for (const Error& error : errors) out += error.text() + '\n';
        if (!image || !out.empty()) return out;
        const auto valid = zone::validate(image->octets());
        if (!valid) return valid.error().text();
        zones_.insert({apex, *std::move(image)});
        return "ok";
    }

    std::string placeholder(const std::vector<std::string>& words) {
        const dns::Name apex = value(dns::Name::parse(words.at(0)));
        const zone::State state = words.at(1) == "pending"  ? zone::State::pending
                                  : words.at(1) == "broken" ? zone::State::broken
                                                            : zone::State::unsigned_;
        zones_.insert({apex, zone::placeholder(apex, state)});
        return "ok";
    }

    std::string node(const std::vector<std::string>& words) {
        for (const std::string& word : words) {
            const std::size_t equals = word.find('=');
            const std::string key = word.substr(0, equals),
                              rest = equals == std::string::npos ? "" : word.substr(equals + 1);
            if (key == "nsid")
                identity_.nsid = rest;
            else if (key == "version")
                identity_.version = rest;
            else if (key == "hostname")
                identity_.hostname = rest;
            else if (key == "udp")
                identity_.udp_octets_max = static_cast<std::uint16_t>(number(rest));
            else if (key == "keepalive")
                identity_.tcp_keepalive = static_cast<std::uint16_t>(number(rest));
            else if (key == "now")
                now_ = base::Instant{static_cast<std::int64_t>(number(rest)) * 1'000'000'000};
            else if (key == "client")
                client_ = value(dns::parse_address(rest));
            else if (key == "cookies") {
                identity_.cookies.enabled = rest != "off";
                if (rest == "off") continue;
                const Octets secrets =
                    from_hex(rest.substr(0, 32) +
                             (rest.size() > 33 ? rest.substr(33) : std::string(32, '0')));
                if (secrets.size() != 32) throw std::runtime_error("a secret has 32 digits");
                std::copy_n(secrets.begin(), 16, identity_.cookies.current.begin());
                std::copy_n(secrets.begin() + 16, 16, identity_.cookies.previous.begin());
            } else {
                throw std::runtime_error("unknown key " + word);
            }
        }
        return "ok";
    }

    std::string respond_to(const Sent& sent) {
        const Arrival arrival{
            .transport = sent.transport, .client = client_, .now = now_, .node = &identity_};
        Octets response(sent.buffer);  // of exactly that size: a write behind it is seen under ASan
        const Outcome outcome = respond(sent.octets, arrival, zones_, response);
        response.resize(outcome.response_octets);
        if (response.empty()) return "no response";

        std::string out;
        auto message = dns::parse_message(response);
        if (!message) return "malformed response: " + message.error().text();
        out += dns::message_text(*message);
        const std::size_t question_end =
            message->questions.empty() ? 12 : 16 + message->questions[0].name.size();
        if (response.size() < question_end || sent.octets.size() < question_end ||
            !std::equal(response.begin() + 12,
                        response.begin() + static_cast<std::ptrdiff_t>(question_end),
                        sent.octets.begin() + 12))
            out += "the question is another\n";
        if (message->id != base::load_u16(sent.octets.data()) || !message->qr)
            out += "the id or QR is another\n";
        if (message->rcode != outcome.rcode || message->tc != outcome.truncated)
            out += "the outcome is another\n";
        if (outcome.cookie_valid) out += "cookie valid\n";
        if (sent.show_octets) out += std::to_string(response.size()) + " octets\n";
        ldns_pkt* packet = nullptr;
        if (ldns_wire2pkt(&packet, response.data(), response.size()) != LDNS_STATUS_OK)
            out += "ldns cannot read it\n";
        ldns_pkt_free(packet);
        if (!batch_agrees(sent, arrival, response)) out += "in a batch the answer is another\n";
        return out;
    }

    /// The same query among others, at every place of a batch that is longer than one stage.
    bool batch_agrees(const Sent& sent, const Arrival& arrival, const Octets& alone) {
        static const Octets other = make_query({"other.example.", "TXT", "do"}).octets;
        std::vector<Octets> buffers(2 * batch_max, Octets(sent.buffer));
        std::vector<Exchange> batch(2 * batch_max);
        for (std::size_t i = 0; i < batch.size(); ++i)
            batch[i] = {i % 3 == 0 ? base::Octets(sent.octets) : base::Octets(other),
                        buffers[i],
                        arrival,
                        {}};
        respond(batch, zones_);
        for (std::size_t i = 0; i < batch.size(); i += 3)
            if (!std::ranges::equal(
                    base::Octets(buffers[i]).first(batch[i].outcome.response_octets), alone))
                return false;
        return true;
    }

    catalogue::Catalogue zones_{0x5eed};
    Identity identity_;
    base::Instant now_;
    dns::Address client_{{192, 0, 2, 53}, 4};
};

using zone::random::record;

void insert_zone(catalogue::Catalogue& zones, const std::string& apex,
                 const std::vector<zone::random::Record>& records) {
    zones.insert(
        {zone::random::name(apex), value(zone::random::build(zone::random::name(apex), records))});
}

struct Asked {
    Outcome outcome;
    dns::Message message;
};

/// Asks for `name` A with DO.
Asked ask(const catalogue::Catalogue& zones, const std::string& name, dns::Transport transport,
          HashBudget* budget, base::Instant now) {
    Identity identity;
    const Sent sent = make_query({name, "A", "do"});
    Octets response(65535);
    Asked asked;
    asked.outcome = respond(sent.octets,
                            {.transport = transport,
                             .client = {},
                             .now = now,
                             .node = &identity,
                             .hash_budget = budget},
                            zones, response);
    response.resize(asked.outcome.response_octets);
    asked.message = value(dns::parse_message(response));
    return asked;
}

TEST_CASE("a zone's extra NSEC3 hashing gets half of what is left, and all again a second later") {
    HashBudget budget;
    constexpr std::uint32_t all = HashBudget::rounds_per_second;
    const base::Instant start{1'700'000'000'000'000'000};
    const auto taken = [&](std::uint64_t zone, base::Instant now) {
        std::uint32_t sum = 0;
        while (budget.take(zone, 100, now)) sum += 100;
        return sum;
    };
    CHECK(taken(1, start) == all / 2);
    CHECK(taken(2, start) == all / 4);
    CHECK(taken(1, start + base::Duration::milliseconds(999)) == 0);
    CHECK(taken(3, start + base::Duration::milliseconds(999)) == all / 8);
    CHECK(taken(1, start + base::Duration::seconds(1)) == all / 2);
    CHECK(taken(1, start - base::Duration::seconds(9)) == all / 2);  // a clock set back
    CHECK_FALSE(budget.take(77, 0xffffffff, start));
}

TEST_CASE("answers whose NSEC3 hashes are over the budget are TC over UDP, SERVFAIL over TCP") {
    catalogue::Catalogue zones(7);
    insert_zone(zones, "costly.test.", zone::random::nsec3_zone("costly.test.", 500));
    insert_zone(zones, "other.test.", zone::random::nsec3_zone("other.test.", 300));
    insert_zone(zones, "ordinary.test.", zone::random::nsec3_zone("ordinary.test.", 150));
    const base::Instant start{1'700'000'000'000'000'000};
    for (const auto transport : {dns::Transport::udp, dns::Transport::tcp}) {
        HashBudget budget;
        const auto is_whole = [&](const std::string& name, base::Instant now) {
            const Asked asked = ask(zones, name, transport, &budget, now);
            if (asked.outcome.rcode == dns::Rcode::nxdomain && !asked.message.tc) {
                CHECK(std::ranges::count(asked.message.authority, dns::RrType::nsec3,
                                         &dns::Record::type) == 1);
                return true;
            }
            CHECK(asked.message.answer.empty());
            CHECK(asked.message.authority.empty());
            CHECK(asked.message.tc == (transport == dns::Transport::udp));
            CHECK(asked.outcome.truncated == asked.message.tc);
            if (transport == dns::Transport::tcp)
                CHECK(asked.message.rcode == dns::Rcode::servfail);
            return false;
        };
        // 350 of 501 rounds are counted.
        std::uint32_t whole = 0;
        while (is_whole("x" + std::to_string(whole) + ".costly.test.", start)) ++whole;
        CHECK(whole == HashBudget::rounds_per_second / 2 / 350);
        CHECK(is_whole("x.other.test.", start));
        for (int i = 0; i < 1000; ++i) REQUIRE(is_whole("x.ordinary.test.", start));
        // A question that needs no hash is answered, and all are after a second.
        CHECK(ask(zones, "costly.test.", transport, &budget, start).outcome.rcode ==
              dns::Rcode::noerror);
        CHECK_FALSE(is_whole("x.costly.test.", start));
        CHECK(is_whole("x.costly.test.", start + base::Duration::seconds(1)));
    }
}

TEST_CASE("many hashes of few iterations in one answer are counted too") {
    catalogue::Catalogue zones(7);
    auto records = zone::random::nsec3_zone("chain.test.", 150);
    for (int i = 0; i < 20; ++i)
        records.push_back(record("*.w" + std::to_string(i) + ".chain.test.", dns::RrType::cname,
                                 "x.w" + std::to_string(i + 1) + ".chain.test."));
    insert_zone(zones, "chain.test.", records);
    HashBudget budget;
    const base::Instant start{1'700'000'000'000'000'000};
    int whole = 0;
    for (; !ask(zones, "x.w0.chain.test.", dns::Transport::tcp, &budget, start)
                .message.answer.empty();
         ++whole)
        REQUIRE(whole < 1000);
    CHECK(whole > 100);
    // A single one still is done.
    CHECK(ask(zones, "x.w20.chain.test.", dns::Transport::tcp, &budget, start).outcome.rcode ==
          dns::Rcode::nxdomain);
}

TEST_CASE("a referral has all glue below the cut or is TC, and siblings never displace it") {
    const auto refer = [](unsigned siblings, unsigned inside, dns::Transport transport) {
        catalogue::Catalogue zones(7);
        std::vector<zone::random::Record> records = {
            record("p.test.", dns::RrType::soa, ". . 1 7200 900 86400 300")};
        for (unsigned i = 0; i < siblings + inside; ++i) {
            const std::string target = i < siblings ? "a" + std::to_string(i) + ".p.test."
                                                    : "z" + std::to_string(i) + ".sub.p.test.";
            records.push_back(record("sub.p.test.", dns::RrType::ns, target));
            records.push_back(record(target, dns::RrType::a, "192.0.2.1"));
            records.push_back(record(target, dns::RrType::aaaa, "2001:db8::1"));
        }
        insert_zone(zones, "p.test.", records);
        return ask(zones, "www.sub.p.test.", transport, nullptr, {});
    };
    const auto below = [](const Asked& asked) {
        return std::ranges::count_if(asked.message.additional, [](const dns::Record& record) {
            return dns::to_string(record.owner).starts_with("z");
        });
    };
    Asked asked = refer(0, 300, dns::Transport::tcp);
    CHECK_FALSE(asked.message.tc);
    CHECK(asked.message.authority.size() == 300);
    CHECK(below(asked) == 600);
    CHECK(refer(0, 300, dns::Transport::udp).message.tc);
    CHECK(refer(300, 300, dns::Transport::udp).message.tc);

    // 1,000 siblings come before in canonical order, and not all of them fit.
    asked = refer(1000, 100, dns::Transport::tcp);
    CHECK_FALSE(asked.message.tc);
    CHECK(below(asked) == 200);
    CHECK(asked.message.additional.size() > 200);

    // More below the cut than a message holds.
    CHECK(refer(0, 1500, dns::Transport::tcp).message.tc);
    CHECK(refer(1000, 1200, dns::Transport::tcp).message.tc);
}

TEST_CASE("what is asked is answered as the scripts say") {
    testkit::run_scripts("answer", [] {
        return [server = std::make_shared<Server>()](const testkit::Step& step) {
            return server->run(step);
        };
    });
}

}  // namespace
}  // namespace zc::answer
