// What the verbs that ask and the node that answers agree on.
//
//   GET  /status    JSON: what is served, figures
//   GET  /health    JSON {"healthy", "state"}; 200 or 503
//   GET  /metrics   Prometheus text
//   POST /reload    JSON report, once it is done; 503 with "error" when it cannot be begun
//   POST /stop      JSON {"state": "stopping"}
#pragma once

#include <string_view>

namespace zc::cmd {

inline constexpr std::string_view control_path_default = "/run/zonectl/control";

}  // namespace zc::cmd
