#include "term/terminal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace zc::term {
namespace {

constexpr base::Duration quiet_at_first = base::Duration::seconds(1);
constexpr base::Duration redraw_interval = base::Duration::milliseconds(100);
constexpr base::Duration line_interval = base::Duration::seconds(10);
constexpr unsigned bar_width_max = 30;
constexpr const char* plain_again = "\x1b[0m";

const char* escape_of(Style style) {
    switch (style) {
        case Style::plain:
            return "";
        case Style::bold:
            return "\x1b[1m";
        case Style::dim:
            return "\x1b[2m";
        case Style::red:
            return "\x1b[31m";
        case Style::green:
            return "\x1b[32m";
        case Style::yellow:
            return "\x1b[33m";
    }
    return "";
}

bool wanted(Colour colour, bool is_terminal, const Surroundings& surroundings) {
    switch (colour) {
        case Colour::always:
            return true;
        case Colour::never:
            return false;
        case Colour::automatic:
            return is_terminal && !surroundings.no_color && !surroundings.dumb;
    }
    return false;
}

std::string with_decimals(double value, int decimals) {
    std::array<char, 64> text{};
    static_cast<void>(std::snprintf(text.data(), text.size(), "%.*f", decimals, value));
    return text.data();
}

}  // namespace

Surroundings Surroundings::of_process() {
    Surroundings out;
    out.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
    out.error_is_terminal = ::isatty(STDERR_FILENO) == 1;
    // NOLINTBEGIN(concurrency-mt-unsafe): the environment is read at start, by the only thread
    // there is
    const char* no_color = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    // NOLINTEND(concurrency-mt-unsafe)
    out.no_color = no_color != nullptr && *no_color != '\0';
    out.dumb = term == nullptr || *term == '\0' || std::string_view(term) == "dumb";
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        out.columns = size.ws_col;
    return out;
}

Terminal::Terminal(Options options, Surroundings surroundings, int out, int error)
    : options_(options), surroundings_(surroundings), out_(out), error_(error) {
    colours_out_ = !json() && wanted(options.colour, surroundings.out_is_terminal, surroundings);
    colours_error_ =
        !json() && wanted(options.colour, surroundings.error_is_terminal, surroundings);
    redraws_ = !json() && surroundings.error_is_terminal && !surroundings.dumb &&
               !surroundings.no_color && options.colour != Colour::never;
}

