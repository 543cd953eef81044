#include "ingest/dump_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

#include "ingest/dump_statements.h"
#include "ingest/dump_tables.h"
#include "ingest/row_store.h"

namespace zc::ingest {

namespace {

constexpr std::size_t function_arguments_max = 8;
constexpr int expression_depth_max = 16;

/// What kind of statement its first word begins.
enum class Verb : std::uint8_t {
    alter,
    begin,
    code,  // runs what the reader does not follow
    commit,
    copy,
    create,
    delete_,
    delimiter,
    drop,
    harmless,  // changes no row
    insert,
    load,
    merge,
    other_file,
    rename,
    replace,
    reset,
    rollback,
    select,
    set,
    start,
    truncate,
    update,
    use,
};

struct StatementWord {
    std::string_view word;
    Verb verb;
};
constexpr StatementWord statement_words[] = {
    {"abort", Verb::rollback},
    {"alter", Verb::alter},
    {"analyze", Verb::code},
    {"attach", Verb::harmless},
    {"begin", Verb::begin},
    {"cache", Verb::harmless},
    {"call", Verb::code},
    {"change", Verb::harmless},
    {"check", Verb::harmless},
    {"checkpoint", Verb::harmless},
    {"checksum", Verb::harmless},
    {"close", Verb::harmless},
    {"cluster", Verb::harmless},
    {"comment", Verb::harmless},
    {"commit", Verb::commit},
    {"copy", Verb::copy},
    {"create", Verb::create},
    {"deallocate", Verb::harmless},
    {"declare", Verb::code},
    {"delete", Verb::delete_},
    {"delimiter", Verb::delimiter},
    {"desc", Verb::code},
    {"describe", Verb::code},
    {"detach", Verb::harmless},
    {"discard", Verb::reset},
    {"do", Verb::code},
    {"drop", Verb::drop},
    {"end", Verb::commit},
    {"execute", Verb::code},
    {"explain", Verb::code},
    {"fetch", Verb::code},
    {"flush", Verb::harmless},
    {"grant", Verb::harmless},
    {"handler", Verb::harmless},
    {"import", Verb::code},
    {"insert", Verb::insert},
    {"install", Verb::harmless},
    {"listen", Verb::harmless},
    {"load", Verb::load},
    {"lock", Verb::harmless},
    {"merge", Verb::merge},
    {"move", Verb::code},
    {"notify", Verb::harmless},
    {"optimize", Verb::harmless},
    {"pragma", Verb::harmless},
    {"prepare", Verb::code},
    {"purge", Verb::harmless},
    {"reassign", Verb::harmless},
    {"refresh", Verb::code},
    {"reindex", Verb::harmless},
    {"release", Verb::harmless},
    {"rename", Verb::rename},
    {"repair", Verb::harmless},
    {"replace", Verb::replace},
    {"reset", Verb::reset},
    {"revoke", Verb::harmless},
    {"rollback", Verb::rollback},
    {"savepoint", Verb::harmless},
    {"security", Verb::harmless},
    {"select", Verb::select},
    {"set", Verb::set},
    {"show", Verb::harmless},
    {"source", Verb::other_file},
    {"start", Verb::start},
    {"stop", Verb::harmless},
    {"table", Verb::code},
    {"truncate", Verb::truncate},
    {"uninstall", Verb::harmless},
    {"unlisten", Verb::harmless},
    {"unlock", Verb::harmless},
    {"update", Verb::update},
    {"use", Verb::use},
    {"vacuum", Verb::harmless},
    {"values", Verb::select},
    {"with", Verb::code},
};

std::optional<Verb> verb_of(std::string_view word) noexcept {
    const auto* const at = std::ranges::find(statement_words, word, &StatementWord::word);
    if (at == std::end(statement_words)) return std::nullopt;
    return at->verb;
}

class DumpReader : private DumpStatements {
public:
    DumpReader(ByteSource& source, const std::string& name, const DumpOptions& options,
               RowPipeline& pipeline)
        : DumpStatements(source, name, pipeline.buffer(), options.choice), pipeline_(pipeline) {
        if (options.strings == DumpOptions::Strings::mysql) found(Dialect::mysql);
        if (options.strings == DumpOptions::Strings::standard) found(Dialect::sqlite);
    }

    Status run();

private:
    Status statement();
    Status copy();
    Status copy_data(const std::shared_ptr<const TableLayout>& layout, RowIds::Copy* ids_or_null,
                     std::uint64_t& passed_over);
    RowIds& ids_of(const DumpTable& table);
    void note_encoding(const DumpTable& table, std::span<const std::string> columns);

    // Rows of one INSERT: how its columns become those of the table.
    struct InsertTarget {
        const DumpTable* table = nullptr;
        std::vector<std::string> columns;                  // as the statement names them
        std::vector<bool> is_flag;                         // of those, for `settle`
        std::optional<std::string> encoding;               // in which rows came last
        std::shared_ptr<const TableLayout> layout;         // of those, and the ones behind them
        std::vector<std::optional<std::string>> appended;  // of columns that the statement left out
        std::vector<std::optional<std::string>> fallbacks;  // what DEFAULT means
        std::vector<bool> odd;                              // where that is not known
        std::ptrdiff_t id = -1;                             // where it stands, or -1
        RowIds* ids = nullptr;
    };
    /// How a literal is written; `digits`: 0x… or 0b…, as it stands.
    enum class Form : std::uint8_t { other, string, number, digits };
    struct Cell {
        std::optional<std::string> text;
        enum class Kind : std::uint8_t { literal, fallback, expression } kind = Kind::literal;
        Form form = Form::other;
    };
    Status insert(bool replaces, std::uint64_t line);
    Status insert_values(DumpTable& table, std::vector<std::string> columns, bool replaces,
                         std::uint64_t line);
    Status insert_select(DumpTable& table, const std::vector<std::string>& columns,
                         std::uint64_t line);
    Status insert_row(InsertTarget& target, std::vector<Cell>& cells, std::uint64_t line);
    Status two_dumps(std::string what, std::uint64_t line) const;
    Status selected_value(std::optional<std::string>& out, bool& is_id, bool& is_literal);
    Status guess_escapes();
    Status end_insert(DumpTable& table, bool replaces, std::optional<std::int64_t> collided,
                      std::uint64_t line);
    Status number_domain(std::optional<std::string>& id, const std::vector<Value>& row,
                         const TableLayout& layout, std::uint64_t line);
    Status tuple(std::vector<Cell>& cells);
    std::string shown_cells() const;
    bool settle(Table table, std::string_view column, std::string& text, Form form) const;
    Status expression(std::optional<std::string>& out, bool& usable, int depth);
    void cast(bool& usable);
    Status call(const std::string& function, std::optional<std::string>& out, bool& usable,
                int depth);
    Status arguments(std::vector<std::optional<std::string>>& out, bool& usable, int depth);

    Result<std::vector<std::string>> columns_of_insert(const DumpTable& table,
                                                       std::vector<std::string> columns,
                                                       std::uint64_t line);
    Result<bool> takes_rows_of(DumpTable& table, std::span<const std::string> columns, Rows rows,
                               std::uint64_t line);
    Status refuse_odd_default(const DumpTable& table, std::span<const std::string> columns,
                              std::uint64_t line) const;
    Result<InsertTarget*> target_of(DumpTable& table, std::vector<std::string> columns,
                                    std::uint64_t line);
    void note_transaction(Verb verb);
    Status finish();

