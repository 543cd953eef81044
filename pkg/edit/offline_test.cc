#include "edit/offline.h"

#include <string>

#include <doctest/doctest.h>

#include "base/seed.h"
#include "store/log_file.h"
#include "store/store.h"
#include "testkit/folder.h"
#include "testkit/small_disk.h"

namespace {

using namespace zc;
using namespace zc::edit;  // NOLINT(google-build-using-namespace): the package under test
using testkit::Folder;

OfflineOptions options(const std::string& path) {
    auto seed = std::make_shared<base::Seed>(5);  // of the function and its copies
    return {path, [] { return base::Instant{1'700'000'000'000'000'000}; },
            [seed] { return seed->next(); }};
}
void make_store(const std::string& path) {
    auto update = store::Update::begin(path, store::Update::Missing::create);
    REQUIRE(update);
    REQUIRE(update->commit({}));
}
Answered ask(Offline& offline, const std::string& body, bool each = false) {
    Asked asked;
    asked.body = body;
    asked.each = each;
    return offline.ask(asked);
}
std::uint64_t zones(const std::string& path) {
    auto snapshot = store::Snapshot::open(path);
    REQUIRE_MESSAGE(snapshot, snapshot.error().text());
    const auto problems =
        snapshot->check([](base::Octets, const std::string& problem) { MESSAGE(problem); });
    REQUIRE(problems);
    CHECK(*problems == 0);
    return *snapshot->zones();
}

}  // namespace

TEST_CASE("changes of a store without a node are in its rows when it is closed") {
    const Folder folder;
    const std::string path = folder / "s";
    CHECK(Offline::open(options(path)).error().code == Errc::not_found);
    make_store(path);
    auto offline = Offline::open(options(path));
    REQUIRE(offline);
    std::string many;
    for (int i = 0; i < 3000; ++i) many += "zone create z" + std::to_string(i) + ".example\n";
    CHECK(ask(*offline, many, true).status == 200);
    CHECK(ask(*offline, "zone delete z7.example").status == 200);
    CHECK(Offline::open(options(path)).error().code == Errc::busy);
    REQUIRE(offline->close());
    CHECK(zones(path) == 2999);
}

TEST_CASE("a store that was not closed has all that was answered, and is folded the next time") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path);
    {
        auto offline = Offline::open(options(path));
        REQUIRE(offline);
        CHECK(ask(*offline, "zone create a.example").status == 200);
    }
    auto offline = Offline::open(options(path));
    REQUIRE(offline);
    CHECK(ask(*offline, "zone create a.example").status == 409);
    REQUIRE(offline->close());
    CHECK(zones(path) == 1);
}

TEST_CASE("an import between two requests is taken over") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path);
    auto offline = Offline::open(options(path));
    REQUIRE(offline);
    {
        auto update = store::Update::begin(path, store::Update::Missing::error);
        REQUIRE(update);
        REQUIRE(update->set_named("x", base::Octets()));
        const std::uint8_t key[] = {'z', 0};
        REQUIRE(update->put({.key = key, .settings = {}}, {}));
        REQUIRE(update->commit({}));
    }
    CHECK(ask(*offline, "zone create a.example").status == 200);
    REQUIRE(offline->close());
    auto snapshot = store::Snapshot::open(path);
    REQUIRE(snapshot);
    CHECK(snapshot->position().number == 3);
    CHECK(*snapshot->zones() == 2);
}

TEST_CASE("a full disk is told as such, and nothing hangs") {
    const Folder folder;
    CHECK(testkit::on_small_disk(folder / ".", "size=600k", [&]() -> std::string {
              const std::string path = folder / "s";
              auto update = store::Update::begin(path, store::Update::Missing::create);
              if (!update || !update->commit({})) return "no store";
              auto offline = Offline::open(options(path));
              if (!offline) return offline.error().text();
              const std::string text(60'000, 't');
              for (int i = 0; i < 40; ++i) {
                  const Answered answer =
                      ask(*offline, "zone create z" + std::to_string(i) + ".example\nzone set z" +
                                        std::to_string(i) + ".example account " + text);
                  if (answer.status == 200) continue;
                  if (answer.status != 507) return answer.body;
                  if (answer.body.find("\"outcome\":\"failed\"") == std::string::npos)
                      return answer.body;
                  const Status closed = offline->close();
                  return closed || closed.error().code == Errc::full ? "" : closed.error().text();
              }
              return "was not full";
          }) == "");
}
