#include "capture/input.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zc::capture {

Input::Input(int fd, std::string name, std::uint64_t total) noexcept
    : fd_(fd), name_(std::move(name)), total_(total) {}

Input::~Input() {
    if (fd_ > STDIN_FILENO) ::close(fd_);
}

Result<std::unique_ptr<Input>> Input::open(const std::string& path,
                                           const std::atomic<bool>* stop_or_null) {
    const bool is_stdin = path == "-";
    const int fd = is_stdin ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return base::fail_errno(errno, "open " + path);
    std::unique_ptr<Input> input(new Input(fd, is_stdin ? "stdin" : path, 0));
    input->stop_or_null_ = stop_or_null;
    if (is_stdin) return input;
    struct stat status {};
    if (::fstat(fd, &status) != 0) return base::fail_errno(errno, "stat " + path);
    if (S_ISDIR(status.st_mode)) return base::fail_errno(EISDIR, "read " + path);
    if (S_ISREG(status.st_mode)) {
        input->total_ = static_cast<std::uint64_t>(status.st_size);
        input->stop_or_null_ = nullptr;
        input->is_regular_ = true;
        constexpr std::array<std::string_view, 3> own = {"/dev/fd/", "/dev/stdin", "/proc/"};
        input->repeats_ = std::none_of(own.begin(), own.end(), [&](std::string_view prefix) {
            return path.starts_with(prefix);
        });
    }
    static_cast<void>(::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));  // a hint only
    return input;
}

std::unique_ptr<Input> Input::memory(base::Octets octets) {
    std::unique_ptr<Input> input(new Input(-1, "memory", octets.size()));
    input->memory_ = octets;
    return input;
}

namespace {

/// The octets that a decompressor reads.
class Compressed final : public runtime::ByteSource {
public:
    explicit Compressed(std::unique_ptr<Input> input) : input_(std::move(input)) {}
    Result<std::size_t> read(std::span<char> out) override {
        return input_->read({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
    }
    std::uint64_t position() const noexcept override { return input_->taken(); }
    std::uint64_t total() const noexcept override { return input_->total(); }

private:
    std::unique_ptr<Input> input_;
};

}  // namespace

Result<std::unique_ptr<Input>> Input::decompressed(std::unique_ptr<Input> input) {
    const auto format = [&](std::size_t octets) -> Result<bool> {
        ZC_TRY(const base::Octets head, input->head(octets));
        return !runtime::compression_of({reinterpret_cast<const char*>(head.data()), head.size()})
                    .empty();
    };
    ZC_TRY(bool compressed, format(4));
    if (!compressed && !input->head_.empty() && input->head_[0] == 'B') {
        ZC_TRY(compressed, format(runtime::compression_head_octets));
    }
    if (!compressed) return input;
    std::unique_ptr<Input> out(new Input(-1, input->name_, input->total_));
    out->is_regular_ = input->is_regular_ || input->fd_ < 0;
    out->repeats_ = input->repeats_;
    ZC_TRY(out->inner_,
           runtime::decompress(std::make_unique<Compressed>(std::move(input)), out->name_));
    return out;
}

/// Until there is something to read, or the end.
Status Input::wait() const {
    constexpr int look_interval_ms = 100;
    if (stop_or_null_ == nullptr) return {};
    pollfd polled{.fd = fd_, .events = POLLIN, .revents = 0};
    for (;;) {
        if (stop_or_null_->load(std::memory_order_relaxed))
            return fail(Errc::interrupted, "stopped", {name_, 0});
        const int ready = ::poll(&polled, 1, look_interval_ms);
        if (ready > 0 || (ready < 0 && errno != EINTR)) return {};  // `read` tells of errors
    }
}

bool Input::ready() const noexcept {
    // The compressed octets that have come may not make one octet yet.
    if (inner_) return is_regular_ || head_at_ < head_.size();
    if (fd_ < 0 || is_regular_ || head_at_ < head_.size()) return true;
    pollfd polled{.fd = fd_, .events = POLLIN, .revents = 0};
    return ::poll(&polled, 1, 0) != 0;  // `read` tells of errors
}

Result<std::size_t> Input::read_more(base::MutableOctets out) {
    if (inner_) return inner_->read({reinterpret_cast<char*>(out.data()), out.size()});
    if (fd_ < 0) {
        const std::size_t count = std::min(out.size(), memory_.size());
        if (count != 0) std::memcpy(out.data(), memory_.data(), count);
        memory_ = memory_.subspan(count);
        return count;
    }
    for (;;) {
        ZC_TRY_STATUS(wait());
        const ssize_t count = ::read(fd_, out.data(), out.size());
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno != EINTR) return base::fail_errno(errno, "read " + name_);
    }
}

Result<base::Octets> Input::head(std::size_t count) {
    std::size_t have = head_.size();
    head_.resize(std::max(have, count));
    while (have < count) {
        ZC_TRY(const std::size_t more, read_more(base::MutableOctets(head_).subspan(have)));
        if (more == 0) break;
        have += more;
    }
    head_.resize(have);
    return base::Octets(head_).first(std::min(have, count));
}

Result<std::size_t> Input::read(base::MutableOctets out) {
    std::size_t count = std::min(out.size(), head_.size() - head_at_);
    if (count != 0) {
        std::memcpy(out.data(), head_.data() + head_at_, count);
        head_at_ += count;
    } else {
        ZC_TRY(count, read_more(out));
    }
    taken_ += count;
    return count;
}

std::uint64_t extrapolate(std::uint64_t queries, const Input& input) noexcept {
    if (input.taken() == 0 || input.total() == 0) return 0;
    return static_cast<std::uint64_t>(static_cast<double>(queries) *
                                      static_cast<double>(input.total()) /
                                      static_cast<double>(input.taken()));
}

}  // namespace zc::capture
