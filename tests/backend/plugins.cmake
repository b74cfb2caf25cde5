# Shared libraries that the plugin tests load: the OpenBLAS example, variants of it, and one library
# for each mistake of plugin_faults.c. Link trinity_test_plugins to have them built and found.
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
set(TRINITY_TEST_PLUGINS ${CMAKE_CURRENT_BINARY_DIR}/plugins)
set(openblas_example ${CMAKE_SOURCE_DIR}/examples/backend_openblas/backend_openblas.c)

function(test_plugin name)
  add_library(${name} MODULE ${ARGN})
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX .so C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden LIBRARY_OUTPUT_DIRECTORY ${TRINITY_TEST_PLUGINS})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/tests)
  set_property(GLOBAL APPEND PROPERTY TRINITY_TEST_PLUGIN_TARGETS ${name})
endfunction()

test_plugin(plugin_openblas ${openblas_example})
target_link_libraries(plugin_openblas PRIVATE PkgConfig::OPENBLAS m)

# The same code with its discovery function renamed, to build on.
add_library(openblas_example_code OBJECT ${openblas_example})
target_compile_definitions(openblas_example_code
  PRIVATE trinity_backend_plugin_v1=openblas_example_plugin)
target_include_directories(openblas_example_code PRIVATE ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(openblas_example_code PUBLIC PkgConfig::OPENBLAS m)
set_target_properties(openblas_example_code PROPERTIES C_VISIBILITY_PRESET hidden)
foreach(variant bare fused wrong)
  string(TOUPPER ${variant} upper)
  test_plugin(plugin_${variant} plugin_variants.cc)
  target_compile_definitions(plugin_${variant} PRIVATE TRINITY_TEST_PLUGIN_${upper})
  target_link_libraries(plugin_${variant} PRIVATE openblas_example_code)
endforeach()

test_plugin(plugin_throwing plugin_throwing.cc)
foreach(fault wellformed same_name missing_symbol unresolved_symbol null_bootstrap
        misaligned_bootstrap wrong_magic wrong_bootstrap_size wrong_version short_descriptor
        long_descriptor null_descriptor misaligned_descriptor null_name empty_name bad_name
        dotted_name long_name longest_name bad_exactness too_many_callbacks short_table long_table
        null_table misaligned_table missing_callback duplicate_callback mlp_without_split)
  test_plugin(plugin_fault_${fault} plugin_faults.c)
  target_compile_definitions(plugin_fault_${fault} PRIVATE FAULT_${fault})
endforeach()

get_property(test_plugin_targets GLOBAL PROPERTY TRINITY_TEST_PLUGIN_TARGETS)
add_custom_target(all_test_plugins DEPENDS ${test_plugin_targets})
add_library(trinity_test_plugins INTERFACE)
add_dependencies(trinity_test_plugins all_test_plugins)
target_compile_definitions(trinity_test_plugins
  INTERFACE TRINITY_TEST_PLUGINS="${TRINITY_TEST_PLUGINS}")
