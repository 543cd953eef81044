#include "net/framing.h"

#include <array>
#include <vector>

#include <doctest/doctest.h>

using namespace zc;
using namespace zc::net;

namespace {

using Message = std::vector<std::uint8_t>;

std::vector<Message> all_of(FrameReader& reader) {
    std::vector<Message> out;
    while (const auto message = reader.next()) out.emplace_back(message->begin(), message->end());
    return out;
}

}  // namespace

TEST_CASE("messages that arrived whole are given in order, and the rest is left") {
    const Message octets = {0, 2, 'a', 'b', 0, 0, 0, 1, 'c', 0, 3, 'd'};
    FrameReader reader(octets);
    CHECK(all_of(reader) == std::vector<Message>{{'a', 'b'}, {}, {'c'}});
    CHECK(reader.taken() == 9);
    CHECK(reader.rest().size() == 3);
    CHECK(reader.missing() == 2);
    CHECK_FALSE(reader.next().has_value());
    CHECK(reader.taken() == 9);
}

TEST_CASE("every cut of a stream gives the same messages as the whole") {
    std::array<std::uint8_t, 64> room{};
    FrameWriter writer(room);
    const std::vector<Message> sent = {{1, 2, 3}, {}, {4}, {5, 6, 7, 8}};
    for (const Message& message : sent) REQUIRE(writer.put(message));
    const base::Octets stream = writer.written();
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        FrameReader first(stream.first(cut));
        std::vector<Message> got = all_of(first);
        FrameReader second(stream.subspan(first.taken()));
        for (Message& message : all_of(second)) got.push_back(std::move(message));
        CHECK(got == sent);
        CHECK(second.rest().empty());
        // With the octets that are missing, there is one message more.
        if (cut < stream.size() && first.missing() > 1) {
            FrameReader more(stream.first(std::min(stream.size(), cut + first.missing())));
            CHECK(all_of(more).size() + 1 >= all_of(first).size());
        }
    }
}

TEST_CASE("the largest message fits, and nothing is written that does not") {
    Message room(framed_octets_max);
    FrameWriter writer(room);
    CHECK(writer.next().size() == dns::message_octets_max);
    CHECK(writer.put(Message(dns::message_octets_max, 'x')));
    CHECK(writer.size() == framed_octets_max);
    CHECK(writer.next().empty());
    CHECK_FALSE(writer.put({}));
    FrameReader reader(writer.written());
    CHECK(reader.next()->size() == dns::message_octets_max);

    std::array<std::uint8_t, 5> small{};
    FrameWriter narrow(small);
    CHECK_FALSE(narrow.put(Message(4, 'x')));
    CHECK(narrow.size() == 0);
    CHECK(narrow.put(Message(3, 'x')));
    narrow.clear();
    std::fill_n(narrow.next().begin(), 2, std::uint8_t{'y'});
    narrow.commit(2);
    CHECK(Message(narrow.written().begin(), narrow.written().end()) == Message{0, 2, 'y', 'y'});
}
