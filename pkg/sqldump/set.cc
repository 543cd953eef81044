// SET and its relatives: a dump tells how its session reads the rest.
#include <algorithm>
#include <utility>

#include "sqldump/session.h"

namespace zc::sqldump {

namespace {

constexpr std::size_t variable_octets_max = 4096;  // of a value that is remembered
constexpr std::size_t variables_max = 4096;
constexpr int value_depth_max = 16;

/// First words of SET where it assigns nothing by that name.
constexpr std::string_view words_of_set[] = {
    "authorization", "catalog", "characteristics", "constraints", "default", "password", "resource",
    "role",          "time",    "transaction",     "xml"};

bool decides_how_text_is_read(std::string_view name) noexcept {
    return is_one_of(name, {"standard_conforming_strings", "backslash_quote", "client_encoding",
                            "sql_mode", "character_set_client"});
}

}  // namespace

Status DumpSession::set() {
    next();
    SetStatement statement{.line = line_, .assigned = {}};
    for (bool is_first = true;; is_first = false) {
        ZC_TRY_STATUS(assignment(statement, is_first));
        if (!token_.is(',')) break;
        next();
    }
    if (token_.kind == Token::Kind::end || token_.is_stop()) return {};
    return unexpected("\",\" or \";\"");
}

/// GLOBAL, SESSION and their like; false: another word.
bool DumpSession::take_scope(Scope& scope) {
    if (token_.kind != Token::Kind::word) return false;
    if (token_.text == "session") {
        scope = Scope::session;
    } else if (token_.text == "local") {
        scope = Scope::local;
    } else if (is_one_of(token_.text, {"global", "persist", "persist_only"})) {
        scope = token_.text == "persist_only" ? Scope::none : Scope::global;
    } else {
        return false;
    }
    next();
    return true;
}

/// A scope and a name; the current token is the first of them.
Status DumpSession::assigned_name(SetStatement& statement, Assigned& out) {
    const bool has_scope = take_scope(out.scope);
    const bool is_global = out.scope == Scope::global || out.scope == Scope::none;
    // By MySQL's manual, the scope goes on to the names behind it.
    statement.is_scope_carried = has_scope ? is_global : statement.is_scope_carried;
    if (token_.is('@')) {
        next();
        out.is_users = !token_.is('@');
        if (!out.is_users) {
            next();
            if (take_scope(out.scope)) {
                if (!token_.is('.')) return unexpected("\".\"");
                next();
            } else {
                out.scope = Scope::session;
            }
        }
    } else if (out.scope == Scope::unnamed && statement.is_scope_carried) {
        out.scope = Scope::unknown;
    }
    if (out.is_in_list && token_.kind == Token::Kind::number) {
        out.is_value = true;
        next();
        return {};
    }
    if (!is_name()) return unexpected("the name of a setting");
    out.name = lower(token_.text);
    out.is_word = token_.kind == Token::Kind::word;
    next();
    for (; token_.is('.'); next()) {
        next();
        if (!is_name()) return unexpected("the name of a setting");
        out.name += '.' + lower(token_.text);
        if (out.name.size() > identifier_octets_max * 2) return unexpected("a shorter name");
    }
    return {};
}

Status DumpSession::assignment(SetStatement& statement, bool is_first) {
    Assigned to{.name = {}, .is_in_list = !is_first};
    ZC_TRY_STATUS(assigned_name(statement, to));
    if (to.is_value) return {};
    const bool is_plain = to.is_word && !to.is_users;
    if (is_plain && (to.name == "names" || to.name == "charset" ||
                     (to.name == "character" && token_.is("set")))) {
        if (to.name == "character") next();
        return set_names(to.scope, statement.line);
    }
    if (is_plain && to.name == "schema" && token_.kind == Token::Kind::string) {
        found(Dialect::postgresql);
        return set_search_path();
    }
    if (is_plain && to.name == "statement") {
        if (const std::string_view setting = setting_in(token_.text); !setting.empty())
            return refuse_setting(setting, "SET in a statement of its own", statement.line);
        return code("set statement", false, statement.line);
    }
    const bool is_list = !is_first && !to.is_users && (token_.is(',') || token_.is_stop());
    if (is_list) return {};  // SET datestyle = ISO, DMY
    const bool is_known =
        std::ranges::find(words_of_set, to.name) != std::end(words_of_set) && !token_.is('=');
    if (is_plain && is_known) return end_harmless();
    if (token_.is(':')) next();
    if (!token_.is('=') && !token_.is("to")) return unexpected("\"=\" or TO");
    next();
    return assign(statement, to);
}

/// The current token is the first of the value.
Status DumpSession::assign(SetStatement& statement, const Assigned& to) {
    if (to.is_users) return set_users_variable(statement, to.name);
    if (to.name == "search_path") {
        found(Dialect::postgresql);
        return set_search_path();
    }
    if (is_one_of(to.name, {"standard_conforming_strings", "backslash_quote", "client_encoding"})) {
        found(Dialect::postgresql);
        std::optional<std::string> value;
        const bool is_value = is_name() || token_.kind == Token::Kind::number;
        if (!is_value) return refuse_setting(to.name, "one value", statement.line);
        if (!token_.is("default")) value = token_.text;
        next();
        if (!token_.is_stop() && token_.kind != Token::Kind::end)
            return refuse_setting(to.name, "one value", statement.line);
        return set_postgresql(to.name, value, to.scope, statement.line);
    }
    if (is_one_of(to.name, {"sql_mode", "autocommit", "character_set_client"}))
        return set_mysql(statement, to.name, to.scope);
    return skip_value({});
}

/// standard_conforming_strings, backslash_quote, client_encoding. No value: DEFAULT.
Status DumpSession::set_postgresql(std::string_view name, const std::optional<std::string>& value,
                                   Scope scope, std::uint64_t line) {
    if (scope != Scope::unnamed && scope != Scope::session && scope != Scope::local)
        return refuse_setting(name, "SET, SET SESSION or SET LOCAL", line);
    if (value && value->empty()) return refuse_setting(name, "a value", line);
    if (name == "client_encoding") return set_encoding(value.value_or(""), scope, line);
    const auto boolean = value ? postgresql_boolean(*value) : std::nullopt;
    if (name == "backslash_quote") {
        // Text that it forbids is an error in the database, and no other text.
        if (!value || boolean || lower(*value) == "safe_encoding") return {};
        return refuse_setting(name, "on, off or safe_encoding", line);
    }
    if (value && !boolean) return refuse_setting(name, "on or off", line);
    Strings strings = value ? (*boolean ? Strings::standard : Strings::escapes) : default_strings_;
    if (scope != Scope::local) {
        strings_.set_session(strings);
    } else if (in_transaction_) {
        strings_.set_local(strings);
    }
    apply_strings();
    return {};
}

void DumpSession::apply_strings() {
    backslashes_in_strings_ = strings_.now() == Strings::escapes;
    backslashes_unknown_ = strings_.now() == Strings::unknown;
}

/// SET NAMES, and SET CHARACTER SET of MySQL's; the current token is the value.
Status DumpSession::set_names(Scope scope, std::uint64_t line) {
    if (token_.is_stop() || token_.kind == Token::Kind::end)  // as DEFAULT
        return set_encoding("", scope, line);
    if (token_.is('=') || token_.is("to") || !is_name())
        return refuse_setting("NAMES", "the name of an encoding", line);
    const std::string value = token_.is("default") ? "" : token_.text;
    next();
    if (token_.is("collate")) {
        next();
        if (!is_name()) return unexpected("a collation");
        next();
    }
    if (!token_.is(',') && !token_.is_stop() && token_.kind != Token::Kind::end)
        return refuse_setting("NAMES", "the name of an encoding", line);
    return set_encoding(value, scope, line);
}

/// Empty: the server's default, which a dump does not tell.
Status DumpSession::set_encoding(const std::string& encoding, Scope scope, std::uint64_t line) {
    if (scope == Scope::global || scope == Scope::none) return {};  // of other sessions
    const auto kind = encoding.empty() ? Encoding::utf8 : encoding_of(encoding);
    if (scope == Scope::unknown || !kind)
        return refuse_setting("the encoding", "the name of one that is known, such as UTF8", line);
    if (*kind == Encoding::unsafe) {
        return fail(Errc::unsupported,
                    "the encoding " + encoding.substr(0, 60) +
                        ", in which an octet of ASCII may be a part of another character; dump as "
                        "UTF-8: pg_dump --encoding=UTF8, mysqldump "
                        "--default-character-set=utf8mb4",
                    {name_, line});
    }
    if (scope != Scope::local || dialect_ == Dialect::mysql) {
        encoding_.set_session(encoding);
    } else if (in_transaction_) {
        encoding_.set_local(encoding);
    }
    return {};
}

/// sql_mode, autocommit, character_set_client.
Status DumpSession::set_mysql(SetStatement& statement, const std::string& name, Scope scope) {
    const std::uint64_t line = statement.line;
    found(Dialect::mysql);
    std::optional<std::string> value;
    const bool is_default = token_.is("default");
    if (is_default) {
        next();
        value = name == "sql_mode" ? default_sql_mode_ : "";
        if (!token_.is(',') && !token_.is_stop() && token_.kind != Token::Kind::end) value.reset();
    } else {
        ZC_TRY_STATUS(evaluate(statement, {}, value, 0));
    }
    statement.assigned.push_back("@@" + name);
    if (scope == Scope::none) return {};
    const bool is_global = scope == Scope::global;
    if (name == "autocommit") {
        if (is_global || scope == Scope::unknown) return {};
        // A value that is not understood leaves it as it is: then COMMIT is wanted, or not.
        const std::string word = lower(value.value_or(""));
        if (is_default || is_one_of(word, {"1", "on", "true"})) autocommit_is_off_ = false;
        if (is_one_of(word, {"0", "off", "false"})) autocommit_is_off_ = true;
        return {};
    }
    constexpr std::string_view wanted =
        "a literal, @@ or a variable that the dump set before, or CONCAT or REPLACE of those";
    if (!value || scope == Scope::unknown) return refuse_setting(name, wanted, line);
    if (name == "character_set_client") return set_encoding(*value, scope, line);
    if (*value == "0") value = "";
    const auto mode = parse_sql_mode(*value);
    if (!mode) return refuse_setting(name, "modes that are known", line);
    if (is_global) {
        default_sql_mode_ = *value;
        return {};
    }
    sql_mode_ = *value;
    no_backslash_escapes_ = mode->no_backslash_escapes;
    ansi_quotes_ = mode->ansi_quotes;
    return {};
}

Status DumpSession::set_users_variable(SetStatement& statement, const std::string& name) {
    std::optional<std::string> value;
    ZC_TRY_STATUS(evaluate(statement, name, value, 0));
    statement.assigned.push_back(name);
    remember(name, std::move(value));
    return {};
}

/// Nothing: its value is not known.
void DumpSession::remember(const std::string& variable, std::optional<std::string> value) {
    users_variables_.erase(variable);
    if (value && value->size() <= variable_octets_max && users_variables_.size() < variables_max)
        users_variables_.emplace(variable, *std::move(value));
}

/// To the end of a value: a comma, a closing parenthesis, the end of the statement. `assigned` is
/// the user's variable that gets it.
Status DumpSession::skip_value(const std::string& assigned) {
    int depth = 0;
    bool is_insert = false;
    std::string before;
    for (int signs = 0; token_.kind != Token::Kind::end && !token_.is_stop(); next()) {
        if (token_.is('\\')) return unexpected("\";\" before a command of the client");
        if (is_insert && token_.is("into")) return unexpected("\";\" before INSERT INTO");
        is_insert = token_.is("insert") || token_.is("replace") ||
                    (is_insert && token_.kind == Token::Kind::word);
        if (depth == 0 && (token_.is(',') || token_.is(')'))) return {};
        if (token_.is('(')) ZC_TRY_STATUS(refuse_call("SET", before));
        before = is_name() ? token_.text : "";
        if (token_.is('(')) ++depth;
        if (token_.is(')')) --depth;
        if (signs == 1 || token_.kind == Token::Kind::string)
            ZC_TRY_STATUS(stand_in(StandIn::text, assigned, table_meant_in_token()));
        signs = token_.is('@') ? signs + 1 : 0;
    }
    return {};
}

/// A value of MySQL's as text, and up to its end: literals, variables, CONCAT and REPLACE. Nothing:
/// another one, or one that is not known.
Status DumpSession::evaluate(const SetStatement& statement, const std::string& assigned,
                             std::optional<std::string>& out, int depth) {
    const auto is_assigned = [&](const std::string& name) {
        // Whether it has its new value already depends on the server.
        return std::ranges::find(statement.assigned, name) != statement.assigned.end();
    };
    out.reset();
    if (depth > value_depth_max) return skip_value(assigned);
    if (token_.kind == Token::Kind::string || token_.kind == Token::Kind::number) {
        ZC_TRY_STATUS(stand_in(StandIn::text, assigned, table_meant_in_token()));
        if (token_.escapes_guessed && guessed_line_ == 0) guessed_line_ = line_;
        out = token_.text;
        next();
    } else if (token_.is('@')) {
        next();
        const bool is_users = !token_.is('@');
        if (!is_users) next();
        bool is_global = false;
        if (!is_users && is_one_of(token_.text, {"session", "local", "global"})) {
            is_global = token_.is("global");
            next();
            if (token_.is('.')) next();
        }
        const std::string name = lower(token_.text);
        if (is_users) {
            ZC_TRY_STATUS(stand_in(StandIn::text, assigned, table_meant_in_token()));
            const auto known = users_variables_.find(name);
            if (known != users_variables_.end() && !is_assigned(name)) out = known->second;
        } else if (!is_assigned("@@" + name)) {
            if (name == "sql_mode") out = is_global ? default_sql_mode_ : sql_mode_;
            if (is_global) {
            } else if (name == "autocommit") {
                out = autocommit_is_off_ ? "0" : "1";
            } else if (name == "character_set_client") {
                out = encoding_.now();
            }
        }
        next();
    } else if (token_.kind == Token::Kind::word && !token_.is("null")) {
        const std::string word = token_.text;
        next();
        if (!token_.is('(')) {
            out = word;
        } else {
            ZC_TRY_STATUS(refuse_call("SET", word));
            std::vector<std::optional<std::string>> given;
            do {
                next();
                if (given.size() == 64) return unexpected("fewer arguments");
                ZC_TRY_STATUS(evaluate(statement, assigned, given.emplace_back(), depth + 1));
            } while (token_.is(','));
            if (!token_.is(')')) return unexpected("\",\" or \")\"");
            next();
            const bool are_known =
                std::ranges::all_of(given, [](const auto& text) { return text.has_value(); });
            if (are_known && word == "concat") {
                out.emplace();
                for (const auto& text : given) *out += *text;
            } else if (are_known && word == "replace" && given.size() == 3 && !given[1]->empty()) {
                std::string_view rest = *given[0];
                out.emplace();
                for (std::size_t at = 0; (at = rest.find(*given[1])) != std::string_view::npos;) {
                    out->append(rest.substr(0, at)).append(*given[2]);
                    rest.remove_prefix(at + given[1]->size());
                    if (out->size() > variable_octets_max) break;
                }
                out->append(rest);
            }
            if (out && out->size() > variable_octets_max) out.reset();
        }
    }
    if (token_.is(',') || token_.is(')') || token_.is_stop() || token_.kind == Token::Kind::end)
        return {};
    out.reset();
    return skip_value(assigned);
}

/// The schemas of a list, or of a string with one.
Status DumpSession::set_search_path() {
    std::vector<std::string> path;
    const auto add = [&](std::string_view name) {
        const std::string folded = lower(name);
        if (!name.empty() && !name.starts_with("pg_") && name != "$user" &&
            folded != "information_schema" && folded != "default")
            path.emplace_back(name);
    };
    for (;;) {
        if (token_.kind == Token::Kind::string) {
            // One name, or, of set_config, a list.
            std::string_view rest = token_.text;
            while (!rest.empty()) {
                const std::size_t comma = std::min(rest.find(','), rest.size());
                std::string_view name = rest.substr(0, comma);
                while (!name.empty() && (is_blank(name.front()) || name.front() == '"'))
                    name.remove_prefix(1);
                while (!name.empty() && (is_blank(name.back()) || name.back() == '"'))
                    name.remove_suffix(1);
                add(name);
                rest.remove_prefix(std::min(comma + 1, rest.size()));
            }
        } else if (is_name()) {
            add(token_.text);
        } else {
            break;
        }
        next();
        if (!token_.is(',')) break;
        next();
        if (token_.is("false") || token_.is("true")) break;  // of set_config
    }
    tables_.search_path(std::move(path));
    return {};
}

/// SELECT … set_config('name', 'value', is_local); the current token is "(".
Status DumpSession::set_config(std::uint64_t line) {
    found(Dialect::postgresql);
    constexpr std::string_view wanted = "set_config('…', '…', false) with literals";
    next();
    if (token_.kind != Token::Kind::string) return refuse_setting("set_config", wanted, line);
    const std::string name = lower(token_.text);
    next();
    if (!token_.is(',')) return refuse_setting("set_config", wanted, line);
    next();
    if (name == "search_path") return set_search_path();
    if (!decides_how_text_is_read(name)) return {};
    if (token_.kind != Token::Kind::string) return refuse_setting(name, wanted, line);
    const std::string value = token_.text;
    next();
    if (!token_.is(',')) return refuse_setting(name, wanted, line);
    next();
    const bool has_flag = token_.kind == Token::Kind::word || token_.kind == Token::Kind::string;
    const auto is_local = has_flag ? postgresql_boolean(token_.text) : std::nullopt;
    if (!is_local) return refuse_setting(name, wanted, line);
    next();
    if (!token_.is(')')) return refuse_setting(name, wanted, line);
    next();
    if (token_.is("as")) next(), next();
    if (!token_.is(',') && !token_.is_stop()) return refuse_setting(name, wanted, line);
    return set_postgresql(name, value, *is_local ? Scope::local : Scope::session, line);
}

/// RESET of PostgreSQL's, and DISCARD; the current token is the word behind.
Status DumpSession::reset(std::uint64_t line) {
    const std::string name = is_name() ? lower(token_.text) : "";
    if (name == "all" || name == "search_path") tables_.search_path({});
    if (name == "all" || decides_how_text_is_read(name)) {
        for (const std::string_view setting : {"standard_conforming_strings", "client_encoding"}) {
            if (name == "all" || name == setting)
                ZC_TRY_STATUS(set_postgresql(setting, std::nullopt, Scope::session, line));
        }
    }
    return end_harmless();
}

/// ALTER DATABASE, ROLE or SYSTEM … SET: it counts for sessions that begin later.
Status DumpSession::alter_default() {
    for (; token_.kind != Token::Kind::end && !token_.is_stop(); next()) {
        if (token_.is('\\')) return unexpected("\";\" before a command of the client");
        const bool is_setting = is_name() && lower(token_.text) == "standard_conforming_strings";
        if (is_setting) later_strings_ = Strings::unknown;
    }
    return {};
}

/// \connect begins another session.
void DumpSession::begin_session() {
    default_strings_ = later_strings_;
    strings_ = Setting<Strings>(default_strings_);
    encoding_ = {};
    apply_strings();
}

void DumpSession::end_transaction() {
    in_transaction_ = false;
    strings_.end_transaction();
    encoding_.end_transaction();
    apply_strings();
}

}  // namespace zc::sqldump
