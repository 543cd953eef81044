// Inside of package capture: the octets of a file in order, with its head looked at first.
#pragma once

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "runtime/byte_source.h"

namespace zc::capture {

/// A file, a pipe or octets in memory, read once from the front. Not seekable, so that what a
/// program writes can be read like a file.
class Input {
public:
    /// "-" is stdin. A pipe or a device may keep a reader waiting for ever: `read` gives it up with
    /// `interrupted` soon after the flag is set, if there is one.
    static Result<std::unique_ptr<Input>> open(const std::string& path,
                                               const std::atomic<bool>* stop_or_null);
    static std::unique_ptr<Input> memory(base::Octets octets);
    /// `input` by its first octets: what they decompress to (gzip, zstd, xz), else itself. Takes no
    /// more of a pipe than it needs to tell. Error: `unsupported`, another compression.
    static Result<std::unique_ptr<Input>> decompressed(std::unique_ptr<Input> input);
    ~Input();
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    /// The first `count` octets or fewer, if there are no more; they are read again.
    Result<base::Octets> head(std::size_t count);
    /// 1 to out.size() octets, or 0 at the end.
    Result<std::size_t> read(base::MutableOctets out);
    /// `read` would not wait.
    bool ready() const noexcept;

    /// Opening the same path again gives the same octets: a regular file, and not one that only
    /// this process knows by that path (stdin, /dev/fd/N).
    bool repeats() const noexcept { return repeats_; }

    const std::string& name() const noexcept { return name_; }
    /// How far along, in octets as they lie on disk.
    std::uint64_t taken() const noexcept { return inner_ ? inner_->position() : taken_; }
    std::uint64_t total() const noexcept { return total_; }  // 0: not known

private:
    Input(int fd, std::string name, std::uint64_t total) noexcept;
    Result<std::size_t> read_more(base::MutableOctets out);
    Status wait() const;

    int fd_ = -1;
    const std::atomic<bool>* stop_or_null_ = nullptr;  // of a regular file: none
    bool is_regular_ = false;
    std::string name_;
    bool repeats_ = false;
    std::vector<std::uint8_t> head_;
    std::size_t head_at_ = 0;
    base::Octets memory_;
    std::unique_ptr<runtime::ByteSource> inner_;  // of what is decompressed: in place of `fd_`
    std::uint64_t taken_ = 0, total_ = 0;
};

/// How many there are in all, judged by the part of the octets that gave `queries`. 0: not known.
std::uint64_t extrapolate(std::uint64_t queries, const Input& input) noexcept;

}  // namespace zc::capture
