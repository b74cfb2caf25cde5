# Precompiled headers: headers that nearly every source reads, parsed once for a whole build.
#
#   std    the standard library and tl::expected
#   fmt    std and fmt, for rooms that link fmt
#   test   fmt, nlohmann/json.hpp with its members declared to be elsewhere, and GoogleTest
#   test_computes   std and GoogleTest, for tests that are optimised
#
# They only save time: every source includes what it uses, and builds with TRINITY_PCH=OFF show it (the
# presets dev and fuzz).
option(TRINITY_PCH "Precompile the headers that nearly every source reads" ON)
if(NOT TRINITY_PCH)
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC does not keep in the header where its own sources silence these, and then finds std::string at
  # fault. Builds without the header look for them.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-array-bounds> $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-stringop-overflow> $<$<COMPILE_LANGUAGE:CXX>:-Wno-stringop-overread>)
endif()

set(std_headers <algorithm> <array> <bit> <charconv> <chrono> <cmath> <cstddef> <cstdint> <cstring>
    <filesystem> <functional> <limits> <map> <memory> <optional> <span> <string> <string_view> <tuple>
    <utility> <variant> <vector> <tl/expected.hpp>)
set(fmt_headers ${std_headers} <fmt/format.h>)
set(test_headers ${fmt_headers} ${CMAKE_SOURCE_DIR}/tests/support/json_templates.h <gtest/gtest.h>)
set(test_computes_headers ${std_headers} <gtest/gtest.h>)

# add_precompiled(NAME LIBRARIES...)
#   Declares the target trinity_pch_NAME.
function(add_precompiled name)
  set(source ${CMAKE_BINARY_DIR}/precompiled/${name}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "// The precompiled header ${name}; see cmake/precompiled.cmake.\n")
  add_library(trinity_pch_${name} OBJECT EXCLUDE_FROM_ALL ${source})
  # GCC 12 dies of a header made at a lower level than the source that reads it, and allows a higher one.
  target_compile_options(trinity_pch_${name} PRIVATE $<$<CONFIG:Release>:${TRINITY_HOT}>)
  target_link_libraries(trinity_pch_${name} PRIVATE ${ARGN})
  target_precompile_headers(trinity_pch_${name} PRIVATE ${${name}_headers})
endfunction()

add_precompiled(std tl::expected)
add_precompiled(fmt tl::expected fmt::fmt)

# add_test_precompiled(NAME LEVEL LIBRARIES...)
#   The same for executables, which are compiled with -fPIE, at an optimisation level.
function(add_test_precompiled name level)
  add_precompiled(${name} tl::expected GTest::gtest ${ARGN})
  set_target_properties(trinity_pch_${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(trinity_pch_${name} PRIVATE -fPIE $<$<CONFIG:Release>:${level}>)
endfunction()
