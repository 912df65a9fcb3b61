#include "small_batch.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/device_memory.h"
#include "tests/types.h"

namespace wn::test {
namespace {

void Require(wn_status status, const char *what) {
  if (status == WN_OK) return;
  std::fprintf(stderr, "%s: %s\n", what, wn_last_error());
  std::abort();
}

}  // namespace

wn_problem SmallProblem() {
  wn_problem p = WN_PROBLEM_INIT;
  p.kind = WN_BATCH;
  p.n = 8;
  p.c = 3;
  p.x = 2;
  return p;
}

SmallBatch::SmallBatch(const wn_comm &comm, const wn_problem &p) : problem_(p) {
  Require(wn_plan_create_sync(&plan_, TestDevice(), &p, &comm), "wn_plan_create_sync");
  const Types types(p);
  const auto elements = static_cast<std::size_t>(p.n * p.c * p.x), channels = static_cast<std::size_t>(p.c);
  for (const char *const tensor : {"x", "y", "dy", "dx"}) Add(tensor, elements * TypeBytes(p.x_type));
  for (const char *const vector : {"mean", "rstd", "running_mean", "running_var", "dgamma", "dbeta"})
    Add(vector, channels * TypeBytes(types.real));
  Add("batches_seen", sizeof(std::int64_t));
  Add("work", std::max({wn_plan_workspace(plan_, WN_TRAIN), wn_plan_workspace(plan_, WN_BACKWARD)}));
  std::vector<double> x(elements);
  for (std::size_t i = 0; i < elements; i++) x[i] = static_cast<double>((i * 7 + 3) % 5) + comm.rank;
  const std::vector<std::uint8_t> packed = Pack(p.x_type, x);
  for (const char *const input : {"x", "dy"})
    Require(wn_buffer_write(TestDevice(), At(input), packed.data(), packed.size(), nullptr), "wn_buffer_write");
}

SmallBatch::~SmallBatch() {
  for (const auto &[name, buffer] : buffers_)
    Require(wn_buffer_free(TestDevice(), buffer.memory, nullptr), "wn_buffer_free");
  wn_plan_destroy(plan_);
}

void SmallBatch::Add(const std::string &name, std::size_t bytes) {
  buffers_[name].bytes = bytes;
  Require(wn_buffer_alloc(TestDevice(), &buffers_[name].memory, bytes, nullptr), "wn_buffer_alloc");
  Clear(name);
}

void SmallBatch::Clear(const std::string &name) {
  const std::vector<std::uint8_t> zeros(buffers_.at(name).bytes);
  Require(wn_buffer_write(TestDevice(), At(name), zeros.data(), zeros.size(), nullptr), "wn_buffer_write");
}

std::vector<float> SmallBatch::Read(const std::string &name) const {
  const Buffer &b = buffers_.at(name);
  std::vector<float> values(b.bytes / sizeof(float));
  Require(wn_buffer_read(TestDevice(), values.data(), b.memory, b.bytes, nullptr), "wn_buffer_read");
  Require(wn_stream_wait(TestDevice(), nullptr), "wn_stream_wait");
  return values;
}

wn_status SmallBatch::TrainWithout(const std::string &argument, std::int64_t n) {
  const auto at = [&](const char *name) { return argument == name ? nullptr : At(name); };
  wn_forward_args a = WN_FORWARD_INIT;
  a.n = n;
  a.x = at("x");
  a.y = at("y");
  a.mean = at("mean");
  a.rstd = at("rstd");
  a.running_mean = at("running_mean");
  a.running_var = at("running_var");
  if ((problem_.flags & WN_RUNNING_CUMULATIVE) != 0) a.batches_seen = static_cast<std::int64_t *>(at("batches_seen"));
  return wn_train(plan_, &a, at("work"), buffers_.at("work").bytes, stream_);
}

wn_status SmallBatch::Back(std::int64_t n, bool wanted) {
  wn_backward_args a = WN_BACKWARD_INIT;
  a.n = n;
  a.x = At("x");
  a.dy = At("dy");
  a.mean = At("mean");
  a.rstd = At("rstd");
  if (wanted) {
    a.dx = At("dx");
    a.dgamma = At("dgamma");
    a.dbeta = At("dbeta");
  }
  return wn_backward(plan_, &a, At("work"), buffers_.at("work").bytes, stream_);
}

}  // namespace wn::test
