// What a launch runs, in words that are the same from a plan and from what a kernel was given, and in every program.
#ifndef WN_SIMT_LAUNCHED_H
#define WN_SIMT_LAUNCHED_H
#include <string>
#include <vector>

extern "C" {
#include "kernels/cuda/cuda_job.h"
}

namespace wn::simt {

// A function, its scope and the types that it is compiled for: "row_forward block_4, x bf16, y f8_e4m3". Empty: no
// kernel of the library's. Types that make no difference to an instance have the first that the interface lists.
std::string InstanceName(const void *kernel);
// Every instance that the library has.
std::vector<std::string> InstanceNames();

// The ways that a launch takes in the source, by what the planner decides: which loops and branches, but for the types
// and for what only a call knows (activation, residual, strides, what is wanted); and the short ones, if it takes
// those (plain: wni_cuda_job's).
std::vector<std::string> WayNames(const void *kernel, const wni_cuda_cut &cut, const wni_geometry &geo, wni_stats stats,
                                  bool plain);

}  // namespace wn::simt
#endif
