#include "ingest/read_file.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/zone_walk.h"

namespace zc::ingest {

namespace {
constexpr std::uint64_t octets_min = 65536;
}

Result<std::string_view> FileBuffer::read(int fd, std::uint64_t expected,
                                          std::uint64_t octets_max) {
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
        const ssize_t count = ::read(fd, octets_.data() + size, octets_.size() - size);
        if (count < 0) {
            if (errno == EINTR) continue;
            return base::fail_errno(errno, "read");
        }
        size += static_cast<std::size_t>(count);
        if (count == 0 || (size == expected && size < octets_.size())) break;
        if (size > octets_max) {
            return fail(Errc::limit,
                        "a file of more than " + std::to_string(octets_max) + " octets");
        }
        if (size == octets_.size()) octets_.resize(size * 2);
    }
    return std::string_view(octets_.data(), size);
}

Result<std::string> read_whole_file(const std::string& path, std::uint64_t octets_max) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return base::fail_errno(errno, "open " + path);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return base::fail_errno(errno, "stat " + path);
    FileBuffer buffer;
    const std::uint64_t expected =
        S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
    auto text = buffer.read(file.get(), expected, octets_max);
    if (!text) {
        Error error = std::move(text).error();
        error.message = path + ": " + error.message;
        return tl::unexpected<Error>(std::move(error));
    }
    return std::string(*text);
}

}  // namespace zc::ingest
