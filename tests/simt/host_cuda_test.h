// A small problem with everything that a call can ask for, run through the interface on an emulated GPU.
#ifndef WN_SIMT_HOST_CUDA_TEST_H
#define WN_SIMT_HOST_CUDA_TEST_H
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/simt/simt.h"
#include "warpnorm.h"

namespace wn::simt {

inline wn_device *Open(int ordinal = 0) {
  wn_device *device = nullptr;
  EXPECT_EQ(wn_device_open(&device, WN_CUDA, ordinal), WN_OK) << wn_last_error();
  return device;
}

inline bool Says(const std::string &text, const std::string &words) { return text.find(words) != std::string::npos; }

inline int CurrentDevice() {
  int device = -1;
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  return device;
}

// Ghost batch norm in f32, n = 4, c = 6, x = 5, with f8 y in training; its passes have launches of every kind but those
// of columns.
inline wn_problem SmallProblem() {
  wn_problem p = WN_PROBLEM_INIT;
  p.kind = WN_BATCH;
  p.n = 4;
  p.c = 6;
  p.x = 5;
  p.parts = 2;
  p.y_type = WN_F8_E4M3;
  p.dy_type = WN_F32;
  p.act = WN_ACT_RELU;
  p.flags = WN_RUNNING_CUMULATIVE;
  return p;
}

constexpr std::size_t kElements = 4 * 6 * 5;

// What a call needs, in memory of the device. `call` makes each call of the interface, so that a test can look at it.
struct SmallBuffers {
  void *x = nullptr, *y = nullptr, *dx = nullptr, *params = nullptr, *mask = nullptr, *work = nullptr;
  std::vector<void **> all() { return {&x, &y, &dx, &params, &mask, &work}; }
  static constexpr std::size_t kBytes = 4096;

  float *Param(int i) const { return static_cast<float *>(params) + 16 * i; }

  wn_forward_args Forward(wn_pass pass) const {
    wn_forward_args a = WN_FORWARD_INIT;
    a.x = x;
    a.y = y;
    a.gamma = Param(0);
    a.beta = Param(1);
    a.running_mean = Param(2);
    a.running_var = Param(3);
    a.y_amax = Param(6);
    if (pass == WN_TRAIN) {
      a.mean = Param(4);
      a.rstd = Param(5);
      a.mask = mask;
      a.batches_seen = reinterpret_cast<std::int64_t *>(Param(7));
    }
    return a;
  }
  wn_backward_args Backward(wn_pass pass) const {
    wn_backward_args a = WN_BACKWARD_INIT;
    a.x = x;
    a.dy = x;
    a.gamma = Param(0);
    a.beta = Param(1);
    if (pass == WN_BACKWARD) {
      a.mean = Param(4);
      a.rstd = Param(5);
      a.mask = mask;
    } else {
      a.running_mean = Param(2);
      a.running_var = Param(3);
    }
    a.dx = dx;
    a.dgamma = Param(8);
    a.dbeta = Param(9);
    return a;
  }
};

}  // namespace wn::simt
#endif
