#include "node/writing.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <pthread.h>

#include "base/seed.h"
#include "runtime/clock.h"
#include "runtime/random.h"
#include "runtime/signals.h"

namespace zc::node {
namespace {

namespace asio = boost::asio;

/// Runs the jobs of one lane, in their order.
class Hand {
public:
    Hand(asio::io_context& io, const char* name) : io_(io) {
        const runtime::SignalsBlocked blocked;
        thread_ = std::thread([this] { work(); });
        pthread_setname_np(thread_.native_handle(), name);
    }
    ~Hand() { stop(); }
    Hand(const Hand&) = delete;
    Hand& operator=(const Hand&) = delete;

    void add(std::function<void()> job, std::function<void()> after) {
        {
            const std::lock_guard lock(mutex_);
            jobs_.push_back({std::move(job), std::move(after)});
        }
        wake_.notify_one();
    }
    void stop() noexcept {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_one();
        if (thread_.joinable()) thread_.join();
    }

private:
    struct Job {
        std::function<void()> job, after;
    };
    void work() {
        for (;;) {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
            if (stopping_) return;
            Job job = std::move(jobs_.front());
            jobs_.pop_front();
            lock.unlock();
            job.job();
            asio::post(io_, std::move(job.after));
        }
    }

    asio::io_context& io_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> jobs_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace

class Writing::Crew final : public writer::Crew {
public:
    explicit Crew(asio::io_context& io)
        : io_(io), log_(io, "log"), work_(io, "changes"), upkeep_(io, "upkeep") {}

    void run(writer::Lane lane, std::function<void()> job, std::function<void()> after) override {
        hand_of(lane).add(std::move(job), std::move(after));
    }
    void later(base::Duration time, std::function<void()> then) override {
        if (time == base::Duration()) {
            asio::post(io_, std::move(then));
            return;
        }
        // Owned by the handler, which ends with the context.
        auto timer = std::make_shared<asio::steady_timer>(io_);
        timer->expires_after(std::chrono::nanoseconds(time.nanoseconds));
        timer->async_wait([timer, then = std::move(then)](const boost::system::error_code& error) {
            if (!error) then();
        });
    }
    void stop() noexcept {
        log_.stop();
        work_.stop();
        upkeep_.stop();
    }

private:
    asio::io_context& io_;
    Hand& hand_of(writer::Lane lane) noexcept {
        switch (lane) {
            case writer::Lane::log:
                return log_;
            case writer::Lane::work:
                return work_;
            case writer::Lane::upkeep:
                break;
        }
        return upkeep_;
    }

    Hand log_, work_, upkeep_;
};

class Writing::Publisher final : public writer::Publisher {
public:
    explicit Publisher(To to) : to_(std::move(to)) {}
    void publish(std::vector<writer::PublishedZone> zones) override {
        to_.publish(std::move(zones));
    }
    void reached(const store::Position& position, base::Instant at) override {
        to_.reached(position, at);
    }
    void store_has_moved() override { to_.store_has_moved(); }

private:
    To to_;
};

Writing::Writing(asio::io_context& io, To to)
    : crew_(std::make_unique<Crew>(io)), publisher_(std::make_unique<Publisher>(std::move(to))) {}

Writing::~Writing() {
    stop();
}

Status Writing::begin(const std::string& store_path) {
    writer::Options options;
    options.path = store_path;
    options.now = [] { return runtime::now(); };
    // They only tell histories apart, and are no secret.
    ZC_TRY(const std::uint64_t first, runtime::random_value<std::uint64_t>());
    options.random = [seed = base::Seed(first)]() mutable { return seed.next(); };
    ZC_TRY(writer_, writer::Writer::open(std::move(options), *crew_, *publisher_));
    return {};
}

void Writing::stop() noexcept {
    crew_->stop();
}

}  // namespace zc::node
