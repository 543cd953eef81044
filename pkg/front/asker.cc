#include "front/asker.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "front/datagram.h"
#include "front/flight.h"
#include "runtime/clock.h"
#include "runtime/priority.h"

namespace zc::front {
namespace {

// Woken for each question, it would take the processor from those whom clients wait for.
constexpr std::chrono::microseconds nap{1000}, longest_nap{16000};
// No more at once than the receive buffer of a server holds that has Linux's default of 208 KiB.
constexpr std::size_t at_once_max = 256;
constexpr std::chrono::microseconds pause{100};  // after so many
constexpr std::size_t in_flight_max = 16384;
constexpr std::size_t octets_max = std::size_t{16} << 20;  // of messages in flight
constexpr std::size_t batches_max = at_once_max / datagrams_max;
constexpr std::size_t repeats_max = 2;  // of one question: a datagram may get lost
// Behind those whom clients wait for, yet not so far that its queue would overflow on a busy
// machine.
constexpr int niceness = 3;

/// A question that waits for the new server.
struct Asked {
    void shrink() noexcept {
        for (Message* message : {&query, &older}) give_back(*message);
    }

    Message query;  // with our ID
    Message older, proxy;
};

}  // namespace

struct NewerAsker::Work {
    using Questions = InFlight<Asked, repeats_max>;
    using Index = Questions::Index;

    Work(const Options& options_given, ObservedQueue& from_given, Channel& to_given)
        : options(options_given),
          from(from_given),
          to(to_given),
          asked(in_flight_max, options.seed, Belief::lenient) {
        for (std::size_t i = 0; i < upstream_sockets; ++i)
            sockets.push_back(connect_udp(options.newer));
    }

    void send() noexcept {
        if (out.size != 0) out.send(sockets[turn++ % upstream_sockets].get());
    }
    void add(const Asked& one) noexcept {
        std::copy(one.proxy.begin(), one.proxy.end(), out.proxies[out.size].begin());
        out.add(one.query, one.proxy.size());
        if (out.size == datagrams_max) send();
    }
    /// Hands a question over to those who compare; `answer` is empty if there is none.
    void give(Asked& one, base::Octets answer) noexcept {
        std::swap(pair.older, one.older);
        pair.proxy.clear();
        if (assign(pair.query, one.query) && assign(pair.newer, answer))
            to.give(pair);
        else
            to.dropped.add(1);  // for lack of memory
        shrink(pair);
    }

    std::size_t take_answers() noexcept;
    void expire() noexcept;
    std::size_t ask() noexcept;

    const Options options;
    ObservedQueue& from;
    Channel& to;
    std::vector<net::Descriptor> sockets;
    std::size_t turn = 0;  // whose it is: each batch is for one
    Questions asked;
    Unread unread;
    base::Duration now;
    Observed pair;  // its memory is used again
    Incoming in{Incoming::Senders::known};
    Outgoing out;
    bool more = false;  // answers to be read
    std::atomic<bool> stopping{false};
};

/// Gives how many datagrams there were.
std::size_t NewerAsker::Work::take_answers() noexcept {
    std::size_t taken = 0;
    more = false;
    for (const net::Descriptor& socket : sockets) {
        // A server that sends without end is not listened to without end.
        for (std::size_t batches = 0; batches < batches_max; ++batches) {
            const int received = in.receive(socket.get());
            if (received < 0 && errno == ECONNREFUSED) {
                to.stray(judge::Side::newer, ask::Stray::reset);
                continue;
            }
            if (received <= 0) break;
            taken += static_cast<std::size_t>(received);
            for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
                const auto found = asked.find(in[i]);
                if (found.index == Questions::none) {
                    to.stray(judge::Side::newer, found.stray);
                } else if (asked.is_answered(found.index)) {
                    to.stray(judge::Side::newer, ask::Stray::twice);
                } else {
                    give(asked[found.index], in[i]);
                    asked.answered(found.index, now);
                }
            }
            if (static_cast<std::size_t>(received) < datagrams_max) break;
            more = more || batches + 1 == batches_max;
        }
    }
    return taken;
}

void NewerAsker::Work::expire() noexcept {
    for (Index longest = asked.longest();
         longest != Questions::none && asked.has_waited(longest, now, options.timeout);
         longest = asked.longest()) {
        give(asked[longest], {});
        asked.release(longest);
    }
    const base::Duration part{options.timeout.nanoseconds /
                              static_cast<std::int64_t>(repeats_max + 1)};
    for (std::size_t i = 0; i < repeats_max; ++i) {
        const base::Duration age = part * static_cast<std::int64_t>(i + 1);
        asked.pass(i, now, age, [this](Index index) {
            to.repeats.add(1);
            add(asked[index]);
        });
    }
    send();
    asked.forget(now);
}

/// Gives how many were sent.
std::size_t NewerAsker::Work::ask() noexcept {
    std::size_t sent = 0;
    for (; sent < at_once_max; ++sent) {
        // Where all room is taken the next stays where it is.
        if (asked.octets() > octets_max) asked.forget_answered();
        if (asked.octets() > octets_max) break;
        const Index index = asked.take(now);
        if (index == Questions::none) break;
        bool has_one = from.pop(pair);
        while (has_one && now - pair.since > options.timeout) {
            to.dropped.add(1);
            has_one = from.pop(pair);
        }
        if (!has_one) {
            asked.release(index);
            break;
        }
        Asked& one = asked[index];
        std::swap(one.query, pair.query);
        std::swap(one.older, pair.older);
        std::swap(one.proxy, pair.proxy);
        // Both answers are compared with the same question.
        base::store_u16(one.query.data(), asked.id(index));
        if (!one.older.empty()) base::store_u16(one.older.data(), asked.id(index));
        asked.hold(index, one.query.size() + one.older.size());
        add(one);
    }
    send();
    return sent;
}

NewerAsker::NewerAsker(const Options& options, ObservedQueue& from, Channel& to)
    : work_(std::make_unique<Work>(options, from, to)) {}

NewerAsker::~NewerAsker() = default;

void NewerAsker::run() noexcept {
    runtime::give_way(niceness);
    Work& work = *work_;
    std::chrono::microseconds wait = nap;
    for (;;) {
        const bool last = work.stopping.load(std::memory_order_acquire);
        work.now = runtime::monotonic();
        const std::size_t taken = work.take_answers();
        if (work.unread.may_expire(work.more, work.now)) work.expire();
        const std::size_t sent = work.ask();
        if (last && sent == 0 && !work.asked.any_waits()) return;
        if (sent == at_once_max || work.more)
            wait = pause;
        else if (sent != 0 || taken != 0 || work.asked.any_waits())
            wait = nap;
        else
            wait = std::min(std::max(wait, nap) * 2, longest_nap);
        std::this_thread::sleep_for(wait);
    }
}

void NewerAsker::stop() noexcept {
    work_->stopping.store(true, std::memory_order_release);
}

}  // namespace zc::front
