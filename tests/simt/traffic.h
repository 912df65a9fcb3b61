// What launches read and write, in 32-byte sectors, against the least that a pass can do with and against what the plan
// said: shapes that are met in practice, each on a part of a GPU. A part has as many multiprocessors, as much cache and
// bandwidth fewer as the case has work less: waves, and what a cache holds of the tensors, are those of the whole.
#ifndef WN_SIMT_TRAFFIC_H
#define WN_SIMT_TRAFFIC_H
#include <cstdint>
#include <string>
#include <vector>

#include "warpnorm.h"

extern "C" {
#include "host/plan_cuda.h"
}

namespace wn::simt {

struct TrafficCase {
  std::string shape, device;  // as in practice; a device of simt.h
  wn_problem problem;
  wn_pass pass;
  std::int64_t n, c, x;   // of the case: what is left of the problem's
  int part;               // of the device: the part-th
  bool masked = false;    // a forward pass stores the signs, a backward one reads them
  bool saved = true;      // a training pass saves its statistics
  int reads = 1;          // of the tensors that statistics or sums are of, from the device's memory
  int mask_reads = 1;     // of the mask, likewise
  double partial = 0.05;  // of the least traffic, at most, goes into partial results
  std::string reason;     // why it is not 1, and why partial is not 0.05

  std::string Name() const;
};

const std::vector<TrafficCase> &TrafficCases();

struct TensorTraffic {
  std::string name;
  std::int64_t bytes;        // what it has
  bool reads, writes;        // whether the pass needs to
  bool summed;               // read once more where a second sweep is needed
  std::int64_t read, again;  // sectors: each that a launch reads, and what launches read once more
  std::int64_t fetched;      // from the device's memory
  std::int64_t written;

  std::int64_t sectors() const { return (bytes + 31) / 32; }
};

struct MeasuredTraffic {
  std::vector<TensorTraffic> tensors;
  std::int64_t partial = 0, partial_fetched = 0;  // sectors of the workspace: written; from the device's memory
  std::int64_t barriers = 0;
  std::int64_t cache = 0;  // bytes that are counted upon: two thirds of it
  std::string kernel;      // of the first launch
  wni_cuda_traffic announced;
  std::string explained;  // wn_plan_explain

  std::int64_t Least() const;    // sectors of the tensors, once
  std::int64_t Fetched() const;  // of them, from memory
  std::int64_t Written() const;
};

MeasuredTraffic Measure(const TrafficCase &c);

}  // namespace wn::simt
#endif