void Terminal::write(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            if (fd == out_) {
                failed_ = true;
                reader_gone_ = errno == EPIPE;
            }
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void Terminal::wipe_bar() {
    if (!std::exchange(bar_shown_, false)) return;
    write(error_, "\r\x1b[K");
}

void Terminal::write_out(const Text& text, base::Form form, std::string_view behind) {
    std::string octets;
    for (const Text::Piece& piece : text.pieces()) {
        const bool styled = colours_out_ && piece.style != Style::plain;
        if (styled) octets += escape_of(piece.style);
        base::append_foreign(octets, piece.text, form);
        if (styled) octets += plain_again;
    }
    octets += behind;
    data(octets);
}

void Terminal::out(const Text& text) {
    write_out(text, base::Form::lines, "");
}

void Terminal::line(const Text& text) {
    write_out(text, base::Form::line, "\n");
}

void Terminal::out(const Json& document) {
    data(document.serialize() + '\n');
}

void Terminal::data(std::string_view octets) {
    wipe_bar();
    write(out_, octets);
}

void Terminal::say(std::string_view text) {
    wipe_bar();
    write(error_, base::foreign(text, base::Form::lines) + '\n');
}

void Terminal::complain(const Error& error) {
    complain(error.text());
}

void Terminal::complain(std::string_view text) {
    say_line(Style::red, "zonectl:", text);
}

void Terminal::warn(std::string_view text) {
    say_line(Style::yellow, "warning:", text);
}

void Terminal::say_line(Style style, std::string_view label, std::string_view text) {
    std::string octets;
    if (colours_error_) octets += escape_of(style);
    octets += label;
    if (colours_error_) octets += plain_again;
    octets += ' ';
    base::append_foreign(octets, text, base::Form::line);
    octets += '\n';
    wipe_bar();
    write(error_, octets);
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::row(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    for (std::string& cell : cells) cell = base::foreign(cell);
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    if (rows_.empty()) return {};
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t width = width_of(columns_[i].title);
        for (const auto& cells : rows_) width = std::max(width, width_of(cells[i]));
        widths.push_back(width);
    }
    std::string out;
    const auto put = [&](std::size_t i, const std::string& cell) {
        const std::string pad(widths[i] - width_of(cell), ' ');
        if (i != 0) out += "  ";
        if (columns_[i].align == Align::right) {
            out += pad + cell;
        } else {
            out += cell;
            if (i + 1 != columns_.size()) out += pad;  // nothing behind the last
        }
    };
    const bool titled = std::any_of(columns_.begin(), columns_.end(),
                                    [](const Column& column) { return !column.title.empty(); });
    if (titled) {
        for (std::size_t i = 0; i < columns_.size(); ++i) put(i, columns_[i].title);
        out += '\n';
    }
    for (const auto& cells : rows_) {
        for (std::size_t i = 0; i < cells.size(); ++i) put(i, cells[i]);
        out += '\n';
    }
    return out;
}

Progress::Progress(Terminal& terminal, std::string label, base::Instant start)
    : terminal_(terminal), label_(std::move(label)), start_(start) {}

Progress::~Progress() {
    finish();
}

std::string Progress::line(std::uint64_t done, std::uint64_t total, base::Instant now) const {
    std::string out = label_ + ' ' + grouped(done);
    const base::Duration elapsed = now - start_;
    if (total != 0) {
        out += " of " + grouped(total);
        const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
        out += ", " + with_decimals(100 * part, 0) + " %";
        if (done != 0 && done < total) {
            const double left = elapsed.as_seconds() * (1 - part) / part;
            out += ", " +
                   in_words(base::Duration::milliseconds(static_cast<std::int64_t>(left * 1000))) +
                   " left";
        }
    } else {
        out += " in " + in_words(elapsed);
    }
    return out;
}

void Progress::update(std::uint64_t done, std::uint64_t total, base::Instant now) {
    if (terminal_.json()) return;
    const base::Duration interval = terminal_.redraws() ? redraw_interval : line_interval;
    if (now - start_ < quiet_at_first) return;
    if (now - shown_.value_or(start_) < interval) return;
    shown_ = now;
    const std::string text = line(done, total, now);
    if (!terminal_.redraws()) {
        terminal_.write(terminal_.error_, text + '\n');
        return;
    }
    std::string bar;
    const std::size_t columns = terminal_.columns();
    if (total != 0 && width_of(text) + 12 < columns) {
        const std::size_t width =
            std::min<std::size_t>(bar_width_max, columns - width_of(text) - 4);
        const std::size_t full = static_cast<std::size_t>(
            static_cast<double>(width) *
            std::min(1.0, static_cast<double>(done) / static_cast<double>(total)));
        bar = '[' + std::string(full, '#') + std::string(width - full, '.') + "] ";
    }
    // The whole is cut to the line: what wraps cannot be wiped.
    const std::string shown = (bar + text).substr(0, columns - 1);
    terminal_.write(terminal_.error_, "\r\x1b[K" + shown);
    terminal_.bar_shown_ = true;
}

void Progress::finish() {
    terminal_.wipe_bar();
}

Screen::Size Screen::size() const {
    winsize size{};
    if (::ioctl(terminal_.error_, TIOCGWINSZ, &size) != 0 || size.ws_col < 20 || size.ws_row < 2)
        return {};
    return {size.ws_col, size.ws_row};
}

void Screen::draw(const std::vector<Line>& lines) {
    const Size now = size();
    std::string out;
    if (drawn_ != 0 && (now.columns != drawn_for_.columns || now.rows != drawn_for_.rows)) {
        // The terminal has wrapped what was there: nobody knows where it stands now.
        out += "\x1b[H\x1b[2J";
    } else if (drawn_ != 0) {
        out += '\r';
        if (drawn_ > 1) out.append("\x1b[").append(std::to_string(drawn_ - 1)).append("A");
    }
    drawn_ = 0;
    for (const Line& line : lines) {
        if (drawn_ == now.rows) break;
        if (drawn_ != 0) out += '\n';
        const std::string text = cut(base::foreign(line.text), now.columns - 1);
        if (line.style == Style::plain || !terminal_.colours_error())
            out += text;
        else
            out += escape_of(line.style) + text + plain_again;
        out += "\x1b[K";
        ++drawn_;
    }
    out += "\x1b[J";
    drawn_for_ = now;
    terminal_.write(terminal_.error_, out);
}

void Screen::finish() {
    if (drawn_ == 0) return;
    std::string out = "\r";
    if (drawn_ > 1) out.append("\x1b[").append(std::to_string(drawn_ - 1)).append("A");
    terminal_.write(terminal_.error_, out + "\x1b[J");
    drawn_ = 0;
}

// Continuation octets of UTF-8 take no column.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
    }));
}

std::string cut(std::string_view text, std::size_t columns) {
    std::size_t at = 0;
    for (std::size_t width = 0; at < text.size(); ++at) {
        if ((static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80) continue;
        if (++width > columns) break;
    }
    return std::string(text.substr(0, at));
}

std::string grouped(std::uint64_t number) {
    std::string out = std::to_string(number);
    for (std::size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, 1, ',');
    return out;
}

std::string in_words(base::Duration duration) {
    const double seconds = duration.as_seconds();
    if (seconds < 0.0995) return with_decimals(seconds * 1000, 1) + " ms";
    if (seconds < 99.5) return with_decimals(seconds, 1) + " s";
    const std::int64_t whole = duration.whole_seconds();
    const std::int64_t minutes = whole / 60;
    if (minutes < 120) return std::to_string(minutes) + " min " + std::to_string(whole % 60) + " s";
    const std::int64_t hours = minutes / 60;
    if (hours < 48) return std::to_string(hours) + " h " + std::to_string(minutes % 60) + " min";
    return std::to_string(hours / 24) + " d " + std::to_string(hours % 24) + " h";
}

std::string octets_in_words(std::uint64_t octets) {
    if (octets < 1024) return std::to_string(octets) + " B";
    double value = static_cast<double>(octets);
    const char* unit = "B";
    for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
        if (value < 1024) break;
        value /= 1024;
        unit = next;
    }
    return with_decimals(value, 1) + ' ' + unit;
}

}  // namespace zc::term
