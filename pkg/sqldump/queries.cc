// SELECT, and statements that run code.
#include <string>
#include <utility>

#include "sqldump/session.h"

namespace zc::sqldump {

Status DumpSession::select(std::uint64_t line) {
    Effect effect;
    std::string in_text;   // a table of PowerDNS's in a string
    std::string variable;  // @a, before this token
    std::string assigned;  // the one to which ":=" gave a value
    int signs = 0;
    for (next(); token_.kind != Token::Kind::end && !token_.is_stop();) {
        if (token_.is('\\')) return unexpected("\";\" before a command of the client");
        note(effect);
        if (in_text.empty() && token_.kind == Token::Kind::string) in_text = table_meant_in_token();
        if (token_.is(':') && !variable.empty()) {  // SELECT @a := 1
            remember(variable, std::nullopt);
            assigned = variable;
        }
        if (!assigned.empty() && token_.kind == Token::Kind::string)
            ZC_TRY_STATUS(stand_in(StandIn::text, assigned, table_meant_in_token()));
        variable = signs == 1 ? lower(token_.text) : "";
        signs = token_.is('@') ? signs + 1 : 0;
        if (is_name() && token_.kind != Token::Kind::string && lower(token_.text) == "set_config") {
            next();
            if (token_.is('(')) ZC_TRY_STATUS(set_config(line));
            continue;
        }
        if (!token_.is("into")) {
            next();
            continue;
        }
        next();
        while (token_.is("table") || token_.is("temp") || token_.is("temporary") ||
               token_.is("unlogged"))
            next();
        if (token_.is('@')) {  // a variable of MySQL's
            next();
            ZC_TRY_STATUS(stand_in(StandIn::text, token_.text, in_text));
            remember(lower(token_.text), std::nullopt);
            continue;
        }
        if (token_.kind != Token::Kind::word && token_.kind != Token::Kind::name) continue;
        std::vector<std::string> parts;
        ZC_TRY_STATUS(qualified(parts));
        if (table_of(parts.back())) return refuse_effect("SELECT … INTO fills", parts.back(), line);
    }
    effect.changes = effect.may_change = false;  // it has no place for that
    ZC_TRY_STATUS(refuse_query("SELECT", effect, line));
    if (effect.runs_code) note_unknown_effect("SELECT", line);
    return {};
}

/// Statements that run code: PostgreSQL's DO, MySQL's EXECUTE, a WITH that may hold an INSERT.
Status DumpSession::code(std::string_view verb, bool is_block, std::uint64_t line) {
    Effect effect;
    for (next(); token_.kind != Token::Kind::end; next()) {
        // MariaDB's IF … END IF ends at the text of DELIMITER alone.
        if (token_.is_stop() && (!is_block || token_.text == delimiter_)) break;
        if (token_.is('\\')) return unexpected("\";\" before a command of the client");
        if (is_name()) {
            if (const std::string_view setting = setting_in(token_.text); !setting.empty())
                return refuse_setting(setting, "SET in a statement of its own", line);
        }
        const bool is_inner = verb == "set statement" && effect.before == "for";
        note(effect);
        if (is_inner && effect.may_change) effect.changes = true;
        if (is_inner && token_.is("update")) effect.changes = true;
    }
    std::string shown(verb);
    for (char& c : shown) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    const bool runs = is_block || is_one_of(verb, {"call", "do", "execute", "import", "prepare"});
    if (verb == "analyze") effect.runs_code = false;  // ANALYZE a (b, c)
    if (!runs) return refuse_query(shown, effect, line);
    if (!effect.table.empty()) return refuse_effect(shown + " that names", effect.table, line);
    if (verb != "prepare" && !is_block) note_unknown_effect(shown, line);
    return {};
}

}  // namespace zc::sqldump
