#include "http/conversation.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>

#include "http/response_head.h"
#include "http/target.h"

namespace zc::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::awaitable;
using asio::use_awaitable;
using boost::system::error_code;
using Parser = beast::http::request_parser<beast::http::string_body>;

constexpr std::size_t read_octets = 4096;
constexpr std::size_t joined_octets_max = 16384;  // a body so short goes out with its head

Response text_response(unsigned status, std::string text) {
    Response response;
    response.status = status;
    response.body = std::move(text);
    return response;
}

/// The answer to a request that could not be read; none when there is nobody to answer.
std::optional<Response> refusal(const error_code& error) {
    using Code = beast::http::error;
    if (error == Code::header_limit || error == Code::buffer_overflow)
        return text_response(431, "request line and headers are too long\n");
    if (error == Code::body_limit) return text_response(413, "body is too long\n");
    if (error == Code::end_of_stream || error == Code::partial_message) return std::nullopt;
    if (error.category() == beast::http::make_error_code(Code::bad_method).category())
        return text_response(400, "not an HTTP/1.1 request: " + error.message() + "\n");
    return std::nullopt;
}

/// Octets of bodies that count while this lives.
class Account {
public:
    explicit Account(std::uint64_t& total) noexcept : total_(total) {}
    ~Account() { total_ -= held_; }
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;
    void hold(std::uint64_t octets) noexcept {
        total_ = total_ - held_ + octets;
        held_ = octets;
    }

private:
    std::uint64_t& total_;
    std::uint64_t held_ = 0;
};

/// A request read as far as its header, and what has been found for it.
struct Asked {
    Request request;
    Routes::Selection found;
    std::optional<Response> answer;  // when no handler is to see the request
    bool body_wanted = true;         // or the connection is closed instead of reading it

    const RouteLimits& limits() const {
        static const RouteLimits unknown_path;
        return found.route_or_null == nullptr ? unknown_path : found.route_or_null->limits;
    }
};

class Conversation {
public:
    Conversation(Conversations& all, Wire& wire, std::optional<net::Endpoint> peer)
        : all_(all), wire_(wire), peer_(peer), at_(all.open.insert(all.open.end(), {&wire})) {}
    ~Conversation() { all_.open.erase(at_); }
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    awaitable<void> run();

private:
    enum class Until : std::uint8_t { header, end };
    awaitable<bool> wait_for_request(bool first);
    awaitable<bool> serve(bool last);
    awaitable<error_code> read(Parser& parser, Until until, Account& account);
    awaitable<bool> refuse(error_code error);
    Asked look_at(const Parser& parser) const;
    awaitable<bool> read_body(Parser& parser, Asked& asked, Account& account);
    awaitable<Response> dispatch(const Route& route, Request request);
    awaitable<bool> send(const Response& response, ResponseHead head);
    awaitable<bool> send_pieces(const Response& response, ResponseHead head);
    awaitable<Status> produce(const Response& response, Body& body);
    awaitable<void> close();

    Conversations& all_;
    Wire& wire_;
    std::optional<net::Endpoint> peer_;
    std::list<Conversations::One>::iterator at_;
    beast::flat_buffer buffer_;
};

awaitable<void> Conversation::run() {
    const std::uint32_t requests_max = all_.limits.requests_max;
    wire_.expires_after(all_.limits.request_time);
    if (!co_await wire_.handshake()) co_return;
    for (std::uint32_t served = 0; served < requests_max; ++served) {
        // A client whose octets are always there must not keep the control thread from others.
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
        if (buffer_.size() == 0 && !co_await wait_for_request(served == 0)) co_return;
        if (!co_await serve(served + 1 == requests_max)) co_return;
    }
}

/// False when none comes.
awaitable<bool> Conversation::wait_for_request(bool first) {
    if (all_.stopping) co_return false;
    at_->idle = true;
    wire_.expires_after(first ? all_.limits.request_time : all_.limits.idle_time);
    const auto room = buffer_.prepare(read_octets);
    const std::span<char> into(static_cast<char*>(room.data()), room.size());
    const std::size_t got = co_await wire_.read_some(into);
    at_->idle = false;
    buffer_.commit(got);
    co_return got != 0;
}

/// One request; false when the connection is of no more use.
awaitable<bool> Conversation::serve(bool last) {
    Account account(all_.bodies_octets);
    std::optional<Parser> parser(std::in_place);
    parser->header_limit(all_.limits.header_octets_max);
    parser->body_limit(boost::none);  // the route says it
    wire_.expires_after(all_.limits.request_time);
    const error_code error = co_await read(*parser, Until::header, account);
    if (error) co_return co_await refuse(error);

    Asked asked = look_at(*parser);
    if (asked.body_wanted && !co_await read_body(*parser, asked, account)) co_return false;
    const auto& message = parser->get();
    ResponseHead head;
    head.version = message.version();
    head.only = message.method() == beast::http::verb::head;
    head.keep_alive =
        asked.body_wanted && parser->is_done() && message.keep_alive() && !all_.stopping && !last;
    wire_.expires_never();
    Response response;
    if (asked.answer) {
        response = std::move(*asked.answer);
    } else if (asked.found.route_or_null == nullptr) {
        head.allow = asked.found.allow;
        response = head.allow.empty() ? text_response(404, "nothing at this path\n")
                                      : text_response(405, "this path takes " + head.allow + "\n");
    } else {
        asked.request.body = std::move(parser->get().body());
        response = co_await dispatch(*asked.found.route_or_null, std::move(asked.request));
    }
    head.keep_alive = head.keep_alive && !all_.stopping;
    co_return co_await send(response, std::move(head));
}

