# Tests of the host's insides: its sources are compiled in, because the library hides them.
set(planner_sources
    problem.c
    check_problem.c
    region.c
    names.c
    error.c
    plan.c
    sync.c
    sync_record.c
    plan_cuda.c
    plan_cuda_row.c
    plan_cuda_expect.c
    plan_cuda_team.c
    plan_cuda_traffic.c
    plan_cpu.c
    cuda_devices.c)
list(TRANSFORM planner_sources PREPEND "${PROJECT_SOURCE_DIR}/host/")
add_executable(
  wn_host_tests
  host_geometry.cpp
  host_plan_cuda.cpp
  host_plan_cuda_cases.cpp
  host_plan_cuda_shapes.cpp
  host_job_cuda.cpp
  host_plan_cpu.cpp
  host_region.cpp
  "${PROJECT_SOURCE_DIR}/host/job_cuda.c"
  ${planner_sources})
target_include_directories(wn_host_tests PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
target_link_libraries(wn_host_tests PRIVATE warpnorm_pedantic GTest::gtest_main)
add_test(NAME host COMMAND wn_host_tests)
set_tests_properties(host PROPERTIES LABELS fast)

# Not a test: prints what the planner makes of shapes, for scripts/gpu-model.
add_executable(wn_gpu_model gpu_model.c ${planner_sources})
target_include_directories(wn_gpu_model PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
target_link_libraries(wn_gpu_model PRIVATE warpnorm_pedantic)