    RowPipeline& pipeline_;
    bool is_first_ = true;         // statement
    bool is_sqlite_ = false;       // by what sqlite3 .dump begins with
    bool is_chained_ = false;      // that transaction is one of COMMIT AND CHAIN
    bool is_uncommitted_ = false;  // rows behind SET autocommit=0, or in that one, without COMMIT
    bool default_seen_ = false;    // DEFAULT, as a value
    Form form_ = Form::other;      // of the value
    std::optional<Error>
        shape_problem_;    // of domains or records: what stands there is another table
    InsertTarget target_;  // of the last INSERT: the next one is mostly the same
    std::vector<Cell> cells_;
    std::vector<Value> views_;
    std::optional<std::string> made_id_;
    /// Of each table that is taken; partitions and tables that inherit have ids of their own.
    std::unordered_map<const DumpTable*, RowIds*> ids_;
    const DumpTable* copied_last_or_null_ = nullptr;
    /// Which dump of the file gave rows by COPY.
    std::array<std::optional<int>, tables_count> copied_by_{};

    // Rows of domains without an id get one, as the database would give it.
    std::int64_t domains_numbered_ = 0;
    bool domains_with_id_ = false;
    std::unordered_map<std::string, std::int64_t> numbered_;  // by name in lower case
};

/// The columns of an INSERT, which may name none.
Result<std::vector<std::string>> DumpReader::columns_of_insert(const DumpTable& table,
                                                               std::vector<std::string> columns,
                                                               std::uint64_t line) {
    if (!columns.empty()) return columns;
    if (!table.columns) {
        return fail(Errc::malformed,
                    "rows of table " + table.name +
                        " without column names and no CREATE TABLE before: dump with the "
                        "schema, or with --column-inserts",
                    {name_, line});
    }
    for (const DumpColumn& column : *table.columns) columns.push_back(column.name);
    return columns;
}

/// Whether rows of `table` go into the pipeline; else they are counted and said at the end.
Result<bool> DumpReader::takes_rows_of(DumpTable& table, std::span<const std::string> columns,
                                       Rows rows, std::uint64_t line) {
    if (!table.ours) return false;
    if (dialect_ == Dialect::mysql) tables_.set_mysql();
    // The shape is that of the whole table where it is known: a statement may name a part of it.
    std::vector<std::string> all(columns.begin(), columns.end());
    if (table.columns) {
        all.clear();
        for (const DumpColumn& column : *table.columns) all.push_back(column.name);
    }
    const std::string_view missing = RowPipeline::missing_column(*table.ours, all);
    if (!missing.empty() && RowPipeline::may_be_foreign(*table.ours)) {
        if (table.rows_line == 0) table.rows_line = line;
        table.missing_column = missing;
        return false;
    }
    ZC_TRY(const bool is_taken, tables_.admit(table, line, name_));
    if (is_taken && !missing.empty() && table.columns) {
        // In a dump of several databases it may be that of another program.
        if (!shape_problem_) {
            shape_problem_ =
                Error{Errc::malformed,
                      "table " + table.name + " without a column " + std::string(missing),
                      {name_, line}};
        }
        return false;
    }
    if (is_taken) ZC_TRY_STATUS(refuse_fired(table, rows, line));
    return is_taken;
}

Status DumpReader::copy() {
    const std::uint64_t line = line_;
    next();
    if (token_.is('(')) {  // COPY (query) TO
        return end_query("COPY", line);
    }
    found(Dialect::postgresql);
    if (token_.is("binary")) next();
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    std::vector<std::string> columns;
    if (token_.is('(')) {
        next();
        ZC_TRY_STATUS(column_names(columns));
    }
    if (token_.is("to")) return end_harmless();
    if (!token_.is("from")) return unexpected("FROM or TO");
    next();
    DumpTable& table = tables_.find(parts);
    table.named = true;
    const bool is_ours = table.ours && tables_.is_chosen(table.place);
    ZC_TRY_STATUS(refuse_stand_in("COPY into", table, line));
    if (!token_.is("stdin")) {
        skip_statement();
        if (is_ours && token_.is_stop()) {
            return fail(
                Errc::unsupported,
                "COPY " + table.name +
                    " FROM a file: its rows are not in this dump. Where this is restore.sql "
                    "out of a tar archive of pg_dump, give the archive itself",
                {name_, line});
        }
        return end_harmless();
    }
    next();
    if (token_.kind == Token::Kind::end) return unexpected("\";\"");
    if (!token_.is_stop()) {
        if (is_ours) {
            return fail(Errc::unsupported,
                        "COPY with options; wanted the text format, as pg_dump writes it",
                        {name_, line});
        }
        skip_statement();
        if (!token_.is_stop()) return unexpected("\";\"");
    }
    std::string rest;
    skip_line(&rest);
    if (rest.find_first_not_of(" \t\r") != std::string::npos) {
        return fail(Errc::malformed,
                    "found \"" + rest.substr(0, 60) + "\" behind COPY … FROM stdin;",
                    {name_, line});
    }
    if (!pull())
        return failure_ ? Status(tl::unexpected<Error>(*failure_)) : cut_off("inside of COPY");
    take();
    const bool is_empty =
        ahead("\\.\n") || ahead("\\.\r") || (ahead("\\.") && !ahead("\\.?") && end_ - begin_ == 2);
    std::shared_ptr<const TableLayout> layout;
    RowIds::Copy* ids_or_null = nullptr;
    const std::uint64_t rows_line_before = table.rows_line;
    if (is_ours) {
        ZC_TRY(columns, columns_of_insert(table, std::move(columns), line));
        bool is_taken = true;
        if (!is_empty) {
            ZC_TRY(is_taken, takes_rows_of(table, columns, Rows::copied, line));
        } else {
            is_taken = !RowPipeline::may_be_foreign(*table.ours) && tables_.may_hold(table.place);
        }
        if (is_taken) {
            ZC_TRY(layout, pipeline_.layout(*table.ours, columns, line));
            ZC_TRY_STATUS(refuse_odd_default(table, columns, line));
            // What the text leaves out has the default of the table.
            for (const DumpColumn& column : table.columns.value_or(std::vector<DumpColumn>())) {
                const bool is_kept = std::ranges::find(columns_of(*table.ours), column.name) !=
                                     columns_of(*table.ours).end();
                const bool is_usual =
                    (column.name == "disabled" &&
                     is_one_of(lower(column.fallback.value_or("")), {"0", "f", "false"})) ||
                    (column.name == "auth" &&
                     is_one_of(lower(column.fallback.value_or("")), {"1", "t", "true"}));
                if (!is_kept || !column.fallback || is_usual ||
                    std::ranges::find(columns, column.name) != columns.end())
                    continue;
                return fail(Errc::unsupported,
                            "COPY " + table.name + " without column " + column.name +
                                ", whose default is " + *column.fallback,
                            {name_, line});
            }
            if (!is_empty) {
                auto& copied_by = copied_by_[static_cast<std::size_t>(*table.ours)];
                // One dump may have more COPYs into a table than one: those of its partitions.
                if (copied_by && *copied_by != dump_)
                    return two_dumps("another dump has rows of table " + table.name +
                                         " since line " + std::to_string(rows_line_before),
                                     line);
                copied_by = dump_;
                const bool is_again =
                    std::exchange(copied_last_or_null_, &table) != &table && rows_line_before != 0;
                // Of parts of one COPY, nothing comes between.
                if (is_again && !layout->has_ids && table.ours != Table::supermasters) {
                    return two_dumps("rows of table " + table.name + " without ids, of which " +
                                         "there are some since line " +
                                         std::to_string(rows_line_before),
                                     line);
                }
                ids_or_null = &ids_of(table).copy(line, layout->has_ids);
                note_encoding(table, columns);
            }
        }
    } else if (!is_empty) {
        if (!table.ours) ZC_TRY_STATUS(refuse_fired(table, Rows::copied, line));
        if (table.rows_line == 0) {
            table.rows_line = line;
            table.columns_with_rows = std::move(columns);
        }
    }
    std::uint64_t passed_over = 0;
    ZC_TRY_STATUS(copy_data(layout, ids_or_null, passed_over));
    table.rows_passed_over += passed_over;
    return {};
}

bool is_flag(Table table, std::string_view column) noexcept {
    return table == Table::records      ? column == "disabled" || column == "auth"
           : table == Table::cryptokeys ? column == "active" || column == "published"
                                        : false;
}

/// Of PowerDNS's schema; flags are numbers too.
bool is_number(Table table, std::string_view column) noexcept {
    return is_flag(table, column) ||
           is_one_of(column, {"id", "domain_id", "ttl", "prio", "flags", "modified_at",
                              "last_check", "notified_serial"});
}

/// Tells which columns the database may have in other octets than the dump, when they are above
/// 127.
void DumpReader::note_encoding(const DumpTable& table, std::span<const std::string> columns) {
    const std::string& encoding = encoding_.now();
    const auto doubt = [&](std::string_view column, std::string in) {
        const auto kept = columns_of(*table.ours);
        const auto at = std::ranges::find(kept, column);
        if (at == kept.end() || is_number(*table.ours, column)) return;
        pipeline_.doubt_octets(*table.ours, static_cast<std::size_t>(at - kept.begin()),
                               "octets above 127 in text of encoding " +
                                   (encoding.empty() ? "unknown" : encoding) + std::move(in));
    };
    if (dialect_ != Dialect::mysql) {
        if (encoding.empty() || encoding_of(encoding) == Encoding::utf8) return;
        for (const std::string& column : columns) doubt(column, "");
        return;
    }
    const std::string text = charset_family(encoding);
    const bool is_utf8 = text.empty() || text == "utf8";
    if (text == "binary") return;  // as the database has it
    for (const std::string& column : columns) {
        std::string charset = table.charset;
        for (const DumpColumn& known : table.columns.value_or(std::vector<DumpColumn>()))
            if (known.name == column && !known.charset.empty() && charset != "several")
                charset = known.charset;
        const bool is_same = charset == text || charset == "binary" ||
                             (is_utf8 && (charset.empty() || charset == "utf8"));
        if (!is_same) {
            doubt(column, ", of a column of charset " +
                              (charset.empty() ? std::string("unknown") : charset));
        }
    }
}

RowIds& DumpReader::ids_of(const DumpTable& table) {
    RowIds*& ids = ids_[&table];
    if (ids == nullptr) ids = &pipeline_.ids(table.name);
    return *ids;
}

/// Where in `text`, which starts at the start of a line, a line "\." begins; or npos.
std::size_t find_end_of_copy(std::string_view text) noexcept {
    for (std::size_t at = 0; (at = text.find('\\', at)) != std::string_view::npos; ++at) {
        if (at != 0 && text[at - 1] != '\n') continue;
        const std::string_view line = text.substr(at);
        if (line.starts_with("\\.\n") || line.starts_with("\\.\r\n") || line == "\\." ||
            line == "\\.\r")
            return at;
    }
    return std::string_view::npos;
}

Status DumpReader::copy_data(const std::shared_ptr<const TableLayout>& layout,
                             RowIds::Copy* ids_or_null, std::uint64_t& passed_over) {
    for (;;) {
        const std::string_view text(buffer_.get() + begin_, end_ - begin_);
        // Whole lines only; the last one counts as whole at the end of the source.
        std::size_t whole = text.rfind('\n');
        whole = whole == std::string_view::npos ? 0 : whole + 1;
        const std::size_t stop = find_end_of_copy(ended_ ? text : text.substr(0, whole));
        const std::size_t data = std::min(stop, whole);
        if (data == 0 && stop == std::string_view::npos) {
            if (ended_) return cut_off("inside of COPY");
            ZC_TRY_STATUS(read_more());
            continue;
        }
        const std::uint64_t lines = count_lines(text.substr(0, data));
        if (data != 0) {
            if (layout) {
                CopyBlock block{.octets = std::move(buffer_),
                                .begin = begin_,
                                .end = begin_ + data,
                                .first_line = line_,
                                .layout = layout,
                                .ids_or_null = ids_or_null};
                const std::size_t rest = text.size() - data;
                if (rest > copy_block_octets) {
                    buffer_ = std::make_unique_for_overwrite<char[]>(capacity_);
                } else {
                    buffer_ = pipeline_.buffer();
                    capacity_ = copy_block_octets;
                }
                std::memcpy(buffer_.get(), text.data() + data, rest);
                begin_ = 0;
                end_ = rest;
                ZC_TRY_STATUS(pipeline_.copy_block(std::move(block)));
            } else {
                passed_over += lines;
                begin_ += data;
            }
            line_ += lines;
        }
        if (stop != std::string_view::npos) {
            skip_line();
            token_ = {};
            token_.kind = Token::Kind::stop;
            return {};
        }
    }
}

/// Whether it is 0x… or 0b…: X'…' and B'…' come as that too.
bool is_digits(std::string_view text) noexcept {
    return text.size() >= 2 && text[0] == '0' &&
           (text[1] == 'x' || text[1] == 'X' || text[1] == 'b' || text[1] == 'B');
}

/// Their octets, of 0b… from the right. False: another digit.
bool octets_of(std::string& text) {
    const std::string_view digits = std::string_view(text).substr(2);
    if (text[1] == 'x' || text[1] == 'X') {
        text = octets_of_hex(digits);
        return true;
    }
    std::string octets((digits.size() + 7) / 8, '\0');
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const std::size_t bit = digits.size() - 1 - i;
        if (digits[i] != '0' && digits[i] != '1') return false;
        if (digits[i] == '1')
            octets[octets.size() - 1 - bit / 8] |= static_cast<char>(1U << (bit % 8));
    }
    text = std::move(octets);
    return true;
}

/// Their number in decimal. False: another digit, or more than 63 bits.
bool number_of(std::string& text) {
    const int base = text[1] == 'x' || text[1] == 'X' ? 16 : 2;
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    if (text.size() > 2) {
        const auto [at, error] = std::from_chars(text.data() + 2, end, number, base);
        if (error != std::errc() || at != end) return false;
    }
    text = std::to_string(number);
    return true;
}

/// A number as MySQL and SQLite read it in text, with blanks around it. Nothing: no number, or one
/// of more than 32 bits.
std::optional<double> parse_number(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    if (text.starts_with('+')) text.remove_prefix(1);
    double number = 0;
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_all = error == std::errc() && at == text.data() + text.size();
    if (!is_all || !(std::abs(number) < 2147483648.0)) return std::nullopt;
    return number;
}

/// SQLite's unistr(): \XXXX, \uXXXX, \+XXXXXX, \UXXXXXXXX and \\. False for another escape.
bool decode_unistr(std::string_view text, std::string& out) {
    while (!text.empty()) {
        const std::size_t stop = std::min(text.find('\\'), text.size());
        out += text.substr(0, stop);
        text.remove_prefix(stop);
        if (text.empty()) return true;
        text.remove_prefix(1);
        if (text.starts_with('\\')) {
            out += '\\';
            text.remove_prefix(1);
            continue;
        }
        std::size_t digits = 4;
        if (text.starts_with('u'))
            text.remove_prefix(1);
        else if (text.starts_with('+'))
            text.remove_prefix(1), digits = 6;
        else if (text.starts_with('U'))
            text.remove_prefix(1), digits = 8;
        std::uint32_t point = 0;
        const char* const end = text.data() + std::min(digits, text.size());
        const auto [at, error] = std::from_chars(text.data(), end, point, 16);
        if (error != std::errc() || at != text.data() + digits || point > 0x10ffff) return false;
        text.remove_prefix(digits);
        append_utf8(out, point);
    }
    return true;
}

Status DumpReader::arguments(std::vector<std::optional<std::string>>& out, bool& usable,
                             int depth) {
    // The current token is "("; afterwards it is the one behind ")".
    std::optional<std::string> one_too_many;
    do {
        next();
        if (out.empty() && token_.is(')')) break;  // now()
        const bool fits = out.size() < function_arguments_max;
        usable = usable && fits;
        ZC_TRY_STATUS(expression(fits ? out.emplace_back() : one_too_many, usable, depth + 1));
    } while (token_.is(','));
    if (!token_.is(')')) return unexpected("\",\" or \")\"");
    next();
    return {};
}

/// What sqlite3 .dump writes for text with newlines: replace('a\nb','\n',char(10)),
/// unistr('a\u000ab').
Status DumpReader::call(const std::string& function, std::optional<std::string>& out, bool& usable,
                        int depth) {
    ZC_TRY_STATUS(refuse_call("INSERT", function));
    std::vector<std::optional<std::string>> given;
    ZC_TRY_STATUS(arguments(given, usable, depth));
    const bool complete =
        std::ranges::all_of(given, [](const auto& argument) { return argument.has_value(); });
    if (!complete) {  // NOLINT(bugprone-branch-clone): nor is a function that is not known
        usable = false;
    } else if (function == "replace" && given.size() == 3 && !given[1]->empty()) {
        std::string replaced;
        std::string_view rest = *given[0];
        for (std::size_t at = 0; (at = rest.find(*given[1])) != std::string_view::npos;) {
            replaced.append(rest.substr(0, at)).append(*given[2]);
            rest.remove_prefix(at + given[1]->size());
            if (replaced.size() > row_octets_max) return unexpected("a shorter text");
        }
        out = replaced.append(rest);
    } else if (function == "char" && given.size() == 1) {
        std::uint32_t point = 0;
        const std::string& digits = *given[0];
        const auto [at, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), point);
        usable = usable && error == std::errc() && point <= 0x10ffff;
        append_utf8(out.emplace(), usable ? point : 0);
    } else if (function == "unistr" && given.size() == 1) {
        usable = decode_unistr(*given[0], out.emplace()) && usable;
    } else {
        usable = false;
    }
    return {};
}

