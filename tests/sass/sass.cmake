# What scripts/check-sass needs beside the library: its own test on recorded machine code, and the program that says what
# kernels are called with.
find_program(WARPNORM_PYTHON python3)
if(WARPNORM_PYTHON AND NOT CMAKE_CROSSCOMPILING)
  add_test(NAME sass.checks COMMAND "${WARPNORM_PYTHON}" -B "${CMAKE_CURRENT_LIST_DIR}/sass_test.py")
  set_tests_properties(sass.checks PROPERTIES LABELS fast)
endif()

if(WARPNORM_CUDA)
  # The host side but for devices, which the program stands in for, and the processor.
  file(GLOB host_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/host/*.c")
  list(FILTER host_sources EXCLUDE REGEX "/(device[^/]*|plan_cpu|ranges)\\.c$")
  add_executable(wn_sass_calls sass/sass_calls.c ${host_sources})
  target_include_directories(wn_sass_calls PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
  target_include_directories(wn_sass_calls SYSTEM PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
  target_link_libraries(wn_sass_calls PRIVATE warpnorm_pedantic)
  set_target_properties(wn_sass_calls PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/sass")
endif()
