#include "net/stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include "net/scrambled_stream.h"
#include "net/socket.h"

using namespace zc;
using namespace zc::net;

namespace {

using Octets = std::vector<std::uint8_t>;

struct Pair {
    Descriptor a, b;
    Pair() {
        int fds[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        a = Descriptor(fds[0]);
        b = Descriptor(fds[1]);
    }
};

/// One end as a user of the contract drives it: it sends `to_send`, ends its side, and reads until
/// the other side has ended. It knows nothing of what the stream is.
class Driver {
public:
    Driver(Stream& stream, Octets to_send) : stream_(&stream), to_send_(std::move(to_send)) {}

    /// Does what can be done now. False: nothing more will come of it.
    bool turn() {
        if (!agreed_) {
            const Step step = stream_->handshake();
            if (step.wants()) return wait(step);
            REQUIRE(step.is == Step::Is::done);
            agreed_ = true;
        }
        bool goes_on = write_some();
        goes_on = read_some() || goes_on;
        return goes_on;
    }
    const Octets& received() const { return received_; }
    Step::Is end() const { return end_; }

private:
    bool wait(const Step& step) {
        pollfd one{stream_->descriptor(), static_cast<short>(poll_events(step, 0)), 0};
        REQUIRE(one.events != 0);
        poll(&one, 1, 0);
        return true;
    }
    bool write_some() {
        while (sent_ < to_send_.size()) {
            const Step step = stream_->write(base::Octets(to_send_).subspan(sent_));
            if (step.wants()) return wait(step);
            if (step.is != Step::Is::done) return false;
            sent_ += step.octets;
        }
        if (shut_) return false;
        const Step step = stream_->shut_down();
        if (step.wants()) return wait(step);
        shut_ = true;
        return false;
    }
    bool read_some() {
        std::array<std::uint8_t, 4000> some{};
        while (end_ == Step::Is::done) {
            const Step step = stream_->read(some);
            if (step.wants()) return wait(step);
            if (step.is == Step::Is::done)
                received_.insert(received_.end(), some.begin(),
                                 some.begin() + static_cast<std::ptrdiff_t>(step.octets));
            else
                end_ = step.is;
        }
        return false;
    }

