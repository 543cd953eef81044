#include "base/octet_buffer.h"

#include <vector>

#include <doctest/doctest.h>

using namespace zc;

TEST_CASE("what is written into its room counts when it is said, and stays when it grows") {
    base::OctetBuffer buffer;
    CHECK(buffer.empty());
    std::uint8_t* to = buffer.room(4);
    to[0] = 1;
    to[1] = 2;
    CHECK(buffer.empty());
    buffer.wrote_until(to + 2);
    CHECK(buffer.size() == 2);
    std::vector<std::uint8_t> wanted = {1, 2};
    for (unsigned i = 0; i < 1000; ++i) {
        const auto octet = static_cast<std::uint8_t>(i * 7);
        if (i % 3 == 0) {
            buffer.append(octet);
            wanted.push_back(octet);
        } else if (i % 3 == 1) {
            const std::vector<std::uint8_t> some(i % 11, octet);
            buffer.append(some);
            wanted.insert(wanted.end(), some.begin(), some.end());
        } else {
            buffer.append_number(static_cast<std::uint16_t>(i));
            wanted.push_back(static_cast<std::uint8_t>(i & 0xff));
            wanted.push_back(static_cast<std::uint8_t>(i >> 8));
        }
    }
    const base::Octets octets = buffer;
    CHECK(std::vector<std::uint8_t>(octets.begin(), octets.end()) == wanted);
}

TEST_CASE("it can be shortened and cleared, and never made longer so") {
    base::OctetBuffer buffer;
    buffer.append(std::vector<std::uint8_t>{1, 2, 3, 4});
    buffer.shorten(9);
    CHECK(buffer.size() == 4);
    buffer.shorten(1);
    CHECK(buffer.size() == 1);
    CHECK(buffer[0] == 1);
    buffer.append(std::uint8_t{9});
    CHECK(buffer[1] == 9);
    buffer.clear();
    CHECK(buffer.empty());
}