/// Feeds `parser` out of the buffer and the wire.
awaitable<error_code> Conversation::read(Parser& parser, Until until, Account& account) {
    const std::size_t kept_max = all_.limits.header_octets_max + read_octets;
    for (;;) {
        while (buffer_.size() != 0 && !parser.is_done()) {
            error_code error;
            buffer_.consume(parser.put(buffer_.data(), error));
            account.hold(parser.get().body().size());
            if (error == beast::http::error::need_more) break;
            if (error) co_return error;
            if (all_.bodies_octets > all_.limits.bodies_octets_max)
                co_return asio::error::make_error_code(asio::error::no_memory);
            if (until == Until::header && parser.is_header_done()) break;
        }
        if (until == Until::header ? parser.is_header_done() : parser.is_done())
            co_return error_code();
        // The parser wants the next line whole: a header's, or that of a chunk's size.
        if (buffer_.size() >= kept_max) co_return beast::http::error::buffer_overflow;
        const auto room = buffer_.prepare(read_octets);
        const std::span<char> into(static_cast<char*>(room.data()), room.size());
        const std::size_t got = co_await wire_.read_some(into);
        if (got == 0) co_return beast::http::error::partial_message;
        buffer_.commit(got);
    }
}

/// Answers a request that cannot be read on. Gives false, for `serve`.
awaitable<bool> Conversation::refuse(error_code error) {
    std::optional<Response> answer = refusal(error);
    if (error == asio::error::no_memory)
        answer = text_response(503, "too much is being sent at a time\n");
    if (!answer) co_return false;
    ResponseHead head;
    co_return co_await send(*answer, std::move(head));
}

Asked Conversation::look_at(const Parser& parser) const {
    Asked out;
    const auto& message = parser.get();
    Result<Target> target = read_target(message.target());
    // RFC 9112 section 3.2: an HTTP/1.1 request without Host is answered 400.
    if (message.version() == 11 && message.count(beast::http::field::host) != 1) {
        out.answer = text_response(400, "wanted: one Host header\n");
        return out;
    }
    if (!target) {
        out.answer = text_response(400, target.error().message + "\n");
        return out;
    }
    Request& request = out.request;
    request.method = std::string(message.method_string());
    out.found = all_.routes.find(request.method, target->segments);
    request.path = std::move(target->path);
    request.query = std::move(target->query);
    request.parameters = std::move(out.found.parameters);
    request.peer = peer_;
    for (const auto& field : message)
        request.fields.push_back({std::string(field.name_string()), std::string(field.value())});
    const Route* route = out.found.route_or_null;
    if (route == nullptr || !route->guard) return out;
    out.answer = route->guard(request);
    if (out.answer) out.body_wanted = parser.is_done();
    return out;
}

/// False when that was the end of the connection.
awaitable<bool> Conversation::read_body(Parser& parser, Asked& asked, Account& account) {
    const RouteLimits& limits = asked.limits();
    const auto length = parser.content_length();
    if (length && *length > limits.body_octets_max)
        co_return co_await refuse(beast::http::error::body_limit);
    if (parser.is_done()) co_return true;
    parser.body_limit(limits.body_octets_max);
    wire_.expires_after(limits.body_time);
    // RFC 9110 section 10.1.1: the client waits for a word before it sends a long body.
    const auto expects = parser.get()[beast::http::field::expect];
    if (parser.get().version() == 11 && beast::iequals(expects, "100-continue") &&
        buffer_.size() == 0 && !co_await wire_.write("HTTP/1.1 100 Continue\r\n\r\n"))
        co_return false;
    const error_code error = co_await read(parser, Until::end, account);
    if (error) co_return co_await refuse(error);
    co_return true;
}

/// `work`, cancelled by `signal`.
template <class T>
awaitable<T> cancelled_by(asio::io_context& control, asio::cancellation_signal& signal,
                          awaitable<T> work) {
    auto token = asio::bind_cancellation_slot(signal.slot(), use_awaitable);
    co_return co_await asio::co_spawn(control, std::move(work), token);
}

