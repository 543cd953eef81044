#include "edit/words.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace zc::edit {
namespace {

constexpr std::string_view escaped_in_quotes = "\"\\$`";

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r';
}
/// Such a word stands in a line as it is.
bool is_plain(std::string_view word) noexcept {
    constexpr std::string_view marks = "-_.,:;@/+=%*^<>()[]{}!?~&|";
    return !word.empty() && std::ranges::all_of(word, [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               marks.find(c) != std::string_view::npos;
    });
}
std::string column(std::size_t at) {
    return " in column " + std::to_string(at + 1);
}

class Splitter {
public:
    explicit Splitter(std::string_view line) noexcept : line_(line) {}

    Result<std::vector<std::string>> run() {
        if (const std::size_t at = line_.find('\0'); at != std::string_view::npos)
            return fail(Errc::malformed, "found an octet 0" + column(at));
        std::vector<std::string> words;
        for (;;) {
            while (at_ < line_.size() && is_blank(line_[at_])) ++at_;
            if (at_ == line_.size() || line_[at_] == '#') return words;
            ZC_TRY(std::string word, next_word());
            words.push_back(std::move(word));
        }
    }

private:
    Result<std::string> next_word() {
        std::string word;
        while (at_ < line_.size() && !is_blank(line_[at_])) {
            const char c = line_[at_];
            if (c == '\'' || c == '"') {
                ZC_TRY_STATUS(take_quoted(word, c));
            } else if (c == '\\') {
                if (at_ + 1 == line_.size())
                    return fail(
                        Errc::malformed,
                        "found a backslash at the end of the line, wanted an octet behind it");
                word += line_[at_ + 1];
                at_ += 2;
            } else {
                word += c;
                ++at_;
            }
        }
        return word;
    }

    Status take_quoted(std::string& word, char quote) {
        const std::size_t begin = at_++;
        for (; at_ < line_.size() && line_[at_] != quote; ++at_) {
            const bool is_escape = quote == '"' && line_[at_] == '\\' && at_ + 1 < line_.size() &&
                                   escaped_in_quotes.find(line_[at_ + 1]) != std::string_view::npos;
            if (is_escape) ++at_;
            word += line_[at_];
        }
        if (at_ == line_.size())
            return fail(Errc::malformed,
                        "the quote" + column(begin) + " is not closed before the line ends");
        ++at_;
        return {};
    }

    std::string_view line_;
    std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<std::string>> split_line(std::string_view line) {
    return Splitter(line).run();
}

Result<std::string> join_words(std::span<const std::string> words) {
    std::string line;
    for (const std::string& word : words) {
        if (word.find('\n') != std::string::npos || word.find('\0') != std::string::npos)
            return fail(Errc::invalid, "found a line end or an octet 0 in '" + word +
                                           "', wanted a word of one line");
        if (!line.empty()) line += ' ';
        if (is_plain(word)) {
            line += word;
            continue;
        }
        line += '\'';
        for (const char c : word) {
            if (c == '\'')
                line += "'\\''";
            else
                line += c;
        }
        line += '\'';
    }
    return line;
}

}  // namespace zc::edit
