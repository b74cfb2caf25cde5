# Compiler settings, options and sanitizers shared by every target.
option(TRINITY_BUILD_TESTS "Build the tests" ON)
option(TRINITY_BUILD_BENCH "Build the benchmark library behind `trinity bench`" ON)
option(TRINITY_BUILD_FUZZ "Build the libFuzzer targets (needs clang)" OFF)
option(TRINITY_WERROR "Treat warnings as errors" ON)
set(TRINITY_SANITIZE "" CACHE STRING "Sanitizers to build with, for example address,undefined or thread")
set(TRINITY_CONFORMANCE_DIR "${CMAKE_SOURCE_DIR}/../shared/conformance" CACHE PATH
    "Folder of the conformance data; tests that need it say SKIPPED when it is absent")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)  # an installed program finds libraries outside the system too
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

# Contraction of a*b+c is off so that a value does not depend on what the optimiser could fuse.
add_compile_options(-Wall -Wextra -Wshadow $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> -ffp-contract=off)
if(TRINITY_WERROR)
  add_compile_options(-Werror)
endif()
if(TRINITY_SANITIZE)
  add_compile_options(-fsanitize=${TRINITY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TRINITY_SANITIZE})
endif()

# ccache has to be told that a source with a precompiled header may be taken from it, and GCC to name
# that header in preprocessed text.
find_program(TRINITY_CCACHE ccache)
if(TRINITY_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${TRINITY_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()
