// The first words of statements.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace zc::sqldump {

/// Kinds of statements, as their first words tell them.
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

/// Nothing: no statement of SQL begins with `word`, which is in lower case.
std::optional<Verb> verb_of(std::string_view word) noexcept;

}  // namespace zc::sqldump