/// Behind a value: "::" and the name of a type, which change nothing in text.
void DumpReader::cast(bool& usable) {
    // The current token is the first ":".
    while (token_.is(':')) {
        next();
        if (!token_.is(':')) {
            usable = false;
            return;
        }
        next();
        for (; is_name(); next()) {
            if (token_.kind == Token::Kind::string) usable = false;
            next();
            if (!token_.is('.')) break;
        }
        while (token_.is("varying") || token_.is("precision")) next();
        if (token_.is('(')) {
            do next();
            while (token_.kind == Token::Kind::number || token_.is(','));
            if (!token_.is(')')) usable = false;
            if (token_.is(')')) next();
        }
        while (token_.is('[') || token_.is(']')) next();
    }
}

Status DumpReader::expression(std::optional<std::string>& out, bool& usable, int depth) {
    // The current token is the first of it; afterwards it is the one behind.
    if (depth > expression_depth_max) return unexpected("a value that is less nested");
    std::string function;
    bool is_value = true;
    switch (token_.kind) {
        case Token::Kind::string:
            if (token_.escapes_guessed && guessed_line_ == 0) guessed_line_ = line_;
            out = std::exchange(token_.text, {});
            form_ = Form::string;
            break;
        case Token::Kind::number:
            form_ = is_digits(token_.text) ? Form::digits : Form::number;
            if (form_ == Form::digits && depth != 0) {
                usable = octets_of(token_.text) && usable;  // of another value they are a part
                form_ = Form::string;
            }
            out = std::exchange(token_.text, {});
            break;
        case Token::Kind::word:
            if (token_.text.starts_with('_')) {  // _binary 'text'
                next();
                return expression(out, usable, depth + 1);
            }
            if (token_.text == "null") {
                out.reset();
            } else {
                function = token_.text;
                out = token_.text;  // true, false
            }
            break;
        case Token::Kind::end:
        case Token::Kind::stop:
            return unexpected("a value");
        case Token::Kind::symbol:
            if (token_.is(',') || token_.is(')')) return unexpected("a value");
            is_value = false;
            break;
        case Token::Kind::name:
            is_value = false;
            break;
    }
    if (is_value) {
        next();
        if (!function.empty() && token_.is('(')) {
            ZC_TRY_STATUS(call(function, out, usable, depth));
            form_ = Form::string;
        } else if (!function.empty() && function != "true" && function != "false") {
            usable = false;
            default_seen_ = function == "default" && (token_.is(',') || token_.is(')'));
        }
        if (token_.is(':')) cast(usable);
    }
    // Another kind of expression: passed over.
    for (int open = 0; token_.kind != Token::Kind::end && !token_.is_stop(); next()) {
        if (open == 0 && (token_.is(',') || token_.is(')'))) return {};
        usable = false;
        if (token_.is('(')) ZC_TRY_STATUS(refuse_call("INSERT", function));
        function = is_name() ? token_.text : "";
        if (token_.is('(')) ++open;
        if (token_.is(')')) --open;
    }
    return unexpected("\",\" or \")\"");
}

