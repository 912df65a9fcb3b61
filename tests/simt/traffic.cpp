#include "tests/simt/traffic.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "tests/simt/figures_of.h"
#include "tests/simt/simt.h"

extern "C" {
#include "host/names.h"
#include "host/plan.h"
}

namespace wn::simt {
namespace {

Device DeviceNamed(const std::string &name) {
  static const std::map<std::string, Device> devices = {{"T4", t4()},     {"A100", a100()}, {"H100", h100()},
                                                        {"H200", h200()}, {"B200", b200()}, {"RTX 4090", rtx4090()}};
  return devices.at(name);
}

Device PartOf(Device d, int part) {
  d.multiprocessors /= part;
  d.l2 /= part;
  d.memory_khz /= part;
  return d;
}

// Arguments, each in memory of its own.
class Arguments {
 public:
  ~Arguments() {
    for (const auto &item : items_) EXPECT_EQ(cudaFree(item.pointer), cudaSuccess);
  }

  struct Use {
    bool reads, writes, summed;
  };

  void *Add(const char *name, std::int64_t bytes, Use use) {
    void *pointer = nullptr;
    EXPECT_EQ(cudaMalloc(&pointer, static_cast<std::size_t>(bytes)), cudaSuccess);
    // 0.0115 in 16 and 32 bits: numbers, so that no kernel takes a way that it has for others only.
    EXPECT_EQ(cudaMemset(pointer, 0x3c, static_cast<std::size_t>(bytes)), cudaSuccess);
    items_.push_back({{name, bytes, use.reads, use.writes, use.summed, 0, 0, 0, 0}, pointer});
    return pointer;
  }

  struct Item {
    TensorTraffic traffic;
    void *pointer;
  };
  std::vector<Item> &items() { return items_; }

