// The machine that a test runs on: WN_TEST_BACKEND names it, cpu (when it is not set) or cuda.
#ifndef WN_MLP_MACHINE_H
#define WN_MLP_MACHINE_H
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

extern "C" {
#include "machine.h"
}

namespace wn {

inline wn_backend backend_under_test() {
  const char *const name = std::getenv("WN_TEST_BACKEND");
  return name != nullptr && name == std::string("cuda") ? WN_CUDA : WN_CPU;
}

inline bool open_machine(machine *m, fault *f) { return machine_open(m, backend_under_test(), 0, 1, f); }

// A machine, and tensors on it, which are given back with it.
class MachineTest : public testing::Test {
 protected:
  void SetUp() override {
    fault f = {};
    ASSERT_TRUE(open_machine(&m_, &f)) << f.text;
    memory_.on = &m_;
  }
  void TearDown() override {
    buffers_release(&memory_);
    machine_close(&m_);
  }

  template <class T>
  T *room(size_t count) {
    fault f = {};
    auto *const p = static_cast<T *>(buffers_take(&memory_, static_cast<int64_t>(count), sizeof(T), &f));
    EXPECT_NE(p, nullptr) << f.text;
    return p;
  }

  template <class T>
  T *put(const std::vector<T> &values) {
    fault f = {};
    T *const p = room<T>(values.size());
    EXPECT_TRUE(machine_write(&m_, p, values.data(), static_cast<int64_t>(values.size() * sizeof(T)), &f)) << f.text;
    return p;
  }

  template <class T>
  std::vector<T> get(const T *p, size_t count) {
    fault f = {};
    std::vector<T> values(count);
    EXPECT_TRUE(machine_read(&m_, values.data(), p, static_cast<int64_t>(count * sizeof(T)), &f)) << f.text;
    return values;
  }

  machine m_ = {};
  buffers memory_ = {};
};

}  // namespace wn
#endif