    Stream* stream_;
    Octets to_send_, received_;
    std::size_t sent_ = 0;
    bool agreed_ = false, shut_ = false;
    Step::Is end_ = Step::Is::done;
};

Octets counting(std::size_t size) {
    Octets octets(size);
    for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    return octets;
}

void exchange(Stream& a, Stream& b) {
    const Octets from_a = counting(300'000), from_b = counting(123'457);
    Driver one(a, from_a), other(b, from_b);
    for (bool goes_on = true; goes_on;) {
        goes_on = one.turn();
        goes_on = other.turn() || goes_on;
    }
    CHECK(one.end() == Step::Is::ended);
    CHECK(other.end() == Step::Is::ended);
    CHECK(other.received() == from_a);
    CHECK(one.received() == from_b);
}

}  // namespace

TEST_CASE("octets go both ways at once and end in order, whatever a stream makes of them") {
    {
        Pair pair;
        PlainStream a(std::move(pair.a)), b(std::move(pair.b));
        exchange(a, b);
    }
    Pair pair;
    ScrambledStream a(std::move(pair.a), ScrambledStream::Role::client);
    ScrambledStream b(std::move(pair.b), ScrambledStream::Role::server);
    exchange(a, b);
    // The test stream did want what it is there to want.
    CHECK(a.wants().read_in_write + b.wants().read_in_write > 0);
    CHECK(a.wants().write_in_read + b.wants().write_in_read > 0);
}

TEST_CASE("an orderly end, a cut and nothing yet are three outcomes") {
    Octets some(10);
    {
        Pair pair;
        PlainStream a(std::move(pair.a)), b(std::move(pair.b));
        CHECK(a.read(some).is == Step::Is::wants_read);
        CHECK(poll_events(a.read(some), 0) == POLLIN);
        CHECK(b.write(Octets{1, 2}).octets == 2);
        CHECK(b.shut_down().is == Step::Is::done);
        const Step step = a.read(some);
        CHECK(step.is == Step::Is::done);
        CHECK(step.octets == 2);
        CHECK(a.read(some).is == Step::Is::ended);
        CHECK(a.write(Octets{3}).is == Step::Is::done);  // the other direction goes on
    }
    {
        Pair pair;
        PlainStream a(std::move(pair.a));
        pair.b.reset();
        CHECK(a.write(some).is == Step::Is::reset);
        CHECK(a.write(some).is_over());
    }
    // With a farewell of its own, a stream tells an end from a cut where the socket does not.
    Pair pair;
    ScrambledStream a(std::move(pair.a), ScrambledStream::Role::client);
    pair.b.reset();
    CHECK(a.handshake().is == Step::Is::reset);
}

TEST_CASE("a reader that takes nothing makes a writer want to write, and loses nothing") {
    Pair pair;
    PlainStream a(std::move(pair.a)), b(std::move(pair.b));
    const Octets block = counting(10'000);
    std::size_t sent = 0;
    Step step;
    do {
        step = a.write(block);
        sent += step.octets;
    } while (step.is == Step::Is::done);
    CHECK(step.is == Step::Is::wants_write);
    CHECK(poll_events(step, 0) == POLLOUT);
    Octets some(60'000);
    std::size_t got = 0;
    while ((step = b.read(some)).is == Step::Is::done) got += step.octets;
    CHECK(got == sent);
    CHECK(a.write(block).is == Step::Is::done);
}

TEST_CASE("a connection that is made wants to write at first, and a refused one is reset") {
    const Endpoint loopback{*dns::parse_address("127.0.0.1"), 0};
    auto listener = listen_tcp(loopback, Sharing::none);
    REQUIRE(listener.has_value());
    const Endpoint there{loopback.address, *bound_port(*listener)};
    const auto until_over = [&](Step::Is wanted) -> Step {
        auto stream = connect_stream(there);
        REQUIRE(stream.has_value());
        for (;;) {
            const Step step = (*stream)->write(Octets{1});
            if (!step.wants()) {
                CHECK(step.is == wanted);
                return step;
            }
            CHECK(poll_events(step, 0) == POLLOUT);
            pollfd one{(*stream)->descriptor(), POLLOUT, 0};
            REQUIRE(poll(&one, 1, 10'000) == 1);  // that a test fails, and does not hang
        }
    };
    until_over(Step::Is::done);
    listener->reset();
    CHECK(until_over(Step::Is::reset).reason.text() == "Connection refused");
}

TEST_CASE("the reason of a step always has a text, and it is never success") {
    CHECK(Step{.is = Step::Is::failed}.reason.text() == "no reason was given");
    CHECK(Reason::of_system(0).text() == "no reason was given");
    CHECK(Reason::of_system(1 << 20).text() == "no reason was given");  // no errno of the system
    CHECK(Reason::of_system(ENOMEM).text() == "Cannot allocate memory");
    CHECK(Reason("the certificate is of yesterday").text() == "the certificate is of yesterday");

    Pair pair;
    ScrambledStream a(std::move(pair.a), ScrambledStream::Role::client);
    pair.b.reset();
    Octets some(10);
    Step step = a.read(some);
    while (step.wants()) step = a.read(some);
    CHECK(step.is == Step::Is::reset);
    CHECK(step.reason.text() == "Broken pipe");
}

TEST_CASE("makers give streams that own their sockets") {
    Pair pair;
    const int fd = pair.a.get();
    auto stream = plain_streams().make(std::move(pair.a));
    CHECK(stream->descriptor() == fd);
    CHECK(stream->handshake().is == Step::Is::done);
    stream.reset();
    PlainStream other(std::move(pair.b));
    Octets some(1);
    CHECK(other.read(some).is == Step::Is::ended);
}
