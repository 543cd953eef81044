// A disk that is soon full, for tests of what is left then.
#pragma once

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zc::testkit {

/// Runs `work` in a child that sees a tmpfs of that size ("size=4m") at `folder`, and nobody else
/// does. It returns what was wrong, or nothing.
inline std::string on_small_disk(const std::string& folder, const char* size,
                                 const std::function<std::string()>& work) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::string problem;
        // Root needs no user namespace, and others cannot do without.
        if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            problem = std::string("this test needs a mount namespace: ") + std::strerror(errno);
        else if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                 ::mount("tmpfs", folder.c_str(), "tmpfs", 0, size) != 0)
            problem = std::string("this test needs a small tmpfs: ") + std::strerror(errno);
        else
            problem = work();
        static_cast<void>(::write(ends[1], problem.data(), problem.size()));
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string problem;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof(buffer))) > 0;)
        problem.append(buffer, static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) problem += " (the child crashed)";
    return problem;
}

}  // namespace zc::testkit