awaitable<Response> Conversation::dispatch(const Route& route, Request request) {
    struct Cancelling {
        asio::cancellation_signal signal;
        bool late = false;
    };
    const auto cancelling = std::make_shared<Cancelling>();
    try {
        const base::Duration limit = route.limits.handler_time;
        awaitable<Response> handled = route.handler(std::move(request));
        if (limit == base::Duration()) co_return co_await std::move(handled);
        asio::steady_timer timer(all_.control, std::chrono::nanoseconds(limit.nanoseconds));
        // The timer's handler may be called after this coroutine has ended.
        timer.async_wait([weak = std::weak_ptr(cancelling)](const error_code& cancelled) {
            const auto alive = weak.lock();
            if (cancelled || !alive) return;
            alive->late = true;
            alive->signal.emit(asio::cancellation_type::terminal);
        });
        co_return co_await cancelled_by(all_.control, cancelling->signal, std::move(handled));
    } catch (const std::exception& exception) {
        if (cancelling->late) co_return text_response(503, "this takes too long now\n");
        co_return text_response(500, std::string("failed: ") + exception.what() + "\n");
    }
}

/// False when the connection is of no more use.
awaitable<bool> Conversation::send(const Response& response, ResponseHead head) {
    if (!is_sendable(response)) {
        const Response bad =
            text_response(500, "failed: a header field with a control character\n");
        co_return co_await send(bad, std::move(head));
    }
    if (response.producer) co_return co_await send_pieces(response, std::move(head));
    head.framing = ResponseHead::Framing::length;
    std::string text = head_text(response, head);
    const bool body = has_body(response.status) && !head.only;
    const bool joined = body && response.body.size() <= joined_octets_max;
    if (joined) text += response.body;
    const base::Duration time = all_.limits.request_time;
    bool sent = co_await wire_.write_within(time, text);
    if (sent && body && !joined) sent = co_await wire_.write_within(time, response.body);
    if (!sent || !head.keep_alive) co_await wire_.close_gently();
    co_return sent&& head.keep_alive;
}

awaitable<bool> Conversation::send_pieces(const Response& response, ResponseHead head) {
    if (response.endless && all_.streams >= all_.limits.streams_max) {
        const Response busy = text_response(503, "too many streams are open\n");
        co_return co_await send(busy, std::move(head));
    }
    const bool chunked = head.version == 11;
    head.keep_alive = head.keep_alive && chunked && !response.endless;
    head.framing = chunked ? ResponseHead::Framing::chunked : ResponseHead::Framing::until_close;
    const base::Duration time = all_.limits.request_time;
    if (!co_await wire_.write_within(time, head_text(response, head))) co_return false;
    bool whole = true;
    if (!head.only) {
        Body body(wire_, time, chunked ? Body::Framing::chunked : Body::Framing::until_close);
        const Status made = co_await produce(response, body);
        // A response that is cut has no last chunk.
        whole = made.has_value();
        if (whole && chunked) whole = co_await wire_.write_within(time, "0\r\n\r\n");
    }
    if (whole && !head.keep_alive) co_await wire_.close_gently();
    co_return whole&& head.keep_alive;
}

/// Reads away what the client sends during an endless response, and cancels it when the client
/// goes, or sends more than a request's worth.
awaitable<void> watch(std::shared_ptr<Wire> wire,
                      std::weak_ptr<asio::cancellation_signal> producing, std::size_t octets_max) {
    std::array<char, read_octets> ignored{};
    for (std::size_t total = 0; total <= octets_max;) {
        const std::size_t got = co_await wire->read_some(ignored);
        if (got == 0) break;
        total += got;
    }
    if (const auto signal = producing.lock()) signal->emit(asio::cancellation_type::terminal);
}

awaitable<Status> Conversation::produce(const Response& response, Body& body) {
    if (!response.endless) {
        try {
            co_return co_await response.producer(body);
        } catch (const std::exception& exception) {
            co_return fail(Errc::io, exception.what());
        }
    }
    struct Counted {
        Conversations& all;
        Conversations::One& one;
        ~Counted() {
            --all.streams;
            one.endless_or_null = nullptr;
        }
    };
    const auto signal = std::make_shared<asio::cancellation_signal>();
    ++all_.streams;
    at_->endless_or_null = signal.get();
    const Counted counted{all_, *at_};
    auto watching = watch(wire_.shared_from_this(), signal, all_.limits.header_octets_max);
    asio::co_spawn(all_.control, std::move(watching), asio::detached);
    Status made;
    try {
        made = co_await cancelled_by(all_.control, *signal, response.producer(body));
    } catch (const std::exception& exception) {
        // The server ends it: the client gets the mark of the end.
        if (!all_.stopping) made = fail(Errc::io, exception.what());
    }
    wire_.cancel();  // the watch
    co_return made;
}

}  // namespace

void Conversations::stop() {
    stopping = true;
    for (One& one : open) {
        if (one.idle) one.wire->cancel();
        if (one.endless_or_null != nullptr)
            one.endless_or_null->emit(asio::cancellation_type::terminal);
    }
}

awaitable<void> converse(std::shared_ptr<Conversations> all, std::shared_ptr<Wire> wire,
                         std::optional<net::Endpoint> peer) {
    Conversation conversation(*all, *wire, peer);
    co_await conversation.run();
}

}  // namespace zc::http
