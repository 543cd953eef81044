#include "ingest/row_store.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"

namespace zc::ingest {
namespace {

/// A row with values of its own.
struct OwnRow {
    Table table{};
    std::int64_t domain = 0;
    std::uint64_t line = 0;
    std::vector<std::optional<std::string>> values;

    Row borrowed() const {
        Row row{.table = table, .domain = domain, .line = line, .values = {}};
        for (std::size_t i = 0; i < values.size(); ++i)
            if (values[i]) row.values[i] = *values[i];
        return row;
    }
};

std::optional<std::string> random_value(base::Seed& seed) {
    switch (seed.below(10)) {
        case 0:
            return std::nullopt;
        case 1:
            return "";
        case 2:
            return std::string(seed.below(600), 'x') + "tail.example.org";  // some longer than kept
        case 3:
            return std::string(100 + seed.below(60), 'y');
        case 4:
            return "f";
        case 5:
            return std::to_string(seed.below(100'000));
        case 6:
            return std::string("a\0b", 3);
        default:
            return std::string(seed.below(40), static_cast<char>('a' + seed.below(3))) + ".zone" +
                   std::to_string(seed.below(3)) + ".example";
    }
}

OwnRow random_row(base::Seed& seed, const OwnRow& before) {
    OwnRow row;
    row.table =
        seed.below(3) == 0 ? static_cast<Table>(seed.below(tables_count - 1)) : before.table;
    const std::size_t first =
        row.table == Table::tsigkeys || row.table == Table::supermasters ? 0 : 1;
    switch (seed.below(8)) {
        case 0:
            row.domain = domain_null;
            break;
        case 1:
            row.domain = domain_malformed;
            break;
        case 2:
            row.domain = std::numeric_limits<std::int64_t>::max();
            break;
        case 3:
            row.domain = -static_cast<std::int64_t>(seed.below(5));
            break;
        case 4:
            row.domain = static_cast<std::int64_t>(seed.below(20));
            break;
        default:
            row.domain = before.domain;
    }
    if (first == 0) row.domain = domain_null;
    row.line = seed.below(3) == 0 ? before.line + 1 + seed.below(1000) : before.line + 1;
    row.values.resize(columns_of(row.table).size());
    for (std::size_t i = first; i < row.values.size(); ++i)
        row.values[i] = row.table == before.table && seed.below(2) == 0 && i < before.values.size()
                            ? before.values[i]
                            : random_value(seed);
    return row;
}

TEST_CASE("values as long as the marks of NULL and of what is not remembered are none of them") {
    RowStore store({.memory_octets = std::uint64_t{1} << 30, .temporary_directory = "/tmp"});
    RowStore::Writer& writer = store.add_writer();
    std::vector<OwnRow> rows;
    for (const int size : {-1, 254, 300, 255, 300, 254, -1, 255, 127, 254, 128, 255, 0}) {
        OwnRow row;
        row.table = Table::comments;
        row.domain = 1;
        row.line = rows.size() + 1;
        row.values.assign(columns_of(Table::comments).size(),
                          size < 0 ? std::optional<std::string>()
                                   : std::string(static_cast<std::size_t>(size), 'x'));
        REQUIRE(writer.add(row.borrowed()));
        rows.push_back(std::move(row));
    }
    RowStore::Bucket bucket;
    std::size_t found = 0;
    for (std::size_t at = 0; at <= buckets_count; ++at) {
        REQUIRE(store.take(at, bucket));
        for (const RowStore::Bucket::Ref& ref : bucket.refs) {
            const Row row = RowStore::Bucket::read(ref);
            const Row wanted = rows.at(row.line - 1).borrowed();
            for (std::size_t i = 1; i < columns_of(row.table).size(); ++i)
                CHECK(row.values[i] == wanted.values[i]);
            ++found;
        }
    }
    CHECK(found == rows.size());
}

TEST_CASE("rows come out of the store as they went in, from memory and from the disk") {
    for (std::uint64_t number = 0; number < 8; ++number) {
        base::Seed seed(number);
        RowStore store(
            {.memory_octets = number % 2 == 0 ? std::uint64_t{0} : std::uint64_t{1} << 30,
             .temporary_directory = "/tmp"});
        std::vector<RowStore::Writer*> writers{&store.add_writer(), &store.add_writer()};
        std::map<std::uint64_t, OwnRow> rows;  // by line
        OwnRow before;
        for (int i = 0; i < 20'000; ++i) {
            OwnRow row = random_row(seed, before);
            REQUIRE(writers[seed.below(writers.size())]->add(row.borrowed()));
            before = row;
            rows.emplace(row.line, std::move(row));
        }
        // One that is larger than a chunk, and one behind it.
        for (const std::size_t size : {100'000U, 3U}) {
            OwnRow large = before;
            large.table = Table::comments;
            large.domain = 1;
            large.line = rows.rbegin()->first + 1;
            large.values.assign(columns_of(Table::comments).size(), std::string(size, 'z'));
            REQUIRE(writers[0]->add(large.borrowed()));
            rows.emplace(large.line, std::move(large));
        }
        CHECK((store.octets_spilled() > 0) == (number % 2 == 0));

        std::size_t found = 0;
        RowStore::Bucket bucket;
        for (std::size_t at = 0; at <= buckets_count; ++at) {
            REQUIRE(store.take(at, bucket));
            for (const RowStore::Bucket::Ref& ref : bucket.refs) {
                const Row row = RowStore::Bucket::read(ref);
                const auto wanted = rows.find(row.line);
                REQUIRE(wanted != rows.end());
                ++found;
                CHECK(row.table == wanted->second.table);
                CHECK(row.domain == wanted->second.domain);
                const Row expected = wanted->second.borrowed();
                const std::size_t first =
                    row.table == Table::tsigkeys || row.table == Table::supermasters ? 0 : 1;
                for (std::size_t i = first; i < columns_of(row.table).size(); ++i)
                    CHECK(row.values[i] == expected.values[i]);
            }
        }
        CHECK(found == rows.size());
    }
}

TEST_CASE("neighbours that are alike take little room") {
    RowStore store({.memory_octets = 0, .temporary_directory = "/tmp"});
    RowStore::Writer& writer = store.add_writer();
    OwnRow row;
    row.table = Table::records;
    row.domain = 7;
    std::uint64_t octets = 0;
    for (int i = 0; i < 100'000; ++i) {
        ++row.line;
        row.values = {std::nullopt, "host" + std::to_string(i % 1000) + ".some.zone.example.com",
                      "A",          "192.0.2." + std::to_string(i % 256),
                      "3600",       "0",
                      "f",          "t"};
        for (const auto& value : row.values) octets += value ? value->size() : 0;
        REQUIRE(writer.add(row.borrowed()));
    }
    CHECK(store.octets_spilled() > 0);
    CHECK(store.octets_spilled() < octets / 2);
}

}  // namespace
}  // namespace zc::ingest
