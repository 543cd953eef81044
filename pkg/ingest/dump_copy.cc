// COPY … FROM stdin.
#include <algorithm>
#include <cstring>
#include <utility>

#include "ingest/dump_rows.h"
#include "ingest/row_store.h"

namespace zc::ingest {

using sqldump::count_lines;

namespace {

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

}  // namespace

/// COPY … FROM a file; the current token is the file.
Status DumpRows::copy_of_elsewhere(const DumpTable& table, bool is_ours, std::uint64_t line) {
    skip_statement();
    if (is_ours && token_.is_stop()) {
        return fail(Errc::unsupported,
                    "COPY " + table.name +
                        " FROM a file: its rows are not in this dump. Where this is restore.sql "
                        "out of a tar archive of pg_dump, give the archive itself",
                    {name_, line});
    }
    return end_harmless();
}

/// From behind STDIN to the first octet of the rows.
Status DumpRows::end_of_copy_statement(bool is_ours, std::uint64_t line) {
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
    return {};
}

/// A column that the text leaves out has the default of the table. The usual ones are known to the
/// pipeline; another is an error.
Status DumpRows::refuse_left_out(const Copy& copy) const {
    const Table ours = *copy.table.ours;
    const auto kept = columns_of(ours);
    for (const DumpColumn& column : copy.table.columns.value_or(std::vector<DumpColumn>())) {
        const bool is_kept = std::ranges::find(kept, column.name) != kept.end();
        const std::string fallback = lower(column.fallback.value_or(""));
        const bool is_usual =
            (column.name == "disabled" && is_one_of(fallback, {"0", "f", "false"})) ||
            (column.name == "auth" && is_one_of(fallback, {"1", "t", "true"}));
        if (!is_kept || !column.fallback || is_usual ||
            std::ranges::find(copy.columns, column.name) != copy.columns.end())
            continue;
        return fail(Errc::unsupported,
                    "COPY " + copy.table.name + " without column " + column.name +
                        ", whose default is " + *column.fallback,
                    {name_, copy.line});
    }
    return {};
}

/// Rows that come twice are an error: two dumps stand in one file.
Status DumpRows::count_copy(Copy& copy, std::uint64_t rows_line_before) {
    DumpTable& table = copy.table;
    auto& copied_by = copied_by_[static_cast<std::size_t>(*table.ours)];
    // One dump may have several COPYs into a table: those of its partitions.
    if (copied_by && *copied_by != dump_)
        return two_dumps("another dump has rows of table " + table.name + " since line " +
                             std::to_string(rows_line_before),
                         copy.line);
    copied_by = dump_;
    const bool is_again =
        std::exchange(copied_last_or_null_, &table) != &table && rows_line_before != 0;
    // Nothing comes between parts of one COPY.
    if (is_again && !copy.layout->has_ids && table.ours != Table::supermasters) {
        return two_dumps("rows of table " + table.name + " without ids, of which " +
                             "there are some since line " + std::to_string(rows_line_before),
                         copy.line);
    }
    copy.ids_or_null = &ids_of(table).copy(copy.line, copy.layout->has_ids);
    note_encoding(table, copy.columns);
    return {};
}

/// Gives a COPY into a table of PowerDNS's its layout, if its rows are taken.
Status DumpRows::take_copy(Copy& copy) {
    DumpTable& table = copy.table;
    const std::uint64_t rows_line_before = table.rows_line;
    ZC_TRY(copy.columns, columns_of_insert(table, std::move(copy.columns), copy.line));
    bool is_taken = true;
    if (!copy.is_empty) {
        ZC_TRY(is_taken, takes_rows_of(table, copy.columns, Rows::copied, copy.line));
    } else {
        is_taken = !RowPipeline::may_be_foreign(*table.ours) && tables_.may_hold(table.place);
    }
    if (!is_taken) return {};
    ZC_TRY(copy.layout, pipeline_.layout(*table.ours, copy.columns, copy.line));
    ZC_TRY_STATUS(refuse_odd_default(table, copy.columns, copy.line));
    ZC_TRY_STATUS(refuse_left_out(copy));
    return copy.is_empty ? Status() : count_copy(copy, rows_line_before);
}

Status DumpRows::copy() {
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
    if (!token_.is("stdin")) return copy_of_elsewhere(table, is_ours, line);
    next();
    ZC_TRY_STATUS(end_of_copy_statement(is_ours, line));
    Copy copy{.line = line, .table = table, .columns = std::move(columns), .layout = nullptr};
    copy.is_empty =
        ahead("\\.\n") || ahead("\\.\r") || (ahead("\\.") && !ahead("\\.?") && end_ - begin_ == 2);
    if (is_ours) {
        ZC_TRY_STATUS(take_copy(copy));
    } else if (!copy.is_empty) {
        if (!table.ours) ZC_TRY_STATUS(refuse_fired(table, Rows::copied, line));
        if (table.rows_line == 0) {
            table.rows_line = line;
            table.columns_with_rows = std::move(copy.columns);
        }
    }
    return copy_data(copy);
}

/// The first `data` octets ahead, which are `lines` whole lines, go to the pipeline.
Status DumpRows::queue_copied_lines(std::size_t data, std::uint64_t lines, const Copy& copy) {
    if (!copy.layout) {
        copy.table.rows_passed_over += lines;
        begin_ += data;
        return {};
    }
    const std::size_t rest = end_ - begin_ - data;
    const std::size_t rest_begin = begin_ + data;
    CopyBlock block{.octets = std::move(buffer_),
                    .begin = begin_,
                    .end = rest_begin,
                    .first_line = line_,
                    .layout = copy.layout,
                    .ids_or_null = copy.ids_or_null};
    if (rest > copy_block_octets) {
        buffer_ = std::make_unique_for_overwrite<char[]>(capacity_);
    } else {
        buffer_ = pipeline_.buffer();
        capacity_ = copy_block_octets;
    }
    std::memcpy(buffer_.get(), block.octets.get() + rest_begin, rest);
    begin_ = 0;
    end_ = rest;
    return pipeline_.copy_block(std::move(block));
}

Status DumpRows::copy_data(const Copy& copy) {
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
            ZC_TRY_STATUS(queue_copied_lines(data, lines, copy));
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

}  // namespace zc::ingest
