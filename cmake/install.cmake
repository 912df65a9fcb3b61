# What a user gets: the header, both libraries, the adapters that were built, a CMake package and a pkg-config file, all free to be moved together.
include(CMakePackageConfigHelpers)

install(FILES "${PROJECT_SOURCE_DIR}/include/warpnorm.h" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/CHANGELOG.md"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(
  TARGETS warpnorm warpnorm_static
  EXPORT warpnorm-targets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")

# Adapters are components of the package, with targets in a file of their own, which is read only for those who ask: it
# names MPI's or NCCL's targets.
get_property(adapters GLOBAL PROPERTY warpnorm_adapters)
foreach(adapter IN LISTS adapters)
  string(REPLACE "warpnorm_" "" component "${adapter}")
  install(FILES "${PROJECT_SOURCE_DIR}/include/${adapter}.h" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(
    TARGETS ${adapter} ${adapter}_static
    EXPORT warpnorm-${component}
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  install(
    EXPORT warpnorm-${component}
    NAMESPACE warpnorm::
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/warpnorm")
endforeach()

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
foreach(adapter IN LISTS adapters)
  get_target_property(adapter_description ${adapter} WN_DESCRIPTION)
  get_target_property(adapter_cflags ${adapter} WN_PC_CFLAGS)
  get_target_property(adapter_libs ${adapter} WN_PC_LIBS)
  configure_file(cmake/warpnorm_adapter.pc.in "${PROJECT_BINARY_DIR}/${adapter}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${adapter}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
