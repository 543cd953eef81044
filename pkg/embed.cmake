# zc_embed(report page/report.css page/report.js uplot/uPlot.iife.min.js)
# Builds files into a package's library, as they stand. Each is a `const std::string_view` in the package's
# namespace, declared by a header of the package; its name is the file's with '_' for all else but letters and
# digits: report_css, uPlot_iife_min_js. Nothing but CMake is needed, and a changed file is built in again.
#
# As a script (-P): writes OUTPUT from INPUT.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${INPUT} octets HEX)
  # In lines of 32 octets: one line of 200,000 columns is too much for some tools.
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," octets "${octets}")
  string(REPEAT "....." 32 line)
  string(REGEX REPLACE "(${line})" "\\1\n" octets "${octets}")
  file(WRITE ${OUTPUT} "// Made from ${NAME} by pkg/embed.cmake.
#include <string_view>
namespace zc::${PACKAGE} {
namespace {
constexpr unsigned char octets[] = {
${octets}0};
}
extern const std::string_view ${SYMBOL};
const std::string_view ${SYMBOL}(reinterpret_cast<const char*>(octets), sizeof(octets) - 1);
}
")
  return()
endif()

set(ZC_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(zc_embed package)
  foreach(file IN LISTS ARGN)
    get_filename_component(name ${file} NAME)
    string(REGEX REPLACE "[^A-Za-z0-9]" "_" symbol ${name})
    set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded/${symbol}.cc)
    add_custom_command(OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -DINPUT=${CMAKE_CURRENT_SOURCE_DIR}/${file} -DNAME=${file} -DOUTPUT=${output}
        -DSYMBOL=${symbol} -DPACKAGE=${package} -P ${ZC_EMBED_SCRIPT}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file} ${ZC_EMBED_SCRIPT}
      VERBATIM)
    target_sources(zc_${package} PRIVATE ${output})
  endforeach()
endfunction()