 private:
  std::vector<Item> items_;
};

constexpr Arguments::Use kRead = {true, false, false}, kWritten = {false, true, false}, kBoth = {true, true, false},
                         kSummed = {true, false, true};

// The sizes of a case's tensors.
struct Sizes {
  explicit Sizes(const TrafficCase &c, const wn_plan &plan) {
    const wni_types &types = plan.problem.types;
    const auto of = [](wn_dtype t) { return static_cast<std::int64_t>(wni_dtype_size(t)); };
    const std::int64_t elements = c.n * c.c * c.x;
    x = elements * of(types.x);
    y = elements * of(types.y);
    dy = elements * of(types.dy);
    param = c.c * of(types.param);
    grad = c.c * of(types.param_grad);
    real = c.c * of(types.real);
    const wn_problem &p = c.problem;
    const std::int64_t sets = p.kind == WN_BATCH      ? p.parts * c.c
                              : p.kind == WN_INSTANCE ? c.n * c.c
                              : p.kind == WN_GROUP    ? c.n * p.groups
                                                      : c.n * c.x;
    stats = sets * of(types.real);
  }
  std::int64_t x, y, dy, param, grad, real, stats;
};

const char *ActName(wn_act act) { return act == WN_ACT_RELU ? "relu" : act == WN_ACT_SILU ? "silu" : "none"; }

bool HasRunning(const wn_problem &p) { return p.kind == WN_BATCH || (p.flags & WN_INSTANCE_RUNNING) != 0; }

wn_status Forward(const TrafficCase &c, const wn_plan *plan, Arguments *in, void *work, std::size_t work_bytes) {
  const Sizes size(c, *plan);
  const wn_problem &p = c.problem;
  const bool train = c.pass == WN_TRAIN;
  wn_forward_args a = WN_FORWARD_INIT;
  const bool first = p.add != WN_ADD_BEFORE;
  a.x = in->Add("x", size.x, first ? kSummed : kRead);
  if (p.add != WN_ADD_NONE) a.residual = in->Add("residual", size.x, kRead);
  a.gamma = in->Add("gamma", size.param, kRead);
  a.beta = in->Add("beta", size.param, kRead);
  a.y = in->Add("y", size.y, kWritten);
  if (!first && train) a.sum = in->Add("sum", size.x, kWritten);
  if (train && c.saved) {
    if (p.kind != WN_RMS) a.mean = in->Add("mean", size.stats, kWritten);
    a.rstd = in->Add("rstd", size.stats, kWritten);
  }
  if (c.masked)
    a.mask = static_cast<uint8_t *>(in->Add("mask", static_cast<std::int64_t>(wn_plan_mask(plan)), kWritten));
  if (HasRunning(p)) {
    a.running_mean = in->Add("running_mean", size.real, train ? kBoth : kRead);
    a.running_var = in->Add("running_var", size.real, train ? kBoth : kRead);
  }
  return (train ? wn_train : wn_infer)(plan, &a, work, work_bytes, nullptr);
}

wn_status Backward(const TrafficCase &c, const wn_plan *plan, Arguments *in, void *work, std::size_t work_bytes) {
  const Sizes size(c, *plan);
  const wn_problem &p = c.problem;
  const bool frozen = c.pass == WN_BACKWARD_FROZEN;
  wn_backward_args a = WN_BACKWARD_INIT;
  a.x = in->Add("x", size.x, kSummed);
  a.dy = in->Add("dy", size.dy, kSummed);
  const bool signs = p.act != WN_ACT_NONE && !c.masked;
  if (p.add == WN_ADD_AFTER && signs) a.residual = in->Add("residual", size.x, kSummed);
  if (p.add == WN_ADD_BEFORE) a.dsum = in->Add("dsum", size.x, kRead);
  if (c.masked)
    a.mask = static_cast<uint8_t *>(in->Add("mask", static_cast<std::int64_t>(wn_plan_mask(plan)), kSummed));
  a.gamma = in->Add("gamma", size.param, kRead);
  if (signs) a.beta = in->Add("beta", size.param, kRead);
  if (frozen) {
    a.running_mean = in->Add("running_mean", size.real, kRead);
    a.running_var = in->Add("running_var", size.real, kRead);
  } else {
    if (p.kind != WN_RMS) a.mean = in->Add("mean", size.stats, kRead);
    a.rstd = in->Add("rstd", size.stats, kRead);
  }
  a.dx = in->Add("dx", size.x, kWritten);
  if (p.add == WN_ADD_AFTER) a.dresidual = in->Add("dresidual", size.x, kWritten);
  a.dgamma = in->Add("dgamma", size.grad, kWritten);
  a.dbeta = in->Add("dbeta", size.grad, kWritten);
  return (frozen ? wn_backward_frozen : wn_backward)(plan, &a, work, work_bytes, nullptr);
}

void Collect(Arguments *in, const void *work, MeasuredTraffic *to) {
  for (const Counts &launch : counts()) {
    to->barriers += launch.barriers;
    for (const Traffic &t : launch.traffic) {
      if (t.allocation == work) {
        to->partial += t.sectors_written;
        to->partial_fetched += t.sectors_fetched;
      }
      for (Arguments::Item &item : in->items()) {
        if (item.pointer != t.allocation) continue;
        item.traffic.read += t.sectors_read;
        item.traffic.again += t.sectors_again;
        item.traffic.fetched += t.sectors_fetched;
        item.traffic.written += t.sectors_written;
      }
    }
  }
  for (const Arguments::Item &item : in->items()) to->tensors.push_back(item.traffic);
}

}  // namespace

std::string TrafficCase::Name() const {
  std::string name = wni_kind_name(problem.kind);
  name += problem.x == 1 ? "" : problem.layout == WN_NCX ? " NCX" : " NXC";
  name += " " + shape + " " + wni_dtype_name(problem.x_type);
  if (problem.y_type != WN_DTYPE_DEFAULT) name += std::string(" to ") + wni_dtype_name(problem.y_type);
  if (problem.add != WN_ADD_NONE) name += problem.add == WN_ADD_BEFORE ? ", added before" : ", added after";
  if (problem.act != WN_ACT_NONE) name += std::string(", ") + ActName(problem.act);
  if (masked) name += ", mask";
  return name + ", " + wni_pass_name(pass);
}

std::int64_t MeasuredTraffic::Least() const {
  std::int64_t sum = 0;
  for (const TensorTraffic &t : tensors) sum += t.sectors() * ((t.reads ? 1 : 0) + (t.writes ? 1 : 0));
  return sum;
}

std::int64_t MeasuredTraffic::Fetched() const {
  std::int64_t sum = 0;
  for (const TensorTraffic &t : tensors) sum += t.fetched;
  return sum;
}

std::int64_t MeasuredTraffic::Written() const {
  std::int64_t sum = 0;
  for (const TensorTraffic &t : tensors) sum += t.written;
  return sum;
}

MeasuredTraffic Measure(const TrafficCase &c) {
  MeasuredTraffic m;
  set_devices({PartOf(DeviceNamed(c.device), c.part)});
  set_seed(1);
  wn_device *device = nullptr;
  EXPECT_EQ(wn_device_open(&device, WN_CUDA, 0), WN_OK) << wn_last_error();
  wn_problem p = c.problem;
  p.n = c.n;
  p.c = c.c;
  p.x = c.x;
  wn_plan *plan = nullptr;
  EXPECT_EQ(wn_plan_create(&plan, device, &p), WN_OK) << wn_last_error();
  if (plan == nullptr) return m;
  const std::size_t bytes = wn_plan_workspace(plan, c.pass);
  void *work = nullptr;
  if (bytes > 0) {
    EXPECT_EQ(cudaMalloc(&work, bytes), cudaSuccess);
  }
  {
    Arguments in;
    const bool forward = c.pass == WN_TRAIN || c.pass == WN_INFER;
    m.cache = wni_figures_of(device)->l2_bytes * 2 / 3;
    set_cache(static_cast<std::size_t>(m.cache));
    set_counting(true);
    EXPECT_EQ((forward ? Forward : Backward)(c, plan, &in, work, bytes), WN_OK) << wn_last_error();
    set_counting(false);
    set_cache(0);
    for (const Report &r : reports()) ADD_FAILURE() << describe(r);
    Collect(&in, work, &m);
  }
  const wni_plan_input input = wni_plan_input_make(&plan->problem, c.pass, c.n);
  wni_cuda_plan choice;
  wni_plan_cuda(&input, wni_figures_of(device), &choice);
  const wni_cuda_launch &first = choice.launch[0];
  const std::string scope = wni_cuda_scope_name(first.function, first.variant);
  m.kernel = wni_cuda_function_name(first.function) + (scope.empty() ? "" : " " + scope);
  m.announced = wni_cuda_count(&input, wni_figures_of(device), &choice, c.masked);
  char text[256];
  EXPECT_EQ(wn_plan_explain(plan, c.pass, text, sizeof text), WN_OK);
  m.explained = text;
  if (work != nullptr) {
    EXPECT_EQ(cudaFree(work), cudaSuccess);
  }
  wn_plan_destroy(plan);
  wn_device_close(device);
  reset();
  return m;
}

}  // namespace wn::simt
