#include "shadow/front_judge.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include <pthread.h>

#include "capture/source.h"
#include "runtime/clock.h"
#include "runtime/priority.h"
#include "shadow/judge.h"
#include "shadow/run.h"
#include "shadow/signatures.h"

namespace zc::shadow {
namespace {

// The comparing thread looks this often when nothing waits: waking it for each pair would cost the
// threads that pass queries on a system call, and comparing is in no hurry.
constexpr std::chrono::milliseconds nap{2};
constexpr int niceness = 10;  // clients wait for other threads than these
constexpr std::chrono::milliseconds longest_wait{50};
constexpr std::size_t pairs_at_once = 256;  // between two looks at whether somebody takes
// Differences that are being asked again, or wait for it. Beyond that they are judged as they are.
constexpr std::size_t again_max = 1024;
constexpr std::size_t again_octets_max = std::size_t{16} << 20;
constexpr std::uint64_t again_a_cause_max = 64;
// Of them, those that a side did not answer: a server that is down must not take all the room.
constexpr std::size_t again_unanswered_max = 32;
constexpr std::uint32_t again_window = 64;

compare::Asked asked_of(const Observed& seen) {
    return {.query = seen.query, .transport = seen.transport};
}

void add(Stretch& to, Stretch&& more) {
    to.tally.add(more.tally);
    for (const CaseCount& one : more.cases) to.cases.add(one);
    for (Sample& sample : more.samples) to.keep(std::move(sample));
}

}  // namespace

/// The differences of the front as a source of questions for a run: so that they are asked again by
/// the very rules of every other run.
struct FrontJudge::Work : capture::Source {
    Work(const FrontOptions& options_given, std::vector<Channel*> channels_given,
         std::vector<const Channel*> others)
        : options(options_given),
          channels(std::move(channels_given)),
          collector(options.policy, options.zones_or_null),
          signatures(options.zones_or_null) {
        for (const Channel* channel : channels) counted.push_back({.channel = channel});
        for (const Channel* channel : others) counted.push_back({.channel = channel});
        // Where a PROXY header is expected, a question of the front's own would not be answered.
        asks_again = !options.proxy_to_older && !options.proxy_to_newer;
        comparing = std::thread([this] {
            runtime::give_way(niceness);
            compare_all();
        });
        pthread_setname_np(comparing.native_handle(), "judge");
        if (!asks_again) return;
        asking = std::thread([this] {
            runtime::give_way(niceness);
            ask_again();
        });
        pthread_setname_np(asking.native_handle(), "again");
    }
    ~Work() override { finish(); }
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    bool compare_some();
    void compare_all();
    void judge(const Observed& seen);
    std::array<Collector::Signatures, 2> signatures_of(const Observed& seen);
    Collector::Again as_seen(const Observed& seen);
    bool give_away(const Observed& seen, const std::string& cause);
    void ask_again();
    Status asked_again(Stretch&& stretch);
    Stretch take();
    void finish();

    // The source. One question a batch, so that one stretch is one question.
    Status read(capture::Batch& batch) override;
    bool ended() const noexcept override { return source_ended; }
    Status resume_behind(std::uint64_t) override { return {}; }
    const capture::SourceCounts& counts() const noexcept override { return source_counts; }
    bool live() const noexcept override { return true; }

    const FrontOptions options;
    const std::vector<Channel*> channels;
    bool asks_again = false;

    // Of the comparing thread and of those who take.
    std::mutex mutex;
    Stretch done;
    Collector collector;
    ZoneEnds ends;
    SignatureCheck signatures;  // by zone data alone: nobody waits for keys here
    std::uint64_t position = 0, taken = 0;
    struct Counted {
        const Channel* channel;
        std::uint64_t drops = 0, repeats = 0;  // told so far, as `strays`
        std::array<std::array<std::uint64_t, stray_count>, sides> strays{};
    };
    std::vector<Counted> counted;

    // Between the comparing thread and the one that asks again.
    struct Again {
        Observed seen;
        std::string cause;
        base::Instant at{};
        bool given = false;
    };
    std::mutex again_mutex;
    std::condition_variable again_wakes;
    std::map<std::uint64_t, Again> again;  // by position
    std::deque<std::uint64_t> again_waiting;
    std::size_t again_unanswered = 0;  // of `again`
    std::size_t again_octets = 0;      // that it holds
    bool again_ended = false;
    base::Duration again_until;                         // once it has ended
    std::map<std::string, std::uint64_t> again_counts;  // by cause; of the comparing thread

    // Of the thread that asks again.
    bool source_ended = false;
    capture::SourceCounts source_counts;

