# The CUDA compiler, the architectures, and the static runtime. nvcc is CMAKE_CUDA_COMPILER, CUDACXX or the one in the
# PATH; else the one that scripts/cuda-toolkit has put under the build folder's parent.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  file(GLOB private_folder "${PROJECT_SOURCE_DIR}/build/cuda-toolkit/lib/python*/site-packages/nvidia/cu13/bin")
  find_program(WARPNORM_NVCC nvcc PATHS /usr/local/cuda/bin ${private_folder})
  if(NOT WARPNORM_NVCC)
    message(FATAL_ERROR "WARPNORM_CUDA=ON needs nvcc: none is in the PATH, in CUDACXX or in /usr/local/cuda. "
                        "scripts/cuda-toolkit gets one without touching the system.")
  endif()
  set(CMAKE_CUDA_COMPILER "${WARPNORM_NVCC}" CACHE FILEPATH "nvcc" FORCE)
endif()

# Machine code for each of these GPUs, and PTX for the rest. Code for 8.0, 10.0, 12.0 runs on later minor versions (8.7,
# 10.3, 12.1) as well, and PTX on everything from its own version on: that of 10.0 is compiled by the driver for 11.0 and
# for what comes after 12.x. PTX of 12.0 would leave 11.0 out, PTX of both would serve nobody else. 8.6 and 8.9 stand here
# for their larger register use per thread and their own scheduling; 9.0's code runs nowhere else.
# Half of the time goes into making PTX, so it is made once where two would say the same. 8.6 has too little bandwidth to
# need the short ways of 8.0 (WN_FAST_MEMORY), 8.9 is the first that converts to 8-bit floating point by an instruction,
# 9.0 the first with clusters.
if(DEFINED CMAKE_CUDA_ARCHITECTURES OR DEFINED ENV{CUDAARCHS})
  set(warpnorm_cuda_code "")
else()
  set(CMAKE_CUDA_ARCHITECTURES OFF)
  set(warpnorm_cuda_code
      --generate-code=arch=compute_75,code=[sm_75]
      --generate-code=arch=compute_80,code=[sm_80]
      --generate-code=arch=compute_86,code=[sm_86]
      --generate-code=arch=compute_89,code=[sm_89]
      --generate-code=arch=compute_90,code=[sm_90]
      --generate-code=arch=compute_100,code=[compute_100,sm_100,sm_120])
endif()
set(CMAKE_CUDA_RUNTIME_LIBRARY None) # named in host/CMakeLists.txt: the libraries are linked by the C compiler
enable_language(CUDA)
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 13.0)
  message(FATAL_ERROR "${CMAKE_CUDA_COMPILER} is version ${CMAKE_CUDA_COMPILER_VERSION}; 13.0 or newer is needed")
endif()

# The compiler's own runtime, not another version's that the system may have.
list(TRANSFORM CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES APPEND /../lib OUTPUT_VARIABLE runtime_folders)
find_library(
  warpnorm_cudart_static cudart_static
  PATHS ${runtime_folders} ${CMAKE_CUDA_IMPLICIT_LINK_DIRECTORIES}
  NO_CACHE NO_DEFAULT_PATH REQUIRED)

# The least of them, which opening a device compares with.
set(warpnorm_cuda_oldest 9999)
string(REGEX MATCHALL "[0-9]+" numbers "${CMAKE_CUDA_ARCHITECTURES} ${warpnorm_cuda_code}")
foreach(number IN LISTS numbers)
  if(number LESS warpnorm_cuda_oldest)
    set(warpnorm_cuda_oldest ${number})
  endif()
endforeach()
if(warpnorm_cuda_oldest EQUAL 9999) # "native", "all"
  set(warpnorm_cuda_oldest 75)
endif()

# wn_cuda_kernels(TARGET SOURCES...): kernels of the library or of an example, as objects for the linker of C.
# --fmad=false: products and sums are fused where the source says wn_fma and nowhere else, so that a result does not
# depend on what else is computed. Compressed: the images of all architectures are alike and shrink 14 times. The host's
# half throws nothing and needs no guards, and so the libraries no C++ runtime.
function(wn_cuda_kernels target)
  add_library(${target} OBJECT ${ARGN})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
  target_compile_options(
    ${target}
    PRIVATE --fmad=false
            ${warpnorm_cuda_code}
            -Xfatbin=--compress-mode=size
            -Xcompiler=-fno-exceptions,-fno-threadsafe-statics
            "$<$<BOOL:${WARPNORM_WERROR}>:--Werror=all-warnings>")
endfunction()
