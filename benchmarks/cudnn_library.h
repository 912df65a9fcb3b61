/* cuDNN's functions, loaded when a peer asks for them: the same program runs where there is no cuDNN. */
#ifndef CUDNN_LIBRARY_H
#define CUDNN_LIBRARY_H
/* The legacy normalization is deprecated, and is what people have. */
#define CUDNN_DISABLE_DEPRECATION_WARNINGS
#include <cudnn.h>
#include <stdbool.h>
#include <stddef.h>

#define CUDNN_FUNCTIONS(FUNCTION)                               \
  FUNCTION(GetVersion)                                          \
  FUNCTION(GetErrorString)                                      \
  FUNCTION(Create)                                              \
  FUNCTION(Destroy)                                             \
  FUNCTION(SetStream)                                           \
  FUNCTION(CreateTensorDescriptor)                              \
  FUNCTION(SetTensorNdDescriptor)                               \
  FUNCTION(DestroyTensorDescriptor)                             \
  FUNCTION(DeriveBNTensorDescriptor)                            \
  FUNCTION(CreateActivationDescriptor)                          \
  FUNCTION(SetActivationDescriptor)                             \
  FUNCTION(DestroyActivationDescriptor)                         \
  FUNCTION(GetBatchNormalizationForwardTrainingExWorkspaceSize) \
  FUNCTION(GetBatchNormalizationBackwardExWorkspaceSize)        \
  FUNCTION(GetBatchNormalizationTrainingExReserveSpaceSize)     \
  FUNCTION(BatchNormalizationForwardTrainingEx)                 \
  FUNCTION(BatchNormalizationForwardInference)                  \
  FUNCTION(BatchNormalizationBackwardEx)                        \
  FUNCTION(BackendCreateDescriptor)                             \
  FUNCTION(BackendDestroyDescriptor)                            \
  FUNCTION(BackendSetAttribute)                                 \
  FUNCTION(BackendGetAttribute)                                 \
  FUNCTION(BackendFinalize)                                     \
  FUNCTION(BackendExecute)

typedef struct cudnn_library {
#define FUNCTION(name) __typeof__(&cudnn##name) name;
  CUDNN_FUNCTIONS(FUNCTION)
#undef FUNCTION
} cudnn_library;

/* The library, loaded once; NULL: `why` says what is missing. */
const cudnn_library *cudnn_load(char *why, size_t size);

/* "9.19.0", or why it cannot be used. */
bool cudnn_version(char *text, size_t size);

#endif
