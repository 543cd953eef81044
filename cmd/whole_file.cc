#include "whole_file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zc::cmd {

namespace {

Status write_into(const std::string& path, std::string_view octets) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    if (!out) return base::fail_errno(errno, path);
    out.write(octets.data(), static_cast<std::streamsize>(octets.size()));
    out.close();
    if (!out) return base::fail_errno(errno, path);
    return {};
}

}  // namespace

Result<std::string> read_whole(const std::string& path, std::size_t octets_max) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) != 0) {
        const int error = errno;
        if (fd >= 0) ::close(fd);
        return base::fail_errno(error, path);
    }
    std::string out;
    Result<std::string> result;
    if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) {
        result = fail(Errc::invalid, "not a regular file", {path, 0});
    } else {
        std::array<char, 4096> block{};
        ssize_t got = 0;
        while (out.size() <= octets_max) {
            got = ::read(fd, block.data(), block.size());
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) break;
            out.append(block.data(), static_cast<std::size_t>(got));
        }
        if (got < 0)
            result = base::fail_errno(errno, path);
        else if (out.size() > octets_max)
            result =
                fail(Errc::limit, "more than " + std::to_string(octets_max) + " octets", {path, 0});
        else
            result = std::move(out);
    }
    ::close(fd);
    return result;
}

WholeFile whole_file(const std::string& path) {
    std::error_code ignored;
    const auto type = std::filesystem::status(path, ignored).type();
    using std::filesystem::file_type;
    if (type != file_type::regular && type != file_type::not_found && type != file_type::none)
        return {path, path};
    std::string target = path;
    if (type == file_type::regular)
        if (const auto real = std::filesystem::canonical(path, ignored); !ignored)
            target = real.string();
    return {target + ".part", target};
}

Status write_whole(const std::string& path, std::string_view octets) {
    const WholeFile file = whole_file(path);
    const auto& [part, target] = file;
    if (file.is_in_place()) return write_into(path, octets);
    if (Status status = write_into(part, octets); !status) {
        static_cast<void>(::unlink(part.c_str()));
        return status;
    }
    if (std::rename(part.c_str(), target.c_str()) == 0) return {};
    const int error = errno;
    static_cast<void>(::unlink(part.c_str()));
    return base::fail_errno(error, target);
}

}  // namespace zc::cmd
