// Preloaded into a server: opening a file whose name ends with ".hangs" waits for ever, as on a hung disk, in a call
// that no signal ends.
#include <cstdarg>
#include <csignal>
#include <cstring>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

void wait_if_hung(const char* path) {
    constexpr const char* suffix = ".hangs";
    const std::size_t octets = std::strlen(path);
    if (octets < std::strlen(suffix) || std::strcmp(path + octets - std::strlen(suffix), suffix) != 0) return;
    static_cast<void>(!write(STDERR_FILENO, "a disk hangs\n", 13));
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    for (;;) pause();
}

}  // namespace

extern "C" int openat(int directory, const char* path, int flags, ...) {
    using Openat = int (*)(int, const char*, int, ...);
    static const Openat next = reinterpret_cast<Openat>(dlsym(RTLD_NEXT, "openat"));
    wait_if_hung(path);
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return next(directory, path, flags, mode);
}
