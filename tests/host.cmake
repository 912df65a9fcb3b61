# Tests of the host's insides: its sources are compiled in, because the library hides them.
add_executable(wn_host_tests host_geometry.cpp host_plan_cuda.cpp host_plan_cuda_cases.cpp host_region.cpp)
target_sources(
  wn_host_tests PRIVATE "${PROJECT_SOURCE_DIR}/host/problem.c" "${PROJECT_SOURCE_DIR}/host/check_problem.c"
                        "${PROJECT_SOURCE_DIR}/host/region.c" "${PROJECT_SOURCE_DIR}/host/names.c"
                        "${PROJECT_SOURCE_DIR}/host/error.c" "${PROJECT_SOURCE_DIR}/host/plan.c"
                        "${PROJECT_SOURCE_DIR}/host/sync.c" "${PROJECT_SOURCE_DIR}/host/sync_record.c"
                        "${PROJECT_SOURCE_DIR}/host/plan_cuda.c" "${PROJECT_SOURCE_DIR}/host/plan_cuda_row.c"
                        "${PROJECT_SOURCE_DIR}/host/plan_cuda_expect.c"
                        "${PROJECT_SOURCE_DIR}/host/cuda_devices.c")
target_include_directories(wn_host_tests PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
target_link_libraries(wn_host_tests PRIVATE warpnorm_pedantic GTest::gtest_main)
add_test(NAME host COMMAND wn_host_tests)
set_tests_properties(host PROPERTIES LABELS fast)
