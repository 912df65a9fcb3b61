/* Who there is in this build, ours first. */
#include "bench_peer.h"

const bench_peer *const bench_peers[] = {&bench_peer_warpnorm,  &bench_peer_copy,
#ifdef BENCH_HAVE_ONEDNN
                                         &bench_peer_onednn,    &bench_peer_onednn_blocked,
#endif
#ifdef BENCH_HAVE_CUDA
                                         &bench_peer_copy_cuda, &bench_peer_warpnorm_graph,
#endif
#ifdef BENCH_HAVE_CUDNN
                                         &bench_peer_cudnn,     &bench_peer_cudnn_graph,
#endif
                                         &bench_peer_planted,   NULL};
