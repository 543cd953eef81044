#include "node/settings.h"

#include <string>

#include <doctest/doctest.h>

using namespace zc;
using node::SettingValue;

namespace {

std::string text_of(const std::vector<node::SettingChange>& changes) {
    std::string out;
    for (const auto& [key, applied] : changes) out += key + (applied ? "! " : "? ");
    return out;
}

}  // namespace

TEST_CASE("a reloadable flag is compared with the last reload, all others with the start") {
    const std::vector<SettingValue> start = {
        {"nsid", {"a"}, true}, {"workers", {"1"}, false}, {"listen", {"x", "y"}, false}};
    const std::vector<SettingValue> last = {
        {"nsid", {"b"}, true}, {"workers", {"2"}, false}, {"listen", {"x", "y"}, false}};
    CHECK(text_of(changes_of(start, start, start)).empty());
    // `workers` still waits for its restart, `nsid` was applied by the last reload.
    CHECK(text_of(changes_of(last, last, start)) == "workers? ");
    CHECK(text_of(changes_of(start, last, start)) == "nsid! ");
}

TEST_CASE("a flag that was not there before has changed, and so has a list in another order") {
    const std::vector<SettingValue> start = {{"listen", {"x", "y"}, false}};
    CHECK(text_of(changes_of({{"listen", {"y", "x"}, false}, {"rrl", {"on"}, true}}, start,
                             start)) == "listen? rrl! ");
}
