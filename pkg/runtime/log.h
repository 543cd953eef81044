// The event log: one event a line, a fixed name, then fields.
//
//   2026-11-23T03:33:45.123456Z info zone_published zone=example. serial=42
//   {"time":"2026-11-23T03:33:45.123456Z","level":"info","event":"zone_published","zone":"example.","serial":42}
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <variant>

#include "base/result.h"
#include "base/time.h"

namespace zc::runtime {

/// `error` wakes someone, `warning` is for tomorrow, `info` is a change of state, `debug` is off by
/// default.
enum class Level : std::uint8_t { error, warning, info, debug };
/// "error", "warning", "info", "debug".
std::string_view to_string(Level level) noexcept;
Result<Level> parse_level(std::string_view text);

enum class LogFormat : std::uint8_t { text, json };

/// One `name=value` of an event. Borrows its text: make it in the call.
struct Field {
    using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

    Field(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
    Field(std::string_view field_name, const char* text)
        : name(field_name), value(std::string_view(text)) {}
    Field(std::string_view field_name, const std::string& text)
        : name(field_name), value(std::string_view(text)) {}
    Field(std::string_view field_name, bool yes) : name(field_name), value(yes) {}
    Field(std::string_view field_name, double number) : name(field_name), value(number) {}
    Field(std::string_view field_name, std::signed_integral auto number)
        : name(field_name), value(std::int64_t{number}) {}
    Field(std::string_view field_name, std::unsigned_integral auto number)
        : name(field_name), value(std::uint64_t{number}) {}

    std::string_view name;
    Value value;
};

/// The line of an event, with its newline. Text values with anything but plain printable ASCII are
/// quoted and escaped as in JSON, so an event is one line whatever a stranger put into a name.
std::string format_event(LogFormat format, base::Instant time, Level level, std::string_view event,
                         std::initializer_list<Field> fields);

/// Writes events to a file descriptor from a thread of its own: a reader of it that stands still
/// delays nobody. When `queue_octets_max` wait, further events are dropped, counted, and reported
/// in an event once there is room.
///
/// Threads: any.
class Log {
public:
    struct Options {
        Level level = Level::info;  // events below it are not made
        LogFormat format = LogFormat::text;
        int fd = 2;  // not closed
    };
    static constexpr std::size_t queue_octets_max = 1 << 20;

    /// How long the end waits for a reader that stands still.
    static constexpr base::Duration end_patience = base::Duration::seconds(1);

    explicit Log(Options options);
    /// As `finish` with `end_patience`.
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    void error(std::string_view event, std::initializer_list<Field> fields = {}) {
        put(Level::error, event, fields);
    }
    void warning(std::string_view event, std::initializer_list<Field> fields = {}) {
        put(Level::warning, event, fields);
    }
    void info(std::string_view event, std::initializer_list<Field> fields = {}) {
        put(Level::info, event, fields);
    }
    void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
        put(Level::debug, event, fields);
    }

    /// Writes the waiting events, for as long as `patience`. The reader of the log may never come:
    /// then the rest is dropped, and the thread that stands in write(2) is left to the end of the
    /// process. Events after this are dropped. False: something was.
    bool finish(base::Duration patience);

private:
    struct State;

    void put(Level level, std::string_view event, std::initializer_list<Field> fields);

    const Options options_;
    // Owned by the log and by its thread, which may have to be left behind.
    std::shared_ptr<State> state_;
    std::thread writer_;
};

}  // namespace zc::runtime
