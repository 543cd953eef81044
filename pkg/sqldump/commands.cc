// Commands of psql and of the mysql client, which are no SQL.
#include <algorithm>
#include <string>

#include "sqldump/session.h"

namespace zc::sqldump {

namespace {

constexpr std::size_t delimiter_octets_max = 16;

}  // namespace

/// A line that begins with a backslash, of psql's; the current token is that.
Status DumpSession::command() {
    const std::uint64_t line = line_;
    std::string text;
    skip_line(&text);
    token_ = {};
    token_.kind = Token::Kind::stop;
    while (!text.empty() && is_blank(text.back())) text.pop_back();
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view name = std::string_view(text).substr(0, end);
    std::string_view rest = std::string_view(text).substr(end);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (name == "connect" || name == "c") return connect(rest);
    if (name == "encoding" && !rest.empty())
        return set_encoding(std::string(rest), Scope::session, line);
    if (name == "copy") {
        return fail(Errc::unsupported,
                    "\\copy " + std::string(rest.substr(0, 60)) +
                        ": its rows are in another file; wanted COPY … FROM stdin, as pg_dump "
                        "writes it",
                    {name_, line});
    }
    if (is_one_of(name, {"i", "ir", "include", "include_relative", "."})) {
        return fail(Errc::unsupported,
                    "\\" + text.substr(0, 60) +
                        ": another file, which is not read; give it too, or "
                        "one dump of the whole database",
                    {name_, line});
    }
    if (is_one_of(name, {"restrict", "unrestrict", "pset", "timing", "encoding", "x", "a", "t", "r",
                         "p", "unset", "warn", "echo", "qecho", "set", "o", "!"})) {
        // A program may run: by "!", by a pipe, or in grave accents.
        const bool runs = name == "!" || rest.find('`') != std::string_view::npos ||
                          (name == "o" && rest.starts_with('|'));
        const std::string table = runs || name == "set" ? table_meant_in(rest) : "";
        if (!table.empty())
            return refuse_effect("\\" + std::string(name) + " that names", table, line);
        if (runs) note_unknown_effect("\\" + std::string(name), line);
        return {};
    }
    return fail(Errc::malformed,
                "found \"\\" + text.substr(0, 60) + "\", wanted a statement of SQL", {name_, line});
}

/// \connect NAME, "NAME", -reuse-previous=on "dbname='NAME'", - USER, postgresql://HOST/NAME
Status DumpSession::connect(std::string_view arguments) {
    found(Dialect::postgresql);
    begin_session();
    while (arguments.starts_with("-reuse-previous")) {
        arguments.remove_prefix(std::min(arguments.find(' '), arguments.size()));
        arguments.remove_prefix(std::min(arguments.find_first_not_of(" \t"), arguments.size()));
    }
    std::string name;
    char quote = '\0';
    std::size_t at = 0;
    for (; at < arguments.size(); ++at) {
        const char c = arguments[at];
        if (quote == '\0' && is_blank(c)) break;
        if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == quote) {
            if (at + 1 >= arguments.size() || arguments[at + 1] != quote) {
                quote = '\0';
                continue;
            }
            name += arguments[at++];
        } else {
            name += c;
        }
    }
    if (const std::size_t value = name.find("dbname="); value != std::string::npos) {
        std::string_view rest =
            std::string_view(name).substr(value + std::string_view("dbname=").size());
        std::string database;
        const bool is_quoted = rest.starts_with('\'');
        if (is_quoted) rest.remove_prefix(1);
        for (std::size_t i = 0; i < rest.size(); ++i) {
            if (is_quoted ? rest[i] == '\'' : is_blank(rest[i])) break;
            if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
            database += rest[i];
        }
        name = database;
    } else if (name.starts_with("postgresql://") || name.starts_with("postgres://")) {
        const std::size_t slash = name.find('/', name.find("://") + 3);
        name = slash == std::string::npos
                   ? ""
                   : name.substr(slash + 1, name.find('?', slash) - slash - 1);
    }
    if (!name.empty() && name != "-") tables_.connect(name);
    return {};
}

/// DELIMITER of the mysql client: the rest of the line, up to a blank.
Status DumpSession::set_delimiter() {
    found(Dialect::mysql);
    const std::uint64_t line = line_;
    std::string rest;
    skip_line(&rest);
    const std::size_t start = rest.find_first_not_of(" \t\r");
    if (start == std::string::npos)
        return fail(Errc::malformed, "DELIMITER without one", {name_, line});
    rest.erase(0, start);
    if (const char quote = rest.front();
        std::string_view("'\"`").find(quote) != std::string_view::npos) {
        const std::size_t end = rest.find(quote, 1);
        if (end == std::string::npos || end == 1)
            return fail(Errc::malformed, "DELIMITER " + rest.substr(0, 60) + " without its end",
                        {name_, line});
        rest = rest.substr(1, end - 1);
    } else {
        rest.resize(std::min(rest.find_first_of(" \t\r"), rest.size()));
    }
    if (rest.size() > delimiter_octets_max) {
        return fail(Errc::limit,
                    "a DELIMITER of " + std::to_string(rest.size()) + " octets, limit is " +
                        std::to_string(delimiter_octets_max),
                    {name_, line});
    }
    delimiter_ = rest == ";" ? "" : rest;
    token_ = {};
    token_.kind = Token::Kind::stop;
    return {};
}

}  // namespace zc::sqldump
