// Inside of package ingest: the contents of small files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zc::ingest {

/// A buffer that many files are read into, one after the other: grown, never cleared.
class FileBuffer {
public:
    /// Reads the open file to its end. `expected` is its size, so that it costs one call to the
    /// system; 0 when not known. Errors: `io`, `limit` over `octets_max`.
    Result<std::string_view> read(int fd, std::uint64_t expected, std::uint64_t octets_max);

private:
    std::vector<char> octets_;
};

/// Opens, reads and closes. Errors: `not_found`, `io`, `limit`; the message has the path.
Result<std::string> read_whole_file(const std::string& path, std::uint64_t octets_max);

}  // namespace zc::ingest
