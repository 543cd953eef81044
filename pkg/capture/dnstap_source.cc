#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <string>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "capture/dnstap.h"
#include "capture/sources.h"
#include "net/socket.h"
#include "runtime/clock.h"
#include "runtime/random.h"

namespace zc::capture {

namespace {

constexpr base::Duration live_wait = base::Duration::milliseconds(100);
constexpr std::size_t writers_max = 64;  // connections at a time
constexpr int reads_a_turn = 16;         // of one writer, before the next has its turn
constexpr mode_t socket_mode = 0660;

class DnstapFile final : public Source {
public:
    DnstapFile(std::unique_ptr<Input> input, const SourceOptions& options, std::uint64_t seed)
        : input_(std::move(input)), pairing_(options.answers, seed, counts_) {}

    Status read(Batch& batch) override {
        batch.clear();
        for (;;) {
            pairing_.drain(batch);
            if (batch.full()) return {};
            if (finished_) {
                if (batch.size() != 0) return {};
                ended_ = true;
                if (error_) return tl::unexpected<Error>(*std::exchange(error_, std::nullopt));
                return {};
            }
            if (const auto frame = frames_.next()) {
                take(*frame);
                continue;
            }
            if (frames_.broken()) {
                error_ =
                    Error{Errc::malformed, "a control frame that is none", {input_->name(), 0}};
                finish();
                continue;
            }
            const auto count = input_->read(frames_.room());
            if (!count) {
                error_ = count.error();
                finish();
            } else if (*count == 0) {
                if (frames_.inside()) pairing_.skip(Skipped::cut_short);
                finish();
            } else {
                frames_.filled(*count);
            }
        }
    }
    bool ended() const noexcept override { return ended_; }
    Status resume_behind(std::uint64_t position) override {
        pairing_.resume_behind(position);
        return {};
    }
    const SourceCounts& counts() const noexcept override { return counts_; }
    std::uint64_t expected() const noexcept override {
        return extrapolate(pairing_.last(), *input_);
    }
    bool resumable() const noexcept override { return input_->repeats(); }

    /// The first frame is START: what is in the stream?
    Status open() {
        for (;;) {
            if (const auto frame = frames_.next()) {
                if (frame->kind != Frame::Kind::control || frame->control != Control::start ||
                    !frame->dnstap)
                    return fail(Errc::unsupported, "a frame stream, but not of dnstap",
                                {input_->name(), 0});
                return {};
            }
            ZC_TRY(const std::size_t count, input_->read(frames_.room()));
            if (count == 0 || frames_.broken())
                return fail(Errc::malformed, "a frame stream without a whole START frame",
                            {input_->name(), 0});
            frames_.filled(count);
        }
    }

private:
    void take(const Frame& frame) {
        switch (frame.kind) {
            case Frame::Kind::data:
                take_frame(frame.octets, pairing_);
                break;
            case Frame::Kind::too_long:
                pairing_.skip(Skipped::garbage_frame);
                break;
            case Frame::Kind::control:
                break;  // STOP; START of another file behind this one
        }
    }
    void finish() {
        finished_ = true;
        pairing_.finish();
    }

    std::unique_ptr<Input> input_;
    SourceCounts counts_;
    Pairing pairing_;
    FrameReader frames_;
    std::optional<Error> error_;
    bool finished_ = false, ended_ = false;
};

/// The receiving end of frame streams: READY is answered by ACCEPT, STOP by FINISH. A writer that
/// begins with START does not want to be answered.
class DnstapSocket final : public Source {
public:
    DnstapSocket(net::Descriptor listener, std::string path, const SourceOptions& options,
                 std::uint64_t seed)
        : listener_(std::move(listener)),
          path_(std::move(path)),
          pairing_(options.answers, seed, counts_) {}
    ~DnstapSocket() override { ::unlink(path_.c_str()); }
    DnstapSocket(const DnstapSocket&) = delete;
    DnstapSocket& operator=(const DnstapSocket&) = delete;

    Status start() {
        if (::listen(listener_.get(), SOMAXCONN) != 0)
            return base::fail_errno(errno, "listen " + path_);
        return {};
    }

    Status read(Batch& batch) override {
        batch.clear();
        const base::Duration until = runtime::monotonic() + live_wait;
        for (;;) {
            pairing_.drain(batch);
            if (batch.full()) return {};
            bool any = false;
            for (auto writer = writers_.begin(); writer != writers_.end();) {
                const bool here = serve(*writer, any);
                writer = here ? std::next(writer) : writers_.erase(writer);
            }
            if (any) continue;
            pairing_.advance(runtime::now());
            pairing_.drain(batch);
            const base::Duration left = until - runtime::monotonic();
            if (batch.size() != 0 || left <= base::Duration{}) return {};
            ZC_TRY_STATUS(wait(left));
        }
    }
    bool ended() const noexcept override { return false; }
    Status resume_behind(std::uint64_t) override { return {}; }
    const SourceCounts& counts() const noexcept override { return counts_; }
    bool live() const noexcept override { return true; }

private:
    struct Writer {
        net::Descriptor socket;
        FrameReader frames{};
        bool answered = false;  // it said READY
        bool started = false;
    };

