# zc_package(answer PURE PUBLIC answer.h DEPS base dns zone catalogue)
# zc_package(store PUBLIC store.h DEPS base USES sqlite3.h LINK SQLite::SQLite3)
#   PUBLIC  headers that other packages and cmd may include; the others are its own
#   TEST_PUBLIC  headers that tests, fuzzers and benchmarks of other packages may include too
#   DEPS  packages it includes     USES  prefixes of outside headers it includes     LINK  their libraries
#   TEST_USES, TEST_DEPS  outside headers and packages that only its tests, fuzzers and benchmarks include
#   PURE  no clock, thread, file or random device of its own
#
# By the names of the files in its folder:
#   x_test.cc   part of <package>_test, test `<package>`, with doctest's main and the text tests of testkit
#   x_fuzz.cc   fuzzer `x_fuzz`. With ZC_FUZZ: libFuzzer, built by the target `fuzzers`. Without: a test
#               `fuzz.x_fuzz` that replays testdata/fuzz/x_fuzz/, so that no finding comes back
#   x_bench.cc  part of <package>_bench (Google Benchmark), which only `ninja <package>_bench` builds
add_custom_target(fuzzers)

# zc_public_headers(out TEST_HEADERS test_out PACKAGES a b c): what others, and what tests alone, may include of them.
function(zc_public_headers out)
  cmake_parse_arguments(ARG "" "TEST_HEADERS" "PACKAGES" ${ARGN})
  set(headers)
  set(test_headers)
  foreach(package IN LISTS ARG_PACKAGES)
    get_property(more GLOBAL PROPERTY zc_public_${package})
    list(APPEND headers ${more})
    get_property(more GLOBAL PROPERTY zc_test_public_${package})
    list(APPEND test_headers ${more})
  endforeach()
  set(${out} ${headers} PARENT_SCOPE)
  set(${ARG_TEST_HEADERS} ${test_headers} PARENT_SCOPE)
endfunction()

function(zc_package name)
  cmake_parse_arguments(ARG "PURE" "" "PUBLIC;TEST_PUBLIC;DEPS;USES;TEST_USES;TEST_DEPS;LINK" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pkg/${name}: zc_package does not know ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT ARG_PUBLIC)
    message(FATAL_ERROR "pkg/${name}: wanted PUBLIC, the headers that others may include")
  endif()
  foreach(header IN LISTS ARG_PUBLIC ARG_TEST_PUBLIC)
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${header})
      message(FATAL_ERROR "pkg/${name}: PUBLIC names ${header}, which is not there")
    endif()
  endforeach()
  list(TRANSFORM ARG_PUBLIC PREPEND ${name}/)
  list(TRANSFORM ARG_TEST_PUBLIC PREPEND ${name}/)
  set_property(GLOBAL PROPERTY zc_public_${name} ${ARG_PUBLIC})
  set_property(GLOBAL PROPERTY zc_test_public_${name} ${ARG_TEST_PUBLIC})
  set_property(GLOBAL APPEND PROPERTY zc_packages ${name})
  file(GLOB sources CONFIGURE_DEPENDS *.cc *.h)
  file(GLOB tests CONFIGURE_DEPENDS *_test.cc)
  file(GLOB fuzzers CONFIGURE_DEPENDS *_fuzz.cc)
  file(GLOB benches CONFIGURE_DEPENDS *_bench.cc)
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz|bench)\\.cc$")

  add_library(zc_${name} STATIC ${sources})
  set_target_properties(zc_${name} PROPERTIES LINKER_LANGUAGE CXX)
  target_include_directories(zc_${name} PUBLIC ${PROJECT_SOURCE_DIR}/pkg)
  foreach(dep IN LISTS ARG_DEPS)
    if(NOT TARGET zc_${dep})
      message(FATAL_ERROR "pkg/${name} cannot depend on pkg/${dep}: not declared before it")
    endif()
    target_link_libraries(zc_${name} PUBLIC zc_${dep})
  endforeach()
  target_link_libraries(zc_${name} PUBLIC ${ARG_LINK})

  # clang-tidy reads the product, not its tests: doctest's macros break half of its checks.
  # ldns: the second opinion of tests and fuzzers on our parsers.
  if(tests)
    add_executable(${name}_test ${tests})
    list(TRANSFORM ARG_TEST_DEPS PREPEND zc_ OUTPUT_VARIABLE test_libraries)
    target_link_libraries(${name}_test PRIVATE zc_${name} ${test_libraries} zc_testkit PkgConfig::ldns)
    target_compile_definitions(${name}_test PRIVATE ZC_TESTDATA_DIR="${PROJECT_SOURCE_DIR}/testdata")
    set_target_properties(${name}_test PROPERTIES CXX_CLANG_TIDY "")
    add_test(NAME ${name} COMMAND ${name}_test)
  endif()

  foreach(source IN LISTS fuzzers)
    cmake_path(GET source STEM fuzzer)
    add_executable(${fuzzer} ${source})
    target_link_libraries(${fuzzer} PRIVATE zc_${name} PkgConfig::ldns)
    set_target_properties(${fuzzer} PROPERTIES CXX_CLANG_TIDY "")
    if(ZC_FUZZ)
      target_link_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
    else()
      target_link_libraries(${fuzzer} PRIVATE zc_replay)
      add_test(NAME fuzz.${fuzzer} COMMAND ${fuzzer} ${PROJECT_SOURCE_DIR}/testdata/fuzz/${fuzzer})
    endif()
    add_dependencies(fuzzers ${fuzzer})
  endforeach()

  if(benches AND benchmark_FOUND)
    add_executable(${name}_bench EXCLUDE_FROM_ALL ${benches})
    target_link_libraries(${name}_bench PRIVATE zc_${name} benchmark::benchmark_main)
    set_target_properties(${name}_bench PROPERTIES CXX_CLANG_TIDY "")
  endif()

  zc_public_headers(allowed TEST_HEADERS allowed_in_tests PACKAGES ${ARG_DEPS})
  zc_public_headers(in_tests TEST_HEADERS helpers_in_tests PACKAGES ${ARG_TEST_DEPS})
  add_test(NAME arrows.${name} COMMAND ${CMAKE_COMMAND} -DDIR=${CMAKE_CURRENT_SOURCE_DIR}
    "-DALLOWED=${name}/;${allowed};${ARG_USES}"
    "-DALLOWED_IN_TESTS=${allowed_in_tests};${in_tests};${helpers_in_tests};${ARG_TEST_USES}"
    -DPURE=${ARG_PURE} -P ${PROJECT_SOURCE_DIR}/pkg/arrows.cmake)
endfunction()