/// Makes of a literal what the database does, by the type that PowerDNS's schema gives the column.
/// False: nothing that can be stored.
bool DumpReader::settle(Table table, std::string_view column, std::string& text, Form form) const {
    // SQLite has text and octets in any column, and PowerDNS asks for what is 0.
    const bool is_sqlites = is_sqlite_ && column == "disabled";
    if (form == Form::digits) {
        if (is_number(table, column) && !is_sqlite_) return number_of(text);
        // In PostgreSQL they are bits.
        if (dialect_ == Dialect::postgresql || !octets_of(text)) return false;
        if (is_sqlites) text = '\'' + text + '\'';
        return true;
    }
    if (!is_sqlites && !(is_flag(table, column) && dialect_ == Dialect::mysql)) return true;
    if (form != Form::string && form != Form::number) return true;
    if (text == "0" || text == "1") return true;
    const auto number = parse_number(text);
    if (!number && is_sqlites) {
        text = '\'' + text + '\'';
    } else if (!number) {
        if (text != std::string_view("\0", 1) && text != "\1") text = '"' + text + '"';  // no BIT
    } else if (!is_sqlites || *number == std::round(*number)) {
        // MySQL rounds; in SQLite a number in text becomes one in a column of its official type.
        text = std::to_string(std::llround(*number));
    }
    return true;
}

