#include "store/file.h"

#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zc::store {
namespace {

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

LockedFile::LockedFile(int fd, std::string path) noexcept : fd_(fd), path_(std::move(path)) {}

LockedFile::LockedFile(LockedFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::exchange(other.path_, {})) {}

LockedFile& LockedFile::operator=(LockedFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    return *this;
}

LockedFile::~LockedFile() {
    if (fd_ < 0) return;
    // In this order: once it is unlocked it may be another process's.
    if (!path_.empty()) ::unlink(path_.c_str());
    ::close(fd_);
}

namespace {

/// Whether the name still means the file that is held.
bool is_named(int fd, const std::string& path) {
    struct stat held {};
    struct stat named {};
    return ::fstat(fd, &held) == 0 && ::lstat(path.c_str(), &named) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

/// Errors: `busy` when another process writes it.
Status clear_leftover(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return errno == ENOENT ? Status() : Status(base::fail_errno(errno, "open " + path));
    const bool locked = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    const int lock_error = errno;
    int remove_error = 0;
    if (locked && is_named(fd, path) && ::unlink(path.c_str()) != 0) remove_error = errno;
    ::close(fd);
    if (!locked && lock_error == EWOULDBLOCK)
        return fail(Errc::busy, "another process is writing it", {.source = path});
    if (!locked) return base::fail_errno(lock_error, "lock " + path);
    if (remove_error != 0) return base::fail_errno(remove_error, "remove " + path);
    return {};
}

}  // namespace

void remove_leftover(const std::string& path) noexcept {
    static_cast<void>(clear_leftover(path));
}

Result<LockedFile> LockedFile::create(const std::string& path) {
    // Between open and flock another process may take the file for a leftover and remove it; then
    // the lock is on what has no name any more. So look again whether the name means this file.
    constexpr int tries_max = 10;
    for (int i = 0; i < tries_max; ++i) {
        ZC_TRY_STATUS(clear_leftover(path));
        const int fd =
            ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0 && errno == EEXIST) continue;
        if (fd < 0) return base::fail_errno(errno, "create " + path);
        LockedFile file(fd, {});  // without the name: nothing is removed before it is ours
        if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) continue;
            return base::fail_errno(errno, "lock " + path);
        }
        if (!is_named(fd, path)) continue;
        file.path_ = path;
        return file;
    }
    return fail(Errc::busy, "other processes keep replacing it", {.source = path});
}

Status LockedFile::write(base::Octets octets) {
    while (!octets.empty()) {
        const ssize_t done = ::write(fd_, octets.data(), octets.size());
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return base::fail_errno(errno, "write " + path_);
        octets = octets.subspan(static_cast<std::size_t>(done));
    }
    return {};
}

Status LockedFile::write_at(std::uint64_t offset, base::Octets octets) {
    while (!octets.empty()) {
        const ssize_t done =
            ::pwrite(fd_, octets.data(), octets.size(), static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return base::fail_errno(errno, "write " + path_);
        octets = octets.subspan(static_cast<std::size_t>(done));
        offset += static_cast<std::uint64_t>(done);
    }
    return {};
}

void LockedFile::start_writing_back() noexcept {
    // A hint: an error will come back from fsync.
    ::sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE);
}

Status LockedFile::sync() {
    if (::fsync(fd_) != 0) return base::fail_errno(errno, "sync " + path_);
    return {};
}

Status LockedFile::make_read_only() {
    if (::fchmod(fd_, S_IRUSR | S_IRGRP) != 0) return base::fail_errno(errno, "chmod " + path_);
    return {};
}

Result<std::string> LockedFile::publish(const std::string& target, Target existing) {
    ZC_TRY_STATUS(sync());
    const unsigned flags = existing == Target::must_not_exist ? unsigned{RENAME_NOREPLACE} : 0U;
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), flags) != 0) {
        if (errno == EEXIST)
            return fail(Errc::exists, "another process made it meanwhile", {.source = target});
        return base::fail_errno(errno, "rename " + path_ + " to " + target);
    }
    path_.clear();
    ::close(std::exchange(fd_, -1));
    // The name is durable when its folder is.
    const std::string folder = folder_of(target);
    const int folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int synced = folder_fd < 0 ? -1 : ::fsync(folder_fd);
    const int sync_error = errno;
    if (folder_fd >= 0) ::close(folder_fd);
    if (synced == 0) return std::string();
    return base::fail_errno(sync_error, "sync " + folder).value().text();
}

}  // namespace zc::store
