# cmake --install: the program, the public headers, one static library a room, and a package that
# `find_package(trinity)` finds. A program that embeds the router links trinity::trinity and sees
# tl::expected and the standard library; the other libraries are only linked.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/trinity)

# The command line is a program, not a library to link, and the ledger and the server are parts of it.
get_property(installed_rooms GLOBAL PROPERTY TRINITY_ROOMS)
list(REMOVE_ITEM installed_rooms trinity_cli trinity_cli_parts trinity_flags trinity_command_line trinity_terminal
     trinity_checkout trinity_ledger trinity_serve trinity_console trinity_laboratory)
foreach(room ${installed_rooms})
  string(REGEX REPLACE "^trinity_" "" exported_name ${room})
  set_target_properties(${room} PROPERTIES EXPORT_NAME ${exported_name})
endforeach()

add_library(trinity_embedding INTERFACE)
target_link_libraries(trinity_embedding INTERFACE trinity_router)
set_target_properties(trinity_embedding PROPERTIES EXPORT_NAME trinity)
add_library(trinity::trinity ALIAS trinity_embedding)

install(TARGETS ${installed_rooms} trinity_embedding EXPORT trinity_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS trinity RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/trinity DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT trinity_targets NAMESPACE trinity:: DESTINATION ${package_folder})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/trinity-config.cmake.in
  ${CMAKE_BINARY_DIR}/trinity-config.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/trinity-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/trinity-config.cmake
              ${CMAKE_BINARY_DIR}/trinity-config-version.cmake DESTINATION ${package_folder})
