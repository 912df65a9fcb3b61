# Sync plans, with ranks that are threads of the test: every case, the faults, plans that differ.
set(wn_sync_test_sources device_memory.cpp runner.cpp run_report.cpp sync/local_ranks.cpp sync/shares.cpp
                         sync/small_batch.cpp sync/sync_conformance.cpp sync/sync_faults.cpp)
add_executable(wn_sync_tests ${wn_sync_test_sources})
target_include_directories(wn_sync_tests PRIVATE "${PROJECT_SOURCE_DIR}")
target_link_libraries(wn_sync_tests PRIVATE wn_oracle warpnorm GTest::gtest_main)

function(sync_test name filter labels)
  add_test(NAME sync.${name} COMMAND wn_sync_tests "--gtest_filter=${filter}")
  set_tests_properties(sync.${name} PROPERTIES LABELS "${labels}" ENVIRONMENT "${ARGN}" TIMEOUT 600
                                               FAIL_REGULAR_EXPRESSION "Running 0 tests")
endfunction()
sync_test(conformance "SyncConformance.*:Tampered.*" "sync;fast")
sync_test(conformance.long "SyncConformanceLong.*" "sync;fast")
sync_test(faults "SyncCreation.*:SyncCalls.*" "sync;fast;thread;short")
