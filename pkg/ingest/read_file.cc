#include "ingest/read_file.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace zc::ingest {

namespace {
constexpr std::uint64_t octets_min = 65536;
constexpr std::uint64_t grown_octets_max = 1 << 20;            // of a file since its size was asked
constexpr std::size_t octets_at_once = std::size_t{16} << 20;  // then the stop is looked at
}  // namespace

Result<std::string_view> FileBuffer::read(int fd, std::optional<std::uint64_t> size_or_none,
                                          std::uint64_t octets_max,
                                          const std::atomic<bool>* stop_or_null) {
    const std::uint64_t expected = size_or_none.value_or(0);
    if (expected > octets_max) {
        return fail(Errc::limit, "a file of " + std::to_string(expected) + " octets, limit is " +
                                     std::to_string(octets_max));
    }
    // One octet more than expected: a short count then says that the end was reached, without a
    // second call.
    if (octets_.size() <= expected)
        octets_.resize(std::max(expected + 1 + expected / 4, octets_min));
    std::size_t size = 0;
    for (;;) {
        if (stop_or_null != nullptr && stop_or_null->load(std::memory_order_relaxed))
            return fail(Errc::interrupted, "stopped while reading");
        const ssize_t count =
            ::read(fd, octets_.data() + size, std::min(octets_.size() - size, octets_at_once));
        if (count < 0) {
            if (errno == EINTR) continue;
            return base::fail_errno(errno, "read");
        }
        size += static_cast<std::size_t>(count);
        if (count == 0 || (size == expected && size < octets_.size())) break;
        if (size_or_none && size > expected + grown_octets_max) {
            return fail(Errc::invalid,
                        "has more than the " + std::to_string(expected) + " octets of its size");
        }
        if (size > octets_max) {
            return fail(Errc::limit,
                        "a file of more than " + std::to_string(octets_max) + " octets");
        }
        if (size == octets_.size()) octets_.resize(size * 2);
    }
    return std::string_view(octets_.data(), size);
}

Result<RegularFile> open_regular(int directory, const char* path) {
    RegularFile file;
    file.descriptor =
        Descriptor(::openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.descriptor.is_open() || ::fstat(file.descriptor.get(), &file.status) != 0)
        return base::fail_errno(errno, "open");
    if (!S_ISREG(file.status.st_mode)) return fail(Errc::invalid, "not a regular file");
    return file;
}

Result<std::string> read_whole_file(const std::string& path, std::uint64_t octets_max,
                                    const std::atomic<bool>* stop_or_null) {
    FileBuffer buffer;
    const auto read = [&]() -> Result<std::string_view> {
        ZC_TRY(const RegularFile file, open_regular(AT_FDCWD, path.c_str()));
        return buffer.read(file.descriptor.get(), static_cast<std::uint64_t>(file.status.st_size),
                           octets_max, stop_or_null);
    };
    auto text = read();
    if (!text) {
        Error error = std::move(text).error();
        error.message = path + ": " + error.message;
        return tl::unexpected<Error>(std::move(error));
    }
    return std::string(*text);
}

}  // namespace zc::ingest
