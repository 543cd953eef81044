// A file that is written beside another and takes its place at once: kill -9 leaves the old one or
// the new one.
#pragma once

#include <cstdint>
#include <string>

#include "base/octets.h"
#include "base/result.h"

namespace zc::store {

/// A new, empty file under a temporary name, locked against other processes (flock). A file
/// that an earlier process left under that name is removed. Removed when destroyed before it was
/// published.
class LockedFile {
public:
    /// How much may wait in memory before the disk is told to begin.
    static constexpr std::uint64_t write_back_octets = std::uint64_t{32} << 20;

    LockedFile() = default;
    /// Errors: `busy` when another process writes it.
    static Result<LockedFile> create(const std::string& path);
    LockedFile(LockedFile&& other) noexcept;
    LockedFile& operator=(LockedFile&& other) noexcept;
    ~LockedFile();

    /// Empty: none, or published.
    const std::string& path() const noexcept { return path_; }
    Status write(base::Octets octets);
    Status write_at(std::uint64_t offset, base::Octets octets);
    /// Asks the kernel to write what is dirty, and does not wait.
    void start_writing_back() noexcept;

    /// Makes the content durable; `publish` has less to wait for then.
    Status sync();

    /// Nobody may write to it from now on, as far as its mode says so.
    Status make_read_only();

    enum class Target : std::uint8_t { may_exist, must_not_exist };
    /// Makes the content durable, then the name `target`; and closes. Errors: `full`, `io`,
    /// `exists`: then the name is not there. Gives a problem in words when it is there, but may not
    /// outlast a power loss.
    Result<std::string> publish(const std::string& target, Target existing);

private:
    LockedFile(int fd, std::string path) noexcept;
    int fd_ = -1;
    std::string path_;
};

/// Removes a file that a process which was killed left under a temporary name. One that is being
/// written stays, and one that may not be removed.
void remove_leftover(const std::string& path) noexcept;

}  // namespace zc::store
