// Where the verbs that ask a node find it. Its routes are in node/routes.h.
#pragma once

#include <string_view>

namespace zc::cmd {

inline constexpr std::string_view control_path_default = "/run/zonectl/control";

}  // namespace zc::cmd
