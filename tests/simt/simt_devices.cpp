#include "simt.h"

namespace wn::simt {

/* As cudaGetDeviceProperties and cudaDeviceGetAttribute say them. */
Device t4() {
  return {"Tesla T4", 7, 5, 40, 1024, 16, 49152, 65536, 65536, 0, 4194304, 256, 5001000, size_t{15} << 30};
}
Device a100() {
  return {"NVIDIA A100-SXM4-80GB", 8, 0, 108, 2048, 32, 49152, 166912, 167936, 1024, 41943040, 5120, 1593000,
          size_t{79} << 30};
}
Device l4() {
  return {"NVIDIA L4", 8, 9, 58, 1536, 24, 49152, 101376, 102400, 1024, 50331648, 192, 6251000, size_t{22} << 30};
}
Device h100() {
  return {"NVIDIA H100 80GB HBM3", 9, 0, 132, 2048, 32, 49152, 232448, 233472, 1024, 52428800, 5120, 2619000,
          size_t{79} << 30,        16};
}
Device h200() {
  return {"NVIDIA H200",     9, 0, 132, 2048, 32, 49152, 232448, 233472, 1024, 62914560, 6144, 3201000,
          size_t{140} << 30, 16};
}
Device b200() {
  return {"NVIDIA B200",     10, 0, 148, 2048, 32, 49152, 232448, 233472, 1024, 132644864, 7680, 3996000,
          size_t{178} << 30, 16};
}
Device rtx4090() {
  return {"NVIDIA GeForce RTX 4090", 8, 9, 128, 1536, 24, 49152, 101376, 102400, 1024, 75497472, 384, 10501000,
          size_t{23} << 30};
}
Device rtx5090() {
  return {"NVIDIA GeForce RTX 5090", 12, 0, 170, 1536, 24, 49152, 101376, 102400, 1024, 100663296, 512, 14001000,
          size_t{31} << 30,          8};
}
Device toy() { return {"toy", 9, 0, 2, 512, 8, 8192, 16384, 16384, 0, 65536, 64, 1000000, size_t{4} << 30, 4}; }

}  // namespace wn::simt
