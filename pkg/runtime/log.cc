#include "runtime/log.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

#include <poll.h>
#include <unistd.h>

#include "base/foreign_text.h"
#include "runtime/clock.h"

namespace zc::runtime {
namespace {

constexpr std::array<std::string_view, 4> level_names = {"error", "warning", "info", "debug"};

void put_time(std::string& out, base::Instant time) {
    const std::time_t seconds = time.nanoseconds / 1'000'000'000;
    const long micros = static_cast<long>(time.nanoseconds % 1'000'000'000 / 1000);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 40> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    out.append(text.data(), size);
    const int printed = std::snprintf(text.data(), text.size(), ".%06ldZ", micros);
    out.append(text.data(), static_cast<std::size_t>(printed));
}

void put_quoted(std::string& out, std::string_view text) {
    out += '"';
    base::append_foreign(out, text, base::Form::json);
    out += '"';
}

bool is_plain(std::string_view text) {
    if (text.empty()) return false;
    for (const char c : text)
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=') return false;
    return true;
}

template <class Number>
void put_number(std::string& out, Number number) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number);
    out.append(text.data(), end.ptr);
}

struct PutValue {
    std::string& out;
    LogFormat format;

    void operator()(std::string_view text) const {
        if (format == LogFormat::text && is_plain(text))
            out += text;
        else
            put_quoted(out, text);
    }
    void operator()(bool yes) const { out += yes ? "true" : "false"; }
    void operator()(std::int64_t number) const { put_number(out, number); }
    void operator()(std::uint64_t number) const { put_number(out, number); }
    void operator()(double number) const {
        if (std::isfinite(number))
            put_number(out, number);
        else
            out += format == LogFormat::json ? "null" : "nan";  // JSON has no such number
    }
};

}  // namespace

std::string_view to_string(Level level) noexcept {
    return level_names[static_cast<std::size_t>(level)];
}

Result<Level> parse_level(std::string_view text) {
    for (std::size_t i = 0; i < level_names.size(); ++i)
        if (level_names[i] == text) return static_cast<Level>(i);
    return fail(Errc::malformed,
                "log level '" + std::string(text) + "', wanted error, warning, info or debug");
}

std::string format_event(LogFormat format, base::Instant time, Level level, std::string_view event,
                         std::initializer_list<Field> fields) {
    std::string line;
    if (format == LogFormat::text) {
        put_time(line, time);
        line += ' ';
        line += to_string(level);
        line += ' ';
        line += event;
        for (const Field& field : fields) {
            line += ' ';
            line += field.name;
            line += '=';
            std::visit(PutValue{line, format}, field.value);
        }
    } else {
        line += R"({"time":")";
        put_time(line, time);
        line += R"(","level":")";
        line += to_string(level);
        line += R"(","event":)";
        put_quoted(line, event);
        for (const Field& field : fields) {
            line += ',';
            put_quoted(line, field.name);
            line += ':';
            std::visit(PutValue{line, format}, field.value);
        }
        line += '}';
    }
    line += '\n';
    return line;
}

Log::Log(Options options) : options_(options), writer_([this] { write_all(); }) {}

Log::~Log() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wakes_.notify_one();
    writer_.join();
}

void Log::put(Level level, std::string_view event, std::initializer_list<Field> fields) {
    if (level > options_.level) return;
    const std::string line = format_event(options_.format, now(), level, event, fields);
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() + line.size() > queue_octets_max) {
            ++dropped_;
            return;
        }
        waiting_ += line;
    }
    wakes_.notify_one();
}

void Log::write_all() {
    std::string lines;
    for (;;) {
        bool last = false;
        {
            std::unique_lock lock(mutex_);
            wakes_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
            lines.clear();
            lines.swap(waiting_);
            if (dropped_ != 0) {
                lines += format_event(options_.format, now(), Level::warning, "log_events_dropped",
                                      {{"count", dropped_}});
                dropped_ = 0;
            }
            last = ending_;
        }
        std::string_view rest = lines;
        while (!rest.empty()) {
            const ssize_t written = write(options_.fd, rest.data(), rest.size());
            if (written > 0) {
                rest.remove_prefix(static_cast<std::size_t>(written));
            } else if (errno == EAGAIN) {
                pollfd ready{options_.fd, POLLOUT, 0};
                poll(&ready, 1, -1);
            } else if (errno != EINTR) {
                break;  // nobody can be told that the log is gone
            }
        }
        if (last) return;
    }
}

}  // namespace zc::runtime
