#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace zc::base {

std::string_view to_string(Errc code) noexcept {
    switch (code) {
        case Errc::malformed:
            return "malformed";
        case Errc::limit:
            return "limit";
        case Errc::not_found:
            return "not found";
        case Errc::exists:
            return "exists";
        case Errc::conflict:
            return "conflict";
        case Errc::invalid:
            return "invalid";
        case Errc::unsupported:
            return "unsupported";
        case Errc::io:
            return "input/output";
        case Errc::full:
            return "no space";
        case Errc::busy:
            return "busy";
        case Errc::timeout:
            return "timeout";
        case Errc::interrupted:
            return "interrupted";
    }
    return "unknown";
}

std::string Error::text() const {
    std::string out;
    if (!where.source.empty()) {
        out += where.source;
        if (where.line != 0) out += ':' + std::to_string(where.line);
        out += ": ";
    } else if (where.line != 0) {
        out += "line " + std::to_string(where.line) + ": ";
    }
    out += to_string(code);
    out += ": ";
    out += message;
    return out;
}

tl::unexpected<Error> fail_errno(int error_number, std::string_view what) {
    Errc code = Errc::io;
    if (error_number == ENOENT) code = Errc::not_found;
    if (error_number == ENOSPC || error_number == EDQUOT) code = Errc::full;
    if (error_number == EBUSY || error_number == EADDRINUSE) code = Errc::busy;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's has a buffer per thread since 2.32.
    return fail(code, std::string(what) + ": " + std::strerror(error_number));
}

}  // namespace zc::base
