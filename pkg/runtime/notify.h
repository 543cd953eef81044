// Telling systemd (Type=notify-reload, WatchdogSec=) how the service is: the protocol of
// sd_notify(3).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace zc::runtime {

/// Sends states to the socket that the service manager named. Without one every call does nothing
/// and succeeds.
class Notifier {
public:
    /// `socket_path`: the value of NOTIFY_SOCKET; empty when there is none; a leading '@' is the
    /// abstract namespace.
    explicit Notifier(std::string socket_path) : socket_path_(std::move(socket_path)) {}

    Status ready() const { return send("READY=1"); }
    /// With the monotonic time, which Type=notify-reload asks for. `ready` ends it.
    Status reloading() const;
    Status stopping() const { return send("STOPPING=1"); }
    /// Asks for so much more time to start, reload or stop; for work that makes progress.
    Status extend_timeout(base::Duration more) const {
        return send("EXTEND_TIMEOUT_USEC=" + std::to_string(more.nanoseconds / 1000));
    }
    Status watchdog() const { return send("WATCHDOG=1"); }
    /// One line for `systemctl status`; must not hold a newline.
    Status status(std::string_view line) const { return send("STATUS=" + std::string(line)); }

private:
    Status send(const std::string& state) const;

    std::string socket_path_;
};

}  // namespace zc::runtime
