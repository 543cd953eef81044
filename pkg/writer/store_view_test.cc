// A store that a writer left behind without closing it: others read it as the writer served it.
#include "fold/store_view.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "base/seed.h"
#include "dns/presentation.h"
#include "fold/stored_zone.h"
#include "fold/test_tail.h"
#include "testkit/folder.h"
#include "writer/test_crew.h"
#include "writer/writer.h"

namespace {

using namespace zc;  // NOLINT(google-build-using-namespace): the package under test
using testkit::Folder;

/// A writer whose process is killed when this is destroyed.
struct Killed {
    Killed(const std::string& path, std::uint64_t seed) : crew(seed), random(seed) {
        writer::Options options;
        options.path = path;
        options.now = [this] {
            clock = clock + base::Duration::milliseconds(1);
            return clock;
        };
        options.random = [this] { return random.next(); };
        options.fold_beside_commit = 1;
        auto opened = writer::Writer::open(std::move(options), crew, publisher);
        REQUIRE_MESSAGE(opened, opened.error().text());
        writer = *std::move(opened);
    }
    ~Killed() { crew.forget(); }

    void submit(const std::string& apex, zone::Change change) {
        writer::Request request;
        request.zones = {fold::test::name(apex)};
        request.make = [apex, change = std::move(change)](const std::vector<writer::ZoneView>&) {
            std::vector<writer::ZoneChange> changes;
            changes.push_back({fold::test::name(apex), change});
            return Result<std::vector<writer::ZoneChange>>(std::move(changes));
        };
        ++waiting;
        writer->submit(std::move(request), [this](const Result<writer::Receipt>&) { --waiting; });
    }
    void wait() {
        while (waiting > 0) REQUIRE(crew.step());
    }

    writer::test::TestCrew crew;
    writer::test::TestPublisher publisher;
    base::Seed random;
    std::uint64_t waiting = 0;
    base::Instant clock{1'700'000'000'000'000'000};
    std::unique_ptr<writer::Writer> writer;
};

/// "version serial records" and the address of www, by apex.
using Zones = std::map<std::string, std::string>;
std::string text_of(std::uint64_t version, std::uint32_t serial, std::uint64_t records,
                    base::Octets image) {
    return std::to_string(version) + ' ' + std::to_string(serial) + ' ' + std::to_string(records) +
           ' ' + fold::test::address_in(image);
}
Zones seen(fold::StoreView& view) {
    Zones out;
    REQUIRE(view.for_each_image(
        [&](const store::StoredZone& zone, base::Octets image, fold::StoreView::Image good) {
            CHECK(good == fold::StoreView::Image::good);
            out[dns::to_string(*fold::apex_of(zone.key))] =
                text_of(zone.version, zone.serial, zone.records, image);
            return true;
        }));
    return out;
}

}  // namespace

TEST_CASE("a store whose writer was killed is seen as the writer served it, at any instant") {
    base::Seed seed(7);
    std::uint64_t with_a_tail = 0, with_some_folded = 0;
    for (int round = 0; round < 60; ++round) {
        const Folder folder;
        const std::string path = folder / "s";
        fold::test::make_store(path, {"z0.example.", "z1.example.", "z2.example."});
        Zones served;
        {
            auto view = fold::StoreView::open(path);
            REQUIRE(view);
            served = seen(*view);
        }
        for (int start = 0; start < 3; ++start) {
            Killed node(path, seed.next());
            for (std::uint64_t n = 1 + seed.below(40); n > 0; --n) {
                const std::string apex = "z" + std::to_string(seed.below(9)) + ".example.";
                const std::string address = "192.0.2." + std::to_string(seed.below(250));
                switch (seed.below(4)) {
                    case 0:
                        node.submit(apex, fold::test::removal(apex));
                        break;
                    case 1:
                        node.submit(apex, fold::test::put(apex, address));
                        break;
                    default:
                        node.submit(apex, fold::test::set_address(apex, address));
                }
                if (seed.below(6) == 0) node.wait();
            }
            node.wait();
            for (std::uint64_t n = seed.below(3); n > 0; --n)
                if (!node.crew.step()) break;
            // A writer tells what it served only of zones that changed; the others are as before.
            auto view = fold::StoreView::open(path);
            REQUIRE_MESSAGE(view, view.error().text());
            const Zones now = seen(*view);
            std::uint64_t version_last = 0;
            for (const auto& [apex, state] : node.publisher.served) {
                REQUIRE(now.contains(apex));
                CHECK(now.at(apex) ==
                      text_of(state.version, state.serial, state.records, state.image_octets()));
                version_last = std::max(version_last, state.version);
            }
            for (const auto& [apex, text] : now)
                if (!node.publisher.served.contains(apex)) CHECK(served.at(apex) == text);
            CHECK(view->position().number >= version_last);
            CHECK(view->zones() == now.size());
            if (!view->ahead().empty()) {
                ++with_a_tail;
                auto rows = store::Snapshot::open(path, store::Snapshot::Tail::known);
                REQUIRE(rows);
                bool has_folded = false;
                REQUIRE(rows->for_each({}, [&](const store::StoredZone& zone) {
                    has_folded = has_folded || zone.version > rows->folded_up_to();
                    return true;
                }));
                if (has_folded) ++with_some_folded;
            }
            served = now;
        }
    }
    // The rounds are about something.
    CHECK(with_a_tail > 20);
    CHECK(with_some_folded > 5);
}
