#include "dns/lexer.h"

namespace zc::dns {

void Lexer::skip_comment() noexcept {
    while (at_ != end_ && class_of(*at_) != Class::line_end) ++at_;
}

bool Lexer::next_quoted(Token& token) noexcept {
    const char* const start = ++at_;
    const std::uint64_t line = line_;
    const char* const limit = end_ - start > quoted_octets_max ? start + quoted_octets_max : end_;
    token.quoted = true;
    token.escaped = false;
    for (; at_ < limit && *at_ != '"'; ++at_) {
        if (*at_ == '\\') {
            token.escaped = true;
            if (++at_ == limit) break;
        }
        // Line ends are part of the string (RFC 1035 section 5.1). A CRLF is one line.
        if (*at_ == '\n' || (*at_ == '\r' && (at_ + 1 == end_ || at_[1] != '\n'))) ++line_;
    }
    if (at_ >= limit) {
        // Most likely the quote was forgotten: the next line is read as one again.
        at_ = start;
        quote_line_ = line_ = line;
        while (at_ != end_ && class_of(*at_) != Class::line_end) ++at_;
        return stop(Fault::quote_open);
    }
    if (line_ != line && strings_over_lines_++ == 0) string_over_lines_line_ = line;
    token.text = {start, static_cast<std::size_t>(at_ - start)};
    ++at_;
    return true;
}

void Lexer::skip_entry() noexcept {
    Token ignored;
    do {
        if (fault_ == Fault::parenthesis_closed) ++at_;
        fault_ = Fault::none;
        while (next(ignored)) {
        }
        // With an open parenthesis and no text left there is nothing behind this entry.
    } while (fault_ != Fault::none && fault_ != Fault::parenthesis_open);
    fault_ = Fault::none;
    depth_ = 0;
    if (at_ != end_) skip_line_end();
}

}  // namespace zc::dns
