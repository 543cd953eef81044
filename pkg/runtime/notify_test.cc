#include "runtime/notify.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <string>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using zc::runtime::Notifier;

TEST_CASE("states arrive at an abstract socket in the words of sd_notify(3)") {
    const std::string name = "@zonectl-notify-test-" + std::to_string(getpid());
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::memcpy(at.sun_path, name.data(), name.size());
    at.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&at),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) == 0);
    const auto next = [&] {
        std::array<char, 256> text{};
        const ssize_t got = recv(fd, text.data(), text.size(), MSG_DONTWAIT);
        return std::string(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    };

    const Notifier notifier(name);
    CHECK(notifier.ready().has_value());
    CHECK(next() == "READY=1");
    CHECK(notifier.reloading().has_value());
    const std::string reloading = next();
    CHECK(reloading.rfind("RELOADING=1\nMONOTONIC_USEC=", 0) == 0);
    CHECK(std::stoull(reloading.substr(reloading.rfind('=') + 1)) > 0);
    CHECK(notifier.stopping().has_value());
    CHECK(next() == "STOPPING=1");
    CHECK(notifier.watchdog().has_value());
    CHECK(next() == "WATCHDOG=1");
    CHECK(notifier.status("serving 3 zones").has_value());
    CHECK(next() == "STATUS=serving 3 zones");
    close(fd);
}

TEST_CASE("without a socket nothing is sent and nothing fails") {
    CHECK(Notifier("").ready().has_value());
}

TEST_CASE("a socket that cannot be reached is an error that names it") {
    const auto gone = Notifier("/nonexistent/notify").ready();
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error().message.find("/nonexistent/notify") != std::string::npos);
    CHECK_FALSE(Notifier(std::string(200, '/')).ready().has_value());
    CHECK_FALSE(Notifier("relative").ready().has_value());
}
