// STORE.md and the code have the same format and the same schema.
#include <cstdint>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "sqlite/sqlite.h"
#include "store/store.h"
#include "testkit/folder.h"

namespace zc::store {
namespace {

std::string document() {
    return testkit::read_file(ZC_TESTDATA_DIR "/../pkg/store/STORE.md");
}

/// The statements that made the tables of a new store, each ended by ";\n".
std::string schema_of_new_store() {
    const testkit::Folder folder;
    {
        auto update = Update::begin(folder / "s", Update::Missing::create);
        REQUIRE(update);
        REQUIRE(update->commit({}));
    }
    auto database = sqlite::Database::open(folder / "s", sqlite::Database::Mode::read_only);
    REQUIRE(database);
    auto rows = database->prepare("SELECT sql FROM sqlite_master WHERE sql <> '' ORDER BY rowid");
    REQUIRE(rows);
    std::string out;
    for (;;) {
        const auto row = rows->step();
        REQUIRE(row);
        if (!*row) return out;
        out += std::string(rows->text(0)) + ";\n";
    }
}

}  // namespace

TEST_CASE("the document of the store has the schema of a new store") {
    const std::string text = document();
    constexpr std::string_view fence = "```sql\n";
    const std::size_t begin = text.find(fence);
    REQUIRE(begin != std::string::npos);
    const std::size_t sql = begin + fence.size();
    CHECK_EQ(text.substr(sql, text.find("```", sql) - sql), schema_of_new_store());
}

TEST_CASE("the document of the store is of the format that is written") {
    CHECK(document().starts_with("# The store, format " + std::to_string(format_version) + "\n"));
}

}  // namespace zc::store
