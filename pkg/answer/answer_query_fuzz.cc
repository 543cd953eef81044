// Any octets as a query, against zones in which looking up is hard. An input is one octet that
// chooses the transport and the client, then the packet. The response has to be within its limit, a
// message to our parser and to ldns, one that belongs to the query, and the same octets in the
// middle of a batch.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>  // before ldns, which makes `false` a macro
#include <string>
#include <vector>

#include <ldns/ldns.h>

#include "answer/answer.h"
#include "base/check.h"
#include "dns/message.h"
#include "dns/presentation.h"

namespace {

using namespace zc;  // NOLINT(google-build-using-namespace): a program of its own

constexpr std::string_view zones_text[] = {
    R"($ORIGIN example.
@ 60 SOA ns hm 1 2 3 4 5
@ 60 NS ns
@ 60 MX 10 mail
ns 60 A 192.0.2.1
*.w 60 CNAME x.v
*.v 60 A 192.0.2.2
a 60 CNAME b
b 60 CNAME c
c 60 CNAME a
self 60 CNAME self
out 60 CNAME q.example.net.
d 60 DNAME e
x.e 60 A 192.0.2.3
l 60 DNAME l.l
sub 60 NS ns.sub
sub 60 NS ns.sib
ns.sub 60 A 192.0.2.4
ns.sib 60 AAAA 2001:db8::1
sib 60 NS ns.sib
t.*.ent 60 TXT "an empty wildcard"
\000\255 60 TXT "octets"
$GENERATE 0-99 big 60 A 192.0.2.$
$GENERATE 0-99 mx 60 MX $ host$.mail
)",
    R"($ORIGIN example.net.
@ 60 SOA ns hm 1 2 3 4 5
@ 60 RRSIG SOA 13 2 60 20800101000000 20200101000000 1 example.net. c2ln
@ 60 NSEC a.*.e NS SOA RRSIG NSEC
@ 60 RRSIG NSEC 13 2 60 20800101000000 20200101000000 1 example.net. c2ln
a.*.e 60 A 192.0.2.1
a.*.e 60 NSEC *.q A NSEC
*.q 60 CNAME r.p
*.q 60 RRSIG CNAME 13 3 60 20800101000000 20200101000000 1 example.net. c2ln
*.q 60 NSEC *.p CNAME RRSIG NSEC
*.p 60 DNAME example.
*.p 60 TXT synthesised
*.p 60 NSEC cut TXT DNAME NSEC
cut 60 NS ns.cut
ns.cut 60 A 192.0.2.2
cut 60 NSEC ds NS NSEC
ds 60 NS ns.elsewhere.
ds 60 DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ds 60 NSEC @ NS DS NSEC
)",
    R"($ORIGIN example.org.
@ 60 SOA ns hm 1 2 3 4 5
@ 60 NSEC3PARAM 1 0 2 abcd
* 60 A 192.0.2.1
cut 60 NS ns.cut
x.ent 60 NS ns.elsewhere.
alias 60 CNAME t.u.v.w
flat 60 ALIAS alias
round 60 ALIAS round
to-p 60 ALIAS x.p.example.
00000000000000000000000000000000 60 NSEC3 1 1 2 abcd 80000000000000000000000000000000 A
80000000000000000000000000000000 60 NSEC3 1 1 2 abcd 00000000000000000000000000000000 A
)",
    ". 60 SOA . . 1 2 3 4 5\norg. 60 NS ns.org.\nexample.org. 60 NS ns.org.\nexample.org. 60 DS 1 "
    "13 2 0000000000000000000000000000000000000000000000000000000000000000\n",
};

struct Server {
    catalogue::Catalogue zones{0x5eed};
    answer::Identity node;

    Server() {
        for (const std::string_view text : zones_text) {
            zone::Builder builder;
            bool begun = false;
            const auto report =
                dns::read_master(text, {}, [&](const dns::RecordView& record, std::uint64_t) {
                    if (!begun) builder.begin(record.owner);
                    begun = true;
                    return builder.add(record);
                });
            for (const Error& error : report.errors)
                std::fprintf(stderr, "%s\n", error.text().c_str());
            auto image = builder.build();
            ZC_CHECK(report.errors.empty() && image.has_value());
            const dns::Name apex(zone::Zone(image->octets().data()).apex());
            zones.insert({apex, *std::move(image)});
        }
        auto pending = dns::Name::parse("pending.example.");
        zones.insert({*pending, zone::placeholder(*pending, zone::State::pending)});
        node.nsid = "n";
        node.version = "v";
        node.hostname = "h";
        node.tcp_keepalive = 10;
        node.cookies.current.fill(7);
    }
};

