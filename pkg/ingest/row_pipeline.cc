#include "ingest/row_pipeline.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <utility>

#include "ingest/database_name.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace zc::ingest {

namespace {

constexpr std::size_t blocks_waiting_max = 8;
constexpr std::size_t source_columns_max = 64;        // of a statement
constexpr std::uint64_t malformed_rows_max = 10'000;  // then the source is no dump
constexpr std::size_t excerpt_octets_max = 200;
constexpr std::uint64_t rows_per_tick = 4096;

/// Columns without which no row of the table means anything.
std::span<const std::string_view> needed_columns(Table table) noexcept {
    static constexpr std::array<std::string_view, 2> domains = {"id", "name"};
    static constexpr std::array<std::string_view, 4> records = {"domain_id", "name", "type",
                                                                "content"};
    static constexpr std::array<std::string_view, 4> comments = {"domain_id", "name", "type",
                                                                 "comment"};
    switch (table) {
        case Table::domains:
            return domains;
        case Table::records:
            return records;
        case Table::domainmetadata:
        case Table::cryptokeys:
            return columns_of(table).first(1);
        case Table::comments:
            return comments;
        case Table::tsigkeys:
            return columns_of(table);
        case Table::supermasters:
            return columns_of(table).first(2);
        case Table::other:
            return {};
    }
    return {};
}

bool is_octal(char c) noexcept {
    return c >= '0' && c <= '7';
}

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// The escapes of COPY's text format. Appends to `out`, which has room enough: the result is never
/// longer.
void append_unescaped(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c != '\\' || i + 1 == text.size()) {
            out += c;
            continue;
        }
        c = text[++i];
        switch (c) {
            case 'b':
                out += '\b';
                break;
            case 'f':
                out += '\f';
                break;
            case 'n':
                out += '\n';
                break;
            case 'r':
                out += '\r';
                break;
            case 't':
                out += '\t';
                break;
            case 'v':
                out += '\v';
                break;
            case 'x': {
                unsigned value = 0;
                std::size_t digits = 0;
                while (digits < 2 && i + 1 < text.size() && hex_digit(text[i + 1]) >= 0) {
                    value = value * 16 + static_cast<unsigned>(hex_digit(text[++i]));
                    ++digits;
                }
                out += digits == 0 ? 'x' : static_cast<char>(value);
                break;
            }
            default: {
                if (!is_octal(c)) {
                    out += c;
                    break;
                }
                unsigned value = static_cast<unsigned>(c - '0');
                for (int digits = 1; digits < 3 && i + 1 < text.size() && is_octal(text[i + 1]);
                     ++digits) {
                    value = value * 8 + static_cast<unsigned>(text[++i] - '0');
                }
                out += static_cast<char>(value);
            }
        }
    }
}

/// The number that is all of `text`. Nearly every id is digits alone.
std::optional<std::int64_t> parse_id(std::string_view text) noexcept {
    constexpr std::size_t digits_that_fit = 18;
    std::int64_t id = 0;
    if (!text.empty() && text.size() <= digits_that_fit) {
        for (const char c : text) {
            const auto digit = static_cast<unsigned char>(c - '0');
            if (digit > 9) {
                id = -1;
                break;
            }
            id = id * 10 + digit;
        }
        if (id >= 0) return id;
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return id;
}

std::int64_t parse_domain(const Value& value) noexcept {
    if (!value) return domain_null;
    const auto id = parse_id(*value);
    return id && *id > domain_malformed ? *id : domain_malformed;
}

/// Which of 64 octets are a tab, a newline or a backslash.
std::uint64_t stops_among(const char* at) noexcept {
    std::uint64_t mask = 0;
#if defined(__SSE2__)
    const __m128i tab = _mm_set1_epi8('\t');
    const __m128i newline = _mm_set1_epi8('\n');
    const __m128i backslash = _mm_set1_epi8('\\');
    for (unsigned i = 0; i < 64; i += 16) {
        const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + i));
        const __m128i hits =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(octets, tab), _mm_cmpeq_epi8(octets, newline)),
                         _mm_cmpeq_epi8(octets, backslash));
        mask |= std::uint64_t{static_cast<std::uint16_t>(_mm_movemask_epi8(hits))} << i;
    }
