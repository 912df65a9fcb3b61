# Tests of the interface's rules. Their source is C++ but for api_in_c.c, a user of the header in C11.
set(api_common api_call.cpp api_problem_spec.cpp api_in_c.c)
set_source_files_properties(api_in_c.c PROPERTIES COMPILE_OPTIONS -Werror) # the header is clean, whatever the build asks

add_executable(
  wn_api_tests
  ${api_common}
  api_abi.cpp
  api_device.cpp
  api_error.cpp
  api_explain.cpp
  api_overlap.cpp
  api_passes.cpp
  api_pointers.cpp
  api_problem.cpp)
target_link_libraries(wn_api_tests PRIVATE warpnorm warpnorm_pedantic GTest::gtest_main)
target_compile_definitions(wn_api_tests PRIVATE $<$<BOOL:${WARPNORM_CUDA}>:WN_TEST_CUDA_BUILD>)
add_test(NAME api COMMAND wn_api_tests)
set_tests_properties(api PROPERTIES LABELS "fast;short")

# What threads share: the cases that a build with ThreadSanitizer runs.
add_test(NAME api.threads COMMAND wn_api_tests "--gtest_filter=*Thread*")
set_tests_properties(api.threads PROPERTIES LABELS thread)

# The static library, because --wrap takes the calls of what is linked in and leaves those of shared libraries alone.
add_executable(wn_api_memory_tests ${api_common} api_memory.cpp)
target_link_libraries(wn_api_memory_tests PRIVATE warpnorm_static warpnorm_pedantic GTest::gtest_main)
foreach(function IN ITEMS malloc calloc realloc aligned_alloc posix_memalign free)
  target_link_options(wn_api_memory_tests PRIVATE "LINKER:--wrap=${function}")
endforeach()
add_test(NAME api.memory COMMAND wn_api_memory_tests)
set_tests_properties(api.memory PROPERTIES LABELS "fast;short")

if(NOT WARPNORM_SANITIZE AND NOT CMAKE_CROSSCOMPILING)
  add_executable(wn_api_time_tests ${api_common} api_time.cpp)
  target_link_libraries(wn_api_time_tests PRIVATE warpnorm warpnorm_pedantic GTest::gtest_main)
  add_test(NAME api.time COMMAND wn_api_time_tests)
  set_tests_properties(api.time PROPERTIES LABELS fast)
endif()
