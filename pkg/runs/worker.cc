#include "runs/worker.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

#include "base/check.h"
#include "dns/presentation.h"
#include "runtime/clock.h"

namespace zc::runs {
namespace {

using compare::Rule;
using compare::Verdict;
using compare::What;

constexpr std::array<judge::Side, 2> pair_sides = {judge::Side::older, judge::Side::newer};

// A difference that waits for the versions of a zone to become one does not take a place in the
// window; beyond so many they are judged as they are.
constexpr std::uint32_t parked_max = 1024;
// Octets of questions and answers in flight in one worker, and of the differences of batches that
// are not done. Beyond, no more questions are asked.
constexpr std::uint64_t held_octets_max = 48 << 20;
constexpr std::size_t kept_capacity_max = 8192;  // of a buffer that is used again
// A side whose answers vary may draw from a set of so many.
constexpr std::uint32_t rotation_askings_max = 16;
constexpr std::size_t set_records_max = 4096;
// Names above one that are asked for its zone: of aliases, and of what a wildcard makes aliases of.
constexpr unsigned zone_askings_max = 4;
constexpr std::size_t local_datagram_octets = 4096;
// A server need not send larger datagrams, whatever the client takes (RFC 9715 section 3.1).
constexpr std::size_t datagram_octets_usual = 1232;
constexpr auto starved_wait = base::Duration::milliseconds(2);
constexpr auto longest_wait = base::Duration::milliseconds(50);
// For one question: both sides' keys and RRsets, and keys again where they have changed.
constexpr std::size_t keys_asked_max =
    2 * (2 * judge::SignatureCheck::signers_max + judge::SignatureCheck::rrsets_max);
constexpr auto lag_wait_max = base::Duration::milliseconds(500);

/// The message with nothing behind the question, for answers that are truncated where the whole one
/// cannot be had.
std::vector<std::uint8_t> without_records(base::Octets message, std::size_t question_end) {
    std::vector<std::uint8_t> out(
        message.begin(),
        message.begin() + static_cast<std::ptrdiff_t>(std::min(message.size(), question_end)));
    if (out.size() >= 12) std::fill(out.begin() + 6, out.begin() + 12, std::uint8_t{0});
    return out;
}

/// In which zone a server has a name, as its answer to SOA there tells.
struct ToldZone {
    bool is_alias = false;  // of another name, so that the answer is about that
    std::optional<dns::Name> apex;
};
ToldZone zone_in(base::Octets response) {
    ToldZone out;
    const auto message = dns::parse_message(response);
    if (!message || !message->aa || message->tc ||
        (message->rcode != dns::Rcode::noerror && message->rcode != dns::Rcode::nxdomain))
        return out;
    for (const dns::Record& record : message->answer)
        out.is_alias =
            out.is_alias || record.type == dns::RrType::cname || record.type == dns::RrType::dname;
    if (out.is_alias) return out;
    for (const auto* section : {&message->answer, &message->authority})
        for (const dns::Record& record : *section)
            if (record.type == dns::RrType::soa && !out.apex) out.apex = record.owner;
    return out;
}

struct OwnedSoa {
    dns::Name owner;
    std::uint32_t serial = 0;
};
std::optional<OwnedSoa> soa_in(base::Octets response) {
    constexpr std::size_t numbers_octets = 20;  // serial, refresh, retry, expire, minimum
    const auto message = dns::parse_message(response);
    if (!message) return std::nullopt;
    for (const auto* section : {&message->answer, &message->authority})
        for (const dns::Record& record : *section)
            if (record.type == dns::RrType::soa && record.rdata.size() >= numbers_octets)
                return OwnedSoa{record.owner, base::load_u32(record.rdata.data() +
                                                             record.rdata.size() - numbers_octets)};
    return std::nullopt;
}

/// Hashes of what a side has said: records may be long.
using Said = std::set<std::uint64_t>;

/// Adds the parts of an answer that a server may draw from a set.
void collect(Said& into, base::Octets response) {
    const auto message = dns::parse_message(response);
    if (!message) return;
    const std::hash<std::string> hash;
    into.insert(hash(dns::to_string(message->rcode) + (message->aa ? " aa" : "")));
    for (dns::Record record : message->answer) {
        if (record.type == dns::RrType::rrsig || into.size() >= set_records_max) continue;
        record.owner.fold_case();
        record.ttl = 0;
        into.insert(hash(dns::record_text(record)));
    }
}

/// A question whose answers differ, while that is looked into.
struct Recheck {
    compare::Difference difference;
    std::uint32_t askings = 0;  // again
    bool serials_differed = false;
    bool agreed = false;    // at the last asking that both answered
    bool answered = false;  // by all, at one asking at least
    std::array<bool, 2> unstable{};
    std::array<Said, 2> sets;
    base::Duration since{};
    std::vector<std::uint8_t> referee;
    std::optional<std::array<judge::Collector::Signatures, 2>>
        signatures;  // once they are looked at

    // Whether a link leads into another zone.
    dns::Name zone_of;  // that is asked for
    unsigned zone_askings = 0;
    std::optional<dns::Name> owner_zone;  // then it is the target's turn
};

enum class Stage : std::uint8_t {
    first,    // asked as it was asked
    whole,    // both over TCP
    zones,    // the SOA at both ends of a link of a chain
    serial,   // the SOA of the zone
    again,    // both, and the first time the referee
    referee,  // over TCP
    keys,     // DNSKEYs of a signer from one side
    rrset,    // what a signature is over, from one side
};

/// A batch whose questions are in flight.
struct Open {
    std::uint64_t ordinal = 0;
    Finished finished;
    std::uint64_t pending = 0;
    std::size_t held = 0;  // of its stretch, as far as it is in Work::held
    bool all_taken = false;
    std::list<Open>::iterator self;
};

struct Question {
    Open* open = nullptr;
    std::uint64_t position = 0;
    dns::Transport transport = dns::Transport::udp;
    dns::Address client{};
    std::vector<std::uint8_t> query;
    compare::QueryFacts facts;
    std::size_t held = 0;

