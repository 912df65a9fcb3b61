# Sync plans, with ranks that are threads of the test: every case, the faults, plans that differ.
set(wn_rank_test_sources device_memory.cpp runner.cpp run_report.cpp sync/shares.cpp sync/small_batch.cpp)
set(wn_sync_test_sources ${wn_rank_test_sources} sync/local_ranks.cpp sync/sync_conformance.cpp sync/sync_faults.cpp)
add_executable(wn_sync_tests ${wn_sync_test_sources})
target_include_directories(wn_sync_tests PRIVATE "${PROJECT_SOURCE_DIR}")
target_link_libraries(wn_sync_tests PRIVATE wn_oracle warpnorm GTest::gtest_main)

filtered_test(sync.conformance wn_sync_tests "SyncConformance.*:Tampered.*" "sync;fast")
filtered_test(sync.conformance.long wn_sync_tests "SyncConformanceLong.*" "sync;fast")
filtered_test(sync.faults wn_sync_tests "SyncCreation.*:SyncCalls.*" "sync;fast;thread;short")

# The same with processes for ranks.
if(TARGET warpnorm_mpi)
  file(STRINGS sync/mpi.environment wn_mpi_environment REGEX "^[A-Z]")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS sync/mpi.environment)
  set_property(GLOBAL PROPERTY wn_mpi_environment "${wn_mpi_environment}")
  # mpi.h of Open MPI brings its C++ bindings, which nobody has for years.
  add_library(wn_mpi_test_parts STATIC ${wn_rank_test_sources})
  target_include_directories(wn_mpi_test_parts PUBLIC "${PROJECT_SOURCE_DIR}")
  target_compile_definitions(wn_mpi_test_parts PUBLIC OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
  target_link_libraries(wn_mpi_test_parts PUBLIC wn_oracle warpnorm_mpi GTest::gtest)
  add_executable(wn_mpi_tests sync/mpi_main.cpp sync/mpi_test.cpp)
  target_link_libraries(wn_mpi_tests PRIVATE wn_mpi_test_parts)
  add_executable(wn_mpi_faults sync/mpi_faults.cpp)
  target_link_libraries(wn_mpi_faults PRIVATE wn_mpi_test_parts)

  foreach(ranks IN ITEMS 1 2 3 4 7)
    add_test(NAME sync.mpi.${ranks} COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks}
                                            $<TARGET_FILE:wn_mpi_tests>)
    set_tests_properties(sync.mpi.${ranks} PROPERTIES LABELS "sync;mpi" ENVIRONMENT "${wn_mpi_environment};WN_TEST_EVERY=37"
                                                      TIMEOUT 300 FAIL_REGULAR_EXPRESSION "Running 0 tests")
  endforeach()
  # With MPICH 4.0 hardly a rank outlives another one's death, whatever its launcher is told.
  set(modes late mixed)
  execute_process(COMMAND ${MPIEXEC_EXECUTABLE} --version OUTPUT_VARIABLE launcher ERROR_VARIABLE launcher)
  if(launcher MATCHES "Open MPI|OpenRTE")
    list(APPEND modes killed amid unborn)
  endif()
  foreach(mode IN LISTS modes)
    add_test(NAME sync.mpi.${mode} COMMAND "${CMAKE_CURRENT_SOURCE_DIR}/sync/mpi_faults.sh" ${MPIEXEC_EXECUTABLE} 3
                                           $<TARGET_FILE:wn_mpi_faults> ${mode})
    set_tests_properties(sync.mpi.${mode} PROPERTIES LABELS "sync;mpi" ENVIRONMENT "${wn_mpi_environment}" TIMEOUT 90)
  endforeach()
endif()

# NCCL itself needs a GPU: scripts/gpu-check runs this, and no preset.
if(TARGET warpnorm_nccl)
  add_executable(wn_nccl_gpu_tests EXCLUDE_FROM_ALL ${wn_rank_test_sources} sync/nccl_gpu_test.cpp)
  target_include_directories(wn_nccl_gpu_tests PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(wn_nccl_gpu_tests PRIVATE wn_oracle warpnorm_nccl "${warpnorm_cudart_static}" ${CMAKE_DL_LIBS} rt
                                                  GTest::gtest_main)
  add_test(NAME nccl.gpu COMMAND wn_nccl_gpu_tests)
  set_tests_properties(nccl.gpu PROPERTIES LABELS sync TIMEOUT 120 ENVIRONMENT WN_TEST_BACKEND=cuda FAIL_REGULAR_EXPRESSION
                                                                                                  "Running 0 tests")
endif()
