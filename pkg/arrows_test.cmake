# The test of arrows.cmake: it lets pass what has an arrow, and names file and #include of what has none.
cmake_minimum_required(VERSION 3.25)
set(root ${WORK_DIR}/arrows_test)

# Plants one file in an otherwise empty package `x` that may include base/result.h and sys/, and checks it.
function(check name content)
  cmake_parse_arguments(PARSE_ARGV 2 ARG "PURE;REFUSED" "" "")
  file(REMOVE_RECURSE ${root})
  file(WRITE ${root}/${name} "${content}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -DDIR=${root} "-DALLOWED=x/;base/result.h;sys/" "-DALLOWED_IN_TESTS=netinet/"
    -DPURE=${ARG_PURE} -P ${CMAKE_CURRENT_LIST_DIR}/arrows.cmake RESULT_VARIABLE result ERROR_VARIABLE error)
  string(REGEX REPLACE "[ \n]+" " " error "${error}")
  if(ARG_REFUSED)
    if(result EQUAL 0)
      message(SEND_ERROR "passed, but has no arrow: ${name}: ${content}")
    elseif(NOT error MATCHES "${name}: *#.*: no arrow to it")
      message(SEND_ERROR "refused without naming file and line: ${name}: ${content}: ${error}")
    endif()
  elseif(NOT result EQUAL 0)
    message(SEND_ERROR "refused, but has an arrow: ${name}: ${content}: ${error}")
  endif()
  file(REMOVE_RECURSE ${root})
endfunction()

check(a.h "#include \"base/result.h\"\n#include \"x/b.h\"\n#include <vector>\n#include <sys/socket.h>")
check(a.cc "#include \"base/result.h\"" PURE)
check(a_test.cc "#include <doctest/doctest.h>\n#include <ldns/ldns.h>\n#include \"testkit/script.h\"" PURE)
check(a_bench.cc "#include <benchmark/benchmark.h>" PURE)
check(a.cc "#include <chrono>\n#include <mutex>")

check(a.h "#include \"zone/zone.h\"" REFUSED)                          # a package that is not among DEPS
check(a.h "#include <vector>\n#include \"zone/zone.h\"" REFUSED)        # not in the first line
check(a.h "  #  include \"zone/zone.h\"" REFUSED)                       # however it is spaced
check(a.h "#include \"base/private.h\"" REFUSED)                         # not a public header
check(a_test.cc "#include \"base/private.h\"" REFUSED)                   # for tests neither
check(a.h "#include \"base/result.hpp\"" REFUSED)
check(a.cc "#include <sqlite3.h>" REFUSED)                             # an outside header that is not among USES
check(a.cc "#include <unistd.h>" REFUSED)                              # so is the system's
check(a.cc "#include <boost/asio.hpp>" REFUSED)
check(a.cc "#include <doctest/doctest.h>" REFUSED)                     # tests only
check(a.cc "#include <netinet/in.h>" REFUSED)                          # tests of this package only
check(a_test.cc "#include <netinet/in.h>")
check(a_test.cc "#include \"zone/zone.h\"" REFUSED)                     # tests have no other arrows to packages
foreach(header barrier chrono condition_variable ctime filesystem fstream future iostream latch mutex random
    semaphore shared_mutex stop_token thread)
  check(a.cc "#include <${header}>" PURE REFUSED)                      # ways to the outside
endforeach()
check(a_fuzz.cc "#include <thread>" PURE REFUSED)
