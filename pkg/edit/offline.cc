#include "edit/offline.h"

#include <deque>
#include <optional>
#include <utility>

#include "base/check.h"
#include "store/store.h"
#include "writer/crew.h"
#include "writer/writer.h"

namespace zc::edit {
namespace {

/// Jobs run when the caller lets them: a commit once nothing else can be made ready for the next one,
/// so that it takes many changes; what waits for a time when there is nothing to commit.
class InlineCrew final : public writer::Crew {
public:
    void run(writer::Lane lane, std::function<void()> job, std::function<void()> after) override {
        (lane == writer::Lane::log ? commits_ : ready_)
            .push_back([job = std::move(job), after = std::move(after)] {
                job();
                after();
            });
    }
    void later(base::Duration time, std::function<void()> then) override {
        (time > base::Duration() ? idle_ : ready_).push_back(std::move(then));
    }
    /// False: there is nothing to do.
    bool step() {
        for (auto* queue : {&ready_, &commits_, &idle_}) {
            if (queue->empty()) continue;
            const auto next = std::move(queue->front());
            queue->pop_front();
            next();
            return true;
        }
        return false;
    }

private:
    std::deque<std::function<void()>> ready_, commits_, idle_;
};

/// Nobody is served.
struct NoPublisher final : writer::Publisher {
    explicit NoPublisher(InlineCrew& its_crew) : crew(its_crew) {}
    void publish(std::vector<writer::PublishedZone>) override {}
    void reached(const store::Position&, base::Instant) override {}
    void store_has_moved() override {
        crew.later({}, [this] { writer_or_null->store_was_taken_over(); });
    }
    InlineCrew& crew;
    writer::Writer* writer_or_null = nullptr;  // once it is open
};

}  // namespace

struct Offline::Work {
    InlineCrew crew;
    NoPublisher publisher{crew};
    Past past;
    std::unique_ptr<writer::Writer> writer;
};

Offline::Offline(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
Offline::Offline(Offline&&) noexcept = default;
Offline& Offline::operator=(Offline&&) noexcept = default;
Offline::~Offline() = default;

Result<Offline> Offline::open(OfflineOptions options) {
    auto work = std::make_unique<Work>();
    work->past = past_of_store(options.path);
    writer::Options of_writer;
    of_writer.path = std::move(options.path);
    of_writer.now = std::move(options.now);
    of_writer.random = std::move(options.random);
    ZC_TRY(work->writer, writer::Writer::open(std::move(of_writer), work->crew, work->publisher));
    work->publisher.writer_or_null = work->writer.get();
    return Offline(std::move(work));
}

Answered Offline::ask(const Asked& asked) {
    std::optional<Answered> answer;
    handle_changes(asked, work_->past, *work_->writer,
                   [&answer](Answered got) { answer = std::move(got); });
    while (!answer) ZC_CHECK(work_->crew.step());
    return *std::move(answer);
}

Status Offline::close() {
    std::optional<Status> closed;
    work_->writer->close([&closed](Status status) { closed = std::move(status); });
    while (!closed) ZC_CHECK(work_->crew.step());
    if (*closed) return {};
    Error error = closed->error();
    error.message += "; the changes are durable in the log, and cannot be folded into rows now";
    return tl::unexpected<Error>(std::move(error));
}

}  // namespace zc::edit
