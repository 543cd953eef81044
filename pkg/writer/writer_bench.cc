// How long a change takes until it is durable and published, and how many go through at once; beside
// fdatasync on the same disk.
//
//   one     one client, one set after the other
//   bulk    many requests under way, each of another zone
#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/check.h"
#include "base/seed.h"
#include "dns/presentation.h"
#include "fold/stored_zone.h"
#include "fold/zone_state.h"
#include "runtime/clock.h"
#include "store/store.h"
#include "writer/writer.h"
#include "zone/random_zone.h"

namespace {

using namespace zc;
using namespace zc::writer;  // NOLINT(google-build-using-namespace): the package under test

double milliseconds_since(base::Duration begin) {
    return static_cast<double>((runtime::monotonic() - begin).nanoseconds) / 1e6;
}

/// Lanes on threads, and a control thread that is the benchmark's.
class ThreadCrew final : public Crew {
public:
    ThreadCrew() {
        for (Hand* hand : {&log_, &work_, &upkeep_})
            hand->thread = std::thread([this, hand] { work(*hand); });
    }
    ~ThreadCrew() override {
        for (Hand* hand : {&log_, &work_, &upkeep_}) {
            {
                const std::lock_guard lock(hand->mutex);
                hand->stopping = true;
            }
            hand->wake.notify_one();
            hand->thread.join();
        }
    }
    void run(Lane lane, std::function<void()> job, std::function<void()> after) override {
        Hand& hand = lane == Lane::log ? log_ : lane == Lane::work ? work_ : upkeep_;
        {
            const std::lock_guard lock(hand.mutex);
            hand.jobs.emplace_back(std::move(job), std::move(after));
        }
        hand.wake.notify_one();
    }
    void later(base::Duration time, std::function<void()> then) override {
        // Whoever waits for a time of idleness waits here until the end: nothing is idle.
        if (time == base::Duration())
            post(std::move(then));
        else
            idle_.push_back(std::move(then));
    }
    void be_idle() {
        for (auto& one : std::exchange(idle_, {})) post(std::move(one));
    }
    /// Waits for something to do on the control thread, and does it.
    void step() {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return !posted_.empty(); });
        auto posted = std::move(posted_);
        posted_.clear();
        lock.unlock();
        for (const auto& one : posted) one();
    }

private:
    struct Hand {
        std::mutex mutex;
        std::condition_variable wake;
        std::deque<std::pair<std::function<void()>, std::function<void()>>> jobs;
        bool stopping = false;
        std::thread thread;
    };
    void work(Hand& hand) {
        for (;;) {
            std::unique_lock lock(hand.mutex);
            hand.wake.wait(lock, [&] { return hand.stopping || !hand.jobs.empty(); });
            if (hand.jobs.empty()) return;
            auto [job, after] = std::move(hand.jobs.front());
            hand.jobs.pop_front();
            lock.unlock();
            job();
            post(std::move(after));
        }
    }
    void post(std::function<void()> then) {
        {
            const std::lock_guard lock(mutex_);
            posted_.push_back(std::move(then));
        }
        wake_.notify_one();
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<std::function<void()>> posted_, idle_;
    Hand log_, work_, upkeep_;
};

struct NoPublisher final : Publisher {
    void publish(std::vector<PublishedZone> zones) override { published += zones.size(); }
    void reached(const store::Position&, base::Instant) override {}
    void store_has_moved() override {}
    std::uint64_t published = 0;
};

dns::Name zone_name(std::uint64_t number) {
    return zone::random::name("zone" + std::to_string(number) + ".example.");
}

void make_store(const std::string& path, std::uint64_t zones) {
    auto update = store::Update::begin(path, store::Update::Missing::create);
    ZC_CHECK(update.has_value());
    for (std::uint64_t i = 0; i < zones; ++i) {
        const dns::Name apex = zone_name(i);
        const std::string name = dns::to_string(apex);
        std::vector<zone::random::Record> records;
        records.push_back(zone::random::record(name, dns::RrType::soa,
                                               "ns.example. host.example. 1 7200 900 86400 300"));
        records.push_back(zone::random::record(name, dns::RrType::ns, "ns.example."));
        for (int owner = 0; owner < 7; ++owner)
            records.push_back(zone::random::record("w" + std::to_string(owner) + "." + name,
                                                   dns::RrType::a, "192.0.2.1"));
        auto image = zone::random::build(apex, records);
        ZC_CHECK(image.has_value());
        const std::string key = fold::key_of(apex);
        ZC_CHECK(update
                     ->put({.key = fold::octets_of(key),
                            .state = fold::encode_state(zone::State::serving, false),
                            .serial = 1,
                            .records = 9,
                            .settings = {}},
                           image->octets())
                     .has_value());
    }
    ZC_CHECK(update->commit({}).has_value());
}

