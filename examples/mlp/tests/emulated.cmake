# The study's GPU machine on the emulator of tests/simt: its own sources and kernels, over the library on the emulator
# and a stand-in for the few functions of cuBLAS that it calls.
set(mlp "${PROJECT_SOURCE_DIR}/examples/mlp")
# cuBLAS's own header where the toolkit has it, which then also checks the stand-in's signatures.
add_library(wn_mlp_cublas_header INTERFACE)
if(EXISTS "${WARPNORM_CUDA_INCLUDE}/cublas_v2.h")
  target_include_directories(wn_mlp_cublas_header SYSTEM INTERFACE "${WARPNORM_CUDA_INCLUDE}")
else()
  target_include_directories(wn_mlp_cublas_header INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}/cublas")
endif()

wn_simt_kernels(wn_mlp_simt_kernels "${mlp}/network_kernels.cu" sgemm_double.cu)
target_include_directories(wn_mlp_simt_kernels PRIVATE "${mlp}" "${PROJECT_SOURCE_DIR}/include")
target_link_libraries(wn_mlp_simt_kernels PRIVATE wn_mlp_cublas_header)

mlp_parts(wn_mlp_simt_parts warpnorm_simt machine_cuda.c matrix_cublas.c)
target_link_libraries(wn_mlp_simt_parts PRIVATE wn_mlp_cublas_header)

add_executable(
  wn_simt_mlp_tests
  cublas_double.cpp
  mlp_design_test.cpp
  mlp_devices_test.cpp
  mlp_folder.cpp
  mlp_gradient_test.cpp
  mlp_machine_test.cpp
  mlp_picture_reference.cpp
  mlp_picture_test.cpp
  mlp_reference.cpp
  mlp_sequence_reference.cpp
  mlp_sequence_test.cpp
  mlp_training_test.cpp
  "${PROJECT_SOURCE_DIR}/tests/simt/device_under_test.cpp")
target_compile_definitions(wn_simt_mlp_tests PRIVATE WN_MLP_PROGRAM="wn_mlp")
target_link_libraries(wn_simt_mlp_tests PRIVATE wn_mlp_simt_parts wn_mlp_simt_kernels wn_mlp_cublas_header
                                                warpnorm_pedantic ZLIB::ZLIB GTest::gtest_main)
add_test(NAME simt.mlp COMMAND wn_simt_mlp_tests)
set_tests_properties(simt.mlp PROPERTIES LABELS simt TIMEOUT 300 ENVIRONMENT
                                         "WN_TEST_BACKEND=cuda;WN_SIMT_DEVICE=h100;WN_SIMT_SEED=13")
