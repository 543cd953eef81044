// For tests: a crew whose threads are the test's, in an order that a seed decides; and a publisher that
// keeps what it is given.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"
#include "dns/presentation.h"
#include "writer/crew.h"
#include "writer/writer.h"

namespace zc::writer::test {

/// Jobs of a lane keep their order; everything else happens in any.
class TestCrew final : public Crew {
public:
    explicit TestCrew(std::uint64_t seed) : seed_(seed) {}

    void run(Lane lane, std::function<void()> job, std::function<void()> after) override {
        lane_of(lane).push_back({std::move(job), std::move(after)});
    }
    void later(base::Duration, std::function<void()> then) override {
        later_.push_back(std::move(then));
    }

    /// Lets one thing happen. False: there is nothing to do.
    bool step() {
        std::vector<std::function<void()>> choices;
        if (!log_.empty()) choices.emplace_back([this] { work_on(log_); });
        if (!work_.empty()) choices.emplace_back([this] { work_on(work_); });
        if (!upkeep_.empty()) choices.emplace_back([this] { work_on(upkeep_); });
        if (!after_.empty()) choices.emplace_back([this] { call_first(after_); });
        if (!later_.empty()) choices.emplace_back([this] { call_first(later_); });
        if (choices.empty()) return false;
        choices[seed_.below(choices.size())]();
        return true;
    }
    void run_until_idle() {
        while (step()) {
        }
    }
    /// All that is under way is lost, as with the process.
    void forget() {
        log_.clear();
        work_.clear();
        upkeep_.clear();
        after_.clear();
        later_.clear();
    }

private:
    struct Job {
        std::function<void()> job, after;
    };
    std::deque<Job>& lane_of(Lane lane) {
        if (lane == Lane::log) return log_;
        return lane == Lane::work ? work_ : upkeep_;
    }
    void work_on(std::deque<Job>& lane) {
        Job job = std::move(lane.front());
        lane.pop_front();
        job.job();
        after_.push_back(std::move(job.after));
    }
    static void call_first(std::deque<std::function<void()>>& calls) {
        const auto call = std::move(calls.front());
        calls.pop_front();
        call();
    }

    base::Seed seed_;
    std::deque<Job> log_, work_, upkeep_;
    std::deque<std::function<void()>> after_, later_;
};

struct TestPublisher final : Publisher {
    void publish(std::vector<PublishedZone> zones) override {
        for (PublishedZone& zone : zones) {
            const std::string name = dns::to_string(zone.apex);
            if (zone.state.exists())
                served[name] = std::move(zone.state);
            else
                served.erase(name);
        }
    }
    void reached(const store::Position& at, base::Instant) override {
        CHECK(at.number > position.number);
        position = at;
    }
    void store_has_moved() override { ++moves; }

    std::map<std::string, fold::ZoneState> served;
    store::Position position;
    int moves = 0;
};

}  // namespace zc::writer::test
