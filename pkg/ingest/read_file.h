// Inside of package ingest: the contents of small files.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include "base/result.h"
#include "ingest/zone_walk.h"

namespace zc::ingest {

/// A buffer that many files are read into, one after the other: grown, never cleared.
class FileBuffer {
public:
    /// Reads the open file to its end. With its size it costs one call to the system. Errors: `io`,
    /// `limit` over `octets_max`, `invalid` when much more comes than the size says (files of /proc
    /// have no size and may have no end), `interrupted`.
    Result<std::string_view> read(int fd, std::optional<std::uint64_t> size_or_none,
                                  std::uint64_t octets_max,
                                  const std::atomic<bool>* stop_or_null = nullptr);

private:
    std::vector<char> octets_;
};

struct RegularFile {
    Descriptor descriptor;
    struct stat status {};
};
/// Opens a file that a zone, a list or a directory names, relative to `directory` (AT_FDCWD: the
/// working one). Never waits: a FIFO, a terminal or a device of that name must not hold up all
/// other zones. Errors: `not_found`, `io`, `invalid` for what is no regular file; the message is
/// without the path.
Result<RegularFile> open_regular(int directory, const char* path);

/// Opens a regular file, reads and closes. Errors: those of `open_regular` and `FileBuffer::read`;
/// the message has the path.
Result<std::string> read_whole_file(const std::string& path, std::uint64_t octets_max,
                                    const std::atomic<bool>* stop_or_null = nullptr);

}  // namespace zc::ingest
