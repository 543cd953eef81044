// Text that somebody else wrote (a row, a file name, a peer's message) on its way out: to a screen,
// the log, a report, JSON or a page. This is the only place that decides which characters a reader
// may be shown.
//
// Not shown are control characters (C0, DEL, C1, so also ESC and BEL), marks of direction (U+061C,
// U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), what has no width (U+00AD, U+180E, U+200B to
// U+200D, U+2060 to U+206F, U+FEFF, U+FFF9 to U+FFFB, U+E0000 to U+E007F), the separators of lines
// and paragraphs U+2028 and U+2029, and octets that are not UTF-8 (RFC 3629). Each octet of these
// is written as \xHH; a newline, carriage return or tab as \n, \r, \t.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zc::base {

/// The place where the text will stand.
enum class Form : std::uint8_t {
    line,    // within one line. A backslash stays as it is, so that \DDD of a name can be read
    lines,   // several lines: newlines and tabs stay. For whole outputs, not for a value in them
    column,  // one value of a tab-separated file. Backslashes are doubled, as in PostgreSQL's COPY
             // text format, so that the octets can be had back
    json,    // the inside of a JSON string. \uXXXX in place of \xHH: the value is lossless, except
             // that JSON cannot hold octets that are not UTF-8, which become the four characters
             // \xHH
    html,    // text of an HTML element or a quoted attribute; newlines stay
};

/// Cost: one look at each octet when all is printable ASCII.
void append_foreign(std::string& out, std::string_view text, Form form);
std::string foreign(std::string_view text, Form form = Form::line);

/// Octets of the UTF-8 sequence at the front of `text` (RFC 3629); 0 when there is none.
std::size_t utf8_octets(std::string_view text) noexcept;

}  // namespace zc::base
