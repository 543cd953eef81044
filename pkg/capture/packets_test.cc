#include "capture/packets.h"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

#include "capture/packet_builder.h"
#include "capture/reading.h"
#include "capture/sources.h"
#include "testkit/script.h"

namespace zc::capture {
namespace {

using namespace building;

constexpr SourceOptions answered{.answers = SourceOptions::Answers::wanted};

Reading read(const Octets& file, const SourceOptions& options = {}, std::uint64_t behind = 0) {
    auto source = open_input(Input::memory(file), options);
    REQUIRE_MESSAGE(source.has_value(), (source ? "" : source.error().text()));
    REQUIRE((*source)->resume_behind(behind).has_value());
    return read_all(**source);
}
std::string text(const PcapFile& file, const SourceOptions& options = {}) {
    return text_of(read(file.octets(), options));
}
std::string error(const Octets& file) {
    const auto source = open_input(Input::memory(file), {});
    return source ? "" : source.error().text();
}

const std::string one_query = "1 udp 192.0.2.1 4000 a.example. A\n";

/// `message` in fragments of 16 octets of IP payload.
std::vector<Octets> fragments(const Ends& from, const Octets& message, std::uint32_t id = 7) {
    const Octets whole = udp(from, message);
    std::vector<Octets> packets;
    for (std::size_t at = 0; at < whole.size(); at += 16) {
        const std::size_t end = std::min(at + 16, whole.size());
        const Fragmented place{id, at, end < whole.size()};
        packets.push_back(
            ethernet(ip(from, 17, base::Octets(whole).subspan(at, end - at), &place)));
    }
    return packets;
}

}  // namespace

TEST_CASE("a query is found on every kind of link") {
    const Octets packet = ip(ends(), 17, udp(ends(), query("a.example.")));
    const Octets packet6 = ip(ends(4000, "2001:db8::1", "2001:db8::53"), 17,
                              udp(ends(4000, "2001:db8::1", "2001:db8::53"), query("a.example.")));
    const std::string one_query6 = "1 udp 2001:db8::1 4000 a.example. A\n";
    const auto on = [&](std::uint32_t link, const Octets& header, const Octets& what) {
        return text(PcapFile(link).add(cat({header, what})));
    };
    CHECK(text(PcapFile().add(ethernet(packet))) == one_query);
    CHECK(text(PcapFile().add(ethernet(packet6))) == one_query6);
    CHECK(text(PcapFile().add(ethernet(packet, {0x8100}))) == one_query);
    CHECK(text(PcapFile().add(ethernet(packet6, {0x88a8, 0x8100}))) == one_query6);
    CHECK(on(101, {}, packet) == one_query);
    CHECK(on(101, {}, packet6) == one_query6);
    CHECK(on(228, {}, packet) == one_query);
    CHECK(on(229, {}, packet6) == one_query6);
    CHECK(on(113, Octets{0, 0, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0}, packet) == one_query);
    CHECK(on(276, Octets{0x86, 0xdd, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0},
             packet6) == one_query6);
    CHECK(on(0, {2, 0, 0, 0}, packet) == one_query);
    CHECK(on(108, {0, 0, 0, 30}, packet6) == one_query6);
}

TEST_CASE("a file of another link type or a broken header is an error that says so") {
    CHECK(error(PcapFile(105).octets()) ==
          "memory: unsupported: link type IEEE802_11, wanted EN10MB, RAW, IPV4, IPV6, LINUX_SLL, "
          "LINUX_SLL2, NULL or LOOP");
    Octets file = PcapFile().octets();
    file.resize(10);
    CHECK(error(file).find("malformed") != std::string::npos);
    file = PcapFile().octets();
    file[5] = 99;  // its version
    CHECK(error(file).find("version") != std::string::npos);
}

TEST_CASE("what is not a query of the port is counted by why") {
    const auto counted = [](const Octets& packet, std::size_t wire_octets = 0) {
        return text(PcapFile().add(packet, 1'700'000'000, wire_octets));
    };
    Ends other = ends();
    other.target_port = 54;
    CHECK(counted(udp_packet(other, query("a.example."))) == "not-dns 1\n");
    CHECK(counted(ethernet(ip(ends(), 1, Octets(40)))) == "not-dns 1\n");  // ICMP
    Octets arp(60);
    arp[12] = 8;
    arp[13] = 6;
    CHECK(counted(arp) == "not-dns 1\n");
    CHECK(counted(Octets(9)) == "not-dns 1\n");

    CHECK(counted(udp_packet(ends(), Octets(11))) == "malformed 1\n");
    CHECK(counted(udp_packet(ends(), Octets(40))) == "malformed 1\n");  // no question
    CHECK(counted(udp_packet(ends(), answer_to(query("a.example.")))) == "malformed 1\n");
    Octets broken = query("a.example.");
    broken[12] = 0xc0;  // a pointer instead of a name
    CHECK(counted(udp_packet(ends(), broken)) == "malformed 1\n");
    broken = query("a.example.");
    broken.resize(broken.size() - 1);
    CHECK(counted(udp_packet(ends(), broken)) == "malformed 1\n");

    Octets notify = query("a.example.");
    notify[2] |= 4U << 3U;
    CHECK(counted(udp_packet(ends(), notify)) == "other-operation 1\n");
    CHECK(counted(udp_packet(ends(), query("a.example.", 1, dns::RrType::ixfr))) ==
          "other-operation 1\n");

    const Octets whole = udp_packet(ends(), query("a.long.name.in.the.example."));
    for (const std::size_t captured : {13U, 20U, 38U, 60U})
        CHECK(counted({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(captured)},
                      whole.size()) == "cut-short 1\n");
}

TEST_CASE("a file that is cut off anywhere gives what is whole, and says that it was cut") {
    PcapFile file;
    file.add(udp_packet(ends(), query("a.example.")));
    const std::size_t whole = file.octets().size();
    file.add(udp_packet(ends(), query("b.example.")));
    for (std::size_t size = whole; size < file.octets().size(); ++size) {
        Octets cut = file.octets();
        cut.resize(size);
        CHECK(text_of(read(cut)) == one_query + (size == whole ? "" : "cut-short 1\n"));
    }
}

TEST_CASE("what is behind a broken record is not made up: an error after what was whole") {
    PcapFile file;
    file.add(udp_packet(ends(), query("a.example.")));
    Octets octets = file.octets();
    put32(octets, 0);
    put32(octets, 0);
    put32(octets, 0xffffffffU);
    put32(octets, 0xffffffffU);
    octets.resize(octets.size() + 100);
    const Reading reading = read(octets);
    CHECK(reading.queries.size() == 1);
    CHECK(reading.error.find("memory: malformed: ") == 0);
}

TEST_CASE("fragments are put together in any order") {
    const Octets message = query("a.name.of.some.more.labels.example.");
    const std::string wanted = "1 udp 192.0.2.1 4000 a.name.of.some.more.labels.example. A\n";
    std::vector<Octets> packets = fragments(ends(), message);
    REQUIRE(packets.size() == 4);
    std::vector<std::size_t> order = {0, 1, 2, 3};
    do {
        PcapFile file;
        for (const std::size_t i : order) {
            file.add(packets[i]);
            if (i == 1) file.add(packets[i]);  // twice: once is enough
        }
        // A copy behind the whole begins a datagram anew.
        const std::string lost = order[3] == 1 ? "fragment 1\n" : "";
        CHECK(text(file) == wanted + lost);
    } while (std::next_permutation(order.begin(), order.end()));

    packets = fragments(ends(4000, "2001:db8::1", "2001:db8::53"), message);
    PcapFile file;
    for (auto it = packets.rbegin(); it != packets.rend(); ++it) file.add(*it);
    CHECK(text(file) == "1 udp 2001:db8::1 4000 a.name.of.some.more.labels.example. A\n");
}

TEST_CASE("fragments whose rest never comes are counted once a datagram") {
    const std::vector<Octets> packets =
        fragments(ends(), query("a.name.of.some.more.labels.example."));
    CHECK(text(PcapFile().add(packets[0]).add(packets[1])) == "fragment 1\n");
    // Too late: 31 s.
    CHECK(text(PcapFile()
                   .add(packets[0], 1000)
                   .add(packets[1], 1000)
                   .add(packets[2], 1000)
                   .add(udp_packet(ends(), query("a.example.")), 1031)
                   .add(packets[3], 1031)) == one_query + "fragment 2\n");
    // Not of the same datagram.
    const std::vector<Octets> others =
        fragments(ends(), query("a.name.of.some.more.labels.example."), 8);
    CHECK(text(PcapFile().add(packets[0]).add(packets[1]).add(packets[2]).add(others[3])) ==
          "fragment 2\n");
    // Overlapping ones are an attack or a fault.
    const Octets whole = udp(ends(), query("a.name.of.some.more.labels.example."));
    const Fragmented first{7, 0, true}, second{7, 16, true};
    CHECK(text(PcapFile()
                   .add(ethernet(ip(ends(), 17, base::Octets(whole).first(24), &first)))
                   .add(ethernet(ip(ends(), 17, base::Octets(whole).subspan(16, 24), &second)))) ==
          "fragment 1\n");
}

TEST_CASE("more datagrams in fragments than there is room for push the oldest out") {
    PcapFile file;
    const Octets message = query("a.name.of.some.more.labels.example.");
    for (std::uint32_t id = 0; id < 1025; ++id) file.add(fragments(ends(), message, id)[0]);
    for (const std::uint32_t id : {0U, 1U}) {
        const auto packets = fragments(ends(), message, id);
        for (std::size_t i = 1; i < packets.size(); ++i) file.add(packets[i]);
    }
    // The first fragment of ID 0 is gone; ID 1 is pushed out by the next ones of ID 0.
    CHECK(read(file.octets()).queries.empty());
}

TEST_CASE("TCP: several messages in a segment, a message in several segments") {
    const Octets two = cat({framed(query("a.example.", 1)), framed(query("b.example.", 2))});
    const std::string wanted =
        "1 tcp 192.0.2.1 4000 a.example. A\n2 tcp 192.0.2.1 4000 b.example. A\n";
    CHECK(
        text(PcapFile().add(tcp_packet(ends(), 99, syn)).add(tcp_packet(ends(), 100, ack, two))) ==
        wanted);
    for (std::size_t cut = 1; cut < two.size(); ++cut) {
        const Octets head(two.begin(), two.begin() + static_cast<std::ptrdiff_t>(cut));
        const Octets tail(two.begin() + static_cast<std::ptrdiff_t>(cut), two.end());
        const auto next = static_cast<std::uint32_t>(100 + cut);
        const Octets first = tcp_packet(ends(), 100, ack, head);
        const Octets second = tcp_packet(ends(), next, ack, tail);
        const Octets begin = tcp_packet(ends(), 99, syn);
        CHECK(text(PcapFile().add(begin).add(first).add(second)) == wanted);
        CHECK(text(PcapFile().add(begin).add(second).add(first)) == wanted);  // out of order
        CHECK(text(PcapFile().add(begin).add(first).add(first).add(second).add(first)) == wanted);
        // Sent again, with more: overlapping what was there.
        CHECK(text(PcapFile().add(begin).add(first).add(tcp_packet(ends(), 100, ack, two))) ==
              wanted);
    }
}

TEST_CASE("TCP: octet by octet, backwards, over the end of the sequence numbers") {
    const Octets octets = framed(query("a.example."));
    PcapFile file;
    file.add(tcp_packet(ends(), 0xfffffff0U, syn));
    for (std::size_t i = octets.size(); i-- > 0;)
        file.add(tcp_packet(ends(), static_cast<std::uint32_t>(0xfffffff1U + i), ack, {octets[i]}));
    CHECK(text(file) == "1 tcp 192.0.2.1 4000 a.example. A\n");
}

TEST_CASE("TCP: a capture may begin in the middle of a stream") {
    const Octets message = framed(query("a.example."));
    CHECK(text(PcapFile().add(tcp_packet(ends(), 5000, ack, message))) ==
          "1 tcp 192.0.2.1 4000 a.example. A\n");
    // In the middle of a message: it finds the next that begins a segment.
    CHECK(text(PcapFile()
                   .add(tcp_packet(ends(), 5000, ack, Octets(30, 'x')))
                   .add(tcp_packet(ends(), 5030, ack, message))) ==
          "1 tcp 192.0.2.1 4000 a.example. A\ntcp-gap 1\n");
}

TEST_CASE("TCP: a hole is counted once, and what is behind it is found again") {
    const Octets message = framed(query("a.example."));
    const auto size = static_cast<std::uint32_t>(message.size());
    PcapFile file;
    file.add(tcp_packet(ends(), 99, syn), 1000);
    file.add(tcp_packet(ends(), 100, ack, message), 1000);
    // The second is missing.
    for (std::uint32_t i = 2; i < 5; ++i)
        file.add(tcp_packet(ends(), 100 + i * size, ack, message), 1000 + i);
    CHECK(text(file) ==
          "1 tcp 192.0.2.1 4000 a.example. A\n2 tcp 192.0.2.1 4000 a.example. A\n"
          "3 tcp 192.0.2.1 4000 a.example. A\n4 tcp 192.0.2.1 4000 a.example. A\ntcp-gap 1\n");
    // One that stays open to the end.
    CHECK(text(PcapFile()
                   .add(tcp_packet(ends(), 99, syn))
                   .add(tcp_packet(ends(), 100 + size, ack, message))) ==
          "1 tcp 192.0.2.1 4000 a.example. A\ntcp-gap 1\n");
}

TEST_CASE("TCP: behind a hole a message is met again wherever in a segment it begins") {
    // As one long transfer of queries, cut where the network pleases.
    Octets stream;
    constexpr std::size_t messages = 40;
    for (std::uint16_t i = 0; i < messages; ++i)
        put(stream, framed(query("n" + std::to_string(i) + ".example.", i)));
    const std::size_t each = stream.size() / messages;
    for (std::size_t cut = 1; cut < 3 * each; cut += 5) {
        for (const std::size_t size : {1U, 2U, 7U, 50U, 500U}) {
            // The first segment, then a hole of one octet, then all the rest.
            PcapFile file;
            file.add(tcp_packet(ends(), 99, syn), 1000);
            file.add(
                tcp_packet(ends(), 100, ack,
                           {stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(cut)}),
                1000);
            double at = 1000;
            for (std::size_t from = cut + 1; from < stream.size(); from += size) {
                const auto begin = stream.begin() + static_cast<std::ptrdiff_t>(from);
                const auto end = static_cast<std::size_t>(stream.end() - begin) < size
                                     ? stream.end()
                                     : begin + static_cast<std::ptrdiff_t>(size);
                file.add(
                    tcp_packet(ends(), static_cast<std::uint32_t>(100 + from), ack, {begin, end}),
                    at += 0.1);
            }
            const Reading reading = read(file.octets());
            INFO(cut, " ", size);
            // Lost is the message with the hole in it, and nothing else; two, where a name that
            // lost an octet takes some of the next.
            CHECK(reading.queries.size() >= messages - 2);
            CHECK(reading.queries.size() < messages);
            CHECK(text_of(reading.counts) == "tcp-gap 1\n");
        }
    }
}

TEST_CASE("TCP: a hole that is larger than any window, and answers without a question") {
    const Octets message = framed(query("a.example."));
    const auto size = static_cast<std::uint32_t>(message.size());
    CHECK(text(PcapFile()
                   .add(tcp_packet(ends(), 99, syn))
                   .add(tcp_packet(ends(), 100, ack, message))
                   .add(tcp_packet(ends(), 100 + (64U << 20U), ack, message))
                   .add(tcp_packet(ends(), 100 + (64U << 20U) + size, ack, message))) ==
          "1 tcp 192.0.2.1 4000 a.example. A\n2 tcp 192.0.2.1 4000 a.example. A\n"
          "3 tcp 192.0.2.1 4000 a.example. A\ntcp-gap 1\n");
    // Nothing that could be a message: the stream is lost to its end, which is said once.
    PcapFile file;
    for (std::uint32_t i = 0; i < 50; ++i)
        file.add(tcp_packet(ends(), 5000 + i * 100, i == 49 ? fin : ack, Octets(100, 0x16)));
    CHECK(text(file) == "tcp-gap 1\n");
    // The length alone in a segment of its own, as many programs write it.
    CHECK(text(PcapFile()
                   .add(tcp_packet(ends(), 5000, ack, Octets(9, 0)))
                   .add(tcp_packet(ends(), 5009, ack, {message.begin(), message.begin() + 2}))
                   .add(tcp_packet(ends(), 5011, ack, {message.begin() + 2, message.end()}))) ==
          "1 tcp 192.0.2.1 4000 a.example. A\ntcp-gap 1\n");
}

TEST_CASE("TCP: many segments behind a hole are not kept for ever") {
    const Octets message = framed(query("a.example."));
    const auto size = static_cast<std::uint32_t>(message.size());
    PcapFile file;
    file.add(tcp_packet(ends(), 99, syn));
    for (std::uint32_t i = 1; i <= 200; ++i)
        file.add(tcp_packet(ends(), 100 + i * size, ack, message));
    const Reading reading = read(file.octets());
    CHECK(reading.queries.size() == 200);
    CHECK(text_of(reading.counts) == "tcp-gap 1\n");
}

TEST_CASE("TCP: a cut-off segment costs its own messages only") {
    const Octets message = framed(query("a.example."));
    const auto size = static_cast<std::uint32_t>(message.size());
    const Octets packet = tcp_packet(ends(), 100, ack, message);
    PcapFile file;
    file.add(tcp_packet(ends(), 99, syn));
    file.add(base::Octets(packet).first(packet.size() - 5), 1'700'000'000, packet.size());
    file.add(tcp_packet(ends(), 100 + size, ack, message));
    CHECK(text(file) == "1 tcp 192.0.2.1 4000 a.example. A\ncut-short 1\n");
}

TEST_CASE("TCP: an end inside of a message, a length below a header's, a reset, ports used again") {
    const Octets message = framed(query("a.example."));
    const auto size = static_cast<std::uint32_t>(message.size());
    const Octets half(message.begin(), message.begin() + 10);
    CHECK(
        text(PcapFile().add(tcp_packet(ends(), 99, syn)).add(tcp_packet(ends(), 100, fin, half))) ==
        "malformed 1\n");
    CHECK(text(PcapFile()
                   .add(tcp_packet(ends(), 99, syn))
                   .add(tcp_packet(ends(), 100, ack, cat({framed(Octets(3)), message})))) ==
          "1 tcp 192.0.2.1 4000 a.example. A\nmalformed 1\n");
    CHECK(text(PcapFile()
                   .add(tcp_packet(ends(), 99, syn))
                   .add(tcp_packet(ends(), 100, ack, half))
                   .add(tcp_packet(ends(), 110, rst))
                   .add(tcp_packet(ends(), 5999, syn))
                   .add(tcp_packet(ends(), 6000, ack, message))) ==
          "1 tcp 192.0.2.1 4000 a.example. A\ntcp-gap 1\n");
    CHECK(text(PcapFile()
                   .add(tcp_packet(ends(), 99, syn))
                   .add(tcp_packet(ends(), 100, fin, message))
                   .add(tcp_packet(ends(), 100, fin, message))  // sent again, for a lost ACK
                   .add(tcp_packet(ends(), 100 + size + 1, ack))) ==
          "1 tcp 192.0.2.1 4000 a.example. A\n");
}

TEST_CASE("an answer goes to its query, whatever the order of the answers") {
    const Octets a = query("a.example.", 1), b = query("B.example.", 2);
    PcapFile file;
    file.add(udp_packet(ends(), a)).add(udp_packet(ends(4001), b));
    Octets in_other_case = answer_to(b);
    in_other_case[13] = 'b';
    file.add(udp_packet(ends(4001).back(), in_other_case));
    file.add(udp_packet(ends().back(), answer_to(a)));
    CHECK(text(file, answered) ==
          "1 udp 192.0.2.1 4000 a.example. A -> NOERROR 0\n"
          "2 udp 192.0.2.1 4001 B.example. A -> NOERROR 0\n");
    CHECK(read(file.octets(), answered).queries[1].recorded == in_other_case);
    CHECK(text(file) == "1 udp 192.0.2.1 4000 a.example. A\n2 udp 192.0.2.1 4001 B.example. A\n");
}

TEST_CASE("an answer of another port, address, server, ID, question or transport is nobody's") {
    const Octets message = query("a.example.", 1);
    const std::string nobody = "unanswered 1\norphan 1\n";
    const auto with = [&](const Octets& packet) {
        return text(PcapFile().add(udp_packet(ends(), message)).add(packet), answered);
    };
    const Octets answer = answer_to(message);
    CHECK(with(udp_packet(ends().back(), answer)) ==
          "1 udp 192.0.2.1 4000 a.example. A -> NOERROR 0\n");
    CHECK(with(udp_packet(ends(4001).back(), answer)) == nobody);
    CHECK(with(udp_packet(ends(4000, "192.0.2.2").back(), answer)) == nobody);
    CHECK(with(udp_packet(ends(4000, "192.0.2.1", "192.0.2.54").back(), answer)) == nobody);
    CHECK(with(udp_packet(ends().back(), answer_to(query("a.example.", 2)))) == nobody);
    CHECK(with(udp_packet(ends().back(), answer_to(query("b.example.", 1)))) == nobody);
    CHECK(with(udp_packet(ends().back(), answer_to(query("a.example.", 1, dns::RrType::aaaa)))) ==
          nobody);
    CHECK(with(tcp_packet(ends().back(), 100, ack, framed(answer))) == nobody);
    Octets no_question = answer;
    no_question.resize(12);
    no_question[5] = 0;
    CHECK(with(udp_packet(ends().back(), no_question)) == nobody);
    CHECK(with(udp_packet(ends().back(), message)) == "malformed 1\nunanswered 1\n");
}

TEST_CASE("a question that is asked twice gets its answers in order; a third answer is nobody's") {
    const Octets message = query("a.example.", 1);
    Octets first = answer_to(message), second = first;
    first[3] = 3;
    PcapFile file;
    file.add(udp_packet(ends(), message)).add(udp_packet(ends(), message));
    for (const Octets& answer : {first, second, second})
        file.add(udp_packet(ends().back(), answer));
    CHECK(text(file, answered) ==
          "1 udp 192.0.2.1 4000 a.example. A -> NXDOMAIN 0\n"
          "2 udp 192.0.2.1 4000 a.example. A -> NOERROR 0\norphan 1\n");
}

TEST_CASE("an answer after more than five seconds is too late, and does not hold the others up") {
    const Octets a = query("a.example.", 1), b = query("b.example.", 2);
    CHECK(text(PcapFile()
                   .add(udp_packet(ends(), a), 1000)
                   .add(udp_packet(ends(), b), 1001)
                   .add(udp_packet(ends().back(), answer_to(b)), 1002)
                   .add(udp_packet(ends().back(), answer_to(a)), 1005.1),
               answered) ==
          "2 udp 192.0.2.1 4000 b.example. A -> NOERROR 0\nunanswered 1\norphan 1\n");
    CHECK(text(PcapFile()
                   .add(udp_packet(ends(), a), 1000)
                   .add(udp_packet(ends().back(), answer_to(a)), 1004.9),
               answered) == "1 udp 192.0.2.1 4000 a.example. A -> NOERROR 0\n");
}

TEST_CASE("an answer may stand before its query, and one of a frame with both beside it") {
    const Octets a = query("a.example.", 1), b = query("b.example.", 2);
    Octets first = answer_to(a), second = first;
    first[3] = 3;
    CHECK(text(PcapFile()
                   .add(udp_packet(ends().back(), first), 1000)
                   .add(udp_packet(ends(4001), b), 1001)
                   .add(udp_packet(ends().back(), second), 1002)
                   .add(udp_packet(ends(), a), 1004)
                   .add(udp_packet(ends(), a), 1004)
                   .add(udp_packet(ends(4001).back(), answer_to(b)), 1004),
               answered) ==
          "1 udp 192.0.2.1 4001 b.example. A -> NOERROR 0\n"
          "2 udp 192.0.2.1 4000 a.example. A -> NXDOMAIN 0\n"
          "3 udp 192.0.2.1 4000 a.example. A -> NOERROR 0\n");
    // More than five seconds before it: of an earlier question.
    CHECK(text(PcapFile()
                   .add(udp_packet(ends(4001), b), 999)
                   .add(udp_packet(ends().back(), first), 1000)
                   .add(udp_packet(ends(4001).back(), answer_to(b)), 1001)
                   .add(udp_packet(ends(), a), 1005.1),
               answered) ==
          "1 udp 192.0.2.1 4001 b.example. A -> NOERROR 0\nunanswered 1\norphan 1\n");
}

TEST_CASE("of answers alone each gives the question in it, as it was asked") {
    const auto answer = [](std::string_view name, std::uint16_t id, bool edns, bool rd,
                           std::size_t octets) {
        dns::Message message;
        message.id = id;
        message.qr = message.aa = true;
        message.rd = message.cd = rd;
        message.questions.push_back({*dns::Name::parse(name), dns::RrType::txt, dns::RrClass::in});
        if (edns) message.edns = dns::Edns{.dnssec_ok = true};
        for (std::size_t i = 0; i < octets; i += 200)
            message.answer.push_back({.owner = *dns::Name::parse(name),
                                      .type = dns::RrType::txt,
                                      .ttl = 60,
                                      .rdata = Octets(201, 200)});
        return *dns::encode_message(message);
    };
    Octets truncated = answer("t.example.", 9, true, false, 0);
    truncated[2] |= 0x02;
    Octets no_question = answer("n.example.", 10, false, false, 0);
    no_question.resize(12);
    no_question[5] = 0;
    PcapFile file;
    file.add(udp_packet(ends().back(), answer("a.Example.", 7, false, true, 0)));
    file.add(udp_packet(ends(4001).back(), answer("b.example.", 8, true, false, 2000)));
    file.add(udp_packet(ends().back(), truncated));
    file.add(tcp_packet(ends().back(), 800, ack, framed(answer("c.example.", 7, true, true, 0))));
    file.add(udp_packet(ends().back(), no_question));
    const Reading reading = read(file.octets(), answered);
    CHECK(text_of(reading) ==
          "1 udp 192.0.2.1 4000 a.Example. TXT rd cd -> NOERROR 0\n"
          "2 udp 192.0.2.1 4001 b.example. TXT edns 2168 do -> NOERROR 10\n"
          "3 udp 192.0.2.1 4000 t.example. TXT edns 512 do -> NOERROR 0\n"
          "4 tcp 192.0.2.1 4000 c.example. TXT rd cd edns 1232 do -> NOERROR 0\n"
          "orphan 1\n");
    CHECK(reading.counts.from_answers == 4);
    CHECK(base::load_u16(reading.queries[0].message.data()) == 7);
    CHECK(read(file.octets(), answered, 2).queries.size() == 2);
    // Both sides are to be asked: the same questions.
    const Reading asked = read(file.octets());
    CHECK(text_of(asked) ==
          "1 udp 192.0.2.1 4000 a.Example. TXT rd cd\n"
          "2 udp 192.0.2.1 4001 b.example. TXT edns 2168 do\n"
          "3 udp 192.0.2.1 4000 t.example. TXT edns 512 do\n"
          "4 tcp 192.0.2.1 4000 c.example. TXT rd cd edns 1232 do\n"
          "orphan 1\n");
    CHECK(asked.counts.from_answers == 4);
    // Unless there are queries, of whom such an answer may have been to one before the recording.
    file.add(udp_packet(ends(4002), query("q.example.", 11)));
    CHECK(text_of(read(file.octets())) == "1 udp 192.0.2.1 4002 q.example. A\norphan 1\n");
}

TEST_CASE("thousands of the same question without answer cost no more than others") {
    PcapFile file;
    const Octets message = query("a.example.", 1);
    const Octets packet = udp_packet(ends(), message);
    for (int i = 0; i < 60000; ++i) file.add(packet);
    const Octets other = query("b.example.", 2);
    file.add(udp_packet(ends(), other)).add(udp_packet(ends().back(), answer_to(other)));
    CHECK(text(file, answered) ==
          "60001 udp 192.0.2.1 4000 b.example. A -> NOERROR 0\nunanswered 60000\n");
}

TEST_CASE("TCP answers are paired, and a client on the server's port is a client") {
    const Octets message = query("a.example.", 1);
    PcapFile file;
    file.add(tcp_packet(ends(), 99, syn)).add(tcp_packet(ends().back(), 799, syn | ack));
    file.add(tcp_packet(ends(), 100, ack, framed(message)));
    file.add(tcp_packet(ends().back(), 800, ack, framed(answer_to(message))));
    file.add(udp_packet(ends(53), message)).add(udp_packet(ends(53).back(), answer_to(message)));
    CHECK(text(file, answered) ==
          "1 tcp 192.0.2.1 4000 a.example. A -> NOERROR 0\n"
          "2 udp 192.0.2.1 53 a.example. A -> NOERROR 0\n");
}

TEST_CASE("a capture goes on behind any of its queries, with and without answers") {
    PcapFile file;
    double at = 1000;
    for (std::uint16_t i = 0; i < 300; ++i) {
        const std::string name = "n" + std::to_string(i) + ".example.";
        const Octets message = query(name, i);
        at += 0.5;
        const Ends from = ends(static_cast<std::uint16_t>(4000 + i));
        if (i % 5 == 0) {
            file.add(tcp_packet(from, 100, ack, cat({framed(message), framed(message)})), at);
            file.add(tcp_packet(from.back(), 100, ack, framed(answer_to(message))), at + 0.1);
        } else {
            file.add(udp_packet(from, message), at);
            if (i % 7 != 0) file.add(udp_packet(from.back(), answer_to(message)), at + 0.7);
            if (i % 11 == 0) file.add(udp_packet(from, Octets(5)), at);
        }
    }
    for (const SourceOptions& options : {SourceOptions{}, answered}) {
        const Reading all = read(file.octets(), options);
        REQUIRE(all.queries.size() > 250);
        for (std::size_t i = 0; i < all.queries.size(); ++i) {
            const Reading rest = read(file.octets(), options, all.queries[i].position);
            REQUIRE(rest.queries.size() == all.queries.size() - i - 1);
            for (std::size_t k = 0; k < rest.queries.size(); ++k) {
                REQUIRE(rest.queries[k].message == all.queries[i + 1 + k].message);
                REQUIRE(rest.queries[k].recorded == all.queries[i + 1 + k].recorded);
                REQUIRE(rest.queries[k].position == all.queries[i + 1 + k].position);
            }
        }
        const Reading none = read(file.octets(), options, 1000);
        CHECK(text_of(none) == "");
    }
}

TEST_CASE("times are those of the packets") {
    CHECK(read(PcapFile().add(udp_packet(ends(), query("a.example.")), 1234.5).octets())
              .queries[0]
              .at == base::Instant{1'234'500'000'000});
}

TEST_CASE("more open queries than there is room for: the oldest are given up, none is lost") {
    PcapFile file;
    constexpr std::uint32_t count = 300'000;
    const Octets message = query("a.example.", 1);
    for (std::uint32_t i = 0; i < count; ++i) {
        Octets each = message;
        each[0] = static_cast<std::uint8_t>(i >> 8U);
        each[1] = static_cast<std::uint8_t>(i);
        const Ends from = ends(static_cast<std::uint16_t>(1000 + (i >> 16U)));
        file.add(udp_packet(from, each));
        if (i != 0) file.add(udp_packet(from.back(), answer_to(each)));
    }
    const Reading reading = read(file.octets(), answered);
    CHECK(reading.queries.size() == count - 1);
    CHECK(text_of(reading.counts) == "unanswered 1\n");
}

}  // namespace zc::capture
