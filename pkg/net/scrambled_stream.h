// For tests: a stream that behaves as TLS does where TLS is hardest for its user.
//
// Octets travel in records and are crossed with a key that moves on with each octet, so that an
// octet lost, doubled or out of order shows. Either side asks for a new key after each
// `key_octets`: it writes no more until the other side has agreed. So a write wants to read, and
// the other side, which was asked to read, wants to write. A read gives a few octets at a time and
// keeps the rest. An end without a farewell is a `reset`.
//
//     record   type (1) | size (1) | octets
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

#include "base/check.h"
#include "net/stream.h"

namespace zc::net {

class ScrambledStream final : public Stream {
public:
    enum class Role : std::uint8_t { client, server };
    static constexpr std::size_t key_octets = 1000;
    static constexpr std::size_t record_octets_max = 200;
    static constexpr std::size_t read_octets_max = 50;

    ScrambledStream(Descriptor socket, Role role) : Stream(std::move(socket)), role_(role) {}

    Step handshake() noexcept override {
        if (role_ == Role::client && !greeted_) put_record(Type::hello, {});
        greeted_ = greeted_ || role_ == Role::client;
        for (;;) {
            const Step sent = send_pending();
            if (sent.is != Step::Is::done) return sent;
            if (agreed_) return {.holds_more = !plain_.empty()};
            const Step got = receive();
            if (got.is != Step::Is::done) return got;
            if (role_ == Role::server && heard_hello_ && !greeted_) {
                greeted_ = agreed_ = true;
                put_record(Type::hello, {});
                return {.is = Step::Is::wants_write};
            }
            agreed_ = agreed_ || (role_ == Role::client && heard_hello_);
        }
    }

    Step read(base::MutableOctets into) noexcept override {
        if (!agreed_)
            if (const Step step = handshake(); step.is != Step::Is::done) return step;
        for (;;) {
            if (owes_key_) {
                owes_key_ = false;
                put_record(Type::new_key, {});
                ++wants_.write_in_read;
                return {.is = Step::Is::wants_write};
            }
            if (const Step sent = send_pending(); sent.is != Step::Is::done) return sent;
            if (!plain_.empty()) {
                const std::size_t count = std::min({into.size(), plain_.size(), read_octets_max});
                std::copy_n(plain_.begin(), count, into.begin());
                plain_.erase(plain_.begin(), plain_.begin() + static_cast<std::ptrdiff_t>(count));
                return {.holds_more = !plain_.empty() || farewell_, .octets = count};
            }
            if (farewell_) return {.is = Step::Is::ended};
            const Step got = receive();
            if (got.is != Step::Is::done) return got;
        }
    }

    Step write(base::Octets from) noexcept override {
        if (!agreed_)
            if (const Step step = handshake(); step.is != Step::Is::done) return step;
        while (awaits_key_) {
            // The other side may wait for a new key too.
            if (std::exchange(owes_key_, false)) put_record(Type::new_key, {});
            if (const Step sent = send_pending(); sent.is != Step::Is::done) return sent;
            const Step got = receive();
            wants_.read_in_write += got.is == Step::Is::wants_read;
            if (got.is != Step::Is::done) return got;
        }
        if (under_way_.empty()) {
            const auto some = from.first(std::min(from.size(), record_octets_max));
            under_way_.assign(some.begin(), some.end());
            put_record(Type::data, some);
        }
        // The same octets again, as the contract says.
        ZC_CHECK(from.size() >= under_way_.size() &&
                 std::equal(under_way_.begin(), under_way_.end(), from.begin()));
        if (const Step sent = send_pending(); sent.is != Step::Is::done) return sent;
        const std::size_t octets = under_way_.size();
        under_way_.clear();
        written_ += octets;
        if (written_ >= key_octets) {
            written_ = 0;
            awaits_key_ = true;
            put_record(Type::ask_key, {});
        }
        return {.holds_more = !plain_.empty(), .octets = octets};
    }

    Step shut_down() noexcept override {
        if (!said_farewell_) put_record(Type::farewell, {});
        said_farewell_ = true;
        // The socket stays open in this direction too: new keys of the other side need an answer.
        return send_pending();
    }

    void take_leave() noexcept override { shut_down(); }

