#include "ingest/dump_reader.h"

#include <optional>
#include <utility>

#include "ingest/dump_rows.h"
#include "sqldump/verbs.h"

namespace zc::ingest {

namespace {

using sqldump::Verb;
using sqldump::verb_of;

class DumpReader : private DumpRows {
public:
    DumpReader(ByteSource& source, const std::string& name, const DumpOptions& options,
               RowPipeline& pipeline)
        : DumpRows(source, name, options, pipeline) {
        if (options.strings == DumpOptions::Strings::mysql) found(Dialect::mysql);
        if (options.strings == DumpOptions::Strings::standard) found(Dialect::sqlite);
    }

    Status run();

private:
    Status statement();
    Status begin();
    Status commit();
    Status harmless(std::string_view word);
    Status load(std::uint64_t line);
    Status merge(std::uint64_t line);
    Status rename(std::uint64_t line);
    Status truncate(std::uint64_t line);
    Status use();
    void note_transaction(Verb verb);
    Status finish();
    Status refuse_missing_tables();
    void note_passed_over();

    bool is_first_ = true;         // statement
    bool is_chained_ = false;      // the transaction is one of COMMIT AND CHAIN
    bool is_uncommitted_ = false;  // rows behind SET autocommit=0, or in that one, without COMMIT
};

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

/// BEGIN; the current token is that word.
Status DumpReader::begin() {
    next();
    if (is_one_of(token_.text, {"transaction", "deferred", "immediate", "exclusive"})) {
        // Or PostgreSQL's, but not MySQL's. At the head it is what sqlite3 .dump writes.
        is_sqlite_ = is_sqlite_ || (is_first_ && dialect_ == Dialect::unknown);
        found(Dialect::sqlite);
    }
    if (token_.kind == Token::Kind::word &&
        !is_one_of(token_.text, {"transaction", "work", "deferred", "immediate", "exclusive",
                                 "isolation", "read"}))
        return unexpected("a transaction behind BEGIN");
    in_transaction_ = true;
    is_chained_ = false;
    return end_harmless();
}

Status DumpReader::commit() {
    next();
    if (!token_.is_stop() &&
        !is_one_of(token_.text, {"work", "transaction", "and", "no", "release"}))
        return unexpected("\";\"");
    end_transaction();
    if (token_.is("work") || token_.is("transaction")) next();
    if (token_.is("and")) next();
    in_transaction_ = is_chained_ = token_.is("chain");
    return end_harmless();
}

Status DumpReader::harmless(std::string_view word) {
    if (word == "pragma") {
        found(Dialect::sqlite);
        is_sqlite_ = true;
    }
    next();
    if (word == "unlock" || (word == "lock" && token_.is("tables"))) found(Dialect::mysql);
    return end_harmless();
}

/// LOAD DATA and LOAD XML bring rows out of another file.
Status DumpReader::load(std::uint64_t line) {
    next();
    if (!token_.is("data") && !token_.is("xml")) return end_harmless();
    while (token_.kind != Token::Kind::end && !token_.is_stop() && !token_.is("table")) next();
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

Status DumpReader::merge(std::uint64_t line) {
    next();
    Mentions named;
    ZC_TRY_STATUS(mentions({"using"}, named));
    if (!named.table.empty()) return refuse_effect("MERGE into", named.table, line);
    return end_change("MERGE", line);
}

Status DumpReader::rename(std::uint64_t line) {
    next();
    Mentions named;
    ZC_TRY_STATUS(mentions({}, named));
    return named.table.empty() ? Status() : refuse_effect("RENAME of", named.table, line);
}

Status DumpReader::truncate(std::uint64_t line) {
    next();
    Mentions named;
    ZC_TRY_STATUS(mentions({"cascade"}, named));
    const bool has_rows =
        !named.table_with_rows.empty() ||
        (token_.is("cascade") && named.table == "domains" && tables_.has_rows(""));
    if (has_rows) return refuse_effect("TRUNCATE behind rows of", named.table, line);
    return end_harmless();
}

Status DumpReader::use() {
    next();
    if (!is_name()) return unexpected("the name of a database");
    found(Dialect::mysql);
    tables_.use(token_.text);
    next();
    return end_harmless();
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
    if (*verb != Verb::insert && *verb != Verb::replace) forget_target();
    // clang-format off
    switch (*verb) {
        case Verb::alter: return alter(line);
        case Verb::begin: return begin();
        case Verb::code: return code(word, false, line);
        case Verb::commit: return commit();
        case Verb::copy: return copy();
        case Verb::create: return create();
        case Verb::delete_: next(); return change_of_rows("DELETE", {"where"}, line);
        case Verb::delimiter: return set_delimiter();
        case Verb::drop: return drop(line);
        case Verb::harmless: return harmless(word);
        case Verb::insert: return insert(false, line);
        case Verb::load: return load(line);
        case Verb::merge: return merge(line);
        case Verb::other_file:
            return fail(Errc::unsupported,
                        "SOURCE: another file, which is not read; give it too, or one dump of the "
                        "whole database",
                        {name_, line});
        case Verb::rename: return rename(line);
        case Verb::replace: return insert(true, line);
        case Verb::reset: next(); return reset(line);
        case Verb::rollback:
            return fail(Errc::malformed,
                        "the dump rolls itself back: the program that wrote it met an error",
                        {name_, line});
        case Verb::select: return select(line);
        case Verb::set:
            ZC_TRY_STATUS(set());
            is_uncommitted_ = is_uncommitted_ && (autocommit_is_off_ || is_chained_);
            return {};
        case Verb::start:
            next();
            if (token_.is("transaction")) in_transaction_ = true;
            return end_harmless();
        case Verb::truncate: return truncate(line);
        case Verb::update: next(); return change_of_rows("UPDATE", {"set"}, line);
        case Verb::use: return use();
    }
    // clang-format on
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

/// A dump without domains or without records is none of PowerDNS's.
Status DumpReader::refuse_missing_tables() {
    for (const Table table : {Table::domains, Table::records}) {
        if (tables_.knows(table)) continue;
        const std::string named = "table " + std::string(to_string(table));
        std::string message =
            named + " does not occur: no dump of a PowerDNS database, or only a part of one";
        for (const DumpTable* other : tables_.all()) {
            if (other->ours || other->rows_passed_over == 0 || !may_hold_zones(*other)) continue;
            message +=
                "; table " + other->name +
                " has the columns of one: if it is a partition, dump with the schema or with "
                "--load-via-partition-root";
            break;
        }
        if (tables_.is_view(table))
            message = named +
                      " is a view or a foreign table, and a dump has no rows of one: import from "
                      "the database itself";
        if (tables_.has_choice() && !tables_.shown_places().empty())
            message = named + " does not occur in " + tables_.shown_choice() + "; the dump has " +
                      tables_.shown_places();
        return fail(Errc::malformed, message, {name_, 0});
    }
    return {};
}

/// Rows and code that were passed over, one finding a table or verb.
void DumpReader::note_passed_over() {
    const auto pass_over = [&](std::string reason, std::uint64_t line) {
        pipeline_.note(Acceptance::doubtful, std::move(reason), "not taken over", line);
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
        pipeline_.note(Acceptance::refused, std::move(reason), "not taken over", table->rows_line,
                       table->rows_passed_over);
    }
}

/// At the end of the source: a dump that is cut off, or has no zones, is an error.
Status DumpReader::finish() {
    if (in_conditional_) return cut_off("inside of a comment");
    if (!delimiter_.empty()) return cut_off("before the line that sets DELIMITER back to \";\"");
    if (dialect_ == Dialect::mysql) pipeline_.set_finds_capitals();
    if (ends_wanted_ > 0)
        return cut_off(
            "before the line with which the program that wrote it says that it is complete");
    if ((in_transaction_ && !is_chained_) || is_uncommitted_) return cut_off("before its COMMIT");
    if (shape_problem_) return tl::unexpected<Error>(*shape_problem_);
    ZC_TRY_STATUS(refuse_missing_tables());
    note_passed_over();
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
