// Inside of package front: the thread that asks the new server the questions of the old one.
//
// It is a thread of its own, so that no client waits for it. It looks every millisecond for new
// questions, sends them at once and reads the answers that came since. A question without an answer
// is sent twice more within the timeout, so that a lost datagram is no silence. While the new
// server is silent for all, the table of questions fills up; a question that has waited for room as
// long as the timeout is dropped, because answers from different times compare badly.
#pragma once

#include <cstdint>
#include <memory>

#include "base/time.h"
#include "front/pair.h"
#include "net/endpoint.h"

namespace zc::front {

class NewerAsker {
public:
    struct Options {
        net::Endpoint newer;
        base::Duration timeout;
        std::uint64_t seed = 0;  // of IDs
    };

    /// Takes pairs that lack the new server's answer out of `from`, and gives them to `to` with it,
    /// or without if there is none in time. Both outlive it. Throws std::system_error when the
    /// system refuses what it needs.
    NewerAsker(const Options& options, ObservedQueue& from, Channel& to);
    ~NewerAsker();
    NewerAsker(const NewerAsker&) = delete;
    NewerAsker& operator=(const NewerAsker&) = delete;

    /// Until `stop` was called, `from` is empty and what is in flight was answered or has timed
    /// out: two timeouts at most.
    void run() noexcept;
    /// Nobody puts anything into `from` any more.
    void stop() noexcept;

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::front