/// The row in `cells_`, for a finding.
std::string DumpReader::shown_cells() const {
    std::string record;
    for (const Cell& cell : cells_)
        record += (record.empty() ? "" : ", ") + cell.text.value_or("NULL").substr(0, 60);
    return record;
}

/// `default_seen_` says that the value is DEFAULT.
Status DumpReader::tuple(std::vector<Cell>& cells) {
    // The current token is "("; afterwards it is the one behind ")".
    cells.clear();
    do {
        next();
        if (cells.size() == columns_of_table_max) return unexpected("fewer values");
        Cell& cell = cells.emplace_back();
        bool usable = true;
        default_seen_ = false;
        form_ = Form::other;
        ZC_TRY_STATUS(expression(cell.text, usable, 0));
        cell.form = form_;
        if (usable) continue;
        cell.kind = default_seen_ ? Cell::Kind::fallback : Cell::Kind::expression;
        cell.text.reset();
    } while (token_.is(','));
    next();
    return {};
}

/// What rows leave out has the table's default, which must be known.
Status DumpReader::refuse_odd_default(const DumpTable& table, std::span<const std::string> columns,
                                      std::uint64_t line) const {
    const auto kept = columns_of(*table.ours);
    for (const std::string& name : table.odd_defaults) {
        if (std::ranges::find(kept, name) == kept.end() ||
            std::ranges::find(columns, name) != columns.end())
            continue;
        return fail(Errc::unsupported,
                    "rows of table " + table.name + " without column " + name +
                        ", whose default is no literal or was changed",
                    {name_, line});
    }
    return {};
}

Result<DumpReader::InsertTarget*> DumpReader::target_of(DumpTable& table,
                                                        std::vector<std::string> columns,
                                                        std::uint64_t line) {
    if (target_.table == &table && target_.columns == columns && target_.layout) return &target_;
    target_ = InsertTarget();
    ZC_TRY_STATUS(refuse_odd_default(table, columns, line));
    target_.table = &table;
    target_.columns = columns;
    const std::size_t named = columns.size();
    const auto kept = columns_of(*table.ours);
    const auto settled = [&](const DumpColumn& column) {
        std::optional<std::string> text = column.fallback;
        if (text && is_digits(*text) && !settle(*table.ours, column.name, *text, Form::digits))
            text.reset();
        return text;
    };
    const auto fallback_of = [&](const std::string& name) -> std::optional<std::string> {
        for (const DumpColumn& column : table.columns.value_or(std::vector<DumpColumn>())) {
            if (column.name == name) return settled(column);
        }
        // As in PowerDNS's schema.
        if (table.ours == Table::records && name == "disabled") return "0";
        if (table.ours == Table::records && name == "auth") return "1";
        return std::nullopt;
    };
    for (const std::string& name : columns) {
        target_.fallbacks.push_back(fallback_of(name));
        target_.is_flag.push_back(is_flag(*table.ours, name));
        target_.odd.push_back(std::ranges::find(table.odd_defaults, name) !=
                              table.odd_defaults.end());
    }
    // What the statement leaves out has the table's default.
    for (const DumpColumn& column : table.columns.value_or(std::vector<DumpColumn>())) {
        const auto first = columns.begin();
        if (column.fallback && std::ranges::find(kept, column.name) != kept.end() &&
            std::find(first, first + static_cast<std::ptrdiff_t>(named), column.name) ==
                first + static_cast<std::ptrdiff_t>(named)) {
            columns.push_back(column.name);
            target_.appended.push_back(settled(column));
        }
    }
    const bool is_domains = table.ours == Table::domains;
    if (is_domains && std::ranges::find(columns, "id") == columns.end()) {
        columns.emplace_back("id");
        target_.appended.emplace_back();
    }
    const auto id = std::ranges::find(columns, "id");
    if (id != columns.end()) target_.id = id - columns.begin();
    target_.ids = &ids_of(table);
    ZC_TRY(target_.layout, pipeline_.layout(*table.ours, columns, line));
    return &target_;
}

/// The id that a database gives: they are counted from 1. Only where no row brings its own.
Status DumpReader::number_domain(std::optional<std::string>& id, const std::vector<Value>& row,
                                 const TableLayout& layout, std::uint64_t line) {
    const bool has_id = id.has_value();
    if (has_id ? domains_numbered_ != 0 : domains_with_id_) {
        return fail(Errc::unsupported,
                    "rows of domains with an id and others without one: which id a database would "
                    "give is not known; dump the database itself",
                    {name_, line});
    }
    if (has_id) {
        domains_with_id_ = true;
        return {};
    }
    id = std::to_string(++domains_numbered_);
    for (std::size_t i = 0; i < row.size() && i < layout.targets.size(); ++i) {
        if (layout.targets[i] == column::domain_name && row[i])
            numbered_.emplace(lower(*row[i]), domains_numbered_);
    }
    return {};
}

Status DumpReader::insert_row(InsertTarget& target, std::vector<Cell>& cells, std::uint64_t line) {
    const TableLayout& layout = *target.layout;
    bool usable = true;
    const bool fits = cells.size() + target.appended.size() == layout.targets.size();
    for (std::size_t i = 0; i < cells.size(); ++i) {
        Cell& cell = cells[i];
        if (cell.kind == Cell::Kind::fallback && i < target.fallbacks.size() && !target.odd[i]) {
            cell.text = target.fallbacks[i];
            cell.kind = Cell::Kind::literal;
            cell.form = Form::other;
        }
        const bool is_open = fits && (cell.form == Form::digits ||
                                      (target.is_flag[i] && cell.text != "0" && cell.text != "1"));
        if (is_open && cell.text && cell.kind == Cell::Kind::literal && layout.targets[i] >= 0) {
            const auto at = static_cast<std::size_t>(layout.targets[i]);
            if (!settle(layout.table, columns_of(layout.table)[at], *cell.text, cell.form))
                cell.kind = Cell::Kind::expression;
        }
        // What is not kept may be any expression: now(), a sequence.
        if (cell.kind != Cell::Kind::literal && (!fits || layout.targets[i] >= 0)) usable = false;
    }
    if (!usable && layout.table != Table::cryptokeys) {
        // A key goes on without what could not be read: its zone must not be served as if it had
        // none.
        std::string record;
        for (const Cell& cell : cells)
            record += (record.empty() ? "" : ", ") + cell.text.value_or("NULL").substr(0, 60);
        return pipeline_.refuse(layout.table, line, std::move(record),
                                "a value that is an expression, wanted a literal");
    }
    views_.clear();
    for (const Cell& cell : cells) views_.emplace_back(cell.text);
    for (const auto& text : target.appended) views_.emplace_back(text);
    if (layout.table == Table::domains && fits) {
        const auto at = static_cast<std::size_t>(target.id);
        made_id_ = views_[at] ? std::optional<std::string>(*views_[at]) : std::nullopt;
        ZC_TRY_STATUS(number_domain(made_id_, views_, layout, line));
        views_[at] = *made_id_;
    }
    return pipeline_.row(layout, views_, line);
}

