/* Kernels made worse on purpose, one way each. worse.sass is what the compiler made of them for sm_90:
 *
 *   nvcc -arch=sm_90 -cubin worse.cu -o worse.cubin
 *   { cuobjdump -sass worse.cubin; cuobjdump -res-usage worse.cubin 2>/dev/null; } >worse.sass */
struct Job {
  const float *x;
  float *y;
  long long n, divisor;
  int act;
};
#define KERNEL(name) extern "C" __global__ void __launch_bounds__(256) name(const __grid_constant__ Job job)
#define EACH(i) for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < job.n; i += gridDim.x * blockDim.x)

KERNEL(good) {
#pragma unroll 1
  EACH(i) {
    const float4 *const x = reinterpret_cast<const float4 *>(job.x) + 4 * i;
    const float4 a = x[0], b = x[1], c = x[2], d = x[3];
    float4 *const y = reinterpret_cast<float4 *>(job.y) + 4 * i;
    y[0] = d, y[1] = c, y[2] = b, y[3] = a;
  }
}

KERNEL(narrow) {
#pragma unroll 1
  EACH(i) job.y[i] = job.x[i] + 1;
}

KERNEL(waits) {
#pragma unroll 1
  EACH(i) {
    const float4 a = reinterpret_cast<const float4 *>(job.x)[i];
    reinterpret_cast<float4 *>(job.y)[i] = make_float4(a.x + 1, a.y, a.z, a.w);
  }
}

KERNEL(divides) {
#pragma unroll 1
  EACH(i) job.y[i] = job.x[i] + static_cast<float>(((1ll << 40) + i) / job.divisor);
}

KERNEL(doubles) {
#pragma unroll 1
  EACH(i) job.y[i] = static_cast<float>(job.x[i] * 1.1);
}

KERNEL(slow) {
#pragma unroll 1
  EACH(i) {
    float v = job.x[i];
#pragma unroll
    for (int k = 0; k < 40; k++) v = v * v + 1;
    job.y[i] = v;
  }
}

KERNEL(spills) {
  float few[64];
  for (int k = 0; k < 64; k++) few[k] = job.x[k];
#pragma unroll 1
  EACH(i) job.y[i] = few[(i * 7 + job.act) % 64];
}
