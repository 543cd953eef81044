#include "front/judge.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

#include <pthread.h>

#include "capture/source.h"
#include "judge/collector.h"
#include "judge/signatures.h"
#include "runs/run.h"
#include "runtime/clock.h"
#include "runtime/priority.h"
#include "runtime/workers.h"

namespace zc::front {
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
// So many of them may lack an answer of a side: a server that is down must not take all the room.
constexpr std::size_t again_unanswered_max = 32;
constexpr std::uint32_t again_window = 64;

compare::Asked asked_of(const Observed& seen) {
    return {.query = seen.query, .transport = seen.transport};
}

/// With `alike` more pairs that came to the same; what the network did on the way happened once.
void add(judge::Stretch& to, judge::Stretch&& more, std::uint64_t alike = 0) {
    to.sums.add(more.sums);
    more.sums.stray = {};
    more.sums.repeats = {};
    to.sums.add(more.sums, alike);
    for (judge::CaseCount one : more.cases) {
        one.count *= 1 + alike;
        to.cases.add(std::move(one));
    }
    for (judge::Sample& sample : more.samples) to.keep(std::move(sample));
}

/// A hash of a pair, IDs aside.
std::uint64_t hash_of(const Observed& seen) noexcept {
    std::uint64_t out = seen.transport == dns::Transport::udp ? 0 : 1;
    for (const auto* octets : {&seen.query, &seen.older, &seen.newer}) {
        constexpr std::size_t id_octets = 2;
        const std::string_view text(reinterpret_cast<const char*>(octets->data()), octets->size());
        out = std::rotl(out, 21) ^
              std::hash<std::string_view>{}(text.substr(std::min(text.size(), id_octets)));
    }
    return out;
}

bool is_alike(const Observed& a, const Observed& b) noexcept {
    return a.transport == b.transport && judge::identical(a.query, b.query) &&
           judge::identical(a.older, b.older) && judge::identical(a.newer, b.newer);
}

bool is_answered(const Observed& seen) noexcept {
    return !seen.older.empty() && !seen.newer.empty();
}

/// By side.
struct SeenSignatures {
    std::array<judge::Collector::Signatures, 2> told;
    std::array<bool, 2> unasked{};  // unknown: nobody has asked for keys or RRset
};

}  // namespace