Request set_address(std::uint64_t zone, std::uint64_t number) {
    Request request;
    const dns::Name apex = zone_name(zone);
    request.zones = {apex};
    request.make = [apex, number](const std::vector<ZoneView>&) {
        zone::ChangeMaker maker;
        maker.begin(apex, zone::Change::Kind::patch);
        const std::uint8_t rdata[] = {192, static_cast<std::uint8_t>(number >> 16),
                                      static_cast<std::uint8_t>(number >> 8),
                                      static_cast<std::uint8_t>(number)};
        const base::Octets octets(rdata);
        const std::string owner = "w3." + dns::to_string(apex);
        ZC_CHECK(
            maker.set(zone::random::name(owner), dns::RrType::a, 300, {&octets, 1}).has_value());
        std::vector<writer::ZoneChange> changes;
        changes.push_back({apex, *maker.make()});
        return Result<std::vector<writer::ZoneChange>>(std::move(changes));
    };
    return request;
}

double median_of(std::vector<double>& values, double share) {
    if (values.empty()) return 0;
    const auto at = values.begin() +
                    static_cast<std::ptrdiff_t>(static_cast<double>(values.size() - 1) * share);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

double fsync_ms(const std::string& folder) {
    const std::string path = folder + "/fsync";
    const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    std::vector<double> times;
    const std::vector<char> octets(4096, 'x');
    for (int i = 0; i < 300; ++i) {
        ZC_CHECK(::write(fd, octets.data(), octets.size()) == 4096);
        const auto begin = runtime::monotonic();
        ZC_CHECK(::fdatasync(fd) == 0);
        times.push_back(milliseconds_since(begin));
    }
    ::close(fd);
    return median_of(times, 0.5);
}

/// `zones` of the store, `in_flight` requests at once.
void changes(benchmark::State& state) {
    const char* const given = std::getenv("ZC_BENCH_DIR");
    const std::string folder = std::string(given != nullptr ? given : "/var/tmp") + "/zc-writer-" +
                               std::to_string(::getpid());
    std::filesystem::create_directories(folder);
    const std::string path = folder + "/store";
    const auto zones = static_cast<std::uint64_t>(state.range(0));
    const auto in_flight = static_cast<std::uint64_t>(state.range(1));
    make_store(path, zones);
    const double fsync = fsync_ms(folder);
    {
        ThreadCrew crew;
        NoPublisher publisher;
        base::Seed seed(3);
        Options options;
        options.path = path;
        options.now = [] { return runtime::now(); };
        options.random = [random = base::Seed(4)]() mutable { return random.next(); };
        auto writer = Writer::open(std::move(options), crew, publisher);
        ZC_CHECK(writer.has_value());
        std::uint64_t under_way = 0, done = 0, number = 0;
        std::vector<double> times;
        const auto submit = [&] {
            ++under_way;
            (*writer)->submit(set_address(seed.below(zones), ++number),
                              [&, begin = runtime::monotonic()](const Result<Receipt>& got) {
                                  ZC_CHECK(got.has_value());
                                  --under_way;
                                  ++done;
                                  times.push_back(milliseconds_since(begin));
                              });
        };
        for (auto _ : state) {
            while (under_way < in_flight) submit();
            const std::uint64_t before = done;
            while (done == before) crew.step();
        }
        while (under_way > 0) crew.step();
        const Figures figures = (*writer)->figures();
        bool closed = false;
        (*writer)->close([&](const Status&) { closed = true; });
        crew.be_idle();
        while (!closed) crew.step();
        state.counters["changes/s"] =
            benchmark::Counter(static_cast<double>(done), benchmark::Counter::kIsRate);
        state.counters["p50_ms"] = median_of(times, 0.5);
        state.counters["p99_ms"] = median_of(times, 0.99);
        state.counters["fsync_ms"] = fsync;
        state.counters["commits"] = static_cast<double>(figures.commits);
        state.counters["folds"] = static_cast<double>(figures.folded_zones);
        state.counters["unfolded"] = static_cast<double>(figures.unfolded_zones);
    }
    std::filesystem::remove_all(folder);
}

BENCHMARK(changes)
    ->ArgNames({"zones", "in_flight"})
    ->Args({10'000, 1})
    ->Args({200'000, 1})
    ->Args({200'000, 32})
    ->Args({200'000, 4096})
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->MinTime(5);

}  // namespace

BENCHMARK_MAIN();
