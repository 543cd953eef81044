#include "http/message.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/wire.h"

namespace zc::http {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string hexadecimal(std::size_t number) {
    std::array<char, 16> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number, 16);
    return {text.data(), end.ptr};
}

}  // namespace

boost::asio::awaitable<Status> Body::write(std::string piece) {
    // A chunk of no octets would be the last one.
    if (piece.empty()) co_return Status();
    if (framing_ == Framing::chunked) {
        piece.insert(0, hexadecimal(piece.size()) + "\r\n");
        piece += "\r\n";
    }
    const bool written = co_await wire_.write_within(piece_time_, piece);
    if (!written) co_return fail(Errc::io, "the client takes no more");
    co_return Status();
}

const std::string* find_or_null(const std::vector<Field>& fields, std::string_view name) noexcept {
    const auto same = [&](const Field& field) {
        return std::equal(field.name.begin(), field.name.end(), name.begin(), name.end(),
                          [](char a, char b) { return lower(a) == lower(b); });
    };
    const auto found = std::find_if(fields.begin(), fields.end(), same);
    return found == fields.end() ? nullptr : &found->value;
}

Response event_stream(Producer producer) {
    Response response;
    response.content_type = "text/event-stream";
    response.producer = std::move(producer);
    response.endless = true;
    return response;
}

std::string event_text(std::string_view name, std::string_view data) {
    std::string out;
    if (!name.empty()) out.append("event: ").append(name) += '\n';
    for (bool more = true; more;) {
        // CR, LF and both together end a line there.
        const std::size_t end = data.find_first_of("\r\n");
        out.append("data: ").append(data.substr(0, end)) += '\n';
        more = end != std::string_view::npos;
        if (more) data.remove_prefix(end + (data.substr(end, 2) == "\r\n" ? 2 : 1));
    }
    return out += '\n';
}

}  // namespace zc::http
