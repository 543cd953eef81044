#include "store/image_file.h"

#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"
#include "testkit/folder.h"

namespace {

using namespace zc::store;  // NOLINT(google-build-using-namespace): the package under test
using zc::Errc;
using zc::base::Octets;
using zc::base::Seed;
using zc::testkit::Folder;
using zc::testkit::read_file;
using zc::testkit::write_file;

const Position somewhere{{1, 2, 3}, 42, 0x123456789abcdef0};

Octets octets(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::vector<std::string> random_images(std::size_t count, std::size_t octets_max) {
    Seed seed(count);
    std::vector<std::string> images(count);
    for (std::string& image : images) {
        image.resize(1 + seed.below(octets_max));
        for (char& octet : image) octet = static_cast<char>(seed.next());
    }
    return images;
}

void write(const std::string& store, const std::vector<std::string>& images,
           const Position& position = somewhere) {
    auto writer = ImageFileWriter::begin(store);
    REQUIRE(writer);
    for (const std::string& image : images) REQUIRE(writer->add(octets(image)));
    const auto status = writer->finish(position);
    REQUIRE_MESSAGE(status, status.error().text());
}

std::vector<std::string> read(const ImageFile& file) {
    std::vector<std::string> images;
    file.for_each([&](Octets image) {
        CHECK(reinterpret_cast<std::uintptr_t>(image.data()) % 8 == 0);
        images.emplace_back(image.begin(), image.end());
    });
    return images;
}

}  // namespace

TEST_CASE("images come out of the file as they went in, with their position") {
    const Folder folder;
    for (const std::size_t count : {0U, 1U, 3U, 20'000U}) {
        const auto images = random_images(count, 700);
        write(folder / "s", images);
        for (const unsigned threads : {0U, 1U, 3U}) {
            const auto file = ImageFile::open(folder / "s", threads);
            REQUIRE_MESSAGE(file, file.error().text());
            CHECK(file->position() == somewhere);
            CHECK(ImageFile::read_head(folder / "s").value().position == somewhere);
            CHECK(ImageFile::read_head(folder / "s").value().images == count);
            CHECK(file->images() == count);
            CHECK(file->parts() == (count + 2047) / 2048);
            CHECK(read(*file) == images);
            // Each part for itself, in any order.
            std::size_t found = 0;
            for (std::size_t part = file->parts(); part-- > 0;) {
                std::size_t at = part * 2048;
                file->for_each_of(part, [&](Octets image) {
                    CHECK(images[at++] == std::string(image.begin(), image.end()));
                    ++found;
                });
            }
            CHECK(found == count);
        }
    }
    CHECK(folder.files() == 1);
}

TEST_CASE("images larger than a block are whole") {
    const Folder folder;
    const auto images = random_images(5, 5'000'000);
    write(folder / "s", images);
    CHECK(read(ImageFile::open(folder / "s").value()) == images);
}

TEST_CASE("a bit flipped anywhere but in the unused rest of the header is found") {
    const Folder folder;
    write(folder / "s", random_images(6000, 700));
    const std::string good = read_file(folder / "s-images");
    REQUIRE(good.size() > 2'000'000);  // several blocks
    Seed seed(3);
    std::vector<std::size_t> places;
    for (std::size_t at = 0; at < 96; ++at) places.push_back(at);
    for (int i = 0; i < 100; ++i) places.push_back(4096 + seed.below(good.size() - 4096));
    for (std::size_t at = good.size() - 64; at < good.size(); ++at) places.push_back(at);
    for (const std::size_t at : places) {
        std::string flipped = good;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << seed.below(8)));
        write_file(folder / "s-images", flipped);
        CAPTURE(at);
        CHECK_FALSE(ImageFile::open(folder / "s"));
    }
}

TEST_CASE("a file cut off or made longer anywhere is found") {
    const Folder folder;
    write(folder / "s", random_images(100, 700));
    const std::string good = read_file(folder / "s-images");
    for (std::size_t size = 0; size < good.size(); size += 997) {
        write_file(folder / "s-images", good.substr(0, size));
        const auto file = ImageFile::open(folder / "s");
        REQUIRE_FALSE(file);
        CHECK(file.error().code == Errc::malformed);
        CHECK(ImageFile::read_head(folder / "s").has_value() == (size >= 96));
    }
    write_file(folder / "s-images", good + "x");
    CHECK(ImageFile::open(folder / "s").error().code == Errc::malformed);
}

TEST_CASE("a file that is not there is not_found, one of another format unsupported") {
    const Folder folder;
    CHECK(ImageFile::open(folder / "s").error().code == Errc::not_found);
    write(folder / "s", {"image"});
    std::string file = read_file(folder / "s-images");
    for (const char format : {char{1}, char{3}}) {  // 1 had no value in its position
        file[8] = format;
        write_file(folder / "s-images", file);
        CHECK(ImageFile::open(folder / "s").error().code == Errc::unsupported);
    }
}

TEST_CASE("a file that is replaced stays as it was for who has it mapped") {
    const Folder folder;
    const auto images = random_images(1000, 700);
    write(folder / "s", images);
    const auto file = ImageFile::open(folder / "s");
    REQUIRE(file);
    write(folder / "s", {"other"}, {{9}, 43, 1});
    CHECK(read(*file) == images);
    CHECK(ImageFile::open(folder / "s")->position().number == 43);
}

TEST_CASE("a writer that is given up leaves the old file, a second one is told to wait") {
    const Folder folder;
    write(folder / "s", {"old"});
    {
        auto writer = ImageFileWriter::begin(folder / "s");
        REQUIRE(writer);
        REQUIRE(writer->add(octets("new")));
        CHECK(ImageFileWriter::begin(folder / "s").error().code == Errc::busy);
    }
    CHECK(folder.files() == 1);
    CHECK(read(ImageFile::open(folder / "s").value()) == std::vector<std::string>{"old"});
    auto writer = ImageFileWriter::begin(folder / "s");
    REQUIRE(writer);
    CHECK_FALSE(writer->add({}));
}
