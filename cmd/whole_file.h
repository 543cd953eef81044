// A file that is read whole, or written whole or not at all.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace zc::cmd {

/// All of a file that a running node may have to read again: it is never waited for, so a FIFO or a
/// socket of that name is refused. Errors: `not_found`, `io`, `invalid`, `limit`, with the path.
Result<std::string> read_whole(const std::string& path, std::size_t octets_max);

/// Where the octets of a file that is written whole go first, and what that takes the place of once
/// it is complete. The same path twice: what stands there is no regular file and is written into.
struct WholeFile {
    std::string part;
    std::string target;
    bool is_in_place() const { return part == target; }
};
WholeFile whole_file(const std::string& path);

/// A file beside it takes the place of `path` once it is complete; behind a symbolic link, of what
/// it leads to. What is no regular file (a device, a FIFO) is written into. Error: `io` with the
/// path; a regular file is as it was.
Status write_whole(const std::string& path, std::string_view octets);

}  // namespace zc::cmd
