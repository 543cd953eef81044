#include "dns/lexer.h"

namespace zc::dns {

void Lexer::skip_comment() noexcept {
    while (at_ != end_ && class_of(*at_) != Class::line_end) ++at_;
}

bool Lexer::next_quoted(Token& token) noexcept {
    const char* const start = ++at_;
    token.quoted = true;
    token.escaped = false;
    while (true) {
        while (at_ != end_ && *at_ != '"' && *at_ != '\\' && class_of(*at_) != Class::line_end)
            ++at_;
        // A string ends on its line: with one quote forgotten the rest of the file would be a
        // string.
        if (at_ == end_ || class_of(*at_) == Class::line_end) return stop(Fault::quote_open);
        if (*at_ == '"') break;
        token.escaped = true;
        ++at_;
        if (at_ != end_ && class_of(*at_) != Class::line_end) ++at_;
    }
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
