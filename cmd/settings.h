// Where the values of flags come from: the command line, before the environment, before the
// configuration file, before the default.
//
// The file is TOML. A key at the top is the flag of that name, of whichever verb has it; a table
// named after a verb ([serve], [zone.check]) is for that verb alone and goes before the top. An
// array is a flag given several times.
//
// CLI11 can read a file by itself (CLI::Config), but lets it go before the environment, and cannot
// say in which line a bad value stands. So this asks CLI11's options only: each value, from
// anywhere, goes through the option's own check, and there is one definition of each.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>

#include "base/result.h"
#include "flags.h"

namespace zc::cmd {

inline constexpr std::uint64_t config_octets_max = 4U << 20U;

/// The variables that begin with ZONECTL_.
using Environment = std::map<std::string, std::string, std::less<>>;
Environment environment_of_process();

/// One key of the file.
struct Entry {
    std::string table;  // "", "serve", "zone.check"
    std::string key;
    std::uint64_t line = 0;
    bool list = false;
    struct Value {
        std::string text;
        Kind kind = Kind::text;
        std::string
            found;  // for an error: "a string", "a table", …; what is no flag's value has kind text
        bool scalar = true;
        std::uint64_t line = 0;
    };
    std::vector<Value> values;
};

/// A configuration file, read and taken apart, not yet compared with the flags.
struct ConfigFile {
    std::string path;
    std::vector<Entry> entries;

    /// Errors: `not_found`, `io`, `limit`; `malformed` with the line when it is no TOML.
    static Result<ConfigFile> read(const std::string& path);
    static Result<ConfigFile> parse(std::string_view text, const std::string& path);
};

enum class Origin : std::uint8_t { built_in, file, environment, flag };
std::string_view to_string(Origin origin) noexcept;

/// The value that a flag ended up with.
struct Setting {
    std::string key;
    Kind kind = Kind::text;
    bool list = false;
    std::vector<std::string> values;  // empty: not set
    Origin origin = Origin::built_in;
    std::string where;  // "zonectl.toml:3", "ZONECTL_LISTEN"
};

/// Everything wrong with `file`, in the order of its lines: keys that no verb has, tables that are
/// no verb, values of a wrong type or out of range. `root` is a fresh tree that is of no other use
/// afterwards.
std::vector<Error> check(const ConfigFile& file, CLI::App& root);

/// Gives the flags of `verb` and of the root, as far as the command line has not set them, their
/// values from the environment and then from `file`. Returns what every flag of the verb ended up
/// with. The file's keys for other verbs are passed over: a mistake there must not keep `zonectl
/// health` from telling the truth. Errors: a value that its flag does not take, with variable or
/// line; a key in the verb's own table that is no flag of it.
Result<std::vector<Setting>> resolve(CLI::App& verb, const Environment& environment,
                                     const ConfigFile* file_or_null);

}  // namespace zc::cmd
