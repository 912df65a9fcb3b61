// A C++ program that uses an installed warpnorm: handles in unique_ptr, statuses as exceptions. RMS norm of two rows.
#include <warpnorm.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

void check(wn_status status) {
  if (status != WN_OK) throw std::runtime_error(std::string(wn_status_text(status)) + ": " + wn_last_error());
}

struct CloseDevice {
  void operator()(wn_device *device) const { wn_device_close(device); }
};
struct DestroyPlan {
  void operator()(wn_plan *plan) const { wn_plan_destroy(plan); }
};
using Device = std::unique_ptr<wn_device, CloseDevice>;
using Plan = std::unique_ptr<wn_plan, DestroyPlan>;

struct FreeBuffer {
  wn_device *device;
  void operator()(void *buffer) const { wn_buffer_free(device, buffer, nullptr); }
};
using Buffer = std::unique_ptr<void, FreeBuffer>;

Buffer make_buffer(const Device &device, size_t bytes) {
  void *buffer = nullptr;
  check(wn_buffer_alloc(device.get(), &buffer, bytes, nullptr));
  return Buffer(buffer, FreeBuffer{device.get()});
}

std::vector<float> normalize(const std::vector<float> &x, int64_t channels) {
  wn_device *opened = nullptr;
  check(wn_device_open(&opened, WN_AUTO, 0));
  const Device device(opened);

  wn_problem problem = WN_PROBLEM_INIT;
  problem.kind = WN_RMS;
  problem.n = static_cast<int64_t>(x.size()) / channels;
  problem.c = channels;
  wn_plan *created = nullptr;
  check(wn_plan_create(&created, device.get(), &problem));
  const Plan plan(created);

  const size_t bytes = x.size() * sizeof(float);
  const size_t work_bytes = wn_plan_workspace(plan.get(), WN_INFER);
  const Buffer device_x = make_buffer(device, bytes);
  const Buffer device_y = make_buffer(device, bytes);
  const Buffer work = make_buffer(device, work_bytes);
  check(wn_buffer_write(device.get(), device_x.get(), x.data(), bytes, nullptr));

  wn_forward_args args = WN_FORWARD_INIT;
  args.x = device_x.get();
  args.y = device_y.get();
  check(wn_infer(plan.get(), &args, work.get(), work_bytes, nullptr));

  std::vector<float> y(x.size());
  check(wn_buffer_read(device.get(), y.data(), device_y.get(), bytes, nullptr));
  check(wn_stream_wait(device.get(), nullptr));
  return y;
}

}  // namespace

int main() {
  try {
    const std::vector<float> y = normalize({1, 2, 3, 4, 2, 0, 0, 0}, 4);
    std::printf("warpnorm %d\n", wn_version());
    for (size_t row = 0; row < y.size(); row += 4) {
      std::printf("%.3f %.3f %.3f %.3f\n", y[row], y[row + 1], y[row + 2], y[row + 3]);
    }
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
