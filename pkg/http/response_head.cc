#include "http/response_head.h"

#include <algorithm>
#include <string_view>

#include <boost/beast/http/status.hpp>

namespace zc::http {
namespace {

bool is_clean(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto octet = static_cast<unsigned char>(c);
        return (octet >= 32 && octet != 127) || c == '\t';
    });
}

}  // namespace

bool has_body(unsigned status) noexcept {
    return status >= 200 && status != 204 && status != 304;
}

bool is_sendable(const Response& response) noexcept {
    return is_clean(response.content_type) &&
           std::all_of(response.fields.begin(), response.fields.end(), [](const Field& field) {
               return !field.name.empty() &&
                      field.name.find_first_of(": \t") == std::string::npos &&
                      is_clean(field.name) && is_clean(field.value);
           });
}

std::string head_text(const Response& response, const ResponseHead& head) {
    const auto reason =
        boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(response.status));
    std::string out = head.version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ";
    out += std::to_string(response.status) + ' ';
    out.append(reason.data(), reason.size());
    const auto put = [&out](std::string_view name, std::string_view value) {
        out.append("\r\n").append(name).append(": ").append(value);
    };
    put("Server", "zonectl");
    const bool body = has_body(response.status);
    if (body) put("Content-Type", response.content_type);
    if (find_or_null(response.fields, "Cache-Control") == nullptr) put("Cache-Control", "no-store");
    if (!head.allow.empty()) put("Allow", head.allow);
    for (const Field& field : response.fields) put(field.name, field.value);
    if (body && head.framing == ResponseHead::Framing::length)
        put("Content-Length", std::to_string(response.body.size()));
    if (body && head.framing == ResponseHead::Framing::chunked) put("Transfer-Encoding", "chunked");
    if (head.version == 10 && head.keep_alive) put("Connection", "keep-alive");
    if (head.version != 10 && !head.keep_alive) put("Connection", "close");
    return out += "\r\n\r\n";
}

}  // namespace zc::http
