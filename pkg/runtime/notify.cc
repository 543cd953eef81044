#include "runtime/notify.h"

#include <cerrno>
#include <cstddef>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/clock.h"

namespace zc::runtime {

Status Notifier::reloading() const {
    return send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic().nanoseconds / 1000));
}

Status Notifier::send(const std::string& state) const {
    if (socket_path_.empty()) return {};
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (socket_path_.size() >= sizeof to.sun_path ||
        (socket_path_[0] != '/' && socket_path_[0] != '@'))
        return fail(Errc::malformed, "NOTIFY_SOCKET '" + socket_path_ +
                                         "', wanted /path or @name of at most 107 octets");
    std::memcpy(to.sun_path, socket_path_.data(), socket_path_.size());
    if (socket_path_[0] == '@') to.sun_path[0] = '\0';
    // An abstract name ends where the length says, without a zero.
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_path_.size());

    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return base::fail_errno(errno, "socket for " + socket_path_);
    const ssize_t sent = sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                reinterpret_cast<const sockaddr*>(&to), size);
    const int error_number = errno;
    close(fd);
    if (sent < 0) return base::fail_errno(error_number, "notify " + socket_path_);
    return {};
}

}  // namespace zc::runtime
