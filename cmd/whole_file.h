// A file that is read whole, or written whole or not at all.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace zc::cmd {

/// All of a file that a running node may have to read again: it is never waited for, so a FIFO or a
/// socket of that name is refused. Errors: `not_found`, `io`, `invalid`, `limit`, with the path.
Result<std::string> read_whole(const std::string& path, std::size_t octets_max);

/// The file that is written first, and the one whose place it takes once it is complete. Both are
/// one path if a device or a FIFO stands there: it is written into.
struct WholeFile {
    std::string part;
    std::string target;
    bool is_in_place() const { return part == target; }
};
WholeFile whole_file(const std::string& path);

/// Writes a file beside `path` that takes its place once it is complete; if `path` is a symbolic
/// link, the place of the file that the link leads to. A device or a FIFO is written into. Error:
/// `io` with the path; a regular file is as it was.
Status write_whole(const std::string& path, std::string_view octets);

}  // namespace zc::cmd
