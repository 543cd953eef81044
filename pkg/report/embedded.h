// Files of the report that are built into the program (see embed.cmake).
#pragma once

#include <string_view>

namespace zc::report {

extern const std::string_view report_css;
extern const std::string_view report_js;
extern const std::string_view uPlot_iife_min_js;
extern const std::string_view uPlot_min_css;

}  // namespace zc::report
