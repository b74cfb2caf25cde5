# Apple's MLX for the profiles mlx and mlx_fast. Sets TRINITY_MLX_FOUND and, with the package, defines the
# target mlx.
#
# Found through MLX_DIR (the folder of MLXConfig.cmake) or, without it, in the environment that
# tools/install_mlx.sh makes. Without the package they are built as unavailable.
set(TRINITY_WITH_MLX "AUTO" CACHE STRING "The MLX backend: AUTO (when the package is found), ON, OFF")
set_property(CACHE TRINITY_WITH_MLX PROPERTY STRINGS AUTO ON OFF)

set(TRINITY_MLX_FOUND OFF)
if(NOT TRINITY_WITH_MLX STREQUAL "OFF")
  file(GLOB TRINITY_MLX_CANDIDATES
       ${CMAKE_SOURCE_DIR}/.venv-mlx/lib/python3*/site-packages/mlx/share/cmake/MLX)
  # The package calls every version of the same major number compatible; the sources check the rest.
  find_package(MLX 0.32 CONFIG QUIET PATHS ${TRINITY_MLX_CANDIDATES} NO_DEFAULT_PATH)
  if(NOT MLX_FOUND)
    find_package(MLX 0.32 CONFIG QUIET)
  endif()
  if(MLX_FOUND)
    set(TRINITY_MLX_FOUND ON)
    # An installed program looks there too; CMake leaves paths inside the project out by itself.
    list(APPEND CMAKE_INSTALL_RPATH ${MLX_LIBRARY_DIRS})
    message(STATUS "MLX backend: ${MLX_VERSION} in ${MLX_DIR}")
  elseif(TRINITY_WITH_MLX STREQUAL "ON")
    message(FATAL_ERROR "TRINITY_WITH_MLX is ON, but MLX was not found: run tools/install_mlx.sh or set MLX_DIR")
  else()
    message(STATUS "MLX backend: unavailable, MLX was not found (tools/install_mlx.sh installs it)")
  endif()
endif()
