#include "base/octets.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <doctest/doctest.h>

namespace zc::base {
namespace {

constexpr std::array<std::uint8_t, 7> seven = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0xff};

TEST_CASE("a reader reads in network order and knows its end") {
    Reader in(seven);
    CHECK(in.u8() == 0x01);
    CHECK(in.u16() == 0x0203);
    CHECK(in.u32() == 0x040506ff);
    CHECK(in.at_end());
    CHECK(in.ok());
    CHECK(in.remaining() == 0);
}

TEST_CASE("a read past the end gives zero, fails, and moves nothing") {
    Reader in(seven);
    in.skip(4);
    CHECK(in.u32() == 0);
    CHECK(!in.ok());
    CHECK(in.offset() == 4);
    CHECK(in.remaining() == 0);
    CHECK(in.u8() == 0);  // there is an octet, but the error sticks
    CHECK(in.octets(1).empty());
}

TEST_CASE("a count near the largest size_t does not wrap round") {
    Reader in(seven);
    in.skip(3);
    CHECK(in.octets(SIZE_MAX).empty());
    CHECK(!in.ok());
    Reader again(seven);
    again.skip(3);
    again.skip(SIZE_MAX - 2);
    CHECK(!again.ok());
    CHECK(again.offset() == 3);
}

TEST_CASE("seek goes to any offset up to the end, and not past it") {
    Reader in(seven);
    in.seek(7);
    CHECK(in.at_end());
    in.seek(1);
    CHECK(in.u8() == 0x02);
    in.seek(8);
    CHECK(!in.ok());
    in.seek(0);
    CHECK(!in.ok());
    CHECK(in.u8() == 0);
}

TEST_CASE("an empty reader fails at the first read only") {
    Reader in(Octets{});
    CHECK(in.ok());
    CHECK(in.at_end());
    CHECK(in.octets(0).empty());
    CHECK(in.ok());
    CHECK(in.u8() == 0);
    CHECK(!in.ok());
}

TEST_CASE("a writer writes what a reader reads") {
    std::array<std::uint8_t, 16> buffer{};
    Writer out(buffer);
    out.u8(0xab);
    out.u16(0xcdef);
    out.u32(0x01234567);
    out.octets(Octets(seven).first(3));
    out.octets({});
    CHECK(out.ok());
    CHECK(out.size() == 10);
    CHECK(out.remaining() == 6);
    Reader in(out.written());
    CHECK(in.u8() == 0xab);
    CHECK(in.u16() == 0xcdef);
    CHECK(in.u32() == 0x01234567);
    CHECK(std::ranges::equal(in.octets(3), Octets(seven).first(3)));
    CHECK(in.at_end());
}

TEST_CASE("a write that does not fit is dropped whole and all after it too") {
    std::array<std::uint8_t, 8> buffer{};
    buffer.fill(0x55);
    Writer out(MutableOctets(buffer).first(5));
    out.u32(0);
    out.u16(0xffff);
    CHECK(!out.ok());
    CHECK(out.size() == 4);
    out.u8(0xff);
    CHECK(out.size() == 4);
    CHECK(std::all_of(buffer.begin() + 4, buffer.end(),
                      [](std::uint8_t octet) { return octet == 0x55; }));
}

TEST_CASE("a patch changes what was written and nothing else") {
    std::array<std::uint8_t, 8> buffer{};
    Writer out(buffer);
    out.u32(0);
    out.patch_u16(2, 0xbeef);
    CHECK(out.ok());
    CHECK(load_u32(buffer.data()) == 0x0000beef);
    for (const std::size_t offset : {std::size_t{3}, std::size_t{4}, SIZE_MAX}) {
        Writer bad(buffer);
        bad.u32(0);
        bad.patch_u16(offset, 0xffff);
        CAPTURE(offset);
        CHECK(!bad.ok());
        CHECK(load_u32(buffer.data()) == 0);
        CHECK(load_u32(buffer.data() + 4) == 0);
    }
}

}  // namespace
}  // namespace zc::base
