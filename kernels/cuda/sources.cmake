# The sources of the CUDA kernels, for whoever compiles them: those of cuda_sources_each once for each type of x in
# cuda_x_types, with WNI_X defined as its name, the others once.
file(GLOB cuda_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*.cu")
set(cuda_sources_each ${cuda_sources})
list(FILTER cuda_sources_each INCLUDE REGEX "/launch_(row|column)_[a-z]+\\.cu$")
list(REMOVE_ITEM cuda_sources ${cuda_sources_each})
set(cuda_x_types f32 f16 bf16 f64)
