# Rooms and tests, and how far each is optimised.

# Levels of optimisation in a Release build. What computes is worth any time of the compiler, what walks
# over every byte of an input worth some; everything else (most of the program) runs a few times a command
# and is compiled quickly. Tests are not optimised at all (the compiler would need twice as long), those
# apart whose own code computes. No level changes a value: contraction is off and no level reorders
# arithmetic.
set(TRINITY_NUMERIC -O3)
set(TRINITY_HOT -O2)
set(TRINITY_OTHER -O1)
set(TRINITY_TESTING -O0)
string(REPLACE -O3 ${TRINITY_OTHER} CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")

function(trinity_set_level level)
  set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:${level}>)
endfunction()

# Most of the compiler's time goes into reading headers, so sources of one target are compiled several at a
# time; it halves a build from nothing. What has options of its own (the sources that compute) stays alone.
# The names of a room's sources differ even in their anonymous namespaces, or this would not compile. Who
# works on one source again and again builds with -DTRINITY_UNITY=OFF (or the preset dev).
option(TRINITY_UNITY "Compile several sources of a target at a time" ON)
set(TRINITY_UNITY_SOURCES 6)
if(TRINITY_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A class of one source with a member of a type of the same source: GCC takes the source for a header.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
endif()

function(trinity_gather target)
  if(TRINITY_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE BATCH
      UNITY_BUILD_BATCH_SIZE ${TRINITY_UNITY_SOURCES})
  endif()
endfunction()

# trinity_room(NAME [ALONE] [SOURCES ...] [HOT ...] [NUMERIC ...] [PUBLIC ...] [PRIVATE ...]
#              [PRECOMPILED std|fmt|none])
#   A room is one folder of src/ and one static library trinity_NAME. Its sources are those of SOURCES,
#   those of HOT (compiled with -O2) and those of NUMERIC (-O3). PUBLIC names what its headers show, PRIVATE what only its sources see. ALONE: every source is
#   compiled by itself. The precompiled header is by default fmt for a room that
#   links fmt, else std.
function(trinity_room name)
  cmake_parse_arguments(ROOM "ALONE" "PRECOMPILED" "SOURCES;HOT;NUMERIC;PUBLIC;PRIVATE" ${ARGN})
  add_library(trinity_${name} STATIC ${ROOM_SOURCES} ${ROOM_HOT} ${ROOM_NUMERIC})
  if(NOT ROOM_ALONE)
    trinity_gather(trinity_${name})
  endif()
  trinity_set_level(${TRINITY_NUMERIC} ${ROOM_NUMERIC})
  trinity_set_level(${TRINITY_HOT} ${ROOM_HOT})
  target_include_directories(trinity_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src>
    $<INSTALL_INTERFACE:include>)
  target_link_libraries(trinity_${name} PUBLIC ${ROOM_PUBLIC} PRIVATE ${ROOM_PRIVATE})
  if(NOT ROOM_PRECOMPILED)
    set(ROOM_PRECOMPILED std)
    if("fmt::fmt" IN_LIST ROOM_PRIVATE)
      set(ROOM_PRECOMPILED fmt)
    endif()
  endif()
  if(NOT ROOM_PRECOMPILED STREQUAL "none")
    target_precompile_headers(trinity_${name} REUSE_FROM trinity_pch_${ROOM_PRECOMPILED})
  endif()
  set_property(GLOBAL APPEND PROPERTY TRINITY_ROOMS trinity_${name})
endfunction()

# trinity_test_library(NAME SOURCES ... [LINK ...])
#   What several test binaries share, compiled as tests are.
function(trinity_test_library name)
  cmake_parse_arguments(TEST "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${TEST_SOURCES})
  trinity_gather(${name})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PUBLIC ${TEST_LINK} trinity_test_support trinity_test_json fmt::fmt GTest::gtest)
  target_compile_options(${name} PRIVATE -fPIE $<$<CONFIG:Release>:${TRINITY_TESTING}>)
  target_precompile_headers(${name} REUSE_FROM trinity_pch_test)
endfunction()

# trinity_test(NAME [COMPUTES] [ALONE] SOURCES ... [LINK ...] [LABELS ...])
#   One GoogleTest binary, found case by case by ctest. LABELS slow keeps it out of the quick run. COMPUTES
#   optimises it.
function(trinity_test name)
  cmake_parse_arguments(TEST "COMPUTES;ALONE" "" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  if(NOT TEST_ALONE)
    trinity_gather(${name})
  endif()
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${TEST_LINK} trinity_test_support GTest::gtest_main)
  if(TEST_COMPUTES)
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:${TRINITY_OTHER}>)
    target_precompile_headers(${name} REUSE_FROM trinity_pch_test_computes)
  else()
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:${TRINITY_TESTING}>)
    target_precompile_headers(${name} REUSE_FROM trinity_pch_test)
    target_link_libraries(${name} PRIVATE fmt::fmt trinity_test_json)  # what that header reads
  endif()
  if(NOT TEST_LABELS)
    set(TEST_LABELS fast)  # an empty property value would swallow the next one
  endif()
  # Tests run side by side: worker threads that wait must sleep, not spin on a core another test needs.
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${TEST_LABELS}" TIMEOUT 600 ENVIRONMENT "OMP_WAIT_POLICY=passive")
endfunction()
