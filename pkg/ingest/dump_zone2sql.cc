// INSERT … SELECT, as zone2sql writes it.
#include <utility>

#include "ingest/dump_rows.h"

namespace zc::ingest {

using sqldump::is_digit;
using sqldump::mysql_unescaped;

namespace {

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

}  // namespace

/// A literal of a SELECT's list, or the word id.
Status DumpRows::selected_value(std::optional<std::string>& out, bool& is_id, bool& is_literal) {
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

/// zone2sql's output for MySQL and for SQLite differs in nothing but escapes. A single backslash is
/// SQLite's: MySQL's are doubled.
Status DumpRows::guess_escapes() {
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
Status DumpRows::insert_select(DumpTable& table, const std::vector<std::string>& columns,
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
        return pipeline_.refuse(*table.ours, line, shown_cells(),
                                "no row of domains with the name " + name + " before it");
    }
    cells_[id_at].text = std::to_string(domain->second);
    return insert_row(*target, line);
}

}  // namespace zc::ingest
