#include "base/limit.h"

namespace zc::base {

std::string range_text(std::uint64_t min, std::uint64_t max) {
    return std::to_string(min) + ".." + std::to_string(max);
}

tl::unexpected<Error> fail_limit(std::string_view name, std::uint64_t found,
                                 const std::string& range) {
    return fail(Errc::limit,
                std::string(name) + ": found " + std::to_string(found) + ", wanted " + range);
}

}  // namespace zc::base
