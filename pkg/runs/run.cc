#include "runs/run.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <thread>
#include <utility>

#include "ask/asker.h"
#include "dns/message.h"
#include "load/load.h"
#include "runs/flow.h"
#include "runs/worker.h"
#include "runtime/clock.h"
#include "runtime/mapped_file.h"
#include "runtime/random.h"
#include "runtime/workers.h"

namespace zc::runs {
namespace {

Status check(const Options& options) {
    const compare::Policy& policy = options.policy;
    ZC_TRY_STATUS(check(policy.ttl_tolerance_limit, policy.ttl_tolerance));
    ZC_TRY_STATUS(check(policy.serial_lag_limit, policy.serial_lag));
    ZC_TRY_STATUS(check(options.workers_limit, options.workers));
    ZC_TRY_STATUS(check(options.window_limit, options.window));
    ZC_TRY_STATUS(check(options.rate_limit, options.rate));
    ZC_TRY_STATUS(check(options.timeout_limit, options.timeout));
    ZC_TRY_STATUS(check(options.sends_limit, options.sends));
    ZC_TRY_STATUS(check(options.recheck_limit, options.recheck));
    ZC_TRY_STATUS(check(options.lag_limit, options.lag));
    if (options.referee && options.referee->kind == Target::Kind::recorded)
        return fail(Errc::invalid, "a recording cannot be the referee: it cannot be asked");
    return {};
}

/// The body of the source's thread.
Status feed(capture::Source& source, Flow& flow, std::uint64_t questions_max,
            const std::atomic<bool>& stop) {
    std::uint64_t left = questions_max;
    while (left > 0 && !stop.load(std::memory_order_relaxed)) {
        std::unique_ptr<capture::Batch> batch = flow.empty_batch();
        if (batch == nullptr) return {};
        if (Status status = source.read(*batch); !status) {
            if (stop.load(std::memory_order_relaxed)) return {};  // what it was waiting for
            return status;
        }
        const std::size_t count = std::min<std::uint64_t>(batch->size(), left);
        if (count > 0) {
            left -= count;
            flow.put(std::move(batch), count);
            continue;
        }
        flow.give_back(std::move(batch));
        if (source.ended()) return {};
    }
    return {};
}

}  // namespace

Status run(capture::Source& source, const Options& options, const Deliver& deliver,
           const std::atomic<bool>& stop) {
    ZC_TRY_STATUS(check(options));
    const unsigned count =
        options.workers != 0 ? options.workers : std::max(1U, std::thread::hardware_concurrency());
    // A batch for each worker, one that waits for each, and one that is being filled.
    Flow flow(count, std::size_t{2} * count + 1, options.in_order);
    Pacing pacing(options, runtime::monotonic());
    std::atomic<bool> abandoned = false;
    Shared shared{.options = options,
                  .targets = {options.older, options.newer, options.referee},
                  .stores = options.stores,
                  .flow = flow,
                  .pacing = pacing,
                  .stop = stop,
                  .abandoned = abandoned,
                  .live = source.live()};
    std::vector<OpenStore> opened;
    opened.reserve(judge::sides);
    for (std::size_t side = 0; side < judge::sides; ++side) {
        const auto& target = shared.targets[side];
        if (!target || target->kind != Target::Kind::store || shared.stores[side] != nullptr)
            continue;
        for (std::size_t other = 0; other < side; ++other)
            if (shared.targets[other] && shared.targets[other]->kind == Target::Kind::store &&
                shared.targets[other]->path == target->path)
                shared.stores[side] = shared.stores[other];
        if (shared.stores[side] != nullptr) continue;
        ZC_TRY(auto store, OpenStore::open(target->path));
        opened.push_back(std::move(store));
        shared.stores[side] = &opened.back().zones();
    }

    std::vector<std::unique_ptr<Worker>> workers;
    for (unsigned i = 0; i < count; ++i) {
        ZC_TRY(const std::uint64_t seed, runtime::random_value<std::uint64_t>());
        ZC_TRY(auto worker, Worker::open(shared, seed));
        workers.push_back(std::move(worker));
    }
    Status source_status;
    const std::function<void()> give_up = [&] {
        abandoned = true;
        flow.abandon();
    };
    runtime::Workers feeding(
        1,
        [&] {
            // Also when it throws.
            struct Closing {
                Flow& flow;
                ~Closing() { flow.close(); }
            };
            const Closing closing{flow};
            source_status = feed(source, flow, options.questions_max, stop);
        },
        [&] {
            flow.close();
            give_up();
        });
    // An exception from here on leaves no thread that waits.
    struct GivingUp {
        const std::function<void()>& all;
        ~GivingUp() { all(); }
    };
    const GivingUp giving_up{give_up};
    // A thread runs one worker after the other: where there are fewer threads, those that are left
    // find nothing to do.
    std::atomic<std::size_t> next_worker = 0;
    const auto work = [&] {
        for (std::size_t i = next_worker++; i < workers.size(); i = next_worker++)
            workers[i]->run();
    };
    runtime::Workers working(workers.size(), work, give_up);

    Status delivered;
    const Status took = runtime::caught([&] {
        if (working.count() == 0) return;
        while (std::optional<Finished> finished = flow.next()) {
            const bool is_last = finished->cut;
            delivered = deliver(std::move(finished->stretch));
            if (!delivered || is_last) break;
        }
    });
    give_up();  // what is still in flight is behind the end
    const Status fed = feeding.join();
    const Status worked = working.join();
    if (!delivered) return delivered;
    for (const Status* const status : {&took, &fed, &worked})
        if (!*status) return *status;
    // Octets that were read since may be anything.
    if (runtime::mapped_file_changed())
        return fail(Errc::io, "the image file of a store was changed by another hand meanwhile");
    return source_status;
}

struct OpenStore::Work {
    std::optional<load::LoadedStore> loaded;
    std::unique_ptr<catalogue::Catalogue> zones;  // goes first: it borrows from `loaded`
};

OpenStore::OpenStore(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
OpenStore::OpenStore(OpenStore&&) noexcept = default;
OpenStore& OpenStore::operator=(OpenStore&&) noexcept = default;
OpenStore::~OpenStore() = default;

Result<OpenStore> OpenStore::open(const std::string& path) {
    auto work = std::make_unique<Work>();
    ZC_TRY(auto loaded, load::LoadedStore::open(path));
    work->loaded = std::move(loaded);
    ZC_TRY(const std::uint64_t seed, runtime::random_value<std::uint64_t>());
    work->zones = std::make_unique<catalogue::Catalogue>(seed, work->loaded->zones_expected());
    ZC_TRY(const auto report, work->loaded->load(*work->zones));
    static_cast<void>(report);  // damaged zones answer SERVFAIL, as they would when served
    return OpenStore(std::move(work));
}

const catalogue::Catalogue& OpenStore::zones() const noexcept {
    return *work_->zones;
}

Result<std::vector<std::uint8_t>> ask_once(const Target& target, base::Octets query,
                                           dns::Transport transport, base::Duration timeout) {
    if (query.size() < dns::header_octets)
        return fail(Errc::malformed, "a query shorter than a header");
    std::vector<std::uint8_t> response;
    switch (target.kind) {
        case Target::Kind::recorded:
            return fail(Errc::unsupported, "a recording cannot be asked");
        case Target::Kind::store: {
            ZC_TRY(const OpenStore store, OpenStore::open(target.path));
            const answer::Identity identity;
            response.resize(dns::message_octets_max);
            const answer::Outcome outcome = answer::respond(
                query,
                {.transport = transport, .client = {}, .now = runtime::now(), .node = &identity},
                store.zones(), response);
            response.resize(outcome.response_octets);
            return response;
        }
        case Target::Kind::server:
        case Target::Kind::tcp_only:
            break;
    }
    ZC_TRY(const std::uint64_t seed, runtime::random_value<std::uint64_t>());
    const std::array<std::optional<ask::Server>, 1> servers = {target.asked()};
    ZC_TRY(const auto asker,
           ask::Asker::open(servers, {.timeout = timeout, .sends = 1, .slots = 1, .seed = seed}));
    ask::ServerSet by_udp, by_tcp;
    const bool is_udp = transport == dns::Transport::udp && target.kind == Target::Kind::server;
    (is_udp ? by_udp : by_tcp).add(0);
    asker->ask(0, query, by_udp, by_tcp);
    while (asker->turn(timeout).empty()) {
    }
    asker->take_answer(0, 0, response);
    return response;
}

}  // namespace zc::runs
