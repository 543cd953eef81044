// A store after its process was killed, or its disk was full.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <unistd.h>

#include "base/seed.h"
#include "store/image_file.h"
#include "store/store.h"
#include "testkit/folder.h"
#include "testkit/killed.h"
#include "testkit/rounds.h"
#include "testkit/small_disk.h"

namespace {

using namespace zc::store;  // NOLINT(google-build-using-namespace): the package under test
using zc::Errc;
using zc::base::Octets;
using zc::base::Seed;
using zc::testkit::Folder;
using zc::testkit::on_small_disk;

constexpr std::uint64_t zones_count = 48;
constexpr std::uint64_t zones_per_change = 5;

Octets octets(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string text(Octets octets) {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

std::string key_of(std::uint64_t zone) {
    return "zone" + std::to_string(zone);
}

/// A zone after change `number`.
std::string image_of(std::uint64_t zone, std::uint64_t number) {
    Seed seed(number << 32 | zone);
    std::string image = std::to_string(number) + ":" + std::to_string(zone) + ":";
    image.resize(image.size() + seed.below(20'000), static_cast<char>('a' + seed.below(26)));
    return image;
}

bool touches(std::uint64_t number, std::uint64_t zone) {
    return number == 1 ||
           (zone + zones_count - number * 7 % zones_count) % zones_count < zones_per_change;
}

/// All zones after `position` changes: 1 makes the store, each further one changes some of its
/// zones.
std::map<std::string, std::string> state_at(std::uint64_t position) {
    std::map<std::string, std::string> state;
    for (std::uint64_t zone = 0; zone < zones_count && position > 0; ++zone) {
        std::uint64_t number = position;
        while (!touches(number, zone)) --number;
        state[key_of(zone)] = image_of(zone, number);
    }
    return state;
}

zc::Status change(const std::string& path) {
    ZC_TRY(Update update, Update::begin(path, Update::Missing::create));
    const std::uint64_t number = update.next_position().number;
    for (std::uint64_t zone = 0; zone < zones_count; ++zone) {
        if (!touches(number, zone)) continue;
        const std::string key = key_of(zone);
        ZC_TRY_STATUS(
            update.put({.key = octets(key), .settings = {}}, octets(image_of(zone, number))));
    }
    ZC_TRY(const Position position, update.commit({}));
    if (position.number != number)
        return zc::fail(Errc::conflict, "another position than announced");
    return {};
}

zc::Status write_images(const std::string& path) {
    ZC_TRY(Snapshot snapshot, Snapshot::open(path));
    ZC_TRY(ImageFileWriter writer, ImageFileWriter::begin(path));
    zc::Status added;
    ZC_TRY_STATUS(snapshot.for_each_image([&](const StoredZone&, Octets image, Snapshot::Image) {
        added = writer.add(image);
        return added.has_value();
    }));
    ZC_TRY_STATUS(added);
    return writer.finish(snapshot.position());
}

/// The store is in one of its states, and the image file beside it another or the same.
/// Gives the store's position; 0 is no store.
std::uint64_t check_whole(const std::string& path) {
    auto snapshot = Snapshot::open(path);
    if (!snapshot) {
        INFO(snapshot.error().text());
        CHECK(snapshot.error().code == Errc::not_found);
        return 0;
    }
    std::map<std::string, std::string> found;
    const auto read =
        snapshot->for_each_image([&](const StoredZone& zone, Octets image, Snapshot::Image state) {
            CHECK(state == Snapshot::Image::good);
            found[text(zone.key)] = text(image);
            return true;
        });
    CHECK(read);
    CHECK(found == state_at(snapshot->position().number));
    const auto problems =
        snapshot->check([](Octets, const std::string& problem) { MESSAGE(problem); });
    REQUIRE(problems);
    CHECK(*problems == 0);

    const auto file = ImageFile::open(path);
    if (!file) {
        INFO(file.error().text());
        CHECK(file.error().code == Errc::not_found);
    } else if (file->position().store == snapshot->position().store) {
        std::vector<std::string> images;
        file->for_each([&](Octets image) { images.push_back(text(image)); });
        std::vector<std::string> wanted;
        for (const auto& [key, image] : state_at(file->position().number)) wanted.push_back(image);
        std::ranges::sort(images);
        std::ranges::sort(wanted);
        CHECK(images == wanted);
        CHECK(file->position().number <= snapshot->position().number);
    }
    return snapshot->position().number;
}

/// Changes a store until it is killed, and tells each position that it was told to be durable.
[[noreturn]] void change_for_ever(const std::string& path, int acknowledged) {
    for (;;) {
        if (!change(path) || !write_images(path)) ::_exit(1);
        const char one = 1;
        if (::write(acknowledged, &one, 1) != 1) ::_exit(1);
    }
}

}  // namespace

TEST_CASE("killed at any moment, a store is what it was before the change or after it") {
    const int crashes = zc::testkit::rounds("ZC_CRASHES", 20);
    Seed seed(2024);
    const Folder folder;
    int kills_while_making = 0;
    for (int crash = 0; crash < crashes; ++crash) {
        // A new store every few crashes, so that the making of one is killed too.
        const std::string path = folder / ("s" + std::to_string(crash / 4));
        const std::uint64_t before = check_whole(path);
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::close(ends[0]);
            change_for_ever(path, ends[1]);
        }
        ::close(ends[1]);
        // Some acknowledgements, then up to 5 ms more: all phases of a change get their share.
        const std::uint64_t wait_for = before == 0 && seed.below(2) == 0 ? 0 : seed.below(4);
        const zc::base::Duration more{static_cast<std::int64_t>(seed.below(5'000'000))};
        const std::uint64_t acknowledged = zc::testkit::kill_after(child, ends[0], wait_for, more);

        const std::uint64_t after = check_whole(path);
        CHECK(after >= before + acknowledged);  // nothing acknowledged is lost
        CHECK(after <=
              before + acknowledged + 1);  // and at most one change was not yet acknowledged
        if (after == 0) ++kills_while_making;
        CHECK(change(path));  // and it goes on
        CHECK(check_whole(path) == after + 1);
    }
    CHECK(kills_while_making > 0);  // else the seed no longer hits what it should
}

TEST_CASE("a full disk refuses the change, says so, and leaves the store whole") {
    const Folder folder;
    const std::string path = folder / "s";
    CHECK(on_small_disk(folder / ".", "size=4m", [&]() -> std::string {
              if (!change(path)) return "the first change failed";
              const std::string image(300'000, 'x');
              for (int round = 0; round < 40; ++round) {
                  auto update = Update::begin(path, Update::Missing::error);
                  zc::Status status;
                  if (update) {
                      for (int i = 0; i < 10 && status; ++i) {
                          const std::string key = "large" + std::to_string(round * 10 + i);
                          status = update->put({.key = octets(key), .settings = {}}, octets(image));
                      }
                      if (status) {
                          auto position = update->commit({});
                          if (!position) status = tl::unexpected<zc::Error>(position.error());
                      }
                  } else {
                      status = tl::unexpected<zc::Error>(update.error());
                  }
                  if (status) continue;
                  if (status.error().code != Errc::full)
                      return "another error than full: " + status.error().text();
                  update = zc::fail(Errc::full, "over");  // rolled back
                  auto snapshot = Snapshot::open(path);
                  if (!snapshot) return "not readable: " + snapshot.error().text();
                  const auto problems = snapshot->check([](Octets, const std::string&) {});
                  if (!problems || *problems != 0) return "not whole";
                  std::uint64_t large = 0;
                  const auto read = snapshot->for_each({}, [&](const StoredZone& zone) {
                      large += text(zone.key).starts_with("large") ? 1U : 0U;
                      return true;
                  });
                  if (!read || large != static_cast<std::uint64_t>(round) * 10)
                      return "zones of the failed change are there, or others missing";
                  return "";
              }
              return "the disk did not fill";
          }) == "");
}

TEST_CASE(
    "a full disk while a store is being made leaves no file, nor does one while images are "
    "written") {
    const Folder folder;
    const std::string path = folder / "s";
    CHECK(on_small_disk(folder / ".", "size=1m", [&]() -> std::string {
              const std::string image(300'000, 'x');
              {
                  auto update = Update::begin(path, Update::Missing::create);
                  if (!update) return update.error().text();
                  zc::Status status;
                  for (int i = 0; i < 10 && status; ++i) {
                      const std::string key = "large" + std::to_string(i);
                      status = update->put({.key = octets(key), .settings = {}}, octets(image));
                  }
                  if (status) {
                      auto position = update->commit({});
                      if (!position) status = tl::unexpected<zc::Error>(position.error());
                  }
                  if (status) return "no error";
                  if (status.error().code != Errc::full) return status.error().text();
              }
              {
                  auto writer = ImageFileWriter::begin(path);
                  if (!writer) return writer.error().text();
                  zc::Status status;
                  for (int i = 0; i < 10 && status; ++i) status = writer->add(octets(image));
                  if (status) status = writer->finish({});
                  if (status) return "no error from the image file";
                  if (status.error().code != Errc::full) return status.error().text();
              }
              for (const auto& file : std::filesystem::directory_iterator(folder / "."))
                  return "left behind: " + file.path().string();
              return "";
          }) == "");
}
