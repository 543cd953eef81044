// A comparison: the same questions to both targets, what came back compared, differences asked
// again and judged.
//
//   source (one thread) -> batches -> workers (share nothing, own sockets) -> stretches
//
// Each worker keeps a window of questions in flight. A datagram that gets no answer is sent again;
// when either side's answer is truncated, both are asked over TCP, and the whole answers are
// compared (and each side's datagram with its own whole answer: truncated only what would not have
// fitted). A difference is asked again `recheck` times, on both sides and the referee, to tell what
// is stable; of one cause no more once `rechecks_a_cause` of them stayed, and seldom once as many
// in a row were not answered, so that a difference in everything stays cheap.
//
// Answers are taken only from the address and port that was asked, with the ID and the very
// question that is in flight there; IDs and ports are random, and all else is counted (Stray). So a
// stale or spoofed answer is never compared.
//
// Memory: bounded by windows and queues, whatever the length of the run. A store is not counted.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/limit.h"
#include "base/result.h"
#include "base/time.h"
#include "capture/source.h"
#include "catalogue/catalogue.h"
#include "compare/rules.h"
#include "judge/stretch.h"
#include "runs/target.h"

namespace zc::runs {

struct Options {
    Target older, newer;
    std::optional<Target> referee;
    compare::Policy policy;
    /// Zone data, which decides who is right. Null: there is none. It outlives the run.
    const catalogue::Catalogue* zones_or_null = nullptr;
    /// By Side, for targets that are stores: the catalogue that answers, which outlives the run.
    /// Null: `run` opens the store itself. A caller that has it open already, as zone data or for
    /// a second target, saves the time and the memory.
    std::array<const catalogue::Catalogue*, judge::sides> stores{};

    static constexpr base::Limit<std::uint32_t> workers_limit = {
        .name = "workers", .min = 0, .initial = 0, .max = 64};
    std::uint32_t workers = workers_limit.initial;  // 0: one a core
    static constexpr base::Limit<std::uint32_t> window_limit = {
        .name = "window", .min = 1, .initial = 100, .max = 16384};
    /// Questions in flight, of each worker. While datagrams get lost it is fewer (a
    /// socket with the system's default buffer of 212,992 octets takes about 270). More is not
    /// faster on one machine: NSD and Knot, two cores, 108,000 comparisons a second with 100, and
    /// 59,000 with 256, which waits for what was lost. Over a distance it is.
    std::uint32_t window = window_limit.initial;
    static constexpr base::Limit<std::uint32_t> rate_limit = {
        .name = "rate", .min = 0, .initial = 0, .max = 10'000'000, .unit = base::Unit::per_second};
    std::uint32_t rate =
        rate_limit.initial;  // questions a second in all; 0: as fast as they are answered
    enum class Pace : std::uint8_t { rate, recorded };
    Pace pace = Pace::rate;  // recorded: at the times of the recording
    static constexpr base::Limit<base::Duration> timeout_limit = {
        .name = "answer-timeout",
        .min = base::Duration::milliseconds(1),
        .initial = base::Duration::milliseconds(1000),
        .max = base::Duration::milliseconds(60'000),
        .unit = base::Unit::milliseconds};
    base::Duration timeout = timeout_limit.initial;  // of one sending
    static constexpr base::Limit<std::uint32_t> sends_limit = {
        .name = "sends", .min = 1, .initial = 3, .max = 10};
    std::uint32_t sends = sends_limit.initial;  // of one question to one target, repeats included
    static constexpr base::Limit<std::uint32_t> recheck_limit = {
        .name = "recheck", .min = 0, .initial = 2, .max = 10};
    std::uint32_t recheck = recheck_limit.initial;  // 0: differences are not asked again
    /// A worker asks no more differences of one cause again when so many of them stayed. Those that
    /// did not stay do not count: a server whose answers rotate must not be called wrong after so
    /// many questions.
    std::uint32_t rechecks_a_cause = 64;
    static constexpr base::Limit<base::Duration> lag_limit = {
        .name = "lag",
        .min = base::Duration(),
        .initial = base::Duration(),
        .max = base::Duration::seconds(86'400)};
    base::Duration lag =
        lag_limit.initial;  // how long two versions of a zone may live side by side: a
                            // difference while SOA serials differ is asked again until then
    std::uint64_t questions_max = UINT64_MAX;
    /// False: what a batch came to is delivered when it is known, whatever came before; and `stop`
    /// waits for the messages that are under way alone: differences that nobody has looked into by
    /// then are delivered as dropped. For a live source that keeps its own books.
    bool in_order = true;
};

/// Called on the thread of `run`, in order (if the options want it), with what consecutive
/// questions came to. An error ends the run with it.
using Deliver = std::function<Status(judge::Stretch&& stretch)>;

/// Asks everything that `source` has, and returns when all of it is delivered. `stop` set: takes no
/// more questions, waits for those in flight at most as long as they may take, delivers, returns.
/// The last question delivered is then the last one before the first that was not asked: a run that
/// resumes behind it leaves none out. (A live source cannot be asked again: its questions that were
/// taken and not asked are delivered as dropped.)
/// Errors: of the source, after what came before is delivered; of `deliver`; those of OpenStore;
/// `io` when sockets cannot be had; `limit` for an option outside its limits; `invalid` for a
/// recording as the referee.
Status run(capture::Source& source, const Options& options, const Deliver& deliver,
           const std::atomic<bool>& stop);

/// The store of a target, opened once: the catalogue that `Target::Kind::store` answers from, and
/// that may serve as zone data. Errors: those of load::LoadedStore.
class OpenStore {
public:
    static Result<OpenStore> open(const std::string& path);
    OpenStore(OpenStore&&) noexcept;
    OpenStore& operator=(OpenStore&&) noexcept;
    ~OpenStore();
    const catalogue::Catalogue& zones() const noexcept;

private:
    struct Work;
    explicit OpenStore(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

/// One question to one target, waiting: for replay. Empty: no answer. Errors: `io`.
Result<std::vector<std::uint8_t>> ask_once(const Target& target, base::Octets query,
                                           dns::Transport transport, base::Duration timeout);

}  // namespace zc::runs
