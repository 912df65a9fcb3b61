# What knows the right answers: it needs the header and nothing of the library. The tests and the benchmark share it.
add_library(
  wn_oracle STATIC
  "${CMAKE_CURRENT_LIST_DIR}/types.cpp"
  "${CMAKE_CURRENT_LIST_DIR}/oracle_act.cpp"
  "${CMAKE_CURRENT_LIST_DIR}/oracle.cpp"
  "${CMAKE_CURRENT_LIST_DIR}/tolerance.cpp"
  "${CMAKE_CURRENT_LIST_DIR}/judge.cpp"
  "${CMAKE_CURRENT_LIST_DIR}/cases.cpp"
  "${CMAKE_CURRENT_LIST_DIR}/case_data.cpp"
  "${CMAKE_CURRENT_LIST_DIR}/expected.cpp")
target_include_directories(wn_oracle PUBLIC "${PROJECT_SOURCE_DIR}/include")
target_link_libraries(wn_oracle PUBLIC warpnorm_pedantic)