#else
    for (unsigned i = 0; i < 64; ++i) {
        const bool hit = at[i] == '\t' || at[i] == '\n' || at[i] == '\\';
        mask |= std::uint64_t{hit} << i;
    }
#endif
    return mask;
}

}  // namespace

/// Where tabs, newlines and backslashes stand in a text, one after the other: looked for in 64
/// octets at once, since a column is shorter than what a search for its end costs.
class RowPipeline::Stops {
public:
    Stops(const char* begin, const char* end) noexcept : next_block_(begin), end_(end) {}

    /// The next one, or the end of the text.
    const char* next() noexcept {
        while (mask_ == 0) {
            if (next_block_ == end_) return end_;
            look();
        }
        const char* const at = block_ + std::countr_zero(mask_);
        mask_ &= mask_ - 1;
        return at;
    }

private:
    void look() noexcept {
        block_ = next_block_;
        const auto octets = static_cast<std::size_t>(end_ - block_);
        if (octets >= block_octets) {
            mask_ = stops_among(block_);
            next_block_ = block_ + block_octets;
            return;
        }
        std::array<char, block_octets> rest{};
        std::memcpy(rest.data(), block_, octets);
        mask_ = stops_among(rest.data());
        next_block_ = end_;
    }

    static constexpr std::size_t block_octets = 64;
    const char* block_ = nullptr;  // what `mask_` is of
    const char* next_block_;
    const char* const end_;
    std::uint64_t mask_ = 0;  // those that were not given yet
};

RowPipeline::RowPipeline(Options options, RowStore& store)
    : options_(std::move(options)), reader_writer_(store.add_writer()), queue_(blocks_waiting_max) {
    for (std::uint32_t i = 0; i < options_.threads; ++i) writers_.push_back(&store.add_writer());
    workers_.emplace(
        options_.threads, [this] { work(); },
        [this] {
            failed_.store(true, std::memory_order_relaxed);
            queue_.close();
        });
}

RowPipeline::~RowPipeline() {
    queue_.close();
    workers_.reset();
}

bool is_beyond_ids(std::string_view id) noexcept {
    if (id.starts_with('-')) id.remove_prefix(1);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
    return error == std::errc::result_out_of_range && end == id.data() + id.size();
}

Result<std::shared_ptr<const TableLayout>> RowPipeline::layout(Table table,
                                                               std::span<const std::string> columns,
                                                               std::uint64_t line) {
    const base::Location where{options_.source, line};
    const std::string shown(to_string(table));
    if (columns.size() > source_columns_max) {
        return fail(Errc::limit,
                    "table " + shown + " with " + std::to_string(columns.size()) +
                        " columns, limit is " + std::to_string(source_columns_max),
                    where);
    }
    for (auto at = columns.begin(); at != columns.end(); ++at) {
        if (std::find(columns.begin(), at, *at) != at) {
            return fail(Errc::malformed, "table " + shown + " with two columns " + *at, where);
        }
    }
    auto layout = std::make_shared<TableLayout>();
    layout->table = table;
    const auto kept = columns_of(table);
    for (const std::string& name : columns) {
        const auto at = std::ranges::find(kept, std::string_view(name));
        layout->targets.push_back(at != kept.end() ? static_cast<std::int8_t>(at - kept.begin())
                                  : name == "id"   ? TableLayout::own_id
                                                   : TableLayout::not_kept);
        if (at == kept.end() && !is_ignored_column(table, name)) {
            const std::lock_guard lock(mutex_);
            findings_.push_back({.acceptance = Acceptance::doubtful,
                                 .table = table,
                                 .line = line,
                                 .source = options_.source,
                                 .zone = {},
                                 .record = {},
                                 .reason = "column " + name + " is none of PowerDNS's schema",
                                 .effect = "not taken over"});
        }
    }
    if (const std::string_view missing = missing_column(table, columns); !missing.empty()) {
        return fail(Errc::malformed, "table " + shown + " without a column " + std::string(missing),
                    where);
    }
    const auto lacks = [&](std::string_view column) {
        return table == Table::records && std::ranges::find(columns, column) == columns.end();
    };
    layout->lacks_auth = lacks("auth");
    layout->lacks_disabled = lacks("disabled");
    layout->has_ids = std::ranges::find(columns, "id") != columns.end();
    seen_[static_cast<std::size_t>(table)] = true;
    return std::shared_ptr<const TableLayout>(std::move(layout));
}

