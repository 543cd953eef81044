// Status line and header fields of a response, as text. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "http/message.h"

namespace zc::http {

/// The part of a response that the server adds.
struct ResponseHead {
    enum class Framing : std::uint8_t { length, chunked, until_close };
    unsigned version = 11;  // 10 or 11
    bool keep_alive = false;
    bool only = false;  // the answer to HEAD
    Framing framing = Framing::length;
    std::string allow;  // of a 405; else empty
};

/// RFC 9110 section 6.4.1: responses of some statuses have none.
bool has_body(unsigned status) noexcept;

/// Whether content type and fields have neither line ends nor other control characters, which
/// would let a value forge fields or a second response.
bool is_sendable(const Response& response) noexcept;

/// With the empty line that ends it.
std::string head_text(const Response& response, const ResponseHead& head);

}  // namespace zc::http
