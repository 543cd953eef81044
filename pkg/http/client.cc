#include "http/client.h"

#include <cerrno>
#include <chrono>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace zc::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;
using Stream = beast::basic_stream<asio::local::stream_protocol>;
using Message = beast::http::request<beast::http::string_body>;
using Parser = beast::http::response_parser<beast::http::string_body>;

asio::awaitable<void> exchange(Stream& stream, const std::string& path, const Message& message,
                               Parser& parser, error_code& error) {
    const asio::local::stream_protocol::endpoint endpoint(path);
    co_await stream.async_connect(endpoint, redirect_error(use_awaitable, error));
    if (error) co_return;
    co_await beast::http::async_write(stream, message, redirect_error(use_awaitable, error));
    // A server may answer (413) and stop reading before it has the whole request.
    if (error && error != asio::error::broken_pipe && error != asio::error::connection_reset)
        co_return;
    beast::flat_buffer buffer;
    co_await beast::http::async_read(stream, buffer, parser, redirect_error(use_awaitable, error));
}

}  // namespace

Result<Received> request(const std::string& socket_path, const std::string& method,
                         const std::string& target, const std::string& body,
                         base::Duration timeout) {
    if (socket_path.empty() || socket_path.size() > 107)
        return fail(Errc::limit, "path of a Unix socket of " + std::to_string(socket_path.size()) +
                                     " octets, limit is 107");
    Message message;
    message.method_string(method);
    message.target(target);
    message.version(11);
    message.set(beast::http::field::host, "localhost");
    message.body() = body;
    message.prepare_payload();
    message.keep_alive(false);
    Parser parser;
    parser.body_limit(response_octets_max);
    if (method == "HEAD") parser.skip(true);

    asio::io_context io;
    Stream stream(io);
    stream.expires_after(std::chrono::nanoseconds(timeout.nanoseconds));
    error_code error;
    asio::co_spawn(io, exchange(stream, socket_path, message, parser, error), asio::detached);
    io.run();

    if (error == beast::error::timeout)
        return fail(Errc::timeout, socket_path + ": no answer in time");
    if (error.category() == boost::system::system_category()) {
        if (error == asio::error::connection_refused || error == asio::error::not_found ||
            error.value() == ENOENT)
            return fail(Errc::not_found, "no node listens at " + socket_path);
        if (error) return base::fail_errno(error.value(), socket_path);
    }
    if (error) return fail(Errc::malformed, socket_path + ": " + error.message());
    Received response;
    response.status = parser.get().result_int();
    response.content_type = std::string(parser.get()[beast::http::field::content_type]);
    response.body = std::move(parser.get().body());
    return response;
}

}  // namespace zc::http