std::string_view RowPipeline::missing_column(Table table, std::span<const std::string> columns) {
    for (const std::string_view needed : needed_columns(table)) {
        if (std::ranges::find(columns, needed) == columns.end()) return needed;
    }
    return {};
}

std::optional<Table> RowPipeline::table_like(std::span<const std::string> columns) {
    static constexpr std::array<std::string_view, 6> domains = {
        "id", "name", "master", "last_check", "type", "notified_serial"};
    static constexpr std::array<std::string_view, 4> records = {"domain_id", "name", "type",
                                                                "content"};
    static constexpr std::array<std::string_view, 3> metadata = {"domain_id", "kind", "content"};
    static constexpr std::array<std::string_view, 4> keys = {"domain_id", "flags", "active",
                                                             "content"};
    struct Wanted {
        Table table;
        std::span<const std::string_view> columns;
    };
    const auto has = [&columns](std::string_view column) {
        return std::ranges::find(columns, column) != columns.end();
    };
    for (const Wanted& wanted :
         {Wanted{Table::domains, domains}, Wanted{Table::records, records},
          Wanted{Table::domainmetadata, metadata}, Wanted{Table::cryptokeys, keys}})
        if (std::ranges::all_of(wanted.columns, has)) return wanted.table;
    return std::nullopt;
}

bool RowPipeline::may_be_foreign(Table table) noexcept {
    return table == Table::comments || table == Table::tsigkeys || table == Table::supermasters;
}

void RowPipeline::doubt_octets(Table table, std::size_t column, std::string reason) {
    doubtful_octets_.columns[static_cast<std::size_t>(table)] |=
        static_cast<std::uint16_t>(1U << column);
    if (doubtful_octets_.reason.empty()) doubtful_octets_.reason = std::move(reason);
}

std::unique_ptr<char[]> RowPipeline::buffer() {
    {
        const std::lock_guard lock(mutex_);
        if (!buffers_.empty()) {
            auto buffer = std::move(buffers_.back());
            buffers_.pop_back();
            return buffer;
        }
    }
    return std::make_unique_for_overwrite<char[]>(copy_block_octets);
}

Status RowPipeline::copy_block(CopyBlock block) {
    if (failed_.load(std::memory_order_relaxed)) return finish();
    if (options_.tick) options_.tick();
    queue_.push(std::move(block));
    return {};
}

void RowPipeline::note_failure(Error error) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::make_unique<Error>(std::move(error));
    failed_.store(true, std::memory_order_relaxed);
}

void RowPipeline::work() {
    RowStore::Writer& writer = *writers_[next_writer_++];
    Scratch scratch;
    while (auto block = queue_.pop()) {
        if (failed_.load(std::memory_order_relaxed)) continue;
        if (Status status = parse(*block, writer, scratch); !status)
            note_failure(std::move(status).error());
        const std::lock_guard lock(mutex_);
        if (buffers_.size() < blocks_waiting_max) buffers_.push_back(std::move(block->octets));
    }
}

Status RowPipeline::parse(const CopyBlock& block, RowStore::Writer& writer, Scratch& scratch) {
    std::uint64_t number = block.first_line;
    scratch.ids.clear();
    const char* const end = block.octets.get() + block.end;
    Stops stops(block.octets.get() + block.begin, end);
    for (const char* at = block.octets.get() + block.begin; at != end; ++number)
        ZC_TRY_STATUS(parse_line(at, stops, block, number, writer, scratch));
    if (block.ids_or_null != nullptr) block.ids_or_null->add(scratch.ids);
    names_.add(scratch.names);
    rows_.fetch_add(number - block.first_line, std::memory_order_relaxed);
    return {};
}

