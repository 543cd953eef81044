#include "whole_file.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

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

Status write_whole(const std::string& path, std::string_view octets) {
    std::error_code ignored;
    const auto type = std::filesystem::status(path, ignored).type();
    using std::filesystem::file_type;
    if (type != file_type::regular && type != file_type::not_found && type != file_type::none)
        return write_into(path, octets);
    std::string target = path;
    if (type == file_type::regular)
        if (const auto real = std::filesystem::canonical(path, ignored); !ignored)
            target = real.string();
    const std::string part = target + ".part";
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
