#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "base/foreign_text.h"
#include "verbs.h"

int main(int argc, char** argv) {
    // A reader that went away is an error of write(2), to be reported, not a reason to vanish.
    std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): cannot fail for a valid signal
    // Other servers take these for "open the log again" and "tell of yourself". They must not end
    // this one.
    for (const int stray : {SIGUSR1, SIGUSR2})
        std::signal(stray, SIG_IGN);  // NOLINT(cert-err33-c): as above
    try {
        return zc::cmd::run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
    } catch (const std::exception& exception) {
        static_cast<void>(
            std::fprintf(stderr, "zonectl: %s\n", zc::base::foreign(exception.what()).c_str()));
        return 2;
    }
}