Status DumpReader::insert_values(DumpTable& table, std::vector<std::string> columns, bool replaces,
                                 std::uint64_t line) {
    // The current token is the first "(".
    InsertTarget* target = nullptr;
    if (table.ours && tables_.is_chosen(table.place)) {
        ZC_TRY(columns, columns_of_insert(table, std::move(columns), line));
        ZC_TRY(const bool is_taken, takes_rows_of(table, columns, Rows::inserted, line));
        if (is_taken) {
            ZC_TRY(target, target_of(table, std::move(columns), line));
            if (target->encoding != encoding_.now()) {
                note_encoding(table, target->columns);
                target->encoding = encoding_.now();
            }
        }
    } else if (table.rows_line == 0) {
        table.rows_line = line;
        table.columns_with_rows = std::move(columns);
    }
    std::optional<std::int64_t> collided;
    for (;;) {
        if (token_.is("row")) next();  // VALUES ROW(…), of MySQL's
        if (!token_.is('(')) return unexpected("\"(\"");
        const std::uint64_t row_line = line_;
        ZC_TRY_STATUS(tuple(cells_));
        if (target == nullptr) {
            ++table.rows_passed_over;
        } else {
            const auto id = static_cast<std::size_t>(target->id);
            if (target->id >= 0 && id < cells_.size() && cells_[id].text) {
                std::int64_t number = 0;
                const std::string& text = *cells_[id].text;
                const auto [end, error] =
                    std::from_chars(text.data(), text.data() + text.size(), number);
                if (error == std::errc::result_out_of_range && is_beyond_ids(text) &&
                    table.ours != Table::domains) {
                    ZC_TRY_STATUS(pipeline_.refuse(*table.ours, row_line, shown_cells(),
                                                   "an id of more than 64 bits"));
                    if (!token_.is(',')) break;
                    next();
                    continue;
                }
                // In MySQL's domains and records, 0 asks for the next one.
                if (error == std::errc() && end == text.data() + text.size() && number != 0 &&
                    !target->ids->insert(number, line) && !collided)
                    collided = number;
            }
            ZC_TRY_STATUS(insert_row(*target, cells_, row_line));
        }
        if (!token_.is(',')) break;
        next();
    }
    if (target == nullptr) return end_change("INSERT", line);
    return end_insert(table, replaces, collided, line);
}

/// What may stand behind the rows, and whether one of them would have met another.
Status DumpReader::end_insert(DumpTable& table, bool replaces, std::optional<std::int64_t> collided,
                              std::uint64_t line) {
    if (token_.is("as") || token_.is("returning")) {
        while (token_.kind != Token::Kind::end && !token_.is_stop() && !token_.is("on")) next();
    }
    if (token_.is("on")) {
        next();
        if (!token_.is("conflict") && !token_.is("duplicate"))
            return unexpected("ON CONFLICT or ON DUPLICATE KEY");
        replaces = true;
        ZC_TRY_STATUS(end_harmless());
    } else if (token_.is("returning")) {
        ZC_TRY_STATUS(end_harmless());
    }
    if (!token_.is_stop()) return unexpected("\";\" behind the rows");
    if (!replaces && collided) {
        return two_dumps("a row of table " + table.name + " with the id " +
                             std::to_string(*collided) + ", which one since line " +
                             std::to_string(table.rows_line) + " has",
                         line);
    }
    if (!replaces) return {};
    if (copied_by_[static_cast<std::size_t>(*table.ours)])
        return refuse_effect("INSERT that may meet rows of COPY, in", table.name, line);
    if (collided)
        return refuse_effect("INSERT whose row meets another with its id, in", table.name, line);
    return {};
}

/// Rows of one table that no one database has together.
Status DumpReader::two_dumps(std::string what, std::uint64_t line) const {
    return fail(Errc::malformed,
                std::move(what) + ": two dumps in one file; import them one by one", {name_, line});
}

/// A literal of a SELECT's list, or the word id.
Status DumpReader::selected_value(std::optional<std::string>& out, bool& is_id, bool& is_literal) {
    if (token_.kind == Token::Kind::string) {
        ZC_TRY_STATUS(guess_escapes());
        out = std::exchange(token_.text, {});
    } else if (token_.kind == Token::Kind::number) {
        out = std::exchange(token_.text, {});
    } else if (token_.is("true") || token_.is("false")) {
        out = token_.text;
    } else if (token_.is("id")) {
        is_id = true;
    } else {
        is_literal = token_.is("null");
    }
    if (is_literal) next();
    return {};
}

/// Whether `text` is what zone2sql makes of character strings: each in quotes, with no other
/// escapes than \", \\ and \DDD.
bool is_character_strings(std::string_view text) {
    while (!text.empty()) {
        if (text.front() != '"') return false;
        std::size_t at = 1;
        while (at < text.size() && text[at] != '"') {
            if (text[at] != '\\') {
                ++at;
                continue;
            }
            if (at + 1 >= text.size()) return false;
            if (text[at + 1] == '"' || text[at + 1] == '\\') {
                at += 2;
                continue;
            }
            if (at + 3 >= text.size() || !is_digit(text[at + 1]) || !is_digit(text[at + 2]) ||
                !is_digit(text[at + 3]))
                return false;
            at += 4;
        }
        if (at >= text.size()) return false;
        text.remove_prefix(at + 1);
        if (text.empty()) return true;
        if (text.front() != ' ') return false;
        text.remove_prefix(1);
    }
    return true;
}

/// zone2sql's output for MySQL and for SQLite differs in nothing but escapes. A single backslash is
/// SQLite's: MySQL's are doubled.
Status DumpReader::guess_escapes() {
    if (!token_.escapes_guessed) return {};
    bool is_single = false;
    for (std::size_t i = 0; i < token_.text.size(); ++i) {
        if (token_.text[i] != '\\') continue;
        std::size_t size = 1;
        while (i + size < token_.text.size() && token_.text[i + size] == '\\') ++size;
        is_single = is_single || size % 2 == 1;
        i += size;
    }
    const std::string unescaped = mysql_unescaped(token_.text);
    const bool is_text = token_.text.starts_with('"');
    if (is_single || (is_text && !is_character_strings(unescaped))) {
        found(Dialect::sqlite);
    } else if (is_text && !is_character_strings(token_.text)) {
        found(Dialect::mysql);
        token_.text = unescaped;
    } else {
        return fail(Errc::malformed,
                    "a backslash, and nothing so far that tells MySQL's escapes from others: say "
                    "--from mysql-dump or --from pg-dump",
                    {name_, line_});
    }
    return {};
}

