#include "runtime/privilege.h"

#include <functional>

#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace zc::runtime;

namespace {

/// The exit code of `body` in a child process: privileges that it gives up there stay here.
int in_child(const std::function<int()>& body) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(body());
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("an unknown user or group is an error that names it") {
    CHECK(in_child([] {
              const auto status = drop_privileges({.user = "no-such-user-here", .group = ""});
              return !status && status.error().message == "no user 'no-such-user-here'" ? 0 : 1;
          }) == 0);
    CHECK(in_child([] {
              const auto status = drop_privileges({.user = "root", .group = "no-such-group-here"});
              return !status && status.error().message == "no group 'no-such-group-here'" ? 0 : 1;
          }) == 0);
}

TEST_CASE("dropping without a user gives up capabilities and exec's way to new ones") {
    CHECK(in_child([] {
              if (!drop_privileges({})) return 1;
              if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 2;
              // A raw socket needs CAP_NET_RAW, also as root.
              return socket(AF_INET, SOCK_RAW, 255) < 0 ? 0 : 3;
          }) == 0);
}

TEST_CASE("root becomes another user for good, and an ordinary user is told that he cannot") {
    const bool is_root = geteuid() == 0;
    CHECK(in_child([is_root] {
              const auto status = drop_privileges({.user = "65534", .group = ""});
              if (!is_root) return status ? 1 : 0;
              if (!status) return 2;
              if (getuid() != 65534 || geteuid() != 65534 || getgid() == 0) return 3;
              if (getgroups(0, nullptr) > 1) return 4;
              return setuid(0) == 0 ? 5 : 0;
          }) == 0);
}