    Stage stage = Stage::first;
    ask::ServerSet asked;                                     // in the round
    std::array<std::vector<std::uint8_t>, judge::sides> got;  // what came in the round
    std::array<std::vector<std::uint8_t>, 2> answers;         // that are compared
    std::array<std::vector<std::uint8_t>, 2> datagrams;       // when the answers came over TCP
    bool is_whole = false;                                    // `answers` are
    std::array<bool, 2> is_datagram{};                        // but for this one
    std::unique_ptr<Recheck> recheck;
    judge::Side keys_side = judge::Side::older;
    dns::Name keys_signer;
    judge::SignatureCheck::Rrset rrset;  // that keys_side is asked for
    std::array<bool, 2> rrset_silent{};  // it did not answer
    unsigned keys_asked = 0;
    std::array<bool, 2> keys_renewed{};   // after a signature that did not verify
    bool was_seen = false;                // both answers came with the question
    std::array<bool, 2> whole_missing{};  // asked over TCP, a side was silent
};

struct Parked {
    std::uint32_t slot;
    base::Duration wake;
};

}  // namespace

Pacing::Pacing(const Options& options, base::Duration start)
    : pace_(options.pace),
      interval_(options.rate == 0 ? 0 : 1'000'000'000 / std::int64_t{options.rate}),
      next_(start.nanoseconds) {}

base::Duration Pacing::due(base::Instant recorded_at, base::Duration now) noexcept {
    if (pace_ == Options::Pace::recorded) {
        std::int64_t offset = offset_.load(std::memory_order_relaxed);
        if (offset == 0) {
            const std::int64_t mine = now.nanoseconds - recorded_at.nanoseconds;
            if (offset_.compare_exchange_strong(offset, mine)) offset = mine;
        }
        return {recorded_at.nanoseconds + offset};
    }
    if (interval_ == 0) return now;
    // Only the last 10 ms that were missed while the targets were slow are caught up: the rate is
    // a limit.
    constexpr std::int64_t burst = 10'000'000;
    std::int64_t next = next_.load(std::memory_order_relaxed);
    for (;;) {
        const std::int64_t mine = std::max(next, now.nanoseconds - burst);
        if (next_.compare_exchange_weak(next, mine + interval_)) return {mine};
    }
}

void FlightControl::answered(std::size_t done, std::uint64_t lost, base::Duration now,
                             base::Duration timeout) noexcept {
    if (lost > 0) {
        since_ = 0;
        has_lost_ = true;
        if (now < not_before_) return;
        not_before_ = now + timeout;
        allowed_ = std::max(std::min(window_, lowest), allowed_ / 2);
        return;
    }
    since_ += done;
    // Until the first loss it doubles, as what the target takes is not known at all.
    if (since_ < (has_lost_ ? steady * allowed_ : 1)) return;
    allowed_ =
        std::min(window_, has_lost_ ? allowed_ + 1 : allowed_ + static_cast<std::uint32_t>(since_));
    since_ = 0;
}

struct Worker::Work {
    /// `respond` for a batch of questions to stores.
    struct LocalBatch {
        std::array<std::array<answer::Exchange, answer::batch_max>, 2> exchanges{};
        std::vector<std::uint8_t> octets =
            std::vector<std::uint8_t>(2 * answer::batch_max * local_datagram_octets);
        std::vector<std::uint8_t> whole = std::vector<std::uint8_t>(dns::message_octets_max);
    };

    Shared& shared;
    const Options& options;
    judge::Collector collector;
    judge::SignatureCheck signatures;
    judge::ZoneEnds ends;
    std::unique_ptr<ask::Asker> asker;
    ask::ServerSet server_sides;  // that are in `asker`
    answer::Identity identity;    // of stores
    LocalBatch local;

    std::vector<Question> questions;
    std::vector<std::uint32_t> free;
    std::size_t live = 0;  // questions that are not parked
    std::vector<Parked> parked;
    std::list<Open> opens;
    std::uint64_t held = 0;
    FlightControl flight;

    Job job;
    Open* taking = nullptr;             // of `job`
    std::size_t taken = 0;              // queries of it
    std::optional<base::Duration> due;  // of the next query of it
    bool source_ended = false, starved = false;

    explicit Work(Shared& given)
        : shared(given),
          options(given.options),
          collector(given.options.policy, given.options.zones_or_null),
          signatures(given.options.zones_or_null),
          questions(given.options.window + parked_max),
          flight(given.options.window) {
        for (std::size_t i = questions.size(); i-- > 0;)
            free.push_back(static_cast<std::uint32_t>(i));
        parked.reserve(parked_max);
    }

    Target::Kind kind(judge::Side side) const noexcept {
        return shared.targets[judge::index_of(side)]->kind;
    }
    bool is_server(judge::Side side) const noexcept {
        return server_sides.has(judge::index_of(side));
    }

    void run();
    void take_questions();
    void take_local();
    bool begin_next();
    void begin(const capture::Query& query, const compare::QueryFacts& facts);
    void end_batch();
    void stop_taking();
    void finish_if_done(Open& open);
    void wake_parked(base::Duration now);
    void turn(base::Duration wait);

    /// The next step of a question.
    enum class Next : std::uint8_t {
        waits,    // for answers, or parked
        goes_on,  // the round is done already
        done,
    };
    void proceed(std::uint32_t slot, Next next);
    Next step(std::uint32_t slot);
    struct To {
        ask::ServerSet udp, tcp;
    };
    Next round(std::uint32_t slot, Stage stage, base::Octets message, To to);
    void respond(judge::Side side, base::Octets query, const Question& question,
                 dns::Transport transport, std::vector<std::uint8_t>& into);
    Next first_answers(std::uint32_t slot);
    Next whole_answers(std::uint32_t slot);
    Next compare_answers(std::uint32_t slot);
    Next same_answers(std::uint32_t slot, bool is_verified);
    Next verify(std::uint32_t slot);
    Next differs(std::uint32_t slot);
    Next ask_zone(std::uint32_t slot, const dns::Name& name);
    Next zone_told(std::uint32_t slot);
    Next look_into(std::uint32_t slot);
    Next ask_serial(std::uint32_t slot);
    Next ask_again(std::uint32_t slot);
    Next asked_again(std::uint32_t slot);
    Next after_asking(std::uint32_t slot);
    Next conclude(std::uint32_t slot);

    compare::Asked asked(const Question& question) const noexcept {
        return {.query = question.query,
                .transport = question.is_whole ? dns::Transport::tcp : question.transport};
    }
    judge::Pair pair(const Question& question) const noexcept {
        return {.position = question.position,
                .at = runtime::now(),
                .asked = asked(question),
                .older = question.answers[0],
                .newer = question.answers[1]};
    }
    judge::Stretch& stretch(const Question& question) noexcept {
        return question.open->finished.stretch;
    }
    /// Nobody waits for more than the messages that are under way.
    bool ends_now() const noexcept {
        return !options.in_order && shared.stop.load(std::memory_order_relaxed);
    }
};

// ---- Taking questions

void Worker::Work::run() {
    for (;;) {
        if (shared.abandoned.load(std::memory_order_relaxed)) return;
        if (shared.stop.load(std::memory_order_relaxed)) stop_taking();
        starved = false;
        take_questions();
        if (source_ended && taking == nullptr && live == 0 && parked.empty()) return;

        const base::Duration now = runtime::monotonic();
        base::Duration wait = starved ? starved_wait : longest_wait;
        if (due) wait = std::min(wait, *due - now);
        for (const Parked& one : parked) wait = std::min(wait, one.wake - now);
        wait = std::max(wait, base::Duration{});
        if (asker->open_rounds() == 0 && live == 0 && parked.empty() && !due) continue;
        turn(wait);
        if (!parked.empty()) wake_parked(runtime::monotonic());
    }
}

void Worker::Work::take_questions() {
    while (live < flight.allowed() && held + asker->held() < held_octets_max) {
        if (taking == nullptr) {
            if (source_ended || shared.stop.load(std::memory_order_relaxed)) return;
            // With nothing in flight there is nothing else to wait for.
            const bool is_idle = live == 0 && parked.empty();
            switch (shared.flow.take(job, is_idle ? longest_wait : base::Duration{})) {
                case Flow::Got::closed:
                    source_ended = true;
                    return;
                case Flow::Got::none_yet:
                    starved = true;
                    return;
                case Flow::Got::job:
                    break;
            }
            opens.emplace_back();
            taking = &opens.back();
            taking->self = std::prev(opens.end());
            taking->ordinal = job.ordinal;
            taken = 0;
            const auto queries = job.batch->queries();
            taking->finished.stretch.first = queries.front().position;
            taking->finished.stretch.last = queries.front().position;
        }
        if (taken == job.count) {
            end_batch();
            continue;
        }
        if (!begin_next()) return;
    }
}

/// The next question of the batch; false when it has to wait for its time.
bool Worker::Work::begin_next() {
    if (!is_server(judge::Side::older) && !is_server(judge::Side::newer) && options.rate == 0 &&
        options.pace == Options::Pace::rate) {
        take_local();
        return true;
    }
    const capture::Query& query = job.batch->queries()[taken];
    if (options.rate != 0 || options.pace == Options::Pace::recorded) {
        const base::Duration now = runtime::monotonic();
        if (!due) due = shared.pacing.due(query.at, now);
        if (*due > now) return false;
        due.reset();
    }
    ++taken;
    taking->finished.stretch.last = query.position;
    if (const auto facts = compare::read_query(query.message))
        begin(query, *facts);
    else
        judge::Collector::malformed_question(taking->finished.stretch);
    return true;
}

/// Takes as many questions as `respond` takes at once, when both sides are at hand. Pairs that are
/// the same (nearly all) are compared where they stand; the others go the long way.
void Worker::Work::take_local() {
    const auto queries =
        job.batch->queries().subspan(taken, std::min(job.count - taken, answer::batch_max));
    const base::Instant now = runtime::now();
    for (const judge::Side side : pair_sides) {
        if (kind(side) != Target::Kind::store) continue;
        auto& exchanges = local.exchanges[judge::index_of(side)];
        for (std::size_t i = 0; i < queries.size(); ++i) {
            answer::Exchange& exchange = exchanges[i];
            exchange.query = queries[i].message;
            exchange.response = base::MutableOctets(local.octets)
                                    .subspan((judge::index_of(side) * answer::batch_max + i) *
                                                 local_datagram_octets,
                                             local_datagram_octets);
            exchange.arrival = {.transport = dns::Transport::udp,
                                .client = queries[i].client,
                                .now = now,
                                .node = &identity};
        }
        answer::respond(std::span(exchanges).first(queries.size()),
                        *shared.stores[judge::index_of(side)]);
    }
    judge::Stretch& into = taking->finished.stretch;
    for (std::size_t i = 0; i < queries.size(); ++i) {
        const capture::Query& query = queries[i];
        ++taken;
        into.last = query.position;
        const auto facts = compare::read_query(query.message);
        if (!facts) {
            judge::Collector::malformed_question(into);
            continue;
        }
        if (query.transport == dns::Transport::udp) {
            std::array<base::Octets, 2> responses;
            for (const judge::Side side : pair_sides) {
                const answer::Exchange& exchange = local.exchanges[judge::index_of(side)][i];
                responses[judge::index_of(side)] =
                    kind(side) == Target::Kind::recorded
                        ? query.recorded
                        : base::Octets(exchange.response).first(exchange.outcome.response_octets);
            }
            if (!responses[0].empty() && !responses[1].empty() &&
                !judge::is_truncated(responses[0]) && !judge::is_truncated(responses[1]) &&
                collector.same(into, {.query = query.message, .transport = query.transport},
                               responses[0], responses[1]) == judge::Collector::Same::yes)
                continue;
        }
        // A referee may have to be asked, so there may be no room.
        while (live >= options.window && !shared.abandoned.load(std::memory_order_relaxed)) {
            turn(longest_wait);
        }
        if (live >= options.window) return;
        begin(query, *facts);
    }
}

void Worker::Work::begin(const capture::Query& query, const compare::QueryFacts& facts) {
    const std::uint32_t slot = free.back();
    free.pop_back();
    ++live;
    Question& question = questions[slot];
    question.open = taking;
    ++taking->pending;
    question.position = query.position;
    question.transport = query.transport;
    question.client = query.client;
    question.query.assign(query.message.begin(), query.message.end());
    question.facts = facts;
    question.held = query.message.size() + query.recorded.size() + query.recorded_newer.size();
    held += question.held;
    question.is_whole = false;
    question.is_datagram = {};
    question.keys_asked = 0;
    question.keys_renewed = {};
    question.was_seen = !query.recorded_newer.empty();
    question.whole_missing = {};
    question.rrset_silent = {};
    for (auto& datagram : question.datagrams) datagram.clear();
    for (const judge::Side side : pair_sides) {
        auto& answer = question.answers[judge::index_of(side)];
        answer.clear();
        if (kind(side) == Target::Kind::recorded)
            answer.assign(query.recorded.begin(), query.recorded.end());
    }
    To to;
    if (query.recorded_newer.empty()) {
        for (const judge::Side side : pair_sides)
            (query.transport == dns::Transport::udp ? to.udp : to.tcp).add(judge::index_of(side));
        proceed(slot, round(slot, Stage::first, question.query, to));
        return;
    }
    // Asked of nobody: both answers are here.
    question.stage = Stage::first;
    question.asked = {};
    question.got[judge::index_of(judge::Side::older)].assign(query.recorded.begin(),
                                                             query.recorded.end());
    question.got[judge::index_of(judge::Side::newer)].assign(query.recorded_newer.begin(),
                                                             query.recorded_newer.end());
    proceed(slot, Next::goes_on);
}

void Worker::Work::end_batch() {
    Open& open = *taking;
    open.all_taken = true;
    shared.flow.give_back(std::move(job.batch));
    taking = nullptr;
    finish_if_done(open);
}

/// The run is to end: what is not asked yet is left, or was dropped where it cannot be asked by
/// another run.
void Worker::Work::stop_taking() {
    const auto drop_rest = [this] {
        for (; taken < job.count; ++taken) {
            taking->finished.stretch.last = job.batch->queries()[taken].position;
            judge::Collector::dropped(taking->finished.stretch);
        }
    };
    due.reset();
    if (taking != nullptr) {
        if (shared.live)
            drop_rest();
        else
            taking->finished.cut = taken < job.count;
        if (taken == 0) {  // nothing of it: as if it had never been taken
            opens.erase(taking->self);
            taking = nullptr;
        } else {
            end_batch();
        }
    }
    while (shared.live && shared.flow.take(job, {}) == Flow::Got::job) {
        opens.emplace_back();
        taking = &opens.back();
        taking->self = std::prev(opens.end());
        taking->ordinal = job.ordinal;
        taken = 0;
        taking->finished.stretch.first = job.batch->queries().front().position;
        drop_rest();
        end_batch();
    }
    source_ended = true;
    for (Parked& one : parked) one.wake = {};
}

void Worker::Work::finish_if_done(Open& open) {
    if (open.pending > 0 || !open.all_taken) return;
    held -= open.held;
    shared.flow.finish(open.ordinal, std::move(open.finished));
    opens.erase(open.self);
}

/// One turn of the network. Strays belong to no question: they go to the oldest batch that is open.
void Worker::Work::turn(base::Duration wait) {
    const auto done = asker->turn(wait);
    const ask::Asker::Counts counts = asker->take_counts();
    if (!opens.empty()) {
        judge::Sums& sums = opens.front().finished.stretch.sums;
        for (std::size_t side = 0; side < judge::sides; ++side) {
            for (std::size_t i = 0; i < ask::stray_count; ++i)
                sums.stray[side][i] += counts.servers[side].strays[i];
            sums.repeats[side] += counts.servers[side].repeats;
        }
    }
    // A server that answers too late is slow, not silent.
    std::uint64_t lost = counts.recovered;
    for (const auto& server : counts.servers)
        lost += server.strays[static_cast<std::size_t>(ask::Stray::late)];
    flight.answered(done.size(), lost, runtime::monotonic(), options.timeout);
    for (const std::uint32_t slot : done) proceed(slot, Next::goes_on);
}

void Worker::Work::wake_parked(base::Duration now) {
    for (std::size_t i = 0; i < parked.size();) {
        if (parked[i].wake > now) {
            ++i;
            continue;
        }
        const std::uint32_t slot = parked[i].slot;
        parked[i] = parked.back();
        parked.pop_back();
        ++live;
        const bool stopping = shared.stop.load(std::memory_order_relaxed);
        proceed(slot, stopping ? conclude(slot) : ask_again(slot));
    }
}

// ---- Rounds

/// Sends a message to some sides; what can be answered here is answered at once.
Worker::Work::Next Worker::Work::round(std::uint32_t slot, Stage stage, base::Octets message,
                                       To to) {
    Question& question = questions[slot];
    question.stage = stage;
    question.asked = {};
    To servers;
    for (const judge::Side side : {judge::Side::older, judge::Side::newer, judge::Side::referee}) {
        auto& got = question.got[judge::index_of(side)];
        got.clear();
        if (!to.udp.has(judge::index_of(side)) && !to.tcp.has(judge::index_of(side))) continue;
        question.asked.add(judge::index_of(side));
        const bool by_tcp = to.tcp.has(judge::index_of(side));
        switch (kind(side)) {
            case Target::Kind::server:
                (by_tcp ? servers.tcp : servers.udp).add(judge::index_of(side));
                break;
            case Target::Kind::tcp_only:
                servers.tcp.add(judge::index_of(side));
                break;
            case Target::Kind::store:
                respond(side, message, question, by_tcp ? dns::Transport::tcp : dns::Transport::udp,
                        got);
                break;
            case Target::Kind::recorded:
                break;  // is in `answers` already
        }
    }
    if (servers.udp.empty() && servers.tcp.empty()) return Next::goes_on;
    asker->ask(slot, message, servers.udp, servers.tcp);
    return Next::waits;
}

void Worker::Work::respond(judge::Side side, base::Octets query, const Question& question,
                           dns::Transport transport, std::vector<std::uint8_t>& into) {
    const answer::Arrival arrival{.transport = transport,
                                  .client = question.client,
                                  .now = runtime::now(),
                                  .node = &identity};
    const answer::Outcome outcome =
        answer::respond(query, arrival, *shared.stores[judge::index_of(side)], local.whole);
    into.assign(local.whole.begin(), local.whole.begin() + outcome.response_octets);
}

/// Goes on with a question; `goes_on`: its round is done.
void Worker::Work::proceed(std::uint32_t slot, Next next) {
    Question& question = questions[slot];
    while (next == Next::goes_on) {
        for (const judge::Side side :
             {judge::Side::older, judge::Side::newer, judge::Side::referee}) {
            auto& got = question.got[judge::index_of(side)];
            if (question.asked.has(judge::index_of(side)) && is_server(side))
                asker->take_answer(slot, judge::index_of(side), got);
            question.held += got.size();
            held += got.size();
        }
        next = step(slot);
    }
    if (next == Next::waits) return;
    question.recheck.reset();
    held -= question.held;
    const auto shrink = [](std::vector<std::uint8_t>& octets) {
        if (octets.capacity() > kept_capacity_max) octets = {};
    };
    shrink(question.query);
    for (auto& octets : question.got) shrink(octets);
    for (auto& octets : question.answers) shrink(octets);
    for (auto& octets : question.datagrams) shrink(octets);
    Open& open = *question.open;
    const std::size_t now_held = open.finished.stretch.octets();
    held += now_held - std::exchange(open.held, now_held);
    --open.pending;
    --live;
    free.push_back(slot);
    finish_if_done(open);
}

Worker::Work::Next Worker::Work::step(std::uint32_t slot) {
    Question& question = questions[slot];
    if (ends_now() && question.recheck) {
        judge::Collector::dropped(stretch(question));
        return Next::done;
    }
    switch (question.stage) {
        case Stage::first:
            return first_answers(slot);
        case Stage::whole:
            return whole_answers(slot);
        case Stage::zones:
            return zone_told(slot);
        case Stage::serial: {
            const auto older = soa_in(question.got[0]);
            const auto newer = soa_in(question.got[1]);
            question.recheck->serials_differed = older && newer &&
                                                 dns::equal(older->owner, newer->owner) &&
                                                 older->serial != newer->serial;
            // Nobody is there: what was seen stands.
            if (question.got[0].empty() && question.got[1].empty()) {
                ++question.recheck->askings;
                return conclude(slot);
            }
            return ask_again(slot);
        }
        case Stage::again:
            return asked_again(slot);
        case Stage::referee:
            std::swap(question.recheck->referee,
                      question.got[judge::index_of(judge::Side::referee)]);
            return after_asking(slot);
        case Stage::rrset: {
            const auto& told = question.got[judge::index_of(question.keys_side)];
            signatures.learn_rrset(question.keys_side, question.rrset, told, runtime::now());
            question.rrset_silent[judge::index_of(question.keys_side)] = told.empty();
            return verify(slot);
        }
        case Stage::keys:
            signatures.learn(question.keys_side, question.keys_signer,
                             question.got[judge::index_of(question.keys_side)], runtime::now());
            return verify(slot);
    }
    return Next::done;
}

Worker::Work::Next Worker::Work::first_answers(std::uint32_t slot) {
    Question& question = questions[slot];
    bool is_cut = false;
    bool by_datagram = false;
    for (const judge::Side side : pair_sides)
        if (kind(side) != Target::Kind::recorded)
            std::swap(question.answers[judge::index_of(side)], question.got[judge::index_of(side)]);
    for (const judge::Side side : pair_sides) {
        const auto& answer = question.answers[judge::index_of(side)];
        if (answer.empty()) return compare_answers(slot);
        const bool was_datagram =
            question.transport == dns::Transport::udp && kind(side) != Target::Kind::tcp_only;
        by_datagram = by_datagram || was_datagram;
        is_cut = is_cut || (was_datagram && judge::is_truncated(answer));
    }
    if (!is_cut) return compare_answers(slot);
    To askable;
    for (const judge::Side side : pair_sides) {
        auto& answer = question.answers[judge::index_of(side)];
        if (kind(side) != Target::Kind::recorded) {
            askable.tcp.add(judge::index_of(side));
        } else if (judge::is_truncated(answer)) {
            // The whole answer of this side cannot be had. If the other one is truncated too, what
            // is left to compare are the headers.
            if (judge::is_truncated(question.answers[0]) &&
                judge::is_truncated(question.answers[1]))
                for (auto& both : question.answers)
                    both = without_records(both, question.facts.question_octets);
            return compare_answers(slot);
        }
    }
    if (ends_now()) {
        judge::Collector::dropped(stretch(question));
        return Next::done;
    }
    for (const judge::Side side : pair_sides) {
        question.datagrams[judge::index_of(side)] = question.answers[judge::index_of(side)];
    }
    return round(slot, Stage::whole, question.query, askable);
}

Worker::Work::Next Worker::Work::whole_answers(std::uint32_t slot) {
    Question& question = questions[slot];
    // Silence takes nothing from what was seen before; it explains nothing either.
    if (question.was_seen) {
        for (const judge::Side side : pair_sides)
            question.whole_missing[judge::index_of(side)] =
                question.asked.has(judge::index_of(side)) &&
                question.got[judge::index_of(side)].empty();
        if (question.whole_missing[0] || question.whole_missing[1]) return differs(slot);
    }
    question.is_whole = true;
    for (const judge::Side side : pair_sides)
        if (question.asked.has(judge::index_of(side)))
            std::swap(question.answers[judge::index_of(side)], question.got[judge::index_of(side)]);
    return compare_answers(slot);
}

Worker::Work::Next Worker::Work::compare_answers(std::uint32_t slot) {
    Question& question = questions[slot];
    if (question.answers[0].empty() || question.answers[1].empty()) return differs(slot);
    // Whole answers that are the same are counted when the datagrams have been looked at too.
    if (question.is_whole) {
        const compare::Sameness sameness =
            collector.comparer().same(asked(question), question.answers[0], question.answers[1]);
        if (!sameness.same) return differs(slot);
        if (sameness.needed.has(Rule::signatures)) return verify(slot);
        return same_answers(slot, false);
    }
    switch (collector.same(stretch(question), asked(question), question.answers[0],
                           question.answers[1])) {
        case judge::Collector::Same::yes:
            return Next::done;
        case judge::Collector::Same::if_verified:
            return verify(slot);
        case judge::Collector::Same::no:
            break;
    }
    return differs(slot);
}

/// The answers are the same. If they came over TCP, were the datagrams right?
Worker::Work::Next Worker::Work::same_answers(std::uint32_t slot, bool is_verified) {
    Question& question = questions[slot];
    const judge::Pair answers = pair(question);
    if (!question.is_whole || question.facts.qtype == dns::RrType::any) {
        if (is_verified || question.is_whole) collector.verified(stretch(question), answers);
        return Next::done;
    }
    const std::size_t datagram_octets =
        question.facts.edns
            ? std::min<std::size_t>(question.facts.udp_octets_max, datagram_octets_usual)
            : std::size_t{512};
    const compare::Asked by_udp{.query = question.query, .transport = dns::Transport::udp};
    std::array<bool, 2> is_cut{}, is_wrong{};
    for (const judge::Side side : pair_sides) {
        const std::size_t i = judge::index_of(side);
        const auto& datagram = question.datagrams[i];
        is_cut[i] = judge::is_truncated(datagram);
        is_wrong[i] = is_cut[i] && question.answers[i].size() <= datagram_octets;
        // A datagram that claims to be whole, and is not what the same server says over TCP.
        if (!is_cut[i] && kind(side) == Target::Kind::server &&
            !collector.comparer().same(by_udp, datagram, question.answers[i]).same) {
            question.answers[i] = datagram;
            question.is_datagram[i] = true;
            return differs(slot);
        }
    }
    // A server that is asked over TCP alone could not truncate.
    const bool both_by_datagram = kind(judge::Side::older) != Target::Kind::tcp_only &&
                                  kind(judge::Side::newer) != Target::Kind::tcp_only;
    if (!is_wrong[0] && !is_wrong[1] && (is_cut[0] == is_cut[1] || !both_by_datagram)) {
        collector.verified(stretch(question), answers);
        return Next::done;
    }
    const judge::Pair datagrams{.position = answers.position,
                                .at = answers.at,
                                .asked = by_udp,
                                .older = question.datagrams[0],
                                .newer = question.datagrams[1]};
    compare::Judgement judgement;
    judgement.what = What::flags;
    judgement.where =
        collector.comparer().difference(by_udp, datagrams.older, datagrams.newer).where;
    const std::string flags =
        std::string("tc=") + (is_cut[0] ? "1" : "0") + "/" + (is_cut[1] ? "1" : "0");
    if (is_wrong[0] || is_wrong[1]) {
        judgement.verdict = is_wrong[0] && is_wrong[1] ? Verdict::both_wrong
                            : is_wrong[0]              ? Verdict::older_wrong
                                                       : Verdict::newer_wrong;
        const std::size_t i = is_wrong[0] ? 0 : 1;
        judgement.sentence =
            std::string("the ") + std::string(to_string(pair_sides[i])) +
            " server truncates an answer of " + std::to_string(question.answers[i].size()) +
            " octets that fits in a datagram of " + std::to_string(datagram_octets);
        judgement.clause = "RFC 2181 section 9";
    } else if (options.policy.rules.has(Rule::truncation)) {
        judgement.verdict = Verdict::both_legal;
        judgement.rule = Rule::truncation;
        judgement.sentence =
            "one server truncates what does not fit as it writes it, the whole answers are the "
            "same";
        judgement.clause = compare::row_of(Rule::truncation).clause;
    } else {
        judgement.verdict = Verdict::undecided;
        judgement.sentence = "one server truncates, the other does not";
    }
    const std::string which = is_wrong[0] && is_wrong[1] ? " (both would fit)"
                              : is_wrong[0]              ? " (the old one's would fit)"
                              : is_wrong[1]              ? " (the new one's would fit)"
                                                         : "";
    collector.judged(
        stretch(question), datagrams, judgement, {flags},
        "flags " + std::string(compare::to_string(judgement.where)) + " " + flags + which);
    return Next::done;
}

// ---- Signatures

Worker::Work::Next Worker::Work::verify(std::uint32_t slot) {
    Question& question = questions[slot];
    const base::Instant now = runtime::now();
    std::array<judge::Collector::Signatures, 2> told;
    for (const judge::Side side : pair_sides) {
        const std::size_t i = judge::index_of(side);
        const auto message = dns::parse_message(question.answers[i]);
        if (!message && !question.recheck) return differs(slot);
        if (!message) continue;  // it is wrong by what is worse
        // A recording cannot be asked for keys; the other server should have the same.
        const judge::Side holder = kind(side) != Target::Kind::recorded ? side
                                   : side == judge::Side::older         ? judge::Side::newer
                                                                        : judge::Side::older;
        const bool can_ask = kind(holder) != Target::Kind::recorded && !ends_now();
        const auto ask_holder = [&](Stage stage, base::Octets query) {
            ++question.keys_asked;
            question.keys_side = holder;
            To to;
            to.tcp.add(judge::index_of(holder));
            return round(slot, stage, query, to);
        };
        const std::vector<dns::Name> missing = signatures.missing(holder, *message, now);
        for (const dns::Name& signer : missing) {
            if (signatures.learn_from_zones(holder, signer, now)) continue;
            if (!can_ask || question.keys_asked >= keys_asked_max) break;
            question.keys_signer = signer;
            return ask_holder(Stage::keys, judge::SignatureCheck::keys_query(signer));
        }
        for (const judge::SignatureCheck::Rrset& rrset :
             signatures.missing_rrsets(holder, *message, now)) {
            // Another side may have other data; one that is silent would not say the others either.
            if (holder != side || !can_ask || question.rrset_silent[i] ||
                question.keys_asked >= keys_asked_max)
                break;
            question.rrset = rrset;
            return ask_holder(Stage::rrset, judge::SignatureCheck::rrset_query(rrset));
        }
        told[i] = judge::Collector::Signatures(signatures.verify(holder, *message, now));
        if (!told[i].good() && !question.keys_renewed[i] &&
            signatures.forget_old(holder, *message, now)) {
            question.keys_renewed[i] = true;
            return verify(slot);
        }
        // Nobody can say that they are good: a difference that is left for people.
        if (told[i].unknown && !question.recheck) return differs(slot);
    }
    if (question.recheck) {
        question.recheck->signatures = std::move(told);
        return look_into(slot);
    }
    if (told[0].good() && told[1].good()) return same_answers(slot, true);
    collector.bad_signatures(stretch(question), pair(question), told);
    return Next::done;
}

// ---- Differences

Worker::Work::Next Worker::Work::differs(std::uint32_t slot) {
    Question& question = questions[slot];
    question.recheck = std::make_unique<Recheck>();
    Recheck& recheck = *question.recheck;
    recheck.difference =
        collector.comparer().difference(asked(question), question.answers[0], question.answers[1]);
    recheck.since = runtime::monotonic();
    if (recheck.difference.open_end && options.recheck != 0 && !ends_now() &&
        std::none_of(pair_sides.begin(), pair_sides.end(),
                     [this](judge::Side side) { return kind(side) == Target::Kind::recorded; })) {
        const dns::Name& owner = recheck.difference.open_end->owner;
        if (!ends.knows(*recheck.difference.open_end) && !owner.view().is_root())
            // An alias is no apex (RFC 1034 section 3.6.2): what is above it is in its zone.
            return ask_zone(slot, dns::Name(owner.view().parent()));
        if (ends.knows(*recheck.difference.open_end)) recheck.difference.leaves_zone();
    }
    return look_into(slot);
}

Worker::Work::Next Worker::Work::ask_zone(std::uint32_t slot, const dns::Name& name) {
    Recheck& recheck = *questions[slot].recheck;
    recheck.zone_of = name;
    ++recheck.zone_askings;
    To both;
    both.udp.add(judge::index_of(judge::Side::older));
    both.udp.add(judge::index_of(judge::Side::newer));
    return round(slot, Stage::zones, dns::encode_query(name, dns::RrType::soa, {}), both);
}

/// Both have to say the same, and with authority: a server that lacks the zone behind the link has
/// not stopped at its own choice.
Worker::Work::Next Worker::Work::zone_told(std::uint32_t slot) {
    Question& question = questions[slot];
    Recheck& recheck = *question.recheck;
    const ToldZone older = zone_in(question.got[0]), newer = zone_in(question.got[1]);
    if (older.is_alias && newer.is_alias && recheck.zone_askings < zone_askings_max &&
        !recheck.zone_of.view().is_root())
        return ask_zone(slot, dns::Name(recheck.zone_of.view().parent()));
    if (!older.apex || !newer.apex || !dns::equal(*older.apex, *newer.apex)) return look_into(slot);
    if (!recheck.owner_zone) {
        recheck.owner_zone = older.apex;
        recheck.zone_askings = 0;
        return ask_zone(slot, recheck.difference.open_end->target);
    }
    if (!dns::equal(*recheck.owner_zone, *older.apex)) {
        ends.learn(*recheck.difference.open_end);
        recheck.difference.leaves_zone();
    }
    return look_into(slot);
}

Worker::Work::Next Worker::Work::look_into(std::uint32_t slot) {
    Question& question = questions[slot];
    Recheck& recheck = *question.recheck;
    const bool is_timeout = question.answers[0].empty() || question.answers[1].empty();
    if (ends_now() && !is_timeout) {
        judge::Collector::dropped(stretch(question));
        return Next::done;
    }
    // Now: keys may change with the zone while the difference is looked at. (Without DO too: RRSIGs
    // come when they are asked for by name, or unasked.)
    if (!is_timeout && !recheck.signatures) return verify(slot);
    // A question without an answer has been asked `sends` times already.
    if (is_timeout || options.recheck == 0 ||
        !collector.worth_asking(recheck.difference.cause, options.rechecks_a_cause))
        return conclude(slot);
    for (const judge::Side side : pair_sides)
        collect(recheck.sets[judge::index_of(side)], question.answers[judge::index_of(side)]);
    return ask_serial(slot);
}

/// Which version of the zone has each side? As soon as possible: later they may be one.
Worker::Work::Next Worker::Work::ask_serial(std::uint32_t slot) {
    Question& question = questions[slot];
    for (const judge::Side side : pair_sides)
        if (kind(side) == Target::Kind::recorded) return ask_again(slot);
    dns::Name apex = question.facts.qname;
    const auto zone = options.zones_or_null == nullptr
                          ? std::nullopt
                          : options.zones_or_null->find(question.facts.qname);
    if (zone)
        apex = dns::Name(zone->apex());
    else if (const auto older = soa_in(question.answers[0]))
        apex = older->owner;
    else if (const auto newer = soa_in(question.answers[1]))
        apex = newer->owner;
    To both;
    both.udp.add(judge::index_of(judge::Side::older));
    both.udp.add(judge::index_of(judge::Side::newer));
    return round(slot, Stage::serial, dns::encode_query(apex, dns::RrType::soa, {}), both);
}

Worker::Work::Next Worker::Work::ask_again(std::uint32_t slot) {
    Question& question = questions[slot];
    const bool by_tcp = question.is_whole || question.transport != dns::Transport::udp;
    To to;
    // A store and a recording say the same again.
    for (const judge::Side side : pair_sides)
        if (is_server(side))
            (by_tcp && !question.is_datagram[judge::index_of(side)] ? to.tcp : to.udp)
                .add(judge::index_of(side));
    if (question.recheck->askings == 0 && options.referee)
        (by_tcp ? to.tcp : to.udp).add(judge::index_of(judge::Side::referee));
    if (to.udp.empty() && to.tcp.empty()) return conclude(slot);
    return round(slot, Stage::again, question.query, to);
}

Worker::Work::Next Worker::Work::asked_again(std::uint32_t slot) {
    Question& question = questions[slot];
    Recheck& recheck = *question.recheck;
    ++recheck.askings;
    std::array<base::Octets, 2> now_says;
    for (const judge::Side side : pair_sides) {
        const std::size_t i = judge::index_of(side);
        now_says[i] =
            question.asked.has(judge::index_of(side)) ? question.got[i] : question.answers[i];
        if (now_says[i].empty()) continue;  // lost: says nothing
        if (!question.asked.has(judge::index_of(side))) continue;
        // Octets that are no message are never the same by a rule, and may still be equal octets.
        if (!judge::identical(question.answers[i], now_says[i]) &&
            !collector.comparer().same(asked(question), question.answers[i], now_says[i]).same)
            recheck.unstable[i] = true;
        collect(recheck.sets[i], now_says[i]);
    }
    if (!now_says[0].empty() && !now_says[1].empty()) {
        recheck.answered = true;
        recheck.agreed = collector.comparer().same(asked(question), now_says[0], now_says[1]).same;
    }
    const auto is_silent = [&](judge::Side side) {
        return question.asked.has(judge::index_of(side)) && now_says[judge::index_of(side)].empty();
    };
    if (is_silent(judge::Side::older) && is_silent(judge::Side::newer)) return conclude(slot);
    if (question.asked.has(judge::index_of(judge::Side::referee))) {
        std::swap(recheck.referee, question.got[judge::index_of(judge::Side::referee)]);
        if (judge::is_truncated(recheck.referee) &&
            kind(judge::Side::referee) != Target::Kind::tcp_only) {
            To to;
            to.tcp.add(judge::index_of(judge::Side::referee));
            return round(slot, Stage::referee, question.query, to);
        }
    }
    return after_asking(slot);
}

Worker::Work::Next Worker::Work::after_asking(std::uint32_t slot) {
    Question& question = questions[slot];
    Recheck& recheck = *question.recheck;
    if (recheck.serials_differed) {
        if (recheck.agreed) return conclude(slot);
        const base::Duration waited = runtime::monotonic() - recheck.since;
        if (waited < options.lag && parked.size() < parked_max &&
            !shared.stop.load(std::memory_order_relaxed)) {
            const base::Duration pause{std::clamp<std::int64_t>(
                options.lag.nanoseconds / 16, 1'000'000, lag_wait_max.nanoseconds)};
            parked.push_back({.slot = slot, .wake = runtime::monotonic() + pause});
            --live;
            return Next::waits;
        }
    }
    const bool is_unstable = recheck.unstable[0] || recheck.unstable[1];
    const std::uint32_t askings_max =
        is_unstable && recheck.sets[0] != recheck.sets[1] && !recheck.serials_differed
            ? std::max(options.recheck, rotation_askings_max)
            : options.recheck;
    if (recheck.askings < askings_max) return ask_again(slot);
    return conclude(slot);
}

Worker::Work::Next Worker::Work::conclude(std::uint32_t slot) {
    Question& question = questions[slot];
    Recheck& recheck = *question.recheck;
    const bool is_unstable = recheck.unstable[0] || recheck.unstable[1];
    const judge::Collector::Again again{
        .older_unstable = recheck.unstable[0],
        .newer_unstable = recheck.unstable[1],
        .sets_equal = is_unstable && recheck.difference.what == What::answer &&
                      recheck.sets[0] == recheck.sets[1],
        .serials_differed = recheck.serials_differed,
        .agreed_later = recheck.agreed,
        .referee = recheck.referee,
        .signatures = recheck.signatures.value_or(std::array<judge::Collector::Signatures, 2>()),
        .whole_missing = question.whole_missing};
    if (recheck.answered)
        collector.asked_again(recheck.difference.cause,
                              is_unstable || recheck.agreed
                                  ? judge::Collector::AgainOutcome::otherwise
                                  : judge::Collector::AgainOutcome::same_again);
    else if (recheck.askings > 0)
        collector.asked_again(recheck.difference.cause, judge::Collector::AgainOutcome::silent);
    if (recheck.askings > 0) ++stretch(question).sums.asked_again;
    if (recheck.askings > 0 && !recheck.answered) ++stretch(question).sums.unconfirmed;
    collector.difference(stretch(question), pair(question), recheck.difference, again);
    return Next::done;
}

// ---- The worker

Worker::Worker(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
Worker::~Worker() = default;

Result<std::unique_ptr<Worker>> Worker::open(Shared& shared, std::uint64_t seed) {
    auto work = std::make_unique<Work>(shared);
    std::array<std::optional<ask::Server>, judge::sides> servers;
    for (std::size_t side = 0; side < judge::sides; ++side) {
        if (shared.targets[side]) servers[side] = shared.targets[side]->asked();
        if (servers[side]) work->server_sides.add(side);
    }
    ZC_TRY(work->asker, ask::Asker::open(servers, {.timeout = shared.options.timeout,
                                                   .sends = shared.options.sends,
                                                   .slots = shared.options.window + parked_max,
                                                   .seed = seed,
                                                   .held_max = held_octets_max}));
    return std::unique_ptr<Worker>(new Worker(std::move(work)));
}

void Worker::run() {
    struct Ended {
        Flow& flow;
        ~Ended() { flow.worker_ended(); }
    };
    const Ended ended{work_->shared.flow};
    work_->run();
}

}  // namespace zc::runs