/// INSERT INTO records (domain_id, …) SELECT id, … FROM domains WHERE name = '…', of zone2sql's. No
/// other query can be followed. The current token is SELECT.
Status DumpReader::insert_select(DumpTable& table, const std::vector<std::string>& columns,
                                 std::uint64_t line) {
    ZC_TRY(const bool is_taken, takes_rows_of(table, columns, Rows::inserted, line));
    InsertTarget* target = nullptr;
    if (is_taken) {
        ZC_TRY(target, target_of(table, columns, line));
        note_encoding(table, columns);
    }
    const auto other_query = [&]() -> Status {
        if (failure_ || token_.kind == Token::Kind::end) return unexpected("a query");
        return refuse_effect("INSERT … SELECT, but for what zone2sql writes, into", table.name,
                             line);
    };
    in_select_of_insert_ = true;
    cells_.clear();
    std::size_t id_at = columns.size();
    do {
        next();
        if (cells_.size() == columns.size()) return other_query();
        bool is_id = false;
        bool is_literal = true;
        ZC_TRY_STATUS(selected_value(cells_.emplace_back().text, is_id, is_literal));
        if (!is_literal) return other_query();
        if (!is_id) continue;
        if (id_at != columns.size()) return other_query();
        id_at = cells_.size() - 1;
    } while (token_.is(','));
    if (cells_.size() != columns.size() || id_at == columns.size() || columns[id_at] != "domain_id")
        return other_query();
    if (!token_.is("from")) return other_query();
    next();
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    if (parts.back() != "domains" || !token_.is("where")) return other_query();
    next();
    if (!token_.is("name")) return other_query();
    next();
    if (!token_.is('=')) return other_query();
    next();
    if (token_.kind != Token::Kind::string) return other_query();
    ZC_TRY_STATUS(guess_escapes());
    const std::string name = lower(token_.text);
    next();
    in_select_of_insert_ = false;
    if (!token_.is_stop()) return other_query();
    if (target == nullptr) {
        ++table.rows_passed_over;
        return {};
    }
    if (domains_with_id_) {
        return refuse_effect("INSERT … SELECT beside rows of domains that have ids, into",
                             table.name, line);
    }
    const auto domain = numbered_.find(name);
    if (domain == numbered_.end()) {
        std::string record;
        for (const Cell& cell : cells_)
            record += (record.empty() ? "" : ", ") + cell.text.value_or("NULL").substr(0, 60);
        return pipeline_.refuse(*table.ours, line, std::move(record),
                                "no row of domains with the name " + name + " before it");
    }
    cells_[id_at].text = std::to_string(domain->second);
    return insert_row(*target, cells_, line);
}

Status DumpReader::insert(bool replaces, std::uint64_t line) {
    for (next(); token_.kind == Token::Kind::word; next()) {
        if (is_one_of(token_.text, {"low_priority", "delayed", "high_priority", "ignore"})) {
            found(Dialect::mysql);
            replaces = replaces || token_.text == "ignore";
        } else if (token_.text == "or") {
            found(Dialect::sqlite);
            next();
            if (!is_one_of(token_.text, {"replace", "ignore", "abort", "fail", "rollback"}))
                return unexpected("REPLACE, IGNORE, ABORT, FAIL or ROLLBACK");
            replaces = replaces || token_.text == "replace" || token_.text == "ignore";
        } else {
            break;
        }
    }
    if (token_.is("into")) next();  // MySQL can do without
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    DumpTable& table = tables_.find(parts);
    table.named = true;
    const bool is_ours = table.ours && tables_.is_chosen(table.place);
    ZC_TRY_STATUS(refuse_stand_in("INSERT into", table, line));
    if (!table.ours) ZC_TRY_STATUS(refuse_fired(table, Rows::inserted, line));
    if (token_.is("partition")) {
        while (token_.kind != Token::Kind::end && !token_.is_stop() && !token_.is(')')) next();
        next();
    }
    if (token_.is("as")) next(), next();
    std::vector<std::string> columns;
    if (token_.is('(')) {
        next();
        if (!token_.is("select") && !token_.is("with") && !token_.is('('))
            ZC_TRY_STATUS(column_names(columns));
    }
    if (token_.is("overriding")) {
        for (next(); token_.is("system") || token_.is("user") || token_.is("value");) next();
    }
    if (token_.is("values") || token_.is("value")) {
        next();
        return insert_values(table, std::move(columns), replaces, line);
    }
    if (!is_ours) return end_change("INSERT", line);  // its rows go into another table
    if (token_.is("select") && table.ours == Table::records && !columns.empty())
        return insert_select(table, columns, line);
    if (token_.is("set")) return refuse_effect("INSERT … SET into", table.name, line);
    if (token_.is("default"))
        return refuse_effect("INSERT … DEFAULT VALUES into", table.name, line);
    if (is_one_of(token_.text, {"select", "with", "table", "("}))
        return refuse_effect("INSERT … SELECT into", table.name, line);
    return unexpected("VALUES");
}

/// Behind SET autocommit=0, rows count when COMMIT comes, or what commits by itself.
void DumpReader::note_transaction(Verb verb) {
    switch (verb) {
        case Verb::copy:
        case Verb::insert:
        case Verb::replace:
            is_uncommitted_ = is_uncommitted_ || autocommit_is_off_ || is_chained_;
            break;
        case Verb::alter:
        case Verb::commit:
        case Verb::create:
        case Verb::drop:
        case Verb::rename:
        case Verb::start:
        case Verb::truncate:
            // PostgreSQL's do not commit.
            is_uncommitted_ = is_uncommitted_ && is_chained_ && verb != Verb::commit &&
                              dialect_ != Dialect::mysql;
            break;
        default:
            break;
    }
}

