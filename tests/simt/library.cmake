# The library on the emulator: its own sources with the CUDA backend, the kernels' sources compiled for the emulator, and
# the emulator's runtime in place of NVIDIA's.
file(GLOB host_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/host/*.c")
file(GLOB kernel_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/kernels/cuda/*.cu")

if(NOT kernel_sources)
  return()
endif()
wn_simt_kernels(wn_simt_kernels_cuda ${kernel_sources})
target_include_directories(wn_simt_kernels_cuda PRIVATE "${PROJECT_SOURCE_DIR}/include")

add_library(warpnorm_simt STATIC ${host_sources} $<TARGET_OBJECTS:wn_simt_kernels_cuda>)
target_compile_definitions(warpnorm_simt PRIVATE WNI_HAVE_CUDA WNI_CUDA_OLDEST=75)
target_include_directories(
  warpnorm_simt
  PUBLIC "${PROJECT_SOURCE_DIR}/include"
  PRIVATE "${PROJECT_SOURCE_DIR}")
target_include_directories(warpnorm_simt SYSTEM PRIVATE "${WARPNORM_CUDA_INCLUDE}")
target_link_libraries(
  warpnorm_simt
  PRIVATE warpnorm_pedantic OpenMP::OpenMP_C warpnorm_kernels_cpu
  PUBLIC wn_simt m)

add_executable(wn_simt_host_tests host_cuda_test.cpp host_cuda_faults_test.cpp)
target_include_directories(wn_simt_host_tests SYSTEM PRIVATE "${WARPNORM_CUDA_INCLUDE}")
target_link_libraries(wn_simt_host_tests PRIVATE warpnorm_simt warpnorm_pedantic GTest::gtest_main)
add_test(NAME simt.host COMMAND wn_simt_host_tests)
set_tests_properties(simt.host PROPERTIES LABELS fast)

# The tests of tests/ that run on a device, on emulated ones: the same sources, the same list of cases, the same
# tolerances. Not those whose tensors lie in memory of the host, which a GPU does not read, or are large.
set(library_test_sources ${wn_library_test_sources})
list(FILTER library_test_sources EXCLUDE REGEX "run_(sparse|stream|large)")
list(TRANSFORM library_test_sources PREPEND "${PROJECT_SOURCE_DIR}/tests/")
add_executable(wn_simt_library_tests device_under_test.cpp ${library_test_sources})
target_include_directories(wn_simt_library_tests SYSTEM PRIVATE "${WARPNORM_CUDA_INCLUDE}")
target_link_libraries(wn_simt_library_tests PRIVATE wn_oracle warpnorm_simt OpenMP::OpenMP_CXX GTest::gtest_main)

# A profiler of our own, named in the environment as a real one is. A program loads it at its first range, so this one
# has no other tests. NVTX's headers come with the rest of CUDA's in a toolkit, and with scripts/cuda-toolkit.
if(EXISTS "${WARPNORM_CUDA_INCLUDE}/nvtx3/nvToolsExt.h")
  add_library(wn_simt_profiler MODULE profiler.c)
  target_include_directories(wn_simt_profiler SYSTEM PRIVATE "${WARPNORM_CUDA_INCLUDE}")
  target_link_libraries(wn_simt_profiler PRIVATE warpnorm_pedantic)
  add_executable(wn_simt_ranges_tests ranges_test.cpp)
  target_include_directories(wn_simt_ranges_tests SYSTEM PRIVATE "${WARPNORM_CUDA_INCLUDE}")
  target_link_libraries(wn_simt_ranges_tests PRIVATE warpnorm_simt warpnorm_pedantic ${CMAKE_DL_LIBS}
                                                     GTest::gtest_main)
  add_test(NAME simt.ranges COMMAND wn_simt_ranges_tests)
  set_tests_properties(simt.ranges PROPERTIES LABELS fast ENVIRONMENT
                                              "NVTX_INJECTION64_PATH=$<TARGET_FILE:wn_simt_profiler>")
endif()
