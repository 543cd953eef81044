// A line of commands as words, and words as a line.
//
// Quoting is that of a shell, so that a command can be taken from a terminal into a file:
//   'text'   every octet as it is
//   "text"   the same, but \" \\ \$ and \` stand for the octet behind the backslash
//   \x       outside of quotes: x
//   #        at the beginning of a word: the rest of the line is a comment
// Nothing is expanded. A TXT record's own quotes are part of its word: '"v=spf1 -all"'.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zc::edit {

/// The words of a line without its end; none of an empty line or a comment. Errors, `malformed`: a
/// quote that is not closed, a backslash at the end, an octet 0.
Result<std::vector<std::string>> split_line(std::string_view line);

/// A line that `split_line` makes the same words of. Errors, `invalid`: a word with a line end or an
/// octet 0 in it, which no line can have.
Result<std::string> join_words(std::span<const std::string> words);

}  // namespace zc::edit