Status RowPipeline::parse_line(const char*& at, Stops& stops, const CopyBlock& block,
                               std::uint64_t number, RowStore::Writer& writer, Scratch& scratch) {
    const TableLayout& layout = *block.layout;
    const char* const end = block.octets.get() + block.end;
    const char* const begin = at;
    Row row{.table = layout.table, .domain = 0, .line = number, .values = {}};
    std::string& unescaped = scratch.unescaped;
    std::string_view id;
    // Views into `unescaped` are made when it grows no more.
    struct Unescaped {
        std::size_t target, begin, size;
    };
    std::array<Unescaped, columns_max> made;
    std::size_t made_count = 0;
    unescaped.clear();
    std::size_t column = 0;
    const char* stop = begin;
    for (bool line_ends = false; !line_ends; at = stop == end ? end : stop + 1, ++column) {
        bool escapes = false;
        while ((stop = stops.next()) != end && *stop == '\\') escapes = true;
        line_ends = stop == end || *stop == '\n';
        if (column >= layout.targets.size()) continue;  // too many: counted
        // NOLINTNEXTLINE(bugprone-signed-char-misuse): a number
        const int target = layout.targets[column];
        if (target < 0) {
            if (target == TableLayout::own_id) id = {at, stop};
            continue;
        }
        std::string_view text(at, static_cast<std::size_t>(stop - at));
        // A dump that went through Windows; a CR that is data is written \r.
        if (line_ends && text.ends_with('\r')) text.remove_suffix(1);
        if (!escapes) {
            row.values[static_cast<std::size_t>(target)] = text;
        } else if (text != "\\N") {
            made[made_count] = {static_cast<std::size_t>(target), unescaped.size(), 0};
            append_unescaped(unescaped, text);
            made[made_count].size = unescaped.size() - made[made_count].begin;
            ++made_count;
        }
    }
    if (column != layout.targets.size()) {
        std::string_view line(begin, static_cast<std::size_t>(stop - begin));
        if (line.ends_with('\r')) line.remove_suffix(1);
        return refuse(layout.table, number, std::string(line.substr(0, excerpt_octets_max)),
                      (column > layout.targets.size() ? "more than " : "fewer than ") +
                          std::to_string(layout.targets.size()) +
                          " columns, wanted as many as the statement names");
    }
    if (block.ids_or_null != nullptr) {
        if (layout.table == Table::domains) id = row.values[0].value_or("");
        if (const auto own = parse_id(id)) {
            IdRun* const last = scratch.ids.empty() ? nullptr : &scratch.ids.back();
            // Unsigned, for the difference of two may not fit.
            const auto distance = static_cast<std::uint64_t>(*own) -
                                  static_cast<std::uint64_t>(last != nullptr ? last->first : 0);
            if (last != nullptr && distance == static_cast<std::uint64_t>(last->count)) {
                ++last->count;
            } else {
                scratch.ids.push_back({.first = *own, .count = 1});
            }
        } else if (layout.table != Table::domains && is_beyond_ids(id)) {
            const std::string_view line(begin, static_cast<std::size_t>(stop - begin));
            return refuse(layout.table, number, std::string(line.substr(0, excerpt_octets_max)),
                          "an id of more than 64 bits");
        }
    }
    for (const Unescaped& one : std::span(made).first(made_count))
        row.values[one.target] = std::string_view(unescaped).substr(one.begin, one.size);
    return store(layout, row, row.values[0], writer, scratch.names);
}

