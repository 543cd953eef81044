// The output of a verb: results on stdout, all else on stderr; for people or for programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/foreign_text.h"
#include "base/result.h"
#include "base/time.h"
#include "term/json.h"

namespace zc::term {

enum class Colour : std::uint8_t { automatic, always, never };
enum class Output : std::uint8_t { people, json };
enum class Style : std::uint8_t { plain, bold, dim, red, green, yellow };

struct Options {
    Colour colour = Colour::automatic;
    Output output = Output::people;
};

/// The environment of the process, as a value that tests can give.
struct Surroundings {
    bool out_is_terminal = false;
    bool error_is_terminal = false;
    bool no_color = false;  // NO_COLOR is set and not empty (no-color.org)
    bool dumb = false;      // TERM is "dumb" or not set
    unsigned columns = 80;  // of the terminal on stderr

    static Surroundings of_process();
};

/// Text for people, in pieces with a style each. Colours are data here and never octets of the
/// text, so that nobody else's text can bring its own.
class Text {
public:
    struct Piece {
        Style style = Style::plain;
        std::string text;
    };

    Text() = default;
    // NOLINTBEGIN(google-explicit-constructor): text without a style is text
    Text(std::string_view text) : pieces_{{Style::plain, std::string(text)}} {}
    Text(const std::string& text) : pieces_{{Style::plain, text}} {}
    Text(const char* text) : pieces_{{Style::plain, text}} {}
    Text(char character) : pieces_{{Style::plain, std::string(1, character)}} {}
    // NOLINTEND(google-explicit-constructor)
    Text(Style style, std::string_view text) : pieces_{{style, std::string(text)}} {}

    Text& operator+=(const Text& more) {
        pieces_.insert(pieces_.end(), more.pieces_.begin(), more.pieces_.end());
        return *this;
    }
    friend Text operator+(Text left, const Text& right) { return left += right; }
    const std::vector<Piece>& pieces() const noexcept { return pieces_; }

private:
    std::vector<Piece> pieces_;
};

/// Where output goes. Write errors are kept, not thrown: a closed pipe ends a verb with `failed()`.
class Terminal {
public:
    explicit Terminal(Options options, Surroundings surroundings = Surroundings::of_process(),
                      int out = 1, int error = 2);

    bool json() const noexcept { return options_.output == Output::json; }
    /// May stdout (stderr) carry colours: wanted, and a terminal that can.
    bool colours_out() const noexcept { return colours_out_; }
    bool colours_error() const noexcept { return colours_error_; }
    /// May a progress bar be redrawn in place.
    bool redraws() const noexcept { return redraws_; }
    unsigned columns() const noexcept { return surroundings_.columns; }

    /// Results for people, of one or several lines; shown as base::Form::lines.
    void out(const Text& text);
    /// One line of results, a newline added. Newlines of the text itself are escaped: for lines
    /// that have text of others in them.
    void line(const Text& text);
    /// A JSON document, one line.
    void out(const Json& document);
    /// Octets as they are: zone files, dumps, pages, and text that can hold nothing but printable
    /// ASCII.
    void data(std::string_view octets);
    /// A message to people on stderr, a newline added; a bar that stands there is wiped first.
    /// Shown as base::Form::lines.
    void say(std::string_view text);
    /// The same of one line: as base::Form::line.
    void complain(const Error& error);
    void complain(std::string_view text);
    void warn(std::string_view text);

    /// Some result could not be written (a closed pipe, a full disk).
    bool failed() const noexcept { return failed_; }
    /// That was because nobody reads it any more (`| head`): nothing to complain of.
    bool reader_gone() const noexcept { return reader_gone_; }

private:
    friend class Progress;
    friend class Screen;
    void write(int fd, std::string_view text);
    void write_out(const Text& text, base::Form form, std::string_view behind);
    void say_line(Style style, std::string_view label, std::string_view text);
    void wipe_bar();

    Options options_;
    Surroundings surroundings_;
    int out_, error_;
    bool colours_out_, colours_error_, redraws_;
    bool bar_shown_ = false;
    bool failed_ = false;
    bool reader_gone_ = false;
};

/// Columns for people; nothing parses it.
class Table {
public:
    enum class Align : std::uint8_t { left, right };
    struct Column {
        std::string title;
        Align align = Align::left;
    };

    explicit Table(std::vector<Column> columns);
    /// One cell a column, shown as base::Form::line.
    void row(std::vector<std::string> cells);
    /// Lines with two blanks between columns, and a line of titles if there is one row at least.
    std::string text() const;
    std::size_t rows() const noexcept { return rows_.size(); }

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

/// Progress of long work on stderr: a bar redrawn ten times a second where that works, a line each
/// ten seconds where it does not, nothing with `--json`. Work that ends within a second shows
/// nothing.
class Progress {
public:
    Progress(Terminal& terminal, std::string label, base::Instant start);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// `total` 0: not known. Cheap; call it as often as you like.
    void update(std::uint64_t done, std::uint64_t total, base::Instant now);
    /// Wipes the bar; the caller says how it ended.
    void finish();

private:
    std::string line(std::uint64_t done, std::uint64_t total, base::Instant now) const;

    Terminal& terminal_;
    std::string label_;
    base::Instant start_;
    std::optional<base::Instant> shown_;
};

/// Lines on stderr that are drawn again in place, where `Terminal::redraws`. Nothing about the
/// terminal is changed for it (no other screen, no hidden cursor), so that nothing has to be put
/// back when the process ends in whatever way.
class Screen {
public:
    struct Size {
        unsigned columns = 80, rows = 24;
    };
    struct Line {
        std::string text;  // shown as base::Form::line; what is longer than the line is cut
        Style style = Style::plain;
    };

    explicit Screen(Terminal& terminal) : terminal_(terminal) {}
    ~Screen() { finish(); }
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    /// The size of the terminal now; it may have been resized.
    Size size() const;
    /// As many lines as there is room for.
    void draw(const std::vector<Line>& lines);
    /// Wipes what was drawn.
    void finish();

private:
    Terminal& terminal_;
    std::size_t drawn_ = 0;  // lines
    Size drawn_for_;
};

/// `text` cut to `columns`, if each character takes one.
std::string cut(std::string_view text, std::size_t columns);
/// How many columns `text` takes, if each character takes one.
std::size_t width_of(std::string_view text);

/// "1234567" → "1,234,567".
std::string grouped(std::uint64_t number);
/// "3.2 s", "4 min 10 s": for people.
std::string in_words(base::Duration duration);
/// "812 B", "3.4 MiB": for people.
std::string octets_in_words(std::uint64_t octets);

}  // namespace zc::term
