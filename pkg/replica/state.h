// The state machine over the ordered log: from each entry, and the versions of the zones that it
// names, to a verdict for each of its changes. Every node that reads the same log has the same
// verdicts. No clock, no content of a zone and no rule that may change between releases takes part.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "dns/name.h"
#include "replica/entry.h"

namespace zc::replica {

/// Request ids that the log meets before it forgets one. 64 octets each.
inline constexpr std::uint64_t window_default = 1'000'000;

struct Verdict {
    enum class Kind : std::uint8_t {
        applied,    // at `position`
        conflict,   // a version is not the one that the change stands on; see `found`
        duplicate,  // its request was applied at `position`, or is void since then
        aborted,    // an abort: its request has not been applied, and never will be
        void_,      // malformed, of another log, or too late
    };
    Kind kind = Kind::void_;
    std::uint64_t position = 0;
    /// After a conflict: the version of each zone, or name, of the change, in its order.
    std::vector<std::uint64_t> found;
};

/// The fate of a request.
struct Outcome {
    enum class Kind : std::uint8_t { applied, conflict, void_ };
    Kind kind = Kind::void_;
    std::uint32_t attempt = 0;   // the last one that was judged
    std::uint64_t position = 0;  // of the entry that decided it
    bool operator==(const Outcome&) const = default;
};

/// How far the log has been read, and a hash over all that it said.
struct Head {
    LogId log;
    std::uint32_t epoch = 0;
    std::uint64_t position = 0;
    std::uint64_t ids_met = 0;
    std::array<std::uint8_t, 32> chain{};  // BLAKE2b-256 over verdicts, from the first entry on
    bool operator==(const Head&) const = default;
};

/// The versions that the entry will meet: 0 of what does not exist.
struct Versions {
    std::function<std::uint64_t(dns::NameView zone)> of_zone;
    std::function<std::uint64_t(std::string_view name)> of_named;
};

class State {
public:
    /// An empty log, or one whose head and requests were kept.
    explicit State(LogId log, std::uint32_t epoch = 0, std::uint64_t window = window_default);
    struct Remembered {
        RequestId id;
        std::uint64_t met = 0;  // ids met when it was decided last
        Outcome outcome;
    };
    /// `requests` in the order in which they were given by `remembered`. Errors, `malformed`: an id
    /// twice, or one decided after the head.
    static Result<State> resume(const Head& head, std::span<const Remembered> requests,
                                std::uint64_t window = window_default);

    /// The entry at the next position. Octets that are malformed, of another log or another epoch
    /// take a position, count no ids, and have one void verdict.
    std::vector<Verdict> step(base::Octets entry, const Versions& versions);
    /// The same for who has decoded it: `entry` is what `octets` say.
    std::vector<Verdict> step(const Entry& entry, const Versions& versions);

    /// Whoever steps before an entry is durable says so: from now on steps are kept apart until they
    /// are settled, and can be taken back.
    void begin_unsettled() noexcept { keeps_steps_ = true; }
    /// The entries up to there are durable.
    void settle(std::uint64_t up_to);
    /// Those that are not settled have not happened.
    void take_back();

    const Head& head() const noexcept { return head_; }
    /// Empty: the log never met it, or has forgotten it. A definite answer only while `since` of the
    /// request is within the window: see `remembers`.
    std::optional<Outcome> find(const RequestId& id) const;
    bool remembers(std::uint64_t since) const noexcept { return head_.ids_met - since < window_; }
    /// All that is remembered, oldest first.
    std::vector<Remembered> remembered() const;

private:
    struct Record {
        std::uint64_t met = 0, position = 0;
        std::uint32_t attempt = 0;
        Outcome::Kind kind = Outcome::Kind::void_;
    };
    struct Hash {
        std::size_t operator()(const RequestId& id) const noexcept;
    };
    using Requests = std::unordered_map<RequestId, Record, Hash>;
    using Touched = std::unordered_map<std::string, std::uint64_t>;

    Verdict judge(const Change& change, const Versions& versions, Touched& touched);
    Verdict judge_abort(const Change& change);
    bool is_fresh(const Request& request) const;
    void decide(const Request& request, Outcome::Kind kind);
    void forget(std::uint64_t ids_met);
    void begin_step();
    Requests::const_iterator find_kept(const RequestId& id) const;
    void chain(std::span<const Verdict> verdicts);

    struct Unsettled {
        Head before;
        std::vector<std::pair<RequestId, std::optional<Record>>> stood;  // in the order of changes
    };

    Head head_;
    std::uint64_t ids_met_before_ = 0;  // the step that is under way
    bool keeps_steps_ = false;
    std::deque<Unsettled> unsettled_;  // a step each
    std::uint64_t window_;
    Requests requests_;
    std::deque<std::pair<std::uint64_t, RequestId>> by_age_;  // (met, id); stale where met differs
};

}  // namespace zc::replica
