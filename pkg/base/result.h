// How an expected failure travels: a value, or a code with a message and a place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tl/expected.hpp>

namespace zc::base {

/// The kind of failure; the message says what exactly went wrong.
enum class Errc : std::uint8_t {
    malformed,    // octets or text that are not what they should be
    limit,        // well-formed, but over a stated limit
    not_found,    // a file, zone, key that is not there
    exists,       // is there already
    conflict,     // based on a state that has changed since
    invalid,      // well-formed and forbidden by a rule (two SOA records, CNAME beside other data)
    unsupported,  // understood, and not done here
    io,           // the system refused: file, socket, disk
    full,         // no space left on the device
    busy,         // in use by another process
    timeout,      // not within its deadline
    interrupted,  // asked to stop
};

std::string_view to_string(Errc code) noexcept;

/// Where an error was found. Empty `source` and `line` 0 mean: not known (yet).
struct Location {
    std::string source;      // a file name, "stdin", a peer
    std::uint64_t line = 0;  // from 1; 0 is none
};

/// An expected failure. `message` says what was found and what was wanted, without the location.
struct Error {
    Errc code;
    std::string message;
    Location where;

    /// "zones/example.zone:12: malformed: label of 64 octets, limit is 63"
    std::string text() const;
};

/// A `T`, or why there is none. Never ignored: the compiler warns.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
public:
    using tl::expected<T, Error>::expected;
};

using Status = Result<void>;

inline tl::unexpected<Error> fail(Errc code, std::string message, Location where = {}) {
    return tl::unexpected<Error>(Error{code, std::move(message), std::move(where)});
}

/// Fails with the system's own words for `error_number` (an errno): "open /x: No such file or
/// directory". ENOENT is `not_found`, ENOSPC and EDQUOT `full`, EBUSY and EADDRINUSE `busy`, the
/// others `io`.
tl::unexpected<Error> fail_errno(int error_number, std::string_view what);

}  // namespace zc::base

namespace zc {
using base::Errc;
using base::Error;
using base::fail;
using base::Result;
using base::Status;
}  // namespace zc

#define ZC_CONCAT_INNER(a, b) a##b
#define ZC_CONCAT(a, b) ZC_CONCAT_INNER(a, b)
#define ZC_TRY_INNER(temporary, declaration, ...)                                       \
    auto temporary = (__VA_ARGS__);                                                     \
    if (!temporary) return ::tl::unexpected<::zc::Error>(std::move(temporary).error()); \
    declaration = *std::move(temporary)
/// `ZC_TRY(const auto owner, parse(x));` declares `owner`, or returns the error from the enclosing
/// function.
#define ZC_TRY(declaration, ...) \
    ZC_TRY_INNER(ZC_CONCAT(zc_try_, __LINE__), declaration, __VA_ARGS__)
/// `ZC_TRY_STATUS(write(x));`: the same for a `Status`.
#define ZC_TRY_STATUS(...)                                                                  \
    do {                                                                                    \
        auto zc_status = (__VA_ARGS__);                                                     \
        if (!zc_status) return ::tl::unexpected<::zc::Error>(std::move(zc_status).error()); \
    } while (false)
