#include "runtime/log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <climits>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <new>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include "base/foreign_text.h"
#include "base/utc_text.h"
#include "runtime/clock.h"

namespace zc::runtime {
namespace {

constexpr int poll_milliseconds = 50;  // how soon the thread notices the end
// Beyond its deadline the thread is given this long to notice; then it stands in write(2).
constexpr base::Duration leave_patience = base::Duration::milliseconds(500);
constexpr std::array<std::string_view, 4> level_names = {"error", "warning", "info", "debug"};

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
        base::append_utc(line, time, base::UtcForm::iso_micros);
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
        base::append_utc(line, time, base::UtcForm::iso_micros);
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

struct Log::State {
    explicit State(const Options& of) : options(of) {}

    void write_all();
    /// False: the deadline of the end has passed.
    bool write(std::string_view lines);
    bool is_late();

    const Options options;
    std::mutex mutex;  // guards what follows
    std::condition_variable wakes, wakes_finisher;
    std::string waiting;
    std::uint64_t dropped = 0;
    bool ending = false, ended = false;
    base::Duration deadline;  // of the end, once `ending`
};

Log::Log(Options options) : options_(options), state_(std::make_shared<State>(options)) {
    writer_ = std::thread([state = state_] { state->write_all(); });
}

Log::~Log() {
    finish(end_patience);
}

bool Log::finish(base::Duration patience) {
    if (!writer_.joinable()) return true;
    std::unique_lock lock(state_->mutex);
    state_->ending = true;
    state_->deadline = monotonic() + patience;
    state_->wakes.notify_one();
    const base::Duration longest = patience + leave_patience;
    state_->wakes_finisher.wait_for(lock, std::chrono::nanoseconds(longest.nanoseconds),
                                    [this] { return state_->ended; });
    const bool ended = state_->ended;
    const bool complete = ended && state_->waiting.empty();
    lock.unlock();
    if (ended)
        writer_.join();
    else
        writer_.detach();
    return complete;
}

void Log::put(Level level, std::string_view event, std::initializer_list<Field> fields) {
    if (level > options_.level) return;
    const std::string line = format_event(options_.format, now(), level, event, fields);
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->ending || state_->waiting.size() + line.size() > queue_octets_max) {
            ++state_->dropped;
            return;
        }
        state_->waiting += line;
    }
    state_->wakes.notify_one();
}

bool Log::State::is_late() {
    const std::lock_guard lock(mutex);
    return ending && monotonic() >= deadline;
}

bool Log::State::write(std::string_view lines) {
    // A pipe that poll() says is writable takes this much without waiting. The descriptor itself
    // stays blocking: others have it too.
    constexpr std::size_t octets_at_once = PIPE_BUF;
    while (!lines.empty()) {
        pollfd ready{options.fd, POLLOUT, 0};
        const int polled = poll(&ready, 1, poll_milliseconds);
        if (polled == 0 || (polled < 0 && errno == EINTR)) {
            if (is_late()) return false;
            continue;
        }
        const ssize_t written =
            ::write(options.fd, lines.data(), std::min(lines.size(), octets_at_once));
        if (written > 0)
            lines.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR && errno != EAGAIN)
            return true;  // nobody can be told that the log is gone
    }
    return true;
}

void Log::State::write_all() {
    std::string lines;
    for (bool last = false; !last;) {
        try {
            std::unique_lock lock(mutex);
            wakes.wait(lock, [this] { return ending || !waiting.empty(); });
            lines.clear();
            lines.swap(waiting);
            last = ending;
            if (dropped != 0)
                lines += format_event(options.format, now(), Level::warning, "log_events_dropped",
                                      {{"count", dropped}});
            dropped = 0;
        } catch (const std::bad_alloc&) {
            // It is told of with the next lines.
        }
        if (write(lines)) continue;
        const std::lock_guard lock(mutex);
        waiting = std::move(lines);
        break;
    }
    const std::lock_guard lock(mutex);
    ended = true;
    wakes_finisher.notify_all();
}

}  // namespace zc::runtime
