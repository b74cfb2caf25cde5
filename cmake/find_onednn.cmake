# oneDNN, which multiplies for the profile cpu_bf16, and the OpenMP whose threads it uses. Sets
# TRINITY_ONEDNN_FOUND. Without them that profile is built as unavailable.
set(TRINITY_WITH_ONEDNN "AUTO" CACHE STRING "The profile cpu_bf16: AUTO (when oneDNN is found), ON, OFF")
set_property(CACHE TRINITY_WITH_ONEDNN PROPERTY STRINGS AUTO ON OFF)

set(TRINITY_ONEDNN_FOUND OFF)
if(NOT TRINITY_WITH_ONEDNN STREQUAL "OFF")
  find_package(dnnl QUIET)
  find_package(OpenMP QUIET COMPONENTS CXX)
  if(dnnl_FOUND AND OpenMP_CXX_FOUND)
    set(TRINITY_ONEDNN_FOUND ON)
  elseif(TRINITY_WITH_ONEDNN STREQUAL "ON")
    message(FATAL_ERROR "TRINITY_WITH_ONEDNN is ON, but oneDNN or OpenMP was not found: install libdnnl-dev")
  else()
    message(STATUS "profile cpu_bf16: unavailable, oneDNN or OpenMP was not found")
  endif()
endif()