Status RowPipeline::row(const TableLayout& layout, std::span<const Value> columns,
                        std::uint64_t line) {
    if (rows_.fetch_add(1, std::memory_order_relaxed) % rows_per_tick == 0 && options_.tick)
        options_.tick();
    if (columns.size() != layout.targets.size()) {
        std::string record;
        for (const Value& value : columns) {
            if (record.size() < excerpt_octets_max)
                record += (record.empty() ? "" : ", ") + std::string(value.value_or("NULL"));
        }
        return refuse(layout.table, line, record.substr(0, excerpt_octets_max),
                      std::to_string(columns.size()) + " columns, wanted " +
                          std::to_string(layout.targets.size()));
    }
    Row row{.table = layout.table, .domain = 0, .line = line, .values = {}};
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (layout.targets[i] >= 0)
            // NOLINTNEXTLINE(bugprone-signed-char-misuse): a number
            row.values[static_cast<std::size_t>(layout.targets[i])] = columns[i];
    }
    return store(layout, row, row.values[0], reader_writer_, reader_names_);
}

Status RowPipeline::store(const TableLayout& layout, Row& row, const Value& domain,
                          RowStore::Writer& writer, std::vector<std::uint64_t>& names) {
    if (layout.table == Table::domains && row.values[column::domain_name]) {
        if (const auto key = name_key(*row.values[column::domain_name])) names.push_back(*key);
    }
    // Rows that belong to no zone lie among the rows without a domain.
    const bool is_global = layout.table == Table::tsigkeys || layout.table == Table::supermasters;
    row.domain = is_global ? domain_null : parse_domain(domain);
    if (layout.lacks_auth) row.values[column::auth] = "1";
    if (layout.lacks_disabled) row.values[column::disabled] = "0";
    return writer.add(row);
}

Status RowPipeline::refuse(Table table, std::uint64_t line, std::string record,
                           std::string reason) {
    const std::lock_guard lock(mutex_);
    findings_.push_back({.acceptance = Acceptance::refused,
                         .table = table,
                         .line = line,
                         .source = options_.source,
                         .zone = {},
                         .record = std::move(record),
                         .reason = std::move(reason),
                         .effect = "not taken over"});
    if (table == Table::cryptokeys) {
        // The zone of the key is not known, and must not be served as if it had none.
        return fail(Errc::malformed,
                    "a row of cryptokeys that cannot be read: " + findings_.back().reason,
                    {options_.source, line});
    }
    if (++refused_[static_cast<std::size_t>(table)] > malformed_rows_max) {
        return fail(Errc::malformed,
                    "more than " + std::to_string(malformed_rows_max) + " rows that are none",
                    {options_.source, line});
    }
    return {};
}

bool RowPipeline::passes_over(Table table, std::span<const std::string> columns) {
    const std::string_view missing = missing_column(table, columns);
    if (missing.empty() || !may_be_foreign(table)) return false;
    note(Acceptance::doubtful,
         "table " + std::string(to_string(table)) + " without a column " + std::string(missing) +
             " is none of PowerDNS's",
         "not taken over", 0);
    return true;
}

void RowPipeline::note(Acceptance acceptance, std::string reason, std::string effect,
                       std::uint64_t line, std::uint64_t refused_rows) {
    const std::lock_guard lock(mutex_);
    findings_.push_back({.acceptance = acceptance,
                         .table = Table::other,
                         .line = line,
                         .source = options_.source,
                         .zone = {},
                         .record = {},
                         .reason = std::move(reason),
                         .effect = std::move(effect)});
    refused_[static_cast<std::size_t>(Table::other)] += refused_rows;
}

Status RowPipeline::finish() {
    queue_.close();
    const Status worked = workers_->join();
    if (failure_) return tl::unexpected<Error>(*failure_);
    ZC_TRY_STATUS(worked);
    names_.add(reader_names_);
    for (const RowIds& ids : ids_) ZC_TRY_STATUS(ids.check(options_.source));
    for (const RowIds& ids : ids_) {
        const std::string lines = ids.lines_of_unknown();
        if (lines.empty()) continue;
        note(Acceptance::doubtful,
             "COPYs of one table, in lines " + lines +
                 ", whose rows have no ids that tell whether they are of one dump",
             "taken as those of one", ids.line());
    }
    std::ranges::stable_sort(findings_, {}, &Finding::line);
    return {};
}

}  // namespace zc::ingest
