#include <cstdint>

#include "host_plan_cuda.h"

extern "C" {
#include "host/names.h"
}

namespace wn::test {
namespace {

struct Size {
  std::int64_t n, c, x, groups, parts;
};

constexpr Size kSizes[] = {
    {0, 6, 5, 2, 1},        {1, 1, 1, 1, 1},        {4, 6, 5, 3, 2},          {3, 35, 9, 7, 3},
    {8, 64, 49, 32, 4},     {64, 255, 1, 51, 1},    {7, 1024, 1, 4, 1},       {7, 1030, 1, 2, 1},
    {5, 2049, 1, 1, 1},     {33, 4100, 1, 2, 1},    {100, 8192, 1, 2, 1},     {16, 12288, 1, 1, 1},
    {9, 16385, 1, 1, 1},    {4096, 30000, 1, 2, 1}, {2, 262147, 1, 1, 1},     {3, 600000, 1, 2, 1},
    {131072, 128, 1, 8, 2}, {32, 64, 12544, 8, 1},  {32, 256, 3136, 32, 32},  {2, 3, 1000003, 3, 1},
    {1, 8, 65536, 2, 1},    {70000, 3, 1, 1, 7},    {66000, 2, 2, 2, 1},      {2, 128, 262144, 32, 1},
    {16, 3, 262144, 1, 1},  {512, 2048, 49, 32, 1}, {64, 768, 196, 8, 1},     {4, 24, 2500, 2, 2},
    {6, 48, 900, 4, 3},     {40, 6, 11000, 2, 1},   {1 << 20, 8192, 1, 4, 1}, {1 << 20, 512, 1 << 12, 4, 1},
    {300, 3000, 40, 10, 1}, {4, 6, 200, 2, 1},      {2, 3, 700, 3, 1},        {2, 6, 2000, 2, 2},
    {1, 2, 9001, 1, 1},     {1, 3, 17003, 1, 1},    {3, 4, 40009, 2, 1},      {3, 6, 100, 2, 1},
    {2, 3, 300, 3, 1},      {1, 4, 5003, 2, 1},     {4, 8, 64, 4, 4},         {1, 4, 2048, 2, 1},
    {1, 4, 33008, 2, 1},    {5000, 32, 1, 4, 1},    {2, 16400, 1, 2, 1},
};

constexpr struct {
  wn_dtype x, y, dy;
} kTypes[] = {
    {WN_F32, WN_F32, WN_F32}, {WN_BF16, WN_BF16, WN_BF16}, {WN_F16, WN_F8_E4M3, WN_F16}, {WN_F64, WN_F64, WN_F64}};

void AddPasses(const wn_problem &p, std::vector<PlanCase> *cases) {
  wni_problem resolved;
  if (wni_problem_resolve(&p, &resolved) != WN_OK) return;
  cases->push_back({resolved, WN_TRAIN});
  cases->push_back({resolved, WN_INFER});
  cases->push_back({resolved, WN_BACKWARD});
  if (resolved.running) cases->push_back({resolved, WN_BACKWARD_FROZEN});
}

// Of a rank of five, where a kind and its parts allow it.
void AddSyncedPasses(const wn_problem &p, std::vector<PlanCase> *cases) {
  wni_problem resolved;
  if (p.kind != WN_BATCH || p.parts > 1 || wni_problem_resolve(&p, &resolved) != WN_OK) return;
  resolved.ranks = 5;
  cases->push_back({resolved, WN_TRAIN});
  cases->push_back({resolved, WN_BACKWARD});
}

std::vector<PlanCase> MakeCases() {
  std::vector<PlanCase> cases;
  for (int kind = WN_BATCH; kind <= WN_RMS; kind++)
    for (const wn_layout layout : {WN_NCX, WN_NXC})
      for (const Size &s : kSizes)
        for (const auto &types : kTypes) {
          wn_problem p = WN_PROBLEM_INIT;
          p.kind = static_cast<wn_kind>(kind);
          p.layout = layout;
          p.n = s.n;
          p.c = s.c;
          p.x = s.x;
          p.groups = kind == WN_GROUP ? s.groups : 1;
          p.parts = kind == WN_BATCH ? s.parts : 1;
          p.x_type = types.x;
          p.y_type = types.y;
          p.dy_type = types.dy;
          AddPasses(p, &cases);
          p.act = WN_ACT_RELU;
          p.add = types.x == WN_F32 ? WN_ADD_AFTER : WN_ADD_BEFORE;
          if (kind == WN_INSTANCE) p.flags |= WN_INSTANCE_RUNNING;
          if (kind == WN_BATCH || kind == WN_INSTANCE) p.flags |= WN_RUNNING_CUMULATIVE;
          if (kind == WN_RMS) p.flags |= WN_SPLIT_FEW_ROWS;
          AddPasses(p, &cases);
          AddSyncedPasses(p, &cases);
        }
  return cases;
}

}  // namespace

std::vector<wni_cuda_figures> PlanDevices() {
  std::vector<wni_cuda_figures> devices(wni_cuda_devices, wni_cuda_devices + wni_cuda_device_count);
  devices.push_back({"toy", 75, 3, 1024, 16, 20 << 10, 16 << 10, 64 << 10, 1e9, 4 << 10, {}});
  return devices;
}

const std::vector<PlanCase> &PlanCases() {
  static const std::vector<PlanCase> cases = MakeCases();
  return cases;
}

std::string PlanCase::Name() const {
  const wn_problem &p = problem.given;
  std::string name = wni_kind_name(p.kind);
  name += p.layout == WN_NCX ? " ncx " : " nxc ";
  name += wni_pass_name(pass);
  name += " " + std::to_string(p.n) + " x " + std::to_string(p.c) + " x " + std::to_string(p.x);
  name += " groups " + std::to_string(p.groups) + " parts " + std::to_string(p.parts) + " ";
  if (problem.ranks > 0) name += "ranks " + std::to_string(problem.ranks) + " ";
  name += wni_dtype_name(p.x_type);
  return name + " flags " + std::to_string(p.flags) + " add " + std::to_string(p.add);
}

}  // namespace wn::test
