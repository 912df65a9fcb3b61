# mlp_parts(TARGET LIBRARY SOURCES...): everything but main(), so that tests can call it, over that build of warpnorm;
# SOURCES are the GPU's, if it has one.
function(mlp_parts target library)
  set(sources
      dataset.c
      fault.c
      figure.c
      idx.c
      machine.c
      machine_cpu.c
      matrix_cblas.c
      network.c
      network_pass.c
      network_shape.c
      norm_layer.c
      optimizer.c
      options.c
      progress.c
      ranks.c
      rng.c
      stage.c
      stage_attention.c
      stage_dropout.c
      stage_recurrent.c
      stage_sequence.c
      stage_skip.c
      stage_window.c
      study.c
      train.c
      window.c
      ${ARGN})
  list(TRANSFORM sources PREPEND "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/" REGEX "^[a-z_]+\\.c$")
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC "${CMAKE_CURRENT_FUNCTION_LIST_DIR}")
  target_include_directories(${target} SYSTEM PRIVATE "${CBLAS_INCLUDE_DIR}")
  target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
  if(ARGN)
    target_compile_definitions(${target} PRIVATE MLP_HAVE_CUDA)
  endif()
  target_link_libraries(${target} PUBLIC ${library} PRIVATE warpnorm_pedantic ZLIB::ZLIB "${CBLAS_LIBRARY}" m)
  # A fused multiply-add would round the random numbers differently where the processor has one.
  set_source_files_properties("${CMAKE_CURRENT_FUNCTION_LIST_DIR}/rng.c" PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
endfunction()