    /// Takes what a writer has sent, a few reads' worth. False: it has gone.
    bool serve(Writer& writer, bool& any) {
        for (int turn = 0; turn < reads_a_turn; ++turn) {
            while (const auto frame = writer.frames.next()) {
                any = true;
                if (!take(writer, *frame)) return false;
            }
            if (writer.frames.broken()) {
                pairing_.skip(Skipped::garbage_frame);
                return false;
            }
            const base::MutableOctets room = writer.frames.room();
            const ssize_t count = ::recv(writer.socket.get(), room.data(), room.size(), 0);
            if (count < 0) return errno == EAGAIN || errno == EINTR;
            if (count == 0) {
                if (writer.frames.inside()) pairing_.skip(Skipped::cut_short);
                return false;
            }
            writer.frames.filled(static_cast<std::size_t>(count));
        }
        any = true;
        return true;
    }
    bool take(Writer& writer, const Frame& frame) {
        if (frame.kind == Frame::Kind::control) {
            switch (frame.control) {
                case Control::ready:
                    if (writer.answered || writer.started || !frame.dnstap) break;
                    writer.answered = true;
                    return send(writer, Control::accept);
                case Control::start:
                    if (writer.started || !frame.dnstap) break;
                    writer.started = true;
                    return true;
                case Control::stop:
                    if (writer.answered) static_cast<void>(send(writer, Control::finish));
                    return false;
                case Control::accept:
                case Control::finish:
                    break;
            }
            pairing_.skip(Skipped::garbage_frame);
            return false;
        }
        if (!writer.started) {
            pairing_.skip(Skipped::garbage_frame);
            return false;
        }
        if (frame.kind == Frame::Kind::data)
            take_frame(frame.octets, pairing_);
        else
            pairing_.skip(Skipped::garbage_frame);
        return true;
    }
    static bool send(const Writer& writer, Control control) {
        // Some forty octets into an empty socket: they fit, or the peer is none.
        const auto octets = control_frame(control);
        return ::send(writer.socket.get(), octets.data(), octets.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(octets.size());
    }
    Status wait(base::Duration longest) {
        std::vector<pollfd> polled;
        polled.reserve(writers_.size() + 1);
        for (const Writer& writer : writers_) polled.push_back({writer.socket.get(), POLLIN, 0});
        // With all places taken a further writer waits in the listen queue.
        if (writers_.size() < writers_max) polled.push_back({listener_.get(), POLLIN, 0});
        const auto milliseconds = static_cast<int>(longest.nanoseconds / 1'000'000 + 1);
        if (::poll(polled.data(), polled.size(), milliseconds) < 0 && errno != EINTR)
            return base::fail_errno(errno, "poll " + path_);
        if (writers_.size() == writers_max || (polled.back().revents & POLLIN) == 0) return {};
        net::Descriptor socket(
            ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        // One that has gone again, or no descriptor left: it tries again.
        if (socket.get() >= 0) writers_.push_back({.socket = std::move(socket)});
        return {};
    }

    net::Descriptor listener_;
    const std::string path_;
    SourceCounts counts_;
    Pairing pairing_;
    std::list<Writer> writers_;
};

/// A socket file that nobody listens at is from a process that was killed: out of the way.
Status remove_stale(const std::string& path, const sockaddr_un& address) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return {};
    if (!S_ISSOCK(status.st_mode)) return fail(Errc::exists, "is there and no socket", {path, 0});
    const net::Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return fail(Errc::busy, "another process listens there", {path, 0});
    if (::unlink(path.c_str()) != 0) return base::fail_errno(errno, "unlink " + path);
    return {};
}

}  // namespace

bool begins_frames(base::Octets head) noexcept {
    return head.size() >= 12 && base::load_u32(&head[0]) == 0 &&
           base::load_u32(&head[4]) <= control_octets_max &&
           base::load_u32(&head[8]) == static_cast<std::uint32_t>(Control::start);
}

Result<std::unique_ptr<Source>> open_dnstap(std::unique_ptr<Input> input,
                                            const SourceOptions& options) {
    ZC_TRY(const std::uint64_t seed, runtime::random_value<std::uint64_t>());
    auto file = std::make_unique<DnstapFile>(std::move(input), options, seed);
    ZC_TRY_STATUS(file->open());
    return std::unique_ptr<Source>(std::move(file));
}

Result<std::unique_ptr<Source>> listen_dnstap(const std::string& socket_path,
                                              const SourceOptions& options) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.empty() || socket_path.size() >= sizeof address.sun_path)
        return fail(Errc::limit,
                    "path of " + std::to_string(socket_path.size()) + " octets, wanted 1.." +
                        std::to_string(sizeof address.sun_path - 1),
                    {socket_path, 0});
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    ZC_TRY_STATUS(remove_stale(socket_path, address));
    net::Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (listener.get() < 0) return base::fail_errno(errno, "socket");
    // Before it has a name, so that it never has more than this mode, whatever the umask.
    if (::fchmod(listener.get(), socket_mode) != 0) return base::fail_errno(errno, "fchmod");
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return base::fail_errno(errno, "bind " + socket_path);
    ZC_TRY(const std::uint64_t seed, runtime::random_value<std::uint64_t>());
    auto source = std::make_unique<DnstapSocket>(std::move(listener), socket_path, options, seed);
    if (::chmod(socket_path.c_str(), socket_mode) != 0)
        return base::fail_errno(errno, "chmod " + socket_path);
    ZC_TRY_STATUS(source->start());
    return std::unique_ptr<Source>(std::move(source));
}

}  // namespace zc::capture