Status DumpReader::statement() {
    const std::uint64_t line = line_;
    if (token_.is('\\')) return command();
    if (token_.kind != Token::Kind::word) return unexpected("a statement of SQL");
    const std::string word = token_.text;
    const auto verb = verb_of(word);
    if (!verb) {
        // MariaDB's own dumps of users have IF … END IF in a part with another DELIMITER.
        const bool is_compound = !delimiter_.empty() &&
                                 is_one_of(word, {"if", "case", "loop", "while", "repeat", "for"});
        if (!is_compound) return unexpected("a statement of SQL");
        return code(word, true, line);
    }
    note_transaction(*verb);
    if (*verb != Verb::insert && *verb != Verb::replace) target_.layout.reset();  // as it was then
    switch (*verb) {
        case Verb::alter:
            return alter(line);
        case Verb::begin:
            next();
            if (is_one_of(token_.text, {"transaction", "deferred", "immediate", "exclusive"})) {
                // Or PostgreSQL: not MySQL. At the head it is what sqlite3 .dump writes.
                is_sqlite_ = is_sqlite_ || (is_first_ && dialect_ == Dialect::unknown);
                found(Dialect::sqlite);
            }
            if (token_.kind == Token::Kind::word &&
                !is_one_of(token_.text, {"transaction", "work", "deferred", "immediate",
                                         "exclusive", "isolation", "read"}))
                return unexpected("a transaction behind BEGIN");
            in_transaction_ = true;
            is_chained_ = false;
            return end_harmless();
        case Verb::code:
            return code(word, false, line);
        case Verb::commit:
            next();
            if (!token_.is_stop() &&
                !is_one_of(token_.text, {"work", "transaction", "and", "no", "release"}))
                return unexpected("\";\"");
            end_transaction();
            if (token_.is("work") || token_.is("transaction")) next();
            if (token_.is("and")) next();
            in_transaction_ = is_chained_ = token_.is("chain");
            return end_harmless();
        case Verb::copy:
            return copy();
        case Verb::create:
            return create();
        case Verb::delete_:
            next();
            return change_of_rows("DELETE", {"where"}, line);
        case Verb::delimiter:
            return set_delimiter();
        case Verb::drop:
            return drop(line);
        case Verb::harmless:
            if (word == "pragma") {
                found(Dialect::sqlite);
                is_sqlite_ = true;
            }
            next();
            if (word == "unlock" || (word == "lock" && token_.is("tables"))) found(Dialect::mysql);
            return end_harmless();
        case Verb::insert:
            return insert(false, line);
        case Verb::load: {
            next();
            if (!token_.is("data") && !token_.is("xml")) return end_harmless();
            while (token_.kind != Token::Kind::end && !token_.is_stop() && !token_.is("table"))
                next();
            if (!token_.is("table")) return end_harmless();
            next();
            std::vector<std::string> parts;
            ZC_TRY_STATUS(qualified(parts));
            Mentions named;
            mention(parts, named);
            if (!named.table.empty()) {
                return fail(Errc::unsupported,
                            "LOAD DATA into table " + named.table +
                                ": its rows are in another file; dump without --tab",
                            {name_, line});
            }
            return end_harmless();
        }
        case Verb::merge: {
            next();
            Mentions named;
            ZC_TRY_STATUS(mentions({"using"}, named));
            if (!named.table.empty()) return refuse_effect("MERGE into", named.table, line);
            return end_change("MERGE", line);
        }
        case Verb::other_file:
            return fail(Errc::unsupported,
                        "SOURCE: another file, which is not read; give it too, or one dump of the "
                        "whole database",
                        {name_, line});
        case Verb::rename: {
            next();
            Mentions named;
            ZC_TRY_STATUS(mentions({}, named));
            if (!named.table.empty()) return refuse_effect("RENAME of", named.table, line);
            return {};
        }
        case Verb::replace:
            return insert(true, line);
        case Verb::reset:
            next();
            return reset(line);
        case Verb::rollback:
            return fail(Errc::malformed,
                        "the dump rolls itself back: the program that wrote it met an error",
                        {name_, line});
        case Verb::select:
            return select(line);
        case Verb::set:
            ZC_TRY_STATUS(set());
            is_uncommitted_ = is_uncommitted_ && (autocommit_is_off_ || is_chained_);
            return {};
        case Verb::start:
            next();
            if (token_.is("transaction")) in_transaction_ = true;
            return end_harmless();
        case Verb::truncate: {
            next();
            Mentions named;
            ZC_TRY_STATUS(mentions({"cascade"}, named));
            const bool has_rows =
                !named.table_with_rows.empty() ||
                (token_.is("cascade") && named.table == "domains" && tables_.has_rows(""));
            if (has_rows) return refuse_effect("TRUNCATE behind rows of", named.table, line);
            return end_harmless();
        }
        case Verb::update:
            next();
            return change_of_rows("UPDATE", {"set"}, line);
        case Verb::use:
            next();
            if (!is_name()) return unexpected("the name of a database");
            found(Dialect::mysql);
            tables_.use(token_.text);
            next();
            return end_harmless();
    }
    return {};
}

/// Whether rows of a table that is none of PowerDNS's may be rows of one all the same: of a
/// partition, when the dump does not say whose; or a copy of it under another name.
bool may_hold_zones(const DumpTable& table) {
    if (table.name.starts_with("sqlite_")) return false;  // SQLite's own, of which .dump has rows
    std::vector<std::string> columns = table.columns_with_rows;
    if (table.columns) {
        columns.clear();
        for (const DumpColumn& column : *table.columns) columns.push_back(column.name);
    }
    if (columns.empty()) return true;  // nobody knows
    return RowPipeline::table_like(columns).has_value();
}

/// What was passed over is said, one finding a table; what is missing is an error.
Status DumpReader::finish() {
    if (in_conditional_) return cut_off("inside of a comment");
    if (!delimiter_.empty()) return cut_off("before the line that sets DELIMITER back to \";\"");
    if (dialect_ == Dialect::mysql) pipeline_.set_finds_capitals();
    if (ends_wanted_ > 0)
        return cut_off(
            "before the line with which the program that wrote it says that it is complete");
    if ((in_transaction_ && !is_chained_) || is_uncommitted_) return cut_off("before its COMMIT");
    if (shape_problem_) return tl::unexpected<Error>(*shape_problem_);
    for (const Table table : {Table::domains, Table::records}) {
        if (tables_.knows(table)) continue;
        std::string message =
            "table " + std::string(to_string(table)) +
            " does not occur: no dump of a PowerDNS database, or only a part of one";
        for (const DumpTable* other : tables_.all()) {
            if (other->ours || other->rows_passed_over == 0 || !may_hold_zones(*other)) continue;
            message +=
                "; table " + other->name +
                " has the columns of one: if it is a partition, dump with the schema or with "
                "--load-via-partition-root";
            break;
        }
        if (tables_.is_view(table))
            message = "table " + std::string(to_string(table)) +
                      " is a view or a foreign table, and a dump has no rows of one: import from "
                      "the database itself";
        if (tables_.has_choice() && !tables_.shown_places().empty())
            message = "table " + std::string(to_string(table)) + " does not occur in " +
                      tables_.shown_choice() + "; the dump has " + tables_.shown_places();
        return fail(Errc::malformed, message, {name_, 0});
    }
    const auto pass_over = [&](std::string reason, std::uint64_t line) {
        pipeline_.note(Verdict::doubtful, std::move(reason), "not taken over", line);
    };
    for (const auto& [verb, what] : unknown_effects_) {
        pass_over(verb + " runs code that is not followed: " + std::to_string(what.statements) +
                      (what.statements == 1 ? " statement" : " statements"),
                  what.line);
    }
    for (const DumpTable* table : tables_.all()) {
        if (table->rows_passed_over == 0) continue;
        const std::string rows = std::to_string(table->rows_passed_over) + " rows";
        if (table->ours) {
            pass_over(tables_.is_chosen(table->place)
                          ? "table " + table->name + " without a column " + table->missing_column +
                                " is none of PowerDNS's: " + rows
                          : "table " + table->name + " of " + tables_.shown(table->place) +
                                " was not chosen: " + rows,
                      table->rows_line);
            continue;
        }
        std::string reason = "table " + table->name + " is none of PowerDNS's schema: " + rows;
        if (!may_hold_zones(*table)) {
            pass_over(std::move(reason), table->rows_line);
            continue;
        }
        const bool are_known = table->columns || !table->columns_with_rows.empty();
        reason += are_known ? ", which have the columns of one" : ", whose columns are not known";
        pipeline_.note(Verdict::refused, std::move(reason), "not taken over", table->rows_line,
                       table->rows_passed_over);
    }
    return {};
}

Status DumpReader::run() {
    if (ahead("\xef\xbb\xbf")) begin_ += 3;  // the byte order mark of UTF-8
    for (;;) {
        at_statement_start_ = true;
        next();
        at_statement_start_ = false;
        if (token_.kind == Token::Kind::end) break;
        if (token_.is_stop()) continue;
        ZC_TRY_STATUS(statement());
        is_first_ = false;
        if (failure_) return tl::unexpected<Error>(*failure_);
        if (token_.kind == Token::Kind::end) return cut_off("inside of a statement");
        if (!token_.is_stop()) return unexpected("\";\"");
    }
    if (failure_) return tl::unexpected<Error>(*failure_);
    return finish();
}

}  // namespace

bool begins_statement(std::string_view word) {
    return verb_of(lower(word)).has_value();
}

Status read_dump(ByteSource& source, const std::string& name, const DumpOptions& options,
                 RowPipeline& pipeline) {
    return DumpReader(source, name, options, pipeline).run();
}

}  // namespace zc::ingest
