// A file descriptor as a value that closes itself.
#pragma once

#include <utility>

namespace zc::net {

/// A file descriptor that one object owns: a socket, a file, a folder, an epoll.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = other.release();
        }
        return *this;
    }
    ~Descriptor() { reset(); }

    int get() const noexcept { return fd_; }
    bool is_open() const noexcept { return fd_ >= 0; }
    /// The caller owns it from now on.
    int release() noexcept { return std::exchange(fd_, -1); }
    void reset() noexcept;  // closes

private:
    int fd_ = -1;
};

}  // namespace zc::net
