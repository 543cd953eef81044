// A process that is killed while it writes: what it had acknowledged must be there afterwards.
#pragma once

#include <cstdint>
#include <ctime>

#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"

namespace zc::testkit {

/// Waits for `acknowledgements` of `child`, an octet each from `pipe`, and for `more`, kills it, and
/// closes the pipe. Gives the number of its acknowledgements.
inline std::uint64_t kill_after(pid_t child, int pipe, std::uint64_t acknowledgements,
                                base::Duration more) {
    std::uint64_t acknowledged = 0;
    char one = 0;
    while (acknowledged < acknowledgements && ::read(pipe, &one, 1) == 1) ++acknowledged;
    const timespec pause{0, more.nanoseconds};
    ::ppoll(nullptr, 0, &pause, nullptr);
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    while (::read(pipe, &one, 1) == 1) ++acknowledged;
    ::close(pipe);
    return acknowledged;
}

}  // namespace zc::testkit
