// Signals belong to the thread that waits for them: others are started with all of them blocked.
#pragma once

#include <csignal>

#include <pthread.h>

namespace zc::runtime {

/// While it lives, threads that are started have all signals blocked, as this thread has, but for
/// those that a thread raises by what it does itself (mapped_file.h handles two of them).
class SignalsBlocked {
public:
    SignalsBlocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        for (const int own : {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGABRT})
            sigdelset(&all, own);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

}  // namespace zc::runtime
