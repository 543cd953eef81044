// Inside of package ingest: the ids of the rows of a dump. No database gives one id of a table
// twice, so rows with the same id are those of two dumps in one file, whose rows must not mix.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"

namespace zc::ingest {

/// `count` ids that follow each other.
struct IdRun {
    std::int64_t first;
    std::int64_t count;
};

/// A set of ids. Numbers that follow each other take a bit each, others two octets and their page,
/// of which there is a limit.
class IdSet {
public:
    /// Pages of 65,536 numbers: a million of them take 0.15 GB when each has one id.
    static constexpr std::size_t pages_default = std::size_t{1} << 20;
    explicit IdSet(std::size_t pages_max = pages_default) : pages_max_(pages_max) {}
    /// False: it is there already. Where the set is full, nothing is added.
    bool add(std::int64_t id);
    /// Each of them.
    void add(IdRun run);
    bool contains(std::int64_t id) const;
    /// False: an id did not go in, since the ids lie too far from each other.
    bool is_complete() const noexcept { return !is_full_; }
    /// Calls `visit` with each id, in no order.
    template <typename Visit>
    void for_each(Visit&& visit) const {
        for (const auto& [number, page] : pages_) {
            const std::int64_t first = number * (std::int64_t{1} << page_bits);
            for (const std::uint16_t low : page.sorted) visit(first + low);
            for (std::size_t word = 0; word < page.bits.size(); ++word) {
                for (std::uint64_t bits = page.bits[word]; bits != 0; bits &= bits - 1)
                    visit(first + static_cast<std::int64_t>(word * 64) + std::countr_zero(bits));
            }
        }
    }

private:
    static constexpr int page_bits = 16;
    static constexpr std::size_t sorted_max = 1024;
    struct Page {
        std::vector<std::uint16_t> sorted;
        std::vector<std::uint64_t> bits;
    };
    Page* page_or_null(std::int64_t number);
    static void make_bits(Page& page);

    std::size_t pages_max_;
    std::unordered_map<std::int64_t, Page> pages_;
    std::int64_t number_ = 0;
    Page* last_or_null_ = nullptr;  // of `number_`; a map does not move what it holds
    bool is_full_ = false;
};

/// The ids of one table of a dump, by what gave its rows.
class RowIds {
public:
    /// The ids of one COPY. Threads: any.
    class Copy {
    public:
        Copy(std::uint64_t line, bool has_ids) : line_(line), has_ids_(has_ids) {}
        void add(std::span<const IdRun> runs);

    private:
        friend class RowIds;
        const std::uint64_t line_;
        const bool has_ids_;
        std::mutex mutex_;
        IdSet ids_;
    };

    explicit RowIds(std::string table) : table_(std::move(table)) {}

    /// A COPY with rows begins in `line`; with a column of ids or without. Lives as long as this.
    Copy& copy(std::uint64_t line, bool has_ids) { return copies_.emplace_back(line, has_ids); }
    /// Adds the id of a row of INSERT. False: another one has that id.
    bool insert(std::int64_t id, std::uint64_t line) {
        if (insert_line_ == 0) insert_line_ = line;
        return inserted_.add(id);
    }

    /// When all rows are there. Errors: `malformed`, naming both lines, when two COPYs, or a COPY
    /// and an INSERT, have rows with one id. Rows of one COPY are never of two dumps.
    Status check(const std::string& source) const;
    /// The line of the first COPY.
    std::uint64_t line() const noexcept { return copies_.empty() ? 0 : copies_.front().line_; }
    /// The lines of several COPYs of which this cannot be told, as text; or empty.
    std::string lines_of_unknown() const;

private:
    const std::string table_;
    std::list<Copy> copies_;
    IdSet inserted_;
    std::uint64_t insert_line_ = 0;
};

}  // namespace zc::ingest