    struct Wants {
        std::size_t write_in_read = 0, read_in_write = 0;
    };
    const Wants& wants() const noexcept { return wants_; }

private:
    enum class Type : std::uint8_t { hello, data, ask_key, new_key, farewell };

    void put_record(Type type, base::Octets octets) {
        out_.push_back(static_cast<std::uint8_t>(type));
        out_.push_back(static_cast<std::uint8_t>(octets.size()));
        for (const std::uint8_t octet : octets)
            out_.push_back(static_cast<std::uint8_t>(octet ^ out_key_++));
    }

    Step send_pending() noexcept {
        while (!out_.empty()) {
            const ssize_t sent =
                send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && (errno == EAGAIN || errno == EINTR))
                return {.is = Step::Is::wants_write};
            if (sent < 0) return {.is = Step::Is::reset, .reason = Reason::of_system(errno)};
            out_.erase(out_.begin(), out_.begin() + sent);
        }
        return {};
    }

    Step receive() noexcept {
        std::array<std::uint8_t, 4096> some{};
        const ssize_t got = recv(socket_.get(), some.data(), some.size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {.is = Step::Is::wants_read};
        if (got < 0) return {.is = Step::Is::reset, .reason = Reason::of_system(errno)};
        if (got == 0)  // perhaps cut by a stranger
            return {.is = Step::Is::reset, .reason = Reason("an end without a farewell")};
        in_.insert(in_.end(), some.begin(), some.begin() + got);
        std::size_t at = 0;
        while (in_.size() - at >= 2 && in_.size() - at - 2 >= in_[at + 1]) {
            take_record(static_cast<Type>(in_[at]), base::Octets(in_).subspan(at + 2, in_[at + 1]));
            at += 2U + in_[at + 1];
        }
        in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(at));
        return {};
    }

    void take_record(Type type, base::Octets octets) {
        switch (type) {
            case Type::hello:
                heard_hello_ = true;
                break;
            case Type::data:
                for (const std::uint8_t octet : octets)
                    plain_.push_back(static_cast<std::uint8_t>(octet ^ in_key_++));
                break;
            case Type::ask_key:
                owes_key_ = true;
                break;
            case Type::new_key:
                awaits_key_ = false;
                break;
            case Type::farewell:
                farewell_ = true;
                break;
        }
    }

    Role role_;
    std::vector<std::uint8_t> in_, plain_, out_, under_way_;
    std::uint8_t in_key_ = 0x5a, out_key_ = 0x5a;
    std::size_t written_ = 0;  // with this key
    bool greeted_ = false, heard_hello_ = false, agreed_ = false;
    bool awaits_key_ = false, owes_key_ = false;
    bool farewell_ = false, said_farewell_ = false;
    Wants wants_;
};

/// The client's side for tests that wait: each call is one step, repeated until it is done or over.
class ScrambledClient {
public:
    explicit ScrambledClient(Descriptor socket)
        : stream_(std::move(socket), ScrambledStream::Role::client) {}

    bool agree() {
        return repeat([&] { return stream_.handshake(); }).is == Step::Is::done;
    }
    void send(base::Octets octets) {
        for (std::size_t sent = 0; sent < octets.size();) {
            const Step step = repeat([&] { return stream_.write(octets.subspan(sent)); });
            ZC_CHECK(step.is == Step::Is::done);
            sent += step.octets;
        }
    }
    /// Done, or how the stream is over.
    Step read(base::MutableOctets into) {
        return repeat([&] { return stream_.read(into); });
    }
    const ScrambledStream& stream() const { return stream_; }

private:
    template <class Do>
    Step repeat(const Do& step) {
        for (;;) {
            const Step outcome = step();
            if (!outcome.wants()) return outcome;
            pollfd one{stream_.descriptor(), static_cast<short>(poll_events(outcome, 0)), 0};
            ZC_CHECK(poll(&one, 1, 10'000) == 1);  // that a test fails, and does not hang
        }
    }

    ScrambledStream stream_;
};

/// Makes the server's side.
class ScrambledStreams final : public StreamMaker {
public:
    std::unique_ptr<Stream> make(Descriptor socket) const override {
        return std::make_unique<ScrambledStream>(std::move(socket), ScrambledStream::Role::server);
    }
};

}  // namespace zc::net