/// The differences of the front as a source of questions for a run: so that they are asked again by
/// the very rules of every other run.
struct PairJudge::Work : capture::Source {
    Work(const Options& options_given, std::vector<Channel*> channels_given,
         std::vector<const Channel*> others)
        : options(options_given),
          channels(std::move(channels_given)),
          collector(options.policy, options.zones_or_null),
          signatures(options.zones_or_null) {
        for (const Channel* channel : channels) counted.push_back({.channel = channel});
        for (const Channel* channel : others) counted.push_back({.channel = channel});
        // Where a PROXY header is expected, a question of the front's own would not be answered.
        asks_again = !options.proxy_to_older && !options.proxy_to_newer;
        is_asking = asks_again;
    }
    /// Throws what std::thread does; then it is to be destroyed.
    void start() {
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
    SeenSignatures signatures_of(const Observed& seen);
    void judge_same(judge::Stretch& into, const judge::Pair& pair, const SeenSignatures& known);
    void judge_difference(judge::Stretch& into, const judge::Pair& pair,
                          const compare::Difference& difference, const SeenSignatures& known);
    void judge_left(judge::Stretch& into, std::uint64_t at, const Observed& seen,
                    base::Instant when);
    bool give_away(const Observed& seen, const std::string& cause);
    void ask_again();
    Status asked_again(judge::Stretch&& stretch);
    judge::Stretch take();
    void finish();

    // The source. One question a batch, so that one stretch is one question.
    Status read(capture::Batch& batch) override;
    bool ended() const noexcept override { return source_ended; }
    Status resume_behind(std::uint64_t) override { return {}; }
    const capture::SourceCounts& counts() const noexcept override { return source_counts; }
    bool live() const noexcept override { return true; }

    const Options options;
    const std::vector<Channel*> channels;
    bool asks_again = false;

    // For the comparing thread, for the callers of `take`, and for the thread that asks again, under
    // `mutex`.
    std::mutex mutex;
    judge::Stretch done;
    judge::Collector collector;
    judge::ZoneEnds ends;
    judge::SignatureCheck signatures;  // by zone data alone: nobody waits for keys here
    std::uint64_t position = 0, taken = 0;
    struct Counted {
        const Channel* channel;
        std::uint64_t drops = 0, repeats = 0;  // told so far, as `strays`
        std::array<std::array<std::uint64_t, ask::stray_count>, judge::sides> strays{};
    };
    std::vector<Counted> counted;

    // Between the comparing thread and the one that asks again.
    struct Again {
        Observed seen;
        std::string cause;
        base::Instant at{};
        std::uint64_t alike = 0;  // pairs that are the same as this one, which stands for them
    };
    std::mutex again_mutex;
    std::condition_variable again_wakes, again_done;
    std::map<std::uint64_t, Again> again;                          // by position
    std::unordered_map<std::uint64_t, std::uint64_t> again_alike;  // positions by hash_of
    std::deque<std::uint64_t> again_waiting;
    std::size_t again_unanswered = 0;  // of `again`
    std::size_t again_octets = 0;      // that it holds
    bool again_ended = false;          // nothing comes any more
    bool is_asking = false;            // the thread has not returned
    std::atomic<bool> again_stop{false};

    // For the thread that asks again, alone.
    bool source_ended = false;
    capture::SourceCounts source_counts;

    std::atomic<bool> stopping{false};
    std::thread comparing, asking;
};

/// True: there was something.
bool PairJudge::Work::compare_some() {
    const std::scoped_lock lock(mutex);
    Observed seen;
    std::size_t count = 0;
    for (Channel* channel : channels)
        while (count < pairs_at_once && channel->pairs.pop(seen)) {
            ++count;
            if (!runtime::caught([&] { judge(seen); })) judge::Collector::dropped(done);
        }
    return count > 0;
}

void PairJudge::Work::compare_all() {
    for (;;) {
        const bool last = stopping.load(std::memory_order_acquire);
        if (compare_some()) continue;
        if (last) return;
        std::this_thread::sleep_for(nap);
    }
}

void PairJudge::Work::judge(const Observed& seen) {
    ++position;
    if (!compare::read_query(seen.query)) {
        judge::Collector::malformed_question(done);
        return;
    }
    const compare::Asked asked = asked_of(seen);
    const judge::Pair pair{.position = position,
                           .at = runtime::now(),
                           .asked = asked,
                           .older = seen.older,
                           .newer = seen.newer};
    if (is_answered(seen)) {
        const judge::Collector::Same same = collector.same(done, asked, seen.older, seen.newer);
        if (same == judge::Collector::Same::yes) return;
        if (same == judge::Collector::Same::if_verified) {
            const SeenSignatures known = signatures_of(seen);
            const bool is_unknown = known.told[0].unknown || known.told[1].unknown;
            // The thread that asks again can ask for keys.
            if (!is_unknown || !give_away(seen, "signatures to be verified"))
                judge_same(done, pair, known);
            return;
        }
    }
    compare::Difference difference = collector.comparer().difference(asked, seen.older, seen.newer);
    if (difference.open_end && ends.knows(*difference.open_end)) difference.leaves_zone();
    if (!is_answered(seen)) {
        // A question that is asked again for seconds would hold up the end.
        if (stopping.load(std::memory_order_relaxed) || !give_away(seen, difference.cause))
            collector.difference(done, pair, difference, {});
        return;
    }
    const SeenSignatures known = signatures_of(seen);
    // Where a chain ends, whether a signature is good and what the whole answer is, is for those to
    // find out who can ask; what they found of ends and keys is kept.
    const bool is_open = difference.open_end || known.told[0].unknown || known.told[1].unknown ||
                         judge::is_truncated(seen.older) || judge::is_truncated(seen.newer);
    if ((is_open || collector.worth_asking(difference.cause, again_a_cause_max)) &&
        give_away(seen, difference.cause))
        return;
    judge_difference(done, pair, difference, known);
}

/// The state of the signatures, as far as it is known without asking anybody.
SeenSignatures PairJudge::Work::signatures_of(const Observed& seen) {
    SeenSignatures out;
    const base::Instant now = runtime::now();
    for (const judge::Side side : {judge::Side::older, judge::Side::newer}) {
        const std::size_t i = static_cast<std::size_t>(side);
        const auto message =
            dns::parse_message(side == judge::Side::older ? seen.older : seen.newer);
        if (!message) continue;  // it is wrong by what is worse
        for (const dns::Name& signer : signatures.missing(side, *message, now))
            signatures.learn_from_zones(side, signer, now);
        out.told[i] = judge::Collector::Signatures(signatures.verify(side, *message, now));
        out.unasked[i] =
            out.told[i].unknown && (!signatures.missing(side, *message, now).empty() ||
                                    !signatures.missing_rrsets(side, *message, now).empty());
    }
    return out;
}

/// A pair that is the same if its signatures are good, and that nobody asks about.
void PairJudge::Work::judge_same(judge::Stretch& into, const judge::Pair& pair,
                                 const SeenSignatures& known) {
    const auto& [older, newer] = known.told;
    if (newer.bad() || (older.bad() && newer.good()))
        collector.bad_signatures(into, pair, known.told);
    else if (older.good() && newer.good())
        collector.verified(into, pair);
    else
        judge::Collector::dropped(into);
}

/// A difference, as it was seen. Where it would be explained if only somebody had asked, it was not
/// compared.
void PairJudge::Work::judge_difference(judge::Stretch& into, const judge::Pair& pair,
                                       const compare::Difference& difference,
                                       const SeenSignatures& known) {
    judge::Collector::Again seen;
    seen.signatures = known.told;
    for (const std::size_t i : {0U, 1U})
        if (known.unasked[i]) seen.signatures[i] = {};
    compare::Difference supposed = difference;
    if (supposed.open_end) supposed.leaves_zone();
    compare::Judgement judgement = collector.judgement(pair, supposed, seen);
    const bool is_unasked = known.unasked[0] || known.unasked[1] || difference.open_end ||
                            judgement.rule == compare::Rule::truncation;
    if (is_unasked && compare::is_explained(judgement.verdict, judgement.what)) {
        judge::Collector::dropped(into);
        return;
    }
    seen.signatures = known.told;
    if (is_unasked) judgement = collector.judgement(pair, difference, seen);
    collector.difference(into, pair, difference, std::move(judgement), {});
}

/// Judges a pair that is left when nobody asks any more.
void PairJudge::Work::judge_left(judge::Stretch& into, std::uint64_t at, const Observed& seen,
                                 base::Instant when) {
    const judge::Pair pair{.position = at,
                           .at = when,
                           .asked = asked_of(seen),
                           .older = seen.older,
                           .newer = seen.newer};
    if (is_answered(seen) && collector.comparer().same(pair.asked, pair.older, pair.newer).same) {
        judge_same(into, pair, signatures_of(seen));
        return;
    }
    compare::Difference difference =
        collector.comparer().difference(pair.asked, pair.older, pair.newer);
    if (difference.open_end && ends.knows(*difference.open_end)) difference.leaves_zone();
    judge_difference(into, pair, difference,
                     is_answered(seen) ? signatures_of(seen) : SeenSignatures());
}

/// False: there is no room.
bool PairJudge::Work::give_away(const Observed& seen, const std::string& cause) {
    if (!asks_again) return false;
    const std::scoped_lock lock(again_mutex);
    const bool is_unanswered = !is_answered(seen);
    const std::uint64_t hash = hash_of(seen);
    // A name that many ask for, while its zone changes. (Silence is each question's own.)
    if (!is_unanswered)
        if (const auto place = again_alike.find(hash); place != again_alike.end())
            if (Again& standing = again.at(place->second); is_alike(standing.seen, seen)) {
                ++standing.alike;
                return true;
            }
    const std::size_t octets = octets_of(seen);
    if (again.size() >= again_max || again_octets + octets > again_octets_max ||
        (is_unanswered && again_unanswered >= again_unanswered_max))
        return false;
    if (is_unanswered) ++again_unanswered;
    again_octets += octets;
    again.emplace(position, Again{.seen = seen, .cause = cause, .at = runtime::now()});
    if (!is_unanswered) again_alike.try_emplace(hash, position);
    again_waiting.push_back(position);
    again_wakes.notify_one();
    return true;
}

Status PairJudge::Work::read(capture::Batch& batch) {
    batch.clear();
    std::unique_lock lock(again_mutex);
    again_wakes.wait_for(lock, longest_wait, [&] { return again_ended || !again_waiting.empty(); });
    if (again_waiting.empty()) {
        source_ended = again_ended;
        return {};
    }
    const Again& next = again.at(again_waiting.front());
    capture::Query query;
    query.message = next.seen.query;
    // Two answers are judged as they were seen, and asked again from there on.
    if (is_answered(next.seen)) {
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

void PairJudge::Work::ask_again() {
    runs::Options run_options;
    run_options.older = options.older;
    run_options.newer = options.newer;
    run_options.policy = options.policy;
    run_options.zones_or_null = options.zones_or_null;
    run_options.workers = 1;
    run_options.window = again_window;
    run_options.timeout = options.timeout;
    run_options.lag = options.lag;
    run_options.rechecks_a_cause = std::numeric_limits<std::uint32_t>::max();  // `judge` bounds it
    run_options.in_order = false;
    Status status;
    const Status ran = runtime::caught([&] {
        status = run(
            *this, run_options,
            [this](judge::Stretch&& stretch) { return asked_again(std::move(stretch)); },
            again_stop);
    });
    // Without it (no sockets left, say) differences are judged as they were seen.
    const std::scoped_lock lock(mutex, again_mutex);
    if (!status || !ran) asks_again = false;
    for (const auto& [at, left] : again) {
        const Status judged = runtime::caught([&] {
            judge::Stretch one;
            judge_left(one, at, left.seen, left.at);
            add(done, std::move(one), left.alike);
        });
        if (!judged) judge::Collector::dropped(done);
    }
    again.clear();
    again_alike.clear();
    again_waiting.clear();
    again_unanswered = 0;
    again_octets = 0;
    is_asking = false;
    again_done.notify_all();
}

/// One question, as it came out when both servers were asked again.
Status PairJudge::Work::asked_again(judge::Stretch&& stretch) {
    const std::scoped_lock lock(mutex, again_mutex);
    const auto found = again.find(stretch.first);
    const judge::Sums& sums = stretch.sums;
    // The end came before: it is judged as it was seen.
    if (found == again.end() || sums.asked == 0 || sums.dropped != 0) {
        judge::Sums network;
        network.stray = sums.stray;
        network.repeats = sums.repeats;
        done.sums.add(network);
        return {};
    }
    const Again& original = found->second;
    const Observed& seen = original.seen;
    if (!is_answered(seen)) {
        --again_unanswered;
        if (sums.timed_out == 0)
            for (const judge::Side side : {judge::Side::older, judge::Side::newer})
                if ((side == judge::Side::older ? seen.older : seen.newer).empty())
                    ++done.sums.repeats[static_cast<std::size_t>(side)];
    } else {
        const auto difference =
            collector.comparer().difference(asked_of(seen), seen.older, seen.newer);
        if (difference.open_end && stretch.cases.size() == 1 &&
            stretch.cases[0].cause == difference.open_end->cause)
            ends.learn(*difference.open_end);
        const auto came_to = [&](compare::Verdict verdict) {
            return sums.by_verdict[static_cast<std::size_t>(verdict)] != 0;
        };
        const bool has_changed =
            sums.same != 0 || came_to(compare::Verdict::in_flight) ||
            came_to(compare::Verdict::unstable) ||
            sums.by_rule[static_cast<std::size_t>(compare::Rule::rotating)] != 0;
        if (sums.unconfirmed != 0)
            collector.asked_again(original.cause, judge::Collector::AgainOutcome::silent);
        else if (has_changed)
            collector.asked_again(original.cause, judge::Collector::AgainOutcome::otherwise);
        else if (sums.asked_again != 0)
            collector.asked_again(original.cause, judge::Collector::AgainOutcome::same_again);
        if (const auto place = again_alike.find(hash_of(seen));
            place != again_alike.end() && place->second == found->first)
            again_alike.erase(place);
    }
    const std::uint64_t alike = original.alike;
    again_octets -= octets_of(seen);
    again.erase(found);
    add(done, std::move(stretch), alike);
    return {};
}

void PairJudge::Work::finish() {
    stopping.store(true, std::memory_order_release);
    if (comparing.joinable()) comparing.join();
    {
        std::unique_lock lock(again_mutex);
        again_ended = true;
        again_wakes.notify_all();
        again_done.wait_for(lock, std::chrono::nanoseconds(2 * options.timeout.nanoseconds),
                            [this] { return !is_asking; });
    }
    again_stop.store(true, std::memory_order_relaxed);
    if (asking.joinable()) asking.join();
}

judge::Stretch PairJudge::Work::take() {
    const std::scoped_lock lock(mutex);
    for (Counted& told : counted) {
        const Channel& channel = *told.channel;
        const std::uint64_t drops = channel.dropped.value() - told.drops;
        done.sums.asked += drops;
        done.sums.dropped += drops;
        told.drops += drops;
        const std::uint64_t repeats = channel.repeats.value() - told.repeats;
        done.sums.repeats[static_cast<std::size_t>(judge::Side::newer)] += repeats;
        told.repeats += repeats;
        for (std::size_t side = 0; side < judge::sides; ++side)
            for (std::size_t what = 0; what < ask::stray_count; ++what) {
                const std::uint64_t strays =
                    channel.strays[side][what].value() - told.strays[side][what];
                done.sums.stray[side][what] += strays;
                told.strays[side][what] += strays;
            }
    }
    judge::Stretch out = std::exchange(done, {});
    if (out.sums.asked > 0) {
        out.first = taken + 1;
        taken += out.sums.asked;
        out.last = taken;
    }
    return out;
}

PairJudge::PairJudge(const Options& options, std::vector<Channel*> channels,
                     std::vector<const Channel*> others)
    : work_(std::make_unique<Work>(options, std::move(channels), std::move(others))) {
    work_->start();
}

PairJudge::~PairJudge() = default;

void PairJudge::finish() {
    work_->finish();
}

judge::Stretch PairJudge::take() {
    return work_->take();
}

}  // namespace zc::front