    std::atomic<bool> stopping{false};
    std::thread comparing, asking;
};

/// True: there was something.
bool FrontJudge::Work::compare_some() {
    const std::scoped_lock lock(mutex);
    Observed seen;
    std::size_t count = 0;
    for (Channel* channel : channels)
        while (count < pairs_at_once && channel->pairs.pop(seen)) {
            ++count;
            judge(seen);
        }
    return count > 0;
}

void FrontJudge::Work::compare_all() {
    for (;;) {
        const bool last = stopping.load(std::memory_order_acquire);
        if (compare_some()) continue;
        if (last) return;
        std::this_thread::sleep_for(nap);
    }
}

void FrontJudge::Work::judge(const Observed& seen) {
    ++position;
    if (!compare::read_query(seen.query)) {
        Collector::malformed_question(done);
        return;
    }
    const compare::Asked asked = asked_of(seen);
    const Pair pair{.position = position,
                    .at = runtime::now(),
                    .asked = asked,
                    .older = seen.older,
                    .newer = seen.newer};
    if (!seen.older.empty() && !seen.newer.empty()) {
        const Collector::Same same = collector.same(done, asked, seen.older, seen.newer);
        if (same == Collector::Same::yes) return;
        if (same == Collector::Same::if_verified) {
            const auto told = signatures_of(seen);
            if (told[0].good() && told[1].good()) {
                collector.verified(done, pair);
                return;
            }
            // Who asks again can ask for keys. Without that it is not known, and that is what is
            // said.
            if (give_away(seen, "signatures to be verified")) return;
            if (told[0].unknown || told[1].unknown)
                Collector::dropped(done);
            else
                collector.bad_signatures(done, pair, told);
            return;
        }
    }
    compare::Difference difference = collector.comparer().difference(asked, seen.older, seen.newer);
    if (difference.open_end && ends.knows(*difference.open_end)) difference.leaves_zone();
    const bool answered = !seen.older.empty() && !seen.newer.empty();
    // A new server may make up as many causes as it likes: those beyond what is kept of are judged
    // as they were seen.
    if (!answered) {
        // What is asked again for seconds would hold up the end.
        if (stopping.load(std::memory_order_relaxed) || !give_away(seen, difference.cause))
            collector.difference(done, pair, difference, {});
        return;
    }
    const auto asked_again = again_counts.find(difference.cause);
    const bool may_ask = asked_again == again_counts.end()
                             ? again_counts.size() < Collector::causes_max
                             : asked_again->second < again_a_cause_max;
    // Where a chain ends and whether a signature is good is for those to find out who can ask; what
    // they found is kept.
    const Collector::Again told = as_seen(seen);
    const bool is_open =
        difference.open_end || told.signatures[0].unknown || told.signatures[1].unknown;
    if ((may_ask || is_open) && give_away(seen, difference.cause)) {
        ++again_counts[difference.cause];
        return;
    }
    collector.difference(done, pair, difference, told);
}

/// What there is to say of signatures without asking anybody.
std::array<Collector::Signatures, 2> FrontJudge::Work::signatures_of(const Observed& seen) {
    std::array<Collector::Signatures, 2> out;
    const base::Instant now = runtime::now();
    for (const Side side : {Side::older, Side::newer}) {
        const auto message = dns::parse_message(side == Side::older ? seen.older : seen.newer);
        if (!message) continue;  // it is wrong by what is worse
        for (const dns::Name& signer : signatures.missing(side, *message, now))
            signatures.learn_from_zones(side, signer, now);
        const Status verified = signatures.verify(side, *message, now);
        out[static_cast<std::size_t>(side)] = Collector::Signatures(verified);
    }
    return out;
}

/// Of a difference that nobody asks again.
Collector::Again FrontJudge::Work::as_seen(const Observed& seen) {
    Collector::Again out;
    const auto facts = compare::read_query(seen.query);
    if (facts && facts->dnssec_ok && !seen.older.empty() && !seen.newer.empty())
        out.signatures = signatures_of(seen);
    return out;
}

/// False: there is no room.
bool FrontJudge::Work::give_away(const Observed& seen, const std::string& cause) {
    if (!asks_again) return false;
    const std::scoped_lock lock(again_mutex);
    const bool is_unanswered = seen.older.empty() || seen.newer.empty();
    const std::size_t octets = octets_of(seen);
    if (again.size() >= again_max || again_octets + octets > again_octets_max ||
        (is_unanswered && again_unanswered >= again_unanswered_max))
        return false;
    if (is_unanswered) ++again_unanswered;
    again_octets += octets;
    again.emplace(position,
                  Again{.seen = seen, .cause = cause, .at = runtime::now(), .given = false});
    again_waiting.push_back(position);
    again_wakes.notify_one();
    return true;
}

Status FrontJudge::Work::read(capture::Batch& batch) {
    batch.clear();
    std::unique_lock lock(again_mutex);
    again_wakes.wait_for(lock, longest_wait, [&] { return again_ended || !again_waiting.empty(); });
    // At the end those that wait have two timeouts; what is left then is judged as it was seen.
    if (again_ended && runtime::monotonic() >= again_until) again_waiting.clear();
    if (again_waiting.empty()) {
        source_ended = again_ended;
        return {};
    }
    Again& next = again.at(again_waiting.front());
    next.given = true;
    capture::Query query;
    query.message = next.seen.query;
    // What both have answered is judged as it was seen, and asked again from there on.
    if (!next.seen.older.empty() && !next.seen.newer.empty()) {
        query.recorded = next.seen.older;
        query.recorded_newer = next.seen.newer;
    }
    query.transport = next.seen.transport;
    query.at = next.at;
    query.position = again_waiting.front();
    again_waiting.pop_front();
    batch.add(query);
    ++source_counts.queries;
    return {};
}

void FrontJudge::Work::ask_again() {
    RunOptions run_options;
    run_options.older = options.older;
    run_options.newer = options.newer;
    run_options.policy = options.policy;
    run_options.zones_or_null = options.zones_or_null;
    run_options.workers = 1;
    run_options.window = again_window;
    run_options.timeout = options.timeout;
    run_options.lag = options.lag;
    const std::atomic<bool> never{false};
    const Status status = run(
        *this, run_options, [this](Stretch&& stretch) { return asked_again(std::move(stretch)); },
        never);
    // Without it (no sockets left, say) differences are judged as they were seen.
    const std::scoped_lock lock(mutex, again_mutex);
    if (!status) asks_again = false;
    for (auto& [at, left] : again) {
        const Pair pair{.position = at,
                        .at = left.at,
                        .asked = asked_of(left.seen),
                        .older = left.seen.older,
                        .newer = left.seen.newer};
        collector.difference(done, pair,
                             collector.comparer().difference(pair.asked, pair.older, pair.newer),
                             as_seen(left.seen));
    }
    again.clear();
    again_waiting.clear();
    again_unanswered = 0;
    again_octets = 0;
}

/// One question, as it came out when both servers were asked again.
Status FrontJudge::Work::asked_again(Stretch&& stretch) {
    const std::scoped_lock lock(mutex, again_mutex);
    const auto found = again.find(stretch.first);
    if (found == again.end() || stretch.tally.asked == 0) return {};
    const Again& original = found->second;
    const Pair pair{.position = stretch.first,
                    .at = original.at,
                    .asked = asked_of(original.seen),
                    .older = original.seen.older,
                    .newer = original.seen.newer};
    if (pair.older.empty() || pair.newer.empty()) {
        --again_unanswered;
        if (stretch.tally.timed_out == 0)
            for (const Side side : {Side::older, Side::newer})
                if ((side == Side::older ? pair.older : pair.newer).empty())
                    ++done.tally.repeats[static_cast<std::size_t>(side)];
        add(done, std::move(stretch));
    } else {
        const auto difference = collector.comparer().difference(pair.asked, pair.older, pair.newer);
        if (difference.open_end && stretch.cases.size() == 1 &&
            stretch.cases[0].cause == difference.open_end->cause)
            ends.learn(*difference.open_end);
        add(done, std::move(stretch));
    }
    again_octets -= octets_of(original.seen);
    again.erase(found);
    return {};
}

void FrontJudge::Work::finish() {
    stopping.store(true, std::memory_order_release);
    if (comparing.joinable()) comparing.join();
    {
        const std::scoped_lock lock(again_mutex);
        again_ended = true;
        again_until = runtime::monotonic() + options.timeout * 2;
    }
    again_wakes.notify_all();
    if (asking.joinable()) asking.join();
}

Stretch FrontJudge::Work::take() {
    const std::scoped_lock lock(mutex);
    for (Counted& told : counted) {
        const Channel& channel = *told.channel;
        const std::uint64_t drops = channel.dropped.value() - told.drops;
        done.tally.asked += drops;
        done.tally.dropped += drops;
        told.drops += drops;
        const std::uint64_t repeats = channel.repeats.value() - told.repeats;
        done.tally.repeats[static_cast<std::size_t>(Side::newer)] += repeats;
        told.repeats += repeats;
        for (std::size_t side = 0; side < sides; ++side)
            for (std::size_t what = 0; what < stray_count; ++what) {
                const std::uint64_t strays =
                    channel.strays[side][what].value() - told.strays[side][what];
                done.tally.stray[side][what] += strays;
                told.strays[side][what] += strays;
            }
    }
    Stretch out = std::exchange(done, {});
    if (out.tally.asked > 0) {
        out.first = taken + 1;
        taken += out.tally.asked;
        out.last = taken;
    }
    return out;
}

FrontJudge::FrontJudge(const FrontOptions& options, std::vector<Channel*> channels,
                       std::vector<const Channel*> others)
    : work_(std::make_unique<Work>(options, std::move(channels), std::move(others))) {}

FrontJudge::~FrontJudge() = default;

void FrontJudge::finish() {
    work_->finish();
}

Stretch FrontJudge::take() {
    return work_->take();
}

}  // namespace zc::shadow
