# trinity_room(NAME SOURCES ... [PUBLIC ...] [PRIVATE ...])
#   A room is one folder of src/ and one static library trinity_NAME. PUBLIC names what its headers
#   show, PRIVATE what only its sources see.
function(trinity_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(trinity_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(trinity_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src>
    $<INSTALL_INTERFACE:include>)
  target_link_libraries(trinity_${name} PUBLIC ${ROOM_PUBLIC} PRIVATE ${ROOM_PRIVATE})
  set_property(GLOBAL APPEND PROPERTY TRINITY_ROOMS trinity_${name})
endfunction()

# trinity_test(NAME SOURCES ... [LINK ...] [LABELS ...])
#   One GoogleTest binary, found case by case by ctest. LABELS slow keeps it out of the quick run.
function(trinity_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${TEST_LINK} trinity_test_support GTest::gtest_main)
  if(NOT TEST_LABELS)
    set(TEST_LABELS fast)  # an empty property value would swallow the next one
  endif()
  # Tests run side by side: worker threads that wait must sleep, not spin on a core another test needs.
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${TEST_LABELS}" TIMEOUT 600 ENVIRONMENT "OMP_WAIT_POLICY=passive")
endfunction()
