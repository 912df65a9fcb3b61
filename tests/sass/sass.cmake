# What scripts/check-sass needs beside the library: its own test on recorded machine code, and the program that says what
# kernels are called with.
find_program(WARPNORM_PYTHON python3)
if(WARPNORM_PYTHON AND NOT CMAKE_CROSSCOMPILING)
  add_test(NAME sass.checks COMMAND "${WARPNORM_PYTHON}" -B "${CMAKE_CURRENT_LIST_DIR}/sass_test.py")
  set_tests_properties(sass.checks PROPERTIES LABELS fast)
endif()

if(WARPNORM_CUDA)
  set(host "${PROJECT_SOURCE_DIR}/host")
  add_executable(
    wn_sass_calls
    sass/sass_calls.c
    "${host}/api.c"
    "${host}/check_args.c"
    "${host}/check_problem.c"
    "${host}/cuda_devices.c"
    "${host}/error.c"
    "${host}/names.c"
    "${host}/plan.c"
    "${host}/plan_cuda.c"
    "${host}/plan_cuda_expect.c"
    "${host}/plan_cuda_row.c"
    "${host}/problem.c"
    "${host}/region.c"
    "${host}/run_cuda.c"
    "${host}/sync.c"
    "${host}/sync_record.c")
  target_include_directories(wn_sass_calls PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
  target_include_directories(wn_sass_calls SYSTEM PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
  target_link_libraries(wn_sass_calls PRIVATE warpnorm_pedantic)
  set_target_properties(wn_sass_calls PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/sass")
endif()
