# The library on the emulator: its own sources with the CUDA backend, the kernels' sources compiled for the emulator, and
# the emulator's runtime in place of NVIDIA's.
file(GLOB host_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/host/*.c")
include("${PROJECT_SOURCE_DIR}/kernels/cuda/sources.cmake")

add_library(warpnorm_simt STATIC ${host_sources})
function(add_simt_library_kernels name)
  wn_simt_kernels(${name} ${ARGN})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/include")
  target_sources(warpnorm_simt PRIVATE $<TARGET_OBJECTS:${name}>)
endfunction()
add_simt_library_kernels(wn_simt_kernels_cuda ${cuda_sources})
foreach(x IN LISTS cuda_x_types)
  add_simt_library_kernels(wn_simt_kernels_cuda_${x} ${cuda_sources_each})
  target_compile_definitions(wn_simt_kernels_cuda_${x} PRIVATE WNI_X=${x})
endforeach()

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

if(NOT WARPNORM_SANITIZE)
  add_executable(wn_simt_time_tests host_cuda_time_test.cpp "${PROJECT_SOURCE_DIR}/tests/api_problem_spec.cpp")
  target_link_libraries(wn_simt_time_tests PRIVATE warpnorm_simt warpnorm_pedantic GTest::gtest_main)
  add_test(NAME simt.time COMMAND wn_simt_time_tests)
  set_tests_properties(simt.time PROPERTIES LABELS fast)
endif()

# A profiler of our own, named in the environment as a real one is. A program loads it at its first range, so this one
# has no other tests. NVTX's headers come with the rest of CUDA's in a toolkit, and with scripts/cuda-toolkit.
if(EXISTS "${WARPNORM_CUDA_INCLUDE}/nvtx3/nvToolsExt.h")
  add_library(wn_simt_profiler MODULE profiler.c)
  target_include_directories(wn_simt_profiler SYSTEM PRIVATE "${WARPNORM_CUDA_INCLUDE}")
  target_link_libraries(wn_simt_profiler PRIVATE warpnorm_pedantic)
  add_executable(wn_simt_ranges_tests ranges_test.cpp)
  add_dependencies(wn_simt_ranges_tests wn_simt_profiler)
  target_include_directories(wn_simt_ranges_tests SYSTEM PRIVATE "${WARPNORM_CUDA_INCLUDE}")
  target_link_libraries(wn_simt_ranges_tests PRIVATE warpnorm_simt warpnorm_pedantic ${CMAKE_DL_LIBS}
                                                     GTest::gtest_main)
  add_test(NAME simt.ranges COMMAND wn_simt_ranges_tests)
  set_tests_properties(simt.ranges PROPERTIES LABELS fast ENVIRONMENT
                                              "NVTX_INJECTION64_PATH=$<TARGET_FILE:wn_simt_profiler>")
endif()

# What launches read and write, in several parts that run side by side. A row of docs/gpu-model.md comes of each case.
if(NOT WARPNORM_SANITIZE)
  add_executable(wn_simt_traffic_tests traffic_test.cpp traffic.cpp traffic_cases.cpp figures_of.c)
  target_include_directories(wn_simt_traffic_tests SYSTEM PRIVATE "${WARPNORM_CUDA_INCLUDE}")
  target_link_libraries(wn_simt_traffic_tests PRIVATE warpnorm_simt warpnorm_pedantic GTest::gtest_main)
  set(traffic_rows "${CMAKE_CURRENT_BINARY_DIR}/traffic")
  file(MAKE_DIRECTORY "${traffic_rows}")
  set(traffic_parts 4)
  math(EXPR traffic_last "${traffic_parts} - 1")
  foreach(part RANGE ${traffic_last})
    add_test(NAME simt.traffic.${part} COMMAND wn_simt_traffic_tests)
    set_tests_properties(
      simt.traffic.${part}
      PROPERTIES LABELS simt
                 TIMEOUT 600
                 FIXTURES_SETUP gpu_model
                 ENVIRONMENT
                 "GTEST_TOTAL_SHARDS=${traffic_parts};GTEST_SHARD_INDEX=${part};WN_TRAFFIC_ROWS=${traffic_rows}")
  endforeach()
endif()

# The tests of tests/ that run on a device, on emulated ones: the same sources, the same list of cases, the same
# tolerances. Not those whose tensors are large.
set(library_test_sources ${wn_library_test_sources})
list(FILTER library_test_sources EXCLUDE REGEX "run_(stream|large)")
list(TRANSFORM library_test_sources PREPEND "${PROJECT_SOURCE_DIR}/tests/")
add_executable(wn_simt_library_tests device_under_test.cpp launched.cpp launched_notes.cpp
                                    ${library_test_sources})
target_include_directories(wn_simt_library_tests SYSTEM PRIVATE "${WARPNORM_CUDA_INCLUDE}")
target_link_libraries(wn_simt_library_tests PRIVATE wn_oracle warpnorm_simt OpenMP::OpenMP_CXX GTest::gtest_main)

# emulated_test(NAME PROGRAM LABELS DEVICE SEED FILTER [VARIABLE=VALUE...]): some tests of a program on one emulated GPU, as
# one test of ctest, which notes what it launches in one of the program's LAUNCHED_FILES.
set(launched "${CMAKE_CURRENT_BINARY_DIR}/launched")
file(MAKE_DIRECTORY "${launched}")
function(emulated_test name program labels device seed filter)
  add_test(NAME ${name} COMMAND ${program} "--gtest_filter=${filter}")
  set(environment WN_TEST_BACKEND=cuda WN_SIMT_DEVICE=${device} WN_SIMT_SEED=${seed}
                  "WN_SIMT_LAUNCHED=${launched}/${name}.txt" ${ARGN})
  set_tests_properties(
    ${name}
    PROPERTIES LABELS "${labels}"
               TIMEOUT 900
               ENVIRONMENT "${environment}"
               FIXTURES_SETUP simt_launched
               FAIL_REGULAR_EXPRESSION "Running 0 tests")
  set_property(TARGET ${program} APPEND PROPERTY LAUNCHED_FILES "${launched}/${name}.txt")
endfunction()
function(simt_library_test name)
  emulated_test(simt.${name} wn_simt_library_tests simt ${ARGN})
endfunction()

# Where the host's code is watched as well, some of each: kernels are watched by the emulator in every build.
if(WARPNORM_SANITIZE)
  simt_library_test(conformance.toy toy 2 "Conformance.*" WN_TEST_EVERY=17)
  simt_library_test(conformance.t4 t4 3 "Conformance.*" WN_TEST_EVERY=23)
  simt_library_test(bits toy 12 "Bits.*-Bits.SameForAnyNumberOfThreads" WN_TEST_EVERY=199)
  simt_library_test(threads h100 11 "SharedPlan.*" WN_TEST_EVERY=5)
  return()
endif()

# All cases on a large GPU and on a toy, whose figures bring every variant within reach of small tensors; some of them,
# others on each, on one GPU of each generation.
simt_library_test(conformance h100 1 "Conformance.*")
simt_library_test(conformance.toy toy 2 "Conformance.*")
set(seed 3)
foreach(device IN ITEMS t4 a100 rtx4090 b200 rtx5090)
  simt_library_test(conformance.${device} ${device} ${seed} "Conformance.*" WN_TEST_EVERY=11 WN_TEST_FIRST=${seed})
  math(EXPR seed "${seed} + 1")
endforeach()
simt_library_test(conformance.long h100 8 "ConformanceLong.*")
set_tests_properties(simt.conformance.long PROPERTIES COST 100) # the longest: it starts first
simt_library_test(exact h100 9 "Exact.*" WN_TEST_EVERY=11)
simt_library_test(activations h100 10 "*Activations.*" WN_TEST_EVERY=17)
simt_library_test(threads h100 11 "SharedPlan.*" WN_TEST_EVERY=3)
# A GPU has no threads of the host to choose a number of.
simt_library_test(bits toy 12 "Bits.*-Bits.SameForAnyNumberOfThreads" WN_TEST_EVERY=29)
simt_library_test(sparse toy 13 "Sparse.*" WN_SIMT_MEMORY=2048)
simt_library_test(sparse.h100 h100 14 "Sparse.*" WN_SIMT_MEMORY=2048)

# Ranks that are threads, taking turns, each with the same emulated GPU.
set(sync_test_sources ${wn_sync_test_sources})
list(TRANSFORM sync_test_sources PREPEND "${PROJECT_SOURCE_DIR}/tests/")
add_executable(wn_simt_sync_tests device_under_test.cpp launched.cpp launched_notes.cpp ${sync_test_sources})
target_include_directories(wn_simt_sync_tests PRIVATE "${PROJECT_SOURCE_DIR}")
target_include_directories(wn_simt_sync_tests SYSTEM PRIVATE "${WARPNORM_CUDA_INCLUDE}")
target_link_libraries(wn_simt_sync_tests PRIVATE wn_oracle warpnorm_simt GTest::gtest_main)

emulated_test(sync.simt.toy wn_simt_sync_tests "sync;simt" toy 13 "-SyncConformanceLong.*" WN_TEST_EVERY=17)
emulated_test(sync.simt.h100 wn_simt_sync_tests "sync;simt" h100 14 "-SyncConformanceLong.*" WN_TEST_EVERY=29)

# Whether they have run every kernel that the planner can choose.
add_executable(wn_simt_coverage_tests coverage_test.cpp launched.cpp
                                      "${PROJECT_SOURCE_DIR}/tests/host_plan_cuda_cases.cpp")
target_include_directories(wn_simt_coverage_tests SYSTEM PRIVATE "${WARPNORM_CUDA_INCLUDE}")
target_link_libraries(wn_simt_coverage_tests PRIVATE warpnorm_simt warpnorm_pedantic GTest::gtest_main)
add_test(NAME simt.coverage COMMAND wn_simt_coverage_tests)
get_target_property(launched_files wn_simt_library_tests LAUNCHED_FILES)
get_target_property(launched_by_ranks wn_simt_sync_tests LAUNCHED_FILES)
list(APPEND launched_files ${launched_by_ranks})
list(JOIN launched_files ":" launched_files)
set_tests_properties(
  simt.coverage
  PROPERTIES LABELS simt
             FIXTURES_REQUIRED simt_launched
             ENVIRONMENT "WN_SIMT_LAUNCHED=${launched_files}")

# simt_adapter_tests(PROGRAM ADAPTER SOURCE...): ranks with emulated GPUs, over an adapter.
function(simt_adapter_tests program adapter)
  set(sources ${wn_rank_test_sources} ${ARGN})
  list(TRANSFORM sources PREPEND "${PROJECT_SOURCE_DIR}/tests/")
  add_executable(${program} device_under_test.cpp ${sources} "${PROJECT_SOURCE_DIR}/adapters/${adapter}.c")
  target_include_directories(${program} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_include_directories(${program} SYSTEM PRIVATE "${WARPNORM_CUDA_INCLUDE}")
  target_compile_definitions(${program} PRIVATE _GNU_SOURCE)
  target_link_libraries(${program} PRIVATE wn_oracle warpnorm_simt)
endfunction()

# The adapter for NCCL with a stand-in for it: all that it takes of NCCL is the header.
include("${PROJECT_SOURCE_DIR}/cmake/nccl.cmake")
if(WARPNORM_NCCL_INCLUDE)
  simt_adapter_tests(wn_simt_nccl_tests warpnorm_nccl sync/local_ranks.cpp sync/nccl_double.cpp sync/nccl_test.cpp)
  target_include_directories(wn_simt_nccl_tests SYSTEM PRIVATE "${WARPNORM_NCCL_INCLUDE}")
  target_link_options(wn_simt_nccl_tests PRIVATE LINKER:--wrap=cudaStreamQuery)
  target_link_libraries(wn_simt_nccl_tests PRIVATE GTest::gtest_main)
  add_test(NAME sync.nccl COMMAND wn_simt_nccl_tests)
  set_tests_properties(
    sync.nccl PROPERTIES LABELS "sync;simt" TIMEOUT 300
                         ENVIRONMENT "WN_TEST_BACKEND=cuda;WN_SIMT_DEVICE=h100;WN_SIMT_SEED=15;WN_TEST_EVERY=29")
else()
  message(STATUS "The adapter for NCCL is not tested: it needs WARPNORM_NCCL_INCLUDE, the folder of nccl.h")
endif()

# The adapter for MPI, which waits for the stream and copies, with an emulated GPU for each of two processes.
if(TARGET warpnorm_mpi)
  simt_adapter_tests(wn_simt_mpi_tests warpnorm_mpi sync/mpi_main.cpp sync/mpi_test.cpp sync/mpi_gpu_test.cpp)
  target_compile_definitions(wn_simt_mpi_tests PRIVATE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
  target_link_libraries(wn_simt_mpi_tests PRIVATE MPI::MPI_C GTest::gtest)
  get_property(wn_mpi_environment GLOBAL PROPERTY wn_mpi_environment)
  add_test(NAME sync.simt.mpi COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 2 $<TARGET_FILE:wn_simt_mpi_tests>)
  set_tests_properties(
    sync.simt.mpi
    PROPERTIES LABELS "sync;simt;mpi" TIMEOUT 300
               ENVIRONMENT "${wn_mpi_environment};WN_TEST_BACKEND=cuda;WN_SIMT_DEVICE=h100;WN_SIMT_SEED=16;WN_TEST_EVERY=67")
endif()
