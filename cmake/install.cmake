# What a user gets: the header, both libraries, a CMake package and a pkg-config file, all free to be moved together.
include(CMakePackageConfigHelpers)

install(FILES "${PROJECT_SOURCE_DIR}/include/warpnorm.h" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/CHANGELOG.md"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(
  TARGETS warpnorm warpnorm_static
  EXPORT warpnorm-targets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/warpnorm")
install(
  EXPORT warpnorm-targets
  NAMESPACE warpnorm::
  DESTINATION "${package_dir}")
configure_package_config_file(cmake/warpnorm-config.cmake.in "${PROJECT_BINARY_DIR}/warpnorm-config.cmake"
                              INSTALL_DESTINATION "${package_dir}")
# Before 1.0 a minor version may change the interface.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(compatibility SameMinorVersion)
else()
  set(compatibility SameMajorVersion)
endif()
write_basic_package_version_file("${PROJECT_BINARY_DIR}/warpnorm-config-version.cmake"
                                 COMPATIBILITY ${compatibility})
install(FILES "${PROJECT_BINARY_DIR}/warpnorm-config.cmake" "${PROJECT_BINARY_DIR}/warpnorm-config-version.cmake"
        DESTINATION "${package_dir}")

# The prefix is written relative to the .pc file, so that `cmake --install --prefix` and moving the tree keep it right.
file(RELATIVE_PATH prefix_from_pc "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
get_property(static_libraries GLOBAL PROPERTY warpnorm_static_libraries)
list(JOIN static_libraries " " private_libs)
configure_file(cmake/warpnorm.pc.in "${PROJECT_BINARY_DIR}/warpnorm.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/warpnorm.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