/// Where the query is one that the packet does not hide, the response has to be one that says
/// something.
void check(base::Octets query, const answer::Arrival& arrival, const answer::Outcome& outcome,
           base::Octets response) {
    if (response.empty()) {
        ZC_CHECK(query.size() < 12 || (query[2] & 0x80U) != 0);
        return;
    }
    const auto message = dns::parse_message(response);
    if (!message) std::fprintf(stderr, "%s\n", message.error().text().c_str());
    ZC_CHECK(message.has_value());
    ZC_CHECK(message->trailing_octets == 0);
    ZC_CHECK(message->qr && message->id == base::load_u16(query.data()));
    ZC_CHECK(message->rcode == outcome.rcode && message->tc == outcome.truncated &&
             message->edns.has_value() == outcome.edns);
    ZC_CHECK(message->questions.size() <= 1);
    if (arrival.transport == dns::Transport::udp)
        ZC_CHECK(response.size() <= (outcome.edns ? std::size_t{1232} : std::size_t{512}));
    if (message->tc)
        ZC_CHECK(message->answer.empty() && message->authority.empty() &&
                 message->additional.empty());
    ldns_pkt* packet = nullptr;
    ZC_CHECK(ldns_wire2pkt(&packet, response.data(), response.size()) == LDNS_STATUS_OK);
    ldns_pkt_free(packet);

    std::vector<std::string> records;
    for (const auto* section : {&message->answer, &message->authority, &message->additional})
        for (const dns::Record& record : *section) records.push_back(dns::record_text(record));
    std::ranges::sort(records);
    ZC_CHECK(std::ranges::adjacent_find(records) == records.end());
    // RFC 2308: what denies has an SOA; a referral has NS.
    const bool negative = message->aa && !message->tc && message->answer.empty() &&
                          !message->questions.empty() &&
                          message->questions[0].rr_class == dns::RrClass::in;
    if (negative)
        ZC_CHECK(!message->authority.empty() && message->authority[0].type == dns::RrType::soa);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Server server;
    if (size == 0 || size > 65536) return 0;
    const std::uint8_t choice = data[0];
    const base::Octets query(data + 1, size - 1);
    answer::Arrival arrival{
        .transport = (choice & 1U) != 0 ? dns::Transport::tcp : dns::Transport::udp,
        .client = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                   static_cast<std::uint8_t>((choice & 2U) != 0 ? 16 : 4)},
        .now = {1'700'000'000'000'000'000},
        .node = &server.node};
    const std::size_t room = (choice & 4U) != 0                         ? 512
                             : arrival.transport == dns::Transport::tcp ? 65535
                                                                        : 1232;

    std::vector<std::uint8_t> response(room);
    const answer::Outcome outcome = answer::respond(query, arrival, server.zones, response);
    ZC_CHECK(outcome.response_octets <= room);
    response.resize(outcome.response_octets);
    check(query, arrival, outcome, response);

    static constexpr std::uint8_t other[] = {0,   1,   0,   0,   0, 1,   0, 0,   0,   0,
                                             0,   0,   1,   'x', 1, 'w', 7, 'e', 'x', 'a',
                                             'm', 'p', 'l', 'e', 0, 0,   1, 0,   1};
    std::vector<std::uint8_t> buffers[3] = {std::vector<std::uint8_t>(room),
                                            std::vector<std::uint8_t>(room),
                                            std::vector<std::uint8_t>(room)};
    answer::Exchange batch[3] = {{other, buffers[0], arrival, {}},
                                 {query, buffers[1], arrival, {}},
                                 {other, buffers[2], arrival, {}}};
    answer::respond(batch, server.zones);
    ZC_CHECK(std::ranges::equal(base::Octets(buffers[1]).first(batch[1].outcome.response_octets),
                                response));
    ZC_CHECK(batch[1].outcome.rate_key == outcome.rate_key &&
             batch[1].outcome.cookie_valid == outcome.cookie_valid);
    return 0;
}
