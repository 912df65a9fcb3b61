# NCCL has no package for CMake: nccl.h and libnccl.so.2 in one place, as NVIDIA's packages and PyPI's have them. The private
# environment is that of scripts/cuda-toolkit --nccl.
file(GLOB private_nccl "${PROJECT_SOURCE_DIR}/build/cuda-toolkit/lib/python*/site-packages/nvidia/nccl/include")
find_path(WARPNORM_NCCL_INCLUDE nccl.h HINTS ${private_nccl} DOC "Folder of nccl.h")
find_library(WARPNORM_NCCL_LIBRARY NAMES nccl libnccl.so.2 HINTS "${WARPNORM_NCCL_INCLUDE}/../lib" DOC "libnccl")
