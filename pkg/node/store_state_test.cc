#include "node/store_state.h"

#include <doctest/doctest.h>

using namespace zc;
using node::ImageFileState;
using node::StoreStand;
using node::StoreState;
using News = StoreState::News;

namespace {

StoreStand at(std::uint64_t number) {
    return {.position = {.store = {1}, .number = number, .value = 10 * number},
            .committed_at = base::Instant{static_cast<std::int64_t>(number)},
            .mapped_octets = 4096};
}

load::StoreWatch::Seen seen_at(std::uint64_t number) {
    return {at(number).position, at(number).committed_at};
}

constexpr base::Duration second(std::int64_t n) {
    return base::Duration::seconds(n);
}

}  // namespace

TEST_CASE("a node is behind once a look has seen more than it serves, and says so once") {
    StoreState store;
    CHECK(store.was_read(at(1)));
    CHECK(!store.behind());
    CHECK(store.seen(store.look_number(), seen_at(1)) == News::none);
    CHECK(store.seen(store.look_number(), seen_at(2)) == News::newer);
    CHECK(store.behind());
    CHECK(store.seen(store.look_number(), seen_at(3)) == News::none);
    CHECK(store.newest().position.number == 3);
    CHECK(store.served().position.number == 1);

    CHECK(store.was_read(at(3)));
    CHECK(!store.behind());
    CHECK(store.served().committed_at == base::Instant{3});
}

TEST_CASE("a look that began before the store was read tells nothing new") {
    StoreState store;
    store.was_read(at(1));
    const std::uint64_t before = store.look_number();
    store.was_read(at(2));
    CHECK(store.seen(before, seen_at(1)) == News::none);
    CHECK(!store.behind());
    CHECK(store.newest().position.number == 2);
}

TEST_CASE("a reload that finds the store as it was leaves what is known of newer states") {
    StoreState store;
    store.was_read(at(1));
    store.seen(store.look_number(), seen_at(2));
    StoreStand again = at(1);
    again.mapped_octets = 8192;
    CHECK(!store.was_read(again));
    CHECK(store.behind());
    CHECK(store.served().mapped_octets == 8192);
}

TEST_CASE("a store that cannot be read is told of once for each reason, and is not called behind") {
    StoreState store;
    store.was_read(at(1));
    store.seen(store.look_number(), seen_at(2));
    CHECK(store.seen(store.look_number(), fail(Errc::io, "no such disk")) == News::unreadable);
    CHECK(store.problem() == "input/output: no such disk");
    CHECK(!store.behind());
    CHECK(store.seen(store.look_number(), fail(Errc::io, "no such disk")) == News::none);
    CHECK(store.seen(store.look_number(), fail(Errc::busy, "locked")) == News::unreadable);
    // It can be read again: being behind is news again.
    CHECK(store.seen(store.look_number(), seen_at(2)) == News::newer);
    CHECK(store.problem().empty());
}

TEST_CASE("a changed image file is told once, and loaded anew at most each ten seconds") {
    ImageFileState file;
    CHECK(!file.look(false, true, second(1)).reload);
    auto advice = file.look(true, false, second(2));  // a reload is under way
    CHECK(advice.tell);
    CHECK(!advice.reload);
    advice = file.look(true, true, second(3));
    CHECK(!advice.tell);
    CHECK(advice.reload);
    // The reload did not help: it is tried again, later.
    CHECK(!file.look(true, true, second(12)).reload);
    CHECK(file.look(false, true, second(13)).reload);
    CHECK(file.changed());

    file.was_loaded_anew();
    CHECK(!file.changed());
    CHECK(!file.look(false, true, second(30)).reload);
    CHECK(file.look(true, true, second(31)).tell);
}

TEST_CASE("a store that this node writes to is not ahead of it") {
    StoreState state;
    state.was_read({.position = {.store = {1}, .number = 5, .value = 7}, .committed_at = {}});
    const std::uint64_t look = state.look_number();
    const store::Position written{.store = {1}, .number = 6, .value = 8};
    state.was_written(written, base::Instant{9});
    CHECK(state.served().position == written);
    CHECK(state.served().committed_at == base::Instant{9});
    // A look that began before may have seen what was there before.
    CHECK(state.seen(look, load::StoreWatch::Seen{{.store = {1}, .number = 5, .value = 7}, {}}) ==
          StoreState::News::none);
    CHECK(!state.behind());
    CHECK(state.seen(state.look_number(), load::StoreWatch::Seen{written, base::Instant{9}}) ==
          StoreState::News::none);
    CHECK(!state.behind());
}
