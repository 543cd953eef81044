#include "base/check.h"

#include <csignal>
#include <cstdio>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zc::base {
namespace {

/// How a child ends that checks `condition`.
int status_of_child(bool condition) {
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);
        if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(3);
        ZC_CHECK(condition);
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return status;
}

TEST_CASE("a check that holds does nothing, and one that fails aborts, in this build too") {
    const int held = status_of_child(true);
    CHECK(WIFEXITED(held));
    CHECK(WEXITSTATUS(held) == 0);
    const int failed = status_of_child(false);
    CHECK(WIFSIGNALED(failed));
    CHECK(WTERMSIG(failed) == SIGABRT);
}

TEST_CASE("a check is an expression") {
    int evaluated = 0;
    const auto evaluate = [&evaluated] { return ++evaluated > 0; };
    ZC_CHECK(evaluate());
    CHECK(evaluated == 1);
}

}  // namespace
}  // namespace zc::base
